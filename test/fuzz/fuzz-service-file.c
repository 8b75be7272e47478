/* SPDX-License-Identifier: MIT */

/*
 * Fuzzes the reader of service files. What it takes is written down again in the simplest way, and
 * read again.
 */

#include <string.h>

#include "bus/service-file.h"
#include "core/syntax.h"
#include "fuzz.h"

struct text {
        char *bytes;
        size_t n;
};

static void append(struct text *t, const char *more)
{
        strcpy(t->bytes + t->n, more);
        t->n += strlen(more);
}

/* A value may start with a blank, and end lines. */
static void append_value(struct text *t, const char *key, const char *value)
{
        append(t, key);
        for (; *value; value++) {
                switch (*value) {
                case ' ':
                        append(t, "\\s");
                        break;
                case '\n':
                        append(t, "\\n");
                        break;
                case '\r':
                        append(t, "\\r");
                        break;
                case '\\':
                        append(t, "\\\\");
                        break;
                default:
                        append(t, (char[]){*value, '\0'});
                }
        }
        append(t, "\n");
}

static void check_text(const char *value, size_t size)
{
        require(!value || (strlen(value) <= size && syntax_utf8(value, strlen(value))));
}

static void check_equal(const char *a, const char *b)
{
        require(!a == !b && (!a || !strcmp(a, b)));
}

static void check(const struct service_file *s, size_t size)
{
        struct text t = {.bytes = malloc(2 * size + 256)};
        struct service_file again;
        struct fault fault = {0};

        require(t.bytes != NULL);
        check_text(s->name, size);
        check_text(s->exec, size);
        check_text(s->user, size);
        check_text(s->unit, size);
        check_text(s->label, size);
        append(&t, "[D-BUS Service]\n");
        if (s->name)
                append_value(&t, "Name=", s->name);
        if (s->exec)
                append_value(&t, "Exec=", s->exec);
        if (s->user)
                append_value(&t, "User=", s->user);
        if (s->unit)
                append_value(&t, "SystemdService=", s->unit);
        if (s->label)
                append_value(&t, "AssumedAppArmorLabel=", s->label);
        require(service_file_parse(t.bytes, t.n, &again, &fault) == 0);
        check_equal(s->name, again.name);
        check_equal(s->exec, again.exec);
        check_equal(s->user, again.user);
        check_equal(s->unit, again.unit);
        check_equal(s->label, again.label);
        service_file_deinit(&again);
        free(t.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        /* With nothing behind it, so that a reader that goes too far is seen to. */
        char *bytes = malloc(size);
        struct service_file s;
        struct fault fault = {0};

        require(bytes || !size);
        if (size)
                memcpy(bytes, data, size);
        if (service_file_parse(bytes, size, &s, &fault) < 0) {
                require(fault.name && fault.text && fault.text[0]);
                fault_clear(&fault);
        } else {
                require(!fault.name);
                check(&s, size);
                service_file_deinit(&s);
        }
        free(bytes);
        return 0;
}
