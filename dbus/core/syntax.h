/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The syntax of names, paths and strings (specification: "Valid Names", "Valid Object Paths",
 * "Basic types"). Every function takes bytes and a length, needs no terminating NUL, and says
 * whether the text is valid. None allocates or blocks.
 */

#include <stdbool.h>
#include <stddef.h>

/* Longest bus, interface, member and error name in bytes ("Valid Names"). */
#define NAME_MAX_LENGTH 255

bool syntax_utf8(const char *text, size_t length); /* no NUL inside either */
bool syntax_path(const char *text, size_t length);
bool syntax_interface(const char *text, size_t length);
bool syntax_member(const char *text, size_t length);
bool syntax_error_name(const char *text, size_t length);
bool syntax_bus_name(const char *text, size_t length); /* unique or well-known */
/* Laxer than the specification, as the reference is: ":", ":a" and ":.a" are valid. */
bool syntax_unique_name(const char *text, size_t length);
bool syntax_well_known_name(const char *text, size_t length);

/* A bus name or a prefix of one at a dot, as in arg0namespace: one element is enough. */
bool syntax_bus_namespace(const char *text, size_t length);

/* True if `name` is `prefix` or goes on with a dot behind it: "com.example.a" in "com.example". */
bool syntax_name_in_namespace(const char *name, size_t name_length, const char *prefix,
                              size_t prefix_length);

/* True if `path` is `prefix` or below it: "/a/b" in "/a"; every path is in "/". */
bool syntax_path_in_namespace(const char *path, size_t path_length, const char *prefix,
                              size_t prefix_length);
