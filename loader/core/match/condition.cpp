// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/condition.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <string>

namespace l7 {

/// Precedence climbing; emits postfix code and keeps count of the stack it will need.
class ConditionParser {
  public:
    explicit ConditionParser(std::string_view text) : text_(text) {}

    Result<Condition> run() {
        if (!binary(0))
            return fail();
        skip_blanks();
        if (at_ != text_.size()) {
            expected("an operator or the end");
            return fail();
        }
        return std::move(out_);
    }

  private:
    using Op = Condition::Op;

    struct Binary {
        std::string_view sign;
        int level;
        Op op;
    };
    // Longer signs first, so that "<=" is not read as "<".
    static constexpr std::array<Binary, 19> kBinary{{
        {"||", 1, Op::JumpIfSet},  {"&&", 2, Op::JumpIfZero},  {"==", 6, Op::Equal},
        {"!=", 6, Op::NotEqual},   {"<=", 7, Op::LessEqual},   {">=", 7, Op::GreaterEqual},
        {"<<", 11, Op::ShiftLeft}, {">>", 11, Op::ShiftRight}, {"in", 7, Op::In},
        {"<", 7, Op::Less},        {">", 7, Op::Greater},      {"|", 8, Op::Or},
        {"^", 9, Op::Xor},         {"&", 10, Op::And},         {"+", 12, Op::Add},
        {"-", 12, Op::Subtract},   {"*", 13, Op::Multiply},    {"/", 13, Op::Divide},
        {"%", 13, Op::Modulo},
    }};
    static constexpr int kDeepest =
        64; // nesting, so that hostile text cannot exhaust our own stack

    bool expected(const std::string &what) {
        if (error_.empty())
            error_ = "column " + std::to_string(at_ + 1) + ": expected " + what;
        return false;
    }

    Error fail() { return Error{error_.empty() ? "bad condition" : error_}; }

    void skip_blanks() {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])))
            at_++;
    }

    bool eat(std::string_view sign) {
        skip_blanks();
        if (text_.substr(at_, sign.size()) != sign)
            return false;
        at_ += sign.size();
        return true;
    }

    bool push(Op op, std::int64_t value = 0) {
        out_.code_.push_back({op, 0, value});
        if (++depth_ > static_cast<int>(Condition::kStack))
            return expected("a simpler condition");
        return true;
    }

    void apply(Op op) { out_.code_.push_back({op, 0, 0}); }

    /// A number that nothing was done to yet; the step is taken back.
    std::optional<std::int64_t> take_constant() {
        if (out_.code_.empty() || out_.code_.back().op != Op::Constant)
            return std::nullopt;
        const std::int64_t value = out_.code_.back().value;
        out_.code_.pop_back();
        return value;
    }

    /// Conditions are met by most packets and fail for most: what is usual is one step.
    void apply_read(std::uint32_t width) {
        const auto offset = take_constant();
        out_.code_.push_back({offset ? Op::ReadAt : Op::Read, width, offset.value_or(0)});
    }

    void apply_binary(Op op) {
        if (const auto right = take_constant())
            out_.code_.push_back({op, Condition::kImmediate, *right});
        else
            apply(op);
    }

    /// 0 or 1, unless it is that already.
    void apply_truth() {
        switch (out_.code_.back().op) {
        case Op::Less:
        case Op::LessEqual:
        case Op::Greater:
        case Op::GreaterEqual:
        case Op::Equal:
        case Op::NotEqual:
        case Op::In:
        case Op::Not:
        case Op::Truth:
            return;
        default:
            apply(Op::Truth);
        }
    }

    const Binary *next_binary(int level) {
        skip_blanks();
        for (const Binary &candidate : kBinary)
            if (text_.substr(at_, candidate.sign.size()) == candidate.sign)
                return candidate.level >= level ? &candidate : nullptr;
        return nullptr;
    }

    bool binary(int level) {
        if (++nesting_ > kDeepest)
            return expected("a simpler condition");
        if (!unary())
            return false;
        while (const Binary *sign = next_binary(level)) {
            at_ += sign->sign.size();
            if (sign->op == Op::In) {
                if (!ranges())
                    return false;
                continue;
            }
            const bool logical = sign->op == Op::JumpIfSet || sign->op == Op::JumpIfZero;
            if (logical) {
                apply_truth();
                apply(sign->op);
                depth_--;
            }
            const std::size_t jump = out_.code_.size() - 1;
            if (!binary(sign->level + 1))
                return false;
            if (logical) {
                apply_truth();
                out_.code_[jump].value = static_cast<std::int64_t>(out_.code_.size());
            } else {
                apply_binary(sign->op);
                depth_--;
            }
        }
        nesting_--;
        return true;
    }

    bool unary() {
        if (++nesting_ > kDeepest)
            return expected("a simpler condition");
        bool good;
        if (eat("!")) {
            good = unary();
            apply(Op::Not);
        } else if (eat("-")) {
            good = unary();
            apply(Op::Negate);
        } else if (eat("~")) {
            good = unary();
            apply(Op::Invert);
        } else {
            good = primary();
        }
        nesting_--;
        return good;
    }

    bool primary() {
        if (eat("("))
            return binary(0) && (eat(")") || expected("')'"));
        skip_blanks();
        if (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) {
            std::int64_t value;
            return number(value) && push(Op::Constant, value);
        }
        static constexpr std::pair<std::string_view, std::uint32_t> kReads[] = {
            {"u8", 1},
            {"be16", 2},
            {"be24", 3},
            {"be32", 4},
            {"le16", 2 | Condition::kLittle},
            {"le32", 4 | Condition::kLittle},
        };
        const std::string_view name = word();
        if (name == "size")
            return push(Op::Size);
        for (const auto &[read, width] : kReads)
            if (name == read) {
                if (!(eat("(") || expected("'('")) || !binary(0) || !(eat(")") || expected("')'")))
                    return false;
                apply_read(width);
                return true;
            }
        at_ -= name.size();
        return expected("a number, size, u8(), be16(), be24(), be32(), le16(), le32() or '('");
    }

    std::string_view word() {
        std::size_t end = at_;
        while (end < text_.size() && std::isalnum(static_cast<unsigned char>(text_[end])))
            end++;
        const std::string_view found = text_.substr(at_, end - at_);
        at_ = end;
        return found;
    }

    bool number(std::int64_t &value) {
        skip_blanks();
        const bool hex = text_.substr(at_, 2) == "0x";
        const char *first = text_.data() + at_ + (hex ? 2 : 0);
        const auto [end, failure] =
            std::from_chars(first, text_.data() + text_.size(), value, hex ? 16 : 10);
        if (failure != std::errc{})
            return expected("a number");
        at_ = static_cast<std::size_t>(end - text_.data());
        return true;
    }

    bool ranges() {
        const std::size_t first = out_.ranges_.size();
        if (!eat("("))
            return expected("'('");
        do {
            std::int64_t from, to;
            const bool minus = eat("-");
            if (!number(from))
                return false;
            to = from = minus ? -from : from;
            if (eat("..") && !number(to))
                return false;
            if (to < from)
                return expected("a range that ends above its start");
            out_.ranges_.emplace_back(from, to);
        } while (eat(","));
        if (!eat(")"))
            return expected("',' or ')'");
        out_.code_.push_back({Op::In, static_cast<std::uint32_t>(out_.ranges_.size() - first),
                              static_cast<std::int64_t>(first)});
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int nesting_ = 0;
    int depth_ = 0;
    std::string error_;
    Condition out_;
};

Result<Condition> Condition::compile(std::string_view text) {
    return ConditionParser(text).run();
}

namespace {

/// Reads `how & 0xff` bytes at `offset`; false where they are not at hand.
bool read(Bytes data, std::int64_t offset, std::uint32_t how, std::int64_t &value) {
    const std::uint32_t width = how & 0xff;
    const bool little = how > 0xff;
    if (offset < 0 || static_cast<std::uint64_t>(offset) > data.size() ||
        data.size() - static_cast<std::uint64_t>(offset) < width)
        return false;
    std::uint64_t got = 0;
    for (unsigned i = 0; i < width; i++) {
        const std::uint64_t byte = data[static_cast<std::size_t>(offset) + i];
        got = little ? got | byte << (8 * i) : got << 8 | byte;
    }
    value = static_cast<std::int64_t>(got);
    return true;
}

std::int64_t shifted(std::int64_t value, std::int64_t by, bool left) {
    if (by < 0 || by > 63)
        return 0;
    const auto bits = static_cast<std::uint64_t>(value);
    return static_cast<std::int64_t>(left ? bits << by : bits >> by);
}

/// Two's complement wrap-around, which signed arithmetic itself does not promise.
std::int64_t wrapped(std::uint64_t value) {
    return static_cast<std::int64_t>(value);
}

} // namespace

bool Condition::in_ranges(const Step &step, std::int64_t value) const {
    return std::any_of(
        ranges_.begin() + step.value, ranges_.begin() + step.value + step.extra,
        [&](const auto &range) { return value >= range.first && value <= range.second; });
}

/// Puts into `a` what an operator makes of both; false where that is nothing.
bool Condition::combine(Op op, std::int64_t &a, std::int64_t b) {
    const auto x = static_cast<std::uint64_t>(a), y = static_cast<std::uint64_t>(b);

    switch (op) {
    case Op::Multiply:
        return a = wrapped(x * y), true;
    case Op::Divide:
    case Op::Modulo:
        if (b == 0)
            return false;
        if (b == -1) // the one quotient that overflows
            a = op == Op::Divide ? wrapped(-x) : 0;
        else
            a = op == Op::Divide ? a / b : a % b;
        return true;
    case Op::Add:
        return a = wrapped(x + y), true;
    case Op::Subtract:
        return a = wrapped(x - y), true;
    case Op::ShiftLeft:
        return a = shifted(a, b, true), true;
    case Op::ShiftRight:
        return a = shifted(a, b, false), true;
    case Op::Less:
        return a = a < b, true;
    case Op::LessEqual:
        return a = a <= b, true;
    case Op::Greater:
        return a = a > b, true;
    case Op::GreaterEqual:
        return a = a >= b, true;
    case Op::Equal:
        return a = a == b, true;
    case Op::NotEqual:
        return a = a != b, true;
    case Op::And:
        return a &= b, true;
    case Op::Xor:
        return a ^= b, true;
    case Op::Or:
        return a |= b, true;
    default:
        return false;
    }
}

bool Condition::holds(Bytes data, std::uint64_t size) const {
    std::array<std::int64_t, kStack + 1> stack;
    std::int64_t *newest = stack.data();

    *newest = 1; // of no code; otherwise below the first value
    for (std::size_t i = 0; i < code_.size(); i++) {
        const Step &step = code_[i];
        switch (step.op) {
        case Op::Constant:
            *++newest = step.value;
            break;
        case Op::Size:
            *++newest = static_cast<std::int64_t>(size);
            break;
        case Op::ReadAt:
            if (!read(data, step.value, step.extra, *++newest))
                return false;
            break;
        case Op::Read:
            if (!read(data, *newest, step.extra, *newest))
                return false;
            break;
        case Op::Negate:
            *newest = wrapped(-static_cast<std::uint64_t>(*newest));
            break;
        case Op::Not:
            *newest = !*newest;
            break;
        case Op::Invert:
            *newest = ~*newest;
            break;
        case Op::Truth:
            *newest = *newest != 0;
            break;
        case Op::JumpIfZero:
        case Op::JumpIfSet:
            if ((*newest != 0) == (step.op == Op::JumpIfSet))
                i = static_cast<std::size_t>(step.value) - 1;
            else
                newest--;
            break;
        case Op::In:
            *newest = in_ranges(step, *newest);
            break;
        default: {
            const std::int64_t right = step.extra == kImmediate ? step.value : *newest--;
            if (!combine(step.op, *newest, right))
                return false;
        }
        }
    }
    return *newest != 0;
}

} // namespace l7
