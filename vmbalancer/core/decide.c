/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/guard.h"
#include "core/predict.h"
#include "core/terms.h"
#include "core/text.h"
#include <vmbalancer/error.h>

/* What a guest without a policy of its own gets, until the host says otherwise. */
#define FALLBACK_POLICY "balance"
/* A guest rests for so long after a move, unless its terms or its policy's own parameter say else. */
#define COOLDOWN_NS (60 * G_GINT64_CONSTANT(1000000000))

void
vb_decision_free(VbDecision *decision)
{
    if (decision == NULL)
        return;
    vb_plan_free(decision->plan);
    vb_snapshot_free(decision->before);
    vb_snapshot_free(decision->predicted);
    g_free(decision);
}

const char *
vb_engine_policy(const char *asked, const VbConfig *config)
{
    return asked != NULL                    ? asked
           : config->default_policy != NULL ? config->default_policy
                                            : FALLBACK_POLICY;
}

const VbGuest *
vb_engine_find(const VbSnapshot *snapshot, const char *guest, GError **error)
{
    const VbGuest *found = vb_snapshot_find(snapshot, guest);
    for (guint i = 0; found == NULL && i < snapshot->guests->len; i++) {
        const VbGuest *one = g_ptr_array_index(snapshot->guests, i);
        if (g_strcmp0(one->name, guest) == 0)
            found = one;
    }
    if (found == NULL)
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST,
                    "no running guest is called \"%s\": see virsh list", guest);
    return found;
}

static const char *
policy_of(const VbGuest *guest, const VbConfig *config, const VbPlanRequest *request)
{
    return vb_engine_policy(request->policy != NULL ? request->policy : guest->policy, config);
}

static gboolean
is_named(const VbSnapshot *snapshot, const VbGuest *guest, const VbPlanRequest *request)
{
    for (guint i = 0; request->guests != NULL && request->guests[i] != NULL; i++)
        if (vb_engine_find(snapshot, request->guests[i], NULL) == guest)
            return TRUE;
    return FALSE;
}

static gboolean
names_exist(const VbSnapshot *snapshot, const VbPlanRequest *request, GError **error)
{
    for (guint i = 0; request->guests != NULL && request->guests[i] != NULL; i++)
        if (vb_engine_find(snapshot, request->guests[i], error) == NULL)
            return FALSE;
    return TRUE;
}

static gboolean
check_request(const VbSnapshot *snapshot, const VbPlanRequest *request, GError **error)
{
    if (request->policy != NULL && vb_policy_find(request->policy) == NULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "there is no policy \"%s\": see vmbalancer policy list", request->policy);
        return FALSE;
    }
    VbNodeSet missing = request->to & ~vb_topology_home_nodes(&snapshot->topology);
    if (missing != 0) {
        g_autofree char *bad = vb_nodeset_format(missing);
        g_autofree char *good = vb_nodeset_format(vb_topology_home_nodes(&snapshot->topology));
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "--to: node%s %s cannot be a home; the nodes with CPUs and memory are %s",
                    vb_nodeset_count(missing) == 1 ? "" : "s", bad, good);
        return FALSE;
    }
    return names_exist(snapshot, request, error);
}

/* Keeps a guest to @to; one that may go nowhere there is declined with both sets of nodes. */
static void
narrow(VbGuest *guest, VbNodeSet to, VbPlan *plan)
{
    if ((guest->boundary & to) == 0) {
        g_autofree char *wanted = vb_nodeset_format(to);
        g_autofree char *allowed = vb_nodeset_format(guest->boundary);
        vb_plan_decline(plan, guest, "boundary",
                        "--to %s lies outside the nodes that it may use (%s): name one of those, or "
                        "widen the guest's own boundary",
                        wanted, allowed);
        guest->selected = FALSE;
    }
    guest->boundary &= to;
}

/* Marks those that were asked for, and narrows their boundary to --to. */
static void
select_guests(VbSnapshot *snapshot, const VbPlanRequest *request, VbPlan *plan)
{
    gboolean named = request->guests != NULL && request->guests[0] != NULL;
    for (guint i = 0; i < snapshot->guests->len; i++) {
        VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        gboolean placed_by_others = guest->owner == VB_OWNER_HANDS_OFF ||
                                    guest->owner == VB_OWNER_OBSERVE_ONLY;
        guest->selected = named ? is_named(snapshot, guest, request) : TRUE;
        if (!named && request->except != NULL && g_strv_contains(request->except, guest->uuid)) {
            vb_plan_decline(plan, guest, "released",
                            "it was released: name it, or set its policy anew");
            guest->selected = FALSE;
        }
        guest->forced = named && request->force && guest->selected && placed_by_others;
        guest->asked = guest->selected && request->cause == VB_CAUSE_MANUAL &&
                       (named || request->to != 0);
        if (guest->selected && request->to != 0 && (guest->forced || !placed_by_others))
            narrow(guest, request->to, plan);
    }
}

/* Lets only the guests of one policy be decided on. Returns: how many there are. */
static guint
select_policy(VbSnapshot *snapshot, const VbSnapshot *asked, const char *name,
              const VbConfig *config, const VbPlanRequest *request)
{
    guint count = 0;
    for (guint i = 0; i < snapshot->guests->len; i++) {
        VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        const VbGuest *wanted = vb_snapshot_find(asked, guest->uuid);
        guest->selected = wanted != NULL && wanted->selected &&
                          g_str_equal(policy_of(guest, config, request), name);
        count += guest->selected;
    }
    return count;
}

static void
append(VbPlan *into, const VbPlan *from)
{
    for (guint i = 0; i < from->actions->len; i++)
        g_ptr_array_add(into->actions, vb_action_copy(g_ptr_array_index(from->actions, i)));
    for (guint i = 0; i < from->declined->len; i++) {
        const VbDecline *decline = g_ptr_array_index(from->declined, i);
        VbGuest guest = {.uuid = decline->uuid, .name = decline->guest};
        vb_plan_decline(into, &guest, decline->code, "%s", decline->reason);
    }
    for (guint i = 0; i < from->intents->len; i++) {
        const VbIntent *intent = g_ptr_array_index(from->intents, i);
        vb_plan_intend(into, intent->uuid, intent->vcpu, intent->node);
    }
}

/* A policy that has a cooldown among its parameters keeps it by itself. */
static gint64
cooldown_of(const VbPolicy *policy)
{
    const VbParameter *p = policy->parameters;
    for (; p != NULL && p->name != NULL; p++)
        if (g_str_equal(p->name, "cooldown"))
            return 0;
    return COOLDOWN_NS;
}

/* The host as if decisions before had come to the same as @plan. */
static void
agree(VbSnapshot *host, const VbPlan *plan)
{
    for (guint i = 0; i < host->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(host->guests, i);
        for (guint v = 0; v < guest->vcpus->len; v++) {
            VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, v);
            vcpu->intent = vb_plan_intent(plan, guest->uuid, vcpu->id);
            vcpu->intent_seen = vcpu->intent != VB_NO_NODE ? G_MAXINT : 0;
        }
    }
}

/* Where somebody asks, that is the second voice which a policy may want for what it would do to vCPUs. */
static VbPlan *
ask_policy(const VbPolicy *policy, VbSnapshot *now, gboolean asked)
{
    VbPlan *plan = vb_policy_decide(policy, now);
    if (!asked || plan->intents->len == 0)
        return plan;
    agree(now, plan);
    vb_plan_free(plan);
    return vb_policy_decide(policy, now);
}

/* One policy's guests, on the host as the policies before it will leave it. */
static void
decide_policy(VbDecision *decision, const VbPolicy *policy, const VbConfig *config,
              const VbPlanRequest *request)
{
    g_autoptr(VbSnapshot) now = vb_snapshot_copy(decision->predicted);
    if (select_policy(now, decision->before, policy->name, config, request) == 0)
        return;
    vb_config_apply(config, policy, now);
    vb_terms_fix(now);
    VbGuardLimits limits = {.cooldown_ns = cooldown_of(policy), .force = request->force};
    g_autoptr(VbPlan) plan = ask_policy(policy, now, request->cause != VB_CAUSE_NONE);
    vb_guard_apply(plan, now, &limits);
    g_autoptr(VbSnapshot) predicted = vb_predict(now, plan);
    vb_terms_restore(predicted, decision->before);
    vb_snapshot_free(decision->predicted);
    decision->predicted = g_steal_pointer(&predicted);
    const char *name = decision->plan->policy == NULL ? policy->name : "mixed";
    g_free(decision->plan->policy);
    decision->plan->policy = g_strdup(name);
    append(decision->plan, plan);
}

static void
decline_unknown_policies(VbDecision *decision, const VbConfig *config,
                         const VbPlanRequest *request)
{
    for (guint i = 0; i < decision->before->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(decision->before->guests, i);
        const char *name = policy_of(guest, config, request);
        if (guest->selected && vb_policy_find(name) == NULL)
            vb_plan_decline(decision->plan, guest, "unknown-policy",
                            "its policy \"%s\" does not exist here: see vmbalancer policy list, "
                            "or name one with --policy",
                            name);
    }
}

/* Who asks knows best why; else the policy; most bring threads and RAM together. */
static void
state_causes(VbPlan *plan, VbCause asked)
{
    for (guint i = 0; i < plan->actions->len; i++) {
        VbAction *action = g_ptr_array_index(plan->actions, i);
        if (asked != VB_CAUSE_NONE)
            action->cause = asked;
        else if (action->cause == VB_CAUSE_NONE)
            action->cause = VB_CAUSE_LOCALITY;
    }
}

static const VbCell *
cell_of(const VbSnapshot *snapshot, const VbAction *action)
{
    const VbGuest *guest = vb_snapshot_find(snapshot, action->uuid);
    for (guint i = 0; guest != NULL && i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        if (cell->id == action->cell)
            return cell;
    }
    return NULL;
}

/* What stays behind though all is moved: once a cell, with the first of its moves. */
static void
state_unmapped(VbPlan *plan, const VbSnapshot *snapshot)
{
    g_autoptr(GHashTable) told = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < plan->actions->len; i++) {
        VbAction *action = g_ptr_array_index(plan->actions, i);
        const VbCell *cell =
            action->kind == VB_ACTION_MOVE ? cell_of(snapshot, action) : NULL;
        if (cell == NULL || !vb_cell_is_partly_unmapped(cell) ||
            !g_hash_table_add(told, (gpointer)cell))
            continue;
        g_autofree char *bytes = vb_bytes_format(cell->unmapped_bytes);
        char *reason = g_strdup_printf("%s; %s more are in shared memory that QEMU has not mapped: they stay "
                                       "where they are", action->reason, bytes);
        g_free(action->reason);
        action->reason = reason;
    }
}

VbDecision *
vb_engine_decide(const VbSnapshot *snapshot, const VbConfig *config,
                 const VbPlanRequest *request, GError **error)
{
    if (!check_request(snapshot, request, error))
        return NULL;
    VbDecision *decision = g_new0(VbDecision, 1);
    decision->plan = vb_plan_new(NULL);
    decision->before = vb_snapshot_copy(snapshot);
    select_guests(decision->before, request, decision->plan);
    decision->predicted = vb_snapshot_copy(decision->before);
    decline_unknown_policies(decision, config, request);
    vb_terms_spare(decision->before, request, decision->plan);
    const VbPolicy *const *policies = vb_policy_all();
    for (guint i = 0; policies[i] != NULL; i++)
        decide_policy(decision, policies[i], config, request);
    state_causes(decision->plan, request->cause);
    state_unmapped(decision->plan, decision->before);
    if (decision->plan->policy == NULL)
        decision->plan->policy =
            g_strdup(request->policy != NULL ? request->policy : FALLBACK_POLICY);
    return decision;
}
