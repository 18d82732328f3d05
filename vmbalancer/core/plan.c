/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <vmbalancer/plan.h>

static void
intent_free(gpointer data)
{
    VbIntent *intent = data;
    g_free(intent->uuid);
    g_free(intent);
}

VbPlan *
vb_plan_new(const char *policy)
{
    VbPlan *plan = g_new0(VbPlan, 1);
    plan->policy = g_strdup(policy);
    plan->actions = g_ptr_array_new_with_free_func((GDestroyNotify)vb_action_free);
    plan->declined = g_ptr_array_new_with_free_func((GDestroyNotify)vb_decline_free);
    plan->intents = g_ptr_array_new_with_free_func(intent_free);
    return plan;
}

static VbDecline *
decline_copy(const VbDecline *decline)
{
    VbDecline *copy = g_new0(VbDecline, 1);
    copy->uuid = g_strdup(decline->uuid);
    copy->guest = g_strdup(decline->guest);
    copy->code = g_strdup(decline->code);
    copy->reason = g_strdup(decline->reason);
    return copy;
}

VbPlan *
vb_plan_copy(const VbPlan *plan)
{
    VbPlan *copy = vb_plan_new(plan->policy);
    for (guint i = 0; i < plan->actions->len; i++)
        g_ptr_array_add(copy->actions, vb_action_copy(g_ptr_array_index(plan->actions, i)));
    for (guint i = 0; i < plan->declined->len; i++)
        g_ptr_array_add(copy->declined, decline_copy(g_ptr_array_index(plan->declined, i)));
    for (guint i = 0; i < plan->intents->len; i++) {
        const VbIntent *intent = g_ptr_array_index(plan->intents, i);
        vb_plan_intend(copy, intent->uuid, intent->vcpu, intent->node);
    }
    return copy;
}

void
vb_plan_free(VbPlan *plan)
{
    if (plan == NULL)
        return;
    g_free(plan->policy);
    g_ptr_array_unref(plan->actions);
    g_ptr_array_unref(plan->declined);
    g_ptr_array_unref(plan->intents);
    g_free(plan);
}

VbAction *
vb_action_copy(const VbAction *action)
{
    VbAction *copy = g_memdup2(action, sizeof *action);
    copy->uuid = g_strdup(action->uuid);
    copy->guest = g_strdup(action->guest);
    copy->thread = g_strdup(action->thread);
    copy->reason = g_strdup(action->reason);
    return copy;
}

void
vb_action_free(VbAction *action)
{
    if (action == NULL)
        return;
    g_free(action->uuid);
    g_free(action->guest);
    g_free(action->thread);
    g_free(action->reason);
    g_free(action);
}

void
vb_decline_free(VbDecline *decline)
{
    if (decline == NULL)
        return;
    g_free(decline->uuid);
    g_free(decline->guest);
    g_free(decline->code);
    g_free(decline->reason);
    g_free(decline);
}

VbOutcome *
vb_outcome_new(guint action, VbResult result, guint64 bytes_moved, gint64 duration_ns,
               const char *error)
{
    VbOutcome *outcome = g_new0(VbOutcome, 1);
    outcome->action = action;
    outcome->result = result;
    outcome->bytes_moved = bytes_moved;
    outcome->duration_ns = duration_ns;
    outcome->error = g_strdup(error);
    return outcome;
}

void
vb_outcome_free(VbOutcome *outcome)
{
    if (outcome == NULL)
        return;
    g_free(outcome->error);
    g_free(outcome);
}

gboolean
vb_outcome_acted(const VbOutcome *outcome)
{
    return outcome->result == VB_RESULT_DONE || outcome->result == VB_RESULT_PARTIAL ||
           outcome->bytes_moved > 0;
}

static VbAction *
add_action(VbPlan *plan, VbActionKind kind, const VbGuest *guest, int from, int to,
           const char *reason)
{
    VbAction *action = g_new0(VbAction, 1);
    action->kind = kind;
    action->uuid = g_strdup(guest->uuid);
    action->guest = g_strdup(guest->name);
    action->from = from;
    action->to = to;
    action->reason = g_strdup(reason);
    g_ptr_array_add(plan->actions, action);
    return action;
}

VbAction *
vb_plan_add_pin(VbPlan *plan, const VbGuest *guest, const char *thread, const VbCpuSet *cpus,
                int from, int to, const char *reason)
{
    VbAction *action = add_action(plan, VB_ACTION_PIN, guest, from, to, reason);
    action->thread = g_strdup(thread);
    action->cpus = *cpus;
    return action;
}

VbAction *
vb_plan_add_move(VbPlan *plan, const VbGuest *guest, guint cell, int from, int to, guint64 bytes,
                 const char *reason)
{
    VbAction *action = add_action(plan, VB_ACTION_MOVE, guest, from, to, reason);
    action->cell = cell;
    action->bytes = bytes;
    return action;
}

void
vb_plan_decline(VbPlan *plan, const VbGuest *guest, const char *code, const char *format, ...)
{
    if (vb_plan_declined(plan, guest->uuid) != NULL)
        return;
    VbDecline *decline = g_new0(VbDecline, 1);
    decline->uuid = g_strdup(guest->uuid);
    decline->guest = g_strdup(guest->name);
    decline->code = g_strdup(code);
    va_list arguments;
    va_start(arguments, format);
    decline->reason = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_ptr_array_add(plan->declined, decline);
}

const VbDecline *
vb_plan_declined(const VbPlan *plan, const char *uuid)
{
    for (guint i = 0; i < plan->declined->len; i++) {
        const VbDecline *decline = g_ptr_array_index(plan->declined, i);
        if (g_strcmp0(decline->uuid, uuid) == 0)
            return decline;
    }
    return NULL;
}

void
vb_plan_intend(VbPlan *plan, const char *uuid, guint vcpu, int node)
{
    VbIntent *intent = g_new0(VbIntent, 1);
    *intent = (VbIntent){g_strdup(uuid), vcpu, node};
    g_ptr_array_add(plan->intents, intent);
}

int
vb_plan_intent(const VbPlan *plan, const char *uuid, guint vcpu)
{
    for (guint i = 0; i < plan->intents->len; i++) {
        const VbIntent *intent = g_ptr_array_index(plan->intents, i);
        if (intent->vcpu == vcpu && g_str_equal(intent->uuid, uuid))
            return intent->node;
    }
    return VB_NO_NODE;
}

guint64
vb_plan_bytes(const VbPlan *plan)
{
    guint64 bytes = 0;
    for (guint i = 0; i < plan->actions->len; i++)
        bytes += ((const VbAction *)g_ptr_array_index(plan->actions, i))->bytes;
    return bytes;
}

const char *
vb_action_kind_name(VbActionKind kind)
{
    return kind == VB_ACTION_PIN ? "pin" : "move";
}

const char *
vb_result_name(VbResult result)
{
    static const char *const names[] = {"done", "partial", "failed", "cancelled"};
    return names[result];
}
