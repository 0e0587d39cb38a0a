// SPDX-License-Identifier: GPL-2.0-or-later
// From what is on a device to what shall be: the changes that lead there, and no other.
#pragma once

#include "core/base/result.hpp"
#include "core/policy/shape_tree.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace l7 {

/// Whose the root qdisc of a device is.
enum class RootOwner {
    Kernel, ///< the default, or none
    Ours,
    Foreign,
};

struct ClassUse {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t backlog = 0; ///< bytes that wait
    std::uint64_t drops = 0;
};

struct FoundClass {
    TreeClass as;
    std::uint32_t quantum = 0;
    std::uint32_t leaf_handle = 0;
    ClassUse use;
};

/// The root qdisc of a device and, where it is ours, what is below.
struct FoundTree {
    RootOwner owner = RootOwner::Kernel;
    std::string kind;         ///< "htb"
    std::uint32_t handle = 0; ///< MAJ:0
    std::uint32_t default_id = 0;
    std::map<std::uint32_t, FoundClass> classes;
};

/// A device as the kernel has it.
struct FoundShape {
    FoundTree up;
    FoundTree down;           ///< on the IFB
    bool ifb = false;         ///< there is one of ours
    bool ifb_foreign = false; ///< somebody else's device has its name
    bool ifb_up = false;
    bool redirect = false;       ///< our filter hands to it
    bool redirect_stale = false; ///< our filter hands to what is no more

    bool ours() const { return up.owner == RootOwner::Ours || ifb || redirect || redirect_stale; }
};

struct WantedShape {
    std::string dev;
    std::optional<Tree> up;
    std::optional<Tree> down;
};

struct ShapeChange {
    enum class Action { Add, Change, Delete };
    enum class Part { Root, Class, Leaf, Ifb, Redirect };

    Action action;
    Part part;
    bool down = false;    ///< on the IFB, not the device
    std::uint32_t id = 0; ///< of a class
    std::string text;     ///< "add class 1:10 calls rate 2mbit ceil 50mbit prio 1"
};

/// In the order to carry them out: deletions before additions, parents before children, and the IFB
/// whole before anything is handed to it. An error where something that is not ours is in the way.
Result<std::vector<ShapeChange>> plan_shape(const WantedShape &wanted, const FoundShape &found);

} // namespace l7
