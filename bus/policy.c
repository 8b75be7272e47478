/* SPDX-License-Identifier: MIT */
#include "bus/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/policy-index.h"
#include "bus/policy-pair.h"
#include "bus/policy-rules.h"
#include "bus/userdb.h"
#include "core/list.h"

/* Views that nobody uses at the moment, kept for the next connection that could use them. */
#define MAX_IDLE_VIEWS 16

/* Users whose verdict is remembered; a power of two. */
#define CONNECT_CACHE_SIZE 64

/* Scopes for which there is no id have one list each. */
enum {
        LIST_DEFAULT,
        LIST_AT_CONSOLE,
        LIST_NOT_AT_CONSOLE,
        LIST_MANDATORY,
        N_LISTS,
};

/* Who may connect, directly mapped by uid. */
struct connect_cache {
        struct {
                bool known, allow;
                uid_t uid, bus_uid;
        } users[CONNECT_CACHE_SIZE];
};

struct policy {
        bool given_up; /* policy_free() was called; it lives on for its views */
        struct rule_list lists[N_LISTS];
        struct rule_sets groups, users;
        struct connect_cache *connect;
        struct list views; /* struct policy_view.of_policy, the latest used first */
        unsigned n_idle_views;
};

/* What of a connection's credentials makes a difference to a policy. */
struct view_key {
        bool has_user; /* there are rules for `uid` */
        uid_t uid;
        int console;      /* POLICY_TRUE, POLICY_FALSE; POLICY_ANY: there are no rules for it */
        uint32_t *groups; /* those with rules, ascending */
        size_t n_groups;
};

struct policy_view {
        unsigned refs;
        struct policy *policy;
        struct list of_policy;
        struct view_key key;
        struct policy_index own, send, receive;
};

int policy_new(struct policy **pp)
{
        struct policy *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        list_init(&p->views);
        p->connect = calloc(1, sizeof(*p->connect));
        if (!p->connect) {
                free(p);
                return -ENOMEM;
        }
        *pp = p;
        return 0;
}

/* If nobody has it any more. */
static void policy_destroy(struct policy *p)
{
        if (!p->given_up || !list_empty(&p->views))
                return;
        for (unsigned i = 0; i < N_LISTS; ++i)
                rule_list_deinit(&p->lists[i]);
        rule_sets_deinit(&p->groups);
        rule_sets_deinit(&p->users);
        free(p->connect);
        free(p);
}

static void view_free(struct policy_view *v)
{
        list_remove(&v->of_policy);
        policy_index_deinit(&v->own);
        policy_index_deinit(&v->send);
        policy_index_deinit(&v->receive);
        free(v->key.groups);
        free(v);
}

/* Frees idle views, those first that were used longest ago. */
static void drop_idle_views(struct policy *p, unsigned n_kept)
{
        struct list *l, *previous;

        for (l = p->views.prev; p->n_idle_views > n_kept; l = previous) {
                struct policy_view *v = container_of(l, struct policy_view, of_policy);

                previous = l->prev;
                if (v->refs)
                        continue;
                p->n_idle_views -= 1;
                view_free(v);
        }
}

struct policy *policy_free(struct policy *p)
{
        if (!p)
                return NULL;
        drop_idle_views(p, 0);
        p->given_up = true;
        policy_destroy(p);
        return NULL;
}

static struct rule_list *list_for(struct policy *p, enum policy_scope scope, uint32_t id)
{
        switch (scope) {
        case POLICY_DEFAULT:
                return &p->lists[LIST_DEFAULT];
        case POLICY_GROUP:
                return rule_sets_list(&p->groups, id);
        case POLICY_USER:
                return rule_sets_list(&p->users, id);
        case POLICY_AT_CONSOLE:
                return &p->lists[LIST_AT_CONSOLE];
        case POLICY_NOT_AT_CONSOLE:
                return &p->lists[LIST_NOT_AT_CONSOLE];
        case POLICY_MANDATORY:
                return &p->lists[LIST_MANDATORY];
        }
        return NULL;
}

int policy_append(struct policy *p, enum policy_scope scope, uint32_t id, struct policy_rule *rule)
{
        struct rule_list *list = list_for(p, scope, id);

        return list ? rule_list_append(list, rule) : -ENOMEM;
}

int policy_merge(struct policy *into, struct policy *from)
{
        int r = 0;

        for (unsigned i = 0; i < N_LISTS && !r; ++i)
                r = rule_list_move(&into->lists[i], &from->lists[i]);
        if (!r)
                r = rule_sets_move(&into->groups, &from->groups);
        if (!r)
                r = rule_sets_move(&into->users, &from->users);
        return r;
}

static bool contains(const gid_t *groups, size_t n_groups, gid_t gid)
{
        for (size_t i = 0; i < n_groups; ++i) {
                if (groups[i] == gid)
                        return true;
        }
        return false;
}

static bool allows_user(const struct rule_list *list, uid_t uid, const gid_t *groups,
                        size_t n_groups, bool allow)
{
        for (size_t i = 0; i < list->n; ++i) {
                const struct policy_rule *rule = list->rules[i];

                if (rule->kind != POLICY_CONNECT)
                        continue;
                if (rule->any_user || rule->any_group || (rule->by_user && rule->uid == uid) ||
                    (rule->by_group && contains(groups, n_groups, rule->gid)))
                        allow = rule->allow;
        }
        return allow;
}

bool policy_may_connect(const struct policy *p, const struct credentials *who, uid_t bus_uid)
{
        unsigned i = who->uid % CONNECT_CACHE_SIZE;
        struct connect_cache *cache = p->connect;
        gid_t *groups;
        size_t n_groups;
        bool allow;

        if (!who->has_uid)
                return false;
        if (cache->users[i].known && cache->users[i].uid == who->uid &&
            cache->users[i].bus_uid == bus_uid)
                return cache->users[i].allow;
        if (userdb_groups(who->uid, &groups, &n_groups) < 0)
                return false;
        allow = allows_user(&p->lists[LIST_DEFAULT], who->uid, groups, n_groups,
                            who->uid == bus_uid);
        allow = allows_user(&p->lists[LIST_MANDATORY], who->uid, groups, n_groups, allow);
        free(groups);
        cache->users[i].known = true;
        cache->users[i].uid = who->uid;
        cache->users[i].bus_uid = bus_uid;
        cache->users[i].allow = allow;
        return allow;
}

static int compare_ids(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return x < y ? -1 : x > y;
}

/* Keeps those that the policy has rules for, each once, ascending. */
static size_t reduce_groups(const struct policy *p, uint32_t *groups, size_t n)
{
        size_t kept = 0;

        qsort(groups, n, sizeof(*groups), compare_ids);
        for (size_t i = 0; i < n; ++i) {
                if ((kept && groups[kept - 1] == groups[i]) ||
                    !rule_sets_find(&p->groups, groups[i]))
                        continue;
                groups[kept++] = groups[i];
        }
        return kept;
}

static int key_groups(struct view_key *key, const struct policy *p, const struct credentials *who)
{
        size_t n = who->n_groups;
        int r;

        if (!who->has_groups) {
                r = userdb_groups(who->uid, &key->groups, &n);
                if (r == -ENOMEM)
                        return r;
                /* Whoever is in no database is in no group either. */
                key->n_groups = r < 0 ? 0 : reduce_groups(p, key->groups, n);
                return 0;
        }
        key->groups = calloc(n + 1, sizeof(*key->groups));
        if (!key->groups)
                return -ENOMEM;
        for (size_t i = 0; i < n; ++i)
                key->groups[i] = who->groups[i];
        if (who->has_gid)
                key->groups[n++] = who->gid;
        key->n_groups = reduce_groups(p, key->groups, n);
        return 0;
}

bool policy_asks_console(const struct policy *p)
{
        return p->lists[LIST_AT_CONSOLE].n || p->lists[LIST_NOT_AT_CONSOLE].n;
}

static int key_init(struct view_key *key, const struct policy *p, const struct credentials *who,
                    bool at_console)
{
        *key = (struct view_key){.console = POLICY_ANY};
        if (!who->has_uid)
                return 0;
        if (rule_sets_find(&p->users, who->uid)) {
                key->has_user = true;
                key->uid = who->uid;
        }
        if (policy_asks_console(p))
                key->console = at_console ? POLICY_TRUE : POLICY_FALSE;
        return p->groups.n ? key_groups(key, p, who) : 0;
}

static bool key_equal(const struct view_key *a, const struct view_key *b)
{
        return a->has_user == b->has_user && a->uid == b->uid && a->console == b->console &&
               a->n_groups == b->n_groups &&
               (!a->n_groups || !memcmp(a->groups, b->groups, a->n_groups * sizeof(*a->groups)));
}

/* Lists of rules that make up a view, each behind those that it overrules. */
struct chosen {
        const struct rule_list **lists;
        size_t n, n_rules;
};

static void choose(struct chosen *chosen, const struct rule_list *list)
{
        chosen->lists[chosen->n++] = list;
        chosen->n_rules += list->n;
}

static int choose_lists(struct chosen *chosen, const struct policy *p, const struct view_key *key)
{
        *chosen = (struct chosen){.lists = calloc(key->n_groups + 4, sizeof(*chosen->lists))};
        if (!chosen->lists)
                return -ENOMEM;
        choose(chosen, &p->lists[LIST_DEFAULT]);
        for (size_t i = 0; i < key->n_groups; ++i)
                choose(chosen, rule_sets_find(&p->groups, key->groups[i]));
        if (key->has_user)
                choose(chosen, rule_sets_find(&p->users, key->uid));
        if (key->console != POLICY_ANY)
                choose(chosen, &p->lists[key->console == POLICY_TRUE ? LIST_AT_CONSOLE
                                                                     : LIST_NOT_AT_CONSOLE]);
        choose(chosen, &p->lists[LIST_MANDATORY]);
        return 0;
}

/* All the rules of a view in one array, in the order in which they count. */
static int gather_rules(const struct policy *p, const struct view_key *key,
                        struct policy_rule ***rulesp, size_t *n_rules)
{
        struct chosen chosen;
        struct policy_rule **rules;
        size_t n = 0;
        int r = choose_lists(&chosen, p, key);

        if (r < 0)
                return r;
        rules = calloc(chosen.n_rules + 1, sizeof(*rules));
        for (size_t i = 0; i < chosen.n && rules; ++i) {
                for (size_t k = 0; k < chosen.lists[i]->n; ++k)
                        rules[n++] = chosen.lists[i]->rules[k];
        }
        free(chosen.lists);
        *rulesp = rules;
        *n_rules = n;
        return rules ? 0 : -ENOMEM;
}

static int index_rules(struct policy_view *v, struct policy_rule *const *rules, size_t n)
{
        int r = policy_index_init(&v->own, POLICY_OWN, rules, n);

        if (!r)
                r = policy_index_init(&v->send, POLICY_SEND, rules, n);
        if (!r)
                r = policy_index_init(&v->receive, POLICY_RECEIVE, rules, n);
        return r;
}

/* Takes over the key, on success only. */
static int view_new(struct policy_view **vp, struct policy *p, const struct view_key *key)
{
        struct policy_rule **rules;
        struct policy_view *v = calloc(1, sizeof(*v));
        size_t n_rules;
        int r;

        if (!v)
                return -ENOMEM;
        list_init(&v->of_policy);
        r = gather_rules(p, key, &rules, &n_rules);
        if (!r) {
                r = index_rules(v, rules, n_rules);
                free(rules);
        }
        if (r < 0) {
                view_free(v);
                return r;
        }
        v->refs = 1;
        v->policy = p;
        v->key = *key;
        list_prepend(&p->views, &v->of_policy);
        *vp = v;
        return 0;
}

/* A reference to a view that is there already; NULL: none is. */
static struct policy_view *reuse_view(struct policy *p, const struct view_key *key)
{
        struct list *l;

        for (l = p->views.next; l != &p->views; l = l->next) {
                struct policy_view *v = container_of(l, struct policy_view, of_policy);

                if (!key_equal(&v->key, key))
                        continue;
                p->n_idle_views -= !v->refs;
                v->refs += 1;
                list_remove(&v->of_policy);
                list_prepend(&p->views, &v->of_policy);
                return v;
        }
        return NULL;
}

int policy_view_get(struct policy *p, const struct credentials *who, bool at_console,
                    struct policy_view **vp)
{
        struct view_key key;
        int r = key_init(&key, p, who, at_console);

        if (r < 0)
                return r;
        *vp = reuse_view(p, &key);
        if (!*vp) {
                r = view_new(vp, p, &key);
                if (!r)
                        return 0;
        }
        free(key.groups);
        return r;
}

struct policy_view *policy_view_unref(struct policy_view *v)
{
        struct policy *p;

        if (!v)
                return NULL;
        v->refs -= 1;
        if (v->refs)
                return NULL;
        p = v->policy;
        p->n_idle_views += 1;
        drop_idle_views(p, p->given_up ? 0 : MAX_IDLE_VIEWS);
        policy_destroy(p);
        return NULL;
}

struct policy_verdict policy_may_send(const struct policy_view *v, const struct policy_message *m,
                                      struct name_registry *names)
{
        return policy_index_judge(&v->send, m, names);
}

struct policy_verdict policy_may_receive(const struct policy_view *v,
                                         const struct policy_message *m,
                                         struct name_registry *names)
{
        return policy_index_judge(&v->receive, m, names);
}

bool policy_may_own(const struct policy_view *v, const char *name, size_t length)
{
        return policy_index_may_own(&v->own, name, length);
}

int policy_pair_send(const struct policy_view *v, const struct name_owner *to,
                     struct name_registry *names, struct link_rules *rules)
{
        return policy_pair_rules(&v->send, to, names, rules);
}

int policy_pair_receive(const struct policy_view *v, const struct name_owner *from,
                        struct name_registry *names, struct link_rules *rules)
{
        return policy_pair_rules(&v->receive, from, names, rules);
}
