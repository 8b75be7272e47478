/* SPDX-License-Identifier: MIT */
#include "uuid.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define SYSTEM_FILE  "/etc/machine-id"
#define MOST_BYTES   (1024 * 1024) /* of a file */
#define FILE_MODE    0644
#define BLANKS       " \t\n\v\f\r"
#define SUFFIX_BYTES 8

enum { UUID_BYTES = UUID_DIGITS / 2 };

static const char digits[] = "0123456789abcdef";

static void random_bytes(void *bytes, size_t n)
{
        char *p = bytes;

        while (n) {
                ssize_t r = getrandom(p, n, 0);

                if (r < 0 && errno != EINTR) {
                        perror("getrandom");
                        exit(EXIT_FAILURE);
                }
                if (r > 0) {
                        p += r;
                        n -= (size_t)r;
                }
        }
}

static void encode(struct uuid *uuid, const uint8_t *bytes)
{
        for (unsigned i = 0; i < UUID_BYTES; ++i) {
                uuid->text[2 * i] = digits[bytes[i] >> 4];
                uuid->text[2 * i + 1] = digits[bytes[i] & 0xf];
        }
        uuid->text[UUID_DIGITS] = '\0';
}

void uuid_generate(struct uuid *uuid)
{
        uint8_t bytes[UUID_BYTES];
        uint32_t now = htobe32((uint32_t)time(NULL));

        random_bytes(bytes, sizeof(bytes) - sizeof(now));
        memcpy(bytes + sizeof(bytes) - sizeof(now), &now, sizeof(now));
        encode(uuid, bytes);
}

/* The value of a hexadecimal digit, of either case; -1 if it is none. */
static int digit_value(char c)
{
        const char *found = c >= 'A' && c <= 'F' ? strchr(digits, c - 'A' + 'a')
                            : c                  ? strchr(digits, c)
                                                 : NULL;

        return found ? (int)(found - digits) : -1;
}

/* Decodes pairs of digits up to what is none. A digit that is left alone counts as the first of its
 * pair. Returns the number of bytes. */
static int decode(uint8_t *bytes, const char *text)
{
        int n = 0;

        for (; n < UUID_BYTES; ++n) {
                int high = digit_value(text[2 * n]), low;

                if (high < 0)
                        break;
                low = digit_value(text[2 * n + 1]);
                bytes[n] = (uint8_t)(high << 4 | (low < 0 ? 0 : low));
                if (low < 0)
                        return n + 1;
        }
        return n;
}

static bool parse(struct uuid *uuid, const char *file, const char *text, size_t n, DBusError *error)
{
        uint8_t bytes[UUID_BYTES];
        int decoded;

        while (n && strchr(BLANKS, text[n - 1]) && text[n - 1])
                --n;
        while (n && strchr(BLANKS, *text) && *text) {
                ++text;
                --n;
        }
        if (n != UUID_DIGITS) {
                dbus_set_error(error, DBUS_ERROR_INVALID_FILE_CONTENT,
                               "UUID file '%s' should contain a hex string of length %d, not "
                               "length %zu, with no other text",
                               file, UUID_DIGITS, n);
                return false;
        }
        decoded = decode(bytes, text);
        if (!decoded) {
                dbus_set_error(error, DBUS_ERROR_INVALID_FILE_CONTENT,
                               "UUID file '%s' contains invalid hex data", file);
                return false;
        }
        if (decoded != UUID_BYTES) {
                dbus_set_error(error, DBUS_ERROR_INVALID_FILE_CONTENT,
                               "UUID file '%s' contains %d bytes of hex-encoded data instead of %d",
                               file, decoded, UUID_BYTES);
                return false;
        }
        encode(uuid, bytes);
        return true;
}

/* Whether it is something that can be read to an end. */
static bool is_readable(int fd, const char *file, DBusError *error)
{
        struct stat status;

        if (fstat(fd, &status) < 0) {
                dbus_set_error(error, DBUS_ERROR_FAILED, "Failed to stat \"%s\": %s", file,
                               strerror(errno));
                return false;
        }
        if (status.st_size > MOST_BYTES) {
                dbus_set_error(error, DBUS_ERROR_FAILED, "File size %lu of \"%s\" is too large.",
                               (unsigned long)status.st_size, file);
                return false;
        }
        if (status.st_size > 0 && !S_ISREG(status.st_mode)) {
                dbus_set_error(error, DBUS_ERROR_FAILED, "\"%s\" is not a regular file", file);
                return false;
        }
        return true;
}

static char *read_file(const char *file, size_t *n, DBusError *error)
{
        char *text = NULL;
        int fd = open(file, O_RDONLY | O_CLOEXEC);

        if (fd < 0) {
                dbus_set_error(error,
                               errno == ENOENT ? DBUS_ERROR_FILE_NOT_FOUND : DBUS_ERROR_FAILED,
                               "Failed to open \"%s\": %s", file, strerror(errno));
                return NULL;
        }
        if (is_readable(fd, file, error)) {
                text = tool_read_all(fd, n);
                if (!text)
                        dbus_set_error(error, DBUS_ERROR_FAILED, "Error reading \"%s\": %s", file,
                                       strerror(errno));
        }
        close(fd);
        return text;
}

bool uuid_read(struct uuid *uuid, const char *file, DBusError *error)
{
        size_t n;
        char *text = read_file(file, &n, error);
        bool ok = text && parse(uuid, file, text, n, error);

        free(text);
        return ok;
}

/* The name of a file next to one, which is not there yet. */
static char *temporary_name(const char *file)
{
        static const char letters[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        unsigned char bytes[SUFFIX_BYTES];
        char suffix[SUFFIX_BYTES + 1] = "", *name;

        random_bytes(bytes, sizeof(bytes));
        for (unsigned i = 0; i < SUFFIX_BYTES; ++i)
                suffix[i] = letters[bytes[i] % (sizeof(letters) - 1)];
        return asprintf(&name, "%s.%s", file, suffix) < 0 ? NULL : name;
}

static bool fill(int fd, const char *name, const struct uuid *uuid, DBusError *error)
{
        char line[UUID_DIGITS + 1];
        int r;

        memcpy(line, uuid->text, UUID_DIGITS);
        line[UUID_DIGITS] = '\n';
        /* Everybody shall read it, whatever the umask. */
        r = fchmod(fd, FILE_MODE) < 0 ? -errno : tool_write_all(fd, line, sizeof(line));
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (r < 0)
                dbus_set_error(error, DBUS_ERROR_FAILED, "Could not write to %s: %s", name,
                               strerror(-r));
        return r == 0;
}

/* Puts a whole file in the place of what may be there. */
static bool save(const struct uuid *uuid, const char *file, DBusError *error)
{
        char *name = temporary_name(file);
        bool ok = false;
        int fd;

        if (!name)
                tool_out_of_memory("naming a file");
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
        if (fd < 0) {
                dbus_set_error(error, DBUS_ERROR_FAILED, "Could not create %s: %s", name,
                               strerror(errno));
        } else {
                ok = fill(fd, name, uuid, error);
                close(fd);
                if (ok && rename(name, file) < 0) {
                        dbus_set_error(error, DBUS_ERROR_FAILED, "Could not rename %s to %s: %s",
                                       name, file, strerror(errno));
                        ok = false;
                }
                if (!ok)
                        unlink(name);
        }
        free(name);
        return ok;
}

bool uuid_ensure(const char *file, DBusError *error)
{
        DBusError reading = DBUS_ERROR_INIT;
        struct uuid uuid;

        if (uuid_read(&uuid, file, &reading))
                return true;
        if (dbus_error_has_name(&reading, DBUS_ERROR_INVALID_FILE_CONTENT)) {
                dbus_move_error(&reading, error);
                return false;
        }
        dbus_error_free(&reading);
        uuid_generate(&uuid);
        return save(&uuid, file, error);
}

bool uuid_ensure_machine(DBusError *error)
{
        struct uuid uuid;

        if (uuid_read(&uuid, UUID_MACHINE_FILE, NULL))
                return true;
        if (!uuid_read(&uuid, SYSTEM_FILE, NULL))
                uuid_generate(&uuid);
        return save(&uuid, UUID_MACHINE_FILE, error);
}
