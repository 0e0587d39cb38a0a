# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces, real servers and real clients for the lab tests."""
