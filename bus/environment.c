/* SPDX-License-Identifier: MIT */
#include "bus/environment.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/list.h"

/* Room for so many variables at first. */
#define FIRST_ROOM 32

/* Sockets, places to report to and names that a service manager gives to one process and not to
 * those that it starts: sd_listen_fds(3), sd_notify(3), systemd.exec(5). */
static const char *const withheld[] = {
        "INVOCATION_ID", "JOURNAL_STREAM", "LISTEN_FDNAMES",
        "LISTEN_FDS",    "LISTEN_PID",     "NOTIFY_SOCKET",
};

static bool is_withheld(const char *name, size_t length)
{
        for (size_t i = 0; i < sizeof(withheld) / sizeof(withheld[0]); i++) {
                if (strlen(withheld[i]) == length && !memcmp(withheld[i], name, length))
                        return true;
        }
        return false;
}

static struct environment_variable *find(const struct environment *e, const char *name,
                                         size_t length, uint64_t hash)
{
        for (struct hash_link *l = hash_first(&e->table, hash); l; l = l->next) {
                struct environment_variable *v = container_of(l, struct environment_variable, link);

                if (l->hash == hash && v->name_length == length && !memcmp(v->text, name, length))
                        return v;
        }
        return NULL;
}

/* Sees to it that there is room for `more` and the NULL at the end. */
static int make_room(struct environment *e, size_t more)
{
        size_t room = e->room ? e->room : FIRST_ROOM;
        char **vector;

        while (room < e->n + more + 1)
                room *= 2;
        if (room == e->room)
                return 0;
        vector = realloc(e->vector, room * sizeof(*vector));
        if (!vector)
                return -ENOMEM;
        e->vector = vector;
        e->room = room;
        return 0;
}

static struct environment_variable *variable_new(const char *name, size_t length, const char *value)
{
        size_t value_size = strlen(value) + 1;
        struct environment_variable *v = malloc(sizeof(*v) + length + 1 + value_size);

        if (!v)
                return NULL;
        v->name_length = length;
        memcpy(v->text, name, length);
        v->text[length] = '=';
        memcpy(v->text + length + 1, value, value_size);
        return v;
}

/* Puts it in the place of what had its name; there has to be room. Only the first variable of all
 * may fail: a table that is there already takes whatever comes (core/hash.h). */
static int put(struct environment *e, struct environment_variable *v)
{
        uint64_t hash = hash_bytes(&e->key, v->text, v->name_length);
        struct environment_variable *old = find(e, v->text, v->name_length, hash);

        if (hash_insert(&e->table, &v->link, hash) < 0)
                return -ENOMEM;
        v->index = old ? old->index : e->n++;
        e->vector[v->index] = v->text;
        e->vector[e->n] = NULL;
        if (old)
                hash_remove(&e->table, &old->link);
        free(old);
        return 0;
}

static int set(struct environment *e, const char *name, size_t length, const char *value)
{
        struct environment_variable *v;
        int r = make_room(e, 1);

        if (r < 0)
                return r;
        v = variable_new(name, length, value);
        if (!v)
                return -ENOMEM;
        r = put(e, v);
        if (r < 0)
                free(v);
        return r;
}

int environment_init(struct environment *e, char *const *from)
{
        int r;

        *e = (struct environment){0};
        hash_key_init(&e->key);
        r = make_room(e, 0);
        if (!r)
                e->vector[0] = NULL;
        for (; !r && *from; from++) {
                const char *equals = strchr(*from, '=');
                size_t length = equals ? (size_t)(equals - *from) : strlen(*from);

                if (!is_withheld(*from, length))
                        r = set(e, *from, length, equals ? equals + 1 : "");
        }
        if (r < 0)
                environment_deinit(e);
        return r;
}

void environment_deinit(struct environment *e)
{
        for (size_t i = 0; i < e->n; i++)
                free(container_of(e->vector[i], struct environment_variable, text));
        free(e->vector);
        hash_deinit(&e->table);
        *e = (struct environment){0};
}

/* Makes them all, or returns -ENOMEM. */
static int make_all(const struct environment_setting *settings, size_t n,
                    struct environment_variable **made)
{
        for (size_t i = 0; i < n; i++) {
                made[i] =
                        variable_new(settings[i].name, strlen(settings[i].name), settings[i].value);
                if (!made[i])
                        return -ENOMEM;
        }
        return 0;
}

int environment_set_all(struct environment *e, const struct environment_setting *settings, size_t n)
{
        struct environment_variable **made;
        int r = make_room(e, n);

        if (r < 0)
                return r;
        made = calloc(n + 1, sizeof(*made));
        if (!made)
                return -ENOMEM;
        r = make_all(settings, n, made);
        for (size_t i = 0; i < n; i++) {
                if (r == 0)
                        r = put(e, made[i]);
                if (r < 0)
                        free(made[i]);
        }
        free(made);
        return r;
}

int environment_set(struct environment *e, const char *name, const char *value)
{
        const struct environment_setting setting = {name, value};

        return environment_set_all(e, &setting, 1);
}
