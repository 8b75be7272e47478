#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Install the packages in a Debian of their own, run its system bus, its services and a session, and
boot it: first with the distribution's packages, then with ours, then with the distribution's again.
Root only; it takes some minutes, a gigabyte of disk, and the machine's package sources.

Prints a table and TAP. The exit status is 77 where this cannot be done.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from boot import PACKAGES as BOOT_PACKAGES  # noqa: E402
from boot import STEPS, boot, cannot_boot  # noqa: E402
from services import PACKAGES, SERVICES, SESSION  # noqa: E402
from tree import SUITE, Tree  # noqa: E402

HERE = Path(__file__).resolve().parent
SKIPPED = 77
REPLACED = ("dbus", "dbus-bin", "dbus-daemon", "dbus-session-bus-common", "dbus-system-bus-common",
            "dbus-user-session", "dbus-x11", "libdbus-1-3", "libdbus-1-dev")
NAMESPACES = ("--mount", "--pid", "--fork", "--kill-child", "--net", "--ipc", "--uts")
RUN_TIME = 600.0
OVERRIDE = "/usr/lib/dbus-1.0/dbus-daemon-launch-helper"
Results = dict[str, Any]


class Tap:
    """Cases, as they are decided."""

    def __init__(self) -> None:
        self.count = 0
        self.failed = 0

    def case(self, name: str, ok: bool, detail: object = "", skip: str = "") -> None:
        """One case."""
        self.count += 1
        self.failed += not ok and not skip
        print(f"{'ok' if ok or skip else 'not ok'} {self.count} - {name}"
              f"{' # SKIP ' + skip if skip else ''}")
        if not ok and not skip and detail:
            for line in str(detail).splitlines():
                print(f"#   {line}")
        sys.stdout.flush()


def cannot_run() -> str:
    """Why this cannot be done; "" if it can."""
    if os.geteuid():
        return "needs to be root"
    for program in ("debootstrap", "unshare", "chroot", "apt-get", "dpkg"):
        if not shutil.which(program):
            return f"needs {program}"
    if subprocess.run(["unshare", *NAMESPACES, "true"], check=False,
                      stderr=subprocess.DEVNULL).returncode:
        return "needs namespaces"
    return ""


def run_inside(tree: Tree, logs: Path) -> Results:
    """Run the bus and all services as they are installed now."""
    logs.mkdir()
    with open(logs / "run", "wb") as file:
        subprocess.run(
            ["unshare", *NAMESPACES, sys.executable, "-B", str(HERE / "inside.py"),
             "--root", str(tree.root), "--logs", str(logs)],
            check=False, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            timeout=RUN_TIME)
    results = logs / "results.json"
    if not results.exists():
        return {"bus": False, "said": (logs / "run").read_text(encoding="utf-8", errors="replace")}
    return json.loads(results.read_text(encoding="utf-8"))


def rows(results: Results) -> dict[str, Results]:
    """What became of each service, in the system and in the session."""
    session = {name: row for name, row in results.get("session", {}).items() if name != "links"}
    return {**results.get("services", {}), **session}


def verdict(row: Results) -> str:
    """A word for the table."""
    if row.get("cannot"):
        return "cannot run here"
    return "yes" if row.get("answered") else "NO"


def print_table(stock: Results, ours: Results) -> None:
    """All services, with both."""
    line = "{:22} {:10} {:10} {:16} {:16} {:>8} {:>8}"
    print(line.format("service", "started by", "(stock)", "answered", "(stock)", "denials",
                      "(stock)"))
    for name, theirs in rows(stock).items():
        row = rows(ours).get(name, {})
        print(line.format(name, row.get("by", "-"), theirs["by"], verdict(row), verdict(theirs),
                          len(row.get("denials", [])), len(theirs["denials"])))
    sys.stdout.flush()


def judge_run(tap: Tap, label: str, results: Results) -> None:
    """See that all is well with one set of packages."""
    tap.case(f"{label}: the system bus answers", bool(results["bus"]), results.get("said", ""))
    for name, row in rows(results).items():
        tap.case(f"{label}: {name} answers", row["answered"], f"{row['said']}\n{row['problem']}",
                 "cannot run here" if row["cannot"] else "")
    if results["bus"]:
        tap.case(f"{label}: the bus has lived through it", bool(results.get("alive")))


def judge_equal(tap: Tap, stock: Results, ours: Results) -> None:
    """See that both let and refuse the same."""
    for name, theirs in rows(stock).items():
        row = rows(ours).get(name, {})
        tap.case(f"{name}: started by the same", row.get("by") == theirs["by"],
                 f"ours: {row.get('by')}, stock: {theirs['by']}")
        tap.case(f"{name}: refused the same", row.get("refused") == theirs["refused"],
                 f"ours: {row.get('refused')}\nstock: {theirs['refused']}")
        # How often a service tries again is a matter of time.
        mine, other = Counter(row.get("denials", [])), Counter(theirs["denials"])
        tap.case(f"{name}: denials are equal", set(mine) == set(other),
                 "\n".join([*(f"ours: {line}" for line in sorted(set(mine) - set(other))),
                            *(f"stock: {line}" for line in sorted(set(other) - set(mine)))]))


def judge_unit(tap: Tap, stock: Results, ours: Results) -> None:
    """See that systemd starts both alike."""
    theirs, unit = stock.get("unit", {}), ours.get("unit", {})
    tap.case("unit: ready is told", any("READY=1" in text for text in unit.get("notified", [])),
             unit)
    tap.case("unit: what is told is equal", unit.get("notified") == theirs.get("notified"),
             f"ours: {unit.get('notified')}\nstock: {theirs.get('notified')}")
    tap.case("unit: it reloads", unit.get("reload") == 0, unit)
    tap.case("unit: it ends alike", unit.get("status") == theirs.get("status"), (unit, theirs))
    tap.case("units are understood", unit.get("verify") == theirs.get("verify"),
             f"ours: {unit.get('verify')}\nstock: {theirs.get('verify')}")


def judge_boot(tap: Tap, stock: dict[str, str], ours: dict[str, str], problem: str) -> None:
    """See that a system boots on both, and does the same."""
    for label, said in (("stock", stock), ("ours", ours)):
        for what in ("boots", "halts"):
            tap.case(f"{label}: a system {what}", said.get(what) == "yes", said, problem)
        for step in STEPS:
            text = said.get(step.label, "")
            tap.case(f"{label}: booted: {step.label}", bool(re.search(step.answer, text)), text,
                     problem)
    for step in STEPS:
        mine, theirs = ours.get(step.label, ""), stock.get(step.label, "")
        tap.case(f"booted: {step.label}: equal", mine == theirs, f"ours: {mine}\nstock: {theirs}",
                 problem)


def judge_links(tap: Tap, results: Results) -> None:
    """Show which pairs got links."""
    for bus, text in (("system", results.get("links", "")),
                      ("session", results.get("session", {}).get("links", {}).get("said", ""))):
        try:
            # Somebody else may have said something after that.
            links, _ = json.JSONDecoder().raw_decode(text.lstrip())
        except ValueError:
            tap.case(f"links of the {bus} bus are told", False, text)
            continue
        tap.case(f"links of the {bus} bus are told", True)
        if bus == "session":
            tap.case("two programs on the library have a link", bool(links["links"]))
        print(f"# {bus}: {json.dumps(links)[:2000]}")


def same_files(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Which files are others than before."""
    different = [path for path in sorted(before.keys() | after.keys())
                 if before.get(path) != after.get(path)]
    return "\n".join(f"{path}: {before.get(path)} -> {after.get(path)}" for path in different)


def verify(tap: Tap, label: str, tree: Tree) -> None:
    """See that files are those of their packages."""
    said = tree.dpkg("--verify", *REPLACED, check=False)
    tap.case(f"{label}: files are as packaged", not said.strip(), said)
    audit = tree.dpkg("--audit", check=False)
    tap.case(f"{label}: all is configured", not audit.strip(), audit)


def helper_mode(tree: Tree) -> str:
    """Mode and group of the launch helper."""
    path = tree.root / OVERRIDE.lstrip("/")
    if not path.exists():
        return "not there"
    status = path.stat()
    group = next((line.split(":")[0] for line in (tree.root / "etc" / "group").read_text(
        encoding="utf-8").splitlines() if line.split(":")[2] == str(status.st_gid)), "?")
    return f"{status.st_mode & 0o7777:o} {group}"


def prove(tap: Tap, tree: Tree, packages: Path, logs: Path) -> None:
    """Stock, ours, stock again; and ours taken away."""
    tree.update()
    tree.install(*REPLACED, *sorted({item.package for item in (*SERVICES, *SESSION)}), *PACKAGES,
                 *BOOT_PACKAGES)
    no_boot = cannot_boot()
    stock_versions = tree.versions(REPLACED)
    stock_files = tree.files(REPLACED)
    stock = run_inside(tree, logs / "stock")
    judge_run(tap, "stock", stock)
    stock_booted = {} if no_boot else boot(tree.root, logs / "stock" / "boot")

    files = tree.copy_in(packages)
    tree.install(*files)
    versions = tree.versions(REPLACED)
    tap.case("ours are installed in the place of the distribution's",
             set(versions) == set(REPLACED) and all("+direct" in v for v in versions.values()),
             versions)
    verify(tap, "ours", tree)
    tap.case("ours: the launch helper is setuid, for the bus alone",
             helper_mode(tree) == "4754 messagebus", helper_mode(tree),
             "not there" if helper_mode(tree) == "not there" else "")
    ours = run_inside(tree, logs / "ours")
    print_table(stock, ours)
    judge_run(tap, "ours", ours)
    judge_equal(tap, stock, ours)
    judge_unit(tap, stock, ours)
    judge_links(tap, ours)
    ours_booted = {} if no_boot else boot(tree.root, logs / "ours" / "boot")
    judge_boot(tap, stock_booted, ours_booted, no_boot)

    tree.install(*(f"{name}/{SUITE}" for name in REPLACED), options=["--allow-downgrades"])
    tap.case("the distribution's are installed again", tree.versions(REPLACED) == stock_versions,
             tree.versions(REPLACED))
    verify(tap, "stock again", tree)
    left = same_files(stock_files, tree.files(REPLACED))
    tap.case("stock again: files are those of before", not left, left)
    tap.case("stock again: nothing of ours is left", not left_behind(tree), left_behind(tree))
    again = run_inside(tree, logs / "again")
    judge_run(tap, "stock again", again)

    tree.install(*files)
    there = {path for path in tree.files(REPLACED)}
    tree.dpkg("--purge", "--force-depends", *REPLACED)
    gone = [path for path in sorted(there) if os.path.lexists(tree.root / path.lstrip("/"))
            and not (tree.root / path.lstrip("/")).is_dir()]
    tap.case("ours are purged without a trace", not gone, "\n".join(gone))
    tap.case("no mode is left for the launch helper",
             OVERRIDE not in overrides(tree), overrides(tree))


def overrides(tree: Tree) -> str:
    """What an administrator has decided on modes."""
    return (tree.root / "var" / "lib" / "dpkg" / "statoverride").read_text(encoding="utf-8")


def left_behind(tree: Tree) -> str:
    """Files that only our packages have."""
    paths = ("usr/bin/dbus-links", "usr/bin/dbus-test-tool", "usr/share/man/man1/dbus-links.1.gz")
    found = [path for path in paths if (tree.root / path).exists()]
    found += [str(path) for path in tree.root.glob("usr/lib/*/libdbus-1.so.3.*.100")]
    return "\n".join(found)


def main() -> int:
    """Make the tree and prove it all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--packages", type=Path, required=True, help="the folder of our packages")
    parser.add_argument("--tree", type=Path, help="a tree to use, and to leave; made if not there")
    options = parser.parse_args()
    problem = cannot_run()
    if problem:
        print(f"1..0 # SKIP {problem}")
        return SKIPPED
    if not any(options.packages.glob("*.deb")):
        raise SystemExit(f"there are no packages in {options.packages}")
    tap = Tap()
    directory = Path(tempfile.mkdtemp(prefix="check-system-"))
    tree = Tree(options.tree or directory / "tree", directory / "log")
    try:
        if not tree.exists:
            tree.create()
        prove(tap, tree, options.packages, directory)
    finally:
        if tap.failed or sys.exc_info()[0]:
            print(f"# logs are kept in {directory}")
            if not options.tree and tree.root.exists():
                tree.remove()
        else:
            if not options.tree:
                tree.remove()
            shutil.rmtree(directory, ignore_errors=True)
    print(f"1..{tap.count}")
    print(f"{tap.count - tap.failed} passed, {tap.failed} failed")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
