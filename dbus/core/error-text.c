/* SPDX-License-Identifier: MIT */
#include "core/error-text.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

int error_text_set(char **text, int code, const char *format, ...)
{
        va_list ap;

        if (!text)
                return code;
        va_start(ap, format);
        if (vasprintf(text, format, ap) < 0)
                *text = NULL;
        va_end(ap);
        return code;
}

const char *error_name_of(int error)
{
        static const struct {
                int error;
                const char *name;
        } names[] = {
                {EPROTONOSUPPORT, "org.freedesktop.DBus.Error.NotSupported"},
                {EAFNOSUPPORT, "org.freedesktop.DBus.Error.NotSupported"},
                {ENFILE, "org.freedesktop.DBus.Error.LimitsExceeded"},
                {EMFILE, "org.freedesktop.DBus.Error.LimitsExceeded"},
                {EACCES, "org.freedesktop.DBus.Error.AccessDenied"},
                {EPERM, "org.freedesktop.DBus.Error.AccessDenied"},
                {ENOBUFS, "org.freedesktop.DBus.Error.NoMemory"},
                {ENOMEM, "org.freedesktop.DBus.Error.NoMemory"},
                {ECONNREFUSED, "org.freedesktop.DBus.Error.NoServer"},
                {ETIMEDOUT, "org.freedesktop.DBus.Error.Timeout"},
                {ENETUNREACH, "org.freedesktop.DBus.Error.NoNetwork"},
                {EADDRINUSE, "org.freedesktop.DBus.Error.AddressInUse"},
                {EEXIST, "org.freedesktop.DBus.Error.FileExists"},
                {ENOENT, "org.freedesktop.DBus.Error.FileNotFound"},
        };

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); ++i) {
                if (names[i].error == error)
                        return names[i].name;
        }
        return "org.freedesktop.DBus.Error.Failed";
}
