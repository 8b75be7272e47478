/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Messages and parties for tests of policies: a message is nothing but a header here.
 */

#include <glib.h>
#include <string.h>

#include "bus/names.h"
#include "core/message.h"

/* What a message says; NULL: the field is absent. */
struct message_fields {
        uint8_t type;
        const char *destination, *sender, *path, *interface, *member, *error_name;
        uint32_t reply_serial;
        unsigned n_fds;
};

/* A message whose texts lie in a buffer of their own; made once, then freed. */
struct test_message {
        struct message message;
        GString *bytes;
};

static inline void test_message_text(struct test_message *t, enum header_field field,
                                     const char *text)
{
        if (!text)
                return;
        t->message.header.text[field] = (struct header_text){
                .at = (uint32_t)t->bytes->len,
                .length = (uint32_t)strlen(text),
        };
        g_string_append_len(t->bytes, text, strlen(text) + 1);
}

static inline void test_message_init(struct test_message *t, const struct message_fields *f)
{
        *t = (struct test_message){.bytes = g_string_new("header")};
        t->message.header.type = f->type;
        t->message.header.reply_serial = f->reply_serial;
        t->message.header.n_fds = f->n_fds;
        t->message.n_fds = f->n_fds;
        test_message_text(t, FIELD_DESTINATION, f->destination);
        test_message_text(t, FIELD_SENDER, f->sender);
        test_message_text(t, FIELD_PATH, f->path);
        test_message_text(t, FIELD_INTERFACE, f->interface);
        test_message_text(t, FIELD_MEMBER, f->member);
        test_message_text(t, FIELD_ERROR_NAME, f->error_name);
        t->message.bytes = (uint8_t *)t->bytes->str;
}

static inline void test_message_deinit(struct test_message *t)
{
        g_string_free(t->bytes, TRUE);
}

/* Asks for a name; whoever comes second waits for it. */
static inline void test_own(struct name_registry *r, struct name_owner *o, const char *name)
{
        struct name_change change;
        int result = name_request(r, o, name, strlen(name), 0, &change);

        g_assert_cmpint(result, >=, 0);
        name_change_done(r, &change);
}

static inline void test_disown_all(struct name_registry *r, struct name_owner *o)
{
        while (!list_empty(&o->ownerships)) {
                struct name_change change;

                name_drop(r, container_of(o->ownerships.prev, struct name_ownership, of_owner),
                          &change);
                name_change_done(r, &change);
        }
}
