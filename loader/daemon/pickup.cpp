// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/pickup.hpp"

#include <l7ctl/tcp.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace l7 {

namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

/// What is told of the connection; the rest is the flow's own.
l7_put put_of(const l7_key &key, const l7_flow &flow,
              const std::optional<std::array<std::uint8_t, 2>> &scale) {
    l7_put out{key, flow};
    for (unsigned way = 0; scale && way < 2; way++) {
        out.flow.tcp[way] = {};
        out.flow.tcp[way].scale = std::min<std::uint8_t>((*scale)[way], L7_TCP_LIBERAL);
        out.flow.tcp[way].flags = L7_T_SYN | L7_T_SCALE;
        out.flow.flags |= L7_F_SYN_0 | L7_F_SYN_1 | L7_F_REPLIED;
    }
    return out;
}

} // namespace

Pickup::Pickup(World world) : world_(std::move(world)), thread_([this] { run(); }) {}

Pickup::~Pickup() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void Pickup::use(std::shared_ptr<const Catalog> catalog) {
    const std::lock_guard lock(mutex_);
    catalog_ = std::move(catalog);
}

void Pickup::met(const l7_record &head) {
    if (!(head.flags & L7_R_MIDSTREAM) || head.flags == L7_R_EXPECTED ||
        head.protocol > L7_UNKNOWN || head.key.l4 != L7_IPPROTO_TCP)
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

void Pickup::judged(const l7_verdict &verdict) {
    if (!anybody_waits_)
        return;
    {
        const std::lock_guard lock(mutex_);
        const auto at = waiting_.find(verdict.key);
        if (at == waiting_.end() || at->second.born != verdict.born)
            return;
        if (verdict.protocol > L7_UNKNOWN)
            queue_.push_back(at->second);
        waiting_.erase(at);
        anybody_waits_ = !waiting_.empty();
    }
    wake_.notify_one();
}

PickupReport Pickup::report() const {
    const std::lock_guard lock(mutex_);
    PickupReport out = counts_;
    out.waiting = waiting_.size();
    return out;
}

bool Pickup::next(Connection &connection, std::shared_ptr<const Catalog> &catalog) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (stop_)
        return false;
    connection = queue_.front();
    queue_.pop_front();
    catalog = catalog_;
    return true;
}

void Pickup::run() {
    Connection connection{};
    std::shared_ptr<const Catalog> catalog;

    while (next(connection, catalog))
        if (connection.scale)
            tell(connection);
        else if (catalog && allowed())
            ask(connection, *catalog);
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

void Pickup::ask(Connection &connection, const Catalog &catalog) {
    count(&PickupReport::asked);
    const auto found = world_.ask(connection.key);
    if (!found) {
        const std::lock_guard lock(mutex_);
        counts_.failed++;
        counts_.last_error = found.error().message;
        return;
    }
    const auto began = *found ? initiator_of(**found, connection.key) : std::nullopt;
    if (!began)
        return count(&PickupReport::untracked);
    if (const auto &scale = (*found)->scale) {
        // Who spoke first when we came need not be who began.
        const bool turned = *began != connection.initiator;
        connection.scale = std::array{(*scale)[turned], (*scale)[!turned]};
    }
    if (name(connection, (*found)->mark, catalog))
        return;
    if (connection.scale)
        wait_for_verdict(connection);
    else
        count(&PickupReport::unknown);
}

/// Makes the flow what its connection's mark says; false: that says nothing.
bool Pickup::name(const Connection &connection, std::uint32_t mark, const Catalog &catalog) {
    const Knowledge &knowledge = catalog.knowledge;
    if (!catalog.config.conntrack.mark || !knowledge.loose)
        return false;
    const auto named = catalog.rules->named_by(mark, catalog.config.conntrack.mask);
    const std::uint16_t protocol = named ? knowledge.protocols->find(named->protocol) : L7_UNSET;
    if (protocol <= L7_UNKNOWN)
        return false;
    l7_flow flow{};
    flow.born = connection.born;
    flow.seen[0] = flow.seen[1] = connection.born;
    flow.protocol = protocol;
    if (!named->application.empty() && knowledge.application_numbers)
        flow.application = knowledge.application_numbers->find(named->application);
    flow.reason = L7_REASON_REPLICA;
    flow.verdict_packet = 1;
    flow.flags = L7_F_REPLICA | L7_F_MIDSTREAM;
    if (connection.initiator)
        flow.flags |= L7_F_INITIATOR_1;
    if (knowledge.expect.parents.contains(named->protocol))
        flow.flags |= L7_F_FOLLOW | L7_F_LISTEN;
    flow.tcp[0].scale = flow.tcp[1].scale = L7_TCP_LIBERAL;
    if (const auto put = world_.put(put_of(connection.key, flow, connection.scale)); !put) {
        count(&PickupReport::failed);
        return true;
    }
    count(&PickupReport::named);
    if (connection.scale)
        count(&PickupReport::scaled);
    return true;
}

void Pickup::wait_for_verdict(const Connection &connection) {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.insert_or_assign(connection.key, connection).second)
            came_.push_back(connection.key);
        anybody_waits_ = true;
        while (came_.size() > kWaiting) {
            counts_.limited += waiting_.erase(came_.front());
            came_.pop_front();
        }
    }
    // Its verdict may have come since it was met.
    const auto flow = world_.find(connection.key);
    if (!flow || flow->born != connection.born)
        return;
    bool still = false;
    {
        const std::lock_guard lock(mutex_);
        still = waiting_.erase(connection.key) != 0;
        anybody_waits_ = !waiting_.empty();
    }
    if (still)
        tell(connection);
}

/// Tells a flow that has its verdict how its windows are scaled.
void Pickup::tell(const Connection &connection) {
    auto flow = world_.find(connection.key);
    if (!flow || flow->born != connection.born)
        return;
    // What enters should the flow leave in this moment.
    for (unsigned way = 0; way < 2; way++)
        flow->packets[way] = flow->bytes[way] = flow->owner[way] = 0;
    flow->flags = (flow->flags & L7_F_LASTING) | L7_F_REPLICA;
    if (const auto put = world_.put(put_of(connection.key, *flow, connection.scale)); put)
        count(&PickupReport::scaled);
    else
        count(&PickupReport::failed);
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
            .find = [&kernel](const l7_key &key) { return kernel.find(key); },
            .put = [&kernel](const l7_put &flow) -> Result<void> {
                if (auto put = kernel.put({&flow, 1}); !put)
                    return put.error();
                return {};
            },
            .now_ns =
                [] {
                    return static_cast<std::uint64_t>(
                        std::chrono::steady_clock::now().time_since_epoch() /
                        std::chrono::nanoseconds(1));
                }};
}

} // namespace l7
