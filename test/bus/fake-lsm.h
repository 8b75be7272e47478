/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the preloaded fake-lsm.c says of the daemon and of its clients unless its script knows
 * better.
 */

#define FAKE_OWN_CONTEXT  "system_u:system_r:system_dbusd_t:s0"
#define FAKE_PEER_CONTEXT "system_u:system_r:initrc_t:s0"
#define FAKE_OWN_LABEL    "bus-label enforce"
#define FAKE_PEER_LABEL   "unconfined"
