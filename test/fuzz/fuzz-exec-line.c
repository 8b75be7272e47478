/* SPDX-License-Identifier: MIT */

/*
 * Fuzzes the splitter of command lines. The words that it makes, each in quotes, make the same
 * words.
 */

#include <string.h>

#include "bus/exec-line.h"
#include "fuzz.h"

/* Writes a word with each character in quotes of its own kind. Returns how far it got. */
static char *quote(char *out, const char *word)
{
        *out++ = '\'';
        for (; *word; word++) {
                if (*word == '\'')
                        out = stpcpy(out, "'\"'\"'");
                else
                        *out++ = *word;
        }
        *out++ = '\'';
        return out;
}

static size_t length_of(char *const *words)
{
        size_t length = 0;

        for (; *words; words++)
                length += 5 * strlen(*words) + 3;
        return length;
}

static void check(char *const *words, size_t size)
{
        char *line = malloc(length_of(words) + 1), *out = line, **again;
        struct fault fault = {0};
        size_t i;

        require(line && words[0]);
        require(length_of(words) <= 5 * size + 3 * (size + 1));
        for (i = 0; words[i]; i++) {
                if (i)
                        *out++ = ' ';
                out = quote(out, words[i]);
        }
        *out = '\0';
        require(exec_line_split(line, &again, &fault) == 0);
        for (i = 0; words[i]; i++)
                require(again[i] && strcmp(again[i], words[i]) == 0);
        require(!again[i]);
        exec_line_free(again);
        free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *line = strndup((const char *)data, size), **words;
        struct fault fault = {0};

        require(line != NULL);
        if (exec_line_split(line, &words, &fault) < 0) {
                require(fault.name && fault.text);
                fault_clear(&fault);
        } else {
                check(words, strlen(line));
                exec_line_free(words);
        }
        free(line);
        return 0;
}
