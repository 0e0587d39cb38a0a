// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/programs.hpp"

#include "net/survey.hpp"

#include <array>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <linux/bpf.h>

namespace l7 {

namespace {

constexpr unsigned kProgramsMax = 64; // the kernel's own bound of a TCX hook
constexpr std::uint32_t kInstructionsMax = 1 << 16;
constexpr std::int32_t kNext = -1; // TCX_NEXT and TC_ACT_UNSPEC

bool is_ours(const bpf_prog_info &info, l7_hook hook) {
    return std::string(info.name) == (hook == L7_INGRESS ? "l7_ingress" : "l7_egress");
}

/// What a program returns, where that can be read off: each write to r0 puts a constant there.
/// Whatever else happens to r0, calls included, makes it unknown.
ProgramFacts::Ends ends(const std::vector<bpf_insn> &code, std::int32_t passes) {
    bool passed = false, ended = false;
    for (std::size_t i = 0; i < code.size(); i++) {
        const bpf_insn &one = code[i];
        const unsigned kind = BPF_CLASS(one.code);
        const bool alu = kind == BPF_ALU64 || kind == BPF_ALU;
        if (alu && one.dst_reg == BPF_REG_0) {
            if (one.code != (BPF_ALU64 | BPF_MOV | BPF_K) &&
                one.code != (BPF_ALU | BPF_MOV | BPF_K))
                return ProgramFacts::Ends::Unknown;
            (one.imm == passes ? passed : ended) = true;
        } else if (one.code == 0x18 && one.dst_reg == BPF_REG_0 && one.src_reg == 0) {
            (one.imm == passes ? passed : ended) = true; // -1 as a 64-bit constant
        } else if ((kind == BPF_LDX && one.dst_reg == BPF_REG_0) ||
                   (kind == BPF_LD && (one.dst_reg == BPF_REG_0 || one.code != 0x18)) ||
                   (kind == BPF_STX && BPF_MODE(one.code) == BPF_ATOMIC) ||
                   (kind == BPF_JMP && BPF_OP(one.code) == BPF_CALL)) {
            return ProgramFacts::Ends::Unknown;
        }
        if (one.code == 0x18)
            i++; // the second half of a 64-bit constant
    }
    if (passed == ended)
        return ProgramFacts::Ends::Unknown;
    return ended ? ProgramFacts::Ends::Always : ProgramFacts::Ends::Never;
}

std::optional<bpf_prog_info> program_info(std::uint32_t id, std::vector<bpf_insn> *code = nullptr) {
    const Fd fd(bpf_prog_get_fd_by_id(id));
    if (!fd)
        return std::nullopt;
    bpf_prog_info info{};
    __u32 size = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0)
        return std::nullopt;
    if (code && info.xlated_prog_len > 0 &&
        info.xlated_prog_len <= kInstructionsMax * sizeof(bpf_insn)) {
        code->resize(info.xlated_prog_len / sizeof(bpf_insn));
        bpf_prog_info with{};
        with.xlated_prog_insns = reinterpret_cast<std::uintptr_t>(code->data());
        with.xlated_prog_len = info.xlated_prog_len;
        size = sizeof(with);
        // The kernel clears the pointer where it does not tell.
        if (bpf_obj_get_info_by_fd(fd.get(), &with, &size) != 0 || with.xlated_prog_insns == 0)
            code->clear();
    }
    return info;
}

/// Takes in the next program of the chain; true when it is ours.
bool take(HookPrograms &to, l7_hook hook, std::uint32_t id, const char *kind, std::int32_t passes) {
    std::vector<bpf_insn> code;
    const auto info = program_info(id, &code);
    ProgramFacts one{info ? info->name : "?", kind, id, ends(code, passes), {}};
    if (info && is_ours(*info, hook) && std::string(kind) != "xdp") {
        to.ours = id;
        to.compiled = info->jited_prog_len > 0;
        return true;
    }
    to.before.push_back(std::move(one));
    return false;
}

bool walk_tcx(HookPrograms &to, std::uint32_t ifindex, l7_hook hook) {
    std::array<__u32, kProgramsMax> ids{};
    LIBBPF_OPTS(bpf_prog_query_opts, query, .prog_ids = ids.data(), .prog_cnt = kProgramsMax);
    const int failure = bpf_prog_query_opts(
        static_cast<int>(ifindex), hook == L7_INGRESS ? BPF_TCX_INGRESS : BPF_TCX_EGRESS, &query);
    if (failure == -EPERM || failure == -EACCES)
        to.known = false;
    if (failure != 0)
        return false; // no TCX in this kernel, or nothing there
    for (__u32 i = 0; i < query.count && i < ids.size(); i++)
        if (take(to, hook, ids.at(i), "tcx", kNext))
            return true;
    return false;
}

bool walk_clsact(HookPrograms &to, std::uint32_t ifindex, l7_hook hook) {
    const auto filters = clsact_filters(ifindex, hook == L7_EGRESS);
    if (!filters)
        return false;
    for (const ClsactFilter &filter : *filters) {
        LIBBPF_OPTS(bpf_tc_hook, at, .ifindex = static_cast<int>(ifindex),
                    .attach_point = hook == L7_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS);
        LIBBPF_OPTS(bpf_tc_opts, options, .handle = filter.handle, .priority = filter.priority);
        if (filter.kind == "bpf" && bpf_tc_query(&at, &options) == 0) {
            if (take(to, hook, options.prog_id, "clsact", kNext))
                return true;
        } else {
            to.before.push_back({filter.kind + " pref " + std::to_string(filter.priority),
                                 "clsact",
                                 0,
                                 ProgramFacts::Ends::Unknown,
                                 {}});
        }
    }
    return false;
}

} // namespace

HookPrograms programs_at(std::uint32_t ifindex, l7_hook hook) {
    HookPrograms out;

    if (hook == L7_INGRESS) {
        __u32 id = 0;
        if (bpf_xdp_query_id(static_cast<int>(ifindex), 0, &id) == 0 && id != 0)
            (void)take(out, hook, id, "xdp", XDP_PASS);
    }
    if (!walk_tcx(out, ifindex, hook) && !walk_clsact(out, ifindex, hook))
        out.before.clear(); // of what is not there, nothing comes before
    return out;
}

RunCounting::RunCounting() : fd_(bpf_enable_stats(BPF_STATS_RUN_TIME)) {}

std::optional<std::uint64_t> RunCounting::runs(std::uint32_t id) const {
    const auto info = on() ? program_info(id) : std::nullopt;
    if (!info)
        return std::nullopt;
    return info->run_cnt;
}

std::uint32_t pinned_map_entries(const std::string &path) {
    const Fd fd(bpf_obj_get(path.c_str()));
    bpf_map_info info{};
    __u32 size = sizeof(info);
    if (!fd || bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0)
        return 0;
    return info.max_entries;
}

} // namespace l7
