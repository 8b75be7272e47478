# SPDX-License-Identifier: MIT
"""Getting messages from one client to another, and what the daemon does to them."""

from __future__ import annotations

import wire
from client import Timeout
from daemons import config
from fixture import Bus, scenario
from wire import DRIVER, DRIVER_PATH, Variant

X = "com.example.X"


@scenario()
def unicast(bus: Bus) -> None:
    """All types by unique and by well-known name; the sender is stamped."""
    a, b = bus.connect("A"), bus.connect("B")
    b.request_name("com.example.B")
    for destination in (b.unique, "com.example.B"):
        a.send(wire.call(destination, "/x", X, "Call", "s", ["text"]))
        a.send(wire.signal("/x", X, "Sig", "s", ["text"], destination))
        a.send(wire.call(destination, "/x", None, "NoInterface"))
    bus.settle()


@scenario()
def to_self(bus: Bus) -> None:
    """A client may talk to itself and answer itself."""
    a = bus.connect("A")
    a.request_name("com.example.A")
    for destination in (a.unique, "com.example.A"):
        serial = a.send(wire.call(destination, "/x", X, "Call"))
        bus.settle()
        a.send(wire.method_return(a.unique, serial, "s", ["mine"]))
        a.send(wire.signal("/x", X, "Sig", destination=destination))
        bus.settle()


@scenario()
def own_broadcast(bus: Bus) -> None:
    """Broadcasts come back to their sender if it has a rule."""
    a = bus.connect("A")
    a.send(wire.signal("/x", X, "Before"))
    a.add_match("type='signal'")
    a.send(wire.signal("/x", X, "After"))
    bus.settle()


@scenario()
def forged_sender(bus: Bus) -> None:
    """Whatever sender a client writes, the receiver sees the true one."""
    a, b = bus.connect("A"), bus.connect("B")
    b.add_match("type='signal'")
    for forged in (b.unique, DRIVER, "com.example.Forged", ":1.999", a.unique):
        extra = [(wire.SENDER, forged)]
        a.send(wire.call(b.unique, "/x", X, "Call", extra=extra))
        a.send(wire.signal("/x", X, "Sig", extra=extra))
        a.send(wire.signal("/x", X, "Sig", destination=b.unique, extra=extra))
        a.driver("GetNameOwner", "s", [a.unique], extra=extra)
    bus.settle()


@scenario()
def sender_field_in_any_place(bus: Bus) -> None:
    """The sender field first, in the middle, with names shorter and longer than the true one."""
    a, b = bus.connect("A"), bus.connect("B")
    for name in ("a.b", "com.example." + "x" * 200, a.unique):
        fields = [(wire.PATH, "/x"), (wire.INTERFACE, X), (wire.MEMBER, "Call"),
                  (wire.DESTINATION, b.unique), (wire.SIGNATURE, "st")]
        for place in range(len(fields) + 1):
            a.send(wire.Message(wire.METHOD_CALL, sig="st", body=["text", 1 << 40],
                                fields=[*fields[:place], (wire.SENDER, name), *fields[place:]]))
    bus.settle()


@scenario()
def unknown_fields(bus: Bus) -> None:
    """Header fields that the specification does not know do not pass, of whatever type."""
    a, b = bus.connect("A"), bus.connect("B")
    b.add_match("type='signal'")
    for extra in ([(10, "s", "container")], [(42, "u", 7)], [(255, "s", "last")],
                  [(100, "a{sv}", {"k": Variant("i", 1)})], [(11, "(st)", ("x", 5))],
                  [(12, "v", Variant("v", Variant("s", "deep")))],
                  [(50, "y", 1), (51, "x", -1), (52, "as", ["a", "b"])],
                  [(10, "o", "/path/of/container")]):
        a.send(wire.call(b.unique, "/x", X, "Call", "s", ["text"], extra=extra))
        a.send(wire.signal("/x", X, "Sig", "t", [1 << 50], extra=extra))
    bus.settle()


@scenario()
def unknown_fields_between(bus: Bus) -> None:
    """Unknown fields before and between those which stay."""
    a, b = bus.connect("A"), bus.connect("B")
    fields = [(10, "s", "one"), (wire.PATH, "/x"), (77, "u", 2), (wire.MEMBER, "Call"),
              (99, "ay", b"three"), (wire.DESTINATION, b.unique), (wire.SIGNATURE, "x"),
              (200, "g", "a{sv}")]
    a.send(wire.Message(wire.METHOD_CALL, fields=fields, sig="x", body=[-5]))
    bus.settle()


@scenario(params={"little": "<", "big": ">"})
def byte_order(bus: Bus, order: str) -> None:
    """Senders of both byte orders, all types of values."""
    a, b = bus.connect("A"), bus.connect("B")
    b.add_match("type='signal'")
    sig = "ybnqiuxtdsogasa{sv}(iv)aaya(sx)vaxat"
    body = [7, True, -2, 3, -4, 5, -6, 7, 8.5, "text", "/path", "a{sv}", ["a", "b"],
            {"k": Variant("u", 9)}, (1, Variant("ai", [1, 2])), [b"ab", b""], [("x", 1)],
            Variant("(ss)", ("a", "b")), [], [1]]
    for message in (wire.call(b.unique, "/x", X, "Call", sig, body, order=order),
                    wire.signal("/x", X, "Sig", sig, body, order=order)):
        a.send(message)
        got = b.wait_member(message.member or "")
        bus.log(f"the order is kept: {got is not None and got.order == order}")
    a.driver("NameHasOwner", "s", [b.unique], order=order)
    a.driver("RequestName", "su", ["com.example.Name", 4], order=order)
    a.driver("GetNameOwner", "s", ["com.example.Nobody"], order=order)
    a.driver("Get", "ss", [DRIVER, "Features"], "org.freedesktop.DBus.Properties", order=order)
    bus.settle()


@scenario()
def big_endian_hello(bus: Bus) -> None:
    """A client which speaks big endian from the start."""
    a = bus.connect("A", hello=False)
    reply = a.driver("Hello", order=">")
    a.unique = reply.body[0] if reply else ""
    a.driver("GetNameOwner", "s", [a.unique], order=">")


@scenario()
def missing_destinations(bus: Bus) -> None:
    """Calls to nobody, with and without permission to start a service."""
    a = bus.connect("A")
    for destination in ("com.example.Missing", ":1.999", ":1.4294967296", ":2.0", ":x", "a.b"):
        for flags in (0, wire.NO_AUTO_START, wire.NO_REPLY, wire.NO_REPLY | wire.NO_AUTO_START,
                      wire.INTERACTIVE):
            a.send(wire.call(destination, "/x", X, "Call", flags=flags))
            bus.settle()


@scenario()
def missing_destinations_of_others(bus: Bus) -> None:
    """Signals, returns and errors to nobody vanish."""
    a = bus.connect("A")
    for destination in ("com.example.Missing", ":1.999"):
        for flags in (0, wire.NO_AUTO_START):
            a.send(wire.signal("/x", X, "Sig", destination=destination, flags=flags))
            a.send(wire.method_return(destination, 1, flags=flags))
            a.send(wire.error(destination, 1, "com.example.Error", flags=flags))
            bus.settle()


@scenario()
def gone_destination(bus: Bus) -> None:
    """A call to a client that has left."""
    a, b = bus.connect("A"), bus.connect("B")
    b.request_name("com.example.B")
    old = b.unique
    bus.drop(b)
    for destination in (old, "com.example.B"):
        a.send(wire.call(destination, "/x", X, "Call"))
        a.send(wire.call(destination, "/x", X, "Call", flags=wire.NO_AUTO_START))
        bus.settle()


@scenario()
def call_without_destination(bus: Bus) -> None:
    """A call to whom it may concern."""
    a, b = bus.connect("A"), bus.connect("B")
    b.add_match("")
    for flags in (0, wire.NO_REPLY):
        a.send(wire.call(None, "/x", X, "Call", flags=flags))
        a.send(wire.call(None, "/x", None, "Call", "su", ["a", 1], flags=flags))
        a.send(wire.call(None, DRIVER_PATH, DRIVER, "GetId", flags=flags))
    bus.settle()


@scenario()
def replies_without_destination(bus: Bus) -> None:
    """Returns and errors which say for whom only by serial."""
    a, b = bus.connect("A"), bus.connect("B")
    b.add_match("")
    serial = b.send(wire.call(a.unique, "/x", X, "Call"))
    bus.settle()
    a.send(wire.method_return(None, serial))
    a.send(wire.error(None, serial, "com.example.Error", "s", ["text"]))
    bus.settle()


@scenario(params=[0x08, 0x10, 0x80, 0xf8, 0xff, 0x04, 0x02])
def flags(bus: Bus, value: int) -> None:
    """Flags known and unknown pass unchanged."""
    a, b = bus.connect("A"), bus.connect("B")
    b.add_match("type='signal'")
    a.send(wire.call(b.unique, "/x", X, "Call", flags=value))
    a.send(wire.signal("/x", X, "Sig", flags=value))
    a.send(wire.signal("/x", X, "Sig", destination=b.unique, flags=value))
    a.send(wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId", flags=value))
    bus.settle()


@scenario(params=[5, 6, 127, 255])
def unknown_types(bus: Bus, kind: int) -> None:
    """Message types that may come one day: ignored, not an error."""
    a, b = bus.connect("A"), bus.connect("B")
    b.add_match("")
    for fields in ([], [(wire.DESTINATION, b.unique)], [(wire.DESTINATION, DRIVER)],
                   [(wire.DESTINATION, "com.example.Missing")], [(wire.PATH, "/x")],
                   [(wire.DESTINATION, b.unique), (wire.PATH, "/x"), (wire.INTERFACE, X),
                    (wire.MEMBER, "M"), (wire.REPLY_SERIAL, 3)]):
        a.send(wire.build(kind, fields, "s", ["text"]))
        bus.settle()


@scenario()
def surplus_fields(bus: Bus) -> None:
    """Known fields in messages that have no use for them."""
    a, b = bus.connect("A"), bus.connect("B")
    a.send(wire.call(b.unique, "/x", X, "Call", extra=[(wire.ERROR_NAME, "com.example.E")]))
    a.send(wire.call(b.unique, "/x", X, "Call", extra=[(wire.REPLY_SERIAL, 99)]))
    a.send(wire.signal("/x", X, "Sig", destination=b.unique,
                       extra=[(wire.ERROR_NAME, "com.example.E"), (wire.REPLY_SERIAL, 9)]))
    serial = b.send(wire.call(a.unique, "/x", X, "Call"))
    bus.settle()
    a.send(wire.method_return(b.unique, serial, extra=[
        (wire.PATH, "/y"), (wire.INTERFACE, X), (wire.MEMBER, "Answer"),
        (wire.ERROR_NAME, "com.example.E")]))
    bus.settle()


@scenario(params=[1, 100, 65536, 1 << 20, 16 << 20])
def sizes(bus: Bus, size: int) -> None:
    """Bodies small and large arrive whole."""
    a, b = bus.connect("A"), bus.connect("B")
    b.add_match("type='signal'")
    data = bytes(i * 7 & 255 for i in range(256)) * (size // 256 + 1)
    message = wire.call(b.unique, "/x", X, "Call", "ay", [data[:size]], flags=wire.NO_REPLY)
    message.serial = a.next_serial()
    a.send_raw(message.encode())
    reply = b.receive(lambda m: m.member == "Call", "the call")
    bus.log(f"whole: {reply is not None and reply.body[0] == data[:size]}")
    a.send_raw(wire.signal("/x", X, "Sig", "ay", [data[:size]], serial=a.next_serial()).encode())
    reply = b.receive(lambda m: m.member == "Sig", "the signal")
    bus.log(f"whole: {reply is not None and reply.body[0] == data[:size]}")


@scenario()
def many_fields(bus: Bus) -> None:
    """Names and paths of full length."""
    a, b = bus.connect("A"), bus.connect("B")
    name = "a." + "b" * 253
    b.request_name(name)
    a.send(wire.call(name, "/" + "p" * 5000, "i." + "j" * 253, "m" * 255, "s" * 255, ["x"] * 255))
    a.send(wire.call(b.unique, "/", X, "_"))
    bus.settle()


@scenario()
def serials(bus: Bus) -> None:
    """Serials are the sender's own affair: any order, repeated, the largest."""
    a, b = bus.connect("A"), bus.connect("B")
    for serial in (5, 4, 4, 0xffffffff, 1, 0x80000000):
        a.send(wire.call(b.unique, "/x", X, "Call", serial=serial, flags=wire.NO_REPLY))
    a.send(wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId", serial=4))
    a.send(wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId", serial=4))
    a.send(wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId", serial=0x6fffffff))
    bus.settle()


@scenario()
def split_writes(bus: Bus) -> None:
    """A message in single bytes, two in one write, one and a half."""
    a, b = bus.connect("A"), bus.connect("B")
    one = wire.call(b.unique, "/x", X, "One", "s", ["x"], serial=11, flags=1).encode()
    two = wire.call(b.unique, "/x", X, "Two", "t", [1], serial=12, flags=1).encode()
    for byte in one:
        a.send_raw(bytes([byte]))
    b.wait_member("One")
    a.send_raw(one + two)
    b.wait_member("Two")
    a.send_raw(one + two[:20])
    b.wait_member("One")
    a.send_raw(two[20:])
    b.wait_member("Two")


@scenario()
def driver_signals_forged(bus: Bus) -> None:
    """A client may broadcast a signal that looks like the driver's, under its own name."""
    a, b = bus.connect("A"), bus.connect("B")
    b.add_match("interface='org.freedesktop.DBus'")
    a.send(wire.signal(DRIVER_PATH, DRIVER, "NameOwnerChanged", "sss", ["a.b", "", ":1.5"]))
    a.send(wire.signal(DRIVER_PATH, DRIVER, "NameAcquired", "s", ["a.b"], b.unique))
    bus.settle()


@scenario()
def queued_owner_gets_nothing(bus: Bus) -> None:
    """Messages to a name go to its owner alone."""
    a, b, c = bus.connect("A"), bus.connect("B"), bus.connect("C")
    b.request_name("com.example.N")
    c.request_name("com.example.N")
    a.send(wire.call("com.example.N", "/x", X, "First"))
    bus.settle()
    b.release_name("com.example.N")
    a.send(wire.call("com.example.N", "/x", X, "Second"))
    bus.settle()


@scenario()
def unread_messages(bus: Bus) -> None:
    """A receiver which does not read for a while loses nothing."""
    a, b = bus.connect("A"), bus.connect("B")
    payload = "x" * 10000
    for number in range(400):
        a.send_raw(wire.call(b.unique, "/x", X, f"Call{number}", "s", [payload], flags=1,
                             serial=a.next_serial()).encode())
    a.driver("GetId")
    b.wait_member("Call399")


@scenario()
def receiver_hangs_up_with_queue(bus: Bus) -> None:
    """A receiver leaves while messages wait for it; the sender goes on."""
    a, b = bus.connect("A"), bus.connect("B")
    for _ in range(200):
        a.send_raw(wire.call(b.unique, "/x", X, "Call", "s", ["x" * 10000], flags=1,
                             serial=a.next_serial()).encode())
    a.sync()
    bus.drop(b)
    a.driver("GetId")
    a.driver_sorted("ListNames")


@scenario(None, params={"heard": config(), "unheard": config(
    policy='<policy context="default"><allow user="*"/></policy>')})
def ends_with_its_last_message(bus: Bus, text: str) -> None:
    """A client that sends and at once ends its stream is let go, each time."""
    bus.start(text)
    for number in range(100):
        client = bus.connect("A", hello=False)
        for serial, member in enumerate(("Hello", "GetId", "X" * 200), 1):
            client.send_raw(wire.call(DRIVER, DRIVER_PATH, DRIVER, member,
                                      serial=serial).encode())
        try:
            client.shut_down_quietly()
        except Timeout:
            bus.log(f"client {number} is not let go")
            break
        client.close()
        bus.clients.remove(client)
