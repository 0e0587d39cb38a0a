// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/ring.hpp"

#include <cerrno>
#include <cstring>
#include <linux/bpf.h>

namespace l7 {

namespace {

constexpr std::uint32_t kHeader = BPF_RINGBUF_HDR_SZ;

std::size_t page_size() {
    return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t load_position(const std::byte *at) {
    return __atomic_load_n(reinterpret_cast<const unsigned long *>(at), __ATOMIC_ACQUIRE);
}

} // namespace

Ring::Ring(Fd fd, Mapping consumer, Mapping producer, std::uint32_t bytes)
    : fd_(std::move(fd)), consumer_(std::move(consumer)), producer_(std::move(producer)),
      mask_(bytes - 1), at_(load_position(consumer_.data())) {}

Result<Ring> Ring::open(Fd fd, std::uint32_t bytes) {
    const std::size_t page = page_size();
    void *consumer = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (consumer == MAP_FAILED)
        return Error{std::string("mapping a ring buffer: ") + std::strerror(errno)};
    Mapping consumer_map(consumer, page);
    const std::size_t size = page + 2ULL * bytes;
    void *producer = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), static_cast<off_t>(page));
    if (producer == MAP_FAILED)
        return Error{std::string("mapping a ring buffer's data: ") + std::strerror(errno)};
    return Ring(std::move(fd), std::move(consumer_map), Mapping(producer, size), bytes);
}

Bytes Ring::next() {
    const std::uint64_t end = load_position(producer_.data());
    const std::byte *data = producer_.data() + page_size();

    while (at_ < end) {
        const std::byte *record = data + (at_ & mask_);
        const std::uint32_t length =
            __atomic_load_n(reinterpret_cast<const std::uint32_t *>(record), __ATOMIC_ACQUIRE);
        if (length & BPF_RINGBUF_BUSY_BIT)
            return {};
        const std::uint32_t size = length & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
        at_ += (size + kHeader + 7U) & ~7U;
        if (!(length & BPF_RINGBUF_DISCARD_BIT))
            return {reinterpret_cast<const std::uint8_t *>(record + kHeader), size};
    }
    return {};
}

void Ring::commit() {
    __atomic_store_n(reinterpret_cast<unsigned long *>(consumer_.data()), at_, __ATOMIC_RELEASE);
}

std::uint64_t Ring::waiting() const {
    return load_position(producer_.data()) - at_;
}

} // namespace l7
