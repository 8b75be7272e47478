# SPDX-License-Identifier: MIT
"""Running one program with one daemon, away from the host's buses, home and settings."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import leftovers  # noqa: E402
import tap  # noqa: E402
from programs import Program  # noqa: E402

MARK = "CONFORMANCE_RUN"
# What instrumented builds read is kept; all else of the caller's environment is not.
KEPT = ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "GCOV_PREFIX",
        "RUN_TESTS_MARK")
LAST_LINES = 15
SESSION_CONFIGURATION = "/usr/share/dbus-1/session.conf"
LONGEST_START = 10.0


@dataclass
class Outcome:
    """What one program did with one daemon: a result for each case, in the order they ran.

    The words are the last lines it printed before each bad end.
    """

    cases: dict[str, tap.Case] = field(default_factory=dict)
    ending: str = ""
    hung: bool = False
    daemons: int = 0
    skipped: str = ""
    words: list[str] = field(default_factory=list)

    def take(self, other: Outcome) -> None:
        """Add cases of a later run; what is known already stays."""
        for name, case in other.cases.items():
            self.cases.setdefault(name, case)
        self.daemons += other.daemons
        self.hung = self.hung or other.hung
        self.words.extend(other.words)


class Workplace:
    """A temporary directory that is home, runtime directory and all to one program."""

    def __init__(self, program: Program, daemon: str) -> None:
        self.program = program
        self.mark = uuid.uuid4().hex
        self.directory = Path(tempfile.mkdtemp(prefix="conformance-"))
        # Some cases start the daemon as a user of their choice.
        self.directory.chmod(0o755)
        self.starts = self.directory / "starts"
        self.starts.touch()
        self.starts.chmod(0o666)
        (self.directory / "bin").mkdir(mode=0o755)
        for name in ("home", "runtime", "tmp"):
            (self.directory / name).mkdir(mode=0o700)
        self._write_front(daemon)
        if program.user:
            self._hand_over(pwd.getpwnam(program.user))

    def _write_front(self, daemon: str) -> None:
        """The program starts this in place of the daemon: it notes the start, and becomes it."""
        if os.geteuid() == 0:
            # Other users may not be able to read the build tree.
            daemon = str(shutil.copy(daemon, self.directory / "bin" / "daemon"))
        front = self.directory / "bin" / "dbus-daemon"
        front.write_text(f"#!/bin/sh\necho x >>{shlex.quote(str(self.starts))}\n"
                         f'exec {shlex.quote(daemon)} "$@"\n', encoding="utf-8")
        front.chmod(0o755)

    def _hand_over(self, account: pwd.struct_passwd) -> None:
        """Make the user the owner of everything here."""
        for path in (self.directory, *self.directory.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)

    def environment(self) -> dict[str, str]:
        """All the environment that the program gets."""
        here = self.directory
        first = [str(here / "bin")]
        if self.program.path_first:
            first.append(str(self.program.path_first))
        env = {
            "PATH": ":".join([*first, "/usr/bin", "/bin", "/usr/sbin", "/sbin"]),
            "HOME": str(here / "home"),
            "XDG_RUNTIME_DIR": str(here / "runtime"),
            "TMPDIR": str(here / "tmp"),
            "LC_ALL": "C.UTF-8",
            "DBUS_TEST_DAEMON": str(here / "bin" / "dbus-daemon"),
            "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={here}/no-such-bus",
            "GSETTINGS_BACKEND": "memory",
            "GIO_USE_VFS": "local",
            MARK: self.mark,
        }
        env.update(self.program.environment)
        env.update({name: os.environ[name] for name in KEPT if name in os.environ})
        return env

    def _identity(self) -> dict[str, object]:
        """Whom processes are to run as."""
        if not self.program.user:
            return {}
        account = pwd.getpwnam(self.program.user)
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def _start_session(self) -> None:
        """Start the bus that a session would have. It ends with the program."""
        socket = self.directory / "runtime" / "bus"
        with open(self.directory / "session-log", "wb") as log:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                [str(self.directory / "bin" / "dbus-daemon"), "--nofork", "--nopidfile",
                 f"--config-file={SESSION_CONFIGURATION}", f"--address=unix:path={socket}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment(),
                cwd=self.directory / "tmp", start_new_session=True,
                **self._identity())  # type: ignore[call-overload]
        end = time.monotonic() + LONGEST_START
        while not socket.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)

    def run(self, arguments: list[str], timeout: float) -> tuple[int | None, str, str]:
        """Run the program once. Returns its exit status (None: timed out) and what it printed."""
        stdout, stderr = self.directory / "stdout", self.directory / "stderr"
        if self.program.wants_session:
            self._start_session()
        with open(stdout, "wb") as out, open(stderr, "wb") as err:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                [str(self.program.path), "--tap", *arguments], stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, env=self.environment(), cwd=self.directory / "tmp",
                start_new_session=True, **self._identity())  # type: ignore[call-overload]
            try:
                status: int | None = process.wait(timeout)
            except subprocess.TimeoutExpired:
                status = None
            leftovers.kill_marked(MARK, self.mark)
            process.wait()
        return status, *(path.read_text(encoding="utf-8", errors="replace")
                         for path in (stdout, stderr))

    def close(self) -> None:
        """Remove the directory."""
        shutil.rmtree(self.directory, ignore_errors=True)


def run_once(program: Program, daemon: str, arguments: list[str], timeout: float) -> Outcome:
    """Run a program once with a daemon."""
    place = Workplace(program, daemon)
    try:
        status, stdout, stderr = place.run(arguments, timeout)
        starts = len(place.starts.read_text(encoding="utf-8").splitlines())
    finally:
        place.close()
    seen = tap.parse(stdout)
    outcome = Outcome({case.name: case for case in seen.cases}, daemons=starts,
                      skipped=seen.skipped or "")
    if status is None:
        outcome.ending = f"did not end in {timeout:.0f} s"
        outcome.hung = True
    elif status < 0:
        outcome.ending = f"ended by {signal.Signals(-status).name}"
    elif seen.bailed is not None:
        outcome.ending = f"bailed out: {seen.bailed}"
    elif status not in (0, 77):
        outcome.ending = f"exit status {status}"
    elif seen.unfinished:
        outcome.ending = f"ended after {len(seen.cases)} of {seen.planned} cases"
    if outcome.ending:
        for text in (stdout, stderr):
            outcome.words.extend(text.splitlines()[-LAST_LINES:])
    return outcome


def list_cases(program: Program, daemon: str) -> list[str]:
    """The cases of a GTest program, in the order it runs them; none for another program."""
    if not program.takes_cases:
        return []
    # Some programs start their daemon before they look at what is asked of them.
    place = Workplace(program, daemon)
    try:
        _, stdout, _ = place.run(["-l"], 20)
    finally:
        place.close()
    return [line for line in stdout.splitlines() if line.startswith("/")]


def run_cases(program: Program, daemon: str, wanted: list[str], unwanted: list[str],
              each: float, allowed: float) -> Outcome:
    """Run the wanted cases of a GTest program, in at most the allowed seconds.

    Such a program stops at its first failure: it is started again for the cases that are left.
    Each start has so many seconds, so that a case that hangs leaves some to those after it.
    """
    total = Outcome()
    left = list(wanted)
    deadline = time.monotonic() + allowed
    while left and (remaining := deadline - time.monotonic()) > 0:
        leave_out = unwanted + [name for name in wanted if name not in left]
        arguments = [word for name in leave_out for word in ("-s", name)]
        part = run_once(program, daemon, arguments, min(each, remaining))
        part.cases = {name: case for name, case in part.cases.items() if name in left}
        total.take(part)
        left = [name for name in left if name not in total.cases]
        if not part.ending:
            break
        if not left:
            total.ending = part.ending
        elif tap.FAIL not in (case.outcome for case in part.cases.values()):
            # Cases run in the listed order: the first without a result ended the program.
            total.cases[left[0]] = tap.Case(left[0], tap.FAIL, part.ending)
            left = left[1:]
    return total
