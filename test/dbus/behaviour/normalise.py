# SPDX-License-Identifier: MIT
"""Removing from a transcript what may differ between two libraries that behave the same."""

from __future__ import annotations

import re

_RULES = (
    # Misuse: which function, what kind of complaint. Expression, file and line are the library's.
    (re.compile(r'assertion \\?"(?:[^"\\]|\\.)*\\?" failed in file \S+ line \d+'),
     'assertion "..." failed in file ... line N'),
    (re.compile(r"\bdbus\[\d+\]"), "dbus[<pid>]"),
    (re.compile(r"\b(pid=|process )\d+"), r"\1<pid>"),
    (re.compile(r"0x[0-9a-f]{5,}\b"), "<address>"),
    (re.compile(r"/tmp(/dbus-behaviour-[A-Za-z0-9]{6}\b)+"), "<directory>"),
    (re.compile(r"/dbus-[A-Za-z0-9]{8,10}\b"), "/dbus-<random>"),
    (re.compile(r"\b(host=[^,]+),port=\d+"), r"\1,port=<port>"),
)
# Said at the end of a warning that aborts, by a library which was built without -rdynamic.
_DROPPED = re.compile(r"not built with -rdynamic so unable to print a backtrace")
_NAMED = ((re.compile(r"(?<![\w.]):1\.\d+"), ":u"), (re.compile(r"\b[0-9a-f]{32}\b"), "guid-"))


def normalised(lines: list[str]) -> list[str]:
    """The lines of a case. Unique names and GUIDs are named by the order of their appearance."""
    seen: dict[str, str] = {}
    counts: dict[str, int] = {}
    result = []
    for line in lines:
        if _DROPPED.search(line):
            continue
        for pattern, new in _RULES:
            line = pattern.sub(new, line)
        for pattern, prefix in _NAMED:
            for old in pattern.findall(line):
                if old not in seen:
                    counts[prefix] = counts.get(prefix, 0) + 1
                    seen[old] = f"<{prefix}{counts[prefix]}>"
            line = pattern.sub(lambda match: seen[match[0]], line)
        result.append(line)
    return result
