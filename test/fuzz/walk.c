/* SPDX-License-Identifier: MIT */
#include "walk.h"

#include <string.h>

#include "fuzz.h"

static void walk_value(struct reader *r)
{
        struct reader inner;
        const char *text;
        uint32_t length, u32;
        uint64_t u64;
        uint8_t byte;

        switch (reader_type(r)) {
        case 's':
        case 'o':
        case 'g':
                require(!reader_u32(r, &u32) && !reader_enter(r, &inner));
                require(reader_string(r, &text, &length));
                require(strlen(text) == length);
                break;
        case 'u':
        case 'i':
        case 'b':
        case 'h':
                require(!reader_string(r, &text, &length) && !reader_u64(r, &u64));
                require(reader_u32(r, &u32));
                break;
        case 't':
        case 'x':
        case 'd':
                require(!reader_u32(r, &u32) && !reader_byte(r, &byte));
                require(reader_u64(r, &u64));
                break;
        case 'y':
                require(!reader_u64(r, &u64));
                require(reader_byte(r, &byte));
                break;
        case 'a':
        case '(':
        case '{':
        case 'v':
                require(!reader_byte(r, &byte));
                require(reader_enter(r, &inner));
                require(inner.end <= r->end && inner.end == r->at);
                walk_values(&inner);
                break;
        default:
                require(reader_skip(r));
                break;
        }
}

void walk_values(struct reader *r)
{
        struct reader skipping = *r;

        while (reader_more(r)) {
                walk_value(r);
                require(reader_skip(&skipping));
                require(skipping.at == r->at && skipping.type == r->type);
        }
        require(!reader_type(r) && !reader_skip(r));
        require(r->at == r->end);
}
