/* SPDX-License-Identifier: MIT */
/*
 * SELinux decides: what the cache is asked about each message and name, what becomes of the
 * answers, and what happens when there is a new policy.
 */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "fake-lsm.h"
#include "lsm-fixture.h"

#define DENIED WIRE_ERROR_("AccessDenied")

#define ASSOCIATIONS                                                                               \
        "<selinux><associate own='com.example.Other' context='c3'/>"                               \
        "<associate own='com.example.Assoc' context='c1'/>"                                        \
        "<associate own='com.example.Assoc' context='c2'/></selinux>"

#define TO_BUS(label)    "avc_has_perm " label " " FAKE_OWN_CONTEXT " 7 send_msg\n"
#define OWN(label, name) "avc_has_perm " label " " name " 7 acquire_svc\n"

/* The questions to the cache; not the audit. */
static void expect_asked(const struct lsm_bus *b, const char *expected)
{
        g_autofree char *calls = lsm_calls(b);
        g_auto(GStrv) lines = g_strsplit(calls, "\n", -1);
        GString *s = g_string_new(NULL);

        for (char **line = lines; *line; ++line) {
                if (g_str_has_prefix(*line, "avc_has_perm "))
                        g_string_append_printf(s, "%s\n", *line);
        }
        g_assert_cmpstr(s->str, ==, expected);
        g_string_free(s, TRUE);
}

/* The only line that was audited, without what is around its text. */
static void expect_audit(const struct lsm_bus *b, const char *expected)
{
        g_autofree char *calls = lsm_calls(b);
        char *start = strstr(calls, "[avc:"), *end = start ? strchr(start, ']') : NULL;

        g_assert_nonnull(end);
        *end = '\0';
        g_assert_cmpstr(start + 1, ==, expected);
        g_assert_null(strstr(end + 1, "[avc:"));
}

static void test_hello(void)
{
        struct lsm_bus *b = lsm_bus_new(LSM_SELINUX, NULL);
        struct client *a = lsm_client(b, "a"), *c;

        lsm_forget(b);
        c = lsm_client(b, "c");
        lsm_expect(b, "getpeercon\navc_context_to_sid c\n" TO_BUS("c"));
        client_free(c);
        lsm_script(b, "set peer d\ndeny *");
        c = client_connect(b->socket);
        client_authenticate(c, false);
        lsm_expect_error(client_call_bus(c, "Hello", NULL, NULL), DENIED,
                         "An SELinux policy prevents this sender from sending this message to this "
                         "recipient, 0 matched rules; type=\"method_call\", sender=\"(null)\" "
                         "(inactive) interface=\"org.freedesktop.DBus\" member=\"Hello\"");
        client_free(c);
        lsm_script(b, NULL);
        client_ping(a);
        client_free(a);
        lsm_bus_free(b);
}

static void expect_refused(const struct lsm_bus *b, const char *lines, const char *why)
{
        GByteArray *script = client_auth_script(false);
        struct client *c;
        g_autofree char *log = NULL;

        lsm_script(b, lines);
        c = client_connect(b->socket);
        client_queue(c, script->data, script->len);
        g_byte_array_unref(script);
        client_wait_closed(c);
        client_free(c);
        lsm_script(b, NULL);
        /* What it logs it has logged when it answers another. */
        client_free(lsm_client(b, "other"));
        log = lsm_log(b);
        g_assert_nonnull(strstr(log, why));
}

static void test_no_label(void)
{
        struct lsm_bus *b = lsm_bus_new(LSM_SELINUX, NULL);

        expect_refused(b, "fail getpeercon",
                       "Unable to set up new connection: Failed to read an SELinux context from "
                       "connection");
        expect_refused(b, "set peer odd\nfail avc_context_to_sid*",
                       "Unable to set up new connection: Error getting SID from context \"odd\": "
                       "Input/output error");
        lsm_bus_free(b);
}

static void test_own(void)
{
        struct lsm_bus *b =
                lsm_bus_new(LSM_SELINUX, ASSOCIATIONS "<policy context='mandatory'>"
                                                      "<deny own='com.example.No'/></policy>");
        struct client *a = lsm_client(b, "a");

        lsm_forget(b);
        lsm_expect_return(lsm_request(a, "com.example.Yes"));
        expect_asked(b, TO_BUS("a") OWN("a", FAKE_OWN_CONTEXT));
        lsm_expect_return(lsm_request(a, "com.example.Assoc"));
        expect_asked(b, TO_BUS("a") OWN("a", "c2"));
        lsm_expect_return(lsm_request(a, "com.example.Other"));
        expect_asked(b, TO_BUS("a") OWN("a", "c3"));
        /* No prefix of it. */
        lsm_expect_return(lsm_request(a, "com.example.Other.more"));
        expect_asked(b, TO_BUS("a") OWN("a", FAKE_OWN_CONTEXT));
        lsm_script(b, "deny *acquire_svc");
        lsm_expect_error(lsm_request(a, "com.example.No"), DENIED,
                         "Connection \":1.0\" is not allowed to own the service "
                         "\"com.example.No\" due to SELinux policy");
        lsm_script(b, "fail *acquire_svc");
        lsm_expect_error(lsm_request(a, "com.example.B"), DENIED, "Connection \":1.0\" is not");
        lsm_script(b, NULL);
        lsm_expect_error(lsm_request(a, "com.example.No"), DENIED,
                         "Connection \":1.0\" is not allowed to own the service "
                         "\"com.example.No\" due to security policies in the configuration file");
        /* Names that nobody may have are not asked about. */
        lsm_script(b, "deny *acquire_svc");
        lsm_expect_error(lsm_request(a, ":1.7"), WIRE_ERROR_("InvalidArgs"), "Cannot acquire");
        client_free(a);
        lsm_bus_free(b);
}

static void test_send(void)
{
        static const char text[] =
                "An SELinux policy prevents this sender from sending this message to this "
                "recipient, 0 matched rules; type=\"method_call\", sender=\":1.1\" (";
        struct lsm_bus *b = lsm_bus_new(
                LSM_SELINUX,
                "<policy context='mandatory'>"
                "<deny send_requested_reply='false' send_type='method_return'/></policy>");
        struct client *a = lsm_client(b, "a"), *c = lsm_client(b, "c");
        struct incoming *m;

        lsm_forget(b);
        lsm_send(c, WIRE_CALL, "M", a->name);
        m = lsm_next(a, "M");
        expect_asked(b, "avc_has_perm c a 7 send_msg\n");
        /* A reply that may not pass was the reply nevertheless: no other is awaited. */
        lsm_script(b, "deny *a c*");
        lsm_expect_error(client_reply(a, lsm_reply(a, c->name, m->v.serial)), DENIED,
                         "An SELinux policy prevents");
        lsm_script(b, NULL);
        lsm_expect_error(client_reply(a, lsm_reply(a, c->name, m->v.serial)), DENIED,
                         "Rejected send message");
        incoming_free(m);
        lsm_script(b, "deny *c a*");
        lsm_expect_error(client_reply(c, lsm_send(c, WIRE_CALL, "M", a->name)), DENIED, text);
        lsm_script(b, "fail *c a*");
        lsm_expect_error(client_reply(c, lsm_send(c, WIRE_CALL, "M", a->name)), DENIED, text);
        client_free(c);
        client_free(a);
        lsm_bus_free(b);
}

/* Those that may not have it miss it. */
static void test_signal(void)
{
        struct lsm_bus *b = lsm_bus_new(LSM_SELINUX, NULL);
        struct client *a = lsm_client(b, "a"), *c = lsm_client(b, "c"), *e = lsm_client(b, "e");

        client_add_match(c, "interface='com.example.I'");
        client_add_match(e, "interface='com.example.I'");
        lsm_script(b, "deny *a c*");
        lsm_forget(b);
        lsm_send(a, WIRE_SIGNAL, "First", NULL);
        incoming_free(lsm_next(e, "First"));
        expect_asked(b, "avc_has_perm a c 7 send_msg\navc_has_perm a e 7 send_msg\n");
        lsm_script(b, NULL);
        lsm_send(a, WIRE_SIGNAL, "Second", NULL);
        incoming_free(lsm_next(c, "Second"));
        client_free(e);
        client_free(c);
        client_free(a);
        lsm_bus_free(b);
}

static void test_audit(void)
{
        struct lsm_bus *b = lsm_bus_new(LSM_SELINUX, NULL);
        struct client *a = lsm_client(b, "a"), *c = lsm_client(b, "c");
        struct incoming *m;

        lsm_forget(b);
        lsm_script(b, "deny *acquire_svc");
        incoming_free(lsm_request(a, "com.example.A"));
        expect_audit(b, "avc:  denied  { acquire_svc } for service=com.example.A spid=PID "
                        "scontext=a tcontext=" FAKE_OWN_CONTEXT " tclass=dbus permissive=0");
        lsm_script(b, "audit *c a*");
        lsm_send(c, WIRE_CALL, "M", a->name);
        m = lsm_next(a, "M");
        expect_audit(b, "avc:  granted  { send_msg } for msgtype=method_call "
                        "interface=com.example.I member=M dest=:1.0 spid=PID tpid=PID scontext=c "
                        "tcontext=a tclass=dbus permissive=0");
        lsm_script(b, "deny *a c*");
        lsm_expect_error(client_reply(a, lsm_reply(a, c->name, m->v.serial)), DENIED, "");
        incoming_free(m);
        expect_audit(b, "avc:  denied  { send_msg } for msgtype=method_return dest=:1.1 spid=PID "
                        "tpid=PID scontext=a tcontext=c tclass=dbus permissive=0");
        /* Permissive: it passes, and is known. */
        lsm_script(b, "set permissive 1\ndeny *c a*");
        lsm_send(c, WIRE_CALL, "M", a->name);
        incoming_free(lsm_next(a, "M"));
        expect_audit(b, "avc:  denied  { send_msg } for msgtype=method_call "
                        "interface=com.example.I member=M dest=:1.0 spid=PID tpid=PID scontext=c "
                        "tcontext=a tclass=dbus permissive=1");
        client_free(c);
        client_free(a);
        lsm_bus_free(b);
}

/* A policy that does not know the class says itself what is to become of it. */
static void test_unknown_class(void)
{
        struct lsm_bus *b = lsm_bus_new(LSM_SELINUX "set no-class 1\n", NULL);
        struct client *a = lsm_client(b, "a");

        lsm_expect_return(lsm_request(a, "com.example.A"));
        expect_asked(b, "");
        lsm_script(b, "set deny-unknown 1");
        lsm_expect_error(lsm_request(a, "com.example.B"), DENIED, "An SELinux policy prevents");
        client_free(a);
        lsm_bus_free(b);
}

/* A new policy: the configuration is read again, whose contexts may be others now. */
static void test_policy_load(void)
{
        struct lsm_bus *b = lsm_bus_new(LSM_SELINUX, ASSOCIATIONS);
        struct client *a = lsm_client(b, "a");
        g_autofree char *calls = NULL, *log = NULL;

        lsm_forget(b);
        lsm_netlink(b);
        calls = lsm_wait(b, "avc_context_to_sid c2\n");
        g_assert_true(g_str_has_prefix(calls, "avc_netlink_check_nb\n"));
        client_ping(a);
        log = lsm_log(b);
        g_assert_nonnull(strstr(log, "Reloaded configuration"));
        lsm_expect_return(lsm_request(a, "com.example.Assoc"));
        client_free(a);
        lsm_bus_free(b);
}

/* With a configuration that cannot be used the old one stays. */
static void test_reload(void)
{
        struct lsm_bus *b = lsm_bus_new(LSM_SELINUX, ASSOCIATIONS);
        struct client *a = lsm_client(b, "a");

        if (!daemon_is_stock()) {
                lsm_script(b, "fail avc_context_to_sid c3");
                lsm_expect_error(client_call_bus(a, "ReloadConfig", NULL, NULL),
                                 WIRE_ERROR_("Failed"),
                                 "Error getting SID from context \"c3\": Input/output error");
        }
        lsm_script(b, NULL);
        lsm_forget(b);
        lsm_expect_return(lsm_request(a, "com.example.Assoc"));
        expect_asked(b, TO_BUS("a") OWN("a", "c2"));
        client_tell_bus(a, "ReloadConfig", NULL, NULL);
        lsm_forget(b);
        lsm_expect_return(lsm_request(a, "com.example.Other"));
        expect_asked(b, TO_BUS("a") OWN("a", "c3"));
        client_free(a);
        lsm_bus_free(b);
}

static void test_netlink_fails(void)
{
        struct lsm_bus *b = lsm_bus_new(LSM_SELINUX, NULL);
        struct client *a = lsm_client(b, "a");
        g_autofree char *log = NULL;

        lsm_script(b, "fail avc_netlink_check_nb");
        lsm_netlink(b);
        g_free(lsm_wait(b, "avc_netlink_check_nb"));
        client_ping(a);
        log = lsm_log(b);
        g_assert_nonnull(strstr(log, "Failed to check the netlink socket for pending messages and "
                                     "process them: Input/output error"));
        client_free(a);
        lsm_bus_free(b);
}

static void test_context(void)
{
        struct lsm_bus *b = lsm_bus_new(LSM_SELINUX, NULL);
        struct client *a = lsm_client(b, "user:role:type");
        struct incoming *m = client_call_bus(a, "GetConnectionSELinuxSecurityContext", "s",
                                             wire_body_string(a->name));

        g_assert_cmpint(m->v.type, ==, WIRE_RETURN);
        g_assert_cmpmem(m->v.body + 4, m->v.n_body - 4, "user:role:type", 14);
        incoming_free(m);
        client_free(a);
        lsm_bus_free(b);
}

static void expect_no_start(const char *line, const char *why)
{
        g_autofree char *base = g_strconcat(LSM_SELINUX, line, "\n", NULL);
        struct lsm_bus *b = lsm_bus_new(base, ASSOCIATIONS);
        g_autofree char *log = NULL;

        lsm_bus_wait_failure(b);
        log = lsm_log(b);
        if (!strstr(log, why))
                g_error("\"%s\" is not in:\n%s", why, log);
        lsm_bus_free(b);
}

static void test_start_fails(void)
{
        expect_no_start("fail is_selinux_enabled",
                        "Could not tell if SELinux is enabled: Input/output error");
        expect_no_start("fail avc_netlink_acquire_fd",
                        "Failed to start message bus: Cannot acquire AVC netlink fd: "
                        "Input/output error");
        expect_no_start("fail getcon", "Failed to start message bus: Error getting context of bus: "
                                       "Input/output error");
        expect_no_start("fail avc_context_to_sid system*",
                        "Failed to start message bus: Error getting SID from bus context: "
                        "Input/output error");
        expect_no_start("fail avc_context_to_sid c2",
                        "Error getting SID from context \"c2\": Input/output error");
        if (!daemon_is_stock())
                expect_no_start("fail avc_open*", "Failed to start message bus: Failed to start "
                                                  "Access Vector Cache (AVC): Input/output error");
}

/* Without SELinux in the kernel nothing else is asked. */
static void test_absent(void)
{
        struct lsm_bus *b = lsm_bus_new("", ASSOCIATIONS);
        struct client *a = lsm_client(b, "a");
        g_autofree char *calls = NULL;

        lsm_script(b, "deny *");
        lsm_expect_return(lsm_request(a, "com.example.A"));
        calls = lsm_calls(b);
        g_assert_null(strstr(calls, "avc_"));
        g_assert_null(strstr(calls, "con"));
        client_free(a);
        lsm_bus_free(b);
}

/* A service that is not there yet has no context: nothing is asked before it has its name. */
static void test_activation(void)
{
        g_autofree char *directory = g_dir_make_tmp("lsm-services-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(directory, "com.example.S.service", NULL);
        g_autofree char *more = g_strdup_printf("<servicedir>%s</servicedir>", directory);
        struct lsm_bus *b;
        struct client *a;

        g_assert_true(g_file_set_contents(
                path, "[D-BUS Service]\nName=com.example.S\nExec=/bin/false\n", -1, NULL));
        b = lsm_bus_new(LSM_SELINUX, more);
        a = lsm_client(b, "a");
        lsm_forget(b);
        lsm_expect_error(client_reply(a, lsm_send(a, WIRE_CALL, "M", "com.example.S")),
                         WIRE_ERROR_("Spawn.ChildExited"), "Process com.example.S exited");
        expect_asked(b, "");
        lsm_script(b, "deny *");
        lsm_expect_error(client_reply(a, lsm_send(a, WIRE_CALL, "M", "com.example.S")),
                         WIRE_ERROR_("Spawn.ChildExited"), "Process com.example.S exited");
        client_free(a);
        lsm_bus_free(b);
        g_unlink(path);
        g_rmdir(directory);
}

/* Two modules at once: SELinux is asked first, and both have to agree. */
static void test_both(void)
{
        struct lsm_bus *b = lsm_bus_new(LSM_SELINUX LSM_APPARMOR, NULL);
        struct client *a = lsm_client(b, "a enforce");

        lsm_script(b, "deny *");
        lsm_expect_error(client_call_bus(a, "GetId", NULL, NULL), DENIED, "An SELinux policy");
        lsm_script(b, "deny aa_*");
        lsm_expect_error(client_call_bus(a, "GetId", NULL, NULL), DENIED, "An AppArmor policy");
        lsm_script(b, "deny *bind*\ndeny *acquire_svc");
        lsm_expect_error(lsm_request(a, "com.example.A"), DENIED,
                         "Connection \":1.0\" is not allowed to own the service "
                         "\"com.example.A\" due to SELinux policy");
        lsm_script(b, "deny *bind*");
        lsm_expect_error(lsm_request(a, "com.example.A"), DENIED,
                         "Connection \":1.0\" is not allowed to own the service "
                         "\"com.example.A\" due to AppArmor policy");
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
        g_test_add_func("/selinux/hello", test_hello);
        g_test_add_func("/selinux/no-label", test_no_label);
        g_test_add_func("/selinux/own", test_own);
        g_test_add_func("/selinux/send", test_send);
        g_test_add_func("/selinux/signal", test_signal);
        g_test_add_func("/selinux/audit", test_audit);
        g_test_add_func("/selinux/unknown-class", test_unknown_class);
        g_test_add_func("/selinux/policy-load", test_policy_load);
        g_test_add_func("/selinux/reload", test_reload);
        g_test_add_func("/selinux/netlink-fails", test_netlink_fails);
        g_test_add_func("/selinux/context", test_context);
        g_test_add_func("/selinux/start-fails", test_start_fails);
        g_test_add_func("/selinux/absent", test_absent);
        g_test_add_func("/selinux/activation", test_activation);
        g_test_add_func("/selinux/both", test_both);
        return g_test_run();
}
