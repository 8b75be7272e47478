# SPDX-License-Identifier: MIT
"""Bindings of libdbus for GLib, C++, Perl and asyncio: small services and clients of each."""

from __future__ import annotations

from families import Sample, command, family, headers, perl_module, python_module
from python_dbus import report_lines
from stage import HERE, PYTHON, Running, Stage
from tools import NEEDS_SERVICE, start_service

NAME = "com.example.Sample"
OBJECT = "/com/example/Sample"
INTERFACE = "com.example.Sample1"

GLIB_SAMPLE = Sample("glib-sample.c", ("dbus-glib-1", "dbus-1", "gobject-2.0"), (
    ("dbus-binding-tool", "--mode=glib-server", "--prefix=sample",
     "--output={directory}/glib-sample-server.h", "{here}/sample.xml"),))
CXX_SAMPLE = Sample("cxx-sample.cpp", ("dbus-c++-1",), (
    ("dbusxx-xml2cpp", "{here}/sample.xml", "--adaptor={directory}/cxx-sample-adaptor.h",
     "--proxy={directory}/cxx-sample-proxy.h"),))


def try_sample(stage: Stage, program: str, service: list[str], client: list[str]) -> None:
    """A service with the interface of sample.xml, and a client, of the same binding."""
    server = stage.start(*service, program=f"{program} service")
    stage.expect_name(server, NAME)
    done = stage.run(*client, program=f"{program} client", seconds=40)
    report_lines(stage, f"{program} client", done.out)
    stage.check(f"{program} client", "comes to its end", done.status == 0, done.text[-2000:])
    call_from_outside(stage, server)
    stage.gdbus(NAME, OBJECT, f"{INTERFACE}.Quit")


def call_from_outside(stage: Stage, server: Running) -> None:
    """Others call the same service."""
    stage.expect_gdbus(server.program, "answers GDBus",
                       (NAME, OBJECT, f"{INTERFACE}.Lengths", "['a', 'four']"),
                       r"^\(\{'(a': (uint32 )?1, 'four': (uint32 )?4|four': (uint32 )?4, 'a': "
                       r"(uint32 )?1)\},\)$")
    stage.expect_gdbus(server.program, "tells GDBus of an error",
                       (NAME, OBJECT, f"{INTERFACE}.Refuse"),
                       r"com\.example\.Sample\.Error\.Refused: not today")
    monitor = stage.start("gdbus", "monitor", "--address", stage.address, "-d", NAME, loads=False)
    stage.expect_later("follows the service", monitor, "is owned by :1", program="gdbus")
    stage.expect("has the service send a signal",
                 ["dbus-send", "--session", "--print-reply", f"--dest={NAME}", OBJECT,
                  f"{INTERFACE}.Shout", "string:to all"], "^method return")
    stage.expect_later("sends a signal", monitor, r"Shouted \('to all',\)", program=server.program)
    stage.look_into(server)


@family(headers("dbus-glib-1", "libdbus-glib-1-dev"),
        command("dbus-binding-tool", "libdbus-glib-1-dev-bin"), samples=[GLIB_SAMPLE])
def dbus_glib(stage: Stage) -> None:
    """dbus-glib, and its generator, which uses the library to check names."""
    stage.expect("generates a client",
                 ["dbus-binding-tool", "--mode=glib-client", "--prefix=sample",
                  str(HERE / "sample.xml")], r"com_example_Sample1_lengths_async")
    sample = str(stage.samples / GLIB_SAMPLE.name)
    try_sample(stage, "dbus-glib", [sample, "serve"], [sample, "call"])


@family(headers("dbus-c++-1", "libdbus-c++-dev"), command("dbusxx-xml2cpp", "libdbus-c++-bin"),
        samples=[CXX_SAMPLE])
def libdbus_cxx(stage: Stage) -> None:
    """libdbus-c++, with its own dispatcher."""
    sample = str(stage.samples / CXX_SAMPLE.name)
    try_sample(stage, "libdbus-c++", [sample, "serve"], [sample, "call"])


@family(perl_module("Net::DBus", "libnet-dbus-perl"))
def perl_net_dbus(stage: Stage) -> None:
    """Net::DBus, with its own main loop."""
    try_sample(stage, "Net::DBus", ["perl", str(HERE / "perl-service.pl")],
               ["perl", str(HERE / "perl-client.pl")])


@family(python_module("dbussy", "python3-dbussy"), *NEEDS_SERVICE)
def python_dbussy(stage: Stage) -> None:
    """DBussy on asyncio, against the service of python3-dbus."""
    start_service(stage)
    done = stage.run(PYTHON, str(HERE / "dbussy-client.py"), program="dbussy client", seconds=60)
    report_lines(stage, "dbussy client", done.out)
    stage.check("dbussy client", "comes to its end", done.out.endswith("end\n"),
                done.text[-3000:])
