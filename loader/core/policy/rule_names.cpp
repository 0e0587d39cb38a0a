// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/policy/rule_names.hpp"

#include "core/match/known_protocols.hpp"

namespace l7 {

RuleNames::RuleNames(const Knowledge &knowledge) {
    for (const auto &[name, protocol] : known_protocols(knowledge.database->patterns())) {
        protocols.insert(name);
        for (const std::string &group : protocol.groups)
            protocols_of[group].insert(knowledge.protocols->find(name));
    }
    if (knowledge.applications)
        for (const Application &one : knowledge.applications->all()) {
            applications.insert(one.name);
            for (const std::string &group : one.groups)
                applications_of[group].insert(knowledge.application_numbers->find(one.name));
        }
    for (const auto *all : {&protocols_of, &applications_of})
        for (const auto &[group, members] : *all)
            groups.insert(group);
}

} // namespace l7
