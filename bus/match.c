/* SPDX-License-Identifier: MIT */
#include "bus/match.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Keys of which a message has one value; the others can be true of it for several. */
#define SINGLE_KEYS   (MATCH_SHAPE_HIGH_ARG - 1)
#define N_SINGLE_KEYS 12
#define N_CACHED_KEYS                                                                              \
        17 /* all but MATCH_SHAPE_HIGH_ARG, which is a different arg in each shape                 \
            */

/* As many values as a rule's text has room for in the form /a/a/..., a.a. ..., or ///... */
#define MAX_PATHS     (MATCH_MAX_LENGTH / 2)
#define MAX_NAMES     128
#define MAX_ARG_PATHS MATCH_MAX_LENGTH
/* Names of the sender that are hashed but once for all shapes; more are no less right. */
#define MAX_SENDERS 32

/* A lookup under way: what the shapes so far needed to know of the message. */
struct lookup {
        struct match_subject subject;
        const struct hash_key *key;
        uint64_t number;
        struct match_found *found;

        uint32_t known, absent; /* enum match_shape_key: looked for, and not there */
        uint64_t values[N_SINGLE_KEYS];
        unsigned n_senders, n_paths, n_names, n_arg_paths;
        bool arg_is_directory;            /* the first argument ends with a slash */
        const struct list *other_senders; /* of_owner of the first name not in senders[] */
        uint64_t senders[MAX_SENDERS];
        uint64_t paths[MAX_PATHS];
        uint64_t names[MAX_NAMES];
        uint64_t arg_paths[MAX_ARG_PATHS];
};

/* ---- hashes of values ---- */

/* Values are hashed with the key of the name registry, so that the hash of a name is the one that
 * it already has. They are put together without a key: nobody knows what goes in. */
static uint64_t mix(uint64_t hash, uint64_t value)
{
        hash = (hash ^ value) * 0x9e3779b97f4a7c15; /* 2^64 divided by the golden ratio */
        return hash << 32 | hash >> 32;
}

/* Walks a text from separator to separator; `hash` is that of all that it has passed. */
struct walk {
        const struct hash_key *key;
        const char *at, *end; /* `at` NULL: at the end */
        char separator;
        uint64_t hash;
};

static bool walk_next(struct walk *w)
{
        const char *stop;

        if (!w->at)
                return false;
        stop = memchr(w->at, w->separator, (size_t)(w->end - w->at));
        w->hash = mix(w->hash, hash_bytes(w->key, w->at, (size_t)((stop ? stop : w->end) - w->at)));
        w->at = stop ? stop + 1 : NULL;
        return true;
}

static struct walk walk_names(const struct hash_key *key, const char *name, size_t length)
{
        return (struct walk){key, name, name + length, '.', 0};
}

/* The root is the empty text before the first slash, not also the one behind it. */
static struct walk walk_path(const struct hash_key *key, const char *path, size_t length)
{
        return (struct walk){key, path, path + (length > 1 ? length : 0), '/', 0};
}

static uint64_t walk_all(struct walk w)
{
        while (walk_next(&w))
                ;
        return w.hash;
}

/* For arg0path, "/a" and "/a/" are different things. */
static uint64_t hash_directory(uint64_t hash)
{
        return mix(hash, 1);
}

static uint64_t hash_arg_path(const struct hash_key *key, const char *path, size_t length)
{
        bool directory = length > 0 && path[length - 1] == '/';
        uint64_t hash = walk_all((struct walk){key, path, path + length - directory, '/', 0});

        return directory ? hash_directory(hash) : hash;
}

/* The hash of a rule's indexed values, in the order in which probe_shape() has them. */
static uint64_t hash_rule(const struct hash_key *key, const struct match_rule *rule)
{
        static const enum match_field first[] = {MATCH_INTERFACE, MATCH_MEMBER, MATCH_PATH};
        struct match_text t;
        uint64_t hash = 0;

        if (rule->keys & MATCH_SHAPE_TYPE)
                hash = mix(hash, rule->type);
        for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
                t = rule->fields[first[i]];
                if (t.at && !(first[i] == MATCH_PATH && rule->path_is_namespace))
                        hash = mix(hash, hash_bytes(key, match_text(rule, t), t.length));
        }
        for (unsigned i = 0; i < rule->n_args; i++) {
                t = rule->args[i].text;
                if (rule->args[i].kind == MATCH_ARG_STRING &&
                    match_rule_arg_indexed(rule, &rule->args[i]))
                        hash = mix(hash, hash_bytes(key, match_text(rule, t), t.length));
        }
        t = rule->fields[MATCH_SENDER];
        if (t.at)
                hash = mix(hash, hash_bytes(key, match_text(rule, t), t.length));
        t = rule->fields[MATCH_PATH];
        if (rule->path_is_namespace)
                hash = mix(hash, walk_all(walk_path(key, match_text(rule, t), t.length)));
        if (!(rule->keys & (MATCH_SHAPE_ARG0_NAMESPACE | MATCH_SHAPE_ARG0_PATH)))
                return hash;
        t = rule->args[0].text;
        return mix(hash, rule->keys & MATCH_SHAPE_ARG0_PATH
                                 ? hash_arg_path(key, match_text(rule, t), t.length)
                                 : walk_all(walk_names(key, match_text(rule, t), t.length)));
}

/* ---- rules come and go ---- */

int match_registry_new(struct match_registry **rp, struct name_registry *names)
{
        struct match_registry *r;

        r = malloc(sizeof(*r));
        if (!r)
                return -ENOMEM;
        *r = (struct match_registry){.names = names};
        list_init(&r->shapes);
        *rp = r;
        return 0;
}

struct match_registry *match_registry_free(struct match_registry *r)
{
        if (r)
                hash_deinit(&r->uniques.table);
        free(r);
        return NULL;
}

void match_owner_init(struct match_owner *o)
{
        *o = (struct match_owner){};
        list_init(&o->rules);
}

bool match_registry_empty(const struct match_registry *r)
{
        return r->n_rules == 0;
}

static struct match_shape *shape_find(const struct match_registry *r, uint32_t keys)
{
        for (const struct list *l = r->shapes.next; l != &r->shapes; l = l->next) {
                struct match_shape *shape = container_of(l, struct match_shape, of_registry);

                if (shape->keys == keys)
                        return shape;
        }
        return NULL;
}

static int shape_get(struct match_registry *r, uint32_t keys, struct match_shape **shapep)
{
        struct match_shape *shape = shape_find(r, keys);

        if (!shape) {
                shape = malloc(sizeof(*shape));
                if (!shape)
                        return -ENOMEM;
                *shape = (struct match_shape){.keys = keys};
                list_append(&r->shapes, &shape->of_registry);
        }
        *shapep = shape;
        return 0;
}

static void shape_put(struct match_shape *shape)
{
        if (shape->n_rules > 0)
                return;
        list_remove(&shape->of_registry);
        hash_deinit(&shape->table);
        free(shape);
}

/* The rule that leads the ring of those like `rule`; NULL if there is none. */
static struct match_rule *leader_find(const struct match_shape *shape,
                                      const struct match_rule *rule, uint64_t hash)
{
        for (struct hash_link *l = hash_first(&shape->table, hash); l; l = l->next) {
                struct match_rule *leader = container_of(l, struct match_rule, link);

                if (l->hash == hash && match_rule_indexed_alike(leader, rule))
                        return leader;
        }
        return NULL;
}

static int shape_insert(struct match_shape *shape, struct match_rule *rule, uint64_t hash)
{
        struct match_rule *leader = leader_find(shape, rule, hash);

        if (leader) {
                list_append(&leader->same, &rule->same);
        } else {
                if (hash_insert(&shape->table, &rule->link, hash) < 0)
                        return -ENOMEM;
                rule->leads = true;
        }
        rule->shape = shape;
        shape->n_rules++;
        return 0;
}

static void shape_remove(struct match_rule *rule)
{
        struct match_shape *shape = rule->shape;

        if (rule->leads) {
                uint64_t hash = rule->link.hash;

                hash_remove(&shape->table, &rule->link);
                if (!list_empty(&rule->same)) {
                        struct match_rule *heir;

                        heir = container_of(rule->same.next, struct match_rule, same);
                        heir->leads = true;
                        hash_insert(&shape->table, &heir->link, hash); /* there is a table */
                }
        }
        list_remove(&rule->same);
        shape->n_rules--;
        shape_put(shape);
}

/* Unique names are not in the registry of names: they are compared as texts. */
static int intern(struct match_registry *r, const struct match_rule *rule, enum match_field field,
                  struct name **np)
{
        const char *text = match_text(rule, rule->fields[field]);

        *np = NULL;
        if (!text || text[0] == ':')
                return 0;
        return name_intern(r->names, text, rule->fields[field].length, np);
}

static void release_names(struct match_registry *r, struct match_rule *rule)
{
        if (rule->sender)
                rule->sender->n_sender_rules--;
        rule->sender = name_unref(r->names, rule->sender);
        rule->destination = name_unref(r->names, rule->destination);
        match_uniques_remove(&r->uniques, &r->names->key, rule);
}

static int intern_names(struct match_registry *r, struct match_rule *rule)
{
        if (intern(r, rule, MATCH_SENDER, &rule->sender) < 0)
                return -ENOMEM;
        if (rule->sender)
                rule->sender->n_sender_rules++;
        if (intern(r, rule, MATCH_DESTINATION, &rule->destination) < 0 ||
            match_uniques_add(&r->uniques, &r->names->key, rule) < 0) {
                release_names(r, rule);
                return -ENOMEM;
        }
        return 0;
}

int match_add(struct match_registry *r, struct match_owner *o, struct match_rule *rule)
{
        struct match_shape *shape;

        if (intern_names(r, rule) < 0)
                return -ENOMEM;
        if (shape_get(r, rule->keys, &shape) < 0) {
                release_names(r, rule);
                return -ENOMEM;
        }
        if (shape_insert(shape, rule, hash_rule(&r->names->key, rule)) < 0) {
                shape_put(shape);
                release_names(r, rule);
                return -ENOMEM;
        }
        rule->owner = o;
        list_append(&o->rules, &rule->of_owner);
        o->n_rules++;
        r->n_rules++;
        return 0;
}

static void remove_rule(struct match_registry *r, struct match_rule *rule)
{
        shape_remove(rule);
        release_names(r, rule);
        list_remove(&rule->of_owner);
        rule->owner->n_rules--;
        r->n_rules--;
        match_rule_free(rule);
}

/* The latest of the owner's rules that is equal to `rule`. Walks the ring and the owner's rules
 * side by side: one of them may be long. */
static struct match_rule *find_equal(const struct match_rule *leader, const struct match_owner *o,
                                     const struct match_rule *rule)
{
        const struct list *in_ring = &leader->same, *in_owner = &o->rules;
        struct match_rule *candidate;

        for (;;) {
                in_owner = in_owner->prev;
                if (in_owner == &o->rules)
                        return NULL;
                candidate = container_of(in_owner, struct match_rule, of_owner);
                if (match_rule_equal(candidate, rule))
                        return candidate;

                in_ring = in_ring->prev;
                candidate = container_of(in_ring, struct match_rule, same);
                if (candidate->owner == o && match_rule_equal(candidate, rule))
                        return candidate;
                if (candidate == leader)
                        return NULL;
        }
}

bool match_remove(struct match_registry *r, struct match_owner *o, const struct match_rule *rule)
{
        struct match_shape *shape = shape_find(r, rule->keys);
        struct match_rule *leader, *found;

        if (!shape)
                return false;
        leader = leader_find(shape, rule, hash_rule(&r->names->key, rule));
        found = leader ? find_equal(leader, o, rule) : NULL;
        if (!found)
                return false;
        remove_rule(r, found);
        return true;
}

void match_remove_all(struct match_registry *r, struct match_owner *o)
{
        while (!list_empty(&o->rules))
                remove_rule(r, container_of(o->rules.prev, struct match_rule, of_owner));
}

void match_remove_unique(struct match_registry *r, const char *name, size_t length)
{
        struct match_rule *rule;

        while ((rule = match_uniques_find(&r->uniques, &r->names->key, name, length)))
                remove_rule(r, rule);
}

/* ---- what a message has ---- */

/* Each of these looks for a key's value or values, and returns false if the message has none. */

static bool find_type(struct lookup *l, unsigned bit)
{
        l->values[bit] = l->subject.query->message->header.type;
        return true;
}

static bool find_field(struct lookup *l, unsigned bit)
{
        static const enum header_field fields[] = {
                [1] = FIELD_INTERFACE,
                [2] = FIELD_MEMBER,
                [3] = FIELD_PATH,
        };
        const struct message *m = l->subject.query->message;
        const char *text = message_text(m, fields[bit]);

        if (text)
                l->values[bit] = hash_bytes(l->key, text, m->header.text[fields[bit]].length);
        return text;
}

static bool hash_string_arg(struct lookup *l, unsigned number, uint64_t *hash)
{
        const struct match_value *v = match_subject_arg(&l->subject, number);

        if (!v || !v->text || v->is_path)
                return false;
        *hash = hash_bytes(l->key, v->text, v->length);
        return true;
}

static bool find_arg(struct lookup *l, unsigned bit)
{
        return hash_string_arg(l, bit - (unsigned)__builtin_ctz(MATCH_SHAPE_ARG0), &l->values[bit]);
}

/* The next name of the sender that rules ask for, from a place in its list on; NULL at the end. */
static const struct name *next_sender(const struct name_owner *o, const struct list **at)
{
        while (*at != &o->ownerships) {
                const struct name *n = container_of(*at, struct name_ownership, of_owner)->name;

                *at = (*at)->next;
                if (n->n_sender_rules > 0 && name_primary(n) == o)
                        return n;
        }
        return NULL;
}

static bool find_sender(struct lookup *l, unsigned bit)
{
        const struct name_owner *o = l->subject.query->sender;
        const char *unique = o ? o->unique_name : MATCH_BUS_NAME;
        const struct name *n;

        (void)bit;
        l->n_senders = 0;
        if (unique)
                l->senders[l->n_senders++] = hash_bytes(l->key, unique, strlen(unique));
        if (!o)
                return true;
        l->other_senders = o->ownerships.next;
        while (l->n_senders < MAX_SENDERS && (n = next_sender(o, &l->other_senders)))
                l->senders[l->n_senders++] = n->link.hash;
        return l->n_senders > 0;
}

static bool find_paths(struct lookup *l, unsigned bit)
{
        const struct message *m = l->subject.query->message;
        const char *path = message_text(m, FIELD_PATH);
        struct walk w;

        (void)bit;
        if (!path)
                return false;
        w = walk_path(l->key, path, m->header.text[FIELD_PATH].length);
        for (l->n_paths = 0; l->n_paths < MAX_PATHS && walk_next(&w); l->n_paths++)
                l->paths[l->n_paths] = w.hash;
        return true;
}

static bool find_names(struct lookup *l, unsigned bit)
{
        const struct match_value *v = match_subject_arg(&l->subject, 0);
        struct walk w;

        (void)bit;
        if (!v || !v->text || v->is_path)
                return false;
        w = walk_names(l->key, v->text, v->length);
        for (l->n_names = 0; l->n_names < MAX_NAMES && walk_next(&w); l->n_names++)
                l->names[l->n_names] = w.hash;
        return true;
}

static bool find_arg_paths(struct lookup *l, unsigned bit)
{
        const struct match_value *v = match_subject_arg(&l->subject, 0);
        struct walk w;

        (void)bit;
        if (!v || !v->text)
                return false;
        l->arg_is_directory = v->length > 0 && v->text[v->length - 1] == '/';
        w = (struct walk){l->key, v->text, v->text + v->length, '/', 0};
        for (l->n_arg_paths = 0; l->n_arg_paths < MAX_ARG_PATHS && walk_next(&w); l->n_arg_paths++)
                l->arg_paths[l->n_arg_paths] = w.at ? hash_directory(w.hash) : w.hash;
        return true;
}

/* Indexed by the bits of enum match_shape_key. */
static bool (*const finders[N_CACHED_KEYS])(struct lookup *l, unsigned bit) = {
        find_type,   find_field, find_field, find_field, /* interface, member, path */
        find_arg,    find_arg,   find_arg,   find_arg,   /* arg0 ... */
        find_arg,    find_arg,   find_arg,   find_arg,   /* ... arg7 */
        NULL,                                            /* MATCH_SHAPE_HIGH_ARG */
        find_sender, find_paths, find_names, find_arg_paths,
};

/* False if the message lacks one of the keys. */
static bool find_values(struct lookup *l, uint32_t keys)
{
        for (uint32_t missing = keys & ~l->known; missing; missing &= missing - 1) {
                unsigned bit = (unsigned)__builtin_ctz(missing);

                if (!finders[bit](l, bit))
                        l->absent |= 1u << bit;
                l->known |= 1u << bit;
        }
        return !(keys & l->absent);
}

/* ---- lookups ---- */

uint64_t match_next_query(void)
{
        static uint64_t number;

        return ++number;
}

static int found_append(struct match_found *found, struct match_owner *o)
{
        if (found->n == found->room) {
                size_t room = found->room ? found->room * 2 : 64;
                struct match_owner **owners;

                owners = realloc(found->owners, room * sizeof(*owners));
                if (!owners)
                        return -ENOMEM;
                found->owners = owners;
                found->room = room;
        }
        found->owners[found->n++] = o;
        return 0;
}

/* Adds the owners of a ring of rules whose indexed values, if they are the message's, need to be
 * compared but once. */
static int visit_ring(struct lookup *l, const struct match_rule *leader)
{
        const struct list *at = &leader->same;

        if (!match_rule_matches_indexed(leader, &l->subject))
                return 0;
        do {
                const struct match_rule *rule = container_of(at, const struct match_rule, same);
                struct match_owner *o = rule->owner;

                at = at->next;
                if (o->marked == l->number ||
                    (rule->has_others && !match_rule_matches_others(rule, &l->subject)))
                        continue;
                if (found_append(l->found, o) < 0)
                        return -ENOMEM;
                o->marked = l->number;
        } while (at != &leader->same);
        return 0;
}

static int probe(struct lookup *l, const struct match_shape *shape, uint64_t hash)
{
        for (const struct hash_link *link = hash_first(&shape->table, hash); link;
             link = link->next)
                if (link->hash == hash &&
                    visit_ring(l, container_of(link, const struct match_rule, link)) < 0)
                        return -ENOMEM;
        return 0;
}

static int probe_all(struct lookup *l, const struct match_shape *shape, uint64_t hash,
                     const uint64_t *values, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                if (probe(l, shape, mix(hash, values[i])) < 0)
                        return -ENOMEM;
        return 0;
}

static int probe_args(struct lookup *l, const struct match_shape *shape, uint64_t hash)
{
        if (shape->keys & MATCH_SHAPE_ARG0_NAMESPACE)
                return probe_all(l, shape, hash, l->names, l->n_names);
        if (shape->keys & MATCH_SHAPE_ARG0_PATH)
                return probe_all(l, shape, hash, l->arg_paths, l->n_arg_paths);
        return probe(l, shape, hash);
}

static int probe_paths(struct lookup *l, const struct match_shape *shape, uint64_t hash)
{
        if (!(shape->keys & MATCH_SHAPE_PATH_NAMESPACE))
                return probe_args(l, shape, hash);
        for (unsigned i = 0; i < l->n_paths; i++)
                if (probe_args(l, shape, mix(hash, l->paths[i])) < 0)
                        return -ENOMEM;
        return 0;
}

static int probe_senders(struct lookup *l, const struct match_shape *shape, uint64_t hash)
{
        const struct name_owner *o = l->subject.query->sender;
        const struct list *at;
        const struct name *n;

        if (!(shape->keys & MATCH_SHAPE_SENDER))
                return probe_paths(l, shape, hash);
        for (unsigned i = 0; i < l->n_senders; i++)
                if (probe_paths(l, shape, mix(hash, l->senders[i])) < 0)
                        return -ENOMEM;
        if (!o)
                return 0;
        at = l->other_senders;
        while ((n = next_sender(o, &at)))
                if (probe_paths(l, shape, mix(hash, n->link.hash)) < 0)
                        return -ENOMEM;
        return 0;
}

static int visit_all(struct lookup *l, const struct match_shape *shape)
{
        for (size_t i = 0; i < shape->table.n_buckets; i++)
                for (const struct hash_link *link = shape->table.buckets[i]; link;
                     link = link->next)
                        if (visit_ring(l, container_of(link, const struct match_rule, link)) < 0)
                                return -ENOMEM;
        return 0;
}

static int probe_shape(struct lookup *l, const struct match_shape *shape)
{
        uint64_t hash = 0, value;

        if (!find_values(l, shape->keys & ((1u << N_CACHED_KEYS) - 1) & ~MATCH_SHAPE_HIGH_ARG))
                return 0;
        /* "/a/" is a value of, say, arg0path='/a/b/c': it has no end of values to look for. */
        if (shape->keys & MATCH_SHAPE_ARG0_PATH && l->arg_is_directory)
                return visit_all(l, shape);
        for (uint32_t keys = shape->keys & SINGLE_KEYS; keys; keys &= keys - 1)
                hash = mix(hash, l->values[__builtin_ctz(keys)]);
        if (shape->keys & MATCH_SHAPE_HIGH_ARG) {
                if (!hash_string_arg(l, shape->keys >> MATCH_SHAPE_HIGH_ARG_SHIFT, &value))
                        return 0;
                hash = mix(hash, value);
        }
        return probe_senders(l, shape, hash);
}

int match_lookup(struct match_registry *r, const struct match_query *q, uint64_t number,
                 struct match_found *found)
{
        struct lookup l; /* large, and only in part ever looked at */

        match_subject_init(&l.subject, q);
        l.key = &r->names->key;
        l.number = number;
        l.found = found;
        l.known = l.absent = 0;
        for (const struct list *at = r->shapes.next; at != &r->shapes; at = at->next)
                if (probe_shape(&l, container_of(at, struct match_shape, of_registry)) < 0)
                        return -ENOMEM;
        return 0;
}
