/* SPDX-License-Identifier: MIT */
#include "misuse.h"

#include <stdio.h>

#include "harness.h"

const char *volatile null_text;
DBusMessage *volatile null_message;

static const char *const settings[] = {
        "DBUS_FATAL_WARNINGS",
        "DBUS_FATAL_WARNINGS=0",
        "DBUS_FATAL_WARNINGS=1",
};

DBusMessage *misuse_call(void)
{
        return dbus_message_new_method_call("a.b", "/a", "a.b", "C");
}

DBusMessage *misuse_locked(void)
{
        DBusMessage *m = misuse_call();

        dbus_message_set_serial(m, 1);
        dbus_message_lock(m);
        return m;
}

static void run_it(void *data)
{
        const struct misuse *m = data;

        /* What was printed is to be seen even if it ends badly. */
        setvbuf(stdout, NULL, _IONBF, 0);
        m->run();
        printf("end\n");
}

struct captured *misuse_capture(const struct misuse *m, const char *environment)
{
        const char *const all[] = {environment, NULL};

        return capture(run_it, (void *)(guintptr)m, all);
}

static void misuse(gconstpointer data)
{
        for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
                struct captured *c = misuse_capture(data, settings[i]);

                note_captured(settings[i], c);
                captured_free(c);
        }
}

void misuse_add(const struct misuse *misuses)
{
        for (const struct misuse *m = misuses; m->name; m++) {
                g_autofree char *path = g_strdup_printf("/misuse/%s", m->name);

                g_test_add_data_func(path, m, misuse);
        }
}
