// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/json_lines.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <string_view>
#include <sys/stat.h>

namespace l7 {

namespace {
constexpr mode_t kMode = 0640; // who talked to whom is nobody else's business
}

void JsonLines::add(const std::string &line) {
    text_ += line;
    text_ += '\n';
    lines_++;
}

Result<void> JsonLines::open() {
    if (file_)
        return {};
    std::error_code ignored; // opening tells what is wrong
    std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
    // Non-blocking: a FIFO that nobody reads must not hold us.
    file_ =
        Fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, kMode));
    if (!file_)
        return Error{"opening " + path_ + ": " + std::strerror(errno)};
    return {};
}

Result<void> JsonLines::flush(std::uint64_t &written, std::uint64_t &lost) {
    if (lines_ == 0)
        return {};
    const std::string text = std::exchange(text_, {});
    const std::size_t lines = std::exchange(lines_, 0);
    if (auto opened = open(); !opened) {
        lost += lines;
        return opened;
    }
    std::size_t at = 0;
    int failure = 0;
    while (at < text.size() && !failure) {
        const ssize_t put = ::write(file_.get(), text.data() + at, text.size() - at);
        if (put > 0)
            at += static_cast<std::size_t>(put);
        else if (put == 0 || errno != EINTR)
            failure = put == 0 ? ENOSPC : errno;
    }
    const auto whole = static_cast<std::size_t>(
        std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
    written += whole;
    lost += lines - whole;
    if (!failure)
        return {};
    // A line that was cut goes again, so that the next one does not continue it.
    const std::size_t cut = at - (at ? text.rfind('\n', at - 1) + 1 : 0);
    struct stat now {};
    if (cut && fstat(file_.get(), &now) == 0 && S_ISREG(now.st_mode) &&
        ftruncate(file_.get(), now.st_size - static_cast<off_t>(cut)) != 0)
        failure = errno;
    return Error{"writing " + path_ + ": " + std::strerror(failure)};
}

} // namespace l7
