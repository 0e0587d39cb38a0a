# SPDX-License-Identifier: GPL-2.0-or-later
"""Streams of HTTP as fast as they go, and the rate at which they arrive.

    bulk_http.py serve PORT                             what GET returns has no end; PUT takes as much
    bulk_http.py get|put ADDRESS PORT SKIP SECONDS GO   prints {"rate": bits a second, "bytes": all that came}

First comes a short request; the stream, over the same connection, starts when there is a file GO. The rate is that of the
payload at the receiving end, over so many seconds after the first SKIP bytes. Then the connection is closed, whatever is
under way.
"""

import http.client
import http.server
import json
import os
import select
import socket
import sys
import time

CHUNK = bytes(1 << 16)
ENDLESS = 1 << 40
# What a sender may have under way: enough for any class of the lab, and no queue of many seconds after a stream.
SEND_BUFFER_BYTES = 256 * 1024
LIMIT = 60.0  # ends what hangs, and says nothing of how long something takes
POLL_INTERVAL = 0.01


class Meter:
    """Reads a stream until there is enough to tell its rate."""

    def __init__(self, skip, seconds):
        self.skip, self.seconds, self.bytes = skip, seconds, 0

    def read(self, read):
        while self.bytes < self.skip:
            self.take(read)
        begin, before = time.monotonic(), self.bytes
        while (now := time.monotonic()) < begin + self.seconds:
            self.take(read)
        # The last piece came a moment before it was asked for the time.
        return {"rate": (self.bytes - before) * 8 / (now - begin), "bytes": self.bytes}

    def take(self, read):
        if not (got := len(read(len(CHUNK)))):
            raise OSError(f"the stream ended after {self.bytes} bytes")
        self.bytes += got


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = LIMIT
    disable_nagle_algorithm = True

    def do_HEAD(self):
        self.answer(0)

    def do_GET(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.answer(ENDLESS)
        try:
            while True:
                self.connection.sendall(CHUNK)
        except OSError:  # the client has seen enough
            self.close_connection = True

    def do_PUT(self):
        skip, seconds = self.headers["x-measure"].split()
        body = json.dumps(Meter(int(skip), float(seconds)).read(self.rfile.read1)).encode()
        self.close_connection = True
        self.answer(len(body))
        self.wfile.write(body)

    def answer(self, size):
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(size))
        self.end_headers()


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def get(connection, skip, seconds):
    connection.request("GET", "/bulk")
    return Meter(skip, seconds).read(connection.getresponse().read1)


def put(connection, skip, seconds):
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    connection.putrequest("PUT", "/bulk")
    connection.putheader("Content-Length", str(ENDLESS))
    connection.putheader("X-Measure", f"{skip} {seconds}")
    connection.endheaders()
    # The server answers when it has seen enough, and then reads no more.
    connection.sock.setblocking(False)
    deadline = time.monotonic() + LIMIT
    answer = b""
    while not answer.endswith(b"}") and time.monotonic() < deadline:
        answer += exchange(connection.sock)
    return json.loads(answer[answer.index(b"\r\n\r\n"):])


def exchange(stream):
    """Sends what can be sent, and returns what has come."""
    readable, writable, _ = select.select([stream], [stream], [], 1.0)
    if readable:
        return stream.recv(1 << 16)
    if writable:
        stream.send(CHUNK)
    return b""


def main(what, *words):
    if what == "serve":
        Server(("::", int(words[0])), Handler).serve_forever()
        return
    address, port, skip, seconds, go = words
    connection = http.client.HTTPConnection(address, int(port), timeout=LIMIT)
    connection.request("HEAD", "/")
    connection.getresponse().read()
    deadline = time.monotonic() + LIMIT
    while not os.path.exists(go):
        if time.monotonic() > deadline:
            sys.exit(f"no {go}")
        time.sleep(POLL_INTERVAL)
    print(json.dumps({"get": get, "put": put}[what](connection, int(skip), float(seconds))))


if __name__ == "__main__":
    main(*sys.argv[1:])
