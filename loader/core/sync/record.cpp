// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/sync/record.hpp"

#include "core/base/key.hpp"

#include <l7ctl/bytes.h>

#include <algorithm>
#include <concepts>
#include <cstring>
#include <limits>
#include <type_traits>

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

    template <std::unsigned_integral Number>
    void operator()(unsigned field, Number value) {
        if (value == 0)
            return;
        append_varint(out_, std::uint64_t{field} << 1);
        append_varint(out_, value);
    }
    void operator()(unsigned field, const std::string &value) {
        if (!value.empty())
            text(field, std::string_view(value).substr(0, kRecordNameMax));
    }
    /// A flow's key; none has l4 0.
    void operator()(unsigned field, const l7_key &value) {
        std::string key;
        append_flow_key(key, value);
        if (value.l4 != 0)
            text(field, key);
    }
    void operator()(unsigned field, const FlowState::Side &side) {
        (*this)(field, static_cast<std::uint16_t>(side.flags << 8 | side.scale));
    }

    std::string take() { return std::move(out_); }

  private:
    void text(unsigned field, std::string_view value) {
        append_varint(out_, std::uint64_t{field} << 1 | 1);
        append_text(out_, value);
    }

    std::string out_;
};

/// Reads them. Fields stand in ascending order, and are asked for so; those that nobody asks for
/// are a newer node's. What does not fit makes the whole record malformed.
class Reader {
  public:
    explicit Reader(std::string_view record) : rest_(record) {
        failed_ = record.empty() || record.size() > kRecordMax ||
                  static_cast<std::uint8_t>(record[0]) != kRecordVersion;
        if (!failed_)
            rest_.remove_prefix(1);
    }

    template <class T>
    void operator()(unsigned field, T &out) {
        while (number_ < field && next())
            ;
        if (!failed_ && number_ == field && !into(out))
            failed_ = true;
    }

    /// Whether all of it was right.
    bool finish() {
        while (next())
            ;
        return !failed_;
    }

  private:
    /// The next field; false at the end, and for what is malformed.
    bool next() {
        if (failed_ || rest_.empty())
            return false;
        const auto tag = take_varint(rest_);
        // In ascending order, so that none can be there twice.
        failed_ =
            !tag || *tag >> 1 <= number_ || *tag >> 1 > std::numeric_limits<std::uint32_t>::max();
        if (failed_)
            return false;
        number_ = static_cast<std::uint32_t>(*tag >> 1);
        text_.reset();
        value_.reset();
        if (*tag & 1)
            text_ = take_text(rest_, kRecordMax);
        else
            value_ = take_varint(rest_);
        failed_ = !text_ && !value_;
        return !failed_;
    }

    template <std::unsigned_integral Number>
    bool into(Number &out) {
        out = static_cast<Number>(value_.value_or(0));
        return value_ && *value_ <= std::numeric_limits<Number>::max();
    }
    bool into(std::string &out) {
        out = text_.value_or("");
        return text_ && out.size() <= kRecordNameMax;
    }
    bool into(l7_key &out) {
        const auto key = text_ ? read_flow_key(*text_) : std::nullopt;
        out = key.value_or(l7_key{});
        return out.l4 != 0; // which would say that there is none
    }
    bool into(FlowState::Side &out) {
        std::uint16_t both = 0;
        const bool fits = into(both);
        out.flags = static_cast<std::uint8_t>(both >> 8);
        out.scale = static_cast<std::uint8_t>(both);
        return fits;
    }

    std::string_view rest_;
    std::optional<std::string_view> text_;
    std::optional<std::uint64_t> value_;
    std::uint32_t number_ = 0;
    bool failed_ = false;
};

// What each kind's record holds, by fields whose numbers are never reused, for writing and reading.
// table
void each_field(auto &state, auto &changed_ms, auto &visit) {
    visit(1, changed_ms);
    visit(2, state.born_ms);
    visit(3, state.flags);
    visit(4, state.reason);
    visit(5, state.attributes);
    visit(6, state.verdict_packet);
    visit(7, state.verdict_sample);
    visit(8, state.protocol);
    visit(9, state.application);
    visit(10, state.hostname);
    visit(11, state.rules);
    visit(12, state.rules_digest);
    visit(13, state.parent);
    for (unsigned side = 0; side < 2; side++) {
        visit(14 + 3 * side, state.sides[side]); // flags << 8 | scale
        visit(15 + 3 * side, state.sides[side].start);
        visit(16 + 3 * side, state.sides[side].next); // behind start
    }
}

template <class State>
void each_field(State &state, auto &visit) {
    constexpr bool kExpectation = std::is_same_v<const State, const ExpectationState>;
    constexpr bool kEndpoint = std::is_same_v<const State, const EndpointState>;
    visit(1, state.until_ms);
    if constexpr (kExpectation || kEndpoint)
        visit(2, state.protocol);
    if constexpr (!kExpectation)
        visit(3, state.application);
    if constexpr (!kExpectation && !kEndpoint)
        visit(4, state.host);
    if constexpr (kExpectation)
        visit(5, state.parent);
}

/// Keys of fixed size, behind their kind.
constexpr std::size_t kExpectationKey = 37, kEndpointKey = 19, kHintKey = 16;

template <class State>
void each_part(State &state, auto &visit) {
    if constexpr (std::is_same_v<const State, const ExpectationState>) {
        visit(state.source);
        visit(state.target);
        visit(state.sport);
    } else {
        visit(state.address);
    }
    if constexpr (!std::is_same_v<const State, const HintState>) {
        visit(state.port);
        visit(state.l4);
    }
}

struct KeyWriter {
    std::string out;

    void operator()(const ChildAddress &address) {
        append_raw(out, address.data(), address.size());
    }
    void operator()(std::uint16_t port) { append_port(out, port); }
    void operator()(std::uint8_t l4) { out.push_back(static_cast<char>(l4)); }
};

/// The key is long enough, by kind_of.
struct KeyReader {
    std::string_view rest;

    void operator()(ChildAddress &address) {
        std::memcpy(address.data(), take(address.size()).data(), address.size());
    }
    void operator()(std::uint16_t &port) {
        const std::string_view two = take(2);
        port = static_cast<std::uint16_t>(static_cast<std::uint8_t>(two[0]) << 8 |
                                          static_cast<std::uint8_t>(two[1]));
    }
    void operator()(std::uint8_t &l4) { l4 = static_cast<std::uint8_t>(take(1)[0]); }

    std::string_view take(std::size_t size) {
        const std::string_view out = rest.substr(0, size);
        rest.remove_prefix(size);
        return out;
    }
};

template <class State>
std::string key_from(RecordKind kind, const State &state) {
    KeyWriter writer{{static_cast<char>(kind)}};
    each_part(state, writer);
    return std::move(writer.out);
}

template <class State>
std::string record_from(const State &state) {
    Writer writer;
    each_field(state, writer);
    return writer.take();
}

template <class State>
std::optional<State> state_from(RecordKind kind, std::string_view key, std::string_view record) {
    if (kind_of(key) != kind)
        return std::nullopt;
    State out;
    KeyReader parts{key.substr(1)};
    each_part(out, parts);
    Reader reader(record);
    each_field(out, reader);
    return reader.finish() ? std::optional(std::move(out)) : std::nullopt;
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
    const bool fits = kind == RecordKind::Flow          ? size == kV4Key || size == kV6Key
                      : kind == RecordKind::Expectation ? size == kExpectationKey
                      : kind == RecordKind::Endpoint    ? size == kEndpointKey
                      : kind == RecordKind::Hint        ? size == kHintKey
                                                        : false;
    return fits ? std::optional(kind) : std::nullopt;
}

std::string key_of(const l7_key &flow) {
    std::string out(1, static_cast<char>(RecordKind::Flow));
    append_flow_key(out, flow);
    return out;
}

std::string key_of(const ExpectationState &state) {
    return key_from(RecordKind::Expectation, state);
}

std::string key_of(const EndpointState &state) {
    return key_from(RecordKind::Endpoint, state);
}

std::string key_of(const HintState &state) {
    return key_from(RecordKind::Hint, state);
}

std::optional<l7_key> parse_flow_key(std::string_view key) {
    return kind_of(key) == RecordKind::Flow ? read_flow_key(key.substr(1)) : std::nullopt;
}

std::string encode(const FlowState &state, std::uint64_t changed_ms) {
    Writer writer;
    each_field(state, changed_ms, writer);
    return writer.take();
}

std::string encode(const ExpectationState &state) {
    return record_from(state);
}

std::string encode(const EndpointState &state) {
    return record_from(state);
}

std::string encode(const HintState &state) {
    return record_from(state);
}

std::optional<DatedFlow> decode_flow(std::string_view key, std::string_view record) {
    const auto parsed = parse_flow_key(key);
    if (!parsed)
        return std::nullopt;
    DatedFlow out;
    out.state.key = *parsed;
    Reader reader(record);
    each_field(out.state, out.changed_ms, reader);
    return reader.finish() ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<ExpectationState> decode_expectation(std::string_view key, std::string_view record) {
    auto out = state_from<ExpectationState>(RecordKind::Expectation, key, record);
    if (out && out->parent.family == 0) // without its parent it means nothing
        out.reset();
    return out;
}

std::optional<EndpointState> decode_endpoint(std::string_view key, std::string_view record) {
    return state_from<EndpointState>(RecordKind::Endpoint, key, record);
}

std::optional<HintState> decode_hint(std::string_view key, std::string_view record) {
    return state_from<HintState>(RecordKind::Hint, key, record);
}

} // namespace l7
