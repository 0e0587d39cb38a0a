# SPDX-License-Identifier: GPL-2.0-or-later
"""Real servers from Debian packages, in the foreground, each in one namespace and one directory.

    nginx = Nginx(server)       # or Nginx(server, port=8080): no test may lean on port numbers
    nginx.start()
"""

import os
import random
import signal
from pathlib import Path

from .netlab import LabError, wait_for
from .server import Server

DOMAIN = "example.org"
WEB_HOST = "www.example.org"
USER, PASSWORD = "lab", "lab"  # opens nothing outside the namespaces
SMALL = b"Seven layers, and this is the top one.\n"
LARGE = random.Random(7).randbytes(1 << 20)
BULK_BYTES = 1 << 28  # sparse: it takes no room
MAIL = b"From: <a@example.org>\r\nTo: <b@example.org>\r\nSubject: lab\r\n\r\nSent for a test.\r\n"
LDAP_SUFFIX = "dc=example,dc=org"
LDAP_ADMIN = f"cn=admin,{LDAP_SUFFIX}"
TCP_ESTABLISHED, TCP_CLOSE_WAIT, TCP_LISTEN = "01", "08", "0A"  # as /proc/net/tcp6 spells them


class Nginx(Server):
    """HTTP, and HTTPS with TLS 1.2 and 1.3; `hostnames` is what the certificate vouches for."""

    name = "nginx"
    port = 80

    def __init__(self, namespace, port=None, tls_port=443, hostnames=(DOMAIN, f"*.{DOMAIN}")):
        super().__init__(namespace, port)
        self.tls_port, self.hostnames = tls_port, hostnames

    @property
    def certificate(self):
        return self.dir / "certificate.pem"

    def prepare(self):
        self.write("www/small", SMALL)
        self.write("www/large", LARGE)
        os.truncate(self.write("www/bulk", b""), BULK_BYTES)
        self.make_certificate(*self.hostnames)
        temporary = "\n".join(f"{kind}_temp_path {self.dir}/tmp-{kind};"
                              for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        self.write("nginx.conf", f"""
            daemon off;
            pid {self.dir}/pid;
            error_log stderr;
            worker_processes 1;
            events {{ worker_connections 256; }}
            http {{
                access_log off;
                {temporary}
                server {{
                    listen {self.port};
                    listen [::]:{self.port};
                    listen {self.tls_port} ssl http2;
                    listen [::]:{self.tls_port} ssl http2;
                    ssl_certificate {self.certificate};
                    ssl_certificate_key {self.dir}/key.pem;
                    ssl_protocols TLSv1.2 TLSv1.3;
                    root {self.dir}/www;
                    limit_rate $arg_rate;
                }}
            }}""")

    def command(self):
        return ["nginx", "-e", "stderr", "-c", self.dir / "nginx.conf"]


class Sshd(Server):
    name = "sshd"
    port = 22

    @property
    def client_key(self):
        return self.dir / "client_key"

    @property
    def known_hosts(self):
        return self.dir / "known_hosts"

    def prepare(self):
        for key in ("host_key", "client_key"):
            self.tool(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", self.dir / key])
        self.write("authorized_keys", (self.dir / "client_key.pub").read_bytes())
        self.write("known_hosts", "* " + (self.dir / "host_key.pub").read_text())
        self.write("sshd_config", f"""
            Port {self.port}
            HostKey {self.dir}/host_key
            AuthorizedKeysFile {self.dir}/authorized_keys
            PidFile none
            PermitRootLogin prohibit-password
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            StrictModes no
            UsePAM no
            UseDNS no
            Subsystem sftp internal-sftp
            """)

    def command(self):
        # Its privilege separation directory is compiled in; /run is empty in the sandbox.
        return ["sh", "-c", 'mkdir /run/sshd && exec "$@"', "sshd",
                "/usr/sbin/sshd", "-D", "-e", "-f", self.dir / "sshd_config"]


class Vsftpd(Server):
    name = "vsftpd"
    port = 21
    rate = 0  # bytes a second; 0: as fast as it goes

    def prepare(self):
        self.write("ftp/small", SMALL)
        (self.dir / "empty").mkdir()
        self.write("vsftpd.conf", f"""
listen_ipv6=YES
listen_port={self.port}
background=NO
anonymous_enable=YES
local_enable=NO
no_anon_password=YES
anon_root={self.dir}/ftp
secure_chroot_dir={self.dir}/empty
xferlog_enable=NO
anon_max_rate={self.rate}
isolate_network=NO
""")

    def command(self):
        # It complains on its standard input, where inetd would have put the client.
        return ["sh", "-c", 'exec "$@" <&2', "vsftpd", "vsftpd", self.dir / "vsftpd.conf"]


class Dnsmasq(Server):
    """DNS for example.org alone, over UDP and TCP, and files over TFTP."""

    name = "dnsmasq"
    port = 53
    tftp_port = 69  # dnsmasq knows no other
    ip4, ip6 = "203.0.113.10", "2001:db8:3::10"

    def prepare(self):
        self.write("tftp/small", SMALL)
        self.write("dnsmasq.conf", f"""
            port={self.port}
            user=root
            pid-file=
            no-resolv
            no-hosts
            local=/{DOMAIN}/
            host-record={WEB_HOST},{self.ip4},{self.ip6}
            enable-tftp
            tftp-root={self.dir}/tftp
            """)

    def command(self):
        return ["dnsmasq", "--keep-in-foreground", "--log-facility=-", f"--conf-file={self.dir}/dnsmasq.conf"]


class Redis(Server):
    name = "redis"
    port = 6379

    def prepare(self):
        self.write("redis.conf", f"""
            bind * -::*
            port {self.port}
            protected-mode no
            daemonize no
            save ""
            appendonly no
            dir {self.dir}
            """)

    def command(self):
        return ["redis-server", self.dir / "redis.conf"]


class Mosquitto(Server):
    name = "mosquitto"
    port = 1883

    def prepare(self):
        self.write("mosquitto.conf", f"listener {self.port}\nallow_anonymous true\npersistence false\n")

    def command(self):
        return ["mosquitto", "-c", self.dir / "mosquitto.conf"]


class Memcached(Server):
    name = "memcached"
    port = 11211

    def command(self):
        return ["memcached", "-u", "nobody", "-p", self.port, "-U", 0, "-m", 8, "-l", "0.0.0.0,::"]


class Rsyncd(Server):
    name = "rsync"
    port = 873

    def prepare(self):
        self.write("files/small", SMALL)
        self.write("rsyncd.conf", f"""
            reverse lookup = no
            use chroot = no
            [files]
            path = {self.dir}/files
            """)

    def command(self):
        return ["rsync", "--daemon", "--no-detach", "--log-file=/dev/stderr", f"--port={self.port}",
                f"--config={self.dir}/rsyncd.conf"]


class GitDaemon(Server):
    name = "git"
    port = 9418

    def environment(self):
        return {**super().environment(), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
                **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
                   for what, value in (("NAME", "lab"), ("EMAIL", f"lab@{DOMAIN}"))}}

    def prepare(self):
        def git(*argv, stdin=b""):
            return self.tool(["git", "-C", self.dir / "small.git", *argv], stdin=stdin).stdout.decode().strip()

        (self.dir / "small.git").mkdir()
        git("init", "--quiet", "--bare", "--initial-branch=main")
        blob = git("hash-object", "-w", "--stdin", stdin=SMALL)
        tree = git("mktree", stdin=f"100644 blob {blob}\tsmall\n".encode())
        git("update-ref", "refs/heads/main", git("commit-tree", "-m", "lab", tree))

    def command(self):
        # Not `git daemon`, which stays around as the daemon's parent.
        exec_path = self.tool(["git", "--exec-path"]).stdout.decode().strip()
        return [f"{exec_path}/git-daemon", "--export-all", "--reuseaddr", f"--port={self.port}",
                f"--base-path={self.dir}"]


class Ngircd(Server):
    name = "ngircd"
    port = 6667
    host = f"irc.{DOMAIN}"

    def prepare(self):
        self.write("ngircd.conf", f"""
            [Global]
            Name = {self.host}
            Info = lab
            Listen = ::,0.0.0.0
            Ports = {self.port}
            ServerUID = irc
            ServerGID = irc
            [Limits]
            MaxPenaltyTime = 0
            [Options]
            DNS = no
            Ident = no
            PAM = no
            """)

    def command(self):
        return ["ngircd", "--nodaemon", "--config", self.dir / "ngircd.conf"]


class Postfix(Server):
    """Accepts mail for anybody and discards it."""

    name = "postfix"
    port = 25
    host = f"mail.{DOMAIN}"
    owners = {"queue": "postfix", "data": "postfix"}

    def prepare(self):
        self.make_certificate(self.host)
        main = self.write("main.cf", f"""
compatibility_level = 3.6
myhostname = {self.host}
mydestination =
inet_protocols = all
smtpd_peername_lookup = no
mynetworks = 0.0.0.0/0 [::]/0
smtpd_relay_restrictions = permit_mynetworks, reject
local_recipient_maps =
default_transport = discard
in_flow_delay = 0s
alias_maps =
queue_directory = {self.dir}/queue
data_directory = {self.dir}/data
smtpd_tls_security_level = may
smtpd_tls_chain_files = {self.dir}/key.pem, {self.dir}/certificate.pem
maillog_file = {self.dir}/log
maillog_file_prefixes = {self.dir}
""")
        os.utime(main, (0, 0))  # Postfix would wait for a file written this very second to settle
        # name, type, private, (unprivileged, chroot, wakeup,) process limit, program
        services = [(self.port, "inet", "n", "-", "smtpd"), ("cleanup", "unix", "n", 0, "cleanup"),
                    ("qmgr", "unix", "n", 1, "qmgr"), ("rewrite", "unix", "-", "-", "trivial-rewrite"),
                    ("bounce", "unix", "-", 0, "bounce"), ("defer", "unix", "-", 0, "bounce"),
                    ("error", "unix", "-", "-", "error"), ("discard", "unix", "-", "-", "discard"),
                    ("anvil", "unix", "-", 1, "anvil"), ("tlsmgr", "unix", "-", 1, "tlsmgr"),
                    ("postlog", "unix-dgram", "n", 1, "postlogd")]
        self.write("master.cf", "".join(f"{name} {kind} {private} - n - {limit} {program}\n"
                                        for name, kind, private, limit, program in services))
        for queue in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming",
                      "maildrop", "pid", "private", "public", "saved", "trace"):
            (self.dir / "queue" / queue).mkdir(parents=True)
        (self.dir / "data").mkdir()

    def command(self):
        return ["/usr/lib/postfix/sbin/master", "-d", "-c", self.dir]


class Dovecot(Server):
    """IMAP (port 143) and POP3 (`pop3_port`), one user, one message in the box."""

    name = "dovecot"
    port = 143
    owners = {"mail": "nobody"}
    pop3_port = 110

    def prepare(self):
        for folder in ("cur", "tmp"):
            (self.dir / "mail" / folder).mkdir(parents=True)
        self.write("mail/new/1.lab.example", MAIL)
        self.write("dovecot.conf", f"""
            protocols = imap pop3
            base_dir = {self.dir}/run
            state_dir = {self.dir}/state
            log_path = /dev/stderr
            ssl = no
            disable_plaintext_auth = no
            mail_location = maildir:{self.dir}/mail
            first_valid_uid = 1
            passdb {{
              driver = static
              args = user={USER} password={PASSWORD}
            }}
            userdb {{
              driver = static
              args = uid=nobody gid=nogroup home={self.dir}/mail
            }}
            service imap-login {{
              inet_listener imap {{
                port = {self.port}
              }}
            }}
            """)

    def command(self):
        return ["dovecot", "-F", "-c", self.dir / "dovecot.conf"]


class Mariadb(Server):
    name = "mariadb"
    port = 3306
    owners = {"data": "nobody"}

    def prepare(self):
        (self.dir / "data").mkdir()

    def command(self):
        # Without grant tables any user may log in, and making them would take a second.
        return ["mariadbd", "--no-defaults", "--user=nobody", "--skip-grant-tables", "--skip-name-resolve",
                f"--datadir={self.dir}/data", f"--tmpdir={self.dir}/data", f"--socket={self.dir}/data/socket",
                f"--pid-file={self.dir}/data/pid", "--bind-address=*", f"--port={self.port}"]


class Postgresql(Server):
    name = "postgresql"
    port = 5432
    user = "postgres"  # it refuses to run as root
    stop_signal = signal.SIGINT  # its fast shutdown; SIGTERM waits for the clients

    def prepare(self):
        self.own(self.dir, self.user)
        self.tool([*self.program("initdb"), "-D", self.dir / "data", "-U", USER, "-A", "trust",
                   "--no-sync", "--no-locale", "-E", "UTF8"])
        with open(self.dir / "data" / "pg_hba.conf", "a") as access:
            access.write("host all all all trust\n")

    def program(self, name):
        found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        if not found:
            raise LabError(f"no {name} below /usr/lib/postgresql")
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--init-groups", found[-1]]

    def command(self):
        return [*self.program("postgres"), "-D", self.dir / "data", "-k", self.dir, "-p", self.port,
                "-c", "listen_addresses=*", "-c", "fsync=off"]

    def ready(self):
        # It listens before it has recovered; the last line of its pid file says when it has.
        status = self.dir / "data" / "postmaster.pid"
        return status.exists() and status.read_text().split()[-1:] == ["ready"]


class Chronyd(Server):
    """NTP from a local clock it is not allowed to touch (-x)."""

    name = "chronyd"
    port = 123
    udp = True

    def prepare(self):
        self.write("chrony.conf", f"""
            port {self.port}
            local stratum 8
            allow
            cmdport 0
            bindcmdaddress /
            pidfile {self.dir}/pid
            """)

    def command(self):
        return ["chronyd", "-x", "-d", "-u", "root", "-f", self.dir / "chrony.conf"]


class Snmpd(Server):
    name = "snmpd"
    port = 161
    udp = True
    sys_name = f"snmp.{DOMAIN}"

    def environment(self):
        return {**super().environment(), "SNMP_PERSISTENT_DIR": str(self.dir), "MIBS": ""}

    def prepare(self):
        self.write("snmpd.conf", f"rocommunity public\nrocommunity6 public\nsysName {self.sys_name}\n")

    def command(self):
        return ["snmpd", "-f", "-Le", "-I", "-smux", "-C", "-c", self.dir / "snmpd.conf",
                f"udp:{self.port},udp6:{self.port}"]


class Slapd(Server):
    name = "slapd"
    port = 389

    def prepare(self):
        (self.dir / "data").mkdir()
        self.write("slapd.conf", f"""
include /etc/ldap/schema/core.schema
pidfile {self.dir}/pid
argsfile {self.dir}/args
database ldif
directory {self.dir}/data
suffix "{LDAP_SUFFIX}"
rootdn "{LDAP_ADMIN}"
rootpw {PASSWORD}
""")
        entry = f"dn: {LDAP_SUFFIX}\nobjectClass: organization\nobjectClass: dcObject\no: lab\ndc: example\n"
        self.tool(["slapadd", "-f", self.dir / "slapd.conf"], stdin=entry.encode())

    def command(self):
        return ["slapd", "-d", 0, "-f", self.dir / "slapd.conf", "-h", f"ldap://*:{self.port}/"]


class Iperf3(Server):
    """Serves one client at a time, and turns away whoever comes before it has noticed that the last one is gone."""

    name = "iperf3"
    port = 5201

    def wait_until_idle(self):
        wait_for(lambda: not self.has_socket("tcp", "tcp6", state=TCP_ESTABLISHED)
                 and not self.has_socket("tcp", "tcp6", state=TCP_CLOSE_WAIT), "iperf3's server to be idle")

    def command(self):
        return ["iperf3", "--server", "--port", self.port]

    def ready(self):
        # It would take a trial connection for a broken client.
        return self.has_socket("tcp6", state=TCP_LISTEN)


class Microsocks(Server):
    name = "microsocks"
    port = 1080

    def command(self):
        return ["microsocks", "-i", "::", "-p", self.port]
