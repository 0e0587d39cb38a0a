# SPDX-License-Identifier: GPL-2.0-or-later
# The table of the protocols that l7ctl knows whatever patterns are loaded: those whose file in patterns/ says `dissected` or
# `ip`. So what is known of them stands in the pattern files only, and holds where a user's files replace these.

# string_of(KEY OUT): the string, quotes included, that the text at hand gives a key.
macro(string_of key out)
  if(NOT text MATCHES "\n${key} = (\"[^\n\"]+\")")
    message(FATAL_ERROR "${file}: ${key} is missing")
  endif()
  set(${out} "${CMAKE_MATCH_1}")
endmacro()

file(GLOB files CONFIGURE_DEPENDS patterns/*.toml)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
foreach(file IN LISTS files)
  file(READ "${file}" text)
  set(transports 0)
  set(ip 0)
  if(text MATCHES "\ndissected = \\[([^\n]*)\\]")
    set(words "${CMAKE_MATCH_1}")
    foreach(transport Tcp Udp Sctp)
      string(TOLOWER ${transport} word)
      if(words MATCHES "\"${word}\"")
        string(APPEND transports " | kOver${transport}")
      endif()
    endforeach()
  endif()
  if(text MATCHES "\nip = ([0-9]+)")
    set(ip ${CMAKE_MATCH_1})
  endif()
  if(transports STREQUAL "0" AND ip EQUAL 0)
    continue()
  endif()
  string_of(name name)
  string_of(title title)
  string_of(spec spec)
  if(NOT text MATCHES "\ngroups = \\[([^\n]+)\\]")
    message(FATAL_ERROR "${file}: groups is missing")
  endif()
  string(APPEND rows "{${name}, ${title}, ${spec}, {${CMAKE_MATCH_1}}, ${transports}, ${ip}},\n")
endforeach()
file(CONFIGURE OUTPUT generated/core/names/built_in_protocols.inc @ONLY CONTENT
"// Made by cmake/BuiltInProtocols.cmake from the files in patterns/.
@rows@")
