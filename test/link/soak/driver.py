# SPDX-License-Identifier: MIT
"""Runs a round: starts the processes, does to them what the schedule says, brings them to rest."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import signal
import struct
import subprocess
import time
from pathlib import Path
from typing import Callable

from . import logs, schedule
from .bus import Bus, Programs
from .schedule import Event

# What workers read (worker.h).
CONTROL = struct.Struct("<II")
PHASE_END = 100
BARRIERS = 2
# After so long a silence, when nobody is stopped any more, nothing is to be expected.
SILENCE = 10.0
# How long a process hangs before it is killed.
HUNG_SECONDS = 0.05
# Between what workers do of their own accord, in microseconds.
GAP = 4000


@dataclasses.dataclass
class Worker:
    """A process that is or was in a slot."""

    slot: int
    incarnation: int
    log: Path
    process: subprocess.Popen[bytes]
    killed: int | None = None
    stops: int = 0


@dataclasses.dataclass
class Outcome:
    """What a round was like."""

    trace: logs.Trace
    faults: list[str]
    totals: dict[str, int]


class Round:
    """One bus with its processes, for some seconds."""

    def __init__(self, programs: Programs, seed: str, seconds: float, directory: Path) -> None:
        self.seed, self.seconds, self.directory = seed, seconds, directory
        self.programs = programs
        self.control = directory / "control"
        self._say(0)
        self.bus = Bus(programs, directory)
        self.workers: list[Worker] = []
        self.slots: list[Worker | None] = [None] * schedule.N_WORKERS
        self.monitor: tuple[subprocess.Popen[bytes], Path] | None = None
        self.monitors: list[Path] = []
        self.policies: list[logs.Policy] = []
        self.reload: subprocess.Popen[bytes] | None = None
        self.daemon_stops = 0
        self.faults: list[str] = []
        self.names = itertools.count()
        self.later: list[tuple[float, int, Callable[[], None]]] = []
        self.order = itertools.count()

    def _say(self, phase: int) -> None:
        # In place: the workers have it mapped.
        with self.control.open("r+b" if self.control.exists() else "wb") as file:
            file.write(CONTROL.pack(phase, GAP))

    # What the schedule is made of.

    def _start(self, slot: int) -> None:
        incarnation = len(self.workers)
        log = self.directory / f"worker-{incarnation}.log"
        process = self.bus.start(f"worker-{incarnation}", "worker", self.bus.address, str(log),
                                 str(self.control), str(slot), str(incarnation),
                                 str(schedule.worker_seed(self.seed, incarnation)))
        worker = Worker(slot, incarnation, log, process)
        self.workers.append(worker)
        self.slots[slot] = worker

    def _kill(self, event: Event) -> None:
        worker = self.slots[event.slot]
        if not worker:
            return
        if event.how == "hung":
            # So that there is something that it has not read, and calls that it has not answered.
            worker.stops += 1
            worker.process.send_signal(signal.SIGSTOP)
            self._after(HUNG_SECONDS, lambda: self._kill_now(worker, event.seconds))
        else:
            self._kill_now(worker, event.seconds)

    def _kill_now(self, worker: Worker, seconds: float) -> None:
        if self.slots[worker.slot] is not worker or worker.process.poll() is not None:
            return
        worker.killed = time.monotonic_ns()
        worker.process.kill()
        worker.process.wait()
        self.slots[worker.slot] = None
        self._after(seconds, lambda: self._start(worker.slot))

    def _stop(self, event: Event) -> None:
        worker = self.slots[event.slot]
        if not worker:
            return
        worker.stops += 1
        worker.process.send_signal(signal.SIGSTOP)
        self._after(event.seconds, lambda: self._continue(worker))

    def _continue(self, worker: Worker) -> None:
        worker.stops -= 1
        if not worker.stops:
            worker.process.send_signal(signal.SIGCONT)

    def _stop_daemon(self, event: Event) -> None:
        self.daemon_stops += 1
        self.bus.daemon.send_signal(signal.SIGSTOP)
        self._after(event.seconds, self._continue_daemon)

    def _continue_daemon(self) -> None:
        self.daemon_stops -= 1
        if not self.daemon_stops:
            self.bus.daemon.send_signal(signal.SIGCONT)

    def _reload(self, event: Event) -> None:
        if self.reload:
            return
        denies = not (self.policies and self.policies[-1].forbids)
        policy = logs.Policy(time.monotonic_ns(), 0, denies)
        self.bus.configure(denies)
        self.policies.append(policy)
        if event.how == "hangup":
            self.bus.daemon.send_signal(signal.SIGHUP)
        # Also after a signal, to be told when it has been obeyed.
        self.reload = self.bus.start(f"reload-{next(self.names)}", "reload", self.bus.address)

    def _reloaded(self) -> None:
        """Look whether the new configuration is in force."""
        if not self.reload or self.reload.poll() is None:
            return
        if self.reload.returncode:
            self.faults.append("driver: ReloadConfig failed")
        self.policies[-1].done = time.monotonic_ns()
        self.reload = None

    def _monitor(self, event: Event) -> None:
        if self.monitor:
            if self.monitor[0].poll() is None:
                return
            self.monitor = None
        log = self.directory / f"monitor-{next(self.names)}.log"
        process = self.bus.start(log.stem, "monitor", self.bus.address, str(log), event.how)
        self.monitor = process, log
        self.monitors.append(log)
        self._after(event.seconds, lambda: self._leave(process))

    def _leave(self, process: subprocess.Popen[bytes]) -> None:
        log = self.monitor[1] if self.monitor and self.monitor[0] is process else None
        # One that has not begun, as the daemon or the machine is slow, has nothing to end.
        if log and process.poll() is None and not logs.status(log).n_records:
            self._after(0.05, lambda: self._leave(process))
        else:
            process.terminate()

    # Time.

    def _after(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self.later, (time.monotonic() + seconds, next(self.order), what))

    def _turn(self) -> None:
        """Do what is due, and wait a little."""
        self._reloaded()
        while self.later and self.later[0][0] <= time.monotonic():
            heapq.heappop(self.later)[2]()
        due = self.later[0][0] - time.monotonic() if self.later else 1.0
        time.sleep(max(0.0, min(due, 0.005)))

    def _progress(self) -> int:
        return sum(sum(logs.status(w.log)) for w in self.workers)

    def _until(self, done: Callable[[], bool]) -> bool:
        """Wait, but not for ever if nothing happens."""
        progress, deadline = -1, 0.0
        while not done():
            now = self._progress()
            if now != progress:
                progress, deadline = now, time.monotonic() + SILENCE
            if time.monotonic() > deadline:
                return False
            self._turn()
        return True

    def _play(self) -> None:
        does = {schedule.KILL: self._kill, schedule.STOP: self._stop,
                schedule.STOP_DAEMON: self._stop_daemon, schedule.RELOAD: self._reload,
                schedule.MONITOR: self._monitor}
        begun = time.monotonic()
        for event in schedule.make(self.seed, self.seconds):
            while time.monotonic() < begun + event.time:
                self._turn()
            does[event.what](event)
        while time.monotonic() < begun + self.seconds:
            self._turn()

    def _has_settled(self) -> bool:
        """Nobody is stopped or dead, and nothing is under way."""
        gone = self.monitor is None or self.monitor[0].poll() is not None
        return not self.later and not self.reload and gone

    def _have_passed(self, phase: int) -> bool:
        return all(logs.status(w.log).barrier >= phase or w.process.poll() is not None
                   for w in self.slots if w)

    def _come_to_rest(self) -> None:
        if not self._until(self._has_settled):
            self.faults.append("driver: the daemon does not answer, or a monitor does not end")
        for phase in range(1, BARRIERS + 1):
            self._say(phase)
            if not self._until(lambda: self._have_passed(phase)):
                waiting = {w.incarnation: logs.status(w.log) for w in self.slots if w}
                self.faults.append(f"rest: not everything is answered: {waiting}")
                return

    def _end(self) -> None:
        self._say(PHASE_END)
        self._until(lambda: all(w.process.poll() is not None for w in self.slots if w))
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.kill()
            worker.process.wait()
        for path in self.monitors:
            if self.monitor and self.monitor[1] == path and self.monitor[0].poll() is None:
                self.monitor[0].kill()
                self.monitor[0].wait()
        if self.reload:
            self.reload.kill()
            self.reload.wait()

    def run(self) -> Outcome:
        """All of it, up to the logs."""
        try:
            self._start(0)
            self._until(lambda: logs.status(self.workers[0].log).n_records > 0)
            for slot in range(1, schedule.N_WORKERS):
                self._start(slot)
            self._play()
            self._come_to_rest()
            totals = self.bus.totals()
            if self.bus.daemon.poll() is not None:
                self.faults.append(f"driver: the daemon ended, {self.bus.daemon.returncode}")
            self._end()
        finally:
            for worker in self.workers:
                worker.process.kill()
                worker.process.wait()
            self.bus.stop()
        return Outcome(self._trace(), self.faults, totals)

    def _trace(self) -> logs.Trace:
        processes = {w.incarnation: logs.Process(w.incarnation, w.slot, logs.read(w.log), w.killed)
                     for w in self.workers}
        return logs.Trace(processes, [logs.read(m) for m in self.monitors], self.policies)
