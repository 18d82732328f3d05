/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/observation.h"

VbVcpuSight *
vb_vcpu_sight_new(void)
{
    VbVcpuSight *sight = g_new0(VbVcpuSight, 1);
    sight->last_cpu = -1;
    return sight;
}

void
vb_vcpu_sight_free(VbVcpuSight *sight)
{
    g_free(sight);
}

VbGuestSight *
vb_guest_sight_new(void)
{
    VbGuestSight *sight = g_new0(VbGuestSight, 1);
    sight->facts = vb_guest_new();
    sight->vcpus = g_ptr_array_new_with_free_func((GDestroyNotify)vb_vcpu_sight_free);
    return sight;
}

void
vb_guest_sight_free(VbGuestSight *sight)
{
    if (sight == NULL)
        return;
    vb_guest_free(sight->facts);
    g_ptr_array_unref(sight->vcpus);
    g_free(sight->notes);
    g_free(sight);
}

VbObservation *
vb_observation_new(VbLookDepth depth)
{
    VbObservation *observation = g_new0(VbObservation, 1);
    observation->depth = depth;
    observation->guests = g_ptr_array_new_with_free_func((GDestroyNotify)vb_guest_sight_free);
    return observation;
}

void
vb_observation_free(VbObservation *observation)
{
    if (observation == NULL)
        return;
    g_free(observation->rival);
    g_free(observation->thp);
    g_ptr_array_unref(observation->guests);
    g_free(observation);
}
