/* SPDX-License-Identifier: MIT */
#include "generate.h"

#include <stdbool.h>
#include <stdlib.h>

#define ANY(g, array) ((array)[random_below(g, sizeof(array) / sizeof(*(array)))])

uint32_t random_below(struct generated *g, uint32_t n)
{
        /* xorshift64* */
        g->random ^= g->random >> 12;
        g->random ^= g->random << 25;
        g->random ^= g->random >> 27;
        return (uint32_t)((g->random * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % n;
}

static bool chance(struct generated *g, unsigned percent)
{
        return random_below(g, 100) < percent;
}

/* Messages end where the room ends: too short ones are as good as others. */
static void put(struct generated *g, const void *bytes, size_t n)
{
        if (n > GENERATED_MAX_SIZE - g->size)
                n = GENERATED_MAX_SIZE - g->size;
        memcpy(g->bytes + g->size, bytes, n);
        g->size += (uint32_t)n;
}

static void put_byte(struct generated *g, uint8_t value)
{
        put(g, &value, 1);
}

static void put_u32(struct generated *g, uint32_t value)
{
        uint8_t bytes[4];

        store_u32(bytes, value, g->order);
        put(g, bytes, sizeof(bytes));
}

static void put_padding(struct generated *g, uint32_t alignment)
{
        static const uint8_t zeros[8];

        put(g, zeros, align_up(g->size, alignment) - g->size);
}

static void put_text(struct generated *g, char type, const char *text)
{
        size_t length = strlen(text);

        if (type == 'g') {
                put_byte(g, (uint8_t)length);
        } else {
                put_padding(g, 4);
                put_u32(g, (uint32_t)length);
        }
        put(g, text, length + 1);
}

static const char *const strings[] = {
        "",
        "a",
        "hello",
        "12345678",
        "grüße",
        "\xf0\x9f\x98\x80 and some more",
        "1234567\xe2\x82\xac",
};
static const char *const paths[] = {
        "/", "/a", "/org/freedesktop/DBus", "/com/example/Object/_1", "/a//b",
};
static const char *const signatures[] = {"", "s", "a{sv}", "(yy)", "aaai", "a{s", "(iad)ss"};

/* Writes one complete type to `to`, which has room for `room` characters. Returns its length. */
static size_t generate_type(struct generated *g, char *to, size_t room, unsigned depth)
{
        static const char codes[] = "ybnqiuxtdhsog"
                                    "ssssvvvaaaaaa((((";
        char code = depth < 7 && room > 8 ? codes[random_below(g, sizeof(codes) - 1)]
                                          : codes[random_below(g, 13)];
        size_t n = 0;

        to[n++] = code;
        if (code == 'a' && chance(g, 25)) {
                to[n++] = '{';
                to[n++] = codes[random_below(g, 13)];
                n += generate_type(g, to + n, room - n - 1, depth + 1);
                to[n++] = '}';
        } else if (code == 'a') {
                n += generate_type(g, to + n, room - n, depth + 1);
        } else if (code == '(') {
                do
                        n += generate_type(g, to + n, room - n - 1, depth + 1);
                while (room - n > 4 && chance(g, 50));
                to[n++] = ')';
        }
        return n;
}

static const char *generate_value(struct generated *g, const char *type, unsigned depth);

static void generate_array(struct generated *g, const char *element, unsigned depth)
{
        uint32_t length_at, first_at;

        put_padding(g, 4);
        length_at = g->size;
        put_u32(g, 0);
        put_padding(g, signature_alignment(*element));
        first_at = g->size;
        for (unsigned n = depth < 12 ? random_below(g, 4) : 1; n; --n)
                generate_value(g, element, depth + 1);
        if (first_at < GENERATED_MAX_SIZE)
                store_u32(g->bytes + length_at, g->size - first_at, g->order);
}

static void generate_variant(struct generated *g, unsigned depth)
{
        char type[32] = "v";

        /* Now and then a tower that reaches the limit of depth. */
        if (depth > 70 || (depth < 8 ? !chance(g, 10) : chance(g, 3)))
                type[generate_type(g, type, sizeof(type) - 1, 4)] = '\0';
        put_text(g, 'g', type);
        generate_value(g, type, depth + 1);
}

/* Writes a value of the type at `type`; returns the end of the type. */
static const char *generate_value(struct generated *g, const char *type, unsigned depth)
{
        char code = *type;
        unsigned size = signature_fixed_size(code);

        put_padding(g, signature_alignment(code));
        switch (code) {
        case 's':
                put_text(g, code, ANY(g, strings));
                break;
        case 'o':
                put_text(g, code, paths[random_below(g, 100) ? random_below(g, 4) : 4]);
                break;
        case 'g':
                put_text(g, code, signatures[random_below(g, 100) ? random_below(g, 5) : 5]);
                break;
        case 'b':
                put_u32(g, random_below(g, 2));
                break;
        case 'v':
                generate_variant(g, depth);
                break;
        case 'a':
                generate_array(g, type + 1, depth);
                break;
        case '(':
        case '{':
                for (++type; *type != ')' && *type != '}';)
                        type = generate_value(g, type, depth + 1);
                return type + 1;
        default:
                while (size--)
                        put_byte(g, (uint8_t)random_below(g, 256));
        }
        return type + signature_next(type);
}

static const struct {
        uint8_t code;
        char type;
        const char *good, *bad[6];
} fields[] = {
        {FIELD_PATH,
         'o',
         "/org/example",
         {"/org/freedesktop/DBus/LocalX", "/org/freedesktop/DBus/Loca", "/", "//", "/a/", "a"}},
        {FIELD_INTERFACE,
         's',
         "com.example.Interface",
         {"org.freedesktop.DBus.Local", "org.freedesktop.DBus.Loca", "a", "a.1", "a-b.c", "a..b"}},
        {FIELD_MEMBER, 's', "Method", {"", "a.b", "1a", "_1", "a-b", ":"}},
        {FIELD_ERROR_NAME, 's', "com.example.Error.Failed", {"", "a", "a.b", "1a.b", "a.b-c", "."}},
        {FIELD_DESTINATION,
         's',
         "com.example.Service",
         {":", ":1", ":1.7", "a.1", "a-b.-c", ":a..b"}},
        {FIELD_SENDER, 's', ":1.42", {":", "", "com.example", "org.freedesktop.DBus", ":.", "a"}},
        {FIELD_CONTAINER_INSTANCE,
         'o',
         "/c/1",
         {"/", "", "/org/freedesktop/DBus/Local", "a", "/é", "/-"}},
};

static void put_field_start(struct generated *g, uint8_t code, char type)
{
        put_padding(g, 8);
        put_byte(g, code);
        put_text(g, 'g', (char[]){type, '\0'});
}

static void generate_number_field(struct generated *g, uint8_t code)
{
        put_field_start(g, code, chance(g, 98) ? 'u' : 'i');
        put_u32(g, chance(g, 95) ? 1 + random_below(g, 1000) : 0);
}

static void generate_unknown_field(struct generated *g)
{
        put_padding(g, 8);
        put_byte(g, (uint8_t)(chance(g, 98) ? N_HEADER_FIELDS + random_below(g, 245) : 0));
        generate_variant(g, chance(g, 80) ? 2 : 7);
}

static void generate_fields(struct generated *g, uint8_t type, const char *signature)
{
        static const uint16_t usual[] = {
                [MESSAGE_METHOD_CALL] = 1 << FIELD_PATH | 1 << FIELD_MEMBER,
                [MESSAGE_METHOD_RETURN] = 1 << FIELD_REPLY_SERIAL,
                [MESSAGE_ERROR] = 1 << FIELD_ERROR_NAME | 1 << FIELD_REPLY_SERIAL,
                [MESSAGE_SIGNAL] = 1 << FIELD_PATH | 1 << FIELD_INTERFACE | 1 << FIELD_MEMBER,
        };
        unsigned wanted = type <= MESSAGE_SIGNAL ? usual[type] : 0;
        unsigned first = random_below(g, sizeof(fields) / sizeof(*fields));

        if (*signature || chance(g, 3)) {
                put_field_start(g, FIELD_SIGNATURE, 'g');
                put_text(g, 'g', signature);
        }
        for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); ++i) {
                size_t n = (i + first) % (sizeof(fields) / sizeof(*fields));

                if (!chance(g, wanted & 1u << fields[n].code ? 98 : 20))
                        continue;
                put_field_start(g, fields[n].code, chance(g, 99) ? fields[n].type : 's');
                put_text(g, fields[n].type, chance(g, 90) ? fields[n].good : ANY(g, fields[n].bad));
                /* Twice, sometimes. */
                if (chance(g, 1) && i)
                        --i;
                if (chance(g, 8))
                        generate_unknown_field(g);
        }
        if (chance(g, wanted & 1u << FIELD_REPLY_SERIAL ? 98 : 5))
                generate_number_field(g, FIELD_REPLY_SERIAL);
        if (chance(g, 3))
                generate_number_field(g, FIELD_UNIX_FDS);
}

void generate_message(struct generated *g)
{
        uint8_t type = (uint8_t)(chance(g, 95) ? 1 + random_below(g, 4) : random_below(g, 256));
        char signature[40] = "";
        const char *left = signature;
        size_t n = 0;
        uint32_t header_size;

        g->order = chance(g, 70) ? ORDER_LITTLE : ORDER_BIG;
        g->size = 0;
        while (n < 20 && chance(g, 60))
                n += generate_type(g, signature + n, sizeof(signature) - n - 1, 0);
        signature[n] = '\0';

        put(g, (uint8_t[]){(uint8_t)g->order, type, (uint8_t)random_below(g, 8), 1}, 4);
        put_u32(g, 0);
        put_u32(g, chance(g, 99) ? 1 + random_below(g, 100000) : 0);
        put_u32(g, 0);
        generate_fields(g, type, signature);
        store_u32(g->bytes + 12, g->size - HEADER_FIXED_SIZE, g->order);
        put_padding(g, 8);
        header_size = g->size;
        while (*left)
                left = generate_value(g, left, 0);
        store_u32(g->bytes + 4, g->size - header_size, g->order);
}

static uint8_t odd_byte(struct generated *g)
{
        static const uint8_t bytes[] = "\x00\x01\x02\x7f\x80\xbf\xc0\xc2\xe0\xed\xf0\xf4\xff"
                                       "l/.:_-0azybnqiuxtdhsogav(){}";

        return chance(g, 60) ? ANY(g, bytes) : (uint8_t)random_below(g, 256);
}

static void change_u32(struct generated *g)
{
        uint32_t at = random_below(g, g->size - 3) & ~3u;
        uint32_t value = load_u32(g->bytes + at, g->order);

        if (chance(g, 80))
                value += random_below(g, 17) - 8;
        else
                value = 0x3ffffffu << random_below(g, 8);
        store_u32(g->bytes + at, value, g->order);
}

static void insert_or_remove(struct generated *g)
{
        uint32_t at = random_below(g, g->size), n = 1 + random_below(g, 16);

        if (chance(g, 50)) {
                if (n > g->size - at)
                        n = g->size - at;
                memmove(g->bytes + at, g->bytes + at + n, g->size - at - n);
                g->size -= n;
        } else if (n <= GENERATED_MAX_SIZE - g->size) {
                memmove(g->bytes + at + n, g->bytes + at, g->size - at);
                for (uint32_t i = 0; i < n; ++i)
                        g->bytes[at + i] = chance(g, 70) ? 0 : odd_byte(g);
                g->size += n;
        }
}

/* Makes the size of the body fit the number of bytes, if that is possible. */
static void repair_size(struct generated *g)
{
        char order = (char)g->bytes[0];
        uint32_t header_size;
        uint64_t size;

        if (g->size >= HEADER_FIXED_SIZE && header_peek(g->bytes, &header_size, &size) == 0 &&
            header_size <= g->size)
                store_u32(g->bytes + 4, g->size - header_size, order);
}

void mutate_message(struct generated *g)
{
        for (unsigned n = 1 + random_below(g, 3); n && g->size > 4; --n) {
                switch (random_below(g, 4)) {
                case 0:
                        change_u32(g);
                        break;
                case 1:
                        insert_or_remove(g);
                        break;
                default:
                        g->bytes[random_below(g, g->size)] = odd_byte(g);
                        break;
                }
        }
        if (chance(g, 80))
                repair_size(g);
}
