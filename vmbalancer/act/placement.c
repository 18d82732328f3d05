/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/placement.h"
#include <vmbalancer/error.h>

/* CPU lists are compared as sets: libvirt may write one back in other words. */
static gboolean
same_cpus(const char *a, const char *b)
{
    VbCpuSet left, right;
    return a != NULL && b != NULL && vb_cpuset_parse(a, &left, NULL) &&
           vb_cpuset_parse(b, &right, NULL) && vb_cpuset_equal(&left, &right);
}

static gboolean
pin_to(const VbPlacement *placement, const char *uuid, const char *thread, const char *cpus,
       GError **error)
{
    VbCpuSet set;
    return vb_cpuset_parse(cpus, &set, error) &&
           placement->hypervisor->ops->pin(placement->hypervisor, uuid, thread, &set,
                                           placement->deadline_ms, error);
}

static VbDomainLook *
look(const VbPlacement *placement, const char *uuid, GError **error)
{
    return placement->hypervisor->ops->look(placement->hypervisor, uuid, placement->deadline_ms,
                                            error);
}

/* CPUs that a thread without a pin may use: the guest's <vcpu cpuset=> or the whole host. */
static char *
unpinned_cpus(const VbPlacement *placement, const VbDomain *live)
{
    return live->vcpu_cpuset != NULL ? g_strdup(live->vcpu_cpuset)
                                     : vb_cpuset_format(&placement->all_cpus);
}

static gboolean
give_back(const VbPlacement *placement, const char *uuid, const VbDomain *live,
          const VbUndoPin *pin, GError **error)
{
    g_autofree char *unpinned = unpinned_cpus(placement, live);
    return pin_to(placement, uuid, pin->thread, pin->before != NULL ? pin->before : unpinned,
                  error);
}

/* A pin that is ours already keeps the older "before": that is what release must restore. */
static void
note_intent(VbUndo *undo, const VbDomain *live, const VbAction *action)
{
    const char *now = vb_domain_pin_of(live, action->thread);
    const VbUndoPin *noted = vb_undo_find(undo, action->thread);
    g_autofree char *ours = vb_cpuset_format(&action->cpus);
    g_autofree char *before =
        g_strdup(noted != NULL && same_cpus(noted->ours, now) ? noted->before : now);
    vb_undo_note(undo, action->thread, before, ours);
}

static VbUndo *
record_intent(const VbPlacement *placement, const VbDomain *live, const GPtrArray *actions,
              GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(VbUndo) undo = vb_undo_load(placement->state_dir, live->uuid, &why);
    if (why != NULL) {
        g_propagate_error(error, g_steal_pointer(&why));
        return NULL;
    }
    if (undo == NULL)
        undo = vb_undo_new(live->uuid, live->name);
    for (guint i = 0; i < actions->len; i++)
        note_intent(undo, live, g_ptr_array_index(actions, i));
    return vb_undo_save(placement->state_dir, undo, error) ? g_steal_pointer(&undo) : NULL;
}

/* Best effort: what cannot be given back stays in the record, for `release`. */
static void
roll_back(const VbPlacement *placement, const VbDomain *live, const VbUndo *undo,
          const GPtrArray *actions, guint done)
{
    gboolean all = TRUE;
    for (guint i = 0; i < done; i++) {
        const VbAction *action = g_ptr_array_index(actions, i);
        all &= give_back(placement, live->uuid, live, vb_undo_find(undo, action->thread), NULL);
    }
    if (all && done == undo->pins->len)
        vb_undo_remove(placement->state_dir, live->uuid, NULL);
}

static gboolean
verify(const VbPlacement *placement, const char *uuid, const GPtrArray *actions, GError **error)
{
    g_autoptr(VbDomainLook) after = look(placement, uuid, error);
    if (after == NULL)
        return FALSE;
    for (guint i = 0; i < actions->len; i++) {
        const VbAction *action = g_ptr_array_index(actions, i);
        g_autofree char *wanted = vb_cpuset_format(&action->cpus);
        const char *now = vb_domain_pin_of(after->live, action->thread);
        if (!same_cpus(now, wanted)) {
            g_set_error(error, VB_ERROR, VB_ERROR_CHANGED,
                        "%s of guest %s was re-pinned by someone else to \"%s\" meanwhile: it is "
                        "left to them",
                        action->thread, action->guest, now != NULL ? now : "all CPUs");
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
vb_placement_pin(const VbPlacement *placement, const char *uuid, const GPtrArray *actions,
                 GError **error)
{
    g_autoptr(VbDomainLook) before = look(placement, uuid, error);
    if (before == NULL)
        return FALSE;
    g_autoptr(VbUndo) undo = record_intent(placement, before->live, actions, error);
    if (undo == NULL)
        return FALSE;
    for (guint i = 0; i < actions->len; i++) {
        const VbAction *action = g_ptr_array_index(actions, i);
        if (placement->hypervisor->ops->pin(placement->hypervisor, uuid, action->thread,
                                            &action->cpus, placement->deadline_ms, error))
            continue;
        g_prefix_error(error, "%s could not be pinned: ", action->thread);
        /* A call that ran into its deadline may still take effect: it counts as done. */
        roll_back(placement, before->live, undo, actions, i + 1);
        return FALSE;
    }
    return verify(placement, uuid, actions, error);
}

static gboolean
release_pins(const VbPlacement *placement, const VbDomain *live, const VbUndo *undo,
             VbRelease *ret, GError **error)
{
    for (guint i = 0; i < undo->pins->len; i++) {
        const VbUndoPin *pin = g_ptr_array_index(undo->pins, i);
        const char *now = vb_domain_pin_of(live, pin->thread);
        if (now == NULL)
            continue; /* started anew since, or the thread is gone: it has no pin to give back */
        if (!same_cpus(now, pin->ours)) {
            ret->left++;
            continue;
        }
        if (!give_back(placement, live->uuid, live, pin, error)) {
            g_prefix_error(error, "%s could not be given back: ", pin->thread);
            return FALSE;
        }
        ret->restored++;
    }
    return TRUE;
}

gboolean
vb_placement_release(const VbPlacement *placement, const char *uuid, VbRelease *ret,
                     GError **error)
{
    g_autoptr(GError) why = NULL;
    *ret = (VbRelease){0};
    g_autoptr(VbUndo) undo = vb_undo_load(placement->state_dir, uuid, &why);
    if (undo == NULL) {
        if (why != NULL)
            g_propagate_error(error, g_steal_pointer(&why));
        return why == NULL;
    }
    ret->recorded = TRUE;
    g_autoptr(VbDomainLook) now = look(placement, uuid, &why);
    if (now == NULL && !g_error_matches(why, VB_ERROR, VB_ERROR_NO_GUEST)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    if (now != NULL && !release_pins(placement, now->live, undo, ret, error))
        return FALSE;
    return vb_undo_remove(placement->state_dir, uuid, error);
}
