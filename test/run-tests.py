#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the tests of a build folder and count their cases.

The tests are those that ctest knows. A program that prints TAP counts with each of its cases, a
suite that ends with 'N passed, N failed' with those numbers, and any other program as one case by
its exit status. Reports of sanitizers, or of valgrind with --valgrind, are failures of the test
in which they arose. The last line is the sum: 'N passed, N failed'. The exit status is 0 when
there were cases and none failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).resolve().parent))

import leftovers  # noqa: E402
import tap  # noqa: E402

SKIPPED = 77
DEFAULT_TIMEOUT = 300.0
PROGRAM_UNDER_VALGRIND = 600.0
MARK = "RUN_TESTS_MARK"
MOST_LINES = 150
SANITIZERS = ("ASAN", "LSAN", "UBSAN", "TSAN")
# What is measured, or takes too long under valgrind, where everything is thirty times slower.
NOT_UNDER_VALGRIND = r"^(bench|conformance|fuzz|package)"
# No findings: tests may ask for more memory than there can be, where they have said that they want
# NULL for it; and valgrind says what it does not know itself.
REMARKS = re.compile(r"^(==\d+==WARNING: \w+Sanitizer failed to allocate .*|--\d+-- .*)$",
                     re.MULTILINE)
VALGRIND = ("valgrind", "--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite",
            "--show-leak-kinds=definite", "--num-callers=30", "--child-silent-after-fork=no",
            # Tests that let allocations fail have a malloc() of their own, which shall be used.
            "--soname-synonyms=somalloc=nouserintercepts")
GLIB_SUPPRESSIONS = Path("/usr/share/glib-2.0/valgrind/glib.supp")


@dataclass
class Test:
    """One test of ctest's."""

    name: str
    command: list[str]
    properties: dict[str, Any]

    @property
    def serial(self) -> bool:
        """Whether nothing else may run beside it."""
        return bool(self.properties.get("RUN_SERIAL"))

    @property
    def processors(self) -> int:
        """How many processors it keeps busy."""
        return int(self.properties.get("PROCESSORS", 1))


@dataclass
class Result:
    """What became of one test. The reasons are failures that are no case's own."""

    test: Test
    cases: list[tap.Case] = field(default_factory=list)
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: list[str] = field(default_factory=list)
    output: str = ""
    seconds: float = 0.0
    late: bool = False

    def fail(self, reason: str) -> None:
        """Count one more failure."""
        self.failed += 1
        self.reasons.append(reason)

    def line(self) -> str:
        """One line on the test."""
        if self.late:
            return f"{self.test.name:40} left out: the time is over"
        words = [f"{self.passed} passed"] if self.passed else []
        words += [f"{self.failed} FAILED"] if self.failed else []
        words += [f"{self.skipped} skipped"] if self.skipped else []
        return f"{self.test.name:40} {', '.join(words) or 'nothing run':32} {self.seconds:6.1f} s"


class Processors:
    """Shares out the processors: a test waits until as many are free as it keeps busy."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.free = count
        self.condition = threading.Condition()

    def take(self, wanted: int) -> int:
        """Wait for processors. Returns how many were taken, to be given back."""
        wanted = min(wanted, self.count)
        with self.condition:
            self.condition.wait_for(lambda: self.free >= wanted)
            self.free -= wanted
        return wanted

    def give_back(self, taken: int) -> None:
        """Let others have them."""
        with self.condition:
            self.free += taken
            self.condition.notify_all()


def load_tests(build: Path) -> list[Test]:
    """Ask ctest which tests there are."""
    text = subprocess.run(["ctest", "--show-only=json-v1"], cwd=build, check=True,
                          capture_output=True, text=True).stdout
    tests = []
    for entry in json.loads(text)["tests"]:
        if "command" not in entry:
            raise SystemExit(f"{entry['name']}: not built")
        properties = {item["name"]: item["value"] for item in entry.get("properties", [])}
        if not properties.get("DISABLED"):
            tests.append(Test(entry["name"], entry["command"], properties))
    return tests


class Runner:
    """Runs tests of one build folder."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.processors = Processors(options.jobs)
        self.daemon = str(options.build / "bus" / "dbus-daemon")
        self.running: set[str] = set()

    def run(self, test: Test) -> Result:
        """Run one test, when there are processors for it."""
        taken = self.processors.take(self.processors.count if test.serial else test.processors)
        if time.time() >= self.options.until:
            self.processors.give_back(taken)
            return Result(test, skipped=1, late=True)
        directory = Path(tempfile.mkdtemp(prefix="run-tests-"))
        try:
            # Daemons under test may have changed to another user when they write a report here.
            directory.chmod(0o1777)
            return self._run_in(test, directory)
        finally:
            self.processors.give_back(taken)
            shutil.rmtree(directory, ignore_errors=True)

    def _run_in(self, test: Test, directory: Path) -> Result:
        """Run one test, with a directory for what it and its children have to report."""
        result = Result(test)
        start = time.monotonic()
        mark = uuid.uuid4().hex
        environment = self._environment(test, directory)
        environment[MARK] = mark
        timeout = float(test.properties.get("TIMEOUT", DEFAULT_TIMEOUT)) * self.options.patience
        with open(directory / "out", "w+b") as out, open(directory / "err", "w+b") as err:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                self._command(test, directory), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env=environment, cwd=test.properties.get("WORKING_DIRECTORY", self.options.build),
                start_new_session=True)
            self.running.add(mark)
            try:
                status: int | None = process.wait(timeout)
            except subprocess.TimeoutExpired:
                status = None
            leftovers.kill_marked(MARK, mark)
            process.wait()
            self.running.discard(mark)
        stdout, stderr = ((directory / name).read_text(encoding="utf-8", errors="replace")
                          for name in ("out", "err"))
        result.seconds = time.monotonic() - start
        result.output = stdout + stderr
        self._count(result, status, stdout, timeout)
        self._collect_reports(result, directory)
        return result

    def give_up(self) -> None:
        """End all that runs, and this program: somebody has lost patience."""
        for mark in list(self.running):
            leftovers.kill_marked(MARK, mark)
        os._exit(1)

    def _environment(self, test: Test, directory: Path) -> dict[str, str]:
        """The environment of a test: the caller's, the test's own, and where reports go."""
        environment = dict(os.environ)
        for name in ("DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS"):
            environment.pop(name, None)
        for assignment in test.properties.get("ENVIRONMENT", []):
            name, _, value = assignment.partition("=")
            environment[name] = value
        for sanitizer in SANITIZERS:
            name = f"{sanitizer}_OPTIONS"
            words = [environment[name]] if environment.get(name) else []
            words.append(f"log_path={directory}/report")
            if sanitizer == "UBSAN":
                words.append("print_stacktrace=1")
            if sanitizer == "LSAN":
                words.append("print_suppressions=0")
            environment[name] = ":".join(words)
        if self.options.valgrind:
            environment["G_SLICE"] = "always-malloc"
        return environment

    def _command(self, test: Test, directory: Path) -> list[str]:
        """The command of a test; with valgrind, our programs in it run under that."""
        if not self.options.valgrind:
            return test.command
        valgrind = [*VALGRIND, f"--log-file={directory}/report.%p"]
        if GLIB_SUPPRESSIONS.is_file():
            valgrind.append(f"--suppressions={GLIB_SUPPRESSIONS}")
        front = directory / "dbus-daemon"
        front.write_text(f'#!/bin/sh\nexec {shlex.join([*valgrind, self.daemon])} "$@"\n',
                         encoding="utf-8")
        front.chmod(0o755)
        command = [str(front) if word == self.daemon else word for word in test.command]
        if "--our-library" in command:
            # Children of these end where they stand, with all that they have.
            wrap = shlex.join([*valgrind, "--child-silent-after-fork=yes"])
            command += ["--wrap", wrap, "--timeout", str(PROGRAM_UNDER_VALGRIND)]
        program = Path(test.command[0])
        if program.is_relative_to(self.options.build) and program.read_bytes()[:4] == b"\x7fELF":
            command = [*valgrind, *command]
        return command

    def _count(self, result: Result, status: int | None, stdout: str, timeout: float) -> None:
        """Count what a test that has ended did."""
        seen = tap.parse(stdout)
        if status == SKIPPED and not seen.cases:
            result.skipped = 1
            return
        closing = tap.closing_line(stdout)
        if closing is not None:
            result.passed, result.failed, result.skipped = closing
        elif seen.is_tap:
            result.cases = seen.cases
            outcomes = [case.outcome for case in seen.cases]
            result.passed = outcomes.count(tap.PASS)
            result.failed = outcomes.count(tap.FAIL)
            result.skipped = outcomes.count(tap.SKIP) + (seen.skipped is not None)
        elif status == 0:
            result.passed = 1
        if status is None:
            result.fail(f"did not end in {timeout:.0f} s")
        elif status < 0:
            result.fail(f"ended by {signal.Signals(-status).name}")
        elif status not in (0, SKIPPED) and not result.failed:
            result.fail(f"exit status {status}")
        elif closing is None and seen.unfinished:
            result.fail(f"ended after {len(seen.cases)} of {seen.planned} cases")

    def _collect_reports(self, result: Result, directory: Path) -> None:
        """Count each process's report of a sanitizer or of valgrind as a failure."""
        for report in sorted(directory.glob("report*")):
            text = report.read_text(encoding="utf-8", errors="replace").strip()
            if REMARKS.sub("", text).strip():
                result.fail("a memory or thread checker reported")
                result.output += f"\n{text}\n"


def write_junit(path: Path, results: list[Result]) -> None:
    """Write the results for programs that read JUnit's XML."""
    root = ElementTree.Element("testsuites")
    for result in results:
        suite = ElementTree.SubElement(
            root, "testsuite", name=result.test.name, time=f"{result.seconds:.3f}",
            tests=str(result.passed + result.failed + result.skipped),
            failures=str(result.failed), skipped=str(result.skipped))
        for case in result.cases:
            entry = ElementTree.SubElement(suite, "testcase", name=case.name,
                                           classname=result.test.name)
            if case.outcome == tap.FAIL:
                ElementTree.SubElement(entry, "failure", message=case.note)
            elif case.outcome == tap.SKIP:
                ElementTree.SubElement(entry, "skipped", message=case.note)
        for reason in result.reasons:
            entry = ElementTree.SubElement(suite, "testcase", name=reason,
                                           classname=result.test.name)
            ElementTree.SubElement(entry, "failure", message=reason)
        if result.failed:
            # XML has no place for most control characters.
            clean = re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd]", "?", result.output)
            ElementTree.SubElement(suite, "system-out").text = clean
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def lines_of_failures(lines: list[str]) -> list[str]:
    """The lines of cases that failed, and of what was said of them."""
    found, is_of_failure = [], False
    for line in lines:
        if not line.startswith("#"):
            is_of_failure = line.startswith("not ok")
        if is_of_failure:
            found.append(line)
    return found[:MOST_LINES]


def print_failure(result: Result) -> None:
    """Print why a test failed."""
    print(f"--- {result.test.name}: {shlex.join(result.test.command)}")
    for reason in result.reasons:
        print(f"    {reason}")
    for case in result.cases:
        if case.outcome == tap.FAIL:
            print(f"    not ok: {case.name}")
    lines = result.output.splitlines()
    for line in lines_of_failures(lines[:-MOST_LINES]):
        print(f"  | {line}")
    if len(lines) > MOST_LINES:
        print(f"    ({len(lines) - MOST_LINES} lines left out)")
    for line in lines[-MOST_LINES:]:
        print(f"  | {line}")


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("build", type=Path, nargs="?", default=Path("build"))
    parser.add_argument("-R", metavar="REGEX", default="", help="only tests whose name matches")
    parser.add_argument("-E", metavar="REGEX", default="", help="no tests whose name matches")
    parser.add_argument("--jobs", "-j", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--patience", type=float, default=1.0, metavar="FACTOR",
                        help="multiply each test's time limit")
    parser.add_argument("--until", type=float, default=float("inf"), metavar="TIME",
                        help="start no test after that, in seconds since 1970; they are skipped")
    parser.add_argument("--valgrind", action="store_true",
                        help="run our programs under valgrind")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write results as JUnit's XML")
    parser.add_argument("--verbose", "-v", action="store_true", help="print all output")
    options = parser.parse_args()
    options.build = options.build.resolve()
    options.jobs = max(1, options.jobs)
    return options


def main() -> int:
    """Run, print, and tell by the exit status."""
    options = parse_options()
    tests = [test for test in load_tests(options.build)
             if re.search(options.R, test.name)
             and not (options.E and re.search(options.E, test.name))
             and not (options.valgrind and re.search(NOT_UNDER_VALGRIND, test.name))]
    # The wide ones first: beside the last of the narrow ones, processors would idle.
    tests.sort(key=lambda test: (test.serial, -test.processors))
    runner = Runner(options)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: runner.give_up())
    results: list[Result] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        running: list[Future[Result]] = [pool.submit(runner.run, test) for test in tests]
        for done in as_completed(running):
            result = done.result()
            results.append(result)
            print(f"[{len(results):3}/{len(tests)}] {result.line()}", flush=True)
            if options.verbose:
                print(result.output, flush=True)
    results.sort(key=lambda result: result.test.name)
    for result in results:
        if result.failed and not options.verbose:
            print_failure(result)
    if options.junit:
        write_junit(options.junit, results)
    passed, failed, skipped = (sum(getattr(result, what) for result in results)
                               for what in ("passed", "failed", "skipped"))
    for result in results:
        if result.failed:
            print(f"FAILED: {result.test.name}: {result.failed}")
    if skipped:
        print(f"{skipped} cases skipped")
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
