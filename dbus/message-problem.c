/* SPDX-License-Identifier: MIT */
#include "problem.h"

#include <stdbool.h>

#include "core/body.h"
#include "core/bytes.h"
#include "core/header.h"
#include "core/signature.h"
#include "core/syntax.h"

/*
 * Bytes that were refused are looked at again here, in the order in which libdbus does it, for the
 * words that it has for what it finds first. This decides nothing.
 */

struct walk {
        const uint8_t *base;
        size_t at, end; /* offsets from base */
        char order;
        const char *problem; /* the first one */
};

static bool fail(struct walk *w, const char *problem)
{
        w->problem = problem;
        return false;
}

/* Goes over padding, behind which at least `size` bytes have to be. */
static bool check_padding(struct walk *w, unsigned alignment, size_t size)
{
        size_t at = (w->at + alignment - 1) & ~(size_t)(alignment - 1);

        if (at > w->end || size > w->end - at)
                return fail(w, "Not enough data");
        for (; w->at < at; ++w->at)
                if (w->base[w->at])
                        return fail(w, "Alignment padding not null");
        return true;
}

static bool take_u32(struct walk *w, uint32_t *value)
{
        if (!check_padding(w, 4, 4))
                return false;
        *value = load_u32(w->base + w->at, w->order);
        w->at += 4;
        return true;
}

static bool check_value(struct walk *w, const char **type, unsigned depth);

static bool check_text(struct walk *w, char type)
{
        const char *text;
        uint32_t length;

        if (!take_u32(w, &length))
                return false;
        text = (const char *)w->base + w->at;
        if (length > w->end - w->at)
                return fail(w, "Length out of bounds");
        if (type == 'o' && !syntax_path(text, length))
                return fail(w, "Bad path");
        if (type == 's' && !syntax_utf8(text, length))
                return fail(w, "Bad utf8 in string");
        if (length == w->end - w->at)
                return fail(w, "Not enough data");
        if (text[length])
                return fail(w, "String missing nul");
        w->at += (size_t)length + 1;
        return true;
}

static bool check_signature(struct walk *w)
{
        const char *text = (const char *)w->base + w->at + 1;
        uint8_t length;

        if (w->at == w->end)
                return fail(w, "Not enough data");
        length = w->base[w->at];
        if (length + 1u >= w->end - w->at)
                return fail(w, "Signature length out of bounds");
        if (!signature_valid(text, length))
                return fail(w, signature_problem_text(text, length));
        if (text[length])
                return fail(w, "Signature missing nul");
        w->at += 1 + (size_t)length + 1;
        return true;
}

static bool check_variant(struct walk *w, unsigned depth)
{
        const char *text = (const char *)w->base + w->at + 1;
        uint8_t length;

        if (w->at == w->end)
                return fail(w, "Not enough data");
        length = w->base[w->at];
        if (length + 1u >= w->end - w->at)
                return fail(w, "Variant signature length out of bounds");
        if (!signature_valid(text, length))
                return fail(w, "Variant signature bad");
        if (text[length])
                return fail(w, "Variant signature missing nul");
        if (!length)
                return fail(w, "Variant signature empty");
        w->at += 1 + (size_t)length + 1;
        if (!check_padding(w, signature_alignment(*text), 0) || !check_value(w, &text, depth + 1))
                return false;
        return !*text || fail(w, "Variant signature specifies multiple values");
}

static bool check_array(struct walk *w, const char **type, unsigned depth)
{
        const char *element = *type;
        size_t end;
        uint32_t length;

        *type += signature_next(element);
        if (!take_u32(w, &length) || !check_padding(w, signature_alignment(*element), 0))
                return false;
        if (length > w->end - w->at)
                return fail(w, "Length out of bounds");
        if (length > BODY_MAX_ARRAY_BYTES)
                return fail(w, "Array length exceeds maximum");
        if (signature_fixed_size(*element) && length % signature_fixed_size(*element))
                return fail(w, "Array length incorrect");
        /* Elements may reach beyond their array, as long as there is anything. */
        end = w->at + length;
        while (w->at < end) {
                const char *each = element;

                if (!check_value(w, &each, depth + 1))
                        return false;
        }
        return w->at == end || fail(w, "Array length incorrect");
}

static bool check_value(struct walk *w, const char **type, unsigned depth)
{
        char code = *(*type)++;
        unsigned size = signature_fixed_size(code);
        uint32_t value;

        if (depth > BODY_MAX_DEPTH)
                return fail(w,
                            "Variants cannot be used to create a hugely recursive tree of values");
        switch (code) {
        case 'b':
                if (!take_u32(w, &value))
                        return false;
                return value <= 1 || fail(w, "Boolean is not zero or one");
        case 's':
        case 'o':
                return check_text(w, code);
        case 'g':
                return check_signature(w);
        case 'v':
                return check_variant(w, depth);
        case 'a':
                return check_array(w, type, depth);
        case '(':
        case '{':
                if (!check_padding(w, 8, 0))
                        return false;
                while (**type != ')' && **type != '}')
                        if (!check_value(w, type, depth + 1))
                                return false;
                ++*type;
                return true;
        default:
                if (!check_padding(w, size, 1))
                        return false;
                if (w->end - w->at < size)
                        return fail(w, "Not enough data");
                w->at += size;
                return true;
        }
}

static bool check_values(struct walk *w, const char *types)
{
        while (*types)
                if (!check_value(w, &types, 0))
                        return false;
        return true;
}

/* Fields that a type of messages has to have, in the order in which libdbus misses them. */
static const struct {
        uint8_t message_type;
        enum header_field field;
        const char *problem;
} required[] = {
        {MESSAGE_METHOD_CALL, FIELD_PATH, "Missing path"},
        {MESSAGE_METHOD_CALL, FIELD_MEMBER, "Missing member"},
        {MESSAGE_METHOD_RETURN, FIELD_REPLY_SERIAL, "Missing reply serial"},
        {MESSAGE_ERROR, FIELD_ERROR_NAME, "Missing error name"},
        {MESSAGE_ERROR, FIELD_REPLY_SERIAL, "Missing reply serial"},
        {MESSAGE_SIGNAL, FIELD_INTERFACE, "Missing interface"},
        {MESSAGE_SIGNAL, FIELD_PATH, "Missing path"},
        {MESSAGE_SIGNAL, FIELD_MEMBER, "Missing member"},
};

/* What a known field has to be. */
static const struct {
        char type;
        bool (*valid)(const char *text, size_t length);
        const char *problem;
        const char *reserved; /* texts that begin with this are libdbus's own */
        const char *reserved_problem;
} rules[N_HEADER_FIELDS] = {
        [FIELD_PATH] = {'o', syntax_path, "Bad path", "/org/freedesktop/DBus/Local",
                        "Uses local path"},
        [FIELD_INTERFACE] = {'s', syntax_interface, "Bad interface", "org.freedesktop.DBus.Local",
                             "Uses local interface"},
        [FIELD_MEMBER] = {.type = 's', .valid = syntax_member, .problem = "Bad member"},
        [FIELD_ERROR_NAME] = {.type = 's', .valid = syntax_error_name, .problem = "Bad error name"},
        [FIELD_REPLY_SERIAL] = {.type = 'u'},
        [FIELD_DESTINATION] = {.type = 's', .valid = syntax_bus_name, .problem = "Bad destination"},
        [FIELD_SENDER] = {.type = 's', .valid = syntax_bus_name, .problem = "Bad sender"},
        [FIELD_SIGNATURE] = {.type = 'g'},
        [FIELD_UNIX_FDS] = {.type = 'u'},
        [FIELD_CONTAINER_INSTANCE] = {.type = 'o'},
};

/* Looks at the value of a known field, whose variant of the right type is at w->at. */
static bool check_field(struct walk *w, unsigned code)
{
        const char *text = (const char *)w->base + ((w->at + 3 + 3) & ~(size_t)3) + 4;
        const char *reserved = rules[code].reserved;
        size_t length;

        if (code == FIELD_REPLY_SERIAL && !load_u32(text - 4, w->order))
                return fail(w, "Bad serial");
        if (!rules[code].valid)
                return true;
        length = load_u32(text - 4, w->order);
        if (reserved && !strncmp(text, reserved, strlen(reserved)))
                return fail(w, rules[code].reserved_problem);
        return rules[code].valid(text, length) || fail(w, rules[code].problem);
}

/* Looks at each field of a header whose array of fields is well formed and ends at `end`. */
static bool check_fields(struct walk *w, size_t end, uint8_t message_type)
{
        unsigned seen = 0;

        for (size_t at = HEADER_FIXED_SIZE; at < end;) {
                unsigned code;

                at = (at + 7) & ~(size_t)7;
                code = w->base[at];
                w->at = at + 1;
                at = body_skip(w->base, w->at, "v", w->order);
                if (!code)
                        return fail(w, "Header field code");
                if (code >= N_HEADER_FIELDS)
                        continue;
                if (w->base[w->at] != 1 || (char)w->base[w->at + 1] != rules[code].type)
                        return fail(w, "Header field has wrong type");
                if (seen & 1u << code)
                        return fail(w, "Header field appears twice");
                seen |= 1u << code;
                if (!check_field(w, code))
                        return false;
        }
        for (size_t i = 0; i < sizeof(required) / sizeof(*required); ++i)
                if (required[i].message_type == message_type && !(seen & 1u << required[i].field))
                        return fail(w, required[i].problem);
        return true;
}

/* Looks at the lengths that the header announces. Stores the size of the header. */
static bool check_sizes(struct walk *w, size_t *header_size)
{
        uint32_t body_size = load_u32(w->base + 4, w->order);
        uint32_t fields_size = load_u32(w->base + 12, w->order);

        if (fields_size > MESSAGE_MAX_SIZE)
                return fail(w, "Insane fields array length");
        if (body_size > MESSAGE_MAX_SIZE)
                return fail(w, "Insane body length");
        *header_size = align_up(HEADER_FIXED_SIZE + fields_size, 8);
        return *header_size + body_size <= MESSAGE_MAX_SIZE || fail(w, "Message too long");
}

static bool check_header(struct walk *w, size_t size)
{
        size_t fields_end = HEADER_FIXED_SIZE + load_u32(w->base + 12, w->order);

        w->end = size;
        if (!check_values(w, "yyyyuua(yv)") || !check_padding(w, 8, 0))
                return false;
        if (w->base[1] == MESSAGE_INVALID)
                return fail(w, "Bad message type");
        if (w->base[3] != 1)
                return fail(w, "Bad protocol version");
        if (!load_u32(w->base + 8, w->order))
                return fail(w, "Bad serial");
        return check_fields(w, fields_end, w->base[1]);
}

static bool check_body(struct walk *w, size_t header_size)
{
        size_t size = header_size + load_u32(w->base + 4, w->order);
        struct header h;

        if (header_parse(&h, w->base, size))
                return true;
        w->at = header_size;
        w->end = size;
        if (!check_values(w, h.text[FIELD_SIGNATURE].at
                                     ? (const char *)w->base + h.text[FIELD_SIGNATURE].at
                                     : ""))
                return false;
        return w->at == w->end || fail(w, "Too much data");
}

const char *corruption_text(int problem, const uint8_t *bytes, size_t size)
{
        struct walk w = {.base = bytes, .order = (char)bytes[0]};
        size_t header_size;

        if (problem == MESSAGE_BAD_ORDER)
                return "Bad byte order";
        if (problem == MESSAGE_BAD_FD_COUNT)
                return "Unix file descriptor missing";
        if (check_sizes(&w, &header_size) && check_header(&w, size))
                check_body(&w, header_size);
        return w.problem ? w.problem : message_problem_text(problem);
}
