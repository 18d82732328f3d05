/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/flight.h"
#include <vmbalancer/error.h>

/* What belongs to the flight's thread and to its end. */
typedef struct {
    VbReach *reach;
    VbFlight *flight;
    GCancellable *cancellable;
    VbAskedRate rate;
    VbFlightFunc landed;
    gpointer user_data;
} Course;

/* The flight that users see, with what they need not. */
typedef struct {
    VbFlight flight;
    GCancellable *cancellable;
    GMutex lock; /* guards what follows */
    guint64 bytes_moved;
} Private;

static void
course_free(gpointer data)
{
    Course *course = data;
    g_object_unref(course->cancellable);
    vb_bucket_free(course->rate.common);
    g_free(course);
}

static VbPlan *
part_of(const VbPlan *plan, const char *uuid)
{
    VbPlan *part = vb_plan_new(plan->policy);
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        if (g_str_equal(action->uuid, uuid))
            g_ptr_array_add(part->actions, vb_action_copy(action));
    }
    return part;
}

/* Nothing could be tried: each action failed for that. */
static GPtrArray *
all_failed(const VbPlan *plan, const GError *error)
{
    GPtrArray *outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    for (guint i = 0; i < plan->actions->len; i++) {
        VbOutcome *outcome = vb_outcome_new(i, VB_RESULT_FAILED, 0, 0, error->message);
        outcome->code = error->domain == VB_ERROR ? error->code : VB_ERROR_FAILED;
        g_ptr_array_add(outcomes, outcome);
    }
    return outcomes;
}

static void
on_progress(const VbRunProgress *progress, gpointer data)
{
    Private *self = data;
    g_mutex_lock(&self->lock);
    self->bytes_moved = progress->bytes_moved;
    g_mutex_unlock(&self->lock);
}

static gpointer
fly(gpointer data)
{
    g_autoptr(GTask) task = data;
    const Course *course = g_task_get_task_data(task);
    const VbFlight *flight = course->flight;
    g_autoptr(GError) error = NULL;
    GPtrArray *outcomes =
        course->reach->ops->run(course->reach, flight->plan, flight->before,
                                course->rate, on_progress, course->flight,
                                course->cancellable, &error);
    if (outcomes == NULL)
        outcomes = all_failed(flight->plan, error);
    g_task_return_pointer(task, outcomes, (GDestroyNotify)g_ptr_array_unref);
    return NULL;
}

static void
on_landed(GObject *source, GAsyncResult *result, gpointer data)
{
    const Course *course = g_task_get_task_data(G_TASK(result));
    course->flight->outcomes = g_task_propagate_pointer(G_TASK(result), NULL);
    course->flight->landed = TRUE;
    course->landed(course->flight, course->user_data);
}

VbFlight *
vb_flight_start(VbReach *reach, const VbPlan *plan, const VbSnapshot *before, const char *uuid,
                VbAskedRate rate, VbFlightFunc landed, gpointer user_data)
{
    Private *self = g_new0(Private, 1);
    VbFlight *flight = &self->flight;
    flight->plan = part_of(plan, uuid);
    flight->before = vb_snapshot_copy(before);
    flight->uuid = g_strdup(uuid);
    for (guint i = 0; i < flight->plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(flight->plan->actions, i);
        flight->moves |= action->kind == VB_ACTION_MOVE;
        if (flight->name == NULL)
            flight->name = g_strdup(action->guest);
    }
    self->cancellable = g_cancellable_new();
    g_mutex_init(&self->lock);
    Course *course = g_new0(Course, 1);
    *course = (Course){reach, flight, g_object_ref(self->cancellable), rate, landed, user_data};
    if (rate.common != NULL)
        vb_bucket_ref(rate.common);
    GTask *task = g_task_new(NULL, NULL, on_landed, NULL);
    g_task_set_task_data(task, course, course_free);
    /* Not a task of GLib's own pool: that is small, and a flight may take an hour. */
    g_thread_unref(g_thread_new("flight", fly, task));
    return flight;
}

void
vb_flight_stop(VbFlight *flight, const char *reason)
{
    if (flight->stop_reason == NULL)
        flight->stop_reason = g_strdup(reason);
    g_cancellable_cancel(((Private *)flight)->cancellable);
}

guint64
vb_flight_bytes(VbFlight *flight)
{
    Private *self = (Private *)flight;
    g_mutex_lock(&self->lock);
    guint64 bytes = self->bytes_moved;
    g_mutex_unlock(&self->lock);
    return bytes;
}

void
vb_flight_free(VbFlight *flight)
{
    if (flight == NULL)
        return;
    g_clear_pointer(&flight->outcomes, g_ptr_array_unref);
    vb_plan_free(flight->plan);
    vb_snapshot_free(flight->before);
    g_object_unref(((Private *)flight)->cancellable);
    g_mutex_clear(&((Private *)flight)->lock);
    g_free(flight->uuid);
    g_free(flight->name);
    g_free(flight->stop_reason);
    g_free(flight);
}

gboolean
vb_flight_failed(const VbFlight *flight)
{
    for (guint i = 0; i < flight->outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(flight->outcomes, i);
        if (outcome->result == VB_RESULT_FAILED || outcome->result == VB_RESULT_PARTIAL)
            return flight->stop_reason == NULL;
    }
    return FALSE;
}
