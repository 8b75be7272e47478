# SPDX-License-Identifier: MIT
# Language level, warnings and instrumentation, the same for every target of the tree.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
endif()
# Symbols cost nothing at run time and make a profile or a core dump readable.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")

option(WERROR "Treat compiler warnings as errors" OFF)
option(COVERAGE "Count executed lines (gcov)" OFF)
option(FUZZ "Build the libFuzzer targets (clang only)" OFF)
set(SANITIZE "" CACHE STRING "Sanitizers to build with, as for -fsanitize=: address,undefined")

add_compile_definitions(_GNU_SOURCE)
add_compile_options(-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual
    -Wvla -Wpointer-arith -Wwrite-strings -fno-strict-aliasing)
if(WERROR)
    add_compile_options(-Werror)
endif()
if(DEBIAN_LAYOUT)
    # What was built elsewhere is the same.
    add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.
        -ffile-prefix-map=${PROJECT_BINARY_DIR}=.)
endif()
if(SANITIZE)
    add_compile_options(-fsanitize=${SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${SANITIZE})
endif()
if(COVERAGE)
    add_compile_options(--coverage)
    add_link_options(--coverage)
endif()
if(CMAKE_BUILD_TYPE STREQUAL Release AND NOT SANITIZE AND NOT FUZZ AND NOT COVERAGE)
    # A message passes a dozen small functions in as many files.
    include(CheckIPOSupported)
    check_ipo_supported(RESULT ipo_supported LANGUAGES C)
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ${ipo_supported})
endif()
if(FUZZ)
    # Every object is instrumented; only the fuzz targets link the fuzzer's main().
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
