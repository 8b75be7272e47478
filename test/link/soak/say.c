/* SPDX-License-Identifier: MIT */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "worker.h"

#define MAX_FDS 8

void note_wrong(struct worker *w, uint64_t id, const char *what)
{
        struct record r = {.event = EVENT_WRONG, .id = id};

        log_add(&w->log, &r, NULL, what);
}

static uint64_t next_id(struct worker *w)
{
        return (uint64_t)w->incarnation << 32 | ++w->n_sent;
}

static void remember_serial(struct worker *w, uint32_t serial, uint64_t id)
{
        w->serials[serial % N_SERIALS].serial = serial;
        w->serials[serial % N_SERIALS].id = id;
}

uint64_t serial_to_id(const struct worker *w, uint32_t serial)
{
        return w->serials[serial % N_SERIALS].serial == serial ? w->serials[serial % N_SERIALS].id
                                                               : 0;
}

static uint8_t payload_byte(uint64_t id, uint32_t i)
{
        return (uint8_t)(id * 31 + i * 7 + (i >> 8));
}

static void append_payload(DBusMessage *m, uint64_t id, uint32_t size)
{
        uint8_t *bytes = malloc(size + 1);

        if (!bytes)
                err(1, "malloc");
        for (uint32_t i = 0; i < size; ++i)
                bytes[i] = payload_byte(id, i);
        if (!dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &bytes, (int)size,
                                      DBUS_TYPE_INVALID))
                errx(1, "no memory");
        free(bytes);
}

/* Files that say whose they are. */
static void append_fds(DBusMessage *m, uint64_t id, uint32_t n)
{
        for (uint32_t i = 0; i < n; ++i) {
                int fd = memfd_create("soak", MFD_CLOEXEC);

                if (fd < 0 || pwrite(fd, &id, sizeof(id), 0) != sizeof(id))
                        err(1, "memfd");
                if (!dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID))
                        errx(1, "no memory");
                close(fd);
        }
}

static DBusMessage *saying_make(const struct saying *s, uint64_t id)
{
        const char *interface = s->restricted ? RESTRICTED_INTERFACE : FREE_INTERFACE;
        dbus_uint64_t time = monotonic_now();
        dbus_uint32_t wish = s->wish;
        DBusMessage *m;

        if (s->type == DBUS_MESSAGE_TYPE_METHOD_CALL)
                m = dbus_message_new_method_call(s->destination, SOAK_PATH, interface, "Call");
        else
                m = dbus_message_new_signal(SOAK_PATH, interface, s->destination ? "Tell" : "Cast");
        if (!m || !dbus_message_set_destination(m, s->destination) ||
            !dbus_message_append_args(m, DBUS_TYPE_UINT64, &id, DBUS_TYPE_UINT64, &time,
                                      DBUS_TYPE_UINT32, &wish, DBUS_TYPE_UINT32, &s->third,
                                      DBUS_TYPE_UINT32, &s->n_fds, DBUS_TYPE_INVALID))
                errx(1, "no memory");
        dbus_message_set_no_reply(m, s->no_reply);
        dbus_message_set_auto_start(m, FALSE);
        append_payload(m, id, s->size);
        append_fds(m, id, s->n_fds);
        return m;
}

static uint64_t log_saying(struct worker *w, const struct saying *s, bool impatient)
{
        uint64_t id = next_id(w);
        struct record r = {.event = EVENT_SENT, .type = (uint8_t)s->type, .id = id};

        r.flags = (s->restricted ? EVENT_RESTRICTED : 0) | (s->no_reply ? EVENT_NO_REPLY : 0) |
                  (impatient ? EVENT_IMPATIENT : 0);
        r.size = s->size;
        log_add(&w->log, &r, s->destination, NULL);
        return id;
}

uint64_t saying_id(DBusMessage *m)
{
        dbus_uint64_t id = 0;
        DBusMessageIter i;

        if (!dbus_message_iter_init(m, &i))
                return 0;
        if (dbus_message_iter_get_arg_type(&i) == DBUS_TYPE_STRING && !dbus_message_iter_next(&i))
                return 0;
        if (dbus_message_iter_get_arg_type(&i) == DBUS_TYPE_UINT64)
                dbus_message_iter_get_basic(&i, &id);
        return id;
}

static void log_reply(struct worker *w, enum event event, uint64_t about, DBusMessage *m)
{
        struct record r = {.event = (uint8_t)event, .about = about};

        r.type = (uint8_t)dbus_message_get_type(m);
        r.id = saying_id(m);
        log_add(&w->log, &r, dbus_message_get_sender(m), dbus_message_get_error_name(m));
}

/* A call that is on its way. */
struct awaited {
        struct worker *worker;
        uint64_t id;
        DBusMessage *answer;
};

static void replied(DBusPendingCall *pending, void *data)
{
        struct awaited *a = data;
        DBusMessage *m = dbus_pending_call_steal_reply(pending);

        a->worker->log.header->awaited -= 1;
        log_reply(a->worker, EVENT_REPLIED, a->id, m);
        dbus_message_unref(m);
        dbus_pending_call_unref(pending);
        if (a->answer) {
                say_reply(a->worker, a->answer, false);
                dbus_message_unref(a->answer);
        }
}

static void await(struct worker *w, DBusMessage *m, uint64_t id, DBusMessage *answer)
{
        struct awaited *a = malloc(sizeof(*a));
        DBusPendingCall *pending = NULL;

        if (!a)
                err(1, "malloc");
        *a = (struct awaited){w, id, answer ? dbus_message_ref(answer) : NULL};
        if (!dbus_connection_send_with_reply(w->connection, m, &pending, DBUS_TIMEOUT_INFINITE))
                errx(1, "no memory");
        if (!pending) { /* the bus has gone */
                w->lost_bus = true;
                return;
        }
        w->log.header->awaited += 1;
        if (!dbus_pending_call_set_notify(pending, replied, a, free))
                errx(1, "no memory");
}

void say(struct worker *w, const struct saying *s, DBusMessage *answer)
{
        uint64_t id = log_saying(w, s, false);
        DBusMessage *m = saying_make(s, id);

        if (s->type == DBUS_MESSAGE_TYPE_METHOD_CALL && !s->no_reply)
                await(w, m, id, answer);
        else
                dbus_connection_send(w->connection, m, NULL);
        remember_serial(w, dbus_message_get_serial(m), id);
        dbus_message_unref(m);
}

void say_blocking(struct worker *w, const struct saying *s, int timeout_ms)
{
        uint64_t id = log_saying(w, s, timeout_ms != DBUS_TIMEOUT_INFINITE);
        DBusMessage *m = saying_make(s, id), *reply;
        DBusPendingCall *pending = NULL;

        w->log.header->awaited += 1;
        if (!dbus_connection_send_with_reply(w->connection, m, &pending, timeout_ms))
                errx(1, "no memory");
        remember_serial(w, dbus_message_get_serial(m), id);
        dbus_message_unref(m);
        if (!pending) {
                w->lost_bus = true;
                return;
        }
        dbus_pending_call_block(pending);
        w->log.header->awaited -= 1;
        reply = dbus_pending_call_steal_reply(pending);
        log_reply(w, EVENT_BLOCKED, id, reply);
        dbus_message_unref(reply);
        dbus_pending_call_unref(pending);
}

void say_reply(struct worker *w, DBusMessage *call, bool error)
{
        struct record r = {.event = EVENT_SENT};
        dbus_uint64_t id;
        DBusMessage *m;

        if (dbus_message_get_no_reply(call))
                return;
        r.id = id = next_id(w);
        r.about = saying_id(call);
        m = error ? dbus_message_new_error(call, "soak.Error.Refused", "as it was wished")
                  : dbus_message_new_method_return(call);
        if (!m || !dbus_message_append_args(m, DBUS_TYPE_UINT64, &id, DBUS_TYPE_INVALID))
                errx(1, "no memory");
        if (!error)
                append_payload(m, id, random_chance(w, 3) ? random_below(w, 100000) : 16);
        r.type = (uint8_t)dbus_message_get_type(m);
        log_add(&w->log, &r, dbus_message_get_destination(m), NULL);
        dbus_connection_send(w->connection, m, NULL);
        remember_serial(w, dbus_message_get_serial(m), id);
        dbus_message_unref(m);
}

static bool is_payload_right(DBusMessageIter *i, uint64_t id)
{
        DBusMessageIter array;
        const uint8_t *bytes;
        int n;

        if (dbus_message_iter_get_arg_type(i) != DBUS_TYPE_ARRAY)
                return false;
        dbus_message_iter_recurse(i, &array);
        dbus_message_iter_get_fixed_array(&array, &bytes, &n);
        for (int j = 0; j < n; ++j) {
                if (bytes[j] != payload_byte(id, (uint32_t)j))
                        return false;
        }
        dbus_message_iter_next(i);
        return true;
}

static bool is_fd_right(DBusMessageIter *i, uint64_t id)
{
        uint64_t is = 0;
        int fd = -1;
        bool right;

        if (dbus_message_iter_get_arg_type(i) != DBUS_TYPE_UNIX_FD)
                return false;
        dbus_message_iter_get_basic(i, &fd);
        right = fd >= 0 && pread(fd, &is, sizeof(is), 0) == sizeof(is) && is == id;
        if (fd >= 0)
                close(fd);
        dbus_message_iter_next(i);
        return right;
}

uint64_t saying_read(struct worker *w, DBusMessage *m, enum wish *wish, uint32_t *third,
                     uint64_t *time)
{
        dbus_uint64_t id = 0, sent = 0;
        dbus_uint32_t wished, about, n_fds;
        DBusMessageIter i;

        if (!dbus_message_get_args(m, NULL, DBUS_TYPE_UINT64, &id, DBUS_TYPE_UINT64, &sent,
                                   DBUS_TYPE_UINT32, &wished, DBUS_TYPE_UINT32, &about,
                                   DBUS_TYPE_UINT32, &n_fds, DBUS_TYPE_INVALID)) {
                note_wrong(w, 0, "a message that nobody sent");
                return 0;
        }
        dbus_message_iter_init(m, &i);
        for (unsigned skip = 0; skip < 5; ++skip)
                dbus_message_iter_next(&i);
        if (!is_payload_right(&i, id))
                note_wrong(w, id, "another payload");
        for (uint32_t j = 0; j < n_fds; ++j) {
                if (!is_fd_right(&i, id))
                        note_wrong(w, id, "another descriptor");
        }
        *wish = wished < N_WISHES ? wished : WISH_NOTHING;
        *third = about % N_WORKERS;
        *time = sent;
        return id;
}
