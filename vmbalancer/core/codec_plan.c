/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include "core/codec_parts.h"
#include <vmbalancer/error.h>

const char *const *
vb_codec_error_names(void)
{
    static const char *const names[] = {
        [VB_ERROR_FAILED] = "failed",           [VB_ERROR_INVALID] = "invalid",
        [VB_ERROR_NO_GUEST] = "no-guest",       [VB_ERROR_UNREACHABLE] = "unreachable",
        [VB_ERROR_DENIED] = "denied",           [VB_ERROR_CHANGED] = "changed",
        [VB_ERROR_NO_SPACE] = "no-space",       [VB_ERROR_TIMEOUT] = "timeout",
        [VB_ERROR_CANCELLED] = "cancelled",     [VB_ERROR_UNSUPPORTED] = "unsupported",
        [VB_ERROR_UNSUPPORTED + 1] = NULL,
    };
    return names;
}

static void
put_action(JsonArray *actions, const VbAction *action)
{
    gboolean pin = action->kind == VB_ACTION_PIN;
    JsonObject *object = vb_json_append_object(actions);
    vb_json_put_text(object, "guest", action->guest);
    vb_json_put_text(object, "uuid", action->uuid);
    json_object_set_string_member(object, "kind", vb_action_kind_name(action->kind));
    vb_json_put_text(object, "thread", pin ? action->thread : NULL);
    vb_json_put_cpuset(object, "cpus", pin ? &action->cpus : NULL);
    vb_json_put_known(object, "cell", !pin, action->cell);
    vb_json_put_known(object, "from", action->from != VB_NO_NODE, action->from);
    vb_json_put_known(object, "to", action->to != VB_NO_NODE, action->to);
    vb_json_put_u64(object, "bytes", action->bytes);
    if (pin)
        json_object_set_null_member(object, "all");
    else
        json_object_set_boolean_member(object, "all", action->all);
    vb_json_put_bp(object, "gain", action->gain_bp);
    json_object_set_string_member(object, "cause", vb_cause_name(action->cause));
    vb_json_put_text(object, "reason", action->reason != NULL ? action->reason : "");
}

static void
put_decline(JsonArray *declined, const VbDecline *decline)
{
    JsonObject *object = vb_json_append_object(declined);
    vb_json_put_text(object, "guest", decline->guest);
    vb_json_put_text(object, "uuid", decline->uuid);
    vb_json_put_text(object, "code", decline->code);
    vb_json_put_text(object, "reason", decline->reason);
}

/* @predicted may be NULL: nothing is known then. */
static void
put_predicted(JsonObject *object, const VbSnapshot *predicted)
{
    JsonObject *members = vb_json_put_object(object, "predicted");
    guint locality;
    if (predicted != NULL && vb_snapshot_locality(predicted, &locality))
        vb_json_put_bp(members, "locality", (int)locality);
    else
        json_object_set_null_member(members, "locality");
    JsonArray *guests = vb_json_put_array(members, "guests");
    for (guint i = 0; predicted != NULL && i < predicted->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(predicted->guests, i);
        JsonObject *element = vb_json_append_object(guests);
        vb_json_put_text(element, "guest", guest->name);
        vb_json_put_text(element, "uuid", guest->uuid);
        if (vb_guest_locality(guest, &locality, NULL))
            vb_json_put_bp(element, "locality", (int)locality);
        else
            json_object_set_null_member(element, "locality");
    }
}

static JsonNode *
plan_document(const char *schema, const VbPlan *plan, const VbSnapshot *predicted)
{
    JsonNode *document = vb_json_document(schema);
    JsonObject *object = json_node_get_object(document);
    vb_json_put_text(object, "policy", plan->policy);
    JsonArray *actions = vb_json_put_array(object, "actions");
    for (guint i = 0; i < plan->actions->len; i++)
        put_action(actions, g_ptr_array_index(plan->actions, i));
    JsonArray *declined = vb_json_put_array(object, "declined");
    for (guint i = 0; i < plan->declined->len; i++)
        put_decline(declined, g_ptr_array_index(plan->declined, i));
    put_predicted(object, predicted);
    return document;
}

JsonNode *
vb_codec_plan(const VbPlan *plan, const VbSnapshot *predicted)
{
    return plan_document("vmbalancer.plan/1", plan, predicted);
}

static const char *
code_name(const VbOutcome *outcome)
{
    const char *const *names = vb_codec_error_names();
    if (outcome->error == NULL)
        return NULL;
    guint known = g_strv_length((char **)names);
    return names[outcome->code >= 0 && (guint)outcome->code < known ? outcome->code : 0];
}

void
vb_codec_put_rested(JsonObject *object, const VbRested *rested)
{
    JsonObject *seconds = vb_json_put_object(object, "rested");
    vb_json_put_seconds(seconds, "memory", rested->memory_ns);
    vb_json_put_seconds(seconds, "cpus", rested->cpus_ns);
}

JsonNode *
vb_codec_rebalance(const VbPlan *plan, const VbSnapshot *predicted, const GPtrArray *outcomes)
{
    JsonNode *document = plan_document("vmbalancer.rebalance/1", plan, predicted);
    JsonArray *array = vb_json_put_array(json_node_get_object(document), "outcomes");
    for (guint i = 0; i < outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(outcomes, i);
        JsonObject *object = vb_json_append_object(array);
        json_object_set_int_member(object, "action", outcome->action);
        json_object_set_string_member(object, "result", vb_result_name(outcome->result));
        vb_json_put_u64(object, "bytes_moved", outcome->bytes_moved);
        vb_json_put_u64(object, "bytes_stuck", outcome->bytes_stuck);
        vb_json_put_seconds(object, "seconds", outcome->duration_ns);
        vb_codec_put_rested(object, &outcome->rested);
        vb_json_put_text(object, "error", outcome->error != NULL ? outcome->error : "");
        vb_json_put_text(object, "code", code_name(outcome));
    }
    return document;
}
