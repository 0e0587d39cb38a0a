// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/netns.hpp"

#include "core/base/fd.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sched.h>

namespace l7 {

Result<void> enter_netns(const std::string &name) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
        return Error{"'" + name + "' is no name of a network namespace", {}, Blame::Usage};
    const std::string path = "/run/netns/" + name;
    const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        return Error{"opening " + path + ": " + std::strerror(errno), "`ip netns` lists the names"};
    if (setns(fd.get(), CLONE_NEWNET) != 0)
        return Error{"entering network namespace " + name + ": " + std::strerror(errno),
                     "run as root", Blame::Environment};
    return {};
}

} // namespace l7
