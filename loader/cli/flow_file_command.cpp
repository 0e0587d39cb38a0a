// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.hpp"

#include "control/server.hpp"
#include "core/base/fd.hpp"
#include "core/sync/flow_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace l7 {

namespace {

Error file_error(const std::string &doing, const std::string &file) {
    return Error{doing + " " + file + ": " + std::strerror(errno)};
}

Result<std::string> read_all(int fd, const std::string &file) {
    std::string out;
    char chunk[65536];
    for (;;) {
        const ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_error("reading", file);
        if (got == 0)
            return out;
        out.append(chunk, static_cast<std::size_t>(got));
        if (out.size() > kFlowFileMax)
            return Error{"reading " + file + ": it is too large for a file of flows"};
    }
}

Result<void> write_all(int fd, std::string_view bytes, const std::string &file) {
    while (!bytes.empty()) {
        const ssize_t done = write(fd, bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return file_error("writing", file);
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return {};
}

Result<void> write_to(const std::string &file, std::string_view bytes) {
    const Fd fd(open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!fd)
        return file_error("opening", file);
    return write_all(fd.get(), bytes, file);
}

/// A file is there as a whole, or as it was before; what is no file (a pipe) is written to.
Result<void> store(const std::string &file, std::string_view bytes) {
    struct stat is {};
    if (file == "-")
        return write_all(STDOUT_FILENO, bytes, "standard output");
    if (stat(file.c_str(), &is) == 0 && !S_ISREG(is.st_mode))
        return write_to(file, bytes);
    const std::string part = file + ".part";
    if (auto written = write_to(part, bytes); !written) {
        unlink(part.c_str());
        return written;
    }
    if (rename(part.c_str(), file.c_str()) != 0)
        return file_error("renaming to", file);
    return {};
}

Result<std::string> load(const std::string &file) {
    if (file == "-")
        return read_all(STDIN_FILENO, "standard input");
    const Fd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        return file_error("opening", file);
    return read_all(fd.get(), file);
}

} // namespace

Result<void> export_command(const GlobalOptions &global, const std::string &file) {
    std::string bytes;
    if (auto done = ask(global, request::ExportFlows::kText, {}, {.received = &bytes}); !done)
        return done;
    return store(file, bytes);
}

Result<void> import_command(const GlobalOptions &global, const std::string &file) {
    const auto bytes = load(file);
    if (!bytes)
        return bytes.error();
    // Refused here, too: nobody need be asked about a file that is no good.
    if (auto good = parse_flow_file(*bytes); !good)
        return std::move(good.error()).within(file == "-" ? "standard input" : file);
    return ask(global, request::ImportFlows::kText, {}, {.body = *bytes});
}

} // namespace l7
