/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/model.h"
#include "core/vcpu_track.h"

G_BEGIN_DECLS

/* The model's inside, shared with codec_model.c only. What is added here must be added there, too. */

/** A guest over time. */
typedef struct {
    VbGuest *facts;   /* of the last full look; its cells carry home and remote_seen */
    GPtrArray *sights; /* (element-type VbVcpuSight), of the last look */
    GArray *tracks;   /* (element-type VbVcpuTrack), as sights */
    gint64 seen_ns;
    gint64 full_ns;   /* time of the last full look */
} VbGuestTrack;

/** What was done to a guest that no look at all guests has shown yet. */
typedef struct {
    VbStatistics statistics;
    guint looks;      /* that missed it since */
} VbStranger;

struct VbModel {
    VbSnapshot *host;    /* without guests */
    GHashTable *guests;  /* uuid -> VbGuestTrack */
    GHashTable *strangers; /* uuid -> VbStranger */
};

/** A guest that is seen for the first time. */
VbGuestTrack *vb_guest_track_new(const VbGuest *facts);
void vb_guest_track_free(VbGuestTrack *track);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbGuestTrack, vb_guest_track_free)

G_END_DECLS
