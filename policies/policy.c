/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmbalancer/registry.h>

static const VbPolicy *const all[] = {
    &vb_policy_none,
    &vb_policy_moron,
    &vb_policy_home_node,
    &vb_policy_cpu_follows_memory,
    &vb_policy_autonuma,
    &vb_policy_numa_core,
    &vb_policy_adaptive_affinity,
    &vb_policy_balance,
    NULL,
};

/* Those of this build and those that were added. */
static const VbPolicy *const *known = all;
/* Whoever asked before may still walk along an earlier list. */
static GSList *earlier;
static GMutex adding;

const VbPolicy *const *
vb_policy_all(void)
{
    return g_atomic_pointer_get(&known);
}

static const VbPolicy *
find(const VbPolicy *const *policies, const char *name)
{
    for (guint i = 0; policies[i] != NULL; i++)
        if (g_strcmp0(policies[i]->name, name) == 0)
            return policies[i];
    return NULL;
}

const VbPolicy *
vb_policy_find(const char *name)
{
    return find(vb_policy_all(), name);
}

static const char *
add(const VbPolicy *const *policies)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    for (const VbPolicy *const *policy = vb_policy_all(); *policy != NULL; policy++)
        g_ptr_array_add(list, (gpointer)*policy);
    g_ptr_array_add(list, NULL);
    for (; *policies != NULL; policies++) {
        if (find((const VbPolicy *const *)list->pdata, (*policies)->name) != NULL)
            return (*policies)->name;
        g_ptr_array_insert(list, (int)list->len - 1, (gpointer)*policies);
    }
    gpointer added = g_ptr_array_steal(list, NULL);
    earlier = g_slist_prepend(earlier, added);
    g_atomic_pointer_set(&known, added);
    return NULL;
}

const char *
vb_registry_add(const VbPolicy *const *policies)
{
    if (*policies == NULL)
        return NULL;
    g_mutex_lock(&adding);
    const char *taken = add(policies);
    g_mutex_unlock(&adding);
    return taken;
}

static const VbParameter *
find_parameter(const VbPolicy *policy, const char *name)
{
    for (const VbParameter *p = policy->parameters; p != NULL && p->name != NULL; p++)
        if (g_str_equal(p->name, name))
            return p;
    return NULL;
}

static const gint64 *
look_up(GHashTable *settings, const char *name)
{
    return settings != NULL ? g_hash_table_lookup(settings, name) : NULL;
}

gint64
vb_policy_parameter(const VbPolicy *policy, const VbSnapshot *snapshot, const VbGuest *guest,
                    const char *name)
{
    const VbParameter *parameter = find_parameter(policy, name);
    g_return_val_if_fail(parameter != NULL, 0);
    const gint64 *value = guest != NULL ? look_up(guest->settings, name) : NULL;
    if (value == NULL)
        value = look_up(snapshot->settings, name);
    return CLAMP(value != NULL ? *value : parameter->fallback, parameter->minimum,
                 parameter->maximum);
}

/* Why a signal that the policy rests on is missing, NULL if none is. */
static const char *
missing_signal(VbPolicyNeeds needs, const VbGuest *guest)
{
    for (guint i = 0; (needs & VB_NEEDS_RESIDENCY) && i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        if (!cell->residency_known)
            return cell->note != NULL ? cell->note : "where its RAM lies could not be read";
    }
    if ((needs & VB_NEEDS_RESIDENCY) && guest->cells->len == 0)
        return "it shows no RAM";
    gboolean shares = TRUE, demands = TRUE;
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, i);
        shares = shares && vcpu->share_known;
        demands = demands && vcpu->busy_known;
    }
    if ((needs & VB_NEEDS_SHARE) && !shares)
        return "where its vCPUs ran could not be read";
    if ((needs & VB_NEEDS_DEMAND) && !demands)
        return "how busy its vCPUs are is not known yet; look again in a moment";
    if ((needs & (VB_NEEDS_SHARE | VB_NEEDS_DEMAND)) && guest->vcpus->len == 0)
        return "no vCPU thread of it was found";
    return NULL;
}

/* Declines those that must not or cannot be decided on, so that no policy plans room for them. */
static void
decline_unfit(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        if (!guest->selected)
            continue;
        if (!guest->forced &&
            (guest->owner == VB_OWNER_HANDS_OFF || guest->owner == VB_OWNER_OBSERVE_ONLY)) {
            vb_plan_decline(plan, guest, guest->owner_code != NULL ? guest->owner_code : "owner",
                            "%s",
                            guest->reason != NULL ? guest->reason : "somebody else places it");
            continue;
        }
        if (guest->state != VB_GUEST_RUNNING) {
            vb_plan_decline(plan, guest, "state", "it is %s: a guest is moved only while it runs",
                            vb_guest_state_name(guest->state));
            continue;
        }
        const char *missing = missing_signal(policy->needs, guest);
        if (missing != NULL)
            vb_plan_decline(plan, guest, "unknown", "%s", missing);
    }
}

VbPlan *
vb_policy_decide(const VbPolicy *policy, const VbSnapshot *snapshot)
{
    VbPlan *plan = vb_plan_new(policy->name);
    decline_unfit(policy, snapshot, plan);
    policy->decide(policy, snapshot, plan);
    return plan;
}
