#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The service of the demonstration, and a client of it that passes file descriptors.

    service.py serve                claim the name and serve until told to quit
    service.py send-fd TEXT         send the reading end of a pipe with a text in it
    service.py fetch-fd             ask for such a descriptor and print what is in it

Needs python3-dbus and python3-gi. The bus is the one in DBUS_SESSION_BUS_ADDRESS.
"""

from __future__ import annotations

import os
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

NAME = "com.example.Demo"
PATH = "/com/example/Demo"
INTERFACE = "com.example.Demo1"


def filled_pipe(text: str) -> int:
    """The reading end of a pipe with a text in it, and nothing after that."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        stream.write(text)
    return reading


class Demo(dbus.service.Object):
    """What other clients talk to."""

    def __init__(self, bus: dbus.Bus, loop: GLib.MainLoop) -> None:
        super().__init__(bus, PATH)
        self.loop = loop
        self.heard: list[str] = []
        bus.add_signal_receiver(self.heard.append, "Said", INTERFACE)

    @dbus.service.method(INTERFACE, in_signature="s", out_signature="s")
    def Echo(self, text: str) -> str:
        """Return the argument."""
        return text

    @dbus.service.method(INTERFACE, in_signature="a{sv}", out_signature="as")
    def Keys(self, table: dict[str, object]) -> list[str]:
        """Return the keys of a table, sorted."""
        return sorted(table)

    @dbus.service.method(INTERFACE, in_signature="s", out_signature="",
                         sender_keyword="sender")
    def Shout(self, text: str, sender: str = "") -> None:
        """Emit Shouted for everyone."""
        self.Shouted(text, sender)

    @dbus.service.signal(INTERFACE, signature="ss")
    def Shouted(self, text: str, asked_by: str) -> None:
        """Somebody asked for this text to be shouted."""

    @dbus.service.method(INTERFACE, in_signature="", out_signature="as")
    def Heard(self) -> list[str]:
        """Return the arguments of all Said signals so far."""
        return self.heard

    @dbus.service.method(INTERFACE, in_signature="h", out_signature="s")
    def ReadFd(self, handle: dbus.types.UnixFd) -> str:
        """Read a file descriptor that the caller sent, to its end."""
        with os.fdopen(handle.take(), encoding="utf-8") as stream:
            return stream.read()

    @dbus.service.method(INTERFACE, in_signature="s", out_signature="h")
    def MakeFd(self, text: str) -> dbus.types.UnixFd:
        """Return a file descriptor to read a text from."""
        reading = filled_pipe(text)
        handle = dbus.types.UnixFd(reading)
        os.close(reading)
        return handle

    @dbus.service.method(INTERFACE, in_signature="", out_signature="")
    def Quit(self) -> None:
        """End the service, once this is answered."""
        GLib.idle_add(self.loop.quit)

    @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="ss", out_signature="v")
    def Get(self, _interface: str, name: str) -> object:
        """The one property."""
        if name != "Version":
            raise dbus.exceptions.DBusException(
                f"No property {name}", name="org.freedesktop.DBus.Error.UnknownProperty")
        return dbus.UInt32(1)


def serve(bus: dbus.Bus, loop: GLib.MainLoop) -> int:
    """Claim the name and serve."""
    demo = Demo(bus, loop)
    claimed = bus.request_name(NAME, dbus.bus.NAME_FLAG_DO_NOT_QUEUE)
    print("primary owner" if claimed == dbus.bus.REQUEST_NAME_REPLY_PRIMARY_OWNER
          else f"reply {claimed}", flush=True)
    loop.run()
    demo.remove_from_connection()
    return 0


def main() -> int:
    """Do what the first argument says."""
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.SessionBus()
    task = sys.argv[1]
    if task == "serve":
        return serve(bus, GLib.MainLoop())
    demo = dbus.Interface(bus.get_object(NAME, PATH), INTERFACE)
    if task == "send-fd":
        reading = filled_pipe(sys.argv[2])
        print(demo.ReadFd(dbus.types.UnixFd(reading)))
        os.close(reading)
    elif task == "fetch-fd":
        with os.fdopen(demo.MakeFd(sys.argv[2]).take(), encoding="utf-8") as stream:
            print(stream.read())
    else:
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
