// SPDX-License-Identifier: GPL-2.0-or-later
// Rules turned into what the packet path reads: a bit for each, and tables that say which bits a
// protocol, an application, an address, ... leaves.
#pragma once

#include "core/flow/knowledge.hpp"
#include "core/policy/config.hpp"
#include "core/policy/rule_names.hpp"

#include <l7ctl/abi.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace l7 {

class RuleTables {
  public:
    /// Compiles the rules, at most L7_RULES_MAX.
    static RuleTables compile(const std::vector<Rule> &rules, const Knowledge &knowledge);

    const std::vector<l7_rule> &rules() const { return rules_; }
    const std::vector<l7_rule_bits> &protocols() const { return protocols_; } ///< by number
    const std::vector<l7_rule_bits> &applications() const { return applications_; }
    const std::vector<std::uint64_t> &ports() const { return ports_; } ///< by port, host order

    /// By DSCP, 0 to 63.
    const std::vector<std::uint64_t> &dscps() const { return dscps_; }

    /// Prefixes with the bits of addresses of which each is the longest; the empty one is first.
    const std::vector<std::pair<Prefix6, std::uint64_t>> &prefixes() const { return prefixes_; }

    /// Of what the rules ask and do: the bits of others mean something else.
    std::uint64_t digest() const;

    /// Rules that ask for an amount.
    std::uint64_t moving() const { return moving_; }

    /// Rules that ask for a packet's DSCP; rules that drop.
    std::uint64_t by_dscp() const { return by_dscp_; }
    std::uint64_t dropping() const { return dropping_; }

    /// The lines of the rules in the configuration, in their order.
    std::vector<unsigned> lines() const;

    /// Of flows with this host name; "" for none.
    std::uint64_t host(std::string_view name) const;

    /// What the packet path will have for the flow at its next packet; of rules that move, those
    /// that it met.
    std::uint64_t flow(const l7_key &key, const l7_flow &flow, std::string_view host) const;

    /// The first rule that the flow meets and that asks for nothing else than what it is: no
    /// amount, device, direction or DSCP.
    std::optional<l7_rule> lasting(const l7_key &key, const l7_flow &flow,
                                   std::string_view host) const;

    /// What a connection is whose mark has these bits, where the rules leave no doubt: a single one
    /// of those that `lasting` looks at writes them, and it is for one protocol. ours: the bits
    /// that only we write.
    struct Named {
        std::string protocol;
        std::string application; ///< "": the rule is for any
    };
    std::optional<Named> named_by(std::uint32_t mark, std::uint32_t ours) const;

    /// Of packets at this hook of a device; "" for one that is not known.
    std::uint64_t hook(std::string_view device, l7_hook hook) const;

  private:
    void enter(const Rule &rule, std::uint64_t bit);
    void enter_names(const Rule &rule, std::uint64_t bit, const RuleNames &names,
                     const Knowledge &knowledge);

    std::vector<Rule> source_;
    std::vector<l7_rule> rules_;
    std::vector<l7_rule_bits> protocols_ = std::vector<l7_rule_bits>(L7_PROTOCOLS_MAX);
    std::vector<l7_rule_bits> applications_ = std::vector<l7_rule_bits>(L7_APPLICATIONS_MAX);
    std::vector<std::uint64_t> ports_ = std::vector<std::uint64_t>(65536);
    std::vector<std::pair<Prefix6, std::uint64_t>> prefixes_;
    std::vector<std::uint64_t> dscps_ = std::vector<std::uint64_t>(64);
    std::uint64_t moving_ = 0, by_dscp_ = 0, dropping_ = 0, lasting_ = 0;
};

} // namespace l7
