// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/v8_syntax.hpp"

#include "core/base/text.hpp"
#include "core/match/pat_file.hpp"

#include <string>

namespace l7 {

namespace {

/// Alternatives of branches of pieces, a piece being an atom with at most one of `* + ?`. Groups
/// are limited to nine, and an operand of `*` or `+` must not be able to match nothing.
class Parser {
  public:
    explicit Parser(std::string text) : text_(std::move(text)) {}

    Result<V8Node> run() {
        bool width;
        V8Node out = alternatives(width);
        if (error_.empty() && at_ < text_.size())
            fail("unmatched ()");
        if (!error_.empty())
            return Error{error_};
        return out;
    }

  private:
    using Kind = V8Node::Kind;
    static constexpr unsigned kGroups = 9;

    void fail(const char *what) {
        if (error_.empty())
            error_ = "column " + std::to_string(at_ + 1) + ": " + what;
    }

    bool at_end() const { return at_ >= text_.size(); }
    static bool is_repeat(char c) { return c == '*' || c == '+' || c == '?'; }

    /// width: every alternative matches at least one byte.
    V8Node alternatives(bool &width) {
        V8Node out{Kind::Choice};
        width = true;
        for (;;) {
            bool branch_width;
            out.parts.push_back(branch(branch_width));
            width = width && branch_width;
            if (!error_.empty() || at_end() || text_[at_] != '|')
                break;
            at_++;
        }
        return out;
    }

    V8Node branch(bool &width) {
        V8Node out{Kind::Sequence};
        width = false;
        while (error_.empty() && !at_end() && text_[at_] != '|' && text_[at_] != ')') {
            bool piece_width;
            out.parts.push_back(piece(piece_width));
            width = width || piece_width;
        }
        return out;
    }

    V8Node piece(bool &width) {
        V8Node operand = atom(width);
        if (!error_.empty() || at_end() || !is_repeat(text_[at_]))
            return operand;
        const char repeat = text_[at_];
        if (!width && repeat != '?') {
            fail("*+ operand could be empty");
            return operand;
        }
        at_++;
        width = repeat == '+';
        if (!at_end() && is_repeat(text_[at_]))
            fail("nested *?+");
        V8Node out{repeat == '*' ? Kind::Star : repeat == '+' ? Kind::Plus : Kind::Optional};
        out.parts.push_back(std::move(operand));
        return out;
    }

    V8Node atom(bool &width) {
        width = false;
        switch (text_[at_]) {
        case '^':
            at_++;
            return {Kind::Start};
        case '$':
            at_++;
            return {Kind::End};
        case '(':
            return group(width);
        case '?':
        case '+':
        case '*':
            fail("?+* follows nothing");
            return {};
        default:
            break;
        }
        V8Node out{Kind::Set};
        width = true;
        if (text_[at_] == '[') {
            at_++;
            read_set(out.set);
        } else if (text_[at_] == '.') {
            at_++;
            out.set.set();
        } else {
            if (text_[at_] == '\\' && ++at_ >= text_.size())
                fail("trailing \\");
            else
                out.set.set(static_cast<unsigned char>(text_[at_++]));
        }
        return out;
    }

    V8Node group(bool &width) {
        // Nine groups also bound the depth of the recursion.
        if (++groups_ > kGroups) {
            fail("too many ()");
            return {};
        }
        at_++;
        V8Node out = alternatives(width);
        if (!error_.empty())
            return out;
        if (at_end() || text_[at_] != ')')
            fail("unmatched ()");
        at_++;
        return out;
    }

    void read_set(ByteSet &members) {
        bool inverted = false;

        if (!at_end() && text_[at_] == '^') {
            inverted = true;
            at_++;
        }
        if (!at_end() && (text_[at_] == ']' || text_[at_] == '-'))
            members.set(static_cast<unsigned char>(text_[at_++]));
        while (!at_end() && text_[at_] != ']') {
            if (text_[at_] != '-' || at_ + 1 >= text_.size() || text_[at_ + 1] == ']') {
                members.set(static_cast<unsigned char>(text_[at_++]));
                continue;
            }
            const unsigned from = static_cast<unsigned char>(text_[at_ - 1]);
            const unsigned to = static_cast<unsigned char>(text_[at_ + 1]);
            if (from > to)
                return fail("invalid [] range");
            for (unsigned byte = from; byte <= to; byte++)
                members.set(byte);
            at_ += 2;
        }
        if (at_end())
            return fail("unmatched []");
        at_++;
        if (inverted)
            members.flip();
    }

    std::string text_;
    std::size_t at_ = 0;
    unsigned groups_ = 0;
    std::string error_;
};

} // namespace

Result<V8Node> parse_v8(std::string_view expression) {
    return Parser(ascii_lowered(without_hex(expression))).run();
}

} // namespace l7
