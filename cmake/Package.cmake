# SPDX-License-Identifier: GPL-2.0-or-later
# What is installed where, and the Debian package. Man pages need lowdown; without it they, and the package, are not made.

set(L7_DIR ${CMAKE_INSTALL_FULL_DATADIR}/l7ctl)
set(L7_MADE ${CMAKE_BINARY_DIR}/package)
file(MAKE_DIRECTORY ${L7_MADE})

install(TARGETS l7ctl RUNTIME DESTINATION ${CMAKE_INSTALL_FULL_SBINDIR})
install(DIRECTORY patterns DESTINATION ${L7_DIR} FILES_MATCHING PATTERN *.toml)
install(DIRECTORY share/grafana share/prometheus DESTINATION ${L7_DIR})
install(PROGRAMS share/keepalived/l7ctl-sync DESTINATION ${L7_DIR}/keepalived)
install(FILES share/l7ctl.toml DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/l7ctl)
install(FILES share/l7ctl.service DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/systemd/system)
install(FILES share/debian/copyright DESTINATION ${CMAKE_INSTALL_FULL_DOCDIR})
install(FILES share/debian/lintian-overrides DESTINATION ${CMAKE_INSTALL_FULL_DATADIR}/lintian/overrides RENAME l7ctl)

# Completion is what the program itself says its options are.
set(made ${L7_MADE}/l7ctl.bash ${L7_MADE}/_l7ctl)
add_custom_command(OUTPUT ${made}
  COMMAND l7ctl completion bash > ${L7_MADE}/l7ctl.bash
  COMMAND l7ctl completion zsh > ${L7_MADE}/_l7ctl
  DEPENDS l7ctl)
install(FILES ${L7_MADE}/l7ctl.bash DESTINATION ${CMAKE_INSTALL_FULL_DATADIR}/bash-completion/completions RENAME l7ctl)
install(FILES ${L7_MADE}/_l7ctl DESTINATION ${CMAKE_INSTALL_FULL_DATADIR}/zsh/vendor-completions)

find_program(L7_LOWDOWN lowdown)
find_program(L7_GZIP gzip)
if(L7_LOWDOWN AND L7_GZIP)
  foreach(page l7ctl.8 l7ctl.toml.5 l7-pattern.5 l7ctl-sync.7)
    string(REGEX MATCH "[0-9]$" section ${page})
    string(REGEX REPLACE "\\.[0-9]$" "" title ${page})
    set(source ${CMAKE_SOURCE_DIR}/docs/${page}.md)
    # Its first line is the title, as pandoc has it.
    add_custom_command(OUTPUT ${L7_MADE}/${page}.gz
      COMMAND sed 1d ${source} | ${L7_LOWDOWN} -s -tman --out-no-smart -M title=${title} -M section=${section}
              -M "source=\"l7ctl ${PROJECT_VERSION}\"" -M date= | ${L7_GZIP} -9n > ${L7_MADE}/${page}.gz
      DEPENDS ${source})
    install(FILES ${L7_MADE}/${page}.gz DESTINATION ${CMAKE_INSTALL_FULL_MANDIR}/man${section})
    list(APPEND made ${L7_MADE}/${page}.gz)
  endforeach()
else()
  message(STATUS "lowdown is not installed: no man pages, no package")
endif()
add_custom_target(installed_files ALL DEPENDS ${made})

if(L7_LOWDOWN AND L7_GZIP)
  # The package's changelog is ours, in Debian's form.
  file(READ docs/CHANGELOG.md text)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS docs/CHANGELOG.md)
  string(REGEX MATCH "\n## ${PROJECT_VERSION}[^\n]*\n(.*)" text "${text}")
  string(REGEX REPLACE "\n## .*" "" text "${CMAKE_MATCH_1}")
  string(REPLACE "\n- " "\n  * " text "${text}")
  set(L7_MAINTAINER "l7ctl developers <l7ctl@example.com>")
  set(form "%a, %d %b %Y 00:00:00 +0000")
  if(DEFINED ENV{SOURCE_DATE_EPOCH})
    string(TIMESTAMP date ${form} UTC)
  else()
    file(TIMESTAMP ${CMAKE_SOURCE_DIR}/docs/CHANGELOG.md date ${form} UTC)
  endif()
  file(WRITE ${L7_MADE}/changelog
    "l7ctl (${PROJECT_VERSION}) unstable; urgency=medium\n${text}\n -- ${L7_MAINTAINER}  ${date}\n")
  execute_process(COMMAND fold -s -w 75 ${L7_MADE}/changelog
    COMMAND sed -E "s/ +$//; /^(l7ctl |  \\*| -- |$)/!s/^ */    /"
    COMMAND ${L7_GZIP} -9n OUTPUT_FILE ${L7_MADE}/changelog.gz)
  install(FILES ${L7_MADE}/changelog.gz DESTINATION ${CMAKE_INSTALL_FULL_DOCDIR})

  file(WRITE ${L7_MADE}/conffiles "/etc/l7ctl/l7ctl.toml\n")
  set(CPACK_GENERATOR DEB)
  set(CPACK_PACKAGE_NAME l7ctl)
  set(CPACK_PACKAGE_CONTACT ${L7_MAINTAINER})
  set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "layer-7 classifier of network connections on eBPF and tc")
  set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Tells a router, gateway or host what protocol and application each connection
is, while the kernel forwards at full speed, and turns that into a mark and a
traffic class. Programs on the device look up every packet's flow; a daemon
matches the first bytes of new flows against patterns and writes the verdict.")
  set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR})
  set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
  set(CPACK_STRIP_FILES ON)
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_SECTION net)
  set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_PACKAGE_SUGGESTS "prometheus, bash-completion, redis-server, keepalived")
  set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
  set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${L7_MADE}/conffiles
    ${CMAKE_SOURCE_DIR}/share/debian/postinst
    ${CMAKE_SOURCE_DIR}/share/debian/prerm
    ${CMAKE_SOURCE_DIR}/share/debian/postrm)
  set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
  include(CPack)
endif()
