/* SPDX-License-Identifier: MIT */
#include "transport.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dbus/dbus.h>

#include "core/sasl-client.h"
#include "core/sasl-server.h"
#include "core/socket.h"

/* Most descriptors with a message, unless the application says otherwise: libdbus's default. */
#define DEFAULT_MESSAGE_FDS 16

static void init(struct transport *t, int fd, bool is_unix)
{
        *t = (struct transport){.fd = fd, .is_unix = is_unix, .child = -1};
        credentials_init(&t->peer);
        input_init(&t->in, &dbus_message_class);
        output_init(&t->out);
        t->limits = (struct input_limits){
                .message_size = DBUS_MAXIMUM_MESSAGE_LENGTH,
                .message_fds = DEFAULT_MESSAGE_FDS,
                /* Who may pass descriptors is not known before the authentication ended. */
                .pending_fds = 0,
        };
}

int transport_init_client(struct transport *t, const struct connected *c, const char *guid)
{
        struct sasl_client_config config = {
                .guid = guid, .negotiate_fds = c->is_unix, .uid = geteuid()};
        int r;

        init(t, c->fd, c->is_unix);
        r = sasl_client_new(&t->client, &config);
        if (r < 0)
                return r;
        /* Any other one no server can have. */
        if (guid && guid_valid(guid))
                memcpy(t->guid, guid, GUID_SIZE);
        t->child = c->child;
        return 0;
}

int transport_init_server(struct transport *t, const struct acceptance *how)
{
        struct sasl_server_config config = {
                .guid = how->guid,
                .mechanisms = how->mechanisms,
                /* Whether an anonymous client may enter is asked when there is one. */
                .allow_anonymous = true,
                .fd_passing_possible = how->is_unix,
                .own_uid = geteuid(),
        };
        int r;

        init(t, how->fd, how->is_unix);
        r = credentials_from_socket(&t->peer, how->fd);
        if (r < 0)
                return r;
        r = sasl_server_new(&t->server, &config, &t->peer);
        if (r < 0) {
                credentials_deinit(&t->peer);
                return r;
        }
        if (how->nonce) {
                memcpy(t->nonce, how->nonce, LISTEN_NONCE_SIZE);
                nonce_check_init(&t->nonce_check);
        }
        return 0;
}

/* The process that unixexec: started ends for want of its peer, but when is its own affair: one
 * that has not yet is left to whoever waits for this process's children. */
static void reap(struct transport *t)
{
        if (t->child >= 0)
                waitpid(t->child, NULL, WNOHANG);
        t->child = -1;
}

void transport_close(struct transport *t)
{
        t->state = TRANSPORT_CLOSED;
        input_deinit(&t->in);
        output_deinit(&t->out);
}

void transport_release(struct transport *t)
{
        if (t->fd >= 0)
                close(t->fd);
        t->fd = -1;
        reap(t);
}

void transport_deinit(struct transport *t)
{
        transport_close(t);
        transport_release(t);
        t->client = sasl_client_free(t->client);
        t->server = sasl_server_free(t->server);
        credentials_deinit(&t->peer);
}

static void set_pending_fds(struct transport *t)
{
        /* A read that ends one message may bring the descriptors of the next. */
        t->limits.pending_fds = t->passes_fds ? 2 * t->limits.message_fds : 0;
}

void transport_set_message_fds(struct transport *t, uint32_t n)
{
        t->limits.message_fds = n;
        set_pending_fds(t);
}

static void open_stream(struct transport *t)
{
        t->state = TRANSPORT_OPEN;
        set_pending_fds(t);
}

void transport_enter(struct transport *t)
{
        t->server = sasl_server_free(t->server);
        open_stream(t);
}

static size_t auth_output(const struct transport *t, const uint8_t **bytes)
{
        if (t->state == TRANSPORT_CLOSED)
                return 0;
        if (t->client)
                return sasl_client_output(t->client, bytes);
        if (t->server)
                return sasl_server_output(t->server, bytes);
        return 0;
}

static void auth_output_taken(struct transport *t, size_t n)
{
        if (t->client)
                sasl_client_output_taken(t->client, n);
        else
                sasl_server_output_taken(t->server, n);
}

/* Once its last word has been written, the client's side of the authentication is over. */
static void settle_client(struct transport *t)
{
        const uint8_t *bytes;

        if (!t->client || !sasl_client_done(t->client) || sasl_client_output(t->client, &bytes))
                return;
        t->passes_fds = sasl_client_fd_passing(t->client);
        memcpy(t->guid, sasl_client_guid(t->client), GUID_SIZE);
        t->client = sasl_client_free(t->client);
        open_stream(t);
}

/* Writes the lines of the authentication. Returns 0 when there are none left, or -errno. */
static int write_auth(struct transport *t)
{
        const uint8_t *bytes;
        size_t n;

        while ((n = auth_output(t, &bytes))) {
                struct iovec iov = {(void *)(uintptr_t)bytes, n};
                ssize_t sent = socket_send(t->fd, &iov, 1, NULL, 0);

                if (sent < 0)
                        return (int)sent;
                auth_output_taken(t, (size_t)sent);
        }
        settle_client(t);
        return 0;
}

int transport_write(struct transport *t)
{
        int r = write_auth(t);

        if (!r && t->state == TRANSPORT_OPEN)
                r = output_flush(&t->out, t->fd);
        t->is_full = r == -EAGAIN;
        return t->is_full ? 0 : r;
}

bool transport_has_output(const struct transport *t)
{
        const uint8_t *bytes;

        return auth_output(t, &bytes) || (t->state == TRANSPORT_OPEN && !output_empty(&t->out));
}

/* Takes the nonce off the front of what was read. False: it is not the server's. */
static bool take_nonce(struct transport *t, struct input_buffer *b)
{
        size_t taken;
        bool right = nonce_check_take(&t->nonce_check, t->nonce, b->bytes + b->at, b->end - b->at,
                                      &taken);

        b->at += taken;
        return right;
}

static void identify_client(struct transport *t)
{
        t->is_identified = true;
        t->has_uid = sasl_server_uid(t->server, &t->uid);
        t->state = TRANSPORT_IDENTIFIED;
}

static int authenticate(struct transport *t, struct input_buffer *b)
{
        size_t taken = 0;
        int r, written;

        if (!take_nonce(t, b))
                return -EACCES;
        if (t->client) {
                r = sasl_client_feed(t->client, b->bytes + b->at, b->end - b->at, &taken);
        } else {
                r = sasl_server_feed(t->server, b->bytes + b->at, b->end - b->at, &taken);
                /* A client that was told so may pass some along with the end of it. */
                t->passes_fds = sasl_server_fd_passing(t->server);
                set_pending_fds(t);
                if (!r && sasl_server_done(t->server))
                        identify_client(t);
        }
        b->at += taken;
        /* Also what says why it ends. */
        written = transport_write(t);
        if (r)
                return r < 0 ? r : -EPROTO;
        return written;
}

int transport_read(struct transport *t, struct input_buffer *b)
{
        bool drained;
        ssize_t n = input_read(&t->in, t->fd, b, &t->limits, &drained);

        if (n <= 0)
                return n ? (int)n : -EPIPE;
        return t->state == TRANSPORT_AUTHENTICATING ? authenticate(t, b) : 0;
}

int transport_next(struct transport *t, struct input_buffer *b, DBusMessage **m)
{
        struct message *message = NULL;
        int r = 0;

        if (t->state == TRANSPORT_OPEN)
                r = input_next(&t->in, b, &t->limits, NULL, 0, &message);
        *m = message ? message_of(message) : NULL;
        return r;
}
