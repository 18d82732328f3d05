/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's loop: who is acted on, when, and what ends it. */
#include "engine/loop.h"
#include "fake_reach.h"
#include <string.h>

#define PATIENCE_MS 20000
#define WHILE_MS 400

typedef struct {
    FakeReach *reach;
    VbConfig *config;
    VbLoop *loop;
    guint acted, released, troubles, declined;
    guint placed_at_start;
    char *last_decline;
    gboolean stopped;
} Stage;

static void
on_acted(const VbFlight *flight, const VbAction *action, const VbOutcome *outcome, gpointer data)
{
    Stage *stage = data;
    stage->acted++;
    stage->placed_at_start += strstr(action->reason, "as it started") != NULL;
}

static void
on_declined(const char *uuid, const char *name, const VbDecline *decline, gpointer data)
{
    Stage *stage = data;
    stage->declined++;
    g_free(stage->last_decline);
    stage->last_decline = g_strdup(decline != NULL ? decline->code : NULL);
}

static void
on_released(const char *uuid, const char *name, const VbRelease *release, const GError *error,
            gpointer data)
{
    ((Stage *)data)->released++;
}

static void
on_trouble(const GError *error, gpointer data)
{
    ((Stage *)data)->troubles += error != NULL;
}

static void
on_turned(const VbLoopState *state, gpointer data)
{
}

static void
on_stopped(gpointer data)
{
    ((Stage *)data)->stopped = TRUE;
}

static const VbLoopWatcher watcher = {on_acted,   on_declined, on_released,
                                      on_trouble, on_turned,   on_stopped};

static void
set_up(Stage *stage)
{
    memset(stage, 0, sizeof *stage);
    stage->reach = fake_reach_new();
    stage->config = vb_config_new();
    stage->config->interval_ns = SECOND / 50;
    stage->loop = vb_loop_new(fake_reach_base(stage->reach), stage->config, &watcher, stage);
}

static gboolean
on_late(gpointer late)
{
    *(gboolean *)late = TRUE;
    return G_SOURCE_REMOVE;
}

#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        gboolean late = FALSE;                                                                     \
        guint timer = g_timeout_add(PATIENCE_MS, on_late, &late);                                  \
        while (!(condition) && !late)                                                              \
            g_main_context_iteration(NULL, TRUE);                                                  \
        if (late)                                                                                  \
            g_error("still not so: %s", #condition);                                               \
        g_source_remove(timer);                                                                    \
    } while (0)

static void
wait_a_while(void)
{
    gboolean late = FALSE;
    g_timeout_add(WHILE_MS, on_late, &late);
    while (!late)
        g_main_context_iteration(NULL, TRUE);
}

static void
stop(Stage *stage)
{
    vb_loop_stop(stage->loop);
    UNTIL(stage->stopped);
}

static void
tear_down(Stage *stage)
{
    if (!stage->stopped)
        stop(stage);
    vb_loop_free(stage->loop);
    fake_reach_free(stage->reach);
    vb_config_free(stage->config);
    g_free(stage->last_decline);
}

static void
tell(Stage *stage, VbEventKind kind, guint n)
{
    g_autofree char *uuid = n > 0 ? world_uuid(n) : NULL;
    g_autofree char *name = g_strdup_printf("guest%u", n);
    VbEvent event = {.kind = kind, .uuid = uuid, .name = name};
    vb_loop_event(stage->loop, &event);
}

static gboolean
is_home(Stage *stage, guint n, guint mib)
{
    int node = fake_reach_pinned(stage->reach, n);
    return node != VB_NO_NODE && fake_reach_mib(stage->reach, n, node) == mib;
}

static void
brings_home_those_who_opt_in(void)
{
    Stage stage;
    set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_add(stage.reach, 2, "none", 512, 2);
    fake_reach_add(stage.reach, 3, NULL, 512, 2);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(is_home(&stage, 1, 512));
    wait_a_while();
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 2), ==, 0);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 3), ==, 0);
    tear_down(&stage);
}

static void
takes_the_hosts_default_for_consent(void)
{
    Stage stage;
    set_up(&stage);
    stage.config->default_policy = g_strdup("home-node");
    fake_reach_add(stage.reach, 1, NULL, 512, 2);
    fake_reach_add(stage.reach, 2, "none", 512, 2);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(is_home(&stage, 1, 512));
    g_assert_cmpuint(fake_reach_runs(stage.reach, 2), ==, 0);
    tear_down(&stage);
}

static void
heeds_metadata_that_changes(void)
{
    Stage stage;
    set_up(&stage);
    stage.config->interval_ns = 3600 * SECOND;
    vb_loop_configure(stage.loop, stage.config);
    fake_reach_add(stage.reach, 1, "none", 512, 2);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(fake_reach_looks(stage.reach) == 1);
    fake_reach_set_policy(stage.reach, 1, "home-node");
    tell(&stage, VB_EVENT_METADATA, 1);
    UNTIL(is_home(&stage, 1, 512));
    tear_down(&stage);
}

static void
takes_many_events_for_one(void)
{
    Stage stage;
    set_up(&stage);
    stage.config->interval_ns = 3600 * SECOND;
    vb_loop_configure(stage.loop, stage.config);
    fake_reach_add(stage.reach, 1, "none", 512, 2);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(fake_reach_looks(stage.reach) == 1);
    for (guint i = 0; i < 100; i++)
        tell(&stage, VB_EVENT_DEVICE, 1);
    wait_a_while();
    g_assert_cmpuint(fake_reach_looks(stage.reach), ==, 2);
    tear_down(&stage);
}

static void
leaves_a_guest_in_flight_alone_and_decides_on_others(void)
{
    Stage stage;
    set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_hold(stage.reach, 1, TRUE);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(fake_reach_runs(stage.reach, 1) == 1);
    fake_reach_add(stage.reach, 2, "home-node", 512, 3);
    UNTIL(is_home(&stage, 2, 512));
    wait_a_while();
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    g_assert_cmpuint(stage.acted, >=, 1);
    fake_reach_hold(stage.reach, 1, FALSE);
    UNTIL(is_home(&stage, 1, 512));
    tear_down(&stage);
}

static void
places_a_guest_at_its_start(void)
{
    Stage stage;
    set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 4096, 0);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(is_home(&stage, 1, 4096));
    stage.config->interval_ns = 3600 * SECOND;
    vb_loop_configure(stage.loop, stage.config);
    wait_a_while();
    fake_reach_add_untouched(stage.reach, 2, "home-node", 2048);
    fake_reach_add_untouched(stage.reach, 3, "home-node", 2048);
    tell(&stage, VB_EVENT_STARTED, 2);
    tell(&stage, VB_EVENT_STARTED, 3);
    UNTIL(fake_reach_pinned(stage.reach, 2) != VB_NO_NODE &&
          fake_reach_pinned(stage.reach, 3) != VB_NO_NODE);
    UNTIL(stage.placed_at_start == 2);
    g_assert_cmpint(fake_reach_pinned(stage.reach, 2), !=, fake_reach_pinned(stage.reach, 1));
    g_assert_cmpint(fake_reach_pinned(stage.reach, 2), !=, fake_reach_pinned(stage.reach, 3));
    tear_down(&stage);
}

static void
waits_until_a_guest_that_starts_is_no_longer_busy(void)
{
    Stage stage;
    set_up(&stage);
    stage.config->interval_ns = 3600 * SECOND;
    vb_loop_configure(stage.loop, stage.config);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(fake_reach_looks(stage.reach) == 1);
    fake_reach_add_untouched(stage.reach, 1, "home-node", 2048);
    fake_reach_add_untouched(stage.reach, 2, "home-node", 2048);
    fake_reach_set_state(stage.reach, 1, VB_GUEST_BUSY);
    fake_reach_set_state(stage.reach, 2, VB_GUEST_PAUSED);
    tell(&stage, VB_EVENT_STARTED, 1);
    tell(&stage, VB_EVENT_STARTED, 2);
    wait_a_while();
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 0);
    fake_reach_set_state(stage.reach, 1, VB_GUEST_RUNNING);
    UNTIL(fake_reach_pinned(stage.reach, 1) != VB_NO_NODE);
    wait_a_while();
    g_assert_cmpuint(fake_reach_runs(stage.reach, 2), ==, 0);
    fake_reach_set_state(stage.reach, 2, VB_GUEST_RUNNING);
    tell(&stage, VB_EVENT_RESUMED, 2);
    UNTIL(fake_reach_pinned(stage.reach, 2) != VB_NO_NODE);
    UNTIL(stage.placed_at_start == 2);
    tear_down(&stage);
}

static void
does_not_place_who_did_not_opt_in_at_the_start(void)
{
    Stage stage;
    set_up(&stage);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(fake_reach_looks(stage.reach) >= 1);
    fake_reach_add_untouched(stage.reach, 1, NULL, 2048);
    tell(&stage, VB_EVENT_STARTED, 1);
    wait_a_while();
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 0);
    tear_down(&stage);
}

static void
calls_off_when_a_guest_pauses(void)
{
    Stage stage;
    set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_hold(stage.reach, 1, TRUE);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(fake_reach_runs(stage.reach, 1) == 1);
    fake_reach_set_state(stage.reach, 1, VB_GUEST_PAUSED);
    tell(&stage, VB_EVENT_PAUSED, 1);
    UNTIL(stage.acted > 0);
    wait_a_while();
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    fake_reach_hold(stage.reach, 1, FALSE);
    fake_reach_set_state(stage.reach, 1, VB_GUEST_RUNNING);
    tell(&stage, VB_EVENT_RESUMED, 1);
    UNTIL(is_home(&stage, 1, 512));
    tear_down(&stage);
}

static void
gives_up_what_an_operator_pins_in_mid_flight(void)
{
    Stage stage;
    set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_hold(stage.reach, 1, TRUE);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(fake_reach_runs(stage.reach, 1) == 1);
    fake_reach_take_away(stage.reach, 1);
    tell(&stage, VB_EVENT_TUNABLE, 1);
    UNTIL(stage.acted > 0);
    UNTIL(g_strcmp0(stage.last_decline, "foreign-pin") == 0);
    guint told = stage.declined;
    wait_a_while();
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    g_assert_cmpuint(stage.declined, ==, told);
    tear_down(&stage);
}

static void
rests_after_a_failure(void)
{
    Stage stage;
    set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_fail(stage.reach, 1, TRUE);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(fake_reach_runs(stage.reach, 1) == 1);
    guint then = fake_reach_looks(stage.reach);
    UNTIL(fake_reach_looks(stage.reach) >= then + 20);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    fake_reach_fail(stage.reach, 1, FALSE);
    UNTIL(is_home(&stage, 1, 512));
    tear_down(&stage);
}

static void
acts_after_a_reconnect_only_on_what_it_sees_since(void)
{
    Stage stage;
    set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(is_home(&stage, 1, 512));
    tell(&stage, VB_EVENT_DISCONNECTED, 0);
    fake_reach_stray(stage.reach, 1, 3);
    wait_a_while();
    guint then = fake_reach_looks(stage.reach);
    wait_a_while();
    g_assert_cmpuint(fake_reach_looks(stage.reach), ==, then);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    fake_reach_blind(stage.reach, TRUE);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(stage.troubles > 0);
    g_assert_cmpuint(fake_reach_runs(stage.reach, 1), ==, 1);
    fake_reach_blind(stage.reach, FALSE);
    UNTIL(is_home(&stage, 1, 512));
    tear_down(&stage);
}

static void
gives_pins_back_when_it_stops(void)
{
    Stage stage;
    set_up(&stage);
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    fake_reach_add(stage.reach, 2, "home-node", 512, 3);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(is_home(&stage, 1, 512) && is_home(&stage, 2, 512));
    fake_reach_stray(stage.reach, 2, 1);
    fake_reach_hold(stage.reach, 2, TRUE);
    UNTIL(fake_reach_runs(stage.reach, 2) == 2);
    stop(&stage);
    g_assert_cmpuint(stage.released, ==, 2);
    g_assert_cmpint(fake_reach_pinned(stage.reach, 1), ==, VB_NO_NODE);
    g_assert_cmpint(fake_reach_pinned(stage.reach, 2), ==, VB_NO_NODE);
    tear_down(&stage);
}

static void
keeps_pins_when_told_so(void)
{
    Stage stage;
    set_up(&stage);
    stage.config->keep_on_stop = TRUE;
    fake_reach_add(stage.reach, 1, "home-node", 512, 2);
    tell(&stage, VB_EVENT_CONNECTED, 0);
    UNTIL(is_home(&stage, 1, 512));
    stop(&stage);
    g_assert_cmpuint(stage.released, ==, 0);
    g_assert_true(is_home(&stage, 1, 512));
    tear_down(&stage);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/loop/brings-home-those-who-opt-in", brings_home_those_who_opt_in);
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
    g_test_add_func("/loop/calls-off-when-a-guest-pauses", calls_off_when_a_guest_pauses);
    g_test_add_func("/loop/gives-up-what-an-operator-pins",
                    gives_up_what_an_operator_pins_in_mid_flight);
    g_test_add_func("/loop/rests-after-a-failure", rests_after_a_failure);
    g_test_add_func("/loop/rebuilds-after-a-reconnect",
                    acts_after_a_reconnect_only_on_what_it_sees_since);
    g_test_add_func("/loop/gives-pins-back-when-it-stops", gives_pins_back_when_it_stops);
    g_test_add_func("/loop/keeps-pins-when-told-so", keeps_pins_when_told_so);
    return g_test_run();
}
