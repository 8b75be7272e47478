/* SPDX-License-Identifier: MIT */
#include "links-list.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define LINK_INTERFACE "org.freedesktop.DBus.PeerLinks1"
#define REPLY_TYPE     "a(utt(stt)(stt))a(ssts)a(suuas)a{sv}"

/* The values of the reply are of known types, so that reading them in order cannot fail. */

static DBusBasicValue next_value(DBusMessageIter *i)
{
        DBusBasicValue v = {0};

        dbus_message_iter_get_basic(i, &v);
        dbus_message_iter_next(i);
        return v;
}

static DBusMessageIter next_container(DBusMessageIter *i)
{
        DBusMessageIter fields;

        dbus_message_iter_recurse(i, &fields);
        dbus_message_iter_next(i);
        return fields;
}

static struct listed_end next_end(DBusMessageIter *i)
{
        DBusMessageIter fields = next_container(i);
        struct listed_end e = {.name = next_value(&fields).str};

        e.messages = next_value(&fields).u64;
        e.bytes = next_value(&fields).u64;
        return e;
}

static void read_link(struct listing *l, DBusMessageIter *fields)
{
        struct listed_link *link = &l->links[l->n_links++];

        link->id = next_value(fields).u32;
        link->age = next_value(fields).u64;
        link->idle = next_value(fields).u64;
        link->ends[0] = next_end(fields);
        link->ends[1] = next_end(fields);
}

static void read_pair(struct listing *l, DBusMessageIter *fields)
{
        struct listed_pair *pair = &l->pairs[l->n_pairs++];

        pair->names[0] = next_value(fields).str;
        pair->names[1] = next_value(fields).str;
        pair->messages = next_value(fields).u64;
        pair->why = next_value(fields).str;
}

/* What a process was started as, its words separated by spaces; "" if there is no telling. */
static char *read_command(uint32_t pid)
{
        char path[64], *command = NULL;
        size_t n = 0;
        int fd;

        snprintf(path, sizeof(path), "/proc/%lu/cmdline", (unsigned long)pid);
        fd = pid ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0) {
                command = tool_read_all(fd, &n);
                close(fd);
        }
        if (!command) {
                command = strdup("");
                if (!command)
                        tool_out_of_memory("reading a command line");
        }
        while (n && !command[n - 1])
                --n;
        for (size_t i = 0; i < n; ++i) {
                if (!command[i])
                        command[i] = ' ';
        }
        return command;
}

static void *new_array(DBusMessageIter *array, size_t size)
{
        int n = dbus_message_iter_get_element_count(array);
        void *elements = calloc((size_t)n + 1, size);

        if (!elements)
                tool_out_of_memory("reading the list of links");
        return elements;
}

static void read_connection(struct listing *l, DBusMessageIter *fields)
{
        struct listed_connection *c = &l->connections[l->n_connections++];
        DBusMessageIter names;

        c->name = next_value(fields).str;
        c->pid = next_value(fields).u32;
        c->uid = next_value(fields).u32;
        c->command = read_command(c->pid);
        c->names = new_array(fields, sizeof(*c->names));
        names = next_container(fields);
        while (dbus_message_iter_get_arg_type(&names) == DBUS_TYPE_STRING)
                c->names[c->n_names++] = next_value(&names).str;
}

/* A later version of the bus may have totals of other types. */
static void read_total(struct listing *l, DBusMessageIter *fields)
{
        const char *key = next_value(fields).str;
        DBusMessageIter value = next_container(fields);
        struct listed_total *t = &l->totals[l->n_totals];

        switch (dbus_message_iter_get_arg_type(&value)) {
        case DBUS_TYPE_UINT32:
                *t = (struct listed_total){key, next_value(&value).u32};
                break;
        case DBUS_TYPE_UINT64:
                *t = (struct listed_total){key, next_value(&value).u64};
                break;
        default:
                return;
        }
        l->n_totals += 1;
}

static void read_all(struct listing *l, DBusMessageIter *i,
                     void (*read)(struct listing *l, DBusMessageIter *fields))
{
        DBusMessageIter array = next_container(i);

        while (dbus_message_iter_get_arg_type(&array) != DBUS_TYPE_INVALID) {
                DBusMessageIter fields = next_container(&array);

                read(l, &fields);
        }
}

static int busiest_first(const void *a, const void *b)
{
        uint64_t x = ((const struct listed_pair *)a)->messages,
                 y = ((const struct listed_pair *)b)->messages;

        return (x < y) - (x > y);
}

static void read_reply(struct listing *l)
{
        DBusMessageIter i;

        dbus_message_iter_init(l->reply, &i);
        l->links = new_array(&i, sizeof(*l->links));
        read_all(l, &i, read_link);
        l->pairs = new_array(&i, sizeof(*l->pairs));
        read_all(l, &i, read_pair);
        l->connections = new_array(&i, sizeof(*l->connections));
        read_all(l, &i, read_connection);
        l->totals = new_array(&i, sizeof(*l->totals));
        read_all(l, &i, read_total);
        qsort(l->pairs, l->n_pairs, sizeof(*l->pairs), busiest_first);
}

int listing_get(struct listing *l, DBusConnection *c, DBusError *error)
{
        DBusMessage *m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                      LINK_INTERFACE, "ListLinks");

        *l = (struct listing){0};
        if (!m)
                tool_out_of_memory("asking for the list of links");
        l->reply = dbus_connection_send_with_reply_and_block(c, m, -1, error);
        dbus_message_unref(m);
        if (!l->reply)
                return -1;
        if (!dbus_message_has_signature(l->reply, REPLY_TYPE)) {
                dbus_set_error(error, DBUS_ERROR_INVALID_SIGNATURE,
                               "the list of links has the type \"%s\", which is not known here",
                               dbus_message_get_signature(l->reply));
                listing_free(l);
                return -1;
        }
        read_reply(l);
        return 0;
}

void listing_free(struct listing *l)
{
        for (size_t i = 0; i < l->n_connections; ++i) {
                free(l->connections[i].names);
                free(l->connections[i].command);
        }
        free(l->links);
        free(l->pairs);
        free(l->connections);
        free(l->totals);
        if (l->reply)
                dbus_message_unref(l->reply);
        *l = (struct listing){0};
}

const struct listed_connection *listing_connection(const struct listing *l, const char *name)
{
        for (size_t i = 0; i < l->n_connections; ++i) {
                if (strcmp(l->connections[i].name, name) == 0)
                        return &l->connections[i];
        }
        return NULL;
}

uint64_t listing_total(const struct listing *l, const char *key)
{
        for (size_t i = 0; i < l->n_totals; ++i) {
                if (strcmp(l->totals[i].key, key) == 0)
                        return l->totals[i].value;
        }
        return 0;
}
