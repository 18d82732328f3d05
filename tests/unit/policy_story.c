/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy_story.h"

void
story_plan(const VbPolicy *policy, const VbSnapshot *host, const VbGuest *guest,
           const char *actions, const char *declined)
{
    g_autoptr(VbPlan) plan = vb_policy_decide(policy, host);
    g_autofree char *got = world_describe(plan, guest);
    const VbDecline *decline = vb_plan_declined(plan, guest->uuid);
    g_assert_cmpstr(got, ==, actions);
    g_assert_cmpstr(decline != NULL ? decline->code : NULL, ==, declined);
}

void
story_agree(const VbPolicy *policy, VbSnapshot *host)
{
    g_autoptr(VbPlan) plan = vb_policy_decide(policy, host);
    for (guint i = 0; i < plan->intents->len; i++) {
        const VbIntent *intent = g_ptr_array_index(plan->intents, i);
        VbVcpu *vcpu = world_vcpu_of(vb_snapshot_find(host, intent->uuid), intent->vcpu);
        vcpu->intent = intent->node;
        vcpu->intent_seen = 1;
    }
}

void
story_set(GHashTable **settings, const char *name, gint64 value)
{
    if (*settings == NULL)
        *settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_replace(*settings, g_strdup(name), g_memdup2(&value, sizeof value));
}

void
story_hold(const VbSnapshot *host, VbGuest *guest, int node)
{
    for (guint i = 0; i < guest->vcpus->len; i++)
        world_vcpu_of(guest, i)->affinity = host->topology.node[node].cpus;
}
