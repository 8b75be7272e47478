/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bus/announce.h"
#include "bus/driver-call.h"
#include "bus/log.h"

/* Parses the rule that is the next argument. Returns 0, or -1 with the fault set. */
static int read_rule(struct driver_call *c, struct reader *from, struct match_rule **rulep)
{
        const char *text;
        char *error = NULL;
        uint32_t length;
        int r;

        reader_string(from, &text, &length);
        r = match_rule_new(rulep, text, length, &error);
        if (r < 0)
                return fault_no_memory(c->fault);
        if (r > 0)
                return fault_take(
                        c->fault,
                        r == MATCH_E_TOO_LONG ? ERROR_LIMITS_EXCEEDED : ERROR_MATCH_INVALID, error);
        return 0;
}

static void note_rules(struct bus *bus, struct peer *p)
{
        unsigned of_peer = p->rules.n_rules + p->eavesdrop_rules.n_rules;

        if (bus_count_rules(bus) > bus->peaks.rules)
                bus->peaks.rules = (unsigned)bus_count_rules(bus);
        if (of_peer > p->peak_rules)
                p->peak_rules = of_peer;
        if (of_peer > bus->peaks.rules_per_connection)
                bus->peaks.rules_per_connection = of_peer;
}

int driver_add_match(struct driver_call *c)
{
        int64_t limit = c->bus->config->limits.max_match_rules_per_connection;
        struct peer *p = c->caller;
        struct match_rule *rule;
        int r;

        if (p->rules.n_rules + p->eavesdrop_rules.n_rules >= (uint64_t)limit)
                return driver_limit_exceeded(c, "add more match rules",
                                             "max_match_rules_per_connection", limit);
        if (read_rule(c, &c->args, &rule) < 0)
                return -1;
        if (match_rule_eavesdrops(rule) && (driver_check_privileged(c, "AddMatch") < 0 ||
                                            lsm_may_eavesdrop(c->bus, p, c->fault) < 0)) {
                match_rule_free(rule);
                return -1;
        }
        /* It is to be shown whatever is said from the answer on. */
        if (match_rule_eavesdrops(rule))
                links_close_all(c->bus, LINK_MONITORED);
        r = match_rule_eavesdrops(rule) ? match_add(c->bus->eavesdrop, &p->eavesdrop_rules, rule)
                                        : match_add(c->bus->rules, &p->rules, rule);
        if (r < 0) {
                match_rule_free(rule);
                return fault_no_memory(c->fault);
        }
        note_rules(c->bus, p);
        return driver_reply_empty(c);
}

int driver_remove_match(struct driver_call *c)
{
        struct peer *p = c->caller;
        struct match_rule *rule;
        bool removed;

        if (read_rule(c, &c->args, &rule) < 0)
                return -1;
        removed = match_rule_eavesdrops(rule)
                          ? match_remove(c->bus->eavesdrop, &p->eavesdrop_rules, rule)
                          : match_remove(c->bus->rules, &p->rules, rule);
        match_rule_free(rule);
        if (!removed)
                return fault_set(c->fault, ERROR_MATCH_NOT_FOUND,
                                 "The given match rule wasn't found and can't be removed");
        return driver_reply_empty(c);
}

/* The rules of a monitor that is to be. */
struct rule_list {
        struct match_rule **rules;
        size_t n;
};

static void rules_free(struct rule_list *l)
{
        for (size_t i = 0; i < l->n; ++i)
                match_rule_free(l->rules[i]);
        free(l->rules);
}

/* Reads the `as` of rules; none at all means one that matches everything. */
static int read_rules(struct driver_call *c, struct rule_list *l)
{
        struct reader texts, count;
        size_t n = 0;
        char *error = NULL;

        reader_enter(&c->args, &texts);
        for (count = texts; reader_more(&count); ++n)
                reader_skip(&count);
        l->rules = calloc(n ? n : 1, sizeof(*l->rules));
        if (!l->rules)
                return fault_no_memory(c->fault);
        for (; reader_more(&texts); ++l->n) {
                if (read_rule(c, &texts, &l->rules[l->n]) < 0)
                        return -1;
        }
        if (!n) {
                if (match_rule_new(&l->rules[0], "", 0, &error) != 0)
                        return fault_no_memory(c->fault);
                l->n = 1;
        }
        return 0;
}

/* Gives the rules to the registry. */
static int add_rules(struct bus *bus, struct peer *p, struct rule_list *l)
{
        while (l->n) {
                int r = match_add(bus->monitors, &p->monitor_rules, l->rules[l->n - 1]);

                if (r < 0)
                        return r;
                l->n -= 1;
        }
        return 0;
}

static void become_monitor(struct bus *bus, struct peer *p, struct rule_list *rules)
{
        log_line(LOG_LEVEL_INFO, "Connection %s (%s) became a monitor.", p->name,
                 peer_description(p));
        /* Whatever is said from the answer on goes by the bus. */
        links_close_all(bus, LINK_MONITORED);
        links_retire(bus, p);
        /* It sees the loss of its names as the client that it was. */
        announce_withdrawal(bus, p);
        bus_drop_rules(bus, p);
        /* If there was no memory to tell it of that, it is on its way out already. */
        if (!peer_connected(p)) {
                p->was = PEER_MONITOR;
                return;
        }
        p->state = PEER_MONITOR;
        /* Without memory for its rules it would wait in vain. */
        if (add_rules(bus, p, rules) < 0)
                peer_disconnect(p);
}

/* The flags are behind the rules, but are looked at first. */
static int check_flags(struct driver_call *c)
{
        struct reader r = c->args;
        uint32_t flags;

        reader_skip(&r);
        reader_u32(&r, &flags);
        if (flags)
                return fault_set(c->fault, ERROR_INVALID_ARGS,
                                 "BecomeMonitor does not support any flags yet");
        return 0;
}

int driver_become_monitor(struct driver_call *c)
{
        struct rule_list rules = {0};
        int r = lsm_may_eavesdrop(c->bus, c->caller, c->fault);

        if (!r)
                r = check_flags(c);

        if (!r)
                r = read_rules(c, &rules);
        if (!r)
                r = driver_reply_empty(c);
        if (!r && peer_connected(c->caller))
                become_monitor(c->bus, c->caller, &rules);
        rules_free(&rules);
        return r;
}
