# SPDX-License-Identifier: MIT
"""Running programs of a tree, and waiting for what they bring about."""

from __future__ import annotations

import subprocess
import tempfile
import time
from typing import Any, Callable, Mapping, Sequence


def until(condition: Callable[[], Any], seconds: float) -> Any:
    """Poll until something is true. Returns what was true, or what was not at the end."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


def run(words: Sequence[str], environment: Mapping[str, str], seconds: float) -> tuple[int, str]:
    """Run a program to its end, or for so many seconds at most. Returns its status, 1 if it was
    killed, and what it said."""
    # To a file: whoever is left behind would keep the end of a pipe.
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said,
                                   stderr=subprocess.STDOUT, env=environment)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = 1
        said.seek(0)
        return status, said.read().decode("utf-8", "replace").strip()
