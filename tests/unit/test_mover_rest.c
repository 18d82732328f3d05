/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When moves make room for others: a host that is short of memory, a guest that is short of CPUs. */
#include "move_world.h"
#include "mover/steal.h"

#define GUEST 77

/* How long a move takes on a host whose file says @text. */
static gint64
duration_under(const char *path, const char *text)
{
    World world;
    world_begin(&world, PAGE, 20000);
    if (text != NULL)
        fake_kernel_write(world.fake, path, text, -1);
    move_expecting(&world, VB_MOVE_COMPLETE);
    assert_report(&world, 20000 * PAGE, 0, 0);
    gint64 duration_ns = world.report.duration_ns;
    world_end(&world);
    return duration_ns;
}

static void
memory_pressure_leaves_it_a_tenth_of_the_time(void)
{
    static const char proc[] = "/proc/pressure/memory", cgroup[] = "/sys/fs/cgroup/memory.pressure";
    gint64 free_ns = duration_under(proc, NULL);
    static const char *const fine[] = {"some avg10=9.99 avg60=80.00 avg300=0.00 total=1\nfull avg10=50.00\n",
                                       "full avg10=50.00\n", "", "some avg10=-1\n", "some avg10=x\n"};
    for (guint i = 0; i < G_N_ELEMENTS(fine); i++)
        g_assert_cmpint(duration_under(proc, fine[i]), ==, free_ns);
    static const char high[] = "some avg10=10.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00\n";
    g_assert_cmpint(duration_under(proc, high), >=, 8 * free_ns);
    g_assert_cmpint(duration_under(proc, high), <=, 11 * free_ns);
    g_assert_cmpint(duration_under(cgroup, high), >=, 8 * free_ns);
}

static void
relieve(FakeKernel *fake, guint64 call, gpointer unused)
{
    if (call == 4)
        fake_kernel_remove(fake, "/proc/pressure/memory");
}

static void
it_goes_on_at_full_pace_when_the_pressure_is_over(void)
{
    World world;
    world_begin(&world, PAGE, 200000);
    fake_kernel_write(world.fake, "/proc/pressure/memory", "some avg10=99.00", -1);
    world.fake->hook = relieve;
    move_expecting(&world, VB_MOVE_COMPLETE);
    /* 200 ms of pages, the calls, and the rests of a second, in which it is not asked. */
    g_assert_cmpint(world.report.duration_ns, <, 2 * SECOND);
    world_end(&world);
}

/* Of thread @tid. */
static void
tell(FakeKernel *fake, int pid, int tid, gint64 run_ns, gint64 wait_ns)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/schedstat", pid, tid);
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " 12\n", run_ns, wait_ns);
    fake_kernel_write(fake, path, text, -1);
}

static gboolean
look(VbSteal *steal, FakeKernel *fake, gint64 second)
{
    return vb_steal_is_high(steal, &fake->kernel, GUEST, second * SECOND);
}

static void
what_is_above_what_was_before_is_steal(void)
{
    static const struct {
        gint64 before_wait_ms, wait_ms; /* beside a second of running before and 900 ms meanwhile */
        gboolean high;
    } cases[] = {
        {0, 100, TRUE}, {0, 99, FALSE}, {0, 0, FALSE}, {1000, 900, FALSE}, {1000, 1400, TRUE}, {111, 220, FALSE},
        {111, 230, TRUE},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(FakeKernel) fake = fake_kernel_new();
        VbSteal steal = {0};
        gint64 wait_ns = cases[i].before_wait_ms * MS;
        tell(fake, GUEST, 1, SECOND / 4, wait_ns / 4);
        tell(fake, GUEST, 2, SECOND * 3 / 4, wait_ns - wait_ns / 4);
        g_assert_false(look(&steal, fake, 5));
        tell(fake, GUEST, 1, SECOND / 4 + 900 * MS, wait_ns / 4);
        tell(fake, GUEST, 2, SECOND * 3 / 4, wait_ns - wait_ns / 4 + cases[i].wait_ms * MS);
        g_assert_cmpint(look(&steal, fake, 6), ==, cases[i].high);
    }
}

static void
it_asks_once_a_second(void)
{
    g_autoptr(FakeKernel) fake = fake_kernel_new();
    VbSteal steal = {0};
    tell(fake, GUEST, 1, SECOND, 0);
    g_assert_false(look(&steal, fake, 5));
    tell(fake, GUEST, 1, SECOND, SECOND);
    g_assert_false(vb_steal_is_high(&steal, &fake->kernel, GUEST, 6 * SECOND - 1));
    g_assert_true(look(&steal, fake, 6));
    tell(fake, GUEST, 1, 3 * SECOND, SECOND);
    g_assert_true(vb_steal_is_high(&steal, &fake->kernel, GUEST, 7 * SECOND - 1));
    g_assert_false(look(&steal, fake, 7));
}

static void
an_idle_guest_waits_for_nothing(void)
{
    g_autoptr(FakeKernel) fake = fake_kernel_new();
    VbSteal steal = {0};
    tell(fake, GUEST, 1, SECOND, 0);
    g_assert_false(look(&steal, fake, 5));
    tell(fake, GUEST, 1, SECOND, 9 * MS);
    g_assert_false(look(&steal, fake, 6));
}

static void
a_thread_that_ended_is_no_steal(void)
{
    g_autoptr(FakeKernel) fake = fake_kernel_new();
    VbSteal steal = {0};
    tell(fake, GUEST, 1, SECOND, 0);
    tell(fake, GUEST, 2, SECOND, 0);
    g_assert_false(look(&steal, fake, 5));
    fake_kernel_remove(fake, "/proc/77/task/2/schedstat");
    tell(fake, GUEST, 1, SECOND + SECOND / 2, SECOND);
    g_assert_false(look(&steal, fake, 6));
    tell(fake, GUEST, 1, SECOND + SECOND / 2, 2 * SECOND);
    g_assert_true(look(&steal, fake, 7));
}

static void
what_is_not_told_is_no_steal(void)
{
    static const char *const texts[] = {"", "x", "-1 -1 -1", "18446744073709551615 18446744073709551615 1",
                                        "99999999999999999999999 99999999999999999999999"};
    for (guint i = 0; i <= G_N_ELEMENTS(texts); i++) {
        g_autoptr(FakeKernel) fake = fake_kernel_new();
        VbSteal steal = {0};
        for (guint thread = 1; i < G_N_ELEMENTS(texts) && thread <= 2; thread++) {
            g_autofree char *path = g_strdup_printf("/proc/77/task/%u/schedstat", thread);
            fake_kernel_write(fake, path, texts[i], -1);
        }
        for (gint64 second = 1; second < 4; second++)
            g_assert_false(look(&steal, fake, second));
    }
}

typedef struct {
    gint64 begun_ns, waited_ns; /* when the move began, and what the guest had waited till then */
} Crowd;

/* Since the move began the guest has waited for CPUs as long as it ran; before that it ran 1000 s. */
static void
crowd(FakeKernel *fake, guint64 call, gpointer user_data)
{
    const Crowd *then = user_data;
    gint64 half_ns = (fake->now_ns - then->begun_ns) / 2;
    tell(fake, PID, 1, 1000 * SECOND + half_ns, then->waited_ns + half_ns);
}

#define FAST (G_GUINT64_CONSTANT(1) << 40) /* a rate that no batch comes near */

/* How long a move takes. @waited_s: that the guest waited before */
static gint64
duration_crowded(gboolean crowded, gint64 waited_s, guint64 rate_bytes_per_s, gint64 *ret_rested_ns)
{
    World world;
    world_begin(&world, PAGE, 4000000);
    world.budget.rate_bytes_per_s = rate_bytes_per_s;
    Crowd then = {world.fake->now_ns, waited_s * SECOND};
    crowd(world.fake, 0, &then);
    world.fake->hook = crowded ? crowd : NULL;
    world.fake->hook_data = &then;
    move_expecting(&world, VB_MOVE_COMPLETE);
    gint64 duration_ns = world.report.duration_ns;
    *ret_rested_ns = world.report.rested.cpus_ns;
    g_assert_cmpint(world.report.rested.memory_ns, ==, 0);
    world_end(&world);
    return duration_ns;
}

static void
a_guest_that_waits_for_cpus_leaves_it_a_quarter_of_the_time(void)
{
    gint64 rested_ns, free_ns = duration_crowded(FALSE, 0, FAST, &rested_ns);
    g_assert_cmpint(rested_ns, ==, 0);
    gint64 crowded_ns = duration_crowded(TRUE, 0, FAST, &rested_ns);
    /* But for the first second, in which nothing is known. */
    g_assert_cmpint(crowded_ns, >, 3 * free_ns);
    g_assert_cmpint(crowded_ns, <, 4 * free_ns);
    g_assert_cmpint(rested_ns, >, crowded_ns / 2);
    g_assert_cmpint(rested_ns, <, crowded_ns - free_ns + SECOND);
}

static void
a_guest_that_always_had_to_wait_is_moved_as_fast(void)
{
    gint64 rested_ns, free_ns = duration_crowded(FALSE, 0, FAST, &rested_ns);
    g_assert_cmpint(duration_crowded(TRUE, 1000, FAST, &rested_ns), ==, free_ns);
    g_assert_cmpint(rested_ns, ==, 0);
}

static void
who_wants_all_the_speed_lets_the_guest_wait(void)
{
    gint64 rested_ns, free_ns = duration_crowded(FALSE, 0, 0, &rested_ns);
    g_assert_cmpint(duration_crowded(TRUE, 0, 0, &rested_ns), ==, free_ns);
    g_assert_cmpint(rested_ns, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rest/memory", memory_pressure_leaves_it_a_tenth_of_the_time);
    g_test_add_func("/rest/memory-over", it_goes_on_at_full_pace_when_the_pressure_is_over);
    g_test_add_func("/rest/above-before", what_is_above_what_was_before_is_steal);
    g_test_add_func("/rest/once-a-second", it_asks_once_a_second);
    g_test_add_func("/rest/idle", an_idle_guest_waits_for_nothing);
    g_test_add_func("/rest/ended", a_thread_that_ended_is_no_steal);
    g_test_add_func("/rest/not-told", what_is_not_told_is_no_steal);
    g_test_add_func("/rest/cpus", a_guest_that_waits_for_cpus_leaves_it_a_quarter_of_the_time);
    g_test_add_func("/rest/always", a_guest_that_always_had_to_wait_is_moved_as_fast);
    g_test_add_func("/rest/all-the-speed", who_wants_all_the_speed_lets_the_guest_wait);
    return g_test_run();
}
