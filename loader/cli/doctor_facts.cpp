// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/doctor_facts.hpp"

#include "control/server.hpp"
#include "core/base/fields_json.hpp"
#include "core/policy/config.hpp"
#include "core/policy/shape_tree.hpp"
#include "core/report/status_report.hpp"
#include "kernel/programs.hpp"
#include "net/sizes.hpp"
#include "net/survey.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <linux/magic.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/vfs.h>
#include <thread>
#include <unistd.h>

namespace fs = std::filesystem;

namespace l7 {

namespace {

using Json = nlohmann::json;

template <class Request>
Result<std::vector<Json>> ask(const Instance &instance, Request request) {
    std::vector<Json> out;
    const auto take = [&](std::string_view line) {
        if (Json one = Json::parse(line, nullptr, false); one.is_object())
            out.push_back(std::move(one));
    };
    auto asked = ask_daemon(instance.socket, request, take, {.json = true});
    if (!asked)
        return asked.error();
    return out;
}

bool on_bpffs(const fs::path &directory) {
    struct statfs info {};
    fs::path at = directory;
    while (statfs(at.c_str(), &info) != 0) {
        if (!at.has_relative_path())
            return false;
        at = at.parent_path(); // not made yet
    }
    return static_cast<unsigned long>(info.f_type) == BPF_FS_MAGIC;
}

std::optional<bool> jit_sysctl() {
    std::ifstream file("/proc/sys/net/core/bpf_jit_enable");
    int value = 0;
    if (file >> value)
        return value != 0;
    return std::nullopt;
}

bool forwards(const char *family, const std::string &device) {
    std::ifstream file(fmt::format("/proc/sys/net/{}/conf/{}/forwarding", family, device));
    int value = 0;
    return file >> value && value != 0;
}

/// IPv6 packets of this namespace that were not forwarded as they were too large.
std::uint64_t too_big6() {
    std::ifstream file("/proc/self/net/snmp6");
    std::string name;
    for (std::uint64_t value = 0; file >> name >> value;)
        if (name == "Ip6InTooBigErrors")
            return value;
    return 0;
}

/// What passed since `before`, where that is enough to judge by; else all of it.
void only_since(const std::vector<HtbClassFacts> &before, std::vector<HtbClassFacts> &now) {
    constexpr std::uint64_t kEnough = 50;
    for (HtbClassFacts &one : now) {
        const auto then = std::ranges::find(before, one.id, &HtbClassFacts::id);
        if (then == before.end() || one.handed < then->handed + kEnough || one.bytes < then->bytes)
            continue;
        one.handed -= then->handed;
        one.bytes -= then->bytes;
    }
}

std::vector<std::uint64_t> net_rx() {
    std::ifstream file("/proc/softirqs");
    std::vector<std::uint64_t> out;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string name;
        if (words >> name && name == "NET_RX:")
            for (std::uint64_t count = 0; words >> count;)
                out.push_back(count);
    }
    return out;
}

/// Packets of ours by device and direction ("eth0 ingress").
using Accounting = std::map<std::string, std::uint64_t>;

Accounting accounting(const Instance &instance, std::uint64_t &all, std::uint64_t &unknown) {
    Accounting out;
    all = unknown = 0;
    const auto rows = ask(instance, request::Stats());
    if (!rows)
        return out;
    for (const Json &from : *rows) {
        const auto row = read_fields<StatsRow>(from);
        out[row.dev + " " + row.direction] += row.packets;
        all += row.packets;
        unknown += row.protocol == "unknown" ? row.packets : 0;
    }
    return out;
}

class Gathering {
  public:
    Gathering(const Instance &instance, const std::string &only_dev, double interval_s)
        : instance_(instance) {
        facts_.only_dev = only_dev;
        facts_.interval_s = interval_s;
        facts_.privileged = geteuid() == 0;
        facts_.bpffs = instance.bpffs;
        facts_.bpffs_mounted = on_bpffs(instance.bpffs);
        facts_.jit = jit_sysctl();
    }

    Result<DoctorFacts> run() {
        if (auto read = read_daemon(); !read)
            return read.error();
        read_namespace();
        read_devices();
        watch();
        return std::move(facts_);
    }

  private:
    template <class T>
    std::optional<T> note(Result<T> read) {
        if (read)
            return std::move(*read);
        facts_.unread.push_back(read.error().message);
        return std::nullopt;
    }

    Result<void> read_daemon() {
        auto status = ask(instance_, request::Status()), more = ask(instance_, request::Facts());
        if (!status || !more || status->empty() || more->empty()) {
            facts_.daemon_trouble = !status ? status.error().message
                                    : !more ? more.error().message
                                            : "an empty answer";
            return read_config();
        }
        status_ = read_fields<StatusReport>(status->front());
        take(read_fields<FactsReport>(more->front()));
        return {};
    }

    /// What the daemon said.
    void take(FactsReport facts) {
        facts_.mark_mask = status_.mark_mask;
        facts_.rules = std::move(facts.rules);
        DaemonFacts &to = facts_.daemon.emplace();
        to.bypass = status_.bypass;
        to.patterns = static_cast<unsigned>(status_.patterns);
        to.rejected = std::move(facts.rejected);
        to.records = status_.counters.records;
        to.records_lost = status_.counters.records_lost;
        for (const WorkerReport &worker : status_.workers) {
            to.ring_waiting += worker.ring_waiting;
            to.ring_size += worker.ring_size;
        }
        to.tcp_flows = facts.tcp_flows;
        to.tcp_one_sided = facts.tcp_one_sided;
        to.tables = std::move(facts.tables);
        for (TableFacts &table : to.tables)
            table.failed = table.name == "flows" ? status_.counters.flows_failed
                                                 : status_.counters.newcomers_failed;
    }

    /// Without a daemon the file has to do.
    Result<void> read_config() {
        const auto config = load_config(instance_.config, instance_.config_named);
        if (!config)
            return config.error();
        facts_.mark_mask = config->mark_mask;
        for (const Rule &rule : config->rules)
            facts_.rules.push_back({rule.line, rule.classid, rule.mark});
        return {};
    }

    void read_namespace() {
        if (auto rules = note(mark_rules()))
            facts_.policy_rules = std::move(*rules);
        if (auto tables = flowtables())
            facts_.flowtables = std::move(*tables);
        if (auto links = note(survey_links()))
            links_ = std::move(*links);
        if (auto sizes = note(link_sizes()))
            sizes_ = std::move(*sizes);
    }

    /// The devices to judge: the one named, or those the daemon or the kernel knows us to be on.
    void read_devices() {
        std::set<std::string> names;
        if (!facts_.only_dev.empty())
            names.insert(facts_.only_dev);
        else
            for (const DeviceReport &device : status_.devices)
                names.insert(device.name);
        for (const LinkSurvey &survey : links_) {
            hooks_[survey.link.name] = {programs_at(survey.link.ifindex, L7_INGRESS),
                                        programs_at(survey.link.ifindex, L7_EGRESS)};
            const auto &[ingress, egress] = hooks_[survey.link.name];
            if (facts_.only_dev.empty() && (ingress.ours || egress.ours))
                names.insert(survey.link.name);
            if (!names.contains(survey.link.name))
                facts_.classes_elsewhere[survey.link.name] = survey.classes;
            if (ingress.ours || egress.ours) // how our own programs are says more than a sysctl
                facts_.jit = ingress.compiled || egress.compiled;
        }
        for (const std::string &name : names)
            facts_.devices.push_back(device(name));
        for (const auto &[ifindex, one] : sizes_) {
            const auto under = sizes_.find(one.under);
            if (one.overhead != 0 && under != sizes_.end() &&
                (names.contains(one.name) || names.contains(under->second.name)))
                facts_.tunnels.push_back({one.name, one.kind, one.sizes.mtu, one.overhead,
                                          under->second.name, under->second.sizes.mtu});
        }
    }

    /// Limits on packets, and how large those were that HTB's classes took.
    void read_sizes(const LinkSurvey &survey, DeviceFacts &to) {
        to.sizes = sizes_[survey.link.ifindex].sizes;
        to.htb = htb_of(survey.link.ifindex);
        for (const auto &[ifindex, one] : sizes_)
            if (one.kind == "ifb" && one.name == ifb_name(to.name))
                to.ifb = {one.name, one.sizes, htb_of(ifindex)};
    }

    std::vector<HtbClassFacts> htb_of(std::uint32_t ifindex) {
        auto classes = note(htb_classes(ifindex));
        return classes ? std::move(*classes) : std::vector<HtbClassFacts>();
    }

    std::uint32_t ifindex_of(const std::string &name) const {
        const auto at =
            std::ranges::find(sizes_, name, [](const auto &one) { return one.second.name; });
        return at == sizes_.end() ? 0 : at->first;
    }

    /// The classes again, after we have watched.
    void reread_classes() {
        for (DeviceFacts &device : facts_.devices) {
            const auto anew = [this](const std::string &name, std::vector<HtbClassFacts> &classes) {
                if (classes.empty())
                    return;
                auto now = htb_of(ifindex_of(name));
                only_since(classes, now);
                classes = std::move(now);
            };
            anew(device.name, device.htb);
            if (device.ifb)
                anew(device.ifb->name, device.ifb->htb);
        }
    }

    DeviceFacts device(const std::string &name) {
        DeviceFacts out;
        out.name = name;
        const auto survey =
            std::ranges::find(links_, name, [](const LinkSurvey &one) { return one.link.name; });
        out.present = survey != links_.end();
        if (!out.present)
            return out;
        out.up = survey->link.up;
        out.root_qdisc = survey->root_qdisc;
        out.root_handle = survey->root_handle;
        out.classes = survey->classes;
        read_sizes(*survey, out);
        const auto on = features(name);
        const auto feature = [&on](const char *which) {
            const auto at = on.find(which);
            return at == on.end() ? std::nullopt : std::optional(at->second);
        };
        out.hw_tc_offload = feature("hw-tc-offload");
        out.lro = feature("rx-lro");
        out.forwards4 = forwards("ipv4", name);
        out.forwards6 = forwards("ipv6", name);
        for (const bool egress : {false, true}) {
            HookFacts &hook = egress ? out.egress : out.ingress;
            const HookPrograms &found = egress ? hooks_[name].second : hooks_[name].first;
            hook.attached = found.ours != 0;
            hook.known = found.known;
            hook.before = found.before;
            if (const auto filters = clsact_filters(survey->link.ifindex, egress))
                out.hw_filters += static_cast<unsigned>(
                    std::ranges::count(*filters, true, &ClsactFilter::in_hardware));
        }
        for (const DeviceReport &known : status_.devices)
            if (known.name == name) {
                out.trouble = known.trouble;
                out.ingress.in_place = !known.ingress || known.ingress->in_place;
                out.egress.in_place = !known.egress || known.egress->in_place;
            }
        return out;
    }

    struct Moment {
        std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> devices; // received, sent
        Accounting ours;
        std::vector<std::uint64_t> net_rx;
    };

    Moment look() {
        Moment out;
        if (const auto links = survey_links())
            for (const LinkSurvey &one : *links)
                out.devices[one.link.name] = {one.rx_packets, one.tx_packets};
        out.net_rx = net_rx();
        if (facts_.daemon)
            out.ours =
                accounting(instance_, facts_.daemon->packets, facts_.daemon->unknown_packets);
        return out;
    }

    /// Looks twice, and leaves the differences in the facts.
    void watch() {
        const RunCounting counting;
        std::map<std::uint32_t, std::uint64_t> runs_before;
        const auto each_hook = [&](const auto &each) {
            for (DeviceFacts &device : facts_.devices) {
                each(device, device.ingress, hooks_[device.name].first.ours, false);
                each(device, device.egress, hooks_[device.name].second.ours, true);
            }
        };
        each_hook([&](DeviceFacts &, const HookFacts &hook, std::uint32_t ours, bool) {
            if (ours)
                runs_before[ours] = counting.runs(ours).value_or(0);
            for (const ProgramFacts &one : hook.before)
                runs_before[one.id] = counting.runs(one.id).value_or(0);
        });
        const std::uint64_t too_big_before = too_big6();
        Moment before = look();
        std::this_thread::sleep_for(std::chrono::duration<double>(facts_.interval_s));
        Moment after = look();
        facts_.too_big6 = too_big6() - too_big_before;
        reread_classes();

        const auto runs = [&](std::uint32_t id) -> std::optional<std::uint64_t> {
            const auto now = id ? counting.runs(id) : std::nullopt;
            if (!now)
                return std::nullopt;
            return *now - std::min(*now, runs_before[id]);
        };
        const auto since = [](std::uint64_t now, std::uint64_t then) {
            return now - std::min(now, then); // a device that was made anew counts from zero
        };
        each_hook([&](const DeviceFacts &device, HookFacts &hook, std::uint32_t ours, bool egress) {
            hook.our_runs = runs(ours);
            for (ProgramFacts &one : hook.before)
                one.runs = runs(one.id);
            const auto [rx, tx] = before.devices[device.name];
            const auto [rx_now, tx_now] = after.devices[device.name];
            hook.device_packets = egress ? since(tx_now, tx) : since(rx_now, rx);
            const std::string row = device.name + (egress ? " egress" : " ingress");
            hook.our_packets = since(after.ours[row], before.ours[row]);
        });
        for (std::size_t i = 0; i < after.net_rx.size() && i < before.net_rx.size(); i++)
            facts_.net_rx.push_back(since(after.net_rx[i], before.net_rx[i]));
    }

    const Instance &instance_;
    DoctorFacts facts_;
    StatusReport status_;
    std::vector<LinkSurvey> links_;
    std::map<std::uint32_t, LinkSizes> sizes_;
    std::map<std::string, std::pair<HookPrograms, HookPrograms>> hooks_; // ingress, egress
};

} // namespace

Result<DoctorFacts> gather_facts(const Instance &instance, const std::string &only_dev,
                                 double interval_s) {
    return Gathering(instance, only_dev, interval_s).run();
}

} // namespace l7
