/* SPDX-License-Identifier: MIT */
#ifndef DBUS_PROTOCOL_H
#define DBUS_PROTOCOL_H

/* This needs nothing else, of the library or the language: any program may include it alone. */

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup DBusProtocol Protocol
 * @ingroup DBus
 * @brief Constants of the D-Bus specification, for any implementation of it.
 *
 * @{
 */

/** The version of the protocol, in every message. */
#define DBUS_MAJOR_PROTOCOL_VERSION 1

/** @name Byte orders, the first byte of a message */
/** @{ */
/** The least significant byte of a number comes first. */
#define DBUS_LITTLE_ENDIAN ('l')
/** The most significant byte of a number comes first. */
#define DBUS_BIG_ENDIAN ('B')
/** @} */

/** @name Types
 *
 * Each has a code, which stands in signatures, and the same as a string, for use in literals.
 */
/** @{ */
/** No type: the end of a list of types, or of arguments. */
#define DBUS_TYPE_INVALID ((int)'\0')
/** The same as a string. */
#define DBUS_TYPE_INVALID_AS_STRING "\0"

/** An unsigned integer of 8 bits. */
#define DBUS_TYPE_BYTE ((int)'y')
/** The same as a string. */
#define DBUS_TYPE_BYTE_AS_STRING "y"

/** A truth value. */
#define DBUS_TYPE_BOOLEAN ((int)'b')
/** The same as a string. */
#define DBUS_TYPE_BOOLEAN_AS_STRING "b"

/** A signed integer of 16 bits. */
#define DBUS_TYPE_INT16 ((int)'n')
/** The same as a string. */
#define DBUS_TYPE_INT16_AS_STRING "n"

/** An unsigned integer of 16 bits. */
#define DBUS_TYPE_UINT16 ((int)'q')
/** The same as a string. */
#define DBUS_TYPE_UINT16_AS_STRING "q"

/** A signed integer of 32 bits. */
#define DBUS_TYPE_INT32 ((int)'i')
/** The same as a string. */
#define DBUS_TYPE_INT32_AS_STRING "i"

/** An unsigned integer of 32 bits. */
#define DBUS_TYPE_UINT32 ((int)'u')
/** The same as a string. */
#define DBUS_TYPE_UINT32_AS_STRING "u"

/** A signed integer of 64 bits. */
#define DBUS_TYPE_INT64 ((int)'x')
/** The same as a string. */
#define DBUS_TYPE_INT64_AS_STRING "x"

/** An unsigned integer of 64 bits. */
#define DBUS_TYPE_UINT64 ((int)'t')
/** The same as a string. */
#define DBUS_TYPE_UINT64_AS_STRING "t"

/** A floating-point number (IEEE 754, 64 bits). */
#define DBUS_TYPE_DOUBLE ((int)'d')
/** The same as a string. */
#define DBUS_TYPE_DOUBLE_AS_STRING "d"

/** A text. */
#define DBUS_TYPE_STRING ((int)'s')
/** The same as a string. */
#define DBUS_TYPE_STRING_AS_STRING "s"

/** The path of an object. */
#define DBUS_TYPE_OBJECT_PATH ((int)'o')
/** The same as a string. */
#define DBUS_TYPE_OBJECT_PATH_AS_STRING "o"

/** A list of types. */
#define DBUS_TYPE_SIGNATURE ((int)'g')
/** The same as a string. */
#define DBUS_TYPE_SIGNATURE_AS_STRING "g"

/** A file descriptor. */
#define DBUS_TYPE_UNIX_FD ((int)'h')
/** The same as a string. */
#define DBUS_TYPE_UNIX_FD_AS_STRING "h"

/** Any number of values of one type. That type follows. */
#define DBUS_TYPE_ARRAY ((int)'a')
/** The same as a string. */
#define DBUS_TYPE_ARRAY_AS_STRING "a"

/** A value with its type. */
#define DBUS_TYPE_VARIANT ((int)'v')
/** The same as a string. */
#define DBUS_TYPE_VARIANT_AS_STRING "v"

/** Some values. In signatures they stand in #DBUS_STRUCT_BEGIN_CHAR and #DBUS_STRUCT_END_CHAR. */
#define DBUS_TYPE_STRUCT ((int)'r')
/** The same as a string. */
#define DBUS_TYPE_STRUCT_AS_STRING "r"

/**
 * A key and a value, in an array. In signatures they stand in #DBUS_DICT_ENTRY_BEGIN_CHAR and
 * #DBUS_DICT_ENTRY_END_CHAR.
 */
#define DBUS_TYPE_DICT_ENTRY ((int)'e')
/** The same as a string. */
#define DBUS_TYPE_DICT_ENTRY_AS_STRING "e"

/** How many types there are. */
#define DBUS_NUMBER_OF_TYPES (16)
/** @} */

/** @name What else stands in signatures */
/** @{ */
/** Before the types of a STRUCT. */
#define DBUS_STRUCT_BEGIN_CHAR ((int)'(')
/** The same as a string. */
#define DBUS_STRUCT_BEGIN_CHAR_AS_STRING "("

/** After the types of a STRUCT. */
#define DBUS_STRUCT_END_CHAR ((int)')')
/** The same as a string. */
#define DBUS_STRUCT_END_CHAR_AS_STRING ")"

/** Before the two types of a DICT_ENTRY. */
#define DBUS_DICT_ENTRY_BEGIN_CHAR ((int)'{')
/** The same as a string. */
#define DBUS_DICT_ENTRY_BEGIN_CHAR_AS_STRING "{"

/** After the two types of a DICT_ENTRY. */
#define DBUS_DICT_ENTRY_END_CHAR ((int)'}')
/** The same as a string. */
#define DBUS_DICT_ENTRY_END_CHAR_AS_STRING "}"
/** @} */

/** @name Limits */
/** @{ */
/** Of bus names, interfaces, members and error names, in bytes. Paths may be longer. */
#define DBUS_MAXIMUM_NAME_LENGTH 255
/** Of signatures, in bytes. */
#define DBUS_MAXIMUM_SIGNATURE_LENGTH 255
/** Of arrays within arrays, and of structs within structs. */
#define DBUS_MAXIMUM_TYPE_RECURSION_DEPTH 32
/** Of match rules, in bytes. */
#define DBUS_MAXIMUM_MATCH_RULE_LENGTH 1024
/** Number of the last argument that match rules can look at. */
#define DBUS_MAXIMUM_MATCH_RULE_ARG_NUMBER 63
/** Of arrays, in bytes: 64 MiB. */
#define DBUS_MAXIMUM_ARRAY_LENGTH (67108864)
/** Bits that a counter of those bytes needs. */
#define DBUS_MAXIMUM_ARRAY_LENGTH_BITS 26
/** Of messages, in bytes, the header included: 128 MiB. */
#define DBUS_MAXIMUM_MESSAGE_LENGTH (DBUS_MAXIMUM_ARRAY_LENGTH * 2)
/** Bits that a counter of those bytes needs. */
#define DBUS_MAXIMUM_MESSAGE_LENGTH_BITS 27
/** File descriptors of one message. Kernels allow much less. */
#define DBUS_MAXIMUM_MESSAGE_UNIX_FDS (DBUS_MAXIMUM_MESSAGE_LENGTH / 4)
/** Bits that a counter of them needs. */
#define DBUS_MAXIMUM_MESSAGE_UNIX_FDS_BITS (DBUS_MAXIMUM_MESSAGE_LENGTH_BITS - 2)
/** @} */

/** @name Types of messages */
/** @{ */
/** None. */
#define DBUS_MESSAGE_TYPE_INVALID 0
/** Calls a method. */
#define DBUS_MESSAGE_TYPE_METHOD_CALL 1
/** Answers a call that went well. */
#define DBUS_MESSAGE_TYPE_METHOD_RETURN 2
/** Answers a call that did not. */
#define DBUS_MESSAGE_TYPE_ERROR 3
/** Tells something to whom it may concern. */
#define DBUS_MESSAGE_TYPE_SIGNAL 4
/** How many there are, with the one that is none. */
#define DBUS_NUM_MESSAGE_TYPES 5
/** @} */

/** @name Flags of messages */
/** @{ */
/** Nobody waits for a reply. See dbus_message_set_no_reply(). */
#define DBUS_HEADER_FLAG_NO_REPLY_EXPECTED 0x1
/** No service is to be started to answer this. See dbus_message_set_auto_start(). */
#define DBUS_HEADER_FLAG_NO_AUTO_START 0x2
/** The user may be asked, and the reply take its time. See
 * dbus_message_set_allow_interactive_authorization(). */
#define DBUS_HEADER_FLAG_ALLOW_INTERACTIVE_AUTHORIZATION 0x4
/** @} */

/** @name The header of messages */
/** @{ */
/** Its type: byte order, type, flags, version, length of the body, serial, and the fields. */
#define DBUS_HEADER_SIGNATURE                                                                      \
        DBUS_TYPE_BYTE_AS_STRING DBUS_TYPE_BYTE_AS_STRING DBUS_TYPE_BYTE_AS_STRING                 \
                DBUS_TYPE_BYTE_AS_STRING DBUS_TYPE_UINT32_AS_STRING DBUS_TYPE_UINT32_AS_STRING     \
                        DBUS_TYPE_ARRAY_AS_STRING DBUS_STRUCT_BEGIN_CHAR_AS_STRING                 \
                                DBUS_TYPE_BYTE_AS_STRING DBUS_TYPE_VARIANT_AS_STRING               \
                                        DBUS_STRUCT_END_CHAR_AS_STRING
/** Bytes that it has before its first field: no message is shorter. */
#define DBUS_MINIMUM_HEADER_SIZE 16

/** No field. */
#define DBUS_HEADER_FIELD_INVALID 0
/** The object that is called, or tells something. */
#define DBUS_HEADER_FIELD_PATH 1
/** The interface that the member belongs to. */
#define DBUS_HEADER_FIELD_INTERFACE 2
/** The method or signal. */
#define DBUS_HEADER_FIELD_MEMBER 3
/** The name of the error. */
#define DBUS_HEADER_FIELD_ERROR_NAME 4
/** The serial of the call that is answered. */
#define DBUS_HEADER_FIELD_REPLY_SERIAL 5
/** The bus name of the receiver. */
#define DBUS_HEADER_FIELD_DESTINATION 6
/** The unique name of the sender, which the bus fills in. */
#define DBUS_HEADER_FIELD_SENDER 7
/** The types of the body. */
#define DBUS_HEADER_FIELD_SIGNATURE 8
/** How many file descriptors come with the message. */
#define DBUS_HEADER_FIELD_UNIX_FDS 9
/** The container that the sender is in. */
#define DBUS_HEADER_FIELD_CONTAINER_INSTANCE 10
/** The last of them. Messages may have others, which are to be ignored. */
#define DBUS_HEADER_FIELD_LAST DBUS_HEADER_FIELD_CONTAINER_INSTANCE
/** @} */

/** @name Errors
 *
 * Generators of bindings make enumerations of these: new ones go to the end.
 */
/** @{ */
/** Something went wrong, as the text says. */
#define DBUS_ERROR_FAILED "org.freedesktop.DBus.Error.Failed"
/** There was no memory. */
#define DBUS_ERROR_NO_MEMORY "org.freedesktop.DBus.Error.NoMemory"
/** Nobody owns the name, and the bus cannot start anybody who would. */
#define DBUS_ERROR_SERVICE_UNKNOWN "org.freedesktop.DBus.Error.ServiceUnknown"
/** Nobody owns the name. */
#define DBUS_ERROR_NAME_HAS_NO_OWNER "org.freedesktop.DBus.Error.NameHasNoOwner"
/** No reply came in time, or none can come any more. */
#define DBUS_ERROR_NO_REPLY "org.freedesktop.DBus.Error.NoReply"
/** Reading or writing failed. */
#define DBUS_ERROR_IO_ERROR "org.freedesktop.DBus.Error.IOError"
/** An address is not understood. */
#define DBUS_ERROR_BAD_ADDRESS "org.freedesktop.DBus.Error.BadAddress"
/** This cannot be done here. */
#define DBUS_ERROR_NOT_SUPPORTED "org.freedesktop.DBus.Error.NotSupported"
/** Somebody has, or sent, too much. */
#define DBUS_ERROR_LIMITS_EXCEEDED "org.freedesktop.DBus.Error.LimitsExceeded"
/** It is not allowed. */
#define DBUS_ERROR_ACCESS_DENIED "org.freedesktop.DBus.Error.AccessDenied"
/** Authentication failed. */
#define DBUS_ERROR_AUTH_FAILED "org.freedesktop.DBus.Error.AuthFailed"
/** Nobody listens at the address. */
#define DBUS_ERROR_NO_SERVER "org.freedesktop.DBus.Error.NoServer"
/** It took too long. Compare #DBUS_ERROR_TIMED_OUT. */
#define DBUS_ERROR_TIMEOUT "org.freedesktop.DBus.Error.Timeout"
/** There is no network. */
#define DBUS_ERROR_NO_NETWORK "org.freedesktop.DBus.Error.NoNetwork"
/** Somebody listens at the address already. */
#define DBUS_ERROR_ADDRESS_IN_USE "org.freedesktop.DBus.Error.AddressInUse"
/** The connection is closed. */
#define DBUS_ERROR_DISCONNECTED "org.freedesktop.DBus.Error.Disconnected"
/** Arguments are wrong. */
#define DBUS_ERROR_INVALID_ARGS "org.freedesktop.DBus.Error.InvalidArgs"
/** A file is missing. */
#define DBUS_ERROR_FILE_NOT_FOUND "org.freedesktop.DBus.Error.FileNotFound"
/** A file is in the way. */
#define DBUS_ERROR_FILE_EXISTS "org.freedesktop.DBus.Error.FileExists"
/** The object has no such method. */
#define DBUS_ERROR_UNKNOWN_METHOD "org.freedesktop.DBus.Error.UnknownMethod"
/** There is no such object. */
#define DBUS_ERROR_UNKNOWN_OBJECT "org.freedesktop.DBus.Error.UnknownObject"
/** The object has no such interface. */
#define DBUS_ERROR_UNKNOWN_INTERFACE "org.freedesktop.DBus.Error.UnknownInterface"
/** The interface has no such property. */
#define DBUS_ERROR_UNKNOWN_PROPERTY "org.freedesktop.DBus.Error.UnknownProperty"
/** The property cannot be set. */
#define DBUS_ERROR_PROPERTY_READ_ONLY "org.freedesktop.DBus.Error.PropertyReadOnly"
/** It took too long. Compare #DBUS_ERROR_TIMEOUT. */
#define DBUS_ERROR_TIMED_OUT "org.freedesktop.DBus.Error.TimedOut"
/** There is no such match rule to be removed. */
#define DBUS_ERROR_MATCH_RULE_NOT_FOUND "org.freedesktop.DBus.Error.MatchRuleNotFound"
/** A match rule is not understood. */
#define DBUS_ERROR_MATCH_RULE_INVALID "org.freedesktop.DBus.Error.MatchRuleInvalid"
/** A service was not started: exec() failed. */
#define DBUS_ERROR_SPAWN_EXEC_FAILED "org.freedesktop.DBus.Error.Spawn.ExecFailed"
/** A service was not started: fork() failed. */
#define DBUS_ERROR_SPAWN_FORK_FAILED "org.freedesktop.DBus.Error.Spawn.ForkFailed"
/** A service exited before it owned its name. */
#define DBUS_ERROR_SPAWN_CHILD_EXITED "org.freedesktop.DBus.Error.Spawn.ChildExited"
/** A service was killed before it owned its name. */
#define DBUS_ERROR_SPAWN_CHILD_SIGNALED "org.freedesktop.DBus.Error.Spawn.ChildSignaled"
/** A service was not started. */
#define DBUS_ERROR_SPAWN_FAILED "org.freedesktop.DBus.Error.Spawn.Failed"
/** A service was not started: its surroundings could not be made. */
#define DBUS_ERROR_SPAWN_SETUP_FAILED "org.freedesktop.DBus.Error.Spawn.FailedToSetup"
/** A service was not started: the configuration of the bus is wrong. */
#define DBUS_ERROR_SPAWN_CONFIG_INVALID "org.freedesktop.DBus.Error.Spawn.ConfigInvalid"
/** A service was not started: its name is wrong. */
#define DBUS_ERROR_SPAWN_SERVICE_INVALID "org.freedesktop.DBus.Error.Spawn.ServiceNotValid"
/** A service was not started: the bus does not know it. */
#define DBUS_ERROR_SPAWN_SERVICE_NOT_FOUND "org.freedesktop.DBus.Error.Spawn.ServiceNotFound"
/** A service was not started: the permissions of the helper are wrong. */
#define DBUS_ERROR_SPAWN_PERMISSIONS_INVALID "org.freedesktop.DBus.Error.Spawn.PermissionsInvalid"
/** A service was not started: its file is wrong. */
#define DBUS_ERROR_SPAWN_FILE_INVALID "org.freedesktop.DBus.Error.Spawn.FileInvalid"
/** A service was not started: there was no memory. */
#define DBUS_ERROR_SPAWN_NO_MEMORY "org.freedesktop.DBus.Error.Spawn.NoMemory"
/** The bus does not know the process of a connection. */
#define DBUS_ERROR_UNIX_PROCESS_ID_UNKNOWN "org.freedesktop.DBus.Error.UnixProcessIdUnknown"
/** A signature is not valid. */
#define DBUS_ERROR_INVALID_SIGNATURE "org.freedesktop.DBus.Error.InvalidSignature"
/** A file has something wrong in it. */
#define DBUS_ERROR_INVALID_FILE_CONTENT "org.freedesktop.DBus.Error.InvalidFileContent"
/** The bus does not know the SELinux context of a connection. */
#define DBUS_ERROR_SELINUX_SECURITY_CONTEXT_UNKNOWN                                                \
        "org.freedesktop.DBus.Error.SELinuxSecurityContextUnknown"
/** The bus does not know the audit data of a connection. */
#define DBUS_ERROR_ADT_AUDIT_DATA_UNKNOWN "org.freedesktop.DBus.Error.AdtAuditDataUnknown"
/** There is an object at the path already. */
#define DBUS_ERROR_OBJECT_PATH_IN_USE "org.freedesktop.DBus.Error.ObjectPathInUse"
/** Parts of a message do not fit together. */
#define DBUS_ERROR_INCONSISTENT_MESSAGE "org.freedesktop.DBus.Error.InconsistentMessage"
/** It is allowed only if the user says so, and the caller did not let that be asked. */
#define DBUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED                                              \
        "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
/** The connection is in no container. */
#define DBUS_ERROR_NOT_CONTAINER "org.freedesktop.DBus.Error.NotContainer"
/** @} */

/** @name Introspection data */
/** @{ */
/** The XML namespace. */
#define DBUS_INTROSPECT_1_0_XML_NAMESPACE "http://www.freedesktop.org/standards/dbus"
/** The public identifier of the document type. */
#define DBUS_INTROSPECT_1_0_XML_PUBLIC_IDENTIFIER                                                  \
        "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
/** The system identifier of the document type. */
#define DBUS_INTROSPECT_1_0_XML_SYSTEM_IDENTIFIER                                                  \
        "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd"
/** The declaration that a document starts with. */
#define DBUS_INTROSPECT_1_0_XML_DOCTYPE_DECL_NODE                                                  \
        "<!DOCTYPE node PUBLIC \"" DBUS_INTROSPECT_1_0_XML_PUBLIC_IDENTIFIER                       \
        "\"\n\"" DBUS_INTROSPECT_1_0_XML_SYSTEM_IDENTIFIER "\">\n"
/** @} */

/** @} */

#ifdef __cplusplus
}
#endif

#endif
