/* SPDX-License-Identifier: MIT */
/*
 * logind's answer, replaced in the program that this is linked to: $OWN_SEATS_FILE has the number
 * of seats, or a negative error number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-login.h>

int sd_uid_get_seats(uid_t uid, int require_active, char ***seats)
{
        const char *path = getenv("OWN_SEATS_FILE");
        FILE *file = path ? fopen(path, "re") : NULL;
        int n;

        (void)uid;
        (void)require_active;
        if (!file || fscanf(file, "%d", &n) != 1 || seats)
                abort();
        fclose(file);
        return n;
}
