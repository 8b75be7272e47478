/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The object paths that an application has registered on a connection. The connection's lock guards
 * the tree; handlers are called without it, so a handler that is being asked stays in memory even
 * if it is unregistered meanwhile.
 */

#include <stdbool.h>
#include <stddef.h>

#include <dbus/dbus.h>

struct object_node;

struct object_tree {
        struct object_node *root; /* NULL: nothing was ever registered */
};

/* What a registration consists of. */
struct object_registration {
        const DBusObjectPathVTable *vtable; /* copied */
        void *data;
        bool is_fallback; /* for all paths below that have no handler of their own, as well */
};

/* Few paths have more handlers on their way than there is room for here. */
#define OBJECT_HANDLERS_INLINE 4

/* Where there are handlers on the way from a path to the root, nearest first. */
struct object_handlers {
        struct object_node **nodes; /* kept, until object_handlers_free(); `few`, or allocated */
        size_t n;
        /* Whether callers are to be told that there is an object, though it knows no such method:
         * there may be one without a handler. */
        bool is_object;
        struct object_node *few[OBJECT_HANDLERS_INLINE];
};

/*
 * Registers. The path is valid. Returns 0, -ENOMEM, or -EEXIST if there is a handler already.
 */
int object_tree_register(struct object_tree *t, const char *path,
                         const struct object_registration *registration);

/*
 * Unregisters. What is to be called now, with no lock held and with the data, is stored: NULL if
 * the application wants no call. Returns 0, or -ENOENT if nothing is registered there.
 */
int object_tree_unregister(struct object_tree *t, const char *path,
                           DBusObjectPathUnregisterFunction *function, void **data);

/* The data that is registered for exactly this path, or NULL. */
void *object_tree_data(const struct object_tree *t, const char *path);

/*
 * The handlers for a path, to be tried in order. Returns 0 or -ENOMEM.
 */
int object_tree_find(struct object_tree *t, const char *path, struct object_handlers *found);

/* What is to be called there now: others that were called may have registered something else. NULL:
 * nothing is. */
DBusObjectPathMessageFunction object_handler(const struct object_node *node, void **data);
void object_handlers_free(struct object_handlers *found);

/* The names of what is registered directly below a path, sorted: a list for
 * dbus_free_string_array(). Returns 0 or -ENOMEM. */
int object_tree_children(const struct object_tree *t, const char *path, char ***names);

/* Unregisters everything, calling the functions, and frees. No lock may be held. */
void object_tree_deinit(struct object_tree *t, DBusConnection *connection);
