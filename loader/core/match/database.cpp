// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/database.hpp"

#include "core/match/compile_cache.hpp"

#include <hs/hs.h>

#include <algorithm>
#include <functional>
#include <new>
#include <numeric>
#include <set>

namespace l7 {

namespace {

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

    /// Puts together what has been added.
    Result<void> finish(Database &out, const CompileCache &cache) {
        auto l7filter = l7filter_.compile_together(cache);
        auto alone = alone_.compile_each(cache);
        if (!l7filter || !alone)
            return l7filter ? alone.error() : l7filter.error();
        if (!l7filter->empty())
            out.l7filter_ = std::move(l7filter->front());
        out.alone_.resize(atoms_.size());
        for (std::size_t i = 0; i < alone->size(); i++)
            out.alone_[bound_[i]] = std::move((*alone)[i]);
        for (unsigned transport = 0; transport < kTransports; transport++)
            for (unsigned direction = 0; direction < 2; direction++) {
                Directed &from = directed_[transport][direction];
                widest_first(from);
                DirectedAtoms &to = out.directed_[transport][direction];
                auto unbound = from.unbound.compile_together(cache);
                if (!unbound)
                    return unbound.error();
                if (!unbound->empty())
                    to.unbound = std::move(unbound->front());
                to.index = PrefixIndex(from.prefixes);
                to.bound = std::move(from.bound);
            }
        return {};
    }

  private:
    struct Directed {
        std::vector<std::uint16_t> bound;
        std::vector<Prefix> prefixes;
        ExpressionBatch unbound;
    };

    void add_l7filter(const Pattern &pattern, std::uint16_t index, std::uint16_t protocol,
                      std::vector<std::string> &rejected) {
        const auto width = minimum_width(pattern.expression);
        if (!width)
            return rejected.push_back(refused(pattern, 1, width.error().message));
        l7filter_.add(pattern.expression, static_cast<unsigned>(evidence_.size()));
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
            direct(part->expression, atom, match.transports, directions);
        }
        evidence_.push_back(std::move(evidence));
    }

    /// A decisive match ends the scan, so none that asks for more may come after it.
    void widest_first(Directed &what) const {
        std::vector<std::size_t> order(what.bound.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t i) {
            return evidence_[atoms_[what.bound[i]].evidence.front()].width;
        });
        Directed sorted;
        for (const std::size_t i : order) {
            sorted.bound.push_back(what.bound[i]);
            sorted.prefixes.push_back(what.prefixes[i]);
        }
        what.bound = std::move(sorted.bound);
        what.prefixes = std::move(sorted.prefixes);
    }

    void direct(const std::string &expression, std::uint16_t atom, unsigned transports,
                unsigned directions) {
        const auto prefix = prefix_of(expression);
        if (prefix) {
            alone_.add(expression, atom);
            bound_.push_back(atom);
        }
        for (unsigned transport = 0; transport < kTransports; transport++)
            for (unsigned direction = 0; direction < 2; direction++) {
                if (!(transports >> transport & 1U) || !(directions >> direction & 1U))
                    continue;
                Directed &to = directed_[transport][direction];
                if (prefix) {
                    to.bound.push_back(atom);
                    to.prefixes.push_back(*prefix);
                } else {
                    to.unbound.add(expression, atom);
                }
            }
    }

    std::vector<Atom> &atoms_;
    std::vector<Evidence> &evidence_;
    std::array<std::array<Directed, 2>, kTransports> directed_;
    std::vector<std::uint16_t> bound_; ///< atoms, in the order of alone_
    ExpressionBatch alone_;
    ExpressionBatch l7filter_;
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
    if (const auto done = builder.finish(*out, CompileCache::standard()); !done)
        return done.error();
    return std::shared_ptr<const Database>(std::move(out));
}

std::size_t Database::usable_patterns() const {
    std::set<std::uint16_t> used;
    for (const Evidence &one : evidence_)
        used.insert(one.pattern);
    return used.size();
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

void scan_in(const HyperscanDatabase &database, Bytes data, hs_scratch *scratch,
             match_event_handler met, void *to) {
    hs_scan(database.get(), reinterpret_cast<const char *>(data.data()),
            static_cast<unsigned>(data.size()), 0, scratch, met, to);
}

int collect(unsigned id, unsigned long long, unsigned long long, unsigned, void *to) {
    static_cast<std::vector<std::uint16_t> *>(to)->push_back(static_cast<std::uint16_t>(id));
    return 0;
}

} // namespace

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
        scan_in(database_->alone_[id], data, scratch_, collect, &found_);
        // Nothing that comes later could change a decisive match.
        decided = found_.size() > before && atom.decisive;
        return !decided;
    });
    if (atoms.unbound && !decided) {
        scan_in(atoms.unbound, data, scratch_, collect, &found_);
        std::erase_if(found_, [&](std::uint16_t id) {
            return !database_->atoms_[id].where.holds(data, size);
        });
    }
    return found_;
}

const std::vector<std::uint16_t> &Scanner::scan_l7filter(Bytes data) {
    found_.clear();
    if (database_->l7filter_)
        scan_in(database_->l7filter_, data, scratch_, collect, &found_);
    return found_;
}

} // namespace l7
