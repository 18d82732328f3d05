/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/sample.h"
#include "observe/sampling.h"
#include "observe_fixture.h"
#include <errno.h>

#define PAGE 4096
#define BASE (G_GUINT64_CONSTANT(1) << 40)
#define LAYOUTS 500
#define ABSENT (-ENOENT)

/* A kernel that knows where each page of one long mapping is. */
typedef struct {
    VbKernel kernel;
    gint8 *node; /* by page; -1 = absent */
    guint n_pages;
} World;

static long
world_move_pages(VbKernel *kernel, int pid, gulong count, void **pages, const int *nodes,
                 int *status, int flags)
{
    World *world = (World *)kernel;
    g_assert_null(nodes); /* sampling asks, it never moves */
    for (gulong i = 0; i < count; i++) {
        guint64 page = ((guint64)(guintptr)pages[i] - BASE) / PAGE;
        g_assert_cmpuint(page, <, world->n_pages);
        status[i] = world->node[page] < 0 ? ABSENT : world->node[page];
    }
    return 0;
}

static const VbKernelOps world_ops = {.move_pages = world_move_pages};

/* How pages lie: of the kinds that hosts show, from one run to single pages mixed at random. */
static void
lay_out(World *world, GRand *rand, guint n_nodes)
{
    /* Half of them are the hardest case for strata: each page for itself, at random. */
    guint longest = g_rand_boolean(rand) ? 1 : 1u << g_rand_int_range(rand, 0, 17);
    gdouble weight = g_rand_double(rand) * (g_rand_boolean(rand) ? 0.02 : 1);
    gdouble absent = g_rand_boolean(rand) ? 0 : g_rand_double(rand) * 0.8;
    for (guint page = 0; page < world->n_pages;) {
        guint run = (guint)g_rand_int_range(rand, 1, (gint32)longest + 1);
        gint8 node = 0;
        if (g_rand_double(rand) < weight)
            node = (gint8)g_rand_int_range(rand, 0, (gint32)n_nodes);
        if (g_rand_double(rand) < absent)
            node = -1;
        for (guint i = 0; i < run && page < world->n_pages; i++)
            world->node[page++] = node;
    }
}

/* The largest difference of a node's share between what is stated and what is, in bp. */
static gdouble
worst_error(const World *world, const VbCell *cell)
{
    gdouble counts[VB_NODES_MAX] = {0}, present = 0, worst = 0;
    for (guint i = 0; i < world->n_pages; i++)
        if (world->node[i] >= 0) {
            counts[world->node[i]]++;
            present++;
        }
    for (guint i = 0; i < VB_NODES_MAX; i++) {
        gdouble stated = cell->present_bytes == 0
                             ? 0
                             : (gdouble)cell->by_node[i] / (gdouble)cell->present_bytes;
        gdouble real = present == 0 ? 0 : counts[i] / present;
        worst = MAX(worst, ABS(stated - real) * VB_BP);
    }
    return worst;
}

static gboolean
stated_interval_holds(World *world, GRand *rand, guint max_pages, guint n_nodes)
{
    VbRange range = {
        .start = BASE, .end = BASE + (guint64)world->n_pages * PAGE, .page_size = PAGE};
    VbSample sample;
    g_autoptr(GError) error = NULL;
    guint64 seed = (guint64)g_rand_int(rand) << 32 | g_rand_int(rand);
    vb_sample_run(&world->kernel, 1, &range, 1, max_pages, seed, NULL, NULL, &sample, &error);
    g_assert_no_error(error);
    g_autoptr(VbCell) cell = vb_cell_new();
    g_assert_true(vb_sampling_fill(&sample, PAGE, n_nodes, VB_SURE_ONCE, cell));
    g_assert_true(sample.census || cell->error_bp > 0);
    return worst_error(world, cell) <= cell->error_bp;
}

static guint
count_holding(guint max_pages, guint n_nodes, guint32 seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    World world = {.kernel.ops = &world_ops, .n_pages = 1 << 16};
    g_autofree gint8 *node = g_new(gint8, world.n_pages);
    world.node = node;
    guint held = 0;
    for (guint i = 0; i < LAYOUTS; i++) {
        lay_out(&world, rand, n_nodes);
        held += stated_interval_holds(&world, rand, max_pages, n_nodes);
    }
    return held;
}

static void
the_stated_interval_holds_for_all_nodes_at_once(void)
{
    static const struct {
        guint max_pages, n_nodes;
    } runs[] = {{9604, 2}, {1024, 2}, {100, 2}, {1024, 4}, {400, 8}};
    for (guint i = 0; i < G_N_ELEMENTS(runs); i++) {
        guint held = count_holding(runs[i].max_pages, runs[i].n_nodes, 20240601 + i);
        g_test_message("%u pages, %u nodes: held in %u of %u", runs[i].max_pages, runs[i].n_nodes,
                       held, LAYOUTS);
        g_assert_cmpuint(held, >=, LAYOUTS * 93 / 100);
    }
}

static void
a_census_has_no_error(void)
{
    World world = {.kernel.ops = &world_ops, .n_pages = 100};
    gint8 node[100] = {0};
    node[7] = 1;
    world.node = node;
    VbRange range = {.start = BASE, .end = BASE + 100 * PAGE, .page_size = PAGE};
    VbSample sample;
    g_autoptr(VbCell) cell = vb_cell_new();
    g_assert_true(
        vb_sample_run(&world.kernel, 1, &range, 1, 100, 1, NULL, NULL, &sample, NULL));
    g_assert_true(vb_sampling_fill(&sample, PAGE, 2, VB_SURE_ONCE, cell));
    g_assert_cmpuint(cell->error_bp, ==, 0);
    g_assert_cmpuint(cell->by_node[0], ==, 99 * PAGE);
    g_assert_cmpuint(cell->by_node[1], ==, PAGE);
    g_assert_cmpuint(cell->present_bytes, ==, 100 * PAGE);
}

static const struct {
    const char *what;
    VbSample sample;
    guint n_nodes, error_bp;
} samples[] = {
    {"half and half of 9604 is +-1 point", {.by_node = {4802, 4802}}, 2, 100},
    {"all of 9604 is not all of the pages", {.by_node = {9604}}, 2, 4},
    {"all of 100", {.by_node = {100}}, 2, 370},
    {"one page tells almost nothing", {.by_node = {1}}, 2, 7935},
    {"nothing present tells nothing", {.absent = 100}, 2, 10000},
    {"four nodes err more than two", {.by_node = {2401, 2401, 2401, 2401}}, 4, 112},
    {"unknown pages could be elsewhere", {.by_node = {90}, .unknown = 10, .census = TRUE}, 2, 1000},
    {"an empty census is exact", {.absent = 10, .census = TRUE}, 2, 0},
};

static void
the_error_is_stated_as_it_should_be(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(samples); i++) {
        guint error_bp = vb_sampling_error_bp(&samples[i].sample, samples[i].n_nodes, VB_SURE_ONCE);
        g_test_message("%s: %u bp", samples[i].what, error_bp);
        g_assert_cmpuint(error_bp, ==, samples[i].error_bp);
    }
}

static void
a_large_cell_scales_without_wrapping(void)
{
    VbSample sample = {.pages_total = G_GUINT64_CONSTANT(1) << 32, /* 16 TiB */
                       .pages_asked = 10000, .by_node = {2500, 5000}, .absent = 2500};
    g_autoptr(VbCell) cell = vb_cell_new();
    g_assert_true(vb_sampling_fill(&sample, PAGE, 2, VB_SURE_ONCE, cell));
    g_assert_cmpuint(cell->by_node[0], ==, G_GUINT64_CONSTANT(4) << 40);
    g_assert_cmpuint(cell->by_node[1], ==, G_GUINT64_CONSTANT(8) << 40);
    g_assert_cmpuint(cell->present_bytes, ==, G_GUINT64_CONSTANT(12) << 40);
}

static void
a_sample_that_cannot_be_is_refused(void)
{
    static const VbSample impossible[] = {
        {.pages_total = 10},
        {.pages_total = 10, .pages_asked = 11},
        {.pages_total = 10, .pages_asked = 5, .by_node = {3, 3}},
        {.pages_total = G_MAXUINT64, .pages_asked = 5, .by_node = {5}},
    };
    for (guint i = 0; i < G_N_ELEMENTS(impossible); i++) {
        g_autoptr(VbCell) cell = vb_cell_new();
        g_assert_false(vb_sampling_fill(&impossible[i], PAGE, 2, VB_SURE_ONCE, cell));
        g_assert_false(cell->residency_known);
    }
}

/* One page of each of @n strata of @pages pages, of which the first @unmapped of each hundred are unmapped. */
static VbBackingSample
draw_unmapped(GRand *rand, guint pages, guint n, guint unmapped)
{
    VbBackingSample sample = {.pages_total = pages, .pages_asked = n};
    for (guint i = 0; i < n; i++) {
        guint first = i * (pages / n), page = first + (guint)g_rand_int_range(rand, 0, (gint32)(pages / n));
        if (page % 100 < unmapped)
            sample.unmapped++;
        else
            sample.mapped += page % 2;
    }
    return sample;
}

static void
the_interval_of_what_is_unmapped_holds(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);
    guint held = 0;
    for (guint i = 0; i < LAYOUTS; i++) {
        guint unmapped = (guint)g_rand_int_range(rand, 0, 101), pages = 100000;
        VbBackingSample sample = draw_unmapped(rand, pages, 1000, unmapped);
        g_autoptr(VbCell) cell = vb_cell_new();
        g_assert_true(vb_sampling_add_unmapped(&sample, PAGE, cell));
        gint64 truth = (gint64)(pages / 100 * unmapped * PAGE);
        gint64 off = ABS((gint64)cell->unmapped_bytes - truth);
        g_assert_cmpuint(cell->unmapped_error_bytes, >, 0);
        g_assert_cmpuint(cell->unmapped_error_bytes, <=, pages * PAGE / 28); /* 1 / sqrt(1000), and a bit */
        held += off <= (gint64)cell->unmapped_error_bytes;
    }
    g_assert_cmpuint(held, >=, LAYOUTS * 93 / 100);
}

static void
a_census_of_what_is_unmapped_has_no_error(void)
{
    const VbBackingSample small = {.pages_total = 100, .pages_asked = 100, .mapped = 60,
                                   .unmapped = 30, .census = TRUE};
    const VbBackingSample huge = {.pages_total = 100, .pages_asked = 100, .mapped = 60,
                                  .census = TRUE, .counted = TRUE, .file_bytes = 75 * PAGE};
    const VbBackingSample less = {.pages_total = 100, .pages_asked = 100, .mapped = 60,
                                  .census = TRUE, .counted = TRUE, .file_bytes = 59 * PAGE};
    const VbBackingSample dark = {.pages_total = 100, .pages_asked = 100, .mapped = 60,
                                  .unmapped = 30, .unknown = 10, .census = TRUE};
    g_autoptr(VbCell) cell = vb_cell_new();
    g_assert_true(vb_sampling_add_unmapped(&small, PAGE, cell));
    g_assert_cmpuint(cell->unmapped_bytes, ==, 30 * PAGE);
    g_assert_true(vb_sampling_add_unmapped(&huge, PAGE, cell));
    g_assert_cmpuint(cell->unmapped_bytes, ==, 45 * PAGE);
    /* What was punched out between the two questions is no huge number. */
    g_assert_true(vb_sampling_add_unmapped(&less, PAGE, cell));
    g_assert_cmpuint(cell->unmapped_bytes, ==, 45 * PAGE);
    g_assert_cmpuint(cell->unmapped_error_bytes, ==, 0);
    g_assert_true(vb_sampling_add_unmapped(&dark, PAGE, cell));
    g_assert_cmpuint(cell->unmapped_error_bytes, ==, 10 * PAGE);
}

static void
a_count_of_what_is_unmapped_that_cannot_be_is_refused(void)
{
    static const VbBackingSample impossible[] = {
        {.pages_total = 10},
        {.pages_total = 10, .pages_asked = 11},
        {.pages_total = 10, .pages_asked = 5, .mapped = 3, .unmapped = 3},
        {.pages_total = 10, .pages_asked = 5, .mapped = 3, .unknown = 3},
        {.pages_total = 10, .pages_asked = 5, .mapped = G_MAXUINT64, .unmapped = 1},
        {.pages_total = 10, .pages_asked = 5, .unmapped = G_MAXUINT64, .unknown = 2},
        {.pages_total = G_MAXUINT64, .pages_asked = 5},
    };
    g_autoptr(VbCell) cell = vb_cell_new();
    for (guint i = 0; i < G_N_ELEMENTS(impossible); i++)
        g_assert_false(vb_sampling_add_unmapped(&impossible[i], PAGE, cell));
    g_assert_cmpuint(cell->unmapped_bytes, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sampling/holds", the_stated_interval_holds_for_all_nodes_at_once);
    g_test_add_func("/sampling/census", a_census_has_no_error);
    g_test_add_func("/sampling/stated", the_error_is_stated_as_it_should_be);
    g_test_add_func("/sampling/large", a_large_cell_scales_without_wrapping);
    g_test_add_func("/sampling/impossible", a_sample_that_cannot_be_is_refused);
    g_test_add_func("/sampling/unmapped/holds", the_interval_of_what_is_unmapped_holds);
    g_test_add_func("/sampling/unmapped/census", a_census_of_what_is_unmapped_has_no_error);
    g_test_add_func("/sampling/unmapped/impossible", a_count_of_what_is_unmapped_that_cannot_be_is_refused);
    return g_test_run();
}
