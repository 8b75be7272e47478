/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The journal of systemd, where the output of services goes if that of the bus goes to the system
 * log: as their own, not as the bus's.
 */

/*
 * Standard output becomes a stream to the journal, of priority "info", and standard error one of
 * "warning", both by the name of `identifier`. Where there is no journal they stay what they are.
 * For a process that is to become another program: it may wait for the journal to listen.
 */
void journal_take_output(const char *identifier);
