# SPDX-License-Identifier: MIT
"""Started by a service manager: sockets handed over, states reported."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Sequence

from client import Client
from daemons import Daemon, config
from fixture import Bus, scenario

PLAIN = config()


def hand_over(bus: Bus, paths: Sequence[str], *arguments: str, text: str = PLAIN,
              pid: str = "$$") -> Daemon:
    """Start the daemon with listening sockets as fds from 3 on, the way systemd does."""
    daemon = bus.another_daemon()
    daemon.write("bus.conf", text)
    sockets = []
    for path in paths:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(f"{daemon.directory}/{path}")
        sock.listen(10)
        sockets.append(sock)
    # The numbers have to be 3 and up, and LISTEN_PID that of the process: a shell arranges both.
    moves = " ".join(f"{3 + i}<&{sock.fileno()}" for i, sock in enumerate(sockets))
    words = " ".join([daemon.binary, f"--config-file={daemon.directory}/bus.conf", "--nofork",
                      "--print-address=1", *map(daemon.expand, arguments)])
    script = f"exec {moves}; export LISTEN_PID={pid} LISTEN_FDS={len(paths)}; exec {words}"
    program, daemon.binary = daemon.binary, "/bin/bash"
    daemon.spawn(["-c", script], pass_fds=[sock.fileno() for sock in sockets])
    daemon.binary = program
    for sock in sockets:
        sock.close()
    return daemon


def outcome(bus: Bus, daemon: Daemon, paths: Sequence[str] = ()) -> None:
    """Write down whether it runs, what it prints, and who answers at the paths."""
    bus.wait_until(lambda: "\n" in daemon.stdout() or not daemon.running(), "the daemon")
    if not daemon.running() or not daemon.serves(daemon.stdout().split("\n")[0]):
        bus.log(f"exit status {daemon.wait()}")
    bus.log_output("stdout", daemon.stdout())
    bus.log_output("stderr", daemon.stderr())
    if daemon.process:
        for path in paths:
            client = Client(path, f"unix:path={daemon.directory}/{path}", bus.log)
            client.authenticate()
            client.hello(quiet=False)
            client.close()
        daemon.stop()
        left = sorted(p.name for p in daemon.directory.iterdir() if p.is_socket())
        bus.log(f"sockets left: {left}")


@scenario(None, tools=["bash"])
def one_socket(bus: Bus) -> None:
    """--address=systemd: serves the socket that was handed over."""
    outcome(bus, hand_over(bus, ["one"], "--address=systemd:"), ["one"])


@scenario(None, tools=["bash"])
def two_sockets(bus: Bus) -> None:
    """Two sockets."""
    outcome(bus, hand_over(bus, ["one", "two"], "--address=systemd:"), ["one", "two"])


@scenario(None, tools=["bash"])
def in_the_configuration(bus: Bus) -> None:
    """<listen>systemd:</listen>, alone and beside another address."""
    outcome(bus, hand_over(bus, ["one"], text=config(listen="systemd:")), ["one"])
    outcome(bus, hand_over(bus, ["one"], text=config(
        listen="systemd:", extra="<listen>unix:path=@DIR@/bus</listen>")), ["one", "bus"])


@scenario(None, tools=["bash"])
def sockets_not_asked_for(bus: Bus) -> None:
    """Sockets are handed over, but the configuration listens elsewhere."""
    outcome(bus, hand_over(bus, ["one"]), ["bus"])


@scenario(None, tools=["bash"])
def for_another_process(bus: Bus) -> None:
    """LISTEN_PID is that of another process."""
    outcome(bus, hand_over(bus, ["one"], "--address=systemd:", pid="1"))


@scenario(None, tools=["bash"])
def no_sockets(bus: Bus) -> None:
    """systemd: without sockets."""
    outcome(bus, hand_over(bus, [], "--address=systemd:"))


@scenario(None)
def notifications(bus: Bus) -> None:
    """What is told to NOTIFY_SOCKET at start, reload and end."""
    bus.directory.mkdir(exist_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(f"{bus.directory}/notify")
    sock.settimeout(10 * bus.daemon.patience)
    bus.start(PLAIN, env={"NOTIFY_SOCKET": f"{bus.directory}/notify"})

    def told(what: str) -> None:
        """Write down messages up to one that says this."""
        text = ""
        while what not in text:
            text = sock.recv(1000).decode()
            for line in text.splitlines():
                bus.log(line.split("=")[0] if line.startswith("MONOTONIC") else line)

    told("READY=1")
    a = bus.connect("A")
    a.driver("ReloadConfig")
    told("READY=1")
    bus.daemon.signal(signal.SIGHUP)
    told("READY=1")
    bus.daemon.signal(signal.SIGTERM)
    told("STOPPING=1")
    bus.log(f"exit status {bus.daemon.wait()}")
    sock.close()


@scenario(None, params={"default": "", "kept": "  <keep_umask/>"})
def umask(bus: Bus, extra: str) -> None:
    """The umask of a daemon that has forked, with and without keep_umask."""
    daemon = bus.another_daemon()
    daemon.write("bus.conf", config(extra=extra))
    result = bus.shell(f"umask 027; exec {daemon.binary} --fork --print-pid=1 --print-address=1 "
                       f"--config-file={daemon.directory}/bus.conf")
    bus.log(f"status {result.returncode} {result.stderr}")
    address, pid = sorted(result.stdout.split(), key=str.isdigit)
    try:
        client = Client("A", address, bus.log)
        client.authenticate()
        client.hello()
        client.close()
        status = Path(f"/proc/{pid}/status").read_text()
        bus.log(next(line for line in status.splitlines() if line.startswith("Umask")))
    finally:
        os.kill(int(pid), signal.SIGTERM)
