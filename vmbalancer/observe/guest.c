/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/guest.h"
#include "core/owner.h"
#include "observe/devices.h"
#include "observe/numa_stat.h"
#include "observe/process.h"
#include "observe/recall.h"
#include "observe/residency.h"
#include "observe/threads.h"

#define CODE_UNREAD "unread"

static void
add_reason(VbGuest *guest, const char *text)
{
    char *both = guest->reason != NULL ? g_strdup_printf("%s; %s", guest->reason, text)
                                       : g_strdup(text);
    g_free(guest->reason);
    guest->reason = both;
}

/* Facts that were not read could be the operator's pins: such a guest is not placed. */
static void
restrict_unread(const VbDomainLook *look, VbGuest *facts)
{
    if (look->error == NULL)
        return;
    if (facts->owner != VB_OWNER_HANDS_OFF && facts->owner != VB_OWNER_OBSERVE_ONLY) {
        facts->owner = VB_OWNER_OBSERVE_ONLY;
        g_free(facts->owner_code);
        facts->owner_code = g_strdup(CODE_UNREAD);
    }
    add_reason(facts, look->error);
}

/* What is asked for the guest: its policy, home, parameters and terms. */
static VbSettled *
take_wishes(const VbObserver *observer, const VbDomain *live, VbGuest *facts)
{
    VbSettled *settled = observer->settle != NULL ? observer->settle(live, observer->user_data)
                                                  : vb_settle(NULL, NULL, live);
    facts->policy = g_strdup(settled->wish->policy);
    facts->terms = settled->wish->terms;
    if (g_hash_table_size(settled->wish->parameters) > 0)
        facts->settings = g_hash_table_ref(settled->wish->parameters);
    return settled;
}

/* Part of the reason, which people are shown, and apart, for who wants to know what is new. */
static void
take_notes(const VbSettled *settled, VbGuestSight *sight)
{
    for (guint i = 0; i < settled->notes->len; i++) {
        const char *note = g_ptr_array_index(settled->notes, i);
        char *notes = sight->notes != NULL ? g_strdup_printf("%s; %s", sight->notes, note)
                                           : g_strdup(note);
        g_free(sight->notes);
        sight->notes = notes;
        add_reason(sight->facts, note);
    }
}

static void
judge(const VbObserver *observer, const VbDomainLook *look, const VbTopology *topology,
      const char *cgroup, VbGuestSight *sight)
{
    VbGuest *facts = sight->facts;
    g_autoptr(VbSettled) settled = take_wishes(observer, look->live, facts);
    g_autoptr(GHashTable) our_pins =
        observer->our_pins != NULL ? observer->our_pins(look->live->uuid, observer->user_data)
                                   : NULL;
    VbOwnerEvidence evidence = {.live = look->live,
                                .inactive = look->inactive,
                                .settled = settled,
                                .cgroup = cgroup,
                                .our_pins = our_pins};
    VbOwnerVerdict verdict = {0};
    vb_owner_judge(&evidence, topology, &verdict);
    facts->owner = verdict.owner;
    facts->owner_code = g_steal_pointer(&verdict.code);
    facts->reason = g_steal_pointer(&verdict.reason);
    facts->boundary = verdict.boundary;
    facts->cpu_boundary = verdict.cpu_boundary;
    vb_owner_verdict_clear(&verdict);
    restrict_unread(look, facts);
    take_notes(settled, sight);
    if (look->busy != NULL) {
        g_autofree char *busy = g_strdup_printf("busy with %s", look->busy);
        add_reason(facts, busy);
    }
}

/* A guest without a process of its own here: a test hypervisor's, or one in a hidden /proc. */
static VbGuestSight *
look_from_afar(const VbObserver *observer, const VbDomainLook *look, const VbTopology *topology,
               const char *why, VbGuestSight *sight)
{
    judge(observer, look, topology, NULL, sight);
    vb_residency_unknown(look->live, why, sight->facts->cells);
    return sight;
}

static void
note_held(VbKernel *kernel, const char *cgroup, VbGuestSight *sight)
{
    VbNumaStat stat = {{0}};
    sight->held_known = vb_numa_stat_read(kernel, cgroup, &stat);
    sight->huge_bytes = stat.huge_bytes;
    sight->small_bytes = stat.small_bytes;
    memcpy(sight->held_bytes, stat.held_bytes, sizeof sight->held_bytes);
}

static gboolean
look_inside(const VbObserver *observer, const VbDomainLook *look, const VbRecall *recall,
            const VbProcess *process, VbGuestSight *sight)
{
    VbKernel *kernel = observer->kernel;
    VbGuest *facts = sight->facts;
    facts->pid = process->pid;
    facts->start_time = process->start_time;
    g_autofree char *cgroup = vb_process_cgroup(kernel, process->pid);
    judge(observer, look, recall->topology, cgroup, sight);
    vb_devices_read(kernel, look->live, recall->topology, facts);
    note_held(kernel, cgroup, sight);
    if (!vb_recall_threads(recall, kernel, look->live, sight))
        vb_threads_read(kernel, process, look->live, sight);
    return vb_residency_read(observer, process, look->live, recall, sight);
}

/* A process never becomes another one: who was found once is the guest as long as it lives. */
static gboolean
find_process(VbProcesses *processes, VbKernel *kernel, const VbDomain *live,
             const VbGuestSight *before, VbProcess *ret, GError **error)
{
    if (live->pid != 0) {
        *ret = (VbProcess){.pid = live->pid, .start_time = live->start_time};
        return TRUE;
    }
    if (before != NULL && before->facts->pid != 0) {
        *ret = (VbProcess){before->facts->pid, before->facts->start_time};
        if (vb_process_alive(kernel, ret))
            return TRUE;
    }
    return vb_processes_find(processes, live->name, live->uuid, ret, error);
}

VbGuestSight *
vb_guest_look(const VbObserver *observer, const VbDomainLook *look, const VbTopology *topology,
              VbProcesses *processes, const VbGuestSight *before)
{
    const VbDomain *live = look->live;
    if (live == NULL || live->uuid == NULL || live->name == NULL || live->cells->len == 0) {
        g_debug("a guest is left out: %s", look->error != NULL ? look->error : "it has no facts");
        return NULL;
    }
    g_autoptr(VbGuestSight) sight = vb_guest_sight_new();
    VbGuest *facts = sight->facts;
    facts->name = g_strdup(live->name);
    facts->uuid = g_strdup(live->uuid);
    facts->state = look->state;
    g_autoptr(GError) error = NULL;
    VbProcess process;
    if (!find_process(processes, observer->kernel, live, before, &process, &error))
        return look_from_afar(observer, look, topology, error->message, g_steal_pointer(&sight));
    VbRecall recall = {before, topology, observer->kernel->ops->now_ns(observer->kernel)};
    if (!look_inside(observer, look, &recall, &process, sight)) {
        g_debug("guest %s is left out: its process %d ended", live->name, process.pid);
        return NULL;
    }
    return g_steal_pointer(&sight);
}
