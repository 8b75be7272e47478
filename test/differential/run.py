#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run every scenario against the stock dbus-daemon and ours, and compare the transcripts.

Prints a line for each scenario, a diff where the transcripts differ, and the totals. The exit
status is 0 when all are equal, 1 when not, 77 when there is no stock daemon to compare with.
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
import sys
import time
import traceback
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import random_policies  # noqa: E402
import verdicts  # noqa: E402
from client import Timeout  # noqa: E402
from daemons import STOCK, DaemonFailure  # noqa: E402
from fixture import SCENARIOS, Bus, Scenario, temporary_directory  # noqa: E402
from normalise import Normaliser  # noqa: E402
from wire import WireError  # noqa: E402

SKIPPED = 77


class Result(NamedTuple):
    """The outcome of one scenario."""

    name: str
    verdict: str
    text: str
    seconds: float


def load_scenarios() -> None:
    """Import every file of scenarios/, each of which registers its own."""
    for path in sorted((HERE / "scenarios").glob("*.py")):
        importlib.import_module(f"scenarios.{path.stem}")


def record(item: Scenario, binary: str, directory: Path, wrap: str,
           check_fds: bool) -> tuple[list[str], str]:
    """Run on one daemon. Returns the transcript and what went wrong, if something did."""
    bus = Bus(binary, directory, wrap)
    problem = ""
    try:
        item.run(bus)
    except (DaemonFailure, Timeout, WireError) as exc:
        bus.log(f"!! {type(exc).__name__}: {exc}")
        problem = f"{type(exc).__name__}: {exc}"
    except Exception:  # pylint: disable=broad-except
        bus.log("!! the scenario failed")
        problem = traceback.format_exc()
    try:
        bus.finish(check_fds and item.fds_settle and not problem)
    except DaemonFailure as exc:
        bus.log(f"!! {exc}")
        problem = problem or str(exc)
    if problem and bus.daemon.stderr():
        problem += "\nstandard error of the daemon:\n" + bus.daemon.stderr()[-4000:]
    return Normaliser(bus.hidden).lines(bus.transcript), problem


@functools.cache
def exceptions() -> list[tuple[str, str]]:
    """Patterns of scenarios that may differ, each with the reason."""
    lines = (HERE / "exceptions.txt").read_text(encoding="utf-8").splitlines()
    pairs = (re.split(r"\s{2,}", line, maxsplit=1) for line in lines
             if line and not line.startswith("#"))
    return [(pattern, reason) for pattern, reason in pairs]


def exception_for(name: str) -> str:
    """Why a scenario may differ; "" if it may not."""
    return next((reason for pattern, reason in exceptions() if fnmatch.fnmatchcase(name, pattern)),
                "")


def compare(item: Scenario, options: argparse.Namespace) -> Result:
    """Run one scenario on both daemons."""
    start = time.monotonic()
    missing = item.missing()
    meant = exception_for(item.name)
    if missing or meant.startswith("not yet"):
        return Result(item.name, "skip", missing or meant, 0.0)
    top = temporary_directory()
    try:
        stock, stock_problem = record(item, options.stock, top / "a", "", False)
        ours, our_problem = record(item, options.ours, top / "b", options.wrap, True)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    text = ""
    if stock_problem:
        text += f"on the stock daemon: {stock_problem}\n"
    if our_problem:
        text += f"on our daemon: {our_problem}\n"
    if stock != ours:
        text += "\n".join(difflib.unified_diff(stock, ours, "stock", "ours", lineterm="", n=4))
    if text and meant and not our_problem:
        return Result(item.name, "skip", f"differs: {meant}", time.monotonic() - start)
    verdict = "not ok" if text else "ok"
    if options.show:
        text = "\n".join(["transcript:", *stock, text])
    return Result(item.name, verdict, text, time.monotonic() - start)


_OPTIONS = argparse.Namespace()


def _compare_by_index(index: int) -> Result:
    return compare(SCENARIOS[index], _OPTIONS)


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
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    default = HERE.parent.parent / "build" / "bus" / "dbus-daemon"
    parser.add_argument("--ours", default=str(default), help="our daemon (%(default)s)")
    parser.add_argument("--stock", default=STOCK, help="the daemon to equal (%(default)s)")
    parser.add_argument("--wrap", default="", help="command to run our daemon under")
    parser.add_argument("--jobs", "-j", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--list", action="store_true", help="only list the scenarios")
    parser.add_argument("-k", metavar="PATTERN", action="append", default=[],
                        help="only those with this text in their names")
    parser.add_argument("--show", action="store_true", help="print the stock transcripts")
    parser.add_argument("--times", action="store_true", help="print how long each takes")
    parser.add_argument("--policies", type=int, default=150, metavar="COUNT",
                        help="random policies to compare (%(default)s; 0 for none)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random policies")
    return parser.parse_args()


def selected(options: argparse.Namespace) -> list[int]:
    """The indices of the scenarios to run."""
    return [i for i, item in enumerate(SCENARIOS)
            if not options.k or any(pattern in item.name for pattern in options.k)]


def main() -> int:
    """Run everything."""
    global _OPTIONS
    options = _OPTIONS = parse_options()
    load_scenarios()
    verdicts.register()
    random_policies.register(options.policies, options.seed)
    chosen = selected(options)
    if options.list:
        print("\n".join(SCENARIOS[i].name for i in chosen))
        return 0
    if not os.access(options.stock, os.X_OK):
        print(f"1..0 # SKIP no {options.stock} to compare with")
        return SKIPPED
    if not os.access(options.ours, os.X_OK):
        print(f"Bail out! {options.ours} is not there")
        return 1
    os.umask(0o022)
    print(f"1..{len(chosen)}", flush=True)
    counts = {"ok": 0, "not ok": 0, "skip": 0}
    with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=50) as pool:
        for number, result in enumerate(pool.imap(_compare_by_index, chosen), 1):
            counts[result.verdict] += 1
            report(result, number, options)
    skipped = f", {counts['skip']} skipped" if counts["skip"] else ""
    print(f"{counts['ok']} passed, {counts['not ok']} failed{skipped}")
    return 1 if counts["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
