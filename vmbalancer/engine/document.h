/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/codec.h"
#include "engine/engine.h"
#include "engine/guest_policy.h"
#include "engine/records.h"

G_BEGIN_DECLS

/* Documents about what the engine reads and does, beside those of core/codec.h. */

/** Returns: (transfer full): "vmbalancer.policy/1": what is asked for a guest, and what counts. */
JsonNode *vb_document_policy(const VbGuestPolicy *policy);
/** Returns: (transfer full), NULL with VB_ERROR_INVALID naming the member and the reason. */
VbGuestPolicy *vb_document_policy_parse(const char *text, gssize length, GError **error);
/** Returns: (transfer full): "vmbalancer.release/1". @guest: as it was named */
JsonNode *vb_document_release(const char *guest, const VbRelease *release);
/** Errors: as vb_document_policy_parse(); @ret is then untouched. */
gboolean vb_document_release_parse(const char *text, gssize length, VbRelease *ret,
                                   GError **error);
/** Returns: (transfer full): "vmbalancer.releases/1". @all: (element-type VbReleased) */
JsonNode *vb_document_releases(const GPtrArray *all);

G_END_DECLS
