# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job on a live router: recognised, marked, classed, counted; detached without a trace."""

import json
import signal

from support import clients, servers
from support.foreign import bpf_program
from support.l7ctl import L7ctl, classes, make_htb
from support.netlab import Lab, check, expect_equal, expect_in, run, wait_for
from support.runner import main
from support.scene import CLASS_OF, Scene
from support.watch import Watch

SECONDS = 22
PORT_OF = {"http": 80, "tls": 443, "ssh": 22, "ftp": 21, "dns": 53, "redis": 6379, "mqtt": 1883, "smtp": 25,
           "imap": 143, "memcached": 11211, "rsync": 873, "git": 9418}


def test_protocols_reach_their_classes():
    with Lab() as lab:
        scene = Scene(lab)
        with scene.l7ctl.start() as l7ctl:
            for dev in ("c0", "s0"):
                l7ctl.attach(dev)
            watch = Watch(l7ctl)
            for _ in scene.traffic():
                watch.current()
            wait_for(watch.settled, "a verdict on every flow")
            flows = list(watch.flows.values())
            for protocol, port in PORT_OF.items():
                for dst in (scene.server.ip4, scene.server.ip6):
                    of = [flow for flow in flows if flow["dst"] == dst and flow["dport"] == port]
                    check(of, f"no flow to {dst} port {port}")
                    expect_equal({flow["protocol"] for flow in of}, {protocol}, f"protocols at {dst} port {port}")
                    expect_equal({flow["classid"] for flow in of}, {f"1:{CLASS_OF[protocol]}"}, "their class")
                    expect_equal({flow["mark"] for flow in of}, {int(CLASS_OF[protocol], 16) << 8}, "their mark")
            for dst in (scene.router.ip4, scene.router.ip6):  # locally terminated
                expect_in("http", {flow["protocol"] for flow in flows if flow["dst"] == dst}, f"protocols at {dst}")
            check(any(flow["dev"] == "s0" and flow["src"] == "198.51.100.1" for flow in flows),
                  "no flow of the router's own")
            for dev in ("c0", "s0"):
                for protocol, minor in CLASS_OF.items():
                    wait_for(lambda dev=dev, protocol=protocol, minor=minor:
                             agree(l7ctl, scene.router, dev, protocol, f"1:{minor}"),
                             f"HTB's count of {protocol} out of {dev} to be ours")


def agree(l7ctl, namespace, dev, protocol, classid):
    """True when both have counted the same; while packets still flow they may not have."""
    row = l7ctl.stats(dev, "egress", protocol)
    return classes(namespace, dev)[classid] == (row["packets"], row["bytes"])


def test_marks_select_a_class():
    with Lab() as lab:
        client, router, server = lab.router()
        web = servers.Nginx(server)
        web.start()
        config = '[mark]\nmask = 0xff00\n[[rule]]\nprotocol = "http"\nmark = 0x4200\n'
        # A filter of HTB's own reads the mark that our egress program wrote. cls_bpf, as not every kernel has fw, and
        # u32 takes "match mark" for "match all" where it was built without.
        make_htb(router, "c0", ["42"])
        marked = bpf_program(lab, "marked", "return skb->mark == 0x4200 ? -1 : 0;")
        pin = f"/sys/fs/bpf/{router.name}-marked"
        run(["bpftool", "prog", "load", marked, pin, "type", "classifier"])
        try:
            router.run(["tc", "filter", "add", "dev", "c0", "parent", "1:", "bpf", "object-pinned", pin,
                        "flowid", "1:42"])
        finally:
            run(["rm", "-f", pin])
        with L7ctl(router, config).start() as l7ctl:
            l7ctl.attach("c0", "egress")
            with clients.Download(client, web, server.ip4):
                wait_for(lambda: l7ctl.stats("c0", "egress", "http")["packets"] > 100,
                         "http to be recognised from the server's side alone")
            wait_for(lambda: agree(l7ctl, router, "c0", "http", "1:42"), "HTB's count of the mark to be ours")


def test_neighbours_on_the_hook_are_left_alone():
    """Another program at TCX keeps its place and its packets, whichever end of the hook is ours."""
    for position in ("head", "tail"):
        with Lab() as lab:
            client, router, server = lab.router()
            web = servers.Nginx(server)
            web.start()
            other = bpf_program(lab, "foreign", "return -1;")
            pin = f"/sys/fs/bpf/{router.name}-foreign"
            run(["bpftool", "prog", "load", other, pin, "type", "classifier"])
            try:
                router.run(["bpftool", "net", "attach", "tcx_ingress", "pinned", pin, "dev", "c0"])
                before = programs(router)
                with L7ctl(router).start() as l7ctl:
                    l7ctl.attach("c0", "both", position)
                    names = [name for name, hook in programs(router) if hook == "tcx/ingress"]
                    expected = ["l7_ingress", "foreign"] if position == "head" else ["foreign", "l7_ingress"]
                    expect_equal(names, expected, f"order with ours at the {position}")
                    clients.http(client, web, server.ip4)
                    wait_for(lambda: l7ctl.flows("protocol", "http"), "an http flow")
                    l7ctl.detach("c0")
                    expect_equal(programs(router), before, "what is on the device after detach")
            finally:
                run(["rm", "-f", pin])


def programs(namespace):
    shown = json.loads(namespace.output(["bpftool", "-j", "net", "show"]))
    return [(entry["name"], entry["kind"]) for entry in shown[0]["tc"]]


def test_clsact_leaves_the_device_as_it_was():
    with Lab() as lab:
        client, router, server = lab.router()
        web = servers.Nginx(server)
        web.start()
        make_htb(router, "c0", ["10"])
        clean = qdiscs(router)
        config = '[[rule]]\nprotocol = "http"\nclassid = "1:10"\n'
        with L7ctl(router, config, env={"L7CTL_ATTACH": "clsact"}).start() as l7ctl:
            l7ctl.attach("c0")
            with clients.Download(client, web, server.ip6):
                wait_for(lambda: l7ctl.flows("protocol", "http"), "an http flow")
                wait_for(lambda: classes(router, "c0")["1:10"][0] > 100, "its packets in the class")
            expect_equal(l7ctl.status()["devices"][0]["ingress"]["way"], "clsact", "the way")
            l7ctl.detach("c0")
            expect_equal(qdiscs(router), clean, "qdiscs after detach")
            # With somebody else's filter on the qdisc we made, the qdisc stays.
            l7ctl.attach("c0")
            router.run(["tc", "filter", "add", "dev", "c0", "ingress", "prio", "7", "u32", "match", "u32", "0", "0"])
            l7ctl.detach("c0")
            expect_in("u32", router.output(["tc", "filter", "show", "dev", "c0", "ingress"]), "the other's filter")
            # And a clsact that was there before stays too; head comes before the others' priority.
            l7ctl.attach("c0", "ingress", "head")
            order = [line.split()[4] for line in router.output(
                ["tc", "filter", "show", "dev", "c0", "ingress"]).splitlines() if line.startswith("filter")]
            check(int(order[0]) < 7, f"not at the head: {order}")
            l7ctl.detach("c0")
            expect_in("clsact", qdiscs(router), "the qdisc that was there")


def qdiscs(namespace):
    return namespace.output(["tc", "qdisc", "show", "dev", "c0"])


def test_a_device_without_link_header():
    """Packets that a process writes into a tun device start with their IP header."""
    with Lab() as lab:
        host = lab.namespace("host")
        tun = hold_tun(host, IFF_TUN | IFF_NO_PI, dns_query_packet())
        with L7ctl(host).start() as l7ctl:
            l7ctl.attach("tun0")
            check(l7ctl.status()["devices"][0]["l3"], "tun0 is not known as a device without link header")
            tun.popen.send_signal(signal.SIGUSR1)
            flows = wait_for(lambda: l7ctl.flows("protocol", "dns"), "a dns flow")
            expect_equal((flows[0]["src"], flows[0]["dev"]), ("192.0.2.10", "tun0"), "its source and device")


IFF_TUN, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x1, 0x2, 0x1000, 0x4000


def hold_tun(host, flags, frame):
    """A process that holds tun0 open, and writes the frame whenever it gets SIGUSR1."""
    tun = host.popen(["/usr/bin/python3", "-c", TUN, str(flags), frame.hex()], name="tun")
    wait_for(lambda: host.run(["ip", "link", "set", "tun0", "up"], check=False).returncode == 0, "tun0")
    return tun


TUN = """
import fcntl, os, signal, struct, sys
tun = os.open("/dev/net/tun", os.O_RDWR)
signal.signal(signal.SIGUSR1, lambda *_: os.write(tun, bytes.fromhex(sys.argv[2])))
# The device is there with the next line, and whoever sees it may send the signal.
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH", b"tun0", int(sys.argv[1])))  # TUNSETIFF
while True:
    signal.pause()
"""


def test_headers_beyond_the_linear_part():
    """A tap device that is told so gives a frame of more than a page a linear part of the Ethernet header alone."""
    with Lab() as lab:
        host = lab.namespace("host")
        frame = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0" + dns_query_packet(padding=8000)
        virtio_header = (0).to_bytes(2, "little") + (14).to_bytes(2, "little") + bytes(6)  # hdr_len
        tun = hold_tun(host, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, virtio_header + frame)
        with L7ctl(host).start() as l7ctl:
            l7ctl.attach("tun0")
            tun.popen.send_signal(signal.SIGUSR1)
            flows = wait_for(lambda: l7ctl.flows("protocol", "dns"), "a dns flow")
            expect_equal((flows[0]["src"], flows[0]["bytes"]), ("192.0.2.10", len(frame)), "its source and bytes")
            expect_equal(l7ctl.counter("headers_pulled"), 1, "packets whose headers were pulled")


def test_tags_in_the_data_and_taken_off():
    """A tagged frame: the sender's egress sees the tag in the data, the receiver's ingress in vlan_tci."""
    with Lab() as lab:
        left, right = lab.namespace("left"), lab.namespace("right")
        lab.link(left, "v0", right, "v0")
        left.address("v0", "203.0.113.1/24")
        right.address("v0", "203.0.113.2/24")
        with L7ctl(left, name="l").start() as sender, L7ctl(right, name="r").start() as receiver:
            sender.attach("v0")
            receiver.attach("v0")
            send_frames(left, "v0", tagged_dns_query())
            for l7ctl in (sender, receiver):
                flows = wait_for(lambda l7ctl=l7ctl: l7ctl.flows("protocol", "dns"), "a dns flow behind a tag")
                expect_equal(flows[0]["src"], "192.0.2.10", "its source")


def send_frames(namespace, dev, frame):
    program = ("import socket,sys; s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW); "
               f"s.bind(({dev!r},0)); s.send(bytes.fromhex({frame.hex()!r}))")
    namespace.run(["/usr/bin/python3", "-c", program])


def dns_query_packet(padding=0):
    query = bytes.fromhex("12340100000100000000000003777777076578616d706c65036f72670000010001") + bytes(padding)
    udp = (40000).to_bytes(2, "big") + (53).to_bytes(2, "big") + (8 + len(query)).to_bytes(2, "big") + b"\0\0" + query
    return (bytes([0x45, 0]) + (20 + len(udp)).to_bytes(2, "big") + bytes([0, 0, 0, 0, 64, 17, 0, 0])
            + bytes([192, 0, 2, 10, 198, 51, 100, 10]) + udp)


def tagged_dns_query():
    return b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01" + bytes.fromhex("8100000a0800") + dns_query_packet()


def test_fragments_and_gso():
    with Lab() as lab:
        client, router, server = lab.router()
        bulk = servers.Iperf3(server)
        bulk.start()
        with L7ctl(router).start() as l7ctl:
            for dev in ("c0", "s0"):
                l7ctl.attach(dev)
            clients.iperf3(client, bulk, server.ip4)
            client.run(["ping", "-c", 3, "-i", "0.2", "-s", "4000", server.ip4])
            client.run(["ping", "-c", 3, "-i", "0.2", "-s", "4000", server.ip6])
            wait_for(lambda: l7ctl.counter("fragments_later") >= 6, "later fragments to be seen")
            expect_equal(l7ctl.counter("fragments_orphan"), 0, "orphans")
            for family, address in (("icmp", server.ip4), ("icmpv6", server.ip6)):
                wait_for(lambda family=family, address=address: l7ctl.flows("protocol", family, "host", address),
                         f"pings by {family}")
            # A GSO packet counts as its segments: none is longer than the wire takes, though fewer left the device.
            link = json.loads(router.output(["ip", "-j", "-s", "link", "show", "dev", "s0"]))[0]
            rows = [row for row in l7ctl.traffic("s0") if row["direction"] == "egress"]
            packets, size = (sum(row[unit] for row in rows) for unit in ("packets", "bytes"))
            check(size <= packets * WIRE_MOST, f"{packets} packets for {size} bytes: {rows}")
            check(packets > link["stats64"]["tx"]["packets"] * 2, f"no GSO packets among {link['stats64']['tx']} of {packets}")


WIRE_MOST = 1514  # a device's MTU and the link's header


def test_accounting_with_field_names():
    with Lab() as lab:
        client, router, server = lab.router()
        web = servers.Nginx(server)
        web.start()
        with L7ctl(router).start() as l7ctl:
            l7ctl.attach("c0")
            with clients.Download(client, web, server.ip4):
                wait_for(lambda: l7ctl.stats("c0", "egress", "http")["packets"] > 100, "packets of http")
            dump = run(["bpftool", "-j", "map", "dump", "pinned", l7ctl.pins / "flows"]).stdout.decode()
            for field in ("protocol", "packets", "bytes", "verdict_packet", "owner"):
                expect_in(f'"{field}"', dump, "bpftool's dump of flows")
            rows = json.loads(run(["bpftool", "-j", "map", "dump", "pinned", l7ctl.pins / "accounting"]).stdout)
            expect_commands_say_it(l7ctl)
            sums = [sum(cpu["value"]["packets"] for cpu in row["formatted"]["values"]) for row in rows]
            check(sum(sums) > 100, "bpftool's dump of accounting counts packets by name")
            expect_in("l7_ingress", router.output(["bpftool", "net", "show"]), "bpftool net")


def expect_commands_say_it(l7ctl):
    """What the tests ask the daemon for, people get by these commands, as JSON and as text."""
    def names(rows):
        return [sorted(row) for row in rows]

    for words, asked, shown in ((("flows", "protocol", "http"), lambda: l7ctl.flows("protocol", "http"), "http"),
                                (("explain", "protocol", "http"), lambda: l7ctl.explain("protocol", "http"), "    -> "),
                                (("stats", "dev", "c0", "by", "rule"), lambda: l7ctl.traffic("c0", "rule"), ""),
                                (("stats", "dev", "c0"), lambda: l7ctl.traffic("c0"), "http"),
                                (("status",), lambda: [l7ctl.status()], "device c0"), (("expect",), l7ctl.awaited, "")):
        # Something else may pass between the two questions.
        wait_for(lambda words=words, asked=asked: names(l7ctl.json(*words)) == names(asked()),
                 lambda words=words, asked=asked: f"{words} to say {asked()}, and not {l7ctl.json(*words)}")
        expect_in(shown, l7ctl.text(*words), f"{words} as text")


def test_limits_and_rules_change_while_running():
    with Lab() as lab:
        client, router, server = lab.router()
        web = servers.Nginx(server)
        web.start()
        with L7ctl(router, '[[rule]]\nprotocol = "http"\nmark = 0x1100\n').start() as l7ctl:
            l7ctl.attach("c0")
            def mark():
                return l7ctl.flows("protocol", "http")[0]["mark"]

            with clients.Download(client, web, server.ip4):
                wait_for(lambda: l7ctl.flows("protocol", "http"), "the flow")
                expect_equal(mark(), 0x1100, "its mark")
                l7ctl.configure('[limits]\npackets = 3\n[[rule]]\ngroup = "web"\nmark = 0x2200\n')
                l7ctl.run("reload")
                wait_for(lambda: mark() == 0x2200, "its mark after a reload")
                expect_equal(l7ctl.status()["packets"], 3, "the packet limit")
                l7ctl.configure('[[rule]]\nmark = "red"\n')
                refused = l7ctl.run("reload", check=False)
                expect_equal(refused.returncode, 1, "exit code for a bad file")
                expect_in("l7ctl.toml:2:8:", refused.stderr.decode(), "the error")
                expect_in('mark = "red"', refused.stderr.decode(), "the error")
                packets = l7ctl.flows("protocol", "http")[0]["packets"]
                wait_for(lambda: l7ctl.flows("protocol", "http")[0]["packets"] > packets, "its packets after a refused reload")
                expect_equal(mark(), 0x2200, "its mark then")
            l7ctl.run("bypass", "on")
            clients.http(client, web, server.ip4)
            check(l7ctl.counter("bypassed") > 0, "nothing passed by")
            l7ctl.run("bypass", "off")
            bypassed = l7ctl.counter("bypassed")
            with clients.Download(client, web, server.ip6):
                wait_for(lambda: l7ctl.flows("protocol", "http", "host", server.ip6), "a flow after the bypass")
            expect_equal(l7ctl.counter("bypassed"), bypassed, "packets that passed by after it")


main(test_protocols_reach_their_classes, test_marks_select_a_class,
     test_neighbours_on_the_hook_are_left_alone, test_clsact_leaves_the_device_as_it_was,
     test_a_device_without_link_header, test_headers_beyond_the_linear_part, test_tags_in_the_data_and_taken_off,
     test_fragments_and_gso, test_accounting_with_field_names, test_limits_and_rules_change_while_running)
