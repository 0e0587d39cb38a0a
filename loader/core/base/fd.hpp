// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace l7 {

/// A file descriptor that is closed with its owner.
class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd &operator=(Fd &&other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~Fd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }
    void reset() {
        if (fd_ >= 0)
            ::close(fd_);
        fd_ = -1;
    }

  private:
    int fd_ = -1;
};

/// Memory mapped with mmap.
class Mapping {
  public:
    Mapping() = default;
    Mapping(void *at, std::size_t size) : at_(at), size_(size) {}
    Mapping(Mapping &&other) noexcept
        : at_(std::exchange(other.at_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Mapping &operator=(Mapping &&other) noexcept {
        std::swap(at_, other.at_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Mapping() {
        if (at_)
            ::munmap(at_, size_);
    }

    std::byte *data() const { return static_cast<std::byte *>(at_); }
    std::size_t size() const { return size_; }

  private:
    void *at_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace l7
