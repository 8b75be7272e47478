/* SPDX-License-Identifier: MIT */
#include "links-json.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include <dbus/dbus.h>

/* A string. What a process calls itself need not be UTF-8: then its bytes are told as if each were
 * a character of its own. */
static void print_string(const char *text)
{
        bool is_utf8 = dbus_validate_utf8(text, NULL);

        putchar('"');
        for (const unsigned char *p = (const unsigned char *)text; *p; ++p) {
                if (*p == '"' || *p == '\\')
                        printf("\\%c", *p);
                else if (*p < 0x20 || *p == 0x7f || (*p >= 0x80 && !is_utf8))
                        printf("\\u%04x", *p);
                else
                        putchar(*p);
        }
        putchar('"');
}

/* Between the elements of an array or the members of an object. */
static void separate(size_t i)
{
        if (i)
                putchar(',');
}

static void print_member(size_t i, const char *key)
{
        separate(i);
        printf("\"%s\":", key);
}

static void print_names(const struct listed_connection *c)
{
        putchar('[');
        for (size_t i = 0; c && i < c->n_names; ++i) {
                separate(i);
                print_string(c->names[i]);
        }
        putchar(']');
}

/* Who a unique name is, as the first members of an object. What is not known is null. */
static void print_who(const struct listing *l, const char *name)
{
        const struct listed_connection *c = listing_connection(l, name);

        print_member(0, "name");
        print_string(name);
        print_member(1, "names");
        print_names(c);
        print_member(1, "pid");
        if (c && c->pid)
                printf("%" PRIu32, c->pid);
        else
                printf("null");
        print_member(1, "uid");
        if (c && c->uid != NO_UID)
                printf("%" PRIu32, c->uid);
        else
                printf("null");
        print_member(1, "command");
        print_string(c ? c->command : "");
}

static void print_link(const struct listing *l, const struct listed_link *link)
{
        printf("{\"id\":%" PRIu32 ",\"age_ms\":%" PRIu64 ",\"idle_ms\":%" PRIu64 ",\"ends\":[",
               link->id, link->age, link->idle);
        for (size_t i = 0; i < 2; ++i) {
                separate(i);
                putchar('{');
                print_who(l, link->ends[i].name);
                printf(",\"messages_sent\":%" PRIu64 ",\"bytes_sent\":%" PRIu64 "}",
                       link->ends[i].messages, link->ends[i].bytes);
        }
        printf("]}");
}

static void print_pair(const struct listing *l, const struct listed_pair *pair)
{
        printf("{\"messages\":%" PRIu64 ",\"reason\":", pair->messages);
        print_string(pair->why);
        printf(",\"ends\":[");
        for (size_t i = 0; i < 2; ++i) {
                separate(i);
                putchar('{');
                print_who(l, pair->names[i]);
                putchar('}');
        }
        printf("]}");
}

void links_print_json(const struct listing *l)
{
        printf("{\"links\":[");
        for (size_t i = 0; i < l->n_links; ++i) {
                separate(i);
                print_link(l, &l->links[i]);
        }
        printf("],\"not_linked\":[");
        for (size_t i = 0; i < l->n_pairs; ++i) {
                separate(i);
                print_pair(l, &l->pairs[i]);
        }
        printf("],\"totals\":{");
        for (size_t i = 0; i < l->n_totals; ++i) {
                separate(i);
                print_string(l->totals[i].key);
                printf(":%" PRIu64, l->totals[i].value);
        }
        printf("}}\n");
}
