// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/sync/record.hpp"

#include "core/base/key.hpp"

#include <l7ctl/bytes.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace l7 {

namespace {

constexpr std::size_t kV4Key = 13, kV6Key = 37; // after the kind
constexpr std::size_t kMappedAt = 12;           // of the IPv4 address in an IPv4-mapped one

void append_raw(std::string &out, const void *from, std::size_t size) {
    out.append(static_cast<const char *>(from), size);
}

void append_port(std::string &out, std::uint16_t port) {
    out.push_back(static_cast<char>(port >> 8));
    out.push_back(static_cast<char>(port));
}

/// l4, then address and port of either end.
void append_flow_key(std::string &out, const l7_key &key) {
    const std::size_t skip = key.family == 4 ? kMappedAt : 0;
    out.push_back(static_cast<char>(key.l4));
    for (unsigned end = 0; end < 2; end++) {
        const char *address = reinterpret_cast<const char *>(key.addr[end]);
        append_raw(out, address + skip, sizeof(key.addr[end]) - skip);
        append_raw(out, &key.port[end], sizeof(key.port[end]));
    }
}

std::optional<l7_key> read_flow_key(std::string_view from) {
    if (from.size() != kV4Key && from.size() != kV6Key)
        return std::nullopt;
    l7_key key{};
    const std::size_t skip = from.size() == kV4Key ? kMappedAt : 0;
    key.family = skip ? 4 : 6;
    key.l4 = static_cast<std::uint8_t>(from[0]);
    from.remove_prefix(1);
    for (unsigned end = 0; end < 2; end++) {
        char *address = reinterpret_cast<char *>(key.addr[end]);
        if (skip)
            address[10] = address[11] = static_cast<char>(0xff);
        std::memcpy(address + skip, from.data(), sizeof(key.addr[end]) - skip);
        from.remove_prefix(sizeof(key.addr[end]) - skip);
        std::memcpy(&key.port[end], from.data(), sizeof(key.port[end]));
        from.remove_prefix(sizeof(key.port[end]));
    }
    return key;
}

/// Writes fields; what is zero or empty is left out.
class Writer {
  public:
    Writer() { out_.push_back(static_cast<char>(kRecordVersion)); }

    Writer &number(unsigned field, std::uint64_t value) {
        if (value == 0)
            return *this;
        append_varint(out_, std::uint64_t{field} << 1);
        append_varint(out_, value);
        return *this;
    }

    Writer &text(unsigned field, std::string_view value) {
        if (value.empty())
            return *this;
        value = value.substr(0, kRecordNameMax);
        append_varint(out_, std::uint64_t{field} << 1 | 1);
        append_varint(out_, value.size());
        out_ += value;
        return *this;
    }

    std::string take() { return std::move(out_); }

  private:
    std::string out_;
};

/// Hands out fields in the order they were written.
class Fields {
  public:
    explicit Fields(std::string_view record) : rest_(record) {
        if (record.empty() || record.size() > kRecordMax ||
            static_cast<std::uint8_t>(record[0]) != kRecordVersion)
            failed_ = true;
        else
            rest_.remove_prefix(1);
    }

    /// False at the end, and for what is malformed.
    bool next() {
        if (failed_ || rest_.empty())
            return false;
        const auto tag = take_varint(rest_);
        // In ascending order, so that none can be there twice.
        if (!tag || *tag >> 1 <= number_ || *tag >> 1 > std::numeric_limits<std::uint32_t>::max())
            return fail();
        number_ = static_cast<std::uint32_t>(*tag >> 1);
        is_text_ = *tag & 1;
        const auto value = take_varint(rest_);
        if (!value)
            return fail();
        value_ = *value;
        if (!is_text_)
            return true;
        if (value_ > rest_.size())
            return fail();
        text_ = rest_.substr(0, value_);
        rest_.remove_prefix(value_);
        return true;
    }

    unsigned field() const { return number_; }
    bool ok() const { return !failed_; }
    bool fail() {
        failed_ = true;
        return false;
    }

    /// The field's value; one that does not fit makes the whole record malformed.
    template <class T>
    void into(T &out) {
        if (is_text_ || value_ > std::numeric_limits<T>::max())
            fail();
        else
            out = static_cast<T>(value_);
    }
    void into(std::string &out) {
        if (!is_text_ || text_.size() > kRecordNameMax)
            fail();
        else
            out = text_;
    }
    void into(l7_key &out) {
        const auto key = is_text_ ? read_flow_key(text_) : std::nullopt;
        if (key && key->l4 != 0) // which says that there is none
            out = *key;
        else
            fail();
    }

  private:
    std::string_view rest_, text_;
    std::uint64_t value_ = 0;
    std::uint32_t number_ = 0;
    bool is_text_ = false;
    bool failed_ = false;
};

// Numbers of fields are never reused.
enum FlowField : unsigned {
    kChanged = 1,
    kBorn,
    kFlags,
    kReason,
    kAttributes,
    kVerdictPacket,
    kVerdictSample,
    kProtocol,
    kApplication,
    kHostname,
    kRules,
    kRulesDigest,
    kParent,
    kSide0Options, // flags << 8 | scale
    kSide0Start,
    kSide0Next, // behind start
    kSide1Options,
    kSide1Start,
    kSide1Next,
};
enum OtherField : unsigned { kUntil = 1, kProtocolName, kApplicationName, kHost, kOfParent };

std::string key_with(RecordKind kind, std::size_t size) {
    std::string out;
    out.reserve(size + 1);
    out.push_back(static_cast<char>(kind));
    return out;
}

/// Keys of fixed size, read in the order they were written.
class KeyReader {
  public:
    KeyReader(RecordKind kind, std::string_view key, std::size_t size) : rest_(key) {
        ok_ = key.size() == size + 1 && key[0] == static_cast<char>(kind);
        if (ok_)
            rest_.remove_prefix(1);
    }
    bool ok() const { return ok_; }
    void into(ChildAddress &out) {
        std::memcpy(out.data(), rest_.data(), out.size());
        rest_.remove_prefix(out.size());
    }
    void into(std::uint16_t &port) {
        port = static_cast<std::uint16_t>(static_cast<std::uint8_t>(rest_[0]) << 8 |
                                          static_cast<std::uint8_t>(rest_[1]));
        rest_.remove_prefix(2);
    }
    void into(std::uint8_t &out) {
        out = static_cast<std::uint8_t>(rest_[0]);
        rest_.remove_prefix(1);
    }

  private:
    std::string_view rest_;
    bool ok_;
};

constexpr std::size_t kExpectationKey = 37, kEndpointKey = 19, kHintKey = 16;

void read_options(Fields &fields, FlowState::Side &side) {
    std::uint16_t both = 0;
    fields.into(both);
    side.flags = static_cast<std::uint8_t>(both >> 8);
    side.scale = static_cast<std::uint8_t>(both);
}

void read_field(Fields &fields, DatedFlow &out) {
    FlowState &state = out.state;
    switch (fields.field()) {
    case kChanged:
        return fields.into(out.changed_ms);
    case kBorn:
        return fields.into(state.born_ms);
    case kFlags:
        return fields.into(state.flags);
    case kReason:
        return fields.into(state.reason);
    case kAttributes:
        return fields.into(state.attributes);
    case kVerdictPacket:
        return fields.into(state.verdict_packet);
    case kVerdictSample:
        return fields.into(state.verdict_sample);
    case kProtocol:
        return fields.into(state.protocol);
    case kApplication:
        return fields.into(state.application);
    case kHostname:
        return fields.into(state.hostname);
    case kRules:
        return fields.into(state.rules);
    case kRulesDigest:
        return fields.into(state.rules_digest);
    case kParent:
        return fields.into(state.parent);
    case kSide0Options:
    case kSide1Options:
        return read_options(fields, state.sides[fields.field() == kSide1Options]);
    case kSide0Start:
    case kSide1Start:
        return fields.into(state.sides[fields.field() == kSide1Start].start);
    case kSide0Next:
    case kSide1Next:
        return fields.into(state.sides[fields.field() == kSide1Next].next);
    default:
        return; // a newer node's
    }
}

} // namespace

void append_varint(std::string &out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        out.push_back(static_cast<char>(value | 0x80));
    out.push_back(static_cast<char>(value));
}

std::optional<std::uint64_t> take_varint(std::string_view &from) {
    constexpr std::size_t kLongest = 10;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < std::min(from.size(), kLongest); i++) {
        const auto byte = static_cast<std::uint8_t>(from[i]);
        if (i == kLongest - 1 && byte > 1)
            return std::nullopt;
        value |= std::uint64_t{byte & 0x7fU} << (7 * i);
        if (byte & 0x80)
            continue;
        if (byte == 0 && i > 0)
            return std::nullopt;
        from.remove_prefix(i + 1);
        return value;
    }
    return std::nullopt;
}

void append_text(std::string &out, std::string_view text) {
    append_varint(out, text.size());
    out += text;
}

std::optional<std::string_view> take_text(std::string_view &from, std::size_t most) {
    const auto size = take_varint(from);
    if (!size || *size > most || *size > from.size())
        return std::nullopt;
    const std::string_view out = from.substr(0, *size);
    from.remove_prefix(*size);
    return out;
}

std::optional<RecordKind> kind_of(std::string_view key) {
    if (key.empty())
        return std::nullopt;
    const auto kind = static_cast<RecordKind>(key[0]);
    const std::size_t size = key.size() - 1;
    switch (kind) {
    case RecordKind::Flow:
        return size == kV4Key || size == kV6Key ? std::optional(kind) : std::nullopt;
    case RecordKind::Expectation:
        return size == kExpectationKey ? std::optional(kind) : std::nullopt;
    case RecordKind::Endpoint:
        return size == kEndpointKey ? std::optional(kind) : std::nullopt;
    case RecordKind::Hint:
        return size == kHintKey ? std::optional(kind) : std::nullopt;
    }
    return std::nullopt;
}

std::string key_of(const l7_key &flow) {
    std::string out = key_with(RecordKind::Flow, kV6Key);
    append_flow_key(out, flow);
    return out;
}

std::string key_of(const ExpectationState &state) {
    std::string out = key_with(RecordKind::Expectation, kExpectationKey);
    append_raw(out, state.source.data(), state.source.size());
    append_raw(out, state.target.data(), state.target.size());
    append_port(out, state.sport);
    append_port(out, state.port);
    out.push_back(static_cast<char>(state.l4));
    return out;
}

std::string key_of(const EndpointState &state) {
    std::string out = key_with(RecordKind::Endpoint, kEndpointKey);
    append_raw(out, state.address.data(), state.address.size());
    append_port(out, state.port);
    out.push_back(static_cast<char>(state.l4));
    return out;
}

std::string key_of(const HintState &state) {
    std::string out = key_with(RecordKind::Hint, kHintKey);
    append_raw(out, state.address.data(), state.address.size());
    return out;
}

std::optional<l7_key> parse_flow_key(std::string_view key) {
    if (key.empty() || key[0] != static_cast<char>(RecordKind::Flow))
        return std::nullopt;
    return read_flow_key(key.substr(1));
}

std::string encode(const FlowState &state, std::uint64_t changed_ms) {
    std::string parent;
    if (state.parent.l4 != 0)
        append_flow_key(parent, state.parent);
    const auto options = [&](unsigned side) {
        return static_cast<std::uint64_t>(state.sides[side].flags << 8 | state.sides[side].scale);
    };
    return Writer()
        .number(kChanged, changed_ms)
        .number(kBorn, state.born_ms)
        .number(kFlags, state.flags)
        .number(kReason, state.reason)
        .number(kAttributes, state.attributes)
        .number(kVerdictPacket, state.verdict_packet)
        .number(kVerdictSample, state.verdict_sample)
        .text(kProtocol, state.protocol)
        .text(kApplication, state.application)
        .text(kHostname, state.hostname)
        .number(kRules, state.rules)
        .number(kRulesDigest, state.rules_digest)
        .text(kParent, parent)
        .number(kSide0Options, options(0))
        .number(kSide0Start, state.sides[0].start)
        .number(kSide0Next, state.sides[0].next)
        .number(kSide1Options, options(1))
        .number(kSide1Start, state.sides[1].start)
        .number(kSide1Next, state.sides[1].next)
        .take();
}

std::string encode(const ExpectationState &state) {
    std::string parent;
    append_flow_key(parent, state.parent);
    return Writer()
        .number(kUntil, state.until_ms)
        .text(kProtocolName, state.protocol)
        .text(kOfParent, parent)
        .take();
}

std::string encode(const EndpointState &state) {
    return Writer()
        .number(kUntil, state.until_ms)
        .text(kProtocolName, state.protocol)
        .text(kApplicationName, state.application)
        .take();
}

std::string encode(const HintState &state) {
    return Writer()
        .number(kUntil, state.until_ms)
        .text(kApplicationName, state.application)
        .text(kHost, state.host)
        .take();
}

std::optional<DatedFlow> decode_flow(std::string_view key, std::string_view record) {
    const auto parsed = parse_flow_key(key);
    if (!parsed)
        return std::nullopt;
    DatedFlow out;
    out.state.key = *parsed;
    Fields fields(record);
    while (fields.next())
        read_field(fields, out);
    return fields.ok() ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<ExpectationState> decode_expectation(std::string_view key, std::string_view record) {
    KeyReader reader(RecordKind::Expectation, key, kExpectationKey);
    Fields fields(record);
    ExpectationState out;
    if (!reader.ok())
        return std::nullopt;
    reader.into(out.source);
    reader.into(out.target);
    reader.into(out.sport);
    reader.into(out.port);
    reader.into(out.l4);
    while (fields.next())
        if (fields.field() == kUntil)
            fields.into(out.until_ms);
        else if (fields.field() == kProtocolName)
            fields.into(out.protocol);
        else if (fields.field() == kOfParent)
            fields.into(out.parent);
    // Without its parent it means nothing.
    return fields.ok() && out.parent.family != 0 ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<EndpointState> decode_endpoint(std::string_view key, std::string_view record) {
    KeyReader reader(RecordKind::Endpoint, key, kEndpointKey);
    Fields fields(record);
    EndpointState out;
    if (!reader.ok())
        return std::nullopt;
    reader.into(out.address);
    reader.into(out.port);
    reader.into(out.l4);
    while (fields.next())
        if (fields.field() == kUntil)
            fields.into(out.until_ms);
        else if (fields.field() == kProtocolName)
            fields.into(out.protocol);
        else if (fields.field() == kApplicationName)
            fields.into(out.application);
    return fields.ok() ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<HintState> decode_hint(std::string_view key, std::string_view record) {
    KeyReader reader(RecordKind::Hint, key, kHintKey);
    Fields fields(record);
    HintState out;
    if (!reader.ok())
        return std::nullopt;
    reader.into(out.address);
    while (fields.next())
        if (fields.field() == kUntil)
            fields.into(out.until_ms);
        else if (fields.field() == kApplicationName)
            fields.into(out.application);
        else if (fields.field() == kHost)
            fields.into(out.host);
    return fields.ok() ? std::optional(std::move(out)) : std::nullopt;
}

} // namespace l7
