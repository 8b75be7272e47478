/* SPDX-License-Identifier: MIT */
#include "bus/launch-helper/system-conf.h"

#include <errno.h>
#include <expat.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/config-path.h"
#include "bus/system-services.h"

#define BUFFER_SIZE 4096

/* The element whose text is being read. */
enum element { ELEMENT_OTHER, ELEMENT_USER, ELEMENT_SERVICEDIR };

struct reader {
        XML_Parser parser;
        const char *path;
        struct system_conf *conf;
        enum element element;
        char *text; /* of the element; NULL: none yet */
        size_t length;
        bool no_memory;
};

/* ---- what has been read ---- */

static void trim(char *text)
{
        static const char blanks[] = " \t\n\r\f\v";
        size_t start = strspn(text, blanks), length = strlen(text + start);

        while (length && strchr(blanks, text[start + length - 1]))
                length--;
        memmove(text, text + start, length);
        text[length] = '\0';
}

/* Takes over the path. Returns 0 or -ENOMEM. */
static int add_dir(struct system_conf *c, char *path)
{
        char **dirs = realloc(c->dirs, (c->n_dirs + 1) * sizeof(*dirs));

        if (!dirs) {
                free(path);
                return -ENOMEM;
        }
        c->dirs = dirs;
        c->dirs[c->n_dirs++] = path;
        return 0;
}

/* Returns 0 or -ENOMEM. */
static int add_standard_dirs(struct system_conf *c)
{
        static const char list[] = SYSTEM_DATA_DIRS;
        int r = 0;

        for (const char *at = list; !r && *at; at += strspn(at, ":")) {
                size_t length = strcspn(at, ":");
                char *data = strndup(at, length), *path;

                if (!data || config_path_in(data, SYSTEM_SERVICES, &path) < 0)
                        r = -ENOMEM;
                else
                        r = add_dir(c, path);
                free(data);
                at += length;
        }
        return r;
}

/* A relative path is meant as the daemon understands it. Were it seen from the working directory,
 * as the reference's helper has it, it would be up to the caller where it leads. */
static int add_service_dir(struct reader *r)
{
        char *path;

        return config_path_beside(r->path, r->text, &path) < 0 ? -ENOMEM : add_dir(r->conf, path);
}

/* Who of several users it is nobody can say: it is none of them. */
static void add_user(struct reader *r)
{
        free(r->conf->user);
        r->conf->user = NULL;
        if (r->conf->n_users++ == 0) {
                r->conf->user = r->text;
                r->text = NULL;
        }
}

/* At the end of an element, or where another one starts in it. */
static void end_text(struct reader *r)
{
        if (r->text)
                trim(r->text);
        if (r->text && r->text[0]) {
                if (r->element == ELEMENT_USER)
                        add_user(r);
                else if (r->element == ELEMENT_SERVICEDIR && add_service_dir(r) < 0)
                        r->no_memory = true;
        }
        free(r->text);
        r->text = NULL;
        r->length = 0;
        r->element = ELEMENT_OTHER;
}

/* ---- XML ---- */

static void XMLCALL on_start(void *data, const char *name, const char **attributes)
{
        struct reader *r = data;

        (void)attributes;
        end_text(r);
        if (strcmp(name, "user") == 0)
                r->element = ELEMENT_USER;
        else if (strcmp(name, "servicedir") == 0)
                r->element = ELEMENT_SERVICEDIR;
        else if (strcmp(name, "standard_system_servicedirs") == 0 && add_standard_dirs(r->conf) < 0)
                r->no_memory = true;
}

static void XMLCALL on_end(void *data, const char *name)
{
        (void)name;
        end_text(data);
}

static void XMLCALL on_text(void *data, const char *bytes, int n)
{
        struct reader *r = data;
        char *text;

        if (r->element == ELEMENT_OTHER)
                return;
        text = realloc(r->text, r->length + (size_t)n + 1);
        if (!text) {
                r->no_memory = true;
                return;
        }
        memcpy(text + r->length, bytes, (size_t)n);
        r->length += (size_t)n;
        text[r->length] = '\0';
        r->text = text;
}

static int parse_error(const struct reader *r, struct fault *f)
{
        enum XML_Error error = XML_GetErrorCode(r->parser);

        if (error == XML_ERROR_NO_MEMORY || r->no_memory)
                return fault_no_memory(f);
        return fault_set(f, ERROR_FAILED, "Error in file %s, line %lu, column %lu: %s\n", r->path,
                         XML_GetCurrentLineNumber(r->parser), XML_GetCurrentColumnNumber(r->parser),
                         XML_ErrorString(error));
}

/* ---- the file ---- */

static int failed(const char *what, const char *path, struct fault *f)
{
        int error = errno;

        if (error == ENOMEM)
                return fault_no_memory(f);
        return fault_set(f, error == ENOENT ? ERROR_FILE_NOT_FOUND : ERROR_FAILED,
                         "Failed to %s \"%s\": %s", what, path, strerror(error));
}

static ssize_t read_some(int fd, void *bytes, size_t n)
{
        ssize_t r;

        do {
                r = read(fd, bytes, n);
        } while (r < 0 && errno == EINTR);
        return r;
}

static int parse(struct reader *r, int fd, struct fault *f)
{
        size_t total = 0;
        ssize_t n;

        do {
                void *buffer = XML_GetBuffer(r->parser, BUFFER_SIZE);

                if (!buffer)
                        return fault_no_memory(f);
                n = read_some(fd, buffer, BUFFER_SIZE);
                if (n < 0)
                        return failed("read", r->path, f);
                total += (size_t)n;
                if (total > SYSTEM_CONF_MAX)
                        return fault_set(f, ERROR_FAILED, "File \"%s\" is too large.", r->path);
                if (XML_ParseBuffer(r->parser, (int)n, n == 0) != XML_STATUS_OK || r->no_memory)
                        return parse_error(r, f);
        } while (n > 0);
        return 0;
}

static int read_from(int fd, const char *path, struct system_conf *c, struct fault *f)
{
        struct reader r = {.path = path, .conf = c};
        struct stat st;
        int result;

        if (fstat(fd, &st) < 0)
                return failed("stat", path, f);
        if (!S_ISREG(st.st_mode))
                return fault_set(f, ERROR_FAILED, "\"%s\" is not a regular file", path);
        if (st.st_size > SYSTEM_CONF_MAX)
                return fault_set(f, ERROR_FAILED, "File size %lld of \"%s\" is too large.",
                                 (long long)st.st_size, path);
        r.parser = XML_ParserCreate("UTF-8");
        if (!r.parser)
                return fault_no_memory(f);
        XML_SetUserData(r.parser, &r);
        XML_SetElementHandler(r.parser, on_start, on_end);
        XML_SetCharacterDataHandler(r.parser, on_text);
        result = parse(&r, fd, f);
        XML_ParserFree(r.parser);
        free(r.text);
        return result;
}

int system_conf_read(const char *path, struct system_conf *c, struct fault *f)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r;

        *c = (struct system_conf){0};
        if (fd < 0)
                return failed("open", path, f);
        r = read_from(fd, path, c, f);
        close(fd);
        if (r < 0)
                system_conf_deinit(c);
        return r;
}

void system_conf_deinit(struct system_conf *c)
{
        for (size_t i = 0; i < c->n_dirs; i++)
                free(c->dirs[i]);
        free(c->dirs);
        free(c->user);
        *c = (struct system_conf){0};
}
