#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compare our libdbus-1 with the stock one as a compiler and a linker see them.

The headers have to declare the same functions, with the same types and attributes; the same
constants, layouts, enumerators and macros; and compile without a warning wherever the stock ones
do. The libraries have to export the same symbols under the same version, and programs that were
compiled with the headers of either have to run with either. What is installed has to be found by
pkg-config and CMake.

Prints TAP and a line with the sum. The exit status is 77 when there is nothing to compare with.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import declarations  # noqa: E402
from declarations import Header  # noqa: E402

SKIPPED = 77
SONAME = "libdbus-1.so.3"
PUBLIC = "LIBDBUS_1_3"
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-pedantic", "-Werror"]

# Macros that are no values. Attributes are compared where they are used.
NOT_VALUES = {"DBUS_BEGIN_DECLS", "DBUS_END_DECLS", "DBUS_EXPORT", "DBUS_PRIVATE_EXPORT",
              "DBUS_DEPRECATED", "DBUS_MALLOC", "DBUS_ERROR_INIT", "DBUS_MESSAGE_ITER_INIT_CLOSED",
              "_DBUS_GNUC_EXTENSION", "_DBUS_GNUC_NORETURN", "_DBUS_GNUC_UNUSED",
              "_DBUS_WARN_UNUSED_RESULT"}


@dataclass
class Side:
    """One of the two: where its headers and its library are."""

    includes: list[str]
    library: Path  # the directory

    @property
    def options(self) -> list[str]:
        """What the compiler needs to find the headers."""
        return [f"-I{path}" for path in self.includes]


class Failed(Exception):
    """What a check found. The text tells."""


def run(command: list[str], **options: object) -> str:
    """The standard output of a command that has to succeed and say nothing else."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False,
                          **options)  # type: ignore[call-overload]
    if done.returncode or done.stderr.strip():
        raise Failed(f"{shlex.join(command)}\nstatus {done.returncode}\n{done.stderr}{done.stdout}")
    return str(done.stdout)


def expect_equal(what: str, stock: Iterable[str], ours: Iterable[str]) -> None:
    """Fail with the difference of two sets of texts, unless they are equal."""
    a, b = set(stock), set(ours)
    if a != b:
        raise Failed("\n".join([what, *(f"  only stock: {x}" for x in sorted(a - b)),
                                *(f"  only ours: {x}" for x in sorted(b - a))]))


class Comparison:
    """The checks, and what they share."""

    def __init__(self, arguments: argparse.Namespace, work: Path) -> None:
        self.cc: str = arguments.cc
        self.build: Path = arguments.build
        self.cmake: str = arguments.cmake
        self.work = work
        self.stock = Side(arguments.stock_include, arguments.stock_library)
        self.ours = Side(arguments.our_include, arguments.our_library)
        self.stock_header = declarations.read(self.cc, self.stock.options)
        self.our_header = declarations.read(self.cc, self.ours.options)

    def compile(self, name: str, text: str, options: list[str], compiler: str = "",
                language: str = "c") -> Path:
        """Compile a program, or an object if the options say so."""
        source, output = self.work / f"{name}.{language}", self.work / name
        source.write_text(text, encoding="utf-8")
        run([compiler or self.cc, "-o", str(output), str(source), *options])
        return output

    # Symbols

    def symbols(self) -> None:
        """Both libraries export the same public symbols, and ours nothing that stock does not."""
        expect_equal("exported", public_symbols(self.stock.library / SONAME),
                     public_symbols(self.ours.library / SONAME))
        more = {*symbols(self.ours.library / SONAME)} - {*symbols(self.stock.library / SONAME)}
        expect_equal("exported besides", [], [f"{name} {version}" for name, version in more])

    def soname(self) -> None:
        """Programs ask for ours by the same name."""
        text = run(["objdump", "-p", str(self.ours.library / SONAME)])
        expect_equal("SONAME", [SONAME], re.findall(r"SONAME\s+(\S+)", text))

    def declared(self) -> None:
        """Every exported function is declared, and every function declared is exported."""
        header = self.our_header
        expect_equal("declared", public_symbols(self.ours.library / SONAME),
                     set(header.functions) - header.inlines)

    # Headers

    def names(self) -> None:
        """The headers declare the same names."""
        for what in ("functions", "inlines", "typedefs", "records", "enumerators", "constants",
                     "macros"):
            expect_equal(what, getattr(self.stock_header, what), getattr(self.our_header, what))
        expect_equal("macros", describe(self.stock_header.macros), describe(self.our_header.macros))

    def prototypes(self) -> None:
        """Functions and types are compatible."""
        text = ["#include <dbus/dbus.h>"]
        # Deprecated ones may be compared.
        text += renamed_declarations(self.our_header)
        for name in sorted({*self.our_header.functions, *self.our_header.typedefs}):
            text.append(f"_Static_assert(__builtin_types_compatible_p(__typeof__(ours_{name}),"
                        f" __typeof__({name})), \"{name}\");")
        text.append("")
        self.compile("prototypes.o", "\n".join(text),
                     [*self.stock.options, "-c", "-Wno-deprecated-declarations"])

    def attributes(self) -> None:
        """Functions have the same attributes: visibility, format, deprecation and others."""
        # The stock headers take clang for an old GCC, and tell it nothing of sizes.
        sizes = any(a.startswith("__alloc_size") for attributes in
                    self.stock_header.attributes.values() for a in attributes)

        def lines(header: Header) -> list[str]:
            return [" ".join([name, *sorted(a.replace("__", "") for a in attributes
                                            if sizes or not a.startswith("__alloc_size"))])
                    for name, attributes in header.attributes.items()]
        expect_equal("attributes", lines(self.stock_header), lines(self.our_header))

    def fields(self) -> None:
        """Structs and unions have the same fields, of the same types."""
        def lines(header: Header) -> list[str]:
            return [f"{record}.{name}: {text}" for record, fields in header.records.items()
                    for name, text in fields.items()]
        expect_equal("fields", lines(self.stock_header), lines(self.our_header))

    def values(self) -> None:
        """Sizes, offsets, enumerators and constants are the same."""
        text = value_program(self.stock_header)
        outputs = [run([str(self.compile(name, text, side.options))])
                   for name, side in (("values-stock", self.stock), ("values-ours", self.ours))]
        expect_equal("values", *(output.splitlines() for output in outputs))
        if len(outputs[0].splitlines()) < 300:
            raise Failed(f"too little was compared:\n{outputs[0]}")

    def deprecated(self) -> None:
        """What DBUS_DISABLE_DEPRECATED hides is the same."""
        headers = [declarations.read(self.cc, [*side.options, "-DDBUS_DISABLE_DEPRECATED"])
                   for side in (self.stock, self.ours)]
        expect_equal("functions", *(header.functions for header in headers))
        if set(headers[0].functions) == set(self.stock_header.functions):
            raise Failed("nothing is hidden")

    def alone(self) -> None:
        """Two headers may be included alone; the others refuse to be."""
        for name in ("protocol", "shared"):
            self.compile(f"alone-{name}.o", f"#include <dbus/dbus-{name}.h>\nextern int n;\n",
                         [*self.ours.options, *WARNINGS, "-std=c99", "-c"])
        for header in sorted(Path(self.ours.includes[0], "dbus").glob("dbus-*.h")):
            if header.stem in ("dbus-protocol", "dbus-shared"):
                continue
            try:
                self.compile("refused.o", f"#include <dbus/{header.name}>\n",
                             [*self.ours.options, "-c"])
            except Failed as failed:
                if "can be included directly" in str(failed):
                    continue
                raise
            raise Failed(f"{header.name} can be included")

    def languages(self) -> None:
        """The headers compile without a warning as C and C++, old and new."""
        program = (HERE / "exercise.c").read_text(encoding="utf-8")
        for compiler, language, standards in (
                (self.cc, "c", ("c99", "c11", "gnu17")),
                (shutil.which("clang") or "", "c", ("c99", "gnu17")),
                (shutil.which("g++") or "", "cc", ("c++98", "c++11", "gnu++20")),
                (shutil.which("clang++") or "", "cc", ("c++11", "gnu++20"))):
            for standard in standards if compiler else ():
                # C++98 has no long long in print formats; the program, not the headers, does.
                quiet = ["-Wno-long-long"] if standard == "c++98" else []
                self.compile("language.o", program,
                             [*self.ours.options, *WARNINGS, *quiet, f"-std={standard}", "-c"],
                             compiler, language)

    # Programs

    def programs(self) -> None:
        """A program prints the same with either's headers and either's library."""
        program = (HERE / "exercise.c").read_text(encoding="utf-8")
        outputs = {}
        for headers, side in (("stock", self.stock), ("our", self.ours)):
            executable = self.compile(f"exercise-{headers}", program,
                                      [*side.options, str(side.library / SONAME)])
            for library, other in (("stock", self.stock), ("our", self.ours)):
                environment = {**os.environ, "LD_LIBRARY_PATH": str(other.library),
                               "DBUS_FATAL_WARNINGS": "1"}
                expect_loaded(executable, other.library / SONAME, environment)
                outputs[f"{headers} headers, {library} library"] = run([str(executable)],
                                                                        env=environment)
        reference = outputs["stock headers, stock library"]
        if len(reference.splitlines()) < 20:
            raise Failed(f"too little was printed:\n{reference}")
        for name, output in outputs.items():
            if output != reference:
                raise Failed(f"{name}:\n{output}\ninstead of\n{reference}")

    # What is installed

    def installed(self) -> None:
        """What is installed is found by pkg-config, and can be linked with, shared and static."""
        root = self.install()
        program = (HERE / "exercise.c").read_text(encoding="utf-8")
        directory = next(root.rglob("dbus-1.pc")).parent
        environment = {**os.environ, "PKG_CONFIG_LIBDIR": str(directory),
                       "PKG_CONFIG_SYSROOT_DIR": str(root)}
        flags = shlex.split(run(["pkg-config", "--cflags", "--libs", "dbus-1"], env=environment))
        library = directory.parent
        shared = self.compile("installed", program, [*flags, f"-L{library}"])
        run_environment = {**os.environ, "LD_LIBRARY_PATH": str(library)}
        expect_loaded(shared, library / SONAME, run_environment)
        output = run([str(shared)], env=run_environment)
        private = re.search(r"^Libs.private:(.*)$", (directory / "dbus-1.pc").read_text(), re.M)
        static = self.compile("static", program,
                              [*(flag for flag in flags if flag.startswith("-I")),
                               str(library / "libdbus-1.a"),
                               *shlex.split(private[1] if private else ""), "-pthread"])
        if run([str(static)]) != output or not output:
            raise Failed("the static library does something else")

    def variables(self) -> None:
        """pkg-config tells the same variables, and the stock version."""
        ours = next(self.install().rglob("dbus-1.pc"))
        stock = self.stock.library / "pkgconfig" / "dbus-1.pc"
        if not stock.exists():
            raise Failed(f"no {stock}")
        expect_equal("variables", *(re.findall(r"^(\w+)=", path.read_text(), re.M)
                                    for path in (stock, ours)))
        for field in ("Name", "Version"):
            expect_equal(field, *(re.findall(rf"^{field}: *(.*)$", path.read_text(), re.M)
                                  for path in (stock, ours)))

    def package(self) -> None:
        """find_package(DBus1) finds what is installed, and a program is built with it."""
        root = self.install()
        project = self.work / "project"
        project.mkdir()
        shutil.copy(HERE / "exercise.c", project)
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.12)\n"
            "project(user C)\n"
            "find_package(DBus1 1.12 REQUIRED)\n"
            "add_executable(user exercise.c)\n"
            "target_link_libraries(user ${DBus1_LIBRARIES})\n"
            "target_include_directories(user PRIVATE ${DBus1_INCLUDE_DIRS})\n", encoding="utf-8")
        config = next(root.rglob("DBus1Config.cmake")).parent
        run([self.cmake, "-S", str(project), "-B", str(project / "build"), f"-DDBus1_DIR={config}",
             f"-DCMAKE_C_COMPILER={self.cc}"])
        run([self.cmake, "--build", str(project / "build")])
        if not run([str(project / "build" / "user")]):
            raise Failed("it printed nothing")

    def install(self) -> Path:
        """Where the library is installed, once, under a root of its own."""
        root = self.work / "root"
        if not root.exists():
            run([self.cmake, "-P", str(self.build / "cmake_install.cmake")],
                env={**os.environ, "DESTDIR": str(root)})
        return root


def symbols(library: Path) -> list[tuple[str, str]]:
    """The symbols that a library defines, with their versions."""
    result = []
    for line in run(["objdump", "-T", str(library)]).splitlines():
        if (match := re.match(r"[0-9a-f]+ .{7} (\S+)\t[0-9a-f]+ +(.*)$", line)) \
                and match[1] != "*UND*":
            *version, name = match[2].split()
            result.append((name, version[0].strip("()") if version else ""))
    return result


def public_symbols(library: Path) -> list[str]:
    """The names under the public version."""
    return [name for name, version in symbols(library) if version == PUBLIC and name != PUBLIC]


def describe(macros: dict[str, int]) -> list[str]:
    """Macros with the number of their parameters."""
    return [f"{name} with {n}" for name, n in macros.items()]


def renamed_declarations(header: Header) -> list[str]:
    """The declarations under names of their own, beside those of other headers.

    Tags of structs are kept, so that pointers to them stay compatible; and so are types with a
    body, which another check compares.
    """
    renamed = {*header.functions, *header.typedefs}
    result = []
    for declaration in (*header.typedefs.values(), *header.functions.values()):
        words = [f"ours_{word}" if word in renamed and (not i or declaration[i - 1] != "struct")
                 else word for i, word in enumerate(declaration)]
        result.append(" ".join(words))
    return result


def value_program(header: Header) -> str:
    """A program that prints whatever is a number, or text, in the headers."""
    lines = [
        "#include <stddef.h>", "#include <stdio.h>", "#include <string.h>",
        "#include <dbus/dbus.h>",
        "static void text(const char *name, const char *type, const char *value, size_t n)",
        '{ printf("%s %s %zu \\"", name, type, n);'
        ' for (size_t i = 0; i < n; i++) printf("%02x", (unsigned char)value[i]); puts("\\""); }',
        "static void number(const char *name, const char *type, long long value)",
        '{ printf("%s %s %lld\\n", name, type, value); }',
        '#define TYPE(v) _Generic((v), int: "int", unsigned: "unsigned", long: "long", '
        'unsigned long: "unsigned long", char *: "text")',
        "#define NUMBER(v) _Generic((v), char *: 0, default: (v))",
        "#define TEXT(v) _Generic((v), char *: (v), default: \"\")",
        "#define SHOW(v) (TYPE(v)[0] == 't' ? text(#v, TYPE(v), (const char *)TEXT(v), "
        "sizeof(v)) : number(#v, TYPE(v), (long long)NUMBER(v)))",
        "static void bytes(const char *name, const void *at, size_t n)",
        '{ printf("%s ", name); for (size_t i = 0; i < n; i++)'
        ' printf("%02x", ((const unsigned char *)at)[i]); puts(""); }',
        "int main(void) {"]
    for name in sorted(header.constants - NOT_VALUES):
        lines.append(f"SHOW({name});")
    lines += ["SHOW(DBUS_INT64_CONSTANT(-1));", "SHOW(DBUS_UINT64_CONSTANT(1));",
              "{ DBusError e = DBUS_ERROR_INIT;",
              'printf("%d%d%d%d%d%d\\n", e.name == NULL, e.dummy1, e.dummy2, e.dummy3, e.dummy4,'
              " e.dummy5); }",
              "{ DBusMessageIter i = DBUS_MESSAGE_ITER_INIT_CLOSED;"
              ' bytes("DBUS_MESSAGE_ITER_INIT_CLOSED", &i, sizeof(i)); }']
    for name, enumerators in sorted(header.enumerators.items()):
        lines.append(f'number("{name}", "size", (long long)sizeof({name}));')
        lines += [f"SHOW({enumerator});" for enumerator in enumerators]
    for record, fields in sorted(header.records.items()):
        lines.append(f'number("{record}", "size", (long long)sizeof({record}));')
        lines.append(f'number("{record}", "alignment", (long long)_Alignof({record}));')
        for field, declaration in fields.items():
            if ":" in declaration:
                lines.append(f"{{ {record} r; memset(&r, 0, sizeof(r)); r.{field} = ~0;"
                             f' bytes("{record}.{field}", &r, sizeof(r)); }}')
                continue
            lines.append(f'number("{record}.{field}", "offset",'
                         f" (long long)offsetof({record}, {field}));")
            lines.append(f'number("{record}.{field}", "size",'
                         f" (long long)sizeof((({record} *)NULL)->{field}));")
    return "\n".join([*lines, "return 0; }", ""])


def expect_loaded(program: Path, library: Path, environment: dict[str, str]) -> None:
    """Fail unless the program would be run with that library."""
    text = run(["ldd", str(program)], env=environment)
    match = re.search(rf"{re.escape(SONAME)} => (\S+)", text)
    if not match or not Path(match[1]).samefile(library):
        raise Failed(f"{program.name} runs with {match[1] if match else 'nothing'}, not {library}")


def main() -> int:
    """Compare and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cc", required=True, help="the C compiler")
    parser.add_argument("--cmake", default="cmake", help="the cmake program")
    parser.add_argument("--build", type=Path, required=True, metavar="DIR",
                        help="the build directory of the library")
    for side in ("stock", "our"):
        parser.add_argument(f"--{side}-include", action="append", required=True, metavar="DIR",
                            help="a directory of headers; may be given again")
        parser.add_argument(f"--{side}-library", type=Path, required=True, metavar="DIR",
                            help=f"the directory of {SONAME}")
    arguments = parser.parse_args()
    if not (arguments.stock_library / SONAME).exists() or not shutil.which("objdump"):
        print(f"1..0 # SKIP needs {arguments.stock_library / SONAME} and objdump")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="dbus-abi-") as work:
        comparison = Comparison(arguments, Path(work))
        checks: list[Callable[[], None]] = [
            comparison.symbols, comparison.soname, comparison.declared, comparison.names,
            comparison.prototypes, comparison.attributes, comparison.fields, comparison.values,
            comparison.deprecated, comparison.alone, comparison.languages, comparison.programs,
            comparison.installed, comparison.variables, comparison.package]
        print(f"1..{len(checks)}")
        failed = 0
        for number, check in enumerate(checks, 1):
            title = f"{number} - {check.__name__}: {check.__doc__}"
            try:
                check()
            except (Failed, OSError, subprocess.SubprocessError, StopIteration) as error:
                failed += 1
                print(f"not ok {title}")
                print("\n".join(f"# {line}" for line in f"{error!s}".splitlines()))
            else:
                print(f"ok {title}")
            sys.stdout.flush()
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
