/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/connect-transport.h"
#include "core/error-text.h"
#include "core/unix-name.h"

static int check(const struct address *a, char **error_text)
{
        if (address_get(a, "tmpdir"))
                return error_text_set(error_text, CONNECT_E_INVALID,
                                      "Could not parse server address: cannot use the \"tmpdir\" "
                                      "option for an address to connect to, only in an address to "
                                      "listen on");
        if (address_get(a, "path") && address_get(a, "abstract"))
                return error_text_set(error_text, CONNECT_E_INVALID,
                                      "Could not parse server address: can't specify both \"path\" "
                                      "and \"abstract\" options in an address");
        if (!address_get(a, "path") && !address_get(a, "abstract"))
                return connect_missing(a, "path or abstract", error_text);
        return 0;
}

int connect_unix(struct connected *c, const struct address *a, char **error_text)
{
        const char *path = address_get(a, "path");
        struct unix_name name;
        int r = check(a, error_text);

        if (r)
                return r;
        r = path ? unix_name_path(&name, path, error_text)
                 : unix_name_abstract(&name, address_get(a, "abstract"), error_text);
        if (r)
                return CONNECT_E_INVALID;
        c->is_unix = true;
        c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (c->fd < 0)
                return error_text_set(error_text, -errno, "Failed to open socket: %s",
                                      strerror(errno));
        r = connect_socket(c->fd, (const struct sockaddr *)&name.address, name.size);
        if (r < 0)
                error_text_set(error_text, r, "Failed to connect to socket %s: %s", name.text,
                               strerror(-r));
        return r;
}
