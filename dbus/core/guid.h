/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Identifiers of 128 bits (specification, "UUIDs"): of addresses, buses and machines.
 */

#include <stdbool.h>

/* 32 lower-case hexadecimal digits and a NUL. */
#define GUID_SIZE 33

/* Makes a new one. Returns 0, or -errno if the kernel gives no random bytes. */
int guid_new(char out[GUID_SIZE]);

/* True if `text` is nothing but 32 hexadecimal digits, of either case. */
bool guid_valid(const char *text);

/*
 * Reads an identifier from a file that holds nothing else but white space around it.
 * Returns 0, -errno, or -EBADMSG if there is something else in the file.
 */
int machine_id_read_from(const char *path, char out[GUID_SIZE]);

/* Where this machine's may be (specification, "org.freedesktop.DBus.Peer"). */
#define MACHINE_ID_FILES 2
extern const char *const machine_id_files[MACHINE_ID_FILES];

/* Reads this machine's from the first of the files that has one. Returns 0, or what went wrong with
 * the last of them. */
int machine_id_read(char out[GUID_SIZE]);
