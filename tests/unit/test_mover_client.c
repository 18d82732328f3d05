/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_kernel.h"
#include "mover/client.h"
#include "mover/server.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/*
 * The client against this very program run as a mover over a fake kernel: VB_FAKE_MOVER in its
 * environment says what shall happen there.
 */
#define PAGE G_GUINT64_CONSTANT(4096)
#define PAGES 20000
#define MS G_GINT64_CONSTANT(1000000)

static const VbProcess guest = {.pid = 7, .start_time = 99};
static const VbRange range = {PAGE, PAGE + PAGES * PAGE, PAGE};

static void
die_at_third_batch(FakeKernel *fake, guint64 call, gpointer user_data)
{
    if (call == 3)
        raise(SIGKILL);
}

/* Passes real time for the fake's: who cancels needs it. */
static void
sleep_really(FakeKernel *fake, guint64 call, gpointer user_data)
{
    g_usleep(20000);
    fake->now_ns += 200 * MS;
}

static int
be_mover(const char *what)
{
    g_autoptr(FakeKernel) fake = fake_kernel_new();
    FakeProcess *process = fake_kernel_start(fake, guest.pid, guest.start_time,
                                             "/usr/bin/qemu-system-x86_64", "qemu -uuid 1");
    fake_process_map(process, range.start, range.page_size, PAGES, 0);
    fake_kernel_write(fake, "/proc/7/maps", "", -1);
    if (g_str_equal(what, "dies"))
        fake->hook = die_at_third_batch;
    if (g_str_equal(what, "slow"))
        fake->hook = sleep_really;
    char hello[256];
    if (g_str_equal(what, "garbage"))
        return read(3, hello, sizeof hello) > 0 && write(3, "garbage", 7) == 7 ? 0 : 1;
    if (g_str_equal(what, "leaves"))
        return 5;
    return vb_server_run(&fake->kernel, 3) ? 0 : 1;
}

static VbMover *
spawn(const char *what, GError **error)
{
    g_setenv("VB_FAKE_MOVER", what, TRUE);
    VbMover *mover = vb_mover_spawn("/proc/self/exe", error);
    g_unsetenv("VB_FAKE_MOVER");
    return mover;
}

static void
count(const VbMoveReport *report, gpointer user_data)
{
    /* What is left is an estimate until the move has come to it: here of 4096 in 20000 pages. */
    guint64 sum = report->bytes_moved + report->bytes_left;
    g_assert_cmpuint(sum, >, PAGES * PAGE * 99 / 100);
    g_assert_cmpuint(sum, <, PAGES * PAGE * 101 / 100);
    ++*(guint *)user_data;
}

static void
a_move_reports_its_progress_and_its_end(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbMover) mover = spawn("slow", &error);
    g_assert_no_error(error);
    VbMoveReport report;
    VbMoveBudget budget = {.batch_target_ns = MS}; /* small batches */
    guint shown = 0;
    gboolean ok = vb_mover_move(mover, &guest, &range, 1, 1, &budget, count, &shown, NULL, &report,
                                &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    g_assert_cmpint(report.end, ==, VB_MOVE_COMPLETE);
    g_assert_cmpuint(report.bytes_moved, ==, PAGES * PAGE);
    g_assert_cmpuint(report.bytes_left, ==, 0);
    g_assert_cmpuint(shown, >, 3);
    g_assert_cmpuint(shown, <=, report.batches);
}

static void
a_common_rate_is_kept_by_movers_together(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbBucket) common = vb_bucket_new(&error);
    g_assert_no_error(error);
    VbMoveBudget budget = {.common_rate_bytes_per_s = PAGES * PAGE / 2, .common = common};
    /* Each process begins at the same time of its own clock: the second finds what the first used up. */
    static const gint64 seconds[] = {2, 4, 6};
    for (guint i = 0; i < G_N_ELEMENTS(seconds); i++) {
        g_autoptr(VbMover) mover = spawn("works", &error);
        VbMoveReport report;
        g_assert_true(vb_mover_move(mover, &guest, &range, 1, 1, &budget, NULL, NULL, NULL, &report, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(report.bytes_moved, ==, PAGES * PAGE);
        g_assert_cmpint(report.duration_ns, >, seconds[i] * 1000 * MS - 300 * MS);
        g_assert_cmpint(report.duration_ns, <, seconds[i] * 1000 * MS + 50 * MS);
    }
}

static void
cancel(const VbMoveReport *report, gpointer cancellable)
{
    g_cancellable_cancel(cancellable);
}

static gpointer
cancel_soon(gpointer cancellable)
{
    g_usleep(50000);
    g_cancellable_cancel(cancellable);
    return NULL;
}

static void
a_cancelled_move_ends_soon_and_the_mover_serves_on(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbMover) mover = spawn("slow", &error);
    g_assert_no_error(error);
    VbMoveBudget budget = {.batch_target_ns = MS};
    for (guint how = 0; how < 3; how++) {
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        GThread *thread = NULL;
        VbMoveReport report;
        if (how == 0)
            thread = g_thread_new("cancel", cancel_soon, cancellable);
        if (how == 2)
            g_cancellable_cancel(cancellable);
        gboolean ok = vb_mover_move(mover, &guest, &range, 1, 1 + (int)how, &budget,
                                    how == 1 ? cancel : NULL, cancellable, cancellable, &report,
                                    &error);
        g_assert_no_error(error);
        g_assert_true(ok);
        g_assert_cmpstr(vb_move_end_name(report.end), ==, "cancelled");
        g_assert_cmpuint(report.bytes_left, >, 0);
        g_clear_pointer(&thread, g_thread_join);
    }
}

static void
a_mover_that_dies_is_one_clear_error(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbMover) mover = spawn("dies", &error);
    g_assert_no_error(error);
    VbMoveReport report;
    VbMoveBudget budget = {0};
    for (guint i = 0; i < 2; i++) {
        g_clear_error(&error);
        g_assert_false(vb_mover_move(mover, &guest, &range, 1, 1, &budget, NULL, NULL, NULL,
                                     &report, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_UNREACHABLE);
        g_assert_nonnull(strstr(error->message, "was killed by signal 9"));
    }
    VbSample sample;
    g_assert_false(vb_mover_sample(mover, &guest, &range, 1, 10, 0, &sample, NULL));
    g_assert_null(vb_mover_read(mover, &guest, VB_MOVER_MAPS, NULL, NULL));
}

static void
a_mover_that_does_not_come_up_is_unreachable(void)
{
    static const struct {
        const char *what;
        const char *word;
    } table[] = {{"leaves", "status 5"}, {"garbage", "does not speak"}};
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(spawn(table[i].what, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_UNREACHABLE);
        g_assert_nonnull(strstr(error->message, table[i].word));
    }
    g_autoptr(GError) error = NULL;
    g_assert_null(vb_mover_spawn("/nonexistent/mover", &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_UNREACHABLE);
    g_assert_nonnull(strstr(error->message, "VMBALANCER_MOVER"));
}

static void
a_bad_request_is_invalid_and_harmless(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbMover) mover = spawn("well", &error);
    g_assert_no_error(error);
    VbSample sample;
    const VbRange twice[] = {range, range};
    g_assert_false(vb_mover_sample(mover, &guest, twice, 2, 10, 0, &sample, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_false(vb_mover_sample(mover, &guest, twice, 0, 10, 0, &sample, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_null(vb_mover_read(mover, &guest, VB_MOVER_MAPS, NULL, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST); /* an empty file: it ended meanwhile */
    g_clear_error(&error);
    g_assert_true(vb_mover_sample(mover, &guest, twice, 1, 10, 0, &sample, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(sample.pages_asked, ==, 10);
    g_assert_cmpuint(sample.pages_total, ==, PAGES);
    g_assert_false(sample.census);
}

int
main(int argc, char **argv)
{
    const char *what = g_getenv("VB_FAKE_MOVER");
    if (what != NULL)
        return be_mover(what);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mover/client/a move reports its progress and its end",
                    a_move_reports_its_progress_and_its_end);
    g_test_add_func("/mover/client/a common rate is kept by movers together",
                    a_common_rate_is_kept_by_movers_together);
    g_test_add_func("/mover/client/a cancelled move ends soon and the mover serves on",
                    a_cancelled_move_ends_soon_and_the_mover_serves_on);
    g_test_add_func("/mover/client/a mover that dies is one clear error",
                    a_mover_that_dies_is_one_clear_error);
    g_test_add_func("/mover/client/a mover that does not come up is unreachable",
                    a_mover_that_does_not_come_up_is_unreachable);
    g_test_add_func("/mover/client/a bad request is invalid and harmless",
                    a_bad_request_is_invalid_and_harmless);
    return g_test_run();
}
