/* SPDX-License-Identifier: MIT */
/*
 * A connection that is not busy says nothing of links, and a busy one says one thing, once, to a
 * bus that knows nothing of them. It is the reference that is watched: its monitors are shown that,
 * too.
 */
#include "client.h"
#include "scene.h"

#define STOCK "/usr/bin/dbus-daemon"
/* Messages to peers after which a connection is busy. */
#define BUSY 32

static struct client *monitor_new(const struct scene *s)
{
        const struct wire_head head = {
                .type = WIRE_CALL,
                .path = WIRE_BUS_PATH,
                .interface = DBUS_INTERFACE_MONITORING,
                .member = "BecomeMonitor",
                .destination = WIRE_BUS,
                .signature = "asu",
        };
        struct client *c = client_new(s->daemon->socket);
        GByteArray *body = g_byte_array_new();
        struct incoming *reply;

        wire_put_u32(body, 0);
        wire_put_u32(body, 0);
        reply = client_reply(c, client_send(c, &head, body));
        g_assert_cmpint(reply->v.type, ==, WIRE_RETURN);
        incoming_free(reply);
        g_byte_array_unref(body);
        return c;
}

/* What is shown up to the signal "End": messages about links, and all others from `sender`. */
static void count(struct client *monitor, const char *sender, unsigned *about_links,
                  unsigned *others)
{
        bool ends = false;

        *about_links = *others = 0;
        while (!ends) {
                struct incoming *m = client_receive(monitor);

                ends = m->v.member && g_str_equal(m->v.member, "End");
                if (!ends && m->v.sender && g_str_equal(m->v.sender, sender)) {
                        if (m->v.interface &&
                            g_str_equal(m->v.interface, "org.freedesktop.DBus.PeerLinks1"))
                                *about_links += 1;
                        else
                                *others += 1;
                }
                incoming_free(m);
        }
}

static void test_silent(void)
{
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);
        struct client *monitor = monitor_new(s);
        unsigned about_links, others;

        b->mute = true;
        for (unsigned i = 0; i < BUSY - 1; ++i)
                party_say(a, b->name, "Say", i);
        /* Signals to all, and what is asked of the bus, make nobody busy. */
        for (unsigned i = 0; i < 3 * BUSY; ++i) {
                party_signal(a, NULL, "Told", i);
                g_assert_true(dbus_bus_name_has_owner(a->connection, b->name, NULL));
        }
        party_signal(a, NULL, "End", 0);
        dbus_connection_flush(a->connection);
        count(monitor, a->name, &about_links, &others);
        g_assert_cmpuint(about_links, ==, 0);
        g_assert_cmpuint(others, ==, BUSY - 1 + 6 * BUSY);

        for (unsigned i = 0; i < 20 * BUSY; ++i)
                party_say(a, b->name, "Say", i);
        party_signal(a, NULL, "End", 0);
        dbus_connection_flush(a->connection);
        count(monitor, a->name, &about_links, &others);
        g_assert_cmpuint(about_links, ==, !g_getenv("LINK_TEST_STOCK_LIBRARY"));
        g_assert_cmpuint(others, ==, 20 * BUSY);
        client_free(monitor);
        scene_free(s);
}

int main(int argc, char **argv)
{
        if (!g_file_test(STOCK, G_FILE_TEST_IS_EXECUTABLE)) {
                g_print("1..0 # SKIP there is no " STOCK "\n");
                return 0;
        }
        g_setenv("DBUS_DIRECT_TEST_DAEMON", STOCK, TRUE);
        daemon_test_init(&argc, &argv);
        g_test_add_func("/silent", test_silent);
        return g_test_run();
}
