// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/parts/catalog.hpp"

#include "core/policy/rule_checks.hpp"

#include <cstdlib>

namespace fs = std::filesystem;

namespace l7 {

std::vector<fs::path> pattern_directories(const Config &config) {
    if (!config.pattern_dirs.empty())
        return {config.pattern_dirs.begin(), config.pattern_dirs.end()};
    return default_pattern_directories();
}

Result<Catalog> load_catalog(const std::string &config_file, bool config_needed,
                             const KnownNumbers &known) {
    Catalog out;
    auto config = load_config(config_file, config_needed);
    if (!config)
        return config.error();
    out.config = std::move(*config);
    if (const char *way = std::getenv("L7CTL_ATTACH"))
        out.config.attach = std::string_view(way) == "clsact" ? AttachWay::Clsact
                            : std::string_view(way) == "tcx"  ? AttachWay::Tcx
                                                              : out.config.attach;
    std::vector<std::string> order;
    for (const Rule &rule : out.config.rules)
        order.insert(order.end(), rule.protocols.begin(), rule.protocols.end());
    auto knowledge =
        load_knowledge(pattern_directories(out.config), known, out.rejected, std::move(order));
    if (!knowledge)
        return knowledge.error();
    out.knowledge = std::move(*knowledge);
    out.knowledge.loose = out.config.tcp_loose;
    out.rules =
        std::make_shared<const RuleTables>(RuleTables::compile(out.config.rules, out.knowledge));
    out.warnings = check_rules(out.config, out.knowledge);
    return out;
}

void CatalogHolder::publish(const std::shared_ptr<const Catalog> &next) {
    {
        const std::lock_guard lock(mutex_);
        catalog_ = next;
    }
    for (const Subscriber &subscriber : subscribers_)
        subscriber(*next);
}

std::shared_ptr<const Catalog> CatalogHolder::get() const {
    const std::lock_guard lock(mutex_);
    return catalog_;
}

} // namespace l7
