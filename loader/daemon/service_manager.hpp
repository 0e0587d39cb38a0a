// SPDX-License-Identifier: GPL-2.0-or-later
// What systemd is told of us: sd_notify(3)'s protocol, datagrams of `NAME=value` to $NOTIFY_SOCKET.
#pragma once

#include "core/base/fd.hpp"

#include <string>
#include <string_view>

namespace l7 {

/// Silent where nobody asked to be told.
class ServiceManager {
  public:
    ServiceManager() = default;
    /// `address` is as $NOTIFY_SOCKET has it: a path, or `@` and an abstract name.
    explicit ServiceManager(std::string_view address);
    static ServiceManager from_environment();

    void ready() const { tell("READY=1"); }
    void reloading() const;
    void stopping() const { tell("STOPPING=1"); }
    void alive() const { tell("WATCHDOG=1"); }

  private:
    void tell(std::string_view state) const;

    Fd socket_;
};

} // namespace l7
