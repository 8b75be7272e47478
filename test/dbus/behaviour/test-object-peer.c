/* SPDX-License-Identifier: MIT */
/* What the library answers by itself: org.freedesktop.DBus.Peer, and introspection of the tree. */

#include <string.h>

#include "dump.h"
#include "harness.h"
#include "peers.h"
#include "raw.h"

#define PEER "org.freedesktop.DBus.Peer"

/* A client by hand of a service of the library's. */
struct asker {
        struct peers *peers;
        struct raw *raw;
};

static DBusHandlerResult note_filter(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        note_message(data, message);
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static bool has_service(void *data)
{
        return ((struct peers *)data)->service != NULL;
}

static struct asker asker_new(void)
{
        static char filter[] = "filter";
        struct asker a = {peers_listen(), NULL};

        a.raw = raw_connect(a.peers->address);
        loop_until(a.peers->loop, has_service, a.peers);
        raw_authenticate(a.raw, a.peers->loop, true);
        dbus_connection_add_filter(a.peers->service, note_filter, filter, NULL);
        return a;
}

static void asker_free(struct asker *a)
{
        raw_free(a->raw);
        peers_free(a->peers);
}

/* What comes back, or that nothing does: then the answer to a Ping is the next thing to come. */
static DBusMessage *ask(struct asker *a, DBusMessage *m)
{
        static dbus_uint32_t serial = 1;
        DBusMessage *ping = dbus_message_new_method_call(NULL, "/", PEER, "Ping"), *reply;
        dbus_uint32_t asked = serial++, pinged = serial++;

        dbus_message_set_serial(m, asked);
        dbus_message_set_serial(ping, pinged);
        raw_send(a->raw, m);
        raw_send(a->raw, ping);
        reply = raw_message(a->raw, a->peers->loop);
        g_assert_nonnull(reply);
        if (!reply || dbus_message_get_reply_serial(reply) == pinged) {
                note("no answer");
                if (reply)
                        dbus_message_unref(reply);
                return NULL;
        }
        g_assert_cmpuint(dbus_message_get_reply_serial(reply), ==, asked);
        note_message("answer", reply);
        ping = raw_message(a->raw, a->peers->loop);
        if (ping)
                dbus_message_unref(ping);
        return reply;
}

static void ask_and_forget(struct asker *a, DBusMessage *m)
{
        DBusMessage *reply = ask(a, m);

        if (reply)
                dbus_message_unref(reply);
}

static DBusMessage *peer_call(const char *member)
{
        return dbus_message_new_method_call(NULL, "/any/path", PEER, member);
}

static void ping(void)
{
        struct asker a = asker_new();
        DBusMessage *reply = ask(&a, peer_call("Ping"));

        g_assert_cmpint(dbus_message_get_type(reply), ==, DBUS_MESSAGE_TYPE_METHOD_RETURN);
        g_assert_cmpstr(dbus_message_get_signature(reply), ==, "");
        dbus_message_unref(reply);
        asker_free(&a);
}

static void ping_with_arguments(void)
{
        struct asker a = asker_new();
        DBusMessage *m = peer_call("Ping");
        int n = 1;

        dbus_message_append_args(m, DBUS_TYPE_INT32, &n, DBUS_TYPE_INVALID);
        ask_and_forget(&a, m);
        asker_free(&a);
}

static void ping_no_reply(void)
{
        struct asker a = asker_new();
        DBusMessage *m = peer_call("Ping");

        dbus_message_set_no_reply(m, TRUE);
        ask_and_forget(&a, m);
        asker_free(&a);
}

static void machine_id(void)
{
        struct asker a = asker_new();
        DBusMessage *reply = ask(&a, peer_call("GetMachineId"));
        const char *id = NULL;
        char *mine = dbus_get_local_machine_id();

        g_assert_true(dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &id, DBUS_TYPE_INVALID));
        g_assert_cmpstr(id, ==, mine);
        dbus_free(mine);
        dbus_message_unref(reply);
        asker_free(&a);
}

static void unknown_method(void)
{
        struct asker a = asker_new();
        DBusMessage *reply = ask(&a, peer_call("NoSuchMethod"));

        g_assert_cmpstr(dbus_message_get_error_name(reply), ==, DBUS_ERROR_UNKNOWN_METHOD);
        dbus_message_unref(reply);
        asker_free(&a);
}

static void no_interface(void)
{
        struct asker a = asker_new();

        ask_and_forget(&a, dbus_message_new_method_call(NULL, "/a", NULL, "Ping"));
        ask_and_forget(&a, dbus_message_new_method_call(NULL, "/a", NULL, "GetMachineId"));
        asker_free(&a);
}

static void signal_of_peer(void)
{
        struct asker a = asker_new();

        ask_and_forget(&a, dbus_message_new_signal("/a", PEER, "Ping"));
        ask_and_forget(&a, dbus_message_new_signal("/a", PEER, "Other"));
        asker_free(&a);
}

static void with_destination(void)
{
        struct asker a = asker_new();

        ask_and_forget(&a, dbus_message_new_method_call("com.example.Name", "/a", PEER, "Ping"));
        asker_free(&a);
}

static DBusHandlerResult on_call(DBusConnection *connection, DBusMessage *message, void *data)
{
        DBusMessage *reply;

        note_message(data, message);
        if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_METHOD_CALL)
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        reply = dbus_message_new_error(message, "com.example.Error.Mine", "from the object");
        send_away(connection, reply);
        return DBUS_HANDLER_RESULT_HANDLED;
}

static const DBusObjectPathVTable vtable = {.message_function = on_call};

/* It is answered before objects or filters see it. */
static void before_object(void)
{
        struct asker a = asker_new();
        char object[] = "object";

        dbus_connection_register_fallback(a.peers->service, "/", &vtable, object);
        ask_and_forget(&a, peer_call("Ping"));
        ask_and_forget(&a, peer_call("GetMachineId"));
        ask_and_forget(&a, peer_call("NoSuchMethod"));
        asker_free(&a);
}

/* With routing, what has a destination is passed through. */
static void routed(void)
{
        static const char *const members[] = {"Ping", "NoSuchMethod"};
        struct asker a = asker_new();
        char object[] = "object";

        dbus_connection_set_route_peer_messages(a.peers->service, TRUE);
        dbus_connection_register_fallback(a.peers->service, "/", &vtable, object);
        for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
                ask_and_forget(&a, dbus_message_new_method_call("com.example.Name", "/a", PEER,
                                                                members[i]));
                ask_and_forget(&a, peer_call(members[i]));
        }
        note("not routed any more");
        dbus_connection_set_route_peer_messages(a.peers->service, FALSE);
        ask_and_forget(&a, dbus_message_new_method_call("com.example.Name", "/a", PEER, "Ping"));
        asker_free(&a);
}

/* Introspection. */
static DBusMessage *introspect(const char *path)
{
        return dbus_message_new_method_call(NULL, path, "org.freedesktop.DBus.Introspectable",
                                            "Introspect");
}

static void note_xml(struct asker *a, const char *path)
{
        DBusMessage *reply;
        const char *xml = NULL;

        note("introspect %s", path);
        reply = ask(a, introspect(path));
        if (!reply)
                return;
        if (dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &xml, DBUS_TYPE_INVALID)) {
                g_auto(GStrv) lines = g_strsplit(xml, "\n", -1);

                for (char **line = lines; *line; line++)
                        note("xml| %s", *line);
        }
        dbus_message_unref(reply);
}

static DBusHandlerResult on_nothing(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        (void)message;
        (void)data;
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

/* The children of a path that nobody answers for are told. */
static void introspection(void)
{
        static const DBusObjectPathVTable silent = {.message_function = on_nothing};
        static const char *const paths[] = {"/a/b", "/a/c/d", "/e"};
        struct asker a = asker_new();

        note_xml(&a, "/");
        for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
                dbus_connection_register_object_path(a.peers->service, paths[i], &silent, NULL);
        note_xml(&a, "/");
        note_xml(&a, "/a");
        note_xml(&a, "/a/c");
        note_xml(&a, "/a/c/d");
        note_xml(&a, "/e");
        note_xml(&a, "/nothing/there");
        dbus_connection_register_fallback(a.peers->service, "/f", &silent, NULL);
        note_xml(&a, "/f");
        note_xml(&a, "/f/g");
        asker_free(&a);
}

/* Which error tells who calls a method that nobody knows: what is registered decides, and what was
 * registered at the root. */
static void unknown_object(void)
{
        static const DBusObjectPathVTable silent = {.message_function = on_nothing};
        static const struct {
                const char *path;
                bool registers, is_fallback;
        } steps[] = {
                {"/a/b", true, false}, {"/", true, false},     {"/a", true, true},
                {"/a", false, false},  {"/a/b", false, false}, {"/", false, false},
                {"/x", true, false},   {"/", true, true},      {"/", false, false},
        };
        static const char *const paths[] = {"/", "/a", "/a/b", "/a/b/c", "/x", "/x/y", "/z"};
        struct asker a = asker_new();

        for (size_t i = 0; i <= G_N_ELEMENTS(steps); i++) {
                for (size_t j = 0; j < G_N_ELEMENTS(paths); j++)
                        ask_and_forget(&a, call_new(paths[j], "Unknown"));
                if (i == G_N_ELEMENTS(steps))
                        break;
                note("step %zu: %s", i, steps[i].path);
                if (!steps[i].registers)
                        dbus_connection_unregister_object_path(a.peers->service, steps[i].path);
                else if (steps[i].is_fallback)
                        dbus_connection_register_fallback(a.peers->service, steps[i].path, &silent,
                                                          NULL);
                else
                        dbus_connection_register_object_path(a.peers->service, steps[i].path,
                                                             &silent, NULL);
        }
        asker_free(&a);
}

/* Who is registered comes first. */
static void introspection_by_object(void)
{
        struct asker a = asker_new();
        char object[] = "object";

        dbus_connection_register_object_path(a.peers->service, "/a", &vtable, object);
        dbus_connection_register_object_path(a.peers->service, "/a/b", &vtable, object);
        note_xml(&a, "/a");
        note_xml(&a, "/");
        asker_free(&a);
}

static void introspection_no_interface(void)
{
        struct asker a = asker_new();

        ask_and_forget(&a, dbus_message_new_method_call(NULL, "/", NULL, "Introspect"));
        ask_and_forget(&a, dbus_message_new_method_call(
                                   NULL, "/", "org.freedesktop.DBus.Introspectable", "Other"));
        asker_free(&a);
}

/* Without anybody reading the answers. */
static void block_on_peer(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusMessage *m = peer_call("Ping"), *reply;
        DBusError error = DBUS_ERROR_INIT;

        reply = dbus_connection_send_with_reply_and_block(c, m, -1, &error);
        expect_no_error(&error);
        dump_message("reply", reply);
        dbus_message_unref(reply);
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/peer/ping/plain", ping},
                {"/peer/ping/with-arguments", ping_with_arguments},
                {"/peer/ping/no-reply", ping_no_reply},
                {"/peer/ping/block", block_on_peer},
                {"/peer/machine-id", machine_id},
                {"/peer/unknown-method", unknown_method},
                {"/peer/no-interface", no_interface},
                {"/peer/signal", signal_of_peer},
                {"/peer/with-destination", with_destination},
                {"/peer/before-object", before_object},
                {"/peer/routed", routed},
                {"/peer/introspection/tree", introspection},
                {"/peer/unknown-object", unknown_object},
                {"/peer/introspection/by-object", introspection_by_object},
                {"/peer/introspection/no-interface", introspection_no_interface},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
