#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Do both daemons accept and reject the same configuration files?

The files are those which the distribution installs with dbus's own tests; they are read where they
lie. As part of run.py only the verdicts are compared; run alone it prints the messages as well.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import wire  # noqa: E402
from client import Client, as_user  # noqa: E402
from daemons import DEBUG_BUILD, STOCK, DaemonFailure  # noqa: E402
from fixture import SCENARIOS, Bus, Scenario, temporary_directory  # noqa: E402
from normalise import Normaliser  # noqa: E402

DATA = Path(DEBUG_BUILD) / "libexec/installed-tests/dbus/data"


def config_files() -> list[Path]:
    """Every configuration file of the installed tests."""
    return sorted(DATA.rglob("*.conf")) if DATA.is_dir() else []


def prepare(bus: Bus, path: Path) -> Path:
    """Copy the file's folder, and let it listen below the test's own directory, as any user.

    A file which says nowhere to listen stays without; that is for the daemon to judge.
    """
    top = DATA / path.relative_to(DATA).parts[0]
    copy = bus.directory / "data" / top.name
    shutil.copytree(top, copy, dirs_exist_ok=True)
    target = copy / path.relative_to(top)
    text = target.read_text(errors="surrogateescape")
    text = text.replace("@TEST_LISTEN@", f"unix:tmpdir={bus.directory}")
    text = text.replace("unix:tmpdir=/tmp", f"unix:tmpdir={bus.directory}")
    text = text.replace("<listen>unix:runtime=yes", f"<listen>unix:dir={bus.directory}")
    target.write_text(text, errors="surrogateescape")
    return target


def judge(bus: Bus, path: Path) -> tuple[str, str]:
    """Start the daemon with the file: its verdict, and the message of a rejection."""
    target = prepare(bus, path)
    bus.directory.chmod(0o777)
    daemon = bus.another_daemon()
    read_end, write_end = os.pipe()
    daemon.spawn([f"--config-file={target}", "--nofork", "--nopidfile",
                  f"--print-address={write_end}"], pass_fds=(write_end,))
    os.close(write_end)
    try:
        address = os.read(read_end, 4096)
    finally:
        os.close(read_end)
    if address and daemon.serves(address.decode().strip()):
        return "accepted", ""
    status = daemon.wait()
    message = daemon.stderr().replace(str(bus.directory), "@DIR@")
    return f"rejected with exit status {status}", message


def verdict(bus: Bus, path: Path) -> None:
    """The scenario: the verdict alone is compared."""
    bus.log(judge(bus, path)[0])


def behave(bus: Bus, path: Path) -> list[str]:
    """Start with an installed file made harmless, and see what clients may do under it."""
    target = prepare(bus, path)
    for file in target.parent.rglob("*.conf"):
        text = file.read_text().replace("<user>mybususer</user>", "")
        text = re.sub(r"<listen>unix:path=.*?</listen>",
                      f"<listen>unix:path={bus.directory}/socket</listen>", text)
        file.write_text(text.replace("tcp:port=1234", "tcp:host=127.0.0.1,port=0"))
    daemon = bus.another_daemon()
    daemon.start(f"<busconfig><include>{target}</include></busconfig>")
    lines: list[str] = []
    for uid in (None, 65534):
        with as_user(uid):
            client = Client(f"user {uid}", f"unix:path={bus.directory}/socket", lines.append)
        client.authenticate(identity=uid)
        client.send(wire.call(wire.DRIVER, wire.DRIVER_PATH, wire.DRIVER, "Hello"))
        client.send(wire.call(wire.DRIVER, wire.DRIVER_PATH, wire.DRIVER, "GetId"))
        client.send_raw(wire.call(wire.DRIVER, wire.DRIVER_PATH, "com.example.Long", "X" * 255,
                                  "s", ["x" * 300], serial=9).encode())
        if "max_message_size" in path.parent.joinpath(f"{path.parent.name}-1.conf").read_text():
            client.expect_disconnect()
        else:
            client.shut_down()
        client.close()
    daemon.stop()
    return Normaliser({}).lines(lines)


def equivalent(bus: Bus, paths: list[Path]) -> None:
    """The scenario for files which say the same in other words: clients notice no difference."""
    first, second = (behave(bus, path) for path in paths)
    for line in first:
        bus.log(line)
    bus.log(f"the same with both files: {first == second}")


def register() -> None:
    """Add a scenario for each file, and for each pair of equivalent ones."""
    for folder in sorted((DATA / "equiv-config-files").glob("*")):
        pair = sorted(folder.glob("*.conf"))
        SCENARIOS.append(Scenario(f"verdicts.equivalent[{folder.name}]", equivalent, None, True,
                                  (), pair, True))
    for path in config_files():
        name = f"verdicts.{path.relative_to(DATA)}"
        SCENARIOS.append(Scenario(name, verdict, None, os.geteuid() == 0, (), path, True))


def main() -> int:
    """Print both verdicts and messages for each file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    default = Path(__file__).resolve().parent.parent.parent / "build" / "bus" / "dbus-daemon"
    parser.add_argument("--ours", default=str(default))
    parser.add_argument("--stock", default=STOCK)
    options = parser.parse_args()
    counts = [0, 0]
    for path in config_files():
        top = temporary_directory()
        answers = []
        for binary, name in ((options.stock, "a"), (options.ours, "b")):
            bus = Bus(binary, top / name)
            answers.append(judge(bus, path))
            try:
                bus.finish(False)
            except DaemonFailure as exc:
                answers[-1] = (f"failed: {exc}", "")
        shutil.rmtree(top, ignore_errors=True)
        agree = answers[0][0] == answers[1][0]
        counts[not agree] += 1
        print(f"{'ok' if agree else 'not ok'} - {path.relative_to(DATA)}: {answers[0][0]}"
              + ("" if agree else f", ours {answers[1][0]}"))
        if answers[0][1] or answers[1][1]:
            print(f"#   stock: {answers[0][1].strip()}\n#   ours:  {answers[1][1].strip()}")
    print(f"{counts[0]} passed, {counts[1]} failed")
    return 1 if counts[1] else 0


if __name__ == "__main__":
    sys.exit(main())
