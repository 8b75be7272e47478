/* SPDX-License-Identifier: MIT */
#include "config-file.h"

#include <glib.h>

void config_file_write(const char *path, const char *socket, const char *more)
{
        g_autofree char *text = g_strdup_printf("<busconfig>"
                                                "<listen>unix:path=%s</listen>"
                                                "<auth>EXTERNAL</auth>"
                                                "<policy context=\"default\">"
                                                "<allow user=\"*\"/><allow own=\"*\"/>"
                                                "<allow send_destination=\"*\" eavesdrop=\"true\"/>"
                                                "<allow eavesdrop=\"true\"/>"
                                                "</policy>"
                                                "%s"
                                                "</busconfig>",
                                                socket, more ? more : "");

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}
