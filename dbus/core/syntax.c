/* SPDX-License-Identifier: MIT */
#include "core/syntax.h"

#include <stdint.h>
#include <string.h>

enum char_class {
        LETTER = 1, /* of the ASCII ones, and '_' */
        DIGIT = 2,
        HYPHEN = 4,
        /* What the elements of names and paths are made of. */
        WORD = LETTER | DIGIT,
        BUS_WORD = LETTER | DIGIT | HYPHEN,
};

static const uint8_t char_classes[256] = {
        ['-'] = HYPHEN, ['0' ... '9'] = DIGIT,  ['A' ... 'Z'] = LETTER,
        ['_'] = LETTER, ['a' ... 'z'] = LETTER,
};

static bool is_class(char c, unsigned classes)
{
        return char_classes[(uint8_t)c] & classes;
}

/* The end of the element at `at`: one character of the classes `first`, then any of `rest`; NULL
 * if there is none. */
static const char *element(const char *at, const char *end, unsigned first, unsigned rest)
{
        if (at == end || !is_class(*at, first))
                return NULL;
        do
                ++at;
        while (at < end && is_class(*at, rest));
        return at;
}

/* True if the text is at least `minimum` elements with a separator between each two. */
static bool elements(const char *text, size_t length, char separator, unsigned first, unsigned rest,
                     unsigned minimum)
{
        const char *at = text, *end = text + length;

        for (unsigned n = 1;; ++n) {
                at = element(at, end, first, rest);
                if (!at)
                        return false;
                if (at == end)
                        return n >= minimum;
                if (*at++ != separator)
                        return false;
        }
}

/*
 * True if the 8 bytes are ASCII other than NUL: then subtracting 1 from each borrows nothing and
 * leaves all high bits clear, but NUL and bytes beyond ASCII set one.
 */
static bool is_ascii_word(const uint8_t *at)
{
        const uint64_t ones = UINT64_C(0x0101010101010101);
        uint64_t word;

        memcpy(&word, at, sizeof(word));
        return !(((word - ones) | word) & ones << 7);
}

/* Skips ASCII other than NUL. */
static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end)
{
        if (end - at >= 8) {
                do {
                        if (!is_ascii_word(at))
                                break;
                        at += 8;
                } while (end - at >= 8);
                /* The last bytes, together with some that have been seen before. */
                if (end - at < 8 && is_ascii_word(end - 8))
                        return end;
        }
        while (at < end && (uint8_t)(*at - 1) < 0x7f)
                ++at;
        return at;
}

/* Length of the well-formed multi-byte sequence at `at`, else 0 (Unicode, table 3-7). */
static size_t utf8_sequence(const uint8_t *at, size_t left)
{
        uint8_t lead = at[0], low = 0x80, high = 0xbf;
        size_t n;

        if (lead < 0xc2 || lead > 0xf4)
                return 0;
        n = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        if (left < n)
                return 0;
        /* No overlong forms, no surrogates, nothing above U+10FFFF. */
        if (lead == 0xe0)
                low = 0xa0;
        else if (lead == 0xed)
                high = 0x9f;
        else if (lead == 0xf0)
                low = 0x90;
        else if (lead == 0xf4)
                high = 0x8f;
        if (at[1] < low || at[1] > high)
                return 0;
        for (size_t i = 2; i < n; ++i)
                if ((at[i] & 0xc0) != 0x80)
                        return 0;
        return n;
}

bool syntax_utf8(const char *text, size_t length)
{
        const uint8_t *at = (const uint8_t *)text, *end = at + length;

        while ((at = skip_ascii(at, end)) < end) {
                size_t n = utf8_sequence(at, (size_t)(end - at));

                if (!n)
                        return false;
                at += n;
        }
        return true;
}

bool syntax_path(const char *text, size_t length)
{
        if (!length || text[0] != '/')
                return false;
        return length == 1 || elements(text + 1, length - 1, '/', WORD, WORD, 1);
}

bool syntax_interface(const char *text, size_t length)
{
        return length <= NAME_MAX_LENGTH && elements(text, length, '.', LETTER, WORD, 2);
}

bool syntax_member(const char *text, size_t length)
{
        const char *end = text + length;

        return length <= NAME_MAX_LENGTH && element(text, end, LETTER, WORD) == end;
}

bool syntax_error_name(const char *text, size_t length)
{
        return syntax_interface(text, length);
}

bool syntax_unique_name(const char *text, size_t length)
{
        const char *at = text + 1, *end = text + length;

        if (!length || length > NAME_MAX_LENGTH || text[0] != ':')
                return false;
        if (at == end)
                return true;
        /* The first element may be empty; if it is, another follows. */
        if (*at == '.')
                ++at;
        return elements(at, (size_t)(end - at), '.', BUS_WORD, BUS_WORD, 1);
}

bool syntax_well_known_name(const char *text, size_t length)
{
        return length <= NAME_MAX_LENGTH &&
               elements(text, length, '.', LETTER | HYPHEN, BUS_WORD, 2);
}

bool syntax_bus_name(const char *text, size_t length)
{
        return length && text[0] == ':' ? syntax_unique_name(text, length)
                                        : syntax_well_known_name(text, length);
}

bool syntax_bus_namespace(const char *text, size_t length)
{
        if (length && text[0] == ':')
                return syntax_unique_name(text, length);
        return length <= NAME_MAX_LENGTH &&
               elements(text, length, '.', LETTER | HYPHEN, BUS_WORD, 1);
}

bool syntax_name_in_namespace(const char *name, size_t name_length, const char *prefix,
                              size_t prefix_length)
{
        if (name_length < prefix_length || memcmp(name, prefix, prefix_length))
                return false;
        return name_length == prefix_length || name[prefix_length] == '.';
}

bool syntax_path_in_namespace(const char *path, size_t path_length, const char *prefix,
                              size_t prefix_length)
{
        if (path_length < prefix_length || memcmp(path, prefix, prefix_length))
                return false;
        return path_length == prefix_length || path[prefix_length] == '/' || prefix_length == 1;
}
