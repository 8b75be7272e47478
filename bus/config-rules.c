/* SPDX-License-Identifier: MIT */
#include "bus/config-rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/userdb.h"

/* The reference's DBUS_MAXIMUM_MESSAGE_UNIX_FDS: message size over size of a file descriptor. */
#define HIGHEST_FDS 33554432

enum attribute {
        SEND_INTERFACE,
        SEND_MEMBER,
        SEND_ERROR,
        SEND_PATH,
        SEND_TYPE,
        SEND_REQUESTED_REPLY,
        SEND_DESTINATION,
        SEND_DESTINATION_PREFIX,
        SEND_BROADCAST,
        RECEIVE_INTERFACE,
        RECEIVE_MEMBER,
        RECEIVE_ERROR,
        RECEIVE_PATH,
        RECEIVE_TYPE,
        RECEIVE_REQUESTED_REPLY,
        RECEIVE_SENDER,
        EAVESDROP,
        MINIMUM_FDS,
        MAXIMUM_FDS,
        OWN,
        OWN_PREFIX,
        USER,
        GROUP,
        LOG,
};

const char *const config_rule_attributes[] = {
        [SEND_INTERFACE] = "send_interface",
        [SEND_MEMBER] = "send_member",
        [SEND_ERROR] = "send_error",
        [SEND_PATH] = "send_path",
        [SEND_TYPE] = "send_type",
        [SEND_REQUESTED_REPLY] = "send_requested_reply",
        [SEND_DESTINATION] = "send_destination",
        [SEND_DESTINATION_PREFIX] = "send_destination_prefix",
        [SEND_BROADCAST] = "send_broadcast",
        [RECEIVE_INTERFACE] = "receive_interface",
        [RECEIVE_MEMBER] = "receive_member",
        [RECEIVE_ERROR] = "receive_error",
        [RECEIVE_PATH] = "receive_path",
        [RECEIVE_TYPE] = "receive_type",
        [RECEIVE_REQUESTED_REPLY] = "receive_requested_reply",
        [RECEIVE_SENDER] = "receive_sender",
        [EAVESDROP] = "eavesdrop",
        [MINIMUM_FDS] = "min_fds",
        [MAXIMUM_FDS] = "max_fds",
        [OWN] = "own",
        [OWN_PREFIX] = "own_prefix",
        [USER] = "user",
        [GROUP] = "group",
        [LOG] = "log",
        NULL,
};

/* The attributes that come in two directions, in either of them. */
struct direction {
        enum policy_kind kind;
        const char *prefix;
        enum attribute first, last;
        enum attribute interface, member, error, path, type, requested_reply, name;
};

static const struct direction directions[] = {
        {POLICY_SEND, "send", SEND_INTERFACE, SEND_BROADCAST, SEND_INTERFACE, SEND_MEMBER,
         SEND_ERROR, SEND_PATH, SEND_TYPE, SEND_REQUESTED_REPLY, SEND_DESTINATION},
        {POLICY_RECEIVE, "receive", RECEIVE_INTERFACE, RECEIVE_SENDER, RECEIVE_INTERFACE,
         RECEIVE_MEMBER, RECEIVE_ERROR, RECEIVE_PATH, RECEIVE_TYPE, RECEIVE_REQUESTED_REPLY,
         RECEIVE_SENDER},
};

struct rule_source {
        struct config_file *file;
        const char *element; /* "allow" or "deny" */
        const char *const *values;
};

static bool any(const char *const *values, enum attribute first, enum attribute last)
{
        for (unsigned i = first; i <= last; ++i) {
                if (values[i])
                        return true;
        }
        return false;
}

/* Is there a direction that gives a member, but neither interface nor path? */
static bool has_lone_member(const char *const *values)
{
        for (unsigned i = 0; i < 2; ++i) {
                const struct direction *d = &directions[i];

                if (values[d->member] && !values[d->interface] && !values[d->path])
                        return true;
        }
        return false;
}

static int check_combination(const struct rule_source *s)
{
        const char *const *v = s->values;
        bool sends = any(v, SEND_INTERFACE, SEND_BROADCAST);
        bool receives = any(v, RECEIVE_INTERFACE, RECEIVE_SENDER);
        unsigned n_others = !!v[OWN] + !!v[OWN_PREFIX] + !!v[USER] + !!v[GROUP];

        if (!sends && !receives && !v[EAVESDROP] && !n_others)
                return config_fail(s->file, CONFIG_E_FAILED,
                                   "Element <%s> must have one or more attributes", s->element);
        if (has_lone_member(v))
                return config_fail(s->file, CONFIG_E_FAILED,
                                   "On element <%s>, if you specify a member you must specify an "
                                   "interface or a path. Keep in mind that not all messages have "
                                   "an interface field.",
                                   s->element);
        if (n_others > 1 || (n_others && any(v, SEND_INTERFACE, MAXIMUM_FDS)))
                return config_fail(s->file, CONFIG_E_FAILED,
                                   "Invalid combination of attributes on element <%s>: own, "
                                   "own_prefix, user, group and the message-related attributes "
                                   "cannot be combined",
                                   s->element);
        if (sends && receives)
                return config_fail(s->file, CONFIG_E_FAILED,
                                   "Invalid combination of attributes on element <%s>: send and "
                                   "receive attributes cannot be combined",
                                   s->element);
        if (v[SEND_DESTINATION] && v[SEND_DESTINATION_PREFIX])
                return config_fail(s->file, CONFIG_E_FAILED,
                                   "Invalid combination of attributes on element <%s>: "
                                   "send_destination cannot be combined with "
                                   "send_destination_prefix",
                                   s->element);
        for (unsigned i = 0; i < 2; ++i) {
                const struct direction *d = &directions[i];

                if (v[d->error] && (v[d->interface] || v[d->member]))
                        return config_fail(s->file, CONFIG_E_FAILED,
                                           "Invalid combination of attributes on element <%s>: "
                                           "%s_error cannot be combined with %s_member or "
                                           "%s_interface",
                                           s->element, d->prefix, d->prefix, d->prefix);
        }
        return 0;
}

/* "*" is the same as no attribute. */
static int read_text(const struct rule_source *s, enum attribute a, char **text)
{
        const char *value = s->values[a];

        if (!value || !strcmp(value, "*"))
                return 0;
        *text = strdup(value);
        return *text ? 0 : -ENOMEM;
}

/* There is no prefix that means any name: "*" is not one. */
static int read_prefix(const struct rule_source *s, enum attribute a, struct policy_rule *rule)
{
        if (!s->values[a])
                return 0;
        rule->name_is_prefix = true;
        rule->name = strdup(s->values[a]);
        return rule->name ? 0 : -ENOMEM;
}

static int read_type(const struct rule_source *s, enum attribute a, uint8_t *type)
{
        static const char *const names[] = {
                [MESSAGE_INVALID] = "*",
                [MESSAGE_METHOD_CALL] = "method_call",
                [MESSAGE_METHOD_RETURN] = "method_return",
                [MESSAGE_ERROR] = "error",
                [MESSAGE_SIGNAL] = "signal",
        };
        const char *value = s->values[a];

        if (!value)
                return 0;
        for (uint8_t i = 0; i <= MESSAGE_SIGNAL; ++i) {
                if (!strcmp(value, names[i])) {
                        *type = i;
                        return 0;
                }
        }
        return config_fail(s->file, CONFIG_E_FAILED, "Bad message type \"%s\"", value);
}

static int read_tristate(const struct rule_source *s, enum attribute a, int *tristate)
{
        const char *value = s->values[a];

        if (!value)
                return 0;
        if (strcmp(value, "true") && strcmp(value, "false"))
                return config_fail(s->file, CONFIG_E_FAILED,
                                   "Bad value \"%s\" for %s attribute, must be true or false",
                                   value, config_rule_attributes[a]);
        *tristate = strcmp(value, "true") ? POLICY_FALSE : POLICY_TRUE;
        return 0;
}

/* What follows a number is ignored, as the reference does. */
static int read_number(const struct rule_source *s, enum attribute a, uint32_t *number)
{
        const char *value = s->values[a];
        char *end;
        long parsed;

        if (!value)
                return 0;
        errno = 0;
        parsed = strtol(value, &end, 0);
        if (end == value || errno || parsed < 0 || parsed > HIGHEST_FDS)
                return config_fail(s->file, CONFIG_E_FAILED,
                                   "Bad value \"%s\" for %s attribute, must be an integer in range "
                                   "%ld to %ld inclusive",
                                   value, config_rule_attributes[a], 0L, (long)HIGHEST_FDS);
        *number = (uint32_t)parsed;
        return 0;
}

static int read_broadcast(const struct rule_source *s, struct policy_rule *rule)
{
        int r = read_tristate(s, SEND_BROADCAST, &rule->broadcast);

        if (!r && rule->broadcast == POLICY_TRUE && rule->name && !rule->name_is_prefix)
                r = config_fail(s->file, CONFIG_E_FAILED,
                                "Rule with send_broadcast=\"true\" and send_destination=\"%s\" "
                                "cannot match anything",
                                rule->name);
        return r;
}

static int read_message_rule(const struct rule_source *s, const struct direction *d,
                             struct policy_rule *rule)
{
        int r = read_text(s, d->name, &rule->name);

        if (!r && d->kind == POLICY_SEND)
                r = read_prefix(s, SEND_DESTINATION_PREFIX, rule);
        if (!r)
                r = read_type(s, d->type, &rule->message_type);
        if (!r)
                r = read_tristate(s, EAVESDROP, &rule->eavesdrop);
        if (!r && d->kind == POLICY_SEND)
                r = read_broadcast(s, rule);
        if (!r)
                r = read_tristate(s, d->requested_reply, &rule->requested_reply);
        if (!r)
                r = read_number(s, MAXIMUM_FDS, &rule->max_fds);
        if (!r)
                r = read_number(s, MINIMUM_FDS, &rule->min_fds);
        if (!r)
                r = read_text(s, d->interface, &rule->interface);
        if (!r)
                r = read_text(s, d->member, &rule->member);
        if (!r)
                r = read_text(s, d->error, &rule->error_name);
        return r ? r : read_text(s, d->path, &rule->path);
}

static int read_own_rule(const struct rule_source *s, struct policy_rule *rule)
{
        int r = read_text(s, OWN, &rule->name);

        return r ? r : read_prefix(s, OWN_PREFIX, rule);
}

/* *exists becomes false if there is no such user or group. */
static int read_connect_rule(const struct rule_source *s, struct policy_rule *rule, bool *exists)
{
        enum attribute a = s->values[USER] ? USER : GROUP;
        const char *value = s->values[a];
        int r;

        if (!strcmp(value, "*")) {
                rule->any_user = a == USER;
                rule->any_group = a == GROUP;
                return 0;
        }
        rule->by_user = a == USER;
        rule->by_group = a == GROUP;
        r = a == USER ? userdb_find_user(value, &rule->uid) : userdb_find_group(value, &rule->gid);
        if (!r || r == -ENOMEM)
                return r;
        *exists = false;
        return config_warn(s->file, "Unknown %s \"%s\" on element <%s>",
                           a == USER ? "username" : "group", value, s->element);
}

static enum policy_kind kind_of(const char *const *values)
{
        if (values[OWN] || values[OWN_PREFIX])
                return POLICY_OWN;
        if (values[USER] || values[GROUP])
                return POLICY_CONNECT;
        /* With neither direction given, as in <allow eavesdrop="true"/>, it is about receiving. */
        return any(values, SEND_INTERFACE, SEND_BROADCAST) ? POLICY_SEND : POLICY_RECEIVE;
}

static int read_rule(const struct rule_source *s, struct policy_rule *rule, bool *exists)
{
        switch (rule->kind) {
        case POLICY_OWN:
                return read_own_rule(s, rule);
        case POLICY_CONNECT:
                return read_connect_rule(s, rule, exists);
        case POLICY_SEND:
                return read_message_rule(s, &directions[0], rule);
        case POLICY_RECEIVE:
                return read_message_rule(s, &directions[1], rule);
        }
        return 0;
}

int config_rule_read(struct config_file *f, const char *element, bool allow,
                     const char *const *values, struct policy_rule **rulep)
{
        const struct rule_source s = {f, element, values};
        struct policy_rule *rule;
        bool exists = true;
        int r = check_combination(&s);

        *rulep = NULL;
        if (!r)
                r = policy_rule_new(&rule, kind_of(values), allow);
        if (r)
                return r;
        rule->log = values[LOG] && !strcmp(values[LOG], "true");
        r = read_rule(&s, rule, &exists);
        if (r || !exists)
                rule = policy_rule_free(rule);
        *rulep = rule;
        return r;
}
