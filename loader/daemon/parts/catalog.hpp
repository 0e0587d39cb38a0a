// SPDX-License-Identifier: GPL-2.0-or-later
// Configuration, patterns and rules, loaded together: all of it is good, or nothing is used. One
// holder has the catalog in force.
#pragma once

#include "core/flow/knowledge.hpp"
#include "core/policy/config.hpp"
#include "core/policy/rules.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace l7 {

struct Catalog {
    Config config;
    Knowledge knowledge;
    std::shared_ptr<const RuleTables> rules;
    std::vector<std::string> rejected; ///< patterns left out, `file:line: what`
    std::vector<std::string> warnings; ///< rules that can never match
};

/// Reads the configuration and compiles what it names. `known` are the names that have numbers
/// already. A pattern that is rejected does not fail the whole; a bad configuration does.
Result<Catalog> load_catalog(const std::string &config_file, bool config_needed,
                             const KnownNumbers &known);

/// The pattern directories of a configuration, or the defaults.
std::vector<std::filesystem::path> pattern_directories(const Config &config);

/// Has the catalog in force. Whoever needs it gets it at that time; whoever must do something about
/// another one subscribes, and is told in the order of subscription.
///
/// Threads: any may get; all subscribe before the first is published, and one publishes at a time.
class CatalogHolder {
  public:
    using Subscriber = std::function<void(const Catalog &)>;

    void subscribe(Subscriber subscriber) { subscribers_.push_back(std::move(subscriber)); }
    void publish(const std::shared_ptr<const Catalog> &next);

    /// Null before the first was published.
    std::shared_ptr<const Catalog> get() const;

  private:
    std::vector<Subscriber> subscribers_;
    mutable std::mutex mutex_;
    std::shared_ptr<const Catalog> catalog_; // guarded by mutex_
};

} // namespace l7
