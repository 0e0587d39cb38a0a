// SPDX-License-Identifier: GPL-2.0-or-later
// The stack that a chain of calls takes, counted as Linux 6.1 does (check_max_stack_depth: every
// frame in steps of 32 bytes, 512 in all). The kernel at hand counts in smaller steps and would
// load what that one refuses.
#include "fixture.hpp"

#include "bpf/control.skel.h"

#include <algorithm>
#include <functional>
#include <set>
#include <span>

namespace {

using namespace l7::test;

constexpr unsigned kStep = 32, kMost = 512;

/// The functions of a program as it was loaded, the program itself first.
class Functions {
  public:
    explicit Functions(std::span<const bpf_insn> code) : code_(code) {
        begins_.insert(0);
        for (std::size_t at = 0; at < code.size(); at++)
            if (const auto callee = callee_of(at))
                begins_.insert(*callee);
    }

    std::size_t count() const { return begins_.size(); }

    /// Bytes of the deepest chain of calls from the function at `begin`.
    unsigned chain(std::size_t begin) const {
        const auto after = begins_.upper_bound(begin);
        const std::size_t end = after == begins_.end() ? code_.size() : *after;
        unsigned deepest = 0;
        int frame = 1;
        for (std::size_t at = begin; at < end; at++) {
            frame = std::max(frame, reach(at, end));
            if (const auto callee = callee_of(at); callee && *callee != begin)
                deepest = std::max(deepest, chain(*callee));
        }
        return (static_cast<unsigned>(frame) + kStep - 1) / kStep * kStep + deepest;
    }

  private:
    /// A call's, or a callback's, first instruction.
    std::optional<std::size_t> callee_of(std::size_t at) const {
        const bpf_insn &insn = code_[at];
        const bool call = insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL;
        const bool callback =
            insn.code == (BPF_LD | BPF_IMM | BPF_DW) && insn.src_reg == BPF_PSEUDO_FUNC;
        if (!call && !callback)
            return std::nullopt;
        return static_cast<std::size_t>(static_cast<std::int64_t>(at) + insn.imm + 1);
    }

    /// How far below the frame's top the instruction reaches: by itself, or by an address that it
    /// makes with the next one.
    int reach(std::size_t at, std::size_t end) const {
        const bpf_insn &insn = code_[at];
        const int kind = BPF_CLASS(insn.code);
        if (((kind == BPF_STX || kind == BPF_ST) && insn.dst_reg == BPF_REG_10) ||
            (kind == BPF_LDX && insn.src_reg == BPF_REG_10))
            return -insn.off;
        if (insn.code == (BPF_ALU64 | BPF_MOV | BPF_X) && insn.src_reg == BPF_REG_10 &&
            at + 1 < end && code_[at + 1].code == (BPF_ALU64 | BPF_ADD | BPF_K) &&
            code_[at + 1].dst_reg == insn.dst_reg)
            return -code_[at + 1].imm;
        return 0;
    }

    std::span<const bpf_insn> code_;
    std::set<std::size_t> begins_;
};

unsigned stack_of(const bpf_program *program) {
    const std::span code(bpf_program__insns(program), bpf_program__insn_cnt(program));
    REQUIRE(!code.empty());
    return Functions(code).chain(0);
}

} // namespace

TEST_CASE("the stack of every program is one that Linux 6.1 takes") {
    State state;
    const Programs programs(state);
    for (const bpf_program *program :
         {programs.skeleton->progs.l7_ingress, programs.skeleton->progs.l7_egress}) {
        INFO(bpf_program__name(program));
        const unsigned used = stack_of(program);
        CHECK(used <= kMost);
        CHECK(used > 256); // or the count is wrong
        CHECK(Functions({bpf_program__insns(program), bpf_program__insn_cnt(program)}).count() >
              10);
    }
    const std::unique_ptr<control_bpf, void (*)(control_bpf *)> control(control_bpf__open(),
                                                                        control_bpf__destroy);
    REQUIRE(control);
    REQUIRE(state.kernel->share_maps(control->obj));
    REQUIRE(control_bpf__load(control.get()) == 0);
    bpf_program *program;
    bpf_object__for_each_program(program, control->obj) {
        INFO(bpf_program__name(program));
        CHECK(stack_of(program) <= kMost);
    }
}
