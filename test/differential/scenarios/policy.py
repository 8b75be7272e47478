# SPDX-License-Identifier: MIT
"""Security policy: each attribute of a rule, the order of rules and the texts of denials."""

from __future__ import annotations

import wire
from client import Client
from daemons import OPEN_RULES, SYSTEM_RULES, config, default_policy
from fixture import Bus, scenario
from wire import DRIVER, DRIVER_PATH

X = "com.example.X"
Y = "com.example.Y"

def policy(rules: str, rest: str = "", base: str = OPEN_RULES) -> str:
    """A configuration whose default policy has these rules after those which allow everything."""
    return config(policy=default_policy(rules, base) + rest)


def everything(bus: Bus) -> None:
    """Many kinds of messages between two clients; a third listens to broadcasts.

    B owns com.example.B and com.example.B.Sub and waits for com.example.Q, which C owns.
    """
    a, b, c = bus.connect("A"), bus.connect("B"), bus.connect("C")
    c.request_name("com.example.Q")
    for name in ("com.example.B", "com.example.B.Sub", "com.example.Q"):
        b.request_name(name)
    c.add_match("type='signal'")
    bus.settle()
    for destination in (b.unique, "com.example.B", "com.example.B.Sub", "com.example.Q"):
        for interface in (X, Y, None):
            a.send(wire.call(destination, "/x", interface, "One", flags=wire.NO_REPLY))
        a.send(wire.call(destination, "/y", X, "Two", flags=wire.NO_REPLY))
        bus.settle()
    serial = a.send(wire.call(b.unique, "/x", X, "Asked"))
    bus.settle()
    b.send(wire.method_return(a.unique, serial))
    b.send(wire.method_return(a.unique, serial))
    serial = a.send(wire.call(b.unique, "/x", X, "Asked"))
    bus.settle()
    b.send(wire.error(a.unique, serial, "com.example.Error.One", "s", ["text"]))
    b.send(wire.error(a.unique, serial, "com.example.Error.Two", "s", ["text"]))
    bus.settle()
    for destination in (None, b.unique):
        for path, interface, member in (("/x", X, "One"), ("/y", X, "One"), ("/x", Y, "One"),
                                        ("/x", X, "Two")):
            a.send(wire.signal(path, interface, member, destination=destination))
    bus.settle()
    a.driver("GetId")
    a.driver("Frobnicate", interface=X, path="/x")
    a.request_name("com.example.A")
    bus.settle()


# Behind rules which would keep the driver itself from being heard.
HEAR = ('<allow receive_sender="org.freedesktop.DBus" receive_requested_reply="false" '
        'eavesdrop="true"/>')

RULES = {
    "nothing denied": "",
    "send interface": '<deny send_interface="com.example.X"/>',
    "send interface any": '<deny send_interface="*" send_destination="com.example.B"/>',
    "send member": '<deny send_interface="com.example.X" send_member="One"/>',
    "send member any": '<deny send_interface="com.example.X" send_member="*"/>',
    "send member by path": '<deny send_path="/x" send_member="One"/>',
    "send path": '<deny send_path="/y"/>',
    "send path any": '<deny send_path="*" send_destination="com.example.B"/>',
    "send error": '<deny send_error="com.example.Error.One"/>',
    "send error requested": '<deny send_error="com.example.Error.One" '
                            'send_requested_reply="true"/>',
    "send error any": '<deny send_error="*" send_requested_reply="true"/>',
    "send destination": '<deny send_destination="com.example.B"/>',
    "send destination queued": '<deny send_destination="com.example.Q"/>',
    "send destination none": '<deny send_destination="com.example.Nobody"/>',
    "send destination prefix": '<deny send_destination_prefix="com.example.B"/>',
    "send destination prefix half": '<deny send_destination_prefix="com.exam"/>',
    "send destination prefix queued": '<deny send_destination_prefix="com.example.Q"/>',
    "send destination prefix short": '<deny send_destination_prefix="com"/>',
    "send type call": '<deny send_type="method_call" send_destination="com.example.B"/>',
    "send type return": '<deny send_type="method_return"/>',
    "send type return requested": '<deny send_type="method_return" send_requested_reply="true"/>',
    "send type signal": '<deny send_type="signal"/>',
    "send type error": '<deny send_type="error"/>',
    "send type any": '<deny send_type="*" send_interface="com.example.Y"/>',
    "send broadcast": '<deny send_broadcast="true"/>',
    "send no broadcast": '<deny send_broadcast="false" send_interface="com.example.X"/>',
    "send broadcast interface": '<deny send_broadcast="true" send_interface="com.example.X"/>',
    "send broadcast type call": '<deny send_broadcast="true" send_type="method_call"/>',
    "send to the driver": '<deny send_destination="org.freedesktop.DBus"/>',
    "send to the driver member": '<deny send_destination="org.freedesktop.DBus" '
                                 'send_interface="org.freedesktop.DBus" send_member="GetId"/>',
    "send eavesdrop": '<deny send_interface="com.example.X" eavesdrop="true"/>',
    "send eavesdrop not": '<deny send_interface="com.example.X" eavesdrop="false"/>',
    "send requested": '<deny send_requested_reply="true" send_type="method_return"/>',
    "send unrequested": '<deny send_requested_reply="false" send_type="method_return"/>',
    "send all then some": '<deny send_destination="*"/><allow send_interface="com.example.X"/>'
                          '<allow send_destination="org.freedesktop.DBus"/>',
    "send some then all": '<deny send_interface="com.example.X"/><allow send_destination="*"/>',
    "send back and forth": '<deny send_interface="com.example.X"/>'
                           '<allow send_interface="com.example.X" send_member="One"/>'
                           '<deny send_interface="com.example.X" send_member="One" '
                           'send_destination="com.example.B"/>',
    "receive interface": '<deny receive_interface="com.example.X"/>',
    "receive member": '<deny receive_interface="com.example.X" receive_member="One"/>',
    "receive path": '<deny receive_path="/x"/>',
    "receive path any": '<deny receive_path="*"/>' + HEAR,
    "receive error": '<deny receive_error="com.example.Error.One"/>' + HEAR,
    "receive error requested": '<deny receive_error="com.example.Error.One" '
                               'receive_requested_reply="true"/>' + HEAR,
    "receive sender": '<deny receive_sender="com.example.B"/>',
    "receive sender requested": '<deny receive_sender="com.example.B" '
                                'receive_requested_reply="true"/>',
    "receive sender driver": '<deny receive_sender="org.freedesktop.DBus" '
                             'receive_member="NameOwnerChanged" '
                             'receive_interface="org.freedesktop.DBus"/>',
    "receive sender any": '<deny receive_sender="*" receive_interface="com.example.Y"/>',
    "receive type call": '<deny receive_type="method_call"/>',
    "receive type return": '<deny receive_type="method_return" receive_requested_reply="true" '
                           'receive_sender="com.example.B"/>',
    "receive type signal": '<deny receive_type="signal"/>' + HEAR,
    "receive type error": '<deny receive_type="error" receive_sender="com.example.B"/>',
    "receive eavesdrop": '<deny receive_interface="com.example.X" eavesdrop="true"/>',
    "receive unrequested": '<deny receive_requested_reply="false"/>' + HEAR,
    "bare eavesdrop": '<deny eavesdrop="true"/>' + HEAR,
    "bare eavesdrop false": '<deny eavesdrop="false"/>' + HEAR,
    "own": '<deny own="com.example.B"/>',
    "own any": '<deny own="*"/>',
    "own prefix": '<deny own_prefix="com.example.B"/>',
    "own prefix then one": '<deny own_prefix="com.example"/><allow own="com.example.B.Sub"/>',
    "own prefix half": '<deny own_prefix="com.exa"/>',
    "own several": '<deny own="*"/><allow own_prefix="com.example.B"/><deny own="com.example.B"/>',
}


@scenario(None, params=RULES)
def rule(bus: Bus, rules: str) -> None:
    """One or a few rules against everything."""
    bus.start(policy(rules))
    everything(bus)


ALONE = {
    "only hear": '<allow user="*"/>' + HEAR,
    "only own": '<allow user="*"/><allow own="*"/>' + HEAR,
    "only send": '<allow user="*"/><allow send_destination="*"/>' + HEAR,
    "only receive": '<allow user="*"/><allow receive_sender="*"/>',
    "send and receive": '<allow user="*"/><allow send_destination="*"/>'
                        '<allow receive_sender="*"/><allow own="*"/>',
    "send and bare eavesdrop": '<allow send_destination="*"/><allow eavesdrop="true"/>',
    "system like": '<allow user="*"/><deny own="*"/><deny send_type="method_call"/>'
                   + SYSTEM_RULES +
                   '<allow send_destination="org.freedesktop.DBus"/><allow own="com.example.B"/>'
                   '<allow send_destination="com.example.B"/>',
}


@scenario(None, params=ALONE)
def only(bus: Bus, rules: str) -> None:
    """Nothing but these rules: what is allowed when no rule matches."""
    bus.start(policy(rules, base=""))
    client = bus.connect("P", hello=False)
    client.hello(quiet=False)
    if client.unique:
        client.sync()
        client.drain()
        everything(bus)


MUTE = {
    "empty": "", "user": '<allow user="*"/>', "own": '<allow user="*"/><allow own="*"/>',
    "send": '<allow user="*"/><allow send_destination="*"/>',
    "receive error": OPEN_RULES + '<deny receive_error="com.example.Error"/>',
    "receive error requested": OPEN_RULES + '<deny receive_error="com.example.Error" '
                                      'receive_requested_reply="true"/>',
    "receive type signal": OPEN_RULES + '<deny receive_type="signal"/>',
    "receive unrequested": OPEN_RULES + '<deny receive_requested_reply="false"/>',
    "receive requested": OPEN_RULES + '<deny receive_requested_reply="true"/>',
    "bare eavesdrop": OPEN_RULES + '<deny eavesdrop="true"/>',
    "bare eavesdrop false": OPEN_RULES + '<deny eavesdrop="false"/>',
    "receive member": OPEN_RULES + '<deny receive_sender="org.freedesktop.DBus" receive_path="/x" '
                             'receive_member="NameAcquired"/>',
    "receive path": OPEN_RULES + '<deny receive_path="/x"/>',
    "receive interface": OPEN_RULES + '<deny receive_interface="com.example.X"/>',
    "receive any path": OPEN_RULES + '<deny receive_path="*"/>',
    "receive without fds": OPEN_RULES + '<deny receive_sender="*" max_fds="0"/>',
    "receive with fds": OPEN_RULES + '<deny receive_sender="*" min_fds="1"/>',
    "send no eavesdrop": '<allow user="*"/><allow send_destination="*"/>'
                         '<allow receive_sender="*"/>',
    "receive without requested": '<allow user="*"/><allow send_destination="*"/>'
                                 '<allow receive_type="method_return"/>',
}
TRUST_ROOT = """
  <policy user="root">
    <allow send_destination="*" send_requested_reply="false"/>
    <allow receive_sender="*" receive_requested_reply="false" eavesdrop="true"/>
  </policy>"""


@scenario(None, params=MUTE, root=True)
def heard_of_the_driver(bus: Bus, rules: str) -> None:
    """What of Hello and a second call reaches a client which may hear little."""
    bus.start(policy(rules, TRUST_ROOT, base=""))
    root = bus.connect("R")
    a = bus.connect("A", hello=False, uid=65534)
    for member in ("Hello", "GetId", "Frobnicate"):
        a.send(wire.call(DRIVER, DRIVER_PATH, DRIVER, member))
        for _ in range(3):
            root.sync()
    a.shut_down()
    root.driver_sorted("ListNames")


@scenario(policy('<deny own="*"/><allow own="com.example.B"/>'))
def own_texts(bus: Bus) -> None:
    """RequestName denied, and what else can be wrong with the name first."""
    a = bus.connect("A")
    for name in ("com.example.B", "com.example.C", ":1.5", DRIVER, "bad name", "", a.unique):
        a.request_name(name)
    a.release_name("com.example.C")


@scenario(policy('<deny send_interface="com.example.X"/><deny receive_interface="com.example.Y"/>'))
def denial_texts(bus: Bus) -> None:
    """Every field of the text of AccessDenied."""
    a, b = bus.connect("A"), bus.connect("B")
    b.request_name("com.example.B")
    for interface in (X, Y):
        for destination in (b.unique, "com.example.B", "com.example.Missing", DRIVER, a.unique):
            a.send(wire.call(destination, "/x", interface, "Call", "s", ["text"]))
            a.send(wire.signal("/x", interface, "Sig", destination=destination))
            a.send(wire.error(destination, 77, "com.example.Error"))
            bus.settle()
        a.send(wire.signal("/x", interface, "Sig"))
        a.send(wire.call(None, "/x", interface, "Call"))
        a.send(wire.call(b.unique, "/x", interface, "Call", flags=wire.NO_REPLY))
        bus.settle()


@scenario(policy('<deny send_interface="com.example.X" log="true"/>'
                 '<deny own="com.example.Logged" log="true"/>'
                 '<allow send_interface="com.example.Y" log="true"/>'))
def logged(bus: Bus) -> None:
    """log="true": what stands in the log."""
    a, b = bus.connect("A"), bus.connect("B")
    a.send(wire.call(b.unique, "/x", X, "Call"))
    a.send(wire.call(b.unique, "/x", Y, "Call"))
    a.send(wire.signal("/x", X, "Sig"))
    a.request_name("com.example.Logged")
    bus.settle()
    bus.log_stderr()


@scenario(policy('<deny send_destination="*" min_fds="1"/>'))
def send_min_fds(bus: Bus) -> None:
    """Messages with fds are denied."""
    fds(bus)


@scenario(policy('<deny send_destination="*"/><allow send_destination="*" max_fds="1"/>'))
def send_max_fds(bus: Bus) -> None:
    """At most one fd."""
    fds(bus)


@scenario(policy('<deny receive_interface="*" min_fds="2"/>' + HEAR))
def receive_min_fds(bus: Bus) -> None:
    """Nobody receives two."""
    fds(bus)


@scenario(policy('<deny send_interface="com.example.X" min_fds="1" max_fds="1"/>'))
def exactly_one_fd(bus: Bus) -> None:
    """Both bounds."""
    fds(bus)


@scenario(policy('<deny receive_interface="com.example.X" max_fds="0"/>'))
def receive_max_fds(bus: Bus) -> None:
    """Only messages with fds are received."""
    fds(bus)


def fds(bus: Bus) -> None:
    """Calls and signals with none to three fds."""
    a, b = bus.connect("A"), bus.connect("B")
    b.add_match("type='signal'")
    for count in range(4):
        sig, body = "h" * count, list(range(count))
        a.send(wire.call(b.unique, "/x", X, "Call", sig, body, fds=[0] * count))
        a.send(wire.signal("/x", X, "Sig", sig, body, fds=[0] * count))
        bus.settle()


def users_say(bus: Bus, who: list[Client]) -> None:
    """Each of the clients tries the same few things."""
    for client in who:
        client.request_name(f"com.example.{client.label}")
        client.driver("GetId")
        client.send(wire.signal("/x", X, "Sig"))
        client.send(wire.call(who[0].unique, "/x", X, "Call", flags=wire.NO_REPLY))
        client.send(wire.call(who[0].unique, "/x", Y, "Call", flags=wire.NO_REPLY))
    bus.settle()


USERS = {
    "user policy": '<policy user="nobody"><deny send_interface="com.example.X"/>'
                   '<deny own="com.example.N"/></policy>',
    "user by number": '<policy user="65534"><deny send_interface="com.example.X"/></policy>',
    "root policy": '<policy user="root"><deny send_interface="com.example.X"/></policy>',
    "group policy": '<policy group="games"><deny send_interface="com.example.X"/></policy>',
    "group by number": '<policy group="60"><deny send_interface="com.example.X"/></policy>',
    "user after group": '<policy user="nobody"><allow send_interface="com.example.X"/></policy>'
                        '<policy group="games"><deny send_interface="com.example.X"/></policy>',
    "mandatory last": '<policy context="mandatory"><deny send_interface="com.example.X"/></policy>'
                      '<policy user="nobody"><allow send_interface="com.example.X"/></policy>',
    "two of one user": '<policy user="nobody"><deny send_interface="com.example.X"/></policy>'
                       '<policy user="nobody"><allow send_interface="com.example.X"/></policy>',
    "default after user": '<policy user="nobody"><allow send_interface="com.example.X"/></policy>'
                          '<policy context="default"><deny send_interface="com.example.X"/>'
                          '</policy>',
    "two groups": '<policy group="games"><deny send_interface="com.example.X"/></policy>'
                  '<policy group="users"><allow send_interface="com.example.X"/></policy>',
    "unknown user": '<policy user="no-such-user"><deny send_interface="com.example.X"/></policy>',
    "unknown group": '<policy group="no-such-group"><deny send_interface="com.example.X"/>'
                     '</policy>',
    "at console": '<policy at_console="true"><deny send_interface="com.example.X"/></policy>',
    "not at console": '<policy at_console="false"><deny send_interface="com.example.X"/></policy>',
    "user any": '<policy user="*"><deny send_interface="com.example.X"/></policy>',
    "group any": '<policy group="*"><deny send_interface="com.example.X"/></policy>',
    "denied user": '<policy context="mandatory"><deny user="nobody"/></policy>',
    "denied group": '<policy context="mandatory"><deny group="games"/></policy>',
    "denied all but root": '<policy context="mandatory"><deny user="*"/><allow user="root"/>'
                           '</policy>',
    "denied user default": '<policy context="default"><deny user="nobody"/></policy>',
    "allowed again": '<policy context="mandatory"><deny user="*"/><allow group="games"/>'
                     '<allow user="root"/></policy>',
    "denied by number": '<policy context="mandatory"><deny user="65534"/></policy>',
}


@scenario(None, params=USERS, root=True)
def users(bus: Bus, rest: str) -> None:
    """Policies for users and groups, and who may connect."""
    bus.start(policy("", rest))
    who = [bus.connect("R"), bus.connect("N", uid=65534),
           bus.connect("G", uid=65534, gid=60, groups=[60, 100]),
           bus.connect("D", uid=1, gid=1, groups=[1])]
    users_say(bus, [client for client in who if client.unique])


@scenario(None, root=True, params={
    "no user rule": policy("", base='<allow send_destination="*"/><allow receive_sender="*"/>'),
    "user star": policy("", base='<allow user="*"/><allow send_destination="*"/>'
                                 '<allow receive_sender="*"/>'),
    "group star": policy("", base='<allow group="*"/><allow send_destination="*"/>'
                                  '<allow receive_sender="*"/>'),
    "deny root": policy("", base='<deny user="root"/><allow send_destination="*"/>'
                                 '<allow receive_sender="*"/>'),
    "deny all": policy("", base='<deny user="*"/><allow send_destination="*"/>'
                                '<allow receive_sender="*"/>'),
})
def who_may_connect(bus: Bus, text: str) -> None:
    """Without rules for users only the daemon's own (and root) may."""
    bus.start(text)
    for label, uid in (("R", None), ("N", 65534), ("D", 1)):
        client = bus.connect(label, hello=False, uid=uid)
        client.hello(quiet=False)


@scenario(policy('<deny receive_interface="com.example.X" eavesdrop="true"/>'))
def eavesdropping_denied(bus: Bus) -> None:
    """An eavesdropper misses what it may not receive; the receiver does not."""
    e, a, b = bus.connect("E"), bus.connect("A"), bus.connect("B")
    e.add_match("eavesdrop='true'")
    serial = a.send(wire.call(b.unique, "/x", X, "Call"))
    a.send(wire.call(b.unique, "/x", Y, "Call"))
    bus.settle()
    b.send(wire.method_return(a.unique, serial))
    a.send(wire.signal("/x", X, "Sig", destination=b.unique))
    a.send(wire.signal("/x", X, "Sig"))
    bus.settle()


@scenario(policy("", base='<allow user="*"/><allow own="*"/><allow send_destination="*"/>'
                          '<allow receive_sender="*"/>'))
def eavesdropping_not_allowed(bus: Bus) -> None:
    """Rules which allow, but not eavesdropping."""
    e, a, b = bus.connect("E"), bus.connect("A"), bus.connect("B")
    e.add_match("eavesdrop='true'")
    serial = a.send(wire.call(b.unique, "/x", X, "Call"))
    bus.settle()
    b.send(wire.method_return(a.unique, serial))
    a.send(wire.signal("/x", X, "Sig", destination=b.unique))
    a.send(wire.signal("/x", X, "Sig"))
    bus.settle()


@scenario(policy('<deny receive_type="signal" receive_interface="com.example.X"/>'))
def broadcast_skips_the_denied(bus: Bus) -> None:
    """A broadcast denied to receivers fails silently for the sender."""
    a, b = bus.connect("A"), bus.connect("B")
    b.add_match("type='signal'")
    a.send(wire.signal("/x", X, "Sig"))
    a.send(wire.signal("/x", Y, "Sig"))
    bus.settle()


@scenario(policy('<deny send_type="method_call"/>'))
def hello_is_never_denied(bus: Bus) -> None:
    """Hello on a bus that denies all calls."""
    client = bus.connect("A", hello=False)
    client.hello(quiet=False)
    client.driver("GetId")
    client.driver("Ping", interface="org.freedesktop.DBus.Peer")


@scenario(policy('<deny send_destination="com.example.Gone"/>'))
def names_are_looked_up_when_sending(bus: Bus) -> None:
    """The rule holds while the name is owned, also for the unique name."""
    a, b = bus.connect("A"), bus.connect("B")
    for step in ("before", "while", "after"):
        bus.log(step)
        if step == "while":
            b.request_name("com.example.Gone")
        if step == "after":
            b.release_name("com.example.Gone")
        a.send(wire.call(b.unique, "/x", X, "Call", flags=wire.NO_REPLY))
        a.send(wire.call("com.example.Gone", "/x", X, "Call"))
        bus.settle()


@scenario(policy('<deny send_destination="org.freedesktop.DBus" '
                 'send_interface="org.freedesktop.DBus.Properties"/>'
                 '<deny send_destination="org.freedesktop.DBus" send_member="ListNames" '
                 'send_path="/org/freedesktop/DBus"/>'))
def driver_methods(bus: Bus) -> None:
    """Denied calls to the driver, named with and without interface."""
    a = bus.connect("A")
    for interface in ("org.freedesktop.DBus.Properties", None):
        a.driver("GetAll", "s", [DRIVER], interface)
    for interface in (DRIVER, None):
        a.request(wire.call(DRIVER, DRIVER_PATH, interface, "ListNames"))
