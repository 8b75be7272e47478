/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "bus/driver-call.h"

/* True if the interface's name is worth telling in the property Interfaces: the optional ones. */
static bool is_optional(const struct driver_interface *i)
{
        return !i->any_path && strcmp(i->name, "org.freedesktop.DBus.Properties") != 0;
}

static int compare_texts(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void driver_write_features(struct bus *bus, struct writer *w)
{
        const char *features[3 + LSM_MAX] = {"ActivatableServicesChanged", "HeaderFiltering"};
        size_t n = 2;

        n += lsm_names(bus, features + n);
        if (bus->systemd_activation)
                features[n++] = "SystemdActivation";
        /* In the order of the alphabet, whatever there is. */
        qsort(features, n, sizeof(*features), compare_texts);
        writer_strings(w, features, n);
}

void driver_write_interfaces(struct bus *bus, struct writer *w)
{
        struct writer_array names;

        (void)bus;
        writer_open_array(w, &names, "s");
        for (size_t i = 0; i < n_driver_interfaces; ++i) {
                if (is_optional(driver_interfaces[i]))
                        writer_string(w, driver_interfaces[i]->name);
        }
        writer_close_array(w, &names);
}

static const struct driver_interface *find_interface(struct driver_call *c)
{
        const char *name;
        uint32_t length;

        reader_string(&c->args, &name, &length);
        for (size_t i = 0; i < n_driver_interfaces; ++i) {
                if (!strcmp(driver_interfaces[i]->name, name))
                        return driver_interfaces[i];
        }
        fault_set(c->fault, ERROR_UNKNOWN_INTERFACE, "Interface \"%s\" not found", name);
        return NULL;
}

static const struct driver_property *find_property(struct driver_call *c,
                                                   const struct driver_interface *interface)
{
        const char *name;
        uint32_t length;

        reader_string(&c->args, &name, &length);
        for (size_t i = 0; i < interface->n_properties; ++i) {
                if (!strcmp(interface->properties[i].name, name))
                        return &interface->properties[i];
        }
        fault_set(c->fault, ERROR_UNKNOWN_PROPERTY, "Property \"%s.%s\" not found", interface->name,
                  name);
        return NULL;
}

int driver_get_property(struct driver_call *c)
{
        const struct driver_interface *interface = find_interface(c);
        const struct driver_property *property = interface ? find_property(c, interface) : NULL;
        struct writer w;

        if (!property)
                return -1;
        driver_reply_begin(c, &w, "v");
        writer_variant(&w, property->type);
        property->write(c->bus, &w);
        return driver_reply_end(c, &w);
}

int driver_get_all_properties(struct driver_call *c)
{
        const struct driver_interface *interface = find_interface(c);
        struct writer_array entries;
        struct writer w;

        if (!interface)
                return -1;
        driver_reply_begin(c, &w, "a{sv}");
        writer_open_array(&w, &entries, "{sv}");
        for (size_t i = 0; i < interface->n_properties; ++i) {
                const struct driver_property *property = &interface->properties[i];

                writer_struct(&w);
                writer_string(&w, property->name);
                writer_variant(&w, property->type);
                property->write(c->bus, &w);
        }
        writer_close_array(&w, &entries);
        return driver_reply_end(c, &w);
}

int driver_set_property(struct driver_call *c)
{
        const struct driver_interface *interface = find_interface(c);
        const struct driver_property *property = interface ? find_property(c, interface) : NULL;

        if (!property)
                return -1;
        return fault_set(c->fault, ERROR_PROPERTY_READ_ONLY, "Property '%s.%s' cannot be set",
                         interface->name, property->name);
}
