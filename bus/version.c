/* SPDX-License-Identifier: MIT */
#include "bus/version.h"

/* The release of the reference implementation whose interfaces and behaviour these are. */
#define REFERENCE_VERSION "1.16.0"

const char version_text[] =
        "D-Bus Message Bus Daemon " REFERENCE_VERSION "\n"
        "dbus-direct " PROJECT_VERSION ", copyright (C) 2026 the dbus-direct authors\n"
        "An independent implementation, under the MIT licence; it comes with no warranty.\n"
        "Libraries:"
#ifdef HAVE_SYSTEMD
        " +systemd"
#else
        " -systemd"
#endif
#ifdef HAVE_CAPNG
        " +libcap-ng"
#else
        " -libcap-ng"
#endif
#ifdef HAVE_AUDIT
        " +audit"
#else
        " -audit"
#endif
#ifdef HAVE_SELINUX
        " +SELinux"
#else
        " -SELinux"
#endif
#ifdef HAVE_APPARMOR
        " +AppArmor"
#else
        " -AppArmor"
#endif
        "\n";
