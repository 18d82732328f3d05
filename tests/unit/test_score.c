/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a run comes to. */
#include "league_fixture.h"

#define RUN "a world"

static VbScore
score_of(const VbTrace *trace)
{
    VbScore score;
    vb_score_read(trace, &score);
    return score;
}

static void
test_each_access_counts_alike_in_the_share(void)
{
    g_autoptr(VbTrace) trace = fixture_trace(RUN, "none");
    fixture_pass(trace, FIXTURE_SECOND, 9000, 9000);
    fixture_pass(trace, FIXTURE_SECOND, 1000, 0);
    g_assert_cmpuint(score_of(trace).local_bp, ==, 9000);
    g_assert_cmpuint(score_of(trace).mean_bp, ==, 5000);
}

static void
test_each_second_counts_alike_in_the_mean(void)
{
    g_autoptr(VbTrace) trace = fixture_trace(RUN, "none");
    fixture_pass(trace, 9 * FIXTURE_SECOND, 1000, 1000);
    fixture_pass(trace, FIXTURE_SECOND, 1000, 0);
    g_assert_cmpuint(score_of(trace).mean_bp, ==, 9000);
    g_assert_cmpuint(score_of(trace).local_bp, ==, 5000);
}

static void
test_the_worst_is_that_of_each_moment(void)
{
    g_autoptr(VbTrace) trace = fixture_trace(RUN, "none");
    fixture_pass(trace, 3 * FIXTURE_SECOND, 100, 100)->worst_bp = 2000;
    fixture_pass(trace, FIXTURE_SECOND, 100, 100)->worst_bp = 6000;
    g_assert_cmpuint(score_of(trace).worst_bp, ==, 3000);
}

static void
test_moments_without_accesses_count_nothing(void)
{
    g_autoptr(VbTrace) trace = fixture_trace(RUN, "none");
    fixture_pass(trace, 100 * FIXTURE_SECOND, 0, 0);
    fixture_pass(trace, FIXTURE_SECOND, 100, 25);
    fixture_pass(trace, 100 * FIXTURE_SECOND, 0, 0);
    VbScore score = score_of(trace);
    g_assert_cmpuint(score.mean_bp, ==, 2500);
    g_assert_cmpuint(score.worst_bp, ==, 2500);
    g_assert_cmpuint(score.local_bp, ==, 2500);
    g_assert_cmpint(score.good_ns, ==, -1);
}

static void
test_a_run_without_accesses_lost_nothing(void)
{
    g_autoptr(VbTrace) trace = fixture_trace(RUN, "none");
    VbScore score = score_of(trace);
    g_assert_cmpuint(score.local_bp, ==, VB_BP);
    g_assert_cmpuint(score.mean_bp, ==, VB_BP);
    g_assert_cmpuint(score.overload_bp, ==, 0);
    g_assert_cmpuint(score.slowdown_bp, ==, VB_BP);
}

static void
test_when_it_was_good_first(void)
{
    g_autoptr(VbTrace) trace = fixture_trace(RUN, "none");
    fixture_pass(trace, 10 * FIXTURE_SECOND, 10000, 9499);
    g_assert_cmpint(score_of(trace).good_ns, ==, -1);
    fixture_pass(trace, 10 * FIXTURE_SECOND, 10000, 9500);
    fixture_pass(trace, 10 * FIXTURE_SECOND, 10000, 100);
    fixture_pass(trace, 10 * FIXTURE_SECOND, 10000, 9900);
    g_assert_cmpint(score_of(trace).good_ns, ==, 10 * FIXTURE_SECOND);
}

static void
test_cpu_time_that_was_not_to_be_had(void)
{
    g_autoptr(VbTrace) trace = fixture_trace(RUN, "none");
    VbMoment *now = fixture_pass(trace, FIXTURE_SECOND, 1, 1);
    now->wanted_ns = 8000;
    now->given_ns = 6000;
    now->work_ns = 4000;
    g_assert_cmpuint(score_of(trace).overload_bp, ==, 2500);
    g_assert_cmpuint(score_of(trace).slowdown_bp, ==, 20000);
}

static void
test_slowness_is_told_by_the_hand(void)
{
    VbScore score = {.slowdown_bp = 15000}, hand = {.slowdown_bp = 12000};
    vb_score_compare(&score, &hand);
    g_assert_true(score.versus_known);
    g_assert_cmpuint(score.versus_bp, ==, 12500);
}

static void
test_sums_of_years_do_not_overflow(void)
{
    g_assert_cmpuint(vb_score_share_bp(G_MAXUINT64 / 4, G_MAXUINT64), ==, 2500);
    g_assert_cmpuint(vb_score_share_bp(G_MAXUINT64, 1), ==, 1000 * VB_BP);
    g_assert_cmpuint(vb_score_share_bp(0, G_MAXUINT64), ==, 0);
    g_assert_cmpuint(vb_score_share_bp(1, 3), ==, 3333);
    g_assert_cmpuint(vb_score_share_bp(2, 3), ==, 6667);
}

static void
test_order(void)
{
    VbScore better = {.local_bp = 9000, .moved_bytes = 9}, worse = {.local_bp = 8999};
    VbScore cheaper = {.local_bp = 9000, .moved_bytes = 8, .moves = 7};
    VbScore calmer = {.local_bp = 9000, .moved_bytes = 8, .moves = 6};
    g_assert_cmpint(vb_score_order(&better, &worse), <, 0);
    g_assert_cmpint(vb_score_order(&worse, &better), >, 0);
    g_assert_cmpint(vb_score_order(&cheaper, &better), <, 0);
    g_assert_cmpint(vb_score_order(&calmer, &cheaper), <, 0);
    g_assert_cmpint(vb_score_order(&better, &better), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/score/share", test_each_access_counts_alike_in_the_share);
    g_test_add_func("/score/mean", test_each_second_counts_alike_in_the_mean);
    g_test_add_func("/score/worst", test_the_worst_is_that_of_each_moment);
    g_test_add_func("/score/idle-moments", test_moments_without_accesses_count_nothing);
    g_test_add_func("/score/idle-run", test_a_run_without_accesses_lost_nothing);
    g_test_add_func("/score/time-to-95", test_when_it_was_good_first);
    g_test_add_func("/score/overload", test_cpu_time_that_was_not_to_be_had);
    g_test_add_func("/score/versus-hand", test_slowness_is_told_by_the_hand);
    g_test_add_func("/score/large-sums", test_sums_of_years_do_not_overflow);
    g_test_add_func("/score/order", test_order);
    return g_test_run();
}
