#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""See that manual pages and programs know the same options.

What a program knows is in its text and in what --help says; what a page tells of stands there as a
bold word. Prints TAP. The exit status is 77 when no pages were built.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

SKIPPED = 77
HELP = {"--help"}
# Options of programs that these run or speak of.
OF_OTHERS = {
    "dbus-launch": {"--fork", "--print-address", "--print-pid", "--session", "--syslog",
                    "--syslog-only"},
    "dbus-run-session": {"--nofork", "--print-address", "--session"},
    "dbus-update-activation-environment": {"--user"},
}
SUBCOMMANDS = {"dbus-test-tool": ("spam", "echo", "black-hole")}
OPTION = re.compile(rb"(?<![\w-])--[a-z][a-z0-9-]*[a-z0-9]")
# As scdoc writes it: bold text, in which each dash is escaped.
BOLD = re.compile(r"\\fB(.*?)\\f[RP]", re.DOTALL)


def known(program: Path) -> set[str]:
    """The options in a program and in its help."""
    text = program.read_bytes()
    for words in ((), *((name,) for name in SUBCOMMANDS.get(program.name, ()))):
        done = subprocess.run([program, *words, "--help"], stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
        text += b"\n" + done.stdout
    return {option.decode() for option in OPTION.findall(text)} - OF_OTHERS.get(program.name, set())


def described(page: Path) -> set[str]:
    """The options that a page tells of."""
    bold = " ".join(BOLD.findall(page.read_text(encoding="utf-8"))).replace("\\-", "-")
    return {option.decode() for option in OPTION.findall(bold.encode())}


def main() -> int:
    """Compare each page with its program."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--pages", type=Path, required=True, help="the folder of built pages")
    parser.add_argument("programs", type=Path, nargs="+")
    options = parser.parse_args()
    if not any(options.pages.glob("*.1")):
        print("1..0 # SKIP no manual pages are built: scdoc is missing")
        return SKIPPED
    print(f"1..{len(options.programs)}")
    failed = 0
    for number, program in enumerate(options.programs, 1):
        page = options.pages / f"{program.name}.1"
        problems = []
        if not page.exists():
            problems.append("it has no page")
        else:
            # Not every help tells of itself, and not every program has one.
            there, told = known(program) - HELP, described(page) - HELP
            problems += [f"not in the page: {option}" for option in sorted(there - told)]
            problems += [f"not in the program: {option}" for option in sorted(told - there)]
            if not there:
                problems.append("it has no options")
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - {program.name}")
        for problem in problems:
            print(f"# {problem}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
