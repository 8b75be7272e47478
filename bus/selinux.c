/* SPDX-License-Identifier: MIT */
/*
 * SELinux: the permissions acquire_svc and send_msg of class dbus, by the access vector cache of
 * libselinux. Built only where there is libselinux.
 *
 * The cache is the process's own, and so are its callbacks; there is one struct selinux at a time.
 */
#include <errno.h>
#include <selinux/avc.h>
#include <selinux/selinux.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>

#include "bus/audit.h"
#include "bus/complaint.h"
#include "bus/log.h"
#include "bus/lsm-module.h"

/* Whoever owns the name is taken for this one. */
struct association {
        char *own;
        security_id_t sid;
};

struct associations {
        struct association *items;
        size_t n;
};

struct selinux {
        struct bus *bus;
        struct loop_source netlink; /* where the kernel tells of policies and modes */
        bool looking;               /* at that */
        bool policy_loaded;         /* since the last look */
        security_id_t bus_sid;
        struct associations associations;
};

static struct selinux *active;

/* What the cache wants audited: a message, or a name that is wanted. */
struct subject {
        const struct lsm_message *message;
        const struct peer *from;
        const char *name;
};

static int fail(char **error, const char *what, int code)
{
        if (asprintf(error, "%s: %s", what, strerror(code)) < 0)
                *error = NULL;
        return -1;
}

/* Callbacks of libselinux (selinux_set_callback(3)) */

static int write_log(int type, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int write_log(int type, const char *format, ...)
{
        static const enum audit_event events[] = {
                [SELINUX_AVC] = AUDIT_EVENT_AVC,
                [SELINUX_POLICYLOAD] = AUDIT_EVENT_POLICY_LOAD,
                [SELINUX_SETENFORCE] = AUDIT_EVENT_STATUS,
        };
        size_t n = sizeof(events) / sizeof(*events);
        va_list args;
        char *text;
        int r;

        va_start(args, format);
        r = vasprintf(&text, format, args);
        va_end(args);
        if (r < 0)
                return 0;
        audit_write(type >= 0 && (size_t)type < n ? events[type] : AUDIT_EVENT_NONE,
                    LOG_USER | LOG_INFO, text);
        free(text);
        return 0;
}

/* Adds `key=value`, behind a space if it is not the first; nothing if there is no value. */
static void add(FILE *f, const char *key, const char *value)
{
        if (value)
                fprintf(f, "%s%s=%s", ftell(f) > 0 ? " " : "", key, value);
}

static void add_pid(FILE *f, const char *key, const struct peer *p)
{
        char digits[24];

        if (!p || !p->credentials.has_pid)
                return;
        snprintf(digits, sizeof(digits), "%lu", (unsigned long)p->credentials.pid);
        add(f, key, digits);
}

static void add_message(FILE *f, const struct lsm_message *m)
{
        const char *destination = message_text(m->message, FIELD_DESTINATION);

        add(f, "msgtype", complaint_type_name(m->message->header.type));
        add(f, "interface", message_text(m->message, FIELD_INTERFACE));
        add(f, "member", message_text(m->message, FIELD_MEMBER));
        add(f, "error_name", message_text(m->message, FIELD_ERROR_NAME));
        add(f, "dest", destination ? destination : BUS_NAME);
}

/* Says what a decision was about; what does not fit is left out. */
static int describe(void *data, security_class_t class, char *text, size_t size)
{
        const struct subject *s = data;
        FILE *f;

        (void)class;
        if (!s || !size)
                return 0;
        *text = '\0';
        f = fmemopen(text, size, "w");
        if (!f)
                return -1;
        if (s->message)
                add_message(f, s->message);
        add(f, "service", s->name);
        add_pid(f, "spid", s->from);
        add_pid(f, "tpid", s->message ? s->message->to : NULL);
        fclose(f);
        text[size - 1] = '\0';
        return 0;
}

/* Called from within any other function of libselinux, while a message is on its way: there is
 * no acting on it before that is done. */
static int note_policy(int number)
{
        (void)number;
        active->policy_loaded = true;
        if (!active->looking)
                loop_again(active->bus->loop, &active->netlink, EPOLLIN);
        return 0;
}

/* Decisions */

/* In permissive mode libselinux says yes; and so it does where the policy does not know the class
 * or the permission, if the policy says so. */
static bool has_permission(security_id_t from, security_id_t to, const char *permission,
                           struct subject *subject)
{
        security_class_t class = string_to_security_class("dbus");
        access_vector_t vector = class ? string_to_av_perm(class, permission) : 0;

        if (!vector)
                return security_deny_unknown() == 0;
        return avc_has_perm(from, to, class, vector, NULL, subject) == 0;
}

static int may_send(void *state, void *label, void *to_label, const struct lsm_message *m,
                    struct fault *fault)
{
        const struct selinux *s = state;
        struct subject subject = {.message = m, .from = m->from};
        const struct complaint denial = {
                .error = ERROR_ACCESS_DENIED,
                .what = "An SELinux policy prevents this sender from sending this message to this "
                        "recipient",
                /* Replies are mediated like anything else. */
                .requested_reply = false,
                .message = m->message,
                .from = m->from,
                .to = m->to,
        };

        if (has_permission(label, m->to ? to_label : s->bus_sid, "send_msg", &subject))
                return 0;
        return complaint_set(&denial, fault);
}

/* Of several associations of a name the last one counts. */
static security_id_t sid_of_name(const struct selinux *s, const char *name)
{
        for (size_t i = s->associations.n; i-- > 0;) {
                if (!strcmp(s->associations.items[i].own, name))
                        return s->associations.items[i].sid;
        }
        return s->bus_sid;
}

static int may_own(void *state, void *label, struct peer *p, const char *name, struct fault *fault)
{
        struct subject subject = {.from = p, .name = name};

        if (has_permission(label, sid_of_name(state, name), "acquire_svc", &subject))
                return 0;
        return fault_set(fault, ERROR_ACCESS_DENIED,
                         "Connection \"%s\" is not allowed to own the service \"%s\" due to "
                         "SELinux policy",
                         p->name, name);
}

/* May it pass, and leave no trace in the audit? */
static bool passes(security_id_t from, security_id_t to)
{
        security_class_t class = string_to_security_class("dbus");
        access_vector_t vector = class ? string_to_av_perm(class, "send_msg") : 0;
        struct av_decision decision;

        if (!vector)
                return security_deny_unknown() == 0;
        return avc_has_perm_noaudit(from, to, class, vector, NULL, &decision) == 0 &&
               (decision.allowed & vector) && !(decision.auditallow & vector);
}

static bool lets_pass_all(void *state, void *a, void *b)
{
        (void)state;
        return passes(a, b) && passes(b, a);
}

/* Labels: identifiers, which live as long as the cache. */

static int read_label(void *state, int fd, void **label, char **error)
{
        char *context = NULL, *what;
        security_id_t sid;
        int code;

        (void)state;
        if (getpeercon(fd, &context) < 0 || !context) {
                *error = strdup("Failed to read an SELinux context from connection");
                return -1;
        }
        if (!avc_context_to_sid(context, &sid)) {
                freecon(context);
                *label = sid;
                return 0;
        }
        code = errno;
        if (asprintf(&what, "Error getting SID from context \"%s\"", context) >= 0) {
                fail(error, what, code);
                free(what);
        }
        freecon(context);
        return -1;
}

const char *selinux_context(const void *label)
{
        const struct security_id *sid = label;

        return sid->ctx;
}

/* Associations */

static void associations_deinit(struct associations *a)
{
        for (size_t i = 0; i < a->n; ++i)
                free(a->items[i].own);
        free(a->items);
        *a = (struct associations){0};
}

/* Returns 0, or -1 with a text, or NULL for a lack of memory. */
static int associations_read(struct associations *a, const struct config *config, char **error)
{
        *a = (struct associations){0};
        *error = NULL;
        a->items = calloc(config->n_associations ? config->n_associations : 1, sizeof(*a->items));
        if (!a->items)
                return -1;
        for (size_t i = 0; i < config->n_associations; ++i) {
                const struct config_selinux_association *from = &config->associations[i];
                struct association *to = &a->items[a->n];

                to->own = strdup(from->own);
                if (!to->own)
                        return -1;
                a->n += 1;
                if (avc_context_to_sid(from->context, &to->sid) < 0) {
                        if (asprintf(error, "Error getting SID from context \"%s\": %s",
                                     from->context, strerror(errno)) < 0)
                                *error = NULL;
                        return -1;
                }
        }
        return 0;
}

static int set_config(void *state, const struct config *config, struct fault *fault)
{
        struct selinux *s = state;
        struct associations now;
        char *error;

        if (associations_read(&now, config, &error) < 0) {
                associations_deinit(&now);
                return error ? fault_take(fault, ERROR_FAILED, error) : fault_no_memory(fault);
        }
        associations_deinit(&s->associations);
        s->associations = now;
        return 0;
}

/* Start and end */

static void reload(struct bus *bus)
{
        struct fault fault = {0};

        if (bus->reload(bus, &fault) < 0)
                log_line(LOG_LEVEL_WARNING, "Unable to reload configuration: %s",
                         fault_text(&fault));
        fault_clear(&fault);
}

/* A new policy, or another mode. libselinux empties its cache; what links stand on may be gone. */
static void netlink_ready(struct loop_source *source, uint32_t events)
{
        struct selinux *s = container_of(source, struct selinux, netlink);

        (void)events;
        s->looking = true;
        if (avc_netlink_check_nb() < 0)
                log_line(LOG_LEVEL_WARNING,
                         "Failed to check the netlink socket for pending messages and process "
                         "them: %s",
                         strerror(errno));
        s->looking = false;
        if (s->policy_loaded) {
                s->policy_loaded = false;
                reload(s->bus);
        }
        links_policy_changed(s->bus);
}

static void set_callbacks(void)
{
        selinux_set_callback(SELINUX_CB_POLICYLOAD,
                             (union selinux_callback){.func_policyload = note_policy});
        selinux_set_callback(SELINUX_CB_AUDIT, (union selinux_callback){.func_audit = describe});
        selinux_set_callback(SELINUX_CB_LOG, (union selinux_callback){.func_log = write_log});
}

static int read_own_label(struct selinux *s, char **error)
{
        char *context;
        int r;

        if (getcon(&context) < 0)
                return fail(error, "Error getting context of bus", errno);
        r = avc_context_to_sid(context, &s->bus_sid);
        if (r < 0)
                r = fail(error, "Error getting SID from bus context", errno);
        freecon(context);
        return r;
}

static void stop(void *state)
{
        struct selinux *s = state;

        if (s->netlink.fd >= 0) {
                loop_remove(s->bus->loop, &s->netlink);
                avc_netlink_release_fd();
        }
        avc_destroy();
        associations_deinit(&s->associations);
        active = NULL;
        free(s);
}

/* The cache without a thread: what the kernel has to tell comes by the loop. */
static int start_cache(struct selinux *s, char **error)
{
        int fd = avc_netlink_acquire_fd(), r;

        if (fd < 0)
                return fail(error, "Cannot acquire AVC netlink fd", errno);
        set_callbacks();
        loop_source_init(&s->netlink, fd, EPOLLIN, netlink_ready);
        r = loop_add(s->bus->loop, &s->netlink);
        if (r < 0) {
                s->netlink.fd = -1;
                avc_netlink_release_fd();
                return fail(error, "Cannot watch AVC netlink fd", -r);
        }
        return 0;
}

static int start(struct bus *bus, void **state, char **error)
{
        int enabled = is_selinux_enabled();
        struct selinux *s;

        if (enabled < 0)
                return fail(error, "Could not tell if SELinux is enabled", errno);
        if (!enabled)
                return 0;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -1;
        s->bus = bus;
        s->netlink.fd = -1;
        if (avc_open(NULL, 0) < 0) {
                free(s);
                return fail(error, "Failed to start Access Vector Cache (AVC)", errno);
        }
        active = s;
        if (start_cache(s, error) < 0 || read_own_label(s, error) < 0 ||
            associations_read(&s->associations, bus->config, error) < 0) {
                stop(s);
                return -1;
        }
        *state = s;
        return 0;
}

const struct lsm_module lsm_selinux = {
        .name = "SELinux",
        .notice = "SELinux support is enabled",
        .start = start,
        .stop = stop,
        .set_config = set_config,
        .read_label = read_label,
        .may_send = may_send,
        .may_own = may_own,
        .lets_pass_all = lets_pass_all,
};
