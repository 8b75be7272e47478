# SPDX-License-Identifier: MIT
"""QtDBus, which looks libdbus up at run time, symbol by symbol: qdbus, a service and a client."""

from __future__ import annotations

from families import Sample, command, family, headers
from python_dbus import report_lines
from stage import Stage
from tools import INTERFACE, NEEDS_SERVICE, OBJECT, SERVICE, start_service

MOC = "/usr/lib/qt5/bin/moc"


def qt_sample(name: str) -> Sample:
    """A program that Qt's preprocessor sees first."""
    return Sample(f"{name}.cpp", ("Qt5DBus",),
                  ((MOC, f"{{here}}/{name}.cpp", "-o", f"{{directory}}/{name}.moc"),))


QT_SERVICE, QT_CLIENT = qt_sample("qt-service"), qt_sample("qt-client")


@family(command("/usr/lib/qt5/bin/qdbus", "qdbus-qt5"), *NEEDS_SERVICE)
def qdbus(stage: Stage) -> None:
    """qdbus on the service of python3-dbus."""
    start_service(stage)
    tool = "/usr/lib/qt5/bin/qdbus"
    stage.expect("lists names", [tool], rf"^ {SERVICE}$")
    stage.expect("lists objects", [tool, SERVICE], rf"^{OBJECT}\n{OBJECT}/tree$")
    stage.expect("lists methods and signals", [tool, SERVICE, OBJECT],
                 rf"^signal void {INTERFACE}\.Shouted\(QString text, uint length\)\n(.*\n)*"
                 rf"method QString {INTERFACE}\.Echo\(QString text\)$")
    stage.expect("calls a method", [tool, SERVICE, OBJECT, f"{INTERFACE}.Echo", "h\u00e9llo"],
                 "\\Ah\u00e9llo\\Z")
    stage.expect("prints a dictionary",
                 [tool, SERVICE, OBJECT, "org.freedesktop.DBus.Properties.GetAll", INTERFACE],
                 r"\AMood: calm\nVersion: 3\Z")
    stage.expect("prints an error", [tool, SERVICE, OBJECT, f"{INTERFACE}.Refuse"],
                 r"Error: com\.example\.Python\.Refused\nnot today", status=2)
    stage.expect("says when nobody has a name", [tool, "com.example.Nobody"],
                 "Service 'com.example.Nobody' does not exist.", status=2)


@family(headers("Qt5DBus", "qtbase5-dev"), command(MOC, "qtbase5-dev-tools"),
        samples=[QT_SERVICE, QT_CLIENT])
def qt_dbus(stage: Stage) -> None:
    """A service and a client in Qt, and others that call the service."""
    service = stage.start(str(stage.samples / QT_SERVICE.name))
    stage.expect_name(service, "com.example.Qt")
    stage.look_into(service)
    address = ("com.example.Qt", "/com/example/Qt")
    stage.expect_gdbus("qt-service", "answers GDBus",
                       (*address, "com.example.Qt1.Keys", "{'k': <5>}"),
                       r"^\(\{'k': <5>\}, 1\)$")
    stage.expect_gdbus("qt-service", "tells its properties",
                       (*address, "org.freedesktop.DBus.Properties.GetAll", "com.example.Qt1"),
                       "'Mood': <'calm'>")
    stage.expect("calls the service",
                 ["dbus-send", "--session", "--print-reply", f"--dest={address[0]}", address[1],
                  "com.example.Qt1.Sum", "array:byte:1,2,3"], "^   uint32 6$")
    stage.expect("introspects the service",
                 ["gdbus", "introspect", "--address", stage.address, "-d", address[0], "-o",
                  address[1]], r"Shouted\(s text,\s+i length\)", program="gdbus", loads=False)
    done = stage.run(str(stage.samples / QT_CLIENT.name), seconds=60)
    report_lines(stage, "qt-client", done.out)
    stage.check("qt-client", "comes to its end", done.status == 0, done.text[-3000:])
    stage.check("qt-service", "ends when told to", service.process.wait(10) == 0)
