// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/match/compile_cache.hpp"

#include <hs/hs.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace l7 {

namespace {

/// FNV-1a, 64 bits.
std::uint64_t digest(std::string_view text, std::uint64_t start) {
    for (const char c : text)
        start = (start ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return start;
}

/// In front of each its length, with this for the text of a refusal.
constexpr std::uint64_t kRefused = 1ULL << 63;

bool is_ours(const fs::path &path) {
    struct stat info {};
    return lstat(path.c_str(), &info) == 0 && info.st_uid == geteuid() && (info.st_mode & 022) == 0;
}

} // namespace

CompileCache CompileCache::standard() {
    if (const char *named = std::getenv("L7CTL_CACHE"))
        return CompileCache(named);
    if (geteuid() == 0)
        return CompileCache("/var/cache/l7ctl");
    const char *home = std::getenv("HOME");
    return CompileCache(home ? fs::path(home) / ".cache/l7ctl" : fs::path());
}

CompileCache::CompileCache(fs::path directory) : directory_(std::move(directory)) {
    std::error_code failure;
    if (directory_.empty())
        return;
    if (fs::create_directories(directory_, failure))
        chmod(directory_.c_str(), 0700);
    if (!is_ours(directory_))
        directory_.clear();
}

fs::path CompileCache::file_of(std::string_view source) const {
    hs_platform_info_t platform{};
    hs_populate_platform(&platform);
    const std::string all =
        fmt::format("{}\n{} {}\n{}", hs_version(), platform.tune, platform.cpu_features, source);
    return directory_ / fmt::format("{:016x}{:016x}.hsdb", digest(all, 0xcbf29ce484222325ULL),
                                    digest(all, 0x9e3779b97f4a7c15ULL));
}

std::vector<CompiledDatabase> CompileCache::load(std::string_view source) const {
    std::vector<CompiledDatabase> out;
    if (directory_.empty())
        return out;
    const fs::path file = file_of(source);
    std::error_code failure;
    const auto length = fs::file_size(file, failure);
    std::ifstream in(file, std::ios::binary);
    if (failure || !in || !is_ours(file))
        return out;
    std::string bytes(length, '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(length));
    if (static_cast<std::size_t>(in.gcount()) != length)
        return out;
    for (std::size_t at = 0; at < bytes.size();) {
        std::uint64_t size = 0;
        if (bytes.size() - at < sizeof(size))
            return {};
        std::memcpy(&size, &bytes[at], sizeof(size));
        at += sizeof(size);
        const bool refused = size & kRefused;
        size &= ~kRefused;
        if (size > bytes.size() - at)
            return {};
        CompiledDatabase &one = out.emplace_back();
        hs_database_t *database = nullptr;
        if (refused)
            one.refusal = bytes.substr(at, size);
        else if (hs_deserialize_database(&bytes[at], size, &database) != HS_SUCCESS)
            return {};
        one.database.reset(database);
        at += size;
    }
    return out;
}

void CompileCache::store(std::string_view source,
                         const std::vector<CompiledDatabase> &databases) const {
    if (directory_.empty())
        return;
    std::string all;
    const auto append = [&](std::uint64_t length, const char *bytes, std::size_t size) {
        all.append(reinterpret_cast<const char *>(&length), sizeof(length)).append(bytes, size);
    };
    for (const CompiledDatabase &one : databases) {
        char *bytes = nullptr;
        std::size_t size = 0;
        if (!one.database) {
            append(one.refusal.size() | kRefused, one.refusal.data(), one.refusal.size());
            continue;
        }
        if (hs_serialize_database(one.database.get(), &bytes, &size) != HS_SUCCESS)
            return;
        append(size, bytes, size);
        std::free(bytes); // NOLINT: Hyperscan's default allocator is malloc
    }
    const fs::path file = file_of(source);
    const std::string partial = fmt::format("{}.{}", file.string(), getpid());
    {
        std::ofstream out(partial, std::ios::binary | std::ios::trunc);
        out.write(all.data(), static_cast<std::streamsize>(all.size()));
        if (!out.flush())
            std::remove(partial.c_str());
    }
    chmod(partial.c_str(), 0600);
    std::rename(partial.c_str(), file.c_str());
}

} // namespace l7
