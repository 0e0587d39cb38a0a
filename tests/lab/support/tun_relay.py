# SPDX-License-Identifier: GPL-2.0-or-later
"""Joins two tun devices, as a VPN's two daemons would: tun_relay.py DEV OTHER_NAMESPACE OTHER_DEV

The first is made in the namespace it is started in. Packets keep their virtio-net header, so that what the kernel
would cut into segments or still checksum passes as it is.
"""

import contextlib
import ctypes
import fcntl
import os
import struct
import sys
import threading

TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x1, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6 = 0x1, 0x2, 0x4
CLONE_NEWNET = 0x40000000
PACKET_MOST = 65536 + 64


def tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
    fcntl.ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)
    return fd


def relay(source, target):
    while True:
        packet = os.read(source, PACKET_MOST)
        with contextlib.suppress(OSError):  # as a wire, it loses what the other end does not take
            os.write(target, packet)


def main(dev, namespace, other_dev):
    left = tun(dev)
    with open(namespace) as there:  # os.setns() came with Python 3.12
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns to {namespace}")
    right = tun(other_dev)
    threading.Thread(target=relay, args=(right, left), daemon=True).start()
    relay(left, right)


if __name__ == "__main__":
    main(*sys.argv[1:])
