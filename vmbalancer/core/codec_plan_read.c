/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include "core/codec_parts.h"
#include "core/json_text.h"
#include <vmbalancer/error.h>

/* More than any host's plan has; what is read of it stays within the document's own size. */
#define ACTIONS_MAX 1000000

static const char *const kind_names[] = {"pin", "move", NULL};
static const char *const result_names[] = {"done", "partial", "failed", "cancelled", NULL};

/* A string that must be there. */
static char *
read_required(VbJsonReader *reader, JsonObject *object, const char *name, gsize size)
{
    char *text = vb_json_text(reader, object, name, size);
    if (text == NULL)
        vb_json_fail(reader, name, "missing");
    return text;
}

/* Documents from before there were causes have none. */
static VbCause
read_cause(VbJsonReader *reader, JsonObject *object)
{
    const char *words[VB_CAUSES + 1] = {NULL};
    for (guint cause = 0; cause < VB_CAUSES; cause++)
        words[cause] = vb_cause_name(cause);
    return vb_json_has(object, "cause") ? vb_json_word(reader, object, "cause", words)
                                        : VB_CAUSE_NONE;
}

static void
read_pin(VbJsonReader *reader, JsonObject *object, VbAction *action)
{
    action->thread = read_required(reader, object, "thread", VB_CODEC_NAME_MAX);
    if (!vb_json_cpuset(reader, object, "cpus", &action->cpus) ||
        vb_cpuset_count(&action->cpus) == 0)
        vb_json_fail(reader, "cpus", "a pin has at least one");
}

static void
read_action(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    VbAction *action = g_new0(VbAction, 1);
    g_ptr_array_add(((VbPlan *)into)->actions, action);
    action->guest = read_required(reader, object, "guest", VB_CODEC_NAME_MAX);
    action->uuid = read_required(reader, object, "uuid", VB_CODEC_NAME_MAX);
    action->kind = vb_json_word(reader, object, "kind", kind_names);
    action->from = (int)vb_json_int_or(reader, object, "from", 0, VB_NODES_MAX - 1, VB_NO_NODE);
    action->to = (int)vb_json_int_or(reader, object, "to", 0, VB_NODES_MAX - 1, VB_NO_NODE);
    action->bytes = vb_json_u64(reader, object, "bytes");
    action->gain_bp = (int)vb_json_scaled(reader, object, "gain", VB_BP, -VB_BP, VB_BP);
    action->cause = read_cause(reader, object);
    action->reason = read_required(reader, object, "reason", VB_CODEC_TEXT_MAX);
    if (action->kind == VB_ACTION_PIN) {
        read_pin(reader, object, action);
        return;
    }
    action->cell = (guint)vb_json_int(reader, object, "cell", 0, VB_CODEC_CELLS_MAX - 1);
    action->all = vb_json_bool(reader, object, "all");
}

static void
read_decline(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    VbDecline *decline = g_new0(VbDecline, 1);
    g_ptr_array_add(((VbPlan *)into)->declined, decline);
    decline->guest = read_required(reader, object, "guest", VB_CODEC_NAME_MAX);
    decline->uuid = read_required(reader, object, "uuid", VB_CODEC_NAME_MAX);
    decline->code = read_required(reader, object, "code", VB_CODEC_NAME_MAX);
    decline->reason = vb_json_text(reader, object, "reason", VB_CODEC_TEXT_MAX);
}

/* Where outcomes go, and how many actions they are about. */
typedef struct {
    GPtrArray *outcomes;
    guint actions;
} IntoOutcomes;

/* A hundred days. */
#define RESTED_MAX_NS (G_GINT64_CONSTANT(1) << 53)

static void
read_rested(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    VbRested *rested = into;
    rested->memory_ns = vb_json_scaled(reader, object, "memory", 1000000000, 0, RESTED_MAX_NS);
    rested->cpus_ns = vb_json_scaled(reader, object, "cpus", 1000000000, 0, RESTED_MAX_NS);
}

void
vb_codec_read_rested(VbJsonReader *reader, JsonObject *object, VbRested *rested)
{
    if (vb_json_has(object, "rested"))
        vb_json_inside(reader, object, "rested", read_rested, rested);
}

static void
read_outcome(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    const IntoOutcomes *where = into;
    VbOutcome *outcome = vb_outcome_new(0, VB_RESULT_DONE, 0, 0, NULL);
    g_ptr_array_add(where->outcomes, outcome);
    outcome->action = (guint)vb_json_int(reader, object, "action", 0, (gint64)where->actions - 1);
    outcome->result = vb_json_word(reader, object, "result", result_names);
    outcome->bytes_moved = vb_json_u64(reader, object, "bytes_moved");
    /* Older documents do not have it. */
    if (vb_json_has(object, "bytes_stuck"))
        outcome->bytes_stuck = vb_json_u64(reader, object, "bytes_stuck");
    outcome->duration_ns = vb_json_scaled(reader, object, "seconds", 1000000000, 0, G_MAXINT64);
    vb_codec_read_rested(reader, object, &outcome->rested);
    outcome->error = vb_json_text(reader, object, "error", VB_CODEC_TEXT_MAX);
    if (outcome->error != NULL && *outcome->error == '\0')
        g_clear_pointer(&outcome->error, g_free);
    /* Documents from before there were codes have none. */
    if (vb_json_has(object, "code"))
        outcome->code = (int)vb_json_word(reader, object, "code", vb_codec_error_names());
}

static VbPlan *
read_document(JsonObject *object, const char *schema, GPtrArray *outcomes, GError **error)
{
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(schema);
    g_autoptr(VbPlan) plan = vb_plan_new(NULL);
    vb_json_word(reader, object, "schema", (const char *const[]){schema, NULL});
    plan->policy = vb_json_text(reader, object, "policy", VB_CODEC_NAME_MAX);
    vb_json_each(reader, object, "actions", ACTIONS_MAX, read_action, plan);
    vb_json_each(reader, object, "declined", VB_CODEC_GUESTS_MAX, read_decline, plan);
    IntoOutcomes into = {outcomes, plan->actions->len};
    if (outcomes != NULL)
        vb_json_each(reader, object, "outcomes", ACTIONS_MAX, read_outcome, &into);
    return vb_json_finish(reader, error) ? g_steal_pointer(&plan) : NULL;
}

static VbPlan *
parse(const char *text, gssize length, const char *schema, GPtrArray *outcomes, GError **error)
{
    g_autoptr(JsonNode) document =
        vb_json_text_parse(text, length, schema, VB_CODEC_DEPTH_MAX, VB_CODEC_SIZE_MAX, error);
    return document != NULL
               ? read_document(json_node_get_object(document), schema, outcomes, error)
               : NULL;
}

VbPlan *
vb_codec_plan_read(JsonObject *object, GError **error)
{
    return read_document(object, "vmbalancer.plan/1", NULL, error);
}

VbPlan *
vb_codec_plan_parse(const char *text, gssize length, GError **error)
{
    return parse(text, length, "vmbalancer.plan/1", NULL, error);
}

VbPlan *
vb_codec_rebalance_parse(const char *text, gssize length, GPtrArray **ret_outcomes, GError **error)
{
    g_autoptr(GPtrArray) outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    VbPlan *plan = parse(text, length, "vmbalancer.rebalance/1", outcomes, error);
    if (plan != NULL)
        *ret_outcomes = g_steal_pointer(&outcomes);
    return plan;
}
