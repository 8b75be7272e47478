#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the seeds of the fuzzers of headers, bodies and messages to corpus/ beside this file."""

import struct
from pathlib import Path
from typing import Any

ALIGNMENT = {"y": 1, "b": 4, "n": 2, "q": 2, "i": 4, "u": 4, "x": 8, "t": 8, "d": 8, "h": 4,
             "s": 4, "o": 4, "g": 1, "a": 4, "v": 1, "(": 8, "{": 8}
FORMAT = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q",
          "d": "d", "h": "I"}
CORPUS = Path(__file__).parent / "corpus"


def type_end(signature: str, at: int) -> int:
    """Returns the index behind the complete type that starts at `at`."""
    while signature[at] == "a":
        at += 1
    if signature[at] not in "({":
        return at + 1
    at += 1
    while signature[at] not in ")}":
        at = type_end(signature, at)
    return at + 1


class Writer:
    """Marshals Python values: variants as (signature, value), dicts as pairs."""

    def __init__(self, order: str) -> None:
        self.order = "<" if order == "l" else ">"
        self.data = bytearray()

    def align(self, alignment: int) -> None:
        """Pads with zeros."""
        self.data.extend(bytes(-len(self.data) % alignment))

    def number(self, code: str, value: Any) -> None:
        """Writes a value of fixed size."""
        self.align(ALIGNMENT[code])
        self.data += struct.pack(self.order + FORMAT[code], value)

    def value(self, signature: str, value: Any) -> None:
        """Writes one value of one complete type."""
        code = signature[0]
        self.align(ALIGNMENT[code])
        if code in FORMAT:
            self.number(code, value)
        elif code in "so":
            self.number("u", len(value.encode()))
            self.data += value.encode() + b"\0"
        elif code == "g":
            self.data += bytes([len(value)]) + value.encode() + b"\0"
        elif code == "v":
            self.value("g", value[0])
            self.value(value[0], value[1])
        elif code in "({":
            self.values(signature[1:-1], value)
        else:
            self.number("u", 0)
            length_at = len(self.data) - 4
            self.align(ALIGNMENT[signature[1]])
            first_at = len(self.data)
            for element in value:
                self.value(signature[1:], element)
            length = struct.pack(self.order + "I", len(self.data) - first_at)
            self.data[length_at:length_at + 4] = length

    def values(self, signature: str, values: Any) -> None:
        """Writes one value for each complete type."""
        at = 0
        for value in values:
            end = type_end(signature, at)
            self.value(signature[at:end], value)
            at = end


def message(order: str, kind: int, fields: list[tuple[int, str, Any]], signature: str = "",
            values: Any = (), flags: int = 0) -> tuple[bytes, bytes]:
    """Returns the header and the body of a message."""
    body = Writer(order)
    body.values(signature, values)
    header = Writer(order)
    if signature:
        fields = fields + [(8, "g", signature)]
    header.values("yyyyuua(yv)", [ord(order), kind, flags, 1, len(body.data), 7,
                                  [(code, (type_, value)) for code, type_, value in fields]])
    header.align(8)
    return bytes(header.data), bytes(body.data)


PATH, INTERFACE, MEMBER = (1, "o", "/org/freedesktop/DBus"), (2, "s", "a.b"), (3, "s", "Hello")
DESTINATION, SENDER = (6, "s", "org.freedesktop.DBus"), (7, "s", ":1.42")
ERROR, REPLY = (4, "s", "com.example.Failed"), (5, "u", 4711)
UNKNOWN = (77, "a{sv}", [("x", ("s", "y")), ("z", ("(yt)", (1, 2)))])
CONTAINER = (10, "o", "/org/freedesktop/DBus/Containers1/c0")

MESSAGES: dict[str, tuple[int, list[tuple[int, str, Any]], str, Any]] = {
    "hello": (1, [PATH, DESTINATION, INTERFACE, MEMBER], "", ()),
    "strings": (1, [PATH, MEMBER, DESTINATION], "sos", ("grüße", "/", "")),
    "numbers": (2, [REPLY, SENDER], "ybnqiuxtdh", (1, 1, -2, 3, -4, 5, -6, 7, 8.5, 0)),
    "properties": (4, [PATH, INTERFACE, MEMBER, SENDER], "sa{sv}as",
                   ("a.b", [("p", ("u", 3)), ("q", ("as", ["a", "b"])), ("r", ("v", ("y", 1)))],
                    ["gone"])),
    "error": (3, [ERROR, REPLY, (6, "s", ":1.7")], "s", ("It did not work",)),
    "unknown": (1, [UNKNOWN, SENDER, PATH, UNKNOWN, MEMBER, CONTAINER], "g", ("a{sv}",)),
    "arrays": (1, [PATH, MEMBER], "aiaxaba(yt)aayag",
               ([1, 2], [], [1, 0], [(1, 2)], [[1], [], [2, 3]], ["", "s"])),
    "structs": (1, [PATH, MEMBER], "(y(s(b)))(t)", ((1, ("s", (1,))), (5,))),
    "fields-last": (200, [(9, "u", 0), (255, "y", 1)], "", ()),
}


def save(kind: str, name: str, data: bytes) -> None:
    """Writes one seed."""
    folder = CORPUS / kind
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def main() -> None:
    """Writes all seeds in both byte orders."""
    for order, suffix in (("l", "little"), ("B", "big")):
        for name, (kind, fields, signature, values) in MESSAGES.items():
            header, body = message(order, kind, fields, signature, values)
            save("header", f"{name}-{suffix}", header)
            save("message", f"{name}-{suffix}", header + body)
            if body:
                save("body", f"{name}-{suffix}", order.encode() + signature.encode() + b"\0" + body)


if __name__ == "__main__":
    main()
