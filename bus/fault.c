/* SPDX-License-Identifier: MIT */
#include "bus/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int fault_take(struct fault *f, const char *name, char *text)
{
        f->name = name;
        f->text = text;
        return -1;
}

int fault_set(struct fault *f, const char *name, const char *format, ...)
{
        va_list args;
        char *text;

        va_start(args, format);
        if (vasprintf(&text, format, args) < 0)
                text = NULL;
        va_end(args);
        return fault_take(f, name, text);
}

int fault_no_memory(struct fault *f)
{
        return fault_take(f, ERROR_NO_MEMORY, NULL);
}

const char *fault_text(const struct fault *f)
{
        return f->text ? f->text : "Memory allocation failure in message bus";
}

void fault_clear(struct fault *f)
{
        free(f->text);
        *f = (struct fault){0};
}
