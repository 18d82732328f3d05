/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/batch.h"
#include "move_world.h"
#include "mover/pages.h"
#include <errno.h>
#include <vmbalancer/error.h>

#define GIB (1024 * MIB)

static void
all_small_pages_go(void)
{
    World world;
    world_begin(&world, PAGE, 50000);
    move_expecting(&world, VB_MOVE_COMPLETE);
    assert_report(&world, 50000 * PAGE, 0, 0);
    g_assert_cmpuint(world.fake->largest_move, <=, 4096);
    g_assert_cmpuint(world.fake->largest_query, <=, 4096);
    g_assert_cmpint(world.report.longest_batch_ns, <=, 45 * MS);
    world_end(&world);
}

static void
only_what_is_off_target_is_submitted(void)
{
    World world;
    world_begin(&world, PAGE, 1000);
    for (guint i = 0; i < 1000; i++)
        fake_process_place(world.guest, START + i * PAGE, (const int[]){1, 0, -ENOENT, 2}[i % 4]);
    world.budget.from = VB_NODE_BIT(0);
    move_expecting(&world, VB_MOVE_COMPLETE);
    assert_report(&world, 250 * PAGE, 0, 0);
    g_assert_cmpuint(world.fake->largest_move, ==, 250);
    g_assert_cmpuint(fake_process_bytes_on(world.guest, 2), ==, 250 * PAGE);
    world_end(&world);
}

static void
nothing_to_do_is_complete_without_a_batch(void)
{
    World world;
    world_begin(&world, PAGE, 100);
    for (guint i = 0; i < 100; i++)
        fake_process_place(world.guest, START + i * PAGE, i % 2 ? 1 : -ENOENT);
    move_expecting(&world, VB_MOVE_COMPLETE);
    assert_report(&world, 0, 0, 0);
    g_assert_cmpuint(world.fake->moves, ==, 0);
    world_end(&world);
}

static void
hugepages_go_by_one_address_each(void)
{
    World world;
    world_begin(&world, 2 * MIB, 100);
    move_expecting(&world, VB_MOVE_COMPLETE);
    assert_report(&world, 200 * MIB, 0, 0);
    g_assert_cmpuint(world.fake->largest_move, <=, 32);
    world_end(&world);
}

/* But for the first look at all of them, and the outlook. */
static void
who_was_told_that_all_went_does_not_ask_again(void)
{
    static const struct {
        guint64 page_size;
        guint pages, asked;
    } cases[] = {{2 * MIB, 100, 200}, {PAGE, 50000, 50000 + 4096 + 50000 / 8}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        World world;
        world_begin(&world, cases[i].page_size, cases[i].pages);
        move_expecting(&world, VB_MOVE_COMPLETE);
        assert_report(&world, cases[i].page_size * cases[i].pages, 0, 0);
        g_assert_cmpuint(world.fake->pages_asked, <=, cases[i].asked);
        world_end(&world);
    }
}

static void
what_was_not_told_of_each_page_is_asked(void)
{
    static VbWindow window;
    static VbBatch batch;
    window = (VbWindow){.leaving = VB_NODE_BIT(0), .target = 1, .page_size = PAGE, .count = 3};
    batch = (VbBatch){.count = 2, .end = 2, .index = {0, 2}, .status = {1, VB_PAGE_UNSET}};
    g_assert_cmpuint(vb_batch_take(&batch, &window, 0), ==, 0);
    g_assert_true(vb_window_is_off(&window, 0));
    batch.status[1] = 1;
    g_assert_cmpuint(vb_batch_take(&batch, &window, 1), ==, 0);
    g_assert_true(vb_window_is_off(&window, 0));
    g_assert_cmpuint(vb_batch_take(&batch, &window, 0), ==, 2 * PAGE);
    g_assert_false(vb_window_is_off(&window, 0));
    g_assert_true(vb_window_is_off(&window, 1));
    g_assert_false(vb_window_is_off(&window, 2));
}

static gboolean
stop_after(gpointer user_data)
{
    World *world = user_data;
    return ++world->polls > world->stop_after;
}

/* However long a page takes, the next one waits for what it cost, and who stops it waits for one only. */
static void
pages_of_a_gib_go_one_at_a_time(void)
{
    World world;
    world_begin(&world, GIB, 4);
    world.fake->page_ns = 1000; /* 262 ms a GiB */
    world.budget.rate_bytes_per_s = GIB / 2;
    move_expecting(&world, VB_MOVE_COMPLETE);
    assert_report(&world, 4 * GIB, 0, 0);
    g_assert_cmpuint(world.report.batches, ==, 4);
    g_assert_cmpuint(world.fake->largest_move, ==, 1);
    g_assert_cmpint(world.report.longest_batch_ns, >=, 262 * MS);
    g_assert_cmpint(world.report.duration_ns, >=, 6000 * MS);
    world_end(&world);
    world_begin(&world, GIB, 4);
    world.stop = stop_after;
    world.stop_after = 3; /* the window, two pages */
    move_expecting(&world, VB_MOVE_CANCELLED);
    assert_report(&world, 2 * GIB, 2 * GIB, 0);
    world_end(&world);
}

/* The kernel makes no page of that size as it moves one: the pool has it, or the move ends. */
static void
a_pool_of_one_gib_takes_one(void)
{
    World world;
    world_begin(&world, GIB, 2);
    world.fake->room[1] = GIB;
    move_expecting(&world, VB_MOVE_NO_SPACE);
    assert_report(&world, GIB, GIB, 0);
    world_end(&world);
}

static void
transparent_hugepages_go_by_one_address_each(void)
{
    World world;
    world_begin(&world, PAGE, 40 * 512);
    for (guint i = 0; i < 40; i++)
        fake_process_join(world.guest, START + i * 2 * MIB);
    move_expecting(&world, VB_MOVE_COMPLETE);
    assert_report(&world, 80 * MIB, 0, 0);
    g_assert_cmpuint(world.fake->largest_move, <=, 8);
    world_end(&world);
}

static void
a_limit_holds_to_the_page(void)
{
    World world;
    world_begin(&world, PAGE, 5000);
    world.budget.limit_bytes = 1000 * PAGE + 17;
    move_expecting(&world, VB_MOVE_LIMIT);
    assert_report(&world, 1000 * PAGE, 4000 * PAGE, 0);
    world_end(&world);
}

static void
a_limit_may_be_passed_by_the_rest_of_a_transparent_hugepage(void)
{
    World world;
    world_begin(&world, PAGE, 4 * 512);
    for (guint i = 0; i < 4; i++)
        fake_process_join(world.guest, START + i * 2 * MIB);
    world.budget.limit_bytes = 3 * MIB;
    move_expecting(&world, VB_MOVE_LIMIT);
    assert_report(&world, 4 * MIB, 4 * MIB, 0);
    world_end(&world);
}

static void
a_full_node_ends_it_with_the_truth(void)
{
    World world;
    world_begin(&world, PAGE, 5000);
    world.fake->room[1] = 700 * PAGE;
    move_expecting(&world, VB_MOVE_NO_SPACE);
    assert_report(&world, 700 * PAGE, 4300 * PAGE, 0);
    world_end(&world);
}

/* Seen on Linux 6.1: new pages come out of the mover's own cpuset, and one without the node looks full. */
static void
a_mover_confined_to_other_nodes_is_denied(void)
{
    static const struct {
        const char *status;
        VbMoveEnd end;
    } table[] = {
        {"Name:\tx\nMems_allowed_list:\t0,2-3\nx:\t1\n", VB_MOVE_DENIED},
        {"Name:\tx\nMems_allowed_list:\t0-3\n", VB_MOVE_NO_SPACE},
        {"Name:\tx\nMems_allowed_list:\twhat\n", VB_MOVE_NO_SPACE},
        {"Name:\tx\n", VB_MOVE_NO_SPACE},
    };
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        World world;
        world_begin(&world, PAGE, 100);
        fake_kernel_write(world.fake, "/proc/self/status", table[i].status, -1);
        world.fake->room[1] = 0;
        move_expecting(&world, table[i].end);
        assert_report(&world, 0, 100 * PAGE, 0);
        world_end(&world);
    }
}

static void
an_empty_hugepage_pool_ends_it(void)
{
    World world;
    world_begin(&world, 1024 * MIB, 4);
    world.fake->room[1] = 1024 * MIB;
    move_expecting(&world, VB_MOVE_NO_SPACE);
    assert_report(&world, 1024 * MIB, 3 * 1024 * MIB, 0);
    world_end(&world);
}

static void
one_pinned_page_among_512_stays_alone(void)
{
    World world;
    world_begin(&world, PAGE, 512);
    fake_process_pin(world.guest, START + 100 * PAGE);
    move_expecting(&world, VB_MOVE_STUCK);
    assert_report(&world, 511 * PAGE, 0, PAGE);
    g_assert_cmpuint(world.report.batches, <, 8);
    world_end(&world);
}

static void
the_first_page_of_a_run_may_be_the_pinned_one(void)
{
    World world;
    world_begin(&world, PAGE, 1024);
    fake_process_pin(world.guest, START);
    move_expecting(&world, VB_MOVE_STUCK);
    assert_report(&world, 1023 * PAGE, 0, PAGE);
    world_end(&world);
}

static void
a_pinned_hugepage_between_others_stays_alone(void)
{
    World world;
    world_begin(&world, PAGE, 16 * 512);
    for (guint i = 0; i < 16; i++)
        fake_process_join(world.guest, START + i * 2 * MIB);
    fake_process_pin(world.guest, START + 6 * MIB);
    move_expecting(&world, VB_MOVE_STUCK);
    assert_report(&world, 30 * MIB, 0, 2 * MIB);
    world_end(&world);
}

static void
a_guest_pinned_as_a_whole_is_given_up_cheaply(void)
{
    World world;
    world_begin(&world, PAGE, 64 * 512);
    for (guint i = 0; i < 64; i++) {
        fake_process_join(world.guest, START + i * 2 * MIB);
        fake_process_pin(world.guest, START + i * 2 * MIB);
    }
    move_expecting(&world, VB_MOVE_STUCK);
    assert_report(&world, 0, 0, 128 * MIB);
    g_assert_cmpuint(world.report.batches, <, 200);
    world_end(&world);
}

static void
busy_pages_go_in_a_later_pass(void)
{
    World world;
    world_begin(&world, PAGE, 2000);
    for (guint i = 0; i < 2000; i += 100)
        fake_process_busy(world.guest, START + i * PAGE, 2);
    move_expecting(&world, VB_MOVE_COMPLETE);
    assert_report(&world, 2000 * PAGE, 0, 0);
    world_end(&world);
}

static void
only_what_is_to_move_is_asked_for_again(void)
{
    World world;
    world_begin(&world, PAGE, 20000);
    for (guint i = 0; i < 20000; i += 2)
        fake_process_place(world.guest, START + i * PAGE, 1);
    for (guint i = 1; i < 20000; i += 100)
        fake_process_pin(world.guest, START + i * PAGE);
    move_expecting(&world, VB_MOVE_STUCK);
    assert_report(&world, 9800 * PAGE, 0, 200 * PAGE);
    /* All once, 4096 beforehand, each that is to move after that, and the pinned after each batch around them. */
    g_assert_cmpuint(world.fake->pages_asked, <, 20000 + 4096 + 10000 + 30 * 200);
    world_end(&world);
}

static void
shared_pages_stay_unless_asked_for(void)
{
    for (guint pinned = 0; pinned < 2; pinned++) {
        World world;
        world_begin(&world, PAGE, 600);
        for (guint i = 0; i < 600; i += 7)
            fake_process_share(world.guest, START + i * PAGE);
        if (pinned > 0)
            fake_process_pin(world.guest, START + 5 * PAGE);
        move_expecting(&world, VB_MOVE_STUCK);
        assert_report(&world, (514 - pinned) * PAGE, 0, (86 + pinned) * PAGE);
        g_assert_cmpuint(world.report.bytes_shared, ==, 86 * PAGE);
        world.fake->moves = 0;
        world.budget.shared = TRUE;
        move_expecting(&world, pinned > 0 ? VB_MOVE_STUCK : VB_MOVE_COMPLETE);
        assert_report(&world, 86 * PAGE, 0, pinned * PAGE);
        world_end(&world);
    }
}

static void
at_third_batch_end(FakeKernel *fake, guint64 call, gpointer user_data)
{
    if (call == 3)
        fake_process_end(((World *)user_data)->guest);
}

static void
at_third_batch_replace(FakeKernel *fake, guint64 call, gpointer user_data)
{
    if (call != 3)
        return;
    FakeProcess *other = fake_kernel_start(fake, PID, 100, "/usr/bin/qemu-system-x86_64",
                                           "qemu -name guest=b");
    fake_process_map(other, START, PAGE, 50000, 1);
}

static void
at_third_batch_stop(FakeKernel *fake, guint64 call, gpointer user_data)
{
    if (call == 3)
        fake_process_set_state(((World *)user_data)->guest, 'T');
}

/* Seen on Linux 6.1: a process whose memory is gone but which has not ended yet answers EINVAL. */
static void
at_third_batch_lose_memory(FakeKernel *fake, guint64 call, gpointer user_data)
{
    if (call == 3)
        fake->query_error = fake->move_error = -EINVAL;
}

/* The first two batches count, what came after them was another process's or nobody's. */
static void
a_guest_that_changes_half_way_ends_it(gconstpointer hook)
{
    World world;
    world_begin(&world, PAGE, 50000);
    world.fake->hook = (FakeHook)hook;
    world.fake->hook_data = &world;
    gboolean stops = hook == (gconstpointer)at_third_batch_stop;
    move_expecting(&world, stops ? VB_MOVE_STOPPED : VB_MOVE_GONE);
    g_assert_cmpuint(world.fake->moves, ==, 3);
    g_assert_cmpuint(world.report.bytes_moved, ==, fake_process_bytes_on(world.guest, 1));
    g_assert_cmpuint(world.report.bytes_left, >, 100 * MIB);
    world_end(&world);
}

static void
a_cancel_ends_it_within_one_batch(void)
{
    World world;
    world_begin(&world, PAGE, 50000);
    world.stop = stop_after;
    world.stop_after = 3; /* the window, two batches */
    move_expecting(&world, VB_MOVE_CANCELLED);
    g_assert_cmpuint(world.fake->moves, ==, 2);
    g_assert_cmpuint(world.report.bytes_moved, ==, fake_process_bytes_on(world.guest, 1));
    /* What it had not come to is an estimate, off by a stratum (13 pages) at most. */
    gint64 left = (gint64)(50000 * PAGE - world.report.bytes_moved);
    g_assert_cmpint(ABS((gint64)world.report.bytes_left - left), <=, (gint64)(13 * PAGE));
    world_end(&world);
}

static void
a_cancel_is_heard_while_it_waits(void)
{
    World world;
    world_begin(&world, PAGE, 50000);
    world.budget.rate_bytes_per_s = 4096; /* minutes between batches */
    world.stop = stop_after;
    world.stop_after = 12;
    gint64 begun_ns = world.fake->now_ns;
    move_expecting(&world, VB_MOVE_CANCELLED);
    g_assert_cmpint(world.fake->now_ns - begun_ns, <, 2 * SECOND);
    world_end(&world);
}

static void
a_refusal_of_the_kernel_is_denied(gconstpointer code)
{
    World world;
    world_begin(&world, PAGE, 100);
    world.fake->move_error = GPOINTER_TO_INT(code);
    move_expecting(&world, VB_MOVE_DENIED);
    assert_report(&world, 0, 100 * PAGE, 0);
    world.fake->query_error = GPOINTER_TO_INT(code);
    world.fake->moves = 0;
    move_expecting(&world, VB_MOVE_DENIED);
    world_end(&world);
}

static void
what_cannot_work_is_an_error(void)
{
    static const struct {
        int query_error;
        VbNodeSet online;
        int code;
    } bad[] = {
        {-ENOSYS, 0xf, VB_ERROR_UNSUPPORTED},
        {-EIO, 0xf, VB_ERROR_FAILED},
        {0, 0x1, VB_ERROR_INVALID},
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        World world;
        world_begin(&world, PAGE, 10);
        world.fake->query_error = bad[i].query_error;
        world.fake->online = bad[i].online;
        VbMoveTask task = {world.identity, &world.range, 1, 1};
        g_autoptr(GError) error = NULL;
        g_assert_false(vb_move_run(&task, &world.report, &error));
        g_assert_error(error, VB_ERROR, bad[i].code);
        world_end(&world);
    }
}

static void
count_progress(const VbMoveReport *report, gpointer user_data)
{
    World *world = user_data;
    g_assert_cmpuint(report->bytes_moved + report->bytes_left, ==, 8192 * PAGE);
    world->shown++;
}

static void
the_rate_is_kept(void)
{
    static const guint64 rates[] = {1 * MIB, 8 * MIB, 20 * MIB};
    for (guint i = 0; i < G_N_ELEMENTS(rates); i++) {
        World world;
        world_begin(&world, PAGE, 8192);
        world.budget.rate_bytes_per_s = rates[i];
        world.progress = count_progress;
        gint64 begun_ns = world.fake->now_ns;
        move_expecting(&world, VB_MOVE_COMPLETE);
        gdouble seconds = (gdouble)(world.fake->now_ns - begun_ns) / (gdouble)SECOND;
        gdouble rate = 32.0 * (gdouble)MIB / seconds;
        g_assert_cmpfloat(rate, <, 1.07 * (gdouble)rates[i]);
        g_assert_cmpfloat(rate, >, 0.93 * (gdouble)rates[i]);
        g_assert_cmpint(world.report.duration_ns, ==, world.fake->now_ns - begun_ns);
        g_assert_cmpfloat(world.shown, <=, 4.0 * seconds);
        g_assert_cmpuint(world.shown, >, 3);
        world_end(&world);
    }
}

static void
batches_adapt_to_their_duration(void)
{
    static const struct {
        gint64 page_ns;
        gint64 target_ns, call_ns;
    } host[] = {{1000, 0, 0}, {10000, 0, 0}, {20000, 10 * MS, 0}, {5000, 5 * MS, 0}, {1000, 0, 45 * MS}};
    for (guint i = 0; i < G_N_ELEMENTS(host); i++) {
        World world;
        world_begin(&world, PAGE, 100000);
        world.fake->page_ns = host[i].page_ns;
        world.fake->call_ns += host[i].call_ns;
        world.budget.batch_target_ns = host[i].target_ns;
        move_expecting(&world, VB_MOVE_COMPLETE);
        gint64 target_ns = host[i].target_ns > 0 ? host[i].target_ns : 30 * MS;
        gint64 average_ns = world.report.duration_ns / (gint64)world.report.batches;
        g_assert_cmpint(average_ns, <, target_ns * 3 / 2 + host[i].call_ns);
        /* Where the call alone takes too long smaller ones would only be more of them. */
        g_assert_cmpuint(world.report.batches, <=, 100000 / 512 * 5 / 4);
        g_assert_cmpint(average_ns, >, MIN(target_ns / 2, 4096 * host[i].page_ns / 2));
        world_end(&world);
    }
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        GTestFunc test;
    } tests[] = {
        {"all small pages go", all_small_pages_go},
        {"only what is off target is submitted", only_what_is_off_target_is_submitted},
        {"nothing to do is complete without a batch", nothing_to_do_is_complete_without_a_batch},
        {"who was told that all went does not ask again", who_was_told_that_all_went_does_not_ask_again},
        {"what was not told of each page is asked", what_was_not_told_of_each_page_is_asked},
        {"hugepages go by one address each", hugepages_go_by_one_address_each},
        {"pages of a GiB go one at a time", pages_of_a_gib_go_one_at_a_time},
        {"a pool of one GiB takes one", a_pool_of_one_gib_takes_one},
        {"transparent hugepages go by one address each",
         transparent_hugepages_go_by_one_address_each},
        {"a limit holds to the page", a_limit_holds_to_the_page},
        {"a limit may be passed by the rest of a transparent hugepage",
         a_limit_may_be_passed_by_the_rest_of_a_transparent_hugepage},
        {"a full node ends it with the truth", a_full_node_ends_it_with_the_truth},
        {"a mover confined to other nodes is denied", a_mover_confined_to_other_nodes_is_denied},
        {"an empty hugepage pool ends it", an_empty_hugepage_pool_ends_it},
        {"one pinned page among 512 stays alone", one_pinned_page_among_512_stays_alone},
        {"the first page of a run may be the pinned one", the_first_page_of_a_run_may_be_the_pinned_one},
        {"a pinned hugepage between others stays alone", a_pinned_hugepage_between_others_stays_alone},
        {"a guest pinned as a whole is given up cheaply",
         a_guest_pinned_as_a_whole_is_given_up_cheaply},
        {"busy pages go in a later pass", busy_pages_go_in_a_later_pass},
        {"only what is to move is asked for again", only_what_is_to_move_is_asked_for_again},
        {"shared pages stay unless asked for", shared_pages_stay_unless_asked_for},
        {"a cancel ends it within one batch", a_cancel_ends_it_within_one_batch},
        {"a cancel is heard while it waits", a_cancel_is_heard_while_it_waits},
        {"what cannot work is an error", what_cannot_work_is_an_error},
        {"the rate is kept", the_rate_is_kept},
        {"batches adapt to their duration", batches_adapt_to_their_duration},
    };
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strdup_printf("/mover/move/%s", tests[i].name);
        g_test_add_func(path, tests[i].test);
    }
    g_test_add_data_func("/mover/move/a guest that ends half way ends it",
                         (gconstpointer)at_third_batch_end, a_guest_that_changes_half_way_ends_it);
    g_test_add_data_func("/mover/move/a guest that is ending ends it",
                         (gconstpointer)at_third_batch_lose_memory,
                         a_guest_that_changes_half_way_ends_it);
    g_test_add_data_func("/mover/move/a reused PID ends it",
                         (gconstpointer)at_third_batch_replace,
                         a_guest_that_changes_half_way_ends_it);
    g_test_add_data_func("/mover/move/a stopped guest ends it", (gconstpointer)at_third_batch_stop,
                         a_guest_that_changes_half_way_ends_it);
    g_test_add_data_func("/mover/move/no capability is denied", GINT_TO_POINTER(-EPERM),
                         a_refusal_of_the_kernel_is_denied);
    g_test_add_data_func("/mover/move/a cpuset without the target is denied",
                         GINT_TO_POINTER(-EACCES), a_refusal_of_the_kernel_is_denied);
    return g_test_run();
}
