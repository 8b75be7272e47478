/* SPDX-License-Identifier: MIT */
#include "bus/complaint.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/log.h"

static const char *or_unset(const char *text)
{
        return text ? text : "(unset)";
}

const char *complaint_type_name(uint8_t type)
{
        static const char *const names[] = {
                [MESSAGE_INVALID] = "invalid",
                [MESSAGE_METHOD_CALL] = "method_call",
                [MESSAGE_METHOD_RETURN] = "method_return",
                [MESSAGE_ERROR] = "error",
                [MESSAGE_SIGNAL] = "signal",
        };

        return names[type < sizeof(names) / sizeof(*names) ? type : MESSAGE_INVALID];
}

static const char *name_of(const struct peer *from)
{
        if (!from)
                return "(unset)";
        /* As the reference writes that there is none yet. */
        return from->name_length ? from->name : "(null)";
}

static const char *description_of(struct peer *from)
{
        /* As the reference writes it, with parentheses of its own. */
        if (!from)
                return "(bus)";
        return from->name_length ? peer_description(from) : "inactive";
}

int complaint_set(const struct complaint *c, struct fault *fault)
{
        const struct message *m = c->message;
        const char *destination = message_text(m, FIELD_DESTINATION);
        char *text, count[40] = "";
        int n;

        if (!c->uncounted)
                snprintf(count, sizeof(count), ", %u matched rules", c->n_matched);
        n = asprintf(&text,
                     "%s%s; type=\"%s\", sender=\"%s\" (%s) interface=\"%s\" "
                     "member=\"%s\" error name=\"%s\" requested_reply=\"%d\" "
                     "destination=\"%s\" (%s)",
                     c->what, count, complaint_type_name(m->header.type), name_of(c->from),
                     description_of(c->from), or_unset(message_text(m, FIELD_INTERFACE)),
                     or_unset(message_text(m, FIELD_MEMBER)),
                     or_unset(message_text(m, FIELD_ERROR_NAME)), c->requested_reply,
                     /* A broadcast has none; the reference writes this. */
                     destination ? destination : BUS_NAME, c->to ? peer_description(c->to) : "bus");
        if (n < 0)
                return fault ? fault_no_memory(fault) : -1;
        if (c->log)
                log_line(LOG_LEVEL_SECURITY, "%s", text);
        if (fault)
                return fault_take(fault, c->error, text);
        free(text);
        return -1;
}
