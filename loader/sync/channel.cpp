// SPDX-License-Identifier: GPL-2.0-or-later
#include "sync/channel.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace l7 {

namespace {

int left_ms(Deadline until) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

Error failed(const char *what) {
    return Error{std::string(what) + ": " + std::strerror(errno)};
}

Error tls_failed(const char *what) {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char *reason = code ? ERR_reason_error_string(code) : nullptr;
    return Error{std::string(what) + ": " + (reason ? reason : "the connection ended")};
}

union AnyAddress {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un path;
};

socklen_t fill(const RedisAddress &from, AnyAddress &out) {
    std::memset(&out, 0, sizeof(out));
    if (!from.path.empty()) {
        out.path.sun_family = AF_UNIX;
        from.path.copy(out.path.sun_path, sizeof(out.path.sun_path) - 1);
        return sizeof(out.path);
    }
    if (inet_pton(AF_INET, from.host.c_str(), &out.v4.sin_addr) == 1) {
        out.v4.sin_family = AF_INET;
        out.v4.sin_port = htons(from.port);
        return sizeof(out.v4);
    }
    inet_pton(AF_INET6, from.host.c_str(), &out.v6.sin6_addr);
    out.v6.sin6_family = AF_INET6;
    out.v6.sin6_port = htons(from.port);
    return sizeof(out.v6);
}

} // namespace

Stop::Stop() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Stop::now() {
    eventfd_write(event_.get(), 1);
}

bool Stop::stopped() const {
    return !sleep(std::chrono::milliseconds(0));
}

bool Stop::sleep(std::chrono::milliseconds time) const {
    const Deadline until = std::chrono::steady_clock::now() + time;
    pollfd event{event_.get(), POLLIN, 0};
    for (;;) {
        const int left = left_ms(until);
        const int ready = poll(&event, 1, left);
        if (ready > 0)
            return false;
        if (ready == 0 && left_ms(until) == 0)
            return true;
    }
}

void Channel::TlsFree::operator()(ssl_st *tls) const {
    SSL_free(tls);
}

void Channel::TlsFree::operator()(ssl_ctx_st *context) const {
    SSL_CTX_free(context);
}

Result<Channel> Channel::connect(const RedisAddress &address, const TlsFiles &tls, const Stop &stop,
                                 Deadline until) {
    AnyAddress to{};
    const socklen_t size = fill(address, to);
    Channel out(Fd(socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), stop);
    if (!out.socket_)
        return failed("a socket");
    if (address.path.empty()) {
        const int on = 1;
        // What was not sent when we give up must not arrive after what a later connection says.
        const linger at_once{1, 0};
        setsockopt(out.socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(out.socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
    if (::connect(out.socket_.get(), &to.any, size) != 0) {
        if (errno != EINPROGRESS)
            return failed("connecting");
        if (auto finished = out.finish_connecting(until); !finished)
            return finished.error();
    }
    if (tls.wanted && address.path.empty())
        if (auto started = out.start_tls(address.host, tls, until); !started)
            return started.error();
    return out;
}

Result<void> Channel::finish_connecting(Deadline until) const {
    if (auto ready = wait(POLLOUT, until); !ready)
        return std::move(ready.error()).within("connecting");
    int outcome = 0;
    socklen_t size = sizeof(outcome);
    getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &outcome, &size);
    if (outcome == 0)
        return {};
    errno = outcome;
    return failed("connecting");
}

Result<void> Channel::wait(short events, Deadline until) const {
    for (;;) {
        pollfd both[] = {{socket_.get(), events, 0}, {stop_->fd(), POLLIN, 0}};
        const int left = left_ms(until);
        const int ready = poll(both, 2, left);
        if (ready < 0 && errno != EINTR)
            return failed("waiting");
        if (ready > 0 && both[1].revents)
            return Error{"stopped"};
        if (ready > 0)
            return {};
        if (ready == 0 && left_ms(until) == 0)
            return Error{"no answer in time"};
    }
}

Result<void> Channel::start_tls(const std::string &host, const TlsFiles &files, Deadline until) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (!context_ || SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION) != 1)
        return tls_failed("TLS");
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    if (SSL_CTX_load_verify_locations(context_.get(), files.ca.c_str(), nullptr) != 1)
        return tls_failed(("reading " + files.ca).c_str());
    if (!files.cert.empty() &&
        SSL_CTX_use_certificate_chain_file(context_.get(), files.cert.c_str()) != 1)
        return tls_failed(("reading " + files.cert).c_str());
    if (!files.key.empty() &&
        SSL_CTX_use_PrivateKey_file(context_.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1)
        return tls_failed(("reading " + files.key).c_str());
    tls_.reset(SSL_new(context_.get()));
    // The certificate must name the address that was dialled.
    if (!tls_ || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_.get()), host.c_str()) != 1 ||
        SSL_set_fd(tls_.get(), socket_.get()) != 1)
        return tls_failed("TLS");
    SSL_set_mode(tls_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    for (;;) {
        const int outcome = SSL_connect(tls_.get());
        if (outcome == 1)
            return {};
        if (const long verdict = SSL_get_verify_result(tls_.get()); verdict != X509_V_OK) {
            ERR_clear_error();
            return Error{std::string("TLS: the certificate of ") + host + ": " +
                         X509_verify_cert_error_string(verdict)};
        }
        if (auto ready = after_tls(outcome, "TLS", until); !ready)
            return ready;
    }
}

Result<void> Channel::after_tls(int outcome, const char *what, Deadline until) {
    switch (SSL_get_error(tls_.get(), outcome)) {
    case SSL_ERROR_WANT_READ:
        return wait(POLLIN, until);
    case SSL_ERROR_WANT_WRITE:
        return wait(POLLOUT, until);
    default:
        return tls_failed(what);
    }
}

Result<void> Channel::write(std::string_view data, Deadline until) {
    while (!data.empty()) {
        if (tls_) {
            const int size = static_cast<int>(std::min<std::size_t>(data.size(), 1 << 20));
            const int done = SSL_write(tls_.get(), data.data(), size);
            if (done > 0)
                data.remove_prefix(static_cast<std::size_t>(done));
            else if (auto ready = after_tls(done, "writing", until); !ready)
                return ready;
            continue;
        }
        const ssize_t done = send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL);
        if (done > 0)
            data.remove_prefix(static_cast<std::size_t>(done));
        else if (errno != EAGAIN && errno != EINTR)
            return failed("writing");
        else if (auto ready = wait(POLLOUT, until); !ready)
            return std::move(ready.error()).within("writing");
    }
    return {};
}

Result<std::size_t> Channel::read(char *into, std::size_t room, Deadline until) {
    for (;;) {
        if (tls_) {
            const int got =
                SSL_read(tls_.get(), into, static_cast<int>(std::min<std::size_t>(room, 1 << 20)));
            if (got > 0)
                return static_cast<std::size_t>(got);
            if (auto ready = after_tls(got, "reading", until); !ready)
                return ready.error();
            continue;
        }
        const ssize_t got = recv(socket_.get(), into, room, 0);
        if (got > 0)
            return static_cast<std::size_t>(got);
        if (got == 0)
            return Error{"reading: the connection was closed"};
        if (errno != EAGAIN && errno != EINTR)
            return failed("reading");
        if (auto ready = wait(POLLIN, until); !ready)
            return std::move(ready.error()).within("reading");
    }
}

} // namespace l7
