#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A client with DBussy, which reaches libdbus with ctypes, on asyncio. Prints 'yes what' or
'no what: why' for each thing it tries."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import dbussy
from dbussy import DBUS, Message

NAME = "com.example.Python"
PATH = "/com/example/Python"
INTERFACE = "com.example.Python1"

WRONG: list[str] = []


def tell(what: str, right: object, why: object = "another result") -> None:
    """Print how something came out."""
    print(f"yes {what}" if right else f"no {what}: {why}")
    if not right:
        WRONG.append(what)


def call(member: str, signature: str, *args: Any) -> Message:
    """A message that calls the service."""
    message = Message.new_method_call(destination=NAME, path=PATH, iface=INTERFACE, method=member)
    message.append_objects(signature, *args)
    return message


async def talk(loop: asyncio.AbstractEventLoop) -> None:
    """Try everything in order."""
    bus = await dbussy.Connection.bus_get_async(DBUS.BUS_SESSION, private=False, loop=loop)
    reply = await bus.send_await_reply(call("Echo", "s", "text"))
    tell("has a text echoed", list(reply.expect_return_objects("s")) == ["text"])
    value = {"a": [(1, ("s", "x")), (2, ("u", 7))], "b": []}
    reply = await bus.send_await_reply(call("EchoDeep", "a{sa(iv)}", value))
    echoed = reply.expect_return_objects("a{sa(iv)}")[0]
    tell("has containers in containers echoed", sorted(echoed) == ["a", "b"]
         and echoed["a"][1][0] == 2 and echoed["a"][1][1][1] == 7, echoed)
    replies = await asyncio.gather(*(bus.send_await_reply(call("Later", "us", delay, str(delay)))
                                     for delay in (300, 10, 100)))
    tell("has many calls under way", [item.expect_return_objects("s")[0] for item in replies]
         == ["300", "10", "100"])
    reply = await bus.send_await_reply(call("Refuse", ""))
    tell("is told of an error by name", reply.error_name == "com.example.Python.Refused",
         reply.error_name)
    reading, writing = os.pipe()
    os.write(writing, b"through the bus")
    os.close(writing)
    reply = await bus.send_await_reply(call("ReadAll", "h", reading))
    tell("sends a file", list(reply.expect_return_objects("s")) == ["through the bus"])
    await bus.bus_add_match_async({"type": "signal", "interface": INTERFACE, "member": "Shouted"})
    bus.enable_receive_message({DBUS.MESSAGE_TYPE_SIGNAL})
    await bus.send_await_reply(call("Shout", "s", "loud"))
    while True:
        signal = await bus.receive_message_async(want_types={DBUS.MESSAGE_TYPE_SIGNAL},
                                                 timeout=10)
        if signal is None or signal.member == "Shouted":
            break
    tell("receives a signal", signal and list(signal.all_objects) == ["loud", 4])


def main() -> int:
    """Run on a loop of its own."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.wait_for(talk(loop), 30))
    print("end")
    sys.stdout.flush()
    return 1 if WRONG else 0


if __name__ == "__main__":
    sys.exit(main())
