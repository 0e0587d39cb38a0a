// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/conntrack.hpp"

#include <l7ctl/headers.h>

#include <arpa/inet.h>
#include <cstring>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <memory>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace l7 {

namespace {

/// IPv4 addresses are the last of a key's four words.
int put_address(nl_msg *message, const l7_key &key, unsigned end, int v4, int v6) {
    return key.family == 4 ? nla_put(message, v4, 4, &key.addr[end][3])
                           : nla_put(message, v6, 16, key.addr[end]);
}

/// CTA_TUPLE_ORIG of what end `from` sends.
bool put_tuple(nl_msg *message, const l7_key &key, unsigned from) {
    nlattr *tuple = nla_nest_start(message, CTA_TUPLE_ORIG);
    nlattr *ip = tuple ? nla_nest_start(message, CTA_TUPLE_IP) : nullptr;
    if (!ip || put_address(message, key, from, CTA_IP_V4_SRC, CTA_IP_V6_SRC) < 0 ||
        put_address(message, key, from ^ 1, CTA_IP_V4_DST, CTA_IP_V6_DST) < 0)
        return false;
    nla_nest_end(message, ip);
    nlattr *proto = nla_nest_start(message, CTA_TUPLE_PROTO);
    if (!proto || nla_put_u8(message, CTA_PROTO_NUM, key.l4) < 0 ||
        nla_put_u16(message, CTA_PROTO_SRC_PORT, key.port[from]) < 0 ||
        nla_put_u16(message, CTA_PROTO_DST_PORT, key.port[from ^ 1]) < 0)
        return false;
    nla_nest_end(message, proto);
    nla_nest_end(message, tuple);
    return true;
}

bool has_ports(std::uint8_t l4) {
    return l4 == L7_IPPROTO_TCP || l4 == L7_IPPROTO_UDP || l4 == L7_IPPROTO_UDPLITE ||
           l4 == L7_IPPROTO_SCTP;
}

bool is_end(const TrackedEnd &end, const l7_key &key, unsigned which) {
    return std::memcmp(end.address.data(), key.addr[which], end.address.size()) == 0 &&
           end.port == ntohs(key.port[which]);
}

} // namespace

std::optional<unsigned> initiator_of(const Tracked &tracked, const l7_key &key) {
    const auto &[there, back] = tracked.tuples;
    for (const unsigned end : {0U, 1U})
        if ((is_end(there.source, key, end) && is_end(there.target, key, end ^ 1)) ||
            (is_end(back.target, key, end) && is_end(back.source, key, end ^ 1)))
            return end;
    return std::nullopt;
}

Result<Conntrack> Conntrack::open() {
    NetlinkSocket socket(nl_socket_alloc());
    if (!socket)
        return Error{"out of memory"};
    if (const int failure = nl_connect(socket.get(), NETLINK_NETFILTER); failure < 0)
        return netlink_error("opening ctnetlink", failure);
    // Whoever asks judges flows meanwhile: an answer that does not come must not keep it.
    const timeval limit{.tv_sec = 0, .tv_usec = 200'000};
    setsockopt(nl_socket_get_fd(socket.get()), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return Conntrack(std::move(socket));
}

/// Returns libnl's error; 0: done.
int Conntrack::mark_one_way(const l7_key &key, unsigned from, std::uint32_t mark,
                            std::uint32_t mask) {
    constexpr int kType = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
    const nfgenmsg head{static_cast<__u8>(key.family == 4 ? AF_INET : AF_INET6), NFNETLINK_V0, 0};
    // No NLM_F_CREATE: what is not tracked stays so.
    NetlinkMessage message(nlmsg_alloc_simple(kType, NLM_F_REQUEST));
    if (!message ||
        nlmsg_append(message.get(), const_cast<nfgenmsg *>(&head), sizeof(head), NLMSG_ALIGNTO) <
            0 ||
        !put_tuple(message.get(), key, from) ||
        nla_put_u32(message.get(), CTA_MARK, htonl(mark)) < 0 ||
        nla_put_u32(message.get(), CTA_MARK_MASK, htonl(mask)) < 0)
        return -NLE_NOMEM;
    return nl_send_sync(socket_.get(), message.release());
}

namespace {

TrackedEnd end_from(nlattr **ip, nlattr **proto, int v4, int v6, int port) {
    TrackedEnd out;
    if (ip[v4]) {
        out.address[10] = out.address[11] = 0xff;
        nla_memcpy(out.address.data() + 12, ip[v4], 4);
    } else if (ip[v6]) {
        nla_memcpy(out.address.data(), ip[v6], 16);
    }
    if (proto[port])
        out.port = ntohs(nla_get_u16(proto[port]));
    return out;
}

Tracked::Tuple tuple_from(nlattr *attribute) {
    nlattr *tuple[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *proto[CTA_PROTO_MAX + 1];
    if (nla_parse_nested(tuple, CTA_TUPLE_MAX, attribute, nullptr) < 0 || !tuple[CTA_TUPLE_IP] ||
        !tuple[CTA_TUPLE_PROTO] ||
        nla_parse_nested(ip, CTA_IP_MAX, tuple[CTA_TUPLE_IP], nullptr) < 0 ||
        nla_parse_nested(proto, CTA_PROTO_MAX, tuple[CTA_TUPLE_PROTO], nullptr) < 0)
        return {};
    return {end_from(ip, proto, CTA_IP_V4_SRC, CTA_IP_V6_SRC, CTA_PROTO_SRC_PORT),
            end_from(ip, proto, CTA_IP_V4_DST, CTA_IP_V6_DST, CTA_PROTO_DST_PORT)};
}

/// Scales that say nothing without their flags: the kernel's 0 may mean unknown.
std::optional<std::array<std::uint8_t, 2>> scale_from(nlattr *attribute) {
    constexpr std::uint8_t kScaled = 0x01; // IP_CT_TCP_FLAG_WINDOW_SCALE
    nlattr *info[CTA_PROTOINFO_MAX + 1], *tcp[CTA_PROTOINFO_TCP_MAX + 1];
    if (!attribute || nla_parse_nested(info, CTA_PROTOINFO_MAX, attribute, nullptr) < 0 ||
        !info[CTA_PROTOINFO_TCP] ||
        nla_parse_nested(tcp, CTA_PROTOINFO_TCP_MAX, info[CTA_PROTOINFO_TCP], nullptr) < 0)
        return std::nullopt;
    std::array<std::uint8_t, 2> out{};
    constexpr std::array<std::pair<int, int>, 2> kWays{
        {{CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL},
         {CTA_PROTOINFO_TCP_WSCALE_REPLY, CTA_PROTOINFO_TCP_FLAGS_REPLY}}};
    for (unsigned way = 0; way < 2; way++) {
        const auto [scale, flags] = kWays[way];
        nf_ct_tcp_flags set{};
        if (!tcp[scale] || !tcp[flags])
            return std::nullopt;
        nla_memcpy(&set, tcp[flags], sizeof(set));
        if (!(set.flags & kScaled))
            return std::nullopt;
        out[way] = nla_get_u8(tcp[scale]);
    }
    return out;
}

int take_tracked(nl_msg *message, void *into) {
    auto &out = *static_cast<std::optional<Tracked> *>(into);
    nlattr *all[CTA_MAX + 1];
    if (nlmsg_parse(nlmsg_hdr(message), sizeof(nfgenmsg), all, CTA_MAX, nullptr) < 0 ||
        !all[CTA_TUPLE_ORIG] || !all[CTA_TUPLE_REPLY])
        return NL_SKIP;
    Tracked tracked{{tuple_from(all[CTA_TUPLE_ORIG]), tuple_from(all[CTA_TUPLE_REPLY])},
                    0,
                    scale_from(all[CTA_PROTOINFO])};
    if (all[CTA_MARK])
        tracked.mark = ntohl(nla_get_u32(all[CTA_MARK]));
    out = tracked;
    return NL_STOP; // the kernel marks it as one of several, and sends no end of them
}

} // namespace

Result<std::optional<Tracked>> Conntrack::find(const l7_key &key, unsigned from) {
    constexpr int kType = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
    const nfgenmsg head{static_cast<__u8>(key.family == 4 ? AF_INET : AF_INET6), NFNETLINK_V0, 0};
    std::optional<Tracked> out;
    if (!has_ports(key.l4))
        return out;
    NetlinkMessage message(nlmsg_alloc_simple(kType, NLM_F_REQUEST));
    if (!message ||
        nlmsg_append(message.get(), const_cast<nfgenmsg *>(&head), sizeof(head), NLMSG_ALIGNTO) <
            0 ||
        !put_tuple(message.get(), key, from))
        return netlink_error("asking for a connection", -NLE_NOMEM);
    nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, take_tracked, &out);
    // One answer: the connection, or why not.
    nl_socket_disable_auto_ack(socket_.get());
    int failure = nl_send_auto(socket_.get(), message.get());
    if (failure >= 0)
        failure = nl_recvmsgs_default(socket_.get());
    nl_socket_enable_auto_ack(socket_.get());
    nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_DEFAULT, nullptr, nullptr);
    if (failure < 0 && failure != -NLE_OBJ_NOTFOUND)
        return netlink_error("asking for a connection", failure);
    return out;
}

Result<std::optional<Tracked>> Conntrack::find(const l7_key &key) {
    auto found = find(key, 0);
    return found && !*found ? find(key, 1) : found;
}

Result<bool> Conntrack::mark(const l7_key &key, std::uint32_t mark, std::uint32_t mask) {
    if (!has_ports(key.l4))
        return false;
    // Behind a NAT only what the one end sends is a tuple that is known.
    for (const unsigned from : {0U, 1U}) {
        const int failure = mark_one_way(key, from, mark, mask);
        if (failure == 0)
            return true;
        if (failure != -NLE_OBJ_NOTFOUND)
            return netlink_error("writing a connection's mark", failure);
    }
    return false;
}

} // namespace l7
