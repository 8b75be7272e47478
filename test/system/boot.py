# SPDX-License-Identifier: MIT
"""A Debian that boots: systemd as the first process of a container, on the bus that is installed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import programs

PATIENCE = 60.0
TESTER = 1000
# To systemd: "Halts the machine" (systemd(1)).
HALT = signal.SIGRTMIN + 4
PACKAGES = ("systemd-sysv", "libpam-systemd", "python3-dbus", "python3-gi")

# What a user has who starts services by systemd, and by their Exec line.
SERVICE = """
import os, sys
import dbus, dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

class Service(dbus.service.Object):
    @dbus.service.method("org.example.Service", in_signature="s", out_signature="s")
    def Environment(self, name):
        return os.environ.get(name, "not there")

    @dbus.service.method("org.example.Service", out_signature="s")
    def Group(self):
        return open("/proc/self/cgroup").read()

    @dbus.service.method("org.example.Service", out_signature="s")
    def Who(self):
        return f"{os.getuid()} {os.getgid()}"

DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus() if sys.argv[1] == "--system" else dbus.SessionBus()
name = dbus.service.BusName(sys.argv[2], bus)
service = Service(bus, "/")
print(f"{sys.argv[2]} speaks", flush=True)
GLib.MainLoop().run()
"""
FILES = {
    "/opt/service.py": SERVICE,
    "/usr/local/share/dbus-1/services/org.example.Unit.service":
        "[D-BUS Service]\nName=org.example.Unit\nExec=/bin/false\n"
        "SystemdService=example-unit.service\n",
    "/usr/local/lib/systemd/user/example-unit.service":
        "[Service]\nType=dbus\nBusName=org.example.Unit\n"
        "ExecStart=/usr/bin/python3 /opt/service.py --session org.example.Unit\n",
    "/usr/local/share/dbus-1/services/org.example.Exec.service":
        "[D-BUS Service]\nName=org.example.Exec\n"
        "Exec=/usr/bin/python3 /opt/service.py --session org.example.Exec\n",
    "/usr/local/share/dbus-1/services/org.example.Masked.service":
        "[D-BUS Service]\nName=org.example.Masked\nExec=/bin/false\n"
        "SystemdService=example-masked.service\n",
    "/usr/local/lib/systemd/user/example-masked.service":
        "[Service]\nType=dbus\nBusName=org.example.Masked\nExecStart=/bin/true\n",
    "/usr/local/share/dbus-1/services/org.example.Missing.service":
        "[D-BUS Service]\nName=org.example.Missing\nExec=/bin/false\n"
        "SystemdService=example-missing.service\n",
    "/usr/local/share/dbus-1/system-services/org.example.Helped.service":
        "[D-BUS Service]\nName=org.example.Helped\nUser=tester\n"
        "Exec=/usr/bin/python3 /opt/service.py --system org.example.Helped\n",
    "/usr/share/dbus-1/system.d/org.example.conf":
        "<busconfig><policy context='default'><allow own='org.example.Helped'/>"
        "<allow send_destination='org.example.Helped'/></policy></busconfig>\n",
}
# What an administrator adds while the bus runs.
STRICTER = "/etc/dbus-1/system.d/check-stricter.conf"
STRICTER_TEXT = ("<busconfig><policy user='tester'><deny send_destination='org.example.Helped' "
                 "log='true'/></policy></busconfig>")


@dataclass(frozen=True)
class Step:
    """Something to do in the system that runs: a script, and what is in what it says."""

    label: str
    script: str
    answer: str
    user: int = 0


def call(bus: str, name: str, member: str, *arguments: str) -> str:
    """A method call of our service, by gdbus."""
    return " ".join(["gdbus call --timeout 20", bus, "-d", f"org.example.{name} -o / -m",
                     f"org.example.Service.{member}", *arguments])


ACTIVE = "systemctl is-active dbus.service dbus.socket"
SYSTEM_STEPS = (
    Step("it comes up", "for i in $(seq 200); do [ -S /run/systemd/private ] && break; sleep 0.1; "
         "done; systemctl is-system-running --wait", "running|degraded"),
    Step("what did not start", "systemctl --failed --plain --no-legend | cut -d' ' -f1 | sort", ""),
    Step("the system bus runs, as its user",
         f"{ACTIVE}; ps -o user= -p $(systemctl show -P MainPID dbus)", "(?s)active.active.messa"),
    Step("services are started by systemd",
         "hostnamectl --static; timedatectl show --value -p Timezone; localectl | head -1; "
         "systemctl is-active systemd-hostnamed systemd-timedated systemd-localed",
         "(?s)active.active.active"),
    Step("who has a name is a unit",
         "busctl --no-pager status org.freedesktop.login1 | grep ^Unit=", "systemd-logind.service"),
    Step("polkit answers", "busctl call org.freedesktop.PolicyKit1 "
         "/org/freedesktop/PolicyKit1/Authority org.freedesktop.DBus.Properties Get ss "
         "org.freedesktop.PolicyKit1.Authority BackendName", '"js"'),
    Step("a service without a unit, by the launch helper", call("--system", "Helped", "Who"),
         rf"'{TESTER} {TESTER}'"),
    Step("... in the bus's group of processes", call("--system", "Helped", "Group"),
         "system.slice/dbus.service"),
    Step("a user has a bus", "loginctl enable-linger tester && for i in $(seq 200); do "
         f"[ -S /run/user/{TESTER}/bus ] && break; sleep 0.1; done; "
         "systemctl --user -M tester@ start dbus && systemctl --user -M tester@ is-active dbus",
         "^active"),
)
USER_STEPS = (
    Step("the environment is told to systemd",
         "COLOUR=blue dbus-update-activation-environment --systemd COLOUR && "
         "systemctl --user show-environment | grep COLOUR", "^COLOUR=blue", TESTER),
    Step("a unit has it", call("--session", "Unit", "Environment", "COLOUR"), "'blue'", TESTER),
    Step("... and a group of its own", call("--session", "Unit", "Group"),
         "example-unit.service", TESTER),
    Step("a program has it", call("--session", "Exec", "Environment", "COLOUR"), "'blue'", TESTER),
    Step("... and the group of the bus", call("--session", "Exec", "Group"),
         "dbus.service", TESTER),
    Step("a unit that may not be started", "systemctl --user -q mask example-masked.service; "
         + call("--session", "Masked", "Group"), "UnitMasked", TESTER),
    Step("a unit that is not there", call("--session", "Missing", "Group"),
         "NoSuchUnit", TESTER),
    Step("the user's bus reloads", "systemctl --user reload dbus; echo $?", "^0", TESTER),
)
LATE_STEPS = (
    Step("before a stricter policy", call("--system", "Helped", "Who"), f"'{TESTER} ", TESTER),
    Step("it is read", f'echo "{STRICTER_TEXT}" >{STRICTER} && systemctl reload dbus; echo $?',
         "^0"),
    Step("... and in force", call("--system", "Helped", "Who"), "AccessDenied", TESTER),
    Step("... and the journal tells of it",
         "journalctl -b -u dbus --no-pager -o cat | grep -q 'Rejected send message.*Helped'; echo $?",
         "^0"),
    Step("what services say is their own",
         "for name in Helped Exec; do journalctl -b --no-pager -t org.example.$name -o cat; done",
         "(?s)Helped speaks.*Exec speaks"),
    Step("the journal tells who was started",
         "journalctl -b -u dbus --no-pager -o cat | grep -o "
         "'\\[system\\] \\(Activating\\|Successfully\\).*hostname1[^ ]*' | head -2",
         "(?s)Activating via systemd: .*Successfully activated"),
    Step("a bus that was killed comes back", f"rm {STRICTER}; old=$(systemctl show -P MainPID dbus); "
         "systemctl kill -s KILL dbus; for i in $(seq 100); do hostnamectl --static && "
         "[ $(systemctl show -P MainPID dbus) -gt $old ] && break; sleep 0.1; done 2>&1 | tail -1; "
         f"{ACTIVE}", "(?s)active.active"),
    Step("... and systemd is on it", "for i in $(seq 100); do busctl --no-pager status "
         "org.freedesktop.systemd1 2>/dev/null | grep ^PID=1$ && break; sleep 0.1; done", "PID=1"),
)
STEPS = (*SYSTEM_STEPS, *USER_STEPS, *LATE_STEPS)


def normal(text: str) -> str:
    """What was said without what differs from run to run."""
    text = re.sub(r":1\.\d+", ":1.N", text)
    text = re.sub(r'comm="[^"]*"', "comm=C", text)
    return re.sub(r"\b(pid|uid|user|session)([=-])\d+", r"\1\2N", text)


class Machine:
    """A container, its first process systemd."""

    def __init__(self, root: Path, log: Path) -> None:
        self.root = root
        with open(log, "wb") as file:
            self.container = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network",
                 "--resolv-conf=off", "--timezone=off", "--console=pipe", "-D", str(root),
                 "/lib/systemd/systemd", "--log-target=console"],
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        self.first = programs.until(self._find_first, PATIENCE)

    def _find_first(self) -> int:
        """The process that is the first one of the container, once it is systemd; or 0."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (int((process / "stat").read_text().rpartition(")")[2].split()[1])
                        == self.container.pid and (process / "comm").read_text() == "systemd\n"):
                    return int(process.name)
            except (OSError, ValueError):
                continue
        return 0

    def ask(self, step: Step) -> str:
        """Run a script to its end. Returns what it says."""
        who = ["runuser", "-u", "tester", "--"] if step.user else []
        runtime = f"/run/user/{step.user}"
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                       **({"XDG_RUNTIME_DIR": runtime,
                           "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}
                          if step.user else {})}
        return programs.run(
            ["nsenter", "--target", str(self.first), "--all", "--wd", *who, "sh", "-c",
             step.script], environment, PATIENCE)[1]

    def halt(self) -> bool:
        """End the system. Returns whether it ended by itself."""
        if self.first:
            os.kill(self.first, HALT)
        try:
            self.container.wait(PATIENCE)
            return True
        except subprocess.TimeoutExpired:
            self.container.kill()
            self.container.wait()
            return False


def cannot_boot() -> str:
    """Why no system can be booted here; "" if one can."""
    if not shutil.which("systemd-nspawn"):
        return "needs systemd-nspawn"
    groups = ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/cgroup.procs")
    return "" if any(map(os.path.exists, groups)) else "needs control groups"


def boot(root: Path, log: Path) -> dict[str, str]:
    """Boot a tree, do all steps, halt it. Returns what each said."""
    for path, text in FILES.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    machine = Machine(root, log)
    said = {"boots": "yes" if machine.first else "no"}
    try:
        if machine.first:
            said |= {step.label: normal(machine.ask(step)) for step in STEPS}
    finally:
        said["halts"] = "yes" if machine.halt() else "no"
    return said
