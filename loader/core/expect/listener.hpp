// SPDX-License-Identifier: GPL-2.0-or-later
// The parents that one worker listens to.
#pragma once

#include "core/expect/expectations.hpp"
#include "core/expect/policy.hpp"
#include "core/expect/tape.hpp"
#include "core/names/protocols.hpp"

#include <array>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace l7 {

/// What the configuration says of child connections.
struct ExpectOptions {
    std::set<std::string> parents; ///< protocols that are listened to
    std::set<std::string> own;     ///< parents whose children are called what their bytes are
    ExpectPolicy policy;

    /// Every parent; those that set up data or media connections let them be called by their names.
    static ExpectOptions defaults();
};

/// How the ends of a connection call themselves where addresses are translated on its way; none:
/// they are as seen. `seen` is as in Parties.
using Translation = std::function<std::optional<Parties>(const Parties &seen)>;

struct ListenerCounters {
    std::uint64_t parents = 0;    ///< listened to so far
    std::uint64_t pushed_out = 0; ///< left for newer ones
    std::uint64_t torn = 0;       ///< bytes were missing; went on, where its protocol allows that
    ExpectCounters announcements;

    ListenerCounters &operator+=(const ListenerCounters &other);
    static void fields(const auto &visit, auto &of) {
        constexpr Metric kExpectParents{"l7ctl_expect_parents_total",
                                        "Flows that were listened to for announcements, those of "
                                        "them that left for newer ones, and "
                                        "times that bytes of theirs were missing.",
                                        "event"};
        visit("parents", of.parents, kExpectParents.as("listened"));
        visit("pushed_out", of.pushed_out, kExpectParents);
        visit("torn", of.torn, kExpectParents);
        visit("announcements", of.announcements);
    }
};

/// Bytes at an offset of a stream, or a datagram.
struct Piece {
    unsigned direction; ///< 0: from the one who opened the connection
    std::uint32_t offset;
    Bytes data;
    bool cut = false;  ///< bytes after them are not in our hands, and never will be
    bool lost = false; ///< nor are those between the piece before and this one, if it is ahead
};

/// Bounded. One thread.
class Listener {
  public:
    static constexpr std::size_t kParents = 4096;

    void use(const ExpectOptions &options, std::shared_ptr<Expectations> expectations,
             std::shared_ptr<const Protocols> protocols, Translation translation);

    /// What a flow of this protocol announces as; null: it is no parent.
    const ParentKind *kind_of(std::string_view protocol, std::uint8_t l4) const;

    /// A flow has turned out to be a parent. initiator: the end of the key that began it.
    void begin(const l7_key &key, std::uint32_t born, unsigned initiator, const ParentKind &kind,
               const ChildVerdict &verdict);
    bool knows(const l7_key &key, std::uint32_t born) const;

    /// What it has said. False: it is not worth listening to any more.
    bool hear(const l7_key &key, const Piece &piece, std::uint64_t now_ns);
    void end(const l7_key &key);

    const ListenerCounters &counters() const { return counters_; }
    std::size_t parents() const { return parents_.size(); }

  private:
    struct Entry {
        std::uint32_t born;
        const ParentKind *kind;
        std::unique_ptr<Parent> parent;
        Parties seen;
        std::optional<Parties> original = {}; ///< asked for with the first announcement
        bool asked = false;
        Announcements announcements;
        ChildVerdict verdict;
        std::array<Tape, 2> tapes = {};
        std::list<l7_key>::iterator age;
    };
    using Parents = std::unordered_map<l7_key, Entry, KeyHash, KeyEqual>;

    bool hear_stream(Entry &entry, const Piece &piece);
    bool tear(Entry &entry, unsigned direction);
    void announce(const l7_key &key, Entry &entry, std::uint64_t now_ns);
    ChildVerdict verdict_of(const Entry &entry, const Announcement &announcement) const;

    ExpectOptions options_;
    std::shared_ptr<Expectations> expectations_;
    std::shared_ptr<const Protocols> protocols_;
    Translation translation_;
    Parents parents_;
    std::list<l7_key> ages_; ///< the one that was silent longest first
    std::vector<Announcement> said_;
    ListenerCounters counters_;
};

} // namespace l7
