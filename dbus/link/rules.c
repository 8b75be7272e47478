/* SPDX-License-Identifier: MIT */
#include "link/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "link/link.h"

const struct link_rule link_rule_anything = {.allow = true, .max_fds = UINT32_MAX};

/* A message without the field matches any text, as in the bus's policy. */
static bool text_is(const struct header *h, const uint8_t *bytes, enum header_field field,
                    const char *wanted)
{
        const struct header_text *t = &h->text[field];

        return !wanted || !t->at || !strcmp((const char *)bytes + t->at, wanted);
}

/* A message without an interface may be of any: what forbids one forbids it, what allows one does
 * not allow it. */
static bool interface_applies(const struct link_rule *r, const struct header *h,
                              const uint8_t *bytes)
{
        if (r->interface && !h->text[FIELD_INTERFACE].at)
                return !r->allow;
        return text_is(h, bytes, FIELD_INTERFACE, r->interface);
}

static bool applies(const struct link_rule *r, const struct header *h, const uint8_t *bytes)
{
        return (!r->type || r->type == h->type) && h->n_fds >= r->min_fds &&
               h->n_fds <= r->max_fds && interface_applies(r, h, bytes) &&
               text_is(h, bytes, FIELD_MEMBER, r->member) &&
               text_is(h, bytes, FIELD_PATH, r->path) &&
               text_is(h, bytes, FIELD_ERROR_NAME, r->error);
}

bool link_rules_allow(const struct link_rules *r, const struct header *h, const uint8_t *bytes)
{
        for (size_t i = r->n; i--;) {
                if (applies(&r->rules[i], h, bytes))
                        return r->rules[i].allow;
        }
        return false;
}

static void write_text(struct writer *w, const char *text)
{
        writer_string(w, text ? text : "");
}

void link_rules_write(const struct link_rules *r, struct writer *w)
{
        struct writer_array array;

        writer_open_array(w, &array, &LINK_RULES_TYPE[1]);
        for (size_t i = 0; i < r->n; ++i) {
                const struct link_rule *rule = &r->rules[i];

                writer_struct(w);
                writer_byte(w, rule->allow);
                writer_byte(w, rule->type);
                write_text(w, rule->interface);
                write_text(w, rule->member);
                write_text(w, rule->path);
                write_text(w, rule->error);
                writer_u32(w, rule->min_fds);
                writer_u32(w, rule->max_fds);
        }
        writer_close_array(w, &array);
}

/* Where texts go, one behind the other; without room it only counts. */
struct texts {
        char *at;
        size_t size;
};

static const char *keep(struct texts *t, const char *text, uint32_t length)
{
        char *kept = t->at ? t->at + t->size : NULL;

        if (!length)
                return NULL;
        if (kept)
                memcpy(kept, text, length + 1);
        t->size += length + 1;
        return kept;
}

/* Reads one rule. False: it is something else. */
static bool read_rule(struct reader *array, struct link_rule *rule, struct texts *texts)
{
        const char **const where[] = {&rule->interface, &rule->member, &rule->path, &rule->error};
        struct reader r;
        uint8_t allow;

        if (!reader_enter(array, &r) || !reader_byte(&r, &allow) || !reader_byte(&r, &rule->type))
                return false;
        rule->allow = allow;
        for (size_t i = 0; i < sizeof(where) / sizeof(*where); ++i) {
                const char *text;
                uint32_t length;

                if (!reader_string(&r, &text, &length))
                        return false;
                *where[i] = keep(texts, text, length);
        }
        return reader_u32(&r, &rule->min_fds) && reader_u32(&r, &rule->max_fds);
}

/* Reads all rules; counts them, and the bytes of their texts, if there is no room for them. */
static int read_rules(struct link_rules *r, struct reader from, struct texts *texts)
{
        struct reader array;

        if (!reader_enter(&from, &array))
                return -EBADMSG;
        r->n = 0;
        while (reader_more(&array)) {
                struct link_rule rule;

                if (!read_rule(&array, r->rules ? &r->rules[r->n] : &rule, texts))
                        return -EBADMSG;
                r->n += 1;
        }
        return 0;
}

int link_rules_read(struct link_rules *r, struct reader *from)
{
        struct texts texts = {0};
        int e;

        *r = (struct link_rules){0};
        if (strncmp(from->type, LINK_RULES_TYPE, sizeof(LINK_RULES_TYPE) - 1) != 0)
                return -EBADMSG;
        e = read_rules(r, *from, &texts);
        if (e < 0)
                return e;
        r->rules = calloc(r->n + 1, sizeof(*r->rules));
        texts.at = r->texts = malloc(texts.size + 1);
        texts.size = 0;
        if (!r->rules || !r->texts) {
                link_rules_deinit(r);
                return -ENOMEM;
        }
        read_rules(r, *from, &texts);
        reader_skip(from);
        return 0;
}

/* Copies the texts of all rules; without room for them it only counts. */
static void own_texts(struct link_rules *r, struct texts *texts)
{
        for (size_t i = 0; i < r->n; ++i) {
                struct link_rule *rule = &r->rules[i];
                const char **const where[] = {&rule->interface, &rule->member, &rule->path,
                                              &rule->error};

                for (size_t t = 0; t < sizeof(where) / sizeof(*where); ++t) {
                        const char *text = *where[t];
                        const char *kept = text ? keep(texts, text, (uint32_t)strlen(text)) : NULL;

                        if (texts->at)
                                *where[t] = kept;
                }
        }
}

int link_rules_own(struct link_rules *r)
{
        struct texts texts = {0};

        own_texts(r, &texts);
        texts.at = r->texts = malloc(texts.size + 1);
        if (!r->texts)
                return -ENOMEM;
        texts.size = 0;
        own_texts(r, &texts);
        return 0;
}

void link_rules_deinit(struct link_rules *r)
{
        free(r->rules);
        free(r->texts);
        *r = (struct link_rules){0};
}

static bool text_equal(const char *a, const char *b)
{
        return a && b ? !strcmp(a, b) : a == b;
}

static bool rule_equal(const struct link_rule *a, const struct link_rule *b)
{
        return a->allow == b->allow && a->type == b->type && a->min_fds == b->min_fds &&
               a->max_fds == b->max_fds && text_equal(a->interface, b->interface) &&
               text_equal(a->member, b->member) && text_equal(a->path, b->path) &&
               text_equal(a->error, b->error);
}

bool link_rules_equal(const struct link_rules *a, const struct link_rules *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; ++i) {
                if (!rule_equal(&a->rules[i], &b->rules[i]))
                        return false;
        }
        return true;
}
