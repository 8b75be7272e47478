/* SPDX-License-Identifier: MIT */

/*
 * Fuzzes a whole daemon: what a few clients send it, in which order, and when they go away. Nothing
 * crashes, what the daemon says is valid, and once the clients are gone it has nothing left.
 *
 * The first byte of the input says how far each client has come when it starts; then there are
 * steps: a byte that says who does what, and what that takes.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/log.h"
#include "bus/server.h"
#include "core/body.h"
#include "core/writer.h"
#include "fuzz.h"

#define N_CLIENTS 3

/* Inputs that one daemon lives for. */
#define LIFETIME 1000u

/* Strings that are not worth being longer. */
#define MAX_TEXT 40u

struct client {
        int fd;      /* -1: gone */
        bool speaks; /* its stream consists of messages by now */
        bool deaf;   /* does not read */
        uint32_t serial;
        size_t n_in;
        uint8_t in[256 * 1024];
};

/* What is left of the input. */
struct input_bytes {
        const uint8_t *data;
        size_t size;
};

static struct {
        bool running;
        unsigned n_runs;
        struct loop loop;
        struct server server;
} d;
static struct client clients[N_CLIENTS];

static const char config_text[] =
        "<busconfig>"
        "<listen>unix:abstract=fuzz-daemon-%ld</listen>"
        "<policy context=\"default\">"
        "<allow user=\"*\"/><allow own=\"*\"/>"
        "<deny own=\"test.Denied\"/>"
        "<allow send_destination=\"*\" eavesdrop=\"true\"/>"
        "<allow eavesdrop=\"true\"/>"
        "<deny send_interface=\"test.Denied\"/>"
        "<deny receive_interface=\"test.Private\" receive_sender=\"test.Name\"/>"
        "<allow send_interface=\"test.Logged\" log=\"true\"/>"
        "</policy>"
        "<limit name=\"max_names_per_connection\">5</limit>"
        "<limit name=\"max_match_rules_per_connection\">8</limit>"
        "<limit name=\"max_replies_per_connection\">5</limit>"
        "<limit name=\"max_outgoing_bytes\">100000</limit>"
        "<limit name=\"max_incoming_bytes\">50000</limit>"
        "<limit name=\"max_message_unix_fds\">4</limit>"
        "</busconfig>";

static uint8_t take_byte(struct input_bytes *in)
{
        if (!in->size)
                return 0;
        in->size -= 1;
        return *in->data++;
}

/* Values that are known to matter, mostly; or some text of the input. */
static void take_text(struct input_bytes *in, char text[MAX_TEXT + 1])
{
        static const char *const texts[] = {
                BUS_NAME,
                ":1.0",
                ":1.1",
                ":1.2",
                "test.Name",
                "test.Name.more",
                "test.Denied",
                "",
                "type='signal'",
                "type='method_call',eavesdrop='true'",
                "interface='test.I',path='/test'",
                "sender='test.Name'",
                "destination=':1.1'",
                "arg0='a',arg1path='/a/'",
                "arg0namespace='test'",
                "path_namespace='/test'",
        };
        size_t choice = take_byte(in), n;

        if (choice < 4 * (sizeof(texts) / sizeof(*texts))) {
                snprintf(text, MAX_TEXT + 1, "%s", texts[choice / 4]);
                return;
        }
        n = choice % MAX_TEXT;
        if (n > in->size)
                n = in->size;
        memcpy(text, in->data, n);
        text[n] = '\0';
        in->data += n;
        in->size -= n;
        /* It goes into valid messages. */
        for (size_t i = 0; i < n; ++i) {
                if (text[i] < ' ' || text[i] > '~')
                        text[i] = 'x';
        }
}

static void start_daemon(void)
{
        struct config *config;
        char path[64], *error;
        int fd = memfd_create("config", MFD_CLOEXEC);

        require(fd >= 0);
        dprintf(fd, config_text, (long)getpid());
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        log_setup(0, NULL);
        require(config_load(path, &config, NULL, &error) == 0);
        close(fd);
        require(loop_init(&d.loop) == 0);
        require(server_init(&d.server, &d.loop, "/nonexistent/bus.conf", config, NULL, &error) ==
                0);
        d.running = true;
        d.n_runs = 0;
}

static void stop_daemon(void)
{
        server_deinit(&d.server);
        loop_deinit(&d.loop);
        d.running = false;
}

/* Lets the daemon work until it has nothing more to do. */
static void run_daemon(void)
{
        struct pollfd polled = {.fd = d.loop.epoll_fd, .events = POLLIN};

        while (!list_empty(&d.loop.due) || poll(&polled, 1, 0) > 0)
                require(server_turn(&d.server) == 0);
}

static void check_message(const struct header *h, const uint8_t *bytes)
{
        const struct header_text *signature = &h->text[FIELD_SIGNATURE];

        /* Only what the reference's library says of its own accord comes from nobody to nobody. */
        require(h->text[FIELD_SENDER].at || !h->text[FIELD_DESTINATION].at);
        require(body_validate(bytes + h->size, h->body_size,
                              signature->at ? (const char *)bytes + signature->at : "",
                              h->order) == 0);
}

/* Takes the messages that have come off the front of what was read. */
static void check_messages(struct client *c)
{
        size_t at = 0;

        while (c->n_in - at >= HEADER_FIXED_SIZE) {
                uint32_t header_size;
                uint64_t size;
                struct header h;

                require(header_peek(c->in + at, &header_size, &size) == 0);
                if (size > c->n_in - at)
                        break;
                require(header_parse(&h, c->in + at, size) == 0);
                check_message(&h, c->in + at);
                at += size;
        }
        memmove(c->in, c->in + at, c->n_in - at);
        c->n_in -= at;
}

static void hang_up(struct client *c)
{
        if (c->fd >= 0)
                close(c->fd);
        c->fd = -1;
        c->speaks = c->deaf = false;
        c->n_in = 0;
}

/* Reads what the daemon has to say. Descriptors are not asked for, and thus not kept. */
static void read_all(struct client *c)
{
        while (c->fd >= 0 && !c->deaf) {
                ssize_t n = recv(c->fd, c->in + c->n_in, sizeof(c->in) - c->n_in, MSG_DONTWAIT);

                if (n < 0 && errno == EAGAIN)
                        return;
                if (n <= 0) {
                        hang_up(c);
                        return;
                }
                c->n_in += (size_t)n;
                if (c->speaks)
                        check_messages(c);
                else
                        c->n_in = 0;
        }
}

static void settle(void)
{
        run_daemon();
        for (unsigned i = 0; i < N_CLIENTS; ++i)
                read_all(&clients[i]);
        run_daemon();
}

/* What does not fit is not sent: a client that does not wait for room is no worse than others. */
static void send_bytes(struct client *c, const void *bytes, size_t n, unsigned n_fds)
{
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(8 * sizeof(int))];
        } control = {.align = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
        struct iovec iov = {(void *)(uintptr_t)bytes, n};
        struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
        int *fds = (int *)(void *)CMSG_DATA(&control.align);

        if (c->fd < 0 || !n)
                return;
        if (n_fds) {
                for (unsigned i = 0; i < n_fds; ++i)
                        fds[i] = d.loop.epoll_fd;
                control.align.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                m.msg_control = &control;
                m.msg_controllen = CMSG_LEN(n_fds * sizeof(int));
        }
        sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void connect_client(struct client *c)
{
        struct sasl_server_config sasl = {
                .guid = "0123456789abcdef0123456789abcdef",
                .fd_passing_possible = true,
                .cookie_context = "fuzz",
                .own_uid = (uid_t)-1,
        };
        int fds[2];

        hang_up(c);
        require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        require(peers_add(&d.server.bus.peers, fds[1], &sasl, NULL) == 0);
        c->fd = fds[0];
        c->serial = 0;
}

static void authenticate(struct client *c)
{
        static const char script[] = "\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";

        /* It has to hear the last line that is none of a message. */
        c->deaf = false;
        send_bytes(c, script, sizeof(script) - 1, 0);
        settle();
        c->speaks = true;
}

static void send_message(struct client *c, struct writer *w, size_t keep)
{
        struct message *m;

        /* The writer is the daemon's, and refuses what is too bad. */
        if (writer_end(w, &m) < 0)
                return;
        send_bytes(c, m->bytes, m->size - (keep < m->size ? keep : 0), m->header.n_fds % 8);
        message_unref(m);
}

static void say_hello(struct client *c)
{
        struct message_spec spec = {
                .type = MESSAGE_METHOD_CALL,
                .serial = ++c->serial,
                .path = BUS_PATH,
                .interface = BUS_INTERFACE,
                .member = "Hello",
                .destination = BUS_NAME,
        };
        struct writer w;

        writer_begin(&w, &spec);
        send_message(c, &w, 0);
}

/* Calls that the bus itself answers. */
static const struct bus_call {
        const char *interface, *member, *signature;
} bus_calls[] = {
        {BUS_INTERFACE, "Hello", NULL},
        {BUS_INTERFACE, "RequestName", "su"},
        {BUS_INTERFACE, "ReleaseName", "s"},
        {BUS_INTERFACE, "AddMatch", "s"},
        {BUS_INTERFACE, "RemoveMatch", "s"},
        {BUS_INTERFACE, "ListQueuedOwners", "s"},
        {BUS_INTERFACE, "GetNameOwner", "s"},
        {BUS_INTERFACE, "NameHasOwner", "s"},
        {BUS_INTERFACE, "StartServiceByName", "su"},
        {BUS_INTERFACE, "ListNames", NULL},
        {BUS_INTERFACE, "ListActivatableNames", NULL},
        {BUS_INTERFACE, "GetConnectionUnixUser", "s"},
        {BUS_INTERFACE, "GetConnectionUnixProcessID", "s"},
        {BUS_INTERFACE, "GetConnectionCredentials", "s"},
        {BUS_INTERFACE, "GetConnectionSELinuxSecurityContext", "s"},
        {BUS_INTERFACE, "GetAdtAuditSessionData", "s"},
        {BUS_INTERFACE, "UpdateActivationEnvironment", "a{ss}"},
        {BUS_INTERFACE, "ReloadConfig", NULL},
        {BUS_INTERFACE, "GetId", NULL},
        {BUS_INTERFACE ".Monitoring", "BecomeMonitor", "asu"},
        {BUS_INTERFACE ".Debug.Stats", "GetStats", NULL},
        {BUS_INTERFACE ".Debug.Stats", "GetConnectionStats", "s"},
        {BUS_INTERFACE ".Debug.Stats", "GetAllMatchRules", NULL},
        {BUS_INTERFACE ".Properties", "Get", "ss"},
        {BUS_INTERFACE ".Properties", "GetAll", "s"},
        {BUS_INTERFACE ".Properties", "Set", "ssv"},
        {BUS_INTERFACE ".Introspectable", "Introspect", NULL},
        {BUS_INTERFACE ".Peer", "Ping", NULL},
        {BUS_INTERFACE ".Peer", "GetMachineId", NULL},
        {NULL, "RequestName", "su"},
        {NULL, "AddMatch", "su"},
};

static void write_texts(struct writer *w, struct input_bytes *in, const char *element)
{
        unsigned n = take_byte(in) % 4;
        struct writer_array array;
        char text[MAX_TEXT + 1];

        writer_open_array(w, &array, element);
        for (unsigned i = 0; i < n; ++i) {
                if (element[0] == '{') {
                        writer_struct(w);
                        take_text(in, text);
                        writer_string(w, text);
                }
                take_text(in, text);
                writer_string(w, text);
        }
        writer_close_array(w, &array);
}

/* Writes values of these types. */
static void write_values(struct writer *w, struct input_bytes *in, const char *types)
{
        char text[MAX_TEXT + 1];

        for (; types && *types; ++types) {
                switch (*types) {
                case 's':
                        take_text(in, text);
                        writer_string(w, text);
                        break;
                case 'o':
                        writer_string(w, take_byte(in) % 2 ? "/test" : "/test/a");
                        break;
                case 'u':
                case 'h':
                        writer_u32(w, take_byte(in) % 8);
                        break;
                case 'v':
                        writer_variant(w, "u");
                        writer_u32(w, take_byte(in));
                        break;
                case 'a':
                        write_texts(w, in, types + 1);
                        types += types[1] == '{' ? strlen(types) - 1 : 1;
                        break;
                }
        }
}

static void call_bus(struct client *c, struct input_bytes *in)
{
        const struct bus_call *call =
                &bus_calls[take_byte(in) % (sizeof(bus_calls) / sizeof(*bus_calls))];
        struct message_spec spec = {
                .type = MESSAGE_METHOD_CALL,
                .serial = ++c->serial,
                .path = BUS_PATH,
                .interface = call->interface,
                .member = call->member,
                .destination = BUS_NAME,
                .signature = call->signature,
        };
        struct writer w;

        writer_begin(&w, &spec);
        write_values(&w, in, call->signature);
        send_message(c, &w, 0);
}

/* A message for another client, or for all. The last bytes may be missing. */
static void send_to_peer(struct client *c, struct input_bytes *in)
{
        static const char *const destinations[] = {NULL,        ":1.0",    ":1.1",          ":1.2",
                                                   "test.Name", "test.No", "test.Name.more"};
        static const char *const interfaces[] = {"test.I", "test.Denied", "test.Private",
                                                 "test.Logged"};
        static const char *const signatures[] = {NULL, "s", "ss", "o", "so", "h", "hh", "as", "v"};
        /* The message closes them; the real ones are put in when it is sent. */
        static const int fds[4] = {-1, -1, -1, -1};
        uint8_t kind = take_byte(in), to = take_byte(in), what = take_byte(in);
        struct message_spec spec = {
                .type = (enum message_type)(1 + kind % 4),
                .flags = kind / 4 % 8,
                .serial = ++c->serial,
                .path = "/test",
                .interface = interfaces[what % 4],
                .member = "M",
                .destination = destinations[to % 7],
                .signature = signatures[what / 4 % 9],
                .n_fds = to / 7 % 5,
                .fds = fds,
        };
        struct writer w;

        if (spec.type == MESSAGE_METHOD_RETURN || spec.type == MESSAGE_ERROR)
                spec.reply_serial = 1 + take_byte(in) % 16;
        if (spec.type == MESSAGE_ERROR)
                spec.error_name = "test.Error";
        writer_begin(&w, &spec);
        write_values(&w, in, spec.signature);
        send_message(c, &w, kind & 0x80 ? take_byte(in) : 0);
}

/* Bytes of the input as they are. */
static void send_raw(struct client *c, struct input_bytes *in)
{
        size_t n = take_byte(in);

        if (n > in->size)
                n = in->size;
        send_bytes(c, in->data, n, 0);
        in->data += n;
        in->size -= n;
}

/* Much of the same. */
static void send_much(struct client *c, struct input_bytes *in)
{
        static uint8_t much[64 * 1024];

        memset(much, take_byte(in), sizeof(much));
        send_bytes(c, much, sizeof(much), 0);
}

static void begin(struct client *c, struct input_bytes *in)
{
        (void)in;
        if (c->fd >= 0 && !c->speaks)
                authenticate(c);
        else
                connect_client(c);
}

static void become_deaf(struct client *c, struct input_bytes *in)
{
        (void)in;
        c->deaf = !c->deaf;
}

static void leave(struct client *c, struct input_bytes *in)
{
        if (take_byte(in) % 4)
                hang_up(c);
        else if (c->fd >= 0)
                shutdown(c->fd, take_byte(in) % 2 ? SHUT_WR : SHUT_RD);
}

static void step(struct input_bytes *in)
{
        static void (*const actions[])(struct client * c, struct input_bytes * in) = {
                call_bus,  call_bus, send_to_peer, send_to_peer, send_raw,
                send_much, begin,    leave,        become_deaf,
        };
        uint8_t choice = take_byte(in);
        struct client *c = &clients[choice % 4 % N_CLIENTS];

        actions[(choice / 4) % 16 % (sizeof(actions) / sizeof(*actions))](c, in);
        /* Some steps are taken before the daemon gets its turn. */
        if (choice < 0xc0)
                settle();
}

/* Nobody is there: whatever the clients had is gone with them. */
static void check_empty(void)
{
        const struct bus *b = &d.server.bus;

        require(!b->peers.n_complete && !b->peers.n_incomplete);
        require(!b->peers.by_id.n_elements && !b->peers.by_user.n_elements);
        require(!b->names.table.n_elements && !b->n_names);
        require(!bus_count_rules(b));
        require(match_registry_empty(b->eavesdrop) && match_registry_empty(b->monitors));
        require(!b->replies.table.n_elements);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct input_bytes in = {data, size};
        uint8_t start = take_byte(&in);

        if (!d.running)
                start_daemon();
        d.server.bus.peers.next_id = 0;
        for (unsigned i = 0; i < N_CLIENTS; ++i, start /= 4) {
                clients[i].fd = -1;
                connect_client(&clients[i]);
                if (start % 4)
                        authenticate(&clients[i]);
                if (start % 4 > 1)
                        say_hello(&clients[i]);
                settle();
        }
        while (in.size)
                step(&in);
        settle();
        for (unsigned i = 0; i < N_CLIENTS; ++i)
                hang_up(&clients[i]);
        run_daemon();
        check_empty();
        if (++d.n_runs == LIFETIME)
                stop_daemon();
        return 0;
}
