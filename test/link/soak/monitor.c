/* SPDX-License-Identifier: MIT */
#include <err.h>
#include <signal.h>
#include <string.h>

#include "worker.h"

/* Without traffic, nothing says that a monitor has been shown all that there was. */
#define LINGER_NS 3000000000u

static volatile sig_atomic_t has_had_enough;

static void on_term(int number)
{
        (void)number;
        has_had_enough = 1;
}

struct monitor {
        struct worker worker; /* its connection and its log */
        uint64_t left;        /* when it had enough; 0: it has not */
        bool done;
};

static bool is_of_soak(DBusMessage *m)
{
        return dbus_message_has_interface(m, FREE_INTERFACE) ||
               dbus_message_has_interface(m, RESTRICTED_INTERFACE);
}

static bool is_reply(DBusMessage *m)
{
        int type = dbus_message_get_type(m);

        return type == DBUS_MESSAGE_TYPE_METHOD_RETURN || type == DBUS_MESSAGE_TYPE_ERROR;
}

static DBusHandlerResult look(DBusConnection *c, DBusMessage *m, void *data)
{
        struct monitor *o = data;
        struct record r = {.event = EVENT_SEEN, .type = (uint8_t)dbus_message_get_type(m)};
        uint64_t time = 0;
        enum wish wish;
        uint32_t third;

        (void)c;
        if (dbus_message_is_signal(m, DBUS_INTERFACE_LOCAL, "Disconnected"))
                o->worker.lost_bus = true;
        else if (is_of_soak(m))
                r.id = saying_read(&o->worker, m, &wish, &third, &time);
        else if (is_reply(m) && !dbus_message_has_sender(m, DBUS_SERVICE_DBUS))
                r.id = saying_id(m);
        if (r.id)
                log_add(&o->worker.log, &r, dbus_message_get_sender(m),
                        dbus_message_get_destination(m));
        /* This was sent later, so it is behind all that were sent before. */
        o->done |= o->left && time > o->left;
        return DBUS_HANDLER_RESULT_HANDLED;
}

static void become_monitor(DBusConnection *c)
{
        DBusMessage *m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                      DBUS_INTERFACE_MONITORING, "BecomeMonitor");
        DBusError error = DBUS_ERROR_INIT;
        const char *const rules[] = {NULL}, *const *none = rules;
        dbus_uint32_t flags = 0;

        if (!m || !dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &none, 0,
                                            DBUS_TYPE_UINT32, &flags, DBUS_TYPE_INVALID))
                errx(1, "no memory");
        if (!dbus_connection_send_with_reply_and_block(c, m, DBUS_TIMEOUT_INFINITE, &error))
                errx(1, "%s: %s", error.name, error.message);
        dbus_message_unref(m);
}

static void eavesdrop(DBusConnection *c)
{
        static const char *const rules[] = {
                "type='method_call',path='" SOAK_PATH "',eavesdrop='true'",
                "type='signal',path='" SOAK_PATH "',eavesdrop='true'",
                "type='method_return',eavesdrop='true'",
                "type='error',eavesdrop='true'",
        };

        for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); ++i) {
                DBusError error = DBUS_ERROR_INIT;

                dbus_bus_add_match(c, rules[i], &error);
                if (dbus_error_is_set(&error))
                        errx(1, "%s: %s", error.name, error.message);
        }
}

static void note(struct monitor *o, enum event event, uint32_t size)
{
        struct record r = {.event = (uint8_t)event, .size = size};

        log_add(&o->worker.log, &r, NULL, NULL);
}

int monitor_main(const char *address, const char *log, const char *how)
{
        static struct monitor o;
        bool eavesdrops = !strcmp(how, "eavesdrop");

        signal(SIGTERM, on_term);
        log_open(&o.worker.log, log);
        o.worker.connection = connect_to(address);
        if (!dbus_connection_add_filter(o.worker.connection, look, &o, NULL))
                errx(1, "no memory");
        if (eavesdrops)
                eavesdrop(o.worker.connection);
        else
                become_monitor(o.worker.connection);
        note(&o, EVENT_WATCHING, eavesdrops);
        while (!o.done && !o.worker.lost_bus) {
                loop_turn(o.worker.connection, false, 20);
                if (has_had_enough && !o.left) {
                        note(&o, EVENT_LEAVING, 0);
                        o.left = monotonic_now();
                }
                if (o.left && monotonic_now() - o.left > LINGER_NS)
                        o.done = true;
        }
        note(&o, EVENT_ENDED, 0);
        return o.worker.lost_bus;
}
