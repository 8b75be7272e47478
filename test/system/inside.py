#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the system bus of a tree, its services and a session, and write down what became of them.

This is the first process of its namespaces: whatever was started ends with it, and nothing that it
mounts is seen elsewhere.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parent))

import programs  # noqa: E402
from services import SERVICES, SESSION, Service, Step  # noqa: E402

MS_BIND, MS_REC, MS_PRIVATE, MS_RDONLY, MS_REMOUNT = 4096, 16384, 1 << 18, 1, 32  # <sys/mount.h>
SIOCSIFFLAGS, IFF_UP = 0x8914, 1  # <linux/sockios.h>, <linux/if.h>
NOBODY, TESTER = 65534, 1000
PATIENCE = 20.0
DENIAL = re.compile(r"Rejected|not allowed to own|apparmor|avc: ", re.IGNORECASE)
_LIBC = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: Path, kind: str | None, flags: int = 0) -> None:
    """mount(2)."""
    if _LIBC.mount(source.encode(), str(target).encode(), kind and kind.encode(), flags, None):
        raise OSError(ctypes.get_errno(), f"mount {target}")


def prepare(root: Path) -> None:
    """Mount what a system that runs has, and let it reach itself."""
    mount("none", Path("/"), None, MS_REC | MS_PRIVATE)
    mount("proc", root / "proc", "proc")
    mount("/sys", root / "sys", None, MS_BIND | MS_REC)
    mount("/dev", root / "dev", None, MS_BIND | MS_REC)
    for name in ("run", "tmp"):
        mount("tmpfs", root / name, "tmpfs")
    (root / "tmp").chmod(0o1777)
    runtime = root / "run" / "user" / str(TESTER)
    runtime.mkdir(parents=True)
    os.chown(runtime, TESTER, TESTER)
    runtime.chmod(0o700)
    (root / "run" / "dbus").mkdir()
    # A display is reached by its socket, whose directory only root may make.
    (root / "tmp" / ".X11-unix").mkdir()
    (root / "tmp" / ".X11-unix").chmod(0o1777)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


class System:
    """What runs in the tree."""

    def __init__(self, root: Path, logs: Path) -> None:
        self.root = root
        self.logs = logs
        self.bus_log = logs / "bus"
        self.bus: subprocess.Popen[bytes] | None = None

    def command(self, words: Sequence[str], user: int = 0) -> list[str]:
        """As somebody, in the tree."""
        who = [f"--userspec={user}:{user}", "--groups="] if user else []
        return ["chroot", *who, str(self.root), *words]

    @staticmethod
    def environment(user: int) -> dict[str, str]:
        """What a user has in the environment who has just logged in."""
        home = {0: "/root", TESTER: "/home/tester"}.get(user, "/")
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": home,
                **({"XDG_RUNTIME_DIR": f"/run/user/{user}"} if user == TESTER else {})}

    def start(self, words: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Start a program, in the background."""
        with open(log, "ab") as file:
            return subprocess.Popen(self.command(words), stdin=subprocess.DEVNULL, stdout=file,
                                    stderr=subprocess.STDOUT, env=self.environment(0))

    def ask(self, words: Sequence[str], user: int = 0) -> tuple[int, str]:
        """Run a program to its end. Returns its status and what it says."""
        return programs.run(self.command(words, user), self.environment(user), PATIENCE * 6)

    def start_bus(self) -> bool:
        """The system bus, as its unit starts it, but for systemd and its journal."""
        self.bus = self.start(["dbus-daemon", "--system", "--nofork", "--nopidfile", "--nosyslog"],
                              self.bus_log)
        return bool(programs.until(lambda: self.call(
            "org.freedesktop.DBus", ["/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId"])[0]
            == 0, PATIENCE))

    def call(self, name: str, words: Sequence[str], user: int = 0,
             start: bool = True) -> tuple[int, str]:
        """Call a service of the system bus."""
        return self.ask(["busctl", "--system", f"--timeout={PATIENCE:g}",
                         f"--auto-start={'yes' if start else 'no'}", "call", name, *words], user)

    def has_owner(self, name: str) -> bool:
        """Whether somebody owns a name."""
        said = self.call("org.freedesktop.DBus",
                         ["/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", "s",
                          name])
        return said == (0, "b true")

    def denials(self) -> list[str]:
        """What the bus has refused so far, as it has logged it."""
        text = self.bus_log.read_text(encoding="utf-8", errors="replace")
        return [line for line in text.splitlines() if DENIAL.search(line)]


def normal(line: str) -> str:
    """A denial without what differs from run to run."""
    line = re.sub(r"^\S*dbus(-daemon)?\[\d+\]: ", "", line)
    line = re.sub(r":1\.\d+", ":1.N", line)
    # Some write what they are doing there.
    line = re.sub(r'comm="[^"]*"', "comm=C", line)
    return re.sub(r"\bpid=\d+", "pid=N", line)


def start_service(system: System, service: Service) -> tuple[str, str]:
    """Let the bus start a service, or start it by hand. Returns who did, and a problem."""
    log = system.logs / service.label
    status, _ = system.call(service.name, service.call)
    if status == 0 or system.has_owner(service.name):
        return "bus", ""
    process = system.start(service.command, log)
    programs.until(lambda: system.has_owner(service.name) or process.poll() is not None, PATIENCE)
    if system.has_owner(service.name):
        return "hand", ""
    said = log.read_text(encoding="utf-8", errors="replace")
    return "hand", f"ended with {process.poll()}: {said[-300:]}"


def try_service(system: System, service: Service) -> dict[str, Any]:
    """Start one, call it, and do what is not allowed."""
    before = len(system.denials())
    by, problem = start_service(system, service)
    status, said = system.call(service.name, service.call)
    answered = status == 0 and bool(re.search(service.answer, said))
    refused = [system.call(service.name, words, NOBODY)[1] for words in service.forbidden]
    refused.append(system.call("org.freedesktop.DBus", [
        "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", "su", service.name, "0"],
        NOBODY)[1])
    cannot = bool(service.cannot) and service.cannot in problem
    return {"by": by, "answered": answered, "said": said[:300], "problem": problem,
            "cannot": cannot, "refused": [normal(line) for line in refused],
            "denials": [normal(line) for line in system.denials()[before:]]}


# Two programs on the library that talk a lot, where the packages have them.
LINKED = """
if command -v dbus-links >/dev/null; then
    dbus-test-tool echo --name=com.example.Echo & echo=$!
    gdbus wait --session --timeout 20 com.example.Echo
    dbus-test-tool spam --dest=com.example.Echo --count=1000000 & spam=$!
    for i in $(seq 100); do
        dbus-links --session --json >/tmp/links
        grep -q '"links": *\\[ *{' /tmp/links && break
        sleep 0.1
    done
    cat /tmp/links
    kill $spam $echo
fi
"""


def session_script(steps: Sequence[Step]) -> str:
    """What is run with a session bus of its own."""
    lines = ["Xvfb -displayfd 3 -nolisten tcp -screen 0 800x600x24 3>/tmp/display 2>/tmp/xvfb &",
             "while [ ! -s /tmp/display ]; do sleep 0.05; done",
             "export DISPLAY=:$(cat /tmp/display) GSK_RENDERER=cairo GTK_A11Y=none",
             "dbus-update-activation-environment DISPLAY GSK_RENDERER GTK_A11Y"]
    for step in steps:
        lines += [f"echo '@@ {step.label}'", f"({step.script}) 2>&1"]
    lines += ["display=$!", "echo '@@ links'", LINKED, "kill $display"]
    return "\n".join(lines)


def try_session(system: System) -> dict[str, dict[str, Any]]:
    """Run a session and all its steps."""
    _, said = system.ask(["dbus-run-session", "--", "sh", "-c", session_script(SESSION)], TESTER)
    (system.logs / "session").write_text(said, encoding="utf-8")
    parts = dict(part.partition("\n")[::2] for part in said.split("@@ ")[1:])
    results: dict[str, dict[str, Any]] = {}
    for step in SESSION:
        text = parts.get(step.label, said[-300:])
        results[step.label] = {"answered": bool(re.search(step.answer, text)), "by": "bus",
                               "said": text.strip()[:300], "problem": "", "cannot": False,
                               "refused": [], "denials": []}
    results["links"] = {"said": parts.get("links", "").strip()}
    return results


def unit_commands(root: Path) -> dict[str, str]:
    """The commands of the system bus's unit."""
    text = (root / "lib" / "systemd" / "system" / "dbus.service").read_text(encoding="utf-8")
    return dict(re.findall(r"^(Exec\w+)=(.*)$", text, re.MULTILINE))


def try_unit(system: System) -> dict[str, Any]:
    """Start a bus as systemd does by its unit: with a socket, to be told when it is ready."""
    commands = unit_commands(system.root)
    address = "/run/unit-bus"
    results: dict[str, Any] = {"notified": []}
    with socket.socket(socket.AF_UNIX) as listener, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        listener.bind(str(system.root) + address)
        listener.listen()
        notify.bind(f"{system.root}/run/notify")
        notify.settimeout(PATIENCE)
        # It becomes another user before it tells.
        for path in (address, "/run/notify"):
            os.chmod(f"{system.root}{path}", 0o666)
        words = commands["ExecStart"].replace("--syslog-only", "--nosyslog")
        script = 'exec 3<&"$1"; export LISTEN_FDS=1 LISTEN_PID=$$; shift; exec "$@"'
        process = subprocess.Popen(
            system.command(["sh", "-c", script, "sh", str(listener.fileno()), *words.split()]),
            stdin=subprocess.DEVNULL, pass_fds=[listener.fileno()],
            env={**system.environment(0), "NOTIFY_SOCKET": "/run/notify"},
            stdout=subprocess.DEVNULL, stderr=(system.logs / "unit").open("wb"))
        try:
            results["notified"].append(notify.recv(4096).decode())
            results["reload"] = system.ask(["env", f"DBUS_SYSTEM_BUS_ADDRESS=unix:path={address}",
                                            *commands["ExecReload"].split()])[0]
            notify.setblocking(False)
            while True:
                results["notified"].append(notify.recv(4096).decode())
        except (BlockingIOError, TimeoutError):
            pass
        process.terminate()
        results["status"] = process.wait(PATIENCE)
    # What kinds of things it told, whatever the times and numbers in it.
    results["notified"] = [re.sub(r"\d{2,}", "N", text) for text in results["notified"]]
    results["verify"] = [system.ask(["systemd-analyze", "verify", "--man=no", kind, f"{where}/dbus.service",
                                     f"{where}/dbus.socket"], TESTER)[1]
                         for kind, where in (("--system", "/lib/systemd/system"),
                                             ("--user", "/usr/lib/systemd/user"))]
    return results


def main() -> int:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--logs", type=Path, required=True)
    options = parser.parse_args()
    if os.getpid() != 1:
        raise SystemExit("this is for namespaces of its own")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    prepare(options.root)
    system = System(options.root, options.logs)
    results: dict[str, Any] = {"bus": system.start_bus()}
    if results["bus"]:
        results["services"] = {item.label: try_service(system, item) for item in SERVICES}
        _, results["links"] = system.ask(["sh", "-c", "command -v dbus-links >/dev/null && "
                                          "dbus-links --system --json"])
        results["session"] = try_session(system)
        results["unit"] = try_unit(system)
        results["alive"] = system.bus is not None and system.bus.poll() is None
    (options.logs / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
