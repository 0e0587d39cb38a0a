// SPDX-License-Identifier: GPL-2.0-or-later
// Every parent there is; each has a file of its own.
#pragma once

#include "core/expect/parent.hpp"

#include <memory>

namespace l7 {

std::unique_ptr<Parent> make_ftp_parent(const Parties &parties);
std::unique_ptr<Parent> make_irc_parent(const Parties &parties);
std::unique_ptr<Parent> make_tftp_parent(const Parties &parties);
std::unique_ptr<Parent> make_pptp_parent(const Parties &parties);
std::unique_ptr<Parent> make_amanda_parent(const Parties &parties);
std::unique_ptr<Parent> make_sane_parent(const Parties &parties);
std::unique_ptr<Parent> make_sip_parent(const Parties &parties);
std::unique_ptr<Parent> make_h323_parent(const Parties &parties);
std::unique_ptr<Parent> make_rtsp_parent(const Parties &parties);
std::unique_ptr<Parent> make_mgcp_parent(const Parties &parties);
std::unique_ptr<Parent> make_megaco_parent(const Parties &parties);

} // namespace l7
