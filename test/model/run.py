#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Has spin look at every state of the model of peer links, in many small configurations.

The protocol as it is must have no error in any of them; each variant with one rule left out must
have one. The output is TAP; the exit status is 77 where there is no spin or no compiler.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SKIPPED = 77
# Seconds for one configuration: several times what the slowest needs.
TIME_LIMIT = 240
# Every configuration has to say these numbers; what it does not mention is 0.
NUMBERS = ("SENDS0", "SENDS1", "SENDS2", "CALLS0", "CALLS2", "NAMED", "LINKS", "OFFERS", "JOINING")
COMPILE = ("-w", "-DSAFETY", "-DCOLLAPSE", "-DNOFAIR", "-DMEMLIM=6000")


@dataclass(frozen=True)
class Configuration:
    """A few messages and what may happen meanwhile."""

    name: str
    macros: str
    """Macros of the model, as 'NAME' or 'NAME=NUMBER'."""
    broken: bool = False
    """A rule is left out, and that has to show."""


ORDER = "SENDS0=2 SENDS1=1 LINKS=7 MANY_LINKS"
OFFERED = "SENDS0=2 SENDS1=1 OFFERS=1"
CALLS = "CALLS0=2 LINKS=1"
AGAIN = "CALLS0=1 LINKS=1 CLOSING=0 OFFERS=1"
FORGED = "CALLS0=1 LINKS=3 MANY_LINKS FORGING"
WATCHED = "SENDS0=1 SENDS1=1 LINKS=1 MONITOR"
MOVED = "NAMED=2 LINKS=3 MANY_LINKS MOVING"


def broken(name: str, rule: str, macros: str) -> Configuration:
    """The variant in which a rule is left out."""
    return Configuration(f"found: {name}", f"{macros} BREAK_{rule}", broken=True)


CONFIGURATIONS = (
    # The longest first, so that both processors are busy until the end.
    Configuration("order: four messages", "SENDS0=2 SENDS1=1 SENDS2=1 LINKS=7 MANY_LINKS "
                  "NO_BROADCASTS"),
    Configuration("monitors: it sees what is said, by any link",
                  "SENDS0=1 SENDS1=1 LINKS=7 MANY_LINKS MONITOR"),
    Configuration("order: a link ends", f"{ORDER} CLOSING=0"),
    Configuration("order: another link ends", f"{ORDER} CLOSING=1"),
    Configuration("monitors: and a link is offered", "SENDS0=1 SENDS1=1 OFFERS=1 MONITOR"),
    Configuration("names: the owner talks, too", f"{MOVED} SENDS1=1"),
    Configuration("replies: two calls, two links after each other", f"{CALLS} CLOSING=0 OFFERS=1"),
    Configuration("order: two and two", "SENDS0=2 SENDS1=2 LINKS=7 MANY_LINKS NO_BROADCASTS"),
    Configuration("order: reads at any time", f"{ORDER} FINE WAKING=2"),
    Configuration("order: each says something", "SENDS0=1 SENDS1=1 SENDS2=1 LINKS=7 MANY_LINKS "
                  "FINE"),
    Configuration("order: two of three are linked", "SENDS0=2 SENDS1=1 LINKS=3 MANY_LINKS "
                  "CLOSING=0"),
    Configuration("joining: both ends join", "SENDS0=2 OFFERS=1 JOINING=3"),
    Configuration("joining: the third link", "SENDS0=1 SENDS1=1 LINKS=6 OFFERS=1 MANY_LINKS"),
    Configuration("joining: an end does not want it", "SENDS0=2 OFFERS=1 DECLINING"),
    Configuration("replies: the link ends", f"{CALLS} CLOSING=0"),
    Configuration("replies: the link ends, the callee dies", f"{CALLS} CLOSING=0 DYING"),
    Configuration("replies: the second link ends, the callee dies", f"{AGAIN} DYING"),
    Configuration("replies: two callers", "CALLS0=1 CALLS2=1 LINKS=5 MANY_LINKS CLOSING=0 DYING"),
    Configuration("replies: the callee says something else",
                  "CALLS0=1 SENDS1=1 LINKS=1 CLOSING=0 DYING"),
    Configuration("replies: somebody else answers", f"{FORGED} CLOSING=0 DYING"),
    Configuration("monitors: it sees what is said", WATCHED),
    Configuration("names: a name moves", MOVED),
    broken("sending while the bus has not routed all", "ROUTED", ORDER),
    broken("stamps do not count", "STAMP", ORDER),
    broken("links are not emptied before a batch", "DRAIN", ORDER),
    broken("no cut with several links", "CUT", f"{ORDER} WAKING=2"),
    broken("queued is stored at each write", "QUEUED", ORDER),
    broken("a new link is not emptied", "OFFER", OFFERED),
    broken("an unwanted link is thrown away", "DECLINE", f"{OFFERED} DECLINING"),
    broken("a reset is taken for the end", "RESET", f"{CALLS} DYING"),
    broken("a call of the bus is answered by a link", "ROAD", CALLS),
    broken("a call of an older link is answered by a link", "THIS_LINK", AGAIN),
    broken("untracked replies are dropped while a link ends", "UNTRACKED", f"{CALLS} CLOSING=0"),
    broken("calls whose replies were let through are adopted", "SUBTRACT", f"{CALLS} CLOSING=0"),
    broken("calls are named again when the next link ends", "TWICE", AGAIN),
    broken("calls to one who has gone are adopted", "GONE", f"{CALLS} DYING"),
    broken("replies let through are not marked", "MARK", FORGED),
    broken("a monitor is answered before links are closed", "MONITOR", WATCHED),
    broken("links stay when a name moves", "NAMES", MOVED),
    broken("names are only compared by a count", "EPOCH", MOVED),
    broken("a name is told of before its owner's place is known", "ACQUIRED", MOVED),
    broken("names are looked at when a message is read", "EARLY", MOVED),
)


@dataclass
class Result:
    """What spin says of a configuration."""

    errors: int
    states: int
    complete: bool
    output: str


def macros_of(configuration: Configuration) -> list[str]:
    """The configuration as options of the preprocessor."""
    given = configuration.macros.split()
    said = {macro.split("=")[0] for macro in given}
    return [f"-D{m}" for m in given] + [f"-D{n}=0" for n in NUMBERS if n not in said]


def run(command: list[str], where: Path, seconds: float) -> str:
    """Runs a program to its end. Its output; RuntimeError if it fails."""
    try:
        done = subprocess.run(command, cwd=where, stdin=subprocess.DEVNULL, timeout=seconds,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
    except subprocess.TimeoutExpired as expired:
        raise RuntimeError(f"{command[0]}: not done after {seconds:.0f} s") from expired
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def count(pattern: str, text: str) -> int:
    """The number in a line of a report."""
    match = re.search(pattern, text, re.MULTILINE)
    if not match:
        raise RuntimeError(f"no such line: {pattern}\n{text}")
    return int(float(match[1]))


def explore(configuration: Configuration, where: Path) -> Result:
    """Makes a program that looks at every state, and runs it."""
    run(["spin", "-a", *macros_of(configuration), str(HERE / "links.pml")], where, 60)
    # What is broken shows soon: it takes longer to optimise than to run.
    optimise = "-O0" if configuration.broken else "-O2"
    run(["gcc", *COMPILE, optimise, "-o", "pan", "pan.c"], where, 120)
    # -E: what must have happened in the end is asserted, by the checker.
    output = run(["./pan", "-E", "-m100000", "-w24"], where, TIME_LIMIT)
    return Result(errors=count(r"errors: (\d+)", output),
                  states=count(r"^\s*([\d.e+]+) states, stored", output),
                  complete=not re.search(r"Search not completed|max search depth|out of memory",
                                         output),
                  output=output)


def trail(configuration: Configuration, where: Path) -> str:
    """The steps that lead to the error."""
    return run(["spin", "-t", "-p", "-g", "-k", "links.pml.trail", *macros_of(configuration),
                str(HERE / "links.pml")], where, 60)


def verdict(configuration: Configuration, result: Result) -> str | None:
    """What is wrong with a result, if anything is."""
    if configuration.broken:
        return None if result.errors else "spin did not find what is broken"
    if result.errors:
        return "spin found an error"
    return None if result.complete else "not every state was looked at"


def check(configuration: Configuration, keep: Path | None) -> tuple[bool, list[str]]:
    """Runs one configuration. Whether it is as it must be, and what to say of it."""
    with tempfile.TemporaryDirectory(prefix="links-model-") as temporary:
        where = Path(temporary)
        try:
            result = explore(configuration, where)
            wrong = verdict(configuration, result)
            lines = [f"{result.states} states, {result.errors} errors"]
            if result.errors and keep:
                name = re.sub(r"\W+", "-", configuration.name) + ".txt"
                (keep / name).write_text(trail(configuration, where), encoding="utf-8")
                lines.append(f"the way there: {keep / name}")
        except RuntimeError as error:
            return False, str(error).splitlines()
    if wrong:
        lines += [wrong, f"macros: {' '.join(macros_of(configuration))}",
                  *result.output.splitlines()]
    return not wrong, lines


def main() -> int:
    """Runs those that were asked for, as many at a time as there are processors for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="configurations whose name has this in it")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--trails", type=Path, help="folder for the steps that lead to errors")
    arguments = parser.parse_args()
    for program in ("spin", "gcc"):
        if not shutil.which(program):
            print(f"1..0 # skip {program} is not installed")
            return SKIPPED
    if arguments.trails:
        arguments.trails.mkdir(parents=True, exist_ok=True)
    chosen = [c for c in CONFIGURATIONS if arguments.only in c.name]
    print(f"1..{len(chosen)}", flush=True)
    failures = 0
    with ThreadPoolExecutor(arguments.jobs) as pool:
        results = pool.map(lambda c: check(c, arguments.trails), chosen)
        for number, (configuration, (good, lines)) in enumerate(zip(chosen, results), 1):
            print(f"{'ok' if good else 'not ok'} {number} - {configuration.name}")
            for line in lines:
                print(f"# {line}", flush=True)
            failures += not good
    return 1 if failures or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
