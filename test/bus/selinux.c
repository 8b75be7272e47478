/* SPDX-License-Identifier: MIT */
/*
 * What the bus makes of SELinux, whether this kernel has it or not: the functions of libselinux
 * that it calls, and the socket option that tells a peer's label, are our own here.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>

#include "bus/lsm.h"
#include "inproc.h"

#ifdef HAVE_SELINUX
#include <selinux/selinux.h>
#endif

#define LABEL "system_u:system_r:init_t:s0"

#define UNKNOWN WIRE_ERROR_("SELinuxSecurityContextUnknown")

static int enabled;           /* as is_selinux_enabled() returns it */
static const char *label;     /* what the kernel says of a peer; NULL: nothing */
static gsize label_size;      /* some modules count a NUL at the end */
static const char *root_path; /* of the policy */

#ifdef HAVE_SELINUX
int is_selinux_enabled(void)
{
        return enabled;
}

const char *selinux_policy_root(void)
{
        return root_path;
}
#endif

int __real_getsockopt(int fd, int level, int option, void *value, socklen_t *size);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *size);

int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
        if (level != SOL_SOCKET || option != SO_PEERSEC)
                return __real_getsockopt(fd, level, option, value, size);
        if (!label) {
                errno = ENOPROTOOPT;
                return -1;
        }
        if (*size < label_size) {
                *size = (socklen_t)label_size;
                errno = ERANGE;
                return -1;
        }
        *size = (socklen_t)label_size;
        memcpy(value, label, label_size);
        return 0;
}

static void reset(int new_enabled, const char *new_label, gsize size)
{
        enabled = new_enabled;
        label = new_label;
        label_size = size;
        root_path = NULL;
}

static bool skip_without_library(void)
{
#ifdef HAVE_SELINUX
        return false;
#else
        g_test_skip("built without libselinux");
        return true;
#endif
}

/* Asks for the context of a connection, and of the bus. NULL: there is none. */
static char *ask(struct client *c, const char *name)
{
        struct incoming *m = client_call_bus(c, "GetConnectionSELinuxSecurityContext", "s",
                                             wire_body_string(name));
        char *context = NULL;

        if (m->v.type == WIRE_ERROR) {
                g_assert_cmpstr(m->v.error_name, ==, UNKNOWN);
        } else {
                uint32_t at = 0, n;

                g_assert_cmpstr(m->v.signature, ==, "ay");
                n = wire_read_u32(&m->v, &at);
                g_assert_cmpuint(at + n, ==, m->v.n_body);
                context = g_strndup((const char *)m->v.body + at, n);
                /* Without a NUL, unlike the label among the credentials. */
                g_assert_cmpuint(strlen(context), ==, n);
        }
        incoming_free(m);
        return context;
}

static void check_context(const char *expected)
{
        struct inproc *d = inproc_new(NULL);
        g_autofree char *context = NULL, *of_bus = NULL;
        struct client *a, *b;

        g_assert_cmpint(inproc_start(d), ==, 0);
        a = client_new(d->socket);
        b = client_new(d->socket);
        context = ask(a, b->name);
        g_assert_cmpstr(context, ==, expected);
        of_bus = ask(a, WIRE_BUS);
        g_assert_null(of_bus);
        client_free(a);
        client_free(b);
        inproc_free(d);
}

static void test_context(void)
{
        if (skip_without_library())
                return;
        reset(1, LABEL, strlen(LABEL));
        check_context(LABEL);
        reset(1, LABEL, strlen(LABEL) + 1);
        check_context(LABEL);
}

/* There is a label, but another module's. */
static void test_other_module(void)
{
        reset(0, "unconfined", 10);
        check_context(NULL);
        /* It could not be found out. */
        reset(-1, "unconfined", 10);
        check_context(NULL);
}

static void test_no_label(void)
{
        reset(1, NULL, 0);
        check_context(NULL);
}

static void write_type(const char *path, const char *type, const char *more)
{
        g_autofree char *text = g_strdup_printf("<busconfig><listen>unix:tmpdir=/tmp</listen>"
                                                "<type>%s</type>%s</busconfig>",
                                                type, more);

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* Loads a configuration that includes "more.conf", which there is beside it and in the directory of
 * the policy. Returns which one was read ("plain": none), or what is wrong. */
static char *include(const char *attributes, bool has_policy)
{
        g_autofree char *directory = g_dir_make_tmp("selinux-XXXXXX", NULL);
        g_autofree char *policy = g_build_filename(directory, "policy", NULL);
        g_autofree char *main_path = g_build_filename(directory, "bus.conf", NULL);
        g_autofree char *beside = g_build_filename(directory, "more.conf", NULL);
        g_autofree char *in_policy = g_build_filename(policy, "more.conf", NULL);
        g_autofree char *element = g_strdup_printf("<include %s>more.conf</include>", attributes);
        struct config *config = NULL;
        char *error = NULL, *result;

        g_assert_no_errno(g_mkdir(policy, 0700));
        write_type(main_path, "plain", element);
        write_type(beside, "beside", "");
        write_type(in_policy, "policy", "");
        root_path = has_policy ? policy : NULL;
        result = g_strdup(config_load(main_path, &config, NULL, &error) ? error : config->type);
        free(error);
        config_free(config);
        g_unlink(main_path);
        g_unlink(beside);
        g_unlink(in_policy);
        g_assert_no_errno(g_rmdir(policy));
        g_assert_no_errno(g_rmdir(directory));
        return result;
}

static void test_include_if_enabled(void)
{
        g_autofree char *off = NULL, *on = NULL;

        reset(0, NULL, 0);
        off = include("if_selinux_enabled='yes'", true);
        g_assert_cmpstr(off, ==, "plain");
        if (skip_without_library())
                return;
        reset(1, NULL, 0);
        on = include("if_selinux_enabled='yes'", true);
        g_assert_cmpstr(on, ==, "beside");
}

static void test_include_relative(void)
{
        g_autofree char *without = NULL, *with = NULL;

        reset(1, NULL, 0);
        without = include("selinux_root_relative='yes'", false);
        g_assert_nonnull(strstr(without, "Could not determine SELinux policy root"));
        if (skip_without_library())
                return;
        with = include("selinux_root_relative='yes'", true);
        g_assert_cmpstr(with, ==, "policy");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/selinux/context", test_context);
        g_test_add_func("/selinux/other-module", test_other_module);
        g_test_add_func("/selinux/no-label", test_no_label);
        g_test_add_func("/selinux/include-if-enabled", test_include_if_enabled);
        g_test_add_func("/selinux/include-relative", test_include_relative);
        return g_test_run();
}
