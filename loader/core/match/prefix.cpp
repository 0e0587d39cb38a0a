// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/prefix.hpp"

#include "core/base/text.hpp"
#include "core/match/prefix_index.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <unordered_map>

namespace l7 {

namespace {

using Set = std::bitset<256>;

/// Where in the data the expression can have come to.
struct Place {
    std::bitset<Prefix::kBytes + 1> offsets; ///< n: so many bytes consumed; the last: that or more
    bool anywhere = true;                    ///< no start of data was asked for yet

    bool operator==(const Place &) const = default;
    Place operator|(const Place &other) const {
        return {offsets | other.offsets, anywhere || other.anywhere};
    }
};

constexpr unsigned kNoLimit = ~0U;
constexpr unsigned kPrefixSteps = 20000; // nested repetitions of hostile patterns end here

/// Reads an expression and follows, at the same time, all the ways through its first bytes. A
/// repeated part is read again for each repetition.
class Walk {
  public:
    explicit Walk(std::string_view text) : text_(text) {}

    std::optional<Prefix> run() {
        const Place end = alternatives(Place{});
        if (!understood_ || at_ != text_.size() || end.anywhere)
            return std::nullopt;
        while (out_.width > 0 && (end.offsets << (Prefix::kBytes + 1 - out_.width)).any())
            out_.width--;
        for (std::size_t i = out_.width; i < Prefix::kBytes; i++)
            out_.allowed[i].set();
        out_.exact = straight_ && end.offsets.count() == 1 && !end.offsets[Prefix::kBytes];
        return out_;
    }

  private:
    bool more() const { return at_ < text_.size(); }
    bool next_is(char c) const { return more() && text_[at_] == c; }
    bool skip(std::string_view word) {
        if (!text_.substr(at_).starts_with(word))
            return false;
        at_ += word.size();
        return true;
    }
    Place give_up() {
        understood_ = false;
        at_ = text_.size();
        return {};
    }

    Place alternatives(const Place &from) {
        const bool outside = fold_case_;
        Place out = sequence(from);
        while (understood_ && skip("|")) {
            straight_ = false; // what may follow what is not kept
            out = out | sequence(from);
        }
        fold_case_ = outside;
        return out;
    }

    Place sequence(Place place) {
        while (understood_ && more() && !next_is('|') && !next_is(')'))
            place = repeated(place);
        return place;
    }

    Place repeated(const Place &from) {
        const std::size_t start = at_;
        Place place = one(from); // read once in any case, to know where it ends
        const std::size_t end = at_;
        unsigned least = 1, most = 1;
        if (!understood_ || !quantifier(least, most))
            return give_up();
        const std::size_t after = at_;
        if (least == 0)
            place = from | place;
        for (unsigned times = 1; times < most && understood_; times++) {
            at_ = start;
            const Place longer = one(place);
            if (at_ != end)
                return give_up();
            const Place both = times < least ? longer : place | longer;
            if (both == place)
                break;
            place = both;
        }
        at_ = understood_ ? after : text_.size();
        return place;
    }

    /// Reads a quantifier, where there is one. False where it is not understood.
    bool quantifier(unsigned &least, unsigned &most) {
        if (skip("*")) {
            least = 0;
            most = kNoLimit;
        } else if (skip("+")) {
            most = kNoLimit;
        } else if (skip("?")) {
            least = 0;
        } else if (next_is('{')) {
            at_++;
            if (!number(least))
                return false;
            most = least;
            if (skip(",") && !number(most))
                most = kNoLimit;
            if (!skip("}") || most < least || most == 0)
                return false;
        } else {
            return true;
        }
        (void)(skip("?") || skip("+")); // lazy, possessive: the same bytes
        return true;
    }

    bool number(unsigned &out) {
        const std::size_t start = at_;
        unsigned value = 0;
        while (more() && text_[at_] >= '0' && text_[at_] <= '9' && value < 100000)
            value = value * 10 + static_cast<unsigned>(text_[at_++] - '0');
        if (at_ == start)
            return false;
        out = value;
        return true;
    }

    Place one(const Place &from) {
        if (++steps_ > kPrefixSteps)
            return give_up();
        switch (text_[at_]) {
        case '^':
            at_++;
            return {from.offsets[0] || from.anywhere ? 1U : 0U, false};
        case '$':
            at_++;
            straight_ = false;
            return from; // allows too much, which is allowed
        case '(':
            return group(from);
        case '[':
            return consume(from, bracket());
        case '.':
            at_++;
            return consume(from, Set().set());
        case '*':
        case '+':
        case '?':
        case '{':
            return give_up();
        case '\\':
            if (skip("\\b")) { // takes no byte: allows too much, too
                straight_ = false;
                return from;
            }
            return consume(from, escape());
        default:
            return consume(from, single(text_[at_++]));
        }
    }

    Place group(const Place &from) {
        at_++;
        if (skip("?i)")) {
            fold_case_ = true;
            return from;
        }
        const bool outside = fold_case_;
        if (skip("?i:"))
            fold_case_ = true;
        else if (!skip("?:") && !skip("?s:") && next_is('?')) // "." is every byte in any case
            return give_up();
        const Place out = alternatives(from);
        fold_case_ = outside;
        return skip(")") ? out : give_up();
    }

    Place consume(const Place &from, Set bytes) {
        if (!understood_ || from.anywhere)
            return give_up();
        if (fold_case_)
            for (unsigned c = 'a'; c <= 'z'; c++) {
                const bool either = bytes[c] || bytes[c - 32];
                bytes[c] = bytes[c - 32] = either;
            }
        straight_ = straight_ && from.offsets.count() == 1;
        for (std::size_t i = 0; i < Prefix::kBytes; i++)
            if (from.offsets[i])
                out_.allowed[i] |= bytes;
        Place out{from.offsets << 1U, false};
        out.offsets[Prefix::kBytes] =
            from.offsets[Prefix::kBytes] || from.offsets[Prefix::kBytes - 1];
        return out;
    }

    static Set single(char c) { return Set().set(static_cast<unsigned char>(c)); }

    static Set range(unsigned first, unsigned last) {
        Set out;
        for (unsigned c = first; c <= last; c++)
            out.set(c);
        return out;
    }

    /// A backslash and what belongs to it, as a set of bytes.
    Set escape() {
        at_++;
        if (!more())
            return give_up(), Set();
        const char c = text_[at_++];
        switch (c) {
        case 'n':
            return single('\n');
        case 'r':
            return single('\r');
        case 't':
            return single('\t');
        case 'f':
            return single('\f');
        case 'x':
            return hexadecimal();
        case 'd':
            return range('0', '9');
        case 'D':
            return ~range('0', '9');
        case 'w':
            return word();
        case 'W':
            return ~word();
        case 's':
            return range('\t', '\r') | single(' ');
        case 'S':
            return ~(range('\t', '\r') | single(' '));
        default:
            if (is_alphanumeric(c))
                return give_up(), Set();
            return single(c);
        }
    }

    static Set word() { return range('0', '9') | range('a', 'z') | range('A', 'Z') | single('_'); }

    Set hexadecimal() {
        unsigned value = 0;
        for (int i = 0; i < 2; i++) {
            const char c = more() ? text_[at_++] : 'x';
            if (c >= '0' && c <= '9')
                value = value * 16 + static_cast<unsigned>(c - '0');
            else if ((c | 32) >= 'a' && (c | 32) <= 'f')
                value = value * 16 + static_cast<unsigned>((c | 32) - 'a' + 10);
            else
                return give_up(), Set();
        }
        return Set().set(value);
    }

    Set bracket() {
        Set out;
        at_++;
        const bool negated = skip("^");
        for (bool first = true; understood_ && (first || !next_is(']')); first = false) {
            if (!more() || next_is('[')) // a POSIX class, perhaps
                return give_up(), Set();
            const Set from = next_is('\\') ? escape() : single(text_[at_++]);
            if (next_is('-') && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
                at_++;
                const Set to = next_is('\\') ? escape() : single(text_[at_++]);
                if (!understood_ || from.count() != 1 || to.count() != 1)
                    return give_up(), Set();
                out |= range(lowest(from), lowest(to));
            } else {
                out |= from;
            }
        }
        if (!skip("]"))
            return give_up(), Set();
        if (negated && fold_case_) {
            straight_ = false; // what folding does to the others is left open
            return Set().set();
        }
        return negated ? ~out : out;
    }

    static unsigned lowest(const Set &set) {
        unsigned c = 0;
        while (!set[c])
            c++;
        return c;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    unsigned steps_ = 0;
    bool understood_ = true;
    bool fold_case_ = false;
    bool straight_ = true; ///< one way only, each byte of it by itself
    Prefix out_;
};

} // namespace

std::optional<Prefix> prefix_of(std::string_view expression) {
    return Walk(expression).run();
}

namespace {

/// How likely it is that a byte of real data is in the set: zeros are more frequent than others.
double share(const Set &set) {
    constexpr double kZero = 0.2;
    const auto others = static_cast<double>(set.count() - (set[0] ? 1 : 0));
    return (set[0] ? kZero : 0.0) + others * (1 - kZero) / 255;
}

/// The offsets that tell most of the expressions apart, the best first: each spares the most of
/// those that the ones before it leave over.
std::vector<std::size_t> telling_offsets(const std::vector<const Prefix *> &prefixes) {
    constexpr std::size_t kMost = 16;
    constexpr double kWorth = 0.02; // of an expression tried; less is not worth the look
    std::vector<double> left(prefixes.size(), 1.0);
    std::vector<std::array<float, Prefix::kBytes>> passes(prefixes.size());
    std::vector<std::size_t> out;

    for (std::size_t n = 0; n < prefixes.size(); n++)
        for (std::size_t offset = 0; offset < Prefix::kBytes; offset++)
            passes[n][offset] = offset < prefixes[n]->width
                                    ? static_cast<float>(share(prefixes[n]->allowed[offset]))
                                    : 1.0F;

    while (out.size() < kMost) {
        std::size_t best = 0;
        double most = kWorth;
        for (std::size_t offset = 0; offset < Prefix::kBytes; offset++) {
            double gain = 0;
            for (std::size_t n = 0; n < prefixes.size(); n++)
                gain += left[n] * (1 - static_cast<double>(passes[n][offset]));
            if (gain > most) {
                most = gain;
                best = offset;
            }
        }
        if (most <= kWorth)
            break;
        out.push_back(best);
        for (std::size_t n = 0; n < prefixes.size(); n++)
            left[n] *= static_cast<double>(passes[n][best]);
    }
    return out;
}

} // namespace

PrefixIndex::PrefixIndex(const std::vector<const Prefix *> &prefixes)
    : words_((prefixes.size() + 63) / 64), offsets_(telling_offsets(prefixes)) {
    std::map<std::vector<std::uint64_t>, std::uint16_t> known;
    for (const std::size_t offset : offsets_)
        for (std::size_t value = 0; value < kValues; value++) {
            std::vector<std::uint64_t> row(words_);
            for (std::size_t n = 0; n < prefixes.size(); n++)
                if (value == kEnd ? prefixes[n]->width <= offset
                                  : prefixes[n]->allowed[offset][value])
                    row[n / 64] |= 1ULL << (n % 64);
            const auto [at, fresh] =
                known.try_emplace(row, static_cast<std::uint16_t>(known.size()));
            if (fresh)
                rows_.insert(rows_.end(), row.begin(), row.end());
            row_.push_back(at->second);
        }
    if (words_)
        last_ = prefixes.size() % 64 ? (1ULL << (prefixes.size() % 64)) - 1 : ~0ULL;
    add_rest(prefixes);
}

/// What the rows do not ask, for those that are left.
void PrefixIndex::add_rest(const std::vector<const Prefix *> &prefixes) {
    std::unordered_map<Set, std::uint16_t> known;
    for (const Prefix *prefix : prefixes) {
        rest_from_.push_back(static_cast<std::uint32_t>(rest_.size()));
        widths_.push_back(static_cast<std::uint8_t>(prefix->width));
        for (std::size_t offset = 0; offset < prefix->width; offset++) {
            const Set &set = prefix->allowed[offset];
            if (set.all() || std::ranges::find(offsets_, offset) != offsets_.end())
                continue;
            const auto at = known.try_emplace(set, static_cast<std::uint16_t>(sets_.size())).first;
            if (at->second == sets_.size())
                sets_.push_back(set);
            rest_.push_back({static_cast<std::uint8_t>(offset), at->second});
        }
    }
    rest_from_.push_back(static_cast<std::uint32_t>(rest_.size()));
}

} // namespace l7
