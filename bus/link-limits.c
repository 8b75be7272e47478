/* SPDX-License-Identifier: MIT */
#include "bus/link-limits.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/error-text.h"

/* Each link costs the bus one descriptor, and each connection that has any another. A process
 * rarely talks to more than a few others that often. */
#define MAX_PER_CONNECTION 16
#define MAX_PER_USER       256
#define MAX_LINKS          1024

void link_limits_init(struct link_limits *l)
{
        *l = (struct link_limits){true, MAX_PER_CONNECTION, MAX_PER_USER, MAX_LINKS};
}

static int set_enabled(struct link_limits *l, const char *value)
{
        bool is_yes = !strcmp(value, "yes");

        if (!is_yes && strcmp(value, "no") != 0)
                return 1;
        l->enabled = is_yes;
        return 0;
}

static int set_number(uint32_t *where, const char *value)
{
        char *end;
        unsigned long n;

        errno = 0;
        n = strtoul(value, &end, 10);
        if (errno || *end || !isdigit((unsigned char)*value) || n > UINT32_MAX)
                return 1;
        *where = (uint32_t)n;
        return 0;
}

static int set(struct link_limits *l, const char *key, const char *value, char **error)
{
        const struct {
                const char *key;
                uint32_t *where;
        } numbers[] = {
                {"max_per_connection", &l->max_per_connection},
                {"max_per_user", &l->max_per_user},
                {"max", &l->max},
        };

        if (!strcmp(key, "enabled"))
                return set_enabled(l, value) ? error_text_set(error, 1,
                                                              "enabled=\"%s\" in <?peer-links?>: "
                                                              "only yes or no are possible",
                                                              value)
                                             : 0;
        for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); ++i) {
                if (strcmp(key, numbers[i].key) != 0)
                        continue;
                return set_number(numbers[i].where, value)
                               ? error_text_set(error, 1, "%s=\"%s\" in <?peer-links?>: no number",
                                                key, value)
                               : 0;
        }
        return error_text_set(error, 1, "<?peer-links?> has no \"%s\"", key);
}

/* Takes a key="value" off the front of the text, which is changed. Returns false if there is none.
 */
static bool take_pair(char **text, char **key, char **value)
{
        char *quote, *end;

        *key = *text;
        quote = strstr(*text, "=\"");
        end = quote ? strchr(quote + 2, '"') : NULL;
        if (!end)
                return false;
        *quote = *end = '\0';
        *value = quote + 2;
        *text = end + 1 + strspn(end + 1, " \t\r\n");
        return true;
}

int link_limits_parse(struct link_limits *l, const char *text, char **error)
{
        char *copy = strdup(text + strspn(text, " \t\r\n")), *rest = copy, *key, *value;
        int r = 0;

        *error = NULL;
        if (!copy)
                return -ENOMEM;
        while (!r && *rest) {
                if (take_pair(&rest, &key, &value))
                        r = set(l, key, value, error);
                else
                        r = error_text_set(error, 1, "\"%s\" in <?peer-links?> is no key=\"value\"",
                                           rest);
        }
        free(copy);
        return r;
}
