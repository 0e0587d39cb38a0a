// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/flow/judge.hpp"

#include "core/names/protocols.hpp"

#include <l7ctl/packet.h>

#include <algorithm>
#include <limits>

namespace l7 {

void Judge::begin(const Sample &first) {
    key_ = first.head.key;
    born_ = first.head.born;
    payloads_ = 0;
    last_packet_ = 0;
    flags_ = 0;
    seen_ = {};
    broken_ = {};
    ended_ = {};
    fallback_ = L7_UNSET;
    for (Stream &stream : streams_)
        stream.clear();
    merged_.clear();
    settled_ = false;
    hits_.clear();
    best_.reset();
    live_.clear();
    asked_ = {};
    announced_ = false;
    trace_.clear();
}

void Judge::start_over() {
    hits_.clear();
    best_.reset();
}

std::optional<Judgement> Judge::take(const Sample &sample, Scanner &scanner,
                                     const Protocols &protocols, const JudgeLimits &limits) {
    flags_ |= sample.head.flags;
    last_packet_ = sample.head.packet;
    if (refused(limits))
        return Judgement{L7_UNKNOWN, L7_REASON_MIDSTREAM, last_packet_, payloads_};
    if (!transport_of(key_.l4) && !limits.only_patterns) {
        const std::uint16_t protocol = protocols.find(ip_protocol_name(key_.l4));
        if (protocol != L7_UNSET)
            return Judgement{protocol, L7_REASON_DISSECTOR, last_packet_};
    }
    if (key_.l4 == L7_IPPROTO_SCTP && !limits.only_patterns)
        fallback_ = protocols.find("sctp"); // better than unknown when nothing above it is known
    if (!sample.data.empty()) {
        payloads_++;
        seen_[sample.head.direction & 1] = true;
        trace_.saw(sample.head.direction, sample.data);
        look(sample, scanner, protocols, limits);
    }
    return decide(sample, scanner, protocols, limits);
}

/// Not where a verdict was announced: it came of the beginning, and what follows may tell more.
bool Judge::refused(const JudgeLimits &limits) const {
    return !limits.loose && (flags_ & L7_R_MIDSTREAM) && !announced_;
}

std::optional<Judgement> Judge::decide(const Sample &sample, const Scanner &scanner,
                                       const Protocols &protocols, const JudgeLimits &limits) {
    const Database &database = scanner.database();

    if (sample.head.flags & L7_R_END)
        ended_[sample.head.direction & 1] = true;
    const bool limited =
        (sample.head.flags & L7_R_LAST) != 0 || (limits.only_patterns && database.only_l7filter() &&
                                                 sample.head.packet >= limits.merged_packets);
    const bool over = limited || (ended_[0] && ended_[1]) || (sample.head.flags & L7_R_RESET) != 0;

    bool sure = proof() != nullptr;
    if (best_) {
        const Quality quality = database.evidence(best_->evidence).quality;
        sure |= settled_ || quality <= Quality::Good ||
                (quality == Quality::Ok && payloads_ >= best_->first_payloads + limits.patience);
    }
    if (over || (sure && !pending()))
        return conclude(database, protocols, limited ? L7_REASON_LIMIT : L7_REASON_NONE);
    if (!sure || announced_)
        return std::nullopt;
    auto early = conclude(database, protocols, L7_REASON_NONE);
    early.follow = true;
    announced_ = true;
    trace_.note(TraceEvent::Kind::Announced, last_packet_);
    return early;
}

const Judge::Live *Judge::proof() const {
    const auto sure =
        std::ranges::find_if(live_, [](const Live &one) { return !one.facts.protocol.empty(); });
    return sure == live_.end() ? nullptr : &*sure;
}

bool Judge::pending() const {
    return std::ranges::any_of(live_, [](const Live &one) {
        return one.answer == Progress::More || one.answer == Progress::Known;
    });
}

/// What was found out about a flow that a pattern says is of this protocol.
const Facts *Judge::facts_of(std::string_view protocol) const {
    for (const Live &one : live_) {
        if (one.facts.carrier)
            return &one.facts;
        for (std::string_view words = one.kind->protocols; !words.empty();) {
            const std::string_view word = words.substr(0, words.find(' '));
            if (word == protocol)
                return &one.facts;
            words.remove_prefix(std::min(words.size(), word.size() + 1));
        }
    }
    return nullptr;
}

void Judge::look(const Sample &sample, Scanner &scanner, const Protocols &protocols,
                 const JudgeLimits &limits) {
    const unsigned direction = sample.head.direction & 1;
    const auto transport = transport_of(key_.l4);
    const bool has_l7filter = scanner.database().has_l7filter();

    if (!transport)
        return;
    if (*transport != Transport::Tcp) {
        const View view{
            *transport,  direction,
            sample.data, {},
            false,       std::max<std::uint64_t>(sample.data.size(), sample.head.wire_size)};
        if (!limits.only_patterns)
            dissect(view, limits);
        scan(scanner, protocols, view);
        if (has_l7filter)
            merge(sample.data, limits);
    } else if (!broken_[direction]) {
        Stream &stream = streams_[direction];
        const std::size_t before = stream.bytes().size();
        if ((sample.head.flags & L7_R_LOST) && sample.head.offset > before) {
            // What is missing was in our hands once and will not come again.
            broken_[direction] = true;
            trace_.note(TraceEvent::Kind::Gap, last_packet_, direction);
            return;
        }
        if (!stream.add(sample.head.offset, sample.data, limits.stream_bytes))
            return;
        const View view{*transport,
                        direction,
                        stream.bytes(),
                        streams_[direction ^ 1].bytes(),
                        (flags_ & L7_R_MIDSTREAM) != 0,
                        stream.bytes().size()};
        if (!limits.only_patterns)
            dissect(view, limits);
        scan(scanner, protocols, view);
        if (has_l7filter)
            merge(stream.bytes().subspan(before), limits);
    }
    // The original took the first bytes it saw for a connection's start; we know better, but where
    // it is to be done as it did.
    if (has_l7filter && (limits.only_patterns || !(flags_ & L7_R_MIDSTREAM)))
        scan_merged(scanner, limits);
}

/// Asks for the whole buffer anew at every packet, as `$` is the end of what is there so far.
void Judge::scan_merged(Scanner &scanner, const JudgeLimits &limits) {
    if (last_packet_ > limits.merged_packets || settled_)
        return;
    const Database &database = scanner.database();
    const std::vector<std::uint16_t> &found = scanner.scan_l7filter(merged_);
    if (!limits.only_patterns) {
        for (const std::uint16_t evidence : found)
            consider(database, evidence);
    } else if (!found.empty()) {
        // The rules' order, then the files', and the first that matches wins for good.
        const std::uint16_t first = std::ranges::min(
            found, {}, [&](std::uint16_t id) { return std::pair(database.evidence(id).rank, id); });
        best_ = Candidate{first, last_packet_, payloads_, payloads_};
        trace_.note(TraceEvent::Kind::Matched, last_packet_, first);
        settled_ = true;
    }
}

namespace {
std::size_t index_of(const DissectorKind &kind) {
    return static_cast<std::size_t>(&kind - dissector_kinds().data());
}
} // namespace

void Judge::dissect(const View &view, const JudgeLimits &limits) {
    if (!asked_[view.direction]) {
        asked_[view.direction] = true;
        for (const DissectorKind &kind : dissector_kinds())
            if ((kind.transports >> static_cast<unsigned>(view.transport) & 1U) &&
                (kind.midstream || !view.midstream) && kind.begins(view) &&
                std::ranges::find(live_, &kind, &Live::kind) == live_.end()) {
                live_.push_back({&kind, kind.make(), {}});
                live_.back().facts.wants_details = limits.details;
                trace_.note(TraceEvent::Kind::Asked, last_packet_, index_of(kind));
            }
    }
    for (Live &one : live_) {
        if (one.answer == Progress::Done)
            continue;
        const bool known = !one.facts.protocol.empty();
        one.answer = one.dissector->take(view, one.facts);
        if (!known && !one.facts.protocol.empty()) {
            one.packet = last_packet_;
            one.payloads = payloads_;
            trace_.note(TraceEvent::Kind::Proved, last_packet_, index_of(*one.kind));
        }
        if (one.answer == Progress::NotMine && !one.facts.protocol.empty())
            one.answer = Progress::Done;
        if (one.answer == Progress::NotMine)
            trace_.note(TraceEvent::Kind::Declined, last_packet_, index_of(*one.kind));
        else if (one.answer == Progress::Done)
            trace_.note(TraceEvent::Kind::Complete, last_packet_, index_of(*one.kind));
    }
    std::erase_if(live_, [](const Live &one) { return one.answer == Progress::NotMine; });
}

/// Patterns have nothing to add to a proof, unless it is of what carries others, or one says that
/// it knows better.
void Judge::scan(Scanner &scanner, const Protocols &protocols, const View &view) {
    if (const Live *known = proof();
        known && !known->facts.carrier &&
        !scanner.database().may_supersede(protocols.find(known->facts.protocol)))
        return;
    const bool counts = view.transport != Transport::Tcp;
    for (const std::uint16_t atom :
         scanner.scan(view.transport, view.direction, view.data, view.size))
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
        best_ = Candidate{evidence, last_packet_, payloads_, payloads_};
    else if (better(database, evidence, best_->evidence))
        best_ = Candidate{evidence, last_packet_, best_->first_payloads, payloads_};
    else
        return;
    trace_.note(TraceEvent::Kind::Matched, last_packet_, evidence);
}

bool Judge::better(const Database &database, std::uint16_t a, std::uint16_t b) const {
    const Evidence &left = database.evidence(a);
    const Evidence &right = database.evidence(b);

    if (const bool l = database.supersedes(left, right.protocol),
        r = database.supersedes(right, left.protocol);
        l != r)
        return l;
    const PatternOrder first = database.pattern(left).order, second = database.pattern(right).order;
    if ((first == PatternOrder::After) != (second == PatternOrder::After))
        return first < second;
    const auto certainty = [](Quality quality) {
        return quality <= Quality::Good ? 0 : quality == Quality::Ok ? 1 : 2;
    };
    if (certainty(left.quality) != certainty(right.quality))
        return left.quality < right.quality;
    if (first != second)
        return first < second;
    if (left.rank != right.rank)
        return left.rank < right.rank;
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

void Judge::merge(Bytes data, const JudgeLimits &limits) {
    if (last_packet_ > limits.merged_packets)
        return;
    for (const std::uint8_t byte : data) {
        if (merged_.size() >= limits.merged_bytes)
            return;
        if (byte != 0)
            merged_.push_back(byte);
    }
}

Judgement Judge::give_up(const Scanner &scanner, const Protocols &protocols,
                         std::uint8_t limit_reason) const {
    return conclude(scanner.database(), protocols, limit_reason);
}

/// The best that is known now: a proof, unless it is only of a carrier and a pattern names what it
/// carries; else the best match.
Judgement Judge::conclude(const Database &database, const Protocols &protocols,
                          std::uint8_t limit_reason) const {
    const Live *known = proof();
    Judgement out;

    out.update = announced_;
    if (known) {
        out.protocol = protocols.find(known->facts.protocol);
        out.reason = L7_REASON_DISSECTOR;
        out.packet = known->packet;
        out.payloads = known->payloads;
        out.facts = &known->facts;
        if (!best_ || !outdoes(database, best_->evidence, *known, out.protocol))
            return out;
    }
    if (best_) {
        const std::uint16_t protocol = database.evidence(best_->evidence).protocol;
        if (known && protocol == out.protocol)
            return out;
        out.protocol = protocol;
        out.reason = L7_REASON_PATTERN;
        out.packet = best_->packet;
        out.payloads = best_->payloads;
        out.evidence = best_->evidence;
        out.facts = facts_of(protocols.name(protocol));
        return out;
    }
    out.packet = last_packet_;
    out.payloads = payloads_;
    if (fallback_ != L7_UNSET) {
        out.protocol = fallback_;
        out.reason = L7_REASON_DISSECTOR;
        return out;
    }
    out.protocol = L7_UNKNOWN;
    out.reason = L7_REASON_NO_MATCH;
    if (flags_ & L7_R_MIDSTREAM)
        out.reason = L7_REASON_MIDSTREAM;
    else if (!(seen_[0] && seen_[1]))
        out.reason = L7_REASON_ONE_SIDED;
    else if (limit_reason != L7_REASON_NONE)
        out.reason = limit_reason;
    return out;
}

/// A proof yields to a pattern that says it knows better, and what only carries others to any that
/// is sure; but not to those that come after ours.
bool Judge::outdoes(const Database &database, std::uint16_t evidence, const Live &proof,
                    std::uint16_t proved) {
    const Evidence &match = database.evidence(evidence);
    if (database.supersedes(match, proved))
        return true;
    return proof.facts.carrier && match.quality <= Quality::Good &&
           database.pattern(match).order != PatternOrder::After;
}

std::size_t Judge::memory() const {
    return sizeof(*this) + streams_[0].memory() + streams_[1].memory() + merged_.capacity() +
           hits_.capacity() * sizeof(Hit);
}

} // namespace l7
