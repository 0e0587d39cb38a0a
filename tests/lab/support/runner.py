# SPDX-License-Identifier: GPL-2.0-or-later
"""How a lab file runs its tests, and what it tells of each.

    main(test_one, test_two)    # FILE [BINARY] [-k NAME] [--results FILE]

run.py runs all files and collects their results. Two constants of a lab file tell it how; both may be missing:

    ALONE = "it measures rates"     # why nothing else may run meanwhile
    SECONDS = 40                    # about how long it takes: the longest files begin first
"""

import argparse
import contextlib
import functools
import io
import json
import os
import sys
import time
import traceback
from typing import NamedTuple

from .netlab import NotTestable, expect_equal, leftovers

PASSED, FAILED, NOT_TESTABLE = "passed", "failed", "not testable"
NOTHING_MATCHED = 5  # the exit status when -k names no test of the file


class Outcome(NamedTuple):
    """What became of a test; `text` is the reason, and all that it printed where it failed."""

    test: str
    outcome: str
    seconds: float
    text: str = ""


@functools.cache
def arguments():
    parser = argparse.ArgumentParser(description="Runs this file's tests.")
    parser.add_argument("binary", nargs="?", help="the l7ctl to test; build/release/l7ctl")
    parser.add_argument("-k", dest="name", metavar="NAME", default="", help="only tests whose name contains NAME")
    parser.add_argument("--results", metavar="FILE", help="append a line of JSON for each test")
    return parser.parse_args()


class Tee(io.TextIOBase):
    """Passes on what is printed, and keeps it."""

    def __init__(self, stream, kept):
        super().__init__()
        self.stream, self.kept = stream, kept

    def write(self, text):
        self.kept.append(text)
        return self.stream.write(text)

    def flush(self):
        self.stream.flush()


def run_test(test):
    """Runs one, prints its line, and returns its outcome."""
    kept, started = [], time.monotonic()

    def outcome(kind, text=""):
        return Outcome(test.__name__, kind, time.monotonic() - started, text)

    with contextlib.redirect_stdout(Tee(sys.stdout, kept)), contextlib.redirect_stderr(Tee(sys.stderr, kept)):
        try:
            test()
            expect_equal(leftovers(), [], "leftovers")
        except NotTestable as reason:
            print(f"not testable  {test.__name__}: {reason}", flush=True)
            return outcome(NOT_TESTABLE, str(reason))
        except Exception as error:  # noqa: BLE001, one test's failure must not hide the others' results
            traceback.print_exc()
            print(f"FAIL  {test.__name__}: {error}", flush=True)
            return outcome(FAILED, "".join(kept))
        done = outcome(PASSED)
        print(f"ok    {test.__name__} ({done.seconds:.1f} s)", flush=True)
        return done


def run_tests(tests, name="", results=None):
    """Runs the tests whose name contains `name`, and returns the exit status: nothing tested is a failure."""
    matching = [test for test in tests if name in test.__name__]
    if tests and not matching:
        print(f"no test is called like {name}", flush=True)
        return NOTHING_MATCHED
    outcomes = []
    for test in matching:
        outcomes.append(run_test(test))
        if results:
            with open(results, "a", encoding="utf-8") as file:
                file.write(json.dumps(outcomes[-1]._asdict()) + "\n")
    passed, failed = (sum(one.outcome == kind for one in outcomes) for kind in (PASSED, FAILED))
    not_testable = [one.test for one in outcomes if one.outcome == NOT_TESTABLE]
    if not_testable:
        in_ci = " (a failure in CI)" if os.environ.get("CI") else ""
        print(f"{len(not_testable)} not testable{in_ci}: {', '.join(not_testable)}")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed or (not_testable and os.environ.get("CI")) else 0


def main(*tests):
    if os.geteuid() != 0:
        sys.exit("the lab makes network namespaces: run it as root")
    sys.exit(run_tests(tests, arguments().name, arguments().results))
