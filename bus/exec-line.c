/* SPDX-License-Identifier: MIT */
#include "bus/exec-line.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A line being split. */
struct splitter {
        const char *at;
        char *word; /* as long as the whole line, for the one being read */
        size_t length;
        bool begun; /* something of the word has been seen, if only its quotes */
        char **words;
        size_t n, room;
};

/* Returns 0 or -ENOMEM, as all of the following. */
static int end_word(struct splitter *s)
{
        char *word;

        if (s->n + 1 >= s->room) {
                size_t room = s->room ? 2 * s->room : 8;
                char **words = realloc(s->words, room * sizeof(*words));

                if (!words)
                        return -ENOMEM;
                s->words = words;
                s->words[s->n] = NULL;
                s->room = room;
        }
        word = strndup(s->word, s->length);
        if (!word)
                return -ENOMEM;
        s->words[s->n++] = word;
        s->words[s->n] = NULL;
        s->length = 0;
        s->begun = false;
        return 0;
}

static void add(struct splitter *s, char c)
{
        s->word[s->length++] = c;
}

/* Each of the next is called with s->at behind the character that it is about, takes what belongs
 * to it, and returns false if the line ends too early. */

static bool take_single_quoted(struct splitter *s)
{
        while (*s->at && *s->at != '\'')
                add(s, *s->at++);
        return *s->at && *s->at++;
}

static bool take_double_quoted(struct splitter *s)
{
        while (*s->at && *s->at != '"') {
                if (*s->at == '\\' && s->at[1] && strchr("$`\"\\\n", s->at[1]))
                        s->at++;
                add(s, *s->at++);
        }
        return *s->at && *s->at++;
}

static bool take_backslash(struct splitter *s)
{
        if (!*s->at)
                return false;
        if (*s->at != '\n') {
                add(s, *s->at);
                s->begun = true;
        }
        s->at++;
        return true;
}

/* The newline is part of the comment and ends no word: what comes before and after are one. That a
 * comment of nothing at the end counts as an open quote is the reference's. */
static bool take_comment(struct splitter *s)
{
        if (!*s->at)
                return false;
        s->at += strcspn(s->at, "\n");
        if (*s->at)
                s->at++;
        return true;
}

/* Takes the next character and what belongs to it. Returns 0, -ENOMEM, or -EINVAL if the line ends
 * too early. */
static int take(struct splitter *s)
{
        char c = *s->at++;
        bool whole = true;

        switch (c) {
        case ' ':
        case '\t':
                return s->begun ? end_word(s) : 0;
        case '\n':
                return end_word(s);
        case '#':
                whole = take_comment(s);
                break;
        case '\\':
                whole = take_backslash(s);
                break;
        case '\'':
                s->begun = true;
                whole = take_single_quoted(s);
                break;
        case '"':
                s->begun = true;
                whole = take_double_quoted(s);
                break;
        default:
                s->begun = true;
                add(s, c);
        }
        return whole ? 0 : -EINVAL;
}

static int split(struct splitter *s)
{
        int r = 0;

        while (*s->at && !r)
                r = take(s);
        return r ? r : end_word(s);
}

int exec_line_split(const char *line, char ***words, struct fault *f)
{
        struct splitter s = {.at = line, .word = malloc(strlen(line) + 1)};
        int r = s.word ? split(&s) : -ENOMEM;

        free(s.word);
        if (!r) {
                *words = s.words;
                return 0;
        }
        exec_line_free(s.words);
        return r == -ENOMEM ? fault_no_memory(f)
                            : fault_set(f, ERROR_INVALID_ARGS, "Unclosed quotes in command line");
}

char **exec_line_free(char **words)
{
        for (char **word = words; word && *word; word++)
                free(*word);
        free(words);
        return NULL;
}
