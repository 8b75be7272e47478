/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "link/link.h"

/* What is read at once, on the stack of whoever reads: an idle connection owns no buffer, and
 * threads may have small stacks. Longer messages are read to where they stay. */
#define READ_SIZE       8192
#define READ_SIZE_LEAST 256

#define NSEC_PER_MSEC 1000000
#define NSEC_PER_SEC  1000000000

static int64_t now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

uint64_t monotonic_now(void)
{
        return (uint64_t)now();
}

int64_t deadline_in(int milliseconds)
{
        return milliseconds < 0 ? DEADLINE_NEVER : now() + (int64_t)milliseconds * NSEC_PER_MSEC;
}

/* What poll() is to be told: rounded up, so that a deadline is over when it returns. */
static int milliseconds_until(int64_t deadline)
{
        int64_t left;

        if (deadline == DEADLINE_NEVER)
                return -1;
        left = deadline - now();
        if (left <= 0)
                return 0;
        left = (left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
        return left > INT_MAX ? INT_MAX : (int)left;
}

/* Who may enter if the application does not say: this process's user, and root. */
static bool is_allowed_user(const DBusConnection *c)
{
        return c->transport.has_uid && (c->transport.uid == geteuid() || c->transport.uid == 0);
}

/* Decides whether an identified client may enter. The application is asked without the lock. */
static bool may_enter(DBusConnection *c)
{
        DBusAllowUnixUserFunction function = c->unix_user.unix_user;
        void *data = c->unix_user.data.data;
        dbus_bool_t allowed;

        if (!c->transport.has_uid)
                return c->allow_anonymous;
        if (!function)
                return is_allowed_user(c) || c->allow_anonymous;
        pthread_mutex_unlock(&c->lock);
        allowed = function(c, c->transport.uid, data);
        pthread_mutex_lock(&c->lock);
        return allowed;
}

/* Returns true if messages can be taken now. */
static bool authorise(DBusConnection *c)
{
        bool allowed = may_enter(c);

        if (!connection_is_open(c))
                return false;
        if (allowed)
                transport_enter(&c->transport);
        else
                connection_disconnect(c);
        return allowed;
}

void connection_receive(DBusConnection *c, DBusMessage *m)
{
        struct awaited *a = NULL;

        if (m->wire.header.reply_serial)
                a = awaited_find(c, m->wire.header.reply_serial);
        /* Only the first reply is one. */
        if (a && !a->reply) {
                a->reply = m;
                if (a->is_direct)
                        return;
                pending_call_replied(pending_of(a));
        }
        list_append(&c->incoming, &m->queued);
        c->n_incoming += 1;
        connection_wake_main(c);
}

/* Returns whether a reply that came by the bus of one that has links is to be received. */
static bool take_reply(DBusConnection *c, DBusMessage *m)
{
        uint8_t flags = m->wire.header.flags;

        if (flags & LINK_FLAG_LET_THROUGH)
                links_count_let_through(c->links, m);
        if (!links_accept_reply(c, m))
                return false;
        /* They were for us. */
        if (flags & LINK_FLAGS)
                message_set_flags(&m->wire, flags & (uint8_t)~LINK_FLAGS);
        return true;
}

/* Does with a message of the bus what has to be done. */
static void take_message(DBusConnection *c, DBusMessage *m)
{
        c->n_taken += 1;
        if (c->has_joined && links_take_control(c, m))
                return;
        if (c->links && m->wire.header.reply_serial && !take_reply(c, m)) {
                dbus_message_unref(m);
                return;
        }
        received_add(c->received, m);
        connection_receive(c, m);
}

bool memory_pause(unsigned n)
{
        if (n && 1u << (n - 1) > 2 * MEMORY_PAUSE)
                return false;
        if (n)
                usleep((useconds_t)1000 << (n - 1));
        return true;
}

static int next_message(DBusConnection *c, struct input_buffer *b, DBusMessage **m)
{
        int r = transport_next(&c->transport, b, m);

        for (unsigned i = 0; r == -ENOMEM && memory_pause(i); ++i)
                r = transport_next(&c->transport, b, m);
        return r;
}

/* It may have joined in and never got one. */
static bool has_links(const DBusConnection *c)
{
        return c->links && !list_empty(&c->links->all);
}

static void take_messages(DBusConnection *c, struct input_buffer *b)
{
        DBusMessage *m;
        int r;

        /* Whatever causally precedes what was read is in the links by now. */
        if (has_links(c))
                links_drain(c);
        for (;;) {
                if (has_links(c) && !links_deliver(c)) {
                        r = -EMSGSIZE;
                        break;
                }
                r = next_message(c, b, &m);
                if (r || !m)
                        break;
                take_message(c, m);
        }
        if (has_links(c)) {
                links_knock(c);
                links_bury(c);
        }
        if (r)
                connection_disconnect(c);
}

/* How much to read at once: not much more than the application wants to keep. */
static size_t share(const DBusConnection *c)
{
        long max = c->max_received_size, kept = atomic_load(&c->received->bytes);

        /* Applications may have set any limit: it is not to be calculated with before it is known
         * to be more. */
        if (max <= kept || max - kept < READ_SIZE_LEAST)
                return READ_SIZE_LEAST;
        return max - kept > READ_SIZE ? READ_SIZE : (size_t)(max - kept);
}

bool connection_read(DBusConnection *c)
{
        uint8_t bytes[READ_SIZE];
        struct input_buffer b = {.size = share(c), .bytes = bytes};
        int r;

        /* While the application is asked whether a client may enter, that thread reads on. */
        if (!connection_is_open(c) || c->transport.state == TRANSPORT_IDENTIFIED)
                return false;
        r = transport_read(&c->transport, &b);
        if (r == -EAGAIN)
                return false;
        if (r < 0) {
                connection_disconnect(c);
                return false;
        }
        if (c->transport.state != TRANSPORT_IDENTIFIED || authorise(c))
                take_messages(c, &b);
        connection_changed(c);
        return true;
}

void connection_write(DBusConnection *c)
{
        int r;

        if (!connection_is_open(c) || !transport_has_output(&c->transport))
                return;
        message_collect_begin(&c->gone);
        r = transport_write(&c->transport);
        /* What the peer had sent before it went can still be read; the end of that is what closes
         * the connection. */
        if (r < 0)
                output_drop(&c->transport.out);
        message_collect_end();
        if (r < 0 && c->transport.state != TRANSPORT_OPEN)
                connection_disconnect(c);
        connection_changed(c);
}

static atomic_uint n_forks;

static void count_fork(void)
{
        atomic_fetch_add(&n_forks, 1);
}

/* Asking the kernel for the number of the process would be one more system call for each wait. */
__attribute__((constructor)) static void notice_forks(void)
{
        pthread_atfork(NULL, NULL, count_fork);
}

unsigned process_number(void)
{
        return atomic_load_explicit(&n_forks, memory_order_relaxed);
}

void forget_sleepers(DBusConnection *c)
{
        if (c->asleep_in != process_number())
                c->is_reader_asleep = c->is_writer_asleep = false;
}

/* Sleeps until another thread signals. Returns false when the deadline is over. */
static bool wait_for_other(DBusConnection *c, int64_t deadline)
{
        struct timespec t = {deadline / NSEC_PER_SEC, deadline % NSEC_PER_SEC};
        int r;

        c->n_waiting += 1;
        r = deadline == DEADLINE_NEVER ? pthread_cond_wait(&c->changed, &c->lock)
                                       : pthread_cond_timedwait(&c->changed, &c->lock, &t);
        c->n_waiting -= 1;
        return r != ETIMEDOUT;
}

/* Tells the CPU that nothing comes of this turn, if it wants to know. */
static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
        __asm__ volatile("yield");
#endif
}

enum spun { SPUN_WON, SPUN_LOST, SPUN_UNDECIDED };

/* Looks at the links again and again. The lock is given up in between. */
static enum spun spin(DBusConnection *c, uint64_t end)
{
        while (c->links && !links_bus_is_ahead(c)) {
                if (links_try(c))
                        return SPUN_WON;
                if (monotonic_now() >= end)
                        return SPUN_LOST;
                pthread_mutex_unlock(&c->lock);
                relax();
                pthread_mutex_lock(&c->lock);
        }
        return SPUN_UNDECIDED;
}

/* Sleeps on the descriptors, and does what became possible. Returns what poll() did. Signals that
 * the application handles do not wake it: programs take a wait that is over for a time that is. */
static int sleep_on_descriptors(DBusConnection *c, bool reads, bool writes, int timeout,
                                int64_t deadline)
{
        struct pollfd p[2] = {{.fd = c->transport.fd}, {.fd = -1, .events = POLLIN}};
        int n;

        p[0].events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
        if (reads)
                p[1].fd = links_poll_fd(c);
        pthread_mutex_unlock(&c->lock);
        while ((n = poll(p, 2, timeout)) < 0 && errno == EINTR)
                timeout = milliseconds_until(deadline);
        pthread_mutex_lock(&c->lock);
        if (reads)
                c->is_reader_asleep = false;
        if (writes)
                c->is_writer_asleep = false;
        if (n > 0 && writes && (p[0].revents & (POLLOUT | POLLHUP | POLLERR)))
                connection_write(c);
        /* Reading the bus reads the links, too. */
        if (n > 0 && reads && (p[0].revents & (POLLIN | POLLHUP | POLLERR)))
                connection_read(c);
        else if (n > 0 && p[1].revents && c->links)
                links_read(c);
        return n;
}

/* Waits on the descriptors for what nobody else waits for: sleeps, or looks at the links for a
 * while before that. */
static bool wait_for_descriptors(DBusConnection *c, bool reads, bool writes, int64_t deadline)
{
        enum link_spin_plan plan = LINK_SPIN_SLEEP;
        enum spun spun = SPUN_UNDECIDED;
        int timeout = milliseconds_until(deadline), n = 1;
        uint64_t begun = 0;

        if (reads && !writes && timeout && c->links && c->links->n_open)
                plan = link_spin_plan(&c->links->spin, link_spin_count_cpus);
        if (plan != LINK_SPIN_SLEEP)
                begun = monotonic_now();
        c->is_reader_asleep |= reads;
        c->is_writer_asleep |= writes;
        c->asleep_in = process_number();
        if (plan == LINK_SPIN_SPIN)
                spun = spin(c, begun + c->links->spin.bound);
        if (spun == SPUN_WON)
                c->is_reader_asleep = false;
        else
                n = sleep_on_descriptors(c, reads, writes, timeout, deadline);
        if (plan != LINK_SPIN_SLEEP && c->links)
                link_spin_over(&c->links->spin, spun != SPUN_UNDECIDED, spun == SPUN_WON,
                               monotonic_now() - begun);
        /* Whoever waits may have to sleep on the descriptors now. */
        connection_changed(c);
        return n || !timeout ? n : deadline == DEADLINE_NEVER || now() < deadline;
}

bool connection_wait(DBusConnection *c, unsigned wishes, int64_t deadline)
{
        bool reads, writes;

        if (!connection_is_open(c))
                return false;
        forget_sleepers(c);
        /* What waits is written in any case: what is read may be the answer to it. */
        if (transport_has_output(&c->transport) && !c->transport.is_full) {
                connection_write(c);
                if ((wishes & IO_WRITE) && !transport_has_output(&c->transport))
                        return true;
                if (!connection_is_open(c))
                        return false;
        }
        /* Whatever the application does when it is told may be what the caller waits for. */
        if (connection_tell(c))
                return true;
        writes = transport_has_output(&c->transport) && !c->is_writer_asleep;
        reads = !c->is_reader_asleep && connection_may_read(c);
        if (reads || writes)
                return wait_for_descriptors(c, reads, writes, deadline);
        return wait_for_other(c, deadline);
}
