/* SPDX-License-Identifier: MIT */
#include "object-tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One element of a path; there while something is registered at it or below it, or it is kept. */
struct object_node {
        struct object_node *parent;    /* NULL: the root, or taken out of the tree */
        struct object_node **children; /* sorted by name */
        size_t n_children;
        unsigned refs; /* 1 for the tree, and one in each struct object_handlers */
        bool is_registered;
        bool is_fallback; /* of what was registered last */
        DBusObjectPathVTable vtable;
        void *data;
        char name[]; /* "" of the root */
};

static struct object_node *node_new(const char *name, size_t length)
{
        struct object_node *node = malloc(sizeof(*node) + length + 1);

        if (!node)
                return NULL;
        *node = (struct object_node){.refs = 1};
        memcpy(node->name, name, length);
        node->name[length] = '\0';
        return node;
}

static void node_unref(struct object_node *node)
{
        if (--node->refs)
                return;
        free(node->children);
        free(node);
}

/* Takes the next element off a path, which has one: "/a/b" gives "a" and leaves "/b". */
static const char *next_element(const char **path, size_t *length)
{
        const char *name = *path + 1;

        *length = strcspn(name, "/");
        *path = name + *length;
        return name;
}

static bool has_element(const char *path)
{
        return path[0] == '/' && path[1];
}

static int compare(const char *name, size_t length, const struct object_node *child)
{
        int order = strncmp(name, child->name, length);

        return order ? order : -(child->name[length] != '\0');
}

/* The place of a child among its siblings, or where it would be. */
static size_t child_index(const struct object_node *node, const char *name, size_t length,
                          bool *found)
{
        size_t low = 0, high = node->n_children;

        *found = false;
        while (low < high) {
                size_t middle = (low + high) / 2;
                int order = compare(name, length, node->children[middle]);

                if (!order) {
                        *found = true;
                        return middle;
                }
                if (order < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return low;
}

static struct object_node *child_add(struct object_node *node, size_t at, const char *name,
                                     size_t length)
{
        struct object_node **children, *child = node_new(name, length);

        if (!child)
                return NULL;
        children = realloc(node->children, (node->n_children + 1) * sizeof(struct object_node *));
        if (!children) {
                node_unref(child);
                return NULL;
        }
        memmove(children + at + 1, children + at,
                (node->n_children - at) * sizeof(struct object_node *));
        children[at] = child;
        node->children = children;
        node->n_children += 1;
        child->parent = node;
        return child;
}

static void child_remove(struct object_node *child)
{
        struct object_node *node = child->parent;
        bool found;
        size_t at = child_index(node, child->name, strlen(child->name), &found);

        node->n_children -= 1;
        memmove(node->children + at, node->children + at + 1,
                (node->n_children - at) * sizeof(struct object_node *));
        child->parent = NULL;
        node_unref(child);
}

/* Removes a node that is of no use any more, and then its parent if that is not either. The root
 * stays: libdbus remembers how it was registered. */
static void prune(struct object_node *node)
{
        while (node->parent && !node->is_registered && !node->n_children) {
                struct object_node *parent = node->parent;

                child_remove(node);
                node = parent;
        }
}

static struct object_node *node_at(const struct object_tree *t, const char *path)
{
        struct object_node *node = t->root;

        while (node && has_element(path)) {
                size_t length, at;
                const char *name = next_element(&path, &length);
                bool found;

                at = child_index(node, name, length, &found);
                node = found ? node->children[at] : NULL;
        }
        return node;
}

/* The node for a path, made with those above it if it is not there. */
static struct object_node *node_make(struct object_tree *t, const char *path)
{
        struct object_node *node;

        if (!t->root) {
                t->root = node_new("", 0);
                if (t->root)
                        t->root->is_fallback = true;
        }
        node = t->root;
        while (node && has_element(path)) {
                size_t length, at;
                const char *name = next_element(&path, &length);
                struct object_node *child;
                bool found;

                at = child_index(node, name, length, &found);
                child = found ? node->children[at] : child_add(node, at, name, length);
                if (!child)
                        prune(node);
                node = child;
        }
        return node;
}

int object_tree_register(struct object_tree *t, const char *path,
                         const struct object_registration *registration)
{
        struct object_node *node = node_make(t, path);

        if (!node)
                return -ENOMEM;
        if (node->is_registered)
                return -EEXIST;
        node->is_registered = true;
        node->is_fallback = registration->is_fallback;
        node->vtable = *registration->vtable;
        node->data = registration->data;
        return 0;
}

int object_tree_unregister(struct object_tree *t, const char *path,
                           DBusObjectPathUnregisterFunction *function, void **data)
{
        struct object_node *node = node_at(t, path);

        if (!node || !node->is_registered)
                return -ENOENT;
        *function = node->vtable.unregister_function;
        *data = node->data;
        node->is_registered = false;
        prune(node);
        return 0;
}

void *object_tree_data(const struct object_tree *t, const char *path)
{
        const struct object_node *node = node_at(t, path);

        return node && node->is_registered ? node->data : NULL;
}

static int add_handler(struct object_handlers *found, size_t room, struct object_node *node)
{
        if (found->n == OBJECT_HANDLERS_INLINE && found->nodes == found->few) {
                found->nodes = malloc(room * sizeof(struct object_node *));
                if (!found->nodes) {
                        found->nodes = found->few;
                        return -ENOMEM;
                }
                memcpy(found->nodes, found->few, sizeof(found->few));
        }
        node->refs += 1;
        found->nodes[found->n++] = node;
        return 0;
}

int object_tree_find(struct object_tree *t, const char *path, struct object_handlers *found)
{
        struct object_node *node = t->root, *nearest = node;
        size_t depth = 1;

        found->nodes = found->few;
        found->n = 0;
        while (node && has_element(path)) {
                size_t length, at;
                const char *name = next_element(&path, &length);
                bool is_there;

                at = child_index(node, name, length, &is_there);
                node = is_there ? node->children[at] : NULL;
                nearest = node ? node : nearest;
                depth += 1;
        }
        found->is_object = node || !nearest;
        for (struct object_node *n = nearest; n; n = n->parent) {
                found->is_object |= n->is_fallback;
                if (!n->is_registered || (n != node && !n->is_fallback))
                        continue;
                if (add_handler(found, depth, n) < 0) {
                        object_handlers_free(found);
                        return -ENOMEM;
                }
        }
        return 0;
}

DBusObjectPathMessageFunction object_handler(const struct object_node *node, void **data)
{
        *data = node->data;
        return node->is_registered ? node->vtable.message_function : NULL;
}

void object_handlers_free(struct object_handlers *found)
{
        for (size_t i = 0; i < found->n; ++i)
                node_unref(found->nodes[i]);
        if (found->nodes != found->few)
                free(found->nodes);
        found->nodes = found->few;
        found->n = 0;
}

int object_tree_children(const struct object_tree *t, const char *path, char ***names)
{
        const struct object_node *node = node_at(t, path);
        size_t n = node ? node->n_children : 0;
        char **list = dbus_malloc0((n + 1) * sizeof(char *));

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < n; ++i) {
                size_t size = strlen(node->children[i]->name) + 1;

                list[i] = dbus_malloc(size);
                if (!list[i]) {
                        dbus_free_string_array(list);
                        return -ENOMEM;
                }
                memcpy(list[i], node->children[i]->name, size);
        }
        *names = list;
        return 0;
}

void object_tree_deinit(struct object_tree *t, DBusConnection *connection)
{
        struct object_node *node = t->root;

        /* From the last leaf to the root, without recursion: paths can be long. */
        while (node) {
                struct object_node *parent = node->parent;

                if (node->n_children) {
                        node = node->children[node->n_children - 1];
                        continue;
                }
                if (node->is_registered) {
                        node->is_registered = false;
                        if (node->vtable.unregister_function)
                                node->vtable.unregister_function(connection, node->data);
                }
                if (parent)
                        child_remove(node);
                else
                        node_unref(node);
                node = parent;
        }
        t->root = NULL;
}
