/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/answer.h"
#include "core/codec.h"
#include "core/predict.h"

VbSnapshot *
vb_answer_snapshot(VbBusHost *host, GCancellable *cancellable, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);
    g_variant_dict_insert(&options, "fresh", "b", TRUE);
    if (!vb_bus_host_call_get_snapshot_sync(host, g_variant_dict_end(&options), VB_SERVICE_FLAGS,
                                            VB_SERVICE_READ_MS, &text, cancellable, error)) {
        vb_service_explain(error);
        return NULL;
    }
    VbSnapshot *snapshot = vb_codec_snapshot_parse(text, -1, error);
    if (snapshot == NULL)
        vb_service_garbled(error);
    return snapshot;
}

GVariant *
vb_answer_options(const VbPlanRequest *request, guint64 rate_bytes_per_s)
{
    g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);
    g_autofree char *to = vb_nodeset_format(request->to);
    if (request->policy != NULL)
        g_variant_dict_insert(&options, "policy", "s", request->policy);
    if (request->to != 0)
        g_variant_dict_insert(&options, "to", "s", to);
    if (request->force)
        g_variant_dict_insert(&options, "force", "b", TRUE);
    if (rate_bytes_per_s != 0)
        g_variant_dict_insert(&options, "rate", "t", rate_bytes_per_s);
    return g_variant_dict_end(&options);
}

const char *const *
vb_answer_guests(const VbPlanRequest *request)
{
    static const char *const none[] = {NULL};
    return request->guests != NULL ? request->guests : none;
}

VbDecision *
vb_answer_decision(VbBusHost *host, const VbPlanRequest *request, GCancellable *cancellable,
                   GError **error)
{
    g_autofree char *plan = NULL, *snapshot = NULL;
    if (!vb_bus_host_call_plan_sync(host, vb_answer_guests(request), vb_answer_options(request, 0),
                                    VB_SERVICE_FLAGS, VB_SERVICE_READ_MS, &plan, &snapshot,
                                    cancellable, error)) {
        vb_service_explain(error);
        return NULL;
    }
    g_autoptr(VbDecision) decision = g_new0(VbDecision, 1);
    decision->plan = vb_codec_plan_parse(plan, -1, error);
    decision->before = decision->plan != NULL ? vb_codec_snapshot_parse(snapshot, -1, error) : NULL;
    if (decision->before == NULL) {
        vb_service_garbled(error);
        return NULL;
    }
    decision->predicted = vb_predict(decision->before, decision->plan);
    return g_steal_pointer(&decision);
}
