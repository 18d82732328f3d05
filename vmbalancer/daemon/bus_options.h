/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/decide.h"

G_BEGIN_DECLS

/* The options of a method: a{sv}, of which nothing is guessed. */

/** One that a method knows. */
typedef struct {
    const char *key;
    const char *type; /**< "b" gboolean, "u" guint, "t" guint64, "s" char * (transfer full) */
    gpointer ret;     /**< untouched unless it is given */
} VbBusOption;

/** @known: ends with an empty one. Errors: VB_ERROR_INVALID naming the key. */
gboolean vb_bus_options_read(GVariant *options, const VbBusOption *known, GError **error);

/** A request to plan or rebalance. */
typedef struct {
    VbPlanRequest request; /**< borrows from the rest */
    char **guests;
    char *policy;
    guint64 rate_bytes_per_s; /**< 0 = not given */
} VbBusRequest;

void vb_bus_request_clear(VbBusRequest *request);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VbBusRequest, vb_bus_request_clear)
/**
 * @guests: (nullable): names or UUIDs
 * @rated: "rate" is an option, too
 * @ret: all zero before
 * Errors: VB_ERROR_INVALID.
 */
gboolean vb_bus_request_read(const char *const *guests, GVariant *options, gboolean rated,
                             VbBusRequest *ret, GError **error);

G_END_DECLS
