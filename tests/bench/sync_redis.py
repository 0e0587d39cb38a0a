# SPDX-License-Identifier: GPL-2.0-or-later
"""sync_redis.py PROGRAM: runs it with the sockets of two fresh redis-servers, which end with it."""

import socket
import subprocess
import sys
import tempfile
import time


def answers(path):
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(path)
            sock.sendall(b"PING\r\n")
            return sock.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def main(program):
    with tempfile.TemporaryDirectory(prefix="l7-bench-") as directory:
        paths = [f"{directory}/{name}" for name in "ab"]
        servers = [subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", directory],
                                    stdout=subprocess.DEVNULL) for path in paths]
        try:
            deadline = time.monotonic() + 10
            while not all(map(answers, paths)):
                if time.monotonic() > deadline:
                    sys.exit("redis-server does not answer")
                time.sleep(0.02)
            return subprocess.run([program, *paths], check=False).returncode
        finally:
            for server in servers:
                server.terminate()
            for server in servers:
                server.wait()


sys.exit(main(sys.argv[1]))
