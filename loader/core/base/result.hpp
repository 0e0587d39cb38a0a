// SPDX-License-Identifier: GPL-2.0-or-later
// A value or what went wrong. Each level adds what it knows; only main prints.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace l7 {

/// Who must act on an error; the values are the exit codes.
enum class Blame {
    Failed = 1,      ///< the command could not be carried out
    Usage = 2,       ///< the command makes no sense as typed
    Environment = 3, ///< privilege or a kernel feature is missing
};

struct Error {
    std::string message;
    std::string hint = {};
    Blame blame = Blame::Failed;

    /// Puts what was tried in front.
    Error within(const std::string &context) && {
        message = context + ": " + message;
        return std::move(*this);
    }
};

template <class T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return state_.index() == 0; }
    T &operator*() { return std::get<0>(state_); }
    const T &operator*() const { return std::get<0>(state_); }
    T *operator->() { return &std::get<0>(state_); }
    const T *operator->() const { return &std::get<0>(state_); }
    Error &error() { return std::get<1>(state_); }
    const Error &error() const { return std::get<1>(state_); }

  private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)), failed_(true) {}

    explicit operator bool() const { return !failed_; }
    Error &error() { return error_; }
    const Error &error() const { return error_; }

  private:
    Error error_;
    bool failed_ = false;
};

} // namespace l7
