# SPDX-License-Identifier: MIT
"""What a case is given: one of the two tools of each name, a bus, and a transcript."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

HERE = Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE.parent), str(HERE.parent / "differential")]

import leftovers  # noqa: E402
import wire  # noqa: E402
from client import Client  # noqa: E402
from daemons import Daemon, config  # noqa: E402

MARK = "TOOLS_TEST_MARK"
DEADLINE = 20.0


class Trouble(Exception):
    """What a case waits for did not come."""


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """Poll until it is true. Returns what was true."""
    end = time.monotonic() + DEADLINE
    while not (value := condition()):
        if time.monotonic() > end:
            raise Trouble(f"waited in vain for {what}")
        time.sleep(0.005)
    return value


@dataclass
class Running:
    """A tool that runs, its output going to files."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def stdout(self) -> bytes:
        """What it has written to standard output so far."""
        return self.out.read_bytes()

    def stderr(self) -> bytes:
        """What it has written to standard error so far."""
        return self.err.read_bytes()

    def wait(self) -> int:
        """Its exit status, when it has ended; negative for a signal."""
        return self.process.wait(DEADLINE)

    def stop(self) -> int:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()


@dataclass
class Side:
    """One of the two sets of tools, with what a case did to it."""

    tools: Path
    daemon_binary: str
    directory: Path
    prefix: Sequence[str] = ()
    transcript: list[str] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    running: list[Running] = field(default_factory=list)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        self.daemon = Daemon(self.daemon_binary, self.directory / "bus")
        self.address = "unix:path=" + str(self.directory / "nobody")
        self.hidden = {str(self.directory): "@DIR@"}
        for name in ("home", "run", "tmp"):
            (self.directory / name).mkdir(parents=True)

    def log(self, text: str) -> None:
        """Write a line of transcript."""
        self.transcript.append(text)

    def start_bus(self, policy: str | None = None) -> None:
        """Start the bus that is in the environment of the tools."""
        self.daemon.start(config() if policy is None else config(policy))
        self.address = self.daemon.address

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """A small environment that points at nothing of the host's."""
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(self.directory / "home"),
               "XDG_RUNTIME_DIR": str(self.directory / "run"),
               "TMPDIR": str(self.directory / "tmp"), MARK: self.mark,
               "DBUS_SESSION_BUS_ADDRESS": self.address,
               "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.directory}/no-system-bus"}
        for name, value in os.environ.items():
            if name.startswith(("ASAN_", "UBSAN_", "LSAN_", "TSAN_")):
                env[name] = value
        for name, value in (more or {}).items():
            if value:
                env[name] = value
            else:
                env.pop(name, None)
        return env

    def start(self, tool: str, arguments: Sequence[str | bytes] = (), stdin: Any = b"",
              env: Mapping[str, str] | None = None, stdout: Any = None) -> Running:
        """Start a tool, under the same name on both sides. Its output goes to files, unless it is
        said to what."""
        number = len(self.running)
        out, err = self.directory / f"out{number}", self.directory / f"err{number}"
        path = str(self.tools / tool)
        source = stdin
        if isinstance(stdin, bytes):
            file = self.directory / f"in{number}"
            file.write_bytes(stdin)
            source = open(file, "rb")  # pylint: disable=consider-using-with
        with open(out, "wb") as out_file, open(err, "wb") as err_file:
            command = [*self.prefix, path] if self.prefix else [tool]
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                [*command, *arguments], executable=None if self.prefix else path, stdin=source,
                stdout=stdout or out_file, stderr=err_file, env=self.environment(env), cwd=self.directory)
        if isinstance(stdin, bytes):
            source.close()
        self.running.append(Running(process, out, err))
        return self.running[-1]

    def log_end(self, running: Running) -> None:
        """Write down what a tool that has ended, or ends now, said."""
        status = running.wait()
        for name, data in (("out", running.stdout()), ("err", running.stderr())):
            text = data.decode("utf-8", "backslashreplace")
            # A daemon that is ended may have begun to say so.
            text = re.sub(r"dbus-daemon\[\d+\]: \Z", "", text)
            for line in text.splitlines():
                # How many fds a daemon may have depends on the machine.
                if "Failed to set fd limit" not in line:
                    self.log(f"{name}: {line}")
            if text and not text.endswith("\n"):
                self.log(f"{name}: (no line feed)")
        self.log(f"status: {status}")

    def run(self, tool: str, arguments: Sequence[str | bytes] = (), stdin: Any = b"",
            env: Mapping[str, str] | None = None) -> int:
        """Run a tool to its end and write down what it said."""
        shown = [a if isinstance(a, str) else repr(a) for a in arguments]
        self.log(f"$ {tool} {' '.join(shown)}")
        running = self.start(tool, arguments, stdin, env)
        self.log_end(running)
        return running.process.returncode

    def processes(self, program: str) -> list[int]:
        """What runs of a program, whoever has started it."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                marked = f"{MARK}={self.mark}".encode() in (entry / "environ").read_bytes() \
                    .split(b"\0")
                if marked and program.encode() in (entry / "cmdline").read_bytes().split(b"\0")[0]:
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    # Others on the bus

    def client(self, label: str = "client", quiet: bool = True) -> Client:
        """A raw connection that is registered on the bus."""
        client = Client(label, self.address, self.log)
        self.clients.append(client)
        client.authenticate()
        client.hello()
        if quiet:
            client.emit = lambda text: None
        return client

    def watcher(self) -> Watcher:
        """Somebody who sees all that is sent on the bus from now on."""
        return Watcher(self)

    def close(self) -> None:
        """End all that was started."""
        for client in self.clients:
            client.close()
        for running in self.running:
            if running.process.poll() is None:
                running.process.kill()
                running.process.wait()
        leftovers.kill_marked(MARK, self.mark)
        self.daemon.kill()


class Watcher:
    """Sees what tools send, beside what they say."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.monitor = side.client("watcher")
        self.monitor.become_monitor()
        self.other = side.client("other")
        self.messages()

    def messages(self) -> list[wire.Message]:
        """What was sent since the last time, without what synchronises."""
        self.monitor.catch_up(self.other)
        return [m for m in self.monitor.take_pending()
                if (m.reply_serial or 0) < 0x70000000
                and self.other.unique not in (m.sender, m.get(wire.DESTINATION))]

    def log_sent(self) -> None:
        """Write down what was not sent by the bus."""
        for message in self.messages():
            if message.sender != wire.DRIVER and message.member not in ("Hello", "AddMatch"):
                self.side.log(f"sent: {message.show()}")

    def wait_for(self, wanted: Callable[[wire.Message], bool], what: str) -> None:
        """Wait for a message. Nothing is sent meanwhile: what the bus sends is numbered, and a
        tool may show that."""
        if self.monitor.receive(wanted, what) is None:
            raise Trouble(f"the bus has gone before {what}")


# The cases

Function = Callable[..., None]


@dataclass
class Case:
    """One thing to do with the tools of both sides."""

    name: str
    function: Function
    on_bus: bool
    policy: str | None = None
    argument: Any = None
    has_argument: bool = False
    missing: Callable[[], str] = lambda: ""

    @property
    def part(self) -> str:
        """The module it is in."""
        return self.name.partition(".")[0]

    def run(self, side: Side) -> None:
        """Do it."""
        if self.on_bus:
            side.start_bus(self.policy)
        if self.has_argument:
            self.function(side, self.argument)
        else:
            self.function(side)


CASES: list[Case] = []


def case(on_bus: bool = False, params: Sequence[Any] | Mapping[str, Any] | None = None,
         policy: str | None = None,
         missing: Callable[[], str] = lambda: "") -> Callable[[Function], Function]:
    """Register a case; with params one for each, as module.function[param]."""
    def register(function: Function) -> Function:
        base = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        if params is None:
            CASES.append(Case(base, function, on_bus, policy, missing=missing))
            return function
        named = params if isinstance(params, Mapping) else {str(p): p for p in params}
        for name, value in named.items():
            CASES.append(Case(f"{base}[{name}]", function, on_bus, policy, value, True, missing))
        return function
    return register
