# SPDX-License-Identifier: MIT
"""Finding and ending the processes that a test program left behind, by a mark in their
environment, which survives forking into the background."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def kill_marked(name: str, value: str) -> None:
    """End every process of ours that was started with this environment variable."""
    wanted = f"{name}={value}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:
            # Gone by itself, or not ours.
            continue
