# SPDX-License-Identifier: MIT
"""A mount namespace of one's own, for what would else be seen by all of the machine."""

from __future__ import annotations

import ctypes
import os
import sys

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000  # <sched.h>
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18  # <sys/mount.h>
TROUBLE = 125
_LIBC = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    """End where a call has failed."""
    if result:
        print(f"{os.path.basename(sys.argv[0])}: {what}: {os.strerror(ctypes.get_errno())}",
              file=sys.stderr)
        sys.exit(TROUBLE)


def mount(source: str, target: str, kind: str | None, flags: int) -> None:
    """mount(2)."""
    check(_LIBC.mount(source.encode(), target.encode(), kind and kind.encode(), flags, None),
          f"mount {target}")


def separate() -> None:
    """Take a mount namespace of our own; without being root, of a user namespace's."""
    user, group = os.geteuid(), os.getegid()
    check(_LIBC.unshare(CLONE_NEWNS | (CLONE_NEWUSER if user else 0)), "unshare")
    if user:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"),
                           ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    mount("none", "/", None, MS_REC | MS_PRIVATE)
