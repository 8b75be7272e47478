# SPDX-License-Identifier: MIT
"""Reading what test programs print: TAP, or a closing line 'N passed, N failed'."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

PASS = "pass"
FAIL = "FAIL"
SKIP = "skip"

_CASE = re.compile(r"^(not )?ok\b\s*(\d+)?\s*(?:- )?(.*)$")
_DIRECTIVE = re.compile(r"\s#\s*(skip|todo)\b\S*\s*(.*)$", re.IGNORECASE)
_PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*(skip)\b\S*\s*(?:-\s*)?(.*))?\s*$", re.IGNORECASE)
_BAIL = re.compile(r"^Bail out!\s*(.*)$")
_CLOSING = re.compile(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")


@dataclass
class Case:
    """One test case. The note is why it was skipped, or other words of the program's own."""

    name: str
    outcome: str
    note: str = ""


@dataclass
class Tap:
    """The cases of one run of a program that prints TAP."""

    cases: list[Case] = field(default_factory=list)
    planned: int | None = None
    skipped: str | None = None
    bailed: str | None = None

    @property
    def is_tap(self) -> bool:
        """Whether the output was TAP at all."""
        return self.planned is not None or bool(self.cases)

    @property
    def unfinished(self) -> bool:
        """Whether the program promised more cases than it ran, or none and ran none."""
        if self.bailed is not None:
            return True
        return self.planned is not None and len(self.cases) < self.planned


def parse(text: str) -> Tap:
    """Read the TAP in a program's standard output. Lines which are not TAP are passed over."""
    tap = Tap()
    seen: dict[str, int] = {}
    for line in text.splitlines():
        if match := _CASE.match(line):
            tap.cases.append(_case(match, len(tap.cases) + 1, seen))
        elif match := _PLAN.match(line):
            tap.planned = int(match[1])
            if match[2]:
                tap.skipped = match[3] or "skipped"
        elif match := _BAIL.match(line):
            tap.bailed = match[1]
    return tap


def _case(match: re.Match[str], number: int, seen: dict[str, int]) -> Case:
    """The case that an 'ok' or 'not ok' line tells of, under a name of its own."""
    name, note = match[3].strip(), ""
    outcome = FAIL if match[1] else PASS
    if directive := _DIRECTIVE.search(f" {name}"):
        note = directive[2].strip()
        name = f" {name}"[:directive.start()].strip()
        # TODO: known not to work. Neither a pass to be proud of nor a failure.
        outcome = SKIP
    name = name or f"case {match[2] or number}"
    seen[name] = seen.get(name, 0) + 1
    if seen[name] > 1:
        name = f"{name} #{seen[name]}"
    return Case(name, outcome, note)


def closing_line(text: str) -> tuple[int, int, int] | None:
    """The numbers in the last 'N passed, N failed[, N skipped]' line, if there is one."""
    for line in reversed(text.splitlines()):
        if match := _CLOSING.match(line.strip()):
            return int(match[1]), int(match[2]), int(match[3] or 0)
    return None
