/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The client engine: what a connection consists of, and what its parts ask of each other.
 *
 * One lock guards a connection. It is taken once by a public function, and given up only while
 * this thread sleeps in poll(), and while the application is called. What the application has to
 * hear (a watch to toggle, a timeout to remove, a wake-up) is noted while the lock is held and
 * told by connection_unlock(), so that no function in between has to give it up.
 *
 * A message is read and queued by whichever thread finds it. One thread at a time sleeps on the
 * descriptor; others that wait for something sleep on `changed`, which the first one signals.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <dbus/dbus.h>

#include "core/hash.h"
#include "core/list.h"
#include "data-slot.h"
#include "links.h"
#include "object-tree.h"
#include "timeout.h"
#include "transport.h"
#include "watch.h"

/* A reply that somebody waits for, in the table of its connection. */
struct awaited {
        struct hash_link link; /* by serial */
        uint32_t serial;       /* of the call */
        bool is_direct;        /* the reply is handed over here, past the queue: its caller waits */
        DBusMessage *reply;    /* has arrived. Borrowed from the queue, unless it is direct */
        /* Of a call that went over a link: the peer that has to reply; NULL: it went by the bus. */
        struct linked_peer *peer;
        struct list of_link; /* in client_link.calls */
};

struct DBusPendingCall {
        struct awaited awaited;
        atomic_uint refs;
        DBusConnection *connection; /* with a reference */
        bool is_attached;           /* in the table, which has a reference */
        bool is_given_up; /* taken out of the table; its reference is still to be dropped */
        bool is_completed;
        DBusMessage *reply; /* once completed, until it is stolen */
        DBusPendingCallNotifyFunction notify;
        struct slot_value notify_data;
        bool has_timeout; /* in the list of the connection's timeouts, which has a reference */
        struct DBusTimeout timeout;
        struct list timeout_over; /* in connection.timeouts_over */
        struct slot_values slots;
};

/* A place in the output that is promised. */
struct DBusPreallocatedSend {
        DBusConnection *connection;
};

struct filter {
        struct list of_all;
        unsigned refs;
        uint64_t number;                    /* in the order of their addition */
        DBusHandleMessageFunction function; /* NULL: removed */
        struct slot_value data;
};

/* A function of the application's, and its data. */
struct callback {
        union {
                DBusDispatchStatusFunction dispatch_status;
                DBusWakeupMainFunction wakeup_main;
                DBusAllowUnixUserFunction unix_user;
                DBusAllowWindowsUserFunction windows_user;
        };
        struct slot_value data;
};

/* What received messages that still exist add up to. Outlives the connection if they do. */
struct received {
        struct message_charge charge;
        atomic_uint refs; /* the connection's, and one for each message */
        atomic_long bytes, n_fds;
        atomic_bool is_over;        /* over the limits: told when it no longer is */
        DBusConnection *connection; /* NULL: gone. Guarded by `lock` */
        pthread_mutex_t lock;
};

struct DBusConnection {
        atomic_uint refs;
        pthread_mutex_t lock;
        pthread_cond_t changed; /* something was received, written, dispatched or closed */
        unsigned n_waiting;     /* threads that sleep on `changed` */

        struct transport transport;
        struct received *received;
        long max_message_size, max_message_fds, max_received_size, max_received_fds;
        bool is_reader_asleep, is_writer_asleep; /* in poll(), for one or the other */
        unsigned asleep_in;                      /* process_number() of where they are */

        /* Peer links; see links.h. Messages since the authentication, by the bus: handed to it, and
         * taken off it. */
        uint64_t n_sent, n_taken;
        unsigned n_to_peers; /* messages that were sent to other peers, up to the joining */
        bool has_joined, wants_no_links;
        struct client_links *links; /* NULL: the bus gives none, or has not yet */
        int links_fd;               /* epoll: all links; -1: never had any */
        DBusWatch *links_watch;     /* of that; NULL: no main loop */

        uint32_t last_serial;
        size_t unsent; /* bytes of what was sent after it had been closed, until the end is known */

        struct list incoming; /* of DBusMessage.queued */
        unsigned n_incoming;
        DBusMessage *borrowed;
        struct hash_table awaited;

        bool is_dispatching;
        pthread_t dispatcher;
        unsigned dispatch_depth;
        DBusDispatchStatus last_status; /* that the application was told */
        struct list filters;
        uint64_t n_filters_ever;
        struct object_tree objects;

        DBusMessage *disconnected; /* the signal, once it is queued; with a reference */
        bool disconnected_processed;

        /* What to tell the application. */
        bool is_telling;
        unsigned wakeups;
        struct list timeouts_over;
        struct list gone; /* messages to be freed: what is done with their data may call anything */
        DBusWatch *read_watch, *write_watch; /* NULL: no main loop ever asked */
        bool has_main_loop;                  /* that polls watches */

        /* These call the application, which must not happen with the lock held: they belong to the
         * thread between main_loop_enter() and main_loop_leave(). */
        struct watch_list watches;
        struct timeout_list timeouts;
        struct callback wakeup_main; /* changed with the lock held as well */
        unsigned main_loop_depth;    /* 0: nobody's */
        pthread_t main_loop_user;

        struct callback dispatch_status, unix_user, windows_user;

        bool is_shared; /* opened to be shared */
        bool is_found;  /* and still listed for those who open the same */
        bool is_known;  /* by the guid that its address had */
        bool exit_on_disconnect, route_peer_messages, allow_anonymous;
        bool no_builtin_filters;
        struct list of_shared; /* connection-open.c's: in its list, which has a reference */
        struct slot_values slots;

        /* bus.c's: who we are on a message bus. */
        char *unique_name;   /* NULL: not registered */
        bool is_registering; /* a thread waits for the answer to Hello */
};

/* connection.c: life, and the lock. */

/* Makes a connection; the descriptor is its own on success only. Exactly one of the two is given.
 * Returns 0 or -errno. */
int connection_new(DBusConnection **cp, const struct connected *client, const char *guid,
                   const struct acceptance *server);
static inline void connection_lock(DBusConnection *c)
{
        pthread_mutex_lock(&c->lock);
}

/* Tells the application what it has to know; the lock is given up for it. Returns false if there
 * was nothing to tell. */
bool connection_tell(DBusConnection *c);

/* The same, and unlocks. */
void connection_unlock(DBusConnection *c);

static inline bool connection_is_open(const DBusConnection *c)
{
        return c->transport.state != TRANSPORT_CLOSED;
}

/* Closes the stream; what was read stays to be dispatched. Locked. */
void connection_disconnect(DBusConnection *c);

/* Wakes threads that wait on `changed`. Locked. */
static inline void connection_changed(DBusConnection *c)
{
        if (c->n_waiting)
                pthread_cond_broadcast(&c->changed);
}

/* The main loop is to be woken, for there is something for it to do. Locked. */
static inline void connection_wake_main(DBusConnection *c)
{
        c->wakeups += c->wakeup_main.wakeup_main != NULL;
}

/* connection-main-loop.c */

/* Makes what a main loop gave us this thread's, which may have it already, and gives up the lock.
 * Others that replace it have to wait: nobody is called with data that has been freed. */
void main_loop_enter(DBusConnection *c);

/* Gives it back, and takes the lock. */
void main_loop_leave(DBusConnection *c);

/* received.c: what messages cost until they are freed. */
int received_new(struct received **rp, DBusConnection *c);
void received_add(struct received *r, DBusMessage *m);
bool received_is_over(struct received *r, long max_bytes, long max_fds);
void received_abandon(struct received *r); /* the connection goes */

/* connection-io.c: reading and writing. All locked. */

/* False while the application keeps more of what was received than it wanted to. */
static inline bool connection_may_read(DBusConnection *c)
{
        return !received_is_over(c->received, c->max_received_size, c->max_received_fds);
}

bool connection_read(DBusConnection *c);  /* what is there now, once; false: nothing was */
void connection_write(DBusConnection *c); /* as much as the socket takes */

/* Queues a message as if it had been received. Its reference is the queue's. */
void connection_receive(DBusConnection *c, DBusMessage *m);

/* How often processes were forked from one another until there was this one. */
unsigned process_number(void);

/* A process that was forked has a copy of the connection, but none of the threads that slept. */
void forget_sleepers(DBusConnection *c);

/* For the watch of the links. */
dbus_bool_t connection_handle_links(DBusWatch *w, unsigned flags, void *data);

/* How long to wait for memory, in milliseconds, where it is all that is missing. */
#define MEMORY_PAUSE 100

/* Before another attempt at what cannot be put back, for want of memory: the n-th, from 0. Sleeps,
 * for longer each time. Returns false when it was MEMORY_PAUSE and the halves of it, twice over. */
bool memory_pause(unsigned n);

/* What a thread waits for. */
enum io_wish { IO_READ = 1, IO_WRITE = 2 };

/* The deadline of a wait, in nanoseconds of CLOCK_MONOTONIC. */
#define DEADLINE_NEVER INT64_MAX
int64_t deadline_in(int milliseconds); /* negative: never */
uint64_t monotonic_now(void);          /* nanoseconds of CLOCK_MONOTONIC */

/*
 * Sleeps until something was read, written, closed, done by another thread, or the deadline is
 * over; reads and writes what can be. Gives up the lock meanwhile. Returns false if it is over.
 */
bool connection_wait(DBusConnection *c, unsigned wishes, int64_t deadline);

/* connection-send.c */

/* Gives a message a serial if it has none, and queues or writes it. Locked. Returns 0 or -ENOMEM.
 */
int connection_send(DBusConnection *c, DBusMessage *m, uint32_t *serial);

/* The serial of the next message. Locked. */
uint32_t connection_next_serial(DBusConnection *c);

/* True once both ends have agreed to pass descriptors, and after the end, too. Locked. */
bool connection_can_send_fds(const DBusConnection *c);

/* Milliseconds that a call waits unless it says otherwise: libdbus's default. */
#define DEFAULT_CALL_TIMEOUT 25000

/* The timeout that an application gave for a call, in milliseconds; negative: for ever. */
int timeout_of_call(int milliseconds);

/* connection-reply.c: replies that are awaited. All locked. */

/* Returns 0 or -ENOMEM. */
int awaited_add(DBusConnection *c, struct awaited *a, uint32_t serial);
void awaited_remove(DBusConnection *c, struct awaited *a);
struct awaited *awaited_find(const DBusConnection *c, uint32_t serial);

/* What an error says of a reply that did not come. */
struct awaited_end {
        const char *name, *text;
};

/*
 * How a wait for a reply has ended. As in libdbus, that the connection is closed is said only while
 * there is something received before that to be dispatched: with the signal `Disconnected` all
 * calls end like those whose time is over.
 */
struct awaited_end awaited_end(const DBusConnection *c);

/* The error that stands for a reply that did not come, in general and at this end of a wait. NULL:
 * no memory. */
DBusMessage *awaited_no_reply(uint32_t serial);
DBusMessage *awaited_ended(const DBusConnection *c, uint32_t serial);

/*
 * Queues that error for every pending call, which is then awaited no more. As in libdbus, nobody is
 * notified: the error is for filters to see. Returns 0, or -ENOMEM with some left.
 */
int awaited_fail_all(DBusConnection *c);

/* pending-call.c */

static inline DBusPendingCall *pending_of(struct awaited *a)
{
        return container_of(a, DBusPendingCall, awaited);
}

/* The reply of a pending call has come: its timeout is over. Locked. */
void pending_call_replied(DBusPendingCall *p);

/* Nobody awaits its reply any more. The table's reference goes when the lock is given up. Locked.
 */
void pending_call_give_up(DBusPendingCall *p);

/* Completes it with its reply, out of the queue, and calls the application. Unlocks. */
void pending_call_complete_and_unlock(DBusPendingCall *p);

/* Removes the timeouts in connection.timeouts_over: the lock is given up for each. */
void pending_calls_drop_timeouts(DBusConnection *c);

/* connection-queue.c: incoming messages and the dispatch status. All locked. */

DBusDispatchStatus dispatch_status(DBusConnection *c);

/* Tells the application of a status that it does not know yet, and unlocks. */
void dispatch_status_tell_and_unlock(DBusConnection *c, DBusDispatchStatus status);

void queue_remove(DBusConnection *c, DBusMessage *m);   /* the reference is the caller's then */
void queue_put_back(DBusConnection *c, DBusMessage *m); /* at the front */

/* Waits until no other thread dispatches or has borrowed a message. */
void dispatch_acquire(DBusConnection *c);
void dispatch_release(DBusConnection *c);

/* connection-filter.c */

/* Asks the filters that are there now. Unlocks while the application is called. */
DBusHandlerResult filters_run(DBusConnection *c, DBusMessage *m);
void filters_deinit(DBusConnection *c);

/* connection-peer.c: org.freedesktop.DBus.Peer of every connection. Locked. */
DBusHandlerResult peer_interface_run(DBusConnection *c, DBusMessage *m);

/* connection-object.c */

/* Sends a reply that was made, and gives up its reference. NULL: there was no memory for it.
 * Locked; returns HANDLED or NEED_MEMORY. */
DBusHandlerResult connection_answer(DBusConnection *c, DBusMessage *reply);

/* Asks the handlers of the message's path. Unlocks while the application is called. *is_object says
 * what struct object_handlers does. */
DBusHandlerResult objects_run(DBusConnection *c, DBusMessage *m, bool *is_object);

/* connection-open.c */

/* A shared connection has been closed: gives up the reference that opening it left here. Not
 * locked. */
void shared_forget(DBusConnection *c);

/* bus.c */

/* A connection has been closed: dbus_bus_get() is to make another one. Locked. */
void bus_forget(DBusConnection *c);
