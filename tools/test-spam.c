/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test-payload.h"
#include "test-tool.h"
#include "tool.h"

/*
 * The subcommand that calls: "spam".
 */

struct spam {
        DBusBusType bus;
        const char *destination;
        struct payload payload;
        bool ignore_errors, flood, no_reply;
        int count, queue, per_connection; /* queue: 0 if not said; per_connection: as many as there
                                             are if not above 0 */
        DBusConnection *connection;
        int sent, sent_here, waiting, received; /* sent_here: on this connection */
};

static _Noreturn void usage(void)
{
        fputs("Usage: dbus-test-tool spam [OPTIONS]\n"
              "\n"
              "Repeatedly call com.example.Spam() on the given D-Bus service.\n"
              "\n"
              "Options:\n"
              "\n"
              "    --session     use the session bus (default)\n"
              "    --system      use the system bus\n"
              "\n"
              "    --ignore-errors    ignore errors\n"
              "    --dest=NAME   call methods on NAME (default org.freedesktop.DBus)\n"
              "\n"
              "    --count=N     send N messages (default 1)\n"
              "    --queue=N     queue up N messages at a time (default 1)\n"
              "    --flood       send all messages immediately\n"
              "    --no-reply    set the NO_REPLY flag (implies --flood)\n"
              "    --messages-per-conn=N   after sending messages-per-conn, wait\n"
              "                  for the pending replies if any, then reconnect\n"
              "                  (default: don't reconnect)\n"
              "\n"
              "    --string      send payload as a string (default)\n"
              "    --bytes       send payload as a byte-array\n"
              "    --empty       send an empty payload\n"
              "\n"
              "    --payload=S   use S as payload (default \"hello, world!\")\n"
              "    --stdin       read payload from stdin, until EOF\n"
              "    --message-stdin   read a complete D-Bus message from stdin\n"
              "    --random-size read whitespace-separated ASCII decimal\n"
              "                  payload sizes from stdin and pick one randomly\n"
              "                  for each message\n"
              "\n"
              "    --seed=SEED   seed for srand (default is time())\n"
              "\n",
              stderr);
        exit(TEST_TOOL_USAGE_STATUS);
}

static int number(const char *text, int least)
{
        long n = strtol(text, NULL, 10);

        if (n < least || n > INT_MAX)
                usage();
        return (int)n;
}

static void require_no_payload(const struct spam *s)
{
        if (payload_is_set(&s->payload)) {
                fputs("At most one of --payload, --stdin, --message-stdin and --random-size may be "
                      "specified\n\n",
                      stderr);
                usage();
        }
}

static void set_count(struct spam *s, const char *value)
{
        s->count = number(value, 1);
}

static void set_queue(struct spam *s, const char *value)
{
        s->queue = number(value, 1);
}

static void set_per_connection(struct spam *s, const char *value)
{
        s->per_connection = number(value, INT_MIN);
}

static void set_destination(struct spam *s, const char *value)
{
        s->destination = value;
}

static void set_seed(struct spam *s, const char *value)
{
        (void)s;
        srand((unsigned)strtoul(value, NULL, 10));
}

static void set_payload(struct spam *s, const char *value)
{
        require_no_payload(s);
        payload_set_text(&s->payload, value);
}

static void read_bytes(struct spam *s)
{
        require_no_payload(s);
        payload_read_bytes(&s->payload);
}

static void read_message(struct spam *s)
{
        require_no_payload(s);
        payload_read_message(&s->payload);
}

static void read_sizes(struct spam *s)
{
        require_no_payload(s);
        payload_read_sizes(&s->payload);
}

static void set_string(struct spam *s)
{
        s->payload.kind = PAYLOAD_STRING;
}

static void set_bytes(struct spam *s)
{
        s->payload.kind = PAYLOAD_BYTES;
}

static void set_empty(struct spam *s)
{
        s->payload.kind = PAYLOAD_EMPTY;
}

static void set_flood(struct spam *s)
{
        s->flood = true;
}

static void set_no_reply(struct spam *s)
{
        s->no_reply = true;
}

static void set_ignore_errors(struct spam *s)
{
        s->ignore_errors = true;
}

static void take_option(struct spam *s, const char *argument)
{
        static const struct {
                const char *name;
                void (*set)(struct spam *, const char *);
        } values[] = {
                {"--count", set_count},      {"--queue", set_queue},
                {"--dest", set_destination}, {"--payload", set_payload},
                {"--seed", set_seed},        {"--messages-per-conn", set_per_connection},
        };
        static const struct {
                const char *name;
                void (*set)(struct spam *);
        } flags[] = {
                {"--stdin", read_bytes},
                {"--message-stdin", read_message},
                {"--random-size", read_sizes},
                {"--string", set_string},
                {"--bytes", set_bytes},
                {"--empty", set_empty},
                {"--flood", set_flood},
                {"--no-reply", set_no_reply},
                {"--ignore-errors", set_ignore_errors},
        };

        for (size_t i = 0; i < sizeof(values) / sizeof(*values); ++i) {
                const char *value = tool_value(argument, values[i].name);

                if (value) {
                        values[i].set(s, value);
                        return;
                }
        }
        for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); ++i)
                if (strcmp(argument, flags[i].name) == 0) {
                        flags[i].set(s);
                        return;
                }
        if (!test_tool_take_bus(&s->bus, argument))
                usage();
}

static void parse_arguments(struct spam *s, int argc, char **argv)
{
        for (int i = 1; i < argc; ++i)
                take_option(s, argv[i]);
        /* A flood has no queue, nor does it wait for what is needed to change connections. */
        if (((s->flood || s->no_reply) && s->queue) || (s->flood && s->per_connection))
                usage();
        if (!s->queue)
                s->queue = s->flood || s->no_reply ? INT_MAX : 1;
        if (!payload_is_set(&s->payload))
                payload_set_text(&s->payload, "hello, world!");
        if (!dbus_validate_bus_name(s->destination, NULL)) {
                fprintf(stderr, "invalid value (%s) of \"--dest\"\n", s->destination);
                exit(EXIT_FAILURE);
        }
}

static void connect(struct spam *s)
{
        DBusError error = DBUS_ERROR_INIT;

        s->connection = dbus_bus_get_private(s->bus, &error);
        if (!s->connection)
                test_tool_not_connected(&error);
        dbus_connection_set_exit_on_disconnect(s->connection, FALSE);
        s->sent_here = 0;
}

static void disconnect(struct spam *s)
{
        dbus_connection_flush(s->connection);
        dbus_connection_close(s->connection);
        dbus_connection_unref(s->connection);
}

static void take_reply(DBusPendingCall *call, void *data)
{
        struct spam *s = data;
        DBusMessage *reply = dbus_pending_call_steal_reply(call);
        DBusError error = DBUS_ERROR_INIT;

        if (!s->ignore_errors && dbus_set_error_from_message(&error, reply))
                fprintf(stderr, "Failed to receive reply #%d: %s: %s\n", s->received, error.name,
                        error.message);
        dbus_error_free(&error);
        dbus_message_unref(reply);
        ++s->received;
        --s->waiting;
}

static void call(struct spam *s, DBusMessage *message)
{
        DBusPendingCall *call;

        if (!dbus_connection_send_with_reply(s->connection, message, &call, DBUS_TIMEOUT_INFINITE))
                tool_out_of_memory("sending message");
        /* On a connection that was lost there is none: that is seen when it is read. */
        if (!call)
                return;
        ++s->waiting;
        if (!dbus_pending_call_set_notify(call, take_reply, s, NULL))
                tool_out_of_memory("setting pending call notifier");
        dbus_pending_call_unref(call);
}

static void send(struct spam *s)
{
        DBusMessage *message = payload_new_message(&s->payload, s->destination);

        if (s->no_reply) {
                dbus_message_set_no_reply(message, TRUE);
                if (!dbus_connection_send(s->connection, message, NULL))
                        tool_out_of_memory("sending message");
        } else {
                call(s, message);
        }
        dbus_message_unref(message);
        ++s->sent;
        ++s->sent_here;
}

/* Returns 0, or -1 if the connection was lost. */
static int run(struct spam *s)
{
        while (s->sent < s->count || s->waiting) {
                bool full = s->per_connection > 0 && s->sent_here >= s->per_connection;

                if (s->sent < s->count && s->waiting < s->queue && !full) {
                        send(s);
                } else if (full && !s->waiting) {
                        disconnect(s);
                        connect(s);
                } else if (!dbus_connection_read_write_dispatch(s->connection, -1)) {
                        return -1;
                }
        }
        return dbus_connection_get_is_connected(s->connection) ? 0 : -1;
}

int test_tool_spam(int argc, char **argv)
{
        struct spam spam = {.bus = DBUS_BUS_SESSION, .destination = DBUS_SERVICE_DBUS, .count = 1};
        int r;

        srand((unsigned)time(NULL));
        parse_arguments(&spam, argc, argv);
        connect(&spam);
        r = run(&spam);
        disconnect(&spam);
        payload_free(&spam.payload);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
