// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/dcerpc.hpp"

#include "core/base/parse.hpp"
#include "core/base/reader.hpp"
#include "core/dissect/tls.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace l7 {

namespace {

struct Interface {
    std::string_view uuid, name;
};

/// As Microsoft's Open Specifications, C706 (appendices O and Q) and PROFINET's give them.
constexpr Interface kInterfaces[] = {
    {"e1af8308-5d1f-11c9-91a4-08002b14a0fa", "epmapper"},
    {"afa8bd80-7d8a-11c9-bef4-08002b102989", "mgmt"},
    {"12345778-1234-abcd-ef00-0123456789ac", "samr"},
    {"12345778-1234-abcd-ef00-0123456789ab", "lsarpc"},
    {"12345678-1234-abcd-ef00-01234567cffb", "netlogon"},
    {"12345678-1234-abcd-ef00-0123456789ab", "spoolss"},
    {"367abb81-9844-35f1-ad32-98f038001003", "svcctl"},
    {"338cd001-2244-31f1-aaaa-900038001003", "winreg"},
    {"4b324fc8-1670-01d3-1278-5a47bf6ee188", "srvsvc"},
    {"6bffd098-a112-3610-9833-46c3f87e345a", "wkssvc"},
    {"1ff70682-0a51-30e8-076d-740be8cee98b", "atsvc"},
    {"86d35949-83c9-4044-b424-db363231fd0c", "tasks"},
    {"82273fdc-e32a-18c3-3f78-827929dc23ea", "eventlog"},
    {"e3514235-4b06-11d1-ab04-00c04fc2dcd2", "drsuapi"},
    {"f5cc59b4-4264-101a-8c59-08002b2f8426", "frsrpc"},
    {"4fc742e0-4a10-11cf-8273-00aa004ae673", "netdfs"},
    {"50abc2a4-574d-40b3-9d66-ee4fd5fba076", "dnsserver"},
    {"99fcfec4-5260-101b-bbcb-00aa0021347a", "oxid-resolver"},
    {"000001a0-0000-0000-c000-000000000046", "dcom-activation"},
    {"dea00001-6c97-11d1-8271-00a02442df7d", "profinet-device"},
    {"dea00002-6c97-11d1-8271-00a02442df7d", "profinet-controller"},
};

constexpr std::string_view kNil = "00000000-0000-0000-0000-000000000000";

/// Whether numbers are little-endian, by the first byte of a data representation, whose low half
/// says how characters are written: always in ASCII.
constexpr std::uint8_t kLittleEndian = 0x10, kBigEndian = 0x00;
constexpr std::uint8_t kMaxFloat = 3; ///< IEEE, VAX, Cray, IBM

class Numbers {
  public:
    Numbers(Bytes data, bool little) : reader_(data), little_(little) {}

    bool ok() const { return reader_.ok(); }
    void skip(std::size_t size) { reader_.take(size); }
    std::uint16_t u16() { return little_ ? reader_.le16() : reader_.u16(); }
    std::uint32_t u32() { return little_ ? reader_.le32() : reader_.u32(); }

    std::string uuid() {
        const std::uint32_t low = u32();
        const std::uint16_t middle = u16(), high = u16();
        const std::uint16_t clock = reader_.u16();
        const std::uint32_t node = reader_.u32();
        return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:08x}{:04x}", low, middle, high, clock,
                           node, reader_.u16());
    }

  private:
    Reader reader_;
    bool little_;
};

void note_interface(const std::string &uuid, Facts &facts) {
    add_detail(facts, "interface", uuid);
    if (const auto known = std::ranges::find(kInterfaces, uuid, &Interface::uuid);
        known != std::ranges::end(kInterfaces))
        add_detail(facts, "service", std::string(known->name));
}

// With connection: C706, 12.6; [MS-RPCE] 2.2.2.

constexpr std::size_t kDcerpcHeader = 16;
constexpr std::uint8_t kRequest = 0, kResponse = 2, kFault = 3, kBind = 11, kAlterContext = 14,
                       kRts = 20;
/// To the end of the first context's interface, of a bind; the least size of a bind.
constexpr std::size_t kBindInterface = 32, kBindEnough = 52, kBindLeast = 72;

struct Pdu {
    std::uint8_t type;
    bool little;
    std::size_t size;
};

bool is_call(std::uint8_t type) {
    return type == kRequest || type == kResponse || type == kFault;
}

bool is_type(std::uint8_t type) {
    return is_call(type) || (type >= kBind && type <= kRts);
}

/// What is there of the bytes that are the same in all fragments' headers is right.
bool may_be_pdu(Bytes data) {
    const auto fits = [&](std::size_t at, auto &&right) {
        return at >= data.size() || right(data[at]);
    };
    return fits(0, [](auto byte) { return byte == 5; }) &&
           fits(1, [](auto byte) { return byte <= 1; }) && fits(2, is_type) &&
           fits(4, [](auto byte) { return byte == kLittleEndian || byte == kBigEndian; }) &&
           fits(5, [](auto byte) { return byte <= kMaxFloat; }) &&
           fits(6, [](auto byte) { return byte == 0; }) &&
           fits(7, [](auto byte) { return byte == 0; });
}

Parse read_pdu(Bytes data, Pdu &out) {
    if (!may_be_pdu(data))
        return Parse::Wrong;
    if (data.size() < kDcerpcHeader)
        return Parse::More;
    out.type = data[2];
    out.little = data[4] == kLittleEndian;
    Numbers numbers(data.subspan(8), out.little);
    out.size = numbers.u16();
    const std::size_t authentication = numbers.u16();
    return authentication + kDcerpcHeader <= out.size ? Parse::Done : Parse::Wrong;
}

// Without: C706, 12.5.

constexpr std::size_t kDatagramHeader = 80;
constexpr std::size_t kMaxTrailer = 80; ///< authentication, behind the body
constexpr std::uint8_t kMaxDatagramType = 10;

/// The header with a body of the size that it says; what it calls is not nil.
Parse read_datagram(const View &view, std::string &interface) {
    const Bytes data = view.data;
    if (!dcerpc_begins(view))
        return Parse::Wrong;
    const bool little = data[4] == kLittleEndian;
    Numbers length(data.subspan(74), little);
    const std::uint64_t size = kDatagramHeader + length.u16();
    if (size > view.size || view.size - size > kMaxTrailer)
        return Parse::Wrong;
    interface = Numbers(data.subspan(24), little).uuid();
    return interface != kNil ? Parse::Done : Parse::Wrong;
}

class DceRpc final : public Dissector {
  public:
    Progress take(const View &view, Facts &facts) override {
        return view.transport == Transport::Tcp ? stream(view, facts) : datagram(view, facts);
    }

  private:
    static Progress datagram(const View &view, Facts &facts) {
        std::string interface;
        if (read_datagram(view, interface) != Parse::Done)
            return Progress::NotMine;
        facts.protocol = "dcerpc";
        note_interface(interface, facts);
        return Progress::Done;
    }

    Progress stream(const View &view, Facts &facts) {
        std::size_t &at = at_[view.direction];
        while (at < view.data.size()) {
            const Bytes data = view.data.subspan(at);
            Pdu pdu;
            const Parse parsed = read_pdu(data, pdu);
            if (parsed == Parse::Wrong)
                return Progress::NotMine;
            if (parsed == Parse::More)
                break;
            // Calls tell their interface by a number that the bind gave it; a conversation that
            // begins with one is the pattern's.
            if (is_call(pdu.type))
                return Progress::NotMine;
            facts.protocol = "dcerpc";
            if ((pdu.type == kBind || pdu.type == kAlterContext) && pdu.size >= kBindLeast) {
                if (data.size() < kBindEnough)
                    break;
                note_interface(Numbers(data.subspan(kBindInterface), pdu.little).uuid(), facts);
                return Progress::Done;
            }
            at += pdu.size;
        }
        return facts.protocol.empty() ? Progress::More : Progress::Known;
    }

    std::array<std::size_t, 2> at_{}; ///< where each direction's next fragment begins
};

} // namespace

bool dcerpc_begins(const View &view) {
    const Bytes data = view.data;
    if (view.transport == Transport::Tcp)
        return may_be_pdu(data) && (data.size() < 3 || !is_call(data[2]));
    return data.size() >= kDatagramHeader && data[0] == 4 && data[1] <= kMaxDatagramType &&
           data[3] <= 3 && (data[4] == kLittleEndian || data[4] == kBigEndian) &&
           data[5] <= kMaxFloat && data[6] == 0;
}

std::unique_ptr<Dissector> make_dcerpc() {
    return std::make_unique<DceRpc>();
}

} // namespace l7
