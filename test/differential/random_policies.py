#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random policies and random messages: do both daemons give the same verdicts?

Each policy comes with three clients of different users, which own names, wait for names and
eavesdrop, and with twenty messages. What arrives where and the text of every denial is compared.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parent))

import wire  # noqa: E402
from client import SYNC_PATH, Client  # noqa: E402
from daemons import DaemonFailure, config  # noqa: E402
from fixture import SCENARIOS, Bus, Scenario  # noqa: E402

GROUP = 10
MESSAGES = 20

INTERFACES = ["com.example.X", "com.example.Y"]
MEMBERS = ["One", "Two"]
PATHS = ["/x", "/y"]
ERRORS = ["com.example.Error.One", "com.example.Error.Two"]
NAMES = ["com.example.A", "com.example.B", "com.example.B.Sub", "com.example.Q"]
TYPES = ["method_call", "method_return", "signal", "error"]
USERS = ["root", "nobody", "daemon", "65534", "no-such-user"]
GROUPS = ["root", "games", "users", "60", "no-such-group"]

BASES = {
    "open": '<allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/>'
            '<allow eavesdrop="true"/>',
    "session": '<allow user="*"/><allow own="*"/><allow send_destination="*"/>'
               '<allow receive_sender="*"/>',
    "system": '<allow user="*"/><deny own="*"/><deny send_type="method_call"/>'
              '<allow send_type="signal"/>'
              '<allow send_requested_reply="true" send_type="method_return"/>'
              '<allow send_requested_reply="true" send_type="error"/>'
              '<allow receive_type="method_call"/><allow receive_type="method_return"/>'
              '<allow receive_type="error"/><allow receive_type="signal"/>'
              '<allow send_destination="org.freedesktop.DBus"/>',
    "users only": '<allow user="*"/>',
}

# Last of all, so that the clients can always connect, synchronise and be told.
REACH_THE_DRIVER = f"""
  <policy context="mandatory">
    <allow user="root"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Peer"
           send_path="{SYNC_PATH}"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"
           send_path="/org/freedesktop/DBus"/>
    <allow receive_sender="org.freedesktop.DBus" receive_requested_reply="false" eavesdrop="true"/>
  </policy>"""


def star(random: Random, values: list[str], often: float = 0.15) -> str:
    """One of the values, or now and then a star."""
    return "*" if random.random() < often else random.choice(values)


def boolean(random: Random) -> str:
    """true or false."""
    return random.choice(["true", "false"])


def message_rule(random: Random, direction: str) -> dict[str, str]:
    """Attributes of a send or receive rule, in combinations that are allowed."""
    rule: dict[str, str] = {}

    def maybe(name: str, value: str, chance: float) -> None:
        if random.random() < chance:
            rule[f"{direction}_{name}"] = value

    if random.random() < 0.15:
        rule[f"{direction}_error"] = star(random, ERRORS)
    else:
        maybe("interface", star(random, INTERFACES), 0.4)
        maybe("path", star(random, PATHS), 0.25)
        if len(rule) > 0:
            maybe("member", star(random, MEMBERS), 0.4)
    maybe("type", star(random, TYPES), 0.35)
    maybe("requested_reply", boolean(random), 0.25)
    if direction == "receive":
        maybe("sender", star(random, [*NAMES, wire.DRIVER]), 0.35)
    elif random.random() < 0.15:
        rule["send_destination_prefix"] = random.choice(["com", "com.example", "com.example.B",
                                                         "com.exam"])
    else:
        maybe("destination", star(random, [*NAMES, wire.DRIVER, "com.example.Nobody"]), 0.4)
    if direction == "send" and random.random() < 0.15:
        if rule.get("send_destination", "*") == "*" and "send_destination_prefix" not in rule:
            rule["send_broadcast"] = boolean(random)
    if not rule:
        rule[f"{direction}_type"] = star(random, TYPES)
    if random.random() < 0.15:
        rule["eavesdrop"] = boolean(random)
    if random.random() < 0.15:
        rule[random.choice(["min_fds", "max_fds"])] = str(random.randrange(3))
    return rule


def any_rule(random: Random, bus_wide: bool) -> str:
    """One <allow> or <deny>. Rules about users only where they may stand."""
    verb = random.choice(["allow", "deny"])
    kind = random.choices(["send", "receive", "own", "eavesdrop", "user", "wild"],
                          [45, 33, 10, 4, 5 if bus_wide else 0, 0.3])[0]
    if kind in ("send", "receive"):
        rule = message_rule(random, kind)
    elif kind == "own":
        rule = ({"own": star(random, NAMES)} if random.random() < 0.6 else
                {"own_prefix": random.choice(["com", "com.example", "com.example.B", "com.exam"])})
    elif kind == "eavesdrop":
        rule = {"eavesdrop": boolean(random)}
    elif kind == "user":
        rule = random.choice([{"user": star(random, USERS)}, {"group": star(random, GROUPS)}])
    else:
        rule = {**message_rule(random, "send"), **message_rule(random, "receive")}
    attributes = list(rule.items())
    random.shuffle(attributes)
    return f"<{verb} " + " ".join(f'{name}="{value}"' for name, value in attributes) + "/>"


def any_policy(random: Random) -> str:
    """The policies of one configuration."""
    base = random.choices(list(BASES), [50, 15, 25, 10])[0]
    parts = [f'  <policy context="default">{BASES[base]}</policy>']
    for _ in range(random.randint(1, 4)):
        where = random.choices(
            ['context="default"', 'context="mandatory"', f'user="{random.choice(USERS)}"',
             f'group="{random.choice(GROUPS)}"', f'at_console="{boolean(random)}"'],
            [50, 15, 18, 14, 3])[0]
        rules = "\n    ".join(any_rule(random, where.startswith("context"))
                              for _ in range(random.randint(1, 5)))
        parts.append(f"  <policy {where}>\n    {rules}\n  </policy>")
    return "\n" + "\n".join(parts) + REACH_THE_DRIVER


class Talk:
    """Three clients of one daemon, and what they say to each other."""

    def __init__(self, bus: Bus, random: Random) -> None:
        self.bus = bus
        self.random = random
        self.clients: list[Client] = []
        # Calls that may have arrived: who asked whom, with which serial.
        self.asked: list[tuple[Client, Client, int]] = []

    def connect(self, address: str) -> None:
        """Connect whom the policy lets in; claim names, and listen."""
        root = os.geteuid() == 0
        for label, uid, gid, groups in (("A", None, None, ()), ("B", 65534, 60, (60, 100)),
                                        ("C", 1, 1, (1,))):
            client = self.bus.connect(label, uid=uid if root else None, gid=gid, groups=groups,
                                      address=address)
            if client.unique:
                self.clients.append(client)
        for client in self.clients:
            for name in {"A": NAMES[:1], "B": NAMES[1:3], "C": NAMES[3:]}[client.label]:
                client.request_name(name)
            client.quiet(lambda c=client: c.add_match("type='signal'"))
        self.clients[0].request_name("com.example.Q")
        if self.random.random() < 0.4:
            # Only root, or the daemon's own user, may.
            self.clients[0].quiet(lambda: self.clients[0].add_match(
                "eavesdrop='true',interface='com.example.X'"))
        self.bus.settle()

    def say(self) -> None:
        """One random message."""
        random = self.random
        sender = random.choice(self.clients)
        fds = [0] * random.choices([0, 1, 2, 3], [80, 10, 6, 4])[0]
        kind = random.choices(TYPES, [50, 17, 23, 10])[0]
        if kind in ("method_return", "error"):
            asker, answerer, serial = random.choice(self.asked or [(sender, sender, 4711)])
            sender = answerer if random.random() < 0.8 else sender
            serial = serial if random.random() < 0.8 else 4712
            destination = asker.unique if random.random() < 0.9 else random.choice(NAMES)
            sender.send(wire.method_return(destination, serial, fds=fds)
                        if kind == "method_return" else
                        wire.error(destination, serial, random.choice(ERRORS), fds=fds))
            return
        receiver = random.choice(self.clients)
        destination = random.choices([receiver.unique, random.choice(NAMES), wire.DRIVER,
                                      "com.example.Nobody"], [40, 45, 10, 5])[0]
        path, interface = random.choice(PATHS), random.choice(INTERFACES)
        member = random.choice(MEMBERS)
        if kind == "signal":
            sender.send(wire.signal(path, interface, member, fds=fds,
                                    destination=destination if random.random() < 0.4 else None))
            return
        serial = sender.send(wire.call(
            destination, path, interface if random.random() < 0.85 else None, member, fds=fds,
            flags=wire.NO_REPLY if random.random() < 0.2 else 0))
        if destination == receiver.unique:
            self.asked.append((sender, receiver, serial))


def try_policy(bus: Bus, random: Random) -> None:
    """One policy, on a daemon of its own."""
    text = any_policy(random)
    bus.log(text)
    daemon = bus.another_daemon()
    try:
        daemon.start(config(policy=text))
    except DaemonFailure:
        bus.log_output("refused", daemon.stderr())
        return
    talk = Talk(bus, random)
    talk.connect(daemon.address)
    for _ in range(MESSAGES):
        talk.say()
        bus.settle()
    for client in bus.clients:
        client.close()
    bus.clients.clear()
    daemon.stop()


def group(bus: Bus, which: tuple[int, int, int]) -> None:
    """The scenario: policies number first to last of a seed."""
    seed, first, last = which
    for number in range(first, last + 1):
        bus.log(f"policy {number} of seed {seed}")
        try_policy(bus, Random(f"{seed} {number}"))


def register(count: int, seed: int) -> None:
    """Add scenarios for so many policies."""
    for first in range(0, count, GROUP):
        last = min(count, first + GROUP) - 1
        SCENARIOS.append(Scenario(f"random_policies.seed_{seed}[{first}-{last}]", group, None,
                                  False, (), (seed, first, last), True))


def main() -> int:
    """Run nothing but random policies, by the runner of the whole suite."""
    import run  # pylint: disable=import-outside-toplevel,cyclic-import
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], add_help=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    options, rest = parser.parse_known_args()
    sys.argv[1:] = ["-k", f"random_policies.seed_{options.seed}[", "--seed", str(options.seed),
                    "--policies", str(options.count), *rest]
    return run.main()


if __name__ == "__main__":
    sys.exit(main())
