/* SPDX-License-Identifier: MIT */
/*
 * AppArmor decides: what is asked about each message and name, what becomes of the answers, and
 * what is audited.
 */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "lsm-fixture.h"

#define DENIED WIRE_ERROR_("AccessDenied")

#define TO_BUS(label, name, member)                                                                \
        "aa_query_label send " label "| session|" WIRE_BUS "|bus-label|" WIRE_BUS_PATH             \
        "|" WIRE_BUS "|" member "\n"                                                               \
        "aa_query_label receive bus-label| session|" name "|" label "|" WIRE_BUS_PATH "|" WIRE_BUS \
        "|" member "\n"
static struct lsm_bus *new_bus(void)
{
        return lsm_bus_new(LSM_APPARMOR, "<type>session</type>");
}

/* Audit goes there only with the right to write it, which root has. */
static bool skip_without_audit(void)
{
        if (!geteuid())
                return false;
        g_test_skip("only root may audit");
        return true;
}

/* The lines without those of the audit. */
static char *queries(const struct lsm_bus *b, unsigned *n_audited)
{
        g_autofree char *calls = lsm_calls(b);
        g_auto(GStrv) lines = g_strsplit(calls, "\n", -1);
        GString *s = g_string_new(NULL);

        *n_audited = 0;
        for (char **line = lines; *line; ++line) {
                if (g_str_has_prefix(*line, "aa_"))
                        g_string_append_printf(s, "%s\n", *line);
                *n_audited += strstr(*line, "apparmor=\"") != NULL;
        }
        return g_string_free(s, FALSE);
}

static void expect_queries(const struct lsm_bus *b, const char *expected, unsigned n_audited)
{
        unsigned n;
        g_autofree char *asked = queries(b, &n);

        g_assert_cmpstr(asked, ==, expected);
        g_assert_cmpuint(n, ==, n_audited);
}

/* The audit's text of the only decision that was audited. */
static void expect_audit(const struct lsm_bus *b, const char *expected)
{
        g_autofree char *calls = lsm_calls(b);
        char *start = strstr(calls, "[apparmor="), *end = start ? strchr(start, '\n') : NULL;

        g_assert_nonnull(end);
        *end = '\0';
        g_assert_cmpstr(start + 1, ==, expected);
        g_assert_null(strstr(end + 1, "[apparmor="));
}

static void test_hello(void)
{
        struct lsm_bus *b = new_bus();
        struct client *c;

        client_free(lsm_client(b, "first enforce"));
        lsm_forget(b);
        c = lsm_client(b, "a enforce");
        expect_queries(b, "aa_getpeercon\n" TO_BUS("a", ":not.active.yet", "Hello"), 0);
        client_free(c);
        /* Unconfined: only what the bus may receive. */
        c = lsm_client(b, "unconfined");
        expect_queries(b,
                       "aa_getpeercon\n"
                       "aa_query_label receive bus-label| session|:not.active.yet|unconfined|"
                       "/org/freedesktop/DBus|org.freedesktop.DBus|Hello\n",
                       0);
        client_free(c);
        lsm_script(b, "set peer a enforce\ndeny *Hello");
        c = client_connect(b->socket);
        client_authenticate(c, false);
        lsm_expect_error(client_call_bus(c, "Hello", NULL, NULL), DENIED,
                         "An AppArmor policy prevents this sender from sending this message to "
                         "this recipient; type=\"method_call\", sender=\"(null)\" (inactive) "
                         "interface=\"org.freedesktop.DBus\" member=\"Hello\" error "
                         "name=\"(unset)\" requested_reply=\"0\" "
                         "destination=\"org.freedesktop.DBus\" (bus)");
        client_free(c);
        lsm_bus_free(b);
}

/* Nobody may connect whose label cannot be told. */
static void test_no_label(void)
{
        struct lsm_bus *b = new_bus();
        struct client *c = lsm_client(b, "a enforce");
        struct client *refused;
        g_autofree char *log = NULL;
        GByteArray *script = client_auth_script(false);

        lsm_script(b, "fail aa_getpeercon");
        refused = client_connect(b->socket);
        client_queue(refused, script->data, script->len);
        g_byte_array_unref(script);
        client_wait_closed(refused);
        client_ping(c);
        log = lsm_log(b);
        g_assert_nonnull(strstr(log, "Unable to set up new connection: Failed to get AppArmor "
                                     "confinement information of socket peer: Input/output error"));
        client_free(refused);
        client_free(c);
        lsm_bus_free(b);
}

static void test_own(void)
{
        struct lsm_bus *b = lsm_bus_new(LSM_APPARMOR, "<type>session</type>"
                                                      "<policy context='mandatory'>"
                                                      "<deny own='com.example.No'/></policy>");
        struct client *a = lsm_client(b, "a enforce");

        lsm_forget(b);
        lsm_expect_return(lsm_request(a, "com.example.Yes"));
        expect_queries(b,
                       TO_BUS("a", ":1.0",
                              "RequestName") "aa_query_label bind a| session|com.example.Yes\n",
                       0);
        lsm_script(b, "deny *bind*");
        lsm_expect_error(lsm_request(a, "com.example.B"), DENIED,
                         "Connection \":1.0\" is not allowed to own the service "
                         "\"com.example.B\" due to AppArmor policy");
        /* It is asked before policy. */
        lsm_expect_error(lsm_request(a, "com.example.No"), DENIED,
                         "Connection \":1.0\" is not allowed to own the service "
                         "\"com.example.No\" due to AppArmor policy");
        lsm_script(b, NULL);
        lsm_expect_error(lsm_request(a, "com.example.No"), DENIED,
                         "Connection \":1.0\" is not allowed to own the service "
                         "\"com.example.No\" due to security policies in the configuration file");
        lsm_script(b, "fail *bind*");
        lsm_expect_error(lsm_request(a, "com.example.B"), WIRE_ERROR_("Failed"),
                         "Failed to query AppArmor policy: Input/output error");
        client_free(a);
        lsm_bus_free(b);
}

static void test_own_audit(void)
{
        struct lsm_bus *b;
        struct client *a, *c;

        if (skip_without_audit())
                return;
        b = new_bus();
        a = lsm_client(b, "a enforce");
        c = lsm_client(b, "c complain");
        lsm_forget(b);
        lsm_script(b, "deny *bind*");
        incoming_free(lsm_request(a, "com.example.B"));
        expect_audit(b, "apparmor=\"DENIED\" operation=\"dbus_bind\"  bus=\"session\" "
                        "name=\"com.example.B\" mask=\"bind\" pid=PID label=\"a\"");
        lsm_expect_return(lsm_request(c, "com.example.B"));
        expect_audit(b, "apparmor=\"ALLOWED\" operation=\"dbus_bind\"  bus=\"session\" "
                        "name=\"com.example.B\" mask=\"bind\" pid=PID label=\"c\"");
        lsm_script(b, "fail *bind*");
        /* A question that fails is a denial even for who only complains. */
        lsm_expect_error(lsm_request(c, "com.example.C"), WIRE_ERROR_("Failed"), "");
        expect_audit(b, "apparmor=\"DENIED\" operation=\"dbus_bind\"  bus=\"session\" "
                        "name=\"com.example.C\" info=\"Input/output error\" mask=\"bind\" pid=PID "
                        "label=\"c\"");
        lsm_script(b, "deny *bind*\nquiet *bind*");
        lsm_expect_error(lsm_request(a, "com.example.B"), DENIED, "");
        expect_queries(
                b,
                TO_BUS("a", ":1.0", "RequestName") "aa_query_label bind a| session|com.example.B\n",
                0);
        client_free(c);
        client_free(a);
        lsm_bus_free(b);
}

#define CALL_QUERIES                                                                               \
        "aa_query_label send b| session|com.example.A|a|/p|com.example.I|M\n"                      \
        "aa_query_label receive a| session|:1.1|b|/p|com.example.I|M\n"

static void test_send(void)
{
        static const char text[] =
                "An AppArmor policy prevents this sender from sending this message to this "
                "recipient; type=\"method_call\", sender=\":1.1\" (";
        struct lsm_bus *b = new_bus();
        struct client *a = lsm_client(b, "a enforce"), *c = lsm_client(b, "b enforce");
        struct incoming *m;

        lsm_expect_return(lsm_request(a, "com.example.A"));
        lsm_forget(b);
        lsm_send(c, WIRE_CALL, "M", "com.example.A");
        m = lsm_next(a, "M");
        expect_queries(b, CALL_QUERIES, 0);
        /* Who asked may be answered: nobody is asked about that. */
        lsm_script(b, "deny *");
        lsm_reply(a, c->name, m->v.serial);
        lsm_expect_return(client_reply(c, m->v.serial));
        incoming_free(m);
        expect_queries(b, "", 0);

        lsm_script(b, "deny *send*");
        lsm_expect_error(client_reply(c, lsm_send(c, WIRE_CALL, "M", "com.example.A")), DENIED,
                         text);
        expect_queries(b, CALL_QUERIES, 1);
        lsm_script(b, "deny *receive*");
        lsm_expect_error(client_reply(c, lsm_send(c, WIRE_CALL, "M", "com.example.A")), DENIED,
                         text);
        expect_queries(b, CALL_QUERIES, 1);
        lsm_script(b, "fail *send*");
        lsm_expect_error(client_reply(c, lsm_send(c, WIRE_CALL, "M", "com.example.A")),
                         WIRE_ERROR_("Failed"), "Failed to query AppArmor policy: ");
        expect_queries(b, "aa_query_label send b| session|com.example.A|a|/p|com.example.I|M\n", 2);
        lsm_script(b, "fail *receive*");
        lsm_expect_error(client_reply(c, lsm_send(c, WIRE_CALL, "M", "com.example.A")),
                         WIRE_ERROR_("Failed"), "Failed to query AppArmor policy: ");
        expect_queries(b, CALL_QUERIES, 1);
        client_free(c);
        client_free(a);
        lsm_bus_free(b);
}

static void test_send_audit(void)
{
        struct lsm_bus *b;
        struct client *a, *c, *complaining;

        if (skip_without_audit())
                return;
        b = new_bus();
        a = lsm_client(b, "a enforce");
        c = lsm_client(b, "b enforce");
        complaining = lsm_client(b, "c complain");
        lsm_expect_return(lsm_request(a, "com.example.A"));
        lsm_forget(b);
        lsm_script(b, "deny *send*");
        incoming_free(client_reply(c, lsm_send(c, WIRE_CALL, "M", "com.example.A")));
        expect_audit(b, "apparmor=\"DENIED\" operation=\"dbus_method_call\"  bus=\"session\" "
                        "path=\"/p\" interface=\"com.example.I\" member=\"M\" mask=\"send\" "
                        "name=\"com.example.A\" pid=PID label=\"b\" peer_pid=PID "
                        "peer_label=\"a\"");
        lsm_send(complaining, WIRE_CALL, "M", "com.example.A");
        incoming_free(lsm_next(a, "M"));
        expect_audit(b, "apparmor=\"ALLOWED\" operation=\"dbus_method_call\"  bus=\"session\" "
                        "path=\"/p\" interface=\"com.example.I\" member=\"M\" mask=\"send\" "
                        "name=\"com.example.A\" pid=PID label=\"c\" peer_pid=PID "
                        "peer_label=\"a\"");
        lsm_script(b, "audit *receive*");
        lsm_send(c, WIRE_CALL, "M", "com.example.A");
        incoming_free(lsm_next(a, "M"));
        expect_audit(b, "apparmor=\"ALLOWED\" operation=\"dbus_method_call\"  bus=\"session\" "
                        "path=\"/p\" interface=\"com.example.I\" member=\"M\" name=\":1.1\" "
                        "mask=\"receive\" pid=PID label=\"a\" peer_pid=PID peer_label=\"b\"");
        lsm_script(b, "fail *receive*");
        incoming_free(client_reply(c, lsm_send(c, WIRE_CALL, "M", "com.example.A")));
        expect_audit(b, "apparmor=\"DENIED\" operation=\"dbus_method_call\"  bus=\"session\" "
                        "path=\"/p\" interface=\"com.example.I\" member=\"M\" name=\":1.1\" "
                        "mask=\"receive\" pid=PID label=\"a\" peer_pid=PID peer_label=\"b\" "
                        "info=\"Input/output error\"");
        client_free(complaining);
        client_free(c);
        client_free(a);
        lsm_bus_free(b);
}

/* Between those that are not confined nothing is asked. */
static void test_unconfined(void)
{
        struct lsm_bus *b = new_bus();
        struct client *a = lsm_client(b, "unconfined"), *c = lsm_client(b, "unconfined");
        struct client *confined = lsm_client(b, "c enforce");

        lsm_forget(b);
        lsm_script(b, "deny *");
        lsm_send(c, WIRE_CALL, "M", a->name);
        incoming_free(lsm_next(a, "M"));
        expect_queries(b, "", 0);
        lsm_expect_error(client_reply(c, lsm_send(c, WIRE_CALL, "M", confined->name)), DENIED, "");
        expect_queries(b, "aa_query_label receive c| session|:1.1|unconfined|/p|com.example.I|M\n",
                       1);
        client_free(confined);
        client_free(c);
        client_free(a);
        lsm_bus_free(b);
}

/* Replies that nobody waits for: denied in silence. */
static void test_unrequested(void)
{
        struct lsm_bus *b = new_bus();
        struct client *a = lsm_client(b, "a enforce"), *c = lsm_client(b, "b enforce");

        lsm_forget(b);
        lsm_script(b, "deny *");
        lsm_expect_error(client_reply(a, lsm_reply(a, c->name, 77)), DENIED,
                         "An AppArmor policy prevents");
        expect_queries(b,
                       "aa_query_label send a| session|:1.1|b|||\n"
                       "aa_query_label receive b| session|:1.0|a|||\n",
                       0);
        lsm_script(b, "fail *");
        lsm_expect_error(client_reply(a, lsm_reply(a, c->name, 77)), WIRE_ERROR_("Failed"),
                         "Failed to query");
        expect_queries(b, "aa_query_label send a| session|:1.1|b|||\n", 2);
        client_free(c);
        client_free(a);
        lsm_bus_free(b);
}

/* Whoever may not receive a broadcast misses it, and the others do not. */
static void test_signal(void)
{
        struct lsm_bus *b = new_bus();
        struct client *a = lsm_client(b, "a enforce"), *c = lsm_client(b, "b enforce");
        struct client *other = lsm_client(b, "c enforce");

        client_add_match(c, "interface='com.example.I'");
        client_add_match(other, "interface='com.example.I'");
        lsm_script(b, "deny *receive b*First");
        lsm_forget(b);
        lsm_send(a, WIRE_SIGNAL, "First", NULL);
        incoming_free(lsm_next(other, "First"));
        expect_queries(b,
                       "aa_query_label send a| session|org.freedesktop.DBus|b|/p|com.example.I|"
                       "First\n"
                       "aa_query_label receive b| session|:1.0|a|/p|com.example.I|First\n"
                       "aa_query_label send a| session|org.freedesktop.DBus|c|/p|com.example.I|"
                       "First\n"
                       "aa_query_label receive c| session|:1.0|a|/p|com.example.I|First\n",
                       1);
        lsm_send(a, WIRE_SIGNAL, "Second", NULL);
        incoming_free(lsm_next(c, "Second"));
        client_free(other);
        client_free(c);
        client_free(a);
        lsm_bus_free(b);
}

/* A service that is not there yet: what its file says that it will be called is what counts, and it
 * counts before policy. */
static void test_activation(void)
{
        static const char file[] = "[D-BUS Service]\nName=com.example.S\nExec=/bin/false\n"
                                   "AssumedAppArmorLabel=assumed\n";
        static const char asked[] =
                "aa_query_label send a| session|com.example.S|assumed|/p|com.example.I|M\n";
        g_autofree char *directory = g_dir_make_tmp("lsm-services-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(directory, "com.example.S.service", NULL);
        g_autofree char *more = g_strdup_printf(
                "<type>session</type><servicedir>%s</servicedir><policy context='mandatory'>"
                "<deny send_interface='com.example.I' send_member='No'/></policy>",
                directory);
        struct lsm_bus *b;
        struct client *a;

        g_assert_true(g_file_set_contents(path, file, -1, NULL));
        b = lsm_bus_new(LSM_APPARMOR, more);
        a = lsm_client(b, "a enforce");
        lsm_script(b, "deny *com.example.S*");
        lsm_forget(b);
        lsm_expect_error(client_reply(a, lsm_send(a, WIRE_CALL, "M", "com.example.S")), DENIED,
                         "An AppArmor policy prevents");
        expect_queries(b, asked, 1);
        lsm_expect_error(client_reply(a, lsm_send(a, WIRE_CALL, "No", "com.example.S")), DENIED,
                         "An AppArmor policy prevents");
        lsm_script(b, "fail *com.example.S*");
        lsm_expect_error(client_reply(a, lsm_send(a, WIRE_CALL, "M", "com.example.S")),
                         WIRE_ERROR_("Failed"), "Failed to query AppArmor policy");
        /* Nobody is there yet to receive. */
        lsm_script(b, "deny *receive*example*");
        lsm_forget(b);
        lsm_expect_error(client_reply(a, lsm_send(a, WIRE_CALL, "M", "com.example.S")),
                         WIRE_ERROR_("Spawn.ChildExited"), "Process com.example.S exited");
        expect_queries(b, asked, 0);
        client_free(a);
        lsm_bus_free(b);
        g_unlink(path);
        g_rmdir(directory);
}

static struct incoming *become_monitor(struct client *c, uint32_t flags)
{
        const struct wire_head head = {
                .type = WIRE_CALL,
                .path = WIRE_BUS_PATH,
                .interface = WIRE_BUS ".Monitoring",
                .member = "BecomeMonitor",
                .destination = WIRE_BUS,
                .signature = "asu",
        };
        GByteArray *body = wire_body_u32(0);
        uint32_t serial;

        wire_put_u32(body, flags);
        serial = client_send(c, &head, body);
        g_byte_array_unref(body);
        return client_reply(c, serial);
}

static void test_eavesdrop(void)
{
        static const char denied[] =
                "Connection \":1.0\" is not allowed to eavesdrop due to AppArmor policy";
        struct lsm_bus *b = new_bus();
        struct client *a = lsm_client(b, "a enforce");

        lsm_script(b, "deny *eavesdrop*");
        client_add_match(a, "type='signal'");
        lsm_forget(b);
        lsm_expect_error(client_call_bus(a, "AddMatch", "s", wire_body_string("eavesdrop=true")),
                         DENIED, denied);
        expect_queries(b, TO_BUS("a", ":1.0", "AddMatch") "aa_query_label eavesdrop a| session\n",
                       1);
        /* It is asked before flags are looked at. */
        lsm_expect_error(become_monitor(a, 3), DENIED, denied);
        lsm_script(b, "fail *eavesdrop*");
        lsm_expect_error(become_monitor(a, 0), WIRE_ERROR_("Failed"), "Failed to query AppArmor");
        lsm_script(b, NULL);
        client_add_match(a, "eavesdrop=true");
        lsm_expect_return(become_monitor(a, 0));
        client_free(a);
        lsm_bus_free(b);
}

static bool has_feature(struct client *c, const char *name)
{
        GByteArray *body = wire_body_string(WIRE_BUS);
        const struct wire_head head = {
                .type = WIRE_CALL,
                .path = WIRE_BUS_PATH,
                .interface = WIRE_BUS ".Properties",
                .member = "Get",
                .destination = WIRE_BUS,
                .signature = "ss",
        };
        struct incoming *m;
        bool found;

        wire_put_string(body, "Features");
        m = client_reply(c, client_send(c, &head, body));
        g_byte_array_unref(body);
        g_assert_cmpint(m->v.type, ==, WIRE_RETURN);
        found = memmem(m->v.body, m->v.n_body, name, strlen(name) + 1) != NULL;
        incoming_free(m);
        return found;
}

/* Does a bus with this mode, in a kernel like this, have AppArmor? */
static bool mediates(const char *base, const char *mode)
{
        g_autofree char *more = g_strdup_printf("<apparmor mode='%s'/>", mode);
        struct lsm_bus *b = lsm_bus_new(base, more);
        struct client *c = lsm_client(b, "a enforce");
        bool active;

        lsm_script(b, "deny *bind*");
        incoming_free(lsm_request(c, "com.example.A"));
        active = has_feature(c, "AppArmor");
        {
                g_autofree char *calls = lsm_calls(b);

                g_assert_cmpint(strstr(calls, "aa_query_label bind") != NULL, ==, active);
        }
        client_free(c);
        lsm_bus_free(b);
        return active;
}

static void expect_no_start(const char *base, const char *more, const char *why)
{
        struct lsm_bus *b = lsm_bus_new(base, more);
        g_autofree char *log = NULL;

        lsm_bus_wait_failure(b);
        log = lsm_log(b);
        g_assert_nonnull(strstr(log, why));
        lsm_bus_free(b);
}

static void test_modes(void)
{
        static const char blind[] = "set apparmor 1\n";
        static const char absent[] =
                "Failed to start message bus: AppArmor mediation required but not present";

        g_assert_true(mediates(LSM_APPARMOR, "enabled"));
        g_assert_true(mediates(LSM_APPARMOR, "required"));
        g_assert_false(mediates(LSM_APPARMOR, "disabled"));
        g_assert_false(mediates("", "enabled"));
        g_assert_false(mediates("", "disabled"));
        /* A kernel whose AppArmor knows nothing of D-Bus. */
        g_assert_false(mediates(blind, "enabled"));
        expect_no_start("", "<apparmor mode='required'/>", absent);
        if (!daemon_is_stock())
                expect_no_start(blind, "<apparmor mode='required'/>", absent);
        expect_no_start(LSM_APPARMOR "fail aa_getcon\n", NULL,
                        "Failed to start message bus: Error getting AppArmor context of bus: "
                        "Input/output error");
}

/* A bus that has no type is none that rules know. */
static void test_bus_type(void)
{
        struct lsm_bus *b = lsm_bus_new(LSM_APPARMOR, NULL);
        struct client *a = lsm_client(b, "a enforce");

        lsm_forget(b);
        lsm_script(b, "deny *bind*");
        incoming_free(lsm_request(a, "com.example.A"));
        {
                g_autofree char *calls = lsm_calls(b);

                g_assert_nonnull(strstr(calls, "aa_query_label bind a| |com.example.A\n"));
                g_assert_nonnull(strstr(calls, " bus=\"unknown\" "));
        }
        client_free(a);
        lsm_bus_free(b);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        if (daemon_is_instrumented()) {
                g_test_message("nothing can be preloaded under the tool");
                return 77; /* skipped */
        }
        g_test_add_func("/apparmor/hello", test_hello);
        g_test_add_func("/apparmor/no-label", test_no_label);
        g_test_add_func("/apparmor/own", test_own);
        g_test_add_func("/apparmor/own-audit", test_own_audit);
        g_test_add_func("/apparmor/send", test_send);
        g_test_add_func("/apparmor/send-audit", test_send_audit);
        g_test_add_func("/apparmor/unconfined", test_unconfined);
        g_test_add_func("/apparmor/unrequested", test_unrequested);
        g_test_add_func("/apparmor/signal", test_signal);
        g_test_add_func("/apparmor/activation", test_activation);
        g_test_add_func("/apparmor/eavesdrop", test_eavesdrop);
        g_test_add_func("/apparmor/modes", test_modes);
        g_test_add_func("/apparmor/bus-type", test_bus_type);
        return g_test_run();
}
