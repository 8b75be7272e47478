/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Messages written by hand, right or wrong, in either byte order, from a text of words with blanks
 * between them:
 *
 *     y:1 b:1 n:-1 q:1 i:-1 u:1 x:-1 t:1 d:0.5 h:0   a number, aligned as its type wants it
 *     s:text o:/path                                 length, text, nul; \s is a blank, \xNN a byte
 *     g:as                                           a signature
 *     (                                              zeros up to a multiple of 8
 *     @4                                             zeros up to a multiple of 4
 *     a8[ ... ]                                      an array whose elements are aligned to 8
 *     a8+1[ ... ] a8=77[ ... ]                       with a length that is 1 too many, or is 77
 *     raw:00ff text:abc                              bytes as they are, without alignment
 *     f:1:o                                          begins header field 1 of that signature
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct wire {
        char order; /* 'l' or 'B': how numbers are written, whatever the message claims */
        GByteArray *bytes;
};

/* A message, of which everything that is left 0 is as it should be. */
struct wire_message {
        const char *fields;     /* words; NULL: a method call's */
        const char *body;       /* words */
        char order;             /* the first byte; 0: the true one */
        uint8_t type;           /* 0: a method call */
        uint8_t flags, version; /* 0: version 1 */
        uint32_t serial;        /* 0: 1 */
        const char *start;      /* hexadecimal, in place of the first 4 bytes */
        bool no_serial;         /* it is to be 0 */
        bool no_version;        /* likewise */
        bool no_type;           /* likewise */
        int body_length_off;    /* what to add to the length of the body */
        int fields_length_off;  /* what to add to the length of the fields */
        uint32_t body_length;   /* in place of the length of the body */
        uint32_t fields_length; /* in place of the length of the fields */
        const char *padding;    /* hexadecimal, in place of the zeros between header and body */
        unsigned cut;           /* bytes missing at the end */
        const char *more;       /* words behind the end */
};

struct wire wire_new(char order);
void wire_free(struct wire *w);
void wire_words(struct wire *w, const char *words);
/* The whole message. */
struct wire wire_message(char order, const struct wire_message *m);
