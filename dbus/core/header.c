/* SPDX-License-Identifier: MIT */
#include "core/header.h"

#include "core/body.h"
#include "core/bytes.h"
#include "core/signature.h"
#include "core/syntax.h"

/* Unknown fields are values in a variant in a struct in an array. */
#define FIELD_DEPTH 2

#define BIT(field) (1u << (field))

/* Where the members of the fixed part lie ("Message Format"). */
enum {
        AT_ORDER = 0,
        AT_TYPE = 1,
        AT_FLAGS = 2,
        AT_VERSION = 3,
        AT_BODY_SIZE = 4,
        AT_SERIAL = 8,
        AT_FIELDS_SIZE = 12,
};

static bool starts_with(const char *text, size_t length, const char *prefix, size_t prefix_length)
{
        return length >= prefix_length && !memcmp(text, prefix, prefix_length);
}

/* libdbus keeps this path and interface for messages to itself; like it, we take them for reserved
 * with whatever follows, even inside an element. */
static bool path_allowed(const char *text, size_t length)
{
        static const char reserved[] = "/org/freedesktop/DBus/Local";

        return syntax_path(text, length) &&
               !starts_with(text, length, reserved, sizeof(reserved) - 1);
}

static bool interface_allowed(const char *text, size_t length)
{
        static const char reserved[] = "org.freedesktop.DBus.Local";

        return syntax_interface(text, length) &&
               !starts_with(text, length, reserved, sizeof(reserved) - 1);
}

/* What a known field has to be; its value goes to h->text or to the number at `number_at`. */
struct field_rule {
        char type;
        bool (*text_valid)(const char *text, size_t length);
        size_t number_at; /* in struct header */
        bool not_zero;
};

static const struct field_rule rules[N_HEADER_FIELDS] = {
        [FIELD_PATH] = {.type = 'o', .text_valid = path_allowed},
        [FIELD_INTERFACE] = {.type = 's', .text_valid = interface_allowed},
        [FIELD_MEMBER] = {.type = 's', .text_valid = syntax_member},
        [FIELD_ERROR_NAME] = {.type = 's', .text_valid = syntax_error_name},
        [FIELD_REPLY_SERIAL] = {.type = 'u',
                                .number_at = offsetof(struct header, reply_serial),
                                .not_zero = true},
        [FIELD_DESTINATION] = {.type = 's', .text_valid = syntax_bus_name},
        [FIELD_SENDER] = {.type = 's', .text_valid = syntax_bus_name},
        [FIELD_SIGNATURE] = {.type = 'g', .text_valid = signature_valid},
        [FIELD_UNIX_FDS] = {.type = 'u', .number_at = offsetof(struct header, n_fds)},
        [FIELD_CONTAINER_INSTANCE] = {.type = 'o', .text_valid = syntax_path},
};

/* Fields that a message must have ("Message Types"). Types unknown to us need none. */
static const unsigned required[] = {
        [MESSAGE_METHOD_CALL] = BIT(FIELD_PATH) | BIT(FIELD_MEMBER),
        [MESSAGE_METHOD_RETURN] = BIT(FIELD_REPLY_SERIAL),
        [MESSAGE_ERROR] = BIT(FIELD_ERROR_NAME) | BIT(FIELD_REPLY_SERIAL),
        [MESSAGE_SIGNAL] = BIT(FIELD_PATH) | BIT(FIELD_INTERFACE) | BIT(FIELD_MEMBER),
};

int header_peek(const uint8_t *bytes, uint32_t *header_size, uint64_t *message_size)
{
        char order = (char)bytes[AT_ORDER];
        uint32_t body_size, fields_size;

        if (order != ORDER_LITTLE && order != ORDER_BIG)
                return MESSAGE_BAD_ORDER;
        body_size = load_u32(bytes + AT_BODY_SIZE, order);
        fields_size = load_u32(bytes + AT_FIELDS_SIZE, order);
        if (fields_size > BODY_MAX_ARRAY_BYTES)
                return MESSAGE_BAD_LENGTH;
        *header_size = align_up(HEADER_FIXED_SIZE + fields_size, 8);
        *message_size = (uint64_t)*header_size + body_size;
        return *message_size > MESSAGE_MAX_SIZE ? MESSAGE_BAD_LENGTH : MESSAGE_OK;
}

static int parse_number(struct header *h, const uint8_t *bytes, uint32_t *at, uint32_t end,
                        const struct field_rule *rule)
{
        uint32_t value;

        if (end - *at < 4)
                return MESSAGE_BAD_LENGTH;
        value = load_u32(bytes + *at, h->order);
        if (rule->not_zero && !value)
                return MESSAGE_BAD_SERIAL;
        memcpy((char *)h + rule->number_at, &value, sizeof(value));
        *at += 4;
        return MESSAGE_OK;
}

static int parse_text(struct header_text *text, const uint8_t *bytes, uint32_t *at, uint32_t end,
                      const struct field_rule *rule, char order)
{
        uint32_t length_size = rule->type == 'g' ? 1 : 4, length;

        if (end - *at < length_size)
                return MESSAGE_BAD_LENGTH;
        length = rule->type == 'g' ? bytes[*at] : load_u32(bytes + *at, order);
        *at += length_size;
        if (length >= end - *at)
                return MESSAGE_BAD_LENGTH;
        if (bytes[*at + length])
                return MESSAGE_BAD_STRING;
        if (!rule->text_valid((const char *)bytes + *at, length))
                return MESSAGE_BAD_FIELD;
        *text = (struct header_text){*at, length};
        *at += length + 1;
        return MESSAGE_OK;
}

/*
 * Parses the field at `*at`, a multiple of 8 below `end`; all 8 bytes there are part of the header,
 * as that is padded to a multiple of 8. The known codes of fields go to `seen`.
 */
static int parse_field(struct header *h, const uint8_t *bytes, uint32_t *at, uint32_t end,
                       unsigned *seen)
{
        /* Code, and signature: length, the one type, NUL. */
        uint32_t start = load_u32(bytes + *at, ORDER_LITTLE);
        unsigned code = start & 0xff;
        const struct field_rule *rule;

        if (code >= N_HEADER_FIELDS) {
                size_t variant = *at + 1;
                int r = body_validate_variant(bytes, &variant, end, h->order, FIELD_DEPTH);

                h->has_unknown_fields = true;
                *at = (uint32_t)variant;
                return r;
        }
        rule = &rules[code];
        if (code == FIELD_INVALID || *seen & BIT(code) ||
            start != (code | 1u << 8 | (uint32_t)rule->type << 16) || end - *at < 4)
                return MESSAGE_BAD_FIELD;
        *seen |= BIT(code);
        *at += 4;
        return rule->text_valid ? parse_text(&h->text[code], bytes, at, end, rule, h->order)
                                : parse_number(h, bytes, at, end, rule);
}

/* The bytes from `at` up to the next multiple of 8, all within the header, have to be zero. */
static bool padding_valid(const uint8_t *bytes, uint32_t at)
{
        uint32_t used = at % 8;

        /* Read as little-endian, the bytes in use are the low ones. */
        return !used || !(load_u64(bytes + at - used, ORDER_LITTLE) >> (8 * used));
}

int header_parse(struct header *h, const uint8_t *bytes, size_t size)
{
        uint32_t at = HEADER_FIXED_SIZE, end, header_size;
        uint64_t message_size;
        unsigned seen = 0;
        int r;

        if (size < HEADER_FIXED_SIZE)
                return MESSAGE_BAD_LENGTH;
        r = header_peek(bytes, &header_size, &message_size);
        if (r)
                return r;
        if (header_size > size)
                return MESSAGE_BAD_LENGTH;
        *h = (struct header){
                .order = (char)bytes[AT_ORDER],
                .type = bytes[AT_TYPE],
                .flags = bytes[AT_FLAGS],
                .serial = load_u32(bytes + AT_SERIAL, (char)bytes[AT_ORDER]),
                .fields_size = load_u32(bytes + AT_FIELDS_SIZE, (char)bytes[AT_ORDER]),
                .size = header_size,
                .body_size = (uint32_t)(message_size - header_size),
        };
        if (h->type == MESSAGE_INVALID)
                return MESSAGE_BAD_TYPE;
        if (bytes[AT_VERSION] != 1)
                return MESSAGE_BAD_VERSION;
        if (!h->serial)
                return MESSAGE_BAD_SERIAL;

        end = HEADER_FIXED_SIZE + h->fields_size;
        while (at < end) {
                at = align_up(at, 8);
                /* Padding behind the last field does not count as the array's. */
                if (at >= end)
                        return MESSAGE_BAD_LENGTH;
                r = parse_field(h, bytes, &at, end, &seen);
                if (r)
                        return r;
                if (!padding_valid(bytes, at))
                        return MESSAGE_BAD_PADDING;
        }
        if (h->type < sizeof(required) / sizeof(*required) && required[h->type] & ~seen)
                return MESSAGE_MISSING_FIELD;
        return MESSAGE_OK;
}

const char *message_problem_text(int problem)
{
        static const char *const texts[] = {
                [MESSAGE_OK] = "valid",
                [MESSAGE_BAD_ORDER] = "bad byte order",
                [MESSAGE_BAD_TYPE] = "bad message type",
                [MESSAGE_BAD_VERSION] = "bad protocol version",
                [MESSAGE_BAD_SERIAL] = "bad serial",
                [MESSAGE_BAD_LENGTH] = "bad length",
                [MESSAGE_BAD_FIELD] = "bad header field",
                [MESSAGE_MISSING_FIELD] = "missing header field",
                [MESSAGE_BAD_PADDING] = "bad padding",
                [MESSAGE_BAD_SIGNATURE] = "bad signature",
                [MESSAGE_BAD_STRING] = "bad string",
                [MESSAGE_BAD_PATH] = "bad object path",
                [MESSAGE_BAD_BOOLEAN] = "bad boolean",
                [MESSAGE_BAD_VARIANT] = "bad variant",
                [MESSAGE_BAD_DEPTH] = "too deep nesting",
                [MESSAGE_BAD_FD_COUNT] = "missing file descriptors",
        };

        if (problem < 0 || (size_t)problem >= sizeof(texts) / sizeof(*texts))
                return "unknown problem";
        return texts[problem];
}
