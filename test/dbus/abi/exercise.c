/* SPDX-License-Identifier: MIT */
/*
 * Uses whatever a program may have compiled into itself: structs that it has memory for, constants,
 * macros and inline functions. What it prints has to be the same with any headers and any library.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dbus/dbus.h>

static void use_errors(void)
{
        DBusError error = DBUS_ERROR_INIT, moved;

        dbus_error_init(&moved);
        dbus_set_error(&error, DBUS_ERROR_FAILED, "%s %d", "of", 3);
        dbus_move_error(&error, &moved);
        printf("%d %d %s: %s\n", dbus_error_is_set(&error), dbus_error_is_set(&moved), moved.name,
               moved.message);
        dbus_error_free(&moved);
        dbus_set_error_const(&moved, DBUS_ERROR_TIMEOUT, NULL);
        printf("%s: %s\n", moved.name, moved.message);
        dbus_error_free(&moved);
}

static void use_memory(void)
{
        dbus_uint64_t *numbers = dbus_new0(dbus_uint64_t, 3);
        char **strings = dbus_new(char *, 2);

        printf("%d\n", numbers && numbers[2] == DBUS_UINT64_CONSTANT(0));
        dbus_free(numbers);
        strings[0] = dbus_address_escape_value("a b");
        strings[1] = NULL;
        puts(strings[0]);
        dbus_free_string_array(strings);
}

static void use_addresses(void)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusAddressEntry **entries = NULL;
        int n;

        if (dbus_parse_address("unix:path=/a%20b;tcp:host=c,port=1", &entries, &n, &error))
                printf("%d %s %s %s\n", n, dbus_address_entry_get_method(entries[0]),
                       dbus_address_entry_get_value(entries[0], "path"),
                       dbus_address_entry_get_value(entries[1], "port"));
        dbus_clear_address_entries(&entries);
        printf("%d\n", entries == NULL);
        dbus_parse_address("nothing", &entries, &n, &error);
        printf("%s: %s\n", error.name, error.message);
        dbus_error_free(&error);
}

static DBusMessage *make_message(void)
{
        DBusMessage *m = dbus_message_new_method_call("com.example.A", "/a", "com.example.I", "M");
        DBusMessageIter args = DBUS_MESSAGE_ITER_INIT_CLOSED, array, entry, variant;
        dbus_int64_t big = DBUS_INT64_CONSTANT(-5000000000);
        dbus_bool_t yes = TRUE;
        const char *text = "text", *key = "key";

        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INT64, &big,
                                 DBUS_TYPE_INVALID);
        dbus_message_iter_init_append(m, &args);
        dbus_message_iter_open_container(
                &args, DBUS_TYPE_ARRAY,
                DBUS_DICT_ENTRY_BEGIN_CHAR_AS_STRING DBUS_TYPE_STRING_AS_STRING
                        DBUS_TYPE_VARIANT_AS_STRING DBUS_DICT_ENTRY_END_CHAR_AS_STRING,
                &array);
        dbus_message_iter_open_container(&array, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
        dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key);
        dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, DBUS_TYPE_BOOLEAN_AS_STRING,
                                         &variant);
        dbus_message_iter_append_basic(&variant, DBUS_TYPE_BOOLEAN, &yes);
        dbus_message_iter_close_container(&entry, &variant);
        dbus_message_iter_close_container(&array, &entry);
        dbus_message_iter_close_container(&args, &array);
        dbus_message_set_serial(m, 7);
        return m;
}

static void use_messages(void)
{
        DBusMessage *m = make_message();
        DBusError error = DBUS_ERROR_INIT;
        DBusMessageIter args, array, entry, variant;
        DBusBasicValue value;
        char *bytes;
        int n;

        dbus_message_marshal(m, &bytes, &n);
        for (int i = 0; i < n; i++)
                printf("%02x", (unsigned)(unsigned char)bytes[i]);
        puts("");
        dbus_clear_message(&m);
        m = dbus_message_demarshal(bytes, n, &error);
        dbus_free(bytes);
        printf("%s\n", dbus_message_get_signature(m));
        for (dbus_message_iter_init(m, &args);
             dbus_message_iter_get_arg_type(&args) != DBUS_TYPE_ARRAY;
             dbus_message_iter_next(&args)) {
                dbus_message_iter_get_basic(&args, &value);
                if (dbus_message_iter_get_arg_type(&args) == DBUS_TYPE_STRING)
                        puts(value.str);
                else
                        printf("%lld\n", (long long)value.i64);
        }
        dbus_message_iter_recurse(&args, &array);
        dbus_message_iter_recurse(&array, &entry);
        dbus_message_iter_get_basic(&entry, &value);
        dbus_message_iter_next(&entry);
        dbus_message_iter_recurse(&entry, &variant);
        printf("%s ", value.str);
        dbus_message_iter_get_basic(&variant, &value);
        printf("%u\n", (unsigned)value.bool_val);
        dbus_message_unref(m);
}

static void use_signatures(void)
{
        DBusSignatureIter types;

        dbus_signature_iter_init(&types, "ia{sv}(yo)");
        do {
                char *text = dbus_signature_iter_get_signature(&types);

                printf("%s %d\n", text, dbus_signature_iter_get_current_type(&types));
                dbus_free(text);
        } while (dbus_signature_iter_next(&types));
}

static DBusHandlerResult answer(DBusConnection *connection, DBusMessage *message, void *user_data)
{
        (void)connection;
        printf("%s %s\n", dbus_message_get_member(message), (const char *)user_data);
        return DBUS_HANDLER_RESULT_HANDLED;
}

static void unregistered(DBusConnection *connection, void *user_data)
{
        (void)connection;
        printf("unregistered %s\n", (const char *)user_data);
}

/* The client's end of a connection that nobody accepts: an object on it, and a call into the void.
 */
static void use_connections(void)
{
        static char name[] = "object";
        DBusObjectPathVTable functions;
        DBusError error = DBUS_ERROR_INIT;
        DBusServer *server = dbus_server_listen("unix:tmpdir=/tmp", &error);
        char *address = dbus_server_get_address(server);
        DBusConnection *c = dbus_connection_open_private(address, &error);
        DBusPendingCall *pending = NULL;
        DBusMessage *call = make_message();
        void *data;

        dbus_free(address);
        memset(&functions, 0, sizeof(functions));
        functions.message_function = answer;
        functions.unregister_function = unregistered;
        printf("%u\n", dbus_connection_register_object_path(c, "/a", &functions, name));
        printf("%u ", dbus_connection_get_object_path_data(c, "/a", &data));
        puts((const char *)data);
        printf("%u\n", dbus_connection_send_with_reply(c, call, &pending, DBUS_TIMEOUT_INFINITE));
        printf("%u\n", dbus_pending_call_get_completed(pending));
        dbus_pending_call_cancel(pending);
        dbus_clear_pending_call(&pending);
        dbus_connection_close(c);
        printf("%d\n", dbus_connection_get_dispatch_status(c) == DBUS_DISPATCH_DATA_REMAINS);
        dbus_clear_connection(&c);
        dbus_message_unref(call);
        dbus_server_disconnect(server);
        dbus_clear_server(&server);
}

int main(void)
{
        int major, minor, micro;

        dbus_get_version(&major, &minor, &micro);
        printf("%d\n", DBUS_VERSION == (major << 16 | minor << 8 | micro));
        use_errors();
        use_memory();
        use_addresses();
        use_messages();
        use_signatures();
        use_connections();
        dbus_shutdown();
        return 0;
}
