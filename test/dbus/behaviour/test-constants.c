/* SPDX-License-Identifier: MIT */
/*
 * What the headers promise: numbers and names of the protocol, and the layouts that programs were
 * compiled with. The values are those of the specification, which nobody may ever change.
 */

#include <string.h>

#include "harness.h"

#define NUMBER(name, value)                                                                        \
        {                                                                                          \
#name, (long long)(name), value                                                    \
        }
#define STRING(name, value)                                                                        \
        {                                                                                          \
#name, name, value                                                                 \
        }
#define TYPE(name, size, alignment)                                                                \
        {                                                                                          \
#name, sizeof(name), _Alignof(name), size, alignment                               \
        }

struct number {
        const char *name;
        long long value, expected;
};

struct string {
        const char *name, *value, *expected;
};

struct type {
        const char *name;
        size_t size, alignment, expected_size, expected_alignment;
};

static const struct number protocol_numbers[] = {
        NUMBER(DBUS_LITTLE_ENDIAN, 108),
        NUMBER(DBUS_BIG_ENDIAN, 66),
        NUMBER(DBUS_MAJOR_PROTOCOL_VERSION, 1),
        NUMBER(DBUS_TYPE_INVALID, 0),
        NUMBER(DBUS_TYPE_BYTE, 121),
        NUMBER(DBUS_TYPE_BOOLEAN, 98),
        NUMBER(DBUS_TYPE_INT16, 110),
        NUMBER(DBUS_TYPE_UINT16, 113),
        NUMBER(DBUS_TYPE_INT32, 105),
        NUMBER(DBUS_TYPE_UINT32, 117),
        NUMBER(DBUS_TYPE_INT64, 120),
        NUMBER(DBUS_TYPE_UINT64, 116),
        NUMBER(DBUS_TYPE_DOUBLE, 100),
        NUMBER(DBUS_TYPE_STRING, 115),
        NUMBER(DBUS_TYPE_OBJECT_PATH, 111),
        NUMBER(DBUS_TYPE_SIGNATURE, 103),
        NUMBER(DBUS_TYPE_UNIX_FD, 104),
        NUMBER(DBUS_TYPE_ARRAY, 97),
        NUMBER(DBUS_TYPE_VARIANT, 118),
        NUMBER(DBUS_TYPE_STRUCT, 114),
        NUMBER(DBUS_TYPE_DICT_ENTRY, 101),
        NUMBER(DBUS_NUMBER_OF_TYPES, 16),
        NUMBER(DBUS_STRUCT_BEGIN_CHAR, 40),
        NUMBER(DBUS_STRUCT_END_CHAR, 41),
        NUMBER(DBUS_DICT_ENTRY_BEGIN_CHAR, 123),
        NUMBER(DBUS_DICT_ENTRY_END_CHAR, 125),
        NUMBER(DBUS_MAXIMUM_NAME_LENGTH, 255),
        NUMBER(DBUS_MAXIMUM_SIGNATURE_LENGTH, 255),
        NUMBER(DBUS_MAXIMUM_MATCH_RULE_LENGTH, 1024),
        NUMBER(DBUS_MAXIMUM_MATCH_RULE_ARG_NUMBER, 63),
        NUMBER(DBUS_MAXIMUM_ARRAY_LENGTH, 67108864),
        NUMBER(DBUS_MAXIMUM_ARRAY_LENGTH_BITS, 26),
        NUMBER(DBUS_MAXIMUM_MESSAGE_LENGTH, 134217728),
        NUMBER(DBUS_MAXIMUM_MESSAGE_LENGTH_BITS, 27),
        NUMBER(DBUS_MAXIMUM_MESSAGE_UNIX_FDS, 33554432),
        NUMBER(DBUS_MAXIMUM_MESSAGE_UNIX_FDS_BITS, 25),
        NUMBER(DBUS_MAXIMUM_TYPE_RECURSION_DEPTH, 32),
        NUMBER(DBUS_MESSAGE_TYPE_INVALID, 0),
        NUMBER(DBUS_MESSAGE_TYPE_METHOD_CALL, 1),
        NUMBER(DBUS_MESSAGE_TYPE_METHOD_RETURN, 2),
        NUMBER(DBUS_MESSAGE_TYPE_ERROR, 3),
        NUMBER(DBUS_MESSAGE_TYPE_SIGNAL, 4),
        NUMBER(DBUS_NUM_MESSAGE_TYPES, 5),
        NUMBER(DBUS_HEADER_FLAG_NO_REPLY_EXPECTED, 1),
        NUMBER(DBUS_HEADER_FLAG_NO_AUTO_START, 2),
        NUMBER(DBUS_HEADER_FLAG_ALLOW_INTERACTIVE_AUTHORIZATION, 4),
        NUMBER(DBUS_HEADER_FIELD_INVALID, 0),
        NUMBER(DBUS_HEADER_FIELD_PATH, 1),
        NUMBER(DBUS_HEADER_FIELD_INTERFACE, 2),
        NUMBER(DBUS_HEADER_FIELD_MEMBER, 3),
        NUMBER(DBUS_HEADER_FIELD_ERROR_NAME, 4),
        NUMBER(DBUS_HEADER_FIELD_REPLY_SERIAL, 5),
        NUMBER(DBUS_HEADER_FIELD_DESTINATION, 6),
        NUMBER(DBUS_HEADER_FIELD_SENDER, 7),
        NUMBER(DBUS_HEADER_FIELD_SIGNATURE, 8),
        NUMBER(DBUS_HEADER_FIELD_UNIX_FDS, 9),
        NUMBER(DBUS_HEADER_FIELD_CONTAINER_INSTANCE, 10),
        NUMBER(DBUS_HEADER_FIELD_LAST, 10),
        NUMBER(DBUS_MINIMUM_HEADER_SIZE, 16),
        NUMBER(DBUS_NAME_FLAG_ALLOW_REPLACEMENT, 1),
        NUMBER(DBUS_NAME_FLAG_REPLACE_EXISTING, 2),
        NUMBER(DBUS_NAME_FLAG_DO_NOT_QUEUE, 4),
        NUMBER(DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER, 1),
        NUMBER(DBUS_REQUEST_NAME_REPLY_IN_QUEUE, 2),
        NUMBER(DBUS_REQUEST_NAME_REPLY_EXISTS, 3),
        NUMBER(DBUS_REQUEST_NAME_REPLY_ALREADY_OWNER, 4),
        NUMBER(DBUS_RELEASE_NAME_REPLY_RELEASED, 1),
        NUMBER(DBUS_RELEASE_NAME_REPLY_NON_EXISTENT, 2),
        NUMBER(DBUS_RELEASE_NAME_REPLY_NOT_OWNER, 3),
        NUMBER(DBUS_START_REPLY_SUCCESS, 1),
        NUMBER(DBUS_START_REPLY_ALREADY_RUNNING, 2),
};

static const struct number api_numbers[] = {
        NUMBER(DBUS_WATCH_READABLE, 1),
        NUMBER(DBUS_WATCH_WRITABLE, 2),
        NUMBER(DBUS_WATCH_ERROR, 4),
        NUMBER(DBUS_WATCH_HANGUP, 8),
        NUMBER(DBUS_DISPATCH_DATA_REMAINS, 0),
        NUMBER(DBUS_DISPATCH_COMPLETE, 1),
        NUMBER(DBUS_DISPATCH_NEED_MEMORY, 2),
        NUMBER(DBUS_BUS_SESSION, 0),
        NUMBER(DBUS_BUS_SYSTEM, 1),
        NUMBER(DBUS_BUS_STARTER, 2),
        NUMBER(DBUS_HANDLER_RESULT_HANDLED, 0),
        NUMBER(DBUS_HANDLER_RESULT_NOT_YET_HANDLED, 1),
        NUMBER(DBUS_HANDLER_RESULT_NEED_MEMORY, 2),
        NUMBER(DBUS_TIMEOUT_INFINITE, 2147483647),
        NUMBER(DBUS_TIMEOUT_USE_DEFAULT, -1),
        NUMBER(DBUS_HAVE_INT64, 1),
        NUMBER(TRUE, 1),
        NUMBER(FALSE, 0),
};

static const struct string strings[] = {
        STRING(DBUS_TYPE_INVALID_AS_STRING, ""),
        STRING(DBUS_TYPE_BYTE_AS_STRING, "y"),
        STRING(DBUS_TYPE_BOOLEAN_AS_STRING, "b"),
        STRING(DBUS_TYPE_INT16_AS_STRING, "n"),
        STRING(DBUS_TYPE_UINT16_AS_STRING, "q"),
        STRING(DBUS_TYPE_INT32_AS_STRING, "i"),
        STRING(DBUS_TYPE_UINT32_AS_STRING, "u"),
        STRING(DBUS_TYPE_INT64_AS_STRING, "x"),
        STRING(DBUS_TYPE_UINT64_AS_STRING, "t"),
        STRING(DBUS_TYPE_DOUBLE_AS_STRING, "d"),
        STRING(DBUS_TYPE_STRING_AS_STRING, "s"),
        STRING(DBUS_TYPE_OBJECT_PATH_AS_STRING, "o"),
        STRING(DBUS_TYPE_SIGNATURE_AS_STRING, "g"),
        STRING(DBUS_TYPE_UNIX_FD_AS_STRING, "h"),
        STRING(DBUS_TYPE_ARRAY_AS_STRING, "a"),
        STRING(DBUS_TYPE_VARIANT_AS_STRING, "v"),
        STRING(DBUS_TYPE_STRUCT_AS_STRING, "r"),
        STRING(DBUS_TYPE_DICT_ENTRY_AS_STRING, "e"),
        STRING(DBUS_STRUCT_BEGIN_CHAR_AS_STRING, "("),
        STRING(DBUS_STRUCT_END_CHAR_AS_STRING, ")"),
        STRING(DBUS_DICT_ENTRY_BEGIN_CHAR_AS_STRING, "{"),
        STRING(DBUS_DICT_ENTRY_END_CHAR_AS_STRING, "}"),
        STRING(DBUS_HEADER_SIGNATURE, "yyyyuua(yv)"),
        STRING(DBUS_ERROR_FAILED, "org.freedesktop.DBus.Error.Failed"),
        STRING(DBUS_ERROR_NO_MEMORY, "org.freedesktop.DBus.Error.NoMemory"),
        STRING(DBUS_ERROR_SERVICE_UNKNOWN, "org.freedesktop.DBus.Error.ServiceUnknown"),
        STRING(DBUS_ERROR_NAME_HAS_NO_OWNER, "org.freedesktop.DBus.Error.NameHasNoOwner"),
        STRING(DBUS_ERROR_NO_REPLY, "org.freedesktop.DBus.Error.NoReply"),
        STRING(DBUS_ERROR_IO_ERROR, "org.freedesktop.DBus.Error.IOError"),
        STRING(DBUS_ERROR_BAD_ADDRESS, "org.freedesktop.DBus.Error.BadAddress"),
        STRING(DBUS_ERROR_NOT_SUPPORTED, "org.freedesktop.DBus.Error.NotSupported"),
        STRING(DBUS_ERROR_LIMITS_EXCEEDED, "org.freedesktop.DBus.Error.LimitsExceeded"),
        STRING(DBUS_ERROR_ACCESS_DENIED, "org.freedesktop.DBus.Error.AccessDenied"),
        STRING(DBUS_ERROR_AUTH_FAILED, "org.freedesktop.DBus.Error.AuthFailed"),
        STRING(DBUS_ERROR_NO_SERVER, "org.freedesktop.DBus.Error.NoServer"),
        STRING(DBUS_ERROR_TIMEOUT, "org.freedesktop.DBus.Error.Timeout"),
        STRING(DBUS_ERROR_NO_NETWORK, "org.freedesktop.DBus.Error.NoNetwork"),
        STRING(DBUS_ERROR_ADDRESS_IN_USE, "org.freedesktop.DBus.Error.AddressInUse"),
        STRING(DBUS_ERROR_DISCONNECTED, "org.freedesktop.DBus.Error.Disconnected"),
        STRING(DBUS_ERROR_INVALID_ARGS, "org.freedesktop.DBus.Error.InvalidArgs"),
        STRING(DBUS_ERROR_FILE_NOT_FOUND, "org.freedesktop.DBus.Error.FileNotFound"),
        STRING(DBUS_ERROR_FILE_EXISTS, "org.freedesktop.DBus.Error.FileExists"),
        STRING(DBUS_ERROR_UNKNOWN_METHOD, "org.freedesktop.DBus.Error.UnknownMethod"),
        STRING(DBUS_ERROR_UNKNOWN_OBJECT, "org.freedesktop.DBus.Error.UnknownObject"),
        STRING(DBUS_ERROR_UNKNOWN_INTERFACE, "org.freedesktop.DBus.Error.UnknownInterface"),
        STRING(DBUS_ERROR_UNKNOWN_PROPERTY, "org.freedesktop.DBus.Error.UnknownProperty"),
        STRING(DBUS_ERROR_PROPERTY_READ_ONLY, "org.freedesktop.DBus.Error.PropertyReadOnly"),
        STRING(DBUS_ERROR_TIMED_OUT, "org.freedesktop.DBus.Error.TimedOut"),
        STRING(DBUS_ERROR_MATCH_RULE_NOT_FOUND, "org.freedesktop.DBus.Error.MatchRuleNotFound"),
        STRING(DBUS_ERROR_MATCH_RULE_INVALID, "org.freedesktop.DBus.Error.MatchRuleInvalid"),
        STRING(DBUS_ERROR_SPAWN_EXEC_FAILED, "org.freedesktop.DBus.Error.Spawn.ExecFailed"),
        STRING(DBUS_ERROR_SPAWN_FORK_FAILED, "org.freedesktop.DBus.Error.Spawn.ForkFailed"),
        STRING(DBUS_ERROR_SPAWN_CHILD_EXITED, "org.freedesktop.DBus.Error.Spawn.ChildExited"),
        STRING(DBUS_ERROR_SPAWN_CHILD_SIGNALED, "org.freedesktop.DBus.Error.Spawn.ChildSignaled"),
        STRING(DBUS_ERROR_SPAWN_FAILED, "org.freedesktop.DBus.Error.Spawn.Failed"),
        STRING(DBUS_ERROR_SPAWN_SETUP_FAILED, "org.freedesktop.DBus.Error.Spawn.FailedToSetup"),
        STRING(DBUS_ERROR_SPAWN_CONFIG_INVALID, "org.freedesktop.DBus.Error.Spawn.ConfigInvalid"),
        STRING(DBUS_ERROR_SPAWN_SERVICE_INVALID,
               "org.freedesktop.DBus.Error.Spawn.ServiceNotValid"),
        STRING(DBUS_ERROR_SPAWN_SERVICE_NOT_FOUND,
               "org.freedesktop.DBus.Error.Spawn.ServiceNotFound"),
        STRING(DBUS_ERROR_SPAWN_PERMISSIONS_INVALID,
               "org.freedesktop.DBus.Error.Spawn.PermissionsInvalid"),
        STRING(DBUS_ERROR_SPAWN_FILE_INVALID, "org.freedesktop.DBus.Error.Spawn.FileInvalid"),
        STRING(DBUS_ERROR_SPAWN_NO_MEMORY, "org.freedesktop.DBus.Error.Spawn.NoMemory"),
        STRING(DBUS_ERROR_UNIX_PROCESS_ID_UNKNOWN,
               "org.freedesktop.DBus.Error.UnixProcessIdUnknown"),
        STRING(DBUS_ERROR_INVALID_SIGNATURE, "org.freedesktop.DBus.Error.InvalidSignature"),
        STRING(DBUS_ERROR_INVALID_FILE_CONTENT, "org.freedesktop.DBus.Error.InvalidFileContent"),
        STRING(DBUS_ERROR_SELINUX_SECURITY_CONTEXT_UNKNOWN,
               "org.freedesktop.DBus.Error.SELinuxSecurityContextUnknown"),
        STRING(DBUS_ERROR_ADT_AUDIT_DATA_UNKNOWN, "org.freedesktop.DBus.Error.AdtAuditDataUnknown"),
        STRING(DBUS_ERROR_OBJECT_PATH_IN_USE, "org.freedesktop.DBus.Error.ObjectPathInUse"),
        STRING(DBUS_ERROR_INCONSISTENT_MESSAGE, "org.freedesktop.DBus.Error.InconsistentMessage"),
        STRING(DBUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
               "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"),
        STRING(DBUS_ERROR_NOT_CONTAINER, "org.freedesktop.DBus.Error.NotContainer"),
        STRING(DBUS_INTROSPECT_1_0_XML_NAMESPACE, "http://www.freedesktop.org/standards/dbus"),
        STRING(DBUS_INTROSPECT_1_0_XML_PUBLIC_IDENTIFIER,
               "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"),
        STRING(DBUS_INTROSPECT_1_0_XML_SYSTEM_IDENTIFIER,
               "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd"),
        STRING(DBUS_INTROSPECT_1_0_XML_DOCTYPE_DECL_NODE,
               "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection "
               "1.0//EN\"\n\"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"),
        STRING(DBUS_SERVICE_DBUS, "org.freedesktop.DBus"),
        STRING(DBUS_PATH_DBUS, "/org/freedesktop/DBus"),
        STRING(DBUS_PATH_LOCAL, "/org/freedesktop/DBus/Local"),
        STRING(DBUS_INTERFACE_DBUS, "org.freedesktop.DBus"),
        STRING(DBUS_INTERFACE_MONITORING, "org.freedesktop.DBus.Monitoring"),
        STRING(DBUS_INTERFACE_VERBOSE, "org.freedesktop.DBus.Verbose"),
        STRING(DBUS_INTERFACE_INTROSPECTABLE, "org.freedesktop.DBus.Introspectable"),
        STRING(DBUS_INTERFACE_PROPERTIES, "org.freedesktop.DBus.Properties"),
        STRING(DBUS_INTERFACE_PEER, "org.freedesktop.DBus.Peer"),
        STRING(DBUS_INTERFACE_LOCAL, "org.freedesktop.DBus.Local"),
};

/* On 64-bit machines. */
static const struct type types[] = {
        TYPE(dbus_bool_t, 4, 4),
        TYPE(dbus_unichar_t, 4, 4),
        TYPE(dbus_int16_t, 2, 2),
        TYPE(dbus_uint16_t, 2, 2),
        TYPE(dbus_int32_t, 4, 4),
        TYPE(dbus_uint32_t, 4, 4),
        TYPE(dbus_int64_t, 8, 8),
        TYPE(dbus_uint64_t, 8, 8),
        TYPE(DBus8ByteStruct, 8, 4),
        TYPE(DBusBasicValue, 8, 8),
        TYPE(DBusError, 32, 8),
        TYPE(DBusMessageIter, 72, 8),
        TYPE(DBusSignatureIter, 32, 8),
        TYPE(DBusObjectPathVTable, 48, 8),
        TYPE(DBusThreadFunctions, 152, 8),
};

static void check_numbers(const struct number *numbers, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (numbers[i].value != numbers[i].expected)
                        g_test_fail_printf("%s is %lld", numbers[i].name, numbers[i].value);
                note("%s = %lld", numbers[i].name, numbers[i].value);
        }
}

static void check_protocol_numbers(void)
{
        check_numbers(protocol_numbers, G_N_ELEMENTS(protocol_numbers));
}

static void check_api_numbers(void)
{
        check_numbers(api_numbers, G_N_ELEMENTS(api_numbers));
}

static void check_strings(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(strings); i++) {
                if (strcmp(strings[i].value, strings[i].expected) != 0)
                        g_test_fail_printf("%s is %s", strings[i].name, strings[i].value);
                note_text(strings[i].name, strings[i].value);
        }
}

static void check_types(void)
{
        if (sizeof(void *) != 8) {
                g_test_skip("not a 64-bit machine");
                return;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                g_assert_cmpuint(types[i].size, ==, types[i].expected_size);
                g_assert_cmpuint(types[i].alignment, ==, types[i].expected_alignment);
                note("%s: %zu, %zu", types[i].name, types[i].size, types[i].alignment);
        }
}

/* Each basic value is where a union has it. */
static void basic_value(void)
{
        DBusBasicValue value = {.u64 = 0};

        value.i16 = -1;
        g_assert_cmpuint(value.u16, ==, 0xffff);
        value.i32 = -1;
        g_assert_cmpuint(value.u32, ==, 0xffffffff);
        g_assert_cmpint(value.fd, ==, -1);
        value.i64 = -1;
        g_assert_true(value.u64 == DBUS_UINT64_CONSTANT(0xffffffffffffffff));
        value.byt = 5;
        g_assert_cmpuint(value.bytes[0], ==, 5);
        value.bool_val = TRUE;
        g_assert_cmpuint(value.u32, ==, 1);
        value.str = NULL;
        value.dbl = 0.5;
        value.eight.first32 = 1;
        value.eight.second32 = 2;
        g_assert_true(value.u64 == (G_BYTE_ORDER == G_LITTLE_ENDIAN
                                            ? DBUS_UINT64_CONSTANT(0x200000001)
                                            : DBUS_UINT64_CONSTANT(0x100000002)));
}

static void constants_of_64_bits(void)
{
        g_assert_true(DBUS_INT64_CONSTANT(-0x123456789abcdef) == -0x123456789abcdefll);
        g_assert_true(DBUS_UINT64_CONSTANT(0xfedcba9876543210) == 0xfedcba9876543210ull);
}

/* The kinds of types are told apart by their codes alone. */
static void codes_and_strings(void)
{
        static const struct {
                int code;
                const char *text;
        } codes[] = {
                {DBUS_TYPE_BYTE, DBUS_TYPE_BYTE_AS_STRING},
                {DBUS_TYPE_BOOLEAN, DBUS_TYPE_BOOLEAN_AS_STRING},
                {DBUS_TYPE_INT16, DBUS_TYPE_INT16_AS_STRING},
                {DBUS_TYPE_UINT16, DBUS_TYPE_UINT16_AS_STRING},
                {DBUS_TYPE_INT32, DBUS_TYPE_INT32_AS_STRING},
                {DBUS_TYPE_UINT32, DBUS_TYPE_UINT32_AS_STRING},
                {DBUS_TYPE_INT64, DBUS_TYPE_INT64_AS_STRING},
                {DBUS_TYPE_UINT64, DBUS_TYPE_UINT64_AS_STRING},
                {DBUS_TYPE_DOUBLE, DBUS_TYPE_DOUBLE_AS_STRING},
                {DBUS_TYPE_STRING, DBUS_TYPE_STRING_AS_STRING},
                {DBUS_TYPE_OBJECT_PATH, DBUS_TYPE_OBJECT_PATH_AS_STRING},
                {DBUS_TYPE_SIGNATURE, DBUS_TYPE_SIGNATURE_AS_STRING},
                {DBUS_TYPE_UNIX_FD, DBUS_TYPE_UNIX_FD_AS_STRING},
                {DBUS_TYPE_ARRAY, DBUS_TYPE_ARRAY_AS_STRING},
                {DBUS_TYPE_VARIANT, DBUS_TYPE_VARIANT_AS_STRING},
                {DBUS_TYPE_STRUCT, DBUS_TYPE_STRUCT_AS_STRING},
                {DBUS_TYPE_DICT_ENTRY, DBUS_TYPE_DICT_ENTRY_AS_STRING},
                {DBUS_STRUCT_BEGIN_CHAR, DBUS_STRUCT_BEGIN_CHAR_AS_STRING},
                {DBUS_STRUCT_END_CHAR, DBUS_STRUCT_END_CHAR_AS_STRING},
                {DBUS_DICT_ENTRY_BEGIN_CHAR, DBUS_DICT_ENTRY_BEGIN_CHAR_AS_STRING},
                {DBUS_DICT_ENTRY_END_CHAR, DBUS_DICT_ENTRY_END_CHAR_AS_STRING},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
                g_assert_cmpint(codes[i].text[0], ==, codes[i].code);
                g_assert_cmpint(codes[i].text[1], ==, 0);
        }
        g_assert_true(dbus_signature_validate_single(
                DBUS_STRUCT_BEGIN_CHAR_AS_STRING DBUS_HEADER_SIGNATURE
                        DBUS_STRUCT_END_CHAR_AS_STRING,
                NULL));
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/constants/protocol", check_protocol_numbers},
                {"/constants/api", check_api_numbers},
                {"/constants/strings", check_strings},
                {"/constants/types", check_types},
                {"/constants/basic-value", basic_value},
                {"/constants/64-bit", constants_of_64_bits},
                {"/constants/codes", codes_and_strings},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
