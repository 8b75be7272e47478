# SPDX-License-Identifier: MIT
"""Reloading the configuration, by SIGHUP and by ReloadConfig."""

from __future__ import annotations

import signal
import time

import wire
from client import Client
from daemons import OPEN_POLICY, config, default_policy
from fixture import Bus, scenario
from wire import DRIVER

X = "com.example.X"
DENYING = default_policy('<deny send_interface="com.example.X"/>'
                         '<deny own="com.example.Denied"/>')

WAYS = ["ReloadConfig", "SIGHUP"]


def reload(bus: Bus, client: Client, way: str, text: str) -> None:
    """Replace the configuration file and have it read."""
    bus.daemon.write("bus.conf", text)
    if way == "ReloadConfig":
        client.driver("ReloadConfig")
        return
    before = bus.daemon.stderr().count("Reloaded configuration")
    failed = bus.daemon.stderr().count("Unable to reload")
    bus.daemon.signal(signal.SIGHUP)
    bus.wait_until(lambda: bus.daemon.stderr().count("Reloaded configuration") > before
                   or bus.daemon.stderr().count("Unable to reload") > failed, "the reload")
    bus.log("reloaded")


@scenario(params=WAYS)
def policy(bus: Bus, way: str) -> None:
    """A new policy holds for old and new connections, and the old one again."""
    a, b = bus.connect("A"), bus.connect("B")
    for text in (config(), config(policy=DENYING), config()):
        reload(bus, a, way, text)
        c = bus.connect("C")
        for client in (a, c):
            client.send(wire.call(b.unique, "/x", X, "Call", flags=0))
            client.request_name("com.example.Denied")
            client.release_name("com.example.Denied")
        bus.settle()
        bus.drop(c)


@scenario(params=WAYS)
def denied_name_stays_owned(bus: Bus, way: str) -> None:
    """Who owns a name keeps it when the new policy would deny it."""
    a, b = bus.connect("A"), bus.connect("B")
    a.request_name("com.example.Denied")
    reload(bus, a, way, config(policy=DENYING))
    a.driver("GetNameOwner", "s", ["com.example.Denied"])
    b.request_name("com.example.Denied")
    a.request_name("com.example.Denied")
    a.release_name("com.example.Denied")
    a.request_name("com.example.Denied")


@scenario(params=WAYS)
def limits(bus: Bus, way: str) -> None:
    """New limits hold for what comes; what is there stays."""
    a = bus.connect("A")
    for number in range(4):
        a.add_match(f"arg0='{number}'")
        a.request_name(f"com.example.N{number}")
    reload(bus, a, way, config(limits={"max_match_rules_per_connection": 3,
                                       "max_names_per_connection": 3,
                                       "max_completed_connections": 1}))
    a.add_match("arg0='new'")
    a.request_name("com.example.New")
    late = bus.connect("L", hello=False)
    late.hello(quiet=False)
    reload(bus, a, way, config())
    a.add_match("arg0='new'")
    a.request_name("com.example.New")


@scenario(params=WAYS)
def message_size(bus: Bus, way: str) -> None:
    """A smaller max_message_size: does it hold for connections that are there?"""
    a, b = bus.connect("A"), bus.connect("B")
    reload(bus, a, way, config(limits={"max_message_size": 4096}))
    c = bus.connect("C")
    for client in (a, c):
        client.send_raw(wire.call(b.unique, "/x", X, "Call", "ay", [b"x" * 10000], flags=1,
                                  serial=500).encode())
        client.send_raw(wire.call(DRIVER, "/org/freedesktop/DBus", DRIVER, "GetId",
                                  serial=501).encode())
        client.wait_reply(501)


@scenario(params=WAYS)
def broken_file(bus: Bus, way: str) -> None:
    """A file that cannot be read leaves the old configuration in force."""
    a, b = bus.connect("A"), bus.connect("B")
    reload(bus, a, way, config(policy=DENYING))
    for text in ("<busconfig>", "", "<busconfig><nonsense/></busconfig>",
                 "<busconfig></busconfig>", config(listen=""), config(auth=("NONSENSE",)),
                 config(limits={"max_names_per_connection": -1})):
        reload(bus, a, way, text)
        a.send(wire.call(b.unique, "/x", X, "Call"))
        bus.settle()
    if way == "ReloadConfig":
        bus.log_stderr_of("reload")


@scenario(params=WAYS)
def missing_file(bus: Bus, way: str) -> None:
    """The file is gone."""
    a = bus.connect("A")
    path = bus.daemon.directory / "bus.conf"
    text = path.read_text()
    path.unlink()
    if way == "ReloadConfig":
        a.driver("ReloadConfig")
    else:
        bus.daemon.signal(signal.SIGHUP)
        bus.wait_until(lambda: "Unable to reload" in bus.daemon.stderr(), "the reload to fail")
    path.write_text(text)
    a.driver("ReloadConfig")


@scenario(params=WAYS)
def listening_elsewhere(bus: Bus, way: str) -> None:
    """A changed address has no effect till the next start."""
    a = bus.connect("A")
    reload(bus, a, way, config(listen="unix:path=@DIR@/other"))
    b = bus.connect("B")
    b.driver("GetId")
    bus.log(f"new socket: {(bus.directory / 'other').exists()}")


@scenario(params=WAYS)
def authentication(bus: Bus, way: str) -> None:
    """Changed mechanisms, for new connections."""
    a = bus.connect("A")
    reload(bus, a, way, config(auth=("ANONYMOUS",), extra="  <allow_anonymous/>"))
    b = bus.raw("B")
    b.send_raw(b"\0")
    b.auth_exchange("AUTH")
    b.auth_exchange("AUTH ANONYMOUS")


@scenario(config(auth=("ANONYMOUS", "EXTERNAL"), extra="  <allow_anonymous/>"), params=WAYS)
def anonymous(bus: Bus, way: str) -> None:
    """Whoever is nobody may still connect, as is said of everything about connecting."""
    a = bus.connect("A")
    reload(bus, a, way, config(auth=("EXTERNAL",)))
    b = bus.raw("B")
    b.send_raw(b"\0")
    b.auth_exchange("AUTH ANONYMOUS")
    b.auth_send("BEGIN")
    b.hello()
    b.driver("GetId")


@scenario(params=WAYS)
def services(bus: Bus, way: str) -> None:
    """Service files that come and go, and the signal about them."""
    a, w = bus.connect("A"), bus.connect("W")
    w.add_match(f"type='signal',sender='{DRIVER}'")
    folder = "  <servicedir>@DIR@/services</servicedir>"

    def step() -> None:
        """Reload. The daemon may notice a file by itself as well, so signals count once."""
        reload(bus, a, way, config(extra=folder))
        a.driver_sorted("ListActivatableNames")
        w.sync()
        for line in sorted({message.show(True) for message in w.take_pending()}):
            bus.log(f"W < {line}")

    step()
    bus.daemon.write("services/com.example.New.service",
                     "[D-BUS Service]\nName=com.example.New\nExec=/bin/false\n")
    step()
    step()
    (bus.directory / "services/com.example.New.service").unlink()
    step()


@scenario(params=WAYS)
def bus_type(bus: Bus, way: str) -> None:
    """The type of the bus decides on UpdateActivationEnvironment."""
    a = bus.connect("A")
    reload(bus, a, way, config(bus_type="system"))
    a.driver("UpdateActivationEnvironment", "a{ss}", [{"A": "b"}])


@scenario(params=WAYS)
def included_file(bus: Bus, way: str) -> None:
    """A file that the configuration includes changes."""
    including = config(extra="  <include>rules.conf</include>", policy=OPEN_POLICY)
    bus.daemon.write("rules.conf", "<busconfig/>")
    a, b = bus.connect("A"), bus.connect("B")
    reload(bus, a, way, including)
    a.send(wire.call(b.unique, "/x", X, "Call"))
    bus.daemon.write("rules.conf", '<busconfig><policy context="mandatory">'
                                   '<deny send_interface="com.example.X"/></policy></busconfig>')
    reload(bus, a, way, including)
    a.send(wire.call(b.unique, "/x", X, "Call"))
    bus.settle()


@scenario(params=WAYS)
def open_calls_survive(bus: Bus, way: str) -> None:
    """Pending replies, rules and names outlive a reload."""
    a, b = bus.connect("A"), bus.connect("B")
    a.add_match("type='signal'")
    b.request_name("com.example.B")
    serial = a.send(wire.call("com.example.B", "/x", X, "Call"))
    bus.settle()
    reload(bus, a, way, config())
    b.send(wire.method_return(a.unique, serial))
    b.send(wire.signal("/x", X, "Sig"))
    bus.settle()


@scenario(None, params={"shorter": (60000, 100), "longer": (100, 60000), "none": (None, 100)})
def reply_timeout(bus: Bus, limits: tuple[int | None, int]) -> None:
    """Calls are waited for as long as it said when the daemon started."""
    before, after = (config(limits={} if limit is None else {"reply_timeout": limit})
                     for limit in limits)
    bus.start(before)
    a, b = bus.connect("A"), bus.connect("B")
    first = a.send(wire.call(b.unique, "/x", X, "Call"))
    bus.settle()
    reload(bus, a, "ReloadConfig", after)
    second = a.send(wire.call(b.unique, "/x", X, "Call"))
    if limits[0] == 100:
        a.wait_reply(first)
        a.wait_reply(second)
    else:
        time.sleep(0.3)
    bus.settle()


@scenario(None, params={"shorter": (60000, 300), "longer": (300, 2000)})
def auth_timeout(bus: Bus, limits: tuple[int, int]) -> None:
    """Who has not said Hello yet gets as long as it says now, counted from when it came.

    The reference looks when one comes or one's time is over, ours looks at once.
    """
    bus.start(config(limits={"auth_timeout": limits[0]}))
    a, early = bus.connect("A"), bus.raw("E")
    began = time.monotonic()
    reload(bus, a, "ReloadConfig", config(limits={"auth_timeout": limits[1]}))
    if limits[1] < limits[0]:
        late = bus.raw("L")
        late.expect_disconnect()
    early.expect_disconnect()
    bus.log(f"after the shorter time: {time.monotonic() - began > 1.0}")
    bus.log_stderr()


@scenario()
def many_signals(bus: Bus) -> None:
    """SIGHUP in quick succession."""
    a = bus.connect("A")
    for _ in range(20):
        bus.daemon.signal(signal.SIGHUP)
    bus.wait_until(lambda: "Reloaded configuration" in bus.daemon.stderr(), "a reload")
    a.driver("GetId")


@scenario(root=True)
def not_privileged(bus: Bus) -> None:
    """ReloadConfig by another user."""
    bus.connect("A", uid=65534).driver("ReloadConfig")
