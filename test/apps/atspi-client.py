#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An assistive program: finds an application, reads its window, presses its button. Prints 'yes
what' or 'no what: why' for each thing it tries."""

from __future__ import annotations

import sys
import time
from typing import Any

import pyatspi
from gi.repository import GLib

NAME = "Check of apps"
WRONG: list[str] = []


def tell(what: str, right: object, why: object = "another result") -> None:
    """Print how something came out."""
    print(f"yes {what}" if right else f"no {what}: {why}")
    if not right:
        WRONG.append(what)


def find_application() -> Any:
    """The application, when it has registered."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for application in pyatspi.Registry.getDesktop(0):
            if application and application.name == NAME:
                return application
        time.sleep(0.05)
    return None


def main() -> int:
    """Try everything in order."""
    application = find_application()
    tell("finds the application", application)
    if not application:
        return 1
    tell("knows its toolkit", application.toolkitName == "none", application.toolkitName)
    window = application.getChildAtIndex(0)
    tell("finds the window", window.name == "Window" and window.getRoleName() == "frame",
         window.name)
    button = pyatspi.findDescendant(
        application, lambda item: item.getRole() == pyatspi.ROLE_PUSH_BUTTON)
    tell("finds the button", button and button.name == "Button")
    tell("sees the button's states", button.getState().contains(pyatspi.STATE_ENABLED))
    tell("sees what it is part of", button.parent == window and button.getApplication()
         == application)
    action = button.queryAction()
    tell("sees the button's action", action.nActions == 1 and action.getName(0) == "press")
    heard: list[str] = []

    def hear(event: Any) -> None:
        heard.append(str(event.any_data))
        if len(heard) == 2:
            pyatspi.Registry.stop()

    pyatspi.Registry.registerEventListener(hear, "object:property-change:accessible-name")
    GLib.timeout_add_seconds(10, pyatspi.Registry.stop)
    tell("presses the button", action.doAction(0))
    button.clear_cache()
    tell("sees its name change", button.name == "Pressed", button.name)
    action.doAction(0)
    pyatspi.Registry.start()
    tell("hears its name change", heard == ["Pressed", "Twice"], heard)
    print("end")
    return 1 if WRONG else 0


if __name__ == "__main__":
    sys.exit(main())
