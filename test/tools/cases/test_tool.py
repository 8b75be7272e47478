# SPDX-License-Identifier: MIT
"""dbus-test-tool: what its subcommands say, send and answer."""

from __future__ import annotations

from typing import Sequence

import wire
from side import Running, Side, Watcher, case

BUS = "org.freedesktop.DBus"
NAME = "com.example.Echo"
TOOL = "dbus-test-tool"
PAYLOADS = ("--payload=x", "--stdin", "--message-stdin", "--random-size")

OPTIONS: list[Sequence[str]] = [
    (), ("--help",), ("bogus",), ("--version",), ("--session",), ("echo--",), ("",),
    *((name, option) for name in ("spam", "echo", "black-hole")
      for option in ("--help", "--bogus", "x", "-x", "", "--", "--system", "--name")),
    ("echo", "--help", "--bogus"), ("echo", "--bogus", "--help"), ("echo", "--name=a.b", "--help"),
    ("echo", "--no-read"), ("black-hole", "--sleep-ms=1"), ("black-hole", "x", "--no-read"),
    ("echo",), ("black-hole",), ("spam",), ("spam", "--session"),
    *(("spam", f"--{option}{value}") for option in ("count", "queue")
      for value in ("", "=", "=0", "=x", "=-1")),
    ("spam", "--payload"), ("spam", "--dest"), ("spam", "--seed"), ("spam", "--messages-per-conn"),
    ("spam", "--flood", "--queue=3"), ("spam", "--queue=3", "--flood"),
    ("spam", "--flood", "--queue=1"), ("spam", "--flood", "--messages-per-conn=2"),
    ("spam", "--messages-per-conn=2", "--flood"), ("spam", "--flood", "--messages-per-conn=0"),
    ("spam", "--no-reply", "--queue=3"), ("spam", "--payload=x", "--payload=y"),
    ("spam", "--payload=x", "--stdin"), ("spam", "--stdin", "--random-size"),
    ("spam", "--stdin", "--message-stdin"), ("spam", "--random-size", "--payload=x"),
    ("spam", "--messages-per-conn=x"), ("spam", "--messages-per-conn=-1"),
    ("spam", "--random-size"), ("spam", "--message-stdin"), ("spam", "--stdin"),
]

ERRORS: list[Sequence[str]] = [
    (), ("--count=3",), ("--count=4", "--queue=2"), ("--count=3", "--flood"), ("--no-reply",),
    ("--dest=com.example.None",), ("--dest=com.example.None", "--count=3", "--queue=2"),
    ("--dest=com.example.None", "--ignore-errors"), ("--dest=com.example.None", "--no-reply"),
    ("--dest=com.example.None", "--count=2", "--ignore-errors", "--flood"),
    ("--count=5", "--messages-per-conn=2"), ("--count=2", "--messages-per-conn=0"),
]

SENT: list[Sequence[str]] = [
    (), ("--count=3",), ("--count=3", "--queue=2"), ("--count=3", "--flood"),
    ("--count=2", "--no-reply"), ("--empty",), ("--bytes",), ("--string",), ("--bytes", "--string"),
    ("--payload=",), ("--bytes", "--payload="), ("--bytes", "--payload=ab"), ("--payload=ab",),
    ("--empty", "--payload=ab"), ("--count=3", "--messages-per-conn=2"), ("--payload=é",),
    ("--count=4", "--messages-per-conn=2"), ("--count=3", "--messages-per-conn=2", "--queue=2"),
    ("--count=3", "--messages-per-conn=2", "--no-reply"), ("--session",), ("--count=2x",),
]

INPUTS: list[tuple[bytes, Sequence[str]]] = [
    (b"x\ny\n", ("--stdin",)), (b"", ("--stdin",)), (b"x\0y", ("--stdin",)),
    (b"x\0y", ("--stdin", "--bytes")), (b"z" * 100000, ("--stdin",)),
    (b"10 20 3", ("--random-size", "--seed=5", "--count=6")),
    (b"10 x 3", ("--random-size", "--seed=5", "--count=4")),
    (b"\n7\t\n 9 ", ("--random-size", "--seed=1", "--count=5", "--bytes")),
    (b"0 1", ("--random-size", "--seed=2", "--count=4")),
    (b"4", ("--random-size", "--empty")), (b"0 -1", ("--random-size", "--bytes")),
    (b"5 6", ("--seed=x", "--random-size", "--count=3")),
]

TEMPLATES = {
    "call": wire.call("com.example.Echo", "/x", "a.b", "C", "sas", ["x", ["y"]], serial=7),
    "for nobody": wire.call(None, "/x", None, "C", serial=9),
    "signal": wire.signal("/x", "a.b", "C", serial=5),
}


def echo(side: Side, *options: str) -> tuple[Running, Watcher]:
    """The tool as a service, ready to be called."""
    watcher = side.watcher()
    running = side.start(TOOL, ["echo", f"--name={NAME}", *options])
    watcher.wait_for(lambda m: m.type == wire.METHOD_CALL and m.member == "RequestName", "a name")
    watcher.messages()
    return running, watcher


@case(params={" ".join(o): o for o in OPTIONS})
def options(side: Side, arguments: Sequence[str]) -> None:
    """Nobody is there to connect to, or needed."""
    side.run(TOOL, arguments)


@case(on_bus=True, params={" ".join(e): e for e in ERRORS})
def errors(side: Side, arguments: Sequence[str]) -> None:
    """Calls that are answered with errors, or by nobody."""
    side.run(TOOL, ["spam", *arguments])


def log_calls(side: Side, watcher: Watcher) -> None:
    """Write down what was called."""
    for message in watcher.messages():
        if message.type == wire.METHOD_CALL:
            side.log(f"sent: {message.show()[:300]}")


@case(on_bus=True, params={" ".join(s): s for s in SENT})
def sent(side: Side, arguments: Sequence[str]) -> None:
    """What is called, on which connections, and what "echo" answers."""
    watcher = side.watcher()
    service = side.client("service")
    service.request_name(NAME)
    watcher.messages()
    running = side.start(TOOL, ["spam", f"--dest={NAME}", *arguments])
    while running.process.poll() is None:
        service.sync()
        for message in service.take_pending():
            if message.type == wire.METHOD_CALL and not message.flags & wire.NO_REPLY:
                service.send(wire.method_return(message.sender, message.serial))
    side.log_end(running)
    for message in watcher.messages():
        if message.member in ("Hello", "Spam"):
            side.log(f"sent: {message.show()}")


@case(on_bus=True, params={f"{len(i)}, {' '.join(o)}, {i[:9]!r}": (i, o) for i, o in INPUTS})
def stdin(side: Side, argument: tuple[bytes, Sequence[str]]) -> None:
    """Payloads from standard input."""
    data, arguments = argument
    _, watcher = echo(side)
    side.run(TOOL, ["spam", f"--dest={NAME}", *arguments], stdin=data)
    log_calls(side, watcher)


@case(on_bus=True, params=list(TEMPLATES))
def template(side: Side, name: str) -> None:
    """A message from standard input, as often as is asked for."""
    _, watcher = echo(side)
    side.run(TOOL, ["spam", "--message-stdin", "--count=2", "--no-reply"],
             stdin=TEMPLATES[name].encode())
    log_calls(side, watcher)


@case(on_bus=True, params={"plain": (), "sleeping": ("--sleep-ms=50",), "odd": ("--sleep-ms=x",)})
def answers(side: Side, arguments: Sequence[str]) -> None:
    """What "echo" answers."""
    echo(side, *arguments)
    client = side.client("client", quiet=False)
    for interface, member in (("a.b", "C"), (None, "C"), ("org.freedesktop.DBus.Peer", "Ping"),
                              ("org.freedesktop.DBus.Introspectable", "Introspect")):
        client.request(wire.call(NAME, "/x", interface, member, "s", ["x"]))
    client.send(wire.signal("/x", "a.b", "S"))
    client.request(wire.call(NAME, "/x", "a.b", "C", flags=wire.NO_REPLY))
    client.request(wire.call(NAME, "/x", "a.b", "Last"))


@case(on_bus=True, params={"reading": (), "not reading": ("--no-read",)})
def silence(side: Side, arguments: Sequence[str]) -> None:
    """What "black-hole" does not answer."""
    watcher = side.watcher()
    running = side.start(TOOL, ["black-hole", f"--name={NAME}", *arguments])
    watcher.wait_for(lambda m: m.type == wire.METHOD_CALL and m.member == "RequestName", "a name")
    watcher.messages()
    client = side.client("client", quiet=False)
    client.send(wire.call(NAME, "/x", "a.b", "C"))
    ping = wire.call(NAME, "/x", "org.freedesktop.DBus.Peer", "Ping")
    if arguments:
        client.send(ping)
    else:
        client.request(ping)
    client.sync()
    client.drain()
    side.log(f"runs: {running.process.poll() is None}")


@case(on_bus=True, params={f"{t}, {n}": (t, n) for t in ("echo", "black-hole")
                           for n in (":1.99", BUS, "com.example.Taken", "bad", "")})
def name(side: Side, argument: tuple[str, str]) -> None:
    """Names that cannot be had."""
    side.client().request_name("com.example.Taken")
    side.run(TOOL, [argument[0], f"--name={argument[1]}"])


@case(on_bus=True, params=("bad", ""))
def destination(side: Side, word: str) -> None:
    """Destinations that are none."""
    side.run(TOOL, ["spam", f"--dest={word}"])


@case(on_bus=True, params={"echo": ("echo", f"--name={NAME}"),
                           "black-hole": ("black-hole", f"--name={NAME}"),
                           "spam": ("spam", "--dest=com.example.Silent")})
def bus_ends(side: Side, arguments: Sequence[str]) -> None:
    """The bus goes away."""
    side.client("silent").request_name("com.example.Silent")
    watcher = side.watcher()
    running = side.start(TOOL, arguments)
    watcher.wait_for(lambda m: m.type == wire.METHOD_CALL and m.member in ("RequestName", "Spam"),
                     "a call")
    side.daemon.stop()
    side.log_end(running)
