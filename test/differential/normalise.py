# SPDX-License-Identifier: MIT
"""Removing from a transcript what may differ between two daemons that behave the same."""

from __future__ import annotations

import re

_UNIQUE = re.compile(r":1\.\d+")
_GUID = re.compile(r"\b[0-9a-f]{32}\b")
_RULES = (
    (re.compile(r"\bpid=\d+"), "pid=<pid>"),
    (re.compile(r"\b(elapsed: )\d+ms"), r"\1<time>ms"),
    (re.compile(r"/dbus-[A-Za-z0-9]{8,}\b"), "/dbus-<random>"),
    (re.compile(r"\btcp:host=([^,]+),port=\d+"), r"tcp:host=\1,port=<port>"),
    # Where the daemon looks for --session and --system is chosen when it is built.
    (re.compile(r"/usr/local/share/dbus-1/(session|system)\.conf"), r"/usr/share/dbus-1/\1.conf"),
    # The stock daemon says where only of what is no XML at all; ours says it of everything.
    (re.compile(r"Error in file [^,:]*(, line \d+, column \d+)?: "), ""),
    (re.compile(r"(Unknown (?:username|group) .*) \(file .*, line \d+\)$"), r"\1"),
    # Sent by a mere end of a connection, of which each counts for itself.
    (re.compile(r"(sender=\(null sender\) .*)serial=\d+ "), r"\1serial=* "),
    # What only ours has, in lists of interfaces.
    (re.compile(r", 'org\.freedesktop\.DBus\.PeerLinks1'"), ""),
    # The log's prefix: which of the two depends on how far the daemon has come with starting.
    (re.compile(r"\bdbus(-daemon)?\[\d+\]"), "dbus-daemon[<pid>]"),
)


# A line about nothing but what only ours has.
_OURS = re.compile(r"\s*(out:\s*string \"|/node\[\]/interface\[name=')"
                   r"org\.freedesktop\.DBus\.PeerLinks1['\"].*")


def own_lines(text: str) -> list[str]:
    """The lines of a daemon's output, less a last one that is cut off, and less what depends on the
    machine: that it may not raise its limit of fds; and, of the reference in the background, that
    its parent was quicker to end what both had in one epoll set."""
    return [line for line in text[:text.rfind("\n") + 1].splitlines()
            if not re.search("Failed to set fd limit|Error when trying to remove fd", line)]


class Normaliser:
    """Names things by the order in which a transcript first mentions them."""

    def __init__(self, replacements: dict[str, str]) -> None:
        """`replacements` maps text such as the temporary directory to what stands for it."""
        self.replacements = sorted(replacements.items(), key=lambda item: -len(item[0]))
        self.unique: dict[str, str] = {}
        self.guids: dict[str, str] = {}

    def line(self, text: str) -> str:
        """One line, normalised."""
        for old, new in self.replacements:
            text = text.replace(old, new)
        for pattern, new in _RULES:
            text = pattern.sub(new, text)
        text = _UNIQUE.sub(lambda m: self._name(self.unique, m[0], ":u"), text)
        return _GUID.sub(lambda m: self._name(self.guids, m[0], "guid-"), text)

    def _name(self, seen: dict[str, str], key: str, prefix: str) -> str:
        return seen.setdefault(key, f"<{prefix}{len(seen) + 1}>")

    def lines(self, transcript: list[str]) -> list[str]:
        """A whole transcript, normalised."""
        return [self.line(part) for entry in transcript for part in entry.split("\n")
                if not _OURS.fullmatch(part)]
