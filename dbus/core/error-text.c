/* SPDX-License-Identifier: MIT */
#include "core/error-text.h"

#include <stdarg.h>
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
