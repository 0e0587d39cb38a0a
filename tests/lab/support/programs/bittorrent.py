# SPDX-License-Identifier: GPL-2.0-or-later
"""One end of a BitTorrent transfer, by Debian's libtorrent.

    bittorrent.py seed FILE TORRENT PORT [encrypted] describes the file in TORRENT, and serves it
    bittorrent.py fetch DIR TORRENT ADDRESS PORT tcp|utp
    bittorrent.py find DIR TORRENT TRACKER           fetches from peers that the tracker names, encrypted, over TCP
"""

import sys
from pathlib import Path

import libtorrent

# No tracker, no search for peers: the other end's address is given.
QUIET = {"enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
         "in_enc_policy": libtorrent.enc_policy.disabled, "out_enc_policy": libtorrent.enc_policy.disabled}


FORCED = {"in_enc_policy": libtorrent.enc_policy.forced, "out_enc_policy": libtorrent.enc_policy.forced,
          "allowed_enc_level": libtorrent.enc_level.rc4}


def seed(file, torrent, port, encrypted=""):
    files = libtorrent.file_storage()
    libtorrent.add_files(files, file)
    description = libtorrent.create_torrent(files)
    libtorrent.set_piece_hashes(description, str(Path(file).parent))
    session = libtorrent.session({**QUIET, **(FORCED if encrypted else {}),
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
        session.wait_for_alert(1000)
        session.pop_alerts()


def fetch(directory, torrent, address, port, transport):
    session = libtorrent.session({**QUIET, "listen_interfaces": "0.0.0.0:0,[::]:0",
                                  "enable_outgoing_tcp": transport == "tcp", "enable_incoming_tcp": False,
                                  "enable_outgoing_utp": transport == "utp"})
    handle = session.add_torrent({"ti": libtorrent.torrent_info(torrent), "save_path": directory})
    handle.connect_peer((address, int(port)))
    complete(session, handle)


def find(directory, torrent, tracker):
    session = libtorrent.session({**QUIET, **FORCED, "listen_interfaces": "0.0.0.0:0", "enable_incoming_tcp": False,
                                  "enable_outgoing_utp": False, "enable_incoming_utp": False})
    handle = session.add_torrent({"ti": libtorrent.torrent_info(torrent), "save_path": directory})
    handle.add_tracker({"url": tracker})
    handle.force_reannounce()
    complete(session, handle)


def complete(session, handle):
    while not handle.status().is_seeding:
        session.wait_for_alert(100)
        session.pop_alerts()


{"seed": seed, "fetch": fetch, "find": find}[sys.argv[1]](*sys.argv[2:])
