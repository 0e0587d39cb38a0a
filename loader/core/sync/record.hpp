// SPDX-License-Identifier: GPL-2.0-or-later
// States as bytes, for Redis: a key that tells what it is of, and a record.
//
// A record is its format's version, a byte, and fields in ascending order: a varint of number << 1,
// or number << 1 | 1 where bytes behind their length follow instead of a varint. Fields of no
// number known here are passed over; another version, and anything malformed, is refused. Varints
// are of the shortest form (LEB128). What is zero or empty is left out.
#pragma once

#include "core/base/bytes.hpp"
#include "core/flow/flow_state.hpp"
#include "core/sync/states.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace l7 {

inline constexpr std::uint8_t kRecordVersion = 1;
inline constexpr std::size_t kRecordNameMax = 255; ///< bytes of a name
inline constexpr std::size_t kRecordMax = 2048;    ///< and of a record

/// First byte of a key.
enum class RecordKind : char { Flow = 'f', Expectation = 'x', Endpoint = 'e', Hint = 'h' };

/// What kind a key is of; nothing where it is none.
std::optional<RecordKind> kind_of(std::string_view key);

/// A flow's is 14 bytes with IPv4, 38 with IPv6.
std::string key_of(const l7_key &flow);
std::string key_of(const ExpectationState &state);
std::string key_of(const EndpointState &state);
std::string key_of(const HintState &state);

std::optional<l7_key> parse_flow_key(std::string_view key);

/// changed_ms, by the wall clock of its node, is when the state was as it says.
std::string encode(const FlowState &state, std::uint64_t changed_ms);
std::string encode(const ExpectationState &state);
std::string encode(const EndpointState &state);
std::string encode(const HintState &state);

struct DatedFlow {
    FlowState state;
    std::uint64_t changed_ms = 0;
};

std::optional<DatedFlow> decode_flow(std::string_view key, std::string_view record);
std::optional<ExpectationState> decode_expectation(std::string_view key, std::string_view record);
std::optional<EndpointState> decode_endpoint(std::string_view key, std::string_view record);
std::optional<HintState> decode_hint(std::string_view key, std::string_view record);

/// LEB128, as records and batches have it.
void append_varint(std::string &out, std::uint64_t value);
/// Takes one off the front; nothing for what is cut off, too long, or not of the shortest form.
std::optional<std::uint64_t> take_varint(std::string_view &from);

/// Bytes behind their length.
void append_text(std::string &out, std::string_view text);
/// Takes them off the front; nothing for more than `most`, or than there is.
std::optional<std::string_view> take_text(std::string_view &from, std::size_t most);

} // namespace l7
