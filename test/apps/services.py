# SPDX-License-Identifier: MIT
"""Other services of a system: CUPS, oddjob, gpsd, and tcpdump that listens in."""

from __future__ import annotations

import os
import signal
import threading
import tty
from pathlib import Path

from families import command, family, file
from stage import Stage, free_port, isolated, wait_until
from tools import BUS, INTERFACE, NEEDS_SERVICE, OBJECT, SERVICE, check_capture, start_service

ODDJOB_CONFIGURATION = """<oddjobconfig>
  <service name="com.example.Oddjob">
    <allow user="root"/>
    <object name="/com/example/Oddjob">
      <interface name="com.example.Oddjob1">
        <method name="shout">
          <helper exec="{helper}" arguments="2" argument_passing_method="cmdline"/>
          <allow user="root"/>
        </method>
        <method name="fail">
          <helper exec="/bin/false" arguments="0"/>
          <allow user="root"/>
        </method>
        <method name="forbidden">
          <helper exec="/bin/true" arguments="0"/>
          <deny user="root"/>
        </method>
      </interface>
    </object>
  </service>
</oddjobconfig>
"""


@family(command("oddjobd", "oddjob"), command("oddjob_request", "oddjob"), root=True)
def oddjob(stage: Stage) -> None:
    """Methods are programs: their output, exit status and rights come back."""
    helper = stage.directory / "helper"
    helper.write_text('#!/bin/sh\necho "$*" | tr a-z A-Z\n', encoding="utf-8")
    helper.chmod(0o755)
    configuration = stage.directory / "oddjobd.conf"
    configuration.write_text(ODDJOB_CONFIGURATION.format(helper=helper), encoding="utf-8")
    daemon = stage.start("oddjobd", "-n", "-c", str(configuration), "-p",
                         str(stage.directory / "oddjobd.pid"))
    name = "com.example.Oddjob"
    stage.expect_name(daemon, name)
    request = ["oddjob_request", "-s", name, "-o", "/com/example/Oddjob", "-i", f"{name}1"]
    stage.expect("has a program run, prints its output", [*request, "shout", "hello", "world"],
                 r"\AHELLO WORLD\Z")
    stage.expect("is told that a program failed", [*request, "fail"], "", status=1)
    stage.expect("is told that it may not", [*request, "forbidden"],
                 r"^com\.redhat\.oddjob\.Error\.ACL: ACL does not allow access")
    stage.expect_gdbus("oddjobd", "answers GDBus with exit status and output",
                       (name, "/com/example/Oddjob", f"{name}1.shout", "a", "b"),
                       r"^\(0, 'A B\\n', ''\)$")
    stage.expect("is told of an unknown method", [*request, "nonsense"],
                 r"^com\.redhat\.oddjob\.Error\.NoMethod: nonsense")
    stage.expect_end("ends when told to", daemon, status=-signal.SIGTERM)


NOTIFIER = "/usr/lib/cups/notifier/dbus"

CUPSD_CONFIGURATION = """Listen {directory}/cups.sock
LogLevel warn
WebInterface No
Browsing No
DefaultAuthType None
<Location />
  Order allow,deny
  Allow all
</Location>
<Policy default>
  JobPrivateAccess default
  JobPrivateValues default
  SubscriptionPrivateAccess default
  SubscriptionPrivateValues default
  <Limit All>
    Order deny,allow
  </Limit>
</Policy>
"""

CUPS_FILES = """FileDevice Yes
ServerRoot {directory}/cups
CacheDir {directory}/cups
StateDir {directory}/cups
RequestRoot {directory}/cups
DocumentRoot {directory}/cups
TempDir {directory}/cups
ServerBin {directory}/programs
AccessLog {directory}/cups/access
ErrorLog stderr
PageLog {directory}/cups/page
SystemGroup root
User lp
Group lp
PassEnv DBUS_SYSTEM_BUS_ADDRESS DBUS_SESSION_BUS_ADDRESS
"""


def make_cups_programs(stage: Stage) -> None:
    """cupsd hides LD_LIBRARY_PATH from what it starts, so the notifier is told of it anew."""
    programs = stage.directory / "programs"
    (programs / "notifier").mkdir(parents=True)
    for path in Path("/usr/lib/cups").iterdir():
        if path.name != "notifier":
            (programs / path.name).symlink_to(path)
    notifier = programs / "notifier" / "dbus"
    notifier.write_text("#!/bin/sh\nexec env LD_LIBRARY_PATH="
                        f'{stage.combination.library.directory} {NOTIFIER} "$@"\n',
                        encoding="utf-8")
    notifier.chmod(0o755)


@family(command("cupsd", "cups-daemon"), command("lpadmin", "cups-client"),
        command("lp", "cups-client"), file(NOTIFIER, "cups-daemon"),
        command("dbus-monitor", "dbus-bin"), root=True)
def cups(stage: Stage) -> None:
    """A job is printed, and the notifier signals what becomes of it."""
    (stage.directory / "cups").mkdir()
    make_cups_programs(stage)
    files = {}
    for name, text in (("cupsd.conf", CUPSD_CONFIGURATION), ("cups-files.conf", CUPS_FILES)):
        files[name] = stage.directory / name
        files[name].write_text(text.format(directory=stage.directory), encoding="utf-8")
    monitor = stage.start("dbus-monitor", "--system", "interface='org.cups.cupsd.Notifier'")
    stage.expect_later("waits for signals", monitor, "member=NameLost")
    daemon = stage.start(*isolated("cupsd", "-f", "-c", str(files["cupsd.conf"]), "-s",
                                   str(files["cups-files.conf"])), program="cupsd")
    socket = stage.directory / "cups.sock"
    stage.check("cupsd", "listens", wait_until(socket.exists), daemon.text)
    stage.expect("adds a printer", ["lpadmin", "-h", str(socket), "-p", "check", "-E", "-v",
                                    "file:///dev/null", "-m", "raw"], "", loads=False)
    stage.expect("prints a job", ["lp", "-h", str(socket), "-d", "check", "-t", "A title",
                                  "-H", "hold", "-o", "notify-recipient-uri=dbus://",
                                  "-o", "notify-events=job-created,job-completed,job-state-changed",
                                  "/etc/os-release"], "^request id is check-1", loads=False)
    stage.expect_later("signals that there is a job", monitor, "member=JobCreated",
                       program="notifier")
    # It lives as long as the job does.
    for pid in stage.children_of(daemon.process.pid, "dbus"):
        stage.note_child("notifier", pid)
    stage.check("cupsd", "has a notifier", "notifier" in stage.loaded)
    stage.expect("lets the job go on", ["lp", "-h", str(socket), "-i", "check-1", "-H", "resume"],
                 "", loads=False)
    stage.expect_later("signals that the job is done", monitor,
                       r"path=/org/cups/cupsd/Notifier; interface=org\.cups\.cupsd\.Notifier; "
                       r'member=JobCompleted\n   string ".*"\n   string "ipp:.*/printers/check"\n'
                       r'   string "check"\n(.*\n)*   uint32 1\n   uint32 9\n', program="notifier")
    stage.expect_end("ends when told to", daemon)


def sentence(body: str) -> bytes:
    """A line of NMEA 0183 with its sum."""
    total = 0
    for byte in body.encode():
        total ^= byte
    return f"${body}*{total:02X}\r\n".encode()


@family(command("gpsd", "gpsd"), command("dbus-monitor", "dbus-bin"), root=True)
def gpsd(stage: Stage) -> None:
    """A receiver of satellites, played by us on a terminal, tells where it is."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    os.chmod(os.ttyname(theirs), 0o666)
    monitor = stage.start("dbus-monitor", "--system", "interface='org.gpsd'")
    stage.expect_later("waits for signals", monitor, "member=NameLost")
    daemon = stage.start("gpsd", "-N", "-n", "-S", str(free_port()), os.ttyname(theirs))
    stop = threading.Event()

    def play() -> None:
        second = 0
        while not stop.wait(0.1):
            second = (second + 1) % 60
            when = f"1200{second:02d}.00"
            os.write(ours, sentence(f"GPGGA,{when},5230.000,N,01324.000,E,1,08,1.0,34.0,M,"
                                    "45.0,M,,")
                     + sentence(f"GPRMC,{when},A,5230.000,N,01324.000,E,10.0,90.0,010624,,,A"))

    player = threading.Thread(target=play)
    player.start()
    try:
        stage.expect_later("signals where it is", monitor,
                           r"path=/org/gpsd; interface=org\.gpsd; member=fix\n   double [\d.e+]+\n"
                           r"   int32 [23]\n   double \S+\n   double 52\.5\n   double 13\.4\n",
                           program="gpsd")
        stage.expect_end("ends when told to", daemon)
    finally:
        stop.set()
        player.join()
        os.close(ours)
        os.close(theirs)


@family(command("tcpdump", "tcpdump"), command("dbus-send", "dbus-bin"), *NEEDS_SERVICE)
def tcpdump(stage: Stage) -> None:
    """libpcap captures a bus as if it were a network interface."""
    start_service(stage)
    capture = stage.directory / "capture"
    listener = stage.start("tcpdump", "-i", "dbus-session", "-U", "-Z", "root", "-w", str(capture))
    stage.expect_later("listens", listener, "listening on dbus-session")
    for number in range(10):
        stage.expect("makes calls to be seen",
                     ["dbus-send", "--session", "--print-reply", f"--dest={SERVICE}", OBJECT,
                      f"{INTERFACE}.Echo", f"string:captured {number}"], "captured")
    stage.check("tcpdump", "writes what it hears", wait_until(
        lambda: capture.read_bytes().count(b"captured 9") == 2))
    stage.end(listener)
    check_capture(stage, "tcpdump", capture.read_bytes(), 40)
    stage.expect("sees many messages",
                 ["tcpdump", "-r", str(capture), "--count"], "^[4-9][0-9] packets$")
    stage.expect("calls the bus afterwards",
                 ["dbus-send", "--session", "--print-reply", f"--dest={BUS}", "/",
                  f"{BUS}.GetId"], "string")
