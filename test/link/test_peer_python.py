#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An implementation of doc/peer-links.md that was made from the document, on a bus with our own."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import socket
import sys
import time
from typing import Callable

import peer_python  # noqa: F401  pylint: disable=unused-import
import wire
from peer_python import (BUS, BUS_PATH, FRAME, LET_THROUGH, LINKS, MAX_CALLS, MAX_PACKET, QUEUED,
                         SHARE, VERSION, Link, Peer, clock_now)
from python_scene import ECHO, MANY, Scene, call_of, link_up, listing, pair_up, run_cases

N = 1000

SIZE_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
F_SEAL_FUTURE_WRITE = 0x10  # fcntl(2); Python has no name for it.


def is_echo(message: wire.Message) -> bool:
    """Whether it is one of the calls of these tests."""
    return message.member == "Echo"


def numbers(peer: Peer, count: int) -> list[int]:
    """The numbers in the next calls."""
    return [peer.take_received(is_echo).message.body[0] for _ in range(count)]


def test_calls_a_program_on_the_library(scene: Scene) -> None:
    """Calls by unique name and by name cross the link, are answered, and are counted."""
    peer = scene.peer()
    scene.echo(peer)
    link = link_up(peer, ECHO)
    for i in range(N):
        road, reply = peer.round_trip(call_of(link.peer if i % 2 else ECHO, body=[i]))
        assert road is link and reply.type == wire.METHOD_RETURN and reply.sender == link.peer
    [(number, _, _, *ends)] = listing(peer)[0]
    told = {name: (messages, size) for name, messages, size in ends}
    assert number == link.number and told[peer.unique] == (link.n_sent, link.bytes_sent)
    assert told[link.peer][0] >= N


def test_serves_a_program_on_the_library(scene: Scene) -> None:
    """The program calls by the link; all its calls are answered, none twice."""
    peer = scene.peer()
    peer.call(BUS, BUS_PATH, BUS, "RequestName", "su", ["com.example.Python", 0])
    child = scene.start("dbus-test-tool", "spam", "--dest=com.example.Python", f"--count={N}",
                        "--queue=8")
    by_link = 0
    for _ in range(N):
        got = peer.take_received(lambda m: m.type == wire.METHOD_CALL, "a call")
        by_link += got.link is not None
        peer.send(wire.method_return(got.message.sender, got.message.serial))
    output, _ = child.communicate(timeout=20)
    assert child.returncode == 0, output
    assert by_link > N - MANY and not peer.received, (by_link, peer.received)


def test_descriptors_cross(scene: Scene) -> None:
    """Those of a message come with it, and no others."""
    first, second = scene.peer(), scene.peer()
    link = pair_up(first, second)
    for count in (0, 1, 16):
        pipes = [os.pipe() for _ in range(count)]
        road = first.send(call_of(second.unique, sig="u" + "h" * count,
                                  body=[count, *range(count)], fds=[r for r, _ in pipes],
                                  flags=wire.NO_REPLY))
        assert road is link
        message = second.take_received(is_echo).message
        assert len(message.fds) == count
        for fd, (reading, writing) in zip(message.fds, pipes):
            os.write(writing, b"x")
            assert os.read(fd, 1) == b"x"
            for each in (fd, reading, writing):
                os.close(each)
    # The bus disconnects who sends it so many.
    too_many = call_of(second.unique, fds=[0] * 17)
    assert first.link_for(too_many) is None and first.link_for(call_of(second.unique)) is link


def test_limits_of_the_bus_hold(scene: Scene) -> None:
    """Where its limit for descriptors is another, or it takes no packets as large as ours."""
    with Scene(scene.daemon.binary, str(scene.tools),
               '<limit name="max_message_unix_fds">2</limit>') as few:
        first, second = few.peer(), few.peer()
        link = pair_up(first, second)
        assert first.link_for(call_of(second.unique, fds=[0] * 2)) is link
        assert first.link_for(call_of(second.unique, fds=[0] * 3)) is None
    with Scene(scene.daemon.binary, str(scene.tools),
               '<limit name="max_message_size">98303</limit>') as small:
        first, second = small.peer(), small.peer()
        for _ in range(MANY):
            first.send(call_of(second.unique, flags=wire.NO_REPLY))
            second.take_received(is_echo)
            first.turn()
        assert [pair[3] for pair in listing(first)[1]] == ["the bus takes only small messages"]


def test_two_roads_keep_the_order(scene: Scene) -> None:
    """Messages that are too large for the link are not overtaken by what is sent behind them."""
    first, second = scene.peer(), scene.peer()
    pair_up(first, second)
    dice, roads = random.Random(1), set()
    for start in range(0, 300, 20):
        for i in range(start, start + 20):
            size = 100000 if dice.random() < 0.2 else 10
            roads.add(first.send(call_of(second.unique, sig="uay", body=[i, bytes(size)],
                                         flags=wire.NO_REPLY)) is None)
            if dice.random() < 0.5:
                time.sleep(0.0005)
        assert numbers(second, 20) == list(range(start, start + 20))
    assert roads == {True, False}


def test_three_that_are_linked_keep_causes_first(scene: Scene) -> None:
    """A calls B, then C, which calls B: B has A's call first."""
    first, second, third = scene.peer(), scene.peer(), scene.peer()
    pair_up(third, second)
    pair_up(first, second)
    pair_up(first, third)
    for i in range(300):
        assert first.send(call_of(second.unique, body=[2 * i], flags=wire.NO_REPLY))
        assert first.send(call_of(third.unique, body=[0], flags=wire.NO_REPLY))
        numbers(third, 1)
        assert third.send(call_of(second.unique, body=[2 * i + 1], flags=wire.NO_REPLY))
        assert numbers(second, 2) == [2 * i, 2 * i + 1]


def test_a_name_that_moves_ends_the_link(scene: Scene) -> None:
    """The old owner gets nothing more by that name."""
    first, second, third = scene.peer(), scene.peer(), scene.peer(False)
    name = "com.example.Moves"
    second.call(BUS, BUS_PATH, BUS, "RequestName", "su", [name, 1])
    link = pair_up(first, second)
    assert first.send(call_of(name, flags=wire.NO_REPLY)) is link
    third.call(BUS, BUS_PATH, BUS, "RequestName", "su", [name, 2])
    # The bus has ended it before the reply, though nobody has read that yet.
    assert not link.send_packet(b"x")
    assert first.send(call_of(name, body=[7], flags=wire.NO_REPLY)) is None
    assert numbers(third, 1) == [7] and numbers(second, 1) == [1]
    first.wait_for(lambda: not first.links, "the end of the link")


def test_a_callee_that_dies_is_told_of(scene: Scene) -> None:
    """A call that went over the link is answered by the bus in the callee's place."""
    peer, victim = scene.peer(), scene.peer()
    assert pair_up(peer, victim)
    calls = [call_of(victim.unique) for _ in range(5)]
    assert all(peer.send(call) for call in calls)
    scene.drop(victim)
    for call in calls:
        reply = peer.take_received(lambda m, s=call.serial: m.reply_serial == s).message
        assert reply.error == "org.freedesktop.DBus.Error.NoReply" and reply.sender == BUS
    assert not peer.links


def test_a_monitor_ends_links(scene: Scene) -> None:
    """And is shown all that is said from its first moment on; links come back after it."""
    first, second, monitor = scene.peer(), scene.peer(), scene.peer(False)
    link = pair_up(first, second)
    monitor.call(BUS, BUS_PATH, "org.freedesktop.DBus.Monitoring", "BecomeMonitor", "asu", [[], 0])
    for i in range(MANY):
        assert first.send(call_of(second.unique, body=[i], flags=wire.NO_REPLY)) is None
        first.turn()
    assert numbers(second, MANY) == numbers(monitor, MANY) == list(range(MANY))
    scene.drop(monitor)
    assert pair_up(first, second).number != link.number


def test_one_that_wants_no_more_links_gets_none(scene: Scene) -> None:
    """However busy it is."""
    first, second = scene.peer(), scene.peer()
    pair_up(first, second)
    second.call_without_reply("DisableLinks", "", [])
    first.wait_for(lambda: not first.links, "the end of the link")
    second.wait_for(lambda: not second.links, "the end of the link")
    for _ in range(MANY):
        first.send(call_of(second.unique, flags=wire.NO_REPLY))
        second.take_received(is_echo)
        first.turn()
    assert not first.links and not second.links
    assert [pair[3] for pair in listing(first)[1]] == ["one end wants no links, or has gone"]


def test_an_end_can_be_shut_down_at_any_time(scene: Scene) -> None:
    """What was sent before comes, what is sent after goes by the bus, nothing twice."""
    first, second = scene.peer(), scene.peer()
    link = pair_up(first, second)
    for i in range(20):
        assert first.send(call_of(second.unique, body=[i], flags=wire.NO_REPLY)) is link
    next(iter(second.links)).socket.shutdown(socket.SHUT_RDWR)
    for i in range(20, 40):
        assert first.send(call_of(second.unique, body=[i], flags=wire.NO_REPLY)) is None
    assert numbers(second, 40) == list(range(40))
    second.wait_for(lambda: not second.links, "the end of the link")
    assert not second.received


def test_refused_with_another_clock_or_version(scene: Scene) -> None:
    """Whoever asks is told why."""
    for version, now, why in ((VERSION, clock_now() + 10**10, "another clock"),
                              (VERSION, clock_now() - 10**10, "another clock"),
                              (VERSION + 1, clock_now(), "another version")):
        reply = scene.peer(False).call(BUS, BUS_PATH, LINKS, "EnableLinks", "ut", [version, now])
        assert reply.error == "org.freedesktop.DBus.Error.NotSupported", reply.show()
        assert why in reply.body[0], reply.show()


def test_pages_and_sockets_are_what_the_page_says(scene: Scene) -> None:
    """Nobody can write the clock; a share that is read of a link is all that fits its socket."""
    first, second = scene.peer(), scene.peer()
    link = pair_up(first, second)
    assert first.clock and first.tally
    for page in (first.clock, link.clock):
        assert page.seals == SIZE_SEALS | F_SEAL_FUTURE_WRITE
    assert first.tally.seals == SIZE_SEALS
    assert link.socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 256 * 1024
    assert link.socket.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_SEQPACKET
    sizes = [1000]
    while link.send_packet(bytes(sizes[-1])):
        sizes.append(min(2 * sizes[-1], MAX_PACKET))
    # The last one was not taken; the one before that is read even if it goes beyond the share.
    assert sum(sizes[:-2]) < SHARE, sizes


def frame(link: Link, message: wire.Message, **change: int) -> bytes:
    """A packet with a message in it, but for what is to be changed."""
    data = message.encode()
    values = {"version": VERSION, "size": len(data), "stamp": link.clock.load(QUEUED),
              "time": clock_now()} | change
    return FRAME.pack(*values.values()) + data


def hostile_packets(peer: Peer, link: Link) -> dict[str, bytes]:
    """What ends a link."""
    call = call_of(link.peer, serial=7)
    data = call.encode()
    return {
        "nothing but a few bytes": b"x",
        "no message": FRAME.pack(VERSION, 0, 0, 0),
        "a version of the future": frame(link, call, version=2),
        "a size that is not its own": frame(link, call, size=len(data) + 8),
        "a truncated message": frame(link, call)[:-8],
        "more behind the message": frame(link, call) + bytes(8),
        "a stamp of the future": frame(link, call, stamp=link.clock.load(QUEUED) + 1000),
        "a forged sender": frame(link, call_of(link.peer, serial=7, extra=[(wire.SENDER, BUS)])),
        "its own sender": frame(link, call_of(link.peer, serial=7,
                                              extra=[(wire.SENDER, peer.unique)])),
        "another destination": frame(link, call_of(peer.unique, serial=7)),
        "a name that is not the peer's": frame(link, call_of("com.example.Other", serial=7)),
        "no destination": frame(link, wire.signal("/", INTERFACE_NAME, "Echo", serial=7)),
        "an invalid path": frame(link, wire.call(link.peer, "no/path", None, "Echo", serial=7)),
        "no serial": frame(link, call_of(link.peer, serial=0)),
        "an invalid body": frame(link, call_of(link.peer, sig="s", body=[b"\xff"], serial=7)),
        "an unknown type": frame(link, wire.build(5, [(wire.DESTINATION, link.peer)], serial=7)),
        "descriptors that it has not": frame(link, call_of(link.peer, serial=7,
                                                           extra=[(wire.UNIX_FDS, 3)])),
    }


INTERFACE_NAME = "com.example.Link"


def test_hostile_packets_end_the_link_and_nothing_else(scene: Scene) -> None:
    """The program at the other end goes on, with others and by the bus."""
    bystander = scene.peer()
    child = scene.echo(bystander)
    link_up(bystander, ECHO)
    bystander_link = bystander.links[0]
    kinds = len(hostile_packets(bystander, bystander_link)) + 2
    for kind in range(kinds):
        peer = scene.peer()
        link = link_up(peer, ECHO)
        packets = hostile_packets(peer, link)
        name = [*packets, "descriptors that nothing tells of", "too many descriptors"][kind]
        fds = {"descriptors that nothing tells of": [0, 1],
               "too many descriptors": [0] * 17}.get(name, [])
        told = call_of(link.peer, serial=7, fds=fds if len(fds) == 17 else [])
        assert link.send_packet(packets.get(name, frame(link, told)), fds), name
        peer.wait_for(lambda p=peer: not p.links, f"the end after {name}")
        # What came of it, if anything: it must not be a reply to the hostile call.
        road, reply = peer.round_trip(call_of(ECHO))
        assert road is None and reply.type == wire.METHOD_RETURN, name
        assert bystander.round_trip(call_of(ECHO))[0] is bystander_link, name
        scene.drop(peer)
    assert child.poll() is None


def test_hostile_replies_are_not_taken(scene: Scene) -> None:
    """Neither those to calls never made, nor those to calls that others are to answer."""
    first, second, third = scene.peer(), scene.peer(), scene.peer()
    link = pair_up(first, second)
    call = call_of(third.unique)
    assert first.send(call) is None
    third.take_received(is_echo)
    end = next(iter(second.links))
    for serial in (call.serial, 4711):
        assert end.send_packet(frame(end, wire.method_return(first.unique, serial, serial=9)))
    # By the bus it is a matter of policy, which lets it pass here.
    second.send_by_bus(wire.method_return(first.unique, 4711, serial=10))
    forged = first.take_received(lambda m: m.reply_serial == 4711)
    assert forged.link is None and forged.message.serial == 10
    third.send(wire.method_return(first.unique, call.serial, "s", ["true"]))
    reply = first.take_received(lambda m: m.reply_serial == call.serial).message
    assert reply.sender == third.unique and reply.body == ["true"]
    assert not first.received and first.links == [link]


def test_a_reply_ahead_of_its_call_is_not_taken(scene: Scene) -> None:
    """One that guesses the serial of a call to another, which the bus has not read yet."""
    first, second, third = scene.peer(), scene.peer(), scene.peer()
    pair_up(first, second)
    scene.daemon.signal(signal.SIGSTOP)
    call = call_of(third.unique)
    second.send_by_bus(wire.method_return(first.unique, first.serial + 1, serial=10))
    first.send(call)
    scene.daemon.signal(signal.SIGCONT)
    third.take_received(is_echo)
    third.send(wire.method_return(first.unique, call.serial))
    reply = first.take_received(lambda m: m.reply_serial == call.serial).message
    assert reply.sender == third.unique


def test_calls_are_limited(scene: Scene) -> None:
    """Calls over links count with those by the bus, when one is made that may be too many."""
    first, second, third = scene.peer(), scene.peer(), scene.peer()
    link = pair_up(first, second)
    most = first.clock.load(MAX_CALLS)
    calls = [call_of(second.unique) for _ in range(most)]
    assert all(first.send(call) is link for call in calls)
    for peer in (second, third):
        refused = call_of(peer.unique)
        assert first.send(refused) is None
        reply = first.take_received(lambda m, serial=refused.serial: m.reply_serial == serial)
        assert reply.message.error == "org.freedesktop.DBus.Error.LimitsExceeded"
    second.take_received(is_echo)
    second.send(wire.method_return(first.unique, calls[0].serial))
    first.take_received(lambda m: m.reply_serial == calls[0].serial)
    assert first.send(call_of(second.unique)) is link


def test_a_flag_that_is_the_bus_s_alone(scene: Scene) -> None:
    """A callee that sets it on its own reply does not have the reply lost."""
    first, second = scene.peer(), scene.peer()
    pair_up(first, second)
    call = call_of(second.unique, serial=first.next_serial())
    first.send_by_bus(call)
    first.bus_calls[call.serial] = second.unique
    second.take_received(is_echo)
    second.send_by_bus(wire.method_return(first.unique, call.serial, serial=99,
                                          flags=LET_THROUGH))
    reply = first.take_received(lambda m: m.reply_serial == call.serial).message
    assert reply.type == wire.METHOD_RETURN and not reply.flags & LET_THROUGH


CASES: list[Callable[[Scene], None]] = [
    case for name, case in globals().items() if name.startswith("test_")]

if __name__ == "__main__":
    sys.exit(run_cases(CASES))
