/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/** What the loop remembers of a guest beside what is in its tick. */
typedef struct {
    char *name;
    gboolean asked;          /**< a look at it alone is under way */
    gboolean ask_again;      /**< something happened to it since that began */
    gboolean newcomer;       /**< it started, and has not been placed since */
    guint tries;             /**< looks at the newcomer that found it busy */
    gboolean due;            /**< it is to be looked at again in a moment */
    gboolean releasing;      /**< its pins are being given back */
    gboolean released;       /**< they were asked back: it is left alone */
    char *released_policy;   /**< its own policy then, NULL if it had none */
    char *notes;             /**< what was told last of its wishes, NULL if nothing */
    gboolean ours;           /**< placed by us, when it was last decided on or acted on */
    char *declined;          /**< code of the decline that was told last, NULL if none holds */
} VbWard;

VbWard *vb_ward_new(const char *name);
void vb_ward_free(VbWard *ward);

/** Keeps what a decision says of it. @decline: (nullable). Returns: TRUE if that is news. */
gboolean vb_ward_decline(VbWard *ward, const VbDecline *decline);

G_END_DECLS
