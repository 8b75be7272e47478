/* SPDX-License-Identifier: MIT */
#include "core/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/hex.h"
#include "core/random.h"
#include "core/user.h"

/* Ages in seconds, which the specification asks all servers to agree on: a cookie is used for so
 * long, kept for so long, and may be so far ahead of our clock. */
#define COOKIE_USE_AGE  (5 * 60)
#define COOKIE_KEEP_AGE (7 * 60)
#define COOKIE_AHEAD    (5 * 60)

/* What the reference makes and reads: bytes of a secret, cookies in a file, bytes of a file. */
#define SECRET_BYTES 24
#define MAX_COOKIES  256u
#define MAX_FILE     (1024u * 1024)

/* A lock is held for as long as it takes to write a small file. One that is older than this many
 * seconds was left behind. Others are waited for, but not for long: a server has more to do. */
#define LOCK_STALE_AGE 8
#define LOCK_TRIES     5
#define LOCK_PAUSE_NS  2000000

#define LOCK_SUFFIX ".lock"
/* Longer than what is put behind a context to name a file beside it. */
#define SUFFIX_ROOM 16u

#define BLANKS " \t"

struct cookie {
        int32_t id;
        int64_t created; /* seconds since the epoch */
        char *secret;    /* lower-case hexadecimal digits */
};

struct keyring {
        struct cookie cookies[MAX_COOKIES];
        size_t n;
};

char *keyring_forget(char *secret)
{
        if (secret)
                explicit_bzero(secret, strlen(secret));
        free(secret);
        return NULL;
}

static void remove_cookie(struct keyring *k, size_t i)
{
        keyring_forget(k->cookies[i].secret);
        k->n -= 1;
        memmove(&k->cookies[i], &k->cookies[i + 1], (k->n - i) * sizeof(*k->cookies));
}

static void clear(struct keyring *k)
{
        while (k->n)
                remove_cookie(k, k->n - 1);
}

bool keyring_context_valid(const char *context)
{
        size_t n = strlen(context);

        if (!n || n + SUFFIX_ROOM > NAME_MAX)
                return false;
        for (size_t i = 0; i < n; ++i) {
                if ((unsigned char)context[i] >= 0x80 || strchr("/\\ \n\r\t.", context[i]))
                        return false;
        }
        return true;
}

int keyring_directory(uid_t uid, char **path)
{
        const char *environment = uid == getuid() ? getenv("HOME") : NULL;
        char *home;
        int r;

        if (getauxval(AT_SECURE))
                return -EPERM;
        if (environment)
                r = !*environment ? -ENOENT : (home = strdup(environment)) ? 0 : -ENOMEM;
        else
                r = user_home(uid, &home);
        if (r < 0)
                return r;
        r = asprintf(path, "%s/.dbus-keyrings", home) < 0 ? -ENOMEM : 0;
        free(home);
        return r;
}

/* Opens a directory of keyrings; for a server makes it, if need be. */
static int open_directory(const char *path, bool make)
{
        const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
        struct stat st;
        int fd = open(path, flags);

        if (fd < 0 && errno == ENOENT && make && (mkdir(path, 0700) == 0 || errno == EEXIST))
                fd = open(path, flags);
        if (fd < 0 || fstat(fd, &st) < 0) {
                int r = -errno;

                if (fd >= 0)
                        close(fd);
                return r;
        }
        /* "must not be readable or writable by other users": searching it does no harm. */
        if (st.st_uid != geteuid() || (st.st_mode & 066)) {
                close(fd);
                return -EACCES;
        }
        return fd;
}

/* Takes a number of at most `max` off the front of a line, and the blanks behind it. */
static bool take_number(const char **line, int64_t max, int64_t *value)
{
        const char *at = *line + strspn(*line, BLANKS);
        char *end;
        long long v;

        if (*at < '0' || *at > '9')
                return false;
        errno = 0;
        v = strtoll(at, &end, 10);
        if (errno || v > max || !strspn(end, BLANKS))
                return false;
        *value = v;
        *line = end + strspn(end, BLANKS);
        return true;
}

/* Takes a secret, which goes to the end of the line. Returns 0, -EINVAL or -ENOMEM. */
static int take_secret(const char *line, char **secret)
{
        size_t n = strcspn(line, "\r");
        uint8_t *bytes;
        ssize_t n_bytes;
        int r = -EINVAL;

        if (!n || line[n + strspn(line + n, "\r")])
                return -EINVAL;
        bytes = malloc((n + 1) / 2);
        if (!bytes)
                return -ENOMEM;
        n_bytes = hex_decode(line, n, bytes);
        if (n_bytes >= 0) {
                /* Both sides hash the digits, so these have to be in the one form. */
                *secret = malloc((size_t)n_bytes * 2 + 1);
                if (*secret)
                        hex_encode(bytes, (size_t)n_bytes, *secret);
                r = *secret ? 0 : -ENOMEM;
        }
        explicit_bzero(bytes, (n + 1) / 2);
        free(bytes);
        return r;
}

/* Lines that are no cookies are skipped, and gone when the file is next written. */
static int parse_line(struct keyring *k, const char *line)
{
        struct cookie *c = &k->cookies[k->n];
        int64_t id;
        int r;

        if (!take_number(&line, INT32_MAX, &id) || !take_number(&line, INT64_MAX, &c->created))
                return 0;
        r = take_secret(line, &c->secret);
        if (r < 0)
                return r == -EINVAL ? 0 : r;
        c->id = (int32_t)id;
        k->n += 1;
        return 0;
}

/* Parses a file, one place being left for a new cookie. */
static int parse(struct keyring *k, char *text, size_t n)
{
        char *line, *next = text;
        int r = 0;

        for (size_t i = 0; i < n; ++i) {
                if (!text[i] || (unsigned char)text[i] >= 0x80)
                        return 0;
        }
        while (!r && k->n < MAX_COOKIES - 1 && (line = strsep(&next, "\n")))
                r = parse_line(k, line);
        return r;
}

/* Reads all of a small file into *text, with a NUL behind it. Returns its length or -errno. */
static ssize_t read_all(int fd, char **text)
{
        struct stat st;
        size_t room, have = 0;
        ssize_t n;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EISDIR;
        if (st.st_size > (off_t)MAX_FILE)
                return -EFBIG;
        room = (size_t)st.st_size;
        *text = malloc(room + 1);
        if (!*text)
                return -ENOMEM;
        while (have < room) {
                n = read(fd, *text + have, room - have);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        int r = -errno;

                        free(*text);
                        return r;
                }
                if (!n)
                        break;
                have += (size_t)n;
        }
        (*text)[have] = '\0';
        return (ssize_t)have;
}

/* Loads a file. One that is not there, or is much too large, has no cookies. */
static int load(struct keyring *k, int directory, const char *context)
{
        int fd = openat(directory, context, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        char *text = NULL;
        ssize_t n;
        int r;

        clear(k);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        n = read_all(fd, &text);
        close(fd);
        if (n < 0)
                return n == -EFBIG ? 0 : (int)n;
        r = parse(k, text, (size_t)n);
        explicit_bzero(text, (size_t)n);
        free(text);
        return r;
}

static const struct cookie *find(const struct keyring *k, int32_t id)
{
        for (size_t i = 0; i < k->n; ++i) {
                if (k->cookies[i].id == id)
                        return &k->cookies[i];
        }
        return NULL;
}

static const struct cookie *find_recent(const struct keyring *k, int64_t now)
{
        for (size_t i = 0; i < k->n; ++i) {
                int64_t created = k->cookies[i].created;

                if (created >= now - COOKIE_USE_AGE && created <= now + COOKIE_AHEAD)
                        return &k->cookies[i];
        }
        return NULL;
}

static void prune(struct keyring *k, int64_t now)
{
        size_t i = 0;

        while (i < k->n) {
                int64_t created = k->cookies[i].created;

                if (created < now - COOKIE_KEEP_AGE || created > now + COOKIE_AHEAD)
                        remove_cookie(k, i);
                else
                        i += 1;
        }
}

static int add(struct keyring *k, int64_t now)
{
        struct cookie *c = &k->cookies[k->n];
        uint8_t bytes[SECRET_BYTES];
        int r;

        do {
                r = random_bytes(&c->id, sizeof(c->id));
                c->id &= INT32_MAX;
        } while (!r && find(k, c->id));
        if (!r)
                r = random_bytes(bytes, sizeof(bytes));
        if (r < 0)
                return r;
        c->created = now;
        c->secret = malloc(2 * sizeof(bytes) + 1);
        if (!c->secret)
                return -ENOMEM;
        hex_encode(bytes, sizeof(bytes), c->secret);
        explicit_bzero(bytes, sizeof(bytes));
        k->n += 1;
        return 0;
}

static int write_cookies(const struct keyring *k, int fd)
{
        FILE *f = fdopen(fd, "w");
        int r = 0;

        if (!f) {
                close(fd);
                return -ENOMEM;
        }
        for (size_t i = 0; i < k->n && r >= 0; ++i)
                r = fprintf(f, "%" PRId32 " %" PRId64 " %s\n", k->cookies[i].id,
                            k->cookies[i].created, k->cookies[i].secret);
        /* What does not fit the disk may show only when the stream is closed. */
        if (r < 0) {
                r = -errno;
                fclose(f);
                return r;
        }
        return fclose(f) ? -errno : 0;
}

/* Puts a new file in the place of the old one, so that clients see all of the one or the other. */
static int save(const struct keyring *k, int directory, const char *context)
{
        char name[NAME_MAX + 1];
        uint32_t unique;
        int fd, r = random_bytes(&unique, sizeof(unique));

        if (r < 0)
                return r;
        snprintf(name, sizeof(name), "%s.%08" PRIx32, context, unique);
        fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = write_cookies(k, fd);
        if (!r && renameat(directory, name, directory, context) < 0)
                r = -errno;
        if (r < 0)
                unlinkat(directory, name, 0);
        return r;
}

static bool lock_is_stale(int directory, const char *name)
{
        struct stat st;
        time_t age;

        if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return false;
        age = time(NULL) - st.st_mtime;
        return age > LOCK_STALE_AGE || age < -LOCK_STALE_AGE;
}

static int lock(int directory, const char *name)
{
        const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};

        for (unsigned tries = 0; tries < LOCK_TRIES; ++tries) {
                int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

                if (fd >= 0) {
                        close(fd);
                        return 0;
                }
                if (errno != EEXIST)
                        return -errno;
                if (lock_is_stale(directory, name))
                        unlinkat(directory, name, 0);
                else
                        nanosleep(&pause, NULL);
        }
        return -EBUSY;
}

/* Loads the file anew under its lock, as another server may have changed it meanwhile. */
static int renew(struct keyring *k, int directory, const char *context, int64_t now)
{
        char lock_name[NAME_MAX + 1];
        int r;

        snprintf(lock_name, sizeof(lock_name), "%s" LOCK_SUFFIX, context);
        r = lock(directory, lock_name);
        if (r < 0)
                return r;
        r = load(k, directory, context);
        if (!r) {
                prune(k, now);
                if (!find_recent(k, now)) {
                        r = add(k, now);
                        if (!r)
                                r = save(k, directory, context);
                }
        }
        unlinkat(directory, lock_name, 0);
        return r;
}

static int get_cookie(struct keyring *k, int directory, const char *context, int32_t *id,
                      char **secret)
{
        int64_t now = time(NULL);
        const struct cookie *c;
        int r = load(k, directory, context);

        if (!r && !find_recent(k, now))
                r = renew(k, directory, context, now);
        if (r < 0)
                return r;
        c = find_recent(k, now);
        *id = c->id;
        *secret = strdup(c->secret);
        return *secret ? 0 : -ENOMEM;
}

static int find_cookie(struct keyring *k, int directory, const char *context, int32_t id,
                       char **secret)
{
        const struct cookie *c;
        int r = load(k, directory, context);

        if (r < 0)
                return r;
        c = find(k, id);
        if (!c)
                return -ENOENT;
        *secret = strdup(c->secret);
        return *secret ? 0 : -ENOMEM;
}

/* Opens what the functions below work on. Returns the directory's descriptor or -errno. */
static int begin(struct keyring **kp, const char *directory, const char *context, bool make)
{
        int fd;

        if (!keyring_context_valid(context))
                return -EINVAL;
        fd = open_directory(directory, make);
        if (fd < 0)
                return fd;
        *kp = calloc(1, sizeof(**kp));
        if (!*kp) {
                close(fd);
                return -ENOMEM;
        }
        return fd;
}

static void end(struct keyring *k, int fd)
{
        clear(k);
        free(k);
        close(fd);
}

int keyring_get_cookie(const char *directory, const char *context, int32_t *id, char **secret)
{
        struct keyring *k;
        int r, fd = begin(&k, directory, context, true);

        if (fd < 0)
                return fd;
        r = get_cookie(k, fd, context, id, secret);
        end(k, fd);
        return r;
}

int keyring_find_cookie(const char *directory, const char *context, int32_t id, char **secret)
{
        struct keyring *k;
        int r, fd = begin(&k, directory, context, false);

        if (fd < 0)
                return fd;
        r = find_cookie(k, fd, context, id, secret);
        end(k, fd);
        return r;
}
