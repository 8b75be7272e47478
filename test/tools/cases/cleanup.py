# SPDX-License-Identifier: MIT
"""dbus-cleanup-sockets, always with a /tmp of its own: the stock one removes files there."""

from __future__ import annotations

import functools
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Sequence

from side import HERE, Side, Trouble, case

TOOL = "dbus-cleanup-sockets"
WRAP = str(HERE / "private_tmp.py")

# Fills a directory with sockets of all kinds. Those that live have others' names in the end.
FILL = """
import os, socket, sys
def make(directory, name, kind=socket.SOCK_STREAM, backlog=None):
    path = os.path.join(directory, name)
    s = socket.socket(socket.AF_UNIX, kind)
    os.chdir(directory)
    s.bind(name)
    if backlog is not None:
        s.listen(backlog)
    return s
os.makedirs('/tmp/other', exist_ok=True)
for directory in ('/tmp', '/tmp/other'):
    make(directory, 'dbus-dead').close()
    make(directory, 'dbus-' + 'x' * 60).close()
    make(directory, 'other-dead').close()
    live = [make(directory, 'dbus-live', backlog=5)]
"""
MORE = """
    live.append(make(directory, 'dbus-packets', socket.SOCK_SEQPACKET, 5))
    open('dbus-file', 'w').close()
    os.mkdir('dbus-directory')
    os.symlink('nowhere', 'dbus-dangling')
"""
RUN = """
    held = globals().setdefault('held', [])
    held += live
import subprocess
os.chdir('/tmp')
done = subprocess.run(['{name}', *sys.argv[1:]], executable='{path}', env={{'LC_ALL': 'C'}},
                      stdin=subprocess.DEVNULL)
sys.stdout.flush()
for directory in ('/tmp', '/tmp/other'):
    print(directory, sorted(n[:20] for n in os.listdir(directory) if n.startswith(('dbus', 'oth'))))
sys.exit(done.returncode)
"""

ARGUMENTS: list[Sequence[str]] = [
    ("--help",), ("--bogus",), ("-",), ("--help", "--version"), ("/tmp", "-x"), ("--", "--help"),
    ("-h",), ("-?",), ("--", "-h"), ("/tmp", "-?"),
    ("--", "--", "/tmp"), ("/tmp", "--help"), ("--help", "/tmp"), ("--", "/nonexistent"), (),
    ("--",), ("--", "/tmp/other"), ("--", "/tmp/other/"), ("--", "other"), ("--", "/tmp", "/tmp"),
]
DIRECTORIES: list[Sequence[str]] = [("/tmp/other",), ("/nonexistent",), ("/tmp/other", "/tmp/other")]


def build_directory(side: Side) -> list[str]:
    """What of /tmp the tools need to run, if they are in it."""
    top = side.tools.parent if (side.tools.parent / "dbus").is_dir() else side.tools
    return [str(path) for path in (top, side.directory) if path.is_relative_to("/tmp")]


@functools.cache
def no_private_tmp() -> str:
    """Why there cannot be a /tmp of its own; "" if there can."""
    done = subprocess.run([sys.executable, WRAP, "--", "/bin/true", "true"], check=False,
                          stderr=subprocess.DEVNULL)
    return "" if done.returncode == 0 else "cannot have a /tmp of its own"


def clean(side: Side, words: Sequence[str], more: str) -> None:
    """Run the tool among sockets of all kinds, and write down what is left."""
    side.log(f"$ {TOOL} {' '.join(words)}")
    script = FILL + more + RUN.format(name=TOOL, path=side.tools / TOOL)
    out = side.directory / "out"
    with open(out, "wb") as file:
        done = subprocess.run(
            [sys.executable, WRAP, *build_directory(side), "--", sys.executable, sys.executable,
             "-c", script, *words], stdout=file, stderr=subprocess.STDOUT, check=False, timeout=90,
            cwd=side.directory)
    text = out.read_text(encoding="utf-8")
    if "Traceback" in text:
        raise Trouble(text)
    for line in sorted(text.splitlines()):
        side.log(line)
    side.log(f"status: {done.returncode}")


@case(params={" ".join(a): a for a in ARGUMENTS}, missing=no_private_tmp)
def sockets(side: Side, words: Sequence[str]) -> None:
    """Sockets that are dead, are somebody else's, and are listened at."""
    clean(side, words, "")


@case(params={" ".join(d): d for d in DIRECTORIES}, missing=no_private_tmp)
def directory(side: Side, words: Sequence[str]) -> None:
    """A directory as the manual has it: without dashes before it."""
    clean(side, words, "")


@case(missing=no_private_tmp)
def other_files(side: Side) -> None:
    """What is no socket, under the names of sockets."""
    clean(side, ("--", "/tmp/other"), MORE)


def busy_directory(side: Side) -> list[socket.socket]:
    """A socket whose queue is full, in a directory of the case's."""
    (side.directory / "busy").mkdir()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(side.directory / "busy" / "dbus-busy"))
    server.listen(0)
    first = socket.socket(socket.AF_UNIX)
    first.connect(server.getsockname())
    return [server, first]


@case(missing=no_private_tmp)
def busy(side: Side) -> None:
    """A socket of which nobody can say whether it is listened at."""
    held = busy_directory(side)
    done = subprocess.run(
        [sys.executable, WRAP, *build_directory(side), "--", str(side.tools / TOOL), TOOL, "--",
         "busy"], capture_output=True, check=False, timeout=90, cwd=side.directory,
        env={"LC_ALL": "C"})
    side.log(f"{done.stdout.decode()} {done.stderr.decode()} {done.returncode}")
    side.log(f"left: {sorted(os.listdir(Path(side.directory) / 'busy'))}")
    for item in held:
        item.close()
