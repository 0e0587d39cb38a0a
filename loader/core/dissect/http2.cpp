// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/dissect/http2.hpp"

#include "core/base/reader.hpp"
#include "core/dissect/hpack.hpp"
#include "core/dissect/http.hpp"

#include <algorithm>

namespace l7 {

namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"; // RFC 9113, 3.4

// Types of frames and their flags: RFC 9113, 6.
constexpr std::uint8_t kHeaders = 1, kSettings = 4, kContinuation = 9;
constexpr std::uint8_t kEndHeaders = 0x04, kPadded = 0x08, kPriority = 0x20;
constexpr std::size_t kPriorityFields = 5;

struct Frame {
    std::size_t length;
    std::uint8_t type, flags;
    std::uint32_t stream;
};

Frame read_frame(Reader &reader) {
    Frame out;
    out.length = reader.u24();
    out.type = reader.u8();
    out.flags = reader.u8();
    out.stream = reader.u32() & 0x7fffffff;
    return out;
}

/// The part of a header block that a frame carries, as far as it is there.
Parse add_fragment(const Frame &frame, Bytes payload, std::vector<std::uint8_t> &block) {
    const bool headers = frame.type == kHeaders;
    const std::size_t padded = headers && (frame.flags & kPadded) ? 1 : 0;
    const std::size_t priority = headers && (frame.flags & kPriority) ? kPriorityFields : 0;
    Reader reader(payload);

    const std::size_t padding = padded ? reader.u8() : 0;
    if (frame.length < padded + priority + padding)
        return Parse::Wrong;
    reader.take(priority);
    if (!reader.ok())
        return Parse::More;
    const std::size_t size = frame.length - padded - priority - padding;
    const Bytes part = reader.take(std::min(size, reader.rest().size()));
    block.insert(block.end(), part.begin(), part.end());
    return payload.size() < frame.length ? Parse::More : Parse::Done;
}

/// The first header block behind the preface. Wrong: no client would send this.
Parse read_first_block(Bytes frames, std::vector<std::uint8_t> &block) {
    Reader reader(frames);
    std::uint32_t stream = 0; // of the block, once it has begun

    while (true) {
        const bool first = reader.at() == 0;
        const Frame frame = read_frame(reader);
        if (!reader.ok())
            return Parse::More;
        const Bytes payload = reader.take(std::min(frame.length, reader.rest().size()));
        if (first && frame.type != kSettings)
            return Parse::Wrong;
        if (stream == 0 ? frame.type == kContinuation || (frame.type == kHeaders && !frame.stream)
                        : frame.type != kContinuation || frame.stream != stream)
            return Parse::Wrong;
        if (frame.type == kHeaders || frame.type == kContinuation) {
            stream = frame.stream;
            if (const Parse parsed = add_fragment(frame, payload, block); parsed != Parse::Done)
                return parsed;
            if (frame.flags & kEndHeaders)
                return Parse::Done;
        }
    }
}

void note_request(const std::vector<HeaderField> &fields, Facts &facts) {
    const auto value = [&](std::string_view name) {
        const auto field = std::ranges::find(fields, name, &HeaderField::name);
        return field == fields.end() ? std::string_view() : std::string_view(field->value);
    };
    const std::string_view authority = value(":authority");
    const std::string_view type = value("content-type");

    // A request that was translated from HTTP/1 may have only Host (RFC 9113, 8.3.1).
    facts.hostname = host_of(authority.empty() ? value("host") : authority);
    note_field(facts, "method", value(":method"));
    note_field(facts, "user-agent", value("user-agent"));
    note_field(facts, "content-type", type);
    if (type.starts_with("application/grpc"))
        facts.protocol = "grpc";
}

/// No carrier as HTTP/1 is: what is spoken over it is compressed, and no pattern could see it.
class Http2 final : public Dissector {
  public:
    Progress take(const View &view, Facts &facts) override {
        if (view.direction != client_) {
            if (client_ != kUndecided)
                return facts.protocol.empty() ? Progress::More : Progress::Known;
            client_ = view.direction;
        }
        const std::string_view text = text_of(view.data);
        if (!text.starts_with(kPreface))
            return kPreface.starts_with(text) ? Progress::More : Progress::NotMine;
        if (facts.protocol.empty())
            facts.protocol = "http2";
        std::vector<std::uint8_t> block;
        const Parse framed = read_first_block(view.data.subspan(kPreface.size()), block);
        std::vector<HeaderField> fields;
        const Parse read = read_header_block(block, fields);
        note_request(fields, facts);
        return framed == Parse::More && read != Parse::Wrong ? Progress::Known : Progress::Done;
    }

  private:
    static constexpr unsigned kUndecided = 2;
    unsigned client_ = kUndecided; ///< the direction that began with the preface
};

} // namespace

bool http2_begins(const View &view) {
    const std::string_view text = text_of(view.data).substr(0, kPreface.size());
    return !text.empty() && kPreface.starts_with(text);
}

std::unique_ptr<Dissector> make_http2() {
    return std::make_unique<Http2>();
}

} // namespace l7
