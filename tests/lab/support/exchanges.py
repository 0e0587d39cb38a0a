# SPDX-License-Identifier: GPL-2.0-or-later
"""Every exchange of the lab: which server, which client, and what l7ctl has to say of the flow between them."""

import functools
from typing import Callable, NamedTuple

from . import clients, clients_network, clients_services, servers, servers_network, servers_services
from .servers import WEB_HOST

TLS12_HOST = f"tls12.{servers.DOMAIN}"


class Exchange(NamedTuple):
    name: str
    server: type
    client: Callable
    protocol: str  # of the flow to the server's port; empty where the protocol has no pattern
    l4: str = "tcp"
    port: str = "port"  # the server's attribute that holds it
    hostname: str = ""
    version: str = ""  # of TLS
    attributes: tuple = ()
    children: tuple | None = ()  # protocols of the flows that the exchange makes beside that one; None: not judged


def _exchange(name, server, client, protocol, options=None, **row):
    return Exchange(name, server, functools.partial(client, **options) if options else client, protocol, **row)


EXCHANGES = (
    _exchange("http", servers.Nginx, clients.http, "http", {"host": WEB_HOST}, hostname=WEB_HOST),
    _exchange("https", servers.Nginx, clients.https, "tls", port="tls_port", hostname=WEB_HOST,
              version="1.3"),
    _exchange("https-tls1.2", servers.Nginx, clients.https, "tls", {"host": TLS12_HOST, "tls_max": "1.2"},
              port="tls_port", hostname=TLS12_HOST, version="1.2"),
    _exchange("http3", servers_network.Ngtcp2, clients_network.http3, "quic", l4="udp",
              hostname=servers_network.QUIC_HOST, version="1.3"),
    _exchange("ssh", servers.Sshd, clients.ssh, "ssh"),
    # The data connection has nothing but the file's bytes: what it is depends on what announced it.
    _exchange("ftp", servers.Vsftpd, clients.ftp, "ftp", children=None),
    _exchange("ftp-active", servers.Vsftpd, clients.ftp, "ftp", {"active": True}, children=None),
    _exchange("dns", servers.Dnsmasq, clients.dns, "dns", l4="udp", hostname=WEB_HOST),
    _exchange("dns-tcp", servers.Dnsmasq, clients.dns, "dns", {"tcp": True}, hostname=WEB_HOST),
    _exchange("tftp", servers.Dnsmasq, clients.tftp, "tftp", l4="udp", port="tftp_port", children=("tftp",)),
    _exchange("redis", servers.Redis, clients.redis, "redis"),
    _exchange("mqtt", servers.Mosquitto, clients.mqtt, "mqtt"),
    _exchange("memcached", servers.Memcached, clients.memcached, "memcached"),
    _exchange("rsync", servers.Rsyncd, clients.rsync, "rsync"),
    _exchange("git", servers.GitDaemon, clients.git, "git"),
    _exchange("irc", servers.Ngircd, clients.irc, "irc"),
    _exchange("smtp", servers.Postfix, clients.smtp, "smtp"),
    _exchange("smtp-starttls", servers.Postfix, clients.smtp, "smtp", {"tls": True}, hostname=servers.Postfix.host,
              attributes=("tls", "starttls")),
    _exchange("imap", servers.Dovecot, clients.imap, "imap"),
    _exchange("pop3", servers.Dovecot, clients.pop3, "pop3", port="pop3_port"),
    _exchange("mysql", servers.Mariadb, clients.mysql, "mysql"),
    _exchange("postgresql", servers.Postgresql, clients.postgresql, "postgresql"),
    _exchange("ntp", servers.Chronyd, clients.ntp, "ntp", l4="udp"),
    _exchange("snmp", servers.Snmpd, clients.snmp, "snmp", l4="udp"),
    _exchange("ldap", servers.Slapd, clients.ldap, "ldap"),
    _exchange("dtls", servers_network.GnutlsServer, clients_network.dtls, "dtls", l4="udp",
              hostname=servers_network.DTLS_HOST),
    _exchange("kerberos", servers_network.Krb5kdc, clients_network.kerberos, "kerberos", l4="udp"),
    _exchange("radius", servers_network.Freeradius, clients_network.radius, "radius", l4="udp"),
    _exchange("stun", servers_network.Turnserver, clients_network.stun, "stun", l4="udp"),
    _exchange("syslog", servers_network.Rsyslogd, clients_network.syslog, "syslog", l4="udp"),
    _exchange("telnet", servers_network.Inetd, clients_network.telnet, "telnet"),
    _exchange("whois", servers_network.Inetd, clients_network.whois, "whois", port="whois_port"),
    _exchange("rpcinfo", servers_network.Rpcbind, clients_network.rpcinfo, "sunrpc"),
    _exchange("bgp", servers_network.Bird, clients_network.bgp, "bgp"),
    _exchange("openvpn", servers_network.Openvpn, clients_network.openvpn, "openvpn", l4="udp"),
    _exchange("nats", servers_services.Nats, clients_services.nats, "nats"),
    _exchange("gearman", servers_services.Gearmand, clients_services.gearman, "gearman"),
    _exchange("xmpp", servers_services.Prosody, clients_services.xmpp, "xmpp"),
    _exchange("sip", servers_services.Sipp, clients_services.sip, "sip", l4="udp"),
    _exchange("coap", servers_services.CoapServer, clients_services.coap, "coap", l4="udp"),
    _exchange("http2", servers_services.Nghttpd, clients_services.http2, "http2"),
    _exchange("websocket", servers_services.Websockets, clients_services.websocket, "websocket"),
    _exchange("bittorrent", servers_services.Seeder, clients_services.bittorrent, "bittorrent"),
    _exchange("bittorrent-utp", servers_services.Seeder, clients_services.bittorrent, "bittorrent",
              {"transport": "utp"}, l4="udp"),
    _exchange("zabbix", servers_services.ZabbixAgent, clients_services.zabbix, "zabbix"),
    _exchange("smb", servers_services.Smbd, clients_services.smb, "smb"),
    # iperf3's connections begin with a random cookie: nothing to know them by.
    _exchange("iperf3", servers.Iperf3, clients.iperf3, "", children=None),
    _exchange("iperf3-udp", servers.Iperf3, clients.iperf3, "", {"udp": True}, children=None),
    _exchange("socks", servers.Microsocks, clients.socks, "socks"),
)
SERVERS = tuple(dict.fromkeys(exchange.server for exchange in EXCHANGES))
