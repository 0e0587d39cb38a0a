// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/pat_file.hpp"

#include <l7ctl/abi.h>

namespace l7 {

namespace {

/// Words of a header comment such as `# Pattern attributes: good fast superset`.
std::string_view after(std::string_view line, std::string_view label) {
    const std::size_t at = line.find(label);
    return at == std::string_view::npos ? std::string_view{} : line.substr(at + label.size());
}

template <class Each>
void words(std::string_view text, Each each) {
    while (!text.empty()) {
        const std::size_t start = text.find_first_not_of(" \t\r");
        if (start == std::string_view::npos)
            return;
        text.remove_prefix(start);
        const std::size_t end = std::min(text.find_first_of(" \t\r"), text.size());
        each(text.substr(0, end));
        text.remove_prefix(end);
    }
}

void read_comment(std::string_view line, Pattern &out) {
    if (const auto attributes = after(line, "Pattern attributes:"); !attributes.empty()) {
        words(attributes, [&](std::string_view word) {
            if (const auto quality = quality_from(word))
                out.quality = *quality;
        });
    }
    if (const auto groups = after(line, "Protocol groups:"); !groups.empty())
        words(groups, [&](std::string_view word) { out.groups.emplace_back(word); });
}

} // namespace

Result<Pattern> parse_l7filter_pattern(std::string_view text, const std::string &file,
                                       std::string_view stem, std::string_view group) {
    Pattern out;
    unsigned line_number = 0, expression_line = 0;

    out.file = file;
    out.form = Pattern::Form::L7Filter;
    if (!group.empty())
        out.groups.emplace_back(group);
    while (!text.empty() && expression_line == 0) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        line_number++;
        if (line.empty())
            continue;
        if (line[0] == '#') {
            read_comment(line, out);
        } else if (out.name.empty()) {
            out.name = line.substr(0, line.find_first_of(" \t\r"));
            if (out.name != stem)
                return Error{file + ":" + std::to_string(line_number) + ": name is '" + out.name +
                             "', the file says '" + std::string(stem) + "'"};
            if (out.name.size() >= L7_NAME_MAX)
                return Error{file + ":" + std::to_string(line_number) +
                             ": a name has at most 31 bytes"};
        } else {
            auto expression = translate_v8(line);
            expression_line = line_number;
            if (!expression)
                return Error{file + ":" + std::to_string(line_number) + ": " +
                             expression.error().message};
            out.expression = std::move(*expression);
        }
    }
    if (out.name.empty())
        return Error{file + ":" + std::to_string(line_number) + ": no protocol name"};
    if (expression_line == 0)
        return Error{file + ":" + std::to_string(line_number) + ": no expression"};
    return out;
}

} // namespace l7
