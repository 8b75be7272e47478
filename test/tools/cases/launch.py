# SPDX-License-Identifier: MIT
"""dbus-launch without a display: forms of output, programs, and the babysitter."""

from __future__ import annotations

import os
import pty
import re
import signal
import struct
import tty
from pathlib import Path
from typing import Callable, Sequence

from daemons import config
from side import Side, case, wait_until

TOOL = "dbus-launch"
CONFIG = "--config-file=CONFIG"
ID = "0123456789abcdef0123456789abcdef"

ARGUMENTS: list[Sequence[str]] = [
    ("--help",), ("-h",), ("-?",), ("--bogus",), ("-x",), ("-",), ("--help", "--bogus"),
    ("--bogus", "--help"), ("--sh-syntax", "-h"), ("-V",), ("-cs",), ("--config-file",),
    ("--config-file=/nonexistent",), ("--config-file", "/nonexistent"), ("--config-file=",),
    ("--config-file=x", "--config-file=x"), ("--config-file=x", "--config-file", "y"),
    ("--config-file=/nonexistent", "--close-stderr"), ("--autolaunch",), ("--autolaunch=",),
    ("--autolaunch=abc",), ("--autolaunch", "abc"), (f"--autolaunch={ID}0",),
    ("--autolaunch=", "--autolaunch="), (f"--autolaunch={ID}", f"--autolaunch={ID}"),
    (f"--autolaunch={ID}",), ("--autolaunch", ID, "true"), (f"--autolaunch={ID}", "--sh-syntax"),
    ("--exit-with-x11",), ("--exit-with-x11", "--exit-with-session"),
    ("--exit-with-x11", "true"), ("--sh-syntaxx",), ("--config-file=/nonexistent", "true"),
]

FORMS: dict[str, tuple[Sequence[str], str]] = {
    "plain": ((), ""), "sh": (("--sh-syntax",), ""), "csh": (("--csh-syntax",), ""),
    "short sh": (("-s",), ""), "short csh": (("-c",), ""), "short both": (("-c", "-s"), ""),
    "both": (("--sh-syntax", "--csh-syntax"), ""), "other order": (("--csh-syntax", "--sh-syntax"),
                                                                   ""),
    "auto bash": (("--auto-syntax",), "/bin/bash"), "auto tcsh": (("--auto-syntax",), "/bin/tcsh"),
    "auto csh": (("--auto-syntax",), "csh"), "auto odd": (("--auto-syntax",), "/bin/csh/x"),
    "auto none": (("--auto-syntax",), ""), "auto sh": (("--auto-syntax", "--sh-syntax"),
                                                       "/bin/tcsh"),
    "close": (("--close-stderr",), ""), "session": (("--exit-with-session",), ""),
}

PROGRAMS: dict[str, Sequence[str]] = {
    "status": ("sh", "-c", "exit 5"), "output": ("sh", "-c", "echo out; echo err >&2"),
    "not there": ("nonexistent",), "not executable": ("/etc/passwd",), "empty": ("",),
    "after dashes": ("--", "true"), "its own options": ("sh", "-c", "echo $0 $*", "--help", "-x"),
    "environment": ("sh", "-c", "env | grep -E '^DBUS_SES' | sort"),
    "nothing after dashes": ("--",), "input": ("cat",),
    "on the bus": ("/usr/bin/dbus-send", "--print-reply=literal", "--dest=org.freedesktop.DBus",
                   "/", "org.freedesktop.DBus.NameHasOwner", "string:a.b"),
}


def prepare(side: Side) -> None:
    """Put a configuration into the working directory. The daemon, in the background, is in the
    root directory; its socket has a path of its own."""
    text = config(listen=f"unix:path={side.directory}/session-bus")
    (side.directory / "CONFIG").write_text(text, encoding="utf-8")


def buses(side: Side) -> list[int]:
    """The daemons that run."""
    return side.processes("dbus-daemon")


@case(params={" ".join(a): a for a in ARGUMENTS})
def arguments(side: Side, words: Sequence[str]) -> None:
    """Options that are wrong, or have nothing started, without a display."""
    side.run(TOOL, words)


@case()
def bad_display(side: Side) -> None:
    """The display cannot be had."""
    prepare(side)
    for option in (f"--autolaunch={ID}", "--exit-with-x11"):
        side.run(TOOL, [CONFIG, option], env={"DISPLAY": ":7777"})


@case(params=list(FORMS))
def form(side: Side, name: str) -> None:
    """The forms in which a new bus is told of."""
    prepare(side)
    words, shell = FORMS[name]
    side.run(TOOL, [CONFIG, *words], env={"SHELL": shell})
    if name != "session":
        side.log(f"buses: {len(buses(side))}")


@case()
def binary(side: Side) -> None:
    """The form for programs: address, process ID, window."""
    prepare(side)
    running = side.start(TOOL, [CONFIG, "--binary-syntax", "--sh-syntax"])
    side.log(f"status: {running.wait()}")
    address, _, rest = running.stdout().partition(b"\0")
    pid, window = struct.unpack("=iq", rest)
    side.log(f"{address.decode()} window {window} right {[pid] == buses(side)}")


@case()
def right_pid(side: Side) -> None:
    """The process ID is the daemon's, which has left the working directory and the terminal."""
    prepare(side)
    running = side.start(TOOL, [CONFIG])
    running.wait()
    match = re.search(rb"PID=(\d+)", running.stdout())
    assert match
    pid = int(match[1])
    # When it is ready to serve, its standard streams are nobody's. It says where it is before that.
    wait_until(lambda: os.readlink(f"/proc/{pid}/fd/1") == "/dev/null", "the background")
    wait_until(lambda: os.getsid(pid) == pid, "a session of its own")
    side.log(f"{[pid] == buses(side)} {os.readlink(f'/proc/{pid}/cwd')}")
    words = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")
    side.log(" ".join(word if not word.isdigit() else "<fd>" for word in words))


@case(params=list(PROGRAMS))
def program(side: Side, name: str) -> None:
    """Programs that are run, and how they end. The bus stays."""
    prepare(side)
    side.run(TOOL, [CONFIG, *PROGRAMS[name]], stdin=b"from standard input\n")
    side.log(f"buses: {len(buses(side))}")


@case()
def version(side: Side) -> None:
    """What programs read of it is the first line."""
    running = side.start(TOOL, ["--version"])
    side.log(f"status: {running.wait()}")
    side.log(running.stdout().decode().splitlines()[0])


# Who ends the bus

def type_end(side: Side, master: int) -> None:
    """Type the character that ends the input."""
    del side
    os.write(master, b"\x04")


def hang_up(side: Side, master: int) -> None:
    """Close the terminal."""
    del side
    os.close(master)


def tell(number: int) -> Callable[[Side, int], None]:
    """Send the babysitter a signal."""
    def listens(pid: int) -> bool:
        """Whether it would not just end."""
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        return any(int(mask, 16) >> (number - 1) & 1
                   for mask in re.findall(r"^Sig(?:Blk|Cgt):\s*(\w+)$", status, re.MULTILINE))

    def send(side: Side, master: int) -> None:
        del master
        for pid in side.processes(TOOL):
            wait_until(lambda pid=pid: listens(pid), "a babysitter that listens")
            os.kill(pid, number)
    return send


ENDS: dict[str, Callable[[Side, int], None]] = {
    "end of input": type_end, "hang-up": hang_up, "SIGTERM": tell(signal.SIGTERM),
    "SIGHUP": tell(signal.SIGHUP), "SIGINT": tell(signal.SIGINT),
}


def with_terminal(side: Side, raw: bool) -> int:
    """A bus whose babysitter watches a terminal. Returns the terminal's other end."""
    prepare(side)
    master, slave = pty.openpty()
    if raw:
        tty.setraw(slave)
    side.log(f"status: {side.start(TOOL, [CONFIG, '--exit-with-session'], stdin=slave).wait()}")
    os.close(slave)
    side.log(f"buses: {len(buses(side))}, babysitters: {len(side.processes(TOOL))}")
    return master


@case(params=list(ENDS))
def end(side: Side, name: str) -> None:
    """The bus ends with the terminal, and when the babysitter is told to end."""
    master = with_terminal(side, False)
    ENDS[name](side, master)
    wait_until(lambda: not buses(side) and not side.processes(TOOL), "the end of all")
    side.log("all has ended")


@case()
def typing(side: Side) -> None:
    """What is typed ends nothing."""
    master = with_terminal(side, True)
    for _ in range(5):
        os.write(master, b"abc\n")
    side.run("dbus-send", ["--bus=unix:path=session-bus", "/", "a.b.C"])
    side.log(f"buses: {len(buses(side))}, babysitters: {len(side.processes(TOOL))}")


@case(params={"null": "/dev/null", "file": "CONFIG"})
def no_terminal(side: Side, name: str) -> None:
    """Without a terminal there is no session, so the bus ends at once."""
    prepare(side)
    with open(side.directory / name, "rb") as stdin:
        running = side.start(TOOL, [CONFIG, "--exit-with-session"], stdin=stdin)
        side.log_end(running)
    wait_until(lambda: not buses(side) and not side.processes(TOOL), "the end of all")
    side.log("all has ended")


@case()
def program_with_babysitter(side: Side) -> None:
    """A program that is run has the babysitter not as a child."""
    prepare(side)
    master, slave = pty.openpty()
    running = side.start(TOOL, [CONFIG, "--exit-with-session", "sh", "-c",
                                "set -- $(cat /proc/$$/task/$$/children); echo $#; exit 3"], stdin=slave)
    side.log_end(running)
    side.log(f"buses: {len(buses(side))}, babysitters: {len(side.processes(TOOL))}")
    os.close(slave)
    os.close(master)
    wait_until(lambda: not buses(side) and not side.processes(TOOL), "the end of all")


CLOSE = "exec \"$0\" \"$@\" "


@case(params={"end of children": ("env", "--ignore-signal=CHLD"),
              "no streams": ("sh", "-c", CLOSE + "<&- >&- 2>&-"), "no output": ("sh", "-c", CLOSE + ">&-")})
def odd_start(side: Side, prefix: Sequence[str]) -> None:
    """Started by who does not want to know of the end of its children, or with closed streams."""
    prepare(side)
    side.prefix = (*prefix, *side.prefix)
    side.run(TOOL, [CONFIG, "sh", "-c", "echo $DBUS_SESSION_BUS_ADDRESS >OUT; exec ls /proc/self/fd"])
    out = side.directory / "OUT"
    side.log(f"the bus was told of: {out.exists() and len(out.read_text()) > 1}")
    side.log(f"buses: {len(buses(side))}")
