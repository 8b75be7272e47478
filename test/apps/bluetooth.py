# SPDX-License-Identifier: MIT
"""BlueZ: bluetoothd and bluetoothctl, with a controller that is played by us."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from pathlib import Path

from families import Sample, command, family
from stage import Stage, isolated

KERNEL = Sample("bluetooth-kernel.c", (), shared=True)

SETUP = """mount -t tmpfs tmpfs /var/lib
mkdir /var/lib/bluetooth"""

# Of the kernel's interface for managing controllers (mgmt-api.txt): commands,
READ_VERSION, READ_COMMANDS, READ_INDEX_LIST, READ_INFO = 1, 2, 3, 4
SET_POWERED, SET_DISCOVERABLE, SET_CONNECTABLE = 0x05, 0x06, 0x07
SET_BONDABLE, SET_SSP, SET_LE = 0x09, 0x0b, 0x0d
SET_DEV_CLASS, SET_LOCAL_NAME, ADD_UUID, REMOVE_UUID = 0x0e, 0x0f, 0x10, 0x11
LOAD_LINK_KEYS, LOAD_LONG_TERM_KEYS, SET_DEVICE_ID = 0x12, 0x13, 0x28
START_DISCOVERY, STOP_DISCOVERY, LOAD_IRKS, LOAD_CONN_PARAM = 0x23, 0x24, 0x30, 0x35
START_SERVICE_DISCOVERY = 0x3a
# events,
COMMAND_COMPLETE, COMMAND_STATUS, DEVICE_FOUND, DISCOVERING = 0x01, 0x02, 0x12, 0x13
UNKNOWN_COMMAND = 0x01
NO_INDEX = 0xffff
# and settings.
POWERED, CONNECTABLE, DISCOVERABLE, BONDABLE, SSP, BREDR, LE = 0, 1, 3, 4, 6, 7, 9
SUPPORTED = sum(1 << bit for bit in (POWERED, CONNECTABLE, DISCOVERABLE, BONDABLE, SSP, BREDR, LE))

SETTINGS = {SET_POWERED: POWERED, SET_DISCOVERABLE: DISCOVERABLE, SET_CONNECTABLE: CONNECTABLE,
            SET_BONDABLE: BONDABLE, SET_SSP: SSP, SET_LE: LE}
ANSWERED_WITH_CLASS = (SET_DEV_CLASS, ADD_UUID, REMOVE_UUID)
ANSWERED_WITH_NOTHING = (LOAD_LINK_KEYS, LOAD_LONG_TERM_KEYS, SET_DEVICE_ID, LOAD_IRKS,
                         LOAD_CONN_PARAM)

ADDRESS = "02:00:00:00:00:01"
FOUND, FOUND_NAME = "02:00:00:00:00:99", "Lost headset"


def wire_address(text: str) -> bytes:
    """An address as it is sent."""
    return bytes.fromhex(text.replace(":", ""))[::-1]


class Kernel:
    """One controller, which finds one device. Serves whoever connects, until closed."""

    def __init__(self, path: Path) -> None:
        self.settings = 1 << BREDR | 1 << SSP
        self.name = bytes(260)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        """Take connections."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        """Answer commands until the other end hangs up."""
        with connection, contextlib.suppress(OSError):
            while packet := connection.recv(65536):
                opcode, index, _ = struct.unpack_from("<HHH", packet)
                answer = self.answer(opcode, packet[6:])
                if answer is None:
                    event, data = COMMAND_STATUS, struct.pack("<HB", opcode, UNKNOWN_COMMAND)
                else:
                    event, data = COMMAND_COMPLETE, struct.pack("<HB", opcode, 0) + answer
                connection.send(struct.pack("<HHH", event, index, len(data)) + data)
                self.follow(connection, opcode)

    def answer(self, opcode: int, data: bytes) -> bytes | None:
        """What a command is answered with."""
        if opcode in SETTINGS:
            bit = 1 << SETTINGS[opcode]
            self.settings = self.settings | bit if data[0] else self.settings & ~bit
            return struct.pack("<I", self.settings)
        if opcode in ANSWERED_WITH_CLASS:
            return bytes(3)
        if opcode in ANSWERED_WITH_NOTHING:
            return b""
        if opcode in (START_DISCOVERY, STOP_DISCOVERY, START_SERVICE_DISCOVERY):
            return data[:1]
        if opcode == SET_LOCAL_NAME:
            self.name = data
            return data
        return {READ_VERSION: struct.pack("<BH", 1, 22),
                READ_COMMANDS: struct.pack("<HH", 0, 0),
                READ_INDEX_LIST: struct.pack("<HH", 1, 0),
                READ_INFO: wire_address(ADDRESS) + struct.pack("<BHII", 9, 0, SUPPORTED,
                                                               self.settings)
                + bytes(3) + self.name}.get(opcode)

    def follow(self, connection: socket.socket, opcode: int) -> None:
        """What happens after a command."""
        discovers = opcode in (START_DISCOVERY, START_SERVICE_DISCOVERY)
        if discovers or opcode == STOP_DISCOVERY:
            connection.send(struct.pack("<HHHBB", DISCOVERING, 0, 2, 7, discovers))
        if discovers:
            report = bytes([len(FOUND_NAME) + 1, 9]) + FOUND_NAME.encode()
            data = wire_address(FOUND) + struct.pack("<BbIH", 0, -40, 0, len(report)) + report
            connection.send(struct.pack("<HHH", DEVICE_FOUND, 0, len(data)) + data)


@family(command("bluetoothd", "bluez"), command("bluetoothctl", "bluez"),
        command("dbus-send", "dbus-bin"), samples=[KERNEL], root=True)
def bluez(stage: Stage) -> None:
    """A controller is shown, switched off and on, named and made visible, and finds a device."""
    path = stage.directory / "bluetooth"
    Kernel(path)
    daemon = stage.start(*isolated("env", f"LD_PRELOAD={stage.samples / 'bluetooth-kernel'}",
                                   f"CHECK_APPS_BLUETOOTH={path}", "bluetoothd", "-n",
                                   setup=SETUP), program="bluetoothd")
    stage.expect_name(daemon, "org.bluez")
    tool = "bluetoothctl"
    stage.expect_in_time("lists controllers", [tool, "list"],
                         rf"^Controller {ADDRESS} .*\[default\]$")
    # bluetoothd switches new controllers on by itself.
    stage.expect_in_time("shows the controller", [tool, "show"],
                         rf"^Controller {ADDRESS} \(public\)\n(\t.*\n)*\tPowered: yes\n")
    interactive = stage.start(tool, typing=True)
    stage.expect_later("registers an agent", interactive, "Agent registered")
    stage.expect("switches the controller off", [tool, "power", "off"],
                 "Changing power off succeeded")
    stage.expect_later("sees it switched off", interactive, rf"Controller {ADDRESS} Powered: no")
    stage.expect("switches the controller on", [tool, "power", "on"],
                 "Changing power on succeeded")
    stage.expect_later("sees it switched on", interactive, rf"Controller {ADDRESS} Powered: yes")
    stage.expect("makes it visible", [tool, "discoverable", "on"],
                 "Changing discoverable on succeeded")
    stage.expect("names it", [tool, "system-alias", "Check of apps"],
                 "Changing Check of apps succeeded")
    stage.expect("shows all of it", [tool, "show"],
                 r"\tAlias: Check of apps\n(\t.*\n)*\tPowered: yes\n(\t.*\n)*\tDiscoverable: yes")
    interactive.write("scan on\n")
    stage.expect_later("scans", interactive, "Discovery started")
    stage.expect_later("finds a device", interactive, rf"Device {FOUND} {FOUND_NAME}")
    stage.expect("lists devices", [tool, "devices"], rf"^Device {FOUND} {FOUND_NAME}$")
    stage.expect("shows the device", [tool, "info", FOUND],
                 rf"^Device {FOUND} \(public\)\n\tName: {FOUND_NAME}\n(\t.*\n)*\tRSSI: -40")
    device = f"/org/bluez/hci0/dev_{FOUND.replace(':', '_')}"
    stage.expect_gdbus("bluetoothd", "has the object of the device",
                       ("org.bluez", "/", "org.freedesktop.DBus.ObjectManager.GetManagedObjects"),
                       rf"'{device}': \{{.*'Name': <'{FOUND_NAME}'>")
    send = ["dbus-send", "--system", "--print-reply", "--dest=org.bluez"]
    stage.expect("changes a property", [*send, device, "org.freedesktop.DBus.Properties.Set",
                                        "string:org.bluez.Device1", "string:Trusted",
                                        "variant:boolean:true"], "^method return")
    stage.expect_later("sees the change", interactive, rf"Device {FOUND} Trusted: yes")
    stage.expect("is told of an error", [*send, "/org/bluez/hci0",
                                         "org.bluez.Adapter1.RemoveDevice", "objpath:/nonsense"],
                 "^Error org.bluez.Error.DoesNotExist", status=1)
    interactive.write("scan off\n")
    stage.expect_later("stops scanning", interactive, "Discovery stopped")
    stage.expect("removes the device", [tool, "remove", FOUND], "Device has been removed")
    stage.look_into(interactive)
    interactive.write("quit\n")
    stage.check(tool, "ends when told to", interactive.process.wait(10) == 0)
    stage.expect_end("ends when told to", daemon)
