# SPDX-License-Identifier: GPL-2.0-or-later
"""Children of real parents: calls, streams, files by IRC, scans. What is announced before the child's first packet is
known at that packet; ends that are quicker than the daemon are met within 64."""

import ipaddress
import re
import socket

from support import clients, servers
from support.clients_services import IrcTalker
from support.l7ctl import L7ctl, classes, make_htb
from support.netlab import Lab, check, expect_equal, wait_for
from support.runner import main
from support.scripted import family
from support.servers_media import Baresip, GstRtsp, Saned

SECONDS = 22
RULES = """[[rule]]
protocol = ["rtp", "rtcp", "irc", "sane"]
classid = "1:10"
"""
LATE = 64


def attached(router):
    for dev in ("s0", "c0"):
        make_htb(router, dev, ["10"])
    l7ctl = L7ctl(router, RULES).start()
    l7ctl.attach("c0")
    return l7ctl


def awaited(l7ctl, address, port=None):
    """What may call this address, so far."""
    return [row for row in l7ctl.awaited() if row["dst"] == address and port in (None, row["dport"])]


def expect_child(flow, parent_port, packets=1):
    check(flow["verdict_packet"] <= packets, f"known late: {flow}")
    expect_equal(flow["classid"], "1:10", "a child's class")
    check(parent_port in [end["port"] for end in flow["parent"]["ends"]], f"not this child's parent: {flow}")


def test_irc_sends_and_chats():
    """Offers go through a real server, over IPv4 and IPv6; who takes them up is no party to their connection."""
    with Lab() as lab:
        client, router, server = lab.router()
        end = servers.Ngircd(server)
        end.start()
        with attached(router) as l7ctl:
            for address, own in ((server.ip4, client.ip4), (server.ip6, client.ip6)):
                number = int(ipaddress.ip_address(own)) if own == client.ip4 else own
                alice, bob = IrcTalker(client, end, address, "alice"), IrcTalker(server, end, address, "bob")
                wait_for(lambda: l7ctl.flows("protocol", "irc", "port", end.port), "the parent")
                for kind in ("SEND large", "CHAT chat"):
                    with client.entered():
                        listener = socket.create_server((own, 0), family=family(own))
                    port = listener.getsockname()[1]
                    size = " 65536" if kind.startswith("SEND") else ""
                    alice.say(f"PRIVMSG bob :\x01DCC {kind} {number} {port}{size}\x01")
                    offer = re.search(r"\x01DCC \S+ \S+ (\S+) (\d+)", bob.hear("\x01DCC "))
                    expect_equal(offer.groups(), (str(number), str(port)), "what came through the server")
                    wait_for(lambda: awaited(l7ctl, own, port), "what is awaited")
                    taken = server.connect(own, port)
                    flow, = wait_for(lambda: [one for one in l7ctl.children("irc") if one["dport"] == port],
                                     f"the child of {kind} to {own}")
                    expect_child(flow, end.port)
                    expect_equal((flow["src"], flow["dst"]), (address, own), "the child's ends")
                    wait_for(lambda: not awaited(l7ctl, own, port), f"{kind} to {own} to be awaited no more")
                    for each in (taken, listener):
                        each.close()
                for each in (alice, bob):
                    each.close()
            wait_for(lambda: classes(router, "s0")["1:10"][0] > 0, "their packets in the class")


def test_sip_calls():
    """Two telephones; the one that is called answers when the caller's ports are known here, and holds the call later."""
    with Lab() as lab:
        client, router, server = lab.router()
        with attached(router) as l7ctl:
            def renewed():
                announcements = l7ctl.status()["expect"]["announcements"]
                return announcements["renewed"] + announcements["moved"] + announcements["admitted"]
            for called, caller, l4 in ((server.ip4, client.ip4, "udp"), (server.ip6, client.ip6, "udp"),
                                       (server.ip4, client.ip4, "tcp"), (server.ip6, client.ip6, "tcp")):
                had = {port_pair(flow) for kind in ("rtp", "rtcp") for flow in l7ctl.children(kind)}
                callee, phone = Baresip(server, called), Baresip(client, caller, dials=f"{called};transport={l4}")
                callee.start()
                phone.start()
                wait_for(callee.ringing, "the call")
                wait_for(lambda: len(awaited(l7ctl, caller)) >= 2, "where RTP and RTCP are awaited")
                callee.answer()
                for protocol in ("rtp", "rtcp"):
                    flow = wait_for(lambda kind=protocol: [one for one in l7ctl.children(kind, "udp")
                                                           if caller in (one["src"], one["dst"])
                                                           and port_pair(one) not in had],
                                    f"{protocol} of the call from {caller} by {l4}")[0]
                    expect_child(flow, callee.port)
                    expect_equal(flow["parent"]["l4"], l4, "the transport of the call")
                sent = classes(router, "c0")["1:10"][0]
                wait_for(lambda before=sent: classes(router, "c0")["1:10"][0] > before + 50, "a second of voice there")
                before = renewed()
                callee.hold()
                wait_for(lambda count=before: renewed() > count, "what the second offer announces")
                for each in (phone, callee):
                    each.stop()


def port_pair(flow):
    return flow["sport"], flow["dport"]


def test_rtsp_with_a_real_client():
    with Lab() as lab:
        client, router, server = lab.router()
        end = GstRtsp(server)
        end.start()
        with attached(router) as l7ctl:
            for address in (server.ip4, server.ip6):
                url = f"rtsp://{clients.in_url(address)}:{end.port}{end.path}"
                with clients.running(client, ["gst-launch-1.0", "rtspsrc", f"location={url}", "protocols=udp", "!",
                                              "fakesink"]):
                    for protocol in ("rtp", "rtcp"):
                        flow = wait_for(lambda kind=protocol: [one for one in l7ctl.children(kind, "udp")
                                                               if address in (one["src"], one["dst"])],
                                        f"{protocol} of {url}")[0]
                        expect_child(flow, end.port, LATE)


class Viewer:
    """A scripted client of RTSP, which takes its time."""

    def __init__(self, namespace, server, address):
        self.connection = namespace.connect(address, server.port)
        self.stream = self.connection.makefile("rwb")
        self.url = f"rtsp://{clients.in_url(address)}:{server.port}{server.path}"
        self.number = 0

    def ask(self, method, url, **fields):
        self.number += 1
        said = {"CSeq": self.number, **fields}
        lines = [f"{method} {url} RTSP/1.0", *(f"{key}: {value}" for key, value in said.items())]
        self.stream.write("\r\n".join([*lines, "", ""]).encode())
        self.stream.flush()
        expect_equal(self.stream.readline().split()[1:2], [b"200"], f"the answer to {method}")
        answer = {}
        while line := self.stream.readline().strip():
            name, _, value = line.decode().partition(":")
            answer[name.lower()] = value.strip()
        self.stream.read(int(answer.get("content-length", 0)))
        return answer


def test_rtsp_from_the_first_packet():
    with Lab() as lab:
        client, router, server = lab.router()
        end = GstRtsp(server)
        end.start()
        with attached(router) as l7ctl:
            for address, own in ((server.ip4, client.ip4), (server.ip6, client.ip6)):
                viewer = Viewer(client, end, address)
                viewer.ask("DESCRIBE", viewer.url, Accept="application/sdp")
                media, port = media_sockets(client, own)
                with media[0], media[1]:
                    agreed = viewer.ask("SETUP", f"{viewer.url}/stream=0",
                                        Transport=f"RTP/AVP;unicast;client_port={port}-{port + 1}")
                    wait_for(lambda: awaited(l7ctl, own, port) and awaited(l7ctl, own, port + 1), "both streams")
                    viewer.ask("PLAY", viewer.url, Session=agreed["session"].partition(";")[0])
                    for protocol, number in (("rtp", port), ("rtcp", port + 1)):
                        flow, = wait_for(lambda kind=protocol, own=own, own_port=number: [
                            one for one in l7ctl.children(kind, "udp")
                            if (own, own_port) in ((one["src"], one["sport"]), (one["dst"], one["dport"]))],
                            f"{protocol} from {address}")
                        expect_child(flow, end.port)
                    viewer.ask("TEARDOWN", viewer.url, Session=agreed["session"].partition(";")[0])
                viewer.stream.close()
                viewer.connection.close()


def media_sockets(namespace, address):
    """Two sockets at a pair of ports, the first of them even."""
    with namespace.entered():
        for port in range(20000, 20100, 2):
            media = [socket.socket(family(address), socket.SOCK_DGRAM) for _ in range(2)]
            try:
                for number, one in enumerate(media):
                    one.bind((address, port + number))
                return media, port
            except OSError:
                for one in media:
                    one.close()
    raise AssertionError("no free pair of ports")


def test_scans():
    """A real scan, of SANE's test scanner, slow enough to be looked at. Its link is as slow as scanners are: from the
    first request to the announcement are else 3 ms, and bytes that pass before the verdict announce nothing."""
    with Lab() as lab:
        client, router, server = lab.router()
        make_htb(server, "eth0", [], rate="400kbit")
        with attached(router) as l7ctl, clients.scratch(client) as directory:
            (directory / "dll.conf").write_text("net\n")
            (directory / "net.conf").write_text("connect_timeout = 5\n")
            for address in (server.ip4, server.ip6):
                end = Saned(server)
                end.start()
                process = client.popen(["scanimage", "-d", f"net:{clients.in_url(address)}:{end.device}",
                                        "--read-delay=yes", "--read-delay-duration", 200000, "--read-limit=yes",
                                        "--read-limit-size", 4096, "--format=pnm", "-o", directory / "scan.pnm"],
                                       name="scanimage", env={"SANE_CONFIG_DIR": str(directory)})
                flow = wait_for(lambda: [one for one in l7ctl.children("sane") if address == one["dst"]],
                                f"the image from {address}")[0]
                expect_child(flow, end.port, LATE)
                expect_equal(process.wait(), 0, "scanimage's exit")
                check((directory / "scan.pnm").read_bytes().startswith(b"P5\n"), "no image")
                end.stop()


if __name__ == "__main__":
    main(test_irc_sends_and_chats, test_sip_calls, test_rtsp_with_a_real_client, test_rtsp_from_the_first_packet,
         test_scans)
