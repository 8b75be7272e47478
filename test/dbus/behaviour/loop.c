/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "harness.h"

#define DEADLINE_SECONDS 60

/* A connection or a server. */
struct member {
        struct loop *loop;
        DBusConnection *connection;
        DBusServer *server;
        char *name;   /* NULL: nothing is noted */
        bool remains; /* there is something to dispatch */
};

struct source {
        const struct member *member;
        DBusWatch *watch;
        bool enabled;
};

struct timer {
        const struct member *member;
        DBusTimeout *timeout;
        gint64 next; /* microseconds; 0: it is disabled */
};

struct loop {
        pthread_mutex_t lock; /* for all that follows. Thread checkers do not know of GLib's */
        GPtrArray *members, *sources, *timers;
        int wake;
};

const char *dispatch_status_name(DBusDispatchStatus status)
{
        static const char *const names[] = {
                [DBUS_DISPATCH_DATA_REMAINS] = "data remains",
                [DBUS_DISPATCH_COMPLETE] = "complete",
                [DBUS_DISPATCH_NEED_MEMORY] = "need memory",
        };

        return (size_t)status < G_N_ELEMENTS(names) ? names[status] : "?";
}

static void member_free(gpointer data)
{
        struct member *m = data;

        if (m->connection)
                dbus_connection_unref(m->connection);
        if (m->server)
                dbus_server_unref(m->server);
        g_free(m->name);
        g_free(m);
}

struct loop *loop_new(void)
{
        struct loop *l = g_new0(struct loop, 1);

        pthread_mutex_init(&l->lock, NULL);
        l->members = g_ptr_array_new();
        l->sources = g_ptr_array_new_with_free_func(g_free);
        l->timers = g_ptr_array_new_with_free_func(g_free);
        l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (l->wake < 0)
                g_error("eventfd: %s", g_strerror(errno));
        return l;
}

static void trace_watch(const struct member *m, const char *what, DBusWatch *watch)
{
        unsigned flags = dbus_watch_get_flags(watch);

        if (m->name)
                note("%s: %s watch%s%s, %s", m->name, what,
                     flags & DBUS_WATCH_READABLE ? " read" : "",
                     flags & DBUS_WATCH_WRITABLE ? " write" : "",
                     dbus_watch_get_enabled(watch) ? "enabled" : "disabled");
}

static void trace_timeout(const struct member *m, const char *what, DBusTimeout *timeout)
{
        if (m->name)
                note("%s: %s timeout of %d ms, %s", m->name, what,
                     dbus_timeout_get_interval(timeout),
                     dbus_timeout_get_enabled(timeout) ? "enabled" : "disabled");
}

/* The lock is held in these four. */
static struct source *source_of(const struct loop *l, const DBusWatch *watch)
{
        for (guint i = 0; i < l->sources->len; i++) {
                struct source *s = l->sources->pdata[i];

                if (s->watch == watch)
                        return s;
        }
        return NULL;
}

static struct timer *timer_of(const struct loop *l, const DBusTimeout *timeout)
{
        for (guint i = 0; i < l->timers->len; i++) {
                struct timer *t = l->timers->pdata[i];

                if (t->timeout == timeout)
                        return t;
        }
        return NULL;
}

static void ask_source(struct source *s)
{
        s->enabled = dbus_watch_get_enabled(s->watch);
}

static void ask_timer(struct timer *t)
{
        t->next = dbus_timeout_get_enabled(t->timeout)
                          ? g_get_monotonic_time() +
                                    dbus_timeout_get_interval(t->timeout) * (gint64)1000
                          : 0;
}

static dbus_bool_t add_watch(DBusWatch *watch, void *data)
{
        const struct member *m = data;
        struct source *s = g_new0(struct source, 1);

        trace_watch(m, "add", watch);
        s->member = m;
        s->watch = watch;
        pthread_mutex_lock(&m->loop->lock);
        ask_source(s);
        g_ptr_array_add(m->loop->sources, s);
        pthread_mutex_unlock(&m->loop->lock);
        return TRUE;
}

static void remove_watch(DBusWatch *watch, void *data)
{
        const struct member *m = data;

        trace_watch(m, "remove", watch);
        pthread_mutex_lock(&m->loop->lock);
        g_ptr_array_remove(m->loop->sources, source_of(m->loop, watch));
        pthread_mutex_unlock(&m->loop->lock);
}

static void toggle_watch(DBusWatch *watch, void *data)
{
        const struct member *m = data;
        struct source *s;

        trace_watch(m, "toggle", watch);
        pthread_mutex_lock(&m->loop->lock);
        s = source_of(m->loop, watch);
        if (s)
                ask_source(s);
        pthread_mutex_unlock(&m->loop->lock);
        if (!s)
                g_test_fail_printf("a watch was toggled that was not added");
        /* Who sends from another thread expects that the loop looks at it. */
        loop_wake(m->loop);
}

static dbus_bool_t add_timeout(DBusTimeout *timeout, void *data)
{
        const struct member *m = data;
        struct timer *t = g_new0(struct timer, 1);

        trace_timeout(m, "add", timeout);
        t->member = m;
        t->timeout = timeout;
        pthread_mutex_lock(&m->loop->lock);
        ask_timer(t);
        g_ptr_array_add(m->loop->timers, t);
        pthread_mutex_unlock(&m->loop->lock);
        loop_wake(m->loop);
        return TRUE;
}

static void remove_timeout(DBusTimeout *timeout, void *data)
{
        const struct member *m = data;

        trace_timeout(m, "remove", timeout);
        pthread_mutex_lock(&m->loop->lock);
        g_ptr_array_remove(m->loop->timers, timer_of(m->loop, timeout));
        pthread_mutex_unlock(&m->loop->lock);
}

static void toggle_timeout(DBusTimeout *timeout, void *data)
{
        const struct member *m = data;
        struct timer *t;

        trace_timeout(m, "toggle", timeout);
        pthread_mutex_lock(&m->loop->lock);
        t = timer_of(m->loop, timeout);
        if (t)
                ask_timer(t);
        pthread_mutex_unlock(&m->loop->lock);
        if (!t)
                g_test_fail_printf("a timeout was toggled that was not added");
        loop_wake(m->loop);
}

static void status_changed(DBusConnection *connection, DBusDispatchStatus status, void *data)
{
        struct member *m = data;

        g_assert_true(connection == m->connection);
        if (m->name)
                note("%s: status %s", m->name, dispatch_status_name(status));
        if (status != DBUS_DISPATCH_DATA_REMAINS)
                return;
        /* Threads may tell in another order than things happened: only dispatching shows the end.
         */
        pthread_mutex_lock(&m->loop->lock);
        m->remains = true;
        pthread_mutex_unlock(&m->loop->lock);
        loop_wake(m->loop);
}

static void wakeup(void *data)
{
        const struct member *m = data;

        if (m->name)
                note("%s: wake up", m->name);
        loop_wake(m->loop);
}

static struct member *member_new(struct loop *l, const char *name)
{
        struct member *m = g_new0(struct member, 1);

        m->loop = l;
        m->name = g_strdup(name);
        pthread_mutex_lock(&l->lock);
        g_ptr_array_add(l->members, m);
        pthread_mutex_unlock(&l->lock);
        return m;
}

void loop_add_server(struct loop *l, DBusServer *server, const char *name)
{
        struct member *m = member_new(l, name);

        m->server = dbus_server_ref(server);
        g_assert_true(dbus_server_set_watch_functions(server, add_watch, remove_watch, toggle_watch,
                                                      m, NULL));
        g_assert_true(dbus_server_set_timeout_functions(server, add_timeout, remove_timeout,
                                                        toggle_timeout, m, NULL));
}

void loop_add(struct loop *l, DBusConnection *connection, const char *name)
{
        struct member *m = member_new(l, name);

        m->connection = dbus_connection_ref(connection);
        g_assert_true(dbus_connection_set_watch_functions(connection, add_watch, remove_watch,
                                                          toggle_watch, m, NULL));
        g_assert_true(dbus_connection_set_timeout_functions(connection, add_timeout, remove_timeout,
                                                            toggle_timeout, m, NULL));
        dbus_connection_set_dispatch_status_function(connection, status_changed, m, NULL);
        dbus_connection_set_wakeup_main_function(connection, wakeup, m, NULL);
        /* What had arrived before has not been told. */
        if (dbus_connection_get_dispatch_status(connection) == DBUS_DISPATCH_DATA_REMAINS)
                m->remains = true;
}

static void forget(struct member *m)
{
        if (m->server) {
                dbus_server_set_watch_functions(m->server, NULL, NULL, NULL, NULL, NULL);
                dbus_server_set_timeout_functions(m->server, NULL, NULL, NULL, NULL, NULL);
        }
        if (m->connection) {
                dbus_connection_set_watch_functions(m->connection, NULL, NULL, NULL, NULL, NULL);
                dbus_connection_set_timeout_functions(m->connection, NULL, NULL, NULL, NULL, NULL);
                dbus_connection_set_dispatch_status_function(m->connection, NULL, NULL, NULL);
                dbus_connection_set_wakeup_main_function(m->connection, NULL, NULL, NULL);
        }
}

void loop_remove(struct loop *l, DBusConnection *connection)
{
        for (guint i = 0; i < l->members->len; i++) {
                struct member *m = l->members->pdata[i];

                if (m->connection != connection)
                        continue;
                forget(m);
                g_ptr_array_remove_index(l->members, i);
                member_free(m);
                return;
        }
}

struct loop *loop_free(struct loop *l)
{
        if (!l)
                return NULL;
        for (guint i = 0; i < l->members->len; i++)
                forget(l->members->pdata[i]);
        g_assert_cmpuint(l->sources->len, ==, 0);
        g_assert_cmpuint(l->timers->len, ==, 0);
        g_ptr_array_set_free_func(l->members, member_free);
        g_ptr_array_unref(l->members);
        g_ptr_array_unref(l->sources);
        g_ptr_array_unref(l->timers);
        close(l->wake);
        pthread_mutex_destroy(&l->lock);
        g_free(l);
        return NULL;
}

void loop_wake(struct loop *l)
{
        uint64_t one = 1;

        /* It can only fail because it is set already. */
        if (write(l->wake, &one, sizeof one) < 0 && errno != EAGAIN)
                g_error("eventfd: %s", g_strerror(errno));
}

/* Milliseconds until the first timeout is due, or what the caller wants if that is less. */
static int time_to_wait(const struct loop *l, int milliseconds)
{
        gint64 now = g_get_monotonic_time();

        for (guint i = 0; i < l->timers->len; i++) {
                const struct timer *t = l->timers->pdata[i];
                gint64 left = t->next ? (MAX(t->next - now, 0) + 999) / 1000 : G_MAXINT;

                if (t->next && (milliseconds < 0 || left < milliseconds))
                        milliseconds = (int)left;
        }
        return milliseconds;
}

/* The events of all enabled watches, the loop's own first. `watches` gets the same order. */
static GArray *events_wanted(const struct loop *l, GPtrArray *watches)
{
        struct pollfd p = {l->wake, POLLIN, 0};
        GArray *events = g_array_new(FALSE, FALSE, sizeof p);

        g_array_append_val(events, p);
        g_ptr_array_add(watches, NULL);
        for (guint i = 0; i < l->sources->len; i++) {
                const struct source *s = l->sources->pdata[i];
                unsigned flags = dbus_watch_get_flags(s->watch);

                if (!s->enabled)
                        continue;
                p.fd = dbus_watch_get_unix_fd(s->watch);
                p.events = (short)((flags & DBUS_WATCH_READABLE ? POLLIN : 0) |
                                   (flags & DBUS_WATCH_WRITABLE ? POLLOUT : 0));
                g_array_append_val(events, p);
                g_ptr_array_add(watches, s->watch);
        }
        return events;
}

static bool handle_watch(struct loop *l, DBusWatch *watch, int revents)
{
        unsigned flags = (revents & POLLIN ? DBUS_WATCH_READABLE : 0u) |
                         (revents & POLLOUT ? DBUS_WATCH_WRITABLE : 0u) |
                         (revents & POLLERR ? DBUS_WATCH_ERROR : 0u) |
                         (revents & POLLHUP ? DBUS_WATCH_HANGUP : 0u);
        const struct source *s;
        bool enabled;

        pthread_mutex_lock(&l->lock);
        s = source_of(l, watch);
        enabled = s && s->enabled;
        pthread_mutex_unlock(&l->lock);
        if (!enabled)
                return false;
        g_assert_true(dbus_watch_handle(watch, flags));
        return true;
}

static DBusTimeout *timeout_due(struct loop *l, gint64 now)
{
        DBusTimeout *due = NULL;

        pthread_mutex_lock(&l->lock);
        for (guint i = 0; i < l->timers->len && !due; i++) {
                struct timer *t = l->timers->pdata[i];

                if (!t->next || t->next > now)
                        continue;
                due = t->timeout;
                ask_timer(t);
        }
        pthread_mutex_unlock(&l->lock);
        return due;
}

/* A connection with something to dispatch; with `take`, it is taken for dispatched. */
static DBusConnection *to_dispatch(struct loop *l, bool take)
{
        DBusConnection *found = NULL;

        pthread_mutex_lock(&l->lock);
        for (guint i = 0; i < l->members->len && !found; i++) {
                struct member *m = l->members->pdata[i];

                if (!m->remains)
                        continue;
                found = dbus_connection_ref(m->connection);
                m->remains = !take;
        }
        pthread_mutex_unlock(&l->lock);
        return found;
}

bool loop_turn(struct loop *l, int milliseconds)
{
        g_autoptr(GPtrArray) watches = g_ptr_array_new();
        g_autoptr(GArray) events = NULL;
        DBusConnection *connection = to_dispatch(l, false);
        DBusTimeout *timeout;
        const struct pollfd *p;
        uint64_t count;
        bool any = connection != NULL;
        int n;

        if (connection) {
                milliseconds = 0;
                dbus_connection_unref(connection);
        }
        pthread_mutex_lock(&l->lock);
        events = events_wanted(l, watches);
        milliseconds = time_to_wait(l, milliseconds);
        pthread_mutex_unlock(&l->lock);
        p = (const struct pollfd *)(void *)events->data;
        n = poll((struct pollfd *)(void *)events->data, events->len, milliseconds);
        if (n < 0 && errno != EINTR)
                g_error("poll: %s", g_strerror(errno));
        if (n > 0 && p[0].revents && read(l->wake, &count, sizeof count) < 0)
                g_error("eventfd: %s", g_strerror(errno));
        for (guint i = 1; n > 0 && i < events->len; i++)
                any |= p[i].revents && handle_watch(l, watches->pdata[i], p[i].revents);
        while ((timeout = timeout_due(l, g_get_monotonic_time()))) {
                g_assert_true(dbus_timeout_handle(timeout));
                any = true;
        }
        while ((connection = to_dispatch(l, true))) {
                while (dbus_connection_dispatch(connection) == DBUS_DISPATCH_DATA_REMAINS)
                        continue;
                dbus_connection_unref(connection);
                any = true;
        }
        return any;
}

void loop_settle(struct loop *l)
{
        while (loop_turn(l, 0))
                continue;
}

bool loop_until(struct loop *l, bool (*done)(void *), void *data)
{
        gint64 deadline = g_get_monotonic_time() + DEADLINE_SECONDS * G_USEC_PER_SEC;

        while (!done(data)) {
                if (g_get_monotonic_time() > deadline) {
                        g_test_fail_printf("nothing more happens");
                        return false;
                }
                loop_turn(l, 1000);
        }
        return true;
}

static bool is_true(void *data)
{
        return *(const bool *)data;
}

bool loop_until_true(struct loop *l, const bool *done)
{
        return loop_until(l, is_true, (void *)(guintptr)done);
}
