// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/text.hpp"

#include <algorithm>

namespace l7 {

namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

} // namespace

std::string ascii_lowered(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), ascii_lower);
    return out;
}

bool same_word(std::string_view text, std::string_view lower) {
    return text.size() == lower.size() &&
           std::ranges::equal(text, lower, [](char x, char y) { return ascii_lower(x) == y; });
}

bool begins_with(std::string_view text, std::string_view lower) {
    return same_word(text.substr(0, lower.size()), lower);
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

std::string_view cut(std::string_view &text, char mark) {
    const std::size_t at = text.find(mark);
    const std::string_view out = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return out;
}

std::string_view cut_word(std::string_view &text) {
    text = trimmed(text);
    const std::size_t size =
        static_cast<std::size_t>(std::ranges::find_if(text, is_blank) - text.begin());
    const std::string_view out = text.substr(0, size);
    text.remove_prefix(size);
    text = trimmed(text);
    return out;
}

std::string_view cut_line(std::string_view &text) {
    std::string_view out = cut(text, '\n');
    if (out.ends_with('\r'))
        out.remove_suffix(1);
    return out;
}

std::optional<LineReader::Line> LineReader::next(Bytes &data) {
    if (given_)
        held_.clear();
    given_ = false;
    const std::string_view text = text_of(data);
    const std::size_t end = text.find('\n');
    std::string_view part = text.substr(0, end);

    data = data.subspan(end == std::string_view::npos ? data.size() : end + 1);
    long_ = long_ || part.size() > most_ - held_.size();
    if (long_)
        held_.clear();
    else if (end == std::string_view::npos || !held_.empty())
        held_ += part;
    if (end == std::string_view::npos)
        return {};
    if (long_) {
        long_ = false;
        return Line{{}, false};
    }
    given_ = true;
    part = held_.empty() ? part : std::string_view(held_);
    if (part.ends_with('\r'))
        part.remove_suffix(1);
    return Line{part, true};
}

} // namespace l7
