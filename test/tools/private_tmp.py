#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run a command in which /tmp is empty, but for directories that are to be kept:
private_tmp.py DIRECTORY... -- COMMAND...

The stock dbus-cleanup-sockets removes files of /tmp whatever directory it is given. Nothing is run
unless /tmp is another one than everybody's. Exit status 125: that could not be had.
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from namespace import MS_BIND, MS_REC, TROUBLE, mount, separate  # noqa: E402


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
