/* SPDX-License-Identifier: MIT */
#include "bus/lsm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_SELINUX
#include <selinux/selinux.h>
#endif

#include "bus/audit.h"
#include "bus/log.h"
#include "bus/lsm-module.h"

/* In the order in which they are asked. */
enum { SELINUX, APPARMOR };

static const struct lsm_module *const modules[LSM_MAX] = {
#ifdef HAVE_SELINUX
        [SELINUX] = &lsm_selinux,
#endif
#ifdef HAVE_APPARMOR
        [APPARMOR] = &lsm_apparmor,
#endif
};

struct lsm {
        void *state[LSM_MAX]; /* NULL: this one does not mediate */
};

struct lsm_labels {
        void *of[LSM_MAX];
};

static void *label_of(const struct peer *p, unsigned i)
{
        return p && p->lsm ? p->lsm->of[i] : NULL;
}

static int start_modules(struct bus *bus, struct lsm *lsm, char **error)
{
        for (unsigned i = 0; i < LSM_MAX; ++i) {
                if (modules[i] && modules[i]->start(bus, &lsm->state[i], error) < 0)
                        return -1;
        }
        return 0;
}

static bool is_active(const struct lsm *lsm)
{
        for (unsigned i = 0; i < LSM_MAX; ++i) {
                if (lsm->state[i])
                        return true;
        }
        return false;
}

/* Only where there is a log to speak of, as with the reference. */
static void tell(const struct bus *bus)
{
        for (unsigned i = 0; i < LSM_MAX; ++i) {
                if (bus->lsm->state[i] && log_goes_to_syslog())
                        log_line(LOG_LEVEL_INFO, "%s", modules[i]->notice);
        }
}

int lsm_start(struct bus *bus, char **error)
{
        struct lsm *lsm;
        int r;

        *error = NULL;
        if (bus->lsm)
                return 0;
        lsm = calloc(1, sizeof(*lsm));
        if (!lsm)
                return -1;
        audit_start();
        r = start_modules(bus, lsm, error);
        bus->lsm = lsm;
        if (r < 0 || !is_active(lsm)) {
                lsm_stop(bus);
                return r;
        }
        tell(bus);
        return 0;
}

void lsm_stop(struct bus *bus)
{
        if (!bus->lsm)
                return;
        for (unsigned i = 0; i < LSM_MAX; ++i) {
                if (bus->lsm->state[i])
                        modules[i]->stop(bus->lsm->state[i]);
        }
        free(bus->lsm);
        bus->lsm = NULL;
        audit_stop();
}

int lsm_check_required(const struct config *config, char **error)
{
        if (config->apparmor != CONFIG_APPARMOR_REQUIRED)
                return 0;
#ifdef HAVE_APPARMOR
        if (apparmor_can_mediate())
                return 0;
#endif
        *error = strdup("AppArmor mediation required but not present");
        return -1;
}

int lsm_set_config(struct bus *bus, const struct config *config, struct fault *fault)
{
        for (unsigned i = 0; bus->lsm && i < LSM_MAX; ++i) {
                void *state = bus->lsm->state[i];

                if (state && modules[i]->set_config &&
                    modules[i]->set_config(state, config, fault) < 0)
                        return -1;
        }
        return 0;
}

static int read_labels(const struct lsm *lsm, int fd, struct lsm_labels *labels, char **error)
{
        for (unsigned i = 0; i < LSM_MAX; ++i) {
                void *state = lsm->state[i];

                if (state && modules[i]->read_label(state, fd, &labels->of[i], error) < 0)
                        return -1;
        }
        return 0;
}

int lsm_admit(struct bus *bus, struct peer *p)
{
        struct lsm_labels *labels;
        char *error = NULL;

        if (!bus->lsm)
                return 0;
        labels = calloc(1, sizeof(*labels));
        if (labels && !read_labels(bus->lsm, p->source.fd, labels, &error)) {
                p->lsm = labels;
                return 0;
        }
        log_line(LOG_LEVEL_WARNING, "Unable to set up new connection: %s",
                 error ? error : strerror(ENOMEM));
        free(error);
        lsm_labels_free(labels);
        return -1;
}

struct lsm_labels *lsm_labels_free(struct lsm_labels *labels)
{
        for (unsigned i = 0; labels && i < LSM_MAX; ++i) {
                if (labels->of[i] && modules[i]->drop_label)
                        modules[i]->drop_label(labels->of[i]);
        }
        free(labels);
        return NULL;
}

int lsm_may_send(struct bus *bus, const struct lsm_message *m, struct fault *fault)
{
        for (unsigned i = 0; bus->lsm && i < LSM_MAX; ++i) {
                void *state = bus->lsm->state[i];

                if (state && modules[i]->may_send(state, label_of(m->from, i), label_of(m->to, i),
                                                  m, fault) < 0)
                        return -1;
        }
        return 0;
}

int lsm_may_own(struct bus *bus, struct peer *p, const char *name, struct fault *fault)
{
        for (unsigned i = 0; bus->lsm && i < LSM_MAX; ++i) {
                void *state = bus->lsm->state[i];

                if (state && modules[i]->may_own(state, label_of(p, i), p, name, fault) < 0)
                        return -1;
        }
        return 0;
}

int lsm_may_eavesdrop(struct bus *bus, struct peer *p, struct fault *fault)
{
        for (unsigned i = 0; bus->lsm && i < LSM_MAX; ++i) {
                void *state = bus->lsm->state[i];

                if (state && modules[i]->may_eavesdrop &&
                    modules[i]->may_eavesdrop(state, label_of(p, i), p, fault) < 0)
                        return -1;
        }
        return 0;
}

int lsm_may_activate(struct bus *bus, struct peer *from, struct message *m, const char *label,
                     struct fault *fault)
{
        const struct lsm_message lm = {.message = m, .from = from};

        for (unsigned i = 0; bus->lsm && i < LSM_MAX; ++i) {
                void *state = bus->lsm->state[i];

                if (state && modules[i]->may_activate &&
                    modules[i]->may_activate(state, label_of(from, i), &lm, label, fault) < 0)
                        return -1;
        }
        return 0;
}

bool lsm_lets_pass_all(struct bus *bus, const struct peer *a, const struct peer *b)
{
        for (unsigned i = 0; bus->lsm && i < LSM_MAX; ++i) {
                void *state = bus->lsm->state[i];

                if (state && !modules[i]->lets_pass_all(state, label_of(a, i), label_of(b, i)))
                        return false;
        }
        return true;
}

unsigned lsm_names(const struct bus *bus, const char *names[LSM_MAX])
{
        unsigned n = 0;

        for (unsigned i = 0; bus->lsm && i < LSM_MAX; ++i) {
                if (bus->lsm->state[i])
                        names[n++] = modules[i]->name;
        }
        return n;
}

#ifdef HAVE_SELINUX
bool lsm_has_selinux(void)
{
        return is_selinux_enabled() > 0;
}

const char *lsm_selinux_root(void)
{
        return selinux_policy_root();
}

const char *lsm_selinux_context(const struct peer *p)
{
        void *label = label_of(p, SELINUX);

        if (label)
                return selinux_context(label);
        return lsm_has_selinux() ? p->credentials.security_label : NULL;
}
#else
bool lsm_has_selinux(void)
{
        return false;
}

const char *lsm_selinux_root(void)
{
        return NULL;
}

const char *lsm_selinux_context(const struct peer *p)
{
        (void)p;
        return NULL;
}
#endif
