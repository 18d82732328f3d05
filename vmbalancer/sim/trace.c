/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/trace.h"

static void
guest_free(gpointer data)
{
    VbTraceGuest *guest = data;
    g_free(guest->name);
    g_free(guest->uuid);
    g_clear_pointer(&guest->local_bp, g_array_unref);
    g_free(guest);
}

VbTrace *
vb_trace_new(const char *scenario, const char *policy, guint64 seed, guint nodes)
{
    VbTrace *trace = g_new0(VbTrace, 1);
    trace->scenario = g_strdup(scenario);
    trace->policy = g_strdup(policy);
    trace->seed = seed;
    trace->nodes = nodes;
    trace->moments = g_array_new(FALSE, TRUE, sizeof(VbMoment));
    trace->guests = g_ptr_array_new_with_free_func(guest_free);
    return trace;
}

void
vb_trace_free(VbTrace *trace)
{
    if (trace == NULL)
        return;
    g_free(trace->scenario);
    g_free(trace->policy);
    g_array_unref(trace->moments);
    g_ptr_array_unref(trace->guests);
    g_free(trace);
}

VbTraceGuest *
vb_trace_add_guest(VbTrace *trace, const char *name, const char *uuid, gint64 arrived_ns,
                   VbTraceDetail detail)
{
    VbTraceGuest *guest = g_new0(VbTraceGuest, 1);
    guest->name = g_strdup(name);
    guest->uuid = g_strdup(uuid);
    guest->arrived_ns = arrived_ns;
    guest->left_ns = -1;
    if (detail == VB_TRACE_GUESTS)
        guest->local_bp = g_array_new(FALSE, TRUE, sizeof(guint16));
    g_ptr_array_add(trace->guests, guest);
    return guest;
}

const VbMoment *
vb_trace_last(const VbTrace *trace)
{
    return trace->moments->len > 0
               ? &g_array_index(trace->moments, VbMoment, trace->moments->len - 1)
               : NULL;
}
