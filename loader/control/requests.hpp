// SPDX-License-Identifier: GPL-2.0-or-later
// The requests a daemon answers, as the command line makes them and the daemon gets them.
//
// A request is one struct, and says all there is to say of it once: its name, its help, and its
// fields with their names in JSON and the words they are typed as. The line that goes over the
// socket, what the command line understands, usage, completion and the manual's synopsis are made
// from that.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

namespace l7 {

/// A field of a request. Its words are in iproute2's notation: `dev DEV` is a word and a value
/// behind it, `[head|tail]` one of these words, `[xdp]` a word that is there or not; brackets mean
/// that it may be left out. Of two words for a bool the first means true. A list takes all words.
struct Field {
    const char *name;
    std::variant<bool *, std::uint32_t *, std::string *, std::vector<std::string> *> value;
    const char *words = ""; ///< empty: it is not typed
};

using Fields = std::vector<Field>;

/// A request as a command that is typed.
struct CommandText {
    const char *name;            ///< also in JSON
    const char *help = "";       ///< empty: nobody types it as such
    const char *words_help = ""; ///< what the words are that follow it
    const char *words = "words"; ///< and what they are called in usage
    bool checked = false;        ///< usage says that exactly one of a few words must follow
    const char *misused = "";    ///< said of words that are not understood, if it must be more
};

namespace request {

/// Has no fields.
struct Plain {
    static Fields fields() { return {}; }
};

struct Attach {
    static constexpr CommandText kText{"attach", "put the programs on a device; starts the daemon",
                                       "device, its hooks, and where on them"};
    std::string dev = {};
    std::string hooks = "both";
    std::string position = "tail";
    bool xdp = false;

    Fields fields() {
        return {{"dev", &dev, "dev DEV"},
                {"hooks", &hooks, "[ingress|egress|both]"},
                {"position", &position, "[head|tail]"},
                {"xdp", &xdp, "[xdp]"}};
    }
};

struct Detach {
    static constexpr const char *kMisused = "a device must be named, and nothing else";
    static constexpr CommandText kText{.name = "detach",
                                       .help = "take them off again",
                                       .words_help = "device",
                                       .misused = kMisused};
    std::string dev = {};

    Fields fields() { return {{"dev", &dev, "dev DEV"}}; }
};

struct Status : Plain {
    static constexpr CommandText kText{"status", "devices, counters, workers"};
};

struct Flows {
    static constexpr CommandText kText{"flows",
                                       "live flows; or all of them, into a file and out of one",
                                       "all of these must hold", "filter"};
    std::vector<std::string> filter = {};
    std::uint32_t idle_at_most = UINT32_MAX; ///< seconds

    Fields fields() {
        return {{"filter", &filter,
                 "protocol PROTOCOL|dev DEV|l4 L4|host ADDRESS|port PORT|reason REASON|export "
                 "FILE|import FILE"},
                {"idle_at_most", &idle_at_most}};
    }
};

struct Explain {
    static constexpr CommandText kText{"explain", "how live flows got their verdicts",
                                       "all of these must hold", "filter"};
    std::vector<std::string> filter = {};

    Fields fields() {
        return {{"filter", &filter,
                 "protocol PROTOCOL|dev DEV|l4 L4|host ADDRESS|port PORT|reason REASON"}};
    }
};

struct Stats {
    static constexpr CommandText kText{
        "stats", "packets, bytes and flows per device, direction and protocol",
        "device, and by what"};
    std::string dev = {}; ///< only this one's
    std::string by = "protocol";

    Fields fields() {
        return {{"dev", &dev, "[dev DEV]"}, {"by", &by, "[by protocol|application|class|rule]"}};
    }
};

struct Expect : Plain {
    static constexpr CommandText kText{"expect", "connections that others have announced"};
};

struct Reload : Plain {
    static constexpr CommandText kText{"reload", "patterns and rules, atomically"};
};

struct Metrics : Plain {
    static constexpr CommandText kText{"metrics", "one scrape as Prometheus reads it"};
};

struct Bypass {
    static constexpr CommandText kText{.name = "bypass",
                                       .help = "let every packet pass unlooked at, or not",
                                       .words_help = "on or off",
                                       .words = "word",
                                       .checked = true};
    bool on = false;

    Fields fields() { return {{"on", &on, "on|off"}}; }
};

struct Stop : Plain {
    static constexpr CommandText kText{"stop", "end the daemon; programs stay on their devices"};
};

/// What `doctor` asks beyond status and stats.
struct Facts : Plain {
    static constexpr CommandText kText{"facts"};
};

/// `flows export` and `flows import`, whose files are read and written by the command line.
struct ExportFlows : Plain {
    static constexpr CommandText kText{"flows export"};
};
struct ImportFlows : Plain {
    static constexpr CommandText kText{"flows import"};
};

/// `sync ...`
struct Sync {
    static constexpr CommandText kText{"sync"};
    std::string what = "status"; ///< or commit, resync, flush internal, flush external
    std::string peer = {};       ///< whose is committed; empty: everybody's

    Fields fields() { return {{"what", &what}, {"peer", &peer}}; }
};

/// Commands are listed in this order.
using All = std::tuple<Attach, Detach, Status, Flows, Explain, Stats, Expect, Reload, Metrics,
                       Bypass, Stop, Facts, ExportFlows, ImportFlows, Sync>;

} // namespace request

/// What is said of a request besides its fields.
struct RequestLine {
    bool json = false;       ///< the answer shall be JSON instead of text
    std::uint64_t netns = 0; ///< the network namespace whose daemon is meant; 0: any
    std::size_t body = 0;    ///< bytes that follow the line
};

/// A request as one line of JSON, without its newline.
std::string encode(const CommandText &text, const Fields &fields, const RequestLine &line);

/// Takes the fields out of a request. What is missing stays as it is, but for a checked command's.
/// Throws what the JSON library throws at a field of another type.
void decode(const nlohmann::json &request, const CommandText &text, const Fields &fields);

} // namespace l7
