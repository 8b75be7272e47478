#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the launch helper on many configurations and service files, and the stock one beside it.

What each case is to come to is written down; where the stock helper is installed it has to come to
the same, but where ours is meant to differ. With --random both get files that nobody wrote, and
have to agree. Needs root, and a mount namespace of its own: the helper reads one file at one place,
over which ours is mounted. Prints TAP; the exit status is 77 when the machine does not let us.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SKIPPED = 77
STOCK = Path("/usr/lib/dbus-1.0/dbus-daemon-launch-helper")
PLACE = Path("/usr/share/dbus-1")  # where the stock helper and launch-helper-for-tests look
N = "com.example.A"
NOBODY = 65534
USAGE = "dbus-daemon-activation-helper service.to.activate\n"
ERROR = "org.freedesktop.DBus.Error."

# bus/launch-status.h
OK, FAILED, _, _, SETUP, NAME, MISSING, PERMISSIONS, FILE, EXEC, ARGS = range(11)


def conf(inside: str = "", user: str | None = "root", dirs: tuple[str, ...] = ("one",)) -> str:
    """A configuration of the system bus. @T@ is the directory of the test."""
    who = "" if user is None else f"<user>{user}</user>"
    places = "".join(f"<servicedir>@T@/{name}</servicedir>" for name in dirs)
    return f"<busconfig>{who}{places}{inside}</busconfig>"


def service(command: str = "/usr/bin/printf <%s> a 'b c'", user: str | None = "root", name: str = N,
            more: str = "") -> str:
    """A service file."""
    who = "" if user is None else f"User={user}\n"
    return f"[D-BUS Service]\nName={name}\nExec={command}\n{who}{more}"


SERVICE = {f"one/{N}.service": service()}
SHOWN = "<a><b c>"


@dataclass
class Case:
    """One run. The files are relative to the directory of the test; None is a directory."""

    what: str
    status: int
    out: str = ""
    err: str = ""
    args: tuple[str, ...] = (N,)
    conf: str | None = field(default_factory=conf)
    files: dict[str, str | None] = field(default_factory=lambda: dict(SERVICE))
    uid: int = 0
    setuid: bool = True
    caller: Callable[[Path], None] | None = None  # done before, by who calls it, who may be a user
    differs: str = ""  # why the stock helper need not do the same


def one(text: str) -> dict[str, str | None]:
    """The one service file."""
    return {f"one/{N}.service": text}


def lacking(key: str) -> str:
    """What is said of a file without a key."""
    return f'{ERROR}Failed: No "{key}" key in .service file\n\n'


def faulty(where: str, why: str) -> str:
    """What is said of a configuration that is not XML."""
    return f"{ERROR}Failed: Error in file {PLACE}/system.conf, {where}: {why}\n\n"


ENVIRONMENT = ("DBUS_STARTER_ADDRESS=unix:path=/run/dbus/system_bus_socket\n"
               "DBUS_STARTER_BUS_TYPE=system\n")
IDS = ("/bin/sh -c '/usr/bin/id -u; /usr/bin/id -g; /usr/bin/id -G; "
       "exec /bin/grep -E \"^Cap(Prm|Eff)\" /proc/self/status'")
NO_CAPS = "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"


def have_umask(mask: int, _: Path) -> None:
    """Let everything that is made have none of these modes."""
    os.umask(mask)


def refuse_signals(_: Path) -> None:
    """Ignore all signals, block them, and have some wait."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    os.kill(os.getpid(), signal.SIGCHLD)


def libc_ignores() -> int:
    """Those of this process's ignored signals that are libc's, and that nobody can change: programs
    that posix_spawn(3) has started have them."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
    return ignored & ~sum(1 << number - 1 for number in signal.valid_signals())


def start_timers(_: Path) -> None:
    """Each ends who does not expect it."""
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.01)
    signal.setitimer(signal.ITIMER_PROF, 0.01)


def give(fd: int, mode: int, top: Path) -> None:
    """Have a file of root's, of one line, as a standard descriptor."""
    os.dup2(os.open(top / "line", mode), fd)


CASES = [
    Case("a service is started", OK, SHOWN),
    Case("no argument", OK, err=USAGE, args=()),
    Case("two arguments", OK, err=USAGE, args=(N, N)),
    Case("-h", OK, err=USAGE, args=("-h",)),
    Case("--help", OK, err=USAGE, args=("--help",)),
    Case("--version is no name", NAME, args=("--version",)),
    Case("no argument and no configuration", OK, err=USAGE, args=(), conf=None),
    *(Case(f"{name[:20]!r} is no name", NAME, args=(name,))
      for name in ("", "a", "a..b", "a.1", "../x.y", f"{N}/", f"{N}\n", f"{N}\udcff", "a.b" * 100)),
    Case("a bad name and no configuration", NAME, args=("x",), conf=None),
    *(Case(f"{name} is a name that nobody has", MISSING, args=(name,))
      for name in ("com.example.B", ":1.5", "-a.b", "org.freedesktop.DBus")),

    Case("the environment", OK, ENVIRONMENT, files=one(service("/usr/bin/env"))),
    Case("the working directory", OK, "/\n", caller=os.chdir,
         files=one(service("/bin/sh -c 'cd . && exec /bin/pwd'")), differs="it is the caller's"),
    Case("a command where the caller is", EXEC, caller=os.chdir,
         files={**one(service("its/own")), "its/own": "#!/bin/true\n"},
         differs="it runs that"),
    *(Case(f"a umask of {mask:o}", OK, f"{mask | 0o22:04o}\n",
           caller=functools.partial(have_umask, mask), files=one(service("/bin/sh -c umask")),
           differs="" if mask & 0o22 == 0o22 else "it keeps it")
      for mask in (0, 0o22, 0o77, 0o755)),
    Case("signals", OK, "SigPnd:\t@\nShdPnd:\t@\nSigBlk:\t@\nSigIgn:\t@1000\n".replace(
             "@1000", f"{1 << signal.SIGPIPE - 1 | libc_ignores():016x}").replace("@", "0" * 16),
         caller=refuse_signals,
         files=one(service("/bin/grep -E '^(Sig(Blk|Ign|Pnd)|ShdPnd)' /proc/self/status")),
         differs="it keeps them"),
    Case("timers of the caller", OK, "done", caller=start_timers,
         files=one(service("/bin/sh -c '/bin/sleep 0.3; printf done'")),
         differs="a signal ends the service"),
    Case("input of the caller", OK, "", caller=functools.partial(give, 0, os.O_RDONLY),
         files={**one(service("/bin/cat")), "line": "y\n"}, differs="it is the service's"),
    *(Case(f"what the caller may not write to, as {fd}", OK, "",
           caller=functools.partial(give, fd, mode), uid=NOBODY, conf=conf(user="nobody"),
           files={**one(service(f"/bin/sh -c 'echo x >/proc/self/fd/{fd}; exec /bin/grep -qx y "
                                "@T@/line'")), "line": "y\n"},
           differs="the service writes to it")
      for fd in (1, 2) for mode in (os.O_RDONLY, os.O_PATH)),
    Case("descriptors of the caller", OK, "0 1 2 3 ",
         files=one(service("/bin/sh -c 'cd /proc/self/fd; for i in *; do printf \"%s \" $i; "
                             "done'")),
         differs="it leaves them open"),
    Case("an ordinary user", OK, f"1\n1\n1\n{NO_CAPS}", files=one(service(IDS, "daemon"))),
    Case("a user who may not run it", EXEC, files={**one(service("@T@/mine", "nobody")),
                                                   "mine": "#!/bin/sh\n"}),

    Case("no configuration", FAILED, conf=None,
         err=f'{ERROR}FileNotFound: Failed to open "{PLACE}/system.conf": '
             "No such file or directory\n"),
    Case("an empty configuration", FAILED, conf="",
         err=faulty("line 1, column 0", "no element found")),
    Case("a configuration that ends", FAILED, conf="<busconfig>\n<user>",
         err=faulty("line 2, column 6", "no element found")),
    Case("a configuration with another end", FAILED, conf="<busconfig>\n</user>",
         err=faulty("line 2, column 2", "mismatched tag")),
    Case("a configuration with something behind it", FAILED, conf=conf() + "<x/>",
         err=faulty("line 1, column @", "junk after document element")),
    Case("a configuration in another encoding", OK, SHOWN,
         conf="<?xml version='1.0' encoding='x'?>" + conf()),
    Case("a configuration that is too large", FAILED, conf=conf(f"<!--{'x' * 1048576}-->"),
         err=f'{ERROR}Failed: File size @ of "{PLACE}/system.conf" is too large.\n'),
    Case("elements nobody knows", OK, SHOWN, conf=conf("<x/><limit name='y'>z</limit>text")),
    Case("elements wherever they are", OK, SHOWN, conf=f"<x><policy>{conf()}</policy></x>"),
    Case("nothing is included", PERMISSIONS, files={**SERVICE, "inc": conf(user="root")},
         conf=conf("<include>@T@/inc</include>", user=None)),
    Case("an include that is missing", OK, SHOWN, conf=conf("<include>/nonexistent</include>")),
    Case("no user", PERMISSIONS, conf=conf(user=None)),
    Case("an empty user", PERMISSIONS, conf=conf(user="")),
    Case("an unknown user", PERMISSIONS, conf=conf(user="x y z")),
    Case("a user by number", PERMISSIONS, conf=conf(user="0")),
    Case("another user", PERMISSIONS, conf=conf(user="daemon")),
    Case("two users", PERMISSIONS, conf=conf("<user>root</user>")),
    Case("two users, the other first", PERMISSIONS, conf=conf("<user>root</user>", user="daemon")),
    Case("a user made of two", PERMISSIONS, conf=conf("<user>ro</user>", user="ot"),
         differs="it joins them, last one first"),
    Case("a user and nobody", OK, SHOWN, conf=conf("<user> </user>")),
    Case("a user with blanks", OK, SHOWN, conf=conf(user="\n root\t")),
    Case("a user with a comment, a character and more", OK, SHOWN,
         conf=conf(user="<![CDATA[r]]>&#111;<!-- x -->ot<x>y</x>")),
    Case("a user behind an element", PERMISSIONS, conf=conf(user="<x/>root")),
    Case("no directory", MISSING, conf=conf(dirs=())),
    Case("a directory with blanks", OK, SHOWN,
         conf=conf("<servicedir>\n@T@/one </servicedir>", dirs=())),
    Case("a directory with slashes", OK, SHOWN, conf=conf(dirs=("one//",))),
    Case("an empty directory", OK, SHOWN, conf=conf("<servicedir/>")),
    Case("a relative directory", OK, SHOWN, conf=conf("<servicedir>s</servicedir>", dirs=()),
         files={f"share/s/{N}.service": service()}, differs="it is relative to the caller's"),
    Case("standard directories", OK, SHOWN, conf=conf("<standard_system_servicedirs/>", dirs=()),
         files={f"share/system-services/{N}.service": service()}),
    Case("no directories of sessions", MISSING, files={f"share/services/{N}.service": service()},
         conf=conf("<standard_session_servicedirs/>", dirs=())),
    Case("the first directory counts", OK, SHOWN, conf=conf(dirs=("one", "two")),
         files={**SERVICE, f"two/{N}.service": service("/bin/false")}),
    Case("the second directory", OK, SHOWN, conf=conf(dirs=("two", "one"))),
    Case("standard directories in their place", OK, SHOWN,
         conf=conf("<standard_system_servicedirs/>"),
         files={**SERVICE, f"share/system-services/{N}.service": service("/bin/false")}),

    Case("a file of another name", MISSING, files={"one/x.service": service()}),
    Case("a service of another name", FILE, files=one(service(name="com.example.B"))),
    Case("a service of no name", FAILED, err=lacking("Name"),
         files=one("[D-BUS Service]\nUser=root\n")),
    Case("no command", FAILED, err=lacking("Exec"), files=one(f"[D-BUS Service]\nName={N}\n")),
    Case("another name and no command", FILE, files=one("[D-BUS Service]\nName=x\n")),
    Case("a service of no user", FAILED, err=lacking("User"), files=one(service(user=None))),
    *(Case(f"a file that is {what} does not count", OK, SHOWN, conf=conf(dirs=("one", "two")),
           files={f"one/{N}.service": text, f"two/{N}.service": service()})
      for what, text in (("not one", "x"), ("not UTF-8", "\udcff"), ("a directory", None),
                         ("too large", "#" * 131073))),
    Case("a file that is wrong does", FILE, conf=conf(dirs=("one", "two")),
         files={**one(service(name="x")), f"two/{N}.service": service()}),
    *(Case(f"a service of user {user!r}", SETUP, files=one(service(user=user)))
      for user in ("", "x y z", "0", "65534", "root ", "root\\n")),
    Case("no such user and no command line", SETUP, files=one(service("'", "x y z"))),
    Case("a command line that does not end", ARGS, files=one(service("'x"))),
    *(Case(f"{command!r} cannot be run", EXEC, files=one(service(command)))
      for command in ("", "/nonexistent", "printf", "/etc", "/etc/passwd", "'' x")),

    Case("called by another than the bus", PERMISSIONS, uid=NOBODY),
    Case("called by the bus", OK, f"0\n0\n0\n{NO_CAPS}".replace("0" * 16, "@"), uid=NOBODY,
         conf=conf(user="nobody"), files=one(service(IDS))),
    Case("called by the bus, for another", OK, f"1\n1\n1\n{NO_CAPS}", uid=NOBODY,
         conf=conf(user="nobody"), files=one(service(IDS, "daemon"))),
    Case("called by root", PERMISSIONS, conf=conf(user="nobody")),
    Case("not setuid", PERMISSIONS, uid=NOBODY, conf=conf(user="nobody"), setuid=False),
    Case("not setuid and a bad configuration", FAILED, uid=NOBODY, setuid=False, conf="",
         err=faulty("line 1, column 0", "no element found")),
    Case("not setuid and no service", PERMISSIONS, uid=NOBODY, conf=conf(user="nobody"),
         setuid=False, files={}),
]


class Bench:
    """A place with files, and helpers to run there."""

    def __init__(self, top: Path, ours: str, stock: Path) -> None:
        """Copy the helpers, as setuid programs and not."""
        self.top = top
        top.chmod(0o755)
        self.share = top / "share"
        self.share.mkdir()
        subprocess.run(["mount", "--bind", str(self.share), str(PLACE)], check=True)
        self.helpers = ["ours"]
        shutil.copy(ours, top / "ours")
        if stock.exists():
            self.helpers.append("stock")
            shutil.copy(stock, top / "stock")
        for name in self.helpers:
            shutil.copy(top / name, top / f"{name}.plain")
            (top / name).chmod(0o4755)
            (top / f"{name}.plain").chmod(0o755)

    def may_be_setuid(self) -> bool:
        """Whether programs here become root when they are set to."""
        return not os.statvfs(self.top).f_flag & os.ST_NOSUID

    def put(self, path: Path, text: str | None) -> None:
        """Write a file, or make a directory for None."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.mkdir()
        else:
            path.write_bytes(text.replace("@T@", str(self.top)).encode("utf-8", "surrogateescape"))

    def lay_out(self, text: str | None, files: dict[str, str | None]) -> None:
        """Put the files of a case into place, and those of others away."""
        for path in self.top.iterdir():
            if path.name not in ("share", "ours", "ours.plain", "stock", "stock.plain"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in self.share.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if text is not None:
            self.put(self.share / "system.conf", text)
        for name, content in files.items():
            self.put(self.top / name, content)
        for name, mode in (("mine", 0o700), ("its/own", 0o755)):
            if name in files:
                (self.top / name).chmod(mode)

    def run(self, program: str, case: Case) -> tuple[int, str, str]:
        """Run a helper. Returns its status and what it and the service wrote."""
        environment = {"PATH": "/bin", "LD_PRELOAD": "", "DBUS_STARTER_ADDRESS": "x", "X": "y"}
        # In a group that nothing of this should leave anybody in.
        who = {"user": case.uid, "group": case.uid, "extra_groups": (7,)}
        caller = functools.partial(case.caller, self.top) if case.caller else None
        spare = os.open("/dev/null", os.O_RDONLY)
        args = [str(self.top / program) + ("" if case.setuid else ".plain"), *case.args]
        try:
            ran = subprocess.run(
                [a.encode("utf-8", "surrogateescape") for a in args], stdin=subprocess.DEVNULL,
                capture_output=True, env=environment, cwd="/", pass_fds=(spare,), timeout=20,
                check=False, preexec_fn=caller, **who)  # type: ignore[call-overload]
        finally:
            os.close(spare)
        return (ran.returncode, ran.stdout.decode("utf-8", "replace"),
                ran.stderr.decode("utf-8", "replace"))


def similar(text: str, pattern: str) -> bool:
    """Whether a text is as expected, with any hexadecimal number for each @."""
    parts = pattern.split("@")
    if not text.startswith(parts[0]):
        return False
    rest = text[len(parts[0]):]
    for part in parts[1:]:
        rest = rest.lstrip("0123456789abcdef")
        if not rest.startswith(part):
            return False
        rest = rest[len(part):]
    return not rest


def check(bench: Bench, case: Case) -> Iterator[str]:
    """Run one case. Yields what is wrong."""
    for program in bench.helpers:
        if program == "stock" and case.differs:
            continue
        status, out, err = bench.run(program, case)
        if status != case.status or not similar(out, case.out) or not similar(err, case.err):
            yield f"{program}: {status} {out!r} {err!r}"
            yield f"expected: {case.status} {case.out!r} {case.err!r}"


def run_cases(bench: Bench) -> int:
    """Run all cases. Returns how many went wrong."""
    wrong = 0
    print(f"1..{len(CASES)}")
    for number, case in enumerate(CASES, 1):
        if not bench.may_be_setuid() and case.uid and case.setuid:
            print(f"ok {number} - {case.what} # SKIP programs cannot be setuid here")
            continue
        bench.lay_out(case.conf, case.files)
        problems = list(check(bench, case))
        wrong += bool(problems)
        print(f"{'not ' if problems else ''}ok {number} - {case.what}")
        for line in problems:
            print(f"# {line}")
        sys.stdout.flush()
    return wrong


PIECES = [
    "<", ">", "/", "<user>", "</user>", "root", "<servicedir>", "</servicedir>", "@T@/two", "x",
    "<standard_system_servicedirs/>", "<!-- ", "-->", "&lt;", "<![CDATA[", "]]>", " ", "\n", "\0",
    "<include>", "\u00e9", "\udcff", "[D-BUS Service]\n", "Name=", f"Name={N}\n",
    "\nUser=root\n", "Exec=", "\\s", "\\", "'", '"', "#", "=", "[", "]", "User=", "\r", "nobody",
    "a.b",
]


def mangle(text: str, chance: random.Random) -> str:
    """Change a text in some places."""
    for _ in range(chance.choice((0, 0, 1, 1, 2, 4))):
        at = chance.randint(0, len(text))
        text = text[:at] + chance.choice(PIECES) + text[at + chance.choice((0, 0, 1, 3, 10)):]
    return text


def run_random(bench: Bench, count: int, seed: int) -> int:
    """Let both helpers do the same with files that nobody wrote. Returns how often they did not."""
    chance, wrong, seen = random.Random(seed), 0, {}
    for _ in range(count):
        files: dict[str, str | None] = {
            f"{folder}/{N}.service": mangle(service(f"/usr/bin/printf {folder} 'b c'"), chance)
            for folder in ("one", "two") if chance.random() < 0.8}
        text = mangle(conf("<servicedir>@T@/two</servicedir>"), chance)
        case = Case("random", 0, args=(mangle(N, chance).replace("\0", "") if chance.random() < 0.1
                                       else N,), conf=text, files=files)
        bench.lay_out(text, files)
        results = [bench.run(program, case) for program in bench.helpers]
        seen[results[0][0]] = seen.get(results[0][0], 0) + 1
        # The stock helper takes text behind an element for more of it, which the daemon refuses.
        stray = text.count("<user>") != 1 or re.search(r"</(user|servicedir)>\s*[^<\s]", text)
        if any(r != results[0] for r in results) and not stray:
            wrong += 1
            print(f"# {case.args!r} {text!r} {files!r}\n#   {results}")
    print(f"# statuses: {dict(sorted(seen.items()))}")
    print(f"1..1\n{'not ' if wrong else ''}ok 1 - {count} random configurations, services, names")
    return wrong


def skip(reason: str) -> int:
    """Say why nothing is done."""
    print(f"1..0 # SKIP {reason}")
    return SKIPPED


def main() -> int:
    """Run everything, in a namespace of our own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", required=True, help="the helper to test")
    parser.add_argument("--stock", type=Path, default=STOCK, help="the helper to equal")
    parser.add_argument("--random", type=int, metavar="COUNT",
                        help="compare on random files instead")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if os.geteuid() != 0:
        return skip("only root can become somebody else")
    if not PLACE.is_dir():
        return skip(f"no {PLACE} to mount something over")
    if options.random and not options.stock.exists():
        return skip(f"no {options.stock} to compare with")
    if not options.inside:
        alone = ["unshare", "--mount", "--propagation", "private"]
        if subprocess.run([*alone, "mount", "--bind", str(PLACE), str(PLACE)], check=False,
                          capture_output=True).returncode:
            return skip("no mount namespace of our own")
        return subprocess.run([*alone, sys.executable, "-B", *sys.argv, "--inside"],
                              check=False).returncode
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="launch-helper-") as top:
        bench = Bench(Path(top), options.ours, options.stock)
        wrong = run_random(bench, options.random, options.seed) if options.random \
            else run_cases(bench)
        subprocess.run(["umount", str(PLACE)], check=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
