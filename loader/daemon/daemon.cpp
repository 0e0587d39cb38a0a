// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/daemon.hpp"

#include "core/base/clock.hpp"
#include "daemon/commands.hpp"
#include "daemon/host_walk.hpp"
#include "daemon/metrics_source.hpp"
#include "kernel/bpffs.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

namespace l7 {

namespace {

constexpr std::size_t kNotes = 20;
constexpr unsigned kSweepEvery = 2; // ticks, which are seconds
constexpr auto kPresumeSeconds =
    static_cast<std::uint32_t>(EndpointMemory::kLifeNs / 1'000'000'000);

sigset_t our_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int one : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&set, one);
    return set;
}

Result<Fd> signal_fd() {
    const sigset_t set = our_signals();
    Fd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd)
        return Error{std::string("waiting for signals: ") + std::strerror(errno)};
    return fd;
}

void log(const std::string &line) {
    char when[32];
    timespec now{};
    tm local{};
    clock_gettime(CLOCK_REALTIME, &now);
    std::strftime(when, sizeof(when), "%F %T", localtime_r(&now.tv_sec, &local));
    std::printf("[%s.%03ld] [info] %s\n", when, now.tv_nsec / 1'000'000, line.c_str());
    std::fflush(stdout);
}

} // namespace

Result<std::unique_ptr<Daemon>> Daemon::start(const Instance &instance, bool discard_state) {
    std::unique_ptr<Daemon> daemon(new Daemon(instance));
    if (auto opened = daemon->open(discard_state); !opened)
        return opened.error();
    return daemon;
}

Daemon::~Daemon() {
    if (metrics_)
        metrics_->stop(); // its clients ask all that follows
    server_.reset();      // and then: its connections use the rest
    metrics_.reset();
    workers_.clear();
    if (export_)
        if (auto stopped = export_->stop(); !stopped)
            note(stopped.error().message);
}

Result<void> Daemon::open(bool discard_state) {
    // Kernels before 5.11 charge maps to this limit.
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_MEMLOCK, &unlimited);

    // Before any thread starts, so that all inherit it.
    const sigset_t signals = our_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    make_run_directories(instance_);
    stop_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    auto server =
        Server::listen(instance_.socket, [this](const nlohmann::json &request, Answer &answer) {
            return carry_out(*this, request, answer);
        });
    if (!server)
        return server.error();
    server_.emplace(std::move(*server));

    if (discard_state)
        if (auto removed = remove_pins(instance_.bpffs); !removed)
            return removed;
    auto first = load_config(instance_.config, instance_.config_named);
    if (!first)
        return first.error();
    auto kernel = KernelState::open(instance_.bpffs, *first, adopted_);
    if (!kernel)
        return kernel.error();
    kernel_ = std::move(*kernel);
    KnownNumbers known;
    if (auto restored = kernel_->restore_names("protocols", known.protocols); !restored)
        return restored;
    if (auto restored = kernel_->restore_names("applications", known.applications); !restored)
        return restored;
    auto catalog = load_catalog(instance_.config, instance_.config_named, known);
    if (!catalog)
        return catalog.error();
    give_memory(*catalog, nullptr);
    catalog_ = std::make_shared<const Catalog>(std::move(*catalog));
    if (auto stored = store_names(catalog_->knowledge); !stored)
        return stored;
    if (auto set = kernel_->configure(catalog_->config); !set)
        return set;
    if (auto set = set_rules(*catalog_); !set)
        return set;

    conntrack_ = std::make_unique<ConntrackMarks>(*kernel_);
    conntrack_->use(catalog_);
    pickup_ = std::make_unique<Pickup>(kernels_world(*kernel_));
    pickup_->use(catalog_);
    replicas_ = std::make_unique<ReplicaTable>(*kernel_);
    replicas_->use(catalog_);
    sync_ = std::make_unique<FlowSync>(*replicas_,
                                       [this](OwnStates &own) { return replicas_->walk(own); });
    sync_->use(*catalog_);
    ClassifierLimits limits;
    limits.flows = catalog_->config.undecided;
    for (unsigned i = 0; i < kernel_->shards(); i++) {
        auto worker = Worker::start(
            *kernel_, i, limits, catalog_->knowledge,
            [this](const l7_verdict &verdict) { judged(verdict); },
            [this](const l7_record &head) { pickup_->met(head); });
        if (!worker)
            return worker.error();
        workers_.push_back(std::move(*worker));
    }
    auto links = LinkMonitor::open();
    if (!links)
        return links.error();
    links_.emplace(std::move(*links));
    export_ = std::make_unique<FlowExport>(*kernel_, instance_.socket + ".reported", adopted_);
    export_->use(catalog_);
    devices_ = std::make_unique<Devices>(*kernel_);
    for (std::string &line : devices_->adopt(catalog_->config.attach))
        note(std::move(line));
    attach_configured();
    for (const std::string &line : catalog_->rejected)
        note("pattern left out: " + line);
    for (const std::string &line : catalog_->warnings)
        note(instance_.config + " " + line);
    metrics_ = std::make_unique<MetricsServer>([this] { return metrics_snapshot(*this); },
                                               [this] { return walk_hosts(*this); },
                                               catalog_->config.metrics);
    serve_metrics(catalog_->config.metrics);
    return {};
}

/// From workers' threads, with the expectations held: it is awaited, or no longer.
void Daemon::expected(const ExpectationEntry &entry, bool alive) {
    const l7_expectation value = expectation_of(entry);
    kernel_->expect(entry.expected, alive ? &value : nullptr);
    if (entry.topic == ReplicaTable::kTopic)
        return; // its own node tells of it
    if (const auto sync = sync_ ? sync_->get() : nullptr)
        replicas_->tell(*sync, entry, alive);
}

/// From workers' threads: a verdict is in force.
void Daemon::judged(const l7_verdict &verdict) {
    conntrack_->judged(verdict);
    if (verdict.protocol <= L7_UNKNOWN)
        return;
    if (const auto sync = sync_->get())
        if (const auto state = replicas_->state(verdict.key))
            sync->changed(*state);
}

/// Flows matter more than figures: where nobody can be listened to, the rest goes on.
void Daemon::serve_metrics(const MetricsConfig &config) {
    if (auto served = metrics_->configure(config); !served)
        note(served.error().message + "; " + served.error().hint);
}

/// What is learnt from traffic outlives a reload; what the configuration turns off is forgotten.
void Daemon::give_memory(Catalog &catalog, const Knowledge *before) {
    Knowledge &now = catalog.knowledge;

    if (before)
        now.keep_memory_of(*before);
    if (!now.hosts)
        now.hosts = std::make_shared<HostTable>(kernel_->hosts());
    if (!now.journal)
        now.journal = std::make_shared<Journal>();
    now.expect = catalog.config.expect;
    if (!now.expectations)
        now.expectations = std::make_shared<Expectations>(
            [this](const ExpectationEntry &entry, bool alive) { expected(entry, alive); },
            static_cast<std::uint32_t>(time(nullptr)) << 8); // not those of the process before
    if (!now.translation)
        now.translation = [this](const Parties &seen) { return translator_.original(seen); };
    if (!catalog.config.dns_hints)
        now.hints.reset();
    else if (!now.hints)
        now.hints = std::make_shared<DnsHints>(
            DnsHints::kSlots, [this](const auto &address, const auto &hint, std::uint32_t ttl_s) {
                if (const auto sync = sync_ ? sync_->get() : nullptr)
                    replicas_->tell(*sync, address, hint, ttl_s);
            });
    if (!catalog.config.remember_servers) {
        now.endpoints.reset();
        kernel_->presume_nothing();
    } else if (!now.endpoints) {
        now.endpoints = std::make_shared<EndpointMemory>([this](const l7_endpoint &server,
                                                                const auto &verdict) {
            if (verdict)
                kernel_->presume(server, verdict->protocol, verdict->application, kPresumeSeconds);
            else
                kernel_->presume(server, 0, 0, 0);
            if (const auto sync = sync_ ? sync_->get() : nullptr; sync && verdict)
                replicas_->tell(*sync, server, *verdict);
        });
    }
}

/// New names are looked at by the new rules from here on; those that are there when the rules come
/// into force.
Result<void> Daemon::set_rules(const Catalog &catalog) {
    catalog.knowledge.hosts->tell(
        [this, rules = catalog.rules](std::uint32_t id, std::string_view name) {
            kernel_->rules().set_host(id, rules->host(name));
        });
    std::vector<std::string> names;
    for (unsigned slot = 0; devices_ && slot < L7_ATTACH_MAX / 2; slot++)
        names.push_back(devices_->name_of(slot));
    ruled_devices_ = names;
    return kernel_->rules().set(*catalog.rules, names, kernel_->hosts());
}

/// Devices that came since; rules may name them.
void Daemon::rule_devices() {
    const std::lock_guard one_at_a_time(reloading_);
    const auto now = catalog();
    for (unsigned slot = 0; slot < L7_ATTACH_MAX / 2; slot++) {
        const std::string name = devices_->name_of(slot);
        if (slot < ruled_devices_.size() && ruled_devices_[slot] == name)
            continue;
        ruled_devices_.resize(L7_ATTACH_MAX / 2);
        ruled_devices_[slot] = name;
        kernel_->rules().set_device(*now->rules, slot, name);
    }
}

Result<void> Daemon::store_names(const Knowledge &knowledge) const {
    if (auto stored = kernel_->store_names("protocols", *knowledge.protocols); !stored)
        return stored;
    return kernel_->store_names("applications", *knowledge.application_numbers);
}

void Daemon::attach_configured() {
    const auto present = devices_->report();
    for (const DeviceConfig &device : catalog()->config.devices) {
        if (std::ranges::find(present, device.name, &DeviceReport::name) != present.end())
            continue;
        const AttachRequest request{device.ingress, device.egress, device.head, device.xdp,
                                    catalog()->config.attach};
        if (auto attached = devices_->attach(device.name, request); !attached)
            note(attached.error().message);
    }
}

Result<void> Daemon::run() {
    auto signals = signal_fd();
    if (!signals)
        return signals.error();
    const Fd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    const itimerspec second{{1, 0}, {1, 0}};
    timerfd_settime(timer.get(), 0, &second, nullptr);

    const Fd epoll(epoll_create1(EPOLL_CLOEXEC));
    enum Source : std::uint32_t { kSignal, kTimer, kLinks, kServer, kStop };
    const std::array<std::pair<int, Source>, 5> sources{{{signals->get(), kSignal},
                                                         {timer.get(), kTimer},
                                                         {links_->fd(), kLinks},
                                                         {server_->fd(), kServer},
                                                         {stop_.get(), kStop}}};
    for (const auto &[fd, source] : sources) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u32 = source;
        if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0)
            return Error{std::string("waiting for events: ") + std::strerror(errno)};
    }
    manager_.ready();
    for (;;) {
        epoll_event event{};
        if (epoll_wait(epoll.get(), &event, 1, -1) != 1)
            continue;
        switch (event.data.u32) {
        case kSignal: {
            signalfd_siginfo info{};
            if (read(signals->get(), &info, sizeof(info)) != sizeof(info))
                break;
            if (info.ssi_signo != SIGHUP) {
                manager_.stopping();
                return {};
            }
            if (auto reloaded = reload(); !reloaded)
                note("reload: " + reloaded.error().message);
            break;
        }
        case kTimer: {
            std::uint64_t count;
            if (read(timer.get(), &count, sizeof(count)) == sizeof(count))
                tick();
            break;
        }
        case kLinks:
            if (!links_->take([this](const LinkMonitor::Event &event_) {
                    if (std::string line = devices_->on_link(event_.link, event_.gone);
                        !line.empty())
                        note(std::move(line));
                }))
                note("news of devices were lost; `l7ctl status` shows how they are");
            break;
        case kServer:
            server_->accept();
            break;
        default:
            manager_.stopping();
            return {};
        }
    }
}

void Daemon::tick() {
    manager_.alive();
    metrics_->tick();
    for (const std::string &path : kernel_->repair_pins())
        note("pin " + path + " was removed; pinned again");
    for (const std::string &path : devices_->repair_pins())
        note("pin " + path + " was removed; pinned again");
    rule_devices();
    if (++ticks_ % kSweepEvery != 0)
        return;
    const auto sync = sync_->get();
    for (const auto table : {FlowTables::Table::Flows, FlowTables::Table::Newcomers})
        if (auto swept = kernel_->flows().sweep(table,
                                                [&](const l7_flow_entry &entry) {
                                                    ended_flows_++;
                                                    export_->swept(entry);
                                                    if (sync && table == FlowTables::Table::Flows)
                                                        sync->ended(entry.key);
                                                });
            !swept)
            note(swept.error().message);
    const std::uint64_t now = monotonic_ns();
    catalog()->knowledge.expectations->sweep(now);
    if (kernel_->settings().expecting)
        kernel_->forget_expectations(static_cast<std::uint32_t>(now / kSecondNs));
    if (auto reported = export_->tick(kSweepEvery); !reported)
        note(reported.error().message);
}

Result<void> Daemon::reload() {
    const std::lock_guard one_at_a_time(reloading_);
    manager_.reloading();
    auto reloaded = read_again();
    manager_.ready(); // also with what it had before
    return reloaded;
}

Result<void> Daemon::read_again() {
    const auto before = catalog();
    auto next = load_catalog(instance_.config, instance_.config_named, before->knowledge.numbers());
    if (!next)
        return std::move(next.error()).within("reload: nothing was changed");
    give_memory(*next, &before->knowledge);
    const auto after = std::make_shared<const Catalog>(std::move(*next));
    // Names first: a flow may get a new protocol's number at once.
    if (auto stored = store_names(after->knowledge); !stored)
        return stored;
    if (auto set = kernel_->configure(after->config); !set)
        return set;
    if (auto set = set_rules(*after); !set)
        return set;
    {
        const std::lock_guard lock(mutex_);
        catalog_ = after;
    }
    for (const auto &worker : workers_)
        worker->use(after->knowledge);
    export_->use(after);
    conntrack_->use(after);
    pickup_->use(after);
    replicas_->use(after);
    sync_->use(*after);
    attach_configured();
    serve_metrics(after->config.metrics);
    note(fmt::format("reloaded: {} patterns, {} rejected, {} rules",
                     after->knowledge.database->patterns().size(), after->rejected.size(),
                     after->config.rules.size()));
    return {};
}

std::shared_ptr<const Catalog> Daemon::catalog() const {
    const std::lock_guard lock(mutex_);
    return catalog_;
}

std::vector<WorkerReport> Daemon::workers() const {
    std::vector<WorkerReport> out;
    for (const auto &worker : workers_)
        out.push_back(worker->report());
    return out;
}

void Daemon::request_stop() {
    eventfd_write(stop_.get(), 1);
}

void Daemon::note(std::string line) {
    log(line);
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(line));
    if (notes_.size() > kNotes)
        notes_.erase(notes_.begin());
}

std::vector<std::string> Daemon::notes() const {
    const std::lock_guard lock(mutex_);
    return notes_;
}

} // namespace l7
