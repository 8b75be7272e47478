/* SPDX-License-Identifier: MIT */

/* The byte order, a signature with its NUL, and a body. What is taken can be read to its end. */

#include <string.h>

#include "core/body.h"
#include "core/bytes.h"
#include "core/signature.h"
#include "fuzz.h"
#include "walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct reader r;
        const char *signature = (const char *)data + 1;
        const uint8_t *body;
        size_t length;
        char order;

        if (!size)
                return 0;
        order = (char)data[0];
        length = strnlen(signature, size - 1);
        if (length == size - 1 || !signature_valid(signature, length))
                return 0;
        if (order != ORDER_LITTLE && order != ORDER_BIG)
                return 0;
        body = data + 1 + length + 1;
        size -= 1 + length + 1;
        if (body_validate(body, size, signature, order))
                return 0;
        r = (struct reader){.base = body, .end = (uint32_t)size, .type = signature, .order = order};
        walk_values(&r);
        return 0;
}
