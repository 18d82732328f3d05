/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/observation.h"
#include <json-glib/json-glib.h>
#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/*
 * The versioned JSON of vmbalancer: each document names its schema ("vmbalancer.status/1"); fields
 * may be added, none changes its meaning. Arrays "by node" follow the order of host.nodes.
 */

/** Depth and size that a document may have; checked before it is parsed. */
#define VB_CODEC_DEPTH_MAX 64
#define VB_CODEC_SIZE_MAX (64 * 1024 * 1024)

/** Returns: (transfer full): "vmbalancer.status/1", for people's scripts. */
JsonNode *vb_codec_status(const VbSnapshot *snapshot);
/** Returns: (transfer full): "vmbalancer.plan/1". @predicted: the snapshot that it should lead to. */
JsonNode *vb_codec_plan(const VbPlan *plan, const VbSnapshot *predicted);
/** As vb_codec_snapshot_parse(). What it predicts is left out: vb_predict() tells that anew. */
VbPlan *vb_codec_plan_parse(const char *text, gssize length, GError **error);
/** As vb_codec_plan_parse(), of a document that is parsed already. */
VbPlan *vb_codec_plan_read(JsonObject *object, GError **error);
/** Returns: (transfer full): "vmbalancer.rebalance/1": the plan plus outcomes. */
JsonNode *vb_codec_rebalance(const VbPlan *plan, const VbSnapshot *predicted,
                             const GPtrArray *outcomes);
/**
 * As vb_codec_plan_parse().
 * @ret_outcomes: (transfer full) (element-type VbOutcome): set on success only
 */
VbPlan *vb_codec_rebalance_parse(const char *text, gssize length, GPtrArray **ret_outcomes,
                                 GError **error);
/** Returns: (transfer full): "vmbalancer.snapshot/1", whole: what a policy sees. */
JsonNode *vb_codec_snapshot(const VbSnapshot *snapshot);
/** Returns: (transfer full), NULL with VB_ERROR_INVALID naming the member and the reason. */
VbSnapshot *vb_codec_snapshot_parse(const char *text, gssize length, GError **error);
/** As vb_codec_snapshot_parse(), of a document that is parsed already. */
VbSnapshot *vb_codec_snapshot_read(JsonObject *object, GError **error);
/** Returns: (transfer full): "vmbalancer.observation/1". */
JsonNode *vb_codec_observation(const VbObservation *observation);
/** As vb_codec_snapshot_parse(). */
VbObservation *vb_codec_observation_parse(const char *text, gssize length, GError **error);
/** As vb_codec_observation_parse(), of a document that is parsed already. */
VbObservation *vb_codec_observation_read(JsonObject *object, GError **error);
/** Returns: (transfer full): the text, indented if @pretty, with a final newline. */
char *vb_codec_text(JsonNode *node, gboolean pretty);

G_END_DECLS
