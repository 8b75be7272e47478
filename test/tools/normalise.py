# SPDX-License-Identifier: MIT
"""Removing from a transcript what differs from one run of a tool to the next."""

from __future__ import annotations

import re

_UNIQUE = re.compile(r":1\.\d+")
_GUID = re.compile(r"\b[0-9a-f]{32}\b")
_RULES = (
    (re.compile(r"\btime=\d+\.\d{6}\b"), "time=<time>"),
    (re.compile(r"^(out: (?:mc|mr|err|sig)\t)\d+\.\d{6}\t"), r"\1<time>\t"),
    (re.compile(r"(BUS_PID=)\d+"), r"\1<pid>"),
    (re.compile(r"\bpid=\d+"), "pid=<pid>"),
    (re.compile(r"\bcomm=\"[^\"]*\""), "comm=<command>"),
    (re.compile(r"\bdbus(-daemon)?\[\d+\]"), "dbus-daemon[<pid>]"),
    (re.compile(r"/dbus-[A-Za-z0-9]{10}\b"), "/dbus-<random>"),
    (re.compile(r"(Could not (?:rename|create) \S+)\.[A-Za-z0-9]{8}\b"), r"\1.<random>"),
    (re.compile(r"^(out: +inode:) \d+"), r"\1 <inode>"),
    (re.compile(r"/usr/(local/)?bin/dbus-daemon\b"), "<bindir>/dbus-daemon"),
    (re.compile(r"(127\.0\.0\.1|::1) port \d+"), r"\1 port <port>"),
)
_SERIALS = (
    (re.compile(r"(sender=org\.freedesktop\.DBus -> .*?\bserial=)\d+"), r"\1<serial>"),
    (re.compile(r"^(out: (?:mc|mr|err|sig)\t<time>\t)\d+(\torg\.freedesktop\.DBus\t)"),
     r"\1<serial>\2"),
)
# Where our tools are to be installed there may be no daemon yet: they look for it in PATH then, as
# the stock ones do, and say so.
_NOT_INSTALLED = re.compile(r"^err: Failed to execute message bus daemon \S+: No such file or "
                            r"directory\.  Will try again without full path\.$")


class Normaliser:
    """Names things by the order in which a transcript first mentions them."""

    def __init__(self, replacements: dict[str, str], serials: bool = True) -> None:
        """`replacements` maps text such as the temporary directory to what stands for it. Without
        `serials` it is no matter how the bus numbers its messages."""
        self.rules = _RULES if serials else _RULES + _SERIALS
        self.replacements = sorted(replacements.items(), key=lambda item: -len(item[0]))
        self.unique: dict[str, str] = {}
        self.guids: dict[str, str] = {}

    def line(self, text: str) -> str:
        """One line, normalised."""
        for old, new in self.replacements:
            text = text.replace(old, new)
        for pattern, new in self.rules:
            text = pattern.sub(new, text)
        text = _UNIQUE.sub(lambda m: self._name(self.unique, m[0], ":u"), text)
        return _GUID.sub(lambda m: self._name(self.guids, m[0], "guid-"), text)

    @staticmethod
    def _name(seen: dict[str, str], key: str, prefix: str) -> str:
        return seen.setdefault(key, f"<{prefix}{len(seen) + 1}>")

    def lines(self, transcript: list[str]) -> list[str]:
        """A whole transcript, normalised."""
        return [self.line(part) for entry in transcript for part in entry.split("\n")
                if not _NOT_INSTALLED.match(part)]
