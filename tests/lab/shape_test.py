# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees of classes made from the configuration: what tc then shows, what changes, what stays, and the rates they give."""

import json
import re
from typing import NamedTuple

from support import servers
from support.l7ctl import L7ctl, classes
from support.netlab import LIMIT, Lab, check, expect_equal, expect_in, wait_for
from support.runner import main

ALONE = "it measures rates"
SECONDS = 15
TREE = """
[[shape]]
dev = "c0"
up = "40mbit"
down = "80mbit"
[[class]]
name = "bulk"
rate = "12mbit"
priority = 1
[[class]]
name = "people"
rate = "20mbit"
ceil = "100%"
[[class]]
name = "staff"
parent = "people"
rate = "50%"
ceil = "100%"
leaf = "pfifo"
[[class]]
name = "guests"
parent = "people"
rate = "25%"
default = true
"""
MBIT = 1_000_000
MEASURED_S = 2  # after a second that is left out
TOLERANCE = 0.10


def tc_classes(namespace, dev):
    """handle -> parent, priority, rate and ceil in Mbit/s, as tc shows them (this tc knows no JSON of HTB's classes)."""
    text = namespace.output(["tc", "class", "show", "dev", dev])
    found = re.findall(r"class htb (\S+) (?:root|parent (\S+)) .*?(?:prio (\d+) )?rate (\d+)Mbit ceil (\d+)Mbit", text)
    check(len(found) == len(text.splitlines()), text)
    return {one: Shown(parent or None, int(prio or 0), int(rate), int(ceil)) for one, parent, prio, rate, ceil in found}


class Shown(NamedTuple):
    parent: str
    priority: int
    rate: int
    ceil: int


def everything(namespace, dev="c0"):
    """What can be seen of a device's shape, by other people's tools."""
    return [namespace.output(argv) for argv in (
        ["tc", "qdisc", "show", "dev", dev], ["tc", "class", "show", "dev", dev],
        ["tc", "filter", "show", "dev", dev, "ingress"], ["ip", "-o", "link", "show", "type", "ifb"])]


def with_tree(lab, config=TREE):
    client, router, server = lab.router()
    return client, router, server, L7ctl(router, config)


def test_the_tree_is_as_described():
    with Lab() as lab:
        _, router, _, l7ctl = with_tree(lab)
        found = everything(router)
        made = l7ctl.text("shape", "apply")
        expect_in("c0: add class 1:10 bulk rate 12mbit ceil 12mbit prio 1", made, "what was done")
        for dev, scale in (("c0", 1), ("l7-c0", 2)):
            seen = tc_classes(router, dev)
            expect_equal(sorted(seen), ["1:1", "1:10", "1:20", "1:30", "1:40"], f"classes on {dev}")
            expect_equal({handle: one.parent for handle, one in seen.items()},
                         {"1:1": None, "1:10": "1:1", "1:20": "1:1", "1:30": "1:20", "1:40": "1:20"}, "their parents")
            expect_equal({handle: (one.rate, one.ceil) for handle, one in seen.items()},
                         {handle: (rate * scale, ceil * scale) for handle, (rate, ceil) in
                          {"1:1": (40, 40), "1:10": (12, 12), "1:20": (20, 40), "1:30": (10, 40),
                           "1:40": (5, 10)}.items()}, f"rates on {dev}")
            expect_equal(seen["1:10"].priority, 1, "its priority")
            roots = [one for one in json.loads(router.output(["tc", "-j", "qdisc", "show", "dev", dev]))]
            expect_equal({one["handle"]: one["kind"] for one in roots if one.get("root")}, {"1:": "htb"}, "the root")
            expect_equal({one["parent"] for one in roots if one["kind"] in ("pfifo", "sfq", "cake", "fq_codel")},
                         {"1:10", "1:30", "1:40"}, "classes with a qdisc in them")
        once = everything(router)

        expect_equal(l7ctl.text("shape", "apply"), "c0: nothing to change\n", "a second time")
        expect_equal(l7ctl.json("shape", "apply"), [], "changes in JSON")
        expect_equal(everything(router), once, "the device after it")
        by_hand = [row for row in l7ctl.json("shape", "show", "dev", "c0") if "commands" in row][0]["commands"]

        l7ctl.configure(TREE.replace("12mbit", "14mbit"))
        expect_equal([(one["what"], one["classid"], one["action"], one["direction"])
                      for one in l7ctl.json("shape", "apply")],
                     [("class", "1:10", "change", "up"), ("class", "1:10", "change", "down")],
                     "one change in each direction")
        expect_equal(tc_classes(router, "c0")["1:10"].rate, 14, "the new rate")

        l7ctl.configure(TREE.replace('down = "80mbit"\n', "").replace("12mbit", "15mbit"))
        kinds = [(one["what"], one["action"]) for one in l7ctl.json("shape", "apply")]
        expect_equal(kinds, [("redirect", "delete"), ("class", "change"), ("ifb", "delete")], "without down")
        expect_equal(router.output(["tc", "filter", "show", "dev", "c0", "ingress"]), "", "filters left")

        l7ctl.run("shape", "clear")
        expect_equal(everything(router), found, "the device after clear")
        expect_equal(l7ctl.text("shape", "clear"), "no device is shaped by l7ctl\n", "clear again")

        # What `shape show` says would make the same does so: l7ctl knows it for its own.
        for command in by_hand:
            router.run(["sh", "-c", command])
        l7ctl.configure(TREE)
        expect_equal(l7ctl.text("shape", "apply"), "c0: nothing to change\n", "after tc's own commands")
        l7ctl.run("shape", "clear", "dev", "c0")
        expect_equal(everything(router), found, "the device after clear")


def test_classes_move_come_and_go():
    with Lab() as lab:
        _, router, _, l7ctl = with_tree(lab)
        l7ctl.run("shape", "apply")
        configs = [
            TREE.replace('name = "people"', 'name = "people"\nparent = "bulk"'),
            TREE.replace('parent = "people"\n', ""),
            TREE + '[[class]]\nname = "more"\nparent = "staff"\nrate = "1mbit"\n',
            TREE.replace("default = true\n", "").replace("priority = 1", "default = true"),
            TREE.replace('name = "staff"', 'name = "crew"'),
            '[[shape]]\ndev = "c0"\nup = "10mbit"\n',
            TREE,
        ]
        for config in configs:
            l7ctl.configure(config)
            l7ctl.run("shape", "apply")
            changed = everything(router)
            expect_equal(l7ctl.text("shape", "apply"), "c0: nothing to change\n", "a second time")
            l7ctl.run("shape", "clear")
            l7ctl.run("shape", "apply")
            expect_equal(comparable(changed), comparable(everything(router)), "step by step and all at once")
        # What others break is mended.
        router.run(["ip", "link", "delete", "l7-c0"])
        router.run(["tc", "class", "change", "dev", "c0", "parent", "1:1", "classid", "1:10", "htb", "rate", "1mbit"])
        l7ctl.run("shape", "apply")
        expect_equal(tc_classes(router, "c0")["1:10"].rate, 12, "the rate")
        expect_in("l7-c0", router.output(["tc", "filter", "show", "dev", "c0", "ingress"]), "the filter")


def comparable(shown):
    """The kernel's order does not count, nor the number that an IFB got."""
    return [sorted(text.splitlines()) for text in shown[:3]]


def test_what_others_made_is_left_alone():
    with Lab() as lab:
        _, router, _, l7ctl = with_tree(lab)
        router.run(["tc", "qdisc", "add", "dev", "c0", "root", "handle", "1:", "htb", "default", "0x10"])
        router.run(["tc", "class", "add", "dev", "c0", "parent", "1:", "classid", "1:10", "htb", "rate", "1mbit"])
        found = everything(router)
        refused = l7ctl.run("shape", "apply", check=False)
        expect_equal(refused.returncode, 1, "exit status")
        expect_in("c0 has a root qdisc that l7ctl did not make: htb 1:", refused.stderr.decode(), "the reason")
        expect_in("tc qdisc del dev c0 root", refused.stderr.decode(), "the hint")
        l7ctl.run("shape", "clear")
        l7ctl.run("shape", "clear", "dev", "c0")
        expect_equal(everything(router), found, "the device")

        # The other's filters and clsact stay, and so does a device by the name of our IFB.
        router.run(["tc", "qdisc", "del", "dev", "c0", "root"])
        router.run(["tc", "qdisc", "add", "dev", "c0", "clsact"])
        router.run(["tc", "filter", "add", "dev", "c0", "ingress", "prio", "7", "u32", "match", "u32", "1", "1"])
        found = everything(router)
        l7ctl.run("shape", "apply")
        l7ctl.run("shape", "clear")
        expect_equal(everything(router), found, "the device after clear")
        router.run(["ip", "link", "add", "l7-c0", "type", "ifb"])
        found = everything(router)
        refused = l7ctl.run("shape", "apply", check=False)
        expect_in("a device l7-c0 that l7ctl did not make", refused.stderr.decode(), "the reason")
        l7ctl.run("shape", "clear", "dev", "c0")
        expect_equal(everything(router), found, "the device")

        for words, status in ((["apply", "dev", "none"], 1), (["apply", "c0"], 2), (["melt"], 2),
                              (["apply", "--preset", "palace", "dev", "c0", "--up", "1mbit"], 2)):
            expect_equal(l7ctl.run("shape", *words, check=False).returncode, status, f"exit status of {words}")


def test_presets_need_no_configuration():
    with Lab() as lab:
        _, router, _, l7ctl = with_tree(lab, "")
        for preset in ("home-gateway", "small-office", "isp-subscriber"):
            words = ["--preset", preset, "dev", "c0", "--up", "50mbit", "--down", "200mbit"]
            l7ctl.run("shape", "apply", *words)
            expect_equal(l7ctl.text("shape", "apply", *words), "c0: nothing to change\n", "a second time")
            expect_equal(tc_classes(router, "l7-c0")["1:1"].rate, 200, "the rate of the link")
            l7ctl.configure(l7ctl.text("shape", "apply", *words, "--print"))
            expect_equal(l7ctl.text("shape", "apply"), "c0: nothing to change\n", "the printed configuration")
            expect_in(" 0 rejected", l7ctl.text("check"), "the check of it")
            l7ctl.configure("")


def test_a_leaf_that_the_kernel_has_not():
    """It is said, and the class gets the first there is; whatever is there is what the kernel then shows."""
    with Lab() as lab:
        probe = lab.namespace("probe")
        there = [kind for kind in ("fq_codel", "cake", "sfq", "pfifo")
                 if probe.run(["tc", "qdisc", "add", "dev", "lo", "root", kind], check=False).returncode == 0
                 and probe.run(["tc", "qdisc", "del", "dev", "lo", "root"])]
        _, router, _, l7ctl = with_tree(lab)
        for wanted in ("cake", "sfq", "fq_codel", "pfifo"):
            l7ctl.configure(TREE.replace('leaf = "pfifo"', f'leaf = "{wanted}"'))
            done = l7ctl.run("shape", "apply")
            kinds = {one["parent"]: one["kind"] for one in json.loads(
                router.output(["tc", "-j", "qdisc", "show", "dev", "c0"])) if "parent" in one}
            expect_equal(kinds["1:30"], wanted if wanted in there else there[0], f"the leaf where {wanted} was wanted")
            expect_equal(kinds["1:10"], there[0], "the leaf where none was named")
            note = f"the kernel has no {wanted}; classes get the first there is of fq_codel, cake, sfq, pfifo"
            expect_equal(note in done.stderr.decode(), wanted not in there, f"a note on {wanted}")
            expect_equal(l7ctl.text("shape", "apply"), "c0: nothing to change\n", "a second time")


RATES = TREE + '[[rule]]\nclassid = "1:10"\n'


def test_rates_are_kept():
    """With as much under way as TCP likes, and more than that. Every combination: shape_matrix_test.py."""
    with Lab() as lab:
        client, router, server, l7ctl = with_tree(lab, RATES)
        far, near = servers.Iperf3(server), servers.Iperf3(router)
        for one in (far, near):
            one.start()
        with l7ctl.start():
            l7ctl.run("shape", "apply")
            l7ctl.attach("c0")
            for dev, reverse, rate in (("c0", True, 12 * MBIT), ("l7-c0", False, 24 * MBIT)):
                far.wait_until_idle()
                measure(client, router, server.ip4, dev, reverse, rate, "forwarded")
            # More than there is room for. Not of one socket: what it may have under way would all fit.
            near.wait_until_idle()
            client.run(["iperf3", "--client", router.ip4, "--udp", "--parallel", 8, "--bitrate", "10M", "--time", 1])

            def shown():
                return {row["device"]: row for row in l7ctl.json("shape", "show") if row.get("class") == "bulk"}

            for dev in ("c0", "l7-c0"):
                # What waits in the class's queue leaves it when the flood is over.
                wait_for(lambda dev=dev: classes(router, dev)["1:10"] == (shown()[dev]["packets"], shown()[dev]["bytes"]),
                         lambda dev=dev: f"counters of {dev} to be tc's: {shown()[dev]}, {classes(router, dev)['1:10']}")
                packets, size = classes(router, dev)["1:10"]
                check(size > MBIT and packets > 1000, f"only {packets} packets, {size} bytes went through {dev}")
            check(shown()["l7-c0"]["drops"] > 0, f"a flood was not dropped: {shown()['l7-c0']}")
            text = l7ctl.text("shape", "show")
            expect_in("tc class add dev l7-c0 parent 1:1 classid 1:10 htb rate 24mbit", text, "commands")
            l7ctl.run("shape", "clear")
            l7ctl.detach("c0")


def measure(client, router, address, dev, reverse, rate, what):
    before = classes(router, dev)["1:10"][1]
    done = json.loads(client.output(
        ["iperf3", "--client", address, "--json", "--time", MEASURED_S, "--omit", 1, *(["--reverse"] if reverse else [])],
        limit=MEASURED_S + LIMIT))
    got = done["end"]["sum_received"]["bits_per_second"]
    print(f"      {what}, {address}, {dev}: {got / MBIT:.1f} of {rate / MBIT:.0f} mbit/s", flush=True)
    check(abs(got - rate) <= TOLERANCE * rate, f"{what} to {address} on {dev}: {got:.0f} bit/s instead of {rate}")
    in_class = classes(router, dev)["1:10"][1] - before
    check(in_class * 8 >= MEASURED_S * got, f"only {in_class} bytes went through the class")


def test_filters_of_ours_come_before_the_redirect():
    """Without TCX our program is a filter too, and the one that hands to the IFB takes every packet."""
    with Lab() as lab:
        client, router, server = lab.router()
        far = servers.Iperf3(server)
        far.start()
        l7ctl = L7ctl(router, RATES, env={"L7CTL_ATTACH": "clsact"})
        clean = everything(router)
        with l7ctl.start():
            l7ctl.run("shape", "apply")
            l7ctl.attach("c0", "ingress")
            measure(client, router, server.ip4, "l7-c0", False, 24 * MBIT, "forwarded, by clsact")
            l7ctl.detach("c0")
            l7ctl.run("shape", "clear")
            expect_equal(everything(router), clean, "the device after it all")


main(test_the_tree_is_as_described, test_classes_move_come_and_go, test_what_others_made_is_left_alone,
     test_presets_need_no_configuration, test_a_leaf_that_the_kernel_has_not, test_rates_are_kept,
     test_filters_of_ours_come_before_the_redirect)
