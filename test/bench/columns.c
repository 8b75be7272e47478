/* SPDX-License-Identifier: MIT */
#include "columns.h"

const struct column_setup columns[COLUMN_MAX] = {
        [COLUMN_STOCK] = {"stock", SUBJECT_STOCK, NO_LIBRARY},
        [COLUMN_BROKER] = {"broker", SUBJECT_BROKER, NO_LIBRARY},
        [COLUMN_OURS] = {"ours", SUBJECT_OURS, NO_LIBRARY},
        [COLUMN_BARE] = {"bare", NO_SUBJECT, NO_LIBRARY},
        [COLUMN_LIB_STOCK_BUS_STOCK] = {"stock-lib-on-stock", SUBJECT_STOCK, LIBRARY_STOCK},
        [COLUMN_LIB_OURS_BUS_STOCK] = {"our-lib-on-stock", SUBJECT_STOCK, LIBRARY_OURS},
        [COLUMN_LIB_STOCK_BUS_BROKER] = {"stock-lib-on-broker", SUBJECT_BROKER, LIBRARY_STOCK},
        [COLUMN_LIB_OURS_BUS_BROKER] = {"our-lib-on-broker", SUBJECT_BROKER, LIBRARY_OURS},
        [COLUMN_LIB_STOCK_BUS_OURS] = {"stock-lib-on-ours", SUBJECT_OURS, LIBRARY_STOCK},
        [COLUMN_LIB_OURS_BUS_OURS] = {"our-lib-on-ours", SUBJECT_OURS, LIBRARY_OURS},
        [COLUMN_LIB_STOCK] = {"stock-lib", NO_SUBJECT, LIBRARY_STOCK},
        [COLUMN_LIB_OURS] = {"our-lib", NO_SUBJECT, LIBRARY_OURS},
};

const struct axis_range axes[AXIS_MAX] = {
        [AXIS_DAEMONS] = {COLUMN_STOCK, COLUMN_BARE},
        [AXIS_BARE] = {COLUMN_BARE, COLUMN_BARE + 1},
        [AXIS_LIBRARIES] = {COLUMN_LIB_STOCK_BUS_STOCK, COLUMN_LIB_STOCK},
        [AXIS_LIBRARIES_BUS] = {COLUMN_LIB_STOCK_BUS_OURS, COLUMN_LIB_STOCK},
        [AXIS_LIBRARIES_ALONE] = {COLUMN_LIB_STOCK, COLUMN_MAX},
};
