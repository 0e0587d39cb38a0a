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
    put("config", "all", b'[mark]\nmask = 0xff00\n[[rule]]\nprotocol = "ssh"\nmark = 0x1000\nclassid = "1:10"\n'
                         b'[[device]]\nname = "eth0"\nhooks = "both"\n[limits]\npackets = 5\n')
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
    put("record", "two", bytes([2, 1, 0, 0, 0, 0, 1, 1, 4, 0, 0, 4]) + b"ab\0\0")


main(Path(sys.argv[1]))
