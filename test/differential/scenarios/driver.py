# SPDX-License-Identifier: MIT
"""The bus driver: every method of every interface, used well and badly."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET

import wire
from client import Client
from daemons import config
from fixture import Bus, scenario
from wire import DRIVER, DRIVER_PATH, Message, Variant

PROPERTIES = "org.freedesktop.DBus.Properties"
PEER = "org.freedesktop.DBus.Peer"
MONITORING = "org.freedesktop.DBus.Monitoring"
STATS = "org.freedesktop.DBus.Debug.Stats"
INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"

# Interface, method, its signature and arguments it can be called with.
METHODS: list[tuple[str, str, str, list[object]]] = [
    (DRIVER, "Hello", "", []),
    (DRIVER, "RequestName", "su", ["com.example.Some", 0]),
    (DRIVER, "ReleaseName", "s", ["com.example.Some"]),
    (DRIVER, "StartServiceByName", "su", [DRIVER, 0]),
    (DRIVER, "UpdateActivationEnvironment", "a{ss}", [{}]),
    (DRIVER, "NameHasOwner", "s", [DRIVER]),
    (DRIVER, "ListNames", "", []),
    (DRIVER, "ListActivatableNames", "", []),
    (DRIVER, "AddMatch", "s", ["member='x'"]),
    (DRIVER, "RemoveMatch", "s", ["member='x'"]),
    (DRIVER, "GetNameOwner", "s", [DRIVER]),
    (DRIVER, "ListQueuedOwners", "s", [DRIVER]),
    (DRIVER, "GetConnectionUnixUser", "s", [DRIVER]),
    (DRIVER, "GetAdtAuditSessionData", "s", [DRIVER]),
    (DRIVER, "GetConnectionSELinuxSecurityContext", "s", [DRIVER]),
    (DRIVER, "ReloadConfig", "", []),
    (DRIVER, "GetId", "", []),
    (PROPERTIES, "Get", "ss", [DRIVER, "Features"]),
    (PROPERTIES, "GetAll", "s", [DRIVER]),
    (PROPERTIES, "Set", "ssv", [DRIVER, "Features", Variant("s", "x")]),
    (PEER, "Ping", "", []),
    (PEER, "GetMachineId", "", []),
]
# Those of which the answer names the daemon's process, or its whole inside.
WRONG_ONLY = [(DRIVER, "GetConnectionUnixProcessID", "s"),
              (DRIVER, "GetConnectionCredentials", "s"), (MONITORING, "BecomeMonitor", "asu"), (STATS, "GetStats", ""),
              (STATS, "GetConnectionStats", "s"), (STATS, "GetAllMatchRules", ""),
              (INTROSPECTABLE, "Introspect", "")]

WRONG_ARGUMENTS: list[tuple[str, list[object]]] = [
    ("", []), ("s", ["x"]), ("u", [1]), ("ss", ["a", "b"]), ("su", ["a", 1]),
    ("sus", ["a", 1, "b"]),
    ("as", [["a"]]), ("v", [Variant("s", "a")]), ("o", ["/a"]), ("a{sv}", [{}]), ("(s)", [("a",)]),
    ("asi", [["a"], 1]), ("sss", ["a", "b", "c"]),
]


def log_xml(bus: Bus, text: str) -> None:
    """Write an introspection document down as sorted lines."""
    def walk(node: ET.Element, prefix: str) -> list[str]:
        attributes = " ".join(f"{k}={v!r}" for k, v in sorted(node.attrib.items()))
        here = f"{prefix}/{node.tag}[{attributes}]"
        order = [walk(child, here) for child in node]
        if node.tag in ("node", "interface"):
            order.sort()
        return [here] + [line for lines in order for line in lines]
    for line in walk(ET.fromstring(text), ""):
        bus.log(line)


@scenario(params={f"{i.rpartition('.')[2]}.{m}": (i, m, s, a) for i, m, s, a in METHODS})
def method(bus: Bus, what: tuple[str, str, str, list[object]]) -> None:
    """Right arguments, with and without interface, on another path, and by the wrong interface."""
    interface, member, sig, body = what
    a = bus.connect("A")
    sort = member.startswith("List") and member != "ListQueuedOwners"
    for call_interface in (interface, None, "com.example.Wrong", "org.freedesktop.DBus.Peer"):
        for path in (DRIVER_PATH, "/", "/org/freedesktop", "/com/example"):
            if sort and call_interface == interface and path == DRIVER_PATH:
                a.driver_sorted(member, sig, body)
            elif sort and call_interface != PEER and call_interface != "com.example.Wrong":
                bus.log(f"{call_interface} {path}")
                reply = a.quiet(lambda: a.driver(member, sig, body, call_interface, path))
                bus.log(f"{reply and reply.show(True).split(' (')[0]}")
            else:
                a.driver(member, sig, body, call_interface, path)


@scenario(params={f"{i.rpartition('.')[2]}.{m}": (i, m, s) for i, m, s, *_ in
                  [*METHODS, *WRONG_ONLY]})
def wrong_arguments(bus: Bus, what: tuple[str, str, str]) -> None:
    """Every signature but the right one."""
    interface, member, right = what
    a = bus.connect("A")
    for sig, body in WRONG_ARGUMENTS:
        if sig != right:
            a.driver(member, sig, body, interface)
            a.driver(member, sig, body, None)


@scenario()
def introspect(bus: Bus) -> None:
    """The document, at each path which has one."""
    a = bus.connect("A")
    for path in (DRIVER_PATH, "/", "/org", "/org/freedesktop", "/org/freedesktop/DBus/x", "/x"):
        for interface in (INTROSPECTABLE, None):
            reply = a.quiet(lambda: a.driver("Introspect", interface=interface, path=path))
            bus.log(f"introspect {path} {interface} {kind_of(reply)}")
            if reply and reply.type == wire.METHOD_RETURN:
                log_xml(bus, reply.body[0])
            elif reply:
                bus.log(reply.show(True))


def kind_of(reply: Message | None) -> str:
    """The kind of a reply."""
    return wire.TYPE_NAMES[reply.type] if reply else "disconnected"


@scenario()
def introspect_text(bus: Bus) -> None:
    """The first lines of the document, which some tools look for."""
    a = bus.connect("A")
    reply = a.quiet(lambda: a.driver("Introspect", interface=INTROSPECTABLE))
    for line in (reply.body[0] if reply else "").split("\n")[:4]:
        bus.log(line)


@scenario()
def unknown_members(bus: Bus) -> None:
    """Methods and interfaces that do not exist."""
    a = bus.connect("A")
    for interface in (DRIVER, PROPERTIES, PEER, MONITORING, STATS, INTROSPECTABLE, None,
                      "com.example.Nothing", "org.freedesktop.DBus.Local2",
                      "org.freedesktop.DBus.Verbose", "org.freedesktop.DBus.Containers1",
                      "org.freedesktop.systemd1.Activator"):
        for path in (DRIVER_PATH, "/", "/x"):
            a.driver("Frobnicate", interface=interface, path=path)
            a.driver("hello", "s", ["x"], interface=interface, path=path)


@scenario()
def case_and_length(bus: Bus) -> None:
    """Member names that are nearly right."""
    a = bus.connect("A")
    for member in ("ListName", "ListNamesX", "listNames", "GetID", "getId", "x" * 255, "Get"):
        a.driver(member)
    a.driver("Get", "ss", [DRIVER, "Features"])
    a.driver("Get", "ss", [DRIVER, "Features"], None)


@scenario()
def properties_get(bus: Bus) -> None:
    """Get of each property of each interface, and of none."""
    a = bus.connect("A")
    for interface in (DRIVER, PROPERTIES, PEER, MONITORING, STATS, "", "com.example.X", "bad name"):
        for name in ("Features", "Interfaces", "", "Nothing", "bad name"):
            for path in (DRIVER_PATH, "/"):
                a.driver("Get", "ss", [interface, name], PROPERTIES, path)


@scenario()
def properties_get_all(bus: Bus) -> None:
    """GetAll of each interface, and of none."""
    a = bus.connect("A")
    for interface in (DRIVER, PROPERTIES, PEER, MONITORING, STATS, INTROSPECTABLE, "",
                      "com.example.X", "bad name", "org.freedesktop.DBus.Verbose"):
        for path in (DRIVER_PATH, "/"):
            a.driver("GetAll", "s", [interface], PROPERTIES, path)


@scenario()
def properties_set(bus: Bus) -> None:
    """Set never succeeds; the errors differ."""
    a = bus.connect("A")
    for interface in (DRIVER, PEER, "", "com.example.X"):
        for name in ("Features", "Interfaces", "", "Nothing"):
            a.driver("Set", "ssv", [interface, name, Variant("as", ["x"])], PROPERTIES)
            a.driver("Set", "ssv", [interface, name, Variant("u", 1)], PROPERTIES, "/")


@scenario(config(bus_type="system"))
def features_of_a_system_bus(bus: Bus) -> None:
    """What depends on the type of the bus."""
    a = bus.connect("A")
    a.driver("GetAll", "s", [DRIVER], PROPERTIES)
    a.driver("UpdateActivationEnvironment", "a{ss}", [{"X": "y"}])


@scenario()
def peer_on_any_path(bus: Bus) -> None:
    """Ping and GetMachineId need no particular path."""
    a = bus.connect("A")
    for path in (DRIVER_PATH, "/", "/x/y", "/org/freedesktop/DBus/Local"):
        for interface in (PEER, None):
            a.driver("Ping", interface=interface, path=path)
            a.driver("GetMachineId", interface=interface, path=path)
    a.driver("Frobnicate", interface=PEER, path="/x")


@scenario()
def peer_without_destination(bus: Bus) -> None:
    """A Peer call without destination is the driver's, as is any other."""
    a = bus.connect("A")
    for member, interface in (("Ping", PEER), ("GetMachineId", PEER), ("GetId", DRIVER),
                              ("GetId", None), ("Frobnicate", "com.example.X"), ("Nope", None)):
        for path in (DRIVER_PATH, "/x"):
            a.request(wire.call(None, path, interface, member))


@scenario()
def no_reply_expected(bus: Bus) -> None:
    """Flagged calls to the driver have their effect and no answer, not even an error."""
    a = bus.connect("A")
    for member, sig, body in (("RequestName", "su", ["com.example.Quiet", 0]), ("GetId", "", []),
                              ("AddMatch", "s", ["bad rule"]), ("Frobnicate", "", []),
                              ("GetNameOwner", "s", ["com.example.Nobody"])):
        a.send(wire.call(DRIVER, DRIVER_PATH, DRIVER, member, sig, body, flags=wire.NO_REPLY))
        bus.settle()
    a.driver("GetNameOwner", "s", ["com.example.Quiet"])


@scenario()
def other_types_to_driver(bus: Bus) -> None:
    """Signals, returns and errors addressed to the driver."""
    a = bus.connect("A")
    a.send(wire.signal("/x", "com.example.X", "Sig", destination=DRIVER))
    a.send(wire.signal(DRIVER_PATH, DRIVER, "NameOwnerChanged", "sss", ["a", "b", "c"], DRIVER))
    a.send(wire.signal(DRIVER_PATH, DRIVER, "Hello", destination=DRIVER))
    a.send(wire.method_return(DRIVER, 1))
    a.send(wire.error(DRIVER, 1, "com.example.Error", "s", ["text"]))
    a.send(wire.build(9, [(wire.DESTINATION, DRIVER)]))
    bus.settle()
    a.driver("GetId")


@scenario()
def hello_twice(bus: Bus) -> None:
    """The second Hello is an error, the name stays."""
    a = bus.connect("A", hello=False)
    a.hello(quiet=False)
    a.driver("Hello")
    a.driver("Hello", interface=None)
    a.driver("GetNameOwner", "s", [a.unique])


@scenario()
def hello_with_arguments(bus: Bus) -> None:
    """Hello takes none; the client may try again."""
    a = bus.connect("A", hello=False)
    a.driver("Hello", "s", ["x"])
    a.hello(quiet=False)


@scenario(params={"no interface": (DRIVER, DRIVER_PATH, None),
                  "no destination": (None, DRIVER_PATH, DRIVER),
                  "other path": (DRIVER, "/", DRIVER), "bare": (None, "/", None),
                  "other interface": (DRIVER, DRIVER_PATH, "com.example.X"),
                  "peer interface": (DRIVER, DRIVER_PATH, PEER)})
def hello_variants(bus: Bus, where: tuple[str | None, str, str | None]) -> None:
    """Hello said in other ways."""
    watcher = bus.connect("W")
    a = bus.connect("A", hello=False)
    a.request(wire.call(where[0], where[1], where[2], "Hello"))
    a.driver("GetId")
    watcher.driver_sorted("ListNames")


@scenario()
def hello_no_reply(bus: Bus) -> None:
    """Hello with the flag that no reply is wanted."""
    watcher = bus.connect("W")
    a = bus.connect("A", hello=False)
    a.send(wire.call(DRIVER, DRIVER_PATH, DRIVER, "Hello", flags=wire.NO_REPLY))
    a.driver("GetId")
    watcher.driver_sorted("ListNames")


@scenario(params=["ping", "getid", "signal", "unicast", "return", "error", "listnames", "other",
                  "unknown type", "nodest", "bus signal", "bus return", "bus error",
                  "bus unknown type"])
def before_hello(bus: Bus, kind: str) -> None:
    """Anything but Hello first."""
    watcher = bus.connect("W")
    watcher.add_match("type='signal'")
    a = bus.connect("A", hello=False)
    messages = {
        "ping": wire.call(DRIVER, DRIVER_PATH, PEER, "Ping"),
        "getid": wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId"),
        "signal": wire.signal("/x", "com.example.X", "Sig"),
        "unicast": wire.signal("/x", "com.example.X", "Sig", destination=watcher.unique),
        "return": wire.method_return(watcher.unique, 1),
        "error": wire.error(watcher.unique, 1, "com.example.Error"),
        "listnames": wire.call(DRIVER, DRIVER_PATH, DRIVER, "ListNames"),
        "other": wire.call(watcher.unique, "/x", "com.example.X", "Method"),
        "unknown type": wire.build(7, [(wire.PATH, "/x")]),
        "nodest": wire.call(None, "/x", "com.example.X", "Method"),
        "bus signal": wire.signal("/x", "com.example.X", "Sig", destination=DRIVER),
        "bus return": wire.method_return(DRIVER, 1),
        "bus error": wire.error(DRIVER, 1, "com.example.Error"),
        "bus unknown type": wire.build(7, [(wire.PATH, "/x"), (wire.DESTINATION, DRIVER)]),
    }
    a.send(messages[kind])
    if kind in ("signal", "unicast", "return", "error", "other"):
        a.expect_disconnect()
    else:
        a.driver("Hello")
    bus.settle()


@scenario()
def driver_name(bus: Bus) -> None:
    """Questions about the driver's own name."""
    a = bus.connect("A")
    for member in ("NameHasOwner", "GetNameOwner", "ListQueuedOwners", "GetConnectionUnixUser",
                   "ReleaseName", "GetAdtAuditSessionData", "GetConnectionSELinuxSecurityContext"):
        a.driver(member, "s", [DRIVER])
    a.request_name(DRIVER)
    a.driver("StartServiceByName", "su", [DRIVER, 0])
    for member in ("GetConnectionUnixProcessID", "GetConnectionCredentials"):
        log_credentials(bus, a, member, DRIVER)


def log_credentials(bus: Bus, client: Client, member: str, name: str) -> None:
    """Ask for what the daemon knows of a process, with process ids by role."""
    reply = client.quiet(lambda: client.driver(member, "s", [name]))
    if reply is None or reply.type != wire.METHOD_RETURN:
        bus.log(f"{member} {reply and reply.show(True)}")
        return
    pids = {os.getpid(): "<client>", bus.daemon.pid: "<daemon>"}
    value = reply.body[0]
    if isinstance(value, int):
        bus.log(f"{member} {reply.sig} {pids.get(value, value)}")
        return
    for key, entry in value:
        shown = pids.get(entry.value, entry.value) if key == "ProcessID" else entry.value
        if key == "ProcessFD":
            shown = "<fd>"
        bus.log(f"{member} {reply.sig} {key} {entry.sig} {shown!r}")


@scenario()
def credentials(bus: Bus) -> None:
    """What the daemon knows of a client, by unique and by well-known name, in its order."""
    a, b = bus.connect("A"), bus.connect("B")
    b.request_name("com.example.Name")
    for name in (a.unique, b.unique, "com.example.Name", "com.example.Nobody", ":1.999", ""):
        for member in ("GetConnectionCredentials", "GetConnectionUnixProcessID",
                       "GetConnectionUnixUser", "GetAdtAuditSessionData",
                       "GetConnectionSELinuxSecurityContext"):
            log_credentials(bus, a, member, name)


@scenario(root=True)
def credentials_of_others(bus: Bus) -> None:
    """A client of another user, in groups."""
    a = bus.connect("A")
    b = bus.connect("B", uid=65534, gid=65534, groups=[65534, 7, 3, 100])
    c = bus.connect("C", uid=1, gid=5, groups=[])
    for name in (b.unique, c.unique):
        log_credentials(bus, a, "GetConnectionCredentials", name)
        a.driver("GetConnectionUnixUser", "s", [name])
    log_credentials(bus, b, "GetConnectionCredentials", a.unique)


@scenario(root=True)
def privileged_methods(bus: Bus) -> None:
    """What only the daemon's own user or root may do, tried by somebody else."""
    b = bus.connect("B", uid=65534)
    b.driver("ReloadConfig")
    b.driver("UpdateActivationEnvironment", "a{ss}", [{"A": "b"}])
    b.driver("BecomeMonitor", "asu", [[], 0], MONITORING)
    b.driver("GetAllMatchRules", interface=STATS)
    b.driver("SetEnvironment", "as", [["A=b"]], "org.freedesktop.systemd1.Manager")
    b.driver("ActivationFailure", "sss", ["a", "b", "c"], "org.freedesktop.systemd1.Activator")
    reply = b.quiet(lambda: b.driver("GetStats", interface=STATS))
    bus.log(f"GetStats {kind_of(reply)}")
    b.driver("GetId")


@scenario(None, root=True, params=["session", "system"])
def privileged_methods_by_uid(bus: Bus, bus_type: str) -> None:
    """The same, on a bus that is not root's: by its owner, by root, and by somebody else."""
    bus.directory.chmod(0o777)
    bus.start(config(extra="  <user>nobody</user>", bus_type=bus_type))
    for label, uid in (("R", 0), ("O", 65534), ("N", 1)):
        client = bus.connect(label, uid=uid)
        client.driver("UpdateActivationEnvironment", "a{ss}", [{"A": "b"}])
        client.driver("SetEnvironment", "as", [["A=b"]], "org.freedesktop.systemd1.Manager")
        client.driver("ActivationFailure", "sss", ["a", "b", "c"],
                      "org.freedesktop.systemd1.Activator")
        client.send(wire.signal("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Activator",
                                "ActivationFailure", "sss", ["a", "b", "c"], destination=DRIVER))
        for member, sig, body in (("GetStats", "", []),
                                  ("GetConnectionStats", "s", [client.unique])):
            reply = client.quiet(lambda m=member, s=sig, b=body: client.driver(
                m, s, b, interface=STATS))
            bus.log(f"{label}: {member} {kind_of(reply)}")
        client.driver("GetAllMatchRules", interface=STATS)
        client.driver("ReloadConfig")
        client.driver("BecomeMonitor", "asu", [["type='error'"], 0], MONITORING)
    bus.settle()
    bus.log_stderr_of("ActivationFailure")


@scenario()
def get_id(bus: Bus) -> None:
    """The bus id is stable, and not that of the address."""
    a, b = bus.connect("A"), bus.connect("B")
    first, second = a.driver("GetId"), b.driver("GetId")
    assert first and second
    bus.log(f"same for both: {first.body == second.body}, that of the address: "
            f"{first.body[0] == bus.daemon.guid}, length {len(first.body[0])}")


@scenario()
def environment(bus: Bus) -> None:
    """UpdateActivationEnvironment with all kinds of content."""
    a = bus.connect("A")
    for content in ({}, {"A": "b"}, {"": "x"}, {"A=B": "c"}, {"A": "b", "C": ""},
                    {"DBUS_STARTER_ADDRESS": "x"}):
        a.driver("UpdateActivationEnvironment", "a{ss}", [content])
    a.driver("UpdateActivationEnvironment", "a{ss}", [{"X": "y"}], path="/")
    a.driver("UpdateActivationEnvironment", "a{sv}", [{"X": Variant("s", "y")}])


@scenario()
def start_service(bus: Bus) -> None:
    """StartServiceByName of what runs and of what cannot."""
    a, b = bus.connect("A"), bus.connect("B")
    b.request_name("com.example.Running")
    for name in ("com.example.Running", "com.example.Missing", b.unique, ":1.999", DRIVER, "", "x",
                 "bad name"):
        for flags in (0, 1, 0xffffffff):
            a.driver("StartServiceByName", "su", [name, flags])


@scenario()
def stats(bus: Bus) -> None:
    """The statistics: which keys of which types, but for those of peer links."""
    a, b = bus.connect("A"), bus.connect("B")
    b.request_name("com.example.Name")
    b.add_match("type='signal'")
    calls: list[tuple[str, str, list[object]]] = [
        ("GetStats", "", []), ("GetConnectionStats", "s", [a.unique]),
        ("GetConnectionStats", "s", ["com.example.Name"])]
    for member, sig, body in calls:
        reply = a.quiet(lambda: a.driver(member, sig, body, STATS))
        if reply is None or reply.type != wire.METHOD_RETURN:
            bus.log(f"{member} {reply and reply.show(True)}")
            continue
        for key, value in sorted(reply.body[0]):
            if "PeerLink" not in key:
                bus.log(f"{member} {key} {value.sig}")
    for name in ("com.example.Nobody", DRIVER, "", "bad name"):
        a.driver("GetConnectionStats", "s", [name], STATS)


@scenario()
def stats_values(bus: Bus) -> None:
    """The numbers that follow from what clients did."""
    a, b, c = bus.connect("A"), bus.connect("B"), bus.connect("C")
    b.request_name("com.example.One")
    b.request_name("com.example.Two")
    c.request_name("com.example.Two")
    for rule in ("type='signal'", "type='signal'", "member='X'"):
        b.add_match(rule)
    b.remove_match("member='X'")
    bus.raw("R")
    bus.drop(c)
    exact = ("ActiveConnections", "IncompleteConnections", "MatchRules", "PeakMatchRules",
             "PeakMatchRulesPerConnection", "BusNames", "PeakBusNames", "PeakBusNamesPerConnection",
             "UniqueName")
    for member, sig, body in (("GetStats", "", []), ("GetConnectionStats", "s", [b.unique])):
        reply = a.quiet(lambda: a.driver(member, sig, body, STATS))
        for key, value in sorted(reply.body[0] if reply and len(reply.body) == 1 else []):
            if key in exact:
                bus.log(f"{member} {key} {value.value}")


@scenario()
def all_match_rules(bus: Bus) -> None:
    """GetAllMatchRules shows every rule in the daemon's own spelling."""
    a, b = bus.connect("A"), bus.connect("B")
    for rule in ("", "type='signal'", "interface='a.b',type='method_call',member='M'",
                 "arg3='x',arg0='y',path='/a'", "path_namespace='/a',sender='com.example.A'",
                 "arg0namespace='a.b'", "arg1path='/x/'", "eavesdrop='true',destination=':1.0'",
                 "eavesdrop='false'", r"arg0='it'\''s'", "arg0=plain,arg1=a\\b",
                 "type='signal'", "sender='org.freedesktop.DBus'"):
        b.add_match(rule)
    reply = a.quiet(lambda: a.driver("GetAllMatchRules", interface=STATS))
    if reply is None or reply.type != wire.METHOD_RETURN:
        bus.log(f"{reply and reply.show(True)}")
        return
    for name, rules in sorted(reply.body[0]):
        for rule in sorted(rules):
            bus.log(f"{name} {rule}")


@scenario()
def interface_in_wrong_message(bus: Bus) -> None:
    """The interface of systemd, spoken to and by everybody."""
    a = bus.connect("A")
    a.driver("ActivationFailure", "sss", ["com.example.X", "e", "t"],
             "org.freedesktop.systemd1.Activator")
    a.send(wire.signal("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Activator",
                       "ActivationFailure", "sss", ["com.example.X", "com.example.E", "t"], DRIVER))
    bus.settle()


@scenario()
def many_calls_at_once(bus: Bus) -> None:
    """A thousand calls in one write are answered in order."""
    a = bus.connect("A")
    data = b"".join(wire.call(DRIVER, DRIVER_PATH, DRIVER, "NameHasOwner", "s", [a.unique],
                              serial=a.next_serial()).encode() for _ in range(1000))
    a.send_raw(data)
    a.wait_reply(a.next_serial() - 1)
