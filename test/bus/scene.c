/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "test.Name"

struct scene_call {
        struct client *caller;
        uint32_t serial;
        unsigned n_answers;
        bool refused;
};

struct scene_signal {
        struct client *sender;
        uint32_t serial, number;
        struct client *missing[3]; /* who should have got it, and has not; NULL: nobody */
        bool refused;
};

void scene_settle(struct scene *s)
{
        struct client *actors[] = {s->a, s->b, s->c};

        while (client_pump(actors, G_N_ELEMENTS(actors), 0))
                ;
}

/* Sends a call that somebody has to answer. `body` (NULL: none) is freed. */
static void call(struct scene *s, struct client *caller, const struct wire_head *head,
                 GByteArray *body)
{
        struct scene_call c = {.caller = caller, .serial = client_send(caller, head, body)};

        g_array_append_val(s->calls, c);
        if (body)
                g_byte_array_unref(body);
}

static void call_interface(struct scene *s, struct client *caller, const char *interface,
                           const char *member, const char *signature, GByteArray *body)
{
        const struct wire_head head = {
                .type = WIRE_CALL,
                .path = WIRE_BUS_PATH,
                .interface = interface,
                .member = member,
                .destination = WIRE_BUS,
                .signature = signature,
        };

        call(s, caller, &head, body);
}

static void call_bus(struct scene *s, struct client *caller, const char *member,
                     const char *signature, GByteArray *body)
{
        call_interface(s, caller, WIRE_BUS, member, signature, body);
}

static void call_with_string(struct scene *s, struct client *caller, const char *member,
                             const char *text)
{
        call_bus(s, caller, member, "s", wire_body_string(text));
}

static void call_peer(struct scene *s, struct client *caller, const char *destination)
{
        const struct wire_head head = {
                .type = WIRE_CALL,
                .path = "/test",
                .interface = "test.Interface",
                .member = "Call",
                .destination = destination,
        };

        call(s, caller, &head, NULL);
}

static void cross_off_call(struct scene *s, const struct client *c, const struct incoming *m)
{
        for (guint i = 0; i < s->calls->len; ++i) {
                struct scene_call *done = &g_array_index(s->calls, struct scene_call, i);

                if (done->caller != c || m->v.type == WIRE_CALL ||
                    done->serial != m->v.reply_serial)
                        continue;
                done->n_answers += 1;
                done->refused = m->v.type == WIRE_ERROR;
        }
}

static void cross_off_signal(struct scene *s, const struct client *c, const struct incoming *m)
{
        bool is_ours = m->v.type == WIRE_SIGNAL && g_str_equal(m->v.member, TRAFFIC_MEMBER);

        for (guint i = 0; i < s->signals->len; ++i) {
                struct scene_signal *done = &g_array_index(s->signals, struct scene_signal, i);

                done->refused |= done->sender == c && m->v.type == WIRE_ERROR &&
                                 done->serial == m->v.reply_serial;
                if (!is_ours || traffic_number(m) != done->number)
                        continue;
                for (size_t k = 0; k < G_N_ELEMENTS(done->missing); ++k) {
                        if (done->missing[k] == c)
                                done->missing[k] = NULL;
                }
        }
}

/* Drops the answers of the authentication, which are lines. */
static void skip_lines(struct client *c)
{
        while (c->in->len > c->in_at && c->in->data[c->in_at] != 'l') {
                const guint8 *start = c->in->data + c->in_at,
                             *end = memchr(start, '\n', c->in->len - c->in_at);

                c->in_at = end ? c->in_at + (gsize)(end - start) + 1 : c->in->len;
        }
}

/* Takes a message of a client, and crosses off what it shows to be done. NULL: there is none. */
static struct incoming *take(struct scene *s, struct client *c)
{
        struct incoming *m;

        if (!c->name)
                skip_lines(c);
        m = client_take(c);
        if (m) {
                cross_off_call(s, c, m);
                cross_off_signal(s, c, m);
        }
        return m;
}

/* Answers every call that has come, by an error if it is an odd one. */
static void answer_calls(struct scene *s, struct client *c)
{
        struct incoming *m;

        while ((m = take(s, c))) {
                const struct wire_head answer = {
                        .type = m->v.serial % 2 ? WIRE_ERROR : WIRE_RETURN,
                        .flags = WIRE_NO_REPLY,
                        .reply_serial = m->v.serial,
                        .error_name = m->v.serial % 2 ? "test.Error" : NULL,
                        .destination = m->v.sender,
                };

                if (m->v.type == WIRE_CALL)
                        client_send(c, &answer, NULL);
                incoming_free(m);
        }
}

static void request_name(struct scene *s, struct client *c, const char *name, uint32_t flags)
{
        GByteArray *body = wire_body_string(name);

        wire_put_u32(body, flags);
        call_bus(s, c, "RequestName", "su", body);
}

/* Nobody is there; somebody comes. */
static void act_connect(struct scene *s)
{
        const struct wire_head hello = {
                .type = WIRE_CALL,
                .path = WIRE_BUS_PATH,
                .interface = WIRE_BUS,
                .member = "Hello",
                .destination = WIRE_BUS,
        };
        GByteArray *script = client_auth_script(true);

        s->a = client_free(s->a);
        scene_settle(s);
        s->a = client_connect(s->d->socket);
        client_queue(s->a, script->data, script->len);
        g_byte_array_unref(script);
        call(s, s->a, &hello, NULL);
        scene_settle(s);
}

/* Whoever was refused may try again. */
static void check_connect(struct scene *s)
{
        if (g_array_index(s->calls, struct scene_call, 0).refused && !s->a->closed)
                client_tell_bus(s->a, "Hello", NULL, NULL);
}

static void prepare_names(struct scene *s)
{
        client_add_match(s->a, "member='NameOwnerChanged'");
        client_add_match(s->b, "member='NameOwnerChanged',arg0='" NAME "'");
}

static void act_names(struct scene *s)
{
        enum { ALLOW_REPLACEMENT = 1, REPLACE = 2 };

        request_name(s, s->a, NAME, ALLOW_REPLACEMENT);
        request_name(s, s->b, NAME, 0);
        scene_settle(s);
        request_name(s, s->c, NAME, REPLACE);
        request_name(s, s->c, NAME ".more", 0);
        scene_settle(s);
        call_with_string(s, s->a, "ListQueuedOwners", NAME);
        call_with_string(s, s->b, "GetNameOwner", NAME);
        call_with_string(s, s->c, "ReleaseName", NAME);
        scene_settle(s);
        call_with_string(s, s->b, "ReleaseName", NAME);
        scene_settle(s);
}

static void act_rules(struct scene *s)
{
        static const char *const rules[] = {
                "type='signal',interface='test.I',member='M'",
                "sender='" NAME "',path='/a/b'",
                "path_namespace='/a',arg0='x',arg1='y'",
                "arg0namespace='test.space',eavesdrop='true'",
                "arg2path='/a/'",
                "type='signal',interface='test.I',member='M'",
                "no such key='x'",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rules); ++i) {
                call_with_string(s, s->a, "AddMatch", rules[i]);
                call_with_string(s, s->b, "AddMatch", rules[i]);
        }
        scene_settle(s);
        for (size_t i = 0; i < G_N_ELEMENTS(rules); ++i)
                call_with_string(s, s->a, "RemoveMatch", rules[i]);
        scene_settle(s);
}

static void prepare_calls(struct scene *s)
{
        client_request_name(s->b, NAME);
}

static void act_calls(struct scene *s)
{
        call_peer(s, s->a, NAME);
        call_peer(s, s->a, s->b->name);
        call_peer(s, s->c, NAME);
        call_peer(s, s->c, "test.Nobody");
        scene_settle(s);
        answer_calls(s, s->b);
        scene_settle(s);
}

static void prepare_signals(struct scene *s)
{
        client_add_match(s->a, TRAFFIC_RULE);
        client_add_match(s->b, TRAFFIC_RULE);
        client_add_match(s->c, TRAFFIC_RULE);
        client_add_match(s->c, "eavesdrop='true'");
}

/* Sends a signal that all have to get, or only `to`. */
static void send_signal(struct scene *s, struct client *from, struct client *to, uint32_t number,
                        uint32_t padding)
{
        struct scene_signal signal = {
                .sender = from,
                .number = number,
                .serial = traffic_send(from, to ? to->name : NULL, number, padding),
                .missing = {to ? to : s->a, to ? NULL : s->b, to ? NULL : s->c},
        };

        g_array_append_val(s->signals, signal);
}

static void act_signals(struct scene *s)
{
        send_signal(s, s->a, NULL, 1, 10);
        send_signal(s, s->a, s->b, 2, 10);
        send_signal(s, s->b, NULL, 3, 10);
        scene_settle(s);
}

static void act_monitor(struct scene *s)
{
        GByteArray *body = g_byte_array_new();
        guint from;

        wire_put_u32(body, 0);
        from = body->len;
        wire_put_string(body, "type='method_call'");
        wire_put_string(body, "type='signal'");
        wire_set_u32(body->data, body->len - from);
        wire_put_u32(body, 0);
        call_interface(s, s->c, WIRE_BUS ".Monitoring", "BecomeMonitor", "asu", body);
        scene_settle(s);
        call_peer(s, s->a, NAME);
        call_with_string(s, s->a, "AddMatch", TRAFFIC_RULE);
        scene_settle(s);
        answer_calls(s, s->b);
        traffic_send(s->b, NULL, 1, 10);
        scene_settle(s);
}

static void act_questions(struct scene *s)
{
        static const char *const of_name[] = {
                "GetConnectionCredentials",
                "GetConnectionUnixUser",
                "GetConnectionUnixProcessID",
                "GetNameOwner",
                "NameHasOwner",
                "ListQueuedOwners",
                "GetConnectionSELinuxSecurityContext",
                "GetAdtAuditSessionData",
        };
        static const char *const of_nothing[] = {"ListNames", "ListActivatableNames", "GetId",
                                                 "Hello", "NoSuchMethod"};

        for (size_t i = 0; i < G_N_ELEMENTS(of_name); ++i) {
                call_with_string(s, s->a, of_name[i], s->b->name);
                call_with_string(s, s->a, of_name[i], WIRE_BUS);
                call_with_string(s, s->a, of_name[i], "test.Nobody");
        }
        for (size_t i = 0; i < G_N_ELEMENTS(of_nothing); ++i)
                call_bus(s, s->b, of_nothing[i], NULL, NULL);
        scene_settle(s);
}

static void prepare_statistics(struct scene *s)
{
        prepare_names(s);
        prepare_signals(s);
        client_request_name(s->b, NAME);
}

static void act_statistics(struct scene *s)
{
        static const char stats[] = WIRE_BUS ".Debug.Stats";
        static const char properties[] = WIRE_BUS ".Properties";
        GByteArray *body = wire_body_string(WIRE_BUS);

        wire_put_string(body, "Features");
        call_interface(s, s->a, stats, "GetStats", NULL, NULL);
        call_interface(s, s->a, stats, "GetConnectionStats", "s", wire_body_string(NAME));
        call_interface(s, s->a, stats, "GetAllMatchRules", NULL, NULL);
        call_interface(s, s->b, properties, "GetAll", "s", wire_body_string(WIRE_BUS));
        call_interface(s, s->b, properties, "Get", "ss", body);
        call_interface(s, s->c, WIRE_BUS ".Introspectable", "Introspect", NULL, NULL);
        call_interface(s, s->c, WIRE_BUS ".Peer", "GetMachineId", NULL, NULL);
        scene_settle(s);
}

static void prepare_departure(struct scene *s)
{
        prepare_names(s);
        prepare_signals(s);
        client_request_name(s->a, NAME);
        client_request_name(s->a, NAME ".other");
        client_request_name(s->b, NAME);
        client_request_name(s->c, NAME);
        call_peer(s, s->b, s->a->name);
        call_peer(s, s->c, NAME);
        call_peer(s, s->a, s->b->name);
        scene_settle(s);
}

static void act_departure(struct scene *s)
{
        for (guint i = s->calls->len; i > 0; --i) {
                if (g_array_index(s->calls, struct scene_call, i - 1).caller == s->a)
                        g_array_remove_index(s->calls, i - 1);
        }
        s->a = client_free(s->a);
        scene_settle(s);
        answer_calls(s, s->b);
        scene_settle(s);
}

/* Whoever has no memory of a rule, a name or a message has to let others have theirs. */
static void act_reload(struct scene *s)
{
        inproc_write_config(s->d, "<limit name=\"max_match_rules_per_connection\">100</limit>"
                                  "<policy user=\"root\"><deny own=\"test.Denied\"/></policy>"
                                  "<policy context=\"mandatory\">"
                                  "<allow send_interface=\"test.I\"/></policy>");
        call_bus(s, s->a, "ReloadConfig", NULL, NULL);
        scene_settle(s);
        call_with_string(s, s->b, "AddMatch", "type='signal'");
        request_name(s, s->b, "test.Denied", 0);
        scene_settle(s);
}

static void act_refusals(struct scene *s)
{
        request_name(s, s->a, "not a name", 0);
        request_name(s, s->a, WIRE_BUS, 0);
        call_with_string(s, s->a, "RemoveMatch", "type='signal'");
        call_with_string(s, s->a, "StartServiceByName", "test.Nobody");
        call_bus(s, s->b, "AddMatch", NULL, NULL);
        call_interface(s, s->b, "test.NoInterface", "Method", NULL, NULL);
        call_peer(s, s->c, ":1.99999");
        scene_settle(s);
}

static void act_descriptors(struct scene *s)
{
        const struct wire_head head = traffic_take(WIRE_SIGNAL, s->b->name, 3);
        const struct wire_head to_all = traffic_take(WIRE_SIGNAL, NULL, 2);
        const int fds[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};

        client_send_fds(s->a, &head, NULL, fds, 3);
        client_send_fds(s->a, &to_all, NULL, fds, 2);
        scene_settle(s);
        /* Some that are ahead of their message, which comes in two halves. */
        client_queue_fds(s->a, fds, 2);
        client_queue(s->a, "l\4\1\1", 4);
        scene_settle(s);
        s->b = client_free(s->b);
        scene_settle(s);
}

static void act_large(struct scene *s)
{
        send_signal(s, s->a, s->b, 1, 400 * 1024);
        send_signal(s, s->a, s->b, 2, 10);
        send_signal(s, s->a, NULL, 3, 300 * 1024);
        scene_settle(s);
}

/* More than sockets hold: the bus has to keep it. */
static void act_deaf(struct scene *s)
{
        s->b->deaf = true;
        for (uint32_t i = 0; i < 60; ++i)
                send_signal(s, s->a, s->b, i, 10000);
        call_with_string(s, s->b, "GetNameOwner", NAME);
        scene_settle(s);
        s->b->deaf = false;
        scene_settle(s);
}

/* In the bus's own directory. */
static char *service_file(const struct scene *s, const char *name)
{
        return g_strdup_printf("%s/%s.service", s->d->directory, name);
}

static void add_service(const struct scene *s, const char *name, const char *more)
{
        g_autofree char *path = service_file(s, name);
        g_autofree char *text = g_strdup_printf("[D-BUS Service]\nName=%s\n%s\n", name, more);

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void read_services(struct scene *s)
{
        g_autofree char *dir = g_strdup_printf("<servicedir>%s</servicedir>", s->d->directory);

        inproc_write_config(s->d, dir);
        client_tell_bus(s->a, "ReloadConfig", NULL, NULL);
}

static void remove_service(const struct scene *s, const char *name)
{
        g_autofree char *path = service_file(s, name);

        g_assert_no_errno(g_unlink(path));
}

static void prepare_activation(struct scene *s)
{
        add_service(s, "test.Comes", "Exec=/bin/true");
        add_service(s, "test.Fails", "Exec=/nonexistent/program");
        read_services(s);
}

/* The programs that the bus has started end by themselves. */
static void wait_children(struct scene *s)
{
        const struct list *children = &s->d->server.bus.spawner.children;
        gint64 deadline = g_get_monotonic_time() + CLIENT_DEADLINE_S * G_USEC_PER_SEC;

        for (scene_settle(s); !list_empty(children); scene_settle(s)) {
                g_assert_cmpint(g_get_monotonic_time(), <, deadline);
                g_usleep(100);
        }
}

static void start_service(struct scene *s, struct client *c, const char *name)
{
        GByteArray *body = wire_body_string(name);

        wire_put_u32(body, 0);
        call_bus(s, c, "StartServiceByName", "su", body);
}

static void update_environment(struct scene *s, struct client *c)
{
        GByteArray *body = g_byte_array_new();
        guint from;

        wire_put_u32(body, 0);
        wire_put_u32(body, 0);
        from = body->len;
        wire_put_string(body, "NAME");
        wire_put_string(body, "value");
        wire_set_u32(body->data, body->len - from);
        call_bus(s, c, "UpdateActivationEnvironment", "a{ss}", body);
}

/* Some wait for a name that then is somebody's, others for one that never will be. */
static void act_activation(struct scene *s)
{
        update_environment(s, s->a);
        call_peer(s, s->a, "test.Comes");
        start_service(s, s->c, "test.Comes");
        call_peer(s, s->c, "test.Fails");
        start_service(s, s->a, "test.Fails");
        wait_children(s);
        /* The directory is read again, as something in it has changed, and as it is told to. */
        add_service(s, "test.Later", "Exec=/bin/true");
        scene_settle(s);
        call_bus(s, s->a, "ReloadConfig", "", NULL);
        start_service(s, s->a, "test.Later");
        wait_children(s);
        request_name(s, s->b, "test.Comes", 0);
        scene_settle(s);
        answer_calls(s, s->b);
        scene_settle(s);
}

static void check_activation(struct scene *s)
{
        wait_children(s);
        remove_service(s, "test.Comes");
        remove_service(s, "test.Fails");
        remove_service(s, "test.Later");
        /* Each that was started is gone, and reaped. */
        g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
}

static void prepare_systemd(struct scene *s)
{
        s->d->server.bus.systemd_activation = true;
        add_service(s, "test.Unit", "Exec=/nonexistent/program\nSystemdService=test.service");
        read_services(s);
}

static void send_failure(struct client *systemd, const char *signature, const char *error)
{
        const struct wire_head head = {
                .type = WIRE_SIGNAL,
                .path = "/org/freedesktop/systemd1",
                .interface = "org.freedesktop.systemd1.Activator",
                .member = "ActivationFailure",
                .destination = WIRE_BUS,
                .signature = signature,
        };
        GByteArray *body = wire_body_string("test.service");

        for (size_t i = 1; i < strlen(signature); ++i)
                wire_put_string(body, error);
        client_send(systemd, &head, body);
        g_byte_array_unref(body);
}

/* Systemd comes when it is waited for, and fails; what it says of that makes no sense at first. */
static void act_systemd(struct scene *s)
{
        call_peer(s, s->a, "test.Unit");
        update_environment(s, s->a);
        scene_settle(s);
        request_name(s, s->b, "org.freedesktop.systemd1", 0);
        scene_settle(s);
        call_peer(s, s->c, "test.Unit");
        send_failure(s->b, "s", NULL);
        send_failure(s->b, "sss", "not the name of an error");
        scene_settle(s);
        start_service(s, s->a, "test.Unit");
        update_environment(s, s->c);
        scene_settle(s);
        send_failure(s->b, "sss", "test.Error");
        scene_settle(s);
}

static void check_systemd(struct scene *s)
{
        remove_service(s, "test.Unit");
}

static void act_malformed(struct scene *s)
{
        client_queue(s->a, "no message at all", 17);
        scene_settle(s);
}

const struct scene_script scene_scripts[] = {
        {"connect", NULL, act_connect, check_connect},
        {"names", prepare_names, act_names, NULL},
        {"rules", NULL, act_rules, NULL},
        {"calls", prepare_calls, act_calls, NULL},
        {"signals", prepare_signals, act_signals, NULL},
        {"monitor", prepare_calls, act_monitor, NULL},
        {"questions", NULL, act_questions, NULL},
        {"statistics", prepare_statistics, act_statistics, NULL},
        {"departure", prepare_departure, act_departure, NULL},
        {"reload", NULL, act_reload, NULL},
        {"refusals", NULL, act_refusals, NULL},
        {"descriptors", prepare_signals, act_descriptors, NULL},
        {"large", prepare_signals, act_large, NULL},
        {"deaf", NULL, act_deaf, NULL},
        {"activation", prepare_activation, act_activation, check_activation},
        {"systemd", prepare_systemd, act_systemd, check_systemd},
        {"malformed", NULL, act_malformed, NULL},
};
const size_t n_scene_scripts = G_N_ELEMENTS(scene_scripts);

void scene_init(struct scene *s, const struct scene_script *script)
{
        *s = (struct scene){
                .d = inproc_new(NULL),
                .calls = g_array_new(FALSE, FALSE, sizeof(struct scene_call)),
                .signals = g_array_new(FALSE, FALSE, sizeof(struct scene_signal)),
        };
        g_assert_cmpint(inproc_start(s->d), ==, 0);
        pair_init(&s->bystanders, s->d->socket);
        s->a = client_new(s->d->socket);
        s->b = client_new(s->d->socket);
        s->c = client_new(s->d->socket);
        if (script->prepare)
                script->prepare(s);
}

static void take_all(struct scene *s, struct client *c)
{
        struct incoming *m;

        while (c && (m = take(s, c)))
                incoming_free(m);
}

/* Those whom the bus could not let in at once are let in after a while, which is now over. */
static void wait_accepting(struct scene *s)
{
        struct loop_timer *retry = &s->d->server.retry_timer;

        if (!list_empty(&retry->link))
                loop_timer_set(&s->d->loop, retry, 0);
}

/* A service that has not come by now comes no more. */
static void end_starts(struct scene *s)
{
        const struct list *all = &s->d->server.bus.activations.pending;

        for (const struct list *l = all->next; l != all; l = l->next) {
                struct activation *a = container_of(l, struct activation, of_all);

                loop_timer_set(&s->d->loop, &a->timer, 0);
        }
}

static void check_calls(const struct scene *s, bool strict)
{
        for (guint i = 0; i < s->calls->len; ++i) {
                const struct scene_call *c = &g_array_index(s->calls, struct scene_call, i);

                if (c->n_answers > 1 || (!c->n_answers && (strict || !c->caller->closed)))
                        g_error("call %u of %s got %u answers", c->serial,
                                c->caller->name ? c->caller->name : "a new client", c->n_answers);
        }
}

static void check_signals(const struct scene *s, bool strict)
{
        for (guint i = 0; i < s->signals->len; ++i) {
                const struct scene_signal *done =
                        &g_array_index(s->signals, struct scene_signal, i);

                if ((done->refused || done->sender->closed) && !strict)
                        continue;
                for (size_t k = 0; k < G_N_ELEMENTS(done->missing); ++k) {
                        const struct client *c = done->missing[k];

                        if (c && (strict || !c->closed))
                                g_error("%s did not get signal %u", c->name, done->number);
                }
        }
}

void scene_check(struct scene *s, const struct scene_script *script, bool strict)
{
        struct client *late;

        wait_accepting(s);
        end_starts(s);
        scene_settle(s);
        take_all(s, s->a);
        take_all(s, s->b);
        take_all(s, s->c);
        check_calls(s, strict);
        check_signals(s, strict);
        if (script->check)
                script->check(s);
        pair_exchange(&s->bystanders, 3);
        late = client_new(s->d->socket);
        client_request_name(late, NAME ".late");
        client_free(late);
        pair_exchange(&s->bystanders, 3);
}

void scene_deinit(struct scene *s)
{
        client_free(s->a);
        client_free(s->b);
        client_free(s->c);
        s->a = s->b = s->c = NULL;
        scene_settle(s);
        pair_deinit(&s->bystanders);
        inproc_free(s->d);
        g_array_unref(s->calls);
        g_array_unref(s->signals);
}
