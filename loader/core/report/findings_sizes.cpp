// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/findings_sizes.hpp"

#include "core/policy/shape_config.hpp"
#include "core/report/findings_device.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace l7 {

namespace {

constexpr std::uint32_t kGsoUsual = 65536; ///< beyond it is "BIG TCP"
// What a class did not send while nobody looked it may make up for within its burst. Measured on
// Linux 6.18: from 500 mbit/s on, a burst of less than a millisecond costs 2 to 20 % of the rate.
constexpr double kBurstLeastS = 0.001;
constexpr std::uint64_t kBurstRateMin = 500'000'000 / 8;
constexpr std::uint64_t kHandedMin = 20; ///< packets a class must have had to be judged by
constexpr double kGsoFactor = 2;         ///< from so many times the MTU on, GSO counts
constexpr double kPacketTimeWarning = 0.1;
constexpr std::size_t kShown = 8;

class SizeDiagnosis : DeviceFindings {
  public:
    SizeDiagnosis(const DeviceFacts &device, const DoctorFacts &facts, std::vector<Finding> &out)
        : DeviceFindings(device, out), facts_(facts) {}

    void run() {
        receive_offload();
        big_packets();
        classes(device_.name, device_.sizes, device_.htb);
        if (!device_.ifb)
            return;
        cut_again(*device_.ifb);
        classes(device_.ifb->name, device_.ifb->sizes, device_.ifb->htb);
    }

  private:
    /// What LRO merged cannot be cut into what it was: ip_forward() drops it.
    void receive_offload() {
        if (!device_.lro)
            return;
        const std::string looked_at = "the feature large-receive-offload, and forwarding";
        if (!*device_.lro)
            add(Severity::Ok, "lro", looked_at, "it is off");
        else if (device_.forwards4 || device_.forwards6)
            add(Severity::Problem, "lro", looked_at,
                "large receive offload is on: what it merges is dropped instead of forwarded",
                "ethtool -K " + device_.name + " lro off");
        else
            add(Severity::Ok, "lro", looked_at, "it is on, and this device forwards nothing");
    }

    /// Beyond 64 KiB, IPv6 packets carry a jumbogram's header, with which each segment is a bit
    /// larger than the MTU allows: Linux 6.18 answers them with "packet too big".
    void big_packets() {
        const PacketSizes &sizes = device_.sizes;
        if (sizes.gso_max_size == 0)
            return;
        const std::uint32_t most = std::max({sizes.gso_max_size, sizes.gso_ipv4_max_size,
                                             sizes.gro_max_size, sizes.gro_ipv4_max_size});
        Finding &out = add(Severity::Ok, "packet-sizes", "the device's GSO and GRO limits",
                           "packets have at most 64 KiB before they are cut");
        out.numbers = {{"mtu", sizes.mtu},
                       {"gso_max_size", sizes.gso_max_size},
                       {"gso_max_segs", sizes.gso_max_segs},
                       {"gro_max_size", sizes.gro_max_size}};
        if (most <= kGsoUsual)
            return;
        out.found = fmt::format("packets may have {} bytes before they are cut", most);
        if (!device_.forwards6 || std::max(sizes.gso_max_size, sizes.gro_max_size) <= kGsoUsual)
            return;
        out.severity = facts_.too_big6 ? Severity::Warning : Severity::Info;
        out.found += fmt::format(": over IPv6 those above 64 KiB may be refused as too big when "
                                 "they are forwarded; {} were refused while we watched",
                                 facts_.too_big6);
        out.numbers.emplace_back("too_big", static_cast<double>(facts_.too_big6));
        out.advice = fmt::format("ip link set dev {} gso_max_size {} gro_max_size {}, and "
                                 "gso_max_size likewise in the containers and guests behind",
                                 device_.name, kGsoUsual, kGsoUsual);
    }

    /// Measured: a smaller gso_max_size than what comes in makes many packets of one. The MTU of an
    /// IFB does not matter: nothing looks at it there.
    void cut_again(const IfbFacts &ifb) {
        const PacketSizes &in = device_.sizes;
        if (ifb.sizes.gso_max_size == 0 || in.gro_max_size == 0)
            return;
        const bool smaller = ifb.sizes.gso_max_size < in.gro_max_size ||
                             ifb.sizes.gso_ipv4_max_size < in.gro_ipv4_max_size;
        Finding &out =
            add(Severity::Ok, "ifb-sizes", "gro_max_size here, and gso_max_size of " + ifb.name,
                "it takes packets as large as they come in");
        out.numbers = {{"gro_max_size", in.gro_max_size},
                       {"gro_ipv4_max_size", in.gro_ipv4_max_size},
                       {"ifb_gso_max_size", ifb.sizes.gso_max_size},
                       {"ifb_gso_ipv4_max_size", ifb.sizes.gso_ipv4_max_size}};
        if (!smaller)
            return;
        out.severity = Severity::Warning;
        out.found =
            fmt::format("{} cuts packets of more than {} bytes into segments, each of which "
                        "then goes through the host by itself",
                        ifb.name, std::min(ifb.sizes.gso_max_size, ifb.sizes.gso_ipv4_max_size));
        // Up to 64 KiB the kernel sets both at once.
        out.advice = fmt::format("ip link set dev {} gso_max_size {}", ifb.name, in.gro_max_size);
        if (in.gro_ipv4_max_size > kGsoUsual)
            out.advice += fmt::format(" gso_ipv4_max_size {}", in.gro_ipv4_max_size);
    }

    void classes(const std::string &on, const PacketSizes &sizes,
                 const std::vector<HtbClassFacts> &htb) {
        if (htb.empty())
            return;
        bursts(on, htb);
        for (const HtbClassFacts &one : htb)
            if (one.leaf && one.handed >= kHandedMin && one.rate != 0)
                packets_of(on, sizes, one, htb);
    }

    void bursts(const std::string &on, const std::vector<HtbClassFacts> &htb) {
        const auto short_of = [](std::uint64_t rate, std::uint32_t burst) {
            return rate >= kBurstRateMin && burst < static_cast<double>(rate) * kBurstLeastS;
        };
        std::string list;
        std::size_t count = 0;
        const HtbClassFacts *fastest = nullptr;
        for (const HtbClassFacts &one : htb) {
            if (!short_of(one.rate, one.burst) && !short_of(one.ceil, one.cburst))
                continue;
            if (count++ < kShown)
                list += fmt::format("{}{}", list.empty() ? "" : ", ", handle_text(one.id));
            if (!fastest || one.ceil > fastest->ceil)
                fastest = &one;
        }
        const std::string looked_at = fmt::format("burst and cburst of HTB's classes on {}", on);
        if (!fastest) {
            add(Severity::Ok, "class-bursts", looked_at, "they last for a millisecond or more");
            return;
        }
        const auto worth = static_cast<std::uint64_t>(static_cast<double>(fastest->ceil) * 0.01);
        Finding &out =
            add(Severity::Warning, "class-bursts", looked_at,
                fmt::format(
                    "class {}: the burst lasts for less than a millisecond, so that what is not "
                    "sent in time is lost: a fifth of the rate may be",
                    list),
                fmt::format(
                    "give 10 ms of the rate: tc class change dev {} classid {} ... burst {}b "
                    "cburst {}b",
                    on, handle_text(fastest->id),
                    static_cast<std::uint64_t>(static_cast<double>(fastest->rate) * 0.01), worth));
        out.numbers = {{"classes", static_cast<double>(count)},
                       {"rate", static_cast<double>(fastest->rate) * 8},
                       {"ceil", static_cast<double>(fastest->ceil) * 8},
                       {"burst", fastest->burst},
                       {"cburst", fastest->cburst}};
    }

    /// HTB takes a GSO packet whole, and lets each class in turn send one, however large.
    void packets_of(const std::string &on, const PacketSizes &sizes, const HtbClassFacts &one,
                    const std::vector<HtbClassFacts> &htb) {
        const double size = static_cast<double>(one.bytes) / static_cast<double>(one.handed);
        const double time = size / static_cast<double>(one.rate);
        const bool gso = sizes.mtu != 0 && size > kGsoFactor * sizes.mtu;
        const bool slow = gso && time > kPacketTimeWarning;
        const bool shares = std::ranges::any_of(htb, [&](const HtbClassFacts &other) {
            return other.leaf && other.id != one.id && other.parent == one.parent;
        });
        const bool unfair = gso && shares && one.ceil > one.rate && size > one.quantum;
        Finding &out =
            add(Severity::Ok, "class-packets",
                fmt::format("packets that class {} on {} took, against its rate and quantum",
                            handle_text(one.id), on),
                fmt::format("they have {:.0f} bytes on average, {:.0f} ms at its rate", size,
                            time * 1000));
        out.numbers = {{"packets", static_cast<double>(one.handed)},
                       {"bytes", static_cast<double>(one.bytes)},
                       {"rate", static_cast<double>(one.rate) * 8},
                       {"quantum", one.quantum},
                       {"milliseconds", time * 1000}};
        if (slow)
            out.found += ": whatever comes behind one waits that long";
        if (unfair)
            out.found += fmt::format("{} its quantum is less, so that it and its neighbours share "
                                     "what is left packet by packet, not by their rates",
                                     slow ? ", and" : ":");
        if (!slow && !unfair)
            return;
        out.severity = slow ? Severity::Warning : Severity::Info;
        double fits = size;
        if (slow)
            fits = kPacketTimeWarning * static_cast<double>(one.rate);
        if (unfair)
            fits = std::min<double>(fits, one.quantum);
        const auto limit = static_cast<std::uint32_t>(std::max(fits, kGsoFactor * sizes.mtu));
        out.advice =
            on == device_.name
                ? fmt::format("let them be smaller: ip link set dev {} gso_max_size {} for this "
                              "host's own, gro_max_size likewise where forwarded ones come in",
                              on, limit)
                : fmt::format("let them be smaller: ip link set dev {} gro_max_size {}",
                              device_.name, limit);
        out.advice += "; or leaf = \"cake\", which cuts them";
    }

    const DoctorFacts &facts_;
};

} // namespace

void diagnose_sizes(const DeviceFacts &device, const DoctorFacts &facts,
                    std::vector<Finding> &out) {
    SizeDiagnosis(device, facts, out).run();
}

void diagnose_tunnels(const std::vector<TunnelFacts> &tunnels, std::vector<Finding> &out) {
    for (const TunnelFacts &one : tunnels) {
        const std::uint32_t fits = one.under_mtu - std::min(one.under_mtu, one.overhead);
        Finding finding{
            Severity::Ok,
            "tunnel-mtu",
            one.name,
            fmt::format("MTU of this {} tunnel, and of {} that carries it", one.kind, one.under),
            "its packets fit with their headers",
            {{"mtu", one.mtu}, {"overhead", one.overhead}, {"under", one.under_mtu}},
            {}};
        if (one.mtu > fits) {
            finding.severity = Severity::Warning;
            finding.found = fmt::format("packets of {} bytes and {} of headers do not fit into the "
                                        "{} of {}: large ones are cut in fragments, or lost",
                                        one.mtu, one.overhead, one.under_mtu, one.under);
            finding.advice = fmt::format("ip link set dev {} mtu {}", one.name, fits);
        }
        out.push_back(std::move(finding));
    }
}

} // namespace l7
