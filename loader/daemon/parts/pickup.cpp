// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/parts/pickup.hpp"

#include "core/base/clock.hpp"

#include <l7ctl/flow.h>

#include <utility>

namespace l7 {

Pickup::Pickup(World world, const CatalogHolder &catalogs)
    : world_(std::move(world)), catalogs_(catalogs), thread_([this] { run(); }) {}

Pickup::~Pickup() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void Pickup::met(const l7_record &head) {
    if (head.kind != L7_RECORD_SAMPLE || !(head.flags & L7_R_MIDSTREAM) ||
        head.protocol > L7_UNKNOWN || head.key.l4 != L7_IPPROTO_TCP ||
        (world_.scaled() && !catalogs_.get()->config.conntrack.mark))
        return;
    const std::uint64_t who = std::uint64_t{head.hash} << 32 | head.born;
    if (recent_[(head.hash >> 6) % recent_.size()].exchange(who) == who)
        return;
    {
        const std::lock_guard lock(mutex_);
        if (queue_.size() >= kQueue) {
            counts_.limited++;
            return;
        }
        queue_.push_back({head.key, head.born, head.flags & L7_R_INITIATOR_1 ? 1U : 0U});
    }
    wake_.notify_one();
}

PickupReport Pickup::report() const {
    const std::lock_guard lock(mutex_);
    return counts_;
}

bool Pickup::next(Connection &connection) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (stop_)
        return false;
    connection = queue_.front();
    queue_.pop_front();
    return true;
}

void Pickup::run() {
    Connection connection{};

    while (next(connection))
        if (allowed())
            ask(connection, *catalogs_.get());
        else
            count(&PickupReport::limited);
}

bool Pickup::allowed() {
    const std::uint64_t now = world_.now_ns();
    if (now - second_ns_ >= kSecondNs) {
        second_ns_ = now;
        this_second_ = 0;
    }
    return this_second_++ < kPerSecond;
}

void Pickup::ask(const Connection &connection, const Catalog &catalog) {
    count(&PickupReport::asked);
    const auto found = world_.ask(connection.key);
    if (!found) {
        const std::lock_guard lock(mutex_);
        counts_.failed++;
        counts_.last_error = found.error().message;
        return;
    }
    const bool wants_scales = !world_.scaled();
    const auto began = *found ? initiator_of(**found, connection.key) : std::nullopt;
    if (!began) {
        if (wants_scales)
            count(&PickupReport::untracked);
        return;
    }
    const auto scale = wants_scales ? (*found)->scale : std::nullopt;
    if (wants_scales && !scale)
        count(&PickupReport::unknown);
    l7_put put{connection.key, {}};
    l7_tcp_begin(put.flow.tcp);
    put.flow.born = connection.born;
    put.flow.protocol = name(put.flow, connection, (*found)->mark, catalog);
    const bool named = put.flow.protocol != L7_UNSET;
    if (scale) {
        // Who spoke first when we came need not be who began.
        const bool turned = *began != connection.initiator;
        l7_flow_scaled(&put.flow, (*scale)[turned], (*scale)[!turned]);
    }
    if (!named && !scale)
        return;
    if (const auto done = world_.put(put); !done)
        return count(&PickupReport::failed);
    if (named)
        count(&PickupReport::named);
    if (scale)
        count(&PickupReport::scaled);
}

/// What the connection's mark says it is; L7_UNSET: nothing. The rest of the flow goes with that.
std::uint16_t Pickup::name(l7_flow &flow, const Connection &connection, std::uint32_t mark,
                           const Catalog &catalog) const {
    const Knowledge &knowledge = catalog.knowledge;
    if (!catalog.config.conntrack.mark || !knowledge.loose)
        return L7_UNSET;
    const auto named = catalog.rules->named_by(mark, catalog.config.conntrack.mask);
    const std::uint16_t protocol = named ? knowledge.protocols->find(named->protocol) : L7_UNSET;
    if (protocol <= L7_UNKNOWN)
        return L7_UNSET;
    flow.seen[0] = flow.seen[1] = connection.born;
    if (!named->application.empty() && knowledge.application_numbers)
        flow.application = knowledge.application_numbers->find(named->application);
    flow.reason = L7_REASON_REPLICA;
    flow.verdict_packet = 1;
    flow.flags = L7_F_REPLICA | L7_F_MIDSTREAM;
    if (connection.initiator)
        flow.flags |= L7_F_INITIATOR_1;
    if (knowledge.expect.parents.contains(named->protocol))
        flow.flags |= L7_F_FOLLOW | L7_F_LISTEN;
    return protocol;
}

void Pickup::count(std::uint64_t PickupReport::*what) {
    const std::lock_guard lock(mutex_);
    counts_.*what += 1;
}

Pickup::World kernels_world(KernelState &kernel) {
    const auto conntrack = std::make_shared<std::optional<Conntrack>>();
    return {.ask = [conntrack](const l7_key &key) -> Result<std::optional<Tracked>> {
                if (!*conntrack) {
                    auto opened = Conntrack::open();
                    if (!opened)
                        return opened.error();
                    conntrack->emplace(std::move(*opened));
                }
                auto found = (*conntrack)->find(key);
                if (!found) // an answer may still come, and would be taken for the next question's
                    conntrack->reset();
                return found;
            },
            .put = [&kernel](const l7_put &flow) -> Result<void> {
                if (auto put = kernel.flows().put({&flow, 1}); !put)
                    return put.error();
                return {};
            },
            .scaled = [&kernel] { return kernel.looks_up_scales(); },
            .now_ns = monotonic_ns};
}

} // namespace l7
