/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The attributes of <allow> and <deny>.
 */

#include "bus/config-elements.h"

/* Names, in the order in which values are passed; NULL-terminated. */
extern const char *const config_rule_attributes[];

/*
 * Makes a rule of attribute values (NULL: not given).
 * Returns 0 and a rule, or 0 and NULL where it is about a user or group that does not exist; else
 * as config_element_start().
 */
int config_rule_read(struct config_file *f, const char *element, bool allow,
                     const char *const *values, struct policy_rule **rulep);
