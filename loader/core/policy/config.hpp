// SPDX-License-Identifier: GPL-2.0-or-later
// The configuration file, l7ctl.toml, read into values. Reading has no effects.
#pragma once

#include "core/base/result.hpp"
#include "core/expect/listener.hpp"
#include "core/policy/export_config.hpp"
#include "core/policy/ranges.hpp"
#include "core/policy/shape_config.hpp"
#include "core/policy/sync_config.hpp"

#include <l7ctl/abi.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace l7 {

/// A rule: conditions, all of which a flow must meet, and what happens to its packets then. First
/// match wins.
struct Rule {
    std::vector<std::string> protocols;
    std::vector<std::string> applications;
    std::vector<std::string> groups;    ///< of the protocol or the application
    std::vector<std::string> hostnames; ///< shell patterns
    std::vector<std::string> devices;
    std::vector<Prefix6> prefixes;                              ///< of either end
    std::vector<std::pair<std::uint16_t, std::uint16_t>> ports; ///< of either end: from, to
    std::optional<bool> ingress;                                ///< else egress
    std::vector<std::uint8_t> dscps;                            ///< of the packet
    std::array<std::optional<Range>, L7_AMOUNTS> amounts;       ///< l7_amount says what of
    bool unset = false;
    bool unknown = false;
    bool everything = false; ///< whatever the flow is
    std::optional<std::uint32_t> mark;
    std::uint32_t mark_mask = ~0U;        ///< bits that the mark writes, of those that are ours
    std::optional<std::uint32_t> classid; ///< MAJ:MIN as in skb->priority
    std::optional<std::uint8_t> set_dscp; ///< RFC 2474, 0 to 63
    bool drop = false;
    bool keep = false; ///< nothing is done, whatever later rules say
    unsigned line = 0;
};

struct DeviceConfig {
    std::string name;
    bool ingress = true;
    bool egress = true;
    bool head = false;
    bool xdp = false; ///< flows that are dropped are so in XDP
};

/// How programs are put on a device.
enum class AttachWay { Auto, Tcx, Clsact };

struct TimeoutConfig { ///< seconds
    std::uint32_t tcp_established = 7200;
    std::uint32_t tcp_opening = 120;
    std::uint32_t tcp_closed = 10;
    std::uint32_t udp_replied = 180;
    std::uint32_t udp_unreplied = 60;
    std::uint32_t icmp = 60;
    std::uint32_t other = 600;

    bool operator==(const TimeoutConfig &) const = default;
};

struct MetricsConfig {
    std::string listen = "127.0.0.1:9817"; ///< "": off
    std::vector<std::string> hosts;        ///< names in the Host header, besides the address
    std::uint32_t protocols = 50;          ///< that have a name of their own; the rest is "other"
    std::uint32_t applications = 50;       ///< the same

    bool operator==(const MetricsConfig &) const = default;
};

/// The verdict in the connection tracking's mark.
struct ConntrackConfig {
    bool mark = false;
    std::uint32_t mask = 0; ///< bits of it that are ours; 0: as of the packet's mark

    bool operator==(const ConntrackConfig &) const = default;
};

struct Config {
    std::uint32_t workers = 0; ///< 0: one for each CPU, at most 4
    AttachWay attach = AttachWay::Auto;
    std::uint32_t mark_mask = 0x0000ff00;
    std::uint32_t packets = 10;         ///< payload packets looked at per direction
    std::uint32_t bytes = 4096;         ///< payload bytes looked at per direction
    std::uint32_t flows = 131072;       ///< table of flows with a verdict
    std::uint32_t newcomers = 16384;    ///< table of flows without one
    std::uint32_t ring_bytes = 4 << 20; ///< each worker's ring, a power of two
    std::uint32_t undecided = 16384;    ///< flows a worker holds bytes of
    bool tcp_loose = true;              ///< connections whose beginning was not seen are judged
    bool remember_servers = true;       ///< new flows start with what their server's others were
    bool dns_hints = true;              ///< addresses are known by the answers that name them
    std::uint32_t tunnels = 1;          ///< L7_TUNNEL_: whose inner flows are judged
    TimeoutConfig timeouts;
    MetricsConfig metrics;
    ConntrackConfig conntrack;
    ExpectOptions expect = ExpectOptions::defaults();
    ExportConfig exporting;
    SyncConfig sync;
    std::vector<std::string> pattern_dirs; ///< empty: the defaults
    std::vector<DeviceConfig> devices;
    std::vector<Rule> rules;
    std::uint32_t hysteresis = 10; ///< percent by which a rate's range is wider for who is in it
    ShapeConfig shape;
};

/// Reads a configuration. The error has one `file:line:column: what` for each thing that is wrong,
/// with the offending text.
Result<Config> parse_config(std::string_view text, const std::string &file);

/// Reads the file; one that is not there is an error only where `needed`.
Result<Config> load_config(const std::string &file, bool needed);

/// "ipip", "gre", "gtp-u" and "vxlan" to L7_TUNNEL_ bits, and back; nothing for another word.
std::optional<std::uint32_t> tunnel_bit(std::string_view name);
std::vector<std::string> tunnel_names(std::uint32_t tunnels);

/// Whether this is "ADDRESS:PORT", an IPv6 address in brackets.
bool is_listen_address(std::string_view text);

/// "1:10" (hexadecimal, as tc reads it) to MAJ << 16 | MIN.
std::optional<std::uint32_t> parse_classid(std::string_view text);

} // namespace l7
