# SPDX-License-Identifier: MIT
"""What a scenario is given: a daemon, clients of it and a transcript."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

from client import Client, as_user
from daemons import Daemon, DaemonFailure, config
from normalise import own_lines

Function = Callable[..., None]


@dataclass
class Scenario:
    """One exchange to run against both daemons."""

    name: str
    function: Function
    config: str | None
    root: bool
    tools: Sequence[str]
    argument: Any = None
    has_argument: bool = False
    fds_settle: bool = True

    def missing(self) -> str:
        """What this machine lacks for the scenario, or an empty string."""
        if self.root and os.geteuid() != 0:
            return "needs root"
        for tool in self.tools:
            if not shutil.which(tool):
                return f"needs {tool}"
        return ""

    def run(self, bus: Bus) -> None:
        """Run it."""
        if self.config is not None:
            bus.start(self.config)
        if self.has_argument:
            self.function(bus, self.argument)
        else:
            self.function(bus)


SCENARIOS: list[Scenario] = []


def scenario(bus_config: str | None = config(), root: bool = False, tools: Sequence[str] = (),
             params: Sequence[Any] | Mapping[str, Any] | None = None,
             fds_settle: bool = True) -> Callable[[Function], Function]:
    """Register a scenario; with params once for each, as module.function[param].

    bus_config None leaves starting the daemon to the function. fds_settle False: the daemon may
    have more fds open at the end than when it was ready.
    """
    def register(function: Function) -> Function:
        base = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        if params is None:
            SCENARIOS.append(Scenario(base, function, bus_config, root, tools,
                                      fds_settle=fds_settle))
            return function
        named = params if isinstance(params, Mapping) else {str(p): p for p in params}
        for name, value in named.items():
            name = name if len(name) <= 60 else f"{name[:50]}...{len(name)}"
            SCENARIOS.append(Scenario(f"{base}[{name}]", function, bus_config, root, tools, value,
                                      True, fds_settle))
        return function
    return register


class Bus:
    """A daemon under test and its clients."""

    def __init__(self, binary: str, directory: Path, wrap: str = "") -> None:
        self.binary = binary
        self.directory = directory
        self.wrap = wrap
        self.transcript: list[str] = []
        self.clients: list[Client] = []
        self.hidden: dict[str, str] = {str(directory): "@DIR@", binary: "@DAEMON@"}
        self.daemon = Daemon(binary, directory, wrap)
        self.daemons = [self.daemon]
        self._fds_at_start = 0

    def log(self, text: str) -> None:
        """Write a line of transcript."""
        self.transcript.append(text)

    # The daemon

    def start(self, text: str | None = None, arguments: Sequence[str] = (),
              env: Mapping[str, str] | None = None) -> None:
        """Start the daemon and wait till it can be connected to."""
        self.daemon.start(config() if text is None else text, arguments, env)
        self._fds_at_start = self.daemon.fd_count()

    def log_output(self, name: str, text: str) -> None:
        """Write down the output of a daemon or a tool."""
        for line in own_lines(text):
            self.log(f"{name}: {line}")

    def log_stderr(self) -> None:
        """Write down the daemon's standard error, less what depends on the machine."""
        self.log_output("stderr", self.daemon.stderr())

    def log_stderr_of(self, text: str) -> None:
        """Write down those lines of the daemon's standard error which have this text."""
        for line in self.daemon.stderr().splitlines():
            if text in line:
                self.log(f"stderr {line}")

    def another_daemon(self) -> Daemon:
        """A further daemon of the same kind, not started, with a directory of its own."""
        daemon = Daemon(self.binary, self.directory / f"d{len(self.daemons)}", self.wrap)
        self.daemons.append(daemon)
        self.hidden[str(daemon.directory)] = "@DIR@"
        return daemon

    def run_daemon(self, *arguments: str, env: Mapping[str, str] | None = None,
                   pass_fds: Sequence[int] = ()) -> tuple[int, str, str]:
        """Run the daemon's program to its end and return status, standard output and error."""
        daemon = self.another_daemon()
        daemon.spawn(arguments, env, pass_fds)
        status = daemon.wait()
        return status, daemon.stdout(), daemon.stderr()

    def try_config(self, text: str, probe: bool = True) -> None:
        """Start a further daemon with this configuration and write down what becomes of it.

        Without probe it may be one that will not serve anybody.
        """
        daemon = self.another_daemon()
        try:
            daemon.start(text, probe=probe)
            self.log("the daemon starts")
            daemon.stop()
        except DaemonFailure:
            self.log(f"the daemon refuses, exit status {daemon.wait()}")
            self.log_output("stderr", daemon.stderr())

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a shell command to its end in the daemon's environment."""
        return subprocess.run(["/bin/sh", "-c", command], env=self.daemon.environment(),
                              capture_output=True, text=True, errors="replace",
                              timeout=20 * self.daemon.patience, check=False)

    # Clients

    def connect(self, label: str | None = None, hello: bool = True, fds: bool = True,
                uid: int | None = None, gid: int | None = None, groups: Sequence[int] = (),
                address: str | None = None) -> Client:
        """A new client, authenticated and (unless told otherwise) registered."""
        client = self.raw(label, uid, gid, groups, address)
        client.authenticate(fds, identity=uid)
        if hello:
            client.hello()
        return client

    def raw(self, label: str | None = None, uid: int | None = None, gid: int | None = None,
            groups: Sequence[int] = (), address: str | None = None) -> Client:
        """A connected socket on which nothing has been said."""
        label = label or chr(ord("A") + len(self.clients))
        with as_user(uid, gid, groups):
            client = Client(label, address or self.daemon.address, self.log,
                            self.daemon.patience)
        self.clients.append(client)
        return client

    def settle(self) -> None:
        """Wait till all that was sent has arrived and write it down, client by client."""
        for _ in range(2):
            for client in self.clients:
                if client.unique and not client.monitor:
                    client.sync()
        speaker = next((c for c in self.clients if c.unique and c.connected and not c.monitor),
                       None)
        for client in self.clients:
            if client.monitor and client.connected and speaker:
                client.catch_up(speaker)
        for client in self.clients:
            client.drain()

    def drop(self, client: Client, witness: Client | None = None) -> None:
        """Close a client and wait till the daemon has noticed."""
        unique = client.unique
        self.log(f"{client.label} hangs up")
        client.drain()
        client.close()
        self.clients.remove(client)
        witness = witness or next((c for c in self.clients if c.unique and not c.monitor), None)
        if witness and unique:
            self.wait_until(lambda: not self.has_owner(witness, unique),
                            f"{client.label} to be gone")

    @staticmethod
    def has_owner(witness: Client, name: str) -> bool:
        """Whether somebody owns the name, asked without leaving a trace."""
        reply = witness.quiet_call("NameHasOwner", "s", [name])
        return bool(reply and reply.body and reply.body[0])

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Poll until the condition holds."""
        end = time.monotonic() + 10.0 * self.daemon.patience
        while not condition():
            if time.monotonic() > end:
                raise DaemonFailure(f"waited in vain for {what}")
            time.sleep(0.005)

    def tool(self, *command: str, env: Mapping[str, str] | None = None,
             timeout: float = 20.0) -> subprocess.CompletedProcess[str]:
        """Run a client program to its end with this bus as session and system bus."""
        return subprocess.run(command, env=self.tool_environment(env), capture_output=True,
                              text=True, errors="replace", stdin=subprocess.DEVNULL,
                              timeout=timeout * self.daemon.patience, check=False)

    def tool_environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """An environment which points at this bus."""
        address = self.daemon.address
        return self.daemon.environment({"DBUS_SESSION_BUS_ADDRESS": address,
                                        "DBUS_SYSTEM_BUS_ADDRESS": address, **(env or {})})

    # The end

    def finish(self, check_fds: bool) -> None:
        """Close everything; complain about a crash or fds which stay open."""
        try:
            for client in self.clients:
                client.close()
            if check_fds and self._fds_at_start and self.daemon.running():
                self.wait_until(lambda: self.daemon.fd_count() <= self._fds_at_start,
                                "the daemon to close the fds of its clients")
        finally:
            failure: DaemonFailure | None = None
            for daemon in self.daemons:
                try:
                    daemon.stop()
                except DaemonFailure as exc:
                    failure = exc
                finally:
                    daemon.kill()
            if failure:
                raise failure


def ended(pid: int) -> bool:
    """Whether a process which is not our child has ended; it may not have been reaped yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def temporary_directory() -> Path:
    """A directory which other users can look into, so that they can connect."""
    path = Path(tempfile.mkdtemp(prefix="ddiff-", dir="/tmp"))
    path.chmod(0o755)
    return path
