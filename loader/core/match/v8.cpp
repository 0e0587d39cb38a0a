// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/pat_file.hpp"

#include <bitset>
#include <cctype>

namespace l7 {

namespace {

constexpr char kHex[] = "0123456789abcdef";

unsigned char lower(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 'A' && byte <= 'Z' ? static_cast<unsigned char>(byte + 32) : byte;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    const unsigned char small = lower(c);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

/// `\xHH` becomes its byte before anything is compiled, and all is lower-cased; a NUL ends the
/// expression, as it was a C string.
std::string prepare(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); i++) {
        if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] == 'x' &&
            hex_digit(text[i + 2]) >= 0 && hex_digit(text[i + 3]) >= 0) {
            const int byte = hex_digit(text[i + 2]) * 16 + hex_digit(text[i + 3]);
            out += static_cast<char>(lower(static_cast<char>(byte)));
            i += 3;
        } else {
            out += static_cast<char>(lower(text[i]));
        }
    }
    return out.substr(0, out.find('\0'));
}

void append_byte(std::string &out, unsigned char byte) {
    out += "\\x";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
}

/// The grammar is the original's: alternatives of branches of pieces, a piece being an atom with at
/// most one of
/// `* + ?`. Groups are limited to nine, and an operand of `*` or `+` must not be able to match
/// nothing.
class V8Translator {
  public:
    explicit V8Translator(std::string text) : text_(std::move(text)) {}

    Result<std::string> run() {
        bool width;
        alternatives(width);
        if (error_.empty() && at_ < text_.size())
            fail("unmatched ()");
        if (!error_.empty())
            return Error{error_};
        return std::move(out_);
    }

  private:
    static constexpr unsigned kGroups = 9;
    static constexpr unsigned kDeepest = 200;

    void fail(const char *what) {
        if (error_.empty())
            error_ = "column " + std::to_string(at_ + 1) + ": " + what;
    }

    bool at_end() const { return at_ >= text_.size(); }
    static bool is_repeat(char c) { return c == '*' || c == '+' || c == '?'; }

    /// width: every alternative matches at least one byte.
    void alternatives(bool &width) {
        if (++depth_ > kDeepest)
            return fail("too deeply nested");
        width = true;
        for (;;) {
            bool branch_width;
            branch(branch_width);
            width = width && branch_width;
            if (!error_.empty() || at_end() || text_[at_] != '|')
                break;
            out_ += '|';
            at_++;
        }
        depth_--;
    }

    void branch(bool &width) {
        width = false;
        while (error_.empty() && !at_end() && text_[at_] != '|' && text_[at_] != ')') {
            bool piece_width;
            piece(piece_width);
            width = width || piece_width;
        }
    }

    void piece(bool &width) {
        atom(width);
        if (!error_.empty() || at_end() || !is_repeat(text_[at_]))
            return;
        const char repeat = text_[at_];
        if (!width && repeat != '?')
            return fail("*+ operand could be empty");
        out_ += repeat;
        at_++;
        width = repeat == '+';
        if (!at_end() && is_repeat(text_[at_]))
            fail("nested *?+");
    }

    void atom(bool &width) {
        const char c = text_[at_];

        width = true;
        switch (c) {
        case '^':
            // In a group of its own: Hyperscan takes no repeat of an anchor, and none can follow
            // but `?`.
            out_ += "(?:^)";
            width = false;
            at_++;
            return;
        case '$':
            out_ += "(?:\\z)";
            width = false;
            at_++;
            return;
        case '.':
            out_ += '.';
            at_++;
            return;
        case '[':
            at_++;
            return set();
        case '(':
            return group(width);
        case '?':
        case '+':
        case '*':
            return fail("?+* follows nothing");
        case '\\':
            if (++at_ >= text_.size())
                return fail("trailing \\");
            [[fallthrough]];
        default:
            append_byte(out_, static_cast<unsigned char>(text_[at_]));
            at_++;
        }
    }

    void group(bool &width) {
        if (++groups_ > kGroups)
            return fail("too many ()");
        at_++;
        out_ += "(?:";
        alternatives(width);
        if (!error_.empty())
            return;
        if (at_end() || text_[at_] != ')')
            return fail("unmatched ()");
        out_ += ')';
        at_++;
    }

    void set() {
        std::bitset<256> members;
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
        emit(members);
    }

    void emit(const std::bitset<256> &members) {
        if (members.none())
            return append_byte(out_, 0); // matches nothing, as the data has no NUL
        out_ += '[';
        for (unsigned first = 0; first < 256; first++) {
            if (!members[first])
                continue;
            unsigned last = first;
            while (last < 255 && members[last + 1])
                last++;
            append_byte(out_, static_cast<unsigned char>(first));
            if (last > first) {
                out_ += '-';
                append_byte(out_, static_cast<unsigned char>(last));
            }
            first = last;
        }
        out_ += ']';
    }

    std::string text_;
    std::size_t at_ = 0;
    unsigned groups_ = 0;
    unsigned depth_ = 0;
    std::string out_;
    std::string error_;
};

} // namespace

Result<std::string> translate_v8(std::string_view expression) {
    return V8Translator(prepare(expression)).run();
}

} // namespace l7
