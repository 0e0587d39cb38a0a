// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/cli.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char **argv) {
    try {
        return l7::run_cli(argc, argv);
    } catch (const std::exception &error) {
        std::fprintf(stderr, "l7ctl: %s\n", error.what());
        return 1;
    }
}
