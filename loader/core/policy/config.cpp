// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/config.hpp"

#include "core/policy/shape_reader.hpp"

#include <l7ctl/abi.h>

#include <algorithm>
#include <arpa/inet.h>
#include <bit>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <toml++/toml.h>

namespace l7 {

namespace {

constexpr std::int64_t kU32 = std::numeric_limits<std::uint32_t>::max();

class Reader {
  public:
    Reader(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

    Result<Config> run() {
        Config out;
        try {
            const toml::table root = toml::parse(text_, file_);
            read(root, out);
        } catch (const toml::parse_error &error) {
            at(error.source().begin, std::string(error.description()));
        }
        if (!errors_.empty())
            return Error{errors_, "nothing was changed"};
        return out;
    }

  private:
    void at(const toml::source_position &where, const std::string &what) {
        if (!errors_.empty())
            errors_ += '\n';
        errors_ += file_ + ":" + std::to_string(where.line) + ":" + std::to_string(where.column) +
                   ": " + what;
        const std::string_view line = line_of(where.line);
        if (!line.empty())
            errors_ += "\n    " + std::string(line);
    }

    void wrong(const toml::node &node, const std::string &what) { at(node.source().begin, what); }

    std::string_view line_of(unsigned number) const {
        std::string_view rest = text_;
        for (unsigned i = 1; i < number && !rest.empty(); i++) {
            const std::size_t end = rest.find('\n');
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        }
        return rest.substr(0, std::min<std::size_t>(rest.find('\n'), 200));
    }

    void only(const toml::table &table, std::initializer_list<std::string_view> keys,
              const std::string &of) {
        for (const auto &[key, node] : table)
            if (std::ranges::find(keys, key.str()) == keys.end())
                at(key.source().begin, "'" + std::string(key.str()) + "' is no key of " + of);
    }

    const toml::table *section(const toml::table &root, const char *name) {
        const toml::node *node = root.get(name);
        if (!node)
            return nullptr;
        if (!node->is_table())
            wrong(*node, "[" + std::string(name) + "] must be a table");
        return node->as_table();
    }

    void number(const toml::table &table, const char *key, std::int64_t least, std::int64_t most,
                std::uint32_t &into) {
        const toml::node *node = table.get(key);
        if (!node)
            return;
        const auto value = node->value_exact<std::int64_t>();
        if (!value || *value < least || *value > most)
            wrong(*node, std::string(key) + " must be a whole number from " +
                             std::to_string(least) + " to " + std::to_string(most));
        else
            into = static_cast<std::uint32_t>(*value);
    }

    void flag(const toml::table &table, const char *key, bool &into) {
        const toml::node *node = table.get(key);
        if (!node)
            return;
        if (const auto value = node->value_exact<bool>())
            into = *value;
        else
            wrong(*node, std::string(key) + " must be true or false");
    }

    std::vector<std::string> strings(const toml::table &table, const char *key) {
        std::vector<std::string> out;
        const toml::node *node = table.get(key);
        if (!node)
            return out;
        const auto add = [&](const toml::node &one) {
            if (const auto value = one.value_exact<std::string>())
                out.push_back(*value);
            else
                wrong(one, std::string(key) + " must be a string or a list of strings");
        };
        if (const toml::array *list = node->as_array())
            for (const toml::node &one : *list)
                add(one);
        else
            add(*node);
        return out;
    }

    template <class Each>
    void tables(const toml::table &root, const char *key, Each each) {
        const toml::node *node = root.get(key);
        if (!node)
            return;
        const toml::array *list = node->as_array();
        if (!list)
            return wrong(*node, std::string(key) + " must be written [[" + key + "]]");
        for (const toml::node &one : *list)
            if (const toml::table *table = one.as_table())
                each(*table);
            else
                wrong(one, std::string(key) + " must be written [[" + key + "]]");
    }

    void read(const toml::table &root, Config &out) {
        only(root,
             {"daemon", "mark", "limits", "memory", "timeouts", "tunnels", "rates", "metrics",
              "patterns", "device", "rule", "shape", "class", "export"},
             "the configuration");
        if (const toml::table *table = section(root, "daemon"))
            daemon(*table, out);
        if (const toml::table *table = section(root, "mark")) {
            only(*table, {"mask"}, "[mark]");
            number(*table, "mask", 0, kU32, out.mark_mask);
        }
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
        tables(root, "device", [&](const toml::table &table) { device(table, out); });
        tables(root, "rule", [&](const toml::table &table) { rule(table, out); });
        read_shape(root, out.shape,
                   [this](const auto &where, const auto &what) { at(where, what); });
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
        only(table, {"listen", "hosts", "protocols"}, "[metrics]");
        number(table, "protocols", 1, L7_PROTOCOLS_MAX, out.protocols);
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
        number(table, "packets", 1, 1000, out.packets);
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
        only(table, {"name", "hooks", "position"}, "a device");
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
        out.devices.push_back(std::move(device));
    }

    void rule(const toml::table &table, Config &out) {
        Rule rule;
        only(table,
             {"protocol", "application", "group", "hostname", "device", "direction", "address",
              "port", "rate", "bytes", "packets", "age", "unset", "unknown", "mark", "classid",
              "drop", "keep"},
             "a rule");
        rule.line = table.source().begin.line;
        rule.protocols = strings(table, "protocol");
        rule.applications = strings(table, "application");
        rule.groups = strings(table, "group");
        rule.hostnames = strings(table, "hostname");
        rule.devices = strings(table, "device");
        flag(table, "unset", rule.unset);
        flag(table, "unknown", rule.unknown);
        rule.everything = !table.contains("protocol") && !table.contains("application") &&
                          !table.contains("group") && !table.contains("unset") &&
                          !table.contains("unknown");
        if (const toml::node *node = table.get("direction")) {
            const auto word = node->value_exact<std::string>();
            if (word != "ingress" && word != "egress")
                wrong(*node, "direction is \"ingress\" or \"egress\"");
            rule.ingress = word == "ingress";
        }
        for (const std::string &text : strings(table, "address"))
            if (const auto prefix = parse_prefix(text))
                rule.prefixes.push_back(*prefix);
            else
                wrong(*table.get("address"), "'" + text + "' is no address, and no network of one");
        ports(table, rule);
        range(table, "rate", rule.rate);
        range(table, "bytes", rule.bytes);
        range(table, "packets", rule.packets);
        range(table, "age", rule.age);
        for (const auto *amount : {&rule.bytes, &rule.packets, &rule.age})
            if (*amount && (*amount)->outside)
                wrong(table, "only a rate can be outside of a range");
        outcome(table, rule, out.mark_mask);
        out.rules.push_back(std::move(rule));
    }

    void range(const toml::table &table, const char *key, std::optional<Range> &out) {
        const toml::node *node = table.get(key);
        if (!node)
            return;
        const auto text = node->value_exact<std::string>();
        out = text ? parse_range(*text) : std::nullopt;
        if (!out)
            wrong(*node,
                  std::string(key) +
                      " is \"from:to\" with either end open, as in \"1M:\", or \"! from:to\"");
    }

    void ports(const toml::table &table, Rule &rule) {
        const toml::node *node = table.get("port");
        if (!node)
            return;
        const auto one = [&](const toml::node &each) {
            const auto number = each.value_exact<std::int64_t>();
            const auto text = each.value_exact<std::string>();
            const auto range = number ? std::optional(Range{static_cast<std::uint64_t>(*number),
                                                            static_cast<std::uint64_t>(*number)})
                               : text ? parse_range(*text)
                                      : std::nullopt;
            if (!range || range->outside || (number && *number < 0) || range->from > 65535)
                return wrong(each, "a port is a number up to 65535, or \"from:to\"");
            rule.ports.emplace_back(
                static_cast<std::uint16_t>(range->from),
                static_cast<std::uint16_t>(std::min<std::uint64_t>(range->to, 65535)));
        };
        if (const toml::array *list = node->as_array())
            for (const toml::node &each : *list)
                one(each);
        else
            one(*node);
    }

    void outcome(const toml::table &table, Rule &rule, std::uint32_t mask) {
        if (const toml::node *node = table.get("mark")) {
            std::uint32_t mark = 0;
            number(table, "mark", 0, kU32, mark);
            if ((mark & ~mask) != 0)
                wrong(*node, "the mark has bits outside [mark] mask");
            rule.mark = mark;
        }
        if (const toml::node *node = table.get("classid")) {
            const auto text = node->value_exact<std::string>();
            rule.classid = text ? parse_classid(*text) : std::nullopt;
            if (!rule.classid)
                wrong(*node, "classid is \"MAJ:MIN\" in hexadecimal, as tc prints it");
        }
        flag(table, "drop", rule.drop);
        flag(table, "keep", rule.keep);
        const int outcomes = (rule.mark || rule.classid) + rule.drop + rule.keep;
        if (outcomes != 1)
            wrong(table, "a rule needs mark or classid, or else drop or keep");
    }

    std::string_view text_;
    std::string file_;
    std::string errors_;
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
