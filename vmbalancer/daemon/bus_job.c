/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include "daemon/bus_private.h"
#include "engine/errand.h"
#include <vmbalancer/error.h>

#define RUNNING_MAX 16
#define KEPT_MAX 64
#define KEPT_S 300
#define PROGRESS_MS 500

struct VbBusJobEntry {
    VbBus *bus;
    VbErrand *errand;
    VbBusJob *object;
    char *path;
    char *owner;     /* the unique name of who began it */
    guint progress;  /* source, 0: none */
    guint expiry;    /* source, 0: it is not over */
};

static void
clear_source(guint *source)
{
    if (*source != 0)
        g_source_remove(*source);
    *source = 0;
}

void
vb_bus_job_free(VbBusJobEntry *job)
{
    clear_source(&job->progress);
    clear_source(&job->expiry);
    g_dbus_object_manager_server_unexport(job->bus->objects, job->path);
    g_object_unref(job->object);
    vb_errand_free(job->errand);
    g_free(job->path);
    g_free(job->owner);
    g_free(job);
}

static VbBusJobEntry *
find(const VbBus *bus, GDBusInterfaceSkeleton *skeleton)
{
    for (guint i = 0; i < bus->jobs->len; i++) {
        VbBusJobEntry *job = g_ptr_array_index(bus->jobs, i);
        if (G_DBUS_INTERFACE_SKELETON(job->object) == skeleton)
            return job;
    }
    return NULL;
}

/* --- what is told --------------------------------------------------------------------------- */

static void
tell_progress(VbBusJobEntry *job)
{
    VbRunProgress progress;
    vb_errand_progress(job->errand, &progress);
    vb_bus_job_set_bytes_planned(job->object, progress.bytes_planned);
    vb_bus_job_set_bytes_moved(job->object, progress.bytes_moved);
    vb_bus_job_set_guests_planned(job->object, progress.guests_planned);
    vb_bus_job_set_guests_done(job->object, progress.guests_done);
}

static gboolean
on_progress(gpointer data)
{
    tell_progress(data);
    return G_SOURCE_CONTINUE;
}

/* Names of those that the plan places. */
static void
tell_guests(VbBusJobEntry *job)
{
    const GPtrArray *actions = job->errand->decision->plan->actions;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < actions->len; i++) {
        const VbAction *action = g_ptr_array_index(actions, i);
        if (g_hash_table_add(known, action->uuid))
            g_ptr_array_add(names, g_utf8_make_valid(action->guest, -1));
    }
    g_ptr_array_add(names, NULL);
    vb_bus_job_set_guests(job->object, (const char *const *)(void *)names->pdata);
}

static void
tell_end(VbBusJobEntry *job)
{
    const VbErrand *errand = job->errand;
    if (errand->error != NULL) {
        g_autofree char *message = g_utf8_make_valid(errand->error->message, -1);
        vb_bus_job_set_error(job->object, vb_bus_error_name(errand->error));
        vb_bus_job_set_error_message(job->object, message);
        return;
    }
    g_autoptr(GVariant) result = g_variant_ref_sink(vb_bus_json(vb_codec_rebalance(
        errand->decision->plan, errand->decision->predicted, errand->outcomes)));
    vb_bus_job_set_result(job->object, g_variant_get_string(result, NULL));
}

static gboolean
on_expired(gpointer data)
{
    VbBusJobEntry *job = data;
    job->expiry = 0;
    g_ptr_array_remove(job->bus->jobs, job);
    return G_SOURCE_REMOVE;
}

static void
on_changed(VbErrand *errand, gpointer data)
{
    VbBusJobEntry *job = data;
    const char *state = vb_errand_state_name(errand->state);
    job->errand = errand;
    tell_progress(job);
    if (!vb_errand_is_over(errand)) {
        tell_guests(job);
        job->progress = g_timeout_add(PROGRESS_MS, on_progress, job);
        vb_bus_job_set_state(job->object, state);
        return;
    }
    clear_source(&job->progress);
    tell_end(job);
    vb_bus_job_set_state(job->object, state);
    job->expiry = g_timeout_add_seconds(KEPT_S, on_expired, job);
    /* Who hears of the end finds all of it. */
    g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(job->object));
    vb_bus_job_emit_finished(job->object, state);
}

/* --- begin and cancel ----------------------------------------------------------------------- */

static gboolean
is_own(VbBus *bus, GDBusInterfaceSkeleton *skeleton, const char *sender)
{
    const VbBusJobEntry *job = find(bus, skeleton);
    return job != NULL && g_strcmp0(job->owner, sender) == 0;
}

static void
cancel(VbCall *call)
{
    VbBusJobEntry *job = find(call->bus, call->skeleton);
    if (job != NULL)
        vb_errand_cancel(job->errand);
    vb_call_return(call, NULL);
}

static const VbCallRow rows[] = {
    {"Cancel", VB_RIGHT_REBALANCE, cancel, is_own},
    {NULL},
};

static void
make_room(VbBus *bus)
{
    for (guint i = 0; bus->jobs->len >= KEPT_MAX && i < bus->jobs->len;) {
        const VbBusJobEntry *job = g_ptr_array_index(bus->jobs, i);
        if (job->expiry != 0)
            g_ptr_array_remove_index(bus->jobs, i);
        else
            i++;
    }
}

static guint
count_running(const VbBus *bus)
{
    guint running = 0;
    for (guint i = 0; i < bus->jobs->len; i++)
        running += ((const VbBusJobEntry *)g_ptr_array_index(bus->jobs, i))->expiry == 0;
    return running;
}

static VbBusJobEntry *
job_new(VbBus *bus, const char *owner, const char *const *guests)
{
    static const char *const none[] = {NULL};
    VbBusJobEntry *job = g_new0(VbBusJobEntry, 1);
    job->bus = bus;
    job->path = g_strdup_printf(VB_BUS_PATH "/job/%u", ++bus->last_job);
    job->owner = g_strdup(owner);
    job->object = vb_bus_job_skeleton_new();
    vb_bus_job_set_guests(job->object, guests != NULL ? guests : none);
    vb_bus_job_set_state(job->object, vb_errand_state_name(VB_ERRAND_LOOKING));
    vb_bus_job_set_result(job->object, "");
    vb_bus_job_set_error(job->object, "");
    vb_bus_job_set_error_message(job->object, "");
    vb_calls_answer(bus, G_DBUS_INTERFACE_SKELETON(job->object), rows);
    g_autoptr(VbBusObjectSkeleton) skeleton = vb_bus_object_skeleton_new(job->path);
    vb_bus_object_skeleton_set_job(skeleton, job->object);
    g_dbus_object_manager_server_export(bus->objects, G_DBUS_OBJECT_SKELETON(skeleton));
    g_ptr_array_add(bus->jobs, job);
    return job;
}

void
vb_bus_rebalance(VbCall *call, const char *const *guests, GVariant *options)
{
    VbBus *bus = call->bus;
    g_autoptr(GError) error = NULL;
    g_auto(VbBusRequest) request = {0};
    if (vb_bus_request_read(guests, options, TRUE, &request, &error) &&
        count_running(bus) >= RUNNING_MAX)
        g_set_error(&error, VB_ERROR, VB_ERROR_FAILED,
                    "%d rebalances are under way already: wait for one, or cancel one",
                    RUNNING_MAX);
    if (error != NULL) {
        vb_call_fail(call, error);
        return;
    }
    const char *owner = g_dbus_method_invocation_get_sender(call->invocation);
    VbBusJobEntry *job = (make_room(bus), job_new(bus, owner, guests));
    /* Answered first: who asked knows of the job before it hears of its end. */
    vb_call_return(call, g_variant_new("(o)", job->path));
    job->errand = vb_errand_begin(bus->loop, &request.request, request.rate_bytes_per_s,
                                  on_changed, job);
}
