// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/spawn.hpp"

#include "core/base/fd.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace l7 {

namespace {

constexpr int kStartMs =
    60'000; // patterns compile and programs are verified, perhaps on a slow machine

/// The child: a session of its own, no terminal, output to the log; reports over `ready` through
/// --ready-fd.
[[noreturn]] void become_daemon(const Instance &instance, int ready) {
    setsid();
    const int null = open("/dev/null", O_RDWR);
    const int log = open(instance.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(null, 0);
    dup2(log >= 0 ? log : null, 1);
    dup2(log >= 0 ? log : null, 2);
    if (chdir("/") != 0)
        _exit(1);
    const std::string ready_text = std::to_string(ready);
    setenv("L7CTL_READY_FD", ready_text.c_str(), 1);
    std::vector<const char *> words{"l7ctl"};
    if (!instance.netns.empty()) {
        words.push_back("--netns");
        words.push_back(instance.netns.c_str());
    }
    if (instance.config_named) {
        words.push_back("--config");
        words.push_back(instance.config.c_str());
    }
    words.push_back("daemon");
    words.push_back(nullptr);
    execv("/proc/self/exe", const_cast<char *const *>(words.data()));
    _exit(127);
}

} // namespace

Result<void> spawn_daemon(const Instance &instance) {
    make_run_directories(instance);
    int pipe_fds[2];
    if (pipe(pipe_fds) != 0)
        return Error{std::string("starting the daemon: ") + std::strerror(errno)};
    Fd from(pipe_fds[0]), to(pipe_fds[1]);
    fcntl(from.get(), F_SETFD, FD_CLOEXEC);

    const pid_t child = fork();
    if (child < 0)
        return Error{std::string("starting the daemon: ") + std::strerror(errno)};
    if (child == 0) {
        // Twice, so that nobody has to wait for it.
        if (fork() == 0)
            become_daemon(instance, to.get());
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    to.reset();

    // It writes "ok" when it answers, or the exit code, the error and the hint a line each; its end
    // closes the pipe.
    std::string said;
    pollfd waiting{from.get(), POLLIN, 0};
    char chunk[512];
    while (poll(&waiting, 1, kStartMs) > 0) {
        const ssize_t got = read(from.get(), chunk, sizeof(chunk));
        if (got <= 0)
            break;
        said.append(chunk, static_cast<std::size_t>(got));
        if (said == "ok\n")
            return {};
    }
    if (said.empty())
        return Error{"the daemon did not start", "its log is " + instance.log};
    const int code = std::atoi(said.c_str());
    const std::size_t first = said.find('\n');
    const std::size_t second = said.find('\n', first + 1);
    if (first == std::string::npos || second == std::string::npos)
        return Error{"the daemon did not start", "its log is " + instance.log};
    std::string hint = said.substr(second + 1);
    if (!hint.empty() && hint.back() == '\n')
        hint.pop_back();
    return Error{said.substr(first + 1, second - first - 1), hint,
                 code == 3 ? Blame::Environment : Blame::Failed};
}

} // namespace l7
