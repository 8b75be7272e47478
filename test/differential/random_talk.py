#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random talk: several connections that come, claim names, listen, call, signal, answer, have
services started, say what makes no sense, and go, one thing at a time, under policies that change.
Does each of them get the same from both daemons?
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any, Callable

sys.path.insert(0, str(Path(__file__).resolve().parent))

import wire  # noqa: E402
from client import SYNC_PATH, Client  # noqa: E402
from daemons import OPEN_POLICY, config  # noqa: E402
from fixture import SCENARIOS, Bus, Scenario  # noqa: E402
from random_policies import any_policy  # noqa: E402
from wire import DRIVER, DRIVER_PATH, Variant  # noqa: E402

GROUP = 5
STEPS = 60
MOST_CLIENTS = 5

# What is started for some of them ends at once, and well: then somebody else may come for the name.
HELD = ["com.example.Held", "com.example.B.Sub"]
FAILING = "com.example.Failing"
NAMES = ["com.example.A", "com.example.B", *HELD, "org.other"]
INTERFACES = ["com.example.X", "com.example.X.Y", "org.other.I"]
MEMBERS = ["One", "Two", "NameOwnerChanged"]
PATHS = ["/", "/x", "/x/y", "/xy", DRIVER_PATH]
ERRORS = ["com.example.Error.One", "org.freedesktop.DBus.Error.UnknownMethod"]
TEXTS = ["", "a", "a,b", "it's", "/", "/x", "/x/", "/x/y", "/x/y/", "com", "com.example",
         "com.example.A", "com.example.B.Sub", "com.exampl", "\\", "a'b"]
NOT_NAMES = ["", "com", ":1", ":1.9999", "com.example.-", "com..example", "9.a", DRIVER, "a" * 256,
             "com.example.Nobody"]
ENVIRONMENTS = [{}, {"ONE": "1"}, {"ONE": ""}, {"": "1"}, {"A=B": "1"}]
LIMITS = {"max_names_per_connection": 5, "max_match_rules_per_connection": 12,
          "max_replies_per_connection": 6, "max_message_unix_fds": 3}


# Beyond what random_policies.py lets through: whatever is asked on the path for synchronising.
SYNCHRONISE = f"""
  <policy context="mandatory">
    <allow send_destination="{DRIVER}" send_path="{SYNC_PATH}"/>
  </policy>"""


SERVICES = "  <servicedir>@DIR@/services</servicedir>"


def any_config(random: Random, more_policy: str = "") -> str:
    """A configuration, every other time with a policy that lets all through. None that is refused:
    the reference then announces services that have not changed."""
    policy = OPEN_POLICY
    if random.random() < 0.5:
        policy = any_policy(random)
        while re.search("<[^>]*send_[^>]*receive_|<[^>]*receive_[^>]*send_", policy):
            policy = any_policy(random)
        policy += SYNCHRONISE + more_policy
    return config(policy=policy, limits=LIMITS, extra=SERVICES)


def rule_value(random: Random, key: str, uniques: list[str]) -> str:
    """What a key of a match rule may be given, now and then what it may not."""
    if random.random() < 0.04:
        return random.choice(TEXTS)
    choices = {
        "type": ["signal", "method_call", "method_return", "error"],
        "sender": [*uniques, *NAMES, DRIVER],
        "destination": [*uniques, *NAMES],
        "interface": [*INTERFACES, DRIVER],
        "member": MEMBERS,
        "path": PATHS,
        "path_namespace": PATHS,
        "eavesdrop": ["true", "false"],
        "arg0namespace": ["com", "com.example", "com.example.B", "org.other"],
    }
    return random.choice(choices.get(key, TEXTS))


def quoted(random: Random, text: str) -> str:
    """A value as it may be written in a rule."""
    style = random.random()
    if style < 0.8 or not text:
        return "'" + text.replace("'", "'\\''") + "'"
    if style < 0.9:
        return text.replace("\\", "\\\\").replace("'", "\\'").replace(",", "','")
    half = len(text) // 2
    return f"'{text[:half]}'" + text[half:].replace("'", "\\'").replace(",", "','")


def any_rule(random: Random, uniques: list[str]) -> str:
    """A match rule: mostly one that is taken."""
    keys = ["type", "sender", "interface", "member", random.choice(["path", "path_namespace"]),
            "destination", "eavesdrop", random.choice(["arg0", "arg1", "arg0path", "arg1path",
                                                       "arg0namespace", "arg63", "arg2"])]
    if random.random() < 0.03:
        keys = ["path", "path_namespace", "arg64", "arg0", "arg0path", "foo", "arg1namespace",
                "argx"]
    random.shuffle(keys)
    blank = " " if random.random() < 0.05 else ""
    return ",".join(f"{blank}{key}{blank}={quoted(random, rule_value(random, key, uniques))}"
                    for key in keys[:random.choice([0, 1, 1, 2, 2, 2, 3, 4])])


def any_body(random: Random) -> tuple[str, list[Any]]:
    """A signature and what goes with it."""
    text = random.choice([text for text in TEXTS if "\\" not in text])
    return random.choice([
        ("", []), ("s", [text]), ("ss", [text, random.choice(NAMES)]),
        ("o", [random.choice(PATHS)]), ("so", [random.choice(NAMES), random.choice(PATHS)]),
        ("us", [7, text]),
        ("as", [[text, "b"]]), ("a{sv}", [{text: Variant("u", 3)}]), ("v", [Variant("s", text)]),
        ("sss", [random.choice(NAMES), "", text]), ("g", ["a(ii)"]), ("d", [0.5]), ("ay", [[1, 2]]),
    ])


def in_any_order(lines: list[str]) -> list[str]:
    """The order in which several receivers of a signal were refused it, which a monitor sees, is of
    no importance."""
    return [line for refusals, run in groupby(lines, lambda line: "AccessDenied" in line)
            for line in (sorted(run) if refusals else run)]


Actions = list[tuple[Callable[[], None], int]]


def write_services(bus: Bus) -> None:
    """What the bus can start."""
    for name, program in [*((name, "/bin/true") for name in HELD), (FAILING, "/bin/false")]:
        bus.daemon.write(f"services/{name}.service",
                         f"[D-BUS Service]\nName={name}\nExec={program}\n")


class Talk:
    """The connections of one daemon, and what becomes of them."""

    # What the policies of the talk let through besides.
    more_policy = ""
    # Whether somebody answers what somebody else was asked.
    has_forgeries = True

    def __init__(self, bus: Bus, random: Random) -> None:
        self.bus = bus
        self.random = random
        self.n_settled = len(bus.transcript)
        self.count = 0
        self.gone: list[str] = []
        self.without_fds: set[str] = set()
        # Who says several things together: nobody else acts meanwhile.
        self.only: Client | None = None
        self.rules: list[tuple[Client, str]] = []
        # Calls that may wait for an answer: who asked whom, with which serial.
        self.asked: list[tuple[Client, Client, int]] = []

    @property
    def clients(self) -> list[Client]:
        """Those that are connected, and may speak."""
        return [c for c in self.bus.clients if c.unique and c.connected and not c.monitor]

    @property
    def is_watched(self) -> bool:
        """Whether there is a monitor."""
        return len(self.bus.clients) > len(self.clients)

    @property
    def uniques(self) -> list[str]:
        """Unique names of who is there, and of some who are not."""
        return [*(c.unique for c in self.clients), *self.gone[-2:]]

    def anybody(self) -> Client:
        """One of the connections."""
        return self.random.choice(self.clients)

    def speaker(self) -> Client:
        """Who does something now."""
        return self.only or self.anybody()

    def connect(self) -> None:
        """One more."""
        if len(self.clients) >= MOST_CLIENTS:
            return
        self.count += 1
        random = self.random
        nobody = os.geteuid() == 0 and random.random() < 0.3
        takes_fds = random.random() < 0.8
        client = self.bus.connect(f"C{self.count}", fds=takes_fds, uid=65534 if nobody else None)
        if not client.unique:
            self.bus.drop(client)
        elif not takes_fds:
            self.without_fds.add(client.unique)

    def leave(self) -> None:
        """One less."""
        if len(self.clients) > 2:
            self.forget(client := self.anybody())
            self.bus.drop(client)

    def forget(self, client: Client) -> None:
        """Nobody waits for somebody who goes, and its rules go with it."""
        self.gone.append(client.unique)
        self.asked = [a for a in self.asked if client not in a[:2]]
        self.rules = [r for r in self.rules if r[0] is not client]

    def watcher(self) -> Client | None:
        """Who can be spared to be a monitor."""
        return self.anybody() if len(self.clients) > 2 else None

    def watch(self) -> None:
        """One of them becomes a monitor, or the one that is goes: of two, the reference has one see
        more of the other's end than there is (see exceptions.txt)."""
        monitors = [c for c in self.bus.clients if c.monitor]
        if monitors:
            self.bus.drop(monitors[0])
        elif client := self.watcher():
            rules = [any_rule(self.random, self.uniques)
                     for _ in range(self.random.choice([0, 1, 2]))]
            client.become_monitor([rule for rule in rules if "destination" not in rule])
            if client.monitor:
                self.forget(client)

    def claim(self) -> None:
        """RequestName."""
        name = self.random.choice(NAMES if self.random.random() < 0.93 else NOT_NAMES)
        self.speaker().request_name(name, self.random.choice([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 255]))

    def release(self) -> None:
        """ReleaseName."""
        self.speaker().release_name(
            self.random.choice(NAMES if self.random.random() < 0.93 else NOT_NAMES))

    def listen(self) -> None:
        """AddMatch."""
        client, rule = self.speaker(), any_rule(self.random, self.uniques)
        reply = client.add_match(rule)
        if reply and reply.type == wire.METHOD_RETURN:
            self.rules.append((client, rule))

    def deafen(self) -> None:
        """RemoveMatch, mostly of a rule that is there. The reference does not tell rules apart by
        their path_namespace, and may remove another."""
        rules = [r for r in self.rules
                 if "path_namespace" not in r[1] and self.only in (None, r[0])]
        if rules and self.random.random() < 0.9:
            self.rules.remove(chosen := self.random.choice(rules))
            chosen[0].remove_match(chosen[1])
        elif "path_namespace" not in (rule := any_rule(self.random, self.uniques)):
            self.speaker().remove_match(rule)

    def ask_driver(self) -> None:
        """Some other method of the driver, with what it wants or with something else."""
        random, client = self.random, self.speaker()
        name = random.choice([*NAMES, *self.uniques, *NOT_NAMES])
        member, sig, body = random.choice([
            ("GetNameOwner", "s", [name]), ("NameHasOwner", "s", [name]),
            ("ListQueuedOwners", "s", [name]),
            ("GetConnectionUnixUser", "s", [name]), ("GetId", "", []), ("Hello", "", []),
            ("NoSuchMethod", "", []), ("GetNameOwner", "", []), ("RequestName", "s", [name]),
            ("AddMatch", "u", [7]), ("GetNameOwner", "su", [name, 7]),
            ("UpdateActivationEnvironment", "a{ss}", [random.choice(ENVIRONMENTS)]),
        ])
        client.driver(member, sig, body,
                      interface=random.choice([DRIVER] * 6 + [None, "com.example.X",
                                                              "org.freedesktop.DBus.Peer"]),
                      path=random.choice([DRIVER_PATH] * 5 + ["/", "/x"]))

    def start(self) -> None:
        """StartServiceByName, the reply to which may come much later."""
        self.speaker().send(wire.call(
            DRIVER, DRIVER_PATH, DRIVER, "StartServiceByName", "su",
            [self.random.choice([*NAMES, *HELD, *self.uniques, *NOT_NAMES]), 0]))

    def start_failing(self) -> None:
        """What cannot be started, which is found out later."""
        client = self.anybody()
        client.wait_reply(client.send(self.random.choice([
            wire.call(DRIVER, DRIVER_PATH, DRIVER, "StartServiceByName", "su", [FAILING, 0]),
            wire.call(FAILING, "/x", INTERFACES[0], "One")])))

    def reconfigure(self) -> None:
        """Another policy, unless there is a monitor: the reference shows it a call after what that
        leads to (see exceptions.txt)."""
        if self.is_watched:
            return
        self.bus.daemon.write("bus.conf", text := any_config(self.random, self.more_policy))
        self.bus.log(text)
        self.anybody().driver("ReloadConfig")

    def fds(self) -> list[int]:
        """Mostly none."""
        return [0] * (0 if self.only else self.random.choices([0, 1, 2, 4], [85, 8, 5, 2])[0])

    def fds_for_all(self, destination: str | None = None) -> list[int]:
        """None if somebody, or who comes for a name, could not take them: of calls and replies that
        are refused for that, the reference goes on waiting for the reply (see exceptions.txt), and
        a monitor sees in which order others were refused a signal."""
        if destination in HELD:
            return []
        return self.fds() if self.without_fds.isdisjoint(c.unique for c in self.clients) else []

    def oddities(self) -> dict[str, Any]:
        """Flags, byte order and header fields that are of no importance."""
        random = self.random
        extra: list[tuple[Any, ...]] = []
        if random.random() < 0.1:
            extra.append((random.choice([10, 77, 200]), "s", "unknown"))
        return {"flags": random.choice([0] * 8 + [1, 2, 4, 7, 8, 0x80]), "extra": extra,
                "order": ">" if random.random() < 0.15 else "<"}

    def destination(self, receiver: Client) -> str:
        """Of a message: somebody, by one of its names, or nobody."""
        return self.random.choices(
            [receiver.unique, self.random.choice(NAMES), self.random.choice(self.uniques),
             self.random.choice(NOT_NAMES[3:4] + NOT_NAMES[-1:])], [50, 38, 6, 6])[0]

    def call(self) -> None:
        """A method call to a peer."""
        random, client, receiver = self.random, self.speaker(), self.anybody()
        destination, odd = self.destination(receiver), self.oddities()
        sig, body = any_body(random)
        serial = client.send(wire.call(
            destination, random.choice(PATHS), random.choice([*INTERFACES, None]),
            random.choice(MEMBERS), sig, body, fds=self.fds_for_all(destination), **odd))
        if destination == receiver.unique and not odd["flags"] & wire.NO_REPLY:
            self.asked.append((client, receiver, serial))

    def answer(self) -> None:
        """A reply, mostly to a call that is there."""
        random = self.random
        asker, answerer, serial = random.choice(
            [a for a in self.asked if self.only in (None, a[1])]
            or [(self.anybody(), self.speaker(), 4711)])
        if self.has_forgeries and random.random() < 0.1:
            answerer = self.speaker()
        if self.has_forgeries and random.random() < 0.1:
            serial += 1
        if random.random() < 0.85:
            self.asked = [a for a in self.asked if a != (asker, answerer, serial)]
        sig, body = any_body(random)
        odd = self.oddities()
        odd["flags"] |= wire.NO_REPLY
        if random.random() < 0.6:
            message = wire.method_return(asker.unique, serial, sig, body, fds=self.fds_for_all(),
                                         **odd)
        else:
            message = wire.error(asker.unique, serial, random.choice(ERRORS), sig, body, **odd)
        answerer.send(message)

    def tell(self) -> None:
        """A signal, to all or to somebody."""
        random, client = self.random, self.speaker()
        destination = self.destination(self.anybody()) if random.random() < 0.25 else None
        sig, body = any_body(random)
        client.send(wire.signal(
            random.choice(PATHS), random.choice(INTERFACES), random.choice(MEMBERS), sig, body,
            destination=destination,
            fds=self.fds_for_all(destination) if destination or self.is_watched else self.fds(),
            **self.oddities()))

    def babble(self) -> None:
        """What no client should say, though it is no reason to throw it out; or is one."""
        random, client = self.random, self.speaker()
        path, interface, member = random.choice(PATHS), random.choice(INTERFACES), "One"
        message = random.choice([
            lambda: wire.call(None, path, interface, member),
            lambda: wire.call(DRIVER, path, interface, member, flags=wire.NO_REPLY),
            lambda: wire.signal(path, interface, member, destination=DRIVER),
            lambda: wire.method_return(DRIVER, 4711),
            lambda: wire.method_return(None, 4711),
            lambda: wire.error(None, 4711, ERRORS[0]),
            lambda: wire.signal(DRIVER_PATH, DRIVER, "NameOwnerChanged", "sss", ["a", "b", "c"]),
            lambda: wire.build(random.choice([5, 77, 255]),
                               [(wire.DESTINATION, random.choice([None, self.anybody().unique]))]),
            lambda: wire.signal(path, interface, member,
                                extra=[(wire.SENDER, random.choice(self.uniques))]),
            lambda: wire.call(self.anybody().unique, path, interface, member,
                              extra=[(wire.REPLY_SERIAL, 7)]),
            lambda: wire.signal(f"{DRIVER_PATH}/Local", f"{DRIVER}.Local", member),
            lambda: wire.build(0, []),
            lambda: wire.signal(None, interface, member),
            lambda: wire.call(self.anybody().unique, path, "no interface", member),
        ])()
        client.send(message)
        if not self.only:
            self.drop_if_thrown_out(client)

    def drop_if_thrown_out(self, client: Client) -> None:
        """The bus may have enough of somebody."""
        if not client.connected:
            client.drain()
            self.forget(client)
            self.bus.drop(client)

    def say_together(self) -> None:
        """One of them says several things in one breath; but if he is thrown out for one of them, a
        monitor of the reference sees him gone before he said the others."""
        if self.is_watched:
            return
        self.only = self.anybody()
        with self.only.together():
            for _ in range(self.random.randint(2, 6)):
                self.act(self.sayings())
        client, self.only = self.only, None
        client.sync()
        self.drop_if_thrown_out(client)

    def sayings(self) -> Actions:
        """What somebody may do by saying it, and how often it is done."""
        return [(self.claim, 14), (self.release, 7), (self.listen, 14), (self.deafen, 5),
                (self.ask_driver, 8), (self.call, 16), (self.answer, 12), (self.tell, 18),
                (self.babble, 3), (self.start, 3)]

    def act(self, actions: Actions) -> None:
        """One of these."""
        self.random.choices([a for a, _ in actions], [weight for _, weight in actions])[0]()

    def step(self) -> None:
        """Something happens."""
        self.act([*self.sayings(), (self.connect, 5), (self.leave, 3), (self.watch, 2),
                  (self.start_failing, 1), (self.reconfigure, 1), (self.say_together, 10)])
        self.settle()

    def settle(self) -> None:
        """Wait till everybody has what there is for him."""
        self.bus.settle()
        self.bus.transcript[self.n_settled:] = self.settled(self.bus.transcript[self.n_settled:])
        self.n_settled = len(self.bus.transcript)

    def settled(self, lines: list[str]) -> list[str]:
        """What of a step has to be the same."""
        return in_any_order(lines)


    def go_on(self, steps: int) -> None:
        """From the first who comes to the last who goes."""
        while self.count < 3 or not self.clients:
            self.connect()
        self.reconfigure()
        for _ in range(steps):
            while len(self.clients) < 2:
                self.connect()
            self.step()
        for client in list(self.bus.clients):
            self.bus.drop(client)
            self.settle()


def group(bus: Bus, which: tuple[int, int, int]) -> None:
    """The scenario: talks number first to last of a seed."""
    seed, first, last = which
    write_services(bus)
    for number in range(first, last + 1):
        bus.log(f"talk {number} of seed {seed}")
        Talk(bus, Random(f"{seed} {number}")).go_on(STEPS)


def register(count: int, seed: int) -> None:
    """Add scenarios for so many talks."""
    for first in range(0, count, GROUP):
        last = min(count, first + GROUP) - 1
        SCENARIOS.append(Scenario(f"random_talk.seed_{seed}[{first}-{last}]", group,
                                  config(extra=SERVICES), False, (), (seed, first, last), True))


def main() -> int:
    """Run nothing but random talk, by the runner of the whole suite."""
    import run  # pylint: disable=import-outside-toplevel,cyclic-import
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], add_help=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=500)
    options, rest = parser.parse_known_args()
    sys.argv[1:] = ["-k", f"random_talk.seed_{options.seed}[", "--seed", str(options.seed),
                    "--talks", str(options.count), "--policies", "0", *rest]
    return run.main()


if __name__ == "__main__":
    sys.exit(main())
