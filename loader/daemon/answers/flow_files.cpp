// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/clock.hpp"
#include "core/sync/flow_file.hpp"
#include "core/sync/takeover.hpp"
#include "daemon/answers/answers.hpp"
#include "daemon/answers/parts.hpp"
#include "daemon/parts/replica_table.hpp"

#include <chrono>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace l7 {

namespace {

using Json = nlohmann::ordered_json;

/// Takes a walk's flows; what is expected is not in files, as it lives for seconds.
class ToFile : public OwnStates {
  public:
    void flow(const FlowState &state, bool) override {
        if (!state.protocol.empty())
            full_ |= !file_.add(state, begun_ms_);
    }
    void expectation(const ExpectationState &, std::string_view) override {}
    void endpoint(const EndpointState &) override {}
    void hint(const HintState &) override {}

    bool full() const { return full_; }
    std::string take() { return file_.take(); }

  private:
    const std::uint64_t begun_ms_ = wall_ms();
    FlowFile file_;
    bool full_ = false;
};

/// The flow table; counts what becomes of each.
class FromFile : public ReplicaSink {
  public:
    explicit FromFile(ReplicaTable &table) : table_(table) {}

    Result<std::size_t> put(std::span<const FlowState> flows) override {
        const auto done = table_.enter(flows);
        if (!done)
            return done.error();
        all_.entered += done->entered;
        all_.kept += done->kept;
        all_.failed += done->failed;
        all_.skipped += done->skipped;
        return done->entered;
    }

    const ReplicaTable::Entered &all() const { return all_; }

  private:
    ReplicaTable &table_;
    ReplicaTable::Entered all_;
};

} // namespace

Result<void> answer_to(const Parts &parts, const request::ExportFlows &, Answer &answer) {
    ToFile file;
    if (auto walked = parts.replicas.walk(file); !walked)
        return walked;
    if (file.full())
        return Error{fmt::format("the flows are more than the {} bytes of a file", kFlowFileMax)};
    answer.write_bytes(file.take());
    return {};
}

Result<void> answer_to(const Parts &parts, const request::ImportFlows &, Answer &answer) {
    const auto began = std::chrono::steady_clock::now();
    const auto file = parse_flow_file(answer.body());
    if (!file)
        return file.error();
    Takeover takeover;
    for (const FlowFileEntry &entry : *file)
        takeover.add(entry.key, entry.record);
    FromFile table(parts.replicas);
    if (const auto done = takeover.enter(table, wall_ms()); !done)
        return done.error();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
    const ReplicaTable::Entered &all = table.all();
    if (answer.json())
        answer.write(Json{{"flows", file->size()},
                          {"entered", all.entered},
                          {"kept", all.kept},
                          {"failed", all.failed},
                          {"skipped", all.skipped},
                          {"took_ms", took.count()}}
                         .dump());
    else
        answer.write(fmt::format("{} of {} flows entered in {:.1f} ms; {} have a verdict of their "
                                 "own here, {} found no room, {} have a protocol unknown here",
                                 all.entered, file->size(), took.count(), all.kept, all.failed,
                                 all.skipped));
    return {};
}

} // namespace l7
