/* SPDX-License-Identifier: MIT */
/*
 * A linked peer that does what it must not: who it is linked with is unharmed, loses the link, and
 * keeps its other ones.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "raw-peer.h"

#define NO_SECRETS                                                                                 \
        "<policy context=\"default\"><deny send_interface=\"" SCENE_INTERFACE                      \
        "\" send_member=\"Secret\"/></policy>"

/* Those who may eavesdrop may also reply to what they were not asked: here nobody may. */
#define NO_UNASKED_REPLIES                                                                         \
        "<policy context=\"default\">"                                                             \
        "<deny send_requested_reply=\"false\" send_type=\"method_return\"/>"                       \
        "<deny send_requested_reply=\"false\" send_type=\"error\"/></policy>"

struct stage {
        struct scene *scene;
        struct party *victim, *friend;
        struct raw_peer *hostile;
        struct listed link; /* of the victim and the friend */
};

/* Links with two: the hostile one is read first, or last. */
static struct stage stage_new(const char *config, bool hostile_first)
{
        struct scene *s = scene_new(config);
        struct stage t = {.scene = s, .victim = party_new(s), .friend = party_new(s)};
        struct party *other = party_new(s);

        t.hostile = raw_peer_new(s);
        /* So that the victim has joined in. */
        link_up(t.victim, other);
        if (hostile_first)
                raw_peer_link(t.hostile, t.victim);
        link_up(t.victim, t.friend);
        if (!hostile_first)
                raw_peer_link(t.hostile, t.victim);
        link_get(s, t.victim, t.friend, &t.link);
        return t;
}

static bool has_link(const struct stage *t)
{
        struct listed l;

        return link_find(t->scene, t->victim->name, t->hostile->client->name, &l);
}

static unsigned count_fds(void)
{
        GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
        unsigned n = 0;

        while (g_dir_read_name(dir))
                n += 1;
        g_dir_close(dir);
        return n;
}

/* Its other link works on, and so does the bus. */
static void assert_unharmed(const struct stage *t)
{
        struct listed now;

        scene_settle(t->scene);
        round_trip(t->victim, t->friend);
        round_trip(t->friend, t->victim);
        link_get(t->scene, t->victim, t->friend, &now);
        g_assert_cmpuint(now.id, ==, t->link.id);
        g_assert_cmpuint(now.ends[0].messages, >=, t->link.ends[0].messages + 2);
        g_assert_cmpuint(now.ends[1].messages, >=, t->link.ends[1].messages + 2);
}

static void stage_free(struct stage *t)
{
        raw_peer_free(t->hostile);
        scene_free(t->scene);
}

static DBusMessage *call_of(const struct stage *t, const char *member)
{
        return numbered_new(DBUS_MESSAGE_TYPE_METHOD_CALL, t->victim->name, member, 1);
}

/* What may be wrong with one packet. */
struct packet {
        const char *name;
        void (*send)(struct stage *t);
};

static void send_sender_of_other(struct stage *t)
{
        DBusMessage *m = call_of(t, "Bad");

        dbus_message_set_sender(m, t->friend->name);
        raw_peer_say(t->hostile, m);
}

static void send_sender_own(struct stage *t)
{
        DBusMessage *m = call_of(t, "Bad");

        dbus_message_set_sender(m, t->hostile->client->name);
        raw_peer_say(t->hostile, m);
}

static void send_sender_bus(struct stage *t)
{
        DBusMessage *m = call_of(t, "Bad");

        dbus_message_set_sender(m, DBUS_SERVICE_DBUS);
        raw_peer_say(t->hostile, m);
}

/* Sends a good message after something is changed in its frame or its bytes. */
static void send_changed(struct stage *t, void (*change)(struct raw_frame *f, char *bytes, int *n))
{
        int size;
        char *bytes = marshalled(call_of(t, "Bad"), &size);
        struct raw_frame frame = raw_frame_right(t->hostile, (size_t)size);

        change(&frame, bytes, &size);
        raw_peer_send(t->hostile, &frame, bytes, (size_t)size, NULL, 0);
        dbus_free(bytes);
}

static void set_stamp(struct raw_frame *f, char *bytes, int *n)
{
        (void)bytes;
        (void)n;
        f->stamp += 1000;
}

static void send_stamp(struct stage *t)
{
        send_changed(t, set_stamp);
}

static void set_stamp_max(struct raw_frame *f, char *bytes, int *n)
{
        (void)bytes;
        (void)n;
        f->stamp = UINT64_MAX;
}

static void send_stamp_max(struct stage *t)
{
        send_changed(t, set_stamp_max);
}

static void set_version(struct raw_frame *f, char *bytes, int *n)
{
        (void)bytes;
        (void)n;
        f->version = 2;
}

static void send_version(struct stage *t)
{
        send_changed(t, set_version);
}

static void set_size(struct raw_frame *f, char *bytes, int *n)
{
        (void)bytes;
        (void)n;
        f->size += 8;
}

static void send_size(struct stage *t)
{
        send_changed(t, set_size);
}

static void set_less(struct raw_frame *f, char *bytes, int *n)
{
        (void)bytes;
        *n -= 8;
        f->size -= 8;
}

static void send_truncated(struct stage *t)
{
        send_changed(t, set_less);
}

static void set_cut(struct raw_frame *f, char *bytes, int *n)
{
        (void)f;
        (void)bytes;
        *n /= 2;
}

static void send_cut(struct stage *t)
{
        send_changed(t, set_cut);
}

static void set_garbage(struct raw_frame *f, char *bytes, int *n)
{
        (void)f;
        memset(bytes, 0xa5, (size_t)*n);
}

static void send_garbage(struct stage *t)
{
        send_changed(t, set_garbage);
}

static void set_no_type(struct raw_frame *f, char *bytes, int *n)
{
        (void)f;
        (void)n;
        bytes[1] = 0;
}

static void send_no_type(struct stage *t)
{
        send_changed(t, set_no_type);
}

static void set_order(struct raw_frame *f, char *bytes, int *n)
{
        (void)f;
        (void)n;
        bytes[0] = 'B';
}

static void send_order(struct stage *t)
{
        send_changed(t, set_order);
}

static void send_short(struct stage *t)
{
        send(t->hostile->link, "x", 1, MSG_NOSIGNAL);
}

static void send_empty(struct stage *t)
{
        send(t->hostile->link, "", 0, MSG_NOSIGNAL);
}

static void send_body(struct stage *t)
{
        int size;
        const char *text = "0123456789";
        DBusMessage *m = call_of(t, "Bad");
        char *bytes;
        struct raw_frame frame;

        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        bytes = marshalled(m, &size);
        bytes[size - 5] = (char)0xff; /* no UTF-8 */
        frame = raw_frame_right(t->hostile, (size_t)size);
        raw_peer_send(t->hostile, &frame, bytes, (size_t)size, NULL, 0);
        dbus_free(bytes);
}

/* More than a packet may have, however much the sender's socket takes. */
static void send_large(struct stage *t)
{
        DBusMessage *m = call_of(t, "Bad");
        const int room = 400000, n = 150000;
        g_autofree uint8_t *much = g_malloc0((gsize)n);

        setsockopt(t->hostile->link, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
        dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &much, n, DBUS_TYPE_INVALID);
        g_assert_true(raw_peer_say(t->hostile, m));
}

static void send_fds_unannounced(struct stage *t)
{
        int size, fds[3] = {0, 1, 2};
        char *bytes = marshalled(call_of(t, "Bad"), &size);
        struct raw_frame frame = raw_frame_right(t->hostile, (size_t)size);

        raw_peer_send(t->hostile, &frame, bytes, (size_t)size, fds, 3);
        dbus_free(bytes);
}

static void send_fds_many(struct stage *t)
{
        int size, fds[253];
        char *bytes = marshalled(call_of(t, "Bad"), &size);
        struct raw_frame frame = raw_frame_right(t->hostile, (size_t)size);

        memset(fds, 0, sizeof(fds));
        raw_peer_send(t->hostile, &frame, bytes, (size_t)size, fds, 253);
        dbus_free(bytes);
}

/* Sends a message that says that it has descriptors, and that has others. */
static void send_fds(struct stage *t, unsigned says, unsigned has)
{
        const struct wire_head head = {
                .type = WIRE_CALL,
                .serial = 5,
                .n_fds = says,
                .path = SCENE_PATH,
                .interface = SCENE_INTERFACE,
                .member = "Bad",
                .destination = t->victim->name,
        };
        GByteArray *m = wire_message(&head, NULL);
        struct raw_frame frame = raw_frame_right(t->hostile, m->len);
        int fds[253];

        memset(fds, 0, sizeof(fds));
        raw_peer_send(t->hostile, &frame, m->data, m->len, fds, has);
        g_byte_array_unref(m);
}

static void send_fds_missing(struct stage *t)
{
        send_fds(t, 2, 0);
}

/* More than the bus passes on, and the victim's library takes. */
static void send_fds_over_limit(struct stage *t)
{
        send_fds(t, 17, 17);
}

static void send_to_other(struct stage *t)
{
        raw_peer_say(t->hostile,
                     numbered_new(DBUS_MESSAGE_TYPE_METHOD_CALL, t->friend->name, "Bad", 1));
}

static void send_to_name(struct stage *t)
{
        raw_peer_say(t->hostile,
                     numbered_new(DBUS_MESSAGE_TYPE_METHOD_CALL, "org.example.NotIts", "Bad", 1));
}

static void send_to_nobody(struct stage *t)
{
        raw_peer_say(t->hostile, numbered_new(DBUS_MESSAGE_TYPE_SIGNAL, NULL, "Bad", 1));
}

static void send_forbidden(struct stage *t)
{
        raw_peer_say(t->hostile, call_of(t, "Secret"));
}

static void send_end(struct stage *t)
{
        shutdown(t->hostile->link, SHUT_RDWR);
}

static void send_half_end(struct stage *t)
{
        shutdown(t->hostile->link, SHUT_WR);
}

static const struct packet packets[] = {
        {"sender/other", send_sender_of_other},
        {"sender/own", send_sender_own},
        {"sender/bus", send_sender_bus},
        {"stamp/future", send_stamp},
        {"stamp/max", send_stamp_max},
        {"frame/version", send_version},
        {"frame/size", send_size},
        {"frame/short", send_short},
        {"frame/empty", send_empty},
        {"message/truncated", send_truncated},
        {"message/cut", send_cut},
        {"message/garbage", send_garbage},
        {"message/type", send_no_type},
        {"message/order", send_order},
        {"message/body", send_body},
        {"message/large", send_large},
        {"fds/unannounced", send_fds_unannounced},
        {"fds/many", send_fds_many},
        {"fds/missing", send_fds_missing},
        {"fds/over-limit", send_fds_over_limit},
        {"destination/other", send_to_other},
        {"destination/name", send_to_name},
        {"destination/none", send_to_nobody},
        {"policy", send_forbidden},
        {"end/both", send_end},
        {"end/half", send_half_end},
};

/* The packet is not received, and ends the link. What the same peer says by the bus is. */
static void test_packet(gconstpointer data)
{
        const struct packet *p = data;

        for (unsigned first = 0; first < 2; ++first) {
                struct stage t = stage_new(NO_SECRETS, first);
                unsigned n_fds;

                g_assert_true(has_link(&t));
                g_assert_true(raw_peer_say(t.hostile, call_of(&t, "Good")));
                while (!party_count(t.victim, "Good"))
                        scene_turn(t.scene);
                g_assert_true(has_link(&t));
                n_fds = count_fds();
                p->send(&t);
                if (t.hostile->link >= 0)
                        raw_peer_say(t.hostile, call_of(&t, "Behind"));
                while (has_link(&t))
                        scene_turn(t.scene);
                assert_unharmed(&t);
                g_assert_cmpuint(party_count(t.victim, "Bad"), ==, 0);
                g_assert_cmpuint(party_count(t.victim, "Secret"), ==, 0);
                g_assert_cmpuint(party_count(t.victim, "Behind"), ==, 0);
                /* The victim's end, and what came with the packet, is closed; its epoll set may
                 * be new. */
                g_assert_cmpuint(count_fds(), <=, n_fds);
                stage_free(&t);
        }
}

/* Its end is just closed, which the bus's duplicate may hide: what is sent to it is its loss. */
static void test_closed(void)
{
        for (unsigned first = 0; first < 2; ++first) {
                struct stage t = stage_new(NULL, first);
                struct client *c = t.hostile->client;

                close(t.hostile->link);
                t.hostile->link = -1;
                party_say(t.victim, c->name, "Say", 1);
                party_call(t.victim, c->name, "Echo", 1, NULL);
                assert_unharmed(&t);
                g_assert_cmpuint(t.victim->seen.length, ==, 2);
                /* Without it the call gets its outcome. */
                t.hostile->client = client_free(c);
                while (t.victim->seen.length < 3)
                        scene_turn(t.scene);
                g_assert_cmpstr(dbus_message_get_error_name(g_queue_peek_tail(&t.victim->seen)), ==,
                                DBUS_ERROR_NO_REPLY);
                assert_unharmed(&t);
                stage_free(&t);
        }
}

/* A time in the future is one that it cannot be: it can be ordered late, not early. */
static void test_time(void)
{
        struct stage t = stage_new(NULL, true);
        int size;
        char *bytes = marshalled(call_of(&t, "Future"), &size);
        struct raw_frame frame = raw_frame_right(t.hostile, (size_t)size);
        const uint64_t times[] = {UINT64_MAX, frame.time + 3600ull * 1000000000, 0};

        for (unsigned i = 0; i < G_N_ELEMENTS(times); ++i) {
                frame = raw_frame_right(t.hostile, (size_t)size);
                frame.time = times[i];
                raw_peer_send(t.hostile, &frame, bytes, (size_t)size, NULL, 0);
                while (!party_count(t.victim, "Future"))
                        scene_turn(t.scene);
                party_forget(t.victim);
        }
        g_assert_true(has_link(&t));
        assert_unharmed(&t);
        dbus_free(bytes);
        stage_free(&t);
}

static DBusMessage *reply_of(const struct stage *t, int type, uint32_t serial)
{
        DBusMessage *m = dbus_message_new(type);
        dbus_uint32_t n = 666;

        if (type == DBUS_MESSAGE_TYPE_ERROR)
                dbus_message_set_error_name(m, "org.example.Forged");
        dbus_message_set_reply_serial(m, serial);
        dbus_message_set_destination(m, t->victim->name);
        dbus_message_append_args(m, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID);
        return m;
}

/* Sends a reply over the link, or by the bus. */
static void forge(struct stage *t, int type, uint32_t serial, bool by_bus)
{
        DBusMessage *m = reply_of(t, type, serial);
        int size;
        char *bytes;

        if (!by_bus) {
                raw_peer_say(t->hostile, m);
                return;
        }
        dbus_message_set_serial(m, ++t->hostile->client->serial);
        bytes = marshalled(m, &size);
        client_queue(t->hostile->client, bytes, (gsize)size);
        client_ping(t->hostile->client);
        dbus_free(bytes);
}

/* Replies to a call that somebody else has still to answer; and to no call. */
static void test_replies(gconstpointer data)
{
        bool by_bus = GPOINTER_TO_UINT(data) & 1, routed = GPOINTER_TO_UINT(data) & 2;
        struct stage t = stage_new(NO_UNASKED_REPLIES, true);

        for (uint32_t n = 0; n < 20; ++n) {
                DBusMessage *reply;
                uint32_t serial;

                party_forget(t.victim);
                t.friend->deaf = true;
                /* Behind a signal that the daemon has not read, the call goes by the bus. */
                if (routed) {
                        process_stop(t.scene->daemon->pid);
                        party_signal(t.victim, NULL, "Told", n);
                }
                serial = party_call(t.victim, t.friend->name, "Echo", n, NULL);
                if (routed)
                        process_continue(t.scene->daemon->pid);
                for (uint32_t s = serial - 2; s < serial + 3; ++s) {
                        forge(&t, DBUS_MESSAGE_TYPE_METHOD_RETURN, s, by_bus);
                        forge(&t, DBUS_MESSAGE_TYPE_ERROR, s, by_bus);
                }
                for (unsigned i = 0; i < 20; ++i)
                        party_turn(t.victim);
                g_assert_cmpuint(t.victim->seen.length, ==, 0);
                t.friend->deaf = false;
                while (!t.victim->seen.length)
                        scene_turn(t.scene);
                reply = g_queue_peek_head(&t.victim->seen);
                g_assert_cmpstr(dbus_message_get_sender(reply), ==, t.friend->name);
                g_assert_cmpuint(numbered(reply), ==, n);
                scene_settle(t.scene);
                g_assert_cmpuint(t.victim->seen.length, ==, 1);
        }
        assert_unharmed(&t);
        stage_free(&t);
}

/* Replies to the victim's own calls to the hostile one: the first is taken, and no other. */
static void test_replies_twice(void)
{
        struct stage t = stage_new(NO_UNASKED_REPLIES, true);

        for (uint32_t n = 0; n < 20; ++n) {
                uint32_t serial;

                party_forget(t.victim);
                serial = party_call(t.victim, t.hostile->client->name, "Echo", n, NULL);
                for (unsigned i = 0; i < 10; ++i) {
                        forge(&t, DBUS_MESSAGE_TYPE_METHOD_RETURN, serial, i % 2);
                        party_turn(t.victim);
                }
                scene_settle(t.scene);
                g_assert_cmpuint(t.victim->seen.length, ==, 1);
        }
        assert_unharmed(&t);
        stage_free(&t);
}

struct flood {
        char victim[64];
        volatile bool runs;
};

/* Sends over its link, and by the bus, without end, and reads nothing. */
static void flood(struct scene *s, void *shared)
{
        struct flood *f = shared;
        struct raw_peer *r = raw_peer_new(s);
        struct party victim = {.scene = s, .name = f->victim};
        DBusMessage *m;
        int size;
        char *bytes;

        g_queue_init(&victim.seen);
        raw_peer_link(r, &victim);
        m = numbered_new(DBUS_MESSAGE_TYPE_METHOD_CALL, f->victim, "Flood", 0);
        dbus_message_set_no_reply(m, TRUE);
        bytes = marshalled(m, &size);
        f->runs = true;
        for (;;) {
                struct raw_frame frame = raw_frame_right(r, (size_t)size);

                raw_peer_send(r, &frame, bytes, (size_t)size, NULL, 0);
        }
}

/* A flood of one does not keep the victim from its bus, nor from its other links. */
static void test_flood(void)
{
        enum { N = 300 };
        struct scene *s = scene_new(NULL);
        struct party *victim = party_new(s), *friend = party_new(s);
        struct flood *f = shared_new(sizeof(*f));
        pid_t pid;

        link_up(victim, friend);
        g_strlcpy(f->victim, victim->name, sizeof(f->victim));
        pid = child_start(s, flood, f);
        while (!f->runs || !party_count(victim, "Flood"))
                scene_turn(s);
        for (unsigned i = 0; i < N; ++i) {
                round_trip(victim, friend);
                round_trip(friend, victim);
                party_forget(victim);
        }
        scene_settle(s);
        child_kill(pid);
        shared_free(f, sizeof(*f));
        scene_free(s);
}

/* Nobody but the bus writes clocks; nobody at all resizes a page. */
static void test_pages(void)
{
        struct scene *s = scene_new(NULL);
        struct stage t = {.scene = s, .hostile = raw_peer_new(s)};
        g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", t.hostile->clock);
        int again = open(path, O_RDWR | O_CLOEXEC);

        g_assert_true(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, t.hostile->clock, 0) ==
                      MAP_FAILED);
        g_assert_cmpint(pwrite(t.hostile->clock, "x", 1, 0), <, 0);
        if (again >= 0) {
                g_assert_cmpint(pwrite(again, "x", 1, 0), <, 0);
                close(again);
        }
        g_assert_cmpint(ftruncate(t.hostile->clock, 0), <, 0);
        g_assert_cmpint(ftruncate(t.hostile->tally, 0), <, 0);
        g_assert_cmpint(ftruncate(t.hostile->tally, 8192), <, 0);
        stage_free(&t);
}

static void assert_refused(struct scene *s, bool fd_passing, uint32_t version, uint64_t now)
{
        struct raw_peer r = {.client = client_connect(s->daemon->socket)};
        struct incoming *m;

        client_authenticate(r.client, fd_passing);
        client_hello(r.client);
        m = raw_peer_call(&r, "EnableLinks", "ut", enable_links_body(version, now), true);
        g_assert_cmpstr(m->v.error_name, ==, DBUS_ERROR_NOT_SUPPORTED);
        incoming_free(m);
        client_free(r.client);
}

/* Who may not join in is told so, if it asks. */
static void test_join(void)
{
        struct scene *s = scene_new(NULL);
        const uint64_t hour = 3600ull * 1000000000;

        assert_refused(s, true, 0, clock_now());
        assert_refused(s, true, 2, clock_now());
        assert_refused(s, true, 1, clock_now() + hour);
        assert_refused(s, true, 1, clock_now() > hour ? clock_now() - hour : 0);
        assert_refused(s, true, 1, 0);
        assert_refused(s, true, 1, UINT64_MAX);
        assert_refused(s, false, 1, clock_now());
        scene_reload(s, "<?peer-links enabled=\"no\"?>");
        assert_refused(s, true, 1, clock_now());
        scene_free(s);
}

static void put_link_closed(GByteArray *b, uint32_t id, uint32_t n_serials)
{
        wire_put_u32(b, id);
        wire_put_u32(b, 4 * n_serials);
        for (uint32_t i = 0; i < n_serials; ++i)
                wire_put_u32(b, i + 1);
}

static void forget(struct party *p, DBusMessage *m)
{
        (void)p;
        (void)m;
}

static void say_closed(struct raw_peer *r, uint32_t id, uint32_t n_serials)
{
        GByteArray *b = g_byte_array_new();

        put_link_closed(b, id, n_serials);
        raw_peer_call(r, "LinkClosed", "uau", b, false);
}

/* LinkClosed of links that it does not have, twice, and with calls that were never made. */
static void test_link_closed(void)
{
        struct stage t = stage_new(NULL, true);
        const uint32_t ids[] = {0, t.link.id, UINT32_MAX, t.hostile->id, t.hostile->id};

        for (unsigned i = 0; i < G_N_ELEMENTS(ids); ++i)
                say_closed(t.hostile, ids[i], 4096);
        client_ping(t.hostile->client);
        while (has_link(&t))
                scene_turn(t.scene);
        assert_unharmed(&t);
        stage_free(&t);
}

/* The bus does not pay for any number of calls that one says it waits for. */
static void test_link_closed_much(void)
{
        struct stage t = stage_new(NULL, true);

        say_closed(t.hostile, t.hostile->id, 4097);
        client_wait_closed(t.hostile->client);
        while (has_link(&t))
                scene_turn(t.scene);
        assert_unharmed(&t);
        stage_free(&t);
}

/* Calls that wait, more than may wait at a link: the rest goes by the bus. */
static void test_many_awaited(void)
{
        enum { N = 6000 };
        struct scene *s = scene_new("<limit name=\"max_replies_per_connection\">10000</limit>");
        struct party *a = party_new(s), *b = party_new(s);

        link_up(a, b);
        /* Without B's reading, its link would be full. */
        b->handle = forget;
        for (uint32_t n = 0; n < N; ++n) {
                party_call(a, b->name, "Never", n, NULL);
                if (n % 8 == 0)
                        scene_turn(s);
        }
        scene_settle(s);
        g_assert_cmpuint(b->seen.length, ==, N);
        party_free(b);
        while (a->seen.length < N)
                scene_turn(s);
        for (GList *l = a->seen.head; l; l = l->next)
                g_assert_cmpstr(dbus_message_get_error_name(l->data), ==, DBUS_ERROR_NO_REPLY);
        scene_free(s);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        if (daemon_is_stock()) {
                g_test_add_func("/hostile/many-awaited", test_many_awaited);
                return g_test_run();
        }
        for (size_t i = 0; i < G_N_ELEMENTS(packets); ++i) {
                g_autofree char *path = g_strconcat("/hostile/", packets[i].name, NULL);

                g_test_add_data_func(path, &packets[i], test_packet);
        }
        g_test_add_func("/hostile/end/closed", test_closed);
        g_test_add_func("/hostile/time", test_time);
        g_test_add_data_func("/hostile/replies/link", GUINT_TO_POINTER(0), test_replies);
        g_test_add_data_func("/hostile/replies/bus", GUINT_TO_POINTER(1), test_replies);
        g_test_add_data_func("/hostile/replies/link-to-routed", GUINT_TO_POINTER(2), test_replies);
        g_test_add_data_func("/hostile/replies/bus-to-routed", GUINT_TO_POINTER(3), test_replies);
        g_test_add_func("/hostile/replies/twice", test_replies_twice);
        g_test_add_func("/hostile/flood", test_flood);
        g_test_add_func("/hostile/pages", test_pages);
        g_test_add_func("/hostile/join", test_join);
        g_test_add_func("/hostile/link-closed/wrong", test_link_closed);
        g_test_add_func("/hostile/link-closed/much", test_link_closed_much);
        g_test_add_func("/hostile/many-awaited", test_many_awaited);
        return g_test_run();
}
