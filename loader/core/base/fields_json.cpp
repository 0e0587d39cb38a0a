// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/fields_json.hpp"

#include <nlohmann/json.hpp>

namespace l7 {

void JsonWriter::put(const char *name, bool value) const {
    to_[name] = value;
}
void JsonWriter::put(const char *name, unsigned long long value) const {
    to_[name] = value;
}
void JsonWriter::put(const char *name, std::int64_t value) const {
    to_[name] = value;
}
void JsonWriter::put(const char *name, double value) const {
    to_[name] = value;
}
void JsonWriter::put(const char *name, const char *value) const {
    to_[name] = value;
}
void JsonWriter::put(const char *name, const std::string &value) const {
    to_[name] = value;
}
void JsonWriter::put(const char *name, const std::vector<std::string> &values) const {
    to_[name] = values;
}
void JsonWriter::put(const char *name, std::nullptr_t) const {
    to_[name] = nullptr;
}
void JsonWriter::put(const char *name, const NamedCounts &counts) const {
    nlohmann::ordered_json &to = object(name);
    for (const auto &[key, count] : counts)
        to[key] = count;
}

nlohmann::ordered_json &JsonWriter::object(const char *name) const {
    return to_[name] = nlohmann::ordered_json::object();
}
nlohmann::ordered_json &JsonWriter::list(const char *name) const {
    return to_[name] = nlohmann::ordered_json::array();
}
nlohmann::ordered_json &JsonWriter::append(nlohmann::ordered_json &list) {
    return list.emplace_back();
}

template <class T>
void JsonReader::get(const nlohmann::json &from, T &to) {
    to = from.get<T>();
}
template void JsonReader::get(const nlohmann::json &, bool &);
template void JsonReader::get(const nlohmann::json &, unsigned short &);
template void JsonReader::get(const nlohmann::json &, unsigned &);
template void JsonReader::get(const nlohmann::json &, unsigned long &);
template void JsonReader::get(const nlohmann::json &, unsigned long long &);
template void JsonReader::get(const nlohmann::json &, std::int64_t &);
template void JsonReader::get(const nlohmann::json &, double &);
template void JsonReader::get(const nlohmann::json &, std::string &);
template void JsonReader::get(const nlohmann::json &, std::vector<std::string> &);
template <>
void JsonReader::get(const nlohmann::json &from, NamedCounts &to) {
    for (const auto &[name, count] : from.items())
        to.emplace_back(name, count.get<std::uint64_t>());
}

std::string json_line(const std::function<void(nlohmann::ordered_json &)> &write) {
    nlohmann::ordered_json out = nlohmann::ordered_json::object();
    write(out);
    return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

const nlohmann::json *JsonReader::find(const char *name) const {
    const auto at = from_.find(name);
    return at == from_.end() || at->is_null() ? nullptr : &*at;
}

void JsonReader::each(const nlohmann::json &from,
                      const std::function<void(const nlohmann::json &)> &take) {
    for (const nlohmann::json &one : from)
        take(one);
}

} // namespace l7
