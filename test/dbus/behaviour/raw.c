/* SPDX-License-Identifier: MIT */
#include "raw.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "peers.h"

#define DEADLINE_SECONDS 60

static struct raw *raw_new(void)
{
        struct raw *r = g_new0(struct raw, 1);

        r->listener = r->fd = -1;
        r->in = g_byte_array_new();
        return r;
}

static int unix_socket(void)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                g_error("socket: %s", g_strerror(errno));
        return fd;
}

static struct sockaddr_un address_of(const char *path)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};

        if (g_strlcpy(a.sun_path, path, sizeof a.sun_path) >= sizeof a.sun_path)
                g_error("%s: too long", path);
        return a;
}

struct raw *raw_listen(void)
{
        struct raw *r = raw_new();
        g_autofree char *path = NULL;
        struct sockaddr_un a;

        r->directory = directory_new();
        path = g_build_filename(r->directory, "socket", NULL);
        r->address = g_strdup_printf("unix:path=%s", path);
        a = address_of(path);
        r->listener = unix_socket();
        if (bind(r->listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(r->listener, 5) < 0)
                g_error("%s: %s", path, g_strerror(errno));
        return r;
}

struct raw *raw_connect(const char *address)
{
        struct raw *r = raw_new();
        g_autofree char *path = g_strdup(strstr(address, "path=") + strlen("path="));
        struct sockaddr_un a;

        path[strcspn(path, ",;")] = '\0';
        a = address_of(path);
        r->fd = unix_socket();
        if (connect(r->fd, (struct sockaddr *)&a, sizeof a) < 0)
                g_error("%s: %s", path, g_strerror(errno));
        return r;
}

struct raw *raw_free(struct raw *r)
{
        if (!r)
                return NULL;
        raw_close(r);
        if (r->listener >= 0)
                close(r->listener);
        g_byte_array_unref(r->in);
        directory_free(r->directory);
        g_free(r->address);
        g_free(r);
        return NULL;
}

void raw_close(struct raw *r)
{
        if (r->fd >= 0)
                close(r->fd);
        r->fd = -1;
}

/* False when it takes too long. */
static bool wait_for(int fd, struct loop *l)
{
        gint64 deadline = g_get_monotonic_time() + DEADLINE_SECONDS * G_USEC_PER_SEC;
        struct pollfd p = {fd, POLLIN, 0};

        while (g_get_monotonic_time() < deadline) {
                if (l)
                        loop_settle(l);
                if (poll(&p, 1, l ? 10 : 1000) > 0)
                        return true;
        }
        g_test_fail_printf("the other end is silent");
        return false;
}

void raw_accept(struct raw *r, struct loop *l)
{
        if (!wait_for(r->listener, l))
                return;
        r->fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
        if (r->fd < 0)
                g_error("accept: %s", g_strerror(errno));
}

void raw_write(struct raw *r, const void *bytes, size_t n)
{
        const char *at = bytes;

        while (n) {
                ssize_t written = send(r->fd, at, n, MSG_NOSIGNAL);

                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0) {
                        g_test_fail_printf("send: %s", g_strerror(errno));
                        return;
                }
                at += written;
                n -= (size_t)written;
        }
}

void raw_print(struct raw *r, const char *text)
{
        raw_write(r, text, strlen(text));
}

void raw_send(struct raw *r, DBusMessage *message)
{
        char *bytes;
        int n;

        g_assert_true(dbus_message_marshal(message, &bytes, &n));
        raw_write(r, bytes, (size_t)n);
        dbus_free(bytes);
        dbus_message_unref(message);
}

/* False at the end. */
static bool read_more(struct raw *r, struct loop *l)
{
        char buffer[4096];
        ssize_t n;

        if (r->fd < 0 || !wait_for(r->fd, l))
                return false;
        n = read(r->fd, buffer, sizeof buffer);
        if (n > 0)
                g_byte_array_append(r->in, (const guint8 *)buffer, (guint)n);
        return n > 0 || (n < 0 && errno == EINTR);
}

bool raw_is_readable(struct raw *r, struct loop *l)
{
        struct pollfd p = {r->fd, POLLIN, 0};

        loop_settle(l);
        return r->in->len || poll(&p, 1, 0) > 0;
}

char *raw_line(struct raw *r, struct loop *l)
{
        const guint8 *end;
        char *line;
        guint n;

        while (!r->in->len || !(end = memchr(r->in->data, '\n', r->in->len))) {
                if (!read_more(r, l))
                        return NULL;
        }
        n = (guint)(end - r->in->data);
        /* The first line begins with a nul byte, so it is no string. */
        line = g_malloc(n + 1);
        memcpy(line, r->in->data, n);
        line[n && line[n - 1] == '\r' ? n - 1 : n] = '\0';
        g_byte_array_remove_range(r->in, 0, n + 1);
        return line;
}

DBusMessage *raw_message(struct raw *r, struct loop *l)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *message;
        int n = 0;

        while (r->in->len < 16 ||
               (n = dbus_message_demarshal_bytes_needed((const char *)r->in->data,
                                                        (int)r->in->len)) > (int)r->in->len ||
               n == 0) {
                if (!read_more(r, l))
                        return NULL;
        }
        message = n > 0 ? dbus_message_demarshal((const char *)r->in->data, n, &error) : NULL;
        expect_no_error(&error);
        if (message)
                g_byte_array_remove_range(r->in, 0, (guint)n);
        return message;
}

void raw_wait_end(struct raw *r, struct loop *l)
{
        while (read_more(r, l))
                continue;
}

void raw_welcome(struct raw *r, struct loop *l, bool fds)
{
        char *line;

        while ((line = raw_line(r, l)) && !g_str_equal(line, "BEGIN")) {
                /* The first line follows the byte of the credentials. */
                if (g_str_has_prefix(line + !*line, "AUTH EXTERNAL"))
                        raw_print(r, "OK 1234deadbeef1234deadbeef12345678\r\n");
                else if (g_str_equal(line, "NEGOTIATE_UNIX_FD"))
                        raw_print(r, fds ? "AGREE_UNIX_FD\r\n" : "ERROR\r\n");
                else
                        raw_print(r, "REJECTED EXTERNAL\r\n");
                g_free(line);
        }
        g_assert_cmpstr(line, ==, "BEGIN");
        g_free(line);
}

void raw_authenticate(struct raw *r, struct loop *l, bool fds)
{
        g_autoptr(GString) hex = g_string_new(NULL);
        g_autofree char *uid = g_strdup_printf("%d", (int)getuid()), *ok = NULL;

        for (const char *c = uid; *c; c++)
                g_string_append_printf(hex, "%02x", *c);
        raw_write(r, "", 1);
        raw_print(r, "AUTH EXTERNAL ");
        raw_print(r, hex->str);
        raw_print(r, "\r\n");
        ok = raw_line(r, l);
        g_assert_true(ok && g_str_has_prefix(ok, "OK "));
        if (fds) {
                g_autofree char *agreed = NULL;

                raw_print(r, "NEGOTIATE_UNIX_FD\r\n");
                agreed = raw_line(r, l);
                g_assert_cmpstr(agreed, ==, "AGREE_UNIX_FD");
        }
        raw_print(r, "BEGIN\r\n");
}

struct by_hand by_hand_new(bool fds)
{
        struct by_hand b = {raw_listen(), loop_new(), NULL};

        b.client = dbus_connection_open_private(b.server->address, NULL);
        loop_add(b.loop, b.client, NULL);
        raw_accept(b.server, b.loop);
        raw_welcome(b.server, b.loop, fds);
        return b;
}

void by_hand_free(struct by_hand *b)
{
        loop_free(b->loop);
        connection_end(b->client);
        raw_free(b->server);
}
