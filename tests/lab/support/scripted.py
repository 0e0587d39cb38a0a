# SPDX-License-Identifier: GPL-2.0-or-later
"""Both ends of sessions that no package here speaks: their messages byte for byte, and what they announce."""

import socket
import struct

from .netlab import LIMIT, expect_equal


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Dialogue:
    """A TCP connection, both of whose ends are ours."""

    def __init__(self, client, server, address, port, listen=None):
        """listen: the server's own address, where a NAT makes another of it."""
        with server.entered():
            listener = socket.create_server((listen or address, port), family=family(address))
        with client.entered():
            self.client = socket.create_connection((address, port), timeout=LIMIT)
        listener.settimeout(LIMIT)
        self.server, _ = listener.accept()
        listener.close()

    def say(self, who, message):
        """Also waits for it, as conversations do. Returns what came, which a NAT may have changed."""
        ours, theirs = (self.client, self.server) if who == "client" else (self.server, self.client)
        ours.sendall(message)
        theirs.settimeout(LIMIT)
        got = b""
        while len(got) < len(message):
            piece = theirs.recv(65536)
            expect_equal(bool(piece), True, f"whether the {who} is heard")
            got += piece
        return got

    def close(self):
        self.client.close()
        self.server.close()


# FTP, RFC 959.
FTP_PORT = 21


class FtpControl(Dialogue):
    """A control connection; what is said are lines without their ends."""

    def __init__(self, client, server, address, listen=None):
        super().__init__(client, server, address, FTP_PORT, listen)
        for who, line in (("server", "220 ready"), ("client", "USER anonymous"), ("server", "331 password"),
                          ("client", "PASS guest@example.org"), ("server", "230 in")):
            self.say(who, line)

    def say(self, who, message):
        return super().say(who, message.encode() + b"\r\n")


def ftp_passive(address, port):
    """The reply to PASV, section 4.2."""
    return f"227 Entering Passive Mode ({address.replace('.', ',')},{port >> 8},{port & 0xff})."


# PPTP, RFC 2637, section 2; its calls go over GRE, section 4.
PPTP_PORT = 1723
GRE = 47


def pptp_message(kind, body):
    return struct.pack(">HHIHH", 12 + len(body), 1, 0x1A2B3C4D, kind, 0) + body


def pptp_hello(kind):
    """Start-Control-Connection-Request (1) and -Reply (2)."""
    return pptp_message(kind, struct.pack(">HBBIIHH", 0x0100, kind - 1, 0, 3, 3, 1, 1) + b"lab.example.org".ljust(64, b"\0")
                        + b"lab".ljust(64, b"\0"))


def pptp_call(call):
    """Outgoing-Call-Request."""
    return pptp_message(7, struct.pack(">HHIIIIHHHH", call, 1, 300, 100_000_000, 3, 3, 64, 0, 0, 0) + bytes(128))


def pptp_answer(call, peers_call, result=1):
    """Outgoing-Call-Reply."""
    return pptp_message(8, struct.pack(">HHBBHIHHI", call, peers_call, result, 0, 0, 100_000_000, 64, 0, 0))


def pptp_calls(message):
    """Its call ID, and for an answer the peer's."""
    return struct.unpack(">HH", message[12:16])


def gre_packet(call, sequence):
    """A PPP frame, an LCP Configure-Request (RFC 1661), to whoever chose the call ID."""
    frame = bytes.fromhex("ff03c021 01010004")
    return struct.pack(">HHHHI", 0x3001, 0x880B, len(frame), call, sequence) + frame


# H.323 by its bytes on the wire: Q.931 with a Setup (H.225.0, version 5) whose h245Address is 192.0.2.2:50001; over that
# connection an OpenLogicalChannel of G.711 (H.245) with media and its control at 192.0.2.2:5000 and 5001.
H323_PORT = 1720
H323_H245_PORT, H323_RTP_PORT, H323_RTCP_PORT = 50001, 5000, 5001
H323_SETUP = bytes.fromhex(
    "0300006e0802000105a104038090a5280241007e00580500f0060008914a000500c0000202c3510201002344010061006222c0b500534c026c37"
    "63003100020100234401006100620000112233445566778899aabbccddeeff003100110067676767676767676767676767676767")
H323_OPEN = bytes.fromhex("0300001e030001000c6013801114000100c0000202138800c00002021389")


def rtp_packet(number):
    """G.711 of 20 ms, RFC 3550 section 5.1."""
    return struct.pack(">BBHII", 0x80, 0, number, 160 * number, 0x11223344) + bytes([0x55, 0xD5] * 80)


def rtcp_packet():
    """A receiver report of nobody, RFC 3550 section 6.4.2."""
    return struct.pack(">BBHI", 0x80, 201, 1, 0x11223344)


def voice_at(address, port):
    """SDP, RFC 8866."""
    kind = "IP6" if ":" in address else "IP4"
    return (f"v=0\r\no=- 25678 753849 IN {kind} {address}\r\ns=-\r\nc=IN {kind} {address}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0\r\n")


# MGCP, RFC 3435: the gateway's answer to a CreateConnection says where it hears.
MGCP_PORT = 2427


def mgcp_create(number):
    return (f"CRCX {number} aaln/1@gw.example.org MGCP 1.0\r\nC: A3C47F21456789F0\r\nL: p:20, a:PCMU\r\n"
            "M: recvonly\r\n\r\n").encode()


def mgcp_answer(number, address, port):
    return f"200 {number} OK\r\nI: FDE234C8\r\n\r\n{voice_at(address, port)}".encode()


# Megaco in text, H.248.1 annex B: the same in the answer to an Add.
MEGACO_PORT = 2944


def megaco_add(number):
    return (f"MEGACO/1 <mgc.example.org>:2944\nTransaction = {number} {{\n Context = $ {{\n"
            "  Add = A4 { Media { Stream = 1 {\n"
            "   LocalControl { Mode = ReceiveOnly },\n   Local {\nv=0\nc=IN IP4 $\nm=audio $ RTP/AVP 0\n}\n  } } } } }\n").encode()


def megaco_answer(number, address, port):
    return (f"MEGACO/1 <gw.example.org>:2944\nReply = {number} {{\n Context = 2000 {{\n"
            "  Add = A4 { Media { Stream = 1 {\n"
            f"   Local {{\n{voice_at(address, port)}}}\n  }} }} }} }} }}\n").encode()
