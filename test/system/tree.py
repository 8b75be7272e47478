# SPDX-License-Identifier: MIT
"""A Debian of its own in a folder, and packages in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Sequence

HERE = Path(__file__).resolve().parent
# The machine's sources are used as they are: its configuration is seen in the tree while apt runs.
INSIDE = """
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
mount --bind /etc/apt "$0/etc/apt"
for file in /etc/resolv.conf /etc/hosts; do
    [ -e "$file" ] || continue
    [ -e "$0$file" ] || touch "$0$file"
    mount --bind "$file" "$0$file"
done
exec chroot "$0" apt-get -q -y -o APT::Sandbox::User=root -o APT::Install-Recommends=false "$@"
"""
SUITE = "bookworm"


class Tree:
    """The root directory of a system."""

    def __init__(self, root: Path, log: Path) -> None:
        self.root = root.resolve()
        self.log = log

    def run(self, command: Sequence[str | Path], check: bool = True) -> int:
        """Run a program; what it says goes to the log."""
        with open(self.log, "ab") as file:
            file.write(f"\n$ {' '.join(map(str, command))}\n".encode())
            file.flush()
            status = subprocess.run(
                command, check=False, stdin=subprocess.DEVNULL, stdout=file,
                stderr=subprocess.STDOUT,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                     "DEBIAN_FRONTEND": "noninteractive",
                     **{name: value for name, value in os.environ.items()
                        if name.lower().endswith("_proxy")}}).returncode
        if check and status:
            tail = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
            print("\n".join(tail), file=sys.stderr)
            raise SystemExit(f"{command[0]} failed with {status}; the log is {self.log}")
        return status

    @property
    def exists(self) -> bool:
        """Whether there is a system."""
        return (self.root / "var" / "lib" / "dpkg" / "status").exists()

    def create(self) -> None:
        """Make it, from where the machine's own packages come from."""
        sources = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)",
             "Created-By: Packages"], check=True, stdout=subprocess.PIPE, text=True).stdout
        found = re.search(rf"^{SUITE} (\S+)$", sources, re.MULTILINE)
        if not found:
            raise SystemExit(f"apt knows no source of {SUITE}")
        self.run(["debootstrap", "--variant=minbase", SUITE, self.root, found[1]])
        # Services are not started by being installed.
        policy = self.root / "usr" / "sbin" / "policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        policy.chmod(0o755)
        self.run(["chroot", self.root, "useradd", "--create-home", "tester"])

    def _apt(self, *words: str, check: bool = True) -> int:
        """The machine's apt, with its sources, for this tree."""
        return self.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec",
                         INSIDE, self.root, *words], check=check)

    def update(self) -> None:
        """Learn what can be installed."""
        self._apt("update")

    def install(self, *packages: str, options: Sequence[str] = ()) -> None:
        """Install packages, by name or from files in the tree."""
        self._apt(*options, "install", *packages)

    def copy_in(self, directory: Path) -> list[str]:
        """Put packages into the tree. Returns where they are there."""
        target = self.root / "var" / "tmp" / "packages"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        copies = [Path(shutil.copy(path, target)) for path in sorted(directory.glob("*.deb"))]
        return [f"/{path.relative_to(self.root)}" for path in copies]

    def dpkg(self, *words: str, check: bool = True) -> str:
        """What dpkg says in the tree."""
        return subprocess.run(["chroot", self.root, "dpkg", *words], check=check,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True).stdout

    def versions(self, packages: Sequence[str]) -> dict[str, str]:
        """The versions that are installed."""
        said = subprocess.run(
            ["chroot", self.root, "dpkg-query", "-W", "-f",
             "${Package} ${db:Status-Status} ${Version}\n", *packages], check=False,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        lines = (line.split() for line in said.splitlines())
        return {words[0]: words[2] for words in lines if words[1] == "installed"}

    def files(self, packages: Sequence[str]) -> dict[str, tuple[int, int, int, str]]:
        """The files of packages that are there: mode, owner, group, and target or contents."""
        found = {}
        for name in packages:
            for line in self.dpkg("-L", name, check=False).splitlines():
                path = self.root / line.lstrip("/")
                if not line.startswith("/") or not os.path.lexists(path):
                    continue
                status = path.lstat()
                if path.is_symlink():
                    contents = os.readlink(path)
                else:
                    contents = "" if path.is_dir() else str(hash(path.read_bytes()))
                found[line] = (status.st_mode, status.st_uid, status.st_gid, contents)
        return found

    def remove(self) -> None:
        """Take it away, unless something is mounted there."""
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            if any(f" {self.root}/" in line for line in file):
                raise SystemExit(f"something is mounted in {self.root}: it stays")
        shutil.rmtree(self.root)
