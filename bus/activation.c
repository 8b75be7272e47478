/* SPDX-License-Identifier: MIT */
#include "bus/activation.h"

int activation_start(struct bus *bus, const char *name, struct fault *fault)
{
        (void)bus;
        return fault_set(fault, ERROR_SERVICE_UNKNOWN,
                         "The name %s was not provided by any .service files", name);
}

void activation_write_names(struct bus *bus, struct writer *w)
{
        struct writer_array names;

        (void)bus;
        writer_open_array(w, &names, "s");
        writer_string(w, BUS_NAME);
        writer_close_array(w, &names);
}
