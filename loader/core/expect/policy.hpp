// SPDX-License-Identifier: GPL-2.0-or-later
// Which announcements count, and how many of them at a time.
#pragma once

#include "core/base/fields.hpp"
#include "core/expect/parent.hpp"

#include <optional>

namespace l7 {

/// What is let through that by default is not.
struct ExpectPolicy {
    bool foreign = false;    ///< children of others than the parent's parties
    bool privileged = false; ///< ports below 1024
};

/// What became of announcements. Each is counted once, but for those in the place of another.
struct ExpectCounters {
    std::uint64_t admitted = 0;
    std::uint64_t renewed = 0;   ///< was alive already
    std::uint64_t moved = 0;     ///< took the place of the one in its slot
    std::uint64_t displaced = 0; ///< took the place of the oldest: its topic was full
    // Refused:
    std::uint64_t foreign_source = 0;
    std::uint64_t foreign_target = 0;
    std::uint64_t to_itself = 0; ///< source and target are the same party
    std::uint64_t no_host = 0;   ///< unspecified, loopback or multicast, and no party's
    std::uint64_t no_port = 0;   ///< of TCP or UDP, which have ports
    std::uint64_t privileged_port = 0;
    std::uint64_t no_topic = 0; ///< not one of the parent's, or one without room

    static void fields(const auto &visit, auto &of) {
        constexpr Metric kAnnouncements{
            "l7ctl_expect_announcements_total",
            "Announcements of child connections by what became of them.", "result"};
        visit("admitted", of.admitted, kAnnouncements);
        visit("renewed", of.renewed, kAnnouncements);
        visit("moved", of.moved, kAnnouncements);
        visit("displaced", of.displaced, kAnnouncements);
        visit("foreign_source", of.foreign_source, kAnnouncements);
        visit("foreign_target", of.foreign_target, kAnnouncements);
        visit("to_itself", of.to_itself, kAnnouncements);
        visit("no_host", of.no_host, kAnnouncements);
        visit("no_port", of.no_port, kAnnouncements);
        visit("privileged_port", of.privileged_port, kAnnouncements);
        visit("no_topic", of.no_topic, kAnnouncements);
    }
};

/// One that counts.
struct Admitted {
    Announcement announcement; ///< its source made as narrow as the policy wants it
    std::uint64_t expires_ns;
    std::optional<Announcement> replaced; ///< to be withdrawn
};

/// Those of one parent that are alive: per topic no more than its bound.
class Announcements {
  public:
    /// The parties as they are on the wire, where announcements are compared with them.
    Announcements(std::span<const Topic> topics, const Parties &parties)
        : topics_(topics), parties_(parties) {}

    std::optional<Admitted> admit(const Announcement &announcement, std::uint64_t now_ns,
                                  const ExpectPolicy &policy, ExpectCounters &counters);

    std::size_t alive(std::uint64_t now_ns) const;

  private:
    struct Entry {
        Announcement announcement;
        std::uint64_t expires_ns;
    };

    /// Null: it may.
    std::uint64_t *refusal(const Announcement &announcement, const ExpectPolicy &policy,
                           ExpectCounters &counters) const;
    bool is_party(const ChildAddress &address) const;

    std::span<const Topic> topics_;
    Parties parties_;
    std::vector<Entry> entries_; ///< the oldest first
};

/// What an announcement means where addresses are translated: ends of it that are one of the
/// `original` parties, as they know themselves, become that party as it is `seen`.
Announcement translate(const Announcement &announcement, const Parties &original,
                       const Parties &seen);

} // namespace l7
