/* SPDX-License-Identifier: MIT */
/*
 * Every allocation fails in turn: what a client asks of a message bus (oom.h). Whoever waits for an
 * answer either has it or is told that there was no memory, and may ask again. The stock library
 * loses answers then, and waits for them until the timeout is over.
 */

#include <stdlib.h>

#include "harness.h"
#include "oom.h"
#include "peers.h"

#define NAME "com.example.Oom"
#define RULE "type='signal',interface='com.example.Test'"

static struct bus *bus;

/* One case: what is asked, of a connection of its own. Returns false, with the error set where the
 * function has one, when there is not enough memory. */
struct question {
        const char *name;
        bool (*ask)(DBusConnection *c, DBusError *error);
};

static bool ask_request(DBusConnection *c, DBusError *error)
{
        return dbus_bus_request_name(c, NAME, 0, error) > 0;
}

static bool ask_release(DBusConnection *c, DBusError *error)
{
        return dbus_bus_release_name(c, NAME, error) == DBUS_RELEASE_NAME_REPLY_NON_EXISTENT;
}

/* No owner and no answer look alike: the error tells. */
static bool ask_owner(DBusConnection *c, DBusError *error)
{
        return !dbus_bus_name_has_owner(c, NAME, error) && !dbus_error_is_set(error);
}

static bool ask_user(DBusConnection *c, DBusError *error)
{
        return dbus_bus_get_unix_user(c, dbus_bus_get_unique_name(c), error) != (unsigned long)-1;
}

static bool ask_id(DBusConnection *c, DBusError *error)
{
        char *id = dbus_bus_get_id(c, error);

        dbus_free(id);
        return id != NULL;
}

/* Nobody can be started: that is the answer. */
static bool ask_start(DBusConnection *c, DBusError *error)
{
        bool ok = !dbus_bus_start_service_by_name(c, NAME, 0, NULL, error) &&
                  dbus_error_has_name(error, DBUS_ERROR_SERVICE_UNKNOWN);

        if (ok)
                dbus_error_free(error);
        return ok;
}

static bool ask_match(DBusConnection *c, DBusError *error)
{
        dbus_bus_add_match(c, RULE, error);
        return !dbus_error_is_set(error);
}

/* Without an error to set, it is not waited for. */
static bool send_match(DBusConnection *c, DBusError *error)
{
        (void)error;
        dbus_bus_add_match(c, RULE, NULL);
        dbus_bus_remove_match(c, RULE, NULL);
        return true;
}

static bool ask_and_block(DBusConnection *c, DBusError *error)
{
        DBusMessage *call = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                         DBUS_INTERFACE_DBUS, "ListNames");
        DBusMessage *reply = NULL;

        if (!call) {
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, "no call");
                return false;
        }
        reply = dbus_connection_send_with_reply_and_block(c, call, -1, error);
        dbus_message_unref(call);
        if (reply)
                dbus_message_unref(reply);
        return reply != NULL;
}

static bool ask_pending(DBusConnection *c, DBusError *error)
{
        DBusMessage *call = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                         DBUS_INTERFACE_DBUS, "ListNames");
        DBusPendingCall *pending = NULL;
        DBusMessage *reply = NULL;

        (void)error;
        if (!call)
                return false;
        if (dbus_connection_send_with_reply(c, call, &pending, -1) && pending) {
                dbus_pending_call_block(pending);
                reply = dbus_pending_call_steal_reply(pending);
        }
        dbus_message_unref(call);
        if (pending)
                dbus_pending_call_unref(pending);
        if (!reply)
                return false;
        g_assert_cmpint(dbus_message_get_type(reply), ==, DBUS_MESSAGE_TYPE_METHOD_RETURN);
        dbus_message_unref(reply);
        return true;
}

static const struct question questions[] = {
        {"request-name", ask_request},
        {"release-name", ask_release},
        {"name-has-owner", ask_owner},
        {"unix-user", ask_user},
        {"id", ask_id},
        {"start-service", ask_start},
        {"add-match", ask_match},
        {"send-match", send_match},
        {"block", ask_and_block},
        {"pending", ask_pending},
};

static void ask_all(gconstpointer data)
{
        const struct question *q = data;
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusConnection *c = bus_connect(bus);
                DBusError error = DBUS_ERROR_INIT;
                bool ok;

                oom_begin(&oom);
                ok = q->ask(c, &error);
                oom_end(&oom, ok);
                if (!ok) {
                        /* It may be the answer that there was no memory for. */
                        if (dbus_error_is_set(&error))
                                g_assert_true(dbus_error_has_name(&error, DBUS_ERROR_NO_MEMORY) ||
                                              dbus_error_has_name(&error, DBUS_ERROR_NO_REPLY));
                        dbus_error_free(&error);
                        g_assert_true(dbus_connection_get_is_connected(c));
                        ok = q->ask(c, &error);
                        expect_no_error(&error);
                        /* Whoever asked may have it already. */
                        g_assert_true(ok || q->ask == ask_request);
                }
                bus_disconnect(c);
        }
}

/* Opening and registering, at once and one after the other. */

static void get_private(void)
{
        struct oom oom = {0};

        g_setenv("DBUS_SESSION_BUS_ADDRESS", bus->address, TRUE);
        while (oom_next(&oom)) {
                DBusError error = DBUS_ERROR_INIT;
                DBusConnection *c;

                oom_begin(&oom);
                c = dbus_bus_get_private(DBUS_BUS_SESSION, &error);
                oom_end(&oom, c != NULL);
                if (!c) {
                        dbus_error_free(&error);
                        c = dbus_bus_get_private(DBUS_BUS_SESSION, &error);
                        expect_no_error(&error);
                }
                dbus_connection_set_exit_on_disconnect(c, FALSE);
                g_assert_nonnull(dbus_bus_get_unique_name(c));
                connection_end(c);
        }
}

static void set_unique_name(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusError error = DBUS_ERROR_INIT;
                DBusConnection *c = dbus_connection_open_private(bus->address, &error);
                bool ok;

                expect_no_error(&error);
                dbus_connection_set_exit_on_disconnect(c, FALSE);
                oom_begin(&oom);
                ok = dbus_bus_set_unique_name(c, ":1.4711");
                oom_end(&oom, ok);
                g_assert_true(ok || dbus_bus_set_unique_name(c, ":1.4711"));
                g_assert_cmpstr(dbus_bus_get_unique_name(c), ==, ":1.4711");
                connection_end(c);
        }
}

int main(int argc, char **argv)
{
        int status;

        harness_init(&argc, &argv);
        for (size_t i = 0; i < G_N_ELEMENTS(questions); i++) {
                g_autofree char *path = g_strdup_printf("/oom-bus/%s", questions[i].name);

                g_test_add_data_func(path, &questions[i], ask_all);
        }
        g_test_add_func("/oom-bus/get-private", get_private);
        g_test_add_func("/oom-bus/set-unique-name", set_unique_name);
        bus = bus_new(NULL);
        if (!bus)
                return EXIT_FAILURE;
        status = g_test_run();
        bus_free(bus);
        return status;
}
