/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RAM in transparent hugepages: when all of it is asked for, and what may be wrong of the answer. */
#include "observe/census.h"
#include "observe/inquiry.h"

#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define GIB (1024 * MIB)
#define START G_GUINT64_CONSTANT(0x7f0000000000)
#define CPUS 8
/* 64 pages late on each. */
#define LATE (CPUS * 256 * 1024)

typedef struct {
    VbDomain *live;
    VbDomainCell *cell;
    GArray *ranges;
    VbGuestSight sight;
    VbCell *found;
} Stage;

static void
set_up(Stage *stage, gconstpointer unused)
{
    VbRange range = {START, START + 8 * GIB, 4096};
    stage->live = vb_domain_new();
    stage->cell = g_new0(VbDomainCell, 1);
    stage->cell->size_bytes = 8 * GIB;
    g_ptr_array_add(stage->live->cells, stage->cell);
    stage->ranges = g_array_new(FALSE, FALSE, sizeof range);
    g_array_append_val(stage->ranges, range);
    stage->sight = (VbGuestSight){.held_known = TRUE, .huge_bytes = 8 * GIB, .small_bytes = 40 * MIB};
    stage->found = vb_cell_new();
    stage->found->present_bytes = 8 * GIB;
    stage->found->residency_known = TRUE;
}

static void
tear_down(Stage *stage, gconstpointer unused)
{
    vb_domain_free(stage->live);
    g_array_unref(stage->ranges);
    vb_cell_free(stage->found);
}

static VbCensus
plan(const Stage *stage)
{
    return vb_census_plan(stage->live, stage->ranges, &stage->sight, CPUS);
}

static VbRange *
range_of(const Stage *stage)
{
    return &g_array_index(stage->ranges, VbRange, 0);
}

static void
all_blocks_are_asked_for(Stage *stage, gconstpointer unused)
{
    g_auto(VbCensus) census = plan(stage);
    g_assert_nonnull(census.blocks);
    g_assert_cmpuint(census.blocks->len, ==, 1);
    const VbRange *block = &g_array_index(census.blocks, VbRange, 0);
    g_assert_cmpuint(block->start, ==, START);
    g_assert_cmpuint(block->end, ==, START + 8 * GIB);
    g_assert_cmpuint(block->page_size, ==, 2 * MIB);
    g_assert_cmpuint(census.doubt_bytes, ==, 40 * MIB + LATE);
}

static void
what_is_cut_off_at_the_ends_is_in_doubt(Stage *stage, gconstpointer unused)
{
    range_of(stage)->start += 4096;
    range_of(stage)->end -= MIB;
    g_auto(VbCensus) census = plan(stage);
    const VbRange *block = &g_array_index(census.blocks, VbRange, 0);
    g_assert_cmpuint(block->start, ==, START + 2 * MIB);
    g_assert_cmpuint(block->end, ==, START + 8 * GIB - 2 * MIB);
    g_assert_cmpuint(census.doubt_bytes, ==, 40 * MIB + LATE + 2 * MIB - 4096 + MIB);
}

static void no_cgroup(Stage *stage) { stage->sight.held_known = FALSE; }
static void shared(Stage *stage) { stage->cell->shared = TRUE; }
static void memfd(Stage *stage) { stage->cell->backing = VB_BACKING_MEMFD; }
static void hugetlb(Stage *stage) { range_of(stage)->page_size = 2 * MIB; }
static void too_small(Stage *stage) { range_of(stage)->end = START + MIB; }
static void too_many(Stage *stage) { range_of(stage)->end = START + 65 * GIB; }
static void small_pages(Stage *stage) { stage->sight.small_bytes = 81 * MIB; }
static void overflow(Stage *stage) { stage->sight.small_bytes = G_MAXUINT64; }

static void
memfd_dimm(Stage *stage)
{
    VbDomainCell *dimm = g_new0(VbDomainCell, 1);
    dimm->backing = VB_BACKING_MEMFD;
    g_ptr_array_add(stage->live->memory_devices, dimm);
}

static void
else_it_is_sampled(Stage *stage, gconstpointer change)
{
    ((void (*)(Stage *))change)(stage);
    g_auto(VbCensus) census = plan(stage);
    g_assert_null(census.blocks);
}

static void
the_doubt_is_stated(Stage *stage, gconstpointer unused)
{
    g_auto(VbCensus) census = plan(stage);
    g_assert_true(vb_census_settle(&census, &stage->sight, stage->found));
    /* 42 of 8192 MiB. */
    g_assert_cmpuint(stage->found->error_bp, ==, 52);
    g_assert_true(stage->found->residency_known);
}

static void nothing_there(Stage *stage) { stage->found->present_bytes = 0; }
static void half_absent(Stage *stage) { stage->found->present_bytes = 4 * GIB; }
static void charged_elsewhere(Stage *stage) { stage->sight.huge_bytes = 7 * GIB; }

static void
what_does_not_add_up_is_sampled(Stage *stage, gconstpointer change)
{
    g_auto(VbCensus) census = plan(stage);
    ((void (*)(Stage *))change)(stage);
    g_assert_false(vb_census_settle(&census, &stage->sight, stage->found));
    g_assert_false(stage->found->residency_known);
}

#define ADD(path, data, test) g_test_add("/observe/census/" path, Stage, data, set_up, test, tear_down)
#define ELSE(name) ADD("else/" #name, name, else_it_is_sampled)
#define WRONG(name) ADD("wrong/" #name, name, what_does_not_add_up_is_sampled)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("all", NULL, all_blocks_are_asked_for);
    ADD("ends", NULL, what_is_cut_off_at_the_ends_is_in_doubt);
    ELSE(no_cgroup);
    ELSE(shared);
    ELSE(memfd);
    ELSE(memfd_dimm);
    ELSE(hugetlb);
    ELSE(too_small);
    ELSE(too_many);
    ELSE(small_pages);
    ELSE(overflow);
    ADD("doubt", NULL, the_doubt_is_stated);
    WRONG(nothing_there);
    WRONG(half_absent);
    WRONG(charged_elsewhere);
    return g_test_run();
}
