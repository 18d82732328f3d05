/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/answer.h"
#include "core/codec.h"
#include <vmbalancer/error.h>

/* How often is told how far it is, and whether the daemon is still there. */
#define TICK_MS 250

/* A job that is being followed. */
typedef struct {
    VbBusJob *job;
    GMainContext *context; /* its signals arrive there, whenever we turn it */
    gboolean wait;
    VbEngineProgress progress;
    gpointer user_data;
    GCancellable *cancellable;
    gboolean called_off;
} Follow;

void
vb_job_answer_clear(VbJobAnswer *answer)
{
    g_free(answer->path);
    g_free(answer->document);
    vb_plan_free(answer->plan);
    g_clear_pointer(&answer->outcomes, g_ptr_array_unref);
}

static gboolean
is_in_state(const Follow *follow, const char *const *states)
{
    const char *state = vb_bus_job_get_state(follow->job);
    return state != NULL && g_strv_contains(states, state);
}

static gboolean
has_ended(const Follow *follow)
{
    static const char *const ends[] = {"done", "partly", "failed", "cancelled", NULL};
    return is_in_state(follow, ends);
}

static gboolean
is_far_enough(const Follow *follow)
{
    static const char *const running[] = {"running", NULL};
    return has_ended(follow) ||
           (!follow->wait && !g_cancellable_is_cancelled(follow->cancellable) &&
            is_in_state(follow, running));
}

static gboolean
is_gone(const Follow *follow)
{
    GDBusProxy *proxy = G_DBUS_PROXY(follow->job);
    g_autofree char *owner = g_dbus_proxy_get_name_owner(proxy);
    return owner == NULL || g_dbus_connection_is_closed(g_dbus_proxy_get_connection(proxy));
}

static void
tell_progress(const Follow *follow, VbRunProgress *ret)
{
    *ret = (VbRunProgress){
        .bytes_planned = vb_bus_job_get_bytes_planned(follow->job),
        .bytes_moved = vb_bus_job_get_bytes_moved(follow->job),
        .guests_planned = vb_bus_job_get_guests_planned(follow->job),
        .guests_done = vb_bus_job_get_guests_done(follow->job),
    };
    if (follow->progress != NULL)
        follow->progress(ret, follow->user_data);
}

/* Once; its end is waited for all the same. */
static gboolean
call_off(Follow *follow, GSource *cancel, GError **error)
{
    follow->called_off = TRUE;
    g_source_destroy(cancel);
    if (vb_bus_job_call_cancel_sync(follow->job, VB_SERVICE_FLAGS, VB_SERVICE_WRITE_MS, NULL,
                                    error))
        return TRUE;
    return vb_service_explain(error);
}

/* Turns the context until the job is far enough. */
static gboolean
turn(Follow *follow, VbRunProgress *progress, GSource *cancel, GError **error)
{
    for (;;) {
        tell_progress(follow, progress);
        if (is_far_enough(follow))
            return TRUE;
        if (is_gone(follow)) {
            g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE,
                        "vmbalancerd ended before the rebalance did: see systemctl status "
                        "vmbalancerd, and vmbalancer status for where guests are");
            return FALSE;
        }
        if (!follow->called_off && g_cancellable_is_cancelled(follow->cancellable) &&
            !call_off(follow, cancel, error))
            return FALSE;
        g_main_context_iteration(follow->context, TRUE);
    }
}

static gboolean
turn_until(Follow *follow, VbRunProgress *progress, GError **error)
{
    g_autoptr(GSource) tick = g_timeout_source_new(TICK_MS);
    g_autoptr(GSource) cancel = g_cancellable_source_new(follow->cancellable);
    g_source_set_dummy_callback(tick);
    g_source_set_dummy_callback(cancel);
    g_source_attach(tick, follow->context);
    g_source_attach(cancel, follow->context);
    gboolean turned = turn(follow, progress, cancel, error);
    g_source_destroy(tick);
    g_source_destroy(cancel);
    return turned;
}

static gboolean
is_set(const char *text)
{
    return text != NULL && *text != '\0';
}

/* Why there never was a plan, in the words and of the kind that a call's error would have. */
static gboolean
tell_failure(const Follow *follow, GError **error)
{
    const char *name = vb_bus_job_get_error(follow->job);
    const char *says = vb_bus_job_get_error_message(follow->job);
    if (is_set(name)) {
        g_propagate_error(error, g_dbus_error_new_for_dbus_error(name, is_set(says) ? says : name));
        return vb_service_explain(error);
    }
    if (g_strcmp0(vb_bus_job_get_state(follow->job), "cancelled") == 0)
        g_set_error(error, VB_ERROR, VB_ERROR_CANCELLED, "cancelled before anything was begun");
    else
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                    "vmbalancerd does not tell what became of it: see vmbalancer status, and "
                    "journalctl -u vmbalancerd");
    return FALSE;
}

static gboolean
tell_end(const Follow *follow, VbJobAnswer *ret, GError **error)
{
    ret->ended = has_ended(follow);
    if (!ret->ended)
        return TRUE;
    if (!is_set(vb_bus_job_get_result(follow->job)) && !is_set(vb_bus_job_get_error(follow->job)))
        vb_service_load(G_DBUS_PROXY(follow->job), NULL, NULL);
    if (!is_set(vb_bus_job_get_result(follow->job)))
        return tell_failure(follow, error);
    ret->document = vb_bus_job_dup_result(follow->job);
    ret->plan = vb_codec_rebalance_parse(ret->document, -1, &ret->outcomes, error);
    return ret->plan != NULL || vb_service_garbled(error);
}

/* The proxy's signals go to the context that is this thread's now. */
static gboolean
follow_job(Follow *follow, VbBusHost *host, VbJobAnswer *ret, GError **error)
{
    GDBusProxy *proxy = G_DBUS_PROXY(host);
    g_autoptr(VbBusJob) job = vb_bus_job_proxy_new_sync(
        g_dbus_proxy_get_connection(proxy), G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START,
        g_dbus_proxy_get_name(proxy), ret->path, NULL, error);
    if (job == NULL)
        return vb_service_explain(error);
    follow->job = job;
    /* GIO has tried to, but tells nobody where that fails. */
    return vb_service_load(G_DBUS_PROXY(job), NULL, error) &&
           turn_until(follow, &ret->progress, error) && tell_end(follow, ret, error);
}

gboolean
vb_answer_rebalance(VbBusHost *host, const VbPlanRequest *request, guint64 rate_bytes_per_s,
                    gboolean wait, VbEngineProgress progress, gpointer user_data,
                    GCancellable *cancellable, VbJobAnswer *ret, GError **error)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    Follow follow = {
        .context = context,
        .wait = wait,
        .progress = progress,
        .user_data = user_data,
        .cancellable = cancellable,
    };
    /* Not cancellable: a job that nobody knows the path of could not be called off. */
    if (!vb_bus_host_call_rebalance_sync(
            host, vb_answer_guests(request), vb_answer_options(request, rate_bytes_per_s),
            VB_SERVICE_FLAGS, VB_SERVICE_WRITE_MS, &ret->path, NULL, error))
        return vb_service_explain(error);
    g_main_context_push_thread_default(context);
    gboolean followed = follow_job(&follow, host, ret, error);
    /* What the proxy subscribed to is given up there. */
    while (g_main_context_iteration(context, FALSE))
        ;
    g_main_context_pop_thread_default(context);
    return followed;
}
