# SPDX-License-Identifier: GPL-2.0-or-later
"""Children of scripted parents: PPTP, H.323, MGCP, Megaco, FTP. Each is known from its first packet."""

import signal
import socket

from support import scripted
from support.l7ctl import L7ctl
from support.netlab import LIMIT, Lab, expect_equal, wait_for
from support.runner import main
from support.scripted import Dialogue


def datagrams(namespace, address, port=0):
    with namespace.entered():
        out = socket.socket(scripted.family(address), socket.SOCK_DGRAM)
        out.bind((address, port))
    out.settimeout(LIMIT)
    return out


def expect_child(flow, port, **ends):
    expect_equal({key: flow[key] for key in ends}, ends, "the child's ends")
    expect_equal((flow["verdict_packet"], port in [end["port"] for end in flow["parent"]["ends"]]), (1, True),
                 f"from when it is known, and by whom: {flow}")


def test_pptp_calls_over_gre():
    """A call that is refused announces nothing; GRE of one that is up is a child, whoever sends first."""
    with Lab() as lab:
        client, router, server = lab.router()
        # One worker hears everything in its order.
        with L7ctl(router, "[daemon]\nworkers = 1\n").start() as l7ctl:
            l7ctl.attach("c0")
            control = Dialogue(client, server, server.ip4, scripted.PPTP_PORT)
            control.say("client", scripted.pptp_hello(1))
            control.say("server", scripted.pptp_hello(2))
            wait_for(lambda: l7ctl.flows("protocol", "pptp"), "the parent")
            beside = scripted.FtpControl(client, server, server.ip4)
            wait_for(lambda: l7ctl.flows("protocol", "ftp"), "the other parent")
            control.say("client", scripted.pptp_call(7))
            control.say("server", scripted.pptp_answer(9, 7, result=2))
            beside.say("server", scripted.ftp_passive(server.ip4, 4000))
            # Whoever has heard that has heard the refusal before.
            expected = wait_for(l7ctl.awaited, "what the other parent announces")
            expect_equal([row["l4"] for row in expected], ["tcp"], "what is awaited after a refused call")
            beside.close()
            control.say("client", scripted.pptp_call(8))
            control.say("server", scripted.pptp_answer(10, 8))
            def calls():
                return [row for row in l7ctl.awaited() if row["l4"] == "gre"]

            expected = wait_for(lambda: len(rows := calls()) == 2 and rows, "what is awaited")
            expect_equal({(row["l4"], row["src"], row["dst"]) for row in expected},
                         {("gre", client.ip4, server.ip4), ("gre", server.ip4, client.ip4)}, "what is awaited")
            with server.entered(), socket.socket(socket.AF_INET, socket.SOCK_RAW, scripted.GRE) as raw:
                for sequence in range(3):
                    raw.sendto(scripted.gre_packet(8, sequence), (client.ip4, 0))
            flow, = wait_for(lambda: [one for one in l7ctl.children("pptp") if one["packets"] == 3], "the call")
            expect_child(flow, scripted.PPTP_PORT, l4="gre", src=server.ip4, dst=client.ip4)
            control.close()


def test_h323_calls():
    """Q.931 names the connection for H.245, which names the media: children of a child."""
    with Lab() as lab:
        client, router, server = lab.router()
        with L7ctl(router).start() as l7ctl:
            l7ctl.attach("c0")
            call = Dialogue(client, server, server.ip4, scripted.H323_PORT)
            call.say("client", scripted.H323_SETUP)
            wait_for(lambda: [row for row in l7ctl.awaited()
                              if (row["dst"], row["dport"]) == (client.ip4, scripted.H323_H245_PORT)], "H.245 to be awaited")
            h245 = Dialogue(server, client, client.ip4, scripted.H323_H245_PORT)
            flow, = wait_for(lambda: l7ctl.children("h323"), "H.245's connection")
            expect_child(flow, scripted.H323_PORT, src=server.ip4, dst=client.ip4, dport=scripted.H323_H245_PORT)
            h245.say("server", scripted.H323_OPEN)
            media = (scripted.H323_RTP_PORT, "rtp", scripted.rtp_packet(1)), (scripted.H323_RTCP_PORT, "rtcp",
                                                                              scripted.rtcp_packet())
            wait_for(lambda: {row["dport"] for row in l7ctl.awaited()} >= {port for port, _, _ in media},
                     "media and its control to be awaited")
            for port, protocol, packet in media:
                hears = datagrams(client, client.ip4, port)
                sends = datagrams(server, server.ip4)
                sends.sendto(packet, (client.ip4, port))
                expect_equal(hears.recv(2048), packet, "what comes")
                flow, = wait_for(lambda kind=protocol: l7ctl.children(kind), protocol)
                expect_child(flow, scripted.H323_H245_PORT, src=server.ip4, dst=client.ip4, dport=port)
                hears.close()
                sends.close()
            for each in (h245, call):
                each.close()


def connections(protocol, gateways_port, ask, answer):
    """An agent asks a gateway for a connection, and speaks to where that says it hears."""
    with Lab() as lab:
        client, router, server = lab.router()
        with L7ctl(router).start() as l7ctl:
            l7ctl.attach("c0")
            for number, (agent, gateway) in enumerate(((client.ip4, server.ip4), (client.ip6, server.ip6)), 1204):
                agents, gateways = datagrams(client, agent), datagrams(server, gateway, gateways_port)
                agents.sendto(ask(number), (gateway, gateways_port))
                _, whom = gateways.recvfrom(2048)
                wait_for(lambda count=number: len(l7ctl.flows("protocol", protocol)) == count - 1203, "the parent")
                hears = datagrams(server, gateway)
                port = hears.getsockname()[1]
                gateways.sendto(answer(number, gateway, port), whom[:2])
                agents.recv(2048)
                wait_for(lambda to=port: to in [row["dport"] for row in l7ctl.awaited()], "media to be awaited")
                agents.sendto(scripted.rtp_packet(1), (gateway, port))
                hears.recv(2048)
                flow, = wait_for(lambda to=gateway: [one for one in l7ctl.children("rtp") if one["dst"] == to], "the voice")
                expect_child(flow, gateways_port, src=agent, dport=port)
                for each in (agents, gateways, hears):
                    each.close()


def test_mgcp_connections():
    connections("mgcp", scripted.MGCP_PORT, scripted.mgcp_create, scripted.mgcp_answer)


def test_megaco_connections():
    connections("megaco", scripted.MEGACO_PORT, scripted.megaco_add, scripted.megaco_answer)


def test_a_daemon_that_comes_late():
    """More than is sampled of a flow passes before its verdict: it is listened to from there on."""
    with Lab() as lab:
        client, router, server = lab.router()
        with L7ctl(router).start() as l7ctl:
            l7ctl.attach("c0")
            l7ctl.process.popen.send_signal(signal.SIGSTOP)
            control = scripted.FtpControl(client, server, server.ip4)
            for _ in range(40):
                control.say("client", "STAT")
                control.say("server", "211-status of lab\r\n" + " all is well here\r\n" * 30 + "211 end")
            l7ctl.process.popen.send_signal(signal.SIGCONT)
            wait_for(lambda: l7ctl.flows("protocol", "ftp"), "the parent")
            control.say("client", "NOOP")
            control.say("server", "200 yes")  # behind bytes that are missing, no line is believed
            control.say("client", "PASV")
            with server.entered():
                data = socket.create_server((server.ip4, 0))
            control.say("server", scripted.ftp_passive(*data.getsockname()))
            port = data.getsockname()[1]
            wait_for(lambda: [row["dport"] for row in l7ctl.awaited()] == [port], "the data alone to be awaited")
            with client.entered():
                fetched = socket.create_connection((server.ip4, port), timeout=LIMIT)
            flow, = wait_for(lambda: l7ctl.children("ftp-data"), "the data")
            expect_child(flow, scripted.FTP_PORT, src=client.ip4, dst=server.ip4, dport=port)
            for each in (control, data, fetched):
                each.close()


main(test_pptp_calls_over_gre, test_h323_calls, test_mgcp_connections, test_megaco_connections,
     test_a_daemon_that_comes_late)
