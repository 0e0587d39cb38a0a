// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/report/top_model.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <fmt/format.h>

namespace l7 {

namespace {

// A flow that is new to us and not much older than the interval began in it; what an older one has
// carried so far belongs to times we did not see.
constexpr double kAgeSlack_s = 1.5;

bool contains(std::string_view whole, std::string_view part) {
    const auto same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) ==
               std::tolower(static_cast<unsigned char>(b));
    };
    return std::search(whole.begin(), whole.end(), part.begin(), part.end(), same) != whole.end();
}

std::size_t index(TopView view) {
    return static_cast<std::size_t>(view);
}

/// Counters that are less than they were have been started again.
std::uint64_t since(std::uint64_t now, std::uint64_t then) {
    return now >= then ? now - then : now;
}

std::string flow_detail(const TopFlow &flow) {
    std::string out = flow.protocol;
    for (const std::string *part : {&flow.application, &flow.hostname})
        if (!part->empty())
            out += " " + *part;
    return out;
}

} // namespace

const char *top_view_name(TopView view) {
    static constexpr std::array<const char *, kTopViews> kNames{"protocol", "application", "class",
                                                                "host", "flow"};
    return kNames.at(index(view));
}

const char *top_sort_name(TopSort sort) {
    static constexpr std::array<const char *, kTopSorts> kNames{"rate", "packets", "flows", "total",
                                                                "name"};
    return kNames.at(static_cast<std::size_t>(sort));
}

std::string top_flow_name(const TopFlow &flow) {
    const auto end = [](const std::string &address, std::uint16_t port) {
        return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                      : fmt::format("[{}]:{}", address, port);
    };
    return fmt::format("{} {} > {}", flow.l4, end(flow.src, flow.sport), end(flow.dst, flow.dport));
}

std::string short_number(double value) {
    static constexpr std::array<const char *, 6> kUnits{"", "k", "M", "G", "T", "P"};
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < kUnits.size()) {
        value /= 1000;
        unit++;
    }
    const int digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return fmt::format("{:.{}f}{}", value, digits, kUnits.at(unit));
}

void TopHistory::add(double from_s, double to_s, double rate) {
    samples_.push_back({from_s, to_s, rate});
    while (samples_.front().to_s <= to_s - kSpan_s)
        samples_.pop_front();
}

std::vector<unsigned> TopHistory::levels(double now_s, std::size_t width) const {
    std::vector<double> rates(width, 0);
    const double slot_s = kSpan_s / static_cast<double>(std::max<std::size_t>(width, 1));
    const double start_s = now_s - kSpan_s;

    for (const Sample &sample : samples_) {
        // Half-open on both sides would lose the sample that ends now to rounding.
        const double first = std::floor((sample.from_s - start_s) / slot_s + 1e-6);
        const double last = std::ceil((sample.to_s - start_s) / slot_s - 1e-6);
        for (double slot = std::max(first, 0.0); slot < std::min(last, static_cast<double>(width));
             slot++) {
            double &rate = rates[static_cast<std::size_t>(slot)];
            rate = std::max(rate, sample.rate);
        }
    }
    const double most = rates.empty() ? 0 : *std::ranges::max_element(rates);
    std::vector<unsigned> out;
    out.reserve(rates.size());
    for (const double rate : rates)
        out.push_back(
            rate <= 0 ? 0 : std::max(1U, static_cast<unsigned>(std::lround(8 * rate / most))));
    return out;
}

TopModel::Entry &TopModel::entry(TopView view, const std::string &name) {
    Entry &out = entries_[index(view)][name];
    out.row.name = name;
    out.used_s = last_.time_s;
    return out;
}

void TopModel::add(TopSnapshot snapshot) {
    const double before_s = last_.time_s;
    const double seconds = snapshots_ ? snapshot.time_s - before_s : 0;
    if (snapshots_ && seconds <= 0)
        return; // no time has passed: there is no rate

    last_ = std::move(snapshot);
    const auto reset = [](Entry &one) {
        const std::string name = one.row.name;
        const std::uint64_t total = one.row.total;
        one.row = {};
        one.row.name = name;
        one.row.total = total;
    };
    for (Entries &entries : entries_)
        for (auto &[name, one] : entries)
            reset(one);
    reset(sum_);
    add_accounts(last_, seconds);
    add_flows(last_, seconds);
    if (snapshots_++) {
        for (Entries &entries : entries_)
            for (auto &[name, one] : entries)
                one.history.add(before_s, last_.time_s, one.row.rate());
        sum_.history.add(before_s, last_.time_s, sum_.row.rate());
    }
    forget_silent();
}

void TopModel::add_accounts(const TopSnapshot &snapshot, double seconds) {
    for (const TopAccount &account : snapshot.accounts) {
        const std::string key = account.dev + (account.egress ? " > " : " < ") + account.protocol;
        const auto [at, fresh] = accounts_.try_emplace(key);
        Seen &was = at->second;
        // A row that was not there at the second look has begun since the first.
        const bool counts = seconds > 0 && (!fresh || snapshots_ > 0);
        const std::uint64_t bytes = counts ? since(account.bytes, was.bytes) : 0;
        const std::uint64_t packets = counts ? since(account.packets, was.packets) : 0;
        was = {account.packets, account.bytes, snapshot.time_s};

        Entry &one = entry(TopView::Protocol, account.protocol);
        for (TopRow *row : {&one.row, &sum_.row}) {
            if (seconds > 0) {
                (account.egress ? row->out : row->in) += static_cast<double>(bytes) * 8 / seconds;
                row->packets += static_cast<double>(packets) / seconds;
            }
            row->flows += account.flows;
        }
        one.row.total += fresh && !snapshots_ ? account.bytes : bytes;
        sum_.row.total += fresh && !snapshots_ ? account.bytes : bytes;
    }
}

void TopModel::credit(TopView view, const std::string &name, const TopFlow &flow, Amount amount,
                      double seconds) {
    Entry &one = entry(view, name);
    if (seconds > 0) {
        one.row.in += static_cast<double>(amount.bytes) * 8 / seconds;
        one.row.packets += static_cast<double>(amount.packets) / seconds;
    }
    one.row.total += amount.bytes;
    one.row.flows++;
    if (view == TopView::Flow) {
        one.row.flow = &flow;
        one.row.detail = flow_detail(flow);
        one.row.total = flow.bytes;
    } else if (view == TopView::Host && name == flow.dst && !flow.hostname.empty()) {
        one.row.detail = flow.hostname;
    }
}

void TopModel::add_flows(const TopSnapshot &snapshot, double seconds) {
    for (const TopFlow &flow : snapshot.flows) {
        const std::string name = top_flow_name(flow);
        const auto [at, fresh] = seen_.try_emplace(name);
        Seen &was = at->second;
        Amount amount{0, 0};
        // Not every snapshot need have flows.
        const double over_s = fresh ? seconds : snapshot.time_s - was.time_s;
        if (!fresh)
            amount = {since(flow.packets, was.packets), since(flow.bytes, was.bytes)};
        else if (snapshots_ && flow.age_s <= seconds + kAgeSlack_s)
            amount = {flow.packets, flow.bytes};
        was = {flow.packets, flow.bytes, snapshot.time_s};

        const auto or_none = [](const std::string &text) { return text.empty() ? "-" : text; };
        credit(TopView::Application, or_none(flow.application), flow, amount, over_s);
        credit(TopView::Class, or_none(flow.classid), flow, amount, over_s);
        credit(TopView::Host, flow.src, flow, amount, over_s);
        if (flow.dst != flow.src)
            credit(TopView::Host, flow.dst, flow, amount, over_s);
        credit(TopView::Flow, name, flow, amount, over_s);
    }
}

/// What was not heard of for as long as a history shows has nothing left to show.
void TopModel::forget_silent() {
    const double limit_s = last_.time_s - TopHistory::kSpan_s;
    for (Entries &entries : entries_)
        std::erase_if(entries, [&](const auto &one) { return one.second.used_s < limit_s; });
    std::erase_if(accounts_, [&](const auto &one) { return one.second.time_s < limit_s; });
    std::erase_if(seen_, [&](const auto &one) { return one.second.time_s < limit_s; });
}

std::vector<TopRow> TopModel::rows(TopView view, TopSort sort, bool reversed,
                                   std::string_view filter) const {
    std::vector<TopRow> out;
    for (const auto &[name, one] : entries_[index(view)]) {
        if (view == TopView::Flow && !one.row.flow)
            continue; // it has ended
        if (!contains(name, filter) && !contains(one.row.detail, filter))
            continue;
        out.push_back(one.row);
        out.back().history = &one.history;
    }
    const auto before = [sort](const TopRow &a, const TopRow &b) {
        switch (sort) {
        case TopSort::Rate:
            return a.rate() > b.rate();
        case TopSort::Packets:
            return a.packets > b.packets;
        case TopSort::Flows:
            return a.flows > b.flows;
        case TopSort::Total:
            return a.total > b.total;
        case TopSort::Name:
            break;
        }
        return a.name < b.name;
    };
    std::ranges::stable_sort(out, before); // entries are by name: equals keep their places
    if (reversed)
        std::ranges::reverse(out);
    return out;
}

TopRow TopModel::sum() const {
    TopRow out = sum_.row;
    out.name = "all";
    out.history = &sum_.history;
    return out;
}

} // namespace l7
