/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How often the daemon looks. */
#include "core/pace.h"

#define SECOND G_GINT64_CONSTANT(1000000000)

static void
all_is_well_ever_more_slowly(void)
{
    VbPace pace;
    vb_pace_set(&pace, 10 * SECOND);
    const guint slower[] = {2000, 4000, 8000, 10000, 10000};
    for (guint i = 0; i < G_N_ELEMENTS(slower); i++)
        g_assert_cmpuint(vb_pace_next(&pace), ==, slower[i]);
    vb_pace_hurry(&pace);
    g_assert_cmpuint(vb_pace_next(&pace), ==, 2000);
    g_assert_cmpuint(vb_pace_next(&pace), ==, 4000);
    vb_pace_set(&pace, SECOND);
    g_assert_cmpuint(vb_pace_next(&pace), ==, 1000);
    g_assert_cmpuint(vb_pace_next(&pace), ==, 1000);
}

static void
threads_are_looked_at_between_as_far_as_that_tells_more(void)
{
    static const struct {
        gint64 interval_s;
        guint vcpus, beat_ms;
    } cases[] = {
        {10, 0, 1000},  {10, 255, 1000}, {10, 256, 2000}, {10, 1279, 5000}, {10, 1280, 0},
        {10, 2000, 0},  {60, 2000, 8000}, {1, 4, 0},      {2, 4, 1000},     {3600, 100000, 391000},
        {3600, G_MAXUINT, 0},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VbPace pace;
        vb_pace_set(&pace, cases[i].interval_s * SECOND);
        g_assert_cmpuint(vb_pace_beat(&pace, cases[i].vcpus), ==, cases[i].beat_ms);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pace/slows-down", all_is_well_ever_more_slowly);
    g_test_add_func("/pace/beat", threads_are_looked_at_between_as_far_as_that_tells_more);
    return g_test_run();
}
