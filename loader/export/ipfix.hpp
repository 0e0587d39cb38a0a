// SPDX-License-Identifier: GPL-2.0-or-later
// Flow records as IPFIX messages (RFC 7011), biflows (RFC 5103), application names (RFC 6759).
#pragma once

#include "core/base/result.hpp"
#include "core/report/flow_record.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace l7 {

struct IpfixMessage {
    std::vector<std::uint8_t> bytes;
    std::uint32_t records = 0; ///< of flows
};

/// One transport session's encoder. Belongs to one thread.
class IpfixEncoder {
  public:
    /// Messages are of at most `message_bytes`. The first carries the templates.
    static Result<std::unique_ptr<IpfixEncoder>> make(std::uint32_t domain,
                                                      std::uint16_t message_bytes);
    ~IpfixEncoder();

    Result<void> add(const FlowRecord &record);

    /// The templates and every name that was told, again: over UDP they may have been lost.
    Result<void> repeat_templates();

    /// The messages that are complete, and what was collected for another.
    Result<std::vector<IpfixMessage>> take();

    /// RFC 6759: engine 6 (user-defined), then the numbers of protocol and application.
    static std::uint32_t application_id(const FlowRecord &record);

  private:
    struct Fixbuf;

    IpfixEncoder();
    Result<void> tell_name(std::uint32_t id, const std::string &name);
    Result<void> append(std::uint16_t type, void *record, std::size_t size, bool flow);
    Result<void> emit();

    std::unique_ptr<Fixbuf> fixbuf_;
    std::map<std::uint32_t, std::string> told_; ///< bounded: pairs of numbers that are bounded
    std::vector<IpfixMessage> done_;
    std::uint32_t records_ = 0; ///< flows in the message being made
    bool begun_ = false;        ///< there is something in it
};

} // namespace l7
