/* SPDX-License-Identifier: MIT */
#include "core/reader.h"

#include <string.h>

#include "core/body.h"
#include "core/bytes.h"
#include "core/signature.h"

void reader_init(struct reader *r, const struct message *m)
{
        *r = (struct reader){
                .base = message_body(m),
                .end = m->header.body_size,
                .type = message_signature(m),
                .order = m->header.order,
        };
}

bool reader_more(const struct reader *r)
{
        /* No value is without bytes. */
        return r->at < r->end;
}

char reader_type(const struct reader *r)
{
        return reader_more(r) ? *r->type : '\0';
}

/* The next value has been read up to offset `end`. */
static void go_on(struct reader *r, uint32_t end)
{
        r->at = end;
        r->type = r->element ? r->element : r->type + signature_next(r->type);
}

/* True if the next value is of one of the types in `codes`. */
static bool is_next(const struct reader *r, const char *codes)
{
        char type = reader_type(r);

        return type && strchr(codes, type);
}

bool reader_string(struct reader *r, const char **value, uint32_t *length)
{
        uint32_t at;

        if (!is_next(r, "sog"))
                return false;
        if (*r->type == 'g') {
                at = r->at + 1;
                *length = r->base[r->at];
        } else {
                at = align_up(r->at, 4) + 4;
                *length = load_u32(r->base + at - 4, r->order);
        }
        *value = (const char *)r->base + at;
        go_on(r, at + *length + 1);
        return true;
}

bool reader_u32(struct reader *r, uint32_t *value)
{
        uint32_t at = align_up(r->at, 4);

        if (!is_next(r, "uibh"))
                return false;
        *value = load_u32(r->base + at, r->order);
        go_on(r, at + 4);
        return true;
}

bool reader_u64(struct reader *r, uint64_t *value)
{
        uint32_t at = align_up(r->at, 8);

        if (!is_next(r, "txd"))
                return false;
        *value = load_u64(r->base + at, r->order);
        go_on(r, at + 8);
        return true;
}

bool reader_byte(struct reader *r, uint8_t *value)
{
        if (!is_next(r, "y"))
                return false;
        *value = r->base[r->at];
        go_on(r, r->at + 1);
        return true;
}

bool reader_enter(struct reader *r, struct reader *inner)
{
        if (!is_next(r, "a({v"))
                return false;
        *inner = *r;
        inner->element = NULL;
        inner->end = (uint32_t)body_skip(r->base, r->at, r->type, r->order);
        switch (*r->type) {
        case 'a':
                inner->element = inner->type = r->type + 1;
                inner->at = align_up(align_up(r->at, 4) + 4, signature_alignment(*inner->type));
                break;
        case 'v':
                inner->type = (const char *)r->base + r->at + 1;
                inner->at = r->at + 1 + r->base[r->at] + 1;
                break;
        default:
                inner->type = r->type + 1;
                inner->at = align_up(r->at, 8);
                break;
        }
        go_on(r, inner->end);
        return true;
}

bool reader_skip(struct reader *r)
{
        if (!reader_more(r))
                return false;
        go_on(r, (uint32_t)body_skip(r->base, r->at, r->type, r->order));
        return true;
}
