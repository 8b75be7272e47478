#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Build the Debian packages and see that all is in them that has to be, where it has to be, and
nothing else; and that they are packages as Debian wants them. Prints TAP. The exit status is 77
where packages cannot be built.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import hashlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, Iterator

HERE = Path(__file__).resolve().parent
SKIPPED = 77
# The distribution's version of each package that ours have to sort behind.
DISTRIBUTION = "1.14.10-1~deb12u9"
COMMON = ("copyright", "changelog.Debian.gz")
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
MULTI_ARCH = {"libdbus-1-3": "same", "libdbus-1-dev": "same"}
ALL_ARCHITECTURES = {"dbus-session-bus-common", "dbus-system-bus-common"}
SUMMARY_LENGTH = 80


def run(*command: str | Path, check: bool = True) -> str:
    """Run a program. Returns what it says."""
    return subprocess.run(command, check=check, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True).stdout


class Package:
    """A package that is unpacked."""

    def __init__(self, path: Path, directory: Path) -> None:
        self.path = path
        self.root = directory / path.stem
        run("dpkg-deb", "-R", path, self.root)
        self.fields = dict(
            line.split(": ", 1) for line in run("dpkg-deb", "-f", path).splitlines()
            if line[0] != " ")
        self.name = self.fields["Package"]
        self.version = self.fields["Version"]

    @functools.cached_property
    def listing(self) -> list[tuple[str, str, str]]:
        """Mode, owner and path (with the target of a link) of all that is in it."""
        found = []
        for line in run("dpkg-deb", "-c", self.path).splitlines():
            mode, owner, _, _, _, path = line.split(maxsplit=5)
            found.append((mode, owner, path.removeprefix(".")))
        return found

    def paths(self) -> Iterator[Path]:
        """All files that are no links and no control files."""
        for path in sorted(self.root.rglob("*")):
            inside = path.relative_to(self.root)
            if path.is_file() and not path.is_symlink() and inside.parts[0] != "DEBIAN":
                yield path

    def inside(self, path: Path) -> str:
        """A path as it is on a system."""
        return f"/{path.relative_to(self.root)}"

    def control(self, name: str) -> list[str]:
        """The lines of a control file, which may be missing."""
        path = self.root / "DEBIAN" / name
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def programs(self) -> list[Path]:
        """Programs and libraries for the machine."""
        return [path for path in self.paths() if path.read_bytes()[:4] == b"\x7fELF"]

    def relations(self, field: str) -> dict[str, str]:
        """Names, with the version that is asked for, in a field; of alternatives the first."""
        items = [item.strip() for item in self.fields.get(field, "").split(",") if item.strip()]
        return {item.split()[0]: item.partition(" ")[2] for item in items}


def octal(mode: str) -> str:
    """rwxr-xr-x as four digits; "link" for a link."""
    if mode[0] == "l":
        return "link"
    bits = 0
    for index, letter in enumerate(mode[1:]):
        if letter in "rwxst":
            bits |= 1 << (8 - index)
        if letter in "sStT":
            bits |= (stat.S_ISUID, stat.S_ISGID, stat.S_ISVTX)[index // 3]
    return f"{bits:04o}"


# The checks: each says what is wrong with a package, among all of them.

Packages = dict[str, Package]
Check = Callable[[Package, Packages], list[str]]


def wanted() -> dict[str, set[str]]:
    """The list of contents, by package."""
    multi_arch = run("dpkg-architecture", "-qDEB_HOST_MULTIARCH").strip()
    found: dict[str, set[str]] = {}
    for line in (HERE / "contents.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, rest = line.split(maxsplit=1)
            found.setdefault(name, set()).add(rest.replace("MULTIARCH", multi_arch))
    return found


def check_contents(package: Package, _: Packages) -> list[str]:
    """All that is listed, and no more."""
    there = set()
    occupied = {path.partition(" -> ")[0].rstrip("/").rpartition("/")[0] + "/"
                for _, _, path in package.listing}
    for mode, _, path in package.listing:
        if "/include/" in path and not path.endswith("/"):
            continue
        if path.startswith(f"/usr/share/doc/{package.name}/") and path.endswith(COMMON):
            continue
        if path.endswith("/") and path in occupied:
            continue
        there.add(f"{octal(mode)} {library_name(path)}")
    listed = wanted().get(package.name, set())
    return [f"not there: {line}" for line in sorted(listed - there)] + \
        [f"not listed: {line}" for line in sorted(there - listed)]


def library_name(path: str) -> str:
    """A path without the version in the name of the library."""
    return re.sub(r"libdbus-1\.so\.3\.[0-9.]+", "libdbus-1.so.LIBRARY", path)


def check_owners(package: Package, _: Packages) -> list[str]:
    """All is root's, and nobody else may write it. What is setuid becomes so on installation."""
    problems = []
    for mode, owner, path in package.listing:
        if owner != "root/root":
            problems.append(f"{path} is {owner}'s")
        if mode[0] != "l" and ("w" in mode[4:] or "s" in mode):
            problems.append(f"{path} is {mode}")
    return problems


def check_fields(package: Package, packages: Packages) -> list[str]:
    """The fields of the control file."""
    fields = package.fields
    problems = [f"no {field}" for field in ("Maintainer", "Section", "Priority", "Installed-Size",
                                            "Description", "Source") if not fields.get(field)]
    if subprocess.run(["dpkg", "--compare-versions", package.version, "gt", DISTRIBUTION],
                      check=False).returncode:
        problems.append(f"{package.version} does not sort behind {DISTRIBUTION}")
    architecture = "all" if package.name in ALL_ARCHITECTURES \
        else run("dpkg", "--print-architecture").strip()
    if fields["Architecture"] != architecture:
        problems.append(f"its architecture is {fields['Architecture']}")
    if fields.get("Multi-Arch") != MULTI_ARCH.get(package.name, "foreign"):
        problems.append(f"its Multi-Arch is {fields.get('Multi-Arch')}")
    summary = fields["Description"]
    if len(summary) > SUMMARY_LENGTH or summary.endswith(".") or "(" not in summary:
        problems.append(f"its summary is {summary!r}")
    for field in ("Depends", "Pre-Depends"):
        for name, version in package.relations(field).items():
            if name in packages and packages[name].version not in version:
                problems.append(f"it needs {name} {version}, not the one of its own version")
    return problems


def check_needs(package: Package, packages: Packages) -> list[str]:
    """Each library that a program needs is in a package that is depended upon."""
    problems = []
    for program in package.programs():
        text = run("readelf", "-d", program)
        for tag in ("RPATH", "RUNPATH"):
            if f"({tag})" in text:
                problems.append(f"{package.inside(program)} has a {tag}")
        if ".symtab" in run("readelf", "-SW", program):
            problems.append(f"{package.inside(program)} has its symbols")
        for library in re.findall(r"\(NEEDED\).*\[(.*)\]", text):
            stem, _, number = library.partition(".so.")
            name = f"{stem}{'-' if stem[-1].isdigit() else ''}{number}".lower().replace("_", "-")
            name = {"libc6": "libc6", "ld-linux-x86-64-2": "libc6"}.get(name, name)
            if not any(need.startswith(name) for need in package.relations("Depends")):
                problems.append(f"{package.inside(program)} needs {library}: no dependency")
    return problems


def check_links(package: Package, packages: Packages) -> list[str]:
    """Links lead to something in these packages, /lib and /usr/lib being one."""
    there = {package_path.removeprefix("/usr") for other in packages.values()
             for _, _, path in other.listing for package_path in [path.partition(" -> ")[0]]}
    problems = []
    for mode, _, path in package.listing:
        if mode[0] == "l":
            source, _, target = path.partition(" -> ")
            end = str(Path(source).parent / target) if not target.startswith("/") else target
            while "/../" in end:
                end = re.sub(r"/[^/]+/\.\./", "/", end, count=1)
            if end.removeprefix("/usr") not in there:
                problems.append(f"{source} leads to {target}")
    return problems


def check_documents(package: Package, _: Packages) -> list[str]:
    """The licence, the changes, and a manual page for each program in the PATH."""
    documents = package.root / "usr" / "share" / "doc" / package.name
    problems = [f"no {name}" for name in COMMON if not (documents / name).exists()]
    if "MIT" not in (documents / "copyright").read_text(encoding="utf-8"):
        problems.append("its licence is not MIT")
    for program in package.root.glob("usr/bin/*"):
        page = package.root / "usr" / "share" / "man" / "man1" / f"{program.name}.1.gz"
        if not page.exists() or program.name.encode() not in gzip.decompress(page.read_bytes()):
            problems.append(f"{program.name} has no manual page")
    return problems


def check_sums(package: Package, _: Packages) -> list[str]:
    """Sums of all files, and /etc is configuration."""
    sums = dict(reversed(line.split("  ", 1)) for line in package.control("md5sums"))
    configuration = set(package.control("conffiles"))
    problems = []
    for path in package.paths():
        inside = package.inside(path)
        if inside.startswith("/etc/"):
            if inside not in configuration:
                problems.append(f"{inside} is no conffile")
        elif sums.get(inside[1:]) != hashlib.md5(path.read_bytes()).hexdigest():
            problems.append(f"{inside} has no or another sum")
    there = {package.inside(path) for path in package.paths()}
    problems += [f"there is no {path}" for path in sorted(configuration - there)]
    return problems


def check_scripts(package: Package, _: Packages) -> list[str]:
    """Scripts are what a shell understands, and end at errors; those of the package itself."""
    problems = []
    scripts = [package.root / "DEBIAN" / name for name in SCRIPTS]
    scripts += [path for path in package.paths()
                if package.inside(path).startswith(("/etc/init.d/", "/etc/X11/", "/etc/default/"))]
    for script in scripts:
        if not script.exists():
            continue
        done = subprocess.run(["dash", "-n", script], check=False, stderr=subprocess.PIPE)
        if done.returncode:
            problems.append(f"{script.name}: {done.stderr.decode()}")
        if script.parent.name == "DEBIAN":
            text = script.read_text(encoding="utf-8")
            if "\nset -e\n" not in text or not text.startswith("#!/bin/sh\n"):
                problems.append(f"{script.name} goes on after errors")
            if not script.stat().st_mode & stat.S_IXUSR:
                problems.append(f"{script.name} cannot be run")
    return problems


def check_traces(package: Package, _: Packages) -> list[str]:
    """Nothing tells where it was built."""
    return [f"{package.inside(path)} has a path of the build in it" for path in package.paths()
            if str(HERE.parent.parent).encode() in path.read_bytes()]


def check_units(package: Package, packages: Packages) -> list[str]:
    """Units start what is there, and tell when it is ready."""
    there = {path for other in packages.values() for _, _, path in other.listing}
    problems = []
    for path in package.paths():
        text = path.read_text(encoding="utf-8") if path.suffix in (".service", ".socket") else ""
        for program in re.findall(r"^Exec\w+=-?(/\S+)", text, re.MULTILINE):
            if program not in there:
                problems.append(f"{package.inside(path)} runs {program}")
        if path.suffix == ".service" and "\nType=notify\n" not in text:
            problems.append(f"{package.inside(path)} does not notify")
        if path.suffix == ".socket" and "\nListenStream=" not in text:
            problems.append(f"{package.inside(path)} does not listen")
    return problems


def check_xml(package: Package, packages: Packages) -> list[str]:
    """Configuration of the buses is what the format's definition lets it be."""
    formats = packages["libdbus-1-dev"].root / "usr" / "share" / "xml" / "dbus-1"
    problems = []
    for path in package.paths():
        if path.suffix == ".conf" and path.parent.name == "dbus-1" and shutil.which("xmllint"):
            done = subprocess.run(["xmllint", "--noout", "--nonet", "--dtdvalid",
                                   formats / "busconfig.dtd", path], check=False,
                                  stderr=subprocess.PIPE, text=True)
            if done.returncode:
                problems.append(done.stderr)
    return problems


CHECKS: dict[str, Check] = {
    "contents": check_contents, "owners": check_owners, "fields": check_fields,
    "needs": check_needs, "links": check_links, "documents": check_documents,
    "sums": check_sums, "scripts": check_scripts, "traces": check_traces, "units": check_units, "xml": check_xml,
}


def build(options: argparse.Namespace, directory: Path) -> Path:
    """Build packages, in a hurry."""
    build_directory = directory / "build"
    run("cmake", "-S", options.source, "-B", build_directory, "-G", options.generator,
        "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_INSTALL_PREFIX=/usr", "-DDEBIAN_LAYOUT=ON",
        "-DBUILD_TESTING=OFF", "-DCMAKE_INSTALL_RUNSTATEDIR=/run")
    run("cmake", "--build", build_directory, "--parallel", "2")
    run("cpack", "--config", build_directory / "CPackConfig.cmake", "-B", directory / "packages")
    return directory / "packages"


def report(packages: Packages) -> int:
    """Run all checks. Returns the number of those that failed."""
    expected = set(wanted())
    tests = [("the packages", [f"not built: {name}" for name in sorted(expected - set(packages))] +
              [f"not listed: {name}" for name in sorted(set(packages) - expected)])]
    tests += [(f"{name}: {what}", check(package, packages))
              for name, package in packages.items() for what, check in CHECKS.items()]
    print(f"1..{len(tests)}")
    for number, (name, problems) in enumerate(tests, 1):
        print(f"{'not ok' if problems else 'ok'} {number} - {name}")
        for problem in problems:
            print(f"# {problem}")
    return sum(1 for _, problems in tests if problems)


def main() -> int:
    """Build, unpack and check."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--source", type=Path, default=HERE.parent.parent)
    parser.add_argument("--generator", default="Ninja")
    parser.add_argument("--packages", type=Path, help="look into these instead of building")
    options = parser.parse_args()
    for program in ("dpkg-deb", "dpkg-shlibdeps", "readelf", "cpack", "scdoc"):
        if not shutil.which(program):
            print(f"1..0 # SKIP needs {program}")
            return SKIPPED
    with tempfile.TemporaryDirectory(prefix="package-test-") as name:
        directory = Path(name)
        built = options.packages or build(options, directory)
        unpacked = (Package(path, directory) for path in sorted(built.glob("*.deb")))
        return 1 if report({package.name: package for package in unpacked}) else 0


if __name__ == "__main__":
    sys.exit(main())
