/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <expat.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/config-elements.h"
#include "bus/config-path.h"
#include "core/list.h"

/* Bytes; the reference reads no larger ones. */
#define MAX_FILE_SIZE (1024 * 1024)

/* An open file, what is in it, and its parser. */
struct reader {
        struct config_file file;       /* first, see reader_of() */
        const struct reader *includer; /* NULL: this is the file we were started with */
        XML_Parser parser;
        dev_t device;
        ino_t inode;
        char *bytes;
        size_t size;
        int result; /* of the first handler that did not return 0 */
};

static struct reader *reader_of(struct config_file *f)
{
        return container_of(f, struct reader, file);
}

static enum config_error code_of(int error)
{
        switch (error) {
        case ENOENT:
                return CONFIG_E_NOT_FOUND;
        case EACCES:
        case EPERM:
                return CONFIG_E_ACCESS_DENIED;
        case EMFILE:
        case ENFILE:
                return CONFIG_E_LIMITS;
        default:
                return CONFIG_E_FAILED;
        }
}

/* Fails with an errno. `format` takes the path, then the errno's text. */
static int fail_errno(struct config_file *f, int error, const char *format, const char *path)
        __attribute__((format(printf, 3, 0)));

static int fail_errno(struct config_file *f, int error, const char *format, const char *path)
{
        if (error == ENOMEM)
                return -ENOMEM;
        return config_fail(f, code_of(error), format, path, strerror(error));
}

static int read_bytes(struct reader *r, int fd)
{
        size_t room = 4096;

        for (;;) {
                ssize_t n;

                if (!r->bytes || r->size == room) {
                        char *more = realloc(r->bytes, r->bytes ? room * 2 : room);

                        if (!more)
                                return -ENOMEM;
                        room = r->bytes ? room * 2 : room;
                        r->bytes = more;
                }
                n = read(fd, r->bytes + r->size, room - r->size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return fail_errno(&r->file, errno, "Error reading \"%s\": %s",
                                          r->file.path);
                if (!n)
                        return 0;
                r->size += (size_t)n;
                if (r->size > MAX_FILE_SIZE)
                        return config_fail(&r->file, CONFIG_E_FAILED,
                                           "File size %lu of \"%s\" is too large.",
                                           (unsigned long)r->size, r->file.path);
        }
}

/* The same file is being read by one of those that include this one. */
static bool is_circular(const struct reader *r)
{
        for (const struct reader *i = r->includer; i; i = i->includer) {
                if (i->device == r->device && i->inode == r->inode)
                        return true;
        }
        return false;
}

static int read_open_file(struct reader *r, int fd)
{
        const char *path = r->file.path;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return fail_errno(&r->file, errno, "Failed to stat \"%s\": %s", path);
        if (!S_ISREG(st.st_mode))
                return config_fail(&r->file, CONFIG_E_FAILED, "\"%s\" is not a regular file", path);
        r->device = st.st_dev;
        r->inode = st.st_ino;
        if (is_circular(r))
                return config_fail(&r->file, CONFIG_E_FAILED, "Circular inclusion of file '%s'",
                                   path);
        if (st.st_size > MAX_FILE_SIZE)
                return config_fail(&r->file, CONFIG_E_FAILED,
                                   "File size %lu of \"%s\" is too large.",
                                   (unsigned long)st.st_size, path);
        return read_bytes(r, fd);
}

static int read_file(struct reader *r)
{
        /* Not to hang on a FIFO. */
        int fd = open(r->file.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), result;

        if (fd < 0)
                return fail_errno(&r->file, errno, "Failed to open \"%s\": %s", r->file.path);
        result = read_open_file(r, fd);
        close(fd);
        return result;
}

static void handled(struct reader *r, int result)
{
        r->result = result;
        if (result)
                XML_StopParser(r->parser, XML_FALSE);
}

static void note_place(struct reader *r)
{
        r->file.line = XML_GetCurrentLineNumber(r->parser);
        r->file.column = XML_GetCurrentColumnNumber(r->parser);
}

static void handle_start(void *data, const XML_Char *name, const XML_Char **attributes)
{
        struct reader *r = data;

        /* Expat may still call handlers after it has been told to stop. */
        if (r->result)
                return;
        note_place(r);
        handled(r, config_element_start(&r->file, name, (const char *const *)attributes));
}

static void handle_text(void *data, const XML_Char *text, int length)
{
        struct reader *r = data;

        if (r->result)
                return;
        note_place(r);
        handled(r, config_element_text(&r->file, text, (size_t)length));
}

static void handle_end(void *data, const XML_Char *name)
{
        struct reader *r = data;

        (void)name;
        if (r->result)
                return;
        note_place(r);
        handled(r, config_element_end(&r->file));
}

/* What other daemons know nothing of is in processing instructions, which they skip. */
static void handle_instruction(void *data, const XML_Char *target, const XML_Char *text)
{
        struct reader *r = data;
        char *error;
        int result;

        if (r->result || strcmp(target, "peer-links") != 0)
                return;
        note_place(r);
        result = link_limits_parse(&r->file.config->links, text, &error);
        if (result > 0)
                result = config_fail(&r->file, CONFIG_E_FAILED, "%s", error ? error : "");
        free(error);
        handled(r, result);
}

static int parse(struct reader *r)
{
        enum XML_Status status;

        /* An encoding that the file declares does not count, as with the reference. */
        r->parser = XML_ParserCreate("UTF-8");
        if (!r->parser)
                return -ENOMEM;
        XML_SetUserData(r->parser, r);
        XML_SetElementHandler(r->parser, handle_start, handle_end);
        XML_SetCharacterDataHandler(r->parser, handle_text);
        XML_SetProcessingInstructionHandler(r->parser, handle_instruction);
        status = XML_Parse(r->parser, r->bytes, (int)r->size, XML_TRUE);
        if (r->result || status != XML_STATUS_ERROR)
                return r->result;
        if (XML_GetErrorCode(r->parser) == XML_ERROR_NO_MEMORY)
                return -ENOMEM;
        note_place(r);
        return config_fail(&r->file, CONFIG_E_FAILED, "%s\n",
                           XML_ErrorString(XML_GetErrorCode(r->parser)));
}

/* Puts file and line in front of the reason. */
static int place_error(struct config_file *f)
{
        char *placed;

        if (f->error_is_placed)
                return 0;
        if (asprintf(&placed, "Error in file %s, line %lu, column %lu: %s", f->path, f->line,
                     f->column, f->error) < 0)
                return -ENOMEM;
        free(f->error);
        f->error = placed;
        f->error_is_placed = true;
        return 0;
}

static int include(struct config_file *f, const char *path);
static int include_dir(struct config_file *f, const char *path);

static int reader_run(struct reader *r)
{
        int result = read_file(r);

        if (result)
                return result;
        result = parse(r);
        if (result > 0 && place_error(&r->file) < 0)
                result = -ENOMEM;
        return result;
}

/*
 * Reads a file into a configuration of its own, which starts out with the modes and limits of the
 * one that includes it (`from`; NULL: none does). Returns as config_load().
 */
static int load_file(struct config_file *from, const char *path, config_warn_function *warn,
                     struct config **cp, char **error, bool *error_is_placed)
{
        struct reader r = {
                .file = {.path = path,
                         .include = include,
                         .include_dir = include_dir,
                         .warn = warn},
                .includer = from ? reader_of(from) : NULL,
        };
        int result = config_new(&r.file.config);

        if (result < 0)
                return result;
        if (from) {
                const struct config *c = from->config;

                r.file.config->fork = c->fork;
                r.file.config->syslog = c->syslog;
                r.file.config->keep_umask = c->keep_umask;
                r.file.config->allow_anonymous = c->allow_anonymous;
                r.file.config->apparmor = c->apparmor;
                r.file.config->limits = c->limits;
                r.file.config->links = c->links;
        }
        result = reader_run(&r);
        if (r.parser)
                XML_ParserFree(r.parser);
        free(r.bytes);
        config_file_deinit(&r.file);
        if (result) {
                config_free(r.file.config);
                r.file.config = NULL;
        }
        if (result <= 0) {
                free(r.file.error);
                r.file.error = NULL;
        }
        *cp = r.file.config;
        *error = r.file.error;
        *error_is_placed = r.file.error_is_placed;
        return result;
}

static int include(struct config_file *f, const char *path)
{
        struct config *config;
        int r = load_file(f, path, f->warn, &config, &f->error, &f->error_is_placed);

        if (r)
                return r;
        r = config_merge(f->config, config);
        config_free(config);
        return r;
}

/* What is wrong with one file of a directory is not the fault of the others. */
static int include_leniently(struct config_file *f, const char *path)
{
        int r = include(f, path);

        if (r <= 0)
                return r;
        r = r == CONFIG_E_NOT_FOUND
                    ? 0
                    : config_warn(f, "Encountered error '%s' while parsing '%s'", f->error, path);
        free(f->error);
        f->error = NULL;
        f->error_is_placed = false;
        return r;
}

static int is_conf_file(const struct dirent *entry)
{
        size_t length = strlen(entry->d_name);

        return length >= 5 && !strcmp(entry->d_name + length - 5, ".conf");
}

static int compare_entries(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int include_dir(struct config_file *f, const char *path)
{
        struct dirent **entries;
        int n = scandir(path, &entries, is_conf_file, compare_entries), r;

        if (n < 0)
                return errno == ENOENT
                               ? 0
                               : fail_errno(f, errno, "Failed to read directory \"%s\": %s", path);
        r = config_strings_add(&f->config->conf_dirs, path);
        for (int i = 0; i < n; ++i) {
                char *file = NULL;

                if (!r)
                        r = config_path_in(path, entries[i]->d_name, &file);
                if (!r)
                        r = include_leniently(f, file);
                free(file);
                free(entries[i]);
        }
        free(entries);
        return r;
}

int config_load(const char *path, struct config **cp, config_warn_function *warn, char **error)
{
        struct config *config;
        bool error_is_placed;
        int r;

        *error = NULL;
        r = load_file(NULL, path, warn, &config, error, &error_is_placed);
        if (r)
                return r;
        if (!config->listen.n) {
                config_free(config);
                if (asprintf(error,
                             "Error in file %s: Configuration file needs one or more <listen> "
                             "elements giving addresses",
                             path) >= 0)
                        return CONFIG_E_FAILED;
                *error = NULL;
                return -ENOMEM;
        }
        *cp = config;
        return 0;
}
