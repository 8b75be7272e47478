/* SPDX-License-Identifier: MIT */

/*
 * Fuzzes the parser of addresses: what it makes of a text, written down again, is parsed the same.
 */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/address.h"
#include "fuzz.h"

static void write_address(FILE *f, const struct address *a)
{
        fprintf(f, "%s:", a->transport);
        for (size_t i = 0; i < a->n_params; i++) {
                char *escaped;

                require(address_escape(a->params[i].value, &escaped) == 0);
                /* Nothing but a NUL leaves a value empty. */
                fprintf(f, "%s%s=%s", i ? "," : "", a->params[i].key, *escaped ? escaped : "%00");
                free(escaped);
        }
        fputc(';', f);
}

static bool same_address(const struct address *a, const struct address *b)
{
        if (strcmp(a->transport, b->transport) != 0 || a->n_params != b->n_params)
                return false;
        for (size_t i = 0; i < a->n_params; i++) {
                if (strcmp(a->params[i].key, b->params[i].key) != 0 ||
                    strcmp(a->params[i].value, b->params[i].value) != 0)
                        return false;
        }
        return true;
}

static void check_again(const struct address *list, size_t n)
{
        struct address *again;
        size_t size, n_again;
        char *text, *error;
        FILE *f = open_memstream(&text, &size);

        require(f != NULL);
        for (size_t i = 0; i < n; i++)
                write_address(f, &list[i]);
        require(fclose(f) == 0);
        require(addresses_parse(text, &again, &n_again, &error) == 0);
        require(!error && n == n_again);
        for (size_t i = 0; i < n; i++)
                require(same_address(&list[i], &again[i]));
        addresses_free(again, n_again);
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct address *list;
        char *text = malloc(size + 1), *error;
        size_t n;
        int r;

        require(text != NULL);
        memcpy(text, data, size);
        text[size] = '\0';
        r = addresses_parse(text, &list, &n, &error);
        if (r) {
                require(r == ADDRESS_E_BAD && error);
        } else {
                require(!error && n >= 1);
                for (size_t i = 0; i < list[0].n_params; i++)
                        require(address_get(&list[0], list[0].params[i].key) != NULL);
                check_again(list, n);
                addresses_free(list, n);
        }
        free(error);
        free(text);
        return 0;
}
