// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/database.hpp"

#include "core/match/compile_cache.hpp"

#include <hs/hs.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <new>
#include <unordered_map>

namespace l7 {

/// Numbers atoms and evidence and sorts expressions into their databases.
class DatabaseBuilder {
  public:
    DatabaseBuilder(Database &out, std::vector<std::string> &rejected)
        : out_(out), atoms_(out.atoms_), evidence_(out.evidence_), rejected_(rejected) {}

    void add(const Pattern &pattern, std::uint16_t index, std::uint16_t protocol,
             std::uint16_t rank) {
        if (pattern.form == Pattern::Form::L7Filter)
            return add_l7filter(pattern, index, protocol, rank);
        for (const PatternMatch &match : pattern.matches)
            add_match(match, index, protocol);
    }

    /// Puts together what has been added.
    Result<void> finish(const CompileCache &cache) {
        std::vector<RefusedExpression> refused;
        auto l7filter = l7filter_.compile_together(cache, refused);
        if (!l7filter)
            return l7filter.error();
        for (const RefusedExpression &one : refused)
            refuse(evidence_[one.id].pattern, out_.patterns_[evidence_[one.id].pattern].line,
                   one.why);
        refused.clear();
        auto alone = alone_.compile_each(cache, refused);
        if (!alone)
            return alone.error();
        if (!l7filter->empty())
            out_.l7filter_ = std::move(l7filter->front());
        out_.alone_.resize(atoms_.size());
        for (std::size_t i = 0; i < alone->size(); i++)
            out_.alone_[bound_[i]] = std::move((*alone)[i]);
        for (auto &transport : directed_)
            for (Directed &from : transport) {
                const auto transport_at = static_cast<std::size_t>(&transport - directed_.data());
                const auto direction_at = static_cast<std::size_t>(&from - transport.data());
                widest_first(from);
                DirectedAtoms &to = out_.directed_[transport_at][direction_at];
                auto unbound = from.unbound.compile_together(cache, refused);
                if (!unbound)
                    return unbound.error();
                if (!unbound->empty())
                    to.unbound = std::move(unbound->front());
                std::vector<const Prefix *> prefixes;
                for (const std::uint16_t atom : from.bound)
                    prefixes.push_back(&prefixes_.at(atom));
                to.index = PrefixIndex(prefixes);
                to.bound = std::move(from.bound);
                to.always_unbound = from.unbound_first;
            }
        std::set<unsigned> told; // an expression is compiled for each transport and direction
        for (const RefusedExpression &one : refused)
            if (told.insert(one.id).second)
                refuse(evidence_of(static_cast<std::uint16_t>(one.id)).pattern, lines_[one.id],
                       one.why);
        return {};
    }

    void refuse(std::uint16_t pattern, unsigned line, const std::string &what) {
        const Pattern &which = out_.patterns_[pattern];
        out_.refused_.insert(pattern);
        rejected_.push_back(which.file + ":" + std::to_string(line) + ": " + what);
    }

  private:
    struct Directed {
        std::vector<std::uint16_t> bound;
        ExpressionBatch unbound;
        bool unbound_first = false; ///< one of them goes first
    };

    /// Where Hyperscan can only say that there may be a match, PCRE2 has the last word.
    Result<ExpressionInfo> examined(const std::string &expression, std::optional<Pcre> &verify) {
        auto info = examine(expression);
        if (!info || !info->prefilter)
            return info;
        auto pcre = Pcre::compile(expression);
        if (!pcre)
            return pcre.error();
        verify = std::move(*pcre);
        return info;
    }

    void add_l7filter(const Pattern &pattern, std::uint16_t index, std::uint16_t protocol,
                      std::uint16_t rank) {
        static const std::string anything = ".";
        std::optional<Pcre> verify;
        auto info = examined(pattern.expression, verify);
        const std::string *scanned = &pattern.expression;
        if (!info) {
            // Anchors in the middle of a POSIX expression are not even good for a prefilter.
            auto pcre = Pcre::compile(pattern.expression);
            if (!pcre)
                return refuse(index, pattern.line, pcre.error().message);
            verify = std::move(*pcre);
            info = ExpressionInfo{};
            scanned = &anything;
        }
        l7filter_.add(*scanned, static_cast<unsigned>(evidence_.size()), info->prefilter);
        evidence_.push_back(
            {protocol, pattern.quality, false, 1, info->width, index, {}, rank, std::move(verify)});
    }

    void add_match(const PatternMatch &match, std::uint16_t index, std::uint16_t protocol) {
        struct Part {
            const std::optional<PatternPart> &part;
            unsigned directions;
            std::optional<Prefix> prefix = {};
            bool prefilter = false;
            std::optional<Pcre> verify = {};
        };
        Evidence evidence{protocol, match.quality, match.midstream, 0, 0, index, {}};
        Part parts[] = {{match.client, 1U}, {match.server, 2U}, {match.either, 3U}};

        for (Part &one : parts) {
            if (!one.part)
                continue;
            evidence.parts++;
            // Hyperscan is asked only about what is not understood here: that takes a while.
            one.prefix = prefix_of(one.part->expression);
            if (one.prefix) {
                evidence.width += static_cast<unsigned>(one.prefix->width);
                continue;
            }
            const auto info = examined(one.part->expression, one.verify);
            if (!info)
                return refuse(index, one.part->line, info.error().message);
            one.prefilter = info->prefilter;
            evidence.width += info->width;
        }
        const auto id = static_cast<std::uint16_t>(evidence_.size());
        evidence_.push_back(std::move(evidence));
        for (Part &one : parts) {
            if (!one.part)
                continue;
            const auto atom = static_cast<std::uint16_t>(atoms_.size());
            const bool decisive =
                match.quality == Quality::Great && evidence_[id].parts == 1 && one.part->times == 1;
            atoms_.push_back({one.part->where,
                              static_cast<std::uint8_t>(one.part->times),
                              decisive,
                              false,
                              {id},
                              std::move(one.verify)});
            evidence_[id].needs.push_back(atom);
            direct(*one.part, atom, match.transports, one.directions, one.prefix, one.prefilter);
        }
    }

    const Evidence &evidence_of(std::uint16_t atom) const {
        return evidence_[atoms_[atom].evidence.front()];
    }

    /// Patterns that make others into their own, the user's, the rest.
    int precedence(std::uint16_t atom) const {
        const Pattern &pattern = out_.patterns_[evidence_of(atom).pattern];
        return !pattern.supersedes.empty() ? 2 : pattern.order == PatternOrder::Before ? 1 : 0;
    }

    /// A decisive match ends the scan, so none that asks for more may come after it.
    void widest_first(Directed &what) const {
        std::ranges::stable_sort(what.bound, std::greater<>(), [&](std::uint16_t atom) {
            return std::pair(precedence(atom), evidence_of(atom).width);
        });
    }

    void direct(const PatternPart &part, std::uint16_t atom, unsigned transports,
                unsigned directions, const std::optional<Prefix> &prefix, bool prefilter) {
        const std::string &expression = part.expression;
        lines_.push_back(part.line);
        if (prefix) {
            part.where.narrow(prefixes_.emplace(atom, *prefix).first->second);
            atoms_[atom].exact = prefix->exact;
            if (!prefix->exact) {
                alone_.add(expression, atom);
                bound_.push_back(atom);
            }
        }
        for (unsigned transport = 0; transport < kTransports; transport++)
            for (unsigned direction = 0; direction < 2; direction++) {
                if (!(transports >> transport & 1U) || !(directions >> direction & 1U))
                    continue;
                Directed &to = directed_[transport][direction];
                if (prefix) {
                    to.bound.push_back(atom);
                } else {
                    to.unbound.add(expression, atom, prefilter);
                    to.unbound_first = to.unbound_first || precedence(atom) > 0;
                }
            }
    }

    Database &out_;
    std::vector<Atom> &atoms_;
    std::vector<Evidence> &evidence_;
    std::vector<std::string> &rejected_;
    std::array<std::array<Directed, 2>, kTransports> directed_;
    std::vector<std::uint16_t> bound_;                   ///< atoms, in the order of alone_
    std::unordered_map<std::uint16_t, Prefix> prefixes_; ///< by atom
    std::vector<unsigned> lines_;                        ///< by atom: of its pattern's file
    ExpressionBatch alone_;
    ExpressionBatch l7filter_;
};

namespace {

bool is_state(std::string_view name) {
    return name == "unset" || name == "unknown";
}

/// Names that no rule has come after all that one has.
std::uint16_t rank_of(const std::string &name, const std::vector<std::string> &order) {
    const auto at = std::ranges::find(order, name) - order.begin();
    return static_cast<std::uint16_t>(std::min<std::ptrdiff_t>(at, 0xffff));
}

} // namespace

Result<std::shared_ptr<const Database>> Database::compile(const PatternLibrary &library,
                                                          Protocols &protocols,
                                                          std::vector<std::string> &rejected) {
    std::shared_ptr<Database> out(new Database);

    if (hs_valid_platform() != HS_SUCCESS)
        return Error{"this processor lacks what Hyperscan needs (SSSE3)", {}, Blame::Environment};
    out->patterns_ = library.patterns;
    out->supersedes_.resize(out->patterns_.size());
    DatabaseBuilder builder(*out, rejected);
    for (std::size_t i = 0; i < out->patterns_.size(); i++) {
        const Pattern &pattern = out->patterns_[i];
        const auto index = static_cast<std::uint16_t>(i);
        const std::uint16_t protocol = protocols.number(pattern.name);
        if (is_state(pattern.name))
            continue; // l7-filter's package has files for the states, so that rules can name them
        if (protocol == L7_UNSET)
            builder.refuse(index, 1, "no protocol number is left");
        else
            builder.add(pattern, index, protocol, rank_of(pattern.name, library.order));
    }
    for (std::size_t i = 0; i < out->patterns_.size(); i++)
        for (const std::string &name : out->patterns_[i].supersedes)
            if (const std::uint16_t protocol = protocols.find(name); protocol != L7_UNSET) {
                out->supersedes_[i].push_back(protocol);
                out->superseded_.insert(protocol);
            } else {
                builder.refuse(static_cast<std::uint16_t>(i), 1,
                               "supersedes '" + name + "', which is no protocol");
            }
    if (out->atoms_.size() > 0xffff || out->evidence_.size() > 0xffff)
        return Error{"more than 65,535 expressions"};
    if (const auto done = builder.finish(CompileCache::standard()); !done)
        return done.error();
    return std::shared_ptr<const Database>(std::move(out));
}

std::size_t Database::usable_patterns() const {
    return patterns_.size() - refused_.size();
}

bool Database::supersedes(const Evidence &evidence, std::uint16_t protocol) const {
    return std::ranges::find(supersedes_[evidence.pattern], protocol) !=
           supersedes_[evidence.pattern].end();
}

bool Database::may_supersede(std::uint16_t protocol) const {
    return superseded_.contains(protocol);
}

Scanner::Scanner(std::shared_ptr<const Database> database) : database_(std::move(database)) {
    const auto reserve = [this](const HyperscanDatabase &one) {
        if (one && hs_alloc_scratch(one.get(), &scratch_) != HS_SUCCESS)
            throw std::bad_alloc();
    };
    for (const auto &transport : database_->directed_)
        for (const DirectedAtoms &one : transport)
            reserve(one.unbound);
    for (const HyperscanDatabase &one : database_->alone_)
        reserve(one);
    reserve(database_->l7filter_);
}

Scanner::~Scanner() {
    hs_free_scratch(scratch_);
}

namespace {

constexpr std::uint64_t kTimedOneIn = 16; // reading the clock takes about as long as a short scan

int collect(unsigned id, unsigned long long, unsigned long long, unsigned, void *to) {
    static_cast<std::vector<std::uint16_t> *>(to)->push_back(static_cast<std::uint16_t>(id));
    return 0;
}

} // namespace

/// Adds what matches to found_.
void Scanner::run(const HyperscanDatabase &database, Bytes data) {
    using Clock = std::chrono::steady_clock;
    const bool timed = time_.scans++ % kTimedOneIn == 0;
    const auto begun = timed ? Clock::now() : Clock::time_point();
    hs_scan(database.get(), reinterpret_cast<const char *>(data.data()),
            static_cast<unsigned>(data.size()), 0, scratch_, collect, &found_);
    if (timed)
        time_.ns += kTimedOneIn * static_cast<std::uint64_t>((Clock::now() - begun) /
                                                             std::chrono::nanoseconds(1));
}

const std::vector<std::uint16_t> &Scanner::scan(Transport transport, unsigned direction, Bytes data,
                                                std::uint64_t size) {
    const DirectedAtoms &atoms =
        database_->directed_[static_cast<unsigned>(transport)][direction & 1];
    bool decided = false;

    found_.clear();
    atoms.index.each(data, [&](std::size_t i) {
        const std::uint16_t id = atoms.bound[i];
        const Atom &atom = database_->atoms_[id];
        if (!atom.where.holds(data, size))
            return true;
        const std::size_t before = found_.size();
        if (atom.exact)
            found_.push_back(id);
        else
            run(database_->alone_[id], data);
        // Nothing that comes later could change a decisive match.
        decided = found_.size() > before && atom.decisive;
        return !decided;
    });
    if (atoms.unbound && (!decided || atoms.always_unbound)) {
        run(atoms.unbound, data);
        std::erase_if(found_, [&](std::uint16_t id) {
            const Atom &atom = database_->atoms_[id];
            return !atom.where.holds(data, size) || (atom.verify && !atom.verify->matches(data));
        });
    }
    return found_;
}

const std::vector<std::uint16_t> &Scanner::scan_l7filter(Bytes data) {
    found_.clear();
    if (database_->l7filter_)
        run(database_->l7filter_, data);
    std::erase_if(found_, [&](std::uint16_t id) {
        const auto &verify = database_->evidence_[id].verify;
        return verify && !verify->matches(data);
    });
    return found_;
}

} // namespace l7
