/* SPDX-License-Identifier: MIT */
#include "test-payload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define CALL_PATH      "/"
#define CALL_INTERFACE "com.example"
#define CALL_MEMBER    "Spam"

bool payload_is_set(const struct payload *p)
{
        return p->bytes || p->pattern;
}

void payload_set_text(struct payload *p, const char *text)
{
        p->bytes = strdup(text);
        if (!p->bytes)
                tool_out_of_memory("copying payload");
        p->n = strlen(text);
}

static char *read_input(size_t *n)
{
        char *bytes = tool_read_all(STDIN_FILENO, n);

        if (!bytes && errno == ENOMEM)
                tool_out_of_memory("reading payload from stdin");
        if (!bytes) {
                perror("dbus-test-tool: read");
                exit(EXIT_FAILURE);
        }
        return bytes;
}

void payload_read_bytes(struct payload *p)
{
        p->bytes = read_input(&p->n);
}

/* Reads numbers up to the end, or to what is none. */
static void parse_sizes(struct payload *p, const char *text)
{
        char *end;

        for (;;) {
                unsigned long size = strtoul(text, &end, 10);
                dbus_uint32_t *more;

                if (end == text)
                        return;
                more = realloc(p->sizes, (p->n_sizes + 1) * sizeof(*more));
                if (!more)
                        tool_out_of_memory("allocating array of message lengths");
                more[p->n_sizes++] = (dbus_uint32_t)size;
                p->sizes = more;
                text = end;
        }
}

void payload_read_sizes(struct payload *p)
{
        size_t n;
        char *text = read_input(&n);

        parse_sizes(p, text);
        free(text);
        if (!p->n_sizes)
                tool_out_of_memory("allocating array of message lengths");
        for (size_t i = 0; i < p->n_sizes; ++i)
                if (p->sizes[i] > p->n)
                        p->n = p->sizes[i];
        p->bytes = p->n <= DBUS_MAXIMUM_ARRAY_LENGTH ? malloc(p->n + 1) : NULL;
        if (!p->bytes)
                tool_out_of_memory("allocating maximum-sized payload");
        memset(p->bytes, 'X', p->n);
        p->bytes[p->n] = '\0';
}

void payload_read_message(struct payload *p)
{
        DBusError error = DBUS_ERROR_INIT;
        size_t n;
        char *bytes = read_input(&n);

        p->pattern = dbus_message_demarshal(bytes, (int)n, &error);
        free(bytes);
        if (!p->pattern) {
                fprintf(stderr, "Unable to demarshal template message: %s: %s", error.name,
                        error.message);
                dbus_error_free(&error);
                exit(EXIT_FAILURE);
        }
        if (dbus_message_get_type(p->pattern) != DBUS_MESSAGE_TYPE_METHOD_CALL) {
                fputs("Template message must be a method call\n", stderr);
                exit(EXIT_FAILURE);
        }
}

static bool append_string(DBusMessage *message, const struct payload *p, size_t n)
{
        char *bytes = p->bytes, *copy = NULL;
        bool ok;

        if (n < p->n) {
                bytes = copy = strndup(bytes, n);
                if (!copy)
                        return false;
        }
        ok = dbus_message_append_args(message, DBUS_TYPE_STRING, &bytes, DBUS_TYPE_INVALID);
        free(copy);
        return ok;
}

static bool append(DBusMessage *message, const struct payload *p)
{
        size_t n = p->sizes ? p->sizes[(size_t)rand() % p->n_sizes] : p->n;

        switch (p->kind) {
        case PAYLOAD_STRING:
                return append_string(message, p, n);
        case PAYLOAD_BYTES:
                return dbus_message_append_args(message, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &p->bytes,
                                                (int)n, DBUS_TYPE_INVALID);
        case PAYLOAD_EMPTY:
                break;
        }
        return true;
}

DBusMessage *payload_new_message(const struct payload *p, const char *destination)
{
        DBusMessage *message;

        if (p->pattern) {
                message = dbus_message_copy(p->pattern);
                if (!message)
                        tool_out_of_memory("copying message");
                return message;
        }
        message = dbus_message_new_method_call(destination, CALL_PATH, CALL_INTERFACE, CALL_MEMBER);
        if (!message)
                tool_out_of_memory("allocating message");
        if (!append(message, p))
                tool_out_of_memory("building message");
        return message;
}

void payload_free(struct payload *p)
{
        free(p->bytes);
        free(p->sizes);
        if (p->pattern)
                dbus_message_unref(p->pattern);
}
