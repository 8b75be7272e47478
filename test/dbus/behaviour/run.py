#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Run the programs of the behaviour suite with the stock library and ours, and compare.

Each program runs twice, with the one or the other libdbus-1.so.3 in LD_LIBRARY_PATH. A case is
good when it passes with both and has written the same transcript, or when exceptions.txt says why
it may not. Without --our-library the programs are held against the stock library alone.

Prints TAP with a line for each case, a diff below those that differ, and the sum as the last line.
The exit status is 0 when nothing failed, 1 when something did, 77 when there is no stock library.
"""

from __future__ import annotations

import argparse
import difflib
import fnmatch
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from normalise import normalised  # noqa: E402

SKIPPED = 77
SONAME = "libdbus-1.so.3"
PASS, FAIL, SKIP, CRASH, MISSING = "pass", "FAIL", "skip", "crash", "missing"
PREFIX = "behaviour-"

_RESULT = re.compile(r"^(not )?ok \d+ (/\S*)(.*)$")
_SUITE = re.compile(r"# (Start|End) of .* tests$")
_SKIP = re.compile(r"#\s*skip\b\s*(.*)", re.IGNORECASE)


@dataclass
class Seen:
    """What one library made of one case."""

    outcome: str = MISSING
    messages: list[str] = field(default_factory=list)
    transcript: list[str] = field(default_factory=list)


@dataclass
class Run:
    """What one library made of a program."""

    cases: dict[str, Seen] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)

    def case(self, path: str) -> Seen:
        """The case of that name, which may be new."""
        return self.cases.setdefault(path, Seen())


# For programs that were built with sanitizers. Some cases want to see that far too much memory is
# refused.
CHECKERS = {"ASAN_OPTIONS": ("allocator_may_return_null=1",),
            "TSAN_OPTIONS": ("allocator_may_return_null=1",)}
# What the stock library leaks, and how it locks, is not for us to mend.
LENIENT = {"ASAN_OPTIONS": (*CHECKERS["ASAN_OPTIONS"], "detect_leaks=0"),
           "TSAN_OPTIONS": (*CHECKERS["TSAN_OPTIONS"], "report_bugs=0")}


class Library:
    """A library to run programs with."""

    def __init__(self, name: str, directory: Path, wrap: str, timeout: float) -> None:
        self.name = name
        self.directory = directory.resolve()
        self.wrap = shlex.split(wrap)
        self.timeout = timeout
        self.checkers = LENIENT if name == "stock" else CHECKERS

    def environment(self) -> dict[str, str]:
        """The environment of a program that is to find this library."""
        # GLib would keep blocks, and hand them on from thread to thread unseen by checkers.
        environment = {**os.environ, "LD_LIBRARY_PATH": str(self.directory),
                       "G_SLICE": "always-malloc"}
        for name, options in self.checkers.items():
            environment[name] = ":".join(filter(None, (os.environ.get(name), *options)))
        return environment

    def is_used_by(self, program: Path) -> bool:
        """Whether the dynamic linker agrees that it is this library that the program gets."""
        text = subprocess.run(["ldd", program], env=self.environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False).stdout
        found = re.search(rf"{re.escape(SONAME)} => (\S+)", text)
        return bool(found) and Path(found[1]).resolve().parent == self.directory

    def run(self, program: Path) -> Run:
        """All cases. Where threads share a connection, the stock library hangs now and then."""
        result = self._run_all(program)
        if self.name == "stock" and result.trouble:
            result = self._run_all(program)
        return result

    def _run_all(self, program: Path) -> Run:
        """All cases. Those that a crash has left out get a process each."""
        result = Run()
        if not self.is_used_by(program):
            result.trouble.append(f"does not load {self.directory}/{SONAME}")
            return result
        paths = self._list(program)
        for path in paths:
            result.case(path)
        self._run(program, [], result)
        for path in paths:
            if result.cases[path].outcome == MISSING:
                self._run(program, ["-p", path], result, path)
        if any(case.outcome == CRASH for case in result.cases.values()):
            # That is whose trouble it was.
            result.trouble.clear()
        return result

    def _list(self, program: Path) -> list[str]:
        text = subprocess.run([program, "-l"], env=self.environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False).stdout
        return [line for line in text.splitlines() if line.startswith("/")]

    def _run(self, program: Path, options: list[str], result: Run, only: str = "") -> None:
        """Run the program, all of it or one case, and add to the result."""
        with tempfile.TemporaryDirectory(prefix="dbus-run-") as directory:
            transcript = Path(directory) / "transcript"
            environment = {**self.environment(), "TEST_TRANSCRIPT": str(transcript)}
            out, trouble = self._wait([*self.wrap, str(program), "--tap", *options], environment,
                                      Path(directory))
            notes = (transcript.read_text(encoding="utf-8", errors="backslashreplace")
                     if transcript.exists() else "")
        finished = read_tap(out, result)
        if only:
            # Under -p, GTest takes the cases below that one for meant, too.
            finished &= {only}
            if only not in finished:
                result.case(only).outcome = CRASH
                result.case(only).messages = trouble or ["ended too early"]
                finished = {only}
        for line in notes.splitlines():
            path, _, text = line.partition("\t")
            if path in finished:
                result.case(path).transcript.append(text)
        if trouble and not only:
            result.trouble += trouble

    def _wait(self, command: list[str], environment: dict[str, str],
              directory: Path) -> tuple[str, list[str]]:
        """Standard output, and what went wrong with the program as such. Output goes to files:
        children that outlive the program would keep a pipe open."""
        with open(directory / "out", "w+b") as out, open(directory / "err", "w+b") as err:
            with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=err, start_new_session=True) as process:
                try:
                    code = process.wait(self.timeout)
                    status = ending(code)
                except subprocess.TimeoutExpired:
                    status = f"still running after {self.timeout:.0f} s"
                    os.killpg(process.pid, signal.SIGKILL)
            out.seek(0)
            err.seek(0)
            text = out.read().decode("utf-8", "backslashreplace")
            if not status or (status.startswith("exit") and "\nnot ok" in text):
                # By its exit status GTest says that cases have failed, which is known already.
                return text, []
            tail = err.read().decode("utf-8", "backslashreplace").splitlines()[-30:]
        return text, [status, *(f"stderr: {line}" for line in tail)]


def ending(code: int) -> str:
    """How a program ended, in words; "" if it was well."""
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"exit status {code}" if code else ""


def read_tap(text: str, result: Run) -> set[str]:
    """Add what a program's output says of its cases. Returns the cases that were finished."""
    finished = set()
    messages: list[str] = []
    for line in text.splitlines():
        match = _RESULT.match(line)
        if not match:
            if line.startswith("#") and not _SUITE.match(line):
                messages.append(line[1:].strip())
            continue
        seen = result.case(match[2])
        skip = _SKIP.search(match[3])
        seen.outcome = FAIL if match[1] else SKIP if skip else PASS
        seen.messages = messages if match[1] else [skip[1]] if skip else []
        if match[1] and match[3].strip():
            seen.messages.append(match[3].strip(" -"))
        messages = []
        finished.add(match[2])
    return finished


@dataclass
class Exceptions:
    """The cases that may differ, and why."""

    pairs: list[tuple[str, str]]
    used: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path) -> Exceptions:
        """A pattern and a reason a line, two blanks or more between them."""
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        wanted = (line for line in lines if line.strip() and not line.startswith("#"))
        return cls([(pattern, reason) for pattern, reason in
                    (re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in wanted)])

    def reason(self, name: str) -> str:
        """Why a case may differ; "" if it may not."""
        for pattern, reason in self.pairs:
            if fnmatch.fnmatchcase(name, pattern):
                self.used.add(pattern)
                return reason
        return ""


class Report:
    """Prints the cases and counts them."""

    def __init__(self, exceptions: Exceptions, show: bool) -> None:
        self.exceptions = exceptions
        self.show = show
        self.counts = {PASS: 0, FAIL: 0, SKIP: 0}

    def line(self, name: str, verdict: str, note: str, comments: list[str]) -> None:
        """One TAP line, and comments below it."""
        self.counts[verdict] += 1
        word = "not ok" if verdict == FAIL else "ok"
        end = f" # SKIP {note}" if verdict == SKIP else f" ({note})" if note else ""
        print(f"{word} {sum(self.counts.values())} - {name}{end}")
        for comment in comments:
            print(f"#   {comment}")
        sys.stdout.flush()

    def program(self, name: str, stock: Run, ours: Run | None) -> None:
        """All cases of a program."""
        for which, run in (("stock", stock), ("ours", ours)):
            if run and run.trouble:
                self.line(f"{name}: as a whole, {which}", FAIL, "", run.trouble)
        paths = list(stock.cases) + [path for path in ours.cases if path not in stock.cases] \
            if ours else list(stock.cases)
        for path in paths:
            self.case(f"{name}: {path}", stock.cases.get(path, Seen()),
                      ours.cases.get(path, Seen()) if ours else None)

    def case(self, name: str, stock: Seen, ours: Seen | None) -> None:
        """One case, with what both libraries made of it."""
        comments = [f"stock: {message}" for message in stock.messages]
        note = f"stock {stock.outcome}"
        good = stock.outcome in (PASS, SKIP)
        if ours:
            old, new = normalised(stock.transcript), normalised(ours.transcript)
            comments += [f"ours: {message}" for message in ours.messages]
            note += f", ours {ours.outcome}, {len(old)} notes"
            if old != new:
                note += " differ"
                comments += difflib.unified_diff(old, new, "stock", "ours", lineterm="", n=3)
            good = good and ours.outcome == stock.outcome and old == new
        if self.show:
            comments += normalised(stock.transcript)
        if good:
            skipped = stock.outcome == SKIP
            self.line(name, SKIP if skipped else PASS,
                      stock.messages[0] if skipped and stock.messages else note,
                      comments if self.show else [])
        elif (ours and stock.outcome == PASS and ours.outcome in (PASS, FAIL)
              and (reason := self.exceptions.reason(name))):
            self.line(name, SKIP, f"differs: {reason}", [])
        else:
            self.line(name, FAIL, note, comments)


def programs(directory: Path, only: str) -> list[Path]:
    """The programs of the suite that were built."""
    return [path for path in sorted(directory.glob(f"{PREFIX}*"))
            if os.access(path, os.X_OK) and path.is_file() and
            fnmatch.fnmatchcase(path.name[len(PREFIX):], only)]


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stock-library", type=Path, required=True, metavar="DIR",
                        help="directory of the stock libdbus-1.so.3")
    parser.add_argument("--our-library", type=Path, metavar="DIR",
                        help="directory of ours; none: look at the stock one alone")
    parser.add_argument("--programs", type=Path, required=True, metavar="DIR",
                        help="directory of the built programs")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="programs to run")
    parser.add_argument("--show", action="store_true", help="print the transcripts, too")
    parser.add_argument("--wrap", default="", metavar="COMMAND",
                        help="run the programs with our library under this command")
    parser.add_argument("--timeout", type=float, default=180, metavar="SECONDS",
                        help="for a run of a program (default: 180)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    return parser.parse_args()


def main() -> int:
    """Run and report."""
    args = options()
    if not (args.stock_library / SONAME).exists():
        print(f"1..0 # SKIP no {SONAME} in {args.stock_library}")
        return SKIPPED
    if not shutil.which("ldd"):
        print("1..0 # SKIP no ldd")
        return SKIPPED
    found = programs(args.programs, args.only)
    stock = Library("stock", args.stock_library, "", args.timeout)
    ours = args.our_library and Library("ours", args.our_library, args.wrap, args.timeout)
    exceptions = Exceptions.read(HERE / "exceptions.txt")
    report = Report(exceptions, args.show)
    with ThreadPoolExecutor(args.jobs) as pool:
        started = [(path, pool.submit(stock.run, path), ours and pool.submit(ours.run, path))
                   for path in found]
        for path, old, new in started:
            report.program(path.name[len(PREFIX):], old.result(), new.result() if new else None)
    if ours and args.only == "*":
        for pattern, _ in exceptions.pairs:
            if pattern not in exceptions.used:
                print(f"# exceptions.txt: nothing differs any more: {pattern}")
    print(f"1..{sum(report.counts.values())}")
    print(f"{report.counts[PASS]} passed, {report.counts[FAIL]} failed, "
          f"{report.counts[SKIP]} skipped")
    return 1 if report.counts[FAIL] or not found else 0


if __name__ == "__main__":
    sys.exit(main())
