# SPDX-License-Identifier: MIT
"""Match rules: which are accepted, which messages they select."""

from __future__ import annotations

import wire
from client import Client
from daemons import config
from fixture import Bus, scenario
from wire import DRIVER, Variant

# Rules that are not well formed, or only just are.
ODD_RULES = [
    "", " ", ",", ",,", "type", "type=", "type=''", "type='signal", "type=signal", "type=signal,",
    "type='signal',", "type='signal',,member='X'", " type='signal'", "type ='signal'",
    "type= 'signal'", "type='signal' ", "type='signal' ,member='X'", "type='signal', member='X'",
    "type='signal',type='signal'", "type='signal',type='error'", "member='X',member='X'",
    "type='Signal'", "type='SIGNAL'", "type='invalid'", "type='methodcall'", "type='method_call'",
    "type='method_return'", "type='error'", "type='5'", "Type='signal'", "nonsense='x'",
    "nonsense", "='x'", "'type'='signal'", "member='a.b'", "member=''", "member='1X'",
    "member='X Y'", "member='é'", "interface='a'", "interface='a.b'", "interface=''",
    "interface='a..b'", "interface='.a.b'", "interface='a.1'", "path='a'", "path='/'", "path=''",
    "path='/a/'", "path='//'", "path='/a b'", "path='/a',path_namespace='/a'",
    "path_namespace='/a',path='/b'", "path_namespace='/'", "path_namespace='/a/'",
    "path_namespace=''", "path_namespace='a'", "sender='a'", "sender='a.b'", "sender=':1.1'",
    "sender=':'", "sender=''", "sender='a..b'", "destination='a'", "destination='a.b'",
    "destination=':1.1'", "destination=''", "destination=':1.999'", "eavesdrop='true'",
    "eavesdrop='false'", "eavesdrop='yes'", "eavesdrop='True'", "eavesdrop=''",
    "eavesdrop='true',eavesdrop='false'", "arg='x'", "arg0='x'", "arg00='x'", "arg01='x'",
    "arg63='x'", "arg64='x'", "arg65='x'", "arg100='x'", "arg4294967296='x'",
    "arg99999999999999999999='x'", "arg-1='x'", "arg+1='x'", "arg 1='x'", "arg1x='x'", "argx='x'",
    "arg0=''", "arg0='x',arg0='x'", "arg0='x',arg00='x'", "arg0path='/x'", "arg0path=''",
    "arg0path='x'", "arg0path='/x',arg0='x'", "arg0='x',arg0path='/x'", "arg63path='/'",
    "arg64path='/'", "arg0Path='/'", "arg0pathx='/'", "arg0namespace='a.b'", "arg0namespace='a'",
    "arg0namespace='a.'", "arg0namespace=''", "arg0namespace='.a'", "arg0namespace=':1.1'",
    "arg0namespace='1.a'", "arg1namespace='a.b'", "arg00namespace='a'", "arg0namespacex='a'",
    "arg0namespace='a',arg0='a'", "arg0='a',arg0namespace='a'", "arg0='it'\\''s'", "arg0='a\\'b'",
    "arg0=\\'", "arg0='\\'", "arg0=''''", "arg0='a'b'c'", "arg0=a\\,b", "arg0='a,b'",
    "arg0='a=b'", "arg0=a=b", "arg0='a' 'b'", "arg0=\\\\", "arg0='\\\\'", "path='/a'b",
    "member=X", "member='X'Y", "member=X'Y'", "a='b',c='d'", "type='signal',arg0='",
    "type='signal'\n", "\ttype='signal'", "type='signal',\nmember='X'", "type=\"signal\"",
    "arg0='" + "x" * 1000 + "'", "arg0='" + "x" * 1017 + "'", "arg0='" + "x" * 1018 + "'",
    "arg0='" + "x" * 5000 + "'", "member='" + "x" * 255 + "'", "member='" + "x" * 256 + "'",
    "path='/" + "x" * 900 + "'", "argument='x'", "path_name='/a'", "pathnamespace='/a'",
    "sender='org.freedesktop.DBus'", "destination='org.freedesktop.DBus'",
    "interface='org.freedesktop.DBus.Local'", "path='/org/freedesktop/DBus/Local'",
    "container='x'", "unicast='true'", "error='a.b'", "log='true'",
]


@scenario()
def odd_rules(bus: Bus) -> None:
    """AddMatch, RemoveMatch and removing again, for every rule; then what is left."""
    a = bus.connect("A")
    for rule in ODD_RULES:
        a.add_match(rule)
    reply = a.quiet(lambda: a.driver("GetAllMatchRules",
                                     interface="org.freedesktop.DBus.Debug.Stats"))
    for _, rules in reply.body[0] if reply and reply.type == wire.METHOD_RETURN else []:
        for rule in sorted(rules):
            bus.log(rule)
    for rule in ODD_RULES:
        a.remove_match(rule)
        a.remove_match(rule)


EQUAL_RULES = [
    ("type='signal',member='X'", "member='X',type='signal'"),
    ("type='signal'", "type=signal"), ("type='signal'", "type='signal',eavesdrop='false'"),
    ("type='signal'", "type='signal',eavesdrop='true'"), ("arg0='x'", "arg00='x'"),
    ("arg0='x'", "arg0path='x'"), ("arg0='/a'", "arg0path='/a'"), ("arg0='a'", "arg0namespace='a'"),
    ("path='/a'", "path_namespace='/a'"), ("arg0='a'", "arg1='a'"), ("", "type='signal'"),
    ("sender='a.b'", "sender='a.c'"), ("sender='a.b'", "destination='a.b'"),
    ("arg0='a',arg1='b'", "arg1='b',arg0='a'"), ("arg0='a',arg1='b'", "arg0='a'"),
    ("interface='a.b'", "interface='a.b',path='/'"), ("arg0='it'\\''s'", "arg0=it\\'s"),
]


@scenario()
def equal_rules(bus: Bus) -> None:
    """A rule is removed by any spelling of an equal one."""
    a = bus.connect("A")
    for first, second in EQUAL_RULES:
        for added, removed in ((first, second), (second, first)):
            a.add_match(added)
            a.remove_match(removed)
            a.remove_match(added)


@scenario()
def same_rule_twice(bus: Bus) -> None:
    """A rule added twice delivers once and is to be removed twice."""
    a, b = bus.connect("A"), bus.connect("B")
    rule = "type='signal',interface='com.example.X'"
    a.add_match(rule)
    a.add_match(rule)
    for _ in range(4):
        b.send(wire.signal("/x", "com.example.X", "Sig"))
        bus.settle()
        a.remove_match(rule)


@scenario()
def others_rules(bus: Bus) -> None:
    """Nobody removes another's rule, and rules end with their owner."""
    a, b = bus.connect("A"), bus.connect("B")
    rule = "type='signal',interface='com.example.X'"
    a.add_match(rule)
    b.remove_match(rule)
    b.send(wire.signal("/x", "com.example.X", "Sig"))
    bus.settle()
    bus.drop(a)
    b.send(wire.signal("/x", "com.example.X", "Sig"))
    bus.settle()


@scenario()
def delivered_once(bus: Bus) -> None:
    """However many rules match, whoever has them; the sender may be one of them."""
    a, b = bus.connect("A"), bus.connect("B")
    for client in (a, b):
        for rule in ("", "type='signal'", "member='Sig'", "path='/x'", "path_namespace='/'",
                     f"sender='{b.unique}'", "arg0='v'", "interface='com.example.X'"):
            client.add_match(rule)
    b.send(wire.signal("/x", "com.example.X", "Sig", "s", ["v"]))
    bus.settle()
    b.send(wire.signal("/x", "com.example.X", "Sig", "s", ["v"], a.unique))
    bus.settle()
    b.send(wire.signal("/x", "com.example.X", "Sig", "s", ["v"], b.unique))
    bus.settle()


# One rule each; every message is tried against all of them.
SELECTING = [
    "", "type='signal'", "type='method_call'", "type='error'", "type='method_return'",
    "interface='com.example.X'", "interface='com.example.Y'", "member='Sig'", "member='Other'",
    "path='/x/y'", "path='/x'", "path='/'", "path_namespace='/x'", "path_namespace='/x/y'",
    "path_namespace='/x/y/z'", "path_namespace='/'", "path_namespace='/xx'", "arg0='v'", "arg0=''",
    "arg1='v'", "arg63='v'", "arg0='v',arg1='w'", "arg0path='/a/'", "arg0path='/a'",
    "arg0path='/a/b'", "arg0path='/'", "arg0path='a'", "arg1path='/a/'", "arg0namespace='a.b'",
    "arg0namespace='a'", "arg0namespace='com.example'", "sender=':1.0'", "sender='com.example.S'",
    "sender='com.example.T'", "sender='org.freedesktop.DBus'", "destination=':1.0'",
    "destination='com.example.S'", "destination=':1.1'", "eavesdrop='true'",
    "type='signal',interface='com.example.X',member='Sig',path='/x/y',arg0='v'",
    "type='signal',interface='com.example.X',member='Sig',path='/x/y',arg0='w'",
]


def try_rules(bus: Bus, messages: list[wire.Message]) -> None:
    """Write down which of the rules select which of the messages.

    Every rule gets a client of its own. The first client sends; it owns com.example.S, and is
    queued for com.example.T.
    """
    sender = bus.connect("S")
    owner = bus.connect("T")
    sender.request_name("com.example.S")
    owner.request_name("com.example.T")
    sender.request_name("com.example.T")
    listeners = []
    for number, rule in enumerate(SELECTING):
        listener = bus.connect(f"L{number}")
        listener.quiet(lambda l=listener, r=rule: l.add_match(r))
        listeners.append((rule, listener))
    bus.settle()
    for message in messages:
        sender.send(message)
        for rule, listener in listeners:
            listener.sync()
            got = [m for m in listener.take_pending() if m.sender == sender.unique]
            if got:
                bus.log(f"selected {len(got)} times by {rule}")
    bus.settle()


def sig(body_sig: str = "", body: tuple[object, ...] = (), path: str = "/x/y",
        interface: str = "com.example.X", member: str = "Sig",
        destination: str | None = None) -> wire.Message:
    """A signal with the usual values."""
    return wire.signal(path, interface, member, body_sig, body, destination)


@scenario()
def selecting_by_header(bus: Bus) -> None:
    """Paths, interfaces and members."""
    try_rules(bus, [sig(), sig(path="/x"), sig(path="/"), sig(path="/x/y/z"), sig(path="/xx"),
                    sig(path="/x_y"), sig(interface="com.example.Y"), sig(member="Other"),
                    sig(member="sig"), sig(path="/x/yy")])


@scenario()
def selecting_by_arguments(bus: Bus) -> None:
    """Arguments of all types; only strings and (for paths) object paths count."""
    try_rules(bus, [
        sig("s", ("v",)), sig("s", ("",)), sig("s", ("V",)), sig("o", ("/a",)), sig("g", ("v",)),
        sig("v", (Variant("s", "v"),)), sig("as", (["v"],)), sig("(s)", (("v",),)),
        sig("us", (1, "v")), sig("ss", ("v", "w")), sig("ss", ("v", "v")), sig("s", ("/a",)),
        sig("s", ("/a/",)), sig("s", ("/a/b",)), sig("s", ("/a/b/",)), sig("s", ("/a/bc",)),
        sig("s", ("/",)), sig("s", ("/ab",)), sig("o", ("/a/b",)), sig("o", ("/",)),
        sig("o", ("/a/b/c",)), sig("s", ("a",)), sig("so", ("x", "/a/b")), sig("s", ("a/",)),
        sig("s", ("a.b",)), sig("s", ("a.b.c",)), sig("s", ("a.bc",)), sig("s", ("a",)),
        sig("o", ("/a/b",)), sig("s", ("com.example.Z",)), sig("s", ("com.example",)),
        sig("s" * 64, ("v",) * 64), sig("s" * 63, ("v",) * 63), sig("s" * 70, ("v",) * 70),
        sig("ayss", (b"v", "v", "v")),
    ])


@scenario()
def selecting_by_arguments_swapped(bus: Bus) -> None:
    """The same in the other byte order."""
    messages = [sig("s", ("v",)), sig("us", (1, "v")), sig("o", ("/a/b",)),
                sig("ddsx", (1.5, 2.5, "v", 7)), sig("ss", ("v", "w"))]
    for message in messages:
        message.order = ">"
    try_rules(bus, messages)


@scenario()
def selecting_unicast(bus: Bus) -> None:
    """Signals and calls with a destination are nobody else's, but for eavesdroppers."""
    try_rules(bus, [
        sig(destination=":1.1"), sig(destination="com.example.T"), sig(destination=":1.0"),
        wire.call(":1.1", "/x/y", "com.example.X", "Sig", "s", ["v"]),
        wire.call("com.example.T", "/x/y", None, "Sig"),
        wire.call(":1.0", "/x/y", "com.example.X", "Sig"),
        wire.call("com.example.Missing", "/x/y", "com.example.X", "Sig"),
        wire.call(DRIVER, "/x/y", "com.example.X", "Sig"),
    ])


@scenario()
def eavesdropping(bus: Bus) -> None:
    """A rule with eavesdrop sees calls, their replies, errors and unicast signals of others."""
    e, a, b = bus.connect("E"), bus.connect("A"), bus.connect("B")
    for rule in ("eavesdrop='true',interface='com.example.X'",
                 "type='method_return',eavesdrop='true'", "type='error',eavesdrop='true'"):
        e.add_match(rule)
    b.request_name("com.example.B")
    serial = a.send(wire.call("com.example.B", "/x", "com.example.X", "One"))
    bus.settle()
    b.send(wire.method_return(a.unique, serial, "s", ["answer"]))
    bus.settle()
    serial = a.send(wire.call(b.unique, "/x", "com.example.X", "Two"))
    bus.settle()
    b.send(wire.error(a.unique, serial, "com.example.Error", "s", ["text"]))
    b.send(wire.signal("/x", "com.example.X", "Sig", destination=a.unique))
    b.send(wire.signal("/x", "com.example.X", "Sig"))
    bus.settle()
    a.send(wire.call("com.example.Missing", "/x", "com.example.X", "Three"))
    bus.settle()


@scenario()
def eavesdropping_the_driver(bus: Bus) -> None:
    """What clients ask the driver, and what it tells them."""
    e, a = bus.connect("E"), bus.connect("A")
    e.add_match("eavesdrop='true',destination='org.freedesktop.DBus',member='RequestName'")
    e.add_match("eavesdrop='true',destination='org.freedesktop.DBus',member='Nonsense'")
    e.add_match("eavesdrop='true',sender='org.freedesktop.DBus',member='NameAcquired'")
    e.add_match("eavesdrop='true',sender='org.freedesktop.DBus',type='error'")
    e.add_match("eavesdrop='true',sender='org.freedesktop.DBus',arg0='com.example.A'")
    a.request_name("com.example.A")
    a.driver("Nonsense")
    bus.settle()


@scenario()
def destination_key(bus: Bus) -> None:
    """Rules about the destination, with and without eavesdrop."""
    e, a, b = bus.connect("E"), bus.connect("A"), bus.connect("B")
    b.request_name("com.example.B")
    for rule in (f"destination='{b.unique}',member='One'",
                 f"destination='{b.unique}',member='Two',eavesdrop='true'",
                 "destination='com.example.B',member='Three',eavesdrop='true'",
                 "destination='com.example.C',member='Four',eavesdrop='true'"):
        e.add_match(rule)
    for member in ("One", "Two", "Three", "Four"):
        for destination in (b.unique, "com.example.B"):
            a.send(wire.call(destination, "/x", "com.example.X", member))
        a.send(wire.signal("/x", "com.example.X", member, destination=b.unique))
        a.send(wire.signal("/x", "com.example.X", member))
    bus.settle()


@scenario()
def sender_moves(bus: Bus) -> None:
    """A rule names a well-known name, which goes from owner to owner."""
    w, a, b = bus.connect("W"), bus.connect("A"), bus.connect("B")
    w.add_match("type='signal',sender='com.example.S'")

    def both(note: str) -> None:
        bus.log(note)
        for client in (a, b):
            client.send(wire.signal("/x", "com.example.X", client.label))
        bus.settle()

    both("nobody owns it")
    a.request_name("com.example.S", 1)
    both("A owns it")
    b.request_name("com.example.S")
    both("A owns it, B waits")
    a.release_name("com.example.S")
    both("B owns it")
    b.release_name("com.example.S")
    both("nobody owns it again")


@scenario()
def sender_in_queue(bus: Bus) -> None:
    """Whoever waits for the name is not its owner."""
    w, a, b = bus.connect("W"), bus.connect("A"), bus.connect("B")
    w.add_match("sender='com.example.S',type='signal'")
    w.add_match(f"sender='{a.unique}',member='ByUnique'")
    a.request_name("com.example.S")
    b.request_name("com.example.S")
    for client in (a, b):
        client.send(wire.signal("/x", "com.example.X", "ByUnique"))
        client.send(wire.signal("/x", "com.example.X", "ByName"))
    bus.settle()


@scenario()
def driver_as_sender(bus: Bus) -> None:
    """Signals of the driver by its name, and nobody else's by that."""
    w, a = bus.connect("W"), bus.connect("A")
    w.add_match(f"sender='{DRIVER}'")
    a.request_name("com.example.A")
    a.send(wire.signal("/org/freedesktop/DBus", DRIVER, "NameOwnerChanged", "sss", ["a", "b", "c"]))
    bus.settle()


@scenario()
def unicast_signals(bus: Bus) -> None:
    """A signal with a destination needs no rule, and rules of others do not get it."""
    a, b, c = bus.connect("A"), bus.connect("B"), bus.connect("C")
    c.add_match("type='signal'")
    b.request_name("com.example.B")
    a.send(wire.signal("/x", "com.example.X", "Sig", "s", ["one"], b.unique))
    a.send(wire.signal("/x", "com.example.X", "Sig", "s", ["two"], "com.example.B"))
    a.send(wire.signal("/x", "com.example.X", "Sig", "s", ["three"], "com.example.Missing"))
    a.send(wire.signal("/x", "com.example.X", "Sig", "s", ["four"], ":1.999"))
    bus.settle()


@scenario()
def calls_are_not_broadcast(bus: Bus) -> None:
    """A call, return or error without destination is not for whoever has a rule for it."""
    a, b = bus.connect("A"), bus.connect("B")
    b.add_match("type='method_call'")
    b.add_match("type='method_return'")
    b.add_match("type='error'")
    b.add_match("")
    a.send(wire.call(None, "/x", "com.example.X", "Call"))
    a.send(wire.method_return(None, 7))
    a.send(wire.error(None, 7, "com.example.Error"))
    bus.settle()


@scenario(config(limits={"max_match_rules_per_connection": 3}))
def limit(bus: Bus) -> None:
    """max_match_rules_per_connection; equal rules count, removed ones do not."""
    a = bus.connect("A")
    for number in range(5):
        a.add_match(f"arg0='{number}'")
    a.add_match("bad rule")
    a.remove_match("arg0='1'")
    a.add_match("arg0='0'")
    a.add_match("arg0='0'")


@scenario()
def rules_by_path(bus: Bus) -> None:
    """AddMatch is served on other paths, or not."""
    a = bus.connect("A")
    for path in ("/", "/org/freedesktop", "/x"):
        a.driver("AddMatch", "s", ["member='X'"], path=path)
        a.driver("RemoveMatch", "s", ["member='X'"], path=path)


@scenario()
def order_of_delivery(bus: Bus) -> None:
    """Signals, replies and calls reach one client in the order in which they were sent."""
    a, b = bus.connect("A"), bus.connect("B")
    a.add_match("type='signal'")
    data = b""
    for number in range(50):
        data += wire.signal("/x", "com.example.X", f"Sig{number}",
                            serial=b.next_serial()).encode()
        data += wire.call(a.unique, "/x", "com.example.X", f"Call{number}", flags=1,
                          serial=b.next_serial()).encode()
    b.send_raw(data)
    bus.settle()


@scenario()
def signal_before_rule(bus: Bus) -> None:
    """A rule counts from its reply on, not for what was sent before."""
    a, b = bus.connect("A"), bus.connect("B")
    b.send(wire.signal("/x", "com.example.X", "Before"))
    a.add_match("type='signal'")
    b.send(wire.signal("/x", "com.example.X", "Between"))
    a.remove_match("type='signal'")
    b.send(wire.signal("/x", "com.example.X", "After"))
    bus.settle()


def listen(bus: Bus, label: str, rule: str) -> Client:
    """A client with one rule."""
    client = bus.connect(label)
    client.add_match(rule)
    return client


@scenario(config(limits={"max_match_rules_per_connection": 4}),
          params=[f"{who}, {how}" for who in ("has no rule", "has a rule", "had a rule")
                  for how in ("goes", "becomes a monitor", "goes as a monitor")])
def about_who_is_gone(bus: Bus, case: str) -> None:
    """Rules that nothing can match any more, as nobody will have that name again."""
    who, _, how = case.partition(", ")
    a, b = bus.connect("A"), bus.connect("B")
    name = b.unique
    if who != "has no rule":
        b.add_match("type='error'")
    if who == "had a rule":
        b.remove_match("type='error'")
    rules = [f"sender='{name}'", f"destination='{name}',eavesdrop='true'",
             f"arg0='{name}'", f"sender='{name}',destination='com.example.A'"]
    if how == "goes as a monitor":
        b.become_monitor(["type='error'"])
    for rule in rules:
        a.add_match(rule)
    if how == "becomes a monitor":
        b.become_monitor(["type='error'"])
    else:
        bus.drop(b)
    a.add_match("member='OneMore'")
    for rule in rules:
        a.remove_match(rule)


@scenario()
def name_owner_changed_by_unique_name(bus: Bus) -> None:
    """Waiting for one client to leave, as services do."""
    a = bus.connect("A")
    w = listen(bus, "W", f"type='signal',sender='{DRIVER}',interface='{DRIVER}',"
                         f"member='NameOwnerChanged',arg0='{a.unique}'")
    listen(bus, "V", "type='signal',member='NameOwnerChanged',arg2=''")
    bus.drop(a, witness=w)
    bus.settle()


@scenario(root=True)
def eavesdropping_unprivileged(bus: Bus) -> None:
    """A user who is neither root nor the daemon's asks to eavesdrop."""
    e, a, b = bus.connect("E", uid=65534), bus.connect("A"), bus.connect("B", uid=65534)
    for rule in ("eavesdrop='true'", "type='signal',eavesdrop='true'", "eavesdrop='false'"):
        e.add_match(rule)
    for client, other in ((a, b), (b, a)):
        client.send(wire.call(other.unique, "/x", "com.example.X", "Call", flags=wire.NO_REPLY))
        client.send(wire.signal("/x", "com.example.X", "Unicast", destination=other.unique))
        client.send(wire.signal("/x", "com.example.X", "Broadcast"))
    bus.settle()
    for rule in ("eavesdrop='true'", "type='signal',eavesdrop='true'", "eavesdrop='false'"):
        e.remove_match(rule)
