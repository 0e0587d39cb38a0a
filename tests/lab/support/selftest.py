#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows that the lab itself works, and leaves nothing over. Every server and every client: protocols_test.py."""

import contextlib
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import clients, servers
from support.netlab import Lab, LabError, NotTestable, TimedOut, check, expect_equal, expect_in, leftovers, wait_for
from support.runner import NOTHING_MATCHED, main, run_tests
from support.server import start_all

VICTIM = "victim"  # the argument that turns this file into a lab to be interrupted


def test_servers_move_to_other_ports():
    with Lab() as lab:
        client, _, server = lab.router()
        web, shell = servers.Nginx(server, port=8080, tls_port=8443), servers.Sshd(server, port=443)
        start_all([web, shell])
        clients.http(client, web, server.ip6)
        clients.https(client, web, server.ip4)
        clients.ssh(client, shell, server.ip4)


def test_a_download_goes_on_until_it_is_closed():
    with Lab() as lab:
        client, _, server = lab.router()
        web = servers.Nginx(server)
        web.start()
        with clients.Download(client, web, server.ip6, rate=100_000) as held:
            wait_for(lambda: held.bytes > 150_000, "more than comes at once")
            check(held.running(), "it ended by itself")
        check(not held.running(), "it goes on")


def test_sandbox_protects_the_host():
    class Writer(servers.Redis):
        def command(self):
            return ["sh", "-c", 'touch "$1" /etc/l7t-writer; exec sleep 60', "sh", self.dir / "mine"]

        def ready(self):
            return "/etc/l7t-writer" in self.process.log()

    with Lab() as lab:
        writer = Writer(lab.namespace("alone"))
        writer.start()
        expect_in("Read-only file system", writer.process.log(), "writing to /etc")
        check((writer.dir / "mine").exists(), "a server may write to its own directory")


def test_addresses_are_usable_at_once():
    with Lab() as lab:
        client, _, server = lab.router()
        for address in (server.ip4, server.ip6):
            client.run(["ping", "-q", "-c", 1, "-W", 1, address])


def test_only_documentation_addresses():
    with Lab() as lab:
        left, right = lab.namespace("left"), lab.namespace("right")
        lab.link(left, "eth0", right, "eth0")
        for refused in ("10.0.0.1/8", "2001:4860::1/64"):
            try:
                left.address("eth0", refused)
            except LabError as error:
                expect_in("documentation", str(error), "the reason")
            else:
                raise AssertionError(f"{refused} was taken")


def victim_lab():
    with Lab() as lab:
        _, _, server = lab.router()
        servers.Nginx(server).start()
        # It ignores the polite signal, leaves its session and its parent.
        server.popen(["sh", "-c", "trap '' TERM; setsid sh -c 'sleep 60 & wait' & sleep 60"])
        print("busy", flush=True)
        wait_for(lambda: False, "a signal", limit=60)


def test_signals_leave_nothing():
    numbers = (signal.SIGTERM, signal.SIGINT)
    with contextlib.ExitStack() as stack:
        victims = [stack.enter_context(subprocess.Popen([sys.executable, __file__, VICTIM],
                                                        stdout=subprocess.PIPE, text=True)) for _ in numbers]
        for number, victim in zip(numbers, victims):
            expect_equal(victim.stdout.readline(), "busy\n", "what the other lab says")
            check(leftovers(f"l7t-{victim.pid}-"), "the other lab is visible")
            victim.send_signal(number)
    for number, victim in zip(numbers, victims):
        expect_equal(victim.returncode, 128 + number, "exit status")
        expect_equal(leftovers(f"l7t-{victim.pid}-"), [], "leftovers of the interrupted lab")


def test_exceptions_leave_nothing():
    try:
        with Lab() as lab:
            lab.router().server.popen(["sleep", "60"])
            raise KeyError("on purpose")
    except KeyError:
        expect_equal(leftovers(), [], "leftovers")


def test_a_server_that_fails_says_why():
    class Broken(servers.Nginx):
        def command(self):
            return [*super().command(), "-g", "nonsense;"]

    with Lab() as lab:
        try:
            Broken(lab.namespace("alone")).start()
        except LabError as error:
            expect_in('unknown directive "nonsense"', str(error), "the reason")
        else:
            raise AssertionError("it started")


def test_wait_for_names_what_it_awaited():
    try:
        wait_for(lambda: False, "the moon", limit=0.05)
    except TimedOut as error:
        expect_in("the moon", str(error), "the reason")
    else:
        raise AssertionError("it came")


def test_runner_counts():
    def good():
        pass

    def bad():
        raise AssertionError("on purpose")

    def impossible():
        raise NotTestable("no such kernel")

    def outcome(*tests, ci, **options):
        os.environ.pop("CI", None)
        if ci:
            os.environ["CI"] = "1"
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            status = run_tests(tests, **options)
        return status, out.getvalue().splitlines()

    before = os.environ.get("CI")
    try:
        status, lines = outcome(good, impossible, ci=False)
        expect_equal((status, lines[-1]), (0, "1 passed, 0 failed"), "good and impossible")
        expect_equal(lines[1:3], ["not testable  impossible: no such kernel", "1 not testable: impossible"], "lines")
        expect_equal(outcome(good, impossible, ci=True)[0], 1, "impossible in CI")
        status, lines = outcome(good, bad, ci=False)
        expect_equal((status, lines[-1]), (1, "1 passed, 1 failed"), "good and bad")
        expect_equal(outcome(ci=False), (1, ["0 passed, 0 failed"]), "no test")
        expect_equal(outcome(impossible, ci=False)[0], 1, "nothing tested")
        expect_equal(outcome(good, bad, ci=False, name="oo")[0], 0, "what matches alone")
        expect_equal(outcome(good, bad, ci=False, name="ugly")[0], NOTHING_MATCHED, "nothing matches")
    finally:
        os.environ.pop("CI", None)
        if before is not None:
            os.environ["CI"] = before


if __name__ == "__main__":
    if sys.argv[1:] == [VICTIM]:
        victim_lab()
    main(test_addresses_are_usable_at_once, test_only_documentation_addresses, test_servers_move_to_other_ports,
         test_a_download_goes_on_until_it_is_closed, test_sandbox_protects_the_host,
         test_a_server_that_fails_says_why, test_signals_leave_nothing, test_exceptions_leave_nothing,
         test_wait_for_names_what_it_awaited, test_runner_counts)
