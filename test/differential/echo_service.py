#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A service to be started by the daemon: takes names, answers calls, ends when told to.

Arguments: a name or several.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import wire  # noqa: E402
from client import Client  # noqa: E402


def serve(names: list[str]) -> None:
    """Take the names and answer calls until one of them is Quit or the daemon hangs up."""
    client = Client("service", os.environ["DBUS_STARTER_ADDRESS"], lambda text: None)
    client.deadline = 3600.0
    client.authenticate()
    client.hello()
    # Calls which waited for the name come before the answer, so nothing is waited for here.
    for name in names:
        client.send(wire.call(wire.DRIVER, wire.DRIVER_PATH, wire.DRIVER, "RequestName", "su",
                              [name, 0]), sync=False)
    while True:
        message = client.receive(lambda m: m.type == wire.METHOD_CALL, "a call")
        if message is None:
            return
        if not message.flags & wire.NO_REPLY:
            client.send(wire.method_return(message.sender, message.serial, "ss",
                                           [message.member, message.get(wire.DESTINATION)]),
                        sync=False)
        if message.member == "Quit":
            return


if __name__ == "__main__":
    serve(sys.argv[1:])
