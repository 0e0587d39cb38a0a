# SPDX-License-Identifier: GPL-2.0-or-later
"""What joins the client and the router: Ethernet, or devices whose packets have no link header.

    client, router, server = MEDIA["tun"](lab)      # as lab.router(), the client's device is eth0, the router's c0
"""

from pathlib import Path

from .netlab import NotTestable, wait_for

RELAY = Path(__file__).with_name("tun_relay.py")
TUNNEL_ID = 7


def veth(lab):
    return lab.router()


def tun(lab):
    """A userspace VPN's devices."""
    def join(left, left_dev, right, right_dev):
        left.popen(["/usr/bin/python3", RELAY, left_dev, right.path, right_dev], name="tun-relay")
        for namespace, dev in ((left, left_dev), (right, right_dev)):
            wait_for(lambda namespace=namespace, dev=dev: has(namespace, dev), f"the tun device {dev}")

    return lab.router(join)


def vxlan(lab):
    """The kernel's own tunnel that carries packets without a link header: VXLAN's generic extension. It leaves
    the tunnel's other end to the route."""
    under = {}

    def join(left, left_dev, right, right_dev):
        lab.link(left, "u0", right, "u0")
        for number, (namespace, dev) in enumerate(((left, left_dev), (right, right_dev)), 1):
            namespace.run(["ip", "address", "add", f"203.0.113.{number}/30", "dev", "u0"])
            # The tunnel's MTU is 1500, as everybody's.
            namespace.run(["ip", "link", "set", "u0", "mtu", 1600, "up"])
            if namespace.run(["ip", "link", "add", dev, "type", "vxlan", "external", "gpe", "dstport", 4790],
                             check=False).returncode != 0:
                raise NotTestable("the kernel has no VXLAN-GPE")
            under[namespace.name] = f"203.0.113.{3 - number}"

    ends = lab.router(join)
    for namespace, dev in ((ends.client, "eth0"), (ends.router, "c0")):
        encapsulate(namespace, dev, under[namespace.name])
    return ends


def encapsulate(namespace, dev, to):
    """Every route over the device leads into the tunnel."""
    for family in ("-4", "-6"):
        for line in namespace.output(["ip", family, "route", "show", "dev", dev]).splitlines():
            destination, *words = line.split()
            if not destination.startswith(("fe80", "ff00")):
                namespace.run(["ip", family, "route", "del", destination, "dev", dev])
                namespace.run(["ip", family, "route", "add", destination, "encap", "ip", "id", TUNNEL_ID, "dst", to,
                               *words, "dev", dev])


def has(namespace, dev):
    return namespace.run(["ip", "link", "show", "dev", dev], check=False).returncode == 0


MEDIA = {"veth": veth, "tun": tun, "vxlan": vxlan}
