/* SPDX-License-Identifier: MIT */
#include "link/frame.h"

#include <string.h>

#include "link/link.h"

/* As it lies in a packet: both ends run on this machine. */
struct packed_frame {
        uint32_t version, size;
        uint64_t stamp, time;
};

_Static_assert(sizeof(struct packed_frame) == LINK_FRAME_SIZE, "a frame is what the protocol says");

void link_frame_write(const struct link_frame *f, uint8_t out[LINK_FRAME_SIZE])
{
        struct packed_frame p = {LINK_VERSION, f->size, f->stamp, f->time};

        memcpy(out, &p, sizeof(p));
}

int link_frame_read(struct link_frame *f, const uint8_t *packet, size_t size)
{
        struct packed_frame p;

        if (size < sizeof(p))
                return LINK_FRAME_E_SHORT;
        memcpy(&p, packet, sizeof(p));
        if (p.version != LINK_VERSION)
                return LINK_FRAME_E_VERSION;
        if (p.size != size - sizeof(p))
                return LINK_FRAME_E_SIZE;
        *f = (struct link_frame){p.size, p.stamp, p.time};
        return 0;
}
