// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/shaper.hpp"

#include "net/htb.hpp"
#include "net/ifb.hpp"
#include "net/links.hpp"
#include "net/redirect.hpp"

#include <algorithm>
#include <net/if.h>
#include <ranges>
#include <set>

namespace l7 {

using Action = ShapeChange::Action;
using Part = ShapeChange::Part;

Result<Shaper> Shaper::open() {
    auto socket = open_rtnetlink();
    if (!socket)
        return socket.error();
    return Shaper(std::move(*socket));
}

Result<FoundShape> Shaper::look(const std::string &dev) const {
    FoundShape out;
    const auto ifb = find_ifb(socket_.get(), dev);
    if (!ifb)
        return ifb.error();
    out.ifb = ifb->ours;
    out.ifb_foreign = ifb->ifindex != 0 && !ifb->ours;
    out.ifb_up = ifb->up;
    if (out.ifb) {
        auto tree = read_tree(socket_.get(), ifb->ifindex);
        if (!tree)
            return tree.error();
        out.down = std::move(*tree);
    }
    const auto link = find_link(dev);
    if (!link) {
        if (out.ifb)
            return out;
        return link.error();
    }
    auto tree = read_tree(socket_.get(), link->ifindex);
    if (!tree)
        return tree.error();
    out.up = std::move(*tree);
    const auto redirect = find_redirect(socket_.get(), link->ifindex);
    if (!redirect)
        return redirect.error();
    out.redirect = redirect->there && out.ifb && redirect->target == ifb->ifindex;
    out.redirect_stale = redirect->there && !out.redirect;
    return out;
}

Result<std::vector<std::string>> Shaper::shaped() const {
    const auto behind_ifb = devices_with_ifb(socket_.get());
    if (!behind_ifb)
        return behind_ifb.error();
    const auto marked = marked_devices(socket_.get());
    if (!marked)
        return marked.error();
    std::set<std::string> out(behind_ifb->begin(), behind_ifb->end());
    std::set<std::string> ifbs;
    for (const std::string &dev : *behind_ifb)
        ifbs.insert(ifb_name(dev));
    for (const std::uint32_t ifindex : *marked) {
        char name[IF_NAMESIZE] = {};
        if (if_indextoname(ifindex, name) && !ifbs.contains(name))
            out.insert(name);
    }
    return std::vector<std::string>(out.begin(), out.end());
}

Result<void> Shaper::apply(const WantedShape &wanted, const std::vector<ShapeChange> &changes,
                           const std::function<void(const ShapeChange &)> &tell) const {
    std::vector<ShapeChange> made;
    for (const ShapeChange &change : changes) {
        auto done = carry_out(wanted, change);
        if (done) {
            made.push_back(change);
            tell(change);
            continue;
        }
        for (auto last = made.rbegin(); last != made.rend(); ++last) {
            ShapeChange undo = *last;
            if (undo.action != Action::Add || undo.part == Part::Class || undo.part == Part::Leaf)
                continue;
            undo.action = Action::Delete;
            (void)carry_out(wanted, undo).error(); // the first error counts
        }
        return std::move(done.error()).within(change.text);
    }
    return {};
}

Result<void> Shaper::carry_out(const WantedShape &wanted, const ShapeChange &change) const {
    if (change.part == Part::Ifb)
        return carry_out_ifb(wanted.dev, change.action);
    if (change.part == Part::Redirect)
        return carry_out_redirect(wanted.dev, change.action);

    const auto link = find_link(change.down ? ifb_name(wanted.dev) : wanted.dev);
    if (!link)
        return link.error();
    const std::optional<Tree> &tree = change.down ? wanted.down : wanted.up;
    if (change.action == Action::Delete)
        return change.part == Part::Root ? delete_root(socket_.get(), link->ifindex, change.id)
                                         : delete_class(socket_.get(), link->ifindex, change.id);
    if (change.part == Part::Root)
        return add_root(socket_.get(), link->ifindex, *tree);
    const TreeClass &one = *tree->find(change.id);
    return change.part == Part::Class
               ? put_class(socket_.get(), link->ifindex, one, change.action == Action::Add)
               : put_leaf(socket_.get(), link->ifindex, one, change.action == Action::Change);
}

Result<void> Shaper::carry_out_ifb(const std::string &dev, Action action) const {
    switch (action) {
    case Action::Add:
        return add_ifb(socket_.get(), dev);
    case Action::Change:
        return set_ifb_up(socket_.get(), dev);
    default:
        return delete_ifb(socket_.get(), dev);
    }
}

Result<void> Shaper::carry_out_redirect(const std::string &dev, Action action) const {
    const auto link = find_link(dev);
    if (!link)
        return link.error();
    if (action == Action::Delete)
        return delete_redirect(socket_.get(), link->ifindex);
    const auto ifb = find_ifb(socket_.get(), dev);
    if (!ifb)
        return ifb.error();
    return add_redirect(socket_.get(), link->ifindex, ifb->ifindex);
}

} // namespace l7
