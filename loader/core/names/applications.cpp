// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/names/applications.hpp"

#include "core/base/text.hpp"

#include <l7ctl/abi.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <set>
#include <toml++/toml.h>

namespace fs = std::filesystem;

namespace l7 {

namespace {

constexpr std::size_t kHostMost = 253; // RFC 1035, 2.3.4

bool is_name(std::string_view text) {
    return !text.empty() && text.size() < L7_NAME_MAX && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

/// Lower case, labels of letters, digits, '-' and '_'; a top-level domain may have an owner too.
bool is_domain(std::string_view text) {
    return !text.empty() && text.size() <= kHostMost && text.front() != '.' && text.back() != '.' &&
           text.find("..") == std::string_view::npos && std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                      c == '.';
           });
}

} // namespace

/// One file on its way in.
class Applications::List {
  public:
    List(Applications &to, NameNumbers &numbers, std::size_t directory, std::string file,
         std::vector<std::string> &rejected)
        : to_(to), numbers_(numbers), directory_(directory), file_(std::move(file)),
          rejected_(rejected) {}

    void read() {
        std::ifstream in(file_);
        const std::string text(std::istreambuf_iterator<char>(in), {});
        try {
            const toml::table root = toml::parse(text, file_);
            for (const auto &[key, node] : root)
                if (key.str() != "application")
                    wrong(node, "'" + std::string(key.str()) + "' is no key of a list");
            const toml::node *node = root.get("application");
            const toml::array *list = node ? node->as_array() : nullptr;
            if (!list)
                return wrong(root, "a list is made of [[application]]");
            for (const toml::node &one : *list)
                if (const toml::table *table = one.as_table())
                    application(*table);
                else
                    wrong(one, "application must be a table: [[application]]");
        } catch (const toml::parse_error &error) {
            rejected_.push_back(file_ + ":" + std::to_string(error.source().begin.line) + ": " +
                                std::string(error.description()));
        }
    }

  private:
    void wrong(const toml::node &node, const std::string &what) {
        rejected_.push_back(file_ + ":" + std::to_string(node.source().begin.line) + ": " + what);
    }

    std::string text(const toml::table &table, const char *key) {
        const toml::node *node = table.get(key);
        if (!node)
            return {};
        if (const auto value = node->value_exact<std::string>())
            return *value;
        wrong(*node, std::string(key) + " must be a string");
        return {};
    }

    std::vector<std::pair<std::string, const toml::node *>> texts(const toml::table &table,
                                                                  const char *key) {
        std::vector<std::pair<std::string, const toml::node *>> out;
        const toml::node *node = table.get(key);
        const toml::array *list = node ? node->as_array() : nullptr;
        if (node && !list)
            wrong(*node, std::string(key) + " must be a list of strings");
        for (std::size_t i = 0; list && i < list->size(); i++)
            if (const auto value = (*list)[i].value_exact<std::string>())
                out.emplace_back(*value, list->get(i));
            else
                wrong((*list)[i], std::string(key) + " must be a list of strings");
        return out;
    }

    void application(const toml::table &table) {
        static constexpr std::array<std::string_view, 7> kKeys{
            "name", "title", "groups", "domains", "exact", "certificates", "protocols"};
        for (const auto &[key, node] : table)
            if (std::ranges::find(kKeys, key.str()) == kKeys.end())
                wrong(node, "'" + std::string(key.str()) + "' is no key of an application");
        const std::string name = text(table, "name");
        if (!is_name(name))
            return wrong(table, "a name is 1 to 31 of a-z, 0-9 and '-'");
        const std::uint16_t number = numbers_.number(name);
        if (number == 0)
            return wrong(table, "no application number is left");
        const auto [at, fresh] = to_.by_name_.try_emplace(name, to_.all_.size());
        if (fresh)
            to_.all_.push_back({name, text(table, "title"), {}, file_, 0});
        Application &entry = to_.all_[at->second];
        for (auto &[group, node] : texts(table, "groups"))
            if (std::ranges::find(entry.groups, group) == entry.groups.end())
                entry.groups.push_back(std::move(group));
        for (const char *key : {"domains", "exact"})
            for (const auto &[domain, node] : texts(table, key))
                entry.domains += add(domain, *node, number, key[0] == 'e');
        for (auto &[subject, node] : texts(table, "certificates"))
            to_.certificates_.try_emplace(std::move(subject), number);
        for (auto &[protocol, node] : texts(table, "protocols"))
            to_.protocols_.emplace_back(std::move(protocol), number);
    }

    bool add(const std::string &domain, const toml::node &node, std::uint16_t number, bool exact) {
        if (!is_domain(domain)) {
            wrong(node, "'" + domain + "' is no domain in lower case");
            return false;
        }
        const auto [at, fresh] = to_.domains_.try_emplace(domain, Owner{number, exact, directory_});
        if (fresh || at->second.directory != directory_)
            return fresh; // an earlier directory's counts
        wrong(node, "'" + domain + "' stands twice, the first time for '" +
                        numbers_.name(at->second.number) + "'");
        return false;
    }

    Applications &to_;
    NameNumbers &numbers_;
    std::size_t directory_;
    std::string file_;
    std::vector<std::string> &rejected_;
};

void Applications::load(const std::vector<fs::path> &directories, NameNumbers &numbers,
                        std::vector<std::string> &rejected) {
    for (std::size_t i = 0; i < directories.size(); i++) {
        std::error_code failure;
        std::set<fs::path> files;
        for (const auto &entry : fs::directory_iterator(directories[i] / "applications", failure))
            if (entry.path().extension() == ".toml")
                files.insert(entry.path());
        for (const fs::path &file : files)
            List(*this, numbers, i, file.string(), rejected).read();
    }
}

std::uint16_t Applications::find_certificate(std::string_view subject) const {
    const auto found = certificates_.find(subject);
    return found == certificates_.end() ? std::uint16_t{0} : found->second;
}

void Applications::bind(const Protocols &protocols) {
    by_protocol_.assign(L7_PROTOCOLS_MAX, 0);
    for (const auto &[name, application] : protocols_)
        if (const std::uint16_t number = protocols.find(name);
            number != L7_UNSET && by_protocol_[number] == 0)
            by_protocol_[number] = application;
}

std::uint16_t Applications::find(std::string_view host) const {
    std::array<char, kHostMost + 1> text;

    if (const std::size_t port = host.find(':'); port != std::string_view::npos)
        host = host.substr(0, port);
    if (host.ends_with('.'))
        host.remove_suffix(1);
    if (host.empty() || host.size() > kHostMost)
        return 0;
    std::ranges::transform(host, text.begin(), ascii_lower);
    const std::string_view whole(text.data(), host.size());
    for (std::string_view rest = whole;;) {
        if (const auto owner = domains_.find(rest);
            owner != domains_.end() && (!owner->second.exact || rest.size() == whole.size()))
            return owner->second.number;
        const std::size_t dot = rest.find('.');
        if (dot == std::string_view::npos)
            return 0;
        rest.remove_prefix(dot + 1);
    }
}

} // namespace l7
