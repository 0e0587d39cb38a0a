// SPDX-License-Identifier: GPL-2.0-or-later
// Shaping as the configuration describes it: which devices, and one tree of classes for all of
// them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace l7 {

struct Config;

constexpr std::uint16_t kShapeMajor = 1;      ///< of the HTB's handle, unless configured
constexpr std::uint16_t kShapeMajorMax = 0xf; ///< leaves have the handles from 10: on
constexpr std::uint16_t kShapeRootMinor = 1;  ///< the class that is the whole link
constexpr std::uint16_t kShapeMinorStep = 0x10;
constexpr std::size_t kShapeClassesMax = 256;
constexpr unsigned kShapeDepthMax = 7;         ///< levels below the link that HTB can have
constexpr std::uint32_t kShapePriorityMax = 7; ///< HTB's; 0 is served first

/// A rate, or a share of the parent's.
struct ShapeRate {
    std::uint64_t bytes_per_s = 0; ///< 0: it is a share
    double percent = 0;
};

/// A class, as people describe it. Its number follows from its place in the list.
struct ShapeClass {
    std::string name;
    std::string parent; ///< empty: the link itself
    ShapeRate rate;     ///< what it has when all are busy
    ShapeRate ceil;     ///< what it may have when others are not
    std::uint32_t priority = 4;
    bool is_default = false; ///< takes what no rule gave a class
    std::string leaf;        ///< the qdisc wanted in it; empty: the best there is
};

/// A device, with the rates of its link in bytes a second; 0: that direction is not shaped.
struct ShapeDevice {
    std::string dev;
    std::uint64_t up = 0;   ///< what leaves through the device
    std::uint64_t down = 0; ///< what comes in
};

struct ShapeConfig {
    std::uint16_t major = kShapeMajor;
    std::vector<ShapeDevice> devices;
    std::vector<ShapeClass> classes; ///< parents before their children
};

/// Qdiscs that can be in a class, the best first.
extern const std::vector<std::string> kLeafKinds;

/// A rate in tc's words ("50mbit", "1.5Mbit", "2mbps" for bytes, "1000": bits) in bytes a second;
/// nothing where it is none, or less than a byte a second.
std::optional<std::uint64_t> parse_rate(std::string_view text);

/// "50mbit"; the largest unit that shows the rate without loss.
std::string rate_text(std::uint64_t bytes_per_s);

/// MAJ:MIN, as in skb->priority, of the class of this name.
std::optional<std::uint32_t> classid_of(const Config &config, std::string_view class_name);
std::optional<std::uint32_t> classid_of(const ShapeConfig &config, std::string_view class_name);

/// "1:10", as tc prints it.
std::string handle_text(std::uint32_t classid);

} // namespace l7
