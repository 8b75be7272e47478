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
import functools
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import comparing  # noqa: E402
from normalise import Normaliser  # noqa: E402
from side import CASES, Case, Side, Trouble  # noqa: E402

MAY_DIFFER = comparing.Exceptions(HERE / "exceptions.txt")
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
        return MAY_DIFFER.reason(self.case.name) if self.same_bus else ""


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
def no_place() -> str:
    """Why no daemon can be in the place of the stock one; "" if one can."""
    done = subprocess.run([sys.executable, "-B", WRAP, STOCK_DAEMON, "--", "/bin/true"],
                          check=False, stderr=subprocess.DEVNULL)
    return "" if done.returncode == 0 else "cannot put a daemon in the place of the stock one"


def compare(item: Comparison, options: argparse.Namespace) -> comparing.Result:
    """Run one case on both sides."""
    start = time.monotonic()
    missing = item.case.missing() or (item.ours.takes_place and no_place())
    if missing:
        return comparing.skipped(item.name, missing)
    top = Path(tempfile.mkdtemp(prefix="tools-test-"))
    try:
        stock = record(item.case, item.stock, item.same_bus, top / "a")
        ours = record(item.case, item.ours, item.same_bus, top / "b")
    finally:
        shutil.rmtree(top, ignore_errors=True)
    return comparing.judge(item.name, comparing.Side(f"with {item.stock.what}", *stock),
                           comparing.Side(f"with {item.ours.what}", *ours), item.meant, start,
                           options.show)


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
    parser.add_argument("--part", metavar="MODULE", help="only those of cases/MODULE.py")
    comparing.add_options(parser)
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
    return comparing.selected(items, options)


def main() -> int:
    """Run everything."""
    options = parse_options()
    items = comparisons(options)
    if options.list:
        print("\n".join(item.name for item in items))
        return 0
    for directory in (options.stock,) if options.by_daemons else (options.stock, options.ours):
        if not os.access(directory / "dbus-send", os.X_OK):
            print(f"1..0 # SKIP no {directory}/dbus-send")
            return comparing.SKIPPED if directory == options.stock else 1
    return comparing.run_all([functools.partial(compare, item, options) for item in items], options)


if __name__ == "__main__":
    sys.exit(main())
