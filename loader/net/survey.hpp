// SPDX-License-Identifier: GPL-2.0-or-later
// How this network namespace is set up where it concerns us: reads, changes nothing.
#pragma once

#include "core/base/result.hpp"
#include "core/report/findings.hpp"
#include "net/links.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace l7 {

struct LinkSurvey {
    Link link;
    std::uint64_t rx_packets = 0, tx_packets = 0;
    std::string root_qdisc;
    std::uint32_t root_handle = 0;
    std::set<std::uint32_t> classes; ///< of all its qdiscs
};

/// All devices. Through rtnetlink, as /sys/class/net may be another namespace's.
Result<std::vector<LinkSurvey>> survey_links();

/// `ip rule`s, IPv4 and IPv6, that look at the mark.
Result<std::vector<PolicyRuleFacts>> mark_rules();

/// Flowtables of nftables, all families.
Result<std::vector<FlowtableFacts>> flowtables();

/// Features of a device by ethtool's names ("hw-tc-offload", "rx-lro"), and whether they are on;
/// empty where the device does not say.
std::map<std::string, bool> features(const std::string &device);

struct ClsactFilter {
    std::string kind;
    std::uint16_t priority = 0;
    std::uint32_t handle = 0;
    bool in_hardware = false;
};

/// The filters of a clsact hook in their order; empty where there is no clsact qdisc.
Result<std::vector<ClsactFilter>> clsact_filters(std::uint32_t ifindex, bool egress);

} // namespace l7
