/* SPDX-License-Identifier: MIT */
/*
 * The program that the client libraries are measured with: a service and its callers, written as
 * programs on <dbus/dbus.h> are. It links the stock library; LD_LIBRARY_PATH says which one it
 * gets.
 *
 *     lib-client TASK
 *
 * uses the bus at DBUS_SESSION_BUS_ADDRESS. It says "ready" when it is, and then reads numbers from
 * its input, a line each: it does its task so many times and says "done". At the end of its input
 * it ends. The service ends when it is called "Quit".
 */
#include "lib-names.h"
#include "lib-payload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN_FLIGHT 64u
#define BATCH     64u /* signals that are asked for at once */

/* What a task has between its runs. */
struct state {
        DBusConnection *bus; /* NULL: the task needs none */
        DBusMessage *message;
        char *bytes; /* `message`, marshalled */
        int n_bytes;
        unsigned long sent, done, wanted;
        dbus_bool_t failed;
};

struct task {
        const char *name;
        /* Before all runs. Exits if it fails. */
        void (*prepare)(struct state *s, const struct task *t);
        /* Once, or (if `batch`) all at once. FALSE: failed. */
        dbus_bool_t (*once)(struct state *s, const struct task *t);
        dbus_bool_t (*batch)(struct state *s, const struct task *t, unsigned long n);
        int argument; /* an exchange or a payload */
};

static void __attribute__((noreturn)) fail(const char *what, const DBusError *error)
{
        fprintf(stderr, "lib-client: %s%s%s\n", what, error ? ": " : "",
                error ? error->message : "");
        exit(1);
}

static DBusConnection *connect_to_bus(void)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusConnection *c = dbus_bus_get_private(DBUS_BUS_SESSION, &error);

        if (!c)
                fail("no bus", &error);
        dbus_connection_set_exit_on_disconnect(c, FALSE);
        return c;
}

static DBusMessage *new_call(const struct exchange *e)
{
        DBusMessage *call = dbus_message_new_method_call(SERVICE_NAME, SERVICE_PATH,
                                                         SERVICE_INTERFACE, e->member);

        if (!call || !payloads[e->call].append(call))
                fail("no memory for a call", NULL);
        return call;
}

/* --- the service --- */

static dbus_bool_t answer(DBusConnection *c, DBusMessage *call, const struct exchange *e)
{
        DBusMessage *reply;
        dbus_bool_t ok;

        if (!payloads[e->call].read(call))
                return FALSE;
        reply = dbus_message_new_method_return(call);
        ok = reply && payloads[e->reply].append(reply) && dbus_connection_send(c, reply, NULL);
        if (reply)
                dbus_message_unref(reply);
        return ok;
}

/* Sends as many signals as the call asks for. */
static dbus_bool_t emit(DBusConnection *c, DBusMessage *call)
{
        dbus_uint32_t n;

        if (!dbus_message_get_args(call, NULL, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID))
                return FALSE;
        while (n--) {
                DBusMessage *tick =
                        dbus_message_new_signal(SERVICE_PATH, SERVICE_INTERFACE, SERVICE_TICK);

                if (!tick || !payloads[PAYLOAD_SMALL].append(tick) ||
                    !dbus_connection_send(c, tick, NULL))
                        return FALSE;
                dbus_message_unref(tick);
        }
        return TRUE;
}

static DBusHandlerResult serve(DBusConnection *c, DBusMessage *m, void *data)
{
        dbus_bool_t *quit = data;

        for (int i = 0; i < EXCHANGE_MAX; ++i) {
                if (!dbus_message_is_method_call(m, SERVICE_INTERFACE, exchanges[i].member))
                        continue;
                if (!answer(c, m, &exchanges[i]))
                        fail(exchanges[i].member, NULL);
                return DBUS_HANDLER_RESULT_HANDLED;
        }
        if (dbus_message_is_method_call(m, SERVICE_INTERFACE, SERVICE_EMIT)) {
                if (!emit(c, m))
                        fail(SERVICE_EMIT, NULL);
                return DBUS_HANDLER_RESULT_HANDLED;
        }
        if (dbus_message_is_method_call(m, SERVICE_INTERFACE, SERVICE_QUIT)) {
                *quit = TRUE;
                return DBUS_HANDLER_RESULT_HANDLED;
        }
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static void say(const char *what)
{
        if (puts(what) < 0 || fflush(stdout) != 0)
                exit(1);
}

static int run_service(void)
{
        static const DBusObjectPathVTable object = {.message_function = serve};
        DBusError error = DBUS_ERROR_INIT;
        DBusConnection *c = connect_to_bus();
        dbus_bool_t quit = FALSE;

        if (!dbus_connection_register_object_path(c, SERVICE_PATH, &object, &quit))
                fail("no memory for an object", NULL);
        if (dbus_bus_request_name(c, SERVICE_NAME, 0, &error) < 0)
                fail("no name", &error);
        say("ready");
        while (!quit && dbus_connection_read_write_dispatch(c, -1))
                ;
        dbus_connection_close(c);
        dbus_connection_unref(c);
        return 0;
}

/* --- calls --- */

static void prepare_bus(struct state *s, const struct task *t)
{
        (void)t;
        s->bus = connect_to_bus();
}

static dbus_bool_t call_blocking(struct state *s, const struct task *t)
{
        const struct exchange *e = &exchanges[t->argument];
        DBusMessage *call = new_call(e);
        DBusMessage *reply = dbus_connection_send_with_reply_and_block(s->bus, call, -1, NULL);
        dbus_bool_t ok = reply && payloads[e->reply].read(reply);

        dbus_message_unref(call);
        if (reply)
                dbus_message_unref(reply);
        return ok;
}

static void replied(DBusPendingCall *pending, void *data)
{
        struct state *s = data;
        DBusMessage *reply = dbus_pending_call_steal_reply(pending);

        if (dbus_message_get_type(reply) != DBUS_MESSAGE_TYPE_METHOD_RETURN ||
            !payloads[PAYLOAD_SMALL].read(reply))
                s->failed = TRUE;
        dbus_message_unref(reply);
        s->done += 1;
}

static dbus_bool_t call_async(struct state *s, const struct exchange *e)
{
        DBusMessage *call = new_call(e);
        DBusPendingCall *pending;
        dbus_bool_t ok = dbus_connection_send_with_reply(s->bus, call, &pending, -1) && pending &&
                         dbus_pending_call_set_notify(pending, replied, s, NULL);

        dbus_message_unref(call);
        if (ok)
                dbus_pending_call_unref(pending);
        s->sent += 1;
        return ok;
}

/* Every reply makes room for the next call. */
static dbus_bool_t call_in_flight(struct state *s, const struct task *t, unsigned long n)
{
        s->sent = s->done = 0;
        while (s->done < n && !s->failed) {
                while (s->sent < n && s->sent - s->done < IN_FLIGHT) {
                        if (!call_async(s, &exchanges[t->argument]))
                                return FALSE;
                }
                if (!dbus_connection_read_write_dispatch(s->bus, -1))
                        return FALSE;
        }
        return !s->failed;
}

/* --- signals --- */

static DBusHandlerResult ticked(DBusConnection *c, DBusMessage *m, void *data)
{
        struct state *s = data;

        (void)c;
        if (!dbus_message_is_signal(m, SERVICE_INTERFACE, SERVICE_TICK))
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        if (!payloads[PAYLOAD_SMALL].read(m))
                s->failed = TRUE;
        s->done += 1;
        return DBUS_HANDLER_RESULT_HANDLED;
}

static void prepare_filter(struct state *s, const struct task *t)
{
        DBusError error = DBUS_ERROR_INIT;

        prepare_bus(s, t);
        if (!dbus_connection_add_filter(s->bus, ticked, s, NULL))
                fail("no memory for a filter", NULL);
        dbus_bus_add_match(s->bus, "type='signal',interface='" SERVICE_INTERFACE "'", &error);
        if (dbus_error_is_set(&error))
                fail("no match rule", &error);
}

static dbus_bool_t ask_for_signals(struct state *s, dbus_uint32_t n)
{
        DBusMessage *call = dbus_message_new_method_call(SERVICE_NAME, SERVICE_PATH,
                                                         SERVICE_INTERFACE, SERVICE_EMIT);
        dbus_bool_t ok;

        if (!call)
                return FALSE;
        dbus_message_set_no_reply(call, TRUE);
        ok = dbus_message_append_args(call, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID) &&
             dbus_connection_send(s->bus, call, NULL);
        dbus_message_unref(call);
        return ok;
}

static dbus_bool_t receive_signals(struct state *s, const struct task *t, unsigned long n)
{
        (void)t;
        s->done = s->wanted = 0;
        while (s->done < n && !s->failed) {
                if (s->done == s->wanted) {
                        unsigned long more = n - s->done < BATCH ? n - s->done : BATCH;

                        if (!ask_for_signals(s, (dbus_uint32_t)more))
                                return FALSE;
                        s->wanted += more;
                }
                if (!dbus_connection_read_write_dispatch(s->bus, -1))
                        return FALSE;
        }
        return !s->failed;
}

/* --- connections --- */

static dbus_bool_t come_and_go(struct state *s, const struct task *t)
{
        DBusConnection *c = connect_to_bus();

        (void)s;
        (void)t;
        dbus_connection_close(c);
        dbus_connection_unref(c);
        return TRUE;
}

/* They stay until the program ends. */
static dbus_bool_t come_and_stay(struct state *s, const struct task *t)
{
        (void)s;
        (void)t;
        connect_to_bus();
        return TRUE;
}

/* --- messages without a bus --- */

static dbus_bool_t build(struct state *s, const struct task *t)
{
        DBusMessage *m =
                dbus_message_new_method_call(SERVICE_NAME, SERVICE_PATH, SERVICE_INTERFACE, "M");
        dbus_bool_t ok = m && payloads[t->argument].append(m);

        (void)s;
        if (m)
                dbus_message_unref(m);
        return ok;
}

/* A message as it comes from elsewhere. */
static void prepare_message(struct state *s, const struct task *t)
{
        DBusMessage *m =
                dbus_message_new_method_call(SERVICE_NAME, SERVICE_PATH, SERVICE_INTERFACE, "M");

        if (!m || !payloads[t->argument].append(m))
                fail("no memory for a message", NULL);
        dbus_message_set_serial(m, 1);
        if (!dbus_message_marshal(m, &s->bytes, &s->n_bytes))
                fail("no memory for the bytes of a message", NULL);
        dbus_message_unref(m);
        s->message = dbus_message_demarshal(s->bytes, s->n_bytes, NULL);
        if (!s->message)
                fail("no message", NULL);
}

static dbus_bool_t read_message(struct state *s, const struct task *t)
{
        return payloads[t->argument].read(s->message);
}

static dbus_bool_t demarshal(struct state *s, const struct task *t)
{
        DBusMessage *m = dbus_message_demarshal(s->bytes, s->n_bytes, NULL);

        (void)t;
        if (!m)
                return FALSE;
        dbus_message_unref(m);
        return TRUE;
}

static void prepare_nothing(struct state *s, const struct task *t)
{
        (void)s;
        (void)t;
}

/* --- all of them --- */

#define CALL(id)         .prepare = prepare_bus, .once = call_blocking, .argument = id
#define BUILD(id)        .prepare = prepare_nothing, .once = build, .argument = id
#define READ(id)         .prepare = prepare_message, .once = read_message, .argument = id
#define DEMARSHAL(id)    .prepare = prepare_message, .once = demarshal, .argument = id
#define CONNECTIONS(how) .prepare = prepare_nothing, .once = how

static const struct task tasks[] = {
        {"call", CALL(EXCHANGE_SMALL)},
        {"property", CALL(EXCHANGE_PROPERTY)},
        {"dict", CALL(EXCHANGE_DICT)},
        {"bytes", CALL(EXCHANGE_BYTES)},
        {"block", CALL(EXCHANGE_BLOCK)},
        {"strings-call", CALL(EXCHANGE_STRINGS_CALL)},
        {"strings-reply", CALL(EXCHANGE_STRINGS_REPLY)},
        {"async", .prepare = prepare_bus, .batch = call_in_flight, .argument = EXCHANGE_SMALL},
        {"signal", .prepare = prepare_filter, .batch = receive_signals},
        {"connect", CONNECTIONS(come_and_go)},
        {"stay", CONNECTIONS(come_and_stay)},
        {"build-small", BUILD(PAYLOAD_SMALL)},
        {"build-dict", BUILD(PAYLOAD_DICT)},
        {"build-bytes", BUILD(PAYLOAD_BYTES)},
        {"build-strings", BUILD(PAYLOAD_STRINGS)},
        {"build-iterated", BUILD(PAYLOAD_ITERATED)},
        {"read-small", READ(PAYLOAD_SMALL)},
        {"read-dict", READ(PAYLOAD_DICT)},
        {"read-strings", READ(PAYLOAD_STRINGS)},
        {"read-iterated", READ(PAYLOAD_ITERATED)},
        {"demarshal-small", DEMARSHAL(PAYLOAD_SMALL)},
        {"demarshal-dict", DEMARSHAL(PAYLOAD_DICT)},
        {"demarshal-bytes", DEMARSHAL(PAYLOAD_BYTES)},
        {"demarshal-strings", DEMARSHAL(PAYLOAD_STRINGS)},
};

static dbus_bool_t run(struct state *s, const struct task *t, unsigned long n)
{
        if (t->batch)
                return t->batch(s, t, n);
        while (n--) {
                if (!t->once(s, t))
                        return FALSE;
        }
        return TRUE;
}

static int run_task(const struct task *t)
{
        struct state s = {0};
        char line[32];

        t->prepare(&s, t);
        say("ready");
        while (fgets(line, sizeof(line), stdin)) {
                if (!run(&s, t, strtoul(line, NULL, 10)))
                        fail(t->name, NULL);
                say("done");
        }
        if (s.bus) {
                dbus_connection_close(s.bus);
                dbus_connection_unref(s.bus);
        }
        if (s.message)
                dbus_message_unref(s.message);
        dbus_free(s.bytes);
        return 0;
}

int main(int argc, char **argv)
{
        if (argc == 2 && strcmp(argv[1], "service") == 0)
                return run_service();
        for (size_t i = 0; argc == 2 && i < sizeof(tasks) / sizeof(tasks[0]); ++i) {
                if (strcmp(argv[1], tasks[i].name) == 0)
                        return run_task(&tasks[i]);
        }
        fputs("usage: lib-client service|TASK\n", stderr);
        return 2;
}
