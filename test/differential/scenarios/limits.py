# SPDX-License-Identifier: MIT
"""Limits of the configuration, each set so small that it is reached."""

from __future__ import annotations

import os

import wire
from client import Client
from daemons import config, open_socket
from fixture import Bus, scenario
from wire import DRIVER, DRIVER_PATH, Message

X = "com.example.X"


def still_there(bus: Bus) -> None:
    """Show that the first client is served."""
    bus.clients[0].driver("NameHasOwner", "s", [DRIVER])


def try_to_connect(bus: Bus, label: str, uid: int | None = None) -> Client:
    """Connect and say Hello, both written down."""
    client = bus.raw(label, uid=uid)
    client.send_raw(b"\0")
    client.auth_exchange("AUTH EXTERNAL")
    if client.connected and client.auth_exchange("DATA") is not None:
        client.auth_send("BEGIN")
        client.hello(quiet=False)
    return client


@scenario(config(limits={"max_completed_connections": 3}))
def completed_connections(bus: Bus) -> None:
    """The fourth client is turned away; when one leaves there is room."""
    for label in "ABCDE":
        try_to_connect(bus, label)
    bus.drop(bus.clients[1])
    try_to_connect(bus, "F")
    still_there(bus)


@scenario(config(limits={"max_connections_per_user": 2}), root=True)
def connections_per_user(bus: Bus) -> None:
    """Each user has room for two."""
    for label, uid in (("A", None), ("B", None), ("C", None), ("D", 65534), ("E", 65534),
                       ("F", 65534), ("G", 1)):
        try_to_connect(bus, label, uid)
    bus.drop(bus.clients[1])
    try_to_connect(bus, "H")
    still_there(bus)


@scenario(config(limits={"max_incomplete_connections": 2, "auth_timeout": 60000}))
def incomplete_connections(bus: Bus) -> None:
    """Two sockets may be authenticating; a third waits till one is done."""
    a = bus.connect("A")
    one, two = bus.raw("I"), bus.raw("J")
    for client in (one, two):
        client.send_raw(b"\0")
        client.auth_exchange("AUTH EXTERNAL")
    three = bus.raw("K")
    three.send_raw(b"\0AUTH EXTERNAL\r\n")
    a.sync()
    one.auth_exchange("DATA")
    one.auth_send("BEGIN")
    one.hello(quiet=False)
    three.auth_read()
    still_there(bus)


@scenario(config(limits={"max_incomplete_connections": 1, "auth_timeout": 300}))
def incomplete_connections_time_out(bus: Bus) -> None:
    """Whoever blocks the only place is cut off in time."""
    blocker = bus.raw("I")
    a = bus.raw("A")
    blocker.expect_disconnect()
    a.authenticate()
    a.hello(quiet=False)


@scenario(config(limits={"max_message_size": 4096}), params=[3000, 3900, 4200, 100000])
def message_size(bus: Bus, size: int) -> None:
    """Messages up to a size pass, above it the sender is cut off."""
    b, a = bus.connect("B"), bus.connect("A")
    a.send_raw(wire.call(b.unique, "/x", X, "Call", "ay", [b"x" * size], flags=1,
                         serial=a.next_serial()).encode())
    a.send_raw(wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId", serial=99).encode())
    a.wait_reply(99)
    bus.settle()


@scenario(config(limits={"max_message_size": 4096}))
def message_size_exactly(bus: Bus) -> None:
    """To the byte."""
    b = bus.connect("B")
    for total in (4095, 4096, 4097):
        a = bus.connect("A")
        empty = len(wire.call(b.unique, "/x", X, "Call", "ay", [b""], flags=1, serial=7).encode())
        message = wire.call(b.unique, "/x", X, "Call", "ay", [b"x" * (total - empty)], flags=1,
                            serial=7)
        data = message.encode()
        bus.log(f"{len(data)} bytes")
        a.send_raw(data)
        a.send_raw(wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId", serial=99).encode())
        a.wait_reply(99)
        bus.settle()
        a.close()
        bus.clients.remove(a)


@scenario(config(limits={"max_incoming_bytes": 20000}))
def incoming_bytes(bus: Bus) -> None:
    """A client that sends faster than it is read from only waits."""
    b, a = bus.connect("B"), bus.connect("A")
    data = b"".join(wire.call(b.unique, "/x", X, f"Call{n}", "s", ["x" * 3000], flags=1,
                              serial=n + 10).encode() for n in range(60))
    a.send_raw(data)
    b.wait_member("Call59")
    still_there(bus)


@scenario(config(limits={"max_incoming_bytes": 5000}))
def incoming_message_above(bus: Bus) -> None:
    """One message larger than max_incoming_bytes."""
    b, a = bus.connect("B"), bus.connect("A")
    a.send_raw(wire.call(b.unique, "/x", X, "Large", "s", ["x" * 50000], flags=1,
                         serial=10).encode())
    b.wait_member("Large")
    a.driver("GetId")


@scenario(config(limits={"max_outgoing_bytes": 200000}))
def outgoing_bytes(bus: Bus) -> None:
    """A receiver that does not read: its callers get errors, its signals are lost."""
    a, b = bus.connect("A"), bus.connect("B")
    b.add_match("type='signal'")
    last = 0
    refused: list[Message] = []
    while not refused:
        serial = a.send(wire.call(b.unique, "/x", X, "Call", "s", ["x" * 20000]), quiet=True)
        refused = [m for m in a.take_pending() if m.reply_serial == serial]
        last = last if refused else serial
    bus.log(f"{refused[0].error} {refused[0].body}")
    a.send(wire.signal("/x", X, "Lost", "s", ["x" * 20000]), quiet=True)
    a.send(wire.signal("/x", X, "LostToo", "s", ["x" * 20000], b.unique), quiet=True)
    for message in a.take_pending():
        bus.log(f"then {message.error} {message.body}")
    count = read_calls(b, last)
    bus.log(f"all calls but the refused one came: {count == last - 1}")
    a.send(wire.call(b.unique, "/x", X, "Again", flags=1, serial=9000))
    bus.settle()


def read_calls(client: Client, last: int) -> int:
    """Read up to the message with this serial, without writing down, and count them."""
    seen = []
    client.quiet(lambda: client.receive(lambda m: bool(seen.append(m)) or m.serial == last,
                                        f"message {last}"))
    return len(seen)


@scenario(config(limits={"max_message_unix_fds": 3}), params=[1, 3, 4, 5])
def message_fds(bus: Bus, count: int) -> None:
    """So many fds in one message."""
    b, a = bus.connect("B"), bus.connect("A")
    message = wire.call(b.unique, "/x", X, "Call", "h" * count, list(range(count)), flags=1,
                        fds=[0] * count, serial=10)
    a.send_raw(message.encode(), message.fds)
    a.send_raw(wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId", serial=99).encode())
    a.wait_reply(99)
    bus.settle()


@scenario(config(limits={"max_incoming_unix_fds": 4, "max_message_unix_fds": 4}))
def incoming_fds(bus: Bus) -> None:
    """Many messages with fds, one after the other."""
    b, a = bus.connect("B"), bus.connect("A")
    for number in range(10):
        message = wire.call(b.unique, "/x", X, f"Call{number}", "hh", [0, 1], flags=1,
                            fds=[0, 0], serial=number + 10)
        a.send_raw(message.encode(), message.fds)
    b.wait_member("Call9")
    still_there(bus)


@scenario(config(limits={"max_outgoing_unix_fds": 8}))
def outgoing_fds(bus: Bus) -> None:
    """A receiver that does not read collects fds only up to a limit."""
    a, b = bus.connect("A"), bus.connect("B")
    filler = "x" * 30000
    for _ in range(20):
        a.send(wire.call(b.unique, "/x", X, "Filler", "s", [filler], flags=1), quiet=True)
    refused: list[Message] = []
    last = 0
    while not refused:
        serial = a.send(wire.call(b.unique, "/x", X, "Fds", "hh", [0, 1], fds=[0, 0]), quiet=True)
        refused = [m for m in a.take_pending() if m.reply_serial == serial]
        last = last if refused else serial
    bus.log(f"{refused[0].error} {refused[0].body}")
    bus.log(f"all but the refused one came: {read_calls(b, last) == last - 1}")
    a.send(wire.call(b.unique, "/x", X, "Again", "h", [0], flags=1, fds=[0], serial=9000))
    bus.settle()


@scenario(config(limits={"max_outgoing_bytes": 1000, "max_outgoing_unix_fds": 1}), params=[0, 1])
def outgoing_at_once(bus: Bus, count: int) -> None:
    """Much more than the limits at once, to a receiver that reads: nothing of it waits."""
    a, b = bus.connect("A"), bus.connect("B")
    messages = [wire.signal("/x", X, f"At{number}", "s", ["x" * 100], b.unique, serial=number + 10,
                            fds=[0] * count) for number in range(20)]
    if count:
        for message in messages:
            a.send_raw(message.encode(), message.fds)
    else:
        a.send_raw(b"".join(message.encode() for message in messages))
    b.wait_member("At19")
    still_there(bus)


@scenario(config(limits={"pending_fd_timeout": 300}))
def pending_fds(bus: Bus) -> None:
    """Fds that came with the first bytes of a message which then does not continue."""
    b, a = bus.connect("B"), bus.connect("A")
    message = wire.call(b.unique, "/x", X, "Call", "h", [0], flags=1, fds=[0], serial=10)
    a.send_raw(message.encode()[:30], message.fds)
    a.expect_disconnect()
    still_there(bus)
    bus.log_stderr_of("Unix fds")


@scenario(config(limits={"max_pending_service_starts": 1, "service_start_timeout": 500},
                 extra="  <servicedir>@DIR@/services</servicedir>"))
def pending_service_starts(bus: Bus) -> None:
    """Only one service may be starting; and it does not."""
    for name in ("One", "Two"):
        bus.daemon.write(f"services/com.example.{name}.service",
                         f"[D-BUS Service]\nName=com.example.{name}\nExec=/bin/sleep 5\n")
    a = bus.connect("A")
    a.driver("ReloadConfig")
    first = a.send(wire.call("com.example.One", "/x", X, "Call"))
    a.send(wire.call("com.example.Two", "/x", X, "Call"))
    a.send(wire.call("com.example.One", "/x", X, "CallToo"))
    a.wait_reply(first)
    bus.settle()


@scenario(config(limits={"max_names_per_connection": 0}))
def no_names(bus: Bus) -> None:
    """A limit of none."""
    a = bus.connect("A", hello=False)
    a.hello(quiet=False)


@scenario(config(limits={"max_match_rules_per_connection": 0, "max_replies_per_connection": 0}))
def none_of_some(bus: Bus) -> None:
    """No rules and no replies at all."""
    a, b = bus.connect("A"), bus.connect("B")
    a.add_match("type='signal'")
    a.send(wire.call(b.unique, "/x", X, "Call"))
    a.send(wire.call(b.unique, "/x", X, "Call", flags=1))
    bus.settle()


LIMITS = ["max_incoming_bytes", "max_incoming_unix_fds", "max_outgoing_bytes",
          "max_outgoing_unix_fds", "max_message_size", "max_message_unix_fds",
          "service_start_timeout", "auth_timeout", "pending_fd_timeout", "reply_timeout",
          "max_completed_connections", "max_incomplete_connections", "max_connections_per_user",
          "max_pending_service_starts", "max_names_per_connection",
          "max_match_rules_per_connection", "max_replies_per_connection", "max_containers",
          "max_containers_per_user", "max_container_metadata_bytes",
          "max_connections_per_container", "nonsense", "", "MAX_INCOMING_BYTES", "auth_timeout "]


@scenario(None, params=LIMITS)
def values(bus: Bus, name: str) -> None:
    """Which values a limit may have."""
    for value in ("1", "0", "-1", "x", "", "5x", " 7 ", "0x10", "010", "2147483647", "2147483648",
                  "4294967295", "99999999999999999999", "1.5", "+3"):
        bus.log(f"{name} {value!r}")
        bus.try_config(config(extra=f'  <limit name="{name}">{value}</limit>'), probe=False)


@scenario()
def many_clients(bus: Bus) -> None:
    """A hundred clients come, own a name each and go."""
    keeper = bus.connect("K")
    for number in range(100):
        client = bus.connect("C")
        client.quiet(lambda c=client, n=number: c.request_name(f"com.example.N{n}"))
    keeper.driver_sorted("ListNames")
    for client in list(bus.clients[1:]):
        client.close()
    del bus.clients[1:]
    bus.wait_until(lambda: len(keeper.quiet_call("ListNames").body[0]) == 2, "all to be gone")
    keeper.driver_sorted("ListNames")


@scenario()
def connections_that_say_nothing(bus: Bus) -> None:
    """Sockets opened and closed at once."""
    for _ in range(200):
        open_socket(bus.daemon.address).close()
    bus.connect("A").driver("GetId")


@scenario()
def descriptors(bus: Bus) -> None:
    """Fds sent to the daemon itself are closed."""
    a = bus.connect("A")
    a.sync()
    before = bus.daemon.fd_count()
    read_end, write_end = os.pipe()
    for member in ("GetId", "Frobnicate", "RequestName"):
        a.request(wire.call(DRIVER, DRIVER_PATH, DRIVER, member, "hh", [0, 1],
                            fds=[read_end, write_end]))
    a.send(wire.call("com.example.Missing", "/x", X, "Call", "h", [0], fds=[write_end]))
    a.send(wire.signal("/x", X, "Sig", "h", [0], fds=[write_end]))
    bus.settle()
    os.close(write_end)
    bus.log(f"the pipe is closed: {os.read(read_end, 1) == b''}, "
            f"as many fds as before: {bus.daemon.fd_count() == before}")
    os.close(read_end)
