// SPDX-License-Identifier: GPL-2.0-or-later
// RTSP (RFC 2326, RFC 7826): the Transport of a SETUP, as the server's answer has it.
#include "core/expect/address.hpp"
#include "core/expect/parents.hpp"
#include "core/expect/text_message.hpp"

#include <netinet/in.h>

#include <algorithm>

namespace l7 {

namespace {

constexpr std::size_t kRtspPendingMost = 8;
constexpr FieldName kRtspFields[] = {{"cseq", ""}, {"transport", ""}};

bool begins_rtsp(std::string_view line) {
    return line.starts_with("RTSP/") || line.ends_with(" RTSP/1.0") || line.ends_with(" RTSP/2.0");
}

/// RTP's port and RTCP's; 0: not given.
struct Pair {
    std::uint16_t rtp = 0;
    std::uint16_t rtcp = 0;
};

/// "8000-8001", or the first alone.
Pair ports_of(std::string_view text) {
    const auto first = number_of<std::uint16_t>(trimmed(cut(text, '-')));
    const auto second = number_of<std::uint16_t>(trimmed(text));
    return {first.value_or(0), first ? second.value_or(0) : std::uint16_t{0}};
}

struct Agreement {
    bool rtp_over_udp = false;
    bool multicast = false;
    Pair client, server;
    std::optional<ChildAddress> source, destination;
};

/// RFC 7826, 18.54: "192.0.2.5:8000"/"192.0.2.5:8001"; without an address, the one in use.
void read_addresses(std::string_view text, Pair &ports, std::optional<ChildAddress> &address) {
    for (std::uint16_t *port : {&ports.rtp, &ports.rtcp}) {
        std::string_view one = trimmed(cut(text, '/'));
        if (one.size() < 2 || !one.starts_with('"') || !one.ends_with('"'))
            return;
        one = one.substr(1, one.size() - 2);
        if (one.starts_with(':')) {
            *port = number_of<std::uint16_t>(one.substr(1)).value_or(0);
        } else if (const auto place = parse_host_port(one)) {
            *port = place->port;
            address = place->address;
        }
    }
}

/// RFC 2326, 12.39. Of several, the first: an answer has one.
Agreement read_transport(std::string_view text) {
    Agreement out;
    text = cut(text, ',');
    const std::string_view protocol = trimmed(cut(text, ';'));
    out.rtp_over_udp =
        begins_with(protocol, "rtp/") &&
        !(protocol.size() > 4 && same_word(protocol.substr(protocol.size() - 4), "/tcp"));
    while (!text.empty()) {
        std::string_view value = cut(text, ';');
        const std::string_view name = trimmed(cut(value, '='));
        value = trimmed(value);
        if (same_word(name, "interleaved"))
            out.rtp_over_udp = false; // it comes within this connection
        else if (same_word(name, "multicast"))
            out.multicast = true;
        else if (same_word(name, "client_port") || same_word(name, "port"))
            out.client = ports_of(value);
        else if (same_word(name, "server_port"))
            out.server = ports_of(value);
        else if (same_word(name, "source"))
            out.source = parse_address(value);
        else if (same_word(name, "destination"))
            out.destination = parse_address(value);
        else if (same_word(name, "dest_addr"))
            read_addresses(value, out.client, out.destination);
        else if (same_word(name, "src_addr"))
            read_addresses(value, out.server, out.source);
    }
    return out;
}

class Rtsp final : public Parent {
  public:
    explicit Rtsp(const Parties &parties)
        : parties_(parties), streams_{MessageReader(kForm, true), MessageReader(kForm, true)} {}

    void take(const Utterance &said, std::vector<Announcement> &out) override {
        Bytes data = said.data;
        MessageReader datagram(kForm, false);
        MessageReader &reader = parties_.l4 == IPPROTO_TCP ? streams_[said.direction] : datagram;
        while (const TextMessage *message = reader.next(data))
            read(*message, said.direction, out);
    }

    bool finished() const override { return streams_[0].lost() && streams_[1].lost(); }

  private:
    static constexpr MessageForm kForm{kRtspFields, begins_rtsp, true};

    struct Pending {
        unsigned direction;
        std::uint32_t number;
        std::string transport;
    };

    void read(const TextMessage &message, unsigned direction, std::vector<Announcement> &out) {
        std::string_view start = message.start;
        const std::string_view method = cut_word(start);
        const auto number = number_of<std::uint32_t>(message.field("cseq"));
        if (!number)
            return;
        if (!method.starts_with("RTSP/")) {
            if (method == "SETUP") {
                if (pending_.size() == kRtspPendingMost)
                    pending_.erase(pending_.begin());
                pending_.push_back({direction, *number, std::string(message.field("transport"))});
            }
            return;
        }
        const auto at = std::ranges::find_if(pending_, [&](const Pending &one) {
            return one.direction != direction && one.number == *number;
        });
        if (at == pending_.end())
            return;
        const std::string asked = std::move(at->transport);
        pending_.erase(at);
        if (cut_word(start) != "200" || message.field("transport").empty())
            return;
        Agreement agreed = read_transport(message.field("transport"));
        if (agreed.client.rtp == 0)
            agreed.client = read_transport(asked).client;
        if (agreed.rtp_over_udp)
            announce(agreed, direction, out);
    }

    void announce(const Agreement &agreed, unsigned server, std::vector<Announcement> &out) const {
        const ChildAddress source = agreed.source.value_or(parties_.address[server]);
        const ChildAddress destination = agreed.destination.value_or(parties_.address[server ^ 1]);
        one_stream(source, agreed.server.rtp, destination, agreed.client.rtp, "rtp",
                   agreed.multicast, out);
        one_stream(source, agreed.server.rtcp, destination, agreed.client.rtcp, "rtcp",
                   agreed.multicast, out);
    }

    /// Both ways: reports come back, recordings go the other way, and a client behind NAT sends
    /// first.
    static void one_stream(const ChildAddress &source, std::uint16_t sport,
                           const ChildAddress &target, std::uint16_t port,
                           std::string_view protocol, bool multicast,
                           std::vector<Announcement> &out) {
        if (port != 0)
            out.push_back({.source = source,
                           .target = target,
                           .sport = sport,
                           .port = port,
                           .l4 = IPPROTO_UDP,
                           .protocol = protocol});
        if (sport != 0 && !multicast)
            out.push_back({.source = target,
                           .target = source,
                           .sport = port,
                           .port = sport,
                           .l4 = IPPROTO_UDP,
                           .protocol = protocol});
    }

    Parties parties_;
    std::array<MessageReader, 2> streams_;
    std::vector<Pending> pending_; ///< SETUPs without an answer, the oldest first
};

} // namespace

std::unique_ptr<Parent> make_rtsp_parent(const Parties &parties) {
    return std::make_unique<Rtsp>(parties);
}

} // namespace l7
