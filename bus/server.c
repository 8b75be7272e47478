/* SPDX-License-Identifier: MIT */
#include "bus/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bus/announce.h"
#include "bus/dispatch.h"
#include "bus/log.h"
#include "bus/process.h"
#include "bus/route.h"
#include "core/address.h"
#include "core/guid.h"

/* How long to wait for a descriptor to come free when there is none for a new connection. */
#define ACCEPT_RETRY_NS 100000000ull

static int fail_errno(char **error, int code)
{
        *error = strdup(strerror(code));
        return -1;
}

/* Listening stops while there are too many clients that have not said Hello: those that come now
 * wait in the kernel. */
static void update_accepting(struct server *s)
{
        const struct peers *peers = &s->bus.peers;
        bool accepting =
                peers->n_incomplete < (uint64_t)s->bus.config->limits.max_incomplete_connections &&
                list_empty(&s->retry_timer.link);

        if (accepting == s->accepting)
                return;
        s->accepting = accepting;
        for (size_t i = 0; i < s->n_sockets; ++i)
                loop_change(s->loop, &s->sockets[i].source, accepting ? EPOLLIN : 0);
}

static void retry_accept(struct loop_timer *timer)
{
        update_accepting(container_of(timer, struct server, retry_timer));
}

static void accept_failed(struct server *s, int code)
{
        if (code == -EAGAIN || code == -ECONNABORTED)
                return;
        log_line(LOG_LEVEL_WARNING, "Failed to accept a connection: %s", strerror(-code));
        /* The connection stays in the queue, and the socket ready: asking at once would spin. */
        loop_timer_set(s->loop, &s->retry_timer, loop_now() + ACCEPT_RETRY_NS);
        update_accepting(s);
}

static void socket_ready(struct loop_source *source, uint32_t events)
{
        struct server_socket *socket = container_of(source, struct server_socket, source);
        struct server *s = socket->server;
        const struct listener_socket *ls = &socket->listener->sockets[socket->index];
        struct sasl_server_config sasl = {
                .guid = socket->listener->guid,
                .mechanisms = s->mechanisms,
                .allow_anonymous = s->bus.allow_anonymous,
                .fd_passing_possible = ls->is_unix,
                .cookie_context = "org_freedesktop_general",
                .own_uid = s->bus.uid,
        };
        int fd, r;

        (void)events;
        fd = listener_accept(socket->listener, socket->index);
        if (fd < 0) {
                accept_failed(s, fd);
                return;
        }
        r = peers_add(&s->bus.peers, fd, &sasl, ls->nonce);
        if (r < 0)
                accept_failed(s, r);
        update_accepting(s);
}

/* Checks the mechanisms and keeps them: as with the reference, reloading does not change them. */
static int take_mechanisms(struct server *s, const struct config *config, char **error)
{
        const struct config_strings *m = &config->mechanisms;

        if (!m->n)
                return 0;
        s->mechanisms = calloc(m->n + 1, sizeof(*s->mechanisms));
        if (!s->mechanisms)
                return fail_errno(error, ENOMEM);
        for (size_t i = 0; i < m->n; ++i) {
                if (sasl_mechanism_find(m->items[i], strlen(m->items[i])) == SASL_NONE) {
                        if (asprintf(error,
                                     "Unsupported auth mechanism \"%s\" in bus config file "
                                     "detected. Supported mechanisms are \"EXTERNAL, "
                                     "DBUS_COOKIE_SHA1, ANONYMOUS\".",
                                     m->items[i]) < 0)
                                *error = NULL;
                        return -1;
                }
                s->mechanisms[i] = strdup(m->items[i]);
                if (!s->mechanisms[i])
                        return fail_errno(error, ENOMEM);
        }
        return 0;
}

/* Appends a listener and its address to what the server has. */
static int take_listener(struct server *s, struct listener *l)
{
        struct listener **listeners;
        char *address;

        listeners = realloc(s->listeners, (s->n_listeners + 1) * sizeof(struct listener *));
        if (!listeners)
                return -ENOMEM;
        s->listeners = listeners;
        /* The last one first, as the reference prints them. */
        if (asprintf(&address, "%s%s%s", l->connectable, s->address ? ";" : "",
                     s->address ? s->address : "") < 0)
                return -ENOMEM;
        free(s->address);
        s->address = address;
        s->listeners[s->n_listeners++] = l;
        s->n_sockets += l->n_sockets;
        return 0;
}

/* One text may have several addresses: they are alternatives to each other. */
static int listen_on_text(struct server *s, const char *text, char **error)
{
        struct address *addresses;
        struct listener *l;
        char guid[GUID_SIZE];
        size_t n;
        int r;

        /* Each listener has a guid of its own; that of the bus is what GetId tells. */
        r = guid_new(guid);
        if (r < 0)
                return fail_errno(error, -r);
        r = addresses_parse(text, &addresses, &n, error);
        if (r)
                return -1;
        r = listen_on_first(addresses, n, guid, &l, error);
        addresses_free(addresses, n);
        if (r)
                return -1;
        r = take_listener(s, l);
        if (r < 0) {
                listener_free(l);
                return fail_errno(error, -r);
        }
        return 0;
}

static int listen_on_all(struct server *s, const char *address_override, char **error)
{
        const struct config_strings *configured = &s->bus.config->listen;

        if (address_override)
                return listen_on_text(s, address_override, error);
        for (size_t i = 0; i < configured->n; ++i) {
                if (listen_on_text(s, configured->items[i], error) < 0)
                        return -1;
        }
        return 0;
}

static int watch_sockets(struct server *s)
{
        size_t k = 0;
        int r = 0;

        s->sockets = calloc(s->n_sockets ? s->n_sockets : 1, sizeof(*s->sockets));
        if (!s->sockets)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_listeners; ++i) {
                for (size_t n = 0; n < s->listeners[i]->n_sockets; ++n, ++k) {
                        struct server_socket *socket = &s->sockets[k];

                        *socket = (struct server_socket){
                                .server = s, .listener = s->listeners[i], .index = n};
                        loop_source_init(&socket->source, s->listeners[i]->sockets[n].fd, EPOLLIN,
                                         socket_ready);
                        /* All have to be initialised, as all will be removed. */
                        if (!r)
                                r = loop_add(s->loop, &socket->source);
                }
        }
        s->accepting = true;
        return r;
}

/* Before the files in them are read: what changes meanwhile is not missed then. */
static void watch_dirs(struct server *s, const struct config *config)
{
        size_t n = 0, max = config->n_service_dirs + config->conf_dirs.n;
        const char **paths = calloc(max + 1, sizeof(*paths));

        if (!paths) {
                log_line(LOG_LEVEL_WARNING, "No memory to watch directories");
                return;
        }
        for (size_t i = 0; i < config->n_service_dirs; ++i) {
                if (config->service_dirs[i].watch)
                        paths[n++] = config->service_dirs[i].path;
        }
        for (size_t i = 0; i < config->conf_dirs.n; ++i)
                paths[n++] = config->conf_dirs.items[i];
        dir_watch_set(&s->dirs, paths, n);
        free(paths);
}

static void dirs_changed(struct dir_watch *w)
{
        server_reload_unasked(container_of(w, struct server, dirs));
}

static void log_warning(const char *text)
{
        log_line(LOG_LEVEL_WARNING, "%s", text);
}

int server_load_config(const char *path, struct config **config, char **error)
{
        return config_load(path, config, log_warning, error);
}

static struct service_dirs *read_services(const struct config *config, struct fault *fault)
{
        struct service_dirs *services = malloc(sizeof(*services));

        if (!services) {
                fault_no_memory(fault);
                return NULL;
        }
        if (service_dirs_init(services, config, fault) < 0) {
                free(services);
                return NULL;
        }
        return services;
}

static int reload_for_driver(struct bus *bus, struct fault *fault)
{
        return server_reload(container_of(bus, struct server, bus), fault);
}

int server_init(struct server *s, struct loop *loop, const char *config_path, struct config *config,
                const char *address_override, char **error)
{
        struct fault fault = {0};
        int r;

        *error = NULL;
        *s = (struct server){.loop = loop, .config_path = config_path};
        loop_timer_init(&s->retry_timer, retry_accept);
        dir_watch_init(&s->dirs, loop, dirs_changed);
        watch_dirs(s, config);
        r = bus_init(&s->bus, loop, config, &dispatch_handler);
        if (r < 0) {
                dir_watch_deinit(&s->dirs);
                config_free(config);
                return fail_errno(error, -r);
        }
        s->bus.reload = reload_for_driver;
        bus_set_services(&s->bus, read_services(config, &fault));
        if (!s->bus.services) {
                *error = fault.text;
                server_deinit(s);
                return -1;
        }
        loop_timer_init(&s->bus.reply_timer, route_reply_expired);
        if (take_mechanisms(s, config, error) < 0 ||
            listen_on_all(s, address_override, error) < 0) {
                server_deinit(s);
                return -1;
        }
        r = watch_sockets(s);
        if (r < 0) {
                server_deinit(s);
                return fail_errno(error, -r);
        }
        s->bus.address = s->address;
        return 0;
}

void server_deinit(struct server *s)
{
        bus_deinit(&s->bus);
        dir_watch_deinit(&s->dirs);
        loop_timer_clear(&s->retry_timer);
        for (size_t i = 0; i < s->n_sockets && s->sockets; ++i)
                loop_remove(s->loop, &s->sockets[i].source);
        for (size_t i = 0; i < s->n_listeners; ++i)
                listener_free(s->listeners[i]);
        for (size_t i = 0; s->mechanisms && s->mechanisms[i]; ++i)
                free(s->mechanisms[i]);
        free(s->mechanisms);
        free(s->listeners);
        free(s->sockets);
        free(s->address);
        *s = (struct server){0};
}

static int put_into_force(struct bus *bus, struct config *config, struct fault *fault)
{
        struct service_dirs *services = read_services(config, fault);
        int r;

        if (!services)
                return -1;
        r = bus_set_config(bus, config);
        if (r < 0) {
                service_dirs_deinit(services);
                free(services);
                return r == -ENOMEM ? fault_no_memory(fault)
                                    : fault_set(fault, ERROR_FAILED, "%s", strerror(-r));
        }
        bus_set_services(bus, services);
        return 0;
}

static int reload(struct server *s, struct fault *fault)
{
        static const char *const names[] = {
                [CONFIG_E_FAILED] = ERROR_FAILED,
                [CONFIG_E_NOT_FOUND] = ERROR_FILE_NOT_FOUND,
                [CONFIG_E_LIMITS] = ERROR_LIMITS_EXCEEDED,
                [CONFIG_E_ACCESS_DENIED] = ERROR_ACCESS_DENIED,
        };
        struct config *config;
        char *error = NULL;
        int r = server_load_config(s->config_path, &config, &error);

        if (r < 0)
                return fault_no_memory(fault);
        if (r > 0)
                return fault_take(fault, names[r], error);
        watch_dirs(s, config);
        if (lsm_set_config(&s->bus, config, fault) < 0) {
                config_free(config);
                return -1;
        }
        if (put_into_force(&s->bus, config, fault) < 0) {
                config_free(config);
                return -1;
        }
        announce_activatable(&s->bus);
        log_line(LOG_LEVEL_INFO, "Reloaded configuration");
        return 0;
}

int server_reload(struct server *s, struct fault *fault)
{
        int r;

        process_notify("RELOADING=1");
        r = reload(s, fault);
        if (r < 0)
                log_line(LOG_LEVEL_WARNING, "Unable to reload configuration: %s",
                         fault_text(fault));
        process_notify("READY=1");
        return r;
}

void server_reload_unasked(struct server *s)
{
        struct fault fault = {0};

        server_reload(s, &fault);
        fault_clear(&fault);
}

int server_turn(struct server *s)
{
        int r = loop_turn(s->loop);

        peers_settle(&s->bus.peers);
        update_accepting(s);
        return r;
}
