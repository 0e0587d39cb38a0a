#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks how the code is laid out: which folder includes which, and how long files and functions are.

Usage: tests/lint/arrows.py [ROOT]. Prints each offending line as `file:line: what`, and fails if there is one.
"""
import pathlib
import re
import sys

# A folder may include what stands in a row above its own. Folders of one row do not know each other, so there can be
# no circle either.
ORDER = (
    ("include/l7ctl",),
    ("loader/core/base",),
    ("loader/core/names",),
    ("loader/core/match", "loader/core/dissect"),
    ("loader/core/expect",),
    ("loader/core/flow",),
    ("loader/core/policy",),
    ("loader/core/sync",),
    ("loader/core/report",),
    ("bpf", "loader/capture", "loader/control", "loader/export", "loader/kernel", "loader/metrics", "loader/net",
     "loader/sync"),
    ("loader/daemon",),
    ("loader/cli",),
    ("loader",),
)
BESIDE = {("loader/kernel", "loader/net")}  # arrows within a row
WITH_FOLDERS_BELOW = ("loader/daemon",)  # which count as one

FILE_LINES = 500
FUNCTION_LINES = 60  # beyond, unless the line before says that it is a table
TABLE = "// table"

INCLUDE = re.compile(r'\s*#\s*include "([^"]+)"')
# The first line of a function: clang-format puts its closing brace below the line's first character.
NO_FUNCTION = re.compile(r"\s*(namespace|class|struct|union|enum|extern|static_assert|#|//|\*|/\*|})|\s*$")


def folder_of(path):
    folder = path.parent.as_posix()
    return next((one for one in WITH_FOLDERS_BELOW if folder.startswith(one + "/")), folder)


def target_of(root, source, name):
    """The folder of the file that is included; None for one that the build makes."""
    places = [pathlib.Path(base, name) for base in ("loader", "include", source.parent.as_posix())]
    return next((folder_of(path) for path in places if (root / path).exists()), None)


def row_of(folder):
    return next((row for row, folders in enumerate(ORDER) if folder in folders), None)


def check_includes(root, source, lines):
    here = folder_of(source)
    if row_of(here) is None:
        yield 1, f"{here} has no place in the order of folders"
        return
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        there = target_of(root, source, found[1])
        if there in (None, here) or (here, there) in BESIDE:
            continue
        if row_of(there) is None or row_of(there) >= row_of(here):
            yield number, f"{here} must not know {there}"


def check_functions(lines):
    """Functions at the outermost level or in a class. What begins within one ends before it does."""
    end = 0
    for start, line in enumerate(lines):
        if start < end or NO_FUNCTION.match(line) or "(" not in line or lines[start - 1].endswith("\\"):
            continue
        opening = next((at for at in range(start, len(lines)) if re.search(r"[{;]\s*(//.*)?$", lines[at])), None)
        if opening is None or not re.search(r"{\s*(//.*)?$", lines[opening]):
            continue
        indent = line[:len(line) - len(line.lstrip())]
        end = next((at for at in range(opening, len(lines)) if lines[at].startswith(indent + "}")), len(lines) - 1)
        if end - start + 1 > FUNCTION_LINES and not lines[start - 1].strip().startswith(TABLE):
            yield start + 1, f"a function of {end - start + 1} lines"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    failed = False
    for top in ("include", "bpf", "loader"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".c", ".h", ".cpp", ".hpp"):
                continue
            source = path.relative_to(root)
            lines = path.read_text().splitlines()
            wrong = [*check_includes(root, source, lines), *check_functions(lines)]
            if len(lines) > FILE_LINES:
                wrong.append((len(lines), f"a file of more than {FILE_LINES} lines"))
            for number, what in wrong:
                print(f"{source}:{number}: {what}")
                failed = True
    return failed


if __name__ == "__main__":
    sys.exit(main())
