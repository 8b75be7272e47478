/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "config-file.h"

#define NAP_US   100
#define LINKS    "org.freedesktop.DBus.PeerLinks1"
#define DEADLINE (CLIENT_DEADLINE_S * G_USEC_PER_SEC)

/* Round trips after which a busy pair has a link, many times over. */
#define MAX_ROUND_TRIPS 2000

static DBusConnection *open_connection(const struct daemon *d)
{
        g_autofree char *address = g_strconcat("unix:path=", d->socket, NULL);
        DBusError error = DBUS_ERROR_INIT;
        DBusConnection *c = dbus_connection_open_private(address, &error);

        if (!c || !dbus_bus_register(c, &error))
                g_error("%s: %s", error.name, error.message);
        dbus_connection_set_exit_on_disconnect(c, FALSE);
        return c;
}

static void close_connection(DBusConnection *c)
{
        dbus_connection_close(c);
        dbus_connection_unref(c);
}

struct scene *scene_on(struct daemon *d)
{
        struct scene *s = g_new0(struct scene, 1);

        s->daemon = d;
        s->parties = g_ptr_array_new();
        s->observer = open_connection(s->daemon);
        s->deadline = g_get_monotonic_time() + DEADLINE;
        return s;
}

struct scene *scene_new(const char *config)
{
        struct scene *s = scene_on(daemon_new(NULL));

        if (config)
                scene_reload(s, config);
        return s;
}

struct scene *scene_free(struct scene *s)
{
        while (s->parties->len)
                party_free(g_ptr_array_index(s->parties, 0));
        close_connection(s->observer);
        daemon_free(s->daemon);
        g_ptr_array_unref(s->parties);
        g_free(s);
        return NULL;
}

void party_answer(struct party *p, DBusMessage *call)
{
        DBusMessage *reply;
        dbus_uint32_t n = numbered(call);

        if (dbus_message_get_no_reply(call))
                return;
        reply = dbus_message_new_method_return(call);
        dbus_message_append_args(reply, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID);
        dbus_connection_send(p->connection, reply, NULL);
        dbus_message_unref(reply);
}

static DBusHandlerResult show(DBusConnection *c, DBusMessage *m, void *data)
{
        const char *sender = dbus_message_get_sender(m);
        struct party *p = data;

        (void)c;
        if (!sender || g_str_equal(sender, DBUS_SERVICE_DBUS) ||
            dbus_message_has_destination(m, DBUS_SERVICE_DBUS))
                return DBUS_HANDLER_RESULT_HANDLED;
        g_queue_push_tail(&p->seen, dbus_message_ref(m));
        if (p->handle)
                p->handle(p, m);
        else if (dbus_message_get_type(m) == DBUS_MESSAGE_TYPE_METHOD_CALL)
                party_answer(p, m);
        return DBUS_HANDLER_RESULT_HANDLED;
}

struct party *party_new(struct scene *s)
{
        struct party *p = g_new0(struct party, 1);

        p->scene = s;
        p->connection = open_connection(s->daemon);
        p->name = dbus_bus_get_unique_name(p->connection);
        g_queue_init(&p->seen);
        g_assert_true(dbus_connection_add_filter(p->connection, show, p, NULL));
        g_ptr_array_add(s->parties, p);
        return p;
}

void party_forget(struct party *p)
{
        DBusMessage *m;

        while ((m = g_queue_pop_head(&p->seen)))
                dbus_message_unref(m);
}

struct party *party_free(struct party *p)
{
        g_ptr_array_remove(p->scene->parties, p);
        dbus_connection_remove_filter(p->connection, show, p);
        close_connection(p->connection);
        party_forget(p);
        g_free(p);
        return NULL;
}

void party_match(struct party *p, const char *rule)
{
        DBusError error = DBUS_ERROR_INIT;

        dbus_bus_add_match(p->connection, rule, &error);
        g_assert_false(dbus_error_is_set(&error));
}

void party_own(struct party *p, const char *name, unsigned flags)
{
        DBusError error = DBUS_ERROR_INIT;

        g_assert_cmpint(dbus_bus_request_name(p->connection, name, flags, &error), ==,
                        DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER);
}

unsigned party_count(const struct party *p, const char *member)
{
        unsigned n = 0;

        for (GList *l = p->seen.head; l; l = l->next) {
                const char *is = dbus_message_get_member(l->data);

                n += is && g_str_equal(is, member);
        }
        return n;
}

bool party_turn(struct party *p)
{
        bool any = false;

        if (!dbus_connection_get_is_connected(p->connection) &&
            dbus_connection_get_dispatch_status(p->connection) == DBUS_DISPATCH_COMPLETE)
                return false;
        dbus_connection_read_write(p->connection, 0);
        while (dbus_connection_get_dispatch_status(p->connection) == DBUS_DISPATCH_DATA_REMAINS) {
                dbus_connection_dispatch(p->connection);
                any = true;
        }
        return any;
}

void scene_turn(struct scene *s)
{
        bool any = false;

        for (guint i = 0; i < s->parties->len; ++i) {
                struct party *p = g_ptr_array_index(s->parties, i);

                if (!p->deaf)
                        any |= party_turn(p);
        }
        if (any)
                return;
        if (g_get_monotonic_time() > s->deadline)
                g_error("what has to happen does not happen");
        g_usleep(NAP_US);
}

static void ping(DBusConnection *c)
{
        DBusMessage *m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                      DBUS_INTERFACE_PEER, "Ping"),
                    *reply;

        reply = dbus_connection_send_with_reply_and_block(c, m, -1, NULL);
        g_assert_nonnull(reply);
        dbus_message_unref(reply);
        dbus_message_unref(m);
}

void scene_settle(struct scene *s)
{
        /* What is sent is answered, and the answers sent away. */
        for (unsigned i = 0; i < 3; ++i) {
                for (guint j = 0; j < s->parties->len; ++j) {
                        struct party *p = g_ptr_array_index(s->parties, j);

                        if (p->deaf || p->mute || !dbus_connection_get_is_connected(p->connection))
                                continue;
                        ping(p->connection);
                        party_turn(p);
                }
        }
}

DBusMessage *numbered_new(int type, const char *to, const char *member, uint32_t n)
{
        DBusMessage *m = dbus_message_new(type);
        dbus_uint32_t number = n;

        g_assert_true(dbus_message_set_path(m, SCENE_PATH) &&
                      dbus_message_set_interface(m, SCENE_INTERFACE) &&
                      dbus_message_set_member(m, member) && dbus_message_set_destination(m, to) &&
                      dbus_message_append_args(m, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID));
        return m;
}

uint32_t numbered(DBusMessage *m)
{
        dbus_uint32_t n = 0;

        dbus_message_get_args(m, NULL, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID);
        return n;
}

static uint32_t send_away(struct party *p, DBusMessage *m)
{
        dbus_uint32_t serial;

        g_assert_true(dbus_connection_send(p->connection, m, &serial));
        dbus_message_unref(m);
        return serial;
}

uint32_t party_say(struct party *p, const char *to, const char *member, uint32_t n)
{
        DBusMessage *m = numbered_new(DBUS_MESSAGE_TYPE_METHOD_CALL, to, member, n);

        dbus_message_set_no_reply(m, TRUE);
        return send_away(p, m);
}

uint32_t party_signal(struct party *p, const char *to, const char *member, uint32_t n)
{
        return send_away(p, numbered_new(DBUS_MESSAGE_TYPE_SIGNAL, to, member, n));
}

void party_show_reply(DBusPendingCall *pending, void *data)
{
        struct party *p = data;

        g_queue_push_tail(&p->seen, dbus_pending_call_steal_reply(pending));
}

uint32_t party_call(struct party *p, const char *to, const char *member, uint32_t n,
                    DBusPendingCall **pending)
{
        DBusMessage *m = numbered_new(DBUS_MESSAGE_TYPE_METHOD_CALL, to, member, n);
        DBusPendingCall *made;
        uint32_t serial;

        /* Without a timeout: who loses a reply waits for ever. */
        g_assert_true(
                dbus_connection_send_with_reply(p->connection, m, &made, DBUS_TIMEOUT_INFINITE));
        g_assert_true(dbus_pending_call_set_notify(made, party_show_reply, p, NULL));
        serial = dbus_message_get_serial(m);
        dbus_message_unref(m);
        if (pending)
                *pending = made;
        else
                dbus_pending_call_unref(made);
        return serial;
}

void round_trip(struct party *a, struct party *b)
{
        DBusPendingCall *pending;

        party_call(a, b->name, "Echo", 0, &pending);
        while (!dbus_pending_call_get_completed(pending))
                scene_turn(a->scene);
        dbus_pending_call_unref(pending);
}

static DBusMessage *ask(struct scene *s)
{
        DBusMessage *m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, LINKS,
                                                      "ListLinks"),
                    *reply;

        reply = dbus_connection_send_with_reply_and_block(s->observer, m, -1, NULL);
        dbus_message_unref(m);
        return reply;
}

bool scene_has_links(const struct scene *s)
{
        int major, minor, micro;

        (void)s;
        dbus_get_version(&major, &minor, &micro);
        /* What stock libraries are by the name of their file, ours is not. */
        return !daemon_is_stock() && !g_getenv("LINK_TEST_STOCK_LIBRARY");
}

/* Values one after the other; none is missing. */
static uint64_t next_number(DBusMessageIter *i)
{
        DBusBasicValue v = {0};

        g_assert_true(dbus_type_is_basic(dbus_message_iter_get_arg_type(i)));
        dbus_message_iter_get_basic(i, &v);
        dbus_message_iter_next(i);
        return v.u64;
}

static const char *next_text(DBusMessageIter *i)
{
        const char *text;

        g_assert_cmpint(dbus_message_iter_get_arg_type(i), ==, DBUS_TYPE_STRING);
        dbus_message_iter_get_basic(i, &text);
        dbus_message_iter_next(i);
        return text;
}

static void next_end(DBusMessageIter *i, struct listed_end *end)
{
        DBusMessageIter fields;

        dbus_message_iter_recurse(i, &fields);
        g_strlcpy(end->name, next_text(&fields), sizeof(end->name));
        end->messages = next_number(&fields);
        end->bytes = next_number(&fields);
        dbus_message_iter_next(i);
}

/* Reads the next link of the list. False: there is none. */
static bool next_link(DBusMessageIter *list, struct listed *l)
{
        DBusMessageIter fields;

        if (dbus_message_iter_get_arg_type(list) != DBUS_TYPE_STRUCT)
                return false;
        dbus_message_iter_recurse(list, &fields);
        l->id = (uint32_t)next_number(&fields);
        l->age = next_number(&fields);
        l->idle = next_number(&fields);
        next_end(&fields, &l->ends[0]);
        next_end(&fields, &l->ends[1]);
        dbus_message_iter_next(list);
        return true;
}

static bool joins(struct listed *l, const char *a, const char *b)
{
        struct listed_end swap = l->ends[0];

        if (g_str_equal(swap.name, b)) {
                l->ends[0] = l->ends[1];
                l->ends[1] = swap;
        }
        return g_str_equal(l->ends[0].name, a) && g_str_equal(l->ends[1].name, b);
}

bool link_find(struct scene *s, const char *a, const char *b, struct listed *l)
{
        DBusMessage *reply = ask(s);
        DBusMessageIter i, list;
        bool found = false;

        if (!reply)
                return false;
        dbus_message_iter_init(reply, &i);
        dbus_message_iter_recurse(&i, &list);
        while (!found && next_link(&list, l))
                found = joins(l, a, b);
        dbus_message_unref(reply);
        return found;
}

void link_get(struct scene *s, const struct party *a, const struct party *b, struct listed *l)
{
        if (!link_find(s, a->name, b->name, l))
                g_error("%s and %s have no link", a->name, b->name);
}

unsigned link_count(struct scene *s)
{
        DBusMessage *reply = ask(s);
        DBusMessageIter i, list;
        struct listed l;
        unsigned n = 0;

        if (!reply)
                return 0;
        dbus_message_iter_init(reply, &i);
        dbus_message_iter_recurse(&i, &list);
        while (next_link(&list, &l))
                n += 1;
        dbus_message_unref(reply);
        return n;
}

char *link_why_not(struct scene *s, const char *a, const char *b)
{
        DBusMessage *reply = ask(s);
        DBusMessageIter i, list, fields;
        char *why = NULL;

        if (!reply)
                return NULL;
        dbus_message_iter_init(reply, &i);
        dbus_message_iter_next(&i);
        dbus_message_iter_recurse(&i, &list);
        for (; !why && dbus_message_iter_get_arg_type(&list) == DBUS_TYPE_STRUCT;
             dbus_message_iter_next(&list)) {
                const char *x, *y;

                dbus_message_iter_recurse(&list, &fields);
                x = next_text(&fields);
                y = next_text(&fields);
                next_number(&fields);
                if ((g_str_equal(x, a) && g_str_equal(y, b)) ||
                    (g_str_equal(x, b) && g_str_equal(y, a)))
                        why = g_strdup(next_text(&fields));
        }
        dbus_message_unref(reply);
        return why;
}

uint64_t link_messages(const struct party *a, const struct party *b)
{
        struct listed l;

        if (!link_find(a->scene, a->name, b->name, &l))
                return 0;
        return l.ends[0].messages + l.ends[1].messages;
}

void link_up(struct party *a, struct party *b)
{
        struct listed l = {0};

        for (unsigned i = 0; i < (scene_has_links(a->scene) ? MAX_ROUND_TRIPS : 100); ++i) {
                round_trip(a, b);
                if (i % 16 || !scene_has_links(a->scene))
                        continue;
                if (link_find(a->scene, a->name, b->name, &l) && l.ends[0].messages &&
                    l.ends[1].messages)
                        break;
        }
        if (scene_has_links(a->scene) && (!l.ends[0].messages || !l.ends[1].messages))
                g_error("%s and %s do not get a link", a->name, b->name);
        scene_settle(a->scene);
        party_forget(a);
        party_forget(b);
}

void process_stop(pid_t pid)
{
        siginfo_t info;

        g_assert_no_errno(kill(pid, SIGSTOP));
        g_assert_no_errno(waitid(P_PID, (id_t)pid, &info, WSTOPPED));
}

void process_continue(pid_t pid)
{
        g_assert_no_errno(kill(pid, SIGCONT));
}

/* Returns false, and the error set, if that is the answer. */
static bool tell_bus(struct scene *s, const char *member, const char *text, DBusError *error)
{
        DBusMessage *m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                      DBUS_INTERFACE_DBUS, member),
                    *reply;

        if (text)
                g_assert_true(
                        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
        reply = dbus_connection_send_with_reply_and_block(s->observer, m, -1, error);
        dbus_message_unref(m);
        if (reply)
                dbus_message_unref(reply);
        return reply;
}

void scene_tell_bus(struct scene *s, const char *member, const char *text)
{
        DBusError error = DBUS_ERROR_INIT;

        if (!tell_bus(s, member, text, &error))
                g_error("%s: %s", error.name, error.message);
}

bool scene_try_reload(struct scene *s, const char *config)
{
        DBusError error = DBUS_ERROR_INIT;
        bool done;

        config_file_write(s->daemon->config, s->daemon->socket, config);
        done = tell_bus(s, "ReloadConfig", NULL, &error);
        dbus_error_free(&error);
        return done;
}

void scene_reload(struct scene *s, const char *config)
{
        config_file_write(s->daemon->config, s->daemon->socket, config);
        scene_tell_bus(s, "ReloadConfig", NULL);
}
