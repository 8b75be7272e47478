# SPDX-License-Identifier: MIT
"""Sound: PulseAudio, PipeWire, JACK and RealtimeKit, without any sound hardware."""

from __future__ import annotations

import os
import re
import subprocess

from families import command, family, file
from stage import HERE, PYTHON, Stage, isolated, wait_until
from tools import NEEDS_SERVICE

PROPERTIES = "org.freedesktop.DBus.Properties"
PULSE = "org.PulseAudio"


@family(command("pulseaudio", "pulseaudio"), command("pactl", "pulseaudio-utils"),
        command("dbus-send", "dbus-bin"))
def pulseaudio(stage: Stage) -> None:
    """A sink is looked at and changed on the daemon's own server, peer to peer."""
    daemon = stage.start("pulseaudio", "--daemonize=no", "-n", "--exit-idle-time=-1",
                         "--use-pid-file=no", "-L", "module-dbus-protocol access=local", "-L",
                         "module-null-sink sink_name=quiet", "-L", "module-native-protocol-unix")
    stage.expect_name(daemon, f"{PULSE}1")
    lookup = stage.expect("asks on the bus for the server's address",
                          ["dbus-send", "--session", "--print-reply=literal", f"--dest={PULSE}1",
                           "/org/pulseaudio/server_lookup1", f"{PROPERTIES}.Get",
                           f"string:{PULSE}.ServerLookup1", "string:Address"], "unix:path=")
    found = re.search(r"unix:\S+", lookup.out)
    core = ["dbus-send", f"--peer={found[0] if found else ''}", "--print-reply"]
    stage.expect("reads all properties of the server",
                 [*core, "/org/pulseaudio/core1", f"{PROPERTIES}.GetAll", f"string:{PULSE}.Core1"],
                 r'"Name"\n +variant +string "pulseaudio"(\n.*)*"Sinks"\n +variant +array \[\n +'
                 'object path "/org/pulseaudio/core1/sink0"')
    sink = "/org/pulseaudio/core1/sink0"
    device = f"string:{PULSE}.Core1.Device"
    stage.expect("reads the name of a sink",
                 [*core, sink, f"{PROPERTIES}.Get", device, "string:Name"], 'string "quiet"')
    stage.expect("mutes the sink", [*core, sink, f"{PROPERTIES}.Set", device, "string:Mute",
                                    "variant:boolean:true"], "^method return")
    # pactl reaches the daemon by another way and so tells what has become of it.
    stage.expect("sees the sink mute", ["pactl", "get-sink-mute", "quiet"], "^Mute: yes$")
    stage.expect("loads a module", [*core, "/org/pulseaudio/core1", f"{PULSE}.Core1.LoadModule",
                                    "string:module-null-sink", "dict:string:string:sink_name,more"],
                 r"object path \"/org/pulseaudio/core1/module\d+\"")
    stage.expect("sees its sink", ["pactl", "list", "short", "sinks"], r"^\d+\tmore\t")
    stage.expect("is told of an error",
                 [*core, sink, f"{PROPERTIES}.Get", device, "string:Nonsense"],
                 "^Error org.PulseAudio.Core1.NoSuchPropertyError", status=1)
    stage.expect("has the daemon exit", [*core, "/org/pulseaudio/core1", f"{PULSE}.Core1.Exit"],
                 "^method return")
    stage.check("pulseaudio", "ends when told to", wait_until(
        lambda: daemon.process.poll() is not None) and daemon.process.returncode == 0)


@family(command("pipewire", "pipewire-bin"), command("pipewire-pulse", "pipewire-pulse"),
        command("pw-reserve", "pipewire-bin"), command("wireplumber", "wireplumber"),
        command("pactl", "pulseaudio-utils"))
def pipewire(stage: Stage) -> None:
    """The PulseAudio server claims its name; devices are reserved and given up."""
    server = stage.start("pipewire")
    stage.check("pipewire", "listens", wait_until(
        lambda: (stage.directory / "runtime" / "pipewire-0").exists()), server.text)
    manager = stage.start("wireplumber")
    pulse = stage.start("pipewire-pulse")
    stage.expect_name(pulse, "org.pulseaudio.Server")
    stage.expect_in_time("answers clients of PulseAudio", ["pactl", "info"],
                         r"^Server Name: PulseAudio \(on PipeWire", program="pactl")
    first = stage.start("pw-reserve", "-n", "Audio7", "-a", "First")
    name = "org.freedesktop.ReserveDevice1.Audio7"
    stage.expect_name(first, name)
    stage.expect_later("reserves a device", first, "^reserve acquired$")
    stage.expect_gdbus("pw-reserve", "tells who has the device",
                       (name, "/org/freedesktop/ReserveDevice1/Audio7", f"{PROPERTIES}.Get",
                        "org.freedesktop.ReserveDevice1", "ApplicationName"), "<'First'>")
    stage.look_into(first)
    second = stage.start("pw-reserve", "-n", "Audio7", "-a", "Second", "-r", "-p", "30")
    stage.expect_later("asks for it", second, "^doing RequestRelease on Audio7$")
    stage.expect_later("is asked to give it up", first, "^reserve release")
    stage.end(second)
    stage.end(first)
    stage.check("pw-reserve", "leaves the device to others", wait_until(
        lambda: not stage.owns(name)))
    for started in (server, manager, pulse):
        stage.look_into(started)
    stage.check("pipewire", "all are still there", not any(
        started.process.poll() is not None for started in (server, manager, pulse)))


JACK = "org.jackaudio"


@family(command("jackdbus", "jackd2"), command("dbus-send", "dbus-bin"), root=True)
def jack(stage: Stage) -> None:
    """The server is configured, started, looked at and stopped through jackdbus."""
    daemon = stage.start(*isolated("jackdbus", "auto", setup="mount -t tmpfs tmpfs /dev/shm"),
                         program="jackdbus")
    stage.expect_name(daemon, f"{JACK}.service")
    call = (f"{JACK}.service", "/org/jackaudio/Controller")
    stage.expect_gdbus("jackdbus", "takes a driver",
                       (*call, f"{JACK}.Configure.SetParameterValue", "['engine', 'driver']",
                        "<'dummy'>"), r"^\(\)$")
    stage.expect_gdbus("jackdbus", "takes a rate",
                       (*call, f"{JACK}.Configure.SetParameterValue", "['driver', 'rate']",
                        "<uint32 44100>"), r"^\(\)$")
    send = ["dbus-send", "--session", "--print-reply", f"--dest={call[0]}", call[1]]
    stage.expect("reads a parameter's description",
                 [*send, f"{JACK}.Configure.GetParameterConstraint",
                  "array:string:engine,driver"], r"struct \{\n +variant +string \"dummy\"")
    stage.expect("starts the server", [*send, f"{JACK}.JackControl.StartServer"],
                 "^method return")
    stage.expect("sees it run", [*send, f"{JACK}.JackControl.IsStarted"], "boolean true")
    stage.expect("asks for its rate", [*send, f"{JACK}.JackControl.GetSampleRate"],
                 "uint32 44100")
    stage.expect("lists its ports", [*send, f"{JACK}.JackPatchbay.GetAllPorts"],
                 'string "system:capture_1"(\n.*)*string "system:playback_2"')
    stage.expect("connects ports",
                 [*send, f"{JACK}.JackPatchbay.ConnectPortsByName", "string:system",
                  "string:capture_1", "string:system", "string:playback_2"], "^method return")
    stage.expect("sees the connection", [*send, f"{JACK}.JackPatchbay.GetGraph", "uint64:0"],
                 r'string "capture_1"\n(.*\n)+ +string "playback_2"\n +uint64 \d+\n +\}\n +\]\s*\Z')
    stage.expect("is told of an error",
                 [*send, f"{JACK}.JackPatchbay.ConnectPortsByName", "string:system",
                  "string:nonsense", "string:system", "string:playback_2"],
                 "^Error org.jackaudio", status=1)
    stage.expect("stops the server", [*send, f"{JACK}.JackControl.StopServer"], "^method return")
    stage.look_into(daemon)
    stage.expect("has jackdbus exit", [*send, f"{JACK}.JackControl.Exit"], "^method return")
    stage.check("jackdbus", "ends when told to",
                wait_until(lambda: daemon.process.poll() is not None))


@family(file("/usr/libexec/rtkit-daemon", "rtkit"), command("rtkitctl", "rtkit"), *NEEDS_SERVICE,
        root=True)
def rtkit(stage: Stage) -> None:
    """It asks another service whether it may, then gives a process another priority."""
    name, path = "org.freedesktop.RealtimeKit1", "/org/freedesktop/RealtimeKit1"
    polkit = stage.start(PYTHON, str(HERE / "polkit-stand-in.py"), program="polkit-stand-in")
    stage.expect_name(polkit, "org.freedesktop.PolicyKit1")
    daemon = stage.start("/usr/libexec/rtkit-daemon", "--stderr", "--no-chroot",
                         "--no-drop-privileges", "--no-limit-resources", "--no-canary")
    stage.expect_name(daemon, name)
    stage.expect("reads a property",
                 ["dbus-send", "--system", "--print-reply", f"--dest={name}", path,
                  f"{PROPERTIES}.Get", f"string:{name}", "string:MaxRealtimePriority"],
                 r"variant +int32 20$")
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        pid = sleeper.pid
        stage.expect_gdbus("rtkit-daemon", "gives a process another priority",
                           (name, path, f"{name}.MakeThreadHighPriorityWithPID", str(pid),
                            str(pid), "-7"), r"^\(\)$")
        stage.check("rtkit-daemon", "the process has it",
                    os.getpriority(os.PRIO_PROCESS, pid) == -7)
        stage.expect_gdbus("rtkit-daemon", "refuses too much",
                           (name, path, f"{name}.MakeThreadHighPriorityWithPID", str(pid),
                            str(pid), "-19"), "AccessDenied|Operation not permitted")
        sleeper.kill()
    stage.expect_later("was asked for permission", polkit,
                       r"^asked about org\.freedesktop\.RealtimeKit1\.acquire-high-priority$")
    stage.expect("tells it to go", ["rtkitctl", "--exit"], "")
    stage.check("rtkit-daemon", "ends when told to",
                wait_until(lambda: daemon.process.poll() is not None))
