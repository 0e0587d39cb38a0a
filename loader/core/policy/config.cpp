// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/config.hpp"

#include "core/policy/rule_reader.hpp"
#include "core/policy/shape_reader.hpp"
#include "core/policy/sync_reader.hpp"

#include <l7ctl/abi.h>

#include <algorithm>
#include <arpa/inet.h>
#include <bit>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>

namespace l7 {

namespace {

constexpr std::int64_t kU32 = std::numeric_limits<std::uint32_t>::max();

class Reader : public TomlReader {
  public:
    using TomlReader::TomlReader;

    Result<Config> run() {
        Config out;
        try {
            const toml::table root = toml::parse(text(), file());
            read(root, out);
        } catch (const toml::parse_error &error) {
            at(error.source().begin, std::string(error.description()));
        }
        if (!errors().empty())
            return Error{errors(), "nothing was changed"};
        return out;
    }

  private:
    void expect(const toml::table &table, ExpectOptions &out) {
        only(table, {"parents", "own", "foreign", "privileged"}, "[expect]");
        parents(table, "parents", out.parents);
        parents(table, "own", out.own);
        flag(table, "foreign", out.policy.foreign);
        flag(table, "privileged", out.policy.privileged);
    }

    void parents(const toml::table &table, const char *key, std::set<std::string> &into) {
        const toml::node *node = table.get(key);
        if (!node)
            return;
        into.clear();
        const std::set<std::string> known = ExpectOptions::defaults().parents;
        for (std::string &name : strings(table, key))
            if (!known.contains(name))
                wrong(*node, "'" + name + "' announces no child connections");
            else
                into.insert(std::move(name));
    }

    void read(const toml::table &root, Config &out) {
        only(root,
             {"daemon", "mark", "limits", "memory", "timeouts", "tunnels", "rates", "metrics",
              "patterns", "device", "rule", "shape", "class", "export", "conntrack", "expect",
              "sync", "tcp"},
             "the configuration");
        if (const toml::table *table = section(root, "daemon"))
            daemon(*table, out);
        if (const toml::table *table = section(root, "mark")) {
            only(*table, {"mask"}, "[mark]");
            number(*table, "mask", 0, kU32, out.mark_mask);
        }
        if (const toml::table *table = section(root, "conntrack")) {
            only(*table, {"mark", "mask"}, "[conntrack]");
            flag(*table, "mark", out.conntrack.mark);
            out.conntrack.mask = out.mark_mask;
            number(*table, "mask", 1, kU32, out.conntrack.mask);
        }
        if (const toml::table *table = section(root, "tcp")) {
            only(*table, {"loose"}, "[tcp]");
            flag(*table, "loose", out.tcp_loose);
        }
        if (const toml::table *table = section(root, "expect"))
            expect(*table, out.expect);
        if (const toml::table *table = section(root, "memory")) {
            only(*table, {"servers", "dns"}, "[memory]");
            flag(*table, "servers", out.remember_servers);
            flag(*table, "dns", out.dns_hints);
        }
        if (const toml::table *table = section(root, "limits"))
            limits(*table, out);
        if (const toml::table *table = section(root, "timeouts"))
            timeouts(*table, out.timeouts);
        if (const toml::table *table = section(root, "tunnels")) {
            only(*table, {"inner"}, "[tunnels]");
            tunnels(*table, out);
        }
        if (const toml::table *table = section(root, "rates")) {
            only(*table, {"hysteresis"}, "[rates]");
            number(*table, "hysteresis", 0, 50, out.hysteresis);
        }
        if (const toml::table *table = section(root, "metrics"))
            metrics(*table, out.metrics);
        if (const toml::table *table = section(root, "patterns")) {
            only(*table, {"dirs"}, "[patterns]");
            out.pattern_dirs = strings(*table, "dirs");
        }
        if (const toml::table *table = section(root, "export"))
            exporting(*table, out.exporting);
        if (const toml::table *table = section(root, "sync"))
            read_sync(*this, *table, out.sync);
        tables(root, "device", [&](const toml::table &table) { device(table, out); });
        read_shape(root, out.shape,
                   [this](const auto &where, const auto &what) { at(where, what); });
        // Rules name classes, and keep to the mask.
        tables(root, "rule", [&](const toml::table &table) { read_rule(*this, table, out); });
    }

    void tunnels(const toml::table &table, Config &out) {
        const toml::node *node = table.get("inner");
        if (!node)
            return;
        out.tunnels = 0;
        for (const std::string &name : strings(table, "inner"))
            if (const auto bit = tunnel_bit(name))
                out.tunnels |= *bit;
            else
                wrong(*node, "a tunnel is \"ipip\", \"gre\", \"gtp-u\" or \"vxlan\"");
    }

    void metrics(const toml::table &table, MetricsConfig &out) {
        only(table, {"listen", "hosts", "protocols", "applications"}, "[metrics]");
        number(table, "protocols", 1, L7_PROTOCOLS_MAX, out.protocols);
        number(table, "applications", 1, L7_APPLICATIONS_MAX, out.applications);
        out.hosts = strings(table, "hosts");
        const toml::node *node = table.get("listen");
        if (!node)
            return;
        const std::string address = node->value_exact<std::string>().value_or("");
        if (address != "off" && !is_listen_address(address))
            wrong(*node, "listen is \"ADDRESS:PORT\", an IPv6 address in brackets, or \"off\"");
        out.listen = address == "off" ? "" : address;
    }

    void daemon(const toml::table &table, Config &out) {
        only(table, {"workers", "attach"}, "[daemon]");
        number(table, "workers", 0, L7_SHARDS_MAX, out.workers);
        if (const toml::node *node = table.get("attach")) {
            const auto word = node->value_exact<std::string>();
            if (word == "auto")
                out.attach = AttachWay::Auto;
            else if (word == "tcx")
                out.attach = AttachWay::Tcx;
            else if (word == "clsact")
                out.attach = AttachWay::Clsact;
            else
                wrong(*node, "attach is \"auto\", \"tcx\" or \"clsact\"");
        }
    }

    void limits(const toml::table &table, Config &out) {
        only(table, {"packets", "bytes", "flows", "newcomers", "ring_bytes", "undecided"},
             "[limits]");
        number(table, "packets", 1, 100, out.packets); // a flow counts twice as many in a byte
        number(table, "bytes", 64, L7_SAMPLE_MAX, out.bytes);
        number(table, "flows", 128, 1 << 26, out.flows);
        number(table, "newcomers", 128, 1 << 26, out.newcomers);
        number(table, "undecided", 16, 1 << 22, out.undecided);
        number(table, "ring_bytes", 65536, 1 << 30, out.ring_bytes);
        if (!std::has_single_bit(out.ring_bytes))
            wrong(*table.get("ring_bytes"), "ring_bytes must be a power of two");
    }

    void timeouts(const toml::table &table, TimeoutConfig &out) {
        // Jiffies are kept in 32 bits: at 1,000 a second half their range is 24 days.
        constexpr std::int64_t kMost = 20LL * 86400;
        only(table,
             {"tcp_established", "tcp_opening", "tcp_closed", "udp_replied", "udp_unreplied",
              "icmp", "other"},
             "[timeouts]");
        number(table, "tcp_established", 1, kMost, out.tcp_established);
        number(table, "tcp_opening", 1, kMost, out.tcp_opening);
        number(table, "tcp_closed", 1, kMost, out.tcp_closed);
        number(table, "udp_replied", 1, kMost, out.udp_replied);
        number(table, "udp_unreplied", 1, kMost, out.udp_unreplied);
        number(table, "icmp", 1, kMost, out.icmp);
        number(table, "other", 1, kMost, out.other);
    }

    void exporting(const toml::table &table, ExportConfig &out) {
        only(table, {"json", "ipfix", "active", "queue", "templates", "domain", "flush"},
             "[export]");
        if (const toml::node *node = table.get("json")) {
            const auto path = node->value_exact<std::string>();
            if (!path || !path->starts_with('/'))
                wrong(*node, "json must be the path of a file, from /");
            else
                out.json = *path;
        }
        if (const toml::node *node = table.get("ipfix")) {
            const auto url = node->value_exact<std::string>();
            out.ipfix = url ? parse_collector(*url) : std::nullopt;
            if (!out.ipfix)
                wrong(*node, "ipfix must be \"udp://ADDRESS:PORT\" or \"tcp://ADDRESS:PORT\", with "
                             "an address, not a name");
        }
        number(table, "active", 1, 86400, out.active);
        number(table, "queue", 16, 1 << 24, out.queue);
        number(table, "templates", 1, 86400, out.templates);
        number(table, "domain", 0, kU32, out.domain);
        flag(table, "flush", out.flush);
    }

    void device(const toml::table &table, Config &out) {
        DeviceConfig device;
        only(table, {"name", "hooks", "position", "xdp"}, "a device");
        const auto name = table["name"].value_exact<std::string>();
        if (!name || name->empty() || name->size() > 15)
            return wrong(table, "a device needs a name of at most 15 bytes");
        device.name = *name;
        if (const toml::node *node = table.get("hooks")) {
            const auto word = node->value_exact<std::string>();
            if (word != "ingress" && word != "egress" && word != "both")
                wrong(*node, "hooks is \"ingress\", \"egress\" or \"both\"");
            device.ingress = word != "egress";
            device.egress = word != "ingress";
        }
        if (const toml::node *node = table.get("position")) {
            const auto word = node->value_exact<std::string>();
            if (word != "head" && word != "tail")
                wrong(*node, "position is \"head\" or \"tail\"");
            device.head = word == "head";
        }
        flag(table, "xdp", device.xdp);
        if (device.xdp && !device.ingress)
            wrong(table, "XDP drops what comes in: hooks must be \"ingress\" or \"both\"");
        out.devices.push_back(std::move(device));
    }
};

} // namespace

namespace {
constexpr std::pair<std::string_view, std::uint32_t> kTunnels[] = {{"ipip", L7_TUNNEL_IPIP},
                                                                   {"gre", L7_TUNNEL_GRE},
                                                                   {"gtp-u", L7_TUNNEL_GTPU},
                                                                   {"vxlan", L7_TUNNEL_VXLAN}};
}

std::optional<std::uint32_t> tunnel_bit(std::string_view name) {
    for (const auto &[word, bit] : kTunnels)
        if (word == name)
            return bit;
    return std::nullopt;
}

std::vector<std::string> tunnel_names(std::uint32_t tunnels) {
    std::vector<std::string> out;
    for (const auto &[word, bit] : kTunnels)
        if (tunnels & bit)
            out.emplace_back(word);
    return out;
}

bool is_listen_address(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return false;
    std::string_view address = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    const bool brackets = address.starts_with('[') && address.ends_with(']');
    if (brackets)
        address = address.substr(1, address.size() - 2);
    in6_addr parsed{};
    if (inet_pton(brackets ? AF_INET6 : AF_INET, std::string(address).c_str(), &parsed) != 1)
        return false;
    std::uint16_t number = 0;
    const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), number);
    return failure == std::errc{} && end == port.data() + port.size() && number != 0;
}

std::optional<std::uint32_t> parse_classid(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    std::uint32_t parts[2] = {0, 0};
    const std::string_view words[2] = {text.substr(0, colon), text.substr(colon + 1)};
    for (int i = 0; i < 2; i++) {
        const auto [end, failure] =
            std::from_chars(words[i].data(), words[i].data() + words[i].size(), parts[i], 16);
        if (failure != std::errc{} || end != words[i].data() + words[i].size() || parts[i] > 0xffff)
            return std::nullopt;
    }
    if (parts[0] == 0 || parts[1] == 0)
        return std::nullopt;
    return parts[0] << 16 | parts[1];
}

Result<Config> parse_config(std::string_view text, const std::string &file) {
    return Reader(text, file).run();
}

Result<Config> load_config(const std::string &file, bool needed) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        if (!needed)
            return Config{};
        return Error{"reading " + file + ": " + std::strerror(errno)};
    }
    const std::string text(std::istreambuf_iterator<char>(in), {});
    return parse_config(text, file);
}

} // namespace l7
