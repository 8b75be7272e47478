# SPDX-License-Identifier: MIT
"""Messages that break one rule of the specification each.

Their sender is cut off, nobody else notices. Next to each broken message there are valid ones which
nearly break the rule.
"""

from __future__ import annotations

import struct
from pathlib import Path

import wire
from daemons import DEBUG_BUILD
from fixture import Bus, scenario
from wire import DRIVER, DRIVER_PATH, METHOD_CALL, Message, Raw, Variant

X = "com.example.X"
FIELDS = [(wire.PATH, "/x"), (wire.INTERFACE, X), (wire.MEMBER, "Call"),
          (wire.DESTINATION, DRIVER)]


def call(sig: str = "", body: tuple[object, ...] = (), **more: object) -> Message:
    """A call to the driver which would be answered with an error."""
    return wire.call(DRIVER, "/x", X, "Call", sig, body, serial=7, **more)


def raw(sig: str, body: bytes, order: str = "<") -> Message:
    """A call with these bytes as its body."""
    message = call(order=order)
    message.fields.append((wire.SIGNATURE, sig))
    message.raw_body = body
    return message


def with_fields(*fields: tuple[object, ...], kind: int = METHOD_CALL) -> Message:
    """A message with exactly these fields."""
    return Message(kind, serial=7, fields=list(fields))


def replaced(code: int, *entry: object) -> Message:
    """The usual call with one field written in another way."""
    return with_fields(*[(code, *entry) if field[0] == code else field for field in FIELDS])


def added(*entry: object) -> Message:
    """The usual call with one more field."""
    return with_fields(*FIELDS, tuple(entry))


def patched(offset: int, data: bytes, message: Message | None = None) -> bytes:
    """The bytes of a message, some of them overwritten."""
    out = bytearray((message or call("s", ("text",))).encode())
    out[offset:offset + len(data)] = data
    return bytes(out)


def u32(value: int) -> bytes:
    """Four little-endian bytes."""
    return struct.pack("<I", value)


def text(data: bytes) -> bytes:
    """A marshalled string with any content."""
    return u32(len(data)) + data + b"\0"


def nested(arrays: int, structs: int) -> tuple[str, object]:
    """A signature of so many nested arrays around so many nested structs, and an empty value."""
    value: object = 1
    for _ in range(structs):
        value = (value,)
    for _ in range(arrays):
        value = [value]
    return "a" * arrays + "(" * structs + "i" + ")" * structs, value


def deep_variant(levels: int) -> Variant:
    """Variants in variants."""
    value = Variant("i", 1)
    for _ in range(levels - 1):
        value = Variant("v", value)
    return value


def mixed(arrays: int, structs: int, variants: int) -> Message:
    """Variants around nested arrays and structs."""
    sig, value = nested(arrays, structs)
    out = Variant(sig, value)
    for _ in range(variants - 1):
        out = Variant("v", out)
    return call("v", (out,))


HEADER: dict[str, Message | bytes] = {
    "endian 0": patched(0, b"\0"), "endian L": patched(0, b"L"), "endian b": patched(0, b"b"),
    "type 0": Message(0, serial=7, fields=list(FIELDS)),
    "version 0": call(version=0), "version 2": call(version=2), "version 255": call(version=255),
    "serial 0": patched(8, u32(0)),
    "fields length 0": patched(12, u32(0)),
    "fields length short": patched(12, u32(len(call().encode()) - 16 - 9)),
    "fields length huge": patched(12, u32(0x7fffffff)),
    "fields length over 64 MiB": patched(12, u32(0x4000001)),
    "body length huge": patched(4, u32(0x7ffffff0)),
    "body length all ones": patched(4, u32(0xffffffff)),
    "both over 128 MiB": patched(4, u32(0x8000000)),
    "padding after the fields": call(header_padding=b"\1" * 8, extra=[(wire.SENDER, "a.bc")]),
    "padding between fields": patched(16 + 11, b"\1", call()),
    "no fields": with_fields(), "no fields in a signal": with_fields(kind=wire.SIGNAL),
    "no fields in a return": with_fields(kind=wire.METHOD_RETURN),
    "no fields in an error": with_fields(kind=wire.ERROR),
}

REQUIRED: dict[str, Message | bytes] = {
    "call without path": with_fields(*FIELDS[1:]),
    "call without member": with_fields(FIELDS[0], FIELDS[1], FIELDS[3]),
    "call without interface": with_fields(FIELDS[0], *FIELDS[2:]),
    "signal without path": with_fields(*FIELDS[1:3], kind=wire.SIGNAL),
    "signal without interface": with_fields(FIELDS[0], FIELDS[2], kind=wire.SIGNAL),
    "signal without member": with_fields(*FIELDS[:2], kind=wire.SIGNAL),
    "return without serial": with_fields(FIELDS[3], kind=wire.METHOD_RETURN),
    "error without serial": with_fields((wire.ERROR_NAME, "a.b"), kind=wire.ERROR),
    "error without name": with_fields((wire.REPLY_SERIAL, 1), kind=wire.ERROR),
    "reply serial 0": with_fields((wire.REPLY_SERIAL, 0), kind=wire.METHOD_RETURN),
    "error reply serial 0": with_fields((wire.REPLY_SERIAL, 0), (wire.ERROR_NAME, "a.b"),
                                        kind=wire.ERROR),
    "call with reply serial 0": added(wire.REPLY_SERIAL, 0),
    "signature without body": added(wire.SIGNATURE, "s"),
    "empty signature with body": patched(4, u32(8), added(wire.SIGNATURE, "")) + b"\0" * 8,
    "body without signature": patched(4, u32(8), with_fields(*FIELDS)) + b"\0" * 8,
}

FIELD_VALUES: dict[str, Message | bytes] = {
    "field code 0": added(0, "s", "x"),
    "path as string": replaced(wire.PATH, "s", "/x"),
    "path as int": replaced(wire.PATH, "u", 5),
    "interface as path": replaced(wire.INTERFACE, "o", "/x"),
    "member as variant": replaced(wire.MEMBER, "v", Variant("s", "Call")),
    "destination as array": replaced(wire.DESTINATION, "as", [DRIVER]),
    "reply serial as int32": added(wire.REPLY_SERIAL, "i", 5),
    "signature as string": added(wire.SIGNATURE, "s", ""),
    "sender as path": added(wire.SENDER, "o", "/x"),
    "error name as signature": added(wire.ERROR_NAME, "g", "s"),
    "fds as int32": added(wire.UNIX_FDS, "i", 0),
    "field with two types": with_fields(*FIELDS, Raw(b"\x0a\x02ss\0\0\0\0" + text(b"a"))),
    "field with no type": with_fields(*FIELDS, Raw(b"\x0a\x00\0")),
    "field with half a type": with_fields(*FIELDS, Raw(b"\x0a\x01a\0")),
    "field that does not end": with_fields(*FIELDS, Raw(b"\x0a\x01s\0" + u32(900) + b"x")),
    "two paths": added(wire.PATH, "/y"), "two interfaces": added(wire.INTERFACE, "a.b"),
    "two members": added(wire.MEMBER, "Y"), "two destinations": added(wire.DESTINATION, "a.b"),
    "two equal destinations": added(wire.DESTINATION, DRIVER),
    "two senders": with_fields(*FIELDS, (wire.SENDER, "a.b"), (wire.SENDER, "a.c")),
    "two signatures": with_fields(*FIELDS, (wire.SIGNATURE, ""), (wire.SIGNATURE, "")),
    "two unknown fields": with_fields(*FIELDS, (99, "s", "x"), (99, "s", "y")),
    "local interface": replaced(wire.INTERFACE, "org.freedesktop.DBus.Local"),
    "local path": replaced(wire.PATH, "/org/freedesktop/DBus/Local"),
    "local signal": with_fields((wire.PATH, "/x"), (wire.MEMBER, "Disconnected"),
                                (wire.INTERFACE, "org.freedesktop.DBus.Local"), kind=wire.SIGNAL),
    "local path below": replaced(wire.PATH, "/org/freedesktop/DBus/Local/x"),
    "local destination": replaced(wire.DESTINATION, "org.freedesktop.DBus.Local"),
    "fds claimed, none sent": added(wire.UNIX_FDS, 1),
    "no fds claimed": added(wire.UNIX_FDS, 0),
    "sender empty": added(wire.SENDER, ""), "sender invalid": added(wire.SENDER, "a"),
    "sender unique": added(wire.SENDER, ":1.5"),
    "signature invalid": added(wire.SIGNATURE, "z"),
    "signature open struct": added(wire.SIGNATURE, "(i"),
    "signature empty struct": added(wire.SIGNATURE, "()"),
    "signature dict outside array": added(wire.SIGNATURE, "{sv}"),
    "signature dict of variants": added(wire.SIGNATURE, "a{vs}"),
    "signature dict of one": added(wire.SIGNATURE, "a{s}"),
    "signature dict of three": added(wire.SIGNATURE, "a{sss}"),
    "signature lone array": added(wire.SIGNATURE, "a"),
    "signature closing only": added(wire.SIGNATURE, ")"),
    "signature r": added(wire.SIGNATURE, "r"), "signature e": added(wire.SIGNATURE, "e"),
    "signature maybe": added(wire.SIGNATURE, "ms"),
    "signature 255": call("y" * 255, (1,) * 255),
}
FIELD_VALUES.update({f"path {path!r}": replaced(wire.PATH, path) for path in
                     ("", "x", "//", "/x/", "/x//y", "/x y", "/x.y", "/é", "/x-y", "/", "/_/A1/0",
                      "/" + "x" * 10000)})
FIELD_VALUES.update({f"interface {name!r}": replaced(wire.INTERFACE, name) for name in
                     ("", "a", ".a.b", "a.b.", "a..b", "a.1", "a-b.c", "a.b c", ":a.b", "a.é",
                      "a." + "b" * 253, "a." + "b" * 254, "_._")})
FIELD_VALUES.update({f"member {name!r}": replaced(wire.MEMBER, name) for name in
                     ("", "a.b", "1a", "a-b", "a b", "é", "_1", "m" * 255, "m" * 256)})
FIELD_VALUES.update({f"error {name!r}": with_fields(
    (wire.ERROR_NAME, name), (wire.REPLY_SERIAL, 1), kind=wire.ERROR) for name in
    ("", "a", "a..b", "a.1", "a-b.c", "a.b", "a." + "b" * 254)})
FIELD_VALUES.update({f"destination {name!r}": replaced(wire.DESTINATION, name) for name in
                     ("", "a", "a.", ":", ":1", ":1.", ":1.1", "1.a", "a.1", "a.-b", "a b.c",
                      ":a.b-1", "a." + "b" * 254)})

BODY: dict[str, Message | bytes] = {
    "true": call("b", (True,)), "boolean 2": raw("b", u32(2)),
    "boolean all ones": raw("b", u32(0xffffffff)),
    "boolean in array": raw("ab", u32(8) + u32(1) + u32(2)),
    "boolean in variant": raw("v", b"\x01b\0\0" + u32(5)),
    "string without nul": raw("s", u32(4) + b"textx"),
    "string too long": raw("s", u32(400) + b"text\0"),
    "string longest": raw("s", u32(0xffffffff) + b"text\0"),
    "string with nul": raw("s", text(b"te\0xt")),
    "string bad utf-8": raw("s", text(b"te\xffxt")),
    "string truncated utf-8": raw("s", text(b"te\xc3")),
    "string overlong utf-8": raw("s", text(b"\xc0\xaf")),
    "string surrogate": raw("s", text(b"\xed\xa0\x80")),
    "string above unicode": raw("s", text(b"\xf4\x90\x80\x80")),
    "string five bytes": raw("s", text(b"\xf8\x88\x80\x80\x80")),
    "string noncharacter": raw("s", text(b"\xef\xbf\xbf")),
    "string fdd0": raw("s", text(b"\xef\xb7\x90")),
    "string highest": raw("s", text(b"\xf4\x8f\xbf\xbf")),
    "string bom": raw("s", text(b"\xef\xbb\xbfx")),
    "path in body": raw("o", text(b"/x")), "path empty": raw("o", text(b"")),
    "path relative": raw("o", text(b"x")), "path trailing": raw("o", text(b"/x/")),
    "path in array": raw("ao", u32(7) + text(b"x ")),
    "signature in body": raw("g", b"\x01s\0"), "signature bad": raw("g", b"\x01z\0"),
    "signature without nul": raw("g", b"\x01sx"), "signature long": raw("g", b"\x09s\0"),
    "signature with nul": raw("g", b"\x03s\0s\0"),
    "signature half": raw("g", b"\x01a\0"),
    "array": call("ai", ([1, 2],)), "array uneven": raw("ai", u32(6) + u32(1) + u32(2)),
    "array too long": raw("ai", u32(800) + u32(1)), "array over limit": raw("ay", u32(0x4000001)),
    "array longest": raw("ay", u32(0xffffffff)),
    "array of structs": call("a(iy)", ([(1, 2), (3, 4)],)),
    "array of structs cut": raw("a(ii)", u32(4) + u32(0) + u32(1)),
    "array padding": raw("at", u32(8) + b"\1\0\0\0" + b"\0" * 8),
    "empty array padding": raw("at", u32(0) + b"\1\0\0\0"),
    "empty array": raw("at", u32(0) + b"\0\0\0\0"), "empty array unpadded": raw("at", u32(0)),
    "string array uneven": raw("as", u32(7) + text(b"a") + b"\0\0"),
    "struct padding": raw("y(y)", b"\1" + b"\0\0\0\1\0\0\0" + b"\2"),
    "padding before int": raw("yi", b"\1\0\0\1" + u32(5)),
    "padding before string": raw("ys", b"\1\1\0\0" + text(b"a")),
    "body too long": raw("u", u32(1) + b"\0"), "body too short": raw("ut", u32(1)),
    "body missing": raw("u", b""), "body of nul": raw("", b"\0"),
    "variant": call("v", (Variant("s", "x"),)),
    "variant of two": raw("v", b"\x02ss\0" + text(b"a")),
    "variant of none": raw("v", b"\0\0"), "variant half": raw("v", b"\x01a\0\0"),
    "variant bad": raw("v", b"\x01z\0\0"), "variant dict entry": raw("v", b"\x04{sv}\0\0\0"),
    "variant cut": raw("v", b"\x01u\0\0"), "variant value too long": raw("v", b"\x01s\0" + u32(99)),
    "dict": call("a{sv}", ({"a": Variant("i", 1)},)),
    "dict key twice": call("a{si}", ([("a", 1), ("a", 2)],)),
    "dict cut": raw("a{si}", u32(6) + u32(0) + text(b"a")),
    "double nan": raw("d", b"\xff" * 8), "fd index without fds": raw("h", u32(0)),
    "fd index in array": raw("ah", u32(4) + u32(7)),
    "big endian body": raw("u", b"\0\0\0\1", ">"), "big endian cut": raw("t", b"\0\0\0\1", ">"),
    "arrays 32 deep": call(nested(32, 0)[0], (nested(32, 0)[1],)),
    "arrays 33 deep": added(wire.SIGNATURE, "a" * 33 + "i"),
    "structs 32 deep": call(nested(0, 32)[0], (nested(0, 32)[1],)),
    "structs 33 deep": added(wire.SIGNATURE, "(" * 33 + "i" + ")" * 33),
    "arrays and structs 64 deep": call(nested(32, 32)[0], (nested(32, 32)[1],)),
    "variants 64 deep": call("v", (deep_variant(63),)),
    "variants 65 deep": call("v", (deep_variant(64),)),
    "variants 66 deep": call("v", (deep_variant(65),)),
    "variants 70 deep": call("v", (deep_variant(70),)),
    "mixed 64 deep": mixed(20, 20, 23), "mixed 65 deep": mixed(20, 20, 24),
    "mixed 66 deep": mixed(20, 20, 25), "mixed 67 deep": mixed(20, 20, 26),
}

def offend(bus: Bus, broken: Message | bytes) -> None:
    """Send it and a question after it; write down what becomes of the client, and the witness."""
    witness = bus.connect("W")
    a = bus.connect("A")
    witness.add_match("type='signal'")
    a.send_raw(broken if isinstance(broken, bytes) else broken.encode())
    a.send_raw(wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId", serial=99).encode())
    a.wait_reply(99)
    witness.driver("NameHasOwner", "s", [a.unique])
    bus.settle()


@scenario(params=HEADER)
def header(bus: Bus, broken: Message | bytes) -> None:
    """The fixed part of the header."""
    offend(bus, broken)


@scenario(params=REQUIRED)
def required(bus: Bus, broken: Message | bytes) -> None:
    """Fields that have to be there for a type."""
    offend(bus, broken)


@scenario(params=FIELD_VALUES)
def field(bus: Bus, broken: Message | bytes) -> None:
    """Types and values of header fields."""
    offend(bus, broken)


@scenario(params=BODY)
def body(bus: Bus, broken: Message | bytes) -> None:
    """Values in the body."""
    offend(bus, broken)


DATA = Path(DEBUG_BUILD) / "libexec/installed-tests/dbus/data"


@scenario(params={path.stem: path for folder in ("invalid-messages", "valid-messages")
                  for path in sorted((DATA / folder).glob("*.message-raw"))})
def installed(bus: Bus, path: Path) -> None:
    """The messages that the distribution installs with dbus's own tests."""
    offend(bus, path.read_bytes())


@scenario(params={"body": 4, "fields": 12})
def unfinished(bus: Bus, offset: int) -> None:
    """A message of which the rest does not come, and then the end of the stream."""
    witness = bus.connect("W")
    witness.add_match("type='signal'")
    a = bus.connect("A")
    a.send_raw(patched(offset, u32(5000)))
    witness.driver("NameHasOwner", "s", [a.unique])
    a.shut_down()
    bus.wait_until(lambda: not bus.has_owner(witness, a.unique), "A to be gone")
    bus.settle()


@scenario()
def after_valid_ones(bus: Bus) -> None:
    """Valid messages in the same write before the broken one still count."""
    witness = bus.connect("W")
    witness.add_match("type='signal',interface='com.example.X'")
    a = bus.connect("A")
    good = b"".join(wire.signal("/x", X, f"Sig{n}", serial=n + 1).encode() for n in range(5))
    a.send_raw(good + patched(0, b"?") + good)
    a.expect_disconnect()
    bus.wait_until(lambda: not bus.has_owner(witness, a.unique), "A to be gone")
    bus.settle()


@scenario()
def open_call_to_the_offender(bus: Bus) -> None:
    """Whoever waits for an answer from a client that is cut off gets NoReply."""
    b, a = bus.connect("B"), bus.connect("A")
    a.request_name("com.example.A")
    b.send(wire.call("com.example.A", "/x", X, "Call"))
    bus.settle()
    a.send_raw(patched(0, b"?"))
    a.expect_disconnect()
    b.receive(lambda m: m.type == wire.ERROR, "NoReply")


@scenario()
def from_all_directions(bus: Bus) -> None:
    """Many offenders at once; a client in the middle goes on."""
    witness = bus.connect("W")
    for broken in list(BODY.values())[:30]:
        a = bus.connect("A")
        a.send_raw(broken if isinstance(broken, bytes) else broken.encode())
        a.close()
        bus.clients.remove(a)
    witness.driver("GetId")
