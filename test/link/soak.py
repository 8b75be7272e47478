#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Soak a bus: 12 processes call, tell and interrupt each other at random, names move, processes are
killed and stopped, the policy changes, monitors come and go. What every process did and saw is in
its log, and from these the checker proves that nobody could tell that there are peer links.

It goes in rounds, each with a bus of its own: a round is a seed and a number, which choose all that
is done. (When it happens is up to the machine.) `--seed S --first N --rounds 1` repeats one.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from soak import logs
from soak.bus import Programs
from soak.checker import Checker
from soak.driver import Round

BUILD = Path(__file__).resolve().parents[2] / "build"

# Of what unicast messages there are, at least so many have to go by links, or it is no soak of them.
LINKED_SHARE = 0.05


def arguments() -> argparse.Namespace:
    """What is to be soaked, and for how long."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=20, help="of talking, all rounds together")
    parser.add_argument("--round", type=float, default=20, help="seconds of one round")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--first", type=int, default=0, help="the number of the first round")
    parser.add_argument("--rounds", type=int, help="how many, in place of --seconds")
    parser.add_argument("--daemon", default=BUILD / "bus" / "dbus-daemon",
                        help="a program, or `stock`")
    parser.add_argument("--library", default=BUILD / "dbus",
                        help="a directory with libdbus, or `stock`")
    parser.add_argument("--worker", type=Path, default=BUILD / "test/link/soak/soak-worker",
                        help="the program soak-worker")
    parser.add_argument("--keep", type=Path, help="directory for the logs of a round with faults")
    parser.add_argument("--go-on", action="store_true", help="after a round with faults, too")
    return parser.parse_args()


def summary(trace: logs.Trace, totals: dict[str, int]) -> str:
    """What there was in a round."""
    sent = [r for p in trace.processes.values() for r in p.records if r.event == logs.SENT]
    killed = sum(p.killed is not None for p in trace.processes.values())
    moves = sum(r.event == logs.ACQUIRED and r.name.startswith("soak.Moving")
                for p in trace.processes.values() for r in p.records)
    return (f"{len(sent)} messages of {len(trace.processes)} processes, {killed} killed,"
            f" {moves} names moved, {len(trace.policies)} policies, {len(trace.monitors)} monitors,"
            f" {totals.get('LinksEver', 0)} links with {totals.get('Messages', 0)} messages")


def are_links_used(trace: logs.Trace, totals: dict[str, int]) -> bool:
    """Was it about links?"""
    sent = sum(r.event == logs.SENT and r.name != "" for p in trace.processes.values()
               for r in p.records)
    return totals.get("LinksEver", 0) > 0 and totals.get("Messages", 0) > LINKED_SHARE * sent


def run_round(args: argparse.Namespace, programs: Programs, number: int, seconds: float) -> bool:
    """Run and check one round. False: there are faults."""
    directory = Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        one = Round(programs, f"{args.seed}/{number}", seconds, directory)
        outcome = one.run()
        faults = outcome.faults + Checker(outcome.trace).check()
        if programs.has_links and not are_links_used(outcome.trace, outcome.totals):
            faults.append(f"links: they are not used: {outcome.totals}")
        print(f"{'FAULT' if faults else 'ok'}: seed {args.seed}, round {number}:"
              f" {summary(outcome.trace, outcome.totals)}", flush=True)
        if faults:
            print("\n".join(f"  {f}" for f in faults), one.bus.said(), sep="\n", flush=True)
        if faults and args.keep:
            shutil.copytree(directory, args.keep / f"{args.seed}-{number}", dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("bus"))
        return not faults
    finally:
        shutil.rmtree(directory)


def main() -> int:
    """Rounds, until their time is over or there is a fault."""
    args = arguments()
    daemon, library = (what if what == "stock" else str(Path(what).resolve())
                       for what in (args.daemon, args.library))
    programs = Programs(args.worker.resolve(), daemon, library)
    rounds = args.rounds or max(1, round(args.seconds / args.round))
    seconds = args.round if args.rounds else args.seconds / rounds
    begun, good = time.monotonic(), True
    for number in range(args.first, args.first + rounds):
        good &= run_round(args, programs, number, seconds)
        if not good and not args.go_on:
            break
    print(f"{'passed' if good else 'FAILED'} in {time.monotonic() - begun:.0f} s", flush=True)
    return not good


if __name__ == "__main__":
    sys.exit(main())
