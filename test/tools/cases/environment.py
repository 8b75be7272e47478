# SPDX-License-Identifier: MIT
"""dbus-update-activation-environment: what it tells the bus and the service manager."""

from __future__ import annotations

import threading
from typing import Any, Sequence

import wire
from daemons import default_policy
from side import Side, case

TOOL = "dbus-update-activation-environment"
SYSTEMD = "org.freedesktop.systemd1"
REFUSED = default_policy(f'<deny send_interface="{wire.DRIVER}" '
                         'send_member="UpdateActivationEnvironment"/>')

# Nothing else is in its environment, as --all would tell of it.
ENVIRONMENT = {"A": "1", "B": "two words", "EMPTY_": "", "UTF": "é"}

ARGUMENTS: list[Sequence[str]] = [
    (), ("A",), ("NONE",), ("A", "B"), ("C=3", "A"), ("C=",), ("=x",), ("",), ("A=b=c",),
    ("A=1", "A=2"), ("A", "A"), ("A=é",), ("UTF",), ("X=\udcff",), ("\udcff",), ("\udcff=1",),
    ("BAD",), ("A", "BAD", "B"), ("--verbose", "A", "C=3", "NONE", "BAD"), ("--verbose",),
    ("--verbose", "--verbose", "A"), ("--systemd", "A"), ("--systemd", "--verbose", "A"),
    ("--systemd",), ("A", "--verbose"), ("A", "--all"), ("A", "--bogus"), ("A", "--help"),
    ("--", "A"), ("--", "--all"), ("--",), ("A", "--", "B"), ("--verbose", "--", "A"),
    ("--all", "A"), ("--all", "C=1"), ("--all", "--", "A"), ("--all", ""), ("--bogus",), ("-x",),
    ("-",), ("--help",), ("--version",), ("--allx",), ("--all", "--help"),
]


def encoded(arguments: Sequence[str]) -> list[bytes]:
    """Arguments with bytes that are no UTF-8."""
    return [a.encode("utf-8", "surrogateescape") for a in arguments]


def environment(**more: str) -> dict[str, Any]:
    """The variables of a case."""
    return {**ENVIRONMENT, "BAD": "\udcff", **more}


@case(on_bus=True, params={" ".join(ascii(a) for a in w): w for w in ARGUMENTS})
def arguments(side: Side, words: Sequence[str]) -> None:
    """Options and variables."""
    watcher = side.watcher()
    side.run(TOOL, encoded(words), env=environment())
    watcher.log_sent()


@case(on_bus=True, params={"quiet": (), "verbose": ("--verbose",)})
def everything(side: Side, words: Sequence[str]) -> None:
    """All variables, less what differs between two runs of anything."""
    watcher = side.watcher()
    side.run(TOOL, ["--all", *words], env=environment(TOOLS_TEST_MARK=""))
    watcher.log_sent()


@case(params={" ".join(w): w for w in ((), ("A",), ("--all",), ("--systemd", "A"),
                                       ("--verbose", "--systemd", "A"), ("BAD",), ("--bogus",))})
def no_bus(side: Side, words: Sequence[str]) -> None:
    """There is no bus."""
    side.run(TOOL, words, env=environment())


@case(params=("", "nonsense", "unix:path=/nonexistent/bus;unix:path=/nonexistent/other"))
def bad_address(side: Side, address: str) -> None:
    """Nor an address of one."""
    side.run(TOOL, ["A"], env=environment(DBUS_SESSION_BUS_ADDRESS=address))


@case(on_bus=True, policy=REFUSED, params={" ".join(w): w for w in (
    ("A",), ("--systemd", "A"), ("--verbose", "A"))})
def refused(side: Side, words: Sequence[str]) -> None:
    """The bus does not take it."""
    side.run(TOOL, words, env=environment())


def manager(side: Side, answers: list[wire.Message]) -> threading.Thread:
    """A service manager that gives one of these answers."""
    (side.directory / "run" / "systemd").mkdir()
    client = side.client("systemd")
    client.request_name(SYSTEMD)

    def serve() -> None:
        for answer in answers:
            call = client.receive(lambda m: m.type == wire.METHOD_CALL, "a call")
            assert call is not None
            answer.fields += [(wire.DESTINATION, call.sender), (wire.REPLY_SERIAL, call.serial)]
            client.send(answer, sync=False)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


ANSWERS = {
    "yes": wire.method_return(None, None), "no": wire.error(None, None, "a.b.No", "s", ["why"]),
    "no, without a word": wire.error(None, None, "a.b.No"),
    "nonsense": wire.method_return(None, None, "s", ["x"]),
}


@case(on_bus=True, params=list(ANSWERS))
def systemd(side: Side, name: str) -> None:
    """The service manager is told too; what it says is no error."""
    watcher = side.watcher()
    template = ANSWERS[name]
    answer = wire.Message(template.type, 1, 0, list(template.fields), template.sig, template.body)
    thread = manager(side, [answer])
    watcher.messages()
    side.run(TOOL, ["--systemd", "--verbose", "A", "B", "C=3", "BAD"], env=environment())
    thread.join()
    watcher.log_sent()


@case(on_bus=True, params={"quiet": ("--systemd", "A"), "verbose": ("--systemd", "--verbose", "A")})
def no_systemd(side: Side, words: Sequence[str]) -> None:
    """There is a directory of a service manager's that is not there itself, or not even that."""
    side.run(TOOL, words, env=environment(XDG_RUNTIME_DIR=""))
    (side.directory / "run" / "systemd").mkdir()
    side.run(TOOL, words, env=environment())
