// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/requests.hpp"

#include <nlohmann/json.hpp>

namespace l7 {

std::string encode(const CommandText &text, const Fields &fields, const RequestLine &line) {
    nlohmann::json out{{"command", text.name}, {"json", line.json}};
    for (const Field &field : fields)
        std::visit([&](const auto *value) { out[field.name] = *value; }, field.value);
    if (line.netns != 0)
        out["netns"] = line.netns;
    if (line.body != 0)
        out["body"] = line.body;
    return out.dump();
}

void decode(const nlohmann::json &request, const CommandText &text, const Fields &fields) {
    for (const Field &field : fields)
        if (text.checked || request.contains(field.name))
            std::visit([&](auto *value) { request.at(field.name).get_to(*value); }, field.value);
}

} // namespace l7
