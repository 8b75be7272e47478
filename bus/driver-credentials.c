/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include "bus/driver-call.h"
#include "bus/lsm.h"

int driver_get_unix_user(struct driver_call *c)
{
        const char *name;
        struct peer *p;
        bool is_bus;

        if (driver_read_owner(c, "UID", &name, &p, &is_bus) < 0)
                return -1;
        if (is_bus)
                return driver_reply_u32(c, c->bus->uid);
        if (!p->has_uid)
                return fault_set(c->fault, ERROR_FAILED, "Could not determine UID for '%s'", name);
        return driver_reply_u32(c, p->uid);
}

int driver_get_process_id(struct driver_call *c)
{
        const char *name;
        struct peer *p;
        bool is_bus;

        if (driver_read_owner(c, "PID", &name, &p, &is_bus) < 0)
                return -1;
        if (is_bus)
                return driver_reply_u32(c, (uint32_t)getpid());
        if (!p->credentials.has_pid)
                return fault_set(c->fault, ERROR_PROCESS_ID_UNKNOWN,
                                 "Could not determine PID for '%s'", name);
        return driver_reply_u32(c, (uint32_t)p->credentials.pid);
}

int driver_get_audit_data(struct driver_call *c)
{
        const char *name;
        struct peer *p;
        bool is_bus;

        if (driver_read_owner(c, "audit session data", &name, &p, &is_bus) < 0)
                return -1;
        /* Solaris has such data; Linux never does, and the reference says so in these words. */
        return fault_set(c->fault, ERROR_ADT_UNKNOWN,
                         "Could not determine audit session data for '%s'", name);
}

int driver_get_selinux_context(struct driver_call *c)
{
        const char *name, *context;
        struct peer *p;
        struct writer w;
        bool is_bus;

        if (driver_read_owner(c, "security context", &name, &p, &is_bus) < 0)
                return -1;
        context = is_bus ? NULL : lsm_selinux_context(p);
        if (!context)
                return fault_set(c->fault, ERROR_SELINUX_UNKNOWN,
                                 "Could not determine security context for '%s'", name);
        driver_reply_begin(c, &w, "ay");
        writer_bytes(&w, context, (uint32_t)strlen(context));
        return driver_reply_end(c, &w);
}

static void write_groups(struct writer *w, const struct credentials *who)
{
        struct writer_array groups;

        writer_struct(w);
        writer_string(w, "UnixGroupIDs");
        writer_variant(w, "au");
        writer_open_array(w, &groups, "u");
        for (size_t i = 0; i < who->n_groups; ++i)
                writer_u32(w, who->groups[i]);
        writer_close_array(w, &groups);
}

/* The kernel's label, with the NUL that the specification puts behind it. */
static void write_label(struct writer *w, const char *label)
{
        writer_struct(w);
        writer_string(w, "LinuxSecurityLabel");
        writer_variant(w, "ay");
        writer_bytes(w, label, (uint32_t)strlen(label) + 1);
}

static void write_process_fd(struct writer *w)
{
        writer_struct(w);
        writer_string(w, "ProcessFD");
        writer_variant(w, "h");
        writer_u32(w, 0);
}

static void write_peer(struct writer *w, const struct peer *p, bool with_fd)
{
        const struct credentials *who = &p->credentials;

        if (who->has_pid)
                driver_entry_u32(w, "ProcessID", (uint32_t)who->pid);
        if (p->has_uid)
                driver_entry_u32(w, "UnixUserID", p->uid);
        if (who->has_groups)
                write_groups(w, who);
        if (who->security_label)
                write_label(w, who->security_label);
        if (with_fd)
                write_process_fd(w);
}

int driver_get_credentials(struct driver_call *c)
{
        struct writer_array entries;
        struct message_spec spec;
        struct writer w;
        const char *name;
        struct peer *p;
        bool is_bus;
        int fd = -1, r;

        if (driver_read_owner(c, "credentials", &name, &p, &is_bus) < 0)
                return -1;
        if (p && c->caller->fd_passing)
                fd = credentials_open_pidfd(p->source.fd);
        driver_reply_spec(c, &spec, "a{sv}");
        spec.fds = &fd;
        spec.n_fds = fd >= 0;
        writer_begin(&w, &spec);
        writer_open_array(&w, &entries, "{sv}");
        if (is_bus) {
                driver_entry_u32(&w, "ProcessID", (uint32_t)getpid());
                driver_entry_u32(&w, "UnixUserID", c->bus->uid);
        } else {
                write_peer(&w, p, fd >= 0);
        }
        writer_close_array(&w, &entries);
        r = driver_reply_end(c, &w);
        if (r < 0 && fd >= 0)
                close(fd);
        return r;
}
