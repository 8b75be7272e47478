/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shown-text.h"
#include "tool.h"

void table_init(struct table *t, const struct table_column *columns, size_t n_columns)
{
        *t = (struct table){.columns = columns, .n_columns = n_columns};
}

void table_deinit(struct table *t)
{
        for (size_t i = 0; i < t->n_cells; ++i)
                free(t->cells[i]);
        free(t->cells);
        *t = (struct table){0};
}

/* In place: what is not to be shown becomes shorter, if anything. */
static void make_printable(char *text)
{
        struct shown_character c;
        struct shown_text t;
        char *out = text;

        shown_text_init(&t, text);
        while (shown_text_next(&t, &c)) {
                if (c.shown) {
                        memmove(out, c.bytes, c.n);
                        out += c.n;
                } else {
                        *out++ = '?';
                }
        }
        *out = '\0';
}

void table_add(struct table *t, const char *format, ...)
{
        va_list arguments;
        char *text;
        int n;

        if (t->n_cells == t->room) {
                size_t room = t->room ? 2 * t->room : 64;
                char **more = realloc(t->cells, room * sizeof(*more));

                if (!more)
                        tool_out_of_memory("making a table");
                t->cells = more;
                t->room = room;
        }
        va_start(arguments, format);
        n = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (n < 0)
                tool_out_of_memory("making a table");
        make_printable(text);
        t->cells[t->n_cells++] = text;
}

size_t table_rows(const struct table *t)
{
        return t->n_cells / t->n_columns;
}

/* Characters, not bytes: all but those that continue one (UTF-8). */
static size_t width_of(const char *text)
{
        size_t n = 0;

        for (; *text; ++text)
                n += ((unsigned char)*text & 0xc0) != 0x80;
        return n;
}

static const char *cell(const struct table *t, size_t row, size_t column)
{
        return row ? t->cells[(row - 1) * t->n_columns + column] : t->columns[column].heading;
}

static size_t column_width(const struct table *t, size_t column, size_t n_rows)
{
        size_t widest = 0;

        for (size_t row = 0; row <= n_rows; ++row) {
                size_t width = width_of(cell(t, row, column));

                if (width > widest)
                        widest = width;
        }
        return widest;
}

static void print_spaces(size_t n)
{
        printf("%*s", (int)n, "");
}

/* Prints what of a text there is room for. */
static void print_cut(const char *text, size_t room)
{
        for (; *text; ++text) {
                if (((unsigned char)*text & 0xc0) != 0x80 && !room--)
                        return;
                putchar(*text);
        }
}

static void print_row(const struct table *t, size_t row, const size_t *widths, size_t max_width)
{
        size_t at = 0;

        for (size_t i = 0; i < t->n_columns && (!max_width || at < max_width); ++i) {
                const char *text = cell(t, row, i);
                size_t width = width_of(text), pad = widths[i] - width,
                       room = max_width ? max_width - at : SIZE_MAX;

                if (t->columns[i].right && pad < room) {
                        print_spaces(pad);
                        room -= pad;
                }
                print_cut(text, room);
                at += widths[i] + 2;
                /* No blanks at the end of a line. */
                if (i + 1 < t->n_columns && (!max_width || at < max_width))
                        print_spaces((t->columns[i].right ? 0 : pad) + 2);
        }
        putchar('\n');
}

void table_print(const struct table *t, size_t max_width, size_t max_rows)
{
        size_t n_rows = table_rows(t) < max_rows ? table_rows(t) : max_rows;
        size_t *widths = calloc(t->n_columns, sizeof(*widths));

        if (!widths)
                tool_out_of_memory("printing a table");
        for (size_t i = 0; i < t->n_columns; ++i)
                widths[i] = column_width(t, i, n_rows);
        for (size_t row = 0; row <= n_rows; ++row)
                print_row(t, row, widths, max_width);
        free(widths);
}
