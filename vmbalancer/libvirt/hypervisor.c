/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/hypervisor.h"

void
vb_domain_look_free(VbDomainLook *look)
{
    if (look == NULL)
        return;
    vb_domain_free(look->live);
    vb_domain_free(look->inactive);
    g_free(look->busy);
    g_free(look->error);
    g_free(look);
}

void
vb_metadata_free(VbMetadata *metadata)
{
    if (metadata == NULL)
        return;
    g_free(metadata->name);
    g_free(metadata->uuid);
    g_free(metadata->live);
    g_free(metadata->config);
    g_free(metadata);
}

void
vb_hypervisor_free(VbHypervisor *hypervisor)
{
    if (hypervisor != NULL)
        hypervisor->ops->free(hypervisor);
}
