# SPDX-License-Identifier: MIT
"""Daemons that set up networks, each with interfaces of its own or none: wpa_supplicant,
ConnMan, oFono and dnsmasq."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator

from families import command, family
from stage import Stage, free_port, isolated, wait_until

PAIR = """ip link add left type veth peer name right
ip link set left up
ip link set right up"""

WPA = "fi.w1.wpa_supplicant1"
WPA_ROOT = "/fi/w1/wpa_supplicant1"
WPA_INTERFACE = f"{WPA}.Interface"
PROPERTIES = "org.freedesktop.DBus.Properties"


@family(command("wpa_supplicant", "wpasupplicant"), command("dbus-send", "dbus-bin"),
        command("ip", "iproute2"), root=True)
def wpa_supplicant(stage: Stage) -> None:
    """An interface, a network and a blob come and go; the driver is the one for wires."""
    daemon = stage.start(*isolated("wpa_supplicant", "-u", setup=PAIR), program="wpa_supplicant")
    stage.expect_name(daemon, WPA)
    monitor = stage.start("gdbus", "monitor", "--address", stage.address, "-d", WPA, loads=False)
    stage.expect_later("follows it", monitor, "is owned by", program="gdbus")
    send = ["dbus-send", "--system", "--print-reply", f"--dest={WPA}"]
    stage.expect("asks what it can do",
                 [*send, WPA_ROOT, f"{PROPERTIES}.Get", f"string:{WPA}", "string:EapMethods"],
                 r'variant       array \[\n +string "MD5"\n(.*\n)* +string "TTLS"')
    stage.expect_gdbus("wpa_supplicant", "takes an interface",
                       (WPA, WPA_ROOT, f"{WPA}.CreateInterface",
                        "{'Ifname': <'left'>, 'Driver': <'wired'>}"),
                       rf"^\(objectpath '{WPA_ROOT}/Interfaces/0',\)$")
    stage.expect_gdbus("wpa_supplicant", "refuses one that isn't there",
                       (WPA, WPA_ROOT, f"{WPA}.CreateInterface", "{'Ifname': <'none'>}"),
                       rf"{re.escape(WPA)}\.UnknownError|InterfaceUnknown")
    stage.expect("finds the interface", [*send, WPA_ROOT, f"{WPA}.GetInterface", "string:left"],
                 f'object path "{WPA_ROOT}/Interfaces/0"')
    path = f"{WPA_ROOT}/Interfaces/0"
    stage.expect_gdbus("wpa_supplicant", "adds a network",
                       (WPA, path, f"{WPA_INTERFACE}.AddNetwork",
                        "{'key_mgmt': <'IEEE8021X'>, 'eap': <'MD5'>, 'identity': <'me'>, "
                        "'password': <'secret'>, 'eapol_flags': <0>}"),
                       rf"^\(objectpath '{path}/Networks/0',\)$")
    stage.expect("tells what it was given",
                 [*send, f"{path}/Networks/0", f"{PROPERTIES}.Get", f"string:{WPA}.Network",
                  "string:Properties"], r'string "identity"\n +variant +string ""me""',
                 program="dbus-send")
    stage.expect_gdbus("wpa_supplicant", "stores a blob",
                       (WPA, path, f"{WPA_INTERFACE}.AddBlob", "key", "[0x01, 0xff, 0x00]"),
                       r"^\(\)$")
    stage.expect("gets the blob back", [*send, path, f"{WPA_INTERFACE}.GetBlob", "string:key"],
                 r"array of bytes \[\n +01 ff 00\n")
    stage.expect_gdbus("wpa_supplicant", "selects the network",
                       (WPA, path, f"{WPA_INTERFACE}.SelectNetwork", f"{path}/Networks/0"),
                       r"^\(\)$")
    stage.expect_in_time("sees it associated",
                         [*send, path, f"{PROPERTIES}.Get", f"string:{WPA_INTERFACE}",
                          "string:State"], r'variant +string "(associated|completed)"')
    stage.expect_gdbus("wpa_supplicant", "changes a property",
                       (WPA, WPA_ROOT, f"{PROPERTIES}.Set", WPA, "DebugLevel", "<'error'>"),
                       r"^\(\)$")
    stage.expect_gdbus("wpa_supplicant", "refuses a wrong value",
                       (WPA, WPA_ROOT, f"{PROPERTIES}.Set", WPA, "DebugLevel", "<'loud'>"),
                       "org.freedesktop.DBus.Error.Failed")
    stage.expect("takes it all away",
                 [*send, WPA_ROOT, f"{WPA}.RemoveInterface", f"objpath:{path}"], "^method return")
    for what, wanted in (("a new interface", r"InterfaceAdded \(objectpath '\S+/Interfaces/0', "
                                             r"\{.*'Ifname': <'left'>"),
                         ("a new network", r"NetworkAdded \(objectpath '\S+/Networks/0'"),
                         ("a new blob", r"BlobAdded \('key',\)"),
                         ("the network selected", "NetworkSelected"),
                         ("a change of state", r"PropertiesChanged \(.*'State': <'associated'>"),
                         ("the interface gone", "InterfaceRemoved")):
        stage.expect_later(f"signals {what}", monitor, wanted, program="wpa_supplicant")
    stage.expect_end("ends when told to", daemon)


CONNMAN_SETUP = """mount -t tmpfs tmpfs /var/lib
mkdir /run/connman /var/lib/connman
cp /etc/resolv.conf /run/resolv.conf
mount --bind /run/resolv.conf /etc/resolv.conf
ip link add eth0 type veth peer name right
ip link set right up"""

CONNMAN_CONFIGURATION = """[General]
AllowHostnameUpdates=false
EnableOnlineCheck=false
"""


@family(command("connmand", "connman"), command("connmanctl", "connman"),
        command("ip", "iproute2"), root=True)
def connman(stage: Stage) -> None:
    """connmanctl sets up a wired interface through connmand, which then has an address."""
    configuration = stage.directory / "connman.conf"
    configuration.write_text(CONNMAN_CONFIGURATION, encoding="utf-8")
    daemon = stage.start(*isolated("connmand", "-n", "-r", f"--config={configuration}",
                                   "--device=eth0", setup=CONNMAN_SETUP), program="connmand")
    stage.expect_name(daemon, "net.connman")
    monitor = stage.start("stdbuf", "-oL", "connmanctl", "monitor", program="connmanctl")
    stage.expect_in_time("lists technologies", ["connmanctl", "technologies"],
                         r"^/net/connman/technology/ethernet\n  Name = Wired\n  Type = ethernet\n"
                         "  Powered = True$")
    stage.expect_in_time("lists services", ["connmanctl", "services"],
                         r"^\*A. Wired +ethernet_[0-9a-f]+_cable$")
    name = stage.run("connmanctl", "services").text.split()[-1]
    stage.expect("configures an address", ["connmanctl", "config", name, "--ipv4", "manual",
                                           "192.0.2.1", "255.255.255.0", "192.0.2.254"], r"\A\Z")
    stage.expect("configures a name server", ["connmanctl", "config", name, "--nameservers",
                                              "192.0.2.53"], r"\A\Z")
    stage.expect_in_time("sees the service ready", ["connmanctl", "services", name],
                         r"^  State = (ready|online)\n(.*\n)*  IPv4 = \[ Method=manual, "
                         r"Address=192\.0\.2\.1, Netmask=255\.255\.255\.0, "
                         r"Gateway=192\.0\.2\.254 \]\n(.*\n)*  Nameservers = \[ 192\.0\.2\.53 \]$")
    stage.expect("has the address",
                 ["nsenter", "--net", "--target", str(daemon.process.pid), "ip", "-4", "address"],
                 r"inet 192\.0\.2\.1/24 .*eth0", program="connmand", loads=False)
    stage.expect_later("watches all of it", monitor, r"Nameservers = \[ 192\.0\.2\.53 \]")
    stage.expect("switches the technology off", ["connmanctl", "disable", "ethernet"],
                 "^Disable ethernet$")
    stage.expect_in_time("sees it off", ["connmanctl", "technologies"], "^  Powered = False$")
    stage.expect("goes offline", ["connmanctl", "enable", "offline"], "^Enabled offline$")
    stage.expect("sees it offline", ["connmanctl", "state"], "^  OfflineMode = True$")
    stage.expect("is told of an error", ["connmanctl", "connect", "nonsense"],
                 r'^Error /net/connman/service/nonsense: Method "Connect" with signature ""')
    stage.expect_end("ends when told to", daemon)


class Phone:
    """A modem at the end of a TCP connection, as oFono's phonesim plugin wants it."""

    ANSWERS = {b"AT+CGMI": b"ACME", b"AT+CGMM": b"Phone 1", b"AT+CGMR": b"rev 7",
               b"AT+CGSN": b"123456789012345", b"AT+CFUN?": b"+CFUN: 1"}

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.asked: list[bytes] = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        """Answer commands until the other end hangs up."""
        connection, _ = self.listener.accept()
        with connection, contextlib.suppress(OSError):
            pending = b""
            while received := connection.recv(4096):
                *lines, pending = (pending + received).split(b"\r")
                for line in (item.strip() for item in lines):
                    self.asked.append(line)
                    known = self.ANSWERS.get(line)
                    connection.sendall((b"\r\n%s\r\n" % known if known else b"") + b"\r\nOK\r\n")


@family(command("ofonod", "ofono"), command("dbus-send", "dbus-bin"), root=True)
def ofono(stage: Stage) -> None:
    """A modem is powered and asked who it is, over a line whose end is ours."""
    phone = Phone()
    configuration = stage.directory / "phonesim.conf"
    configuration.write_text("[phonesim]\nDriver=phonesim\nAddress=127.0.0.1\n"
                             f"Port={phone.port}\n", encoding="utf-8")
    # The phone is at the other end of our loopback interface, so the network stays ours.
    setup = 'mount -t tmpfs tmpfs /run\nmount -t tmpfs tmpfs /var/lib\nexec "$@"'
    daemon = stage.start("unshare", "--mount", "sh", "-ec", setup, "sh", "ofonod", "-n",
                         program="ofonod", environment={"OFONO_PHONESIM_CONFIG":
                                                        str(configuration)})
    stage.expect_name(daemon, "org.ofono")
    monitor = stage.start("gdbus", "monitor", "--address", stage.address, "-d", "org.ofono",
                          loads=False)
    stage.expect_later("follows it", monitor, "is owned by", program="gdbus")
    send = ["dbus-send", "--system", "--print-reply", "--dest=org.ofono"]
    stage.expect("lists modems", [*send, "/", "org.ofono.Manager.GetModems"],
                 r'struct \{\n +object path "/phonesim"\n +array \[(\n.*)+"Powered"\n'
                 " +variant +boolean false")
    stage.expect("powers the modem", [*send, "/phonesim", "org.ofono.Modem.SetProperty",
                                      "string:Powered", "variant:boolean:true"], "^method return")
    stage.expect_in_time("asked the modem who it is",
                         [*send, "/phonesim", "org.ofono.Modem.GetProperties"],
                         r'string "Serial"\n +variant +string "123456789012345"',
                         program="ofonod")
    stage.check("ofonod", "has asked the modem over its line", b"AT+CGSN" in phone.asked,
                repr(phone.asked))
    stage.expect("locks the modem", [*send, "/phonesim", "org.ofono.Modem.SetProperty",
                                     "string:Lockdown", "variant:boolean:true"],
                 "^method return")
    stage.expect_later("signals that the modem is off", monitor,
                       r"PropertyChanged \('Powered', <false>\)", program="ofonod")
    stage.expect("is told of an error", [*send, "/phonesim", "org.ofono.Modem.SetProperty",
                                         "string:Powered", "variant:string:on"],
                 r"^Error org\.ofono\.Error\.InvalidArguments", status=1)
    stage.expect_later("signals a change", monitor, r"PropertyChanged \('Powered', <true>\)",
                       program="ofonod")
    stage.expect_end("ends when told to", daemon)


@contextlib.contextmanager
def name_server(address: str, count: Callable[[], object]) -> Iterator[int]:
    """A name server that answers every question with one address. Yields its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    data, sender = server.recvfrom(4096)
                    if not data:
                        return
                    count()
                    end = data.index(b"\0", 12) + 5
                    answer = struct.pack("!HHHLH", 0xc00c, 1, 1, 600, 4)
                    server.sendto(data[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
                                  + data[12:end] + answer + socket.inet_aton(address), sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        yield port
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", port))
        thread.join()


def look_up(name: str, port: int) -> str:
    """Ask a name server for an address. Returns that, or what it was told instead."""
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        try:
            client.sendto(struct.pack("!HHHHHH", 77, 0x100, 1, 0, 0, 0) + question
                          + struct.pack("!HH", 1, 1), ("127.0.0.1", port))
            data = client.recv(4096)
        except OSError as exc:
            return str(exc)
    answers = struct.unpack_from("!H", data, 6)[0]
    return socket.inet_ntoa(data[-4:]) if answers else f"code {data[3] & 15}"


@family(command("dnsmasq", "dnsmasq-base"), command("dbus-send", "dbus-bin"), root=True)
def dnsmasq(stage: Stage) -> None:
    """It is told over the bus whom to ask for names, and tells of leases."""
    name = "uk.org.thekelleys.dnsmasq"
    port, dhcp = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    daemon = stage.start("dnsmasq", "--keep-in-foreground", "--enable-dbus", "--no-resolv",
                         "--no-hosts", "--conf-file=/dev/null", "--user=root", "--pid-file=",
                         f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces",
                         f"--dhcp-leasefile={stage.directory}/leases",
                         f"--dhcp-alternate-port={dhcp}", "--dhcp-range=127.0.0.2,127.0.0.9")
    stage.expect_name(daemon, name)
    path = "/uk/org/thekelleys/dnsmasq"
    send = ["dbus-send", "--system", "--print-reply", f"--dest={name}", path]
    stage.expect("asks for the version", [*send, f"{name}.GetVersion"], r'^   string "2\.\d+')
    stage.check("dnsmasq", "knows no name at first",
                look_up("one.example", port) == "code 5", look_up("one.example", port))
    asked: list[None] = []
    with name_server("192.0.2.11", lambda: asked.append(None)) as upstream:
        stage.expect("says whom to ask for names",
                     [*send, f"{name}.SetDomainServers",
                      f"array:string:/example/127.0.0.1#{upstream}"], "^method return")
        stage.check("dnsmasq", "asks for names there",
                    look_up("one.example", port) == "192.0.2.11", look_up("one.example", port))
        before = len(asked)
        look_up("one.example", port)
        stage.check("dnsmasq", "remembers what it was told", len(asked) == before)
        stage.expect("has it forget", [*send, f"{name}.ClearCache"], "^method return")
        look_up("one.example", port)
        stage.check("dnsmasq", "asks again", len(asked) == before + 1)
        stage.expect_gdbus("dnsmasq", "takes servers as arrays of arrays",
                           (name, path, f"{name}.SetServersEx",
                            f"[['127.0.0.1#{upstream}', 'other']]"), r"^\(\)$")
        stage.check("dnsmasq", "asks those", look_up("one.other", port) == "192.0.2.11")
    monitor = stage.start("gdbus", "monitor", "--address", stage.address, "-d", name, loads=False)
    stage.expect_later("follows it", monitor, "is owned by", program="gdbus")
    stage.expect_gdbus("dnsmasq", "takes a lease",
                       (name, path, f"{name}.AddDhcpLease", "127.0.0.5", "02:00:00:00:00:05",
                        "[0x68, 0x69]", "@ay []", "3600", "0", "false"), r"^\(\)$")
    stage.expect_later("signals the lease", monitor, r"DhcpLeaseAdded \('127\.0\.0\.5', "
                       r"'02:00:00:00:00:05', 'hi'\)", program="dnsmasq")
    stage.check("dnsmasq", "writes the lease", wait_until(
        lambda: "127.0.0.5 hi" in (stage.directory / "leases").read_text(encoding="utf-8")))
    stage.expect("gives it up", [*send, f"{name}.DeleteDhcpLease", "string:127.0.0.5"],
                 "^   boolean true$")
    stage.expect_end("ends when told to", daemon)
