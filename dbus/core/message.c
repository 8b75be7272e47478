/* SPDX-License-Identifier: MIT */
#include "core/message.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/body.h"
#include "core/bytes.h"

/* Where the length of the array of fields stands, and code and signature of a sender field. */
#define AT_FLAGS          2
#define AT_FIELDS_SIZE    12
#define SENDER_FIELD_TEXT 8 /* bytes in front of its text: code, signature, length */

/* Makes a message without bytes, with `room` bytes behind it for them, and its own copy of fds. */
static struct message *message_alloc(const struct header *h, size_t room, const int *fds,
                                     unsigned n_fds, const struct message_class *class,
                                     uint8_t **behind)
{
        size_t at_fds = class ? class->size : sizeof(struct message);
        size_t at_bytes = (at_fds + n_fds * sizeof(*fds) + 7) & ~(size_t)7;
        struct message *m = malloc(at_bytes + room);

        if (!m)
                return NULL;
        *m = (struct message){.refs = 1, .header = *h, .n_fds = n_fds, .class = class};
        m->fds = (int *)(void *)((uint8_t *)m + at_fds);
        if (n_fds)
                memcpy(m->fds, fds, n_fds * sizeof(*fds));
        if (class)
                class->init(m);
        *behind = (uint8_t *)m + at_bytes;
        return m;
}

static bool is_passed_on(unsigned field)
{
        return field < N_HEADER_FIELDS && field != FIELD_SENDER &&
               field != FIELD_CONTAINER_INSTANCE;
}

static bool has_fields_to_strip(const struct header *h)
{
        return h->has_unknown_fields || h->text[FIELD_SENDER].at ||
               h->text[FIELD_CONTAINER_INSTANCE].at;
}

/*
 * Copies fixed part and fields, without the fields that are not passed on, and adjusts `h`. `to`
 * may be `from`: a field never moves up.
 */
static void copy_fields(struct header *h, uint8_t *to, const uint8_t *from)
{
        uint32_t end = HEADER_FIXED_SIZE + h->fields_size;
        uint32_t from_at = HEADER_FIXED_SIZE, to_end = HEADER_FIXED_SIZE;

        if (!has_fields_to_strip(h)) {
                memmove(to, from, end);
                return;
        }
        memmove(to, from, HEADER_FIXED_SIZE);
        h->text[FIELD_SENDER].at = h->text[FIELD_CONTAINER_INSTANCE].at = 0;
        h->has_unknown_fields = false;
        while (from_at < end) {
                uint32_t start = align_up(from_at, 8), to_start = align_up(to_end, 8);
                uint8_t field = from[start];

                from_at = (uint32_t)body_skip(from, start + 1, "v", h->order);
                if (!is_passed_on(field))
                        continue;
                memset(to + to_end, 0, to_start - to_end);
                memmove(to + to_start, from + start, from_at - start);
                if (h->text[field].at)
                        h->text[field].at -= start - to_start;
                to_end = to_start + (from_at - start);
        }
        h->fields_size = to_end - HEADER_FIXED_SIZE;
}

/* Size of the whole header with a sender field behind the fields that `h` has. */
static uint32_t size_with_sender(const struct header *h, size_t length)
{
        uint32_t at = align_up(HEADER_FIXED_SIZE + h->fields_size, 8);

        return align_up(at + SENDER_FIELD_TEXT + (uint32_t)length + 1, 8);
}

/* Puts a sender field behind the fields, and the padding behind that. Adjusts `h`. */
static void append_sender(struct header *h, uint8_t *bytes, const char *sender, size_t length)
{
        static const uint8_t start[] = {FIELD_SENDER, 1, 's', 0};
        uint32_t end = HEADER_FIXED_SIZE + h->fields_size, at = align_up(end, 8);

        memset(bytes + end, 0, at - end);
        memcpy(bytes + at, start, sizeof(start));
        store_u32(bytes + at + sizeof(start), (uint32_t)length, h->order);
        at += SENDER_FIELD_TEXT;
        h->text[FIELD_SENDER] = (struct header_text){at, (uint32_t)length};
        memcpy(bytes + at, sender, length);
        end = at + (uint32_t)length;
        h->fields_size = end + 1 - HEADER_FIXED_SIZE;
        h->size = align_up(end + 1, 8);
        memset(bytes + end, 0, h->size - end);
        store_u32(bytes + AT_FIELDS_SIZE, h->fields_size, h->order);
}

int message_copy(struct message **mp, const uint8_t *bytes, const struct header *h,
                 const char *sender, size_t sender_length, const int *fds, unsigned n_fds,
                 const struct message_class *class)
{
        /* Fields that are left out only make it smaller. */
        size_t room = (sender ? size_with_sender(h, sender_length) : h->size) + h->body_size;
        struct message *m;
        uint8_t *copy;

        m = message_alloc(h, room, fds, n_fds, class, &copy);
        if (!m)
                return -ENOMEM;
        m->bytes = copy;
        if (sender) {
                copy_fields(&m->header, copy, bytes);
                append_sender(&m->header, copy, sender, sender_length);
                memcpy(copy + m->header.size, bytes + h->size, h->body_size);
        } else {
                memcpy(copy, bytes, room);
        }
        m->size = m->header.size + m->header.body_size;
        *mp = m;
        return 0;
}

int message_adopt(struct message **mp, uint8_t *allocation, const struct header *h,
                  const char *sender, size_t sender_length, const int *fds, unsigned n_fds,
                  const struct message_class *class)
{
        uint8_t *bytes = allocation + MESSAGE_HEADROOM, *body = bytes + h->size, *behind;
        struct message *m;

        m = message_alloc(h, 0, fds, n_fds, class, &behind);
        if (!m)
                return -ENOMEM;
        m->allocation = allocation;
        m->bytes = bytes;
        if (sender) {
                assert(size_with_sender(h, sender_length) <= MESSAGE_HEADROOM + h->size);
                copy_fields(&m->header, bytes, bytes);
                m->bytes = body - size_with_sender(&m->header, sender_length);
                memmove(m->bytes, bytes, HEADER_FIXED_SIZE + m->header.fields_size);
                append_sender(&m->header, m->bytes, sender, sender_length);
        }
        m->size = m->header.size + m->header.body_size;
        *mp = m;
        return 0;
}

void message_set_flags(struct message *m, uint8_t flags)
{
        m->header.flags = flags;
        m->bytes[AT_FLAGS] = flags;
}

struct message *message_ref(struct message *m)
{
        /* Whoever can take a reference has one: there is nothing to synchronize with. */
        atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
        return m;
}

struct message *message_unref(struct message *m)
{
        if (!m)
                return NULL;
        /* Nobody can take another reference from the only one, so it need not be counted down. */
        if (atomic_load_explicit(&m->refs, memory_order_acquire) != 1 &&
            atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1)
                return NULL;
        if (m->charge)
                m->charge->release(m->charge, m->size, m->n_fds);
        for (unsigned i = 0; i < m->n_fds; ++i)
                close(m->fds[i]);
        free(m->allocation);
        if (m->class)
                m->class->free(m);
        else
                free(m);
        return NULL;
}
