/* SPDX-License-Identifier: MIT */

/* The bus: it takes one message at a time, and does all that follows from it. */

typedef output {
        mtype what;
        byte number, from;
        bit is_let_through
}

/* Puts a message on its way to a peer. */
inline put(peer, kind, n, whose, mark)
{
        receivers = receivers | BIT(peer);
        out[peer].what = kind;
        out[peer].number = n;
        out[peer].from = whose;
        out[peer].is_let_through = mark
}

/* `queued` of all receivers, before any of them can act on what it is sent. */
inline store_queued()
{
#ifdef BREAK_QUEUED
        skip
#else
        queued[0] = queued[0] + (receivers & 1);
        queued[1] = queued[1] + (receivers & 2) / 2;
        queued[2] = queued[2] + (receivers & 4) / 4
#endif
}

inline write_to(peer)
{
        receivers = receivers & ~BIT(peer);
#ifdef BREAK_QUEUED
        queued[peer] = queued[peer] + 1;
#endif
        if
        :: alive[peer] ->
           assert(nfull(from_bus[peer]));
           from_bus[peer]!out[peer].what, out[peer].number, out[peer].from,
                   out[peer].is_let_through
        :: else
        fi;
        out[peer].what = 0;
        out[peer].number = 0;
        out[peer].from = 0;
        out[peer].is_let_through = 0
}

/* Sends a copy of the message that is being routed. */
inline copy_to(peer, mark)
{
        put(peer, what, number, from, mark);
        pending[peer] = pending[peer] | BIT(number)
}

inline route_ordinary()
{
        if
        :: d == EVERYBODY && from != 0 -> copy_to(0, 0)
        :: else
        fi;
        if
        :: d == EVERYBODY && from != 1 -> copy_to(1, 0)
        :: else
        fi;
        if
        :: d == EVERYBODY && from != 2 -> copy_to(2, 0)
        :: d == THE_NAME -> copy_to(OWNER, 0)
        :: d < N_PEERS -> copy_to(d, 0)
        :: else
        fi
}

inline route_call()
{
        if
        :: gone -> put(from, no_reply, BIT(number), 0, 0)
        :: else ->
           tracked = tracked | BIT(number);
           copy_to(CALLEE, 0)
        fi
}

#ifdef BREAK_UNTRACKED
#define MAY_PASS up[PAIR(d, from)]
#else
#define MAY_PASS (leaving[PAIR(d, from)] & BIT(d))
#endif

/* To a call that is tracked; or between linked peers, to one that the bus knows nothing of. */
inline route_reply()
{
        if
        :: tracked & BIT(number - N_CALLS) ->
           if
           :: from == CALLEE ->
              tracked = tracked & ~BIT(number - N_CALLS);
              copy_to(d, 0)
           :: else
           fi
        :: !(tracked & BIT(number - N_CALLS)) && MAY_PASS ->
           if
           :: from == CALLEE ->
              let_through = let_through | BIT(number - N_CALLS);
              copy_to(d, 1)
           :: else -> put(d, what, number, from, 1)
           fi
        :: else
        fi
}

#ifdef BREAK_SUBTRACT
#define TO_ADOPT number
#else
#define TO_ADOPT (number & ~let_through)
#endif

/* LinkClosed: the bus waits, with the caller, for the replies that it names. */
inline adopt_calls()
{
        up[PAIR(from, d)] = 0;
        leaving[PAIR(from, d)] = leaving[PAIR(from, d)] & ~BIT(from);
        number = TO_ADOPT;
        if
#ifndef BREAK_GONE
        :: gone && number -> put(from, no_reply, number, 0, 0)
#endif
        :: else -> tracked = tracked | number
        fi
}

inline depart()
{
        gone = 1;
        leaving[PAIR(0, CALLEE)] = leaving[PAIR(0, CALLEE)] & ~BIT(CALLEE);
        leaving[PAIR(2, CALLEE)] = leaving[PAIR(2, CALLEE)] & ~BIT(CALLEE);
        number = tracked & CALLS_OF(0);
        if
        :: number -> put(0, no_reply, number, 0, 0)
        :: else
        fi;
        number = tracked & CALLS_OF(2);
        if
        :: number -> put(2, no_reply, number, 0, 0)
        :: else
        fi;
        number = 0;
        tracked = 0
}

#define MAY_OFFER(a, b) (offers && joined[a] && joined[b] && !leaving[PAIR(a, b)] && !is_watched)

inline offer_link(a, b)
{
        offers--;
        up[PAIR(a, b)] = 1;
        leaving[PAIR(a, b)] = BIT(a) | BIT(b);
        put(a, offer, b, 0, 0);
        put(b, offer, a, 0, 0);
        store_queued()
}

proctype Bus()
{
        output out[N_PEERS];
        byte receivers; /* of what is being routed */
        byte from = NOBODY, number, d;
        mtype what;
        bit gone, is_watched, is_moving;

again:
        do
        :: atomic { nempty(to_bus[0]) -> from = 0 } -> break
        :: atomic { nempty(to_bus[1]) -> from = 1 } -> break
        :: atomic { nempty(to_bus[2]) -> from = 2 } -> break
#ifdef DYING
        :: atomic {
                !alive[CALLEE] && empty(to_bus[CALLEE]) && !gone ->
                depart();
                store_queued()
           } -> goto writing
#endif
#if OFFERS > 0
        :: atomic { MAY_OFFER(0, 1) -> offer_link(0, 1) } -> goto writing
        :: atomic { MAY_OFFER(0, 2) -> offer_link(0, 2) } -> goto writing
        :: atomic { MAY_OFFER(1, 2) -> offer_link(1, 2) } -> goto writing
#endif
#ifdef MONITOR
        :: atomic { !is_watched -> is_watched = 1 } -> goto watch
#endif
#ifdef MOVING
        :: atomic { !is_moving -> is_moving = 1 } -> goto move
#endif
        od;
        atomic {
                to_bus[from]?what, number, d;
                if
                :: what == ordinary -> route_ordinary()
                :: what == call -> route_call()
                :: what == reply -> route_reply()
                :: what == enable ->
                   joined[from] = 1;
                   put(from, links_enabled, 0, 0, 0)
                :: what == closed -> adopt_calls()
                fi;
                what = 0; number = 0; d = 0;
                store_queued()
        }

writing:
        do
        :: atomic { receivers & 1 -> write_to(0) }
        :: atomic { receivers & 2 -> write_to(1) }
        :: atomic { receivers & 4 -> write_to(2) }
        :: !receivers -> break
        od;
        atomic {
                if
                :: from != NOBODY -> routed[from] = routed[from] + 1
                :: else
                fi;
                from = NOBODY
        }
        goto again;

#ifdef MONITOR
watch:
#ifndef BREAK_MONITOR
        up[0] = 0;
        up[1] = 0;
        up[2] = 0;
#endif
        atomic {
                put(MONITORING, answer, 0, 0, 0);
                store_queued()
        }
        d_step {
                write_to(MONITORING);
                monitor_answered = 1
        }
        up[0] = 0;
        up[1] = 0;
        up[2] = 0;
        goto again;
#endif

#ifdef MOVING
move:
        /* Links of the old owner end before anything of the change can be seen. */
#ifdef BREAK_EPOCH
        names_changed = 1;
#elif !defined(BREAK_NAMES)
        up[PAIR(0, 1)] = 0;
        up[PAIR(1, 2)] = 0;
#endif
#ifdef BREAK_ACQUIRED
        atomic {
                moved = 1;
                put(0, names, 2, 0, 0);
                store_queued()
        }
        d_step { write_to(0) }
        d_step {
                put(1, lost, 0, 0, 0);
                put(2, acquired, 0, 0, 0);
                store_queued()
        }
#else
        atomic {
                moved = 1;
                put(0, names, 2, 0, 0);
                put(1, lost, 0, 0, 0);
                put(2, acquired, 0, 0, 0);
                store_queued()
        }
#endif
        goto writing
#endif
}
