// SPDX-License-Identifier: GPL-2.0-or-later
// l7-filter's files: what is accepted is an expression that Hyperscan can read.
#include "core/match/pat_file.hpp"

#include <hs/hs.h>

#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    (void)static_cast<bool>(l7::parse_l7filter_pattern(text, "x.pat", "x", ""));
    const auto translated = l7::translate_v8(text);
    if (!translated || translated->size() > 2000)
        return 0;
    hs_expr_info_t *info = nullptr;
    hs_compile_error_t *failure = nullptr;
    if (hs_expression_info(translated->c_str(), HS_FLAG_DOTALL | HS_FLAG_ALLOWEMPTY, &info,
                           &failure) == HS_SUCCESS) {
        std::free(info);
    } else {
        // It may refuse what is too large for it, but must understand the syntax.
        const std::string message = failure->message;
        hs_free_compile_error(failure);
        if (message.find("large") == std::string::npos &&
            message.find("resource") == std::string::npos &&
            message.find("never match") == std::string::npos &&
            message.find("anchor") == std::string::npos) // in the middle: told to the user
            std::abort();
    }
    return 0;
}
