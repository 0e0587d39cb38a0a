// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/state.hpp"

#include "bpf/control.skel.h"
#include "core/base/clock.hpp"
#include "kernel/bpffs.hpp"
#include "kernel/error.hpp"
#include "kernel/functions.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <numeric>
#include <thread>

namespace l7 {

namespace {

constexpr std::uint32_t kZero = 0;

/// Array maps place values at multiples of 8.
constexpr std::size_t stride(std::size_t value) {
    return (value + 7) & ~std::size_t{7};
}

} // namespace

Result<std::unique_ptr<KernelState>> KernelState::open(const std::string &directory,
                                                       const Config &config, bool &adopted) {
    std::unique_ptr<KernelState> state(new KernelState);

    state->directory_ = directory;
    if (auto made = make_pin_directory(directory); !made)
        return made.error();
    if (auto loaded = state->load(config, adopted); !loaded)
        return loaded.error();
    return state;
}

KernelState::~KernelState() {
    control_bpf__destroy(skeleton_);
}

Result<void> KernelState::load(const Config &config, bool &adopted) {
    skeleton_ = control_bpf__open();
    if (!skeleton_)
        return kernel_error("opening the control programs", -errno);
    bpf_map__set_max_entries(skeleton_->maps.flows, config.flows);
    bpf_map__set_max_entries(skeleton_->maps.newcomers, config.newcomers);
    if (auto fits = adopt_sizes(adopted); !fits)
        return fits;
    if (const int failure = control_bpf__load(skeleton_); failure)
        return kernel_error("loading the control programs", failure);
    if (auto mapped = map_memory(); !mapped)
        return mapped;
    looks_up_scales_ = has_function("bpf_skb_ct_lookup", "nf_conntrack");

    const std::uint32_t shards =
        config.workers ? std::bit_ceil(config.workers)
                       : std::bit_floor(std::clamp(std::thread::hardware_concurrency(), 1U, 4U));
    // Rings hold what an earlier process did not finish: their number stays while the state is
    // pinned.
    shards_ = adopted && settings_->shards ? settings_->shards : shards;
    settings_->abi = L7_ABI;
    settings_->shards = shards_;
    if (auto opened = open_rings(config); !opened)
        return opened;
    return configure(config);
}

Result<void> KernelState::adopt_sizes(bool &adopted) {
    bpf_map *map;

    adopted = false;
    bpf_object__for_each_map(map, skeleton_->obj) {
        if (bpf_map__is_internal(map))
            continue;
        const std::string path = directory_ + "/" + bpf_map__name(map);
        bpf_map__set_pin_path(map, path.c_str());
        const Fd pinned(bpf_obj_get(path.c_str()));
        if (!pinned) {
            if (errno != ENOENT)
                return kernel_error("opening the pinned map " + path, -errno);
            continue;
        }
        bpf_map_info info{};
        std::uint32_t size = sizeof(info);
        if (const int failure = bpf_map_get_info_by_fd(pinned.get(), &info, &size); failure)
            return kernel_error("reading the pinned map " + path, failure);
        const bool same = info.type == static_cast<std::uint32_t>(bpf_map__type(map)) &&
                          info.key_size == bpf_map__key_size(map) &&
                          info.value_size == bpf_map__value_size(map);
        l7_settings old{};
        const bool same_abi = std::string_view(bpf_map__name(map)) != "settings" || !same ||
                              bpf_map_lookup_elem(pinned.get(), &kZero, &old) != 0 ||
                              old.abi == L7_ABI || old.abi == 0;
        if (!same || !same_abi)
            return Error{"the state pinned at " + directory_ + " is of another l7ctl (" +
                             bpf_map__name(map) +
                             (same ? ": ABI " + std::to_string(old.abi) + ", this is ABI " +
                                         std::to_string(L7_ABI)
                                   : " has keys of " + std::to_string(info.key_size) +
                                         " and values of " + std::to_string(info.value_size) +
                                         " bytes, not " + std::to_string(bpf_map__key_size(map)) +
                                         " and " + std::to_string(bpf_map__value_size(map))) +
                             ") and is left as it is",
                         "start with --discard-state to forget its flows and counters and begin "
                         "anew; devices are attached again"};
        bpf_map__set_max_entries(map, info.max_entries);
        adopted = true;
    }
    return {};
}

Result<void> KernelState::map_memory() {
    const auto map_one = [](bpf_map *map, std::size_t bytes, Mapping &into) -> Result<void> {
        auto mapped = map_memory_of(bpf_map__fd(map), bytes);
        if (!mapped)
            return mapped.error();
        into = std::move(*mapped);
        return {};
    };
    if (auto done = map_one(skeleton_->maps.settings, sizeof(l7_settings), settings_map_); !done)
        return done;
    if (auto done = map_one(skeleton_->maps.workers, stride(sizeof(l7_worker)) * L7_SHARDS_MAX,
                            workers_map_);
        !done)
        return done;
    if (auto done = map_one(skeleton_->maps.batches, stride(sizeof(l7_batch)) * L7_SHARDS_MAX,
                            batches_map_);
        !done)
        return done;
    if (auto done = map_one(skeleton_->maps.hosts, sizeof(l7_host) * L7_HOSTS_MAX, hosts_map_);
        !done)
        return done;
    settings_ = reinterpret_cast<l7_settings *>(settings_map_.data());
    const auto by_name = [this](const char *name) { return map_fd(name); };
    accounts_.open(by_name);
    if (auto opened = flows_.open(*skeleton_); !opened)
        return opened;
    return rules_.open(by_name, *settings_, accounts_);
}

Result<void> KernelState::open_rings(const Config &config) {
    const int outer = bpf_map__fd(skeleton_->maps.rings);

    rings_.clear();
    for (std::uint32_t shard = 0; shard < shards_; shard++) {
        std::uint32_t id = 0;
        if (bpf_map_lookup_elem(outer, &shard, &id) == 0) {
            Fd ring(bpf_map_get_fd_by_id(id));
            if (ring) {
                rings_.push_back(std::move(ring));
                continue;
            }
        }
        Fd ring(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "l7_ring", 0, 0, config.ring_bytes, nullptr));
        if (!ring)
            return kernel_error("making a ring buffer", -errno);
        const int fd = ring.get();
        if (const int failure = bpf_map_update_elem(outer, &shard, &fd, BPF_ANY); failure)
            return kernel_error("putting a ring buffer in place", failure);
        rings_.push_back(std::move(ring));
    }
    return {};
}

std::uint32_t KernelState::ticks_per_second() {
    // The coarse clock advances once a jiffy; its resolution is the jiffy's length.
    timespec resolution{};
    clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
    const long length = resolution.tv_nsec > 0 ? resolution.tv_nsec : 4'000'000;
    return static_cast<std::uint32_t>((1'000'000'000 + length / 2) / length);
}

Result<void> KernelState::configure(const Config &config) {
    const std::uint32_t second = ticks_per_second();
    const TimeoutConfig &from = config.timeouts;
    const l7_timeouts limits{from.tcp_established * second, from.tcp_opening * second,
                             from.tcp_closed * second,      from.udp_replied * second,
                             from.udp_unreplied * second,   from.icmp * second,
                             from.other * second,           second};

    settings_->mark_mask = config.mark_mask;
    settings_->sample_bytes = config.bytes;
    settings_->sample_packets = config.packets;
    settings_->tunnels = config.tunnels;
    settings_->second = second;
    settings_->hysteresis = config.hysteresis;
    settings_->handover_ticks = 2 * second;
    if (const int failure = bpf_map_update_elem(map_fd("timeouts"), &kZero, &limits, BPF_ANY);
        failure)
        return kernel_error("writing timeouts", failure);
    return {};
}

void KernelState::set_bypass(bool on) {
    __atomic_store_n(&settings_->bypass, on ? 1U : 0U, __ATOMIC_RELEASE);
}

Result<void> KernelState::restore_names(const char *map, NameNumbers &names) const {
    l7_protocol_name entry{};
    for (std::uint32_t number = 0; bpf_map_lookup_elem(map_fd(map), &number, &entry) == 0;
         number++) {
        const std::string name(entry.name, strnlen(entry.name, sizeof(entry.name)));
        if (name.empty() || names.name(static_cast<std::uint16_t>(number)) == name)
            continue;
        if (auto restored = names.restore(static_cast<std::uint16_t>(number), name); !restored)
            return std::move(restored.error()).within(std::string("pinned ") + map);
    }
    return {};
}

Result<void> KernelState::store_names(const char *map, const NameNumbers &names) const {
    for (std::uint32_t number = 0; number < names.end(); number++) {
        l7_protocol_name entry{};
        const std::string &name = names.name(static_cast<std::uint16_t>(number));
        if (name == "?")
            continue;
        std::memcpy(entry.name, name.data(), std::min(name.size(), sizeof(entry.name) - 1));
        if (const int failure = bpf_map_update_elem(map_fd(map), &number, &entry, BPF_ANY); failure)
            return kernel_error(std::string("writing the names of ") + map, failure);
    }
    return {};
}

void KernelState::presume(const l7_endpoint &server, std::uint16_t protocol,
                          std::uint16_t application, std::uint32_t seconds) const {
    const int fd = map_fd("endpoints");
    if (seconds == 0) {
        bpf_map_delete_elem(fd, &server);
        return;
    }
    const l7_endpoint_verdict verdict{
        protocol, application, static_cast<std::uint32_t>(monotonic_ns() / kSecondNs) + seconds};
    bpf_map_update_elem(fd, &server, &verdict, BPF_ANY); // no room: it is not presumed
}

void KernelState::presume_nothing() const {
    const int fd = map_fd("endpoints");
    l7_endpoint server;
    while (bpf_map_get_next_key(fd, nullptr, &server) == 0)
        if (bpf_map_delete_elem(fd, &server) != 0)
            return;
}

void KernelState::expect(const l7_expected &expected, const l7_expectation *expectation) const {
    const int fd = map_fd("expectations");
    if (!expectation) {
        bpf_map_delete_elem(fd, &expected);
        return;
    }
    const std::lock_guard lock(expecting_);
    // No room: it is judged by its bytes, as any other.
    if (bpf_map_update_elem(fd, &expected, expectation, BPF_ANY) == 0)
        settings_->expecting = 1;
}

void KernelState::forget_expectations(std::uint32_t before_s) const {
    const int fd = map_fd("expectations");
    l7_expected at, next;
    l7_expectation value;
    const std::lock_guard lock(expecting_); // or one that is announced meanwhile is overlooked
    bool more = bpf_map_get_next_key(fd, nullptr, &at) == 0, some = false;

    while (more) {
        more = bpf_map_get_next_key(fd, &at, &next) == 0;
        if (bpf_map_lookup_elem(fd, &at, &value) == 0 && value.until_s < before_s)
            bpf_map_delete_elem(fd, &at);
        else
            some = true;
        at = next;
    }
    settings_->expecting = some ? 1 : 0;
}

std::span<l7_host> KernelState::hosts() const {
    return {reinterpret_cast<l7_host *>(hosts_map_.data()), L7_HOSTS_MAX};
}

Result<WorkerPort> KernelState::open_port(unsigned worker) {
    bpf_map_info info{};
    std::uint32_t size = sizeof(info);
    const int fd = rings_.at(worker).get();

    if (const int failure = bpf_map_get_info_by_fd(fd, &info, &size); failure)
        return kernel_error("reading a ring buffer's size", failure);
    auto ring = Ring::open(Fd(fcntl(fd, F_DUPFD_CLOEXEC, 0)), info.max_entries);
    if (!ring)
        return ring.error();
    return WorkerPort{
        std::move(*ring),
        reinterpret_cast<l7_batch *>(batches_map_.data() + stride(sizeof(l7_batch)) * worker),
        reinterpret_cast<l7_worker *>(workers_map_.data() + stride(sizeof(l7_worker)) * worker),
        worker};
}

Result<void> KernelState::apply(unsigned worker) const {
    struct {
        std::uint32_t worker;
        std::uint32_t reserved;
    } arguments{worker, 0};
    LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &arguments, .ctx_size_in = sizeof(arguments));

    if (const int failure =
            bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.l7_apply), &options);
        failure)
        return kernel_error("applying verdicts", failure);
    if (static_cast<int>(options.retval) < 0)
        return Error{"applying verdicts: the batch map is missing"};
    return {};
}

Result<l7_counters> KernelState::counters() const {
    const auto cpus = static_cast<std::size_t>(libbpf_num_possible_cpus());
    std::vector<std::array<std::uint64_t, L7_COUNTERS>> values(cpus);
    std::array<std::uint64_t, L7_COUNTERS> sum{};

    if (const int failure = bpf_map_lookup_elem(map_fd("counters"), &kZero, values.data()); failure)
        return kernel_error("reading counters", failure);
    for (const auto &cpu : values)
        std::transform(sum.begin(), sum.end(), cpu.begin(), sum.begin(), std::plus<>());
    return std::bit_cast<l7_counters>(sum);
}

std::vector<l7_attachment> KernelState::attachments() const {
    std::vector<l7_attachment> out(L7_ATTACH_MAX);
    for (std::uint32_t i = 0; i < L7_ATTACH_MAX; i++)
        bpf_map_lookup_elem(map_fd("attachments"), &i, &out[i]);
    return out;
}

Result<void> KernelState::store_attachment(unsigned attach, const l7_attachment &attachment) const {
    const std::uint32_t index = attach;
    if (const int failure =
            bpf_map_update_elem(map_fd("attachments"), &index, &attachment, BPF_ANY);
        failure)
        return kernel_error("noting an attachment", failure);
    return {};
}

Result<void> KernelState::share_maps(bpf_object *object) const {
    bpf_map *map;
    bpf_object__for_each_map(map, object) {
        const bpf_map *ours = bpf_object__find_map_by_name(skeleton_->obj, bpf_map__name(map));
        if (!ours || bpf_map__is_internal(map))
            continue;
        if (const int failure = bpf_map__reuse_fd(map, bpf_map__fd(ours)); failure)
            return kernel_error(std::string("sharing the map ") + bpf_map__name(map), failure);
    }
    return {};
}

std::string KernelState::pin_path_of(std::string device, const std::string &what) const {
    // bpffs takes no '.' in names, and device names have no ':'.
    std::ranges::replace(device, '.', ':');
    return directory_ + "/links/" + device + "-" + what;
}

std::vector<std::string> KernelState::repair_pins() const {
    std::vector<std::string> repaired;
    bpf_map *map;

    bpf_object__for_each_map(map, skeleton_->obj) {
        if (bpf_map__is_internal(map))
            continue;
        const std::string path = directory_ + "/" + bpf_map__name(map);
        if (access(path.c_str(), F_OK) != 0 && bpf_obj_pin(bpf_map__fd(map), path.c_str()) == 0)
            repaired.push_back(path);
    }
    return repaired;
}

std::vector<std::pair<std::string, std::uint64_t>> KernelState::memory() const {
    std::vector<std::pair<std::string, std::uint64_t>> out;
    const auto charged = [](int fd) -> std::uint64_t {
        std::ifstream info("/proc/self/fdinfo/" + std::to_string(fd));
        for (std::string key; info >> key;)
            if (std::uint64_t bytes; key == "memlock:" && info >> bytes)
                return bytes;
        return 0;
    };
    bpf_map *map;
    bpf_object__for_each_map(map, skeleton_->obj) if (!bpf_map__is_internal(map))
        out.emplace_back(bpf_map__name(map), charged(bpf_map__fd(map)));
    out.emplace_back("ring buffers", std::accumulate(rings_.begin(), rings_.end(), std::uint64_t{0},
                                                     [&](std::uint64_t sum, const Fd &ring) {
                                                         return sum + charged(ring.get());
                                                     }));
    return out;
}

int KernelState::map_fd(const char *name) const {
    return bpf_map__fd(bpf_object__find_map_by_name(skeleton_->obj, name));
}

} // namespace l7
