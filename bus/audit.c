/* SPDX-License-Identifier: MIT */
#include "bus/audit.h"

#include <syslog.h>

#ifdef HAVE_AUDIT
#include <errno.h>
#include <libaudit.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_CAPNG
#include <cap-ng.h>
#endif

#include "bus/log.h"

static int audit_fd = -1;

static const int types[N_AUDIT_EVENTS] = {
        [AUDIT_EVENT_AVC] = AUDIT_USER_AVC,
        [AUDIT_EVENT_POLICY_LOAD] = AUDIT_USER_MAC_POLICY_LOAD,
        [AUDIT_EVENT_STATUS] = AUDIT_USER_MAC_STATUS,
};

static bool may_write(void)
{
#ifdef HAVE_CAPNG
        capng_get_caps_process();
        return capng_have_capability(CAPNG_EFFECTIVE, CAP_AUDIT_WRITE);
#else
        /* Without the library no right is kept when the user changes. */
        return geteuid() == 0;
#endif
}

void audit_start(void)
{
        if (!may_write())
                return;
        audit_fd = audit_open();
        /* What a kernel without it says (audit_open(3)). */
        if (audit_fd < 0 && errno != EINVAL && errno != EPROTONOSUPPORT && errno != EAFNOSUPPORT)
                log_line(LOG_LEVEL_WARNING, "Failed to open connection to the audit subsystem: %s",
                         strerror(errno));
}

void audit_stop(void)
{
        if (audit_fd >= 0)
                audit_close(audit_fd);
        audit_fd = -1;
}

void audit_write(enum audit_event event, int priority, const char *text)
{
        /* Whether it arrives nobody can wait for. */
        if (audit_fd >= 0 && types[event])
                audit_log_user_avc_message(audit_fd, types[event], text, NULL, NULL, NULL,
                                           getuid());
        else
                syslog(priority, "%s", text);
}
#else
void audit_start(void)
{
}

void audit_stop(void)
{
}

void audit_write(enum audit_event event, int priority, const char *text)
{
        (void)event;
        syslog(priority, "%s", text);
}
#endif
