# SPDX-License-Identifier: MIT
"""AT-SPI: the registry, an application with ATK's bridge, and a client with libatspi."""

from __future__ import annotations

import subprocess

from families import Sample, family, file, headers, python_module
from python_dbus import report_lines
from stage import HERE, PYTHON, Stage

REGISTRY = "/usr/libexec/at-spi2-registryd"
ATK_SAMPLE = Sample("atk-sample.c", ("atk-bridge-2.0", "atk"))


@family(file(REGISTRY, "at-spi2-core"), python_module("pyatspi", "python3-pyatspi"),
        headers("atk-bridge-2.0", "libatk-bridge2.0-dev"), samples=[ATK_SAMPLE])
def at_spi(stage: Stage) -> None:
    """An application's window is found, read and used by another program."""
    stage.environment["AT_SPI_BUS_ADDRESS"] = stage.address
    registry = stage.start(REGISTRY)
    stage.expect_name(registry, "org.a11y.atspi.Registry")
    stage.expect("asks the registry for its name",
                 ["dbus-send", "--session", "--print-reply", "--dest=org.a11y.atspi.Registry",
                  "/org/a11y/atspi/accessible/root", "org.freedesktop.DBus.Properties.Get",
                  "string:org.a11y.atspi.Accessible", "string:Name"], 'variant +string "main"')
    application = stage.start(str(stage.samples / ATK_SAMPLE.name))
    stage.expect_later("offers its window", application, "^ready$")
    stage.look_into(application)
    done = stage.run(PYTHON, str(HERE / "atspi-client.py"), program="pyatspi client", seconds=60)
    report_lines(stage, "pyatspi client", done.out)
    stage.check("pyatspi client", "comes to its end", done.out.endswith("end\n"),
                done.text[-3000:])
    try:
        status = application.process.wait(10)
    except subprocess.TimeoutExpired:
        status = -1
    stage.check("atk-sample", "ends after the second press", status == 0, application.text)
    stage.expect("asks the registry who is left",
                 ["dbus-send", "--session", "--print-reply", "--dest=org.a11y.atspi.Registry",
                  "/org/a11y/atspi/accessible/root", "org.freedesktop.DBus.Properties.Get",
                  "string:org.a11y.atspi.Accessible", "string:ChildCount"], "variant +int32 0")
    stage.look_into(registry)
