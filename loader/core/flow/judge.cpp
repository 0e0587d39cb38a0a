// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/flow/judge.hpp"

#include "core/dissect/ip_protocol.hpp"

#include <l7ctl/packet.h>

#include <algorithm>
#include <limits>

namespace l7 {

void Judge::begin(const Sample &first) {
    key_ = first.head.key;
    born_ = first.head.born;
    samples_ = 0;
    last_packet_ = 0;
    flags_ = 0;
    seen_ = {};
    broken_ = {};
    ended_ = {};
    fallback_ = L7_UNSET;
    for (Stream &stream : streams_)
        stream.clear();
    merged_.clear();
    hits_.clear();
    best_.reset();
}

void Judge::start_over() {
    hits_.clear();
    best_.reset();
}

std::optional<Judgement> Judge::take(const Sample &sample, Scanner &scanner,
                                     const Protocols &protocols, const JudgeLimits &limits) {
    const Database &database = scanner.database();

    flags_ |= sample.head.flags;
    last_packet_ = static_cast<std::uint16_t>(
        std::min<std::uint32_t>(sample.head.packet, std::numeric_limits<std::uint16_t>::max()));
    if (!transport_of(key_.l4)) {
        const std::uint16_t protocol = protocols.find(ip_protocol_name(key_.l4));
        if (protocol != L7_UNSET)
            return Judgement{protocol, L7_REASON_DISSECTOR, last_packet_};
    }
    if (key_.l4 == L7_IPPROTO_SCTP)
        fallback_ = protocols.find("sctp"); // better than unknown when nothing above it is known
    if (!sample.data.empty()) {
        samples_++;
        seen_[sample.head.direction & 1] = true;
        look(sample, scanner, limits);
    }
    if (best_) {
        const Quality quality = database.evidence(best_->evidence).quality;
        if (quality <= Quality::Good ||
            (quality == Quality::Ok && samples_ >= best_->samples + limits.patience))
            return give_up(scanner);
    }
    if (sample.head.flags & L7_R_LAST)
        return give_up(scanner, L7_REASON_LIMIT);
    if (sample.head.flags & L7_R_END)
        ended_[sample.head.direction & 1] = true;
    if ((ended_[0] && ended_[1]) || (sample.head.flags & L7_R_RESET))
        return give_up(scanner);
    return std::nullopt;
}

void Judge::look(const Sample &sample, Scanner &scanner, const JudgeLimits &limits) {
    const unsigned direction = sample.head.direction & 1;

    if (key_.l4 != L7_IPPROTO_TCP) {
        scan(scanner, direction, sample.data,
             std::max<std::uint64_t>(sample.data.size(), sample.head.wire_size));
        if (scanner.database().has_l7filter())
            merge(sample.data, limits.merged_bytes);
    } else if (!broken_[direction]) {
        Stream &stream = streams_[direction];
        const std::size_t before = stream.bytes().size();
        if ((sample.head.flags & L7_R_LOST) && sample.head.offset > before) {
            broken_[direction] =
                true; // what is missing was in our hands once and will not come again
            return;
        }
        if (!stream.add(sample.head.offset, sample.data, limits.stream_bytes))
            return;
        scan(scanner, direction, stream.bytes(), stream.bytes().size());
        if (scanner.database().has_l7filter())
            merge(stream.bytes().subspan(before), limits.merged_bytes);
    }
    if (scanner.database().has_l7filter() && !(flags_ & L7_R_MIDSTREAM))
        for (const std::uint16_t evidence : scanner.scan_l7filter(merged_))
            consider(scanner.database(), evidence);
}

void Judge::scan(Scanner &scanner, unsigned direction, Bytes data, std::uint64_t size) {
    const auto transport = transport_of(key_.l4);
    if (!transport)
        return;
    const bool counts = *transport != Transport::Tcp;
    for (const std::uint16_t atom : scanner.scan(*transport, direction, data, size))
        note(scanner, atom, counts);
}

/// counts: the atom was met by this datagram, and not by a stream that is scanned again as it
/// grows.
void Judge::note(const Scanner &scanner, std::uint16_t atom, bool counts) {
    const Database &database = scanner.database();
    const Atom &met_atom = database.atom(atom);

    for (const std::uint16_t id : met_atom.evidence) {
        const Evidence &evidence = database.evidence(id);
        if ((flags_ & L7_R_MIDSTREAM) && !evidence.midstream)
            continue;
        if (evidence.needs.size() == 1 && met_atom.times == 1) {
            consider(database, id);
            continue;
        }
        const auto hit = std::ranges::find(hits_, atom, &Hit::atom);
        if (hit == hits_.end())
            hits_.push_back({atom, 1});
        else if (counts && hit->times < std::numeric_limits<std::uint8_t>::max())
            hit->times++;
        if (met(database, evidence))
            consider(database, id);
    }
}

bool Judge::met(const Database &database, const Evidence &evidence) const {
    return std::ranges::all_of(evidence.needs, [&](std::uint16_t atom) {
        const auto hit = std::ranges::find(hits_, atom, &Hit::atom);
        return hit != hits_.end() && hit->times >= database.atom(atom).times;
    });
}

void Judge::consider(const Database &database, std::uint16_t evidence) {
    if (!best_)
        best_ = Candidate{evidence, last_packet_, samples_};
    else if (better(database, evidence, best_->evidence))
        best_ = Candidate{evidence, last_packet_, best_->samples};
}

bool Judge::better(const Database &database, std::uint16_t a, std::uint16_t b) const {
    const Evidence &left = database.evidence(a);
    const Evidence &right = database.evidence(b);

    if (left.quality != right.quality)
        return left.quality < right.quality;
    if (left.parts != right.parts)
        return left.parts > right.parts;
    const auto hinted = [&](const Evidence &evidence) {
        return std::ranges::any_of(database.pattern(evidence).ports, [&](std::uint16_t port) {
            return L7_BE16(key_.port[0]) == port || L7_BE16(key_.port[1]) == port;
        });
    };
    if (const bool l = hinted(left), r = hinted(right); l != r)
        return l;
    if (left.width != right.width)
        return left.width > right.width;
    return database.pattern(left).name < database.pattern(right).name;
}

void Judge::merge(Bytes data, std::size_t limit) {
    for (const std::uint8_t byte : data) {
        if (merged_.size() >= limit)
            return;
        if (byte != 0)
            merged_.push_back(byte >= 'A' && byte <= 'Z' ? static_cast<std::uint8_t>(byte + 32)
                                                         : byte);
    }
}

Judgement Judge::give_up(const Scanner &scanner, std::uint8_t limit_reason) const {
    if (best_)
        return {scanner.database().evidence(best_->evidence).protocol, L7_REASON_PATTERN,
                best_->packet, best_->evidence};
    if (fallback_ != L7_UNSET)
        return {fallback_, L7_REASON_DISSECTOR, last_packet_};
    std::uint8_t reason = L7_REASON_NO_MATCH;
    if (flags_ & L7_R_MIDSTREAM)
        reason = L7_REASON_MIDSTREAM;
    else if (!(seen_[0] && seen_[1]))
        reason = L7_REASON_ONE_SIDED;
    else if (limit_reason != L7_REASON_NONE)
        reason = limit_reason;
    return {L7_UNKNOWN, reason, last_packet_};
}

std::size_t Judge::memory() const {
    return sizeof(*this) + streams_[0].memory() + streams_[1].memory() + merged_.capacity() +
           hits_.capacity() * sizeof(Hit);
}

} // namespace l7
