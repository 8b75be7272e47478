/* SPDX-License-Identifier: MIT */

/*
 * Runs a fuzz target over files, or over all files of folders, without a fuzzer: a regression test
 * of its corpus.
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

/* Returns the number of inputs run, or -errno. */
static int replay_file(const char *path, size_t size)
{
        FILE *file = fopen(path, "rb");
        /* Of exactly this size, so that sanitizers see each read behind the end. */
        uint8_t *data = malloc(size ? size : 1);
        int r = 1;

        if (!file || !data)
                r = -errno;
        else if (fread(data, 1, size, file) != size)
                r = -EIO;
        else
                LLVMFuzzerTestOneInput(data, size);
        free(data);
        if (file)
                fclose(file);
        return r;
}

static int replay(const char *path);

static int replay_folder(const char *path)
{
        DIR *folder = opendir(path);
        const struct dirent *entry;
        int n = 0;

        if (!folder)
                return -errno;
        while (n >= 0 && (entry = readdir(folder))) {
                char name[PATH_MAX];
                int r;

                if (entry->d_name[0] == '.')
                        continue;
                snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
                r = replay(name);
                n = r < 0 ? r : n + r;
        }
        closedir(folder);
        return n;
}

static int replay(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? replay_folder(path) : replay_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
        int total = 0;

        for (int i = 1; i < argc; ++i) {
                int n = replay(argv[i]);

                if (n < 0) {
                        fprintf(stderr, "%s: %s\n", argv[i], strerror(-n));
                        return EXIT_FAILURE;
                }
                total += n;
        }
        printf("%d inputs\n", total);
        /* A corpus that is not there must not pass for one that was fine. */
        return total ? EXIT_SUCCESS : EXIT_FAILURE;
}
