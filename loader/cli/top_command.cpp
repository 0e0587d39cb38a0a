// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.hpp"

#include "cli/top_view.hpp"
#include "control/server.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>
#include <tuple>
#include <unistd.h>

namespace l7 {

namespace {

using Clock = std::chrono::steady_clock;
using Row = std::tuple<std::string, std::string, std::string>; // device, direction, protocol

struct Amount {
    std::uint64_t packets = 0, bytes = 0;
    std::int64_t flows = 0;
};

Result<std::map<Row, Amount>> read_stats(const Instance &instance) {
    std::map<Row, Amount> out;
    const auto take = [&](std::string_view line) {
        const auto row = nlohmann::json::parse(line, nullptr, false);
        if (row.is_object())
            out[{row.value("dev", ""), row.value("direction", ""), row.value("protocol", "")}] = {
                row.value("packets", std::uint64_t{0}), row.value("bytes", std::uint64_t{0}),
                row.value("flows", std::int64_t{0})};
    };
    if (auto asked = ask_daemon(instance.socket, request::Stats(), take,
                                {.json = true, .any_namespace = true});
        !asked)
        return asked.error();
    return out;
}

} // namespace

Result<void> top_command(const GlobalOptions &global, const TopOptions &options) {
    const Instance instance = global.instance();
    if (options.count == 0 && !global.json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        return show_top(instance, options.interval_s);
    const auto pause = std::chrono::duration<double>(options.interval_s);
    auto before = read_stats(instance);
    if (!before)
        return before.error();
    auto then = Clock::now();

    for (unsigned screen = 0; options.count == 0 || screen < options.count; screen++) {
        std::this_thread::sleep_for(pause); // the interval that is measured
        auto now = read_stats(instance);
        if (!now)
            return now.error();
        const auto time = Clock::now();
        const double seconds = std::chrono::duration<double>(time - then).count();

        std::vector<std::tuple<double, double, std::int64_t, Row>> rates;
        for (const auto &[row, amount] : *now) {
            const Amount old = before->contains(row) ? before->at(row) : Amount{};
            rates.emplace_back(static_cast<double>(amount.bytes - old.bytes) * 8 / seconds,
                               static_cast<double>(amount.packets - old.packets) / seconds,
                               amount.flows, row);
        }
        std::ranges::sort(rates, std::ranges::greater{});
        if (!global.json)
            fmt::print("{:<15} {:<8} {:<16} {:>14} {:>12} {:>10}\n", "device", "way", "protocol",
                       "bit/s", "packet/s", "flows");
        for (const auto &[bits, packets, flows, row] : rates) {
            const auto &[dev, direction, protocol] = row;
            if (global.json)
                fmt::print("{}\n", nlohmann::ordered_json{{"dev", dev},
                                                          {"direction", direction},
                                                          {"protocol", protocol},
                                                          {"bits_per_second", bits},
                                                          {"packets_per_second", packets},
                                                          {"flows", flows}}
                                       .dump());
            else
                fmt::print("{:<15} {:<8} {:<16} {:>14.0f} {:>12.1f} {:>10}\n", dev, direction,
                           protocol, bits, packets, flows);
        }
        std::fflush(stdout);
        before = std::move(now);
        then = time;
    }
    return {};
}

} // namespace l7
