/* SPDX-License-Identifier: MIT */
#include "display.h"

#include <stddef.h>

/*
 * For systems without Xlib: no display can be opened, so nothing else is ever called.
 */

struct display *display_open(const char *machine_id)
{
        (void)machine_id;
        return NULL;
}

int display_find(struct display *d, struct session_info *found)
{
        (void)d;
        (void)found;
        return -1;
}

int display_save(struct display *d, struct session_info *s)
{
        (void)d;
        (void)s;
        return -1;
}

int display_fd(const struct display *d)
{
        (void)d;
        return -1;
}

void display_read(struct display *d, void (*lost)(void *), void *data)
{
        (void)d;
        (void)lost;
        (void)data;
}
