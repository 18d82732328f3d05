/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/observation.h"
#include "engine/engine.h"

G_BEGIN_DECLS

/* The undo records of a host as a whole: giving all back, and dropping those that are void. */

/** What became of a guest's pins. */
typedef struct {
    char *uuid;
    char *name;          /**< as last known; the UUID if there is none */
    gboolean ended;      /**< it does not run: its pins ended with it, its record was removed */
    VbRelease release;   /**< if it runs */
    GError *error;       /**< why not all could be done; NULL if it was */
} VbReleased;

void vb_released_free(VbReleased *released);

/**
 * Gives back the pins of every guest that has a record, or whose own metadata has a note of them, as
 * vb_engine_release(); removes the records of guests that do not run.
 * @reason: for the history
 * Returns: (transfer full) (element-type VbReleased): one for each of them, by UUID; NULL if nothing
 * could be tried: errors of listing the guests or the records
 */
GPtrArray *vb_engine_release_all(VbEngine *engine, const char *reason, GError **error);

/** Since when guests that have records are gone. Safe to use from several threads. */
typedef struct VbRecords VbRecords;

VbRecords *vb_records_new(void);
void vb_records_free(VbRecords *records);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbRecords, vb_records_free)

/**
 * Removes the records of guests, and gives back hugepages that they took along, that full looks have missed for a minute, that libvirt says do not
 * run, and of which no process is left. Whatever goes wrong is left to the next time.
 * @seen: a full look
 */
void vb_records_sweep(VbRecords *records, VbEngine *engine, const VbObservation *seen);

G_END_DECLS
