// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/parts/devices.hpp"

#include <algorithm>

namespace l7 {

namespace {
constexpr unsigned kSlots = L7_ATTACH_MAX / 2;
}

std::vector<std::string> Devices::adopt(AttachWay way) {
    const std::lock_guard lock(mutex_);
    const auto known = state_.attachments();
    std::vector<std::string> out;

    for (unsigned slot = 0; slot < kSlots; slot++) {
        const l7_attachment &in = known[slot * 2 + L7_INGRESS];
        const l7_attachment &eg = known[slot * 2 + L7_EGRESS];
        if (in.mode == L7_ATTACH_NONE && eg.mode == L7_ATTACH_NONE)
            continue;
        const l7_attachment &any = in.mode != L7_ATTACH_NONE ? in : eg;
        const std::string name = any.dev;
        Entry entry;
        entry.request = {in.mode != L7_ATTACH_NONE, eg.mode != L7_ATTACH_NONE, any.head != 0,
                         in.xdp != L7_XDP_NONE, way};
        slots_[slot] = name;
        auto link = find_link(name);
        if (!link) {
            for (const unsigned hook : {0U, 1U})
                (void)state_.store_attachment(slot * 2 + hook, {}).error();
            out.push_back(name + ": gone since; awaited");
            entries_[name] = std::move(entry);
            continue;
        }
        auto device = Device::adopt(state_, *link, slot);
        if (device && device->report(L7_INGRESS).has_value() == entry.request.ingress &&
            device->report(L7_EGRESS).has_value() == entry.request.egress) {
            entry.up = link->up;
            entry.device.emplace(std::move(*device));
            out.push_back(name + ": adopted");
            entries_[name] = std::move(entry);
            continue;
        }
        out.push_back((device ? name + ": a hook was taken from us" : device.error().message) +
                      "; attaching anew");
        if (device)
            (void)device->detach(state_).error();
        if (auto attached = attach_locked(name, entry); !attached) {
            entry.trouble = attached.error().message;
            out.push_back(name + ": " + entry.trouble);
        }
        entries_[name] = std::move(entry);
    }
    return out;
}

Result<unsigned> Devices::free_slot(const std::string &name) const {
    for (const auto &[slot, owner] : slots_)
        if (owner == name)
            return slot;
    for (unsigned slot = 0; slot < kSlots; slot++)
        if (!slots_.contains(slot))
            return slot;
    for (unsigned slot = 0; slot < kSlots; slot++)
        if (!entries_.contains(slots_.at(slot)))
            return slot; // of a device that was detached; its accounting gives way
    return Error{"all " + std::to_string(kSlots) + " device slots are taken",
                 "detach a device that is no longer needed"};
}

Result<void> Devices::attach_locked(const std::string &name, Entry &entry) {
    auto link = find_link(name);
    if (!link)
        return link.error();
    const auto slot = free_slot(name);
    if (!slot)
        return slot.error();
    if (const auto owner = slots_.find(*slot); owner == slots_.end() || owner->second != name)
        if (auto cleared = state_.accounts().clear(*slot); !cleared)
            return cleared;
    auto device = Device::attach(state_, *link, *slot, entry.request);
    if (!device)
        return device.error();
    slots_[*slot] = name;
    entry.up = link->up;
    entry.trouble.clear();
    entry.device.emplace(std::move(*device));
    return {};
}

Result<void> Devices::attach(const std::string &name, const AttachRequest &request) {
    const std::lock_guard lock(mutex_);
    if (entries_.contains(name))
        return Error{"attaching to " + name + ": already attached",
                     "detach it first to change its hooks or position"};
    Entry entry;
    entry.request = request;
    if (auto attached = attach_locked(name, entry); !attached)
        return attached;
    entries_[name] = std::move(entry);
    return {};
}

Result<void> Devices::detach(const std::string &name) {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(name);
    if (at == entries_.end())
        return Error{"detaching from " + name + ": not attached", "`l7ctl status` lists what is"};
    Result<void> done = {};
    if (at->second.device)
        done = at->second.device->detach(state_);
    entries_.erase(at);
    return done;
}

std::string Devices::on_link(const Link &link, bool gone) {
    const std::lock_guard lock(mutex_);

    for (auto &[name, entry] : entries_) {
        if (!entry.device || entry.device->link().ifindex != link.ifindex)
            continue;
        entry.up = link.up;
        if (!gone && link.name == name)
            return {};
        if (!gone)
            return {}; // renamed: it stays ours under the name it was attached by
        entry.device->forget(state_);
        entry.device.reset();
        return "device " + name + " is gone; awaited";
    }
    const auto at = entries_.find(link.name);
    if (gone || at == entries_.end() || at->second.device)
        return {};
    if (auto attached = attach_locked(link.name, at->second); !attached) {
        at->second.trouble = attached.error().message;
        return "device " + link.name + " is back: " + at->second.trouble;
    }
    return "device " + link.name + " is back and attached";
}

std::vector<std::string> Devices::repair_pins() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    for (const auto &[name, entry] : entries_)
        if (entry.device)
            for (std::string &path : entry.device->repair_pins(state_))
                out.push_back(std::move(path));
    return out;
}

std::vector<DeviceReport> Devices::report() const {
    const std::lock_guard lock(mutex_);
    std::vector<DeviceReport> out;
    for (const auto &[name, entry] : entries_) {
        DeviceReport &report = out.emplace_back();
        report.name = name;
        report.present = entry.device.has_value();
        report.up = report.present && entry.up;
        report.trouble = entry.trouble;
        if (entry.device) {
            report.l3 = entry.device->link().l3;
            report.ingress = entry.device->report(L7_INGRESS);
            report.egress = entry.device->report(L7_EGRESS);
        }
    }
    return out;
}

std::string Devices::name_of(unsigned slot) const {
    const std::lock_guard lock(mutex_);
    const auto at = slots_.find(slot);
    return at == slots_.end() ? std::string() : at->second;
}

} // namespace l7
