// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/library.hpp"

#include "core/match/native_file.hpp"
#include "core/match/pat_file.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>

namespace fs = std::filesystem;

namespace l7 {

namespace {

constexpr std::uintmax_t kFileBytes = 1 << 20; // a pattern file is text of a few lines

Result<std::string> read_file(const fs::path &path) {
    std::error_code failure;
    const auto size = fs::file_size(path, failure);
    if (failure)
        return Error{path.string() + ":1: " + failure.message()};
    if (size > kFileBytes)
        return Error{path.string() + ":1: larger than 1 MiB"};
    std::ifstream in(path, std::ios::binary);
    if (!in)
        return Error{path.string() + ":1: cannot be opened"};
    return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<Pattern> load(const fs::path &path, const fs::path &root) {
    auto text = read_file(path);
    if (!text)
        return text.error();
    const std::string stem = path.stem().string();
    if (path.extension() == ".toml")
        return parse_native_pattern(*text, path.string(), stem);
    const fs::path group = fs::relative(path.parent_path(), root);
    return parse_l7filter_pattern(*text, path.string(), stem,
                                  group == "." ? std::string() : group.string());
}

} // namespace

fs::path own_pattern_directory() {
    std::error_code failure;
    const fs::path binary = fs::read_symlink("/proc/self/exe", failure);
    const fs::path source = binary.parent_path().parent_path().parent_path();
    if (!failure && fs::exists(source / "patterns" / "README.md", failure))
        return source / "patterns";
    return "/usr/share/l7ctl/patterns";
}

std::vector<fs::path> default_pattern_directories() {
    std::vector<fs::path> out;
    std::error_code failure;

    if (const char *named = std::getenv("L7CTL_PATTERNS")) {
        std::string_view rest = named;
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find(':'), rest.size());
            if (end > 0)
                out.emplace_back(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        return out;
    }
    out.push_back(own_pattern_directory());
    if (fs::is_directory("/etc/l7-protocols", failure))
        out.emplace_back("/etc/l7-protocols");
    return out;
}

Result<PatternLibrary> load_patterns(const std::vector<fs::path> &directories) {
    PatternLibrary out;
    std::set<std::string> names;

    for (const fs::path &directory : directories) {
        std::vector<fs::path> files;
        std::error_code failure;
        for (fs::recursive_directory_iterator at(directory, failure), end; !failure && at != end;
             at.increment(failure)) {
            if (at.depth() == 0 && at->path().filename() == "applications")
                at.disable_recursion_pending(); // lists of another kind
            const auto ending = at->path().extension();
            if (at->is_regular_file(failure) && (ending == ".toml" || ending == ".pat"))
                files.push_back(at->path());
        }
        if (failure)
            return Error{"reading patterns in " + directory.string() + ": " + failure.message(),
                         "name the directory with --patterns, or in the config as patterns.dirs"};
        std::ranges::sort(files);
        const bool own = fs::equivalent(directory, own_pattern_directory(), failure);
        for (const fs::path &file : files) {
            auto pattern = load(file, directory);
            if (pattern && own)
                pattern->order = PatternOrder::Ours;
            if (!pattern)
                out.rejected.push_back(pattern.error().message);
            else if (pattern->form == Pattern::Form::Native && pattern->matches.empty())
                continue; // it describes a protocol that is built in
            else if (names.insert(pattern->name).second)
                out.patterns.push_back(std::move(*pattern));
            else
                out.duplicates++;
        }
    }
    return out;
}

} // namespace l7
