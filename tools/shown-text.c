/* SPDX-License-Identifier: MIT */
#include "shown-text.h"

#include <dbus/dbus.h>

/* Unicode: controls, C0 and C1 (of which 0x9b begins what ESC [ does, for terminals that take it
 * from UTF-8), and what breaks lines or turns the direction of what follows. */
static const struct {
        uint32_t first, last;
} hidden[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0x61c, 0x61c},
        {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069},
};

static bool is_shown(uint32_t code)
{
        for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); ++i) {
                if (code >= hidden[i].first && code <= hidden[i].last)
                        return false;
        }
        return true;
}

void shown_text_init(struct shown_text *t, const char *text)
{
        *t = (struct shown_text){text, dbus_validate_utf8(text, NULL)};
}

bool shown_text_next(struct shown_text *t, struct shown_character *c)
{
        uint32_t first = (unsigned char)*t->at;

        if (!first)
                return false;
        *c = (struct shown_character){.bytes = t->at++, .n = 1, .code = first};
        if (t->is_utf8 && first >= 0xc0) {
                c->code = first & (first >= 0xf0 ? 0x07u : first >= 0xe0 ? 0x0fu : 0x1fu);
                for (; ((unsigned char)*t->at & 0xc0) == 0x80; ++t->at, ++c->n)
                        c->code = c->code << 6 | ((unsigned char)*t->at & 0x3f);
        }
        c->shown = is_shown(c->code) && (t->is_utf8 || c->code < 0x80);
        return true;
}

void shown_text_print(const char *text, FILE *to)
{
        struct shown_character c;
        struct shown_text t;

        shown_text_init(&t, text);
        while (shown_text_next(&t, &c)) {
                if (c.shown)
                        fwrite(c.bytes, c.n, 1, to);
                else
                        putc('?', to);
        }
}
