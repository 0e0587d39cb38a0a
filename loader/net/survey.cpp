// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/survey.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <memory>
#include <netlink/netlink.h>
#include <netlink/route/class.h>
#include <netlink/route/link.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/rule.h>
#include <netlink/route/tc.h>
#include <sys/ioctl.h>

#include "core/base/fd.hpp"
#include "net/dump.hpp"

namespace l7 {

namespace {

template <class Each>
void each_object(nl_cache *cache, Each each) {
    for (nl_object *one = nl_cache_get_first(cache); one; one = nl_cache_get_next(one))
        each(one);
}

std::string text_or_empty(const char *text) {
    return text ? text : "";
}

/// Classes are asked for one device at a time, and only where a qdisc may have some.
void read_classes(nl_sock *socket, LinkSurvey &to) {
    nl_cache *raw = nullptr;
    if (rtnl_class_alloc_cache(socket, static_cast<int>(to.link.ifindex), &raw) < 0)
        return;
    const NetlinkCache cache(raw);
    each_object(raw, [&](nl_object *one) {
        to.classes.insert(rtnl_tc_get_handle(reinterpret_cast<rtnl_tc *>(one)));
    });
}

void read_roots(nl_sock *socket, std::vector<LinkSurvey> &to) {
    nl_cache *raw = nullptr;
    if (rtnl_qdisc_alloc_cache(socket, &raw) < 0)
        return;
    const NetlinkCache cache(raw);
    each_object(raw, [&](nl_object *one) {
        auto *tc = reinterpret_cast<rtnl_tc *>(one);
        if (rtnl_tc_get_parent(tc) != TC_H_ROOT)
            return;
        for (LinkSurvey &survey : to)
            if (static_cast<int>(survey.link.ifindex) == rtnl_tc_get_ifindex(tc)) {
                survey.root_qdisc = text_or_empty(rtnl_tc_get_kind(tc));
                survey.root_handle = rtnl_tc_get_handle(tc);
            }
    });
}

/// Where each kind of filter keeps its TCA_CLS_FLAGS_ bits.
int flags_attribute(const std::string &kind) {
    if (kind == "flower")
        return TCA_FLOWER_FLAGS;
    if (kind == "u32")
        return TCA_U32_FLAGS;
    if (kind == "matchall")
        return TCA_MATCHALL_FLAGS;
    if (kind == "bpf")
        return TCA_BPF_FLAGS_GEN;
    return 0;
}

ClsactFilter to_filter(const nlmsghdr *header) {
    nlattr *attributes[TCA_MAX + 1] = {};
    const auto *tc = static_cast<const tcmsg *>(nlmsg_data(header));
    ClsactFilter out;

    if (nlmsg_parse(const_cast<nlmsghdr *>(header), sizeof(tcmsg), attributes, TCA_MAX, nullptr) <
        0)
        return out;
    out.priority = static_cast<std::uint16_t>(TC_H_MAJ(tc->tcm_info) >> 16);
    out.handle = tc->tcm_handle;
    if (attributes[TCA_KIND])
        out.kind = nla_get_string(attributes[TCA_KIND]);
    const int flags = flags_attribute(out.kind);
    if (flags && attributes[TCA_OPTIONS])
        if (nlattr *found = nla_find(static_cast<nlattr *>(nla_data(attributes[TCA_OPTIONS])),
                                     nla_len(attributes[TCA_OPTIONS]), flags);
            found && nla_len(found) >= 4)
            out.in_hardware = (nla_get_u32(found) & TCA_CLS_FLAGS_IN_HW) != 0;
    return out;
}

} // namespace

Result<std::vector<LinkSurvey>> survey_links() {
    auto socket = open_netlink(NETLINK_ROUTE);
    if (!socket)
        return socket.error();
    nl_cache *raw = nullptr;
    if (const int failure = rtnl_link_alloc_cache(socket->get(), AF_UNSPEC, &raw); failure < 0)
        return Error{std::string("listing devices: ") + nl_geterror(failure)};
    const NetlinkCache cache(raw);
    std::vector<LinkSurvey> out;
    each_object(raw, [&](nl_object *one) {
        auto *link = reinterpret_cast<rtnl_link *>(one);
        LinkSurvey survey;
        survey.link.ifindex = static_cast<std::uint32_t>(rtnl_link_get_ifindex(link));
        survey.link.name = text_or_empty(rtnl_link_get_name(link));
        survey.link.up = (rtnl_link_get_flags(link) & IFF_UP) != 0;
        survey.rx_packets = rtnl_link_get_stat(link, RTNL_LINK_RX_PACKETS);
        survey.tx_packets = rtnl_link_get_stat(link, RTNL_LINK_TX_PACKETS);
        survey.root_qdisc = text_or_empty(rtnl_link_get_qdisc(link));
        out.push_back(std::move(survey));
    });
    read_roots(socket->get(), out);
    for (LinkSurvey &survey : out)
        if (takes_class_from_priority(survey.root_qdisc))
            read_classes(socket->get(), survey);
    return out;
}

Result<std::vector<PolicyRuleFacts>> mark_rules() {
    auto socket = open_netlink(NETLINK_ROUTE);
    if (!socket)
        return socket.error();
    std::vector<PolicyRuleFacts> out;
    for (const int family : {AF_INET, AF_INET6}) {
        nl_cache *raw = nullptr;
        const int failure = rtnl_rule_alloc_cache(socket->get(), family, &raw);
        if (failure == -NLE_OPNOTSUPP || failure == -NLE_AF_NOSUPPORT)
            continue; // a kernel without policy routing has no such rules
        if (failure < 0)
            return Error{std::string("listing ip rules: ") + nl_geterror(failure)};
        const NetlinkCache cache(raw);
        each_object(raw, [&](nl_object *one) {
            auto *rule = reinterpret_cast<rtnl_rule *>(one);
            // The kernel tells a mask with every mark, all ones where none was given.
            const std::uint32_t mark = rtnl_rule_get_mark(rule), mask = rtnl_rule_get_mask(rule);
            if (rtnl_rule_get_family(rule) == family && (mark || mask))
                out.push_back({rtnl_rule_get_prio(rule), family == AF_INET ? 4U : 6U, mark,
                               mask ? mask : 0xffffffff, rtnl_rule_get_table(rule)});
        });
    }
    return out;
}

std::map<std::string, bool> features(const std::string &device) {
    const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    if (!fd || device.size() >= sizeof(request.ifr_name))
        return {};
    std::memcpy(request.ifr_name, device.data(), device.size());
    const auto ask = [&](void *what) {
        request.ifr_data = static_cast<char *>(what);
        return ioctl(fd.get(), SIOCETHTOOL, &request) == 0;
    };

    // Structures of ethtool end in arrays: they are laid into words.
    std::vector<std::uint32_t> words((sizeof(ethtool_sset_info) + 4) / 4 + 1);
    auto *sets = reinterpret_cast<ethtool_sset_info *>(words.data());
    sets->cmd = ETHTOOL_GSSET_INFO;
    sets->sset_mask = std::uint64_t{1} << ETH_SS_FEATURES;
    if (!ask(sets) || sets->sset_mask == 0)
        return {};
    const std::uint32_t count = words[sizeof(ethtool_sset_info) / 4];

    std::vector<std::uint32_t> names(
        (sizeof(ethtool_gstrings) + std::size_t{count} * ETH_GSTRING_LEN + 3) / 4);
    auto *strings = reinterpret_cast<ethtool_gstrings *>(names.data());
    strings->cmd = ETHTOOL_GSTRINGS;
    strings->string_set = ETH_SS_FEATURES;
    strings->len = count;
    if (!ask(strings))
        return {};
    const auto *text = reinterpret_cast<const char *>(names.data()) + sizeof(ethtool_gstrings);

    const std::uint32_t blocks = (count + 31) / 32;
    std::vector<std::uint32_t> bits(
        (sizeof(ethtool_gfeatures) + blocks * sizeof(ethtool_get_features_block)) / 4);
    auto *features = reinterpret_cast<ethtool_gfeatures *>(bits.data());
    features->cmd = ETHTOOL_GFEATURES;
    features->size = blocks;
    if (!ask(features))
        return {};
    std::map<std::string, bool> out;
    for (std::uint32_t bit = 0; bit < count; bit++) {
        const char *name = text + std::size_t{bit} * ETH_GSTRING_LEN;
        ethtool_get_features_block block;
        std::memcpy(&block,
                    bits.data() + sizeof(ethtool_gfeatures) / 4 + bit / 32 * sizeof(block) / 4,
                    sizeof(block));
        out[std::string(name, strnlen(name, ETH_GSTRING_LEN))] =
            (block.active >> bit % 32 & 1) != 0;
    }
    return out;
}

Result<std::vector<ClsactFilter>> clsact_filters(std::uint32_t ifindex, bool egress) {
    tcmsg request{};
    request.tcm_family = AF_UNSPEC;
    request.tcm_ifindex = static_cast<int>(ifindex);
    request.tcm_parent = static_cast<std::uint32_t>(
        TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS));
    std::vector<ClsactFilter> out;
    const auto take = [&out](const nlmsghdr *header) {
        ClsactFilter filter = to_filter(header);
        if (header->nlmsg_type == RTM_NEWTFILTER && filter.handle != 0)
            out.push_back(std::move(filter));
    };
    if (auto done = netlink_dump(NETLINK_ROUTE, RTM_GETTFILTER, &request, sizeof(request), take);
        !done)
        return std::move(done.error()).within("listing filters");
    return out;
}

} // namespace l7
