/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "bus/policy-index.h"

/* What an index is asked. */
struct question {
        const struct policy_index *index;
        struct name_registry *names;
        const struct message *message; /* NULL for POLICY_OWN */
        unsigned class;
        /* Whose names are meant: the receiver's when sending, the sender's when receiving. If
         * `party` is NULL nobody's, and the text (which may be NULL) stands for itself. */
        const struct name_owner *party;
        struct index_text text;
};

static bool text_matches(const struct index_text *text, const struct message *m,
                         enum header_field field, bool if_absent)
{
        const struct header_text *in_message = &m->header.text[field];

        if (!text->text)
                return true;
        if (!in_message->at)
                return if_absent;
        return in_message->length == text->length &&
               !memcmp(m->bytes + in_message->at, text->text, text->length);
}

/* Everything but the name. */
static bool rest_matches(const struct question *q, const struct index_rule *rule)
{
        const struct message *m = q->message;

        if (!(rule->classes >> q->class & 1))
                return false;
        if (rule->matches_class)
                return true;
        return text_matches(&rule->interface, m, FIELD_INTERFACE, !rule->allow) &&
               text_matches(&rule->member, m, FIELD_MEMBER, true) &&
               text_matches(&rule->path, m, FIELD_PATH, true) &&
               text_matches(&rule->error_name, m, FIELD_ERROR_NAME, true) &&
               m->n_fds >= rule->min_fds && m->n_fds <= rule->max_fds;
}

/* What has been found so far. */
struct tally {
        int64_t best; /* number of the last rule that matches; -1: none does */
        bool all;     /* count them, instead of looking only for a later one */
        unsigned n;
};

static void consider(const struct question *q, const struct index_list *list, struct tally *t)
{
        for (uint32_t i = list->n; i-- > 0 && (t->all || list->rules[i] > t->best);) {
                if (!rest_matches(q, &q->index->rules[list->rules[i]]))
                        continue;
                t->n += 1;
                if (list->rules[i] > t->best)
                        t->best = list->rules[i];
        }
}

static bool can_matter(const struct index_table *table, const struct tally *t)
{
        return table->slots && (t->all || table->last > t->best);
}

static void consider_name(const struct question *q, const char *text, size_t length,
                          struct tally *t)
{
        consider(q, policy_index_find(&q->index->names, text, length), t);
}

/* Prefixes end at a dot, or at the end: "com.example.a" is in "com", "com.example" and itself. */
static void consider_prefixes(const struct question *q, const char *text, size_t length,
                              struct tally *t)
{
        for (size_t i = 1; i <= length; ++i) {
                if (i == length || text[i] == '.')
                        consider(q, policy_index_find(&q->index->prefixes, text, i), t);
        }
}

typedef void consider_function(const struct question *q, const char *text, size_t length,
                               struct tally *t);

static void consider_party(const struct question *q, consider_function *function, bool with_unique,
                           struct tally *t)
{
        const struct list *all, *l;

        if (!q->party) {
                if (q->text.text)
                        function(q, q->text.text, q->text.length, t);
                return;
        }
        if (with_unique && q->party->unique_name)
                function(q, q->party->unique_name, strlen(q->party->unique_name), t);
        all = &q->party->ownerships;
        for (l = all->next; l != all; l = l->next) {
                const struct name *name =
                        container_of(l, const struct name_ownership, of_owner)->name;

                function(q, name->text, name->length, t);
        }
}

bool policy_party_has(const struct name_owner *party, const struct index_text *name,
                      struct name_registry *names)
{
        const char *unique = party->unique_name;

        if (name->text[0] == ':')
                return unique && !strcmp(unique, name->text);
        return name_queued(name_find(names, name->text, name->length), party);
}

/* For who has more names than there are rules about. */
static void consider_keys(const struct question *q, struct tally *t)
{
        const struct index_table *table = &q->index->names;

        for (uint32_t i = 0; i <= table->mask; ++i) {
                const struct index_slot *slot = &table->slots[i];

                if (slot->key.text && policy_party_has(q->party, &slot->key, q->names))
                        consider(q, &slot->list, t);
        }
}

static void consider_names(const struct question *q, struct tally *t)
{
        const struct index_table *table = &q->index->names;

        if (q->party && q->party->n_names > 2 * table->n_keys)
                consider_keys(q, t);
        else
                consider_party(q, consider_name, table->has_unique, t);
}

static bool is_in_prefix(const char *text, size_t length, const struct index_text *prefix)
{
        return length >= prefix->length && prefix->length &&
               !memcmp(text, prefix->text, prefix->length) &&
               (length == prefix->length || text[prefix->length] == '.');
}

bool policy_party_is_in_prefix(const struct name_owner *party, const struct index_text *prefix)
{
        const char *unique = party->unique_name;
        const struct list *all, *l;

        if (unique && is_in_prefix(unique, strlen(unique), prefix))
                return true;
        all = &party->ownerships;
        for (l = all->next; l != all; l = l->next) {
                const struct name *name =
                        container_of(l, const struct name_ownership, of_owner)->name;

                if (is_in_prefix(name->text, name->length, prefix))
                        return true;
        }
        return false;
}

/* The same of whoever the question is about. */
static bool is_in(const struct question *q, const struct index_text *prefix)
{
        if (q->party)
                return policy_party_is_in_prefix(q->party, prefix);
        return q->text.text && is_in_prefix(q->text.text, q->text.length, prefix);
}

/* Counts a prefix once, however many names are in it. */
static void consider_each_prefix(const struct question *q, struct tally *t)
{
        const struct index_table *table = &q->index->prefixes;

        for (uint32_t i = 0; i <= table->mask; ++i) {
                const struct index_slot *slot = &table->slots[i];

                if (slot->key.text && is_in(q, &slot->key))
                        consider(q, &slot->list, t);
        }
}

static void consider_interface(const struct question *q, struct tally *t)
{
        const struct header_text *interface = &q->message->header.text[FIELD_INTERFACE];
        const char *text = (const char *)q->message->bytes + interface->at;

        consider(q,
                 interface->at ? policy_index_find(&q->index->interfaces, text, interface->length)
                               : &q->index->denied_interfaces,
                 t);
}

static void consider_all(const struct question *q, struct tally *t)
{
        const struct policy_index *index = q->index;

        consider(q, &index->by_class[q->class], t);
        if (can_matter(&index->names, t))
                consider_names(q, t);
        if (can_matter(&index->prefixes, t)) {
                if (t->all)
                        consider_each_prefix(q, t);
                else
                        consider_party(q, consider_prefixes, index->prefixes.has_unique, t);
        }
        if (can_matter(&index->interfaces, t))
                consider_interface(q, t);
}

/* The rule that decides; NULL if none matches. */
static const struct index_rule *decide(const struct question *q)
{
        struct tally t = {.best = -1};

        consider_all(q, &t);
        return t.best < 0 ? NULL : &q->index->rules[t.best];
}

/* Only texts about denials ask for it. */
static unsigned count_matches(const struct question *q)
{
        struct tally t = {.best = -1, .all = true};

        consider_all(q, &t);
        return t.n;
}

static struct policy_verdict judge(const struct question *q)
{
        const struct index_rule *rule = decide(q);
        struct policy_verdict verdict = {
                .allow = rule && rule->allow,
                .log = rule && rule->log,
        };

        if (!verdict.allow || verdict.log)
                verdict.n_matched = count_matches(q);
        return verdict;
}

static enum policy_reply reply_of(const struct policy_message *m)
{
        if (!m->message->header.reply_serial)
                return POLICY_NO_REPLY;
        return m->requested_reply ? POLICY_REQUESTED_REPLY : POLICY_UNREQUESTED_REPLY;
}

struct policy_verdict policy_index_judge(const struct policy_index *index,
                                         const struct policy_message *m,
                                         struct name_registry *names)
{
        const struct header *h = &m->message->header;
        unsigned type = h->type <= MESSAGE_SIGNAL ? h->type : MESSAGE_INVALID;
        bool has_destination = h->text[FIELD_DESTINATION].at != 0;
        bool sends = index->kind == POLICY_SEND;
        const struct name_owner *party = sends ? m->receiver : m->sender;
        bool extra = sends ? type == MESSAGE_SIGNAL && !has_destination
                           : has_destination && m->addressed != m->receiver;
        enum header_field field = sends ? FIELD_DESTINATION : FIELD_SENDER;
        struct question q = {
                .index = index,
                .names = names,
                .message = m->message,
                .class = policy_class(type, reply_of(m), extra, !party),
                .party = party,
                .text = {message_text(m->message, field), h->text[field].length},
        };

        if (index->always_allowed >> q.class & 1)
                return (struct policy_verdict){.allow = true};
        return judge(&q);
}

bool policy_index_may_own(const struct policy_index *index, const char *name, size_t length)
{
        struct question q = {.index = index, .text = {name, (uint32_t)length}};
        const struct index_rule *rule;

        if (index->always_allowed & 1)
                return true;
        rule = decide(&q);
        return rule && rule->allow;
}
