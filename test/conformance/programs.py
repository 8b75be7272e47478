# SPDX-License-Identifier: MIT
"""Which programs of other projects are run, in which variants, and which cases are excepted."""

from __future__ import annotations

import fnmatch
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
DBUS_RELEASE = Path("/usr/lib/dbus-1.0/installed-tests/dbus")
DBUS_DEBUG = Path("/usr/lib/dbus-1.0/debug-build/libexec/installed-tests/dbus")
DBUS_DEBUG_BIN = Path("/usr/lib/dbus-1.0/debug-build/bin")
GLIB = Path("/usr/libexec/installed-tests/glib")

# Programs that talk to a daemon, or look as if they might. Those that turn out to start none are
# shown but not counted: they would pass with any daemon.
DBUS_PROGRAMS = (
    "integration/transient-services.sh",
    "test-apparmor-activation.sh",
    "test-containers",
    "test-corrupt",
    "test-dbus-daemon",
    "test-dbus-daemon-eavesdrop",
    "test-dbus-daemon-fork.sh",
    "test-fdpass",
    "test-header-fields",
    "test-monitor",
    "test-relay",
    "test-sd-activation",
    "test-uid-permissions",
)
GLIB_PATTERNS = (
    "actions", "dbus-appinfo", "debugcontroller", "fdo-notification-backend", "gapplication",
    "gdbus-*", "gmenumodel", "gnotification",
)
# Not tests, but what tests start.
GLIB_HELPERS = ("gdbus-connection-flush-helper", "gdbus-testserver")

EXCEPTED = "excepted"
NOT_RUN = "not-run"


@dataclass(frozen=True)
class Program:
    """One program in one variant."""

    suite: str
    path: Path
    variant: str
    environment: tuple[tuple[str, str], ...] = ()
    path_first: Path | None = None
    user: str | None = None

    @property
    def wants_session(self) -> bool:
        """Whether it looks for the bus of a session, where systemd would have it listen."""
        return self.name == "transient-services.sh"

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    @property
    def title(self) -> str:
        """How the program is called in what is printed, and what --only is matched with."""
        return f"{self.suite}/{self.name}" + (f" [{self.variant}]" if self.variant else "")

    @property
    def takes_cases(self) -> bool:
        """Whether it is a GTest program, whose cases can be chosen with -p and -s."""
        return self.path.suffix == ""


@dataclass(frozen=True)
class Rule:
    """One line of exceptions.txt."""

    suite: str
    program: str
    case: str
    action: str
    reason: str

    def of(self, program: Program) -> bool:
        """Whether the rule is about this program."""
        return (fnmatch.fnmatchcase(program.suite, self.suite)
                and fnmatch.fnmatchcase(program.name, self.program))


def load_rules(path: Path = HERE / "exceptions.txt") -> list[Rule]:
    """Read the exceptions."""
    rules = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(maxsplit=4)
        if len(fields) != 5 or fields[3] not in (EXCEPTED, NOT_RUN):
            raise ValueError(f"{path}:{number}: not an exception")
        rules.append(Rule(*fields))
    return rules


def find_rule(rules: list[Rule], program: Program, case: str) -> Rule | None:
    """The exception for a case, or for the whole program with '*'."""
    for rule in rules:
        if rule.of(program) and (rule.case == "*" or fnmatch.fnmatchcase(case, rule.case)):
            return rule
    return None


def _ordinary_user() -> str | None:
    """A user to be, beside root: what is refused to users is not seen as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody").pw_name
    except KeyError:
        return None


def _dbus(suite: str, base: Path, path_first: Path | None) -> list[Program]:
    """The programs of one build of dbus. With its data, they also use configuration files."""
    data = (("DBUS_TEST_EXEC", str(base)), ("DBUS_TEST_DATA", str(base / "data")))
    plain = (("DBUS_TEST_DATADIR", "/usr/share"),)
    user = _ordinary_user()
    found = []
    for name in DBUS_PROGRAMS:
        path = base / name
        if not path.is_file():
            continue
        if suite == "dbus":
            found.append(Program(suite, path, "", plain, path_first))
        found.append(Program(suite, path, "data", data, path_first))
        if suite == "dbus" and user:
            found.append(Program(suite, path, f"data, as {user}", data, path_first, user))
    return found


def _glib() -> list[Program]:
    """The programs of GLib that use a session bus, or its client code."""
    found = []
    for path in sorted(GLIB.glob("*")) if GLIB.is_dir() else ():
        if path.name in GLIB_HELPERS or not (path.is_file() and os.access(path, os.X_OK)):
            continue
        if any(fnmatch.fnmatchcase(path.name, pattern) for pattern in GLIB_PATTERNS):
            found.append(Program("glib", path, ""))
    return found


def find_programs(suite: str) -> list[Program]:
    """All programs of a suite ('dbus-tests', 'glib') that are installed here."""
    if suite == "glib":
        return _glib()
    return _dbus("dbus", DBUS_RELEASE, None) + _dbus("dbus-debug", DBUS_DEBUG, DBUS_DEBUG_BIN)
