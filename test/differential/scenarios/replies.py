# SPDX-License-Identifier: MIT
"""Replies: expected ones pass once, others do not."""

from __future__ import annotations

import wire
from client import Client
from daemons import SYSTEM_RULES, config, default_policy
from fixture import Bus, scenario
from wire import DRIVER

X = "com.example.X"

# As on the system bus: replies pass only when they were asked for.
REQUESTED_ONLY = default_policy(
    SYSTEM_RULES, '<allow user="*"/><allow own="*"/><allow send_type="method_call"/>')
# The same exchanges are tried on a bus where everything is allowed, and on this one.
POLICIES = {"open": config(), "strict": config(policy=REQUESTED_ONLY)}


def ask(bus: Bus, asker: Client, target: Client, flags: int = 0) -> int:
    """A call which reaches its target. Returns the serial."""
    serial = asker.send(wire.call(target.unique, "/x", X, "Call", flags=flags))
    bus.settle()
    return serial


@scenario(None, params=POLICIES)
def expected(bus: Bus, text: str) -> None:
    """Returns and errors, once and twice."""
    bus.start(text)
    a, b = bus.connect("A"), bus.connect("B")
    for answer in (wire.method_return, None):
        serial = ask(bus, a, b)
        for _ in range(2):
            b.send(wire.method_return(a.unique, serial, "s", ["yes"]) if answer else
                   wire.error(a.unique, serial, "com.example.Error", "s", ["no"]))
            bus.settle()


@scenario(None, params=POLICIES)
def unexpected(bus: Bus, text: str) -> None:
    """Replies nobody asked for."""
    bus.start(text)
    a, b = bus.connect("A"), bus.connect("B")
    b.send(wire.method_return(a.unique, 77))
    b.send(wire.error(a.unique, 77, "com.example.Error"))
    serial = ask(bus, a, b, wire.NO_REPLY)
    b.send(wire.method_return(a.unique, serial))
    serial = ask(bus, a, b)
    b.send(wire.method_return(a.unique, serial + 1))
    b.send(wire.method_return(a.unique, serial))
    bus.settle()


@scenario(None, params=POLICIES)
def from_the_wrong_peer(bus: Bus, text: str) -> None:
    """A third client answers, then the right one."""
    bus.start(text)
    a, b, c = bus.connect("A"), bus.connect("B"), bus.connect("C")
    serial = ask(bus, a, b)
    c.send(wire.method_return(a.unique, serial, "s", ["forged"]))
    b.send(wire.method_return(c.unique, serial, "s", ["misled"]))
    b.send(wire.method_return(a.unique, serial, "s", ["true"]))
    bus.settle()


@scenario(None, params=POLICIES)
def callee_leaves(bus: Bus, text: str) -> None:
    """Whoever waits for one who leaves gets NoReply, for each call."""
    bus.start(text)
    a, b, c = bus.connect("A"), bus.connect("B"), bus.connect("C")
    b.request_name("com.example.B")
    for _ in range(2):
        ask(bus, a, b)
    a.send(wire.call("com.example.B", "/x", X, "ByName"))
    ask(bus, a, b, wire.NO_REPLY)
    ask(bus, c, b)
    ask(bus, b, c)
    bus.drop(b, witness=c)
    bus.settle()


@scenario(None, params=POLICIES)
def caller_leaves(bus: Bus, text: str) -> None:
    """The answer to one who has left goes nowhere."""
    bus.start(text)
    a, b, c = bus.connect("A"), bus.connect("B"), bus.connect("C")
    old = a.unique
    serial = ask(bus, a, b)
    bus.drop(a, witness=c)
    b.send(wire.method_return(old, serial))
    b.send(wire.error(old, serial, "com.example.Error"))
    bus.settle()
    b.driver("GetId")


@scenario(None, params=POLICIES)
def by_well_known_name(bus: Bus, text: str) -> None:
    """Calls to a name are answered by its owner, even when it no longer owns it."""
    bus.start(text)
    a, b, c = bus.connect("A"), bus.connect("B"), bus.connect("C")
    b.request_name("com.example.N", 1)
    a.request_name("com.example.A")
    serial = a.send(wire.call("com.example.N", "/x", X, "Call"))
    c.request_name("com.example.N", 2)
    c.send(wire.method_return(a.unique, serial, "s", ["new owner"]))
    b.send(wire.method_return("com.example.A", serial, "s", ["old owner"]))
    bus.settle()


@scenario(None, params=POLICIES)
def reused_serial(bus: Bus, text: str) -> None:
    """A second call with the serial of one which is still open."""
    bus.start(text)
    a, b, c = bus.connect("A"), bus.connect("B"), bus.connect("C")
    for target in (b, b, c):
        a.send(wire.call(target.unique, "/x", X, "Call", serial=500))
        bus.settle()
    b.send(wire.method_return(a.unique, 500))
    c.send(wire.method_return(a.unique, 500))
    b.send(wire.method_return(a.unique, 500))
    bus.settle()
    a.send(wire.call(b.unique, "/x", X, "Call", serial=500))
    bus.settle()


@scenario(None, params=POLICIES)
def reply_with_fds_or_flags(bus: Bus, text: str) -> None:
    """Flags on replies mean nothing."""
    bus.start(text)
    a, b = bus.connect("A"), bus.connect("B")
    for flags in (1, 2, 4, 0xff):
        serial = ask(bus, a, b, flags & ~1)
        b.send(wire.method_return(a.unique, serial, flags=flags))
        bus.settle()


@scenario(None, params=POLICIES)
def out_of_order(bus: Bus, text: str) -> None:
    """Five calls answered backwards."""
    bus.start(text)
    a, b = bus.connect("A"), bus.connect("B")
    for serial in reversed([ask(bus, a, b) for _ in range(5)]):
        b.send(wire.method_return(a.unique, serial, "u", [serial]))
    bus.settle()


@scenario(None, params=POLICIES)
def to_the_driver(bus: Bus, text: str) -> None:
    """Replies to the driver, which has asked nothing."""
    bus.start(text)
    a = bus.connect("A")
    a.send(wire.method_return(DRIVER, 1))
    a.send(wire.error(DRIVER, 1, "com.example.Error", "s", ["text"]))
    bus.settle()
    a.driver("GetId")


@scenario(config(limits={"max_replies_per_connection": 3}))
def limit(bus: Bus) -> None:
    """max_replies_per_connection: the calls above it fail, until answers come."""
    a, b = bus.connect("A"), bus.connect("B")
    numbers = [ask(bus, a, b) for _ in range(5)]
    ask(bus, a, b, wire.NO_REPLY)
    b.send(wire.method_return(a.unique, numbers[0]))
    bus.settle()
    ask(bus, a, b)
    ask(bus, a, b)
    a.driver("GetId")
    ask(bus, b, a)
    bus.drop(a, witness=b)
    bus.settle()


@scenario(config(limits={"reply_timeout": 200}))
def timeout(bus: Bus) -> None:
    """reply_timeout: the daemon answers in the callee's place, which then is too late."""
    a, b = bus.connect("A"), bus.connect("B")
    for _ in range(2):
        serial = ask(bus, a, b)
        a.wait_reply(serial)
        b.send(wire.method_return(a.unique, serial))
        bus.settle()


@scenario(config(policy=REQUESTED_ONLY, limits={"reply_timeout": 200}))
def timeout_strict(bus: Bus) -> None:
    """After the timeout a reply counts as not requested."""
    a, b = bus.connect("A"), bus.connect("B")
    serial = ask(bus, a, b)
    a.wait_reply(serial)
    b.send(wire.method_return(a.unique, serial))
    bus.settle()
