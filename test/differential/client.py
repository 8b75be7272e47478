# SPDX-License-Identifier: MIT
"""A raw client which writes down all that it sends and receives."""

from __future__ import annotations

import os
import select
import socket
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Sequence

import wire
from daemons import open_socket
from wire import DRIVER, DRIVER_PATH, Message

# Calls that only synchronise have serials from here on and this path, and stay out of transcripts.
SYNC_SERIAL = 0x70000000
SYNC_PATH = "/sync"

Emit = Callable[[str], None]


class Timeout(Exception):
    """What a scenario waits for did not come."""


@contextmanager
def as_user(uid: int | None, gid: int | None = None,
            groups: Sequence[int] = ()) -> Iterator[None]:
    """Take another user's effective ids meanwhile; only root can. None changes nothing."""
    if uid is None:
        yield
        return
    old = os.getegid(), os.getgroups()
    os.setgroups(list(groups))
    os.setegid(uid if gid is None else gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(old[0])
        os.setgroups(old[1])


class Client:
    """One connection. Its transcript lines start with its label."""

    def __init__(self, label: str, address: str, emit: Emit, patience: float = 1.0) -> None:
        self.label = label
        self.emit = emit
        self.deadline = 10.0 * patience
        self.unique = ""
        self.monitor = False
        self.connected = True
        self.sock = open_socket(address)
        self.sock.setblocking(False)
        self._data = bytearray()
        self._fds: list[int] = []
        self._pending: list[Message] = []
        self._told_disconnect = False
        self._serial = 0
        self._sync_serial = SYNC_SERIAL
        self._together: bytearray | None = None

    def log(self, text: str) -> None:
        """Write a line of transcript."""
        self.emit(f"{self.label} {text}")

    # Bytes

    def send_raw(self, data: bytes | bytearray, fds: Sequence[int] = ()) -> bool:
        """Send bytes as they are, reading meanwhile. False when the daemon has hung up."""
        view = memoryview(data)
        end = time.monotonic() + self.deadline
        try:
            while view:
                _, writable, _ = select.select([], [self.sock], [], 0.05)
                if not writable:
                    self._receive(0)
                    if time.monotonic() > end:
                        raise Timeout(f"{self.label} cannot send")
                    continue
                if fds:
                    sent = socket.send_fds(self.sock, [view[:65536]], list(fds))
                    fds = ()
                else:
                    sent = self.sock.send(view)
                view = view[sent:]
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def _receive(self, seconds: float) -> bool:
        """Read once, waiting so long at most. True when something came."""
        if not self.connected:
            return False
        ready, _, _ = select.select([self.sock], [], [], max(0.0, seconds))
        if not ready:
            return False
        try:
            if self.sock.family == socket.AF_UNIX:
                data, fds, _, _ = socket.recv_fds(self.sock, 1 << 18, 253)
                self._fds.extend(fds)
            else:
                data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            data = b""
        if not data:
            self.connected = False
        self._data.extend(data)
        return True

    def read_bytes(self, count: int) -> bytes:
        """Exactly count bytes, or fewer when the daemon hangs up."""
        end = time.monotonic() + self.deadline
        while len(self._data) < count and self.connected:
            if not self._receive(end - time.monotonic()) and time.monotonic() > end:
                raise Timeout(f"{self.label} waits for {count} bytes")
        out = bytes(self._data[:count])
        del self._data[:count]
        return out

    # Authentication

    def auth_send(self, line: str | bytes) -> None:
        """Send one line of the authentication protocol."""
        data = line if isinstance(line, bytes) else line.encode()
        self.log(f">> {data.decode('latin-1')!r}" if len(data) < 300
                 else f">> {len(data)} bytes")
        self.send_raw(data + b"\r\n")

    def auth_read(self) -> str | None:
        """Read one line of the authentication protocol; None at the end of the stream."""
        end = time.monotonic() + self.deadline
        while b"\r\n" not in self._data:
            if not self.connected:
                self._log_disconnect()
                return None
            if not self._receive(end - time.monotonic()) and time.monotonic() > end:
                raise Timeout(f"{self.label} waits for an authentication line")
        at = self._data.index(b"\r\n")
        line = self._data[:at].decode("latin-1")
        del self._data[:at + 2]
        self.log(f"<< {line!r}")
        return line

    def auth_exchange(self, line: str | bytes) -> str | None:
        """Send a line and read the answer."""
        self.auth_send(line)
        return self.auth_read()

    def authenticate(self, fds: bool = True, identity: int | None = None) -> None:
        """The usual conversation, not written down."""
        uid = os.geteuid() if identity is None else identity
        lines = b"\0AUTH EXTERNAL " + str(uid).encode().hex().encode() + b"\r\n"
        expected = 1
        if fds:
            lines += b"NEGOTIATE_UNIX_FD\r\n"
            expected = 2
        emit, self.emit = self.emit, lambda text: None
        answers: list[str | None] = []
        self.send_raw(lines)
        for _ in range(expected):
            answers.append(self.auth_read())
        self.emit = emit
        if not answers[0] or not answers[0].startswith("OK "):
            self.log(f"authentication failed: {answers!r}")
        self.send_raw(b"BEGIN\r\n")

    # Messages

    def next_serial(self) -> int:
        """A fresh serial."""
        self._serial += 1
        return self._serial

    def _parse(self) -> Message | None:
        size = wire.message_size(self._data)
        if size is None or len(self._data) < size:
            return None
        message = wire.decode(bytes(self._data[:size]))
        del self._data[:size]
        count = message.get(wire.UNIX_FDS, 0)
        message.fds = self._fds[:count]
        del self._fds[:count]
        return message

    def _next(self, end: float, what: str) -> Message | None:
        """The next message off the socket; None when the daemon has hung up."""
        while True:
            message = self._parse()
            if message:
                return message
            if not self.connected:
                if self._data:
                    self.log(f"has {len(self._data)} bytes of an unfinished message")
                    self._data.clear()
                return None
            if not self._receive(end - time.monotonic()) and time.monotonic() > end:
                raise Timeout(f"{self.label} waits for {what}")

    def _log_message(self, message: Message, arrow: str = "<") -> None:
        if message.get(wire.PATH) == SYNC_PATH or (message.reply_serial or 0) >= SYNC_SERIAL:
            self._close_fds(message)
            return
        daemon_made = message.sender in (DRIVER, None)
        self.log(f"{arrow} {message.show(hide_serial=daemon_made)}")

    def _log_disconnect(self) -> None:
        if not self._told_disconnect:
            self._told_disconnect = True
            self.log("is disconnected")

    @staticmethod
    def _close_fds(message: Message) -> None:
        for fd in message.fds:
            os.close(fd)
        message.fds = []

    def drain(self) -> None:
        """Write down what was received while synchronising."""
        pending, self._pending = self._pending, []
        for message in pending:
            self._log_message(message)
            self._close_fds(message)
        if not self.connected and not self._data:
            self._log_disconnect()

    def take_pending(self) -> list[Message]:
        """What was received while synchronising, for the scenario to write down."""
        pending, self._pending = self._pending, []
        for message in pending:
            self._close_fds(message)
        return [message for message in pending if message.get(wire.PATH) != SYNC_PATH]

    def send(self, message: Message, quiet: bool = False, sync: bool = True) -> int:
        """Send, write it down, and wait till the daemon has dealt with it. Returns the serial."""
        if not message.serial:
            message.serial = self.next_serial()
        if not quiet:
            self.log(f"> {message.show()}")
        if self._together is not None:
            self._together.extend(message.encode())
            return message.serial
        self.send_raw(message.encode(), message.fds)
        if sync and self.unique and not self.monitor:
            self.sync()
        return message.serial

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is sent meanwhile, without fds, goes in one piece; replies are not waited for."""
        self._together = bytearray()
        try:
            yield
        finally:
            data, self._together = self._together, None
            self.send_raw(data)

    def sync(self) -> bool:
        """A round trip to the driver; what comes meanwhile is kept for drain()."""
        if not self.connected:
            return False
        self._sync_serial += 1
        serial = self._sync_serial
        ping = wire.call(DRIVER, SYNC_PATH, "org.freedesktop.DBus.Peer", "Ping", serial=serial)
        self.send_raw(ping.encode())
        end = time.monotonic() + self.deadline
        while True:
            message = self._next(end, "a round trip")
            if message is None:
                return False
            if message.reply_serial == serial and message.sender == DRIVER:
                return True
            self._pending.append(message)

    def quiet_call(self, member: str, sig: str = "", body: Sequence[Any] = ()) -> Message | None:
        """Call the driver without leaving a trace in the transcript."""
        self._sync_serial += 1
        serial = self._sync_serial
        self.send_raw(wire.call(DRIVER, SYNC_PATH, DRIVER, member, sig, body,
                                serial=serial).encode())
        end = time.monotonic() + self.deadline
        while True:
            message = self._next(end, f"the reply to {member}")
            if message is None or (message.reply_serial == serial and message.sender == DRIVER):
                return message
            self._pending.append(message)

    def receive(self, wanted: Callable[[Message], bool], what: str) -> Message | None:
        """Write down messages until one is wanted. None when the daemon has hung up."""
        end = time.monotonic() + self.deadline
        while True:
            message = self._pending.pop(0) if self._pending else self._next(end, what)
            if message is None:
                self._log_disconnect()
                return None
            self._log_message(message)
            if wanted(message):
                return message
            self._close_fds(message)

    def wait_reply(self, serial: int) -> Message | None:
        """Write down messages up to the reply to serial."""
        return self.receive(lambda m: m.reply_serial == serial, f"the reply to {serial}")

    def wait_member(self, member: str) -> Message | None:
        """Write down messages up to one with this member."""
        return self.receive(lambda m: m.member == member, member)

    def expect_disconnect(self) -> None:
        """Write down all messages up to the end of the stream."""
        self.receive(lambda m: False, "the end of the stream")

    def request(self, message: Message) -> Message | None:
        """Send a call and write down all up to its reply."""
        self.drain()
        serial = self.send(message, sync=False)
        return self.wait_reply(serial) if self._together is None else None

    def driver(self, member: str, sig: str = "", body: Sequence[Any] = (),
               interface: str | None = DRIVER, path: str = DRIVER_PATH,
               **more: Any) -> Message | None:
        """Call the driver and write down all up to the reply."""
        return self.request(wire.call(DRIVER, path, interface, member, sig, body, **more))

    def quiet(self, action: Callable[[], Message | None]) -> Message | None:
        """Do something without writing it down; the scenario then writes what it wants of it."""
        self.drain()
        emit, self.emit = self.emit, lambda text: None
        try:
            return action()
        finally:
            self.emit = emit

    def driver_sorted(self, member: str, sig: str = "", body: Sequence[Any] = (),
                      interface: str = DRIVER) -> list[Any]:
        """Call the driver for a list whose order is not defined, and write it down sorted."""
        self.drain()
        serial = self.send(wire.call(DRIVER, DRIVER_PATH, interface, member, sig, body),
                           sync=False)
        end = time.monotonic() + self.deadline
        while True:
            message = self._next(end, f"the reply to {member}")
            if message is None:
                self._log_disconnect()
                return []
            if message.reply_serial == serial and message.type == wire.METHOD_RETURN:
                message.body = [sorted(message.body[0], key=str)]
            self._log_message(message)
            if message.reply_serial == serial:
                return list(message.body[0]) if message.type == wire.METHOD_RETURN else []

    def hello(self, quiet: bool = True) -> None:
        """Register on the bus."""
        if not quiet:
            reply = self.driver("Hello")
            self.unique = reply.body[0] if reply and reply.type == wire.METHOD_RETURN else ""
            return
        reply = self.quiet(lambda: self.driver("Hello"))
        if reply and reply.type == wire.METHOD_RETURN:
            self.unique = reply.body[0]
            self.quiet(lambda: self.wait_member("NameAcquired"))
        if not self.unique:
            self.log(f"Hello failed: {reply.show(True) if reply else 'disconnected'}")

    # Everyday calls

    def request_name(self, name: str, flags: int = 0) -> Message | None:
        """RequestName; the transcript has the result and the signals."""
        return self.driver("RequestName", "su", [name, flags])

    def release_name(self, name: str) -> Message | None:
        """ReleaseName."""
        return self.driver("ReleaseName", "s", [name])

    def add_match(self, rule: str) -> Message | None:
        """AddMatch."""
        return self.driver("AddMatch", "s", [rule])

    def remove_match(self, rule: str) -> Message | None:
        """RemoveMatch."""
        return self.driver("RemoveMatch", "s", [rule])

    def become_monitor(self, rules: Sequence[str] = (), flags: int = 0) -> Message | None:
        """BecomeMonitor; to given rules one for synchronising is added."""
        full = [*rules, f"path='{SYNC_PATH}'"] if rules else []
        reply = self.driver("BecomeMonitor", "asu", [full, flags],
                            interface="org.freedesktop.DBus.Monitoring")
        self.monitor = bool(reply and reply.type == wire.METHOD_RETURN)
        return reply

    def catch_up(self, other: Client) -> None:
        """As a monitor, read up to a synchronising call which another client makes now."""
        other.sync()
        serial = other._sync_serial
        end = time.monotonic() + self.deadline
        while True:
            message = self._next(end, "a synchronising call")
            if message is None:
                return
            self._pending.append(message)
            if message.get(wire.PATH) == SYNC_PATH and message.serial == serial \
                    and message.sender == other.unique:
                return

    def shut_down_quietly(self) -> None:
        """Close for writing and throw away all up to the end of the stream."""
        self.sock.shutdown(socket.SHUT_WR)
        self.read_bytes(1 << 30)

    def shut_down(self) -> None:
        """Close for writing and read up to the end of the stream."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.expect_disconnect()

    def close(self) -> None:
        """Close the socket and whatever fds are left."""
        for message in self._pending:
            self._close_fds(message)
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()
        self.connected = False
        self.sock.close()
