# SPDX-License-Identifier: MIT
"""Services on their way up: who waits, in which order things happen, what goes wrong meanwhile."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import wire
from client import Client
from daemons import OPEN_POLICY, config, default_policy
from fixture import Bus, scenario
from scenarios.activation import (ECHO, FOLDER, X, activating, begin, call, read_when_written,
                                  service)
from wire import DRIVER, DRIVER_PATH

SLOW = "/bin/sleep 5"


def start(client: Client, name: str, flags: int = 0) -> int:
    """Call StartServiceByName without waiting."""
    return client.send(wire.call(DRIVER, DRIVER_PATH, DRIVER, "StartServiceByName", "su",
                                 [name, 0], flags=flags))


def log_all(bus: Bus) -> None:
    """Write down the daemon's log."""
    for line in bus.daemon.stderr().splitlines():
        if "fd limit" not in line:
            bus.log(line)


@activating()
def what_a_monitor_sees(bus: Bus) -> None:
    """A start, by two calls, a signal and StartServiceByName, as a monitor sees it."""
    service(bus, "com.example.Slow", SLOW)
    a = begin(bus)
    m = bus.connect("M")
    b, c = bus.connect("B"), bus.connect("C")
    m.become_monitor(["type='method_call'", "type='signal'", "type='error'",
                      "type='method_return'"])
    a.send(wire.call("com.example.Slow", "/x", X, "One"))
    start(c, "com.example.Slow")
    a.send(wire.signal("/x", X, "Sig", destination="com.example.Slow"))
    c.send(wire.call("com.example.Slow", "/x", X, "Two", flags=wire.NO_REPLY))
    b.request_name("com.example.Slow")
    bus.settle()
    log_all(bus)


@activating()
def a_failure_as_a_monitor_sees_it(bus: Bus) -> None:
    """A service that fails, with several who wait, one of them for no reply."""
    service(bus, "com.example.F", f"/bin/sh -c 'while ! test -e {bus.directory}/go; "
                                  "do sleep 0.01; done; exit 3'")
    a = begin(bus)
    m = bus.connect("M")
    b = bus.connect("B")
    m.become_monitor()
    last = a.send(wire.call("com.example.F", "/x", X, "One"))
    a.send(wire.call("com.example.F", "/x", X, "Quiet", flags=wire.NO_REPLY))
    a.send(wire.signal("/x", X, "Sig", destination="com.example.F"))
    start(b, "com.example.F")
    start(b, "com.example.F", flags=wire.NO_REPLY)
    bus.daemon.write("go", "")
    a.wait_reply(last)
    bus.settle()
    log_all(bus)


@activating(params=["method_return", "error", "signal", "quiet call"])
def by_other_messages(bus: Bus, kind: str) -> None:
    """Replies and signals start services, too."""
    service(bus, "com.example.Slow", SLOW)
    a = begin(bus)
    b = bus.connect("B")
    a.send({"method_return": wire.method_return("com.example.Slow", 5),
            "error": wire.error("com.example.Slow", 5, "com.example.Error"),
            "signal": wire.signal("/x", X, "Sig", destination="com.example.Slow"),
            "quiet call": wire.call("com.example.Slow", "/x", X, "Quiet", flags=wire.NO_REPLY),
            }[kind])
    log_all(bus)
    b.request_name("com.example.Slow")
    bus.settle()


@activating()
def replies_to_nobody(bus: Bus) -> None:
    """Messages of all kinds to a name that nobody can be started for."""
    a = begin(bus)
    for message in (wire.method_return("com.example.None", 5),
                    wire.error("com.example.None", 5, "com.example.Error"),
                    wire.signal("/x", X, "Sig", destination="com.example.None"),
                    wire.call("com.example.None", "/x", X, "Quiet", flags=wire.NO_REPLY)):
        a.send(message)
    start(a, "com.example.None", flags=wire.NO_REPLY)
    bus.settle()


@activating(params=[0, 1, 2, 3])
def how_many(bus: Bus, limit: int) -> None:
    """What counts as a start that is under way."""
    for name in ("One", "Two", "Three"):
        service(bus, f"com.example.{name}", SLOW)
    a = begin(bus, limits={"max_pending_service_starts": limit})
    for name in ("One", "One", "One", "Two", "Two", "Three", "None"):
        a.send(wire.call(f"com.example.{name}", "/x", X, "Call"))
        start(a, f"com.example.{name}")
    bus.settle()
    b = bus.connect("B")
    b.request_name("com.example.One")
    for name in ("One", "Two", "Three", "None"):
        a.send(wire.call(f"com.example.{name}", "/x", X, "Call"))
        start(a, f"com.example.{name}")
    bus.settle()


@activating()
def counted_down(bus: Bus) -> None:
    """A start that has failed counts no more."""
    service(bus, "com.example.Fails", "/bin/false")
    service(bus, "com.example.Bad", "/nonexistent")
    service(bus, "com.example.Quoted", "'")
    a = begin(bus, limits={"max_pending_service_starts": 1, "service_start_timeout": 300})
    for _ in range(3):
        for name in ("Fails", "Bad", "Quoted"):
            call(a, f"com.example.{name}")
    c = bus.connect("C")
    service(bus, "com.example.Slow", SLOW)
    c.send(wire.call("com.example.Slow", "/x", X, "Call"))
    bus.drop(c)
    call(a, "com.example.Fails")
    call(a, "com.example.Slow")


@activating()
def one_program_two_names(bus: Bus) -> None:
    """Two names with the same command line: what happens to one when the other fails."""
    bus.daemon.write("run", "if mkdir @DIR@/first 2>/dev/null; then while ! test -e @DIR@/go; "
                     "do sleep 0.01; done; exit 3; fi\nexec sleep 5\n")
    for name in ("One", "Two"):
        service(bus, f"com.example.{name}", f"/bin/sh {bus.directory}/run")
    service(bus, "com.example.Three", f"/bin/sh  {bus.directory}/run")
    a = begin(bus, limits={"service_start_timeout": 1500})
    one = a.send(wire.call("com.example.One", "/x", X, "One"))
    bus.wait_until((bus.directory / "first").exists, "the first to run")
    two = a.send(wire.call("com.example.Two", "/x", X, "Two"))
    a.send(wire.call("com.example.Three", "/x", X, "Three"))
    bus.daemon.write("go", "")
    a.wait_reply(one)
    bus.settle()
    a.wait_reply(two + 1)
    log_all(bus)


@activating()
def caller_leaves_in_time(bus: Bus) -> None:
    """What somebody sent who is gone by then does not arrive, nor does it fail."""
    service(bus, "com.example.Slow", SLOW)
    a = begin(bus)
    b, c = bus.connect("B"), bus.connect("C")
    c.send(wire.call("com.example.Slow", "/x", X, "Gone"))
    a.send(wire.call("com.example.Slow", "/x", X, "There"))
    start(c, "com.example.Slow")
    bus.drop(c)
    b.request_name("com.example.Slow")
    bus.settle()


@activating()
def all_callers_leave(bus: Bus) -> None:
    """Nobody waits any more: the start goes on all the same."""
    service(bus, "com.example.Slow", SLOW)
    a = begin(bus, limits={"service_start_timeout": 400})
    c = bus.connect("C")
    c.send(wire.call("com.example.Slow", "/x", X, "Gone"))
    bus.drop(c)
    call(a, "com.example.Slow")
    log_all(bus)


@activating()
def claimed_and_lost(bus: Bus) -> None:
    """The name is claimed and given up at once; what waited was delivered."""
    service(bus, "com.example.Slow", SLOW)
    a = begin(bus)
    b = bus.connect("B")
    first = a.send(wire.call("com.example.Slow", "/x", X, "One"))
    for member, sig, body in (("RequestName", "su", ["com.example.Slow", 4]),
                              ("ReleaseName", "s", ["com.example.Slow"])):
        b.send(wire.call(DRIVER, DRIVER_PATH, DRIVER, member, sig, body), sync=False)
    bus.settle()
    b.send(wire.method_return(a.unique, first))
    a.send(wire.call("com.example.Slow", "/x", X, "Two"))
    bus.settle()
    bus.drop(b, a)
    log_all(bus)


@activating(params=["ReloadConfig", "service gone", "service renamed", "name changed",
                    "name doubled", "folder gone"])
def reload_meanwhile(bus: Bus, how: str) -> None:
    """The configuration is read again while a service starts."""
    service(bus, "com.example.Slow", SLOW)
    a = begin(bus, limits={"service_start_timeout": 3000})
    b = bus.connect("B")
    a.send(wire.call("com.example.Slow", "/x", X, "One"))
    if how == "service gone":
        (bus.directory / "services" / "com.example.Slow.service").unlink()
    if how == "service renamed":
        (bus.directory / "services" / "com.example.Slow.service").rename(
            bus.directory / "services" / "com.example.Other.service")
    if how == "name changed":
        service(bus, "com.example.Other", "/bin/false", file="com.example.Slow.service")
    if how == "name doubled":
        service(bus, "com.example.Slow", "/bin/false", file="com.example.Other.service")
    if how == "folder gone":
        bus.daemon.write("bus.conf", config())
    a.driver("ReloadConfig")
    a.send(wire.call("com.example.Slow", "/x", X, "Two"))
    b.request_name("com.example.Slow")
    bus.settle()


@activating()
def dies_while_messages_wait(bus: Bus) -> None:
    """The service connects, then dies without its name."""
    service(bus, "com.example.F", f"{sys.executable} -B {bus.directory}/die.py")
    here = str(Path(__file__).resolve().parent.parent)
    bus.daemon.write("die.py", f"import os, sys\nsys.path.insert(0, {here!r})\n"
                     "from client import Client\n"
                     "c = Client('s', os.environ['DBUS_STARTER_ADDRESS'], lambda text: None)\n"
                     "c.authenticate()\nc.hello()\nos.kill(os.getpid(), 11)\n")
    a = begin(bus)
    last = [a.send(wire.call("com.example.F", "/x", X, f"Call{n}")) for n in range(3)][-1]
    a.wait_reply(last)


@activating()
def forks(bus: Bus) -> None:
    """The program forks and ends with success; its child takes the name."""
    service(bus, "com.example.Echo", f"/bin/sh -c '{ECHO} com.example.Echo & exit 0'")
    a = begin(bus)
    call(a, "com.example.Echo")
    log_all(bus)


@activating()
def killed_when_too_late(bus: Bus) -> None:
    """A program that takes too long is killed, its children are not."""
    service(bus, "com.example.F", f"/bin/sh {bus.directory}/run")
    bus.daemon.write("run", "trap 'touch @DIR@/term' TERM\nsleep 30 </dev/null >/dev/null 2>&1 &\n"
                     "echo $! >@DIR@/child.tmp\necho $$ >@DIR@/pid\n"
                     "mv @DIR@/child.tmp @DIR@/child\nwait; sleep 30\n")
    a = begin(bus, limits={"service_start_timeout": 600})
    call(a, "com.example.F")
    child = int(read_when_written(bus, "child"))
    pid = int((bus.directory / "pid").read_text())
    bus.wait_until(lambda: not os.path.exists(f"/proc/{pid}/cwd"), "the program to be killed")
    bus.log(f"terminated: {(bus.directory / 'term').exists()}")
    bus.log(f"child lives: {os.path.exists(f'/proc/{child}/cwd')}")
    os.kill(child, 9)
    log_all(bus)


@activating()
def lives_on_without_the_name(bus: Bus) -> None:
    """Somebody else takes the name: the program is left alone."""
    service(bus, "com.example.F", f"/bin/sh -c 'echo $$ >{bus.directory}/tmp; "
                                  f"mv {bus.directory}/tmp {bus.directory}/pid; sleep 30'")
    a = begin(bus)
    b = bus.connect("B")
    a.send(wire.call("com.example.F", "/x", X, "One"))
    pid = int(read_when_written(bus, "pid"))
    b.request_name("com.example.F")
    bus.settle()
    bus.log(f"lives: {os.path.exists(f'/proc/{pid}/cwd')}")
    os.kill(pid, 9)
    bus.settle()
    log_all(bus)


@activating()
def descriptors_wait(bus: Bus) -> None:
    """Descriptors wait with their messages, and arrive in order."""
    service(bus, "com.example.Slow", SLOW)
    a = begin(bus)
    b, c = bus.connect("B"), bus.connect("C", fds=False)
    for number in range(3):
        read_end, write_end = os.pipe()
        a.send(wire.call("com.example.Slow", "/x", X, f"Call{number}", "h" * (number + 1),
                         [0] * (number + 1), fds=[write_end] * (number + 1), flags=1))
        os.close(read_end)
        os.close(write_end)
    b.request_name("com.example.Slow")
    bus.settle()
    b.release_name("com.example.Slow")
    read_end, write_end = os.pipe()
    a.send(wire.call("com.example.Slow", "/x", X, "Refused", "h", [0], fds=[write_end]))
    os.close(read_end)
    os.close(write_end)
    c.request_name("com.example.Slow")
    bus.settle()


POLICY = default_policy(
    '<deny send_destination="com.example.Denied"/>'
    '<deny send_interface="com.example.Secret" send_destination="com.example.Slow"/>')


@activating()
def policy_of_the_sender(bus: Bus) -> None:
    """StartServiceByName needs no right to send; a call does, and it is asked first."""
    for name in ("Denied", "Slow"):
        service(bus, f"com.example.{name}", SLOW)
    a = begin(bus, policy=POLICY)
    b = bus.connect("B")
    m = bus.connect("M")
    m.become_monitor()
    a.send(wire.call("com.example.Slow", "/x", "com.example.Secret", "Call"))
    a.send(wire.call("com.example.Denied", "/x", X, "Call"))
    a.send(wire.call("com.example.DeniedNot", "/x", X, "Call"))
    a.send(wire.signal("/x", X, "Sig", destination="com.example.Denied"))
    start(a, "com.example.Denied")
    b.request_name("com.example.Denied")
    bus.settle()
    log_all(bus)


@activating()
def policy_and_limit(bus: Bus) -> None:
    """Which of the reasons not to start something is told."""
    service(bus, "com.example.Denied", SLOW)
    service(bus, "com.example.Quoted", "'")
    a = begin(bus, policy=default_policy('<deny send_destination="com.example.Denied"/>'
                                         '<deny send_destination="com.example.None"/>'
                                         '<deny send_destination="com.example.Quoted"/>'),
              limits={"max_pending_service_starts": 0})
    for name in ("Denied", "None", "Quoted", "Nothing"):
        call(a, f"com.example.{name}")
    bus.daemon.write("bus.conf", config(extra=FOLDER, policy=default_policy(
        '<deny send_destination="com.example.Denied"/><deny send_destination="com.example.None"/>'
        '<deny send_destination="com.example.Quoted"/>')))
    a.driver("ReloadConfig")
    for name in ("Denied", "None", "Quoted", "Nothing"):
        call(a, f"com.example.{name}")


@activating()
def policy_of_the_receiver(bus: Bus) -> None:
    """Whoever gets the name need not be one who may receive what waits for him."""
    service(bus, "com.example.Slow", SLOW)
    a = begin(bus, policy=default_policy('<deny receive_interface="com.example.Unheard"/>'
                                         '<deny send_destination="com.example.Other"/>'))
    b = bus.connect("B")
    m = bus.connect("M")
    m.become_monitor()
    b.request_name("com.example.Other")
    a.send(wire.call("com.example.Slow", "/x", "com.example.Unheard", "Unheard"))
    a.send(wire.call("com.example.Slow", "/x", X, "Unsent"))
    a.send(wire.signal("/x", "com.example.Unheard", "Sig", destination="com.example.Slow"))
    b.request_name("com.example.Slow")
    bus.settle()


@activating(params={"session": "session", "system": "system", "other": "other"})
def environment_by_type(bus: Bus, bus_type: str) -> None:
    """What the service is told about the bus, by its type."""
    bus.daemon.write("services/com.example.Env.service", "[D-BUS Service]\nName=com.example.Env\n"
                     "Exec=/bin/sh @DIR@/show\nUser=root\n")
    bus.daemon.write("show", "tr '\\0' '\\n' </proc/$$/environ >@DIR@/tmp; mv @DIR@/tmp @DIR@/out")
    bus.start(config(extra=FOLDER + "<listen>unix:path=@DIR@/bus2</listen>", bus_type=bus_type,
                     policy=OPEN_POLICY),
              env={"DBUS_SESSION_BUS_ADDRESS": "old", "DBUS_SYSTEM_BUS_ADDRESS": "old",
                   "DBUS_STARTER_ADDRESS": "old", "DBUS_STARTER_BUS_TYPE": "old",
                   "LISTEN_FDS": "0", "LISTEN_PID": "1", "NOTIFY_SOCKET": "/nonexistent",
                   "NOEQUALS": "", "JOURNAL_STREAM": "1:2", "DBUS_VERBOSE": "0",
                   "LISTEN_FDNAMES": "x", "INVOCATION_ID": "1", "WATCHDOG_PID": "1",
                   "SERVER_ADDRESS": "x"})
    a = bus.connect("A")
    a.send(wire.call("com.example.Env", "/x", X, "Call"))
    for line in sorted(read_when_written(bus, "out").splitlines()):
        if not line.startswith(("PATH=", "LC_", "HOME=", "XDG_")):
            bus.log(line)


ENVIRONMENTS = [{"A=B": "x"}, {"": "x"}, {"A": "=x"}, {"A": ""}, {"A B": "x\ny"},
                {"\u00fc": "\u00fc"}, {"DBUS_STARTER_ADDRESS": "x"},
                {"DBUS_SESSION_BUS_ADDRESS": "x"}, {"DBUS_STARTER_BUS_TYPE": "x"},
                {"DBUS_SYSTEM_BUS_ADDRESS": "x"}, {"1": "x"}, {"A": "x", "=": "y"}]


@activating(params=["session", "system"])
def environment_updates(bus: Bus, bus_type: str) -> None:
    """Which variables can be set, and by what they are replaced."""
    bus.daemon.write("services/com.example.Env.service", "[D-BUS Service]\nName=com.example.Env\n"
                     "Exec=/bin/sh @DIR@/show\n")
    bus.daemon.write("show", "tr '\\0' '\\n' </proc/$$/environ >@DIR@/tmp; mv @DIR@/tmp @DIR@/out"
                     "\nexit 1\n")
    bus.start(config(extra=FOLDER, bus_type=bus_type))
    a = bus.connect("A")
    for content in ENVIRONMENTS:
        a.driver("UpdateActivationEnvironment", "a{ss}", [content])
        call(a, "com.example.Env")
        if not (bus.directory / "out").exists():
            continue
        for line in sorted(read_when_written(bus, "out").splitlines()):
            if not line.startswith(("PATH=", "LC_", "HOME=", "XDG_")):
                bus.log(line)
        (bus.directory / "out").unlink()
    a.driver("UpdateActivationEnvironment", "a{ss}", [{}])
    a.send(wire.call(DRIVER, DRIVER_PATH, DRIVER, "UpdateActivationEnvironment", "a{ss}",
                     [{"X": "y"}], flags=wire.NO_REPLY))
    bus.settle()


@activating()
def state_of_the_process(bus: Bus) -> None:
    """What else a service inherits: limits, signals, groups, priority."""
    service(bus, "com.example.Env", f"/bin/sh {bus.directory}/show")
    bus.daemon.write("show", "{ ulimit -Sn; ulimit -Hn; cat /proc/$$/oom_score_adj; nice\n"
                     "grep -E '^(Sig|ShdPnd|Cap|Groups|Uid|Gid|NoNewPrivs)' /proc/$$/status |"
                     " grep -v -E 'SigQ|SigCgt'\n"
                     "readlink /proc/$$/fd/*; cat /proc/$$/comm; tr '\\0' ' ' </proc/$$/cmdline\n"
                     "awk '{print $5 == $1, $6 == $1, $7, $8}' /proc/$$/stat; } >@DIR@/tmp 2>&1\n"
                     "mv @DIR@/tmp @DIR@/out\n")
    binary = bus.daemon.binary
    bus.daemon.write("daemon", f"#!/bin/sh\nulimit -Sn 500; ulimit -Hn 2000\nexec {binary} \"$@\"\n",
                     0o755)
    bus.daemon.binary = str(bus.directory / "daemon")
    a = begin(bus)
    a.send(wire.call("com.example.Env", "/x", X, "Call"))
    for line in read_when_written(bus, "out").splitlines():
        bus.log(line)
    bus.daemon.binary = binary


def with_helper(bus: Bus, files: dict[str, str], script: str = "exit 1", helper: str = "",
                extra: str = "", arguments: tuple[str, ...] = ()) -> Client:
    """Start a system bus with a helper."""
    for name, text in files.items():
        bus.daemon.write(f"services/{name}.service", text)
    bus.daemon.write("helper", f"#!/bin/sh\nfor word; do echo \"<$word>\"; done >@DIR@/called\n"
                     f"{script}\n", 0o755)
    bus.start(config(bus_type="system", limits={"service_start_timeout": 600},
                     extra=f"  <servicehelper>{helper or '@DIR@/helper'}</servicehelper>"
                     + FOLDER + extra), arguments)
    return bus.connect("A")


def system_service(name: str, more: str = "User=root\n") -> str:
    """The text of a service file."""
    return f"[D-BUS Service]\nName={name}\nExec=/bin/true\n{more}"


@activating()
def helper_files(bus: Bus) -> None:
    """Which services are started by a helper, and how it is called."""
    name = "com.example.H"
    a = with_helper(bus, {name: system_service(name), "com.example.NoUser": system_service(
        "com.example.NoUser", ""), "wrong": system_service("com.example.Wrong"),
        "com.example.Odd": system_service("com.example odd"),
        "com.example.Quoted": system_service("com.example.Quoted", "Exec='\nUser=root\n"),
        "com.example.BadUser": system_service("com.example.BadUser", "User=no-such-user\n")})
    a.driver_sorted("ListActivatableNames")
    called = bus.directory / "called"
    for wanted in (name, "com.example.NoUser", "com.example.Wrong", "com.example odd",
                   "com.example.BadUser", "com.example.Quoted", "com.example.None"):
        a.driver("StartServiceByName", "su", [wanted, 0])
        if called.exists():
            bus.log(called.read_text())
            called.unlink()
    a.driver("UpdateActivationEnvironment", "a{ss}", [{"A": "b"}])
    log_all(bus)


@activating(params=["@DIR@/helper -x 'a b'", "/nonexistent/helper", "@DIR@/helper '", "helper",
                    " @DIR@/helper ", "'@DIR@/helper'"])
def helper_commands(bus: Bus, helper: str) -> None:
    """The helper's own command line."""
    a = with_helper(bus, {"com.example.H": system_service("com.example.H")}, helper=helper)
    call(a, "com.example.H")
    called = bus.directory / "called"
    bus.log(called.read_text() if called.exists() else "not called")
    log_all(bus)


@activating()
def helper_environment(bus: Bus) -> None:
    """The environment that a helper gets."""
    a = with_helper(bus, {"com.example.H": system_service("com.example.H")},
                    "env >@DIR@/tmp; mv @DIR@/tmp @DIR@/out; kill -9 $$")
    call(a, "com.example.H")
    for line in sorted(read_when_written(bus, "out").splitlines()):
        if not line.startswith(("PATH=", "LC_", "HOME=", "XDG_", "_=", "SHLVL=")):
            bus.log(line)


UNIT = "SystemdService=unit.service\n"


@activating(params=["no file", "file", "denied"])
def systemd_is_missing(bus: Bus, how: str) -> None:
    """Nobody is systemd, and it never comes."""
    service(bus, "com.example.Unit", SLOW, UNIT)
    if how != "no file":
        service(bus, "org.freedesktop.systemd1", "/bin/false")
    policy = default_policy('<deny send_destination="org.freedesktop.systemd1"/>') \
        if how == "denied" else OPEN_POLICY
    a = begin(bus, policy=policy, arguments=("--systemd-activation",),
              limits={"service_start_timeout": 500})
    call(a, "com.example.Unit")
    call(a, "org.freedesktop.systemd1")
    a.driver("UpdateActivationEnvironment", "a{ss}", [{"A": "b"}])
    a.driver("StartServiceByName", "su", ["com.example.Unit", 0])
    log_all(bus)


@activating()
def systemd_as_a_monitor_sees_it(bus: Bus) -> None:
    """Requests to systemd, before and after it appears."""
    for number in range(3):
        service(bus, f"com.example.N{number}", SLOW, f"SystemdService=unit{number}.service\n")
    service(bus, "com.example.Same", SLOW, "SystemdService=unit0.service\n")
    service(bus, "org.freedesktop.systemd1", "/bin/false")
    a = begin(bus, arguments=("--systemd-activation",))
    s, m = bus.connect("S"), bus.connect("M")
    m.become_monitor()
    a.send(wire.call("com.example.N0", "/x", X, "One"))
    a.send(wire.call("com.example.N0", "/x", X, "Two"))
    start(a, "com.example.N1")
    a.driver("UpdateActivationEnvironment", "a{ss}", [{"EARLY": "1", "B": "2"}])
    s.request_name("org.freedesktop.systemd1")
    bus.settle()
    a.send(wire.call("com.example.N2", "/x", X, "One"))
    a.send(wire.call("com.example.Same", "/x", X, "One"))
    a.driver("UpdateActivationEnvironment", "a{ss}", [{"LATE": "1"}])
    bus.settle()
    path, interface = "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Activator"
    for unit in ("unit0.service", "unit1.service", "unit1.service"):
        s.send(wire.signal(path, interface, "ActivationFailure", "sss",
                           [unit, "com.example.Error", f"{unit} failed"], DRIVER))
        bus.settle()
    s.request_name("com.example.N2")
    bus.settle()
    log_all(bus)


@activating()
def systemd_failures(bus: Bus) -> None:
    """Failures told by whom, how, and of what."""
    service(bus, "com.example.Unit", SLOW, UNIT)
    a = begin(bus, arguments=("--systemd-activation",), limits={"service_start_timeout": 2500})
    s, b = bus.connect("S"), bus.connect("B")
    s.request_name("org.freedesktop.systemd1")
    interface = "org.freedesktop.systemd1.Activator"
    body = ["unit.service", "com.example.Error", "it failed"]
    a.send(wire.call("com.example.Unit", "/x", X, "One"))
    for client, message in (
            (b, wire.signal("/x", interface, "ActivationFailure", "sss", body, DRIVER)),
            (s, wire.signal("/x", "com.example.I", "ActivationFailure", "sss", body, DRIVER)),
            (s, wire.signal("/x", interface, "Other", "sss", body, DRIVER)),
            (s, wire.call(DRIVER, "/x", interface, "ActivationFailure", "sss", body)),
            (s, wire.signal("/x", interface, "ActivationFailure", "sss",
                            ["unit.service", "com.example.Error", ""], DRIVER))):
        client.send(message)
        bus.settle()
    log_all(bus)


@scenario(None, root=True, fds_settle=False)
def systemd_failure_by_another_user(bus: Bus) -> None:
    """Somebody without privileges has the name of systemd, and tells of a failure."""
    service(bus, "com.example.Unit", SLOW, UNIT)
    a = begin(bus, arguments=("--systemd-activation",), limits={"service_start_timeout": 500})
    s = bus.connect("S", uid=65534)
    s.request_name("org.freedesktop.systemd1")
    a.send(wire.call("com.example.Unit", "/x", X, "One"))
    bus.settle()
    body = ["unit.service", "com.example.Error", "it failed"]
    for flags in (0, wire.NO_REPLY):
        s.send(wire.signal("/x", "org.freedesktop.systemd1.Activator", "ActivationFailure", "sss",
                           body, DRIVER, flags=flags))
    bus.settle()
    a.receive(lambda message: message.get(wire.ERROR_NAME) is not None, "an error")
    for line in bus.daemon.stderr().splitlines():
        if "ActivationFailure" in line:
            bus.log(line)


@activating()
def systemd_failure_without_the_option(bus: Bus) -> None:
    """A failure is told to a bus that does not use systemd."""
    service(bus, "com.example.Unit", SLOW, UNIT)
    a = begin(bus)
    a.request_name("org.freedesktop.systemd1")
    a.send(wire.signal("/x", "org.freedesktop.systemd1.Activator", "ActivationFailure", "sss",
                       ["unit.service", "com.example.Error", "it failed"], DRIVER))
    bus.settle()
    log_all(bus)


@activating()
def systemd_times_out(bus: Bus) -> None:
    """systemd is asked and does nothing; it goes away; another comes."""
    service(bus, "com.example.Unit", SLOW, UNIT)
    service(bus, "org.freedesktop.systemd1", "/bin/false")
    a = begin(bus, arguments=("--systemd-activation",), limits={"service_start_timeout": 800})
    s = bus.connect("S")
    s.request_name("org.freedesktop.systemd1")
    call(a, "com.example.Unit")
    serial = a.send(wire.call("com.example.Unit", "/x", X, "One"))
    bus.settle()
    bus.drop(s, a)
    t = bus.connect("T")
    t.request_name("org.freedesktop.systemd1")
    bus.settle()
    a.wait_reply(serial)
    log_all(bus)


@activating()
def systemd_unit_without_a_program(bus: Bus) -> None:
    """A service that only systemd can start."""
    service(bus, "com.example.Unit", "", UNIT)
    a = begin(bus, arguments=("--systemd-activation",), limits={"service_start_timeout": 800})
    a.driver_sorted("ListActivatableNames")
    call(a, "com.example.Unit")


@activating(params=[1, 2, 3])
def systemd_counts(bus: Bus, limit: int) -> None:
    """What waits for systemd counts like what waits for its units."""
    service(bus, "com.example.Unit", SLOW, UNIT)
    a = begin(bus, arguments=("--systemd-activation",),
              limits={"max_pending_service_starts": limit, "service_start_timeout": 1500})
    b = bus.connect("B")
    for member in ("One", "Two"):
        a.send(wire.call("com.example.Unit", "/x", X, member))
    a.send(wire.call(DRIVER, DRIVER_PATH, DRIVER, "UpdateActivationEnvironment", "a{ss}",
                     [{"A": "b"}]))
    start(a, "org.freedesktop.systemd1")
    b.request_name("org.freedesktop.systemd1")
    bus.settle()
    start(a, "org.freedesktop.systemd1")
    bus.settle()
    log_all(bus)


@activating()
def owned_already(bus: Bus) -> None:
    """StartServiceByName for names that have an owner, with and without a service file."""
    service(bus, "com.example.Owned", SLOW)
    a = begin(bus)
    b = bus.connect("B")
    b.request_name("com.example.Owned")
    b.request_name("com.example.NoFile")
    for name in ("com.example.Owned", "com.example.NoFile", b.unique, DRIVER):
        start(a, name)
        start(a, name, flags=wire.NO_REPLY)
    bus.settle()
