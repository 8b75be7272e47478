/* SPDX-License-Identifier: MIT */
#include "core/address.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/error-text.h"
#include "core/hex.h"

/* The texts are the reference's, line end included: programs have seen them for years. */
#define TEXT_NO_COLON     "Address does not contain a colon"
#define TEXT_NO_VALUE     "'=' character not found or has no value following it"
#define TEXT_SHORT_ESCAPE "In D-Bus address, percent character was not followed by two hex digits"
#define TEXT_BAD_ESCAPE                                                                            \
        "In D-Bus address, percent character was followed by characters other than hex digits"
#define TEXT_NOT_ESCAPED "In D-Bus address, character '%c' should have been escaped\n"

/* A part of the text that is being parsed. */
struct span {
        const char *at, *end;
};

/* The optionally-escaped bytes, and the backslash, which the reference takes, too. */
static bool is_plain(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               (c && strchr("-_/.\\*", c));
}

/* Takes what is before the first `separator`, which goes too, or all if there is none. */
static struct span take_until(struct span *text, char separator)
{
        const char *found = memchr(text->at, separator, (size_t)(text->end - text->at));
        struct span part = {text->at, found ? found : text->end};

        text->at = found ? found + 1 : text->end;
        return part;
}

static int unescape(struct span text, char **value, char **error_text)
{
        char *out = malloc((size_t)(text.end - text.at) + 1);
        size_t n = 0;

        if (!out)
                return -ENOMEM;
        for (const char *p = text.at; p < text.end; ++p) {
                uint8_t byte;
                int r = 0;

                if (is_plain(*p)) {
                        out[n++] = *p;
                        continue;
                }
                if (*p != '%')
                        r = error_text_set(error_text, ADDRESS_E_BAD, TEXT_NOT_ESCAPED, *p);
                else if (text.end - p < 3)
                        r = error_text_set(error_text, ADDRESS_E_BAD, TEXT_SHORT_ESCAPE);
                else if (hex_decode(p + 1, 2, &byte) < 0)
                        r = error_text_set(error_text, ADDRESS_E_BAD, TEXT_BAD_ESCAPE);
                if (r) {
                        free(out);
                        return r;
                }
                out[n++] = (char)byte;
                p += 2;
        }
        out[n] = '\0';
        *value = out;
        return 0;
}

static int parse_param(struct address *a, struct span text, char **error_text)
{
        struct address_param *params, *p;
        struct span key = take_until(&text, '=');
        int r;

        if (key.at == key.end || text.at == text.end)
                return error_text_set(error_text, ADDRESS_E_BAD, TEXT_NO_VALUE);
        params = realloc(a->params, (a->n_params + 1) * sizeof(*params));
        if (!params)
                return -ENOMEM;
        a->params = params;
        p = &params[a->n_params];
        r = unescape(text, &p->value, error_text);
        if (r)
                return r;
        p->key = strndup(key.at, (size_t)(key.end - key.at));
        if (!p->key) {
                free(p->value);
                return -ENOMEM;
        }
        a->n_params += 1;
        return 0;
}

static int parse_address(struct address *a, struct span text, char **error_text)
{
        struct span transport;
        int r = 0;

        if (!memchr(text.at, ':', (size_t)(text.end - text.at)))
                return error_text_set(error_text, ADDRESS_E_BAD, TEXT_NO_COLON);
        transport = take_until(&text, ':');
        a->transport = strndup(transport.at, (size_t)(transport.end - transport.at));
        if (!a->transport)
                return -ENOMEM;
        while (!r && text.at < text.end)
                r = parse_param(a, take_until(&text, ','), error_text);
        return r;
}

int addresses_parse(const char *text, struct address **list, size_t *n, char **error_text)
{
        struct span left = {text, text + strlen(text)};
        struct address *all = NULL, *larger;
        size_t have = 0;
        int r = 0;

        if (error_text)
                *error_text = NULL;
        if (!*text)
                return error_text_set(error_text, ADDRESS_E_BAD, "Empty address ''");
        while (!r && left.at < left.end) {
                larger = realloc(all, (have + 1) * sizeof(*all));
                if (!larger) {
                        r = -ENOMEM;
                        break;
                }
                all = larger;
                all[have] = (struct address){0};
                r = parse_address(&all[have++], take_until(&left, ';'), error_text);
        }
        if (r) {
                addresses_free(all, have);
                return r;
        }
        *list = all;
        *n = have;
        return 0;
}

void addresses_free(struct address *list, size_t n)
{
        for (size_t i = 0; i < n; ++i) {
                for (size_t k = 0; k < list[i].n_params; ++k) {
                        free(list[i].params[k].key);
                        free(list[i].params[k].value);
                }
                free(list[i].params);
                free(list[i].transport);
        }
        free(list);
}

const char *address_get(const struct address *a, const char *key)
{
        for (size_t i = 0; i < a->n_params; ++i) {
                if (strcmp(a->params[i].key, key) == 0)
                        return a->params[i].value;
        }
        return NULL;
}

int address_escape(const char *value, char **out)
{
        char *p = malloc(strlen(value) * 3 + 1);

        if (!p)
                return -ENOMEM;
        *out = p;
        for (; *value; ++value) {
                if (is_plain(*value)) {
                        *p++ = *value;
                } else {
                        *p++ = '%';
                        hex_encode(value, 1, p);
                        p += 2;
                }
        }
        *p = '\0';
        return 0;
}

int address_unescape(const char *value, char **out, char **error_text)
{
        if (error_text)
                *error_text = NULL;
        return unescape((struct span){value, value + strlen(value)}, out, error_text);
}
