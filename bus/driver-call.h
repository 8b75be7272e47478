/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A method call to the bus on its way through the driver, and the tables that say which methods
 * there are. Only for driver*.c.
 */

#include "bus/bus.h"
#include "bus/fault.h"
#include "core/reader.h"
#include "core/writer.h"

struct driver_call {
        struct bus *bus;
        struct peer *caller;
        struct message *message;
        struct reader args; /* of the method's signature: reading them in order cannot fail */
        struct fault *fault;
};

enum driver_flag {
        DRIVER_ANY_PATH = 1,   /* answered on every object path, as clients rely on it */
        DRIVER_PRIVILEGED = 2, /* for root and for whoever the bus runs as */
};

struct driver_method {
        const char *name;
        const char *in, *out; /* signatures */
        unsigned flags;
        int (*handle)(struct driver_call *c); /* 0 (and has replied), or -1 with the fault set */
};

struct driver_property {
        const char *name, *type;
        void (*write)(struct bus *bus, struct writer *w); /* the value, without a variant */
};

struct driver_interface {
        const char *name;
        bool any_path; /* shown and answered on every path */
        const struct driver_method *methods;
        size_t n_methods;
        const struct driver_property *properties;
        size_t n_properties;
        const char *signals; /* introspection of them; NULL: none */
};

extern const struct driver_interface *const driver_interfaces[];
extern const size_t n_driver_interfaces;

/* Is the caller root, or whoever the bus runs as? Returns 0, or -1 with the fault set and logged.
 */
int driver_check_privileged(struct driver_call *c, const char *method);

/* Refuses the caller what it has as much of as the limit allows: "own more services". Sets the
 * fault, logs it, and returns -1. */
int driver_limit_exceeded(struct driver_call *c, const char *what, const char *limit,
                          int64_t value);

/* Handlers, by area; the tables are in driver-tables.c. */
int driver_hello(struct driver_call *c);
int driver_request_name(struct driver_call *c);
int driver_release_name(struct driver_call *c);
int driver_start_service_by_name(struct driver_call *c);
int driver_name_has_owner(struct driver_call *c);
int driver_list_names(struct driver_call *c);
int driver_list_activatable_names(struct driver_call *c);
int driver_get_name_owner(struct driver_call *c);
int driver_list_queued_owners(struct driver_call *c);

int driver_add_match(struct driver_call *c);
int driver_remove_match(struct driver_call *c);
int driver_become_monitor(struct driver_call *c);

int driver_get_unix_user(struct driver_call *c);
int driver_get_process_id(struct driver_call *c);
int driver_get_audit_data(struct driver_call *c);
int driver_get_selinux_context(struct driver_call *c);
int driver_get_credentials(struct driver_call *c);

int driver_update_environment(struct driver_call *c);
int driver_reload_config(struct driver_call *c);
int driver_get_id(struct driver_call *c);
int driver_ping(struct driver_call *c);
int driver_get_machine_id(struct driver_call *c);
int driver_introspect_call(struct driver_call *c);

int driver_get_property(struct driver_call *c);
int driver_get_all_properties(struct driver_call *c);
int driver_set_property(struct driver_call *c);
void driver_write_features(struct bus *bus, struct writer *w);
void driver_write_interfaces(struct bus *bus, struct writer *w);

int driver_get_stats(struct driver_call *c);
int driver_get_connection_stats(struct driver_call *c);
int driver_get_all_match_rules(struct driver_call *c);

int driver_enable_links(struct driver_call *c);
int driver_disable_links(struct driver_call *c);
int driver_link_closed(struct driver_call *c);
int driver_calls_awaited(struct driver_call *c);
int driver_list_links(struct driver_call *c);

/* Describes a reply with a body of this signature; `spec` may be added to before writer_begin(). */
void driver_reply_spec(struct driver_call *c, struct message_spec *spec, const char *signature);
/* Starts a reply with a body of this signature. */
void driver_reply_begin(struct driver_call *c, struct writer *w, const char *signature);
/* Ends and sends it. Returns 0, or -1 with the fault set. */
int driver_reply_end(struct driver_call *c, struct writer *w);

/* Whole replies. */
int driver_reply_empty(struct driver_call *c);
int driver_reply_u32(struct driver_call *c, uint32_t value);
int driver_reply_string(struct driver_call *c, const char *value);

/*
 * Reads the next argument, a bus name, and finds its owner. *is_bus: it is the bus's own name, and
 * *p is NULL. Returns 0, or -1 with NameHasNoOwner: "Could not get WHAT of name ...".
 */
int driver_read_owner(struct driver_call *c, const char *what, const char **name, struct peer **p,
                      bool *is_bus);

/* Entries of an a{sv}: the key, then the value; the caller holds the array open. */
void driver_entry_u32(struct writer *w, const char *key, uint32_t value);
void driver_entry_u64(struct writer *w, const char *key, uint64_t value);
void driver_entry_string(struct writer *w, const char *key, const char *value);
