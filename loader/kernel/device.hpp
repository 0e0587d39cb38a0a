// SPDX-License-Identifier: GPL-2.0-or-later
// Our programs on one device.
#pragma once

#include "core/base/result.hpp"
#include "core/report/reports.hpp"
#include "kernel/state.hpp"
#include "kernel/xdp_drop.hpp"
#include "net/links.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>

struct bpf_link;
struct datapath_bpf;

namespace l7 {

struct AttachRequest {
    bool ingress = true;
    bool egress = true;
    bool head = false; ///< first on the hook instead of last
    bool xdp = false;  ///< what is dropped at ingress is so in XDP, as far as it can be
    AttachWay way = AttachWay::Auto;
};

/// Owns the programs loaded for a device and the links that hold them there. Dropping it leaves the
/// programs at work: the links are pinned. detach takes them off. One thread at a time.
class Device {
  public:
    /// Loads the programs for `link`, with accounting in `slot`, and puts them on the hooks asked
    /// for.
    static Result<Device> attach(const KernelState &state, const Link &link, unsigned slot,
                                 const AttachRequest &request);

    /// Takes over what an earlier process attached: its links stay, the programs are replaced by
    /// ours in one step. An error where the device is not the one it was, or nothing of us is on it
    /// any more.
    static Result<Device> adopt(const KernelState &state, const Link &link, unsigned slot);

    Device(Device &&) noexcept;
    Device &operator=(Device &&) noexcept;
    ~Device();

    /// Takes the programs off and leaves the device as it was found.
    Result<void> detach(const KernelState &state);

    /// The device is gone: removes what is left of us on it.
    void forget(const KernelState &state);

    /// Pins links again whose pin was removed; returns the paths.
    std::vector<std::string> repair_pins(const KernelState &state) const;

    const Link &link() const { return link_; }
    unsigned slot() const { return slot_; }
    /// None: we are not on it.
    std::optional<HookReport> report(l7_hook hook) const;

    /// The program of a hook, for tests and for BPF_PROG_TEST_RUN.
    int program_fd(l7_hook hook) const;

  private:
    Device(Link link, unsigned slot) : link_(std::move(link)), slot_(slot) {}

    Result<void> load(const KernelState &state);
    Result<void> load(const KernelState &state, bool conntrack);
    Result<void> attach_hook(const KernelState &state, l7_hook hook, const AttachRequest &request);
    Result<void> attach_xdp(const KernelState &state);
    Result<void> attach_tcx(const KernelState &state, l7_hook hook, bool head);
    Result<void> attach_clsact(const KernelState &state, l7_hook hook, bool head);
    Result<void> adopt_hook(const KernelState &state, l7_hook hook, const l7_attachment &was);
    Result<void> detach_hook(const KernelState &state, l7_hook hook);
    std::string pin_path(const KernelState &state, l7_hook hook) const;

    struct Unload {
        void operator()(datapath_bpf *skeleton) const;
    };
    struct Hook {
        l7_attachment attachment{};
        bpf_link *link = nullptr;
    };

    Link link_;
    unsigned slot_;
    std::unique_ptr<datapath_bpf, Unload> skeleton_;
    std::array<Hook, 2> hooks_;
    std::optional<XdpDrop> xdp_;
};

} // namespace l7
