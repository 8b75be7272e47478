/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <dbus/dbus.h>

#include "check.h"
#include "core/error-text.h"
#include "message-edit.h"
#include "message-iter.h"
#include "type.h"

/* The function that users of libdbus know from its warnings. */
#define GET_ARGS "_dbus_message_iter_get_args_valist"

/* What is said of an argument that is not what was asked for, beginning with 0. */
struct argument {
        int number;
        DBusError *error;
};

static bool refuse(const struct argument *a, const char *format, int asked, int found)
{
        dbus_set_error(a->error, DBUS_ERROR_INVALID_ARGS, format, a->number, type_name(asked),
                       type_name(found));
        return false;
}

static bool get_fd(const struct argument *a, const struct reading *r, int *fd)
{
        unsigned index = reading_fd_index(r), n = r->iter.message->wire.n_fds;
        int copy;

        if (index >= n) {
                dbus_set_error(a->error, DBUS_ERROR_INCONSISTENT_MESSAGE,
                               "Message refers to file descriptor at index %i,but has only %i "
                               "descriptors attached.",
                               (int)index, (int)n);
                return false;
        }
        copy = reading_fd(r);
        if (copy < 0) {
                dbus_set_error(a->error, error_name_of(errno), "Could not duplicate fd %d",
                               r->iter.message->wire.fds[index]);
                return false;
        }
        *fd = copy;
        return true;
}

/* Copies an array of strings, for dbus_free_string_array(). */
static bool get_texts(const struct argument *a, struct reading *element, unsigned n, char ***texts)
{
        char **copies = dbus_malloc0((n + 1) * sizeof(*copies));

        for (unsigned i = 0; copies && i < n; ++i) {
                size_t length;
                const char *text = reading_next_text(element, &length);

                copies[i] = dbus_malloc(length + 1);
                if (copies[i]) {
                        memcpy(copies[i], text, length + 1);
                } else {
                        dbus_free_string_array(copies);
                        copies = NULL;
                }
        }
        if (!copies) {
                dbus_set_error_const(a->error, DBUS_ERROR_NO_MEMORY, "Not enough memory");
                return false;
        }
        *texts = copies;
        return true;
}

static bool get_array(const struct argument *a, const struct reading *r, va_list *arguments)
{
        int type = va_arg(*arguments, int), found = type_of(reading_types(r)[1]);
        struct reading element;
        const void *block;
        void *value;
        unsigned n;
        int *n_elements;

        if (type != found)
                return refuse(a,
                              "Argument %d is specified to be an array of \"%s\", but is actually "
                              "an array of \"%s\"\n",
                              type, found);
        if (!type_basic(type) || type == DBUS_TYPE_UNIX_FD) {
                warn("you can't read arrays of container types (struct, variant, array) with %s "
                     "for now",
                     GET_ARGS);
                return false;
        }
        value = va_arg(*arguments, void *);
        n_elements = va_arg(*arguments, int *);
        if (!type_fixed(type))
                n = reading_count(r);
        reading_recurse(r, &element);
        if (type_fixed(type)) {
                block = reading_block(&element, &n);
                memcpy(value, &block, sizeof(block));
        } else if (!get_texts(a, &element, n, value)) {
                return false;
        }
        *n_elements = (int)n;
        return true;
}

/* Gets the current argument, of that type, and its place from the list. */
static bool get_argument(const struct argument *a, const struct reading *r, int type,
                         va_list *arguments)
{
        if (type != r->type)
                return refuse(a,
                              "Argument %d is specified to be of type \"%s\", but is actually of "
                              "type \"%s\"\n",
                              type, r->type);
        if (type == DBUS_TYPE_UNIX_FD)
                return get_fd(a, r, va_arg(*arguments, int *));
        if (type == DBUS_TYPE_ARRAY)
                return get_array(a, r, arguments);
        if (type_basic(type)) {
                reading_basic(r, va_arg(*arguments, void *));
                return true;
        }
        warn("you can only read arrays and basic types with %s for now", GET_ARGS);
        return false;
}

/* Takes back what the first `n` arguments were given that has to be freed or closed. */
static void take_back(int type, va_list *arguments, int n)
{
        for (; n > 0; --n, type = va_arg(*arguments, int)) {
                if (type == DBUS_TYPE_ARRAY) {
                        int element_type = va_arg(*arguments, int);
                        char ***texts = va_arg(*arguments, void *);

                        va_arg(*arguments, int *);
                        if (!type_fixed(element_type)) {
                                dbus_free_string_array(*texts);
                                *texts = NULL;
                        }
                } else {
                        int *fd = va_arg(*arguments, void *);

                        if (type == DBUS_TYPE_UNIX_FD) {
                                close(*fd);
                                *fd = -1;
                        }
                }
        }
}

/* Gets the arguments after `type`, which is the first one's; `got` counts them. */
static bool get_all(struct reading *r, struct argument *a, int type, va_list *arguments)
{
        while (type != DBUS_TYPE_INVALID) {
                if (!get_argument(a, r, type, arguments))
                        return false;
                a->number += 1;
                type = va_arg(*arguments, int);
                if (type != DBUS_TYPE_INVALID && !reading_next(r)) {
                        dbus_set_error(a->error, DBUS_ERROR_INVALID_ARGS,
                                       "Message has only %d arguments, but more were expected",
                                       a->number);
                        return false;
                }
        }
        return true;
}

dbus_bool_t dbus_message_get_args(DBusMessage *message, DBusError *error, int first_arg_type, ...)
{
        va_list arguments;
        dbus_bool_t ok;

        if (!CHECK(message != NULL) || !CHECK_AS(!error || !dbus_error_is_set(error),
                                                 "(error) == NULL || !dbus_error_is_set ((error))"))
                return FALSE;
        va_start(arguments, first_arg_type);
        ok = dbus_message_get_args_valist(message, error, first_arg_type, arguments);
        va_end(arguments);
        return ok;
}

dbus_bool_t dbus_message_get_args_valist(DBusMessage *message, DBusError *error, int first_arg_type,
                                         va_list var_args)
{
        struct argument a = {.error = error};
        struct reading r;
        va_list arguments;
        bool ok;

        if (!CHECK(message != NULL) || !CHECK_AS(!error || !dbus_error_is_set(error),
                                                 "(error) == NULL || !dbus_error_is_set ((error))"))
                return FALSE;
        reading_init(&r, message);
        va_copy(arguments, var_args);
        ok = get_all(&r, &a, first_arg_type, &arguments);
        va_end(arguments);
        if (!ok) {
                va_copy(arguments, var_args);
                take_back(first_arg_type, &arguments, a.number);
                va_end(arguments);
        }
        return ok;
}

dbus_bool_t dbus_set_error_from_message(DBusError *error, DBusMessage *message)
{
        const char *text = NULL;

        if (!CHECK(message != NULL) || !CHECK_AS(!error || !dbus_error_is_set(error),
                                                 "(error) == NULL || !dbus_error_is_set ((error))"))
                return FALSE;
        if (message->wire.header.type != DBUS_MESSAGE_TYPE_ERROR)
                return FALSE;
        dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        dbus_set_error(error, dbus_message_get_error_name(message), text ? "%s" : NULL, text);
        return TRUE;
}
