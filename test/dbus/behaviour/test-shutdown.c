/* SPDX-License-Identifier: MIT */
/* dbus_shutdown(), each time in a process of its own: it may end the program. */

#include <stdio.h>

#include "harness.h"
#include "peers.h"

static void put_freed(void *data)
{
        (void)data;
        puts("filter freed");
}

static DBusHandlerResult put_message(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        (void)data;
        printf("filter sees %s\n", dbus_message_get_member(message));
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static void put_notify(DBusPendingCall *pending, void *data)
{
        (void)data;
        printf("notified, %d\n", dbus_pending_call_get_completed(pending));
}

static void shut_down(void)
{
        dbus_shutdown();
        puts("shut down");
}

/* The one that is kept, which does not end the program unless it is told to. */
static DBusConnection *get(void)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusConnection *c = dbus_bus_get(DBUS_BUS_SESSION, &error);

        printf("got %s\n", c ? "it" : error.name);
        dbus_error_free(&error);
        if (!c)
                return NULL;
        dbus_connection_set_exit_on_disconnect(c, FALSE);
        dbus_connection_add_filter(c, put_message, NULL, put_freed);
        return c;
}

static void without_connections(void *data)
{
        (void)data;
        shut_down();
        shut_down();
}

/* What the application still has then it must not use any more, nor give back. */
static DBusConnection *kept;
static DBusPendingCall *kept_call;

static void with_reference(void *data)
{
        (void)data;
        kept = get();
        shut_down();
}

static void without_reference(void *data)
{
        (void)data;
        dbus_connection_unref(get());
        shut_down();
}

static void ending_the_program(void *data)
{
        (void)data;
        dbus_connection_set_exit_on_disconnect(get(), TRUE);
        fflush(stdout);
        shut_down();
}

static void with_private(void *data)
{
        (void)data;
        kept = dbus_bus_get_private(DBUS_BUS_SESSION, NULL);
        shut_down();
}

static void with_pending_call(void *data)
{
        DBusMessage *m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, "/", DBUS_INTERFACE_DBUS,
                                                      "ListNames");
        DBusConnection *c = get();

        (void)data;
        dbus_connection_send_with_reply(c, m, &kept_call, -1);
        dbus_pending_call_set_notify(kept_call, put_notify, NULL, NULL);
        dbus_message_unref(m);
        dbus_connection_unref(c);
        shut_down();
}

/* What the environment says is looked up again. */
static void and_again(void *data)
{
        (void)data;
        dbus_connection_unref(get());
        shut_down();
        dbus_connection_unref(get());
        shut_down();
        dbus_setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
        g_assert_null(get());
}

static const struct {
        const char *path;
        void (*run)(void *);
} cases[] = {
        {"/shutdown/without-connections", without_connections},
        {"/shutdown/with-reference", with_reference},
        {"/shutdown/without-reference", without_reference},
        {"/shutdown/ending-the-program", ending_the_program},
        {"/shutdown/with-private", with_private},
        {"/shutdown/with-pending-call", with_pending_call},
        {"/shutdown/and-again", and_again},
};

static void run(gconstpointer data)
{
        void (*const *f)(void *) = data;
        struct bus *b = bus_new(NULL);
        g_autofree char *address = g_strdup_printf("DBUS_SESSION_BUS_ADDRESS=%s", b->address);
        const char *environment[] = {address, "DBUS_FATAL_WARNINGS=0", NULL};
        struct captured *child = capture(*f, NULL, environment);

        note_captured("child", child);
        g_assert_true(child->exited);
        captured_free(child);
        bus_free(b);
}

int main(int argc, char **argv)
{
        harness_init(&argc, &argv);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                g_test_add_data_func(cases[i].path, &cases[i].run, run);
        return g_test_run();
}
