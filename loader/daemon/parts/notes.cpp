// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/parts/notes.hpp"

#include <cstdio>
#include <ctime>

namespace l7 {

namespace {

constexpr std::size_t kLines = 20;

void log(const std::string &line) {
    char when[32];
    timespec now{};
    tm local{};
    clock_gettime(CLOCK_REALTIME, &now);
    std::strftime(when, sizeof(when), "%F %T", localtime_r(&now.tv_sec, &local));
    std::printf("[%s.%03ld] [info] %s\n", when, now.tv_nsec / 1'000'000, line.c_str());
    std::fflush(stdout);
}

} // namespace

void Notes::add(std::string line) {
    log(line);
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    if (lines_.size() > kLines)
        lines_.erase(lines_.begin());
}

std::vector<std::string> Notes::list() const {
    const std::lock_guard lock(mutex_);
    return lines_;
}

} // namespace l7
