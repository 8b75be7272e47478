/* SPDX-License-Identifier: MIT */

/*
 * Compares our verdict on messages with libdbus': random messages and mutations of them, or the
 * files named as arguments. Whatever libdbus takes we have to take and to read the same fields
 * from it, and whatever it refuses we have to refuse.
 *
 *         compare-demarshal [COUNT [SEED]]
 *         compare-demarshal FILE...
 */

#include <dbus/dbus.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/body.h"
#include "core/message.h"
#include "core/syntax.h"
#include "generate.h"

#define MAX_FILE_SIZE (1024L * 1024)

static int ours(struct header *h, const uint8_t *bytes, uint32_t size)
{
        uint32_t header_size;
        uint64_t message_size;
        const char *signature = "";
        int r;

        if (size < HEADER_FIXED_SIZE)
                return MESSAGE_BAD_LENGTH;
        r = header_peek(bytes, &header_size, &message_size);
        if (!r && message_size != size)
                r = MESSAGE_BAD_LENGTH;
        if (!r)
                r = header_parse(h, bytes, size);
        if (r)
                return r;
        if (h->n_fds)
                return MESSAGE_BAD_FD_COUNT;
        if (h->text[FIELD_SIGNATURE].at)
                signature = (const char *)bytes + h->text[FIELD_SIGNATURE].at;
        return body_validate(bytes + h->size, h->body_size, signature, h->order);
}

static DBusMessage *theirs(const uint8_t *bytes, uint32_t size)
{
        const char *chars = (const char *)bytes;

        if (dbus_message_demarshal_bytes_needed(chars, (int)size) != (int)size)
                return NULL;
        return dbus_message_demarshal(chars, (int)size, NULL);
}

static bool same_text(const uint8_t *bytes, const struct header *h, enum header_field field,
                      const char *expected)
{
        const struct header_text *text = &h->text[field];

        if (!text->at || !expected)
                return !text->at && !expected;
        return text->length == strlen(expected) &&
               !memcmp(bytes + text->at, expected, text->length);
}

static bool same_header(const uint8_t *bytes, const struct header *h, DBusMessage *m)
{
        const char *signature = h->text[FIELD_SIGNATURE].at ? dbus_message_get_signature(m) : NULL;

        return h->type == dbus_message_get_type(m) && h->serial == dbus_message_get_serial(m) &&
               h->reply_serial == dbus_message_get_reply_serial(m) &&
               !(h->flags & MESSAGE_NO_REPLY_EXPECTED) == !dbus_message_get_no_reply(m) &&
               !(h->flags & MESSAGE_NO_AUTO_START) == !!dbus_message_get_auto_start(m) &&
               same_text(bytes, h, FIELD_PATH, dbus_message_get_path(m)) &&
               same_text(bytes, h, FIELD_INTERFACE, dbus_message_get_interface(m)) &&
               same_text(bytes, h, FIELD_MEMBER, dbus_message_get_member(m)) &&
               same_text(bytes, h, FIELD_ERROR_NAME, dbus_message_get_error_name(m)) &&
               same_text(bytes, h, FIELD_DESTINATION, dbus_message_get_destination(m)) &&
               same_text(bytes, h, FIELD_SENDER, dbus_message_get_sender(m)) &&
               same_text(bytes, h, FIELD_CONTAINER_INSTANCE,
                         dbus_message_get_container_instance(m)) &&
               same_text(bytes, h, FIELD_SIGNATURE, signature);
}

/* What a bus passes on has to be valid for libdbus too, with the sender that we put there. */
static bool same_when_stamped(const uint8_t *bytes, const struct header *h)
{
        static const char sender[] = ":1.4294967295";
        struct message *m;
        DBusMessage *d;
        bool same;

        if (message_copy(&m, bytes, h, sender, sizeof(sender) - 1, NULL, 0, NULL) < 0)
                abort();
        d = theirs(m->bytes, m->size);
        same = d && same_header(m->bytes, &m->header, d) &&
               !strcmp(dbus_message_get_sender(d), sender);
        if (d)
                dbus_message_unref(d);
        message_unref(m);
        return same;
}

static void complain(const char *what, const uint8_t *bytes, uint32_t size)
{
        printf("%s\n", what);
        for (uint32_t i = 0; i < size; ++i)
                printf("%02x%s", bytes[i], i + 1 == size || i % 32 == 31 ? "\n" : "");
}

/* Returns 1 if both take the message, 0 if neither does, -1 if they disagree. */
static int compare(const uint8_t *bytes, uint32_t size)
{
        struct header h;
        int verdict = ours(&h, bytes, size), result = verdict ? 0 : 1;
        DBusMessage *m = theirs(bytes, size);

        if (!verdict != !!m) {
                complain(m ? message_problem_text(verdict) : "only libdbus refuses it", bytes,
                         size);
                result = -1;
        } else if (m && !same_header(bytes, &h, m)) {
                complain("different fields", bytes, size);
                result = -1;
        } else if (m && !same_when_stamped(bytes, &h)) {
                complain("not valid any more with a sender", bytes, size);
                result = -1;
        }
        if (m)
                dbus_message_unref(m);
        return result;
}

static int compare_file(const char *name)
{
        static uint8_t bytes[MAX_FILE_SIZE];
        FILE *file = fopen(name, "rb");
        size_t n;

        if (!file) {
                fprintf(stderr, "%s: %s\n", name, strerror(errno));
                return -1;
        }
        n = fread(bytes, 1, sizeof(bytes), file);
        fclose(file);
        return compare(bytes, (uint32_t)n);
}

typedef bool our_check(const char *text, size_t length);
typedef dbus_bool_t their_check(const char *text, DBusError *error);

/* Compares every text of exactly `length` characters of the alphabet. */
static bool compare_texts_of(const char *what, our_check *mine, their_check *stock,
                             const char *alphabet, unsigned length)
{
        char text[17] = "";
        const char *next;
        unsigned i;

        memset(text, alphabet[0], length);
        do {
                if (mine(text, length) != !!stock(text, NULL)) {
                        printf("%s: \"%s\" is %s for libdbus\n", what, text,
                               stock(text, NULL) ? "valid" : "not valid");
                        return false;
                }
                /* The next one, as an odometer goes on. */
                for (i = 0; i < length; ++i) {
                        next = strchr(alphabet, text[i]) + 1;
                        text[i] = *next ? *next : alphabet[0];
                        if (*next)
                                break;
                }
        } while (i < length);
        return true;
}

static bool compare_texts(const char *what, our_check *mine, their_check *stock,
                          const char *alphabet, unsigned max_length)
{
        for (unsigned length = 0; length <= max_length; ++length)
                if (!compare_texts_of(what, mine, stock, alphabet, length))
                        return false;
        return true;
}

static bool compare_syntax(void)
{
        static const char bytes[] = "a\x01\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xed\xef"
                                    "\xf0\xf3\xf4\xf5\xff";

        return compare_texts("path", syntax_path, dbus_validate_path, "/aZ_0-.: ", 6) &&
               compare_texts("interface", syntax_interface, dbus_validate_interface, "a.Z_0-:/",
                             6) &&
               compare_texts("member", syntax_member, dbus_validate_member, "a.Z_0-:/\xc3", 5) &&
               compare_texts("error name", syntax_error_name, dbus_validate_error_name, "a._0-:/",
                             6) &&
               compare_texts("bus name", syntax_bus_name, dbus_validate_bus_name, ":a.Z_0-/", 6) &&
               compare_texts("UTF-8", syntax_utf8, dbus_validate_utf8, bytes, 5) &&
               compare_texts("signature", signature_valid, dbus_signature_validate, "a(){}svy",
                             7) &&
               compare_texts("single type", signature_valid_single, dbus_signature_validate_single,
                             "a(){}svy", 7);
}

static int compare_random(unsigned long count, uint64_t seed)
{
        static struct generated g;
        unsigned long valid = 0;

        g.random = seed ? seed : 1;
        for (unsigned long i = 0; i < count; ++i) {
                int r;

                generate_message(&g);
                if (i % 4)
                        mutate_message(&g);
                r = compare(g.bytes, g.size);
                if (r < 0)
                        return EXIT_FAILURE;
                valid += (unsigned long)r;
        }
        printf("%lu messages, %lu of them valid: no difference\n", count, valid);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        char *end = NULL;
        unsigned long count = argc > 1 ? strtoul(argv[1], &end, 10) : 1000000;
        int status = EXIT_SUCCESS;

        if (argc < 2 || !*end) {
                if (!compare_syntax())
                        return EXIT_FAILURE;
                return compare_random(count, argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
        }
        for (int i = 1; i < argc; ++i)
                if (compare_file(argv[i]) < 0)
                        status = EXIT_FAILURE;
        return status;
}
