/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/codec_parts.h"
#include "core/model.h"
#include "core/recording.h"

G_BEGIN_DECLS

/* What the lines of a recording are made of; shared by core/recording_*.c, codec_model.c and replay.c. */

/** How many of each a line may have. */
#define VB_RECORDING_ACTIONS_MAX 1000000
#define VB_RECORDING_MEMBERS_MAX VB_CODEC_GUESTS_MAX

/** Makes @document the member @name. @document: (transfer full) */
void vb_recording_put(JsonObject *object, const char *name, JsonNode *document);
/**
 * Returns: (transfer none): the object @name, NULL with VB_ERROR_INVALID if there is none.
 */
JsonObject *vb_recording_object(JsonObject *object, const char *name, GError **error);

/** A model whole. */
JsonNode *vb_codec_model(const VbModel *model);
/** Returns: (transfer full): NULL with VB_ERROR_INVALID. */
VbModel *vb_codec_model_read(JsonObject *object, GError **error);

JsonNode *vb_recording_config(const VbConfig *config);
/** The words of VbTickCall, ending with NULL. */
extern const char *const vb_recording_calls[];
/** The words of VbHold, each for its bit, ending with NULL. */
extern const char *const vb_recording_holds[];

G_END_DECLS
