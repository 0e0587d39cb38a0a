// SPDX-License-Identifier: GPL-2.0-or-later
// Commands that ask the daemon.
#include "cli/cli.hpp"

#include "cli/grammar.hpp"
#include "control/server.hpp"
#include "control/spawn.hpp"

#include <cstdio>

namespace l7 {

Result<void> ask(const GlobalOptions &global, const CommandText &text, const Fields &fields,
                 AskOptions options) {
    const auto print = [](std::string_view line) {
        std::fwrite(line.data(), 1, line.size(), stdout);
        std::fputc('\n', stdout);
    };
    options.json = global.json;
    return ask_daemon(global.instance().socket, text, fields, print, options);
}

Result<void> perform(const GlobalOptions &global, request::Attach request) {
    if (request.xdp && request.hooks == "egress")
        return Error{"attach: XDP drops what comes in", "attach " + words_of(request.fields()),
                     Blame::Usage};
    const Instance instance = global.instance();
    if (!daemon_answers(instance.socket))
        if (auto started = spawn_daemon(instance); !started)
            return started;
    return ask(global, request.kText, request.fields());
}

Result<void> perform(const GlobalOptions &global, request::Flows request) {
    const std::vector<std::string> &words = request.filter;
    if (words.empty() || (words[0] != "export" && words[0] != "import"))
        return ask(global, request.kText, request.fields());
    const bool out = words[0] == "export";
    if (words.size() != 2)
        return Error{"flows " + words[0] + ": one file must be named, or - for " +
                         (out ? "standard output" : "standard input"),
                     "flows [FILTER] | flows export FILE | flows import FILE", Blame::Usage};
    return out ? export_command(global, words[1]) : import_command(global, words[1]);
}

Result<void> sync_command(const GlobalOptions &global, const std::string &what,
                          const std::vector<std::string> &words, const std::string &peer,
                          const std::string &usage) {
    request::Sync request{what, peer};
    if (what == "flush" && words.size() == 1 && (words[0] == "internal" || words[0] == "external"))
        request.what += " " + words[0];
    else if (what == "commit" && words.size() == 2 && words[0] == "peer" && peer.empty())
        request.peer = words[1];
    else if (!words.empty())
        return Error{"sync " + what + ": '" + words[0] + "' is not understood", usage,
                     Blame::Usage};
    return ask(global, request.kText, request.fields());
}

} // namespace l7
