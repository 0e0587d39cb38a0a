// SPDX-License-Identifier: GPL-2.0-or-later
// ASN.1's packed encoding rules, aligned (ITU-T X.691), as far as H.323 needs them.
#pragma once

#include "core/base/bytes.hpp"

#include <cstddef>
#include <cstdint>

namespace l7 {

struct PerType;

/// A component of a SEQUENCE or an alternative of a CHOICE.
struct PerField {
    const PerType *type; ///< null: of an extension, and of no interest
    bool optional = false;
    std::uint8_t mark = 0; ///< what is found within it is found under this name
};

/// What X.691 needs to know of a type.
struct PerType {
    enum class Kind : std::uint8_t {
        Null,
        Boolean,
        Integer,
        Octets,
        ObjectIdentifier,
        Characters, ///< of a known number of bits each
        Sequence,
        SequenceOf,
        Choice,
        NotUnderstood, ///< where the walk ends
    };

    Kind kind;
    std::uint8_t role = 0; ///< not 0: whoever walks is shown the value
    bool extensible = false;
    std::uint64_t low = 0, high = 0; ///< Integer: its range; else the size's, high 0: open
    unsigned bits = 0;               ///< of a character
    const PerField *root = nullptr;  ///< SequenceOf: its element
    unsigned roots = 0;
    const PerField *more = nullptr; ///< the first ones of the extension
    unsigned mores = 0;
};

/// Is shown the values of types with a role.
class PerSink {
  public:
    virtual ~PerSink() = default;
    /// Octets have bytes; an integer, and a choice's index (the extension's behind the root's),
    /// are the number.
    virtual void found(std::uint8_t mark, std::uint8_t role, Bytes bytes, std::uint64_t number) = 0;
};

/// Takes bits off the front of untrusted bytes. Asking for more than there is makes it fail for
/// good.
class PerReader {
  public:
    explicit PerReader(Bytes data) : data_(data) {}

    bool ok() const { return !failed_; }
    /// Goes on with the next octet, as behind a complete message. What is left from there on.
    Bytes rest();

    std::uint64_t bits(unsigned count);
    Bytes octets(std::size_t count);
    /// 10.5: a number within a range.
    std::uint64_t constrained(std::uint64_t low, std::uint64_t high);
    /// 10.9: a length within a range, which is open for high 0. Longer ones than 16 K come in
    /// fragments, which nothing here has: they fail.
    std::size_t length(std::uint64_t low, std::uint64_t high);
    /// 10.6: mostly below 64.
    std::uint64_t small_number();
    /// 10.2: another encoding in octets.
    Bytes open_type() { return octets(length(0, 0)); }
    void align() { at_ = (at_ + 7) / 8 * 8; }
    void fail() { failed_ = true; }

  private:
    Bytes data_;
    std::size_t at_ = 0; ///< in bits
    bool failed_ = false;
};

/// Goes through a value of the type, found in a field with that mark.
void walk(PerReader &reader, const PerType &type, PerSink &sink, std::uint8_t mark = 0);

} // namespace l7
