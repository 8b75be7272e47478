# SPDX-License-Identifier: MIT
"""Running a program to its end, and seeing what it had mapped when it got there.

Most D-Bus clients live for milliseconds, too short for anyone to look into /proc meanwhile. A
traced process stops in exit() while its memory is still there (ptrace(2), PTRACE_O_TRACEEXIT).
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
# <linux/ptrace.h>
PTRACE_TRACEME, PTRACE_CONT, PTRACE_SETOPTIONS = 0, 7, 0x4200
PTRACE_O_TRACEEXEC, PTRACE_O_TRACEEXIT, PTRACE_O_EXITKILL = 0x10, 0x40, 0x100000
PTRACE_EVENT_EXIT = 6

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_LIBC.ptrace.restype = ctypes.c_long

_LIBRARY = re.compile(r"(/\S*/libdbus-1\.so\S*)")


class Ended(NamedTuple):
    """How a program ended: its exit status (None: it did not), and the libdbus-1 it had."""

    status: int | None
    libraries: frozenset[str] | None


def die_with_parent() -> None:
    """In a child before exec: end when the tests end, however they end."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def libraries_of(pid: int) -> frozenset[str] | None:
    """The files named libdbus-1.so* that a process has mapped; None for one that has no memory
    any more."""
    try:
        maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    except OSError:
        return None
    return frozenset(_LIBRARY.findall(maps)) if maps else None


def _be_traced() -> None:
    die_with_parent()
    _LIBC.ptrace(PTRACE_TRACEME, 0, None, None)


def run(command: Sequence[str], environment: Mapping[str, str], files: tuple[int, int, int],
        seconds: float) -> Ended:
    """Run a command with these as standard input, output and error. One that takes longer than
    so many seconds is killed."""
    process = subprocess.Popen(  # pylint: disable=consider-using-with
        command, stdin=files[0], stdout=files[1], stderr=files[2], env=environment,
        start_new_session=True, preexec_fn=_be_traced)
    deadline = time.monotonic() + seconds
    libraries: frozenset[str] | None = None
    first, late = True, False
    while True:
        pid, status = os.waitpid(process.pid, os.WNOHANG)
        if not pid:
            if not late and time.monotonic() > deadline:
                late = True
                os.kill(process.pid, signal.SIGKILL)
            time.sleep(0.002)
            continue
        if not os.WIFSTOPPED(status):
            break
        event, number = status >> 16, os.WSTOPSIG(status)
        if first:
            # The stop that follows the first exec.
            options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL
            _LIBC.ptrace(PTRACE_SETOPTIONS, process.pid, None, options)
            first, number = False, 0
        elif event == PTRACE_EVENT_EXIT:
            libraries = libraries_of(process.pid)
        _LIBC.ptrace(PTRACE_CONT, process.pid, None, 0 if event else number)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Ended(None if late else process.returncode, libraries)
