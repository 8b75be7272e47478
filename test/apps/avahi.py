# SPDX-License-Identifier: MIT
"""Avahi: the daemon offers its service on the bus, libavahi-client uses it from there."""

from __future__ import annotations

from families import command, family
from stage import Stage, isolated

CONFIGURATION = """[server]
host-name=check-apps
use-ipv4=yes
use-ipv6=no
allow-interfaces=left
enable-dbus=yes
[publish]
publish-hinfo=no
publish-workstation=no
[wide-area]
enable-wide-area=no
"""

# Multicast wants an interface that is no loopback; the far end is there to be linked to.
INTERFACES = """ip link add left type veth peer name right
ip addr add 192.0.2.1/24 dev left
ip link set left up
ip link set right up
mkdir -p /run/avahi-daemon
chown avahi:avahi /run/avahi-daemon"""

SERVER = "org.freedesktop.Avahi"


@family(command("avahi-daemon", "avahi-daemon"), command("avahi-browse", "avahi-utils"),
        command("avahi-publish", "avahi-utils"), command("avahi-resolve", "avahi-utils"),
        command("ip", "iproute2"), root=True)
def avahi(stage: Stage) -> None:
    """A service and an address are published, browsed and resolved, all over the bus."""
    path = stage.directory / "avahi.conf"
    path.write_text(CONFIGURATION, encoding="utf-8")
    daemon = stage.start(*isolated("avahi-daemon", "--no-chroot", "-f", str(path),
                                   setup=INTERFACES), program="avahi-daemon")
    stage.expect_name(daemon, SERVER)
    stage.expect_gdbus("avahi-daemon", "tells its host name",
                       (SERVER, "/", f"{SERVER}.Server.GetHostName"), r"^\('check-apps',\)$")
    stage.expect_in_time("has the server run",
                         ["dbus-send", "--system", "--print-reply=literal", f"--dest={SERVER}",
                          "/", f"{SERVER}.Server.GetState"], r"^ *int32 2$", program="dbus-send")
    # (avahi-browse looks the number of the daemon's interface up among its own.)
    browse = stage.start("avahi-browse", "--resolve", "--parsable", "_check._tcp")
    publish = stage.start("avahi-publish", "-s", "Check of apps", "_check._tcp", "4711",
                          "colour=blue", "empty")
    stage.expect_later("publishes a service", publish, "Established under name 'Check of apps'")
    stage.expect_later("sees the service come", browse,
                       r"^\+;[^;]+;IPv4;Check\\032of\\032apps;_check\._tcp;local$")
    stage.expect_later("resolves it", browse,
                       r"^=;[^;]+;IPv4;Check\\032of\\032apps;_check\._tcp;local;check-apps\.local;"
                       r'192\.0\.2\.1;4711;"empty" "colour=blue"$')
    twin = stage.start("avahi-publish", "-s", "Check of apps", "_check._tcp", "4712")
    stage.expect_later("is told of a collision", twin, "collision|Established under name "
                       r"'Check of apps #2'")
    stage.end(twin)
    stage.end(publish)
    stage.expect_later("sees the service go", browse,
                       r"^-;[^;]+;IPv4;Check\\032of\\032apps;_check\._tcp;local$")
    address = stage.start("avahi-publish", "-a", "--no-reverse", "other.local", "192.0.2.7")
    stage.expect_later("publishes an address", address, "Established under name 'other.local'")
    stage.expect("resolves a name", ["avahi-resolve", "-4", "-n", "other.local"],
                 r"^other\.local\t192\.0\.2\.7$")
    stage.expect("resolves an address", ["avahi-resolve", "-a", "192.0.2.1"],
                 r"^192\.0\.2\.1\tcheck-apps\.local$")
    stage.expect("changes the host name", ["avahi-set-host-name", "renamed"], r"\A\Z")
    stage.expect_gdbus("avahi-daemon", "has another host name",
                       (SERVER, "/", f"{SERVER}.Server.GetHostName"), r"^\('renamed',\)$")
    stage.expect("lists all there is and ends",
                 ["avahi-browse", "--all", "--terminate", "--parsable"], "")
    stage.expect_end("ends when told to", daemon)
    stage.expect("says when there is no daemon", ["avahi-browse", "--all", "--terminate"],
                 "Daemon not running", status=1)
