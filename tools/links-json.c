/* SPDX-License-Identifier: MIT */
#include "links-json.h"

#include <inttypes.h>
#include <stdio.h>

#include "shown-text.h"

/* A string. What a process calls itself need not be UTF-8: then its bytes are told as if each were
 * a character of its own. What a terminal should not get is told by number. */
static void print_string(const char *text)
{
        struct shown_character c;
        struct shown_text t;

        putchar('"');
        shown_text_init(&t, text);
        while (shown_text_next(&t, &c)) {
                if (*c.bytes == '"' || *c.bytes == '\\')
                        printf("\\%c", *c.bytes);
                else if (c.shown)
                        fwrite(c.bytes, c.n, 1, stdout);
                else
                        printf("\\u%04" PRIx32, c.code);
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
