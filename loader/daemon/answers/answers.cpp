// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/answers/answers.hpp"

#include "core/base/clock.hpp"
#include "core/names/protocols.hpp"
#include "core/report/flow_report.hpp"
#include "daemon/answers/parts.hpp"
#include "daemon/parts/catalog.hpp"
#include "daemon/parts/devices.hpp"
#include "daemon/parts/flow_export.hpp"
#include "daemon/parts/rules_in_force.hpp"
#include "kernel/state.hpp"
#include "metrics/metrics_server.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

namespace l7 {

namespace {

Result<void> answer_to(const Parts &parts, const request::Attach &request, Answer &) {
    const AttachRequest attach{.ingress = request.hooks != "egress",
                               .egress = request.hooks != "ingress",
                               .head = request.position == "head",
                               .xdp = request.xdp,
                               .way = parts.catalogs.get()->config.attach};
    if (auto done = parts.devices.attach(request.dev, attach); !done)
        return done;
    parts.rules.look_at_devices();
    return {};
}

Result<void> answer_to(const Parts &parts, const request::Detach &request, Answer &) {
    for (unsigned slot = 0; slot < L7_ATTACH_MAX / 2; slot++)
        if (!request.dev.empty() && parts.devices.name_of(slot) == request.dev)
            if (auto flushed = parts.flow_export.flush(slot); !flushed)
                return flushed;
    return parts.devices.detach(request.dev);
}

/// What is expected: from whom, to whom, for how long, and announced by which flow.
Result<void> answer_to(const Parts &parts, const request::Expect &, Answer &answer) {
    const auto catalog = parts.catalogs.get();
    const Knowledge &knowledge = catalog->knowledge;
    const auto now_s = static_cast<std::int64_t>(monotonic_ns() / kSecondNs);

    for (const ExpectationEntry &one : knowledge.expectations->list()) {
        const auto left = static_cast<std::int64_t>(one.expires_ns / kSecondNs) - now_s;
        const End source{address_text(one.expected.source), one.sport};
        const End target{address_text(one.expected.target), ntohs(one.expected.port)};
        const bool anyone = source.address == "::";
        const std::string protocol = knowledge.protocols->name(one.verdict.protocol);
        if (answer.json())
            answer.write(nlohmann::ordered_json{{"l4", l4_name(one.expected.l4)},
                                                {"src", anyone ? "any" : source.address},
                                                {"sport", source.port},
                                                {"dst", target.address},
                                                {"dport", target.port},
                                                {"protocol", protocol},
                                                {"topic", one.topic},
                                                {"expires", left},
                                                {"met", one.met},
                                                {"parent", key_json(one.parent)}}
                             .dump());
        else
            answer.write(fmt::format(
                "{:<5} {:<28} {:<28} {:<10} {:<12} {:>5} s  {}", l4_name(one.expected.l4),
                anyone        ? "any"
                : source.port ? end_text(source)
                              : source.address,
                end_text(target), protocol, one.topic, left, key_text(one.parent)));
    }
    return {};
}

Result<void> answer_to(const Parts &parts, const request::Reload &, Answer &answer) {
    if (auto reloaded = parts.reload(); !reloaded)
        return reloaded;
    const auto catalog = parts.catalogs.get();
    for (const std::string &line : catalog->rejected)
        answer.write("pattern left out: " + line);
    for (const std::string &line : catalog->warnings)
        answer.write("warning: " + line);
    answer.write(fmt::format("{} patterns, {} rejected, {} rules",
                             catalog->knowledge.database->patterns().size(),
                             catalog->rejected.size(), catalog->config.rules.size()));
    return {};
}

Result<void> answer_to(const Parts &parts, const request::Bypass &request, Answer &) {
    parts.kernel.set_bypass(request.on);
    return {};
}

Result<void> answer_to(const Parts &parts, const request::Metrics &, Answer &answer) {
    const auto text = parts.metrics.scrape();
    if (!text)
        return text.error();
    // write ends the last line by itself.
    answer.write(std::string_view(*text).substr(0, text->empty() ? 0 : text->size() - 1));
    return {};
}

Result<void> answer_to(const Parts &parts, const request::Stop &, Answer &) {
    parts.stop();
    return {};
}

Result<void> same_namespace(const nlohmann::json &request) {
    struct stat ours {};
    if (!request.contains("netns") || stat("/proc/self/ns/net", &ours) != 0 ||
        request["netns"].get<std::uint64_t>() == ours.st_ino)
        return {};
    return Error{"this command runs in another network namespace than the daemon",
                 "name the namespace: l7ctl -n NAME ...; each has a daemon of its own"};
}

using AnswerTo = Result<void> (*)(const Parts &, const nlohmann::json &, Answer &);

template <class Request>
Result<void> decode_and_answer(const Parts &parts, const nlohmann::json &json, Answer &answer) {
    Request request;
    decode(json, Request::kText, request.fields());
    return answer_to(parts, request, answer);
}

/// Null: there is no such request.
template <class... Requests>
AnswerTo find_answer(const std::string &name, const std::tuple<Requests...> *) {
    AnswerTo out = nullptr;
    ((name == Requests::kText.name ? void(out = decode_and_answer<Requests>) : void()), ...);
    return out;
}

} // namespace

Result<void> carry_out(const Parts &parts, const nlohmann::json &request, Answer &answer) {
    const std::string name = request["command"].get<std::string>();
    const AnswerTo to = find_answer(name, static_cast<const request::All *>(nullptr));
    if (!to)
        return Error{"no such command: " + name, {}, Blame::Usage};
    if (auto same = same_namespace(request); !same)
        return same;
    return to(parts, request, answer);
}

} // namespace l7
