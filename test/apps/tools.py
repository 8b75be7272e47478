# SPDX-License-Identifier: MIT
"""The reference's own tools."""

from __future__ import annotations

import re
import signal
import struct

from families import command, family, python_module
from stage import HERE, PYTHON, Stage

SERVICE = "com.example.Python"
OBJECT = "/com/example/Python"
INTERFACE = "com.example.Python1"
BUS = "org.freedesktop.DBus"

NEEDS_SERVICE = (python_module("dbus", "python3-dbus"), python_module("gi", "python3-gi"))


def start_service(stage: Stage) -> None:
    """Start the Python service for others to call."""
    stage.expect_name(stage.start(PYTHON, str(HERE / "python-service.py"),
                                  program="python-service"), SERVICE)


@family(command("dbus-send", "dbus-bin"), *NEEDS_SERVICE)
def dbus_send(stage: Stage) -> None:
    """Calls with arguments of all kinds, replies printed, errors, signals."""
    start_service(stage)
    send = ["dbus-send", "--session", "--print-reply"]
    to_service = [*send, f"--dest={SERVICE}", OBJECT]
    stage.expect("lists the names of the bus",
                 [*send, f"--dest={BUS}", "/", f"{BUS}.ListNames"],
                 rf'array \[\n(.*\n)*      string "{SERVICE}"\n')
    stage.expect("calls a method, prints the reply",
                 [*to_service, f"{INTERFACE}.Echo", "string:h\u00e9llo"],
                 r'^method return time=\d+\.\d+ sender=:1\.\d+ -> destination=:1\.\d+ serial=\d+ '
                 'reply_serial=2\n   string "h\u00e9llo"$')
    for what, argument, wanted in (
            ("a byte", "variant:byte:200", "variant       byte 200"),
            ("a boolean", "variant:boolean:false", "variant       boolean false"),
            ("an int16", "variant:int16:-7", "variant       int16 -7"),
            ("a uint32", "variant:uint32:4000000000", "variant       uint32 4000000000"),
            ("an int64", "variant:int64:-5000000000", "variant       int64 -5000000000"),
            ("a double", "variant:double:-2.5", "variant       double -2.5"),
            ("an object path", "variant:objpath:/a/b", 'variant       object path "/a/b"')):
        stage.expect(f"has {what} echoed in a variant",
                     [*to_service, f"{INTERFACE}.EchoVariant", argument], f"^   {wanted}$")
    stage.expect("sends an array of bytes", [*to_service, f"{INTERFACE}.Sum", "array:byte:1,2,250"],
                 "^   uint32 253$")
    stage.expect("prints a dictionary", [*to_service, "org.freedesktop.DBus.Properties.GetAll",
                                         f"string:{INTERFACE}"],
                 r'array \[\n      dict entry\(\n         string "Version"\n'
                 r'         variant             uint32 3\n      \)')
    stage.expect("prints an error", [*to_service, f"{INTERFACE}.Refuse"],
                 "^Error com.example.Python.Refused: not today$", status=1)
    stage.expect("tires of waiting", ["dbus-send", "--session", "--print-reply",
                                      "--reply-timeout=200", f"--dest={SERVICE}", OBJECT,
                                      f"{INTERFACE}.Later", "uint32:60000", "string:x"],
                 "^Error org.freedesktop.DBus.Error.NoReply: Did not receive a reply", status=1)
    stage.expect("sends a signal", ["dbus-send", "--session", "--type=signal", OBJECT,
                                    f"{INTERFACE}.Said", "string:by dbus-send"], r"\A\Z")
    stage.expect_gdbus("dbus-send", "was heard by the service",
                       (SERVICE, OBJECT, f"{INTERFACE}.Heard"), r"^\(\['by dbus-send'\],\)$")
    stage.expect("prints a reply's text only",
                 ["dbus-send", f"--bus={stage.address}", "--print-reply=literal",
                  f"--dest={SERVICE}", OBJECT, f"{INTERFACE}.Echo", "string:bare"],
                 r"\A\s*bare\Z")
    stage.expect("says when nobody is there",
                 ["dbus-send", "--bus=unix:path=/nonexistent/bus", f"--dest={BUS}", "/", "a.b"],
                 "^Failed to open connection to .*: Failed to connect to socket /nonexistent/bus: "
                 "No such file or directory$", status=1)


@family(command("dbus-monitor", "dbus-bin"), command("dbus-send", "dbus-bin"), *NEEDS_SERVICE)
def dbus_monitor(stage: Stage) -> None:
    """All formats, with and without rules."""
    start_service(stage)
    text = stage.start("dbus-monitor", "--session")
    profile = stage.start("dbus-monitor", "--session", "--profile")
    binary = stage.start("dbus-monitor", "--session", "--binary")
    pcap = stage.start("dbus-monitor", "--session", "--pcap")
    filtered = stage.start("dbus-monitor", "--session",
                           f"type='signal',interface='{INTERFACE}',member='Shouted'")
    stage.expect_later("becomes a monitor", text, "member=NameLost")
    stage.expect_later("becomes a monitor with a rule", filtered, "member=NameLost")
    stage.expect_later("becomes a monitor that profiles", profile, "NameLost")
    for item in (binary, pcap):
        stage.expect_later("writes what it hears in binary", item, "NameLost")
    stage.send(SERVICE, OBJECT, f"{INTERFACE}.Shout", "string:seen by all")
    stage.send(SERVICE, OBJECT, f"{INTERFACE}.Refuse")
    stage.expect_later("shows a call", text,
                       rf"^method call time=\S+ sender=:1\.\d+ -> destination={SERVICE} serial=\d+ "
                       rf'path={OBJECT}; interface={INTERFACE}; member=Shout\n   string "seen by')
    stage.expect_later("shows a signal", text, rf"^signal time=\S+ sender=:1\.\d+ -> destination="
                       rf"\(null destination\) serial=\d+ path={OBJECT}; interface={INTERFACE}; "
                       r'member=Shouted\n   string "seen by all"\n   uint32 11$')
    stage.expect_later("shows an error", text, r"^error time=\S+ sender=:1\.\d+ -> destination="
                       r":1\.\d+ error_name=com\.example\.Python\.Refused reply_serial=\d+\n"
                       r'   string "not today"$')
    stage.expect_later("shows the signal of the rule", filtered, r"member=Shouted\n   string")
    stage.check("dbus-monitor", "shows nothing else", "member=Shout\n" not in filtered.text
                and "Refused" not in filtered.text, filtered.text)
    stage.expect_later("profiles a call", profile, rf"^mc\t\d+\.\d+\t\d+\t:1\.\d+\t{SERVICE}"
                       rf"\t{OBJECT}\t{INTERFACE}\tShout$")
    for item in (binary, pcap):
        stage.expect_later("has written the last message", item, "not today")
    for item in (text, profile, binary, pcap, filtered):
        stage.end(item, signal.SIGINT)
    check_capture(stage, "dbus-monitor", pcap.out.read_bytes(), 6)
    stage.check("dbus-monitor", "writes whole messages, --binary",
                len(messages_of(binary.out.read_bytes())) >= 6, repr(binary.out.read_bytes()))


def messages_of(data: bytes) -> list[bytes]:
    """Cut a stream into messages by their lengths; nothing at all if it doesn't come out even."""
    found = []
    while len(data) >= 16 and data[0:1] == b"l":
        body, _, fields = struct.unpack_from("<III", data, 4)
        length = 16 + fields + -fields % 8 + body
        found.append(data[:length])
        data = data[length:]
    return [] if data else found


def check_capture(stage: Stage, program: str, data: bytes, least: int) -> None:
    """The file has the right header, link type 231 (D-Bus), and so many whole messages."""
    right = len(data) >= 24 and struct.unpack_from("=IHH", data) == (0xa1b2c3d4, 2, 4)
    right = right and struct.unpack_from("=I", data, 20)[0] == 231
    rest, packets = data[24:], 0
    while len(rest) >= 16 and right:
        captured, length = struct.unpack_from("=II", rest, 8)
        packet, rest = rest[16:16 + captured], rest[16 + captured:]
        right = captured == length and len(messages_of(packet)) == 1
        packets += 1
    stage.check(program, "writes a capture file with whole messages",
                right and not rest and packets >= least, f"{packets}, {data[:200]!r}")


@family(command("dbus-test-tool", "dbus-tests"), command("dbus-send", "dbus-bin"))
def dbus_test_tool(stage: Stage) -> None:
    """echo answers, black-hole does not, spam floods both."""
    tool = "dbus-test-tool"
    echo = stage.start(tool, "echo", "--name=com.example.Echo")
    hole = stage.start(tool, "black-hole", "--name=com.example.Hole")
    deaf = stage.start(tool, "black-hole", "--name=com.example.Deaf", "--no-read")
    for started, name in ((echo, "Echo"), (hole, "Hole"), (deaf, "Deaf")):
        stage.expect_name(started, f"com.example.{name}")
    stage.expect_gdbus(tool, "echo answers", ("com.example.Echo", "/", "a.b.C", "'x'"),
                       r"^\(\)$")
    spam = [tool, "spam", "--dest=com.example.Echo"]
    for what, options, typed in (
            ("one after the other", ["--count=200"], ""),
            ("32 at a time", ["--count=2000", "--queue=32"], ""),
            ("all at once", ["--count=1000", "--flood", "--bytes"], ""),
            ("on many connections", ["--count=100", "--messages-per-conn=10"], ""),
            ("with empty messages", ["--count=100", "--empty"], ""),
            ("with what it reads", ["--count=50", "--stdin", "--bytes"], "x" * 100000),
            ("of random sizes", ["--count=100", "--random-size", "--seed=1"], "10 1000 30000")):
        stage.expect(f"spam sends calls {what}", [*spam, *options], "", typed=typed)
    stage.expect("spam sends what needs no reply",
                 [tool, "spam", "--dest=com.example.Hole", "--count=500", "--no-reply"], "")
    stage.expect("spam is told of errors", [tool, "spam", "--dest=com.example.Nobody"],
                 "^Failed to receive reply #0: org.freedesktop.DBus.Error.ServiceUnknown: The name")
    stage.expect("nothing comes out of a black hole",
                 ["dbus-send", "--session", "--print-reply", "--reply-timeout=200",
                  "--dest=com.example.Hole", "/", "a.b.C"], "Error.NoReply", status=1)
    for started in (echo, hole):
        stage.check(tool, "is still there", started.process.poll() is None)


@family(command("dbus-run-session", "dbus-daemon"), command("dbus-send", "dbus-bin"))
def dbus_run_session(stage: Stage) -> None:
    """A session for one command, and its exit status."""
    session = ["dbus-run-session", f"--dbus-daemon={stage.daemon_wrapper()}",
               f"--config-file={stage.write_another_configuration('other')}", "--"]
    outer = stage.address
    done = stage.expect("runs a client on a bus of its own",
                        [*session, "sh", "-c", 'echo "$DBUS_SESSION_BUS_ADDRESS" && exec dbus-send '
                         f'--session --print-reply --dest={BUS} / {BUS}.ListNames'],
                        r'\Aunix:\S+guid=[0-9a-f]{32}\nmethod return(.*\n)+ *string ":1\.0"\n *\]')
    stage.check("dbus-run-session", "has another bus than ours", outer not in done.out, done.out)
    stage.expect("passes on the exit status", [*session, "sh", "-c", "exit 7"], "", status=7)
    found = re.search(r"^(unix:\S+)", done.out)
    stage.expect("that bus has ended with its command",
                 ["dbus-send", f"--bus={found[1] if found else ''}", f"--dest={BUS}", "/", "a.b"],
                 "^Failed to (open|register on) connection", status=1)


@family(command("dbus-update-activation-environment", "dbus-bin"), *NEEDS_SERVICE)
def activation(stage: Stage) -> None:
    """The tool changes what activated programs see, and those load the library."""
    report = stage.directory / "environment"
    starts = stage.add_service(SERVICE, ["/bin/sh", "-c", f"'env > {report}; exec "
                                         f"{PYTHON} {HERE / 'python-service.py'}'"])
    update = "dbus-update-activation-environment"
    stage.expect("sets a variable", [update, "--verbose", "CHECK_APPS_COLOUR=deep blue"],
                 "setting CHECK_APPS_COLOUR=deep blue")
    stage.expect("passes on its own", [update, "CHECK_APPS_SOUND"], r"\A\Z",
                 environment={"CHECK_APPS_SOUND": "loud"})
    if not starts:
        stage.skip(update, "an activated service sees both", "this daemon starts no services")
        return
    stage.expect("has the bus start a service",
                 ["dbus-send", "--session", "--print-reply=literal", f"--dest={SERVICE}", OBJECT,
                  f"{INTERFACE}.Echo", "string:woken"], "^ *woken$")
    seen = report.read_text(encoding="utf-8") if report.exists() else ""
    stage.check(update, "an activated service sees both", "CHECK_APPS_COLOUR=deep blue\n" in seen
                and "CHECK_APPS_SOUND=loud\n" in seen, seen)
    stage.look_at_owner("activated service", SERVICE)
    stage.send(SERVICE, OBJECT, f"{INTERFACE}.Quit")


@family(command("dbus-launch", "dbus-x11"), command("dbus-uuidgen", "dbus-bin"),
        command("dbus-send", "dbus-bin"))
def dbus_launch(stage: Stage) -> None:
    """dbus-launch starts a bus for a program, dbus-uuidgen names machines."""
    for tool in ("dbus-launch", "dbus-uuidgen"):
        done = stage.run(tool, "--version", loads=False, environment={"LD_BIND_NOW": "1"})
        if "LIBDBUS_PRIVATE" in done.err and stage.combination.library.name != "stock":
            # That it said so shall not be held against it.
            stage.outputs.clear()
            stage.skip(tool, "does anything", "it uses what the stock library exports to its own "
                       "tools only")
            return
    path = f"{stage.daemon_wrapper().parent}:{stage.environment['PATH']}"
    without = {"PATH": path, "DBUS_SESSION_BUS_ADDRESS": "", "DISPLAY": ""}
    stage.expect("runs a client on a bus of its own",
                 ["dbus-launch",
                  f"--config-file={stage.write_another_configuration('one')}", "dbus-send",
                  "--session", "--print-reply", f"--dest={BUS}", "/", f"{BUS}.GetId"],
                 '^   string "[0-9a-f]{32}"$', environment=without)
    done = stage.expect("starts a bus and tells the shell",
                        ["dbus-launch", "--sh-syntax",
                         f"--config-file={stage.write_another_configuration('two')}"],
                        r"^DBUS_SESSION_BUS_ADDRESS='unix:[^']+guid=[0-9a-f]{32}';\nexport "
                        r"DBUS_SESSION_BUS_ADDRESS;\nDBUS_SESSION_BUS_PID=\d+;$",
                        environment=without)
    found = re.search(r"ADDRESS='([^']+)'", done.out)
    stage.expect("that bus is there", ["dbus-send", f"--bus={found[1] if found else ''}",
                                       "--print-reply", f"--dest={BUS}", "/", f"{BUS}.GetId"],
                 '^   string "[0-9a-f]{32}"$')
    stage.expect("prints a new id", ["dbus-uuidgen"], r"\A[0-9a-f]{32}\Z")
    ids = stage.directory / "machine-id"
    made = stage.expect("makes a file with one", ["dbus-uuidgen", f"--ensure={ids}"], r"\A\Z")
    told = stage.expect("reads it again", ["dbus-uuidgen", f"--get={ids}"], r"\A[0-9a-f]{32}\Z")
    stage.check("dbus-uuidgen", "it is the same", made.status == 0 and ids.exists()
                and ids.read_text(encoding="utf-8").strip() == told.text)
