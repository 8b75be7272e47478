/* SPDX-License-Identifier: MIT */
#include "bus/service-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/syntax.h"

#define GROUP "D-BUS Service"

#define ERROR_PARSE           "org.freedesktop.DBus.DesktopParseError."
#define ERROR_INVALID_SYNTAX  ERROR_PARSE "InvalidSyntax"
#define ERROR_INVALID_CHARS   ERROR_PARSE "InvalidChars"
#define ERROR_INVALID_ESCAPES ERROR_PARSE "InvalidEscapes"

struct span {
        const char *text;
        size_t length;
};

/* A file being read. */
struct reader {
        const char *at, *end;
        const char *blank_end; /* nothing but blanks up to here */
        unsigned line;         /* from 1 */
        struct span section;   /* text is NULL before the first */
        bool seen, inside;     /* the group that matters; only the first of this name does */
        struct service_file *file;
        struct fault *fault;
};

/* What is kept of a file, and where. */
static const struct key {
        const char *name;
        size_t offset;
} keys[] = {
        {"Name", offsetof(struct service_file, name)},
        {"Exec", offsetof(struct service_file, exec)},
        {"User", offsetof(struct service_file, user)},
        {"SystemdService", offsetof(struct service_file, unit)},
        {"AssumedAppArmorLabel", offsetof(struct service_file, label)},
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static bool span_equal(struct span s, const char *text)
{
        return s.length == strlen(text) && memcmp(s.text, text, s.length) == 0;
}

static char **field(struct service_file *s, const struct key *key)
{
        return (char **)((char *)s + key->offset);
}

static int invalid(struct reader *r, const char *error, const char *reason)
{
        if (r->section.text)
                return fault_set(r->fault, error, "Error in section %.*s at line %u: %s",
                                 (int)r->section.length, r->section.text, r->line, reason);
        return fault_set(r->fault, error, "Error at line %u: %s", r->line, reason);
}

/* ---- lines ---- */

/* A line ends with \n, \r or both in this order. */
static struct span next_line(struct reader *r)
{
        struct span line = {.text = r->at};

        while (r->at < r->end && *r->at != '\n' && *r->at != '\r')
                r->at++;
        line.length = (size_t)(r->at - line.text);
        if (r->at < r->end && *r->at++ == '\r' && r->at < r->end && *r->at == '\n')
                r->at++;
        return line;
}

/* Here \r is a blank and does not end the line, as with the reference: so "\n\rName=" is not an
 * empty line and a key, but a key that starts with \r. What is known to be blank is not looked at
 * again, or many \r would take a time that grows with their square. */
static bool starts_with_empty_line(struct reader *r)
{
        const char *at = r->at;

        if (at < r->blank_end)
                return true;
        while (at < r->end && *at != '\n') {
                if (*at != ' ' && *at != '\t' && *at != '\r' && *at != '\f')
                        return false;
                at++;
        }
        r->blank_end = at;
        return true;
}

/* ---- groups ---- */

static bool is_section_character(char c)
{
        return c >= ' ' && c <= '~' && c != '[' && c != ']';
}

static int read_section(struct reader *r, struct span line)
{
        struct span name = {line.text + 1, line.length - 2};

        if (line.length <= 2 || line.text[line.length - 1] != ']')
                return invalid(r, ERROR_INVALID_SYNTAX, "Invalid syntax for section header");
        for (size_t i = 0; i < name.length; i++) {
                if (!is_section_character(name.text[i]))
                        return invalid(r, ERROR_INVALID_CHARS,
                                       "Invalid characters in section name");
        }
        r->section = name;
        r->inside = !r->seen && span_equal(name, GROUP);
        r->seen = r->seen || r->inside;
        return 0;
}

/* ---- keys and values ---- */

static bool is_key_character(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-';
}

/* The character that a backslash and `c` stand for; 0: none. */
static char unescaped(char c)
{
        static const char from[] = "sntr\\", to[] = " \n\t\r\\";
        const char *at = c ? strchr(from, c) : NULL;

        return at ? to[at - from] : 0;
}

/* Returns a text to be freed; or NULL, and why is known. */
static char *unescape(struct reader *r, struct span value)
{
        char *text = malloc(value.length + 1), *out = text;

        if (!text) {
                fault_no_memory(r->fault);
                return NULL;
        }
        for (size_t i = 0; i < value.length; i++) {
                char c = value.text[i];

                if (c == '\\') {
                        const char *reason = "Text to be unescaped ended in \\";

                        c = ++i < value.length ? unescaped(value.text[i]) : 0;
                        if (!c) {
                                if (i < value.length)
                                        reason = "Text to be unescaped had invalid escape sequence";
                                free(text);
                                invalid(r, ERROR_INVALID_ESCAPES, reason);
                                return NULL;
                        }
                }
                *out++ = c;
        }
        *out = '\0';
        return text;
}

/* The first of several for one key counts. */
static void keep(struct reader *r, struct span key, char *value)
{
        for (size_t i = 0; r->inside && i < N_KEYS; i++) {
                char **place = field(r->file, &keys[i]);

                if (span_equal(key, keys[i].name) && !*place) {
                        *place = value;
                        return;
                }
        }
        free(value);
}

static int read_key(struct reader *r, struct span line)
{
        struct span key = {.text = line.text}, value;
        const char *at = line.text, *end = line.text + line.length;
        char *text;

        if (!r->section.text)
                return fault_set(r->fault, ERROR_INVALID_SYNTAX,
                                 "invalid service file: key=value before [Section]");
        while (at < end && is_key_character(*at))
                at++;
        key.length = (size_t)(at - key.text);
        if (!key.length)
                return invalid(r, ERROR_INVALID_SYNTAX, "Empty key name");
        /* A value for one language: nothing of a service has one, and nobody looks at the rest. */
        if (at < end && *at == '[')
                return 0;
        while (at < end && *at == ' ')
                at++;
        if (at == end)
                return invalid(r, ERROR_INVALID_SYNTAX, "No '=' in key/value pair");
        if (*at++ != '=')
                return invalid(r, ERROR_INVALID_CHARS, "Invalid characters in key name");
        while (at < end && *at == ' ')
                at++;
        value = (struct span){at, (size_t)(end - at)};
        text = unescape(r, value);
        if (!text)
                return -1;
        keep(r, key, text);
        return 0;
}

/* ---- the whole ---- */

static int read_line(struct reader *r)
{
        bool empty = starts_with_empty_line(r);
        struct span line = next_line(r);

        if (empty || (line.length && line.text[0] == '#'))
                return 0;
        if (line.length && line.text[0] == '[')
                return read_section(r, line);
        return read_key(r, line);
}

static int read_all(struct reader *r)
{
        for (; r->at < r->end; r->line++) {
                if (read_line(r) < 0)
                        return -1;
        }
        return 0;
}

int service_file_parse(const char *bytes, size_t n, struct service_file *s, struct fault *f)
{
        struct service_file file = {0};
        struct reader r = {.at = bytes,
                           .end = bytes + n,
                           .blank_end = bytes,
                           .line = 1,
                           .file = &file,
                           .fault = f};

        if (!syntax_utf8(bytes, n))
                return fault_set(f, ERROR_FAILED, "invalid UTF-8");
        if (read_all(&r) < 0) {
                service_file_deinit(&file);
                return -1;
        }
        *s = file;
        return 0;
}

static int failed(struct fault *f, const char *what, const char *path)
{
        int error = errno;
        bool lack = error == EMFILE || error == ENFILE;

        if (error == ENOMEM)
                return fault_no_memory(f);
        return fault_set(f, lack ? ERROR_LIMITS_EXCEEDED : ERROR_FAILED, "Failed to %s \"%s\": %s",
                         what, path, strerror(error));
}

/* Reads up to `n` bytes. Returns how many, or -1 and errno. */
static ssize_t read_up_to(int fd, char *bytes, size_t n)
{
        size_t done = 0;

        while (done < n) {
                ssize_t r = read(fd, bytes + done, n - done);

                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0)
                        return -1;
                if (r == 0)
                        break;
                done += (size_t)r;
        }
        return (ssize_t)done;
}

static int read_from(int fd, const char *path, struct service_file *s, struct fault *f)
{
        struct stat st;
        char *bytes;
        ssize_t n;
        int r;

        if (fstat(fd, &st) < 0)
                return failed(f, "stat", path);
        if (!S_ISREG(st.st_mode))
                return fault_set(f, ERROR_FAILED, "\"%s\" is not a regular file", path);
        if (st.st_size > SERVICE_FILE_MAX)
                return fault_set(f, ERROR_FAILED, "Desktop file size (%lld bytes) is too large",
                                 (long long)st.st_size);
        /* What is added meanwhile is left for the next time. */
        bytes = malloc((size_t)st.st_size + 1);
        if (!bytes)
                return fault_no_memory(f);
        n = read_up_to(fd, bytes, (size_t)st.st_size);
        r = n < 0 ? failed(f, "read", path) : service_file_parse(bytes, (size_t)n, s, f);
        free(bytes);
        return r;
}

int service_file_read(const char *path, struct service_file *s, struct fault *f)
{
        /* O_NONBLOCK: a FIFO must not keep us waiting for somebody who writes to it. */
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r;

        if (fd < 0)
                return failed(f, "open", path);
        r = read_from(fd, path, s, f);
        close(fd);
        return r;
}

int service_file_require(const char *value, const char *key, struct fault *f)
{
        return value ? 0 : fault_set(f, ERROR_FAILED, "No \"%s\" key in .service file\n", key);
}

void service_file_deinit(struct service_file *s)
{
        for (size_t i = 0; i < N_KEYS; i++)
                free(*field(s, &keys[i]));
        *s = (struct service_file){0};
}
