// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/capture_file.hpp"

#include <l7ctl/packet.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <pcap/pcap.h>

// libpcap names these two in its table of devices to capture from. With definitions here the linker
// leaves out its own, which need D-Bus, systemd and six more libraries; only files are read.
extern "C" {
int dbus_findalldevs(void *, char *) {
    return 0;
}
void *dbus_create(const char *, char *, int *is_ours) {
    *is_ours = 0;
    return nullptr;
}
}

namespace l7 {

namespace {

constexpr std::uint64_t kNanosecond = 1'000'000'000;
constexpr std::size_t kBuffer = 1 << 15;

/// How many bytes stand before the IP header, for link types other than Ethernet; nothing where the
/// packet is no IP.
std::optional<std::size_t> link_header(int link, Bytes data) {
    const auto ip_type = [&](std::size_t at) {
        if (data.size() < at + 2)
            return false;
        const std::uint16_t type = l7_load_be16(&data[at]);
        return type == L7_ETH_IPV4 || type == L7_ETH_IPV6;
    };
    const auto after = [&](bool is_ip, std::size_t size) {
        return is_ip ? std::optional(size) : std::nullopt;
    };
    switch (link) {
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
        return 0;
    case DLT_NULL: // the address family, in the capturing machine's byte order
    case DLT_LOOP:
        return after(data.size() >= 4, 4);
    case DLT_LINUX_SLL:
        return after(ip_type(14), 16);
    case DLT_LINUX_SLL2:
        return after(ip_type(0), 20);
    case DLT_C_HDLC:
        return after(ip_type(2), 4);
    case DLT_PPP:
    case DLT_PPP_SERIAL:
    case DLT_PPP_WITH_DIR: {
        // RFC 1661 and 1662: address and control may be compressed away, and the protocol's first
        // byte too.
        std::size_t at = link == DLT_PPP_WITH_DIR ? 1 : 0;
        // Cisco's HDLC: unicast or broadcast, and a zero, where RFC 1662 has all stations.
        if (data.size() >= at + 4 && (data[at] == 0x0f || data[at] == 0x8f) && data[at + 1] == 0)
            return after(ip_type(at + 2), at + 4);
        if (data.size() >= at + 2 && data[at] == 0xff && data[at + 1] == 0x03)
            at += 2;
        if (data.size() >= at + 1 && (data[at] & 1))
            return after(data[at] == L7_PPP_IPV4 || data[at] == L7_PPP_IPV6, at + 1);
        if (data.size() < at + 2)
            return std::nullopt;
        const std::uint16_t protocol = l7_load_be16(&data[at]);
        return after(protocol == L7_PPP_IPV4 || protocol == L7_PPP_IPV6, at + 2);
    }
    default:
        return std::nullopt;
    }
}

bool is_known(int link) {
    switch (link) {
    case DLT_EN10MB:
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
    case DLT_NULL:
    case DLT_LOOP:
    case DLT_LINUX_SLL:
    case DLT_LINUX_SLL2:
    case DLT_C_HDLC:
    case DLT_PPP:
    case DLT_PPP_SERIAL:
    case DLT_PPP_WITH_DIR:
        return true;
    default:
        return false;
    }
}

} // namespace

void CaptureFile::Close::operator()(pcap *handle) const {
    pcap_close(handle);
}

Result<CaptureFile> CaptureFile::open(const std::string &path) {
    char failure[PCAP_ERRBUF_SIZE] = {};
    std::FILE *const stream = path == "-" ? stdin : std::fopen(path.c_str(), "rb");

    if (!stream)
        return Error{"reading " + path + ": " + std::strerror(errno)};
    // libpcap reads a few bytes at a time, and glibc takes no other size for a buffer of its own.
    auto buffer = std::make_unique<char[]>(kBuffer);
    std::setvbuf(stream, buffer.get(), _IOFBF, kBuffer);
    std::unique_ptr<pcap, Close> handle(pcap_fopen_offline_with_tstamp_precision(
        stream, PCAP_TSTAMP_PRECISION_NANO, failure)); // closes the stream in its turn
    if (!handle) {
        if (stream != stdin)
            std::fclose(stream);
        return Error{"reading " + path + ": " + failure};
    }
    const int link = pcap_datalink(handle.get());
    if (!is_known(link)) {
        const char *name = pcap_datalink_val_to_name(link);
        return Error{"reading " + path + ": packets of link type " +
                     (name ? std::string(name) : std::to_string(link)) + " cannot be parsed"};
    }
    return CaptureFile(std::move(buffer), std::move(handle), path, link);
}

Result<bool> CaptureFile::next(CapturedPacket &packet) {
    pcap_pkthdr *header = nullptr;
    const u_char *bytes = nullptr;

    const int got = pcap_next_ex(handle_.get(), &header, &bytes);
    if (got == PCAP_ERROR_BREAK)
        return false;
    if (got != 1)
        return Error{"reading " + path_ + ": " + pcap_geterr(handle_.get())};
    packet.data = Bytes(bytes, header->caplen);
    packet.wire_size = std::max(header->len, header->caplen);
    packet.time_ns = static_cast<std::uint64_t>(header->ts.tv_sec) * kNanosecond +
                     static_cast<std::uint64_t>(header->ts.tv_usec);
    packet.l3 = link_ != DLT_EN10MB;
    if (packet.l3) {
        const auto skip = link_header(link_, packet.data);
        packet.data = skip && *skip <= packet.data.size() ? packet.data.subspan(*skip) : Bytes{};
        packet.wire_size -= static_cast<std::uint32_t>(skip.value_or(0));
    }
    return true;
}

} // namespace l7
