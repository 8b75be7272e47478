# SPDX-License-Identifier: MIT
"""Service files: their syntax, command lines, where they are looked for, noticing changes."""

from __future__ import annotations

import os

import wire
from client import Client
from daemons import config
from fixture import Bus, scenario
from scenarios.activation import X, FOLDER, activating, call

HEAD = "[D-BUS Service]\n"

# What @N@ stands for is different in each.
SYNTAX = {
    "plain": "[D-BUS Service]\nName=@N@\nExec=/bin/false\n",
    "comment with spaces before": "[D-BUS Service]\n  # x\nName=@N@\nExec=/bin/false\n",
    "comment with a tab before": "[D-BUS Service]\n\t# x\nName=@N@\nExec=/bin/false\n",
    "spaces in an empty line": "[D-BUS Service]\n   \nName=@N@\nExec=/bin/false\n",
    "tab in an empty line": "[D-BUS Service]\n\t\nName=@N@\nExec=/bin/false\n",
    "semicolon comment": "[D-BUS Service]\n; x\nName=@N@\nExec=/bin/false\n",
    "section with spaces behind": "[D-BUS Service]  \nName=@N@\nExec=/bin/false\n",
    "section with tab behind": "[D-BUS Service]\t\nName=@N@\nExec=/bin/false\n",
    "section with text behind": "[D-BUS Service] x\nName=@N@\nExec=/bin/false\n",
    "section with comment behind": "[D-BUS Service] # x\nName=@N@\nExec=/bin/false\n",
    "section with spaces before": "  [D-BUS Service]\nName=@N@\nExec=/bin/false\n",
    "section with spaces inside": "[ D-BUS Service ]\nName=@N@\nExec=/bin/false\n",
    "section not closed": "[D-BUS Service\nName=@N@\nExec=/bin/false\n",
    "section closed twice": "[D-BUS Service]]\nName=@N@\nExec=/bin/false\n",
    "section in a section": "[[D-BUS Service]\nName=@N@\nExec=/bin/false\n",
    "empty section": "[]\n[D-BUS Service]\nName=@N@\nExec=/bin/false\n",
    "odd section": "[a#b/c d-e\u00e9]\n[D-BUS Service]\nName=@N@\nExec=/bin/false\n",
    "control character in a section": "[a\tb]\n[D-BUS Service]\nName=@N@\nExec=/bin/false\n",
    "delete character in a section": "[a\x7fb]\n[D-BUS Service]\nName=@N@\nExec=/bin/false\n",
    "key after the section twice":
        "[D-BUS Service]\nName=@N@\n[D-BUS Service]\nExec=/bin/false\n",
    "whole section twice":
        "[D-BUS Service]\nName=@N@\nExec=/bin/false\n[D-BUS Service]\nName=@N@.x\nExec=/bin/true\n",
    "other section between":
        "[D-BUS Service]\nName=@N@\n[Other]\nExec=/bin/true\n[D-BUS Service]\nExec=/bin/false\n",
    "key in front of all": "A=b\n[D-BUS Service]\nName=@N@\nExec=/bin/false\n",
    "comment in front of all": "#A=b\n\n[D-BUS Service]\nName=@N@\nExec=/bin/false\n",
    "spaces before the value": "[D-BUS Service]\nName=   @N@\nExec=\t /bin/false\n",
    "spaces behind the value": "[D-BUS Service]\nName=@N@  \nExec=/bin/false \n",
    "tab behind the name": "[D-BUS Service]\nName=@N@\t\nExec=/bin/false \n",
    "spaces behind the key": "[D-BUS Service]\nName =@N@\nExec  =/bin/false\n",
    "tab behind the key": "[D-BUS Service]\nName\t=@N@\nExec\t\t=/bin/false\n",
    "spaces before the key": "[D-BUS Service]\n Name=@N@\nExec=/bin/false\n",
    "space in the key": "[D-BUS Service]\nName=@N@\nExec=/bin/false\na b=c\n",
    "no key": "[D-BUS Service]\nName=@N@\nExec=/bin/false\n=c\n",
    "spaces for a key": "[D-BUS Service]\nName=@N@\nExec=/bin/false\n  =c\n",
    "no value": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX=\n",
    "empty exec": "[D-BUS Service]\nName=@N@\nExec=\n",
    "empty name": "[D-BUS Service]\nName=\nExec=/bin/false @N@\n",
    "underscore in a key": "[D-BUS Service]\nName=@N@\nExec=/bin/false\na_b=c\n",
    "dot in a key": "[D-BUS Service]\nName=@N@\nExec=/bin/false\na.b=c\n",
    "slash in a key": "[D-BUS Service]\nName=@N@\nExec=/bin/false\na/b=c\n",
    "minus in a key": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX-a9Z=c\n",
    "minus first in a key": "[D-BUS Service]\nName=@N@\nExec=/bin/false\n-X=c\n",
    "digit first in a key": "[D-BUS Service]\nName=@N@\nExec=/bin/false\n9X=c\n",
    "umlaut in a key": "[D-BUS Service]\nName=@N@\nExec=/bin/false\n\u00fc=c\n",
    "equals in the value": "[D-BUS Service]\nName=@N@\nExec=/bin/false a=b\n",
    "localized only": "[D-BUS Service]\nName[de]=@N@\nExec=/bin/false\n",
    "localized before": "[D-BUS Service]\nName[de]=@N@.de\nName=@N@\nExec=/bin/false\n",
    "localized and spaces": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX[de] =c\n",
    "locale not closed": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX[de=c\n",
    "empty locale": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX[]=c\n",
    "locale with all": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX[de_DE.UTF-8@euro]=c\n",
    "locale with a slash": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX[d/e]=c\n",
    "locale with a space": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX[d e]=c\n",
    "text behind the locale": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX[de]y=c\n",
    "locale without a key": "[D-BUS Service]\nName=@N@\nExec=/bin/false\n[de]=c\n",
    "bad escape in another key": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX=\\q\n",
    "backslash last": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX=a\\\n",
    "backslash last of all": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX=a\\",
    "continued line": "[D-BUS Service]\nName=@N@\nExec=/bin/\\\nfalse\n",
    "escapes in the name": "[D-BUS Service]\nName=@N@\\sx\nExec=/bin/false\n",
    "all escapes": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX=\\s\\n\\t\\r\\\\\n",
    "semicolon escaped": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX=a\\;b\n",
    "octal escape": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX=\\040\n",
    "nul character": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX=a\0b\n",
    "nul in a comment": "[D-BUS Service]\nName=@N@\nExec=/bin/false\n#a\0b\n",
    "nul in a key": "[D-BUS Service]\nName=@N@\nExec=/bin/false\na\0b=c\n",
    "nul in the name": "[D-BUS Service]\nName=@N@\0x\nExec=/bin/false\n",
    "control character in a value": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX=a\1b\x7f\n",
    "control character in a key": "[D-BUS Service]\nName=@N@\nExec=/bin/false\na\1b=c\n",
    "no character in a value": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX=\ufffe\n",
    "highest character": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX=\U0010ffff\n",
    "bad utf-8 in a comment": "#\udcff\n[D-BUS Service]\nName=@N@\nExec=/bin/false\n",
    "byte order mark": "\ufeff[D-BUS Service]\nName=@N@\nExec=/bin/false\n",
    "carriage returns alone": "[D-BUS Service]\rName=@N@\rExec=/bin/false\r",
    "carriage return in a value": "[D-BUS Service]\nName=@N@\nExec=/bin/false a\rb\n",
    "carriage return in the name": "[D-BUS Service]\nName=@N@\rx\nExec=/bin/false\n",
    "two carriage returns": "[D-BUS Service]\nName=@N@\r\r\nExec=/bin/false\n",
    "line feed, carriage return": "[D-BUS Service]\n\rName=@N@\n\rExec=/bin/false\n\r",
    "crlf and empty lines": "[D-BUS Service]\r\n\r\nName=@N@\r\n\r\nExec=/bin/false\r\n",
    "form feed": "[D-BUS Service]\n\fName=@N@\nExec=/bin/false\n",
    "paragraph separator": "[D-BUS Service]\u2029Name=@N@\u2029Exec=/bin/false\n",
    "name twice": "[D-BUS Service]\nName=@N@\nName=@N@.x\nExec=/bin/false\nExec=/bin/true\n",
    "keys of other cases": "[D-BUS Service]\nname=@N@\nexec=/bin/false\n",
    "empty user": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nUser=\n",
    "empty unit": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nSystemdService=\n",
    "unit without exec": "[D-BUS Service]\nName=@N@\nSystemdService=unit.service\n",
    "empty label": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nAssumedAppArmorLabel=\n",
    "desktop entry": "[Desktop Entry]\nName=@N@\nExec=/bin/false\n",
    "quoted exec not closed": "[D-BUS Service]\nName=@N@\nExec='/bin/false\n",
    "long line": "[D-BUS Service]\nName=@N@\nExec=/bin/false\nX=" + "x" * 100000 + "\n",
    "131072 bytes": "",
    "131073 bytes": "",
    "nothing but lines": "\n" * 5000 + "[D-BUS Service]\nName=@N@\nExec=/bin/false\n",
}


def sized(text: str, size: int) -> str:
    """Make a text as long as this by a comment at its end."""
    return text + "#" + "x" * (size - len(text) - 2) + "\n"


@activating()
def syntax(bus: Bus) -> None:
    """Which files are taken, and what is said of those that are not."""
    names = {}
    for number, (what, text) in enumerate(SYNTAX.items()):
        name = f"com.example.n{number:03}"
        names[name] = what
        text = text.replace("@N@", name)
        if what.endswith(" bytes"):
            text = sized(f"{HEAD}Name={name}\nExec=/bin/false\n", int(what.split()[0]))
        path = bus.daemon.write(f"services/{name}.service", "")
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    bus.start(config(extra=FOLDER))
    a = bus.connect("A")
    reply = a.quiet(lambda: a.driver("ListActivatableNames"))
    taken = sorted(reply.body[0]) if reply else []
    for name, what in names.items():
        bus.log(f"{what}: {[t for t in taken if t.startswith(name)]}")
    bus.log(str([t for t in taken if not t.startswith("com.example.n")]))
    for line in sorted(bus.daemon.stderr().splitlines()):
        for name, what in names.items():
            line = line.replace(name, f"<{what}>")
        if "fd limit" not in line:
            bus.log(line)


COMMANDS = [
    "plain a b", "  leading   and\tmany  spaces  ", "'single quoted'", '"double quoted"',
    "a'b'c\"d\"e", "''", '""', "'' '' x", "a\\\\ b", "a\\\\\\\\b", "\\\\'x", "\\\\\"x",
    "'a\\\\b'", "'a\\\\'", "\"a\\\\b\"", "\"a\\\\\"b\"", "\"a\\\\\\\\b\"", "\"a\\\\$b\"", "\"a\\\\`b\"",
    "\"a\\\\'b\"", "\"a\\\\ b\"", "\"a\\\\nb\"", "\\\\n", "\\n", "a\\nb", "a\\tb", "'a\\nb'",
    "\"a\\nb\"", "'not closed", "\"not closed", "\"not closed\\\\\"", "'a'not closed'",
    "x # comment", "x #comment", "x#comment", "'#' x", "\\\\# x", "x \"#\" y", "# comment",
    "# comment\\nnot comment", "a # 'b", "a '#b", "$HOME", "~", "*", "a;b", "a&b", "a|b", "`a`", "$(a)",
    "%u %F %%", "a\\\\", "\\\\", "\\\\\\\\", "\u00e4\u00f6\u00fc", "a\\rb", "a\\r b", "a\\sb", "'a\\sb'", "a\\\\\\nb", "\"a\\\\\\nb\"",
    "\"\"a\"\"", "a\"\"", "\"a\"\"b\"", "'a''b'", "\"'\"", "'\"'", "a=b", "-x --long=1", "",
    "\u00a0x", "\x0bx", "\fx", "a" * 3000, " ".join(["a"] * 500),
]


@activating()
def command_lines(bus: Bus) -> None:
    """What becomes of the words of a command line."""
    bus.daemon.write("show", "#!/bin/sh\nprintf '<%s>' \"$@\" >@DIR@/out.tmp\n"
                     "mv @DIR@/out.tmp @DIR@/out\nexit 1\n", 0o755)
    for number, words in enumerate(COMMANDS):
        bus.daemon.write(f"services/com.example.n{number}.service",
                         f"{HEAD}Name=com.example.n{number}\nExec=@DIR@/show {words}\n")
    bus.start(config(extra=FOLDER))
    a = bus.connect("A")
    out = bus.directory / "out"
    for number, words in enumerate(COMMANDS):
        bus.log(repr(words[:60]))
        call(a, f"com.example.n{number}")
        if out.exists():
            bus.log(repr(out.read_text()))
            out.unlink()


PROGRAMS = ["'/bin/false'", "\"/bin/false\"", "/bin/fal'se'", "/bin/fal\\\\se", "''", "\"\"", "'' x",
            "#", "# x", "' '", "\\\\", "'/bin/false", "false", "./false", "x/../false", "/bin/fa\\slse",
            "@DIR@/no-shebang", "@DIR@/bad-shebang", "@DIR@/a script", "'@DIR@/a script'",
            "@DIR@/a\\\\ script", "@DIR@/link", "@DIR@/broken", "@DIR@/loop", "/bin/false/x",
            "/" + "x" * 300, "/" + "x/" * 3000, "@DIR@/empty", "@DIR@/services", "=", "\\n/bin/false",
            "/bin/false\\n/bin/true", "/bin/false\\n", "/bin/sh -c 'kill -TERM $$'",
            "/bin/sh -c 'exit 255'", "/bin/sh -c 'exit 256'"]


@activating()
def programs(bus: Bus) -> None:
    """Programs which can be run, and which cannot."""
    bus.daemon.write("no-shebang", "exit 3\n", 0o755)
    bus.daemon.write("bad-shebang", "#!/nonexistent/program\nexit 3\n", 0o755)
    bus.daemon.write("a script", "#!/bin/sh\nexit 4\n", 0o755)
    bus.daemon.write("empty", "", 0o755)
    bus.daemon.write("false", "#!/bin/sh\nexit 5\n", 0o755)
    for name, target in (("link", "/bin/false"), ("broken", "/nonexistent"), ("loop", "loop")):
        os.symlink(target, bus.directory / name)
    for number, words in enumerate(PROGRAMS):
        bus.daemon.write(f"services/com.example.n{number}.service",
                         f"{HEAD}Name=com.example.n{number}\nExec={words}\n")
    bus.start(config(extra=FOLDER, limits={"service_start_timeout": 600}))
    a = bus.connect("A")
    for number, words in enumerate(PROGRAMS):
        bus.log(repr(words[:60]))
        call(a, f"com.example.n{number}")
    for line in bus.daemon.stderr().splitlines():
        if "fd limit" not in line:
            bus.log(line)


NAMES = ["bad name", ":1.99", "nodots", ".", "..", "a..b", "1.2", "org.freedesktop.DBus", "\u00fc.\u00fc",
         "a.b-c", "a." + "x" * 300, "-", "*", "com.example.\u00fc"]


@activating()
def odd_names(bus: Bus) -> None:
    """Services whose names are none: in the list, and started."""
    for number, name in enumerate(NAMES):
        bus.daemon.write(f"services/com.example.n{number}.service",
                         f"{HEAD}Name={name}\nExec=/bin/false\n")
    bus.start(config(extra=FOLDER))
    a = bus.connect("A")
    a.driver_sorted("ListActivatableNames")
    for name in NAMES:
        a.driver("StartServiceByName", "su", [name, 0])
    a.driver("StartServiceByName", "su", ["", 0])
    call(a, ":1.99")
    for line in sorted(bus.daemon.stderr().splitlines()):
        if "should have been" in line:
            bus.log(line)


def list_names(bus: Bus, a: Client) -> None:
    """Write down the names without the bus's own."""
    a.driver_sorted("ListActivatableNames")


@activating()
def found_without_reload(bus: Bus) -> None:
    """Files that come, change and go are noticed when they are asked for."""
    folder = bus.directory / "services"
    folder.mkdir()
    bus.start(config(extra=FOLDER))
    a = bus.connect("A")

    def write(status: int, name: str = "com.example.F") -> None:
        """Put a file into place."""
        bus.daemon.write("new", f"{HEAD}Name={name}\nExec=/bin/sh -c 'exit {status}'\n")
        os.utime(bus.directory / "new", (1000000000 + status, 1000000000 + status))
        (bus.directory / "new").rename(folder / "com.example.F.service")

    call(a, "com.example.F")
    write(1)
    call(a, "com.example.F")
    write(2)
    call(a, "com.example.F")
    write(3, "com.example.G")
    call(a, "com.example.F")
    call(a, "com.example.G")
    (folder / "com.example.F.service").unlink()
    call(a, "com.example.G")
    call(a, "com.example.F")


def folders(*names: str) -> str:
    """Elements for several folders."""
    return "".join(f"  <servicedir>@DIR@/{name}</servicedir>" for name in names)


@activating()
def folders_come_and_go(bus: Bus) -> None:
    """Folders which are not there, or no folders."""
    bus.daemon.write("file", "")
    bus.start(config(extra=folders("missing", "file", "link", "services")))
    a = bus.connect("A")
    list_names(bus, a)
    for folder in ("missing", "services"):
        bus.daemon.write(f"{folder}/com.example.A.service",
                         f"{HEAD}Name=com.example.A\nExec=/bin/sh -c 'exit {len(folder)}'\n")
        call(a, "com.example.A")
        list_names(bus, a)
    os.symlink("services", bus.directory / "link")
    call(a, "com.example.A")
    a.driver("ReloadConfig")
    call(a, "com.example.A")
    list_names(bus, a)


@activating()
def same_name_in_many(bus: Bus) -> None:
    """One name in several files and folders, and what is said of it."""
    for number, (folder, file) in enumerate((("one", "com.example.A"), ("two", "com.example.A"),
                                             ("two", "com.example.B"), ("three", "x"))):
        bus.daemon.write(f"{folder}/{file}.service",
                         f"{HEAD}Name=com.example.A\nExec=/bin/sh -c 'exit {number + 1}'\n")
    bus.start(config(extra=folders("one", "two", "three")))
    a = bus.connect("A")
    list_names(bus, a)
    call(a, "com.example.A")
    (bus.directory / "one" / "com.example.A.service").unlink()
    a.driver("ReloadConfig")
    list_names(bus, a)
    for line in bus.daemon.stderr().splitlines():
        if "fd limit" not in line and "Reloaded" not in line:
            bus.log(line)


@activating()
def strict_folder(bus: Bus) -> None:
    """The folder of this run takes only files that are called as the service."""
    for file, name in (("com.example.A", "com.example.A"), ("com.example.B", "com.example.C"),
                       ("x", "com.example.D"), ("", "com.example.E")):
        bus.daemon.write(f"dbus-1/services/{file}.service", f"{HEAD}Name={name}\nExec=/bin/false\n")
    bus.daemon.write("share/dbus-1/services/com.example.A.service",
                     f"{HEAD}Name=com.example.A\nExec=/bin/sh -c 'exit 9'\n")
    for path in ("dbus-1", "dbus-1/services"):
        (bus.directory / path).chmod(0o700)
    bus.directory.chmod(0o700)
    bus.start(config(extra="  <standard_session_servicedirs/>"))
    a = bus.connect("A")
    reply = a.quiet(lambda: a.driver("ListActivatableNames"))
    bus.log(str(sorted(name for name in reply.body[0] if "example" in name) if reply else ""))
    for name in "ABCDE":
        call(a, f"com.example.{name}")
    for line in sorted(bus.daemon.stderr().splitlines()):
        if "@DIR@" in line.replace(str(bus.directory), "@DIR@"):
            bus.log(line)


@activating(params=["changes first", "changes last", "and back"])
def takes_anothers_name(bus: Bus, how: str) -> None:
    """A file that changes to the name which another file has."""
    folder = bus.directory / "services"
    kept, changed = ("B", "A") if how == "changes first" else ("A", "B")

    def write(file: str, name: str, status: int) -> None:
        """Put a file into place, of another time than before."""
        bus.daemon.write("new", f"{HEAD}Name=com.example.{name}\nExec=/bin/sh -c 'exit {status}'\n")
        os.utime(bus.directory / "new", (1000000000 + status, 1000000000 + status))
        (bus.directory / "new").rename(folder / f"com.example.{file}.service")

    def seen() -> None:
        """Wait till the daemon has noticed."""
        a.wait_member("ActivatableServicesChanged")
        list_names(bus, a)

    folder.mkdir()
    write(kept, kept, 1)
    write(changed, changed, 2)
    bus.start(config(extra=FOLDER))
    a = bus.connect("A")
    a.add_match("type='signal',member='ActivatableServicesChanged'")
    write(changed, kept, 3)
    seen()
    call(a, f"com.example.{changed}")
    call(a, f"com.example.{kept}")
    if how == "and back":
        write(changed, changed, 4)
    else:
        (folder / f"com.example.{kept}.service").unlink()
    seen()
    call(a, f"com.example.{kept}")
    call(a, f"com.example.{changed}")


@scenario(config(extra=FOLDER), fds_settle=False,
          params=["written", "moved in", "removed", "moved out", "other file", "mode", "folder"])
def watched(bus: Bus, change: str) -> None:
    """What changes in a folder makes the daemon read its configuration again."""
    folder = bus.directory / "services"
    folder.mkdir(exist_ok=True)
    text = f"{HEAD}Name=com.example.F\nExec=/bin/false\n"
    if change in ("removed", "moved out", "mode"):
        bus.daemon.write("services/com.example.F.service", text)
    a = bus.connect("A")
    a.add_match("type='signal',member='ActivatableServicesChanged'")
    a.driver("ReloadConfig")
    if change == "written":
        bus.daemon.write("services/com.example.F.service", text)
    elif change == "moved in":
        bus.daemon.write("other", text).rename(folder / "com.example.F.service")
    elif change == "removed":
        (folder / "com.example.F.service").unlink()
    elif change == "moved out":
        (folder / "com.example.F.service").rename(bus.directory / "other")
    elif change == "other file":
        bus.daemon.write("services/other", "")
    elif change == "mode":
        (folder / "com.example.F.service").chmod(0o600)
        bus.daemon.write("services/other", "")
    else:
        (folder / "sub").mkdir()
        bus.daemon.write("services/other", "")
    a.wait_member("ActivatableServicesChanged")
    list_names(bus, a)


@scenario(config(extra="  <includedir>@DIR@/conf.d</includedir>"))
def configuration_watched(bus: Bus) -> None:
    """A file that comes into an <includedir> is read at once."""
    (bus.directory / "conf.d").mkdir()
    a = bus.connect("A")
    a.add_match("type='signal',member='ActivatableServicesChanged'")
    a.driver("ReloadConfig")
    bus.daemon.write("conf.d/x.conf", '<busconfig><limit name="max_names_per_connection">1</limit>'
                     "</busconfig>")
    a.wait_member("ActivatableServicesChanged")
    a.request_name("com.example.X")
    assert X
    assert wire
