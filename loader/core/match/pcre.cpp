// SPDX-License-Identifier: GPL-2.0-or-later
#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/match/pcre.hpp"

#include <new>
#include <pcre2.h>

namespace l7 {

namespace {

// A backtracking engine meets whatever strangers send: bounded, at some 100 microseconds.
constexpr std::uint32_t kPcreSteps = 20'000;
constexpr std::uint32_t kHeapKib = 256;

struct Context {
    pcre2_match_context *of = pcre2_match_context_create(nullptr);
    Context() {
        if (!of)
            throw std::bad_alloc();
        pcre2_set_match_limit(of, kPcreSteps);
        pcre2_set_heap_limit(of, kHeapKib);
    }
    ~Context() { pcre2_match_context_free(of); }
    Context(const Context &) = delete;
    Context &operator=(const Context &) = delete;
};

} // namespace

void PcreFree::operator()(pcre2_code *code) const {
    pcre2_code_free(code);
}

Result<Pcre> Pcre::compile(const std::string &expression) {
    int error = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *code =
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                      PCRE2_DOTALL | PCRE2_NEVER_UTF | PCRE2_DOLLAR_ENDONLY, &error, &at, nullptr);
    if (code)
        return Pcre(code);
    unsigned char text[120];
    pcre2_get_error_message(error, text, sizeof(text));
    return Error{"column " + std::to_string(at + 1) + ": " + reinterpret_cast<const char *>(text)};
}

bool Pcre::matches(Bytes data) const {
    thread_local const Context context;
    const std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data *)> found(
        pcre2_match_data_create(1, nullptr), pcre2_match_data_free);
    return found &&
           pcre2_match(code_.get(), data.data(), data.size(), 0, 0, found.get(), context.of) >= 0;
}

} // namespace l7
