// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/htb.hpp"

#include <cstring>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/class.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/fifo.h>
#include <netlink/route/qdisc/htb.h>
#include <netlink/route/qdisc/sfq.h>
#include <netlink/route/tc.h>

namespace l7 {

namespace {

constexpr int kSfqPerturbSeconds = 10;

std::string_view kind_of(rtnl_tc *object) {
    const char *kind = rtnl_tc_get_kind(object);
    return kind ? kind : "";
}

NetlinkQdisc make_qdisc(std::uint32_t ifindex, std::uint32_t parent, std::uint32_t handle,
                        const char *kind) {
    NetlinkQdisc out(rtnl_qdisc_alloc());
    if (!out)
        return out;
    rtnl_tc_set_ifindex(tc(out.get()), static_cast<int>(ifindex));
    rtnl_tc_set_parent(tc(out.get()), parent);
    if (handle)
        rtnl_tc_set_handle(tc(out.get()), handle);
    if (kind && rtnl_tc_set_kind(tc(out.get()), kind) < 0)
        out.reset();
    return out;
}

NetlinkClass make_class(std::uint32_t ifindex, std::uint32_t id, std::uint32_t parent) {
    NetlinkClass out(rtnl_class_alloc());
    if (!out)
        return out;
    rtnl_tc_set_ifindex(tc(out.get()), static_cast<int>(ifindex));
    rtnl_tc_set_handle(tc(out.get()), id);
    if (parent)
        rtnl_tc_set_parent(tc(out.get()), parent);
    if (rtnl_tc_set_kind(tc(out.get()), "htb") < 0)
        out.reset();
    return out;
}

Result<void> done(const std::string &what, int failure) {
    if (failure < 0)
        return netlink_error(what, failure);
    return {};
}

Result<NetlinkCache> all_qdiscs(nl_sock *socket) {
    nl_cache *raw = nullptr;
    if (const int failure = rtnl_qdisc_alloc_cache(socket, &raw); failure < 0)
        return netlink_error("listing qdiscs", failure);
    return NetlinkCache(raw);
}

template <class Each>
void for_each(nl_cache *cache, Each each) {
    for (nl_object *one = nl_cache_get_first(cache); one; one = nl_cache_get_next(one))
        each(one);
}

bool is_ours(rtnl_qdisc *root) {
    return kind_of(tc(root)) == "htb" && rtnl_htb_get_rate2quantum(root) == kShapeMark;
}

FoundClass to_found(rtnl_class *from, std::uint32_t root) {
    rtnl_tc *base = tc(from);
    FoundClass out;
    out.as.id = rtnl_tc_get_handle(base);
    out.as.parent = rtnl_tc_get_parent(base) == TC_H_ROOT ? root : rtnl_tc_get_parent(base);
    std::uint64_t rate = 0;
    if (rtnl_htb_get_rate64(from, &rate) == 0)
        out.as.rate = rate;
    if (rtnl_htb_get_ceil64(from, &rate) == 0)
        out.as.ceil = rate;
    out.as.priority = rtnl_htb_get_prio(from);
    out.quantum = rtnl_htb_get_quantum(from);
    out.use = {rtnl_tc_get_stat(base, RTNL_TC_PACKETS), rtnl_tc_get_stat(base, RTNL_TC_BYTES),
               rtnl_tc_get_stat(base, RTNL_TC_BACKLOG), rtnl_tc_get_stat(base, RTNL_TC_DROPS)};
    return out;
}

} // namespace

Result<FoundTree> read_tree(nl_sock *socket, std::uint32_t ifindex) {
    const auto qdiscs = all_qdiscs(socket);
    if (!qdiscs)
        return qdiscs.error();
    FoundTree out;
    const auto of_device = [ifindex](nl_object *object) {
        return rtnl_tc_get_ifindex(tc(object)) == static_cast<int>(ifindex);
    };
    for_each(qdiscs->get(), [&](nl_object *object) {
        // What the kernel put there by itself has no handle.
        if (!of_device(object) || rtnl_tc_get_parent(tc(object)) != TC_H_ROOT ||
            rtnl_tc_get_handle(tc(object)) == 0)
            return;
        auto *root = reinterpret_cast<rtnl_qdisc *>(object);
        out.kind = kind_of(tc(object));
        out.handle = rtnl_tc_get_handle(tc(object));
        out.owner = is_ours(root) ? RootOwner::Ours : RootOwner::Foreign;
        if (out.owner == RootOwner::Ours)
            out.default_id = out.handle | rtnl_htb_get_defcls(root);
    });
    if (out.owner != RootOwner::Ours)
        return out;

    nl_cache *raw = nullptr;
    if (const int failure = rtnl_class_alloc_cache(socket, static_cast<int>(ifindex), &raw);
        failure < 0)
        return netlink_error("listing classes", failure);
    const NetlinkCache classes(raw);
    for_each(raw, [&](nl_object *object) {
        const std::uint32_t id = rtnl_tc_get_handle(tc(object));
        if (kind_of(tc(object)) == "htb" && (id & 0xffff0000) == out.handle)
            out.classes[id] = to_found(reinterpret_cast<rtnl_class *>(object), out.handle);
    });
    for_each(qdiscs->get(), [&](nl_object *object) {
        const auto in = out.classes.find(rtnl_tc_get_parent(tc(object)));
        if (!of_device(object) || in == out.classes.end())
            return;
        in->second.as.leaf = kind_of(tc(object));
        in->second.leaf_handle = rtnl_tc_get_handle(tc(object));
        in->second.use.backlog = rtnl_tc_get_stat(tc(object), RTNL_TC_BACKLOG);
        in->second.use.drops = rtnl_tc_get_stat(tc(object), RTNL_TC_DROPS);
    });
    return out;
}

Result<std::vector<std::uint32_t>> marked_devices(nl_sock *socket) {
    const auto qdiscs = all_qdiscs(socket);
    if (!qdiscs)
        return qdiscs.error();
    std::vector<std::uint32_t> out;
    for_each(qdiscs->get(), [&](nl_object *object) {
        if (rtnl_tc_get_parent(tc(object)) == TC_H_ROOT &&
            is_ours(reinterpret_cast<rtnl_qdisc *>(object)))
            out.push_back(static_cast<std::uint32_t>(rtnl_tc_get_ifindex(tc(object))));
    });
    return out;
}

Result<void> add_root(nl_sock *socket, std::uint32_t ifindex, const Tree &tree) {
    const NetlinkQdisc root =
        make_qdisc(ifindex, TC_H_ROOT, static_cast<std::uint32_t>(tree.major) << 16, "htb");
    if (!root)
        return Error{"out of memory"};
    rtnl_htb_set_defcls(root.get(), tree.default_id & 0xffff);
    rtnl_htb_set_rate2quantum(root.get(), kShapeMark);
    const int failure = rtnl_qdisc_add(socket, root.get(), NLM_F_CREATE | NLM_F_EXCL);
    if (failure == -NLE_OBJ_NOTFOUND)
        return Error{"the kernel has no HTB", "CONFIG_NET_SCH_HTB, module sch_htb",
                     Blame::Environment};
    return done("adding the root qdisc", failure);
}

Result<void> delete_root(nl_sock *socket, std::uint32_t ifindex, std::uint32_t handle) {
    const NetlinkQdisc root = make_qdisc(ifindex, TC_H_ROOT, handle, "htb");
    if (!root)
        return Error{"out of memory"};
    return done("deleting the root qdisc", rtnl_qdisc_delete(socket, root.get()));
}

Result<void> put_class(nl_sock *socket, std::uint32_t ifindex, const TreeClass &one, bool add) {
    const NetlinkClass made = make_class(ifindex, one.id, one.parent);
    if (!made)
        return Error{"out of memory"};
    rtnl_htb_set_rate64(made.get(), one.rate);
    rtnl_htb_set_ceil64(made.get(), one.ceil);
    rtnl_htb_set_rbuffer(made.get(), burst_of(one.rate));
    rtnl_htb_set_cbuffer(made.get(), burst_of(one.ceil));
    rtnl_htb_set_quantum(made.get(), quantum_of(one));
    rtnl_htb_set_prio(made.get(), one.priority);
    return done((add ? "adding class " : "changing class ") + handle_text(one.id),
                rtnl_class_add(socket, made.get(), add ? NLM_F_CREATE | NLM_F_EXCL : 0));
}

Result<void> delete_class(nl_sock *socket, std::uint32_t ifindex, std::uint32_t id) {
    const NetlinkClass gone = make_class(ifindex, id, 0);
    if (!gone)
        return Error{"out of memory"};
    auto out = done("deleting class " + handle_text(id), rtnl_class_delete(socket, gone.get()));
    if (!out)
        out.error().hint = "a filter that is not ours may use it: tc filter show";
    return out;
}

bool describe_leaf(rtnl_qdisc *qdisc, const std::string &kind) {
    if (rtnl_tc_set_kind(tc(qdisc), kind.c_str()) < 0)
        return false;
    if (kind == "pfifo")
        rtnl_qdisc_fifo_set_limit(qdisc, static_cast<int>(kPfifoPackets));
    else if (kind == "sfq")
        rtnl_sfq_set_perturb(qdisc, kSfqPerturbSeconds);
    return true;
}

Result<void> put_leaf(nl_sock *socket, std::uint32_t ifindex, const TreeClass &one, bool replace) {
    const std::string what = one.leaf + " in class " + handle_text(one.id);
    if (replace) { // the kernel does not take another kind with the same handle
        const NetlinkQdisc old = make_qdisc(ifindex, one.id, 0, nullptr);
        if (!old)
            return Error{"out of memory"};
        if (const int failure = rtnl_qdisc_delete(socket, old.get()); failure < 0)
            return netlink_error("removing what was there before " + what, failure);
    }
    const NetlinkQdisc leaf = make_qdisc(ifindex, one.id, leaf_handle(one.id), nullptr);
    if (!leaf || !describe_leaf(leaf.get(), one.leaf))
        return Error{"out of memory"};
    return done("adding " + what, rtnl_qdisc_add(socket, leaf.get(), NLM_F_CREATE | NLM_F_EXCL));
}

} // namespace l7
