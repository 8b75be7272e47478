# SPDX-License-Identifier: MIT
"""A client that takes part in peer links, written from doc/peer-links.md alone.

It shows that the page is enough to join in by, and what it says is checked against the daemon and
the client library. It needs nothing but Python, keeps to the protocol where the caller does, and
lets tests see and break every step: by which road a message came, what a link's packets are.
"""

from __future__ import annotations

import array
import fcntl
import mmap
import os
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct
from typing import Any, Iterator, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "differential"))

import wire  # noqa: E402  pylint: disable=wrong-import-position
from wire import Message  # noqa: E402  pylint: disable=wrong-import-position

BUS, BUS_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"
LINKS = "org.freedesktop.DBus.PeerLinks1"
VERSION = 1
LET_THROUGH, UNASKED = 0x80, 0x40

PAGE = 4096
# Offsets in the clock page.
ROUTED, QUEUED, NAMES, CALLS, MAX_CALLS = 0, 64, 128, 192, 256
TALLY = Struct("=I4xQQQ")               # An entry of the tally page.
TALLIES, TALLY_SIZE = 64, 64
FRAME = Struct("=IIQQ")                 # version, size, stamp, time; then the message.
MAX_PACKET = 96 * 1024
SHARE = 256 * 1024                      # Read of one link before others have their turn.
MAX_FDS = 253
MAX_AWAITED = 4096                      # Calls over one link that wait for their replies.

DEADLINE = 20.0


class Broken(Exception):
    """What the other end sent is nothing that may come: the link ends."""


class Closed(Exception):
    """The bus has hung up."""


def clock_now() -> int:
    """Nanoseconds of CLOCK_MONOTONIC."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class Page:
    """A page shared with the bus, as 64-bit words."""

    def __init__(self, fd: int, writable: bool) -> None:
        self.memory = mmap.mmap(fd, PAGE, mmap.MAP_SHARED,
                                mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0))
        self.seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
        os.close(fd)
        # A word is one load: nobody sees half of it.
        self.words = memoryview(self.memory).cast("Q")

    def load(self, offset: int) -> int:
        """A counter. Python has no orders of memory: one thread does all here, on a machine whose
        loads keep theirs, or behind the system calls between them."""
        return int(self.words[offset // 8])

    def close(self) -> None:
        """Unmap it."""
        self.words.release()
        self.memory.close()


Rule = tuple[int, int, str, str, str, str, int, int]


def rule_applies(rule: Rule, message: Message) -> bool:
    """Section 5's table, row by row."""
    allow, kind, interface, member, path, error, min_fds, max_fds = rule
    if kind and message.type != kind:
        return False
    has = message.get(wire.INTERFACE)
    if interface and has != interface and (has is not None or allow):
        return False
    for wanted, code in ((member, wire.MEMBER), (path, wire.PATH), (error, wire.ERROR_NAME)):
        if wanted and message.get(code) not in (None, wanted):
            return False
    return min_fds <= (message.get(wire.UNIX_FDS) or 0) <= max_fds


def rules_allow(direction: Sequence[Sequence[Rule]], message: Message) -> bool:
    """All lists have to allow it; in each, the last rule that applies decides."""
    for rules in direction:
        verdict = False
        for rule in rules:
            if rule_applies(rule, message):
                verdict = bool(rule[0])
        if not verdict:
            return False
    return True


@dataclass(eq=False)
class Link:
    """Our end of a link."""

    number: int
    peer: str
    names: list[str]
    socket: socket.socket
    clock: Page
    may_send: Sequence[Sequence[Rule]]
    may_receive: Sequence[Sequence[Rule]]
    is_open: bool = True
    n_held: int = 0
    calls: set[int] = field(default_factory=set)  # Sent over it, and without a reply yet.
    owed: set[int] = field(default_factory=set)   # Came over it, and want a reply.
    n_sent: int = 0
    bytes_sent: int = 0

    def has_name(self, name: str) -> bool:
        """Whether the peer is who this name means."""
        return name == self.peer if name.startswith(":") else name in self.names

    def send_packet(self, packet: bytes, fds: Sequence[int] = ()) -> bool:
        """Send one packet without waiting, whole or not at all."""
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            self.socket.sendmsg([packet], ancillary, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:
            return False
        return True


@dataclass(order=True)
class Arrival:
    """A message that was read of a link, and waits for its place."""

    stamp: int
    time: int
    number: int
    link: Link = field(compare=False)
    message: Message = field(compare=False)


def wants_reply(message: Message) -> bool:
    """Whether it is a call whose sender waits for the reply."""
    return message.type == wire.METHOD_CALL and not message.flags & wire.NO_REPLY


@dataclass
class Received:
    """A message as the application gets it, and which road it came."""

    message: Message
    link: Link | None


class Peer:
    """A connection to a bus, and its links."""

    def __init__(self, address: str) -> None:
        path = address.split(";")[0].partition("unix:path=")[2].partition(",")[0]
        self.bus = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.bus.connect(path)
        self.input = bytearray()
        self.input_fds: list[int] = []
        self.serial = self.sent = self.taken = self.n_arrivals = 0
        self.received: list[Received] = []
        self.controls: list[Message] = []       # What the bus told of links, for tests.
        self.bus_calls: dict[int, str | None] = {}  # Calls by the bus: whom a reply may come from.
        self.link_calls: dict[int, str] = {}    # Calls by links: the peer that was called.
        self.clock: Page | None = None
        self.tally: Page | None = None
        self.own_names: set[str] = set()
        self.epoch = 0
        self.links: list[Link] = []
        self.waiting: list[Arrival] = []        # For a cut.
        self.accepted: list[Arrival] = []       # In a cut, for their place.
        self._authenticate()
        self.unique = str(self.call(BUS, BUS_PATH, BUS, "Hello").body[0])

    def close(self) -> None:
        """Hang up."""
        for link in self.links:
            link.socket.close()
            link.clock.close()
        for page in (self.clock, self.tally):
            if page:
                page.close()
        self.bus.close()

    # The bus

    def _authenticate(self) -> None:
        uid = str(os.getuid()).encode().hex()
        self.bus.sendall(b"\0AUTH EXTERNAL " + uid.encode() + b"\r\n")
        stream = self.bus.makefile("rb", buffering=0)
        if not stream.readline().startswith(b"OK "):
            raise Closed("not let in")
        self.bus.sendall(b"NEGOTIATE_UNIX_FD\r\n")
        if not stream.readline().startswith(b"AGREE_UNIX_FD"):
            raise Closed("no passing of descriptors")
        self.bus.sendall(b"BEGIN\r\n")

    def send_by_bus(self, message: Message) -> None:
        """Send by the bus whatever it is, and count it."""
        data = message.encode()
        ancillary = ([(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", message.fds))]
                     if message.fds else [])
        done = self.bus.sendmsg([data], ancillary)
        self.bus.sendall(data[done:])
        self.sent += 1

    def call_without_reply(self, member: str, sig: str, body: Sequence[Any]) -> None:
        """Call a method of the interface of links."""
        message = wire.call(BUS, BUS_PATH, LINKS, member, sig, body, flags=wire.NO_REPLY)
        message.serial = self.next_serial()
        self.send_by_bus(message)

    def enable_links(self, version: int = VERSION, now: int | None = None) -> None:
        """Ask for links. What comes of it is in the next turns."""
        self.call_without_reply("EnableLinks", "ut",
                                [version, clock_now() if now is None else now])

    def next_serial(self) -> int:
        """A serial for a message that is to be sent."""
        self.serial += 1
        return self.serial

    def _read_bus(self) -> None:
        data, fds, _, _ = socket.recv_fds(self.bus, 1 << 18, MAX_FDS, socket.MSG_DONTWAIT)
        self.input_fds.extend(fds)
        self.input.extend(data)
        if not data:
            raise Closed

    def _batch(self) -> Iterator[Message]:
        """The messages that have been read as a whole."""
        while True:
            size = wire.message_size(bytes(self.input[:16]))
            if size is None or len(self.input) < size:
                return
            message = wire.decode(bytes(self.input[:size]))
            del self.input[:size]
            n_fds = message.get(wire.UNIX_FDS) or 0
            message.fds = self.input_fds[:n_fds]
            del self.input_fds[:n_fds]
            yield message

    # Sending (section 4)

    def link_for(self, message: Message) -> Link | None:
        """The link that a message may take, if there is one."""
        destination = message.get(wire.DESTINATION)
        link = next((link for link in self.links
                     if link.is_open and destination and link.has_name(destination)), None)
        if not link or not self.clock or message.type not in wire.TYPE_NAMES:
            return None
        if not destination.startswith(":") and self.clock.load(NAMES) != self.epoch:
            return None
        if not rules_allow(link.may_send, message) or message.sender is not None:
            return None
        if message.reply_serial is not None and message.reply_serial not in link.owed:
            return None
        if message.type == wire.METHOD_CALL and len(link.calls) >= MAX_AWAITED:
            return None
        if wants_reply(message) and not self._may_call():
            return None
        # Last, so that nothing is between it and the stamp.
        return link if self.clock.load(ROUTED) == self.sent else None

    def _may_call(self) -> bool:
        """Whether the bus allows one more call, as far as is known."""
        assert self.clock
        under_way = sum(len(link.calls) for link in self.links) + self.clock.load(CALLS) \
            + self.sent - self.clock.load(ROUTED)
        if under_way < self.clock.load(MAX_CALLS) or self.clock.load(QUEUED) > self.taken:
            return True
        return bool(select.select([link.socket for link in self.links if link.is_open],
                                  [], [], 0)[0])

    def send(self, message: Message) -> Link | None:
        """Send by the road that is right. Returns the link, or None: it went by the bus."""
        if not message.serial:
            message.serial = self.next_serial()
        data = message.encode()
        link = self.link_for(message) if len(data) <= MAX_PACKET - FRAME.size else None
        if link and len(message.fds) <= MAX_FDS:
            now = clock_now()
            head = FRAME.pack(VERSION, len(data), link.clock.load(QUEUED), now)
            if link.send_packet(head + data, message.fds):
                self._count(link, len(data), now)
                link.owed.discard(message.reply_serial or 0)
                if wants_reply(message):
                    link.calls.add(message.serial)
                    self.link_calls[message.serial] = link.peer
                return link
        awaited = sum(len(link.calls) for link in self.links)
        if awaited and wants_reply(message) and not self._may_call():
            self.call_without_reply("CallsAwaited", "u", [awaited])
        self.send_by_bus(message)
        if wants_reply(message):
            self.bus_calls[message.serial] = message.get(wire.DESTINATION)
        return None

    def _count(self, link: Link, size: int, now: int) -> None:
        """Section 8: what administrators are shown."""
        assert self.tally
        link.n_sent += 1
        link.bytes_sent += size
        TALLY.pack_into(self.tally.memory, link.number % TALLIES * TALLY_SIZE,
                        link.number, link.n_sent, link.bytes_sent, now)

    # Receiving (section 4)

    def turn(self, seconds: float = 0.0) -> bool:
        """Wait so long at most for something to come, and receive it. False: nothing came."""
        poll = select.poll()
        poll.register(self.bus, select.POLLIN)
        for link in self.links:
            if link.is_open:
                poll.register(link.socket, select.POLLIN)
        ready = poll.poll(0 if self.waiting or self.accepted else seconds * 1000)
        if not ready and not self.waiting:
            return False
        batch: list[Message] = []
        if any(fd == self.bus.fileno() for fd, _ in ready):
            self._read_bus()
            batch = list(self._batch())
        self._drain()
        for message in batch:
            self._deliver()
            self.taken += 1
            self._take(message)
        self._deliver()
        self._bury()
        return True

    def _drain(self) -> None:
        """Read what the links have. With several of them, by a cut, which begins with the clock."""
        several = sum(link.is_open for link in self.links) > 1
        cut = clock_now()
        for link in self.links:
            left = SHARE
            while link.is_open and left > 0:
                size = self._read_packet(link)
                if not size:
                    break
                left -= size
        chosen = [a for a in self.waiting if not several or a.time <= cut]
        self.waiting = [a for a in self.waiting if several and a.time > cut]
        self.accepted = sorted(self.accepted + chosen)

    def _read_packet(self, link: Link) -> int:
        """Read one packet. Returns its size; 0: there is none now, or no more at all."""
        try:
            data, fds, flags, _ = socket.recv_fds(link.socket, MAX_PACKET + 1, MAX_FDS,
                                                  socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
        except ConnectionResetError:
            return 1    # Not the end: what was sent before is behind it.
        if not data:
            link.is_open = False
            return 0
        try:
            if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
                raise Broken("too large")
            self._take_packet(link, data, fds)
        except (Broken, wire.WireError, UnicodeDecodeError):
            for fd in fds:
                os.close(fd)
            link.is_open = False
        return len(data)

    def _take_packet(self, link: Link, data: bytes, fds: list[int]) -> None:
        assert self.clock
        if len(data) < FRAME.size:
            raise Broken("no frame")
        version, size, stamp, sent_at = FRAME.unpack_from(data)
        if version != VERSION or size != len(data) - FRAME.size:
            raise Broken("it lies about itself")
        if stamp > self.clock.load(QUEUED):
            raise Broken("a stamp of the future")
        if wire.message_size(data[FRAME.size:]) != size:
            raise Broken("no message")
        message = wire.decode(data[FRAME.size:])
        if message.type not in wire.TYPE_NAMES:
            raise Broken("an unknown type")
        if message.sender is not None or (message.get(wire.UNIX_FDS) or 0) != len(fds):
            raise Broken("a sender, or other descriptors than it says")
        if not rules_allow(link.may_receive, message):
            raise Broken("forbidden")
        message.fds = fds
        self.n_arrivals += 1
        link.n_held += 1
        self.waiting.append(Arrival(stamp, min(sent_at, clock_now()), self.n_arrivals, link,
                                    message))

    def _deliver(self) -> None:
        """Accept what goes ahead of the next message of the bus."""
        while self.accepted and self.accepted[0].stamp <= self.taken:
            arrival = self.accepted.pop(0)
            arrival.link.n_held -= 1
            self._accept_from_link(arrival.link, arrival.message)

    def _accept_from_link(self, link: Link, message: Message) -> None:
        destination = message.get(wire.DESTINATION)
        if destination != self.unique and destination not in self.own_names:
            link.is_open = False
            return
        if message.reply_serial is not None:
            if self.link_calls.get(message.reply_serial) != link.peer:
                return
            self._forget_call(message.reply_serial)
        message.fields.append((wire.SENDER, link.peer))
        if wants_reply(message):
            link.owed.add(message.serial)
        self.received.append(Received(message, link))

    def _forget_call(self, serial: int) -> None:
        self.link_calls.pop(serial, None)
        self.bus_calls.pop(serial, None)
        for link in self.links:
            link.calls.discard(serial)

    def _accepts_reply(self, message: Message) -> bool:
        """Whether a reply by the bus is one that is awaited."""
        serial = message.reply_serial or 0
        if message.sender == BUS:
            return True
        if serial in self.link_calls:
            return message.sender == self.link_calls[serial]
        if not message.flags & LET_THROUGH:
            return True
        return serial not in self.bus_calls and bool(message.flags & UNASKED)

    def _take(self, message: Message) -> None:
        """A message of the bus, at its place."""
        interface, member = message.get(wire.INTERFACE), message.member
        if message.sender == BUS and message.type == wire.SIGNAL:
            if interface == LINKS:
                self.controls.append(message)
                getattr(self, f"_take_{member}", lambda message: None)(message)
                return
            if interface == BUS and member in ("NameAcquired", "NameLost"):
                getattr(self.own_names, "add" if member == "NameAcquired" else "discard")(
                    message.body[0])
                return
        if message.reply_serial is not None:
            if not self._accepts_reply(message):
                return
            self._forget_call(message.reply_serial)
        message.flags &= ~(LET_THROUGH | UNASKED)
        self.received.append(Received(message, None))

    # What the bus tells of links (section 2)

    def _take_Enabled(self, message: Message) -> None:  # pylint: disable=invalid-name
        clock, tally, names = message.body
        self.clock = Page(message.fds[clock], False)
        self.tally = Page(message.fds[tally], True)
        self.own_names = set(names)

    def _take_LinkOffered(self, message: Message) -> None:  # pylint: disable=invalid-name
        number, peer, names, epoch, sock, clock, may_send, may_receive = message.body
        self.epoch = epoch
        self.links.append(Link(number, peer, names, socket.socket(fileno=message.fds[sock]),
                               Page(message.fds[clock], False), may_send, may_receive))
        # The peer may have sent already what goes ahead of the next message.
        self._drain()

    def _take_LinkNames(self, message: Message) -> None:  # pylint: disable=invalid-name
        number, names, self.epoch = message.body
        for link in self.links:
            if link.number == number:
                link.names = names

    # The end of a link (section 6)

    def _bury(self) -> None:
        for link in [link for link in self.links if not link.is_open and not link.n_held]:
            self.links.remove(link)
            link.socket.close()
            link.clock.close()
            self.call_without_reply("LinkClosed", "uau", [link.number, sorted(link.calls)])

    # For tests

    def wait_for(self, condition: Any, what: str) -> None:
        """Take turns until a condition is true."""
        end = time.monotonic() + DEADLINE
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.unique} waits for {what}")
            self.turn(0.05)

    def take_received(self, wanted: Any, what: str = "a message") -> Received:
        """Wait for a message, and take it out of those received."""
        found: list[Received] = []

        def is_there() -> bool:
            found[:] = [r for r in self.received if wanted(r.message)][:1]
            return bool(found)

        self.wait_for(is_there, what)
        self.received.remove(found[0])
        return found[0]

    def call(self, destination: str, path: str, interface: str, member: str, sig: str = "",
             body: Sequence[Any] = ()) -> Message:
        """Call, and wait for the reply."""
        return self.round_trip(wire.call(destination, path, interface, member, sig, body))[1]

    def round_trip(self, message: Message) -> tuple[Link | None, Message]:
        """Call, and wait for the reply. Returns the link that the call took, if it took one."""
        link = self.send(message)
        serial = message.serial
        return link, self.take_received(lambda m: m.reply_serial == serial,
                                        f"the reply to {message.member}").message
