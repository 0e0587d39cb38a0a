#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Breaks the product on purpose, one line at a time, and says which breaks no test notices.

    sudo tests/breaks/run.py [-k NAME] [--list]

Each break of breaks.toml is made in a work tree of its own (build/breaks), what it touches is built, and the tests that
should notice are run: a break is noticed when one of them fails. The tree without a break must pass first.
"""

import argparse
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / "build/breaks/tree"
BUILD = ROOT / "build/breaks/build"
LIMIT = 900  # seconds for the tests of one break; a test that hangs has noticed


def run(argv, **options):
    return subprocess.run([str(arg) for arg in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def prepare():
    """What is committed, in a tree of its own that keeps what it built before."""
    if TREE.exists():
        run(["git", "-C", TREE, "checkout", "--force", "--detach", head()], check=True)
    else:
        run(["git", "-C", ROOT, "worktree", "add", "--force", "--detach", TREE, "HEAD"], check=True)
    run(["cmake", "-S", TREE, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O1",
         "-DL7_TESTS=ON", "-DCMAKE_INSTALL_PREFIX=/usr", "-DCMAKE_UNITY_BUILD=ON"], check=True)


def head():
    return run(["git", "-C", ROOT, "rev-parse", "HEAD"], check=True).stdout.strip()


def build():
    done = run(["cmake", "--build", BUILD, "--target", "l7ctl", "unit_tests", "bpf_tests", "sync_node"])
    return done.returncode == 0, done.stdout


def notices(test):
    """Whether a test fails: `unit FILTER`, `bpf FILTER`, or `lab FILE [NAME]`."""
    kind, *rest = test.split(" ", 1)
    if kind == "lab":
        file, *name = rest[0].split()
        argv = ["/usr/bin/python3", TREE / f"tests/lab/{file}.py", *(["-k", name[0]] if name else []), BUILD / "l7ctl"]
    else:
        argv = [BUILD / f"tests/{kind}_tests", *rest]
    try:
        done = run(argv, cwd=TREE, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return True
    if done.returncode and "No test cases matched" in done.stdout:
        sys.exit(f"{test}: matches nothing")
    return done.returncode != 0


def patched(one):
    """The file with the break in it; each break names a text that is there once."""
    path = TREE / one["file"]
    text = path.read_text()
    if text.count(one["old"]) != 1:
        sys.exit(f"{one['name']}: {one['file']} has its text {text.count(one['old'])} times")
    return path, text, text.replace(one["old"], one["new"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", default="", metavar="NAME")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    breaks = [one for one in tomllib.loads(Path(__file__).with_name("breaks.toml").read_text())["break"]
              if options.k in one["name"]]
    if options.list:
        print("\n".join(f"{one['name']:<28} {one['file']:<40} {', '.join(one['tests'])}" for one in breaks))
        return 0
    prepare()
    built, said = build()
    if not built:
        sys.exit(said)
    for test in sorted({test for one in breaks for test in one["tests"]}):
        if notices(test):
            sys.exit(f"{test} fails without a break")
    missed = []
    for one in breaks:
        started = time.monotonic()
        path, whole, broken = patched(one)
        path.write_text(broken)
        try:
            built, said = build()
            if not built:
                sys.exit(f"{one['name']}: does not build\n{said[-2000:]}")
            noticed = next((test for test in one["tests"] if notices(test)), None)
        finally:
            path.write_text(whole)
        if not noticed:
            missed.append(one["name"])
        print(f"{'noticed' if noticed else 'MISSED '} {one['name']:<28} {noticed or ', '.join(one['tests'])} "
              f"({time.monotonic() - started:.0f} s)", flush=True)
    print(f"{len(breaks) - len(missed)} noticed, {len(missed)} missed")
    return 1 if missed or not breaks else 0


if __name__ == "__main__":
    sys.exit(main())
