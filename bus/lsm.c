/* SPDX-License-Identifier: MIT */
#include "bus/lsm.h"

#include <stddef.h>

#ifdef HAVE_SELINUX
#include <selinux/selinux.h>

bool lsm_has_selinux(void)
{
        return is_selinux_enabled() > 0;
}

const char *lsm_selinux_root(void)
{
        return selinux_policy_root();
}
#else
bool lsm_has_selinux(void)
{
        return false;
}

const char *lsm_selinux_root(void)
{
        return NULL;
}
#endif

const char *lsm_selinux_context(const struct credentials *who)
{
        return lsm_has_selinux() ? who->security_label : NULL;
}
