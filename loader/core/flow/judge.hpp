// SPDX-License-Identifier: GPL-2.0-or-later
// One flow under judgement: what has been seen of it, what that matched, and when that is enough.
#pragma once

#include "core/dissect/dissector.hpp"
#include "core/flow/stream.hpp"
#include "core/flow/trace.hpp"
#include "core/match/database.hpp"

#include <l7ctl/abi.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace l7 {

/// A record as the kernel or the native datapath made it; `data` is its payload.
struct Sample {
    const l7_record &head;
    Bytes data;
};

/// What became of a flow: protocol number, reason, and the packet it was decided at.
struct Judgement {
    std::uint16_t protocol = L7_UNSET;
    std::uint8_t reason = L7_REASON_NONE;
    std::uint16_t packet = 0;
    std::uint16_t payloads = 0;   ///< packets with payload that were seen by then
    std::uint16_t evidence = 0;   ///< of the database, where reason is L7_REASON_PATTERN
    bool follow = false;          ///< what comes next may tell more
    bool update = false;          ///< there was a judgement before
    const Facts *facts = nullptr; ///< until the judge is used again
};

/// Bounds of what one flow may cost.
struct JudgeLimits {
    std::uint32_t stream_bytes = L7_SAMPLE_MAX; ///< per direction
    std::uint32_t merged_bytes = 2047;          ///< l7-filter's buffer of both directions
    std::uint32_t merged_packets =
        10;                     ///< of the flow, those without payload included, that fill it
    bool details = true;        ///< what only `explain` shows is kept
    bool only_patterns = false; ///< no dissector and nothing else that patterns do not say
    bool loose = true;          ///< also TCP connections whose beginning was not seen are judged
    std::uint32_t patience = 2; ///< payload packets that an `ok` match waits for a better one
};

/// Pure: time comes in with the samples, nothing goes out but judgements. One thread.
class Judge {
  public:
    /// Empties the judge for a flow whose first sample is `first`.
    void begin(const Sample &first);

    /// Forgets what has matched, as the patterns are others now, and keeps the bytes.
    void start_over();

    /// Takes a sample and says what it decides, if anything: a judgement that asks to follow the
    /// flow, once, and a last one.
    std::optional<Judgement> take(const Sample &sample, Scanner &scanner,
                                  const Protocols &protocols, const JudgeLimits &limits);

    /// Nothing more will come, or not for a while: the best there is, or unknown with the reason.
    Judgement give_up(const Scanner &scanner, const Protocols &protocols,
                      std::uint8_t limit_reason = L7_REASON_NONE) const;

    const Trace &trace() const { return trace_; }
    const l7_key &key() const { return key_; }

    /// What came that way of a TCP connection, in order from its first byte.
    Bytes stream(unsigned direction) const { return streams_[direction].bytes(); }
    std::uint32_t born() const { return born_; }

    /// Which end of the key began the flow.
    unsigned initiator() const { return flags_ & L7_R_INITIATOR_1 ? 1 : 0; }
    bool has_candidate() const { return best_.has_value() || proof(); }
    std::size_t memory() const;

  private:
    struct Hit {
        std::uint16_t atom;
        std::uint8_t times;
    };
    struct Candidate {
        std::uint16_t evidence;
        std::uint16_t packet;
        std::uint16_t first_payloads; // payloads_ when there was a first candidate
        std::uint16_t payloads;       // and when this one was found
    };

    /// A dissector at work on this flow, or one that has found all it wants.
    struct Live {
        const DissectorKind *kind;
        std::unique_ptr<Dissector> dissector;
        Facts facts;
        Progress answer = Progress::More;
        std::uint16_t packet = 0; ///< at which it was sure
        std::uint16_t payloads = 0;
    };

    bool refused(const JudgeLimits &limits) const;
    std::optional<Judgement> decide(const Sample &sample, const Scanner &scanner,
                                    const Protocols &protocols, const JudgeLimits &limits);
    Judgement conclude(const Database &database, const Protocols &protocols,
                       std::uint8_t limit_reason) const;
    const Live *proof() const;
    const Facts *facts_of(std::string_view protocol) const;
    bool pending() const;
    void dissect(const View &view, const JudgeLimits &limits);
    void look(const Sample &sample, Scanner &scanner, const Protocols &protocols,
              const JudgeLimits &limits);
    void scan(Scanner &scanner, const Protocols &protocols, const View &view);
    void note(const Scanner &scanner, std::uint16_t atom, bool counts);
    bool met(const Database &database, const Evidence &evidence) const;
    void consider(const Database &database, std::uint16_t evidence);
    void merge(Bytes data, const JudgeLimits &limits);
    void scan_merged(Scanner &scanner, const JudgeLimits &limits);
    static bool outdoes(const Database &database, std::uint16_t evidence, const Live &proof,
                        std::uint16_t proved);
    bool better(const Database &database, std::uint16_t a, std::uint16_t b) const;

    l7_key key_{};
    std::uint32_t born_ = 0;
    std::uint16_t payloads_ = 0; // packets with payload
    std::uint16_t last_packet_ = 0;
    std::uint8_t flags_ = 0;            // L7_R_ seen so far
    std::array<bool, 2> seen_{};        // payload came this way
    std::array<bool, 2> broken_{};      // a hole that cannot be filled
    std::array<bool, 2> ended_{};       // FIN
    std::uint16_t fallback_ = L7_UNSET; // what the flow is when nothing better is found
    std::array<Stream, 2> streams_;     // TCP
    std::vector<std::uint8_t> merged_;  // l7-filter's buffer
    bool settled_ = false;              // by the first l7-filter pattern to match, for good
    std::vector<Hit> hits_;
    std::optional<Candidate> best_;
    std::vector<Live> live_;
    std::array<bool, 2> asked_{}; // whose first bytes dissectors were asked about
    bool announced_ = false;
    Trace trace_;
};

} // namespace l7
