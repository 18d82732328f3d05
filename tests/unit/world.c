/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "world.h"
#include <stdlib.h>
#include <string.h>

char *
world_uuid(guint n)
{
    return g_strdup_printf("%08x-0000-4000-8000-000000000000", n);
}

VbTopology *
world_topology(guint nodes, guint cpus, guint64 memory)
{
    VbTopology *topology = g_new0(VbTopology, 1);
    for (guint i = 0; i < nodes; i++) {
        VbNode *node = &topology->node[i];
        topology->nodes |= VB_NODE_BIT(i);
        for (guint cpu = 0; cpu < cpus; cpu++)
            vb_cpuset_add(&node->cpus, i * cpus + cpu);
        node->n_cpus = cpus;
        node->memory_total_bytes = memory;
        node->memory_free_bytes = memory;
        for (guint other = 0; other < nodes; other++)
            node->distance[other] = i == other ? VB_DISTANCE_LOCAL : 21;
    }
    return topology;
}

VbSnapshot *
world_host(guint nodes, guint cpus, guint64 memory)
{
    g_autofree VbTopology *topology = world_topology(nodes, cpus, memory);
    VbSnapshot *snapshot = vb_snapshot_new();
    snapshot->time_ns = 1000 * SECOND;
    snapshot->topology = *topology;
    return snapshot;
}

void
world_distances(VbTopology *topology, const char *rows)
{
    g_auto(GStrv) row = g_strsplit(rows, ":", -1);
    for (guint i = 0; row[i] != NULL; i++) {
        g_auto(GStrv) value = g_strsplit(row[i], ",", -1);
        for (guint j = 0; value[j] != NULL; j++)
            topology->node[i].distance[j] = (guint16)atoi(value[j]);
    }
}

void
world_rename_node(VbTopology *topology, int from, int to)
{
    int id;
    g_assert_false(topology->nodes & VB_NODE_BIT(to));
    topology->node[to] = topology->node[from];
    topology->nodes = (topology->nodes & ~VB_NODE_BIT(from)) | VB_NODE_BIT(to);
    memset(&topology->node[from], 0, sizeof topology->node[from]);
    VB_NODESET_FOREACH(id, topology->nodes)
    {
        topology->node[id].distance[to] = topology->node[id].distance[from];
        topology->node[id].distance[from] = 0;
    }
}

void
world_pool(VbTopology *topology, int node, guint64 page_size, guint64 total, guint64 free)
{
    VbNode *owner = &topology->node[node];
    g_assert_cmpuint(owner->n_pools, <, VB_POOLS_MAX);
    owner->pools[owner->n_pools++] =
        (VbHugePool){.page_size = page_size, .total = total, .free = free};
}

static void
add_vcpu(VbGuest *guest, const VbTopology *topology, guint id, int node)
{
    VbVcpu *vcpu = vb_vcpu_new();
    vcpu->id = id;
    vcpu->tid = guest->pid * 100 + (int)id;
    vcpu->busy_known = TRUE;
    vcpu->busy_bp = VB_BP;
    vcpu->share_known = TRUE;
    vcpu->share_bp[node] = VB_BP;
    vcpu->affinity_known = TRUE;
    vcpu->affinity = vb_topology_cpus_of_nodes(topology, topology->nodes);
    g_ptr_array_add(guest->vcpus, vcpu);
}

VbGuest *
world_guest_new(const VbTopology *topology, guint n, const char *name, const char *ran)
{
    VbGuest *guest = vb_guest_new();
    guest->name = g_strdup(name);
    guest->uuid = world_uuid(n);
    guest->pid = 100 + (int)n;
    guest->start_time = 5000 + n;
    guest->state = VB_GUEST_RUNNING;
    guest->selected = TRUE;
    guest->boundary = topology->nodes;
    guest->cpu_boundary = vb_topology_cpus_of_nodes(topology, topology->nodes);
    world_cell(guest);
    g_auto(GStrv) node = g_strsplit(ran, ",", -1);
    for (guint i = 0; node[i] != NULL; i++)
        add_vcpu(guest, topology, i, atoi(node[i]));
    return guest;
}

VbGuest *
world_guest(VbSnapshot *snapshot, const char *name, const char *ran)
{
    VbGuest *guest = world_guest_new(&snapshot->topology, snapshot->guests->len, name, ran);
    g_ptr_array_add(snapshot->guests, guest);
    return guest;
}

VbCell *
world_cell(VbGuest *guest)
{
    VbCell *cell = vb_cell_new();
    cell->id = guest->cells->len;
    cell->residency_known = TRUE;
    cell->remote_seen = cell->top_seen = 9;
    g_ptr_array_add(guest->cells, cell);
    return cell;
}

VbCell *
world_cell_of(const VbGuest *guest, guint cell)
{
    return g_ptr_array_index(guest->cells, cell);
}

VbVcpu *
world_vcpu_of(const VbGuest *guest, guint vcpu)
{
    return g_ptr_array_index(guest->vcpus, vcpu);
}

void
world_put(VbGuest *guest, guint cell, int node, guint64 bytes)
{
    VbCell *into = world_cell_of(guest, cell);
    into->size_bytes += bytes;
    into->present_bytes += bytes;
    into->by_node[node] += bytes;
}

void
world_fill(VbSnapshot *snapshot, VbGuest *guest, guint cell, int node, guint64 bytes)
{
    g_assert_cmpuint(snapshot->topology.node[node].memory_free_bytes, >=, bytes);
    snapshot->topology.node[node].memory_free_bytes -= bytes;
    world_put(guest, cell, node, bytes);
}

void
world_settle(const VbTopology *topology, VbGuest *guest, int node)
{
    guest->owner = VB_OWNER_OURS;
    for (guint i = 0; i < guest->cells->len; i++) {
        world_cell_of(guest, i)->home = VB_NODE_BIT(node);
        world_cell_of(guest, i)->remote_seen = 0;
    }
    for (guint i = 0; i < guest->vcpus->len; i++) {
        VbVcpu *vcpu = world_vcpu_of(guest, i);
        vcpu->affinity = topology->node[node].cpus;
        memset(vcpu->share_bp, 0, sizeof vcpu->share_bp);
        vcpu->share_bp[node] = VB_BP;
    }
}

VbObservation *
world_look(VbLookDepth depth, gint64 time_ns, const VbTopology *topology)
{
    VbObservation *look = vb_observation_new(depth);
    look->time_ns = time_ns;
    if (depth == VB_LOOK_FULL)
        look->topology = *topology;
    return look;
}

VbGuestSight *
world_sight(VbObservation *look, guint n)
{
    VbGuestSight *sight = vb_guest_sight_new();
    vb_guest_free(sight->facts);
    g_autofree char *name = g_strdup_printf("guest%u", n);
    sight->facts = world_guest_new(&look->topology, n, name, "");
    sight->facts->selected = FALSE;
    world_cell_of(sight->facts, 0)->remote_seen = 0;
    g_ptr_array_add(look->guests, sight);
    return sight;
}

VbVcpuSight *
world_thread(VbGuestSight *sight, guint id, guint64 run_ns, int cpu)
{
    VbVcpuSight *thread = vb_vcpu_sight_new();
    thread->id = id;
    thread->tid = sight->facts->pid * 100 + (int)id;
    thread->run_known = TRUE;
    thread->run_ns = run_ns;
    thread->last_cpu = cpu;
    g_ptr_array_add(sight->vcpus, thread);
    return thread;
}

static char *
describe_action(const VbAction *action)
{
    if (action->kind == VB_ACTION_PIN)
        return g_strdup_printf("pin %s >%d", action->thread, action->to);
    guint64 mib = action->bytes / MIB;
    return g_strdup_printf("move %u: %d>%d %" G_GUINT64_FORMAT "%s", action->cell, action->from,
                           action->to, mib * MIB == action->bytes ? mib : action->bytes,
                           mib * MIB == action->bytes ? "M" : "");
}

static int
compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *
world_describe(const VbPlan *plan, const VbGuest *guest)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        if (g_str_equal(action->uuid, guest->uuid))
            g_ptr_array_add(texts, describe_action(action));
    }
    g_ptr_array_sort(texts, compare_texts);
    g_ptr_array_add(texts, NULL);
    return g_strjoinv("; ", (char **)texts->pdata);
}
