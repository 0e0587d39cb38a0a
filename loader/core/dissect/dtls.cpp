// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/tls.hpp"

#include "core/dissect/dtls_hello.hpp"

namespace l7 {

namespace {

class Dtls final : public Dissector {
  public:
    Progress take(const View &view, Facts &facts) override {
        if (hello_.add(view.data) == Parse::Wrong)
            return Progress::NotMine;
        const ClientHello *client = hello_.client();
        if (!client && !hello_.server()) {
            facts.hostname = hello_.partial_client().server_name;
            return Progress::More;
        }
        if (client)
            settle_hello(*client, "dtls", facts);
        facts.protocol = "dtls";
        return Progress::Done;
    }

  private:
    DtlsHello hello_;
};

} // namespace

bool dtls_begins(const View &view) {
    const Bytes data = view.data;
    return data.size() >= 13 && data[0] >= 20 && data[0] <= 26 && data[1] == 0xfe &&
           data[2] >= 0xfc;
}

std::unique_ptr<Dissector> make_dtls() {
    return std::make_unique<Dtls>();
}

} // namespace l7
