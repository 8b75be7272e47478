/* SPDX-License-Identifier: MIT */
#pragma once

#include <dbus/dbus.h>
#include <stdbool.h>
#include <stdint.h>

#include "log.h"

/* One process of the soak: who it is, whom it knows, and what it has still to do. */

#define N_WORKERS  12
#define N_PER_TRIO 3
#define N_NAMES    4 /* that move between processes */

#define WORKER_NAME          "soak.Worker%u" /* of a slot, whoever is in it */
#define MOVING_NAME          "soak.Moving%u"
#define SOAK_PATH            "/soak"
#define FREE_INTERFACE       "soak.Free"
#define RESTRICTED_INTERFACE "soak.Restricted"

/* What the receiver of a message is to do about it. */
enum wish {
        WISH_NOTHING, /* but answer */
        WISH_HOLD,    /* answer later */
        WISH_ERROR,   /* answer with an error */
        WISH_SIGNAL,  /* tell the sender something first */
        WISH_CAST,    /* tell everybody something first */
        WISH_RELAY,   /* tell a third something at once */
        WISH_CALL,    /* answer when another call has been answered */
        WISH_BLOCK,   /* the same, and do nothing else meanwhile */
        N_WISHES,
};

/* What the driver says, to all: soak.py writes it. */
struct control {
        uint32_t phase; /* 0: talk; n: say nothing more, pass barrier n; PHASE_END */
        uint32_t gap;   /* mean time between what a worker starts by itself, in us */
};

#define PHASE_END 100

struct peer {
        char unique[16]; /* "": nobody is there */
};

/* A call whose answer has to wait. */
struct held {
        struct held *next;
        DBusMessage *call;
        uint64_t due; /* 0: another call's reply is awaited */
};

/* Which of our messages has a serial: the last of them. */
#define N_SERIALS 8192

struct worker {
        DBusConnection *connection;
        struct log log;
        const volatile struct control *control;
        uint64_t random;
        uint32_t slot, incarnation, n_sent;
        uint32_t barrier_asked;
        bool lost_bus, barrier_pending;
        struct peer peers[N_WORKERS];
        bool owns[N_NAMES];
        struct held *held;
        struct {
                uint32_t serial;
                uint64_t id;
        } serials[N_SERIALS];
};

/* random.c */
uint64_t random_next(struct worker *w);
uint32_t random_below(struct worker *w, uint32_t n);
bool random_chance(struct worker *w, uint32_t percent);

/* say.c */
struct saying {
        int type;                /* DBUS_MESSAGE_TYPE_METHOD_CALL or _SIGNAL */
        const char *destination; /* NULL: a broadcast */
        bool restricted, no_reply;
        enum wish wish;
        uint32_t third; /* slot that the wish is about */
        uint32_t size;  /* of the payload */
        uint32_t n_fds;
};

/* Tells, or calls without waiting for the reply; `answer` is answered when the reply comes. */
void say(struct worker *w, const struct saying *s, DBusMessage *answer);
/* Calls and blocks. */
void say_blocking(struct worker *w, const struct saying *s, int timeout_ms);
void say_reply(struct worker *w, DBusMessage *call, bool error);
/* Reads what a message says, and looks whether it arrived as it left. */
uint64_t saying_read(struct worker *w, DBusMessage *m, enum wish *wish, uint32_t *third,
                     uint64_t *time);
/* Who says what, also in a reply; 0 if the bus or the library made it. */
uint64_t saying_id(DBusMessage *m);
uint64_t serial_to_id(const struct worker *w, uint32_t serial);
void note_wrong(struct worker *w, uint64_t id, const char *what);

/* hear.c */
DBusHandlerResult hear(DBusConnection *c, DBusMessage *m, void *worker);
/* Answers the calls whose time has come, all of them if nobody is to wait. */
void answer_held(struct worker *w, bool all);

/* act.c */
/* Does something at random that nobody asked for. */
void act(struct worker *w);
/* A peer, mostly a near one; its name in `name`, which has room for 32. NULL: nobody is there. */
const char *choose_peer(struct worker *w, char *name, bool higher);
void choose_saying(struct worker *w, struct saying *s);

/* loop.c */
/* Has the application's own loop look after the connection's watches. */
void loop_attach(DBusConnection *c);
/* Waits for the connection, for at most so long, and dispatches what it has. */
void loop_turn(DBusConnection *c, bool own, int timeout_ms);

/* join.c */
DBusConnection *connect_to(const char *address);
/* Makes itself known, and learns of the others. */
void join(struct worker *w, const char *address);
void note_owner(struct worker *w, const char *name, const char *owner);
void pass_barrier(struct worker *w);

/* monitor.c */
int monitor_main(const char *address, const char *log, const char *how);
/* errand.c */
int errand_reload(const char *address);
int errand_totals(const char *address);
