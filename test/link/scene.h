/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A bus with clients that use our library, all in one process and one thread: each reads when it is
 * told to, so that a test decides who sees what when. What happens is the same with links and
 * without: all of it can be run with the reference daemon (DBUS_DIRECT_TEST_DAEMON) or library.
 */

#include <dbus/dbus.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon-fixture.h"

#define SCENE_PATH      "/org/example/Link"
#define SCENE_INTERFACE "org.example.Link"

struct scene;

struct party {
        struct scene *scene;
        DBusConnection *connection;
        const char *name;
        GQueue seen; /* DBusMessage: what its application was shown, but for what concerns the bus
                      */
        /* Is shown each of them, too. NULL: calls are answered with their arguments. */
        void (*handle)(struct party *p, DBusMessage *m);
        void *data;
        bool deaf; /* scene_turn() leaves it alone */
        bool mute; /* says nothing, not even that it is settled */
};

struct scene {
        struct daemon *daemon;
        GPtrArray *parties;
        DBusConnection *observer; /* who asks for the list of links */
        gint64 deadline;
};

/* `config`: elements, or NULL. */
struct scene *scene_new(const char *config);
/* Another scene, on a daemon that is there: of another process. */
struct scene *scene_on(struct daemon *d);
/* With the links of all that is in it. Returns NULL. */
struct scene *scene_free(struct scene *s);

struct party *party_new(struct scene *s);
/* Hangs up. Returns NULL. */
struct party *party_free(struct party *p);
/* Forgets what it has seen. */
void party_forget(struct party *p);
void party_match(struct party *p, const char *rule);
void party_own(struct party *p, const char *name, unsigned flags);
/* How many messages with this member it has seen. */
unsigned party_count(const struct party *p, const char *member);

/* One party reads, writes and dispatches once. Returns true if something was dispatched. */
bool party_turn(struct party *p);
/* All that are not deaf do. Fails the test after a minute. */
void scene_turn(struct scene *s);
/* Turns until whatever has been sent so far must have come. */
void scene_settle(struct scene *s);

/* Messages with a number. `to` NULL: a broadcast. */
DBusMessage *numbered_new(int type, const char *to, const char *member, uint32_t n);
uint32_t numbered(DBusMessage *m);
/* Sends one, and returns its serial; a call wants no reply. */
uint32_t party_say(struct party *p, const char *to, const char *member, uint32_t n);
uint32_t party_signal(struct party *p, const char *to, const char *member, uint32_t n);
/* A call that wants a reply, which will be in `seen`. `pending`, if not NULL, is to be
 * unreferenced. */
uint32_t party_call(struct party *p, const char *to, const char *member, uint32_t n,
                    DBusPendingCall **pending);
/* To be told of the reply of a call that was sent otherwise: it will be in `seen`, too. */
void party_show_reply(DBusPendingCall *pending, void *party);
/* Answers a call with its arguments, if an answer is wanted. */
void party_answer(struct party *p, DBusMessage *call);

/* Has one call the other and waits for the reply. */
void round_trip(struct party *a, struct party *b);

struct listed_end {
        char name[64];
        uint64_t messages, bytes;
};

struct listed {
        uint32_t id;
        uint64_t age, idle;
        struct listed_end ends[2]; /* as they were asked for */
};

/* True if there are links at all: the daemon and the library are ours. */
bool scene_has_links(const struct scene *s);
/* The open link between two names, as ListLinks shows it. */
bool link_find(struct scene *s, const char *a, const char *b, struct listed *l);
/* The link of a test that cannot do without: fails if there is none. */
void link_get(struct scene *s, const struct party *a, const struct party *b, struct listed *l);
unsigned link_count(struct scene *s);
/* Why the list says that two have no link, to be freed; NULL: it does not. */
char *link_why_not(struct scene *s, const char *a, const char *b);
/* Has two call each other until they have a link that both use. */
void link_up(struct party *a, struct party *b);
/* Messages that went over the link of two parties: 0 without a link. */
uint64_t link_messages(const struct party *a, const struct party *b);

/* Stops a process that is our child, and waits until it has stopped; and lets it go on. */
void process_stop(pid_t pid);
void process_continue(pid_t pid);

/* Has the daemon read a new configuration, with these elements. The first returns false if it does
 * not like it. */
bool scene_try_reload(struct scene *s, const char *config);
void scene_reload(struct scene *s, const char *config);
/* Calls a method of the bus from the observer, with a string or NULL. */
void scene_tell_bus(struct scene *s, const char *member, const char *text);
