// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/bittorrent_peers.hpp"

#include "core/base/reader.hpp"
#include "core/dissect/bencode.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

namespace l7 {

namespace {

constexpr std::size_t kPeer4 = 6, kPeer6 = 18; ///< address and port
constexpr std::uint16_t kPortLeast = 1024;     ///< nobody's torrent makes a service of the host one
constexpr std::size_t kAddressText = 45;

constexpr std::uint64_t kTrackerMagic = 0x41727101980;
constexpr std::uint32_t kTrackerActions = 4; ///< connect, announce, scrape, error
constexpr std::uint32_t kAnnounce = 1;
constexpr std::size_t kAnnounceRequest = 98, kAnnounceAnswer = 20, kTrackerHeader = 8;
constexpr std::size_t kConnect = 16, kScrapeRequest = 36;

/// An address that one host has, and others may reach.
bool is_host(const std::array<std::uint8_t, 16> &address) {
    const std::uint8_t *const v4 = &address[12];
    const bool zeros = std::all_of(address.begin(), address.begin() + 10,
                                   [](std::uint8_t byte) { return byte == 0; });
    if (zeros && address[10] == 0xff && address[11] == 0xff)
        return v4[0] != 0 && v4[0] != 127 && v4[0] < 224 && !(v4[0] == 169 && v4[1] == 254);
    return !zeros && address[0] != 0xff && !(address[0] == 0xfe && (address[1] & 0xc0) == 0x80);
}

void add(const Peer &peer, std::vector<Peer> &out) {
    if (out.size() < kPeersMost && peer.port >= kPortLeast && is_host(peer.address))
        out.push_back(peer);
}

/// Addresses and ports end to end.
void read_compact(Bytes peers, std::size_t size, std::vector<Peer> &out) {
    for (Reader reader(peers); reader.rest().size() >= size && out.size() < kPeersMost;) {
        Peer peer{};
        if (size == kPeer4)
            peer.address[10] = peer.address[11] = 0xff;
        const Bytes address = reader.take(size - 2);
        std::ranges::copy(address,
                          peer.address.end() - static_cast<std::ptrdiff_t>(address.size()));
        peer.port = reader.u16();
        add(peer, out);
    }
}

/// The form of BEP 3: a dictionary with the address as text.
void read_peer_entry(Bencode &walk, std::vector<Peer> &out) {
    Peer peer{};
    for (walk.enter('d'); walk.ok() && walk.more();) {
        const std::string_view key = text_of(walk.string());
        if (key == "ip" && walk.is('s')) {
            const std::string text(text_of(walk.string()).substr(0, kAddressText + 1));
            if (inet_pton(AF_INET, text.c_str(), &peer.address[12]) == 1)
                peer.address[10] = peer.address[11] = 0xff;
            else
                inet_pton(AF_INET6, text.c_str(), peer.address.data());
        } else if (key == "port" && walk.is('i')) {
            const auto port = walk.number();
            peer.port = static_cast<std::uint16_t>(port && *port <= 0xffff ? *port : 0);
        } else {
            walk.skip();
        }
    }
    if (walk.ok())
        add(peer, out);
}

void read_peer_list(Bencode &walk, std::vector<Peer> &out) {
    for (walk.enter('l'); walk.ok() && walk.more();)
        read_peer_entry(walk, out);
}

/// The list in an answer to get_peers: a string for each.
void read_values(Bencode &walk, std::vector<Peer> &out) {
    for (walk.enter('l'); walk.ok() && walk.more();) {
        const Bytes peer = walk.string();
        if (walk.ok() && (peer.size() == kPeer4 || peer.size() == kPeer6))
            read_compact(peer, peer.size(), out);
    }
}

/// {"r": {"values": [...]}, "t": ..., "y": "r"}; a query has "a" and "q", an error "e".
bool read_dht(Bytes datagram, std::vector<Peer> &out) {
    Bencode walk(datagram);
    std::vector<Peer> named;
    bool known = false;

    for (walk.enter('d'); walk.ok() && walk.more();) {
        const std::string_view key = text_of(walk.string());
        known |= key == "a" || key == "r" || key == "e";
        if (key != "r" || !walk.is('d')) {
            walk.skip();
            continue;
        }
        for (walk.enter('d'); walk.ok() && walk.more();) {
            if (text_of(walk.string()) == "values" && walk.is('l'))
                read_values(walk, named);
            else
                walk.skip();
        }
    }
    if (known)
        out.insert(out.end(), named.begin(), named.end());
    return known;
}

bool is_tracker_question(Bytes datagram) {
    Reader reader(datagram);
    const std::uint64_t connection = std::uint64_t{reader.u32()} << 32 | reader.u32();
    const std::uint32_t action = reader.u32();
    if (!reader.ok())
        return false;
    if (action == 0)
        return connection == kTrackerMagic && datagram.size() >= kConnect;
    return action < kTrackerActions &&
           datagram.size() >= (action == kAnnounce ? kAnnounceRequest : kScrapeRequest);
}

/// Answers begin with what they answer.
bool read_tracker_datagram(Bytes datagram, bool ipv6, std::vector<Peer> &out) {
    Reader reader(datagram);
    const std::uint32_t action = reader.u32();
    if (datagram.size() < kTrackerHeader || action >= kTrackerActions)
        return false;
    if (action == kAnnounce && datagram.size() >= kAnnounceAnswer)
        read_compact(datagram.subspan(kAnnounceAnswer), ipv6 ? kPeer6 : kPeer4, out);
    return true;
}

} // namespace

bool asks_tracker(std::string_view target) {
    const std::size_t question = target.find('?');
    if (question == std::string_view::npos)
        return false;
    const std::string_view wanted = target.substr(question + 1);
    return (wanted.starts_with("info_hash=") || wanted.find("&info_hash=") != wanted.npos) &&
           wanted.find("port=") != wanted.npos;
}

bool read_tracker_answer(Bytes body, std::vector<Peer> &out) {
    Bencode walk(body);
    for (walk.enter('d'); walk.ok() && walk.more();) {
        const std::string_view key = text_of(walk.string());
        if (key == "peers" && walk.is('s'))
            read_compact(walk.string(), kPeer4, out);
        else if (key == "peers6" && walk.is('s'))
            read_compact(walk.string(), kPeer6, out);
        else if (key == "peers" && walk.is('l'))
            read_peer_list(walk, out);
        else
            walk.skip();
    }
    return walk.ok();
}

bool read_peer_datagram(Bytes datagram, unsigned direction, bool ipv6, std::vector<Peer> &out) {
    if (!datagram.empty() && datagram[0] == 'd')
        return read_dht(datagram, out);
    return direction == 0 ? is_tracker_question(datagram)
                          : read_tracker_datagram(datagram, ipv6, out);
}

} // namespace l7
