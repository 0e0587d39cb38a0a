// SPDX-License-Identifier: GPL-2.0-or-later
// The way to an IPFIX collector. Nothing here waits: what the collector does not take stays in a
// bounded outbox, and what does not fit there is lost and counted.
#pragma once

#include "core/base/fd.hpp"
#include "core/policy/export_config.hpp"
#include "core/report/reports.hpp"
#include "export/ipfix.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

namespace l7 {

class Collector {
  public:
    Collector(CollectorAddress address, std::uint32_t domain, std::uint32_t templates_ms)
        : address_(std::move(address)), domain_(domain), templates_ms_(templates_ms) {}

    /// Encodes a record; it leaves with the next pump.
    void add(const FlowRecord &record);

    /// Sends what can be sent at `now_ms` (a monotonic clock), and connects where that is due.
    void pump(std::uint64_t now_ms);

    /// Whether a pump soon would help: messages wait, or a connection is being made.
    bool waiting() const { return !outbox_.empty() || state_ == State::Connecting; }

    const CollectorReport &counters() const { return counters_; }
    const std::string &last_error() const { return last_error_; }

  private:
    enum class State { Closed, Connecting, Open };

    void connect(std::uint64_t now_ms);
    void finish_connecting(std::uint64_t now_ms);
    void begin_session(std::uint64_t now_ms);
    void close(std::uint64_t now_ms, const std::string &why);
    void fail(const std::string &why);
    void collect();
    bool send_front(std::uint64_t now_ms);

    CollectorAddress address_;
    std::uint32_t domain_;
    std::uint64_t templates_ms_;
    State state_ = State::Closed;
    Fd socket_;
    std::unique_ptr<IpfixEncoder> encoder_; ///< one for each session
    std::uint32_t encoding_ = 0;            ///< records in it that were not taken out yet
    std::deque<IpfixMessage> outbox_;
    std::size_t outbox_bytes_ = 0;
    std::size_t sent_of_front_ = 0; ///< TCP may take part of a message
    std::uint64_t retry_at_ms_ = 0;
    std::uint64_t templates_at_ms_ = 0;
    std::uint64_t progress_ms_ = 0;    ///< when the socket last took anything
    std::uint64_t doubt_until_ms_ = 0; ///< until then the collector may know no template
    CollectorReport counters_;
    std::string last_error_;
};

} // namespace l7
