# SPDX-License-Identifier: MIT
"""Reading C headers, as far as those of libdbus go: what they declare, by kind and name.

The compiler's preprocessor does the hard part. What is left is a list of declarations without
bodies of functions in other functions, K&R definitions or arrays of function pointers.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_LINE_MARKER = re.compile(r'^# \d+ "([^"]*)"')
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|\w+|\.\.\.|<<|>>|\S')
_DEFINE = re.compile(r"^#define (\w+)(\([^)]*\))? ?(.*)$")
_OURS = re.compile(r"_?dbus|_?DBUS|TRUE$|FALSE$")
_GUARD = re.compile(r"_H$|^DBUS_INSIDE_DBUS_H$")


@dataclass
class Header:
    """What the public headers of one library declare."""

    functions: dict[str, list[str]] = field(default_factory=dict)  # tokens without attributes
    inlines: set[str] = field(default_factory=set)
    attributes: dict[str, list[str]] = field(default_factory=dict)  # of functions, sorted
    typedefs: dict[str, list[str]] = field(default_factory=dict)  # of what is declared elsewhere
    records: dict[str, dict[str, str]] = field(default_factory=dict)  # fields and their text
    enumerators: dict[str, list[str]] = field(default_factory=dict)  # by the type's name
    constants: set[str] = field(default_factory=set)  # macros without parameters
    macros: dict[str, int] = field(default_factory=dict)  # with them: how many


def _run(compiler: str, options: list[str]) -> str:
    """What the preprocessor makes of a program that includes the headers."""
    return subprocess.run([compiler, "-E", *options, "-x", "c", "-"], check=True, text=True,
                          input="#include <dbus/dbus.h>\n", capture_output=True).stdout


def _own_lines(text: str) -> str:
    """The lines that come from files of the library, not of the compiler or libc."""
    own, lines = False, []
    for line in text.splitlines():
        if match := _LINE_MARKER.match(line):
            own = Path(match[1]).parent.name == "dbus"
        elif own and not line.startswith("#"):
            lines.append(line)
    return "\n".join(lines)


def _declarations(tokens: list[str]) -> list[list[str]]:
    """The tokens of each declaration or definition at file scope."""
    result: list[list[str]] = []
    current: list[str] = []
    depth = 0
    for token in tokens:
        current.append(token)
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(token, 0)
        ends_body = token == "}" and "inline" in current
        if depth == 0 and (token == ";" or ends_body):
            result.append(current)
            current = []
    return [d for d in result if d != [";"]]


def _closing(tokens: list[str], start: int) -> int:
    """Where the bracket that is opened at `start` is closed."""
    depth = 0
    for i in range(start, len(tokens)):
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(tokens[i], 0)
        if depth == 0:
            return i
    raise ValueError(f"no end of {tokens[start:start + 10]}")


def _split_attributes(tokens: list[str]) -> tuple[list[str], list[str]]:
    """A declaration without its attributes, and these, one string each."""
    plain: list[str] = []
    attributes: list[str] = []
    i = 0
    while i < len(tokens):
        if tokens[i] == "__attribute__":
            end = _closing(tokens, i + 1)
            attributes.append("".join(tokens[i + 3:end - 1]))
            i = end
        elif tokens[i] not in ("__extension__", "extern"):
            plain.append(tokens[i])
        i += 1
    return plain, sorted(attributes)


def _declared_name(tokens: list[str]) -> str:
    """The name that a declarator declares: in (*name), or the word before brackets or the end."""
    for i in range(len(tokens) - 3):
        if tokens[i] == "(" and tokens[i + 1] == "*" and re.match(r"\w", tokens[i + 2]):
            return tokens[i + 2]
    for i, token in enumerate(tokens):
        if i and token in "([:;":
            return tokens[i - 1]
    return tokens[-1]


def _fields(body: list[str]) -> dict[str, str]:
    """The fields between the braces of a struct or union."""
    result: dict[str, str] = {}
    for declaration in _declarations(body):
        result[_declared_name(declaration)] = " ".join(declaration[:-1])
    return result


def _enumerators(body: list[str]) -> list[str]:
    """The names between the braces of an enumeration."""
    return [token for i, token in enumerate(body)
            if (i == 0 or body[i - 1] == ",") and re.match(r"\w", token)]


def _read_declaration(header: Header, tokens: list[str]) -> None:
    """Put one declaration where it belongs."""
    plain, attributes = _split_attributes(tokens)
    if "{" in plain and plain[0] == "static":
        name = _declared_name(plain)
        header.inlines.add(name)
        header.functions[name] = plain[2:plain.index("{")] + [";"]
        header.attributes[name] = attributes
    elif "{" in plain:
        opening = plain.index("{")
        end = _closing(plain, opening)
        name = plain[end + 1] if plain[0] == "typedef" else plain[opening - 1]
        if "enum" in plain[:opening]:
            header.enumerators[name] = _enumerators(plain[opening + 1:end])
        else:
            header.records[name] = _fields(plain[opening + 1:end])
    elif plain[0] == "typedef":
        header.typedefs[_declared_name(plain)] = plain
    elif "(" in plain:
        name = _declared_name(plain)
        header.functions[name] = plain
        header.attributes[name] = attributes


def read(compiler: str, options: list[str]) -> Header:
    """Read the headers that a compiler finds with some options."""
    header = Header()
    tokens = _TOKEN.findall(_own_lines(_run(compiler, options)))
    for declaration in _declarations(tokens):
        _read_declaration(header, declaration)
    for line in _run(compiler, ["-dM", *options]).splitlines():
        match = _DEFINE.match(line)
        if not match or not _OURS.match(match[1]) or _GUARD.search(match[1]):
            continue
        if match[2]:
            header.macros[match[1]] = match[2].count(",") + 1
        else:
            header.constants.add(match[1])
    return header
