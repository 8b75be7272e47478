# SPDX-License-Identifier: MIT
"""dbus-run-session: the bus it starts, the program it runs, and how either ends."""

from __future__ import annotations

import os
from typing import Mapping, Sequence

from daemons import config
from side import Side, case, wait_until

TOOL = "dbus-run-session"
CONFIG = "--config-file=CONFIG"

# A bus daemon that is none: the first line is Python's, argv[3] the descriptor for the address.
FAKES: dict[str, str] = {
    "steady": "tell(b'unix:path=/none\\n'); time.sleep(60)",
    "without line feed": "tell(b'unix:path=/none'); close(); time.sleep(60)",
    "in two parts": "tell(b'unix:pa'); time.sleep(0.05); tell(b'th=/none\\n'); time.sleep(60)",
    "empty line": "tell(b'\\n'); time.sleep(60)",
    "nothing": "close(); time.sleep(0.1)",
    "ended": "os._exit(4)",
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "ending with 4": "tell(b'unix:path=/none\\n'); os._exit(4)",
    "ending with 0": "tell(b'unix:path=/none\\n'); os._exit(0)",
    "ending by a signal": "tell(b'unix:path=/none\\n'); os.kill(os.getpid(), signal.SIGKILL)",
}
FAKE = """#!/usr/bin/python3
import os, signal, sys, time
fd = int(sys.argv[sys.argv.index('--print-address') + 1])
def tell(text):
    os.write(fd, text)
    if text.endswith(b'\\n'):
        close()
def close():
    os.close(fd)
"""
SPY = """#!/bin/sh
echo "spy $*" >&2
env | grep -E '^DBUS_(SESSION|STARTER)' | sort >&2
ls /proc/self/fd >&2
exit 7
"""

ARGUMENTS: list[Sequence[str]] = [
    (), ("--help",), ("--bogus",), ("-x",), ("-",), ("--",), ("--help", "--bogus"),
    ("--bogus", "--help"), ("--helpx",), ("-h",), ("-?",), ("-h", "--bogus"), ("--config-file",), ("--config-file", "x"),
    ("--dbus-daemon",), ("--dbus-daemon", "x"), ("--config-file=x", "--config-file=x", "true"),
    ("--config-file", "x", "--config-file", "y", "true"),
    ("--dbus-daemon=x", "--dbus-daemon=x", "true"),
    ("--dbus-daemon", "x", "--dbus-daemon", "y", "true"), ("--dbus-daemon=/nonexistent", "true"),
    ("--dbus-daemon=nonexistent", "true"), ("--dbus-daemon=", "true"), ("--config-file=", "true"),
    ("--config-file=/nonexistent", "true"), ("--config-file", "/nonexistent", "true"),
    ("--dbus-daemonx", "true"), ("--dbus-daemon", "--config-file", "true"), ("--config-file=x",),
    ("--config-file=x", "--help"), ("--config-file=x", "--", "--help"), ("--dbus-daemon=x", "--"),
]

PROGRAMS: dict[str, Sequence[str]] = {
    "true": ("true",), "false": ("false",), "status": ("sh", "-c", "exit 42"),
    "killed": ("sh", "-c", "kill -9 $$"), "terminated": ("sh", "-c", "kill -TERM $$"),
    "not there": ("nonexistent",), "not executable": ("/etc/passwd",), "option": ("--", "-x"),
    "empty": ("",), "its own options": ("sh", "-c", "echo $0 $*", "--help", "--", "-x"),
    "after dashes": ("--", "echo", "--help"), "output": ("sh", "-c", "echo out; echo err >&2"),
    "descriptors": ("sh", "-c", "ls /proc/self/fd"), "input": ("cat",),
    "on the bus": ("/usr/bin/dbus-send", "--print-reply=literal", "--dest=org.freedesktop.DBus",
                   "/", "org.freedesktop.DBus.NameHasOwner", "string:a.b"),
    "a process of its own": ("sh", "-c", "sleep 0.05 & exit 3"),
}


def prepare(side: Side, fakes: Mapping[str, str] | None = None) -> None:
    """Put a configuration and programs into the working directory."""
    listen = config(listen=f"unix:path={side.directory}/session-bus")
    (side.directory / "CONFIG").write_text(listen, encoding="utf-8")
    for name, text in (fakes or {}).items():
        path = side.directory / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)


@case(params={" ".join(a): a for a in ARGUMENTS})
def arguments(side: Side, words: Sequence[str]) -> None:
    """Options, right and wrong."""
    side.run(TOOL, words)


@case(params=list(PROGRAMS))
def program(side: Side, name: str) -> None:
    """Programs and how they end."""
    prepare(side)
    side.run(TOOL, [CONFIG, *PROGRAMS[name]], stdin=b"from standard input\n")


@case()
def environment(side: Side) -> None:
    """What a program learns of the bus, and what it does not of others."""
    prepare(side)
    side.run(TOOL, [CONFIG, "sh", "-c", "env | grep DBUS | sort"], env={
        "DBUS_SESSION_BUS_PID": "1", "DBUS_SESSION_BUS_WINDOWID": "2", "DBUS_STARTER_ADDRESS": "3",
        "DBUS_STARTER_BUS_TYPE": "4"})


@case()
def version(side: Side) -> None:
    """What programs read of it is the first line."""
    running = side.start(TOOL, ["--version"])
    side.log(f"status: {running.wait()}")
    side.log(running.stdout().decode().splitlines()[0])


@case()
def end_of_bus(side: Side) -> None:
    """The bus ends with the program."""
    prepare(side)
    side.run(TOOL, [CONFIG, "true"])
    wait_until(lambda: not side.processes("dbus-daemon"), "the end of the bus")


@case()
def children_ignored(side: Side) -> None:
    """Started by who does not want to know of the end of its children."""
    prepare(side)
    side.prefix = ("timeout", "-k1", "6", "env", "--ignore-signal=CHLD", *side.prefix)
    side.run(TOOL, [CONFIG, "sh", "-c", "exit 3"])


@case(params=list(FAKES))
def bus(side: Side, name: str) -> None:
    """Daemons that do well and badly."""
    prepare(side, {"fake": FAKE + FAKES[name] + "\n"})
    side.run(TOOL, ["--dbus-daemon=./fake", "sh", "-c",
                    'echo "$DBUS_SESSION_BUS_ADDRESS"; sleep 0.4; exit 9'])


@case(params={"own configuration": ["--dbus-daemon=./spy", CONFIG],
              "by its own word": ["--dbus-daemon", "./spy", "--config-file", "x y"],
              "default": ["--dbus-daemon=./spy"], "of the path": []})
def daemon(side: Side, options: Sequence[str]) -> None:
    """How the daemon is started."""
    prepare(side, {"spy": SPY, "dbus-daemon": SPY})
    read, write = os.pipe()
    os.set_inheritable(read, True)
    try:
        side.run(TOOL, [*options, "true"], env={"PATH": f"{side.directory}:/usr/bin:/bin"})
    finally:
        os.close(read)
        os.close(write)
