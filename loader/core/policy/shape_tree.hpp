// SPDX-License-Identifier: GPL-2.0-or-later
// The tree of HTB classes one direction of one device gets, with every number settled.
#pragma once

#include "core/policy/shape_config.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace l7 {

/// By this "r2q" of the root HTB we know it for ours: every class of ours has a quantum of its own,
/// so the number has no other meaning. "l7" in ASCII; `tc qdisc show` prints 27703.
constexpr std::uint32_t kShapeMark = 0x6c37;
/// The flowid of the filter that hands to the IFB; the second where we made its clsact qdisc.
constexpr std::uint32_t kRedirectFlow = kShapeMark << 16 | 1;
constexpr std::uint32_t kRedirectFlowOwnClsact = kShapeMark << 16 | 2;
constexpr std::uint32_t kPfifoPackets = 256;

struct TreeClass {
    std::uint32_t id = 0;
    std::uint32_t parent = 0; ///< MAJ:0 for the one that is the whole link
    std::string name;
    std::uint64_t rate = 0; ///< bytes a second
    std::uint64_t ceil = 0;
    std::uint32_t priority = 0;
    std::string leaf; ///< the qdisc in it; empty where it has classes below
};

struct Tree {
    std::uint16_t major = kShapeMajor;
    std::uint32_t default_id = 0;
    std::vector<TreeClass> classes; ///< parents before their children

    const TreeClass *find(std::uint32_t id) const;
};

/// What HTB wants to know besides, a function of the rate alone, so that a class does not change
/// with its siblings. All in bytes.
std::uint32_t quantum_of(const TreeClass &one);
std::uint32_t burst_of(std::uint64_t bytes_per_s);

/// The handle of the qdisc in a class: 10: in 1:10.
std::uint32_t leaf_handle(std::uint32_t classid);

/// The tree for a link of this rate. Rates in bytes a second are those for `up`; for `down` they
/// are scaled by what the links differ. A class never has more than its parent. Leaves are the
/// first of what is wanted and `kLeafKinds` that is in `kinds`.
Tree make_tree(const ShapeConfig &config, const ShapeDevice &device, bool down,
               const std::set<std::string> &kinds);

/// The device of ours that stands in for what comes in through `dev`.
std::string ifb_name(const std::string &dev);
std::string ifb_alias(const std::string &dev);

/// The commands of iproute2 that would make the tree on `dev`.
std::vector<std::string> tc_commands(const Tree &tree, const std::string &dev);

/// Those that make it on the IFB of `dev`, and hand what comes in to that.
std::vector<std::string> ifb_commands(const Tree &tree, const std::string &dev);

/// "rate 2mbit ceil 50mbit prio 1".
std::string class_text(const TreeClass &one);

} // namespace l7
