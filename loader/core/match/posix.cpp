// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/byte_set.hpp"
#include "core/match/pat_file.hpp"

#include <cctype>
#include <optional>

namespace l7 {

namespace {

struct CharacterClass {
    std::string_view name;
    int (*member)(int);
};
constexpr CharacterClass kClasses[] = {
    {"alpha", std::isalpha}, {"digit", std::isdigit}, {"alnum", std::isalnum},
    {"upper", std::isupper}, {"lower", std::islower}, {"space", std::isspace},
    {"blank", std::isblank}, {"punct", std::ispunct}, {"print", std::isprint},
    {"graph", std::isgraph}, {"cntrl", std::iscntrl}, {"xdigit", std::isxdigit}};

int is_word(int c) {
    return std::isalnum(c) || c == '_';
}

/// POSIX 1003.1, chapter 9, with what glibc adds to it: `\w \W \s \S \b \B \< \> \` \'`, and
/// `\+ \? \|` in basic expressions; in the C locale.
class PosixTranslator {
  public:
    PosixTranslator(std::string text, PosixFlags flags) : text_(std::move(text)), flags_(flags) {}

    Result<std::string> run() {
        std::string out = alternatives();
        if (error_.empty() && at_ < text_.size())
            fail("unmatched \\)");
        if (!error_.empty())
            return Error{error_};
        return flags_.icase ? "(?i)" + out : out;
    }

  private:
    enum class Token { End, Byte, Escape, Any, Set, Open, Close, Or, Repeat, Brace, Start, Stop };
    static constexpr unsigned kDeepest = 200;
    static constexpr int kMostRepeats = 255; // RE_DUP_MAX of POSIX; Hyperscan has a limit as well

    void fail(const char *what) {
        if (error_.empty())
            error_ = "column " + std::to_string(at_ + 1) + ": " + what;
    }

    /// What stands at at_, and how long it is.
    Token token(std::size_t &length) const {
        length = 1;
        if (at_ >= text_.size())
            return Token::End;
        const char c = text_[at_];
        if (c == '\\') {
            length = 2;
            const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
            if (!flags_.extended)
                switch (next) {
                case '(':
                    return Token::Open;
                case ')':
                    return Token::Close;
                case '{':
                    return Token::Brace;
                case '|':
                    return Token::Or;
                case '+':
                case '?':
                    return Token::Repeat;
                default:
                    break;
                }
            return Token::Escape;
        }
        switch (c) {
        case '.':
            return Token::Any;
        case '[':
            return Token::Set;
        case '*':
            return Token::Repeat;
        case '^':
            return Token::Start;
        case '$':
            return Token::Stop;
        default:
            break;
        }
        if (flags_.extended)
            switch (c) {
            case '(':
                return Token::Open;
            case ')':
                return depth_ > 1 ? Token::Close : Token::Byte;
            case '{':
                return Token::Brace;
            case '|':
                return Token::Or;
            case '+':
            case '?':
                return Token::Repeat;
            default:
                break;
            }
        return Token::Byte;
    }

    std::string alternatives() {
        std::string out;
        if (++depth_ > kDeepest) {
            fail("too deeply nested");
            return out;
        }
        out = branch();
        std::size_t length;
        while (error_.empty() && token(length) == Token::Or) {
            at_ += length;
            out += '|' + branch();
        }
        depth_--;
        return out;
    }

    std::string branch() {
        std::string out;
        bool first = true;
        for (std::size_t length; error_.empty(); first = false) {
            const Token next = token(length);
            if (next == Token::End || next == Token::Or || next == Token::Close)
                break;
            out += piece(first);
        }
        return out;
    }

    std::string piece(bool first) {
        bool anchor = false;
        std::string out = atom(first, anchor);
        for (std::size_t length; error_.empty();) {
            const Token next = token(length);
            if (next != Token::Repeat && next != Token::Brace)
                break;
            if (anchor && !flags_.extended && first)
                break; // "^*" is a star in a basic expression
            std::string how(1, text_[at_ + length - 1]);
            at_ += length;
            if (next == Token::Brace)
                how = interval();
            out.insert(0, "(?:").append(")").append(how);
        }
        return out;
    }

    std::string atom(bool first, bool &anchor) {
        std::size_t length;
        const Token kind = token(length);
        const std::size_t start = at_;
        at_ += length;
        switch (kind) {
        case Token::Any:
            return any_but_newline(ByteSet{}.set());
        case Token::Set:
            return set();
        case Token::Open:
            return group();
        case Token::Escape:
            return escape();
        case Token::Start:
            if (flags_.extended || first || after_anchor_place(start)) {
                anchor = true;
                return start_text();
            }
            break;
        case Token::Stop:
            if (flags_.extended || stops_here()) {
                anchor = true;
                return stop_text();
            }
            break;
        case Token::Repeat:
        case Token::Brace:
            if (flags_.extended || kind == Token::Brace || length == 2) {
                fail("a repetition follows nothing");
                return {};
            }
            break; // a star that has nothing before it, in a basic expression
        default:
            break;
        }
        std::string out;
        append_byte(out, static_cast<unsigned char>(text_[start]));
        return out;
    }

    std::string start_text() const {
        if (flags_.notbol)
            return flags_.newline ? "(?<=\\n)" : "\\x00"; // data has no NUL
        // PCRE's multi-line ^ is not met after a newline that ends the data.
        return flags_.newline ? "(?:^|(?<=\\n))" : "(?:^)";
    }

    std::string stop_text() const {
        if (flags_.noteol)
            return flags_.newline ? "(?=\\n)" : "\\x00";
        return flags_.newline ? "(?m:$)" : "(?:\\z)";
    }

    /// In a basic expression `^` is an anchor after `\(` and `\|` too, and `$` before `\)` and
    /// `\|`.
    bool after_anchor_place(std::size_t at) const {
        return at >= 2 && text_[at - 2] == '\\' && (text_[at - 1] == '(' || text_[at - 1] == '|');
    }

    bool stops_here() const {
        std::size_t length;
        const Token next = token(length);
        return next == Token::End || next == Token::Close || next == Token::Or;
    }

    std::string group() {
        std::string out = '(' + alternatives() + ')';
        std::size_t length;
        if (!error_.empty())
            return out;
        depth_++; // the group's own end
        if (token(length) != Token::Close)
            fail("unmatched (");
        depth_--;
        at_ += length;
        groups_++;
        return out;
    }

    std::string escape() {
        if (at_ > text_.size()) {
            at_ = text_.size();
            fail("trailing \\");
            return {};
        }
        const char c = text_[at_ - 1];
        switch (c) {
        case 'w':
            return "[A-Za-z0-9_]";
        case 'W':
            return none_of(is_word);
        case 's':
            return "[\\x09-\\x0d\\x20]";
        case 'S':
            return none_of(std::isspace);
        case 'b':
        case 'B':
            return std::string("\\") + c;
        case '<':
            return "\\b(?=\\w)";
        case '>':
            return "\\b(?<=\\w)";
        case '`':
            return "\\A";
        case '\'':
            return "\\z";
        default:
            break;
        }
        if (c >= '1' && c <= '9') {
            if (static_cast<unsigned>(c - '0') > groups_)
                fail("no such group");
            return std::string("(?:\\") + c + ")";
        }
        std::string out;
        append_byte(out, static_cast<unsigned char>(c));
        return out;
    }

    std::string none_of(int (*member)(int)) const {
        ByteSet out;
        for (int byte = 0; byte < 256; byte++)
            out[static_cast<std::size_t>(byte)] = !(byte < 128 && member(byte));
        return expression_of(out);
    }

    std::string any_but_newline(ByteSet set) const {
        if (flags_.newline)
            set.reset('\n');
        return expression_of(set);
    }

    /// After the opening brace: `n}`, `n,}`, `n,m}` or `,m}`.
    std::string interval() {
        const auto number = [&]() -> std::optional<int> {
            if (at_ >= text_.size() || !std::isdigit(static_cast<unsigned char>(text_[at_])))
                return std::nullopt;
            int out = 0;
            while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])))
                out = std::min(out * 10 + (text_[at_++] - '0'), kMostRepeats + 1);
            return out;
        };
        const auto least = number();
        std::optional<int> most = least;
        const bool comma = at_ < text_.size() && text_[at_] == ',';
        if (comma) {
            at_++;
            most = number();
        }
        const std::string_view close = flags_.extended ? "}" : "\\}";
        if ((!least && !comma) || std::string_view(text_).substr(at_, close.size()) != close ||
            least.value_or(0) > most.value_or(kMostRepeats) || most.value_or(0) > kMostRepeats) {
            fail("bad interval");
            return {};
        }
        at_ += close.size();
        const std::string from = std::to_string(least.value_or(0));
        return comma ? "{" + from + "," + (most ? std::to_string(*most) : "") + "}"
                     : "{" + from + "}";
    }

    /// After the opening bracket.
    std::string set() {
        ByteSet members;
        const bool inverted = at_ < text_.size() && text_[at_] == '^';
        if (inverted)
            at_++;
        const std::size_t start = at_;
        while (error_.empty()) {
            if (at_ >= text_.size()) {
                fail("unmatched [");
                return {};
            }
            if (text_[at_] == ']' && at_ > start)
                break;
            if (at_ + 1 < text_.size() && text_[at_] == '[' && text_[at_ + 1] == ':') {
                add_class(members);
                continue;
            }
            const unsigned from = element();
            unsigned to = from;
            if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
                at_++;
                to = element();
            }
            if (from > to)
                fail("invalid range");
            for (unsigned byte = from; byte <= to; byte++)
                members.set(byte);
        }
        at_++;
        return inverted ? any_but_newline(flags_.icase ? ~both_cases(members) : ~members)
                        : expression_of(members);
    }

    static ByteSet both_cases(ByteSet set) {
        for (unsigned byte = 'a'; byte <= 'z'; byte++)
            set[byte] = set[byte - 32] = set[byte] || set[byte - 32];
        return set;
    }

    /// One byte, or `[.x.]` or `[=x=]`, which are that in the C locale.
    unsigned element() {
        if (at_ + 4 < text_.size() && text_[at_] == '[' &&
            (text_[at_ + 1] == '.' || text_[at_ + 1] == '=') && text_[at_ + 3] == text_[at_ + 1] &&
            text_[at_ + 4] == ']') {
            at_ += 5;
            return static_cast<unsigned char>(text_[at_ - 3]);
        }
        if (at_ >= text_.size()) {
            fail("unmatched [");
            return 0;
        }
        return static_cast<unsigned char>(text_[at_++]);
    }

    void add_class(ByteSet &members) {
        const std::size_t end = text_.find(":]", at_);
        const std::string_view name =
            std::string_view(text_).substr(at_ + 2, end == std::string::npos ? 0 : end - at_ - 2);
        for (const CharacterClass &one : kClasses)
            if (one.name == name) {
                for (int byte = 0; byte < 128; byte++)
                    if (one.member(byte))
                        members.set(static_cast<std::size_t>(byte));
                at_ = end + 2;
                return;
            }
        fail("no such class");
    }

    std::string text_;
    PosixFlags flags_;
    std::size_t at_ = 0;
    unsigned depth_ = 0;
    unsigned groups_ = 0;
    std::string error_;
};

} // namespace

Result<std::string> translate_posix(std::string_view expression, PosixFlags flags) {
    return PosixTranslator(without_hex(expression), flags).run();
}

} // namespace l7
