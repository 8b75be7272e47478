# SPDX-License-Identifier: MIT
"""dbus-send: its options, the messages it makes, and the replies it prints."""

from __future__ import annotations

import threading
from typing import Any, Sequence

import wire
from side import Side, case
from wire import Variant

BUS = "org.freedesktop.DBus"
HERE = ("/", "com.example.I.M")
NO_BUS = "unix:path=/nonexistent/bus"

OPTIONS: list[Sequence[str]] = [
    (), ("--help",), ("--help", "/"), ("--help", *HERE), ("--help", "--bogus"), ("--version",),
    ("--bogus", *HERE), ("-x", *HERE), ("-", *HERE), ("--", *HERE), ("/",), ("x", "y"), ("", ""),
    ("--dest=a.b",), ("--dest=a.b", "/"), ("--bogus", "--help", "/"),
    ("/", "noDot"), ("--print-reply", "/", "noDot"), ("/", ".C"), ("/", "a.C"), ("/", "a..C"),
    ("/", "1a.b.C"), ("/", "a.b.1C"), ("/", "a.b.C-"), ("/", ""), ("", "a.b.C"), ("x", "a.b.C"),
    ("x", "noDot"), ("/x/", "a.b.C"), ("--type=method_call", "/", "a.b.1C"),
    ("--type=error", *HERE), ("--type=method_return", *HERE), ("--type=foo", *HERE),
    ("--type=", *HERE), ("--type", *HERE), ("--type=invalid", *HERE), ("--type=foo", "/"),
    ("--type=foo", "--dest=bad", *HERE), ("--print-reply", "--type=method_return", *HERE),
    ("--dest=", *HERE), ("--dest", *HERE), ("--dest=bad", *HERE), ("--dest=a..b", *HERE),
    ("--dest=bad", "--sender=bad", *HERE), ("--dest=", "--help", "/"),
    ("--sender=", *HERE), ("--sender", *HERE), ("--sender=bad", *HERE),
    ("--bus=", *HERE), ("--bus", *HERE), ("--bus=foo", *HERE), (f"--bus={NO_BUS}", *HERE),
    ("--peer=", *HERE), ("--peer", *HERE), ("--peer=foo", *HERE), (f"--peer={NO_BUS}", *HERE),
    ("--address=", *HERE), ("--address=foo", *HERE),
    ("--session", "--bus=x", *HERE), ("--bus=x", "--system", *HERE),
    ("--peer=x", "--session", *HERE), ("--session", "--bus=x"), ("--peer=x", "--sender=a.b", *HERE),
    ("--sender=a.b", "--peer=x", *HERE), ("--peer=x", "--sender=bad", *HERE),
    ("--peer=x", "--dest=bad", *HERE), ("--bus=x", "--peer=y", *HERE),
    ("--bus=x", "--peer=y", "--sender=a.b", *HERE), ("--system", "--type=foo", "--bus=x", *HERE),
    ("--session", "--bus=x", "--type=foo", *HERE), ("--session", "--bus=x", "--dest=bad", *HERE),
    ("--peer=x", "--sender=a.b", "--type=foo", *HERE),
    ("--peer=x", "--sender=a.b", "--dest=bad", *HERE), ("--sender=bad", "x", "a.b.C"),
    ("--sender=bad", "--type=foo", *HERE), ("--dest=bad", "x", "a.b.C"),
    ("--system", *HERE), ("--session", "--system", *HERE), ("--system", "--type=signal", "x", "y"),
    ("--system", "/", "noDot"), ("--system", *HERE, "foo:1"),
    ("--reply-timeout=", *HERE), ("--reply-timeout", *HERE), ("--reply-timeout=x", *HERE),
    ("--reply-timeout=0", *HERE), ("--reply-timeout=-1", *HERE), ("--reply-timeout=x", "/"),
    ("--print-reply=", *HERE), ("--print-reply=foo", *HERE), ("--print-replyx", *HERE),
    ("--print-reply", "/"), ("/", "--type=foo", "a.b.C"), ("/", "--help", "a.b.C"),
]

CONTENTS: list[Sequence[str]] = [
    ("int32",), ("foo:5",), ("",), ("boolean:yes",), ("boolean:",), ("signature:i",),
    ("array:string",), ("array:foo:x",), ("array:variant:x",), ("array:array:x",),
    ("dict:string",), ("dict:string:string",), ("dict:string:string:a",), ("dict:foo",),
    ("dict:foo:string",), ("array:",), ("dict:foo:string:a,b",), ("dict:string:foo:a,b",), ("dict:string:foo",),
    ("dict:variant:string:a,b",), ("dict:string:variant:a,b",), ("dict:array:string:a,b",),
    ("dict:string:string:a,b,c",), ("dict:string:boolean:a,maybe",),
    ("variant:string",), ("variant:foo:a",), ("variant:array:x",), ("variant:boolean:x",),
    ("array:boolean:true,x",), ("string:x", "foo:1"), ("--help",), ("--dest=a.b",),
    ("objpath:bad",), ("variant:objpath:bad",), ("array:objpath:/,bad",),
    ("string:\udcff",), ("struct:string:a",), ("string",), ("String:a",), ("int32 :5",),
    ("dict:string::",), ("dict:string::a,b",), ("dict:::",), ("dict::string:a",),
]

VALUES = (
    ":5 array::x variant::x int32:x int32:0x10 int32:010 int32:4294967295 int32:-5 int32:99999999999 uint32:-1 "
    "uint32:0x10 uint32:99999999999 int16:70000 int16:-1 uint16:70000 uint16:-1 int64:-9 "
    "int64:99999999999999999999 uint64:18446744073709551615 uint64:-1 byte:300 byte:-1 byte:0x41 "
    "byte:x double:1.5 double:1e300 double:x double:inf double:-0 boolean:true boolean:false "
    "string: string:a:b string:é array:string: array:string:a,b array:string:a,,b array:string:,a, "
    "array:string:a:b array:int32:1,2,3 array:int32: array:byte:1,2,3 array:byte: "
    "array:boolean:true,false array:double:1,2.5 array:objpath:/,/a array:uint64:1,2 "
    "array:int16:1 array:uint16:1 array:uint32:1 array:int64:1 dict:string:string:a,b "
    "dict::string:a,b dict::int32: "
    "dict:string:string: dict:string:int32:a,1,b,2 dict:int32:string:1,a dict:byte:byte:1,2 "
    "dict:string:double:a,1.5 dict:boolean:string:true,b dict:objpath:string:/,b "
    "dict:string:string:a,b,, dict:string:string:,a,b dict:string:string:a,b:c variant:string:x "
    "variant:string: variant:int32:7 variant:byte:7 variant:boolean:true variant:double:2 "
    "variant:objpath:/x variant:int64:-3 variant:string:a,b variant:uint16:5 variant:string:a:b"
).split()

MESSAGES: list[Sequence[str]] = [
    HERE, ("--type=method_call", f"--dest={BUS}", *HERE), (f"--dest={BUS}", *HERE),
    ("--dest=com.example.None", *HERE), ("--type=method_call", "--dest=com.example.None", *HERE),
    ("--type=method_call", *HERE), ("--sender=com.example.S", *HERE),
    ("--sender=com.example.S", "--dest=com.example.None", "--type=method_call", *HERE, "string:x",
     "int32:1", "array:string:a,b"), ("--type=signal", "--dest=:1.0", *HERE),
    ("--reply-timeout=3", f"--dest={BUS}", "/", f"{BUS}.GetId"), ("--session", *HERE),
    ("--system", "--session", *HERE), ("/", "a.b.c.d.E"), ("--reply-timeout=5x", *HERE),
    ("--print-reply", "--type=method_call", f"--dest={BUS}", "/", f"{BUS}.GetId"),
]

CALLS: list[Sequence[str]] = [
    ("GetId",), ("ListNames",), ("GetNameOwner", "string:com.example.None"),
    ("NameHasOwner", "string:a.b"),
    ("NoSuchMethod",), ("GetNameOwner",), ("GetNameOwner", "int32:5"),
    ("RequestName", "string:com.example.R", "uint32:0"), ("GetConnectionUnixUser", f"string:{BUS}"),
]

REPLIES: dict[str, tuple[str, list[Any]]] = {
    "nothing": ("", []), "string": ("s", ["a \"b\"\nc"]), "two strings": ("ss", ["a", "b"]),
    "path": ("o", ["/a"]), "signature": ("g", ["a{sv}"]), "numbers": ("ynqiuxtdb",
                                                                    [1, -2, 3, -4, 5, -6, 7, .5, 1]),
    "strings": ("as", [["a", "b"]]), "dict": ("a{sv}", [{"k": Variant("s", "v"),
                                                         "n": Variant("i", 1)}]),
    "struct": ("(is(b))", [(1, "x", (True,))]), "variant": ("v", [Variant("v", Variant("s", "x"))]),
    "bytes": ("ay", [b"hello"]), "bytes with NUL": ("ay", [b"hello\0"]),
    "other bytes": ("ay", [bytes(range(60))]), "paths": ("ao", [["/", "/a"]]),
    "empty array": ("as", [[]]), "nested": ("aas", [[["a"], []]]),
}


@case(params={" ".join(a): a for a in OPTIONS})
def options(side: Side, arguments: Sequence[str]) -> None:
    """Nobody is there to connect to, or needed."""
    side.run("dbus-send", arguments)


@case(on_bus=True, params={" ".join(ascii(a) for a in c): c for c in CONTENTS})
def bad_contents(side: Side, contents: Sequence[str]) -> None:
    """What is no argument of a message."""
    side.run("dbus-send", [*HERE, *(c.encode("utf-8", "surrogateescape") for c in contents)])


@case(on_bus=True, params=VALUES)
def value(side: Side, item: str) -> None:
    """What is sent for an argument."""
    watcher = side.watcher()
    side.run("dbus-send", [*HERE, item])
    watcher.log_sent()


@case(on_bus=True, params={" ".join(m): m for m in MESSAGES})
def message(side: Side, arguments: Sequence[str]) -> None:
    """What is sent for options."""
    watcher = side.watcher()
    side.run("dbus-send", arguments)
    watcher.log_sent()


@case(on_bus=True, params=("--bus", "--peer", "--address"))
def address(side: Side, option: str) -> None:
    """A bus by its address; as a peer it is not said Hello to."""
    watcher = side.watcher()
    side.run("dbus-send", [f"{option}={side.address}", *HERE])
    watcher.log_sent()


@case(on_bus=True, params=(":1.99", BUS, "com.example.Taken"))
def sender(side: Side, name: str) -> None:
    """Names that cannot be had."""
    side.client().request_name("com.example.Taken")
    side.run("dbus-send", [f"--sender={name}", *HERE])


@case(on_bus=True, params={" ".join(c): c for c in CALLS})
def call(side: Side, arguments: Sequence[str]) -> None:
    """The bus's replies, in both forms."""
    for form in ("--print-reply", "--print-reply=literal"):
        side.run("dbus-send", [form, f"--dest={BUS}", "/", f"{BUS}.{arguments[0]}",
                               *arguments[1:]])


@case(on_bus=True, params=list(REPLIES))
def reply(side: Side, name: str) -> None:
    """Replies with values of all types, in both forms."""
    service = side.client()
    service.request_name("com.example.Service")
    signature, body = REPLIES[name]

    def answer() -> None:
        for _ in range(2):
            request = service.receive(lambda m: m.type == wire.METHOD_CALL, "a call")
            assert request is not None
            service.send(wire.method_return(request.sender, request.serial, signature, body),
                         sync=False)

    thread = threading.Thread(target=answer)
    thread.start()
    for form in ("--print-reply", "--print-reply=literal"):
        side.run("dbus-send", [form, "--dest=com.example.Service", *HERE])
    thread.join()


@case(on_bus=True, params={"with text": ("s", ["it is so"]), "without": ("", []),
                           "with a number": ("i", [5])})
def error(side: Side, content: tuple[str, list[Any]]) -> None:
    """An error as the reply."""
    service = side.client()
    service.request_name("com.example.Service")

    def answer() -> None:
        request = service.receive(lambda m: m.type == wire.METHOD_CALL, "a call")
        assert request is not None
        service.send(wire.error(request.sender, request.serial, "com.example.Error", *content),
                     sync=False)

    thread = threading.Thread(target=answer)
    thread.start()
    side.run("dbus-send", ["--print-reply", "--dest=com.example.Service", *HERE])
    thread.join()


@case(on_bus=True)
def timeout(side: Side) -> None:
    """Nobody answers in time."""
    side.client().request_name("com.example.Service")
    side.run("dbus-send", ["--print-reply", "--reply-timeout=100", "--dest=com.example.Service",
                           *HERE])


@case(on_bus=True)
def nobody(side: Side) -> None:
    """Nobody is there."""
    side.run("dbus-send", ["--print-reply", "--dest=com.example.None", *HERE])
    side.run("dbus-send", ["--print-reply", "--dest=:1.9999", *HERE])
