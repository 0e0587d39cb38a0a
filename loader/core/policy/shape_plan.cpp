// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/shape_plan.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <ranges>
#include <set>

namespace l7 {

namespace {

using Action = ShapeChange::Action;
using Part = ShapeChange::Part;
using Changes = std::vector<ShapeChange>;

const char *action_word(Action action) {
    switch (action) {
    case Action::Add:
        return "add";
    case Action::Change:
        return "change";
    default:
        return "delete";
    }
}

/// Plans one tree: that of the device, or that of its IFB.
class TreePlan {
  public:
    TreePlan(const std::string &dev, const FoundTree &found, bool down, Changes &out)
        : dev_(dev), found_(found), down_(down), out_(out) {}

    Result<void> run(const std::optional<Tree> &wanted) {
        if (wanted && found_.owner == RootOwner::Foreign)
            return Error{
                fmt::format("{} has a root qdisc that l7ctl did not make: {} {:x}:", dev_,
                            found_.kind, found_.handle >> 16),
                fmt::format("keep it and let rules name its classes (classid = \"{:x}:10\"), "
                            "or remove it: tc qdisc del dev {} root",
                            found_.handle >> 16, dev_)};
        bool there = found_.owner == RootOwner::Ours;
        // HTB cannot change its handle and default class.
        if (there && (!wanted || found_.handle != static_cast<std::uint32_t>(wanted->major) << 16 ||
                      found_.default_id != wanted->default_id)) {
            push(Action::Delete, Part::Root, found_.handle, "root htb");
            there = false;
        }
        if (!wanted)
            return {};
        if (!there)
            push(Action::Add, Part::Root, static_cast<std::uint32_t>(wanted->major) << 16,
                 fmt::format("root htb default {}", handle_text(wanted->default_id)));
        classes(*wanted, there);
        return {};
    }

  private:
    void push(Action action, Part part, std::uint32_t id, const std::string &text) {
        out_.push_back(
            {action, part, down_, id, fmt::format("{}: {} {}", dev_, action_word(action), text)});
    }

    unsigned depth(std::uint32_t id) const {
        unsigned out = 0;
        for (auto at = found_.classes.find(id);
             at != found_.classes.end() && out < kShapeDepthMax + 2;
             at = found_.classes.find(at->second.as.parent))
            out++;
        return out;
    }

    /// Classes that go: not wanted, wanted elsewhere, or below one that goes. The deepest first.
    std::vector<std::uint32_t> doomed(const Tree &wanted) const {
        std::set<std::uint32_t> gone;
        std::vector<std::uint32_t> by_depth;
        for (const auto &[id, one] : found_.classes)
            by_depth.push_back(id);
        std::ranges::stable_sort(by_depth, {}, [this](std::uint32_t id) { return depth(id); });
        for (const std::uint32_t id : by_depth) {
            const std::uint32_t parent = found_.classes.at(id).as.parent;
            const TreeClass *keep = wanted.find(id);
            if (!keep || keep->parent != parent || gone.contains(parent))
                gone.insert(id);
        }
        std::vector<std::uint32_t> out;
        for (auto id = by_depth.rbegin(); id != by_depth.rend(); ++id) // deepest first
            if (gone.contains(*id))
                out.push_back(*id);
        return out;
    }

    static bool differs(const TreeClass &wanted, const FoundClass &found) {
        if (wanted.rate != found.as.rate || wanted.ceil != found.as.ceil)
            return true;
        // Inner classes have neither in the kernel.
        return !wanted.leaf.empty() &&
               (wanted.priority != found.as.priority || quantum_of(wanted) != found.quantum);
    }

    void classes(const Tree &wanted, bool there) {
        std::set<std::uint32_t> kept;
        if (there) {
            for (const auto &[id, one] : found_.classes)
                kept.insert(id);
            for (const std::uint32_t id : doomed(wanted)) {
                push(Action::Delete, Part::Class, id, "class " + handle_text(id));
                kept.erase(id);
            }
        }
        for (const TreeClass &one : wanted.classes) {
            const FoundClass *was = kept.contains(one.id) ? &found_.classes.at(one.id) : nullptr;
            const std::string text =
                fmt::format("class {}{}{} {}", handle_text(one.id), one.name.empty() ? "" : " ",
                            one.name, class_text(one));
            if (!was)
                push(Action::Add, Part::Class, one.id, text);
            else if (differs(one, *was))
                push(Action::Change, Part::Class, one.id, text);
        }
        for (const TreeClass &one : wanted.classes) {
            if (one.leaf.empty())
                continue;
            const FoundClass *was = kept.contains(one.id) ? &found_.classes.at(one.id) : nullptr;
            const std::string text = fmt::format("{} in class {}", one.leaf, handle_text(one.id));
            if (!was || was->as.leaf.empty())
                push(Action::Add, Part::Leaf, one.id, text);
            else if (was->as.leaf != one.leaf || was->leaf_handle != leaf_handle(one.id))
                push(Action::Change, Part::Leaf, one.id, text);
        }
    }

    const std::string &dev_;
    const FoundTree &found_;
    bool down_;
    Changes &out_;
};

void push(Changes &out, Action action, Part part, const std::string &text) {
    out.push_back({action, part, true, 0, text});
}

} // namespace

Result<std::vector<ShapeChange>> plan_shape(const WantedShape &wanted, const FoundShape &found) {
    Changes out;
    const std::string ifb = ifb_name(wanted.dev);
    const std::string redirect = fmt::format("redirect of what comes in to {}", ifb);
    const bool down = wanted.down.has_value();

    if (down && found.ifb_foreign)
        return Error{
            fmt::format("there is a device {} that l7ctl did not make for {}", ifb, wanted.dev),
            "rename it, or shape the other direction only"};
    if (found.redirect_stale || (found.redirect && !down))
        push(out, Action::Delete, Part::Redirect,
             fmt::format("{}: delete {}", wanted.dev, redirect));
    if (auto done = TreePlan(wanted.dev, found.up, false, out).run(wanted.up); !done)
        return done.error();
    if (!down) {
        if (found.ifb) // its tree goes with it
            push(out, Action::Delete, Part::Ifb, fmt::format("{}: delete the device", ifb));
        return out;
    }
    if (!found.ifb)
        push(out, Action::Add, Part::Ifb, fmt::format("{}: add the device", ifb));
    else if (!found.ifb_up)
        push(out, Action::Change, Part::Ifb, fmt::format("{}: set the device up", ifb));
    if (auto done = TreePlan(ifb, found.down, true, out).run(wanted.down); !done)
        return done.error();
    if (!found.redirect)
        push(out, Action::Add, Part::Redirect, fmt::format("{}: add {}", wanted.dev, redirect));
    return out;
}

} // namespace l7
