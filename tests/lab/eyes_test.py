# SPDX-License-Identifier: GPL-2.0-or-later
"""What l7ctl shows people: doctor finds planted problems and no others, top works in a terminal."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

from support import clients, servers
from support.foreign import bpf_program
from support.l7ctl import L7ctl, binary, make_htb
from support.netlab import Lab, check, expect_equal, expect_in, run, wait_for
from support.runner import main

SECONDS = 25
CONFIG = ('[mark]\nmask = 0xff00\n'
          '[[rule]]\nprotocol = "http"\nclassid = "1:10"\nmark = 0x1000\n')


@contextlib.contextmanager
def scene(config=CONFIG):
    """A router with HTB on both sides and a daemon; attached to nothing yet."""
    with Lab() as lab:
        client, router, server = lab.router()
        web = servers.Nginx(server)
        web.start()
        for dev in ("c0", "s0"):
            make_htb(router, dev, ["10"])
        with L7ctl(router, config).start() as l7ctl:
            yield lab, client, router, server, web, l7ctl


def doctor(l7ctl, *words):
    """(exit code, findings)"""
    done = l7ctl.run("-j", "doctor", "-d", "0.5", *words, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.decode().splitlines()]


def problems(findings):
    return [(one["check"], one["dev"]) for one in findings if one["severity"] == "problem"]


def the(findings, check_name, severity="problem"):
    found = [one for one in findings if one["check"] == check_name and one["severity"] == severity]
    check(found, f"no {severity} of {check_name} among {findings}")
    check(found[0]["advice"], f"{check_name} says nothing to do")
    return found[0]


@contextlib.contextmanager
def traffic(client, address):
    """Small packets both ways, for as long as the block runs."""
    with clients.running(client, ["ping", "-i", "0.005", address]) as ping:
        wait_for(lambda: "icmp_seq=" in ping.log(), "the first answer")
        yield


def test_a_healthy_router_has_no_problem():
    with scene() as (_lab, client, _router, server, web, l7ctl):
        for dev in ("c0", "s0"):
            l7ctl.attach(dev)
        for _ in range(5):
            clients.http(client, web, server.ip4)
        with traffic(client, server.ip4):
            code, findings = doctor(l7ctl)
        expect_equal((code, problems(findings)), (0, []), "exit code and problems")
        seen = {(one["dev"], one["check"]): one["severity"] for one in findings}
        for dev in ("c0", "s0"):
            for name in ("attached", "sees-packets", "chain", "classes"):
                expect_equal(seen[dev, name], "ok", f"{name} of {dev}")
        for name in ("daemon", "bpffs", "both-directions", "patterns", "ring", "tables", "policy-routing"):
            expect_equal(seen["", name], "ok", name)
        numbers = next(one for one in findings if one["check"] == "both-directions")["numbers"]
        check(numbers["flows"] >= 4, f"flows looked at: {numbers}")
        text = l7ctl.text("doctor", "-d", "0.1", "dev", "c0")
        expect_in("c0: ours are on both", text, "doctor as text")
        check("s0:" not in text, f"doctor dev c0 speaks of s0: {text}")


def test_without_a_daemon_and_without_a_device():
    with Lab() as lab:
        host = lab.namespace("host")
        with L7ctl(host, CONFIG) as l7ctl:
            code, findings = doctor(l7ctl)
            expect_equal((code, set(problems(findings))), (1, {("daemon", ""), ("attached", "")}),
                         "problems before anything was done")
            code, findings = doctor(l7ctl, "dev", "nosuch0")
            expect_in(("attached", "nosuch0"), problems(findings), "problems of a device that is not there")
            expect_equal(l7ctl.run("doctor", "c0", check=False).returncode, 2, "exit code for nonsense")


def test_egress_is_not_attached():
    with scene() as (_lab, client, _router, server, web, l7ctl):
        l7ctl.attach("c0", "ingress")
        for _ in range(6):
            clients.http(client, web, server.ip4)
        code, findings = doctor(l7ctl)
        expect_equal(code, 1, "exit code")
        expect_equal(the(findings, "egress")["dev"], "c0", "the device")
        # The answers leave through c0's egress: nobody sees them.
        numbers = the(findings, "both-directions")["numbers"]
        check(numbers["one_sided"] >= 6, f"one-sided flows: {numbers}")


def test_a_class_that_does_not_exist():
    with scene(CONFIG + '[[rule]]\nprotocol = "ssh"\nclassid = "1:77"\n') as (_lab, _client, router, _server, _web, l7ctl):
        for dev in ("c0", "s0"):
            l7ctl.attach(dev)
        code, findings = doctor(l7ctl)
        expect_equal((code, problems(findings)), (1, [("classes", "c0"), ("classes", "s0")]), "problems")
        expect_in("1:77 (rule in line 7)", the(findings, "classes")["found"], "the finding")
        router.run(["tc", "class", "add", "dev", "s0", "parent", "1:", "classid", "1:77", "htb", "rate", "1gbit"])
        expect_equal(doctor(l7ctl)[0], 0, "exit code once a device has the class")
        for dev in ("c0", "s0"):
            router.run(["tc", "qdisc", "del", "dev", dev, "root"])
        code, findings = doctor(l7ctl)
        expect_equal(problems(findings), [("root-qdisc", "c0"), ("root-qdisc", "s0")], "problems without HTB")


def test_another_program_ends_the_chain():
    with scene() as (lab, client, router, server, _web, l7ctl):
        pin = f"/sys/fs/bpf/{router.name}-foreign"
        for body, severity in (("return 0;", "problem"), ("return skb->len > 60 ? 0 : -1;", "problem"),
                               ("return -1;", "ok")):
            try:
                program = bpf_program(lab, "foreign", body)
                run(["bpftool", "prog", "load", program, pin, "type", "classifier"])
                router.run(["bpftool", "net", "attach", "tcx_ingress", "pinned", pin, "dev", "c0"])
                l7ctl.attach("c0", "both", "tail")
                with traffic(client, server.ip4):
                    code, findings = doctor(l7ctl, "dev", "c0")
                of = [one for one in findings if one["check"] == "chain" and "ingress" in one["looked_at"]]
                expect_equal([one["severity"] for one in of], [severity], f"what is said of {body}")
                expect_in("foreign", of[0]["found"], "the finding")
                expect_equal(code, 1 if severity == "problem" else 0, "exit code")
                if severity == "problem":
                    numbers = the(findings, "sees-packets")["numbers"]
                    check(numbers["accounted"] * 2 < numbers["device"], f"packets that passed us: {numbers}")
                l7ctl.detach("c0")
                router.run(["bpftool", "net", "detach", "tcx_ingress", "dev", "c0"])
            finally:
                run(["rm", "-f", pin])


def test_policy_routing_looks_at_our_mark():
    with scene() as (_lab, _client, router, _server, _web, l7ctl):
        for dev in ("c0", "s0"):
            l7ctl.attach(dev)
        router.run(["ip", "rule", "add", "fwmark", "0x1/0xff", "table", "100"])
        expect_equal(doctor(l7ctl)[0], 0, "exit code beside a rule with bits of its own")
        router.run(["ip", "-6", "rule", "add", "fwmark", "0x1000", "table", "100", "priority", "77"])
        code, findings = doctor(l7ctl)
        expect_equal((code, problems(findings)), (1, [("policy-routing", "")]), "problems")
        finding = the(findings, "policy-routing")
        expect_in("IPv6 rule 77", finding["found"], "the finding")
        expect_equal(finding["numbers"]["mask"], 0xff00, "our mask")


def test_sizes_of_packets():
    """A tunnel that does not fit, an IFB that cuts, GSO packets in a slow class, a burst as tc gives it unasked."""
    config = ('[[shape]]\ndev = "c0"\nup = "2mbit"\ndown = "20mbit"\n'
              '[[class]]\nname = "slow"\nrate = "512kbit"\n[[class]]\nname = "rest"\nrate = "1mbit"\ndefault = true\n'
              '[[rule]]\nprotocol = "http"\nclassid = "1:10"\n')
    with Lab() as lab:
        client, router, server = lab.router()
        web = servers.Nginx(server)
        web.start()
        for dev, key in (("v4", "192.0.2.2"), ("v6", "2001:db8:1::2")):
            router.run(["ip", "link", "add", dev, "type", "vxlan", "id", 1, "dstport", 4789, "remote", key,
                        *(["dev", "c0"] if dev == "v4" else [])])
            router.run(["ip", "link", "set", dev, "up"])
        with L7ctl(router, config).start() as l7ctl:
            l7ctl.run("shape", "apply")
            l7ctl.attach("c0")
            _, findings = doctor(l7ctl)
            # Of the first the kernel has seen to it; the other's way is the route's affair.
            seen = {one["dev"]: one for one in findings if one["check"] == "tunnel-mtu"}
            expect_equal({dev: one["severity"] for dev, one in seen.items()}, {"v4": "ok", "v6": "warning"}, "tunnels")
            expect_equal(seen["v6"]["numbers"], {"mtu": 1500, "overhead": 70, "under": 1500}, "what does not fit")
            expect_equal(seen["v6"]["advice"], "ip link set dev v6 mtu 1430", "the advice")
            router.run(["sh", "-c", seen["v6"]["advice"]])
            router.run(["ip", "link", "set", "c0", "mtu", 1400])
            _, findings = doctor(l7ctl)
            seen = {one["dev"]: one["severity"] for one in findings if one["check"] == "tunnel-mtu"}
            expect_equal(seen, {"v4": "warning", "v6": "warning"}, "tunnels over a smaller MTU")
            router.run(["ip", "link", "set", "c0", "mtu", 1500])

            router.run(["ip", "link", "set", "l7-c0", "gso_max_size", 8000])
            finding = the(doctor(l7ctl)[1], "ifb-sizes", "warning")
            expect_equal(finding["numbers"]["ifb_gso_max_size"], 8000, "where the IFB cuts")
            router.run(["sh", "-c", finding["advice"]])
            expect_equal(severity(doctor(l7ctl)[1], "ifb-sizes"), {"ok"}, "the IFB after the advice")
            router.run(["ip", "link", "set", "c0", "gro_max_size", 200000])
            sizes = next(one for one in doctor(l7ctl)[1] if one["check"] == "packet-sizes")
            expect_equal((sizes["severity"], sizes["numbers"]["gro_max_size"]), ("info", 200000), "more than 64 KiB")
            router.run(["ip", "link", "set", "c0", "gro_max_size", 65536])

            with clients.running(client, ["curl", "--silent", "--output", "/dev/null", f"http://{server.ip4}/bulk"]):
                finding = wait_for(lambda: warned(l7ctl, "class-packets"), "GSO packets in the slow class", 60)
            check(finding["numbers"]["milliseconds"] > 100, f"time of a packet: {finding}")
            expect_in("class 1:10 on c0", finding["looked_at"], "the class")
            l7ctl.run("shape", "clear")

            router.run(["ip", "link", "set", "c0", "gso_max_size", 200000])
            server.run(["ip", "link", "set", "eth0", "gso_max_size", 200000])
            with clients.running(client, ["curl", "--silent", "--output", "/dev/null", f"http://[{server.ip6}]/bulk"]):
                finding = wait_for(lambda: warned(l7ctl, "packet-sizes"), "IPv6 packets that are not forwarded")
            check(finding["numbers"]["too_big"] > 0, f"packets refused: {finding}")
            router.run(["ip", "link", "set", "c0", "gso_max_size", 65536])

            make_htb(router, "c0", ["10"])  # 10 gbit, and no burst named
            finding = the(doctor(l7ctl)[1], "class-bursts", "warning")
            check(finding["numbers"]["burst"] < 10000, f"tc's burst: {finding}")
            for minor in ("10", "ff"):
                router.run(["tc", "class", "change", "dev", "c0", "parent", "1:", "classid", f"1:{minor}", "htb",
                            "rate", "10gbit", "quantum", "60000", "burst", "12500000b", "cburst", "12500000b"])
            expect_equal(severity(doctor(l7ctl)[1], "class-bursts"), {"ok"}, "bursts after the advice")


def severity(findings, check_name):
    return {one["severity"] for one in findings if one["check"] == check_name}


def warned(l7ctl, check_name):
    return next((one for one in doctor(l7ctl)[1] if one["check"] == check_name and one["severity"] == "warning"), None)


class Terminal:
    """l7ctl in a pseudo-terminal, and what its screen holds: enough of a terminal for what curses sends to vt100."""

    def __init__(self, l7ctl, lines, columns, *words):
        self.master, slave = pty.openpty()
        self.resize(lines, columns, tell=False)
        namespace = l7ctl.namespace
        env = namespace.lab.environment({**l7ctl.env, "TERM": "vt100"})
        self.popen = subprocess.Popen(namespace.command([binary(), "top", *words]), stdin=slave, stdout=slave,
                                      stderr=slave, env=env, start_new_session=True)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.bytes = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        os.close(self.slave)
        os.close(self.master)

    def resize(self, lines, columns, tell=True):
        self.size = lines, columns
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if tell:
            os.kill(self.popen.pid, signal.SIGWINCH)  # it is not in this terminal's foreground group

    def press(self, keys):
        self.bytes = b""
        os.write(self.master, keys.encode())

    def read(self):
        while select.select([self.master], [], [], 0.05)[0]:
            try:
                self.bytes += os.read(self.master, 65536)
            except OSError:  # it has gone
                break
        return self.screen()

    def screen(self):
        return re.sub(r"\x1b(\[[0-9;?]*[a-zA-Z]|[()][AB0]|[=>78M])|[\x00-\x09\x0e\x0f]", " ",
                      self.bytes.decode(errors="replace"))

    def expect(self, pattern, what):
        return wait_for(lambda: self._shows(pattern), lambda: f"{what} on the screen, which has {self.screen()!r:.2000}")

    def _shows(self, pattern):
        found = re.search(pattern, self.read())
        if not found:  # curses sends what has changed only: make it paint all of it
            self.bytes = b""
            self.resize(*self.size)
        return found

    def ends(self):
        def ended():
            self.read()
            return self.popen.poll() is not None

        wait_for(ended, "top to end")
        return self.popen.returncode


def test_top_in_a_terminal():
    with scene() as (_lab, client, _router, server, web, l7ctl):
        for dev in ("c0", "s0"):
            l7ctl.attach(dev)
        with clients.Download(client, web, server.ip4):
            wait_for(lambda: l7ctl.flows("protocol", "http"), "the flow")
            with Terminal(l7ctl, 24, 80, "-d", "0.3") as top:
                top.expect(r"\[1 protocol\]", "the first view")
                top.expect(r"http +[\d.]+[kM]? +[\d.]+[kM]", "http with a rate")
                top.press("4")
                top.expect(r"\[4 host\]", "the view of hosts")
                top.expect(re.escape(server.ip4), "the server")
                top.press("3")
                top.expect(r"\b1:10\b", "the class")
                top.press("5")
                top.expect(r"tcp 192\.0\.2\.2:\d+ > 198\.51\.100\.2:80 http", "the flow")
                top.press("/http\n")
                top.expect(r"/http", "the filter")
                top.press("\r")
                top.expect(r"pattern|dissector", "the flow's explanation")
                top.press("q")
                top.expect(r"\[5 flow\]|tcp 192", "the flows again")
                top.press(" ")
                top.expect("PAUSED", "the pause")
                top.press(" ")
                top.press("?")
                top.expect("this page", "the help")
                top.press("q")
                top.bytes = b""
                top.resize(10, 40)
                top.expect(r"l7ctl top", "the screen after it became small")
                top.bytes = b""
                top.resize(50, 132)
                top.expect(r"q quit", "the screen after it became large")
                top.press("q")
                expect_equal(top.ends(), 0, "exit code")
                expect_equal(termios.tcgetattr(top.slave), top.before, "the terminal's modes afterwards")
        lines = l7ctl.text("top", "-d", "0.1", "-b", "1").splitlines()  # for scripts, as it was
        expect_in("bit/s", lines[0], "the batch's head")
        check("\x1b" not in "".join(lines), "the batch has codes for a terminal")


def test_top_without_a_daemon():
    with Lab() as lab:
        host = lab.namespace("host")
        with L7ctl(host) as l7ctl, Terminal(l7ctl, 24, 80) as top:
            expect_equal(top.ends(), 1, "exit code")
            expect_in("l7ctl:", top.read(), "the error")


main(test_a_healthy_router_has_no_problem, test_without_a_daemon_and_without_a_device, test_egress_is_not_attached,
     test_a_class_that_does_not_exist, test_another_program_ends_the_chain, test_policy_routing_looks_at_our_mark,
     test_sizes_of_packets, test_top_in_a_terminal, test_top_without_a_daemon)
