// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/bpffs.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace fs = std::filesystem;

namespace l7 {

namespace {

constexpr const char *kMountPoint = "/sys/fs/bpf";

bool is_bpffs(const char *path) {
    struct statfs info;
    return statfs(path, &info) == 0 && static_cast<unsigned long>(info.f_type) == BPF_FS_MAGIC;
}

} // namespace

Result<void> make_pin_directory(const std::string &directory) {
    if (!is_bpffs(kMountPoint) &&
        mount("bpf", kMountPoint, "bpf", MS_NOSUID | MS_NOEXEC, "mode=0700"))
        return Error{std::string("mounting bpffs at ") + kMountPoint + ": " + std::strerror(errno),
                     "l7ctl keeps its maps there; run as root", Blame::Environment};
    std::error_code failure;
    fs::create_directories(fs::path(directory) / "links", failure);
    if (failure)
        return Error{"making " + directory + ": " + failure.message(), "run as root",
                     Blame::Environment};
    if (!is_bpffs(directory.c_str()))
        return Error{directory + " is not on a bpffs", "choose a directory below /sys/fs/bpf",
                     Blame::Environment};
    chmod(directory.c_str(), 0700);
    return {};
}

Result<void> remove_pins(const std::string &directory) {
    std::error_code failure;
    fs::remove_all(directory, failure);
    if (failure)
        return Error{"removing " + directory + ": " + failure.message()};
    return {};
}

} // namespace l7
