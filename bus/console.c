/* SPDX-License-Identifier: MIT */
#include "bus/console.h"

#ifdef HAVE_SYSTEMD
#include <stddef.h>
#include <systemd/sd-login.h>

int console_has_user(uid_t uid, bool *has)
{
        /* require_active 0: as the reference asks it, a session in the background counts. */
        int n_seats = sd_uid_get_seats(uid, 0, NULL);

        *has = n_seats > 0;
        return n_seats < 0 ? n_seats : 0;
}
#else
int console_has_user(uid_t uid, bool *has)
{
        (void)uid;
        *has = false;
        return 0;
}
#endif
