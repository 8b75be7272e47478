/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * What other users' processes call themselves, shown on a terminal: characters that would command
 * it, or make a text look like another one, are not to get there.
 */

struct shown_text {
        const char *at; /* the character that is next */
        bool is_utf8;   /* else each byte is a character of its own, as in ISO 8859-1 */
};

struct shown_character {
        const char *bytes;
        size_t n;
        uint32_t code; /* of Unicode; less than 0x10000 if it is not to be shown */
        bool shown;
};

void shown_text_init(struct shown_text *t, const char *text);

/* Takes the next character. Returns whether there was one. */
bool shown_text_next(struct shown_text *t, struct shown_character *c);

/* Writes a text, with a "?" in place of what is not to be shown. */
void shown_text_print(const char *text, FILE *to);
