// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/flow/follower.hpp"

#include "core/dissect/bittorrent_peers.hpp"
#include "core/dissect/dns.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

namespace l7 {

namespace {

/// Learns the addresses of names from the answers of DNS servers.
class DnsFollower final : public Follower {
  public:
    void use(const Knowledge &knowledge) override { knowledge_ = knowledge; }
    bool follows(std::string_view protocol) const override { return protocol == "dns"; }
    bool asks_about_others() const override { return true; }

    /// The question was enough for the verdict; the answer is still worth hearing.
    std::uint8_t wants(const l7_verdict &verdict) const override {
        return verdict.key.l4 == L7_IPPROTO_UDP && verdict.op == L7_APPLY_VERDICT ? L7_V_FOLLOW : 0;
    }

    /// Messages speak for themselves, so the flow's beginning need not be known.
    Interest hear(const Sample &sample, std::uint16_t, std::uint64_t now_ns) override {
        if (sample.head.key.l4 != L7_IPPROTO_UDP)
            return Interest::NotMine;
        Facts facts;
        l7_verdict named{};
        if (sample.head.direction == 1 && read_dns(sample.data, facts)) {
            knowledge_.name(named, facts);
            learn(named, facts, now_ns);
        }
        return Interest::More;
    }

    void learn(const l7_verdict &verdict, const Facts &facts, std::uint64_t now_ns) override {
        if (!knowledge_.hints || facts.hostname.empty())
            return;
        for (const Binding &binding : facts.bindings)
            knowledge_.hints->learn(binding.address, {verdict.host, verdict.application},
                                    binding.ttl_s, now_ns);
    }

  private:
    Knowledge knowledge_;
};

/// Learns who takes part in torrents from trackers and the distributed hash table.
class PeerFollower final : public Follower {
  public:
    void use(const Knowledge &knowledge) override {
        endpoints_ = knowledge.endpoints;
        peer_.protocol = knowledge.protocols->find(kProtocol);
        peer_.application =
            knowledge.applications ? knowledge.applications->of_protocol(peer_.protocol) : 0;
    }

    bool follows(std::string_view protocol) const override { return protocol == kProtocol; }
    std::uint8_t wants(const l7_verdict &) const override { return 0; }

    /// A flow that is itself presumed names nobody: a hint must not lead to more of them.
    std::uint8_t begin(const FollowedFlow &flow, std::uint64_t now_ns) override {
        const l7_verdict &verdict = flow.verdict;
        if ((verdict.flags & L7_V_FOLLOW) || verdict.reason == L7_REASON_ENDPOINT || !flow.said)
            return 0;
        const unsigned direction = (*flow.said)[1].empty() ? 0 : 1;
        return read(verdict.key, (*flow.said)[direction], direction, now_ns) ? L7_V_FOLLOW : 0;
    }

    Interest hear(const Sample &sample, std::uint16_t, std::uint64_t now_ns) override {
        const l7_record &head = sample.head;
        return read(head.key, sample.data, head.direction, now_ns) ? Interest::More
                                                                   : Interest::NotMine;
    }

    void learn(const l7_verdict &, const Facts &facts, std::uint64_t now_ns) override {
        remember(facts.peers, now_ns);
    }

    void count(ClassifierCounters &counters) const override { counters.peers += peers_; }

  private:
    static constexpr std::string_view kProtocol = "bittorrent";

    /// Whether the datagram is of those that name peers, or lead to such.
    bool read(const l7_key &key, Bytes datagram, unsigned direction, std::uint64_t now_ns) {
        std::vector<Peer> peers;
        if (!endpoints_ || key.l4 != L7_IPPROTO_UDP ||
            !read_peer_datagram(datagram, direction, key.family == 6, peers))
            return false;
        remember(peers, now_ns);
        return true;
    }

    /// Peers take both transports (BEP 3, BEP 29) at one port.
    void remember(const std::vector<Peer> &peers, std::uint64_t now_ns) {
        if (!endpoints_ || peer_.protocol == L7_UNSET)
            return;
        for (const Peer &peer : peers)
            for (const int l4 : {IPPROTO_TCP, IPPROTO_UDP}) {
                l7_endpoint endpoint{};
                std::memcpy(endpoint.addr, peer.address.data(), sizeof(endpoint.addr));
                endpoint.port = htons(peer.port);
                endpoint.l4 = static_cast<std::uint8_t>(l4);
                endpoints_->hint(endpoint, peer_, now_ns);
            }
        peers_ += peers.size();
    }

    std::shared_ptr<EndpointMemory> endpoints_;
    EndpointMemory::Verdict peer_{}; ///< what flows to a peer are
    std::uint64_t peers_ = 0;
};

/// Learns of child connections from the parents that announce them.
class ParentFollower final : public Follower {
  public:
    void use(const Knowledge &knowledge) override {
        parents_ = knowledge.expect.parents;
        protocols_ = knowledge.protocols;
        listener_.use(knowledge.expect, knowledge.expectations, knowledge.protocols,
                      knowledge.translation);
    }

    bool follows(std::string_view protocol) const override {
        return parents_.contains(std::string(protocol));
    }

    std::uint8_t wants(const l7_verdict &verdict) const override {
        return kind_of(verdict.protocol, verdict.key.l4) ? L7_V_FOLLOW | L7_V_LISTEN : 0;
    }

    /// What the flow has said so far counts, too.
    std::uint8_t begin(const FollowedFlow &flow, std::uint64_t now_ns) override {
        const l7_verdict &verdict = flow.verdict;
        const ParentKind *kind = kind_of(verdict.protocol, verdict.key.l4);
        if (!kind || knows(verdict.key, verdict.born))
            return 0;
        listener_.begin(verdict.key, verdict.born, flow.initiator, *kind,
                        {verdict.protocol, verdict.application, verdict.host, verdict.attributes});
        const bool stream = transport_of(verdict.key.l4) == Transport::Tcp;
        for (unsigned direction = 0; flow.said && direction < 2; direction++)
            if (const Bytes said = (*flow.said)[direction]; stream || !said.empty())
                listener_.hear(verdict.key, {direction, 0, said}, now_ns);
        return 0;
    }

    /// A parent may be under judgement still, as one that may go on to TLS.
    bool knows(const l7_key &key, std::uint32_t born) const override {
        return listener_.knows(key, born);
    }

    Interest hear(const Sample &sample, std::uint16_t protocol, std::uint64_t now_ns) override {
        const l7_record &head = sample.head;
        if (!knows(head.key, head.born)) {
            // Its beginning was missed, as by a restart; what comes now can still announce.
            const ParentKind *kind = kind_of(protocol, head.key.l4);
            if (!kind)
                return Interest::NotMine;
            listener_.begin(head.key, head.born, head.flags & L7_R_INITIATOR_1 ? 1 : 0, *kind,
                            {.protocol = protocol});
        }
        if (head.size == 0 || listener_.hear(head.key,
                                             {.direction = head.direction,
                                              .offset = head.offset,
                                              .data = sample.data,
                                              .cut = (head.flags & L7_R_CUT) != 0,
                                              .lost = (head.flags & L7_R_LOST) != 0},
                                             now_ns))
            return Interest::More;
        return Interest::Enough;
    }

    void count(ClassifierCounters &counters) const override {
        counters.listener += listener_.counters();
    }

  private:
    const ParentKind *kind_of(std::uint16_t protocol, std::uint8_t l4) const {
        return listener_.kind_of(protocols_->name(protocol), l4);
    }

    std::set<std::string> parents_; ///< protocols
    std::shared_ptr<const Protocols> protocols_;
    Listener listener_;
};

} // namespace

std::vector<std::unique_ptr<Follower>> make_followers() {
    std::vector<std::unique_ptr<Follower>> out;
    out.push_back(std::make_unique<DnsFollower>());
    out.push_back(std::make_unique<PeerFollower>());
    out.push_back(std::make_unique<ParentFollower>());
    return out;
}

} // namespace l7
