/* SPDX-License-Identifier: MIT */
/*
 * <policy at_console="">, on a daemon for which own-seats.c answers in place of logind.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "config-file.h"
#include "daemon-fixture.h"

static const char denies[] =
        "<policy at_console=\"true\">"
        "<deny send_interface=\"org.freedesktop.DBus.Peer\" send_member=\"Ping\"/></policy>";
static char *seats_path;

static void set_seats(int n)
{
        g_autofree char *text = g_strdup_printf("%d\n", n);

        g_assert_true(g_file_set_contents(seats_path, text, -1, NULL));
}

static struct daemon *start(void)
{
        struct daemon *d = daemon_new(NULL);
        struct client *c = client_new(d->socket);

        config_file_write(d->config, d->socket, denies);
        client_tell_bus(c, "ReloadConfig", "", NULL);
        client_free(c);
        return d;
}

/* What a client is told that asks what is denied to those at the console. */
static char *error_of_ping(struct client *c)
{
        struct wire_head head = {.type = WIRE_CALL,
                                 .path = "/",
                                 .interface = "org.freedesktop.DBus.Peer",
                                 .member = "Ping",
                                 .destination = c->name};
        struct incoming *m = client_reply(c, client_send(c, &head, NULL));
        char *error = g_strdup(m->v.error_name);

        incoming_free(m);
        return error;
}

static void test_seats(void)
{
        static const int seats[] = {0, 1, 2, 0};
        struct daemon *d;

        set_seats(0);
        d = start();
        for (size_t i = 0; i < G_N_ELEMENTS(seats); ++i) {
                struct client *c;

                set_seats(seats[i]);
                c = client_new(d->socket);
                if (seats[i]) {
                        g_autofree char *error = error_of_ping(c);

                        g_assert_cmpstr(error, ==, WIRE_ERROR_("AccessDenied"));
                }
                client_free(c);
        }
        daemon_free(d);
}

/* Rules that deny are not passed by while nobody knows whom they are for. */
static void test_unknown(void)
{
        GByteArray *script;
        struct daemon *d;
        struct client *c;

        set_seats(0);
        d = start();
        set_seats(-ENXIO);
        c = client_connect(d->socket);
        script = client_auth_script(false);
        client_queue(c, script->data, script->len);
        g_byte_array_unref(script);
        client_wait_closed(c);
        client_free(c);
        set_seats(0);
        client_free(client_new(d->socket));
        daemon_free(d);
}

int main(int argc, char **argv)
{
        g_autofree char *directory = g_dir_make_tmp("console-test-XXXXXX", NULL);
        int status;

        daemon_test_init(&argc, &argv);
        g_assert_nonnull(directory);
        seats_path = g_build_filename(directory, "seats", NULL);
        g_assert_true(g_setenv("OWN_SEATS_FILE", seats_path, TRUE));
        g_test_add_func("/console/seats", test_seats);
        g_test_add_func("/console/unknown", test_unknown);
        status = g_test_run();
        g_unlink(seats_path);
        g_rmdir(directory);
        g_free(seats_path);
        return status;
}
