// SPDX-License-Identifier: GPL-2.0-or-later
// HTB trees: root qdisc, classes, the qdiscs in them.
#pragma once

#include "core/policy/shape_plan.hpp"
#include "net/netlink.hpp"

#include <cstdint>
#include <string>
#include <vector>

struct rtnl_qdisc;

namespace l7 {

/// The root qdisc of a device, and the classes below where it is ours.
Result<FoundTree> read_tree(nl_sock *socket, std::uint32_t ifindex);

/// Devices whose root qdisc is an HTB of ours.
Result<std::vector<std::uint32_t>> marked_devices(nl_sock *socket);

Result<void> add_root(nl_sock *socket, std::uint32_t ifindex, const Tree &tree);
Result<void> delete_root(nl_sock *socket, std::uint32_t ifindex, std::uint32_t handle);

/// Makes the class, or changes the one that is there.
Result<void> put_class(nl_sock *socket, std::uint32_t ifindex, const TreeClass &one, bool add);
Result<void> delete_class(nl_sock *socket, std::uint32_t ifindex, std::uint32_t id);

/// Gives a qdisc its kind and what we want of it. False where memory is short.
bool describe_leaf(rtnl_qdisc *qdisc, const std::string &kind);

/// Puts a qdisc into a class; instead of the one that l7ctl or somebody put there, if `replace`.
Result<void> put_leaf(nl_sock *socket, std::uint32_t ifindex, const TreeClass &one, bool replace);

} // namespace l7
