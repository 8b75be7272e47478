#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What administrators are shown of peer links: ListLinks, Debug.Stats, and dbus-links."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable

import peer_python  # noqa: F401  pylint: disable=unused-import
import daemons
import wire
from peer_python import BUS, BUS_PATH, LINKS, Peer
from python_scene import ECHO, MANY, Scene, call_of, link_up, pair_up, run_cases, wait_until

STATS = "org.freedesktop.DBus.Debug.Stats"
MANUAL = Path(__file__).resolve().parents[2] / "doc" / "dbus-links.1.scd"
NOBODY = 65534
# What no terminal should get: controls, and what turns the direction of a text.
HIDDEN = [chr(c) for c in (*range(0x20), *range(0x7f, 0xa0), 0x202e, 0x2066)]


def shown(scene: Scene) -> Any:
    """What dbus-links --json prints, as an object."""
    done = scene.run("dbus-links", f"--address={scene.daemon.address}", "--json")
    assert done.returncode == 0 and not done.stderr, done
    assert done.stdout.count("\n") == 1, done.stdout
    return json.loads(done.stdout)


def stats(peer: Peer, *name: str) -> dict[str, Any]:
    """The bus's statistics, or those of a connection."""
    member = "GetConnectionStats" if name else "GetStats"
    reply = peer.call(BUS, BUS_PATH, STATS, member, "s" if name else "", list(name))
    return {key: variant.value for key, variant in reply.body[0]}


def test_a_link_is_shown_whole(scene: Scene) -> None:
    """Who, since when, and what went over it."""
    peer = scene.peer()
    child = scene.echo(peer)
    link = link_up(peer, ECHO)
    for _ in range(99):
        peer.round_trip(call_of(ECHO))
    listing = shown(scene)
    [shown_link] = listing["links"]
    ours, its = sorted(shown_link["ends"], key=lambda end: end["name"] != peer.unique)
    assert shown_link["id"] == link.number
    assert 0 <= shown_link["idle_ms"] <= shown_link["age_ms"] < 60000
    assert ours["messages_sent"] == link.n_sent and ours["bytes_sent"] == link.bytes_sent
    assert ours["pid"] == os.getpid() and ours["uid"] == os.getuid() and not ours["names"]
    assert its["name"] == link.peer and its["names"] == [ECHO] and its["pid"] == child.pid
    assert its["command"].endswith(f"dbus-test-tool echo --name={ECHO}")
    assert its["messages_sent"] >= 99
    total = sum(end["messages_sent"] for end in (ours, its))
    totals = listing["totals"]
    assert (totals["Links"], totals["LinksEver"], totals["Messages"]) == (1, 1, total)
    assert totals["ConnectionsWithLinks"] == 2 and totals["MaxLinks"] == 1024
    table = scene.run("dbus-links", f"--address={scene.daemon.address}").stdout
    for row in (rf"^ *{link.number}  +\d+\.\d s  +\d\.\d s  :1\.\d ",
                rf" {link.peer} +{child.pid} .* {ECHO} +\S*dbus-test-tool echo",
                rf" {peer.unique} +{os.getpid()} +{os.getuid()} +{link.n_sent} ",
                r"^Links: 1 now, 1 ever; at most 1024 at a time\.$"):
        assert re.search(row, table, re.MULTILINE), f"{row}\n{table}"


def test_totals_outlive_links(scene: Scene) -> None:
    """What went over links that are closed still counts."""
    first, second = scene.peer(), scene.peer()
    link = pair_up(first, second)
    for _ in range(50):
        assert first.send(call_of(second.unique, flags=wire.NO_REPLY)) is link
    scene.drop(second)
    first.wait_for(lambda: not first.links, "the end of the link")
    listing = shown(scene)
    assert not listing["links"]
    totals = listing["totals"]
    assert totals["Links"] == 0 and totals["LinksEver"] == 1
    assert totals["Messages"] == link.n_sent >= 50 and totals["Bytes"] == link.bytes_sent


def reason_of(scene: Scene, first: Peer, second: Peer) -> str | None:
    """Why two have no link."""
    names = {first.unique, second.unique}
    reasons = [pair["reason"] for pair in shown(scene)["not_linked"]
               if {end["name"] for end in pair["ends"]} == names]
    assert len(reasons) <= 1
    return reasons[0] if reasons else None


def talk(first: Peer, second: Peer, count: int = MANY) -> None:
    """Have one say much to the other."""
    for _ in range(count):
        first.send(call_of(second.unique, flags=wire.NO_REPLY))
        second.take_received(lambda m: m.member == "Echo")
        first.turn()


def test_pairs_without_a_link_have_a_reason(scene: Scene) -> None:
    """Whoever of them has not joined in, or wants no more."""
    old, older, new, newer = scene.peer(False), scene.peer(False), scene.peer(), scene.peer()
    not_asked = "one end has not asked for links"
    assert reason_of(scene, old, older) is None
    for pair in ((old, older), (old, new), (newer, older)):
        talk(*pair)
        assert reason_of(scene, *pair) == not_asked, pair
    talk(new, newer, 5)
    assert reason_of(scene, new, newer) == "not busy enough"
    pair_up(new, newer)
    assert reason_of(scene, new, newer) is None
    late = Peer(scene.daemon.address)
    late.enable_links(now=peer_python.clock_now() - 10**10)
    talk(late, new)
    assert reason_of(scene, late, new) == "one end has another clock"
    counts = [pair["messages"] for pair in shown(scene)["not_linked"]]
    assert counts == sorted(counts, reverse=True) and counts[0] == MANY, counts
    late.close()
    new.wait_for(lambda: reason_of(scene, late, new) is None, "the end of the pair")


def test_a_bus_that_has_them_switched_off(scene: Scene) -> None:
    """Says so, to those that ask and to administrators."""
    with Scene(scene.daemon.binary, str(scene.tools), '<?peer-links enabled="no"?>') as off:
        first, second = off.peer(), off.peer()
        talk(first, second)
        assert reason_of(off, first, second) == "links are switched off"
        assert shown(off)["totals"]["MaxLinks"] == 0
        table = off.run("dbus-links", f"--address={off.daemon.address}").stdout
        assert table.startswith("No links.\n") and "they are switched off" in table
        assert re.search(rf"^ +{MANY}  links are switched off +{first.unique} ", table,
                         re.MULTILINE), table


def test_they_can_be_switched_off_while_it_runs(scene: Scene) -> None:
    """Those that there are end, others do not come; and they do when it is switched on again."""
    first, second = scene.peer(), scene.peer()
    pair_up(first, second)
    for switch in ("no", "yes"):
        scene.daemon.write("bus.conf",
                           daemons.config(extra=f'<?peer-links enabled="{switch}"?>'))
        first.call(BUS, BUS_PATH, BUS, "ReloadConfig")
        if switch == "no":
            first.wait_for(lambda: not first.links, "the end of the link")
            talk(first, second)
            assert not first.links
            assert reason_of(scene, first, second) == "links are switched off"
    pair_up(first, second)


def test_limits_are_told_as_such(scene: Scene) -> None:
    """By a counter of a user that goes down again."""
    limit = '<?peer-links max_per_user="2"?>'
    with Scene(scene.daemon.binary, str(scene.tools), limit) as few:
        first, second, third = few.peer(), few.peer(), few.peer()
        for _ in range(3):
            pair_up(first, second)
            talk(first, third)
            assert reason_of(few, first, third) == "too many links"
            # Each time another end goes: all have to be counted down.
            few.drop(second)
            first.wait_for(lambda: not first.links, "the end of the link")
            second = few.peer()


def test_statistics_have_links(scene: Scene) -> None:
    """Of the bus, and of one connection."""
    first, second, third = scene.peer(), scene.peer(), scene.peer(False)
    before = stats(third)
    assert before["PeerLinks"] == before["PeakPeerLinks"] == 0
    assert before["PeerLinkConnections"] == 2
    link = pair_up(first, second)
    now = stats(third)
    assert now["PeerLinks"] == now["PeakPeerLinks"] == now["PeakPeerLinksPerConnection"] == 1
    for _ in range(10):
        assert first.send(call_of(second.unique, flags=wire.NO_REPLY)) is link
    one = stats(third, first.unique)
    assert one["PeerLinks"] == one["PeakPeerLinks"] == 1
    assert (one["PeerLinkMessages"], one["PeerLinkBytes"]) == (link.n_sent, link.bytes_sent)
    scene.drop(second)
    first.wait_for(lambda: not first.links, "the end of the link")
    one, now = stats(third, first.unique), stats(third)
    assert one["PeerLinks"] == now["PeerLinks"] == 0
    assert one["PeakPeerLinks"] == now["PeakPeerLinks"] == 1
    assert one["PeerLinkMessages"] == link.n_sent
    none = stats(third, third.unique)
    assert none["PeerLinks"] == none["PeerLinkMessages"] == 0


def test_the_list_is_in_the_introspection(scene: Scene) -> None:
    """With the type that is in the document."""
    text = scene.peer(False).call(BUS, BUS_PATH, "org.freedesktop.DBus.Introspectable",
                                  "Introspect").body[0]
    part = text.partition('<method name="ListLinks">')[2].partition("</method>")[0]
    assert re.findall('type="([^"]*)"', part) == ["a(utt(stt)(stt))", "a(ssts)", "a(suuas)",
                                                  "a{sv}"]
    document = (MANUAL.parent / "peer-links.md").read_text(encoding="utf-8")
    told = re.search(r"\*\*ListLinks\*\*\(\) → \((.*?)\)(?=:)", document, re.DOTALL)
    assert told and [word.split()[0] for word in told[1].split(",")] == [
        "a(utt(stt)(stt))", "a(ssts)", "a(suuas)", "a{sv}"], told


def test_the_view_is_renewed(scene: Scene) -> None:
    """With --watch: each is a whole one, and rates follow."""
    first, second = scene.peer(), scene.peer()
    link = pair_up(first, second)
    for more, pattern in ((["--json"], None), ([], rf" {first.unique} .* ([1-9]\d*)  -  ")):
        child = scene.start("dbus-links", f"--address={scene.daemon.address}", "--watch=0.05",
                            *more)
        assert child.stdout
        seen: list[str] = []
        for line in child.stdout:
            talk(first, second, 20)
            seen.append(line)
            if pattern is None and len(seen) == 4:
                break
            if pattern and re.search(pattern, line):
                break
            assert len(seen) < 200, seen
        child.kill()
        if pattern is None:
            counts = [json.loads(line)["totals"]["Messages"] for line in seen]
            assert counts == sorted(counts) and counts[-1] > counts[0], counts
    assert first.links == [link]


def show_command(scene: Scene, evil: bytes, encoding: str, table: str) -> None:
    """Run a process that calls itself what it likes, and look at how it is shown."""
    peer = scene.peer()
    child = subprocess.Popen(  # pylint: disable=consider-using-with
        [evil, "echo", f"--name={ECHO}"], executable=scene.tools / "dbus-test-tool",
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=scene.environment(),
        preexec_fn=daemons.die_with_parent)
    try:
        wait_until(lambda: bool(peer.call(BUS, BUS_PATH, BUS, "NameHasOwner", "s",
                                          [ECHO]).body[0]), "the echo's name")
        link_up(peer, ECHO)
        commands = {end["command"] for end in shown(scene)["links"][0]["ends"]}
        assert f"{evil.decode(encoding)} echo --name={ECHO}" in commands, commands
        for options in ((), ("--json",)):
            done = scene.run("dbus-links", f"--address={scene.daemon.address}", *options)
            assert not any(c in done.stdout.replace("\n", "") for c in HIDDEN), done.stdout
            assert options or f" {table} echo" in done.stdout, done.stdout
    finally:
        child.kill()
        child.wait()


def test_commands_cannot_write_on_the_terminal(scene: Scene) -> None:
    """Neither by bytes nor by characters: some are controls, some turn what is behind them."""
    show_command(scene, b'\x1b[31m"\\\n\xff\xc3\xa9 \x7f', "latin-1", '?[31m"\\???? ?')
    show_command(scene, "\x9b31m\x80\u00e9\u202ex\u2066\U0001f600\x7f".encode(), "utf-8",
                 "?31m?\u00e9?x?\U0001f600?")


def refuse(listener: socket.socket, text: str) -> None:
    """The part of a bus that lets somebody in, and answers what it is told first with an error."""
    client = listener.accept()[0]
    with client, client.makefile("rwb", 0) as stream:
        while not (line := stream.readline()).startswith(b"BEGIN"):
            stream.write({b"AUTH": b"OK " + b"0" * 32, b"NEGO": b"AGREE_UNIX_FD"}.get(
                line.lstrip(b"\0")[:4], b"ERROR") + b"\r\n")
        data = b""
        while not wire.message_size(data) or len(data) < (wire.message_size(data) or 0):
            data += client.recv(4096)
        client.sendall(wire.error(":1.1", wire.decode(data).serial, "a.b", "s", [text],
                                  serial=1).encode())


def test_a_bus_cannot_write_on_the_terminal(scene: Scene) -> None:
    """It need not be one of ours, but with --address somebody else's."""
    with socket.socket(socket.AF_UNIX) as listener:
        path = f"{scene.directory.name}/another"
        listener.bind(path)
        listener.listen()
        thread = threading.Thread(target=refuse, args=(listener, "\x1b[31m\x9b\u00e9\u202e\n"))
        thread.start()
        done = scene.run("dbus-links", f"--address=unix:path={path}")
        thread.join()
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr == "dbus-links: a.b: ?[31m?\u00e9??\n", done.stderr


def test_other_buses_have_none(scene: Scene) -> None:
    """Said plainly, with exit status 1."""
    if not os.access(daemons.STOCK, os.X_OK):
        return
    with Scene(daemons.STOCK, str(scene.tools)) as stock:
        done = stock.run("dbus-links", f"--address={stock.daemon.address}")
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr == "dbus-links: this bus has no peer links\n", done.stderr


def test_only_those_who_may(scene: Scene) -> None:
    """Another user is refused; so is who calls the method by hand."""
    if os.geteuid():
        return
    directory = scene.daemon.directory
    directory.chmod(0o755)
    # Others may not be able to read the build tree.
    tool = shutil.copy(scene.tools / "dbus-links", directory)
    shutil.copy(scene.tools.parent / "dbus" / "libdbus-1.so.3", directory)
    done = subprocess.run(
        [tool, f"--address={scene.daemon.address}"], user=NOBODY, group=NOBODY, extra_groups=[],
        env={**scene.environment(), "LD_LIBRARY_PATH": str(directory)}, cwd=directory,
        capture_output=True, text=True, check=False)
    assert done.returncode == 1 and not done.stdout, done
    assert "only root and the user that the bus runs as" in done.stderr, done


def test_options(scene: Scene) -> None:
    """All are in the manual page; those that are wrong are refused."""
    done = scene.run("dbus-links", "--help")
    options = set(re.findall(r"--[a-z]+", done.stdout))
    assert done.returncode == 0 and not done.stderr
    assert options == {"--session", "--system", "--address", "--json", "--watch", "--help",
                       "--version"}
    assert options == set(re.findall(r"--[a-z]+", MANUAL.read_text(encoding="utf-8")))
    assert re.fullmatch(r"dbus-links \(dbus-direct\) [0-9.]+\n",
                        scene.run("dbus-links", "--version").stdout)
    for wrong in (["--nothing"], ["argument"], ["--watch=0"], ["--watch=x"], ["--watch=-1"],
                  ["--watch=nan"], ["--watch="], ["--address"]):
        done = scene.run("dbus-links", *wrong)
        assert (done.returncode, done.stdout) == (1, ""), wrong
        assert done.stderr.endswith('Try "dbus-links --help".\n'), done
    assert scene.run("dbus-links", "--address=unix:path=/nonexistent/bus").returncode == 1
    assert scene.run("dbus-links").returncode == 0
    assert scene.run("dbus-links", "--session").returncode == 0


def test_the_list_wants_no_arguments(scene: Scene) -> None:
    """Like any method of the bus."""
    reply = scene.peer(False).call(BUS, BUS_PATH, LINKS, "ListLinks", "u", [1])
    assert reply.error == "org.freedesktop.DBus.Error.InvalidArgs"


CASES: list[Callable[[Scene], None]] = [
    case for name, case in globals().items() if name.startswith("test_")]

if __name__ == "__main__":
    sys.exit(run_cases(CASES))
