# SPDX-License-Identifier: GPL-2.0-or-later
"""A class's rate for every combination: generated, terminated and forwarded; up and down; IPv4 and IPv6; devices with and
without a link header. Each case is one stream of HTTP, which l7ctl recognises and a rule gives its class."""

import concurrent.futures
import contextlib
import json
from pathlib import Path

from support.l7ctl import L7ctl, classes
from support.media import MEDIA
from support.netlab import Lab, check, expect_equal, wait_for
from support.runner import main

ALONE = "it measures rates"
SECONDS = 60
CONFIG = """
[[shape]]
dev = "c0"
up = "40mbit"
down = "60mbit"
[[class]]
name = "web"
rate = "16mbit"
priority = 2
[[class]]
name = "rest"
rate = "4mbit"
ceil = "100%"
default = true
[[rule]]
protocol = "http"
classid = "1:10"
"""
WEB, REST = "1:10", "1:20"
DEVICE_OF = {"up": "c0", "down": "l7-c0"}
MBIT = 1_000_000
RATE_OF = {"up": 16 * MBIT, "down": 24 * MBIT}  # the classes grow as the link does
TOLERANCE = 0.10
# Until the sender has found the rate, then what is measured.
SKIP_BYTES, MEASURED_S = 400_000, 1.6
# Handshake, request and answer before the stream may leave before the verdict.
OTHERS_MOST_BYTES = 3000
PORT = 8080
BULK = Path(__file__).parent / "support/bulk_http.py"


@contextlib.contextmanager
def shaped(medium, env):
    with Lab() as lab:
        ends = MEDIA[medium](lab)
        for end in ends:
            bulk(end)
        with L7ctl(ends.router, CONFIG, env=env).start() as l7ctl:
            l7ctl.run("shape", "apply")
            l7ctl.attach("c0")
            yield ends, l7ctl
            l7ctl.run("shape", "clear")
            l7ctl.detach("c0")


def bulk(end):
    server = end.popen(["/usr/bin/python3", BULK, "serve", PORT], name="bulk-http")

    def answers():
        check(server.running(), f"the web server ended: {server.log()}")
        with contextlib.suppress(OSError):
            end.connect("::1", PORT).close()
            return True

    wait_for(answers, "the web server")


def cases(ends):
    """(what, who starts it, with whom) of each stream, from both ends of the device's wire."""
    for what, starts, ends_at in (("generated", ends.router, ends.client), ("terminated", ends.client, ends.router),
                                  ("forwarded", ends.client, ends.server)):
        for family in ("ip4", "ip6"):
            yield what, starts, getattr(ends_at, family)


def use(l7ctl):
    """(device, class) -> bytes, of the classes that take packets."""
    return {(row["device"], row["classid"]): row["bytes"] for row in l7ctl.json("shape", "show")
            if row.get("leaf")}


def classes_of(l7ctl, address):
    """port of the client -> class, of the flows of HTTP to there."""
    return {flow["sport"]: flow["classid"] for flow in l7ctl.flows("protocol", "http") if flow["dst"] == address}


def new_class(l7ctl, address, known):
    return next((classid for port, classid in classes_of(l7ctl, address).items() if port not in known), None)


def idle(l7ctl):
    return all(row["backlog"] == 0 for row in l7ctl.json("shape", "show") if "backlog" in row)


def run_case(ends, l7ctl, medium, what, starts, address, direction):
    # What leaves through c0 is what its router sends, or what its client gets.
    gets = (direction == "up") == (starts is ends.client)
    dev, rate = DEVICE_OF[direction], RATE_OF[direction]
    name = f"{medium}, {what}, {direction}, {'IPv6' if ':' in address else 'IPv4'}"
    before, known = use(l7ctl), classes_of(l7ctl, address)
    go = Path(starts.lab.dir) / f"go: {name}"
    client = starts.popen(["/usr/bin/python3", BULK, "get" if gets else "put", address, PORT, SKIP_BYTES, MEASURED_S, go],
                          name="bulk-http")
    expect_equal(wait_for(lambda: new_class(l7ctl, address, known), "the flow to be recognised"), WEB, "its class")
    go.touch()
    status = client.wait(90)
    expect_equal(status, 0, f"{name}: {client.log()}")
    got = json.loads(client.log())
    grown = {key: value - before[key] for key, value in use(l7ctl).items()}
    in_class, others = grown[dev, WEB], max(grown[each, REST] for each in DEVICE_OF.values())
    print(f"      {name}: {got['rate'] / MBIT:.2f} of {rate / MBIT:.0f} mbit/s, {got['rate'] / rate - 1:+.1%}; "
          f"{in_class} bytes in the class for {got['bytes']}, {others} in others", flush=True)
    check(abs(got["rate"] - rate) <= TOLERANCE * rate, f"{name}: {got['rate']:.0f} bit/s instead of {rate}")
    check(in_class >= got["bytes"], f"{name}: {in_class} bytes in the class for a stream of {got['bytes']}")
    check(others <= OTHERS_MOST_BYTES, f"{name}: {others} bytes in another class")
    # The next stream shall not wait behind what is left of this one.
    wait_for(lambda: idle(l7ctl), "the classes to be empty")


def run_direction(direction, medium, env, only):
    with shaped(medium, env) as (ends, l7ctl):
        expect_equal(l7ctl.status()["devices"][0]["l3"], medium != "veth", "c0 as a device without link header")
        for case in cases(ends):
            if case[0] in only:
                run_case(ends, l7ctl, medium, *case, direction)
        if direction == "down":
            return
        # The classes count packets on the wire, the device what it was handed: there were GSO packets among them.
        link = json.loads(ends.router.output(["ip", "-j", "-s", "link", "show", "dev", "c0"]))[0]
        handed, on_wire = link["stats64"]["tx"]["packets"], classes(ends.router, "c0")["1:1"][0]
        check(handed * 2 < on_wire, f"{medium}: {handed} packets handed to c0 for {on_wire} on the wire: no GSO")


def run_matrix(medium, env=None, only=("generated", "terminated", "forwarded")):
    """Up and down at once, in a lab each: a stream's acknowledgements are in the other direction's way otherwise."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for done in [pool.submit(run_direction, direction, medium, env, only) for direction in DEVICE_OF]:
            done.result()


def test_ethernet():
    run_matrix("veth")


def test_tun():
    run_matrix("tun")


def test_a_tunnel_of_the_kernel():
    run_matrix("vxlan")


def test_filters_in_place_of_tcx():
    """What kernels before 6.6 have, where the program must look at the packet before it is handed to the IFB."""
    run_matrix("tun", {"L7CTL_ATTACH": "clsact"}, ("forwarded",))


main(test_ethernet, test_tun, test_a_tunnel_of_the_kernel, test_filters_in_place_of_tcx)
