/* SPDX-License-Identifier: MIT */
#include <stdarg.h>

#include <dbus/dbus.h>

#include "check.h"
#include "message-edit.h"
#include "message-iter.h"
#include "type.h"

/* The functions whose names users of libdbus see in complaints about what was given to these. */
#define BASIC  "dbus_message_iter_append_basic"
#define BLOCK  "dbus_message_iter_append_fixed_array"
#define OPEN   "dbus_message_iter_open_container"
#define VALIST "dbus_message_append_args_valist"

static bool append_elements(struct appender *array, int type, const void *elements, int n)
{
        const char *const *texts = elements;

        if (type_fixed(type) && type != DBUS_TYPE_UNIX_FD)
                return appender_block(array, type, elements, n, BLOCK);
        if (!type_basic(type) || type == DBUS_TYPE_UNIX_FD) {
                warn("arrays of %s can't be appended with %s for now", type_name(type), VALIST);
                return false;
        }
        for (int i = 0; i < n; ++i)
                if (!appender_basic(array, type, &texts[i], BASIC))
                        return false;
        return true;
}

static bool append_array(struct appender *a, int type, const void *elements, int n)
{
        const char contained[] = {(char)type, '\0'};
        struct appender array;

        if (!appender_open(a, DBUS_TYPE_ARRAY, contained, &array, OPEN))
                return false;
        if (append_elements(&array, type, elements, n))
                return appender_close(a, &array);
        appender_abandon(a, &array);
        return false;
}

dbus_bool_t dbus_message_append_args(DBusMessage *message, int first_arg_type, ...)
{
        va_list arguments;
        dbus_bool_t ok;

        if (!CHECK(message != NULL))
                return FALSE;
        va_start(arguments, first_arg_type);
        ok = dbus_message_append_args_valist(message, first_arg_type, arguments);
        va_end(arguments);
        return ok;
}

/* The arguments after `type`, which is the first one's. */
static bool append_all(struct appender *a, int type, va_list *arguments)
{
        for (bool ok = true; ok && type != DBUS_TYPE_INVALID; type = va_arg(*arguments, int)) {
                if (type_basic(type) || dbus_type_is_basic(type)) {
                        ok = appender_basic(a, type, va_arg(*arguments, const void *), BASIC);
                } else if (type == DBUS_TYPE_ARRAY) {
                        int element_type = va_arg(*arguments, int);
                        const void *elements = *va_arg(*arguments, const void **);
                        int n = va_arg(*arguments, int);

                        ok = append_array(a, element_type, elements, n);
                } else {
                        warn("type %s isn't supported yet in %s", type_name(type), VALIST);
                        ok = false;
                }
                if (!ok)
                        return false;
        }
        return true;
}

dbus_bool_t dbus_message_append_args_valist(DBusMessage *message, int first_arg_type,
                                            va_list var_args)
{
        struct appender a;
        va_list arguments;
        bool ok;

        if (!CHECK(message != NULL))
                return FALSE;
        if (first_arg_type == DBUS_TYPE_INVALID)
                return TRUE;
        if (message->locked) {
                warn_misuse("dbus append iterator can't be used: message is locked (has already "
                            "been sent)");
                return check_failed(first_arg_type == DBUS_TYPE_ARRAY ? OPEN : BASIC,
                                    "_dbus_message_iter_append_check (real)", __FILE__, __LINE__);
        }
        if (!appender_init(&a, message))
                return FALSE;
        va_copy(arguments, var_args);
        ok = append_all(&a, first_arg_type, &arguments);
        va_end(arguments);
        return ok;
}
