/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/newcomer.h"
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * Where a guest that does not run yet would be put: what initial placement (core/newcomer.h)
 * would decide on a guest of that size that may live anywhere and asks for nothing. Where the
 * host's default policy gives newcomers no home, balance stands in for it. A guest that no
 * single node holds is spread where the policy does that, and each node has room for the part of
 * its vCPUs; else it is given the fewest nodes that hold it together, of those the closest, which
 * is for whoever starts it: nobody places it then.
 */

/** The guest. */
typedef struct {
    guint vcpus;          /**< at least 1 */
    guint64 bytes;        /**< of RAM; 0 = it is no concern */
    guint64 page_size;    /**< of its hugepages; 0 = small pages */
} VbAdviceRequest;

/** What a node has for it. */
typedef struct {
    int node;
    gboolean chosen;
    gboolean fits;              /**< the whole guest, all of its vCPUs on CPUs of their own */
    VbNewcomerRoom room;        /**< in pages of the size asked for */
    guint n_cpus;
    guint load_bp;              /**< CPUs asked for now, by guests that ran there */
    gboolean then_known;        /**< it fits, or is chosen: the next two hold */
    gint64 room_then_bytes;     /**< left once the guest, or its part, has touched all of its RAM */
    guint load_then_bp;
} VbAdviceNode;

typedef struct {
    VbAdviceRequest request;
    char *policy;               /**< that decided */
    VbNodeSet nodes;            /**< the answer; 0 = nowhere, for @reason */
    char *reason;
    GArray *ranking;            /**< (element-type VbAdviceNode): that may be homes, most wanted first */
} VbAdvice;

void vb_advice_free(VbAdvice *advice);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbAdvice, vb_advice_free)

/** Reads "VCPUS[:MEMORY]", as in "4:8GiB"; a bare number is in MiB, as with numad -w. @ret->page_size stays. Errors: VB_ERROR_INVALID. */
gboolean vb_advice_parse(const char *text, VbAdviceRequest *ret, GError **error);

/**
 * Pure. Another balancer that runs makes no difference to the answer.
 * @snapshot: the host with all its guests
 * Errors: VB_ERROR_INVALID for a request that makes no sense.
 */
VbAdvice *vb_advise(const VbSnapshot *snapshot, const VbConfig *config,
                    const VbAdviceRequest *request, GError **error);

/** Returns: (transfer full): "vmbalancer.advice/1". */
JsonNode *vb_advice_json(const VbAdvice *advice);
/** Reads that back. Errors: VB_ERROR_INVALID naming the member and the reason. */
VbAdvice *vb_advice_read(const char *text, GError **error);

G_END_DECLS
