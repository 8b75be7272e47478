/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define DRIVER         "org.freedesktop.DBus"
#define DRIVER_PATH    "/org/freedesktop/DBus"
#define INITIAL_BUFFER (16 * 1024)
#define WRITE_BATCH    (32 * 1024)
#define WAIT_SECONDS   60

volatile sig_atomic_t client_interrupted;

/* What a failed blocking call on a socket with a timeout means. 0: try again. */
static int socket_error(void)
{
        if (errno == EINTR)
                return client_interrupted ? -EINTR : 0;
        if (errno == EAGAIN)
                return -ETIMEDOUT;
        return -errno;
}

int client_write2(struct client *c, const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b)
{
        while (n_a + n_b > 0) {
                struct iovec iov[] = {
                        {(void *)(uintptr_t)a, n_a},
                        {(void *)(uintptr_t)b, n_b},
                };
                struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
                ssize_t n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
                size_t of_a;
                int r;

                if (n < 0) {
                        r = socket_error();
                        if (r < 0)
                                return r;
                        continue;
                }
                of_a = (size_t)n < n_a ? (size_t)n : n_a;
                a += of_a;
                n_a -= of_a;
                b += (size_t)n - of_a;
                n_b -= (size_t)n - of_a;
        }
        return 0;
}

int client_write(struct client *c, const uint8_t *data, size_t n)
{
        return client_write2(c, data, n, data, 0);
}

/* Room for the message that has begun to arrive, at the start of the buffer. */
static int make_room(struct client *c)
{
        int64_t size = wire_size(c->in + c->in_start, c->in_end - c->in_start);
        size_t need = size > 0 ? (size_t)size : 0;
        uint8_t *in;

        if (c->in_start > 0) {
                memmove(c->in, c->in + c->in_start, c->in_end - c->in_start);
                c->in_end -= c->in_start;
                c->in_start = 0;
        }
        if (need <= c->in_cap && c->in_end < c->in_cap)
                return 0;
        if (need <= c->in_cap)
                need = c->in_cap * 2;
        in = realloc(c->in, need);
        if (!in)
                return -ENOMEM;
        c->in = in;
        c->in_cap = need;
        return 0;
}

int client_fill(struct client *c)
{
        int r = make_room(c);

        if (r < 0)
                return r;
        for (;;) {
                struct iovec iov = {c->in + c->in_end, c->in_cap - c->in_end};
                struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
                struct pollfd readable = {.fd = c->fd, .events = POLLIN};
                ssize_t n;

                /* libdbus, GDBus and sd-bus all wait in poll(). Waiting in recvmsg() is not the
                 * same for the daemon: Linux wakes such a client when its own message is read
                 * (unix_write_space), and the daemon pays for that switch. */
                if (poll(&readable, 1, WAIT_SECONDS * 1000) == 0)
                        return -ETIMEDOUT;
                n = recvmsg(c->fd, &msg, MSG_DONTWAIT);
                if (n > 0) {
                        c->in_end += (size_t)n;
                        return 0;
                }
                if (n == 0)
                        return -ECONNRESET;
                if (errno == EAGAIN)
                        continue;
                r = socket_error();
                if (r < 0)
                        return r;
        }
}

int client_take(struct client *c, struct wire_view *view)
{
        const uint8_t *at = c->in + c->in_start;
        size_t n = c->in_end - c->in_start;
        int64_t size = wire_size(at, n);
        int r;

        if (size < 0)
                return (int)size;
        if (size == 0 || (size_t)size > n)
                return 0;
        r = wire_parse(view, at, (size_t)size);
        if (r < 0)
                return r;
        c->in_start += (size_t)size;
        return 1;
}

int client_receive(struct client *c, struct wire_view *view)
{
        for (;;) {
                int r = client_take(c, view);

                if (r != 0)
                        return r < 0 ? r : 0;
                r = client_fill(c);
                if (r < 0)
                        return r;
        }
}

int client_wait_reply(struct client *c, uint32_t serial, struct wire_view *view)
{
        for (;;) {
                int r = client_receive(c, view);

                if (r < 0)
                        return r;
                if (view->reply_serial == serial)
                        return view->type == WIRE_RETURN ? 0 : -EREMOTEIO;
        }
}

uint32_t client_next_serial(struct client *c)
{
        if (++c->serial == 0)
                c->serial = 1;
        return c->serial;
}

int client_call(struct client *c, struct wire_head *head, const struct wire_buf *body,
                struct wire_view *view)
{
        int r;

        head->serial = client_next_serial(c);
        c->out.len = 0;
        r = wire_put_message(&c->out, head, body);
        if (r < 0)
                return r;
        r = client_write(c, c->out.data, c->out.len);
        if (r < 0)
                return r;
        return client_wait_reply(c, head->serial, view);
}

static struct wire_head driver_call(const char *member, const char *signature)
{
        return (struct wire_head){
                .type = WIRE_CALL,
                .path = DRIVER_PATH,
                .interface = DRIVER,
                .member = member,
                .destination = DRIVER,
                .signature = signature,
        };
}

/* Calls a method of the driver that takes nothing. What it answers is of no interest. */
static int call_driver(struct client *c, const char *member)
{
        struct wire_head head = driver_call(member, NULL);
        struct wire_view view;

        return client_call(c, &head, NULL, &view);
}

int client_sync(struct client *c)
{
        return call_driver(c, "GetId");
}

int client_reload_config(struct client *c)
{
        return call_driver(c, "ReloadConfig");
}

/* The arguments of RequestName: a name, and no flags. */
static int put_name_request(struct wire_buf *body, const char *name)
{
        size_t end;
        int r = wire_put_string(body, name);

        if (r >= 0)
                r = wire_buf_reserve(body, 8);
        if (r < 0)
                return r;
        end = (body->len + 3) / 4 * 4 + 4;
        memset(body->data + body->len, 0, end - body->len);
        body->len = end;
        return 0;
}

int client_request_name(struct client *c, const char *name)
{
        struct wire_head head = driver_call("RequestName", "su");
        struct wire_buf body = {0};
        struct wire_view view;
        uint32_t result;
        int r = put_name_request(&body, name);

        if (r >= 0)
                r = client_call(c, &head, &body, &view);
        wire_buf_deinit(&body);
        if (r < 0)
                return r;
        if (view.n_body != sizeof(result))
                return -EPROTO;
        memcpy(&result, view.body, sizeof(result));
        return result == 1 ? 0 : -EPROTO; /* 1: primary owner */
}

int client_claim_name(struct client *c, const char *name)
{
        struct wire_head head = driver_call("RequestName", "su");
        struct wire_buf body = {0};
        struct wire_buf out = {0};
        int r = put_name_request(&body, name);

        head.flags = WIRE_NO_REPLY;
        head.serial = client_next_serial(c);
        if (r >= 0)
                r = wire_put_message(&out, &head, &body);
        if (r >= 0)
                r = client_write(c, out.data, out.len);
        wire_buf_deinit(&out);
        wire_buf_deinit(&body);
        return r;
}

int client_add_matches(struct client *c, unsigned n,
                       void (*rule_text)(const void *arg, unsigned i, char *buf, size_t size),
                       const void *arg)
{
        struct wire_head head = driver_call("AddMatch", "s");
        struct wire_buf out = {0};
        struct wire_buf body = {0};
        struct wire_view view;
        char text[512];
        int r = 0;

        for (unsigned i = 0; i < n && r >= 0; ++i) {
                bool last = i + 1 == n;

                rule_text(arg, i, text, sizeof(text));
                body.len = 0;
                r = wire_put_string(&body, text);
                if (r < 0)
                        break;
                head.flags = last ? 0 : WIRE_NO_REPLY;
                head.serial = client_next_serial(c);
                r = wire_put_message(&out, &head, &body);
                if (r < 0)
                        break;
                if (last || out.len > WRITE_BATCH) {
                        r = client_write(c, out.data, out.len);
                        out.len = 0;
                }
        }
        if (r >= 0 && n > 0)
                r = client_wait_reply(c, head.serial, &view);
        wire_buf_deinit(&out);
        wire_buf_deinit(&body);
        return r;
}

static void given_text(const void *arg, unsigned i, char *buf, size_t size)
{
        (void)i;
        snprintf(buf, size, "%s", (const char *)arg);
}

int client_add_match(struct client *c, const char *rule)
{
        return client_add_matches(c, 1, given_text, rule);
}

/* Reads one line of the SASL conversation and checks how it begins. */
static int expect_line(struct client *c, const char *prefix)
{
        for (;;) {
                uint8_t *start = c->in + c->in_start;
                uint8_t *end = memchr(start, '\n', c->in_end - c->in_start);
                int r;

                if (end) {
                        size_t n = strlen(prefix);

                        if ((size_t)(end - start) < n || memcmp(start, prefix, n) != 0)
                                return -EPROTO;
                        c->in_start += (size_t)(end - start) + 1;
                        return 0;
                }
                r = client_fill(c);
                if (r < 0)
                        return r;
        }
}

/* The initial response of EXTERNAL: the decimal uid in hexadecimal. */
static void auth_command(char *buf, size_t size)
{
        char uid[16];
        size_t at;

        snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
        at = (size_t)snprintf(buf, size, "AUTH EXTERNAL ");
        for (const char *p = uid; *p; ++p)
                at += (size_t)snprintf(buf + at, size - at, "%02x", (unsigned char)*p);
        snprintf(buf + at, size - at, "\r\n");
}

static int write_text(struct client *c, const char *text)
{
        return client_write(c, (const uint8_t *)text, strlen(text));
}

static int put_text(struct wire_buf *buf, const char *text)
{
        size_t n = strlen(text);
        int r = wire_buf_reserve(buf, n);

        if (r < 0)
                return r;
        memcpy(buf->data + buf->len, text, n);
        buf->len += n;
        return 0;
}

/* Everything up to BEGIN. What is left in c->out goes out together with Hello. */
static int authenticate(struct client *c, enum client_auth auth)
{
        bool pipelined = auth == CLIENT_AUTH_PIPELINED;
        char command[64];
        int r;

        auth_command(command, sizeof(command));
        c->out.len = 0;
        if (pipelined) {
                r = wire_buf_reserve(&c->out, 1);
                if (r < 0)
                        return r;
                c->out.data[c->out.len++] = 0;
                r = put_text(&c->out, command);
                if (r >= 0)
                        r = put_text(&c->out, "NEGOTIATE_UNIX_FD\r\n");
        } else {
                r = client_write2(c, (const uint8_t *)"", 1, (const uint8_t *)command,
                                  strlen(command));
                if (r >= 0)
                        r = expect_line(c, "OK ");
                if (r >= 0)
                        r = write_text(c, "NEGOTIATE_UNIX_FD\r\n");
                if (r >= 0)
                        r = expect_line(c, "AGREE_UNIX_FD");
        }
        return r < 0 ? r : put_text(&c->out, "BEGIN\r\n");
}

static int hello(struct client *c, enum client_auth auth)
{
        struct wire_head head = driver_call("Hello", NULL);
        struct wire_view view;
        int r;

        head.serial = client_next_serial(c);
        r = wire_put_message(&c->out, &head, NULL);
        if (r >= 0)
                r = client_write(c, c->out.data, c->out.len);
        if (r >= 0 && auth == CLIENT_AUTH_PIPELINED) {
                r = expect_line(c, "OK ");
                if (r >= 0)
                        r = expect_line(c, "AGREE_UNIX_FD");
        }
        if (r >= 0)
                r = client_wait_reply(c, head.serial, &view);
        if (r < 0)
                return r;
        if (view.n_body < 6 || view.n_body - 5 >= sizeof(c->unique))
                return -EPROTO;
        memcpy(c->unique, view.body + 4, view.n_body - 4);
        return 0;
}

static int open_socket(struct client *c, const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct timeval wait = {.tv_sec = WAIT_SECONDS};

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);
        c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (c->fd < 0)
                return -errno;
        if (setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
            setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0)
                return -errno;
        while (connect(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                int r = socket_error();

                if (r < 0)
                        return r;
        }
        return 0;
}

int client_adopt(struct client **cp, int fd)
{
        struct client *c = calloc(1, sizeof(*c));

        if (c)
                c->in = malloc(INITIAL_BUFFER);
        if (!c || !c->in) {
                free(c);
                if (fd >= 0)
                        close(fd);
                return -ENOMEM;
        }
        c->in_cap = INITIAL_BUFFER;
        c->fd = fd;
        *cp = c;
        return 0;
}

int client_new(struct client **cp, const char *path, enum client_auth auth)
{
        struct client *c;
        int r = client_adopt(&c, -1);

        if (r < 0)
                return r;
        r = open_socket(c, path);
        if (r >= 0)
                r = authenticate(c, auth);
        if (r >= 0)
                r = hello(c, auth);
        if (r < 0) {
                client_free(c);
                return r;
        }
        *cp = c;
        return 0;
}

struct client *client_free(struct client *c)
{
        if (!c)
                return NULL;
        if (c->fd >= 0)
                close(c->fd);
        wire_buf_deinit(&c->out);
        free(c->in);
        free(c);
        return NULL;
}
