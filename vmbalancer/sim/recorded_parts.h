/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/observation.h"
#include "sim/recorded.h"

G_BEGIN_DECLS

/* What is kept of a recording while it is read. */

/** What a guest did from one full look to the next. */
typedef struct {
    gint64 from_ns;
    gint64 to_ns;
    guint64 run_ns;        /**< of all its vCPUs */
    guint64 touched_bytes; /**< by which its RAM grew */
} VbRecordedSample;

/** A guest as it was first seen, and what it did since. */
typedef struct {
    VbGuest *first;
    VbNodeSet ran_on;
    guint vcpus;
    gint64 arrived_ns;
    gint64 seen_ns;         /**< last look that showed it */
    guint64 run_ns;         /**< counters at that look */
    guint64 present_bytes;
    guint64 end[VB_NODES_MAX];
    GArray *samples;        /**< (element-type VbRecordedSample) */
} VbRecordedGuest;

struct VbRecorded {
    VbReplay *replay;
    VbTopology topology;    /**< of the first full look */
    guint64 reserve_bytes[VB_NODES_MAX];
    guint looks;
    gint64 first_ns;
    gint64 last_ns;
    GPtrArray *guests;      /**< (element-type VbRecordedGuest), as they came */
    GHashTable *here;       /**< uuid -> VbRecordedGuest */
    GArray *moments;        /**< (element-type VbMoment) */
    GHashTable *left;       /**< "UUID cell node" -> gint64*: when a move began to empty it */
};

G_END_DECLS
