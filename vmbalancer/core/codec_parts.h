/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/json_read.h"
#include "core/json_write.h"
#include <vmbalancer/plan.h>
#include <vmbalancer/snapshot.h>

G_BEGIN_DECLS

/*
 * What the snapshot's and the observation's documents share. These are lossless: integers in the
 * structs' own units; null for unknown.
 */

/** How much a document may hold. */
#define VB_CODEC_GUESTS_MAX 100000
#define VB_CODEC_CELLS_MAX VB_CELLS_MAX
#define VB_CODEC_DEVICES_MAX 65535
#define VB_CODEC_HELPERS_MAX 4096
#define VB_CODEC_SETTINGS_MAX 256
#define VB_CODEC_NAME_MAX 4096
#define VB_CODEC_TEXT_MAX 65536

/** The words for VbError's codes, in their order; ends with NULL. */
const char *const *vb_codec_error_names(void);

/** What is known of the host in both documents; read into the places that the pointers name. */
typedef struct {
    VbTopology *topology;
    guint64 *reserve_bytes;
    gboolean *kernel_balancing;
    char **rival;
} VbCodecHost;

void vb_codec_put_host(JsonObject *document, const VbTopology *topology,
                       const guint64 *reserve_bytes, gboolean kernel_balancing, const char *rival);
/** Reads member "host" into @host. */
void vb_codec_read_host(VbJsonReader *reader, JsonObject *document, VbCodecHost *host);

/** All of @guest but its vCPUs. */
void vb_codec_put_guest(JsonObject *object, const VbGuest *guest, VbNodeSet nodes);

/** Member "rested": seconds by what for. */
void vb_codec_put_rested(JsonObject *object, const VbRested *rested);
/** Documents from before it was told have none: 0. */
void vb_codec_read_rested(VbJsonReader *reader, JsonObject *object, VbRested *rested);

/** Statistics as the model keeps them: lossless. */
void vb_codec_put_counted(JsonObject *object, const VbStatistics *statistics);
/** @into: VbStatistics */
void vb_codec_read_counted(VbJsonReader *reader, JsonObject *object, gpointer into);
/** For people's scripts: "statistics" of a guest at @now_ns, monotonic. */
void vb_codec_put_statistics(JsonObject *object, const VbGuest *guest, gint64 now_ns);

/** What reading guests needs to know. */
typedef struct {
    VbNodeSet nodes;      /**< host.nodes: the order of what is by node */
    gboolean sparse;      /**< names and cells may be missing (an observation of threads only) */
    GHashTable *uuids;    /**< (owned by the caller) those met so far, borrowed from the guests */
} VbCodecGuests;

/** Reads all of @guest but its vCPUs. An UUID that is in @guests->uuids is refused. */
void vb_codec_read_guest(VbJsonReader *reader, JsonObject *object, VbGuest *guest,
                         VbCodecGuests *guests);
/** Reads a vCPU's id (not in @seen yet, then added to it), thread id, cell index and affinity. */
void vb_codec_read_thread(VbJsonReader *reader, JsonObject *object, const VbGuest *guest,
                          VbCpuSet *seen, guint *ret_id, int *ret_tid, int *ret_cell);
/** Reads null, or one count a node of @nodes. Returns: FALSE if it is null. */
gboolean vb_codec_read_by_node(VbJsonReader *reader, JsonObject *object, const char *name,
                               VbNodeSet nodes, guint64 *ret);

G_END_DECLS
