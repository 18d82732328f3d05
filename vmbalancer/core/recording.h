/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/tick_event.h"
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * "vmbalancer.recording/1", see vmbalancer-recording(5): a head, the state of a tick, then each call
 * of it with its verdict, and an end; a line of JSON each. Who reads the lines back into a tick gets
 * the same verdicts (core/replay.h).
 */
#define VB_RECORDING_SCHEMA "vmbalancer.recording/1"

/** What a recording says of itself. Strings may be NULL. */
typedef struct {
    char *program;  /**< and its version: another may decide otherwise */
    char *host;
    char *uri;
    char *begun;    /**< ISO 8601 */
} VbRecordingHead;

/** Each returns (transfer full) the node of one line. */
JsonNode *vb_recording_head(const VbRecordingHead *head);
/** All that a tick knows. */
JsonNode *vb_recording_state(const VbTick *tick);
JsonNode *vb_recording_event(const VbTickEvent *event);
/** @reason: a sentence. */
JsonNode *vb_recording_end(const char *reason);
/** What is compared of a verdict. @verdict: (nullable). */
JsonNode *vb_recording_verdict(const VbVerdict *verdict);

/** Returns: (transfer full): a tick in that state. NULL with VB_ERROR_INVALID. */
VbTick *vb_recording_read_state(JsonObject *state, GError **error);
/** As vb_recording_read_state(): the part of a configuration that decisions need. */
VbConfig *vb_recording_read_config(JsonObject *object, GError **error);

G_END_DECLS
