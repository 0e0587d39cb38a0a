// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/fields_json.hpp"
#include "core/report/status_report.hpp"
#include "daemon/answers/answers.hpp"
#include "daemon/answers/parts.hpp"
#include "daemon/parts/flow_sync.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace l7 {

namespace {

Result<void> status(const Replication &sync, Answer &answer) {
    const SyncReport report = sync.report();
    if (answer.json())
        answer.write(json_line(report));
    else
        for (const std::string &line : to_text(report))
            answer.write(line);
    return {};
}

Result<void> commit(Replication &sync, const std::string &peer, Answer &answer) {
    const auto done = sync.commit(peer);
    if (!done)
        return done.error();
    if (answer.json())
        answer.write(json_line(*done));
    else if (sync.config().direct)
        answer.write("there is nothing to do: with direct = true all has entered already");
    else
        answer.write(fmt::format("{} of {} flows and {} of {} expectations entered in {:.1f} ms",
                                 done->entered, done->flows, done->expectations_entered,
                                 done->expectations, done->took_ms()));
    return {};
}

Result<void> resync(Replication &sync, Answer &answer) {
    const ResyncReport done = sync.resync();
    if (answer.json())
        answer.write(nlohmann::ordered_json{{"own", done.own}, {"missing", done.missing}}.dump());
    if (!done.own)
        return Error{"Redis at " + to_text(sync.config().redis) + " does not answer",
                     "all is written anew when it does"};
    if (!done.missing.empty() && !answer.json())
        answer.write(fmt::format("not read: {}; they are when their Redis answers",
                                 fmt::join(done.missing, ", ")));
    return {};
}

} // namespace

Result<void> answer_to(const Parts &parts, const request::Sync &request, Answer &answer) {
    const auto sync = parts.sync.get();
    if (!sync)
        return Error{"there is no replication here", "[sync] of the configuration turns it on; see "
                                                     "l7ctl-sync(7)"};
    const std::string &what = request.what;
    if (what == "status")
        return status(*sync, answer);
    if (what == "commit")
        return commit(*sync, request.peer, answer);
    if (what == "resync")
        return resync(*sync, answer);
    if (what == "flush internal")
        return sync->flush_internal();
    if (what == "flush external")
        return sync->flush_external();
    return Error{"sync: '" + what + "' is not understood", {}, Blame::Usage};
}

} // namespace l7
