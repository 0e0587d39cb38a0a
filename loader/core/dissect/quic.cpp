// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/tls.hpp"

#include "core/dissect/quic_initial.hpp"

#include <l7ctl/abi.h>

#include <fmt/format.h>

namespace l7 {

namespace {

class Quic final : public Dissector {
  public:
    Progress take(const View &view, Facts &facts) override {
        const Parse parsed = initial_.add(view.data, view.direction != 0);
        if (initial_.authenticated() || initial_.version_negotiation())
            facts.protocol = "quic";
        if (parsed == Parse::Done) {
            facts.protocol = "quic";
            note_hello(initial_.hello(), facts);
            if (protocol_within(initial_.hello()) == "dns") {
                facts.protocol = "dns";
                facts.attributes |= L7_A_TLS;
            }
            add_detail(facts, "quic-version", fmt::format("{:#010x}", initial_.version()));
            add_detail(facts, "user-agent", initial_.user_agent());
            return Progress::Done;
        }
        if (parsed == Parse::Wrong)
            return Progress::NotMine;
        facts.hostname = initial_.hello().server_name;
        return facts.protocol.empty() ? Progress::More : Progress::Known;
    }

  private:
    QuicInitial initial_;
};

} // namespace

bool quic_begins(const View &view) {
    const Bytes data = view.data;
    // Long header with a version (RFC 8999, 5.1), or Google's public header with one.
    return data.size() >= 20 && ((data[0] & 0x80) || ((data[0] & 0x09) == 0x09 && data[9] == 'Q') ||
                                 (data[0] & 0xb0) == 0);
}

std::unique_ptr<Dissector> make_quic() {
    return std::make_unique<Quic>();
}

} // namespace l7
