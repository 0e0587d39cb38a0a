// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/database.hpp"

#include "core/match/compile_cache.hpp"

#include <hs/hs.h>

#include <algorithm>
#include <future>
#include <new>
#include <set>

namespace l7 {

namespace {

constexpr unsigned kFlags = HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY;

/// Expressions on their way into one Hyperscan database.
struct Batch {
    std::vector<const char *> expressions;
    std::vector<unsigned> flags;
    std::vector<unsigned> ids;

    void add(const std::string &expression, unsigned id) {
        expressions.push_back(expression.c_str());
        flags.push_back(kFlags);
        ids.push_back(id);
    }

    /// What the compiled database depends on, besides the library and the machine.
    std::string source() const {
        std::string out;
        for (std::size_t i = 0; i < expressions.size(); i++)
            out += std::to_string(ids[i]) + " " + std::to_string(flags[i]) + " " + expressions[i] +
                   "\n";
        return out;
    }

    Result<hs_database *> compile(const CompileCache &cache) const {
        hs_database_t *database = nullptr;
        hs_compile_error_t *failure = nullptr;

        if (expressions.empty())
            return database;
        const std::string from = source();
        if ((database = cache.load(from)))
            return database;
        if (hs_compile_multi(expressions.data(), flags.data(), ids.data(),
                             static_cast<unsigned>(expressions.size()), HS_MODE_BLOCK, nullptr,
                             &database, &failure) != HS_SUCCESS) {
            Error error{std::string("compiling patterns: ") + failure->message};
            hs_free_compile_error(failure);
            return error;
        }
        cache.store(from, database);
        return database;
    }
};

/// The bytes an expression needs at least, or what Hyperscan says against it.
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

std::string refused(const Pattern &pattern, unsigned line, const std::string &what) {
    return pattern.file + ":" + std::to_string(line) + ": " + what;
}

} // namespace

/// Numbers atoms and evidence and sorts expressions into their databases.
class DatabaseBuilder {
  public:
    DatabaseBuilder(std::vector<Atom> &atoms, std::vector<Evidence> &evidence)
        : atoms_(atoms), evidence_(evidence) {}

    void add(const Pattern &pattern, std::uint16_t index, std::uint16_t protocol,
             std::vector<std::string> &rejected) {
        if (pattern.form == Pattern::Form::L7Filter)
            return add_l7filter(pattern, index, protocol, rejected);
        for (const PatternMatch &match : pattern.matches)
            add_match(pattern, match, index, protocol, rejected);
    }

    std::array<std::array<Batch, 2>, kTransports> directed;
    Batch l7filter;

  private:
    void add_l7filter(const Pattern &pattern, std::uint16_t index, std::uint16_t protocol,
                      std::vector<std::string> &rejected) {
        const auto width = minimum_width(pattern.expression);
        if (!width)
            return rejected.push_back(refused(pattern, 1, width.error().message));
        l7filter.add(pattern.expression, static_cast<unsigned>(evidence_.size()));
        evidence_.push_back({protocol, pattern.quality, false, 1, *width, index, {}});
    }

    void add_match(const Pattern &pattern, const PatternMatch &match, std::uint16_t index,
                   std::uint16_t protocol, std::vector<std::string> &rejected) {
        Evidence evidence{protocol, match.quality, match.midstream, 0, 0, index, {}};
        const std::pair<const std::optional<PatternPart> &, unsigned> parts[] = {
            {match.client, 1U}, {match.server, 2U}, {match.either, 3U}};

        for (const auto &[part, directions] : parts) {
            if (!part)
                continue;
            const auto width = minimum_width(part->expression);
            if (!width)
                return rejected.push_back(refused(pattern, part->line, width.error().message));
            evidence.parts++;
            evidence.width += *width;
        }
        const auto id = static_cast<std::uint16_t>(evidence_.size());
        for (const auto &[part, directions] : parts) {
            if (!part)
                continue;
            const auto atom = static_cast<std::uint16_t>(atoms_.size());
            const bool decisive =
                match.quality == Quality::Great && evidence.parts == 1 && part->times == 1;
            atoms_.push_back({part->where, static_cast<std::uint8_t>(part->times), decisive, {id}});
            evidence.needs.push_back(atom);
            for (unsigned transport = 0; transport < kTransports; transport++)
                for (unsigned direction = 0; direction < 2; direction++)
                    if ((match.transports >> transport & 1U) && (directions >> direction & 1U))
                        directed[transport][direction].add(part->expression, atom);
        }
        evidence_.push_back(std::move(evidence));
    }

    std::vector<Atom> &atoms_;
    std::vector<Evidence> &evidence_;
};

Result<std::shared_ptr<const Database>> Database::compile(const PatternLibrary &library,
                                                          Protocols &protocols,
                                                          std::vector<std::string> &rejected) {
    std::shared_ptr<Database> out(new Database);
    DatabaseBuilder builder(out->atoms_, out->evidence_);

    if (hs_valid_platform() != HS_SUCCESS)
        return Error{"this processor lacks what Hyperscan needs (SSSE3)", {}, Blame::Environment};
    out->patterns_ = library.patterns;
    for (std::size_t i = 0; i < out->patterns_.size(); i++) {
        const Pattern &pattern = out->patterns_[i];
        const std::uint16_t protocol = protocols.number(pattern.name);
        if (protocol == L7_UNSET)
            rejected.push_back(refused(pattern, 1, "no protocol number is left"));
        else
            builder.add(pattern, static_cast<std::uint16_t>(i), protocol, rejected);
    }
    if (out->atoms_.size() > 0xffff || out->evidence_.size() > 0xffff)
        return Error{"more than 65,535 expressions"};
    std::vector<std::pair<const Batch *, hs_database **>> jobs{
        {&builder.l7filter, &out->l7filter_}};
    for (unsigned transport = 0; transport < kTransports; transport++)
        for (unsigned direction = 0; direction < 2; direction++)
            jobs.emplace_back(&builder.directed[transport][direction],
                              &out->directed_[transport][direction]);
    // Compiling takes seconds, so each has a thread.
    const CompileCache cache = CompileCache::standard();
    std::vector<std::future<Result<hs_database *>>> running;
    running.reserve(jobs.size());
    for (const auto &[batch, into] : jobs)
        running.push_back(std::async(std::launch::async,
                                     [&cache, from = batch] { return from->compile(cache); }));
    Result<void> done = {};
    for (std::size_t i = 0; i < jobs.size(); i++) {
        auto compiled = running[i].get();
        if (compiled)
            *jobs[i].second = *compiled;
        else
            done = compiled.error();
    }
    if (!done)
        return done.error();
    return std::shared_ptr<const Database>(std::move(out));
}

std::size_t Database::usable_patterns() const {
    std::set<std::uint16_t> used;
    for (const Evidence &one : evidence_)
        used.insert(one.pattern);
    return used.size();
}

Database::~Database() {
    for (const auto &transport : directed_)
        for (hs_database *database : transport)
            hs_free_database(database);
    hs_free_database(l7filter_);
}

Scanner::Scanner(std::shared_ptr<const Database> database) : database_(std::move(database)) {
    const auto reserve = [this](const hs_database *one) {
        if (one && hs_alloc_scratch(one, &scratch_) != HS_SUCCESS)
            throw std::bad_alloc();
    };
    for (const auto &transport : database_->directed_)
        for (const hs_database *one : transport)
            reserve(one);
    reserve(database_->l7filter_);
}

Scanner::~Scanner() {
    hs_free_scratch(scratch_);
}

namespace {

/// What a scan's callback works on.
struct Finding {
    const Database &database;
    Bytes data;
    std::uint64_t size;
    std::vector<std::uint16_t> &found;

    /// Nonzero ends the scan: nothing that comes later could change a decisive match.
    static int take(unsigned id, unsigned long long, unsigned long long, unsigned, void *to) {
        const auto &self = *static_cast<Finding *>(to);
        const Atom &atom = self.database.atom(static_cast<std::uint16_t>(id));
        if (!atom.where.holds(self.data, self.size))
            return 0;
        self.found.push_back(static_cast<std::uint16_t>(id));
        return atom.decisive ? 1 : 0;
    }
};

} // namespace

const std::vector<std::uint16_t> &Scanner::scan(Transport transport, unsigned direction, Bytes data,
                                                std::uint64_t size) {
    const hs_database *database =
        database_->directed_[static_cast<unsigned>(transport)][direction & 1];
    Finding finding{*database_, data, size, found_};

    found_.clear();
    if (database)
        hs_scan(database, reinterpret_cast<const char *>(data.data()),
                static_cast<unsigned>(data.size()), 0, scratch_, Finding::take, &finding);
    return found_;
}

const std::vector<std::uint16_t> &Scanner::scan_l7filter(Bytes data) {
    const auto take = [](unsigned id, unsigned long long, unsigned long long, unsigned,
                         void *to) -> int {
        static_cast<std::vector<std::uint16_t> *>(to)->push_back(static_cast<std::uint16_t>(id));
        return 0;
    };
    found_.clear();
    if (database_->l7filter_)
        hs_scan(database_->l7filter_, reinterpret_cast<const char *>(data.data()),
                static_cast<unsigned>(data.size()), 0, scratch_, take, &found_);
    return found_;
}

} // namespace l7
