// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/pat_file.hpp"

#include <l7ctl/abi.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

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

/// Groups may be written with commas or blanks, and attributes with any of l7-filter's words.
void read_comment(std::string_view line, Pattern &out) {
    words(after(line, "Pattern attributes:"), [&](std::string_view word) {
        out.attributes.emplace_back(word);
        if (const auto quality = quality_from(word))
            out.quality = *quality;
    });
    words(after(line, "Protocol groups:"),
          [&](std::string_view word) { out.groups.emplace_back(word); });
    words(after(line, "Supersedes:"),
          [&](std::string_view word) { out.supersedes.emplace_back(word); });
    words(after(line, "Order:"), [&](std::string_view word) {
        if (const auto order = order_from(word))
            out.order = *order;
    });
}

/// What the lines of one file say, before it is put together.
class PatReader {
  public:
    PatReader(const std::string &file, std::string_view stem) : file_(file), stem_(stem) {}

    Result<void> line(std::string_view text) {
        number_++;
        if (text.empty())
            return {};
        if (text[0] == '#')
            read_comment(text, out_);
        else if (out_.name.empty())
            return name(text);
        else if (out_.line == 0)
            expression(text);
        else if (text.starts_with(kPattern))
            userspace(text.substr(kPattern.size()));
        else if (text.starts_with(kFlags))
            return flags(text.substr(kFlags.size()));
        return {};
    }

    Result<Pattern> finish() {
        if (out_.name.empty())
            return wrong(number_, "no protocol name");
        if (out_.line == 0)
            return wrong(number_, "no expression");
        auto translated = posix_ ? translate_posix(text_, flags_) : translate_v8(text_);
        if (!translated)
            return wrong(out_.line, translated.error().message);
        out_.expression = std::move(*translated);
        // An expression that matches too much is known to.
        if (std::ranges::find(out_.attributes, "overmatch") != out_.attributes.end())
            out_.quality = std::max(out_.quality, Quality::Marginal);
        return std::move(out_);
    }

    Pattern &out() { return out_; }

  private:
    static constexpr std::string_view kPattern = "userspace pattern=";
    static constexpr std::string_view kFlags = "userspace flags=";

    Error wrong(unsigned line, const std::string &what) const {
        return Error{file_ + ":" + std::to_string(line) + ": " + what};
    }

    Result<void> name(std::string_view text) {
        out_.name = text.substr(0, text.find_first_of(" \t\r"));
        if (out_.name != stem_)
            return wrong(number_,
                         "name is '" + out_.name + "', the file says '" + std::string(stem_) + "'");
        if (out_.name.size() >= L7_NAME_MAX)
            return wrong(number_, "a name has at most 31 bytes");
        return {};
    }

    void expression(std::string_view text) {
        out_.line = number_;
        text_ = text;
    }

    void userspace(std::string_view text) {
        expression(text);
        posix_ = true;
    }

    Result<void> flags(std::string_view text) {
        Result<void> done = {};
        posix_ = true;
        flags_ = {false, false, false};
        words(text, [&](std::string_view word) {
            if (word == "REG_EXTENDED")
                flags_.extended = true;
            else if (word == "REG_ICASE")
                flags_.icase = true;
            else if (word == "REG_NEWLINE")
                flags_.newline = true;
            else if (word == "REG_NOTBOL")
                flags_.notbol = true;
            else if (word == "REG_NOTEOL")
                flags_.noteol = true;
            else if (word != "REG_NOSUB")
                done = wrong(number_, "'" + std::string(word) + "' is no flag of regcomp");
        });
        return done;
    }

    const std::string &file_;
    std::string_view stem_;
    Pattern out_;
    std::string_view text_;
    bool posix_ = false;
    PosixFlags flags_;
    unsigned number_ = 0;
};

} // namespace

std::string without_hex(std::string_view text) {
    const auto digit = [text](std::size_t i) {
        return std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); i++) {
        if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] == 'x' && digit(i + 2) &&
            digit(i + 3)) {
            const std::string hex(text.substr(i + 2, 2));
            out += static_cast<char>(std::strtol(hex.c_str(), nullptr, 16));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out.substr(0, out.find('\0'));
}

Result<Pattern> parse_l7filter_pattern(std::string_view text, const std::string &file,
                                       std::string_view stem, std::string_view group) {
    PatReader reader(file, stem);

    reader.out().file = file;
    reader.out().form = Pattern::Form::L7Filter;
    reader.out().order = PatternOrder::After;
    if (!group.empty())
        reader.out().groups.emplace_back(group);
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        if (const auto done = reader.line(text.substr(0, end)); !done)
            return done.error();
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return reader.finish();
}

} // namespace l7
