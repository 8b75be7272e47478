/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "measure.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Makes room for @n more pointers in an array of @have. */
static int grow(void *arrayp, size_t have, size_t n)
{
        void **array = *(void ***)arrayp;

        array = realloc(array, (have + n) * sizeof(*array));
        if (!array)
                return -ENOMEM;
        *(void ***)arrayp = array;
        return 0;
}

int fixture_add_clients(struct fixture *f, unsigned n)
{
        int r = grow(&f->clients, f->n_clients, n);

        for (unsigned i = 0; i < n && r >= 0; ++i) {
                r = client_new(&f->clients[f->n_clients], f->daemon->socket, CLIENT_AUTH_STEPWISE);
                if (r >= 0)
                        ++f->n_clients;
        }
        return r;
}

int fixture_adopt_client(struct fixture *f, int fd)
{
        int r = grow(&f->clients, f->n_clients, 1);

        if (r < 0) {
                close(fd);
                return r;
        }
        r = client_adopt(&f->clients[f->n_clients], fd);
        if (r >= 0)
                ++f->n_clients;
        return r;
}

int fixture_add_peer(struct fixture *f, struct peer_setup *setup)
{
        int r = grow(&f->peers, f->n_peers, 1);

        if (f->daemon)
                setup->socket = f->daemon->socket;
        if (r >= 0)
                r = peer_new(&f->peers[f->n_peers], setup);
        if (r >= 0)
                ++f->n_peers;
        return r;
}

static int pin(struct fixture *f)
{
        bool is_split = f->c->placement == PLACE_SPLIT || f->c->placement == PLACE_APART;
        int r = 0;

        for (size_t i = 0; i < f->n_peers && r >= 0; ++i)
                r = measure_pin(f->peers[i]->pid, measure_cpu(f->c->placement == PLACE_APART));
        if (r >= 0 && f->service)
                r = measure_pin(f->service->pid, measure_cpu(0));
        if (r >= 0 && f->client)
                r = measure_pin(f->client->pid, measure_cpu(0));
        /* Last, because a relay is both a peer and what stands in for the daemon. */
        if (r >= 0 && f->pid > 0)
                r = measure_pin(f->pid, measure_cpu(is_split));
        return r;
}

int fixture_start_program(const struct fixture *f, struct program **pp, const char *task,
                          const char *profile)
{
        struct program_setup setup = {
                .path = f->equipment->lib_client,
                .task = task,
                .library = f->equipment->library[f->library],
                .socket = f->daemon ? f->daemon->socket : NULL,
                .valgrind = profile ? f->equipment->valgrind : NULL,
                .profile = profile,
                .links = columns[f->column].links,
        };

        return program_new(pp, &setup);
}

int fixture_new(struct fixture **fp, const struct bench_case *c, const struct equipment *equipment,
                enum column column)
{
        enum subject_id id = columns[column].daemon;
        struct fixture *f = calloc(1, sizeof(*f));
        int r = 0;

        if (!f)
                return -ENOMEM;
        f->c = c;
        f->equipment = equipment;
        f->column = column;
        f->library = columns[column].library;
        if (id != NO_SUBJECT) {
                r = daemon_new(&f->daemon, &equipment->subjects, id, c->policy,
                               columns[column].links != LINKS_NOWHERE);
                if (r >= 0) {
                        f->pid = f->daemon->pid;
                        r = client_new(&f->caller, f->daemon->socket, CLIENT_AUTH_STEPWISE);
                }
        }
        if (r >= 0)
                r = c->workload->setup(f);
        if (r >= 0 && c->placement != PLACE_FREE)
                r = pin(f);
        if (r < 0) {
                fixture_free(f);
                return r;
        }
        *fp = f;
        return 0;
}

struct fixture *fixture_free(struct fixture *f)
{
        if (!f)
                return NULL;
        /* Programs would complain. */
        program_free(f->client);
        program_free(f->service);
        /* The daemon first: a quarter of a million rules need not be taken down one by one. */
        daemon_free(f->daemon);
        if (f->c->workload->teardown)
                f->c->workload->teardown(f);
        for (size_t i = 0; i < f->n_peers; ++i)
                peer_free(f->peers[i]);
        free(f->peers);
        for (size_t i = 0; i < f->n_clients; ++i)
                client_free(f->clients[i]);
        free(f->clients);
        client_free(f->caller);
        wire_buf_deinit(&f->message);
        free(f);
        return NULL;
}
