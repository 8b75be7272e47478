# SPDX-License-Identifier: MIT
"""Owning, queueing for and giving up well-known names."""

from __future__ import annotations

import itertools

from daemons import config
from fixture import Bus, scenario
from wire import DRIVER

ALLOW, REPLACE, NO_QUEUE = 1, 2, 4
NAME = "com.example.Name"


def watch(bus: Bus) -> None:
    """Connect a client which sees every change of ownership."""
    watcher = bus.connect("W")
    watcher.add_match(f"type='signal',sender='{DRIVER}',member='NameOwnerChanged'")


def show_queue(bus: Bus) -> None:
    """Write down who owns the name and who waits for it."""
    bus.settle()
    bus.clients[0].driver("ListQueuedOwners", "s", [NAME])
    bus.clients[0].driver("GetNameOwner", "s", [NAME])


@scenario()
def single_owner(bus: Bus) -> None:
    """Request, request again, release, release again."""
    watch(bus)
    a = bus.connect("A")
    for _ in range(2):
        a.request_name(NAME)
    show_queue(bus)
    for _ in range(2):
        a.release_name(NAME)
    show_queue(bus)


@scenario(params=list(range(8)))
def two_owners(bus: Bus, first: int) -> None:
    """The second request with every combination of flags against one of the first."""
    watch(bus)
    for second in range(8):
        bus.log(f"flags {first} then {second}")
        a, b = bus.connect("A"), bus.connect("B")
        a.request_name(NAME, first)
        b.request_name(NAME, second)
        show_queue(bus)
        a.request_name(NAME, first | REPLACE)
        show_queue(bus)
        b.release_name(NAME)
        a.release_name(NAME)
        show_queue(bus)
        bus.drop(a)
        bus.drop(b)


THREE = [ALLOW, REPLACE, ALLOW | REPLACE, REPLACE | NO_QUEUE, 0]


@scenario(params=THREE)
def three_owners(bus: Bus, first: int) -> None:
    """Three clients with the telling combinations, then each leaves in turn."""
    watch(bus)
    for second, third in itertools.product(THREE, repeat=2):
        bus.log(f"flags {first}, {second}, {third}")
        a, b, c = bus.connect("A"), bus.connect("B"), bus.connect("C")
        a.request_name(NAME, first)
        b.request_name(NAME, second)
        c.request_name(NAME, third)
        show_queue(bus)
        bus.drop(a)
        show_queue(bus)
        bus.drop(b)
        bus.drop(c)
    bus.settle()


@scenario(params=[0, 1, 2, 3])
def release_in_queue(bus: Bus, position: int) -> None:
    """Whoever stands at this place of a queue of four gives up."""
    watch(bus)
    queue = [bus.connect(label) for label in "ABCD"]
    for client in queue:
        client.request_name(NAME)
    show_queue(bus)
    queue[position].release_name(NAME)
    queue[position].release_name(NAME)
    show_queue(bus)
    queue[position].request_name(NAME)
    show_queue(bus)


@scenario(params=[0, 1, 2, 3])
def disconnect_in_queue(bus: Bus, position: int) -> None:
    """Whoever stands at this place of a queue of four disconnects, owning a second name."""
    watch(bus)
    queue = [bus.connect(label) for label in "ABCD"]
    for client in queue:
        client.request_name(NAME)
    queue[position].request_name("com.example.Other")
    queue[position - 1].request_name("com.example.Other")
    bus.drop(queue[position])
    show_queue(bus)


@scenario()
def requeue_changes_flags(bus: Bus) -> None:
    """A waiting client asks again with other flags."""
    watch(bus)
    a, b, c = (bus.connect(label) for label in "ABC")
    a.request_name(NAME, ALLOW)
    b.request_name(NAME)
    c.request_name(NAME)
    b.request_name(NAME, NO_QUEUE)
    show_queue(bus)
    b.request_name(NAME, ALLOW)
    show_queue(bus)
    b.request_name(NAME, REPLACE)
    show_queue(bus)
    a.request_name(NAME, REPLACE)
    b.request_name(NAME, ALLOW)
    a.request_name(NAME, REPLACE)
    show_queue(bus)
    a.request_name(NAME, NO_QUEUE | REPLACE | ALLOW)
    show_queue(bus)
    c.request_name(NAME, REPLACE)
    show_queue(bus)


@scenario()
def unknown_flags(bus: Bus) -> None:
    """Bits that mean nothing."""
    watch(bus)
    a, b = bus.connect("A"), bus.connect("B")
    a.request_name(NAME, 0xfffffff8)
    b.request_name(NAME, 0xffffffff)
    show_queue(bus)
    b.request_name(NAME, 8)
    show_queue(bus)


INVALID = ["", ".", "a", "a.", ".a", "a..b", "a.1b", "1a.b", "a.b c", "a.b/c", "a.b:c", "a.-b",
           "-a.b", "a.é", "com.example." + "x" * 244, "com.example." + "x" * 243, ":1.1", ":1.77",
           ":a", "a-b.c-d", "_a._b", DRIVER, "org.freedesktop.DBus.Local", "org.freedesktop.DBus.x",
           "a.b.", "a\u0001.b", "a.b\n", ":", ":.", ":1", ":1.", ":1..2", "a:b.c", "com.example.*"]


@scenario()
def invalid_names(bus: Bus) -> None:
    """Requests, releases and questions with names that are not valid, or not to be had."""
    a = bus.connect("A")
    for name in INVALID:
        a.request_name(name)
        a.release_name(name)


@scenario()
def invalid_questions(bus: Bus) -> None:
    """Methods which take a name and get one that is not valid or has no owner."""
    a = bus.connect("A")
    for name in [*INVALID, NAME]:
        for member in ("GetNameOwner", "NameHasOwner", "ListQueuedOwners",
                       "GetConnectionUnixUser", "GetConnectionUnixProcessID",
                       "GetConnectionCredentials", "GetAdtAuditSessionData",
                       "GetConnectionSELinuxSecurityContext"):
            if name == DRIVER and member in ("GetConnectionCredentials",
                                             "GetConnectionUnixProcessID",
                                             "GetConnectionUnixUser"):
                continue
            a.driver(member, "s", [name])


@scenario()
def release_of_others(bus: Bus) -> None:
    """Giving up what somebody else owns."""
    watch(bus)
    a, b = bus.connect("A"), bus.connect("B")
    a.request_name(NAME)
    b.release_name(NAME)
    b.release_name(a.unique)
    b.release_name(b.unique)
    b.release_name(DRIVER)
    b.release_name("com.example.Nobody")
    show_queue(bus)


@scenario()
def list_names(bus: Bus) -> None:
    """ListNames with owned, queued and released names."""
    a, b = bus.connect("A"), bus.connect("B")
    a.request_name("com.example.A")
    a.request_name(NAME)
    b.request_name(NAME)
    a.driver_sorted("ListNames")
    a.release_name(NAME)
    a.release_name("com.example.A")
    a.driver_sorted("ListNames")
    bus.drop(b)
    a.driver_sorted("ListNames")
    a.driver_sorted("ListActivatableNames")


@scenario(config(limits={"max_names_per_connection": 4}))
def limit(bus: Bus) -> None:
    """max_names_per_connection counts the unique name and places in queues."""
    a, b = bus.connect("A"), bus.connect("B")
    b.request_name("com.example.n1")
    for number in range(1, 6):
        a.request_name(f"com.example.n{number}")
    a.request_name("com.example.n1")
    a.release_name("com.example.n2")
    a.request_name("com.example.n4")
    a.request_name("com.example.n5")
    b.release_name("com.example.n1")
    bus.settle()
    a.driver_sorted("ListNames")


@scenario()
def unique_names_are_not_reused(bus: Bus) -> None:
    """A new client gets a new name."""
    a = bus.connect("A")
    b = bus.connect("B")
    old = b.unique
    bus.drop(b)
    c = bus.connect("C", hello=False)
    c.hello(quiet=False)
    bus.log(f"same name again: {old == c.unique}")
    a.driver("GetNameOwner", "s", [old])
    a.driver("NameHasOwner", "s", [c.unique])


@scenario()
def signals_without_match(bus: Bus) -> None:
    """NameAcquired and NameLost reach their addressee alone; NameOwnerChanged needs a rule."""
    a, b = bus.connect("A"), bus.connect("B")
    c = bus.connect("C")
    c.add_match("type='signal',member='NameAcquired'")
    c.add_match("type='signal',member='NameLost'")
    a.request_name(NAME, ALLOW)
    b.request_name(NAME, REPLACE)
    bus.settle()
    bus.drop(b)
    bus.settle()


@scenario()
def owner_changed_by_arg(bus: Bus) -> None:
    """NameOwnerChanged by name, as every toolkit asks for it; its own changes included."""
    a, b = bus.connect("A"), bus.connect("B")
    for rule in (f"type='signal',sender='{DRIVER}',member='NameOwnerChanged',arg0='{NAME}'",
                 "type='signal',member='NameOwnerChanged',arg0namespace='com.example',arg1=''"):
        a.add_match(rule)
    a.request_name(NAME, ALLOW)
    b.request_name(NAME, REPLACE)
    b.request_name("com.example")
    b.request_name("com.examples.X")
    bus.settle()
    bus.drop(b)
    bus.settle()
