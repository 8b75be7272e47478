#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run unmodified programs of the distribution on our library, and on our daemon.

Each family of programs does its work once in each combination of library (stock, ours) and daemon
(stock, ours), on a bus of its own in a directory of its own. What a program does is checked, and
that it has loaded the library under test and no other. Prints TAP, then a table of all programs
with the result in each combination, then 'N passed, N failed'. The exit status is 0 when nothing
failed, 1 otherwise.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from families import FAMILIES, Family  # noqa: E402
from stage import Combination, Daemon, Failure, Library, Row, Stage  # noqa: E402

SONAME = "libdbus-1.so.3"
# Read like a book, from the simple to the large.
MODULES = ("tools", "python_dbus", "bindings", "qt", "avahi", "bluetooth", "network",
           "accessibility", "sound", "services")


class Result(NamedTuple):
    """What became of one family in one combination."""

    family: str
    combination: str
    rows: list[Row]
    skipped: str
    seconds: float


class Job(NamedTuple):
    """One family, by its index, in one combination."""

    index: int
    combination: Combination
    top: Path
    keep: bool


def stock_library() -> str:
    """The directory of the library that programs load by themselves."""
    text = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True,
                          check=True).stdout
    for line in text.splitlines():
        if line.strip().startswith(f"{SONAME} "):
            return str(Path(line.split("=>")[1].strip()).parent)
    return ""


def find_library(name: str, directory: str, top: Path) -> Library | None:
    """The library in a directory, linked into one where there is nothing else to load."""
    path = Path(directory) / SONAME
    if not directory or not path.exists():
        return None
    alone = top / f"lib-{name}"
    alone.mkdir()
    alone.chmod(0o755)
    (alone / SONAME).symlink_to(path.resolve())
    return Library(name, path.resolve(), alone)


def build_samples(families: Iterable[Family], directory: Path) -> dict[str, str]:
    """Compile all small programs. Returns what the compiler said to those that failed."""
    directory.mkdir()
    directory.chmod(0o755)
    samples = {sample for family in families for sample in family.samples}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        said = pool.map(lambda sample: (sample.name, sample.build(directory)), samples)
        return {name: text for name, text in said if text}


def play(job: Job) -> Result:
    """Run one family in one combination."""
    family = FAMILIES[job.index]
    start = time.monotonic()
    missing = family.missing()
    if missing:
        return Result(family.name, str(job.combination), [], missing, 0.0)
    directory = Path(tempfile.mkdtemp(prefix=f"{family.name}-", dir=job.top))
    stage = Stage(job.combination, directory, job.top / "samples")
    problem = ""
    try:
        stage.start_bus()
        family.play(stage)
    except Failure as failure:
        problem = str(failure)
    except Exception:  # pylint: disable=broad-except
        problem = traceback.format_exc()
    finally:
        stage.finish()
    if problem:
        stage.check("(all)", "the family comes to its end", False, problem)
    if not job.keep:
        shutil.rmtree(directory, ignore_errors=True)
    return Result(family.name, str(job.combination), stage.rows, "", time.monotonic() - start)


class Report:
    """Counts and prints results as they come, and the table at the end."""

    def __init__(self, combinations: list[Combination], times: bool) -> None:
        self.names = [str(combination) for combination in combinations]
        self.times = times
        self.number = self.passed = self.failed = self.skipped = 0
        # (family, program, what) -> combination -> what came of it
        self.table: dict[tuple[str, str, str], dict[str, str]] = {}

    def line(self, word: str, text: str, note: str = "") -> None:
        """One TAP line, with a note as comments below it."""
        self.number += 1
        print(f"{word} {self.number} - {text}")
        for line in note.splitlines():
            print(f"#   {line}")

    def add(self, result: Result) -> None:
        """Count what a family did in one combination."""
        if result.skipped:
            self.line("ok", f"{result.combination}: {result.family} # SKIP {result.skipped}")
            self.skipped += 1
            key = (result.family, "(all)", f"skipped: {result.skipped}")
            self.table.setdefault(key, {})[result.combination] = "skip"
        for row in result.rows:
            cells = self.table.setdefault((result.family, row.program, row.what), {})
            if row.skipped:
                self.line("ok", f"{result.combination}: {row.program}: {row.what} # SKIP "
                          f"{row.skipped}")
                self.skipped += 1
                cells[result.combination] = "skip"
                continue
            word = "ok" if row.right else "not ok"
            self.line(word, f"{result.combination}: {row.program}: {row.what}", row.note)
            self.passed += row.right
            self.failed += not row.right
            # Where a program does a thing twice, it has to come out right twice.
            right = row.right and cells.get(result.combination, "pass") == "pass"
            cells[result.combination] = "pass" if right else "FAIL"
        if self.times:
            print(f"# {result.family}, {result.combination}: {result.seconds:.1f} s")
        sys.stdout.flush()

    def print_table(self) -> None:
        """Who did what, and the result in each combination."""
        print("\nThe columns are:")
        letters = [chr(ord("A") + index) for index in range(len(self.names))]
        for letter, name in zip(letters, self.names):
            print(f"    {letter}  {name}")
        width = max((len(what) for _, _, what in self.table), default=0)
        family = ""
        for (name, program, what), cells in self.table.items():
            if name != family:
                family = name
                print(f"\n{family:{24 + width}}  {'     '.join(letters)}")
            values = "  ".join(f"{cells.get(column, '-'):4}" for column in self.names)
            print(f"  {program:21} {what:{width}} {values.rstrip()}")
        print()

    def finish(self) -> int:
        """Print the sums. Returns the exit status."""
        print(f"1..{self.number}")
        self.print_table()
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {self.failed} failed{skipped}")
        return 1 if self.failed or not self.passed else 0


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    build = HERE.parent.parent / "build"
    parser.add_argument("--our-library", default=str(build / "dbus"), metavar="DIRECTORY",
                        help=f"where our {SONAME} is (%(default)s)")
    parser.add_argument("--stock-library", default=stock_library(), metavar="DIRECTORY",
                        help="where the stock one is (%(default)s)")
    parser.add_argument("--our-daemon", default=str(build / "bus" / "dbus-daemon"),
                        help="our daemon (%(default)s)")
    parser.add_argument("--stock-daemon", default="/usr/bin/dbus-daemon",
                        help="the stock one (%(default)s)")
    parser.add_argument("--libraries", default="stock,our", metavar="LIST",
                        help="which libraries to use: stock, our or both (%(default)s)")
    parser.add_argument("--daemons", default="stock,our", metavar="LIST",
                        help="which daemons to use: stock, our or both (%(default)s)")
    parser.add_argument("--jobs", "-j", type=int, default=2 * (os.cpu_count() or 2),
                        help="families to run at a time, which mostly wait (%(default)s)")
    parser.add_argument("-k", metavar="PATTERN", action="append", default=[],
                        help="only families with this text in their names")
    parser.add_argument("--list", action="store_true", help="only list the families")
    parser.add_argument("--times", action="store_true", help="print how long each takes")
    parser.add_argument("--keep", action="store_true", help="keep the directories, say where")
    return parser.parse_args()


def chosen_combinations(options: argparse.Namespace, top: Path) -> list[Combination] | str:
    """The combinations to run, or what is not there."""
    directories = {"stock": options.stock_library, "our": options.our_library}
    programs = {"stock": options.stock_daemon, "our": options.our_daemon}
    libraries, daemons = [], []
    for name in options.libraries.split(","):
        library = find_library(name, directories[name], top)
        if not library:
            return f"there is no {SONAME} in {directories[name] or '(nowhere)'}"
        libraries.append(library)
    for name in options.daemons.split(","):
        if not os.access(programs[name], os.X_OK):
            return f"{programs[name]} is not there"
        daemons.append(Daemon(name, os.path.abspath(programs[name])))
    return [Combination(library, daemon) for library in libraries for daemon in daemons]


def run(options: argparse.Namespace, top: Path) -> int:
    """Run everything chosen."""
    combinations = chosen_combinations(options, top)
    if isinstance(combinations, str):
        print(f"Bail out! {combinations}")
        return 1
    indices = [index for index, family in enumerate(FAMILIES)
               if not options.k or any(pattern in family.name for pattern in options.k)]
    wanted = [FAMILIES[index] for index in indices if not FAMILIES[index].missing()]
    failed = build_samples(wanted, top / "samples")
    for name, text in failed.items():
        print(f"Bail out! {name} does not compile:\n{text}")
        return 1
    jobs = [Job(index, combination, top, options.keep)
            for index in indices for combination in combinations]
    report = Report(combinations, options.times)
    with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=1) as pool:
        for result in pool.imap(play, jobs):
            report.add(result)
    return report.finish()


def main() -> int:
    """Run, print, and tell by the exit status."""
    options = parse_options()
    for name in MODULES:
        importlib.import_module(name)
    if options.list:
        for family in FAMILIES:
            print(f"{family.name:20} {family.missing()}")
        return 0
    os.umask(0o022)
    # Whoever is told to end ends what it has started, here and in the processes of the pool.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    top = Path(tempfile.mkdtemp(prefix="check-apps-", dir="/tmp"))
    top.chmod(0o755)
    try:
        return run(options, top)
    finally:
        if options.keep:
            print(f"# kept: {top}")
        else:
            shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
