#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A client of the demonstration's service that calls as often as it is told to.

For each number read from standard input it makes so many calls, one after the other, each with
"call" and its own number, checks the replies, and prints how many it has made.

Needs python3-dbus, and nothing else. The bus is the one in DBUS_SESSION_BUS_ADDRESS.
"""

from __future__ import annotations

import sys

import dbus

NAME = "com.example.Demo"
PATH = "/com/example/Demo"
INTERFACE = "com.example.Demo1"


def main() -> int:
    """Call until standard input ends."""
    demo = dbus.Interface(dbus.SessionBus().get_object(NAME, PATH, introspect=False), INTERFACE)
    made = 0
    print("ready", flush=True)
    for line in sys.stdin:
        for _ in range(int(line)):
            text = f"call {made}"
            if demo.Echo(text, signature="s") != text:
                return 1
            made += 1
        print(made, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
