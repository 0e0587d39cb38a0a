// SPDX-License-Identifier: GPL-2.0-or-later
// A condition up to the first NUL, over the bytes after it.
#include "core/match/condition.hpp"

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::uint8_t *end = std::find(data, data + size, 0);
    const std::string_view text(reinterpret_cast<const char *>(data),
                                static_cast<std::size_t>(end - data));
    const auto condition = l7::Condition::compile(text);
    if (!condition)
        return 0;
    const std::size_t used = std::min(size, text.size() + 1);
    (void)condition->holds({data + used, size - used}, size);
    return 0;
}
