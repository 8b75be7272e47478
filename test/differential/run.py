#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run every scenario against the stock dbus-daemon and ours, and compare the transcripts.

Prints a line for each scenario, a diff where the transcripts differ, and the totals. The exit
status is 0 when all are equal, 1 when not, 77 when there is no stock daemon to compare with.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import os
import shutil
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import comparing  # noqa: E402
import random_policies  # noqa: E402
import random_talk  # noqa: E402
import verdicts  # noqa: E402
from client import Timeout  # noqa: E402
from daemons import STOCK, DaemonFailure  # noqa: E402
from fixture import SCENARIOS, Bus, Scenario, temporary_directory  # noqa: E402
from normalise import Normaliser  # noqa: E402
from wire import WireError  # noqa: E402

MAY_DIFFER = comparing.Exceptions(HERE / "exceptions.txt")


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


def compare(item: Scenario, options: argparse.Namespace) -> comparing.Result:
    """Run one scenario on both daemons."""
    start = time.monotonic()
    missing = item.missing()
    meant = MAY_DIFFER.reason(item.name)
    if missing or meant.startswith("not yet"):
        return comparing.skipped(item.name, missing or meant)
    top = temporary_directory()
    try:
        stock = record(item, options.stock, top / "a", "", False)
        ours = record(item, options.ours, top / "b", options.wrap, True)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    return comparing.judge(item.name, comparing.Side("on the stock daemon", *stock),
                           comparing.Side("on our daemon", *ours), meant, start, options.show)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    default = HERE.parent.parent / "build" / "bus" / "dbus-daemon"
    parser.add_argument("--ours", default=str(default), help="our daemon (%(default)s)")
    parser.add_argument("--stock", default=STOCK, help="the daemon to equal (%(default)s)")
    parser.add_argument("--wrap", default="", help="command to run our daemon under")
    comparing.add_options(parser)
    parser.add_argument("--policies", type=int, default=150, metavar="COUNT",
                        help="random policies to compare (%(default)s; 0 for none)")
    parser.add_argument("--talks", type=int, default=100, metavar="COUNT",
                        help="random talks to compare (%(default)s; 0 for none)")
    parser.add_argument("--seed", type=int, default=1, help="seed of policies and talks")
    return parser.parse_args()


def main() -> int:
    """Run everything."""
    options = parse_options()
    load_scenarios()
    verdicts.register()
    random_policies.register(options.policies, options.seed)
    random_talk.register(options.talks, options.seed)
    chosen = comparing.selected(SCENARIOS, options)
    if options.list:
        print("\n".join(item.name for item in chosen))
        return 0
    if not os.access(options.stock, os.X_OK):
        print(f"1..0 # SKIP no {options.stock} to compare with")
        return comparing.SKIPPED
    if not os.access(options.ours, os.X_OK):
        print(f"Bail out! {options.ours} is not there")
        return 1
    return comparing.run_all([functools.partial(compare, item, options) for item in chosen],
                             options)


if __name__ == "__main__":
    sys.exit(main())
