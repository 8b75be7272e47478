/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <stddef.h>

#include "bus/limits.h"
#include "fail-alloc.h"

/* Every limit, the reference's default, and the most that it takes. */
static const struct {
        const char *name;
        size_t offset;
        int64_t fallback, highest;
} limits[] = {
        {"max_incoming_bytes", offsetof(struct limits, max_incoming_bytes), 133169152, INT64_MAX},
        {"max_incoming_unix_fds", offsetof(struct limits, max_incoming_unix_fds), 64, INT64_MAX},
        {"max_outgoing_bytes", offsetof(struct limits, max_outgoing_bytes), 133169152, INT64_MAX},
        {"max_outgoing_unix_fds", offsetof(struct limits, max_outgoing_unix_fds), 64, INT64_MAX},
        {"max_message_size", offsetof(struct limits, max_message_size), 33554432, INT64_MAX},
        {"max_message_unix_fds", offsetof(struct limits, max_message_unix_fds), 16, INT64_MAX},
        {"service_start_timeout", offsetof(struct limits, service_start_timeout), 25000, INT_MAX},
        {"auth_timeout", offsetof(struct limits, auth_timeout), 30000, INT_MAX},
        {"pending_fd_timeout", offsetof(struct limits, pending_fd_timeout), 150000, INT_MAX},
        {"reply_timeout", offsetof(struct limits, reply_timeout), -1, INT_MAX},
        {"max_completed_connections", offsetof(struct limits, max_completed_connections), 2048,
         INT_MAX},
        {"max_incomplete_connections", offsetof(struct limits, max_incomplete_connections), 64,
         INT_MAX},
        {"max_connections_per_user", offsetof(struct limits, max_connections_per_user), 256,
         INT_MAX},
        {"max_pending_service_starts", offsetof(struct limits, max_pending_service_starts), 512,
         INT_MAX},
        {"max_names_per_connection", offsetof(struct limits, max_names_per_connection), 512,
         INT_MAX},
        {"max_match_rules_per_connection", offsetof(struct limits, max_match_rules_per_connection),
         512, INT_MAX},
        {"max_replies_per_connection", offsetof(struct limits, max_replies_per_connection), 128,
         INT_MAX},
        {"max_containers", offsetof(struct limits, max_containers), 512, INT_MAX},
        {"max_containers_per_user", offsetof(struct limits, max_containers_per_user), 16, INT_MAX},
        {"max_connections_per_container", offsetof(struct limits, max_connections_per_container), 8,
         INT_MAX},
        {"max_container_metadata_bytes", offsetof(struct limits, max_container_metadata_bytes),
         4096, INT_MAX},
};

static int64_t value(const struct limits *l, size_t i)
{
        return *(const int64_t *)(const void *)((const char *)l + limits[i].offset);
}

static void assert_set(const char *name, const char *text, int expected, const char *message)
{
        struct limits l;
        char *error = NULL;

        limits_init(&l);
        g_assert_cmpint(limits_set(&l, name, text, &error), ==, expected);
        g_assert_cmpstr(error, ==, message);
        free(error);
}

static void test_defaults(void)
{
        struct limits l;

        limits_init(&l);
        g_assert_cmpuint(G_N_ELEMENTS(limits) * sizeof(int64_t), ==, sizeof(l));
        for (size_t i = 0; i < G_N_ELEMENTS(limits); i++)
                g_assert_cmpint(value(&l, i), ==, limits[i].fallback);
}

/* Each name sets its own member and no other, up to its highest value. */
static void test_each(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
                struct limits l;
                char *text = g_strdup_printf("%" G_GINT64_FORMAT, limits[i].highest), *error;

                limits_init(&l);
                g_assert_cmpint(limits_set(&l, limits[i].name, text, &error), ==, 0);
                for (size_t k = 0; k < G_N_ELEMENTS(limits); k++)
                        g_assert_cmpint(value(&l, k), ==,
                                        k == i ? limits[k].highest : limits[k].fallback);
                g_free(text);
                if (limits[i].highest == INT64_MAX)
                        continue;
                text = g_strdup_printf("<limit name=\"%s\"> value is too large\n", limits[i].name);
                assert_set(limits[i].name, "2147483648", LIMIT_E_RANGE, text);
                g_free(text);
        }
}

/* As the reference reads them: seen in its texts about max_match_rules_per_connection. */
static void test_texts(void)
{
        static const struct {
                const char *text;
                int64_t value;
        } good[] = {
                {"5", 5},  {" 5 ", 5}, {"5x", 5}, {"0x10", 16}, {"010", 8},
                {"+7", 7}, {"08", 0},  {"0", 0},  {"\n\t6", 6}, {"5 6", 5},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                struct limits l;
                char *error;

                limits_init(&l);
                g_assert_cmpint(limits_set(&l, "max_containers", good[i].text, &error), ==, 0);
                g_assert_cmpint(l.max_containers, ==, good[i].value);
        }
}

static void test_faults(void)
{
        static const char not_a_number[] = "<limit name=\"reply_timeout\"> element has invalid "
                                           "value (could not parse as integer)";

        assert_set("reply_timeout", "", LIMIT_E_NOT_A_NUMBER, not_a_number);
        assert_set("reply_timeout", "many", LIMIT_E_NOT_A_NUMBER, not_a_number);
        assert_set("reply_timeout", "99999999999999999999", LIMIT_E_NOT_A_NUMBER, not_a_number);
        assert_set("reply_timeout", "-99999999999999999999", LIMIT_E_NOT_A_NUMBER, not_a_number);
        assert_set("reply_timeout", "-1", LIMIT_E_RANGE,
                   "<limit name=\"reply_timeout\"> must be a positive number\n");
        assert_set("bees", "5", LIMIT_E_UNKNOWN, "There is no limit called \"bees\"\n");
        /* The number is looked at first. */
        assert_set("bees", "x", LIMIT_E_NOT_A_NUMBER,
                   "<limit name=\"bees\"> element has invalid value (could not parse as integer)");
}

static void test_allocation_failure(void)
{
        struct limits l;
        char *error;
        int r;

        limits_init(&l);
        fail_alloc_after(0);
        r = limits_set(&l, "bees", "5", &error);
        if (!fail_alloc_end()) {
                free(error);
                g_test_skip("no allocation can be made to fail");
                return;
        }
        g_assert_cmpint(r, ==, -ENOMEM);
        g_assert_null(error);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/limits/defaults", test_defaults);
        g_test_add_func("/limits/each", test_each);
        g_test_add_func("/limits/texts", test_texts);
        g_test_add_func("/limits/faults", test_faults);
        g_test_add_func("/limits/allocation-failure", test_allocation_failure);
        return g_test_run();
}
