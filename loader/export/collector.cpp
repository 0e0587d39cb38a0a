// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/collector.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace l7 {

namespace {

constexpr std::uint16_t kDatagram = 1400; // fits an Ethernet frame in a tunnel (RFC 7011, 10.3.3)
constexpr std::uint16_t kSegment = 16384;
constexpr std::size_t kOutboxBytes = 4 << 20;
constexpr std::uint64_t kRetryMs = 1000;
constexpr std::uint64_t kStalledMs = 30'000; // a connection that takes nothing for so long is dead
// Over UDP a collector that is not there says so now and then: Linux sends an address one ICMP
// error a second at most (icmp_ratelimit), firewalls fewer. Templates are repeated until it has
// said nothing for so long.
constexpr std::uint64_t kDoubtMs = 10'000;

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

Address socket_address(const CollectorAddress &from) {
    Address out;
    auto *v4 = reinterpret_cast<sockaddr_in *>(&out.storage);
    auto *v6 = reinterpret_cast<sockaddr_in6 *>(&out.storage);
    if (inet_pton(AF_INET, from.host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(from.port);
        out.size = sizeof(*v4);
    } else if (inet_pton(AF_INET6, from.host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(from.port);
        out.size = sizeof(*v6);
    }
    return out;
}

} // namespace

void Collector::fail(const std::string &why) {
    counters_.errors++;
    last_error_ = "collector " + address_.host + ": " + why;
}

void Collector::close(std::uint64_t now_ms, const std::string &why) {
    fail(why);
    for (const IpfixMessage &message : outbox_)
        counters_.lost += message.records;
    counters_.lost += std::exchange(encoding_, 0);
    outbox_.clear();
    outbox_bytes_ = 0;
    sent_of_front_ = 0;
    encoder_.reset();
    socket_.reset();
    state_ = State::Closed;
    counters_.connected = false;
    retry_at_ms_ = now_ms + kRetryMs;
}

void Collector::connect(std::uint64_t now_ms) {
    const Address to = socket_address(address_);
    const int kind = address_.tcp ? SOCK_STREAM : SOCK_DGRAM;
    socket_ = Fd(socket(to.storage.ss_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_)
        return close(now_ms, std::string("making a socket: ") + std::strerror(errno));
    progress_ms_ = now_ms;
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr *>(&to.storage), to.size) == 0)
        return begin_session(now_ms);
    if (errno != EINPROGRESS)
        return close(now_ms, std::string("connecting: ") + std::strerror(errno));
    state_ = State::Connecting;
}

void Collector::finish_connecting(std::uint64_t now_ms) {
    pollfd one{socket_.get(), POLLOUT, 0};
    if (poll(&one, 1, 0) == 0) {
        if (now_ms - progress_ms_ > kStalledMs)
            close(now_ms, "connecting: no answer");
        return;
    }
    int failure = 0;
    socklen_t size = sizeof(failure);
    getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
    if (failure)
        return close(now_ms, std::string("connecting: ") + std::strerror(failure));
    begin_session(now_ms);
}

void Collector::begin_session(std::uint64_t now_ms) {
    auto encoder = IpfixEncoder::make(domain_, address_.tcp ? kSegment : kDatagram);
    if (!encoder)
        return close(now_ms, encoder.error().message);
    encoder_ = std::move(*encoder);
    state_ = State::Open;
    counters_.connected = true;
    counters_.connects++;
    templates_at_ms_ = now_ms + templates_ms_;
}

void Collector::add(const FlowRecord &record) {
    if (state_ != State::Open || outbox_bytes_ > kOutboxBytes) {
        counters_.lost++;
        return;
    }
    if (auto added = encoder_->add(record); !added) {
        counters_.lost++;
        fail(added.error().message);
        return;
    }
    encoding_++;
}

/// Moves what is encoded to the outbox.
void Collector::collect() {
    auto messages = encoder_->take();
    if (!messages) {
        counters_.lost += std::exchange(encoding_, 0);
        return fail(messages.error().message);
    }
    encoding_ = 0;
    for (IpfixMessage &message : *messages) {
        outbox_bytes_ += message.bytes.size();
        outbox_.push_back(std::move(message));
    }
}

void Collector::pump(std::uint64_t now_ms) {
    if (state_ == State::Closed && now_ms >= retry_at_ms_)
        connect(now_ms);
    if (state_ == State::Connecting)
        finish_connecting(now_ms);
    if (state_ != State::Open)
        return;
    if (address_.tcp) {
        // A collector that ends the connection says so here long before a send fails.
        char nothing[256];
        const ssize_t got = recv(socket_.get(), nothing, sizeof(nothing), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return close(now_ms, got == 0 ? "it closed the connection" : std::strerror(errno));
    } else if (now_ms >= templates_at_ms_) {
        if (auto told = encoder_->repeat_templates(); !told)
            fail(told.error().message);
        templates_at_ms_ = now_ms + (now_ms < doubt_until_ms_ ? kRetryMs : templates_ms_);
    }
    collect();
    while (!outbox_.empty())
        if (!send_front(now_ms))
            return;
    progress_ms_ = now_ms;
}

/// False where the next message has to wait.
bool Collector::send_front(std::uint64_t now_ms) {
    const IpfixMessage &message = outbox_.front();
    const ssize_t put = send(socket_.get(), message.bytes.data() + sent_of_front_,
                             message.bytes.size() - sent_of_front_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
        if (now_ms - progress_ms_ > kStalledMs)
            close(now_ms, "it takes nothing any more");
        return false;
    }
    if (put < 0 && errno == EINTR)
        return true;
    if (put < 0 && address_.tcp) {
        close(now_ms, std::strerror(errno));
        return false;
    }
    progress_ms_ = now_ms;
    if (put < 0) {
        // UDP: an ICMP error for an earlier datagram, or no route. Who comes back knows nothing.
        fail(std::strerror(errno));
        counters_.lost += message.records;
        if (now_ms >= doubt_until_ms_)
            templates_at_ms_ = now_ms;
        doubt_until_ms_ = now_ms + kDoubtMs;
    } else if (sent_of_front_ += static_cast<std::size_t>(put);
               sent_of_front_ < message.bytes.size()) {
        return true;
    } else {
        counters_.records += message.records;
        counters_.messages++;
    }
    outbox_bytes_ -= message.bytes.size();
    sent_of_front_ = 0;
    outbox_.pop_front();
    return true;
}

} // namespace l7
