# SPDX-License-Identifier: MIT
"""Monitors: who may become one, what it sees, what happens when it speaks."""

from __future__ import annotations

import wire
from client import Client
from daemons import SYSTEM_RULES, config, default_policy
from fixture import Bus, scenario
from wire import DRIVER, DRIVER_PATH

X = "com.example.X"
MONITORING = "org.freedesktop.DBus.Monitoring"

SYSTEM_LIKE = default_policy(
    '<allow send_destination="org.freedesktop.DBus"/>',
    '<allow user="*"/><deny own="*"/><deny send_type="method_call"/>' + SYSTEM_RULES)


def traffic(bus: Bus, a: Client, b: Client) -> None:
    """A little of everything."""
    b.request_name("com.example.B")
    serial = a.send(wire.call("com.example.B", "/x", X, "Call", "s", ["question"]))
    bus.settle()
    b.send(wire.method_return(a.unique, serial, "s", ["answer"]))
    serial = a.send(wire.call(b.unique, "/x", X, "Other"))
    bus.settle()
    b.send(wire.error(a.unique, serial, "com.example.Error", "s", ["failed"]))
    a.send(wire.signal("/x", X, "Broadcast"))
    a.send(wire.signal("/x", X, "Unicast", destination=b.unique))
    a.send(wire.call("com.example.Missing", "/x", X, "Lost"))
    a.send(wire.call(b.unique, "/x", X, "Quiet", flags=wire.NO_REPLY))
    a.send(wire.call(None, "/x", X, "Nowhere"))
    a.send(wire.method_return(b.unique, 999))
    b.release_name("com.example.B")
    bus.settle()


@scenario()
def sees_everything(bus: Bus) -> None:
    """A monitor without rules."""
    m, a, b = bus.connect("M"), bus.connect("A"), bus.connect("B")
    m.become_monitor()
    traffic(bus, a, b)


@scenario(params=["type='signal'", "type='method_call'", "type='error'", "type='method_return'",
                  "sender='org.freedesktop.DBus'", "destination='com.example.B'",
                  "interface='com.example.X'", "member='Call'", "arg0='com.example.B'",
                  "path='/x'", "eavesdrop='true',type='error'", "eavesdrop='false',type='error'",
                  "sender='com.example.B'"])
def one_rule(bus: Bus, rule: str) -> None:
    """A monitor with one rule."""
    m, a, b = bus.connect("M"), bus.connect("A"), bus.connect("B")
    m.become_monitor([rule])
    traffic(bus, a, b)


@scenario()
def several_rules(bus: Bus) -> None:
    """Messages which several rules match come once."""
    m, a, b = bus.connect("M"), bus.connect("A"), bus.connect("B")
    m.become_monitor(["type='method_call'", "interface='com.example.X'", "type='method_call'"])
    traffic(bus, a, b)


@scenario()
def two_monitors(bus: Bus) -> None:
    """Each sees the other come, and the traffic."""
    m, n, a, b = bus.connect("M"), bus.connect("N"), bus.connect("A"), bus.connect("B")
    m.become_monitor()
    n.become_monitor()
    traffic(bus, a, b)


@scenario()
def coming_and_going(bus: Bus) -> None:
    """Connections, names and disconnections as a monitor sees them."""
    m, w = bus.connect("M"), bus.connect("W")
    m.become_monitor()
    a = bus.connect("A", hello=False)
    a.hello(quiet=False)
    b = bus.connect("B")
    a.request_name("com.example.N")
    b.request_name("com.example.N")
    serial = a.send(wire.call(b.unique, "/x", X, "Call"))
    bus.settle()
    bus.log(f"call {serial} stays open")
    bus.drop(b, witness=w)
    bus.drop(a, witness=w)
    bus.settle()


@scenario()
def loses_its_names(bus: Bus) -> None:
    """Becoming a monitor gives up names and rules, and answers what is open."""
    m, a, b = bus.connect("M"), bus.connect("A"), bus.connect("B")
    a.add_match("type='signal',member='NameOwnerChanged'")
    m.request_name("com.example.M")
    m.request_name("com.example.N")
    a.request_name("com.example.N")
    m.add_match("type='signal'")
    a.send(wire.call(m.unique, "/x", X, "Call"))
    m.send(wire.call(b.unique, "/x", X, "Back"))
    bus.settle()
    old = m.unique
    m.become_monitor()
    bus.settle()
    a.driver("NameHasOwner", "s", [old])
    a.driver("GetNameOwner", "s", ["com.example.M"])
    a.driver("GetConnectionUnixUser", "s", [old])
    a.driver_sorted("ListNames")
    a.send(wire.call(old, "/x", X, "Late"))
    b.send(wire.method_return(old, 5))
    bus.settle()


@scenario()
def bad_requests(bus: Bus) -> None:
    """Flags, rules and arguments that are refused; the client stays a client."""
    m = bus.connect("M")
    for rules, flags in (([], 1), ([], 0xffffffff), (["bad rule"], 0), (["type='signal'", "x"], 0),
                         ([""] * 3 + ["type='nonsense'"], 0), (["member='a.b'"], 4)):
        m.driver("BecomeMonitor", "asu", [rules, flags], MONITORING)
    m.driver("BecomeMonitor", "asu", [[], 0], DRIVER)
    m.driver("BecomeMonitor", "asu", [[], 0], MONITORING, "/x")
    m.driver("BecomeMonitor", "as", [[]], MONITORING)
    m.driver("GetNameOwner", "s", [m.unique])


@scenario()
def without_interface(bus: Bus) -> None:
    """BecomeMonitor without an interface."""
    m, a = bus.connect("M"), bus.connect("A")
    reply = m.driver("BecomeMonitor", "asu", [[], 0], None)
    m.monitor = bool(reply and reply.type == wire.METHOD_RETURN)
    a.driver("GetId")
    bus.settle()


@scenario()
def without_reply(bus: Bus) -> None:
    """BecomeMonitor flagged for no reply."""
    m, a = bus.connect("M"), bus.connect("A")
    m.send(wire.call(DRIVER, DRIVER_PATH, MONITORING, "BecomeMonitor", "asu", [[], 0],
                     flags=wire.NO_REPLY), sync=False)
    bus.wait_until(lambda: not bus.has_owner(a, m.unique), "M to be a monitor")
    m.monitor = True
    a.driver("GetId")
    m.receive(lambda message: message.member == "GetId", "GetId")


@scenario(root=True)
def not_privileged(bus: Bus) -> None:
    """A user who is neither root nor the daemon's."""
    m = bus.connect("M", uid=65534)
    m.become_monitor()
    m.become_monitor(["type='signal'"])
    m.driver("GetId")


@scenario(config(policy=SYSTEM_LIKE), root=True)
def on_a_strict_bus(bus: Bus) -> None:
    """Denied messages are seen by a monitor, and so is the denial."""
    m, a, b = bus.connect("M"), bus.connect("A"), bus.connect("B", uid=65534)
    m.become_monitor()
    traffic(bus, a, b)


@scenario(params={"call": wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId", serial=9),
                  "hello": wire.call(DRIVER, DRIVER_PATH, DRIVER, "Hello", serial=9),
                  "signal": wire.signal("/x", X, "Sig", serial=9),
                  "return": wire.method_return(DRIVER, 1, serial=9),
                  "unknown type": wire.build(9, [], serial=9),
                  "no destination": wire.call(None, "/x", X, "Call", serial=9),
                  "peer": wire.call(None, "/x", "org.freedesktop.DBus.Peer", "Ping", serial=9)})
def speaks(bus: Bus, message: wire.Message) -> None:
    """A monitor that sends is cut off, but for what needs no bus; others see nothing of it."""
    a = bus.connect("A")
    m = bus.connect("M")
    a.add_match("type='signal'")
    m.become_monitor(["type='error'"])
    m.send_raw(message.encode())
    if message.get(wire.INTERFACE) == "org.freedesktop.DBus.Peer":
        m.wait_reply(message.serial)
    else:
        m.expect_disconnect()
    bus.settle()


@scenario(params={"signal": wire.signal("/x", X, "Sig", serial=9),
                  "unicast signal": wire.signal("/x", X, "Sig", destination=":1.0", serial=9),
                  "call": wire.call(":1.0", "/x", X, "Call", serial=9),
                  "call of a name": wire.call("com.example.Missing", "/x", X, "Call", serial=9),
                  "return": wire.method_return(":1.0", 1, serial=9),
                  "no destination": wire.call(None, "/x", X, "Call", serial=9),
                  "no destination, return": wire.method_return(None, 1, serial=9),
                  "peer": wire.call(None, "/x", "org.freedesktop.DBus.Peer", "Ping", serial=9),
                  "driver": wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId", serial=9),
                  "driver's signal": wire.signal("/x", X, "Sig", destination=DRIVER, serial=9)})
def before_hello(bus: Bus, message: wire.Message) -> None:
    """What somebody sends who has no name yet."""
    a, m = bus.connect("A"), bus.connect("M")
    m.become_monitor()
    n = bus.connect("N", hello=False)
    n.send_raw(message.encode())
    a.driver("GetId")
    bus.settle()


@scenario()
def hangs_up(bus: Bus) -> None:
    """A monitor leaves without a trace."""
    a, m = bus.connect("A"), bus.connect("M")
    a.add_match("type='signal'")
    m.become_monitor()
    bus.settle()
    m.shut_down_quietly()
    a.driver("GetId")
    bus.settle()


@scenario()
def own_reply_and_signals(bus: Bus) -> None:
    """What exactly the monitor gets around its own BecomeMonitor."""
    m, a = bus.connect("M"), bus.connect("A")
    m.request_name("com.example.M")
    m.become_monitor()
    a.driver("GetId")
    bus.settle()


@scenario()
def fds_seen(bus: Bus) -> None:
    """Messages with fds reach a monitor that can take them with them."""
    m, a, b = bus.connect("M"), bus.connect("A"), bus.connect("B")
    n = bus.connect("N", fds=False)
    m.become_monitor()
    n.become_monitor()
    a.send(wire.call(b.unique, "/x", X, "Call", "h", [0], fds=[0]))
    bus.settle()


@scenario(config(limits={"max_match_rules_per_connection": 2}))
def rules_beyond_the_limit(bus: Bus) -> None:
    """The limit on match rules does or does not hold for monitors."""
    m, a = bus.connect("M"), bus.connect("A")
    m.become_monitor(["type='signal'", "type='error'", "member='GetId'", "member='x'"])
    if m.monitor:
        a.driver("GetId")
        bus.settle()
