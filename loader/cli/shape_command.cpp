// SPDX-License-Identifier: GPL-2.0-or-later
// l7ctl shape apply|show|clear: the trees of classes that rules put flows into.
#include "cli/cli.hpp"

#include "core/policy/config.hpp"
#include "core/policy/shape_presets.hpp"
#include "net/shaper.hpp"
#include "net/tc_probe.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace l7 {

namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr const char *kActions[] = {"add", "change", "delete"};
constexpr const char *kParts[] = {"root", "class", "leaf", "ifb", "redirect"};

Error usage(const std::string &what) {
    return {"shape: " + what, "shape apply|show|clear [dev DEV]", Blame::Usage};
}

Result<std::string> device_of(const std::vector<std::string> &words) {
    if (words.empty())
        return std::string();
    if (words[0] != "dev")
        return usage("'" + words[0] + "' is not understood");
    if (words.size() != 2)
        return usage(words.size() == 1 ? "dev needs the name of a device"
                                       : "'" + words[2] + "' is not understood");
    return words[1];
}

/// The preset as a configuration, with its device in front.
Result<std::string> preset_text(const ShapeOptions &options, const std::string &dev) {
    const auto preset = preset_config(options.preset);
    if (!preset)
        return usage(fmt::format("there is no preset '{}'; there are {}", options.preset,
                                 fmt::join(preset_names(), ", ")));
    if (dev.empty() || (options.up.empty() && options.down.empty()))
        return usage("a preset needs dev DEV, and --up RATE, --down RATE or both");
    for (const std::string *rate : {&options.up, &options.down})
        if (!rate->empty() && !parse_rate(*rate))
            return usage("'" + *rate + "' is no rate such as 50mbit");
    if (dev.size() > 15 || dev.find_first_of("\"\\/") != std::string::npos)
        return usage("'" + dev + "' is no name of a device");
    std::string out = "[[shape]]\ndev = \"" + dev + "\"\n";
    if (!options.up.empty())
        out += "up = \"" + options.up + "\"\n";
    if (!options.down.empty())
        out += "down = \"" + options.down + "\"\n";
    return out + "\n" + std::string(*preset);
}

/// What shall be: of the preset, or of the configuration file; of one device where one is named.
Result<ShapeConfig> wanted_config(const GlobalOptions &global, const ShapeOptions &options,
                                  const std::string &dev, bool needed) {
    if (!options.preset.empty()) {
        const auto text = preset_text(options, dev);
        if (!text)
            return text.error();
        const auto config = parse_config(*text, options.preset);
        if (!config)
            return config.error();
        return config->shape;
    }
    if (!options.up.empty() || !options.down.empty() || options.print)
        return usage("--up, --down and --print belong to --preset");
    const Instance instance = global.instance();
    auto config = load_config(instance.config, needed || instance.config_named);
    if (!config)
        return config.error();
    if (!dev.empty())
        std::erase_if(config->shape.devices,
                      [&](const ShapeDevice &one) { return one.dev != dev; });
    if (needed && config->shape.devices.empty())
        return Error{
            fmt::format("{} has no [[shape]]{}", instance.config, dev.empty() ? "" : " of " + dev),
            "add one, or use --preset"};
    return config->shape;
}

WantedShape make_wanted(const ShapeConfig &config, const ShapeDevice &device,
                        const std::set<std::string> &kinds) {
    WantedShape out{device.dev, {}, {}};
    if (device.up)
        out.up = make_tree(config, device, false, kinds);
    if (device.down)
        out.down = make_tree(config, device, true, kinds);
    return out;
}

void print_change(const GlobalOptions &global, const std::string &dev, const ShapeChange &change) {
    if (!global.json)
        return fmt::print("{}\n", change.text);
    OrderedJson out{{"dev", dev},
                    {"direction", change.down ? "down" : "up"},
                    {"action", kActions[static_cast<int>(change.action)]},
                    {"what", kParts[static_cast<int>(change.part)]}};
    if (change.part == ShapeChange::Part::Class || change.part == ShapeChange::Part::Leaf)
        out["classid"] = handle_text(change.id);
    out["text"] = change.text;
    fmt::print("{}\n", out.dump());
}

Result<void> make_so(const GlobalOptions &global, const Shaper &shaper, const WantedShape &wanted,
                     const FoundShape &found) {
    const auto changes = plan_shape(wanted, found);
    if (!changes)
        return changes.error();
    auto done = shaper.apply(wanted, *changes, [&](const ShapeChange &change) {
        print_change(global, wanted.dev, change);
    });
    if (done && changes->empty() && !global.json)
        fmt::print("{}: nothing to change\n", wanted.dev);
    return done;
}

/// Tells which leaves were wanted and are not there.
void note_leaves(const ShapeConfig &config, const std::set<std::string> &kinds) {
    std::set<std::string> missing;
    for (const ShapeClass &one : config.classes)
        if (!one.leaf.empty() && !kinds.contains(one.leaf))
            missing.insert(one.leaf);
    if (!missing.empty())
        fmt::print(stderr, "l7ctl: the kernel has no {}; classes get the first there is of {}\n",
                   fmt::join(missing, ", "), fmt::join(kLeafKinds, ", "));
}

/// The tree as the kernel has it, with the configuration's names.
Tree to_tree(const FoundTree &found, const ShapeConfig &names) {
    Tree out;
    out.major = static_cast<std::uint16_t>(found.handle >> 16);
    out.default_id = found.default_id;
    // Parents first, siblings in order of their numbers.
    const auto below = [&](const auto &self, std::uint32_t parent) -> void {
        for (const auto &[id, one] : found.classes) {
            if (one.as.parent != parent || out.find(id))
                continue;
            out.classes.push_back(one.as);
            for (const ShapeClass &named : names.classes)
                if (classid_of(names, named.name) == id)
                    out.classes.back().name = named.name;
            self(self, id);
        }
    };
    below(below, found.handle);
    return out;
}

unsigned depth_of(const Tree &tree, const TreeClass &of) {
    unsigned out = 0;
    for (const TreeClass *at = tree.find(of.parent); at; at = tree.find(at->parent))
        out++;
    return out;
}

void print_tree(const GlobalOptions &global, const std::string &dev, bool down,
                const FoundTree &found, const Tree &tree) {
    const std::string device = down ? ifb_name(dev) : dev;
    if (!global.json) {
        fmt::print("{} {} (htb {:x}: on {})\n", dev, down ? "down" : "up", tree.major, device);
        fmt::print("  {:<22} {:>6} {:>4} {:>11} {:>11} {:<8} {:>10} {:>14} {:>9} {:>8}\n", "class",
                   "id", "prio", "rate", "ceil", "leaf", "packets", "bytes", "backlog", "drops");
    }
    for (const TreeClass &one : tree.classes) {
        const ClassUse &use = found.classes.at(one.id).use;
        if (global.json) {
            fmt::print("{}\n", OrderedJson{{"dev", dev},
                                           {"direction", down ? "down" : "up"},
                                           {"device", device},
                                           {"class", one.name},
                                           {"classid", handle_text(one.id)},
                                           {"parent", handle_text(one.parent)},
                                           {"default", one.id == tree.default_id},
                                           {"priority", one.priority},
                                           {"rate", one.rate * 8},
                                           {"ceil", one.ceil * 8},
                                           {"leaf", one.leaf},
                                           {"packets", use.packets},
                                           {"bytes", use.bytes},
                                           {"backlog", use.backlog},
                                           {"drops", use.drops}}
                                   .dump());
            continue;
        }
        std::string name = std::string(std::size_t{2} * depth_of(tree, one), ' ');
        name += one.parent == found.handle ? "(link)" : one.name.empty() ? "-" : one.name;
        if (one.id == tree.default_id)
            name += " *";
        fmt::print("  {:<22} {:>6} {:>4} {:>11} {:>11} {:<8} {:>10} {:>14} {:>9} {:>8}\n", name,
                   handle_text(one.id), one.leaf.empty() ? "-" : std::to_string(one.priority),
                   rate_text(one.rate), rate_text(one.ceil), one.leaf.empty() ? "-" : one.leaf,
                   use.packets, use.bytes, use.backlog, use.drops);
    }
}

void show_device(const GlobalOptions &global, const std::string &dev, const FoundShape &found,
                 const ShapeConfig &names) {
    std::vector<std::string> commands;
    const auto take = [&](const FoundTree &from, bool down) {
        if (from.owner != RootOwner::Ours)
            return;
        const Tree tree = to_tree(from, names);
        print_tree(global, dev, down, from, tree);
        std::ranges::copy(down ? ifb_commands(tree, dev) : tc_commands(tree, dev),
                          std::back_inserter(commands));
    };
    take(found.up, false);
    take(found.down, true);
    if (global.json) {
        fmt::print("{}\n", OrderedJson{{"dev", dev}, {"commands", commands}}.dump());
        return;
    }
    fmt::print("the same by hand:\n");
    for (const std::string &command : commands)
        fmt::print("  {}\n", command);
}

/// Tells what the configuration wants and the kernel has not.
Result<void> note_differences(const Shaper &shaper, const ShapeConfig &config) {
    if (config.devices.empty())
        return {};
    const auto kinds = leaf_kinds_there();
    if (!kinds)
        return kinds.error();
    for (const ShapeDevice &device : config.devices) {
        const auto found = shaper.look(device.dev);
        const auto changes = found ? plan_shape(make_wanted(config, device, *kinds), *found)
                                   : Result<std::vector<ShapeChange>>(found.error());
        if (!changes)
            fmt::print(stderr, "l7ctl: {}\n", changes.error().message);
        else if (!changes->empty())
            fmt::print(stderr, "l7ctl: {}: `l7ctl shape apply` would make {} changes\n", device.dev,
                       changes->size());
    }
    return {};
}

} // namespace

Result<void> shape_apply_command(const GlobalOptions &global, const ShapeOptions &options) {
    const auto dev = device_of(options.words);
    if (!dev)
        return dev.error();
    const auto config = wanted_config(global, options, *dev, true);
    if (!config)
        return config.error();
    if (options.print) {
        fmt::print("{}", *preset_text(options, *dev));
        return {};
    }
    const auto kinds = leaf_kinds_there();
    if (!kinds)
        return kinds.error();
    note_leaves(*config, *kinds);
    const auto shaper = Shaper::open();
    if (!shaper)
        return shaper.error();
    for (const ShapeDevice &device : config->devices) {
        const auto found = shaper->look(device.dev);
        if (!found)
            return found.error();
        if (auto done = make_so(global, *shaper, make_wanted(*config, device, *kinds), *found);
            !done)
            return done;
    }
    return {};
}

Result<void> shape_show_command(const GlobalOptions &global, const ShapeOptions &options) {
    const auto dev = device_of(options.words);
    if (!dev)
        return dev.error();
    const auto config = wanted_config(global, options, *dev, false);
    if (!config)
        return config.error();
    const auto shaper = Shaper::open();
    if (!shaper)
        return shaper.error();
    auto devices = shaper->shaped();
    if (!devices)
        return devices.error();
    if (!dev->empty())
        std::erase_if(*devices, [&](const std::string &one) { return one != *dev; });
    for (const std::string &one : *devices) {
        const auto found = shaper->look(one);
        if (!found)
            return found.error();
        show_device(global, one, *found, *config);
    }
    if (devices->empty() && !global.json)
        fmt::print("{} by l7ctl\n", dev->empty() ? "no device is shaped" : *dev + " is not shaped");
    return note_differences(*shaper, *config);
}

Result<void> shape_clear_command(const GlobalOptions &global, const ShapeOptions &options) {
    const auto dev = device_of(options.words);
    if (!dev)
        return dev.error();
    const auto shaper = Shaper::open();
    if (!shaper)
        return shaper.error();
    auto devices = dev->empty() ? shaper->shaped() : std::vector<std::string>{*dev};
    if (!devices)
        return devices.error();
    for (const std::string &one : *devices) {
        const auto found = shaper->look(one);
        if (!found)
            return found.error();
        if (auto done = make_so(global, *shaper, {one, {}, {}}, *found); !done)
            return done;
    }
    if (devices->empty() && !global.json)
        fmt::print("no device is shaped by l7ctl\n");
    return {};
}

} // namespace l7
