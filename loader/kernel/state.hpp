// SPDX-License-Identifier: GPL-2.0-or-later
// Everything of ours in the kernel that is not a device: the pinned maps, the rings, and the
// programs that judge flows.
//
// Threads: maps may be used from any; a Batch and a Ring belong to one worker.
#pragma once

#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/names/protocols.hpp"
#include "core/policy/config.hpp"
#include "kernel/accounts.hpp"
#include "kernel/flow_tables.hpp"
#include "kernel/ring.hpp"
#include "kernel/rule_maps.hpp"

#include <l7ctl/abi.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

struct control_bpf;
struct bpf_object;
struct bpf_map;

namespace l7 {

/// One worker's way to the kernel: its ring, its verdicts, and whether it is awake.
struct WorkerPort {
    Ring ring;
    l7_batch *batch;
    l7_worker *flag;
    unsigned index;
};

class KernelState {
  public:
    /// Opens the state below `directory`, adopting what is pinned there. What cannot be adopted
    /// (another ABI, other sizes of keys or values) is an error that says so. `adopted` tells
    /// whether anything was.
    static Result<std::unique_ptr<KernelState>> open(const std::string &directory,
                                                     const Config &config, bool &adopted);
    ~KernelState();
    KernelState(const KernelState &) = delete;
    KernelState &operator=(const KernelState &) = delete;

    const std::string &directory() const { return directory_; }
    unsigned shards() const { return shards_; }

    /// Limits, mask and timeouts of the configuration; takes effect with the next packet.
    Result<void> configure(const Config &config);

    FlowTables &flows() { return flows_; }
    const FlowTables &flows() const { return flows_; }
    RuleMaps &rules() { return rules_; }
    const RuleMaps &rules() const { return rules_; }
    void set_bypass(bool on);
    const l7_settings &settings() const { return *settings_; }

    /// Takes pinned names of `map` ("protocols", "applications") into `names`; writes new ones
    /// back.
    Result<void> restore_names(const char *map, NameNumbers &names) const;
    Result<void> store_names(const char *map, const NameNumbers &names) const;

    /// Makes new flows to the server be presumed to be something for so long, or nothing (0 s).
    void presume(const l7_endpoint &server, std::uint16_t protocol, std::uint16_t application,
                 std::uint32_t seconds) const;
    void presume_nothing() const;

    /// Makes a new flow be what was announced; with null it is no longer expected.
    void expect(const l7_expected &expected, const l7_expectation *expectation) const;

    /// Removes expectations that ended before this second of CLOCK_MONOTONIC. Packets are held
    /// against them only while there are any.
    void forget_expectations(std::uint32_t before_s) const;

    /// The memory of the table of host names; as long as the state is open.
    std::span<l7_host> hosts() const;

    /// The port of a worker; call once for each.
    Result<WorkerPort> open_port(unsigned worker);

    /// Carries out the verdicts in the worker's batch; its counts are in the batch afterwards.
    Result<void> apply(unsigned worker) const;

    Result<l7_counters> counters() const;
    const Accounts &accounts() const { return accounts_; }

    std::vector<l7_attachment> attachments() const;
    Result<void> store_attachment(unsigned attach, const l7_attachment &attachment) const;

    /// Gives a device's object our maps instead of its own; before it is loaded.
    Result<void> share_maps(bpf_object *object) const;

    /// Whether packet programs look connections up in the kernel's connection tracking: it has
    /// functions for that (since 6.0, with nf_conntrack there when the state was opened), and no
    /// program of ours with them was refused.
    bool looks_up_scales() const { return looks_up_scales_; }
    void look_up_no_scales() const { looks_up_scales_ = false; }

    /// Where a link on a device is pinned.
    std::string pin_path_of(std::string device, const std::string &what) const;

    /// Pins whatever has lost its pin; returns the names.
    std::vector<std::string> repair_pins() const;

    /// Bytes the kernel charges for each map, by name.
    std::vector<std::pair<std::string, std::uint64_t>> memory() const;

    /// Milliseconds per jiffy, as a fraction: jiffies per second.
    static std::uint32_t ticks_per_second();

  private:
    KernelState() = default;
    Result<void> load(const Config &config, bool &adopted);
    Result<void> adopt_sizes(bool &adopted);
    Result<void> map_memory();
    Result<void> open_rings(const Config &config);
    int map_fd(const char *name) const;

    std::string directory_;
    control_bpf *skeleton_ = nullptr;
    Mapping settings_map_, workers_map_, batches_map_, hosts_map_;
    mutable std::mutex expecting_; ///< guards settings_->expecting
    FlowTables flows_;
    RuleMaps rules_;
    Accounts accounts_;
    l7_settings *settings_ = nullptr;
    unsigned shards_ = 1;
    mutable std::atomic<bool> looks_up_scales_ = false;
    std::vector<Fd> rings_;
};

} // namespace l7
