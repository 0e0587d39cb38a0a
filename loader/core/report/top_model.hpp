// SPDX-License-Identifier: GPL-2.0-or-later
// What `l7ctl top` shows: counters come in from time to time, rows with rates go out. No terminal
// and no clock of its own. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace l7 {

struct TopAccount { ///< a row of `l7ctl stats`
    std::string dev;
    bool egress = false;
    std::string protocol;
    std::uint64_t packets = 0, bytes = 0;
    std::int64_t flows = 0;
};

struct TopFlow { ///< a row of `l7ctl flows`
    std::string l4, src, dst;
    std::uint16_t sport = 0, dport = 0;
    std::string protocol, application, hostname, classid;
    std::uint64_t packets = 0, bytes = 0;
    std::uint32_t age_s = 0;
};

struct TopSnapshot {
    double time_s = 0; ///< of any clock that only goes forward
    std::vector<TopAccount> accounts;
    std::vector<TopFlow> flows;
};

enum class TopView { Protocol, Application, Class, Host, Flow };
inline constexpr std::size_t kTopViews = 5;

enum class TopSort { Rate, Packets, Flows, Total, Name };
inline constexpr std::size_t kTopSorts = 5;

const char *top_view_name(TopView view);
const char *top_sort_name(TopSort sort);

/// Rates over time: each holds from the sample before it to its own time.
class TopHistory {
  public:
    static constexpr double kSpan_s = 60;

    void add(double from_s, double to_s, double rate);

    /// `width` levels from 0 to 8 for the minute that ends at `now_s`, oldest first, against the
    /// highest of them; whatever is not nothing is at least 1.
    std::vector<unsigned> levels(double now_s, std::size_t width) const;

    std::size_t size() const { return samples_.size(); }

  private:
    struct Sample {
        double from_s, to_s, rate;
    };
    std::deque<Sample> samples_;
};

struct TopRow {
    std::string name;
    std::string detail;      ///< of a flow or host: what it is
    double in = 0, out = 0;  ///< bit/s; views made of flows know no direction and have all in `in`
    double packets = 0;      ///< per second
    std::int64_t flows = 0;  ///< now
    std::uint64_t total = 0; ///< bytes, as far as counted
    const TopHistory *history = nullptr; ///< of in + out; valid until the next add
    const TopFlow *flow = nullptr;       ///< in the view of flows; valid as long

    double rate() const { return in + out; }
};

class TopModel {
  public:
    /// Rates are between the last two snapshots; there are none before the second.
    void add(TopSnapshot snapshot);

    /// The rows of a view whose name or detail contains `filter`, whatever the case. By name
    /// ascending, by all else descending, unless `reversed`.
    std::vector<TopRow> rows(TopView view, TopSort sort, bool reversed,
                             std::string_view filter) const;

    /// Over all devices; what is forwarded goes in and out.
    TopRow sum() const;

    double now_s() const { return last_.time_s; }
    bool has_rates() const { return snapshots_ > 1; }
    std::size_t flows_known() const { return seen_.size(); }

  private:
    struct Entry {
        TopRow row;
        TopHistory history;
        double used_s = 0;
    };
    struct Seen { ///< the last that was known of a flow
        std::uint64_t packets = 0, bytes = 0;
        double time_s = 0;
    };
    using Entries = std::map<std::string, Entry>;
    struct Amount {
        std::uint64_t packets, bytes;
    };

    Entry &entry(TopView view, const std::string &name);
    void add_accounts(const TopSnapshot &snapshot, double seconds);
    void add_flows(const TopSnapshot &snapshot, double seconds);
    void credit(TopView view, const std::string &name, const TopFlow &flow, Amount amount,
                double seconds);
    void forget_silent();

    TopSnapshot last_;
    unsigned snapshots_ = 0;
    Entries entries_[kTopViews];
    Entry sum_;
    std::map<std::string, Seen> accounts_; ///< by device, direction, protocol
    std::unordered_map<std::string, Seen> seen_;
};

/// "l4 src:port > dst:port"
std::string top_flow_name(const TopFlow &flow);

/// 1234567 as "1.23M"; five characters at most.
std::string short_number(double value);

} // namespace l7
