// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/dns.hpp"

#include "core/base/reader.hpp"

#include <algorithm>

namespace l7 {

namespace {

constexpr std::size_t kDnsHeader = 12;
constexpr unsigned kPointersMost = 16;
constexpr std::size_t kNameMost = 255;
constexpr unsigned kAnswersMost = 64;
constexpr std::size_t kBindingsMost = 32;

/// A name at `at`, compressed or not (RFC 1035, 4.1.4), with dots; moves `at` behind it. False
/// where it is no name.
bool read_name(Bytes message, std::size_t &at, std::string *out) {
    std::size_t here = at, length = 0;
    bool jumped = false;

    for (unsigned pointers = 0; here < message.size();) {
        const std::uint8_t size = message[here];
        if (size == 0) {
            if (!jumped)
                at = here + 1;
            return true;
        }
        if ((size & 0xc0) == 0xc0) {
            if (here + 1 >= message.size() || ++pointers > kPointersMost)
                return false;
            if (!jumped)
                at = here + 2;
            jumped = true;
            here = static_cast<std::size_t>(size & 0x3f) << 8 | message[here + 1];
            continue;
        }
        if (size > 63 || here + 1 + size > message.size() || (length += size + 1U) > kNameMost)
            return false;
        if (out) {
            if (!out->empty())
                *out += '.';
            for (const std::uint8_t c : message.subspan(here + 1, size))
                *out += c > ' ' && c < 0x7f ? static_cast<char>(c) : '?';
        }
        here += 1U + size;
    }
    return false;
}

void bind(Bytes address, std::uint32_t ttl, Facts &facts) {
    Binding out{};
    if (facts.bindings.size() >= kBindingsMost)
        return;
    if (address.size() == 4)
        out.address[10] = out.address[11] = 0xff;
    std::ranges::copy(address, out.address.end() - static_cast<std::ptrdiff_t>(address.size()));
    out.ttl_s = ttl;
    facts.bindings.push_back(out);
}

class Dns final : public Dissector {
  public:
    Progress take(const View &view, Facts &facts) override {
        if (view.transport != Transport::Tcp)
            return read_dns(view.data, facts) ? Progress::Done : Progress::NotMine;
        // RFC 1035, 4.2.2: two bytes of length in front.
        Reader reader(view.data);
        const std::uint16_t size = reader.u16();
        if (!reader.ok() || reader.rest().size() < size)
            return view.data.size() < 2U + 4096 ? Progress::More : Progress::NotMine;
        return read_dns(reader.take(size), facts) ? Progress::Done : Progress::NotMine;
    }
};

} // namespace

bool read_dns(Bytes message, Facts &facts) {
    Reader header(message);
    header.take(2);
    const std::uint16_t flags = header.u16();
    const std::uint16_t questions = header.u16();
    const std::uint16_t answers = header.u16();
    std::size_t at = kDnsHeader;
    std::string name;

    if (message.size() < kDnsHeader + 5 || (flags & 0x7800) != 0 || questions > 16)
        return false;
    for (unsigned i = 0; i < questions; i++) {
        std::string *const first = i == 0 ? &name : nullptr;
        if (!read_name(message, at, first) || at + 4 > message.size())
            return false;
        at += 4;
    }
    // The first name counts: answers may go through aliases.
    const bool asked = !name.empty();
    for (unsigned i = 0; i < std::min<unsigned>(answers, kAnswersMost); i++) {
        std::string owner;
        if (!read_name(message, at, &owner))
            break;
        Reader record(message.subspan(at));
        const std::uint16_t type = record.u16();
        const std::uint16_t of_class = record.u16() & 0x7fff; // its top bit is mDNS's cache flush
        const std::uint32_t ttl = record.u32();
        const Bytes data = record.take(record.u16());
        if (!record.ok())
            break;
        at += record.at();
        if (name.empty())
            name = owner;
        if (of_class == 1 &&
            ((type == 1 && data.size() == 4) || (type == 28 && data.size() == 16)) &&
            (asked || owner == name))
            bind(data, ttl, facts);
    }
    if (name.empty() && questions == 0 && answers == 0)
        return false;
    facts.hostname = std::move(name);
    return true;
}

bool dns_begins(const View &view) {
    const std::size_t start = view.transport == Transport::Tcp ? 2 : 0;
    const Bytes data = view.data;
    // Opcode 0 and no reserved bit, few questions; see RFC 1035, 4.1.1.
    if (view.transport == Transport::Tcp && data.size() < start + kDnsHeader)
        return data.size() >= 2 && data[0] < 4;
    return data.size() >= start + kDnsHeader + 5 && (data[start + 2] & 0x78) == 0 &&
           data[start + 4] == 0 && data[start + 5] <= 16 && data[start + 6] == 0;
}

std::unique_ptr<Dissector> make_dns() {
    return std::make_unique<Dns>();
}

} // namespace l7
