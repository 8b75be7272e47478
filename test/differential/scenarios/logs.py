# SPDX-License-Identifier: MIT
"""What the daemon tells its administrator of clients that ask too much, or do what they may not."""

from __future__ import annotations

from typing import Callable

import wire
from daemons import config
from fixture import Bus, scenario
from wire import DRIVER, DRIVER_PATH

LOTS = "x" * 60000


def connections(bus: Bus) -> None:
    """More than there may be."""
    for _ in range(4):
        bus.connect()


def names(bus: Bus) -> None:
    """More than a client may own."""
    a = bus.connect("A")
    for number in range(4):
        a.request_name(f"com.example.N{number}")


def rules(bus: Bus) -> None:
    """More than a client may have."""
    a = bus.connect("A")
    for number in range(4):
        a.add_match(f"arg0='{number}'")


def calls(bus: Bus) -> None:
    """More than may wait for an answer."""
    a, b = bus.connect("A"), bus.connect("B")
    for _ in range(4):
        a.send(wire.call(b.unique, "/x", "com.example.X", "Call"))


def broadcasts(bus: Bus) -> None:
    """To one who does not read."""
    a, b = bus.connect("A"), bus.connect("B")
    b.add_match("type='signal'")
    for _ in range(20):
        a.send(wire.signal("/x", "com.example.X", "Signal", "s", [LOTS]))


def one_way_calls(bus: Bus) -> None:
    """To one who does not read."""
    a, b = bus.connect("A"), bus.connect("B")
    for _ in range(20):
        a.send(wire.call(b.unique, "/x", "com.example.X", "Call", "s", [LOTS],
                         flags=wire.NO_REPLY))


def count(bus: Bus, text: str) -> None:
    """Write down lines of the log, each once, and that there are some: how many fit into a socket
    is nobody's promise."""
    lines = [line for line in bus.daemon.stderr().splitlines() if text in line]
    bus.log_output("stderr", "".join(f"{line}\n" for line in dict.fromkeys(lines)))


CASES: dict[str, tuple[dict[str, int], Callable[[Bus], None], str]] = {
    "connections": ({"max_completed_connections": 2}, connections, "maximum number"),
    "of a user": ({"max_connections_per_user": 2}, connections, "maximum number"),
    "names": ({"max_names_per_connection": 2}, names, "own more"),
    "rules": ({"max_match_rules_per_connection": 2}, rules, "add more"),
    "calls": ({"max_replies_per_connection": 2}, calls, "replies"),
    "broadcasts": ({"max_outgoing_bytes": 100000}, broadcasts, "full message queue"),
    "calls one way": ({"max_outgoing_bytes": 100000}, one_way_calls, "full message queue"),
}


@scenario(None, params=list(CASES))
def too_much(bus: Bus, case: str) -> None:
    """What is beyond a limit."""
    limits, ask, text = CASES[case]
    bus.start(config(limits=limits))
    transcript = bus.transcript
    bus.transcript = []
    ask(bus)
    bus.transcript = transcript
    count(bus, text)


@scenario(params={
    "call": lambda: wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId"),
    "call to nobody": lambda: wire.call(None, "/x", "com.example.X", "Call"),
    "signal": lambda: wire.signal("/x", "com.example.X", "Signal"),
    "signal to somebody": lambda: wire.signal("/x", "com.example.X", "Signal",
                                              destination="com.example.A"),
    "error": lambda: wire.error("com.example.A", 7, "com.example.Error"),
    "of no known type": lambda: wire.build(77, []),
})
def monitor_that_speaks(bus: Bus, message: Callable[[], wire.Message]) -> None:
    """It is thrown out for it."""
    bus.connect("A")
    monitor = bus.connect("M")
    monitor.become_monitor()
    monitor.send(message(), sync=False)
    monitor.expect_disconnect()
    bus.clients[0].sync()
    bus.log_stderr()


@scenario(params=["eavesdrops", "does not"])
def awaited_monitor_to_be(bus: Bus, case: str) -> None:
    """Somebody waits for the answer of one who becomes a monitor."""
    a, b, e = bus.connect("A"), bus.connect("B"), bus.connect("E")
    e.add_match("eavesdrop='true'" if case == "eavesdrops" else "type='signal'")
    a.send(wire.call(b.unique, "/x", "com.example.X", "Call"))
    bus.settle()
    b.become_monitor(["type='error'"])
    bus.settle()
