// SPDX-License-Identifier: GPL-2.0-or-later
// For tables of PerType.
#pragma once

#include "core/expect/per.hpp"

namespace l7 {

inline constexpr PerType kNull{PerType::Kind::Null};
inline constexpr PerType kBoolean{PerType::Kind::Boolean};
inline constexpr PerType kObjectIdentifier{PerType::Kind::ObjectIdentifier};
inline constexpr PerType kOctets{PerType::Kind::Octets};
inline constexpr PerType kNotUnderstood{PerType::Kind::NotUnderstood};

/// Whether a SEQUENCE or CHOICE has an extension marker.
inline constexpr bool kOpen = true;
inline constexpr bool kClosed = false;

constexpr PerType per_integer(std::uint64_t low, std::uint64_t high, std::uint8_t role = 0) {
    return {PerType::Kind::Integer, role, false, low, high};
}

constexpr PerType per_octets(std::uint64_t low, std::uint64_t high, std::uint8_t role = 0) {
    return {PerType::Kind::Octets, role, false, low, high};
}

constexpr PerType per_characters(unsigned bits, std::uint64_t low, std::uint64_t high) {
    return {PerType::Kind::Characters, 0, false, low, high, bits};
}

template <unsigned Size>
constexpr PerType per_sequence(bool extensible, const PerField (&root)[Size]) {
    return {PerType::Kind::Sequence, 0, extensible, 0, 0, 0, root, Size};
}

template <unsigned Size, unsigned More>
constexpr PerType per_sequence(const PerField (&root)[Size], const PerField (&more)[More]) {
    return {PerType::Kind::Sequence, 0, true, 0, 0, 0, root, Size, more, More};
}

template <unsigned Size>
constexpr PerType per_choice(bool extensible, const PerField (&root)[Size], std::uint8_t role = 0) {
    return {PerType::Kind::Choice, role, extensible, 0, 0, 0, root, Size};
}

template <unsigned Size, unsigned More>
constexpr PerType per_choice(const PerField (&root)[Size], const PerField (&more)[More],
                             std::uint8_t role = 0) {
    return {PerType::Kind::Choice, role, true, 0, 0, 0, root, Size, more, More};
}

constexpr PerType per_sequence_of(const PerField &element, std::uint64_t low = 0,
                                  std::uint64_t high = 0) {
    return {PerType::Kind::SequenceOf, 0, false, low, high, 0, &element, 1};
}

} // namespace l7
