/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A system log of a test's own: /dev/log belongs to the machine.
 */

/* The variable of the environment that names the file which the log goes to. Each line of it is
 * "PRIORITY IDENT: TEXT", the priority as a number. */
#define OWN_SYSLOG_FILE "OWN_SYSLOG_FILE"

/* The one that names the directory of the journal's streams. */
#define OWN_JOURNAL_DIRECTORY "OWN_JOURNAL_DIRECTORY"
