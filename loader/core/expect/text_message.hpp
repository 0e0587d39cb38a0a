// SPDX-License-Identifier: GPL-2.0-or-later
// Messages of the kind that HTTP, SIP and RTSP have: a line, fields, an empty line, a body.
#pragma once

#include "core/base/text.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace l7 {

struct TextMessage {
    std::string start;
    std::vector<std::pair<std::string_view, std::string>> fields; ///< those that are wanted
    std::string body; ///< empty where it is beyond the bound

    /// The first of that name.
    std::string_view field(std::string_view name) const;
};

/// A field that somebody wants to see.
struct FieldName {
    std::string_view name;    ///< in lower case
    std::string_view compact; ///< SIP's other name for it (RFC 3261, 7.3.3)
};

/// How the messages of a protocol are found.
struct MessageForm {
    std::span<const FieldName> fields;
    bool (*begins)(std::string_view start); ///< whether a line can be a message's first
    bool interleaved;                       ///< '$' frames may stand between (RFC 2326, 10.12)
};

/// Takes messages from a stream, or from one datagram. What is kept of them is bounded. A stream
/// whose framing was lost is never read again: what follows may be anybody's words.
class MessageReader {
  public:
    MessageReader(const MessageForm &form, bool stream) : form_(form), stream_(stream) {}

    /// The next message that ends within the data, which is taken off its front; null: all was
    /// taken. The message is valid until the next call.
    const TextMessage *next(Bytes &data);

    bool lost() const { return state_ == State::Lost; }

  private:
    enum class State { Start, Fields, Body, FrameHead, Frame, Lost };

    void start(std::string_view line);
    void field(std::string_view line);
    /// Where the body begins.
    void end_of_fields(std::size_t left);
    void length(std::string_view value);
    /// Takes what there is of a body or of a frame; whether that was its end.
    bool take_left(Bytes &data);
    void frame_head(Bytes &data);

    MessageForm form_;
    bool stream_;
    State state_ = State::Start;
    LineReader lines_{kLineMost};
    TextMessage message_;
    std::string *folded_ = nullptr;       ///< the field that a next line may continue
    std::optional<std::uint32_t> length_; ///< the body's, as the message says
    std::size_t left_ = 0;                ///< of the body or frame
    bool keep_ = false;                   ///< a body within the bound
    std::array<std::uint8_t, 4> head_{};  ///< a frame's
    std::size_t head_size_ = 0;

    static constexpr std::size_t kLineMost = 2048;
    static constexpr std::size_t kFieldsMost = 12;
    static constexpr std::size_t kBodyMost = 8192;
};

} // namespace l7
