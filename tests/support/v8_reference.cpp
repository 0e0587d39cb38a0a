// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/v8_reference.hpp"

#include <cctype>
#include <functional>

namespace l7::test {

/// One piece of a branch: an atom and how often.
struct V8Reference::Node {
    enum { Any, Literal, OneOf, NoneOf, Start, End, Group } kind = Group;
    char literal = 0;
    std::string members;                                     // of OneOf, NoneOf
    std::vector<std::vector<std::shared_ptr<Node>>> choices; // of Group
    char repeat = '1';
};

namespace {

using Node = V8Reference::Node;
using NodePtr = std::shared_ptr<Node>;
using Branch = std::vector<NodePtr>;

struct Refused {};

char lowered(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Hexadecimal escapes become bytes before the expression is read.
std::string unescaped(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto hex = [&](std::size_t i) {
            return std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
        };
        if (text.size() > 3 && text.substr(0, 2) == "\\x" && hex(2) && hex(3)) {
            out +=
                lowered(static_cast<char>(std::stoi(std::string(text.substr(2, 2)), nullptr, 16)));
            text.remove_prefix(4);
        } else {
            out += lowered(text.front());
            text.remove_prefix(1);
        }
    }
    return std::string(out.c_str()); // a C string
}

struct Compiler {
    const char *at;
    int groups = 0;

    bool repeats() const { return *at == '*' || *at == '+' || *at == '?'; }

    NodePtr group(bool outermost, bool &wide) {
        auto out = std::make_shared<Node>();
        if (!outermost && ++groups > 9)
            throw Refused{};
        wide = true;
        do {
            bool branch_wide = false;
            Branch branch;
            while (*at && *at != '|' && *at != ')')
                branch.push_back(piece(branch_wide));
            wide &= branch_wide;
            out->choices.push_back(branch);
        } while (*at == '|' && at++);
        if (outermost ? *at != 0 : *at != ')')
            throw Refused{};
        if (!outermost)
            at++;
        return out;
    }

    NodePtr piece(bool &branch_wide) {
        bool wide = true;
        NodePtr out = atom(wide);
        if (repeats()) {
            out->repeat = *at++;
            if (!wide && out->repeat != '?')
                throw Refused{};
            if (repeats())
                throw Refused{};
            wide = out->repeat == '+';
        }
        branch_wide |= wide;
        return out;
    }

    NodePtr atom(bool &wide) {
        if (*at == '(') {
            at++;
            return group(false, wide);
        }
        auto out = std::make_shared<Node>();
        const char c = *at++;
        switch (c) {
        case '^':
        case '$':
            out->kind = c == '^' ? Node::Start : Node::End;
            wide = false;
            return out;
        case '.':
            out->kind = Node::Any;
            return out;
        case '[':
            set(*out);
            return out;
        case '*':
        case '+':
        case '?':
            throw Refused{};
        default:
            out->kind = Node::Literal;
            out->literal = c;
            if (c == '\\') {
                if (!*at)
                    throw Refused{};
                out->literal = *at++;
            }
            return out;
        }
    }

    void set(Node &out) {
        out.kind = Node::OneOf;
        if (*at == '^') {
            out.kind = Node::NoneOf;
            at++;
        }
        if (*at == ']' || *at == '-')
            out.members += *at++;
        while (*at && *at != ']') {
            if (*at != '-' || at[1] == ']' || !at[1]) {
                out.members += *at++;
                continue;
            }
            const int from = static_cast<unsigned char>(at[-1]);
            const int to = static_cast<unsigned char>(at[1]);
            if (from > to)
                throw Refused{};
            for (int byte = from; byte <= to; byte++)
                out.members += static_cast<char>(byte);
            at += 2;
        }
        if (*at++ != ']')
            throw Refused{};
    }
};

struct Matcher {
    using Then = std::function<bool(std::size_t)>;
    const std::string &data;
    long steps = 200'000;

    struct TooLong {};

    bool one(const Node &node, std::size_t at, const Then &then) {
        if (--steps < 0)
            throw TooLong{};
        const bool more = at < data.size();
        switch (node.kind) {
        case Node::Start:
            return at == 0 && then(at);
        case Node::End:
            return !more && then(at);
        case Node::Any:
            return more && then(at + 1);
        case Node::Literal:
            return more && data[at] == node.literal && then(at + 1);
        case Node::OneOf:
            return more && node.members.find(data[at]) != std::string::npos && then(at + 1);
        case Node::NoneOf:
            return more && node.members.find(data[at]) == std::string::npos && then(at + 1);
        default:
            for (const Branch &branch : node.choices)
                if (rest(branch, 0, at, then))
                    return true;
            return false;
        }
    }

    bool again(const Node &node, std::size_t at, const Then &then) {
        return one(node, at, [&](std::size_t next) { return again(node, next, then); }) || then(at);
    }

    bool rest(const Branch &branch, std::size_t index, std::size_t at, const Then &then) {
        if (index == branch.size())
            return then(at);
        const Node &node = *branch[index];
        const Then next = [&](std::size_t after) { return rest(branch, index + 1, after, then); };
        switch (node.repeat) {
        case '*':
            return again(node, at, next);
        case '+':
            return one(node, at, [&](std::size_t after) { return again(node, after, next); });
        case '?':
            return one(node, at, next) || next(at);
        default:
            return one(node, at, next);
        }
    }
};

} // namespace

std::optional<V8Reference> V8Reference::compile(std::string_view expression) {
    const std::string text = unescaped(expression);
    try {
        bool wide;
        Compiler compiler{text.c_str()};
        V8Reference out;
        out.top_ = compiler.group(true, wide);
        return out;
    } catch (const Refused &) {
        return std::nullopt;
    }
}

std::optional<bool> V8Reference::matches(std::string_view data) const {
    std::string low(data);
    for (char &c : low)
        c = lowered(c);
    try {
        Matcher matcher{low};
        for (std::size_t start = 0; start <= low.size(); start++)
            if (matcher.one(*top_, start, [](std::size_t) { return true; }))
                return true;
        return false;
    } catch (const Matcher::TooLong &) {
        return std::nullopt;
    }
}

} // namespace l7::test
