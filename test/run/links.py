# SPDX-License-Identifier: MIT
"""The last scene of the demonstration: clients that know nothing of peer links are given some.

A python3-dbus service and client, and the stock dbus-test-tool, run on the client library of this
tree. While they talk, the bus links them: dbus-links shows it, the kernel counts who still wakes
up for a call, and a monitor that comes in the middle misses nothing.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from demo import Demonstration

HERE = Path(__file__).resolve().parent
STOCK_NAME = "com.example.Stock"

# The library asks for links after 32 messages: so many calls still go by the bus, all of them.
FEW = 24
# So many are enough for the bus to see that the pair is busy.
ENOUGH = 300
MANY = 2000
# While the monitor comes, and after it.
WATCHED = 100


class Caller:
    """The python3-dbus client, which calls as often as it is told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.made = 0

    def tell(self, count: int) -> None:
        """Have it make so many calls, and do not wait for them."""
        assert self.process.stdin
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        self.made += count

    def wait(self) -> bool:
        """Whether it has made all of them, and got the right replies."""
        assert self.process.stdout
        return self.process.stdout.readline().strip() == str(self.made)

    def call(self, count: int) -> bool:
        """Both."""
        self.tell(count)
        return self.wait()


def switches(pid: int) -> int:
    """How often a process has been switched to, voluntarily or not."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return sum(int(n) for n in re.findall(r"ctxt_switches:\s+(\d+)", status))


class LinkScene:
    """What there is to show, on a bus without other clients."""

    def __init__(self, demo: Demonstration, library: str, tools: str) -> None:
        self.demo = demo
        self.tools = Path(tools)
        self.on_ours = {"LD_LIBRARY_PATH": library}
        self.pids: dict[str, int] = {}
        self.rows: list[str] = []

    def links(self) -> list[dict[str, Any]]:
        """The links that dbus-links tells programs of."""
        status, text = self.demo.run(str(self.tools / "dbus-links"), "--json")
        return list(json.loads(text)["links"]) if not status else []

    def linked(self, name: str) -> bool:
        """Whether the owner of a name has a link."""
        return any(name in end["names"] for link in self.links() for end in link["ends"])

    def note_linked(self, client: str, name: str) -> None:
        """Add a line about a link that there should be."""
        found = self.demo.wait_until(lambda: self.linked(name))
        self.demo.note("are linked while they run", client,
                       f"{name} has a link" if found else "no link", found)

    def measure(self, title: str, caller: Caller, count: int) -> float:
        """Context switches for a call, of each process; all together."""
        before = {who: switches(pid) for who, pid in self.pids.items()}
        right = caller.call(count)
        used = {who: (switches(pid) - before[who]) / count for who, pid in self.pids.items()}
        together = sum(used.values()) if right else float("nan")
        self.rows.append(f"{title:28}" + "".join(f"{n:10.2f}" for n in used.values())
                         + f"{together:10.2f}")
        return together

    def python_pair(self, daemon: subprocess.Popen[str]) -> Caller:
        """The service and the client, and what a call costs before and after they are linked."""
        demo = self.demo
        service = demo.start([demo.python, str(HERE / "service.py"), "serve"], "linked-service",
                             self.on_ours)
        demo.try_until("claims a name", "python3-dbus", "linked-service", "primary owner")
        process = demo.start_piped([demo.python, str(HERE / "caller.py")], self.on_ours)
        caller = Caller(process)
        assert process.stdout
        process.stdout.readline()
        self.pids = {"client": process.pid, "service": service.pid, "daemon": daemon.pid}
        self.rows.append(f"{'context switches a call':28}"
                         + "".join(f"{who:>10}" for who in (*self.pids, "together")))
        before = self.measure("by the bus", caller, FEW)
        demo.note("starts without a link", "python3-dbus", f"{len(self.links())} links",
                  not self.links())
        demo.note("calls, and is answered", "python3-dbus", f"{ENOUGH} calls",
                  caller.call(ENOUGH))
        self.note_linked("python3-dbus", "com.example.Demo")
        after = self.measure("by the link", caller, MANY)
        demo.note("saves context switches", "python3-dbus",
                  f"{before:.2f} a call before, {after:.2f} after", after < before * 0.7)
        return caller

    def stock_tool(self) -> None:
        """The stock dbus-test-tool calls itself."""
        demo = self.demo
        demo.start(["dbus-test-tool", "echo", f"--name={STOCK_NAME}"], "stock-echo", self.on_ours)
        demo.try_client("waits for the name", ["gdbus", "wait", "--session", "--timeout", "5",
                                               STOCK_NAME], "^$")
        spam = demo.start(["dbus-test-tool", "spam", f"--dest={STOCK_NAME}", "--count=10000000"],
                          "stock-spam", self.on_ours)
        self.note_linked("dbus-test-tool", STOCK_NAME)
        self.demo.blocks.append(self.demo.run(str(self.tools / "dbus-links"))[1])
        spam.terminate()
        spam.wait()

    def monitor(self, caller: Caller) -> None:
        """A monitor comes while the client calls: from then on it sees every call and reply."""
        demo = self.demo
        first = caller.made
        caller.tell(MANY)
        called = switches(self.pids["client"])
        demo.wait_until(lambda: switches(self.pids["client"]) > called + WATCHED)
        monitor = demo.start(["dbus-monitor", "--session"], "middle-monitor")
        came = demo.wait_until(lambda: "member=NameLost" in demo.output_of("middle-monitor"))
        right = caller.wait()
        demo.note("becomes a monitor in the middle", "dbus-monitor",
                  f"{len(self.links())} links left", came and not self.links())
        right &= caller.call(WATCHED)
        last = f'string "call {caller.made - 1}"'
        demo.wait_until(lambda: demo.output_of("middle-monitor").count(last) == 2)
        seen = [int(n) for n in re.findall(r'string "call (\d+)"',
                                           demo.output_of("middle-monitor"))]
        # The first that it sees of a call can be the reply: then it became one in between.
        start = seen[0] if seen else 0
        wanted = [n for n in range(start, caller.made) for _ in range(2)]
        demo.note("sees every call from then on", "dbus-monitor",
                  f"calls {start} to {seen[-1] if seen else 0} of {first} to {caller.made - 1}",
                  right and seen in (wanted, wanted[1:]) and len(seen) >= 2 * WATCHED)
        monitor.terminate()
        monitor.wait()
        right = demo.wait_until(lambda: caller.call(WATCHED) and self.linked("com.example.Demo"))
        demo.note("are linked again after it", "python3-dbus", f"{len(self.links())} links", right)

    def play(self, daemon: subprocess.Popen[str]) -> None:
        """All of it."""
        caller = self.python_pair(daemon)
        self.stock_tool()
        self.monitor(caller)
        assert caller.process.stdin
        caller.process.stdin.close()
        ended = self.demo.wait_until(lambda: caller.process.poll() is not None)
        self.demo.note("ends when told to", "python3-dbus",
                       f"exit status {caller.process.returncode}",
                       ended and caller.process.returncode == 0)
        self.demo.blocks.append("\n".join(self.rows))
