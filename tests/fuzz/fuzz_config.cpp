// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/rules.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    const auto config = l7::parse_config(text, "x.toml");
    if (!config)
        return config.error().message.find("x.toml:") == 0 ? 0 : (__builtin_trap(), 0);
    static const l7::Knowledge knowledge = l7::test::knowledge_of({{"ssh", {"remote"}}});
    const l7::RuleTables tables = l7::test::tables_of(config->rules, knowledge);
    for (const l7_rule &rule : tables.rules())
        if ((rule.mark & ~config->mark_mask) != 0)
            __builtin_trap(); // a mark outside the mask
    return 0;
}
