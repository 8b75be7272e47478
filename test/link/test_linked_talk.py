#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random talk (see ../differential/random_talk.py) by clients of libdbus: do those of the reference
on its bus get the same as ours on our bus, where all of them are linked?

All connections are of one process, which waits after each step until everybody has everything.
"""

from __future__ import annotations

import argparse
import functools
import re
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from peer_python import LINKS  # noqa: E402  It finds the modules of the differential tests as well.
import comparing  # noqa: E402
import random_talk  # noqa: E402
from client import Client, Timeout  # noqa: E402
from daemons import STOCK, DaemonFailure, config  # noqa: E402
from fixture import Bus, temporary_directory  # noqa: E402
from library_client import PEER, Library, LibraryClient  # noqa: E402
from normalise import Normaliser  # noqa: E402
from wire import DRIVER, METHOD_RETURN  # noqa: E402

STOCK_LIBRARY = "libdbus-1.so.3"

# Round trips after which two clients are linked.
GET_LINKED = 50

# What synchronises is let through, whatever else is not; and replies that nobody asked for, too: as
# the bus does not know of calls over links, it does not refuse them to whom it would.
PING_POLICY = f"""
  <policy context="mandatory">
    <allow send_destination="{DRIVER}" send_interface="{LINKS}"/>
    <allow send_interface="{PEER}" send_path="/sync"/>
    <allow receive_interface="{PEER}" receive_path="/sync"/>
    <allow send_type="method_return" send_requested_reply="false"/>
    <allow receive_type="method_return" receive_requested_reply="false"/>
    <allow send_type="error" send_requested_reply="false"/>
    <allow receive_type="error" receive_requested_reply="false"/>
  </policy>"""


# Serials of such replies are those of the library.
PING_REFUSED = re.compile(r'(AccessDenied|ServiceUnknown) reply_serial=\d{1,3} ')
NO_REPLY = "Error.NoReply"


class LinkedBus(Bus):
    """A bus whose clients are those of a library."""

    def __init__(self, binary: str, directory: Path, library: str) -> None:
        super().__init__(binary, directory)
        self.library = Library(library)

    def connect(self, label: str | None = None, hello: bool = True, fds: bool = True,
                uid: int | None = None, gid: int | None = None, groups: tuple[int, ...] = (),
                address: str | None = None) -> Client:
        """A new client, which gets to know the others."""
        client = LibraryClient(self.library, label or "?", address or self.daemon.address, self.log)
        self.clients.append(client)
        client.register(uid)
        for other in self.speakers():
            for _ in range(GET_LINKED if other is not client else 0):
                client.ping(other)
        return client

    def connect_raw(self, label: str) -> Client:
        """A new client without a library."""
        return super().connect(label)

    def n_links(self) -> int:
        """How many links there have been; none on a bus that knows of no links."""
        client = self.connect_raw("counter")
        reply = client.quiet(lambda: client.driver("ListLinks", interface=LINKS))
        totals = reply.body[-1] if reply and reply.type == METHOD_RETURN else []
        return next((value.value for key, value in totals if key == "LinksEver"), 0)

    def speakers(self) -> list[LibraryClient]:
        """Those that can synchronise."""
        return [c for c in self.clients if isinstance(c, LibraryClient) and c.unique
                and c.connected and not c.monitor]

    def settle(self) -> None:
        """Wait till all that was sent, by the bus or not, has arrived, and write it down."""
        for client in self.speakers():
            client.sync()
            for other in self.speakers():
                if other is not client:
                    client.ping(other)
        super().settle()


class LinkedTalk(random_talk.Talk):
    """Without fds, as what is put into a library as bytes cannot have any; and without forged
    replies, which are taken for what they are over links alone."""

    more_policy = PING_POLICY
    has_forgeries = False

    def fds(self) -> list[int]:
        """None at all."""
        return []

    def settled(self, lines: list[str]) -> list[str]:
        """When a caller hears that the callee has gone is a matter of when it says that their link
        has ended; and monitors see that replies to pings were refused to eavesdroppers."""
        lines = [line for line in super().settled(lines) if not PING_REFUSED.search(line)]
        no_reply = sorted(line for line in lines if NO_REPLY in line)
        return [line for line in lines if NO_REPLY not in line] + no_reply

    def watcher(self) -> Client | None:
        """Somebody without a library, which would answer pings that it sees."""
        self.count += 1
        return self.bus.connect_raw(f"C{self.count}") if len(self.clients) > 1 else None

    def oddities(self) -> dict[str, Any]:
        """Without the flags of replies that are between a bus and its library."""
        odd = super().oddities()
        odd["flags"] &= 0x3f
        return odd


def one_side(binary: str, library: str, seed: str, number: int) -> None:
    """Do a talk, and print how many links there were and what everybody got."""
    directory = temporary_directory()
    bus = LinkedBus(binary, directory, library)
    n_links = 0
    try:
        bus.start(config(extra=random_talk.SERVICES))
        random_talk.write_services(bus)
        LinkedTalk(bus, Random(f"{seed} {number}")).go_on(random_talk.STEPS)
        n_links = bus.n_links()
    except (DaemonFailure, Timeout) as exc:
        bus.log(f"!! {type(exc).__name__}: {exc}")
    except Exception:  # pylint: disable=broad-except
        bus.log(f"!! {traceback.format_exc()}")
    try:
        bus.finish(False)
    except DaemonFailure as exc:
        bus.log(f"!! {exc}")
    shutil.rmtree(directory, ignore_errors=True)
    print(n_links, *Normaliser(bus.hidden).lines(bus.transcript), sep="\n")


class Pair(NamedTuple):
    """A talk on both sides."""

    name: str
    number: int

    def side(self, options: argparse.Namespace, what: str, binary: str,
             library: str) -> tuple[int, comparing.Side]:
        """Have it in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-B", __file__, "--side", binary, library, options.seed,
             str(self.number)], capture_output=True, text=True, errors="replace", timeout=300,
            check=False)
        links, *lines = done.stdout.splitlines() or ["0"]
        problem = done.stderr if done.returncode else ""
        problem = next((line for line in lines if line.startswith("!!")), problem)
        return int(links), comparing.Side(what, lines, problem)

    def compare(self, options: argparse.Namespace) -> comparing.Result:
        """Have it on both sides; on ours there have to be links."""
        start = time.monotonic()
        _, stock = self.side(options, "on the stock side", STOCK, STOCK_LIBRARY)
        links, ours = self.side(options, "on our side", options.daemon, options.library)
        if not links and not ours.problem:
            ours = ours._replace(problem="there were no links")
        return comparing.judge(self.name, stock, ours, "", start, options.show)


def main() -> int:
    """Run all talks, or one side of one."""
    if sys.argv[1:2] == ["--side"]:
        one_side(*sys.argv[2:5], number=int(sys.argv[5]))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--daemon", required=True, help="our daemon")
    parser.add_argument("--library", required=True, help="our libdbus-1.so.3")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--talks", type=int, default=40, metavar="COUNT")
    comparing.add_options(parser)
    options = parser.parse_args()
    pairs = [Pair(f"linked_talk.seed_{options.seed}[{number}]", number)
             for number in range(options.talks)]
    return comparing.run_all([functools.partial(pair.compare, options)
                              for pair in comparing.selected(pairs, options)], options)


if __name__ == "__main__":
    sys.exit(main())
