# SPDX-License-Identifier: MIT
"""Programs that people use: dbus-send, dbus-monitor, gdbus, busctl and their kin."""

from __future__ import annotations

import re
import subprocess
from typing import Sequence

import wire
from client import Client
from daemons import config
from fixture import Bus, scenario
from normalise import own_lines
from wire import DRIVER, Variant

X = "com.example.X"

# What the tools print and the daemon chooses.
CHOSEN = (
    (re.compile(r"\btime=\d+\.\d+"), "time=<time>"),
    (re.compile(r"(sender=org\.freedesktop\.DBus[^\n]*?) serial=\d+"), r"\1 serial=*"),
    (re.compile(r"(sender=\(null sender\)[^\n]*?) serial=\d+"), r"\1 serial=*"),
    (re.compile(r"\b(Cookie|ReplyCookie)=\d+"), r"\1=*"),
    (re.compile(r'Timestamp="[^"]*"'), 'Timestamp="<time>"'),
)


def shorten(text: str) -> str:
    """Output without times and serials of the daemon."""
    for pattern, new in CHOSEN:
        text = pattern.sub(new, text)
    return text


def run(bus: Bus, *command: str, sort: bool = False) -> None:
    """Run a tool and write down its status and output."""
    result = bus.tool(*command)
    bus.log(f"$ {' '.join(command)}\nstatus {result.returncode}")
    for name, text in (("out", result.stdout), ("err", result.stderr)):
        lines = own_lines(shorten(text))
        for line in sorted(lines) if sort else lines:
            bus.log(f"{name}: {line}")


class Listener:
    """A tool that runs in the background and prints what it sees."""

    def __init__(self, bus: Bus, *command: str) -> None:
        self.bus = bus
        self.path = bus.directory / "listener"
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.STDOUT, env=bus.tool_environment())

    def text(self) -> str:
        """All output so far."""
        return self.path.read_text(errors="replace")

    def wait_for(self, text: str) -> None:
        """Wait until the output has this text."""
        self.bus.wait_until(lambda: text in self.text() or self.process.poll() is not None,
                            f"{text!r} in {self.text()!r}")

    def stop(self) -> str:
        """End it and return all it printed."""
        self.process.terminate()
        self.process.wait()
        return self.text()


CALLS: dict[str, Sequence[str]] = {
    "get id": ["org.freedesktop.DBus.GetId"], "has owner": [
        "org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.DBus"],
    "owner of nobody": ["org.freedesktop.DBus.GetNameOwner", "string:com.example.Nobody"],
    "no method": ["org.freedesktop.DBus.Nonsense"], "no interface": ["com.example.Nothing.Get"],
    "wrong argument": ["org.freedesktop.DBus.GetNameOwner", "int32:5"],
    "properties": ["org.freedesktop.DBus.Properties.GetAll", "string:org.freedesktop.DBus"],
    "ping": ["org.freedesktop.DBus.Peer.Ping"],
    "machine id": ["org.freedesktop.DBus.Peer.GetMachineId"],
    "request name": ["org.freedesktop.DBus.RequestName", "string:com.example.Q", "uint32:4"],
}


@scenario(tools=["dbus-send"], params=CALLS)
def dbus_send(bus: Bus, arguments: Sequence[str]) -> None:
    """Calls of the driver with dbus-send."""
    run(bus, "dbus-send", "--session", "--print-reply", f"--dest={DRIVER}",
        "/org/freedesktop/DBus", *arguments)


@scenario(tools=["dbus-send"])
def dbus_send_errors(bus: Bus) -> None:
    """Destinations that are not there, and forms of addressing."""
    for destination in ("com.example.Nobody", ":1.999"):
        run(bus, "dbus-send", "--session", "--print-reply", f"--dest={destination}", "/x",
            "com.example.X.Call")
    run(bus, "dbus-send", "--system", "--print-reply=literal", f"--dest={DRIVER}", "/",
        "org.freedesktop.DBus.GetId")
    run(bus, "dbus-send", f"--bus={bus.daemon.address}", "--print-reply", f"--dest={DRIVER}", "/",
        "org.freedesktop.DBus.GetNameOwner", f"string:{DRIVER}")
    run(bus, "dbus-send", f"--peer={bus.daemon.address}", "--print-reply", "/",
        "org.freedesktop.DBus.Peer.Ping")


@scenario(tools=["dbus-send"])
def dbus_send_values(bus: Bus) -> None:
    """All kinds of values, broadcast to a client."""
    a = bus.connect("A")
    a.add_match("type='signal'")
    run(bus, "dbus-send", "--session", "--type=signal", "/x", "com.example.X.Sig", "byte:1",
        "int16:-2", "uint16:3", "int32:-4", "uint32:5", "int64:-6", "uint64:7", "double:8.5",
        "boolean:true", "string:text", "objpath:/p", "array:string:a,b", "variant:int32:9",
        "dict:string:int32:a,1,b,2")
    bus.settle()


@scenario(tools=["dbus-monitor"])
def dbus_monitor(bus: Bus) -> None:
    """dbus-monitor becomes a monitor and prints the traffic."""
    a, b = bus.connect("A"), bus.connect("B")
    listener = Listener(bus, "dbus-monitor", "--session", "interface='com.example.X'",
                        "type='error'", "type='method_return',sender='com.example.B'")
    b.request_name("com.example.B")
    bus.wait_until(lambda: "com.example.X" in marker(a, listener), "dbus-monitor")
    serial = a.send(wire.call("com.example.B", "/x", X, "Question", "sa{sv}",
                              ["text", {"key": Variant("as", ["value"])}]))
    bus.settle()
    b.send(wire.method_return(a.unique, serial, "ay", [b"bytes"]))
    a.send(wire.call("com.example.Nobody", "/x", X, "Lost"))
    a.send(wire.signal("/x", X, "Last"))
    listener.wait_for("member=Last")
    text = listener.stop()
    for line in shorten(text[text.index("member=Question") - 100:]).splitlines()[1:]:
        bus.log(line)


def marker(client: Client, listener: Listener) -> str:
    """Broadcast, unwritten, a signal and return what the listener has printed."""
    client.send(wire.signal("/x", X, "Marker", serial=0x60000000), quiet=True)
    return listener.text()


@scenario(tools=["dbus-monitor"])
def dbus_monitor_refused(bus: Bus) -> None:
    """dbus-monitor with a rule that is not valid."""
    result = bus.tool("dbus-monitor", "--session", "nonsense='x'")
    bus.log(f"status {result.returncode}")
    for line in shorten(result.stderr).splitlines():
        bus.log(line)


@scenario(tools=["gdbus"])
def gdbus_calls(bus: Bus) -> None:
    """gdbus call and emit."""
    a = bus.connect("A")
    a.add_match("type='signal'")
    start = ["gdbus", "call", "--session", "--dest", DRIVER, "--object-path",
             "/org/freedesktop/DBus", "--method"]
    run(bus, *start, "org.freedesktop.DBus.GetId")
    run(bus, *start, "org.freedesktop.DBus.RequestName", "com.example.N", "0")
    run(bus, *start, "org.freedesktop.DBus.GetNameOwner", "com.example.Nobody")
    run(bus, *start, "org.freedesktop.DBus.Properties.Get", DRIVER, "Features")
    run(bus, *start, "org.freedesktop.DBus.Nonsense")
    run(bus, "gdbus", "emit", "--session", "--object-path", "/x", "--signal", "com.example.X.Sig",
        "'text'", "5", "<true>")
    bus.settle()


@scenario(tools=["gdbus"], params=["/", "/org/freedesktop/DBus"])
def gdbus_introspect(bus: Bus, path: str) -> None:
    """gdbus introspect of the driver; interfaces in any order."""
    result = bus.tool("gdbus", "introspect", "--session", "--dest", DRIVER, "--object-path", path)
    bus.log(f"status {result.returncode} {result.stderr}")
    for line in sorted(result.stdout.splitlines()):
        bus.log(line)


@scenario(tools=["gdbus"])
def gdbus_wait_and_monitor(bus: Bus) -> None:
    """gdbus monitor sees a name come, a signal, and the name go."""
    a = bus.connect("A")
    listener = Listener(bus, "gdbus", "monitor", "--session", "--dest", "com.example.N")
    listener.wait_for("does not have an owner")
    a.request_name("com.example.N")
    listener.wait_for("is owned by")
    # It asks for the signals only after it has printed that.
    bus.wait_until(lambda: "Marker" in marker(a, listener), "gdbus")
    a.send(wire.signal("/x", X, "Sig", "s", ["text"], serial=0x60000001))
    listener.wait_for("Sig")
    a.release_name("com.example.N")
    bus.wait_until(lambda: listener.text().count("does not have an owner") == 2, "the name to go")
    for line in listener.stop().splitlines():
        if "Marker" not in line:
            bus.log(line)


@scenario(tools=["gdbus"])
def gdbus_wait(bus: Bus) -> None:
    """gdbus wait ends when the name comes."""
    a = bus.connect("A")
    a.request_name("com.example.There")
    run(bus, "gdbus", "wait", "--session", "--timeout", "5", "com.example.There")
    run(bus, "gdbus", "wait", "--session", "--timeout", "1", "com.example.Nobody")


@scenario(tools=["busctl"])
def busctl_calls(bus: Bus) -> None:
    """busctl call, get-property and emit."""
    a = bus.connect("A")
    a.add_match("type='signal'")
    address = f"--address={bus.daemon.address}"
    place = [DRIVER, "/org/freedesktop/DBus", DRIVER]
    run(bus, "busctl", address, "call", *place, "GetId")
    run(bus, "busctl", address, "call", *place, "NameHasOwner", "s", DRIVER)
    run(bus, "busctl", address, "call", *place, "GetNameOwner", "s", "com.example.Nobody")
    run(bus, "busctl", address, "call", *place, "Nonsense")
    run(bus, "busctl", address, "get-property", *place, "Features")
    run(bus, "busctl", address, "get-property", *place, "Nonsense")
    run(bus, "busctl", address, "call", "com.example.Nobody", "/x", X, "Call")
    run(bus, "busctl", address, "emit", "/x", X, "Sig", "sa{sv}", "text", "1", "k", "i", "5")
    bus.settle()


@scenario(tools=["busctl"])
def busctl_introspect(bus: Bus) -> None:
    """busctl introspect and tree of the driver."""
    address = f"--address={bus.daemon.address}"
    run(bus, "busctl", address, "--no-pager", "introspect", DRIVER, "/org/freedesktop/DBus",
        sort=True)
    run(bus, "busctl", address, "--no-pager", "--list", "tree", DRIVER)


@scenario(tools=["busctl"])
def busctl_list(bus: Bus) -> None:
    """busctl list."""
    a = bus.connect("A")
    a.request_name("com.example.A")
    result = bus.tool("busctl", f"--address={bus.daemon.address}", "--no-pager", "--no-legend",
                      "list")
    bus.log(f"status {result.returncode} {result.stderr}")
    names = sorted(line.split()[0] for line in result.stdout.splitlines())
    bus.log(str([name for name in names if not name.startswith(":")]))


@scenario(tools=["busctl"])
def busctl_monitor(bus: Bus) -> None:
    """busctl monitor takes the way of BecomeMonitor."""
    a = bus.connect("A")
    listener = Listener(bus, "busctl", f"--address={bus.daemon.address}", "--json=short",
                        "--match=interface='com.example.X'", "monitor")
    bus.wait_until(lambda: "Marker" in marker(a, listener), "busctl")
    a.send(wire.signal("/x", X, "Last", "s", ["text"]))
    listener.wait_for('"Last"')
    for line in listener.stop().splitlines():
        if '"Last"' in line:
            bus.log(re.sub(r'"(timestamp-realtime|cookie)":\d+', r'"\1":*', line))


@scenario(tools=["dbus-run-session"])
def dbus_run_session(bus: Bus) -> None:
    """dbus-run-session with the daemon under test."""
    bus.daemon.write("session.conf", config(listen="unix:tmpdir=@DIR@"))
    for command in (["dbus-send", "--session", "--print-reply=literal", f"--dest={DRIVER}", "/",
                     "org.freedesktop.DBus.NameHasOwner", f"string:{DRIVER}"], ["false"],
                    ["sh", "-c", "exit 5"]):
        run(bus, "dbus-run-session", f"--dbus-daemon={bus.binary}",
            f"--config-file={bus.directory}/session.conf", "--", *command)


@scenario(None, tools=["dbus-launch"])
def dbus_launch(bus: Bus) -> None:
    """dbus-launch starts the daemon of the PATH, which forks."""
    path = bus.directory / "bin"
    path.mkdir(parents=True)
    (path / "dbus-daemon").symlink_to(bus.binary)
    bus.daemon.write("launch.conf", config(listen="unix:tmpdir=@DIR@"))
    result = subprocess.run(
        ["dbus-launch", f"--config-file={bus.directory}/launch.conf"], capture_output=True,
        text=True, check=False, timeout=20,
        env=bus.daemon.environment({"PATH": f"{path}:/usr/bin:/bin"}))
    bus.log(f"status {result.returncode}")
    values = dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)
    bus.log(str(sorted(values)))
    try:
        client = Client("A", values["DBUS_SESSION_BUS_ADDRESS"], bus.log)
        client.authenticate()
        client.hello(quiet=False)
        client.close()
    finally:
        subprocess.run(["kill", values["DBUS_SESSION_BUS_PID"]], check=False)


@scenario(tools=["dbus-test-tool"])
def dbus_test_tool(bus: Bus) -> None:
    """An echo server and a flood of calls to it."""
    server = subprocess.Popen(["dbus-test-tool", "echo", "--session", "--name=com.example.Echo"],
                              env=bus.tool_environment(), stdin=subprocess.DEVNULL)
    a = bus.connect("A")
    bus.wait_until(lambda: bus.has_owner(a, "com.example.Echo"), "the echo server")
    result = bus.tool("dbus-test-tool", "spam", "--session", "--dest=com.example.Echo",
                      "--count=300", "--queue=20", "--payload=hello")
    bus.log(f"status {result.returncode} {result.stderr}")
    server.terminate()
    server.wait()


@scenario(tools=["dbus-update-activation-environment"])
def update_environment(bus: Bus) -> None:
    """dbus-update-activation-environment, as session scripts call it."""
    run(bus, "dbus-update-activation-environment", "--verbose", "ONE=1", "TWO=2")


@scenario(tools=["python3"])
def cookie_of_a_library(bus: Bus) -> None:
    """A reference client over TCP, which uses cookies when it may use nothing else."""
    daemon = bus.another_daemon()
    daemon.start(config(listen="tcp:host=127.0.0.1,port=0", auth=("DBUS_COOKIE_SHA1",)))
    result = subprocess.run(
        ["dbus-send", f"--bus={daemon.address}", "--print-reply=literal", f"--dest={DRIVER}", "/",
         "org.freedesktop.DBus.NameHasOwner", f"string:{DRIVER}"], capture_output=True, text=True,
        env=daemon.environment(), check=False, timeout=20)
    bus.log(f"{result.returncode} {result.stdout!r} {result.stderr!r}")
