/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/scenario.h"

G_BEGIN_DECLS

/** A kind of worlds that can be made up. */
typedef struct {
    const char *name;
    const char *about;
    guint guests; /**< unless somebody says how many */
    void (*make)(VbScenario *scenario, guint guests, guint64 seed);
} VbKind;

/** Ends with a NULL name. */
const VbKind *vb_generate_kinds(void);

/** Most guests that a world can be made up with. */
#define VB_GENERATE_GUESTS_MAX 256

/**
 * Makes a world up; the same words and seed make the same one.
 * @kind: "KIND" or "KIND:GUESTS"
 * Errors: VB_ERROR_INVALID that names the kinds, or how many guests there may be
 */
VbScenario *vb_generate(const char *kind, guint64 seed, GError **error);

G_END_DECLS
