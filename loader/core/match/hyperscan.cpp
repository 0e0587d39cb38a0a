// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/hyperscan.hpp"

#include "core/match/compile_cache.hpp"

#include <algorithm>
#include <cstdlib>
#include <future>
#include <hs/hs.h>
#include <thread>

namespace l7 {

namespace {

constexpr unsigned kFlags = HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY;

Result<HyperscanDatabase> compiled(const char *const *expressions, const unsigned *ids,
                                   std::size_t count) {
    const std::vector<unsigned> flags(count, kFlags);
    hs_database_t *database = nullptr;
    hs_compile_error_t *failure = nullptr;

    if (hs_compile_multi(expressions, flags.data(), ids, static_cast<unsigned>(count),
                         HS_MODE_BLOCK, nullptr, &database, &failure) != HS_SUCCESS) {
        Error error{std::string("compiling patterns: ") + failure->message};
        hs_free_compile_error(failure);
        return error;
    }
    return HyperscanDatabase(database);
}

} // namespace

void HyperscanFree::operator()(hs_database *database) const {
    hs_free_database(database);
}

Result<unsigned> minimum_width(const std::string &expression) {
    hs_expr_info_t *info = nullptr;
    hs_compile_error_t *failure = nullptr;

    if (hs_expression_info(expression.c_str(), kFlags, &info, &failure) != HS_SUCCESS) {
        Error error{failure->message};
        hs_free_compile_error(failure);
        return error;
    }
    const unsigned width = info->min_width;
    std::free(info); // NOLINT: Hyperscan's default misc allocator is malloc
    return width;
}

void ExpressionBatch::add(const std::string &expression, unsigned id) {
    expressions_.push_back(expression.c_str());
    ids_.push_back(id);
}

/// What the compiled databases depend on, besides the library and the machine.
std::string ExpressionBatch::source(const char *how) const {
    std::string out = std::string(how) + " " + std::to_string(kFlags) + "\n";
    for (std::size_t i = 0; i < expressions_.size(); i++)
        out += std::to_string(ids_[i]) + " " + expressions_[i] + "\n";
    return out;
}

Result<std::vector<HyperscanDatabase>>
ExpressionBatch::compile_together(const CompileCache &cache) const {
    std::vector<HyperscanDatabase> out;
    if (expressions_.empty())
        return out;
    const std::string from = source("together");
    if (out = cache.load(from); out.size() == 1)
        return out;
    auto made = compiled(expressions_.data(), ids_.data(), ids_.size());
    if (!made)
        return made.error();
    out.clear();
    out.push_back(std::move(*made));
    cache.store(from, out);
    return out;
}

Result<std::vector<HyperscanDatabase>>
ExpressionBatch::compile_each(const CompileCache &cache) const {
    const std::string from = source("each");
    std::vector<HyperscanDatabase> out = cache.load(from);
    if (out.size() == ids_.size())
        return out;
    out.clear();
    out.resize(ids_.size());
    const unsigned threads = std::max(1U, std::thread::hardware_concurrency());
    std::vector<std::future<Result<void>>> running;
    for (unsigned thread = 0; thread < threads; thread++)
        running.push_back(std::async(std::launch::async, [&, thread]() -> Result<void> {
            for (std::size_t i = thread; i < ids_.size(); i += threads) {
                auto made = compiled(&expressions_[i], &ids_[i], 1);
                if (!made)
                    return made.error();
                out[i] = std::move(*made);
            }
            return {};
        }));
    Result<void> done = {};
    for (auto &one : running)
        if (auto result = one.get(); !result)
            done = result;
    if (!done)
        return done.error();
    cache.store(from, out);
    return out;
}

} // namespace l7
