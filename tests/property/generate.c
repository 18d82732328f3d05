/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "generate.h"
#include <string.h>

typedef struct {
    GRand *rand;
    GenerateMood mood;
    VbSnapshot *host;
} Maker;

static guint
below(Maker *maker, guint limit)
{
    return (guint)g_rand_int_range(maker->rand, 0, (gint32)limit);
}

/* TRUE in one of @of cases. */
static gboolean
rarely(Maker *maker, guint of)
{
    return below(maker, of) == 0;
}

/* As rarely(), never on a calm host. */
static gboolean
oddly(Maker *maker, guint of)
{
    return maker->mood == GENERATE_ANY && rarely(maker, of);
}

static int
any_of(Maker *maker, VbNodeSet nodes)
{
    guint nth = below(maker, vb_nodeset_count(nodes));
    int id;
    VB_NODESET_FOREACH(id, nodes)
    if (nth-- == 0)
        return id;
    g_assert_not_reached();
}

static VbNodeSet
some_of(Maker *maker, VbNodeSet nodes)
{
    VbNodeSet some = VB_NODE_BIT(any_of(maker, nodes));
    int id;
    VB_NODESET_FOREACH(id, nodes)
    if (rarely(maker, 2))
        some |= VB_NODE_BIT(id);
    return some;
}

/* Distances of nodes on a ring of boards; symmetric, and no way round is shorter than the way. */
static void
make_distances(Maker *maker)
{
    VbTopology *topology = &maker->host->topology;
    guint near = 11 + below(maker, 12), step = below(maker, 10), board = 1 + below(maker, 4);
    for (int a = 0; a < VB_NODES_MAX; a++)
        for (int b = 0; b < VB_NODES_MAX; b++) {
            guint apart = (guint)ABS(a / (int)board - b / (int)board);
            topology->node[a].distance[b] =
                a == b ? VB_DISTANCE_LOCAL : (guint16)(near + MIN(apart, 3) * step);
        }
}

static void
make_odd_nodes(Maker *maker)
{
    VbTopology *topology = &maker->host->topology;
    int id;
    VB_NODESET_FOREACH(id, topology->nodes)
    {
        VbNode *node = &topology->node[id];
        if (id != vb_nodeset_first(topology->nodes) && rarely(maker, 12)) {
            node->cpus = (VbCpuSet){0};
            node->n_cpus = 0;
        } else if (id != vb_nodeset_first(topology->nodes) && rarely(maker, 16)) {
            node->memory_total_bytes = node->memory_free_bytes = 0;
        }
        if (rarely(maker, 3))
            world_pool(topology, id, 2 * MIB, 1024, 1024);
        if (rarely(maker, 8))
            world_pool(topology, id, GIB, 4, 4);
        if (rarely(maker, 2))
            maker->host->reserve_bytes[id] = below(maker, 1024) * MIB;
    }
}

static void
make_host(Maker *maker)
{
    guint nodes = 1 + below(maker, 8);
    maker->host = world_host(nodes, 1 + below(maker, 8), (1 + below(maker, 16)) * GIB);
    make_distances(maker);
    for (guint i = nodes; i-- > 1;)
        if (rarely(maker, 8))
            world_rename_node(&maker->host->topology, (int)i, (int)(i * 7 + 8 + below(maker, 7)));
    make_odd_nodes(maker);
    if (oddly(maker, 40))
        maker->host->rival = g_strdup("numad");
}

static VbHugePool *
pool_of(VbNode *node, guint64 page_size)
{
    return (VbHugePool *)vb_node_pool(node, page_size);
}

/* Up to @bytes of the cell's pages come from @node, as much as it has. */
static void
fill(Maker *maker, VbGuest *guest, guint cell, int node, guint64 bytes)
{
    guint64 page_size = world_cell_of(guest, cell)->page_size;
    VbNode *from = &maker->host->topology.node[node];
    VbHugePool *pool = pool_of(from, page_size);
    if (page_size == 4096) {
        bytes = MIN(bytes, from->memory_free_bytes);
        world_fill(maker->host, guest, cell, node, bytes - bytes % 4096);
    } else if (pool != NULL) {
        guint64 pages = MIN(bytes / page_size, pool->free);
        pool->free -= pages;
        world_put(guest, cell, node, pages * page_size);
    }
}

static void
make_cell(Maker *maker, VbGuest *guest, guint index)
{
    static const guint64 page_sizes[] = {2 * MIB, GIB};
    VbCell *cell = world_cell_of(guest, index);
    guint64 size = (1 + below(maker, rarely(maker, 4) ? 8192 : 1024)) * MIB;
    if (rarely(maker, 5))
        cell->page_size = page_sizes[below(maker, 2)];
    for (guint part = 1 + below(maker, 3); part > 0; part--)
        fill(maker, guest, index, any_of(maker, maker->host->topology.nodes),
             size / part + below(maker, 100) * 4096);
    cell->movable = !rarely(maker, 12);
    cell->unmovable_bytes = rarely(maker, 6) ? below(maker, 512) * MIB : 0;
    cell->error_bp = below(maker, 100);
    cell->residency_known = !oddly(maker, 20);
    if (maker->mood == GENERATE_ANY)
        cell->remote_seen = cell->top_seen = below(maker, 4);
}

static void
make_vcpu(Maker *maker, VbGuest *guest, VbVcpu *vcpu)
{
    VbTopology *topology = &maker->host->topology;
    VbNodeSet nodes = vb_topology_nodes_of_cpus(topology, &vcpu->affinity);
    int first = any_of(maker, nodes), second = any_of(maker, nodes);
    memset(vcpu->share_bp, 0, sizeof vcpu->share_bp);
    guint share = rarely(maker, 3) ? below(maker, VB_BP) : VB_BP;
    vcpu->share_bp[first] += share;
    vcpu->share_bp[second] += VB_BP - share;
    vcpu->share_known = !oddly(maker, 20);
    vcpu->busy_bp = rarely(maker, 3) ? below(maker, 200) : below(maker, VB_BP + 1);
    vcpu->busy_known = !oddly(maker, 30);
    vcpu->cell = (int)below(maker, guest->cells->len);
    vcpu->affinity_known = !oddly(maker, 20);
    if (rarely(maker, 4) && vcpu->share_bp[first] == VB_BP)
        vcpu->affinity = topology->node[first].cpus;
}

static void
make_state(Maker *maker, VbGuest *guest)
{
    static const VbGuestState states[] = {VB_GUEST_PAUSED, VB_GUEST_BUSY, VB_GUEST_OFF,
                                          VB_GUEST_UNKNOWN};
    VbTopology *topology = &maker->host->topology;
    if (oddly(maker, 15))
        guest->state = states[below(maker, G_N_ELEMENTS(states))];
    if (oddly(maker, 3))
        guest->owner = (VbOwner)below(maker, VB_OWNER_OBSERVE_ONLY + 1);
    guest->forced = oddly(maker, 20);
    guest->selected = !rarely(maker, 6);
    if (rarely(maker, 4))
        guest->boundary = some_of(maker, topology->nodes);
    if (rarely(maker, 6)) {
        VbCpuSet cpus = vb_topology_cpus_of_nodes(topology, some_of(maker, topology->nodes));
        guest->cpu_boundary = vb_cpuset_and(&guest->cpu_boundary, &cpus);
    }
    if (oddly(maker, 4))
        guest->last_move_ns = maker->host->time_ns - below(maker, 120) * SECOND;
    for (guint i = 0; rarely(maker, 3) && i < guest->cells->len; i++)
        world_cell_of(guest, i)->home = some_of(maker, topology->nodes);
    if (rarely(maker, 3))
        world_settle(topology, guest, any_of(maker, vb_topology_home_nodes(topology)));
    for (guint i = 0; maker->mood == GENERATE_CALM && i < guest->cells->len; i++)
        world_cell_of(guest, i)->remote_seen = 9;
}

static void
set(GHashTable **settings, const char *name, gint64 value)
{
    if (*settings == NULL)
        *settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_replace(*settings, g_strdup(name), g_memdup2(&value, sizeof value));
}

static void
make_settings(Maker *maker, GHashTable **settings)
{
    static const gint64 tolerances[] = {0, 1, 100, 2000, VB_BP};
    if (rarely(maker, 2))
        set(settings, "tolerance", tolerances[below(maker, G_N_ELEMENTS(tolerances))]);
    if (rarely(maker, 2))
        set(settings, "move-cost", below(maker, 100));
    if (rarely(maker, 2))
        set(settings, "stickiness", 1 + below(maker, 10));
    if (rarely(maker, 2))
        set(settings, "minimum", below(maker, 16) * MIB);
}

static VbGuest *
make_guest(Maker *maker)
{
    VbGuest *guest = world_guest(maker->host, "guest", "");
    VbVcpu *blank;
    guint vcpus = oddly(maker, 30) ? 0 : 1 + below(maker, rarely(maker, 3) ? 8 : 3);
    guint cells = rarely(maker, 4) ? 2 + below(maker, 2) : 1;
    while (guest->cells->len < cells)
        world_cell(guest);
    for (guint i = 0; i < cells; i++)
        make_cell(maker, guest, i);
    for (guint i = 0; i < vcpus; i++) {
        blank = vb_vcpu_new();
        blank->id = i;
        blank->affinity = guest->cpu_boundary;
        g_ptr_array_add(guest->vcpus, blank);
        make_vcpu(maker, guest, blank);
    }
    if (rarely(maker, 2)) {
        VbHelperThread *helper = vb_helper_thread_new("emulator");
        helper->affinity_known = !oddly(maker, 3);
        helper->affinity = guest->cpu_boundary;
        g_ptr_array_add(guest->helpers, helper);
    }
    make_state(maker, guest);
    if (rarely(maker, 10))
        make_settings(maker, &guest->settings);
    return guest;
}

/* The same guest once more under the next UUID, if the nodes have the memory for it. */
static void
make_twin(Maker *maker, const VbGuest *guest)
{
    VbGuest *twin = vb_guest_copy(guest);
    g_free(twin->uuid);
    twin->uuid = world_uuid(maker->host->guests->len);
    for (guint i = 0; i < twin->cells->len; i++) {
        VbCell *cell = world_cell_of(twin, i);
        guint64 by_node[VB_NODES_MAX];
        memcpy(by_node, cell->by_node, sizeof by_node);
        memset(cell->by_node, 0, sizeof cell->by_node);
        cell->present_bytes = cell->size_bytes = 0;
        for (int node = 0; node < VB_NODES_MAX; node++)
            fill(maker, twin, i, node, by_node[node]);
    }
    g_ptr_array_add(maker->host->guests, twin);
}

static void
count_faults(GRand *rand, const VbGuest *guest, VbVcpu *vcpu)
{
    guint first = (guint)g_rand_int_range(rand, 0, VB_BP + 1);
    vcpu->faults_known = TRUE;
    vcpu->private_bp = (guint)g_rand_int_range(rand, 0, VB_BP + 1);
    if (vcpu->share_known) {
        vcpu->access_known = TRUE;
        vcpu->access_bp[g_rand_int_range(rand, 0, 2) * vb_nodeset_first(guest->boundary)] = VB_BP;
    }
    vcpu->cells_known = TRUE;
    vcpu->cell_bp[0] = first;
    vcpu->cell_bp[guest->cells->len - 1] += VB_BP - first;
}

/* On some hosts the kernel tells of faults: by dice of their own, so that all else stays as it was. */
static void
tell_faults(const VbSnapshot *host, guint32 seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed ^ 0xfa017);
    for (guint i = 0; seed % 3 == 0 && i < host->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(host->guests, i);
        for (guint v = 0; v < guest->vcpus->len; v++)
            if (g_rand_boolean(rand))
                count_faults(rand, guest, world_vcpu_of(guest, v));
    }
}

/* On some hosts an administrator asks for some guests, or all: by dice of their own, too. */
static void
ask_for_some(const VbSnapshot *host, guint32 seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed ^ 0xa5ced);
    gint32 of = g_rand_int_range(rand, 1, 4);
    for (guint i = 0; seed % 5 < 2 && i < host->guests->len; i++) {
        VbGuest *guest = g_ptr_array_index(host->guests, i);
        guest->asked = guest->selected && g_rand_int_range(rand, 0, of) == 0;
    }
}

/* Odd hosts: uneven nodes, threads that share cores, isolated CPUs, slow RAM, and devices; by dice of their own, too. */
static void
tell_shape(const VbSnapshot *host, guint32 seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed ^ 0x5a4be);
    VbTopology *topology = (VbTopology *)&host->topology;
    int id;
    if (seed % 4 != 1)
        return;
    VB_NODESET_FOREACH(id, topology->nodes)
    {
        VbNode *node = &topology->node[id];
        if (node->n_cpus > 1 && g_rand_boolean(rand))
            node->capacity_bp = node->n_cpus / 2 * 13000 + node->n_cpus % 2 * VB_BP;
        guint64 more = g_rand_boolean(rand) ? (guint64)g_rand_int_range(rand, 0, 64) * GIB : 0;
        if (node->memory_total_bytes > 0) {
            node->memory_total_bytes += more;
            node->memory_free_bytes += more;
        }
        node->bandwidth_mib_s = seed % 8 == 1 ? (guint)g_rand_int_range(rand, 1, 400000) : 0;
        for (guint cpu = 0; node->n_cpus > 2 && cpu < VB_CPUS_MAX; cpu++)
            if (vb_cpuset_has(&node->cpus, cpu) && g_rand_int_range(rand, 0, 6) == 0)
                vb_cpuset_add(&topology->isolated, cpu);
    }
    for (guint i = 0; i < host->guests->len; i++) {
        VbGuest *guest = g_ptr_array_index(host->guests, i);
        if (g_rand_boolean(rand))
            guest->cpu_boundary = vb_cpuset_minus(&guest->cpu_boundary, &topology->isolated);
        VB_NODESET_FOREACH(id, topology->nodes)
        guest->devices[id] = g_rand_boolean(rand) ? (guint64)g_rand_int_range(rand, 0, 3) : 0;
    }
}

/* On some hosts guests have more RAM than a node, or ask for more nodes than they need: by dice of their own, too.
 * Only on some: over time there, not each policy comes to rest that knows one home only. */
static void
widen(VbSnapshot *host, guint32 seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed ^ 0x1eaf);
    for (guint i = 0; seed % 16 == 15 && i < host->guests->len; i++) {
        VbGuest *guest = g_ptr_array_index(host->guests, i);
        int id, times = g_rand_int_range(rand, 0, 4);
        if (g_rand_boolean(rand))
            set(&guest->settings, "interleave", g_rand_int_range(rand, 0, 6));
        VB_NODESET_FOREACH(id, times == 0 ? host->topology.nodes : 0)
        world_fill(host, guest, 0, id,
                   host->topology.node[id].memory_free_bytes / (guint64)g_rand_int_range(rand, 2, 9) / GIB * GIB);
    }
}

VbSnapshot *
generate_snapshot(guint32 seed, GenerateMood mood)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    Maker maker = {.rand = rand, .mood = mood};
    make_host(&maker);
    if (rarely(&maker, 8))
        make_settings(&maker, &maker.host->settings);
    for (guint guests = below(&maker, 13); guests > 0; guests--) {
        const VbGuest *guest = make_guest(&maker);
        if (rarely(&maker, 6))
            make_twin(&maker, guest);
    }
    vb_snapshot_sort(maker.host);
    tell_faults(maker.host, seed);
    ask_for_some(maker.host, seed);
    tell_shape(maker.host, seed);
    widen(maker.host, seed);
    return maker.host;
}

static void
shuffle(GRand *rand, GPtrArray *array)
{
    for (guint i = array->len; i > 1; i--) {
        guint other = (guint)g_rand_int_range(rand, 0, (gint32)i);
        gpointer last = array->pdata[i - 1];
        array->pdata[i - 1] = array->pdata[other];
        array->pdata[other] = last;
    }
}

/* What is by cell goes with the cells. */
static void
shuffle_weights(const GPtrArray *cells, const GPtrArray *before, VbVcpu *vcpu)
{
    guint weight[VB_CELLS_MAX], index;
    memcpy(weight, vcpu->cell_bp, sizeof weight);
    for (guint i = 0; i < before->len; i++) {
        g_assert_true(g_ptr_array_find((GPtrArray *)cells, before->pdata[i], &index));
        vcpu->cell_bp[index] = weight[i];
    }
}

static void
shuffle_cells(GRand *rand, VbGuest *guest)
{
    g_autoptr(GPtrArray) before = g_ptr_array_new();
    for (guint i = 0; i < guest->cells->len; i++)
        g_ptr_array_add(before, g_ptr_array_index(guest->cells, i));
    shuffle(rand, guest->cells);
    for (guint i = 0; i < guest->vcpus->len; i++) {
        VbVcpu *vcpu = world_vcpu_of(guest, i);
        guint index;
        g_assert_true(g_ptr_array_find(guest->cells, before->pdata[vcpu->cell], &index));
        vcpu->cell = (int)index;
        shuffle_weights(guest->cells, before, vcpu);
    }
}

void
generate_shuffle(VbSnapshot *snapshot, guint32 seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    for (guint i = 0; i < snapshot->guests->len; i++) {
        VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        shuffle_cells(rand, guest);
        shuffle(rand, guest->vcpus);
        shuffle(rand, guest->helpers);
    }
    shuffle(rand, snapshot->guests);
}
