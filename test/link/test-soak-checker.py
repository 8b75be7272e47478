#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The checker of the soak finds each kind of fault in small logs, and none in logs without."""

from __future__ import annotations

import dataclasses
import tempfile
import unittest
from pathlib import Path

from soak import logs
from soak.checker import Checker
from soak.logs import (ACQUIRED, BLOCKED, CALL, ENDED, ERROR, IMPATIENT, LEAVING, LOST, NO_REPLY,
                       OWNER, REPLIED, RESTRICTED, RETURN, SEEN, SENT, SIGNAL, STARTED, WATCHING,
                       WRONG, Policy, Process, Record, Trace)

BUS = "org.freedesktop.DBus"
ERRORS = BUS + ".Error."


class Story:
    """Logs as they are told: each line happens a millisecond after the one before."""

    def __init__(self, n: int = 3) -> None:
        self.now = 0
        self.records: dict[int, list[Record]] = {}
        self.sent: dict[int, Record] = {}
        self.killed: dict[int, int] = {}
        self.monitor: list[Record] | None = None
        self.policies: list[Policy] = []
        for i in range(n):
            self.start(i)

    def _add(self, process: int, record: Record) -> None:
        self.now += 1_000_000
        self.records.setdefault(process, []).append(record._replace(time=self.now))

    def start(self, process: int) -> None:
        """One comes to the bus; all that are there are told."""
        for other in self.records:
            self.owner(other, f":{process}", "", f":{process}")
        self._add(process, Record(STARTED, name=f":{process}"))

    def send(self, process: int, to: int | str | None, kind: int = SIGNAL, flags: int = 0,
             about: int = 0) -> int:
        """Log that a message is sent; None: to everybody. Returns what it is called."""
        number = sum(r.event == SENT for r in self.records[process]) + 1
        name = "" if to is None else to if isinstance(to, str) else f":{to}"
        record = Record(SENT, kind, flags, id=process << 32 | number, about=about, name=name)
        self.sent[record.id] = record
        self._add(process, record)
        return record.id

    def see(self, process: int, message: int, to: str | None = None, sender: str = "") -> None:
        """Log that a call or signal is seen."""
        sent = self.sent.get(message, Record(SENT, SIGNAL, name=f":{process}"))
        self._add(process, Record(SEEN, sent.type, id=message, name=sender or f":{message >> 32}",
                                  text=sent.name if to is None else to))

    def call(self, process: int, to: int | str, flags: int = 0) -> int:
        """Log that a call is sent."""
        return self.send(process, to, CALL, flags)

    def answer(self, process: int, call: int, to: int | None = None) -> int:
        """Log that a reply is sent."""
        return self.send(process, call >> 32 if to is None else to, RETURN, about=call)

    def hear(self, process: int, call: int, reply: int, event: int = REPLIED) -> None:
        """Log that a reply is seen."""
        self._add(process, Record(event, RETURN, id=reply, about=call, name=f":{reply >> 32}"))

    def fail(self, process: int, call: int, error: str, sender: str = BUS) -> None:
        """Log that an error is seen that the bus made, or the library."""
        self._add(process, Record(REPLIED, ERROR, about=call, name=sender, text=ERRORS + error))

    def owner(self, process: int, name: str, before: str, after: str) -> None:
        """Log that one is told of a change of a name's owner."""
        self._add(process, Record(OWNER, name=name, text=f"{before} {after}"))

    def move(self, name: str, before: int | None, after: int | None, told: list[int]) -> None:
        """A name moves, and so many are told at once."""
        text = ["" if owner is None else f":{owner}" for owner in (before, after)]
        if before is not None:
            self._add(before, Record(LOST, name=name))
        if after is not None:
            self._add(after, Record(ACQUIRED, name=name))
        for process in told:
            self.owner(process, name, *text)

    def kill(self, process: int) -> None:
        """One is killed."""
        self.now += 1_000_000
        self.killed[process] = self.now

    def watch(self, event: int, message: int = 0) -> None:
        """Log what a monitor does."""
        self.now += 1_000_000
        self.monitor = self.monitor or []
        self.monitor.append(Record(event, time=self.now, id=message))

    def judge(self, forbids: bool) -> None:
        """The policy is changed at once."""
        self.now += 1_000_000
        self.policies.append(Policy(self.now, self.now, forbids))

    def wrong(self, process: int) -> None:
        """Log that a message has changed on its way."""
        self._add(process, Record(WRONG, text="another payload"))

    def faults(self) -> set[str]:
        """The kinds of faults that the checker finds."""
        for process in self.records:
            if process not in self.killed:
                self._add(process, Record(ENDED))
        processes = {i: Process(i, i, records, self.killed.get(i))
                     for i, records in self.records.items()}
        monitors = [] if self.monitor is None else [self.monitor]
        return {f.split(":")[0] for f in Checker(Trace(processes, monitors, self.policies)).check()}


class Order(unittest.TestCase):
    """Rule 1: causality."""

    def test_in_order(self) -> None:
        """Two messages in the order in which they were sent."""
        s = Story()
        first, second = s.send(0, 1), s.send(0, 1)
        s.see(1, first)
        s.see(1, second)
        self.assertEqual(s.faults(), set())

    def test_overtaken(self) -> None:
        """Two messages in the other order."""
        s = Story()
        first, second = s.send(0, 1), s.send(0, 1)
        s.see(1, second)
        s.see(1, first)
        self.assertEqual(s.faults(), {"order"})

    def _triangle(self, swapped: bool) -> set[str]:
        s = Story()
        first, second = s.send(0, 1), s.send(0, 2)
        s.see(2, second)
        third = s.send(2, 1)
        for message in (third, first) if swapped else (first, third):
            s.see(1, message)
        return s.faults()

    def test_triangle(self) -> None:
        """What a third says comes behind what led to it."""
        self.assertEqual(self._triangle(False), set())
        self.assertEqual(self._triangle(True), {"order"})

    def test_concurrent(self) -> None:
        """Messages that do not know of each other come in any order."""
        s = Story()
        first, second = s.send(0, 1), s.send(2, 1)
        s.see(1, second)
        s.see(1, first)
        self.assertEqual(s.faults(), set())

    def test_broadcast(self) -> None:
        """A broadcast comes ahead of what its sender says afterwards; to itself, too."""
        s = Story()
        cast, second = s.send(0, None), s.send(0, 1)
        s.see(1, second)
        for process in range(3):
            s.see(process, cast)
        self.assertEqual(s.faults(), {"order"})

    def test_signal_and_reply(self) -> None:
        """A reply does not overtake a signal, unless a blocking call waits for it."""
        for event, faults in (REPLIED, {"order"}), (BLOCKED, set()):
            s = Story()
            call = s.call(0, 1)
            s.see(1, call)
            signal, reply = s.send(1, 0), s.answer(1, call)
            s.hear(0, call, reply, event)
            s.see(0, signal)
            self.assertEqual(s.faults(), faults)

    def test_owners(self) -> None:
        """Who acts on a change of an owner is heard after the change."""
        for early in False, True:
            s = Story()
            s.move("soak.Moving0", None, 2, [0])
            if not early:
                s.owner(1, "soak.Moving0", "", ":2")
            message = s.send(0, 1)
            s.see(1, message)
            if early:
                s.owner(1, "soak.Moving0", "", ":2")
            s.owner(2, "soak.Moving0", "", ":2")
            self.assertEqual(s.faults(), {"order"} if early else set())

    def test_owners_in_another_order(self) -> None:
        """Two changes come in one order to the one, in the other to the other."""
        s = Story()
        changes = [("soak.Moving0", "", ":0"), ("soak.Moving1", "", ":1")]
        for process, told in (0, changes), (1, changes[::-1]):
            for change in told:
                s.owner(process, *change)
        self.assertEqual(s.faults(), {"names"})

    def test_last_owner(self) -> None:
        """The same of a change that the first process was not told of, as it hangs."""
        s = Story()
        s.move("soak.Moving0", None, 2, [1])
        s.see(2, s.send(1, 2))
        self.assertEqual(s.faults(), {"order"})

    def test_dies_early(self) -> None:
        """One who is killed has not seen what led to what it has seen."""
        s = Story()
        s.send(0, 1)
        second = s.send(0, 1)
        s.see(1, second)
        s.kill(1)
        self.assertEqual(s.faults(), {"order"})


class Once(unittest.TestCase):
    """Rule 2: exactly once."""

    def test_twice(self) -> None:
        """A message is seen again, by the same or by another."""
        for other in 1, 2:
            s = Story()
            name = s.send(0, "soak.Worker1")
            for process in 1, other:
                s.records[process].append(Record(ACQUIRED, name="soak.Worker1"))
                s.see(process, name)
            self.assertIn("twice", s.faults())

    def test_lost(self) -> None:
        """A message is not seen."""
        s = Story()
        s.send(0, 1)
        self.assertEqual(s.faults(), {"lost"})

    def test_lost_broadcast(self) -> None:
        """A broadcast is not seen by one of them."""
        s = Story()
        cast = s.send(0, None)
        s.see(0, cast)
        s.see(1, cast)
        self.assertEqual(s.faults(), {"lost"})

    def test_lost_with_receiver(self) -> None:
        """The receiver was killed."""
        s = Story()
        s.send(0, 1)
        s.kill(1)
        self.assertEqual(s.faults(), set())

    def test_lost_with_sender(self) -> None:
        """The sender was killed: what came last may be lost, but nothing ahead of what came."""
        for come in False, True:
            s = Story()
            s.send(0, 1)
            last = s.send(0, 2)
            if come:
                s.see(2, last)
            s.kill(0)
            self.assertEqual(s.faults(), {"lost"} if come else set())

    def test_error(self) -> None:
        """The sender was told that there is no such peer any more."""
        s = Story()
        s.kill(1)
        s.fail(0, s.call(0, 1), "ServiceUnknown")
        self.assertEqual(s.faults(), set())

    def test_forged(self) -> None:
        """Nobody sent it, or another."""
        s = Story()
        s.see(1, 5)
        self.assertEqual(s.faults(), {"forged", "circle"})
        s = Story()
        s.see(1, s.send(0, 1), sender=":2")
        self.assertEqual(s.faults(), {"sender"})

    def test_strayed(self) -> None:
        """It was for another."""
        s = Story()
        s.see(2, s.send(0, 1))
        self.assertEqual(s.faults(), {"receiver"})

    def test_changed(self) -> None:
        """Its payload is another."""
        s = Story()
        s.wrong(1)
        self.assertEqual(s.faults(), {"wrong"})


class Policies(unittest.TestCase):
    """Rule 3: what is forbidden is not seen, and nothing else."""

    def _call(self, forbids: list[bool], seen: bool) -> set[str]:
        s = Story()
        for f in forbids:
            s.judge(f)
        call = s.call(0, 1, RESTRICTED)
        if seen:
            s.see(1, call)
            s.hear(0, call, s.answer(1, call))
        else:
            s.fail(0, call, "AccessDenied")
        s.judge(False)
        return s.faults()

    def test_forbidden(self) -> None:
        """It is refused, or should have been."""
        self.assertEqual(self._call([True], False), set())
        self.assertEqual(self._call([True], True), {"policy"})

    def test_allowed(self) -> None:
        """It is delivered, or should have been."""
        self.assertEqual(self._call([True, False], True), set())
        self.assertEqual(self._call([True, False], False), {"error"})

    def test_between(self) -> None:
        """What is sent while the policy changes is judged by either."""
        for seen in False, True:
            s = Story()
            call = s.call(0, 1, RESTRICTED)
            s.judge(True)
            if seen:
                s.see(1, call)
                s.hear(0, call, s.answer(1, call))
            else:
                s.fail(0, call, "AccessDenied")
            self.assertEqual(s.faults(), set())


class Names(unittest.TestCase):
    """Rule 4: names are the daemon's."""

    def _moved(self) -> Story:
        s = Story()
        s.move("soak.Moving0", None, 1, [0, 1, 2])
        return s

    def test_owner(self) -> None:
        """The owner sees what is sent to its name."""
        s = self._moved()
        s.see(1, s.send(0, "soak.Moving0"))
        self.assertEqual(s.faults(), set())

    def test_before_the_news(self) -> None:
        """The owner of before may see what is sent by one who does not know."""
        s = self._moved()
        message = s.send(0, "soak.Moving0")
        s.see(1, message)
        s.move("soak.Moving0", 1, 2, [0, 1, 2])
        self.assertEqual(s.faults(), set())

    def test_known_move(self) -> None:
        """The owner of before has not lost it yet, but the sender knows."""
        s = self._moved()
        s.move("soak.Moving0", None, 2, [0])
        message = s.send(0, "soak.Moving0")
        s.owner(1, "soak.Moving0", "", ":2")
        s.owner(2, "soak.Moving0", "", ":2")
        s.see(1, message)
        self.assertEqual(s.faults(), {"owner"})

    def test_lost(self) -> None:
        """The owner of before has lost it."""
        s = self._moved()
        message = s.send(0, "soak.Moving0")
        s.move("soak.Moving0", 1, 2, [0, 1, 2])
        s.see(1, message)
        self.assertEqual(s.faults(), {"owner"})

    def test_early(self) -> None:
        """The next owner has not got it yet."""
        s = self._moved()
        message = s.send(0, "soak.Moving0")
        s.see(2, message)
        s.move("soak.Moving0", 1, 2, [0, 1, 2])
        self.assertEqual(s.faults(), {"owner"})

    def test_lost_on_the_way(self) -> None:
        """Nobody sees it, though there always is an owner; or there is none."""
        for unowned in False, True:
            s = self._moved()
            s.now += 10_000_000_000
            if unowned:
                s.move("soak.Moving0", 1, None, [0, 1, 2])
            s.send(0, "soak.Moving0")
            self.assertEqual(s.faults(), set() if unowned else {"lost"})


class Replies(unittest.TestCase):
    """Rule 6: one reply, from whom was called."""

    def test_one(self) -> None:
        """A call and its reply."""
        s = Story()
        call = s.call(0, 1)
        s.see(1, call)
        s.hear(0, call, s.answer(1, call))
        self.assertEqual(s.faults(), set())

    def test_none(self) -> None:
        """The reply is not seen; or there was none as the callee lives on silently."""
        s = Story()
        call = s.call(0, 1)
        s.see(1, call)
        s.answer(1, call)
        self.assertEqual(s.faults(), {"unanswered", "lost"})

    def test_caller_died(self) -> None:
        """Nobody is there to be answered."""
        s = Story()
        call = s.call(0, 1)
        s.see(1, call)
        s.answer(1, call)
        s.kill(0)
        self.assertEqual(s.faults(), set())

    def test_two(self) -> None:
        """A reply, and an error of the bus."""
        s = Story()
        call = s.call(0, 1)
        s.see(1, call)
        s.hear(0, call, s.answer(1, call))
        s.kill(1)
        s.fail(0, call, "NoReply")
        self.assertEqual(s.faults(), {"answers"})

    def test_callee_died(self) -> None:
        """The bus answers for who was killed, and for nobody else."""
        for killed in False, True:
            s = Story()
            call = s.call(0, 1)
            s.see(1, call)
            if killed:
                s.kill(1)
            s.fail(0, call, "NoReply")
            self.assertEqual(s.faults(), set() if killed else {"error"})

    def test_another(self) -> None:
        """A third answers; or the callee does, but another call."""
        s = Story()
        call = s.call(0, 1)
        s.see(1, call)
        s.hear(0, call, s.answer(2, call))
        self.assertEqual(s.faults(), {"answer"})
        s = Story()
        first, second = s.call(0, 1), s.call(0, 1)
        s.see(1, first)
        s.see(1, second)
        s.hear(0, second, s.answer(1, first))
        s.hear(0, first, s.answer(1, second))
        self.assertEqual(s.faults(), {"answer"})

    def test_unwanted(self) -> None:
        """A call that wants no reply has one."""
        s = Story()
        call = s.call(0, 1, NO_REPLY)
        s.see(1, call)
        s.hear(0, call, s.answer(1, call))
        self.assertEqual(s.faults(), {"stray"})

    def test_impatient(self) -> None:
        """Only who is impatient gives up, and may be answered late."""
        for flags, faults in (IMPATIENT, set()), (0, {"gave up"}):
            s = Story()
            call = s.call(0, 1, flags)
            s.fail(0, call, "NoReply", "")
            s.see(1, call)
            s.hear(0, call, s.answer(1, call), SEEN)
            self.assertEqual(s.faults(), faults)


class Monitors(unittest.TestCase):
    """Rule 5: monitors see everything."""

    def _watched(self, shown: list[int]) -> set[str]:
        s = Story()
        early = s.send(0, 1)
        s.watch(WATCHING)
        messages = [s.send(0, 1) for _ in range(3)]
        for message in (early, *messages):
            s.see(1, message)
        for i in shown:
            s.watch(SEEN, messages[i])
        s.watch(LEAVING)
        s.see(1, s.send(0, 1))
        s.watch(ENDED)
        return s.faults()

    def test_all(self) -> None:
        """All between its beginning and its end."""
        self.assertEqual(self._watched([0, 1, 2]), set())

    def test_gap(self) -> None:
        """Not the first, not the last, one twice, two swapped."""
        for shown in [1, 2], [0, 1], [0, 0, 1, 2], [1, 0, 2]:
            self.assertEqual(self._watched(shown), {"monitor"})


class Files(unittest.TestCase):
    """Logs as they are in files."""

    def test_read(self) -> None:
        """What is written is read, without what was not finished."""
        record = Record(SENT, CALL, 1, 2, 3, 4, 5, "six", "seven")
        raw = logs.RECORD.pack(*record[:7], b"six", b"seven")
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "log"
            path.write_bytes(logs.HEADER.pack(1, 2, 3).ljust(logs.RECORD.size, b"\0") + raw + raw)
            self.assertEqual(logs.read(path), [record])
            self.assertEqual(logs.status(path), logs.Status(1, 2, 3))

    def test_unfinished(self) -> None:
        """A process that ends by itself is a fault."""
        process = Process(0, 0, [Record(STARTED, name=":0")])
        self.assertEqual(len(Checker(Trace({0: process})).check()), 1)
        killed = dataclasses.replace(process, killed=1)
        self.assertEqual(Checker(Trace({0: killed})).check(), [])


if __name__ == "__main__":
    unittest.main()
