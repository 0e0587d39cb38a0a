// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/mapping.hpp"

#include "kernel/error.hpp"

#include <cerrno>
#include <sys/mman.h>
#include <unistd.h>

namespace l7 {

Result<Mapping> map_memory_of(int fd, std::size_t size) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    size = (size + page - 1) / page * page;
    void *at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return kernel_error("mapping a map's memory", -errno);
    return Mapping(at, size);
}

} // namespace l7
