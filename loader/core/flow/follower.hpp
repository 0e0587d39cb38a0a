// SPDX-License-Identifier: GPL-2.0-or-later
// Learning from flows that have their verdict: what they go on to say tells of other flows.
#pragma once

#include "core/flow/classifier_counters.hpp"
#include "core/flow/judge.hpp"
#include "core/flow/knowledge.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace l7 {

/// A flow at the moment when its verdict falls.
struct FollowedFlow {
    const l7_verdict &verdict;
    unsigned initiator; ///< the end of the key that began it
    /// What each direction has said: a TCP stream from its first byte, else the datagram at hand.
    /// Nothing where the verdict came before the flow's first byte.
    std::optional<std::array<Bytes, 2>> said;
};

/// How much a follower wants of a flow after a sample of it.
enum class Interest {
    NotMine, ///< it has no use for samples like this one
    More,    ///< it wants the flow's next one, too
    Enough,  ///< it wants no more of the flow
};

/// Follows the flows of some protocols; no protocol has two followers. One thread.
class Follower {
  public:
    virtual ~Follower() = default;

    /// What is known, and where to put what is learnt, from now on.
    virtual void use(const Knowledge &knowledge) = 0;
    virtual bool follows(std::string_view protocol) const = 0;

    /// How a flow of such a protocol is to be sampled after this verdict: L7_V_, 0 for not at all.
    virtual std::uint8_t wants(const l7_verdict &verdict) const = 0;

    /// A verdict falls on a flow. Returns what is wanted beyond wants(), now that the bytes are at
    /// hand.
    virtual std::uint8_t begin(const FollowedFlow &, std::uint64_t /*now_ns*/) { return 0; }

    /// Whether the flow's samples are of use to it while the flow is still under judgement.
    virtual bool knows(const l7_key &, std::uint32_t /*born*/) const { return false; }

    /// A sample of a flow that has its verdict, or that it knows.
    virtual Interest hear(const Sample &sample, std::uint16_t protocol, std::uint64_t now_ns) = 0;

    /// What dissectors found in a flow of any protocol.
    virtual void learn(const l7_verdict &, const Facts &, std::uint64_t /*now_ns*/) {}

    /// Whether the application in a verdict is the one that the flow asks about, and says nothing
    /// of the server that it talks to.
    virtual bool asks_about_others() const { return false; }

    virtual void count(ClassifierCounters &) const {}
};

/// All of them.
std::vector<std::unique_ptr<Follower>> make_followers();

} // namespace l7
