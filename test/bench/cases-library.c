/* SPDX-License-Identifier: MIT */
/*
 * The client library: programs that use it as programs do (lib-client.c), once with the stock
 * library and once with ours, on each of the daemons.
 */
#include "cases.h"

#include <stddef.h>

static int setup_client(struct fixture *f)
{
        return fixture_start_program(f, &f->client, f->c->variant, NULL);
}

static int setup_both(struct fixture *f)
{
        int r = fixture_start_program(f, &f->service, "service", NULL);

        return r < 0 ? r : setup_client(f);
}

static int setup_nothing(struct fixture *f)
{
        (void)f;
        return 0;
}

static int run_client(struct fixture *f, unsigned long n)
{
        return program_run(f->client, n);
}

static const struct workload client_and_service = {setup_both, run_client, NULL};
static const struct workload client_alone = {setup_client, run_client, NULL};
/* Counting instructions takes programs that begin and end with the sample. */
static const struct workload no_programs = {setup_nothing, NULL, NULL};

/* One CPU: what is left of a call is what its processes do. */
#define TIMED(task, case_unit)                                                                     \
        .workload = &client_and_service, .sample = sample_timed, .axis = AXIS_LIBRARIES,           \
        .variant = task, .unit = case_unit, .units = 1, .placement = PLACE_ONE
#define CONNECTIONS(task, case_sample)                                                             \
        .workload = &client_alone, .sample = case_sample, .axis = AXIS_LIBRARIES, .variant = task, \
        .unit = "connection", .units = 1, .placement = PLACE_ONE
#define MESSAGE(task)                                                                              \
        .workload = &client_alone, .sample = sample_timed, .axis = AXIS_LIBRARIES_ALONE,           \
        .variant = task, .unit = "message", .units = 1, .placement = PLACE_ONE, .max_rounds = 5
#define SYSCALLS(task, case_unit)                                                                  \
        .workload = &client_and_service, .sample = sample_syscalls, .axis = AXIS_LIBRARIES,        \
        .variant = task, .unit = case_unit, .units = 1, .max_rounds = 1
#define INSTRUCTIONS(case_axis, task, case_unit)                                                   \
        .workload = &no_programs, .sample = sample_instructions, .axis = case_axis,                \
        .variant = task, .unit = case_unit, .units = 1, .max_rounds = 1, .instructions = true
#define COUNTED(task, case_unit) INSTRUCTIONS(AXIS_LIBRARIES_BUS, task, case_unit)
#define COUNTED_MESSAGE(task)    INSTRUCTIONS(AXIS_LIBRARIES_ALONE, task, "message")

const struct bench_case cases_library[] = {
        {"lib-call", "blocking call: a string and a number there and back", TIMED("call", "call")},
        {"lib-property", "... Get of a property", TIMED("property", "call")},
        {"lib-dict", "... a{sv} of 10 entries there and back", TIMED("dict", "call")},
        {"lib-bytes", "... 64 KiB there and back", TIMED("bytes", "call")},
        {"lib-strings-call", "... with 1,000 strings", TIMED("strings-call", "call")},
        {"lib-strings-reply", "... that returns 1,000 strings", TIMED("strings-reply", "call")},
        {"lib-async", "64 pending calls at a time", TIMED("async", "call")},
        {"lib-signal", "signals to a filter", TIMED("signal", "signal")},
        {"lib-connect", "connect, register, close", CONNECTIONS("connect", sample_timed)},
        {"lib-memory", "memory of 1,000 private connections, in the program that has them",
         CONNECTIONS("stay", sample_client_memory), .fresh = true, .max_rounds = 3},
        {"lib-syscalls-call", "system calls of lib-call", SYSCALLS("call", "call")},
        {"lib-syscalls-bytes", "... of lib-bytes", SYSCALLS("bytes", "call")},
        {"lib-syscalls-async", "... of lib-async", SYSCALLS("async", "call")},
        {"lib-syscalls-signal", "... of lib-signal", SYSCALLS("signal", "signal")},
        {"lib-instructions-call", "instructions of lib-call", COUNTED("call", "call")},
        {"lib-instructions-property", "... of lib-property", COUNTED("property", "call")},
        {"lib-instructions-dict", "... of lib-dict", COUNTED("dict", "call")},
        {"lib-instructions-bytes", "... of lib-bytes", COUNTED("bytes", "call")},
        {"lib-instructions-strings-call", "... of lib-strings-call",
         COUNTED("strings-call", "call")},
        {"lib-instructions-strings-reply", "... of lib-strings-reply",
         COUNTED("strings-reply", "call")},
        {"lib-instructions-async", "... of lib-async", COUNTED("async", "call")},
        {"lib-instructions-signal", "... of lib-signal", COUNTED("signal", "signal")},
        {"msg-build-small", "a call with a string and a number, by varargs",
         MESSAGE("build-small")},
        {"msg-build-dict", "... with a{sv} of 10 entries, by iterators", MESSAGE("build-dict")},
        {"msg-build-bytes", "... with 64 KiB", MESSAGE("build-bytes")},
        {"msg-build-strings", "... with 1,000 strings, by varargs", MESSAGE("build-strings")},
        {"msg-build-iterated", "... by iterators", MESSAGE("build-iterated")},
        {"msg-read-small", "reading a string and a number, by varargs", MESSAGE("read-small")},
        {"msg-read-dict", "... a{sv} of 10 entries, by iterators", MESSAGE("read-dict")},
        {"msg-read-strings", "... 1,000 strings, by varargs", MESSAGE("read-strings")},
        {"msg-read-iterated", "... by iterators", MESSAGE("read-iterated")},
        {"msg-parse-small", "checking bytes, and making a message of them",
         MESSAGE("demarshal-small")},
        {"msg-parse-dict", "... with a{sv} of 10 entries", MESSAGE("demarshal-dict")},
        {"msg-parse-bytes", "... with 64 KiB", MESSAGE("demarshal-bytes")},
        {"msg-parse-strings", "... with 1,000 strings", MESSAGE("demarshal-strings")},
        {"msg-instructions-build-small", "instructions of msg-build-small",
         COUNTED_MESSAGE("build-small")},
        {"msg-instructions-build-dict", "... -dict", COUNTED_MESSAGE("build-dict")},
        {"msg-instructions-build-bytes", "... -bytes", COUNTED_MESSAGE("build-bytes")},
        {"msg-instructions-build-strings", "... -strings", COUNTED_MESSAGE("build-strings")},
        {"msg-instructions-build-iterated", "... -iterated", COUNTED_MESSAGE("build-iterated")},
        {"msg-instructions-read-small", "... of msg-read-small", COUNTED_MESSAGE("read-small")},
        {"msg-instructions-read-dict", "... -dict", COUNTED_MESSAGE("read-dict")},
        {"msg-instructions-read-strings", "... -strings", COUNTED_MESSAGE("read-strings")},
        {"msg-instructions-read-iterated", "... -iterated", COUNTED_MESSAGE("read-iterated")},
        {"msg-instructions-parse-small", "... of msg-parse-small",
         COUNTED_MESSAGE("demarshal-small")},
        {"msg-instructions-parse-dict", "... -dict", COUNTED_MESSAGE("demarshal-dict")},
        {"msg-instructions-parse-bytes", "... -bytes", COUNTED_MESSAGE("demarshal-bytes")},
        {"msg-instructions-parse-strings", "... -strings", COUNTED_MESSAGE("demarshal-strings")},
        {0},
};
