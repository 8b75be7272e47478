/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <dbus/dbus.h>

#include "check.h"
#include "problem.h"
#include "type.h"

/* What is behind a DBusSignatureIter. */
struct types {
        const char *at;  /* the current type */
        bool is_element; /* of an array: there is one */
};

_Static_assert(sizeof(struct types) <= sizeof(DBusSignatureIter), "has to fit in");

static struct types *types_of(DBusSignatureIter *iter)
{
        return (struct types *)(void *)iter;
}

static const struct types *const_types_of(const DBusSignatureIter *iter)
{
        return (const struct types *)(const void *)iter;
}

void dbus_signature_iter_init(DBusSignatureIter *iter, const char *signature)
{
        *types_of(iter) = (struct types){.at = signature};
}

/* Unlike in a message, the bracket that ends a container is there to be seen. */
int dbus_signature_iter_get_current_type(const DBusSignatureIter *iter)
{
        char c = *const_types_of(iter)->at;
        int type = type_of(c);

        return type ? type : c;
}

char *dbus_signature_iter_get_signature(const DBusSignatureIter *iter)
{
        const char *at = const_types_of(iter)->at;
        size_t length = type_of(*at) ? signature_next(at) : *at != '\0';
        char *copy = dbus_malloc(length + 1);

        if (copy) {
                memcpy(copy, at, length);
                copy[length] = '\0';
        }
        return copy;
}

int dbus_signature_iter_get_element_type(const DBusSignatureIter *iter)
{
        const char *at = const_types_of(iter)->at;

        if (!CHECK_AS(*at == DBUS_TYPE_ARRAY,
                      "dbus_signature_iter_get_current_type (iter) == DBUS_TYPE_ARRAY"))
                return DBUS_TYPE_INVALID;
        return type_of(at[1]);
}

dbus_bool_t dbus_signature_iter_next(DBusSignatureIter *iter)
{
        struct types *t = types_of(iter);

        if (t->is_element || !type_of(*t->at))
                return FALSE;
        t->at += signature_next(t->at);
        return type_of(*t->at) != DBUS_TYPE_INVALID;
}

void dbus_signature_iter_recurse(const DBusSignatureIter *iter, DBusSignatureIter *subiter)
{
        const struct types *t = const_types_of(iter);
        char c = *t->at;

        if (!CHECK_AS(c == 'a' || c == '(' || c == '{' || c == 'v',
                      "dbus_type_is_container (dbus_signature_iter_get_current_type (iter))"))
                return;
        *types_of(subiter) = (struct types){.at = t->at + 1, .is_element = c == 'a'};
}

dbus_bool_t dbus_signature_validate(const char *signature, DBusError *error)
{
        size_t length = strlen(signature);

        if (signature_valid(signature, length))
                return TRUE;
        dbus_set_error_const(error, DBUS_ERROR_INVALID_SIGNATURE,
                             signature_problem_text(signature, length));
        return FALSE;
}

dbus_bool_t dbus_signature_validate_single(const char *signature, DBusError *error)
{
        if (!dbus_signature_validate(signature, error))
                return FALSE;
        if (*signature && !signature[signature_next(signature)])
                return TRUE;
        dbus_set_error_const(error, DBUS_ERROR_INVALID_SIGNATURE,
                             "Exactly one complete type required in signature");
        return FALSE;
}
