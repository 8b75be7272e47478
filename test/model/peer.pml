/* SPDX-License-Identifier: MIT */

/* A connection: it sends, reads and receives as the protocol wants it. */

/* Something can be read of a link, be it its end. */
#define READABLE(peer)                                                                             \
        ((open & BIT(peer)) && (len(link[FROM_TO(peer, me)]) > 0 || !up[PAIR(peer, me)]))

#ifdef BREAK_STAMP
#define HAS_PLACE(stamp) true
#else
#define HAS_PLACE(stamp) ((stamp) <= taken)
#endif

/* The time of the cut; 255: all that is read has its predecessors with it. */
#ifdef BREAK_CUT
#define MANY_OPEN 255
#else
#define MANY_OPEN (((open & (open - 1)) != 0) -> now : 255)
#endif

#ifdef BREAK_ROUTED
#define IS_SETTLED true
#else
#define IS_SETTLED (routed[me] == sent)
#endif

#ifdef BREAK_ROAD
#define IS_OF_LINK true
#else
#define IS_OF_LINK (what != reply || (owed_to_link & BIT(number - N_CALLS)))
#endif

#define IS_NAMED (number >= NAMED_FIRST && number < NAMED_FIRST + NAMED)

#ifdef BREAK_EPOCH
#define MAY_USE_NAME (!IS_NAMED || names_changed == names_told)
#else
#define MAY_USE_NAME true
#endif

/* A message has its place at `me`: what leads to it must not have been overtaken. */
inline see(number)
{
        assert(!(knows[me] & BIT(number)));
        knows[me] = knows[me] | past[number] | BIT(number);
        pending[me] = pending[me] & ~BIT(number);
        past[number] = (((pending[0] | pending[1] | pending[2]) & BIT(number)) -> past[number] : 0)
}

/* A reply has its place, by a link or by the bus (perhaps let through, untracked). */
inline accept_reply(c, whose, by_link, is_let_through)
{
        if
        :: (awaited & BIT(c)) && (called_by_link & BIT(c)) && whose == CALLEE -> reply_is_good = 1
#ifdef BREAK_MARK
        :: (awaited & BIT(c)) && !(called_by_link & BIT(c)) && !by_link -> reply_is_good = 1
#else
        :: (awaited & BIT(c)) && !(called_by_link & BIT(c)) && !by_link && !is_let_through ->
           reply_is_good = 1
#endif
        :: else -> reply_is_good = 0
        fi;
        if
        :: reply_is_good ->
           assert(whose == CALLEE);
           assert(!(succeeded & BIT(c)));
           awaited = awaited & ~BIT(c);
           succeeded = succeeded | BIT(c);
           see(REPLY(c))
        :: else
        fi
}

inline receive_frame()
{
        accepted?_, _, what, number, whose;
        if
        :: what == reply -> accept_reply(number - N_CALLS, whose, true, false)
        :: what == call ->
           see(number);
           owed = owed | BIT(number);
           owed_to_link = owed_to_link | BIT(number)
        :: what == ordinary ->
#if NAMED > 0
           /* Who does not own the name refuses what is sent to it. */
           assert(!IS_NAMED || owns_name);
#endif
           see(number)
        fi
}

inline receive_from_bus()
{
        from_bus[me]?what, number, whose, is_let_through;
        taken++;
        batch--;
        if
        :: what == ordinary -> see(number)
        :: what == call ->
           see(number);
           owed = owed | BIT(number)
        :: what == reply -> accept_reply(number - N_CALLS, whose, false, is_let_through)
        :: what == no_reply ->
           assert((awaited & number) == number);
           awaited = awaited & ~number;
           succeeded = succeeded | number
        :: what == offer ->
           linked = linked | BIT(number);
           open = open | BIT(number);
#ifndef BREAK_OFFER
           is_offered = 1
#endif
        :: what == lost -> owns_name = 0
        :: what == acquired -> owns_name = 1
        :: what == names ->
           named = number;
           names_told = 1
        :: else
        fi
}

/* What is in the socket of a link. The end comes behind everything that was sent. */
inline drain(peer)
{
        d_step {
                if
                :: open & BIT(peer) ->
#ifdef BREAK_RESET
                   if
                   :: reset[me] -> open = open & ~BIT(peer)
                   :: else
                   fi;
#endif
                   do
                   :: (open & BIT(peer)) && len(link[FROM_TO(peer, me)]) > 0 ->
                      link[FROM_TO(peer, me)]?stamp, time, what, number, _;
#ifdef BREAK_EARLY
                      assert(!IS_NAMED || owns_name);
#endif
#ifdef MANY_LINKS
                      waiting!!stamp, time, what, number, peer
#else
                      waiting!stamp, time, what, number, peer
#endif
                   :: else -> break
                   od;
                   if
                   :: !up[PAIR(peer, me)] -> open = open & ~BIT(peer)
                   :: else
                   fi
                :: else
                fi;
                stamp = 0; time = 0; what = 0; number = 0
        }
}

/* What was sent no later than the cut has its predecessors in it. */
inline close_cut()
{
        number = len(waiting);
        do
        :: number > 0 ->
           number--;
           waiting?stamp, time, what, d, whose;
           assert(nfull(accepted));
           if
#ifdef MANY_LINKS
           :: time <= cut -> accepted!!stamp, time, what, d, whose
#else
           :: time <= cut -> accepted!stamp, time, what, d, whose
#endif
           :: else -> waiting!stamp, time, what, d, whose
           fi
        :: else -> break
        od
}

/* The end of a link has been read, and all that was in it has its place. */
inline bury(peer)
{
        if
        :: (linked & BIT(peer)) && !(open & BIT(peer)) && len(waiting) == 0 && len(accepted) == 0 ->
           linked = linked & ~BIT(peer);
#if N_CALLS > 0 || OFFERS > 0
           sent++;
           assert(nfull(to_bus[me]));
           to_bus[me]!closed, (peer == CALLEE -> awaited & of_link : 0), peer;
#endif
#ifndef BREAK_TWICE
           of_link = (peer == CALLEE -> 0 : of_link);
#endif
#ifndef BREAK_THIS_LINK
           owed_to_link = owed_to_link & ~CALLS_OF(peer)
#endif
        :: else
        fi
}

/* Everything that has its place, in the order of the bus's messages. */
inline take_places()
{
        do
        :: len(accepted) > 0 ->
           accepted?<stamp, time, what, number, whose>;
           if
           :: HAS_PLACE(stamp) -> receive_frame()
           :: !HAS_PLACE(stamp) && batch && !is_offered -> receive_from_bus()
           :: else -> break
           fi
        :: len(accepted) == 0 && batch && !is_offered -> receive_from_bus()
        :: else -> break
        od
}

inline forget_scratch()
{
        what = 0;
        number = 0;
        whose = 0;
        stamp = 0;
        time = 0;
        d = 0;
        is_let_through = 0;
        reply_is_good = 0
}

inline send_to_link()
{
        assert(nfull(link[FROM_TO(me, d)]));
        link[FROM_TO(me, d)]!stamp, time, what, number, me;
        pending[d] = pending[d] | BIT(number);
        assert(!monitor_answered);
#if NAMED > 0 && !defined(BREAK_EPOCH)
        assert(!IS_NAMED || d == OWNER);
#endif
        if
        :: what == call ->
           called_by_link = called_by_link | BIT(number);
           of_link = of_link | BIT(number)
        :: what == reply -> owed_to_link = owed_to_link & ~BIT(number - N_CALLS)
        :: else
        fi;
        forget_scratch()
}

inline die()
{
        alive[me] = 0;
        reset[0] = len(link[FROM_TO(0, CALLEE)]) > 0;
        reset[2] = len(link[FROM_TO(2, CALLEE)]) > 0;
        up[PAIR(0, CALLEE)] = 0;
        up[PAIR(2, CALLEE)] = 0
}

proctype Peer(byte me)
{
        chan waiting = [ROOM] of { byte, byte, mtype, byte, byte };  /* for a cut */
        chan accepted = [ROOM] of { byte, byte, mtype, byte, byte }; /* in a cut, for their place */
        byte sent, taken, batch, cut;
        byte linked, open; /* masks of peers */
        byte n_free, n_called, n_named;
        /* Masks of calls: made, by a link, by the present link; to be answered, by that link. */
        byte awaited, called_by_link, of_link, owed, owed_to_link;
        byte named = 1; /* the peer that owns the name, if there is a link to it */
        bit owns_name = (me == 1);
        bit is_offered, has_joined, has_woken, names_told;
        /* Scratch. */
        mtype what;
        byte number, whose, stamp, time, d;
        bit is_let_through, reply_is_good;

        d_step {
                linked = (me == 0 -> (LINKS & 3) * 2 : (me == 1 -> (LINKS & 1) | (LINKS & 4)
                                                                 : (LINKS & 6) / 2));
                open = linked
        }
again:
        do
        :: atomic {
                n_free < FREE_SENDS(me) ->
                what = ordinary;
                number = FREE_FIRST(me) + n_free;
                n_free++;
                if
                :: d = (me + 1) % N_PEERS
                :: d = (me + 2) % N_PEERS
#ifndef NO_BROADCASTS
                :: d = EVERYBODY
#endif
                fi;
                goto send
           }
#if N_CALLS > 0
        :: atomic {
                n_called < CALLS(me) ->
                what = call;
                number = CALL(me, n_called);
                n_called++;
                awaited = awaited | BIT(number);
                d = CALLEE;
                goto send
           }
        :: atomic {
                owed ->
                what = reply;
                number = 0;
                do
                :: owed & BIT(number) -> break
                :: owed & ~(BIT(number + 1) - 1) -> number++
                od;
                owed = owed & ~BIT(number);
                d = CALLER(number);
                number = REPLY(number);
                goto send
           }
#endif
#if NAMED > 0
        :: atomic {
                me == 0 && n_named < NAMED ->
                what = ordinary;
                number = NAMED_FIRST + n_named;
                n_named++;
                d = named;
                goto send
           }
#endif
#ifdef FORGING
        :: atomic {
                me == FORGER && !n_called ->
                n_called = 1;
                sent++;
                to_bus[me]!reply, REPLY(0), 0
           }
        :: atomic {
                me == FORGER && !n_called && (open & 1) && up[PAIR(0, FORGER)] ->
                n_called = 1;
                now++;
                link[FROM_TO(FORGER, 0)]!queued[0], now, reply, REPLY(0), FORGER
           }
#endif
#if JOINING > 0
        :: atomic {
                (JOINING & BIT(me)) && !has_joined ->
                has_joined = 1;
                sent++;
                assert(nfull(to_bus[me]));
                to_bus[me]!enable, 0, 0
           }
#endif
#ifdef DECLINING
        /* It does not want the link. It takes what has been sent already. */
        :: atomic {
                (open & BIT((me + 1) % N_PEERS)) && up[PAIR(me, (me + 1) % N_PEERS)] ->
                up[PAIR(me, (me + 1) % N_PEERS)] = 0;
#ifdef BREAK_DECLINE
                open = open & ~BIT((me + 1) % N_PEERS)
#endif
           }
#endif
#ifdef DYING
        :: atomic {
                me == CALLEE ->
                die();
                goto dead
           }
#endif
        :: atomic {
                len(from_bus[me]) > 0 || len(waiting) > 0 || READABLE((me + 1) % N_PEERS) ||
                READABLE((me + 2) % N_PEERS) ->
#ifndef BREAK_DRAIN
                batch = len(from_bus[me])
#endif
           }
           goto read
#ifdef WAKING
        /* An application may look whether there is something, at any time. */
        :: atomic {
                me == WAKING && !has_woken ->
                has_woken = 1
           }
           goto read
#endif
        od;

send:
        atomic {
                past[number] = knows[me];
                knows[me] = knows[me] | BIT(number);
                if
                :: d < N_PEERS && (open & BIT(d)) && IS_SETTLED && IS_OF_LINK && MAY_USE_NAME ->
                   stamp = queued[d]
                :: goto send_to_bus
                fi
        }
        d_step {
#ifdef MANY_LINKS
                now++;
#endif
                time = now
        }
        atomic {
                if
                :: up[PAIR(me, d)] -> send_to_link()
                :: else -> goto send_to_bus
                fi;
                goto again
        }

send_to_bus:
        atomic {
                assert(nfull(to_bus[me]));
                sent++;
                to_bus[me]!what, number, (IS_NAMED -> THE_NAME : d);
                forget_scratch();
                goto again
        }

read:
        atomic {
                cut = MANY_OPEN;
                drain((me + 1) % N_PEERS)
        }
        atomic {
                drain((me + 2) % N_PEERS);
#ifdef BREAK_DRAIN
                batch = (is_offered -> batch : len(from_bus[me]));
#endif
                is_offered = 0;
                close_cut();
                cut = 0;
                take_places();
                forget_scratch();
                if
                /* What was sent before the link was known goes ahead of the next from the bus. */
                :: is_offered -> goto read
                :: else
                fi;
                bury((me + 1) % N_PEERS);
                bury((me + 2) % N_PEERS);
                goto again
        }

dead:
        skip
}
