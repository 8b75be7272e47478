#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Check that the behaviour suite uses every function which the stock library exports.

The functions are those that `objdump -T` lists under the public symbol version. A function counts
as used when some test-*.c of the suite names it outside of comments and strings: to call it, or to
put it into a table through which it is called. Prints TAP with a line for each function.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SKIPPED = 77
PUBLIC = "LIBDBUS_1_3"

_NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)
_WORD = re.compile(r"\bdbus_\w+")


def exported(library: Path) -> list[str]:
    """The public functions of the library."""
    table = subprocess.run(["objdump", "-T", library], capture_output=True, text=True,
                           check=True).stdout
    rows = (line.split() for line in table.splitlines())
    return sorted({row[-1] for row in rows
                   if len(row) > 5 and row[-2].strip("()") == PUBLIC and "DF" in row
                   and ".text" in row})


def used(sources: list[Path]) -> dict[str, list[str]]:
    """Each function that the sources name, with the files."""
    result: dict[str, list[str]] = {}
    for path in sources:
        code = _NOT_CODE.sub(" ", path.read_text(encoding="utf-8"))
        for word in sorted(set(_WORD.findall(code))):
            result.setdefault(word, []).append(path.name)
    return result


def main() -> int:
    """Compare and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stock-library", type=Path, required=True, metavar="DIR",
                        help="directory of the stock libdbus-1.so.3")
    library = parser.parse_args().stock_library / "libdbus-1.so.3"
    if not library.exists() or not shutil.which("objdump"):
        print(f"1..0 # SKIP needs {library} and objdump")
        return SKIPPED
    functions = exported(library)
    users = used(sorted((HERE / "behaviour").glob("test-*.c")))
    failed = 0
    print(f"1..{len(functions)}")
    for number, name in enumerate(functions, 1):
        files = users.get(name, [])
        failed += not files
        print(f"{'ok' if files else 'not ok'} {number} - {name}"
              f" ({', '.join(files) if files else 'no test uses it'})")
    print(f"{len(functions) - failed} passed, {failed} failed")
    return 1 if failed or not functions else 0


if __name__ == "__main__":
    sys.exit(main())
