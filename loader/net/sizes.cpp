// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/sizes.hpp"

#include "net/dump.hpp"

#include <algorithm>
#include <cstring>
#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string_view>

namespace l7 {

namespace {

// Linux 6.3; Debian 12's headers are older.
constexpr int kGsoIpv4MaxSize = 63, kGroIpv4MaxSize = 64;
constexpr int kLinkAttributes = kGroIpv4MaxSize + 1;
constexpr double kTickNs = 64; ///< of HTB's buffers: PSCHED_SHIFT
constexpr double kNsPerSecond = 1e9;

/// Where a kind of tunnel keeps its other end, and what it adds at least: outer IP header, its own,
/// and an Ethernet header inside where it carries one.
struct TunnelKind {
    std::string_view kind;
    int remote4, remote6;
    std::uint32_t overhead4, overhead6;
};
constexpr std::uint32_t kEthernet = 14;
constexpr TunnelKind kTunnels[] = {
    {"vxlan", IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6, 50, 70},
    {"geneve", IFLA_GENEVE_REMOTE, IFLA_GENEVE_REMOTE6, 50, 70},
    {"ipip", IFLA_IPTUN_REMOTE, 0, 20, 0},
    {"sit", IFLA_IPTUN_REMOTE, 0, 20, 0},
    {"ip6tnl", 0, IFLA_IPTUN_REMOTE, 0, 40},
    {"gre", IFLA_GRE_REMOTE, 0, 24, 0},
    {"gretap", IFLA_GRE_REMOTE, 0, 38, 0},
    {"ip6gre", 0, IFLA_GRE_REMOTE, 0, 44},
    {"ip6gretap", 0, IFLA_GRE_REMOTE, 0, 58},
};

std::uint32_t number(const nlattr *attribute, std::uint32_t otherwise = 0) {
    return attribute && nla_len(attribute) >= 4 ? nla_get_u32(attribute) : otherwise;
}

nlattr *inside(nlattr *outer, int type) {
    return outer && type ? nla_find(static_cast<nlattr *>(nla_data(outer)), nla_len(outer), type)
                         : nullptr;
}

bool is_unicast(const nlattr *address) {
    if (!address)
        return false;
    const auto *bytes = static_cast<const unsigned char *>(nla_data(address));
    const auto size = static_cast<std::size_t>(nla_len(address));
    const bool multicast = size == 4 ? bytes[0] >> 4 == 0xe : bytes[0] == 0xff;
    return (size == 4 || size == 16) && !multicast &&
           std::any_of(bytes, bytes + size, [](unsigned char byte) { return byte != 0; });
}

/// The device by which the kernel would send to there; 0: by none.
std::uint32_t device_to(const nlattr *address) {
    auto socket = open_netlink(NETLINK_ROUTE);
    if (!socket)
        return 0;
    rtmsg request{};
    request.rtm_family = nla_len(address) == 4 ? AF_INET : AF_INET6;
    request.rtm_dst_len = static_cast<unsigned char>(nla_len(address) * 8);
    const NetlinkMessage message(nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST));
    if (!message || nlmsg_append(message.get(), &request, sizeof(request), NLMSG_ALIGNTO) < 0 ||
        nla_put(message.get(), RTA_DST, nla_len(address), nla_data(address)) < 0)
        return 0;
    std::uint32_t out = 0;
    const auto take = [](nl_msg *answer, void *to) -> int {
        nlattr *attributes[RTA_MAX + 1] = {};
        if (nlmsg_parse(nlmsg_hdr(answer), sizeof(rtmsg), attributes, RTA_MAX, nullptr) >= 0)
            *static_cast<std::uint32_t *>(to) = number(attributes[RTA_OIF]);
        return NL_STOP; // there is one answer
    };
    nl_socket_disable_auto_ack(socket->get());
    nl_socket_modify_cb(socket->get(), NL_CB_VALID, NL_CB_CUSTOM, take, &out);
    if (nl_send_auto(socket->get(), message.get()) < 0 || nl_recvmsgs_default(socket->get()) < 0)
        return 0;
    return out;
}

void read_tunnel(nlattr *info, LinkSizes &to) {
    const nlattr *kind = inside(info, IFLA_INFO_KIND);
    if (!kind)
        return;
    to.kind = nla_get_string(kind);
    nlattr *data = inside(info, IFLA_INFO_DATA);
    const auto *known = std::ranges::find(kTunnels, std::string_view(to.kind), &TunnelKind::kind);
    if (known == std::end(kTunnels))
        return;
    nlattr *remote4 = inside(data, known->remote4), *remote6 = inside(data, known->remote6);
    const bool over6 = known->overhead4 == 0 || (!is_unicast(remote4) && remote6);
    to.overhead = over6 ? known->overhead6 : known->overhead4;
    if (to.kind == "vxlan" && inside(data, IFLA_VXLAN_GPE))
        to.overhead -= kEthernet;
    const nlattr *remote = over6 ? remote6 : remote4;
    if (to.under == 0 && is_unicast(remote))
        to.under = device_to(remote);
}

void read_link(const nlmsghdr *header, std::map<std::uint32_t, LinkSizes> &into) {
    nlattr *attributes[kLinkAttributes + 1] = {};
    if (header->nlmsg_type != RTM_NEWLINK ||
        nlmsg_parse(const_cast<nlmsghdr *>(header), sizeof(ifinfomsg), attributes, kLinkAttributes,
                    nullptr) < 0)
        return;
    const auto *link = static_cast<const ifinfomsg *>(nlmsg_data(header));
    LinkSizes &to = into[static_cast<std::uint32_t>(link->ifi_index)];
    if (attributes[IFLA_IFNAME])
        to.name = nla_get_string(attributes[IFLA_IFNAME]);
    PacketSizes &sizes = to.sizes;
    sizes.mtu = number(attributes[IFLA_MTU]);
    sizes.gso_max_size = number(attributes[IFLA_GSO_MAX_SIZE]);
    sizes.gso_max_segs = number(attributes[IFLA_GSO_MAX_SEGS]);
    sizes.gro_max_size = number(attributes[IFLA_GRO_MAX_SIZE]);
    // Kernels before 6.3 have one size for both.
    sizes.gso_ipv4_max_size = number(attributes[kGsoIpv4MaxSize], sizes.gso_max_size);
    sizes.gro_ipv4_max_size = number(attributes[kGroIpv4MaxSize], sizes.gro_max_size);
    if (!attributes[IFLA_LINK_NETNSID]) // that of another namespace says nothing here
        to.under = number(attributes[IFLA_LINK]);
    read_tunnel(attributes[IFLA_LINKINFO], to);
}

template <class T>
bool copy_out(const nlattr *from, T &to) {
    if (!from || nla_len(from) < static_cast<int>(sizeof(T)))
        return false;
    std::memcpy(&to, nla_data(from), sizeof(T));
    return true;
}

std::uint32_t burst_bytes(std::uint32_t ticks, std::uint64_t rate) {
    return static_cast<std::uint32_t>(ticks * kTickNs / kNsPerSecond * static_cast<double>(rate));
}

std::optional<HtbClassFacts> to_class(const nlmsghdr *header) {
    nlattr *attributes[TCA_MAX + 1] = {};
    tc_htb_opt options{};
    tc_htb_xstats counts{};
    if (header->nlmsg_type != RTM_NEWTCLASS ||
        nlmsg_parse(const_cast<nlmsghdr *>(header), sizeof(tcmsg), attributes, TCA_MAX, nullptr) <
            0 ||
        !attributes[TCA_KIND] || std::string_view(nla_get_string(attributes[TCA_KIND])) != "htb" ||
        !copy_out(inside(attributes[TCA_OPTIONS], TCA_HTB_PARMS), options))
        return std::nullopt;
    const auto *tc = static_cast<const tcmsg *>(nlmsg_data(header));
    HtbClassFacts out;
    out.id = tc->tcm_handle;
    out.parent = tc->tcm_parent;
    out.leaf = options.level == 0;
    out.rate = options.rate.rate;
    out.ceil = options.ceil.rate;
    // Rates that 32 bits do not hold come beside.
    copy_out(inside(attributes[TCA_OPTIONS], TCA_HTB_RATE64), out.rate);
    copy_out(inside(attributes[TCA_OPTIONS], TCA_HTB_CEIL64), out.ceil);
    out.burst = burst_bytes(options.buffer, out.rate);
    out.cburst = burst_bytes(options.cbuffer, out.ceil);
    out.quantum = options.quantum;
    if (copy_out(attributes[TCA_XSTATS], counts))
        out.handed = std::uint64_t{counts.lends} + counts.borrows;
    // The structure of the basic counters has padding behind that not every kernel sends.
    if (const nlattr *basic = inside(attributes[TCA_STATS2], TCA_STATS_BASIC))
        copy_out(basic, out.bytes);
    return out;
}

} // namespace

Result<std::map<std::uint32_t, LinkSizes>> link_sizes() {
    const ifinfomsg request{};
    std::map<std::uint32_t, LinkSizes> out;
    if (auto done = netlink_dump(NETLINK_ROUTE, RTM_GETLINK, &request, sizeof(request),
                                 [&](const nlmsghdr *header) { read_link(header, out); });
        !done)
        return std::move(done.error()).within("listing devices");
    return out;
}

Result<std::vector<HtbClassFacts>> htb_classes(std::uint32_t ifindex) {
    tcmsg request{};
    request.tcm_ifindex = static_cast<int>(ifindex);
    std::vector<HtbClassFacts> out;
    const auto take = [&out](const nlmsghdr *header) {
        if (const auto one = to_class(header))
            out.push_back(*one);
    };
    if (auto done = netlink_dump(NETLINK_ROUTE, RTM_GETTCLASS, &request, sizeof(request), take);
        !done)
        return std::move(done.error()).within("listing classes");
    return out;
}

} // namespace l7
