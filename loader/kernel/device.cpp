// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/device.hpp"

#include "bpf/datapath.skel.h"
#include "kernel/error.hpp"
#include "net/tc_filters.hpp"

#include <algorithm>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <utility>

namespace l7 {

namespace {

// Ours among clsact filters. Priorities are chosen so that ours is first or last; 1 is left to
// others.
constexpr std::uint32_t kHandle = 0x6c37;
constexpr std::uint16_t kMiddlePriority = 0x6000;
constexpr std::uint16_t kLowestPriority = 2;

bpf_tc_attach_point attach_point(l7_hook hook) {
    return hook == L7_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

const char *hook_name(l7_hook hook) {
    return hook == L7_INGRESS ? "ingress" : "egress";
}

constexpr l7_hook kHooks[] = {L7_INGRESS, L7_EGRESS};

bool lacks_tcx(int negative_errno) {
    return negative_errno == -EINVAL || negative_errno == -EOPNOTSUPP || negative_errno == -ENOTSUP;
}

} // namespace

void Device::Unload::operator()(datapath_bpf *skeleton) const {
    datapath_bpf__destroy(skeleton);
}

Device::Device(Device &&other) noexcept
    : link_(std::move(other.link_)), slot_(other.slot_), skeleton_(std::move(other.skeleton_)),
      hooks_(std::exchange(other.hooks_, {})), xdp_(std::move(other.xdp_)) {}

Device &Device::operator=(Device &&other) noexcept {
    std::swap(link_, other.link_);
    std::swap(slot_, other.slot_);
    std::swap(skeleton_, other.skeleton_);
    std::swap(hooks_, other.hooks_);
    std::swap(xdp_, other.xdp_);
    return *this;
}

Device::~Device() {
    for (Hook &hook : hooks_)
        if (hook.link) {
            bpf_link__disconnect(hook.link); // the pin keeps it
            bpf_link__destroy(hook.link);
        }
}

Result<void> Device::load(const KernelState &state) {
    auto loaded = load(state, state.looks_up_scales());
    if (!loaded && state.looks_up_scales()) { // a kernel whose functions are not the known ones
        state.look_up_no_scales();
        loaded = load(state, false);
    }
    return loaded;
}

Result<void> Device::load(const KernelState &state, bool conntrack) {
    skeleton_.reset(datapath_bpf__open());
    if (!skeleton_)
        return kernel_error("opening the packet programs", -errno);
    skeleton_->rodata->l7_device_slot = slot_;
    skeleton_->rodata->l7_l3_device = link_.l3 ? 1 : 0;
    skeleton_->rodata->l7_has_conntrack = conntrack ? 1 : 0;
    if (auto shared = state.share_maps(skeleton_->obj); !shared)
        return shared;
    if (const int failure = datapath_bpf__load(skeleton_.get()); failure)
        return kernel_error("loading the packet programs for " + link_.name, failure);
    return {};
}

Result<Device> Device::attach(const KernelState &state, const Link &link, unsigned slot,
                              const AttachRequest &request) {
    Device device(link, slot);

    if (auto loaded = device.load(state); !loaded)
        return loaded.error();
    for (const l7_hook hook : kHooks) {
        if (!(hook == L7_INGRESS ? request.ingress : request.egress))
            continue;
        if (auto attached = device.attach_hook(state, hook, request); !attached) {
            (void)device.detach(state).error(); // what was put on already; the first error counts
            return std::move(attached.error())
                .within("attaching to " + link.name + " " + hook_name(hook));
        }
    }
    if (request.xdp)
        if (auto attached = device.attach_xdp(state); !attached) {
            (void)device.detach(state).error();
            return attached.error();
        }
    return device;
}

Result<void> Device::attach_xdp(const KernelState &state) {
    l7_attachment &note = hooks_[L7_INGRESS].attachment;
    auto xdp = XdpDrop::attach(state, link_, slot_);
    if (!xdp)
        return xdp.error();
    xdp_.emplace(std::move(*xdp));
    note.xdp = static_cast<std::uint8_t>(xdp_->mode());
    return state.store_attachment(slot_ * 2 + L7_INGRESS, note);
}

Result<void> Device::attach_hook(const KernelState &state, l7_hook hook,
                                 const AttachRequest &request) {
    Result<void> done = {};
    if (request.way != AttachWay::Clsact) {
        done = attach_tcx(state, hook, request.head);
        if (!done && request.way == AttachWay::Auto &&
            hooks_[hook].attachment.mode == L7_ATTACH_NONE && lacks_tcx(-errno))
            done = attach_clsact(state, hook, request.head);
    } else {
        done = attach_clsact(state, hook, request.head);
    }
    if (!done)
        return done;
    l7_attachment &note = hooks_[hook].attachment;
    note.ifindex = link_.ifindex;
    note.hook = static_cast<std::uint8_t>(hook);
    note.head = request.head ? 1 : 0;
    note.l3_device = link_.l3 ? 1 : 0;
    std::memcpy(note.dev, link_.name.data(), std::min(link_.name.size(), sizeof(note.dev) - 1));
    return state.store_attachment(slot_ * 2 + hook, note);
}

Result<void> Device::attach_tcx(const KernelState &state, l7_hook hook, bool head) {
    bpf_program *program =
        hook == L7_INGRESS ? skeleton_->progs.l7_ingress : skeleton_->progs.l7_egress;
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = head ? BPF_F_BEFORE : 0U);

    const int fd = bpf_link_create(bpf_program__fd(program), static_cast<int>(link_.ifindex),
                                   hook == L7_INGRESS ? BPF_TCX_INGRESS : BPF_TCX_EGRESS, &options);
    if (fd < 0) {
        Error error = kernel_error("TCX", fd);
        errno = -fd;
        return error;
    }
    const std::string path = pin_path(state, hook);
    unlink(path.c_str()); // left by a device of this name that is gone
    const int failure = bpf_obj_pin(fd, path.c_str());
    close(fd);
    if (failure)
        return kernel_error("pinning " + path, failure);
    hooks_[hook].link = bpf_link__open(path.c_str());
    if (!hooks_[hook].link)
        return kernel_error("opening " + path, -errno);
    hooks_[hook].attachment.mode = L7_ATTACH_TCX;
    return {};
}

Result<void> Device::attach_clsact(const KernelState &, l7_hook hook, bool head) {
    LIBBPF_OPTS(bpf_tc_hook, place, .ifindex = static_cast<int>(link_.ifindex),
                .attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS));
    l7_attachment &note = hooks_[hook].attachment;

    const auto present = has_clsact(link_.ifindex);
    if (!present)
        return present.error();
    if (!*present) {
        if (const int failure = bpf_tc_hook_create(&place); failure)
            return kernel_error("adding a clsact qdisc", failure);
        note.created_clsact = 1;
    } else if (hooks_[hook ^ 1].attachment.created_clsact) {
        note.created_clsact = 1; // by us, for the other hook
    }
    auto others = filter_priorities(link_.ifindex, hook == L7_EGRESS);
    if (!others)
        return others.error();
    std::erase(*others, kRedirectPriority); // it stays the last
    std::uint32_t priority = kMiddlePriority;
    if (!others->empty())
        priority =
            head ? others->front() - 1U : std::max<std::uint32_t>(others->back() + 1U, priority);
    if (priority < kLowestPriority || priority > 0xffff)
        return Error{std::string("there is no filter priority left ") +
                         (head ? "before" : "after") + " the filters on this hook",
                     std::string("attach at the ") + (head ? "tail" : "head")};
    place.attach_point = attach_point(hook);
    LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program_fd(hook), .handle = kHandle,
                .priority = priority);
    if (const int failure = bpf_tc_attach(&place, &options); failure)
        return kernel_error("adding a clsact filter", failure);
    note.mode = L7_ATTACH_CLSACT;
    note.tc_prio = static_cast<std::uint16_t>(priority);
    note.tc_handle = kHandle;
    return {};
}

Result<Device> Device::adopt(const KernelState &state, const Link &link, unsigned slot) {
    Device device(link, slot);
    const auto known = state.attachments();
    unsigned adopted = 0;
    std::string trouble;

    if (auto loaded = device.load(state); !loaded)
        return loaded.error();
    for (const l7_hook hook : kHooks) {
        const l7_attachment &was = known[slot * 2 + hook];
        if (was.mode == L7_ATTACH_NONE)
            continue;
        auto took = was.ifindex == link.ifindex
                        ? device.adopt_hook(state, hook, was)
                        : Result<void>(Error{"the device is another one by the same name"});
        if (took)
            adopted++;
        else
            trouble = took.error().message;
        if (took && hook == L7_INGRESS && was.xdp != L7_XDP_NONE) {
            auto xdp = XdpDrop::adopt(state, link, slot, static_cast<l7_xdp_mode>(was.xdp));
            if (!xdp)
                return xdp.error();
            device.xdp_.emplace(std::move(*xdp));
        }
    }
    if (adopted == 0)
        return Error{"adopting " + link.name + ": " + (trouble.empty() ? "not attached" : trouble)};
    return device;
}

Result<void> Device::adopt_hook(const KernelState &state, l7_hook hook, const l7_attachment &was) {
    if (was.mode == L7_ATTACH_TCX) {
        const std::string path = pin_path(state, hook);
        bpf_link *link = bpf_link__open(path.c_str());
        if (!link)
            return kernel_error("opening " + path, -errno);
        hooks_[hook].link = link;
        const bpf_program *program =
            hook == L7_INGRESS ? skeleton_->progs.l7_ingress : skeleton_->progs.l7_egress;
        if (const int failure = bpf_link__update_program(link, const_cast<bpf_program *>(program));
            failure)
            return kernel_error("replacing the program at " + path, failure);
    } else {
        LIBBPF_OPTS(bpf_tc_hook, place, .ifindex = static_cast<int>(link_.ifindex),
                    .attach_point = attach_point(hook));
        LIBBPF_OPTS(bpf_tc_opts, query, .handle = was.tc_handle, .priority = was.tc_prio);
        if (const int failure = bpf_tc_query(&place, &query); failure)
            return kernel_error("looking for our clsact filter", failure);
        LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program_fd(hook), .flags = BPF_TC_F_REPLACE,
                    .handle = was.tc_handle, .priority = was.tc_prio);
        if (const int failure = bpf_tc_attach(&place, &options); failure)
            return kernel_error("replacing our clsact filter", failure);
    }
    hooks_[hook].attachment = was;
    return {};
}

Result<void> Device::detach(const KernelState &state) {
    Result<void> first = {};
    if (xdp_)
        xdp_->detach();
    xdp_.reset();
    for (const l7_hook hook : kHooks)
        if (auto done = detach_hook(state, hook); !done && first)
            first = std::move(done.error())
                        .within("detaching from " + link_.name + " " + hook_name(hook));
    return first;
}

Result<void> Device::detach_hook(const KernelState &state, l7_hook hook) {
    Hook &here = hooks_[hook];
    const l7_attachment was = std::exchange(here.attachment, {});

    if (was.mode == L7_ATTACH_NONE)
        return {};
    Result<void> done = state.store_attachment(slot_ * 2 + hook, {});
    if (was.mode == L7_ATTACH_TCX) {
        unlink(pin_path(state, hook).c_str());
        if (here.link) {
            bpf_link__detach(here.link); // at once, even where somebody else holds the link
            bpf_link__destroy(std::exchange(here.link, nullptr));
        }
        return done;
    }
    LIBBPF_OPTS(bpf_tc_hook, place, .ifindex = static_cast<int>(link_.ifindex),
                .attach_point = attach_point(hook));
    LIBBPF_OPTS(bpf_tc_opts, options, .handle = was.tc_handle, .priority = was.tc_prio);
    if (const int failure = bpf_tc_detach(&place, &options); failure && failure != -ENOENT)
        done = kernel_error("removing our clsact filter", failure);
    // The qdisc goes with the last of our filters, if it was ours and nobody else uses it by now.
    if (!was.created_clsact || hooks_[hook ^ 1].attachment.mode == L7_ATTACH_CLSACT)
        return done;
    const auto ingress = filter_priorities(link_.ifindex, false);
    const auto egress = filter_priorities(link_.ifindex, true);
    if (ingress && egress && ingress->empty() && egress->empty()) {
        place.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
        if (const int failure = bpf_tc_hook_destroy(&place); failure && failure != -ENOENT)
            return kernel_error("removing the clsact qdisc", failure);
    }
    return done;
}

void Device::forget(const KernelState &state) {
    if (xdp_)
        xdp_->forget();
    xdp_.reset();
    for (const l7_hook hook : kHooks) {
        if (hooks_[hook].attachment.mode == L7_ATTACH_NONE)
            continue;
        unlink(pin_path(state, hook).c_str());
        (void)state.store_attachment(slot_ * 2 + hook, {}).error();
        hooks_[hook].attachment = {};
    }
}

std::vector<std::string> Device::repair_pins(const KernelState &state) const {
    std::vector<std::string> repaired;
    for (const l7_hook hook : kHooks) {
        const std::string path = pin_path(state, hook);
        if (hooks_[hook].link && access(path.c_str(), F_OK) != 0 &&
            bpf_obj_pin(bpf_link__fd(hooks_[hook].link), path.c_str()) == 0)
            repaired.push_back(path);
    }
    if (const auto path = xdp_ ? xdp_->repair_pin() : std::nullopt)
        repaired.push_back(*path);
    return repaired;
}

std::optional<HookReport> Device::report(l7_hook hook) const {
    const l7_attachment &note = hooks_[hook].attachment;
    if (note.mode == L7_ATTACH_NONE)
        return std::nullopt;
    HookReport out{note.mode == L7_ATTACH_TCX ? "tcx" : "clsact", note.head ? "head" : "tail"};
    if (note.mode == L7_ATTACH_TCX) {
        bpf_link_info info{};
        std::uint32_t size = sizeof(info);
        out.in_place =
            hooks_[hook].link &&
            bpf_link_get_info_by_fd(bpf_link__fd(hooks_[hook].link), &info, &size) == 0 &&
            info.tcx.ifindex == link_.ifindex;
    } else {
        LIBBPF_OPTS(bpf_tc_hook, place, .ifindex = static_cast<int>(link_.ifindex),
                    .attach_point = attach_point(hook));
        LIBBPF_OPTS(bpf_tc_opts, query, .handle = note.tc_handle, .priority = note.tc_prio);
        out.in_place = bpf_tc_query(&place, &query) == 0;
    }
    if (hook == L7_INGRESS && xdp_) {
        out.xdp = xdp_->mode() == L7_XDP_NONE     ? ""
                  : xdp_->mode() == L7_XDP_NATIVE ? "native"
                                                  : "generic";
        out.in_place = out.in_place && xdp_->in_place();
    }
    return out;
}

int Device::program_fd(l7_hook hook) const {
    return bpf_program__fd(hook == L7_INGRESS ? skeleton_->progs.l7_ingress
                                              : skeleton_->progs.l7_egress);
}

std::string Device::pin_path(const KernelState &state, l7_hook hook) const {
    return state.pin_path_of(link_.name, hook_name(hook));
}

} // namespace l7
