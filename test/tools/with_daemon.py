#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run a command for which a daemon of ours is in the place of the distribution's, by whose path
dbus-launch knows it: with_daemon.py DAEMON -- COMMAND... Exit status 125: that could not be had.
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from namespace import MS_BIND, TROUBLE, mount, separate  # noqa: E402

STOCK_DAEMON = "/usr/bin/dbus-daemon"


def main() -> None:
    """Do as the module says."""
    daemon, dashes, *command = sys.argv[1:]
    if dashes != "--" or not command:
        sys.exit(TROUBLE)
    separate()
    mount(daemon, STOCK_DAEMON, None, MS_BIND)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
