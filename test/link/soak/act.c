/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "worker.h"

/* Impatient callers wait so long: they may wait for each other. */
#define PATIENCE_MS 400

static uint32_t choose_slot(struct worker *w, bool higher)
{
        uint32_t first = w->slot / N_PER_TRIO * N_PER_TRIO, n = N_PER_TRIO;

        if (random_chance(w, 12)) {
                first = 0;
                n = N_WORKERS;
        }
        if (higher && first + n > w->slot + 1) {
                n -= w->slot + 1 - first;
                first = w->slot + 1;
        }
        return first + random_below(w, n);
}

const char *choose_peer(struct worker *w, char *name, bool higher)
{
        uint32_t slot = choose_slot(w, higher), kind = random_below(w, 100);

        if (slot == w->slot || slot >= N_WORKERS || (higher && slot < w->slot) ||
            !w->peers[slot].unique[0])
                return NULL;
        if (kind < 80 || (higher && kind < 90))
                snprintf(name, 32, "%s", w->peers[slot].unique);
        else if (higher || kind < 90)
                snprintf(name, 32, WORKER_NAME, slot);
        else /* mostly one that its trio has, so that it is in use while it moves */
                snprintf(name, 32, MOVING_NAME,
                         random_chance(w, 80) ? w->slot / N_PER_TRIO : random_below(w, N_NAMES));
        return name;
}

static uint32_t choose_size(struct worker *w)
{
        uint32_t kind = random_below(w, 1000);

        if (kind < 900)
                return random_below(w, 200);
        if (kind < 990)
                return random_below(w, 16 * 1024);
        return kind < 998 ? random_below(w, 128 * 1024) : random_below(w, 1024 * 1024);
}

void choose_saying(struct worker *w, struct saying *s)
{
        static const uint8_t wishes[] = {
                [WISH_NOTHING] = 30, [WISH_HOLD] = 12,  [WISH_ERROR] = 5, [WISH_SIGNAL] = 12,
                [WISH_CAST] = 3,     [WISH_RELAY] = 20, [WISH_CALL] = 12, [WISH_BLOCK] = 6,
        };
        uint32_t kind = random_below(w, 100);

        s->restricted = random_chance(w, 10);
        s->size = choose_size(w);
        s->n_fds = random_chance(w, 2) ? 1 + random_below(w, 4) : 0;
        s->third = w->slot / N_PER_TRIO * N_PER_TRIO + random_below(w, N_PER_TRIO);
        s->wish = WISH_NOTHING;
        for (uint32_t i = 0; i < N_WISHES; ++i) {
                if (kind < wishes[i]) {
                        s->wish = (enum wish)i;
                        break;
                }
                kind -= wishes[i];
        }
}

static void call_someone(struct worker *w, bool no_reply)
{
        struct saying s = {.type = DBUS_MESSAGE_TYPE_METHOD_CALL, .no_reply = no_reply};
        char name[32];

        s.destination = choose_peer(w, name, false);
        choose_saying(w, &s);
        if (no_reply && (s.wish == WISH_HOLD || s.wish == WISH_CALL))
                s.wish = WISH_RELAY;
        if (s.destination)
                say(w, &s, NULL);
}

/* Blocks: for those of higher slots only, so that nobody waits for one who waits for him. Who has a
 * name that moves is not known, so the wait for that is short. */
static void block_on_someone(struct worker *w)
{
        struct saying s = {.type = DBUS_MESSAGE_TYPE_METHOD_CALL};
        bool moving = random_chance(w, 15);
        char name[32];

        s.destination = choose_peer(w, name, !moving);
        choose_saying(w, &s);
        /* Who is asked then could ask us, who do not hear. */
        if (s.wish == WISH_CALL)
                s.wish = WISH_HOLD;
        if (s.destination)
                say_blocking(w, &s, moving ? PATIENCE_MS : DBUS_TIMEOUT_INFINITE);
}

static void tell_someone(struct worker *w)
{
        struct saying s = {.type = DBUS_MESSAGE_TYPE_SIGNAL};
        char name[32];

        s.destination = choose_peer(w, name, false);
        choose_saying(w, &s);
        if (s.destination)
                say(w, &s, NULL);
}

static void tell_all(struct worker *w)
{
        struct saying s = {.type = DBUS_MESSAGE_TYPE_SIGNAL, .size = 32};

        s.restricted = random_chance(w, 20);
        say(w, &s, NULL);
}

/* Tells one of its trio something, then the other, who is to tell the first at once. */
static void race_once(struct worker *w)
{
        uint32_t first = w->slot / N_PER_TRIO * N_PER_TRIO;
        uint32_t near = first + (w->slot + 1 + random_below(w, 2)) % N_PER_TRIO;
        uint32_t far = 3 * first + 3 - w->slot - near;
        struct saying s = {.type = DBUS_MESSAGE_TYPE_SIGNAL, .size = 8, .third = near};

        if (near == w->slot || !w->peers[near].unique[0] || !w->peers[far].unique[0])
                return;
        if (random_chance(w, 20)) /* the first message by the bus */
                s.destination = NULL;
        else
                s.destination = w->peers[near].unique;
        say(w, &s, NULL);
        s.wish = WISH_RELAY;
        s.destination = w->peers[far].unique;
        say(w, &s, NULL);
}

/* More than once, so that the one who hears of it twice is still at it. */
static void race(struct worker *w)
{
        uint32_t n = 1 + random_below(w, 6);

        for (uint32_t i = 0; i < n; ++i)
                race_once(w);
}

static void move_a_name(struct worker *w)
{
        uint32_t i = random_chance(w, 70) ? w->slot / N_PER_TRIO : random_below(w, N_NAMES);
        struct record r = {.event = EVENT_REQUESTED};
        char name[32];
        int result;

        snprintf(name, sizeof(name), MOVING_NAME, i);
        if (random_chance(w, 20)) {
                r.event = EVENT_RELEASED;
                result = dbus_bus_release_name(w->connection, name, NULL);
        } else {
                result = dbus_bus_request_name(w->connection, name,
                                               DBUS_NAME_FLAG_ALLOW_REPLACEMENT |
                                                       DBUS_NAME_FLAG_REPLACE_EXISTING |
                                                       DBUS_NAME_FLAG_DO_NOT_QUEUE,
                                               NULL);
        }
        r.size = (uint32_t)result;
        log_add(&w->log, &r, name, NULL);
}

void act(struct worker *w)
{
        uint32_t kind = random_below(w, 10000);

        if (kind < 5400)
                call_someone(w, false);
        else if (kind < 6600)
                call_someone(w, true);
        else if (kind < 7200)
                block_on_someone(w);
        else if (kind < 8300)
                tell_someone(w);
        else if (kind < 8600)
                tell_all(w);
        else if (kind < 9985)
                race(w);
        else
                move_a_name(w);
}
