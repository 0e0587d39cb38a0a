// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/shape_config.hpp"

#include "core/base/text.hpp"
#include "core/policy/config.hpp"
#include "core/policy/shape_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace l7 {

const std::vector<std::string> kLeafKinds = {"fq_codel", "cake", "sfq", "pfifo"};

namespace {

struct Unit {
    std::string_view word;
    double bits;
};
constexpr double kKibi = 1024;
/// tc's, in lower case: tc reads them so.
constexpr Unit kUnits[] = {
    {"", 1},
    {"bit", 1},
    {"kbit", 1e3},
    {"mbit", 1e6},
    {"gbit", 1e9},
    {"tbit", 1e12},
    {"kibit", kKibi},
    {"mibit", kKibi *kKibi},
    {"gibit", kKibi *kKibi *kKibi},
    {"tibit", kKibi *kKibi *kKibi *kKibi},
    {"bps", 8},
    {"kbps", 8e3},
    {"mbps", 8e6},
    {"gbps", 8e9},
    {"tbps", 8e12},
    {"kibps", 8 * kKibi},
    {"mibps", 8 * kKibi *kKibi},
    {"gibps", 8 * kKibi *kKibi *kKibi},
    {"tibps", 8 * kKibi *kKibi *kKibi *kKibi},
};
constexpr double kRateMost = 1e15; ///< bytes a second; far beyond any link, exact as a double

/// A number in front, and the word behind it.
std::optional<double> leading_number(std::string_view &text) {
    double value = 0;
    const auto [end, failure] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (failure != std::errc{} || !std::isfinite(value) || value < 0)
        return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    while (text.starts_with(' '))
        text.remove_prefix(1);
    return value;
}

class ShapeReader {
  public:
    ShapeReader(ShapeConfig &into, const ShapeComplaint &complain)
        : out_(into), complain_(complain) {}

    void run(const toml::table &root) {
        each(root, "shape", [this](const toml::table &table) { device(table); });
        each(root, "class", [this](const toml::table &table) { one_class(table); });
        finish(root);
    }

  private:
    void wrong(const toml::node &node, const std::string &what) {
        complain_(node.source().begin, what);
    }

    template <class Each>
    void each(const toml::table &root, const char *key, Each take) {
        const toml::node *node = root.get(key);
        if (!node)
            return;
        const auto refuse = [&](const toml::node &at) {
            wrong(at, fmt::format("{} must be written [[{}]]", key, key));
        };
        const toml::array *list = node->as_array();
        if (!list)
            return refuse(*node);
        for (const toml::node &one : *list)
            if (const toml::table *table = one.as_table())
                take(*table);
            else
                refuse(one);
    }

    void only(const toml::table &table, std::initializer_list<std::string_view> keys,
              const char *of) {
        for (const auto &[key, node] : table)
            if (std::ranges::find(keys, key.str()) == keys.end())
                complain_(key.source().begin, fmt::format("'{}' is no key of {}", key.str(), of));
    }

    std::string word(const toml::table &table, const char *key) {
        const toml::node *node = table.get(key);
        if (!node)
            return {};
        const auto value = node->value_exact<std::string>();
        if (!value)
            wrong(*node, fmt::format("{} must be a string", key));
        return value.value_or("");
    }

    std::uint64_t link_rate(const toml::table &table, const char *key) {
        const toml::node *node = table.get(key);
        if (!node)
            return 0;
        const auto text = node->value_exact<std::string>();
        const auto rate = text ? parse_rate(*text) : std::nullopt;
        if (!rate)
            wrong(*node, fmt::format("{} is a rate as tc writes it, such as \"50mbit\"", key));
        return rate.value_or(0);
    }

    std::optional<ShapeRate> share(const toml::table &table, const char *key) {
        const toml::node *node = table.get(key);
        if (!node)
            return std::nullopt;
        const auto text = node->value_exact<std::string>();
        if (text) {
            if (const auto rate = parse_rate(*text))
                return ShapeRate{*rate, 0};
            std::string_view rest = *text;
            const auto percent = leading_number(rest);
            if (percent && rest == "%" && *percent > 0 && *percent <= 100)
                return ShapeRate{0, *percent};
        }
        wrong(*node, fmt::format("{} is a rate as tc writes it, such as \"2mbit\", or a share of "
                                 "the parent's, such as \"30%\"",
                                 key));
        return std::nullopt;
    }

    void device(const toml::table &table) {
        ShapeDevice device;
        only(table, {"dev", "up", "down", "major"}, "a shape");
        device.dev = word(table, "dev");
        if (device.dev.empty() || device.dev.size() > 15 ||
            device.dev.find('/') != std::string::npos)
            return wrong(table, "a shape needs dev, the name of a device, of at most 15 bytes");
        device.up = link_rate(table, "up");
        device.down = link_rate(table, "down");
        if (!table.contains("up") && !table.contains("down"))
            wrong(table, "a shape needs up, down or both: the rates of the link");
        if (std::ranges::any_of(out_.devices, [&](const auto &is) { return is.dev == device.dev; }))
            wrong(table, fmt::format("{} is shaped twice", device.dev));
        if (const toml::node *node = table.get("major")) {
            const auto value = node->value_exact<std::int64_t>();
            if (!value || *value < 1 || *value > kShapeMajorMax)
                wrong(*node, fmt::format("major is a whole number from 1 to {}", kShapeMajorMax));
            else if (major_given_ && out_.major != *value)
                wrong(*node, "all shapes have the same major, as the classes are the same");
            else
                out_.major = static_cast<std::uint16_t>(*value);
            major_given_ = true;
        }
        out_.devices.push_back(std::move(device));
    }

    void one_class(const toml::table &table) {
        ShapeClass one;
        only(table, {"name", "parent", "rate", "ceil", "priority", "default", "leaf"}, "a class");
        one.name = word(table, "name");
        if (one.name.empty() || one.name.find_first_of(" \t\n:") != std::string::npos)
            return wrong(table, "a class needs a name, without blanks and colons");
        if (find(one.name))
            return wrong(table, fmt::format("there are two classes {}", one.name));
        one.parent = word(table, "parent");
        if (!one.parent.empty() && !find(one.parent))
            return wrong(*table.get("parent"),
                         fmt::format("'{}' is no class named before this one", one.parent));
        if (depth(one) > kShapeDepthMax)
            wrong(table, fmt::format("more than {} classes below each other", kShapeDepthMax));
        rates(table, one);
        if (const toml::node *node = table.get("priority")) {
            const auto value = node->value_exact<std::int64_t>();
            if (!value || *value < 0 || *value > kShapePriorityMax)
                wrong(*node, fmt::format("priority is a whole number from 0, served first, to {}",
                                         kShapePriorityMax));
            else
                one.priority = static_cast<std::uint32_t>(*value);
        }
        if (const toml::node *node = table.get("default")) {
            const auto value = node->value_exact<bool>();
            if (!value)
                wrong(*node, "default must be true or false");
            one.is_default = value.value_or(false);
        }
        one.leaf = word(table, "leaf");
        if (!one.leaf.empty() && std::ranges::find(kLeafKinds, one.leaf) == kLeafKinds.end())
            wrong(
                *table.get("leaf"),
                R"(leaf is "fq_codel", "cake", "sfq" or "pfifo"; without it, the first there is)");
        if (out_.classes.size() == kShapeClassesMax)
            wrong(table, fmt::format("more than {} classes", kShapeClassesMax));
        if (out_.classes.size() < kShapeClassesMax)
            out_.classes.push_back(std::move(one));
    }

    void rates(const toml::table &table, ShapeClass &one) {
        const auto rate = share(table, "rate");
        if (!rate && !table.contains("rate"))
            wrong(table, fmt::format("class {} needs a rate", one.name));
        one.rate = rate.value_or(ShapeRate{});
        one.ceil = share(table, "ceil").value_or(one.rate);
        const bool alike = (one.rate.bytes_per_s != 0) == (one.ceil.bytes_per_s != 0);
        if (alike &&
            (one.ceil.bytes_per_s < one.rate.bytes_per_s || one.ceil.percent < one.rate.percent))
            wrong(table, fmt::format("the ceil of class {} is below its rate", one.name));
    }

    /// What can only be said of all classes together.
    void finish(const toml::table &root) {
        if (out_.classes.empty() && !out_.devices.empty() && !root.contains("class"))
            out_.classes.push_back({"all", "", {0, 100}, {0, 100}, 4, true, ""}); // a plain limit
        const toml::node *list = root.get("class");
        if (!list || out_.classes.empty())
            return;
        const auto count = std::ranges::count_if(out_.classes, &ShapeClass::is_default);
        if (count != 1)
            return wrong(*list, "one class, and only one, has default = true: it takes what no "
                                "rule gave a class");
        const auto &chosen = *std::ranges::find_if(out_.classes, &ShapeClass::is_default);
        if (std::ranges::any_of(out_.classes,
                                [&](const auto &one) { return one.parent == chosen.name; }))
            wrong(*list, fmt::format("class {} has classes below it: it cannot be the default",
                                     chosen.name));
    }

    const ShapeClass *find(const std::string &name) const {
        const auto it = std::ranges::find(out_.classes, name, &ShapeClass::name);
        return it == out_.classes.end() ? nullptr : &*it;
    }

    unsigned depth(const ShapeClass &of) const {
        unsigned out = 1;
        for (const ShapeClass *at = find(of.parent); at; at = find(at->parent))
            out++;
        return out;
    }

    ShapeConfig &out_;
    const ShapeComplaint &complain_;
    bool major_given_ = false;
};

} // namespace

void read_shape(const toml::table &root, ShapeConfig &into, const ShapeComplaint &complain) {
    ShapeReader(into, complain).run(root);
}

std::optional<std::uint64_t> parse_rate(std::string_view text) {
    const auto number = leading_number(text);
    if (!number)
        return std::nullopt;
    const std::string word = ascii_lowered(text);
    for (const auto &[unit, bits] : kUnits) {
        if (unit != word)
            continue;
        const double rate = *number * bits / 8;
        if (rate < 1 || rate > kRateMost)
            return std::nullopt;
        return static_cast<std::uint64_t>(std::llround(rate));
    }
    return std::nullopt;
}

std::string rate_text(std::uint64_t bytes_per_s) {
    const std::uint64_t bits = bytes_per_s * 8;
    for (const auto &[unit, factor] : {std::pair{"gbit", std::uint64_t{1000000000}},
                                       {"mbit", std::uint64_t{1000000}},
                                       {"kbit", std::uint64_t{1000}}})
        if (bits != 0 && bits % factor == 0)
            return fmt::format("{}{}", bits / factor, unit);
    return fmt::format("{}bit", bits);
}

std::optional<std::uint32_t> classid_of(const ShapeConfig &config, std::string_view class_name) {
    for (std::size_t i = 0; i < config.classes.size(); i++)
        if (config.classes[i].name == class_name)
            return static_cast<std::uint32_t>(config.major) << 16 |
                   static_cast<std::uint32_t>((i + 1) * kShapeMinorStep);
    return std::nullopt;
}

std::optional<std::uint32_t> classid_of(const Config &config, std::string_view class_name) {
    return classid_of(config.shape, class_name);
}

std::string handle_text(std::uint32_t classid) {
    return fmt::format("{:x}:{:x}", classid >> 16, classid & 0xffff);
}

} // namespace l7
