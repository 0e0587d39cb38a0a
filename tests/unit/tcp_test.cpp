// SPDX-License-Identifier: GPL-2.0-or-later
#include <l7ctl/step.h>

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr std::uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kAck = 0x10;
constexpr std::uint32_t kSecond = 1000;

struct Segment {
    unsigned from = 0;
    std::uint8_t flags = kAck;
    std::uint32_t seq = 0;
    std::uint32_t ack = 0;
    std::uint16_t window = 0xffff;
    std::uint32_t size = 0;
    std::vector<std::uint8_t> options = {};
};

/// A flow that segments come to.
struct Tracked {
    l7_flow flow{};
    bool begun = false;
    std::uint32_t now = 1'000'000;

    l7_tcp_fit take(const Segment &segment) {
        l7_packet packet{};
        packet.key.l4 = L7_IPPROTO_TCP;
        packet.from = static_cast<std::uint8_t>(segment.from);
        packet.tcp_flags = segment.flags;
        packet.seq = segment.seq;
        packet.ack = segment.ack;
        packet.window = segment.window;
        packet.payload_size = segment.size;
        packet.options = static_cast<std::uint8_t>(segment.options.size());
        if (!begun)
            l7_flow_begin(&flow, &packet, now);
        begun = true;
        l7_tcp_options said{};
        l7_tcp_options_read(segment.options.data(), packet.options, &said);
        const std::uint32_t direction = l7_flow_direction(&flow, &packet);
        if (!l7_flow_wanted(&flow) && l7_tcp_quick(&flow, &packet, direction, now))
            return L7_TCP_FITS;
        const auto fit = l7_tcp_segment(&flow, &packet, direction, &said, now, kSecond);
        if (fit == L7_TCP_FITS)
            l7_flow_note_flags(&flow, &packet, direction);
        return fit;
    }

    /// 0 began with 1000, 1 with 5000; both offer the scale, where there is one.
    static Tracked established(int scale = 7, std::uint32_t first = 1000,
                               std::uint32_t second = 5000) {
        Tracked out;
        const std::vector<std::uint8_t> offer =
            scale < 0 ? std::vector<std::uint8_t>{}
                      : std::vector<std::uint8_t>{1, 3, 3, static_cast<std::uint8_t>(scale)};
        REQUIRE(out.take({0, kSyn, first, 0, 0xffff, 0, offer}) == L7_TCP_FITS);
        REQUIRE(out.take({1, kSyn | kAck, second, first + 1, 0xffff, 0, offer}) == L7_TCP_FITS);
        REQUIRE(out.take({0, kAck, first + 1, second + 1, 0x1000, 0}) == L7_TCP_FITS);
        REQUIRE((out.flow.flags & L7_F_REPLIED));
        return out;
    }
};

std::vector<std::uint8_t> sack(std::uint32_t left, std::uint32_t right) {
    const auto byte = [](std::uint32_t value, unsigned at) {
        return static_cast<std::uint8_t>(value >> (24 - 8 * at));
    };
    std::vector<std::uint8_t> out{1, 1, 5, 10};
    for (const std::uint32_t edge : {left, right})
        for (unsigned i = 0; i < 4; i++)
            out.push_back(byte(edge, i));
    return out;
}

} // namespace

TEST_CASE("segments are held against the windows of both ends") {
    struct Row {
        const char *what;
        Segment segment;
        l7_tcp_fit fit;
    };
    // After the handshake: 0 has sent up to 1001 and offers 0x1000 << 7, 1 up to 5001 and 0xffff.
    const std::vector<Row> rows{
        {"data in order", {0, kAck, 1001, 5001, 100, 1460}, L7_TCP_FITS},
        {"an answer without data", {1, kAck, 5001, 1001, 100, 0}, L7_TCP_FITS},
        {"GSO, 64 KiB at once", {1, kAck, 5001, 1001, 100, 65000}, L7_TCP_FITS},
        {"early, within the window", {0, kAck, 30000, 5001, 100, 1460}, L7_TCP_FITS},
        {"at the very end of what is allowed", {0, kAck, 1001 + 0xffff, 5001, 9, 1}, L7_TCP_FITS},
        {"one beyond it", {0, kAck, 1002 + 0xffff, 5001, 9, 1}, L7_TCP_BEYOND},
        {"half a number space away", {0, kAck, 1001U + 0x7fffffffU, 5001, 9, 1}, L7_TCP_BEYOND},
        {"keep-alive, one number too low", {0, kAck, 1000, 5001, 9, 0}, L7_TCP_FITS},
        {"keep-alive with a byte", {0, kAck, 1000, 5001, 9, 1}, L7_TCP_FITS},
        {"older than the window", {0, kAck, 1001U - 0x10100U, 5001, 9, 10}, L7_TCP_BEFORE},
        {"acknowledges one too much", {0, kAck, 1001, 5002, 9, 10}, L7_TCP_ACK_BEYOND},
        {"acknowledges what is long ago",
         {0, kAck, 1001, 5001U - 600000U, 9, 1},
         L7_TCP_ACK_BEFORE},
        {"selectively acknowledges what was not sent",
         {0, kAck, 1001, 5001, 9, 0, sack(5100, 5200)},
         L7_TCP_ACK_BEYOND},
        {"no acknowledgement at all", {0, 0, 1001, 0, 9, 10}, L7_TCP_STRAY},
        {"a second SYN, of another connection", {0, kSyn, 90000, 0, 9, 0}, L7_TCP_STRAY},
        {"the same SYN once more", {0, kSyn, 1000, 0, 9, 0}, L7_TCP_FITS},
        {"the same SYN-ACK once more", {1, kSyn | kAck, 5000, 1001, 9, 0}, L7_TCP_FITS},
        {"a blind reset within the window", {1, kRst, 5100, 0, 0, 0}, L7_TCP_STRAY},
        {"a reset of the very next number", {1, kRst, 5001, 0, 0, 0}, L7_TCP_FITS},
        {"a reset that answers data", {1, kRst | kAck, 5001, 1001, 0, 0}, L7_TCP_FITS},
        {"FIN in order", {0, kAck | kFin, 1001, 5001, 9, 0}, L7_TCP_FITS},
        {"FIN from nowhere", {0, kAck | kFin, 0x70000000, 5001, 9, 0}, L7_TCP_BEYOND},
    };
    for (const Row &row : rows) {
        INFO(row.what);
        Tracked tracked = Tracked::established();
        CHECK(tracked.take(row.segment) == row.fit);
        if (row.fit != L7_TCP_FITS) {
            CHECK(tracked.take({0, kAck, 1001, 5001, 100, 10}) == L7_TCP_FITS);
            CHECK_FALSE((tracked.flow.flags & L7_F_ENDED));
        }
    }
}

TEST_CASE("a window's scale counts where both ends offered it, and not on a SYN") {
    const auto scales = [](std::vector<std::uint8_t> one, std::vector<std::uint8_t> other) {
        Tracked tracked;
        CHECK(tracked.flow.tcp[0].scale == 0);
        tracked.take({0, kSyn, 1000, 0, 100, 0, std::move(one)});
        tracked.take({1, kSyn | kAck, 5000, 1001, 100, 0, std::move(other)});
        return std::array{tracked.flow.tcp[0].scale, tracked.flow.tcp[1].scale};
    };
    CHECK(scales({3, 3, 10}, {3, 3, 7}) == std::array<std::uint8_t, 2>{10, 7});
    CHECK(scales({1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 3, 3, 10}, {4, 2, 3, 3, 14}) ==
          std::array<std::uint8_t, 2>{10, 14});
    CHECK(scales({3, 3, 200}, {3, 3, 0}) == std::array<std::uint8_t, 2>{14, 0});
    CHECK(scales({3, 3, 10}, {}) == std::array<std::uint8_t, 2>{0, 0});
    CHECK(scales({}, {3, 3, 10}) == std::array<std::uint8_t, 2>{0, 0});
    CHECK(scales({3, 3}, {3, 0, 1}) == std::array<std::uint8_t, 2>{0, 0}); // cut, and of no length
    Tracked tracked = Tracked::established(10);
    CHECK(tracked.flow.tcp[0].maxwin == 0x1000U << 10);
    CHECK(tracked.flow.tcp[1].maxwin == 0xffff);
    CHECK(tracked.flow.tcp[0].allows == 5001 + (0x1000U << 10));
}

TEST_CASE("simultaneous open, and SYNs that are sent again") {
    Tracked tracked;
    CHECK(tracked.take({0, kSyn, 1000, 0, 100, 0, {3, 3, 2}}) == L7_TCP_FITS);
    CHECK(tracked.take({1, kSyn, 5000, 0, 100, 0, {3, 3, 3}}) == L7_TCP_FITS);
    CHECK(tracked.take({0, kSyn | kAck, 1000, 5001, 100, 0, {3, 3, 2}}) == L7_TCP_FITS);
    CHECK(tracked.take({1, kSyn | kAck, 5000, 1001, 100, 0, {3, 3, 3}}) == L7_TCP_FITS);
    CHECK(tracked.take({0, kAck, 1001, 5001, 100, 10}) == L7_TCP_FITS);
    CHECK(tracked.flow.tcp[1].scale == 3);

    Tracked again;
    CHECK(again.take({0, kSyn, 1000, 0, 100, 0}) == L7_TCP_FITS);
    CHECK(again.take({0, kSyn, 777, 0, 100, 0}) == L7_TCP_FITS); // nobody had answered: it is new
    CHECK(again.take({1, kSyn | kAck, 5000, 1001, 100, 0}) == L7_TCP_ACK_BEYOND);
    CHECK(again.take({1, kSyn | kAck, 5000, 778, 100, 0}) == L7_TCP_FITS);
}

TEST_CASE("a refused connection, and a stranger's refusal") {
    Tracked tracked;
    CHECK(tracked.take({0, kSyn, 1000, 0, 100, 0}) == L7_TCP_FITS);
    CHECK(tracked.take({1, kRst | kAck, 0, 900, 0, 0}) == L7_TCP_STRAY);
    CHECK_FALSE((tracked.flow.flags & L7_F_RST));
    CHECK(tracked.take({1, kRst | kAck, 0, 1001, 0, 0}) == L7_TCP_FITS);
    CHECK((tracked.flow.flags & L7_F_RST));

    Tracked given_up;
    CHECK(given_up.take({0, kSyn, 1000, 0, 100, 0}) == L7_TCP_FITS);
    CHECK(given_up.take({0, kRst | kAck, 1000, 0, 0, 0}) == L7_TCP_FITS);
}

TEST_CASE("a connection that was running is learnt from both ends, and liberally") {
    Tracked tracked;
    CHECK(tracked.take({0, kAck, 1000, 5000, 10, 100}) == L7_TCP_FITS);
    CHECK((tracked.flow.flags & L7_F_MIDSTREAM));
    CHECK(tracked.flow.tcp[0].scale == L7_TCP_LIBERAL);
    CHECK(tracked.flow.tcp[0].maxwin == 10U << L7_TCP_LIBERAL);
    CHECK(tracked.take({1, kAck, 5000, 1300, 10, 100}) == L7_TCP_ACK_BEYOND);
    CHECK(tracked.take({1, kAck, 0x80005000, 1100, 10, 100}) == L7_TCP_BEYOND);
    CHECK(tracked.take({1, kAck, 5000, 1100, 10, 100}) == L7_TCP_FITS);
    CHECK(tracked.take({0, kAck, 1100, 5100, 10, 100}) == L7_TCP_FITS);
    CHECK((tracked.flow.flags & L7_F_REPLIED));

    Tracked one_sided;
    for (std::uint32_t seq = 1000; seq < 3'000'000; seq += 60'000)
        CHECK(one_sided.take({0, kAck, seq, 5000 + seq / 10, 10, 60'000}) == L7_TCP_FITS);
    CHECK(one_sided.take({0, kAck, 0x40000000, 5000, 10, 1}) == L7_TCP_BEYOND);
    CHECK(one_sided.take({0, kAck, 0xf0000000, 5000, 10, 1}) == L7_TCP_BEFORE);
}

TEST_CASE("a connection that is met with a window probe is learnt as well") {
    Tracked probed; // the receiver's window is closed: a byte below what comes next, and no data
    CHECK(probed.take({0, kAck, 999, 5000, 100, 0}) == L7_TCP_FITS);
    CHECK(probed.take({1, kAck, 5000, 1000, 0, 0}) == L7_TCP_FITS);
    CHECK(probed.take({1, kAck, 5000, 1000, 100, 0}) == L7_TCP_FITS); // it opens
    CHECK(probed.take({0, kAck, 1000, 5000, 100, 1000}) == L7_TCP_FITS);
    CHECK(probed.take({1, kAck, 5000, 2000, 100, 0}) == L7_TCP_FITS);

    Tracked answered; // by a receiver that was seen first
    CHECK(answered.take({1, kAck, 5000, 1000, 0, 0}) == L7_TCP_FITS);
    CHECK(answered.take({0, kAck, 999, 5000, 100, 0}) == L7_TCP_FITS);
    CHECK(answered.take({1, kAck, 5000, 1000, 100, 0}) == L7_TCP_FITS);
    CHECK(answered.take({0, kAck, 1000, 5000, 100, 1000}) == L7_TCP_FITS);
}

TEST_CASE("windows shrink to what they meant when their scale becomes known") {
    Tracked tracked;
    CHECK(tracked.take({0, kAck, 1000, 5000, 100, 100}) == L7_TCP_FITS);
    CHECK(tracked.take({1, kAck, 5000, 1100, 200, 100}) == L7_TCP_FITS);
    l7_tcp_side told{};
    told.scale = 7;
    l7_tcp_told(&tracked.flow.tcp[0], &told); // nothing is known
    CHECK(tracked.flow.tcp[0].scale == L7_TCP_LIBERAL);
    told.flags = L7_T_SYN | L7_T_SCALE;
    l7_tcp_told(&tracked.flow.tcp[0], &told);
    told.scale = 3;
    l7_tcp_told(&tracked.flow.tcp[1], &told);
    l7_tcp_told(&tracked.flow.tcp[0], &told); // it knows better
    CHECK(tracked.flow.tcp[0].scale == 7);
    CHECK(tracked.flow.tcp[0].maxwin == 100U << 7);
    CHECK(tracked.flow.tcp[0].allows == 5000 + (100U << 7));
    CHECK(tracked.flow.tcp[1].maxwin == 200U << 3);
    // All that the receiver allows still fits, and a byte beyond its edge no longer.
    CHECK(tracked.take({0, kAck, 1100 + (200U << 3), 5100, 100, 0}) == L7_TCP_FITS);
    CHECK(tracked.take({0, kAck, 1101 + (200U << 3), 5100, 100, 1}) == L7_TCP_BEYOND);
}

TEST_CASE("what went on elsewhere is learnt anew, after a silence") {
    Tracked tracked = Tracked::established();
    const Segment later{0, kAck, 50'000'000, 60'000'000, 100, 1000};
    CHECK(tracked.take(later) == L7_TCP_BEYOND);
    tracked.now += 5 * kSecond;
    CHECK(tracked.take(later) == L7_TCP_BEYOND);
    tracked.now += 6 * kSecond;
    CHECK(tracked.take(later) == L7_TCP_FITS);
    CHECK((tracked.flow.flags & L7_F_MIDSTREAM));
    CHECK(tracked.take({1, kAck, 60'000'000, 50'001'000, 100, 1000}) == L7_TCP_FITS);
    CHECK(tracked.take({1, kAck, 5001, 1001, 100, 1000}) == L7_TCP_BEFORE);
}

TEST_CASE("options of any shape are read within their bounds") {
    std::mt19937 random(GENERATE(1U, 2U, 3U));
    for (int run = 0; run < 20000; run++) {
        std::vector<std::uint8_t> options(random() % 11 * 4);
        for (auto &byte : options)
            byte = static_cast<std::uint8_t>(random() % 4 ? random() % 12 : random());
        l7_tcp_options said{};
        l7_tcp_options_read(options.data(), static_cast<std::uint32_t>(options.size()), &said);
        CHECK(said.scale <= L7_TCP_LIBERAL);
        CHECK(said.at <= options.size());
    }
}

namespace {

/// The conditions as the paper has them: each end with its own `end`, `maxend` and `maxwin`, in
/// numbers that do not wrap.
struct Model {
    struct End {
        std::int64_t end, maxend, maxwin, scale;
    };
    std::array<End, 2> ends;

    l7_tcp_fit take(unsigned from, std::int64_t seq, std::int64_t size, std::int64_t ack,
                    std::int64_t window) {
        End &s = ends[from], &r = ends[1 - from];
        const std::int64_t end = seq + size, win = window << s.scale;
        if (seq > s.maxend)
            return L7_TCP_BEYOND;
        if (end < s.end - r.maxwin)
            return L7_TCP_BEFORE;
        if (ack > r.end)
            return L7_TCP_ACK_BEYOND;
        if (ack < r.end - std::max<std::int64_t>(66000, s.maxwin))
            return L7_TCP_ACK_BEFORE;
        s.end = std::max(s.end, end);
        s.maxwin = std::max(s.maxwin, win);
        if (end > s.maxend)
            r.maxwin += end - s.maxend;
        r.maxend = std::max(r.maxend, ack + std::max<std::int64_t>(win, 1));
        return L7_TCP_FITS;
    }
};

} // namespace

TEST_CASE("random segments are judged as by a model that does not wrap") {
    std::mt19937_64 random(GENERATE(11U, 12U, 13U, 14U));
    const auto pick = [&](std::int64_t from, std::int64_t to) {
        return from +
               static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(to - from + 1));
    };
    std::array<unsigned, 8> met{};
    for (int connection = 0; connection < 300; connection++) {
        const auto scale = static_cast<int>(pick(0, 10));
        const std::array<std::int64_t, 2> first{pick(0, 0xffffffff), pick(0, 0xffffffff)};
        Tracked tracked = Tracked::established(scale, static_cast<std::uint32_t>(first[0]),
                                               static_cast<std::uint32_t>(first[1]));
        tracked.flow.protocol = connection % 2 ? L7_PROTOCOL_FIRST : L7_UNSET; // the quick way too
        Model model{};
        model.ends[0] = {first[0] + 1, first[0] + 1 + 0xffff, 0x1000LL << scale, scale};
        model.ends[0].maxwin = std::max<std::int64_t>(model.ends[0].maxwin, 0xffff);
        model.ends[1] = {first[1] + 1, first[1] + 1 + (0x1000LL << scale), 0xffff, scale};
        for (int i = 0; i < 400; i++) {
            const auto from = static_cast<unsigned>(pick(0, 1));
            const Model::End s = model.ends[from], r = model.ends[1 - from];
            // Near an edge, in order, or anywhere within reach.
            const std::array<std::int64_t, 5> seqs{
                s.end, s.maxend + pick(-2, 2), s.end - r.maxwin + pick(-3000, 3000),
                s.end + pick(-100000, 100000), s.end + pick(-(1LL << 29), 1LL << 29)};
            const std::array<std::int64_t, 4> acks{r.end, r.end + pick(-3000, 2),
                                                   r.end - std::max<std::int64_t>(66000, s.maxwin) +
                                                       pick(-2, 2),
                                                   r.end + pick(-(1LL << 29), 1LL << 29)};
            const std::int64_t seq = seqs[static_cast<std::size_t>(pick(0, 9)) % 10 < 5
                                              ? 0
                                              : static_cast<std::size_t>(pick(0, 4))];
            const std::int64_t ack =
                acks[pick(0, 9) < 6 ? 0 : static_cast<std::size_t>(pick(0, 3))];
            const std::int64_t size = pick(0, 3) ? pick(0, 3000) : 0;
            const std::int64_t window = pick(0, 5) ? pick(0, 0xffff) : 0;
            const auto want = model.take(from, seq, size, ack, window);
            const auto got = tracked.take(
                {from, kAck, static_cast<std::uint32_t>(seq), static_cast<std::uint32_t>(ack),
                 static_cast<std::uint16_t>(window), static_cast<std::uint32_t>(size)});
            REQUIRE(got == want);
            met[got]++;
        }
    }
    for (const auto fit :
         {L7_TCP_FITS, L7_TCP_BEYOND, L7_TCP_BEFORE, L7_TCP_ACK_BEYOND, L7_TCP_ACK_BEFORE})
        CHECK(met[fit] > 500);
}

TEST_CASE("a flow that moves loses nothing of a packet that found it in its old place") {
    const std::vector<std::uint8_t> offer{1, 3, 3, 7};
    const std::vector<Segment> said{
        {0, kSyn, 1000, 0, 0xffff, 0, offer}, {1, kSyn | kAck, 5000, 1001, 0xffff, 0, offer},
        {0, kAck, 1001, 5001, 0x1000},        {0, kAck, 1001, 5001, 0x1000, 100},
        {1, kAck, 5001, 1101, 0x1000, 3000},  {0, kAck, 1101, 8001, 0x1000},
        {0, kAck, 1101, 8001, 0x1000, 50},    {0, kFin | kAck, 1151, 8001, 0x1000},
        {1, kFin | kAck, 8001, 1152, 0x1000}, {0, kAck, 1152, 8002, 0x1000}};
    const auto at = GENERATE(range(1U, 9U)), late = GENERATE(range(1U, 3U));
    Tracked tracked;
    l7_flow copy{};
    for (unsigned i = 0; i < said.size(); i++) {
        if (i == at)
            copy = tracked.flow;
        if (i == at + late) {
            l7_flow_moved(&tracked.flow, &copy);
            l7_flow_merge(&copy, &tracked.flow);
            tracked.flow = copy;
        }
        INFO("segment " << i << ", copied before " << at << ", for " << late);
        REQUIRE(tracked.take(said[i]) == L7_TCP_FITS);
    }
    CHECK((tracked.flow.flags & L7_F_ENDED) == (L7_F_FIN_0 | L7_F_FIN_1));
    CHECK((tracked.flow.flags & (L7_F_SYN_0 | L7_F_SYN_1)) == (L7_F_SYN_0 | L7_F_SYN_1));
    CHECK(tracked.flow.tcp[0].scale == 7);
    CHECK(tracked.flow.tcp[1].scale == 7);
}

TEST_CASE("so does what is sampled of it") {
    l7_flow old{}, copy{};
    l7_pass pass{};
    l7_packet &packet = pass.packet;
    l7_settings set{};
    l7_sample sample;
    set.sample_packets = 10;
    set.sample_bytes = 4096;
    packet.key.l4 = L7_IPPROTO_TCP;
    packet.tcp_flags = kAck;
    packet.seq = 77;
    packet.payload_size = 10;
    l7_flow_begin(&old, &packet, 1);
    copy = old;
    l7_flow_moved(&old, &copy);
    REQUIRE(l7_flow_sample(&old, &pass, 0, &set, &sample) == L7_SAMPLE_TAKE);
    l7_flow_sampled(&old, 0, &sample);
    l7_flow_merge(&copy, &old);
    CHECK(l7_flow_sample(&copy, &pass, 0, &set, &sample) == L7_SAMPLE_RETRANSMITTED);
    packet.seq += 10;
    packet.payload_size = 5;
    REQUIRE(l7_flow_sample(&copy, &pass, 0, &set, &sample) == L7_SAMPLE_TAKE);
    CHECK(sample.offset == 10);
}

namespace {

/// One end of a real transfer: sends within what it was allowed, acknowledges what has arrived.
struct Talker {
    std::int64_t una, next, limit; ///< sent and not acknowledged from..to, and as far as allowed
    std::int64_t received;         ///< of the other, in order
    std::int64_t buffer;           ///< the other may send so much beyond that
    std::deque<std::pair<std::int64_t, std::int64_t>> early; ///< arrived out of order
};

} // namespace

TEST_CASE("whatever two ends that keep to the rules send fits, with loss and reordering") {
    std::mt19937_64 random(GENERATE(21U, 22U, 23U));
    const auto pick = [&](std::int64_t from, std::int64_t to) {
        return from +
               static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(to - from + 1));
    };
    for (int connection = 0; connection < 60; connection++) {
        const auto scale = static_cast<int>(pick(0, 10));
        const std::int64_t a = pick(0, 0xffffffff), b = pick(0, 0xffffffff);
        Tracked tracked = Tracked::established(scale, static_cast<std::uint32_t>(a),
                                               static_cast<std::uint32_t>(b));
        const std::int64_t room = std::min<std::int64_t>(0x1000LL << scale, 4'000'000);
        std::array<Talker, 2> talkers{
            Talker{a + 1, a + 1, a + 1 + 0xffff, b + 1, room, {}},
            Talker{b + 1, b + 1, b + 1 + (0x1000LL << scale), a + 1, 0xffff, {}}};
        std::optional<l7_flow> copied; // on its way to the other table
        for (int i = 0; i < 3000; i++) {
            if (copied && pick(0, 2) == 0) {
                l7_flow_merge(&*copied, &tracked.flow);
                tracked.flow = *std::exchange(copied, std::nullopt);
            } else if (!copied && pick(0, 19) == 0) {
                copied = tracked.flow;
            }
            const auto from = static_cast<unsigned>(pick(0, 1));
            Talker &s = talkers[from], &r = talkers[1 - from];
            std::int64_t seq = s.next, size = pick(0, 2) ? pick(1, 3000) : 0;
            if (s.una < s.next && pick(0, 5) == 0)
                seq = pick(s.una, s.next - 1); // again
            else if (s.una == s.next && pick(0, 10) == 0)
                seq = s.una - 1, size = 0; // keep-alive
            size = std::min(size, s.limit - seq);
            if (size < 0)
                size = 0, seq = s.next;
            const std::int64_t window =
                std::max<std::int64_t>(0, pick(0, 20) ? s.buffer >> scale : 0);
            const Segment segment{
                from,
                kAck,
                static_cast<std::uint32_t>(seq),
                static_cast<std::uint32_t>(s.received),
                static_cast<std::uint16_t>(std::min<std::int64_t>(window, 0xffff)),
                static_cast<std::uint32_t>(size)};
            INFO("segment " << i << " scale " << scale);
            REQUIRE(tracked.take(segment) == L7_TCP_FITS);
            s.next = std::max(s.next, seq + size);
            if (pick(0, 9) == 0)
                continue; // lost after us
            r.una = std::max(r.una, s.received);
            r.limit = std::max(r.limit,
                               s.received + (static_cast<std::int64_t>(segment.window) << scale));
            if (size)
                r.early.emplace_back(seq, seq + size);
            for (bool moved = true; moved;) {
                moved = false;
                for (const auto &[from_seq, to_seq] : r.early)
                    if (from_seq <= r.received && to_seq > r.received)
                        r.received = to_seq, moved = true;
            }
            std::erase_if(r.early, [&](const auto &one) { return one.second <= r.received; });
        }
    }
}
