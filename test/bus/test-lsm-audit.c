/* SPDX-License-Identifier: MIT */
/*
 * Where the decisions of security modules are written down: with the audit subsystem, or in the
 * system's log for who may not write to that.
 */
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lsm-fixture.h"

static bool skip_without_root(void)
{
        if (!geteuid())
                return false;
        g_test_skip("only root may audit");
        return true;
}

/* What a denial that the bus has to tell of leaves behind. */
static char *deny(const char *base)
{
        struct lsm_bus *b = lsm_bus_new(base, NULL);
        struct client *a = lsm_client(b, "a enforce");
        char *calls;

        lsm_forget(b);
        lsm_script(b, "deny *bind*\ndeny *acquire_svc");
        lsm_expect_error(lsm_request(a, "com.example.A"), WIRE_ERROR_("AccessDenied"), "");
        calls = lsm_calls(b);
        client_free(a);
        lsm_bus_free(b);
        return calls;
}

static void test_audit(void)
{
        g_autofree char *selinux = NULL, *apparmor = NULL;

        if (skip_without_root())
                return;
        selinux = deny(LSM_SELINUX);
        g_assert_nonnull(strstr(selinux, "audit_log_user_avc_message 1107 [avc:  denied"));
        g_assert_nonnull(strstr(selinux, "] host=- addr=- tty=- uid=0"));
        g_assert_null(strstr(selinux, "syslog"));
        apparmor = deny(LSM_APPARMOR);
        g_assert_nonnull(strstr(apparmor, "audit_log_user_avc_message 1107 [apparmor=\"DENIED\""));
        g_assert_null(strstr(apparmor, "syslog"));
}

/* user.info and user.notice */
static void expect_syslog(void)
{
        g_autofree char *selinux = deny(LSM_SELINUX "fail audit_open\n");
        g_autofree char *apparmor = deny(LSM_APPARMOR "fail audit_open\n");

        g_assert_nonnull(strstr(selinux, "syslog 14 [avc:  denied"));
        g_assert_null(strstr(selinux, "audit_log"));
        g_assert_nonnull(strstr(apparmor, "syslog 13 [apparmor=\"DENIED\""));
        g_assert_null(strstr(apparmor, "audit_log"));
}

static void test_no_subsystem(void)
{
        expect_syslog();
}

static void expect_log(const char *base, const char *text)
{
        struct lsm_bus *b = lsm_bus_new(base, NULL);
        g_autofree char *log = NULL;

        client_free(lsm_client(b, "a enforce"));
        log = lsm_log(b);
        g_assert_nonnull(strstr(log, text));
        lsm_bus_free(b);
}

static void test_cannot_open(void)
{
        if (skip_without_root())
                return;
        expect_log(LSM_SELINUX "fail audit_open\n",
                   "Failed to open connection to the audit subsystem: Input/output error");
}

/* Can other users run the program, where it is? */
static bool is_for_others(const char *path)
{
        g_autofree char *directory = g_path_get_dirname(path);
        struct stat s;

        if (stat(path, &s) < 0 || !(s.st_mode & S_IXOTH))
                return false;
        return g_str_equal(path, directory) || is_for_others(directory);
}

/* The rights are looked at, not the user; whoever has none does not even try. */
static void test_no_right(void)
{
        if (skip_without_root())
                return;
        if (g_test_subprocess()) {
                g_autofree char *calls = NULL;

                g_assert_no_errno(setgroups(0, NULL));
                g_assert_no_errno(setgid(65534));
                g_assert_no_errno(setuid(65534));
                calls = deny(LSM_SELINUX);
                g_assert_nonnull(strstr(calls, "syslog 14 [avc:  denied"));
                g_assert_null(strstr(calls, "audit_"));
                return;
        }
        if (!is_for_others(daemon_path())) {
                g_test_skip("others cannot run the daemon, where it is");
                return;
        }
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
}

/* What libselinux says of itself is sorted by what it is about. */
static void test_events(void)
{
        static const struct {
                const char *script, *expected;
        } cases[] = {
                {"set log-type 0", "syslog 14 [of type 0]"},
                {"set log-type 1", "syslog 14 [of type 1]"},
                {"set log-type 2", "syslog 14 [of type 2]"},
                {"set log-type 3", "audit_log_user_avc_message 1107 [of type 3]"},
                {"set log-type 4", "audit_log_user_avc_message 2310 [of type 4]"},
                {"set log-type 5", "audit_log_user_avc_message 2313 [of type 5]"},
                {"set log-type 6", "syslog 14 [of type 6]"},
        };
        struct lsm_bus *b;
        struct client *a;

        if (skip_without_root())
                return;
        b = lsm_bus_new(LSM_SELINUX, NULL);
        a = lsm_client(b, "a");
        for (size_t i = 0; i < G_N_ELEMENTS(cases); ++i) {
                lsm_script(b, cases[i].script);
                lsm_netlink(b);
                g_free(lsm_wait(b, cases[i].expected));
        }
        client_free(a);
        lsm_bus_free(b);
}

/* An administrator who reads the system's log is told that there is mediation. */
static void test_notice(void)
{
        struct lsm_bus *b = lsm_bus_new(LSM_SELINUX LSM_APPARMOR, "<syslog/>");
        g_autofree char *calls = NULL;

        client_free(lsm_client(b, "a enforce"));
        calls = lsm_calls(b);
        g_assert_nonnull(strstr(calls, "syslog 30 [SELinux support is enabled"));
        g_assert_nonnull(strstr(calls, "syslog 30 [AppArmor D-Bus mediation is enabled"));
        lsm_bus_free(b);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        if (daemon_is_instrumented()) {
                g_test_message("nothing can be preloaded under the tool");
                return 77; /* skipped */
        }
        g_test_add_func("/audit/audit", test_audit);
        g_test_add_func("/audit/no-subsystem", test_no_subsystem);
        g_test_add_func("/audit/cannot-open", test_cannot_open);
        g_test_add_func("/audit/no-right", test_no_right);
        g_test_add_func("/audit/events", test_events);
        g_test_add_func("/audit/notice", test_notice);
        return g_test_run();
}
