/* SPDX-License-Identifier: MIT */

/*
 * Fuzzes the reader of configuration files, and policies made of what it read. The input is a file,
 * and the message that is judged by its policy takes its texts from the end of it.
 */

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bus/config.h"
#include "fuzz.h"

/* Texts of a message are cut out of the input: they then have something to do with its rules. */
struct cutter {
        const uint8_t *data;
        size_t size;
};

static uint8_t take_byte(struct cutter *c)
{
        return c->size ? c->data[--c->size] : 0;
}

static void take_text(struct cutter *c, struct message *m, enum header_field field)
{
        size_t at = take_byte(c) | (size_t)take_byte(c) << 8, length = take_byte(c) % 32;

        if (at && at + length <= m->size)
                m->header.text[field] = (struct header_text){(uint32_t)at, (uint32_t)length};
}

static void make_message(struct message *m, uint8_t *bytes, struct cutter *c)
{
        *m = (struct message){.bytes = bytes, .size = (uint32_t)c->size};
        m->header.type = 1 + take_byte(c) % 5;
        m->header.reply_serial = take_byte(c) & 1;
        m->n_fds = take_byte(c) & 3;
        for (unsigned field = FIELD_PATH; field < N_HEADER_FIELDS; field++)
                take_text(c, m, (enum header_field)field);
}

static void check_verdict(struct policy_verdict v, struct policy_verdict again)
{
        require(v.allow == again.allow && v.log == again.log && v.n_matched == again.n_matched);
        require(!v.log || v.n_matched > 0);
        require(!v.allow || v.log || v.n_matched == 0);
}

static void judge(const struct policy_view *v, const struct message *m, bool requested)
{
        struct name_owner owner = {.unique_name = ":1.1"};
        struct name_registry names;
        struct policy_message pm = {.message = m, .requested_reply = requested};
        const struct header_text *name = &m->header.text[FIELD_DESTINATION];

        name_registry_init(&names);
        name_owner_init(&owner);
        owner.unique_name = ":1.1";
        for (int i = 0; i < 4; i++) {
                pm.sender = pm.addressed = i & 1 ? &owner : NULL;
                pm.receiver = i & 2 ? &owner : NULL;
                check_verdict(policy_may_send(v, &pm, &names), policy_may_send(v, &pm, &names));
                check_verdict(policy_may_receive(v, &pm, &names),
                              policy_may_receive(v, &pm, &names));
        }
        policy_may_own(v, (const char *)m->bytes + name->at, name->length);
        name_registry_deinit(&names);
}

static void check_policy(struct policy *p, const uint8_t *data, size_t size)
{
        struct cutter c = {data, size};
        uint8_t flags = take_byte(&c);
        gid_t group = 0;
        struct credentials who = {
                .has_uid = flags & 1,
                .has_groups = true,
                .groups = &group,
                .n_groups = flags >> 1 & 1,
        };
        uint8_t *bytes = malloc(size + 1);
        struct policy_view *v;
        struct message m;

        require(bytes != NULL);
        memcpy(bytes, data, size);
        make_message(&m, bytes, &c);
        require(policy_view_get(p, &who, flags & 4, &v) == 0);
        judge(v, &m, flags & 8);
        policy_view_unref(v);
        free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int fd = memfd_create("fuzz-config", MFD_CLOEXEC), r;
        struct config *c;
        char path[64], *error;

        require(fd >= 0);
        require(write(fd, data, size) == (ssize_t)size);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        unsetenv("XDG_RUNTIME_DIR");
        r = config_load(path, &c, NULL, &error);
        close(fd);
        if (r) {
                require(r > 0 && error && error[0]);
                free(error);
                return 0;
        }
        require(!error && c->listen.n);
        check_policy(c->policy, data, size);
        config_free(c);
        return 0;
}
