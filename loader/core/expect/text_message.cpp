// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/expect/text_message.hpp"

#include <algorithm>

namespace l7 {

std::string_view TextMessage::field(std::string_view name) const {
    const auto at = std::ranges::find(fields, name, [](const auto &one) { return one.first; });
    return at == fields.end() ? std::string_view() : at->second;
}

const TextMessage *MessageReader::next(Bytes &data) {
    while (state_ != State::Lost && !data.empty()) {
        if (state_ == State::Start && form_.interleaved && !lines_.within_line() &&
            data[0] == '$') {
            state_ = State::FrameHead;
            head_size_ = 0;
        }
        if (state_ == State::FrameHead) {
            frame_head(data);
            continue;
        }
        if (state_ == State::Body || state_ == State::Frame) {
            const bool message = state_ == State::Body;
            if (take_left(data) && message)
                return &message_;
            continue;
        }
        const auto line = lines_.next(data);
        if (!line)
            break;
        if (state_ == State::Start) {
            if (line->whole)
                start(line->text);
            else
                state_ = State::Lost;
        } else if (!line->whole) {
            folded_ = nullptr;
        } else if (!line->text.empty()) {
            field(line->text);
        } else {
            end_of_fields(data.size());
            if (state_ == State::Body && left_ == 0) {
                state_ = State::Start;
                return &message_;
            }
        }
    }
    data = {};
    return nullptr;
}

void MessageReader::start(std::string_view line) {
    if (line.empty()) // keeps the connection alive (RFC 3261, 7.5; RFC 5626, 3.5.1)
        return;
    message_ = {};
    message_.start = line;
    length_.reset();
    folded_ = nullptr;
    state_ = form_.begins(line) ? State::Fields : State::Lost;
}

void MessageReader::field(std::string_view line) {
    if (line.front() == ' ' || line.front() == '\t') {
        if (folded_ && folded_->size() + line.size() <= kLineMost)
            *folded_ += line;
        return;
    }
    const std::string_view name = trimmed(cut(line, ':'));
    const std::string_view value = trimmed(line);
    folded_ = nullptr;
    if (same_word(name, "content-length") || (same_word(name, "l") && !form_.interleaved))
        return length(value);
    for (const FieldName &one : form_.fields)
        if ((same_word(name, one.name) || (!one.compact.empty() && same_word(name, one.compact))) &&
            message_.fields.size() < kFieldsMost) {
            message_.fields.reserve(kFieldsMost); // folded_ points into it
            folded_ = &message_.fields.emplace_back(one.name, value).second;
        }
}

void MessageReader::length(std::string_view value) {
    const auto number = number_of<std::uint32_t>(value);
    if (!number || (length_ && *length_ != *number))
        state_ = State::Lost;
    length_ = number;
}

void MessageReader::end_of_fields(std::size_t left) {
    const std::size_t said = length_.value_or(0);
    left_ = stream_ ? said : length_ ? std::min(said, left) : left;
    keep_ = left_ <= kBodyMost;
    state_ = State::Body;
}

bool MessageReader::take_left(Bytes &data) {
    const std::size_t size = std::min(left_, data.size());
    if (state_ == State::Body && keep_)
        message_.body += text_of(data.first(size));
    data = data.subspan(size);
    left_ -= size;
    if (left_ > 0)
        return false;
    state_ = State::Start;
    return true;
}

void MessageReader::frame_head(Bytes &data) {
    while (head_size_ < head_.size() && !data.empty()) {
        head_[head_size_++] = data.front();
        data = data.subspan(1);
    }
    if (head_size_ < head_.size())
        return;
    left_ = std::size_t{head_[2]} << 8 | head_[3];
    state_ = left_ > 0 ? State::Frame : State::Start;
}

} // namespace l7
