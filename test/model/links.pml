/* SPDX-License-Identifier: MIT */

/*
 * Peer links: three connections of a bus, and the bus (README.md says what is left out).
 *
 * A configuration is a set of macros. Numbers that have to be given, 0 for what it is not about:
 *
 *   SENDS0, SENDS1, SENDS2   messages that a peer sends to anybody, or broadcasts, by itself
 *   CALLS0, CALLS2           calls that peer 0 makes to peer 1, or peer 2 to peer 1
 *   NAMED                    messages that peer 0 sends to the name, which moves from 1 to 2
 *   LINKS                    pairs that are linked from the beginning: 1: 0-1, 2: 0-2, 4: 1-2
 *   OFFERS                   links that the bus may offer
 *   JOINING                  peers that have to join in first: 1: 0, 2: 1, 4: 2
 *
 * and what may happen besides:
 *
 *   CLOSING=pair             0: 0-1, 1: 0-2, 2: 1-2: the link is shut down at any moment
 *   DECLINING                a peer does not want the link that it has
 *   DYING                    peer 1 ends at any moment
 *   FORGING                  peer 2 answers a call that was made to peer 1
 *   MONITOR                  peer 2 becomes a monitor
 *   MOVING                   the name moves
 *   WAKING=peer              it looks into its sockets once without a reason
 *
 * MANY_LINKS has to be said if a peer can have more than one: there are times then. FINE makes more
 * steps of a sending, NO_BROADCASTS leaves those out.
 *
 * BREAK_... leaves one rule of the protocol out.
 */

#define N_PEERS    3
#define N_MESSAGES (SENDS0 + SENDS1 + SENDS2 + 2 * N_CALLS + NAMED)
#define N_CALLS    (CALLS0 + CALLS2)
/* Longest queue. That nothing waits for room is asserted. */
#define ROOM       5

/* Numbers of messages: a bit each in a mask. A call's reply has the call's number + N_CALLS. */
#define CALL(caller, n)  ((caller == 0 -> 0 : CALLS0) + n)
#define REPLY(call)      (N_CALLS + call)
#define NAMED_FIRST      (2 * N_CALLS)
#define FREE_FIRST(p)                                                                              \
        (NAMED_FIRST + NAMED + (p > 0 -> SENDS0 : 0) + (p > 1 -> SENDS1 : 0))
#define FREE_SENDS(p)    (p == 0 -> SENDS0 : (p == 1 -> SENDS1 : SENDS2))
#define CALLS(p)         (p == 0 -> CALLS0 : (p == 2 -> CALLS2 : 0))
#define CALLER(call)     (call < CALLS0 -> 0 : 2)
#define CALLS_OF(p)      (p == 0 -> BIT(CALLS0) - 1 : BIT(N_CALLS) - BIT(CALLS0))
#define CALLEE           1
#define FORGER           2
#define MONITORING       2
#define BIT(n)           (1 << (n))

/* Destinations that are not one peer. */
#define EVERYBODY        3
#define THE_NAME         4
#define NOBODY           5

/* The link of two peers, and one direction of it. */
#define PAIR(a, b)       ((a) + (b) - 1)
#define FROM_TO(a, b)    ((a) * 2 + ((b) > (a) -> (b) - 1 : (b)))

mtype = { ordinary, call, reply, no_reply, enable, links_enabled, offer, closed, lost, acquired,
          names, answer };

/* Sockets. Of the bus: what, number (or mask, or peer), from whom, is a reply let through. */
chan to_bus[N_PEERS] = [ROOM] of { mtype, byte, byte };
chan from_bus[N_PEERS] = [ROOM] of { mtype, byte, byte, bit };
/* Of links: stamp, time, what, number, from whom. */
chan link[6] = [ROOM] of { byte, byte, mtype, byte, byte };
bit up[N_PEERS];    /* by pair: not shut down */
bit reset[N_PEERS]; /* by reader: its peer has gone, with something unread (ECONNRESET) */
bit alive[N_PEERS] = 1;

/* The clock pages, and the clock: it goes on with every message on a link. */
byte routed[N_PEERS], queued[N_PEERS];
byte now;

/* What is said of the order: which messages lead to a message or to a state of a peer. */
byte past[N_MESSAGES]; /* 0 once it has arrived everywhere */
byte knows[N_PEERS];
byte pending[N_PEERS]; /* messages that are on their way to a peer */
byte succeeded;        /* calls that have been answered: by a reply or by NoReply */

/* The bus's. */
bit joined[N_PEERS];
byte offers;           /* that it may still make */
byte tracked;          /* calls that it waits for a reply of */
byte let_through;      /* calls whose reply it let pass without having tracked them */
byte leaving[N_PEERS]; /* by pair: ends that have not said LinkClosed */
bit monitor_answered;
bit moved;             /* the name has another owner */
bit names_changed;     /* counted in a clock page */

#ifdef MOVING
#define OWNER (moved -> 2 : 1)
#else
#define OWNER 1
#endif

#include "peer.pml"
#include "bus.pml"

#ifdef CLOSING
/* A policy, a limit, or the peers themselves. */
proctype Closer()
{
        do
        :: up[CLOSING] -> up[CLOSING] = 0
        od
}
#endif

/* When nothing happens any more, everything has arrived that had to. */
proctype Checker()
{
        timeout;
        assert(!pending[0] && (!pending[1] || !alive[1]) && !pending[2]);
        assert(!tracked);
        assert(succeeded == BIT(N_CALLS) - 1);
}

init
{
        atomic {
                offers = OFFERS;
                joined[0] = !(JOINING & 1);
                joined[1] = !(JOINING & 2);
                joined[2] = !(JOINING & 4);
                up[0] = LINKS & 1;
                up[1] = (LINKS & 2) / 2;
                up[2] = (LINKS & 4) / 4;
                leaving[0] = (LINKS & 1 -> 3 : 0);
                leaving[1] = (LINKS & 2 -> 5 : 0);
                leaving[2] = (LINKS & 4 -> 6 : 0);
                run Bus();
                run Checker();
#ifdef CLOSING
                run Closer();
#endif
                run Peer(0);
                run Peer(1);
                run Peer(2);
        }
}
