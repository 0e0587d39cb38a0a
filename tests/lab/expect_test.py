# SPDX-License-Identifier: GPL-2.0-or-later
"""Child connections: announced by real and scripted parents, known from their first packet, and only where the parent
may announce them."""

import itertools
import socket

from support import clients, servers
from support.l7ctl import L7ctl, classes, make_htb
from support.netlab import LIMIT, Lab, NotTestable, check, expect_equal, wait_for
from support.runner import main
from support.scripted import FtpControl, family, ftp_passive

SECONDS = 12
LARGE = "layer seven\n" * 10_000
LATE = 200  # two first bursts of a server that is near
RULES = '[[rule]]\nprotocol = ["ftp", "ftp-data"]\nclassid = "1:10"\n'


def test_ftp_with_real_ends():
    """Passive and active, IPv4 and IPv6: every data connection is expected, and in its class from its first packet."""
    with Lab() as lab:
        client, router, server = lab.router()
        end = servers.Vsftpd(server)
        end.rate = 60_000  # as over a line: ends this near are quicker than the daemon
        end.start()
        end.write("ftp/large", LARGE)
        make_htb(router, "s0", ["10"])
        make_htb(router, "c0", ["10"])
        with L7ctl(router, RULES).start() as l7ctl:
            l7ctl.attach("c0")
            for fetch, active, address in itertools.product((curl, lftp), (False, True), (server.ip4, server.ip6)):
                before = len(seen_children(l7ctl))
                expect_equal(len(fetch(client, end, address, active)), len(LARGE), "bytes of the file")
                wait_for(lambda count=before: len(seen_children(l7ctl)) > count,
                         f"a child of {address}, {'active' if active else 'passive'}, by {fetch.__name__}")
            for flow in seen_children(l7ctl):
                check(flow["verdict_packet"] <= LATE, f"known late: {flow}")
                check("parent" in flow, f"no parent of {flow}")
                expect_equal(flow["classid"], "1:10", "a child's class")
            expect_equal(l7ctl.counter("flows_expected"), 8, "flows that had been announced")
            expect_nothing_awaited(l7ctl)
            wait_for(lambda: classes(router, "c0")["1:10"][0] > 20, "their packets in the class")


def expect_nothing_awaited(l7ctl):
    """The packet path meets a child before the daemon hears of it."""
    wait_for(lambda: not l7ctl.awaited(), lambda: f"nothing to be awaited any more: {l7ctl.awaited()}")


def curl(client, end, address, active):
    return clients.curl(client, *(["--ftp-port", "-"] if active else []),
                        f"ftp://{clients.in_url(address)}:{end.port}/large")


def lftp(client, end, address, active):
    return client.output(["lftp", "-c", f"set ftp:passive-mode {'no' if active else 'yes'}; "
                                        f"open ftp://{clients.in_url(address)}:{end.port}; cat large"])


def seen_children(l7ctl, known={}):  # pylint: disable=dangerous-default-value
    """Children so far, also those that have gone; by daemon."""
    mine = known.setdefault(l7ctl.pins, {})
    for flow in l7ctl.children("ftp-data"):
        mine[flow["src"], flow["sport"], flow["dst"], flow["dport"]] = flow
    return list(mine.values())


def test_tftp_answers_from_another_port():
    with Lab() as lab:
        client, router, server = lab.router()
        end = servers.Dnsmasq(server)
        end.start()
        with L7ctl(router).start() as l7ctl:
            l7ctl.attach("c0")
            for address in (server.ip4, server.ip6):
                clients.tftp(client, end, address)
            # Ends this near can be quicker than the daemon: then the answer's own bytes say what it is.
            flows = wait_for(lambda: len(seen := l7ctl.flows("protocol", "tftp")) == 4 and seen, "two requests and two answers")
            answers = [flow for flow in flows if flow["dport"] != end.tftp_port]
            check(len(answers) == 2 and all(flow["verdict_packet"] <= 3 for flow in answers), f"known late: {answers}")


def test_only_parties_and_unprivileged_ports():
    """Somebody else's address, port 22, ten thousand announcements, and bytes of a stranger outside the window."""
    with Lab() as lab:
        client, router, server = lab.router()
        with L7ctl(router).start() as l7ctl:
            l7ctl.attach("c0")
            control = FtpControl(client, server, server.ip4)
            wait_for(lambda: l7ctl.flows("protocol", "ftp"), "the parent")
            for line in (ftp_passive("203.0.113.9", 4000), ftp_passive(server.ip4, 22), "227 nothing (1,2,3", "227 " + "9" * 5000):
                control.say("server", line)
            control.say("server", ftp_passive(server.ip4, 4000))  # whatever follows one that is too long may be part of it
            control.say("client", "PASV")
            control.say("server", ftp_passive(server.ip4, 4001))
            expected = wait_for(l7ctl.awaited, "what is awaited")
            expect_equal([(row["dst"], row["dport"], row["src"]) for row in expected],
                         [(server.ip4, 4001, client.ip4)], "what is awaited")
            wait_for(lambda: announcements(l7ctl)["admitted"] == 1, "the counters")
            refused = announcements(l7ctl)
            expect_equal((refused["foreign_target"], refused["privileged_port"]), (1, 1), "announcements refused")
            for port in range(5000, 15000, 50):
                control.say("server", "\r\n".join(ftp_passive(server.ip4, port + i) for i in range(50)))
            wait_for(lambda: [row["dport"] for row in l7ctl.awaited()] == [14999], "the last announcement alone")
            with server.entered():
                listener = socket.create_server((server.ip4, 14999))
            with client.entered():
                data = socket.create_connection((server.ip4, 14999), timeout=LIMIT)
            flow, = wait_for(lambda: l7ctl.children("ftp-data"), "the child")
            expect_equal((flow["dport"], flow["verdict_packet"]), (14999, 1), "port and packet of the child")
            expect_nothing_awaited(l7ctl)
            for each in (data, listener, control):
                each.close()


def announcements(l7ctl):
    """What became of those so far."""
    return l7ctl.status()["expect"]["announcements"]


def test_children_behind_a_translation():
    """The server says how it knows itself; its child is met as the client sees it."""
    rules = """table ip nat {
  chain pre { type nat hook prerouting priority dstnat; ip daddr 192.0.2.1 tcp dport { 21, 6000 } dnat to 198.51.100.2; }
  chain post { type nat hook postrouting priority srcnat; oifname "s0" masquerade; }
}
"""
    with Lab() as lab:
        client, router, server = lab.router()
        if router.run(["nft", "-f", "-"], stdin=rules.encode(), check=False).returncode != 0:
            raise NotTestable("this kernel's nftables cannot translate")
        with L7ctl(router).start() as l7ctl:
            for dev in ("c0", "s0"):
                l7ctl.attach(dev)
            control = FtpControl(client, server, router.ip4, listen=server.ip4)
            wait_for(lambda: len(l7ctl.flows("protocol", "ftp")) == 2, "the parent, on both sides")
            control.say("server", ftp_passive(server.ip4, 6000))
            expected = wait_for(lambda: len(rows := l7ctl.awaited()) == 2 and rows, "both sides' children")
            expect_equal({(row["src"], row["dst"], row["dport"]) for row in expected},
                         {(client.ip4, "192.0.2.1", 6000), ("198.51.100.1", server.ip4, 6000)}, "what is awaited")
            with server.entered():
                listener = socket.create_server((server.ip4, 6000))
            with client.entered():
                data = socket.create_connection((router.ip4, 6000), timeout=LIMIT)
            flows = wait_for(lambda: len(seen := l7ctl.children("ftp-data")) == 2 and seen, "the child, on both sides")
            expect_equal({flow["dst"] for flow in flows}, {router.ip4, server.ip4}, "where the child goes")
            for each in (data, listener, control):
                each.close()


def test_children_keep_their_parent_in_a_file():
    with Lab() as lab:
        client, router, server = lab.router()
        path = lab.dir / "flows"
        with L7ctl(router, name="one").start() as l7ctl:
            l7ctl.attach("c0")
            control = FtpControl(client, server, server.ip4)
            wait_for(lambda: l7ctl.flows("protocol", "ftp"), "the parent")
            control.say("server", ftp_passive(server.ip4, 4001))
            wait_for(lambda: l7ctl.awaited(), "what is awaited")
            with server.entered():
                listener = socket.create_server((server.ip4, 4001))
            with client.entered():
                data = socket.create_connection((server.ip4, 4001), timeout=LIMIT)
            known, = wait_for(lambda: l7ctl.children("ftp-data"), "the child")
            l7ctl.run("flows", "export", path)
        with L7ctl(router, name="other").start() as l7ctl:
            l7ctl.run("flows", "import", path)
            child, = wait_for(lambda: l7ctl.flows("protocol", "ftp-data"), "the child elsewhere")
            expect_equal((child["reason"], child["parent"]), ("replica", known["parent"]), "the child elsewhere")
            expect_equal(len(l7ctl.flows("protocol", "ftp")), 1, "its parent there")
        for each in (data, listener, control):
            each.close()


def amanda(kind, *lines):
    """A datagram as amandad and amservice of Debian 12 send them."""
    return "".join(f"{line}\n" for line in (f"Amanda 3.5 {kind} HANDLE 000-00000000 SEQ 1795988689", *lines)).encode()


def test_amanda_names_its_ports():
    """Scripted ends: a request for a backup, and three connections to the ports in its reply; one port is nobody's."""
    with Lab() as lab:
        client, router, server = lab.router()
        with L7ctl(router).start() as l7ctl:
            l7ctl.attach("c0")
            for number, address in enumerate((server.ip4, server.ip6), 1):
                with server.entered():
                    backed_up = socket.socket(family(address), socket.SOCK_DGRAM)
                    backed_up.bind((address, 10080))
                    listeners = [socket.create_server((address, 0), family=family(address)) for _ in range(3)]
                with client.entered():
                    backing = socket.socket(family(address), socket.SOCK_DGRAM)
                ports = [listener.getsockname()[1] for listener in listeners]
                for end in (backed_up, backing):
                    end.settimeout(LIMIT)
                backing.sendto(amanda("REQ", "SECURITY USER backup", "SERVICE sendbackup"), (address, 10080))
                _, whom = backed_up.recvfrom(4096)
                for answer in (amanda("ACK"), amanda("REP", "CONNECT DATA {} MESG {} INDEX {}".format(*ports)),
                               amanda("REP", "CONNECT DATA 22")):
                    backed_up.sendto(answer, whom)
                    expect_equal(backing.recv(4096), answer, "what comes back")
                # The last of the answers was heard.
                wait_for(lambda count=number: announcements(l7ctl)["privileged_port"] == count, "port 22 to be refused")
                expect_equal(sorted(row["dport"] for row in l7ctl.awaited()), sorted(ports), "the ports that are awaited")
                streams = []
                for port in ports:
                    with client.entered():
                        streams.append(socket.create_connection((address, port), timeout=LIMIT))
                def met(where=address):
                    flows = [flow for flow in l7ctl.children("amanda") if flow["dst"] == where]
                    return len(flows) == 3 and flows

                streams_met = wait_for(met, "the streams")
                expect_equal({(flow["dport"], flow["verdict_packet"]) for flow in streams_met}, {(port, 1) for port in ports},
                             "ports and packets of the streams")
                check(all("parent" in flow for flow in streams_met), f"no parent: {streams_met}")
                for each in (backed_up, backing, *listeners, *streams):
                    each.close()


if __name__ == "__main__":
    main(test_ftp_with_real_ends, test_tftp_answers_from_another_port, test_only_parties_and_unprivileged_ports,
         test_children_behind_a_translation, test_children_keep_their_parent_in_a_file, test_amanda_names_its_ports)
