/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a vCPU's accesses go: by the kernel's faults where it tells of them, else by its cell's RAM. */
#include "core/model.h"
#include "world.h"

/* A guest of two cells of 1 GiB on a host of two nodes; its one vCPU runs on node 0, in cell 0. */
typedef struct {
    VbTopology *host;
    VbModel *model;
    gint64 second;
} Stage;

/* What a look finds. */
typedef struct {
    guint64 ram[2][2];     /* MiB of cell by node */
    guint64 faults[2][2];  /* pages, private and shared, by node; all 0: the kernel does not tell */
    guint64 page_size;     /* of cell 1; 0: small */
    guint64 waited_ms;
    gboolean blind;        /* cell 1's residency could not be read */
} Look;

/* Each cell at home, and all faults on node 1: the vCPU uses the other's cell. */
static const Look foreign = {.ram = {{1024, 0}, {0, 1024}}, .faults = {{0, 600}, {0, 200}}};
static const Look untold = {.ram = {{1024, 0}, {0, 1024}}};

static void
set_up(Stage *stage, gconstpointer unused)
{
    stage->host = world_topology(2, 2, GIB);
    stage->model = vb_model_new();
}

static void
tear_down(Stage *stage, gconstpointer unused)
{
    g_free(stage->host);
    vb_model_free(stage->model);
}

static void
fold(Stage *stage, VbLookDepth depth, const Look *how)
{
    g_autoptr(VbObservation) seen = world_look(depth, ++stage->second * SECOND, stage->host);
    VbGuestSight *sight = world_sight(seen, 1);
    VbVcpuSight *thread = world_thread(sight, 0, (guint64)stage->second * SECOND / 2, 0);
    world_cell(sight->facts);
    for (guint cell = 0; cell < 2; cell++)
        for (int node = 0; node < 2; node++)
            world_put(sight->facts, cell, node, how->ram[cell][node] * MIB);
    if (how->page_size > 0)
        world_cell_of(sight->facts, 1)->page_size = how->page_size;
    world_cell_of(sight->facts, 1)->residency_known = !how->blind;
    thread->wait_known = TRUE;
    thread->wait_ns = how->waited_ms * 1000000;
    for (guint node = 0; node < 2; node++) {
        thread->private_faults[node] = how->faults[0][node];
        thread->shared_faults[node] = how->faults[1][node];
        thread->faults_known |= thread->private_faults[node] + thread->shared_faults[node] > 0;
    }
    vb_model_fold(stage->model, seen);
}

static VbGuest *
guest_of(const Stage *stage)
{
    g_autoptr(VbSnapshot) snapshot = vb_model_snapshot(stage->model);
    return vb_guest_copy(g_ptr_array_index(snapshot->guests, 0));
}

static void
assert_access(const Stage *stage, gboolean told, guint node1_bp)
{
    g_autoptr(VbGuest) guest = guest_of(stage);
    const VbVcpu *vcpu = world_vcpu_of(guest, 0);
    g_assert_true(vcpu->access_known);
    g_assert_cmpint(vcpu->faults_known, ==, told);
    g_assert_cmpuint(vcpu->access_bp[1], ==, node1_bp);
    g_assert_cmpuint(vcpu->access_bp[0], ==, VB_BP - node1_bp);
}

static void
assert_locality(const Stage *stage, guint expected_bp)
{
    g_autoptr(VbGuest) guest = guest_of(stage);
    guint locality;
    g_assert_true(vb_guest_locality(guest, &locality, NULL));
    g_assert_cmpuint(locality, ==, expected_bp);
}

static void
test_faults_say_what_a_vcpu_uses(Stage *stage, gconstpointer unused)
{
    fold(stage, VB_LOOK_FULL, &foreign);
    assert_access(stage, TRUE, VB_BP);
    g_autoptr(VbGuest) guest = guest_of(stage);
    const VbVcpu *vcpu = world_vcpu_of(guest, 0);
    g_assert_cmpuint(vcpu->private_bp, ==, 7500);
    g_assert_true(vcpu->cells_known);
    g_assert_cmpuint(vb_vcpu_cell_weight(vcpu, 0), ==, 0);
    g_assert_cmpuint(vb_vcpu_cell_weight(vcpu, 1), ==, VB_BP);
    assert_locality(stage, 0);
}

static void
test_without_faults_it_uses_its_own_cell(Stage *stage, gconstpointer unused)
{
    fold(stage, VB_LOOK_FULL, &untold);
    assert_access(stage, FALSE, 0);
    g_autoptr(VbGuest) guest = guest_of(stage);
    const VbVcpu *vcpu = world_vcpu_of(guest, 0);
    g_assert_false(vcpu->cells_known);
    g_assert_cmpuint(vb_vcpu_cell_weight(vcpu, 0), ==, VB_BP);
    g_assert_cmpuint(vb_vcpu_cell_weight(vcpu, 1), ==, 0);
    assert_locality(stage, VB_BP);
}

/* The kernel has halved them already: they are not folded again, what comes of the cells is. */
static void
test_faults_count_at_once_and_cells_by_half(Stage *stage, gconstpointer unused)
{
    static const Look own = {.ram = {{1024, 0}, {0, 1024}}, .faults = {{800, 0}, {0, 0}}};
    fold(stage, VB_LOOK_FULL, &foreign);
    fold(stage, VB_LOOK_FULL, &own);
    assert_access(stage, TRUE, 0);
    g_autoptr(VbGuest) guest = guest_of(stage);
    g_assert_cmpuint(vb_vcpu_cell_weight(world_vcpu_of(guest, 0), 1), ==, 3333);
}

/* Where several cells share a node, so do they its accesses. */
static void
test_cells_share_a_node(Stage *stage, gconstpointer unused)
{
    static const Look mixed = {.ram = {{1024, 0}, {3072, 0}}, .faults = {{800, 0}, {0, 0}}};
    fold(stage, VB_LOOK_FULL, &mixed);
    g_autoptr(VbGuest) guest = guest_of(stage);
    g_assert_cmpuint(vb_vcpu_cell_weight(world_vcpu_of(guest, 0), 0), ==, 2500);
    g_assert_cmpuint(vb_vcpu_cell_weight(world_vcpu_of(guest, 0), 1), ==, 7500);
}

/* Once all RAM has left a node, what the kernel still tells of it is of the past. */
static void
test_pages_take_their_accesses_along(Stage *stage, gconstpointer unused)
{
    static const Look gathered = {.ram = {{1024, 0}, {1020, 4}}, .faults = {{0, 600}, {0, 200}}};
    fold(stage, VB_LOOK_FULL, &foreign);
    fold(stage, VB_LOOK_FULL, &gathered);
    assert_access(stage, FALSE, 5000);
    fold(stage, VB_LOOK_FULL, &gathered);
    fold(stage, VB_LOOK_FULL, &gathered);
    assert_access(stage, FALSE, 1250);
    assert_locality(stage, VB_BP);
}

static void
test_when_the_kernel_stops_the_ram_takes_over(Stage *stage, gconstpointer unused)
{
    fold(stage, VB_LOOK_FULL, &foreign);
    fold(stage, VB_LOOK_FULL, &untold);
    assert_access(stage, FALSE, 5000);
    assert_locality(stage, VB_BP);
}

/* What is not counted on: a handful, QEMU's own beside hugepages, and those of unknown places. */
static void
test_what_proves_nothing_is_unknown(Stage *stage, gconstpointer unused)
{
    static const Look few = {.ram = {{1024, 0}, {0, 1024}}, .faults = {{0, 90}, {0, 9}}};
    Look huge = foreign, blind = foreign;
    huge.page_size = 2 * MIB;
    blind.blind = TRUE;
    const Look *const looks[] = {&few, &huge, &blind};
    for (guint i = 0; i < G_N_ELEMENTS(looks); i++) {
        fold(stage, VB_LOOK_FULL, looks[i]);
        assert_access(stage, FALSE, 0);
    }
}

static void
test_a_look_at_threads_leaves_it(Stage *stage, gconstpointer unused)
{
    fold(stage, VB_LOOK_FULL, &foreign);
    fold(stage, VB_LOOK_THREADS, &untold);
    assert_access(stage, TRUE, VB_BP);
}

/* Counts that no kernel could have do not wrap. */
static void
test_absurd_counts_do_not_wrap(Stage *stage, gconstpointer unused)
{
    static const Look absurd = {
        .ram = {{1024, 0}, {0, 1024}},
        .faults = {{G_MAXUINT64, G_MAXUINT64}, {G_MAXUINT64, G_MAXUINT64}}};
    fold(stage, VB_LOOK_FULL, &absurd);
    assert_access(stage, TRUE, 5000);
    g_autoptr(VbGuest) guest = guest_of(stage);
    g_assert_cmpuint(world_vcpu_of(guest, 0)->private_bp, ==, 5000);
}

static void
test_waiting_is_a_share_of_time(Stage *stage, gconstpointer unused)
{
    static const struct {
        VbLookDepth depth;
        guint64 waited_ms;
        int expected_bp;
    } looks[] = {
        {VB_LOOK_FULL, 1000, -1},  {VB_LOOK_THREADS, 1100, 1000}, {VB_LOOK_THREADS, 1100, 500},
        {VB_LOOK_FULL, 9999, VB_BP}, {VB_LOOK_FULL, 0, VB_BP}, /* runs backwards: not folded */
    };
    for (guint i = 0; i < G_N_ELEMENTS(looks); i++) {
        Look look = untold;
        look.waited_ms = looks[i].waited_ms;
        fold(stage, looks[i].depth, &look);
        g_autoptr(VbGuest) guest = guest_of(stage);
        const VbVcpu *vcpu = world_vcpu_of(guest, 0);
        g_assert_cmpint(vcpu->wait_known ? (int)vcpu->wait_bp : -1, ==, looks[i].expected_bp);
    }
    vb_model_begin_window(stage->model);
    g_autoptr(VbGuest) guest = guest_of(stage);
    g_assert_false(world_vcpu_of(guest, 0)->wait_known);
}

#define ADD(path, test) g_test_add("/access/" path, Stage, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("faults", test_faults_say_what_a_vcpu_uses);
    ADD("own-cell", test_without_faults_it_uses_its_own_cell);
    ADD("decay", test_faults_count_at_once_and_cells_by_half);
    ADD("cells-share-a-node", test_cells_share_a_node);
    ADD("pages-leave", test_pages_take_their_accesses_along);
    ADD("faults-end", test_when_the_kernel_stops_the_ram_takes_over);
    ADD("no-proof", test_what_proves_nothing_is_unknown);
    ADD("threads", test_a_look_at_threads_leaves_it);
    ADD("absurd", test_absurd_counts_do_not_wrap);
    ADD("waiting", test_waiting_is_a_share_of_time);
    return g_test_run();
}
