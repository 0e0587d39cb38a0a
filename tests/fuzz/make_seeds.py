# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes seeds for the fuzzers into a directory: patterns as text, and conversations of tests/cases as packets."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(target):
    def put(fuzzer, name, content):
        directory = target / fuzzer
        directory.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)

    for pattern in sorted((ROOT / "patterns").glob("*.toml"))[:40]:
        text = pattern.read_bytes()
        put("native_pattern", pattern.stem, re.sub(rb'name = "[^"]*"', b'name = "x"', text, count=1))
        for number, where in enumerate(re.findall(rb'where = "([^"]*)"', text)):
            put("condition", f"{pattern.stem}-{number}", where + b"\0" + bytes(range(64)))
    put("pat_file", "all", b"x\n^(a|b)+[c-f]*\\x20?.$\n")
    manual = (ROOT / "docs/l7ctl.toml.5.md").read_text()
    for number, block in enumerate(re.findall(r"```toml\n(.*?)```", manual, re.S)):
        put("config", f"manual-{number}", block.encode())
        for section in re.split(r"\n(?=\[)", block):
            put("config", f"manual-{number}-" + re.sub(r"\W", "", section.split("\n", 1)[0]), section.encode())
    # RFC 7541, C.4.1, and from C.6.1 on with a table of 256 bytes.
    requests = bytes.fromhex("828684418cf1e3c2e5f23a6ba0ab90f4ff" "828684be5886a8eb10649cbf")
    put("hpack", "requests", requests)
    put("hpack", "responses", bytes.fromhex("3fe101" "488264025885aec3771a4b" "4883640effc1c0bf"))
    put("hpack", "literals", b"\x82\x41\x09a.example\x5f\x10application/grpc\x40\2te\x08trailers\x10\1a\1b")
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000006040000000000000300000064")
    headers = b"\0\0" + bytes([len(requests)]) + b"\1\4\0\0\0\1" + requests
    parts = bytes.fromhex("00000d012800000001" "02" "800000000f" "828684418c" "0000") + \
        bytes.fromhex("00000c090400000001") + requests[5:17]
    def smb(message):
        return len(message).to_bytes(4, "big") + message

    def smb2(command, flags, body):
        return smb(b"\xfeSMB@" + bytes(7) + bytes([command, 0, 1, 0, flags]) + bytes(47) + body)

    netname = "nas".encode("utf-16-le")
    offer = bytes.fromhex("24000100") + bytes(24) + bytes.fromhex("6800000001000000" "1103" "0000") + \
        b"\5\0" + bytes([len(netname), 0]) + bytes(4) + netname
    path = "\\\\a\\b".encode("utf-16-le")
    choice = smb2(0, 1, bytes.fromhex("410001001103") + bytes(58))
    connect = smb2(3, 0, bytes.fromhex("09000000" "4800") + bytes([len(path), 0]) + path)
    smb1 = b"\xffSMB%c" + bytes(4) + b"%c" + bytes(22)
    offer1 = smb(smb1 % (b"r", b"\0") + b"\0\x0c\0\2NT LM 0.12\0")
    connect1 = smb(smb1 % (b"u", b"\0") + b"\4\xff\0\0\0\0\0\1\0\x0d\0\0\\\\a\\b\0?????\0")
    samr = bytes.fromhex("785734123412cdabef000123456789ac" "01000000")
    ndr = bytes.fromhex("045d888aeb1cc9119fe808002b104860" "02000000")
    bind = bytes.fromhex("05000b03100000004800000001000000" "b810b81000000000" "0100000000000100") + samr + ndr
    bind_ack = bytes.fromhex("05000c03100000004400000001000000" "b810b81000000000") + bytes(44)
    request = bytes.fromhex("0400200010000000") + bytes(16) + samr[:16] + bytes(34) + b"\4\0" + bytes(8)
    put("dissect", "dcerpc-udp", b"\0\0" + bytes([len(request) - 1]) + request)
    pieces = {"dcerpc": [(0, bind), (1, bind_ack)],
              "smb2": [(0, smb2(0, 0, offer)), (1, choice), (0, connect)],
              "smb2-chain": [(0, smb(connect[4:24] + b"\x58" + connect[25:] + bytes(6) + connect[4:]))],
              "smb1": [(0, offer1), (1, smb(smb1 % (b"r", b"\x80") + b"\x11" + bytes(36))), (0, connect1)],
              "smb-netbios": [(0, b"\x81\0\0\x44" + bytes(68)), (1, b"\x82\0\0\0"), (0, offer1)],
              "smb-encrypted": [(0, smb(b"\xfdSMB" + bytes(160)))],
              "smb-compressed": [(0, smb(b"\xfcSMB" + bytes(40)))],
              "http2": [(0, preface + headers)],
              "http2-parts": [(0, preface), (1, bytes.fromhex("000000040000000000")), (0, parts)],
              "h2c": [(0, b"GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: h2c\r\n\r\n"),
                      (1, b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\n\r\n")],
              "http": [(0, b"GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\r\n"),
                       (1, b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n")],
              "tracker": [(0, b"GET /a?info_hash=x&port=1 HTTP/1.1\r\nHost: a.example\r\n\r\n"),
                          (1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n18\r\nd5:peers12:" +
                           bytes([192, 0, 2, 1, 26, 225]) * 2 + b"e\r\n0\r\n\r\n")],
              "starttls": [(1, b"220 mx.example ESMTP\r\n"), (0, b"EHLO a\r\nSTARTTLS\r\n\x16\3\1\0\4\1\0\0\0")],
              "postgresql": [(0, bytes.fromhex("0000000804d2162f")), (1, b"S")]}
    for name, parts in pieces.items():
        put("dissect", name, b"\1" + b"".join(
            bytes([(len(piece) - 1) >> 8 << 1 | way, (len(piece) - 1) & 255]) + piece for way, piece in parts))
    media = [bytes([0x80, 111, 0, n, 0, 0, 0, n]) + b"\1\2\3\4" + b"Z" * 20 for n in range(4)]
    query = bytes.fromhex("12340100000100000000000003777777076578616d706c65036f72670000010001")
    for name, parts in (("media", media), ("dns", [query])):
        put("dissect", name, b"\0" + b"".join(bytes([0, len(piece) - 1]) + piece for piece in parts))
    # In the order of parent_kinds(), 16 for a stream.
    sdp = b"v=0\r\nc=IN IP4 192.0.0.1\r\nm=audio 5000/2 RTP/AVP 0\r\na=rtcp:5009 IN IP4 192.0.0.1\r\n" \
          b"m=image 6000 udptl t38\r\n"
    invite = b"INVITE sip:b SIP/2.0\r\ni: c\r\nCSeq: 1 INVITE\r\nc: application/sdp\r\nl: %d\r\n\r\n%s" % (len(sdp), sdp)
    register = b"%s\r\ni: r\r\nCSeq: 7 REGISTER\r\nm: \"A\" <sip:a@192.0.0.1:5070;transport=udp>;expires=60\r\n\r\n"
    rtsp = b"%s\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;client_port=8000-8001;server_port=6000-6001\r\n\r\n"
    # As tests/unit/expect_h323_test.cpp builds them.
    setup = bytes.fromhex("030000c60802000105a104038090a5280241007e00b00520f0060008914a000500c0000001c351020100"
                          "2344010061006222c0b500534c026c3763003100020100234401006100620000112233445566778899aa"
                          "bbccddeeff0031101100676767676767676767676767676767673502120001000c6013800a04000100c0"
                          "00000113892040010006040100485880010040001114000100c0000001138c00c0000001138d04c00180"
                          "1d011b030001000d0000c0001114000100c0000001138e00c0000001138f")
    channel = bytes.fromhex("030000260300010008e80080ffff0050400180801114000100c0000001138800c00000011389")
    ack = bytes.fromhex("0300001b22c001000480101c0000c0000001138800c00000011389")
    peers = {"ftp": (0, [(0, b"PORT 192,0,0,1,195,81\r\nEPRT |1|192.0.0.1|50001|\r\n"),
                         (1, b"227 ok (198,0,0,1,195,81)\r\n229 (|||50001|)\r\n")]),
             "irc": (1, [(0, b"PRIVMSG a :\1DCC SEND f 3221225473 5000 9\1\r\n")]),
             "sip": (2, [(0, invite), (0, register % b"REGISTER sip:a SIP/2.0"), (1, register % b"SIP/2.0 200 OK")]),
             "sip-tcp": (18, [(0, invite), (0, register % b"REGISTER sip:a SIP/2.0"), (1, register % b"SIP/2.0 200 OK")]),
             "h323": (19, [(0, setup), (0, channel), (1, ack)]),
             "ras": (3, [(0, bytes.fromhex("0c000001060008914a0005800100c0000001c3510100c000000106b722c0b500534c026c3763003100b500534c")),
                         (0, bytes.fromhex("2900000140050000c0000001c3510010")),
                         (1, bytes.fromhex("4c000100c0000001c35100c000000106b7"))]),
             "tftp": (4, [(0, b"\0\1f\0octet\0")]),
             "rtsp": (21, [(0, rtsp % b"SETUP a RTSP/1.0"), (1, b"$\0\0\2xx" + rtsp % b"RTSP/1.0 200 OK")]),
             "pptp": (6, [(1, bytes.fromhex("002000011a2b3c4d000800000001400001000000") + bytes(12))]),
             "amanda": (7, [(1, b"Amanda 2.6 REP HANDLE 0 SEQ 1\nCONNECT DATA 50001 MESG 50002\n")]),
             "sane": (8, [(0, bytes.fromhex("0000000700000000")), (1, bytes.fromhex("000000000000c3510000123400000000"))]),
             "mgcp": (9, [(1, b"200 1 OK\r\n\r\n" + sdp)]),
             "megaco": (10, [(1, b"!/1 [192.0.0.1] P=1{C=1{A=A{M{L{\n" + sdp + b"}}}}}")])}
    for name, (kind, parts) in peers.items():
        put("expect", name, bytes([kind]) + b"".join(
            bytes([(len(piece) - 1) >> 8 << 1 | way, (len(piece) - 1) & 255]) + piece for way, piece in parts))
    put("filter", "all", b'{"command":"flows","filter":["protocol","ssh","port","22"]}')
    ip = bytes.fromhex("45000030000040004006000000000000c0000201c6336401")
    tcp = bytes.fromhex("9c4001bb000003e8000000005010ffff00000000") + b"abcdefgh"
    ethernet = bytes(12) + b"\x08\x00"
    ipv6 = bytes.fromhex("6000000000180640") + bytes(16) + b"\x01" * 16
    for name, packet in (("tcp4", ethernet + ip[:20] + tcp), ("tcp6", bytes(12) + b"\x86\xdd" + ipv6 + tcp)):
        put("packet", name, b"\0\0" + packet)
        put("offline", name, bytes([len(packet), 2]) + packet)
    put("flow", "handshake", bytes.fromhex("01" "64000000000002" "00" "f4010000000012" "01" "65000000400010" "00"))
    put("stream", "two", b"\0\0\4abcd\2\0\4cdef")
    extensions = bytes.fromhex("0000000e000c000009612e6578616d706c65" "0010000500030268" "32" "002b0003020304"
                               "000d000400020403" "fe0d000100")
    body = bytes.fromhex("0303") + bytes(32) + bytes.fromhex("00" "00041301c02f" "0100") + \
        len(extensions).to_bytes(2, "big") + extensions
    hello = b"\1" + len(body).to_bytes(3, "big") + body
    server = bytes.fromhex("0200002c" "0303") + bytes(32) + bytes.fromhex("00c02f00" "0004" "00170000")
    datagram = b"\xfe\xfd" + body[2:35] + b"\0" + body[35:]
    dtls = b"\x16\xfe\xfd" + bytes(8) + (12 + len(datagram)).to_bytes(2, "big") + b"\1" + \
        len(datagram).to_bytes(3, "big") + bytes(5) + len(datagram).to_bytes(3, "big") + datagram
    put("tls_hello", "client", b"\0\xff" + hello)
    put("tls_hello", "server", b"\0\xff" + server)
    put("tls_hello", "datagram", b"\2\xff\1" + len(datagram).to_bytes(3, "big") + datagram)
    put("tls_hello", "ssl2", bytes.fromhex("00ff" "801c0103010003000000100000 2f") + bytes(16))
    put("tls_records", "client", b"\x80\x16\3\1" + len(hello).to_bytes(2, "big") + hello)
    put("tls_records", "two", b"\x80\x16\3\1\0\x14" + hello[:20] + b"\x16\3\1" +
        len(hello[20:]).to_bytes(2, "big") + hello[20:])
    put("tls_records", "alert", bytes.fromhex("80" "15030100020228"))
    put("tls_records", "middle", b"\0" + (b"\x17\3\3\0\x14" + bytes(20)) * 3)
    put("dtls_hello", "client", len(dtls).to_bytes(2, "little") + dtls)
    crypto = b"\6\0\x40" + bytes([len(hello)]) + hello
    halves = b"\6\x28\x40" + bytes([len(hello) - 40]) + hello[40:] + b"\6\0\x28" + hello[:40]
    for name, frames in (("one", crypto), ("two", b"\2\0\0\0\0" + halves)):
        put("quic_initial", name, b"\2" + len(frames).to_bytes(2, "little") + frames)
    chlo = b"\x09" + bytes(8) + b"Q043\1" + bytes(12) + b"\xa0\1\0\4CHLO\1\0\0\0SNI\0\3\0\0\0a.b"
    put("quic_initial", "google", b"\0" + len(chlo).to_bytes(2, "little") + chlo)
    peer = bytes([192, 0, 2, 1, 26, 225])
    for name, body in (("compact", b"d8:intervali1800e5:peers12:" + 2 * peer + b"6:peers618:" + bytes(10) + peer + b"\1\1e"),
                       ("list", b"d5:peersld2:ip9:192.0.2.17:peer id1:x4:porti6881eeee")):
        put("bittorrent_peers", name, b"\4" + body)
    put("bittorrent_peers", "dht", b"\0d1:rd2:id1:x6:valuesl6:" + peer + b"6:" + peer + b"ee1:t1:a1:y1:re")
    put("bittorrent_peers", "udp", b"\1" + bytes([0, 0, 0, 1]) + bytes(16) + 3 * peer)
    put("assembly", "three", b"\0\0\4abcd\6\0\2gh\2\0\6cdefgh")
    v4 = b"f\x06" + bytes([192, 0, 2, 2, 4, 0, 198, 51, 100, 2, 1, 187])
    flow = b"\1" + bytes([1 << 1, 1, 2 << 1, 2, 3 << 1, 3, 4 << 1, 2, 8 << 1 | 1, 3]) + b"tls" + \
        bytes([10 << 1 | 1, 9]) + b"a.example" + bytes([13 << 1 | 1, 13]) + v4[1:] + bytes([14 << 1, 0x87, 6, 15 << 1, 9])
    whom = bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 9])
    expectation = b"x" + bytes(16) + whom + b"\0\0\xc3\x50\x06"
    expected = b"\1\2\5" + bytes([2 << 1 | 1, 8]) + b"ftp-data" + bytes([5 << 1 | 1, 13]) + v4[1:]
    named = b"\1\2\5" + bytes([2 << 1 | 1, 3]) + b"tls" + bytes([3 << 1 | 1, 1]) + b"a"
    states = {"flow": (v4, flow), "flow6": (b"f\x11" + bytes(36), flow), "expectation": (expectation, expected),
              "endpoint": (b"e" + whom + b"\1\xbb\6", named), "hint": (b"h" + whom, named[:3] + b"\7\1a\x09\1b")}
    changes = b""
    for name, (key, record) in states.items():
        put("sync_record", name, bytes([len(key)]) + key + record)
        changes += b"+" + bytes([len(key)]) + key + bytes([len(record)]) + record
    text = bytes([len(v4)]) + v4 + bytes([len(flow)]) + flow
    put("flow_file", "one", b"l7flows\n\1\0\0\0\1" + bytes(15) + text)
    put("flow_file", "two", b"l7flows\n\1\0\0\0\2" + bytes(15) + text + text)
    put("sync_record", "batch", b"\1" + bytes(8) + b"\7" + changes + b"-" + bytes([len(v4)]) + v4)
    put("sync_record", "anew", b"\1" + bytes(8) + b"\7!")
    put("record", "two", bytes([2, 1, 0, 0, 0, 0, 1, 1, 4, 0, 0, 4]) + b"ab\0\0")


main(Path(sys.argv[1]))
