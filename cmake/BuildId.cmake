# SPDX-License-Identifier: GPL-2.0-or-later
# Writes OUTPUT, which says what SOURCE is: as git describes it, else the date of the source. Nothing of when and where it
# was built, so that the same source makes the same program. Run at every build; rewrites only what has changed.

cmake_minimum_required(VERSION 3.25)

# As root in somebody else's clone git wants to be told that this is meant.
execute_process(COMMAND git -c safe.directory=* describe --always --dirty --tags
                WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE id ERROR_QUIET
                OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
if(NOT EXISTS ${SOURCE}/.git OR failed OR NOT id)
  if(DEFINED ENV{SOURCE_DATE_EPOCH})
    string(TIMESTAMP id "source of %Y-%m-%d" UTC)
  else()
    file(TIMESTAMP ${SOURCE}/docs/CHANGELOG.md id "source of %Y-%m-%d" UTC)
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT
"// Made by cmake/BuildId.cmake.
#pragma once
inline constexpr char kBuildId[] = \"@id@\";
")
