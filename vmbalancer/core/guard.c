/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/guard.h"
#include "core/text.h"
#include <string.h>
#include <vmbalancer/error.h>

#define NS_PER_S G_GINT64_CONSTANT(1000000000)

/* What is left on the nodes while the plan's guests are let through one after the other. */
typedef struct {
    VbTopology topology;
    guint64 budget_left;
} Ledger;

/* One guest's part of a plan. */
typedef struct {
    const VbSnapshot *snapshot;
    const VbGuardLimits *limits;
    const VbGuest *guest;
    const GPtrArray *actions; /* (element-type VbAction), its own */
    VbPlan *notes;            /* declines go here */
} Case;

static const VbCell *
cell_of(const VbGuest *guest, guint id)
{
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        if (cell->id == id)
            return cell;
    }
    return NULL;
}

static gboolean
check_cooldown(const Case *c)
{
    gint64 since = c->snapshot->time_ns - c->guest->last_move_ns;
    const VbTerms *terms = &c->guest->terms;
    gint64 cooldown_ns = terms->cooldown_known ? terms->cooldown_ns : c->limits->cooldown_ns;
    if (c->guest->last_move_ns == 0 || since >= cooldown_ns || c->guest->forced)
        return TRUE;
    vb_plan_decline(c->notes, c->guest, "cooldown",
                    "it moved %" G_GINT64_FORMAT " s ago; it is left alone for %" G_GINT64_FORMAT
                    " s after a move",
                    since / NS_PER_S, cooldown_ns / NS_PER_S);
    return FALSE;
}

static gboolean
check_right(const Case *c)
{
    const VbGuest *guest = c->guest;
    const char *rival = c->snapshot->rival;
    if (rival != NULL && !c->limits->force) {
        vb_plan_decline(c->notes, guest, "rival",
                        "%s runs on this host and would fight: stop it, or use --force", rival);
        return FALSE;
    }
    if (!guest->selected) {
        vb_plan_decline(c->notes, guest, "not-selected", "it was not asked for");
        return FALSE;
    }
    if ((guest->owner == VB_OWNER_HANDS_OFF || guest->owner == VB_OWNER_OBSERVE_ONLY) &&
        !guest->forced) {
        vb_plan_decline(c->notes, guest, guest->owner_code != NULL ? guest->owner_code : "owner",
                        "%s", guest->reason != NULL ? guest->reason : "somebody else places it");
        return FALSE;
    }
    if (guest->state != VB_GUEST_RUNNING) {
        vb_plan_decline(c->notes, guest, "state", "it is %s: a guest is moved only while it runs",
                        vb_guest_state_name(guest->state));
        return FALSE;
    }
    return check_cooldown(c);
}

static gboolean
check_pin(const Case *c, const VbAction *action)
{
    VbCpuSet allowed =
        vb_cpuset_and(&c->guest->cpu_boundary, &c->snapshot->topology.node[action->to].cpus);
    if (vb_cpuset_count(&action->cpus) == 0 || !vb_cpuset_within(&action->cpus, &allowed)) {
        g_autofree char *wanted = vb_cpuset_format(&action->cpus);
        g_autofree char *shown = vb_cpuset_format(&allowed);
        vb_plan_decline(c->notes, c->guest, "boundary",
                        "%s would be pinned to CPUs \"%s\", but of node %d the guest may use "
                        "\"%s\" only",
                        action->thread, wanted, action->to, shown);
        return FALSE;
    }
    return TRUE;
}

/* What the plan takes of that cell from that node, up to and with @action. */
static guint64
taken_so_far(const Case *c, const VbAction *action)
{
    guint64 bytes = 0;
    for (guint i = 0; i < c->actions->len; i++) {
        const VbAction *other = g_ptr_array_index(c->actions, i);
        if (other->kind == VB_ACTION_MOVE && other->cell == action->cell &&
            other->from == action->from)
            bytes = bytes > G_MAXUINT64 - other->bytes ? G_MAXUINT64 : bytes + other->bytes;
        if (other == action)
            break;
    }
    return bytes;
}

static gboolean
check_move(const Case *c, const VbAction *action)
{
    const VbCell *cell = cell_of(c->guest, action->cell);
    if (cell == NULL || !cell->residency_known || !cell->movable || action->from == action->to ||
        action->from < 0 || action->from >= VB_NODES_MAX ||
        taken_so_far(c, action) > cell->by_node[action->from]) {
        vb_plan_decline(c->notes, c->guest, "unmovable", "cell %u: %s", action->cell,
                        cell != NULL && cell->note != NULL ? cell->note
                                                           : "its pages cannot be moved so");
        return FALSE;
    }
    return TRUE;
}

static gboolean
check_terms(const Case *c, const VbAction *action)
{
    const VbTerms *terms = &c->guest->terms;
    gboolean pin = action->kind == VB_ACTION_PIN;
    if ((pin ? terms->pins : terms->moves) != VB_ANSWER_NO)
        return TRUE;
    vb_plan_decline(c->notes, c->guest, pin ? "no-pins" : "no-moves",
                    pin ? "its vCPUs may not be pinned (migrate vcpus=\"no\"), and the plan rests "
                          "on that: allow it, or choose a policy that moves memory only"
                        : "its memory may not be moved (migrate memory=\"no\"), and the plan rests "
                          "on that: allow it, or choose a policy that moves vCPUs only");
    return FALSE;
}

static gboolean
check_bounds(const Case *c, const VbAction *action)
{
    gboolean known = action->to >= 0 && action->to < VB_NODES_MAX &&
                     (c->snapshot->topology.nodes & VB_NODE_BIT(action->to)) != 0;
    if (!known || (c->guest->boundary & VB_NODE_BIT(action->to)) == 0) {
        g_autofree char *allowed = vb_nodeset_format(c->guest->boundary);
        vb_plan_decline(c->notes, c->guest, "boundary",
                        "node %d is outside the nodes that it may use (\"%s\")", action->to,
                        allowed);
        return FALSE;
    }
    return action->kind == VB_ACTION_PIN ? check_pin(c, action) : check_move(c, action);
}

static gboolean
refuse_pool(const Case *c, const VbAction *action, guint64 page_size, const VbHugePool *pool,
            guint64 pages)
{
    guint64 borrow = pool != NULL ? pool->borrow : 0;
    guint64 free = pool != NULL ? pool->free - borrow : 0;
    g_autofree char *more =
        borrow > 0 ? g_strdup_printf(" and may borrow %" G_GUINT64_FORMAT " more", borrow)
                   : g_strdup("");
    vb_plan_decline(c->notes, c->guest, "no-pool",
                    "node %d has %" G_GUINT64_FORMAT " free hugepages of %" G_GUINT64_FORMAT
                    " KiB%s, %" G_GUINT64_FORMAT " needed: enlarge the node's pool (nr_hugepages), "
                    "or let more be borrowed (hugepages-borrow= in [limits])",
                    action->to, free, page_size / 1024, more, pages);
    return FALSE;
}

/* What is borrowed is made of the target's memory, and given back to the source's. */
static gboolean
book_pages(const Case *c, const VbAction *action, guint64 page_size, VbNode *from, VbNode *to)
{
    VbHugePool *source = (VbHugePool *)vb_node_pool(from, page_size);
    VbHugePool *target = (VbHugePool *)vb_node_pool(to, page_size);
    guint64 pages = action->bytes / page_size + (action->bytes % page_size != 0);
    guint64 borrowed = target != NULL ? vb_pool_borrowed(target, pages) : 0;
    guint64 reserve = c->snapshot->reserve_bytes[action->to];
    guint64 room = to->memory_free_bytes > reserve ? to->memory_free_bytes - reserve : 0;
    if (target == NULL || target->free < pages || borrowed > room / page_size)
        return refuse_pool(c, action, page_size, target, pages);
    target->free -= pages;
    target->borrow -= borrowed;
    to->memory_free_bytes -= borrowed * page_size;
    from->memory_free_bytes += borrowed * page_size;
    if (source != NULL)
        source->free += pages - borrowed;
    return TRUE;
}

/* Books a move's bytes; a node that falls below its reserve refuses, with the numbers. */
static gboolean
book(const Case *c, const VbAction *action, const VbCell *cell, Ledger *ledger)
{
    VbNode *from = &ledger->topology.node[action->from];
    VbNode *to = &ledger->topology.node[action->to];
    g_autofree char *needed = vb_bytes_format(action->bytes);
    if (cell->page_size > 4096)
        return book_pages(c, action, cell->page_size, from, to);
    guint64 reserve = c->snapshot->reserve_bytes[action->to];
    guint64 room = to->memory_free_bytes > reserve ? to->memory_free_bytes - reserve : 0;
    if (room < action->bytes) {
        g_autofree char *free = vb_bytes_format(to->memory_free_bytes);
        g_autofree char *kept = vb_bytes_format(reserve);
        vb_plan_decline(c->notes, c->guest, "no-room",
                        "node %d has %s free of which %s stay in reserve, %s needed: free memory "
                        "there, name another node with --to, or lower reserve= in the config",
                        action->to, free, kept, needed);
        return FALSE;
    }
    to->memory_free_bytes -= action->bytes;
    from->memory_free_bytes += action->bytes;
    return TRUE;
}

static gboolean
let_through(const Case *c, Ledger *ledger)
{
    if (!check_right(c))
        return FALSE;
    g_autofree Ledger *tried = g_memdup2(ledger, sizeof *ledger);
    for (guint i = 0; i < c->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(c->actions, i);
        if (!check_terms(c, action) || !check_bounds(c, action))
            return FALSE;
        if (action->kind != VB_ACTION_MOVE)
            continue;
        if (!book(c, action, cell_of(c->guest, action->cell), tried))
            return FALSE;
        if (c->limits->budget_bytes > 0 && action->bytes > tried->budget_left) {
            g_autofree char *budget = vb_bytes_format(c->limits->budget_bytes);
            vb_plan_decline(c->notes, c->guest, "budget",
                            "the plan may move %s in all; the guests before it used that up",
                            budget);
            return FALSE;
        }
        tried->budget_left -= MIN(tried->budget_left, action->bytes);
    }
    *ledger = *tried;
    return TRUE;
}

/* The guests that a plan acts on, in the order of their first action. */
static GPtrArray *
guests_of(const VbPlan *plan)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    GPtrArray *uuids = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        if (g_hash_table_add(seen, action->uuid))
            g_ptr_array_add(uuids, g_strdup(action->uuid));
    }
    return uuids;
}

/* Returns: (transfer container) (element-type VbAction): those of that guest, in their order. */
static GPtrArray *
actions_of(const VbPlan *plan, const char *uuid)
{
    GPtrArray *actions = g_ptr_array_new();
    for (guint i = 0; i < plan->actions->len; i++) {
        VbAction *action = g_ptr_array_index(plan->actions, i);
        if (g_str_equal(action->uuid, uuid))
            g_ptr_array_add(actions, action);
    }
    return actions;
}

static void
remove_guest(VbPlan *plan, const char *uuid)
{
    for (guint i = plan->actions->len; i-- > 0;)
        if (g_strcmp0(((VbAction *)g_ptr_array_index(plan->actions, i))->uuid, uuid) == 0)
            g_ptr_array_remove_index(plan->actions, i);
}

static void
guard_guest(VbPlan *plan, const VbSnapshot *snapshot, const VbGuardLimits *limits,
            const char *uuid, Ledger *ledger)
{
    const VbGuest *guest = vb_snapshot_find(snapshot, uuid);
    if (guest == NULL) {
        remove_guest(plan, uuid);
        return;
    }
    g_autoptr(GPtrArray) actions = actions_of(plan, uuid);
    Case c = {snapshot, limits, guest, actions, plan};
    if (!let_through(&c, ledger))
        remove_guest(plan, uuid);
}

void
vb_guard_apply(VbPlan *plan, const VbSnapshot *snapshot, const VbGuardLimits *limits)
{
    g_autoptr(GPtrArray) uuids = guests_of(plan);
    g_autofree Ledger *ledger = g_new0(Ledger, 1);
    ledger->topology = snapshot->topology;
    ledger->budget_left = limits->budget_bytes;
    for (guint i = 0; i < uuids->len; i++)
        guard_guest(plan, snapshot, limits, g_ptr_array_index(uuids, i), ledger);
}
