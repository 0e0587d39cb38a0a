// SPDX-License-Identifier: GPL-2.0-or-later
// Where an instance of the daemon lives; the daemon and its clients agree on these.
#pragma once

#include <string>

namespace l7 {

/// One daemon serves one network namespace: flows of different namespaces may have the same
/// addresses.
struct Instance {
    std::string netns;  ///< a name below /run/netns, or "" for the one we are in
    std::string config; ///< path
    bool config_named = false;
    std::string bpffs;  ///< directory of pins
    std::string socket; ///< control socket
    std::string log;    ///< where a daemon that was started in the background writes
};

/// Fills in the defaults: /sys/fs/bpf/l7ctl, /run/l7ctl/l7ctl.sock and l7ctl.log, with "-NAME" for
/// a named namespace. The environment's L7CTL_BPFFS, L7CTL_SOCKET and L7CTL_LOG come before them.
Instance make_instance(const std::string &netns, const std::string &config);

/// /run is empty at boot. Where this fails, whoever opens the files says why.
void make_run_directories(const Instance &instance);

} // namespace l7
