/* SPDX-License-Identifier: MIT */
#include "bus/console.h"

#ifdef HAVE_SYSTEMD
#include <stddef.h>
#include <systemd/sd-login.h>

bool console_has_user(uid_t uid)
{
        /* require_active 0: as the reference asks it, a session in the background counts. */
        return sd_uid_get_seats(uid, 0, NULL) > 0;
}
#else
bool console_has_user(uid_t uid)
{
        (void)uid;
        return false;
}
#endif
