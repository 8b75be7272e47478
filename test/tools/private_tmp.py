#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run a command in which /tmp is empty, but for directories that are to be kept:
private_tmp.py DIRECTORY... -- COMMAND...

The stock dbus-cleanup-sockets removes files of /tmp whatever directory it is given. Nothing is run
unless /tmp is another one than everybody's. Exit status 125: that could not be had.
"""

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
        print(f"private_tmp: {what}: {os.strerror(ctypes.get_errno())}", file=sys.stderr)
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


def main() -> None:
    """Do as the module says."""
    split = sys.argv.index("--")
    kept, command = sys.argv[1:split], sys.argv[split + 1:]
    working = os.getcwd()
    everybodys = os.stat("/tmp").st_dev, os.stat("/tmp").st_ino
    separate()
    descriptors = [os.open(directory, os.O_PATH) for directory in kept]
    mount("none", "/tmp", "tmpfs", 0)
    if (os.stat("/tmp").st_dev, os.stat("/tmp").st_ino) == everybodys or os.listdir("/tmp"):
        sys.exit(TROUBLE)
    for directory, fd in zip(kept, descriptors):
        os.makedirs(directory, exist_ok=True)
        mount(f"/proc/self/fd/{fd}", directory, None, MS_BIND | MS_REC)
    os.chdir(working if os.path.isdir(working) else "/")
    os.execv(command[0], command[1:])


if __name__ == "__main__":
    main()
