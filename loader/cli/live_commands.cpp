// SPDX-License-Identifier: GPL-2.0-or-later
// Commands that ask the daemon.
#include "cli/cli.hpp"

#include "daemon/server.hpp"
#include "daemon/spawn.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

namespace l7 {

namespace {

using Json = nlohmann::json;

/// What `dev DEV` and single words say, as iproute2 reads them.
struct Words {
    std::string dev;
    std::vector<std::string> rest;
};

Result<Words> parse_words(const std::string &command, const std::vector<std::string> &words) {
    Words out;
    for (std::size_t i = 0; i < words.size(); i++) {
        if (words[i] != "dev") {
            out.rest.push_back(words[i]);
            continue;
        }
        if (++i >= words.size())
            return Error{command + ": dev needs the name of a device", {}, Blame::Usage};
        out.dev = words[i];
    }
    return out;
}

Result<void> ask(const GlobalOptions &global, Json request) {
    struct stat ours {};
    if (stat("/proc/self/ns/net", &ours) == 0)
        request["netns"] = ours.st_ino;
    request["json"] = global.json;
    return ask_daemon(global.instance().socket, request, [](std::string_view line) {
        std::fwrite(line.data(), 1, line.size(), stdout);
        std::fputc('\n', stdout);
    });
}

} // namespace

Result<void> attach_command(const GlobalOptions &global, const std::vector<std::string> &words) {
    const auto parsed = parse_words("attach", words);
    if (!parsed)
        return parsed.error();
    Json request{{"command", "attach"}, {"dev", parsed->dev}};
    for (const std::string &word : parsed->rest) {
        if (word == "ingress" || word == "egress" || word == "both")
            request["hooks"] = word;
        else if (word == "head" || word == "tail")
            request["position"] = word;
        else
            return Error{"attach: '" + word + "' is not understood",
                         "attach dev DEV [ingress|egress|both] [head|tail]", Blame::Usage};
    }
    if (parsed->dev.empty())
        return Error{"attach: no device is named",
                     "attach dev DEV [ingress|egress|both] [head|tail]", Blame::Usage};
    const Instance instance = global.instance();
    if (!daemon_answers(instance.socket))
        if (auto started = spawn_daemon(instance); !started)
            return started;
    return ask(global, request);
}

Result<void> detach_command(const GlobalOptions &global, const std::vector<std::string> &words) {
    const auto parsed = parse_words("detach", words);
    if (!parsed)
        return parsed.error();
    if (parsed->dev.empty() || !parsed->rest.empty())
        return Error{"detach: a device must be named, and nothing else", "detach dev DEV",
                     Blame::Usage};
    return ask(global, {{"command", "detach"}, {"dev", parsed->dev}});
}

Result<void> status_command(const GlobalOptions &global) {
    return ask(global, {{"command", "status"}});
}

Result<void> flows_command(const GlobalOptions &global, const std::vector<std::string> &words) {
    return ask(global, {{"command", "flows"}, {"filter", words}});
}

Result<void> explain_command(const GlobalOptions &global, const std::vector<std::string> &words) {
    return ask(global, {{"command", "explain"}, {"filter", words}});
}

Result<void> stats_command(const GlobalOptions &global, const std::vector<std::string> &words) {
    const auto parsed = parse_words("stats", words);
    if (!parsed)
        return parsed.error();
    if (!parsed->rest.empty())
        return Error{"stats: '" + parsed->rest.front() + "' is not understood", "stats [dev DEV]",
                     Blame::Usage};
    return ask(global, {{"command", "stats"}, {"dev", parsed->dev}});
}

Result<void> reload_command(const GlobalOptions &global) {
    return ask(global, {{"command", "reload"}});
}

Result<void> metrics_command(const GlobalOptions &global) {
    return ask(global, {{"command", "metrics"}});
}

Result<void> bypass_command(const GlobalOptions &global, const std::string &word) {
    return ask(global, {{"command", "bypass"}, {"on", word == "on"}});
}

Result<void> stop_command(const GlobalOptions &global) {
    return ask(global, {{"command", "stop"}});
}

} // namespace l7
