// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.hpp"

#include "core/base/fd.hpp"
#include "daemon/daemon.hpp"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

namespace l7 {

namespace {

/// Tells whoever started us how that went; see spawn_daemon.
void report_start(std::string text) {
    const char *variable = std::getenv("L7CTL_READY_FD");
    if (!variable)
        return;
    const Fd fd(std::atoi(variable));
    unsetenv("L7CTL_READY_FD");
    if (fcntl(fd.get(), F_GETFD) >= 0)
        (void)!write(fd.get(), text.data(), text.size());
}

} // namespace

Result<void> daemon_command(const GlobalOptions &global, const DaemonOptions &options) {
    auto ended = run_daemon(global.instance(), options.discard_state, [] { report_start("ok\n"); });
    if (!ended) { // heard by whoever waits for the start, and nobody later
        const Error &error = ended.error();
        std::string message = error.message;
        std::ranges::replace(message, '\n', ' ');
        report_start(std::to_string(static_cast<int>(error.blame)) + "\n" + message + "\n" +
                     error.hint + "\n");
    }
    return ended;
}

} // namespace l7
