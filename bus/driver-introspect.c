/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/driver-call.h"
#include "bus/driver.h"
#include "core/signature.h"

static void print_args(FILE *out, const char *direction, const char *signature)
{
        while (*signature) {
                size_t n = signature_next(signature);

                fprintf(out, "      <arg direction=\"%s\" type=\"%.*s\"/>\n", direction, (int)n,
                        signature);
                signature += n;
        }
}

static void print_interface(FILE *out, const struct driver_interface *i)
{
        fprintf(out, "  <interface name=\"%s\">\n", i->name);
        for (size_t k = 0; k < i->n_methods; ++k) {
                fprintf(out, "    <method name=\"%s\">\n", i->methods[k].name);
                print_args(out, "in", i->methods[k].in);
                print_args(out, "out", i->methods[k].out);
                fputs("    </method>\n", out);
        }
        for (size_t k = 0; k < i->n_properties; ++k) {
                fprintf(out, "    <property name=\"%s\" type=\"%s\" access=\"read\">\n",
                        i->properties[k].name, i->properties[k].type);
                fputs("      <annotation "
                      "name=\"org.freedesktop.DBus.Property.EmitsChangedSignal\" "
                      "value=\"const\"/>\n"
                      "    </property>\n",
                      out);
        }
        if (i->signals)
                fputs(i->signals, out);
        fputs("  </interface>\n", out);
}

/* Where a path leads to the bus's object, the node on the way. */
static void print_child(FILE *out, const char *path)
{
        size_t n = strlen(path);

        if (!strcmp(path, "/"))
                fprintf(out, "  <node name=\"%s\"/>\n", &BUS_PATH[1]);
        else if (!strncmp(path, BUS_PATH, n) && BUS_PATH[n] == '/')
                fprintf(out, "  <node name=\"%s\"/>\n", &BUS_PATH[n + 1]);
}

char *driver_introspect(const char *path)
{
        bool canonical = !strcmp(path, BUS_PATH);
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        /* The public identifier is what tools look for (specification, "Introspection Data
         * Format"). */
        fputs("<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
              "\"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"
              "<node>\n",
              out);
        for (size_t i = 0; i < n_driver_interfaces; ++i) {
                if (canonical || driver_interfaces[i]->any_path)
                        print_interface(out, driver_interfaces[i]);
        }
        print_child(out, path);
        fputs("</node>\n", out);
        if (fclose(out) != 0) {
                free(text);
                return NULL;
        }
        return text;
}
