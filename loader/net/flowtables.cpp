// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/dump.hpp"
#include "net/survey.hpp"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>

namespace l7 {

namespace {

FlowtableFacts to_flowtable(nlattr *const *attributes) {
    FlowtableFacts out;
    if (attributes[NFTA_FLOWTABLE_NAME])
        out.name = nla_get_string(attributes[NFTA_FLOWTABLE_NAME]);
    if (nlattr *flags = attributes[NFTA_FLOWTABLE_FLAGS]; flags && nla_len(flags) >= 4)
        out.hardware = (ntohl(nla_get_u32(flags)) & NFT_FLOWTABLE_HW_OFFLOAD) != 0;
    nlattr *hook = attributes[NFTA_FLOWTABLE_HOOK];
    nlattr *devices = hook ? nla_find(static_cast<nlattr *>(nla_data(hook)), nla_len(hook),
                                      NFTA_FLOWTABLE_HOOK_DEVS)
                           : nullptr;
    if (!devices)
        return out;
    int left = nla_len(devices);
    for (nlattr *one = static_cast<nlattr *>(nla_data(devices)); nla_ok(one, left);
         one = nla_next(one, &left))
        if (nla_type(one) == NFTA_DEVICE_NAME)
            out.devices.emplace_back(nla_get_string(one));
    return out;
}

} // namespace

Result<std::vector<FlowtableFacts>> flowtables() {
    const nfgenmsg request{0 /* all families */, NFNETLINK_V0, 0};
    std::vector<FlowtableFacts> out;
    const auto take = [&out](const nlmsghdr *header) {
        nlattr *attributes[NFTA_FLOWTABLE_MAX + 1] = {};
        if (header->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWFLOWTABLE) &&
            nlmsg_parse(const_cast<nlmsghdr *>(header), sizeof(nfgenmsg), attributes,
                        NFTA_FLOWTABLE_MAX, nullptr) >= 0)
            out.push_back(to_flowtable(attributes));
    };
    // A kernel without nf_tables answers EINVAL, which counts as none: it has no flowtable either.
    if (auto done =
            netlink_dump(NETLINK_NETFILTER, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETFLOWTABLE,
                         &request, sizeof(request), take);
        !done)
        return std::move(done.error()).within("listing flowtables");
    return out;
}

} // namespace l7
