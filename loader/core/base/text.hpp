// SPDX-License-Identifier: GPL-2.0-or-later
// What protocols in text have in common: lines, words, numbers.
#pragma once

#include "core/base/bytes.hpp"

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace l7 {

/// A letter's small form; locales do not count.
constexpr char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

constexpr bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

std::string ascii_lowered(std::string_view text);

/// Whether they are the same but for case; the second is in lower case.
bool same_word(std::string_view text, std::string_view lower);

/// The same for how a text begins.
bool begins_with(std::string_view text, std::string_view lower);

/// Without blanks and tabs around it.
std::string_view trimmed(std::string_view text);

/// Takes what is before the first `mark` off the front, and the mark; all of it if there is none.
std::string_view cut(std::string_view &text, char mark);

/// Takes a word and the blanks around it off the front.
std::string_view cut_word(std::string_view &text);

/// Takes a line and its end off the front; the last needs none.
std::string_view cut_line(std::string_view &text);

/// All of the text as a decimal number without sign that fits.
template <class Number>
std::optional<Number> number_of(std::string_view text) {
    Number out{};
    const char *end = text.data() + text.size();
    if (text.empty() || text.front() < '0' || text.front() > '9')
        return {};
    const auto [at, error] = std::from_chars(text.data(), end, out);
    return error == std::errc() && at == end ? std::optional(out) : std::nullopt;
}

/// Cuts a stream into lines, in whatever pieces it comes. No more than a bound of it is kept.
class LineReader {
  public:
    struct Line {
        std::string_view text; ///< without its end; valid until the next call
        bool whole;            ///< false: longer than the bound, and its text is not shown
    };

    explicit LineReader(std::size_t most) : most_(most) {}

    /// The next line that ends within the data, which is taken off its front; none: all was taken.
    std::optional<Line> next(Bytes &data);

    /// Bytes are missing: the line that is being read, and what comes of it, are not shown.
    void skip() {
        held_.clear();
        given_ = false;
        long_ = true;
    }

    /// Whether some of a line was taken, and its end not yet.
    bool within_line() const { return long_ || (!given_ && !held_.empty()); }

  private:
    std::size_t most_;
    std::string held_;
    bool given_ = false; ///< what is held was the last line
    bool long_ = false;  ///< the line so far is beyond the bound
};

} // namespace l7
