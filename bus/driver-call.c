/* SPDX-License-Identifier: MIT */
#include "bus/driver-call.h"

#include <string.h>

#include "bus/route.h"

void driver_reply_spec(struct driver_call *c, struct message_spec *spec, const char *signature)
{
        *spec = (struct message_spec){
                .type = MESSAGE_METHOD_RETURN,
                .flags = MESSAGE_NO_REPLY_EXPECTED,
                .serial = bus_next_serial(c->bus),
                .reply_serial = c->message->header.serial,
                .sender = BUS_NAME,
                .destination = peer_name(c->caller),
                .signature = *signature ? signature : NULL,
        };
}

void driver_reply_begin(struct driver_call *c, struct writer *w, const char *signature)
{
        struct message_spec spec;

        driver_reply_spec(c, &spec, signature);
        writer_begin(w, &spec);
}

int driver_reply_end(struct driver_call *c, struct writer *w)
{
        struct message *m;

        if (writer_end(w, &m) < 0)
                return fault_no_memory(c->fault);
        route_from_bus(c->bus, c->caller, m);
        message_unref(m);
        return 0;
}

int driver_reply_empty(struct driver_call *c)
{
        struct writer w;

        /* The reference leaves out the acknowledgement, and only that, if nobody waits for it. */
        if (c->message->header.flags & MESSAGE_NO_REPLY_EXPECTED)
                return 0;
        driver_reply_begin(c, &w, "");
        return driver_reply_end(c, &w);
}

int driver_reply_u32(struct driver_call *c, uint32_t value)
{
        struct writer w;

        driver_reply_begin(c, &w, "u");
        writer_u32(&w, value);
        return driver_reply_end(c, &w);
}

int driver_reply_string(struct driver_call *c, const char *value)
{
        struct writer w;

        driver_reply_begin(c, &w, "s");
        writer_string(&w, value);
        return driver_reply_end(c, &w);
}

int driver_read_owner(struct driver_call *c, const char *what, const char **name, struct peer **p,
                      bool *is_bus)
{
        uint32_t length;

        reader_string(&c->args, name, &length);
        *is_bus = !strcmp(*name, BUS_NAME);
        *p = *is_bus ? NULL : bus_find_owner(c->bus, *name, length);
        if (*p || *is_bus)
                return 0;
        return fault_set(c->fault, ERROR_NAME_HAS_NO_OWNER,
                         "Could not get %s of name '%s': no such name", what, *name);
}

void driver_entry_u32(struct writer *w, const char *key, uint32_t value)
{
        writer_struct(w);
        writer_string(w, key);
        writer_variant(w, "u");
        writer_u32(w, value);
}

void driver_entry_u64(struct writer *w, const char *key, uint64_t value)
{
        writer_struct(w);
        writer_string(w, key);
        writer_variant(w, "t");
        writer_u64(w, value);
}

void driver_entry_string(struct writer *w, const char *key, const char *value)
{
        writer_struct(w);
        writer_string(w, key);
        writer_variant(w, "s");
        writer_string(w, value);
}
