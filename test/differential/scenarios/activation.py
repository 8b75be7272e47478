# SPDX-License-Identifier: MIT
"""Starting services: service files, the processes, failures, systemd."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import wire
from client import Client
from daemons import OPEN_POLICY, config, default_policy
from fixture import Bus, scenario
from wire import DRIVER, DRIVER_PATH

X = "com.example.X"
ECHO = f"{sys.executable} -B {Path(__file__).resolve().parent.parent / 'echo_service.py'}"
FOLDER = "  <servicedir>@DIR@/services</servicedir>"


# Services may stay connected until the daemon ends.
activating = functools.partial(scenario, None, fds_settle=False)


def service(bus: Bus, name: str, command: str = "", more: str = "", file: str = "") -> None:
    """Write a service file."""
    command = f"Exec={command}\n" if command else ""
    bus.daemon.write(f"services/{file or name + '.service'}",
                     f"[D-BUS Service]\nName={name}\n{command}{more}")


def begin(bus: Bus, extra: str = "", limits: dict[str, int] | None = None,
          policy: str = OPEN_POLICY, arguments: tuple[str, ...] = ()) -> Client:
    """Start the daemon on the service files written so far; connect a client."""
    bus.start(config(extra=FOLDER + extra, limits=limits, policy=policy), arguments)
    return bus.connect("A")


def call(client: Client, name: str, member: str = "Hi", flags: int = 0) -> None:
    """Call a service and write down all up to the answer."""
    client.request(wire.call(name, "/x", X, member, flags=flags))


@activating()
def by_a_call(bus: Bus) -> None:
    """A call starts the service and is delivered, with NameOwnerChanged on the way."""
    service(bus, "com.example.Echo", f"{ECHO} com.example.Echo")
    a = begin(bus)
    w = bus.connect("W")
    w.add_match("type='signal',member='NameOwnerChanged',arg0='com.example.Echo'")
    call(a, "com.example.Echo")
    call(a, "com.example.Echo")
    a.driver("StartServiceByName", "su", ["com.example.Echo", 0])
    call(a, "com.example.Echo", "Quit")
    w.receive(lambda m: m.member == "NameOwnerChanged" and m.body[2] == "", "the end")
    call(a, "com.example.Echo")
    bus.settle()


@activating()
def by_start_service(bus: Bus) -> None:
    """StartServiceByName starts and answers when the name is owned."""
    service(bus, "com.example.Echo", f"{ECHO} com.example.Echo")
    a = begin(bus)
    for flags in (0, 77):
        a.driver("StartServiceByName", "su", ["com.example.Echo", flags])
    a.driver("NameHasOwner", "s", ["com.example.Echo"])
    a.driver_sorted("ListActivatableNames")


@activating()
def several_wait(bus: Bus) -> None:
    """Calls and start requests of several clients wait for one start."""
    service(bus, "com.example.Echo", f"{ECHO} com.example.Echo")
    a = begin(bus)
    b = bus.connect("B")
    first = [a.send(wire.call("com.example.Echo", "/x", X, f"Call{n}")) for n in range(3)]
    start = b.send(wire.call(DRIVER, DRIVER_PATH, DRIVER, "StartServiceByName", "su",
                             ["com.example.Echo", 0]))
    quiet = b.send(wire.call("com.example.Echo", "/x", X, "Quiet", flags=wire.NO_REPLY))
    bus.log(f"{start} {quiet}")
    a.wait_reply(first[-1])
    b.wait_reply(start)


@activating()
def caller_leaves(bus: Bus) -> None:
    """The caller hangs up while the service starts."""
    service(bus, "com.example.Echo", f"{ECHO} com.example.Echo")
    w = begin(bus)
    w.add_match("type='signal',member='NameOwnerChanged',arg0='com.example.Echo'")
    b = bus.connect("B")
    b.send(wire.call("com.example.Echo", "/x", X, "Call"))
    b.close()
    bus.clients.remove(b)
    w.wait_member("NameOwnerChanged")
    call(w, "com.example.Echo")


@activating()
def no_auto_start(bus: Bus) -> None:
    """NO_AUTO_START does not start, nor do signals and replies."""
    service(bus, "com.example.Echo", f"{ECHO} com.example.Echo")
    a = begin(bus)
    call(a, "com.example.Echo", flags=wire.NO_AUTO_START)
    a.send(wire.signal("/x", X, "Sig", destination="com.example.Echo",
                       flags=wire.NO_AUTO_START))
    a.send(wire.method_return("com.example.Echo", 5))
    a.send(wire.error("com.example.Echo", 5, "com.example.Error"))
    bus.settle()
    a.driver("NameHasOwner", "s", ["com.example.Echo"])


@activating()
def by_a_signal(bus: Bus) -> None:
    """A unicast signal starts a service, too."""
    service(bus, "com.example.Echo", f"{ECHO} com.example.Echo")
    a = begin(bus)
    a.add_match("type='signal',member='NameOwnerChanged',arg0='com.example.Echo'")
    a.send(wire.signal("/x", X, "Sig", destination="com.example.Echo"))
    a.wait_member("NameOwnerChanged")


@activating()
def a_client_takes_the_name(bus: Bus) -> None:
    """Somebody else takes the name while the service starts."""
    service(bus, "com.example.Slow", "/bin/sleep 5")
    a = begin(bus)
    b = bus.connect("B")
    serial = a.send(wire.call("com.example.Slow", "/x", X, "Call"))
    start = a.send(wire.call(DRIVER, DRIVER_PATH, DRIVER, "StartServiceByName", "su",
                             ["com.example.Slow", 0]))
    b.request_name("com.example.Slow")
    a.wait_reply(start)
    bus.settle()
    b.send(wire.method_return(a.unique, serial))
    bus.settle()


FAILURES = {
    "exits with 0": "/bin/true", "exits with 1": "/bin/false",
    "exits with 7": "/bin/sh -c 'exit 7'",
    "killed": "/bin/sh -c 'kill -9 $$'", "aborts": "/bin/sh -c 'kill -ABRT $$'",
    "no such program": "/nonexistent/program", "a folder": "/tmp", "not executable": "/etc/passwd",
    "relative": "true", "relative missing": "no-such-program-anywhere", "quoted": '"/bin/false"',
    "bad quoting": '/bin/false "x', "only spaces": "   ", "other name": f"{ECHO} com.example.Other",
    "too late": "/bin/sleep 5", "arguments": "/bin/sh -c 'exit 3' x y",
    "comment": "/bin/false # comment", "backslash": "/bin/sh -c exit\\ 4",
}


@activating(params=FAILURES)
def fails(bus: Bus, command: str) -> None:
    """Each way to fail to start, by a call and by StartServiceByName."""
    service(bus, "com.example.Fails", command)
    a = begin(bus, limits={"service_start_timeout": 400})
    call(a, "com.example.Fails")
    a.driver("StartServiceByName", "su", ["com.example.Fails", 0])
    bus.log_stderr_of("Activat")


FILES = {
    "good": "[D-BUS Service]\nName=com.example.F\nExec=/bin/false\n",
    "no exec": "[D-BUS Service]\nName=com.example.F\n",
    "no name": "[D-BUS Service]\nExec=/bin/false\n",
    "no section": "Name=com.example.F\nExec=/bin/false\n",
    "other section": "[Other]\nName=com.example.F\nExec=/bin/false\n",
    "two sections": "[Other]\nA=b\n[D-BUS Service]\nName=com.example.F\nExec=/bin/false\n",
    "empty": "",
    "comment": "# comment\n[D-BUS Service]\n# x\nName=com.example.F\nExec=/bin/false\n",
    "bad name": "[D-BUS Service]\nName=bad name\nExec=/bin/false\n",
    "unique name": "[D-BUS Service]\nName=:1.5\nExec=/bin/false\n",
    "driver name": "[D-BUS Service]\nName=org.freedesktop.DBus\nExec=/bin/false\n",
    "spaces": "[D-BUS Service]\n  Name = com.example.F\nExec = /bin/false  \n",
    "crlf": "[D-BUS Service]\r\nName=com.example.F\r\nExec=/bin/false\r\n",
    "twice": "[D-BUS Service]\nName=com.example.F\nName=com.example.G\nExec=/bin/false\n",
    "line without equals": "[D-BUS Service]\nName=com.example.F\nExec=/bin/false\nnonsense\n",
    "bad key": "[D-BUS Service]\nName=com.example.F\nExec=/bin/false\nb@d=x\n",
    "localized": "[D-BUS Service]\nName=com.example.F\nName[de]=com.example.G\nExec=/bin/false\n",
    "escapes": "[D-BUS Service]\nName=com.example.F\nExec=/bin/sh\\s-c\\s'exit 5'\n",
    "bad escape": "[D-BUS Service]\nName=com.example.F\nExec=/bin/false \\q\n",
    "bad utf-8": "[D-BUS Service]\nName=com.example.F\nExec=/bin/false\nX=\udcff\n",
    "case": "[D-Bus Service]\nName=com.example.F\nExec=/bin/false\n",
    "user": "[D-BUS Service]\nName=com.example.F\nExec=/bin/false\nUser=no-such-user\n",
    "systemd": "[D-BUS Service]\nName=com.example.F\nExec=/bin/false\nSystemdService=f.service\n",
    "no final newline": "[D-BUS Service]\nName=com.example.F\nExec=/bin/false",
    "long": "[D-BUS Service]\nName=com.example.F\nExec=/bin/false\nX=" + "x" * 140000 + "\n",
}


@activating(params=FILES)
def files(bus: Bus, text: str) -> None:
    """Service files right and wrong."""
    path = bus.daemon.write("services/com.example.F.service", "")
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    a = begin(bus)
    a.driver_sorted("ListActivatableNames")
    call(a, "com.example.F")
    call(a, "com.example.G")


@activating()
def file_names(bus: Bus) -> None:
    """Names of files that do not fit the service, and files that are none."""
    service(bus, "com.example.One", "/bin/false", file="other.service")
    service(bus, "com.example.Two", "/bin/false", file="com.example.Two.service.bak")
    service(bus, "com.example.Three", "/bin/false", file="com.example.Three")
    service(bus, "com.example.Four", "/bin/false", file=".service")
    service(bus, "com.example.Five", "/bin/false", file="sub/com.example.Five.service")
    service(bus, "com.example.Six", "/bin/false")
    service(bus, "com.example.Six", "/bin/true", file="zz.service")
    a = begin(bus)
    a.driver_sorted("ListActivatableNames")
    for name in ("One", "Two"):
        call(a, f"com.example.{name}")


@activating()
def several_folders(bus: Bus) -> None:
    """The first folder that has a service wins."""
    bus.daemon.write("first/com.example.F.service",
                     "[D-BUS Service]\nName=com.example.F\nExec=/bin/sh -c 'exit 1'\n")
    bus.daemon.write("second/com.example.F.service",
                     "[D-BUS Service]\nName=com.example.F\nExec=/bin/sh -c 'exit 2'\n")
    for order in (("first", "second"), ("second", "first")):
        bus.log(str(order))
        daemon = bus.another_daemon()
        daemon.start(config(extra="".join(
            f"  <servicedir>{bus.directory}/{name}</servicedir>" for name in order)))
        client = bus.connect("A", address=daemon.address)
        call(client, "com.example.F")


@activating()
def standard_folders(bus: Bus) -> None:
    """standard_session_servicedirs: XDG_DATA_HOME, XDG_DATA_DIRS and XDG_RUNTIME_DIR."""
    for folder in ("share/dbus-1/services", "share-dirs/dbus-1/services", "dbus-1/services"):
        bus.daemon.write(f"{folder}/com.example.{folder.partition('/')[0].title().replace('-', '')}"
                         ".service", "[D-BUS Service]\nName=com.example."
                         f"{folder.partition('/')[0].title().replace('-', '')}\nExec=/bin/false\n")
    bus.start(config(extra="  <standard_session_servicedirs/>"))
    a = bus.connect("A")
    reply = a.quiet(lambda: a.driver("ListActivatableNames"))
    # The last folder is where the daemon is to be installed: what else is there is no matter.
    bus.log(f"names: {sorted(name for name in reply.body[0] if name.startswith('com.example.'))}"
            if reply else "no names")
    bus.log(f"made: {sorted(p.name for p in (bus.directory / 'dbus-1').iterdir())}")


def read_when_written(bus: Bus, name: str) -> str:
    """Wait for a file that a service writes, under another name first."""
    path = bus.directory / name
    bus.wait_until(path.exists, f"{name} to be written")
    return path.read_text()


@activating()
def environment(bus: Bus) -> None:
    """What a service finds: variables, folder, fds, session, signals."""
    service(bus, "com.example.Env", f"/bin/sh {bus.directory}/show")
    bus.daemon.write("show", "exec >@DIR@/out.tmp\nenv | grep -v '^_=\\|^PWD=\\|^SHLVL=' | sort\n"
                     "pwd\nls /proc/self/fd\nreadlink /proc/$$/fd/0 /proc/$$/fd/2\n"
                     "grep SigIgn /proc/$$/status\numask\n"
                     "[ $(cut -d' ' -f6 /proc/$$/stat) = $$ ] && echo leads a session\n"
                     "mv @DIR@/out.tmp @DIR@/out\n")
    a = begin(bus)
    a.driver("UpdateActivationEnvironment", "a{ss}",
             [{"ADDED": "value", "EMPTY": "", "HOME": "/elsewhere"}])
    a.send(wire.call("com.example.Env", "/x", X, "Call"))
    for line in read_when_written(bus, "out").splitlines():
        if not line.startswith(("PATH=", "LC_")):
            bus.log(line)


@activating()
def signals_ignored(bus: Bus) -> None:
    """What a service may still be ended by, if the daemon was started by nohup(1) and the like."""
    service(bus, "com.example.Signals", f"/bin/sh -c 'grep SigIgn /proc/self/status "
                                        f">{bus.directory}/tmp; "
                                        f"mv {bus.directory}/tmp {bus.directory}/out'")
    bus.daemon.wrap = ["env", "--ignore-signal=HUP,TERM,CHLD,QUIT,USR2", *bus.daemon.wrap]
    a = begin(bus)
    a.send(wire.call("com.example.Signals", "/x", X, "Call"))
    bus.log(read_when_written(bus, "out").strip())


@activating()
def environment_kept(bus: Bus) -> None:
    """Later updates replace earlier ones, and outlive a reload."""
    service(bus, "com.example.Env", f"/bin/sh -c 'env >{bus.directory}/tmp; "
                                    f"mv {bus.directory}/tmp {bus.directory}/out'")
    a = begin(bus)
    for content in ({"ONE": "1", "TWO": "1"}, {"TWO": "2", "DBUS_STARTER_ADDRESS": "mine"}):
        a.driver("UpdateActivationEnvironment", "a{ss}", [content])
    a.driver("ReloadConfig")
    a.send(wire.call("com.example.Env", "/x", X, "Call"))
    for line in sorted(read_when_written(bus, "out").splitlines()):
        if line.startswith(("ONE", "TWO", "DBUS_")):
            bus.log(line)


DENY = default_policy('<deny send_destination="com.example.Denied"/>'
                      '<deny own="com.example.Unowned"/>'
                      '<deny receive_interface="com.example.Unheard"/>')


@activating()
def policy(bus: Bus) -> None:
    """Denied calls do not start anything; denied owners never arrive."""
    for name in ("Denied", "Unowned", "Unheard"):
        service(bus, f"com.example.{name}", f"{ECHO} com.example.{name}")
    a = begin(bus, policy=DENY, limits={"service_start_timeout": 2000})
    call(a, "com.example.Denied")
    a.driver("NameHasOwner", "s", ["com.example.Denied"])
    a.request(wire.call("com.example.Unheard", "/x", "com.example.Unheard", "Hi"))
    call(a, "com.example.Unheard")


@activating(params=["--systemd-activation", "without"])
def systemd(bus: Bus, option: str) -> None:
    """SystemdService: handed to systemd, which here is a client."""
    service(bus, "com.example.Unit", "/bin/sleep 5", "SystemdService=unit.service\n")
    service(bus, "org.freedesktop.systemd1", "/bin/sleep 5")
    a = begin(bus, arguments=(option,) if option.startswith("-") else (),
              limits={"service_start_timeout": 2000})
    first = a.send(wire.call("com.example.Unit", "/x", X, "One"))
    s = bus.connect("S")
    s.request_name("org.freedesktop.systemd1")
    bus.settle()
    b = bus.connect("B")
    second = a.send(wire.call("com.example.Unit", "/x", X, "Two"))
    bus.settle()
    b.request_name("com.example.Unit")
    bus.settle()
    bus.log(f"{first} {second}")
    for serial in (first, second):
        b.send(wire.method_return(a.unique, serial))
    bus.settle()


@activating()
def systemd_fails(bus: Bus) -> None:
    """ActivationFailure by systemd, by others, and for what nobody asked.

    A malformed one is left out: stock 1.14.10 does not survive it.
    """
    service(bus, "com.example.Unit", "/bin/false", "SystemdService=unit.service\n")
    a = begin(bus, arguments=("--systemd-activation",))
    s = bus.connect("S")
    s.request_name("org.freedesktop.systemd1")
    a.send(wire.call("com.example.Unit", "/x", X, "One"))
    bus.settle()
    path, interface = "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Activator"
    for client, body in ((a, ["unit.service", "com.example.Forged", "forged"]),
                         (s, ["other.service", "com.example.Error", "other"]),
                         (s, ["unit.service", "com.example.Error", "it failed"])):
        client.send(wire.signal(path, interface, "ActivationFailure", "sss", body, DRIVER))
        bus.settle()


@activating()
def systemd_environment(bus: Bus) -> None:
    """UpdateActivationEnvironment is passed on to systemd."""
    a = begin(bus, arguments=("--systemd-activation",))
    a.driver("UpdateActivationEnvironment", "a{ss}", [{"EARLY": "1"}])
    s = bus.connect("S")
    s.request_name("org.freedesktop.systemd1")
    a.driver("UpdateActivationEnvironment", "a{ss}", [{"LATE": "2"}])
    bus.settle()


@activating()
def assumed_label_and_unknown_keys(bus: Bus) -> None:
    """Keys for AppArmor and keys nobody knows."""
    service(bus, "com.example.Echo", f"{ECHO} com.example.Echo",
            "AssumedAppArmorLabel=unconfined\nX-Mine=1\n")
    a = begin(bus)
    call(a, "com.example.Echo")


@activating()
def two_names_one_service(bus: Bus) -> None:
    """One process that owns two activatable names."""
    for name in ("One", "Two"):
        service(bus, f"com.example.{name}", f"{ECHO} com.example.One com.example.Two")
    a = begin(bus)
    call(a, "com.example.One")
    call(a, "com.example.Two")
    a.driver("GetNameOwner", "s", ["com.example.Two"])


@scenario(config(extra="  <servicedir>@DIR@/services</servicedir>"))
def found_after_reload(bus: Bus) -> None:
    """A service file that comes after the start."""
    a = bus.connect("A")
    call(a, "com.example.Late")
    service(bus, "com.example.Late", "/bin/false")
    a.driver("ReloadConfig")
    call(a, "com.example.Late")


@activating()
def helper(bus: Bus) -> None:
    """A system bus starts services by its helper; here a program that fails in each way."""
    for status in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 99):
        daemon = bus.another_daemon()
        daemon.write("services/com.example.H.service",
                     "[D-BUS Service]\nName=com.example.H\nExec=/bin/true\nUser=root\n")
        daemon.write("helper", f"#!/bin/sh\necho \"$@\" >@DIR@/called\nexit {status}\n", 0o755)
        daemon.start(config(bus_type="system", limits={"service_start_timeout": 400},
                            extra="  <servicehelper>@DIR@/helper</servicehelper>"
                                  "  <servicedir>@DIR@/services</servicedir>"))
        client = bus.connect("A", address=daemon.address)
        bus.log(f"status {status}")
        call(client, "com.example.H")
        bus.log(f"called with {(daemon.directory / 'called').read_text()!r}")
