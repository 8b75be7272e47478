#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the test programs of dbus and GLib with the stock dbus-daemon and with ours.

Each case is shown with both results. One that passes with the stock daemon and not with ours is
a failure; one that fails or is skipped with the stock daemon is shown and not counted, and so is
one whose program starts no daemon. A program of which a few cases fail, without hanging, is run
once more on both daemons, and a case counts with the better of its two results, marked '*'.

The exit status is 0 when nothing failed, 1 when something did, and 77 when a suite or the stock
daemon is not installed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import fnmatch
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import tap  # noqa: E402
from programs import (EXCEPTED, NOT_RUN, Program, Rule, find_programs, find_rule,  # noqa: E402
                      load_rules)
from runner import Outcome, list_cases, run_cases, run_once  # noqa: E402

SKIPPED = 77
SUITES = ("dbus-tests", "glib")
NEVER_RAN = "none"
ENDING = "(the program's end)"
STOCK_TIMEOUT = 90.0
EXCEPTED_TIMEOUT = 10.0
# Ours may take a few times as long as stock took, if it is built with sanitizers, say; and more
# in all, so that not every case after one that hangs is lost.
PATIENCE_FACTOR, PATIENCE_BASE, PATIENCE_IN_ALL = 2.0, 8.0, 2.5
MOST_SECOND_TRIES = 5


@dataclass
class Verdict:
    """One case, with both daemons' results."""

    name: str
    stock: tap.Case
    ours: tap.Case
    rule: Rule | None
    counted: bool
    again: bool = False

    @property
    def failed(self) -> bool:
        """Whether the case counts as a failure."""
        return self.counted and self.ours.outcome != tap.PASS

    @property
    def doubtful(self) -> bool:
        """Whether a second try is called for."""
        return self.failed or (not self.rule and self.stock.outcome == tap.FAIL)

    def line(self) -> str:
        """What is printed about the case."""
        ours = self.ours.outcome + ("*" if self.again else "")
        notes = []
        if self.rule:
            notes.append(f"{self.rule.action}: {self.rule.reason}")
        if self.stock.note == self.ours.note:
            notes.extend([self.stock.note] if self.stock.note else [])
        else:
            notes.extend(f"{who}: {case.note}" for who, case in
                         (("stock", self.stock), ("ours", self.ours)) if case.note)
        text = f"  {self.stock.outcome:6}{ours:7}{self.name}"
        return text + (f"  ({'; '.join(notes)})" if notes else "")


@dataclass
class Report:
    """All there is to say of one program."""

    program: Program
    verdicts: list[Verdict] = field(default_factory=list)
    remark: str = ""
    words: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def text(self) -> str:
        """What is printed of the program."""
        head = f"{self.program.title}  ({self.seconds:.1f} s)"
        parts = [head + (f": {self.remark}" if self.remark else "")]
        parts.extend(verdict.line() for verdict in self.verdicts)
        if self.words:
            parts.append("  last words with our daemon:")
            parts.extend(f"  | {line}" for line in self.words)
        return "\n".join(parts)


def run_all(program: Program, daemon: str, cases: list[str], rules: list[Rule],
            each: float) -> Outcome:
    """Run what is to be run of a program with one daemon. Excepted cases run by themselves.

    Each start of the program may take so many seconds.
    """
    if find_rule(rules, program, "*"):
        each = EXCEPTED_TIMEOUT
    elif cases:
        special = {name: find_rule(rules, program, name) for name in cases}
        wanted = [name for name in cases if special[name] is None]
        unwanted = [name for name in cases if special[name] is not None]
        total = run_cases(program, daemon, wanted, unwanted, each, PATIENCE_IN_ALL * each)
        for name in unwanted:
            rule = special[name]
            if rule is not None and rule.action == EXCEPTED:
                others = [other for other in cases if other != name]
                one = run_cases(program, daemon, [name], others, EXCEPTED_TIMEOUT,
                                EXCEPTED_TIMEOUT)
                one.words.clear()
                total.take(one)
        return total
    return run_once(program, daemon, [], each)


def run_both(program: Program, options: argparse.Namespace, cases: list[str],
             rules: list[Rule]) -> tuple[Outcome, Outcome]:
    """Run a program with the stock daemon and then with ours."""
    start = time.monotonic()
    stock = run_all(program, options.stock, cases, rules, STOCK_TIMEOUT)
    each = PATIENCE_BASE + PATIENCE_FACTOR * (time.monotonic() - start)
    if stock.skipped:
        return stock, Outcome()
    return stock, run_all(program, options.ours, cases, rules, each)


def with_ending(outcome: Outcome) -> dict[str, tap.Case]:
    """The cases, and one more for how the program ended if that was bad and no case's fault."""
    cases = dict(outcome.cases)
    if outcome.ending and tap.FAIL not in (case.outcome for case in cases.values()):
        cases[ENDING] = tap.Case(ENDING, tap.FAIL, outcome.ending)
    return cases


def judge(program: Program, stock: Outcome, ours: Outcome, rules: list[Rule]) -> list[Verdict]:
    """Set the two daemons' results beside each other."""
    left, right = with_ending(stock), with_ending(ours)
    verdicts = []
    for name in [*left, *(name for name in right if name not in left)]:
        absent = tap.Case(name, tap.PASS if name == ENDING else NEVER_RAN)
        mine, theirs = right.get(name, absent), left.get(name, absent)
        rule = find_rule(rules, program, name)
        counted = theirs.outcome == tap.PASS and rule is None and stock.daemons > 0
        verdicts.append(Verdict(name, theirs, mine, rule, counted))
    if any(verdict.failed and verdict.name != ENDING for verdict in verdicts):
        # The end is the fault of one of these.
        verdicts = [verdict for verdict in verdicts if verdict.name != ENDING]
    return verdicts


def better(first: list[Verdict], second: list[Verdict]) -> list[Verdict]:
    """Join two tries. Each daemon's better result stands; what the second changed is marked."""
    later = {verdict.name: verdict for verdict in second}
    joined = []
    for verdict in first:
        other = later.get(verdict.name)
        if other is None:
            # Only a program's bad end is not there the second time.
            again = verdict.name == ENDING
            case = tap.Case(ENDING, tap.PASS) if again else verdict.ours
            joined.append(Verdict(verdict.name, case if again else verdict.stock, case,
                                  verdict.rule, verdict.counted, again))
            continue
        stock = other.stock if verdict.stock.outcome != tap.PASS else verdict.stock
        ours = other.ours if verdict.ours.outcome != tap.PASS else verdict.ours
        counted = verdict.counted or other.counted
        again = ours.outcome != verdict.ours.outcome
        joined.append(Verdict(verdict.name, stock, ours, verdict.rule, counted, again))
    known = {verdict.name for verdict in first}
    joined.extend(verdict for verdict in second if verdict.name not in known)
    return joined


def run_program(program: Program, options: argparse.Namespace, rules: list[Rule]) -> Report:
    """Run one program with both daemons."""
    start = time.monotonic()
    report = Report(program)
    whole = find_rule(rules, program, "*")
    if whole is not None and whole.action == NOT_RUN:
        report.remark = f"not run: {whole.reason}"
        return report
    cases = list_cases(program, options.stock)
    stock, ours = run_both(program, options, cases, rules)
    if stock.skipped:
        report.remark = f"skipped: {stock.skipped}"
    else:
        report.verdicts = judge(program, stock, ours, rules)
        doubtful = [verdict for verdict in report.verdicts if verdict.doubtful]
        if 0 < len(doubtful) <= MOST_SECOND_TRIES and not ours.hung:
            second, ours = run_both(program, options, cases, rules)
            report.verdicts = better(report.verdicts, judge(program, second, ours, rules))
        if stock.daemons == 0:
            report.remark = "starts no daemon, not counted"
        if any(verdict.failed for verdict in report.verdicts):
            report.words = ours.words
    report.seconds = time.monotonic() - start
    return report


def parse_options() -> argparse.Namespace:
    """The command line."""
    default = HERE.parent.parent / "build" / "bus" / "dbus-daemon"
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--ours", default=os.environ.get("DBUS_DIRECT_TEST_DAEMON", str(default)),
                        help="our daemon (%(default)s)")
    parser.add_argument("--stock", default="/usr/bin/dbus-daemon",
                        help="the daemon to equal (%(default)s)")
    parser.add_argument("--suite", choices=SUITES, action="append", default=[],
                        help="only this suite; may be repeated")
    parser.add_argument("--only", metavar="PATTERN", action="append", default=[],
                        help="only programs whose name matches a shell pattern, or contains it")
    parser.add_argument("--jobs", "-j", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--list", action="store_true", help="only list the programs and cases")
    return parser.parse_args()


def selected(program: Program, patterns: list[str]) -> bool:
    """Whether --only wants the program."""
    return not patterns or any(pattern in program.title
                               or fnmatch.fnmatchcase(program.title, pattern)
                               or fnmatch.fnmatchcase(program.name, pattern)
                               for pattern in patterns)


def list_programs(programs: list[Program], options: argparse.Namespace,
                  rules: list[Rule]) -> None:
    """Print the programs, their cases and what is done with the excepted ones."""
    for program in programs:
        whole = find_rule(rules, program, "*")
        print(program.title + (f"  ({whole.action}: {whole.reason})" if whole else ""))
        for case in list_cases(program, options.stock):
            rule = find_rule(rules, program, case)
            print(f"  {case}" + (f"  ({rule.action}: {rule.reason})" if rule and not whole
                                 else ""))


def summary(reports: list[Report]) -> bool:
    """Print the totals. Returns whether nothing failed."""
    verdicts = [(report, verdict) for report in reports for verdict in report.verdicts]
    counted = [verdict for _, verdict in verdicts if verdict.counted]
    failed = [(report, verdict) for report, verdict in verdicts if verdict.failed]
    again = [(report, verdict) for report, verdict in verdicts if verdict.again]
    needless = [(report, verdict) for report, verdict in verdicts if verdict.rule
                and verdict.stock.outcome == verdict.ours.outcome == tap.PASS]
    for title, some in (("Excepted, but pass with our daemon:", needless),
                        ("Passed only at a second try:", again), ("Failed:", failed)):
        if some:
            print(title)
            for report, verdict in some:
                print(f"  {report.program.title} {verdict.name}")
    print(f"{len(verdicts) - len(counted)} cases shown but not counted")
    print(f"{len(counted) - len(failed)} passed, {len(failed)} failed")
    return not failed


def main() -> int:
    """Run, print, and tell by the exit status."""
    options = parse_options()
    rules = load_rules()
    for daemon in (options.stock, options.ours):
        if not os.access(daemon, os.X_OK):
            print(f"{daemon} is not there")
            return SKIPPED if daemon == options.stock else 1
    suites = options.suite or list(SUITES)
    programs = []
    for suite in suites:
        found = find_programs(suite)
        if not found:
            print(f"the test programs of {suite} are not installed")
            return SKIPPED
        programs.extend(program for program in found if selected(program, options.only))
    options.stock, options.ours = os.path.abspath(options.stock), os.path.abspath(options.ours)
    if options.list:
        list_programs(programs, options, rules)
        return 0
    print("  stock ours   case")
    reports = []
    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        for done in concurrent.futures.as_completed(
                [pool.submit(run_program, program, options, rules) for program in programs]):
            reports.append(done.result())
            print(reports[-1].text(), flush=True)
    reports.sort(key=lambda report: report.program.title)
    return 0 if summary(reports) else 1


if __name__ == "__main__":
    sys.exit(main())
