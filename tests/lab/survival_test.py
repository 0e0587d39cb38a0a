# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens when things go wrong: each outcome is defined, and told."""

import contextlib
import json
import os
import signal
import socket
import struct
from pathlib import Path

from support import clients, servers
from support.l7ctl import L7ctl, binary, classes, make_htb
from support.netlab import LIMIT, Lab, check, expect_equal, expect_in, run, wait_for
from support.runner import main

SECONDS = 14
HTTP_CLASS = '[[rule]]\nprotocol = "http"\nclassid = "1:10"\nmark = 0x1000\n'


class Site:
    """A router with l7ctl on c0 and a web server behind it."""

    def __init__(self, lab, config=HTTP_CLASS, **options):
        self.client, self.router, self.server = lab.router()
        self.web = servers.Nginx(self.server)
        self.web.start()
        make_htb(self.router, "c0", ["10"])
        self.l7ctl = L7ctl(self.router, config, **options)

    def fetch(self, **options):
        clients.http(self.client, self.web, self.server.ip4, **options)

    def download(self):
        return clients.Download(self.client, self.web, self.server.ip4)

    def in_class(self):
        return classes(self.router, "c0")["1:10"][0]


def kill(l7ctl):
    l7ctl.process.popen.send_signal(signal.SIGKILL)
    l7ctl.process.wait()


def test_kill_9_and_restart_under_load():
    """Known flows keep their class without a daemon; the next one adopts flows, verdicts and counters."""
    with Lab() as lab:
        site = Site(lab)
        with site.l7ctl.start() as l7ctl:
            l7ctl.attach("c0")
            with site.download():
                flow = wait_for(lambda: l7ctl.flows("protocol", "http"), "the flow")[0]
                foreign = wait_for(lambda: uncounted(site), "the default class's count")
                kill(l7ctl)
                class_before = site.in_class()
                wait_for(lambda: site.in_class() > class_before + 20, "packets in the class with no daemon")
                l7ctl.start()
                # Whatever went to the default class meanwhile was no packet of the flow: the kernel counted on.
                wait_for(lambda: uncounted(site) == foreign, "the default class to hold all but the flow")
                check(l7ctl.status()["adopted"], "nothing was adopted")
                expect_note(l7ctl, "c0: adopted")
                after = [one for one in l7ctl.flows("protocol", "http") if one["sport"] == flow["sport"]]
                expect_equal(len(after), 1, "flows adopted")
                check(after[0]["packets"] >= flow["packets"], "counts went back")
                expect_equal(after[0]["verdict_packet"], flow["verdict_packet"], "the verdict's packet")
            # A new connection is recognised again, by the program that replaced the old one.
            site.fetch()
            wait_for(lambda: len(l7ctl.flows("protocol", "http")) >= 2, "a second flow")
            wait_for(lambda: all(device(l7ctl)[hook]["in_place"] for hook in ("ingress", "egress")),
                     lambda: f"both hooks to be in place: {device(l7ctl)}")


def device(l7ctl):
    """What status says of the one there is."""
    return l7ctl.status()["devices"][0]


def expect_note(l7ctl, text):
    wait_for(lambda: any(text in note for note in l7ctl.status()["notes"]),
             lambda: f"a note with {text!r}: {l7ctl.status()['notes']}")


def uncounted(site):
    """Packets of the default class that l7ctl did not count as anything but http, plus one: some came before it. None
    where one came while both were read."""
    before = classes(site.router, "c0")["1:ff"][0]
    ours = sum(row["packets"] for row in site.l7ctl.traffic("c0")
               if row["direction"] == "egress" and row["protocol"] != "http")
    return before - ours + 1 if classes(site.router, "c0")["1:ff"][0] == before else None


def test_new_flows_while_no_daemon_runs_are_judged_later():
    with Lab() as lab:
        site = Site(lab)
        with site.l7ctl.start() as l7ctl:
            l7ctl.attach("c0")
            kill(l7ctl)
            with site.download():
                wait_for(lambda: classes(site.router, "c0")["1:ff"][0] > 20, "unclassed packets")
                l7ctl.start()
                wait_for(lambda: l7ctl.flows("protocol", "http"), "a verdict from the records that waited")
                before = site.in_class()
                wait_for(lambda: site.in_class() > before + 5, "packets in the class")


def test_another_abi_is_refused():
    with Lab() as lab:
        site = Site(lab)
        l7ctl = site.l7ctl
        with l7ctl.start():
            l7ctl.attach("c0")
            kill(l7ctl)
            settings = l7ctl.pins / "settings"
            value = json.loads(run(["bpftool", "-j", "map", "lookup", "pinned", settings, "key", 0, 0, 0, 0]).stdout)["value"]
            value[0] = "0x63"
            run(["bpftool", "map", "update", "pinned", settings, "key", 0, 0, 0, 0, "value", *value])
            refused = l7ctl.run("daemon", check=False)
            expect_equal(refused.returncode, 1, "exit code")
            expect_in("ABI 99", refused.stderr.decode(), "the message")
            expect_in("--discard-state", refused.stderr.decode(), "the hint")
            site.fetch()  # the programs go on
            l7ctl.start("--discard-state")
            expect_equal(l7ctl.flows(), [], "flows after a fresh start")
            l7ctl.attach("c0")
            site.fetch()
            wait_for(lambda: l7ctl.flows("protocol", "http"), "the flow")


def test_a_second_daemon_is_refused():
    with Lab() as lab:
        site = Site(lab)
        with site.l7ctl.start() as l7ctl:
            second = l7ctl.run("daemon", check=False)
            expect_equal(second.returncode, 1, "exit code")
            expect_in("a daemon runs already", second.stderr.decode(), "the message")
            check(l7ctl.answers(), "the first daemon does not answer any more")


def test_attach_starts_the_daemon():
    with Lab() as lab:
        site = Site(lab)
        with site.l7ctl as l7ctl:
            l7ctl.attach("c0")
            site.fetch()
            wait_for(lambda: l7ctl.flows("protocol", "http"), "the flow")
            again = l7ctl.run("attach", "dev", "c0", check=False)
            expect_equal(again.returncode, 1, "exit code for attaching twice")
            expect_in("already attached", again.stderr.decode(), "the message")
            l7ctl.detach("c0")


def test_a_device_goes_and_comes():
    with Lab() as lab:
        site = Site(lab)
        with site.l7ctl.start() as l7ctl:
            l7ctl.attach("c0")
            site.router.run(["ip", "link", "set", "c0", "down"])
            wait_for(lambda: not device(l7ctl)["up"], "status to say down")
            site.router.run(["ip", "link", "set", "c0", "up"])
            wait_for(lambda: device(l7ctl)["up"], "status to say up")
            site.router.address("c0", "2001:db8:1::1/64")  # the kernel dropped it with the link
            site.fetch()
            wait_for(lambda: l7ctl.flows("protocol", "http"), "a flow after down and up")

            site.router.run(["ip", "link", "del", "c0"])
            wait_for(lambda: not device(l7ctl)["present"], "status to say awaited")
            wait_for(lambda: not os.listdir(l7ctl.pins / "links"), "pins of links to be gone")
            lab.link(site.client, "eth0", site.router, "c0")
            wait_for(lambda: device(l7ctl)["present"], "the device to be taken again")
            wait_for(lambda: device(l7ctl)["ingress"]["in_place"], "the device to be attached again")
            expect_note(l7ctl, "device c0 is back and attached")
            l7ctl.detach("c0")


def test_removed_pins_are_put_back():
    with Lab() as lab:
        site = Site(lab)
        with site.l7ctl.start() as l7ctl:
            l7ctl.attach("c0")
            for pin in (l7ctl.pins / "flows", l7ctl.pins / "links" / "c0-ingress"):
                pin.unlink()
                wait_for(pin.exists, f"{pin} to be put back")
            expect_note(l7ctl, "pinned again")
            site.fetch()
            wait_for(lambda: l7ctl.flows("protocol", "http"), "the flow")


def test_a_hook_taken_from_us_is_told():
    with Lab() as lab:
        site = Site(lab)
        with site.l7ctl.start() as l7ctl:
            l7ctl.attach("c0", "ingress")
            site.router.run(["bpftool", "link", "detach", "pinned", l7ctl.pins / "links" / "c0-ingress"])
            wait_for(lambda: not device(l7ctl)["ingress"]["in_place"], "status to tell")


def test_full_tables_and_rings_let_packets_pass():
    config = "[daemon]\nworkers = 1\n[limits]\nflows = 128\nnewcomers = 128\nring_bytes = 65536\n"
    with Lab() as lab:
        site = Site(lab, config)
        with site.l7ctl.start() as l7ctl:
            l7ctl.attach("c0")
            l7ctl.process.popen.send_signal(signal.SIGSTOP)  # nobody reads the ring
            flood(site.client, "192.0.2.1", 3000)
            site.fetch()  # passes
            l7ctl.process.popen.send_signal(signal.SIGCONT)
            wait_for(l7ctl.answers, "the daemon")
            wait_for(lambda: l7ctl.counter("records_lost") > 0, "a full ring to be counted")
            wait_for(lambda: l7ctl.counter("flows_created") >= 3000, "flows to be made room for")
            with site.download():
                wait_for(lambda: l7ctl.flows("protocol", "http"), "a flow that got its verdict afterwards")


def flood(namespace, target, flows):
    """One datagram on each of so many flows, to an address that answers none of them."""
    with namespace.entered():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for port in range(1024, 1024 + flows):
                sock.sendto(b"nothing anybody knows", (target, port))


def test_garbage_on_the_control_socket():
    with Lab() as lab:
        site = Site(lab)
        with site.l7ctl.start() as l7ctl:
            path = l7ctl.env["L7CTL_SOCKET"]
            for garbage in (b"\n", b"{}\n", b"[]\n", b"{\"command\": 3}\n", b"\xff\xfe\x00\n", b"{" * 5000 + b"\n",
                            b"x" * 100_000, b'{"command":"flows","filter":7}\n', b'{"command":"attach","dev":[]}\n',
                            b'{"command":"bypass"}\n', b'{"command":"nonsense"}\n',
                            b'{"command":"stats","netns":"x"}\n', b'{"command":"flows import"}\n',
                            b'{"command":"flows import","body":-1}\n', b'{"command":"flows import","body":3}\nabcd',
                            b'{"command":"flows import","body":4}\nabcd', b'{"command":"status","body":1e300}\n',
                            b'{"command":"status","body":99999999999}\n'):
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                    sock.settimeout(LIMIT)
                    sock.connect(path)
                    try:
                        sock.sendall(garbage)
                        answer = sock.recv(4096)
                    except (BrokenPipeError, ConnectionResetError):
                        answer = b"!"
                    check(answer.startswith(b"!") and b'"code":0' not in answer, f"{garbage[:30]!r}: {answer!r}")
            wait_for(lambda: l7ctl.status()["control"]["malformed"] >= 12, "garbage to be counted")
            wait_for(lambda: connections(l7ctl) == 0, "the end of all those connections")
            counted = l7ctl.status()["control"]["malformed"]
            silent = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(SILENT)]
            for sock in silent:
                sock.connect(path)  # and says nothing
            wait_for(lambda: connections(l7ctl) == SILENT, "the daemon to take them all")
            for sock in silent:
                sock.close()
            wait_for(lambda: connections(l7ctl) == 0, "the daemon to see them go")
            wait_for(l7ctl.answers, "the daemon to answer still")
            # Who connects and leaves, as our own commands do to see whether there is a daemon, asked for nothing.
            expect_equal(l7ctl.status()["control"]["malformed"], counted, "malformed requests then")


SILENT = 16  # as many as the daemon takes at once


def connections(l7ctl):
    """Connections to its control socket that the daemon has open."""
    theirs = {line.split()[6] for line in Path("/proc/net/unix").read_text().splitlines()
              if line.endswith(f" {l7ctl.env['L7CTL_SOCKET']}") and line.split()[5] == CONNECTED}
    held = set()
    for fd in Path(f"/proc/{l7ctl.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            held.add(os.readlink(fd))
    return sum(f"socket:[{inode}]" in held for inode in theirs)


CONNECTED = "03"  # as /proc/net/unix spells it


def test_errors_say_what_and_exit_codes_hold():
    with Lab() as lab:
        site = Site(lab)
        l7ctl = site.l7ctl
        cases = [
            (["status"], 1, "no daemon runs here"), (["flows", "-j"], 1, "no daemon runs here"),
            (["attach", "dev"], 2, "dev needs"), (["attach"], 2, "no device"), (["attach", "dev", "c0", "up"], 2, "'up'"),
            (["nonsense"], 2, ""), ([], 2, ""), (["classify", "/nonexistent.pcap"], 1, "/nonexistent.pcap"),
            (["check", "/nonexistent.toml"], 1, "/nonexistent.toml"), (["check", "--patterns", "/nonexistent"], 1, "/nonexistent"),
            (["-n", "no-such-namespace", "status"], 1, "no-such-namespace"),
        ]
        for words, code, text in cases:
            done = l7ctl.run(*words, check=False)
            expect_equal(done.returncode, code, f"exit code of {words}")
            expect_in(text, done.stderr.decode() + done.stdout.decode(), f"what {words} says")
        with l7ctl.start():
            for words, code, text in [(["attach", "dev", "nope"], 1, "no such device"), (["detach", "dev", "c0"], 1, "not attached"),
                                      (["flows", "colour", "red"], 2, "'colour'"), (["flows", "port"], 2, "needs a value"), (["flows", "import"], 2, "one file"),
                                      (["flows", "export", "/nonexistent/flows"], 1, "/nonexistent/flows"),
                                      (["flows", "import", "/nonexistent/flows"], 1, "/nonexistent/flows"),
                                      (["flows", "import", "/proc/self/exe"], 1, "no file of flows")]:
                done = l7ctl.run(*words, check=False)
                expect_equal(done.returncode, code, f"exit code of {words}")
                expect_in(text, done.stderr.decode(), f"what {words} says")


def test_without_privilege():
    """An ordinary user is told what is missing, with exit code 3; offline work needs no privilege."""
    with Lab() as lab:
        site = Site(lab)
        capture, program, nothing = lab.dir / "x.pcap", lab.dir / "l7ctl-copy", lab.dir / "none"
        capture.write_bytes(struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        program.write_bytes(binary().read_bytes())
        program.chmod(0o755)
        nothing.mkdir()
        env = {**site.l7ctl.env, "L7CTL_PATTERNS": str(nothing), "L7CTL_CACHE": "", "L7CTL_SOCKET": str(lab.dir / "nobody.sock")}
        del env["L7CTL_CONFIG"]
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        done = site.router.run([*as_nobody, program, "daemon"], env=env, check=False)
        expect_equal(done.returncode, 3, f"exit code of a daemon without privilege ({done.stderr.decode()})")
        expect_in("run as root", done.stderr.decode(), "the hint")
        offline = site.router.run([*as_nobody, program, "classify", capture], env=env, check=False)
        expect_equal(offline.returncode, 0, f"exit code of classify without privilege ({offline.stderr.decode()})")


main(test_kill_9_and_restart_under_load, test_new_flows_while_no_daemon_runs_are_judged_later,
     test_another_abi_is_refused, test_a_second_daemon_is_refused, test_attach_starts_the_daemon,
     test_a_device_goes_and_comes, test_removed_pins_are_put_back, test_a_hook_taken_from_us_is_told,
     test_full_tables_and_rings_let_packets_pass, test_garbage_on_the_control_socket,
     test_errors_say_what_and_exit_codes_hold, test_without_privilege)
