/* SPDX-License-Identifier: MIT */
#include "links-table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "tool.h"

#define MS_PER_S 1000u

static const struct table_column link_columns[] = {
        {"LINK", true},  {"AGE", true},    {"LAST USE", true}, {"END", false},
        {"PID", true},   {"UID", true},    {"MESSAGES", true}, {"BYTES", true},
        {"PER S", true}, {"NAMES", false}, {"COMMAND", false},
};

static const struct table_column pair_columns[] = {
        {"MESSAGES", true}, {"NOT LINKED, AS", false}, {"END", false},     {"PID", true},
        {"UID", true},      {"NAMES", false},          {"COMMAND", false},
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void add_duration(struct table *t, uint64_t ms)
{
        static const struct {
                uint64_t seconds;
                const char *unit;
        } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}};

        for (size_t i = 0; i < COUNT(units); ++i) {
                /* Two of a unit say more than one and a half of the next. */
                if (ms >= 2 * units[i].seconds * MS_PER_S) {
                        table_add(t, "%" PRIu64 " %s", ms / (units[i].seconds * MS_PER_S),
                                  units[i].unit);
                        return;
                }
        }
        table_add(t, "%.1f s", (double)ms / MS_PER_S);
}

/* A text of a number of bytes, in units of 1024. */
static const char *size_text(char text[16], uint64_t bytes)
{
        static const char units[] = " KMGTPE";
        double size = (double)bytes;
        size_t unit = 0;

        for (; size >= 1024 && units[unit + 1]; ++unit)
                size /= 1024;
        if (unit)
                snprintf(text, 16, "%.1f %ciB", size, units[unit]);
        else
                snprintf(text, 16, "%" PRIu64 " B", bytes);
        return text;
}

static void add_number(struct table *t, uint32_t number, uint32_t unknown)
{
        if (number == unknown)
                table_add(t, "-");
        else
                table_add(t, "%" PRIu32, number);
}

static char *join_names(const struct listed_connection *c)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                tool_out_of_memory("joining names");
        for (size_t i = 0; i < c->n_names; ++i)
                fprintf(out, "%s%s", i ? " " : "", c->names[i]);
        if (fclose(out) != 0)
                tool_out_of_memory("joining names");
        return text;
}

/* A connection may have gone from one part of the list to the next. */
static const struct listed_connection *who(const struct listing *l, const char *name)
{
        static char nothing[] = "";
        static const struct listed_connection unknown = {
                .name = "", .uid = NO_UID, .command = nothing};
        const struct listed_connection *c = listing_connection(l, name);

        return c ? c : &unknown;
}

static void add_names_and_command(struct table *t, const struct listed_connection *c)
{
        char *names = join_names(c);

        table_add(t, "%s", *names ? names : "-");
        table_add(t, "%s", *c->command ? c->command : "-");
        free(names);
}

static uint64_t sent_before(const struct listing *before, const struct listed_link *link,
                            size_t end)
{
        for (size_t i = 0; i < before->n_links; ++i) {
                const struct listed_link *b = &before->links[i];

                if (b->id == link->id)
                        return b->ends[end].messages;
        }
        return 0;
}

static void add_rate(struct table *t, const struct listing *before, double seconds,
                     const struct listed_link *link, size_t end)
{
        uint64_t now = link->ends[end].messages, then;

        if (!before || seconds <= 0) {
                table_add(t, "-");
                return;
        }
        then = sent_before(before, link, end);
        table_add(t, "%.0f", now > then ? (double)(now - then) / seconds : 0);
}

static void add_link_end(struct table *t, const struct listing *l, const struct listing *before,
                         double seconds, const struct listed_link *link, size_t end)
{
        const struct listed_connection *c = who(l, link->ends[end].name);
        char size[16];

        table_add(t, "%s", link->ends[end].name);
        add_number(t, c->pid, 0);
        add_number(t, c->uid, NO_UID);
        table_add(t, "%" PRIu64, link->ends[end].messages);
        table_add(t, "%s", size_text(size, link->ends[end].bytes));
        add_rate(t, before, seconds, link, end);
        add_names_and_command(t, c);
}

static void print_links(const struct listing *l, const struct listing *before, double seconds,
                        size_t width, size_t height)
{
        struct table t;

        table_init(&t, link_columns, COUNT(link_columns));
        for (size_t i = 0; i < l->n_links; ++i) {
                const struct listed_link *link = &l->links[i];

                table_add(&t, "%" PRIu32, link->id);
                add_duration(&t, link->age);
                add_duration(&t, link->idle);
                add_link_end(&t, l, before, seconds, link, 0);
                for (size_t blank = 0; blank < 3; ++blank)
                        table_add(&t, "%s", "");
                add_link_end(&t, l, before, seconds, link, 1);
        }
        if (l->n_links)
                table_print(&t, width, height);
        else
                puts("No links.");
        table_deinit(&t);
}

static void add_pair_end(struct table *t, const struct listing *l, const char *name)
{
        const struct listed_connection *c = who(l, name);

        table_add(t, "%s", name);
        add_number(t, c->pid, 0);
        add_number(t, c->uid, NO_UID);
        add_names_and_command(t, c);
}

static void print_pairs(const struct listing *l, size_t width, size_t height)
{
        struct table t;

        if (!l->n_pairs)
                return;
        table_init(&t, pair_columns, COUNT(pair_columns));
        for (size_t i = 0; i < l->n_pairs; ++i) {
                const struct listed_pair *p = &l->pairs[i];

                table_add(&t, "%" PRIu64, p->messages);
                table_add(&t, "%s", p->why);
                add_pair_end(&t, l, p->names[0]);
                table_add(&t, "%s", "");
                table_add(&t, "%s", "");
                add_pair_end(&t, l, p->names[1]);
        }
        putchar('\n');
        table_print(&t, width, height);
        table_deinit(&t);
}

static void print_totals(const struct listing *l)
{
        uint64_t max = listing_total(l, "MaxLinks");
        char size[16];

        printf("\nLinks: %" PRIu64 " now, %" PRIu64 " ever; ", listing_total(l, "Links"),
               listing_total(l, "LinksEver"));
        if (max)
                printf("at most %" PRIu64 " at a time.\n", max);
        else
                puts("they are switched off.");
        printf("Messages over them: %" PRIu64 ", %s. Connections that take part: %" PRIu64
               " of %" PRIu64 ".\n",
               listing_total(l, "Messages"), size_text(size, listing_total(l, "Bytes")),
               listing_total(l, "ConnectionsWithLinks"), listing_total(l, "Connections"));
}

void links_print_table(const struct listing *l, const struct listing *before, double seconds,
                       size_t width, size_t height)
{
        size_t rows = height ? height : SIZE_MAX;

        print_links(l, before, seconds, width, rows);
        print_pairs(l, width, rows);
        print_totals(l);
}
