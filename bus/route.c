/* SPDX-License-Identifier: MIT */
#include "bus/route.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "bus/complaint.h"
#include "bus/log.h"
#include "core/input.h"
#include "core/writer.h"
#include "link/link.h"

static const char callee_gone[] =
        "Message recipient disconnected from message bus without replying";

/* Where a message is on its way: what every check needs to know. */
struct delivery {
        struct bus *bus;
        struct peer *from;      /* NULL: the bus */
        struct peer *addressed; /* NULL: a broadcast, or the bus */
        struct message *message;
        bool requested_reply;
};

static struct name_owner *names_of(struct peer *p)
{
        return p ? &p->names : NULL;
}

static struct complaint complaint_of(const struct delivery *d, struct peer *to, const char *what,
                                     unsigned n_matched)
{
        return (struct complaint){
                .what = what,
                .n_matched = n_matched,
                .log = true,
                .requested_reply = d->requested_reply,
                .message = d->message,
                .from = d->from,
                .to = to,
        };
}

/* Policy forbids it. */
static int refuse(const struct delivery *d, struct peer *to, const char *what, unsigned n_matched,
                  struct fault *fault)
{
        struct complaint c = complaint_of(d, to, what, n_matched);

        c.error = ERROR_ACCESS_DENIED;
        c.log = to == d->addressed; /* nobody is told of what an eavesdropper may not have */
        return complaint_set(&c, fault);
}

/* The receiver does not read. */
static int refuse_full(const struct delivery *d, struct peer *to, struct fault *fault)
{
        struct complaint c =
                complaint_of(d, to, "Rejected: destination has a full message queue", 0);

        c.error = ERROR_LIMITS_EXCEEDED;
        return complaint_set(&c, fault);
}

/* A rule with log="true" lets the message pass, but wants it known. */
static void log_allowed(const struct delivery *d, struct peer *to, unsigned n_matched)
{
        struct complaint c = complaint_of(d, to, "Would reject message", n_matched);

        complaint_set(&c, NULL);
}

static int check_type(const struct message *m, struct fault *fault)
{
        if (m->header.type <= MESSAGE_SIGNAL)
                return 0;
        return fault_set(fault, ERROR_ACCESS_DENIED,
                         "Message bus will not accept messages of unknown type\n");
}

/* What there is to be said before policy is asked. */
static int mediate(const struct delivery *d, struct peer *to, struct fault *fault)
{
        const struct lsm_message m = {
                .message = d->message,
                .from = d->from,
                .to = to,
                .requested_reply = d->requested_reply,
        };

        if (check_type(d->message, fault) < 0)
                return -1;
        if (!d->bus->lsm || !d->from)
                return 0;
        return lsm_may_send(d->bus, &m, fault);
}

static bool exceeds_limits(const struct peer *to, const struct limits *l)
{
        return to->output.bytes > (uint64_t)l->max_outgoing_bytes ||
               to->output.n_fds > (uint64_t)l->max_outgoing_unix_fds;
}

/* What merely waits to be sent together with the rest of this turn says nothing of who is to read
 * it. */
static bool is_full(struct peer *to, const struct limits *l)
{
        if (!exceeds_limits(to, l))
                return false;
        if (!list_empty(&to->of_flush))
                peer_settle_output(to);
        return exceeds_limits(to, l);
}

static struct policy_message policy_message_of(const struct delivery *d, struct peer *to)
{
        return (struct policy_message){
                .message = d->message,
                .requested_reply = d->requested_reply,
                .sender = names_of(d->from),
                .addressed = names_of(d->addressed),
                .receiver = names_of(to),
        };
}

/* What policy says, of which nobody is told. */
static bool policy_allows(const struct delivery *d, struct peer *to)
{
        const struct policy_message pm = policy_message_of(d, to);

        return policy_may_send(d->from->policy, &pm, &d->bus->names).allow &&
               policy_may_receive(to->policy, &pm, &d->bus->names).allow;
}

static int check_policy(const struct delivery *d, struct peer *to, struct fault *fault)
{
        const struct policy_message pm = policy_message_of(d, to);
        struct policy_verdict v;

        if (d->from) {
                v = policy_may_send(d->from->policy, &pm, &d->bus->names);
                if (!v.allow)
                        return refuse(d, to, "Rejected send message", v.n_matched, fault);
                if (v.log)
                        log_allowed(d, to, v.n_matched);
        }
        if (!to)
                return 0;
        v = policy_may_receive(to->policy, &pm, &d->bus->names);
        if (!v.allow)
                return refuse(d, to, "Rejected receive message", v.n_matched, fault);
        if (is_full(to, &d->bus->config->limits))
                return refuse_full(d, to, fault);
        return 0;
}

/* May the message go from its sender to `to` (NULL: the bus)? */
static int check(const struct delivery *d, struct peer *to, struct fault *fault)
{
        return mediate(d, to, fault) < 0 ? -1 : check_policy(d, to, fault);
}

static bool is_hello(const struct message *m)
{
        const char *interface = message_text(m, FIELD_INTERFACE);

        return m->header.type == MESSAGE_METHOD_CALL &&
               !strcmp(message_text(m, FIELD_MEMBER), "Hello") &&
               (!interface || !strcmp(interface, BUS_INTERFACE));
}

int route_check_to_bus(struct bus *bus, struct peer *from, struct message *m, struct fault *fault)
{
        const struct delivery d = {.bus = bus, .from = from, .message = m};

        if (from->name_length)
                return check(&d, NULL, fault);
        if (mediate(&d, NULL, fault) < 0)
                return -1;
        if (is_hello(m))
                return 0;
        return fault_set(fault, ERROR_ACCESS_DENIED,
                         "Client tried to send a message other than Hello without being "
                         "registered");
}

int route_check_to_nobody(struct bus *bus, struct peer *from, struct message *m, const char *label,
                          struct fault *fault)
{
        const struct delivery d = {.bus = bus, .from = from, .message = m};

        if (check_type(m, fault) < 0)
                return -1;
        if (bus->lsm && lsm_may_activate(bus, from, m, label, fault) < 0)
                return -1;
        return check_policy(&d, NULL, fault);
}

static struct message *make_error(struct bus *bus, const char *destination, uint32_t reply_serial,
                                  const struct fault *fault)
{
        struct message_spec spec = {
                .type = MESSAGE_ERROR,
                .flags = MESSAGE_NO_REPLY_EXPECTED,
                .serial = bus_next_serial(bus),
                .reply_serial = reply_serial,
                .error_name = fault->name,
                .sender = BUS_NAME,
                .destination = destination,
                .signature = "s",
        };
        struct writer w;
        struct message *m;

        writer_begin(&w, &spec);
        writer_string(&w, fault_text(fault));
        return writer_end(&w, &m) < 0 ? NULL : m;
}

/* Monitors are shown that a message did not arrive by the error that its sender would get. */
static void capture_refusal(const struct delivery *d, struct fault *fault)
{
        struct message *error;

        if (!match_registry_empty(d->bus->monitors)) {
                error = make_error(d->bus, d->from ? peer_name(d->from) : BUS_NAME,
                                   d->message->header.serial, fault);
                if (error)
                        route_capture(d->bus, NULL, d->from, error);
                message_unref(error);
        }
        fault_clear(fault);
}

void route_capture(struct bus *bus, const struct peer *from, const struct peer *to,
                   struct message *m)
{
        const struct match_query q = {
                .message = m,
                .sender = from ? &from->names : NULL,
                .destination = to ? &to->names : NULL,
        };

        if (match_registry_empty(bus->monitors))
                return;
        bus->watching.n = 0;
        /* Without memory for the list of receivers, those that were found are still served. */
        match_lookup(bus->monitors, &q, match_next_query(), &bus->watching);
        for (size_t i = 0; i < bus->watching.n; ++i) {
                struct peer *monitor =
                        container_of(bus->watching.owners[i], struct peer, monitor_rules);

                /* It may be told of what it did as a client, which it gets by its address. */
                if (monitor != to && (!m->n_fds || monitor->fd_passing))
                        peer_send(monitor, m);
        }
}

/* Sends a copy to someone it is not addressed to. Nobody hears of it if that may not be. */
static void send_copy(const struct delivery *addressed, struct peer *to)
{
        struct delivery copy = *addressed, *d = &copy;
        struct fault fault = {0};
        int r;

        /* Whoever listens in has not asked for a reply. */
        d->requested_reply = false;
        r = check(d, to, &fault);
        if (!r && d->message->n_fds && !to->fd_passing)
                r = fault_set(&fault, ERROR_NOT_SUPPORTED,
                              "broadcast cannot be delivered to %s (%s) because it does not "
                              "support receiving Unix fds",
                              to->name, peer_description(to));
        if (!r)
                peer_send(to, d->message);
        else
                capture_refusal(d, &fault);
}

/*
 * Finds everyone who has a rule for the message: ordinary rules match broadcasts only,
 * eavesdropping ones what is addressed, too. Stores how many of bus->found are there by an ordinary
 * rule.
 */
static int find_copies(const struct delivery *d, size_t *n_ordinary)
{
        struct bus *bus = d->bus;
        const struct match_query q = {
                .message = d->message,
                .sender = names_of(d->from),
                .destination = names_of(d->addressed),
        };
        uint64_t number = match_next_query();
        int r = 0;

        bus->found.n = 0;
        if (!message_text(d->message, FIELD_DESTINATION))
                r = match_lookup(bus->rules, &q, number, &bus->found);
        *n_ordinary = bus->found.n;
        if (!r && !match_registry_empty(bus->eavesdrop))
                r = match_lookup(bus->eavesdrop, &q, number, &bus->found);
        return r;
}

static void send_copies(const struct delivery *d, size_t n_ordinary)
{
        struct bus *bus = d->bus;

        bus->n_copied += 1;
        for (size_t i = 0; i < bus->found.n; ++i) {
                struct match_owner *o = bus->found.owners[i];
                struct peer *to = i < n_ordinary ? container_of(o, struct peer, rules)
                                                 : container_of(o, struct peer, eavesdrop_rules);

                /* Someone with rules of both kinds is found twice. */
                if (to->copied == bus->n_copied || to == d->addressed)
                        continue;
                to->copied = bus->n_copied;
                send_copy(d, to);
        }
}

/* The message has arrived: that an eavesdropper missed it is not the sender's concern. */
static void send_to_eavesdroppers(const struct delivery *d)
{
        size_t n_ordinary;

        if (match_registry_empty(d->bus->eavesdrop))
                return;
        if (!find_copies(d, &n_ordinary))
                send_copies(d, n_ordinary);
}

/* The deadline is the same distance away for every call, so a new one is never the soonest. */
static void reply_timer_set(struct bus *bus)
{
        const struct reply *soonest = reply_soonest(&bus->replies);

        if (soonest && list_empty(&bus->reply_timer.link))
                loop_timer_set(bus->loop, &bus->reply_timer, soonest->deadline);
}

/* A call that wants a reply makes the receiver owe one. */
static int expect_reply(const struct delivery *d, struct fault *fault)
{
        const struct limits *limits = &d->bus->config->limits;
        struct peer *from = d->from;
        uint64_t deadline = UINT64_MAX;
        int r;

        if (d->message->header.flags & MESSAGE_NO_REPLY_EXPECTED)
                return 0;
        if ((uint64_t)from->replies.n_made + links_calls_awaited(from) >=
            (uint64_t)limits->max_replies_per_connection) {
                log_line(LOG_LEVEL_WARNING,
                         "The maximum number of pending replies for \"%s\" (%s) has been reached "
                         "(max_replies_per_connection=%" PRId64 ")",
                         from->name, peer_description(from), limits->max_replies_per_connection);
                return fault_set(fault, ERROR_LIMITS_EXCEEDED,
                                 "The maximum number of pending replies per connection has been "
                                 "reached");
        }
        if (d->bus->reply_timeout >= 0)
                deadline = loop_now() + (uint64_t)d->bus->reply_timeout * NS_PER_MS;
        r = reply_expect(&d->bus->replies, &from->replies, d->message->header.serial,
                         &d->addressed->replies, deadline);
        if (r == -EEXIST)
                return fault_set(fault, ERROR_ACCESS_DENIED,
                                 "Message has the same reply serial as a currently-outstanding "
                                 "existing method call");
        if (r < 0)
                return fault_no_memory(fault);
        if (deadline != UINT64_MAX)
                reply_timer_set(d->bus);
        return 0;
}

/* A message of its own, with what another one says; NULL without memory or descriptors. */
static struct message *copy_of(const struct message *m)
{
        int fds[INPUT_MAX_FDS];
        struct message *copy = NULL;
        unsigned n = 0;

        while (n < m->n_fds && (fds[n] = fcntl(m->fds[n], F_DUPFD_CLOEXEC, 3)) >= 0)
                n += 1;
        if (n == m->n_fds && !message_copy(&copy, m->bytes, &m->header, NULL, 0, fds, n, NULL))
                return copy;
        while (n)
                close(fds[--n]);
        return NULL;
}

/*
 * The flag is the bus's alone, towards those that joined in. It is no part of what was said: others
 * who have the message, or get it, are not shown it.
 */
static void send_reply(const struct delivery *d, struct peer *to, uint8_t marks)
{
        uint8_t flags = (d->message->header.flags & (uint8_t)~LINK_FLAGS) | marks;
        bool is_shared;
        struct message *m = NULL;

        if (!to->linked || flags == d->message->header.flags) {
                peer_send(to, d->message);
                return;
        }
        is_shared = atomic_load_explicit(&d->message->refs, memory_order_relaxed) > 1 ||
                    !match_registry_empty(d->bus->eavesdrop);
        if (is_shared)
                m = copy_of(d->message);
        /* Better seen by others than not sent. */
        if (!m)
                m = message_ref(d->message);
        message_set_flags(m, flags);
        peer_send(to, m);
        message_unref(m);
}

int route_unicast(struct bus *bus, struct peer *from, struct peer *to, struct message *m,
                  struct fault *fault)
{
        struct delivery d = {.bus = bus, .from = from, .addressed = to, .message = m};
        struct reply *reply = NULL;
        uint32_t serial = m->header.reply_serial;
        uint8_t marks = 0;
        int r;

        /* A reply for which there is no call here may be to one that went over a link. The caller
         * is told that the bus does not know: whoever sends it may have guessed. */
        if (serial) {
                reply = reply_find(&bus->replies, &to->replies, serial, &from->replies);
                if (!reply && header_is_reply(&m->header) &&
                    links_reply_may_pass(bus, from, to, serial))
                        marks = LINK_FLAG_LET_THROUGH |
                                (policy_allows(&d, to) ? LINK_FLAG_UNASKED : 0);
        }
        d.requested_reply = reply || marks;
        r = check(&d, to, fault);
        /* Nothing comes of this one: a reply is still expected, and a call expects none. */
        if (!r && m->n_fds && !to->fd_passing)
                return fault_set(fault, ERROR_NOT_SUPPORTED,
                                 "Tried to send message with Unix file descriptors"
                                 "to a client that doesn't support that.");
        if (reply)
                reply_done(&bus->replies, reply);
        if (!r && m->header.type == MESSAGE_METHOD_CALL)
                r = expect_reply(&d, fault);
        if (r)
                return r;
        if (serial)
                send_reply(&d, to, marks);
        else
                peer_send(to, m);
        send_to_eavesdroppers(&d);
        links_note_message(bus, from, to);
        return 0;
}

void route_passed_to_bus(struct bus *bus, struct peer *from, struct message *m)
{
        const struct delivery d = {.bus = bus, .from = from, .message = m};

        send_to_eavesdroppers(&d);
}

int route_broadcast(struct bus *bus, struct peer *from, struct message *m, struct fault *fault)
{
        const struct delivery d = {.bus = bus, .from = from, .message = m};
        size_t n_ordinary;

        if (find_copies(&d, &n_ordinary) < 0)
                return fault_no_memory(fault);
        send_copies(&d, n_ordinary);
        return 0;
}

void route_held_from_bus(struct bus *bus, struct peer *to, struct message *m)
{
        /* The bus does not answer what it was not asked. */
        const struct delivery d = {.bus = bus,
                                   .addressed = to,
                                   .message = m,
                                   .requested_reply = m->header.reply_serial != 0};
        struct fault fault = {0};

        /* Before Hello there is no policy to ask. */
        if (to->name_length && check(&d, to, &fault) < 0) {
                capture_refusal(&d, &fault);
                return;
        }
        peer_send(to, m);
}

void route_from_bus(struct bus *bus, struct peer *to, struct message *m)
{
        route_capture(bus, NULL, to, m);
        route_held_from_bus(bus, to, m);
}

void route_error(struct bus *bus, struct peer *to, uint32_t reply_serial, const struct fault *fault)
{
        struct message *m = make_error(bus, peer_name(to), reply_serial, fault);

        if (!m) {
                /* It would wait for ever. */
                peer_disconnect(to);
                return;
        }
        route_from_bus(bus, to, m);
        message_unref(m);
}

static void no_reply(struct bus *bus, struct reply *reply, const char *why)
{
        struct peer *caller = container_of(reply->caller, struct peer, replies);
        uint32_t serial = reply->serial;
        struct fault fault = {0};

        reply_done(&bus->replies, reply);
        fault_set(&fault, ERROR_NO_REPLY, "%s", why);
        route_error(bus, caller, serial, &fault);
        fault_clear(&fault);
}

void route_adopt_call(struct bus *bus, struct peer *caller, struct peer *callee, uint32_t serial)
{
        uint64_t deadline = UINT64_MAX;
        struct fault fault = {0};

        if (bus->reply_timeout >= 0)
                deadline = loop_now() + (uint64_t)bus->reply_timeout * NS_PER_MS;
        if (callee && reply_expect(&bus->replies, &caller->replies, serial, &callee->replies,
                                   deadline) != -ENOMEM) {
                reply_timer_set(bus);
                return;
        }
        fault_set(&fault, ERROR_NO_REPLY, "%s", callee_gone);
        route_error(bus, caller, serial, &fault);
        fault_clear(&fault);
}

void route_reply_expired(struct loop_timer *timer)
{
        struct bus *bus = container_of(timer, struct bus, reply_timer);
        uint64_t now = loop_now();
        struct reply *reply;

        while ((reply = reply_soonest(&bus->replies)) && reply->deadline <= now)
                no_reply(bus, reply, "Message did not receive a reply (timeout by message bus)");
        reply_timer_set(bus);
}

void route_forget_replies(struct bus *bus, struct peer *gone)
{
        struct reply_owner *o = &gone->replies;

        while (!list_empty(&o->made))
                reply_done(&bus->replies, container_of(o->made.next, struct reply, of_caller));
        /* The latest call first, as with the reference. */
        while (!list_empty(&o->received))
                no_reply(bus, container_of(o->received.prev, struct reply, of_callee), callee_gone);
}
