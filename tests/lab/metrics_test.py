# SPDX-License-Identifier: GPL-2.0-or-later
"""Metrics: read by a real Prometheus, shown by a page, and closed to whoever should not ask."""

import concurrent.futures
import ctypes
import json
import os
import re
import signal
import struct
import time
import zlib
from pathlib import Path

from support import clients, servers
from support.l7ctl import REPOSITORY, L7ctl
from support.netlab import Lab, NotTestable, check, expect_equal, expect_in, run, wait_for
from support.runner import main

SECONDS = 65
PORT = 9817
SHAPE = """
[[shape]]
dev = "c0"
up = "80mbit"
down = "40mbit"
[[class]]
name = "films"
rate = "10mbit"
ceil = "20mbit"
[[class]]
name = "others"
rate = "5mbit"
default = true
[[rule]]
protocol = "http"
class = "films"
"""
SHARE = REPOSITORY / "share"
SCRAPE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


class Http:
    """A client that says exactly what it is told, from within a namespace."""

    def __init__(self, namespace, address="127.0.0.1", port=PORT):
        self.namespace, self.address, self.port = namespace, address, port

    def connect(self):
        return self.namespace.connect(self.address, self.port)

    def raw(self, data):
        """What comes back until the other side closes."""
        with self.connect() as connection:
            answer = b""
            try:
                connection.sendall(data)
                while part := connection.recv(65536):
                    answer += part
            except ConnectionError:  # closed while we still spoke
                pass
            return answer

    def get(self, path, host=f"127.0.0.1:{PORT}", method="GET"):
        answer = self.raw(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), head.decode(), body.decode()


def values(text):
    """(name, frozenset of labels) -> value."""
    return {(name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))): float(value)
            for name, labels, value in SCRAPE.findall(text)}


def value(text, name, **labels):
    return values(text).get((name, frozenset(labels.items())), 0)


def promtool(text):
    return run(["promtool", "check", "metrics"], stdin=text.encode(), check=False)


def fetch(l7ctl, client, web, *addresses):
    """From each address, for as long as it takes until there are packets of http both ways: a plain fetch may be over
    before its verdict where the machine is busy, and nothing counts as http."""
    def counted(address):
        return [flow for flow in l7ctl.flows("protocol", "http", "host", address) if flow["packets"] > 100]

    for address in addresses:
        with clients.Download(client, web, address):
            wait_for(lambda: counted(address), f"packets of http from {address}")  # pylint: disable=cell-var-from-loop


def test_a_scrape_says_what_passed():
    with Lab() as lab:
        client, router, server = lab.router()
        web = servers.Nginx(server)
        web.start()
        with L7ctl(router, SHAPE, metrics=True).start() as l7ctl:
            http = Http(router)
            for dev in ("c0", "s0"):
                l7ctl.attach(dev)
            fetch(l7ctl, client, web, server.ip4, server.ip6)
            expect_equal(len(l7ctl.flows("protocol", "http")), 2, "http flows")
            status, head, text = http.get("/metrics")
            expect_equal(status, 200, "status")
            expect_in("Content-Type: text/plain; version=0.0.4", head, "header")
            # The connections' last packets may still pass.
            text = wait_for(lambda: agrees_with_stats(http.get("/metrics")[2], l7ctl), "a scrape that says what `stats` says")
            check(value(text, "l7ctl_packets_total", dev="c0", direction="ingress", protocol="http") > 10, "packets")
            expect_equal(value(text, "l7ctl_device_attached", dev="c0", direction="egress"), 1, "attached")
            films = {"dev": "c0", "direction": "egress", "classid": "1:10", "class": "films"}
            expect_equal(value(text, "l7ctl_class_ceil_bytes_per_second", **films), 20e6 / 8, "ceil")
            of_class = next(row["bytes"] for row in l7ctl.traffic("c0", "class")
                            if (row["direction"], row["class"]) == ("egress", "films"))
            wait_for(lambda: value(http.get("/metrics")[2], "l7ctl_class_bytes_total", **films) == of_class,
                     f"{of_class} bytes of a class")
            expect_equal(value(text, "l7ctl_table_max_entries", table="newcomers"), 16384, "room")
            wait_for(lambda: value(l7ctl.text("metrics"), "l7ctl_table_entries", table="flows") >= 2, "the sweep")
            check(value(text, "l7ctl_ring_records_total") > 0, "records")
            wait_for(lambda: value(l7ctl.text("metrics"), "l7ctl_verdict_latency_seconds_count") >= 2, "latencies")
            for scrape in (text, l7ctl.text("metrics")):
                checked = promtool(scrape)
                expect_equal((checked.returncode, checked.stdout + checked.stderr), (0, b""), "promtool's opinion")
            for file in ("prometheus/l7ctl.rules.yml", "grafana/l7ctl.json"):
                named = set(re.findall(r"\bl7ctl_\w+", (SHARE / file).read_text()))
                have = set(re.findall(r"^(l7ctl_\w+)", text, re.MULTILINE))
                expect_equal(named - have, set(), f"metrics in {file} that there are not")
            run(["promtool", "check", "rules", SHARE / "prometheus/l7ctl.rules.yml"])
            families = [set(re.findall(r"^# TYPE (\w+)", scrape, re.MULTILINE))
                        for scrape in (http.get("/metrics")[2], l7ctl.text("metrics"))]
            expect_equal(families[0], families[1], "families over HTTP and from the command")


def agrees_with_stats(text, l7ctl):
    """The scrape, where it has what `stats` says of http."""
    for dev in ("c0", "s0"):
        for direction in ("ingress", "egress"):
            row = l7ctl.stats(dev, direction, "http")
            labels = {"dev": dev, "direction": direction, "protocol": "http"}
            if any(value(text, f"l7ctl_{unit}_total", **labels) != row[unit] for unit in ("bytes", "packets", "flows")):
                return None
    return text


def test_prometheus_reads_it():
    with Lab() as lab:
        client, router, server = lab.router()
        web = servers.Nginx(server)
        web.start()
        with L7ctl(router, metrics=True).start() as l7ctl:
            l7ctl.attach("c0")
            fetch(l7ctl, client, web, server.ip4)
            config = lab.dir / "prometheus.yml"
            config.write_text("global: {scrape_interval: 1s}\nscrape_configs:\n"
                              f"- job_name: l7ctl\n  static_configs: [targets: ['127.0.0.1:{PORT}']]\n")
            prometheus = router.popen(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={lab.dir}/tsdb",
                                       "--web.listen-address=127.0.0.1:9090"], name="prometheus")
            api = Http(router, port=9090)

            def ask(query):
                try:
                    found = json.loads(api.get(f"/api/v1/query?query={query}", "127.0.0.1:9090")[2])
                except (OSError, ValueError, IndexError):
                    check(prometheus.running(), prometheus.log())
                    return None
                return found["data"]["result"] if found["status"] == "success" else None

            def bytes_there():
                found = ask('sum(l7ctl_bytes_total%7Bprotocol=%22http%22%7D)')
                return float(found[0]["value"][1]) if found else None

            def bytes_here():
                return sum(l7ctl.stats("c0", way, "http")["bytes"] for way in ("ingress", "egress"))

            wait_for(lambda: bytes_there() == bytes_here(), lambda: f"{bytes_here()} bytes at Prometheus: {bytes_there()}", 60)
            expect_equal(ask("up")[0]["value"][1], "1", "up")
            prometheus.stop()


def test_who_may_ask_and_how():
    with Lab() as lab:
        host = lab.namespace("host")
        with L7ctl(host, '[metrics]\nhosts = ["router.lan"]\n').start() as l7ctl:
            http = Http(host)
            for name in ("localhost", "localhost:9817", "127.0.0.1", "[::1]:9817", "Router.LAN"):
                expect_equal(http.get("/metrics", name)[0], 200, f"status for {name}")
            for name in ("evil.example", "evil.example:9817", "127.0.0.1.evil.example", ""):
                for path in ("/", "/metrics", "/api/history", "/api/health", "/nothing"):
                    status, _, body = http.get(path, name)
                    check(status in (400, 421), f"{status} for {path} of '{name}'")
                    check("l7ctl_" not in body and "<script" not in body, "it was answered")
            check(b" 200 " not in http.raw(b"GET /metrics HTTP/1.0\r\n\r\n"), "no Host header at all")
            for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
                check(http.get("/metrics", method=method)[0] in (405, 501), f"{method} is done")
            status, head, body = http.get("/", method="HEAD")
            expect_equal((status, body), (200, ""), "HEAD")
            expect_in("Content-Security-Policy: default-src 'none'", head, "header")
            status, head, page = http.get("/")
            expect_equal(status, 200, "the page")
            expect_equal(re.findall(r"(?:src|href)=\"(?!data:,|/metrics)|https?://(?!www.w3.org/2000/svg)|url\(", page), [],
                         "what the page takes from elsewhere")
            expect_equal(http.get("/../../etc/passwd")[0], 404, "a path outside")
            check(value(l7ctl.text("metrics"), "l7ctl_http_requests_total", result="refused") >= 20, "refusals counted")


def test_history_for_the_page():
    with Lab() as lab:
        client, router, server = lab.router()
        web = servers.Nginx(server)
        web.start()
        with L7ctl(router, metrics=True).start() as l7ctl:
            http = Http(router)
            l7ctl.attach("c0")
            history = lambda query="": json.loads(http.get(f"/api/history{query}")[2])  # noqa: E731
            wait_for(lambda: history()["ages_s"], "a first sample")
            fetch(l7ctl, client, web, server.ip4)
            sums = lambda shown: {one["name"]: sum(one["bytes"]) for one in shown["series"]}  # noqa: E731
            wait_for(lambda: "http" in sums(history("?direction=egress")), "http in the history")
            for way in ("ingress", "egress"):
                wait_for(lambda w=way: sums(history(f"?direction={w}&dev=c0")).get("http") == l7ctl.stats("c0", w, "http")["bytes"],
                         f"all bytes of {way} in the history")
            # A sample may be taken between two looks.
            wait_for(lambda: sum(sums(history("?by=application&dev=c0")).values()) == sum(sums(history("?dev=c0")).values()),
                     "as many bytes by application")
            expect_equal(set(sums(history("?by=application&dev=c0"))), {"none"}, "applications")
            expect_equal(history("?dev=nothing")["series"], [], "history of no device")
            expect_equal(history()["devices"], ["c0"], "devices")
            health = json.loads(http.get("/api/health")[2])
            expect_equal(health["devices"], [{"dev": "c0", "ingress": "ok", "egress": "ok", "trouble": ""}], "devices")
            expect_equal((health["bypass"], health["records_lost"]), (False, 0), "health")
            l7ctl.run("bypass", "on")
            check(json.loads(http.get("/api/health")[2])["bypass"], "bypass does not show")


def test_the_page_in_a_browser():
    """What it shows is what passes: protocols, applications, a class against its limit, hosts. Names of a device and
    a host are HTML. L7CTL_SCREENSHOTS names a directory that keeps the pictures."""
    with Lab() as lab:
        client, router, server = lab.router()
        web, cache = servers.Nginx(server), servers.Redis(server)
        web.start()
        cache.start()
        hostile = "<u>x&quot"
        router.run(["ip", "link", "add", hostile, "type", "veth", "peer", "name", "peer"])
        with L7ctl(router, SHAPE, metrics=True).start() as l7ctl:
            http = Http(router)
            for dev in ("c0", hostile):
                l7ctl.attach(dev)
            api = lambda path: json.loads(http.get(f"/api/{path}")[2])  # noqa: E731
            names = lambda by: {one["name"] for one in api(f"history?direction=egress&by={by}")["series"]}  # noqa: E731
            wait_for(lambda: api("history")["ages_s"], "a first sample")
            film = ["curl", "--silent", "--output", "/dev/null", "--connect-to", f"::{server.ip4}:{web.port}",
                    f"http://www.youtube.com:{web.port}/bulk?rate=500000"]
            with clients.running(client, film) as watching, client.connect(server.ip6, web.port) as hostile_host:
                hostile_host.sendall(b"GET /small HTTP/1.1\r\nHost: <u>host\r\n\r\n")
                clients.redis(client, cache, server.ip4)
                wait_for(lambda: {"http", "redis"} <= names("protocol"), "both in the history")
                wait_for(lambda: "youtube" in names("application"), "the application in the history")
                films = wait_for(lambda: [row for row in api("classes") if row["class"] == "films"
                                          and row["direction"] == "egress" and row["bytes_per_s"] > 100_000], "the class' rate")
                expect_equal((films[0]["classid"], films[0]["rate"], films[0]["ceil"]), ("1:10", 1_250_000, 2_500_000), "limits")
                top = wait_for(lambda: [host for host in api("hosts")["hosts"] if host["name"] == "www.youtube.com"
                                        and host["bytes_per_s"] > 100_000], "the server among the hosts")
                expect_equal(top[0]["address"], server.ip4, "the host")
                wait_for(lambda: "<u>host" in {host["name"] for host in api("hosts")["hosts"]}, "the hostile name")
                for name, scheme in (("light", 1), ("dark", 0)):
                    pictures = Path(os.environ.get("L7CTL_SCREENSHOTS", lab.dir))
                    see_the_page(router, scheme, server, hostile, pictures / f"page-{name}.png")
                    see_applications(router, scheme, pictures / f"page-{name}-application.png")
                check(watching.running(), "the film was over early")


def see_the_page(router, scheme, server, hostile, picture):
    dom = browse(router, "#direction=egress", scheme, picture)
    expect_in("<polygon", dom, "the chart")
    for protocol in ("http", "redis"):
        expect_in(f"</span>{protocol}</td>", dom, "the table")
    expect_in('<small id="state" role="status"></small>', dom, "no complaint")
    expect_in("ingress ok, egress ok", dom, "health")
    expect_in(f"<td>{hostile.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')}</td>", dom, "the device")
    check(hostile not in dom.replace("&amp;", "&") and "<u>" not in dom, "a name became HTML")
    # name, device, classid, rate now, bar, share, rate and ceil
    shown = re.search(r">films</td><td>c0</td><td>1:10</td><td>([\d.]+) Mbit/s</td><td><span class=\"bar\"[^>]*>"
                      r"<i style=\"width: ([\d.]+)%;\"></i><b style=\"left: 50%;\"></b></span></td><td>(\d+) %</td>"
                      r"<td>10.0 Mbit/s</td><td>20.0 Mbit/s</td>", dom)
    check(shown, f"the class against its limits: {dom}")
    check(1 < float(shown[1]) < 19 and abs(float(shown[1]) * 5 - float(shown[2])) < 1, f"its rate: {shown[0]}")
    expect_in('<small class="soft"> default</small>', dom, "the default class")
    expect_in(f">{server.ip4} <small class=\"soft\">www.youtube.com</small></td>", dom, "the host")
    expect_in(f'>{server.ip6} <small class="soft">&lt;u&gt;host</small></td>', dom, "the host whose name is HTML")


def see_applications(router, scheme, picture):
    dom = browse(router, "#direction=egress&by=application&dev=c0&hosts-by=bytes", scheme, picture)
    for name in ("youtube", "none"):
        expect_in(f"</span>{name}</td>", dom, "the table of applications")
    check("</span>redis</td>" not in dom, "protocols beside applications")
    expect_in('Throughput by <span class="by">application</span>', dom, "the heading")


def first_pixel(png):
    """Of the first line's first pixel no filter changes anything."""
    data, at = b"", 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        data += png[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    return tuple(zlib.decompress(data)[1:4])


def browse(namespace, choice, scheme, picture):
    """What the page has become after three seconds of the browser's time; leaves a picture of it."""
    done = namespace.run(["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                          "--no-first-run", "--hide-scrollbars", f"--user-data-dir={namespace.lab.dir}/chromium",
                          "--window-size=1180,1320", "--virtual-time-budget=3000",
                          f"--blink-settings=preferredColorScheme={scheme}", "--dump-dom", f"--screenshot={picture}",
                          f"http://127.0.0.1:{PORT}/{choice}"], limit=120)
    check(picture.stat().st_size > 10000, f"no picture: {picture}")
    expect_equal(first_pixel(picture.read_bytes()), BACKGROUND[scheme], "the page's colour")
    return done.stdout.decode()


BACKGROUND = {1: (0xf9, 0xf9, 0xf7), 0: (0x0d, 0x0d, 0x0d)}  # of the light scheme and the dark one


FLOWS = 1_000_000
BPF_OBJ_GET, BPF_MAP_UPDATE_BATCH, BPF_SYSCALL = 7, 26, 321  # x86-64's number of the call


def test_a_scrape_beside_a_million_flows():
    if os.uname().machine != "x86_64":
        raise NotTestable("the number of the system call bpf is known for x86-64 only")
    with Lab() as lab:
        host = lab.namespace("host")
        # Room to spare: an LRU map pushes out before its last entry is taken.
        with L7ctl(host, f"[limits]\nflows = {FLOWS * 5 // 4}\n", metrics=True).start() as l7ctl:
            l7ctl.attach("lo")
            fill_flows(l7ctl.pins / "flows", FLOWS)
            wait_for(lambda: value(l7ctl.text("metrics"), "l7ctl_table_entries", table="flows") > 0.99 * FLOWS,
                     "the sweep to see them all", 60)
            http, times = Http(host), []
            for _ in range(20):
                started = time.monotonic()
                expect_equal(http.get("/metrics")[0], 200, "status")
                times.append(1000 * (time.monotonic() - started))
            times.sort()
            print(f"      scrape beside {FLOWS} flows: fastest {times[0]:.1f} ms, median {times[10]:.1f} ms, "
                  f"slowest {times[-1]:.1f} ms")
            look_for_hosts(http, l7ctl)
            # The machine may be busy; a scrape that walked the flows would never be this fast.
            check(times[0] < 100, f"the fastest scrape took {times[0]:.0f} ms")


def look_for_hosts(http, l7ctl):
    """They take a walk of about a second; whoever asks then, and scrapes meanwhile, waits for nothing."""
    def hosts():
        status, _, body = http.get("/api/hosts?by=bytes")
        expect_equal(status, 200, "status")
        return json.loads(body)

    scrapes = []
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        walk = pool.submit(hosts)
        while not (scrapes and walk.done()):
            started = time.monotonic()
            expect_equal(http.get("/metrics")[0], 200, "status during the walk")
            scrapes.append(1000 * (time.monotonic() - started))
    first, again = walk.result(), hosts()
    print(f"      hosts of {first['flows']} flows: {first['took_ms']} ms, complete {first['complete']}, "
          f"{first['forgotten']} forgotten; scrapes meanwhile: slowest of {len(scrapes)} {max(scrapes):.1f} ms")
    check(first["took_ms"] < 2000, f"the hosts took {first['took_ms']} ms")
    expect_equal(len(first["hosts"]), 20, "hosts")
    expect_equal((first["hosts"][0]["address"], again["took_ms"]), ("192.0.2.1", first["took_ms"]), "who has most, twice")
    check(first["flows"] > 0.99 * FLOWS or not first["complete"], f"complete with {first['flows']} flows")
    check(first["hosts"][0]["flows"] > 0.99 * first["flows"], f"the server that all are with: {first['hosts'][0]}")


def fill_flows(pin, count):
    """Puts flows of just now into the table, as l7_apply would; struct l7_key and l7_flow are in abi.h."""
    libc = ctypes.CDLL(None, use_errno=True)
    jiffies = int(re.search(r"^jiffies: (\d+)", Path("/proc/timer_list").read_text(), re.MULTILINE)[1]) & 0xffffffff
    flow = struct.pack("<4Q3I2HI4B4I2B3H2I", 10, 10, 1000, 1000, jiffies, jiffies, jiffies, 16, 0, 0x86, 1, 1, 1, 0,
                       0, 0, 0, 0, 1, 1, 4, 2, 0, 0, 0) + bytes(80)
    keys = b"".join(struct.pack("<10s2sI10s2s4sHHBBH", b"", b"\xff\xff", 0x0a000000 + i, b"", b"\xff\xff",
                                b"\xc0\x00\x02\x01", 1, 80, 6, 4, 0) for i in range(count))
    expect_equal((len(flow), len(keys)), (168, 40 * count), "sizes")
    path = ctypes.create_string_buffer(str(pin).encode())
    map_fd = bpf(libc, BPF_OBJ_GET, struct.pack("<QII", ctypes.addressof(path), 0, 0))
    try:
        keys, flows = ctypes.create_string_buffer(keys, len(keys)), ctypes.create_string_buffer(flow * count, 168 * count)
        bpf(libc, BPF_MAP_UPDATE_BATCH, struct.pack("<QQQQIIQQ", 0, 0, ctypes.addressof(keys), ctypes.addressof(flows),
                                                    count, map_fd, 0, 0))
    finally:
        os.close(map_fd)


def bpf(libc, command, attributes):
    attributes = ctypes.create_string_buffer(attributes, len(attributes))
    result = libc.syscall(BPF_SYSCALL, command, attributes, len(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf({command}): {os.strerror(ctypes.get_errno())}")
    return result


GARBAGE = (b"\0" * 4000, b"\x16\x03\x01\x02\x00" + b"\xff" * 600, b"GET\r\n\r\n", b"\r\n" * 2000,
           b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", b"GET /%00%ff%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
           b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
           b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
           b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
           b"GET /api/history?dev=" + b"%41" * 500 + b"&direction=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
           b"GET /api/history?dev=%ff%fe&direction=%c3 HTTP/1.1\r\nHost: localhost\r\n\r\n",
           b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")


def test_garbage_and_slow_clients():
    with Lab() as lab:
        host = lab.namespace("host")
        with L7ctl(host, metrics=True).start() as l7ctl:
            http = Http(host)
            for data in GARBAGE:
                http.raw(data)
            expect_equal(http.get("/metrics")[0], 200, "status after garbage")
            # More clients that say nothing, or half a request, or never read, than there are threads.
            silent = [http.connect() for _ in range(4)]
            halves = [http.connect() for _ in range(4)]
            for connection in halves:
                connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localho")
            started = time.monotonic()
            expect_equal(http.get("/metrics")[0], 200, "status beside slow clients")
            waited = time.monotonic() - started
            check(waited < 8, f"waited {waited:.1f} s behind slow clients")
            check(l7ctl.text("metrics").startswith("# HELP"), "the command waits for nobody")
            for connection in silent + halves:
                try:
                    while connection.recv(4096):  # within the time-out of the socket: it is closed for us
                        pass
                except ConnectionError:
                    pass
                connection.close()
            # It ends in time with a client that hangs on.
            with http.connect() as connection:
                connection.sendall(b"GET / HTTP/1.1\r\n")
                started = time.monotonic()
                l7ctl.process.popen.send_signal(signal.SIGTERM)
                expect_equal(l7ctl.process.wait(), 0, "exit status")
                took = time.monotonic() - started
                print(f"      the end took {took:.1f} s, an answer beside slow clients {waited:.1f} s")
                check(took < 4, "the end took long")


def test_elsewhere_off_and_in_use():
    with Lab() as lab:
        host = lab.namespace("host")
        with L7ctl(host, name="one", metrics=True).start() as one, L7ctl(host, name="two", metrics=True).start() as two:
            wait_for(lambda: f"127.0.0.1:{PORT}" in " ".join(two.status()["notes"]), "the second to say so")
            check(two.text("metrics").startswith("# HELP"), "the second still answers the command")
            # Debian's libcivetweb has no IPv6; another may.
            one.configure('[metrics]\nlisten = "[::1]:9900"\n')
            one.run("reload")
            check("without IPv6" in " ".join(one.status()["notes"]) or answers(Http(host, "::1", 9900)), "::1 is ignored")
            one.configure('[metrics]\nlisten = "127.0.0.2:9900"\n')
            one.run("reload")
            expect_equal(Http(host, "127.0.0.2", 9900).get("/metrics", "127.0.0.2:9900")[0], 200, "at the other address")
            # The second takes the address that has become free.
            wait_for(lambda: answers(Http(host)), "the second at the address")
            two.configure('[metrics]\nlisten = "off"\n')
            two.run("reload")
            check(not answers(Http(host)), "off still listens")


def answers(http):
    try:
        return http.get("/metrics")[0] == 200
    except OSError:
        return False


main(test_a_scrape_says_what_passed, test_prometheus_reads_it, test_who_may_ask_and_how, test_history_for_the_page,
     test_the_page_in_a_browser, test_a_scrape_beside_a_million_flows, test_garbage_and_slow_clients, test_elsewhere_off_and_in_use)
