# SPDX-License-Identifier: MIT
"""A client of the differential tests that talks by way of a libdbus, and so may have peer links."""

from __future__ import annotations

import ctypes
import time
from typing import Callable, Sequence

import peer_python  # noqa: F401  pylint: disable=unused-import
import wire
from client import SYNC_PATH, SYNC_SERIAL, Client, as_user
from wire import METHOD_CALL, Message

PEER = "org.freedesktop.DBus.Peer"

# enum DBusHandlerResult, enum DBusDispatchStatus
HANDLED = 0
DATA_REMAINS = 0

# Serials that the library gives to its own calls do not come so far.
FIRST_SERIAL = 1000

FILTER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)

NOTIFY = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)

# DBUS_TIMEOUT_INFINITE
NEVER = 0x7fffffff


class Failure(Exception):
    """What the library said is not so."""


class Library:
    """The functions of a libdbus, and all connections that were made with it."""

    def __init__(self, path: str) -> None:
        self.functions = ctypes.CDLL(path)
        for name in ("dbus_connection_open_private", "dbus_message_demarshal",
                     "dbus_pending_call_steal_reply"):
            getattr(self.functions, name).restype = ctypes.c_void_p
        self.functions.dbus_bus_get_unique_name.restype = ctypes.c_char_p
        self.functions.dbus_message_get_serial.restype = ctypes.c_uint32
        self.clients: list[LibraryClient] = []

    def pump(self) -> bool:
        """Read, write and dispatch whatever there is, of everybody. Whether there was something."""
        dbus, busy = self.functions, False
        for client in self.clients:
            dbus.dbus_connection_read_write(client.handle, 0)
            while dbus.dbus_connection_dispatch(client.handle) == DATA_REMAINS:
                busy = True
        return busy


class LibraryClient(Client):
    """One connection of a library. It cannot send what is no message, and no fds."""

    def __init__(self, library: Library, label: str, address: str,
                 emit: Callable[[str], None]) -> None:  # pylint: disable=super-init-not-called
        self.library = library
        self.handle = ctypes.c_void_p(library.functions.dbus_connection_open_private(
            address.encode(), None))
        if not self.handle:
            raise Failure(f"no connection to {address}")
        self.label = label
        self.emit = emit
        self.deadline = 10.0
        self.unique = ""
        self.monitor = False
        self.connected = True
        self._data = bytearray()
        self._fds = []
        self._pending = []
        self._told_disconnect = False
        self._serial = FIRST_SERIAL
        self._sync_serial = SYNC_SERIAL
        self._together = None
        # The library calls it for as long as there is a connection.
        self._filter = FILTER(self._received)
        self._notify = NOTIFY(self._replied)
        library.functions.dbus_connection_set_exit_on_disconnect(self.handle, 0)
        library.functions.dbus_connection_add_filter(self.handle, self._filter, None, None)
        library.clients.append(self)

    def _replied(self, pending: int, _data: int) -> None:
        dbus = self.library.functions
        message = ctypes.c_void_p(dbus.dbus_pending_call_steal_reply(ctypes.c_void_p(pending)))
        self._received(0, message, 0)
        dbus.dbus_message_unref(message)

    def _received(self, _connection: int, message: int | ctypes.c_void_p, _data: int) -> int:
        dbus, data, size = self.library.functions, ctypes.c_void_p(), ctypes.c_int()
        if isinstance(message, int):
            message = ctypes.c_void_p(message)
        if not dbus.dbus_message_marshal(message, ctypes.byref(data), ctypes.byref(size)):
            raise MemoryError
        encoded = ctypes.string_at(data, size.value)
        dbus.dbus_free(data)
        # The library itself tells of the end of the connection.
        if wire.decode(encoded).sender:
            self._data.extend(encoded)
        return HANDLED

    def register(self, uid: int | None) -> None:
        """Authenticate as somebody, and say Hello."""
        dbus = self.library.functions
        with as_user(uid):
            registered = dbus.dbus_bus_register(self.handle, None)
        if not registered:
            self.log("is not let in")
            return
        self.unique = dbus.dbus_bus_get_unique_name(self.handle).decode()
        self.quiet(lambda: self.wait_member("NameAcquired"))

    def send_raw(self, data: bytes | bytearray, fds: Sequence[int] = ()) -> bool:
        """Send encoded messages, other than those that a library takes for none."""
        dbus = self.library.functions
        while data:
            size = wire.message_size(data) or len(data)
            message = ctypes.c_void_p(dbus.dbus_message_demarshal(bytes(data[:size]), size, None))
            data = data[size:]
            if message:
                self._send_message(message)
                dbus.dbus_message_unref(message)
        dbus.dbus_connection_flush(self.handle)
        return True

    def _send_message(self, message: ctypes.c_void_p) -> None:
        dbus, pending = self.library.functions, ctypes.c_void_p()
        awaits = dbus.dbus_message_get_type(message) == METHOD_CALL \
            and not dbus.dbus_message_get_no_reply(message)
        # An application may look for some replies among all that it receives.
        if not awaits or dbus.dbus_message_get_serial(message) % 4 == 1:
            dbus.dbus_connection_send(self.handle, message, None)
            return
        dbus.dbus_connection_send_with_reply(self.handle, message, ctypes.byref(pending), NEVER)
        if pending:
            dbus.dbus_pending_call_set_notify(pending, self._notify, None, None)
            dbus.dbus_pending_call_unref(pending)

    def _receive(self, seconds: float) -> bool:
        """Let all clients work until something came for this one; True then."""
        size, end = len(self._data), time.monotonic() + seconds
        while self.connected:
            busy = self.library.pump()
            if len(self._data) > size:
                return True
            self.connected = bool(
                self.library.functions.dbus_connection_get_is_connected(self.handle))
            if time.monotonic() > end:
                return False
            if not busy:
                time.sleep(0.0001)
        return True

    def ping(self, other: Client) -> None:
        """A round trip to another client: what was sent to it before has arrived."""
        self._sync_serial += 1
        serial = self._sync_serial
        self.send_raw(wire.call(other.unique, SYNC_PATH, PEER, "Ping", serial=serial).encode())
        end = time.monotonic() + self.deadline
        reply: Message | None = None
        while reply is None or reply.reply_serial != serial:
            reply = self._next(end, f"a round trip to {other.label}")
            if reply is None:
                return
            self._pending.append(reply)

    def close(self) -> None:
        """Hang up."""
        if self not in self.library.clients:
            return
        self.library.clients.remove(self)
        self.library.functions.dbus_connection_close(self.handle)
        self.library.functions.dbus_connection_unref(self.handle)
        self.connected = False
