/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Why the bus does not do what a client asked: an error name and a text, on their way to it.
 */

#include <stdbool.h>
#include <stddef.h>

#define ERROR_PREFIX "org.freedesktop.DBus.Error."

#define ERROR_ACCESS_DENIED             ERROR_PREFIX "AccessDenied"
#define ERROR_ADT_UNKNOWN               ERROR_PREFIX "AdtAuditDataUnknown"
#define ERROR_FAILED                    ERROR_PREFIX "Failed"
#define ERROR_FILE_NOT_FOUND            ERROR_PREFIX "FileNotFound"
#define ERROR_INVALID_ARGS              ERROR_PREFIX "InvalidArgs"
#define ERROR_LIMITS_EXCEEDED           ERROR_PREFIX "LimitsExceeded"
#define ERROR_MATCH_INVALID             ERROR_PREFIX "MatchRuleInvalid"
#define ERROR_MATCH_NOT_FOUND           ERROR_PREFIX "MatchRuleNotFound"
#define ERROR_NAME_HAS_NO_OWNER         ERROR_PREFIX "NameHasNoOwner"
#define ERROR_NO_MEMORY                 ERROR_PREFIX "NoMemory"
#define ERROR_NO_REPLY                  ERROR_PREFIX "NoReply"
#define ERROR_NOT_SUPPORTED             ERROR_PREFIX "NotSupported"
#define ERROR_PROCESS_ID_UNKNOWN        ERROR_PREFIX "UnixProcessIdUnknown"
#define ERROR_PROPERTY_READ_ONLY        ERROR_PREFIX "PropertyReadOnly"
#define ERROR_SELINUX_UNKNOWN           ERROR_PREFIX "SELinuxSecurityContextUnknown"
#define ERROR_SERVICE_UNKNOWN           ERROR_PREFIX "ServiceUnknown"
#define ERROR_SPAWN_CHILD_EXITED        ERROR_PREFIX "Spawn.ChildExited"
#define ERROR_SPAWN_CHILD_SIGNALED      ERROR_PREFIX "Spawn.ChildSignaled"
#define ERROR_SPAWN_CONFIG_INVALID      ERROR_PREFIX "Spawn.ConfigInvalid"
#define ERROR_SPAWN_EXEC_FAILED         ERROR_PREFIX "Spawn.ExecFailed"
#define ERROR_SPAWN_FAILED_TO_SETUP     ERROR_PREFIX "Spawn.FailedToSetup"
#define ERROR_SPAWN_FILE_INVALID        ERROR_PREFIX "Spawn.FileInvalid"
#define ERROR_SPAWN_FORK_FAILED         ERROR_PREFIX "Spawn.ForkFailed"
#define ERROR_SPAWN_PERMISSIONS_INVALID ERROR_PREFIX "Spawn.PermissionsInvalid"
#define ERROR_SPAWN_SERVICE_NOT_FOUND   ERROR_PREFIX "Spawn.ServiceNotFound"
#define ERROR_SPAWN_SERVICE_NOT_VALID   ERROR_PREFIX "Spawn.ServiceNotValid"
#define ERROR_TIMED_OUT                 ERROR_PREFIX "TimedOut"
#define ERROR_UNKNOWN_INTERFACE         ERROR_PREFIX "UnknownInterface"
#define ERROR_UNKNOWN_METHOD            ERROR_PREFIX "UnknownMethod"
#define ERROR_UNKNOWN_PROPERTY          ERROR_PREFIX "UnknownProperty"

struct fault {
        const char *name; /* static; NULL: there is no fault */
        char *text;       /* owned; NULL: there was no memory for it */
};

/* Sets a fault that was not set before. Always returns -1, for `return fault_set(...)`. */
int fault_set(struct fault *f, const char *name, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* The same for a lack of memory of our own. Always returns -1. */
int fault_no_memory(struct fault *f);

/* Takes over a text from malloc. Always returns -1. */
int fault_take(struct fault *f, const char *name, char *text);

/* The text to send. Never NULL. */
const char *fault_text(const struct fault *f);

void fault_clear(struct fault *f);
