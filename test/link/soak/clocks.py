# SPDX-License-Identifier: MIT
"""Vector clocks: what each message's sender could know when it sent it.

They are computed from the logs, which have everything that a process did and saw in its order, so
the messages need not carry them. A clock has a place for each process, how many of its messages are
known of, and one for the bus: how many changes of owners.
"""

from __future__ import annotations

from .logs import (ACQUIRED, BLOCKED, LOST, OWNER, REPLIED, REQUESTED, SEEN, SENT, Process, Record,
                   Trace, incarnation, place)

Clock = tuple[int, ...]
ALREADY_OWNER, PRIMARY_OWNER = 4, 1


def _changes(process: Process) -> list[tuple[str, ...]]:
    return [(r.name, *r.text.split(" ")) for r in process.records if r.event == OWNER]


class Owners:
    """The changes of owners in the one order in which the bus told everybody of them."""

    def __init__(self, trace: Trace) -> None:
        self.changes: list[tuple[str, ...]] = []
        self.times: list[int] = []
        self.came: dict[str, int] = {}
        for process in trace.processes.values():
            self._extend(process)
        self.of_name: dict[str, list[tuple[int, str]]] = {}
        self.gained: dict[tuple[str, str], list[int]] = {}
        self.lost: dict[tuple[str, str], list[int]] = {}
        for i, (name, before, after) in enumerate(self.changes, 1):
            self.of_name.setdefault(name, []).append((i, after))
            self.gained.setdefault((name, after), []).append(i)
            self.lost.setdefault((name, before), []).append(i)

    def _extend(self, process: Process) -> None:
        """The first process tells of all, but others know more if it hangs."""
        first = self.first_of(process)
        if first is None or (self.changes and process.unique not in self.came):
            return
        new = len(self.changes) - first
        told = [r for r in process.records if r.event == OWNER][new:]
        self.changes += _changes(process)[new:]
        self.times += [r.time for r in told]
        for i, (name, _, after) in enumerate(self.changes, 1):
            if name == after:
                self.came.setdefault(name, i)

    def first_of(self, process: Process) -> int | None:
        """The number of changes that there were before the first that a process was told of."""
        told = _changes(process)
        since, end = self.came.get(process.unique, 0), len(self.changes)
        for i in range(since, end):
            n = min(len(told), end - i)
            if self.changes[i:i + n] == told[:n]:
                return i
        # It came when there was nobody to be told of it, or last of all.
        return None if since not in (0, end) else end

    def has_after(self, name: str, owner: str, number: int) -> bool:
        """Is or becomes somebody the owner of a name, once there were so many changes?"""
        now = ""
        for i, after in self.of_name.get(name, []):
            if i <= number:
                now = after
            elif after == owner:
                return True
        return now == owner

    def unowned(self, name: str, since: int, until: int, slack: int) -> bool:
        """Had a name no owner at some moment, as far as can be told?"""
        begun: int | None = 0
        for i, after in self.of_name.get(name, []):
            time = self.times[i - 1]
            if begun is not None and begun - slack <= until and time >= since:
                return True
            begun = None if after else time
        return begun is not None and begun - slack <= until


class _Walk:
    """A process's log, as far as the clocks are known."""

    def __init__(self, process: Process, lane: int, n_lanes: int, owners: Owners) -> None:
        self.process = process
        self.at = 0
        self.lane = lane
        self.clock = [0] * n_lanes
        self.owners = owners
        self.change = owners.first_of(process)
        self.counts: dict[tuple[int, str], int] = {}

    def _know_change(self, number: int) -> None:
        self.clock[-1] = max(self.clock[-1], number)

    def _own_change(self, r: Record) -> None:
        """The n-th time that a process gains a name is the n-th such change of all."""
        of = self.owners.lost if r.event == LOST else self.owners.gained
        numbers = of.get((r.name, self.process.unique), [])
        key = (r.event, r.name)
        self.counts[key] = self.counts.get(key, 0) + 1
        if self.counts[key] <= len(numbers):
            self._know_change(numbers[self.counts[key] - 1])

    def step(self, r: Record, clocks: dict[int, Clock]) -> bool:
        """Take one event in. False: it has to wait for another process."""
        if r.event == SENT:
            self.clock[self.lane] = place(r.id)
            clocks[r.id] = tuple(self.clock)
        elif r.event in (SEEN, REPLIED, BLOCKED):
            if r.id and r.id not in clocks:
                return False
            if r.id:
                self.clock = list(map(max, self.clock, clocks[r.id]))
        elif r.event == OWNER and self.change is not None:
            self.change += 1
            self._know_change(self.change)
        elif r.event in (ACQUIRED, LOST):
            self._own_change(r)
        elif r.event == REQUESTED and r.size == PRIMARY_OWNER:
            self._own_change(r)
        return True

    def run(self, clocks: dict[int, Clock]) -> bool:
        """Go on as far as possible. True: it got somewhere."""
        start = self.at
        records = self.process.records
        while self.at < len(records) and self.step(records[self.at], clocks):
            self.at += 1
        return self.at > start


class Clocks:
    """The clocks of all messages of a trace."""

    def __init__(self, trace: Trace, owners: Owners) -> None:
        self.lanes = {inc: i for i, inc in enumerate(trace.processes)}
        walks = [_Walk(p, i, len(self.lanes) + 1, owners)
                 for i, p in enumerate(trace.processes.values())]
        self.of: dict[int, Clock] = {}
        while any([w.run(self.of) for w in walks]):  # All of them, each time.
            pass
        self.stuck = [w.process.incarnation for w in walks if w.at < len(w.process.records)]
        self._known = [0] * (len(self.lanes) + 1)
        for walk in walks:
            others = list(walk.clock)
            others[walk.lane] = 0
            self._known = list(map(max, self._known, others))
        for monitor in trace.monitors:
            for r in monitor:
                if r.event == SEEN and incarnation(r.id) in self.lanes:
                    lane = self.lanes[incarnation(r.id)]
                    self._known[lane] = max(self._known[lane], place(r.id))

    def known(self, sender: int) -> int:
        """How many messages of a process others have had, or had news of."""
        return self._known[self.lanes[sender]]
