#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A python3-dbus service with a little of everything, for other programs to call."""

from __future__ import annotations

import os
import sys
from typing import Any

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

NAME = "com.example.Python"
PATH = "/com/example/Python"
INTERFACE = "com.example.Python1"


class Refused(dbus.DBusException):
    """An error with a name of its own."""

    _dbus_error_name = "com.example.Python.Refused"


class Leaf(dbus.service.FallbackObject):
    """Answers for a whole tree of paths."""

    SUPPORTS_MULTIPLE_OBJECT_PATHS = True

    @dbus.service.method(INTERFACE, in_signature="", out_signature="s", rel_path_keyword="path")
    def Where(self, path: str = "") -> str:
        """Which path below this one was called."""
        return path


class Service(dbus.service.Object):
    """The service."""

    def __init__(self, bus: dbus.Bus, loop: GLib.MainLoop) -> None:
        super().__init__(dbus.service.BusName(NAME, bus), PATH)
        self.bus, self.loop = bus, loop
        self.heard: list[str] = []
        self.properties: dict[str, Any] = {"Version": dbus.UInt32(3), "Mood": "calm"}
        bus.add_signal_receiver(self.heard.append, "Said", INTERFACE)

    @dbus.service.method(INTERFACE, in_signature="s", out_signature="s")
    def Echo(self, text: str) -> str:
        """The text itself."""
        return text

    @dbus.service.method(INTERFACE, in_signature="v", out_signature="v")
    def EchoVariant(self, value: Any) -> Any:
        """Whatever it was, with the same type."""
        return value

    @dbus.service.method(INTERFACE, in_signature="(ybnqiuxtdsog)as",
                         out_signature="(ybnqiuxtdsog)as")
    def EchoAll(self, basic: Any, strings: Any) -> tuple[Any, Any]:
        """One value of each basic type, and strings."""
        return basic, strings

    @dbus.service.method(INTERFACE, in_signature="a{sa(iv)}", out_signature="a{sa(iv)}")
    def EchoDeep(self, value: Any) -> Any:
        """Containers in containers."""
        return value

    @dbus.service.method(INTERFACE, in_signature="ay", out_signature="u")
    def Sum(self, data: dbus.ByteArray) -> int:
        """The sum of all bytes."""
        return sum(data) & 0xffffffff

    @dbus.service.method(INTERFACE, in_signature="", out_signature="")
    def Refuse(self) -> None:
        """An error with a name."""
        raise Refused("not today")

    @dbus.service.method(INTERFACE, in_signature="", out_signature="")
    def Crash(self) -> None:
        """An exception that is none of D-Bus."""
        raise ValueError("a mistake")

    @dbus.service.method(INTERFACE, in_signature="us", out_signature="s",
                         async_callbacks=("done", "failed"))
    def Later(self, milliseconds: int, text: str, done: Any, failed: Any) -> None:
        """The text, in a while; an error if there is none."""
        def answer() -> bool:
            if text:
                done(text)
            else:
                failed(Refused("no text"))
            return False

        GLib.timeout_add(milliseconds, answer)

    @dbus.service.method(INTERFACE, in_signature="h", out_signature="s")
    def ReadAll(self, descriptor: dbus.types.UnixFd) -> str:
        """What is in a file."""
        with os.fdopen(descriptor.take(), encoding="utf-8") as stream:
            return stream.read()

    @dbus.service.method(INTERFACE, in_signature="s", out_signature="h")
    def Pipe(self, text: str) -> dbus.types.UnixFd:
        """A pipe with a text in it."""
        reading, writing = os.pipe()
        os.write(writing, text.encode())
        os.close(writing)
        descriptor = dbus.types.UnixFd(reading)
        os.close(reading)
        return descriptor

    @dbus.service.method(INTERFACE, in_signature="", out_signature="s", sender_keyword="sender")
    def WhoAmI(self, sender: str = "") -> str:
        """The unique name of the caller."""
        return sender

    @dbus.service.method(INTERFACE, in_signature="", out_signature="as")
    def Heard(self) -> list[str]:
        """What the signal Said said."""
        return dbus.Array(self.heard, signature="s")

    @dbus.service.method(INTERFACE, in_signature="s", out_signature="")
    def Shout(self, text: str) -> None:
        """Send the signal."""
        self.Shouted(text, len(text))

    @dbus.service.signal(INTERFACE, signature="su")
    def Shouted(self, text: str, length: int) -> None:
        """Somebody had something shouted."""

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="ss", out_signature="v")
    def Get(self, _interface: str, name: str) -> Any:
        """A property."""
        return self.properties[name]

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="s", out_signature="a{sv}")
    def GetAll(self, _interface: str) -> Any:
        """All properties."""
        return self.properties

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="ssv", out_signature="")
    def Set(self, interface: str, name: str, value: Any) -> None:
        """Change a property, and tell everybody."""
        self.properties[name] = value
        self.PropertiesChanged(interface, {name: value}, [])

    @dbus.service.signal(dbus.PROPERTIES_IFACE, signature="sa{sv}as")
    def PropertiesChanged(self, interface: str, changed: Any, gone: Any) -> None:
        """The signal of the specification."""

    @dbus.service.method(INTERFACE, in_signature="", out_signature="")
    def LetGo(self) -> None:
        """Give the name back."""
        self.bus.release_name(NAME)

    @dbus.service.method(INTERFACE, in_signature="", out_signature="")
    def Quit(self) -> None:
        """End, when this is answered."""
        GLib.idle_add(self.loop.quit)


def main() -> int:
    """Serve until told to end."""
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.SessionBus()
    loop = GLib.MainLoop()
    service = Service(bus, loop)
    leaf = Leaf()
    leaf.add_to_connection(bus, f"{PATH}/tree")
    loop.run()
    service.remove_from_connection()
    return 0


if __name__ == "__main__":
    sys.exit(main())
