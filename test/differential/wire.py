# SPDX-License-Identifier: MIT
"""The D-Bus wire format: values, messages and their text form, in both byte orders.

Written to be lenient when it encodes (a scenario may want any broken bytes) and strict when it
decodes (a daemon has to send valid messages, and nothing else).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Sequence

METHOD_CALL, METHOD_RETURN, ERROR, SIGNAL = 1, 2, 3, 4
TYPE_NAMES = {1: "call", 2: "return", 3: "error", 4: "signal"}

NO_REPLY, NO_AUTO_START, INTERACTIVE = 1, 2, 4

PATH, INTERFACE, MEMBER, ERROR_NAME = 1, 2, 3, 4
REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE, UNIX_FDS = 5, 6, 7, 8, 9
FIELD_NAMES = {1: "path", 2: "interface", 3: "member", 4: "error", 5: "reply_serial",
               6: "destination", 7: "sender", 8: "signature", 9: "unix_fds"}
FIELD_TYPES = {1: "o", 2: "s", 3: "s", 4: "s", 5: "u", 6: "s", 7: "s", 8: "g", 9: "u"}

DRIVER = "org.freedesktop.DBus"
DRIVER_PATH = "/org/freedesktop/DBus"

_ALIGN = {"y": 1, "b": 4, "n": 2, "q": 2, "i": 4, "u": 4, "x": 8, "t": 8, "d": 8,
          "s": 4, "o": 4, "g": 1, "a": 4, "v": 1, "(": 8, "{": 8, "h": 4}
_FIXED = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q",
          "d": "d", "h": "I"}


class WireError(Exception):
    """Bytes which are not a valid message."""


class Variant(NamedTuple):
    """A value together with its signature."""

    sig: str
    value: Any


class Raw(bytes):
    """Bytes to put where a value would go, as they are (after the value's alignment)."""


def split_signature(sig: str) -> list[str]:
    """Split a signature into its single complete types."""
    out = []
    pos = 0
    while pos < len(sig):
        end = _type_end(sig, pos)
        out.append(sig[pos:end])
        pos = end
    return out


def _type_end(sig: str, pos: int) -> int:
    while pos < len(sig) and sig[pos] == "a":
        pos += 1
    if pos >= len(sig):
        raise WireError(f"incomplete signature {sig!r}")
    if sig[pos] not in "({":
        return pos + 1
    closing = {"(": ")", "{": "}"}[sig[pos]]
    pos += 1
    while pos < len(sig) and sig[pos] != closing:
        pos = _type_end(sig, pos)
    if pos >= len(sig):
        raise WireError(f"incomplete signature {sig!r}")
    return pos + 1


def pad(buf: bytearray, align: int) -> None:
    """Append zero bytes up to the next multiple of align."""
    buf.extend(b"\0" * (-len(buf) % align))


def marshal_into(buf: bytearray, sig: str, value: Any, order: str = "<") -> None:
    """Append one value of the single complete type sig; buf starts at an 8-byte boundary."""
    kind = sig[0]
    pad(buf, _ALIGN[kind])
    if isinstance(value, Raw):
        buf.extend(value)
    elif kind in _FIXED:
        buf.extend(struct.pack(order + _FIXED[kind], value))
    elif kind in "so":
        data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
        buf.extend(struct.pack(order + "I", len(data)) + data + b"\0")
    elif kind == "g":
        data = value if isinstance(value, bytes) else value.encode()
        buf.extend(bytes([len(data)]) + data + b"\0")
    elif kind == "a":
        _marshal_array(buf, sig[1:], value, order)
    elif kind == "v":
        marshal_into(buf, "g", value.sig, order)
        marshal_into(buf, value.sig, value.value, order)
    else:
        for part, item in zip(split_signature(sig[1:-1]), value):
            marshal_into(buf, part, item, order)


def _marshal_array(buf: bytearray, element: str, value: Any, order: str) -> None:
    at = len(buf)
    buf.extend(b"\0\0\0\0")
    pad(buf, _ALIGN[element[0]])
    start = len(buf)
    if element == "y" and isinstance(value, (bytes, bytearray)):
        buf.extend(value)
    else:
        items = value.items() if isinstance(value, dict) else value
        for item in items:
            marshal_into(buf, element, item, order)
    struct.pack_into(order + "I", buf, at, len(buf) - start)


def marshal(sig: str, values: Sequence[Any], order: str = "<") -> bytes:
    """Marshal the values of a whole signature, as in a message body."""
    buf = bytearray()
    for part, value in zip(split_signature(sig), values, strict=True):
        marshal_into(buf, part, value, order)
    return bytes(buf)


class Reader:
    """A cursor over marshalled bytes."""

    def __init__(self, data: bytes, order: str, pos: int = 0) -> None:
        self.data, self.order, self.pos = data, order, pos

    def align(self, align: int) -> None:
        """Skip padding, which has to be zero."""
        end = self.pos + (-self.pos % align)
        if any(self.data[self.pos:end]):
            raise WireError("padding is not zero")
        self.pos = end

    def take(self, count: int) -> bytes:
        """The next count bytes."""
        end = self.pos + count
        if end > len(self.data):
            raise WireError("value reaches past the end")
        out = self.data[self.pos:end]
        self.pos = end
        return out

    def read(self, sig: str) -> Any:
        """Read one value of the single complete type sig."""
        kind = sig[0]
        self.align(_ALIGN[kind])
        if kind in _FIXED:
            code = _FIXED[kind]
            value = struct.unpack(self.order + code, self.take(struct.calcsize(code)))[0]
            if kind == "b":
                if value > 1:
                    raise WireError(f"boolean is {value}")
                return bool(value)
            return value
        if kind in "so":
            return self._text(struct.unpack(self.order + "I", self.take(4))[0])
        if kind == "g":
            return self._text(self.take(1)[0])
        if kind == "v":
            inner = self.read("g")
            return Variant(inner, self.read(inner))
        if kind == "a":
            return self._array(sig[1:])
        return tuple(self.read(part) for part in split_signature(sig[1:-1]))

    def _text(self, length: int) -> str:
        data = self.take(length)
        if self.take(1) != b"\0":
            raise WireError("string lacks its terminating nul")
        return data.decode()

    def _array(self, element: str) -> Any:
        length = struct.unpack(self.order + "I", self.take(4))[0]
        self.align(_ALIGN[element[0]])
        end = self.pos + length
        if element == "y":
            return bytes(self.take(length))
        out = []
        while self.pos < end:
            out.append(self.read(element))
        if self.pos != end:
            raise WireError("array elements reach past its length")
        return out


def unmarshal(sig: str, data: bytes, order: str = "<") -> list[Any]:
    """Decode a whole body."""
    reader = Reader(data, order)
    out = [reader.read(part) for part in split_signature(sig)]
    if reader.pos != len(data):
        raise WireError(f"{len(data) - reader.pos} bytes too many in the body")
    return out


def show_value(value: Any) -> str:
    """One value as text; long strings are shortened, dictionaries ordered by their keys."""
    if isinstance(value, Variant):
        return f"<{value.sig} {show_value(value.value)}>"
    if isinstance(value, (str, bytes)):
        if len(value) > 6000:
            return f"{value[:40]!r}...{len(value)}"
        return repr(value)
    if isinstance(value, tuple):
        return "(" + ", ".join(show_value(item) for item in value) + ")"
    if isinstance(value, list):
        shown = [show_value(item) for item in value]
        if value and all(isinstance(i, tuple) and len(i) == 2 and isinstance(i[1], Variant)
                         for i in value):
            shown.sort()
        return "[" + ", ".join(shown) + "]"
    return repr(value)


@dataclass
class Message:
    """A message. `fields` holds (code, value) or (code, signature, value) in wire order."""

    type: int = METHOD_CALL
    flags: int = 0
    serial: int = 0
    fields: list[tuple[Any, ...]] = field(default_factory=list)
    sig: str = ""
    body: Sequence[Any] = ()
    fds: list[int] = field(default_factory=list)
    order: str = "<"
    version: int = 1
    # What encode() writes instead of the true value, for broken messages.
    raw_body: bytes | None = None
    body_length: int | None = None
    fields_length: int | None = None
    endian: bytes | None = None
    header_padding: bytes | None = None

    def get(self, code: int, default: Any = None) -> Any:
        """The value of the first header field with this code."""
        for entry in self.fields:
            if entry[0] == code:
                return entry[-1]
        return default

    @property
    def sender(self) -> str | None:
        """The sender field."""
        return self.get(SENDER)

    @property
    def member(self) -> str | None:
        """The member field."""
        return self.get(MEMBER)

    @property
    def error(self) -> str | None:
        """The error name field."""
        return self.get(ERROR_NAME)

    @property
    def reply_serial(self) -> int | None:
        """The reply serial field."""
        return self.get(REPLY_SERIAL)

    def encode(self) -> bytes:
        """The bytes of the message."""
        body = self.raw_body
        if body is None:
            body = marshal(self.sig, self.body, self.order)
        endian = self.endian or (b"l" if self.order == "<" else b"B")
        length = len(body) if self.body_length is None else self.body_length
        out = bytearray(endian + struct.pack(self.order + "BBBII", self.type, self.flags,
                                             self.version, length, self.serial))
        out.extend(b"\0\0\0\0")
        for entry in self.fields:
            pad(out, 8)
            if isinstance(entry, Raw):
                out.extend(entry)
                continue
            code, value = entry[0], entry[-1]
            sig = entry[1] if len(entry) == 3 else FIELD_TYPES[code]
            out.append(code)
            marshal_into(out, "g", sig, self.order)
            marshal_into(out, sig, value, self.order)
        fields_length = len(out) - 16 if self.fields_length is None else self.fields_length
        struct.pack_into(self.order + "I", out, 12, fields_length)
        padding = b"\0" * (-len(out) % 8)
        out.extend(padding if self.header_padding is None
                   else self.header_padding[:len(padding)])
        return bytes(out) + body

    def show(self, hide_serial: bool = False) -> str:
        """The whole message on one line. Field order has no meaning, so it is by code."""
        kind = TYPE_NAMES.get(self.type, f"type{self.type}")
        serial = "*" if hide_serial and self.serial else str(self.serial)
        parts = [kind, f"flags={self.flags:#x}", f"serial={serial}"]
        for entry in sorted(self.fields, key=lambda e: e[0]):
            name = FIELD_NAMES.get(entry[0], f"field{entry[0]}")
            sig = entry[1] if len(entry) == 3 else FIELD_TYPES[entry[0]]
            note = "" if FIELD_TYPES.get(entry[0]) == sig else f":{sig}"
            if entry[0] == SIGNATURE and entry[-1] == "":
                continue
            parts.append(f"{name}{note}={entry[-1]}")
        if self.version != 1:
            parts.append(f"version={self.version}")
        if self.sig:
            parts.append("(" + ", ".join(show_value(v) for v in self.body) + ")")
        if self.fds:
            parts.append(f"[{len(self.fds)} fds]")
        return " ".join(parts)


def message_size(data: bytes) -> int | None:
    """The size of the message that starts data, or None when 16 bytes are not there yet."""
    if len(data) < 16:
        return None
    if data[:1] not in (b"l", b"B"):
        raise WireError(f"unknown byte order {data[:1]!r}")
    order = "<" if data[:1] == b"l" else ">"
    body, _, fields = struct.unpack_from(order + "III", data, 4)
    return 16 + fields + (-fields % 8) + body


def decode(data: bytes) -> Message:
    """Decode one whole message."""
    order = "<" if data[:1] == b"l" else ">"
    kind, flags, version, body_length, serial = struct.unpack_from(order + "BBBII", data, 1)
    reader = Reader(data[:len(data) - body_length], order, 12)
    fields = [(code, value.sig, value.value) for code, value in reader.read("a(yv)")]
    reader.align(8)
    if reader.pos != len(data) - body_length:
        raise WireError("header fields do not end where the body starts")
    sig = next((value for code, _, value in fields if code == SIGNATURE), "")
    body = unmarshal(sig, data[reader.pos:], order)
    return Message(kind, flags, serial, list(fields), sig, body, [], order, version)


def call(destination: str | None, path: str | None, interface: str | None, member: str | None,
         sig: str = "", body: Sequence[Any] = (), **more: Any) -> Message:
    """A method call; a None leaves its field out."""
    return build(METHOD_CALL, [(PATH, path), (INTERFACE, interface), (MEMBER, member),
                               (DESTINATION, destination)], sig, body, **more)


def signal(path: str | None, interface: str | None, member: str | None, sig: str = "",
           body: Sequence[Any] = (), destination: str | None = None, **more: Any) -> Message:
    """A signal; without destination a broadcast."""
    return build(SIGNAL, [(PATH, path), (INTERFACE, interface), (MEMBER, member),
                          (DESTINATION, destination)], sig, body, **more)


def method_return(destination: str | None, reply_serial: int | None, sig: str = "",
                  body: Sequence[Any] = (), **more: Any) -> Message:
    """A method return."""
    return build(METHOD_RETURN, [(REPLY_SERIAL, reply_serial), (DESTINATION, destination)],
                 sig, body, **more)


def error(destination: str | None, reply_serial: int | None, name: str | None, sig: str = "",
          body: Sequence[Any] = (), **more: Any) -> Message:
    """An error reply."""
    return build(ERROR, [(ERROR_NAME, name), (REPLY_SERIAL, reply_serial),
                         (DESTINATION, destination)], sig, body, **more)


def build(kind: int, fields: Sequence[tuple[Any, ...]], sig: str = "", body: Sequence[Any] = (),
          extra: Sequence[tuple[Any, ...]] = (), fds: Sequence[int] = (),
          **more: Any) -> Message:
    """A message of any type. The signature and unix_fds fields follow from sig and fds."""
    out = [entry for entry in fields if isinstance(entry, Raw) or entry[-1] is not None]
    if sig:
        out.append((SIGNATURE, sig))
    if fds:
        out.append((UNIX_FDS, len(fds)))
    out.extend(extra)
    return Message(kind, fields=out, sig=sig, body=body, fds=list(fds), **more)
