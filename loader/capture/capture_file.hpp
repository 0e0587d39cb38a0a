// SPDX-License-Identifier: GPL-2.0-or-later
// Packets of a pcap or pcapng file.
#pragma once

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

#include <cstdint>
#include <memory>
#include <string>

struct pcap;

namespace l7 {

struct CapturedPacket {
    Bytes data;              ///< from the link header, or from the IP header where l3 is set
    std::uint32_t wire_size; ///< of the packet when it was captured; data may be less
    std::uint64_t time_ns;   ///< since the epoch
    bool l3;                 ///< data starts with the IP header
};

class CaptureFile {
  public:
    /// Opens a capture ("-": standard input). Errors: not readable, not a capture, a link type that
    /// carries no IP.
    static Result<CaptureFile> open(const std::string &path);

    /// The next packet; false at the end, an error where the file is damaged. The data is valid
    /// until the next call. What is no IP on this link type comes with empty data.
    Result<bool> next(CapturedPacket &packet);

  private:
    struct Close {
        void operator()(pcap *handle) const;
    };
    CaptureFile(std::unique_ptr<char[]> buffer, std::unique_ptr<pcap, Close> handle,
                std::string path, int link)
        : buffer_(std::move(buffer)), handle_(std::move(handle)), path_(std::move(path)),
          link_(link) {}

    std::unique_ptr<char[]> buffer_; ///< of the stream that handle_ closes
    std::unique_ptr<pcap, Close> handle_;
    std::string path_;
    int link_;
};

} // namespace l7
