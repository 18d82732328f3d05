/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/observe.h"
#include "observe/faults.h"
#include "observe/guest.h"
#include "observe/threads.h"

/* Drops the guests that ended, so that what is left was all true at one time. */
static void
count_guests(VbKernel *kernel, VbObservation *observation)
{
    for (guint i = observation->guests->len; i > 0; i--) {
        VbGuestSight *sight = g_ptr_array_index(observation->guests, i - 1);
        if (sight->facts->pid != 0 && !vb_threads_count(kernel, sight))
            g_ptr_array_remove_index(observation->guests, i - 1);
    }
    observation->time_ns = kernel->ops->now_ns(kernel);
}

/* Only while the kernel counts: else what it tells is old, or nothing. */
static void
read_faults(VbKernel *kernel, VbObservation *observation)
{
    if (!observation->kernel_balancing || observation->faults != VB_FAULTS_TOLD)
        return;
    for (guint i = 0; i < observation->guests->len; i++) {
        VbGuestSight *sight = g_ptr_array_index(observation->guests, i);
        if (sight->facts->pid != 0)
            vb_faults_read(kernel, observation->topology.nodes, sight);
    }
}

static GHashTable *
by_uuid(const VbObservation *before)
{
    GHashTable *sights = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; before != NULL && i < before->guests->len; i++) {
        VbGuestSight *sight = g_ptr_array_index(before->guests, i);
        g_hash_table_insert(sights, sight->facts->uuid, sight);
    }
    return sights;
}

static void
look_at_all(const VbObserver *observer, const GPtrArray *looks, VbObservation *observation)
{
    g_autoptr(GHashTable) before = by_uuid(observer->before);
    g_autoptr(VbProcesses) processes = vb_processes_new(observer->kernel);
    for (guint i = 0; i < looks->len; i++) {
        const VbDomainLook *look = g_ptr_array_index(looks, i);
        const char *uuid = look->live != NULL ? look->live->uuid : NULL;
        VbGuestSight *sight =
            vb_guest_look(observer, look, &observation->topology, processes,
                          uuid != NULL ? g_hash_table_lookup(before, uuid) : NULL);
        if (sight != NULL)
            g_ptr_array_add(observation->guests, sight);
    }
}

VbObservation *
vb_observe_full(const VbObserver *observer, GError **error)
{
    g_autoptr(VbObservation) observation = vb_observation_new(VB_LOOK_FULL);
    if (!vb_observe_host(observer->kernel, observer->before, observation, error))
        return NULL;
    VbHypervisor *hypervisor = observer->hypervisor;
    g_autoptr(GPtrArray) looks = hypervisor->ops->list(hypervisor, observer->deadline_ms, error);
    if (looks == NULL)
        return NULL;
    look_at_all(observer, looks, observation);
    read_faults(observer->kernel, observation);
    /* Counters come last, together and next to the clock: looking at RAM takes its time, and a
     * rate is a difference of both. */
    count_guests(observer->kernel, observation);
    return g_steal_pointer(&observation);
}

static VbGuestSight *
known_threads(const VbGuestSight *before)
{
    VbGuestSight *sight = vb_guest_sight_new();
    vb_guest_free(sight->facts);
    sight->facts = vb_guest_copy(before->facts);
    for (guint i = 0; i < before->vcpus->len; i++) {
        VbVcpuSight *vcpu = vb_vcpu_sight_new();
        *vcpu = *(const VbVcpuSight *)g_ptr_array_index(before->vcpus, i);
        vcpu->faults_known = FALSE;
        g_ptr_array_add(sight->vcpus, vcpu);
    }
    return sight;
}

VbObservation *
vb_observe_threads(const VbObserver *observer, const VbObservation *full)
{
    VbObservation *observation = vb_observation_new(VB_LOOK_THREADS);
    for (guint i = 0; i < full->guests->len; i++) {
        const VbGuestSight *before = g_ptr_array_index(full->guests, i);
        if (before->facts->pid != 0)
            g_ptr_array_add(observation->guests, known_threads(before));
    }
    count_guests(observer->kernel, observation);
    return observation;
}
