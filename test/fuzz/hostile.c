/* SPDX-License-Identifier: MIT */
#include "hostile.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/body.h"
#include "core/bytes.h"
#include "core/writer.h"
#include "fuzz.h"
#include "link/frame.h"
#include "link/link.h"
#include "link/page.h"

#define MAX_DEPTH 8u

/* More than a message may have that names as many as are sent here. */
#define MAX_FDS 5u

uint8_t take_byte(struct input_bytes *in)
{
        if (!in->size)
                return 0;
        in->size -= 1;
        return *in->data++;
}

/* What a bus gives to those who take part in peer links. */
static struct {
        bool is_there;
        int clock_fd, tallies_fd, other_fd;
        struct link_clock *clock;
} pages;

static void make_pages(void)
{
        const struct link_tallies *tallies;

        if (pages.is_there)
                return;
        pages.clock_fd = link_clock_new(&pages.clock);
        pages.tallies_fd = link_tallies_new(&tallies);
        pages.other_fd = eventfd(0, EFD_CLOEXEC);
        require(pages.clock_fd >= 0 && pages.tallies_fd >= 0 && pages.other_fd >= 0);
        pages.is_there = true;
}

static void make_link(struct hostile *h)
{
        if (h->link[0] < 0)
                require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                                   h->link) == 0);
}

static void close_link(struct hostile *h)
{
        for (unsigned i = 0; i < 2; ++i) {
                if (h->link[i] >= 0)
                        close(h->link[i]);
                h->link[i] = -1;
        }
}

/* Descriptors to send, of the kinds that links consist of: a pair for pages first. */
static int some_fd(struct hostile *h, unsigned kind)
{
        make_pages();
        make_link(h);
        switch (kind % 4) {
        case 0:
                return pages.clock_fd;
        case 1:
                return pages.tallies_fd;
        case 2:
                return h->link[1];
        default:
                return pages.other_fd;
        }
}

void hostile_init(struct hostile *h, int fd, bool is_server)
{
        h->fd = fd;
        h->is_server = is_server;
        h->is_deaf = h->is_over = false;
        h->last_serial = 0;
        h->n_in = 0;
        h->link[0] = h->link[1] = -1;
        make_pages();
        memset(pages.clock, 0, sizeof(*pages.clock));
}

void hostile_hang_up(struct hostile *h)
{
        if (h->fd >= 0)
                close(h->fd);
        h->fd = -1;
        close_link(h);
}

/* Hearing */

static void forget(struct hostile *h, size_t n)
{
        h->n_in -= n;
        memmove(h->in, h->in + n, h->n_in);
}

/* Drops the lines of a client up to the last one. */
static void skip_lines_of_client(struct hostile *h)
{
        static const char begin[] = "BEGIN\r\n";
        const uint8_t *at = memmem(h->in, h->n_in, begin, sizeof(begin) - 1);

        if (!at)
                return;
        forget(h, (size_t)(at - h->in) + sizeof(begin) - 1);
        h->is_over = true;
}

/* Drops the lines of a server. Only it knows which one was the last, but messages begin with their
 * byte order. */
static void skip_lines_of_server(struct hostile *h)
{
        static const char *const words[] = {"OK ", "REJECTED", "DATA", "ERROR", "AGREE_UNIX_FD"};

        while (h->n_in && h->in[0] != ORDER_NATIVE) {
                const uint8_t *end = memmem(h->in, h->n_in, "\r\n", 2);
                bool is_known = false;

                if (!end)
                        return;
                for (size_t i = 0; i < sizeof(words) / sizeof(*words); ++i)
                        is_known |= memmem(h->in, (size_t)(end - h->in), words[i],
                                           strlen(words[i])) == h->in;
                require(is_known);
                forget(h, (size_t)(end + 2 - h->in));
        }
        h->is_over = h->n_in;
}

static void check_message(const struct header *h, const uint8_t *bytes)
{
        const struct header_text *signature = &h->text[FIELD_SIGNATURE];

        require(body_validate(bytes + h->size, h->body_size,
                              signature->at ? (const char *)bytes + signature->at : "",
                              h->order) == 0);
}

/* Takes the messages that have come off the front of what was heard. */
static void check_messages(struct hostile *h)
{
        size_t at = 0;

        while (h->n_in - at >= HEADER_FIXED_SIZE) {
                uint32_t header_size;
                uint64_t size;
                struct header header;

                require(header_peek(h->in + at, &header_size, &size) == 0);
                if (size > h->n_in - at)
                        break;
                require(header_parse(&header, h->in + at, size) == 0);
                check_message(&header, h->in + at);
                at += size;
        }
        forget(h, at);
}

void hostile_hear(struct hostile *h)
{
        while (h->fd >= 0 && !h->is_deaf) {
                ssize_t n = recv(h->fd, h->in + h->n_in, sizeof(h->in) - h->n_in, MSG_DONTWAIT);

                if (n < 0 && errno == EAGAIN)
                        return;
                if (n <= 0) {
                        hostile_hang_up(h);
                        return;
                }
                h->n_in += (size_t)n;
                if (!h->is_over && h->is_server)
                        skip_lines_of_client(h);
                else if (!h->is_over)
                        skip_lines_of_server(h);
                if (h->is_over)
                        check_messages(h);
        }
}

/* Saying */

/* What does not fit is not sent: who does not wait for room is no worse than others. */
static void say(struct hostile *h, const void *bytes, size_t n, unsigned first_fd, unsigned n_fds)
{
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
        } control = {.align = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
        struct iovec iov = {(void *)(uintptr_t)bytes, n};
        struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
        int *fds = (int *)(void *)CMSG_DATA(&control.align);

        if (h->fd < 0 || !n)
                return;
        if (n_fds) {
                for (unsigned i = 0; i < n_fds; ++i)
                        fds[i] = some_fd(h, first_fd + i);
                control.align.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                m.msg_control = &control;
                m.msg_controllen = CMSG_LEN(n_fds * sizeof(int));
        }
        sendmsg(h->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void hostile_greet(struct hostile *h)
{
        static const char as_client[] = "\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";
        static const char as_server[] = "OK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n";

        if (h->is_server)
                say(h, as_server, sizeof(as_server) - 1, 0, 0);
        else
                say(h, as_client, sizeof(as_client) - 1, 0, 0);
}

static void write_values(struct writer *w, struct input_bytes *in, const char *types, unsigned n,
                         unsigned depth);

/* The length of the first complete type. */
static unsigned type_length(const char *types)
{
        unsigned n = 0, depth = 0;

        do {
                while (types[n] == 'a')
                        n += 1;
                depth += types[n] == '(' || types[n] == '{';
                depth -= types[n] == ')' || types[n] == '}';
                n += 1;
        } while (depth);
        return n;
}

static void write_array(struct writer *w, struct input_bytes *in, const char *element,
                        unsigned depth)
{
        unsigned n = take_byte(in) % 4, length = type_length(element);
        struct writer_array array;

        writer_open_array(w, &array, element);
        while (n--)
                write_values(w, in, element, length, depth + 1);
        writer_close_array(w, &array);
}

/* Values that are known to matter, and one that has to be nothing in particular. */
static const char *take_text(struct input_bytes *in)
{
        static const char *const texts[] = {
                "", ":1.1", ":1.2", "org.freedesktop.DBus", "test.I", "as", "/test/a", "\xc3\xbc",
        };

        return texts[take_byte(in) % (sizeof(texts) / sizeof(*texts))];
}

/* Writes one value, whose type has this length. */
static void write_value(struct writer *w, struct input_bytes *in, const char *type, unsigned length,
                        unsigned depth)
{
        static const char *const inside[] = {"s", "u", "as", "(sv)", "a{sv}", "v", "h", "ay"};
        const char *chosen;

        switch (*type) {
        case 's':
                writer_string(w, take_text(in));
                break;
        case 'o':
                writer_string(w, take_byte(in) % 2 ? "/" : "/test/a");
                break;
        case 'g':
                writer_signature(w, take_byte(in) % 2 ? "" : "a{sv}");
                break;
        case 'y':
                writer_byte(w, take_byte(in));
                break;
        case 'u':
        case 'h':
                writer_u32(w, take_byte(in) % 8);
                break;
        case 't':
                writer_u64(w, take_byte(in));
                break;
        case 'b':
                writer_bool(w, take_byte(in) % 2);
                break;
        case 'v':
                chosen = depth < MAX_DEPTH ? inside[take_byte(in) % 8] : "u";
                writer_variant(w, chosen);
                write_values(w, in, chosen, (unsigned)strlen(chosen), depth + 1);
                break;
        case 'a':
                write_array(w, in, type + 1, depth);
                break;
        default:
                writer_struct(w);
                write_values(w, in, type + 1, length - 2, depth + 1);
        }
}

/* Writes a value for each of the types, which are @n long. */
static void write_values(struct writer *w, struct input_bytes *in, const char *types, unsigned n,
                         unsigned depth)
{
        unsigned length;

        for (unsigned at = 0; at < n; at += length) {
                length = type_length(types + at);
                write_value(w, in, types + at, length, depth);
        }
}

/* The bytes of a message, some of them changed; or NULL. */
static uint8_t *take_written(struct writer *w, struct input_bytes *in, uint8_t how, size_t *size,
                             unsigned *n_fds)
{
        struct message *m;
        uint8_t *bytes;

        /* The writer is the daemon's, and refuses what is too bad. */
        if (writer_end(w, &m) < 0)
                return NULL;
        *size = m->size;
        *n_fds = m->header.n_fds % (MAX_FDS + 1);
        bytes = malloc(*size);
        require(bytes != NULL);
        memcpy(bytes, m->bytes, *size);
        message_unref(m);
        if (how & 0x40) { /* one byte is another */
                size_t at = (size_t)take_byte(in) % *size;

                bytes[at] ^= take_byte(in);
        }
        if (how & 0x80) { /* the end is missing, or comes later */
                size_t less = take_byte(in);

                *size -= less < *size ? less : 0;
        }
        return bytes;
}

static void say_written(struct hostile *h, struct writer *w, struct input_bytes *in, uint8_t how,
                        unsigned first_fd)
{
        size_t size;
        unsigned n_fds;
        uint8_t *bytes = take_written(w, in, how, &size, &n_fds);

        if (bytes)
                say(h, bytes, size, first_fd, n_fds);
        free(bytes);
}

/* Writes any message, mostly a valid one. Returns how to change it. */
static uint8_t write_message(struct hostile *h, struct writer *w, struct input_bytes *in)
{
        static const char *const paths[] = {"/", "/test", "/test/a", "/test/a/b", "/other"};
        static const char *const names[] = {NULL, ":1.1", ":1.2", "test.Name",
                                            "org.freedesktop.DBus"};
        static const char *const interfaces[] = {
                "test.I",
                NULL,
                "org.freedesktop.DBus",
                "org.freedesktop.DBus.Peer",
                "org.freedesktop.DBus.Introspectable",
                "org.freedesktop.DBus.Properties",
                "org.freedesktop.DBus.Locax",
                LINK_INTERFACE,
        };
        static const char *const members[] = {
                "M",           "Ping",         "GetMachineId",
                "Introspect",  "Disconnected", "NameAcquired",
                "NameLost",    "Get",          "Enabled",
                "LinkOffered", "LinkClosed",   "LinkNames",
                "LinkEnabled", "Hello",
        };
        static const char *const signatures[] = {
                NULL,
                "s",
                "ssu",
                "a{sv}",
                "h",
                "hha(yv)",
                "as",
                "v",
                "aay",
                "(sa(tb)g)o",
                LINK_ENABLED_TYPE,
                LINK_LINK_OFFERED_TYPE,
                LINK_LINK_CLOSED_TYPE,
                LINK_LINK_NAMES_TYPE,
        };
        /* The message closes them; the real ones are put in when it is sent. */
        static const int fds[MAX_FDS] = {-1, -1, -1, -1, -1};
        uint8_t kind = take_byte(in), who = take_byte(in), what = take_byte(in),
                which = take_byte(in);
        struct message_spec spec = {
                .type = (enum message_type)(1 + kind % 5),
                .flags = kind / 5 % 4,
                .serial = ++h->last_serial,
                .path = paths[who % 5],
                .sender = names[who / 5 % 5],
                .destination = names[who / 25 % 5],
                .interface = interfaces[what % 8],
                .member = members[what / 8 % 14],
                .signature = signatures[which % 14],
                .fds = fds,
                .n_fds = which / 14 % (MAX_FDS + 1),
        };

        if (spec.type == MESSAGE_METHOD_RETURN || spec.type == MESSAGE_ERROR)
                spec.reply_serial = 1 + take_byte(in) % 16;
        if (spec.type == MESSAGE_ERROR)
                spec.error_name = "test.Error";
        writer_begin(w, &spec);
        if (spec.signature)
                write_values(w, in, spec.signature, (unsigned)strlen(spec.signature), 0);
        return kind;
}

static void say_message(struct hostile *h, struct input_bytes *in)
{
        struct writer w;
        uint8_t how = write_message(h, &w, in);

        say_written(h, &w, in, how, h->last_serial);
}

/* Tells of links as a bus does. */
static void say_of_links(struct hostile *h, struct input_bytes *in)
{
        static const struct {
                const char *member, *signature;
                unsigned n_fds, first_fd;
        } controls[] = {
                {"Enabled", LINK_ENABLED_TYPE, 2, 0},
                {"LinkOffered", LINK_LINK_OFFERED_TYPE, 3, 0},
                {"LinkNames", LINK_LINK_NAMES_TYPE, 0, 0},
        };
        static const int fds[MAX_FDS] = {-1, -1, -1, -1, -1};
        unsigned i = take_byte(in) % 3;
        struct message_spec spec = {
                .type = MESSAGE_SIGNAL,
                .serial = ++h->last_serial,
                .path = "/org/freedesktop/DBus",
                .sender = "org.freedesktop.DBus",
                .destination = ":1.1",
                .interface = LINK_INTERFACE,
                .member = controls[i].member,
                .signature = controls[i].signature,
                .fds = fds,
                .n_fds = controls[i].n_fds,
        };
        struct writer w;

        writer_begin(&w, &spec);
        write_values(&w, in, spec.signature, (unsigned)strlen(spec.signature), 0);
        say_written(h, &w, in, 0, controls[i].first_fd);
}

/* A packet of a link, and how far the bus is. */
static void say_by_link(struct hostile *h, struct input_bytes *in)
{
        uint8_t packet[LINK_FRAME_SIZE + 1024];
        struct link_frame frame = {.stamp = take_byte(in) % 16};
        struct writer w;
        uint8_t how = write_message(h, &w, in), bad = take_byte(in), *bytes;
        size_t size;
        unsigned n_fds;

        link_counter_store(&pages.clock->routed, take_byte(in));
        link_counter_store(&pages.clock->queued, take_byte(in));
        link_counter_store(&pages.clock->names, take_byte(in) % 4);
        bytes = take_written(&w, in, how, &size, &n_fds);
        if (bytes && size <= sizeof(packet) - LINK_FRAME_SIZE && h->link[0] >= 0) {
                frame.size = (uint32_t)size + (bad == 1);
                link_frame_write(&frame, packet);
                memcpy(packet + LINK_FRAME_SIZE, bytes, size);
                send(h->link[0], packet, bad == 2 ? 10 : LINK_FRAME_SIZE + size,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        if (bad == 3)
                close_link(h);
        free(bytes);
}

/* The answer to one of the first calls, as a bus would give it to Hello. */
static void say_name(struct hostile *h, struct input_bytes *in)
{
        struct message_spec spec = {
                .type = MESSAGE_METHOD_RETURN,
                .flags = 1,
                .serial = ++h->last_serial,
                .reply_serial = 1 + take_byte(in) % 16,
                .sender = "org.freedesktop.DBus",
                .destination = ":1.1",
                .signature = "s",
        };
        struct writer w;

        writer_begin(&w, &spec);
        writer_string(&w, take_byte(in) % 8 ? ":1.1" : "");
        say_written(h, &w, in, 0, 0);
}

/* Bytes of the input as they are. */
static void say_raw(struct hostile *h, struct input_bytes *in)
{
        size_t n = take_byte(in);
        unsigned n_fds = n / 16 == 15 ? MAX_FDS : 0;

        if (n > in->size)
                n = in->size;
        say(h, in->data, n, 0, n_fds);
        in->data += n;
        in->size -= n;
}

/* A line of authentication. */
static void say_line(struct hostile *h, struct input_bytes *in)
{
        static const char *const lines[] = {
                "OK 0123456789abcdef0123456789abcdef\r\n",
                "OK\r\n",
                "REJECTED EXTERNAL DBUS_COOKIE_SHA1 ANONYMOUS\r\n",
                "REJECTED\r\n",
                "DATA\r\n",
                "DATA 00\r\n",
                "ERROR\r\n",
                "AGREE_UNIX_FD\r\n",
                "AUTH\r\n",
                "AUTH EXTERNAL\r\n",
                "AUTH EXTERNAL 30\r\n",
                "AUTH EXTERNAL 31303030\r\n",
                "AUTH ANONYMOUS 78\r\n",
                "AUTH DBUS_COOKIE_SHA1 30\r\n",
                "NEGOTIATE_UNIX_FD\r\n",
                "CANCEL\r\n",
                "BEGIN\r\n",
                "\r\n",
        };
        const char *line = lines[take_byte(in) % (sizeof(lines) / sizeof(*lines))];

        say(h, line, strlen(line), 0, 0);
}

static void say_nul(struct hostile *h, struct input_bytes *in)
{
        (void)in;
        say(h, "", 1, 0, 0);
}

static void say_greeting(struct hostile *h, struct input_bytes *in)
{
        (void)in;
        hostile_greet(h);
}

/* Much of the same. */
static void say_much(struct hostile *h, struct input_bytes *in)
{
        static uint8_t much[64 * 1024];

        memset(much, take_byte(in), sizeof(much));
        say(h, much, sizeof(much), 0, 0);
}

static void become_deaf(struct hostile *h, struct input_bytes *in)
{
        (void)in;
        h->is_deaf = !h->is_deaf;
}

static void leave(struct hostile *h, struct input_bytes *in)
{
        if (take_byte(in) % 4)
                hostile_hang_up(h);
        else if (h->fd >= 0)
                shutdown(h->fd, take_byte(in) % 2 ? SHUT_WR : SHUT_RD);
}

void hostile_act(struct hostile *h, struct input_bytes *in)
{
        static void (*const actions[])(struct hostile * h, struct input_bytes * in) = {
                say_message,  say_message,  say_message, say_message, say_name,
                say_raw,      say_of_links, say_by_link, say_line,    say_nul,
                say_greeting, say_much,     leave,       become_deaf,
        };

        actions[take_byte(in) % (sizeof(actions) / sizeof(*actions))](h, in);
}
