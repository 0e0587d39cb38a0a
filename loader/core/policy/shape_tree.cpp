// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/shape_tree.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace l7 {

namespace {

constexpr std::uint64_t kMtu = 1514;
constexpr std::uint64_t kQuantumMost = 200000; ///< above it HTB warns of unfairness
constexpr std::uint64_t kQuantaPerSecond = 500;
constexpr std::uint64_t kBurstsPerSecond = 100; ///< a burst is what the rate gives in 10 ms
constexpr std::uint64_t kBurstLeast = 3200;
constexpr std::uint64_t kBurstMost = 4ULL << 20;
constexpr std::size_t kDeviceNameMost = 15;

std::uint64_t settle(const ShapeRate &wanted, std::uint64_t parents, double scale) {
    const double rate = wanted.bytes_per_s != 0
                            ? static_cast<double>(wanted.bytes_per_s) * scale
                            : static_cast<double>(parents) * wanted.percent / 100;
    return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::llround(rate)), 1, parents);
}

std::string leaf_of(const ShapeClass &one, const std::set<std::string> &kinds) {
    if (kinds.contains(one.leaf))
        return one.leaf;
    const auto it =
        std::ranges::find_if(kLeafKinds, [&](const auto &k) { return kinds.contains(k); });
    return it == kLeafKinds.end() ? kLeafKinds.back() : *it;
}

} // namespace

const TreeClass *Tree::find(std::uint32_t id) const {
    const auto it = std::ranges::find(classes, id, &TreeClass::id);
    return it == classes.end() ? nullptr : &*it;
}

std::uint32_t quantum_of(const TreeClass &one) {
    return static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(one.rate / kQuantaPerSecond, kMtu, kQuantumMost));
}

std::uint32_t burst_of(std::uint64_t bytes_per_s) {
    return static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(bytes_per_s / kBurstsPerSecond, kBurstLeast, kBurstMost));
}

std::uint32_t leaf_handle(std::uint32_t classid) {
    return classid << 16;
}

Tree make_tree(const ShapeConfig &config, const ShapeDevice &device, bool down,
               const std::set<std::string> &kinds) {
    const std::uint64_t link = down ? device.down : device.up;
    const double scale = down && device.up != 0
                             ? static_cast<double>(device.down) / static_cast<double>(device.up)
                             : 1;
    const auto major = static_cast<std::uint32_t>(config.major) << 16;
    Tree out;
    out.major = config.major;
    out.classes.push_back({major | kShapeRootMinor, major, "", link, link, 0, ""});
    for (const ShapeClass &one : config.classes) {
        const std::uint32_t parent =
            classid_of(config, one.parent).value_or(major | kShapeRootMinor);
        const TreeClass above = *out.find(parent);
        TreeClass made;
        made.id = *classid_of(config, one.name);
        made.parent = parent;
        made.name = one.name;
        made.ceil = settle(one.ceil, above.ceil, scale);
        made.rate = std::min(settle(one.rate, above.rate, scale), made.ceil);
        const bool inner = std::ranges::any_of(
            config.classes, [&](const ShapeClass &other) { return other.parent == one.name; });
        if (!inner) {
            made.priority = one.priority;
            made.leaf = leaf_of(one, kinds);
        }
        if (one.is_default)
            out.default_id = made.id;
        out.classes.push_back(std::move(made));
    }
    return out;
}

std::string ifb_name(const std::string &dev) {
    return ("l7-" + dev).substr(0, kDeviceNameMost);
}

std::string ifb_alias(const std::string &dev) {
    return "l7ctl: what comes in through " + dev;
}

std::string class_text(const TreeClass &one) {
    std::string out = fmt::format("rate {} ceil {}", rate_text(one.rate), rate_text(one.ceil));
    if (!one.leaf.empty())
        out += fmt::format(" prio {}", one.priority);
    return out;
}

std::vector<std::string> tc_commands(const Tree &tree, const std::string &dev) {
    std::vector<std::string> out;
    out.push_back(fmt::format("tc qdisc add dev {} root handle {:x}: htb default 0x{:x} r2q {}",
                              dev, tree.major, tree.default_id & 0xffff, kShapeMark));
    for (const TreeClass &one : tree.classes) {
        const std::string parent = (one.parent & 0xffff) == 0
                                       ? fmt::format("{:x}:", one.parent >> 16)
                                       : handle_text(one.parent);
        out.push_back(fmt::format(
            "tc class add dev {} parent {} classid {} htb {} quantum {} burst {}b cburst {}b", dev,
            parent, handle_text(one.id), class_text(one), quantum_of(one), burst_of(one.rate),
            burst_of(one.ceil)));
        if (one.leaf.empty())
            continue;
        out.push_back(fmt::format("tc qdisc add dev {} parent {} handle {:x}: {}", dev,
                                  handle_text(one.id), one.id & 0xffff, one.leaf));
        if (one.leaf == "pfifo")
            out.back() += fmt::format(" limit {}", kPfifoPackets);
    }
    return out;
}

std::vector<std::string> ifb_commands(const Tree &tree, const std::string &dev) {
    const std::string ifb = ifb_name(dev);
    std::vector<std::string> out = {
        fmt::format("ip link add {} txqueuelen 1000 type ifb", ifb),
        fmt::format("ip link set {} alias '{}' up", ifb, ifb_alias(dev))};
    for (std::string &command : tc_commands(tree, ifb))
        out.push_back(std::move(command));
    out.push_back(fmt::format("tc qdisc add dev {} clsact", dev));
    out.push_back(fmt::format("tc filter add dev {} ingress prio 65535 protocol all u32 match u32 "
                              "0 0 flowid {} action mirred egress redirect dev {}",
                              dev, handle_text(kRedirectFlowOwnClsact), ifb));
    return out;
}

} // namespace l7
