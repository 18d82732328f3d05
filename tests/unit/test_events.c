/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events: delivered in the consumer's context, and connected anew with growing pauses. */
#include "libvirt/events.h"
#include <vmbalancer/error.h>

/* What the fake link does; one test at a time. */
typedef struct {
    GMutex lock;
    guint failures;        /* attempts that are still to fail */
    guint hangs_ms;        /* each attempt takes so long */
    guint stillborn;       /* links that are still to break before anybody hears of them */
    guint attempts;
    gint64 attempt_us[16];
    guint opened, closed;
    VbEventSink *sink;     /* of the last link */
} Fake;

static Fake fake;

typedef struct {
    GString *told;
    VbEvents *events;
} Stage;

static gpointer
fake_open(const char *uri, VbEventSink *sink, GError **error)
{
    g_mutex_lock(&fake.lock);
    fake.attempt_us[fake.attempts++ % G_N_ELEMENTS(fake.attempt_us)] = g_get_monotonic_time();
    gboolean fails = fake.failures > 0;
    fake.failures -= fails;
    guint hangs_ms = fake.hangs_ms;
    if (!fails && fake.stillborn > 0) {
        fake.stillborn--;
        vb_event_sink_push(sink, VB_EVENT_DISCONNECTED, NULL, "closed");
    }
    if (!fails) {
        vb_event_sink_unref(fake.sink);
        fake.sink = vb_event_sink_ref(sink);
        fake.opened++;
    }
    g_mutex_unlock(&fake.lock);
    g_usleep(hangs_ms * G_GUINT64_CONSTANT(1000));
    if (fails)
        g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE, "nobody there");
    return fails ? NULL : &fake;
}

static void
fake_close(gpointer link)
{
    g_mutex_lock(&fake.lock);
    fake.closed++;
    g_mutex_unlock(&fake.lock);
}

static const VbEventLinkOps ops = {fake_open, fake_close};

static guint
read_count(const guint *count)
{
    g_mutex_lock(&fake.lock);
    guint value = *count;
    g_mutex_unlock(&fake.lock);
    return value;
}

static void
on_event(const VbEvent *event, gpointer data)
{
    Stage *stage = data;
    g_string_append_printf(stage->told, "%s%s%s\n", vb_event_kind_name(event->kind),
                           event->uuid != NULL ? " " : "",
                           event->uuid != NULL ? event->uuid : "");
}

static void
set_up(Stage *stage, guint failures, guint hangs_ms)
{
    /* The test before has not waited for its last goodbye. */
    while (read_count(&fake.closed) < read_count(&fake.opened))
        g_usleep(1000);
    fake.failures = failures;
    fake.hangs_ms = hangs_ms;
    fake.attempts = fake.opened = fake.closed = 0;
    stage->told = g_string_new(NULL);
    VbEventPauses pauses = {.first_ms = 20, .longest_ms = 80};
    stage->events = vb_events_new(&ops, NULL, &pauses, on_event, stage);
}

static void
tear_down(Stage *stage)
{
    vb_events_free(stage->events);
    g_string_free(stage->told, TRUE);
    g_mutex_lock(&fake.lock);
    g_clear_pointer(&fake.sink, vb_event_sink_unref);
    g_mutex_unlock(&fake.lock);
}

static void
until_told(Stage *stage, const char *text)
{
    gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    while (!g_str_has_suffix(stage->told->str, text)) {
        if (g_get_monotonic_time() > end)
            g_error("\"%s\" was told, not \"%s\"", stage->told->str, text);
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
}

static void
tells_what_happens(void)
{
    Stage stage;
    set_up(&stage, 0, 0);
    until_told(&stage, "connected\n");
    vb_event_sink_push(fake.sink, VB_EVENT_STARTED, "a", "web");
    vb_event_sink_push(fake.sink, VB_EVENT_METADATA, "a", "web");
    until_told(&stage, "metadata a\n");
    g_assert_cmpstr(stage.told->str, ==, "connected\nstarted a\nmetadata a\n");
    tear_down(&stage);
}

static void
tries_again_with_growing_pauses(void)
{
    Stage stage;
    set_up(&stage, 5, 0);
    until_told(&stage, "\nconnected\n");
    g_assert_cmpuint(read_count(&fake.attempts), ==, 6);
    static const guint least_ms[] = {20, 40, 80, 80, 80};
    for (guint i = 0; i < G_N_ELEMENTS(least_ms); i++)
        g_assert_cmpint(fake.attempt_us[i + 1] - fake.attempt_us[i], >=,
                        (least_ms[i] - 2) * 1000);
    g_assert_cmpint(fake.attempt_us[5] - fake.attempt_us[4], <, 10 * G_USEC_PER_SEC);
    tear_down(&stage);
}

static void
connects_anew_when_the_link_breaks(void)
{
    Stage stage;
    set_up(&stage, 0, 0);
    until_told(&stage, "connected\n");
    VbEventSink *old = vb_event_sink_ref(fake.sink);
    vb_event_sink_push(old, VB_EVENT_DISCONNECTED, NULL, "gone");
    until_told(&stage, "disconnected\nconnected\n");
    /* The dead link's last words, and its breaking twice, are nobody's concern. */
    vb_event_sink_push(old, VB_EVENT_STARTED, "a", "web");
    vb_event_sink_push(old, VB_EVENT_DISCONNECTED, NULL, "gone");
    vb_event_sink_unref(old);
    vb_event_sink_push(fake.sink, VB_EVENT_STOPPED, "b", "db");
    until_told(&stage, "stopped b\n");
    g_assert_cmpstr(stage.told->str, ==, "connected\ndisconnected\nconnected\nstopped b\n");
    g_assert_cmpuint(read_count(&fake.closed), ==, 1);
    tear_down(&stage);
}

static void
goes_while_an_attempt_hangs(void)
{
    Stage stage;
    set_up(&stage, 0, 300);
    gint64 before = g_get_monotonic_time();
    tear_down(&stage);
    g_assert_cmpint(g_get_monotonic_time() - before, <, 250000);
    while (read_count(&fake.closed) == 0)
        g_main_context_iteration(NULL, FALSE);
}

/* libvirtd may end right after it has answered: nobody would tell of it again. */
static void
a_link_that_breaks_as_it_is_made_is_made_anew(void)
{
    Stage stage;
    set_up(&stage, 1, 0);
    fake.stillborn = 2;
    until_told(&stage, "\nconnected\n");
    g_assert_cmpstr(stage.told->str, ==, "disconnected\ndisconnected\ndisconnected\nconnected\n");
    g_assert_cmpuint(read_count(&fake.opened), ==, 3);
    vb_event_sink_push(fake.sink, VB_EVENT_STARTED, "a", "web");
    until_told(&stage, "started a\n");
    tear_down(&stage);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/events/tells-what-happens", tells_what_happens);
    g_test_add_func("/events/tries-again-with-growing-pauses", tries_again_with_growing_pauses);
    g_test_add_func("/events/connects-anew-when-the-link-breaks",
                    connects_anew_when_the_link_breaks);
    g_test_add_func("/events/stillborn", a_link_that_breaks_as_it_is_made_is_made_anew);
    g_test_add_func("/events/goes-while-an-attempt-hangs", goes_while_an_attempt_hangs);
    return g_test_run();
}
