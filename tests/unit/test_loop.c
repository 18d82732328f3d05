/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's loop: who is acted on, when, and what ends it. */
#include "loop_stage.h"
#include <vmbalancer/error.h>

static void
brings_home_those_who_opt_in(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_add(stage.reach, 2, "none", 512, 2);
    fake_reach_add(stage.reach, 3, NULL, 512, 2);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 1, 512));
    loop_stage_wait();
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 2), ==, 0);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 3), ==, 0);
    loop_stage_tear_down(&stage);
}

static void
takes_the_hosts_default_for_consent(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    stage.config->default_policy = g_strdup("home-node");
    fake_reach_add(stage.reach, 1, NULL, 512, 2);
    fake_reach_add(stage.reach, 2, "none", 512, 2);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 1, 512));
    g_assert_cmpuint(fake_reach_runs(stage.reach, 2), ==, 0);
    loop_stage_tear_down(&stage);
}

static void
heeds_metadata_that_changes(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    loop_stage_calm(&stage);
    fake_reach_add(stage.reach, 1, "none", 512, 2);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(fake_reach_looks(stage.reach) == 1);
    fake_reach_set_policy(stage.reach, 1, "home-node");
    loop_stage_tell(&stage, VB_EVENT_METADATA, 1);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 1, 512));
    loop_stage_tear_down(&stage);
}

static void
takes_many_events_for_one(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    loop_stage_calm(&stage);
    fake_reach_add(stage.reach, 1, "none", 512, 2);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(fake_reach_looks(stage.reach) == 1);
    for (guint i = 0; i < 100; i++)
        loop_stage_tell(&stage, VB_EVENT_DEVICE, 1);
    LOOP_STAGE_UNTIL(fake_reach_looks(stage.reach) >= 2);
    loop_stage_wait();
    g_assert_cmpuint(fake_reach_looks(stage.reach), ==, 2);
    loop_stage_tear_down(&stage);
}

static void
leaves_a_guest_in_flight_alone_and_decides_on_others(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_hold(stage.reach, 1, TRUE);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(fake_reach_runs(stage.reach, 1) == 1);
    fake_reach_add(stage.reach, 2, "home-node", 512, 3);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 2, 512));
    loop_stage_wait();
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    g_assert_cmpuint(stage.acted, >=, 1);
    fake_reach_hold(stage.reach, 1, FALSE);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 1, 512));
    loop_stage_tear_down(&stage);
}

static void
places_a_guest_at_its_start(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 4096, 0);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 1, 4096));
    loop_stage_calm(&stage);
    loop_stage_wait();
    fake_reach_add_untouched(stage.reach, 2, "home-node", 2048);
    fake_reach_add_untouched(stage.reach, 3, "home-node", 2048);
    loop_stage_tell(&stage, VB_EVENT_STARTED, 2);
    loop_stage_tell(&stage, VB_EVENT_STARTED, 3);
    LOOP_STAGE_UNTIL(fake_reach_pinned(stage.reach, 2) != VB_NO_NODE &&
          fake_reach_pinned(stage.reach, 3) != VB_NO_NODE);
    LOOP_STAGE_UNTIL(stage.placed_at_start == 2);
    g_assert_cmpint(fake_reach_pinned(stage.reach, 2), !=, fake_reach_pinned(stage.reach, 1));
    g_assert_cmpint(fake_reach_pinned(stage.reach, 2), !=, fake_reach_pinned(stage.reach, 3));
    loop_stage_tear_down(&stage);
}

static void
waits_until_a_guest_that_starts_is_no_longer_busy(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    loop_stage_calm(&stage);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(fake_reach_looks(stage.reach) == 1);
    fake_reach_add_untouched(stage.reach, 1, "home-node", 2048);
    fake_reach_add_untouched(stage.reach, 2, "home-node", 2048);
    fake_reach_set_state(stage.reach, 1, VB_GUEST_BUSY);
    fake_reach_set_state(stage.reach, 2, VB_GUEST_PAUSED);
    loop_stage_tell(&stage, VB_EVENT_STARTED, 1);
    loop_stage_tell(&stage, VB_EVENT_STARTED, 2);
    loop_stage_wait();
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 0);
    fake_reach_set_state(stage.reach, 1, VB_GUEST_RUNNING);
    LOOP_STAGE_UNTIL(fake_reach_pinned(stage.reach, 1) != VB_NO_NODE);
    loop_stage_wait();
    g_assert_cmpuint(fake_reach_runs(stage.reach, 2), ==, 0);
    fake_reach_set_state(stage.reach, 2, VB_GUEST_RUNNING);
    loop_stage_tell(&stage, VB_EVENT_RESUMED, 2);
    LOOP_STAGE_UNTIL(fake_reach_pinned(stage.reach, 2) != VB_NO_NODE);
    LOOP_STAGE_UNTIL(stage.placed_at_start == 2);
    loop_stage_tear_down(&stage);
}

static void
does_not_place_who_did_not_opt_in_at_the_start(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(fake_reach_looks(stage.reach) >= 1);
    fake_reach_add_untouched(stage.reach, 1, NULL, 2048);
    loop_stage_tell(&stage, VB_EVENT_STARTED, 1);
    loop_stage_wait();
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 0);
    loop_stage_tear_down(&stage);
}

static void
tells_once_what_does_not_count(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "none", 512, 2);
    fake_reach_add(stage.reach, 2, "none", 512, 2);
    fake_reach_set_notes(stage.reach, 1, "its metadata is ignored");
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(fake_reach_looks(stage.reach) >= 4);
    g_assert_cmpuint(stage.noted, ==, 1);
    g_assert_cmpstr(stage.last_note, ==, "its metadata is ignored");
    fake_reach_set_notes(stage.reach, 1, NULL);
    guint then = fake_reach_looks(stage.reach);
    LOOP_STAGE_UNTIL(fake_reach_looks(stage.reach) >= then + 3);
    g_assert_cmpuint(stage.noted, ==, 2);
    g_assert_null(stage.last_note);
    loop_stage_tear_down(&stage);
}

static void
calls_off_when_a_guest_pauses(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_hold(stage.reach, 1, TRUE);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(fake_reach_runs(stage.reach, 1) == 1);
    fake_reach_set_state(stage.reach, 1, VB_GUEST_PAUSED);
    loop_stage_tell(&stage, VB_EVENT_PAUSED, 1);
    LOOP_STAGE_UNTIL(stage.acted > 0);
    loop_stage_wait();
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    fake_reach_hold(stage.reach, 1, FALSE);
    fake_reach_set_state(stage.reach, 1, VB_GUEST_RUNNING);
    loop_stage_tell(&stage, VB_EVENT_RESUMED, 1);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 1, 512));
    loop_stage_tear_down(&stage);
}

static void
gives_up_what_an_operator_pins_in_mid_flight(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_hold(stage.reach, 1, TRUE);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(fake_reach_runs(stage.reach, 1) == 1);
    fake_reach_take_away(stage.reach, 1);
    loop_stage_tell(&stage, VB_EVENT_TUNABLE, 1);
    LOOP_STAGE_UNTIL(stage.acted > 0);
    LOOP_STAGE_UNTIL(g_strcmp0(stage.last_decline, "foreign-pin") == 0);
    guint told = stage.declined;
    loop_stage_wait();
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    g_assert_cmpuint(stage.declined, ==, told);
    loop_stage_tear_down(&stage);
}

/* What it had placed is given up, once; what was never its own is merely not placed. */
static void
tells_whom_it_gives_up(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 2, "home-node", 512, 1);
    fake_reach_take_away(stage.reach, 2);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(g_strcmp0(stage.last_decline, "foreign-pin") == 0);
    g_assert_cmpuint(stage.given_up, ==, 0);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 1, 512) && stage.acted > 0);
    fake_reach_take_away(stage.reach, 1);
    loop_stage_tell(&stage, VB_EVENT_TUNABLE, 1);
    LOOP_STAGE_UNTIL(stage.given_up == 1);
    loop_stage_wait();
    g_assert_cmpuint(stage.given_up, ==, 1);
    loop_stage_tear_down(&stage);
}

static void
rests_after_a_failure(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_fail(stage.reach, 1, TRUE);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(fake_reach_runs(stage.reach, 1) == 1);
    guint then = fake_reach_looks(stage.reach);
    LOOP_STAGE_UNTIL(fake_reach_looks(stage.reach) >= then + 20);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    fake_reach_fail(stage.reach, 1, FALSE);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 1, 512));
    loop_stage_tear_down(&stage);
}

/* Times that guest 1 is tried while 130 s go by, a second a look. */
static guint
count_tries(int code)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_fail_with(stage.reach, 1, TRUE, code);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(fake_reach_runs(stage.reach, 1) == 1);
    guint then = fake_reach_looks(stage.reach);
    LOOP_STAGE_UNTIL(fake_reach_looks(stage.reach) >= then + 130);
    guint tries = fake_reach_runs(stage.reach, 1);
    loop_stage_tear_down(&stage);
    return tries;
}

/* After 30, 60, ... s; a guest is not to wait longer for a libvirt that restarts. */
static void
rests_longer_only_for_its_own_failures(void)
{
    g_assert_cmpuint(count_tries(VB_ERROR_FAILED), ==, 3);
    g_assert_cmpuint(count_tries(VB_ERROR_UNREACHABLE), >=, 4);
}

static void
acts_after_a_reconnect_only_on_what_it_sees_since(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 1, 512));
    loop_stage_tell(&stage, VB_EVENT_DISCONNECTED, 0);
    fake_reach_stray(stage.reach, 1, 3);
    loop_stage_wait();
    guint then = fake_reach_looks(stage.reach);
    loop_stage_wait();
    g_assert_cmpuint(fake_reach_looks(stage.reach), ==, then);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    fake_reach_blind(stage.reach, TRUE);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(stage.troubles > 0);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    fake_reach_blind(stage.reach, FALSE);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 1, 512));
    loop_stage_tear_down(&stage);
}

/* Guests of plain QEMU need none; but one that was there is missed. */
static void
does_without_a_libvirt_that_was_never_there(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    stage.config->qemu_sockets = g_strsplit("/run/vm/*.qmp", ";", -1);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    loop_stage_tell(&stage, VB_EVENT_DISCONNECTED, 0);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 1, 512));
    g_assert_true(stage.state.connected);
    loop_stage_tell(&stage, VB_EVENT_DISCONNECTED, 0);
    g_assert_true(stage.state.connected);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    fake_reach_stray(stage.reach, 1, 3);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 1, 512));
    loop_stage_tell(&stage, VB_EVENT_DISCONNECTED, 0);
    g_assert_false(stage.state.connected);
    loop_stage_tear_down(&stage);
}

static void
gives_pins_back_when_it_stops(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_add(stage.reach, 2, "home-node", 512, 3);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 1, 512) && loop_stage_is_home(&stage, 2, 512));
    fake_reach_stray(stage.reach, 2, 1);
    fake_reach_hold(stage.reach, 2, TRUE);
    LOOP_STAGE_UNTIL(fake_reach_runs(stage.reach, 2) == 2);
    loop_stage_stop(&stage);
    g_assert_cmpuint(stage.released, ==, 2);
    g_assert_cmpint(fake_reach_pinned(stage.reach, 1), ==, VB_NO_NODE);
    g_assert_cmpint(fake_reach_pinned(stage.reach, 2), ==, VB_NO_NODE);
    loop_stage_tear_down(&stage);
}

/* A call of the last look is still out when the service stops: it tries that guest again. */
static void
gives_pins_back_though_libvirt_is_busy(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 1, 512));
    fake_reach_busy(stage.reach, 1, 2);
    loop_stage_stop(&stage);
    g_assert_cmpuint(fake_reach_releases(stage.reach, 1), ==, 3);
    g_assert_cmpuint(stage.released, ==, 1);
    g_assert_cmpint(fake_reach_pinned(stage.reach, 1), ==, VB_NO_NODE);
    loop_stage_tear_down(&stage);
}

/* An earlier daemon's pins are given back also by one that is ended before it saw anything. */
static void
gives_back_what_it_never_saw(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_pinned_before(stage.reach, 1, 2);
    loop_stage_stop(&stage);
    g_assert_cmpuint(fake_reach_looks(stage.reach), ==, 0);
    g_assert_cmpuint(stage.released, ==, 1);
    g_assert_cmpint(fake_reach_pinned(stage.reach, 1), ==, VB_NO_NODE);
    loop_stage_tear_down(&stage);
}

static void
keeps_pins_when_told_so(void)
{
    LoopStage stage;
    loop_stage_set_up(&stage);
    stage.config->keep_on_stop = TRUE;
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    loop_stage_tell(&stage, VB_EVENT_CONNECTED, 0);
    LOOP_STAGE_UNTIL(loop_stage_is_home(&stage, 1, 512));
    loop_stage_stop(&stage);
    g_assert_cmpuint(stage.released, ==, 0);
    g_assert_true(loop_stage_is_home(&stage, 1, 512));
    loop_stage_tear_down(&stage);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/loop/brings-home-those-who-opt-in", brings_home_those_who_opt_in);
    g_test_add_func("/loop/does-without-libvirt", does_without_a_libvirt_that_was_never_there);
    g_test_add_func("/loop/takes-the-hosts-default-for-consent",
                    takes_the_hosts_default_for_consent);
    g_test_add_func("/loop/heeds-metadata-that-changes", heeds_metadata_that_changes);
    g_test_add_func("/loop/takes-many-events-for-one", takes_many_events_for_one);
    g_test_add_func("/loop/leaves-a-guest-in-flight-alone",
                    leaves_a_guest_in_flight_alone_and_decides_on_others);
    g_test_add_func("/loop/places-a-guest-at-its-start", places_a_guest_at_its_start);
    g_test_add_func("/loop/waits-for-a-busy-newcomer",
                    waits_until_a_guest_that_starts_is_no_longer_busy);
    g_test_add_func("/loop/places-nobody-unasked", does_not_place_who_did_not_opt_in_at_the_start);
    g_test_add_func("/loop/tells-once-what-does-not-count", tells_once_what_does_not_count);
    g_test_add_func("/loop/calls-off-when-a-guest-pauses", calls_off_when_a_guest_pauses);
    g_test_add_func("/loop/gives-up-what-an-operator-pins",
                    gives_up_what_an_operator_pins_in_mid_flight);
    g_test_add_func("/loop/gives-up", tells_whom_it_gives_up);
    g_test_add_func("/loop/rests-after-a-failure", rests_after_a_failure);
    g_test_add_func("/loop/rests-longer-only-for-its-own-failures", rests_longer_only_for_its_own_failures);
    g_test_add_func("/loop/rebuilds-after-a-reconnect",
                    acts_after_a_reconnect_only_on_what_it_sees_since);
    g_test_add_func("/loop/gives-pins-back-when-it-stops", gives_pins_back_when_it_stops);
    g_test_add_func("/loop/gives-back-though-busy", gives_pins_back_though_libvirt_is_busy);
    g_test_add_func("/loop/gives-back-unseen", gives_back_what_it_never_saw);
    g_test_add_func("/loop/keeps-pins-when-told-so", keeps_pins_when_told_so);
    return g_test_run();
}
