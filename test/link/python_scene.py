# SPDX-License-Identifier: MIT
"""A daemon, clients of it, and what is common to the tests in Python; they print TAP."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Callable, Sequence

import peer_python  # Finds the modules of the differential tests as well.
import daemons
import wire
from peer_python import BUS, BUS_PATH, DEADLINE, LINKS, Link, Peer

ECHO = "com.example.Echo"
PATH, INTERFACE = "/com/example/Link", "com.example.Link"

# Calls after which a pair is linked, whoever else is about: more than the bus wants, twice.
MANY = 400


class Scene:
    """A bus, and what runs on it. Ends with everything that it started."""

    def __init__(self, daemon: str, tools: str, more: str = "") -> None:
        self.tools = Path(tools)
        self.directory = tempfile.TemporaryDirectory(prefix="link-")
        self.daemon = daemons.Daemon(daemon, Path(self.directory.name))
        self.daemon.start(daemons.config(extra=more))
        self.peers: list[Peer] = []
        self.children: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *error: object) -> None:
        for peer in self.peers:
            peer.close()
        for child in self.children:
            child.kill()
            child.communicate()
        self.daemon.stop()
        self.directory.cleanup()

    def peer(self, links: bool = True) -> Peer:
        """A client, which has asked for links."""
        peer = Peer(self.daemon.address)
        self.peers.append(peer)
        if links:
            peer.enable_links()
        return peer

    def drop(self, peer: Peer) -> None:
        """Have a client hang up."""
        self.peers.remove(peer)
        peer.close()

    def environment(self) -> dict[str, str]:
        """What children are given."""
        return self.daemon.environment({"DBUS_SESSION_BUS_ADDRESS": self.daemon.address})

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start one of the tools."""
        child = subprocess.Popen(  # pylint: disable=consider-using-with
            [self.tools / command[0], *command[1:]], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.environment(),
            preexec_fn=daemons.die_with_parent)
        self.children.append(child)
        return child

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run one of the tools to its end."""
        return subprocess.run([self.tools / command[0], *command[1:]], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, env=self.environment(),
                              timeout=DEADLINE, check=False)

    def echo(self, asker: Peer, name: str = ECHO) -> subprocess.Popen[str]:
        """Start a program on our library that answers all calls, and wait for its name."""
        child = self.start("dbus-test-tool", "echo", f"--name={name}")
        wait_until(lambda: bool(asker.call(BUS, BUS_PATH, BUS, "NameHasOwner", "s",
                                           [name]).body[0]), "the echo's name")
        return child


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition, but not for ever."""
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited for {what}")
        time.sleep(0.01)


def call_of(destination: str, member: str = "Echo", sig: str = "u",
            body: Sequence[object] = (1,), **more: object) -> wire.Message:
    """A call to a peer."""
    return wire.call(destination, PATH, INTERFACE, member, sig, body, **more)


def link_up(peer: Peer, destination: str) -> Link:
    """Call a peer until a call and its reply take a link."""
    for _ in range(MANY):
        link, reply = peer.round_trip(call_of(destination))
        if link and reply.type == wire.METHOD_RETURN:
            return link
    raise AssertionError(f"{peer.unique} and {destination} are not linked")


def pair_up(first: Peer, second: Peer) -> Link:
    """Have one of ours say so much to another that they are linked. Returns the first's end."""
    def link_of() -> Link | None:
        return next((link for link in first.links if link.peer == second.unique), None)

    for number in range(MANY):
        first.send(call_of(second.unique, body=[number], flags=wire.NO_REPLY))
        second.take_received(lambda m: m.member == "Echo")
        first.turn()
        link = link_of()
        if link:
            # What was said before has been routed: the next may take the link.
            first.wait_for(lambda: first.clock and first.clock.load(peer_python.ROUTED)
                           == first.sent, "the bus")
            second.wait_for(lambda: any(k.number == link.number for k in second.links), "the link")
            return link
    raise AssertionError(f"{first.unique} and {second.unique} are not linked")


def listing(peer: Peer) -> list[object]:
    """What ListLinks says."""
    return list(peer.call(BUS, BUS_PATH, LINKS, "ListLinks").body)


def run_cases(cases: Sequence[Callable[[Scene], None]]) -> int:
    """Run each case on a bus of its own, and print TAP."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--daemon", required=True)
    parser.add_argument("--tools", required=True, help="the folder that they are in")
    parser.add_argument("-k", default="", help="only cases whose name matches this")
    options = parser.parse_args()
    chosen = [case for case in cases if re.search(options.k, case.__name__)]
    failed = 0
    print(f"1..{len(chosen)}", flush=True)
    for number, case in enumerate(chosen, 1):
        try:
            with Scene(os.path.abspath(options.daemon), options.tools) as scene:
                case(scene)
            verdict = "ok"
        except Exception:  # pylint: disable=broad-exception-caught
            traceback.print_exc(file=sys.stdout)
            verdict = "not ok"
            failed += 1
        name = case.__name__.removeprefix("test_").replace("_", " ")
        print(f"{verdict} {number} - {name}", flush=True)
    return 1 if failed else 0
