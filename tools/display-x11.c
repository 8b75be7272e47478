/* SPDX-License-Identifier: MIT */
#include "display.h"

#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

enum { MOST_WORDS = 1024 /* of an address, as X11 counts: four bytes each */ };

struct display {
        Display *x;
        Atom selection, address, pid;
};

/* Xlib has one handler for all connections, and nowhere to keep data for it. */
static void (*lost_function)(void *);
static void *lost_data;

static bool get_atoms(struct display *d, const char *machine_id)
{
        const struct passwd *user = getpwuid(getuid());
        char *name;

        if (!user)
                return false;
        if (asprintf(&name, "_DBUS_SESSION_BUS_SELECTION_%s_%s", user->pw_name, machine_id) < 0)
                tool_out_of_memory("naming the selection");
        d->selection = XInternAtom(d->x, name, False);
        d->address = XInternAtom(d->x, "_DBUS_SESSION_BUS_ADDRESS", False);
        d->pid = XInternAtom(d->x, "_DBUS_SESSION_BUS_PID", False);
        free(name);
        return d->selection != None && d->address != None && d->pid != None;
}

struct display *display_open(const char *machine_id)
{
        struct display *d;

        if (!getenv("DISPLAY"))
                return NULL;
        d = calloc(1, sizeof(*d));
        if (!d)
                tool_out_of_memory("opening the display");
        d->x = XOpenDisplay(NULL);
        if (!d->x) {
                free(d);
                return NULL;
        }
        if (!get_atoms(d, machine_id)) {
                XCloseDisplay(d->x);
                free(d);
                return NULL;
        }
        return d;
}

/* A property's value, to be freed with XFree(); NULL if it has another form. */
static void *property(struct display *d, Window window, Atom name, Atom type, int format,
                      unsigned long *n)
{
        unsigned char *value = NULL;
        unsigned long rest;
        Atom its_type;
        int its_format;

        if (XGetWindowProperty(d->x, window, name, 0, MOST_WORDS, False, type, &its_type,
                               &its_format, n, &rest, &value) != Success)
                return NULL;
        if (value && (its_type != type || its_format != format || rest || !*n)) {
                XFree(value);
                value = NULL;
        }
        return value;
}

int display_find(struct display *d, struct session_info *found)
{
        Window owner = XGetSelectionOwner(d->x, d->selection);
        unsigned long n;
        char *address;
        long *pid;

        if (owner == None)
                return 0;
        address = property(d, owner, d->address, XA_STRING, 8, &n);
        if (!address)
                return -1;
        found->address = strndup(address, n);
        XFree(address);
        if (!found->address)
                tool_out_of_memory("copying the address");
        /* Xlib hands out 32 bits as a long each. */
        pid = property(d, owner, d->pid, XA_CARDINAL, 32, &n);
        found->pid = pid ? (pid_t)*pid : 0;
        if (pid)
                XFree(pid);
        found->window = (long)owner;
        return 1;
}

static Window make_window(struct display *d, const struct session_info *s)
{
        /* It is never shown; and would be out of sight if it were. */
        Window window = XCreateWindow(d->x, DefaultRootWindow(d->x), -20, -20, 10, 10, 0,
                                      CopyFromParent, InputOnly, CopyFromParent, 0, NULL);
        long pid = s->pid;

        XChangeProperty(d->x, window, d->address, XA_STRING, 8, PropModeReplace,
                        (const unsigned char *)s->address, (int)strlen(s->address));
        XChangeProperty(d->x, window, d->pid, XA_CARDINAL, 32, PropModeReplace,
                        (const unsigned char *)&pid, 1);
        return window;
}

int display_save(struct display *d, struct session_info *s)
{
        int r = 0;

        /* Nobody shall save anything between the look and the claim. */
        XGrabServer(d->x);
        if (XGetSelectionOwner(d->x, d->selection) == None) {
                Window window = make_window(d, s);

                XSetSelectionOwner(d->x, d->selection, window, CurrentTime);
                r = XGetSelectionOwner(d->x, d->selection) == window ? 1 : -1;
                if (r > 0)
                        s->window = (long)window;
        }
        XUngrabServer(d->x);
        XFlush(d->x);
        return r;
}

int display_fd(const struct display *d)
{
        return ConnectionNumber(d->x);
}

static int lose(Display *x)
{
        (void)x;
        lost_function(lost_data);
        return 0;
}

void display_read(struct display *d, void (*lost)(void *), void *data)
{
        lost_function = lost;
        lost_data = data;
        XSetIOErrorHandler(lose);
        while (XPending(d->x)) {
                XEvent event;

                XNextEvent(d->x, &event);
        }
}
