# SPDX-License-Identifier: MIT
"""dbus-launch with an X11 display: where it saves a bus, and where others find it."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from typing import Sequence

from cases.launch import CONFIG, TOOL, buses, prepare
from daemons import config
from side import MARK, Side, case, wait_until

ID = "0123456789abcdef0123456789abcdef"
AUTOLAUNCH = f"--autolaunch={ID}"
# Of an address, the digits that are a display's.
NUMBER = re.compile(r"\d+")
WINDOW = re.compile(r"WINDOWID=(\d+)")


def no_display() -> str:
    """Why there cannot be a display; "" if there can."""
    missing = [name for name in ("Xvfb", "xprop", "xwininfo") if not shutil.which(name)]
    return f"needs {missing[0]}" if missing else ""


class Screen:
    """A display of the case's own."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.n_windows = 0
        read, write = os.pipe()
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            ["Xvfb", "-displayfd", str(write), "-noreset", "-nolisten", "tcp",
             "-screen", "0", "64x64x8"],
            pass_fds=[write], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**side.environment(), MARK: side.mark})
        os.close(write)
        with os.fdopen(read) as file:
            self.number = NUMBER.findall(file.readline())[0]
        self.environment = {"DISPLAY": f":{self.number}"}
        side.hidden[f"-{self.number}"] = "-@DISPLAY@"
        side.hidden[f":{self.number} "] = ":@DISPLAY@ "

    def launch(self, *words: str) -> None:
        """Run the tool there."""
        self.side.run(TOOL, [CONFIG, *words], env=self.environment)
        self.windows()
        for number in WINDOW.findall(self.side.running[-1].stdout().decode()):
            self.note(number)

    def note(self, window: str) -> None:
        """Give a window a name: its number tells how many have connected before."""
        if window not in self.side.hidden:
            self.side.hidden[window] = f"<window {chr(ord('A') + self.n_windows)}>"
            self.n_windows += 1

    def ask(self, *command: str) -> str:
        """What a client of the display says; nothing when it fails."""
        done = subprocess.run(command, capture_output=True, check=False, text=True,
                              env={**os.environ, **self.environment})
        return "" if done.returncode else done.stdout

    def windows(self) -> list[str]:
        """The numbers of all windows, which get names in the transcript."""
        # It fails where one goes while it looks.
        tree = wait_until(lambda: self.ask("xwininfo", "-root", "-children"), "all windows")
        found: list[str] = re.findall(r"^ +(0x[0-9a-f]+) ", tree, re.MULTILINE)
        for window in found:
            self.note(str(int(window, 16)))
        return found

    def saved(self) -> list[str]:
        """The properties that tell of buses, of all windows."""
        found = []
        for window in self.windows():
            # One that has gone meanwhile has none.
            lines = sorted(self.ask("xprop", "-id", window).splitlines())
            found += [line for line in lines if "DBUS" in line]
        return [re.sub(r"(PID.*= )[1-9]\d*", r"\1<pid>", line) for line in found]

    def log_state(self) -> None:
        """Write down what is saved, in files and at the display, and what runs."""
        self.side.log(f"windows: {[str(int(window, 16)) for window in self.windows()]}")
        for line in self.saved():
            self.side.log(f"window: {line}")
        for path in sorted(self.side.directory.glob("home/.dbus/session-bus/*")):
            self.side.log(f"file: {path} {path.stat().st_mode:o} {path.parent.stat().st_mode:o}")
            for line in path.read_text(encoding="utf-8").splitlines():
                if not line.startswith("#"):
                    self.side.log(f"file: {line}")
        self.side.log(f"buses: {len(buses(self.side))}, "
                      f"babysitters: {len(self.side.processes(TOOL))}")

    def end(self) -> None:
        """The display goes away."""
        self.process.terminate()
        self.process.wait()


def screen(side: Side) -> Screen:
    """A display, and what is needed to launch there."""
    prepare(side)
    return Screen(side)


@case(params={" ".join(w): w for w in ((), ("--exit-with-session",), ("--exit-with-x11",),
                                       ("--exit-with-session", "--sh-syntax"), (AUTOLAUNCH,),
                                       (AUTOLAUNCH, "--csh-syntax"), ("true",))},
      missing=no_display)
def start(side: Side, words: Sequence[str]) -> None:
    """A first bus."""
    display = screen(side)
    display.launch(*words)
    if "true" in words:
        wait_until(lambda: not display.windows(), "the end of what has become of the tool")
    display.log_state()
    display.end()


@case(params={" ".join(w): w for w in ((AUTOLAUNCH,), (AUTOLAUNCH, "--sh-syntax"),
                                       (AUTOLAUNCH, "sh", "-c", "echo $DBUS_SESSION_BUS_ADDRESS"),
                                       ("--exit-with-session",), ())}, missing=no_display)
def second(side: Side, words: Sequence[str]) -> None:
    """A bus is there already."""
    display = screen(side)
    display.launch(AUTOLAUNCH)
    (side.directory / "session-bus").unlink()
    display.launch(*words)
    display.log_state()
    display.end()


@case(missing=no_display)
def binary(side: Side) -> None:
    """The form that the library reads tells of the window as well."""
    display = screen(side)
    display.launch(AUTOLAUNCH, "--sh-syntax")
    running = side.start(TOOL, [CONFIG, AUTOLAUNCH, "--binary-syntax"], env=display.environment)
    side.log(f"status: {running.wait()}")
    address, _, rest = running.stdout().partition(b"\0")
    pid, window = struct.unpack("=iq", rest)
    side.log(f"{address.decode()} {[pid] == buses(side)} {window}")
    display.end()


@case(params=("--exit-with-session", "--exit-with-x11", AUTOLAUNCH), missing=no_display)
def end_of_display(side: Side, option: str) -> None:
    """The bus ends with the display."""
    display = screen(side)
    display.launch(option)
    side.log(f"buses: {len(buses(side))}")
    display.end()
    wait_until(lambda: not buses(side) and not side.processes(TOOL), "the end of all")
    side.log("all has ended")


@case(missing=no_display)
def user_bus(side: Side) -> None:
    """The bus of a user's service manager is taken rather than a new one, and saved too."""
    display = screen(side)
    side.daemon.start(config(listen=f"unix:path={side.directory}/run/bus"))
    display.launch(AUTOLAUNCH)
    for line in display.saved():
        side.log(f"window: {line}")
    display.launch(AUTOLAUNCH, "--sh-syntax")
    side.log(f"babysitters: {len(side.processes(TOOL))}")
    display.end()
    wait_until(lambda: not side.processes(TOOL), "the end of the babysitter")


@case(params=("", ".0"), missing=no_display)
def names(side: Side, suffix: str) -> None:
    """Several names of a display have one file."""
    display = screen(side)
    display.environment["DISPLAY"] += suffix
    display.launch("true")
    side.log(f"{[p.name for p in side.directory.glob('home/.dbus/session-bus/*')]}")
    display.end()


@case(missing=no_display)
def link_in_home(side: Side) -> None:
    """Where the file is to be there is a link to another."""
    display = screen(side)
    display.launch("true")
    wait_until(lambda: not display.windows(), "the end of what has become of the tool")
    file = next(side.directory.glob("home/.dbus/session-bus/*"))
    other, theirs = side.directory / "other", "of somebody else\n"
    other.write_text(theirs, encoding="utf-8")
    file.unlink()
    file.symlink_to(other)
    display.launch("true")
    side.log(f"written to: {other.read_text() != theirs}, a link: {file.is_symlink()}, "
             f"mode: {file.stat().st_mode:o}")
    display.end()


@case(missing=no_display)
def no_home(side: Side) -> None:
    """The file cannot be written."""
    display = screen(side)
    display.environment["HOME"] = str(side.directory / "nowhere")
    display.launch(AUTOLAUNCH)
    for line in display.saved():
        side.log(f"window: {line}")
    display.end()
