/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Text in columns that are as wide as what is in them. What is not printable becomes "?", as cells
 * may hold what other users' processes call themselves.
 */

struct table_column {
        const char *heading;
        bool right; /* aligned */
};

struct table {
        const struct table_column *columns;
        size_t n_columns;
        char **cells; /* row by row */
        size_t n_cells, room;
};

void table_init(struct table *t, const struct table_column *columns, size_t n_columns);
void table_deinit(struct table *t);

/* Adds the next cell of the current row, or the first of a new one. Ends the program without
 * memory. */
void table_add(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

size_t table_rows(const struct table *t);

/* Prints the headings and up to max_rows rows. Lines are cut at max_width characters; 0: nowhere.
 */
void table_print(const struct table *t, size_t max_width, size_t max_rows);
