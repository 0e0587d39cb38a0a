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

constexpr const char *kAttachUsage = "attach dev DEV [ingress|egress|both] [head|tail] [xdp]";
constexpr const char *kStatsUsage = "stats [dev DEV] [by protocol|application|class|rule]";

constexpr const char *kSyncUsage =
    "sync status | commit [peer NODE] | flush internal|external | resync";

constexpr const char *kFlowsUsage = "flows [FILTER] | flows export FILE | flows import FILE";

} // namespace

Result<void> ask(const GlobalOptions &global, Json request, const Transfer &transfer) {
    struct stat ours {};
    if (stat("/proc/self/ns/net", &ours) == 0)
        request["netns"] = ours.st_ino;
    request["json"] = global.json;
    const auto print = [](std::string_view line) {
        std::fwrite(line.data(), 1, line.size(), stdout);
        std::fputc('\n', stdout);
    };
    return ask_daemon(global.instance().socket, request, print, transfer);
}

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
        else if (word == "xdp")
            request["xdp"] = true;
        else
            return Error{"attach: '" + word + "' is not understood", kAttachUsage, Blame::Usage};
    }
    if (parsed->dev.empty())
        return Error{"attach: no device is named", kAttachUsage, Blame::Usage};
    if (request.value("xdp", false) && request.value("hooks", "") == "egress")
        return Error{"attach: XDP drops what comes in", kAttachUsage, Blame::Usage};
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
    if (words.empty() || (words[0] != "export" && words[0] != "import"))
        return ask(global, {{"command", "flows"}, {"filter", words}});
    if (words.size() != 2)
        return Error{"flows " + words[0] + ": one file must be named, or - for " +
                         (words[0] == "export" ? "standard output" : "standard input"),
                     kFlowsUsage, Blame::Usage};
    return words[0] == "export" ? export_command(global, words[1])
                                : import_command(global, words[1]);
}

Result<void> explain_command(const GlobalOptions &global, const std::vector<std::string> &words) {
    return ask(global, {{"command", "explain"}, {"filter", words}});
}

Result<void> stats_command(const GlobalOptions &global, const std::vector<std::string> &words) {
    const auto parsed = parse_words("stats", words);
    if (!parsed)
        return parsed.error();
    const std::vector<std::string> &rest = parsed->rest;
    std::string by = "protocol";
    if (rest.size() == 2 && rest[0] == "by" &&
        (rest[1] == "protocol" || rest[1] == "application" || rest[1] == "class" ||
         rest[1] == "rule"))
        by = rest[1];
    else if (!rest.empty())
        return Error{"stats: '" + rest.front() + "' is not understood", kStatsUsage, Blame::Usage};
    return ask(global, {{"command", "stats"}, {"dev", parsed->dev}, {"by", by}});
}

Result<void> expect_command(const GlobalOptions &global) {
    return ask(global, {{"command", "expect"}});
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

Result<void> sync_command(const GlobalOptions &global, const std::string &what,
                          const std::vector<std::string> &words, const std::string &peer) {
    Json request{{"command", "sync"}, {"what", what}, {"peer", peer}};
    const bool flush =
        what == "flush" && words.size() == 1 && (words[0] == "internal" || words[0] == "external");
    if (flush)
        request["what"] = "flush " + words[0];
    else if (what == "commit" && words.size() == 2 && words[0] == "peer" && peer.empty())
        request["peer"] = words[1];
    else if (!words.empty() || what == "flush")
        return Error{"sync " + what + ": " +
                         (words.empty() ? "which cache?" : "'" + words[0] + "' is not understood"),
                     kSyncUsage, Blame::Usage};
    return ask(global, request);
}

} // namespace l7
