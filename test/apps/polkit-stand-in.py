#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Says yes wherever a service asks polkit, and notes what it was asked about."""

from __future__ import annotations

import sys
from typing import Any

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

INTERFACE = "org.freedesktop.PolicyKit1.Authority"


class Authority(dbus.service.Object):
    """What services call."""

    @dbus.service.method(INTERFACE, in_signature="(sa{sv})sa{ss}us", out_signature="(bba{ss})")
    def CheckAuthorization(self, _subject: Any, action: str, _details: Any, _flags: int,
                           _cancel: str) -> tuple[bool, bool, Any]:
        """Whether somebody may do something."""
        print(f"asked about {action}", flush=True)
        return True, False, dbus.Dictionary({}, signature="ss")


def main() -> int:
    """Serve for ever."""
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    name = dbus.service.BusName("org.freedesktop.PolicyKit1", dbus.SystemBus())
    Authority(name, "/org/freedesktop/PolicyKit1/Authority")
    GLib.MainLoop().run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
