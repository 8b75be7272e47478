/* SPDX-License-Identifier: MIT */
/* Objects: who is registered where, whom a message reaches, and what is listed. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "peers.h"

#define NOT_YET DBUS_HANDLER_RESULT_NOT_YET_HANDLED
#define HANDLED DBUS_HANDLER_RESULT_HANDLED

/* A handler that notes that it was reached, and does something. */
struct object {
        const char *name;
        DBusHandlerResult result;
        void (*act)(DBusConnection *connection, struct object *o);
        const char *path; /* for act */
        int seen, gone;
};

static DBusHandlerResult on_message(DBusConnection *connection, DBusMessage *message, void *data)
{
        struct object *o = data;

        note("%s: %s at %s", o->name ? o->name : "object", dbus_message_get_member(message),
             dbus_message_get_path(message));
        o->seen++;
        if (o->act)
                o->act(connection, o);
        return o->result;
}

static void on_unregister(DBusConnection *connection, void *data)
{
        struct object *o = data;

        if (o->name)
                note("%s: unregistered%s", o->name,
                     dbus_connection_get_is_connected(connection) ? "" : ", disconnected");
        o->gone++;
}

static const DBusObjectPathVTable vtable = {on_unregister, on_message, NULL, NULL, NULL, NULL};

static void at(struct peers *p, const char *path, struct object *o)
{
        g_assert_true(dbus_connection_register_object_path(p->service, path, &vtable, o));
}

static void below(struct peers *p, const char *path, struct object *o)
{
        g_assert_true(dbus_connection_register_fallback(p->service, path, &vtable, o));
}

static void call(struct peers *p, const char *path)
{
        note("call %s", path);
        send_away(p->client, call_new(path, "M"));
        loop_settle(p->loop);
}

static void unregister(struct peers *p, const char *path)
{
        note("unregister %s", path);
        g_assert_true(dbus_connection_unregister_object_path(p->service, path));
}

static void exactly_there(void)
{
        struct peers *p = peers_new(NULL);
        struct object o = {"o", HANDLED, NULL, NULL, 0, 0};

        at(p, "/a/b", &o);
        call(p, "/a/b");
        call(p, "/a");
        call(p, "/a/b/c");
        call(p, "/a/bc");
        call(p, "/");
        g_assert_cmpint(o.seen, ==, 1);
        peers_free(p);
        g_assert_cmpint(o.gone, ==, 1);
}

static void fallback_below(void)
{
        struct peers *p = peers_new(NULL);
        struct object o = {"o", HANDLED, NULL, NULL, 0, 0};

        below(p, "/a/b", &o);
        call(p, "/a/b");
        call(p, "/a/b/c");
        call(p, "/a/b/c/d/e/f");
        g_assert_cmpint(o.seen, ==, 3);
        call(p, "/a");
        call(p, "/a/bc");
        g_assert_cmpint(o.seen, ==, 3);
        peers_free(p);
}

static void root(void)
{
        struct peers *p = peers_new(NULL);
        struct object o = {"root", HANDLED, NULL, NULL, 0, 0};

        at(p, "/", &o);
        call(p, "/");
        g_assert_cmpint(o.seen, ==, 1);
        call(p, "/a");
        g_assert_cmpint(o.seen, ==, 1);
        unregister(p, "/");
        below(p, "/", &o);
        call(p, "/");
        call(p, "/a/b");
        g_assert_cmpint(o.seen, ==, 3);
        peers_free(p);
}

/* The most specific first, then the fallbacks above it, up to the one that handles it. */
static void precedence(void)
{
        struct peers *p = peers_new(NULL);
        struct object here = {"/a/b/c", NOT_YET, NULL, NULL, 0, 0},
                      near = {"/a/b/*", NOT_YET, NULL, NULL, 0, 0},
                      plain = {"/a", NOT_YET, NULL, NULL, 0, 0},
                      far = {"/*", NOT_YET, NULL, NULL, 0, 0};

        at(p, "/a/b/c", &here);
        below(p, "/a/b", &near);
        at(p, "/a", &plain);
        below(p, "/", &far);
        call(p, "/a/b/c");
        g_assert_cmpint(plain.seen, ==, 0);
        call(p, "/a/b/c/d");
        call(p, "/a/b");
        call(p, "/a");
        call(p, "/z");
        near.result = HANDLED;
        call(p, "/a/b/c");
        here.result = HANDLED;
        call(p, "/a/b/c");
        peers_free(p);
}

static void deep(void)
{
        struct peers *p = peers_new(NULL);
        struct object all[10] = {0};
        g_autoptr(GString) path = g_string_new("");

        for (int i = 0; i < 10; i++) {
                g_string_append_printf(path, "/x%d", i);
                all[i].name = g_strdup_printf("level %d", i);
                all[i].result = NOT_YET;
                if (i % 3)
                        below(p, path->str, &all[i]);
                else
                        at(p, path->str, &all[i]);
        }
        call(p, path->str);
        peers_free(p);
        for (int i = 0; i < 10; i++)
                g_free((void *)(guintptr)all[i].name);
}

static void many_siblings(void)
{
        enum { N = 300 };
        struct peers *p = peers_new(NULL);
        struct object all[N];
        char **children;

        for (int i = 0; i < N; i++) {
                g_autofree char *path = g_strdup_printf("/many/n%d", i * 7919 % N);

                all[i] = (struct object){NULL, HANDLED, NULL, NULL, 0, 0};
                at(p, path, &all[i]);
        }
        call(p, "/many/n0");
        call(p, "/many/n299");
        call(p, "/many/n300");
        g_assert_true(dbus_connection_list_registered(p->service, "/many", &children));
        g_assert_cmpuint(g_strv_length(children), ==, N);
        for (int i = 0; i < N; i += 50)
                note_text("child", children[i]);
        dbus_free_string_array(children);
        for (int i = 0; i < N; i++) {
                g_autofree char *path = g_strdup_printf("/many/n%d", i);

                g_assert_true(dbus_connection_unregister_object_path(p->service, path));
        }
        g_assert_true(dbus_connection_list_registered(p->service, "/many", &children));
        g_assert_cmpuint(g_strv_length(children), ==, 0);
        dbus_free_string_array(children);
        peers_free(p);
}

/* Names that are other names' beginnings. */
static void similar_names(void)
{
        static const char *const paths[] = {"/ab", "/a", "/abc", "/a/bc", "/a/b", "/b"};
        struct peers *p = peers_new(NULL);
        struct object all[G_N_ELEMENTS(paths)];

        for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
                all[i] = (struct object){paths[i], HANDLED, NULL, NULL, 0, 0};
                at(p, paths[i], &all[i]);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
                call(p, paths[i]);
                g_assert_cmpint(all[i].seen, ==, 1);
        }
        call(p, "/abcd");
        peers_free(p);
}

static void in_use(void)
{
        struct peers *p = peers_new(NULL);
        struct object a = {"a", HANDLED, NULL, NULL, 0, 0}, b = {"b", HANDLED, NULL, NULL, 0, 0};
        DBusError error = DBUS_ERROR_INIT;

        g_assert_true(
                dbus_connection_try_register_object_path(p->service, "/a/b", &vtable, &a, &error));
        expect_no_error(&error);
        g_assert_false(
                dbus_connection_try_register_object_path(p->service, "/a/b", &vtable, &b, &error));
        expect_error(&error, DBUS_ERROR_OBJECT_PATH_IN_USE);
        g_assert_false(
                dbus_connection_try_register_fallback(p->service, "/a/b", &vtable, &b, &error));
        expect_error(&error, DBUS_ERROR_OBJECT_PATH_IN_USE);
        g_assert_false(
                dbus_connection_try_register_object_path(p->service, "/a/b", &vtable, &b, NULL));
        g_assert_cmpint(b.gone, ==, 0);
        call(p, "/a/b");
        g_assert_cmpint(a.seen, ==, 1);
        unregister(p, "/a/b");
        g_assert_true(
                dbus_connection_try_register_fallback(p->service, "/a/b", &vtable, &b, &error));
        expect_no_error(&error);
        call(p, "/a/b");
        g_assert_cmpint(b.seen, ==, 1);
        peers_free(p);
}

static void root_in_use(void)
{
        struct peers *p = peers_new(NULL);
        struct object a = {"a", HANDLED, NULL, NULL, 0, 0};
        DBusError error = DBUS_ERROR_INIT;

        below(p, "/", &a);
        g_assert_false(
                dbus_connection_try_register_object_path(p->service, "/", &vtable, &a, &error));
        expect_error(&error, DBUS_ERROR_OBJECT_PATH_IN_USE);
        peers_free(p);
}

static void data_of_path(void)
{
        struct peers *p = peers_new(NULL);
        struct object a = {"a", HANDLED, NULL, NULL, 0, 0}, b = {"b", HANDLED, NULL, NULL, 0, 0};
        void *data = &p;

        at(p, "/a", &a);
        below(p, "/a/b", &b);
        g_assert_true(dbus_connection_get_object_path_data(p->service, "/a", &data));
        g_assert_true(data == &a);
        g_assert_true(dbus_connection_get_object_path_data(p->service, "/a/b", &data));
        g_assert_true(data == &b);
        /* Nothing registered: the fallback above does not count. */
        data = &p;
        g_assert_true(dbus_connection_get_object_path_data(p->service, "/a/b/c", &data));
        g_assert_null(data);
        data = &p;
        g_assert_true(dbus_connection_get_object_path_data(p->service, "/", &data));
        g_assert_null(data);
        unregister(p, "/a");
        data = &p;
        g_assert_true(dbus_connection_get_object_path_data(p->service, "/a", &data));
        g_assert_null(data);
        peers_free(p);
}

static void list(struct peers *p, const char *path)
{
        char **children;
        g_autofree char *line = NULL;

        g_assert_true(dbus_connection_list_registered(p->service, path, &children));
        line = g_strjoinv(" ", children);
        note("below %s: %s", path, line);
        dbus_free_string_array(children);
}

static void listed(void)
{
        static const char *const paths[] = {"/b", "/a/b/c", "/a/x", "/a/b", "/c/d/e/f"};
        struct peers *p = peers_new(NULL);
        struct object o = {"o", HANDLED, NULL, NULL, 0, 0};

        list(p, "/");
        for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
                at(p, paths[i], &o);
        list(p, "/");
        list(p, "/a");
        list(p, "/a/b");
        list(p, "/a/b/c");
        list(p, "/c");
        list(p, "/c/d");
        list(p, "/nothing/there");
        unregister(p, "/a/b");
        list(p, "/a");
        unregister(p, "/a/b/c");
        list(p, "/a");
        unregister(p, "/c/d/e/f");
        list(p, "/");
        list(p, "/c");
        peers_free(p);
}

static void unregistered(void)
{
        struct peers *p = peers_new(NULL);
        struct object parent = {"parent", HANDLED, NULL, NULL, 0, 0},
                      child = {"child", HANDLED, NULL, NULL, 0, 0};

        at(p, "/a", &parent);
        at(p, "/a/b", &child);
        unregister(p, "/a");
        g_assert_cmpint(parent.gone, ==, 1);
        call(p, "/a");
        call(p, "/a/b");
        g_assert_cmpint(parent.seen, ==, 0);
        g_assert_cmpint(child.seen, ==, 1);
        unregister(p, "/a/b");
        call(p, "/a/b");
        g_assert_cmpint(child.seen, ==, 1);
        peers_free(p);
        g_assert_cmpint(parent.gone, ==, 1);
        g_assert_cmpint(child.gone, ==, 1);
}

/* All of them are told when the connection goes. */
static void unregistered_at_end(void)
{
        static const char *const paths[] = {"/b", "/a/b", "/a", "/", "/a/c/d"};
        struct peers *p = peers_new(NULL);
        struct object all[G_N_ELEMENTS(paths)];

        for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
                all[i] = (struct object){paths[i], HANDLED, NULL, NULL, 0, 0};
                at(p, paths[i], &all[i]);
        }
        dbus_connection_close(p->client);
        loop_settle(p->loop);
        for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
                note("%s: gone %d", paths[i], all[i].gone);
        peers_free(p);
        for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
                g_assert_cmpint(all[i].gone, ==, 1);
}

/* What may be left out of a table. */
static void empty_vtable(void)
{
        static const DBusObjectPathVTable no_unregister = {.message_function = on_message};
        static const DBusObjectPathVTable no_message = {.unregister_function = on_unregister};
        struct peers *p = peers_new(NULL);
        struct object a = {"a", HANDLED, NULL, NULL, 0, 0}, b = {"b", HANDLED, NULL, NULL, 0, 0},
                      root_object = {"root", HANDLED, NULL, NULL, 0, 0};

        below(p, "/", &root_object);
        dbus_connection_register_object_path(p->service, "/a", &no_unregister, &a);
        dbus_connection_register_object_path(p->service, "/b", &no_message, &b);
        call(p, "/a");
        call(p, "/b");
        unregister(p, "/a");
        peers_free(p);
        g_assert_cmpint(b.gone, ==, 1);
}

/* The vtable is copied. */
static void vtable_not_kept(void)
{
        struct peers *p = peers_new(NULL);
        struct object a = {"a", HANDLED, NULL, NULL, 0, 0};
        DBusObjectPathVTable mine = vtable;

        dbus_connection_register_object_path(p->service, "/a", &mine, &a);
        memset(&mine, 0, sizeof mine);
        call(p, "/a");
        g_assert_cmpint(a.seen, ==, 1);
        peers_free(p);
}

static void unregister_path(DBusConnection *connection, struct object *o)
{
        if (o->path)
                g_assert_true(dbus_connection_unregister_object_path(connection, o->path));
        o->path = NULL;
}

static void unregisters_itself(void)
{
        struct peers *p = peers_new(NULL);
        struct object a = {"/a/b", NOT_YET, unregister_path, "/a/b", 0, 0},
                      parent = {"/a/*", HANDLED, NULL, NULL, 0, 0};

        at(p, "/a/b", &a);
        below(p, "/a", &parent);
        call(p, "/a/b");
        call(p, "/a/b");
        g_assert_cmpint(a.seen, ==, 1);
        g_assert_cmpint(a.gone, ==, 1);
        g_assert_cmpint(parent.seen, ==, 2);
        peers_free(p);
}

static void unregisters_parent(void)
{
        struct peers *p = peers_new(NULL);
        struct object a = {"/a/b", NOT_YET, unregister_path, "/a", 0, 0},
                      parent = {"/a/*", HANDLED, NULL, NULL, 0, 0},
                      top = {"/*", HANDLED, NULL, NULL, 0, 0};

        at(p, "/a/b", &a);
        below(p, "/a", &parent);
        below(p, "/", &top);
        call(p, "/a/b");
        call(p, "/a/b");
        g_assert_cmpint(parent.gone, ==, 1);
        peers_free(p);
}

static struct object added = {"added", HANDLED, NULL, NULL, 0, 0};

static void register_path(DBusConnection *connection, struct object *o)
{
        if (o->path)
                g_assert_true(
                        dbus_connection_register_fallback(connection, o->path, &vtable, &added));
        o->path = NULL;
}

static void registers_another(void)
{
        struct peers *p = peers_new(NULL);
        struct object a = {"/a/b", NOT_YET, register_path, "/a", 0, 0};

        added.seen = added.gone = 0;
        at(p, "/a/b", &a);
        call(p, "/a/b");
        call(p, "/a/b");
        note("added: seen %d", added.seen);
        peers_free(p);
}

static void close_connection(DBusConnection *connection, struct object *o)
{
        (void)o;
        dbus_connection_close(connection);
}

static void closes(void)
{
        struct peers *p = peers_new(NULL);
        struct object a = {"/a", HANDLED, close_connection, NULL, 0, 0};

        at(p, "/a", &a);
        call(p, "/a");
        call(p, "/a");
        g_assert_cmpint(a.seen, ==, 1);
        g_assert_false(dbus_connection_get_is_connected(p->client));
        peers_free(p);
}

static DBusHandlerResult forget_once(DBusConnection *connection, DBusMessage *message, void *data)
{
        struct object *o = data;

        (void)connection;
        note("%s: %s", o->name, dbus_message_get_member(message));
        return o->seen++ ? HANDLED : DBUS_HANDLER_RESULT_NEED_MEMORY;
}

/* NEED_MEMORY: the message is put back and dispatched again. */
static void need_memory(void)
{
        static const DBusObjectPathVTable forgetful = {.message_function = forget_once};
        struct peers *p = peers_new(NULL);
        struct object a = {"a", HANDLED, NULL, NULL, 0, 0};

        loop_remove(p->loop, p->service);
        dbus_connection_register_object_path(p->service, "/a", &forgetful, &a);
        send_away(p->client, call_new("/a", "One"));
        send_away(p->client, call_new("/a", "Two"));
        loop_settle(p->loop);
        dbus_connection_read_write(p->service, 0);
        for (int i = 0; i < 4; i++)
                note("dispatch: %s", dispatch_status_name(dbus_connection_dispatch(p->service)));
        g_assert_cmpint(a.seen, ==, 3);
        peers_free(p);
}

static DBusHandlerResult note_filter(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        note_message(data, message);
        return NOT_YET;
}

/* What nobody handles is answered for him, in words that depend on what there is. */
static void unhandled(void)
{
        char client[] = "client";
        struct peers *p = peers_new(NULL);
        struct object a = {"a", NOT_YET, NULL, NULL, 0, 0};
        DBusMessage *m;
        const char *text = "text";

        dbus_connection_add_filter(p->client, note_filter, client, NULL);
        call(p, "/nothing");
        at(p, "/a", &a);
        call(p, "/a");
        call(p, "/a/b");
        m = dbus_message_new_method_call(NULL, "/a", NULL, "NoInterface");
        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        send_away(p->client, m);
        m = call_new("/a", "NoReply");
        dbus_message_set_no_reply(m, TRUE);
        send_away(p->client, m);
        send_away(p->client, signal_new("/a", "Signal"));
        loop_settle(p->loop);
        peers_free(p);
}

/* Misuse, in processes of their own: what a warning does is decided once in a process. */
static void register_twice(void *data)
{
        static struct object o;
        struct peers *p = data;

        dbus_connection_register_object_path(p->service, "/a", &vtable, &o);
        printf("%d\n", dbus_connection_register_object_path(p->service, "/a", &vtable, &o));
        printf("%d\n", dbus_connection_register_fallback(p->service, "/a", &vtable, &o));
        fflush(stdout);
        _Exit(3);
}

static void unregister_unknown(void *data)
{
        struct peers *p = data;

        printf("%d\n", dbus_connection_unregister_object_path(p->service, "/b/c/d"));
        fflush(stdout);
        _Exit(3);
}

static void bad_path(void *data)
{
        static struct object o;
        struct peers *p = data;

        printf("%d\n", dbus_connection_register_object_path(p->service, "a", &vtable, &o));
        fflush(stdout);
        _Exit(3);
}

static void odd_path(void *data)
{
        static const char *const paths[] = {"/a/", "//", "/a//b", "/a b"};
        static struct object o;
        struct peers *p = data;

        for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
                printf("%d\n",
                       dbus_connection_register_object_path(p->service, paths[i], &vtable, &o));
        fflush(stdout);
        _Exit(3);
}

static const struct {
        const char *name;
        void (*run)(void *);
} misuses[] = {
        {"register-twice", register_twice},
        {"unregister-unknown", unregister_unknown},
        {"relative-path", bad_path},
        {"odd-path", odd_path},
};

static void misuse(gconstpointer data)
{
        static const char *const values[] = {"DBUS_FATAL_WARNINGS", "DBUS_FATAL_WARNINGS=0"};
        struct peers *p = peers_new(NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
                const char *const environment[] = {values[i], NULL};
                struct captured *c = capture(misuses[(size_t)(guintptr)data].run, p, environment);

                note_captured(values[i], c);
                captured_free(c);
        }
        peers_free(p);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/object/exactly-there", exactly_there},
                {"/object/fallback-below", fallback_below},
                {"/object/root", root},
                {"/object/precedence", precedence},
                {"/object/deep", deep},
                {"/object/many-siblings", many_siblings},
                {"/object/similar-names", similar_names},
                {"/object/in-use", in_use},
                {"/object/root-in-use", root_in_use},
                {"/object/data", data_of_path},
                {"/object/listed", listed},
                {"/object/unregistered", unregistered},
                {"/object/unregistered-at-end", unregistered_at_end},
                {"/object/vtable/empty", empty_vtable},
                {"/object/vtable/not-kept", vtable_not_kept},
                {"/object/inside/unregisters-itself", unregisters_itself},
                {"/object/inside/unregisters-parent", unregisters_parent},
                {"/object/inside/registers-another", registers_another},
                {"/object/inside/closes", closes},
                {"/object/need-memory", need_memory},
                {"/object/unhandled", unhandled},
                {NULL, NULL},
        };

        harness_init(&argc, &argv);
        for (const struct test *t = tests; t->path; t++)
                g_test_add_func(t->path, t->run);
        for (size_t i = 0; i < G_N_ELEMENTS(misuses); i++) {
                g_autofree char *path = g_strdup_printf("/object/misuse/%s", misuses[i].name);

                g_test_add_data_func(path, (gconstpointer)(guintptr)i, misuse);
        }
        return g_test_run();
}
