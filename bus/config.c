/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/config-build.h"

int config_new(struct config **cp)
{
        struct config *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        limits_init(&c->limits);
        link_limits_init(&c->links);
        r = policy_new(&c->policy);
        if (r < 0) {
                free(c);
                return r;
        }
        *cp = c;
        return 0;
}

static void strings_deinit(struct config_strings *s)
{
        for (size_t i = 0; i < s->n; ++i)
                free(s->items[i]);
        free(s->items);
}

struct config *config_free(struct config *c)
{
        if (!c)
                return NULL;
        free(c->type);
        free(c->user);
        free(c->pidfile);
        free(c->servicehelper);
        strings_deinit(&c->listen);
        strings_deinit(&c->mechanisms);
        strings_deinit(&c->conf_dirs);
        for (size_t i = 0; i < c->n_service_dirs; ++i)
                free(c->service_dirs[i].path);
        free(c->service_dirs);
        for (size_t i = 0; i < c->n_associations; ++i) {
                free(c->associations[i].own);
                free(c->associations[i].context);
        }
        free(c->associations);
        policy_free(c->policy);
        free(c);
        return NULL;
}

int config_set_text(char **text, const char *value)
{
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        free(*text);
        *text = copy;
        return 0;
}

int config_strings_take(struct config_strings *s, char *text)
{
        char **items = reallocarray(s->items, s->n + 2, sizeof(*items));

        if (!items)
                return -ENOMEM;
        items[s->n++] = text;
        items[s->n] = NULL;
        s->items = items;
        return 0;
}

int config_strings_add(struct config_strings *s, const char *text)
{
        char *copy = strdup(text);
        int r = copy ? config_strings_take(s, copy) : -ENOMEM;

        if (r < 0)
                free(copy);
        return r;
}

static bool has_service_dir(const struct config *c, const char *path)
{
        for (size_t i = 0; i < c->n_service_dirs; ++i) {
                if (!strcmp(c->service_dirs[i].path, path))
                        return true;
        }
        return false;
}

int config_take_service_dir(struct config *c, const struct config_service_dir *dir)
{
        struct config_service_dir *dirs;

        if (has_service_dir(c, dir->path)) {
                free(dir->path);
                return 0;
        }
        dirs = reallocarray(c->service_dirs, c->n_service_dirs + 1, sizeof(*dirs));
        if (!dirs) {
                free(dir->path);
                return -ENOMEM;
        }
        dirs[c->n_service_dirs++] = *dir;
        c->service_dirs = dirs;
        return 0;
}

int config_add_association(struct config *c, const char *own, const char *context)
{
        struct config_selinux_association *all, new = {strdup(own), strdup(context)};

        all = reallocarray(c->associations, c->n_associations + 1, sizeof(*all));
        if (all)
                c->associations = all;
        if (!all || !new.own || !new.context) {
                free(new.own);
                free(new.context);
                return -ENOMEM;
        }
        all[c->n_associations++] = new;
        return 0;
}

static void merge_text(char **into, char **from)
{
        if (!*from)
                return;
        free(*into);
        *into = *from;
        *from = NULL;
}

static int merge_strings(struct config_strings *into, struct config_strings *from)
{
        for (size_t i = 0; i < from->n; ++i) {
                int r = config_strings_take(into, from->items[i]);

                if (r < 0) {
                        /* What has been moved is not freed twice. */
                        memmove(from->items, from->items + i, (from->n - i) * sizeof(char *));
                        from->n -= i;
                        return r;
                }
        }
        from->n = 0;
        return 0;
}

static int merge_service_dirs(struct config *into, struct config *from)
{
        int r = 0;

        for (size_t i = 0; i < from->n_service_dirs && !r; ++i) {
                r = config_take_service_dir(into, &from->service_dirs[i]);
                from->service_dirs[i].path = NULL;
        }
        return r;
}

static int merge_associations(struct config *into, const struct config *from)
{
        int r = 0;

        for (size_t i = 0; i < from->n_associations && !r; ++i)
                r = config_add_association(into, from->associations[i].own,
                                           from->associations[i].context);
        return r;
}

int config_merge(struct config *into, struct config *from)
{
        struct config_strings *const lists[][2] = {
                {&into->listen, &from->listen},
                {&into->mechanisms, &from->mechanisms},
                {&into->conf_dirs, &from->conf_dirs},
        };
        int r = 0;

        merge_text(&into->type, &from->type);
        merge_text(&into->user, &from->user);
        merge_text(&into->pidfile, &from->pidfile);
        merge_text(&into->servicehelper, &from->servicehelper);
        into->fork = from->fork;
        into->syslog = from->syslog;
        into->keep_umask = from->keep_umask;
        into->allow_anonymous = from->allow_anonymous;
        into->apparmor = from->apparmor;
        into->limits = from->limits;
        into->links = from->links;
        for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && !r; ++i)
                r = merge_strings(lists[i][0], lists[i][1]);
        if (!r)
                r = merge_service_dirs(into, from);
        if (!r)
                r = merge_associations(into, from);
        return r ? r : policy_merge(into->policy, from->policy);
}
