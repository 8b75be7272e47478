/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <pwd.h>
#include <sha1.h>
#include <unistd.h>

#include "core/hex.h"
#include "core/keyring.h"
#include "core/sasl-server.h"
#include "fail-alloc.h"

#define GUID      "0123456789abcdef0123456789abcdef"
#define OK        "OK " GUID "\r\n"
#define ALL       "REJECTED EXTERNAL DBUS_COOKIE_SHA1 ANONYMOUS\r\n"
#define UNKNOWN   "ERROR \"Unknown command\"\r\n"
#define BAD_HEX   "ERROR \"Invalid hex encoding\"\r\n"
#define BINARY    "ERROR \"Command contained non-ASCII\"\r\n"
#define IDLE      "ERROR \"Not currently in an auth conversation\"\r\n"
#define EARLY     "ERROR \"Need to authenticate first\"\r\n"
#define BUSY      "ERROR \"Sent AUTH while another AUTH in progress\"\r\n"
#define LATE      "ERROR \"Sent AUTH while expecting BEGIN\"\r\n"
#define LATE_DATA "ERROR \"Sent DATA while expecting BEGIN\"\r\n"
#define NO_FDS                                                                                     \
        "ERROR \"Unix FD passing not supported, not authenticated or otherwise not possible\"\r\n"

/* The peer is user 1000: "1000" is 31303030. */
static const struct credentials user_1000 = {
        .has_uid = true, .uid = 1000, .has_pid = true, .pid = 77};
static const struct credentials tcp_peer = {.has_pid = true};
static const struct credentials nobody_knows = {0};

static const struct sasl_server_config defaults = {
        .guid = GUID,
        .fd_passing_possible = true,
        .own_uid = 1000,
        .keyring_dir = "/nonexistent",
};

static struct sasl_server *new_server(const struct sasl_server_config *config,
                                      const struct credentials *peer)
{
        struct sasl_server *s;

        g_assert_cmpint(sasl_server_new(&s, config, peer), ==, 0);
        g_assert_cmpint(sasl_server_mechanism(s), ==, SASL_NONE);
        g_assert_false(sasl_server_done(s));
        return s;
}

/* Takes the replies out, in pieces. */
static char *take_output(struct sasl_server *s)
{
        GString *text = g_string_new("");
        const uint8_t *bytes;
        size_t n;

        while ((n = sasl_server_output(s, &bytes))) {
                size_t piece = n > 5 ? 5 : n;

                g_string_append_len(text, (const char *)bytes, (gssize)piece);
                sasl_server_output_taken(s, piece);
        }
        return g_string_free(text, FALSE);
}

/* Feeds bytes `step` at a time (0: all at once), taking the replies as they come. Stops where the
 * server does not take all. Returns the last result. */
static int feed(struct sasl_server *s, const char *bytes, size_t n, size_t step, size_t *consumed,
                char **replies)
{
        GString *all = g_string_new("");
        size_t at = 0;
        int r = 0;

        while (at < n && !r && !sasl_server_done(s)) {
                size_t piece = step && step < n - at ? step : n - at, taken;
                char *text;

                r = sasl_server_feed(s, (const uint8_t *)bytes + at, piece, &taken);
                text = take_output(s);
                g_string_append(all, text);
                g_free(text);
                g_assert_cmpuint(taken, <=, piece);
                if (!r && !sasl_server_done(s))
                        g_assert_cmpuint(taken, ==, piece);
                at += taken;
        }
        *consumed = at;
        *replies = g_string_free(all, FALSE);
        return r;
}

/* The whole conversation after the nul byte, in steps of each size. `result`: of the last feed. */
static void converse(const struct sasl_server_config *config, const struct credentials *peer,
                     const char *said, size_t n, const char *expected, int result)
{
        static const size_t steps[] = {0, 1, 2, 3, 7};
        char *bytes = g_malloc(n + 1);

        bytes[0] = '\0';
        memcpy(bytes + 1, said, n);
        for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
                struct sasl_server *s = new_server(config, peer);
                char *replies;
                size_t consumed;
                int r = feed(s, bytes, n + 1, steps[i], &consumed, &replies);

                g_assert_cmpstr(replies, ==, expected);
                g_assert_cmpint(r, ==, result);
                if (!r && !sasl_server_done(s))
                        g_assert_cmpuint(consumed, ==, n + 1);
                g_free(replies);
                sasl_server_free(s);
        }
        g_free(bytes);
}

/* Ways to get into each state, and what the server said on the way. */
enum { AUTH, DATA, BEGIN, N_STATES };
static const struct {
        const char *name, *said, *replies;
} states[N_STATES] = {
        [AUTH] = {"WaitingForAuth", "", ""},
        [DATA] = {"WaitingForData", "AUTH EXTERNAL\r\n", "DATA\r\n"},
        [BEGIN] = {"WaitingForBegin", "AUTH EXTERNAL 31303030\r\n", OK},
};

/*
 * Every command in every state: the reply, and which state comes after. STAY: the same one.
 * END: the client is thrown out. DONE: it is in.
 */
enum { STAY = N_STATES, END, DONE };
struct effect {
        const char *reply;
        int next;
};
static const struct {
        const char *line;
        struct effect effects[N_STATES];
} transitions[] = {
        {"AUTH", {{ALL, AUTH}, {BUSY, STAY}, {LATE, STAY}}},
        {"AUTH ", {{ALL, AUTH}, {BUSY, STAY}, {LATE, STAY}}},
        {"AUTH NONSENSE", {{ALL, AUTH}, {BUSY, STAY}, {LATE, STAY}}},
        {"AUTH external", {{ALL, AUTH}, {BUSY, STAY}, {LATE, STAY}}},
        {"AUTH EXTERNAL", {{"DATA\r\n", DATA}, {BUSY, STAY}, {LATE, STAY}}},
        {"AUTH EXTERNAL 31303030", {{OK, BEGIN}, {BUSY, STAY}, {LATE, STAY}}},
        {"AUTH EXTERNAL 30", {{ALL, AUTH}, {BUSY, STAY}, {LATE, STAY}}},
        {"AUTH EXTERNAL zz", {{BAD_HEX, AUTH}, {BUSY, STAY}, {LATE, STAY}}},
        {"AUTH ANONYMOUS", {{OK, BEGIN}, {BUSY, STAY}, {LATE, STAY}}},
        {"AUTH DBUS_COOKIE_SHA1", {{ALL, AUTH}, {BUSY, STAY}, {LATE, STAY}}},
        {"CANCEL", {{IDLE, STAY}, {ALL, AUTH}, {ALL, AUTH}}},
        {"CANCEL x", {{IDLE, STAY}, {ALL, AUTH}, {ALL, AUTH}}},
        {"BEGIN", {{"", END}, {"", END}, {"", DONE}}},
        {"BEGIN x", {{"", END}, {"", END}, {"", DONE}}},
        {"DATA", {{IDLE, STAY}, {OK, BEGIN}, {LATE_DATA, STAY}}},
        {"DATA 31303030", {{IDLE, STAY}, {OK, BEGIN}, {LATE_DATA, STAY}}},
        {"DATA 30", {{IDLE, STAY}, {ALL, AUTH}, {LATE_DATA, STAY}}},
        {"DATA zz", {{IDLE, STAY}, {BAD_HEX, STAY}, {LATE_DATA, STAY}}},
        {"ERROR", {{ALL, AUTH}, {ALL, AUTH}, {ALL, AUTH}}},
        {"ERROR \"no\"", {{ALL, AUTH}, {ALL, AUTH}, {ALL, AUTH}}},
        {"NEGOTIATE_UNIX_FD", {{EARLY, STAY}, {EARLY, STAY}, {"AGREE_UNIX_FD\r\n", STAY}}},
        {"NEGOTIATE_UNIX_FD x", {{EARLY, STAY}, {EARLY, STAY}, {"AGREE_UNIX_FD\r\n", STAY}}},
        {"AGREE_UNIX_FD", {{UNKNOWN, STAY}, {UNKNOWN, STAY}, {UNKNOWN, STAY}}},
        {"OK", {{UNKNOWN, STAY}, {UNKNOWN, STAY}, {UNKNOWN, STAY}}},
        {"REJECTED EXTERNAL", {{UNKNOWN, STAY}, {UNKNOWN, STAY}, {UNKNOWN, STAY}}},
        {"EXTENSION_X", {{UNKNOWN, STAY}, {UNKNOWN, STAY}, {UNKNOWN, STAY}}},
        {"BEGINNING", {{UNKNOWN, STAY}, {UNKNOWN, STAY}, {UNKNOWN, STAY}}},
        {"", {{UNKNOWN, STAY}, {UNKNOWN, STAY}, {UNKNOWN, STAY}}},
        {" ", {{UNKNOWN, STAY}, {UNKNOWN, STAY}, {UNKNOWN, STAY}}},
        {" AUTH", {{UNKNOWN, STAY}, {UNKNOWN, STAY}, {UNKNOWN, STAY}}},
        {"begin", {{UNKNOWN, STAY}, {UNKNOWN, STAY}, {UNKNOWN, STAY}}},
        {"AUTH\r", {{UNKNOWN, STAY}, {UNKNOWN, STAY}, {UNKNOWN, STAY}}},
        {"AUTH\n", {{UNKNOWN, STAY}, {UNKNOWN, STAY}, {UNKNOWN, STAY}}},
        {"\x7f", {{UNKNOWN, STAY}, {UNKNOWN, STAY}, {UNKNOWN, STAY}}},
        {"BEGIN\x80", {{BINARY, STAY}, {BINARY, STAY}, {BINARY, STAY}}},
        {"\xc3\xa9", {{BINARY, STAY}, {BINARY, STAY}, {BINARY, STAY}}},
};

/* A line by which the states can be told apart, and the reply in each. */
#define PROBE "DATA zz\r\n"
static const char *const probes[N_STATES] = {[AUTH] = IDLE, [DATA] = BAD_HEX, [BEGIN] = LATE_DATA};

static void test_transitions(void)
{
        struct sasl_server_config config = defaults;

        for (unsigned state = 0; state < N_STATES; state++) {
                for (size_t i = 0; i < G_N_ELEMENTS(transitions); i++) {
                        const struct effect *e = &transitions[i].effects[state];
                        int next = e->next == STAY ? (int)state : e->next;
                        char *said = g_strconcat(states[state].said, transitions[i].line, "\r\n",
                                                 PROBE, NULL);
                        char *expected = g_strconcat(states[state].replies, e->reply,
                                                     next < N_STATES ? probes[next] : NULL, NULL);

                        g_test_message("%s: line %zu", states[state].name, i);
                        config.allow_anonymous = true;
                        converse(&config, &user_1000, said, strlen(said), expected,
                                 next == END ? SASL_E_PROTOCOL : 0);
                        g_free(expected);
                        g_free(said);
                }
        }
}

/* Lines after "AUTH EXTERNAL", and conversations as a whole, for different peers. */
static const struct {
        const struct credentials *peer;
        const char *said, *replies;
} externals[] = {
        {&user_1000, "AUTH  EXTERNAL  31303030\r\n", OK},
        {&user_1000, "AUTH\tEXTERNAL\t31303030\r\n", OK},
        {&user_1000, "AUTH EXTERNAL 31303030 \r\n", BAD_HEX},
        {&user_1000, "AUTH EXTERNAL 31 303030\r\n", BAD_HEX},
        {&user_1000, "AUTH EXTERNAL EXTERNAL\r\n", BAD_HEX},
        {&user_1000, "AUTH EXTERNAL 0x31303030\r\n", BAD_HEX},
        {&user_1000, "AUTH \vEXTERNAL\r\n", ALL},
        {&user_1000, "AUTH EXTERNAL,ANONYMOUS\r\n", ALL},
        {&user_1000, "AUTH EXTERNALS\r\n", ALL},
        /* " 1000", "+1000", "0x3E8", "01750", odd digits ("1000" and the half of '0'). */
        {&user_1000, "AUTH EXTERNAL 2031303030\r\n", OK},
        {&user_1000, "AUTH EXTERNAL 2b31303030\r\n", OK},
        {&user_1000, "AUTH EXTERNAL 3078334538\r\n", OK},
        {&user_1000, "AUTH EXTERNAL 3031373530\r\n", OK},
        {&user_1000, "AUTH EXTERNAL 3130303\r\n", OK},
        {&user_1000, "AUTH EXTERNAL 313030303\r\n", ALL},
        /* "1000 ", "1000" with a NUL, "0", "root", "-1", "4294968296" (1000 more than 2^32). */
        {&user_1000, "AUTH EXTERNAL 3130303020\r\n", ALL},
        {&user_1000, "AUTH EXTERNAL 3130303000\r\n", ALL},
        {&user_1000, "AUTH EXTERNAL 30\r\n", ALL},
        {&user_1000, "AUTH EXTERNAL 726f6f74\r\n", ALL},
        {&user_1000, "AUTH EXTERNAL 2d31\r\n", ALL},
        {&user_1000, "AUTH EXTERNAL 34323934393638323936\r\n", ALL},
        {&user_1000, "AUTH EXTERNAL\r\nDATA   \r\n", "DATA\r\n" OK},
        {&user_1000, "AUTH EXTERNAL\r\nDATA 31303030\r\n", "DATA\r\n" OK},
        {&user_1000, "AUTH EXTERNAL\r\nDATA 31\r\nDATA\r\n", "DATA\r\n" ALL IDLE},
        {&user_1000, "AUTH EXTERNAL\r\nDATA zz\r\nDATA\r\n", "DATA\r\n" BAD_HEX OK},
        /* Having been asked once is forgotten with the conversation. */
        {&user_1000, "AUTH EXTERNAL\r\nCANCEL\r\nAUTH EXTERNAL\r\n", "DATA\r\n" ALL "DATA\r\n"},
        /* The kernel does not know the user of a TCP peer, so it cannot be one. */
        {&tcp_peer, "AUTH EXTERNAL 30\r\n", ALL},
        {&tcp_peer, "AUTH EXTERNAL 31303030\r\n", ALL},
        {&tcp_peer, "AUTH EXTERNAL\r\nDATA 30\r\n", "DATA\r\n" ALL},
        {&tcp_peer, "AUTH EXTERNAL\r\nDATA\r\n", "DATA\r\n" OK},
        {&nobody_knows, "AUTH EXTERNAL\r\n", ALL},
        {&nobody_knows, "AUTH EXTERNAL 30\r\n", ALL},
};

static void test_external(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(externals); i++) {
                g_test_message("%s", externals[i].said);
                converse(&defaults, externals[i].peer, externals[i].said, strlen(externals[i].said),
                         externals[i].replies, 0);
        }
}

static void test_anonymous(void)
{
        static const struct {
                const char *said, *replies;
        } cases[] = {
                {"AUTH ANONYMOUS\r\n", OK},         {"AUTH ANONYMOUS 7472616365\r\n", OK},
                {"AUTH ANONYMOUS e282ac\r\n", OK},  {"AUTH ANONYMOUS efbfbf\r\n", OK},
                {"AUTH ANONYMOUS 3\r\n", OK},       {"AUTH ANONYMOUS fffe\r\n", ALL},
                {"AUTH ANONYMOUS eda080\r\n", ALL}, {"AUTH ANONYMOUS 610062\r\n", ALL},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                converse(&defaults, &user_1000, cases[i].said, strlen(cases[i].said),
                         cases[i].replies, 0);
}

/* Who may go on after BEGIN, and as whom. -1: no one; -2: as no user. */
static void test_begin(void)
{
        static const struct {
                const struct credentials *peer;
                bool allow_anonymous;
                const char *said;
                long uid;
                enum sasl_mechanism mechanism;
        } cases[] = {
                {&user_1000, false, "AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n", 1000, SASL_EXTERNAL},
                {&user_1000, true, "AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n", 1000, SASL_EXTERNAL},
                {&user_1000, false, "AUTH ANONYMOUS\r\nBEGIN\r\n", -1, SASL_NONE},
                {&user_1000, true, "AUTH ANONYMOUS\r\nBEGIN\r\n", -2, SASL_ANONYMOUS},
                {&tcp_peer, false, "AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n", -1, SASL_NONE},
                {&tcp_peer, true, "AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n", -1, SASL_NONE},
                {&tcp_peer, true, "AUTH ANONYMOUS\r\nBEGIN\r\n", -2, SASL_ANONYMOUS},
                /* What was proved once does not outlive its rejection. */
                {&user_1000, true,
                 "AUTH EXTERNAL 31303030\r\nCANCEL\r\nAUTH ANONYMOUS\r\nBEGIN\r\n", -2,
                 SASL_ANONYMOUS},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                struct sasl_server_config config = defaults;
                struct sasl_server *s;
                size_t consumed;
                char *replies;
                uid_t uid = 12345;
                int r;

                config.allow_anonymous = cases[i].allow_anonymous;
                s = new_server(&config, cases[i].peer);
                g_assert_cmpint(feed(s, "", 1, 0, &consumed, &replies), ==, 0);
                g_free(replies);
                r = feed(s, cases[i].said, strlen(cases[i].said), 0, &consumed, &replies);
                g_assert_cmpint(r, ==, cases[i].uid == -1 ? SASL_E_PROTOCOL : 0);
                g_assert_cmpint(sasl_server_done(s), ==, !r);
                g_assert_cmpint(sasl_server_uid(s, &uid), ==, cases[i].uid >= 0);
                g_assert_cmpint(uid, ==, cases[i].uid >= 0 ? cases[i].uid : 12345);
                g_assert_cmpint(sasl_server_mechanism(s), ==, cases[i].mechanism);
                g_free(replies);
                sasl_server_free(s);
        }
}

/* What is behind BEGIN stays, wherever the pieces end. */
static void test_rest(void)
{
        static const char said[] = "\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"
                                   "l\1\0\1BEGIN\r\n";
        const size_t n = sizeof(said) - 1, rest = 4 + 7;

        for (size_t step = 0; step <= n; step++) {
                struct sasl_server *s = new_server(&defaults, &user_1000);
                size_t consumed;
                char *replies;

                g_assert_cmpint(feed(s, said, n, step, &consumed, &replies), ==, 0);
                g_assert_true(sasl_server_done(s));
                g_assert_cmpuint(consumed, ==, n - rest);
                g_assert_cmpstr(replies, ==, "DATA\r\n" OK "AGREE_UNIX_FD\r\n");
                /* More is not for the server. */
                g_free(replies);
                g_assert_cmpint(sasl_server_feed(s, (const uint8_t *)"x", 1, &consumed), ==, 0);
                g_assert_cmpuint(consumed, ==, 0);
                sasl_server_free(s);
        }
}

static void test_fd_passing(void)
{
        static const struct {
                bool possible, agreed;
                const char *said, *replies;
        } cases[] = {
                {true, false, "AUTH EXTERNAL 31303030\r\nBEGIN\r\n", OK},
                {true, true, "AUTH EXTERNAL 31303030\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n",
                 OK "AGREE_UNIX_FD\r\n"},
                {true, true,
                 "AUTH EXTERNAL 31303030\r\nNEGOTIATE_UNIX_FD\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n",
                 OK "AGREE_UNIX_FD\r\nAGREE_UNIX_FD\r\n"},
                {true, false, "NEGOTIATE_UNIX_FD\r\nAUTH EXTERNAL 31303030\r\nBEGIN\r\n", EARLY OK},
                /* As with the reference, the agreement outlives a cancelled conversation. */
                {true, true,
                 "AUTH EXTERNAL 31303030\r\nNEGOTIATE_UNIX_FD\r\nCANCEL\r\n"
                 "AUTH EXTERNAL 31303030\r\nBEGIN\r\n",
                 OK "AGREE_UNIX_FD\r\n" ALL OK},
                {false, false, "AUTH EXTERNAL 31303030\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n",
                 OK NO_FDS},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                struct sasl_server_config config = defaults;
                struct sasl_server *s;
                size_t consumed;
                char *replies;

                config.fd_passing_possible = cases[i].possible;
                s = new_server(&config, &user_1000);
                g_assert_cmpint(feed(s, "", 1, 0, &consumed, &replies), ==, 0);
                g_free(replies);
                g_assert_cmpint(
                        feed(s, cases[i].said, strlen(cases[i].said), 0, &consumed, &replies), ==,
                        0);
                g_assert_cmpstr(replies, ==, cases[i].replies);
                g_assert_true(sasl_server_done(s));
                g_assert_cmpint(sasl_server_fd_passing(s), ==, cases[i].agreed);
                g_free(replies);
                sasl_server_free(s);
        }
}

static void test_mechanisms(void)
{
        static char external[] = "EXTERNAL", cookie[] = "DBUS_COOKIE_SHA1",
                    anonymous[] = "ANONYMOUS", nonsense[] = "NONSENSE";
        const struct {
                char *names[5];
                const char *said, *replies;
        } cases[] = {
                {{external},
                 "AUTH\r\nAUTH ANONYMOUS\r\n",
                 "REJECTED EXTERNAL\r\nREJECTED EXTERNAL\r\n"},
                {{cookie}, "AUTH EXTERNAL\r\n", "REJECTED DBUS_COOKIE_SHA1\r\n"},
                /* Clients are told in our order. */
                {{anonymous, cookie, external}, "AUTH\r\n", ALL},
                {{anonymous, nonsense, external},
                 "AUTH DBUS_COOKIE_SHA1\r\n",
                 "REJECTED EXTERNAL ANONYMOUS\r\n"},
                {{NULL}, "AUTH\r\n", "REJECTED\r\n"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                struct sasl_server_config config = defaults;

                config.mechanisms = cases[i].names;
                converse(&config, &user_1000, cases[i].said, strlen(cases[i].said),
                         cases[i].replies, 0);
        }
        g_assert_cmpstr(sasl_mechanism_name(SASL_DBUS_COOKIE_SHA1), ==, cookie);
        g_assert_cmpint(sasl_mechanism_find("ANONYMOUS", 9), ==, SASL_ANONYMOUS);
        g_assert_cmpint(sasl_mechanism_find("ANONYMOUS", 8), ==, SASL_NONE);
}

static void test_first_byte(void)
{
        static const char *const firsts[] = {"A", "\r\n", "\1", "\xff"};

        for (size_t i = 0; i < G_N_ELEMENTS(firsts); i++) {
                struct sasl_server *s = new_server(&defaults, &user_1000);
                const uint8_t *bytes;
                size_t consumed;

                g_assert_cmpint(sasl_server_feed(s, (const uint8_t *)firsts[i], strlen(firsts[i]),
                                                 &consumed),
                                ==, SASL_E_PROTOCOL);
                g_assert_cmpuint(sasl_server_output(s, &bytes), ==, 0);
                /* And it stays so. */
                g_assert_cmpint(sasl_server_feed(s, (const uint8_t *)"", 1, &consumed), ==,
                                SASL_E_PROTOCOL);
                sasl_server_free(s);
        }
        /* A second nul byte is part of a line. */
        converse(&defaults, &user_1000, "\0AUTH\r\n", 7, BINARY, 0);
        converse(&defaults, &user_1000, "AU\0TH\r\n", 7, BINARY, 0);
}

/* Six rejections, of any kind, are enough; errors are not counted. */
static void test_rejections(void)
{
        static const struct {
                const char *said, *replies;
                int result;
        } cases[] = {
                {"AUTH\r\nAUTH\r\nAUTH\r\nAUTH\r\nAUTH\r\n", ALL ALL ALL ALL ALL, 0},
                {"AUTH\r\nAUTH\r\nAUTH\r\nAUTH\r\nAUTH\r\nAUTH\r\nAUTH\r\n",
                 ALL ALL ALL ALL ALL ALL, SASL_E_PROTOCOL},
                {"AUTH\r\nERROR\r\nAUTH EXTERNAL\r\nCANCEL\r\nAUTH EXTERNAL 31\r\nAUTH X\r\n"
                 "AUTH ANONYMOUS\r\nCANCEL\r\n",
                 ALL ALL "DATA\r\n" ALL ALL ALL OK ALL, SASL_E_PROTOCOL},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
                converse(&defaults, &user_1000, cases[i].said, strlen(cases[i].said),
                         cases[i].replies, cases[i].result);
        for (unsigned n = 0; n < 2; n++) {
                GString *said = g_string_new(""), *replies = g_string_new("");

                for (unsigned i = 0; i < 50; i++) {
                        g_string_append(said, n ? "NONSENSE\r\n" : "CANCEL\r\n");
                        g_string_append(replies, n ? UNKNOWN : IDLE);
                }
                converse(&defaults, &user_1000, said->str, said->len, replies->str, 0);
                g_string_free(said, TRUE);
                g_string_free(replies, TRUE);
        }
}

/* A line, with its end, of 16384 bytes is the longest. */
static void test_line_length(void)
{
        for (size_t n = 16382; n <= 16386; n++) {
                char *line = g_malloc(n);

                memset(line, 'x', n);
                memcpy(line, "AUTH ", 5);
                /* With no end in sight. */
                converse(&defaults, &user_1000, line, n, "", n <= 16384 ? 0 : SASL_E_PROTOCOL);
                memcpy(line + n - 2, "\r\n", 2);
                converse(&defaults, &user_1000, line, n, n <= 16384 ? ALL : "",
                         n <= 16384 ? 0 : SASL_E_PROTOCOL);
                g_free(line);
        }
}

/* Replies to what was read at once are limited: 656 of these are just too many. */
static void test_many_replies(void)
{
        for (size_t n = 655; n <= 657; n++) {
                struct sasl_server *s = new_server(&defaults, &user_1000);
                GString *said = g_string_new("");
                size_t consumed;
                char *replies;
                int r;

                g_string_append_c(said, '\0');
                for (size_t i = 0; i < n; i++)
                        g_string_append(said, "\r\n");
                r = feed(s, said->str, said->len, 0, &consumed, &replies);
                g_assert_cmpint(r, ==, n < 656 ? 0 : SASL_E_PROTOCOL);
                g_assert_cmpuint(strlen(replies), ==, (n < 656 ? n : 656) * strlen(UNKNOWN));
                g_free(replies);
                g_string_free(said, TRUE);
                sasl_server_free(s);
        }
}

/* Pipelining a lot is fine as long as the replies are read. */
static void test_unread_replies(void)
{
        struct sasl_server *s = new_server(&defaults, &user_1000);
        GString *said = g_string_new("");
        const uint8_t *bytes;
        size_t consumed, n;
        char *replies;

        g_string_append_c(said, '\0');
        for (size_t i = 0; i < 2000; i++)
                g_string_append(said, "NONSENSE\r\n");
        g_assert_cmpint(feed(s, said->str, said->len, 0, &consumed, &replies), ==, 0);
        g_assert_cmpuint(strlen(replies), ==, 2000 * strlen(UNKNOWN));
        g_free(replies);

        /* The same again, but nothing is written. */
        g_assert_cmpint(
                sasl_server_feed(s, (const uint8_t *)said->str + 1, said->len - 1, &consumed), ==,
                0);
        n = sasl_server_output(s, &bytes);
        g_assert_cmpuint(n, ==, 2000 * strlen(UNKNOWN));
        g_assert_cmpint(sasl_server_feed(s, (const uint8_t *)"\r\n", 2, &consumed), ==,
                        SASL_E_PROTOCOL);
        g_assert_cmpuint(sasl_server_output(s, &bytes), ==, n);
        g_string_free(said, TRUE);
        sasl_server_free(s);
}

/* DBUS_COOKIE_SHA1 */

struct cookie_fixture {
        char *root, *directory;
        struct sasl_server_config config;
        struct sasl_server *server;
        char challenge[33], *secret;
};

static void cookie_set_up(struct cookie_fixture *f, gconstpointer data)
{
        (void)data;
        f->root = g_dir_make_tmp("sasl-XXXXXX", NULL);
        f->directory = g_build_filename(f->root, "keyrings", NULL);
        f->config = defaults;
        f->config.keyring_dir = f->directory;
        f->config.own_uid = getuid();
        f->config.cookie_context = "test_context";
        f->server = NULL;
        f->secret = NULL;
}

static void cookie_tear_down(struct cookie_fixture *f, gconstpointer data)
{
        char *file = g_build_filename(f->directory, "test_context", NULL);

        (void)data;
        sasl_server_free(f->server);
        keyring_forget(f->secret);
        g_unlink(file);
        g_rmdir(f->directory);
        g_assert_cmpint(g_rmdir(f->root), ==, 0);
        g_free(file);
        g_free(f->directory);
        g_free(f->root);
}

static int say(struct cookie_fixture *f, const char *line, char **reply)
{
        char *text = g_strconcat(line, "\r\n", NULL);
        size_t consumed;
        int r = feed(f->server, text, strlen(text), 0, &consumed, reply);

        g_free(text);
        return r;
}

static char *hex_of(const char *bytes, size_t n)
{
        char *hex = g_malloc(2 * n + 1);

        hex_encode(bytes, n, hex);
        return hex;
}

/* Says who the client is; takes the challenge apart. Returns false if there was none. */
static bool challenge(struct cookie_fixture *f, const char *user, size_t n_user)
{
        char *hex = hex_of(user, n_user), *line, *reply, text[256], **words;
        ssize_t n;

        line = g_strconcat("AUTH DBUS_COOKIE_SHA1 ", hex, NULL);
        g_assert_cmpint(say(f, line, &reply), ==, 0);
        g_free(line);
        g_free(hex);
        if (!g_str_has_prefix(reply, "DATA ")) {
                g_assert_cmpstr(reply, ==, ALL);
                g_free(reply);
                return false;
        }
        n = hex_decode(reply + 5, strlen(reply) - 7, (uint8_t *)text);
        g_assert_cmpint(n, >, 0);
        text[n] = '\0';
        words = g_strsplit(text, " ", -1);
        g_assert_cmpuint(g_strv_length(words), ==, 3);
        g_assert_cmpstr(words[0], ==, "test_context");
        g_assert_cmpuint(strlen(words[2]), ==, 32);
        g_strlcpy(f->challenge, words[2], sizeof(f->challenge));
        f->secret = keyring_forget(f->secret);
        g_assert_cmpint(keyring_find_cookie(f->directory, words[0], atoi(words[1]), &f->secret), ==,
                        0);
        g_strfreev(words);
        g_free(reply);
        return true;
}

static void start(struct cookie_fixture *f)
{
        char *reply;
        size_t consumed;

        sasl_server_free(f->server);
        f->server = new_server(&f->config, &tcp_peer);
        g_assert_cmpint(feed(f->server, "", 1, 0, &consumed, &reply), ==, 0);
        g_free(reply);
}

static void digest(const struct cookie_fixture *f, const char *ours, size_t n_ours,
                   char out[SHA1_DIGEST_STRING_LENGTH])
{
        GString *text = g_string_new(f->challenge);

        g_string_append_c(text, ':');
        g_string_append_len(text, ours, (gssize)n_ours);
        g_string_append_c(text, ':');
        g_string_append(text, f->secret);
        SHA1Data((const uint8_t *)text->str, text->len, out);
        g_string_free(text, TRUE);
}

/* Answers with our challenge, something, the digest and something more. */
static char *answer(struct cookie_fixture *f, const char *ours, size_t n_ours, const char *between,
                    const char *behind, bool upper)
{
        char sum[SHA1_DIGEST_STRING_LENGTH], *hex, *line, *reply;
        GString *text = g_string_new_len(ours, (gssize)n_ours);

        digest(f, ours, n_ours, sum);
        for (char *p = sum; upper && *p; p++)
                *p = g_ascii_toupper(*p);
        g_string_append(text, between);
        g_string_append(text, sum);
        g_string_append(text, behind);
        hex = hex_of(text->str, text->len);
        line = g_strconcat("DATA ", hex, NULL);
        say(f, line, &reply);
        g_free(line);
        g_free(hex);
        g_string_free(text, TRUE);
        return reply;
}

static void test_cookie(struct cookie_fixture *f, gconstpointer data)
{
        const struct passwd *own = getpwuid(getuid());
        char *number = g_strdup_printf("%u", getuid()), *reply, first[33];
        uid_t uid = 12345;

        (void)data;
        start(f);
        g_assert_true(challenge(f, number, strlen(number)));
        g_strlcpy(first, f->challenge, sizeof(first));
        reply = answer(f, "abc", 3, " ", "", false);
        g_assert_cmpstr(reply, ==, OK);
        g_free(reply);
        g_assert_cmpint(say(f, "BEGIN", &reply), ==, 0);
        g_free(reply);
        g_assert_true(sasl_server_uid(f->server, &uid));
        g_assert_cmpuint(uid, ==, getuid());
        g_assert_cmpint(sasl_server_mechanism(f->server), ==, SASL_DBUS_COOKIE_SHA1);

        if (own) {
                start(f);
                g_assert_true(challenge(f, own->pw_name, strlen(own->pw_name)));
                g_assert_cmpstr(f->challenge, !=, first);
                reply = answer(f, "abc", 3, " ", "", false);
                g_assert_cmpstr(reply, ==, OK);
                g_free(reply);
        }
        g_free(number);
}

static void test_cookie_answers(struct cookie_fixture *f, gconstpointer data)
{
        static const struct {
                const char *ours;
                size_t n_ours;
                const char *between, *behind;
                bool upper, ok;
        } cases[] = {
                {"abc", 3, " ", "", false, true},      {"abc", 3, "\t", "", false, true},
                {"abc", 3, " \t ", "", false, true},   {"a:b", 3, " ", "", false, true},
                {"\xc3\xa9", 2, " ", "", false, true}, {"a\0b", 3, " ", "", false, true},
                {"abc", 3, " ", "", true, false},      {"", 0, " ", "", false, false},
                {"abc", 3, "", "", false, false},      {"abc", 3, " ", " ", false, false},
                {"abc", 3, " ", "\n", false, false},   {"abc", 3, " ", "0", false, false},
                {" abc", 4, " ", "", false, false},    {"a b", 3, " ", "", false, false},
                {"abc", 3, "\n", "", false, false},
        };
        char *number = g_strdup_printf("%u", getuid()), *reply;

        (void)data;
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_test_message("%zu", i);
                start(f);
                g_assert_true(challenge(f, number, strlen(number)));
                reply = answer(f, cases[i].ours, cases[i].n_ours, cases[i].between, cases[i].behind,
                               cases[i].upper);
                g_assert_cmpstr(reply, ==, cases[i].ok ? OK : ALL);
                g_free(reply);
        }

        /* Other data; with each rejection the challenge is void. */
        start(f);
        g_assert_true(challenge(f, number, strlen(number)));
        say(f, "DATA zz", &reply);
        g_assert_cmpstr(reply, ==, BAD_HEX);
        g_free(reply);
        say(f, "DATA", &reply);
        g_assert_cmpstr(reply, ==, ALL);
        g_free(reply);
        reply = answer(f, "abc", 3, " ", "", false);
        g_assert_cmpstr(reply, ==, IDLE);
        g_free(reply);
        g_assert_true(challenge(f, number, strlen(number)));
        say(f, "CANCEL", &reply);
        g_assert_cmpstr(reply, ==, ALL);
        g_free(reply);
        g_assert_true(challenge(f, number, strlen(number)));
        f->challenge[0] = f->challenge[0] == '0' ? '1' : '0';
        reply = answer(f, "abc", 3, " ", "", false);
        g_assert_cmpstr(reply, ==, ALL);
        g_free(reply);
        g_free(number);
}

static void test_cookie_users(struct cookie_fixture *f, gconstpointer data)
{
        char *next = g_strdup_printf("%u", getuid() + 1);

        (void)data;
        start(f);
        g_assert_false(challenge(f, "", 0));
        g_assert_false(challenge(f, next, strlen(next)));
        g_assert_false(challenge(f, "no such user", 12));
        g_assert_false(challenge(f, "0\0", 2));
        g_assert_false(challenge(f, "root\0", 5));
        g_assert_false(g_file_test(f->directory, G_FILE_TEST_EXISTS));
        g_free(next);
}

/* A keyring that cannot be used is the client's bad luck, not the server's. */
static void test_cookie_no_keyring(struct cookie_fixture *f, gconstpointer data)
{
        char *number = g_strdup_printf("%u", getuid());

        (void)data;
        g_mkdir(f->directory, 0755);
        g_chmod(f->directory, 0755);
        start(f);
        g_assert_false(challenge(f, number, strlen(number)));
        f->config.keyring_dir = "/nonexistent/keyrings";
        start(f);
        g_assert_false(challenge(f, number, strlen(number)));
        g_free(number);
}

/* Without a directory of its own the keyring is in the user's home. */
static void test_cookie_home(struct cookie_fixture *f, gconstpointer data)
{
        char *old = g_strdup(g_getenv("HOME")), *number = g_strdup_printf("%u", getuid());
        char *moved = g_build_filename(f->root, ".dbus-keyrings", NULL);

        (void)data;
        g_setenv("HOME", f->root, TRUE);
        g_free(f->directory);
        f->directory = moved;
        f->config.keyring_dir = NULL;
        start(f);
        g_assert_true(challenge(f, number, strlen(number)));
        if (old)
                g_setenv("HOME", old, TRUE);
        else
                g_unsetenv("HOME");
        g_free(number);
        g_free(old);
}

/* Every allocation of whole conversations fails once. */
static void no_memory(struct cookie_fixture *f, const char *said, size_t n)
{
        unsigned k = 0;

        for (;; k++) {
                struct sasl_server *s = NULL;
                size_t consumed = 0;
                bool failed;
                int r;

                fail_alloc_after(k);
                r = sasl_server_new(&s, &f->config, &user_1000);
                if (!r)
                        r = sasl_server_feed(s, (const uint8_t *)said, n, &consumed);
                failed = fail_alloc_end();
                sasl_server_free(s);
                if (!failed) {
                        g_assert_cmpint(r, ==, 0);
                        break;
                }
                if (r)
                        g_assert_cmpint(r, ==, -ENOMEM);
        }
        g_assert_cmpuint(k, >=, 3);
}

static void test_no_memory(struct cookie_fixture *f, gconstpointer data)
{
        char *number = g_strdup_printf("%u", getuid()), *hex = hex_of(number, strlen(number));
        char *line = g_strdup_printf("xAUTH DBUS_COOKIE_SHA1 %s\r\nDATA 616263\r\n", hex);

        (void)data;
        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("a sanitizer owns malloc()");
        } else {
                static const char external[] = "\0AUTH EXTERNAL\r\nDATA 31303030\r\n"
                                               "NEGOTIATE_UNIX_FD\r\nBEGIN\r\n";
                static const char errors[] = "\0NONSENSE\r\nAUTH\r\nAUTH EXTERNAL zz\r\n";
                size_t n = strlen(line);

                no_memory(f, external, sizeof(external) - 1);
                no_memory(f, errors, sizeof(errors) - 1);
                line[0] = '\0';
                no_memory(f, line, n);
        }
        g_free(line);
        g_free(hex);
        g_free(number);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                void (*test)(struct cookie_fixture *f, gconstpointer data);
        } cookie_tests[] = {
                {"/sasl-server/cookie", test_cookie},
                {"/sasl-server/cookie-answers", test_cookie_answers},
                {"/sasl-server/cookie-users", test_cookie_users},
                {"/sasl-server/cookie-no-keyring", test_cookie_no_keyring},
                {"/sasl-server/cookie-home", test_cookie_home},
                {"/sasl-server/no-memory", test_no_memory},
        };

        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/sasl-server/transitions", test_transitions);
        g_test_add_func("/sasl-server/external", test_external);
        g_test_add_func("/sasl-server/anonymous", test_anonymous);
        g_test_add_func("/sasl-server/begin", test_begin);
        g_test_add_func("/sasl-server/rest", test_rest);
        g_test_add_func("/sasl-server/fd-passing", test_fd_passing);
        g_test_add_func("/sasl-server/mechanisms", test_mechanisms);
        g_test_add_func("/sasl-server/first-byte", test_first_byte);
        g_test_add_func("/sasl-server/rejections", test_rejections);
        g_test_add_func("/sasl-server/line-length", test_line_length);
        g_test_add_func("/sasl-server/many-replies", test_many_replies);
        g_test_add_func("/sasl-server/unread-replies", test_unread_replies);
        for (size_t i = 0; i < G_N_ELEMENTS(cookie_tests); i++)
                g_test_add(cookie_tests[i].name, struct cookie_fixture, NULL, cookie_set_up,
                           cookie_tests[i].test, cookie_tear_down);
        return g_test_run();
}
