/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus_private.h"
#include "engine/history.h"
#include <vmbalancer/error.h>

/* What is asked, for the thread that reads it. */
typedef struct {
    char **guests;
    VbHistoryQuery query;
    VbSnapshot *seen;
} Work;

static void
work_free(gpointer data)
{
    Work *work = data;
    g_strfreev(work->guests);
    vb_snapshot_free(work->seen);
    g_free(work);
}

static GVariant *
work_history(gpointer data, GError **error)
{
    const Work *work = data;
    JsonNode *history = vb_history_document(&work->query, work->seen, error);
    return history != NULL ? g_variant_new("(@s)", vb_bus_json(history)) : NULL;
}

static gboolean
read_query(GVariant *options, VbHistoryQuery *ret, GError **error)
{
    guint64 since = 0;
    const VbBusOption known[] = {{"limit", "u", &ret->limit}, {"since", "t", &since}, {NULL}};
    if (!vb_bus_options_read(options, known, error))
        return FALSE;
    ret->since_us = (gint64)(MIN(since, G_MAXINT64 / G_USEC_PER_SEC) * G_USEC_PER_SEC);
    return TRUE;
}

void
vb_bus_history(VbCall *call, const char *const *guests, GVariant *options)
{
    g_autoptr(GError) error = NULL;
    Work *work = g_new0(Work, 1);
    work->guests = g_strdupv((char **)guests);
    work->query.guests = (const char *const *)work->guests;
    if (read_query(options, &work->query, &error)) {
        work->seen = vb_loop_seen(call->bus->loop);
        vb_call_work(call, work_history, work, work_free);
        return;
    }
    vb_call_fail(call, error);
    work_free(work);
}
