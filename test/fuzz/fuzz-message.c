/* SPDX-License-Identifier: MIT */

/* A whole message: if it is valid, so is what a bus makes of it, copied or adopted. */

#include <string.h>

#include "core/body.h"
#include "core/message.h"
#include "fuzz.h"
#include "walk.h"

static const char sender[] = ":1.18446744073709551615";

static int validate(struct header *h, const uint8_t *data, size_t size)
{
        const char *signature = "";
        int r = header_parse(h, data, size);

        if (r)
                return r;
        if (h->size + (uint64_t)h->body_size != size)
                return MESSAGE_BAD_LENGTH;
        if (h->text[FIELD_SIGNATURE].at)
                signature = (const char *)data + h->text[FIELD_SIGNATURE].at;
        return body_validate(data + h->size, h->body_size, signature, h->order);
}

static int same_text(const struct message *m, const struct header *h, const uint8_t *data,
                     enum header_field field)
{
        const struct header_text *text = &h->text[field];

        if (!message_text(m, field) || !text->at)
                return !message_text(m, field) && !text->at;
        return m->header.text[field].length == text->length &&
               !memcmp(message_text(m, field), data + text->at, text->length);
}

/* The header that goes with the message has been computed: parsing has to find the same. */
static void check_header(const struct message *m)
{
        struct header parsed;

        require(validate(&parsed, m->bytes, m->size) == MESSAGE_OK);
        for (unsigned i = 0; i < N_HEADER_FIELDS; ++i)
                require(parsed.text[i].at == m->header.text[i].at);
        require(parsed.size == m->header.size && parsed.fields_size == m->header.fields_size);
        require(parsed.body_size == m->header.body_size);
        require(parsed.has_unknown_fields == m->header.has_unknown_fields);
        require(parsed.n_fds == m->header.n_fds);
}

static void check_stamped(const struct message *m, const struct header *h, const uint8_t *data)
{
        check_header(m);
        require(!strcmp(message_text(m, FIELD_SENDER), sender));
        require(!message_text(m, FIELD_CONTAINER_INSTANCE) && !m->header.has_unknown_fields);
        for (unsigned i = 0; i < N_HEADER_FIELDS; ++i)
                if (i != FIELD_SENDER && i != FIELD_CONTAINER_INSTANCE)
                        require(same_text(m, h, data, i));
        require(m->header.type == h->type && m->header.serial == h->serial);
        require(m->header.reply_serial == h->reply_serial && m->header.n_fds == h->n_fds);
        require(m->header.body_size == h->body_size);
        require(!memcmp(message_body(m), data + h->size, h->body_size));
}

static struct message *adopt(const uint8_t *data, size_t size, const struct header *h,
                             const char *as)
{
        uint8_t *allocation = malloc(MESSAGE_HEADROOM + size);
        struct message *m;

        require(allocation != NULL);
        memcpy(allocation + MESSAGE_HEADROOM, data, size);
        require(message_adopt(&m, allocation, h, as, as ? strlen(as) : 0, NULL, 0, NULL) == 0);
        return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct message *m;
        struct reader r;
        struct header h;

        if (validate(&h, data, size))
                return 0;

        require(message_copy(&m, data, &h, sender, strlen(sender), NULL, 0, NULL) == 0);
        check_stamped(m, &h, data);
        reader_init(&r, m);
        walk_values(&r);
        message_unref(m);

        m = adopt(data, size, &h, sender);
        check_stamped(m, &h, data);
        message_unref(m);

        require(message_copy(&m, data, &h, NULL, 0, NULL, 0, NULL) == 0);
        check_header(m);
        require(m->size == size && !memcmp(m->bytes, data, size));
        message_unref(m);

        m = adopt(data, size, &h, NULL);
        check_header(m);
        require(m->size == size && !memcmp(m->bytes, data, size));
        message_unref(m);
        return 0;
}
