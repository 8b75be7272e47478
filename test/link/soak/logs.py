# SPDX-License-Identifier: MIT
"""What the processes of a soak logged (log.h), and what the driver knows about them."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path
from typing import Iterator, NamedTuple

(STARTED, SENT, SEEN, REPLIED, BLOCKED, OWNER, ACQUIRED, LOST, REQUESTED, RELEASED, WATCHING,
 LEAVING, WRONG, ENDED) = range(1, 15)
CALL, RETURN, ERROR, SIGNAL = range(1, 5)
NO_REPLY, RESTRICTED, IMPATIENT = 1, 2, 4

HEADER = struct.Struct("<QII")
RECORD = struct.Struct("<BBBxIQQQ40s56s")


class Record(NamedTuple):
    """Something that a process did or saw."""

    event: int
    type: int = 0
    flags: int = 0
    size: int = 0
    time: int = 0
    id: int = 0
    about: int = 0
    name: str = ""
    text: str = ""


class Status(NamedTuple):
    """The head of a log, which the process keeps up to date."""

    n_records: int
    barrier: int
    awaited: int


def status(path: Path) -> Status:
    """Look at a log of a process that is running."""
    try:
        with path.open("rb") as file:
            return Status(*HEADER.unpack(file.read(HEADER.size)))
    except (FileNotFoundError, struct.error):
        return Status(0, 0, 0)


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode()


def read(path: Path) -> list[Record]:
    """Read a whole log."""

    def records() -> Iterator[Record]:
        with path.open("rb") as file:
            n = HEADER.unpack(file.read(HEADER.size))[0]
            file.seek(RECORD.size)
            for fields in RECORD.iter_unpack(file.read(n * RECORD.size)):
                yield Record(*fields[:7], _text(fields[7]), _text(fields[8]))

    return list(records()) if path.exists() else []


def incarnation(message: int) -> int:
    """Whose message it is."""
    return message >> 32


def place(message: int) -> int:
    """Which of its sender's messages it is; the first is 1."""
    return message & 0xFFFFFFFF


def title(message: int) -> str:
    """How a message is called in reports."""
    return f"{incarnation(message)}/{place(message)}"


@dataclasses.dataclass
class Process:
    """A worker, from its start to its end or its death."""

    incarnation: int
    slot: int
    records: list[Record]
    killed: int | None = None  # When; None: it was not.

    def __post_init__(self) -> None:
        start = [r for r in self.records if r.event == STARTED]
        self.unique = start[0].name if start else ""
        self.started = start[0].time if start else 0


@dataclasses.dataclass
class Policy:
    """A change of the configuration: in force somewhere between two moments."""

    begun: int
    done: int
    forbids: bool


@dataclasses.dataclass
class Trace:
    """All there is to know of a round. The first process is never killed."""

    processes: dict[int, Process]
    monitors: list[list[Record]] = dataclasses.field(default_factory=list)
    policies: list[Policy] = dataclasses.field(default_factory=list)
