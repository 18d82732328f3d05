/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/guest_policy.h"
#include "engine/engine.h"
#include "libvirt/metadata_element.h"
#include <vmbalancer/error.h>

void
vb_guest_policy_free(VbGuestPolicy *policy)
{
    if (policy == NULL)
        return;
    vb_metadata_free(policy->metadata);
    vb_settled_free(policy->settled);
    g_free(policy);
}

VbGuestPolicy *
vb_guest_policy_read(VbHypervisor *hypervisor, const VbConfig *config, const char *guest,
                     guint deadline_ms, GError **error)
{
    g_autoptr(VbGuestPolicy) policy = g_new0(VbGuestPolicy, 1);
    policy->metadata = hypervisor->ops->read_metadata(hypervisor, guest, deadline_ms, error);
    if (policy->metadata == NULL)
        return NULL;
    const VbMetadata *metadata = policy->metadata;
    const char *element = metadata->running ? metadata->live : metadata->config;
    g_autoptr(GError) bad = NULL;
    g_autoptr(VbDomain) domain = vb_domain_new();
    domain->name = g_strdup(metadata->name);
    domain->uuid = g_strdup(metadata->uuid);
    domain->wish = element != NULL ? vb_metadata_parse(element, &bad) : NULL;
    domain->metadata_error = bad != NULL ? g_strdup(bad->message) : NULL;
    policy->settled = vb_settle(config, vb_policy_all(), domain);
    policy->policy = vb_engine_policy(policy->settled->wish->policy, config);
    policy->known = vb_policy_find(policy->policy) != NULL;
    return g_steal_pointer(&policy);
}

/* What is to be written in place of @element; NULL with an error if that would be wrong. */
static char *
compose(const char *element, const VbWish *wish, GError **error)
{
    g_autoptr(VbWish) whole = element != NULL ? vb_metadata_parse(element, NULL) : NULL;
    if (whole == NULL)
        whole = vb_wish_new();
    vb_wish_overlay(whole, wish);
    if (!vb_wish_check(whole, vb_policy_all(), error))
        return NULL;
    /* What is written must be what is read. */
    g_autofree char *text = vb_metadata_format(whole);
    g_autoptr(VbWish) again = vb_metadata_parse(text, error);
    return again != NULL ? g_steal_pointer(&text) : NULL;
}

static gboolean
choose_scope(const VbMetadata *metadata, VbScope *scope, GError **error)
{
    if (!scope->live && !scope->config) {
        scope->live = metadata->running;
        scope->config = !metadata->running;
    }
    if (scope->live && !metadata->running)
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "guest %s does not run: leave --live out, or start it", metadata->name);
    else if (scope->config && !metadata->persistent)
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "guest %s is transient, it has no configuration: leave --config out",
                    metadata->name);
    else
        return TRUE;
    return FALSE;
}

gboolean
vb_guest_policy_write(VbHypervisor *hypervisor, const char *guest, const VbWish *wish,
                      VbScope *scope, guint deadline_ms, GError **error)
{
    g_autoptr(VbMetadata) metadata =
        hypervisor->ops->read_metadata(hypervisor, guest, deadline_ms, error);
    if (metadata == NULL || !choose_scope(metadata, scope, error))
        return FALSE;
    const gboolean chosen[] = {scope->live, scope->config};
    const char *const before[] = {metadata->live, metadata->config};
    g_autofree char *live = NULL, *config = NULL;
    char **const text[] = {&live, &config};
    for (guint i = 0; i < G_N_ELEMENTS(chosen); i++) {
        if (!chosen[i] || wish == NULL)
            continue;
        *text[i] = compose(before[i], wish, error);
        if (*text[i] == NULL)
            return FALSE;
    }
    for (guint i = 0; i < G_N_ELEMENTS(chosen); i++)
        if (chosen[i] && !hypervisor->ops->write_metadata(hypervisor, metadata->uuid, *text[i],
                                                          i == 0, i == 1, deadline_ms, error))
            return FALSE;
    return TRUE;
}
