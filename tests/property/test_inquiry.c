/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * That stated intervals hold although an inquiry may stop early: over hosts whose RAM lies in one piece
 * a node, in turns, at random and in clusters, most of them close to the share that decides.
 */
#include "mover/sample.h"
#include "observe/inquiry.h"
#include <errno.h>
#include <stdlib.h>

#define PAGE 4096
#define BASE (G_GUINT64_CONSTANT(1) << 40)
#define PAGES (1u << 16)
#define TARGET_BP 9800

/* A kernel that knows where each page of one long mapping is. */
typedef struct {
    VbKernel kernel;
    gint8 *node; /* by page; -1 = absent */
    guint64 asked;
} World;

static long
world_move_pages(VbKernel *kernel, int pid, gulong count, void **pages, const int *nodes,
                 int *status, int flags)
{
    World *world = (World *)kernel;
    for (gulong i = 0; i < count; i++) {
        guint64 page = ((guint64)(guintptr)pages[i] - BASE) / PAGE;
        g_assert_cmpuint(page, <, PAGES);
        status[i] = world->node[page] < 0 ? -ENOENT : world->node[page];
    }
    world->asked += count;
    return 0;
}

static const VbKernelOps world_ops = {.move_pages = world_move_pages};

static gboolean
ask_world(const VbRange *ranges, guint n_ranges, guint max_pages, guint64 seed, VbSample *ret,
          gpointer user_data, GError **error)
{
    World *world = user_data;
    return vb_sample_run(&world->kernel, 1, ranges, n_ranges, max_pages, seed, NULL, NULL, ret,
                         error);
}

typedef enum { CONTIGUOUS, ALTERNATING, RANDOM, CLUSTERED, LAYOUTS } Layout;
static const char *const layout_names[] = {"contiguous", "alternating", "random", "clustered"};

/* Of those that are not on node 0, which one. */
static gint8
other_node(GRand *rand, guint n_nodes)
{
    return (gint8)g_rand_int_range(rand, 1, (gint32)n_nodes);
}

static gint8
page_node(Layout layout, guint page, gdouble local, guint n_nodes, GRand *rand)
{
    guint away = MAX((guint)((1 - local) * 10000), 1);
    switch (layout) {
    case CONTIGUOUS:
        return page < local * PAGES ? 0 : (gint8)(1 + page % (n_nodes - 1));
    case ALTERNATING: /* as with interleaving, but with weights */
        return page % (10000 / MIN(away, 10000)) != 0 ? 0 : (gint8)(1 + page / 7 % (n_nodes - 1));
    default:
        return g_rand_double(rand) < local ? 0 : other_node(rand, n_nodes);
    }
}

static void
lay_out(World *world, Layout layout, guint n_nodes, GRand *rand)
{
    gdouble kind = g_rand_double(rand), absent = g_rand_boolean(rand) ? 0 : g_rand_double(rand) * 0.7;
    gdouble local = kind < 0.6 ? g_rand_double_range(rand, 0.96, 1) : g_rand_double(rand);
    for (guint page = 0; page < PAGES;) {
        guint run = layout == CLUSTERED ? (guint)g_rand_int_range(rand, 1, 1024) : 1;
        gint8 node = page_node(layout, page, local, n_nodes, rand);
        if (g_rand_double(rand) < absent)
            node = -1;
        for (guint i = 0; i < run && page < PAGES; i++)
            world->node[page++] = node;
    }
}

/* What an inquiry came to. */
typedef struct {
    gboolean held;       /* no node's share was further off than was stated */
    gboolean misled;     /* it said that enough is near, and it is not */
    gboolean answered;   /* it stopped early */
} Result;

static Result
judge(const World *world, const VbInquiry *inquiry, const VbSample *sample, VbSureness sureness)
{
    g_autoptr(VbCell) cell = vb_cell_new();
    gdouble counts[VB_NODES_MAX] = {0}, present = 0, worst = 0;
    g_assert_true(vb_sampling_fill(sample, PAGE, inquiry->n_nodes, sureness, cell));
    for (guint i = 0; i < PAGES; i++)
        if (world->node[i] >= 0) {
            counts[world->node[i]]++;
            present++;
        }
    for (guint i = 0; i < inquiry->n_nodes; i++) {
        gdouble stated = (gdouble)cell->by_node[i] / MAX((gdouble)cell->present_bytes, 1);
        worst = MAX(worst, ABS(stated - counts[i] / MAX(present, 1)) * VB_BP);
    }
    gboolean answered = vb_sampling_least_bp(sample, 1, sureness) >= TARGET_BP;
    return (Result){worst <= cell->error_bp,
                    answered && counts[0] < present * TARGET_BP / VB_BP - 1,
                    sureness == VB_SURE_EARLY};
}

static Result
inquire(World *world, guint n_nodes, gboolean may_act, GRand *rand)
{
    VbRange range = {BASE, BASE + (guint64)PAGES * PAGE, PAGE};
    VbInquiry inquiry = {.near = 1, .target_bp = TARGET_BP, .may_act = may_act, .n_nodes = n_nodes,
                         .nodes = (1u << n_nodes) - 1,
                         .seed = (guint64)g_rand_int(rand) << 32 | g_rand_int(rand)};
    VbSample sample;
    VbSureness sureness;
    g_autoptr(GError) error = NULL;
    world->asked = 0;
    g_assert_true(vb_inquiry_run(&inquiry, &range, 1, ask_world, world, &sample, &sureness, &error));
    g_assert_cmpuint(world->asked, <=, VB_INQUIRY_PAGES);
    g_assert_cmpuint(sample.pages_asked, ==, world->asked);
    return judge(world, &inquiry, &sample, sureness);
}

static void
check_layout(Layout layout, guint n_nodes, gboolean may_act)
{
    const char *cases = g_getenv("VB_PROPERTY_CASES");
    guint n = cases != NULL ? (guint)atoi(cases) : 60, held = 0, misled = 0, early = 0;
    g_autoptr(GRand) rand = g_rand_new_with_seed(20261123 + layout * 100 + n_nodes * 2 + may_act);
    g_autofree gint8 *node = g_new(gint8, PAGES);
    World world = {.kernel.ops = &world_ops, .node = node};
    for (guint i = 0; i < n; i++) {
        lay_out(&world, layout, n_nodes, rand);
        Result result = inquire(&world, n_nodes, may_act, rand);
        held += result.held;
        misled += result.misled;
        early += result.answered;
    }
    g_test_message("%s, %u nodes, %s: held in %u of %u, %u stopped early, %u misled",
                   layout_names[layout], n_nodes, may_act ? "to act" : "to tell", held, n, early,
                   misled);
    /* Of 20 intervals that hold at 95 % two miss in one draw of four, three in one of 13. */
    g_assert_cmpuint(held, >=, n * 95 / 100 - (n < 60 ? 1 : 0));
    g_assert_cmpuint(misled, <=, n * 5 / 100);
    g_assert_cmpuint(early, >, 0);
}

static void
intervals_hold_where_it_stops_early(void)
{
    static const guint n_nodes[] = {2, 4, 8};
    for (Layout layout = 0; layout < LAYOUTS; layout++)
        for (guint i = 0; i < G_N_ELEMENTS(n_nodes); i++)
            for (gint may_act = 0; may_act < 2; may_act++)
                check_layout(layout, n_nodes[i], may_act);
}

/* All of it on node @node, with @pages pages of @page_size. */
static guint64
pages_asked(gint8 where, guint pages, guint64 page_size, const VbInquiry *inquiry)
{
    g_autofree gint8 *node = g_new(gint8, PAGES);
    World world = {.kernel.ops = &world_ops, .node = node};
    VbRange range = {BASE, BASE + pages * page_size, page_size};
    VbSample sample;
    VbSureness sureness;
    for (guint i = 0; i < PAGES; i++)
        node[i] = where < 0 ? (gint8)(i % 2) : where;
    g_assert_true(vb_inquiry_run(inquiry, &range, 1, ask_world, &world, &sample, &sureness, NULL));
    return world.asked;
}

static void
it_asks_for_as_many_pages_as_the_question_needs(void)
{
    VbInquiry pinned = {.near = 1, .target_bp = TARGET_BP, .may_act = TRUE, .n_nodes = 2, .nodes = 3};
    VbInquiry anywhere = pinned, seen = pinned, few = pinned;
    anywhere.near = 3;
    seen.may_act = FALSE;
    few.most = 500;
    g_assert_cmpuint(pages_asked(0, PAGES, PAGE, &pinned), ==, 1024);       /* all is well */
    g_assert_cmpuint(pages_asked(1, PAGES, PAGE, &pinned), ==, 11000);      /* about to move */
    g_assert_cmpuint(pages_asked(-1, PAGES, PAGE, &pinned), ==, 11000);
    g_assert_cmpuint(pages_asked(1, PAGES, PAGE, &anywhere), ==, 1024);     /* one node has it */
    g_assert_cmpuint(pages_asked(-1, PAGES, PAGE, &anywhere), ==, 11000);   /* none has */
    g_assert_cmpuint(pages_asked(-1, PAGES, PAGE, &seen), ==, 4096);        /* nobody acts */
    g_assert_cmpuint(pages_asked(0, PAGES, PAGE, &few), ==, 500);
    g_assert_cmpuint(pages_asked(0, 9000, PAGE, &pinned), ==, 9000);        /* each page of a small one */
}

/* Only counts. */
static gboolean
ask_nobody(const VbRange *ranges, guint n_ranges, guint max_pages, guint64 seed, VbSample *ret,
           gpointer user_data, GError **error)
{
    guint *asked = user_data;
    *asked += max_pages;
    *ret = (VbSample){.pages_total = 1000000, .pages_asked = max_pages, .by_node = {max_pages}};
    return TRUE;
}

static guint
huge_pages_asked(guint64 gib)
{
    VbInquiry pinned = {.near = 1, .target_bp = TARGET_BP, .may_act = TRUE, .n_nodes = 2, .nodes = 3};
    VbRange range = {0, gib << 30, 2 << 20};
    VbSample sample;
    VbSureness sureness;
    guint asked = 0;
    g_assert_true(vb_inquiry_run(&pinned, &range, 1, ask_nobody, &asked, &sample, &sureness, NULL));
    return asked;
}

static void
hugepages_are_all_asked_for(void)
{
    g_assert_cmpuint(huge_pages_asked(32), ==, 16384);
    g_assert_cmpuint(huge_pages_asked(64), ==, 32768);
    g_assert_cmpuint(huge_pages_asked(66), ==, 1024);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/inquiry/holds", intervals_hold_where_it_stops_early);
    g_test_add_func("/inquiry/pages", it_asks_for_as_many_pages_as_the_question_needs);
    g_test_add_func("/inquiry/huge", hugepages_are_all_asked_for);
    return g_test_run();
}
