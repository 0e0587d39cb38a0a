// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/findings_device.hpp"

#include "core/report/findings_sizes.hpp"
#include "core/report/flow_report.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace l7 {

namespace {

// Packets the device must have counted before a difference means anything, and the share of them
// that we may miss: both counters are read a moment apart.
constexpr std::uint64_t kHookPacketsMin = 20;
constexpr double kSeenShare = 0.5;
constexpr std::size_t kClassesShown = 8;

class DeviceDiagnosis : DeviceFindings {
  public:
    DeviceDiagnosis(const DeviceFacts &device, const DoctorFacts &facts, std::vector<Finding> &out)
        : DeviceFindings(device, out), facts_(facts) {
        for (const RuleFacts &rule : facts.rules)
            if (rule.classid)
                wanted_.insert({*rule.classid, rule.line});
    }

    void run() {
        if (!hooks())
            return;
        for (const bool egress : {false, true}) {
            const HookFacts &hook = egress ? device_.egress : device_.ingress;
            if (!hook.attached)
                continue;
            sees_packets(hook, egress);
            chain(hook, egress);
        }
        if (device_.egress.attached)
            classes();
        hardware();
        diagnose_sizes(device_, facts_, out_);
    }

  private:
    /// False when there is nothing of us to look at.
    bool hooks() {
        if (!device_.present) {
            add(Severity::Problem, "attached", "the network devices", "there is no such device",
                "ip link lists them; one we are attached to is awaited, and attached when it "
                "comes");
            return false;
        }
        if (!device_.trouble.empty())
            add(Severity::Problem, "attached", "what the daemon says", device_.trouble,
                "l7ctl detach dev DEV, then attach it again");
        if (!device_.up)
            add(Severity::Warning, "attached", "its flags", "the device is down",
                "ip link set " + device_.name + " up");
        const HookFacts &in = device_.ingress, &out = device_.egress;
        const std::string looked_at = "the programs at ingress and egress";
        if (!in.known || !out.known) {
            add(Severity::Info, "attached", looked_at, "the kernel does not let us look",
                "run as root");
            return in.attached || out.attached;
        }
        if (!in.attached && !out.attached) {
            add(Severity::Problem, "attached", looked_at,
                in.in_place && out.in_place ? "not attached: nothing of it is seen"
                                            : "somebody took our programs off",
                "l7ctl attach dev " + device_.name +
                    (in.in_place && out.in_place ? "" : ", after l7ctl detach"));
            return false;
        }
        if (in.attached && out.attached)
            add(Severity::Ok, "attached", looked_at, "ours are on both");
        else
            one_hook(looked_at);
        return true;
    }

    void one_hook(const std::string &looked_at) {
        const bool egress = device_.egress.attached;
        const HookFacts &missing = egress ? device_.ingress : device_.egress;
        const std::string advice = "l7ctl detach dev " + device_.name + ", then l7ctl attach dev " +
                                   device_.name + " both";
        if (!missing.in_place)
            add(Severity::Problem, "attached", looked_at,
                fmt::format("somebody took our program off {}", egress ? "ingress" : "egress"),
                advice);
        else if (egress || wanted_.empty())
            add(Severity::Info, "attached", looked_at,
                fmt::format("only {} is attached: what goes the other way is seen only where it "
                            "passes another device of ours",
                            egress ? "egress" : "ingress"),
                advice);
        else
            add(Severity::Problem, "egress", looked_at,
                "egress is not attached, and classes are set there: nothing that leaves is shaped, "
                "least of all this host's own traffic",
                advice);
    }

    void sees_packets(const HookFacts &hook, bool egress) {
        if (!facts_.daemon)
            return; // there is nobody to ask for the accounting
        Finding &out =
            add(Severity::Ok, "sees-packets",
                fmt::format("{} packets of the device and of our accounting, over {:g} s",
                            egress ? "sent" : "received", facts_.interval_s),
                "we count what the device counts");
        out.numbers = {{"device", static_cast<double>(hook.device_packets)},
                       {"accounted", static_cast<double>(hook.our_packets)}};
        if (hook.device_packets < kHookPacketsMin) {
            out.severity = Severity::Info;
            out.found = fmt::format("{} packets are too few to judge by", hook.device_packets);
            return;
        }
        if (static_cast<double>(hook.our_packets) >=
            kSeenShare * static_cast<double>(hook.device_packets))
            return;
        out.severity = Severity::Problem;
        out.found =
            fmt::format("of {} packets {} passed us", hook.device_packets, hook.our_packets);
        out.advice = "something takes them before us: see the findings about programs and offload; "
                     "l7ctl status counts those that are bypassed";
    }

    static std::string name_of(const ProgramFacts &one) {
        return one.id ? fmt::format("{} program {} (id {})", one.kind, one.name, one.id)
                      : fmt::format("{} filter {}", one.kind, one.name);
    }

    void chain(const HookFacts &hook, bool egress) {
        const std::string looked_at =
            fmt::format("what comes before ours at {}", egress ? "egress" : "ingress");
        if (hook.before.empty()) {
            add(Severity::Ok, "chain", looked_at, "nothing");
            return;
        }
        for (const ProgramFacts &one : hook.before)
            before(one, hook, looked_at);
    }

    void before(const ProgramFacts &one, const HookFacts &hook, const std::string &looked_at) {
        const bool counted = one.runs && hook.our_runs && *one.runs >= kHookPacketsMin;
        const double through =
            counted ? static_cast<double>(*hook.our_runs) / static_cast<double>(*one.runs) : 1;
        const std::string advice =
            one.kind == "xdp" ? "let it return XDP_PASS for what l7ctl shall see, or detach it"
                              : "attach ours first (l7ctl detach, then attach dev " + device_.name +
                                    " both head), or let it return " +
                                    (one.kind == "tcx" ? "TCX_NEXT (-1)" : "TC_ACT_UNSPEC (-1)");
        Severity severity = Severity::Info;
        std::string found = name_of(one) + " may end the chain; ours may not see every packet";
        if (one.ends == ProgramFacts::Ends::Always) {
            severity = Severity::Problem;
            found = name_of(one) + " always ends the chain: no packet comes to us";
        } else if (counted && through < kSeenShare) {
            severity = Severity::Problem;
            found = fmt::format("{} lets {:.0f} % of its packets come to us", name_of(one),
                                through * 100);
        } else if (one.ends == ProgramFacts::Ends::Never) {
            severity = Severity::Ok;
            found = name_of(one) + " always goes on to the next";
        } else if (counted) {
            found = fmt::format("{} lets {:.0f} % of its packets come to us", name_of(one),
                                std::min(through, 1.0) * 100);
        }
        Finding &out = add(severity, "chain", looked_at, std::move(found),
                           severity == Severity::Ok ? std::string() : advice);
        if (one.runs && hook.our_runs)
            out.numbers = {{"its_runs", static_cast<double>(*one.runs)},
                           {"our_runs", static_cast<double>(*hook.our_runs)}};
    }

    /// Whether the class is on this device: as a class, or as a tin of CAKE, which are none.
    bool has(std::uint32_t classid) const {
        return device_.classes.contains(classid) ||
               (device_.root_qdisc == "cake" && classid >> 16 == device_.root_handle >> 16);
    }

    bool elsewhere(std::uint32_t classid) const {
        for (const DeviceFacts &other : facts_.devices)
            if (other.classes.contains(classid))
                return true;
        return std::ranges::any_of(facts_.classes_elsewhere, [classid](const auto &other) {
            return other.second.contains(classid);
        });
    }

    void classes() {
        const std::string looked_at =
            fmt::format("the root qdisc {} {}, its {} classes, and the classes of our rules",
                        device_.root_qdisc, fmt::format("{:x}:", device_.root_handle >> 16),
                        device_.classes.size());
        if (wanted_.empty()) {
            add(Severity::Info, "classes", looked_at, "no rule names a class",
                "classid = \"MAJ:MIN\" in a [[rule]] of l7ctl.toml");
            return;
        }
        std::string here, nowhere;
        std::size_t missing = 0, lost = 0;
        for (const auto &[classid, line] : wanted_) {
            if (has(classid))
                continue;
            const bool other = elsewhere(classid);
            missing++;
            lost += other ? 0 : 1;
            std::string &list = other ? here : nowhere;
            if ((other ? missing - lost : lost) <= kClassesShown)
                list += fmt::format("{}{}{}", list.empty() ? "" : ", ", classid_text(classid),
                                    line ? fmt::format(" (rule in line {})", line) : "");
        }
        const auto numbers = [&](Finding &of) {
            of.numbers = {{"named", static_cast<double>(wanted_.size())},
                          {"missing", static_cast<double>(missing)},
                          {"nowhere", static_cast<double>(lost)}};
        };
        if (lost && !takes_class_from_priority(device_.root_qdisc))
            numbers(add(Severity::Problem, "root-qdisc", looked_at,
                        "the root qdisc has no classes that a packet's priority could name: " +
                            nowhere + " take no effect here or anywhere",
                        "put a classful qdisc there (tc qdisc replace dev " + device_.name +
                            " root handle 1: htb ...) and its classes"));
        else if (lost)
            numbers(add(Severity::Problem, "classes", looked_at,
                        "no device has the class " + nowhere +
                            ": such packets go to the qdisc's default",
                        "make the class with tc class add, or correct the rule; both are "
                        "hexadecimal"));
        else if (missing)
            numbers(add(Severity::Info, "classes", looked_at,
                        "other devices have " + here + ", this one has not"));
        else
            numbers(add(Severity::Ok, "classes", looked_at, "it has every class that rules name"));
    }

    void hardware() {
        if (!device_.hw_tc_offload.has_value())
            return;
        if (!*device_.hw_tc_offload || device_.hw_filters == 0) {
            add(Severity::Ok, "hw-offload", "the feature hw-tc-offload and its filters",
                *device_.hw_tc_offload ? "it is on, but no filter is carried out in hardware"
                                       : "it is off");
            return;
        }
        add(Severity::Problem, "hw-offload", "the feature hw-tc-offload and its filters",
            fmt::format("{} filters are carried out in hardware: what they redirect does not come "
                        "to us",
                        device_.hw_filters),
            "ethtool -K " + device_.name + " hw-tc-offload off, or skip_hw on these filters")
            .numbers = {{"filters", device_.hw_filters}};
    }

    const DoctorFacts &facts_;
    std::map<std::uint32_t, unsigned> wanted_; // class -> line of the first rule that names it
};

} // namespace

bool takes_class_from_priority(const std::string &qdisc) {
    static constexpr std::array<std::string_view, 7> kKinds{"htb",  "hfsc", "drr", "qfq",
                                                            "prio", "ets",  "cake"};
    return std::ranges::find(kKinds, qdisc) != kKinds.end();
}

void diagnose_device(const DeviceFacts &device, const DoctorFacts &facts,
                     std::vector<Finding> &out) {
    DeviceDiagnosis(device, facts, out).run();
}

} // namespace l7
