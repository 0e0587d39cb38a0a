# SPDX-License-Identifier: GPL-2.0-or-later
"""Flow records: they add up, real collectors read them, and nothing that goes wrong with them holds anything up."""

import contextlib
import json
import socket
import struct

from support import clients, servers
from support.l7ctl import L7ctl
from support.netlab import Lab, check, expect_equal, expect_in, run, wait_for
from support.runner import main

SECONDS = 40
PORT = 4739
# Everything is short, so that flows end while the test waits.
CONFIG = """[timeouts]
tcp_established = 20
tcp_opening = 1
tcp_closed = 1
udp_replied = 1
udp_unreplied = 1
icmp = 1
other = 1
[export]
"""
PATIENCE = 60


class Site:
    """A router with l7ctl on c0, a web server behind it, and room for a collector beside that."""

    def __init__(self, lab, export):
        self.lab = lab
        self.client, self.router, self.server = lab.router()
        self.web = servers.Nginx(self.server)
        self.web.start()
        self.file = lab.dir / "records" / "flows.jsonl"
        self.l7ctl = L7ctl(self.router, CONFIG + export.format(json=self.file, collector=self.server.ip4, port=PORT))

    def fetch(self, address):
        clients.http(self.client, self.web, address)

    def records(self, **wanted):
        """The records in the file; every line must be whole."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [one for one in map(json.loads, lines) if all(one[key] == value for key, value in wanted.items())]

    def report(self):
        return self.l7ctl.status()["export"]

    def counted(self):
        """Packets and bytes that c0 counted in both directions as anything of IP."""
        rows = [row for row in self.l7ctl.traffic("c0") if row["protocol"] not in ("non-ip", "malformed")]
        return sum(row["packets"] for row in rows), sum(row["bytes"] for row in rows)

    def recorded(self):
        records = self.records()
        return sum(one["packets"] for one in records), sum(one["bytes"] for one in records)

    def wait_until_all_is_recorded(self):
        wait_for(lambda: self.counted() == self.recorded(), "the records to add up to what the device counted", PATIENCE)


class Nfcapd:
    """nfdump's collector, which speaks UDP."""

    def __init__(self, site, name):
        self.dir = site.lab.dir / name
        self.dir.mkdir()
        self.process = site.server.popen(["nfcapd", "-w", self.dir, "-b", site.server.ip4, "-p", PORT, "-t", "2"],
                                         name=name)
        wait_for(lambda: f":{PORT}" in site.server.output(["ss", "-Hlun"]), "nfcapd's socket")

    def flows(self):
        # What it is writing now it gives no final name.
        if not any(name.name.startswith("nfcapd.2") for name in self.dir.iterdir()):
            return []
        text = run(["nfdump", "-R", self.dir, "-o", "json"], check=False).stdout.decode()
        try:
            return json.loads(text)
        except json.JSONDecodeError:  # no flows, or a file that was being renamed
            return []


def http_of(flows, address):
    key = "dst6_addr" if ":" in address else "dst4_addr"
    return [one for one in flows if one.get("dst_port") == 80 and one.get(key) == address]


def test_records_add_up_and_nfdump_reads_them():
    with Lab() as lab:
        site = Site(lab, 'json = "{json}"\nipfix = "udp://{collector}:{port}"\ntemplates = 1\n')
        nfcapd = Nfcapd(site, "nfcapd")
        with site.l7ctl.start() as l7ctl:
            l7ctl.attach("c0")
            for address in (site.server.ip4, site.server.ip6):
                site.fetch(address)
            site.wait_until_all_is_recorded()
            for address in (site.server.ip4, site.server.ip6):
                http = site.records(dst=address, dport=80)
                check(http, f"no record of {address}")
                expect_equal({one["protocol"] for one in http}, {"http"}, "protocol")
                expect_equal({one["end_reason"] for one in http}, {"end"}, "end reason")
                expect_equal({one["ingress"] for one in http}, {"c0"}, "ingress")
                check(sum(one["bytes_received"] for one in http) > len(servers.LARGE), "fewer bytes than were fetched")
                for one in http:
                    expect_equal(one["tcp_flags_sent"][:2], ["syn", "fin"], "flags")
                    check(one["first_ms"] <= one["start_ms"] <= one["end_ms"], f"times: {one}")
                ours = sorted((one["sport"], one["packets_sent"], one["bytes_sent"], one["packets_received"],
                               one["bytes_received"]) for one in http)
                theirs = wait_for(lambda a=address, n=len(http): len(got := http_of(nfcapd.flows(), a)) >= n and got,
                                  f"nfdump to show {address}", PATIENCE)
                expect_equal(sorted((one["src_port"], one["in_packets"], one["in_bytes"], one["out_packets"],
                                     one["out_bytes"]) for one in theirs), ours, "nfdump's view")
            wait_for(lambda: site.report()["json"]["records"] == len(site.records()), "the count of the records in the file")
            report = site.report()
            expect_equal((report["dropped"], report["json"]["lost"], report["ipfix"]["lost"]), (0, 0, 0), "lost")
            # logrotate's way: the file is moved, then SIGHUP or reload.
            moved = site.file.with_suffix(".1")
            site.file.rename(moved)
            before = len(moved.read_text().splitlines())
            l7ctl.run("reload")
            site.fetch(site.server.ip4)
            wait_for(lambda: site.records(dport=80), "a record in the new file", PATIENCE)
            expect_equal(len(moved.read_text().splitlines()), before, "lines of the old file")


def test_a_long_flow_is_told_in_parts_over_a_restart():
    with Lab() as lab:
        site = Site(lab, 'json = "{json}"\nactive = 2\n')
        with site.l7ctl.start() as l7ctl:
            l7ctl.attach("c0")
            with clients.Download(site.client, site.web, site.server.ip4):
                wait_for(lambda: site.records(dport=80, end_reason="active"), "an active record", PATIENCE)
                before = l7ctl.flows("protocol", "http")[0]["packets"]
                l7ctl.process.stop()
                check(sum(one["packets"] for one in site.records(dport=80)) >= before, "nothing was told at the stop")
                l7ctl.start()
                seen = len(site.records(dport=80, end_reason="active"))
                wait_for(lambda: len(site.records(dport=80, end_reason="active")) > seen, "another part", PATIENCE)
            site.wait_until_all_is_recorded()
            parts = site.records(dport=80)
            expect_equal(len({one["sport"] for one in parts}), 1, "connections")
            expect_equal(parts[-1]["end_reason"], "end", "the last part")
            for before, after in zip(parts, parts[1:]):
                check(before["end_ms"] <= after["end_ms"] and before["start_ms"] <= after["start_ms"], "order of parts")
            l7ctl.detach("c0")


def test_detach_tells_what_lives():
    with Lab() as lab:
        site = Site(lab, 'json = "{json}"\n')
        with site.l7ctl.start() as l7ctl:
            l7ctl.attach("c0")
            with clients.Download(site.client, site.web, site.server.ip4):
                wait_for(lambda: l7ctl.flows("protocol", "http"), "the flow")
                l7ctl.detach("c0")
                wait_for(lambda: site.records(dport=80, end_reason="forced", protocol="http"), "its record")


def flood(site, flows):
    """One datagram on each of so many flows."""
    with site.client.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for port in range(1024, 1024 + flows):
            sock.sendto(b"nothing anybody knows", (site.router.ip4, port))


@contextlib.contextmanager
def tiny_disk(directory, kilobytes):
    directory.mkdir()
    run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tiny", directory])
    try:
        yield
    finally:
        run(["umount", "-l", directory])


def test_a_full_disk_is_counted_and_blocks_nothing():
    with Lab() as lab:
        site = Site(lab, 'json = "{json}"\n')
        with tiny_disk(site.file.parent, 64), site.l7ctl.start() as l7ctl:
            l7ctl.attach("c0")
            flood(site, 1000)
            wait_for(lambda: site.report()["json"]["lost"] > 0, "lost records to be counted", PATIENCE)
            site.fetch(site.server.ip4)
            wait_for(lambda: l7ctl.counter("expired_newcomers") >= 1000, "sweeps to go on", PATIENCE)
            report = site.report()
            check(report["json"]["errors"] > 0, "no error was counted")
            expect_in("No space left", report["last_error"], "the last error")
            written = wait_for(lambda: len(lines := site.records()) == site.report()["json"]["records"] and len(lines),
                               "whole lines only, as many as were counted")
            check(written > 0, "nothing was written before the disk was full")
            site.file.write_text("")  # somebody makes room
            site.fetch(site.server.ip4)
            wait_for(lambda: site.records(dport=80, protocol="http"), "records once there is room", PATIENCE)


def test_a_collector_over_udp_goes_and_comes():
    with Lab() as lab:
        site = Site(lab, 'ipfix = "udp://{collector}:{port}"\ntemplates = 3600\n')
        site.server.sysctl("ipv4.icmp_ratelimit", 3000)  # ms: most of what is lost is lost silently
        with site.l7ctl.start() as l7ctl:
            l7ctl.attach("c0")

            def lose_some():
                site.fetch(site.server.ip4)
                return site.report()["ipfix"]["lost"] > 0
            wait_for(lose_some, "records nobody takes to be counted", PATIENCE)
            check(site.report()["ipfix"]["errors"] > 0, "no error was counted")
            taken = site.report()["ipfix"]["records"]

            def lose_silently():
                site.fetch(site.server.ip4)
                return site.report()["ipfix"]["records"] > taken
            wait_for(lose_silently, "records that the socket takes for nobody", PATIENCE)
            nfcapd = Nfcapd(site, "nfcapd")

            def arrives():
                site.fetch(site.server.ip4)
                return http_of(nfcapd.flows(), site.server.ip4)
            wait_for(arrives, "flows at the collector that came back", PATIENCE)
            expect_equal(site.report()["json"]["records"], 0, "JSON that nobody wanted")


def read_messages(connection):
    """IPFIX messages of a connection: their sets' ids."""
    connection.settimeout(PATIENCE)
    while len(head := connection.recv(16, socket.MSG_WAITALL)) == 16:
        version, length = struct.unpack("!HH", head[:4])
        expect_equal(version, 10, "IPFIX version")
        rest, sets = connection.recv(length - 16, socket.MSG_WAITALL), []
        while rest:
            number, size = struct.unpack("!HH", rest[:4])
            sets.append(number)
            rest = rest[size:]
        yield sets


def test_a_collector_over_tcp_goes_and_comes():
    with Lab() as lab:
        site = Site(lab, 'ipfix = "tcp://{collector}:{port}"\n')
        with site.server.entered():
            listener = socket.create_server((site.server.ip4, PORT))
        listener.settimeout(PATIENCE)
        with site.l7ctl.start() as l7ctl, listener:
            l7ctl.attach("c0")
            for session in (1, 2):
                connection, _ = listener.accept()
                with connection:
                    site.fetch(site.server.ip4)
                    messages = read_messages(connection)
                    seen = next(messages)
                    expect_equal(seen[0], 2, f"the first set of session {session}: templates")
                    while 256 not in seen:
                        seen += next(messages)
                    check({3, 258} <= set(seen), f"no names of applications: {seen}")
                wait_for(lambda s=session: site.report()["ipfix"]["errors"] >= s, "the end to be noticed")
            wait_for(lambda: site.report()["ipfix"]["connects"] >= 2, "reconnects to be counted")


main(test_records_add_up_and_nfdump_reads_them, test_a_long_flow_is_told_in_parts_over_a_restart,
     test_detach_tells_what_lives, test_a_full_disk_is_counted_and_blocks_nothing,
     test_a_collector_over_udp_goes_and_comes, test_a_collector_over_tcp_goes_and_comes)
