// SPDX-License-Identifier: GPL-2.0-or-later
// A connection to a Redis as bytes: TCP or a unix socket, within TLS where that is wanted. Nothing
// waits longer than it is told to, nor past a stop.
#pragma once

#include "core/base/fd.hpp"
#include "core/base/result.hpp"
#include "core/policy/sync_config.hpp"

#include <chrono>
#include <memory>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace l7 {

using Deadline = std::chrono::steady_clock::time_point;

/// Ends whatever waits, for good.
class Stop {
  public:
    Stop();
    void now();
    bool stopped() const;
    /// False where a stop came first.
    bool sleep(std::chrono::milliseconds time) const;
    int fd() const { return event_.get(); }

  private:
    Fd event_;
};

/// PEM files. TLS is for TCP only: a unix socket leaves no machine.
struct TlsFiles {
    bool wanted = false;
    std::string ca, cert, key;
};

class Channel {
  public:
    static Result<Channel> connect(const RedisAddress &address, const TlsFiles &tls,
                                   const Stop &stop, Deadline until);

    Result<void> write(std::string_view data, Deadline until);

    /// At least one byte.
    Result<std::size_t> read(char *into, std::size_t room, Deadline until);

  private:
    struct TlsFree {
        void operator()(ssl_st *tls) const;
        void operator()(ssl_ctx_st *context) const;
    };

    Channel(Fd socket, const Stop &stop) : socket_(std::move(socket)), stop_(&stop) {}
    Result<void> wait(short events, Deadline until) const;
    Result<void> finish_connecting(Deadline until) const;
    Result<void> start_tls(const std::string &host, const TlsFiles &files, Deadline until);
    /// What SSL_ functions that returned `outcome` wait for.
    Result<void> after_tls(int outcome, const char *what, Deadline until);

    Fd socket_;
    std::unique_ptr<ssl_ctx_st, TlsFree> context_;
    std::unique_ptr<ssl_st, TlsFree> tls_;
    const Stop *stop_;
};

} // namespace l7
