/* SPDX-License-Identifier: MIT */
/*
 * dbus_bus_get(): which bus the environment names, and who shares a connection. The library keeps
 * what it has learnt from the environment, so every case is a process of its own.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "peers.h"

#define SESSION      "DBUS_SESSION_BUS_ADDRESS"
#define SYSTEM       "DBUS_SYSTEM_BUS_ADDRESS"
#define STARTER      "DBUS_STARTER_ADDRESS"
#define STARTER_TYPE "DBUS_STARTER_BUS_TYPE"

static const struct {
        const char *name;
        DBusBusType type;
} types[] = {
        {"session", DBUS_BUS_SESSION},
        {"system", DBUS_BUS_SYSTEM},
        {"starter", DBUS_BUS_STARTER},
};

static void print_error(const char *what, DBusError *error)
{
        printf("%s: %s: %s\n", what, dbus_error_is_set(error) ? error->name : "no error",
               dbus_error_is_set(error) ? error->message : "");
        dbus_error_free(error);
}

static DBusConnection *get(size_t i)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusConnection *c = dbus_bus_get(types[i].type, &error);

        if (!c)
                print_error(types[i].name, &error);
        return c;
}

/* Which of the three are the same, by the id of the bus. */
static void print_ids(void *data)
{
        (void)data;
        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                DBusConnection *c = get(i);
                char *id;

                if (!c)
                        continue;
                id = dbus_bus_get_id(c, NULL);
                printf("%s: %s, %s name\n", types[i].name, id,
                       dbus_bus_get_unique_name(c) ? "a" : "no");
                dbus_free(id);
                dbus_connection_unref(c);
        }
}

static void print_private(void *data)
{
        (void)data;
        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                DBusError error = DBUS_ERROR_INIT;
                DBusConnection *c = dbus_bus_get_private(types[i].type, &error);

                print_error(types[i].name, &error);
                connection_end(c);
        }
}

/* Runs it with up to four "NAME=value", and notes what it prints. */
static struct captured *run(void (*f)(void *), const char *a, const char *b, const char *c,
                            const char *d)
{
        const char *environment[] = {a, b, c, d, NULL};
        struct captured *result = capture(f, NULL, environment);

        note_captured("child", result);
        return result;
}

static char *variable(const char *name, const struct bus *b)
{
        return g_strdup_printf("%s=%s", name, b->address);
}

static void session_only(void)
{
        struct bus *b = bus_new(NULL);
        g_autofree char *session = variable(SESSION, b);

        captured_free(run(print_ids, session, SYSTEM "=unix:path=/nonexistent/system", STARTER,
                          STARTER_TYPE));
        bus_free(b);
}

static void session_and_system(void)
{
        struct bus *b = bus_new(NULL), *s = bus_new(NULL);
        g_autofree char *session = variable(SESSION, b), *system = variable(SYSTEM, s);

        captured_free(run(print_ids, session, system, STARTER, STARTER_TYPE));
        bus_free(b);
        bus_free(s);
}

/* Who was started by a bus finds it again. */
static void starter_session(void)
{
        struct bus *b = bus_new(NULL), *s = bus_new(NULL);
        g_autofree char *starter = variable(STARTER, b), *session = variable(SESSION, s);

        captured_free(run(print_ids, starter, STARTER_TYPE "=session", session,
                          SYSTEM "=unix:path=/nonexistent/system"));
        bus_free(b);
        bus_free(s);
}

static void starter_system(void)
{
        struct bus *b = bus_new(NULL), *s = bus_new(NULL);
        g_autofree char *starter = variable(STARTER, b), *system = variable(SYSTEM, s);

        captured_free(run(print_ids, starter, STARTER_TYPE "=system", system,
                          SESSION "=unix:path=/nonexistent/session"));
        bus_free(b);
        bus_free(s);
}

static void starter_other_type(void)
{
        struct bus *b = bus_new(NULL), *s = bus_new(NULL);
        g_autofree char *starter = variable(STARTER, b), *session = variable(SESSION, s);

        captured_free(run(print_ids, starter, STARTER_TYPE "=nonsense", session,
                          SYSTEM "=unix:path=/nonexistent/system"));
        bus_free(b);
        bus_free(s);
}

static void starter_address_only(void)
{
        struct bus *b = bus_new(NULL);
        g_autofree char *starter = variable(STARTER, b);

        captured_free(run(print_ids, starter, STARTER_TYPE,
                          SESSION "=unix:path=/nonexistent/session",
                          SYSTEM "=unix:path=/nonexistent/system"));
        bus_free(b);
}

/* An address that leads nowhere, and one that is none. */
static void useless(void)
{
        captured_free(run(print_ids, SESSION "=unix:path=/nonexistent/session",
                          SYSTEM "=unix:path=/nonexistent/system", STARTER, STARTER_TYPE));
        captured_free(
                run(print_ids, SESSION "=nonsense", SYSTEM "=nonsense", STARTER, STARTER_TYPE));
        captured_free(run(print_ids, SESSION "=", SYSTEM "=unix:path=/nonexistent/system", STARTER,
                          STARTER_TYPE));
        captured_free(run(print_private, SESSION "=unix:path=/nonexistent/session",
                          SYSTEM "=unix:path=/nonexistent/system", STARTER, STARTER_TYPE));
}

/* Without any: the user's bus in the runtime directory, or autolaunch, which needs a display. */
static void session_unset(void *data)
{
        (void)data;
        for (int i = 0; i < 2; i++) {
                DBusConnection *c = get(0);

                printf("%s\n", c ? "connected" : "not connected");
                if (c)
                        dbus_connection_unref(c);
        }
}

static void no_session(void)
{
        captured_free(run(session_unset, SESSION, "DISPLAY", "XDG_RUNTIME_DIR", STARTER));
        captured_free(
                run(session_unset, SESSION "=autolaunch:", "DISPLAY", "XDG_RUNTIME_DIR", STARTER));
        captured_free(run(session_unset, SESSION "=autolaunch:;unix:path=/nonexistent/a", "DISPLAY",
                          "XDG_RUNTIME_DIR", STARTER));
}

/* The program that would start one fails. It may need a libdbus of its own. */
static void launcher_fails(void)
{
        captured_free(
                run(session_unset, SESSION, "DISPLAY=:77", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH"));
}

static void runtime_directory(void)
{
        struct bus *b = bus_new(NULL);
        g_autofree char *there = g_build_filename(b->directory, "bus", NULL);
        g_autofree char *socket = g_build_filename(b->directory, "socket", NULL);
        g_autofree char *runtime = g_strdup_printf("XDG_RUNTIME_DIR=%s", b->directory);

        /* It listens elsewhere, and this is another name of its socket. */
        g_assert_cmpint(link(socket, there), ==, 0);
        captured_free(run(session_unset, SESSION, "DISPLAY", runtime, STARTER));
        unlink(there);
        captured_free(run(session_unset, SESSION, "DISPLAY", runtime, STARTER));
        bus_free(b);
}

/* Sharing. */
static void print_sharing(void *data)
{
        DBusConnection *one = get(0), *two = get(0), *private, *opened;

        (void)data;
        printf("get twice: %s\n", one == two ? "the same" : "two");
        private = dbus_bus_get_private(DBUS_BUS_SESSION, NULL);
        printf("private: %s\n", private == one ? "the same" : "another");
        printf("names: %s\n",
               strcmp(dbus_bus_get_unique_name(one), dbus_bus_get_unique_name(private))
                       ? "two"
                       : "the same");
        opened = dbus_connection_open(getenv(SESSION), NULL);
        printf("opened: %s\n", opened == one ? "the same" : "another");
        dbus_connection_unref(opened);
        connection_end(private);
        dbus_connection_unref(one);
        dbus_connection_unref(two);
        two = get(0);
        printf("get again: %s\n", two == one ? "the same" : "another");
        dbus_connection_unref(two);
}

static void sharing(void)
{
        struct bus *b = bus_new(NULL);
        g_autofree char *session = variable(SESSION, b);

        captured_free(run(print_sharing, session, SYSTEM, STARTER, STARTER_TYPE));
        bus_free(b);
}

/* Session and starter are one bus, but who shares? */
static void print_starter_sharing(void *data)
{
        DBusConnection *session = get(0), *starter = get(2);

        (void)data;
        printf("%s\n", session == starter ? "the same" : "two");
        dbus_connection_unref(session);
        dbus_connection_unref(starter);
}

static void starter_sharing(void)
{
        struct bus *b = bus_new(NULL);
        g_autofree char *session = variable(SESSION, b), *starter = variable(STARTER, b);

        captured_free(
                run(print_starter_sharing, session, starter, STARTER_TYPE "=session", SYSTEM));
        bus_free(b);
}

/* The environment is read once. */
static void print_change(void *data)
{
        DBusConnection *one = get(0), *two;

        (void)data;
        printf("%s\n", one ? "connected" : "not connected");
        setenv(SESSION, "unix:path=/nonexistent/a", 1);
        two = dbus_bus_get_private(DBUS_BUS_SESSION, NULL);
        printf("changed: %s\n", two ? "connected" : "not connected");
        connection_end(two);
        dbus_connection_unref(one);
}

static void environment_changed(void)
{
        struct bus *b = bus_new(NULL);
        g_autofree char *session = variable(SESSION, b);

        captured_free(run(print_change, session, SYSTEM, STARTER, STARTER_TYPE));
        bus_free(b);
}

static void print_late(void *data)
{
        DBusConnection *one = get(0), *two;

        printf("%s\n", one ? "connected" : "not connected");
        setenv(SESSION, data, 1);
        two = get(0);
        printf("set later: %s\n", two ? "connected" : "not connected");
}

static void environment_set_late(void)
{
        struct bus *b = bus_new(NULL);
        const char *environment[] = {SESSION "=unix:path=/nonexistent/a", NULL};
        struct captured *c = capture(print_late, b->address, environment);

        note_captured("child", c);
        captured_free(c);
        bus_free(b);
}

/* The way out of the process when the bus goes. */
static void wait_for_end(void *data)
{
        const struct bus *b = data;
        DBusConnection *c = get(0);

        puts("connected");
        fflush(stdout);
        /* Not the test's own child here, so nobody can wait for it but the test. */
        kill(b->pid, SIGKILL);
        while (dbus_connection_read_write_dispatch(c, -1))
                continue;
        puts("still there");
}

static void wait_for_end_spared(void *data)
{
        const struct bus *b = data;
        DBusConnection *c = get(0);

        dbus_connection_set_exit_on_disconnect(c, FALSE);
        kill(b->pid, SIGKILL);
        while (dbus_connection_read_write_dispatch(c, -1))
                continue;
        puts("still there");
        fflush(stdout);
        dbus_connection_unref(c);
}

static void wait_for_end_private(void *data)
{
        const struct bus *b = data;
        DBusConnection *c = dbus_bus_get_private(DBUS_BUS_SESSION, NULL);

        kill(b->pid, SIGKILL);
        while (dbus_connection_read_write_dispatch(c, -1))
                continue;
        puts("still there");
}

static void wait_for_end_registered(void *data)
{
        const struct bus *b = data;
        DBusConnection *c = dbus_connection_open_private(b->address, NULL);

        dbus_bus_register(c, NULL);
        kill(b->pid, SIGKILL);
        while (dbus_connection_read_write_dispatch(c, -1))
                continue;
        puts("still there");
}

/* Got once more, the setting stays as it is. */
static void wait_for_end_got_twice(void *data)
{
        const struct bus *b = data;
        DBusConnection *c = get(0);

        dbus_connection_set_exit_on_disconnect(c, FALSE);
        dbus_connection_unref(c);
        c = get(0);
        kill(b->pid, SIGKILL);
        while (dbus_connection_read_write_dispatch(c, -1))
                continue;
        puts("still there");
}

static const struct {
        const char *name;
        void (*run)(void *);
        int status;
} ends[] = {
        {"got", wait_for_end, 1},
        {"spared", wait_for_end_spared, 0},
        {"private", wait_for_end_private, 1},
        {"registered", wait_for_end_registered, 0},
        {"got-twice", wait_for_end_got_twice, 0},
};

static void bus_ends(gconstpointer data)
{
        size_t i = (size_t)(guintptr)data;
        struct bus *b = bus_new(NULL);
        g_autofree char *session = variable(SESSION, b);
        const char *environment[] = {session, STARTER, STARTER_TYPE, NULL};
        struct captured *c = capture(ends[i].run, b, environment);

        g_assert_true(c->exited);
        g_assert_cmpint(c->status, ==, ends[i].status);
        note_captured(ends[i].name, c);
        captured_free(c);
        bus_free(b);
}

/* The one that has gone is not shared any more. */
static void get_after_end(void *data)
{
        struct bus *b = data;
        DBusConnection *c = get(0), *again;

        dbus_connection_set_exit_on_disconnect(c, FALSE);
        kill(b->pid, SIGKILL);
        while (dbus_connection_read_write_dispatch(c, -1))
                continue;
        /* Why not is not always the same: the bus may still be on its way out. */
        again = dbus_bus_get(DBUS_BUS_SESSION, NULL);
        printf("%s\n", again ? (again == c ? "the same" : "another") : "none");
        dbus_connection_unref(c);
}

static void got_after_end(void)
{
        struct bus *b = bus_new(NULL);
        g_autofree char *session = variable(SESSION, b);
        const char *environment[] = {session, NULL};
        struct captured *c = capture(get_after_end, b, environment);

        note_captured("child", c);
        captured_free(c);
        bus_free(b);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/bus-get/session-only", session_only},
                {"/bus-get/session-and-system", session_and_system},
                {"/bus-get/starter/session", starter_session},
                {"/bus-get/starter/system", starter_system},
                {"/bus-get/starter/other-type", starter_other_type},
                {"/bus-get/starter/address-only", starter_address_only},
                {"/bus-get/starter/sharing", starter_sharing},
                {"/bus-get/useless", useless},
                {"/bus-get/no-session", no_session},
                {"/bus-get/launcher-fails", launcher_fails},
                {"/bus-get/runtime-directory", runtime_directory},
                {"/bus-get/sharing", sharing},
                {"/bus-get/environment/changed", environment_changed},
                {"/bus-get/environment/set-late", environment_set_late},
                {"/bus-get/after-end", got_after_end},
                {NULL, NULL},
        };

        harness_init(&argc, &argv);
        for (const struct test *t = tests; t->path; t++)
                g_test_add_func(t->path, t->run);
        for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
                g_autofree char *path = g_strdup_printf("/bus-get/end/%s", ends[i].name);

                g_test_add_data_func(path, (gconstpointer)(guintptr)i, bus_ends);
        }
        return g_test_run();
}
