// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/shape_presets.hpp"

namespace l7 {

namespace {

struct Preset {
    const char *name;
    const char *text;
};

// Rules name class ids, which follow from the order of the classes: 1:10, 1:20, ...
constexpr Preset kPresets[] = {
    {"home-gateway", R"(# Calls and games stay smooth while somebody watches and somebody downloads.
[[class]]
name = "calls"             # 1:10
rate = "15%"
ceil = "60%"
priority = 0
[[class]]
name = "interactive"       # 1:20
rate = "20%"
ceil = "100%"
priority = 1
[[class]]
name = "web"               # 1:30, and all that is not known
rate = "35%"
ceil = "100%"
priority = 2
default = true
[[class]]
name = "video"             # 1:40
rate = "20%"
ceil = "90%"
priority = 3
[[class]]
name = "bulk"              # 1:50
rate = "10%"
ceil = "90%"
priority = 5

[[rule]]
group = ["voip"]
classid = "1:10"
[[rule]]
group = ["game", "remote", "network", "time"]
classid = "1:20"
[[rule]]
group = ["streaming"]
classid = "1:40"
[[rule]]
group = ["p2p", "file", "storage", "version-control"]
classid = "1:50"
)"},
    {"small-office", R"(# Work goes before leisure; backups and updates take what is left.
[[class]]
name = "calls"             # 1:10
rate = "20%"
ceil = "60%"
priority = 0
[[class]]
name = "remote"            # 1:20, terminals, desktops, names, time, tunnels
rate = "25%"
ceil = "100%"
priority = 1
[[class]]
name = "business"          # 1:30, mail, databases, directories, print
rate = "20%"
ceil = "100%"
priority = 2
[[class]]
name = "web"               # 1:40, and all that is not known
rate = "20%"
ceil = "100%"
priority = 3
default = true
[[class]]
name = "leisure"           # 1:50
rate = "5%"
ceil = "50%"
priority = 5
[[class]]
name = "bulk"              # 1:60
rate = "10%"
ceil = "80%"
priority = 6

[[rule]]
group = ["voip"]
classid = "1:10"
[[rule]]
group = ["remote", "network", "time", "vpn", "auth"]
classid = "1:20"
[[rule]]
group = ["mail", "database", "directory", "print", "messaging", "rpc"]
classid = "1:30"
[[rule]]
group = ["streaming", "game", "p2p"]
classid = "1:50"
[[rule]]
group = ["file", "storage", "version-control"]
classid = "1:60"
)"},
    {"isp-subscriber", R"(# One subscriber's line: nothing is cut off, and no class starves.
[[class]]
name = "realtime"          # 1:10
rate = "20%"
ceil = "100%"
priority = 0
[[class]]
name = "normal"            # 1:20, and all that is not known
rate = "50%"
ceil = "100%"
priority = 1
default = true
[[class]]
name = "streaming"         # 1:30
rate = "20%"
ceil = "100%"
priority = 2
[[class]]
name = "background"        # 1:40
rate = "10%"
ceil = "100%"
priority = 3

[[rule]]
group = ["voip", "game", "network", "time"]
classid = "1:10"
[[rule]]
group = ["streaming"]
classid = "1:30"
[[rule]]
group = ["p2p", "file", "storage"]
classid = "1:40"
)"},
};

} // namespace

std::vector<std::string> preset_names() {
    std::vector<std::string> out;
    for (const Preset &preset : kPresets)
        out.emplace_back(preset.name);
    return out;
}

std::optional<std::string_view> preset_config(std::string_view name) {
    for (const Preset &preset : kPresets)
        if (name == preset.name)
            return preset.text;
    return std::nullopt;
}

} // namespace l7
