// SPDX-License-Identifier: GPL-2.0-or-later
// A report is a struct of counts and texts that lists its fields once:
//
//     static void fields(const auto &visit, auto &of) {
//         visit("records", of.records, kRecords);
//     }
//
// JSON, lines of text, Prometheus' families and reading back are visitors of that list, so that a
// name stands beside the struct and nowhere else. The unit of a field is part of its name, its kind
// is the type of the member. What is computed from members is written, and not read back.
//
// A visitor is called with a field's name ("": only Prometheus sees it), its value, how
// Prometheus knows it, and whether a line of text shows it.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace l7 {

/// How Prometheus knows a field. Fields that have a family in common are told apart by a label. A
/// family whose name ends in _total is a counter, any other a gauge.
struct Metric {
    const char *family = nullptr; ///< null: Prometheus does not see the field
    const char *help = nullptr;
    const char *label = ""; ///< "": the family is this field's alone
    const char *value = ""; ///< of the label; "": the field's name
    double per = 1;         ///< so many of the field's units make one of Prometheus'

    constexpr Metric as(const char *label_value) const {
        Metric out = *this;
        out.value = label_value;
        return out;
    }
    constexpr bool counts() const { return std::string_view(family).ends_with("_total"); }
};

/// A field may be a report itself, a list of reports, or one of these: counts by name.
using NamedCounts = std::vector<std::pair<std::string, std::uint64_t>>;

template <class T>
concept Reported = requires(T &report, const int &visitor) {
    T::fields(visitor, report);
};

/// " NAME VALUE" for each count that text shows. A gap between words of a name is `gap`; the field
/// `without` is left out.
template <Reported Report>
std::string fields_text(const Report &report, char gap = ' ', std::string_view without = {}) {
    std::string out;
    const auto visit = [&]<class T>(const char *name, const T &value, const Metric & = {},
                                    bool in_text = true) {
        if constexpr (std::unsigned_integral<T> && !std::same_as<T, bool>)
            if (*name && in_text && name != without) {
                out += " ";
                for (const char one : std::string_view(name))
                    out += one == '_' ? gap : one;
                out += " " + std::to_string(value);
            }
    };
    Report::fields(visit, report);
    return out;
}

/// The sum of a report's counts, or of those of one family.
template <Reported Report>
std::uint64_t sum_of_fields(const Report &report, std::string_view family = {}) {
    std::uint64_t out = 0;
    const auto visit = [&]<class T>(const char *, const T &value, const Metric &metric = {},
                                    bool = true) {
        if constexpr (std::unsigned_integral<T> && !std::same_as<T, bool>)
            out += family.empty() || (metric.family && metric.family == family) ? value : 0;
    };
    Report::fields(visit, report);
    return out;
}

} // namespace l7
