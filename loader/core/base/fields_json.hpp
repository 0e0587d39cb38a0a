// SPDX-License-Identifier: GPL-2.0-or-later
// A report as a JSON object, and back. A report within a report is an object, or null where there
// is none; another value that is optional and not there is left out.
#pragma once

#include "core/base/fields.hpp"

#include <cstddef>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <type_traits>
#include <vector>

namespace l7 {

/// Appends a member for each field.
class JsonWriter {
  public:
    explicit JsonWriter(nlohmann::ordered_json &to) : to_(to) {}

    template <class T>
    void operator()(const char *name, const T &value, const Metric & = {}, bool = true) const {
        if (*name)
            put(name, value);
    }

  private:
    template <Reported Report>
    void put(const char *name, const Report &report) const {
        Report::fields(JsonWriter(object(name)), report);
    }
    template <Reported Report>
    void put(const char *name, const std::vector<Report> &reports) const {
        nlohmann::ordered_json &to = list(name);
        for (const Report &report : reports)
            Report::fields(JsonWriter(append(to)), report);
    }
    template <class T>
    void put(const char *name, const std::optional<T> &value) const {
        if (value)
            put(name, *value);
        else if (Reported<T>)
            put(name, nullptr);
    }
    template <std::unsigned_integral Count>
    void put(const char *name, Count value) const {
        put(name, static_cast<unsigned long long>(value));
    }
    void put(const char *name, bool value) const;
    void put(const char *name, unsigned long long value) const;
    void put(const char *name, std::int64_t value) const;
    void put(const char *name, double value) const;
    void put(const char *name, const char *value) const;
    void put(const char *name, const std::string &value) const;
    void put(const char *name, const std::vector<std::string> &values) const;
    void put(const char *name, const NamedCounts &counts) const;
    void put(const char *name, std::nullptr_t) const;

    nlohmann::ordered_json &object(const char *name) const;
    nlohmann::ordered_json &list(const char *name) const;
    static nlohmann::ordered_json &append(nlohmann::ordered_json &list);

    nlohmann::ordered_json &to_;
};

/// Reads the fields that are there. Throws nlohmann::json::exception where one is of another type.
class JsonReader {
  public:
    explicit JsonReader(const nlohmann::json &from) : from_(from) {}

    template <class T>
    void operator()(const char *name, T &&value, const Metric & = {}, bool = true) const {
        if constexpr (std::is_lvalue_reference_v<T> && !std::is_const_v<std::remove_reference_t<T>>)
            if (const nlohmann::json *at = find(name))
                get(*at, value);
    }

  private:
    template <Reported Report>
    static void get(const nlohmann::json &from, Report &to) {
        Report::fields(JsonReader(from), to);
    }
    template <Reported Report>
    static void get(const nlohmann::json &from, std::vector<Report> &to) {
        each(from, [&to](const nlohmann::json &one) { get(one, to.emplace_back()); });
    }
    template <class T>
    static void get(const nlohmann::json &from, std::optional<T> &to) {
        get(from, to.emplace());
    }
    /// Defined for what JsonWriter puts.
    template <class T>
    static void get(const nlohmann::json &from, T &to);

    /// Null where it is not there, or is null.
    const nlohmann::json *find(const char *name) const;
    static void each(const nlohmann::json &from,
                     const std::function<void(const nlohmann::json &)> &take);

    const nlohmann::json &from_;
};

template <>
void JsonReader::get(const nlohmann::json &from, NamedCounts &to);

/// Runs `write` on an empty object, and returns that as a line without its newline. Bytes that are
/// no UTF-8 are replaced: a name is whatever the wire said.
std::string json_line(const std::function<void(nlohmann::ordered_json &)> &write);

template <Reported Report>
void write_fields(nlohmann::ordered_json &to, const Report &report) {
    Report::fields(JsonWriter(to), report);
}

template <Reported Report>
std::string json_line(const Report &report) {
    return json_line([&report](nlohmann::ordered_json &to) { write_fields(to, report); });
}

template <Reported Report>
Report read_fields(const nlohmann::json &from) {
    Report out;
    Report::fields(JsonReader(from), out);
    return out;
}

} // namespace l7
