// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/xdp_drop.hpp"

#include "bpf/xdp.skel.h"
#include "kernel/error.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <unistd.h>
#include <utility>

namespace l7 {

void XdpDrop::Unload::operator()(xdp_bpf *skeleton) const {
    xdp_bpf__destroy(skeleton);
}

XdpDrop::XdpDrop(XdpDrop &&other) noexcept
    : skeleton_(std::move(other.skeleton_)), link_(std::exchange(other.link_, nullptr)),
      ifindex_(other.ifindex_), mode_(other.mode_), pin_(std::move(other.pin_)) {}

XdpDrop &XdpDrop::operator=(XdpDrop &&other) noexcept {
    std::swap(skeleton_, other.skeleton_);
    std::swap(link_, other.link_);
    std::swap(ifindex_, other.ifindex_);
    std::swap(mode_, other.mode_);
    std::swap(pin_, other.pin_);
    return *this;
}

XdpDrop::~XdpDrop() {
    if (!link_)
        return;
    bpf_link__disconnect(link_); // the pin keeps it
    bpf_link__destroy(link_);
}

Result<void> XdpDrop::load_once(const KernelState &state, const Link &link, unsigned slot,
                                bool frags) {
    skeleton_.reset(xdp_bpf__open());
    if (!skeleton_)
        return kernel_error("opening the XDP program", -errno);
    skeleton_->rodata->l7_device_slot = slot;
    skeleton_->rodata->l7_l3_device = link.l3 ? 1 : 0;
    skeleton_->rodata->l7_frags = frags ? 1 : 0;
    if (frags)
        bpf_program__set_flags(skeleton_->progs.l7_xdp, BPF_F_XDP_HAS_FRAGS);
    if (auto shared = state.share_maps(skeleton_->obj); !shared)
        return shared;
    if (const int failure = xdp_bpf__load(skeleton_.get()); failure)
        return kernel_error("loading the XDP program for " + link.name, failure);
    ifindex_ = link.ifindex;
    pin_ = state.pin_path_of(link.name, "xdp");
    return {};
}

/// Packets of several buffers, which jumbo frames need, came with 5.18.
Result<void> XdpDrop::load(const KernelState &state, const Link &link, unsigned slot) {
    if (load_once(state, link, slot, true))
        return {};
    return load_once(state, link, slot, false);
}

Result<XdpDrop> XdpDrop::attach(const KernelState &state, const Link &link, unsigned slot) {
    XdpDrop out;
    if (auto loaded = out.load(state, link, slot); !loaded)
        return loaded.error();
    int fd = -1;
    for (const auto &[flags, mode] : {std::pair{XDP_FLAGS_DRV_MODE, L7_XDP_NATIVE},
                                      std::pair{XDP_FLAGS_SKB_MODE, L7_XDP_GENERIC}}) {
        LIBBPF_OPTS(bpf_link_create_opts, options, .flags = static_cast<__u32>(flags));
        out.mode_ = mode;
        fd = bpf_link_create(out.program_fd(), static_cast<int>(link.ifindex), BPF_XDP, &options);
        if (fd >= 0 || fd == -EBUSY || fd == -EEXIST)
            break;
    }
    if (fd < 0) {
        Error error = kernel_error("putting the XDP program on " + link.name, fd);
        if (fd == -EBUSY || fd == -EEXIST)
            error.hint = "another XDP program is there, which l7ctl leaves alone; attach without "
                         "xdp: what is dropped is dropped at tc then";
        return error;
    }
    unlink(out.pin_.c_str()); // left by a device of this name that is gone
    const int failure = bpf_obj_pin(fd, out.pin_.c_str());
    close(fd);
    if (failure)
        return kernel_error("pinning " + out.pin_, failure);
    out.link_ = bpf_link__open(out.pin_.c_str());
    if (!out.link_)
        return kernel_error("opening " + out.pin_, -errno);
    return out;
}

Result<XdpDrop> XdpDrop::adopt(const KernelState &state, const Link &link, unsigned slot,
                               l7_xdp_mode mode) {
    XdpDrop out;
    if (auto loaded = out.load(state, link, slot); !loaded)
        return loaded.error();
    out.mode_ = mode;
    out.link_ = bpf_link__open(out.pin_.c_str());
    if (!out.link_)
        return kernel_error("opening " + out.pin_, -errno);
    if (const int failure = bpf_link__update_program(out.link_, out.skeleton_->progs.l7_xdp);
        failure)
        return kernel_error("replacing the program at " + out.pin_, failure);
    return out;
}

void XdpDrop::detach() {
    unlink(pin_.c_str());
    if (!link_)
        return;
    bpf_link__detach(link_); // at once, even where somebody else holds the link
    bpf_link__destroy(std::exchange(link_, nullptr));
}

void XdpDrop::forget() const {
    unlink(pin_.c_str());
}

std::optional<std::string> XdpDrop::repair_pin() const {
    if (!link_ || access(pin_.c_str(), F_OK) == 0 ||
        bpf_obj_pin(bpf_link__fd(link_), pin_.c_str()) != 0)
        return std::nullopt;
    return pin_;
}

bool XdpDrop::in_place() const {
    bpf_link_info info{};
    std::uint32_t size = sizeof(info);
    return link_ && bpf_link_get_info_by_fd(bpf_link__fd(link_), &info, &size) == 0 &&
           info.xdp.ifindex == ifindex_;
}

int XdpDrop::program_fd() const {
    return bpf_program__fd(skeleton_->progs.l7_xdp);
}

} // namespace l7
