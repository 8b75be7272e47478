/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is told to the audit subsystem of the kernel: decisions of security modules, and what they
 * say of themselves. Where there is no such subsystem, or no right to write to it
 * (CAP_AUDIT_WRITE), it goes to the system's log. As there is one log, there is one audit.
 */

enum audit_event {
        AUDIT_EVENT_NONE, /* for the system's log only */
        AUDIT_EVENT_AVC,  /* a decision */
        AUDIT_EVENT_POLICY_LOAD,
        AUDIT_EVENT_STATUS, /* enforcing or not */
        N_AUDIT_EVENTS,
};

/* Opens the subsystem, if that is allowed: to be called when all other rights have been given up.
 * Logs if it should work but does not. */
void audit_start(void);
void audit_stop(void);

/* Writes a message. `priority`: of syslog(3), for where there is no audit. */
void audit_write(enum audit_event event, int priority, const char *text);
