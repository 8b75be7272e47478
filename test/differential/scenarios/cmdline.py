# SPDX-License-Identifier: MIT
"""The program: options, exit statuses, output, files and signals."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Sequence
from urllib.parse import unquote

import wire
from client import Client
from daemons import OPEN_POLICY, Daemon, config
from fixture import Bus, ended, scenario
from scenarios.driver import log_xml

PLAIN = config()


def run(bus: Bus, *arguments: str) -> None:
    """Run the daemon till it ends or listens; write down what it says."""
    daemon = bus.another_daemon()
    daemon.write("bus.conf", PLAIN)
    daemon.spawn(arguments)
    pid = daemon.pid
    bus.wait_until(lambda: (daemon.directory / "bus").exists() or not daemon.running(),
                   "the daemon to end or listen")
    if daemon.serves(f"unix:path={daemon.directory}/bus"):
        bus.log(f"{' '.join(arguments)}: it starts")
        daemon.stop()
    else:
        bus.log(f"{' '.join(arguments)}: exit status {daemon.wait()}")
    bus.log_output("stdout", daemon.stdout().replace(str(pid), "<pid>"))
    bus.log_output("stderr", daemon.stderr())


WRONG: dict[str, Sequence[str]] = {
    "nothing": [], "unknown": ["--nonsense"], "short": ["-x"], "positional": ["file"],
    "empty": [""], "dash": ["-"], "two dashes": ["--"],
    "no such file": ["--config-file=/nonexistent"], "file as folder": ["--config-file=/"],
    "file empty name": ["--config-file="], "file without value": ["--config-file"],
    "two files": ["--config-file=@DIR@/bus.conf", "--config-file=@DIR@/bus.conf"],
    "session and system": ["--session", "--system"], "session twice": ["--session", "--session"],
    "session and file": ["--session", "--config-file=@DIR@/bus.conf"],
    "file and session": ["--config-file=@DIR@/bus.conf", "--session"],
    "address fd text": ["--config-file=@DIR@/bus.conf", "--print-address=x"],
    "address fd negative": ["--config-file=@DIR@/bus.conf", "--print-address=-1"],
    "address fd closed": ["--config-file=@DIR@/bus.conf", "--nofork", "--print-address=77"],
    "address fd trailing": ["--config-file=@DIR@/bus.conf", "--print-address=1x"],
    "address fd huge": ["--config-file=@DIR@/bus.conf", "--print-address=99999999999999999999"],
    "address twice": ["--config-file=@DIR@/bus.conf", "--print-address=1", "--print-address=2"],
    "address fd in hexadecimal": ["--config-file=@DIR@/bus.conf", "--nofork",
                                  "--print-address=0x2"],
    "address fd in octal": ["--config-file=@DIR@/bus.conf", "--nofork", "--print-address=010"],
    "address fd with blanks": ["--config-file=@DIR@/bus.conf", "--print-address= 1",
                               "--print-address= 2"],
    "address fd, then bare": ["--config-file=@DIR@/bus.conf", "--print-address=2",
                              "--print-address", "--nofork"],
    "pid fd wrong, then more": ["--print-pid=x", "--session", "--session"],
    "pid fd wrong, and no file": ["--print-pid=x"],
    "pid fd text": ["--config-file=@DIR@/bus.conf", "--print-pid=x"],
    "pid fd negative": ["--config-file=@DIR@/bus.conf", "--print-pid=-1"],
    "pid fd closed": ["--config-file=@DIR@/bus.conf", "--nofork", "--print-pid=77"],
    "pid twice": ["--config-file=@DIR@/bus.conf", "--print-pid=1", "--print-pid=2"],
    "pid twice bare": ["--config-file=@DIR@/bus.conf", "--print-pid", "--print-pid"],
    "pid fd empty": ["--config-file=@DIR@/bus.conf", "--print-pid="],
    "address fd apart": ["--config-file=@DIR@/bus.conf", "--nofork", "--print-address", "77"],
    "pid fd apart": ["--config-file=@DIR@/bus.conf", "--nofork", "--print-pid", "x"],
    "pid then option": ["--config-file=@DIR@/bus.conf", "--print-pid", "--nofork"],
    "address then pid": ["--config-file=@DIR@/bus.conf", "--print-address", "--print-pid"],
    "file apart": ["--config-file", "@DIR@/bus.conf", "--nofork"],
    "file apart then session": ["--config-file", "@DIR@/bus.conf", "--session"],
    "listen apart": ["--nofork", "--address", "unix:path=@DIR@/bus"],
    "listen bad": ["--config-file=@DIR@/bus.conf", "--nofork", "--address=nonsense"],
    "listen unknown": ["--config-file=@DIR@/bus.conf", "--nofork", "--address=nonsense:a=b"],
    "listen empty": ["--config-file=@DIR@/bus.conf", "--nofork", "--address="],
    "listen twice": ["--config-file=@DIR@/bus.conf", "--address=unix:path=@DIR@/x",
                     "--address=unix:path=@DIR@/y"],
    "listen no folder": ["--config-file=@DIR@/bus.conf", "--nofork",
                         "--address=unix:path=@DIR@/none/bus"],
    "listen no key": ["--config-file=@DIR@/bus.conf", "--nofork", "--address=unix:"],
    "listen two keys": ["--config-file=@DIR@/bus.conf", "--nofork",
                        "--address=unix:path=@DIR@/x,abstract=@DIR@/y"],
    "listen bad key": ["--config-file=@DIR@/bus.conf", "--nofork", "--address=unix:nonsense=x"],
    "listen bad escape": ["--config-file=@DIR@/bus.conf", "--nofork", "--address=unix:path=%zz"],
    "listen tcp port": ["--config-file=@DIR@/bus.conf", "--nofork",
                        "--address=tcp:host=127.0.0.1,port=x"],
    "listen tcp host": ["--config-file=@DIR@/bus.conf", "--nofork",
                        "--address=tcp:host=999.1.1.1.invalid,port=0"],
    "listen tcp family": ["--config-file=@DIR@/bus.conf", "--nofork",
                          "--address=tcp:host=127.0.0.1,port=0,family=ipx"],
    "listen long path": ["--config-file=@DIR@/bus.conf", "--nofork",
                         "--address=unix:path=/tmp/" + "x" * 200],
    "listen systemd": ["--config-file=@DIR@/bus.conf", "--nofork", "--address=systemd:"],
    "option twice": ["--nofork", "--nofork", "--nonsense"],
    "address option bare": ["--config-file=@DIR@/bus.conf", "--address"],
    "help": ["--help"], "help short": ["-h"], "version short": ["-v"],
    "ready event": ["--config-file=@DIR@/bus.conf", "--ready-event-handle=1"],
    "version with value": ["--version=1"], "nofork with value": ["--nofork=1"],
}


@scenario(None, params=WRONG)
def refused(bus: Bus, arguments: Sequence[str]) -> None:
    """Command lines that cannot be served."""
    run(bus, *arguments)


@scenario(None)
def version(bus: Bus) -> None:
    """The first words of --version, which scripts look at; wherever it stands."""
    for arguments in (["--version"], ["--session", "--version"], ["--version", "--nonsense"]):
        status, out, err = bus.run_daemon(*arguments)
        words = re.sub(r"\d+(\.\d+)+", "<version>", " ".join(out.split()[:5]))
        bus.log(f"{arguments} status {status}: {words!r}, stderr {err!r}")


@scenario(None)
def introspect(bus: Bus) -> None:
    """--introspect prints the document and ends."""
    status, out, err = bus.run_daemon("--introspect")
    bus.log(f"status {status}, stderr {err!r}, starts {out[:20]!r}")
    log_xml(bus, out)
    ET.fromstring(out)


def launch(bus: Bus, *arguments: str, text: str = PLAIN,
           pass_fds: Sequence[int] = ()) -> Daemon:
    """Start a daemon that prints what it is asked to on its standard output."""
    daemon = bus.another_daemon()
    daemon.write("bus.conf", text)
    daemon.spawn([f"--config-file={daemon.directory}/bus.conf", *arguments], pass_fds=pass_fds)
    return daemon


def await_lines(bus: Bus, daemon: Daemon, count: int) -> list[str]:
    """Wait until the daemon has printed so many lines, or has ended."""
    bus.wait_until(lambda: daemon.stdout().count("\n") >= count or not daemon.running(),
                   "output of the daemon")
    if not daemon.running():
        daemon.wait()
    return daemon.stdout().splitlines()


def ready(bus: Bus, daemon: Daemon) -> str:
    """Wait until the daemon serves; returns its address."""
    address = await_lines(bus, daemon, 1)[0]
    daemon.serves(address)
    return address


@scenario(None)
def print_both(bus: Bus) -> None:
    """Address and process id on standard output."""
    daemon = launch(bus, "--nofork", "--print-address=1", "--print-pid=1")
    lines = await_lines(bus, daemon, 2)
    for line in lines:
        bus.log("the pid" if line == str(daemon.pid) else line)
    bus.raw("A", address=lines[0])


@scenario(None)
def print_to_fds(bus: Bus) -> None:
    """Address and process id on fds of one's choice; the fds are closed after."""
    reads, writes = zip(os.pipe(), os.pipe())
    daemon = launch(bus, "--nofork", f"--print-pid={writes[0]}", f"--print-address={writes[1]}",
                    pass_fds=writes)
    for fd in writes:
        os.close(fd)
    for fd, name in zip(reads, ("pid", "address")):
        with os.fdopen(fd, "rb") as stream:
            text = stream.read().decode()
        bus.log(f"{name}: {text.replace(str(daemon.pid), '<pid>')!r}")


@scenario(None, params=["--nofork", "--fork"])
def print_to_one_fd(bus: Bus, how: str) -> None:
    """Address and process id on the same fd."""
    reader, writer = os.pipe()
    daemon = launch(bus, how, f"--print-address={writer}", f"--print-pid={writer}",
                    pass_fds=(writer,))
    os.close(writer)
    with os.fdopen(reader, encoding="ascii") as stream:
        lines = stream.read().splitlines()
    for pid in lines[1:]:
        bus.log(f"the daemon's: {int(pid) == daemon.pid}")
        os.kill(int(pid), signal.SIGTERM)
    bus.log(f"{lines[:1]}, exit status {daemon.wait()}")
    bus.log_output("stderr", daemon.stderr())
    assert len(lines) == 2, "no process id"


@scenario(None)
def forking(bus: Bus) -> None:
    """--fork: the first process ends well, the printed one serves."""
    daemon = launch(bus, "--fork", "--print-address=1", "--print-pid=1")
    status = daemon.wait()
    lines = await_lines(bus, daemon, 2)
    pid = int(lines[1])
    try:
        bus.log(f"exit status {status}, another process: {pid != daemon.pid}")
        bus.log(lines[0])
        client = Client("A", lines[0], bus.log)
        client.authenticate()
        client.hello()
        client.driver("GetId")
        bus.log(f"session leader: {os.getsid(pid) == pid}, "
                f"folder {os.readlink(f'/proc/{pid}/cwd')}")
        for fd in (0, 1, 2):
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
            bus.log(f"fd {fd}: {'null' if target == '/dev/null' else 'other'}")
        client.close()
    finally:
        os.kill(pid, signal.SIGTERM)
        bus.wait_until(lambda: ended(pid), "the daemon to end")


@scenario(None, params={"fork in file": ("  <fork/>", []),
                        "nofork wins": ("  <fork/>", ["--nofork"]),
                        "nofork then fork": ("", ["--nofork", "--fork"]),
                        "fork then nofork": ("", ["--fork", "--nofork"])})
def fork_choices(bus: Bus, what: tuple[str, Sequence[str]]) -> None:
    """The configuration and the options about forking."""
    extra, arguments = what
    daemon = launch(bus, "--print-pid=1", "--print-address=1", *arguments, text=config(extra=extra))
    lines = await_lines(bus, daemon, 2)
    pid = int(next((line for line in lines if line.isdigit()), "0"))
    bus.log(f"forked: {pid != daemon.pid}, {len(lines)} lines")
    if pid and pid != daemon.pid:
        os.kill(pid, signal.SIGTERM)
        bus.wait_until(lambda: ended(pid), "the daemon to end")
        daemon.wait()


PIDFILE = "  <pidfile>@DIR@/pid</pidfile>"


@scenario(None)
def pidfile(bus: Bus) -> None:
    """The pid file: content, mode, and whether it goes with the daemon."""
    daemon = launch(bus, "--nofork", "--print-address", text=config(extra=PIDFILE))
    ready(bus, daemon)
    path = daemon.directory / "pid"
    bus.log(f"{path.read_text().replace(str(daemon.pid), '<pid>')!r} {path.stat().st_mode:o}")
    daemon.stop()
    bus.log(f"still there: {path.exists()}")


@scenario(None)
def pidfile_in_the_way(bus: Bus) -> None:
    """A pid file is there already; --nopidfile does not care."""
    for arguments in ([], ["--nopidfile"]):
        daemon = bus.another_daemon()
        daemon.write("pid", "1\n")
        daemon.write("bus.conf", config(extra=PIDFILE))
        daemon.spawn(["--config-file=@DIR@/bus.conf", "--nofork", "--print-address", *arguments])
        lines = await_lines(bus, daemon, 1)
        if lines and daemon.serves(lines[0]):
            bus.log("it starts")
            daemon.stop()
        else:
            bus.log(f"exit status {daemon.wait()}")
        bus.log_output("stderr", daemon.stderr())
        bus.log(f"pid file: {(daemon.directory / 'pid').exists()}")


@scenario(None)
def pidfile_impossible(bus: Bus) -> None:
    """A pid file in a folder that is not there."""
    bus.try_config(config(extra="  <pidfile>@DIR@/none/pid</pidfile>"))


@scenario(None)
def pidfile_after_reload(bus: Bus) -> None:
    """The file that was written is the one that is removed, whatever is configured by then."""
    daemon = launch(bus, "--nofork", "--print-address", text=config(extra=PIDFILE))
    client = Client("A", ready(bus, daemon), bus.log)
    client.authenticate()
    client.hello()
    for extra in ("  <pidfile>@DIR@/another</pidfile>", ""):
        daemon.write("bus.conf", config(extra=extra))
        client.driver("ReloadConfig")
    client.close()
    daemon.stop()
    bus.log(f"still there: {[n for n in ('pid', 'another') if (daemon.directory / n).exists()]}")


@scenario(None, params={
    f"{mode} {name}": (f"--{mode}", extra, pid_fd)
    for mode in ("nofork", "fork")
    for name, extra, pid_fd in (
        ("pid file taken", "  <pidfile>@DIR@/taken</pidfile>", 1),
        ("pid file nowhere", "  <pidfile>@DIR@/none/pid</pidfile>", 1),
        ("no such user", PIDFILE + "  <user>no-such-user</user>", 1),
        ("nowhere to print to", PIDFILE, 77))})
def fails_late(bus: Bus, what: tuple[str, str, int]) -> None:
    """A daemon that cannot start leaves no file behind, and those of others alone."""
    mode, extra, pid_fd = what
    daemon = bus.another_daemon()
    daemon.write("taken", "1\n")
    daemon.write("bus.conf", config(extra=extra))
    daemon.spawn(["--config-file=@DIR@/bus.conf", mode, "--print-address=1",
                  f"--print-pid={pid_fd}"])
    bus.log(f"exit status {daemon.wait()}, tells its address: {bool(daemon.stdout())}")
    bus.log_output("stderr", daemon.stderr())
    bus.log(f"files: {sorted(path.name for path in daemon.directory.iterdir())}")


@scenario(None)
def warns_and_fails(bus: Bus) -> None:
    """What does not matter is told, even if something that follows does."""
    bus.try_config(config(extra='  <policy user="no-such-user"/><policy group="no-such-group"/>'
                                '<nonsense/>'))


@scenario(None)
def socket_in_the_way(bus: Bus) -> None:
    """A stale socket is replaced, a living one and a file are not, or are."""
    daemon = launch(bus, "--nofork", "--print-address")
    await_lines(bus, daemon, 1)
    second = bus.another_daemon()
    second.write("bus.conf", config(listen=f"unix:path={daemon.directory}/bus"))
    second.spawn(["--config-file=@DIR@/bus.conf", "--nofork", "--print-address"])
    lines = await_lines(bus, second, 1)
    bus.log(f"beside a living one: {lines}")
    bus.log_output("stderr", second.stderr())
    second.stop()
    third = bus.another_daemon()
    third.write("bus", "a file")
    third.write("bus.conf", PLAIN)
    third.spawn(["--config-file=@DIR@/bus.conf", "--nofork", "--print-address"])
    bus.log(f"in place of a file: {await_lines(bus, third, 1)}")
    bus.log_output("stderr", third.stderr())


@scenario(None, params={number.name: number for number in (
    signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR1)})
def signals(bus: Bus, number: signal.Signals) -> None:
    """What a signal does, and what is left of the socket."""
    daemon = launch(bus, "--nofork", "--print-address")
    client = Client("A", ready(bus, daemon), bus.log)
    client.authenticate()
    client.hello()
    daemon.signal(number)
    if number == signal.SIGHUP:
        bus.wait_until(lambda: "Reloaded" in daemon.stderr(), "the reload")
    if number in (signal.SIGHUP, signal.SIGPIPE):
        client.driver("GetId")
    else:
        client.expect_disconnect()
        bus.log(f"exit status {daemon.wait()}")
        bus.log(f"socket still there: {(daemon.directory / 'bus').exists()}")
    client.close()
    bus.log_output("stderr", daemon.stderr())


def end_background(daemon: Daemon) -> None:
    """End the one that has gone into the background, if it stayed there."""
    found = [int(path.read_text(encoding="ascii")) for path in daemon.directory.glob("*pid*")
             if path.read_text(encoding="ascii").strip().isdigit()]
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


@scenario(None, params=[f"--print-{what} {how}" for what in ("address", "pid")
                        for how in ("--nofork", "--fork")])
def nobody_reads(bus: Bus, options: str) -> None:
    """Whoever wanted to know has gone: no bus starts, and none is in the way of the next."""
    reader, writer = os.pipe()
    os.close(reader)
    what, how = options.split()
    try:
        daemon = launch(bus, f"{what}={writer}", how, pass_fds=(writer,),
                        text=config(extra=PIDFILE))
    finally:
        os.close(writer)
    bus.log(f"exit status {daemon.wait()}")
    bus.log(f"files left: {sorted(path.name for path in daemon.directory.iterdir())}")
    bus.log_output("stderr", daemon.stderr())
    end_background(daemon)


ADDRESSES = {
    "path": "unix:path=@DIR@/socket", "abstract": "unix:abstract=@DIR@/abstract",
    "dir": "unix:dir=@DIR@", "tmpdir": "unix:tmpdir=@DIR@", "runtime": "unix:runtime=yes",
    "escaped": "unix:path=@DIR@/with%20space", "unescaped": "unix:path=@DIR@/with space",
    "tcp": "tcp:host=127.0.0.1,port=0", "tcp family": "tcp:host=localhost,port=0,family=ipv4",
    "tcp bind": "tcp:host=localhost,bind=127.0.0.1,port=0", "tcp star": "tcp:host=x,bind=*,port=0",
    "nonce tcp": "nonce-tcp:host=127.0.0.1,port=0",
    "two": "unix:path=@DIR@/one;unix:path=@DIR@/two",
    "guid": "unix:path=@DIR@/socket,guid=00112233445566778899aabbccddeeff",
    "runtime no": "unix:runtime=no", "autolaunch": "autolaunch:", "empty part": ";",
    "unixexec": "unixexec:path=/nonexistent/program", "trailing": "unix:path=@DIR@/socket;",
    "other case": "UNIX:path=@DIR@/socket", "double key": "unix:path=@DIR@/a,path=@DIR@/b",
    "no value": "unix:path=", "no equals": "unix:path", "space": " unix:path=@DIR@/socket",
}


@scenario(None, params=ADDRESSES)
def addresses(bus: Bus, address: str) -> None:
    """Kinds of addresses, in the configuration and on the command line."""
    for arguments, text in (([], config(listen=address)), ([f"--address={address}"], PLAIN)):
        daemon = launch(bus, "--nofork", "--print-address", *arguments, text=text)
        lines = await_lines(bus, daemon, 1)
        for line in lines:
            bus.log(re.sub(r"noncefile=[^,]*", "noncefile=<file>", line))
        if daemon.running():
            found = sorted(p.name for p in daemon.directory.iterdir() if p.is_socket())
            bus.log(f"sockets: {[re.sub('dbus-.*', 'dbus-<random>', name) for name in found]}")
            modes = [f"{p.stat().st_mode:o}" for p in daemon.directory.iterdir() if p.is_socket()]
            bus.log(f"modes: {modes}")
            daemon.stop()
        else:
            bus.log(f"exit status {daemon.wait()}")
        bus.log_output("stderr", daemon.stderr())


@scenario(None)
def nonces(bus: Bus) -> None:
    """One that is wrong is refused when all of it is there: who is told earlier could guess it."""
    daemon = launch(bus, "--nofork", "--print-address",
                    text=config(listen="nonce-tcp:host=127.0.0.1,port=0"))
    address = await_lines(bus, daemon, 1)[0]
    keys = dict(item.split("=") for item in address.partition(":")[2].split(","))
    nonce = Path(unquote(keys["noncefile"])).read_bytes()
    bus.log(f"bytes: {len(nonce)}")
    for at in range(len(nonce)):
        with socket.create_connection(("127.0.0.1", int(keys["port"])), 10) as client:
            client.sendall(nonce[:at] + bytes([nonce[at] ^ 1]))
            if at + 1 < len(nonce):
                bus.log(f"{at}: open: {not select.select([client], [], [], 0.05)[0]}")
                client.sendall(nonce[at + 1:])
            bus.log(f"{at}: whole: {client.recv(1)!r}")
    with socket.create_connection(("127.0.0.1", int(keys["port"])), 10) as client:
        client.sendall(nonce + b"\0AUTH X\r\n")
        bus.log(f"right: {client.recv(8)!r}")
    daemon.stop()


@scenario(None)
def several_listen_elements(bus: Bus) -> None:
    """Two <listen> elements: both serve; the order in the printed address."""
    daemon = launch(bus, "--nofork", "--print-address",
                    text=config(extra="  <listen>unix:path=@DIR@/second</listen>"))
    lines = await_lines(bus, daemon, 1)
    bus.log(lines[0])
    for part in lines[0].split(";"):
        client = Client("A", part, bus.log)
        client.authenticate()
        client.hello()
        client.close()


@scenario(None)
def no_listen(bus: Bus) -> None:
    """A configuration without an address, with and without one on the command line."""
    for arguments in ([], ["--address=unix:path=@DIR@/given"]):
        daemon = launch(bus, "--nofork", "--print-address", *arguments, text=config(listen=""))
        lines = await_lines(bus, daemon, 1)
        bus.log(f"{lines} {'runs' if daemon.running() else daemon.wait()}")
        bus.log_output("stderr", daemon.stderr())


INVALID_FILES = {
    "empty": "", "text": "hello", "not closed": "<busconfig>", "other root": "<other/>",
    "two roots": "<busconfig/><busconfig/>", "unknown element": "<busconfig><x/></busconfig>",
    "text inside": "<busconfig>text</busconfig>",
    "unknown attribute": '<busconfig><listen x="y">unix:tmpdir=/tmp</listen></busconfig>',
    "policy bare": "<busconfig><policy/></busconfig>",
    "policy two": '<busconfig><policy context="default" user="root"/></busconfig>',
    "policy context": '<busconfig><policy context="x"/></busconfig>',
    "policy console": '<busconfig><policy at_console="x"/></busconfig>',
    "rule bare": '<busconfig><policy context="default"><allow/></policy></busconfig>',
    "rule outside": '<busconfig><allow own="*"/></busconfig>',
    "include missing": "<busconfig><include>none.conf</include></busconfig>",
    "include ignored": '<busconfig><include ignore_missing="yes">none.conf</include>'
                       "<listen>unix:tmpdir=@DIR@</listen></busconfig>",
    "include value": '<busconfig><include ignore_missing="x">none.conf</include></busconfig>',
    "include of the policy": '<busconfig><include selinux_root_relative="yes">none.conf</include>'
                             "</busconfig>",
    "include of the policy, absolute": '<busconfig><include selinux_root_relative="yes">'
                                       "@DIR@/none.conf</include></busconfig>",
    "include self": "<busconfig><include>bus.conf</include></busconfig>",
    "includedir missing": "<busconfig><includedir>none.d</includedir>"
                          "<listen>unix:tmpdir=@DIR@</listen></busconfig>",
    "type twice": "<busconfig><type>a</type><type>b</type><listen>unix:tmpdir=@DIR@</listen>"
                  "</busconfig>",
    "user unknown": "<busconfig><user>no-such-user</user><listen>unix:tmpdir=@DIR@</listen>"
                    "</busconfig>",
    "user number": "<busconfig><user>0</user><listen>unix:tmpdir=@DIR@</listen></busconfig>",
    "user number unknown": "<busconfig><user>99999</user><listen>unix:tmpdir=@DIR@</listen>"
                           "</busconfig>",
    "user number negative": "<busconfig><user>-1</user><listen>unix:tmpdir=@DIR@</listen>"
                            "</busconfig>",
    "user empty": "<busconfig><user></user><listen>unix:tmpdir=@DIR@</listen></busconfig>",
    "listen empty": "<busconfig><listen></listen></busconfig>",
    "listen bad": "<busconfig><listen>nonsense</listen></busconfig>",
    "nested busconfig": "<busconfig><busconfig/></busconfig>",
    "servicedir empty": "<busconfig><servicedir/></busconfig>",
    "bad character": "<busconfig>\x01</busconfig>", "bad entity": "<busconfig>&x;</busconfig>",
    "doctype": '<!DOCTYPE busconfig><busconfig><listen>unix:tmpdir=@DIR@</listen></busconfig>',
    "comment": "<busconfig><!-- x --><listen>unix:tmpdir=@DIR@</listen></busconfig>",
    "encoding": '<?xml version="1.0" encoding="iso-8859-1"?><busconfig>'
                "<listen>unix:tmpdir=@DIR@</listen></busconfig>",
    "limit bare": "<busconfig><limit>5</limit></busconfig>",
    "apparmor": '<busconfig><apparmor mode="x"/></busconfig>',
    "apparmor required": '<busconfig><apparmor mode="required"/>'
                         "<listen>unix:tmpdir=@DIR@</listen></busconfig>",
    "apparmor disabled": '<busconfig><apparmor mode="disabled"/>'
                         "<listen>unix:tmpdir=@DIR@</listen></busconfig>",
    "selinux": '<busconfig><selinux><associate own="a.b" context="x"/></selinux>'
               "<listen>unix:tmpdir=@DIR@</listen></busconfig>",
    "associate bare": "<busconfig><selinux><associate/></selinux></busconfig>",
    "fork with text": "<busconfig><fork>x</fork></busconfig>",
    "keep umask": "<busconfig><keep_umask/><listen>unix:tmpdir=@DIR@</listen></busconfig>",
    "servicehelper": "<busconfig><servicehelper>/bin/true</servicehelper>"
                     "<listen>unix:tmpdir=@DIR@</listen></busconfig>",
    "standard folders": "<busconfig><standard_session_servicedirs/>"
                        "<standard_system_servicedirs/><listen>unix:tmpdir=@DIR@</listen>"
                        "</busconfig>",
    "spaces": "<busconfig> <listen> unix:tmpdir=@DIR@ </listen> </busconfig>",
}


@scenario(None, params=INVALID_FILES)
def configuration_files(bus: Bus, text: str) -> None:
    """Configuration files right and wrong, with the messages about them."""
    bus.try_config(text)


RULES = [
    'own="a.b" user="root"', 'own="a.b" send_path="/x"', 'send_path="/x" receive_path="/x"',
    'send_error="a.b" send_member="X"', 'send_error="a.b" send_interface="a.b"',
    'receive_error="a.b" receive_member="X"', 'send_member="X"', 'receive_member="X"',
    'send_destination="a.b" send_destination_prefix="a.b"', 'user="root" group="root"',
    'send_broadcast="true" send_destination="a.b"', 'send_broadcast="true" send_destination="*"',
    'send_broadcast="x"', 'send_type="x"', 'receive_type="x"', 'eavesdrop="x"', 'eavesdrop="true"',
    'send_requested_reply="x"', 'receive_requested_reply="x"', 'send_requested_reply="true"',
    'min_fds="x"', 'min_fds="-1"', 'min_fds="1"', 'max_fds="0"', 'min_fds="99999999999"',
    'send_destination="*" min_fds="0x2"', 'send_destination="*" min_fds="33"',
    'receive_sender="*" max_fds="33"', 'log="true"', 'log="x"', 'send_path="/x" log="x"',
    'own="a.b" own_prefix="a"', 'own="a.b" log="true"', 'own=""', 'own_prefix="*"',
    'user="no-such-user"', 'group="no-such-group"', 'user=""', 'send_interface=""',
    'send_path="bad path"', 'send_interface="bad name"', 'send_destination="bad name"',
    'receive_sender="bad name"', 'own="bad name"', 'send_type="signal" send_broadcast="false"',
    'nonsense="x"', 'own="a.b" own="a.c"', 'own="a.b" eavesdrop="true"', 'user="root" log="true"',
    'own="a.b" min_fds="1"', 'send_destination="*" send_requested_reply="false" eavesdrop="true"',
    'send_destination_prefix="a" send_broadcast="true"', 'receive_sender="a.b" send_type="signal"',
    'receive_sender_prefix="a.b"', 'send_destination_prefix="*"', 'max_fds="1" eavesdrop="true"',
]


@scenario(None, params=['context="default"', 'context="mandatory"', 'user="root"', 'group="root"',
                        'at_console="true"'])
def rules(bus: Bus, policy: str) -> None:
    """Combinations of attributes, in each kind of policy."""
    for rule in RULES:
        for verb in ("allow", "deny"):
            bus.log(f"<{verb} {rule}/>")
            bus.try_config(config(
                policy=f"{OPEN_POLICY}<policy {policy}><{verb} {rule}/></policy>"))


@scenario(None, root=True, params=["nobody", "root", "65534", "0x0"])
def changes_user(bus: Bus, user: str) -> None:
    """<user>: the daemon drops its privileges, also if it stays root; files are made before."""
    daemon = launch(bus, "--nofork", "--print-address",
                    text=config(extra=f"  <user>{user}</user>\n" + PIDFILE))
    lines = await_lines(bus, daemon, 1)
    bus.log(f"{lines} {daemon.serves(lines[0])}")
    bus.log_output("stderr", daemon.stderr())
    status = dict(line.split(":\t", 1) for line in
                  open(f"/proc/{daemon.pid}/status", encoding="ascii").read().splitlines()
                  if ":\t" in line)
    for key in ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
                "NoNewPrivs"):
        bus.log(f"{key} {status[key]}")
    bus.log(f"socket of {(daemon.directory / 'bus').stat().st_uid}, "
            f"pid file of {(daemon.directory / 'pid').stat().st_uid}")
    client = Client("A", lines[0], bus.log)
    client.authenticate()
    client.hello(quiet=False)
    client.driver("GetConnectionUnixUser", "s", ["org.freedesktop.DBus"])
    client.close()


@scenario(None, root=True, params=["session", "system"])
def distributed_files(bus: Bus, name: str) -> None:
    """The configuration files that the distribution installs, at an address of one's own."""
    path = Path(f"/usr/share/dbus-1/{name}.conf")
    if not path.exists():
        bus.log("there is none")
        return
    bus.directory.chmod(0o777)
    daemon = bus.another_daemon()
    daemon.spawn([f"--config-file={path}", "--nofork", "--nopidfile", "--print-address=1",
                  "--address=unix:path=@DIR@/bus"])
    address = ready(bus, daemon)
    for label, uid in (("R", None), ("N", 65534)):
        client = bus.connect(label, address=address, uid=uid, hello=False)
        client.hello(quiet=False)
        if client.unique:
            client.request_name("com.example.Distributed")
            client.driver("GetId")
            client.driver("UpdateActivationEnvironment", "a{ss}", [{"A": "b"}])
            client.driver("GetAllMatchRules", interface="org.freedesktop.DBus.Debug.Stats")
            client.send(wire.call(bus.clients[0].unique, "/x", "com.example.X", "Call"))
            client.become_monitor(["type='error'"])
    bus.settle()


@scenario(None, params=["--syslog", "--syslog-only", "--nosyslog"])
def logging(bus: Bus, option: str) -> None:
    """Where a message of the log goes: standard error, or not there."""
    daemon = launch(bus, "--nofork", "--print-address", option)
    client = Client("A", ready(bus, daemon), bus.log)
    client.authenticate()
    client.hello()
    client.driver("ReloadConfig")
    client.close()
    bus.log_output("stderr", daemon.stderr())


@scenario(None, params=["session", "system", "weird", "Session"])
def log_prefix(bus: Bus, bus_type: str) -> None:
    """How the lines of a bus of each type begin."""
    daemon = launch(bus, "--nofork", "--print-address", text=config(bus_type=bus_type))
    client = Client("A", ready(bus, daemon), bus.log)
    client.authenticate()
    client.hello()
    client.driver("ReloadConfig")
    client.close()
    bus.log_output("stderr", daemon.stderr())


@scenario(None)
def closed_standard_fds(bus: Bus) -> None:
    """Started with standard fds closed, it opens /dev/null in their places."""
    daemon = bus.another_daemon()
    daemon.write("bus.conf", PLAIN)
    result = bus.shell(f"exec {daemon.binary} --config-file={daemon.directory}/bus.conf --fork "
                       f"--print-pid=8 --print-address=9 8>{daemon.directory}/pid "
                       f"9>{daemon.directory}/address <&- >&- 2>&-")
    bus.log(f"status {result.returncode}")
    address, pid = ((daemon.directory / name).read_text().strip() for name in ("address", "pid"))
    try:
        client = Client("A", address, bus.log)
        client.authenticate()
        client.hello()
        client.close()
        for fd in range(3):
            link = Path(f"/proc/{pid}/fd/{fd}")
            bus.log(f"fd {fd}: {link.readlink() if link.is_symlink() else 'closed'}")
    finally:
        os.kill(int(pid), signal.SIGTERM)
        bus.wait_until(lambda: ended(int(pid)), "the daemon to end")
