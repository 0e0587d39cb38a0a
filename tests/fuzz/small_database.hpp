// SPDX-License-Identifier: GPL-2.0-or-later
// A few patterns, compiled once.
#pragma once

#include "core/match/database.hpp"
#include "core/match/native_file.hpp"
#include "core/names/protocols.hpp"

#include <cstdlib>

namespace l7::fuzz {

struct SmallDatabase {
    std::shared_ptr<Protocols> protocols = std::make_shared<Protocols>();
    std::shared_ptr<const Database> database;

    SmallDatabase() {
        static constexpr std::pair<const char *, const char *> kPatterns[] = {
            {"a", "[[match]]\nl4=['tcp','udp']\nclient={re='^ab', where='be16(2) == size - 4'}\n"},
            {"b", "quality='ok'\n[[match]]\nl4='tcp'\nclient='^x'\nserver='^y'\n"},
            {"c", "quality='poor'\n[[match]]\nl4='udp'\neither={re='^z', times=3}\n"},
            {"d", "[[match]]\nl4='tcp'\nmidstream=true\neither='^hello'\n"},
        };
        setenv("L7CTL_CACHE", "", 1);
        PatternLibrary library;
        for (const auto &[name, text] : kPatterns) {
            auto pattern =
                parse_native_pattern("name='" + std::string(name) + "'\n" + text, name, name);
            if (!pattern)
                std::abort();
            library.patterns.push_back(*pattern);
        }
        Pattern old;
        old.name = "e";
        old.form = Pattern::Form::L7Filter;
        old.expression = "(?:^)foo.*bar(?:\\z)";
        library.patterns.push_back(old);
        protocols->add_built_in();
        std::vector<std::string> rejected;
        auto compiled = Database::compile(library, *protocols, rejected);
        if (!compiled || !rejected.empty())
            std::abort();
        database = *compiled;
    }
};

inline const SmallDatabase &small_database() {
    static const SmallDatabase one;
    return one;
}

} // namespace l7::fuzz
