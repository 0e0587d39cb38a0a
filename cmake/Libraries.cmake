# SPDX-License-Identifier: GPL-2.0-or-later
# The libraries. Loading the shared ones of 34 took most of the time of a command, so the program carries what has an
# archive. OpenSSL stays shared, because its security updates must reach us without a new l7ctl. libelf stays because its
# archive in bookworm-backports is not whole, and civetweb because Debian has no archive of it.

option(L7_STATIC "Carry libraries within the program" ON)

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto SSL)
find_library(L7_CIVETWEB civetweb REQUIRED) # Debian's comes without a .pc file

# Libraries of C++ whose code is compiled with ours, as Debian has them shared only.
find_path(L7_FMT fmt/format-inl.h REQUIRED)
find_path(L7_TOML toml++/toml.h REQUIRED)
find_path(L7_PROMETHEUS prometheus/metric_family.h REQUIRED) # its types alone

# l7_library(NAME MODULE...): makes PkgConfig::NAME, of archives where those are wanted.
function(l7_library name)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${ARGN})
  if(L7_STATIC AND NOT L7_SANITIZE)
    get_target_property(libraries PkgConfig::${name} INTERFACE_LINK_LIBRARIES)
    list(TRANSFORM libraries REPLACE "\\.so$" ".a")
    list(TRANSFORM libraries REPLACE "^-l(ncursesw)$" "-l:lib\\1.a") # its .so is a script of the linker's
    set_target_properties(PkgConfig::${name} PROPERTIES INTERFACE_LINK_LIBRARIES "${libraries}")
  endif()
endfunction()

l7_library(hiredis hiredis)
l7_library(libbpf libbpf>=1.4)
l7_library(libfixbuf libfixbuf)
l7_library(libhs libhs)
l7_library(libnghttp2 libnghttp2)
l7_library(libnl libnl-3.0 libnl-route-3.0)
l7_library(libpcap libpcap)
l7_library(libpcre2 libpcre2-8)
l7_library(ncursesw ncursesw)
# What archives need and do not say.
target_link_libraries(PkgConfig::libbpf INTERFACE elf z)
target_link_libraries(PkgConfig::libfixbuf INTERFACE PkgConfig::libpcre2)
