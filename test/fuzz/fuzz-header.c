/* SPDX-License-Identifier: MIT */

/* A header of any bytes: what is taken keeps its promises. */

#include <string.h>

#include "core/bytes.h"
#include "core/header.h"
#include "fuzz.h"

static void check_text(const uint8_t *data, const struct header *h, const struct header_text *text)
{
        if (!text->at)
                return;
        require(text->at > HEADER_FIXED_SIZE);
        require(text->at + text->length < HEADER_FIXED_SIZE + h->fields_size);
        require(strlen((const char *)data + text->at) == text->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct header h;
        uint32_t header_size;
        uint64_t message_size;
        int peeked = size < HEADER_FIXED_SIZE ? MESSAGE_BAD_LENGTH
                                              : header_peek(data, &header_size, &message_size);

        if (header_parse(&h, data, size))
                return 0;
        require(peeked == MESSAGE_OK);
        require(h.size == header_size && h.size <= size && h.size % 8 == 0);
        require(h.size == align_up(HEADER_FIXED_SIZE + h.fields_size, 8));
        require(h.size + (uint64_t)h.body_size == message_size);
        require(h.type && h.serial);
        for (unsigned i = 0; i < N_HEADER_FIELDS; ++i)
                check_text(data, &h, &h.text[i]);
        return 0;
}
