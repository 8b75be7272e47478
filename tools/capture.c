/* SPDX-License-Identifier: MIT */
#include "capture.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>
#include <unistd.h>

#include "tool.h"

/* The format of capture files, in the byte order of the machine: pcap-savefile(5). */
enum { PCAP_MAGIC = 0xa1b2c3d4, PCAP_MAJOR = 2, PCAP_MINOR = 4, LINKTYPE_DBUS = 231 };

struct pcap_header {
        uint32_t magic;
        uint16_t major, minor;
        int32_t zone;
        uint32_t accuracy, snapshot_length, link_type;
};

struct packet_header {
        uint32_t seconds, microseconds, captured, length;
};

int capture_begin(void)
{
        const struct pcap_header header = {
                .magic = PCAP_MAGIC,
                .major = PCAP_MAJOR,
                .minor = PCAP_MINOR,
                .snapshot_length = DBUS_MAXIMUM_MESSAGE_LENGTH,
                .link_type = LINKTYPE_DBUS,
        };

        return tool_write_all(STDOUT_FILENO, &header, sizeof(header));
}

static int write_message(DBusMessage *message, bool with_packet_header)
{
        struct packet_header header;
        struct timeval now;
        char *bytes;
        int n, r = 0;

        gettimeofday(&now, NULL);
        if (!dbus_message_marshal(message, &bytes, &n))
                tool_out_of_memory("retrieving message");
        if (with_packet_header) {
                header = (struct packet_header){
                        .seconds = (uint32_t)now.tv_sec,
                        .microseconds = (uint32_t)now.tv_usec,
                        .captured = (uint32_t)n,
                        .length = (uint32_t)n,
                };
                r = tool_write_all(STDOUT_FILENO, &header, sizeof(header));
        }
        if (r == 0)
                r = tool_write_all(STDOUT_FILENO, bytes, (size_t)n);
        dbus_free(bytes);
        return r;
}

int capture_add(DBusMessage *message)
{
        return write_message(message, true);
}

int capture_write(DBusMessage *message)
{
        return write_message(message, false);
}
