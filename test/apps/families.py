# SPDX-License-Identifier: MIT
"""What there is to run: families of programs, what they need, and what is compiled for them."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stage import HERE, PATH, PYTHON, Stage


@dataclass(frozen=True)
class Need:
    """Something a family cannot do without, and the Debian package that has it."""

    what: str
    package: str
    there: Callable[[], bool]


def command(name: str, package: str) -> Need:
    """A program, by name or path."""
    return Need(name, package, lambda: shutil.which(name, path=PATH) is not None)


def perl_module(name: str, package: str) -> Need:
    """A module of Perl's."""
    return Need(f"Perl's {name}", package,
                lambda: subprocess.run(["perl", f"-M{name}", "-e", "1"], capture_output=True,
                                       check=False).returncode == 0)


def python_module(name: str, package: str) -> Need:
    """A module of the distribution's Python."""
    return Need(f"Python's {name}", package,
                lambda: subprocess.run([PYTHON, "-c", f"import {name}"], capture_output=True,
                                       check=False).returncode == 0)


def headers(name: str, package: str) -> Need:
    """What a sample program is compiled with, by its name for pkg-config."""
    return Need(f"{name}.pc", package,
                lambda: subprocess.run(["pkg-config", "--exists", name], check=False,
                                       capture_output=True).returncode == 0)


def file(path: str, package: str) -> Need:
    """A file."""
    return Need(path, package, lambda: Path(path).exists())


@dataclass(frozen=True)
class Sample:
    """A small program of ours, compiled against the stock headers."""

    source: str
    modules: tuple[str, ...] = ()
    # Commands to run before, where {here} and {directory} stand for those of source and program.
    generators: tuple[tuple[str, ...], ...] = ()
    # Whether it is a library to be preloaded.
    shared: bool = False

    @property
    def name(self) -> str:
        """What the compiled program is called."""
        return Path(self.source).stem

    def build(self, directory: Path) -> str:
        """Compile it. Returns what the compiler said if it failed."""
        source = HERE / self.source
        flags = ["-shared"] if self.shared else []
        if self.modules:
            flags += subprocess.run(["pkg-config", "--cflags", "--libs", *self.modules],
                                    check=True, capture_output=True, text=True).stdout.split()
        words = {".c": ["gcc", "-std=gnu11", "-D_GNU_SOURCE"],
                 ".cpp": ["g++", "-std=c++17"]}[source.suffix]
        for generator in self.generators:
            done = subprocess.run([word.format(here=HERE, directory=directory)
                                   for word in generator],
                                  capture_output=True, text=True, check=False)
            if done.returncode:
                return done.stdout + done.stderr
        done = subprocess.run(
            [*words, "-O1", "-g", "-Wall", "-Wextra", "-fPIC", f"-I{directory}", "-o",
             str(directory / self.name), str(source), *flags],
            capture_output=True, text=True, check=False)
        return done.stderr if done.returncode else ""


@functools.cache
def may_isolate() -> bool:
    """Whether programs can be given network interfaces and mounts of their own."""
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "--net", "--mount", "true"], capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Family:
    """Programs that are tried together, on one bus."""

    name: str
    play: Callable[[Stage], None]
    needs: tuple[Need, ...]
    samples: tuple[Sample, ...]
    root: bool

    def missing(self) -> str:
        """Why it cannot be run here, or an empty string."""
        if self.root and not may_isolate():
            return "needs root, with the right to have namespaces of its own"
        lacking = [f"{need.what} (package {need.package})" for need in self.needs
                   if not need.there()]
        return f"needs {', '.join(lacking)}" if lacking else ""


FAMILIES: list[Family] = []


def family(*needs: Need, samples: Sequence[Sample] = (),
           root: bool = False) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Register a family of programs."""
    def register(play: Callable[[Stage], None]) -> Callable[[Stage], None]:
        name = play.__name__.replace("_", "-")
        FAMILIES.append(Family(name, play, needs, tuple(samples), root))
        return play
    return register
