/* SPDX-License-Identifier: MIT */
/*
 * What is a message and what is not. Each sample breaks one rule of the specification ("Message
 * Protocol", "Type System", "Marshaling"), or comes close to it and is right; in both byte orders.
 * The verdict is the specification's; the error's name and text are for the transcript.
 */

#include <string.h>

#include "dump.h"
#include "harness.h"
#include "wire.h"

/* ANY: the specification leaves it open, or the stock library is known to see it differently: it
 * takes descriptors that are not there (they read as -1) and counts nested variants its own way. */
enum verdict { GOOD, BAD, ANY };

struct sample {
        const char *name;
        enum verdict verdict;
        struct wire_message message;
};

#define CALL      "f:1:o o:/a f:3:s s:M"
#define WITH(sig) CALL " f:8:g g:" sig

/* Names of 255 and 256 bytes. */
#define FIVE(x)    x x x x x
#define TEN(x)     x x x x x x x x x x
#define A253       TEN(TEN("a") TEN("a")) TEN("a") TEN("a") TEN("a") TEN("a") TEN("a") "aaa"
#define A255       A253 "aa"
#define DEPTH32(x) x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x

static const struct sample samples[] = {
        /* The fixed part. */
        {"start/plain", GOOD, {0}},
        {"start/order-foreign", BAD, {.order = 'x'}},
        {"start/order-zero", BAD, {.start = "00010001"}},
        {"start/order-capital-l", BAD, {.order = 'L'}},
        {"start/order-small-b", BAD, {.order = 'b'}},
        {"start/type-zero", BAD, {.no_type = true}},
        {"start/type-return", GOOD, {.type = 2, .fields = "f:5:u u:1"}},
        {"start/type-error", GOOD, {.type = 3, .fields = "f:5:u u:1 f:4:s s:a.b"}},
        {"start/type-signal", GOOD, {.type = 4, .fields = "f:1:o o:/a f:2:s s:a.b f:3:s s:M"}},
        {"start/type-5", GOOD, {.type = 5}},
        {"start/type-255", GOOD, {.type = 255}},
        {"start/type-unknown-without-fields", GOOD, {.type = 77, .fields = ""}},
        {"start/version-0", BAD, {.no_version = true}},
        {"start/version-2", BAD, {.version = 2}},
        {"start/version-255", BAD, {.version = 255}},
        {"start/flags-all-known", GOOD, {.flags = 7}},
        {"start/flags-unknown", GOOD, {.flags = 0xf8}},
        {"start/flags-all", GOOD, {.flags = 0xff}},
        {"start/serial-zero", BAD, {.no_serial = true}},
        {"start/serial-biggest", GOOD, {.serial = 0xffffffff}},

        /* Lengths. */
        {"length/body-one-less", BAD, {.fields = WITH("i"), .body = "i:1", .body_length_off = -1}},
        {"length/body-one-more", BAD, {.fields = WITH("i"), .body = "i:1", .body_length_off = 1}},
        {"length/body-of-nothing", BAD, {.body_length = 4}},
        {"length/body-biggest", BAD, {.body_length = 0xffffffff}},
        {"length/body-negative", BAD, {.body_length = 0x80000000}},
        {"length/body-128-mib", BAD, {.body_length = 0x8000000}},
        {"length/body-sum-128-mib", BAD, {.body_length = 0x7ffffe0}},
        {"length/fields-one-less", BAD, {.fields_length_off = -1}},
        {"length/fields-eight-less", BAD, {.fields_length_off = -8}},
        {"length/fields-one-more", BAD, {.fields_length_off = 1}},
        {"length/fields-eight-more", BAD, {.fields_length_off = 8}},
        {"length/fields-biggest", BAD, {.fields_length = 0xffffffff}},
        {"length/fields-negative", BAD, {.fields_length = 0x80000000}},
        {"length/fields-over-array", BAD, {.fields_length = 0x4000001}},
        {"length/fields-128-mib", BAD, {.fields_length = 0x8000000}},
        {"length/cut-one", BAD, {.fields = WITH("i"), .body = "i:1", .cut = 1}},
        {"length/cut-body", BAD, {.fields = WITH("i"), .body = "i:1", .cut = 4}},
        {"length/cut-padding", BAD, {.cut = 1}},
        {"length/cut-to-16", BAD, {.cut = 24}},
        {"length/cut-to-15", BAD, {.cut = 25}},
        {"length/cut-all", BAD, {.cut = 40}},
        {"length/one-more", ANY, {.more = "y:0"}},
        {"length/two-messages", ANY, {.more = "raw:6c01000100000000"}},

        /* Padding between header and body. */
        {"padding/zero", GOOD, {.fields = "f:1:o o:/a f:3:s s:MM", .padding = "0000000000"}},
        {"padding/not-zero-first",
         BAD,
         {.fields = "f:1:o o:/a f:3:s s:MM", .padding = "0100000000"}},
        {"padding/not-zero-last",
         BAD,
         {.fields = "f:1:o o:/a f:3:s s:MM", .padding = "0000000001"}},

        /* Fields that a type of message must have. */
        {"required/call-path", BAD, {.fields = "f:3:s s:M"}},
        {"required/call-member", BAD, {.fields = "f:1:o o:/a"}},
        {"required/call-nothing", BAD, {.fields = ""}},
        {"required/call-interface-not", GOOD, {.fields = CALL}},
        {"required/signal-path", BAD, {.type = 4, .fields = "f:2:s s:a.b f:3:s s:M"}},
        {"required/signal-interface", BAD, {.type = 4, .fields = CALL}},
        {"required/signal-member", BAD, {.type = 4, .fields = "f:1:o o:/a f:2:s s:a.b"}},
        {"required/return-serial", BAD, {.type = 2, .fields = ""}},
        {"required/return-more", GOOD, {.type = 2, .fields = "f:5:u u:1 " CALL}},
        {"required/error-name", BAD, {.type = 3, .fields = "f:5:u u:1"}},
        {"required/error-serial", BAD, {.type = 3, .fields = "f:4:s s:a.b"}},
        {"required/error-nothing", BAD, {.type = 3, .fields = ""}},

        /* Header fields. */
        {"field/all",
         GOOD,
         {.fields = "f:1:o o:/a f:2:s s:a.b f:3:s s:M f:4:s s:a.b f:5:u u:9 f:6:s s:a.b "
                    "f:7:s s::1.1 f:8:g g:y f:10:o o:/c",
          .body = "y:1"}},
        {"field/all-backwards",
         GOOD,
         {.fields = "f:10:o o:/c f:8:g g:y f:7:s s::1.1 f:6:s s:a.b f:5:u u:9 f:4:s s:a.b "
                    "f:3:s s:M f:2:s s:a.b f:1:o o:/a",
          .body = "y:1"}},
        {"field/code-zero", BAD, {.fields = CALL " f:0:s s:x"}},
        {"field/unknown", GOOD, {.fields = CALL " f:11:s s:x"}},
        {"field/unknown-255", GOOD, {.fields = CALL " f:255:v g:as a4[ s:x ]"}},
        {"field/unknown-first", GOOD, {.fields = "f:77:(iy) ( i:1 y:2 " CALL}},
        {"field/unknown-twice", GOOD, {.fields = CALL " f:77:u u:1 f:77:u u:2"}},
        {"field/unknown-container", GOOD, {.fields = CALL " f:99:a{sv} a8[ ( s:k g:y y:1 ]"}},
        {"field/unknown-bad-string", BAD, {.fields = CALL " f:77:s s:\\xff"}},
        {"field/unknown-bad-signature", BAD, {.fields = CALL " f:77:! y:1"}},
        {"field/unknown-two-types", BAD, {.fields = CALL " f:77:yy y:1 y:2"}},
        {"field/unknown-no-type", BAD, {.fields = CALL " f:77: "}},
        {"field/twice-path", BAD, {.fields = CALL " f:1:o o:/a"}},
        {"field/twice-member", BAD, {.fields = CALL " f:3:s s:M"}},
        {"field/twice-sender", BAD, {.fields = CALL " f:7:s s::1.1 f:7:s s::1.1"}},
        {"field/twice-signature", BAD, {.fields = WITH("y") " f:8:g g:y", .body = "y:1"}},
        {"field/twice-fds", BAD, {.fields = CALL " f:9:u u:0 f:9:u u:0"}},
        {"field/path-as-string", BAD, {.fields = "f:1:s s:/a f:3:s s:M"}},
        {"field/path-as-signature", BAD, {.fields = "f:1:g g:i f:3:s s:M"}},
        {"field/interface-as-path", BAD, {.fields = CALL " f:2:o o:/a"}},
        {"field/member-as-path", BAD, {.fields = "f:1:o o:/a f:3:o o:/M"}},
        {"field/member-as-number", BAD, {.fields = "f:1:o o:/a f:3:u u:1"}},
        {"field/error-as-number", BAD, {.fields = CALL " f:4:u u:1"}},
        {"field/reply-as-int", BAD, {.fields = CALL " f:5:i i:1"}},
        {"field/reply-as-uint64", BAD, {.fields = CALL " f:5:t t:1"}},
        {"field/reply-zero", BAD, {.fields = CALL " f:5:u u:0"}},
        {"field/destination-as-path", BAD, {.fields = CALL " f:6:o o:/a"}},
        {"field/sender-as-variant", BAD, {.fields = CALL " f:7:v g:s s::1.1"}},
        {"field/signature-as-string", BAD, {.fields = CALL " f:8:s s:i", .body = "i:1"}},
        {"field/fds-as-int", BAD, {.fields = CALL " f:9:i i:0"}},
        {"field/container-as-string", BAD, {.fields = CALL " f:10:s s:/a"}},
        {"field/fds-zero", GOOD, {.fields = CALL " f:9:u u:0"}},
        {"field/fds-claimed", BAD, {.fields = CALL " f:9:u u:1"}},
        {"field/fds-many-claimed", BAD, {.fields = CALL " f:9:u u:0xffffffff"}},
        {"field/padding-between", BAD, {.fields = "f:1:o o:/a raw:0001000000 f:3:s s:M"}},
        {"field/padding-in-value", BAD, {.fields = "f:1:o o:/a ( y:3 g:s raw:0100 s:M"}},

        /* Object paths. */
        {"path/root", GOOD, {.fields = "f:1:o o:/ f:3:s s:M"}},
        {"path/long", GOOD, {.fields = "f:1:o o:/" A255 "/" A255 " f:3:s s:M"}},
        {"path/all-characters", GOOD, {.fields = "f:1:o o:/azAZ09_/_ f:3:s s:M"}},
        {"path/empty", BAD, {.fields = "f:1:o o: f:3:s s:M"}},
        {"path/relative", BAD, {.fields = "f:1:o o:a f:3:s s:M"}},
        {"path/slash-at-end", BAD, {.fields = "f:1:o o:/a/ f:3:s s:M"}},
        {"path/two-slashes", BAD, {.fields = "f:1:o o:/a//b f:3:s s:M"}},
        {"path/slashes-only", BAD, {.fields = "f:1:o o:// f:3:s s:M"}},
        {"path/dash", BAD, {.fields = "f:1:o o:/a-b f:3:s s:M"}},
        {"path/dot", BAD, {.fields = "f:1:o o:/a.b f:3:s s:M"}},
        {"path/blank", BAD, {.fields = "f:1:o o:/a\\sb f:3:s s:M"}},
        {"path/umlaut", BAD, {.fields = "f:1:o o:/\\xc3\\xa4 f:3:s s:M"}},
        {"path/nul", BAD, {.fields = "f:1:o o:/a\\x00b f:3:s s:M"}},
        {"path/not-ended", BAD, {.fields = "f:1:o u:2 text:/a raw:01 f:3:s s:M"}},
        {"path/local", BAD, {.fields = "f:1:o o:/org/freedesktop/DBus/Local f:3:s s:M"}},
        {"path/below-local", ANY, {.fields = "f:1:o o:/org/freedesktop/DBus/Local/x f:3:s s:M"}},

        /* Interfaces. */
        {"interface/shortest", GOOD, {.fields = CALL " f:2:s s:a.b"}},
        {"interface/all-characters", GOOD, {.fields = CALL " f:2:s s:_.azAZ09_"}},
        {"interface/255", GOOD, {.fields = CALL " f:2:s s:a." A253}},
        {"interface/256", BAD, {.fields = CALL " f:2:s s:a.a" A253}},
        {"interface/empty", BAD, {.fields = CALL " f:2:s s:"}},
        {"interface/one-element", BAD, {.fields = CALL " f:2:s s:a"}},
        {"interface/dot", BAD, {.fields = CALL " f:2:s s:."}},
        {"interface/dot-first", BAD, {.fields = CALL " f:2:s s:.a.b"}},
        {"interface/dot-last", BAD, {.fields = CALL " f:2:s s:a.b."}},
        {"interface/two-dots", BAD, {.fields = CALL " f:2:s s:a..b"}},
        {"interface/digit-first", BAD, {.fields = CALL " f:2:s s:1a.b"}},
        {"interface/digit-second", BAD, {.fields = CALL " f:2:s s:a.1b"}},
        {"interface/dash", BAD, {.fields = CALL " f:2:s s:a-b.c"}},
        {"interface/colon", BAD, {.fields = CALL " f:2:s s::a.b"}},
        {"interface/slash", BAD, {.fields = CALL " f:2:s s:a.b/c"}},
        {"interface/nul", BAD, {.fields = CALL " f:2:s s:a.b\\x00c"}},
        {"interface/local", BAD, {.fields = CALL " f:2:s s:org.freedesktop.DBus.Local"}},
        {"interface/local-signal",
         BAD,
         {.type = 4, .fields = CALL " f:2:s s:org.freedesktop.DBus.Local"}},

        /* Members. */
        {"member/underscore", GOOD, {.fields = "f:1:o o:/a f:3:s s:_"}},
        {"member/all-characters", GOOD, {.fields = "f:1:o o:/a f:3:s s:azAZ09_"}},
        {"member/255", GOOD, {.fields = "f:1:o o:/a f:3:s s:" A255}},
        {"member/256", BAD, {.fields = "f:1:o o:/a f:3:s s:a" A255}},
        {"member/empty", BAD, {.fields = "f:1:o o:/a f:3:s s:"}},
        {"member/digit-first", BAD, {.fields = "f:1:o o:/a f:3:s s:1a"}},
        {"member/dot", BAD, {.fields = "f:1:o o:/a f:3:s s:a.b"}},
        {"member/dash", BAD, {.fields = "f:1:o o:/a f:3:s s:a-b"}},
        {"member/umlaut", BAD, {.fields = "f:1:o o:/a f:3:s s:\\xc3\\xa4"}},
        {"member/not-ended", BAD, {.fields = "f:1:o o:/a f:3:s u:1 text:Mx"}},

        /* Error names. */
        {"error-name/shortest", GOOD, {.type = 3, .fields = "f:5:u u:1 f:4:s s:a.b"}},
        {"error-name/255", GOOD, {.type = 3, .fields = "f:5:u u:1 f:4:s s:a." A253}},
        {"error-name/256", BAD, {.type = 3, .fields = "f:5:u u:1 f:4:s s:a.a" A253}},
        {"error-name/one-element", BAD, {.type = 3, .fields = "f:5:u u:1 f:4:s s:a"}},
        {"error-name/empty", BAD, {.type = 3, .fields = "f:5:u u:1 f:4:s s:"}},
        {"error-name/digit", BAD, {.type = 3, .fields = "f:5:u u:1 f:4:s s:a.1"}},
        {"error-name/dash", BAD, {.type = 3, .fields = "f:5:u u:1 f:4:s s:a.b-c"}},
        {"error-name/in-call", BAD, {.fields = CALL " f:4:s s:x"}},

        /* Bus names. */
        {"destination/unique", GOOD, {.fields = CALL " f:6:s s::1.1"}},
        {"destination/unique-one", GOOD, {.fields = CALL " f:6:s s::1"}},
        {"destination/unique-digits", GOOD, {.fields = CALL " f:6:s s::1.2.3a-b_c"}},
        {"destination/well-known", GOOD, {.fields = CALL " f:6:s s:a-b._c.D9"}},
        {"destination/255", GOOD, {.fields = CALL " f:6:s s:a." A253}},
        {"destination/256", BAD, {.fields = CALL " f:6:s s:a.a" A253}},
        {"destination/empty", BAD, {.fields = CALL " f:6:s s:"}},
        {"destination/colon", ANY, {.fields = CALL " f:6:s s::"}},
        {"destination/one-element", BAD, {.fields = CALL " f:6:s s:a"}},
        {"destination/digit", BAD, {.fields = CALL " f:6:s s:a.1"}},
        {"destination/dot-last", BAD, {.fields = CALL " f:6:s s:a.b."}},
        {"destination/two-dots", BAD, {.fields = CALL " f:6:s s:a..b"}},
        {"destination/unique-two-dots", BAD, {.fields = CALL " f:6:s s::1..1"}},
        {"destination/unique-dot-last", BAD, {.fields = CALL " f:6:s s::1."}},
        {"destination/blank", BAD, {.fields = CALL " f:6:s s:a.b\\sc"}},
        {"destination/umlaut", BAD, {.fields = CALL " f:6:s s:a.\\xc3\\xa4"}},
        {"sender/unique", GOOD, {.fields = CALL " f:7:s s::1.99"}},
        {"sender/well-known", GOOD, {.fields = CALL " f:7:s s:a.b"}},
        {"sender/empty", BAD, {.fields = CALL " f:7:s s:"}},
        {"sender/bad", BAD, {.fields = CALL " f:7:s s:1"}},
        {"container/good", GOOD, {.fields = CALL " f:10:o o:/c1"}},
        {"container/bad", BAD, {.fields = CALL " f:10:o o:c1"}},

        /* Signatures. */
        {"signature/empty", GOOD, {.fields = WITH("")}},
        {"signature/body-without", BAD, {.body = "i:1"}},
        {"signature/without-body", BAD, {.fields = WITH("i")}},
        {"signature/too-little-body", BAD, {.fields = WITH("ii"), .body = "i:1"}},
        {"signature/too-much-body", BAD, {.fields = WITH("i"), .body = "i:1 i:2"}},
        {"signature/unknown-type", BAD, {.fields = WITH("z"), .body = "i:1"}},
        {"signature/struct-code", BAD, {.fields = WITH("r"), .body = "i:1"}},
        {"signature/dict-code", BAD, {.fields = WITH("e"), .body = "i:1"}},
        {"signature/reserved-m", BAD, {.fields = WITH("mi"), .body = "i:1"}},
        {"signature/array-of-nothing", BAD, {.fields = WITH("a"), .body = "i:0"}},
        {"signature/array-of-end", BAD, {.fields = WITH("(a)"), .body = "i:0"}},
        {"signature/struct-empty", BAD, {.fields = WITH("()"), .body = "i:0"}},
        {"signature/struct-not-closed", BAD, {.fields = WITH("(i"), .body = "i:0"}},
        {"signature/struct-not-opened", BAD, {.fields = WITH("i)"), .body = "i:0"}},
        {"signature/struct-closed-as-dict", BAD, {.fields = WITH("(i}"), .body = "i:0"}},
        {"signature/dict-alone", BAD, {.fields = WITH("{sv}"), .body = "i:0"}},
        {"signature/dict-in-struct", BAD, {.fields = WITH("({sv})"), .body = "i:0"}},
        {"signature/dict-empty", BAD, {.fields = WITH("a{}"), .body = "a8[ ]"}},
        {"signature/dict-of-one", BAD, {.fields = WITH("a{s}"), .body = "a8[ ]"}},
        {"signature/dict-of-three", BAD, {.fields = WITH("a{ssv}"), .body = "a8[ ]"}},
        {"signature/dict-by-variant", BAD, {.fields = WITH("a{vs}"), .body = "a8[ ]"}},
        {"signature/dict-by-array", BAD, {.fields = WITH("a{ass}"), .body = "a8[ ]"}},
        {"signature/dict-by-struct", BAD, {.fields = WITH("a{(i)s}"), .body = "a8[ ]"}},
        {"signature/dict-not-closed", BAD, {.fields = WITH("a{sv"), .body = "a8[ ]"}},
        {"signature/dict-closed-as-struct", BAD, {.fields = WITH("a{sv)"), .body = "a8[ ]"}},
        {"signature/dict-not-opened", BAD, {.fields = WITH("sv}"), .body = "a8[ ]"}},
        {"signature/nul-inside", BAD, {.fields = WITH("i\\x00i"), .body = "i:1 i:2"}},
        {"signature/32-arrays", GOOD, {.fields = WITH(DEPTH32("a") "y"), .body = "a4[ ]"}},
        {"signature/33-arrays", BAD, {.fields = WITH("a" DEPTH32("a") "y"), .body = "a4[ ]"}},
        {"signature/32-structs",
         GOOD,
         {.fields = WITH(DEPTH32("(") "y" DEPTH32(")")), .body = "y:1"}},
        {"signature/33-structs",
         BAD,
         {.fields = WITH("(" DEPTH32("(") "y)" DEPTH32(")")), .body = "y:1"}},
        {"signature/32-arrays-of-32-structs",
         GOOD,
         {.fields = WITH(DEPTH32("a") DEPTH32("(") "y" DEPTH32(")")), .body = "a4[ ]"}},
        {"signature/255",
         GOOD,
         {.fields = WITH(FIVE(TEN("yyaay")) "yyyyy"),
          .body = FIVE(TEN("y:1 y:2 a4[ ] ")) "y:1 y:2 y:3 y:4 y:5"}},
        {"signature/not-ended", BAD, {.fields = CALL " f:8:g raw:016979", .body = "i:1"}},
        {"signature/length-too-big", BAD, {.fields = CALL " f:8:g raw:ff6900", .body = "i:1"}},

        /* Values: fixed types. */
        {"value/byte", GOOD, {.fields = WITH("y"), .body = "y:255"}},
        {"value/boolean-0", GOOD, {.fields = WITH("b"), .body = "b:0"}},
        {"value/boolean-1", GOOD, {.fields = WITH("b"), .body = "b:1"}},
        {"value/boolean-2", BAD, {.fields = WITH("b"), .body = "b:2"}},
        {"value/boolean-high", BAD, {.fields = WITH("b"), .body = "u:0x01000000"}},
        {"value/boolean-all", BAD, {.fields = WITH("b"), .body = "u:0xffffffff"}},
        {"value/boolean-second", BAD, {.fields = WITH("bb"), .body = "b:1 b:3"}},
        {"value/numbers",
         GOOD,
         {.fields = WITH("nqiuxtd"), .body = "n:-1 q:1 i:-1 u:1 x:-1 t:1 d:nan"}},
        {"value/int16-cut", BAD, {.fields = WITH("n"), .body = "y:1"}},
        {"value/int32-cut", BAD, {.fields = WITH("i"), .body = "raw:010203"}},
        {"value/int64-cut", BAD, {.fields = WITH("x"), .body = "i:1"}},
        {"value/double-cut", BAD, {.fields = WITH("d"), .body = "raw:01020304050607"}},
        {"value/padding-16", BAD, {.fields = WITH("yn"), .body = "y:1 raw:ff n:1"}},
        {"value/padding-32", BAD, {.fields = WITH("yi"), .body = "y:1 raw:000001 i:1"}},
        {"value/padding-64", BAD, {.fields = WITH("yt"), .body = "y:1 raw:00000080 t:1"}},
        {"value/padding-struct", BAD, {.fields = WITH("y(y)"), .body = "y:1 raw:01 ( y:1"}},
        {"value/padding-good", GOOD, {.fields = WITH("yny(y)"), .body = "y:1 n:1 y:1 ( y:1"}},
        {"value/padding-cut", BAD, {.fields = WITH("yi"), .body = "y:1 raw:00"}},
        {"value/struct-padding-cut", BAD, {.fields = WITH("y(y)"), .body = "y:1 raw:000000"}},
        {"value/padding-behind-last", BAD, {.fields = WITH("y"), .body = "y:1 @8"}},
        {"value/fd-without-fds", ANY, {.fields = WITH("h"), .body = "h:0"}},
        {"value/fd-beyond", ANY, {.fields = WITH("h") " f:9:u u:0", .body = "h:7"}},
        {"value/fd-in-variant", ANY, {.fields = WITH("v"), .body = "g:h h:0"}},
        {"value/no-fds-in-array", GOOD, {.fields = WITH("ah"), .body = "a4[ ]"}},
        {"value/fds-in-array", ANY, {.fields = WITH("ah"), .body = "a4[ h:0 ]"}},

        /* Values: strings. */
        {"string/empty", GOOD, {.fields = WITH("s"), .body = "s:"}},
        {"string/ascii", GOOD, {.fields = WITH("s"), .body = "s:text"}},
        {"string/control", GOOD, {.fields = WITH("s"), .body = "s:\\x01\\x1f\\x7f"}},
        {"string/two-bytes", GOOD, {.fields = WITH("s"), .body = "s:\\xc2\\x80\\xdf\\xbf"}},
        {"string/three-bytes",
         GOOD,
         {.fields = WITH("s"), .body = "s:\\xe0\\xa0\\x80\\xed\\x9f\\xbf\\xef\\xbf\\xbd"}},
        {"string/four-bytes",
         GOOD,
         {.fields = WITH("s"), .body = "s:\\xf0\\x90\\x80\\x80\\xf4\\x8f\\xbf\\xbd"}},
        {"string/noncharacter-fffe", GOOD, {.fields = WITH("s"), .body = "s:\\xef\\xbf\\xbe"}},
        {"string/noncharacter-fdd0", GOOD, {.fields = WITH("s"), .body = "s:\\xef\\xb7\\x90"}},
        {"string/noncharacter-10ffff",
         GOOD,
         {.fields = WITH("s"), .body = "s:\\xf4\\x8f\\xbf\\xbf"}},
        {"string/nul", BAD, {.fields = WITH("s"), .body = "s:a\\x00b"}},
        {"string/nul-last", BAD, {.fields = WITH("s"), .body = "s:a\\x00"}},
        {"string/lonely-continuation", BAD, {.fields = WITH("s"), .body = "s:\\x80"}},
        {"string/cut-in-character", BAD, {.fields = WITH("s"), .body = "s:\\xe2\\x82"}},
        {"string/overlong-2", BAD, {.fields = WITH("s"), .body = "s:\\xc0\\xaf"}},
        {"string/overlong-c1", BAD, {.fields = WITH("s"), .body = "s:\\xc1\\xbf"}},
        {"string/overlong-3", BAD, {.fields = WITH("s"), .body = "s:\\xe0\\x9f\\xbf"}},
        {"string/overlong-4", BAD, {.fields = WITH("s"), .body = "s:\\xf0\\x8f\\xbf\\xbf"}},
        {"string/overlong-nul", BAD, {.fields = WITH("s"), .body = "s:\\xc0\\x80"}},
        {"string/surrogate-first", BAD, {.fields = WITH("s"), .body = "s:\\xed\\xa0\\x80"}},
        {"string/surrogate-last", BAD, {.fields = WITH("s"), .body = "s:\\xed\\xbf\\xbf"}},
        {"string/beyond-unicode", BAD, {.fields = WITH("s"), .body = "s:\\xf4\\x90\\x80\\x80"}},
        {"string/five-bytes", BAD, {.fields = WITH("s"), .body = "s:\\xf8\\x88\\x80\\x80\\x80"}},
        {"string/fe", BAD, {.fields = WITH("s"), .body = "s:\\xfe"}},
        {"string/ff", BAD, {.fields = WITH("s"), .body = "s:\\xff"}},
        {"string/bad-behind-much", BAD, {.fields = WITH("s"), .body = "s:" A253 "\\xff"}},
        {"string/bad-then-much", BAD, {.fields = WITH("s"), .body = "s:\\xff" A253}},
        {"string/wrong-continuation", BAD, {.fields = WITH("s"), .body = "s:\\xe2\\x28\\xa1"}},
        {"string/not-ended", BAD, {.fields = WITH("s"), .body = "u:1 text:ab"}},
        {"string/end-missing", BAD, {.fields = WITH("s"), .body = "u:1 text:a"}},
        {"string/cut", BAD, {.fields = WITH("s"), .body = "u:10 text:abc raw:00"}},
        {"string/length-only", BAD, {.fields = WITH("s"), .body = "u:0"}},
        {"string/length-biggest", BAD, {.fields = WITH("s"), .body = "u:0xffffffff raw:00"}},
        {"string/length-wraps", BAD, {.fields = WITH("s"), .body = "u:0xfffffffb raw:00"}},
        {"string/length-cut", BAD, {.fields = WITH("s"), .body = "raw:0000"}},
        {"string/length-one-less", BAD, {.fields = WITH("s"), .body = "u:2 text:abc raw:00"}},
        {"string/second-bad", BAD, {.fields = WITH("ss"), .body = "s:ok s:\\xff"}},
        {"object-path/good", GOOD, {.fields = WITH("o"), .body = "o:/a/b"}},
        {"object-path/local", GOOD, {.fields = WITH("o"), .body = "o:/org/freedesktop/DBus/Local"}},
        {"object-path/empty", BAD, {.fields = WITH("o"), .body = "o:"}},
        {"object-path/relative", BAD, {.fields = WITH("o"), .body = "o:a"}},
        {"object-path/slash-at-end", BAD, {.fields = WITH("o"), .body = "o:/a/"}},
        {"object-path/character", BAD, {.fields = WITH("o"), .body = "o:/a-b"}},
        {"object-path/nul", BAD, {.fields = WITH("o"), .body = "o:/a\\x00"}},
        {"object-path/not-ended", BAD, {.fields = WITH("o"), .body = "u:1 text:/a"}},
        {"signature-value/good", GOOD, {.fields = WITH("g"), .body = "g:a{s(iv)}"}},
        {"signature-value/empty", GOOD, {.fields = WITH("g"), .body = "g:"}},
        {"signature-value/several", GOOD, {.fields = WITH("g"), .body = "g:iiias"}},
        {"signature-value/bad", BAD, {.fields = WITH("g"), .body = "g:("}},
        {"signature-value/unknown", BAD, {.fields = WITH("g"), .body = "g:?"}},
        {"signature-value/too-deep", BAD, {.fields = WITH("g"), .body = "g:a" DEPTH32("a") "y"}},
        {"signature-value/not-ended", BAD, {.fields = WITH("g"), .body = "y:1 text:ii"}},
        {"signature-value/cut", BAD, {.fields = WITH("g"), .body = "y:3 text:ii raw:00"}},
        {"signature-value/length-only", BAD, {.fields = WITH("g"), .body = "y:0"}},
        {"signature-value/nul", BAD, {.fields = WITH("g"), .body = "g:i\\x00"}},

        /* Values: arrays. */
        {"array/empty", GOOD, {.fields = WITH("ai"), .body = "a4[ ]"}},
        {"array/empty-of-int64", GOOD, {.fields = WITH("ax"), .body = "a8[ ]"}},
        {"array/empty-of-int64-without-padding", BAD, {.fields = WITH("ax"), .body = "u:0"}},
        {"array/empty-of-structs-without-padding", BAD, {.fields = WITH("a(i)"), .body = "u:0"}},
        {"array/empty-padding-not-zero", BAD, {.fields = WITH("ax"), .body = "u:0 raw:00000001"}},
        {"array/padding-not-zero", BAD, {.fields = WITH("ax"), .body = "u:8 raw:ff000000 x:1"}},
        {"array/padding-not-counted", GOOD, {.fields = WITH("ax"), .body = "u:8 x:1"}},
        {"array/padding-counted", BAD, {.fields = WITH("ax"), .body = "u:12 x:1"}},
        {"array/bytes", GOOD, {.fields = WITH("ay"), .body = "a1[ y:1 y:2 ]"}},
        {"array/length-one-less", BAD, {.fields = WITH("ai"), .body = "a4-1[ i:1 i:2 ]"}},
        {"array/length-one-more", BAD, {.fields = WITH("ai"), .body = "a4+1[ i:1 i:2 ]"}},
        {"array/length-element-less", BAD, {.fields = WITH("ai"), .body = "a4-4[ i:1 i:2 ]"}},
        {"array/length-element-more", BAD, {.fields = WITH("ai"), .body = "a4+4[ i:1 i:2 ]"}},
        {"array/length-biggest", BAD, {.fields = WITH("ai"), .body = "a4=-1[ i:1 ]"}},
        {"array/length-64-mib-and-one", BAD, {.fields = WITH("ay"), .body = "a1=67108865[ y:1 ]"}},
        {"array/length-64-mib", BAD, {.fields = WITH("ay"), .body = "a1=67108864[ y:1 ]"}},
        {"array/length-cut", BAD, {.fields = WITH("ay"), .body = "raw:000000"}},
        {"array/not-multiple", BAD, {.fields = WITH("an"), .body = "a2[ n:1 y:1 ]"}},
        {"array/bad-boolean", BAD, {.fields = WITH("ab"), .body = "a4[ b:1 b:0 b:2 ]"}},
        {"array/strings", GOOD, {.fields = WITH("as"), .body = "a4[ s:a s:b ]"}},
        {"array/string-cut", BAD, {.fields = WITH("as"), .body = "a4-1[ s:a s:b ]"}},
        {"array/string-over-end", BAD, {.fields = WITH("ass"), .body = "a4-2[ s:a ] s:x"}},
        {"array/bad-string", BAD, {.fields = WITH("as"), .body = "a4[ s:a s:\\xff ]"}},
        {"array/bad-path", BAD, {.fields = WITH("ao"), .body = "a4[ o:/ o:x ]"}},
        {"array/bad-signature", BAD, {.fields = WITH("ag"), .body = "a1[ g:i g:( ]"}},
        {"array/string-padding", BAD, {.fields = WITH("as"), .body = "a4[ s:a raw:0100 s:b ]"}},
        {"array/structs", GOOD, {.fields = WITH("a(yi)"), .body = "a8[ ( y:1 i:1 ( y:2 i:2 ]"}},
        {"array/struct-padding", BAD, {.fields = WITH("a(y)"), .body = "a8[ ( y:1 raw:01 ( y:2 ]"}},
        {"array/struct-padding-behind", BAD, {.fields = WITH("a(y)"), .body = "a8[ ( y:1 ( ]"}},
        {"array/struct-cut", BAD, {.fields = WITH("a(ii)"), .body = "a8[ ( i:1 ]"}},
        {"array/dictionary", GOOD, {.fields = WITH("a{yy}"), .body = "a8[ ( y:1 y:2 ( y:1 y:3 ]"}},
        {"array/dictionary-cut", BAD, {.fields = WITH("a{yy}"), .body = "a8[ ( y:1 ]"}},
        {"array/nested", GOOD, {.fields = WITH("aai"), .body = "a4[ a4[ i:1 ] a4[ ] ]"}},
        {"array/nested-over-end", BAD, {.fields = WITH("aai"), .body = "a4[ a4+4[ i:1 ] ]"}},
        {"array/nested-short", BAD, {.fields = WITH("aai"), .body = "a4[ a4-4[ i:1 ] ]"}},

        /* Values: variants. */
        {"variant/basic", GOOD, {.fields = WITH("v"), .body = "g:i i:1"}},
        {"variant/container", GOOD, {.fields = WITH("v"), .body = "g:a{sv} a8[ ( s:k g:y y:1 ]"}},
        {"variant/no-type", BAD, {.fields = WITH("v"), .body = "g:"}},
        {"variant/two-types", BAD, {.fields = WITH("v"), .body = "g:ii i:1 i:2"}},
        {"variant/bad-type", BAD, {.fields = WITH("v"), .body = "g:! i:1"}},
        {"variant/struct-not-closed", BAD, {.fields = WITH("v"), .body = "g:(i i:1"}},
        {"variant/dict-alone", BAD, {.fields = WITH("v"), .body = "g:{sv} i:1"}},
        {"variant/no-value", BAD, {.fields = WITH("v"), .body = "g:i"}},
        {"variant/value-cut", BAD, {.fields = WITH("v"), .body = "g:i raw:000000"}},
        {"variant/bad-value", BAD, {.fields = WITH("v"), .body = "g:b b:2"}},
        {"variant/padding", BAD, {.fields = WITH("v"), .body = "g:i raw:01 i:1"}},
        {"variant/not-ended", BAD, {.fields = WITH("v"), .body = "raw:0169ff i:1"}},
        {"variant/length-too-big", BAD, {.fields = WITH("v"), .body = "raw:ff6900 i:1"}},
        {"variant/signature-cut", BAD, {.fields = WITH("v"), .body = "raw:01"}},
        {"variant/nothing", BAD, {.fields = WITH("v")}},
        {"variant/64-deep",
         GOOD,
         {.fields = WITH("v"),
          .body = DEPTH32("g:v ") TEN("g:v ") TEN("g:v ") TEN("g:v ") "g:v "
                                                                      "g:y y:1"}},
        {"variant/65-deep",
         BAD,
         {.fields = WITH("v"), .body = DEPTH32("g:v ") DEPTH32("g:v ") "g:y y:1"}},
        {"variant/array-in-64-variants",
         ANY,
         {.fields = WITH("v"),
          .body = DEPTH32("g:v ") TEN("g:v ") TEN("g:v ") TEN("g:v ") "g:v "
                                                                      "g:ay a1[ y:1 ]"}},
        {"variant/62-in-array",
         ANY,
         {.fields = WITH("av"),
          .body = "a1[ " DEPTH32("g:v ") TEN("g:v ") TEN("g:v ") TEN("g:v ") "g:y y:1 ]"}},
        {"variant/type-33-deep", BAD, {.fields = WITH("v"), .body = "g:a" DEPTH32("a") "y a4[ ]"}},
        {"variant/in-header-64-deep",
         ANY,
         {.fields = CALL " f:77:v " DEPTH32("g:v ") TEN("g:v ") TEN("g:v ") TEN("g:v ") "g:y y:1"}},
};

static void try_it(const struct sample *s, char order)
{
        struct wire w = wire_message(order, &s->message);
        const char *bytes = (const char *)w.bytes->data;
        int n = (int)w.bytes->len;
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *m;

        note("bytes needed: %d of %d, of the first 16: %d",
             dbus_message_demarshal_bytes_needed(bytes, n), n,
             n < 16 ? -2 : dbus_message_demarshal_bytes_needed(bytes, 16));
        m = dbus_message_demarshal(bytes, n, &error);
        g_assert_cmpint(m == NULL, ==, dbus_error_is_set(&error));
        note_error("verdict", &error);
        if (s->verdict == GOOD)
                g_assert_nonnull(m);
        if (s->verdict == BAD)
                g_assert_null(m);
        if (m) {
                char *again = NULL;
                int n_again = 0;

                g_assert_true(dbus_message_marshal(m, &again, &n_again));
                if (!s->message.more)
                        g_assert_cmpmem(again, (size_t)n_again, bytes, (size_t)n);
                dbus_free(again);
                dump_message("message", m);
                dbus_message_unref(m);
        }
        wire_free(&w);
}

static void little(gconstpointer data)
{
        try_it(data, 'l');
}

static void big(gconstpointer data)
{
        try_it(data, 'B');
}

int main(int argc, char **argv)
{
        harness_init(&argc, &argv);
        for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
                g_autofree char *one = g_strdup_printf("/demarshal/%s/little", samples[i].name);
                g_autofree char *two = g_strdup_printf("/demarshal/%s/big", samples[i].name);

                g_test_add_data_func(one, &samples[i], little);
                g_test_add_data_func(two, &samples[i], big);
        }
        return g_test_run();
}
