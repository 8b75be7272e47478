# SPDX-License-Identifier: MIT
"""What happens to the processes of a round, and when: always the same for a seed."""

from __future__ import annotations

import random
from typing import NamedTuple

N_WORKERS = 12

(KILL, STOP, STOP_DAEMON, RELOAD, MONITOR) = ("kill", "stop", "stop-daemon", "reload", "monitor")


class Event(NamedTuple):
    """Something the driver does."""

    time: float  # In seconds, from the beginning.
    what: str
    slot: int = 0
    seconds: float = 0.0  # How long something lasts, or until a killed process is started again.
    how: str = ""


# How long it is from one event of a kind to the next, on the average.
PERIODS = {KILL: 1.5, STOP: 0.4, STOP_DAEMON: 1.0, RELOAD: 1.5, MONITOR: 4.0}


def _event(rng: random.Random, what: str, time: float) -> Event:
    if what == KILL:
        return Event(time, what, rng.randrange(1, N_WORKERS), rng.uniform(0.02, 0.5),
                     rng.choice(["", "hung"]))
    if what == STOP:
        return Event(time, what, rng.randrange(N_WORKERS), rng.uniform(0.002, 0.2))
    if what == STOP_DAEMON:
        return Event(time, what, 0, rng.uniform(0.001, 0.1))
    if what == RELOAD:
        return Event(time, what, 0, 0.0, rng.choice(["call", "call", "hangup"]))
    return Event(time, what, 0, rng.uniform(0.2, 0.8), rng.choice(["monitor", "eavesdrop"]))


def make(seed: str, seconds: float) -> list[Event]:
    """Choose what happens within so many seconds."""
    rng = random.Random(f"{seed}/schedule")
    events = []
    for what, period in PERIODS.items():
        time = rng.uniform(0.5, period + 0.5)
        while time < seconds:
            events.append(_event(rng, what, time))
            time += min(rng.expovariate(1 / period), 3 * period) + 0.05
    return sorted(events)


def worker_seed(seed: str, incarnation: int) -> int:
    """What a worker's choices come from."""
    return random.Random(f"{seed}/{incarnation}").getrandbits(63)
