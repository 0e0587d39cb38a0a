// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/instance.hpp"

#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>

namespace l7 {

Instance make_instance(const std::string &netns, const std::string &config) {
    const std::string suffix = netns.empty() ? std::string() : "-" + netns;
    const auto from = [](const char *variable, const std::string &otherwise) {
        const char *value = std::getenv(variable);
        return value && *value ? std::string(value) : otherwise;
    };
    Instance out;
    out.netns = netns;
    out.config = config.empty() ? "/etc/l7ctl/l7ctl.toml" : config;
    out.config_named = !config.empty();
    out.bpffs = from("L7CTL_BPFFS", "/sys/fs/bpf/l7ctl" + suffix);
    out.socket = from("L7CTL_SOCKET", "/run/l7ctl/l7ctl" + suffix + ".sock");
    out.log = from("L7CTL_LOG", "/run/l7ctl/l7ctl" + suffix + ".log");
    return out;
}

void make_run_directories(const Instance &instance) {
    for (const std::string &file : {instance.socket, instance.log})
        mkdir(std::filesystem::path(file).parent_path().c_str(), 0755);
}

} // namespace l7
