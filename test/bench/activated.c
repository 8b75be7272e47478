/* SPDX-License-Identifier: MIT */
/*
 * A service for the daemon to start: claims its name, answers one call, and ends.
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "org.bench.Activated"

/* The path in the address of the bus that has started us. */
static bool find_socket(char *path, size_t size)
{
        const char *address = getenv("DBUS_STARTER_ADDRESS");
        size_t n;

        if (!address || strncmp(address, "unix:path=", 10) != 0)
                return false;
        address += 10;
        n = strcspn(address, ",;");
        if (n >= size)
                return false;
        memcpy(path, address, n);
        path[n] = '\0';
        return true;
}

static int answer(struct client *c)
{
        struct wire_head reply = {.type = WIRE_RETURN, .flags = WIRE_NO_REPLY};
        struct wire_view view;
        struct wire_buf out = {0};
        char caller[64];
        int r;

        do {
                r = client_receive(c, &view);
        } while (r >= 0 && view.type != WIRE_CALL);
        if (r < 0)
                return r;
        snprintf(caller, sizeof(caller), "%s", view.sender);
        reply.serial = client_next_serial(c);
        reply.reply_serial = view.serial;
        reply.destination = caller;
        r = wire_put_message(&out, &reply, NULL);
        if (r >= 0)
                r = client_write(c, out.data, out.len);
        wire_buf_deinit(&out);
        return r;
}

int main(void)
{
        struct client *c;
        char path[256];
        int r = -1;

        if (!find_socket(path, sizeof(path)) || client_new(&c, path, CLIENT_AUTH_STEPWISE) < 0)
                return 1;
        if (client_claim_name(c, NAME) >= 0)
                r = answer(c);
        client_free(c);
        return r < 0;
}
