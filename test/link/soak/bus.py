# SPDX-License-Identifier: MIT
"""The daemon of a round, and the programs that talk to it."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import signal
import subprocess
import time
from pathlib import Path

STOCK = "stock"
STOCK_DAEMON = "/usr/bin/dbus-daemon"

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
{denials}  </policy>
  <limit name="max_incoming_bytes">1000000000</limit>
  <limit name="max_outgoing_bytes">1000000000</limit>
  <limit name="max_message_size">1000000000</limit>
  <limit name="max_incoming_unix_fds">100000</limit>
  <limit name="max_outgoing_unix_fds">100000</limit>
  <limit name="max_message_unix_fds">4096</limit>
  <limit name="max_completed_connections">1000</limit>
  <limit name="max_incomplete_connections">1000</limit>
  <limit name="max_connections_per_user">1000</limit>
  <limit name="max_match_rules_per_connection">1000</limit>
  <limit name="max_replies_per_connection">50000</limit>
</busconfig>
"""

# Calls and signals, as replies have no interface and would be meant, too.
DENIALS = """    <deny send_type="method_call" send_interface="soak.Restricted"/>
    <deny send_type="signal" send_interface="soak.Restricted"/>
"""

# prctl(2)
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclasses.dataclass
class Programs:
    """What a soak is of."""

    worker: Path
    daemon: str
    library: str

    @property
    def has_links(self) -> bool:
        """Is there to be at least one link?"""
        return STOCK not in (self.daemon, self.library)

    def environment(self) -> dict[str, str]:
        """What the workers are given."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("DBUS_", "LD_"))}
        env["LD_LIBRARY_PATH"] = library_directory() if self.library == STOCK else self.library
        return env


def library_directory() -> str:
    """Where the system's libdbus is."""
    lines = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    return next(str(Path(line.split(" => ")[1]).parent) for line in lines
                if line.strip().startswith("libdbus-1.so.3 "))


class Bus:
    """A daemon on its own socket, and the commands that are run against it."""

    def __init__(self, programs: Programs, directory: Path) -> None:
        self.programs = programs
        self.directory = directory
        self.socket = directory / "bus"
        self.address = f"unix:path={self.socket}"
        self.config = directory / "bus.conf"
        self.configure(False)
        daemon = STOCK_DAEMON if programs.daemon == STOCK else programs.daemon
        self.daemon = self.spawn([daemon, f"--config-file={self.config}", "--nofork",
                                  "--nopidfile", "--nosyslog"], "daemon")
        deadline = time.monotonic() + 20
        while not self.socket.exists():
            if time.monotonic() > deadline or self.daemon.poll() is not None:
                raise RuntimeError(f"the daemon does not start: {self.said()}")
            time.sleep(0.01)

    def configure(self, denies: bool) -> None:
        """Write another configuration; it has to be told to the daemon."""
        new = self.config.with_suffix(".new")
        new.write_text(CONFIG.format(socket=self.socket, denials=DENIALS if denies else ""))
        new.rename(self.config)

    def spawn(self, command: list[str], name: str) -> subprocess.Popen[bytes]:
        """Start a program; what it says is in a file of this name."""
        with (self.directory / f"{name}.out").open("wb") as out:
            return subprocess.Popen(  # pylint: disable=consider-using-with
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.directory,
                env=self.programs.environment(), preexec_fn=_die_with_parent)

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a worker, a monitor or an errand."""
        return self.spawn([str(self.programs.worker), *arguments], name)

    def said(self) -> str:
        """What programs complained of."""
        texts = {f.name: f.read_text(errors="replace").strip()
                 for f in sorted(self.directory.glob("*.out"))}
        return "\n".join(f"{name}: {text[-600:]}" for name, text in texts.items() if text)

    def totals(self) -> dict[str, int]:
        """How many links there were, and what went over them; empty if the daemon has none."""
        errand = self.start("totals", "totals", self.address)
        try:
            errand.wait(20)
        except subprocess.TimeoutExpired:
            errand.kill()
            errand.wait()
        text = (self.directory / "totals.out").read_text()
        if errand.returncode:
            return {}
        return {key: int(value) for key, value in (line.split() for line in text.splitlines())}

    def stop(self) -> None:
        """End the daemon."""
        self.daemon.send_signal(signal.SIGCONT)
        self.daemon.kill()
        self.daemon.wait()
