/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus.h"
#include "daemon/instance.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/recording.h"
#include "engine/files.h"
#include "engine/history.h"
#include "engine/loop.h"
#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <vmbalancer/error.h>

#define EXIT_FAILED 1
#define EXIT_USAGE 2

/* What the command line says. */
typedef struct {
    char *uri;
    char *config_path;
    gboolean verbose;
    gboolean version;
} Options;

typedef struct {
    const Options *options;
    GMainLoop *main_loop;
    VbReach *reach;
    VbLoop *loop;
    VbEvents *events;
    VbBus *bus;
    gboolean plain;   /* guests of plain QEMU are looked for */
    gboolean reached; /* libvirt, once at least */
} Daemon;

static VbConfig *
read_config(const Options *options, GError **error)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    VbConfig *config =
        vb_config_read(vb_config_files(), options->config_path, warnings, error);
    for (guint i = 0; i < warnings->len; i++)
        g_warning("%s", (const char *)g_ptr_array_index(warnings, i));
    return config;
}

static void
on_acted(const VbFlight *flight, const VbAction *action, const VbOutcome *outcome,
         gpointer user_data)
{
    vb_log_action(flight, action, outcome);
}

static void
on_declined(const char *uuid, const char *name, const VbDecline *decline, gpointer user_data)
{
    if (vb_log_decline(uuid, name, decline))
        vb_history_decline(decline, FALSE);
}

static void
on_given_up(const char *uuid, const char *name, const VbDecline *decline, gpointer user_data)
{
    vb_log_given_up(name, decline);
    vb_history_decline(decline, TRUE);
}

static void
on_released(const char *uuid, const char *name, const VbRelease *release, const GError *error,
            gpointer user_data)
{
    vb_log_release(uuid, name, release, error);
}

static void
on_trouble(const GError *error, gpointer user_data)
{
    vb_log_trouble(error);
}

static void
on_turned(const VbLoopState *state, gpointer user_data)
{
    const Daemon *daemon = user_data;
    vb_notify_state(state);
    if (daemon->bus != NULL)
        vb_bus_turned(daemon->bus, state);
}

static void
on_noted(const char *uuid, const char *name, const char *notes, gpointer user_data)
{
    vb_log_notes(uuid, name, notes);
}

static void
on_stopped(gpointer user_data)
{
    g_main_loop_quit(((Daemon *)user_data)->main_loop);
}

static void
on_recorded(VbRecorder *recorder, const char *reason, const GError *error, gpointer user_data)
{
    const Daemon *daemon = user_data;
    vb_recording_log(recorder, reason, error);
    if (daemon->bus != NULL)
        vb_bus_recorded(daemon->bus);
}

static const VbLoopWatcher watcher = {
    .acted = on_acted,
    .declined = on_declined,
    .given_up = on_given_up,
    .released = on_released,
    .trouble = on_trouble,
    .turned = on_turned,
    .stopped = on_stopped,
    .noted = on_noted,
    .recorded = on_recorded,
};

/* A host without libvirt is told of once: that is no trouble where there are other guests. */
static void
on_missed(const char *why)
{
    static gboolean told;
    if (!told)
        g_message("libvirt is not there, looking after guests of plain QEMU alone so far: %s", why);
    told = TRUE;
}

static void
warn(const char *text)
{
    g_warning("%s", text);
}

static void
on_event(const VbEvent *event, gpointer user_data)
{
    Daemon *daemon = user_data;
    daemon->reached |= event->kind == VB_EVENT_CONNECTED;
    if (event->kind == VB_EVENT_CONNECTED)
        g_message("connected to libvirt");
    else if (event->kind == VB_EVENT_DISCONNECTED && daemon->plain && !daemon->reached)
        on_missed(event->name);
    else if (event->kind == VB_EVENT_DISCONNECTED)
        g_warning("not connected to libvirt, will try again: %s", event->name);
    else
        g_debug("guest %s: event: %s", event->name, vb_event_kind_name(event->kind));
    vb_loop_event(daemon->loop, event);
}

/* A second signal ends the wait for what does not end: a legal state is left behind all the same. */
static gboolean
on_stop(gpointer user_data)
{
    static gboolean asked;
    Daemon *daemon = user_data;
    if (asked) {
        g_main_loop_quit(daemon->main_loop);
        return G_SOURCE_CONTINUE;
    }
    asked = TRUE;
    g_message("stopping");
    vb_notify_stopping();
    vb_loop_stop(daemon->loop);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_reload(gpointer user_data)
{
    Daemon *daemon = user_data;
    g_autoptr(GError) error = NULL;
    vb_notify_reloading();
    g_autoptr(VbConfig) config = read_config(daemon->options, &error);
    if (config != NULL) {
        daemon->plain = config->qemu_sockets != NULL;
        vb_loop_configure(daemon->loop, config);
        g_message("configuration read anew");
    } else {
        g_warning("the configuration stays as it was: %s", error->message);
    }
    vb_notify_reloaded();
    return G_SOURCE_CONTINUE;
}

static int
serve(const Options *options, VbConfig *config)
{
    Daemon daemon = {.options = options};
    daemon.main_loop = g_main_loop_new(NULL, FALSE);
    daemon.reach = vb_reach_new(options->uri, config, warn);
    daemon.plain = config->qemu_sockets != NULL;
    daemon.loop = vb_loop_new(daemon.reach, config, &watcher, &daemon);
    vb_recording_begin(daemon.loop, config, options->uri);
    daemon.events = vb_events_new(vb_event_link_ops(), options->uri, NULL, on_event, &daemon);
    g_autofree char *uri = vb_engine_uri(options->uri);
    daemon.bus = vb_bus_new(daemon.loop, daemon.reach, vb_authority_new(), uri);
    g_unix_signal_add(SIGTERM, on_stop, &daemon);
    g_unix_signal_add(SIGINT, on_stop, &daemon);
    g_unix_signal_add(SIGHUP, on_reload, &daemon);
    vb_notify_ready();
    g_main_loop_run(daemon.main_loop);
    /* Nothing is freed: libvirt's late answers and threads may still be under way. */
    return 0;
}

static gboolean
parse_options(int *argc, char ***argv, Options *ret, GError **error)
{
    const GOptionEntry entries[] = {
        {"connect", 'c', 0, G_OPTION_ARG_STRING, &ret->uri,
         "libvirt connection (default: LIBVIRT_DEFAULT_URI, else qemu:///system)", "URI"},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &ret->config_path,
         "configuration (default: " VB_CONFIG_PATH " and what is laid over it)", "FILE"},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &ret->verbose,
         "also log events, and what the next look settles", NULL},
        {"version", 'V', 0, G_OPTION_ARG_NONE, &ret->version, "print the version", NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_set_summary(context,
                                 "Keeps QEMU/KVM guests that opt in close to their memory.");
    g_option_context_set_description(context, "See vmbalancerd(8).");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return FALSE;
    if (*argc == 1)
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "\"%s\": there are options only", (*argv)[1]);
    return FALSE;
}

int
main(int argc, char **argv)
{
    Options options = {0};
    g_autoptr(GError) error = NULL;
    setlocale(LC_ALL, "");
    /* libvirt's client writes to a socket whose other end may be gone. */
    signal(SIGPIPE, SIG_IGN);
    /* A recording that may not grow any more ends, not the daemon. */
    signal(SIGXFSZ, SIG_IGN);
    if (!parse_options(&argc, &argv, &options, &error)) {
        g_printerr("vmbalancerd: %s; see vmbalancerd --help\n", error->message);
        return EXIT_USAGE;
    }
    if (options.version) {
        puts("vmbalancerd " VB_VERSION);
        return 0;
    }
    vb_log_begin(options.verbose);
    g_autoptr(VbConfig) config = read_config(&options, &error);
    if (config == NULL) {
        g_printerr("vmbalancerd: %s\n", error->message);
        return EXIT_USAGE;
    }
    if (!vb_instance_claim(&error)) {
        g_printerr("vmbalancerd: %s\n", error->message);
        return EXIT_FAILED;
    }
    return serve(&options, config);
}
