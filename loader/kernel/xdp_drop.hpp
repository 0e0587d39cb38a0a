// SPDX-License-Identifier: GPL-2.0-or-later
// The XDP program that drops what rules drop, on one device.
#pragma once

#include "core/base/result.hpp"
#include "kernel/state.hpp"
#include "net/links.hpp"

#include <memory>
#include <optional>
#include <string>

struct bpf_link;
struct xdp_bpf;

namespace l7 {

/// Owns the program and its pinned link. Dropping it leaves the program at work; detach takes it
/// off. One thread at a time.
class XdpDrop {
  public:
    /// In the driver where it can, else in the kernel's generic way, which saves less.
    static Result<XdpDrop> attach(const KernelState &state, const Link &link, unsigned slot);

    /// Takes over an earlier process's link, and puts this program in the place of its.
    static Result<XdpDrop> adopt(const KernelState &state, const Link &link, unsigned slot,
                                 l7_xdp_mode mode);

    XdpDrop(XdpDrop &&other) noexcept;
    XdpDrop &operator=(XdpDrop &&other) noexcept;
    ~XdpDrop();

    void detach();

    /// The device is gone: so is the link, but for its pin.
    void forget() const;

    /// Pins the link again where its pin was removed; the path then.
    std::optional<std::string> repair_pin() const;

    l7_xdp_mode mode() const { return mode_; }
    bool in_place() const;
    int program_fd() const;

  private:
    XdpDrop() = default;
    Result<void> load(const KernelState &state, const Link &link, unsigned slot);
    Result<void> load_once(const KernelState &state, const Link &link, unsigned slot, bool frags);

    struct Unload {
        void operator()(xdp_bpf *skeleton) const;
    };

    std::unique_ptr<xdp_bpf, Unload> skeleton_;
    bpf_link *link_ = nullptr;
    std::uint32_t ifindex_ = 0;
    l7_xdp_mode mode_ = L7_XDP_NONE;
    std::string pin_;
};

} // namespace l7
