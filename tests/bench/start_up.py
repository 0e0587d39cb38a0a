#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""start_up.py PROGRAM... [-- ARGUMENT...]: the milliseconds that a command takes, the median of 200 launches.

Several programs are launched in turn, so that what else the machine does meets all of them. The command is --version if
there are no arguments.
"""
import os
import statistics
import sys
import time

LAUNCHES = 200


def launch(command, output):
    start = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, output, 1)])
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"{' '.join(command)} failed")
    return (time.perf_counter() - start) * 1000


def main():
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    arguments = words[at + 1:] or ["--version"]
    taken = {program: [] for program in words[:at]}
    with open(os.devnull, "wb") as nowhere:
        for _ in range(LAUNCHES):
            for program, times in taken.items():
                times.append(launch([program] + arguments, nowhere.fileno()))
    medians = ", ".join(f"{statistics.median(times):.2f}" for times in taken.values())
    print(f"| `l7ctl {' '.join(arguments)}`, launched {LAUNCHES} times | {medians} ms | 3 ms |")


main()
