#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Complete Debian packages that CPack has made.

Adds what CPack has no means for: which of the files are configuration, the Multi-Arch field,
dependencies on libraries that the packages themselves bring, the copyright and changelog, and the
compression that Debian asks for.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

OWN_LIBRARY = "libdbus-1 3 libdbus-1-3"
DEPENDS = re.compile(r"^Depends: (.*)$", re.MULTILINE)


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a program. Returns what it says."""
    return subprocess.run(command, check=True, cwd=cwd, stdout=subprocess.PIPE, text=True).stdout


def files(root: Path) -> list[Path]:
    """All files of a package, but for its control files and links."""
    found = []
    for directory, below, names in os.walk(root):
        if Path(directory) == root:
            below.remove("DEBIAN")
        found += [Path(directory) / name for name in names
                  if not (Path(directory) / name).is_symlink()]
    return sorted(found)


def compress(path: Path, target: Path) -> None:
    """As gzip -9n does, so that packages built twice are equal."""
    with open(target, "wb") as file, gzip.GzipFile("", "wb", 9, file, 0) as packed:
        packed.write(path.read_bytes())
    target.chmod(0o644)


def is_elf(path: Path) -> bool:
    """Whether it is a program or a shared library."""
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def library_dependencies(root: Path, version: str, own: Path) -> list[str]:
    """What the programs need to have installed, but for our library, which is named already."""
    programs = [path for path in files(root) if is_elf(path)]
    if not programs:
        return []
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "debian").mkdir()
        (Path(directory) / "debian" / "control").write_text(
            "Source: dbus-direct\n\nPackage: any\nArchitecture: any\n", encoding="ascii")
        shlibs = Path(directory) / "shlibs"
        shlibs.write_text(f"{OWN_LIBRARY} (= {version})\n", encoding="ascii")
        said = run("dpkg-shlibdeps", "-O", f"-L{shlibs}", f"-l{own}",
                   *(f"-e{path}" for path in programs), cwd=Path(directory))
    found = said.partition("shlibs:Depends=")[2].strip()
    return [item for item in found.split(", ") if item]


def complete_control(root: Path, options: argparse.Namespace) -> None:
    """Fill in the fields that are missing."""
    control = root / "DEBIAN" / "control"
    text = control.read_text(encoding="utf-8")
    name, version = (re.search(rf"^{field}: (.*)$", text, re.MULTILINE)[1]  # type: ignore[index]
                     for field in ("Package", "Version"))
    own = options.library_directory.resolve()
    named = DEPENDS.search(text)
    depends = named[1].split(", ") if named else []
    known = {item.partition(" ")[0] for item in depends} | {name}
    depends += [item for item in library_dependencies(root, version, own)
                if item.partition(" ")[0] not in known]
    lines = [line for line in text.splitlines() if line and not line.startswith("Depends: ")]
    where = next(i for i, line in enumerate(lines) if line.startswith("Description:"))
    more = [f"Depends: {', '.join(depends)}"] if depends else []
    kinds = dict(item.split("=") for item in options.multi_arch)
    lines[where:where] = [*more, f"Multi-Arch: {kinds[name]}"]
    control.write_text("\n".join(lines) + "\n", encoding="utf-8")


def complete_files(root: Path, options: argparse.Namespace) -> None:
    """Add what every package has, and compress what is compressed everywhere."""
    name = run("dpkg-deb", "-f", options.current, "Package").strip()
    documents = root / "usr" / "share" / "doc" / name
    documents.mkdir(parents=True)
    shutil.copyfile(options.copyright, documents / "copyright")
    compress(options.changelog, documents / "changelog.Debian.gz")
    for page in root.glob("usr/share/man/man*/*.[1-8]"):
        compress(page, page.with_name(page.name + ".gz"))
        page.unlink()
    for directory, below, names in os.walk(root):
        for item in [*below, *names]:
            path = Path(directory) / item
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o022 & 0o7777)
    for library in root.glob("usr/lib/*/*.a"):
        run("strip", "--strip-debug", "--enable-deterministic-archives", library)
    configuration = [path for path in files(root) if path.relative_to(root).parts[0] == "etc"]
    if configuration:
        (root / "DEBIAN" / "conffiles").write_text(
            "".join(f"/{path.relative_to(root)}\n" for path in configuration), encoding="ascii")
    sums = (f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n"
            for path in files(root) if path not in configuration)
    (root / "DEBIAN" / "md5sums").write_text("".join(sums), encoding="ascii")


def finish(package: Path, options: argparse.Namespace) -> None:
    """Complete one package."""
    options.current = package
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "root"
        run("dpkg-deb", "-R", package, root)
        complete_files(root, options)
        complete_control(root, options)
        run("dpkg-deb", "--root-owner-group", "-Zxz", "-b", root, package)


def main() -> int:
    """Complete all packages."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--library-directory", type=Path, required=True,
                        help="where our library is that the programs need")
    parser.add_argument("--copyright", type=Path, required=True)
    parser.add_argument("--changelog", type=Path, required=True)
    parser.add_argument("--multi-arch", action="append", default=[], metavar="PACKAGE=KIND")
    parser.add_argument("packages", type=Path, nargs="+")
    options = parser.parse_args()
    for package in options.packages:
        finish(package, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
