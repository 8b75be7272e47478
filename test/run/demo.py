#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Show the daemon at its main work: stock clients talking to each other over it.

Starts the daemon on a socket in a directory of its own and lets dbus-send, gdbus, busctl and a
python3-dbus service claim names and exchange calls, signals and file descriptors, watched by
dbus-monitor. Then clients that run on the client library of this tree are given peer links while
they talk. Prints a table of what was done and whether it came out right, and ends by itself.
The exit status is 0 when everything did.
"""

from __future__ import annotations

import argparse
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from links import LinkScene

HERE = Path(__file__).resolve().parent
SERVICE = HERE / "service.py"
DEADLINE = 8.0
CLIENTS = ("dbus-send", "dbus-monitor", "dbus-test-tool", "gdbus", "busctl")

NAME, PATH, INTERFACE = "com.example.Demo", "/com/example/Demo", "com.example.Demo1"
BUS, BUS_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"

CONFIGURATION = """<busconfig>
  <type>session</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class Failure(Exception):
    """The demonstration cannot go on."""


@dataclass
class Row:
    """One line of the table."""

    what: str
    client: str
    result: str
    right: bool


def shortened(text: str, width: int) -> str:
    """A text on one line of at most this width."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[:width - 3] + "..."


def wait_until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition, but not for ever. Returns whether it came true."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def find_python() -> str:
    """A Python that has the modules the service needs."""
    for python in ("/usr/bin/python3", sys.executable, "python3"):
        try:
            subprocess.run([python, "-c", "import dbus, gi"], check=True, capture_output=True)
            return python
        except (OSError, subprocess.CalledProcessError):
            continue
    raise Failure("no Python has the modules dbus and gi (python3-dbus, python3-gi)")


class Demonstration:
    """The bus, its clients and the table."""

    def __init__(self, daemon: str, directory: Path) -> None:
        self.daemon_path = daemon
        self.directory = directory
        self.python = find_python()
        self.rows: list[Row] = []
        self.blocks: list[str] = []  # Printed below the table.
        self.children: list[subprocess.Popen[str]] = []
        self.environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8",
                            "HOME": str(directory), "XDG_RUNTIME_DIR": str(directory)}
        self.environment.update({name: value for name, value in os.environ.items()
                                 if name.endswith("SAN_OPTIONS") or name == "RUN_TESTS_MARK"})

    # Processes

    def start(self, command: list[str], output: str,
              more: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start something that runs beside us. Its output goes to a file of this name."""
        with open(self.directory / output, "w", encoding="utf-8") as out, \
                open(self.directory / f"{output}.err", "w", encoding="utf-8") as err:
            child = subprocess.Popen(  # pylint: disable=consider-using-with
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, text=True,
                env=self.environment | (more or {}))
        self.children.append(child)
        return child

    def start_piped(self, command: list[str], more: dict[str, str]) -> subprocess.Popen[str]:
        """Start something that is told what to do by its input, and answers by its output."""
        child = subprocess.Popen(  # pylint: disable=consider-using-with
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=self.environment | more)
        self.children.append(child)
        return child

    @staticmethod
    def wait_until(condition: Callable[[], bool]) -> bool:
        """Wait for a condition, but not for ever. Returns whether it came true."""
        return wait_until(condition)

    def output_of(self, name: str) -> str:
        """What such a process has written so far."""
        return (self.directory / name).read_text(encoding="utf-8", errors="replace")

    def run(self, *command: str) -> tuple[int, str]:
        """Run a client to its end. Returns its exit status and all it printed."""
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=DEADLINE, env=self.environment, check=False)
        except subprocess.TimeoutExpired:
            return -1, f"did not end in {DEADLINE:.0f} s"
        return done.returncode, (done.stdout + done.stderr).strip()

    def start_daemon(self, socket: str = "bus") -> subprocess.Popen[str]:
        """Start a daemon; it is ready when it has printed its address."""
        config = self.directory / f"{socket}.conf"
        path = self.directory / socket
        config.write_text(CONFIGURATION.format(path=path), encoding="utf-8")
        reading, writing = os.pipe()
        with open(self.directory / "daemon.err", "a", encoding="utf-8") as err:
            daemon = subprocess.Popen(  # pylint: disable=consider-using-with
                [self.daemon_path, f"--config-file={config}", "--nofork", "--nopidfile",
                 f"--print-address={writing}"],
                stdin=subprocess.DEVNULL, stdout=err, stderr=err, text=True,
                pass_fds=(writing,), env=self.environment)
        os.close(writing)
        self.children.append(daemon)
        ready, _, _ = select.select([reading], [], [], DEADLINE)
        with os.fdopen(reading, encoding="utf-8") as stream:
            address = stream.readline().strip() if ready else ""
        if not address:
            raise Failure(f"the daemon printed no address: {self.output_of('daemon.err')}")
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = address
        self.note("listens at an address", "dbus-daemon", address,
                  address.startswith(f"unix:path={path},guid="))
        return daemon

    def stop_all(self) -> None:
        """End what still runs, the daemon last."""
        for child in reversed(self.children):
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(3)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()

    # The table

    def note(self, what: str, client: str, result: str, right: bool) -> None:
        """Add a line."""
        self.rows.append(Row(what, client, result, right))

    def try_client(self, what: str, command: list[str], wanted: str, status: int = 0) -> None:
        """Run a client; it is right if what it prints matches and it ends with this status."""
        ended, text = self.run(*command)
        found = re.search(wanted, text)
        self.note(what, Path(command[0]).name, found[0] if found else text,
                  ended == status and found is not None)

    def try_python(self, what: str, arguments: list[str], wanted: str) -> None:
        """Run the python3-dbus client."""
        ended, text = self.run(self.python, str(SERVICE), *arguments)
        self.note(what, "python3-dbus", text, ended == 0 and text == wanted)

    def try_until(self, what: str, client: str, output: str, wanted: str) -> None:
        """Wait for a process beside us to print something."""
        wait_until(lambda: re.search(wanted, self.output_of(output)) is not None)
        found = re.search(wanted, self.output_of(output))
        self.note(what, client, found[0] if found else "not seen", found is not None)

    # Scenes

    def names(self) -> None:
        """A service claims a name, and others see that."""
        self.start([self.python, str(SERVICE), "serve"], "service")
        self.try_until("claims a name", "python3-dbus", "service", "primary owner")
        self.try_client("waits for the name", ["gdbus", "wait", "--session", "--timeout", "5",
                                               NAME], "^$")
        self.try_client("asks whether it has an owner",
                        ["dbus-send", "--session", "--print-reply=literal", f"--dest={BUS}",
                         BUS_PATH, f"{BUS}.NameHasOwner", f"string:{NAME}"], "boolean true")
        self.try_client("lists names with their owners",
                        ["busctl", f"--address={self.address}", "--no-pager", "list"],
                        # Where no cgroups are mounted, busctl gives up on processes: "-".
                        rf"{re.escape(NAME)} +({self.children[-1].pid} python3|- +-)")

    @property
    def address(self) -> str:
        """Where the bus is."""
        return self.environment["DBUS_SESSION_BUS_ADDRESS"]

    def calls(self) -> None:
        """Each client calls the service, and one that nobody offers."""
        self.try_client("calls, and prints the reply",
                        ["dbus-send", "--session", "--print-reply=literal", f"--dest={NAME}",
                         PATH, f"{INTERFACE}.Echo", "string:from dbus-send"],
                        "^from dbus-send$")
        self.try_client("calls, and prints the reply",
                        ["gdbus", "call", "--session", "-d", NAME, "-o", PATH,
                         "-m", f"{INTERFACE}.Echo", "from gdbus"], r"^\('from gdbus',\)$")
        self.try_client("calls with a table of variants",
                        ["busctl", f"--address={self.address}", "call", NAME, PATH, INTERFACE,
                         "Keys", "a{sv}", "2", "one", "i", "1", "two", "as", "1", "x"],
                        '^as 2 "one" "two"$')
        self.try_client("reads a property",
                        ["busctl", f"--address={self.address}", "get-property", NAME, PATH,
                         INTERFACE, "Version"], "^u 1$")
        self.try_client("introspects the service",
                        ["gdbus", "introspect", "--session", "-d", NAME, "-o", PATH],
                        r"Shout\(in\s+s text\)")
        self.try_client("is told that nobody has a name",
                        ["dbus-send", "--session", "--print-reply", "--dest=com.example.Nobody",
                         PATH, f"{INTERFACE}.Echo", "string:x"],
                        r"ServiceUnknown: The name com\.example\.Nobody was not provided",
                        status=1)

    def signals(self) -> None:
        """Signals go from clients to the service, and from it to all who asked for them."""
        self.start(["gdbus", "monitor", "--session", "-d", NAME], "gdbus-monitor")
        self.try_until("subscribes to the service's signals", "gdbus", "gdbus-monitor",
                       "is owned by :1\\.[0-9]+")
        self.try_client("sends a signal",
                        ["dbus-send", "--session", "--type=signal", PATH, f"{INTERFACE}.Said",
                         "string:by dbus-send"], "^$")
        self.try_client("sends a signal",
                        ["gdbus", "emit", "--session", "-o", PATH, "-s", f"{INTERFACE}.Said",
                         "by gdbus"], "^$")
        self.try_client("sends a signal",
                        ["busctl", f"--address={self.address}", "emit", PATH, INTERFACE, "Said",
                         "s", "by busctl"], "^$")
        self.try_client("asks what the service heard",
                        ["gdbus", "call", "--session", "-d", NAME, "-o", PATH,
                         "-m", f"{INTERFACE}.Heard"],
                        r"^\(\['by dbus-send', 'by gdbus', 'by busctl'\],\)$")
        self.try_client("has the service send a signal",
                        ["dbus-send", "--session", "--print-reply=literal", f"--dest={NAME}",
                         PATH, f"{INTERFACE}.Shout", "string:hello all"], "^$")
        self.try_until("receives the service's signal", "gdbus", "gdbus-monitor",
                       r"Shouted \('hello all', ':1\.[0-9]+'\)")

    def descriptors(self) -> None:
        """Open files travel both ways."""
        self.try_python("sends a pipe, gets its content back",
                        ["send-fd", "through the bus"], "through the bus")
        self.try_python("receives a pipe and reads it", ["fetch-fd", "and back"], "and back")

    def endings(self, daemon: subprocess.Popen[str]) -> None:
        """The service goes, its name with it; the monitor has seen everything; the bus ends."""
        self.try_client("tells the service to end",
                        ["busctl", f"--address={self.address}", "call", NAME, PATH, INTERFACE,
                         "Quit"], "^$")
        self.try_until("is told that the name is gone", "gdbus", "gdbus-monitor",
                       f"The name {re.escape(NAME)} does not have an owner")
        for what, wanted in (
                ("saw the name change hands", rf'Changed\n   string "{NAME}"\n'
                                              r'   string ""\n   string ":1\.[0-9]+"'),
                ("saw a call", r"interface=com\.example\.Demo1; member=Echo\n"
                               '   string "from gdbus"'),
                ("saw a file descriptor go by", r"member=ReadFd\n   file descriptor"),
                ("saw a signal", r'member=Shouted\n   string "hello all"'),
                ("saw an error", r"error_name=org\.freedesktop\.DBus\.Error\.ServiceUnknown")):
            self.try_until(what, "dbus-monitor", "monitor", wanted)
        self.end_daemon(daemon)

    def end_daemon(self, daemon: subprocess.Popen[str]) -> None:
        """Tell a daemon to end."""
        daemon.terminate()
        ended = wait_until(lambda: daemon.poll() is not None)
        self.note("ends when told to", "dbus-daemon", f"exit status {daemon.returncode}",
                  ended and daemon.returncode == 0)

    def play_links(self, library: str, tools: str) -> None:
        """The scene of peer links, on a bus of its own, as the other one has a monitor."""
        daemon = self.start_daemon("links-bus")
        LinkScene(self, library, tools).play(daemon)
        self.end_daemon(daemon)

    def play(self) -> None:
        """All scenes of one bus, in order."""
        daemon = self.start_daemon()
        self.start(["dbus-monitor", "--session"], "monitor")
        self.try_until("becomes a monitor", "dbus-monitor", "monitor", "member=NameLost")
        self.names()
        self.calls()
        self.signals()
        self.descriptors()
        self.endings(daemon)


def print_table(rows: list[Row]) -> None:
    """Print the table."""
    print(f"{'what':36} {'client':14} {'result':42} right")
    for row in rows:
        result = shortened(row.result, 42) or "(nothing to print)"
        print(f"{row.what:36} {row.client:14} {result:42} {'yes' if row.right else 'NO'}")


def main() -> int:
    """Run, print, and tell by the exit status."""
    default = HERE.parent.parent / "build" / "bus" / "dbus-daemon"
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--daemon", default=str(default), help="the daemon (%(default)s)")
    parser.add_argument("--library", help="the folder of the client library (beside the daemon's)")
    parser.add_argument("--tools", help="the folder of dbus-links (beside the daemon's)")
    parser.add_argument("--no-links", action="store_true", help="leave peer links out: a library "
                        "with sanitizers can't be loaded by other people's programs")
    options = parser.parse_args()
    missing = [name for name in CLIENTS if shutil.which(name) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}")
        return 77
    directory = Path(tempfile.mkdtemp(prefix="demo-"))
    start = time.monotonic()
    try:
        daemon = Path(os.path.abspath(options.daemon))
        build = daemon.parent.parent
        demonstration = Demonstration(str(daemon), directory)
        try:
            demonstration.play()
            if not options.no_links:
                demonstration.play_links(os.path.abspath(options.library or build / "dbus"),
                                         os.path.abspath(options.tools or build / "tools"))
        except Failure as failure:
            demonstration.note("goes on", "", str(failure), False)
        finally:
            demonstration.stop_all()
        print_table(demonstration.rows)
        for block in demonstration.blocks:
            print(f"\n{block}")
        wrong = sum(not row.right for row in demonstration.rows)
        if wrong:
            print(f"\nstandard error of the daemon:\n{demonstration.output_of('daemon.err')}")
        print(f"\n{options.daemon}, {time.monotonic() - start:.1f} s")
        print(f"{len(demonstration.rows) - wrong} passed, {wrong} failed")
    except Failure as failure:
        print(failure)
        return 77
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
