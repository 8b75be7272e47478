/* SPDX-License-Identifier: MIT */
#include "bus/config-elements.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/config-dirs.h"
#include "bus/config-path.h"
#include "bus/config-rules.h"
#include "bus/lsm.h"
#include "bus/userdb.h"

/* No element has more attributes than <allow> and <deny>. */
#define MAX_ATTRIBUTES 24

/* Where an element may stand. */
enum place {
        AT_ROOT,
        IN_BUSCONFIG,
        IN_POLICY,
        IN_SELINUX,
        NOWHERE, /* in an element that has text or nothing */
};

struct config_element {
        const char *name;
        enum place place;
        enum place inside; /* where its children stand */
        bool has_text;     /* and must have some */
        const char *const *attributes;
        /* What it does when it begins (`values`: of the attributes, in their order; NULL: not
         * given) and when it ends with its text. NULL: nothing. Return as
         * config_element_start(). */
        int (*start)(struct config_file *f, struct config_frame *frame, const char *const *values);
        int (*end)(struct config_file *f, const struct config_frame *frame, const char *text);
        size_t offset; /* of the member of struct config that it sets */
};

int config_fail(struct config_file *f, enum config_error code, const char *format, ...)
{
        va_list args;
        int r;

        va_start(args, format);
        r = vasprintf(&f->error, format, args);
        va_end(args);
        if (r < 0) {
                f->error = NULL;
                return -ENOMEM;
        }
        return code;
}

int config_warn(struct config_file *f, const char *format, ...)
{
        va_list args;
        char *text = NULL, *placed = NULL;
        int r;

        if (!f->warn)
                return 0;
        va_start(args, format);
        r = vasprintf(&text, format, args);
        va_end(args);
        if (r < 0)
                return -ENOMEM;
        r = asprintf(&placed, "%s (file %s, line %lu)", text, f->path, f->line);
        free(text);
        if (r < 0)
                return -ENOMEM;
        f->warn(placed);
        free(placed);
        return 0;
}

void config_file_deinit(struct config_file *f)
{
        while (f->depth)
                free(f->frames[--f->depth].limit);
        free(f->text);
        f->text = NULL;
}

/* Elements that set one thing: a flag, the latest of several texts, one more text. */

static void *member_of(struct config_file *f, const struct config_frame *frame)
{
        return (char *)f->config + frame->element->offset;
}

static int start_flag(struct config_file *f, struct config_frame *frame, const char *const *values)
{
        (void)values;
        *(bool *)member_of(f, frame) = true;
        return 0;
}

static int end_text(struct config_file *f, const struct config_frame *frame, const char *text)
{
        return config_set_text(member_of(f, frame), text);
}

/* A relative path is taken from where the configuration file is. */
static int end_path(struct config_file *f, const struct config_frame *frame, const char *text)
{
        char **path = member_of(f, frame);
        char *absolute;
        int r = config_path_beside(f->path, text, &absolute);

        if (r < 0)
                return r;
        free(*path);
        *path = absolute;
        return 0;
}

static int end_list(struct config_file *f, const struct config_frame *frame, const char *text)
{
        return config_strings_add(member_of(f, frame), text);
}

/* <include> and <includedir> */

static const char *const include_attributes[] = {"ignore_missing", "if_selinux_enabled",
                                                 "selinux_root_relative", NULL};

static int read_yes_no(struct config_file *f, const char *name, const char *value, bool *yes)
{
        *yes = value && !strcmp(value, "yes");
        if (!value || *yes || !strcmp(value, "no"))
                return 0;
        return config_fail(f, CONFIG_E_FAILED, "%s attribute must have value \"yes\" or \"no\"",
                           name);
}

static int start_include(struct config_file *f, struct config_frame *frame,
                         const char *const *values)
{
        bool *const flags[] = {&frame->ignore_missing, &frame->if_selinux_enabled,
                               &frame->selinux_root_relative};
        int r = 0;

        for (unsigned i = 0; i < 3 && !r; ++i)
                r = read_yes_no(f, include_attributes[i], values[i], flags[i]);
        return r;
}

static int include_path(struct config_file *f, const struct config_frame *frame, const char *text,
                        char **path)
{
        const char *root;

        if (!frame->selinux_root_relative || text[0] == '/')
                return config_path_beside(f->path, text, path);
        root = lsm_selinux_root();
        if (!root)
                return config_fail(f, CONFIG_E_FAILED,
                                   "Could not determine SELinux policy root for relative "
                                   "inclusion");
        return config_path_in(root, text, path);
}

static int end_include(struct config_file *f, const struct config_frame *frame, const char *text)
{
        char *path;
        int r;

        if (frame->if_selinux_enabled && !lsm_has_selinux())
                return 0;
        r = include_path(f, frame, text, &path);
        if (r)
                return r;
        r = f->include(f, path);
        free(path);
        if (r == CONFIG_E_NOT_FOUND && frame->ignore_missing) {
                free(f->error);
                f->error = NULL;
                f->error_is_placed = false;
                return 0;
        }
        return r;
}

static int end_includedir(struct config_file *f, const struct config_frame *frame, const char *text)
{
        char *path;
        int r = config_path_beside(f->path, text, &path);

        (void)frame;
        if (r < 0)
                return r;
        r = f->include_dir(f, path);
        free(path);
        return r;
}

/* Directories of service files */

static int end_servicedir(struct config_file *f, const struct config_frame *frame, const char *text)
{
        (void)frame;
        return config_add_service_dir(f, text);
}

static int start_session_dirs(struct config_file *f, struct config_frame *frame,
                              const char *const *values)
{
        (void)frame;
        (void)values;
        return config_add_session_dirs(f);
}

static int start_system_dirs(struct config_file *f, struct config_frame *frame,
                             const char *const *values)
{
        (void)frame;
        (void)values;
        return config_add_system_dirs(f);
}

/* <limit> */

static const char *const limit_attributes[] = {"name", NULL};

static int start_limit(struct config_file *f, struct config_frame *frame, const char *const *values)
{
        if (!values[0])
                return config_fail(f, CONFIG_E_FAILED,
                                   "<limit> element must have a \"name\" attribute");
        frame->limit = strdup(values[0]);
        return frame->limit ? 0 : -ENOMEM;
}

static int end_limit(struct config_file *f, const struct config_frame *frame, const char *text)
{
        int r = limits_set(&f->config->limits, frame->limit, text, &f->error);

        return r > 0 ? CONFIG_E_FAILED : r;
}

/* Mandatory access control */

static const char *const apparmor_attributes[] = {"mode", NULL};

static int start_apparmor(struct config_file *f, struct config_frame *frame,
                          const char *const *values)
{
        static const char *const modes[] = {
                [CONFIG_APPARMOR_ENABLED] = "enabled",
                [CONFIG_APPARMOR_DISABLED] = "disabled",
                [CONFIG_APPARMOR_REQUIRED] = "required",
        };

        (void)frame;
        if (!values[0])
                return 0;
        for (unsigned i = 0; i < 3; ++i) {
                if (!strcmp(values[0], modes[i])) {
                        f->config->apparmor = i;
                        return 0;
                }
        }
        return config_fail(f, CONFIG_E_FAILED,
                           "Mode attribute on <apparmor> must have value \"required\", \"enabled\" "
                           "or \"disabled\", not \"%s\"",
                           values[0]);
}

static const char *const associate_attributes[] = {"own", "context", NULL};

static int start_associate(struct config_file *f, struct config_frame *frame,
                           const char *const *values)
{
        (void)frame;
        if (!values[0] || !values[1])
                return config_fail(f, CONFIG_E_FAILED,
                                   "Element <associate> must have attributes "
                                   "own=\"<servicename>\" and context=\"<selinux context>\"");
        return config_add_association(f->config, values[0], values[1]);
}

/* <policy>, <allow> and <deny> */

static const char *const policy_attributes[] = {"context", "at_console", "user", "group", NULL};

/* The value of a <policy>'s one attribute. */
typedef int scope_function(struct config_file *f, struct config_frame *frame, const char *value);

static int read_context(struct config_file *f, struct config_frame *frame, const char *value)
{
        bool is_default = !strcmp(value, "default");

        if (!is_default && strcmp(value, "mandatory"))
                return config_fail(f, CONFIG_E_FAILED,
                                   "context attribute on <policy> must have the value \"default\" "
                                   "or \"mandatory\", not \"%s\"",
                                   value);
        frame->scope = is_default ? POLICY_DEFAULT : POLICY_MANDATORY;
        return 0;
}

static int read_console(struct config_file *f, struct config_frame *frame, const char *value)
{
        bool at_console = !strcmp(value, "true");

        if (!at_console && strcmp(value, "false"))
                return config_fail(f, CONFIG_E_FAILED,
                                   "Unknown value \"%s\" for at_console in message bus "
                                   "configuration file",
                                   value);
        frame->scope = at_console ? POLICY_AT_CONSOLE : POLICY_NOT_AT_CONSOLE;
        return 0;
}

/* `what`: one that `find` finds. */
static int read_account(struct config_file *f, struct config_frame *frame, const char *value,
                        const char *what, int (*find)(const char *text, id_t *id))
{
        int r = find(value, &frame->id);

        if (!r || r == -ENOMEM)
                return r;
        frame->unknown_id = true;
        return config_warn(f, "Unknown %s \"%s\" in message bus configuration file", what, value);
}

static int read_user(struct config_file *f, struct config_frame *frame, const char *value)
{
        frame->scope = POLICY_USER;
        return read_account(f, frame, value, "username", userdb_find_user);
}

static int read_group(struct config_file *f, struct config_frame *frame, const char *value)
{
        frame->scope = POLICY_GROUP;
        return read_account(f, frame, value, "group", userdb_find_group);
}

static int start_policy(struct config_file *f, struct config_frame *frame,
                        const char *const *values)
{
        /* As in policy_attributes. */
        static scope_function *const functions[] = {read_context, read_console, read_user,
                                                    read_group};
        unsigned n = 0, given = 0;

        for (unsigned i = 0; i < 4; ++i) {
                if (values[i]) {
                        given = i;
                        n += 1;
                }
        }
        if (n != 1)
                return config_fail(f, CONFIG_E_FAILED,
                                   "<policy> element must have exactly one of "
                                   "(context|user|group|at_console) attributes");
        return functions[given](f, frame, values[given]);
}

/* Whether someone may connect is asked before anybody's own policy is. */
static int check_scope(struct config_file *f, const struct config_frame *policy,
                       const struct policy_rule *rule, const char *element)
{
        bool per_user = policy->scope == POLICY_USER;

        if (rule->kind != POLICY_CONNECT || (!per_user && policy->scope != POLICY_GROUP))
                return 0;
        return config_fail(f, CONFIG_E_FAILED,
                           "<%s> rule cannot be per-%s because it has bus-global semantics",
                           element, per_user ? "user" : "group");
}

static int start_rule(struct config_file *f, struct config_frame *frame, const char *const *values)
{
        const struct config_frame *policy = frame - 1;
        const char *element = frame->element->name;
        struct policy_rule *rule;
        int r = config_rule_read(f, element, !strcmp(element, "allow"), values, &rule);

        if (r || !rule)
                return r;
        if (policy->unknown_id) {
                policy_rule_free(rule);
                return 0;
        }
        r = check_scope(f, policy, rule, element);
        if (!r)
                r = policy_append(f->config->policy, policy->scope, policy->id, rule);
        if (r)
                policy_rule_free(rule);
        return r;
}

static const char *const no_attributes[] = {NULL};

#define MEMBER(NAME) offsetof(struct config, NAME)

static const struct config_element elements[] = {
        {"busconfig", AT_ROOT, IN_BUSCONFIG, false, no_attributes, NULL, NULL, 0},
        {"type", IN_BUSCONFIG, NOWHERE, true, no_attributes, NULL, end_text, MEMBER(type)},
        {"user", IN_BUSCONFIG, NOWHERE, true, no_attributes, NULL, end_text, MEMBER(user)},
        {"pidfile", IN_BUSCONFIG, NOWHERE, true, no_attributes, NULL, end_text, MEMBER(pidfile)},
        {"servicehelper", IN_BUSCONFIG, NOWHERE, true, no_attributes, NULL, end_path,
         MEMBER(servicehelper)},
        {"fork", IN_BUSCONFIG, NOWHERE, false, no_attributes, start_flag, NULL, MEMBER(fork)},
        {"syslog", IN_BUSCONFIG, NOWHERE, false, no_attributes, start_flag, NULL, MEMBER(syslog)},
        {"keep_umask", IN_BUSCONFIG, NOWHERE, false, no_attributes, start_flag, NULL,
         MEMBER(keep_umask)},
        {"allow_anonymous", IN_BUSCONFIG, NOWHERE, false, no_attributes, start_flag, NULL,
         MEMBER(allow_anonymous)},
        {"listen", IN_BUSCONFIG, NOWHERE, true, no_attributes, NULL, end_list, MEMBER(listen)},
        {"auth", IN_BUSCONFIG, NOWHERE, true, no_attributes, NULL, end_list, MEMBER(mechanisms)},
        {"include", IN_BUSCONFIG, NOWHERE, true, include_attributes, start_include, end_include, 0},
        {"includedir", IN_BUSCONFIG, NOWHERE, true, no_attributes, NULL, end_includedir, 0},
        {"servicedir", IN_BUSCONFIG, NOWHERE, true, no_attributes, NULL, end_servicedir, 0},
        {"standard_session_servicedirs", IN_BUSCONFIG, NOWHERE, false, no_attributes,
         start_session_dirs, NULL, 0},
        {"standard_system_servicedirs", IN_BUSCONFIG, NOWHERE, false, no_attributes,
         start_system_dirs, NULL, 0},
        {"limit", IN_BUSCONFIG, NOWHERE, true, limit_attributes, start_limit, end_limit, 0},
        {"apparmor", IN_BUSCONFIG, NOWHERE, false, apparmor_attributes, start_apparmor, NULL, 0},
        {"selinux", IN_BUSCONFIG, IN_SELINUX, false, no_attributes, NULL, NULL, 0},
        {"associate", IN_SELINUX, NOWHERE, false, associate_attributes, start_associate, NULL, 0},
        {"policy", IN_BUSCONFIG, IN_POLICY, false, policy_attributes, start_policy, NULL, 0},
        {"allow", IN_POLICY, NOWHERE, false, config_rule_attributes, start_rule, NULL, 0},
        {"deny", IN_POLICY, NOWHERE, false, config_rule_attributes, start_rule, NULL, 0},
};

static const struct config_element *find_element(const char *name, enum place place)
{
        for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); ++i) {
                if (elements[i].place == place && !strcmp(elements[i].name, name))
                        return &elements[i];
        }
        return NULL;
}

static struct config_frame *innermost(struct config_file *f)
{
        return f->depth ? &f->frames[f->depth - 1] : NULL;
}

static int misplaced(struct config_file *f, const struct config_frame *parent, const char *name)
{
        if (!parent)
                return config_fail(f, CONFIG_E_FAILED,
                                   "Unknown element <%s> at root of configuration file", name);
        if (parent->element->inside == NOWHERE)
                return config_fail(f, CONFIG_E_FAILED,
                                   "Element <%s> is not allowed in this context", name);
        return config_fail(f, CONFIG_E_FAILED,
                           "Element <%s> not allowed inside <%s> in configuration file", name,
                           parent->element->name);
}

/* Puts the attributes into the order in which the element names them. */
static int order_attributes(struct config_file *f, const struct config_element *element,
                            const char *const *attributes, const char **values)
{
        for (; *attributes; attributes += 2) {
                unsigned i = 0;

                while (element->attributes[i] && strcmp(element->attributes[i], attributes[0]))
                        i += 1;
                if (!element->attributes[i])
                        return config_fail(f, CONFIG_E_FAILED,
                                           "Attribute \"%s\" is invalid on <%s> element in this "
                                           "context",
                                           attributes[0], element->name);
                values[i] = attributes[1];
        }
        return 0;
}

int config_element_start(struct config_file *f, const char *name, const char *const *attributes)
{
        const struct config_frame *parent = innermost(f);
        const struct config_element *element =
                find_element(name, parent ? parent->element->inside : AT_ROOT);
        const char *values[MAX_ATTRIBUTES] = {NULL};
        struct config_frame *frame;
        int r;

        if (!element)
                return misplaced(f, parent, name);
        r = order_attributes(f, element, attributes, values);
        if (r)
                return r;
        frame = &f->frames[f->depth++];
        *frame = (struct config_frame){.element = element};
        f->text_length = 0;
        return element->start ? element->start(f, frame, values) : 0;
}

static int append_text(struct config_file *f, const char *text, size_t length)
{
        if (f->text_length + length >= f->text_room) {
                size_t room = (f->text_length + length + 1) * 2;
                char *more = realloc(f->text, room);

                if (!more)
                        return -ENOMEM;
                f->text = more;
                f->text_room = room;
        }
        memcpy(f->text + f->text_length, text, length);
        f->text_length += length;
        return 0;
}

int config_element_text(struct config_file *f, const char *text, size_t length)
{
        const struct config_frame *frame = innermost(f);

        if (!frame)
                return 0;
        if (frame->element->has_text)
                return append_text(f, text, length);
        for (size_t i = 0; i < length; ++i) {
                if (!strchr(" \t\r\n", text[i]))
                        return config_fail(f, CONFIG_E_FAILED,
                                           "No text content expected inside XML element %s in "
                                           "configuration file",
                                           frame->element->name);
        }
        return 0;
}

int config_element_end(struct config_file *f)
{
        struct config_frame *frame = innermost(f);
        const struct config_element *element = frame->element;
        int r = 0;

        if (element->has_text) {
                if (!f->text_length)
                        return config_fail(f, CONFIG_E_FAILED,
                                           "XML element <%s> was expected to have content inside "
                                           "it",
                                           element->name);
                f->text[f->text_length] = '\0';
        }
        if (element->end)
                r = element->end(f, frame, f->text);
        free(frame->limit);
        frame->limit = NULL;
        f->depth -= 1;
        return r;
}
