// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/expect/per.hpp"

#include <algorithm>
#include <bit>

namespace l7 {

namespace {

constexpr std::uint64_t k64K = 65536;
constexpr std::uint64_t kAdditionsMost = 64; ///< of one extension; H.225.0 has no half of it

/// 18: the bits that say which additions there are, and each as an open type.
void walk_additions(PerReader &reader, const PerType &type, PerSink &sink, std::uint8_t mark) {
    const std::uint64_t count = reader.small_number() + 1;
    if (!reader.ok() || count > kAdditionsMost)
        return reader.fail();
    const std::uint64_t present = reader.bits(static_cast<unsigned>(count));
    for (unsigned i = 0; i < count && reader.ok(); i++) {
        if (!(present >> (count - 1 - i) & 1))
            continue;
        PerReader inner(reader.open_type());
        if (reader.ok() && i < type.mores && type.more[i].type)
            walk(inner, *type.more[i].type, sink, type.more[i].mark ? type.more[i].mark : mark);
    }
}

/// 18.
void walk_sequence(PerReader &reader, const PerType &type, PerSink &sink, std::uint8_t mark) {
    const bool extended = type.extensible && reader.bits(1);
    const auto optionals = static_cast<unsigned>(std::count_if(
        type.root, type.root + type.roots, [](const PerField &field) { return field.optional; }));
    const std::uint64_t present = reader.bits(optionals);
    unsigned seen = 0;

    for (unsigned i = 0; i < type.roots && reader.ok(); i++) {
        const PerField &field = type.root[i];
        if (field.optional && !(present >> (optionals - ++seen) & 1))
            continue;
        walk(reader, *field.type, sink, field.mark ? field.mark : mark);
    }
    if (extended && reader.ok())
        walk_additions(reader, type, sink, mark);
}

/// 22.
void walk_choice(PerReader &reader, const PerType &type, PerSink &sink, std::uint8_t mark) {
    const bool extended = type.extensible && reader.bits(1);
    const std::uint64_t index =
        extended ? reader.small_number() : reader.constrained(0, type.roots - 1);
    if (!reader.ok() || (!extended && index >= type.roots))
        return reader.fail();
    if (type.role)
        sink.found(mark, type.role, {}, extended ? type.roots + index : index);
    if (!extended) {
        const PerField &field = type.root[index];
        return walk(reader, *field.type, sink, field.mark ? field.mark : mark);
    }
    PerReader inner(reader.open_type());
    if (reader.ok() && index < type.mores && type.more[index].type) {
        const PerField &field = type.more[index];
        walk(inner, *field.type, sink, field.mark ? field.mark : mark);
    }
}

/// 16 and 19: strings of up to two octets of a fixed size are not aligned.
Bytes take_octets(PerReader &reader, const PerType &type) {
    const std::size_t size = reader.length(type.low, type.high);
    if (type.low == type.high && type.high <= 2 && type.high > 0)
        reader.fail(); // there are none that we read
    return reader.octets(size);
}

/// 27.5: characters of a string that can have 16 bits or more begin at an octet.
void skip_characters(PerReader &reader, const PerType &type) {
    const std::size_t size = reader.length(type.low, type.high);
    if (type.high == 0 || type.high * type.bits >= 16)
        reader.align();
    for (std::size_t i = 0; i < size && reader.ok(); i++)
        reader.bits(type.bits);
}

} // namespace

Bytes PerReader::rest() {
    align();
    return failed_ || at_ / 8 > data_.size() ? Bytes() : data_.subspan(at_ / 8);
}

std::uint64_t PerReader::bits(unsigned count) {
    std::uint64_t out = 0;
    if (failed_ || count > 64 || count > data_.size() * 8 - std::min(at_, data_.size() * 8)) {
        failed_ = true;
        return 0;
    }
    for (unsigned i = 0; i < count; i++, at_++)
        out = out << 1 | (data_[at_ / 8] >> (7 - at_ % 8) & 1U);
    return out;
}

Bytes PerReader::octets(std::size_t count) {
    const Bytes left = rest();
    if (failed_ || count > left.size()) {
        failed_ = true;
        return {};
    }
    at_ += count * 8;
    return left.first(count);
}

std::uint64_t PerReader::constrained(std::uint64_t low, std::uint64_t high) {
    const std::uint64_t range = high - low + 1;
    std::uint64_t out = 0;
    if (range < 256) {
        out = bits(static_cast<unsigned>(std::bit_width(range - 1)));
    } else if (range <= k64K) {
        for (const std::uint8_t byte : octets(range == 256 ? 1 : 2))
            out = out << 8 | byte;
    } else { // 10.5.7.4: its length comes first
        const std::uint64_t most = (static_cast<unsigned>(std::bit_width(range - 1)) + 7) / 8;
        const std::uint64_t size = constrained(1, most);
        for (const std::uint8_t byte : octets(static_cast<std::size_t>(size)))
            out = out << 8 | byte;
    }
    if (out > high - low)
        failed_ = true;
    return low + out;
}

std::size_t PerReader::length(std::uint64_t low, std::uint64_t high) {
    if (high != 0 && high < k64K)
        return static_cast<std::size_t>(constrained(low, high));
    align();
    if (!bits(1))
        return static_cast<std::size_t>(bits(7));
    if (bits(1))
        failed_ = true;
    return static_cast<std::size_t>(bits(14));
}

std::uint64_t PerReader::small_number() {
    if (!bits(1))
        return bits(6);
    std::uint64_t out = 0; // 10.7: semi-constrained
    const std::size_t size = length(0, 0);
    if (size > 4)
        failed_ = true;
    for (const std::uint8_t byte : octets(size))
        out = out << 8 | byte;
    return out;
}

void walk(PerReader &reader, const PerType &type, PerSink &sink, std::uint8_t mark) {
    using Kind = PerType::Kind;
    switch (type.kind) {
    case Kind::Null:
        return;
    case Kind::Boolean:
        reader.bits(1);
        return;
    case Kind::Integer: {
        const std::uint64_t number = reader.constrained(type.low, type.high);
        if (type.role && reader.ok())
            sink.found(mark, type.role, {}, number);
        return;
    }
    case Kind::Octets: {
        const Bytes bytes = take_octets(reader, type);
        if (type.role && reader.ok())
            sink.found(mark, type.role, bytes, 0);
        return;
    }
    case Kind::ObjectIdentifier:
        reader.open_type(); // has the same form
        return;
    case Kind::Characters:
        return skip_characters(reader, type);
    case Kind::Sequence:
        return walk_sequence(reader, type, sink, mark);
    case Kind::SequenceOf: {
        const std::size_t count = reader.length(type.low, type.high);
        for (std::size_t i = 0; i < count && reader.ok(); i++)
            walk(reader, *type.root->type, sink, mark);
        return;
    }
    case Kind::Choice:
        return walk_choice(reader, type, sink, mark);
    case Kind::NotUnderstood:
        return reader.fail();
    }
}

} // namespace l7
