/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sha1.h>
#include <time.h>
#include <unistd.h>

#include "core/hex.h"
#include "core/keyring.h"
#include "core/sasl-client.h"
#include "core/sasl-server.h"
#include "fail-alloc.h"

#define GUID  "0123456789abcdef0123456789abcdef"
#define UPPER "0123456789ABCDEF0123456789ABCDEF"
#define OTHER "ffffffffffffffffffffffffffffffff"

/* What the client says. User 1000 is 31303030. */
#define EXTERNAL  "AUTH EXTERNAL 31303030\r\n"
#define COOKIE    "AUTH DBUS_COOKIE_SHA1 31303030\r\n"
#define ANONYMOUS "AUTH ANONYMOUS 6c69626462757320312e31342e3130\r\n"
#define NEGOTIATE "NEGOTIATE_UNIX_FD\r\n"
#define CANCEL    "CANCEL\r\n"
#define BEGIN     "BEGIN\r\n"
#define UNKNOWN   "ERROR \"Unknown command\"\r\n"
#define BAD_HEX   "ERROR \"Invalid hex encoding\"\r\n"
#define BINARY    "ERROR \"Command contained non-ASCII\"\r\n"

/* What the server says. */
#define OK     "OK " GUID "\r\n"
#define AGREE  "AGREE_UNIX_FD\r\n"
#define REFUSE "ERROR \"no\"\r\n"

static const struct sasl_client_config defaults = {
        .negotiate_fds = true,
        .uid = 1000,
        .keyring_dir = "/nonexistent",
};

static struct sasl_client *new_client(const struct sasl_client_config *config)
{
        struct sasl_client *c;

        g_assert_cmpint(sasl_client_new(&c, config), ==, 0);
        g_assert_false(sasl_client_done(c));
        return c;
}

/* Takes what the client says, in pieces, and appends it. */
static void take_output(struct sasl_client *c, GString *said)
{
        const uint8_t *bytes;
        size_t n;

        while ((n = sasl_client_output(c, &bytes))) {
                size_t piece = n > 5 ? 5 : n;

                g_string_append_len(said, (const char *)bytes, (gssize)piece);
                sasl_client_output_taken(c, piece);
        }
}

/* Feeds bytes `step` at a time (0: all at once) until the client has had enough. Returns the last
 * result. */
static int feed(struct sasl_client *c, const char *bytes, size_t n, size_t step, size_t *consumed,
                GString *said)
{
        size_t at = 0;
        int r = 0;

        while (at < n && !r && !sasl_client_done(c)) {
                size_t piece = step && step < n - at ? step : n - at, taken;

                r = sasl_client_feed(c, (const uint8_t *)bytes + at, piece, &taken);
                take_output(c, said);
                g_assert_cmpuint(taken, <=, piece);
                if (!r && !sasl_client_done(c))
                        g_assert_cmpuint(taken, ==, piece);
                at += taken;
        }
        *consumed = at;
        return r;
}

/* How a conversation ends. */
enum end { WAITS, ENTERS, ENTERS_WITHOUT_FDS, LEAVES };

/* Lets the server say something, in steps of each size. What the client says first is not in
 * `expected`: a nul byte, and that it wants EXTERNAL. */
static void converse(const struct sasl_client_config *config, const char *server, size_t n,
                     const char *expected, enum end end)
{
        static const size_t steps[] = {0, 1, 2, 3, 7};

        for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
                struct sasl_client *c = new_client(config);
                GString *said = g_string_new("");
                size_t consumed;
                int r;

                take_output(c, said);
                g_assert_cmpuint(said->len, ==, 1 + strlen(EXTERNAL));
                g_assert_cmpmem(said->str, said->len, "\0" EXTERNAL, said->len);
                g_string_truncate(said, 0);
                r = feed(c, server, n, steps[i], &consumed, said);
                g_assert_cmpstr(said->str, ==, expected);
                g_assert_cmpint(r, ==, end == LEAVES ? SASL_E_PROTOCOL : 0);
                g_assert_cmpint(sasl_client_done(c), ==,
                                end == ENTERS || end == ENTERS_WITHOUT_FDS);
                if (sasl_client_done(c))
                        g_assert_cmpint(sasl_client_fd_passing(c), ==, end == ENTERS);
                if (end != LEAVES)
                        g_assert_cmpuint(consumed, ==, n);
                g_string_free(said, TRUE);
                sasl_client_free(c);
        }
}

/* All as the stock library's client does, when it is told the same. */
static const struct {
        const char *server, *client;
        enum end end;
} conversations[] = {
        {OK AGREE, NEGOTIATE BEGIN, ENTERS},
        {OK REFUSE, NEGOTIATE BEGIN, ENTERS_WITHOUT_FDS},
        {OK "ERROR\r\n", NEGOTIATE BEGIN, ENTERS_WITHOUT_FDS},
        {OK, NEGOTIATE, WAITS},
        {"", "", WAITS},
        /* What makes no sense there is answered, not more. */
        {OK "FOO\r\n" AGREE, NEGOTIATE UNKNOWN BEGIN, ENTERS},
        {OK "DATA\r\n" AGREE, NEGOTIATE UNKNOWN BEGIN, ENTERS},
        {OK OK AGREE, NEGOTIATE UNKNOWN BEGIN, ENTERS},
        {OK "REJECTED EXTERNAL ANONYMOUS\r\n" AGREE, NEGOTIATE UNKNOWN BEGIN, ENTERS},
        {AGREE OK AGREE, UNKNOWN NEGOTIATE BEGIN, ENTERS},
        {"FOO BAR\r\n" OK AGREE, UNKNOWN NEGOTIATE BEGIN, ENTERS},
        {"BEGIN\r\n" OK AGREE, UNKNOWN NEGOTIATE BEGIN, ENTERS},
        {"CANCEL\r\n" OK AGREE, UNKNOWN NEGOTIATE BEGIN, ENTERS},
        {"\r\n" OK AGREE, UNKNOWN NEGOTIATE BEGIN, ENTERS},
        {" \r\n" OK AGREE, UNKNOWN NEGOTIATE BEGIN, ENTERS},
        {"ok " GUID "\r\n" OK AGREE, UNKNOWN NEGOTIATE BEGIN, ENTERS},
        {"OKAY\r\n" OK AGREE, UNKNOWN NEGOTIATE BEGIN, ENTERS},
        {"\xff\xfe\r\n" OK AGREE, BINARY NEGOTIATE BEGIN, ENTERS},
        {"OK " GUID "\n", "", WAITS},
        {"OK " GUID "\n\r\n", NULL, LEAVES},
        /* EXTERNAL has nothing to say to data, but reads it. */
        {"DATA\r\n", "", WAITS},
        {"DATA\r\n" OK AGREE, NEGOTIATE BEGIN, ENTERS},
        {"DATA 31\r\n" OK AGREE, NEGOTIATE BEGIN, ENTERS},
        {"DATA zz\r\n" OK AGREE, BAD_HEX NEGOTIATE BEGIN, ENTERS},
        /* The server's identifier. */
        {"OK\r\n", "", LEAVES},
        {"OK \r\n", "", LEAVES},
        {"OK zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\r\n", "", LEAVES},
        {"OK " GUID " \r\n", "", LEAVES},
        {"OK " GUID " x\r\n", "", LEAVES},
        {"OK   " GUID "\r\n" AGREE, NEGOTIATE BEGIN, ENTERS},
        {"OK\t" GUID "\r\n" AGREE, NEGOTIATE BEGIN, ENTERS},
        {"OK " UPPER "\r\n" AGREE, NEGOTIATE BEGIN, ENTERS},
        {"OK 0123\r\n" AGREE, NEGOTIATE BEGIN, ENTERS},
        {"OK " GUID "00\r\n" AGREE, NEGOTIATE BEGIN, ENTERS},
        /* Rejections: the first list counts, in its order. */
        {"REJECTED\r\n", "", LEAVES},
        {"REJECTED EXTERNAL\r\n", "", LEAVES},
        {"REJECTED FOO EXTERNAL BAR\r\n", "", LEAVES},
        {"REJECTED external anonymous\r\n", "", LEAVES},
        {"REJECTED ANONYMOUS\r\n" OK AGREE, ANONYMOUS NEGOTIATE BEGIN, ENTERS},
        {"REJECTED FOO ANONYMOUS\r\n" OK AGREE, ANONYMOUS NEGOTIATE BEGIN, ENTERS},
        {"REJECTED   ANONYMOUS  FOO \r\n" OK AGREE, ANONYMOUS NEGOTIATE BEGIN, ENTERS},
        {"REJECTED\tANONYMOUS\tFOO\r\n" OK AGREE, ANONYMOUS NEGOTIATE BEGIN, ENTERS},
        {"REJECTED DBUS_COOKIE_SHA1 ANONYMOUS\r\nREJECTED\r\nREJECTED\r\n", COOKIE ANONYMOUS,
         LEAVES},
        {"REJECTED ANONYMOUS DBUS_COOKIE_SHA1 EXTERNAL\r\nREJECTED\r\nREJECTED\r\n",
         ANONYMOUS COOKIE, LEAVES},
        {"REJECTED DBUS_COOKIE_SHA1\r\nREJECTED ANONYMOUS\r\n", COOKIE, LEAVES},
        {"REJECTED DBUS_COOKIE_SHA1 ANONYMOUS\r\nREJECTED FOO\r\n" OK AGREE,
         COOKIE ANONYMOUS NEGOTIATE BEGIN, ENTERS},
        {"REJECTED ANONYMOUS\r\nDATA 31\r\n" OK AGREE, ANONYMOUS NEGOTIATE BEGIN, ENTERS},
        /* An error cancels; only a rejection is an answer to that. */
        {"ERROR\r\n", CANCEL, WAITS},
        {"ERROR \"x\"\r\nREJECTED EXTERNAL ANONYMOUS\r\n" OK AGREE,
         CANCEL ANONYMOUS NEGOTIATE BEGIN, ENTERS},
        {"ERROR\r\nREJECTED ANONYMOUS\r\nERROR\r\nREJECTED ANONYMOUS\r\n", CANCEL ANONYMOUS CANCEL,
         LEAVES},
        {"ERROR\r\n" OK, CANCEL, LEAVES},
        {"ERROR\r\nERROR\r\n", CANCEL, LEAVES},
        {"ERROR\r\nDATA\r\n", CANCEL, LEAVES},
        {"ERROR\r\nFOO\r\n", CANCEL, LEAVES},
        {"ERROR\r\n" AGREE, CANCEL, LEAVES},
        {"ERROR\r\n\xff\r\nREJECTED ANONYMOUS\r\n", CANCEL BINARY ANONYMOUS, WAITS},
};

static void test_conversations(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(conversations); i++) {
                const char *client = conversations[i].client;

                g_test_message("%zu: %s", i, conversations[i].server);
                converse(&defaults, conversations[i].server, strlen(conversations[i].server),
                         client ? client : "", conversations[i].end);
        }
        converse(&defaults, "OK\0\r\n" OK, 5 + strlen(OK), BINARY NEGOTIATE, WAITS);
}

static void test_no_fds(void)
{
        struct sasl_client_config config = defaults;

        config.negotiate_fds = false;
        converse(&config, OK, strlen(OK), BEGIN, ENTERS_WITHOUT_FDS);
        converse(&config, "REJECTED ANONYMOUS\r\n" OK, 20 + strlen(OK), ANONYMOUS BEGIN,
                 ENTERS_WITHOUT_FDS);
}

/* A server that was asked for by its identifier has to have exactly that. */
static void test_guid(void)
{
        static const struct {
                const char *wanted, *sent, *found; /* found: NULL: it is not the one */
        } cases[] = {
                {NULL, GUID, GUID},    {NULL, UPPER, UPPER}, {NULL, "0123", ""},
                {NULL, GUID "00", ""}, {GUID, GUID, GUID},   {UPPER, UPPER, UPPER},
                {GUID, UPPER, NULL},   {OTHER, GUID, NULL},  {"zz", GUID, NULL},
                {GUID, "0123", NULL},  {"0123", "0123", ""}, {GUID, GUID "00", NULL},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                struct sasl_client_config config = defaults;
                char *said = g_strdup_printf("OK %s\r\n" AGREE, cases[i].sent);
                struct sasl_client *c;
                size_t consumed;
                int r;

                config.guid = cases[i].wanted;
                c = new_client(&config);
                r = sasl_client_feed(c, (const uint8_t *)said, strlen(said), &consumed);
                g_assert_cmpint(r, ==, cases[i].found ? 0 : SASL_E_PROTOCOL);
                g_assert_cmpint(sasl_client_done(c), ==, cases[i].found != NULL);
                if (cases[i].found)
                        g_assert_cmpstr(sasl_client_guid(c), ==, cases[i].found);
                sasl_client_free(c);
                g_free(said);
        }
}

/* What is behind the last line of the server stays, wherever the pieces end. */
static void test_rest(void)
{
        static const char said[] = OK AGREE "l\2\1\1OK\r\n";
        const size_t n = sizeof(said) - 1, rest = 4 + 4;

        for (size_t step = 0; step <= n; step++) {
                struct sasl_client *c = new_client(&defaults);
                GString *out = g_string_new("");
                size_t consumed;

                g_assert_cmpint(feed(c, said, n, step, &consumed, out), ==, 0);
                g_assert_true(sasl_client_done(c));
                g_assert_cmpuint(consumed, ==, n - rest);
                g_assert_cmpint(sasl_client_feed(c, (const uint8_t *)"x", 1, &consumed), ==, 0);
                g_assert_cmpuint(consumed, ==, 0);
                g_string_free(out, TRUE);
                sasl_client_free(c);
        }
}

/* A line, with its end, of 16384 bytes is the longest. */
static void test_line_length(void)
{
        for (size_t n = 16382; n <= 16386; n++) {
                char *line = g_malloc(n);

                memset(line, 'x', n);
                converse(&defaults, line, n, "", n <= 16384 ? WAITS : LEAVES);
                memcpy(line + n - 2, "\r\n", 2);
                converse(&defaults, line, n, n <= 16384 ? UNKNOWN : "",
                         n <= 16384 ? WAITS : LEAVES);
                g_free(line);
        }
}

/* A server that says a lot of nonsense at once is left. */
static void test_many_errors(void)
{
        for (size_t n = 655; n <= 657; n++) {
                struct sasl_client *c = new_client(&defaults);
                GString *said = g_string_new(""), *out = g_string_new("");
                size_t consumed;
                int r;

                take_output(c, out);
                for (size_t i = 0; i < n; i++)
                        g_string_append(said, "\r\n");
                r = feed(c, said->str, said->len, 0, &consumed, out);
                g_assert_cmpint(r, ==, n < 656 ? 0 : SASL_E_PROTOCOL);
                g_string_free(said, TRUE);
                g_string_free(out, TRUE);
                sasl_client_free(c);
        }
}

/* DBUS_COOKIE_SHA1: a keyring with one cookie, number 7. */

#define SECRET    "00112233445566778899aabbccddeeff"
#define CONTEXT   "org_freedesktop_general"
#define CHALLENGE "0badc0de"

struct cookie_fixture {
        char *directory, *file;
        struct sasl_client_config config;
};

static void cookie_set_up(struct cookie_fixture *f, gconstpointer data)
{
        char *text = g_strdup_printf("7 %lld " SECRET "\n", (long long)time(NULL));

        (void)data;
        f->directory = g_dir_make_tmp("sasl-client-XXXXXX", NULL);
        f->file = g_build_filename(f->directory, CONTEXT, NULL);
        g_assert_true(g_file_set_contents(f->file, text, -1, NULL));
        f->config = defaults;
        f->config.keyring_dir = f->directory;
        g_free(text);
}

static void cookie_tear_down(struct cookie_fixture *f, gconstpointer data)
{
        (void)data;
        g_unlink(f->file);
        g_assert_cmpint(g_rmdir(f->directory), ==, 0);
        g_free(f->file);
        g_free(f->directory);
}

/* What the client says to a challenge of `n` bytes: the rest of its line. */
static char *answer_to(const struct cookie_fixture *f, const char *challenge, size_t n)
{
        struct sasl_client *c = new_client(&f->config);
        GString *said = g_string_new(""), *server = g_string_new("REJECTED DBUS_COOKIE_SHA1\r\n");
        char *hex = g_malloc(2 * n + 1), *answer;
        size_t consumed;

        hex_encode(challenge, n, hex);
        g_string_append_printf(server, "DATA %s\r\n", hex);
        take_output(c, said);
        g_string_truncate(said, 0);
        g_assert_cmpint(feed(c, server->str, server->len, 0, &consumed, said), ==, 0);
        g_assert_true(g_str_has_prefix(said->str, COOKIE));
        g_assert_true(g_str_has_suffix(said->str, "\r\n"));
        answer = g_strndup(said->str + strlen(COOKIE), said->len - strlen(COOKIE) - 2);
        g_free(hex);
        g_string_free(server, TRUE);
        g_string_free(said, TRUE);
        sasl_client_free(c);
        return answer;
}

/* The answer is a challenge of the client's own, which it gives back, and the right digest. */
static char *check_answer(const char *answer, const char *challenge, size_t n)
{
        char decoded[256], digest[SHA1_DIGEST_STRING_LENGTH], **parts, *own;
        GString *hashed = g_string_new_len(challenge, (gssize)n);
        SHA1_CTX sha1;
        ssize_t size;

        g_assert_true(g_str_has_prefix(answer, "DATA "));
        size = hex_decode(answer + 5, strlen(answer + 5), (uint8_t *)decoded);
        g_assert_cmpint(size, ==, 32 + 1 + 40);
        decoded[size] = '\0';
        parts = g_strsplit(decoded, " ", -1);
        g_assert_cmpuint(g_strv_length(parts), ==, 2);
        g_assert_cmpuint(strspn(parts[0], "0123456789abcdef"), ==, 32);
        g_string_append_printf(hashed, ":%s:" SECRET, parts[0]);
        SHA1Init(&sha1);
        SHA1Update(&sha1, (const uint8_t *)hashed->str, hashed->len);
        SHA1End(&sha1, digest);
        g_assert_cmpstr(parts[1], ==, digest);
        own = g_strdup(parts[0]);
        g_strfreev(parts);
        g_string_free(hashed, TRUE);
        return own;
}

static void test_cookie(struct cookie_fixture *f, gconstpointer data)
{
        /* The challenge is what is left behind the number, and a blank at least. */
        static const struct {
                const char *text, *challenge;
        } cases[] = {
                {CONTEXT " 7 " CHALLENGE, CHALLENGE},
                {CONTEXT "  7  " CHALLENGE, CHALLENGE},
                {CONTEXT "\t7\t" CHALLENGE, CHALLENGE},
                {CONTEXT " 7 " CHALLENGE " ", CHALLENGE " "},
                {CONTEXT " 7 a b", "a b"},
                {CONTEXT " 7 \xff\xfe", "\xff\xfe"},
                {CONTEXT " 0x7 " CHALLENGE, CHALLENGE},
                {CONTEXT " +7 " CHALLENGE, CHALLENGE},
                {CONTEXT " 07 " CHALLENGE, CHALLENGE},
                {CONTEXT " 7x " CHALLENGE, "x " CHALLENGE},
        };
        char *before = NULL;

        (void)data;
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                char *answer = answer_to(f, cases[i].text, strlen(cases[i].text)), *own;

                g_test_message("%zu", i);
                own = check_answer(answer, cases[i].challenge, strlen(cases[i].challenge));
                g_assert_cmpstr(own, !=, before);
                g_free(before);
                g_free(answer);
                before = own;
        }
        g_free(before);
        {
                static const char with_nul[] = CONTEXT " 7 a\0b";
                char *answer = answer_to(f, with_nul, sizeof(with_nul) - 1);

                g_free(check_answer(answer, "a\0b", 3));
                g_free(answer);
        }
}

static void test_cookie_errors(struct cookie_fixture *f, gconstpointer data)
{
#define IMPROPER "ERROR \"Server did not send context/ID/challenge properly\""
#define CONTEXTS "ERROR \"Server sent invalid cookie context\""
#define NUMBER   "ERROR \"Could not parse cookie ID as an integer\""
#define NONE     "ERROR \"Don't have the requested cookie ID\""
        static const struct {
                const char *text, *answer;
        } cases[] = {
                {"", IMPROPER},
                {CONTEXT, IMPROPER},
                {CONTEXT " ", IMPROPER},
                {CONTEXT " 7", IMPROPER},
                {CONTEXT " 7 ", "ERROR \"Empty server challenge string\""},
                {CONTEXT " x " CHALLENGE, NUMBER},
                {CONTEXT " 99999999999999999999 " CHALLENGE, NUMBER},
                {CONTEXT " 8 " CHALLENGE, NONE},
                {CONTEXT " -7 " CHALLENGE, NONE},
                {CONTEXT " 4294967303 " CHALLENGE, NONE},
                {"other 7 " CHALLENGE, NONE},
                {" " CONTEXT " 7 " CHALLENGE, CONTEXTS},
                {"../x 7 " CHALLENGE, CONTEXTS},
                {"a.b 7 " CHALLENGE, CONTEXTS},
                {" 7 " CHALLENGE, CONTEXTS},
        };

        (void)data;
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                char *answer = answer_to(f, cases[i].text, strlen(cases[i].text));

                g_test_message("%s", cases[i].text);
                g_assert_cmpstr(answer, ==, cases[i].answer);
                g_free(answer);
        }
        {
                static const char with_nul[] = CONTEXT "\0 7 x";
                char *answer = answer_to(f, with_nul, sizeof(with_nul) - 1);

                g_assert_cmpstr(answer, ==, CONTEXTS);
                g_free(answer);
        }
        /* Others could have read it. */
        g_assert_cmpint(g_chmod(f->directory, 0755), ==, 0);
        {
                char *answer = answer_to(f, CONTEXT " 7 x", strlen(CONTEXT) + 4);

                g_assert_cmpstr(answer, ==, NONE);
                g_free(answer);
        }
}

/* Against our own server: both think the same of what came of it. */

struct peers {
        struct sasl_client *client;
        struct sasl_server *server;
        int result; /* of whoever gave up */
};

/* Passes on what each says, until both are silent. */
static void run(struct peers *p)
{
        const uint8_t *bytes;
        size_t n, consumed;
        bool quiet;

        do {
                quiet = true;
                n = sasl_client_output(p->client, &bytes);
                if (n && !p->result) {
                        p->result = sasl_server_feed(p->server, bytes, n, &consumed);
                        sasl_client_output_taken(p->client, n);
                        quiet = false;
                }
                n = sasl_server_output(p->server, &bytes);
                if (n && !p->result) {
                        p->result = sasl_client_feed(p->client, bytes, n, &consumed);
                        sasl_server_output_taken(p->server, n);
                        quiet = false;
                }
        } while (!quiet);
}

static void test_server(struct cookie_fixture *f, gconstpointer data)
{
        static char external[] = "EXTERNAL", cookie[] = "DBUS_COOKIE_SHA1",
                    anonymous[] = "ANONYMOUS";
        const struct {
                char *mechanisms[4];
                uid_t uid;
                bool fds;
                enum sasl_mechanism mechanism;
        } cases[] = {
                {{external, cookie, anonymous}, 1000, true, SASL_EXTERNAL},
                {{external}, 1000, false, SASL_EXTERNAL},
                {{cookie}, 1000, true, SASL_DBUS_COOKIE_SHA1},
                {{cookie, anonymous}, 1000, true, SASL_DBUS_COOKIE_SHA1},
                {{anonymous}, 1000, false, SASL_ANONYMOUS},
                /* A user whom the socket does not know, and whose keyring is not the server's. */
                {{external, cookie, anonymous}, 1001, true, SASL_ANONYMOUS},
                {{external, cookie}, 1001, true, SASL_NONE},
        };
        const struct credentials peer = {.has_uid = true, .uid = 1000, .has_pid = true, .pid = 77};

        (void)data;
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                struct sasl_client_config config = f->config;
                struct sasl_server_config server = {
                        .guid = GUID,
                        .mechanisms = cases[i].mechanisms,
                        .allow_anonymous = true,
                        .fd_passing_possible = cases[i].fds,
                        .cookie_context = CONTEXT,
                        .own_uid = 1000,
                        .keyring_dir = f->directory,
                };
                bool succeeds = cases[i].mechanism != SASL_NONE;
                struct peers p = {0};

                g_test_message("%zu", i);
                config.uid = cases[i].uid;
                p.client = new_client(&config);
                g_assert_cmpint(sasl_server_new(&p.server, &server, &peer), ==, 0);
                run(&p);
                g_assert_cmpint(p.result, ==, succeeds ? 0 : SASL_E_PROTOCOL);
                g_assert_cmpint(sasl_client_done(p.client), ==, succeeds);
                g_assert_cmpint(sasl_server_done(p.server), ==, succeeds);
                g_assert_cmpint(sasl_server_mechanism(p.server), ==, cases[i].mechanism);
                if (succeeds) {
                        g_assert_cmpint(sasl_client_fd_passing(p.client), ==, cases[i].fds);
                        g_assert_cmpint(sasl_server_fd_passing(p.server), ==, cases[i].fds);
                        g_assert_cmpstr(sasl_client_guid(p.client), ==, GUID);
                }
                sasl_client_free(p.client);
                sasl_server_free(p.server);
        }
}

/* Every allocation of whole conversations fails once. */
static void no_memory(const struct sasl_client_config *config, const char *server)
{
        unsigned k = 0;

        for (;; k++) {
                struct sasl_client *c = NULL;
                size_t consumed = 0;
                bool failed;
                int r;

                fail_alloc_after(k);
                r = sasl_client_new(&c, config);
                if (!r)
                        r = sasl_client_feed(c, (const uint8_t *)server, strlen(server), &consumed);
                failed = fail_alloc_end();
                sasl_client_free(c);
                if (!failed) {
                        g_assert_cmpint(r, ==, 0);
                        break;
                }
                /* asprintf() does not mind if it cannot have memory that is no larger. */
                if (r)
                        g_assert_cmpint(r, ==, -ENOMEM);
        }
        g_assert_cmpuint(k, >=, 3);
}

static void test_no_memory(struct cookie_fixture *f, gconstpointer data)
{
        char *hex, *server, *home = g_strdup(g_getenv("HOME"));

        (void)data;
        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("a sanitizer owns malloc()");
                g_free(home);
                return;
        }
        f->config.guid = GUID;
        no_memory(&f->config, OK AGREE);
        no_memory(&f->config, "REJECTED ANONYMOUS\r\n" OK REFUSE);
        no_memory(&f->config, "FOO\r\n\xff\r\nDATA zz\r\nDATA 3131\r\nERROR\r\n");
        hex = g_malloc(2 * strlen(CONTEXT " 7 x") + 1);
        hex_encode(CONTEXT " 7 x", strlen(CONTEXT " 7 x"), hex);
        server = g_strdup_printf("REJECTED DBUS_COOKIE_SHA1\r\nDATA %s\r\n" OK, hex);
        no_memory(&f->config, server);
        /* And with the keyring of the home, which has none. */
        g_setenv("HOME", f->directory, TRUE);
        f->config.keyring_dir = NULL;
        f->config.uid = getuid();
        no_memory(&f->config, server);
        if (home)
                g_setenv("HOME", home, TRUE);
        else
                g_unsetenv("HOME");
        g_free(home);
        g_free(hex);
        g_free(server);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                void (*test)(struct cookie_fixture *f, gconstpointer data);
        } cookie_tests[] = {
                {"/sasl-client/cookie", test_cookie},
                {"/sasl-client/cookie-errors", test_cookie_errors},
                {"/sasl-client/server", test_server},
                {"/sasl-client/no-memory", test_no_memory},
        };

        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/sasl-client/conversations", test_conversations);
        g_test_add_func("/sasl-client/no-fds", test_no_fds);
        g_test_add_func("/sasl-client/guid", test_guid);
        g_test_add_func("/sasl-client/rest", test_rest);
        g_test_add_func("/sasl-client/line-length", test_line_length);
        g_test_add_func("/sasl-client/many-errors", test_many_errors);
        for (size_t i = 0; i < G_N_ELEMENTS(cookie_tests); i++)
                g_test_add(cookie_tests[i].name, struct cookie_fixture, NULL, cookie_set_up,
                           cookie_tests[i].test, cookie_tear_down);
        return g_test_run();
}
