// SPDX-License-Identifier: GPL-2.0-or-later
// The beginning of a TLS stream in two segments: the verdict never turns, and the message found
// early is the one found late. And any bytes as the middle of a stream.
#include "core/dissect/tls_records.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size < 1)
        return 0;
    const l7::Bytes stream(data + 1, size - 1);
    l7::TlsStart early, late;
    const l7::Parse first = l7::read_tls_start(stream.first(stream.size() * data[0] / 256), early);
    const l7::Parse second = l7::read_tls_start(stream, late);
    if (first != l7::Parse::More && first != second)
        std::abort();
    if (first == l7::Parse::Done && (early.message != late.message || early.alert != late.alert))
        std::abort();
    if (second == l7::Parse::Done && late.message.empty() != late.alert.has_value())
        std::abort();
    if (second != l7::Parse::Wrong && late.message.size() > 2 * l7::kMaxHello)
        std::abort();
    (void)l7::looks_like_tls_record_stream(stream);
    return 0;
}
