# SPDX-License-Identifier: GPL-2.0-or-later
"""One end of a BitTorrent transfer, by Debian's libtorrent.

    bittorrent.py seed FILE TORRENT PORT [NODE_PORT] describes the file in TORRENT, and serves it; with a node of the
                                                     hash table on this host encrypted, and found by it
    bittorrent.py fetch DIR TORRENT ADDRESS PORT tcp|utp
    bittorrent.py find DIR TORRENT TRACKER           fetches, encrypted, from who is named by the tracker, or by the
                                                     node of the hash table at dht://ADDRESS:PORT
    bittorrent.py node PORT                          a node of the hash table
"""

import socket
import sys
import time
import urllib.parse
from pathlib import Path

import libtorrent

# No tracker, no search for peers: the other end's address is given.
QUIET = {"enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
         "in_enc_policy": libtorrent.enc_policy.disabled, "out_enc_policy": libtorrent.enc_policy.disabled}


# One encrypted handshake in 256 fails: libtorrent 2.0.8 disagrees with itself where the Diffie-Hellman secret begins with
# a zero, and says "invalid info-hash". Who called waits for a minute unless told otherwise.
FORCED = {"min_reconnect_time": 1,
          "in_enc_policy": libtorrent.enc_policy.forced, "out_enc_policy": libtorrent.enc_policy.forced,
          "allowed_enc_level": libtorrent.enc_level.rc4}
# A hash table of three nodes, two of them on one host, which say more to each other than nodes of the Internet do: a
# node's bound of five messages a second would keep a host out for five minutes.
TABLE = {"enable_dht": True, "dht_bootstrap_nodes": "", "dht_block_ratelimit": 1000,
         **{f"dht_{rule}": False for rule in ("restrict_routing_ips", "restrict_search_ips", "enforce_node_id",
                                              "prefer_verified_node_ids", "ignore_dark_internet")}}
ASK_AGAIN_SECONDS = 0.5


def seed(file, torrent, port, node_port=None):
    files = libtorrent.file_storage()
    libtorrent.add_files(files, file)
    description = libtorrent.create_torrent(files)
    libtorrent.set_piece_hashes(description, str(Path(file).parent))
    session = libtorrent.session({**QUIET, **({**FORCED, **TABLE} if node_port else {}),
                                  "listen_interfaces": f"0.0.0.0:{port},[::]:{port}"})
    info = libtorrent.torrent_info(description.generate())
    handle = session.add_torrent({"ti": info, "save_path": str(Path(file).parent)})
    while not handle.status().is_seeding:
        session.wait_for_alert(100)
        session.pop_alerts()
    # Under its name only when it is whole: that is what the lab waits for.
    part = Path(f"{torrent}.part")
    part.write_bytes(libtorrent.bencode(description.generate()))
    part.rename(torrent)
    while True:
        if node_port:
            ask_table(session, handle, (own_address(), int(node_port)))
        pause(session)


def own_address():
    """The address that others know this host by."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.2", 9))
        return probe.getsockname()[0]


def node(port):
    session = libtorrent.session({**QUIET, **TABLE, "listen_interfaces": f"0.0.0.0:{port}"})
    while True:
        pause(session)


def fetch(directory, torrent, address, port, transport):
    session = libtorrent.session({**QUIET, "listen_interfaces": "0.0.0.0:0,[::]:0",
                                  "enable_outgoing_tcp": transport == "tcp", "enable_incoming_tcp": False,
                                  "enable_outgoing_utp": transport == "utp"})
    handle = session.add_torrent({"ti": libtorrent.torrent_info(torrent), "save_path": directory})
    handle.connect_peer((address, int(port)))
    complete(session, handle)


def find(directory, torrent, tracker):
    where = urllib.parse.urlsplit(tracker)
    by_table = where.scheme == "dht"
    session = libtorrent.session({**QUIET, **FORCED, **(TABLE if by_table else {}), "listen_interfaces": "0.0.0.0:0",
                                  "enable_incoming_tcp": False, "enable_outgoing_utp": False,
                                  "enable_incoming_utp": False})
    handle = session.add_torrent({"ti": libtorrent.torrent_info(torrent), "save_path": directory})
    if by_table:
        complete(session, handle, lambda: ask_table(session, handle, (where.hostname, where.port)))
    else:
        handle.add_tracker({"url": tracker})
        complete(session, handle)


def complete(session, handle, ask=lambda: None):
    while not handle.status().is_seeding:
        ask()
        pause(session, lambda: handle.status().is_seeding)


def ask_table(session, handle, node_address):
    """Begins at this node each time: one that once was late to answer is forgotten, and with it what only it knows."""
    session.add_dht_node(node_address)
    handle.force_dht_announce()


def pause(session, over=lambda: False):
    """Until it is time to ask again, or it is over; what the session tells meanwhile is nothing to us."""
    until = time.monotonic() + ASK_AGAIN_SECONDS
    while (left := until - time.monotonic()) > 0 and not over():
        session.wait_for_alert(max(1, int(left * 1000)))
        session.pop_alerts()


{"seed": seed, "fetch": fetch, "find": find, "node": node}[sys.argv[1]](*sys.argv[2:])
