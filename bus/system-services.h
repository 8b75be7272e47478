/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Where services of a system are on every system, ours (DATADIR) among them: what
 * <standard_system_servicedirs> means to the daemon and to its launch helper.
 */

#define SYSTEM_DATA_DIRS "/usr/local/share:/usr/share:" DATADIR ":/lib"
#define SYSTEM_SERVICES  "dbus-1/system-services"
