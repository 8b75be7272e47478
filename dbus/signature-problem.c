/* SPDX-License-Identifier: MIT */
#include "problem.h"

#include <stdbool.h>

#include "core/signature.h"

/* Brackets that are open, and how many types have been seen in each of them. */
struct brackets {
        struct {
                char opened;
                unsigned n;
        } open[SIGNATURE_MAX_LENGTH];
        unsigned n_open, n_structs, n_dicts;
};

static const char *open_bracket(struct brackets *b, char c)
{
        if (c == '(' && ++b->n_structs > SIGNATURE_MAX_STRUCT_DEPTH)
                return "Exceeded maximum struct recursion";
        if (c == '{' && ++b->n_dicts > SIGNATURE_MAX_STRUCT_DEPTH)
                return "Exceeded maximum dict entry recursion";
        b->open[b->n_open].opened = c;
        b->open[b->n_open++].n = 0;
        return NULL;
}

static const char *close_bracket(struct brackets *b, char c)
{
        bool is_dict = c == '}';
        unsigned n;

        if (!b->n_open || b->open[b->n_open - 1].opened != (is_dict ? '{' : '('))
                return is_dict ? "Dict entry ended but not started"
                               : "Struct ended but not started";
        n = b->open[--b->n_open].n;
        *(is_dict ? &b->n_dicts : &b->n_structs) -= 1;
        if (!is_dict)
                return n ? NULL : "Struct has no fields";
        return n == 0   ? "Dict entry has no fields"
               : n == 1 ? "Dict entry has only one field"
               : n == 2 ? NULL
                        : "Dict entry has too many fields";
}

/* Counts a type that starts here in the bracket that it is in. */
static const char *count_type(struct brackets *b, char c)
{
        if (!b->n_open)
                return NULL;
        b->open[b->n_open - 1].n += 1;
        if (b->open[b->n_open - 1].opened == '{' && b->open[b->n_open - 1].n == 1 &&
            !signature_is_basic(c))
                return "Dict key must be basic type";
        return NULL;
}

const char *signature_problem_text(const char *text, size_t length)
{
        struct brackets b = {.n_open = 0};
        const char *problem = NULL;
        unsigned n_arrays = 0;

        if (length > SIGNATURE_MAX_LENGTH)
                return "Signature is too long";
        for (size_t i = 0; i < length && !problem; ++i) {
                char c = text[i], before = i ? text[i - 1] : '\0';

                if (!signature_alignment(c) && c != ')' && c != '}')
                        return "Unknown typecode";
                if (before == 'a' && (c == ')' || c == '}'))
                        return "Missing array element type";
                n_arrays = c == 'a' ? n_arrays + 1 : 0;
                if (n_arrays > SIGNATURE_MAX_ARRAY_DEPTH)
                        return "Exceeded maximum array recursion";
                if (c == ')' || c == '}') {
                        problem = close_bracket(&b, c);
                        continue;
                }
                if (before != 'a' && c == '{')
                        problem = "Dict entry not inside array";
                else if (before != 'a')
                        problem = count_type(&b, c);
                if (!problem && (c == '(' || c == '{'))
                        problem = open_bracket(&b, c);
        }
        if (problem)
                return problem;
        if (n_arrays)
                return "Missing array element type";
        if (b.n_open)
                return b.open[b.n_open - 1].opened == '{' ? "Dict entry started but not ended"
                                                          : "Struct started but not ended";
        return NULL;
}
