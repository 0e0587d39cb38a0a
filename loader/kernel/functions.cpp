// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/functions.hpp"

#include <bpf/btf.h>
#include <linux/btf.h>
#include <memory>

namespace l7 {

bool has_function(const char *name, const char *module) {
    using Types = std::unique_ptr<btf, decltype(&btf__free)>;
    const Types core(btf__load_vmlinux_btf(), btf__free);
    if (!core)
        return false;
    if (btf__find_by_name_kind(core.get(), name, BTF_KIND_FUNC) > 0)
        return true;
    const Types more(btf__load_module_btf(module, core.get()), btf__free);
    return more && btf__find_by_name_kind(more.get(), name, BTF_KIND_FUNC) > 0;
}

} // namespace l7
