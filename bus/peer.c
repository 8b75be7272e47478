/* SPDX-License-Identifier: MIT */
#include "bus/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/links.h"
#include "bus/log.h"
#include "bus/lsm.h"

/* What the kernel says when there is an end behind what can be read. */
#define ENDED (uint32_t)(EPOLLERR | EPOLLHUP | EPOLLRDHUP)

static void peer_free(struct peer *p)
{
        credentials_deinit(&p->credentials);
        free(p->description);
        free(p);
}

static bool over_limit(const struct peer *p)
{
        const struct limits *l = p->context->limits;

        return p->live_bytes > (uint64_t)l->max_incoming_bytes ||
               p->live_fds > (uint64_t)l->max_incoming_unix_fds;
}

/* Reading stops while too much of what the peer sent is still in memory: that is all the
 * backpressure there is, and it reaches the sender as a full socket. */
static void update_events(struct peer *p, bool blocked)
{
        /* Edge-triggered once messages flow: that saves asking a socket that was just emptied. What
         * is then left in a socket on purpose is loop_again()'s business, or the pause's: a change
         * of what is waited for makes the kernel look again. */
        uint32_t events = p->state == PEER_AUTHENTICATING ? 0 : EPOLLET;

        if (!over_limit(p))
                events |= EPOLLIN | EPOLLRDHUP;
        if (blocked)
                events |= EPOLLOUT;
        loop_change(p->context->loop, &p->source, events);
}

static bool is_blocked(const struct peer *p)
{
        return p->source.events & EPOLLOUT;
}

static void charge_release(struct message_charge *charge, size_t bytes, unsigned n_fds)
{
        struct peer *p = container_of(charge, struct peer, charge);

        p->live_bytes -= bytes;
        p->live_fds -= n_fds;
        p->live_messages -= 1;
        if (p->buried && !p->live_messages)
                peer_free(p);
        else if (p->source.fd >= 0 && !(p->source.events & EPOLLIN))
                update_events(p, is_blocked(p));
}

static void charge_message(struct peer *p, struct message *m)
{
        m->charge = &p->charge;
        p->live_bytes += m->size;
        p->live_fds += m->n_fds;
        p->live_messages += 1;
        if (p->live_bytes > p->peak_in_bytes)
                p->peak_in_bytes = p->live_bytes;
        if (p->live_fds > p->peak_in_fds)
                p->peak_in_fds = p->live_fds;
        if (over_limit(p))
                update_events(p, is_blocked(p));
}

void peer_disconnect(struct peer *p)
{
        int fd = p->source.fd;

        if (p->state == PEER_CLOSED)
                return;
        p->was = p->state;
        p->state = PEER_CLOSED;
        loop_remove(p->context->loop, &p->source);
        close(fd);
        loop_timer_clear(&p->auth_timer);
        loop_timer_clear(&p->fds_timer);
        list_remove(&p->of_all);
        list_append(&p->context->closed, &p->of_all);
}

/* Replies of the authentication go first: nothing else is queued before it is over. */
static int flush_sasl(struct peer *p)
{
        const uint8_t *bytes;
        size_t n = sasl_server_output(p->sasl, &bytes);

        while (n) {
                ssize_t sent = send(p->source.fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (sent < 0 && errno == EINTR)
                        continue;
                if (sent < 0)
                        return -errno;
                sasl_server_output_taken(p->sasl, (size_t)sent);
                n = sasl_server_output(p->sasl, &bytes);
        }
        if (p->state != PEER_AUTHENTICATING)
                p->sasl = sasl_server_free(p->sasl);
        return 0;
}

static void complain(struct peer *p, const char *what, const char *detail)
{
        char text[128];

        snprintf(text, sizeof(text), "%s: %s", what, detail);
        p->context->handler->complaint(p, text);
}

static void peer_flush(struct peer *p)
{
        int r = p->sasl ? flush_sasl(p) : 0;

        if (!r)
                r = output_flush(&p->output, p->source.fd);
        if (r == -EAGAIN) {
                update_events(p, true);
                return;
        }
        if (r == -EPIPE || r == -ECONNRESET) {
                /* It does not read any more, but what it wrote before it went still counts. */
                p->write_ended = true;
                output_deinit(&p->output);
        } else if (r < 0) {
                /* It is there, and would wait for what cannot be sent. */
                complain(p, "is disconnected: it could not be sent to", strerror(-r));
                peer_disconnect(p);
                return;
        }
        if (is_blocked(p))
                update_events(p, false);
}

static void schedule_flush(struct peer *p)
{
        if (list_empty(&p->of_flush))
                list_append(&p->context->to_flush, &p->of_flush);
}

void peer_send(struct peer *p, struct message *m)
{
        if (!peer_connected(p) || p->write_ended)
                return;
        /* Before it can be written to anybody: a receiver of the same message may act on it. */
        p->n_queued += 1;
        if (p->linked)
                link_counter_store(&p->linked->clock->queued, p->n_queued);
        if (output_push(&p->output, m) < 0) {
                p->context->handler->complaint(
                        p, "is disconnected: there is no memory for a message to it");
                peer_disconnect(p);
                return;
        }
        if (p->output.bytes > p->peak_out_bytes)
                p->peak_out_bytes = p->output.bytes;
        if (p->output.n_fds > p->peak_out_fds)
                p->peak_out_fds = p->output.n_fds;
        if (!is_blocked(p))
                schedule_flush(p);
}

/* Descriptors may come ahead of their message, but not for as long as their sender pleases. */
static void watch_pending_fds(struct peer *p)
{
        bool pending = input_pending_fds(&p->input) > 0;

        if (pending == !list_empty(&p->fds_timer.link))
                return;
        if (pending)
                loop_timer_set(p->context->loop, &p->fds_timer,
                               loop_now() + (uint64_t)p->context->limits->pending_fd_timeout *
                                                    NS_PER_MS);
        else
                loop_timer_clear(&p->fds_timer);
}

/* Hands every message that is whole to the handler. */
static void take_messages(struct peer *p)
{
        struct peer_context *context = p->context;

        while (peer_connected(p)) {
                /* Nobody may choose the sender that others see, not even before Hello. */
                const char *sender = peer_name(p);
                struct message *m;
                int r = input_next(&p->input, &context->buffer, &p->input_limits, sender,
                                   p->name_length ? p->name_length : strlen(sender), &m);

                if (r) {
                        complain(p, "is disconnected: it sent an invalid message",
                                 r > 0 ? message_problem_text(r) : strerror(-r));
                        peer_disconnect(p);
                        return;
                }
                if (!m)
                        break;
                charge_message(p, m);
                context->handler->message(p, m);
                message_unref(m);
                p->n_routed += 1;
                if (p->linked)
                        link_counter_store(&p->linked->clock->routed, p->n_routed);
        }
        if (peer_connected(p))
                watch_pending_fds(p);
}

static void become_nameless(struct peer *p)
{
        p->has_uid = sasl_server_uid(p->sasl, &p->uid);
        if (sasl_server_mechanism(p->sasl) != SASL_EXTERNAL)
                credentials_forget_groups(&p->credentials);
        p->fd_passing = sasl_server_fd_passing(p->sasl);
        /* A read that ends one message may begin the next, each with its descriptors. */
        p->input_limits.pending_fds = p->fd_passing ? 2 * p->input_limits.message_fds : 0;
        p->state = PEER_NAMELESS;
        update_events(p, false);
        if (!p->context->handler->authenticated(p))
                peer_disconnect(p);
}

/* Feeds what was read to the authentication; messages may follow in the same read. */
static void authenticate(struct peer *p)
{
        struct input_buffer *b = &p->context->buffer;
        size_t taken = 0;
        ssize_t n;
        int r;

        do
                n = recv(p->source.fd, b->bytes, b->size, MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
                return;
        if (n <= 0) {
                peer_disconnect(p);
                return;
        }
        if (!nonce_check_take(&p->nonce_check, p->nonce, b->bytes, (size_t)n, &b->at)) {
                peer_disconnect(p);
                return;
        }
        r = sasl_server_feed(p->sasl, b->bytes + b->at, (size_t)n - b->at, &taken);
        if (!r && sasl_server_done(p->sasl)) {
                become_nameless(p);
                if (!peer_connected(p))
                        return;
        }
        peer_flush(p);
        if (r || p->write_ended || !peer_connected(p)) {
                peer_disconnect(p);
                return;
        }
        b->at += taken;
        b->end = (size_t)n;
        if (p->state == PEER_NAMELESS && b->at < b->end)
                take_messages(p);
}

static void read_messages(struct peer *p, uint32_t events)
{
        bool drained;
        ssize_t n = input_read(&p->input, p->source.fd, &p->context->buffer, &p->input_limits,
                               &drained);

        if (n == -EAGAIN)
                return;
        if (n <= 0) {
                if (n == -EBADMSG || n == -ENOMEM)
                        complain(p, "is disconnected: what it sent could not be read",
                                 n == -EBADMSG ? "more descriptors than its messages account for"
                                               : strerror(ENOMEM));
                peer_disconnect(p);
                return;
        }
        /* There is more, if only the end of the stream, of which the kernel has told already. */
        if (!drained || (events & ENDED))
                loop_again(p->context->loop, &p->source, events & ~(uint32_t)EPOLLOUT);
        take_messages(p);
}

static void peer_ready(struct loop_source *source, uint32_t events)
{
        struct peer *p = container_of(source, struct peer, source);
        struct peer_context *context = p->context;

        if (events & EPOLLOUT)
                peer_flush(p);
        if (peer_connected(p) && events & (EPOLLIN | ENDED)) {
                if (p->state == PEER_AUTHENTICATING)
                        authenticate(p);
                else if (p->source.events & EPOLLIN)
                        read_messages(p, events);
                /* Else reading is paused: even a hang-up waits, as what was written before still
                 * counts. */
        }
        if (!list_empty(&context->closed))
                context->part(context);
}

static uint32_t smaller(int64_t a, uint32_t b)
{
        return a < b ? (uint32_t)a : b;
}

static void auth_expired(struct loop_timer *timer)
{
        struct peer *p = container_of(timer, struct peer, auth_timer);

        /* It has no name that the line could begin with; the reference does not tell who it is. */
        log_line(LOG_LEVEL_WARNING,
                 "Connection has not authenticated soon enough, closing it "
                 "(auth_timeout=%" PRId64 "ms, elapsed: %" PRIu64 "ms)",
                 p->context->limits->auth_timeout, (loop_now() - p->since) / NS_PER_MS);
        peer_disconnect(p);
}

void peer_retime(struct peer *p)
{
        if (p->state == PEER_AUTHENTICATING || p->state == PEER_NAMELESS)
                loop_timer_set(p->context->loop, &p->auth_timer,
                               p->since + (uint64_t)p->context->limits->auth_timeout * NS_PER_MS);
}

static void fds_expired(struct loop_timer *timer)
{
        struct peer *p = container_of(timer, struct peer, fds_timer);
        char text[160];

        snprintf(text, sizeof(text),
                 "has had Unix fds pending for too long, closing it (pending_fd_timeout=%" PRId64
                 " ms)",
                 p->context->limits->pending_fd_timeout);
        p->context->handler->complaint(p, text);
        peer_disconnect(p);
}

int peer_new(struct peer **pp, struct peer_context *context, int fd,
             const struct sasl_server_config *sasl, const uint8_t *nonce)
{
        struct peer *p = calloc(1, sizeof(*p));
        int r;

        if (!p) {
                close(fd);
                return -ENOMEM;
        }
        p->context = context;
        loop_source_init(&p->source, fd, EPOLLIN, peer_ready);
        p->charge.release = charge_release;
        p->input_limits.message_size = smaller(context->limits->max_message_size, MESSAGE_MAX_SIZE);
        p->input_limits.message_fds = smaller(context->limits->max_message_unix_fds, INPUT_MAX_FDS);
        p->nonce = nonce;
        if (nonce)
                nonce_check_init(&p->nonce_check);
        loop_timer_init(&p->auth_timer, auth_expired);
        loop_timer_init(&p->fds_timer, fds_expired);
        credentials_init(&p->credentials);
        input_init(&p->input, NULL);
        output_init(&p->output);
        name_owner_init(&p->names);
        match_owner_init(&p->rules);
        match_owner_init(&p->eavesdrop_rules);
        match_owner_init(&p->monitor_rules);
        reply_owner_init(&p->replies);
        list_init(&p->of_all);
        list_init(&p->of_flush);

        r = credentials_from_socket(&p->credentials, fd);
        if (!r)
                r = sasl_server_new(&p->sasl, sasl, &p->credentials);
        if (!r)
                r = loop_add(context->loop, &p->source);
        if (r < 0) {
                close(fd);
                sasl_server_free(p->sasl);
                peer_free(p);
                return r;
        }
        p->since = loop_now();
        peer_retime(p);
        *pp = p;
        return 0;
}

void peer_activate(struct peer *p, uint64_t id)
{
        p->id = id;
        p->name_length = (uint8_t)snprintf(p->name, sizeof(p->name), ":1.%" PRIu64, id);
        p->names.unique_name = p->name;
        p->state = PEER_ACTIVE;
        loop_timer_clear(&p->auth_timer);
}

void peer_settle_output(struct peer *p)
{
        list_remove(&p->of_flush);
        if (peer_connected(p))
                peer_flush(p);
}

void peer_bury(struct peer *p)
{
        list_remove(&p->of_all);
        list_remove(&p->of_flush);
        p->sasl = sasl_server_free(p->sasl);
        p->policy = policy_view_unref(p->policy);
        p->lsm = lsm_labels_free(p->lsm);
        input_deinit(&p->input);
        output_deinit(&p->output);
        p->buried = true;
        if (!p->live_messages)
                peer_free(p);
}

/* Bytes of a command line that are shown, and a NUL: as many as the reference shows. */
#define COMM_MAX 51

/* The command line of a process, its arguments apart by spaces. Empty if it is gone. */
static void read_command(pid_t pid, char *text, size_t size)
{
        char path[64];
        ssize_t n;
        int fd;

        text[0] = '\0';
        snprintf(path, sizeof(path), "/proc/%ld/cmdline", (long)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        n = read(fd, text, size - 1);
        close(fd);
        while (n > 0 && !text[n - 1])
                n -= 1;
        for (ssize_t i = 0; i < n; ++i) {
                /* It goes to logs and to other clients: nothing but plain text. */
                if (text[i] < 0x20 || text[i] > 0x7e)
                        text[i] = ' ';
        }
        text[n < 0 ? 0 : n] = '\0';
}

const char *peer_description(struct peer *p)
{
        const struct credentials *who = &p->credentials;
        const char *separator = "";
        char command[COMM_MAX];
        size_t size;
        FILE *out;

        if (p->description)
                return p->description;
        out = open_memstream(&p->description, &size);
        if (!out)
                return "";
        if (p->has_uid) {
                fprintf(out, "uid=%lu", (unsigned long)p->uid);
                separator = " ";
        }
        if (who->has_pid) {
                read_command(who->pid, command, sizeof(command));
                fprintf(out, "%spid=%lu comm=\"%s\"", separator, (unsigned long)who->pid, command);
                separator = " ";
        }
        if (who->security_label)
                fprintf(out, "%slabel=\"%s\"", separator, who->security_label);
        if (fclose(out) != 0) {
                free(p->description);
                p->description = NULL;
                return "";
        }
        return p->description;
}
