/* SPDX-License-Identifier: MIT */
#include "core/signature.h"

const struct signature_type signature_types[256] = {
        ['y'] = {1, 1, true},  ['b'] = {4, 4, true},  ['n'] = {2, 2, true},  ['q'] = {2, 2, true},
        ['i'] = {4, 4, true},  ['u'] = {4, 4, true},  ['x'] = {8, 8, true},  ['t'] = {8, 8, true},
        ['d'] = {8, 8, true},  ['h'] = {4, 4, true},  ['s'] = {4, 0, true},  ['o'] = {4, 0, true},
        ['g'] = {1, 0, true},  ['a'] = {4, 0, false}, ['v'] = {1, 0, false}, ['('] = {8, 0, false},
        ['{'] = {8, 0, false},
};

struct depth {
        unsigned structs, dicts;
};

/* The functions below return the end of what they take, or NULL if it is not valid. */
static const char *complete_type(const char *at, const char *end, struct depth depth);

static const char *struct_type(const char *at, const char *end, struct depth depth)
{
        if (++depth.structs > SIGNATURE_MAX_STRUCT_DEPTH)
                return NULL;
        ++at;
        do {
                at = complete_type(at, end, depth);
                if (!at || at == end)
                        return NULL;
        } while (*at != ')');
        return at + 1;
}

static const char *dict_type(const char *at, const char *end, struct depth depth)
{
        if (++depth.dicts > SIGNATURE_MAX_STRUCT_DEPTH)
                return NULL;
        if (end - at < 2 || !signature_is_basic(at[1]))
                return NULL;
        at = complete_type(at + 2, end, depth);
        return at && at < end && *at == '}' ? at + 1 : NULL;
}

static const char *complete_type(const char *at, const char *end, struct depth depth)
{
        const char *start = at;

        while (at < end && *at == 'a')
                ++at;
        if (at == end || at - start > SIGNATURE_MAX_ARRAY_DEPTH)
                return NULL;
        if (*at == '(')
                return struct_type(at, end, depth);
        if (*at == '{')
                return at > start ? dict_type(at, end, depth) : NULL;
        return signature_alignment(*at) ? at + 1 : NULL;
}

bool signature_valid(const char *text, size_t length)
{
        const char *at = text, *end = text + length;

        if (length > SIGNATURE_MAX_LENGTH)
                return false;
        while (at && at < end)
                at = complete_type(at, end, (struct depth){0});
        return at;
}

bool signature_valid_single(const char *text, size_t length)
{
        const char *end = text + length;

        return length <= SIGNATURE_MAX_LENGTH && complete_type(text, end, (struct depth){0}) == end;
}

size_t signature_next(const char *signature)
{
        const char *at = signature;
        unsigned open = 0;

        while (*at == 'a')
                ++at;
        do {
                if (*at == '(' || *at == '{')
                        ++open;
                else if (*at == ')' || *at == '}')
                        --open;
                ++at;
        } while (open);
        return (size_t)(at - signature);
}
