/* SPDX-License-Identifier: MIT */
#include "core/guid.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/hex.h"
#include "core/random.h"

#define GUID_BYTES 16

/* Blanks and line ends, which an identifier in a file may have around it. */
#define WHITE_SPACE " \t\r\n"

int guid_new(char out[GUID_SIZE])
{
        uint8_t bytes[GUID_BYTES];
        /* The last 32 bits are the time, should the random ones be less random than they ought to
         * be (specification, "UUIDs"). */
        uint32_t now = htobe32((uint32_t)time(NULL));
        size_t n_random = sizeof(bytes) - sizeof(now);
        int r = random_bytes(bytes, n_random);

        if (r < 0)
                return r;
        memcpy(bytes + n_random, &now, sizeof(now));
        hex_encode(bytes, sizeof(bytes), out);
        return 0;
}

bool guid_valid(const char *text)
{
        size_t n = 0;

        while (n < GUID_SIZE - 1 && hex_digit(text[n]) >= 0)
                n += 1;
        return n == GUID_SIZE - 1 && !text[n];
}

static ssize_t read_text(const char *path, char *text, size_t size)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        size_t have = 0;
        ssize_t n;

        if (fd < 0)
                return -errno;
        do {
                n = read(fd, text + have, size - have);
                if (n > 0)
                        have += (size_t)n;
        } while ((n > 0 && have < size) || (n < 0 && errno == EINTR));
        if (n < 0)
                n = -errno;
        close(fd);
        return n < 0 ? n : (ssize_t)have;
}

int machine_id_read_from(const char *path, char out[GUID_SIZE])
{
        /* One byte for the NUL; a file that fills the rest is not what we look for. */
        char text[128];
        uint8_t bytes[GUID_BYTES];
        ssize_t n = read_text(path, text, sizeof(text) - 1);
        size_t start, length;

        if (n < 0)
                return (int)n;
        text[n] = '\0';
        start = strspn(text, WHITE_SPACE);
        length = strcspn(text + start, WHITE_SPACE);
        if (length != GUID_SIZE - 1 ||
            start + length + strspn(text + start + length, WHITE_SPACE) != (size_t)n ||
            n == sizeof(text) - 1 || hex_decode(text + start, length, bytes) < 0)
                return -EBADMSG;
        hex_encode(bytes, sizeof(bytes), out);
        return 0;
}

const char *const machine_id_files[MACHINE_ID_FILES] = {
        "/var/lib/dbus/machine-id",
        "/etc/machine-id",
};

int machine_id_read(char out[GUID_SIZE])
{
        int r = 0;

        for (size_t i = 0; i < MACHINE_ID_FILES; ++i) {
                r = machine_id_read_from(machine_id_files[i], out);
                if (!r)
                        return 0;
        }
        return r;
}
