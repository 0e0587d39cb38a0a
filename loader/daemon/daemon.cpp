// SPDX-License-Identifier: GPL-2.0-or-later
// Wires the parts together, reloads what they work by, and runs the loop.
//
// Threads: the loop has the main thread; workers, each control connection and some parts have their
// own. Parts guard themselves.
#include "daemon/daemon.hpp"

#include "control/server.hpp"
#include "core/base/clock.hpp"
#include "daemon/answers/answers.hpp"
#include "daemon/answers/parts.hpp"
#include "daemon/parts/conntrack_marks.hpp"
#include "daemon/parts/flow_export.hpp"
#include "daemon/parts/learning.hpp"
#include "daemon/parts/notes.hpp"
#include "daemon/parts/pickup.hpp"
#include "daemon/parts/rules_in_force.hpp"
#include "daemon/parts/worker.hpp"
#include "daemon/service_manager.hpp"
#include "kernel/bpffs.hpp"
#include "metrics/metrics_server.hpp"
#include "net/links.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <mutex>
#include <optional>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

namespace l7 {

namespace {

constexpr unsigned kSweepEvery = 2; // ticks, which are seconds

sigset_t our_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int one : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&set, one);
    return set;
}

/// The kernel's state and what was made over it. Members are made in this order, and end in the
/// reverse: what replication's threads use ends after them.
struct Machine {
    Machine(std::unique_ptr<KernelState> state, const Instance &instance, bool adopted)
        : kernel(std::move(state)),
          flow_export(*kernel, catalogs, instance.socket + ".reported", adopted) {}

    std::unique_ptr<KernelState> kernel;
    CatalogHolder catalogs;
    Devices devices{*kernel};
    RulesInForce rules{*kernel, devices};
    ReplicaTable replicas{*kernel, catalogs};
    Learning learning{*kernel, replicas, sync};
    FlowSync sync{replicas, [this](OwnStates &own) { return replicas.walk(own); }};
    ConntrackMarks conntrack{*kernel, catalogs};
    Pickup pickup{kernels_world(*kernel), catalogs};
    FlowExport flow_export;
    std::vector<std::unique_ptr<Worker>> workers;
};

class Daemon {
  public:
    explicit Daemon(const Instance &instance) : instance_(instance) {}
    ~Daemon();

    Result<void> open(bool discard_state);
    Result<void> run();

  private:
    Result<void> open_kernel(bool discard_state);
    Result<void> start_workers();
    void subscribe();
    void serve_metrics();
    Result<void> put_in_force(Catalog next, const Catalog *before);
    Result<void> reload();
    Result<void> read_again();
    void attach_configured();
    void judged(const l7_verdict &verdict);
    void sweep();

    // What the loop does when something comes. False: it ends.
    bool on_signal();
    bool on_timer();
    bool on_links();
    bool on_client() {
        server_->accept();
        return true;
    }
    bool on_stop() { return false; }

    const Instance instance_;
    const ServiceManager manager_ = ServiceManager::from_environment();
    Notes notes_;
    Fd stop_, signals_, timer_;
    bool adopted_ = false;
    std::atomic<std::uint64_t> ended_flows_{0};
    unsigned ticks_ = 0;
    std::mutex reloading_;
    std::optional<Machine> machine_;
    std::optional<LinkMonitor> links_;
    std::optional<Server> server_;
    std::unique_ptr<MetricsServer> metrics_;
    std::optional<Parts> parts_;
};

Daemon::~Daemon() {
    if (metrics_)
        metrics_->stop(); // its clients ask all that follows
    server_.reset();      // and then: its connections use the rest
    metrics_.reset();
    if (!machine_)
        return;
    machine_->workers.clear();
    if (auto stopped = machine_->flow_export.stop(); !stopped)
        notes_.add(stopped.error().message);
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
            return carry_out(*parts_, request, answer);
        });
    if (!server)
        return server.error();
    server_.emplace(std::move(*server));
    if (auto opened = open_kernel(discard_state); !opened)
        return opened;
    if (auto started = start_workers(); !started)
        return started;
    auto links = LinkMonitor::open();
    if (!links)
        return links.error();
    links_.emplace(std::move(*links));
    const auto catalog = machine_->catalogs.get();
    for (std::string &line : machine_->devices.adopt(catalog->config.attach))
        notes_.add(std::move(line));
    attach_configured();
    for (const std::string &line : catalog->rejected)
        notes_.add("pattern left out: " + line);
    for (const std::string &line : catalog->warnings)
        notes_.add(instance_.config + " " + line);
    metrics_ = std::make_unique<MetricsServer>([this] { return metrics_snapshot(*parts_); },
                                               [this] { return walk_hosts(*parts_); },
                                               catalog->config.metrics);
    Machine &all = *machine_;
    parts_.emplace(Parts{instance_, adopted_, *all.kernel, all.catalogs, all.devices, all.rules,
                         all.replicas, all.sync, all.conntrack, all.pickup, all.flow_export,
                         all.workers, *metrics_, server_->counters(), notes_, ended_flows_,
                         [this] { return reload(); }, [this] { eventfd_write(stop_.get(), 1); }});
    serve_metrics();
    return {};
}

/// Opens the kernel's state, and puts a first catalog into force.
Result<void> Daemon::open_kernel(bool discard_state) {
    if (discard_state)
        if (auto removed = remove_pins(instance_.bpffs); !removed)
            return removed;
    auto first = load_config(instance_.config, instance_.config_named);
    if (!first)
        return first.error();
    auto kernel = KernelState::open(instance_.bpffs, *first, adopted_);
    if (!kernel)
        return kernel.error();
    KnownNumbers known;
    if (auto restored = (*kernel)->restore_names("protocols", known.protocols); !restored)
        return restored;
    if (auto restored = (*kernel)->restore_names("applications", known.applications); !restored)
        return restored;
    auto catalog = load_catalog(instance_.config, instance_.config_named, known);
    if (!catalog)
        return catalog.error();
    machine_.emplace(std::move(*kernel), instance_, adopted_);
    subscribe();
    return put_in_force(std::move(*catalog), nullptr);
}

/// Who does something about another catalog, in the order in which they do it. The others look at
/// the one in force when they need it.
void Daemon::subscribe() {
    Machine &all = *machine_;
    all.catalogs.subscribe([&all](const Catalog &now) {
        for (const auto &worker : all.workers)
            worker->use(now.knowledge);
    });
    all.catalogs.subscribe([&all](const Catalog &now) { all.flow_export.use(now); });
    all.catalogs.subscribe([&all](const Catalog &now) { all.conntrack.use(now); });
    all.catalogs.subscribe([&all](const Catalog &now) { all.sync.use(now); });
}

/// The kernel first: where it refuses, everybody stays with the catalog before.
Result<void> Daemon::put_in_force(Catalog next, const Catalog *before) {
    Machine &all = *machine_;
    all.learning.give(next, before);
    // Names before rules: a flow may get a new protocol's number at once.
    if (auto stored = all.kernel->store_names("protocols", *next.knowledge.protocols); !stored)
        return stored;
    if (auto stored = all.kernel->store_names("applications", *next.knowledge.application_numbers);
        !stored)
        return stored;
    if (auto set = all.kernel->configure(next.config); !set)
        return set;
    if (auto set = all.rules.set(next); !set)
        return set;
    all.catalogs.publish(std::make_shared<const Catalog>(std::move(next)));
    return {};
}

Result<void> Daemon::start_workers() {
    KernelState &kernel = *machine_->kernel;
    const auto catalog = machine_->catalogs.get();
    ClassifierLimits limits;
    limits.flows = catalog->config.undecided;
    for (unsigned i = 0; i < kernel.shards(); i++) {
        auto worker = Worker::start(
            kernel, i, limits, catalog->knowledge,
            [this](const l7_verdict &verdict) { judged(verdict); },
            [this](const l7_record &head) { machine_->pickup.met(head); });
        if (!worker)
            return worker.error();
        machine_->workers.push_back(std::move(*worker));
    }
    return {};
}

/// From workers' threads: a verdict is in force.
void Daemon::judged(const l7_verdict &verdict) {
    machine_->conntrack.judged(verdict);
    if (verdict.protocol <= L7_UNKNOWN)
        return;
    if (const auto sync = machine_->sync.get())
        if (const auto state = machine_->replicas.state(verdict.key))
            sync->changed(*state);
}

/// Flows matter more than figures: where nobody can be listened to, the rest goes on.
void Daemon::serve_metrics() {
    if (auto served = metrics_->configure(machine_->catalogs.get()->config.metrics); !served)
        notes_.add(served.error().message + "; " + served.error().hint);
}

void Daemon::attach_configured() {
    const auto catalog = machine_->catalogs.get();
    const auto present = machine_->devices.report();
    for (const DeviceConfig &device : catalog->config.devices) {
        if (std::ranges::find(present, device.name, &DeviceReport::name) != present.end())
            continue;
        const AttachRequest request{device.ingress, device.egress, device.head, device.xdp,
                                    catalog->config.attach};
        if (auto attached = machine_->devices.attach(device.name, request); !attached)
            notes_.add(attached.error().message);
    }
}

Result<void> Daemon::reload() {
    const std::lock_guard one_at_a_time(reloading_);
    manager_.reloading();
    auto reloaded = read_again();
    manager_.ready(); // also with what it had before
    return reloaded;
}

Result<void> Daemon::read_again() {
    const auto before = machine_->catalogs.get();
    auto next = load_catalog(instance_.config, instance_.config_named, before->knowledge.numbers());
    if (!next)
        return std::move(next.error()).within("reload: nothing was changed");
    if (auto done = put_in_force(std::move(*next), before.get()); !done)
        return done;
    attach_configured();
    serve_metrics();
    const auto after = machine_->catalogs.get();
    notes_.add(fmt::format("reloaded: {} patterns, {} rejected, {} rules",
                           after->knowledge.database->patterns().size(), after->rejected.size(),
                           after->config.rules.size()));
    return {};
}

Result<void> Daemon::run() {
    const sigset_t signals = our_signals();
    signals_ = Fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_)
        return Error{std::string("waiting for signals: ") + std::strerror(errno)};
    timer_ = Fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    const itimerspec second{{1, 0}, {1, 0}};
    timerfd_settime(timer_.get(), 0, &second, nullptr);

    const Fd epoll(epoll_create1(EPOLL_CLOEXEC));
    using Handler = bool (Daemon::*)(); // false: it is time to stop
    const std::array<std::pair<int, Handler>, 5> sources{{{signals_.get(), &Daemon::on_signal},
                                                          {timer_.get(), &Daemon::on_timer},
                                                          {links_->fd(), &Daemon::on_links},
                                                          {server_->fd(), &Daemon::on_client},
                                                          {stop_.get(), &Daemon::on_stop}}};
    for (std::uint32_t i = 0; i < sources.size(); i++) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u32 = i;
        if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, sources[i].first, &event) != 0)
            return Error{std::string("waiting for events: ") + std::strerror(errno)};
    }
    manager_.ready();
    for (bool going = true; going;) {
        epoll_event event{};
        if (epoll_wait(epoll.get(), &event, 1, -1) == 1)
            going = (this->*sources[event.data.u32].second)();
    }
    manager_.stopping();
    return {};
}

bool Daemon::on_signal() {
    signalfd_siginfo info{};
    if (read(signals_.get(), &info, sizeof(info)) != sizeof(info))
        return true;
    if (info.ssi_signo != SIGHUP)
        return false;
    if (auto reloaded = reload(); !reloaded)
        notes_.add("reload: " + reloaded.error().message);
    return true;
}

bool Daemon::on_timer() {
    std::uint64_t count;
    if (read(timer_.get(), &count, sizeof(count)) != sizeof(count))
        return true;
    manager_.alive();
    metrics_->tick();
    for (const std::string &path : machine_->kernel->repair_pins())
        notes_.add("pin " + path + " was removed; pinned again");
    for (const std::string &path : machine_->devices.repair_pins())
        notes_.add("pin " + path + " was removed; pinned again");
    machine_->rules.look_at_devices();
    if (++ticks_ % kSweepEvery == 0)
        sweep();
    return true;
}

bool Daemon::on_links() {
    const bool all = links_->take([this](const LinkMonitor::Event &event) {
        if (std::string line = machine_->devices.on_link(event.link, event.gone); !line.empty())
            notes_.add(std::move(line));
    });
    if (!all)
        notes_.add("news of devices were lost; `l7ctl status` shows how they are");
    return true;
}

/// Removes flows and expectations that ended.
void Daemon::sweep() {
    Machine &all = *machine_;
    const auto sync = all.sync.get();
    for (const auto table : {FlowTables::Table::Flows, FlowTables::Table::Newcomers})
        if (auto swept =
                all.kernel->flows().sweep(table,
                                          [&](const l7_flow_entry &entry) {
                                              ended_flows_++;
                                              all.flow_export.swept(entry);
                                              if (sync && table == FlowTables::Table::Flows)
                                                  sync->ended(entry.key);
                                          });
            !swept)
            notes_.add(swept.error().message);
    const std::uint64_t now_ns = monotonic_ns();
    all.catalogs.get()->knowledge.expectations->sweep(now_ns);
    if (all.kernel->settings().expecting)
        all.kernel->forget_expectations(static_cast<std::uint32_t>(now_ns / kSecondNs));
    if (auto reported = all.flow_export.tick(kSweepEvery); !reported)
        notes_.add(reported.error().message);
}

} // namespace

Result<void> run_daemon(const Instance &instance, bool discard_state,
                        const std::function<void()> &started) {
    Daemon daemon(instance);
    if (auto opened = daemon.open(discard_state); !opened)
        return opened;
    started();
    return daemon.run();
}

} // namespace l7
