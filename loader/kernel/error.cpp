// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/error.hpp"

#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace l7 {

Error kernel_error(const std::string &what, int negative_errno) {
    const int number = negative_errno < 0 ? -negative_errno : errno;
    Error error{what + ": " + std::strerror(number)};
    if (number == EPERM || (number == EACCES && geteuid() != 0)) {
        error.hint = "run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON";
        error.blame = Blame::Environment;
    } else if (number == EINVAL || number == ENOTSUP || number == ESRCH || number == EACCES ||
               number == E2BIG) {
        // The last two are the verifier's: an older kernel does not follow a program of ours.
        error.hint = "Linux 6.1 or newer with BTF (CONFIG_DEBUG_INFO_BTF) is needed";
        error.blame = Blame::Environment;
    }
    return error;
}

} // namespace l7
