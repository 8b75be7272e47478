#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A python3-dbus client of python-service.py. Prints a line 'yes what' or 'no what: why' for each
thing it tries."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import dbus
import dbus.bus
import dbus.exceptions
import dbus.mainloop.glib
from gi.repository import GLib

NAME = "com.example.Python"
PATH = "/com/example/Python"
INTERFACE = "com.example.Python1"
BUS_INTERFACE = "org.freedesktop.DBus"
DEADLINE_MS = 10_000


def turn_until(condition: Callable[[], Any]) -> bool:
    """Let the main loop turn until a condition is true, but not for ever."""
    context = GLib.MainContext.default()
    late: list[bool] = []
    timer = GLib.timeout_add(DEADLINE_MS, lambda: late.append(True))
    while not condition() and not late:
        context.iteration(True)
    if not late:
        GLib.source_remove(timer)
    return bool(condition())


class Client:
    """Everything it tries, one method each; the docstring's first line is what."""

    def __init__(self) -> None:
        self.bus = dbus.SessionBus()
        self.proxy = self.bus.get_object(NAME, PATH)
        self.service = dbus.Interface(self.proxy, INTERFACE)

    def t01_text(self) -> None:
        """has a text echoed"""
        text = "h\u00e9llo w\u00f6rld \U0001f600"
        assert self.service.Echo(text) == text
        assert self.service.Echo("") == ""

    def t02_basic(self) -> None:
        """has every basic type echoed"""
        basic = (200, True, -7, 7, -70000, 4000000000, -5000000000, 2**64 - 1, -2.5, "s", "/a/b",
                 "a{sv}")
        echoed, strings = self.service.EchoAll(basic, ["x", "", "z"])
        assert tuple(echoed) == basic, echoed
        assert [type(value).__name__ for value in echoed] == [
            "Byte", "Boolean", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Double",
            "String", "ObjectPath", "Signature"], echoed
        assert strings == ["x", "", "z"]

    def t03_deep(self) -> None:
        """has containers in containers echoed"""
        value = {"a": [(1, dbus.String("x")), (2, dbus.Array([1.5, 2.5], signature="d"))],
                 "b": dbus.Array([], signature="(iv)"),
                 "c": [(3, dbus.Dictionary({"k": dbus.Struct((1, 2))}, signature="sv"))]}
        echoed = self.service.EchoDeep(value)
        assert echoed == value, echoed
        assert echoed["c"][0][1]["k"].variant_level == 1

    def t04_variants(self) -> None:
        """has variants in variants echoed"""
        value = dbus.Int64(5, variant_level=3)
        echoed = self.service.EchoVariant(value)
        assert echoed == 5 and echoed.variant_level >= 3, echoed.variant_level

    def t05_large(self) -> None:
        """sends megabytes"""
        data = bytes(range(256)) * 16384
        assert self.service.Sum(dbus.ByteArray(data)) == sum(data) & 0xffffffff

    def t06_many_strings(self) -> None:
        """gets a thousand dictionary entries back"""
        value = {f"key {number}": dbus.Array([(number, "x" * (number % 50))], signature="(iv)")
                 for number in range(1000)}
        assert self.service.EchoDeep(value) == value

    def t07_errors(self) -> None:
        """is told of errors by name and text"""
        for call, name, text in (
                (self.service.Refuse, "com.example.Python.Refused", "not today"),
                (self.service.Crash, "org.freedesktop.DBus.Python.ValueError", "a mistake"),
                (lambda: self.proxy.Nonsense(dbus_interface=INTERFACE),
                 f"{BUS_INTERFACE}.Error.UnknownMethod", "Nonsense"),
                (lambda: self.bus.get_object("com.example.Nobody", "/"),
                 f"{BUS_INTERFACE}.Error.ServiceUnknown", "com.example.Nobody")):
            try:
                call()
            except dbus.exceptions.DBusException as exc:
                assert exc.get_dbus_name() == name, exc
                assert text in exc.get_dbus_message(), exc
            else:
                raise AssertionError(f"no {name}")

    def t08_timeout(self) -> None:
        """gives up waiting"""
        start = time.monotonic()
        try:
            self.service.Later(60000, "never", timeout=0.3)
        except dbus.exceptions.DBusException as exc:
            assert exc.get_dbus_name() == f"{BUS_INTERFACE}.Error.NoReply", exc
        else:
            raise AssertionError("there was a reply")
        assert 0.2 < time.monotonic() - start < 10

    def t09_async(self) -> None:
        """has many calls under way, answered in another order"""
        got: list[Any] = []
        failed: list[Any] = []
        for delay in (300, 20, 200, 10, 100):
            self.service.Later(delay, str(delay), reply_handler=got.append,
                               error_handler=failed.append)
        self.service.Later(5, "", reply_handler=got.append, error_handler=failed.append)
        assert turn_until(lambda: len(got) == 5 and failed), (got, failed)
        assert sorted(got, key=int) == got and len(got) == 5, got
        assert failed[0].get_dbus_name() == "com.example.Python.Refused", failed

    def t10_async_timeout(self) -> None:
        """is told when an asynchronous call takes too long"""
        failed: list[Any] = []
        self.service.Later(60000, "never", timeout=0.2, reply_handler=failed.append,
                           error_handler=failed.append)
        assert turn_until(lambda: failed)
        assert failed[0].get_dbus_name() == f"{BUS_INTERFACE}.Error.NoReply", failed

    def t11_signals(self) -> None:
        """receives signals it asked for, and no more when it has had enough"""
        heard: list[Any] = []
        match = self.service.connect_to_signal("Shouted", lambda *args, **more: heard.append(
            (args, more)), sender_keyword="sender", path_keyword="path", member_keyword="member")
        only = []
        self.bus.add_signal_receiver(lambda *args: only.append(args), "Shouted", INTERFACE,
                                     arg0="second")
        self.service.Shout("first")
        self.service.Shout("second")
        assert turn_until(lambda: len(heard) == 2 and only), heard
        args, more = heard[0]
        assert args == ("first", 5), heard
        assert more == {"sender": self.bus.get_name_owner(NAME), "path": PATH,
                        "member": "Shouted"}, heard
        assert only == [("second", 6)], only
        match.remove()
        self.service.Shout("third")
        self.service.Shout("second")
        assert turn_until(lambda: len(only) == 2)
        assert len(heard) == 2, heard

    def t12_properties(self) -> None:
        """reads and changes properties, and hears of it"""
        properties = dbus.Interface(self.proxy, dbus.PROPERTIES_IFACE)
        changed: list[Any] = []
        match = properties.connect_to_signal("PropertiesChanged",
                                             lambda *args: changed.append(args))
        assert properties.Get(INTERFACE, "Version") == 3
        properties.Set(INTERFACE, "Mood", "wild")
        assert properties.GetAll(INTERFACE) == {"Version": 3, "Mood": "wild"}
        assert turn_until(lambda: changed)
        assert changed == [(INTERFACE, {"Mood": "wild"}, [])], changed
        match.remove()

    def t13_descriptors(self) -> None:
        """sends and receives open files"""
        for round_number in range(20):
            reading, writing = os.pipe()
            os.write(writing, b"in a pipe")
            os.close(writing)
            assert self.service.ReadAll(dbus.types.UnixFd(reading)) == "in a pipe"
            os.close(reading)
            descriptor = self.service.Pipe(f"round {round_number}").take()
            with os.fdopen(descriptor, encoding="utf-8") as stream:
                assert stream.read() == f"round {round_number}"

    def t14_introspection(self) -> None:
        """introspects the service and the children of its object"""
        xml = self.proxy.Introspect(dbus_interface="org.freedesktop.DBus.Introspectable")
        for wanted in ('<signal name="Shouted">', '<arg direction="in"  type="a{sa(iv)}" '
                       'name="value" />', '<node name="tree"/>'):
            assert wanted in xml, xml
        root = self.bus.get_object(NAME, "/com")
        xml = root.Introspect(dbus_interface="org.freedesktop.DBus.Introspectable")
        assert '<node name="example"/>' in xml, xml

    def t15_tree(self) -> None:
        """calls an object that answers for a tree of paths"""
        leaf = self.bus.get_object(NAME, f"{PATH}/tree/of/any/depth")
        assert leaf.Where(dbus_interface=INTERFACE) == "/of/any/depth"

    def t16_peer(self) -> None:
        """has the library of the service answer Ping and GetMachineId"""
        peer = "org.freedesktop.DBus.Peer"
        assert self.proxy.Ping(dbus_interface=peer) is None
        assert len(self.proxy.GetMachineId(dbus_interface=peer)) == 32

    def t17_names(self) -> None:
        """queues for a name, gets it and loses it, with signals"""
        mine, other = "com.example.Mine", dbus.bus.BusConnection(os.environ[
            "DBUS_SESSION_BUS_ADDRESS"])
        events: list[tuple[str, str]] = []
        for member in ("NameAcquired", "NameLost"):
            other.add_signal_receiver(
                lambda name, member=member: events.append((member, str(name))), member,
                BUS_INTERFACE, arg0=mine)
        owners: list[str] = []
        watch = self.bus.watch_name_owner(mine, lambda owner: owners.append(str(owner)))
        replaceable = dbus.bus.NAME_FLAG_ALLOW_REPLACEMENT
        assert self.bus.request_name(mine) == dbus.bus.REQUEST_NAME_REPLY_PRIMARY_OWNER
        assert self.bus.request_name(mine) == dbus.bus.REQUEST_NAME_REPLY_ALREADY_OWNER
        assert other.request_name(mine, dbus.bus.NAME_FLAG_DO_NOT_QUEUE) == \
            dbus.bus.REQUEST_NAME_REPLY_EXISTS
        assert other.request_name(mine, replaceable) == dbus.bus.REQUEST_NAME_REPLY_IN_QUEUE
        assert self.bus.release_name(mine) == dbus.bus.RELEASE_NAME_REPLY_RELEASED
        assert turn_until(lambda: ("NameAcquired", mine) in events), events
        assert self.bus.request_name(mine, dbus.bus.NAME_FLAG_REPLACE_EXISTING) == \
            dbus.bus.REQUEST_NAME_REPLY_PRIMARY_OWNER
        assert turn_until(lambda: ("NameLost", mine) in events), events
        self.bus.release_name(mine)
        me, them = self.bus.get_unique_name(), other.get_unique_name()
        assert turn_until(lambda: owners[-4:] == [me, them, me, them]), owners
        watch.cancel()
        other.close()

    def t18_who(self) -> None:
        """is known by its unique name, pid and user"""
        assert self.service.WhoAmI() == self.bus.get_unique_name()
        driver = dbus.Interface(self.bus.get_object(BUS_INTERFACE, "/org/freedesktop/DBus"),
                                BUS_INTERFACE)
        assert driver.GetConnectionUnixProcessID(self.bus.get_unique_name()) == os.getpid()
        assert self.bus.get_unix_user(self.bus.get_unique_name()) == os.getuid()

    def t19_private(self) -> None:
        """has private connections beside the shared one"""
        names = set()
        for _ in range(20):
            private = dbus.SessionBus(private=True)
            names.add(private.get_unique_name())
            assert private.get_object(NAME, PATH).Echo("x", dbus_interface=INTERFACE) == "x"
            private.close()
        assert len(names) == 20 and self.bus.get_unique_name() not in names
        assert dbus.SessionBus() is self.bus

    def t20_raw(self) -> None:
        """builds messages by hand, and sees all in a filter"""
        from dbus.lowlevel import HANDLER_RESULT_NOT_YET_HANDLED, MethodCallMessage, SignalMessage
        seen: list[Any] = []

        def look(_connection: Any, message: Any) -> int:
            seen.append((message.get_type(), message.get_member()))
            return int(HANDLER_RESULT_NOT_YET_HANDLED)

        self.bus.add_message_filter(look)
        signal = SignalMessage(PATH, INTERFACE, "Said")
        signal.append("by hand", signature="s")
        self.bus.send_message(signal)
        call = MethodCallMessage(NAME, PATH, INTERFACE, "Heard")
        reply = self.bus.send_message_with_reply_and_block(call, 10.0)
        assert reply.get_args_list() == [["by hand"]], reply.get_args_list()
        assert reply.get_reply_serial() > 0 and reply.get_signature() == "as"
        assert reply.get_sender() == self.bus.get_name_owner(NAME)
        copied = reply.copy()
        assert copied.get_args_list() == reply.get_args_list()
        receiver = self.bus.add_signal_receiver(lambda *_: None, "Shouted", INTERFACE)
        self.service.Shout("x")
        assert turn_until(lambda: (4, "Shouted") in seen), seen
        receiver.remove()
        self.bus.remove_message_filter(look)
        self.bus.flush()

    def t21_name_lost(self) -> None:
        """hears that the service gave its name back, and that it is gone"""
        owners: list[str] = []
        watch = self.bus.watch_name_owner(NAME, lambda owner: owners.append(str(owner)))
        assert turn_until(lambda: owners and owners[-1])
        self.service.LetGo()
        assert turn_until(lambda: owners[-1] == ""), owners
        watch.cancel()

    def t22_service_ends(self) -> None:
        """calls a unique name that goes away in the middle"""
        owner = self.proxy.bus_name
        peer = self.bus.get_object(owner, PATH, introspect=False)
        failed: list[Any] = []
        peer.Later(60000, "never", dbus_interface=INTERFACE, reply_handler=failed.append,
                   error_handler=failed.append)
        peer.Quit(dbus_interface=INTERFACE)
        assert turn_until(lambda: failed)
        assert failed[0].get_dbus_name() == f"{BUS_INTERFACE}.Error.NoReply", failed


class Disconnection:
    """What happens when the other end of a peer-to-peer connection goes away."""

    def t30_peer_to_peer(self) -> None:
        """serves and calls a peer without a bus, and hears of its going"""
        import dbus.server as server_module
        import dbus.service

        class Echo(dbus.service.Object):
            """An object on each connection."""

            @dbus.service.method(INTERFACE, in_signature="s", out_signature="s")
            def Echo(self, text: str) -> str:
                """The text itself."""
                return f"peer says {text}"

        objects: list[Any] = []

        class Server(server_module.Server):
            """Takes connections."""

        server = Server("unix:tmpdir=/tmp")
        gone: list[Any] = []
        server.on_connection_added.append(lambda conn: objects.append(Echo(conn, "/o")))
        server.on_connection_removed.append(gone.append)
        child = os.fork()
        if child == 0:
            os.execv(sys.executable, [sys.executable, __file__, "--peer", server.address])
        assert turn_until(lambda: gone)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert len(objects) == 1
        server.disconnect()


def be_peer(address: str) -> int:
    """Call the peer at this address."""
    from dbus.connection import Connection
    connection = Connection(address)
    proxy = connection.get_object(object_path="/o", introspect=False)
    answer = proxy.Echo("hello", dbus_interface=INTERFACE)
    connection.close()
    return 0 if answer == "peer says hello" else 1


def main() -> int:
    """Try everything in order."""
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    if sys.argv[1:2] == ["--peer"]:
        return be_peer(sys.argv[2])
    wrong = 0
    for group in (Client(), Disconnection()):
        for name in sorted(name for name in dir(group) if name.startswith("t")):
            test = getattr(group, name)
            what = test.__doc__.split("\n")[0]
            try:
                test()
                print(f"yes {what}")
            except Exception:  # pylint: disable=broad-except
                wrong += 1
                print(f"no {what}: {' | '.join(traceback.format_exc().splitlines()[-6:])}")
            sys.stdout.flush()
    print("end")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
