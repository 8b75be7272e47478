# SPDX-License-Identifier: MIT
"""The authentication conversation, line by line."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import wire
from client import Client
from daemons import config
from fixture import Bus, scenario
from wire import DRIVER, DRIVER_PATH

ALL_MECHANISMS = config(auth=())
WITH_ANONYMOUS = config(auth=("ANONYMOUS",), extra="  <allow_anonymous/>")
ONLY_COOKIE = config(auth=("DBUS_COOKIE_SHA1",))

UID = str(os.geteuid()).encode().hex()


def start(bus: Bus, *lines: str | bytes, label: str | None = None) -> Client:
    """Connect, send the nul byte, then each line in turn; stop where the daemon hangs up."""
    client = bus.raw(label)
    client.send_raw(b"\0")
    for line in lines:
        if client.auth_exchange(line) is None:
            break
    return client


def prove(client: Client) -> None:
    """BEGIN, and show whether the connection is usable."""
    client.auth_send("BEGIN")
    client.hello(quiet=False)
    if client.unique:
        client.sync()
        client.drain()


@scenario()
def external(bus: Bus) -> None:
    """EXTERNAL with an initial response."""
    prove(start(bus, f"AUTH EXTERNAL {UID}"))


@scenario()
def external_challenge(bus: Bus) -> None:
    """EXTERNAL without an initial response, then the identity as data."""
    prove(start(bus, "AUTH EXTERNAL", f"DATA {UID}"))


@scenario(params={"bare": "DATA", "space": "DATA ", "spaces": "DATA   "})
def external_implied(bus: Bus, data: str) -> None:
    """EXTERNAL for whoever the socket says."""
    prove(start(bus, "AUTH EXTERNAL", data))


@scenario(params={"root": "root", "other": "1000", "nobody": "65534", "text": "nobody",
                  "huge": "99999999999", "negative": "-1", "invalid_uid": "4294967295",
                  "plus": "+0", "leading": "00", "trailing": "0 ", "hexadecimal": "0x0",
                  "unknown": "no-such-user", "nul": "0\0", "utf8": "é"})
def external_identity(bus: Bus, identity: str) -> None:
    """EXTERNAL with identities right and wrong, then with the right one."""
    client = start(bus, "AUTH EXTERNAL " + identity.encode().hex(), f"AUTH EXTERNAL {UID}")
    prove(client)


@scenario(params={"odd": "303", "letters": "zz", "prefix": "0x30", "upper": "3A", "inner": "3 0",
                  "mixed": "30zz", "long": "30" * 200})
def external_hex(bus: Bus, text: str) -> None:
    """What follows the mechanism is not hexadecimal, or odd in another way."""
    client = start(bus, f"AUTH EXTERNAL {text}", f"AUTH EXTERNAL {UID}")
    prove(client)


@scenario(root=True)
def external_as_other(bus: Bus) -> None:
    """A process of another user may be that user, not root, not a third."""
    for identity in ("65534", "0", "1", ""):
        client = bus.raw(uid=65534)
        client.send_raw(b"\0")
        client.auth_exchange("AUTH EXTERNAL " + identity.encode().hex())
        prove(client)


@scenario(params=["EXTERNAL", "ANONYMOUS", "DBUS_COOKIE_SHA1", "", "external", "KERBEROS_V4",
                  "EXTERNAL EXTERNAL", "EXTERNAL,ANONYMOUS"])
def mechanism(bus: Bus, name: str) -> None:
    """Asking for a mechanism by name when only EXTERNAL is on offer."""
    start(bus, f"AUTH {name}", "AUTH", "AUTH ")


@scenario(ALL_MECHANISMS)
def all_mechanisms(bus: Bus) -> None:
    """Without <auth> all mechanisms are on offer, in some order."""
    start(bus, "AUTH", "AUTH NONSENSE", "AUTH NONSENSE 00")


@scenario(config(auth=("DBUS_COOKIE_SHA1", "ANONYMOUS", "EXTERNAL")))
def mechanism_order(bus: Bus) -> None:
    """The order is the daemon's own, not that of the configuration."""
    start(bus, "AUTH")


@scenario(None)
def unknown_mechanisms(bus: Bus) -> None:
    """Configurations with a mechanism that does not exist."""
    bus.try_config(config(auth=("NONSENSE",)))
    bus.try_config(config(auth=("NONSENSE", "EXTERNAL")))
    bus.try_config(config(auth=("external",)))
    bus.try_config(config(auth=("",)))


def log_known(bus: Bus, client: Client) -> None:
    """Write down what the bus knows of a client, less what only later ones know."""
    reply = client.quiet(lambda: client.driver("GetConnectionCredentials", "s", [client.unique]))
    known = reply.body[0] if reply and reply.body else []
    bus.log(f"known: {sorted({name for name, _ in known} - {'ProcessFD'})}")
    for fd in reply.fds if reply else ():
        os.close(fd)


@scenario()
def known_by_external(bus: Bus) -> None:
    """What the bus knows of who is taken for the user of the socket."""
    log_known(bus, bus.connect("A"))


@scenario(WITH_ANONYMOUS)
def anonymous(bus: Bus) -> None:
    """ANONYMOUS with and without a trace string; what the bus then knows of the peer."""
    for line in ("AUTH ANONYMOUS", "AUTH ANONYMOUS " + b"trace".hex()):
        client = start(bus, line)
        if len(bus.clients) == 1:
            client.auth_exchange("DATA")
        client.auth_send("BEGIN")
        client.hello(quiet=False)
        for member in ("GetConnectionUnixUser", "GetNameOwner"):
            client.driver(member, "s", [client.unique])
        client.request_name("com.example.Anonymous")
        log_known(bus, client)


@scenario(WITH_ANONYMOUS)
def anonymous_bad_trace(bus: Bus) -> None:
    """A trace which is not UTF-8, or holds a nul."""
    for trace in (b"\xff\xfe", b"a\0b", "tracé".encode()):
        start(bus, "AUTH ANONYMOUS " + trace.hex())


@scenario(config(auth=("ANONYMOUS",)))
def anonymous_not_allowed(bus: Bus) -> None:
    """The mechanism without allow_anonymous."""
    prove(start(bus, "AUTH ANONYMOUS " + b"trace".hex()))


@scenario(config(auth=("ANONYMOUS", "EXTERNAL"), extra="  <allow_anonymous/>", policy="""
  <policy context="default">
    <allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>"""))
def anonymous_default_users(bus: Bus) -> None:
    """allow_anonymous with a policy that names no users."""
    prove(start(bus, "AUTH ANONYMOUS"))


@scenario()
def data_before_auth(bus: Bus) -> None:
    """Commands which have no meaning at the start."""
    start(bus, "DATA", "DATA 30", "CANCEL", "ERROR", "ERROR \"reason\"", "BEGINNING",
          "NEGOTIATE_UNIX_FD", "OK abc", "REJECTED", "AGREE_UNIX_FD", "NONSENSE", "", " ",
          "auth EXTERNAL", " AUTH EXTERNAL", "AUTH\tEXTERNAL", "AUTHEXTERNAL",
          f"AUTH  EXTERNAL  {UID}")


@scenario()
def begin_too_early(bus: Bus) -> None:
    """BEGIN at each state before OK hangs up."""
    start(bus, "BEGIN")
    start(bus, "AUTH", "BEGIN")
    start(bus, "AUTH EXTERNAL", "BEGIN")
    start(bus, "AUTH EXTERNAL 31", "BEGIN")


@scenario()
def waiting_for_data(bus: Bus) -> None:
    """Each command while the daemon waits for data."""
    for line in ("CANCEL", "ERROR", "ERROR \"no\"", "AUTH", f"AUTH EXTERNAL {UID}", "NONSENSE",
                 "NEGOTIATE_UNIX_FD", "OK", "REJECTED EXTERNAL", "DATA zz", "DATA 3", "DATA 31"):
        client = start(bus, "AUTH EXTERNAL", line)
        client.auth_exchange(f"DATA {UID}")


@scenario()
def waiting_for_begin(bus: Bus) -> None:
    """Each command after OK."""
    for line in ("CANCEL", "ERROR", "ERROR \"no\"", "AUTH", f"AUTH EXTERNAL {UID}", "NONSENSE",
                 "NEGOTIATE_UNIX_FD", "OK", "REJECTED EXTERNAL", f"DATA {UID}", "AGREE_UNIX_FD"):
        client = start(bus, f"AUTH EXTERNAL {UID}", line)
        client.auth_exchange(f"AUTH EXTERNAL {UID}")


@scenario()
def begin_with_arguments(bus: Bus) -> None:
    """BEGIN and NEGOTIATE_UNIX_FD with something behind them."""
    client = start(bus, f"AUTH EXTERNAL {UID}", "NEGOTIATE_UNIX_FD now")
    client.auth_send("BEGIN now")
    client.hello(quiet=False)


@scenario()
def negotiate_fds(bus: Bus) -> None:
    """NEGOTIATE_UNIX_FD at the right time, twice, and too early."""
    prove(start(bus, f"AUTH EXTERNAL {UID}", "NEGOTIATE_UNIX_FD", "NEGOTIATE_UNIX_FD"))
    prove(start(bus, "NEGOTIATE_UNIX_FD", f"AUTH EXTERNAL {UID}"))


@scenario(config(listen="tcp:host=127.0.0.1,port=0", auth=("ANONYMOUS",),
                 extra="  <allow_anonymous/>"))
def tcp(bus: Bus) -> None:
    """Over TCP there are neither credentials nor fds."""
    client = start(bus, f"AUTH EXTERNAL {UID}", "AUTH ANONYMOUS", "NEGOTIATE_UNIX_FD")
    prove(client)
    client.driver("GetConnectionUnixProcessID", "s", [client.unique])
    client.driver("GetConnectionUnixUser", "s", [client.unique])
    client.driver("GetConnectionCredentials", "s", [client.unique])


@scenario(config(listen="tcp:host=127.0.0.1,port=0", auth=("EXTERNAL",)))
def tcp_external(bus: Bus) -> None:
    """EXTERNAL over TCP."""
    start(bus, f"AUTH EXTERNAL {UID}", "AUTH EXTERNAL", "DATA")


@scenario()
def too_many_failures(bus: Bus) -> None:
    """How many rejections the daemon puts up with."""
    start(bus, *["AUTH NONSENSE"] * 20)


@scenario()
def too_many_errors(bus: Bus) -> None:
    """How many unknown commands the daemon puts up with."""
    start(bus, *["NONSENSE"] * 20)


@scenario()
def too_many_cancels(bus: Bus) -> None:
    """Cancelling counts as failing, or not."""
    start(bus, *["AUTH EXTERNAL", "CANCEL"] * 12)


@scenario(params=[1000, 16000, 16384, 20000, 70000])
def long_line(bus: Bus, length: int) -> None:
    """A line of so many bytes, finished."""
    start(bus, "AUTH " + "x" * length)


@scenario()
def endless_line(bus: Bus) -> None:
    """A line which does not end; the daemon has to give up."""
    client = bus.raw()
    client.send_raw(b"\0" + b"A" * 200000)
    client.expect_disconnect()


@scenario(params={"text": b"A", "newline": b"\r\n", "one": b"\1"})
def no_nul_byte(bus: Bus, first: bytes) -> None:
    """The first byte is something else."""
    client = bus.raw()
    client.send_raw(first + b"AUTH EXTERNAL\r\n")
    client.auth_read()


@scenario()
def two_nul_bytes(bus: Bus) -> None:
    """A second nul byte belongs to the first line."""
    client = bus.raw()
    client.send_raw(b"\0\0")
    client.auth_exchange("AUTH EXTERNAL")


@scenario()
def bytes_in_lines(bus: Bus) -> None:
    """Bytes which are not ASCII, line ends which are not CRLF."""
    start(bus, b"AUTH \xff\xfe", b"A\0UTH")
    start(bus, "NONSENSE\nAUTH", "AUTH\rEXTERNAL")
    start(bus, "é")


@scenario()
def line_feed_only(bus: Bus) -> None:
    """A lone LF does not end a line."""
    client = bus.raw()
    client.send_raw(b"\0AUTH EXTERNAL " + UID.encode() + b"\n")
    client.send_raw(b"AUTH EXTERNAL\r\n")
    client.auth_read()


@scenario()
def byte_by_byte(bus: Bus) -> None:
    """Everything up to Hello in single bytes."""
    client = bus.raw()
    for byte in b"\0AUTH EXTERNAL " + UID.encode() + b"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n":
        client.send_raw(bytes([byte]))
    client.auth_read()
    client.auth_read()
    for byte in wire.call(DRIVER, DRIVER_PATH, DRIVER, "Hello", serial=1).encode():
        client.send_raw(bytes([byte]))
    client.wait_member("NameAcquired")


@scenario()
def pipelined(bus: Bus) -> None:
    """The whole conversation, Hello and a call at once."""
    client = bus.raw()
    client.send_raw(b"\0AUTH EXTERNAL " + UID.encode() + b"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"
                    + wire.call(DRIVER, DRIVER_PATH, DRIVER, "Hello", serial=1).encode()
                    + wire.call(DRIVER, DRIVER_PATH, DRIVER, "GetId", serial=2).encode())
    client.auth_read()
    client.auth_read()
    client.wait_reply(2)


@scenario()
def pipelined_implied(bus: Bus) -> None:
    """What sd-bus sends first, in one write."""
    client = bus.raw()
    client.send_raw(b"\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n")
    for _ in range(3):
        client.auth_read()
    client.hello(quiet=False)


@scenario()
def garbage_after_begin(bus: Bus) -> None:
    """Bytes that are not a message right behind BEGIN."""
    witness = bus.connect("W")
    client = start(bus, f"AUTH EXTERNAL {UID}")
    client.send_raw(b"BEGIN\r\nGET / HTTP/1.0\r\n\r\n")
    client.expect_disconnect()
    witness.driver("GetId")


@scenario()
def half_a_message_after_begin(bus: Bus) -> None:
    """BEGIN, half of Hello, and the end of the stream."""
    witness = bus.connect("W")
    client = start(bus, f"AUTH EXTERNAL {UID}")
    hello = wire.call(DRIVER, DRIVER_PATH, DRIVER, "Hello", serial=1).encode()
    client.send_raw(b"BEGIN\r\n" + hello[:40])
    client.shut_down()
    witness.driver_sorted("ListNames")


@scenario()
def hang_up_at_each_state(bus: Bus) -> None:
    """The client ends the stream; nothing is left behind."""
    witness = bus.connect("W")
    for data in (b"", b"\0", b"\0AUTH", b"\0AUTH EXTERNAL\r\n", b"\0AUTH EXTERNAL 30\r\n",
                 b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n"):
        client = bus.raw()
        client.send_raw(data)
        client.shut_down_quietly()
        bus.log(f"after {data!r}")
        witness.driver_sorted("ListNames")


@scenario(config(limits={"auth_timeout": 300}))
def timeout(bus: Bus) -> None:
    """Who does not finish in time is cut off, who has finished is not."""
    client = bus.connect("A")
    silent = bus.raw("S")
    silent.expect_disconnect()
    slow = start(bus, "AUTH EXTERNAL", label="T")
    slow.expect_disconnect()
    half = start(bus, f"AUTH EXTERNAL {UID}", label="H")
    half.expect_disconnect()
    client.driver("GetId")
    bus.log_stderr()


@scenario(config(limits={"auth_timeout": 300}))
def timeout_without_hello(bus: Bus) -> None:
    """Authenticated but never registered: the timeout covers that too, or does not."""
    client = start(bus, f"AUTH EXTERNAL {UID}", label="B")
    client.auth_send("BEGIN")
    client.expect_disconnect()


# DBUS_COOKIE_SHA1: the daemon keeps its keyring below HOME, which the fixture makes temporary.


def unhex(line: str | None) -> str:
    """The text of a DATA line."""
    return bytes.fromhex((line or "").partition(" ")[2]).decode()


def cookie_challenge(bus: Bus, user: str) -> tuple[Client, list[str]]:
    """Ask for a challenge; the random parts stay out of the transcript."""
    client = bus.raw()
    client.send_raw(b"\0")
    client.emit, emit = (lambda text: None), client.emit
    line = client.auth_exchange("AUTH DBUS_COOKIE_SHA1 " + user.encode().hex())
    client.emit = emit
    words = unhex(line).split(" ") if line and line.startswith("DATA") else []
    bus.log(f"{client.label} challenged with {words[0]!r}, {len(words)} words, "
            f"{len(words[2])} characters" if words else f"{client.label} << {line!r}")
    return client, words


def cookie_of(bus: Bus, words: list[str]) -> str:
    """The secret that a challenge points to."""
    keyring = Path(bus.directory) / "home" / ".dbus-keyrings" / words[0]
    for line in keyring.read_text().splitlines():
        number, _, secret = line.split(" ")
        if number == words[1]:
            return secret
    return ""


def cookie_answer(challenge: str, ours: str, secret: str) -> str:
    """The data which proves knowledge of the secret."""
    digest = hashlib.sha1(f"{challenge}:{ours}:{secret}".encode()).hexdigest()
    return f"{ours} {digest}".encode().hex()


@scenario(ONLY_COOKIE, root=True)
def cookie(bus: Bus) -> None:
    """A right answer, by user name and by number."""
    for user in ("root", "0"):
        client, words = cookie_challenge(bus, user)
        if words:
            client.emit, emit = (lambda text: None), client.emit
            line = client.auth_exchange(
                "DATA " + cookie_answer(words[2], "abcdef", cookie_of(bus, words)))
            client.emit = emit
            bus.log(f"{client.label} << {line!r}")
            prove(client)
            log_known(bus, client)


@scenario(ONLY_COOKIE, root=True)
def cookie_wrong(bus: Bus) -> None:
    """Wrong answers of each kind."""
    for answer in ("", "abc", "abc def", "abc " + "0" * 40, "  ", " x"):
        client, words = cookie_challenge(bus, "root")
        if words:
            client.auth_exchange("DATA " + answer.encode().hex())
    client, words = cookie_challenge(bus, "root")
    client.auth_exchange("DATA zz")
    client.auth_exchange("CANCEL")


@scenario(ONLY_COOKIE, root=True)
def cookie_users(bus: Bus) -> None:
    """Users who do not exist, or are not the daemon's."""
    for user in ("no-such-user", "nobody", "65534", "", "-1", "é", "ro ot"):
        cookie_challenge(bus, user)
    client = bus.raw()
    client.send_raw(b"\0")
    client.auth_exchange("AUTH DBUS_COOKIE_SHA1")
    client.auth_exchange("DATA")
    client.auth_exchange("AUTH DBUS_COOKIE_SHA1 zz")
    client.auth_exchange("AUTH")


@scenario(ONLY_COOKIE, root=True)
def cookie_keyring(bus: Bus) -> None:
    """The file and folder that the daemon keeps."""
    cookie_challenge(bus, "root")
    keyrings = bus.directory / "home" / ".dbus-keyrings"
    for path in [keyrings, *sorted(keyrings.iterdir())]:
        bus.log(f"{path.name} {path.stat().st_mode:o}")
    for path in sorted(keyrings.iterdir()):
        for line in path.read_text().splitlines():
            number, created, secret = line.split(" ")
            bus.log(f"cookie of {len(number) > 0} {len(created)} digits, "
                    f"{len(secret)} characters")
