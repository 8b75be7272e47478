# SPDX-License-Identifier: MIT
"""Starting, watching and ending one dbus-daemon."""

from __future__ import annotations

import ctypes
import os
import select
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Mapping, Sequence
from urllib.parse import unquote
from xml.sax.saxutils import escape

STOCK = "/usr/bin/dbus-daemon"
DEBUG_BUILD = "/usr/lib/dbus-1.0/debug-build"
DEADLINE = 10.0

OPEN_RULES = """
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>"""

# What the system bus lets pass besides calls: signals, and replies that were asked for.
SYSTEM_RULES = """
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/>
    <allow receive_type="error"/><allow receive_type="signal"/>"""


PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_LIBC = ctypes.CDLL(None)


def die_with_parent() -> None:
    """In a child before exec: end when the test ends, however it ends."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def default_policy(rules: str = "", base: str = OPEN_RULES) -> str:
    """A default policy with these rules after those which allow everything."""
    return f'\n  <policy context="default">{base}\n    {rules}\n  </policy>'


OPEN_POLICY = default_policy()


class DaemonFailure(Exception):
    """The daemon did something no daemon may do: crashed, leaked, did not start or stop."""


def config(policy: str = OPEN_POLICY, limits: Mapping[str, int] | None = None, extra: str = "",
           listen: str = "unix:path=@DIR@/bus", auth: Sequence[str] = ("EXTERNAL",),
           bus_type: str = "session") -> str:
    """A configuration file. @DIR@ becomes the daemon's temporary directory when it is written."""
    parts = ["<busconfig>", f"  <type>{bus_type}</type>"]
    if listen:
        parts.append(f"  <listen>{escape(listen)}</listen>")
    parts.extend(f"  <auth>{name}</auth>" for name in auth)
    parts.append(extra)
    parts.append(policy)
    for name, value in (limits or {}).items():
        parts.append(f'  <limit name="{name}">{value}</limit>')
    parts.append("</busconfig>\n")
    return "\n".join(parts)


def open_socket(address: str) -> socket.socket:
    """Connect to the first of the addresses, unix or tcp."""
    kind, _, rest = address.split(";")[0].partition(":")
    params = {key: unquote(value) for key, _, value in
              (part.partition("=") for part in rest.split(","))}
    if kind == "unix":
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(params["path"] if "path" in params else "\0" + params["abstract"])
        return sock
    return socket.create_connection((params["host"], int(params["port"])))


class Daemon:
    """One running daemon with a temporary directory of its own."""

    def __init__(self, binary: str, directory: Path, wrap: str = "") -> None:
        self.binary = binary
        self.directory = directory
        self.wrap = shlex.split(wrap)
        self.process: subprocess.Popen[bytes] | None = None
        # The process id (with a wrapping command, that command's), and the status after the end.
        self.pid = 0
        self.status = 0
        self.address = ""
        self.stderr_path = directory / "stderr"
        self.stdout_path = directory / "stdout"
        self.patience = 10.0 if wrap else 1.0
        self.guid = ""
        directory.mkdir(parents=True, exist_ok=True)

    def expand(self, text: str) -> str:
        """Put this daemon's directory in the place of @DIR@."""
        return text.replace("@DIR@", str(self.directory))

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        """Write a file into the daemon's directory, parents included."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.expand(text))
        path.chmod(mode)
        return path

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """A small environment which points nothing at the host's buses or home."""
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C",
               "HOME": str(self.directory / "home"), "XDG_RUNTIME_DIR": str(self.directory),
               "XDG_DATA_HOME": str(self.directory / "share"),
               "XDG_DATA_DIRS": str(self.directory / "share-dirs")}
        for name, value in os.environ.items():
            if name.startswith(("ASAN_", "UBSAN_", "LSAN_", "LD_LIBRARY_PATH", "VALGRIND")):
                env[name] = value
        env.update(more or {})
        return env

    def spawn(self, arguments: Sequence[str], env: Mapping[str, str] | None = None,
              pass_fds: Sequence[int] = (), stdin: int = subprocess.DEVNULL) -> None:
        """Run the program with these arguments, its output going to files."""
        (self.directory / "home").mkdir(exist_ok=True)
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self.process = subprocess.Popen(
                [*self.wrap, self.binary, *map(self.expand, arguments)], stdin=stdin, stdout=out,
                stderr=err, pass_fds=pass_fds, env=self.environment(env), cwd=self.directory,
                preexec_fn=die_with_parent)
        self.pid = self.process.pid

    def start(self, config_text: str, arguments: Sequence[str] = (),
              env: Mapping[str, str] | None = None, probe: bool = True) -> None:
        """Start with a configuration and wait until the daemon serves.

        Without probe it is enough that the daemon tells its address.
        """
        path = self.write("bus.conf", config_text)
        read_end, write_end = os.pipe()
        try:
            self.spawn([f"--config-file={path}", "--nofork", f"--print-address={write_end}",
                        *arguments], env, (write_end,))
            os.close(write_end)
            write_end = -1
            self.address = self._read_line(read_end)
        finally:
            os.close(read_end)
            if write_end >= 0:
                os.close(write_end)
        self.guid = self.address.rpartition("guid=")[2]
        if probe and not self.serves(self.address):
            self.wait()
            raise DaemonFailure(f"daemon did not start: {self.stderr()}")

    def serves(self, address: str) -> bool:
        """Whether the daemon answers at an address, or ends instead.

        It tells its address before it writes its pid file and changes its user, and before its main
        loop has opened what it needs; a socket can be seen before it listens.
        """
        end = time.monotonic() + DEADLINE * self.patience
        while self.running() and time.monotonic() < end:
            try:
                if self._answers(address):
                    return True
            except (ConnectionError, FileNotFoundError):
                pass
            time.sleep(0.005)
        return False

    def _answers(self, address: str) -> bool:
        with open_socket(address) as sock:
            sock.settimeout(DEADLINE * self.patience)
            sock.sendall(b"\0AUTH\r\n")
            answer = sock.recv(100).startswith(b"REJECTED")
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(100):
                pass
            return answer

    def _read_line(self, fd: int) -> str:
        data = b""
        end = time.monotonic() + DEADLINE * self.patience
        while not data.endswith(b"\n"):
            ready, _, _ = select.select([fd], [], [], max(0.0, end - time.monotonic()))
            chunk = os.read(fd, 4096) if ready else b""
            if not chunk:
                self.wait()
                raise DaemonFailure(f"daemon did not start: {self.stderr()}")
            data += chunk
        return data.decode().strip()

    def stderr(self) -> str:
        """All that the daemon wrote to its standard error so far."""
        return self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""

    def stdout(self) -> str:
        """All that the daemon wrote to its standard output so far."""
        return self.stdout_path.read_text(errors="replace") if self.stdout_path.exists() else ""

    def fd_count(self) -> int:
        """How many file descriptors the daemon has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def running(self) -> bool:
        """Whether the process has not exited."""
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = DEADLINE) -> int:
        """Wait for the exit, unless that was done; return the status, negative for a signal.

        To wait for it is to say that the daemon was expected to end.
        """
        if self.process:
            try:
                self.status = self.process.wait(seconds * self.patience)
            except subprocess.TimeoutExpired:
                self.kill()
                raise DaemonFailure("daemon did not exit in time") from None
            self.process = None
        return self.status

    def kill(self) -> None:
        """End the process at once."""
        if self.process:
            self.process.kill()
            self.status = self.process.wait()
            self.process = None

    def stop(self) -> None:
        """Ask the daemon to end, and complain if it crashed before or a checker found errors."""
        if not self.process:
            return
        crashed = not self.running()
        if not crashed:
            self.signal(signal.SIGTERM)
        status = self.wait()
        errors = self.stderr()
        for mark in ("AddressSanitizer", "LeakSanitizer", "runtime error:"):
            if mark in errors:
                raise DaemonFailure(f"sanitizer report, status {status}:\n{errors[-6000:]}")
        if crashed:
            raise DaemonFailure(f"daemon ended by itself, status {status}:\n{errors[-6000:]}")
        if status not in (0, -signal.SIGTERM):
            raise DaemonFailure(f"exit status {status}:\n{errors[-6000:]}")
