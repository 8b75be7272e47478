/* SPDX-License-Identifier: MIT */
/* DBUS_COOKIE_SHA1: a user proves who he is by what only he can read, in his home directory. */

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "peers.h"
#include "raw.h"

#define CONTEXT "org_freedesktop_general"

static char *home;

static char *keyrings(void)
{
        return g_build_filename(home, ".dbus-keyrings", NULL);
}

static char *cookies(void)
{
        return g_build_filename(home, ".dbus-keyrings", CONTEXT, NULL);
}

static void forget_cookies(void)
{
        g_autofree char *file = cookies(), *directory = keyrings();

        unlink(file);
        rmdir(directory);
}

static char *hex(const char *text)
{
        GString *s = g_string_new(NULL);

        for (; *text; text++)
                g_string_append_printf(s, "%02x", (unsigned char)*text);
        return g_string_free(s, FALSE);
}

static char *unhex(const char *digits)
{
        GString *s = g_string_new(NULL);

        for (; g_ascii_isxdigit(digits[0]) && g_ascii_isxdigit(digits[1]); digits += 2)
                g_string_append_c(s, (char)(g_ascii_xdigit_value(digits[0]) * 16 +
                                            g_ascii_xdigit_value(digits[1])));
        return g_string_free(s, FALSE);
}

static char *proof(const char *server_challenge, const char *client_challenge, const char *cookie)
{
        g_autofree char *all =
                g_strdup_printf("%s:%s:%s", server_challenge, client_challenge, cookie);

        return g_compute_checksum_for_string(G_CHECKSUM_SHA1, all, -1);
}

/* The cookie of that number in the file. */
static char *cookie_of(const char *number)
{
        g_autofree char *file = cookies(), *text = NULL;
        g_auto(GStrv) lines = NULL;

        if (!g_file_get_contents(file, &text, NULL, NULL))
                return NULL;
        lines = g_strsplit(text, "\n", -1);
        for (char **line = lines; *line; line++) {
                g_auto(GStrv) words = g_strsplit(*line, " ", 3);

                if (g_strv_length(words) == 3 && g_str_equal(words[0], number))
                        return g_strdup(words[2]);
        }
        return NULL;
}

static void whole(void)
{
        static const char *const addresses[] = {"tcp:host=127.0.0.1", "tcp:host=localhost"};
        g_autofree char *file = cookies(), *directory = keyrings();
        struct stat about;

        forget_cookies();
        for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
                struct helper *h = helper_new(addresses[i]);
                DBusConnection *c = helper_connect(h);
                DBusMessage *m = call_new("/a", "Echo"), *reply;
                DBusError error = DBUS_ERROR_INIT;

                reply = dbus_connection_send_with_reply_and_block(c, m, -1, &error);
                expect_no_error(&error);
                g_assert_true(dbus_connection_get_is_authenticated(c));
                if (reply)
                        dbus_message_unref(reply);
                dbus_message_unref(m);
                connection_end(c);
                helper_free(h);
        }
        g_assert_cmpint(stat(directory, &about), ==, 0);
        g_assert_cmpint(about.st_mode & 0777, ==, 0700);
        g_assert_cmpint(stat(file, &about), ==, 0);
        g_assert_cmpint(about.st_mode & 0777, ==, 0600);
}

/* The file has lines with a number, the time and a cookie. */
static void file(void)
{
        g_autofree char *path = cookies(), *text = NULL;
        g_auto(GStrv) lines = NULL;

        whole();
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        lines = g_strsplit(text, "\n", -1);
        note("lines: %u", g_strv_length(lines) - 1);
        for (char **line = lines; **line; line++) {
                g_auto(GStrv) words = g_strsplit(*line, " ", -1);

                g_assert_cmpuint(g_strv_length(words), ==, 3);
                g_assert_cmpuint(strspn(words[2], "0123456789abcdef"), ==, strlen(words[2]));
                note("cookie of %zu digits", strlen(words[2]));
        }
}

static bool has_service(void *data)
{
        return ((struct peers *)data)->service != NULL;
}

/* By hand, the client's part. What the hash is made of may be wrong. */
static void prove(bool right, bool server_challenge_right)
{
        struct peers *p = peers_listen();
        struct raw *r;
        g_autofree char *uid = g_strdup_printf("%d", (int)getuid()), *uid_hex = hex(uid);
        g_autofree char *hello = g_strdup_printf("AUTH DBUS_COOKIE_SHA1 %s\r\n", uid_hex);
        g_autofree char *data = NULL, *words = NULL, *cookie = NULL, *hash = NULL, *answer = NULL,
                        *answer_hex = NULL, *line = NULL, *verdict = NULL;
        g_auto(GStrv) parts = NULL;

        forget_cookies();
        r = raw_connect(p->address);
        loop_until(p->loop, has_service, p);
        raw_write(r, "", 1);
        raw_print(r, hello);
        data = raw_line(r, p->loop);
        g_assert_true(g_str_has_prefix(data, "DATA "));
        words = unhex(data + strlen("DATA "));
        parts = g_strsplit(words, " ", -1);
        g_assert_cmpuint(g_strv_length(parts), ==, 3);
        g_assert_cmpstr(parts[0], ==, CONTEXT);
        note("challenge of %zu digits", strlen(parts[2]));
        cookie = cookie_of(parts[1]);
        g_assert_nonnull(cookie);
        hash = proof(server_challenge_right ? parts[2] : "00", "abcdef",
                     right ? cookie : "1234567890");
        answer = g_strdup_printf("abcdef %s", hash);
        answer_hex = hex(answer);
        line = g_strdup_printf("DATA %s\r\n", answer_hex);
        raw_print(r, line);
        verdict = raw_line(r, p->loop);
        note_text("server", verdict);
        g_assert_cmpint(g_str_has_prefix(verdict, "OK "), ==, right && server_challenge_right);
        raw_free(r);
        peers_free(p);
}

static void right(void)
{
        prove(true, true);
}

static void wrong_cookie(void)
{
        prove(false, true);
}

static void wrong_challenge(void)
{
        prove(true, false);
}

static void talk(const char *const *lines)
{
        struct peers *p = peers_listen();
        struct raw *r = raw_connect(p->address);
        g_autofree char *uid = g_strdup_printf("%d", (int)getuid()), *uid_hex = hex(uid);

        forget_cookies();
        loop_until(p->loop, has_service, p);
        raw_write(r, "", 1);
        for (; *lines; lines++) {
                g_autoptr(GString) s = g_string_new(*lines);
                g_autofree char *answer = NULL;

                g_string_replace(s, "UID", uid_hex, 0);
                raw_print(r, s->str);
                raw_print(r, "\r\n");
                answer = raw_line(r, p->loop);
                /* The challenge is another one every time. */
                if (answer && g_str_has_prefix(answer, "DATA "))
                        answer[strlen("DATA")] = '\0';
                note("%s: %s", *lines, answer ? answer : "(the end)");
        }
        raw_free(r);
        peers_free(p);
}

static void nonsense(void)
{
        static const char *const lines[] = {
                "AUTH DBUS_COOKIE_SHA1 UID",
                "DATA",
                "AUTH DBUS_COOKIE_SHA1 UID",
                "DATA 616263",
                "AUTH DBUS_COOKIE_SHA1 UID",
                "DATA 61206220",
                "CANCEL",
                NULL,
        };

        talk(lines);
}

static void other_users(void)
{
        static const char *const lines[] = {
                "AUTH DBUS_COOKIE_SHA1 3939393939",
                "AUTH DBUS_COOKIE_SHA1 6e6f626f64792d6174616c6c",
                "AUTH DBUS_COOKIE_SHA1",
                NULL,
        };

        talk(lines);
}

/* By hand, the server's part: the client has to find the cookie we have written. */
static void client_answers(gconstpointer data)
{
        const char *wanted = data;
        struct raw *r = raw_listen();
        struct loop *l = loop_new();
        DBusConnection *c;
        g_autofree char *directory = keyrings(), *path = cookies(), *text = NULL, *offer = NULL,
                        *offer_hex = NULL, *line = NULL;
        char *said;

        forget_cookies();
        g_assert_cmpint(mkdir(directory, 0700), ==, 0);
        text = g_strdup_printf("17 %" G_GINT64_FORMAT " 0123456789abcdef\n",
                               g_get_real_time() / G_USEC_PER_SEC);
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
        chmod(path, 0600);
        c = dbus_connection_open_private(r->address, NULL);
        loop_add(l, c, NULL);
        raw_accept(r, l);
        g_free(raw_line(r, l));
        raw_print(r, "REJECTED DBUS_COOKIE_SHA1\r\n");
        said = raw_line(r, l);
        g_assert_true(g_str_has_prefix(said, "AUTH DBUS_COOKIE_SHA1 "));
        g_free(said);
        offer = g_strconcat(wanted, " fedcba", NULL);
        offer_hex = hex(offer);
        line = g_strdup_printf("DATA %s\r\n", offer_hex);
        raw_print(r, line);
        if (raw_is_readable(r, l) && (said = raw_line(r, l))) {
                if (g_str_has_prefix(said, "DATA ")) {
                        g_autofree char *words = unhex(said + strlen("DATA ")), *hash = NULL;
                        g_auto(GStrv) parts = g_strsplit(words, " ", -1);

                        g_assert_cmpuint(g_strv_length(parts), ==, 2);
                        hash = proof("fedcba", parts[0], "0123456789abcdef");
                        g_assert_cmpstr(parts[1], ==, hash);
                        note("a proof, with a challenge of %zu digits", strlen(parts[0]));
                } else {
                        note_text("client", said);
                }
                g_free(said);
        }
        note("connected %d", dbus_connection_get_is_connected(c));
        loop_free(l);
        connection_end(c);
        raw_free(r);
}

/* A directory that others can look into is not trusted. */
static void open_directory(void)
{
        struct peers *p = peers_listen();
        struct raw *r = raw_connect(p->address);
        g_autofree char *uid = g_strdup_printf("%d", (int)getuid()), *uid_hex = hex(uid);
        g_autofree char *hello = g_strdup_printf("AUTH DBUS_COOKIE_SHA1 %s\r\n", uid_hex);
        g_autofree char *directory = keyrings(), *answer = NULL;

        forget_cookies();
        g_assert_cmpint(mkdir(directory, 0700), ==, 0);
        g_assert_cmpint(chmod(directory, 0755), ==, 0);
        loop_until(p->loop, has_service, p);
        raw_write(r, "", 1);
        raw_print(r, hello);
        answer = raw_line(r, p->loop);
        if (answer && g_str_has_prefix(answer, "DATA "))
                answer[strlen("DATA")] = '\0';
        note_text("server", answer);
        raw_free(r);
        peers_free(p);
}

int main(int argc, char **argv)
{
        int result;

        harness_init(&argc, &argv);
        home = directory_new();
        g_setenv("HOME", home, TRUE);
        g_test_add_func("/cookie/whole", whole);
        g_test_add_func("/cookie/file", file);
        g_test_add_func("/cookie/server/right", right);
        g_test_add_func("/cookie/server/wrong-cookie", wrong_cookie);
        g_test_add_func("/cookie/server/wrong-challenge", wrong_challenge);
        g_test_add_func("/cookie/server/nonsense", nonsense);
        g_test_add_func("/cookie/server/other-users", other_users);
        g_test_add_func("/cookie/server/open-directory", open_directory);
        g_test_add_data_func("/cookie/client/right", CONTEXT " 17", client_answers);
        g_test_add_data_func("/cookie/client/no-such-cookie", CONTEXT " 18", client_answers);
        g_test_add_data_func("/cookie/client/no-number", CONTEXT " x", client_answers);
        g_test_add_data_func("/cookie/client/bad-context", "../x 17", client_answers);
        result = g_test_run();
        home = directory_free(home);
        return result;
}
