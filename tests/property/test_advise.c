/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What advise says of a guest is where initial placement puts it when it comes; over made-up hosts. */
#include "engine/advise.h"
#include "generate.h"
#include "report.h"
#include "core/codec.h"

#define CASES 1000

typedef struct {
    guint32 seed;
    GRand *rand;
    VbSnapshot *host;
    VbConfig *config;
    VbAdviceRequest request;
    VbAdvice *advice;
    guint spread;
} Case;

static guint
below(Case *c, guint limit)
{
    return (guint)g_rand_int_range(c->rand, 0, (gint32)limit);
}

static void
set_up(Case *c, guint32 seed)
{
    static const char *const defaults[] = {NULL, NULL, "home-node", "balance", "none", "moron"};
    static const guint64 page_sizes[] = {0, 0, 0, 4096, 2 * MIB, GIB};
    c->seed = seed;
    c->rand = g_rand_new_with_seed(seed);
    c->host = generate_snapshot(seed, GENERATE_ANY);
    c->config = vb_config_new();
    c->config->default_policy = g_strdup(defaults[below(c, G_N_ELEMENTS(defaults))]);
    if (below(c, 4) == 0)
        c->config->reserved_nodes = VB_NODE_BIT(below(c, 8));
    c->request.page_size = page_sizes[below(c, G_N_ELEMENTS(page_sizes))];
    c->request.vcpus = 1 + below(c, below(c, 3) == 0 ? 24 : 4);
    c->request.bytes = below(c, below(c, 3) == 0 ? 48 * 1024 : 2048) * MIB;
    g_autoptr(GError) error = NULL;
    c->advice = vb_advise(c->host, c->config, &c->request, &error);
    g_assert_no_error(error);
}

static void
tear_down(Case *c)
{
    vb_advice_free(c->advice);
    vb_config_free(c->config);
    vb_snapshot_free(c->host);
    g_rand_free(c->rand);
}

static void
broken(const Case *c, const char *law)
{
    g_autoptr(JsonNode) node = vb_codec_snapshot(c->host), said = vb_advice_json(c->advice);
    g_autofree char *json = vb_codec_text(node, FALSE), *advice = vb_codec_text(said, FALSE);
    g_printerr("BROKEN LAW: %s\nseed %u; again: VB_PROPERTY_SEED=%u VB_PROPERTY_CASES=1\n"
               "advice: %ssnapshot: %s",
               law, c->seed, c->seed, advice, json);
    g_test_fail_printf("%s: seed %u", law, c->seed);
}

/* --- the guest comes --- */

/* A moment after its start: it ran somewhere, and has touched a little. Returns: how much. */
static guint64
touch(Case *c, VbGuest *guest)
{
    VbTopology *topology = &c->host->topology;
    VbCell *cell = world_cell_of(guest, 0);
    guint64 some = cell->size_bytes / 5 / 4096 * 4096;
    int node = (int)below(c, VB_NODES_MAX);
    if ((vb_topology_home_nodes(topology) & VB_NODE_BIT(node)) == 0 || cell->page_size != 4096 ||
        topology->node[node].memory_free_bytes < some)
        return 0;
    guint64 size = cell->size_bytes;
    world_fill(c->host, guest, 0, node, some);
    cell->size_bytes = size;
    return some;
}

static VbGuest *
arrive(Case *c, gboolean opted_in_by_itself)
{
    VbGuest *guest = world_guest(c->host, "young", "");
    VbNodeSet nodes = vb_topology_home_nodes(&c->host->topology);
    VbCell *cell = world_cell_of(guest, 0);
    int node = vb_nodeset_first(nodes);
    /* Nobody gave it the isolated ones. */
    guest->cpu_boundary = vb_topology_common_cpus(&c->host->topology, c->host->topology.nodes);
    guest->policy = g_strdup(opted_in_by_itself ? c->advice->policy : NULL);
    cell->page_size = MAX(c->request.page_size, 4096);
    cell->size_bytes = c->advice->request.bytes;
    for (guint i = 0; i < c->request.vcpus; i++) {
        VbVcpu *vcpu = vb_vcpu_new();
        vcpu->id = i;
        vcpu->share_known = below(c, 2) == 0;
        do
            node = (node + 1) % VB_NODES_MAX;
        while ((nodes & VB_NODE_BIT(node)) == 0);
        vcpu->share_bp[node] = VB_BP;
        vcpu->affinity_known = TRUE;
        vcpu->affinity = guest->cpu_boundary;
        g_ptr_array_add(guest->vcpus, vcpu);
    }
    return guest;
}

/* TRUE if what it touched so far may decide whether it fits. */
static gboolean
is_close(const Case *c, guint64 touched)
{
    for (guint i = 0; i < c->advice->ranking->len; i++) {
        const VbAdviceNode *one = &g_array_index(c->advice->ranking, VbAdviceNode, i);
        if (ABS(one->room.bytes - (gint64)c->request.bytes) <= (gint64)touched)
            return TRUE;
    }
    return FALSE;
}

/* All CPUs are on one node: the guest is held there without a pin. */
static gboolean
is_held_anyway(const Case *c)
{
    VbCpuSet all = vb_topology_cpus_of_nodes(&c->host->topology, c->host->topology.nodes);
    return vb_nodeset_count(vb_topology_nodes_of_cpus(&c->host->topology, &all)) == 1;
}

/* TRUE if the policy spreads it. */
static gboolean
is_spread(const Case *c)
{
    return vb_nodeset_count(c->advice->nodes) > 1 &&
           strstr(c->advice->reason, "would not place it") == NULL;
}

/* Returns: TRUE if there was something to compare. */
static gboolean
check_arrival(Case *c)
{
    const char *policy = c->config->default_policy;
    gboolean by_itself = policy != NULL && !g_str_equal(policy, c->advice->policy);
    VbGuest *guest = arrive(c, by_itself);
    g_autofree char *uuid = g_strdup(guest->uuid);
    guint64 touched = below(c, 2) == 0 ? touch(c, guest) : 0;
    VbNodeSet nodes = 0;
    if (touched > 0 && is_close(c, touched))
        return FALSE;
    g_clear_pointer(&c->host->rival, g_free);
    vb_snapshot_sort(c->host);
    g_autoptr(VbDecision) decision = vb_newcomer_decide(c->host, c->config, uuid, NULL);
    for (guint i = 0; i < decision->plan->actions->len; i++)
        nodes |= VB_NODE_BIT(((const VbAction *)g_ptr_array_index(decision->plan->actions, i))->to);
    gboolean declined = vb_plan_declined(decision->plan, uuid) != NULL;
    gboolean one = vb_nodeset_count(c->advice->nodes) == 1;
    if (one && declined)
        broken(c, "a guest that was promised a node is placed");
    else if (one && nodes != c->advice->nodes && !(nodes == 0 && is_held_anyway(c)))
        broken(c, "it is placed on the node that was promised");
    else if (!one && nodes != 0 && vb_nodeset_count(nodes) < 2)
        broken(c, "a guest that no single node holds is not put on one");
    else if (!one && touched == 0 && nodes != (is_spread(c) ? c->advice->nodes : 0))
        broken(c, "one that was promised several nodes is spread over these, and no other");
    c->spread += !one && nodes != 0;
    return TRUE;
}

static void
test_arrival(void)
{
    guint32 first = report_first_seed();
    guint cases = report_cases(CASES), compared = 0, placed = 0, spread = 0;
    for (guint32 seed = first; seed - first < cases && !g_test_failed(); seed++) {
        Case c = {0};
        set_up(&c, seed);
        compared += check_arrival(&c);
        placed += vb_nodeset_count(c.advice->nodes) == 1;
        spread += c.spread;
        tear_down(&c);
    }
    g_test_message("%u guests, %u compared, %u of all fit on a node, %u were spread", cases, compared,
                   placed, spread);
    if (cases >= 100) {
        g_assert_cmpuint(compared, >, cases * 9 / 10);
        g_assert_cmpuint(placed, >, cases / 4);
        g_assert_cmpuint(spread, >, cases / 50);
    }
}

/* --- several nodes, or none --- */

/* Who has no room takes no part, many CPUs as it may have. */
static gboolean
together(const Case *c, guint members)
{
    guint64 bytes = 0, page = MAX(c->request.page_size, 4096);
    guint cpus = 0;
    for (guint i = 0; i < c->advice->ranking->len; i++) {
        const VbAdviceNode *one = &g_array_index(c->advice->ranking, VbAdviceNode, i);
        if ((members >> i & 1) == 0)
            continue;
        guint64 pages = one->room.bytes > 0 ? (guint64)one->room.bytes / page : 0;
        if (c->request.bytes > 0 && pages == 0)
            return FALSE;
        bytes += pages;
        cpus += one->n_cpus;
    }
    return cpus >= c->request.vcpus && bytes * page >= c->advice->request.bytes;
}

static VbNodeSet
set_of(const Case *c, guint members)
{
    VbNodeSet set = 0;
    for (guint i = 0; i < c->advice->ranking->len; i++)
        if ((members >> i & 1) != 0)
            set |= VB_NODE_BIT(g_array_index(c->advice->ranking, VbAdviceNode, i).node);
    return set;
}

static guint
spread_of(const Case *c, VbNodeSet nodes)
{
    guint sum = 0;
    int a, b;
    VB_NODESET_FOREACH(a, nodes)
    VB_NODESET_FOREACH(b, nodes)
    sum += c->host->topology.node[a].distance[b];
    return sum;
}

static void
check_set(const Case *c)
{
    guint all = (1U << c->advice->ranking->len) - 1, count = vb_nodeset_count(c->advice->nodes);
    gboolean found = FALSE;
    for (guint members = 1; members <= all && all > 0; members++) {
        VbNodeSet set = set_of(c, members);
        if (!together(c, members))
            continue;
        found |= set == c->advice->nodes;
        if (count == 0)
            broken(c, "a guest that some nodes hold is not sent away");
        else if (!is_spread(c) && vb_nodeset_count(set) < count)
            broken(c, "no fewer nodes hold it");
        else if (!is_spread(c) && count > 1 && vb_nodeset_count(set) == count &&
                 spread_of(c, set) < spread_of(c, c->advice->nodes))
            broken(c, "no closer nodes hold it");
    }
    if (count > 0 && !found)
        broken(c, "the nodes hold it");
}

static void
check_parts(const Case *c)
{
    for (guint i = 0; is_spread(c) && i < c->advice->ranking->len; i++) {
        const VbAdviceNode *one = &g_array_index(c->advice->ranking, VbAdviceNode, i);
        if (one->chosen && c->request.bytes > 0 && one->room_then_bytes < 0)
            broken(c, "each node has room for the part of its vCPUs");
    }
}

static void
test_fewest_and_closest(void)
{
    guint32 first = report_first_seed();
    guint cases = report_cases(CASES), several = 0, nowhere = 0;
    for (guint32 seed = first; seed - first < cases && !g_test_failed(); seed++) {
        Case c = {0};
        set_up(&c, seed);
        check_set(&c);
        check_parts(&c);
        several += vb_nodeset_count(c.advice->nodes) > 1;
        nowhere += c.advice->nodes == 0;
        tear_down(&c);
    }
    g_test_message("%u on several nodes, %u nowhere", several, nowhere);
    if (cases >= 100) {
        g_assert_cmpuint(several, >, cases / 20);
        g_assert_cmpuint(nowhere, >, cases / 20);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/advise/the-guest-comes-to-where-it-was-promised", test_arrival);
    g_test_add_func("/advise/the-fewest-and-closest-nodes", test_fewest_and_closest);
    return g_test_run();
}
