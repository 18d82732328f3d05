/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may be asked of the daemon's loop: plans, rebalances, releases, a pause. */
#include "engine/errand.h"
#include "engine/loop_request.h"
#include "loop_stage.h"
#include <vmbalancer/error.h>

#define UNTIL LOOP_STAGE_UNTIL

/* What was answered. */
typedef struct {
    guint answers;
    VbDecision *decision;
    VbRelease release;
    GError *error;
    guint told; /* changes of an errand */
} Answer;

static void
answer_clear(Answer *answer)
{
    vb_decision_free(answer->decision);
    g_clear_error(&answer->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

static void
keep_error(Answer *answer, const GError *error)
{
    answer->answers++;
    g_clear_error(&answer->error);
    answer->error = error != NULL ? g_error_copy(error) : NULL;
}

static void
on_looked(const GError *error, gpointer data)
{
    keep_error(data, error);
}

static void
on_planned(VbDecision *decision, const GError *error, gpointer data)
{
    keep_error(data, error);
    vb_decision_free(((Answer *)data)->decision);
    ((Answer *)data)->decision = decision;
}

static void
on_released(const VbRelease *release, const GError *error, gpointer data)
{
    keep_error(data, error);
    if (release != NULL)
        ((Answer *)data)->release = *release;
}

static void
on_errand(VbErrand *errand, gpointer data)
{
    ((Answer *)data)->told++;
}

static const char *const first[] = {"guest1", NULL};
/* Elsewhere than their RAM is, so that pages move. */
static const VbPlanRequest everybody = {.to = VB_NODE_BIT(1)},
                           guest1 = {.guests = first, .to = VB_NODE_BIT(1)};

static void
connect_calm(LoopStage *stage)
{
    loop_stage_calm(stage);
    loop_stage_tell(stage, VB_EVENT_CONNECTED, 0);
    UNTIL(fake_reach_looks(stage->reach) >= 1);
    loop_stage_wait();
}

static void
one_look_answers_all_who_asked_before_it(void)
{
    g_auto(Answer) answer = {0};
    LoopStage stage;
    loop_stage_set_up(&stage);
    connect_calm(&stage);
    guint before = fake_reach_looks(stage.reach);
    for (guint i = 0; i < 20; i++)
        vb_loop_look_anew(stage.loop, on_looked, &answer);
    g_assert_cmpuint(answer.answers, ==, 0);
    UNTIL(answer.answers == 20);
    g_assert_no_error(answer.error);
    g_assert_cmpuint(fake_reach_looks(stage.reach), ==, before + 1);
    fake_reach_blind(stage.reach, TRUE);
    vb_loop_look_anew(stage.loop, on_looked, &answer);
    UNTIL(answer.answers == 21);
    g_assert_error(answer.error, VB_ERROR, VB_ERROR_UNREACHABLE);
    loop_stage_tear_down(&stage);
}

static void
looks_do_not_answer_who_asked_after_they_began(void)
{
    g_auto(Answer) answer = {0};
    LoopStage stage;
    loop_stage_set_up(&stage);
    loop_stage_calm(&stage);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    /* Connected, so a look is to begin at once; wait until it has. */
    UNTIL(fake_reach_looks(stage.reach) == 1);
    vb_loop_look_anew(stage.loop, on_looked, &answer);
    UNTIL(answer.answers == 1);
    g_assert_cmpuint(fake_reach_looks(stage.reach), >=, 2);
    loop_stage_tear_down(&stage);
}

static void
refuses_what_needs_libvirt_without_it(void)
{
    g_auto(Answer) answer = {0};
    LoopStage stage;
    loop_stage_set_up(&stage);
    vb_loop_plan(stage.loop, &everybody, on_planned, &answer);
    g_assert_cmpuint(answer.answers, ==, 1);
    g_assert_error(answer.error, VB_ERROR, VB_ERROR_UNREACHABLE);
    connect_calm(&stage);
    vb_loop_plan(stage.loop, &everybody, on_planned, &answer);
    g_assert_cmpuint(answer.answers, ==, 1);
    loop_stage_tell(&stage, VB_EVENT_DISCONNECTED, 0);
    g_assert_cmpuint(answer.answers, ==, 2);
    g_assert_error(answer.error, VB_ERROR, VB_ERROR_UNREACHABLE);
    vb_loop_stop(stage.loop);
    vb_loop_plan(stage.loop, &everybody, on_planned, &answer);
    g_assert_error(answer.error, VB_ERROR, VB_ERROR_CANCELLED);
    UNTIL(stage.stopped);
    loop_stage_tear_down(&stage);
}

static void
plans_and_changes_nothing(void)
{
    g_auto(Answer) answer = {0};
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, NULL, 512, 2);
    connect_calm(&stage);
    vb_loop_plan(stage.loop, &guest1, on_planned, &answer);
    UNTIL(answer.answers == 1);
    g_assert_no_error(answer.error);
    g_assert_cmpuint(vb_plan_bytes(answer.decision->plan), ==, 512 * MIB);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 0);
    const char *const nobody[] = {"nobody", NULL};
    VbPlanRequest request = {.guests = nobody};
    vb_loop_plan(stage.loop, &request, on_planned, &answer);
    UNTIL(answer.answers == 2);
    g_assert_error(answer.error, VB_ERROR, VB_ERROR_NO_GUEST);
    g_assert_null(answer.decision);
    loop_stage_tear_down(&stage);
}

static void
brings_home_who_did_not_opt_in(void)
{
    g_auto(Answer) answer = {0};
    LoopStage stage;
    VbRunProgress progress;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, NULL, 512, 2);
    fake_reach_hold(stage.reach, 1, TRUE);
    connect_calm(&stage);
    vb_loop_pause(stage.loop, TRUE);
    g_autoptr(VbErrand) errand =
        vb_errand_begin(stage.loop, &guest1, 100 * MIB, on_errand, &answer);
    g_assert_cmpint(errand->state, ==, VB_ERRAND_LOOKING);
    vb_errand_progress(errand, &progress);
    g_assert_cmpuint(progress.bytes_planned, ==, 0);
    UNTIL(fake_reach_runs(stage.reach, 1) == 1);
    g_assert_cmpint(errand->state, ==, VB_ERRAND_RUNNING);
    UNTIL((vb_errand_progress(errand, &progress), progress.bytes_moved > 0));
    g_assert_cmpuint(progress.bytes_planned, ==, 512 * MIB);
    g_assert_cmpuint(progress.bytes_moved, ==, 256 * MIB);
    g_assert_cmpuint(progress.guests_planned, ==, 1);
    g_assert_cmpuint(progress.guests_done, ==, 0);
    /* One guest's pages move, so all of the rate is its own. */
    g_assert_cmpuint(fake_reach_rate(stage.reach, 1), ==, 100 * MIB);
    fake_reach_hold(stage.reach, 1, FALSE);
    UNTIL(vb_errand_is_over(errand));
    g_assert_cmpint(errand->state, ==, VB_ERRAND_DONE);
    g_assert_cmpuint(answer.told, ==, 2);
    g_assert_true(loop_stage_is_home(&stage, 1, 512));
    vb_errand_progress(errand, &progress);
    g_assert_cmpuint(progress.bytes_moved, ==, 512 * MIB);
    g_assert_cmpuint(progress.guests_done, ==, 1);
    loop_stage_tear_down(&stage);
}

static void
lets_no_more_than_two_move_at_a_time(void)
{
    g_auto(Answer) answer = {0};
    LoopStage stage;
    loop_stage_set_up(&stage);
    for (guint n = 1; n <= 5; n++) {
        fake_reach_add(stage.reach, n, NULL, 512, 2);
        fake_reach_hold(stage.reach, n, TRUE);
    }
    connect_calm(&stage);
    g_autoptr(VbErrand) errand =
        vb_errand_begin(stage.loop, &everybody, 100 * MIB, on_errand, &answer);
    UNTIL(fake_reach_running_most(stage.reach) == 2);
    loop_stage_wait();
    g_assert_cmpuint(fake_reach_running_most(stage.reach), ==, 2);
    for (guint n = 1; n <= 5; n++)
        fake_reach_hold(stage.reach, n, FALSE);
    UNTIL(vb_errand_is_over(errand));
    g_assert_cmpint(errand->state, ==, VB_ERRAND_DONE);
    g_assert_cmpuint(fake_reach_running_most(stage.reach), ==, 2);
    /* Each may have all of the rate, and they keep it together. */
    g_assert_nonnull(fake_reach_common(stage.reach, 1));
    for (guint n = 1; n <= 5; n++) {
        g_assert_cmpuint(fake_reach_rate(stage.reach, n), ==, 100 * MIB);
        g_assert_true(fake_reach_common(stage.reach, n) == fake_reach_common(stage.reach, 1));
    }
    for (guint i = 0; i < errand->outcomes->len; i++)
        g_assert_nonnull(g_ptr_array_index(errand->outcomes, i));
    loop_stage_tear_down(&stage);
}

static void
is_cancelled_in_mid_flight(void)
{
    g_auto(Answer) answer = {0};
    LoopStage stage;
    loop_stage_set_up(&stage);
    for (guint n = 1; n <= 3; n++) {
        fake_reach_add(stage.reach, n, NULL, 512, 2);
        fake_reach_hold(stage.reach, n, TRUE);
    }
    connect_calm(&stage);
    g_autoptr(VbErrand) errand = vb_errand_begin(stage.loop, &everybody, 0, on_errand, &answer);
    UNTIL(fake_reach_running_most(stage.reach) == 2);
    vb_errand_cancel(errand);
    UNTIL(vb_errand_is_over(errand));
    g_assert_cmpint(errand->state, ==, VB_ERRAND_CANCELLED);
    for (guint i = 0; i < errand->outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(errand->outcomes, i);
        g_assert_cmpint(outcome->result, ==, VB_RESULT_CANCELLED);
        g_assert_cmpuint(outcome->action, ==, i);
    }
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1) + fake_reach_runs(stage.reach, 2) +
                         fake_reach_runs(stage.reach, 3), ==, 2);
    g_autoptr(VbErrand) second = vb_errand_begin(stage.loop, &everybody, 0, on_errand, &answer);
    vb_errand_cancel(second);
    UNTIL(vb_errand_is_over(second));
    g_assert_cmpint(second->state, ==, VB_ERRAND_CANCELLED);
    g_assert_error(second->error, VB_ERROR, VB_ERROR_CANCELLED);
    g_assert_null(second->decision);
    loop_stage_tear_down(&stage);
}

static void
lets_a_cancelled_guest_rest(void)
{
    g_auto(Answer) answer = {0};
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "none", 512, 2);
    fake_reach_hold(stage.reach, 1, TRUE);
    connect_calm(&stage);
    VbPlanRequest request = guest1;
    request.policy = "home-node";
    g_autoptr(VbErrand) errand = vb_errand_begin(stage.loop, &request, 0, on_errand, &answer);
    UNTIL(fake_reach_runs(stage.reach, 1) == 1);
    vb_errand_cancel(errand);
    fake_reach_set_policy(stage.reach, 1, "home-node");
    UNTIL(vb_errand_is_over(errand));
    guint looks = fake_reach_looks(stage.reach);
    for (guint i = 0; i < 10; i++) {
        loop_stage_tell(&stage, VB_EVENT_DEVICE, 1);
        loop_stage_wait();
    }
    g_assert_cmpuint(fake_reach_looks(stage.reach), >, looks);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    loop_stage_tear_down(&stage);
}

static void
tells_what_failed(void)
{
    g_auto(Answer) answer = {0};
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, NULL, 512, 2);
    fake_reach_add(stage.reach, 2, NULL, 512, 3);
    fake_reach_fail(stage.reach, 1, TRUE);
    connect_calm(&stage);
    g_autoptr(VbErrand) both = vb_errand_begin(stage.loop, &everybody, 0, on_errand, &answer);
    UNTIL(vb_errand_is_over(both));
    g_assert_cmpint(both->state, ==, VB_ERRAND_PARTLY);
    g_autoptr(VbErrand) one = vb_errand_begin(stage.loop, &guest1, 0, on_errand, &answer);
    UNTIL(vb_errand_is_over(one));
    g_assert_cmpint(one->state, ==, VB_ERRAND_FAILED);
    g_assert_null(one->error);
    const char *const nobody[] = {"nobody", NULL};
    VbPlanRequest request = {.guests = nobody};
    g_autoptr(VbErrand) none = vb_errand_begin(stage.loop, &request, 0, on_errand, &answer);
    UNTIL(vb_errand_is_over(none));
    g_assert_cmpint(none->state, ==, VB_ERRAND_FAILED);
    g_assert_error(none->error, VB_ERROR, VB_ERROR_NO_GUEST);
    loop_stage_tear_down(&stage);
}

static void
tries_again_who_found_no_room(void)
{
    g_auto(Answer) answer = {0};
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, NULL, 512, 2);
    fake_reach_add(stage.reach, 2, NULL, 512, 3);
    fake_reach_fail_with(stage.reach, 1, TRUE, VB_ERROR_NO_SPACE);
    fake_reach_hold(stage.reach, 2, TRUE);
    connect_calm(&stage);
    g_autoptr(VbErrand) errand = vb_errand_begin(stage.loop, &everybody, 0, on_errand, &answer);
    UNTIL(fake_reach_runs(stage.reach, 1) == 1 && fake_reach_runs(stage.reach, 2) == 1);
    loop_stage_wait();
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    fake_reach_fail(stage.reach, 1, FALSE);
    fake_reach_hold(stage.reach, 2, FALSE);
    UNTIL(vb_errand_is_over(errand));
    g_assert_cmpint(errand->state, ==, VB_ERRAND_DONE);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 2);
    /* Nobody is left who could make room: that is its end. */
    fake_reach_stray(stage.reach, 1, 2);
    fake_reach_fail_with(stage.reach, 1, TRUE, VB_ERROR_NO_SPACE);
    g_autoptr(VbErrand) stuck = vb_errand_begin(stage.loop, &guest1, 0, on_errand, &answer);
    UNTIL(vb_errand_is_over(stuck));
    g_assert_cmpint(stuck->state, ==, VB_ERRAND_FAILED);
    loop_stage_tear_down(&stage);
}

static void
waits_for_a_guest_that_flies_already(void)
{
    g_auto(Answer) answer = {0};
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_hold(stage.reach, 1, TRUE);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(fake_reach_runs(stage.reach, 1) == 1);
    g_autoptr(VbErrand) errand = vb_errand_begin(stage.loop, &guest1, 0, on_errand, &answer);
    loop_stage_wait();
    g_assert_false(vb_errand_is_over(errand));
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    fake_reach_hold(stage.reach, 1, FALSE);
    UNTIL(vb_errand_is_over(errand));
    g_assert_cmpint(errand->state, ==, VB_ERRAND_DONE);
    g_assert_cmpint(fake_reach_pinned(stage.reach, 1), ==, 1);
    loop_stage_tear_down(&stage);
}

static void
ends_errands_when_it_stops(void)
{
    g_auto(Answer) answer = {0};
    LoopStage stage;
    loop_stage_set_up(&stage);
    for (guint n = 1; n <= 3; n++) {
        fake_reach_add(stage.reach, n, NULL, 512, 2);
        fake_reach_hold(stage.reach, n, TRUE);
    }
    connect_calm(&stage);
    g_autoptr(VbErrand) flying = vb_errand_begin(stage.loop, &everybody, 0, on_errand, &answer);
    UNTIL(fake_reach_running_most(stage.reach) == 2);
    g_autoptr(VbErrand) parked = vb_errand_begin(stage.loop, &guest1, 0, on_errand, &answer);
    guint looks = fake_reach_looks(stage.reach);
    UNTIL(fake_reach_looks(stage.reach) > looks);
    loop_stage_wait();
    g_autoptr(VbErrand) looking = vb_errand_begin(stage.loop, &everybody, 0, on_errand, &answer);
    loop_stage_stop(&stage);
    g_assert_cmpint(flying->state, ==, VB_ERRAND_CANCELLED);
    g_assert_cmpint(parked->state, ==, VB_ERRAND_CANCELLED);
    g_assert_cmpint(looking->state, ==, VB_ERRAND_CANCELLED);
    loop_stage_tear_down(&stage);
}

static void
leaves_a_released_guest_alone(void)
{
    g_auto(Answer) answer = {0};
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(loop_stage_is_home(&stage, 1, 512));
    vb_loop_release(stage.loop, "guest1", on_released, &answer);
    UNTIL(answer.answers == 1);
    g_assert_no_error(answer.error);
    g_assert_cmpuint(answer.release.restored, ==, 1);
    g_assert_cmpuint(stage.released, ==, 1);
    /* For longer than a guest rests after a move: a second a look. */
    guint looks = fake_reach_looks(stage.reach);
    UNTIL(fake_reach_looks(stage.reach) > looks + 90);
    g_assert_cmpint(fake_reach_pinned(stage.reach, 1), ==, VB_NO_NODE);
    g_assert_cmpuint(stage.state.opted_in, ==, 0);
    /* "All" does not mean it; its name does. */
    g_autoptr(VbErrand) all = vb_errand_begin(stage.loop, &everybody, 0, on_errand, &answer);
    UNTIL(vb_errand_is_over(all));
    g_assert_cmpstr(vb_plan_declined(all->decision->plan,
                                     ((VbGuest *)all->decision->before->guests->pdata[0])->uuid)
                        ->code, ==, "released");
    g_assert_cmpint(fake_reach_pinned(stage.reach, 1), ==, VB_NO_NODE);
    fake_reach_stray(stage.reach, 1, 1);
    g_autoptr(VbErrand) one = vb_errand_begin(stage.loop, &guest1, 0, on_errand, &answer);
    UNTIL(vb_errand_is_over(one));
    g_assert_true(loop_stage_is_home(&stage, 1, 512));
    UNTIL(stage.state.opted_in == 1);
    loop_stage_tear_down(&stage);
}

/* @policy: what it asks for after its release; @event: what is told of it */
static void
assert_kept_again(const char *policy, VbEventKind event)
{
    g_auto(Answer) answer = {0};
    g_autofree char *uuid = world_uuid(1);
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(loop_stage_is_home(&stage, 1, 512));
    vb_loop_release(stage.loop, uuid, on_released, &answer);
    UNTIL(answer.answers == 1);
    g_assert_cmpint(fake_reach_pinned(stage.reach, 1), ==, VB_NO_NODE);
    loop_stage_wait();
    g_assert_cmpint(fake_reach_pinned(stage.reach, 1), ==, VB_NO_NODE);
    fake_reach_set_policy(stage.reach, 1, policy);
    stage.config->default_policy = g_strdup("home-node");
    loop_stage_tell(&stage, event, 1);
    UNTIL(loop_stage_is_home(&stage, 1, 512));
    loop_stage_tear_down(&stage);
}

static void
keeps_a_released_guest_again(void)
{
    assert_kept_again("home-node", VB_EVENT_METADATA);
    assert_kept_again("home-node", VB_EVENT_STARTED);
    assert_kept_again(NULL, VB_EVENT_DEVICE);
}

static void
releases_after_the_flight(void)
{
    g_auto(Answer) answer = {0};
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_hold(stage.reach, 1, TRUE);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(fake_reach_runs(stage.reach, 1) == 1);
    vb_loop_release(stage.loop, "guest1", on_released, &answer);
    g_assert_cmpuint(fake_reach_releases(stage.reach, 1), ==, 0);
    UNTIL(answer.answers == 1);
    g_assert_no_error(answer.error);
    g_assert_cmpuint(stage.acted, >, 0);
    g_assert_cmpuint(fake_reach_releases(stage.reach, 1), ==, 1);
    vb_loop_release(stage.loop, "nobody", on_released, &answer);
    UNTIL(answer.answers == 2);
    g_assert_error(answer.error, VB_ERROR, VB_ERROR_NO_GUEST);
    loop_stage_tear_down(&stage);
}

static void
begins_nothing_while_it_is_paused(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    vb_loop_pause(stage.loop, TRUE);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(fake_reach_looks(stage.reach) > 5);
    fake_reach_add_untouched(stage.reach, 2, "home-node", 512);
    loop_stage_tell(&stage, VB_EVENT_STARTED, 2);
    loop_stage_wait();
    g_assert_true(stage.state.paused);
    g_assert_cmpuint(stage.state.guests, ==, 2);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 0);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 2), ==, 0);
    vb_loop_pause(stage.loop, FALSE);
    g_assert_false(stage.state.paused);
    UNTIL(loop_stage_is_home(&stage, 1, 512));
    UNTIL(fake_reach_pinned(stage.reach, 2) != VB_NO_NODE);
    loop_stage_tear_down(&stage);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/request/one-look-for-all", one_look_answers_all_who_asked_before_it);
    g_test_add_func("/request/looks-begin-after", looks_do_not_answer_who_asked_after_they_began);
    g_test_add_func("/request/needs-libvirt", refuses_what_needs_libvirt_without_it);
    g_test_add_func("/request/plan", plans_and_changes_nothing);
    g_test_add_func("/errand/brings-home", brings_home_who_did_not_opt_in);
    g_test_add_func("/errand/two-at-a-time", lets_no_more_than_two_move_at_a_time);
    g_test_add_func("/errand/cancel", is_cancelled_in_mid_flight);
    g_test_add_func("/errand/cancelled-guests-rest", lets_a_cancelled_guest_rest);
    g_test_add_func("/errand/failures", tells_what_failed);
    g_test_add_func("/errand/no-room", tries_again_who_found_no_room);
    g_test_add_func("/errand/waits-for-a-flight", waits_for_a_guest_that_flies_already);
    g_test_add_func("/errand/stop", ends_errands_when_it_stops);
    g_test_add_func("/release/left-alone", leaves_a_released_guest_alone);
    g_test_add_func("/release/kept-again", keeps_a_released_guest_again);
    g_test_add_func("/release/after-the-flight", releases_after_the_flight);
    g_test_add_func("/pause", begins_nothing_while_it_is_paused);
    return g_test_run();
}
