/* SPDX-License-Identifier: MIT */
/* Calls to the bus: registering, names, matches, services, users. */

#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "peers.h"
#include "raw.h"

/* A bus and two clients of it. */
struct scene {
        struct bus *bus;
        DBusConnection *one, *two;
};

static struct scene scene_new(void)
{
        struct bus *b = bus_new(NULL);
        struct scene s = {b, bus_connect(b), bus_connect(b)};

        g_assert_nonnull(s.two);
        return s;
}

static void scene_free(struct scene *s)
{
        bus_disconnect(s->one);
        bus_disconnect(s->two);
        bus_free(s->bus);
}

static void note_result(const char *what, int result, DBusError *error)
{
        note("%s: %d", what, result);
        note_error(what, error);
}

static void registering(void)
{
        struct bus *b = bus_new(NULL);
        DBusError error = DBUS_ERROR_INIT;
        DBusConnection *c = dbus_connection_open_private(b->address, &error);
        const char *name;

        g_assert_null(dbus_bus_get_unique_name(c));
        g_assert_true(dbus_bus_register(c, &error));
        expect_no_error(&error);
        name = dbus_bus_get_unique_name(c);
        g_assert_true(name && name[0] == ':');
        /* Once more does nothing. */
        g_assert_true(dbus_bus_register(c, &error));
        expect_no_error(&error);
        g_assert_true(dbus_bus_get_unique_name(c) == name);
        connection_end(c);
        bus_free(b);
}

static void names_differ(void)
{
        struct scene s = scene_new();

        g_assert_cmpstr(dbus_bus_get_unique_name(s.one), !=, dbus_bus_get_unique_name(s.two));
        scene_free(&s);
}

/* By hand, as set_unique_name() is made for. */
static void registering_by_hand(void)
{
        struct bus *b = bus_new(NULL);
        DBusConnection *c = dbus_connection_open_private(b->address, NULL);
        DBusMessage *m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                      DBUS_INTERFACE_DBUS, "Hello"),
                    *reply;
        DBusError error = DBUS_ERROR_INIT;
        const char *name = NULL;

        reply = dbus_connection_send_with_reply_and_block(c, m, -1, &error);
        expect_no_error(&error);
        g_assert_true(
                dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID));
        g_assert_null(dbus_bus_get_unique_name(c));
        g_assert_true(dbus_bus_set_unique_name(c, name));
        g_assert_cmpstr(dbus_bus_get_unique_name(c), ==, name);
        g_assert_true(dbus_bus_register(c, &error));
        expect_no_error(&error);
        dbus_message_unref(m);
        dbus_message_unref(reply);
        connection_end(c);
        bus_free(b);
}

static void hello_twice(void)
{
        struct scene s = scene_new();
        DBusMessage *m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                      DBUS_INTERFACE_DBUS, "Hello");
        DBusError error = DBUS_ERROR_INIT;

        g_assert_null(dbus_connection_send_with_reply_and_block(s.one, m, -1, &error));
        expect_error(&error, DBUS_ERROR_FAILED);
        dbus_message_unref(m);
        scene_free(&s);
}

static void registering_closed(void)
{
        struct bus *b = bus_new(NULL);
        DBusConnection *c = dbus_connection_open_private(b->address, NULL);
        DBusError error = DBUS_ERROR_INIT;

        dbus_connection_close(c);
        g_assert_false(dbus_bus_register(c, &error));
        expect_error(&error, DBUS_ERROR_DISCONNECTED);
        g_assert_null(dbus_bus_get_unique_name(c));
        dbus_connection_unref(c);
        bus_free(b);
}

/* What is no bus does not know how to register. */
static void registering_with_no_bus(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusError error = DBUS_ERROR_INIT;

        g_assert_false(dbus_bus_register(c, &error));
        expect_error(&error, DBUS_ERROR_UNKNOWN_METHOD);
        g_assert_null(dbus_bus_get_unique_name(c));
        connection_end(c);
        helper_free(h);
}

#define NAME "com.example.Name"

static int request(DBusConnection *c, unsigned flags)
{
        DBusError error = DBUS_ERROR_INIT;
        int result = dbus_bus_request_name(c, NAME, flags, &error);

        expect_no_error(&error);
        return result;
}

static int release(DBusConnection *c)
{
        DBusError error = DBUS_ERROR_INIT;
        int result = dbus_bus_release_name(c, NAME, &error);

        expect_no_error(&error);
        return result;
}

static void request_all_results(void)
{
        struct scene s = scene_new();

        g_assert_cmpint(request(s.one, 0), ==, DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER);
        g_assert_cmpint(request(s.one, 0), ==, DBUS_REQUEST_NAME_REPLY_ALREADY_OWNER);
        g_assert_cmpint(request(s.two, 0), ==, DBUS_REQUEST_NAME_REPLY_IN_QUEUE);
        g_assert_cmpint(request(s.two, DBUS_NAME_FLAG_DO_NOT_QUEUE), ==,
                        DBUS_REQUEST_NAME_REPLY_EXISTS);
        g_assert_cmpint(request(s.two, DBUS_NAME_FLAG_REPLACE_EXISTING), ==,
                        DBUS_REQUEST_NAME_REPLY_IN_QUEUE);
        g_assert_cmpint(request(s.one, DBUS_NAME_FLAG_ALLOW_REPLACEMENT), ==,
                        DBUS_REQUEST_NAME_REPLY_ALREADY_OWNER);
        g_assert_cmpint(request(s.two, DBUS_NAME_FLAG_REPLACE_EXISTING), ==,
                        DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER);
        scene_free(&s);
}

static void release_all_results(void)
{
        struct scene s = scene_new();

        g_assert_cmpint(release(s.one), ==, DBUS_RELEASE_NAME_REPLY_NON_EXISTENT);
        request(s.one, 0);
        g_assert_cmpint(release(s.two), ==, DBUS_RELEASE_NAME_REPLY_NOT_OWNER);
        request(s.two, 0);
        g_assert_cmpint(release(s.two), ==, DBUS_RELEASE_NAME_REPLY_RELEASED);
        g_assert_cmpint(release(s.one), ==, DBUS_RELEASE_NAME_REPLY_RELEASED);
        g_assert_cmpint(release(s.one), ==, DBUS_RELEASE_NAME_REPLY_NON_EXISTENT);
        scene_free(&s);
}

static void names_refused(void)
{
        static const char *const names[] = {":1.0", ":1.99", DBUS_SERVICE_DBUS};
        struct scene s = scene_new();
        DBusError error = DBUS_ERROR_INIT;

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                note("name %s", names[i]);
                note_result("request", dbus_bus_request_name(s.one, names[i], 0, &error), &error);
                note_result("release", dbus_bus_release_name(s.one, names[i], &error), &error);
                note_result("request, nobody asks", dbus_bus_request_name(s.one, names[i], 0, NULL),
                            &error);
        }
        scene_free(&s);
}

static void has_owner(void)
{
        struct scene s = scene_new();
        DBusError error = DBUS_ERROR_INIT;

        g_assert_false(dbus_bus_name_has_owner(s.one, NAME, &error));
        expect_no_error(&error);
        request(s.two, 0);
        g_assert_true(dbus_bus_name_has_owner(s.one, NAME, &error));
        g_assert_true(dbus_bus_name_has_owner(s.one, DBUS_SERVICE_DBUS, &error));
        g_assert_true(dbus_bus_name_has_owner(s.one, dbus_bus_get_unique_name(s.two), &error));
        expect_no_error(&error);
        g_assert_false(dbus_bus_name_has_owner(s.one, ":77.77", &error));
        expect_no_error(&error);
        scene_free(&s);
}

static void user(void)
{
        struct scene s = scene_new();
        DBusError error = DBUS_ERROR_INIT;

        g_assert_cmpuint(dbus_bus_get_unix_user(s.one, dbus_bus_get_unique_name(s.two), &error), ==,
                         getuid());
        expect_no_error(&error);
        request(s.two, 0);
        g_assert_cmpuint(dbus_bus_get_unix_user(s.one, NAME, &error), ==, getuid());
        expect_no_error(&error);
        g_assert_cmpuint(dbus_bus_get_unix_user(s.one, "no.such.name", &error), ==,
                         (unsigned long)-1);
        expect_error(&error, DBUS_ERROR_NAME_HAS_NO_OWNER);
        g_assert_cmpuint(dbus_bus_get_unix_user(s.one, "no.such.name", NULL), ==,
                         (unsigned long)-1);
        scene_free(&s);
}

static void id(void)
{
        struct scene s = scene_new();
        DBusError error = DBUS_ERROR_INIT;
        char *one = dbus_bus_get_id(s.one, &error), *two = dbus_bus_get_id(s.two, &error);
        char *server = dbus_connection_get_server_id(s.one);

        expect_no_error(&error);
        g_assert_cmpuint(strlen(one), ==, 32);
        g_assert_cmpstr(one, ==, two);
        note("the same as the server's: %d", g_str_equal(one, server));
        dbus_free(one);
        dbus_free(two);
        dbus_free(server);
        scene_free(&s);
}

static void all_disconnected(void)
{
        struct scene s = scene_new();
        DBusError error = DBUS_ERROR_INIT;
        dbus_uint32_t result = 4711;

        dbus_connection_close(s.one);
        note_result("request", dbus_bus_request_name(s.one, NAME, 0, &error), &error);
        note_result("release", dbus_bus_release_name(s.one, NAME, &error), &error);
        note_result("has owner", dbus_bus_name_has_owner(s.one, NAME, &error), &error);
        note_result("user", (int)dbus_bus_get_unix_user(s.one, NAME, &error), &error);
        note_result("id", dbus_bus_get_id(s.one, &error) != NULL, &error);
        note_result("start", dbus_bus_start_service_by_name(s.one, NAME, 0, &result, &error),
                    &error);
        note("result %u", result);
        dbus_bus_add_match(s.one, "type='signal'", &error);
        note_error("add match", &error);
        dbus_bus_remove_match(s.one, "type='signal'", &error);
        note_error("remove match", &error);
        dbus_bus_add_match(s.one, "type='signal'", NULL);
        dbus_bus_remove_match(s.one, "type='signal'", NULL);
        note_text("unique name", dbus_bus_get_unique_name(s.one) ? "still there" : NULL);
        scene_free(&s);
}

/* A service that the bus starts: a shell that does not claim the name, or ends at once. */
static void service_file(const struct bus *b, const char *name, const char *command)
{
        g_autofree char *path = g_strdup_printf("%s/%s.service", b->services, name);
        g_autofree char *text =
                g_strdup_printf("[D-BUS Service]\nName=%s\nExec=%s\n", name, command);
        DBusConnection *c;
        DBusMessage *m, *reply;
        DBusError error = DBUS_ERROR_INIT;

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
        c = bus_connect(b);
        m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS,
                                         "ReloadConfig");
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, &error);
        expect_no_error(&error);
        if (reply)
                dbus_message_unref(reply);
        dbus_message_unref(m);
        bus_disconnect(c);
}

static void start(void)
{
        struct scene s = scene_new();
        DBusError error = DBUS_ERROR_INIT;
        dbus_uint32_t result = 4711;

        g_assert_false(
                dbus_bus_start_service_by_name(s.one, "com.example.Unknown", 0, &result, &error));
        expect_error(&error, DBUS_ERROR_SERVICE_UNKNOWN);
        note("result %u", result);
        request(s.two, 0);
        dbus_bus_start_service_by_name(s.one, NAME, 0, &result, &error);
        note_error("running without a file", &error);
        service_file(s.bus, NAME, "/bin/false");
        g_assert_true(dbus_bus_start_service_by_name(s.one, NAME, 0, &result, &error));
        expect_no_error(&error);
        g_assert_cmpuint(result, ==, DBUS_START_REPLY_ALREADY_RUNNING);
        g_assert_true(dbus_bus_start_service_by_name(s.one, NAME, 0, NULL, &error));
        g_assert_true(dbus_bus_start_service_by_name(s.one, NAME, 0, NULL, NULL));
        service_file(s.bus, "com.example.False", "/bin/false");
        g_assert_false(
                dbus_bus_start_service_by_name(s.one, "com.example.False", 0, &result, &error));
        expect_error(&error, DBUS_ERROR_SPAWN_CHILD_EXITED);
        scene_free(&s);
}

/* The test itself is the service: what the bus starts only says that it was. */
static gpointer claim_when_started(gpointer data)
{
        struct scene *s = data;
        g_autofree char *flag = g_build_filename(s->bus->directory, "started", NULL);
        DBusError error = DBUS_ERROR_INIT;

        for (int i = 0; i < 6000 && !g_file_test(flag, G_FILE_TEST_EXISTS); i++)
                g_usleep(10 * 1000);
        dbus_bus_request_name(s->two, "com.example.Started", 0, &error);
        expect_no_error(&error);
        return NULL;
}

static void start_succeeds(void)
{
        struct scene s = scene_new();
        g_autofree char *command = g_strdup_printf("/usr/bin/touch %s/started", s.bus->directory);
        DBusError error = DBUS_ERROR_INIT;
        dbus_uint32_t result = 0;
        GThread *claimer;

        service_file(s.bus, "com.example.Started", command);
        claimer = g_thread_new("claim", claim_when_started, &s);
        g_assert_true(
                dbus_bus_start_service_by_name(s.one, "com.example.Started", 0, &result, &error));
        expect_no_error(&error);
        g_assert_cmpuint(result, ==, DBUS_START_REPLY_SUCCESS);
        g_thread_join(claimer);
        scene_free(&s);
}

/* Matches. */
static bool signal_arrives(struct scene *s, const char *member)
{
        DBusMessage *m;
        bool arrived = false;

        send_away(s->two, signal_new("/a", member));
        /* The bus keeps the order: when both have an answer the signal has been there or never. */
        dbus_free(dbus_bus_get_id(s->two, NULL));
        dbus_free(dbus_bus_get_id(s->one, NULL));
        while ((m = dbus_connection_pop_message(s->one))) {
                arrived |= dbus_message_is_signal(m, "com.example.Test", member);
                dbus_message_unref(m);
        }
        return arrived;
}

static void match(void)
{
        struct scene s = scene_new();
        DBusError error = DBUS_ERROR_INIT;

        g_assert_false(signal_arrives(&s, "Before"));
        dbus_bus_add_match(s.one, "type='signal',interface='com.example.Test'", &error);
        expect_no_error(&error);
        g_assert_true(signal_arrives(&s, "During"));
        /* The same in other words. */
        dbus_bus_remove_match(s.one, "interface='com.example.Test', type='signal'", &error);
        expect_no_error(&error);
        g_assert_false(signal_arrives(&s, "After"));
        scene_free(&s);
}

static void match_without_error(void)
{
        struct scene s = scene_new();

        dbus_bus_add_match(s.one, "type='signal',member='Wanted'", NULL);
        /* It is there when the call behind it has been answered. */
        dbus_free(dbus_bus_get_id(s.one, NULL));
        g_assert_true(signal_arrives(&s, "Wanted"));
        g_assert_false(signal_arrives(&s, "Unwanted"));
        dbus_bus_remove_match(s.one, "type='signal',member='Wanted'", NULL);
        dbus_free(dbus_bus_get_id(s.one, NULL));
        g_assert_false(signal_arrives(&s, "Wanted"));
        scene_free(&s);
}

static void match_errors(void)
{
        static const char *const rules[] = {
                "",          "nonsense",      "type='nonsense'",   "type='signal",
                "foo='bar'", "arg99='x'",     "arg0='x',arg0='y'", "path='not a path'",
                "member=''", "interface='x'", "sender='x'",        "arg0namespace='a..b'",
        };
        struct scene s = scene_new();
        DBusError error = DBUS_ERROR_INIT;

        for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
                dbus_bus_add_match(s.one, rules[i], &error);
                note("rule %s", rules[i]);
                note_error("add", &error);
        }
        dbus_bus_remove_match(s.one, "type='signal',member='NeverAdded'", &error);
        expect_error(&error, DBUS_ERROR_MATCH_RULE_NOT_FOUND);
        /* Without an error nobody knows, and nothing is harmed. */
        dbus_bus_add_match(s.one, "nonsense", NULL);
        dbus_bus_remove_match(s.one, "type='signal',member='NeverAdded'", NULL);
        dbus_connection_flush(s.one);
        dbus_free(dbus_bus_get_id(s.one, &error));
        expect_no_error(&error);
        scene_free(&s);
}

/* What the two that do not wait send asks for no reply. */
static void match_on_the_wire(void)
{
        struct raw *r = raw_listen();
        struct loop *l = loop_new();
        DBusConnection *c = dbus_connection_open_private(r->address, NULL);

        loop_add(l, c, NULL);
        raw_accept(r, l);
        raw_welcome(r, l, true);
        dbus_bus_add_match(c, "type='signal'", NULL);
        dbus_bus_remove_match(c, "type='signal'", NULL);
        for (int i = 0; i < 2; i++) {
                DBusMessage *m = raw_message(r, l);

                note_message("sent", m);
                note("no reply %d, auto start %d, to %s", dbus_message_get_no_reply(m),
                     dbus_message_get_auto_start(m), dbus_message_get_destination(m));
                dbus_message_unref(m);
        }
        loop_free(l);
        connection_end(c);
        raw_free(r);
}

/* Between two clients. */
static DBusHandlerResult answer(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)data;
        if (!dbus_message_has_member(message, "Ask"))
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        note("asked by %s", dbus_message_get_sender(message) ? "somebody" : "nobody");
        send_away(connection, dbus_message_new_method_return(message));
        return DBUS_HANDLER_RESULT_HANDLED;
}

static void between_clients(void)
{
        struct scene s = scene_new();
        DBusMessage *m, *reply;
        DBusPendingCall *pending;

        request(s.two, 0);
        dbus_connection_add_filter(s.two, answer, NULL, NULL);
        m = dbus_message_new_method_call(NAME, "/a", "com.example.Test", "Ask");
        g_assert_true(dbus_connection_send_with_reply(s.one, m, &pending, -1));
        dbus_connection_flush(s.one);
        while (!dbus_pending_call_get_completed(pending)) {
                dbus_connection_read_write_dispatch(s.two, 10);
                dbus_connection_read_write_dispatch(s.one, 10);
        }
        reply = dbus_pending_call_steal_reply(pending);
        g_assert_cmpint(dbus_message_get_type(reply), ==, DBUS_MESSAGE_TYPE_METHOD_RETURN);
        g_assert_cmpstr(dbus_message_get_sender(reply), ==, dbus_bus_get_unique_name(s.two));
        g_assert_cmpstr(dbus_message_get_destination(reply), ==, dbus_bus_get_unique_name(s.one));
        dbus_message_unref(reply);
        dbus_pending_call_unref(pending);
        dbus_message_unref(m);
        scene_free(&s);
}

static void unknown_destination(void)
{
        struct scene s = scene_new();
        DBusMessage *m =
                dbus_message_new_method_call("no.such.name", "/a", "com.example.Test", "Ask");
        DBusError error = DBUS_ERROR_INIT;

        g_assert_null(dbus_connection_send_with_reply_and_block(s.one, m, -1, &error));
        expect_error(&error, DBUS_ERROR_SERVICE_UNKNOWN);
        dbus_message_unref(m);
        m = dbus_message_new_method_call("no.such.name", "/a", "com.example.Test", "Ask");
        dbus_message_set_auto_start(m, FALSE);
        g_assert_null(dbus_connection_send_with_reply_and_block(s.one, m, -1, &error));
        note_error("without auto start", &error);
        dbus_message_unref(m);
        scene_free(&s);
}

/* Whoever was asked goes. */
static void asked_one_goes(void)
{
        struct scene s = scene_new();
        DBusMessage *m = dbus_message_new_method_call(dbus_bus_get_unique_name(s.two), "/a",
                                                      "com.example.Test", "Ask"),
                    *reply;
        DBusPendingCall *pending;

        g_assert_true(dbus_connection_send_with_reply(s.one, m, &pending, -1));
        dbus_connection_flush(s.one);
        dbus_free(dbus_bus_get_id(s.one, NULL));
        s.two = bus_disconnect(s.two);
        dbus_pending_call_block(pending);
        reply = dbus_pending_call_steal_reply(pending);
        note_message("reply", reply);
        dbus_message_unref(reply);
        dbus_pending_call_unref(pending);
        dbus_message_unref(m);
        scene_free(&s);
}

static void bus_crashes(void)
{
        struct scene s = scene_new();
        DBusMessage *m;
        DBusError error = DBUS_ERROR_INIT;
        bool disconnected = false;

        bus_kill(s.bus);
        note_result("request", dbus_bus_request_name(s.one, NAME, 0, &error), &error);
        g_assert_false(dbus_connection_get_is_connected(s.one));
        while ((m = dbus_connection_pop_message(s.one))) {
                disconnected |= dbus_message_is_signal(m, DBUS_INTERFACE_LOCAL, "Disconnected");
                dbus_message_unref(m);
        }
        g_assert_true(disconnected);
        scene_free(&s);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/bus/register/plain", registering},
                {"/bus/register/names-differ", names_differ},
                {"/bus/register/by-hand", registering_by_hand},
                {"/bus/register/hello-twice", hello_twice},
                {"/bus/register/closed", registering_closed},
                {"/bus/register/no-bus", registering_with_no_bus},
                {"/bus/name/request", request_all_results},
                {"/bus/name/release", release_all_results},
                {"/bus/name/refused", names_refused},
                {"/bus/name/has-owner", has_owner},
                {"/bus/user", user},
                {"/bus/id", id},
                {"/bus/disconnected", all_disconnected},
                {"/bus/start/plain", start},
                {"/bus/start/succeeds", start_succeeds},
                {"/bus/match/plain", match},
                {"/bus/match/without-error", match_without_error},
                {"/bus/match/errors", match_errors},
                {"/bus/match/on-the-wire", match_on_the_wire},
                {"/bus/clients/call", between_clients},
                {"/bus/clients/unknown", unknown_destination},
                {"/bus/clients/asked-one-goes", asked_one_goes},
                {"/bus/crash", bus_crashes},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
