/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/placement.h"
#include "act/undo.h"
#include <string.h>
#include <vmbalancer/error.h>

/* Pinning one guest's threads. */
typedef struct {
    const VbPlacement *placement;
    const GPtrArray *actions; /* (element-type VbAction) */
    const VbDomain *live;     /* before anything was changed */
    const VbUndo *older;      /* the record on disk before; NULL if there was none */
    const VbUndo *undo;       /* the record as it is on disk meanwhile */
} Attempt;

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

/* A guest that could only half be read may have pins that do not show. */
static VbDomainLook *
look(const VbPlacement *placement, const char *uuid, GError **error)
{
    g_autoptr(VbDomainLook) seen = placement->hypervisor->ops->look(placement->hypervisor, uuid,
                                                                    placement->deadline_ms, error);
    if (seen == NULL || seen->error == NULL)
        return g_steal_pointer(&seen);
    g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                "guest %s could not be read, so its pins are left alone: %s", seen->live->name,
                seen->error);
    return NULL;
}

/* CPUs that a thread without a pin may use: as the guest's <vcpu> says, else the whole host. */
static char *
unpinned_cpus(const VbPlacement *placement, const VbDomain *live)
{
    VbNodeSet chosen, nodes = placement->topology->nodes;
    if (live->vcpu_cpuset != NULL)
        return g_strdup(live->vcpu_cpuset);
    /* numad's choice at the guest's start holds its threads, too. */
    if (live->placement_auto && live->numatune_nodeset != NULL &&
        vb_nodeset_parse(live->numatune_nodeset, &chosen, NULL) && (chosen & nodes) != 0)
        nodes &= chosen;
    VbCpuSet cpus = vb_topology_common_cpus(placement->topology, nodes);
    return vb_cpuset_format(&cpus);
}

static gboolean
give_back(const VbPlacement *placement, const VbDomain *live, const char *thread,
          const char *before, GError **error)
{
    g_autofree char *unpinned = unpinned_cpus(placement, live);
    return pin_to(placement, live->uuid, thread, before != NULL ? before : unpinned, error);
}

/*
 * Guests without libvirt: the kernel gives a vCPU or iothread that is plugged the affinity of the thread
 * that makes it, QEMU's main one; and that is ours.
 */
static void
add_inherited(VbUndo *known, const VbDomain *live)
{
    const VbMark *emulator = vb_undo_find(known, "emulator");
    for (guint i = 0; emulator != NULL && i < live->threads->len; i++) {
        const char *thread = ((const VbDomainThread *)g_ptr_array_index(live->threads, i))->thread;
        if (vb_undo_find(known, thread) == NULL &&
            vb_mark_covers(emulator, vb_domain_pin_of(live, thread)))
            vb_undo_note(known, thread, emulator->before, emulator->ours, emulator->meant);
    }
}

/*
 * What is known of our pins: the record, and what the guest's own metadata says of those in force
 * that the record does not know. It came here with them, from another host or a saved image.
 * @older: (nullable). Returns: (transfer full).
 */
static VbUndo *
known_pins(const VbUndo *older, const VbDomain *live)
{
    VbUndo *known = vb_undo_new(live->uuid, live->name);
    for (guint i = 0; older != NULL && i < older->pins->len; i++) {
        const VbMark *pin = g_ptr_array_index(older->pins, i);
        vb_undo_note(known, pin->thread, pin->before, pin->ours, pin->meant);
    }
    for (guint i = 0; i < live->marks->len; i++) {
        const VbMark *mark = g_ptr_array_index(live->marks, i);
        const char *now = vb_domain_pin_of(live, mark->thread);
        if (vb_mark_covers(mark, now) && !vb_mark_covers(vb_undo_find(known, mark->thread), now))
            vb_undo_note(known, mark->thread, mark->before, mark->ours, mark->meant);
    }
    add_inherited(known, live);
    return known;
}

static gboolean
note_in_guest(const VbPlacement *placement, const char *uuid, const GPtrArray *marks,
              GError **error)
{
    return placement->hypervisor->ops->mark(placement->hypervisor, uuid, marks,
                                            placement->deadline_ms, error);
}

/* --- pinning ------------------------------------------------------------------------------- */

/*
 * A pin that is ours already keeps the older "before": that is what release must restore; and it
 * stays known as ours until the new one is in force.
 */
static void
note_intent(VbUndo *undo, const VbDomain *live, const VbAction *action)
{
    const char *now = vb_domain_pin_of(live, action->thread);
    const VbMark *noted = vb_undo_find(undo, action->thread);
    g_autofree char *wanted = vb_cpuset_format(&action->cpus);
    if (!vb_mark_covers(noted, now)) {
        vb_undo_note(undo, action->thread, now, wanted, NULL);
        return;
    }
    g_autofree char *before = g_strdup(noted->before);
    vb_undo_note(undo, action->thread, before, now, same_cpus(now, wanted) ? NULL : wanted);
}

/* Pins that are gone, as the guest was started anew, or that somebody else has changed since. */
static void
forget_stale(VbUndo *undo, const VbDomain *live)
{
    for (guint i = undo->pins->len; i-- > 0;) {
        const VbMark *pin = g_ptr_array_index(undo->pins, i);
        if (!vb_mark_covers(pin, vb_domain_pin_of(live, pin->thread)))
            vb_undo_forget(undo, pin->thread);
    }
}

/* Returns: (transfer full): the record that is now on disk. */
static VbUndo *
record_intent(const VbPlacement *placement, const VbDomain *live, const GPtrArray *actions,
              const VbUndo *older, GError **error)
{
    g_autoptr(VbUndo) undo = known_pins(older, live);
    forget_stale(undo, live);
    for (guint i = 0; i < actions->len; i++)
        note_intent(undo, live, g_ptr_array_index(actions, i));
    return vb_undo_save(placement->state_dir, undo, error) ? g_steal_pointer(&undo) : NULL;
}

static void
add_stuck(GError **error, guint stuck)
{
    g_autoptr(GError) why = g_steal_pointer(error);
    g_set_error(error, why->domain, why->code,
                "%s; %u threads could not be given back: mend that, then vmbalancer release",
                why->message, stuck);
}

static void
restore_record(const Attempt *attempt)
{
    if (attempt->older != NULL)
        vb_undo_save(attempt->placement->state_dir, attempt->older, NULL);
    else
        vb_undo_remove(attempt->placement->state_dir, attempt->live->uuid, NULL);
}

/* A call that was not heard of again may still take effect. */
static gboolean
is_unheard(const GError *error)
{
    return g_error_matches(error, VB_ERROR, VB_ERROR_TIMEOUT) ||
           g_error_matches(error, VB_ERROR, VB_ERROR_UNREACHABLE);
}

/*
 * Brings the first @done threads back to where they were just before, as far as they are still
 * ours.
 * @now: (nullable): the guest by now, if it is known
 * @error: (inout): why; tells of what could not be brought back, too
 */
static void
roll_back(const Attempt *attempt, guint done, const VbDomain *now, GError **error)
{
    const VbPlacement *placement = attempt->placement;
    guint stuck = 0;
    for (guint i = 0; i < done; i++) {
        const VbAction *action = g_ptr_array_index(attempt->actions, i);
        const VbMark *pin = vb_undo_find(attempt->undo, action->thread);
        if (now != NULL && !vb_mark_covers(pin, vb_domain_pin_of(now, action->thread)))
            continue;
        stuck += !give_back(placement, attempt->live, action->thread,
                            vb_domain_pin_of(attempt->live, action->thread), NULL);
    }
    if (stuck > 0)
        add_stuck(error, stuck);
    else if (note_in_guest(placement, attempt->live->uuid, attempt->live->marks, NULL))
        restore_record(attempt);
    else
        g_debug("the record stays, as the guest's metadata still tells of pins that it has not");
}

static gboolean
check(const VbPlacement *placement, const VbDomain *now, const GPtrArray *actions, GError **error)
{
    g_autofree char *unpinned = unpinned_cpus(placement, now);
    for (guint i = 0; i < actions->len; i++) {
        const VbAction *action = g_ptr_array_index(actions, i);
        g_autofree char *wanted = vb_cpuset_format(&action->cpus);
        const char *cpus = vb_domain_pin_of(now, action->thread);
        /* One to all that it may use anyway is none where the kernel alone tells of pins. */
        if (same_cpus(cpus != NULL ? cpus : unpinned, wanted))
            continue;
        g_set_error(error, VB_ERROR, VB_ERROR_CHANGED,
                    "%s of guest %s was re-pinned by someone else to \"%s\" meanwhile: it is left "
                    "to them",
                    action->thread, action->guest, cpus != NULL ? cpus : "all CPUs");
        return FALSE;
    }
    return TRUE;
}

static gboolean
verify(const Attempt *attempt, GError **error)
{
    g_autoptr(VbDomainLook) after = look(attempt->placement, attempt->live->uuid, error);
    if (after != NULL && check(attempt->placement, after->live, attempt->actions, error))
        return TRUE;
    if (after != NULL || !g_error_matches(*error, VB_ERROR, VB_ERROR_NO_GUEST))
        roll_back(attempt, attempt->actions->len, after != NULL ? after->live : NULL, error);
    return FALSE;
}

static gboolean
pin_all(const Attempt *attempt, GError **error)
{
    VbHypervisor *hypervisor = attempt->placement->hypervisor;
    for (guint i = 0; i < attempt->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(attempt->actions, i);
        if (hypervisor->ops->pin(hypervisor, attempt->live->uuid, action->thread, &action->cpus,
                                 attempt->placement->deadline_ms, error))
            continue;
        gboolean unheard = is_unheard(*error);
        g_prefix_error(error, "%s could not be pinned: ", action->thread);
        if (!g_error_matches(*error, VB_ERROR, VB_ERROR_NO_GUEST))
            roll_back(attempt, i + unheard, NULL, error);
        return FALSE;
    }
    return TRUE;
}

/* In the guest, too: from now on its pins may go where this host's record does not. */
static gboolean
mark_all(const Attempt *attempt, GError **error)
{
    if (note_in_guest(attempt->placement, attempt->live->uuid, attempt->undo->pins, error))
        return TRUE;
    g_prefix_error(error, "nothing was pinned: ");
    if (!is_unheard(*error))
        restore_record(attempt);
    return FALSE;
}

/* Settles what was only meant. Left unsettled, it holds all the same. */
static void
settle(const Attempt *attempt, VbUndo *undo)
{
    g_autoptr(GError) error = NULL;
    gboolean meant = FALSE;
    for (guint i = 0; i < undo->pins->len; i++)
        meant |= ((const VbMark *)g_ptr_array_index(undo->pins, i))->meant != NULL;
    if (!meant)
        return;
    vb_undo_settle(undo);
    if (!vb_undo_save(attempt->placement->state_dir, undo, &error) ||
        !note_in_guest(attempt->placement, undo->uuid, undo->pins, &error))
        g_debug("the record still tells of pins that were only meant: %s", error->message);
}

gboolean
vb_placement_pin(const VbPlacement *placement, const char *uuid, const GPtrArray *actions,
                 GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(VbDomainLook) before = look(placement, uuid, error);
    if (before == NULL)
        return FALSE;
    g_autoptr(VbUndo) older = vb_undo_load(placement->state_dir, uuid, &why);
    if (why != NULL) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    g_autoptr(VbUndo) undo = record_intent(placement, before->live, actions, older, error);
    if (undo == NULL)
        return FALSE;
    Attempt attempt = {placement, actions, before->live, older, undo};
    if (!mark_all(&attempt, &why) || !pin_all(&attempt, &why) || !verify(&attempt, &why)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    settle(&attempt, undo);
    return TRUE;
}

/* --- giving back --------------------------------------------------------------------------- */

static gboolean
has_thread(const VbDomain *live, const char *thread)
{
    guint64 id;
    if (g_str_has_prefix(thread, "vcpu"))
        return g_ascii_string_to_unsigned(thread + strlen("vcpu"), 10, 0, VB_CPUS_MAX - 1, &id,
                                          NULL) &&
               vb_cpuset_has(&live->plugged, (guint)id);
    if (!g_str_has_prefix(thread, "iothread"))
        return TRUE;
    for (guint i = 0; i < live->iothreads->len; i++) {
        g_autofree char *name =
            g_strdup_printf("iothread%u", g_array_index(live->iothreads, guint, i));
        if (g_str_equal(name, thread))
            return TRUE;
    }
    return FALSE;
}

/*
 * Returns: FALSE if the pin is to stay in the record: it could not be given back, or its vCPU is
 * unplugged and would come back with it.
 */
static gboolean
release_pin(const VbPlacement *placement, const VbDomain *live, const VbMark *pin,
            VbRelease *ret, GError **error)
{
    g_autofree char *unpinned = unpinned_cpus(placement, live);
    const char *now = vb_domain_pin_of(live, pin->thread);
    if (now == NULL)
        return TRUE; /* started anew since, or unplugged with its pin: there is none to give back */
    if (!vb_mark_covers(pin, now)) {
        ret->left += !same_cpus(now, pin->before != NULL ? pin->before : unpinned);
        return TRUE;
    }
    if (!has_thread(live, pin->thread)) {
        ret->absent++;
        return FALSE;
    }
    if (!give_back(placement, live, pin->thread, pin->before, error)) {
        g_prefix_error(error, "%s could not be given back: ", pin->thread);
        return FALSE;
    }
    ret->restored++;
    return TRUE;
}

/* Drops from @undo what is given back. Returns: FALSE with the first error. */
static gboolean
release_pins(const VbPlacement *placement, const VbDomain *live, VbUndo *undo, VbRelease *ret,
             GError **error)
{
    g_autoptr(GError) first = NULL;
    for (guint i = 0; i < undo->pins->len;) {
        g_autoptr(GError) why = NULL;
        const VbMark *pin = g_ptr_array_index(undo->pins, i);
        if (release_pin(placement, live, pin, ret, &why))
            g_ptr_array_remove_index(undo->pins, i);
        else
            i++;
        if (first == NULL)
            first = g_steal_pointer(&why);
    }
    if (first == NULL)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&first));
    return FALSE;
}

/*
 * The record goes last: a kill before that leaves what the next release needs; a note in the guest
 * alone could not be told from that of pins that somebody else made just like ours.
 */
static gboolean
forget_released(const VbPlacement *placement, const VbDomain *live, const VbUndo *left,
                GError **error)
{
    if (live->marks->len > 0 && !note_in_guest(placement, live->uuid, left->pins, error))
        return FALSE;
    return left->pins->len == 0 ? vb_undo_remove(placement->state_dir, live->uuid, error)
                                : vb_undo_save(placement->state_dir, left, error);
}

gboolean
vb_placement_release(const VbPlacement *placement, const char *uuid, VbRelease *ret, GError **error)
{
    g_autoptr(GError) why = NULL;
    *ret = (VbRelease){0};
    g_autoptr(VbUndo) record = vb_undo_load(placement->state_dir, uuid, &why);
    if (why != NULL) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    g_autoptr(VbDomainLook) now = look(placement, uuid, error);
    if (now == NULL)
        return FALSE;
    ret->recorded = record != NULL || now->live->marks->len > 0;
    if (!ret->recorded)
        return vb_undo_remove(placement->state_dir, uuid, error);
    g_autoptr(VbUndo) undo = known_pins(record, now->live);
    gboolean released = release_pins(placement, now->live, undo, ret, &why);
    gboolean kept = forget_released(placement, now->live, undo, released ? &why : NULL);
    if (why != NULL)
        g_propagate_error(error, g_steal_pointer(&why));
    return released && kept;
}
