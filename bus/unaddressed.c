/* SPDX-License-Identifier: MIT */
#include "bus/unaddressed.h"

#include <stddef.h>
#include <string.h>

#include "bus/bus.h"
#include "bus/fault.h"
#include "core/guid.h"
#include "core/writer.h"

#define PEER_INTERFACE           "org.freedesktop.DBus.Peer"
#define INTROSPECTABLE_INTERFACE "org.freedesktop.DBus.Introspectable"

/* An object that has nothing. The public identifier is what tools look for (specification,
 * "Introspection Data Format"). */
#define EMPTY_NODE                                                                                 \
        "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"       \
        "\"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"                      \
        "<node>\n"                                                                                 \
        "</node>\n"

/* Sends a reply, or an error if `error_name` is not NULL; `text` NULL: without a body. */
static void answer(struct bus *bus, struct peer *to, uint32_t reply_serial, const char *error_name,
                   const char *text)
{
        const struct message_spec spec = {
                .type = error_name ? MESSAGE_ERROR : MESSAGE_METHOD_RETURN,
                .flags = MESSAGE_NO_REPLY_EXPECTED,
                .serial = bus_next_serial(bus),
                .reply_serial = reply_serial,
                .error_name = error_name,
                .signature = text ? "s" : NULL,
        };
        struct message *m;
        struct writer w;

        writer_begin(&w, &spec);
        if (text)
                writer_string(&w, text);
        if (writer_end(&w, &m) < 0) {
                /* It would wait for ever. */
                peer_disconnect(to);
                return;
        }
        peer_send(to, m);
        message_unref(m);
}

static void answer_machine_id(struct bus *bus, struct peer *to, uint32_t serial)
{
        char id[33];

        if (machine_id_read(id) < 0)
                answer(bus, to, serial, ERROR_FAILED, "The machine has no readable id");
        else
                answer(bus, to, serial, NULL, id);
}

static bool is(const char *text, const char *expected)
{
        return text && !strcmp(text, expected);
}

bool unaddressed_is_for_peer(const struct message *m)
{
        return m->header.type == MESSAGE_METHOD_CALL &&
               is(message_text(m, FIELD_INTERFACE), PEER_INTERFACE);
}

void unaddressed_handle(struct bus *bus, struct peer *from, struct message *m)
{
        const char *interface = message_text(m, FIELD_INTERFACE);
        const char *member = message_text(m, FIELD_MEMBER);
        uint32_t serial = m->header.serial;
        struct fault fault = {0};

        if (m->header.type != MESSAGE_METHOD_CALL)
                return;
        if (unaddressed_is_for_peer(m)) {
                if (is(member, "Ping"))
                        answer(bus, from, serial, NULL, NULL);
                else if (is(member, "GetMachineId"))
                        answer_machine_id(bus, from, serial);
                else
                        answer(bus, from, serial, ERROR_UNKNOWN_METHOD,
                               "Unknown method invoked on " PEER_INTERFACE " interface");
                return;
        }
        if (is(interface, INTROSPECTABLE_INTERFACE) && is(member, "Introspect")) {
                answer(bus, from, serial, NULL, EMPTY_NODE);
                return;
        }
        fault_set(&fault, ERROR_UNKNOWN_METHOD,
                  "Method \"%s\" with signature \"%s\" on interface \"%s\" doesn't exist\n", member,
                  message_signature(m), interface ? interface : "(null)");
        answer(bus, from, serial, fault.name, fault_text(&fault));
        fault_clear(&fault);
}
