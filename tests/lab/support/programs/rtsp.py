# SPDX-License-Identifier: GPL-2.0-or-later
"""rtsp.py PORT PATH: streams a tone to whoever asks by RTSP, by Debian's GStreamer."""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # pylint: disable=wrong-import-position

PIPELINE = "( audiotestsrc is-live=true ! mulawenc ! rtppcmupay name=pay0 )"


def serve(port, path):
    Gst.init(None)
    server = GstRtspServer.RTSPServer(address="::", service=port)
    server.get_mount_points().add_factory(path, GstRtspServer.RTSPMediaFactory(launch=PIPELINE))
    server.attach(None)
    GLib.MainLoop().run()


serve(*sys.argv[1:])
