// SPDX-License-Identifier: GPL-2.0-or-later
// The `where` of a pattern: arithmetic over the bytes that an expression has matched.
#pragma once

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace l7 {

struct Prefix;

/// A compiled condition. Values are signed 64-bit and wrap; the language is in
/// docs/l7-pattern.5.md.
class Condition {
  public:
    /// The empty condition, which always holds.
    Condition() = default;

    /// Compiles `text`; an error says what was expected and at which column, from 1.
    static Result<Condition> compile(std::string_view text);

    bool empty() const { return code_.empty(); }

    /// True when the condition holds over `data`. `size` is what the name `size` stands for: at
    /// least data.size(). A read beyond data, and a division by zero, make it false.
    bool holds(Bytes data, std::uint64_t size) const;

    /// Takes from `prefix` what the condition never holds for.
    void narrow(Prefix &prefix) const;

  private:
    friend class ConditionParser;
    struct Step;

    /// Whether a zero that jumps there makes all of it false.
    bool fails_at(std::size_t jump) const;
    /// The ranges that a comparison with constants allows; none where it is something else.
    std::vector<std::pair<std::int64_t, std::int64_t>> compared(const Step &step) const;
    bool in_ranges(const Step &step, std::int64_t value) const;

    enum class Op : std::uint8_t {
        Constant,
        Size,
        ReadAt, // value: offset; extra: bytes, and kLittle
        Read,   // the same at the offset that is the newest value
        Negate,
        Not,
        Invert,
        Multiply, // from here to Or: the right side is value where extra is kImmediate
        Divide,
        Modulo,
        Add,
        Subtract,
        ShiftLeft,
        ShiftRight,
        Less,
        LessEqual,
        Greater,
        GreaterEqual,
        Equal,
        NotEqual,
        And,
        Xor,
        Or,
        In,         // value: first range, its count in extra
        JumpIfZero, // keeps the value and jumps when it is zero; else drops it
        JumpIfSet,
        Truth,
    };
    struct Step {
        Op op;
        std::uint32_t extra;
        std::int64_t value;
    };

    static bool combine(Op op, std::int64_t &a, std::int64_t b);

    static constexpr std::size_t kStack = 32;
    static constexpr std::uint32_t kLittle = 0x100;
    static constexpr std::uint32_t kImmediate = 1;

    std::vector<Step> code_;
    std::vector<std::pair<std::int64_t, std::int64_t>> ranges_;
};

} // namespace l7
