/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Bytes asked for with one recvmsg(), and descriptors the kernel can pass with one (unix(7)). */
#define READ_SIZE (256u * 1024)
#define MAX_FDS   253

/* Taken or written bytes at the start of a buffer are kept until there are so many. */
#define COMPACT_SIZE (4u * 1024 * 1024)

/* Between two looks at what cannot be polled for. */
#define NAP_US 50

static bool (*turn_function)(void *data);
static void *turn_data;

void client_set_turn(bool (*turn)(void *data), void *data)
{
        turn_function = turn;
        turn_data = data;
}

struct client *client_connect(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct client *c = g_new0(struct client, 1);

        g_assert_cmpuint(g_strlcpy(address.sun_path, path, sizeof(address.sun_path)), <,
                         sizeof(address.sun_path));
        c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_no_errno(c->fd);
        g_assert_no_errno(connect(c->fd, (struct sockaddr *)&address, sizeof(address)));
        c->in = g_byte_array_new();
        c->in_fds = g_array_new(FALSE, FALSE, sizeof(int));
        c->out = g_byte_array_new();
        c->out_fds = g_array_new(FALSE, FALSE, sizeof(struct client_fd));
        return c;
}

struct client *client_free(struct client *c)
{
        if (!c)
                return NULL;
        close(c->fd);
        for (guint i = 0; i < c->in_fds->len; ++i)
                close(g_array_index(c->in_fds, int, i));
        for (guint i = 0; i < c->out_fds->len; ++i)
                close(g_array_index(c->out_fds, struct client_fd, i).fd);
        g_byte_array_unref(c->in);
        g_byte_array_unref(c->out);
        g_array_unref(c->in_fds);
        g_array_unref(c->out_fds);
        g_free(c->name);
        g_free(c);
        return NULL;
}

void client_queue(struct client *c, const void *bytes, gsize n)
{
        g_byte_array_append(c->out, bytes, (guint)n);
}

void client_queue_fds(struct client *c, const int *fds, unsigned n)
{
        for (unsigned i = 0; i < n; ++i) {
                struct client_fd f = {.at = c->out->len, .fd = dup(fds[i])};

                g_assert_no_errno(f.fd);
                g_array_append_val(c->out_fds, f);
        }
}

gsize client_queued(const struct client *c)
{
        return c->out->len - c->out_at;
}

uint32_t client_send_fds(struct client *c, const struct wire_head *head, const GByteArray *body,
                         const int *fds, unsigned n)
{
        struct wire_head numbered = *head;
        GByteArray *m;

        if (!numbered.serial)
                numbered.serial = ++c->serial;
        m = wire_message(&numbered, body);
        client_queue_fds(c, fds, n);
        client_queue(c, m->data, m->len);
        g_byte_array_unref(m);
        return numbered.serial;
}

uint32_t client_send(struct client *c, const struct wire_head *head, const GByteArray *body)
{
        return client_send_fds(c, head, body, NULL, 0);
}

/* Removes what is done with from the start of a buffer. */
static void compact(GByteArray *buffer, gsize *at)
{
        if (*at == buffer->len) {
                g_byte_array_set_size(buffer, 0);
                *at = 0;
        } else if (*at >= COMPACT_SIZE && *at >= buffer->len / 2) {
                g_byte_array_remove_range(buffer, 0, (guint)*at);
                *at = 0;
        }
}

static void compact_out(struct client *c)
{
        gsize before = c->out_at;

        compact(c->out, &c->out_at);
        for (guint i = 0; i < c->out_fds->len; ++i)
                g_array_index(c->out_fds, struct client_fd, i).at -= before - c->out_at;
}

/* Stores the descriptors that go with the next byte; returns how many bytes may go with them. */
static gsize next_piece(const struct client *c, int *fds, unsigned *n_fds)
{
        *n_fds = 0;
        for (guint i = 0; i < c->out_fds->len; ++i) {
                const struct client_fd *f = &g_array_index(c->out_fds, struct client_fd, i);

                if (f->at > c->out_at)
                        return f->at - c->out_at;
                g_assert_cmpuint(*n_fds, <, MAX_FDS);
                fds[*n_fds] = f->fd;
                *n_fds += 1;
        }
        return client_queued(c);
}

static void drop_fds(struct client *c, unsigned n)
{
        if (!n)
                return;
        for (unsigned i = 0; i < n; ++i)
                close(g_array_index(c->out_fds, struct client_fd, i).fd);
        g_array_remove_range(c->out_fds, 0, n);
}

static ssize_t send_piece(struct client *c, gsize n, const int *fds, unsigned n_fds)
{
        /* Zeros where the kernel reads padding. */
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
        } control = {.space = {0}};
        struct iovec iov = {c->out->data + c->out_at, n};
        struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
        struct cmsghdr *cmsg;

        if (n_fds) {
                m.msg_control = control.space;
                m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                cmsg = CMSG_FIRSTHDR(&m);
                cmsg->cmsg_level = SOL_SOCKET;
                cmsg->cmsg_type = SCM_RIGHTS;
                cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
        }
        return sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* True if anything was written. */
static bool write_some(struct client *c)
{
        bool any = false;

        while (client_queued(c)) {
                int fds[MAX_FDS];
                unsigned n_fds;
                gsize n = next_piece(c, fds, &n_fds);
                ssize_t sent = send_piece(c, n, fds, n_fds);

                if (sent < 0 && errno == EINTR)
                        continue;
                if (sent < 0 && errno == EAGAIN)
                        break;
                any = true;
                drop_fds(c, n_fds);
                if (sent < 0) {
                        /* It has hung up; what it wrote before that can still be read. */
                        g_assert_true(errno == EPIPE || errno == ECONNRESET);
                        drop_fds(c, c->out_fds->len);
                        c->out_at = c->out->len;
                        break;
                }
                c->out_at += (gsize)sent;
        }
        compact_out(c);
        return any;
}

static void keep_fds(struct client *c, struct msghdr *m)
{
        for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(m); cmsg; cmsg = CMSG_NXTHDR(m, cmsg)) {
                if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
                        continue;
                g_array_append_vals(c->in_fds, CMSG_DATA(cmsg),
                                    (guint)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int)));
        }
}

/* True if anything was read, or the end was. */
static bool read_some(struct client *c)
{
        static uint8_t scratch[READ_SIZE];
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
        } control;
        struct iovec iov = {scratch, sizeof(scratch)};
        struct msghdr m = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control.space,
                .msg_controllen = sizeof(control),
        };
        ssize_t n;

        do
                n = recvmsg(c->fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
                return false;
        if (n < 0)
                g_assert_cmpint(errno, ==, ECONNRESET);
        if (n > 0) {
                g_byte_array_append(c->in, scratch, (guint)n);
                keep_fds(c, &m);
        } else {
                c->closed = true;
        }
        return true;
}

static bool pump_one(struct client *c, short events)
{
        bool any = false;

        if (events & POLLOUT || (events && client_queued(c)))
                any = write_some(c);
        if (events & (POLLIN | POLLHUP | POLLERR) && !c->deaf)
                any = read_some(c) || any;
        return any;
}

static bool pump_poll(struct client *const *clients, size_t n, int timeout_ms)
{
        g_autofree struct pollfd *polled = g_new0(struct pollfd, n);
        bool any = false;
        int r;

        for (size_t i = 0; i < n; ++i) {
                struct client *c = clients[i];
                short in = c && !c->deaf ? POLLIN : 0, out = c && client_queued(c) ? POLLOUT : 0;

                /* poll() reports a hang-up even to those who do not ask. */
                polled[i].fd = !c || c->closed || !(in | out) ? -1 : c->fd;
                polled[i].events = in | out;
        }
        r = poll(polled, n, timeout_ms);
        if (r < 0) {
                g_assert_cmpint(errno, ==, EINTR);
                return true;
        }
        for (size_t i = 0; i < n && r; ++i) {
                if (polled[i].fd >= 0 && polled[i].revents)
                        any = pump_one(clients[i], polled[i].revents) || any;
        }
        return any;
}

bool client_pump(struct client *const *clients, size_t n, int timeout_ms)
{
        bool any;

        if (!turn_function) {
                any = pump_poll(clients, n, timeout_ms < 0 ? CLIENT_DEADLINE_S * 1000 : timeout_ms);
                if (!any && timeout_ms < 0)
                        g_error("nothing happened before the deadline");
                return any;
        }
        any = pump_poll(clients, n, 0);
        any = turn_function(turn_data) || any;
        any = pump_poll(clients, n, 0) || any;
        if (!any && timeout_ms < 0)
                g_error("the daemon has nothing to do, but something is expected of it");
        return any;
}

static void wait_one(struct client *c)
{
        client_pump(&c, 1, -1);
}

void client_flush(struct client *c)
{
        while (client_queued(c) && !c->closed)
                wait_one(c);
}

void client_flush_taken(struct client *c)
{
        gint64 deadline = g_get_monotonic_time() + CLIENT_DEADLINE_S * G_USEC_PER_SEC;
        int left = 1;

        client_flush(c);
        while (!c->closed && !ioctl(c->fd, SIOCOUTQ, &left) && left > 0) {
                g_assert_cmpint(g_get_monotonic_time(), <, deadline);
                if (!client_pump(&c, 1, 0) && !turn_function)
                        g_usleep(NAP_US);
        }
}

void client_wait_closed(struct client *c)
{
        while (!c->closed) {
                wait_one(c);
                c->in_at = c->in->len;
                compact(c->in, &c->in_at);
        }
}

struct incoming *client_take(struct client *c)
{
        const uint8_t *bytes = c->in->data + c->in_at;
        gsize n = c->in->len - c->in_at;
        uint64_t size = wire_size(bytes, n);
        struct incoming *m;

        if (!size || size > n)
                return NULL;
        m = g_malloc(sizeof(*m) + size);
        memcpy(m->bytes, bytes, size);
        wire_parse(&m->v, m->bytes, size);
        m->n_fds = m->v.n_fds;
        m->fds = NULL;
        if (m->n_fds) {
                g_assert_cmpuint(m->n_fds, <=, c->in_fds->len);
                m->fds = g_memdup2(c->in_fds->data, m->n_fds * sizeof(int));
                g_array_remove_range(c->in_fds, 0, m->n_fds);
        }
        c->in_at += size;
        compact(c->in, &c->in_at);
        return m;
}

struct incoming *incoming_free(struct incoming *m)
{
        if (!m)
                return NULL;
        for (unsigned i = 0; i < m->n_fds; ++i)
                close(m->fds[i]);
        g_free(m->fds);
        g_free(m);
        return NULL;
}

struct incoming *client_receive_or_end(struct client *c)
{
        struct incoming *m;

        while (!(m = client_take(c)) && !c->closed)
                wait_one(c);
        return m;
}

struct incoming *client_receive(struct client *c)
{
        struct incoming *m = client_receive_or_end(c);

        if (!m)
                g_error("the daemon hung up on %s", c->name ? c->name : "a nameless client");
        return m;
}

struct incoming *client_reply(struct client *c, uint32_t serial)
{
        for (;;) {
                struct incoming *m = client_receive(c);

                if (m->v.reply_serial == serial &&
                    (m->v.type == WIRE_RETURN || m->v.type == WIRE_ERROR))
                        return m;
                incoming_free(m);
        }
}

struct incoming *client_call_bus(struct client *c, const char *member, const char *signature,
                                 GByteArray *body)
{
        const struct wire_head head = {
                .type = WIRE_CALL,
                .path = WIRE_BUS_PATH,
                .interface = WIRE_BUS,
                .member = member,
                .destination = WIRE_BUS,
                .signature = signature,
        };
        uint32_t serial = client_send(c, &head, body);

        if (body)
                g_byte_array_unref(body);
        return client_reply(c, serial);
}

void client_tell_bus(struct client *c, const char *member, const char *signature, GByteArray *body)
{
        struct incoming *m = client_call_bus(c, member, signature, body);

        g_assert_cmpint(m->v.type, ==, WIRE_RETURN);
        incoming_free(m);
}

void client_ping(struct client *c)
{
        client_tell_bus(c, "GetId", NULL, NULL);
}

void client_request_name(struct client *c, const char *name)
{
        GByteArray *body = wire_body_string(name);

        wire_put_u32(body, 0);
        client_tell_bus(c, "RequestName", "su", body);
}

void client_add_match(struct client *c, const char *rule)
{
        client_tell_bus(c, "AddMatch", "s", wire_body_string(rule));
}

GByteArray *client_auth_script(bool fd_passing)
{
        g_autofree char *uid = g_strdup_printf("%lu", (unsigned long)geteuid());
        GString *s = g_string_new(NULL);

        g_string_append_len(s, "\0AUTH EXTERNAL ", 15);
        for (const char *digit = uid; *digit; ++digit)
                g_string_append_printf(s, "%02x", (unsigned)*digit);
        g_string_append(s, fd_passing ? "\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n" : "\r\nBEGIN\r\n");
        return g_bytes_unref_to_array(g_string_free_to_bytes(s));
}

/* Waits for a line that starts like this, and takes it. */
static void expect_line(struct client *c, const char *start)
{
        const char *text, *end;
        gsize n;

        for (;;) {
                text = (const char *)c->in->data + c->in_at;
                n = c->in->len - c->in_at;
                end = n ? memmem(text, n, "\r\n", 2) : NULL;
                if (end)
                        break;
                g_assert_false(c->closed);
                wait_one(c);
        }
        g_assert_cmpint(strncmp(text, start, strlen(start)), ==, 0);
        c->in_at += (gsize)(end - text) + 2;
        compact(c->in, &c->in_at);
}

void client_authenticate(struct client *c, bool fd_passing)
{
        GByteArray *script = client_auth_script(fd_passing);

        client_queue(c, script->data, script->len);
        g_byte_array_unref(script);
        expect_line(c, "OK ");
        if (fd_passing)
                expect_line(c, "AGREE_UNIX_FD");
}

void client_hello(struct client *c)
{
        struct incoming *m = client_call_bus(c, "Hello", NULL, NULL);
        uint32_t at = 0;

        g_assert_cmpint(m->v.type, ==, WIRE_RETURN);
        c->name = g_strdup(wire_read_string(&m->v, &at));
        incoming_free(m);
        m = client_receive(c);
        g_assert_cmpstr(m->v.member, ==, "NameAcquired");
        incoming_free(m);
}

struct client *client_new(const char *path)
{
        struct client *c = client_connect(path);

        client_authenticate(c, true);
        client_hello(c);
        return c;
}
