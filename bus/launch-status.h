/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the exit status of dbus-daemon-launch-helper tells the daemon: the reference's numbers, as
 * either may be used with the other.
 */

enum launch_status {
        LAUNCH_OK,
        LAUNCH_FAILED, /* for any other reason */
        LAUNCH_NO_MEMORY,
        LAUNCH_CONFIG_INVALID,
        LAUNCH_SETUP_FAILED,
        LAUNCH_NAME_INVALID,
        LAUNCH_SERVICE_NOT_FOUND,
        LAUNCH_PERMISSIONS_INVALID,
        LAUNCH_FILE_INVALID,
        LAUNCH_EXEC_FAILED,
        LAUNCH_INVALID_ARGS,
        LAUNCH_CHILD_SIGNALED,
};
