/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of moves share: a guest on a fake host, and a move of its RAM. */
#include "fake_kernel.h"
#include "mover/move.h"

#define PID 4242
#define START G_GUINT64_CONSTANT(0x7f0000000000)
#define PAGE G_GUINT64_CONSTANT(4096)
#define MIB G_GUINT64_CONSTANT(1048576)
#define MS G_GINT64_CONSTANT(1000000)
#define SECOND (1000 * MS)

/* A guest whose RAM is on node 0, on a host where a small page takes 1 us and a call 1 ms. */
typedef struct {
    FakeKernel *fake;
    FakeProcess *guest;
    VbIdentity *identity;
    VbRange range;
    VbMoveBudget budget;
    VbStop stop;
    VbMoveProgress progress;
    guint stop_after; /* polls */
    guint polls;
    guint shown;
    VbMoveReport report;
} World;

static inline void
world_begin(World *world, guint64 page_size, guint pages)
{
    *world = (World){.range = {START, START + page_size * pages, page_size}};
    world->fake = fake_kernel_new();
    world->fake->call_ns = MS;
    world->fake->page_ns = 1000;
    world->guest = fake_kernel_start(world->fake, PID, 99, "/usr/bin/qemu-system-x86_64",
                                     "qemu -name guest=a");
    fake_process_map(world->guest, START, page_size, pages, 0);
    VbProcess process = {PID, 99};
    world->identity = vb_identity_open(&world->fake->kernel, &process, NULL);
    g_assert_nonnull(world->identity);
}

static inline void
world_end(World *world)
{
    vb_identity_close(world->identity);
    fake_kernel_free(world->fake);
}

/* Moves to node 1. */
static inline void
move_expecting(World *world, VbMoveEnd end)
{
    VbMoveTask task = {
        .identity = world->identity,
        .ranges = &world->range,
        .n_ranges = 1,
        .target = 1,
        .budget = world->budget,
        .stop = world->stop,
        .progress = world->progress,
        .user_data = world,
    };
    g_autoptr(GError) error = NULL;
    gboolean ok = vb_move_run(&task, &world->report, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    g_assert_cmpstr(vb_move_end_name(world->report.end), ==, vb_move_end_name(end));
    g_assert_cmpuint(world->report.batches, ==, world->fake->moves);
}

static inline void
assert_report(const World *world, guint64 moved, guint64 left, guint64 unmovable)
{
    g_assert_cmpuint(world->report.bytes_moved, ==, moved);
    g_assert_cmpuint(world->report.bytes_left, ==, left);
    g_assert_cmpuint(world->report.bytes_unmovable, ==, unmovable);
    g_assert_cmpuint(fake_process_bytes_on(world->guest, 1), >=, moved);
}
