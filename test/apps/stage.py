# SPDX-License-Identifier: MIT
"""What the programs of a family are given: a bus, a library to load and somebody who checks."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import leftovers  # noqa: E402
import tracing  # noqa: E402

DEADLINE = 20.0
MARK = "CHECK_APPS_MARK"
PYTHON = "/usr/bin/python3"

# Programs are found where administrators' are, too.
PATH = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin"

# Daemons that drop their rights shall be let in, and own what they like: it is not the policy
# that is under test.
CONFIGURATION = """<busconfig>
  <type>session</type>
  <listen>unix:path={directory}/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{directory}/services</servicedir>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"""

# What the library prints before it ends a program that called it wrongly.
COMPLAINT = re.compile(r"^.*(arguments to \w+\(\) were incorrect|D-Bus library appears to be "
                       r"incorrectly set up|symbol lookup error|version `LIBDBUS_\S+' not found)"
                       r".*$", re.MULTILINE)


class Failure(Exception):
    """The family cannot go on."""


class Library(NamedTuple):
    """A libdbus-1.so.3, and a directory with nothing else in it."""

    name: str
    path: Path
    directory: Path


class Daemon(NamedTuple):
    """A dbus-daemon."""

    name: str
    path: str


class Combination(NamedTuple):
    """What a family runs on."""

    library: Library
    daemon: Daemon

    def __str__(self) -> str:
        return f"{self.library.name} library, {self.daemon.name} daemon"


class Row(NamedTuple):
    """One check: who did what, and whether it came out right, or why it was not tried."""

    program: str
    what: str
    right: bool
    note: str = ""
    skipped: str = ""


class Done(NamedTuple):
    """A program that has ended, with all it printed."""

    status: int | None
    out: str
    err: str

    @property
    def text(self) -> str:
        """Standard output and error, one after the other."""
        return (self.out + self.err).strip()


@dataclass
class Running:
    """A program that runs beside us, and the files it prints to."""

    program: str
    process: subprocess.Popen[bytes]
    out: Path
    err: Path
    loads: bool

    @property
    def text(self) -> str:
        """What it has printed so far."""
        return "".join(path.read_text(encoding="utf-8", errors="replace")
                       for path in (self.out, self.err))

    def write(self, text: str) -> None:
        """Type something into it."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()


def wait_until(condition: Callable[[], object], seconds: float = DEADLINE) -> bool:
    """Wait for a condition, but not for ever. Returns whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that nobody has at the moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def isolated(*command: str, setup: str = "") -> list[str]:
    """A command with network interfaces and a /run of its own; the setup is shell commands."""
    script = f'mount -t tmpfs tmpfs /run\nip link set lo up\n{setup}\nexec "$@"'
    return ["unshare", "--net", "--mount", "sh", "-ec", script, "sh", *command]


def last_lines(text: str, count: int = 12) -> str:
    """The end of a text, for a report."""
    return "\n".join(text.strip().splitlines()[-count:])


@dataclass
class Stage:  # pylint: disable=too-many-instance-attributes
    """One bus with what runs on it, in one combination of library and daemon."""

    combination: Combination
    directory: Path
    samples: Path
    rows: list[Row] = field(default_factory=list)
    running: list[Running] = field(default_factory=list)
    # What each program had loaded, right and wrong.
    loaded: dict[str, set[str]] = field(default_factory=dict)
    outputs: list[Path] = field(default_factory=list)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    address: str = ""
    bus_daemon: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.directory.chmod(0o755)
        for name in ("home", "runtime", "services", "output"):
            (self.directory / name).mkdir()
        (self.directory / "runtime").chmod(0o700)
        self.environment = {
            "PATH": PATH, "LC_ALL": "C.UTF-8", "TERM": "dumb", MARK: self.mark,
            "HOME": str(self.directory / "home"),
            "XDG_RUNTIME_DIR": str(self.directory / "runtime"),
            "XDG_CONFIG_HOME": str(self.directory / "home"),
            "LD_LIBRARY_PATH": str(self.combination.library.directory),
        }
        self.environment.update({name: value for name, value in os.environ.items()
                                 if name.endswith("SAN_OPTIONS") or name == "RUN_TESTS_MARK"})

    # The bus

    def daemon_environment(self) -> dict[str, str]:
        """The stock daemon uses symbols of the stock library that are no part of its interface,
        so it is never run on another."""
        return {name: value for name, value in self.environment.items()
                if name != "LD_LIBRARY_PATH"}

    def daemon_wrapper(self) -> Path:
        """A program in a directory of its own that starts the daemon with that environment."""
        path = self.directory / "wrapper" / "dbus-daemon"
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\nunset LD_LIBRARY_PATH\n"
                        f'exec {self.combination.daemon.path} "$@"\n', encoding="utf-8")
        path.chmod(0o755)
        return path

    def write_configuration(self) -> Path:
        """The configuration of the bus."""
        path = self.directory / "bus.conf"
        path.write_text(CONFIGURATION.format(directory=self.directory), encoding="utf-8")
        return path

    def add_service(self, name: str, command: Sequence[str]) -> bool:
        """Make a name activatable. What the bus starts loads the library under test, too. Returns
        whether the daemon has taken notice: not every one can start services."""
        words = ["/usr/bin/env", f"LD_LIBRARY_PATH={self.combination.library.directory}", *command]
        (self.directory / "services" / f"{name}.service").write_text(
            f"[D-BUS Service]\nName={name}\nExec={' '.join(words)}\n", encoding="utf-8")
        # Some daemons see new files by themselves, but nobody promises when.
        self.gdbus("org.freedesktop.DBus", "/org/freedesktop/DBus",
                   "org.freedesktop.DBus.ReloadConfig")
        return name in self.gdbus("org.freedesktop.DBus", "/org/freedesktop/DBus",
                                  "org.freedesktop.DBus.ListActivatableNames").text

    def write_another_configuration(self, name: str) -> Path:
        """A configuration for a bus beside that one."""
        other = self.directory / name
        other.mkdir(exist_ok=True)
        path = other / "bus.conf"
        path.write_text(CONFIGURATION.format(directory=other), encoding="utf-8")
        (other / "services").mkdir(exist_ok=True)
        return path

    def start_bus(self) -> None:
        """Start the daemon; it is ready when it has printed its address."""
        configuration = self.write_configuration()
        reading, writing = os.pipe()
        with open(self.directory / "daemon.err", "wb") as err:
            self.bus_daemon = subprocess.Popen(  # pylint: disable=consider-using-with
                [self.combination.daemon.path, f"--config-file={configuration}", "--nofork",
                 "--nopidfile", f"--print-address={writing}"],
                stdin=subprocess.DEVNULL, stdout=err, stderr=err, pass_fds=(writing,),
                env=self.daemon_environment(), preexec_fn=tracing.die_with_parent)
        os.close(writing)
        ready, _, _ = select.select([reading], [], [], DEADLINE)
        with os.fdopen(reading, encoding="utf-8") as stream:
            self.address = stream.readline().strip() if ready else ""
        if not self.address:
            raise Failure("the daemon printed no address: " +
                          (self.directory / "daemon.err").read_text(encoding="utf-8"))
        # It may print that before it is ready for everything else, such as being told to end.
        self.owns("org.freedesktop.DBus")
        for kind in ("SESSION", "SYSTEM", "STARTER"):
            self.environment[f"DBUS_{kind}_BUS_ADDRESS"] = self.address

    # Programs

    def _output(self, program: str, kind: str) -> Path:
        path = self.directory / "output" / f"{len(self.outputs)}-{program}.{kind}"
        self.outputs.append(path)
        return path

    def run(self, *command: str, program: str = "", loads: bool = True,
            environment: Mapping[str, str] | None = None, seconds: float = DEADLINE,
            typed: str = "") -> Done:
        """Run a program to its end. It is to load the library under test, unless told not to."""
        program = program or Path(command[0]).name
        out, err = (self._output(program, kind) for kind in ("out", "err"))
        given = self.directory / "typed"
        given.write_text(typed, encoding="utf-8")
        with open(given, "rb") as stdin, open(out, "wb") as stdout, open(err, "wb") as stderr:
            ended = tracing.run(command, self.environment | dict(environment or {}),
                                (stdin.fileno(), stdout.fileno(), stderr.fileno()), seconds)
        if loads:
            self.note_loaded(program, ended.libraries)
        return Done(ended.status, *(path.read_text(encoding="utf-8", errors="replace")
                                    for path in (out, err)))

    def start(self, *command: str, program: str = "", loads: bool = True,
              environment: Mapping[str, str] | None = None, typing: bool = False) -> Running:
        """Start a program that runs beside us."""
        program = program or Path(command[0]).name
        out, err = (self._output(program, kind) for kind in ("out", "err"))
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                command, stdin=subprocess.PIPE if typing else subprocess.DEVNULL, stdout=stdout,
                stderr=stderr, env=self.environment | dict(environment or {}),
                start_new_session=True, preexec_fn=tracing.die_with_parent)
        started = Running(program, process, out, err, loads)
        self.running.append(started)
        if loads:
            self.note_loaded(program, None)
        return started

    def look_into(self, started: Running) -> None:
        """Note what a running program has loaded."""
        self.note_child(started.program, started.process.pid)

    def note_child(self, program: str, pid: int) -> None:
        """Note what a process has loaded that was started by another."""
        self.note_loaded(program, tracing.libraries_of(pid))

    def look_at_owner(self, program: str, name: str) -> None:
        """Note what the owner of a name, which somebody else has started, has loaded."""
        done = self.gdbus("org.freedesktop.DBus", "/org/freedesktop/DBus",
                          "org.freedesktop.DBus.GetConnectionUnixProcessID", name)
        found = re.search(r"uint32 (\d+)", done.text)
        self.note_loaded(program, tracing.libraries_of(int(found[1])) if found else None)

    def note_loaded(self, program: str, libraries: frozenset[str] | None) -> None:
        """Remember what a program had loaded, if it could be seen. It has to be seen once."""
        seen = self.loaded.setdefault(program, set())
        if libraries is not None:
            seen.update(libraries or {"none"})

    def end(self, started: Running, number: signal.Signals = signal.SIGTERM) -> int | None:
        """Tell a program to end, and wait until it has. Returns its exit status."""
        if started not in self.running:
            return started.process.returncode
        self.running.remove(started)
        status = started.process.poll()
        if status is None:
            if started.loads:
                self.look_into(started)
            started.process.send_signal(number)
            try:
                status = started.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                status = None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.process.pid, signal.SIGKILL)
        started.process.wait()
        return status

    def children_of(self, pid: int, name: str) -> list[int]:
        """The children of a process which are of this name."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
                comm, rest = stat[stat.index("(") + 1:].rsplit(") ", 1)
                if comm == name[:15] and int(rest.split()[1]) == pid:
                    found.append(int(entry.name))
        return found

    # Checks

    def check(self, program: str, what: str, right: object, note: str = "") -> bool:
        """Note whether something came out right. The note is told if it did not."""
        self.rows.append(Row(program, what, bool(right), "" if right else note))
        return bool(right)

    def skip(self, program: str, what: str, why: str) -> None:
        """Note that something cannot be tried here."""
        self.rows.append(Row(program, what, True, skipped=why))

    def expect(self, what: str, command: Sequence[str], wanted: str, *,
               status: int | None = 0, program: str = "", loads: bool = True,
               environment: Mapping[str, str] | None = None, typed: str = "") -> Done:
        """Run a program; right is an exit status and a text that matches all it printed."""
        done = self.run(*command, program=program, loads=loads, environment=environment,
                        typed=typed)
        ended = "did not end" if done.status is None else f"exit status {done.status}"
        self.check(program or Path(command[0]).name, what,
                   done.status == status and re.search(wanted, done.text, re.MULTILINE),
                   f"{ended}, wanted {wanted!r} in:\n{done.text[-2000:]}")
        return done

    def expect_later(self, what: str, started: Running, wanted: str, program: str = "") -> bool:
        """Wait for a text in what a running program prints."""
        pattern = re.compile(wanted, re.MULTILINE)
        right = wait_until(lambda: pattern.search(started.text)
                           or started.process.poll() is not None)
        right = right and pattern.search(started.text) is not None
        return self.check(program or started.program, what, right,
                          f"wanted {wanted!r} in:\n{started.text[-2000:]}")

    def expect_in_time(self, what: str, command: Sequence[str], wanted: str, *,
                       program: str = "", loads: bool = True) -> bool:
        """Run a program again and again until what it prints matches: others take their time."""
        done = Done(None, "", "")

        def asked() -> bool:
            nonlocal done
            done = self.run(*command, program=program, loads=loads)
            return re.search(wanted, done.text, re.MULTILINE) is not None

        return self.check(program or Path(command[0]).name, what, wait_until(asked),
                          f"wanted {wanted!r} in:\n{done.text[-2000:]}")

    def expect_end(self, what: str, started: Running,
                   number: signal.Signals = signal.SIGTERM, status: int = 0) -> None:
        """Tell a program to end; right is this exit status."""
        ended = self.end(started, number)
        self.check(started.program, what, ended == status,
                   f"exit status {ended}\n{last_lines(started.text)}")

    # Things that many families want to know, asked by programs that do not use libdbus.

    def owns(self, name: str) -> bool:
        """Whether somebody owns a name."""
        return self.run("gdbus", "call", "--address", self.address, "-d", "org.freedesktop.DBus",
                        "-o", "/org/freedesktop/DBus", "-m", "org.freedesktop.DBus.NameHasOwner",
                        name, loads=False).text == "(true,)"

    def expect_name(self, started: Running, name: str) -> None:
        """Wait until a program has claimed its name; without that there is no going on."""
        came = wait_until(lambda: self.owns(name) or started.process.poll() is not None)
        if not self.check(started.program, f"owns {name}", came and self.owns(name),
                          last_lines(started.text)):
            raise Failure(f"{started.program} does not own {name}")
        if started.loads:
            self.look_into(started)

    def gdbus(self, destination: str, path: str, method: str, *arguments: str) -> Done:
        """Call a method with gdbus, which has an implementation of its own."""
        return self.run("gdbus", "call", "--address", self.address, "--timeout", "15",
                        "-d", destination, "-o", path, "-m", method, "--", *arguments,
                        loads=False)

    def expect_gdbus(self, program: str, what: str, call: Sequence[str], wanted: str) -> None:
        """Call what a program offers with gdbus: destination, path, method, arguments."""
        destination, path, method, *arguments = call
        done = self.gdbus(destination, path, method, *arguments)
        self.check(program, what, re.search(wanted, done.text),
                   f"wanted {wanted!r} in:\n{done.text}")

    def send(self, destination: str, path: str, method: str, *arguments: str) -> Done:
        """Call a method with dbus-send of the library under test."""
        return self.run("dbus-send", "--session", "--print-reply=literal",
                        f"--dest={destination}", path, method, *arguments)

    # The end

    def finish(self) -> None:
        """End what still runs, the daemon last, and add what holds for all programs."""
        for started in reversed(list(self.running)):
            self.end(started)
        if self.bus_daemon:
            alive = self.bus_daemon.poll() is None
            self.bus_daemon.terminate()
            try:
                status: int | None = self.bus_daemon.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                status = None
            said = last_lines((self.directory / "daemon.err").read_text(encoding="utf-8"))
            self.check("dbus-daemon", "has served all and ends when told to", alive and status == 0,
                       f"{self.combination.daemon.path}: exit status {status}\n{said}")
        leftovers.kill_marked(MARK, self.mark)
        if self.bus_daemon:
            self.bus_daemon.wait()
        wanted = str(self.combination.library.path)
        for program, libraries in self.loaded.items():
            seen = " ".join(sorted(libraries)) or "not seen"
            self.check(program, "has loaded the library under test, and no other",
                       libraries == {wanted}, f"loaded: {seen}")
        complaints = [f"{path.name}: {match[0]}" for path in self.outputs if path.exists()
                      for match in COMPLAINT.finditer(
                          path.read_text(encoding="utf-8", errors="replace"))]
        self.check("(all)", "nobody was told to have misused the library", not complaints,
                   "\n".join(complaints))
