/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/bytes.h"
#include "core/signature.h"
#include "message-edit.h"

/* The types of what a header consists of ("Message Format"). */
#define HEADER_TYPES "yyyyuua(yv)"

/* Turns a number of `size` bytes around. */
static void swap_bytes(uint8_t *at, unsigned size)
{
        for (unsigned i = 0; i < size / 2; ++i) {
                uint8_t byte = at[i];

                at[i] = at[size - 1 - i];
                at[size - 1 - i] = byte;
        }
}

/* Swaps a number of 4 bytes, and returns it as it is then, in native order. */
static uint32_t swap_u32(uint8_t *at)
{
        swap_bytes(at, 4);
        return load_u32(at, ORDER_NATIVE);
}

/* Swaps the value at an offset of `base`. The value is valid. Moves `*type` behind its type;
 * returns the offset behind the value. */
static size_t swap_value(uint8_t *base, size_t at, const char **type)
{
        char code = *(*type)++;
        unsigned alignment = signature_alignment(code), size = signature_fixed_size(code);
        const char *element;
        size_t end;

        at = (at + alignment - 1) & ~(size_t)(alignment - 1);
        switch (code) {
        case 's':
        case 'o':
                return at + 4 + swap_u32(base + at) + 1;
        case 'g':
                return at + 1 + base[at] + 1;
        case 'v':
                element = (const char *)base + at + 1;
                return swap_value(base, at + 1 + base[at] + 1, &element);
        case 'a':
                size = swap_u32(base + at);
                alignment = signature_alignment(**type);
                at = (at + 4 + alignment - 1) & ~(size_t)(alignment - 1);
                end = at + size;
                while (at < end) {
                        element = *type;
                        at = swap_value(base, at, &element);
                }
                *type += signature_next(*type);
                return end;
        case '(':
        case '{':
                while (**type != ')' && **type != '}')
                        at = swap_value(base, at, type);
                ++*type;
                return at;
        default:
                swap_bytes(base + at, size);
                return at + size;
        }
}

void message_make_native(DBusMessage *m)
{
        const char *types;
        size_t at = 0;

        if (__builtin_expect(m->wire.header.order == ORDER_NATIVE, 1))
                return;
        header_store_sizes(&m->wire.header, m->wire.bytes);
        for (types = message_signature(&m->wire); *types;)
                at = swap_value(message_body_bytes(m), at, &types);
        at = 0;
        for (types = HEADER_TYPES; *types;)
                at = swap_value(m->wire.bytes, at, &types);
        m->wire.header.order = ORDER_NATIVE;
        m->wire.bytes[0] = ORDER_NATIVE;
}
