// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/byte_set.hpp"
#include "core/match/pat_file.hpp"
#include "core/match/v8_syntax.hpp"

#include <array>
#include <optional>

namespace l7 {

namespace {

constexpr std::size_t kLongest = 15'000; // Hyperscan reads at most 16,000 characters

/// The set as it is on data that was not lower-cased.
std::string raw(ByteSet lowered) {
    for (unsigned byte = 'A'; byte <= 'Z'; byte++)
        lowered[byte] = lowered[byte + 32];
    return expression_of(lowered);
}

/// An expression without anchors.
struct Plain {
    std::string text;
    bool nullable = true; ///< it can match nothing
    bool choice = false;  ///< text has a `|` outside of groups
    bool single = false;  ///< text is one byte or set

    std::string grouped() const { return single ? text : "(?:" + text + ")"; }
    std::string in_sequence() const { return choice ? grouped() : text; }
};
using MaybePlain = std::optional<Plain>;

Plain sequence(const Plain &a, const Plain &b) {
    if (a.text.empty())
        return b;
    if (b.text.empty())
        return a;
    return {a.in_sequence() + b.in_sequence(), a.nullable && b.nullable};
}

MaybePlain either(const MaybePlain &a, const MaybePlain &b) {
    if (!a || !b)
        return a ? a : b;
    if (a->text == b->text)
        return a;
    return Plain{a->text + "|" + b->text, a->nullable || b->nullable, true};
}

Plain repeated(const Plain &one, char how) {
    return {one.grouped() + how, how != '+' || one.nullable};
}

/// What an expression matches, sorted by whether that must begin at the start of the data, and
/// whether it must end at its end. `^` and `$` may stand anywhere in a V8 expression, and Hyperscan
/// takes them at its ends only; so sorted they are never anywhere else.
struct Sorted {
    std::array<std::array<MaybePlain, 2>, 2> by; ///< [at the start][at the end]

    void add(bool start, bool end, Plain what) {
        by[start][end] = either(by[start][end], std::move(what));
    }

    template <typename Each>
    void each(Each visit) const {
        for (const bool start : {false, true})
            for (const bool end : {false, true})
                if (by[start][end])
                    visit(start, end, *by[start][end]);
    }
};

Sorted sequence(const Sorted &left, const Sorted &right) {
    Sorted out;
    left.each([&](bool start, bool end, const Plain &a) {
        right.each([&](bool starts, bool ends, const Plain &b) {
            // Before the start, and after the end, there is room for nothing.
            if ((starts && !a.nullable) || (end && !b.nullable))
                return;
            Plain both = starts ? (end ? Plain{} : b) : end ? a : sequence(a, b);
            out.add(start || starts, end || ends, std::move(both));
        });
    });
    return out;
}

/// The operand never matches nothing, so only its first round can be at the start, and only its
/// last at the end.
Sorted repeated(const Sorted &one, bool maybe_none) {
    const auto &[floating, anchored] = one.by;
    Sorted out;
    const Plain more = floating[0] ? repeated(*floating[0], '*') : Plain{};

    if (floating[0])
        out.add(false, false, repeated(*floating[0], maybe_none ? '*' : '+'));
    else if (maybe_none)
        out.add(false, false, Plain{});
    if (anchored[0])
        out.add(true, false, sequence(*anchored[0], more));
    if (floating[1])
        out.add(false, true, sequence(more, *floating[1]));
    if (anchored[1])
        out.add(true, true, *anchored[1]);
    if (anchored[0] && floating[1])
        out.add(true, true, sequence(sequence(*anchored[0], more), *floating[1]));
    return out;
}

std::size_t size_of(const Sorted &what) {
    std::size_t out = 0;
    what.each([&](bool, bool, const Plain &plain) { out += plain.text.size(); });
    return out;
}

/// Empty where the text has become too long.
std::optional<Sorted> sorted(const V8Node &node) {
    using Kind = V8Node::Kind;
    Sorted out;

    switch (node.kind) {
    case Kind::Start:
        out.add(true, false, {});
        return out;
    case Kind::End:
        out.add(false, true, {});
        return out;
    case Kind::Set:
        out.add(false, false, {raw(node.set), false, false, true});
        return out;
    case Kind::Sequence:
        out.add(false, false, {});
        break;
    default:
        break;
    }
    for (const V8Node &part : node.parts) {
        const auto inner = sorted(part);
        if (!inner)
            return std::nullopt;
        if (node.kind == Kind::Sequence)
            out = sequence(out, *inner);
        else if (node.kind == Kind::Star || node.kind == Kind::Plus)
            out = repeated(*inner, node.kind == Kind::Star);
        else
            inner->each(
                [&](bool start, bool end, const Plain &plain) { out.add(start, end, plain); });
        if (size_of(out) > kLongest)
            return std::nullopt;
    }
    if (node.kind == Kind::Optional)
        out.add(false, false, {});
    return out;
}

} // namespace

Result<std::string> translate_v8(std::string_view expression) {
    const auto tree = parse_v8(expression);
    if (!tree)
        return tree.error();
    const auto all = sorted(*tree);
    if (!all)
        return Error{"column 1: too long once its anchors are sorted out"};
    std::string out;
    bool any = false;
    all->each([&](bool start, bool end, const Plain &plain) {
        if (any)
            out += '|';
        any = true;
        if (start)
            out += '^';
        out += start || end ? plain.in_sequence() : plain.text;
        if (end)
            out += "\\z";
    });
    return any ? out : std::string("\\x00"); // nothing can match, as in `a^b`
}

} // namespace l7
