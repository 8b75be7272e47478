/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dbus/dbus.h>

#include "bus-choice.h"
#include "capture.h"
#include "print-message.h"
#include "profile.h"
#include "tool.h"

/*
 * dbus-monitor(1): prints the messages that pass a bus.
 */

/* A form of output. Each returns 0 or -errno. */
struct format {
        int (*begin)(void);
        int (*show)(DBusMessage *);
};

struct options {
        struct bus_choice bus;
        bool bus_named;
        const struct format *format;
        char **rules; /* with "eavesdrop=true" before what the user wrote; to be freed */
        int n_rules;
};

static int begin_nothing(void)
{
        return 0;
}

static int begin_profile(void)
{
        profile_print_heading();
        return 0;
}

static int show_text(DBusMessage *message)
{
        print_message(message);
        return 0;
}

static int show_profile(DBusMessage *message)
{
        profile_print(message);
        return 0;
}

static const struct format text_format = {begin_nothing, show_text},
                           profile_format = {begin_profile, show_profile},
                           binary_format = {begin_nothing, capture_write},
                           pcap_format = {capture_begin, capture_add};

#define EAVESDROP "eavesdrop=true"

static _Noreturn void usage(int status)
{
        fprintf(stderr,
                "Usage: %s [--system | --session | --address ADDRESS] "
                "[--monitor | --profile | --pcap | --binary ] [watch expressions]\n",
                program_invocation_name);
        exit(status);
}

static void set_bus(struct options *o, DBusBusType type, const char *address)
{
        if (o->bus_named) {
                fputs("I only support monitoring one bus at a time!\n", stderr);
                usage(EXIT_FAILURE);
        }
        o->bus = (struct bus_choice){type, address};
        o->bus_named = true;
}

static void add_rule(struct options *o, const char *rule)
{
        char *text;

        if (asprintf(&text, EAVESDROP ",%s", rule) < 0)
                tool_out_of_memory("adding a new filter");
        o->rules[o->n_rules++] = text;
}

static const struct format *find_format(const char *argument)
{
        static const struct {
                const char *option;
                const struct format *format;
        } formats[] = {
                {"--monitor", &text_format},
                {"--profile", &profile_format},
                {"--binary", &binary_format},
                {"--pcap", &pcap_format},
        };

        for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); ++i)
                if (strcmp(argument, formats[i].option) == 0)
                        return formats[i].format;
        return NULL;
}

static void parse_arguments(struct options *o, int argc, char **argv)
{
        o->rules = calloc((size_t)argc, sizeof(*o->rules));
        if (!o->rules)
                tool_out_of_memory("adding a new filter slot");
        for (int i = 1; i < argc; ++i) {
                const struct format *format = find_format(argv[i]);

                if (format)
                        o->format = format;
                else if (strcmp(argv[i], "--system") == 0)
                        set_bus(o, DBUS_BUS_SYSTEM, NULL);
                else if (strcmp(argv[i], "--session") == 0)
                        set_bus(o, DBUS_BUS_SESSION, NULL);
                else if (strcmp(argv[i], "--address") == 0) {
                        set_bus(o, DBUS_BUS_SESSION, argv[++i]);
                        if (!argv[i])
                                usage(EXIT_FAILURE);
                } else if (strcmp(argv[i], "--help") == 0)
                        usage(EXIT_SUCCESS);
                else if (argv[i][0] != '-')
                        add_rule(o, argv[i]);
                else if (strcmp(argv[i], "--") != 0)
                        usage(EXIT_FAILURE);
        }
}

static DBusConnection *connect(const struct options *o)
{
        const char *name = o->bus.address                   ? o->bus.address
                           : o->bus.type == DBUS_BUS_SYSTEM ? "system bus"
                                                            : "session bus";
        DBusError error = DBUS_ERROR_INIT;
        enum bus_step step;
        DBusConnection *c = bus_choice_open(&o->bus, &error, &step);

        if (!c) {
                fprintf(stderr,
                        step == BUS_STEP_OPEN ? "Failed to open connection to %s: %s\n"
                                              : "Failed to register connection to bus at %s: %s\n",
                        name, error.message);
                dbus_error_free(&error);
        }
        return c;
}

/* The call that turns a connection into a monitor (section "Monitoring" of the specification). */
static DBusMessage *new_request(const struct options *o)
{
        DBusMessage *m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                      DBUS_INTERFACE_MONITORING, "BecomeMonitor");
        dbus_uint32_t flags = 0;
        DBusMessageIter iter, rules;

        if (!m)
                tool_out_of_memory("becoming a monitor");
        dbus_message_iter_init_append(m, &iter);
        if (!dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING_AS_STRING,
                                              &rules))
                tool_out_of_memory("opening string array");
        for (int i = 0; i < o->n_rules; ++i)
                if (!dbus_message_iter_append_basic(&rules, DBUS_TYPE_STRING, &o->rules[i]))
                        tool_out_of_memory("adding filter to array");
        if (!dbus_message_iter_close_container(&iter, &rules) ||
            !dbus_message_iter_append_basic(&iter, DBUS_TYPE_UINT32, &flags))
                tool_out_of_memory("finishing arguments");
        return m;
}

static bool become_monitor(DBusConnection *c, const struct options *o)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *request = new_request(o),
                    *reply = dbus_connection_send_with_reply_and_block(c, request, -1, &error);

        dbus_message_unref(request);
        if (reply) {
                dbus_message_unref(reply);
                return true;
        }
        fputs("dbus-monitor: unable to enable new-style monitoring", stderr);
        if (dbus_error_has_name(&error, DBUS_ERROR_UNKNOWN_INTERFACE))
                fputs(", your dbus-daemon is too old.", stderr);
        else
                fprintf(stderr, ": %s: \"%s\".", error.name, error.message);
        fputs(" Falling back to eavesdropping.\n", stderr);
        dbus_error_free(&error);
        return false;
}

static bool try_match(DBusConnection *c, const char *rule, DBusError *error)
{
        dbus_bus_add_match(c, rule, error);
        return !dbus_error_is_set(error);
}

/* Asks for all that is sent. Returns 0, or -1 after it has said why that cannot be. */
static int eavesdrop_all(DBusConnection *c)
{
        DBusError error = DBUS_ERROR_INIT;

        if (try_match(c, EAVESDROP, &error))
                return 0;
        dbus_error_free(&error);
        if (try_match(c, "", &error))
                return 0;
        fprintf(stderr, "Error: %s\n", error.message);
        dbus_error_free(&error);
        return -1;
}

/* Asks for what rules match, whomever it is for. A bus that does not take the first of them that
 * way may be one that knows nothing of it, and is asked for what it lets everybody have. */
static int eavesdrop(DBusConnection *c, const struct options *o)
{
        DBusError error = DBUS_ERROR_INIT;
        size_t skipped = 0;

        for (int i = 0; i < o->n_rules; ++i) {
                bool ok = try_match(c, o->rules[i] + skipped, &error);

                if (!ok && i == 0) {
                        dbus_error_free(&error);
                        skipped = strlen(EAVESDROP ",");
                        ok = try_match(c, o->rules[i] + skipped, &error);
                }
                if (!ok) {
                        fprintf(stderr, "Failed to setup match \"%s\": %s\n", o->rules[i],
                                error.message);
                        dbus_error_free(&error);
                        return -1;
                }
        }
        return o->n_rules ? 0 : eavesdrop_all(c);
}

/* Shows all that has arrived. The message that the library makes when the connection is lost is the
 * last one. Returns 1 after it, 0, or -errno. */
static int show_arrived(DBusConnection *c, const struct format *format)
{
        DBusMessage *message;
        int r = 0;

        /* They are taken from the queue, not dispatched: the library would answer some calls that
         * are for others. */
        while (r == 0 && (message = dbus_connection_pop_message(c))) {
                r = format->show(message);
                if (r == 0 && dbus_message_is_signal(message, DBUS_INTERFACE_LOCAL, "Disconnected"))
                        r = 1;
                dbus_message_unref(message);
        }
        return r;
}

static int monitor(DBusConnection *c, const struct format *format)
{
        int r = format->begin();

        while (r == 0) {
                r = show_arrived(c, format);
                if (r == 0 && !dbus_connection_read_write(c, -1)) {
                        r = show_arrived(c, format);
                        break;
                }
        }
        if (r >= 0)
                return 0;
        errno = -r;
        perror("dbus-monitor: write");
        return -1;
}

int main(int argc, char **argv)
{
        struct options options = {.bus.type = DBUS_BUS_SESSION, .format = &text_format};
        DBusConnection *connection;
        int r;

        /* Whoever reads a pipe sees each line at once. */
        setvbuf(stdout, NULL, _IOLBF, 0);
        parse_arguments(&options, argc, argv);
        connection = connect(&options);
        if (!connection)
                return EXIT_FAILURE;
        r = become_monitor(connection, &options) ? 0 : eavesdrop(connection, &options);
        if (r == 0)
                r = monitor(connection, options.format);
        dbus_connection_unref(connection);
        for (int i = 0; i < options.n_rules; ++i)
                free(options.rules[i]);
        free(options.rules);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
