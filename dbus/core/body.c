/* SPDX-License-Identifier: MIT */
#include "core/body.h"

#include <stdbool.h>

#include "core/bytes.h"
#include "core/header.h"
#include "core/signature.h"
#include "core/syntax.h"

struct walk {
        const uint8_t *base;
        size_t at, end; /* offsets from base */
        char order;
};

/* Checks the value at w->at and goes behind it; moves `*type` behind its complete type. */
typedef int check_function(struct walk *w, const char **type, unsigned depth);

static check_function *const checks[256];

static int check_value(struct walk *w, const char **type, unsigned depth)
{
        return checks[(uint8_t) * *type](w, type, depth);
}

/* Skips padding, which is the rest of an aligned word whose beginning is in use. */
static int check_padding(struct walk *w, unsigned alignment)
{
        size_t used = w->at & (alignment - 1), word = w->at - used;
        uint64_t padding;

        if (!used)
                return MESSAGE_OK;
        if (w->end - word < alignment)
                return MESSAGE_BAD_LENGTH;
        /* Read as little-endian, the bytes in use are the low ones. */
        if (alignment == 8)
                padding = load_u64(w->base + word, ORDER_LITTLE);
        else if (alignment == 4)
                padding = load_u32(w->base + word, ORDER_LITTLE);
        else
                padding = load_u16(w->base + word, ORDER_LITTLE);
        if (padding >> (8 * used))
                return MESSAGE_BAD_PADDING;
        w->at = word + alignment;
        return MESSAGE_OK;
}

static int take_u32(struct walk *w, uint32_t *value)
{
        int r = check_padding(w, 4);

        if (r)
                return r;
        if (w->end - w->at < 4)
                return MESSAGE_BAD_LENGTH;
        *value = load_u32(w->base + w->at, w->order);
        w->at += 4;
        return MESSAGE_OK;
}

/* Goes over `length` bytes of text and the NUL behind them, without a look at the text. */
static int take_text(struct walk *w, uint32_t length, const char **text)
{
        *text = (const char *)w->base + w->at;
        if (w->end - w->at <= length)
                return MESSAGE_BAD_LENGTH;
        if ((*text)[length])
                return MESSAGE_BAD_STRING;
        w->at += (size_t)length + 1;
        return MESSAGE_OK;
}

static int take_signature(struct walk *w, const char **text, uint8_t *length)
{
        if (w->at == w->end)
                return MESSAGE_BAD_LENGTH;
        *length = w->base[w->at++];
        return take_text(w, *length, text);
}

static int check_fixed(struct walk *w, const char **type, unsigned depth)
{
        unsigned size = signature_fixed_size(**type);
        int r = check_padding(w, size);

        (void)depth;
        if (r)
                return r;
        if (w->end - w->at < size)
                return MESSAGE_BAD_LENGTH;
        w->at += size;
        ++*type;
        return MESSAGE_OK;
}

static int check_boolean(struct walk *w, const char **type, unsigned depth)
{
        uint32_t value;
        int r = take_u32(w, &value);

        (void)depth;
        ++*type;
        return r ? r : value > 1 ? MESSAGE_BAD_BOOLEAN : MESSAGE_OK;
}

/* A string or a path: `problem` unless it is `valid`. */
static int check_text(struct walk *w, const char **type,
                      bool (*valid)(const char *text, size_t length), int problem)
{
        const char *text;
        uint32_t length;
        int r = take_u32(w, &length);

        if (!r)
                r = take_text(w, length, &text);
        ++*type;
        return r ? r : valid(text, length) ? MESSAGE_OK : problem;
}

static int check_string(struct walk *w, const char **type, unsigned depth)
{
        (void)depth;
        return check_text(w, type, syntax_utf8, MESSAGE_BAD_STRING);
}

static int check_path(struct walk *w, const char **type, unsigned depth)
{
        (void)depth;
        return check_text(w, type, syntax_path, MESSAGE_BAD_PATH);
}

static int check_signature(struct walk *w, const char **type, unsigned depth)
{
        const char *text;
        uint8_t length;
        int r = take_signature(w, &text, &length);

        (void)depth;
        ++*type;
        return r ? r : signature_valid(text, length) ? MESSAGE_OK : MESSAGE_BAD_SIGNATURE;
}

static int check_variant(struct walk *w, const char **type, unsigned depth)
{
        const char *content;
        uint8_t length;
        int r = take_signature(w, &content, &length);

        if (r)
                return r;
        if (!signature_valid_single(content, length))
                return MESSAGE_BAD_VARIANT;
        if (depth == BODY_MAX_DEPTH)
                return MESSAGE_BAD_DEPTH;
        ++*type;
        return check_value(w, &content, depth + 1);
}

/* A struct or a dict entry. */
static int check_struct(struct walk *w, const char **type, unsigned depth)
{
        const char *member = *type + 1;
        int r = check_padding(w, 8);

        if (r)
                return r;
        if (depth == BODY_MAX_DEPTH)
                return MESSAGE_BAD_DEPTH;
        do {
                r = check_value(w, &member, depth + 1);
                if (r)
                        return r;
        } while (*member != ')' && *member != '}');
        *type = member + 1;
        return MESSAGE_OK;
}

/* The elements up to w->end, each a value of the type at `type`. */
static int check_elements(struct walk *w, const char *type, unsigned depth)
{
        if (w->at < w->end && depth > BODY_MAX_DEPTH)
                return MESSAGE_BAD_DEPTH;
        while (w->at < w->end) {
                const char *element = type;
                int r = check_value(w, &element, depth);

                if (r)
                        return r;
        }
        return MESSAGE_OK;
}

/* Elements of fixed size, in one step where they may have any value. */
static int check_fixed_elements(struct walk *w, char type)
{
        if ((w->end - w->at) & (signature_fixed_size(type) - 1))
                return MESSAGE_BAD_LENGTH;
        if (type == 'b')
                for (size_t at = w->at; at < w->end; at += 4)
                        if (load_u32(w->base + at, w->order) > 1)
                                return MESSAGE_BAD_BOOLEAN;
        w->at = w->end;
        return MESSAGE_OK;
}

static int check_array(struct walk *w, const char **type, unsigned depth)
{
        const char *element = *type + 1;
        size_t outer_end = w->end;
        uint32_t length;
        int r = take_u32(w, &length);

        /* The padding before the first element is there even if that is not, and not counted. */
        if (!r)
                r = check_padding(w, signature_alignment(*element));
        if (r)
                return r;
        if (length > BODY_MAX_ARRAY_BYTES || length > w->end - w->at)
                return MESSAGE_BAD_LENGTH;
        *type = element + signature_next(element);
        w->end = w->at + length;
        r = signature_fixed_size(*element) ? check_fixed_elements(w, *element)
                                           : check_elements(w, element, depth + 1);
        w->end = outer_end;
        return r;
}

/* Only characters that start a type: signatures are validated first. */
static check_function *const checks[256] = {
        ['y'] = check_fixed,  ['b'] = check_boolean, ['n'] = check_fixed,     ['q'] = check_fixed,
        ['i'] = check_fixed,  ['u'] = check_fixed,   ['x'] = check_fixed,     ['t'] = check_fixed,
        ['d'] = check_fixed,  ['h'] = check_fixed,   ['s'] = check_string,    ['o'] = check_path,
        ['a'] = check_array,  ['v'] = check_variant, ['g'] = check_signature, ['('] = check_struct,
        ['{'] = check_struct,
};

int body_validate(const uint8_t *body, size_t size, const char *signature, char order)
{
        struct walk w = {.base = body, .end = size, .order = order};

        while (*signature) {
                int r = check_value(&w, &signature, 0);

                if (r)
                        return r;
        }
        return w.at == size ? MESSAGE_OK : MESSAGE_BAD_LENGTH;
}

int body_validate_variant(const uint8_t *base, size_t *at, size_t end, char order, unsigned depth)
{
        struct walk w = {.base = base, .at = *at, .end = end, .order = order};
        const char *type = "v";
        int r = check_variant(&w, &type, depth);

        *at = w.at;
        return r;
}

/* `*type` as in check_value(). */
static size_t skip_value(const uint8_t *base, size_t at, const char **type, char order)
{
        char code = *(*type)++;
        unsigned alignment = signature_alignment(code), size = signature_fixed_size(code);
        const char *content;

        at = (at + alignment - 1) & ~(size_t)(alignment - 1);
        switch (code) {
        case 's':
        case 'o':
                return at + 4 + load_u32(base + at, order) + 1;
        case 'g':
                return at + 1 + base[at] + 1;
        case 'v':
                content = (const char *)base + at + 1;
                return skip_value(base, at + 1 + base[at] + 1, &content, order);
        case 'a':
                alignment = signature_alignment(**type);
                *type += signature_next(*type);
                size = load_u32(base + at, order);
                at = (at + 4 + alignment - 1) & ~(size_t)(alignment - 1);
                return at + size;
        case '(':
        case '{':
                while (**type != ')' && **type != '}')
                        at = skip_value(base, at, type, order);
                ++*type;
                return at;
        default:
                return at + size;
        }
}

size_t body_skip(const uint8_t *base, size_t at, const char *type, char order)
{
        return skip_value(base, at, &type, order);
}
