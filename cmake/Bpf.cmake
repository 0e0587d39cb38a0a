# SPDX-License-Identifier: GPL-2.0-or-later
# BPF objects and their skeletons. An object that does not compile fails the build.

find_program(L7_BPF_CLANG NAMES clang REQUIRED)
find_program(L7_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

# The kernel's headers include <asm/...>, which lies in a directory named by the host's triplet.
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-multiarch OUTPUT_VARIABLE L7_MULTIARCH
                OUTPUT_STRIP_TRAILING_WHITESPACE)

# l7_bpf(NAME SOURCE): makes NAME.bpf.o and the header NAME.skel.h of the library bpf_NAME.
function(l7_bpf name source)
  set(object ${CMAKE_BINARY_DIR}/bpf/${name}.bpf.o)
  set(skeleton ${CMAKE_BINARY_DIR}/generated/bpf/${name}.skel.h)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/bpf ${CMAKE_BINARY_DIR}/generated/bpf)
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${L7_BPF_CLANG} -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Werror
            -Wno-unused-parameter -ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -I${CMAKE_SOURCE_DIR}/include
            -isystem /usr/include/${L7_MULTIARCH} -MD -MF ${object}.d
            -c ${CMAKE_SOURCE_DIR}/${source} -o ${object}
    DEPENDS ${CMAKE_SOURCE_DIR}/${source}
    DEPFILE ${object}.d
    VERBATIM)
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${L7_BPFTOOL} gen skeleton ${object} name ${name}_bpf > ${skeleton}
    DEPENDS ${object})
  add_custom_target(bpf_${name}_skeleton DEPENDS ${skeleton})
  add_library(bpf_${name} INTERFACE)
  add_dependencies(bpf_${name} bpf_${name}_skeleton)
  target_include_directories(bpf_${name} SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(bpf_${name} INTERFACE PkgConfig::libbpf)
endfunction()

l7_bpf(datapath bpf/datapath.bpf.c)
l7_bpf(control bpf/control.bpf.c)
l7_bpf(xdp bpf/xdp.bpf.c)
