/* SPDX-License-Identifier: MIT */
/*
 * A service and a client with dbus-glib: "glib-sample serve" and "glib-sample call". The client
 * prints 'yes what' or 'no what: why' for each thing it tries.
 */
#include <dbus/dbus-glib-bindings.h>
#include <dbus/dbus-glib.h>
#include <glib-object.h>
#include <stdio.h>
#include <string.h>

#define NAME      "com.example.Sample"
#define OBJECT    "/com/example/Sample"
#define INTERFACE "com.example.Sample1"

/* The service */

typedef struct {
        GObject parent;
} Sample;

typedef struct {
        GObjectClass parent;
} SampleClass;

GType sample_get_type(void);
gboolean sample_echo(Sample *sample, const char *text, char **echoed, GError **error);
gboolean sample_add(Sample *sample, int left, int right, int *sum, GError **error);
gboolean sample_lengths(Sample *sample, char **texts, GHashTable **lengths, GError **error);
gboolean sample_refuse(Sample *sample, GError **error);
gboolean sample_shout(Sample *sample, const char *text, GError **error);
gboolean sample_quit(Sample *sample, GError **error);

#include "glib-sample-server.h"

G_DEFINE_TYPE(Sample, sample, G_TYPE_OBJECT)

static GMainLoop *loop;
static guint shouted;

enum sample_error { SAMPLE_ERROR_REFUSED };

static GQuark sample_error_quark(void)
{
        return g_quark_from_static_string("sample-error");
}

static GType sample_error_type(void)
{
        static const GEnumValue values[] = {{SAMPLE_ERROR_REFUSED, "REFUSED", "Refused"},
                                            {0, NULL, NULL}};
        static GType type;

        if (!type)
                type = g_enum_register_static("SampleError", values);
        return type;
}

static void sample_init(Sample *sample)
{
        (void)sample;
}

static void sample_class_init(SampleClass *class)
{
        shouted = g_signal_new("shouted", G_TYPE_FROM_CLASS(class), G_SIGNAL_RUN_LAST, 0, NULL,
                               NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
        dbus_g_object_type_install_info(G_TYPE_FROM_CLASS(class), &dbus_glib_sample_object_info);
        dbus_g_error_domain_register(sample_error_quark(), "com.example.Sample.Error",
                                     sample_error_type());
}

gboolean sample_echo(Sample *sample, const char *text, char **echoed, GError **error)
{
        (void)sample, (void)error;
        *echoed = g_strdup(text);
        return TRUE;
}

gboolean sample_add(Sample *sample, int left, int right, int *sum, GError **error)
{
        (void)sample, (void)error;
        *sum = left + right;
        return TRUE;
}

gboolean sample_lengths(Sample *sample, char **texts, GHashTable **lengths, GError **error)
{
        (void)sample, (void)error;
        *lengths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        for (; *texts; ++texts)
                g_hash_table_insert(*lengths, g_strdup(*texts), GUINT_TO_POINTER(strlen(*texts)));
        return TRUE;
}

gboolean sample_refuse(Sample *sample, GError **error)
{
        (void)sample;
        g_set_error(error, sample_error_quark(), SAMPLE_ERROR_REFUSED, "not today");
        return FALSE;
}

gboolean sample_shout(Sample *sample, const char *text, GError **error)
{
        (void)error;
        g_signal_emit(sample, shouted, 0, text);
        return TRUE;
}

gboolean sample_quit(Sample *sample, GError **error)
{
        (void)sample, (void)error;
        g_main_loop_quit(loop);
        return TRUE;
}

static int serve(DBusGConnection *bus)
{
        DBusGProxy *driver = dbus_g_proxy_new_for_name(
                bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus");
        Sample *sample = g_object_new(sample_get_type(), NULL);
        GError *error = NULL;
        guint owned = 0;

        dbus_g_connection_register_g_object(bus, OBJECT, G_OBJECT(sample));
        if (!org_freedesktop_DBus_request_name(driver, NAME, 0, &owned, &error) || owned != 1) {
                fprintf(stderr, "no name: %s\n", error ? error->message : "taken");
                return 1;
        }
        g_main_loop_run(loop);
        dbus_g_connection_unregister_g_object(bus, G_OBJECT(sample));
        g_object_unref(sample);
        g_object_unref(driver);
        dbus_g_connection_flush(bus);
        return 0;
}

/* The client */

static int wrong;
static char *heard;
static char *answered;

static void tell(const char *what, gboolean right, GError *error)
{
        if (right)
                printf("yes %s\n", what);
        else
                printf("no %s: %s\n", what, error ? error->message : "another result");
        wrong += !right;
        g_clear_error(&error);
}

static void hear(DBusGProxy *proxy, const char *text, gpointer data)
{
        (void)proxy, (void)data;
        g_free(heard);
        heard = g_strdup(text);
        g_main_loop_quit(loop);
}

static void answer(DBusGProxy *proxy, DBusGProxyCall *call, gpointer data)
{
        GError *error = NULL;

        (void)data;
        if (!dbus_g_proxy_end_call(proxy, call, &error, G_TYPE_STRING, &answered, G_TYPE_INVALID))
                g_clear_error(&error);
        g_main_loop_quit(loop);
}

static gboolean lose_patience(gpointer data)
{
        (void)data;
        g_main_loop_quit(loop);
        return TRUE;
}

static void call_methods(DBusGProxy *proxy)
{
        const char *const texts[] = {"a", "four", "", NULL};
        GHashTable *lengths = NULL;
        GError *error = NULL;
        gboolean done;
        char *echoed = NULL;
        int sum = 0;

        done = dbus_g_proxy_call(proxy, "Echo", &error, G_TYPE_STRING, "text", G_TYPE_INVALID,
                                 G_TYPE_STRING, &echoed, G_TYPE_INVALID);
        tell("has a text echoed", done && !strcmp(echoed, "text"), error);
        g_free(echoed);
        error = NULL;
        done = dbus_g_proxy_call(proxy, "Add", &error, G_TYPE_INT, -5, G_TYPE_INT, 3,
                                 G_TYPE_INVALID, G_TYPE_INT, &sum, G_TYPE_INVALID);
        tell("has numbers added", done && sum == -2, error);
        error = NULL;
        done = dbus_g_proxy_call(proxy, "Lengths", &error, G_TYPE_STRV, texts, G_TYPE_INVALID,
                                 dbus_g_type_get_map("GHashTable", G_TYPE_STRING, G_TYPE_UINT),
                                 &lengths, G_TYPE_INVALID);
        tell("sends an array, gets a dictionary",
             done && g_hash_table_size(lengths) == 3 &&
                     GPOINTER_TO_UINT(g_hash_table_lookup(lengths, "four")) == 4,
             error);
        if (lengths)
                g_hash_table_unref(lengths);
        error = NULL;
        done = dbus_g_proxy_call(proxy, "Refuse", &error, G_TYPE_INVALID, G_TYPE_INVALID);
        tell("is told of an error by name",
             !done && dbus_g_error_has_name(error, "com.example.Sample.Error.Refused") &&
                     !strcmp(error->message, "not today"),
             error);
}

static int call(DBusGConnection *bus)
{
        DBusGProxy *proxy = dbus_g_proxy_new_for_name(bus, NAME, OBJECT, INTERFACE);
        GError *error = NULL;

        g_timeout_add_seconds(10, lose_patience, NULL);
        call_methods(proxy);
        dbus_g_proxy_begin_call(proxy, "Echo", answer, NULL, NULL, G_TYPE_STRING, "later",
                                G_TYPE_INVALID);
        g_main_loop_run(loop);
        tell("calls without waiting", answered && !strcmp(answered, "later"), NULL);
        g_free(answered);
        dbus_g_proxy_add_signal(proxy, "Shouted", G_TYPE_STRING, G_TYPE_INVALID);
        dbus_g_proxy_connect_signal(proxy, "Shouted", G_CALLBACK(hear), NULL, NULL);
        if (!dbus_g_proxy_call(proxy, "Shout", &error, G_TYPE_STRING, "loud", G_TYPE_INVALID,
                               G_TYPE_INVALID))
                tell("has the signal sent", FALSE, error);
        else if (!heard)
                g_main_loop_run(loop);
        tell("receives a signal", heard && !strcmp(heard, "loud"), NULL);
        g_free(heard);
        g_object_unref(proxy);
        return wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
        DBusGConnection *bus;
        GError *error = NULL;
        int status;

        bus = dbus_g_bus_get(DBUS_BUS_SESSION, &error);
        if (!bus) {
                fprintf(stderr, "no bus: %s\n", error->message);
                return 1;
        }
        loop = g_main_loop_new(NULL, FALSE);
        status = argc > 1 && !strcmp(argv[1], "serve") ? serve(bus) : call(bus);
        g_main_loop_unref(loop);
        dbus_g_connection_unref(bus);
        return status;
}
