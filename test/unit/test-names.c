/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <string.h>

#include "bus/names.h"
#include "fail-alloc.h"

static int request(struct name_registry *r, struct name_owner *o, const char *name, uint32_t flags)
{
        struct name_change change;
        int result = name_request(r, o, name, strlen(name), flags, &change);

        if (result >= 0) {
                g_assert_cmpstr(change.name->text, ==, name);
                g_assert_true(change.new_owner == name_primary(change.name));
        }
        name_change_done(r, &change);
        return result;
}

static int release(struct name_registry *r, struct name_owner *o, const char *name)
{
        struct name_change change;
        int result = name_release(r, o, name, strlen(name), &change);

        name_change_done(r, &change);
        return result;
}

static void leave(struct name_registry *r, struct name_owner *o)
{
        while (!list_empty(&o->ownerships)) {
                struct name_change change;

                name_drop(r, container_of(o->ownerships.prev, struct name_ownership, of_owner),
                          &change);
                name_change_done(r, &change);
        }
        g_assert_cmpuint(o->n_names, ==, 0);
}

/* What the reference answers if the owner asked with `owner_flags` and another one then asks with
 * `flags`: from a table of its replies to all 64 pairs. */
static void test_two_requests(void)
{
        for (uint32_t owner_flags = 0; owner_flags < 8; owner_flags++) {
                for (uint32_t flags = 0; flags < 8; flags++) {
                        struct name_registry r;
                        struct name_owner a, b;
                        struct name_change change;
                        int result, expected = NAME_IN_QUEUE;
                        struct name *n;

                        if (owner_flags & NAME_ALLOW_REPLACEMENT && flags & NAME_REPLACE_EXISTING)
                                expected = NAME_PRIMARY_OWNER;
                        else if (flags & NAME_DO_NOT_QUEUE)
                                expected = NAME_EXISTS;

                        name_registry_init(&r);
                        name_owner_init(&a);
                        name_owner_init(&b);
                        g_assert_cmpint(request(&r, &a, "a.b", owner_flags), ==,
                                        NAME_PRIMARY_OWNER);
                        result = name_request(&r, &b, "a.b", 3, flags, &change);
                        g_assert_cmpint(result, ==, expected);
                        g_assert_true(change.old_owner == &a);
                        g_assert_true(change.new_owner ==
                                      (expected == NAME_PRIMARY_OWNER ? &b : &a));
                        n = change.name;
                        g_assert_true(name_queued(n, &b) == (expected != NAME_EXISTS));
                        g_assert_true(name_queued(n, &a) == !(expected == NAME_PRIMARY_OWNER &&
                                                              owner_flags & NAME_DO_NOT_QUEUE));
                        name_change_done(&r, &change);
                        leave(&r, &a);
                        leave(&r, &b);
                        g_assert_cmpuint(r.table.n_elements, ==, 0);
                        name_registry_deinit(&r);
                }
        }
}

static void test_release(void)
{
        struct name_registry r;
        struct name_owner a, b, c;
        struct name_change change;

        name_registry_init(&r);
        name_owner_init(&a);
        name_owner_init(&b);
        name_owner_init(&c);
        g_assert_cmpint(release(&r, &a, "a.b"), ==, NAME_NON_EXISTENT);
        request(&r, &a, "a.b", 0);
        request(&r, &b, "a.b", 0);
        g_assert_cmpint(name_release(&r, &c, "a.b", 3, &change), ==, NAME_NOT_OWNER);
        g_assert_true(change.old_owner == &a && change.new_owner == &a);
        name_change_done(&r, &change);

        g_assert_cmpint(name_release(&r, &a, "a.b", 3, &change), ==, NAME_RELEASED);
        g_assert_true(change.old_owner == &a && change.new_owner == &b);
        name_change_done(&r, &change);
        g_assert_cmpuint(a.n_names, ==, 0);

        g_assert_cmpint(name_release(&r, &b, "a.b", 3, &change), ==, NAME_RELEASED);
        g_assert_true(change.old_owner == &b && !change.new_owner);
        g_assert_cmpstr(change.name->text, ==, "a.b"); /* outlives its queue */
        name_change_done(&r, &change);
        g_assert_null(change.name);
        g_assert_null(name_find(&r, "a.b", 3));
        name_registry_deinit(&r);
}

static void test_intern(void)
{
        struct name_registry r;
        struct name_owner a;
        struct name *n, *again;

        name_registry_init(&r);
        name_owner_init(&a);
        g_assert_cmpint(name_intern(&r, "a.b.c", 3, &n), ==, 0); /* the first three bytes */
        g_assert_cmpstr(n->text, ==, "a.b");
        g_assert_null(name_primary(n));
        g_assert_null(name_primary(NULL));
        g_assert_true(list_empty(&r.names));
        g_assert_cmpint(release(&r, &a, "a.b"), ==, NAME_NON_EXISTENT);
        g_assert_cmpint(name_intern(&r, "a.b", 3, &again), ==, 0);
        g_assert_true(n == again && n == name_find(&r, "a.b", 3));
        name_unref(&r, again);

        request(&r, &a, "a.b", 0);
        g_assert_true(name_primary(n) == &a);
        g_assert_true(r.names.next == &n->in_registry);
        g_assert_null(name_unref(&r, n)); /* its owner keeps it */
        g_assert_true(name_find(&r, "a.b", 3) == n);
        leave(&r, &a);
        g_assert_null(name_find(&r, "a.b", 3));
        name_registry_deinit(&r);
}

/*
 * Random requests and releases, against a naive model whose answers were compared with the
 * reference's over thousands of steps.
 */
enum { OWNERS = 5, NAMES = 6 };

struct model_place {
        unsigned owner;
        uint32_t flags;
};

struct model_queue {
        struct model_place places[OWNERS];
        unsigned n;
};

static unsigned model_find(const struct model_queue *q, unsigned owner)
{
        unsigned i = 0;

        while (i < q->n && q->places[i].owner != owner)
                i++;
        return i;
}

static void model_remove(struct model_queue *q, unsigned owner)
{
        unsigned i = model_find(q, owner);

        if (i == q->n)
                return;
        q->n--;
        memmove(&q->places[i], &q->places[i + 1], (q->n - i) * sizeof(q->places[0]));
}

static void model_insert(struct model_queue *q, unsigned at, unsigned owner, uint32_t flags)
{
        memmove(&q->places[at + 1], &q->places[at], (q->n - at) * sizeof(q->places[0]));
        q->places[at] = (struct model_place){owner, flags};
        q->n++;
}

static int model_request(struct model_queue *q, unsigned owner, uint32_t flags)
{
        unsigned at = model_find(q, owner);

        if (q->n == 0) {
                model_insert(q, 0, owner, flags);
                return NAME_PRIMARY_OWNER;
        }
        if (at == 0) {
                q->places[0].flags = flags;
                return NAME_ALREADY_OWNER;
        }
        if (flags & 2 && q->places[0].flags & 1) {
                model_remove(q, owner);
                if (q->places[0].flags & 4)
                        model_remove(q, q->places[0].owner);
                model_insert(q, 0, owner, flags);
                return NAME_PRIMARY_OWNER;
        }
        if (flags & 4) {
                model_remove(q, owner);
                return NAME_EXISTS;
        }
        if (flags & 2) {
                model_remove(q, owner);
                model_insert(q, 1, owner, flags);
        } else if (at < q->n) {
                q->places[at].flags = flags;
        } else {
                model_insert(q, q->n, owner, flags);
        }
        return NAME_IN_QUEUE;
}

static int model_release(struct model_queue *q, unsigned owner)
{
        if (q->n == 0)
                return NAME_NON_EXISTENT;
        if (model_find(q, owner) == q->n)
                return NAME_NOT_OWNER;
        model_remove(q, owner);
        return NAME_RELEASED;
}

static void compare_queue(struct name_registry *r, const struct model_queue *q, const char *name,
                          const struct name_owner *owners)
{
        const struct name *n = name_find(r, name, strlen(name));
        unsigned i = 0;

        g_assert_true(!!n == (q->n > 0));
        if (!n)
                return;
        for (const struct list *l = n->queue.next; l != &n->queue; l = l->next, i++) {
                const struct name_ownership *p =
                        container_of(l, const struct name_ownership, of_name);

                g_assert_cmpuint(i, <, q->n);
                g_assert_true(p->owner == &owners[q->places[i].owner]);
                g_assert_cmpuint(p->flags, ==, q->places[i].flags & 5);
        }
        g_assert_cmpuint(i, ==, q->n);
}

/* The order in which an owner joined: kept by comparing before and after. */
struct model_joined {
        unsigned names[NAMES], n;
};

static void model_joined_update(struct model_joined *j, unsigned name, bool queued)
{
        unsigned i = 0;

        while (i < j->n && j->names[i] != name)
                i++;
        if (queued && i == j->n) {
                j->names[j->n++] = name;
        } else if (!queued && i < j->n) {
                j->n--;
                memmove(&j->names[i], &j->names[i + 1], (j->n - i) * sizeof(j->names[0]));
        }
}

static void test_random(void)
{
        static const char *const names[NAMES] = {"a.a", "a.b", "a.c", "b.a", "b.a.c", "c.c"};
        struct model_queue queues[NAMES] = {};
        struct model_joined joined[OWNERS] = {};
        struct name_owner owners[OWNERS];
        struct name_registry r;

        name_registry_init(&r);
        for (unsigned i = 0; i < OWNERS; i++)
                name_owner_init(&owners[i]);
        for (unsigned step = 0; step < 40000; step++) {
                unsigned o = (unsigned)g_test_rand_int_range(0, OWNERS);
                unsigned n = (unsigned)g_test_rand_int_range(0, NAMES);
                int what = g_test_rand_int_range(0, 100);

                if (what < 1) {
                        leave(&r, &owners[o]);
                        for (unsigned i = 0; i < NAMES; i++)
                                model_remove(&queues[i], o);
                        joined[o].n = 0;
                } else if (what < 20) {
                        g_assert_cmpint(release(&r, &owners[o], names[n]), ==,
                                        model_release(&queues[n], o));
                } else {
                        uint32_t flags = (uint32_t)g_test_rand_int();

                        g_assert_cmpint(request(&r, &owners[o], names[n], flags), ==,
                                        model_request(&queues[n], o, flags));
                }
                for (unsigned i = 0; i < NAMES; i++)
                        compare_queue(&r, &queues[i], names[i], owners);
                for (unsigned i = 0; i < OWNERS; i++) {
                        const struct list *l = owners[i].ownerships.next;

                        model_joined_update(&joined[i], n, model_find(&queues[n], i) < queues[n].n);
                        g_assert_cmpuint(owners[i].n_names, ==, joined[i].n);
                        for (unsigned k = 0; k < joined[i].n; k++, l = l->next)
                                g_assert_cmpstr(
                                        container_of(l, const struct name_ownership, of_owner)
                                                ->name->text,
                                        ==, names[joined[i].names[k]]);
                        g_assert_true(l == &owners[i].ownerships);
                }
        }
        for (unsigned i = 0; i < OWNERS; i++)
                leave(&r, &owners[i]);
        g_assert_true(list_empty(&r.names));
        g_assert_cmpuint(r.table.n_elements, ==, 0);
        name_registry_deinit(&r);
}

/* A queue that is refused memory is as it was before. */
static void test_no_memory(void)
{
        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("allocations cannot be made to fail here");
                return;
        }
        for (unsigned n_owners = 0; n_owners < 2; n_owners++) {
                bool failed = true;

                for (unsigned n = 0; failed; n++) {
                        struct name_registry r;
                        struct name_owner a, b;
                        struct name_change change;
                        int result;

                        name_registry_init(&r);
                        name_owner_init(&a);
                        name_owner_init(&b);
                        if (n_owners)
                                request(&r, &a, "a.b", NAME_ALLOW_REPLACEMENT);
                        fail_alloc_after(n);
                        result = name_request(&r, &b, "a.b", 3, NAME_REPLACE_EXISTING, &change);
                        failed = fail_alloc_end();
                        g_assert_cmpint(result, ==, failed ? -ENOMEM : NAME_PRIMARY_OWNER);
                        g_assert_true(change.new_owner == (failed ? NULL : &b));
                        g_assert_true(name_primary(name_find(&r, "a.b", 3)) ==
                                      (failed ? n_owners ? &a : NULL : &b));
                        name_change_done(&r, &change);
                        leave(&r, &a);
                        leave(&r, &b);
                        g_assert_cmpuint(r.table.n_elements, ==, 0);
                        name_registry_deinit(&r);
                        g_assert_cmpuint(n, <, 4);
                }
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/names/two-requests", test_two_requests);
        g_test_add_func("/names/release", test_release);
        g_test_add_func("/names/intern", test_intern);
        g_test_add_func("/names/random", test_random);
        g_test_add_func("/names/no-memory", test_no_memory);
        return g_test_run();
}
