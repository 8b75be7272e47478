/* SPDX-License-Identifier: MIT */
/* Authentication: what servers answer to clients by hand, and clients to servers by hand. */

#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "peers.h"
#include "raw.h"

/* Conversations with a server: what the client says, line by line. UID stands for ours in hex. */
struct talk {
        const char *name;
        const char *const lines[12];
        const char *const mechanisms[4]; /* none: all */
        bool anonymous;                  /* allowed */
};

static const struct talk talks[] = {
        {"external", {"AUTH EXTERNAL UID", "BEGIN"}, {NULL}, false},
        {"external/with-fds", {"AUTH EXTERNAL UID", "NEGOTIATE_UNIX_FD", "BEGIN"}, {NULL}, false},
        {"external/data-later", {"AUTH EXTERNAL", "DATA UID", "BEGIN"}, {NULL}, false},
        {"external/empty-data", {"AUTH EXTERNAL", "DATA", "BEGIN"}, {NULL}, false},
        {"external/other-user", {"AUTH EXTERNAL 3939393939", "BEGIN"}, {NULL}, false},
        {"external/no-number", {"AUTH EXTERNAL 726f6f74"}, {NULL}, false},
        {"external/no-hex", {"AUTH EXTERNAL zz", "AUTH EXTERNAL UID"}, {NULL}, false},
        {"external/half-hex", {"AUTH EXTERNAL 303"}, {NULL}, false},
        {"list", {"AUTH"}, {NULL}, false},
        {"list/external-only", {"AUTH"}, {"EXTERNAL", NULL}, false},
        {"list/some", {"AUTH"}, {"ANONYMOUS", "EXTERNAL", NULL}, false},
        {"unknown-mechanism", {"AUTH FOO", "AUTH FOO 3030"}, {NULL}, false},
        {"mechanism-not-offered", {"AUTH EXTERNAL UID"}, {"ANONYMOUS", NULL}, false},
        {"unknown-command", {"HELLO", "AUTH EXTERNAL UID", "HELLO"}, {NULL}, false},
        {"lower-case", {"auth EXTERNAL UID", "AUTH external UID"}, {NULL}, false},
        {"not-ascii", {"AUTH EXTERNAL \xc3\xa4", "\xff"}, {NULL}, false},
        {"empty-line", {"", "AUTH EXTERNAL UID"}, {NULL}, false},
        {"cancel",
         {"AUTH EXTERNAL", "CANCEL", "CANCEL", "AUTH EXTERNAL UID", "CANCEL"},
         {NULL},
         false},
        {"error", {"ERROR", "AUTH EXTERNAL", "ERROR", "AUTH EXTERNAL UID", "ERROR"}, {NULL}, false},
        {"data-without-auth", {"DATA UID", "DATA"}, {NULL}, false},
        {"auth-twice", {"AUTH EXTERNAL", "AUTH EXTERNAL UID", "AUTH EXTERNAL UID"}, {NULL}, false},
        {"begin-first", {"BEGIN"}, {NULL}, false},
        {"begin-in-the-middle", {"AUTH EXTERNAL", "BEGIN"}, {NULL}, false},
        {"fds-first", {"NEGOTIATE_UNIX_FD", "AUTH EXTERNAL UID"}, {NULL}, false},
        {"fds-twice",
         {"AUTH EXTERNAL UID", "NEGOTIATE_UNIX_FD", "NEGOTIATE_UNIX_FD"},
         {NULL},
         false},
        {"data-after-ok", {"AUTH EXTERNAL UID", "DATA UID"}, {NULL}, false},
        {"many-rejections",
         {"AUTH A", "AUTH B", "AUTH C", "AUTH D", "AUTH E", "AUTH F", "AUTH G", "AUTH H",
          "AUTH EXTERNAL UID"},
         {NULL},
         false},
        {"anonymous/refused", {"AUTH ANONYMOUS 74657374", "BEGIN"}, {NULL}, false},
        {"anonymous/allowed", {"AUTH ANONYMOUS 74657374", "BEGIN"}, {NULL}, true},
        {"anonymous/no-trace", {"AUTH ANONYMOUS", "DATA", "BEGIN"}, {NULL}, true},
        {"anonymous/bad-trace", {"AUTH ANONYMOUS ff", "AUTH ANONYMOUS"}, {NULL}, true},
        {"anonymous/external-too", {"AUTH EXTERNAL UID", "BEGIN"}, {NULL}, true},
        {"anonymous/not-offered", {"AUTH ANONYMOUS 74657374"}, {"EXTERNAL", NULL}, true},
        {"mechanism-order", {"AUTH EXTERNAL UID", "BEGIN"}, {"ANONYMOUS", "EXTERNAL", NULL}, false},
};

/* What the server has in hand when the client has come. */
struct server {
        struct peers *peers;
        bool anonymous;
};

static void admit(DBusServer *server, DBusConnection *connection, void *data)
{
        struct server *s = data;

        (void)server;
        dbus_connection_set_allow_anonymous(connection, s->anonymous);
        s->peers->service = dbus_connection_ref(connection);
        loop_add(s->peers->loop, connection, NULL);
}

static char *with_uid(const char *line)
{
        g_autofree char *uid = g_strdup_printf("%d", (int)getuid());
        g_autoptr(GString) hex = g_string_new(NULL), s = g_string_new(line);

        for (const char *c = uid; *c; c++)
                g_string_append_printf(hex, "%02x", *c);
        g_string_replace(s, "UID", hex->str, 0);
        return g_string_free(g_steal_pointer(&s), FALSE);
}

static bool has_service(void *data)
{
        return ((struct peers *)data)->service != NULL;
}

static void note_service(DBusConnection *c)
{
        unsigned long uid;

        note("service: connected %d, authenticated %d, anonymous %d, user known %d",
             dbus_connection_get_is_connected(c), dbus_connection_get_is_authenticated(c),
             dbus_connection_get_is_anonymous(c), dbus_connection_get_unix_user(c, &uid));
}

/* Who our user is must not be in a transcript that is to be compared. */
static void note_answer(struct raw *r, struct loop *l)
{
        g_autofree char *answer = raw_line(r, l);

        note_text("server", answer);
}

static void talk(gconstpointer data)
{
        const struct talk *t = data;
        struct server s = {peers_listen(), t->anonymous};
        struct peers *p = s.peers;
        struct raw *r;

        if (t->mechanisms[0]) {
                /* The function takes them without const. */
                const char *mechanisms[4];

                memcpy(mechanisms, t->mechanisms, sizeof mechanisms);
                g_assert_true(dbus_server_set_auth_mechanisms(p->server, mechanisms));
        }
        dbus_server_set_new_connection_function(p->server, admit, &s, NULL);
        r = raw_connect(p->address);
        loop_until(p->loop, has_service, p);
        raw_write(r, "", 1);
        for (const char *const *line = t->lines; *line; line++) {
                g_autofree char *whole = with_uid(*line), *shown = escaped(*line, strlen(*line));

                note("client: %s", shown);
                if (!dbus_connection_get_is_connected(p->service))
                        break;
                raw_print(r, whole);
                raw_print(r, "\r\n");
                loop_settle(p->loop);
                if (!g_str_equal(*line, "BEGIN"))
                        note_answer(r, p->loop);
        }
        loop_settle(p->loop);
        note_service(p->service);
        raw_free(r);
        peers_free(p);
}

/* The first byte has to be nul. */
static void no_nul(void)
{
        struct peers *p = peers_listen();
        struct raw *r = raw_connect(p->address);

        loop_until(p->loop, has_service, p);
        raw_print(r, "AUTH EXTERNAL\r\n");
        loop_settle(p->loop);
        note_service(p->service);
        raw_free(r);
        peers_free(p);
}

/* Nobody waits for ever for the end of a line. */
static void long_line(void)
{
        struct peers *p = peers_listen();
        struct raw *r = raw_connect(p->address);
        g_autofree char *text = g_strnfill(20000, 'A');

        loop_until(p->loop, has_service, p);
        raw_write(r, "", 1);
        raw_print(r, text);
        loop_settle(p->loop);
        note_service(p->service);
        raw_free(r);
        peers_free(p);
}

/* All in one write, with a message behind it. */
static void in_one_go(void)
{
        struct peers *p = peers_listen();
        struct raw *r = raw_connect(p->address);
        g_autofree char *line = with_uid("AUTH EXTERNAL UID\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
        DBusMessage *m =
                dbus_message_new_method_call(NULL, "/", "org.freedesktop.DBus.Peer", "Ping");
        g_autoptr(GByteArray) all = g_byte_array_new();
        char *bytes;
        int n;

        dbus_message_set_serial(m, 1);
        dbus_message_marshal(m, &bytes, &n);
        g_byte_array_append(all, (const guint8 *)"", 1);
        g_byte_array_append(all, (const guint8 *)line, (guint)strlen(line));
        g_byte_array_append(all, (const guint8 *)bytes, (guint)n);
        raw_write(r, all->data, all->len);
        note_answer(r, p->loop);
        note_answer(r, p->loop);
        dbus_message_unref(m);
        m = raw_message(r, p->loop);
        note_message("reply", m);
        dbus_message_unref(m);
        dbus_free(bytes);
        raw_free(r);
        peers_free(p);
}

static void byte_by_byte(void)
{
        struct peers *p = peers_listen();
        struct raw *r = raw_connect(p->address);
        g_autofree char *line = with_uid("AUTH EXTERNAL UID\r\nBEGIN\r\n");

        loop_until(p->loop, has_service, p);
        raw_write(r, "", 1);
        for (const char *c = line; *c; c++) {
                raw_write(r, c, 1);
                loop_settle(p->loop);
        }
        note_answer(r, p->loop);
        note_service(p->service);
        g_assert_true(dbus_connection_get_is_authenticated(p->service));
        raw_free(r);
        peers_free(p);
}

static void goes_in_the_middle(void)
{
        struct peers *p = peers_listen();
        struct raw *r = raw_connect(p->address);

        loop_until(p->loop, has_service, p);
        raw_write(r, "", 1);
        raw_print(r, "AUTH EXTERNAL\r\n");
        loop_settle(p->loop);
        raw_close(r);
        loop_settle(p->loop);
        note_service(p->service);
        raw_free(r);
        peers_free(p);
}

/* Only connections that come later know of it. */
static void mechanisms_changed(void)
{
        const char *only_external[] = {"EXTERNAL", NULL}, *only_anonymous[] = {"ANONYMOUS", NULL};
        const char **const sets[] = {only_external, only_anonymous, NULL};
        struct peers *p = peers_listen();
        struct raw *r[3];

        for (size_t i = 0; i < G_N_ELEMENTS(r); i++) {
                DBusConnection *before = p->service;

                g_assert_true(dbus_server_set_auth_mechanisms(p->server, sets[i]));
                r[i] = raw_connect(p->address);
                p->service = NULL;
                loop_until(p->loop, has_service, p);
                if (before)
                        dbus_connection_unref(before);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(r); i++) {
                raw_write(r[i], "", 1);
                raw_print(r[i], "AUTH\r\n");
                note_answer(r[i], p->loop);
                raw_free(r[i]);
                loop_settle(p->loop);
        }
        peers_free(p);
}

/* Conversations with a client: what the server answers, line by line. */
static const struct answers {
        const char *name;
        const char *const lines[10];
} answers[] = {
        {"ok", {"OK 1234deadbeef1234deadbeef12345678", "AGREE_UNIX_FD", NULL}},
        {"no-fds", {"OK 1234deadbeef1234deadbeef12345678", "ERROR", NULL}},
        {"no-fds-with-reason", {"OK 1234deadbeef1234deadbeef12345678", "ERROR \"no\"", NULL}},
        {"short-guid", {"OK 1234", "AGREE_UNIX_FD", NULL}},
        {"guid-no-hex", {"OK 1234deadbeefxxxxdeadbeef12345678", "AGREE_UNIX_FD", NULL}},
        {"no-guid", {"OK", "AGREE_UNIX_FD", NULL}},
        {"data", {"DATA", "OK 1234deadbeef1234deadbeef12345678", "AGREE_UNIX_FD", NULL}},
        {"data-with-text",
         {"DATA 3030", "OK 1234deadbeef1234deadbeef12345678", "AGREE_UNIX_FD", NULL}},
        {"error", {"ERROR", "REJECTED EXTERNAL", NULL}},
        {"unknown", {"WHAT", "OK 1234deadbeef1234deadbeef12345678", "AGREE_UNIX_FD", NULL}},
        {"rejected/anonymous",
         {"REJECTED ANONYMOUS", "OK 1234deadbeef1234deadbeef12345678", "AGREE_UNIX_FD", NULL}},
        {"rejected/unknown", {"REJECTED FOO BAR", NULL}},
        {"rejected/nothing", {"REJECTED", NULL}},
        {"rejected/external-again", {"REJECTED EXTERNAL", "REJECTED EXTERNAL", NULL}},
        {"rejected/twice", {"REJECTED EXTERNAL ANONYMOUS", "REJECTED EXTERNAL ANONYMOUS", NULL}},
        {"rejected/after-ok", {"OK 1234deadbeef1234deadbeef12345678", "REJECTED EXTERNAL", NULL}},
        {"agree-at-once", {"AGREE_UNIX_FD", "REJECTED EXTERNAL", NULL}},
        {"not-ascii", {"OK \xff", "REJECTED ANONYMOUS", NULL}},
};

static void answer(gconstpointer data)
{
        const struct answers *a = data;
        struct raw *r = raw_listen();
        struct loop *l = loop_new();
        DBusConnection *c = dbus_connection_open_private(r->address, NULL);
        const char *const *reply = a->lines;
        char *line;

        loop_add(l, c, NULL);
        raw_accept(r, l);
        while (raw_is_readable(r, l) && (line = raw_line(r, l))) {
                /* The first one stands behind a nul byte. */
                g_autoptr(GString) shown = g_string_new(line + !*line);
                g_autofree char *own = with_uid("UID");
                bool begin = g_str_equal(shown->str, "BEGIN");

                if (g_str_has_prefix(shown->str, "AUTH EXTERNAL"))
                        g_string_replace(shown, own, "UID", 0);
                if (g_str_has_prefix(shown->str, "AUTH ANONYMOUS"))
                        g_string_truncate(shown, strlen("AUTH ANONYMOUS"));
                note_text("client", shown->str);
                g_free(line);
                if (begin || !*reply)
                        break;
                note_text("server", *reply);
                raw_print(r, *reply++);
                raw_print(r, "\r\n");
        }
        loop_settle(l);
        note("connected %d, authenticated %d, fds %d", dbus_connection_get_is_connected(c),
             dbus_connection_get_is_authenticated(c),
             dbus_connection_can_send_type(c, DBUS_TYPE_UNIX_FD));
        loop_free(l);
        connection_end(c);
        raw_free(r);
}

int main(int argc, char **argv)
{
        harness_init(&argc, &argv);
        for (size_t i = 0; i < G_N_ELEMENTS(talks); i++) {
                g_autofree char *path = g_strdup_printf("/auth/server/%s", talks[i].name);

                g_test_add_data_func(path, &talks[i], talk);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
                g_autofree char *path = g_strdup_printf("/auth/client/%s", answers[i].name);

                g_test_add_data_func(path, &answers[i], answer);
        }
        g_test_add_func("/auth/no-nul", no_nul);
        g_test_add_func("/auth/long-line", long_line);
        g_test_add_func("/auth/in-one-go", in_one_go);
        g_test_add_func("/auth/byte-by-byte", byte_by_byte);
        g_test_add_func("/auth/goes-in-the-middle", goes_in_the_middle);
        g_test_add_func("/auth/mechanisms-changed", mechanisms_changed);
        return g_test_run();
}
