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

constexpr unsigned flags_of(bool prefilter) {
    return HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY |
           (prefilter ? HS_FLAG_PREFILTER : 0U);
}

struct Failure {
    int expression; ///< its place; negative where it is not about one
    std::string message;
};

/// Null with a failure.
HyperscanDatabase compiled(const char *const *expressions, const unsigned *flags,
                           const unsigned *ids, std::size_t count, Failure &failure) {
    hs_database_t *database = nullptr;
    hs_compile_error_t *error = nullptr;

    if (hs_compile_multi(expressions, flags, ids, static_cast<unsigned>(count), HS_MODE_BLOCK,
                         nullptr, &database, &error) == HS_SUCCESS)
        return HyperscanDatabase(database);
    failure = {error->expression, error->message};
    hs_free_compile_error(error);
    return {};
}

} // namespace

void HyperscanFree::operator()(hs_database *database) const {
    hs_free_database(database);
}

Result<ExpressionInfo> examine(const std::string &expression) {
    std::string why;
    for (const bool prefilter : {false, true}) {
        hs_expr_info_t *info = nullptr;
        hs_compile_error_t *failure = nullptr;
        if (hs_expression_info(expression.c_str(), flags_of(prefilter), &info, &failure) ==
            HS_SUCCESS) {
            const ExpressionInfo out{info->min_width, prefilter};
            std::free(info); // NOLINT: Hyperscan's default misc allocator is malloc
            return out;
        }
        if (!prefilter)
            why = failure->message;
        hs_free_compile_error(failure);
    }
    return Error{why};
}

void ExpressionBatch::add(const std::string &expression, unsigned id, bool prefilter) {
    expressions_.push_back(expression.c_str());
    ids_.push_back(id);
    flags_.push_back(flags_of(prefilter));
}

/// What the compiled databases depend on, besides the library and the machine.
std::string ExpressionBatch::source(const char *how) const {
    std::string out = std::string(how) + "\n";
    for (std::size_t i = 0; i < expressions_.size(); i++)
        out += std::to_string(ids_[i]) + " " + std::to_string(flags_[i]) + " " + expressions_[i] +
               "\n";
    return out;
}

Result<std::vector<HyperscanDatabase>>
ExpressionBatch::compile_together(const CompileCache &cache,
                                  std::vector<RefusedExpression> &refused) {
    while (!expressions_.empty()) {
        const std::string from = source("together");
        std::vector<HyperscanDatabase> out;
        std::vector<CompiledDatabase> known = cache.load(from);
        if (known.size() == 1 && known.front().database) {
            out.push_back(std::move(known.front().database));
            return out;
        }
        Failure failure;
        auto made = compiled(expressions_.data(), flags_.data(), ids_.data(), ids_.size(), failure);
        if (made) {
            known.clear();
            known.push_back({std::move(made), {}});
            cache.store(from, known);
            out.push_back(std::move(known.front().database));
            return out;
        }
        if (failure.expression < 0)
            return Error{"compiling patterns: " + failure.message};
        refused.push_back({ids_[static_cast<std::size_t>(failure.expression)], failure.message});
        expressions_.erase(expressions_.begin() + failure.expression);
        ids_.erase(ids_.begin() + failure.expression);
        flags_.erase(flags_.begin() + failure.expression);
    }
    return std::vector<HyperscanDatabase>{};
}

Result<std::vector<HyperscanDatabase>>
ExpressionBatch::compile_each(const CompileCache &cache,
                              std::vector<RefusedExpression> &refused) const {
    const std::string from = source("each");
    std::vector<CompiledDatabase> all = cache.load(from);
    if (all.size() != ids_.size()) {
        all = std::vector<CompiledDatabase>(ids_.size());
        const unsigned threads = std::max(1U, std::thread::hardware_concurrency());
        std::vector<std::future<void>> running;
        for (unsigned thread = 0; thread < threads; thread++)
            running.push_back(std::async(std::launch::async, [&, thread]() {
                for (std::size_t i = thread; i < ids_.size(); i += threads) {
                    Failure failure;
                    all[i].database = compiled(&expressions_[i], &flags_[i], &ids_[i], 1, failure);
                    if (!all[i].database)
                        all[i].refusal = failure.message;
                }
            }));
        for (auto &one : running)
            one.get();
        cache.store(from, all);
    }
    std::vector<HyperscanDatabase> out;
    for (std::size_t i = 0; i < ids_.size(); i++) {
        if (!all[i].database)
            refused.push_back({ids_[i], all[i].refusal});
        out.push_back(std::move(all[i].database));
    }
    return out;
}

} // namespace l7
