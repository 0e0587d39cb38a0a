// SPDX-License-Identifier: GPL-2.0-or-later
// Compiled patterns: Hyperscan databases by transport and direction, and what their matches amount
// to.
//
// Threads: a Database is immutable and shared; each thread scans with a Scanner of its own.
#pragma once

#include "core/match/hyperscan.hpp"
#include "core/match/library.hpp"
#include "core/match/pcre.hpp"
#include "core/match/prefix_index.hpp"
#include "core/names/protocols.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

struct hs_scratch;

namespace l7 {

/// One expression with its condition; what a scan finds.
struct Atom {
    Condition where;
    std::uint8_t times = 1;
    bool decisive = false;               ///< enough by itself, and of the best quality
    bool exact = false;                  ///< its prefix is all of it
    std::vector<std::uint16_t> evidence; ///< evidences it is part of
    std::optional<Pcre> verify = {};     ///< where Hyperscan only says that it may be there
};

/// One [[match]], compiled: the atoms it needs and how much it is worth.
struct Evidence {
    std::uint16_t protocol;
    Quality quality;
    bool midstream;
    std::uint8_t parts;               ///< kinds of part: 1 to 3
    unsigned width;                   ///< bytes that the expressions need at least
    std::uint16_t pattern;            ///< index in the library
    std::vector<std::uint16_t> needs; ///< atoms, all of which must be met
    std::uint16_t rank = 0;           ///< of an l7-filter pattern: place in the order of rules
    std::optional<Pcre> verify = {};  ///< of an l7-filter pattern, as in Atom
};

/// What is looked for in the data of one direction over one transport. Expressions that are bound
/// to the start of the data, nearly all, are sorted out by its first bytes and by their conditions,
/// and only what remains is tried, each by itself; the others are scanned for together.
struct DirectedAtoms {
    std::vector<std::uint16_t> bound;
    PrefixIndex index; ///< of the bound ones
    HyperscanDatabase unbound;
    bool always_unbound = false; ///< scan for those even after a decisive match
};

class Database {
  public:
    /// Compiles the library; protocols it does not know yet are added to `protocols`. Patterns that
    /// Hyperscan refuses go to `rejected` as `file:line: what`; the others are used.
    static Result<std::shared_ptr<const Database>> compile(const PatternLibrary &library,
                                                           Protocols &protocols,
                                                           std::vector<std::string> &rejected);
    const Atom &atom(std::uint16_t id) const { return atoms_[id]; }
    const Evidence &evidence(std::uint16_t id) const { return evidence_[id]; }
    const Pattern &pattern(const Evidence &evidence) const { return patterns_[evidence.pattern]; }
    const std::vector<Pattern> &patterns() const { return patterns_; }
    std::size_t usable_patterns() const; ///< those of which nothing was refused

    /// Whether the evidence's pattern says that it makes flows of `protocol` into its own.
    bool supersedes(const Evidence &evidence, std::uint16_t protocol) const;

    /// Whether any pattern does.
    bool may_supersede(std::uint16_t protocol) const;
    bool has_l7filter() const { return l7filter_ != nullptr; }
    bool only_l7filter() const { return has_l7filter() && atoms_.empty(); }

  private:
    friend class DatabaseBuilder;
    friend class Scanner;
    Database() = default;

    std::vector<Pattern> patterns_;
    std::vector<Atom> atoms_;
    std::vector<Evidence> evidence_;
    std::array<std::array<DirectedAtoms, 2>, kTransports> directed_;
    std::vector<HyperscanDatabase> alone_; ///< by atom; null for an unbound one
    HyperscanDatabase l7filter_;
    std::vector<std::vector<std::uint16_t>> supersedes_; ///< by pattern: protocols
    std::set<std::uint16_t> superseded_;
    std::set<std::uint16_t> refused_; ///< patterns
};

/// What Hyperscan took.
struct ScanTime {
    std::uint64_t scans = 0;
    std::uint64_t ns = 0; ///< one scan in 16 is timed and stands for all
};

class Scanner {
  public:
    /// Makes the scratch space for `database`; throws std::bad_alloc where there is no memory for
    /// it.
    explicit Scanner(std::shared_ptr<const Database> database);
    ~Scanner();
    Scanner(const Scanner &) = delete;
    Scanner &operator=(const Scanner &) = delete;

    const Database &database() const { return *database_; }

    /// Atoms that `data`, sent in `direction` (0: by the initiator), meets, conditions included.
    /// `size` is what the conditions know as size. The list is valid until the next scan.
    const std::vector<std::uint16_t> &scan(Transport transport, unsigned direction, Bytes data,
                                           std::uint64_t size);

    /// Evidence of l7-filter patterns in the merged data of both directions, without its NULs.
    const std::vector<std::uint16_t> &scan_l7filter(Bytes data);

    const ScanTime &time() const { return time_; }

  private:
    void run(const HyperscanDatabase &database, Bytes data);

    std::shared_ptr<const Database> database_;
    hs_scratch *scratch_ = nullptr;
    std::vector<std::uint16_t> found_;
    ScanTime time_;
};

} // namespace l7
