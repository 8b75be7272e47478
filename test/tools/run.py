#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run each of our tools beside the stock tool of the same name, and compare what they say and do.

Both get the same arguments, on the same kind of private bus: the stock daemon, and ours when it is
given. With --by-daemons the stock tools are run twice instead, on the stock daemon and on ours.
Prints TAP, with a diff where the two differ, and the totals. The exit status is 0 when all are equal,
1 when not, 77 when there are no stock tools to compare with.
"""

from __future__ import annotations

import argparse
import difflib
import fnmatch
import functools
import importlib
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from normalise import Normaliser  # noqa: E402
from side import CASES, Case, Side, Trouble  # noqa: E402

SKIPPED = 77
STOCK_DAEMON = "/usr/bin/dbus-daemon"
WRAP = str(HERE / "with_daemon.py")
# The modules of tools that start a daemon themselves.
STARTERS = ("display", "launch", "run_session")


class Contestant(NamedTuple):
    """Tools, and the daemon that they are run with."""

    what: str
    tools: Path
    daemon: str
    # Tools find it in the place of the stock one.
    takes_place: bool = False


class Comparison(NamedTuple):
    """A case for two of them."""

    case: Case
    label: str
    stock: Contestant
    ours: Contestant

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.case.name} {self.label}" if self.label else self.case.name

    @property
    def same_bus(self) -> bool:
        """Whether only the tools differ."""
        return self.stock.daemon == self.ours.daemon

    @property
    def meant(self) -> str:
        """Why the two may differ; "" if they may not."""
        return exception_for(self.case.name) if self.same_bus else ""


class Result(NamedTuple):
    """The outcome of one comparison."""

    name: str
    verdict: str
    text: str
    seconds: float


def record(case: Case, contestant: Contestant, serials: bool,
           directory: Path) -> tuple[list[str], str]:
    """Run on one side. Returns the transcript and what went wrong, if something did."""
    side = Side(contestant.tools, contestant.daemon, directory)
    if contestant.takes_place:
        side.prefix = [sys.executable, "-B", WRAP, contestant.daemon, "--"]
    problem = ""
    try:
        case.run(side)
    except (Trouble, subprocess.TimeoutExpired) as exc:
        problem = f"{type(exc).__name__}: {exc}"
    except Exception:  # pylint: disable=broad-except
        problem = traceback.format_exc()
    finally:
        side.close()
    if problem:
        side.log("!! the case failed")
        problem += "".join(f"\n{path.name}: {path.read_bytes()[-2000:]!r}"
                           for path in sorted(directory.glob("err*")))
    return Normaliser(side.hidden, serials).lines(side.transcript), problem


@functools.cache
def exceptions() -> list[tuple[str, str]]:
    """Patterns of cases that may differ, each with the reason."""
    lines = (HERE / "exceptions.txt").read_text(encoding="utf-8").splitlines()
    pairs = (re.split(r"\s{2,}", line, maxsplit=1) for line in lines
             if line and not line.startswith("#"))
    return [(pattern, reason) for pattern, reason in pairs]


def exception_for(name: str) -> str:
    """Why a case may differ; "" if it may not."""
    return next((reason for pattern, reason in exceptions() if fnmatch.fnmatchcase(name, pattern)),
                "")


@functools.cache
def no_place() -> str:
    """Why no daemon can be in the place of the stock one; "" if one can."""
    done = subprocess.run([sys.executable, "-B", WRAP, STOCK_DAEMON, "--", "/bin/true"],
                          check=False, stderr=subprocess.DEVNULL)
    return "" if done.returncode == 0 else "cannot put a daemon in the place of the stock one"


def compare(item: Comparison, options: argparse.Namespace) -> Result:
    """Run one case on both sides."""
    start = time.monotonic()
    missing = item.case.missing() or (item.ours.takes_place and no_place())
    if missing:
        return Result(item.name, "skip", missing, 0.0)
    top = Path(tempfile.mkdtemp(prefix="tools-test-"))
    try:
        stock, stock_problem = record(item.case, item.stock, item.same_bus, top / "a")
        ours, our_problem = record(item.case, item.ours, item.same_bus, top / "b")
    finally:
        shutil.rmtree(top, ignore_errors=True)
    text = ""
    if stock_problem:
        text += f"with {item.stock.what}: {stock_problem}\n"
    if our_problem:
        text += f"with {item.ours.what}: {our_problem}\n"
    meant = item.meant
    if stock != ours:
        text += "\n".join(difflib.unified_diff(stock, ours, "stock", "ours", lineterm="", n=4))
    elif meant and not text:
        text = f"does not differ any more, though it may: {meant}"
        meant = ""
    if text and meant and not our_problem:
        return Result(item.name, "skip", f"differs: {meant}", time.monotonic() - start)
    verdict = "not ok" if text else "ok"
    if options.show:
        text = "\n".join(["transcript:", *stock, text])
    return Result(item.name, verdict, text, time.monotonic() - start)


_OPTIONS = argparse.Namespace()
_ITEMS: list[Comparison] = []


def _compare_by_index(index: int) -> Result:
    return compare(_ITEMS[index], _OPTIONS)


def report(result: Result, number: int, options: argparse.Namespace) -> None:
    """Print one TAP line, and the text below it as comments."""
    suffix = f" # SKIP {result.text}" if result.verdict == "skip" else ""
    word = "ok" if result.verdict == "skip" else result.verdict
    took = f" ({result.seconds:.1f} s)" if options.times else ""
    print(f"{word} {number} - {result.name}{suffix}{took}")
    if result.text and result.verdict != "skip":
        for line in result.text.rstrip().split("\n"):
            print(f"#   {line}")
    sys.stdout.flush()


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    default = HERE.parent.parent / "build" / "tools"
    parser.add_argument("--ours", type=Path, default=default, help="our tools (%(default)s)")
    parser.add_argument("--stock", type=Path, default=Path("/usr/bin"),
                        help="the tools to equal (%(default)s)")
    parser.add_argument("--daemon", default="", help="a daemon to use as well as the stock one")
    parser.add_argument("--by-daemons", action="store_true",
                        help="compare the daemons, by the stock tools")
    parser.add_argument("--jobs", "-j", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--list", action="store_true", help="only list the comparisons")
    parser.add_argument("-k", metavar="PATTERN", action="append", default=[],
                        help="only those with this text in their names")
    parser.add_argument("--part", metavar="MODULE", help="only those of cases/MODULE.py")
    parser.add_argument("--show", action="store_true", help="print the stock transcripts")
    parser.add_argument("--times", action="store_true", help="print how long each takes")
    options = parser.parse_args()
    options.ours = options.ours.resolve()
    if options.daemon:
        options.daemon = str(Path(options.daemon).resolve())
    elif options.by_daemons:
        parser.error("--by-daemons needs --daemon")
    return options


def by_tools(cases: list[Case], options: argparse.Namespace) -> list[Comparison]:
    """Stock tools and ours, on each of the daemons if they need one."""
    daemons = {"on stock": STOCK_DAEMON}
    if options.daemon:
        daemons["on ours"] = options.daemon
    return [Comparison(entry, label if entry.on_bus else "",
                       Contestant("the stock tool", options.stock, daemon),
                       Contestant("our tool", options.ours, daemon))
            for entry in cases for label, daemon in daemons.items()
            if entry.on_bus or daemon == STOCK_DAEMON]


def by_daemons(cases: list[Case], options: argparse.Namespace) -> list[Comparison]:
    """Stock tools on the stock daemon and on ours, where one has to do with the other."""
    return [Comparison(entry, "by stock tools", *(
                Contestant(what, options.stock, daemon, takes_place=not entry.on_bus)
                for what, daemon in (("the stock daemon", STOCK_DAEMON),
                                     ("our daemon", options.daemon))))
            for entry in cases if entry.on_bus or entry.part in STARTERS]


def comparisons(options: argparse.Namespace) -> list[Comparison]:
    """Each case, and those on a bus on each of the daemons."""
    for path in sorted((HERE / "cases").glob("*.py")):
        if options.part in (None, path.stem):
            importlib.import_module(f"cases.{path.stem}")
    # Those of other modules are of one that a module of this part uses.
    cases = [entry for entry in CASES if options.part in (None, entry.part)]
    items = by_daemons(cases, options) if options.by_daemons else by_tools(cases, options)
    return [item for item in items
            if not options.k or any(pattern in item.name for pattern in options.k)]


def main() -> int:
    """Run everything."""
    global _OPTIONS, _ITEMS  # pylint: disable=global-statement
    options = _OPTIONS = parse_options()
    items = _ITEMS = comparisons(options)
    if options.list:
        print("\n".join(item.name for item in items))
        return 0
    for directory in (options.stock,) if options.by_daemons else (options.stock, options.ours):
        if not os.access(directory / "dbus-send", os.X_OK):
            print(f"1..0 # SKIP no {directory}/dbus-send")
            return SKIPPED if directory == options.stock else 1
    os.umask(0o022)
    print(f"1..{len(items)}", flush=True)
    counts = {"ok": 0, "not ok": 0, "skip": 0}
    with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=50) as pool:
        for number, result in enumerate(pool.imap(_compare_by_index, range(len(items))), 1):
            counts[result.verdict] += 1
            report(result, number, options)
    skipped = f", {counts['skip']} skipped" if counts["skip"] else ""
    print(f"{counts['ok']} passed, {counts['not ok']} failed{skipped}")
    return 1 if counts["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
