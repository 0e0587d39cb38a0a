// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/native_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    const auto pattern = l7::parse_native_pattern(text, "x.toml", "x");
    return pattern && pattern->matches.empty() ? __builtin_trap(), 0 : 0;
}
