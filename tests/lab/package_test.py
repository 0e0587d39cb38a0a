# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian package: is built, installed into a clean Debian, runs there under its systemd, and goes without a trace.

The clean Debian is kept as build/roots/SUITE.tar once it was made; each run unpacks it, brings its package lists up to
date, and lets apt find what the package depends on. Its systemd runs as the first process of namespaces of its own.
"""

import contextlib
import gzip
import json
import os
import re
import signal
import struct
from pathlib import Path

from support import clients, servers
from support.l7ctl import REPOSITORY, binary
from support.netlab import Lab, NotTestable, check, expect_equal, expect_in, run, wait_for
from support.runner import main

SECONDS = 200
BUILD = REPOSITORY / "build/release"
ROOTS = REPOSITORY / "build/roots"
PACKAGES = ["systemd", "man-db"]  # beyond what every Debian has
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
FETCH_LIMIT = 600
EXPOSURE_MAX = 25  # of systemd-analyze security, in tenths

# Leaves nothing of the machine's file systems in sight but the root; then becomes systemd.
START = """set -e
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t bpf bpf sys/fs/bpf
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
pivot_root . mnt
umount -l /mnt
exec env -i container=lab PATH="$PATH" /lib/systemd/systemd --unit=basic.target
"""


def suite():
    return re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.M)[1]


def archive():
    """Where this machine's apt gets Debian from."""
    found = run(["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", "Origin: Debian",
                 f"Codename: {suite()}"]).stdout.decode().split()
    check(found, f"apt knows no archive of {suite()}; does `apt-get update` help?")
    return found[0]


def clean_root(directory):
    tar = ROOTS / f"{suite()}.tar"
    if not tar.exists():
        ROOTS.mkdir(parents=True, exist_ok=True)
        lines = [f"deb {archive()} {name} main" for name in (suite(), f"{suite()}-backports")]
        made = tar.with_suffix(".new.tar")
        run(["mmdebstrap", "--quiet", "--mode=root", "--variant=apt", f"--include={','.join(PACKAGES)}",
             "--aptopt=Acquire::Languages \"none\"", "--skip=cleanup/apt/lists", suite(), made, *lines], limit=FETCH_LIMIT,
            env={**os.environ, "TMPDIR": str(directory.parent)})
        made.rename(tar)
    directory.mkdir()
    run(["tar", "-x", "--numeric-owner", "-f", tar, "-C", directory], limit=120)
    (directory / "etc/resolv.conf").unlink(missing_ok=True)
    (directory / "etc/resolv.conf").write_bytes(Path("/etc/resolv.conf").read_bytes())
    return directory


class Root:
    def __init__(self, directory):
        self.dir = clean_root(directory)

    def run(self, *argv, **options):
        proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        return run(["chroot", self.dir, *argv], env={**ENVIRONMENT, **proxies}, **options)

    def text(self, *argv, **options):
        return self.run(*argv, **options).stdout.decode()

    def path(self, name):
        return self.dir / name.lstrip("/")


class Machine:
    """The root with systemd as its first process, in namespaces of its own but for the network's, which is given."""

    def __init__(self, root, namespace):
        self.root, self.namespace, self.outer = root, namespace, None
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
        cgroups = [fields[1] for fields in mounts if fields[2] == "cgroup2"]
        if not cgroups:
            raise NotTestable("no cgroup2 is mounted here, which systemd needs")
        self.cgroup = Path(cgroups[0], namespace.name)

    def __enter__(self):
        self.cgroup.mkdir()
        try:
            self._start()
        except BaseException:  # also a signal; there is no __exit__ without an __enter__
            self.__exit__()
            raise
        return self

    def _start(self):
        start = self.namespace.popen(
            ["sh", "-c", f'echo $$ >{self.cgroup}/cgroup.procs && exec unshare --mount --uts --ipc --pid --cgroup --fork '
             '--kill-child=KILL --propagation private sh -c "$1" start "$2"', "sh", START, self.root.dir], name="systemd")
        self.outer = start
        self.pid = wait_for(lambda: self._child() if start.running() else check(False, f"no systemd: {start.log()}"),
                            "systemd", 30)
        wait_for(lambda: self.text("systemctl", "is-system-running", check=False).strip() in ("running", "degraded"),
                 "systemd to be up", 30)

    def __exit__(self, *_):
        if self.outer:
            self.outer.stop(with_signal=signal.SIGKILL)  # and with it all that is below

        def removed():
            with contextlib.suppress(OSError):  # not before the last process is gone
                for directory, *_ in os.walk(self.cgroup, topdown=False):
                    os.rmdir(directory)
            return not self.cgroup.exists()
        wait_for(removed, "the control group to be empty")

    def _child(self):
        children = Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children").read_text().split()
        # Not before it has left our file systems.
        return children and "systemd" in Path(f"/proc/{children[0]}/comm").read_text() and children[0]

    def run(self, *argv, limit=60, **options):
        inside = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"]
        return run(["nsenter", "--target", self.pid, *inside, "--", *argv], env=ENVIRONMENT, limit=limit, **options)

    def text(self, *argv, **options):
        return self.run(*argv, **options).stdout.decode()

    def json(self, *argv):
        return [json.loads(line) for line in self.text("l7ctl", "-j", *argv).splitlines()]

    def service(self, what):
        return self.text("systemctl", "show", "--property", what, "--value", "l7ctl").strip()


def build_package():
    check(binary() == BUILD / "l7ctl", f"only {BUILD} is made for packages, not {binary()}")
    for old in BUILD.glob("l7ctl_*.deb"):
        old.unlink()
    run(["cmake", "--build", BUILD, "--target", "package", "--", "--quiet"], limit=1800)
    made = list(BUILD.glob("l7ctl_*.deb"))
    check(len(made) == 1, f"packages that were made: {made}")
    return made[0]


def pcap(*packets):
    """A capture file of IPv4 packets, without Ethernet."""
    out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101)
    for number, packet in enumerate(packets):
        out += struct.pack("<IIII", 1_000_000_000, number, len(packet), len(packet)) + packet
    return out


def tcp(source, sport, target, dport, sequence, acknowledged, flags, payload=b""):
    segment = struct.pack("!HHIIBBHHH", sport, dport, sequence, acknowledged, 0x50, flags, 65535, 0, 0) + payload
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0,
                       bytes(map(int, source.split("."))), bytes(map(int, target.split(".")))) + segment


def ssh_capture():
    client, server = ("192.0.2.1", 40000), ("192.0.2.2", 2222)
    return pcap(tcp(*client, *server, 1, 0, 0x02), tcp(*server, *client, 1, 2, 0x12), tcp(*client, *server, 2, 2, 0x10),
                tcp(*server, *client, 2, 2, 0x18, b"SSH-2.0-OpenSSH_9.2\r\n"),
                tcp(*client, *server, 2, 23, 0x18, b"SSH-2.0-OpenSSH_9.2\r\n"))


def install(root, package):
    (root.dir / "l7ctl.deb").write_bytes(package.read_bytes())
    root.run("apt-get", "-qq", "update", limit=FETCH_LIMIT)
    root.run("apt-get", "-qq", "install", "--yes", "--no-install-recommends", "-t", f"{suite()}-backports", "/l7ctl.deb",
             limit=FETCH_LIMIT)


def look_at_files(root):
    files = root.text("dpkg-query", "-L", "l7ctl").split("\n")
    for name in ("/usr/sbin/l7ctl", "/etc/l7ctl/l7ctl.toml", "/usr/lib/systemd/system/l7ctl.service",
                 "/usr/share/l7ctl/patterns/ssh.toml", "/usr/share/l7ctl/patterns/applications",
                 "/usr/share/l7ctl/grafana/l7ctl.json", "/usr/share/l7ctl/prometheus/l7ctl.rules.yml",
                 "/usr/share/l7ctl/keepalived/l7ctl-sync",
                 "/usr/share/bash-completion/completions/l7ctl", "/usr/share/zsh/vendor-completions/_l7ctl",
                 "/usr/share/doc/l7ctl/copyright", "/usr/share/doc/l7ctl/changelog.gz"):
        expect_in(name, files, "the package's files")
    expect_equal(root.text("dpkg-query", "-W", "-f", "${Conffiles}", "l7ctl").split()[:1], ["/etc/l7ctl/l7ctl.toml"],
                 "conffiles")
    for page, heading in (("man8/l7ctl.8", "DOCTOR"), ("man5/l7ctl.toml.5", "CONFIGURATION"),
                          ("man5/l7-pattern.5", "THE NATIVE FORM"), ("man7/l7ctl-sync.7", "KEEPALIVED")):
        file = f"/usr/share/man/{page}.gz"
        expect_in(f"\n{heading}\n", gzip.decompress(root.path(file).read_bytes()).decode(), page)
        name, _, section = page.partition("/")[2].rpartition(".")
        expect_equal(root.text("man", "-w", section, name).strip(), file, f"man -w {name}")
        expect_in(f"{name} - ", root.text("man", "--pager=cat", section, name), f"man {name}")
    return [name for name in files if name and not root.path(name).is_dir()]


def look_at_commands(root):
    version = root.text("l7ctl", "--version")
    for pattern in (r"^l7ctl \d+\.\d+\.\d+$", r"^build \S+", r"^libbpf \d+\.\d+", r"^libhs \d+\.\d+", r"^ABI \d+$"):
        check(re.search(pattern, version, re.M), f"no {pattern} in {version!r}")
    expect_in("patterns, 0 rejected", root.text("l7ctl", "check"), "check of the configuration as it comes")
    root.path("/tmp/ssh.pcap").write_bytes(ssh_capture())
    flows = [json.loads(line) for line in root.text("l7ctl", "classify", "-j", "/tmp/ssh.pcap").splitlines()]
    expect_equal([(flow["protocol"], flow["dport"], flow["packets"]) for flow in flows], [("ssh", 2222, 5)], "classify")
    unit = "/usr/lib/systemd/system/l7ctl.service"
    root.run("systemd-analyze", "verify", "--man=no", unit)
    root.run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", unit)


def programs(namespace):
    """What is on the devices, as the kernel has it."""
    return [one for one in json.loads(namespace.output(["bpftool", "-j", "net", "show"]))[0]["tc"]
            if one["name"].startswith("l7_")]


def meet_http(machine, client, web, address):
    """A fetch, whose flow is one that was not there before."""
    def seen():
        return {flow["sport"] for flow in machine.json("flows", "protocol", "http") if flow["dst"] == address}

    before = seen()
    with clients.Download(client, web, address) as fetch:
        check(fetch.port not in before, f"port {fetch.port} twice")
        wait_for(lambda: fetch.port in seen(), f"the flow of HTTP to {address}")


def look_at_service(machine, ends, web):
    expect_equal((machine.service("ActiveState"), machine.service("UnitFileState")), ("inactive", "disabled"),
                 "the service after installation")
    machine.run("systemctl", "start", "l7ctl", limit=180)
    expect_equal(machine.service("ActiveState"), "active", "the service")
    machine.run("l7ctl", "attach", "dev", "c0")
    expect_equal(sorted(one["devname"] for one in programs(ends.router)), ["c0", "c0"], "devices with programs")
    meet_http(machine, ends.client, web, ends.server.ip4)

    # Reload: a good configuration, and one that is refused.
    config = machine.root.path("/etc/l7ctl/l7ctl.toml")
    before = config.read_text()
    config.write_text(before + '[[rule]]\nprotocol = "http"\nmark = 0x1000\n')
    machine.run("systemctl", "reload", "l7ctl")
    expect_equal(machine.json("status")[0]["rules"], 1, "rules after a reload")
    config.write_text("nonsense = 1\n")
    check(machine.run("systemctl", "reload", "l7ctl", check=False).returncode != 0, "a bad configuration was taken")
    expect_equal((machine.service("ActiveState"), machine.json("status")[0]["rules"]), ("active", 1), "after that")

    # Flow records go where the package's directories are.
    config.write_text(before.replace("\n[export]\n", '\n[export]\njson = "/var/log/l7ctl/flows.jsonl"\n'))
    machine.run("systemctl", "reload", "l7ctl")
    config.write_text(before)
    meet_http(machine, ends.client, web, ends.server.ip4)  # to be told of: earlier ones may be forgotten

    # An upgrade restarts it, and it takes over what is there.
    old = machine.service("MainPID")
    machine.run("dpkg", "--install", "/l7ctl.deb", limit=180)
    wait_for(lambda: machine.service("ActiveState") == "active", "the service after an upgrade", 60)
    check(machine.service("MainPID") not in (old, "0"), "the upgrade left the old program running")
    expect_equal([one["dev"] for one in machine.json("status")[0]["devices"]], ["c0"], "devices after an upgrade")
    records = machine.root.path("/var/log/l7ctl/flows.jsonl").read_text().splitlines()
    expect_in("http", [json.loads(line)["protocol"] for line in records], "flow records at the daemon's stop")
    meet_http(machine, ends.client, web, ends.server.ip4)


def look_at_watchdog(machine):
    limits = machine.root.path("/etc/systemd/system/l7ctl.service.d")
    limits.mkdir()
    (limits / "watchdog.conf").write_text("[Service]\nWatchdogSec=3\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "l7ctl", limit=180)
    before = machine.service("MainPID")
    machine.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", "l7ctl")
    wait_for(lambda: machine.service("NRestarts") == "1" and machine.service("ActiveState") == "active",
             "the daemon that hangs to be started again", 60)
    check(machine.service("MainPID") != before, "the daemon that hangs is still there")
    expect_equal([one["dev"] for one in machine.json("status")[0]["devices"]], ["c0"], "devices after that")
    (limits / "watchdog.conf").unlink()
    limits.rmdir()


def look_at_detach(machine, ends):
    machine.run("l7ctl", "detach", "dev", "c0")
    expect_equal(programs(ends.router), [], "programs after detach")
    machine.run("l7ctl", "attach", "dev", "s0")


def look_at_purge(machine, ends, files):
    machine.run("apt-get", "-qq", "purge", "--yes", "l7ctl", limit=120)
    expect_equal(programs(ends.router), [], "programs after purge")
    places = ["/etc/l7ctl", "/usr/share/l7ctl", "/usr/share/doc/l7ctl", "/var/cache/l7ctl", "/var/log/l7ctl", "/run/l7ctl",
              "/sys/fs/bpf/l7ctl", "/etc/systemd/system/multi-user.target.wants/l7ctl.service"]
    there = machine.text("sh", "-c", 'for one; do [ ! -e "$one" ] || echo "$one"; done', "sh", *files, *places)
    expect_equal(there, "", "files after purge")
    expect_equal(machine.service("LoadState"), "not-found", "the unit after purge")
    expect_equal(machine.text("dpkg-query", "-W", "-f", "${Package}\n", "l7ctl", check=False), "", "dpkg's memory of it")


def test_the_package():
    package = build_package()
    with Lab() as lab:
        root = Root(Path(lab.dir, "root"))
        install(root, package)
        files = look_at_files(root)
        look_at_commands(root)
        ends = lab.router()
        web = servers.Nginx(ends.server)
        web.start()
        with Machine(root, ends.router) as machine:
            look_at_service(machine, ends, web)
            look_at_watchdog(machine)
            look_at_detach(machine, ends)
            look_at_purge(machine, ends, files)


def test_lintian_has_no_errors():
    if run(["sh", "-c", "command -v lintian"], check=False).returncode:
        raise NotTestable("lintian is not installed")
    package, = BUILD.glob("l7ctl_*.deb")
    done = run(["lintian", "--allow-root", "--fail-on", "error", "--tag-display-limit", "0", package], limit=120, check=False)
    expect_equal((done.returncode, re.findall(rb"^E: .*", done.stdout, re.M)), (0, []), "lintian's errors")


if __name__ == "__main__":
    main(test_the_package, test_lintian_has_no_errors)
