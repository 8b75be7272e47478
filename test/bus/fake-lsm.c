/* SPDX-License-Identifier: MIT */
/*
 * Stands in for libselinux, libapparmor and the sending half of libaudit, for kernels that have
 * none of it: to be preloaded into a daemon. What it is asked is written into a log, and what it
 * says stands in a script, which is read anew each time, so that it can change while the daemon
 * runs.
 *
 * $FAKE_LSM_LOG: a line is appended for each call; a zero byte is shown as "|", other bytes that
 * cannot be printed as "\xx".
 * $FAKE_LSM_SCRIPT: lines "set KEY VALUE", "fail GLOB" (this call fails with EIO), "deny GLOB",
 * "audit GLOB" and "quiet GLOB" (it is audited in any case, or in none). GLOBs are matched with the
 * lines of the log, and the first line counts. What is not there is allowed.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <libaudit.h>
#include <selinux/avc.h>
#include <selinux/selinux.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/apparmor.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "fake-lsm.h"

#define LINE_SIZE 4096
#define MAX_SIDS  64
/* What string_to_security_class() and string_to_av_perm() make of the names we know. */
#define CLASS_DBUS       7
#define PERM_ACQUIRE_SVC 1
#define PERM_SEND_MSG    2

static union selinux_callback callbacks[16];
static struct security_id sids[MAX_SIDS];

static void write_log(const char *line)
{
        const char *path = getenv("FAKE_LSM_LOG");
        char text[LINE_SIZE + 1];
        int n = snprintf(text, sizeof(text), "%s\n", line);
        int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;

        if (fd < 0)
                return;
        if (n >= (int)sizeof(text))
                n = sizeof(text) - 1;
        if (write(fd, text, (size_t)n) < 0)
                abort();
        close(fd);
}

/* Looks for a line "VERB GLOB" in the script that the call matches; stores what follows "set". */
static bool find(const char *verb, const char *call, char *value, size_t size)
{
        const char *path = getenv("FAKE_LSM_SCRIPT");
        FILE *f = path ? fopen(path, "re") : NULL;
        char line[LINE_SIZE];
        bool found = false;

        while (f && !found && fgets(line, sizeof(line), f)) {
                char *argument = strchr(line, ' '), *rest = NULL;

                line[strcspn(line, "\n")] = '\0';
                if (!argument)
                        continue;
                *argument++ = '\0';
                if (strcmp(line, verb) != 0)
                        continue;
                if (value) {
                        rest = strchr(argument, ' ');
                        if (rest)
                                *rest++ = '\0';
                }
                found = !fnmatch(argument, call, FNM_NOESCAPE);
                if (found && value)
                        snprintf(value, size, "%s", rest ? rest : "");
        }
        if (f)
                fclose(f);
        return found;
}

/* Takes note of a call. Returns 0, or -1 and EIO. */
static int note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int note(const char *format, ...)
{
        char line[LINE_SIZE];
        va_list args;

        va_start(args, format);
        vsnprintf(line, sizeof(line), format, args);
        va_end(args);
        write_log(line);
        if (!find("fail", line, NULL, 0))
                return 0;
        errno = EIO;
        return -1;
}

static char *setting(const char *key, const char *otherwise)
{
        static char value[LINE_SIZE];

        if (!find("set", key, value, sizeof(value)))
                snprintf(value, sizeof(value), "%s", otherwise);
        return value;
}

static char *copy(const char *text)
{
        char *s = strdup(text);

        if (!s)
                abort();
        return s;
}

/* SELinux: what the daemon is, what others are. */

int is_selinux_enabled(void)
{
        return note("is_selinux_enabled") < 0 ? -1 : atoi(setting("selinux", "0"));
}

const char *selinux_policy_root(void)
{
        return "/nonexistent";
}

int getcon(char **context)
{
        if (note("getcon") < 0)
                return -1;
        *context = copy(setting("own", FAKE_OWN_CONTEXT));
        return 0;
}

int getpeercon(int fd, char **context)
{
        (void)fd;
        if (note("getpeercon") < 0)
                return -1;
        *context = copy(setting("peer", FAKE_PEER_CONTEXT));
        return 0;
}

int getcon_raw(char **context)
{
        return getcon(context);
}

int getpeercon_raw(int fd, char **context)
{
        return getpeercon(fd, context);
}

void freecon(char *context)
{
        free(context);
}

security_class_t string_to_security_class(const char *name)
{
        note("string_to_security_class %s", name);
        return atoi(setting("no-class", "0")) || strcmp(name, "dbus") != 0 ? 0 : CLASS_DBUS;
}

access_vector_t string_to_av_perm(security_class_t class, const char *name)
{
        note("string_to_av_perm %u %s", (unsigned)class, name);
        if (!strcmp(name, "acquire_svc"))
                return PERM_ACQUIRE_SVC;
        return strcmp(name, "send_msg") != 0 ? 0 : PERM_SEND_MSG;
}

int security_deny_unknown(void)
{
        return note("security_deny_unknown") < 0 ? -1 : atoi(setting("deny-unknown", "0"));
}

void selinux_set_callback(int type, union selinux_callback callback)
{
        note("selinux_set_callback %d", type);
        callbacks[type] = callback;
}

/* SELinux: its cache */

int avc_open(struct selinux_opt *options, unsigned n)
{
        (void)options;
        return note("avc_open %u", n);
}

void avc_destroy(void)
{
        note("avc_destroy");
}

int avc_netlink_acquire_fd(void)
{
        if (note("avc_netlink_acquire_fd") < 0)
                return -1;
        return open(setting("netlink", "/dev/null"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

void avc_netlink_release_fd(void)
{
        note("avc_netlink_release_fd");
}

int avc_netlink_check_nb(void)
{
        int fd = open(setting("netlink", "/dev/null"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        char bytes[64], text[64];
        ssize_t n = read(fd, bytes, sizeof(bytes));

        close(fd);
        if (note("avc_netlink_check_nb") < 0)
                return -1;
        if (n <= 0)
                return 0;
        if (find("set", "log-type", text, sizeof(text)) && callbacks[SELINUX_CB_LOG].func_log)
                callbacks[SELINUX_CB_LOG].func_log(atoi(text), "of type %s", text);
        if (callbacks[SELINUX_CB_POLICYLOAD].func_policyload)
                callbacks[SELINUX_CB_POLICYLOAD].func_policyload(1);
        return 0;
}

int avc_context_to_sid(const char *context, security_id_t *sid)
{
        size_t i = 0;

        if (note("avc_context_to_sid %s", context) < 0)
                return -1;
        while (i < MAX_SIDS && sids[i].ctx && strcmp(sids[i].ctx, context) != 0)
                i += 1;
        if (i == MAX_SIDS)
                abort();
        if (!sids[i].ctx)
                sids[i].ctx = copy(context);
        *sid = &sids[i];
        return 0;
}

int avc_context_to_sid_raw(const char *context, security_id_t *sid)
{
        return avc_context_to_sid(context, sid);
}

int avc_sid_to_context(security_id_t sid, char **context)
{
        if (note("avc_sid_to_context %s", sid->ctx) < 0)
                return -1;
        *context = copy(sid->ctx);
        return 0;
}

static const char *perm_name(access_vector_t perm)
{
        return perm == PERM_ACQUIRE_SVC ? "acquire_svc" : "send_msg";
}

/* Logs the way libselinux does. */
static void audit_decision(security_id_t from, security_id_t to, access_vector_t perm, bool denied,
                           int permissive, void *data)
{
        char text[1024] = "";

        if (callbacks[SELINUX_CB_AUDIT].func_audit)
                callbacks[SELINUX_CB_AUDIT].func_audit(data, CLASS_DBUS, text, sizeof(text));
        if (callbacks[SELINUX_CB_LOG].func_log)
                callbacks[SELINUX_CB_LOG].func_log(
                        SELINUX_AVC,
                        "avc:  %s  { %s } for %s scontext=%s tcontext=%s tclass=dbus permissive=%d",
                        denied ? "denied" : "granted", perm_name(perm), text, from->ctx, to->ctx,
                        permissive);
}

int avc_has_perm(security_id_t from, security_id_t to, security_class_t class, access_vector_t perm,
                 struct avc_entry_ref *ref, void *data)
{
        int permissive = atoi(setting("permissive", "0"));
        char call[LINE_SIZE];
        bool denied;

        (void)ref;
        snprintf(call, sizeof(call), "avc_has_perm %s %s %u %s", from->ctx, to->ctx,
                 (unsigned)class, perm_name(perm));
        if (note("%s", call) < 0)
                return -1;
        denied = find("deny", call, NULL, 0);
        if (denied || find("audit", call, NULL, 0))
                audit_decision(from, to, perm, denied, permissive, data);
        if (!denied || permissive)
                return 0;
        errno = EACCES;
        return -1;
}

int avc_has_perm_noaudit(security_id_t from, security_id_t to, security_class_t class,
                         access_vector_t perm, struct avc_entry_ref *ref,
                         struct av_decision *decision)
{
        char call[LINE_SIZE];
        bool denied;

        (void)ref;
        /* The same lines of the script say what becomes of it. */
        snprintf(call, sizeof(call), "avc_has_perm %s %s %u %s", from->ctx, to->ctx,
                 (unsigned)class, perm_name(perm));
        if (note("noaudit %s", call) < 0)
                return -1;
        denied = find("deny", call, NULL, 0);
        *decision = (struct av_decision){.allowed = denied ? 0 : perm};
        if (find("audit", call, NULL, 0))
                decision->auditallow = perm;
        if (!denied)
                return 0;
        errno = EACCES;
        return -1;
}

/* AppArmor */

int aa_is_enabled(void)
{
        if (note("aa_is_enabled") < 0)
                return 0;
        if (atoi(setting("apparmor", "0")))
                return 1;
        errno = ENOSYS;
        return 0;
}

int aa_find_mountpoint(char **path)
{
        if (note("aa_find_mountpoint") < 0)
                return -1;
        *path = copy(setting("apparmorfs", "/nonexistent"));
        return 0;
}

/* "label mode" as the kernel has it: one block, to be freed by the label. */
static int give_label(const char *value, char **label, char **mode)
{
        char *text = copy(value), *end = strrchr(text, ' ');

        if (end)
                *end++ = '\0';
        *label = text;
        if (mode)
                *mode = end;
        return 0;
}

int aa_getcon(char **label, char **mode)
{
        if (note("aa_getcon") < 0)
                return -1;
        return give_label(setting("own", FAKE_OWN_LABEL), label, mode);
}

int aa_getpeercon(int fd, char **label, char **mode)
{
        (void)fd;
        if (note("aa_getpeercon") < 0)
                return -1;
        return give_label(setting("peer", FAKE_PEER_LABEL), label, mode);
}

static const char *mask_name(uint32_t mask)
{
        static char other[16];

        switch (mask) {
        case AA_DBUS_SEND:
                return "send";
        case AA_DBUS_RECEIVE:
                return "receive";
        case AA_DBUS_BIND:
                return "bind";
        case AA_DBUS_EAVESDROP:
                return "eavesdrop";
        default:
                snprintf(other, sizeof(other), "0x%x", mask);
                return other;
        }
}

static void show_bytes(char *out, size_t size, const char *bytes, size_t n)
{
        size_t at = strlen(out);

        for (size_t i = 0; i < n && at + 4 < size; ++i) {
                unsigned char c = (unsigned char)bytes[i];

                if (!c)
                        at += (size_t)snprintf(out + at, size - at, "|");
                else if (isprint(c))
                        at += (size_t)snprintf(out + at, size - at, "%c", c);
                else
                        at += (size_t)snprintf(out + at, size - at, "\\%02x", c);
        }
}

int aa_query_label(uint32_t mask, char *query, size_t size, int *allowed, int *audited)
{
        char call[LINE_SIZE];

        /* The library writes its command into the room that the caller left. */
        if (size < AA_QUERY_CMD_LABEL_SIZE) {
                errno = EINVAL;
                return -1;
        }
        snprintf(call, sizeof(call), "aa_query_label %s ", mask_name(mask));
        show_bytes(call, sizeof(call), query + AA_QUERY_CMD_LABEL_SIZE,
                   size - AA_QUERY_CMD_LABEL_SIZE);
        memcpy(query, AA_QUERY_CMD_LABEL, AA_QUERY_CMD_LABEL_SIZE);
        if (note("%s", call) < 0)
                return -1;
        *allowed = !find("deny", call, NULL, 0);
        *audited = !*allowed || find("audit", call, NULL, 0);
        if (find("quiet", call, NULL, 0))
                *audited = 0;
        return 0;
}

/* Audit */

int audit_open(void)
{
        if (note("audit_open") < 0)
                return -1;
        return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

void audit_close(int fd)
{
        note("audit_close");
        close(fd);
}

int audit_log_user_avc_message(int fd, int type, const char *message, const char *hostname,
                               const char *addr, const char *tty, uid_t uid)
{
        (void)fd;
        return note("audit_log_user_avc_message %d [%s] host=%s addr=%s tty=%s uid=%ld", type,
                    message, hostname ? hostname : "-", addr ? addr : "-", tty ? tty : "-",
                    (long)uid);
}

/* What goes to syslog; under the names by which a fortified program calls it, too. */

void syslog(int priority, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsyslog(priority, format, args);
        va_end(args);
}

void vsyslog(int priority, const char *format, va_list args)
{
        char text[LINE_SIZE];

        vsnprintf(text, sizeof(text), format, args);
        note("syslog %d [%s]", priority, text);
}

void __syslog_chk(int priority, int flag, const char *format, ...);
void __vsyslog_chk(int priority, int flag, const char *format, va_list args);

void __syslog_chk(int priority, int flag, const char *format, ...)
{
        va_list args;

        (void)flag;
        va_start(args, format);
        vsyslog(priority, format, args);
        va_end(args);
}

void __vsyslog_chk(int priority, int flag, const char *format, va_list args)
{
        (void)flag;
        vsyslog(priority, format, args);
}
