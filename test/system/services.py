# SPDX-License-Identifier: MIT
"""The services that are run, how each shows that it answers, and what nobody may do with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

PROPERTIES = "org.freedesktop.DBus.Properties"


@dataclass(frozen=True)
class Service:
    """One service of the system bus."""

    label: str
    package: str
    name: str
    # What is started where the bus does not start it, because systemd would.
    command: Sequence[str]
    # A method call as busctl takes it, after the name, and what is in the answer.
    call: Sequence[str]
    answer: str
    # Calls, likewise, that its policy does not let an ordinary user make.
    forbidden: Sequence[Sequence[str]] = ()
    # Where it cannot run, what it says of that.
    cannot: str = ""


def get(path: str, interface: str, name: str) -> list[str]:
    """The call that asks for a property."""
    return [path, PROPERTIES, "Get", "ss", interface, name]


def systemd(what: str, name: str, member: str) -> Service:
    """One of systemd's small services."""
    path = f"/org/freedesktop/{what}1"
    interface = f"org.freedesktop.{what}1"
    return Service(f"systemd-{name}", "systemd", interface, [f"/lib/systemd/systemd-{name}"],
                   get(path, interface, member), "^v (s|as|b) ")


SERVICES = (
    systemd("hostname", "hostnamed", "Hostname"),
    systemd("timedate", "timedated", "Timezone"),
    systemd("locale", "localed", "Locale"),
    Service("polkitd", "polkitd", "org.freedesktop.PolicyKit1",
            ["/usr/lib/polkit-1/polkitd", "--no-debug"],
            ["/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
             "EnumerateActions", "s", ""], "^a.ss.* [1-9]"),
    Service("avahi-daemon", "avahi-daemon", "org.freedesktop.Avahi",
            ["/usr/sbin/avahi-daemon", "--no-rlimits"],
            ["/", "org.freedesktop.Avahi.Server", "GetVersionString"], "avahi",
            [["/", "org.freedesktop.Avahi.Server", "SetHostName", "s", "other"]]),
    Service("udisksd", "udisks2", "org.freedesktop.UDisks2",
            ["/usr/libexec/udisks2/udisksd", "--no-debug"],
            get("/org/freedesktop/UDisks2/Manager", "org.freedesktop.UDisks2.Manager", "Version"),
            '^v s "2'),
    Service("upowerd", "upower", "org.freedesktop.UPower", ["/usr/libexec/upowerd"],
            get("/org/freedesktop/UPower", "org.freedesktop.UPower", "DaemonVersion"), '^v s "'),
    Service("ModemManager", "modemmanager", "org.freedesktop.ModemManager1",
            ["/usr/sbin/ModemManager"],
            get("/org/freedesktop/ModemManager1", "org.freedesktop.ModemManager1", "Version"),
            '^v s "1',
            [["/org/freedesktop/ModemManager1", "org.freedesktop.ModemManager1", "SetLogging", "s",
              "DEBUG"]]),
    Service("NetworkManager", "network-manager", "org.freedesktop.NetworkManager",
            ["/usr/sbin/NetworkManager", "--no-daemon"],
            get("/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager", "Version"),
            '^v s "1',
            [["/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager", "SetLogging",
              "ss", "DEBUG", "ALL"],
             ["/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager", "Sleep", "b",
              "true"]]),
    Service("accounts-daemon", "accountsservice", "org.freedesktop.Accounts",
            ["/usr/libexec/accounts-daemon"],
            ["/org/freedesktop/Accounts", "org.freedesktop.Accounts", "FindUserById", "x", "0"],
            '^o "/org/freedesktop/Accounts/User0"'),
    Service("bluetoothd", "bluez", "org.bluez",
            ["/usr/libexec/bluetooth/bluetoothd", "--nodetach"],
            ["/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"], "^a.oa.sa.sv",
            cannot="management interface"),
)


@dataclass(frozen=True)
class Step:
    """Something to do in a session: a script, and what is in what it says."""

    label: str
    package: str
    name: str
    script: str
    answer: str


CALL = "gdbus call --session --timeout 20"
SESSION = (
    Step("dconf-service", "dconf-cli", "ca.desrt.dconf",
         "dconf write /check/value \"'kept'\" && dconf read /check/value", "'kept'"),
    Step("at-spi-bus-launcher", "at-spi2-core", "org.a11y.Bus",
         f"{CALL} -d org.a11y.Bus -o /org/a11y/bus -m org.a11y.Bus.GetAddress", "'unix:"),
    Step("gvfsd", "gvfs", "org.gtk.vfs.Daemon",
         f"{CALL} -d org.gtk.vfs.Daemon -o /org/gtk/vfs/mounttracker "
         "-m org.gtk.vfs.MountTracker.ListMounts2 true", r"(?m)^\("),
    Step("baobab (GTK)", "baobab", "org.gnome.baobab",
         f"{CALL} -d org.gnome.baobab -o /org/gnome/baobab "
         "-m org.freedesktop.Application.Activate '{}' && "
         f"{CALL} -d org.gnome.baobab -o /org/gnome/baobab -m org.gtk.Actions.List && "
         "for i in $(seq 100); do xwininfo -root -tree | grep -i '\"disk usage\\|baobab' && break; "
         "sleep 0.1; done", r"(?s)'quit'.*0x"),
)
# Besides those of the services.
PACKAGES = ("systemd", "avahi-utils", "gvfs-daemons", "xvfb", "x11-utils", "libglib2.0-bin")
