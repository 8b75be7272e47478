/* SPDX-License-Identifier: MIT */
#include "raw-peer.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINKS "org.freedesktop.DBus.PeerLinks1"
/* Far more messages than it takes to be busy. */
#define MAX_TALK 2000

uint64_t clock_now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

GByteArray *enable_links_body(uint32_t version, uint64_t now)
{
        GByteArray *b = wire_body_u32(version);

        wire_put_u32(b, 0); /* up to a multiple of 8 */
        wire_put_u32(b, (uint32_t)now);
        wire_put_u32(b, (uint32_t)(now >> 32));
        return b;
}

struct incoming *raw_peer_call(struct raw_peer *r, const char *member, const char *signature,
                               GByteArray *body, bool wants_reply)
{
        const struct wire_head head = {
                .type = WIRE_CALL,
                .flags = wants_reply ? 0 : WIRE_NO_REPLY,
                .path = WIRE_BUS_PATH,
                .interface = LINKS,
                .member = member,
                .destination = WIRE_BUS,
                .signature = signature,
        };
        uint32_t serial = client_send(r->client, &head, body);

        if (body)
                g_byte_array_unref(body);
        client_flush(r->client);
        return wants_reply ? client_reply(r->client, serial) : NULL;
}

static int take_fd(struct incoming *m, unsigned i)
{
        int fd;

        g_assert_cmpuint(m->n_fds, ==, 2);
        fd = m->fds[i];
        m->fds[i] = -1;
        return fd;
}

struct raw_peer *raw_peer_new(struct scene *s)
{
        struct raw_peer *r = g_new0(struct raw_peer, 1);
        struct incoming *m;

        r->client = client_connect(s->daemon->socket);
        client_authenticate(r->client, true);
        client_hello(r->client);
        r->link = r->victims_clock = -1;
        raw_peer_call(r, "EnableLinks", "ut", enable_links_body(1, clock_now()), false);
        m = client_receive(r->client);
        g_assert_cmpstr(m->v.member, ==, "Enabled");
        r->clock = take_fd(m, 0);
        r->tally = take_fd(m, 1);
        incoming_free(m);
        return r;
}

/* Takes the link, if the message offers one. */
static void take_offer(struct raw_peer *r, struct incoming *m, const char *peer)
{
        uint32_t at = 0;

        if (!m->v.member || !g_str_equal(m->v.member, "LinkOffered"))
                return;
        r->id = wire_read_u32(&m->v, &at);
        g_assert_cmpstr(wire_read_string(&m->v, &at), ==, peer);
        r->link = take_fd(m, 0);
        r->victims_clock = take_fd(m, 1);
}

void raw_peer_link(struct raw_peer *r, struct party *victim)
{
        const struct wire_head head = {
                .type = WIRE_CALL,
                .flags = WIRE_NO_REPLY,
                .path = SCENE_PATH,
                .interface = SCENE_INTERFACE,
                .member = "Talk",
                .destination = victim->name,
        };

        for (unsigned i = 0; i < MAX_TALK && r->link < 0; ++i) {
                struct incoming *m;

                client_send(r->client, &head, NULL);
                client_flush(r->client);
                scene_turn(victim->scene);
                client_pump(&r->client, 1, 0);
                while ((m = client_take(r->client))) {
                        take_offer(r, m, victim->name);
                        incoming_free(m);
                }
        }
        if (r->link < 0)
                g_error("no link is offered to one who speaks the protocol");
        scene_settle(victim->scene);
        party_forget(victim);
}

static void close_fd(int fd)
{
        if (fd >= 0)
                close(fd);
}

struct raw_peer *raw_peer_free(struct raw_peer *r)
{
        client_free(r->client);
        close_fd(r->clock);
        close_fd(r->tally);
        close_fd(r->link);
        close_fd(r->victims_clock);
        g_free(r);
        return NULL;
}

uint64_t raw_peer_queued(const struct raw_peer *r)
{
        volatile uint64_t *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, r->victims_clock, 0);
        uint64_t queued;

        g_assert_true(page != MAP_FAILED);
        queued = page[64 / sizeof(*page)];
        munmap((void *)(uintptr_t)page, 4096);
        return queued;
}

struct raw_frame raw_frame_right(const struct raw_peer *r, size_t size)
{
        return (struct raw_frame){1, (uint32_t)size, raw_peer_queued(r), clock_now()};
}

bool raw_peer_send(struct raw_peer *r, const struct raw_frame *frame, const void *bytes,
                   size_t size, const int *fds, unsigned n_fds)
{
        struct iovec iov[] = {
                {(void *)(uintptr_t)frame, sizeof(*frame)},
                {(void *)(uintptr_t)bytes, size},
        };
        union {
                struct cmsghdr head;
                char space[CMSG_SPACE(253 * sizeof(int))];
        } control;
        struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
        ssize_t n;

        if (n_fds) {
                m.msg_control = &control;
                m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                control.head.cmsg_level = SOL_SOCKET;
                control.head.cmsg_type = SCM_RIGHTS;
                control.head.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                memcpy(CMSG_DATA(&control.head), fds, n_fds * sizeof(int));
        }
        n = sendmsg(r->link, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        g_assert_true(n == (ssize_t)(sizeof(*frame) + size) ||
                      (n < 0 && (errno == EAGAIN || errno == EPIPE)));
        return n >= 0;
}

char *marshalled(DBusMessage *m, int *size)
{
        char *bytes;

        if (!dbus_message_get_serial(m))
                dbus_message_set_serial(m, 77);
        g_assert_true(dbus_message_marshal(m, &bytes, size));
        dbus_message_unref(m);
        return bytes;
}

bool raw_peer_say(struct raw_peer *r, DBusMessage *m)
{
        int size;
        char *bytes = marshalled(m, &size);
        struct raw_frame frame = raw_frame_right(r, (size_t)size);
        bool sent = raw_peer_send(r, &frame, bytes, (size_t)size, NULL, 0);

        dbus_free(bytes);
        return sent;
}
