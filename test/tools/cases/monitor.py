# SPDX-License-Identifier: MIT
"""dbus-monitor: its options, its formats, and eavesdropping where it may not monitor."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path
from typing import Any, Callable, Sequence

import wire
from client import Client
from daemons import OPEN_RULES, default_policy
from side import Running, Side, case, wait_until
from wire import Variant

BUS = "org.freedesktop.DBus"
NOTHING = "unix:path=/nonexistent/bus"
TESTS = "path='/test'"
END = "TheEnd"
PCAP_HEADER = 24

NO_MONITORS = default_policy('<deny send_interface="org.freedesktop.DBus.Monitoring"/>')
NO_EAVESDROPPERS = default_policy(
    '<deny send_interface="org.freedesktop.DBus.Monitoring"/>',
    base=OPEN_RULES.replace(' eavesdrop="true"', ""))

OPTIONS: list[Sequence[str]] = [
    ("--help",), ("--version",), ("--bogus",), ("-x",), ("-",), ("--address",),
    ("--address", "foo"), ("--address=foo",), ("--address", NOTHING), ("--address", ""),
    ("--address", "--help"), ("--address", "foo", "--help"), ("--session",), ("--system",),
    ("--address", NOTHING, "--session"), ("--session", "--address", NOTHING),
    ("--session", "--system"), ("--system", "--session"), ("--session", "--session"),
    ("--address", "foo", "--address", "foo"), ("--session", "--help"), ("--bogus", "--help"),
    ("--session", "--address"), ("--address", "foo", "--address"),
    ("--profile", "--system"), ("--pcap", "--system"), ("--binary", "--system"),
    ("--monitor", "--system"), ("--session", "type='signal'", "-x"), ("--system", "--help"),
    ("--system", "--"), ("type='signal'",), ("--profile", "--help"),
]

BAD_RULES: list[Sequence[str]] = [
    ("bogus",), ("type='signal'", "bogus"), ("bogus", "type='signal'"), ("arg64='y'",),
    ("sender='bad'",), ("eavesdrop='maybe'",), ("eavesdrop=true,bogus",), ("", "bogus"),
]

RULES: list[Sequence[str]] = [
    (TESTS,), ("type='signal'", "type='error'"), (TESTS, TESTS), ("member='TheEnd'",),
    ("eavesdrop=true,path='/test'",), ("eavesdrop='false',path='/test'",), ("type='method_call'",
                                                                         "member='TheEnd'"),
    ("--", TESTS), (TESTS, "--", "type='error'"), ("arg0='one'", "member='TheEnd'"),
]

FORMATS = ("--monitor", "--profile", "--binary", "--pcap")

BODIES: dict[str, tuple[str, list[Any]]] = {
    "nothing": ("", []), "basic": ("ynqiuxtdbsog", [1, -2, 3, -4, 5, -6, 7, 1.25, True, "x\ny", "/a",
                                                    "a{sv}"]),
    "struct": ("(is)(s(b))", [(1, "x"), ("y", (False,))]),
    "arrays": ("asaasao", [["a"], [["b"], []], []]),
    "dicts": ("a{sv}a{i(s)}", [{"a": Variant("i", 1), "b": Variant("as", ["c"])}, {5: ("x",)}]),
    "variants": ("vav", [Variant("v", Variant("s", "x")), [Variant("(i)", (1,)),
                                                          Variant("y", 2)]]),
    "text": ("ayayayay", [b"hello", b"hello\0", b"\0", b" ~"]),
    "no text": ("ayayayayay", [b"a\0\0", b"\t", b"\x7f", "é".encode(), b"a\0b"]),
    "few bytes": ("ayayayay", [bytes(23), bytes(24), bytes(25), bytes(48)]),
    "inner bytes": ("(ay)a(ay)aay", [(bytes(50),), [(bytes(50),)], [bytes(50), b"x"]]),
}


def nested(levels: int) -> tuple[str, list[Any]]:
    """Bytes in so many variants."""
    value: Any = Variant("ay", bytes(range(45)))
    for _ in range(levels - 1):
        value = Variant("v", value)
    return "v", [value]


BODIES.update({f"{n} variants": nested(n) for n in (1, 12, 16, 18, 24, 25, 26, 27, 30)})


class Monitored:
    """A monitor that runs, with a client to make it see something."""

    def __init__(self, side: Side, arguments: Sequence[str], session: bool = True) -> None:
        self.side = side
        watcher = side.watcher()
        self.monitor = side.start("dbus-monitor", [*(["--session"] if session else []), *arguments])
        watcher.wait_for(lambda m: m.type == wire.METHOD_CALL and m.member == "BecomeMonitor",
                         "the call")
        # What is sent to the bus from now on comes after that call.
        self.client = side.client("client")

    def send(self, *messages: wire.Message) -> None:
        """Make it see these messages."""
        for message in messages:
            self.client.send(message)

    def end(self) -> list[str]:
        """The lines of text from the first message to the last one, which is added."""
        self.client.send(wire.signal("/test", "com.example.End", END))
        wait_until(lambda: END.encode() in self.monitor.stdout(), "the last message")
        self.monitor.stop()
        lines = self.monitor.stdout().decode("utf-8", "backslashreplace").splitlines()
        return lines[:next((i for i, line in enumerate(lines) if END in line), len(lines)) + 1]

    def log_from(self, first: Callable[[str], bool]) -> None:
        """Write down the text from the first line of a kind."""
        lines = self.end()
        start = next((i for i, line in enumerate(lines) if first(line)), len(lines))
        for line in lines[start:]:
            self.side.log(f"out: {line}")


def test_signal(body: tuple[str, list[Any]], fds: Sequence[int] = ()) -> wire.Message:
    """A signal with arguments."""
    signature, values = body
    more = [(wire.UNIX_FDS, len(fds))] if fds else []
    message = wire.build(wire.SIGNAL, [(wire.PATH, "/test"), (wire.INTERFACE, "com.example.T"),
                                       (wire.MEMBER, "Test"), *more], signature, values)
    message.fds = list(fds)
    return message


def conversation(client: Client) -> None:
    """Messages of all types, with and without the fields that may be missing."""
    client.request_name("com.example.Name")
    own = client.unique
    for message in (
            wire.signal("/test", "com.example.T", "Broadcast"),
            wire.signal("/test", "com.example.T", "Arguments", "si", ["one", 2]),
            wire.build(wire.SIGNAL, [(wire.PATH, "/test"), (wire.INTERFACE, "com.example.T"),
                                     (wire.MEMBER, "ToOne"), (wire.DESTINATION, own)]),
            wire.call(own, "/test", "com.example.T", "Call"),
            wire.call("com.example.Name", "/test", None, "WithoutInterface"),
            wire.call(own, "/test", "org.freedesktop.DBus.Peer", "Ping"),
            wire.call("com.example.None", "/test", "com.example.T", "Call"),
            wire.call(BUS, "/test", BUS, "NoSuchMethod")):
        client.send(message)


@case(params={" ".join(a): a for a in OPTIONS})
def options(side: Side, arguments: Sequence[str]) -> None:
    """Nobody is there to connect to, or needed."""
    side.run("dbus-monitor", arguments)


@case(on_bus=True, params={" ".join(r): r for r in BAD_RULES})
def bad_rules(side: Side, rules: Sequence[str]) -> None:
    """What is no match rule, and what is tried instead."""
    watcher = side.watcher()
    side.run("dbus-monitor", ["--session", *rules])
    for message in watcher.messages():
        if message.member in ("BecomeMonitor", "AddMatch"):
            side.log(f"sent: {message.show()}")


@case(on_bus=True, params=("--monitor", "--profile"))
def text(side: Side, form: str) -> None:
    """A conversation in the formats that are text."""
    monitored = Monitored(side, [form])
    conversation(monitored.client)
    monitored.log_from(lambda line: "RequestName" in line)


@case(on_bus=True)
def heading(side: Side) -> None:
    """The profile's first lines, and the connection's end."""
    monitored = Monitored(side, ["--profile", "member='TheEnd'"])
    for line in monitored.end()[:2]:
        side.log(f"out: {line}")


@case(on_bus=True, params={" ".join(r): r for r in RULES})
def rules(side: Side, arguments: Sequence[str]) -> None:
    """What is seen with match rules."""
    monitored = Monitored(side, arguments)
    conversation(monitored.client)
    monitored.log_from(lambda line: "Broadcast" in line or "=com.example.End" in line
                       or "member=Call" in line)


@case(on_bus=True, params=("address", "session", "default"))
def which(side: Side, how: str) -> None:
    """The ways to name a bus."""
    options_ = {"address": ["--address", side.address], "session": ["--session"], "default": []}
    monitored = Monitored(side, [*options_[how], TESTS], session=False)
    monitored.send(test_signal(("s", ["x"])))
    monitored.log_from(lambda line: "Test" in line)


@case(on_bus=True)
def system(side: Side) -> None:
    """The system bus."""
    watcher = side.watcher()
    monitor = side.start("dbus-monitor", ["--system", TESTS],
                         env={"DBUS_SYSTEM_BUS_ADDRESS": side.address})
    watcher.wait_for(lambda m: m.member == "BecomeMonitor", "the call")
    side.client().send(wire.signal("/test", "com.example.End", END))
    wait_until(lambda: END.encode() in monitor.stdout(), "the last message")
    side.log(f"status: {monitor.stop()}")


@case(on_bus=True, params=list(BODIES))
def body(side: Side, name: str) -> None:
    """Arguments of all types."""
    monitored = Monitored(side, [TESTS])
    monitored.send(test_signal(BODIES[name]))
    monitored.log_from(lambda line: "member=Test" in line)


def packets(data: bytes) -> list[bytes]:
    """The packets of a capture file, whose form is checked."""
    assert struct.unpack("=IHHiIII", data[:PCAP_HEADER])[1:3] == (2, 4)
    found = []
    position = PCAP_HEADER
    while position < len(data):
        _, _, captured, length = struct.unpack_from("=IIII", data, position)
        assert captured == length
        found.append(data[position + 16:position + 16 + captured])
        position += 16 + captured
    return found


def messages(data: bytes) -> list[bytes]:
    """The messages that follow each other."""
    found = []
    while data:
        size = wire.message_size(data)
        assert size
        found.append(data[:size])
        data = data[size:]
    return found


@case(on_bus=True, params=("--binary", "--pcap"))
def binary(side: Side, form: str) -> None:
    """A conversation in the formats that are none, to the byte."""
    monitored = Monitored(side, [form])
    conversation(monitored.client)
    monitored.client.send(test_signal(("asv", [["x"], Variant("ay", b"\0\1")])))
    monitored.end()
    data = monitored.monitor.stdout()
    if form == "--pcap":
        side.log(f"header {data[:PCAP_HEADER].hex()}")
    seen = packets(data) if form == "--pcap" else messages(data)
    own = monitored.client.unique
    for message in seen:
        decoded = wire.decode(message)
        if decoded.sender == own and decoded.member != "Hello":
            # The unique name says which connection of the bus it is.
            side.log(message.replace(own.encode(), b"OWN").hex() if len(own) == 4
                     else decoded.show())
        if decoded.member == END:
            break  # what was sent to wait for it may have been seen or not


@case(on_bus=True, params=("--binary", "--pcap"))
def full(side: Side, form: str) -> None:
    """Nobody can take what is printed."""
    with open("/dev/full", "wb") as sink:
        process = side.start("dbus-monitor", ["--session", form], stdout=sink)
        side.log_end(process)


@case(on_bus=True, params=FORMATS)
def bus_ends(side: Side, form: str) -> None:
    """The end of the bus is the last thing seen."""
    monitored = Monitored(side, [form, "path='/none'", "path='/org/freedesktop/DBus/Local'"])
    monitored.client.close()
    side.daemon.stop()
    side.log(f"status: {monitored.monitor.wait()}")
    data = monitored.monitor.stdout()
    if form in ("--monitor", "--profile"):
        side.log(f"out: {data.decode().splitlines()[-1]}")
    else:
        last = (packets(data) if form == "--pcap" else messages(data))[-1]
        side.log(last.hex())


def descriptors(directory: Path) -> dict[str, Callable[[], list[Any]]]:
    """What file descriptors can be of. Each function returns what has a fileno(), the first of
    which is sent."""
    def listening(family: int, address: Any) -> list[Any]:
        server = socket.socket(family)
        server.bind(address)
        server.listen()
        return [server]

    def connected(family: int, address: Any) -> list[Any]:
        server = listening(family, address)[0]
        peer = socket.socket(family)
        peer.connect(server.getsockname())
        return [peer, server]

    def opened(path: Path | str, flags: int = os.O_RDONLY) -> list[Any]:
        return [os.fdopen(os.open(path, flags), "rb", buffering=0)] \
            if not os.path.isdir(path) else [_Directory(os.open(path, flags))]

    def pipe() -> list[Any]:
        return [os.fdopen(fd, mode) for fd, mode in zip(os.pipe(), ("rb", "wb"))]

    name = "\0" + directory.parent.name
    return {
        "file": lambda: opened(__file__), "device": lambda: opened("/dev/null"),
        "directory": lambda: opened(directory), "pipe": pipe,
        "pair": lambda: list(socket.socketpair()),
        "unnamed": lambda: [socket.socket(socket.AF_UNIX)],
        "datagrams": lambda: [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)],
        "path": lambda: listening(socket.AF_UNIX, str(directory / "socket")),
        "abstract": lambda: listening(socket.AF_UNIX, name),
        "connected to a path": lambda: connected(socket.AF_UNIX, str(directory / "socket")),
        "inet": lambda: listening(socket.AF_INET, ("127.0.0.1", 0)),
        "inet connected": lambda: connected(socket.AF_INET, ("127.0.0.1", 0)),
        "inet unbound": lambda: [socket.socket(socket.AF_INET)],
        "inet6": lambda: listening(socket.AF_INET6, ("::1", 0)),
        "netlink": lambda: [socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)],
        "eventfd": lambda: [_Directory(os.eventfd(0))],
    }


class _Directory:
    """A descriptor that Python has no object for."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def fileno(self) -> int:
        """The descriptor."""
        return self.fd

    def close(self) -> None:
        """Give it back."""
        os.close(self.fd)


@case(on_bus=True, params=list(descriptors(Path("/tmp/x"))))
def descriptor(side: Side, name: str) -> None:
    """What is said of a file descriptor."""
    monitored = Monitored(side, [TESTS])
    files = descriptors(side.directory)[name]()
    monitored.send(test_signal(("hah", [0, [0]]), [files[0].fileno()]))
    monitored.log_from(lambda line: "member=Test" in line)
    for file in files:
        file.close()


# Where it may not become a monitor

def wait_for_fallback(side: Side, arguments: Sequence[str]) -> tuple[Running, Client]:
    """Start it, and wait until it sees what it asked for."""
    prober, client = side.client("prober"), side.client("client")
    monitor = side.start("dbus-monitor", ["--session", *arguments])

    def probe() -> bool:
        # Without a call of the bus, which would number its answer.
        prober.send(wire.signal("/test", "com.example.T", "Probe"), sync=False)
        return b"Probe" in monitor.stdout()

    wait_until(probe, "a signal to be seen")
    return monitor, client


@case(on_bus=True, policy=NO_MONITORS,
      params={" ".join(r): r for r in [(), (TESTS,), ("type='signal'", "type='error'"),
                                       ("--profile",), ("eavesdrop=true,path='/test'",)]})
def fallback(side: Side, arguments: Sequence[str]) -> None:
    """It eavesdrops where it may not monitor."""
    monitor, client = wait_for_fallback(side, arguments)
    client.send(wire.signal("/test", "com.example.T", "Mark"))
    conversation(client)
    client.send(wire.signal("/test", "com.example.End", END))
    wait_until(lambda: END.encode() in monitor.stdout(), "the last message")
    monitor.stop()
    lines = monitor.stdout().decode().splitlines()
    start, last = (next(i for i, line in enumerate(lines) if word in line)
                   for word in ("Mark", END))
    for line in lines[start:last + 1]:
        side.log(f"out: {line}")
    side.log(f"err: {monitor.stderr().decode()}")


@case(on_bus=True, policy=NO_MONITORS, params={" ".join(r): r for r in BAD_RULES})
def fallback_fails(side: Side, arguments: Sequence[str]) -> None:
    """Nor are the rules any good."""
    side.run("dbus-monitor", ["--session", *arguments])


class OldBus:
    """A bus that knows neither monitors nor eavesdroppers, as it was once."""

    def __init__(self, directory: Path, refuse_plain: bool, n_rules: int) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(directory / "old-bus"))
        self.listener.listen()
        self.refuse_plain = refuse_plain
        self.n_left = n_rules
        self.seen: list[str] = []

    def serve(self) -> None:
        """Serve one connection to its end."""
        connection, _ = self.listener.accept()
        with connection:
            self._authenticate(connection)
            data = bytearray()
            while chunk := connection.recv(4096):
                data += chunk
                while (size := wire.message_size(data)) is not None and len(data) >= size:
                    message = wire.decode(bytes(data[:size]))
                    del data[:size]
                    connection.sendall(self._answer(message).encode())
                    self.n_left -= message.member == "AddMatch" and not self._refused(message)
                    if not self.n_left:
                        return

    def _authenticate(self, connection: socket.socket) -> None:
        line = b""
        while not line.endswith(b"BEGIN\r\n"):
            line = self._line(connection)
            if b"AUTH" in line:
                connection.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
            elif b"NEGOTIATE" in line:
                connection.sendall(b"ERROR\r\n")

    @staticmethod
    def _line(connection: socket.socket) -> bytes:
        line = b""
        while not line.endswith(b"\r\n"):
            byte = connection.recv(1)
            assert byte
            line += byte
        return line

    def _refused(self, message: wire.Message) -> bool:
        return "eavesdrop" in message.body[0] or self.refuse_plain

    def _answer(self, message: wire.Message) -> wire.Message:
        if message.member == "Hello":
            answer = wire.method_return(":1.7", message.serial, "s", [":1.7"])
        elif message.member == "AddMatch" and not self._refused(message):
            answer = wire.method_return(":1.7", message.serial)
        else:
            name = "MatchRuleInvalid" if message.member == "AddMatch" else "UnknownInterface"
            answer = wire.error(":1.7", message.serial, f"{BUS}.Error.{name}", "s", ["what is that"])
        self.seen.append(message.show())
        answer.fields.append((wire.SENDER, BUS))
        answer.serial = message.serial
        return answer


@case(params={f"{words}, {rest}": (rules_, rest == "refused") for rest in ("taken", "refused")
              for words, rules_ in (("no rule", ()), ("a rule", (TESTS,)),
                                      ("two rules", (TESTS, "type='signal'")))})
def old_bus(side: Side, argument: tuple[Sequence[str], bool]) -> None:
    """Rules without eavesdropping are asked for last; the bus ends after that."""
    arguments, refuse = argument
    bus = OldBus(side.directory, refuse, max(1, len(arguments)))
    side.address = f"unix:path={side.directory}/old-bus"
    monitor = side.start("dbus-monitor", ["--session", *arguments])
    bus.serve()
    bus.listener.close()
    side.log_end(monitor)
    for line in bus.seen:
        side.log(f"sent: {line}")
