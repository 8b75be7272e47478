/* SPDX-License-Identifier: MIT */
/*
 * AppArmor: rules of class dbus (apparmor.d(5), "DBus rules"), asked of the kernel by label
 * (aa_query_label(2)). Built only where there is libapparmor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/apparmor.h>
#include <syslog.h>
#include <unistd.h>

#include "bus/audit.h"
#include "bus/complaint.h"
#include "bus/lsm-module.h"

/* Whom the kernel takes somebody for. */
struct label {
        char *text; /* from libapparmor: the mode is in the same block */
        bool complains;
        bool confined;
};

struct apparmor {
        char *bus_type; /* NULL: the configuration gives none */
        struct label bus;
};

/* One side of a message, as queries and audit have it. */
struct side {
        const struct label *label;
        const char *text; /* of the label; NULL: it is not known */
        const char *name;
        const struct peer *peer; /* NULL: the bus */
};

/* What a query came to. */
struct decision {
        bool allow, audit;
        int error; /* errno; 0: it was answered */
};

/* Labels */

static void label_take(struct label *l, char *text, const char *mode)
{
        bool unconfined = mode ? !strcmp(mode, "unconfined") : !strcmp(text, "unconfined");

        *l = (struct label){
                .text = text,
                .complains = mode && !strcmp(mode, "complain"),
                .confined = !unconfined,
        };
}

static int fail(char **error, const char *what, int code)
{
        if (asprintf(error, "%s: %s", what, strerror(code)) < 0)
                *error = NULL;
        return -1;
}

static int read_label(void *state, int fd, void **label, char **error)
{
        struct label *l = malloc(sizeof(*l));
        char *text, *mode;

        (void)state;
        if (!l)
                return -1;
        if (aa_getpeercon(fd, &text, &mode) < 0) {
                free(l);
                return fail(error, "Failed to get AppArmor confinement information of socket peer",
                            errno);
        }
        label_take(l, text, mode);
        *label = l;
        return 0;
}

static void drop_label(void *label)
{
        struct label *l = label;

        free(l->text);
        free(l);
}

/* Queries */

#define MAX_FIELDS 8

/* Who is asked about, and the fields of the question in their order. */
struct query {
        uint32_t mask;
        const char *label;
        const char *fields[MAX_FIELDS]; /* NULL: empty */
        size_t n;
};

static const char *or_empty(const char *text)
{
        return text ? text : "";
}

static char *append(char *at, const char *text, size_t n)
{
        memcpy(at, text, n);
        return at + n;
}

/* The label, then, behind a NUL, the class as one byte and the fields with a NUL between them. In
 * front is room for the command of libapparmor. */
static char *query_write(const struct query *q, size_t *size)
{
        size_t n = AA_QUERY_CMD_LABEL_SIZE + strlen(q->label) + 2;
        char *bytes, *at;

        for (size_t i = 0; i < q->n; ++i)
                n += strlen(or_empty(q->fields[i])) + (i > 0);
        bytes = malloc(n);
        if (!bytes)
                return NULL;
        at = append(bytes + AA_QUERY_CMD_LABEL_SIZE, q->label, strlen(q->label) + 1);
        *at++ = AA_CLASS_DBUS;
        for (size_t i = 0; i < q->n; ++i) {
                if (i)
                        *at++ = '\0';
                at = append(at, or_empty(q->fields[i]), strlen(or_empty(q->fields[i])));
        }
        *size = n;
        return bytes;
}

static struct decision ask(const struct query *q, const struct label *l)
{
        struct decision d = {.audit = true};
        int allow = 0, audit = 0;
        size_t size;
        char *bytes = query_write(q, &size);

        if (!bytes) {
                d.error = ENOMEM;
                return d;
        }
        if (aa_query_label(q->mask, bytes, size, &allow, &audit) < 0) {
                d.error = errno;
        } else {
                /* Profiles that complain let everything pass, and have it written down. */
                d.allow = allow || (l && l->complains);
                d.audit = audit;
        }
        free(bytes);
        return d;
}

/* Audit */

/* Adds ` key="value"`; nothing if there is no value. */
static void add(FILE *f, const char *key, const char *value)
{
        if (value)
                fprintf(f, " %s=\"%s\"", key, value);
}

static void add_pid(FILE *f, const char *key, const struct peer *p)
{
        if (p && p->credentials.has_pid)
                fprintf(f, " %s=%lu", key, (unsigned long)p->credentials.pid);
}

/* Begins the line of an operation. NULL: there is no memory, and no audit. */
static FILE *line_begin(const struct apparmor *a, bool allow, const char *operation, char **text,
                        size_t *size)
{
        FILE *f = open_memstream(text, size);

        if (!f)
                return NULL;
        fprintf(f, "apparmor=\"%s\" operation=\"dbus_%s\" ", allow ? "ALLOWED" : "DENIED",
                operation);
        add(f, "bus", a->bus_type ? a->bus_type : "unknown");
        return f;
}

static void line_end(FILE *f, char **text)
{
        bool failed;

        /* The reference ends its lines like this. */
        fputc('\n', f);
        failed = ferror(f);
        if (!fclose(f) && !failed)
                audit_write(AUDIT_EVENT_AVC, LOG_USER | LOG_NOTICE, *text);
        free(*text);
}

static const char *error_info(int code)
{
        return code ? strerror(code) : NULL;
}

static int query_failed(int code, struct fault *fault)
{
        return fault_set(fault, ERROR_FAILED, "Failed to query AppArmor policy: %s",
                         strerror(code));
}

/* Messages */

static const char *destination_of(const struct message *m)
{
        const char *destination = message_text(m, FIELD_DESTINATION);

        return destination ? destination : BUS_NAME;
}

/* What `one` may do to `other`. Replies are mediated without a look at what is in them. */
static struct decision ask_message(const struct apparmor *a, uint32_t mask, const struct side *one,
                                   const struct side *other, const struct message *m)
{
        bool with_member = !header_is_reply(&m->header);
        const struct query q = {
                .mask = mask,
                .label = or_empty(one->text),
                .fields =
                        {
                                a->bus_type,
                                other->name,
                                other->text,
                                with_member ? message_text(m, FIELD_PATH) : NULL,
                                with_member ? message_text(m, FIELD_INTERFACE) : NULL,
                                with_member ? message_text(m, FIELD_MEMBER) : NULL,
                        },
                .n = 6,
        };

        return ask(&q, one->label);
}

/* The half of a message's audit that is about one side; `other_error`: what was wrong with the
 * question about the other. */
static void audit_message(const struct apparmor *a, const struct decision *d, uint32_t mask,
                          const struct side *one, const struct side *other, const struct message *m,
                          int other_error)
{
        bool sends = mask == AA_DBUS_SEND;
        bool with_member = !header_is_reply(&m->header);
        size_t size;
        char *text;
        FILE *f = line_begin(a, d->allow, complaint_type_name(m->header.type), &text, &size);

        if (!f)
                return;
        add(f, "path", with_member ? message_text(m, FIELD_PATH) : NULL);
        add(f, "interface", with_member ? message_text(m, FIELD_INTERFACE) : NULL);
        add(f, "member", with_member ? message_text(m, FIELD_MEMBER) : NULL);
        add(f, "error_name", message_text(m, FIELD_ERROR_NAME));
        add(f, sends ? "mask" : "name", sends ? "send" : other->name);
        add(f, sends ? "name" : "mask", sends ? other->name : "receive");
        add_pid(f, "pid", one->peer);
        add(f, "label", one->text);
        add_pid(f, "peer_pid", other->peer);
        add(f, "peer_label", other->text);
        add(f, "info", error_info(d->error));
        add(f, "peer_info", error_info(other_error));
        line_end(f, &text);
}

/* Decides on what `from` sends to `to`; either is asked about only if it is confined. */
static int decide(const struct apparmor *a, const struct side *from, const struct side *to,
                  bool receives, const struct lsm_message *m, struct fault *fault)
{
        struct decision send = {.allow = true}, receive = {.allow = true};
        /* A reply nobody waits for is no business of the policy's: it would only fill the log. */
        bool quiet = header_is_reply(&m->message->header);
        const struct complaint denial = {
                .error = ERROR_ACCESS_DENIED,
                .what = "An AppArmor policy prevents this sender from sending this message to this "
                        "recipient",
                .uncounted = true,
                .requested_reply = m->requested_reply,
                .message = m->message,
                .from = m->from,
                .to = m->to,
        };

        if (from->label->confined)
                send = ask_message(a, AA_DBUS_SEND, from, to, m->message);
        if (send.error)
                receive = (struct decision){.audit = true};
        else if (receives && to->label->confined)
                receive = ask_message(a, AA_DBUS_RECEIVE, to, from, m->message);
        if (send.audit && (!quiet || send.error || receive.error))
                audit_message(a, &send, AA_DBUS_SEND, from, to, m->message, receive.error);
        if (receive.audit && (!quiet || send.error || receive.error))
                audit_message(a, &receive, AA_DBUS_RECEIVE, to, from, m->message, send.error);
        if (send.error || receive.error)
                return query_failed(send.error ? send.error : receive.error, fault);
        return send.allow && receive.allow ? 0 : complaint_set(&denial, fault);
}

static struct side sender(const struct label *l, const struct lsm_message *m)
{
        return (struct side){
                .label = l, .text = l->text, .name = peer_name(m->from), .peer = m->from};
}

static int may_send(void *state, void *label, void *to_label, const struct lsm_message *m,
                    struct fault *fault)
{
        const struct apparmor *a = state;
        const struct label *l = m->to ? to_label : &a->bus;
        const struct side from = sender(label, m);
        const struct side to = {
                .label = l,
                .text = l->text,
                .name = destination_of(m->message),
                .peer = m->to,
        };

        /* Who asked may be answered. */
        if (m->requested_reply && header_is_reply(&m->message->header))
                return 0;
        return decide(a, &from, &to, true, m, fault);
}

/* Nobody is there yet to receive. */
static int may_activate(void *state, void *label, const struct lsm_message *m,
                        const char *assumed_label, struct fault *fault)
{
        const struct side from = sender(label, m);
        const struct side to = {.text = assumed_label, .name = destination_of(m->message)};

        return decide(state, &from, &to, false, m, fault);
}

/* Names and eavesdropping: what is asked about somebody alone. */
static struct decision decide_alone(const struct apparmor *a, const struct label *l,
                                    const struct peer *p, uint32_t mask, const char *operation,
                                    const char *name)
{
        const struct query q = {
                .mask = mask,
                .label = l->text,
                .fields = {a->bus_type, name},
                .n = name ? 2 : 1,
        };
        struct decision d = ask(&q, l);
        size_t size;
        char *text;
        FILE *f = d.audit ? line_begin(a, d.allow, operation, &text, &size) : NULL;

        if (!f)
                return d;
        add(f, "name", name);
        add(f, "info", error_info(d.error));
        add(f, "mask", operation);
        add_pid(f, "pid", p);
        add(f, "label", l->text);
        line_end(f, &text);
        return d;
}

static int may_own(void *state, void *label, struct peer *p, const char *name, struct fault *fault)
{
        const struct label *l = label;
        struct decision d;

        if (!l->confined)
                return 0;
        d = decide_alone(state, l, p, AA_DBUS_BIND, "bind", name);
        if (d.error)
                return query_failed(d.error, fault);
        if (d.allow)
                return 0;
        return fault_set(fault, ERROR_ACCESS_DENIED,
                         "Connection \"%s\" is not allowed to own the service \"%s\" due to "
                         "AppArmor policy",
                         p->name, name);
}

static int may_eavesdrop(void *state, void *label, struct peer *p, struct fault *fault)
{
        const struct label *l = label;
        struct decision d;

        if (!l->confined)
                return 0;
        d = decide_alone(state, l, p, AA_DBUS_EAVESDROP, "eavesdrop", NULL);
        if (d.error)
                return query_failed(d.error, fault);
        if (d.allow)
                return 0;
        return fault_set(fault, ERROR_ACCESS_DENIED,
                         "Connection \"%s\" is not allowed to eavesdrop due to AppArmor policy",
                         p->name);
}

/* The rules look into each message, and profiles are replaced without a word to us. */
static bool lets_pass_all(void *state, void *a, void *b)
{
        const struct label *one = a, *other = b;

        (void)state;
        return !one->confined && !other->confined;
}

/* Start and end */

bool apparmor_can_mediate(void)
{
        char *mountpoint, *path;
        int fd = -1;

        if (!aa_is_enabled() || aa_find_mountpoint(&mountpoint) < 0)
                return false;
        /* A kernel that does not mediate D-Bus has no such file. */
        if (asprintf(&path, "%s/features/dbus/mask", mountpoint) >= 0) {
                fd = open(path, O_RDONLY | O_CLOEXEC);
                free(path);
        }
        free(mountpoint);
        if (fd < 0)
                return false;
        close(fd);
        return true;
}

static void stop(void *state)
{
        struct apparmor *a = state;

        free(a->bus_type);
        free(a->bus.text);
        free(a);
}

static int read_own_label(struct apparmor *a, char **error)
{
        char *text, *mode;

        if (aa_getcon(&text, &mode) < 0)
                return fail(error, "Error getting AppArmor context of bus", errno);
        label_take(&a->bus, text, mode);
        return 0;
}

static int start(struct bus *bus, void **state, char **error)
{
        const struct config *config = bus->config;
        struct apparmor *a;

        if (config->apparmor == CONFIG_APPARMOR_DISABLED)
                return 0;
        if (!apparmor_can_mediate())
                return lsm_check_required(config, error);
        a = calloc(1, sizeof(*a));
        if (!a)
                return -1;
        a->bus_type = config->type ? strdup(config->type) : NULL;
        if ((config->type && !a->bus_type) || read_own_label(a, error) < 0) {
                stop(a);
                return -1;
        }
        *state = a;
        return 0;
}

const struct lsm_module lsm_apparmor = {
        .name = "AppArmor",
        .notice = "AppArmor D-Bus mediation is enabled",
        .start = start,
        .stop = stop,
        .read_label = read_label,
        .drop_label = drop_label,
        .may_send = may_send,
        .may_own = may_own,
        .may_eavesdrop = may_eavesdrop,
        .may_activate = may_activate,
        .lets_pass_all = lets_pass_all,
};
