// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/outcomes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    const auto config = l7::parse_config(text, "x.toml");
    if (!config)
        return config.error().message.find("x.toml:") == 0 ? 0 : (__builtin_trap(), 0);
    l7::Protocols protocols;
    protocols.number("ssh");
    std::vector<std::string> warnings;
    for (const l7_outcome &outcome : l7::decide_outcomes(config->rules, {}, protocols, warnings))
        if ((outcome.mark & ~config->mark_mask) != 0)
            __builtin_trap(); // a mark outside the mask
    return 0;
}
