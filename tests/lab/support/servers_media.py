# SPDX-License-Identifier: GPL-2.0-or-later
"""Real servers, as in servers.py, whose control connections announce others: calls, streams, scans."""

import math
import struct
import wave

from .server import UDP_BOUND, Server
from .servers import TCP_LISTEN
from .servers_services import PROGRAMS, PYTHON

TONE_RATE = 8000
TONE_SECONDS = 30


class Baresip(Server):
    """A telephone at one address, whose microphone hears a tone. Rings until answer() is called; what it dials may ask
    for a transport: "192.0.2.2;transport=tcp"."""

    name = "baresip"
    port = 5060
    udp = True
    control_port = 4444

    def __init__(self, namespace, address, dials=None):
        super().__init__(namespace)
        self.address, self.dials = address, dials

    @staticmethod
    def uri(address):
        host, _, parameters = address.partition(";")
        return f"sip:lab@{f'[{host}]' if ':' in host else host}{parameters and f';{parameters}'}"

    def prepare(self):
        with wave.open(str(self.dir / "tone.wav"), "wb") as tone:
            tone.setnchannels(1)
            tone.setsampwidth(2)
            tone.setframerate(TONE_RATE)
            tone.writeframes(b"".join(struct.pack("<h", int(8000 * math.sin(i / 3)))
                                      for i in range(TONE_RATE * TONE_SECONDS)))
        listen = f"[{self.address}]" if ":" in self.address else self.address
        self.write("config", f"""
sip_listen {listen}:{self.port}
audio_source aufile,{self.dir}/tone.wav
audio_player aubridge,nil
audio_alert aubridge,nil
rtcp_mux no
ctrl_tcp_listen 127.0.0.1:{self.control_port}
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app ctrl_tcp.so
module_app menu.so
""")
        self.write("accounts", f"<{self.uri(self.address)}>;regint=0;answermode=manual\n")
        self.write("contacts", "")

    def command(self):
        call = ["-e", f"/dial {self.uri(self.dials)}"] if self.dials else []
        return ["baresip", "-f", self.dir, "-6" if ":" in self.address else "-4", *call]

    def ready(self):
        return self.has_socket("udp6" if ":" in self.address else "udp", state=UDP_BOUND)

    def ringing(self):
        return "Incoming call" in self.process.log()

    def answer(self):
        self.tell("accept")

    def hold(self):
        """A re-INVITE, RFC 3261 section 14."""
        self.tell("hold")

    def tell(self, name):
        command = b'{"command":"%s"}' % name.encode()
        with self.namespace.connect("127.0.0.1", self.control_port) as control:
            control.sendall(b"%d:%s," % (len(command), command))
            control.recv(4096)


class GstRtsp(Server):
    """A tone as RTP, by GStreamer's RTSP server."""

    name = "gst-rtsp"
    port = 8554
    path = "/tone"

    def command(self):
        return [PYTHON, PROGRAMS / "rtsp.py", self.port, self.path]


class Saned(Server):
    """Lends SANE's test scanner to the networks of the lab."""

    name = "saned"
    port = 6566
    device = "test:0"

    def environment(self):
        return {**super().environment(), "SANE_CONFIG_DIR": str(self.dir)}

    def prepare(self):
        self.write("dll.conf", "test\n")
        self.write("saned.conf", "192.0.2.0/24\n[2001:db8:1::]/64\n")

    def command(self):
        return ["saned", "-l", "-e", "-p", self.port]

    def ready(self):
        # A trial connection would make it look for its scanners.
        return self.has_socket("tcp6", state=TCP_LISTEN)
