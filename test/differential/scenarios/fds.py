# SPDX-License-Identifier: MIT
"""Passing file descriptors."""

from __future__ import annotations

import os
import socket
import threading

import wire
from client import Client
from daemons import config, default_policy
from fixture import Bus, scenario
from wire import DRIVER, DRIVER_PATH

X = "com.example.X"


def carry(bus: Bus, a: Client, b: Client, count: int) -> None:
    """Send so many pipe ends and read from each what was written before."""
    ends = []
    for number in range(count):
        read_end, write_end = os.pipe()
        os.write(write_end, f"pipe {number}".encode())
        os.close(write_end)
        ends.append(read_end)
    message = wire.call(b.unique, "/x", X, "Call", "ah", [list(range(count))], fds=ends, flags=1)
    a.send(message)
    for end in ends:
        os.close(end)
    got = b.receive(lambda m: m.member == "Call", "the call")
    for fd in got.fds if got else []:
        bus.log(f"reads {os.read(fd, 100)!r} {os.get_inheritable(fd)}")
        os.close(fd)


@scenario(params=[1, 2, 16])
def unicast(bus: Bus, count: int) -> None:
    """The receiver gets what was sent, in order."""
    a, b = bus.connect("A"), bus.connect("B")
    carry(bus, a, b, count)


@scenario()
def to_self(bus: Bus) -> None:
    """A client sends itself fds."""
    a = bus.connect("A")
    carry(bus, a, a, 2)


@scenario()
def in_a_reply(bus: Bus) -> None:
    """Fds in method returns and errors."""
    a, b = bus.connect("A"), bus.connect("B")
    for build in (lambda s: wire.method_return(a.unique, s, "h", [0], fds=[1]),
                  lambda s: wire.error(a.unique, s, "com.example.Error", "sh", ["t", 0], fds=[1])):
        serial = a.send(wire.call(b.unique, "/x", X, "Call"))
        bus.settle()
        b.send(build(serial))
        bus.settle()


@scenario()
def broadcast(bus: Bus) -> None:
    """A signal with fds reaches those who can take them, and only those."""
    a, b = bus.connect("A"), bus.connect("B")
    c = bus.connect("C", fds=False)
    for client in (a, b, c):
        client.add_match("type='signal'")
    a.send(wire.signal("/x", X, "With", "hh", [0, 1], fds=[0, 1]))
    a.send(wire.signal("/x", X, "Without"))
    bus.settle()


@scenario()
def to_one_who_cannot(bus: Bus) -> None:
    """A unicast message with fds for a client that has not negotiated them."""
    a, b = bus.connect("A"), bus.connect("B", fds=False)
    a.send(wire.call(b.unique, "/x", X, "Call", "h", [0], fds=[0]))
    a.send(wire.call(b.unique, "/x", X, "Call", "h", [0], fds=[0], flags=1))
    a.send(wire.signal("/x", X, "Sig", "h", [0], fds=[0], destination=b.unique))
    bus.settle()
    serial = b.send(wire.call(a.unique, "/x", X, "Ask"))
    bus.settle()
    a.send(wire.method_return(b.unique, serial, "h", [0], fds=[0]))
    bus.settle()


@scenario(config(policy=default_policy('<deny send_interface="com.example.X"/>')))
def denied_to_one_who_cannot(bus: Bus) -> None:
    """What policy does not let pass is refused for that, not for its fds."""
    a, b = bus.connect("A"), bus.connect("B", fds=False)
    a.send(wire.call(b.unique, "/x", X, "Call", "h", [0], fds=[0]))
    a.send(wire.signal("/x", X, "Sig", "h", [0], fds=[0], destination=b.unique))
    bus.settle()


@scenario(config(policy=default_policy('<deny receive_interface="com.example.Denied"/>')))
def refused_copies(bus: Bus) -> None:
    """A monitor is told why a copy of a message with fds did not arrive."""
    a, b = bus.connect("A"), bus.connect("B", fds=False)
    b.add_match("type='signal'")
    m = bus.connect("M")
    m.become_monitor([])
    for interface in (X, "com.example.Denied"):
        a.send(wire.signal("/x", interface, "Sig", "h", [0], fds=[0]))
    bus.settle()


@scenario()
def reply_to_one_who_cannot(bus: Bus) -> None:
    """A reply that does not arrive is not the last that may come."""
    a, b, w = bus.connect("A", fds=False), bus.connect("B"), bus.connect("W")
    for answers in (True, False):
        serial = a.send(wire.call(b.unique, "/x", X, "Ask"))
        bus.settle()
        b.send(wire.method_return(a.unique, serial, "h", [0], fds=[0]))
        bus.settle()
        if answers:
            b.send(wire.error(a.unique, serial, "com.example.NoFds"))
            bus.settle()
    bus.drop(b, witness=w)
    bus.settle()


@scenario()
def large_ones_in_a_row(bus: Bus) -> None:
    """Messages that take many reads, each with as many fds as there may be."""
    b, a = bus.connect("B"), bus.connect("A")
    message = wire.call(b.unique, "/x", X, "Call", "ay", [b"x" * 300001], flags=1, serial=10,
                        extra=[(wire.UNIX_FDS, 16)]).encode()
    sender = threading.Thread(target=lambda: [a.send_raw(message, [0] * 16) for _ in range(12)])
    sender.start()
    count = 0
    while count < 12 and b.connected and a.connected:
        count += b.quiet(lambda: b.wait_member("Call")) is not None
    sender.join()
    bus.log(f"{count} have come")


@scenario()
def from_one_who_cannot(bus: Bus) -> None:
    """A client that has not negotiated fds sends some."""
    b, a = bus.connect("B"), bus.connect("A", fds=False)
    message = wire.call(b.unique, "/x", X, "Call", "h", [0], fds=[0], flags=1, serial=10)
    a.send_raw(message.encode(), message.fds)
    a.send_raw(wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId", serial=99).encode())
    a.wait_reply(99)
    bus.settle()


@scenario(params={"one of two": (2, 1), "two of one": (1, 2), "none of one": (1, 0),
                  "one of none": (0, 1), "ten of three": (3, 10)})
def count_mismatch(bus: Bus, counts: tuple[int, int]) -> None:
    """The header claims another number of fds than come."""
    claimed, sent = counts
    b, a = bus.connect("B"), bus.connect("A")
    message = wire.call(b.unique, "/x", X, "Call", flags=1, serial=10,
                        extra=[(wire.UNIX_FDS, claimed)])
    a.send_raw(message.encode(), [0] * sent)
    a.send_raw(wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId", serial=99).encode())
    a.wait_reply(99)
    bus.settle()


@scenario()
def left_over_fds(bus: Bus) -> None:
    """Fds that no message claims, then a message which claims some."""
    b, a = bus.connect("B"), bus.connect("A")
    plain = wire.call(b.unique, "/x", X, "Plain", flags=1, serial=10)
    a.send_raw(plain.encode(), [0])
    claiming = wire.call(b.unique, "/x", X, "Claiming", "h", [0], flags=1, serial=11,
                         extra=[(wire.UNIX_FDS, 1)])
    a.send_raw(claiming.encode())
    a.send_raw(wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId", serial=99).encode())
    a.wait_reply(99)
    bus.settle()


@scenario()
def fds_in_the_middle(bus: Bus) -> None:
    """Fds that come with the last bytes of their message."""
    b, a = bus.connect("B"), bus.connect("A")
    message = wire.call(b.unique, "/x", X, "Call", "h", [0], fds=[0], flags=1, serial=10)
    data = message.encode()
    a.send_raw(data[:50])
    a.send_raw(data[50:], message.fds)
    b.wait_member("Call")


@scenario()
def two_messages_in_one_write(bus: Bus) -> None:
    """Two messages whose fds come together."""
    b, a = bus.connect("B"), bus.connect("A")
    one = wire.call(b.unique, "/x", X, "One", "h", [0], fds=[0], flags=1, serial=10)
    two = wire.call(b.unique, "/x", X, "Two", "hh", [0, 1], fds=[0, 0], flags=1, serial=11)
    a.send_raw(one.encode() + two.encode(), [0, 0, 0])
    b.wait_member("Two")


@scenario()
def during_authentication(bus: Bus) -> None:
    """Fds sent before BEGIN."""
    a = bus.raw("A")
    a.send_raw(b"\0AUTH EXTERNAL\r\n", [0])
    a.auth_read()
    if a.connected and a.auth_exchange("DATA") is not None:
        a.auth_send("BEGIN")
        a.hello(quiet=False)


@scenario()
def kinds_of_fds(bus: Bus) -> None:
    """Sockets, files, folders and event fds."""
    a, b = bus.connect("A"), bus.connect("B")
    pair = socket.socketpair()
    fds = [pair[0].fileno(), os.open("/dev/null", os.O_RDWR), os.open("/", os.O_PATH),
           os.memfd_create("x")]
    a.send(wire.call(b.unique, "/x", X, "Call", "h" * 4, [0, 1, 2, 3], fds=fds, flags=1))
    got = b.receive(lambda m: m.member == "Call", "the call")
    for mine, theirs in zip(fds, got.fds if got else []):
        bus.log(f"same file: {os.path.sameopenfile(mine, theirs)}")
    for fd in [*fds[1:], *(got.fds if got else [])]:
        os.close(fd)
    for sock in pair:
        sock.close()


@scenario()
def index_out_of_range(bus: Bus) -> None:
    """The body names an fd that is not there; the daemon does not look."""
    a, b = bus.connect("A"), bus.connect("B")
    a.send(wire.call(b.unique, "/x", X, "Call", "hh", [0, 99], fds=[0], flags=1))
    a.send(wire.call(b.unique, "/x", X, "Call", "h", [5], flags=1))
    bus.settle()


@scenario(config(extra="  <servicedir>@DIR@/services</servicedir>",
                 limits={"service_start_timeout": 300}))
def waiting_for_activation(bus: Bus) -> None:
    """Fds in a message that waits for a service which never comes are closed."""
    bus.daemon.write("services/com.example.Slow.service",
                     "[D-BUS Service]\nName=com.example.Slow\nExec=/bin/sleep 5\n")
    a = bus.connect("A")
    a.driver("ReloadConfig")
    read_end, write_end = os.pipe()
    serial = a.send(wire.call("com.example.Slow", "/x", X, "Call", "h", [0], fds=[write_end]))
    os.close(write_end)
    a.wait_reply(serial)
    bus.log(f"closed: {os.read(read_end, 1) == b''}")
    os.close(read_end)


@scenario()
def receiver_leaves(bus: Bus) -> None:
    """Fds queued for a client that hangs up are closed."""
    a, b = bus.connect("A"), bus.connect("B")
    read_end, write_end = os.pipe()
    for _ in range(40):
        a.send(wire.call(b.unique, "/x", X, "Filler", "s", ["x" * 20000], flags=1), quiet=True)
    a.send(wire.call(b.unique, "/x", X, "Call", "h", [0], fds=[write_end], flags=1))
    os.close(write_end)
    b.take_pending()
    b.close()
    bus.clients.remove(b)
    bus.log(f"closed: {os.read(read_end, 1) == b''}")
    os.close(read_end)
