# SPDX-License-Identifier: MIT
"""python3-dbus: a service and a client on the GLib main loop, and other clients of the service."""

from __future__ import annotations

import re

from families import command, family
from stage import HERE, PYTHON, Stage
from tools import INTERFACE, NEEDS_SERVICE, OBJECT, SERVICE, start_service


def report_lines(stage: Stage, program: str, text: str) -> None:
    """Note what a client of ours says it tried: 'yes what', or 'no what: why'."""
    for line in text.splitlines():
        if match := re.match(r"(yes|no) ([^:]*)(?:: (.*))?$", line):
            stage.check(program, match[2], match[1] == "yes", match[3] or "")


@family(*NEEDS_SERVICE)
def python_dbus(stage: Stage) -> None:
    """A client that tries everything the service offers."""
    service = stage.start(PYTHON, str(HERE / "python-service.py"), program="python-service")
    stage.expect_name(service, SERVICE)
    stage.look_into(service)
    done = stage.run(PYTHON, str(HERE / "python-client.py"), program="python-client", seconds=90)
    report_lines(stage, "python-client", done.out)
    stage.check("python-client", "comes to its end", done.out.endswith("end\n"), done.text[-3000:])


@family(*NEEDS_SERVICE, command("gdbus", "libglib2.0-bin"), command("busctl", "systemd"))
def python_dbus_and_others(stage: Stage) -> None:
    """The service, called by GDBus and sd-bus."""
    start_service(stage)
    echo_all = (SERVICE, OBJECT, f"{INTERFACE}.EchoAll")
    basic = ("(byte 1, true, int16 -2, uint16 3, -4, uint32 5, int64 -6, uint64 7, 2.5, 's', "
             "objectpath '/o', signature 'ai')")
    stage.expect_gdbus("python-service", "answers GDBus, every type", (*echo_all, basic, "['x']"),
                       re.escape("((byte 0x01, true, int16 -2, uint16 3, -4, uint32 5, int64 -6, "
                                 "uint64 7, 2.5, 's', objectpath '/o', signature 'ai'), ['x'])"))
    stage.expect("calls the service with containers",
                 ["busctl", f"--address={stage.address}", "call", SERVICE, OBJECT, INTERFACE,
                  "EchoDeep", "a{sa(iv)}", "1", "k", "2", "1", "s", "x", "2", "ai", "1", "5"],
                 r'^a\{sa\(iv\)\} 1 "k" 2 1 s "x" 2 ai 1 5$', program="busctl", loads=False)
    stage.expect("introspects the service",
                 ["gdbus", "introspect", "--address", stage.address, "-d", SERVICE, "-o", OBJECT,
                  "--recurse"], r"Shouted\(s text,\s+u length\)", program="gdbus", loads=False)
    stage.expect("reads its properties",
                 ["busctl", f"--address={stage.address}", "get-property", SERVICE, OBJECT,
                  INTERFACE, "Version"], "^u 3$", program="busctl", loads=False)
    monitor = stage.start("gdbus", "monitor", "--address", stage.address, "-d", SERVICE,
                          loads=False)
    stage.expect_later("follows the service", monitor, "is owned by :1")
    stage.gdbus(SERVICE, OBJECT, f"{INTERFACE}.Shout", "to GDBus")
    stage.expect_later("receives its signal", monitor, r"Shouted \('to GDBus', (uint32 )?8\)")
    stage.expect_gdbus("python-service", "tells GDBus of an error",
                       (SERVICE, OBJECT, f"{INTERFACE}.Refuse"),
                       "com.example.Python.Refused: not today")
    stage.gdbus(SERVICE, OBJECT, f"{INTERFACE}.Quit")
    stage.expect_later("sees it go", monitor, "does not have an owner")
