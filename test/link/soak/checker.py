# SPDX-License-Identifier: MIT
"""Proves from the logs of a round that its bus was one.

What the bus owes is less than it seems at first; these are no faults:
- what a process had sent when it was killed may be lost, but then also all that it sent later;
- whoever is killed need not have seen anything that was sent to it, nor have answered;
- what is sent while the configuration changes may be judged by the old one or by the new one;
- a reply that a blocking call waits for is seen before what was received ahead of it.
"""

from __future__ import annotations

from typing import Callable

from .clocks import Clocks, Owners
from .logs import (ACQUIRED, BLOCKED, CALL, ENDED, ERROR, IMPATIENT, LEAVING, LOST, NO_REPLY, OWNER,
                   REPLIED, RESTRICTED, RETURN, SEEN, SENT, WATCHING, WRONG, Policy, Process,
                   Record, Trace, incarnation, place, title)

BUS = "org.freedesktop.DBus"
PREFIX = "org.freedesktop.DBus.Error."
SECOND = 1_000_000_000
# How much later than the bus a process may notice that a name has lost its owner.
SLACK = 2 * SECOND
# When a message has certainly been routed, at the latest, if there is no other sign of it.
LATE = 5 * SECOND
# Reports of one kind, after which there is nothing new to be learned.
ENOUGH = 5


class Message:
    """What was sent, and who had it."""

    def __init__(self, record: Record, sender: Process) -> None:
        self.record = record
        self.sender = sender
        self.seen: list[tuple[Process, Record]] = []
        self.outcomes: list[Record] = []  # Of a call: replies, errors; of others: errors.

    @property
    def is_broadcast(self) -> bool:
        """For everybody who has a match rule for it."""
        return not self.record.name

    def last_sign(self) -> int:
        """When it had been routed at the latest."""
        times = [r.time for _, r in self.seen] + [r.time for r in self.outcomes]
        return min(times) if times else self.record.time + LATE


class Checker:
    """Looks through one trace. `faults` is empty if all is well."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.faults: list[str] = []
        self.counts: dict[str, int] = {}
        self.messages: dict[int, Message] = {}
        self.by_unique = {p.unique: p for p in trace.processes.values() if p.unique}
        self.owners = Owners(trace)
        self.clocks = Clocks(trace, self.owners)

    def fault(self, kind: str, text: str) -> None:
        """Report something that no bus would do."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= ENOUGH:
            self.faults.append(f"{kind}: {text}")

    def check(self) -> list[str]:
        """Do all of it."""
        for process in self.trace.processes.values():
            self._collect_sent(process)
        for process in self.trace.processes.values():
            self._collect_seen(process)
        for process in self.trace.processes.values():
            self._check_end(process)
        for message in self.messages.values():
            self._check_message(message)
        for monitor in self.trace.monitors:
            self._check_monitor(monitor)
        if self.clocks.stuck:
            self.fault("circle", f"processes {self.clocks.stuck} saw what was not sent yet")
        expected = self._expected()
        for process in self.trace.processes.values():
            _Order(self, process, expected.get(process.incarnation, {})).check()
        return self.faults

    # What there is.

    def _collect_sent(self, process: Process) -> None:
        for r in process.records:
            if r.event == SENT:
                self.messages[r.id] = Message(r, process)

    def _collect_seen(self, process: Process) -> None:
        for r in process.records:
            if r.event in (SEEN, REPLIED, BLOCKED):
                self._collect_one(process, r)

    def _collect_one(self, process: Process, r: Record) -> None:
        message = self.messages.get(r.id)
        if r.id and not message:
            self.fault("forged", f"{process.incarnation} saw {title(r.id)}, which nobody sent")
            return
        if message:
            if any(p is process for p, _ in message.seen):
                self.fault("twice", f"{process.incarnation} saw {title(r.id)} again")
            message.seen.append((process, r))
        if r.type in (RETURN, ERROR):
            call = self.messages.get(r.about)
            if call:
                call.outcomes.append(r)
            else:
                self.fault("stray", f"{process.incarnation} saw a reply of {r.name} to no message"
                           f" of its own: {r.text or title(r.id)}")

    def _check_end(self, process: Process) -> None:
        if process.killed is None and not any(r.event == ENDED for r in process.records):
            self.fault("ended", f"{process.incarnation} did not come to its end")
        for r in process.records:
            if r.event == WRONG:
                self.fault("wrong", f"{process.incarnation}: {r.text}, {title(r.id)}")

    # Single messages.

    def _check_message(self, m: Message) -> None:
        r = m.record
        self._check_receivers(m)
        if r.flags & RESTRICTED:
            self._check_policy(m)
        if r.type == CALL and not r.flags & NO_REPLY:
            self._check_outcomes(m)
        elif any(o.id for o in m.outcomes):
            self.fault("stray", f"{title(r.id)} wanted no reply and had one")
        for receiver in self._missing(m):
            self.fault("lost", f"{title(r.id)} from {m.sender.incarnation} to"
                       f" {r.name or 'all'} was not seen by {receiver}")

    def _check_receivers(self, m: Message) -> None:
        r = m.record
        if len(m.seen) > 1 and not m.is_broadcast:
            self.fault("twice", f"{title(r.id)} was seen by"
                       f" {[p.incarnation for p, _ in m.seen]}")
        for process, seen in m.seen:
            if seen.name != m.sender.unique:
                self.fault("sender", f"{title(r.id)} came from {seen.name}")
            if r.name.startswith(":") and r.name != process.unique:
                self.fault("receiver", f"{title(r.id)} to {r.name} was seen by {process.unique}")
            if r.type not in (RETURN, ERROR) and seen.text != r.name:
                self.fault("receiver", f"{title(r.id)} to {r.name} was seen as to {seen.text}")

    def _judged(self, since: int, until: int) -> tuple[bool, bool]:
        """May the policy of some time allow a restricted message, may it forbid it?"""
        verdicts: set[bool] = set()
        policies = [Policy(0, 0, False), *self.trace.policies]
        for i, policy in enumerate(policies):
            end = policies[i + 1].done if i + 1 < len(policies) else None
            if policy.begun <= until and (end is None or end >= since):
                verdicts.add(policy.forbids)
        return False in verdicts, True in verdicts

    def _check_policy(self, m: Message) -> None:
        for _, seen in m.seen:
            if not self._judged(m.record.time, seen.time)[0]:
                self.fault("policy", f"{title(m.record.id)} was forbidden, and seen")

    def _may_be_denied(self, m: Message) -> bool:
        return bool(m.record.flags & RESTRICTED) and self._judged(m.record.time, m.last_sign())[1]

    # Replies.

    def _check_outcomes(self, m: Message) -> None:
        r, outcomes = m.record, m.outcomes
        if not outcomes and m.sender.killed is None:
            self.fault("unanswered", f"{title(r.id)} to {r.name}, seen by"
                       f" {[p.incarnation for p, _ in m.seen]}")
        # Who gave up may still be told.
        gave_up = [o for o in outcomes if not o.name]
        if len(outcomes) - len(gave_up) > 1 or len(gave_up) > 1:
            self.fault("answers", f"{title(r.id)} had {len(outcomes)} replies")
        if gave_up and not r.flags & IMPATIENT:
            self.fault("gave up", f"{title(r.id)}: {gave_up[0].text}")
        for outcome in outcomes:
            if outcome.id:
                self._check_reply(m, outcome)
            elif outcome.name:
                self._check_error(m, outcome)

    def _check_reply(self, m: Message, outcome: Record) -> None:
        reply = self.messages.get(outcome.id)
        if not reply:
            return
        if reply.record.about != m.record.id:
            self.fault("answer", f"{title(outcome.id)} is no reply to {title(m.record.id)}")
        if not any(p is reply.sender for p, _ in m.seen):
            self.fault("answer", f"{title(m.record.id)} was answered by {reply.sender.incarnation},"
                       " which had not seen it")

    def _check_error(self, m: Message, outcome: Record) -> None:
        checks: dict[str, Callable[[Message, Record], bool]] = {
            "NoReply": self._may_have_died,
            "AccessDenied": lambda m, _: not m.seen and self._may_be_denied(m),
            "ServiceUnknown": self._may_be_absent,
            "NameHasNoOwner": self._may_be_absent,
        }
        check = checks.get(outcome.text.removeprefix(PREFIX))
        if outcome.name != BUS or not check or not check(m, outcome):
            self.fault("error", f"{title(m.record.id)} to {m.record.name}, seen by"
                       f" {[p.incarnation for p, _ in m.seen]}: {outcome.name} {outcome.text}")

    def _died_before(self, process: Process, time: int) -> bool:
        return process.killed is not None and process.killed <= time

    def _candidates(self, name: str) -> list[Process]:
        """Who may have had a name."""
        if name.startswith(":"):
            return [self.by_unique[name]] if name in self.by_unique else []
        owners = {owner for _, owner in self.owners.of_name.get(name, [])}
        return [p for p in self.trace.processes.values()
                if p.unique in owners or name == f"soak.Worker{p.slot}"]

    def _may_have_died(self, m: Message, outcome: Record) -> bool:
        callees = [p for p, _ in m.seen] or self._candidates(m.record.name)
        return any(self._died_before(p, outcome.time) for p in callees)

    def _may_be_absent(self, m: Message, outcome: Record) -> bool:
        name = m.record.name
        if m.seen:
            return False
        if name.startswith("soak.Moving"):
            return self.owners.unowned(name, m.record.time, outcome.time, SLACK)
        return any(self._died_before(p, outcome.time) for p in self._candidates(name))

    # Losses.

    def _receivers(self, m: Message) -> list[Process]:
        """Who must see a message, as long as it lives."""
        r = m.record
        if m.is_broadcast:
            return [p for p in self.trace.processes.values() if 0 < p.started < r.time]
        return [self.by_unique[r.name]] if r.name in self.by_unique else []

    def _is_settled(self, m: Message) -> bool:
        """Is it right that nobody sees it, for reasons that are the message's own?"""
        if self._may_be_denied(m) or any(not o.id for o in m.outcomes):
            return True
        call = self.messages.get(m.record.about) if m.record.about else None
        return bool(call) and bool(call.record.flags & IMPATIENT)

    def _missing(self, m: Message) -> list[str]:
        """Who should have seen a message and did not."""
        r = m.record
        if m.sender.killed is not None and place(r.id) > self.clocks.known(m.sender.incarnation):
            return []
        if not m.is_broadcast and (m.seen or self._is_settled(m)):
            return []
        if m.is_broadcast and self._may_be_denied_all(m):
            return []
        if m.is_broadcast or r.name.startswith(":"):
            had = {p.incarnation for p, _ in m.seen}
            return [str(p.incarnation) for p in self._receivers(m)
                    if p.killed is None and p.incarnation not in had]
        gone = any(p.killed is not None for p in self._candidates(r.name))
        absent = self.owners.unowned(r.name, r.time, r.time + LATE, SLACK)
        return [] if gone or absent else ["anybody"]

    def _may_be_denied_all(self, m: Message) -> bool:
        """A broadcast is judged for each receiver, but at one time."""
        return self._may_be_denied(m) and not m.seen

    # Monitors.

    def _check_monitor(self, records: list[Record]) -> None:
        since = next((r.time for r in records if r.event == WATCHING), None)
        until = next((r.time for r in records if r.event == LEAVING), None)
        if since is None or until is None or not any(r.event == ENDED for r in records):
            self.fault("monitor", "a monitor did not come to its end")
            return
        shown: set[int] = set()
        last: dict[int, int] = {}
        for r in records:
            if r.event == WRONG:
                self.fault("wrong", f"a monitor: {r.text}, {title(r.id)}")
            if r.event != SEEN:
                continue
            if r.id in shown:
                self.fault("monitor", f"was shown {title(r.id)} twice")
            elif place(r.id) < last.get(incarnation(r.id), 0):
                self.fault("monitor", f"was shown {title(r.id)} late")
            shown.add(r.id)
            last[incarnation(r.id)] = place(r.id)
        for m in self.messages.values():
            if m.record.time > since and m.record.id not in shown and \
                    any(seen.time < until for _, seen in m.seen):
                self.fault("monitor", f"was not shown {title(m.record.id)}, type {m.record.type},"
                           f" {(m.record.time - since) / 1e6:.3f} ms after the beginning")

    # Order.

    def _expected(self) -> dict[int, dict[int, list[int]]]:
        """For each receiver and sender: the places of what has to be seen, if the receiver lives
        long enough."""
        expected: dict[int, dict[int, list[int]]] = {}
        for m in self.messages.values():
            if m.seen and not m.is_broadcast:
                receivers = [p for p, _ in m.seen]
            elif self._may_be_denied(m) or (not m.is_broadcast and self._is_settled(m)):
                receivers = [p for p, _ in m.seen]
            else:
                receivers = self._receivers(m)
            for p in receivers:
                of = expected.setdefault(p.incarnation, {})
                of.setdefault(m.sender.incarnation, []).append(place(m.record.id))
        for by_sender in expected.values():
            for places in by_sender.values():
                places.sort()
        return expected


class _Order:
    """One process's view: nothing may come ahead of what led to it."""

    NEVER = 1 << 62

    def __init__(self, checker: Checker, process: Process, expected: dict[int, list[int]]) -> None:
        self.checker = checker
        self.process = process
        self.clocks = checker.clocks
        self.incarnations = list(self.clocks.lanes)
        self.expected = {self.clocks.lanes[i]: places for i, places in expected.items()}
        self.seen: dict[int, set[int]] = {lane: set() for lane in self.expected}
        self.next_at = {lane: 0 for lane in self.expected}
        # For each lane the first message that has not been seen; for the bus, the next change.
        self.next = [self.NEVER] * (len(self.incarnations) + 1)
        for lane, places in self.expected.items():
            self.next[lane] = places[0]
        first = checker.owners.first_of(process)
        if first is None:
            checker.fault("names", f"{process.incarnation} was told of the owners of names in"
                          " another order")
        else:
            self.next[-1] = first + 1
        self.names: set[str] = set()

    def check(self) -> None:
        """Go through the log."""
        for r in self.process.records:
            if r.event in (SEEN, REPLIED, BLOCKED) and r.id in self.clocks.of:
                self._see(r)
            elif r.event == OWNER and self.next[-1] != self.NEVER:
                self.next[-1] += 1
            elif r.event == ACQUIRED:
                self.names.add(r.name)
            elif r.event == LOST:
                self.names.discard(r.name)

    def _see(self, r: Record) -> None:
        sender = incarnation(r.id)
        lane = self.clocks.lanes[sender]
        self._mark(lane, place(r.id))
        clock = self.clocks.of[r.id]
        if r.event != BLOCKED:
            for i, (needed, known) in enumerate(zip(self.next, clock)):
                if needed <= known:
                    self._report(r, i, needed)
        if r.event == SEEN and r.type not in (RETURN, ERROR) and r.text and r.text[0] != ":":
            self._check_name(r, clock[-1])

    def _mark(self, lane: int, number: int) -> None:
        if lane not in self.seen:
            return
        seen, places = self.seen[lane], self.expected[lane]
        seen.add(number)
        at = self.next_at[lane]
        while at < len(places) and places[at] in seen:
            at += 1
        self.next_at[lane] = at
        self.next[lane] = places[at] if at < len(places) else self.NEVER

    def _report(self, r: Record, lane: int, number: int) -> None:
        if lane == len(self.incarnations):
            text = f"change {number} of an owner, {self.checker.owners.changes[number - 1]}"
            self.next[lane] = self.NEVER
        else:
            # Once is enough: go on behind it.
            text = f"{self.incarnations[lane]}/{number}"
            self._mark(lane, number)
        self.checker.fault("order", f"{self.process.incarnation} saw {title(r.id)} ahead of {text},"
                           " which had led to it")

    def _check_name(self, r: Record, changes: int) -> None:
        if r.text not in self.names:
            self.checker.fault("owner", f"{self.process.incarnation} saw {title(r.id)} to {r.text},"
                               " which it had not then")
        if not self.checker.owners.has_after(r.text, self.process.unique, changes):
            self.checker.fault("owner", f"{self.process.incarnation} saw {title(r.id)} to {r.text},"
                               " whose sender knew of another owner")
