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

/* Raises *best to the last rule of the list that matches, if that is a later one. */
static void consider(const struct question *q, const struct index_list *list, int64_t *best)
{
        for (uint32_t i = list->n; i-- > 0 && list->rules[i] > *best;) {
                if (rest_matches(q, &q->index->rules[list->rules[i]])) {
                        *best = list->rules[i];
                        return;
                }
        }
}

static void consider_name(const struct question *q, const char *text, size_t length, int64_t *best)
{
        consider(q, policy_index_find(&q->index->names, text, length), best);
}

/* Prefixes end at a dot, or at the end: "com.example.a" is in "com", "com.example" and itself. */
static void consider_prefixes(const struct question *q, const char *text, size_t length,
                              int64_t *best)
{
        for (size_t i = 1; i <= length; ++i) {
                if (i == length || text[i] == '.')
                        consider(q, policy_index_find(&q->index->prefixes, text, i), best);
        }
}

typedef void consider_function(const struct question *q, const char *text, size_t length,
                               int64_t *best);

static void consider_party(const struct question *q, consider_function *function, bool with_unique,
                           int64_t *best)
{
        const struct list *all, *l;

        if (!q->party) {
                if (q->text.text)
                        function(q, q->text.text, q->text.length, best);
                return;
        }
        if (with_unique && q->party->unique_name)
                function(q, q->party->unique_name, strlen(q->party->unique_name), best);
        all = &q->party->ownerships;
        for (l = all->next; l != all; l = l->next) {
                const struct name *name =
                        container_of(l, const struct name_ownership, of_owner)->name;

                function(q, name->text, name->length, best);
        }
}

static bool party_has(const struct question *q, const struct index_text *key)
{
        const char *unique = q->party->unique_name;

        if (key->text[0] == ':')
                return unique && !strcmp(unique, key->text);
        return name_queued(name_find(q->names, key->text, key->length), q->party);
}

/* For who has more names than there are rules about. */
static void consider_keys(const struct question *q, int64_t *best)
{
        const struct index_table *table = &q->index->names;

        for (uint32_t i = 0; i <= table->mask; ++i) {
                const struct index_slot *slot = &table->slots[i];

                if (slot->key.text && slot->list.rules[slot->list.n - 1] > *best &&
                    party_has(q, &slot->key))
                        consider(q, &slot->list, best);
        }
}

/* The number of the rule that decides; -1 if none matches. */
static int64_t decide(const struct question *q)
{
        const struct policy_index *index = q->index;
        const struct header_text *interface;
        int64_t best = -1;

        consider(q, &index->by_class[q->class], &best);
        if (index->names.last > best) {
                if (q->party && q->party->n_names > 2 * index->names.n_keys)
                        consider_keys(q, &best);
                else
                        consider_party(q, consider_name, index->names.has_unique, &best);
        }
        if (index->prefixes.last > best)
                consider_party(q, consider_prefixes, index->prefixes.has_unique, &best);
        if (index->interfaces.last > best) {
                interface = &q->message->header.text[FIELD_INTERFACE];
                consider(q,
                         interface->at ? policy_index_find(&index->interfaces,
                                                           (const char *)q->message->bytes +
                                                                   interface->at,
                                                           interface->length)
                                       : &index->denied_interfaces,
                         &best);
        }
        return best;
}

static bool is_in_prefix(const char *text, size_t length, const struct index_text *prefix)
{
        return length >= prefix->length && prefix->length &&
               !memcmp(text, prefix->text, prefix->length) &&
               (length == prefix->length || text[prefix->length] == '.');
}

static bool party_is_in_prefix(const struct question *q, const struct index_text *prefix)
{
        const char *unique = q->party->unique_name;
        const struct list *all = &q->party->ownerships, *l;

        if (unique && is_in_prefix(unique, strlen(unique), prefix))
                return true;
        for (l = all->next; l != all; l = l->next) {
                const struct name *name =
                        container_of(l, const struct name_ownership, of_owner)->name;

                if (is_in_prefix(name->text, name->length, prefix))
                        return true;
        }
        return false;
}

static bool name_matches(const struct question *q, const struct index_rule *rule)
{
        if (!rule->name.text)
                return true;
        if (!q->party && !q->text.text)
                return false;
        if (rule->name_is_prefix)
                return q->party ? party_is_in_prefix(q, &rule->name)
                                : is_in_prefix(q->text.text, q->text.length, &rule->name);
        return q->party ? party_has(q, &rule->name)
                        : q->text.length == rule->name.length &&
                                  !memcmp(q->text.text, rule->name.text, rule->name.length);
}

/* Walks all rules: only texts about denials ask for it. */
static unsigned count_matches(const struct question *q)
{
        unsigned n = 0;

        for (uint32_t i = 0; i < q->index->n_rules; ++i) {
                const struct index_rule *rule = &q->index->rules[i];

                n += rest_matches(q, rule) && name_matches(q, rule);
        }
        return n;
}

static struct policy_verdict judge(const struct question *q)
{
        int64_t best = decide(q);
        const struct index_rule *rule = best < 0 ? NULL : &q->index->rules[best];
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
        bool extra = sends ? type == MESSAGE_SIGNAL && !has_destination
                           : has_destination && m->addressed != m->receiver;
        enum header_field field = sends ? FIELD_DESTINATION : FIELD_SENDER;
        struct question q = {
                .index = index,
                .names = names,
                .message = m->message,
                .class = policy_class(type, reply_of(m), extra),
                .party = sends ? m->receiver : m->sender,
                .text = {message_text(m->message, field), h->text[field].length},
        };

        if (index->always_allowed >> q.class & 1)
                return (struct policy_verdict){.allow = true};
        return judge(&q);
}

bool policy_index_may_own(const struct policy_index *index, const char *name, size_t length)
{
        struct question q = {.index = index, .text = {name, (uint32_t)length}};
        int64_t best;

        if (index->always_allowed & 1)
                return true;
        best = decide(&q);
        return best >= 0 && index->rules[best].allow;
}
