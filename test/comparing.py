# SPDX-License-Identifier: MIT
"""Doing the same to two sides, case by case, and telling what differs: the part of that which does
not hang on what the sides are."""

from __future__ import annotations

import argparse
import difflib
import fnmatch
import multiprocessing
import os
import re
import sys
import time
from pathlib import Path
from typing import Any, Callable, NamedTuple, Sequence

SKIPPED = 77


class Result(NamedTuple):
    """The outcome of one case: "ok", "not ok" or "skip", and why."""

    name: str
    verdict: str
    text: str
    seconds: float


class Side(NamedTuple):
    """What a case has said on one side, and what went wrong there, if something did."""

    what: str
    transcript: list[str]
    problem: str


class Exceptions:
    """Cases that may differ: lines with a pattern of names, two blanks or more, and the reason."""

    def __init__(self, path: Path) -> None:
        lines = path.read_text(encoding="utf-8").splitlines()
        self._pairs = [re.split(r"\s{2,}", line, maxsplit=1) for line in lines
                       if line and not line.startswith("#")]

    def reason(self, name: str) -> str:
        """Why a case may differ; "" if it may not."""
        return next((reason for pattern, reason in self._pairs
                     if fnmatch.fnmatchcase(name, pattern)), "")


def skipped(name: str, why: str) -> Result:
    """The outcome of a case that cannot be run here."""
    return Result(name, "skip", why, 0.0)


def judge(name: str, stock: Side, ours: Side, meant: str, start: float, show: bool) -> Result:
    """Compare what a case said on both sides. With a reason, they may differ, and have to."""
    text = "".join(f"{side.what}: {side.problem}\n" for side in (stock, ours) if side.problem)
    if stock.transcript != ours.transcript:
        text += "\n".join(difflib.unified_diff(stock.transcript, ours.transcript, "stock", "ours",
                                               lineterm="", n=4))
    seconds = time.monotonic() - start
    if meant and text and not ours.problem:
        return Result(name, "skip", f"differs: {meant}", seconds)
    if meant and not text:
        text = f"does not differ any more, though it may: {meant}"
    verdict = "not ok" if text else "ok"
    if show:
        text = "\n".join(["transcript:", *stock.transcript, text])
    return Result(name, verdict, text, seconds)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every comparison has."""
    parser.add_argument("--jobs", "-j", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--list", action="store_true", help="only list the cases")
    parser.add_argument("-k", metavar="PATTERN", action="append", default=[],
                        help="only those with this text in their names")
    parser.add_argument("--show", action="store_true", help="print the stock transcripts")
    parser.add_argument("--times", action="store_true", help="print how long each takes")


def selected(items: Sequence[Any], options: argparse.Namespace) -> list[Any]:
    """Those that were asked for, of things that have a name."""
    return [item for item in items
            if not options.k or any(pattern in item.name for pattern in options.k)]


def report(result: Result, number: int, times: bool) -> None:
    """Print one TAP line, and the text below it as comments."""
    suffix = f" # SKIP {result.text}" if result.verdict == "skip" else ""
    word = "ok" if result.verdict == "skip" else result.verdict
    took = f" ({result.seconds:.1f} s)" if times else ""
    print(f"{word} {number} - {result.name}{suffix}{took}")
    if result.text and result.verdict != "skip":
        for line in result.text.rstrip().split("\n"):
            print(f"#   {line}")
    sys.stdout.flush()


# What the processes of the pool have from their parent: functions of cases cannot be sent to them.
_WORK: list[Callable[[], Result]] = []


def _do(index: int) -> Result:
    return _WORK[index]()


def run_all(work: Sequence[Callable[[], Result]], options: argparse.Namespace) -> int:
    """Do all comparisons, several at a time, and print TAP and the totals. Returns the status to
    exit with."""
    os.umask(0o022)
    _WORK[:] = work
    counts = {"ok": 0, "not ok": 0, "skip": 0}
    print(f"1..{len(work)}", flush=True)
    with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=50) as pool:
        for number, result in enumerate(pool.imap(_do, range(len(work))), 1):
            counts[result.verdict] += 1
            report(result, number, options.times)
    left_out = f", {counts['skip']} skipped" if counts["skip"] else ""
    print(f"{counts['ok']} passed, {counts['not ok']} failed{left_out}")
    return 1 if counts["not ok"] else 0
