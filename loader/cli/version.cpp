// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/version.hpp"

#include "build_id.hpp"
#include "l7ctl/abi.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <hs/hs.h>
#include <string_view>

namespace l7 {

std::string version_text() {
    std::string_view bpf = libbpf_version_string();
    if (bpf.starts_with('v'))
        bpf.remove_prefix(1);
    return fmt::format("l7ctl {}\nbuild {}\nlibbpf {}\nlibhs {}\nABI {}", L7_VERSION, kBuildId, bpf,
                       hs_version(), L7_ABI);
}

} // namespace l7
