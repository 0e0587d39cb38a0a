// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/hpack.hpp"

#include <limits>
#include <memory>
#include <new>
#include <nghttp2/nghttp2.h>

namespace l7 {

namespace {

struct Delete {
    void operator()(nghttp2_hd_inflater *inflater) const { nghttp2_hd_inflate_del(inflater); }
};
using Inflater = std::unique_ptr<nghttp2_hd_inflater, Delete>;

/// The server's SETTINGS are not known, so the client may choose any size of its table. That needs
/// no bound of its own, because only fields that were read enter the table.
Inflater make_inflater() {
    nghttp2_hd_inflater *made = nullptr;
    if (nghttp2_hd_inflate_new(&made) != 0)
        throw std::bad_alloc();
    Inflater out(made);
    nghttp2_hd_inflate_change_table_size(made, std::numeric_limits<std::uint32_t>::max());
    return out;
}

HeaderField field_of(const nghttp2_nv &from) {
    return {std::string(text_of(Bytes(from.name, from.namelen))),
            std::string(text_of(Bytes(from.value, from.valuelen)))};
}

} // namespace

Parse read_header_block(Bytes block, std::vector<HeaderField> &out) {
    const Inflater inflater = make_inflater();
    nghttp2_nv field{};
    int flags = 0;
    std::size_t bytes = 0;

    out.clear();
    while (!block.empty()) {
        const auto used = nghttp2_hd_inflate_hd2(inflater.get(), &field, &flags, block.data(),
                                                 block.size(), /*in_final=*/0);
        if (used < 0)
            return Parse::Wrong;
        block = block.subspan(static_cast<std::size_t>(used));
        if (!(flags & NGHTTP2_HD_INFLATE_EMIT))
            continue;
        out.push_back(field_of(field));
        bytes += field.namelen + field.valuelen;
        if (out.size() >= kMaxFields || bytes >= kMaxFieldBytes)
            return Parse::More;
    }
    // The inflater refuses to end within a field.
    return nghttp2_hd_inflate_hd2(inflater.get(), &field, &flags, block.data(), 0,
                                  /*in_final=*/1) < 0
               ? Parse::More
               : Parse::Done;
}

} // namespace l7
