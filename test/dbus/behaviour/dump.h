/* SPDX-License-Identifier: MIT */
#pragma once

/* Messages in the transcript. */

#include <dbus/dbus.h>

/* Header and body, by the getters and the iterators. */
void dump_message(const char *what, DBusMessage *message);
/* The arguments only. */
void dump_body(const char *what, DBusMessage *message);
/* The marshalled form. */
void dump_bytes(const char *what, DBusMessage *message);
/* What the iterator is at, and all that follows, as one line. To be freed with g_free(). */
char *dump_iter(DBusMessageIter *iter);
