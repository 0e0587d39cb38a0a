# SPDX-License-Identifier: GPL-2.0-or-later
"""Flows as they were last seen: connections that ended are forgotten within seconds, a busy machine's sooner than they
are looked at."""


class Watch:
    def __init__(self, l7ctl):
        self.l7ctl, self.flows = l7ctl, {}

    def current(self):
        # Without the discovery of neighbours, which comes when it likes.
        now = {tuple(flow[part] for part in ("l4", "src", "sport", "dst", "dport")): flow
               for flow in self.l7ctl.flows() if not flow["l4"].startswith("icmp")}
        self.flows.update(now)
        return now

    def new(self):
        """The keys of flows that were not there before."""
        known = set(self.flows)
        return set(self.current()) - known

    def settled(self):
        return all(flow["protocol"] != "unset" for flow in self.current().values())
