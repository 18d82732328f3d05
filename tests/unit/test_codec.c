/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include <string.h>

/*
 * Round trips compare the structs themselves with only their pointers taken out, so a field that is
 * added to a struct and forgotten in the codec fails here.
 */

static guint64
any_u64(GRand *rand)
{
    static const guint64 edges[] = {0,
                                    1,
                                    4096,
                                    G_GUINT64_CONSTANT(1) << 53,
                                    (G_GUINT64_CONSTANT(1) << 53) + 1,
                                    G_MAXINT64,
                                    (guint64)G_MAXINT64 + 1,
                                    G_MAXUINT64};
    if (g_rand_int_range(rand, 0, 4) == 0)
        return edges[g_rand_int_range(rand, 0, G_N_ELEMENTS(edges))];
    return (guint64)g_rand_int(rand) << 20 | g_rand_int(rand);
}

static char *
any_text(GRand *rand)
{
    static const char *const texts[] = {"web1",
                                        "quote\" back\\slash",
                                        "tab\there\nline",
                                        "日本語",
                                        "\x1b[31mred",
                                        "0.96999999999999997",
                                        "-1.5",
                                        ""};
    guint at = (guint)g_rand_int_range(rand, 0, G_N_ELEMENTS(texts) + 1);
    return at < G_N_ELEMENTS(texts) ? g_strdup(texts[at]) : NULL;
}

static char *
any_name(GRand *rand)
{
    char *text = any_text(rand);
    return text != NULL ? text : g_strdup("guest");
}

static VbCpuSet
any_cpus(GRand *rand)
{
    VbCpuSet set = {0};
    for (int i = g_rand_int_range(rand, 0, 20); i > 0; i--)
        vb_cpuset_add(&set, (guint)g_rand_int_range(rand, 0, VB_CPUS_MAX));
    return set;
}

static VbNodeSet
any_nodes(GRand *rand)
{
    VbNodeSet set = 0;
    for (int i = g_rand_int_range(rand, 0, 6); i > 0; i--)
        set |= VB_NODE_BIT(g_rand_int_range(rand, 0, VB_NODES_MAX));
    return set;
}

static GHashTable *
any_settings(GRand *rand)
{
    if (g_rand_boolean(rand))
        return NULL;
    GHashTable *settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (int i = g_rand_int_range(rand, 0, 4); i > 0; i--) {
        gint64 value = (gint64)any_u64(rand) / 2;
        g_hash_table_insert(settings, g_strdup_printf("parameter %d", i),
                            g_memdup2(&value, sizeof value));
    }
    return settings;
}

static void
fill_topology(GRand *rand, VbTopology *topology, guint64 *reserve)
{
    int id, other;
    topology->nodes = any_nodes(rand);
    if (g_rand_boolean(rand))
        topology->isolated = topology->barred = any_cpus(rand);
    VB_NODESET_FOREACH(id, topology->nodes)
    {
        VbNode *node = &topology->node[id];
        node->cpus = any_cpus(rand);
        node->n_cpus = vb_cpuset_count(&node->cpus);
        node->capacity_bp = (guint)g_rand_int_range(rand, 0, 2) *
                            (guint)g_rand_int_range(rand, 1, VB_CPUS_MAX * VB_BP);
        node->bandwidth_mib_s = g_rand_boolean(rand) ? g_rand_int(rand) : 0;
        node->memory_total_bytes = any_u64(rand);
        node->memory_free_bytes = any_u64(rand);
        node->n_pools = (guint)g_rand_int_range(rand, 0, VB_POOLS_MAX + 1);
        for (guint i = 0; i < node->n_pools; i++)
            {
            guint64 free = any_u64(rand);
            node->pools[i] = (VbHugePool){1 << 21, any_u64(rand), free,
                                          g_rand_boolean(rand) ? free / 2 : 0};
        }
        VB_NODESET_FOREACH(other, topology->nodes)
        node->distance[other] = (guint16)g_rand_int_range(rand, 0, G_MAXUINT16 + 1);
        reserve[id] = any_u64(rand);
    }
}

static VbCell *
any_cell(GRand *rand, guint id, VbNodeSet nodes)
{
    VbCell *cell = vb_cell_new();
    int node;
    cell->id = id;
    cell->size_bytes = any_u64(rand);
    cell->page_size = G_GUINT64_CONSTANT(1) << g_rand_int_range(rand, 12, 31);
    cell->residency_known = g_rand_boolean(rand);
    if (cell->residency_known) {
        cell->present_bytes = any_u64(rand);
        cell->error_bp = (guint)g_rand_int_range(rand, 0, VB_BP + 1);
        cell->unmovable_bytes = any_u64(rand);
        cell->unmapped_known = g_rand_boolean(rand);
        cell->unmapped_bytes = cell->unmapped_known ? any_u64(rand) : 0;
        cell->unmapped_error_bytes = cell->unmapped_known ? any_u64(rand) : 0;
        VB_NODESET_FOREACH(node, nodes)
        cell->by_node[node] = any_u64(rand);
    }
    cell->movable = g_rand_boolean(rand);
    cell->note = any_text(rand);
    cell->home = any_nodes(rand);
    cell->remote_seen = g_rand_int(rand);
    cell->top = g_rand_int_range(rand, VB_NO_NODE, VB_NODES_MAX);
    cell->top_seen = g_rand_int(rand);
    if (nodes != 0 && g_rand_boolean(rand)) {
        cell->left_bytes[vb_nodeset_first(nodes)] = any_u64(rand);
        cell->stuck_bytes[63 - __builtin_clzll(nodes)] = any_u64(rand);
        cell->stuck_ns = (gint64)(any_u64(rand) / 2);
    }
    return cell;
}

static VbTerms
any_terms(GRand *rand)
{
    VbTerms terms = {0};
    terms.pins = (VbAnswer)g_rand_int_range(rand, 0, VB_ANSWER_YES + 1);
    terms.moves = (VbAnswer)g_rand_int_range(rand, 0, VB_ANSWER_YES + 1);
    terms.locality_min_known = g_rand_boolean(rand);
    terms.locality_min_bp =
        terms.locality_min_known ? (guint)g_rand_int_range(rand, 0, VB_BP + 1) : 0;
    terms.locality_target_known = g_rand_boolean(rand);
    terms.locality_target_bp =
        terms.locality_target_known ? (guint)g_rand_int_range(rand, 0, VB_BP + 1) : 0;
    terms.rate_known = g_rand_boolean(rand);
    terms.rate_bytes_per_s = terms.rate_known ? any_u64(rand) : 0;
    terms.cooldown_known = g_rand_boolean(rand);
    terms.cooldown_ns = terms.cooldown_known ? (gint64)(any_u64(rand) / 2) : 0;
    return terms;
}

static VbGuest *
any_guest(GRand *rand, guint number, VbNodeSet nodes)
{
    VbGuest *guest = vb_guest_new();
    guest->name = any_name(rand);
    guest->uuid = g_strdup_printf("%08x-0000-4000-8000-%012x", number, g_rand_int(rand));
    guest->pid = g_rand_int_range(rand, 0, G_MAXINT);
    guest->start_time = any_u64(rand);
    guest->state = (VbGuestState)g_rand_int_range(rand, 0, VB_GUEST_UNKNOWN + 1);
    guest->owner = (VbOwner)g_rand_int_range(rand, 0, VB_OWNER_OBSERVE_ONLY + 1);
    guest->owner_code = any_text(rand);
    guest->reason = any_text(rand);
    guest->boundary = any_nodes(rand);
    guest->cpu_boundary = any_cpus(rand);
    guest->policy = any_text(rand);
    guest->selected = g_rand_boolean(rand);
    guest->forced = g_rand_boolean(rand);
    guest->asked = g_rand_boolean(rand);
    guest->settings = any_settings(rand);
    int node;
    VB_NODESET_FOREACH(node, nodes)
    guest->devices[node] = g_rand_boolean(rand) ? (guint64)g_rand_int_range(rand, 0, 65536) : 0;
    guest->terms = any_terms(rand);
    guest->last_move_ns = (gint64)any_u64(rand) / 2;
    guest->statistics = (VbStatistics){
        .since_ns = (gint64)any_u64(rand) / 2,
        .watched_us = any_u64(rand),
        .local_bp_us = any_u64(rand),
        .moved_bytes = any_u64(rand),
        .moving_ns = (gint64)(any_u64(rand) / 2),
    };
    for (guint cause = 0; cause < VB_CAUSES; cause++)
        guest->statistics.placed[cause] = g_rand_int(rand);
    for (int i = g_rand_int_range(rand, 1, 4), id = 0; i > 0; i--, id += 2)
        g_ptr_array_add(guest->cells, any_cell(rand, (guint)id, nodes));
    for (int i = g_rand_int_range(rand, 0, 3); i > 0; i--) {
        VbHelperThread *helper = vb_helper_thread_new("iothread1");
        helper->affinity_known = g_rand_boolean(rand);
        if (helper->affinity_known)
            helper->affinity = any_cpus(rand);
        g_ptr_array_add(guest->helpers, helper);
    }
    return guest;
}

static VbVcpu *
any_vcpu(GRand *rand, guint id, const VbGuest *guest, VbNodeSet nodes)
{
    VbVcpu *vcpu = vb_vcpu_new();
    vcpu->id = id;
    vcpu->tid = g_rand_int_range(rand, 0, G_MAXINT);
    vcpu->cell = g_rand_int_range(rand, -1, (gint32)guest->cells->len);
    vcpu->busy_known = g_rand_boolean(rand);
    if (vcpu->busy_known)
        vcpu->busy_bp = (guint)g_rand_int_range(rand, 0, VB_BP + 1);
    vcpu->share_known = nodes != 0 && g_rand_boolean(rand);
    if (vcpu->share_known) {
        guint first = (guint)g_rand_int_range(rand, 0, VB_BP + 1);
        vcpu->share_bp[vb_nodeset_first(nodes)] = first;
        vcpu->share_bp[63 - __builtin_clzll(nodes)] += VB_BP - first;
        memcpy(vcpu->access_bp, vcpu->share_bp, sizeof vcpu->access_bp);
        vcpu->access_known = TRUE;
        vcpu->faults_known = g_rand_boolean(rand);
        vcpu->private_bp = vcpu->faults_known ? first : 0;
        vcpu->cells_known = vcpu->faults_known;
        if (vcpu->cells_known) {
            vcpu->cell_bp[0] = first;
            vcpu->cell_bp[guest->cells->len - 1] += VB_BP - first;
        }
    }
    vcpu->wait_known = g_rand_boolean(rand);
    if (vcpu->wait_known)
        vcpu->wait_bp = (guint)g_rand_int_range(rand, 0, VB_BP + 1);
    vcpu->affinity_known = g_rand_boolean(rand);
    if (vcpu->affinity_known)
        vcpu->affinity = any_cpus(rand);
    return vcpu;
}

static VbSnapshot *
any_snapshot(GRand *rand)
{
    VbSnapshot *snapshot = vb_snapshot_new();
    snapshot->time_ns = (gint64)any_u64(rand) / 2;
    fill_topology(rand, &snapshot->topology, snapshot->reserve_bytes);
    snapshot->settings = any_settings(rand);
    snapshot->rival = any_text(rand);
    snapshot->kernel_balancing = g_rand_boolean(rand);
    for (guint i = 0, n = (guint)g_rand_int_range(rand, 0, 6); i < n; i++) {
        VbGuest *guest = any_guest(rand, i, snapshot->topology.nodes);
        for (guint j = 0, vcpus = (guint)g_rand_int_range(rand, 0, 5); j < vcpus; j++)
            g_ptr_array_add(guest->vcpus, any_vcpu(rand, j * 3, guest, snapshot->topology.nodes));
        g_ptr_array_add(snapshot->guests, guest);
    }
    vb_snapshot_sort(snapshot);
    return snapshot;
}

static void
fill_asked(GRand *rand, VbNodeSet nodes, VbGuestSight *sight)
{
    int node;
    sight->held_known = nodes != 0 && g_rand_boolean(rand);
    sight->asked_held_known = nodes != 0 && g_rand_boolean(rand);
    sight->asked_ns = g_rand_boolean(rand) ? (gint64)any_u64(rand) / 2 : 0;
    VB_NODESET_FOREACH(node, nodes)
    {
        sight->held_bytes[node] = sight->held_known ? any_u64(rand) : 0;
        sight->asked_held_bytes[node] = sight->asked_held_known ? any_u64(rand) : 0;
    }
}

static VbObservation *
any_observation(GRand *rand)
{
    VbObservation *observation = vb_observation_new(VB_LOOK_FULL);
    observation->time_ns = (gint64)any_u64(rand) / 2;
    fill_topology(rand, &observation->topology, observation->reserve_bytes);
    observation->rival = any_text(rand);
    observation->thp = any_text(rand);
    observation->kernel_balancing = g_rand_boolean(rand);
    observation->faults = (VbFaultsProbe)g_rand_int_range(rand, 0, VB_FAULTS_STRANGE + 1);
    for (guint i = 0, n = (guint)g_rand_int_range(rand, 0, 6); i < n; i++) {
        VbGuestSight *sight = vb_guest_sight_new();
        vb_guest_free(sight->facts);
        sight->facts = any_guest(rand, i, observation->topology.nodes);
        fill_asked(rand, observation->topology.nodes, sight);
        for (guint j = 0, vcpus = (guint)g_rand_int_range(rand, 0, 5); j < vcpus; j++) {
            VbVcpuSight *vcpu = vb_vcpu_sight_new();
            vcpu->id = j;
            vcpu->tid = g_rand_int_range(rand, 0, G_MAXINT);
            vcpu->run_known = g_rand_boolean(rand);
            if (vcpu->run_known)
                vcpu->run_ns = any_u64(rand);
            vcpu->wait_known = g_rand_boolean(rand);
            if (vcpu->wait_known)
                vcpu->wait_ns = any_u64(rand);
            vcpu->faults_known = observation->topology.nodes != 0 && g_rand_boolean(rand);
            int node;
            VB_NODESET_FOREACH(node, vcpu->faults_known ? observation->topology.nodes : 0)
            {
                vcpu->private_faults[node] = any_u64(rand);
                vcpu->shared_faults[node] = any_u64(rand);
            }
            vcpu->last_cpu = g_rand_int_range(rand, -1, VB_CPUS_MAX);
            vcpu->affinity_known = g_rand_boolean(rand);
            if (vcpu->affinity_known)
                vcpu->affinity = any_cpus(rand);
            vcpu->cell = g_rand_int_range(rand, -1, (gint32)sight->facts->cells->len);
            g_ptr_array_add(sight->vcpus, vcpu);
        }
        g_ptr_array_add(observation->guests, sight);
    }
    return observation;
}

static void
assert_same_settings(GHashTable *a, GHashTable *b)
{
    g_assert_true((a == NULL) == (b == NULL));
    if (a == NULL)
        return;
    g_assert_cmpuint(g_hash_table_size(a), ==, g_hash_table_size(b));
    GHashTableIter iter;
    gpointer name, value;
    g_hash_table_iter_init(&iter, a);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        const gint64 *other = g_hash_table_lookup(b, name);
        g_assert_nonnull(other);
        g_assert_cmpint(*(gint64 *)value, ==, *other);
    }
}

static void
assert_same_cell(const VbCell *a, const VbCell *b)
{
    VbCell left = *a, right = *b;
    g_assert_cmpstr(a->note, ==, b->note);
    left.note = right.note = NULL;
    g_assert_cmpmem(&left, sizeof left, &right, sizeof right);
}

static void
assert_same_helper(const VbHelperThread *a, const VbHelperThread *b)
{
    VbHelperThread left = *a, right = *b;
    g_assert_cmpstr(a->name, ==, b->name);
    left.name = right.name = NULL;
    g_assert_cmpmem(&left, sizeof left, &right, sizeof right);
}

static void
assert_same_guest(const VbGuest *a, const VbGuest *b)
{
    VbGuest guest[2] = {*a, *b};
    g_assert_cmpstr(a->name, ==, b->name);
    g_assert_cmpstr(a->uuid, ==, b->uuid);
    g_assert_cmpstr(a->owner_code, ==, b->owner_code);
    g_assert_cmpstr(a->reason, ==, b->reason);
    g_assert_cmpstr(a->policy, ==, b->policy);
    assert_same_settings(a->settings, b->settings);
    g_assert_cmpuint(a->cells->len, ==, b->cells->len);
    for (guint i = 0; i < a->cells->len; i++)
        assert_same_cell(g_ptr_array_index(a->cells, i), g_ptr_array_index(b->cells, i));
    g_assert_cmpuint(a->helpers->len, ==, b->helpers->len);
    for (guint i = 0; i < a->helpers->len; i++)
        assert_same_helper(g_ptr_array_index(a->helpers, i), g_ptr_array_index(b->helpers, i));
    g_assert_cmpuint(a->vcpus->len, ==, b->vcpus->len);
    for (guint i = 0; i < a->vcpus->len; i++)
        g_assert_cmpmem(g_ptr_array_index(a->vcpus, i), sizeof(VbVcpu),
                        g_ptr_array_index(b->vcpus, i), sizeof(VbVcpu));
    for (guint i = 0; i < 2; i++) {
        VbGuest *g = &guest[i];
        g->name = g->uuid = g->owner_code = g->reason = g->policy = NULL;
        g->vcpus = g->helpers = g->cells = NULL;
        g->settings = NULL;
    }
    g_assert_cmpmem(&guest[0], sizeof guest[0], &guest[1], sizeof guest[1]);
}

static void
assert_same_snapshot(const VbSnapshot *a, const VbSnapshot *b)
{
    g_autofree VbSnapshot *left = g_memdup2(a, sizeof *a), *right = g_memdup2(b, sizeof *b);
    g_assert_cmpstr(a->rival, ==, b->rival);
    assert_same_settings(a->settings, b->settings);
    g_assert_cmpuint(a->guests->len, ==, b->guests->len);
    for (guint i = 0; i < a->guests->len; i++)
        assert_same_guest(g_ptr_array_index(a->guests, i), g_ptr_array_index(b->guests, i));
    left->guests = right->guests = NULL;
    left->settings = right->settings = NULL;
    left->rival = right->rival = NULL;
    g_assert_cmpmem(left, sizeof *left, right, sizeof *right);
}

static void
assert_same_observation(const VbObservation *a, const VbObservation *b)
{
    g_autofree VbObservation *left = g_memdup2(a, sizeof *a), *right = g_memdup2(b, sizeof *b);
    g_assert_cmpstr(a->rival, ==, b->rival);
    g_assert_cmpstr(a->thp, ==, b->thp);
    g_assert_cmpuint(a->guests->len, ==, b->guests->len);
    for (guint i = 0; i < a->guests->len; i++) {
        const VbGuestSight *ours = g_ptr_array_index(a->guests, i);
        const VbGuestSight *theirs = g_ptr_array_index(b->guests, i);
        assert_same_guest(ours->facts, theirs->facts);
        g_assert_cmpint(ours->held_known, ==, theirs->held_known);
        g_assert_cmpmem(ours->held_bytes, sizeof ours->held_bytes, theirs->held_bytes,
                        sizeof theirs->held_bytes);
        g_assert_cmpint(ours->asked_ns, ==, theirs->asked_ns);
        g_assert_cmpint(ours->asked_held_known, ==, theirs->asked_held_known);
        g_assert_cmpmem(ours->asked_held_bytes, sizeof ours->asked_held_bytes,
                        theirs->asked_held_bytes, sizeof theirs->asked_held_bytes);
        g_assert_cmpuint(ours->vcpus->len, ==, theirs->vcpus->len);
        for (guint j = 0; j < ours->vcpus->len; j++)
            g_assert_cmpmem(g_ptr_array_index(ours->vcpus, j), sizeof(VbVcpuSight),
                            g_ptr_array_index(theirs->vcpus, j), sizeof(VbVcpuSight));
    }
    left->guests = right->guests = NULL;
    left->rival = right->rival = NULL;
    left->thp = right->thp = NULL;
    g_assert_cmpmem(left, sizeof *left, right, sizeof *right);
}

static void
test_snapshots_come_back_whole(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(20120312);
    for (guint i = 0; i < 200; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(VbSnapshot) before = any_snapshot(rand);
        g_autoptr(JsonNode) node = vb_codec_snapshot(before);
        g_autofree char *text = vb_codec_text(node, i % 2 == 0);
        g_autoptr(VbSnapshot) after = vb_codec_snapshot_parse(text, -1, &error);
        g_assert_no_error(error);
        assert_same_snapshot(before, after);
        g_autoptr(JsonNode) again = vb_codec_snapshot(after);
        g_autofree char *text_again = vb_codec_text(again, i % 2 == 0);
        g_assert_cmpstr(text, ==, text_again);
    }
}

static void
test_observations_come_back_whole(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(20120313);
    for (guint i = 0; i < 200; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(VbObservation) before = any_observation(rand);
        g_autoptr(JsonNode) node = vb_codec_observation(before);
        g_autofree char *text = vb_codec_text(node, FALSE);
        g_autoptr(VbObservation) after = vb_codec_observation_parse(text, -1, &error);
        g_assert_no_error(error);
        assert_same_observation(before, after);
    }
}

/* A look at threads carries neither nodes nor cells nor names. */
static void
test_a_look_at_threads_comes_back(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbObservation) before = vb_observation_new(VB_LOOK_THREADS);
    VbGuestSight *sight = vb_guest_sight_new();
    sight->facts->uuid = g_strdup("11111111-2222-4333-8444-555555555555");
    VbVcpuSight *vcpu = vb_vcpu_sight_new();
    vcpu->cell = 3;
    vcpu->run_known = TRUE;
    vcpu->run_ns = 1;
    g_ptr_array_add(sight->vcpus, vcpu);
    g_ptr_array_add(before->guests, sight);
    g_autoptr(JsonNode) node = vb_codec_observation(before);
    g_autofree char *text = vb_codec_text(node, FALSE);
    g_autoptr(VbObservation) after = vb_codec_observation_parse(text, -1, &error);
    g_assert_no_error(error);
    assert_same_observation(before, after);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/codec/snapshots-come-back-whole", test_snapshots_come_back_whole);
    g_test_add_func("/codec/observations-come-back-whole", test_observations_come_back_whole);
    g_test_add_func("/codec/a-look-at-threads-comes-back", test_a_look_at_threads_comes_back);
    return g_test_run();
}
