# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the lab's files and tells what became of each of their tests.

    run.py [BINARY] [-k NAME] [--lane waiting|alone] [--repeat N] [--busy M] [--junit FILE]

Files that mostly wait run beside each other; those that say that they must be ALONE (see support/runner.py) run after them,
one at a time. With --lane, only the one or the other kind runs. Any failure, and a run in which nothing was tested, is a
failure; a lane may have nothing to test where the other one has.
"""

import argparse
import ast
import concurrent.futures
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import NamedTuple

from support.runner import FAILED, NOT_TESTABLE, PASSED, Outcome

HERE = Path(__file__).resolve().parent
WAITING, ALONE = "waiting", "alone"
BESIDE = 4  # files at once: while one waits, another works
FILE_LIMIT = 1200  # seconds, after which a file hangs
SLOWEST = 10
BUSY_LOOP = "while True: pass"
COMPLETE = re.compile(r"^\d+ passed, \d+ failed\n\Z", re.MULTILINE)  # the last line of a file that ran to its end
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")


class File(NamedTuple):
    path: Path
    alone: str  # why; empty: others may run meanwhile
    seconds: float

    @property
    def name(self):
        return self.path.stem


class Result(NamedTuple):
    """What became of a file in one round."""

    file: File
    outcomes: list
    seconds: float


def constant(module, name, otherwise):
    """A constant that a file declares at its top; the file is not run for it."""
    for node in module.body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", None) for target in node.targets] == [name]:
            return ast.literal_eval(node.value)
    return otherwise


def files(name):
    """Those that have a test of that name, the longest first."""
    found = []
    for path in (HERE / "support/selftest.py", *HERE.glob("*_test.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        tests = [node.name for node in module.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
        if any(name in test for test in tests):
            found.append(File(path, constant(module, "ALONE", ""), constant(module, "SECONDS", 0)))
    return sorted(found, key=lambda file: (-file.seconds, file.name))


def lane(file):
    return ALONE if file.alone else WAITING


class Runner:
    """Starts the files, and ends those that still run when it is left, however that is."""

    def __init__(self, options):
        self.options = options
        self.running = set()
        self.lock = threading.RLock()  # a signal may find the main thread within it

    def __enter__(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, self._end)
        return self

    def __exit__(self, *_):
        with self.lock:
            for process in self.running:
                process.terminate()
            for process in self.running:
                process.wait()  # it removes its lab

    def _end(self, number, _frame):
        self.__exit__()
        raise SystemExit(128 + number)

    def run_file(self, file):
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="l7t-results-") as directory:
            results, output = Path(directory, "results"), Path(directory, "output")
            command = [sys.executable, "-u", file.path, *([self.options.binary] if self.options.binary else []),
                       "-k", self.options.name, "--results", results]
            with open(output, "wb") as out:
                # A session of its own: Ctrl-C reaches this program, which ends the files.
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
            with self.lock:
                self.running.add(process)
            try:
                status = process.wait(FILE_LIMIT)
            except subprocess.TimeoutExpired:
                process.terminate()
                process.wait()
                status = f"not finished after {FILE_LIMIT} s"
            with self.lock:
                self.running.discard(process)
            lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
            outcomes = [Outcome(**json.loads(line)) for line in lines]
            text = output.read_text(encoding="utf-8", errors="replace")
        if not COMPLETE.search(text):
            outcomes.append(Outcome(f"({file.name})", FAILED, 0, f"exit status {status}\n{text}"))
        return Result(file, outcomes, time.monotonic() - started)

    def round(self):
        """The results of all files, each shown as it ends."""
        chosen = [file for file in files(self.options.name) if self.options.lane in (None, lane(file))]
        results = []
        with concurrent.futures.ThreadPoolExecutor(max_workers=BESIDE) as pool:
            under_way = [pool.submit(self.run_file, file) for file in chosen if lane(file) == WAITING]
            try:
                for future in concurrent.futures.as_completed(under_way):
                    results.append(future.result())
                    show(results[-1])
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        for file in chosen:
            if lane(file) == ALONE:
                results.append(self.run_file(file))
                show(results[-1])
        return results


def count(outcomes, kind):
    return sum(one.outcome == kind for one in outcomes)


def show(result):
    """A line for the file, after all that its failed tests printed."""
    failed = [one for one in result.outcomes if one.outcome == FAILED]
    for one in failed:
        print(f"-- {result.file.name}: {one.test}\n{one.text.rstrip()}")
    for one in result.outcomes:
        if one.outcome == NOT_TESTABLE:
            print(f"not testable  {result.file.name}: {one.test}: {one.text}")
    verdict = "FAIL" if failed else "ok  "
    print(f"{verdict}  {result.file.name} ({result.seconds:.1f} s): {count(result.outcomes, PASSED)} passed, {len(failed)} failed",
          flush=True)


@contextlib.contextmanager
def busy(loops):
    """So many processes that use what processor time they get."""
    processes = []
    try:
        for _ in range(loops):
            processes.append(subprocess.Popen([sys.executable, "-c", BUSY_LOOP], start_new_session=True))
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def write_junit(path, rounds, add):
    """As most CI systems read it: a suite for each file and round. `add`: to what the other lane has written."""
    root = xml.parse(path).getroot() if add and Path(path).exists() else xml.Element("testsuites")
    for number, results in enumerate(rounds, 1):
        for result in results:
            name = result.file.name if len(rounds) == 1 else f"{result.file.name}, round {number}"
            suite = xml.SubElement(root, "testsuite", name=name, time=f"{result.seconds:.3f}",
                                   tests=str(len(result.outcomes)), failures=str(count(result.outcomes, FAILED)),
                                   skipped=str(count(result.outcomes, NOT_TESTABLE)))
            for one in result.outcomes:
                case = xml.SubElement(suite, "testcase", classname=f"lab.{result.file.name}", name=one.test,
                                      time=f"{one.seconds:.3f}")
                text = NOT_XML.sub("?", one.text)
                if one.outcome == FAILED:
                    xml.SubElement(case, "failure", message=text.strip().splitlines()[-1][:300]).text = text
                elif one.outcome == NOT_TESTABLE:
                    xml.SubElement(case, "skipped", message=text)
    xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def summary(rounds, seconds):
    """Prints it, and returns the exit status."""
    outcomes = [(result.file.name, one) for results in rounds for result in results for one in result.outcomes]
    print(f"the {SLOWEST} slowest:")
    for file, one in sorted(outcomes, key=lambda pair: -pair[1].seconds)[:SLOWEST]:
        print(f"  {one.seconds:6.1f} s  {file}: {one.test}")
    kinds = [one for _, one in outcomes]
    failed, passed, skipped = count(kinds, FAILED), count(kinds, PASSED), count(kinds, NOT_TESTABLE)
    for file, one in outcomes:
        if one.outcome == FAILED:
            print(f"FAIL  {file}: {one.test}")
    in_ci = " (a failure in CI)" if skipped and os.environ.get("CI") else ""
    print(f"lab: {passed} passed, {failed} failed, {skipped} not testable{in_ci} in {seconds:.0f} s", flush=True)
    nothing = bool(outcomes) and not passed
    if nothing:
        print("nothing was tested")
    return 1 if failed or nothing or in_ci else 0


def parse_arguments():
    parser = argparse.ArgumentParser(description="Runs the lab's tests.")
    parser.add_argument("binary", nargs="?", help="the l7ctl to test; build/release/l7ctl")
    parser.add_argument("-k", dest="name", metavar="NAME", default="", help="only tests whose name contains NAME")
    parser.add_argument("--lane", choices=(WAITING, ALONE), help="only files that may run beside others, or only those that may not")
    parser.add_argument("--repeat", metavar="N", type=int, default=1, help="so many rounds")
    parser.add_argument("--busy", metavar="M", type=int, default=0, help="beside so many loops that do nothing else")
    parser.add_argument("--junit", metavar="FILE", help="write the results there, as JUnit's XML; the lane that is alone adds its own")
    return parser.parse_args()


def main():
    if os.geteuid() != 0:
        sys.exit("the lab makes network namespaces: run it as root")
    options = parse_arguments()
    if not files(options.name):
        sys.exit(f"lab: no test is called like {options.name}")
    started, rounds = time.monotonic(), []
    with busy(options.busy), Runner(options) as runner:
        for number in range(1, options.repeat + 1):
            if options.repeat > 1:
                print(f"== round {number} of {options.repeat}", flush=True)
            rounds.append(runner.round())
    if options.junit:
        write_junit(options.junit, rounds, add=options.lane == ALONE)
    sys.exit(summary(rounds, time.monotonic() - started))


if __name__ == "__main__":
    main()
