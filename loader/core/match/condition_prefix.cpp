// SPDX-License-Identifier: GPL-2.0-or-later
// What a condition says of single bytes: the terms of a conjunction that compare a read at a fixed
// offset with constants.
#include "core/match/condition.hpp"
#include "core/match/prefix.hpp"

#include <algorithm>

namespace l7 {

namespace {

using Range = std::pair<std::int64_t, std::int64_t>;

/// Allows at `offset` and the `width` bytes from there what a number in one of the ranges has
/// there: the bytes up to the first that differs between a range's ends.
void allow(Prefix &prefix, std::size_t offset, unsigned width, bool little,
           const std::vector<Range> &ranges) {
    std::array<std::bitset<256>, 4> sets;
    for (const auto &[from, to] : ranges) {
        bool open = false; // what comes before leaves it any value
        for (unsigned i = 0; i < width; i++) {
            const unsigned shift = 8 * (width - 1 - i);
            const auto low = static_cast<unsigned>(from >> shift & 0xff),
                       high = static_cast<unsigned>(to >> shift & 0xff);
            for (unsigned c = open ? 0 : low; c <= (open ? 255 : high); c++)
                sets[i].set(c);
            open |= low != high;
        }
    }
    for (unsigned i = 0; i < width; i++)
        prefix.allowed[offset + (little ? width - 1 - i : i)] &= sets[i];
}

/// The numbers up to `most` that a comparison leaves, in ranges.
std::vector<Range> within(std::vector<Range> ranges, std::int64_t most) {
    for (auto &[from, to] : ranges) {
        from = std::max<std::int64_t>(from, 0);
        to = std::min(to, most);
    }
    std::erase_if(ranges, [](const Range &range) { return range.first > range.second; });
    return ranges;
}

} // namespace

bool Condition::fails_at(std::size_t jump) const {
    for (std::size_t at = jump; at < code_.size();)
        if (code_[at].op == Op::JumpIfZero)
            at = static_cast<std::size_t>(code_[at].value);
        else
            return false;
    return true;
}

std::vector<Range> Condition::compared(const Step &step) const {
    constexpr std::int64_t kMost = std::int64_t{1} << 40; // beyond any read
    const std::int64_t value = std::clamp<std::int64_t>(step.value, -1, kMost);

    if (step.op == Op::In)
        return {ranges_.begin() + step.value, ranges_.begin() + step.value + step.extra};
    if (step.extra != kImmediate)
        return {};
    switch (step.op) {
    case Op::Equal:
        return {{value, value}};
    case Op::NotEqual:
        return {{0, value - 1}, {value + 1, kMost}};
    case Op::Less:
        return {{0, value - 1}};
    case Op::LessEqual:
        return {{0, value}};
    case Op::Greater:
        return {{value + 1, kMost}};
    case Op::GreaterEqual:
        return {{value, kMost}};
    default:
        return {};
    }
}

void Condition::narrow(Prefix &prefix) const {
    int depth = 0;

    for (std::size_t at = 0; at < code_.size(); at++) {
        const Step &step = code_[at];
        switch (step.op) {
        case Op::Constant:
        case Op::Size:
        case Op::ReadAt:
            depth++;
            break;
        case Op::JumpIfSet:
            return; // one of two will do
        case Op::JumpIfZero:
            if (!fails_at(static_cast<std::size_t>(step.value)))
                return;
            depth--;
            break;
        default:
            if (step.op >= Op::Multiply && step.op <= Op::Or && step.extra != kImmediate)
                depth--;
        }
        // A term: a read by itself, one comparison, and the next term or the end.
        const bool term =
            step.op == Op::ReadAt && depth == 1 && at + 1 < code_.size() &&
            (at + 2 == code_.size() || (code_[at + 2].op == Op::JumpIfZero &&
                                        fails_at(static_cast<std::size_t>(code_[at + 2].value))));
        const unsigned width = step.extra & 0xff;
        if (!term || step.value < 0 ||
            static_cast<std::size_t>(step.value) + width > Prefix::kBytes)
            continue;
        const auto offset = static_cast<std::size_t>(step.value);
        const bool compares = code_[at + 1].op == Op::In ||
                              (code_[at + 1].op >= Op::Less && code_[at + 1].op <= Op::NotEqual &&
                               code_[at + 1].extra == kImmediate);
        if (!compares)
            continue;
        allow(prefix, offset, width, (step.extra & kLittle) != 0,
              within(compared(code_[at + 1]), (std::int64_t{1} << (8 * width)) - 1));
        prefix.width = std::max(prefix.width, offset + width);
    }
}

} // namespace l7
