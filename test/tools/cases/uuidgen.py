# SPDX-License-Identifier: MIT
"""dbus-uuidgen: files that are right and wrong, and making new ones."""

from __future__ import annotations

import os
import re
from typing import Sequence

from side import Side, case

GOOD = b"0123456789abcdef0123456789abcdef"
IS_UUID = re.compile(rb"[0-9a-f]{32}\n")

FILES: dict[str, bytes] = {
    "good": GOOD + b"\n", "upper case": GOOD.upper() + b"\n", "without line feed": GOOD,
    "short": b"short\n", "empty": b"", "too long": GOOD + b"0\n", "much too long": b"a" * 200,
    "blank behind": GOOD + b" \n", "blank before": b" \t" + GOOD, "two lines": GOOD + b"\n\n",
    "carriage return": GOOD + b"\r\n", "no digit at the end": GOOD[:31] + b"g\n",
    "no digits": b"zz" + GOOD[2:], "blank inside": GOOD[:16] + b" " + GOOD[17:],
    "no digit second": b"0g" + GOOD[2:], "no digit in the middle": GOOD[:15] + b"z" + GOOD[16:],
    "NUL inside": GOOD[:8] + b"\0" + GOOD[9:], "NULs": bytes(32), "one megabyte": b"a" * (1 << 20),
    "more than one megabyte": b"a" * ((1 << 20) + 1), "slash": GOOD[:31] + b"/",
    "colon": GOOD[:31] + b":", "at": GOOD[:31] + b"@", "backquote": GOOD[:31] + b"`",
    "brackets": b"[" + GOOD[1:],
}

ARGUMENTS: list[Sequence[str]] = [
    ("--help",), ("--bogus",), ("-x",), ("x",), ("--",), ("",), ("--getx",), ("--get", "FILE"),
    ("--get", "--ensure"), ("--get=FILE", "--ensure"), ("--get=FILE", "--ensure=FILE"),
    ("--get=FILE", "--help"), ("--get=FILE", "x"), ("--get=FILE", "--get=FILE"), ("--", "--get"),
    ("--get",), ("--get=",), ("--get=DIRECTORY",), ("--ensure=DIRECTORY",), ("--get=ABSENT",),
    ("--get=/nonexistent/x",), ("--ensure=/nonexistent/x",), ("--get=/dev/null",),
    ("--ensure=FILE", "x"), ("--help", "--bogus"),
]


@case(params=list(FILES))
def file(side: Side, name: str) -> None:
    """Reading a file, and seeing to it that it is right, which never changes one."""
    path = side.directory / "uuid"
    path.write_bytes(FILES[name])
    side.run("dbus-uuidgen", ["--get=uuid"])
    side.run("dbus-uuidgen", ["--ensure=uuid"])
    side.log(f"unchanged: {path.read_bytes() == FILES[name]}")


@case(params={" ".join(a): a for a in ARGUMENTS})
def arguments(side: Side, words: Sequence[str]) -> None:
    """Options, right and wrong."""
    (side.directory / "FILE").write_bytes(GOOD)
    (side.directory / "DIRECTORY").mkdir()
    side.run("dbus-uuidgen", words)
    side.log(f"left: {sorted(p.name for p in side.directory.iterdir() if p.name.isupper())}")


@case()
def version(side: Side) -> None:
    """What programs read of it is the first line."""
    running = side.start("dbus-uuidgen", ["--version"])
    side.log(f"status: {running.wait()}")
    side.log(running.stdout().decode().splitlines()[0])


@case()
def new(side: Side) -> None:
    """One that nobody has had."""
    seen = set()
    for _ in range(3):
        running = side.start("dbus-uuidgen")
        side.log(f"{running.wait()} {bool(IS_UUID.fullmatch(running.stdout()))}")
        seen.add(running.stdout())
    side.log(f"{len(seen)} different")


@case(params=(0o022, 0o077, 0o777))
def ensure_new(side: Side, umask: int) -> None:
    """A new file is for everybody to read, and is read."""
    old = os.umask(umask)
    try:
        side.run("dbus-uuidgen", ["--ensure=new"])
    finally:
        os.umask(old)
    path = side.directory / "new"
    side.log(f"{path.stat().st_mode:o} {bool(IS_UUID.fullmatch(path.read_bytes()))}")
    content = path.read_bytes()
    side.run("dbus-uuidgen", ["--get=new"])
    side.run("dbus-uuidgen", ["--ensure=new"])
    side.log(f"unchanged: {path.read_bytes() == content}")
    side.log(f"nothing else: {len(list(side.directory.glob('new*')))}")
