/* SPDX-License-Identifier: MIT */
#include "bus/service-dirs.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bus/config-path.h"
#include "bus/log.h"

#define SUFFIX ".service"

/* ---- what is known ---- */

static struct service *find_name(const struct service_dirs *s, const char *name)
{
        uint64_t hash = hash_bytes(&s->key, name, strlen(name));

        for (struct hash_link *l = hash_first(&s->names, hash); l; l = l->next) {
                struct service *found = container_of(l, struct service, of_names);

                if (l->hash == hash && strcmp(found->data.name, name) == 0)
                        return found;
        }
        return NULL;
}

static struct service *find_file(const struct service_dirs *s, const char *path)
{
        uint64_t hash = hash_bytes(&s->key, path, strlen(path));

        for (struct hash_link *l = hash_first(&s->files, hash); l; l = l->next) {
                struct service *found = container_of(l, struct service, of_files);

                if (l->hash == hash && strcmp(found->path, path) == 0)
                        return found;
        }
        return NULL;
}

static int insert(struct hash_table *table, const struct service_dirs *s, struct hash_link *link,
                  const char *text)
{
        return hash_insert(table, link, hash_bytes(&s->key, text, strlen(text)));
}

static void service_free(struct service *service)
{
        service_file_deinit(&service->data);
        free(service);
}

static void forget(struct service_dirs *s, struct service *service)
{
        hash_remove(&s->names, &service->of_names);
        hash_remove(&s->files, &service->of_files);
        list_remove(&service->of_services);
        service_free(service);
}

/* Takes over the data. Returns 0, or -ENOMEM and they are freed. */
static int learn(struct service_dirs *s, const struct service_dir *dir, const char *path,
                 time_t mtime, struct service_file *data)
{
        size_t size = strlen(path) + 1;
        struct service *service = malloc(sizeof(*service) + size);

        if (!service) {
                service_file_deinit(data);
                return -ENOMEM;
        }
        service->data = *data;
        service->dir = dir;
        service->mtime = mtime;
        memcpy(service->path, path, size);
        if (insert(&s->names, s, &service->of_names, service->data.name) < 0) {
                service_free(service);
                return -ENOMEM;
        }
        if (insert(&s->files, s, &service->of_files, service->path) < 0) {
                hash_remove(&s->names, &service->of_names);
                service_free(service);
                return -ENOMEM;
        }
        list_append(&s->services, &service->of_services);
        return 0;
}

/* Takes over data that replace those of a service, which is forgotten if its new name is another's
 * already. Returns true if it still is there. */
static bool replace(struct service_dirs *s, struct service *service, time_t mtime,
                    struct service_file *data)
{
        struct service *other = find_name(s, data->name);

        if (other && other != service) {
                service_file_deinit(data);
                forget(s, service);
                return false;
        }
        hash_remove(&s->names, &service->of_names);
        service_file_deinit(&service->data);
        service->data = *data;
        service->mtime = mtime;
        /* Cannot fail: the table has been there since there was something in it to remove. */
        insert(&s->names, s, &service->of_names, service->data.name);
        return true;
}

/* ---- files ---- */

/* True if the file's name is NAME.service for the name that it provides. */
static bool is_well_named(const char *path, const char *name)
{
        const char *file = strrchr(path, '/') + 1;
        size_t length = strlen(name);

        return strncmp(file, name, length) == 0 && strcmp(file + length, SUFFIX) == 0;
}

/* False and a line in the log if a file must not be called as it is. */
static bool check_file_name(const struct service_dirs *s, const struct service_dir *dir,
                            const char *path, const char *name)
{
        static const char should[] = "should have been named";

        if (is_well_named(path, name))
                return true;
        if (dir->strict_names) {
                log_line(LOG_LEVEL_WARNING,
                         "Service file \"%s\" %s \"%s" SUFFIX "\": not loading it", path, should,
                         name);
                return false;
        }
        /* The helper looks for a file by the name alone. */
        if (s->has_helper)
                log_line(LOG_LEVEL_WARNING,
                         "Service file \"%s\" %s \"%s" SUFFIX
                         "\" and will not work with system bus activation",
                         path, should, name);
        return true;
}

/* Returns 1 and the data, 0 if the file is not right, -ENOMEM or -EMFILE. */
static int load(const struct service_dirs *s, const struct service_dir *dir, const char *path,
                struct service_file *data)
{
        struct fault fault = {0};
        int r = 0;

        if (service_file_read(path, data, &fault) < 0) {
                if (strcmp(fault.name, ERROR_NO_MEMORY) == 0)
                        r = -ENOMEM;
                else if (strcmp(fault.name, ERROR_LIMITS_EXCEEDED) == 0)
                        r = -EMFILE;
                fault_clear(&fault);
                return r;
        }
        if (data->name && data->exec && check_file_name(s, dir, path, data->name))
                return 1;
        service_file_deinit(data);
        return 0;
}

/*
 * Makes a known service what its file is now. If it cannot be read, it is to be as it was, and will
 * be read again the next time. Returns 1, 0 if the service has been forgotten, -ENOMEM or -EMFILE.
 */
static int refresh(struct service_dirs *s, struct service *service)
{
        struct service_file data;
        struct stat st;
        int r;

        if (stat(service->path, &st) < 0) {
                if (errno == ENOMEM)
                        return -ENOMEM;
                forget(s, service);
                return 0;
        }
        if (st.st_mtime <= service->mtime)
                return 1;
        r = load(s, service->dir, service->path, &data);
        if (r <= 0)
                return r < 0 ? r : 1;
        return replace(s, service, st.st_mtime, &data);
}

/* Returns 0, -ENOMEM or -EMFILE. */
static int add_file(struct service_dirs *s, const struct service_dir *dir, const char *path)
{
        struct service_file data;
        struct stat st;
        int r;

        /* Before it is read: what is changed meanwhile is noticed the next time. */
        if (stat(path, &st) < 0)
                return errno == ENOMEM ? -ENOMEM : 0;
        r = load(s, dir, path, &data);
        if (r <= 0)
                return r;
        if (find_name(s, data.name)) {
                service_file_deinit(&data);
                return 0;
        }
        return learn(s, dir, path, st.st_mtime, &data);
}

/* ---- directories ---- */

static bool is_service_file(const char *name)
{
        size_t length = strlen(name), suffix = strlen(SUFFIX);

        return length >= suffix && strcmp(name + length - suffix, SUFFIX) == 0;
}

/* Returns 0, -ENOMEM or -EMFILE. */
static int visit(struct service_dirs *s, const struct service_dir *dir, const char *name)
{
        struct service *known;
        char *path;
        int r = config_path_in(dir->path, name, &path);

        if (r < 0)
                return r;
        known = find_file(s, path);
        r = known ? refresh(s, known) : add_file(s, dir, path);
        free(path);
        return r < 0 ? r : 0;
}

/* What is read while we lack something is no reason to think that a directory is empty. */
static bool is_our_lack(int error)
{
        return error == ENOMEM || error == EMFILE || error == ENFILE;
}

/* Returns 0, -ENOMEM, -EMFILE or -ENFILE. */
static int scan(struct service_dirs *s, const struct service_dir *dir)
{
        DIR *stream = opendir(dir->path);
        struct dirent *entry;
        int r = 0;

        if (!stream)
                return is_our_lack(errno) ? -errno : 0;
        while (!r && (errno = 0, entry = readdir(stream))) {
                if (is_service_file(entry->d_name))
                        r = visit(s, dir, entry->d_name);
        }
        if (!r && is_our_lack(errno))
                r = -errno;
        closedir(stream);
        return r;
}

static int failed(int code, const char *what, const char *path, struct fault *f)
{
        if (code == -ENOMEM)
                return fault_no_memory(f);
        return fault_set(f, ERROR_FAILED, "Failed to read %s \"%s\": %s", what, path,
                         strerror(-code));
}

static int scan_all(struct service_dirs *s, struct fault *f)
{
        for (size_t i = 0; i < s->n_dirs; i++) {
                int r = scan(s, &s->dirs[i]);

                if (r < 0)
                        return failed(r, "directory", s->dirs[i].path, f);
        }
        return 0;
}

/* ---- all of them ---- */

/* Returns 0 or -ENOMEM. */
static int copy_dirs(struct service_dirs *s, const struct config *c)
{
        s->dirs = calloc(c->n_service_dirs + 1, sizeof(*s->dirs));
        if (!s->dirs)
                return -ENOMEM;
        for (; s->n_dirs < c->n_service_dirs; s->n_dirs++) {
                struct service_dir *dir = &s->dirs[s->n_dirs];

                dir->strict_names = c->service_dirs[s->n_dirs].strict_names;
                dir->path = strdup(c->service_dirs[s->n_dirs].path);
                if (!dir->path)
                        return -ENOMEM;
        }
        return 0;
}

int service_dirs_init(struct service_dirs *s, const struct config *c, struct fault *f)
{
        int r;

        *s = (struct service_dirs){.has_helper = c->servicehelper};
        hash_key_init(&s->key);
        list_init(&s->services);
        r = copy_dirs(s, c) < 0 ? fault_no_memory(f) : scan_all(s, f);
        if (r < 0)
                service_dirs_deinit(s);
        return r;
}

void service_dirs_deinit(struct service_dirs *s)
{
        while (!list_empty(&s->services))
                forget(s, container_of(s->services.next, struct service, of_services));
        for (size_t i = 0; i < s->n_dirs; i++)
                free(s->dirs[i].path);
        free(s->dirs);
        hash_deinit(&s->names);
        hash_deinit(&s->files);
        *s = (struct service_dirs){0};
        list_init(&s->services);
}

int service_dirs_find(struct service_dirs *s, const char *name, struct service **sp,
                      struct fault *f)
{
        struct service *service = find_name(s, name);

        if (service) {
                int r = refresh(s, service);

                if (r < 0)
                        return failed(r, "file", service->path, f);
                if (r == 0)
                        service = NULL;
        } else {
                if (scan_all(s, f) < 0)
                        return -1;
                service = find_name(s, name);
        }
        if (!service)
                return fault_set(f, ERROR_SERVICE_UNKNOWN,
                                 "The name %s was not provided by any .service files", name);
        *sp = service;
        return 0;
}
