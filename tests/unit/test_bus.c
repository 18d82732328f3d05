/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon on the system bus, as others see it. */
#include "bus_generated.h"
#include "bus_stage.h"
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include <vmbalancer/error.h>

static const char *const one_kept[] = {"home-node", "none", ""};
static const char *const one_left[] = {"none", ""};

static GVariant *
options(const char *text)
{
    g_autoptr(GError) error = NULL;
    GVariant *parsed = g_variant_parse(G_VARIANT_TYPE("a{sv}"), text, NULL, NULL, &error);
    g_assert_no_error(error);
    return parsed;
}

/* "(as a{sv})" of guest1 and @text. */
static GVariant *
guest1_and(const char *text)
{
    const char *const names[] = {"guest1", NULL};
    return g_variant_new("(^as@a{sv})", names, options(text));
}

static char *
text_of(GVariant *reply, guint index)
{
    char *text = NULL;
    g_variant_get_child(reply, index, "s", &text);
    return text;
}

static void
shows_the_host(void)
{
    BusStage stage = {0};
    bus_stage_set_up(&stage, one_kept);
    UNTIL(bus_stage_property_is(&stage, HOST, "Host.Guests", "2"));
    g_assert_true(bus_stage_property_is(&stage, HOST, "Host.OptedIn", "1"));
    g_assert_true(bus_stage_property_is(&stage, HOST, "Host.Connected", "true"));
    g_assert_true(bus_stage_property_is(&stage, HOST, "Host.Paused", "false"));
    g_assert_true(bus_stage_property_is(&stage, HOST, "Host.Uri", "'fake:///'"));
    g_assert_true(bus_stage_property_is(&stage, HOST, "Host.Version", "'" VB_VERSION "'"));
    loop_stage_tell(&stage.loop, VB_EVENT_DISCONNECTED, 0);
    UNTIL(bus_stage_heard(&stage, HOST " PropertiesChanged*'Connected': <false>*"));
    bus_stage_tear_down(&stage);
}

static void
has_an_object_for_each_guest(void)
{
    BusStage stage = {0};
    g_autofree char *first = bus_stage_guest(1), *third = bus_stage_guest(3);
    g_autofree char *added = g_strdup_printf(HOST " InterfacesAdded *%s*", third);
    g_autofree char *removed = g_strdup_printf(HOST " InterfacesRemoved *%s*", third);
    g_autofree char *changed = g_strdup_printf("%s PropertiesChanged*'State': <'paused'>*", first);
    bus_stage_set_up(&stage, one_kept);
    UNTIL(bus_stage_property_is(&stage, first, "Guest.Home", "[2]"));
    g_assert_true(bus_stage_property_is(&stage, first, "Guest.Name", "'guest1'"));
    g_assert_true(bus_stage_property_is(&stage, first, "Guest.OptedIn", "true"));
    g_assert_true(bus_stage_property_is(&stage, first, "Guest.Policy", "'home-node'"));
    UNTIL(bus_stage_property_is(&stage, first, "Guest.Owner", "'ours'"));
    fake_reach_add(stage.loop.reach, 3, NULL, 512, 2);
    UNTIL(bus_stage_heard(&stage, added));
    g_assert_true(bus_stage_property_is(&stage, third, "Guest.OptedIn", "false"));
    fake_reach_remove(stage.loop.reach, 3);
    UNTIL(bus_stage_heard(&stage, removed));
    fake_reach_set_state(stage.loop.reach, 1, VB_GUEST_PAUSED);
    UNTIL(bus_stage_heard(&stage, changed));
    bus_stage_tear_down(&stage);
}

static void
tells_status_and_plan(void)
{
    BusStage stage = {0};
    g_autoptr(GError) error = NULL;
    bus_stage_set_up(&stage, one_left);
    g_autoptr(GVariant) status = bus_stage_call(
        &stage, HOST, "Host.GetStatus", g_variant_new("(@a{sv})", options("{'fresh': <true>}")),
        &error);
    g_assert_no_error(error);
    g_autofree char *text = text_of(status, 0);
    g_assert_nonnull(strstr(text, "vmbalancer.status/1"));
    g_assert_nonnull(strstr(text, "guest1"));
    g_autoptr(GVariant) snapshot = bus_stage_call(&stage, HOST, "Host.GetSnapshot",
                                                  g_variant_new("(@a{sv})", options("{}")), &error);
    g_assert_no_error(error);
    g_autoptr(GVariant) plan = bus_stage_call(
        &stage, HOST, "Host.Plan", guest1_and("{'policy': <'home-node'>, 'to': <'1'>}"), &error);
    g_assert_no_error(error);
    g_autofree char *planned = text_of(plan, 0);
    g_autofree char *on = text_of(plan, 1);
    g_assert_nonnull(strstr(planned, "vmbalancer.plan/1"));
    g_assert_nonnull(strstr(planned, "\"move\""));
    g_assert_nonnull(strstr(on, "vmbalancer.snapshot/1"));
    g_assert_cmpuint(fake_reach_runs(stage.loop.reach, 1), ==, 0);
    g_autoptr(GVariant) advice =
        bus_stage_call(&stage, HOST, "Host.Advise",
                       g_variant_new("(ut@a{sv})", 2, 4 * GIB, options("{}")), &error);
    g_assert_no_error(error);
    g_autofree char *advised = text_of(advice, 1);
    g_assert_nonnull(strstr(advised, "vmbalancer.advice/1"));
    bus_stage_tear_down(&stage);
}

static void
tells_history_and_records(void)
{
    BusStage stage = {0};
    g_autoptr(GError) error = NULL;
    g_autofree char *guest = bus_stage_guest(1);
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("recording-XXXXXX", &path, &error);
    g_assert_no_error(error);
    bus_stage_set_up(&stage, one_left);
    UNTIL(bus_stage_property_is(&stage, guest, "Guest.Name", "'guest1'"));
    g_autoptr(GVariant) history = bus_stage_call(
        &stage, HOST, "Host.History", guest1_and("{'limit': <uint32 3>, 'since': <uint64 1>}"),
        &error);
    g_assert_no_error(error);
    g_autofree char *text = text_of(history, 0);
    g_assert_nonnull(strstr(text, "vmbalancer.history/1"));
    g_autoptr(GVariant) own = bus_stage_call(
        &stage, guest, "Guest.History", g_variant_new("(@a{sv})", options("{}")), &error);
    g_assert_no_error(error);
    g_assert_null(bus_stage_call(&stage, HOST, "Host.StartRecording",
                                 g_variant_new("(h@a{sv})", 0, options("{}")), &error));
    bus_stage_assert_error(&error, "Invalid", "no file");
    g_assert_true(bus_stage_record(&stage, fd));
    UNTIL(bus_stage_property_is(&stage, HOST, "Host.Recording", "true"));
    g_assert_false(bus_stage_record(&stage, fd));
    g_autoptr(GVariant) stopped =
        bus_stage_call(&stage, HOST, "Host.StopRecording", NULL, &error);
    g_assert_no_error(error);
    UNTIL(bus_stage_property_is(&stage, HOST, "Host.Recording", "false"));
    g_assert_cmpint(lseek(fd, 0, SEEK_END), >, 0);
    g_close(fd, NULL);
    g_unlink(path);
    bus_stage_tear_down(&stage);
}

static char *
begin_job(BusStage *stage, const char *text)
{
    g_autoptr(GError) error = NULL;
    char *path = NULL;
    g_autoptr(GVariant) reply =
        bus_stage_call(stage, HOST, "Host.Rebalance", guest1_and(text), &error);
    g_assert_no_error(error);
    g_variant_get(reply, "(o)", &path);
    return path;
}

static void
brings_a_guest_home(void)
{
    BusStage stage = {0};
    bus_stage_set_up(&stage, one_left);
    fake_reach_hold(stage.loop.reach, 1, TRUE);
    g_autofree char *job =
        begin_job(&stage, "{'policy': <'home-node'>, 'to': <'1'>, 'rate': <uint64 1048576>}");
    UNTIL(bus_stage_property_is(&stage, job, "Job.BytesMoved", "268435456"));
    g_assert_true(bus_stage_property_is(&stage, job, "Job.State", "'running'"));
    g_assert_true(bus_stage_property_is(&stage, job, "Job.Guests", "['guest1']"));
    g_assert_true(bus_stage_property_is(&stage, job, "Job.BytesPlanned", "536870912"));
    g_assert_true(bus_stage_property_is(&stage, job, "Job.GuestsDone", "0"));
    g_assert_true(bus_stage_property_is(&stage, job, "Job.Result", "''"));
    g_assert_true(bus_stage_property_is(&stage, HOST, "Host.InFlight", "1"));
    g_assert_cmpuint(fake_reach_rate(stage.loop.reach, 1), ==, MIB);
    fake_reach_hold(stage.loop.reach, 1, FALSE);
    g_autofree char *finished = g_strdup_printf("%s Finished ('done',)", job);
    UNTIL(bus_stage_heard(&stage, finished));
    g_assert_true(bus_stage_property_is(&stage, job, "Job.State", "'done'"));
    g_assert_true(bus_stage_property_is(&stage, job, "Job.GuestsDone", "1"));
    g_autofree char *result = bus_stage_property(&stage, job, "Job.Result");
    g_assert_nonnull(strstr(result, "vmbalancer.rebalance/1"));
    g_assert_nonnull(strstr(result, "outcomes"));
    g_assert_true(loop_stage_is_home(&stage.loop, 1, 512));
    g_autofree char *none = begin_job(&stage, "{'policy': <'none-such'>}");
    UNTIL(bus_stage_property_is(&stage, none, "Job.State", "'failed'"));
    g_assert_true(
        bus_stage_property_is(&stage, none, "Job.Error", "'org.vmbalancer1.Error.Invalid'"));
    g_autofree char *why = bus_stage_property(&stage, none, "Job.ErrorMessage");
    g_assert_nonnull(strstr(why, "none-such"));
    bus_stage_tear_down(&stage);
}

static void
cancels_for_who_began_it(void)
{
    BusStage stage = {0};
    g_autoptr(GError) error = NULL;
    bus_stage_set_up(&stage, one_left);
    fake_reach_hold(stage.loop.reach, 1, TRUE);
    g_autofree char *job = begin_job(&stage, "{'policy': <'home-node'>, 'to': <'1'>}");
    UNTIL(bus_stage_property_is(&stage, job, "Job.State", "'running'"));
    stage.authority.refuses = TRUE;
    g_autoptr(GDBusConnection) other = bus_stage_client(&stage);
    g_assert_null(bus_stage_call_by(other, job, "org.vmbalancer1.Job", "Cancel", NULL, &error));
    bus_stage_assert_error(&error, "Denied", "org.vmbalancer1.rebalance");
    g_assert_true(bus_stage_property_is(&stage, job, "Job.State", "'running'"));
    g_autoptr(GVariant) done = bus_stage_call(&stage, job, "Job.Cancel", NULL, &error);
    g_assert_no_error(error);
    UNTIL(bus_stage_property_is(&stage, job, "Job.State", "'cancelled'"));
    g_dbus_connection_close_sync(other, NULL, NULL);
    bus_stage_tear_down(&stage);
}

static void
outlives_who_began_it(void)
{
    BusStage stage = {0};
    g_autoptr(GError) error = NULL;
    char *job = NULL;
    bus_stage_set_up(&stage, one_left);
    fake_reach_hold(stage.loop.reach, 1, TRUE);
    GDBusConnection *other = bus_stage_client(&stage);
    g_autoptr(GVariant) reply = bus_stage_call_by(
        other, HOST, "org.vmbalancer1.Host", "Rebalance",
        guest1_and("{'policy': <'home-node'>, 'to': <'1'>}"), &error);
    g_assert_no_error(error);
    g_variant_get(reply, "(o)", &job);
    g_dbus_connection_close_sync(other, NULL, NULL);
    g_object_unref(other);
    UNTIL(bus_stage_property_is(&stage, job, "Job.State", "'running'"));
    fake_reach_hold(stage.loop.reach, 1, FALSE);
    UNTIL(bus_stage_property_is(&stage, job, "Job.State", "'done'"));
    g_free(job);
    bus_stage_tear_down(&stage);
}

static void
bounds_the_jobs(void)
{
    BusStage stage = {0};
    g_autoptr(GError) error = NULL;
    bus_stage_set_up(&stage, one_left);
    fake_reach_hold(stage.loop.reach, 1, TRUE);
    for (guint i = 0; i < 16; i++)
        g_free(begin_job(&stage, "{'policy': <'home-node'>, 'to': <'1'>}"));
    g_assert_null(bus_stage_call(&stage, HOST, "Host.Rebalance", guest1_and("{}"), &error));
    bus_stage_assert_error(&error, "Failed", "16 rebalances");
    bus_stage_tear_down(&stage);
}

static void
releases_and_pauses(void)
{
    BusStage stage = {0};
    g_autoptr(GError) error = NULL;
    g_autofree char *guest = bus_stage_guest(1);
    bus_stage_set_up(&stage, one_kept);
    UNTIL(loop_stage_is_home(&stage.loop, 1, 512));
    g_autoptr(GVariant) released =
        bus_stage_call(&stage, HOST, "Host.Release", g_variant_new("(s)", "guest1"), &error);
    g_assert_no_error(error);
    g_autofree char *text = text_of(released, 0);
    g_assert_nonnull(strstr(text, "vmbalancer.release/1"));
    g_assert_cmpint(fake_reach_pinned(stage.loop.reach, 1), ==, VB_NO_NODE);
    UNTIL(bus_stage_property_is(&stage, guest, "Guest.OptedIn", "false"));
    g_autoptr(GVariant) again = bus_stage_call(&stage, guest, "Guest.Release", NULL, &error);
    g_assert_no_error(error);
    g_assert_null(
        bus_stage_call(&stage, HOST, "Host.Release", g_variant_new("(s)", "nobody"), &error));
    bus_stage_assert_error(&error, "NoGuest", "nobody");
    g_autoptr(GVariant) paused = bus_stage_call(&stage, HOST, "Host.Pause", NULL, &error);
    g_assert_no_error(error);
    g_assert_true(stage.loop.state.paused);
    UNTIL(bus_stage_heard(&stage, HOST " PropertiesChanged*'Paused': <true>*"));
    g_autoptr(GVariant) resumed = bus_stage_call(&stage, HOST, "Host.Resume", NULL, &error);
    g_assert_no_error(error);
    g_assert_false(stage.loop.state.paused);
    bus_stage_tear_down(&stage);
}

static void
assert_written(BusStage *stage, const char *guest, const char *words, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) parsed =
        g_variant_ref_sink(g_variant_new_parsed("(%s, %@a{ss}, @a{sv} {})", guest,
                                                g_variant_parse(G_VARIANT_TYPE("a{ss}"), words,
                                                                NULL, NULL, NULL)));
    g_autoptr(GVariant) written =
        bus_stage_call(stage, HOST, "Host.SetPolicy", parsed, &error);
    g_assert_no_error(error);
    g_autofree char *where = g_variant_print(written, FALSE);
    g_assert_cmpstr(where, ==, "(true, false)");
    g_autoptr(GVariant) read =
        bus_stage_call(stage, HOST, "Host.GetPolicy", g_variant_new("(s)", guest), &error);
    g_assert_no_error(error);
    g_autofree char *policy = text_of(read, 0);
    g_assert_nonnull(strstr(policy, text));
}

/* Through libvirt, of the guest that its test driver has. */
static void
sets_policies(void)
{
    g_autoptr(VbConfig) config = vb_config_new();
    g_autoptr(VbReach) reach = vb_reach_new("test:///default", config, NULL);
    BusStage stage = {.reach = reach};
    g_autoptr(GError) error = NULL;
    bus_stage_set_up(&stage, one_left);
    assert_written(&stage, "test",
                   "{'policy': 'home-node', 'home': '0-1', 'parameter.tolerance': '200'}",
                   "tolerance");
    g_autoptr(GVariant) unset =
        bus_stage_call(&stage, HOST, "Host.UnsetPolicy",
                       g_variant_new("(s@a{sv})", "test", options("{'live': <true>}")), &error);
    g_assert_no_error(error);
    static const struct {
        const char *words, *name, *part;
    } bad[] = {
        {"{'policy': 'none-such'}", "Invalid", "none-such"},
        {"{'polic': 'none'}", "Invalid", "\"polic\""},
        {"{'home': 'x'}", "Invalid", "\"home\""},
        {"{'policy': 'home-node', 'parameter.BAD': '1'}", "Invalid", "parameter.BAD"},
        {"@a{ss} {}", "Invalid", "nothing is asked"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        GVariant *words =
            g_variant_parse(G_VARIANT_TYPE("a{ss}"), bad[i].words, NULL, NULL, NULL);
        g_assert_null(bus_stage_call(
            &stage, HOST, "Host.SetPolicy",
            g_variant_new("(s@a{ss}@a{sv})", "test", words, options("{}")), &error));
        bus_stage_assert_error(&error, bad[i].name, bad[i].part);
    }
    g_assert_null(
        bus_stage_call(&stage, HOST, "Host.GetPolicy", g_variant_new("(s)", "nobody"), &error));
    bus_stage_assert_error(&error, "NoGuest", "nobody");
    bus_stage_tear_down(&stage);
}

static void
refuses_options_that_it_does_not_know(void)
{
    static const struct {
        const char *method, *text, *part;
    } bad[] = {
        {"Host.Plan", "{'polcy': <'none'>}", "\"polcy\""},
        {"Host.Plan", "{'rate': <uint64 1>}", "\"rate\""},
        {"Host.Plan", "{'force': <'yes'>}", "\"force\""},
        {"Host.Plan", "{'to': <'zero'>}", "\"to\""},
        {"Host.Plan", "{'to': <''>}", "\"to\""},
        {"Host.Rebalance", "{'wait': <true>}", "\"wait\""},
        {"Host.Rebalance", "{'rate': <uint32 1>}", "\"rate\""},
        {"Host.Rebalance", "{'rate': <uint64 0>}", "\"rate\""},
    };
    BusStage stage = {0};
    g_autoptr(GError) error = NULL;
    bus_stage_set_up(&stage, one_left);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(
            bus_stage_call(&stage, HOST, bad[i].method, guest1_and(bad[i].text), &error));
        bus_stage_assert_error(&error, "Invalid", bad[i].part);
    }
    g_assert_null(bus_stage_call(&stage, HOST, "Host.GetStatus",
                                 g_variant_new("(@a{sv})", options("{'frsh': <true>}")), &error));
    bus_stage_assert_error(&error, "Invalid", "\"frsh\"");
    g_assert_cmpuint(fake_reach_runs(stage.loop.reach, 1), ==, 0);
    bus_stage_tear_down(&stage);
}

static void
bears_hostile_names(void)
{
    BusStage stage = {0};
    g_autoptr(GError) error = NULL;
    g_autofree char *guest = bus_stage_guest(1);
    bus_stage_set_up(&stage, one_left);
    fake_reach_rename(stage.loop.reach, 1, "a\n\x1b[31m\xff\xfe\"<&>");
    UNTIL(!bus_stage_property_is(&stage, guest, "Guest.Name", "'guest1'"));
    g_autofree char *name = bus_stage_property(&stage, guest, "Guest.Name");
    g_assert_nonnull(strstr(name, "\\n"));
    g_autoptr(GVariant) status =
        bus_stage_call(&stage, HOST, "Host.GetStatus",
                       g_variant_new("(@a{sv})", options("{'fresh': <true>}")), &error);
    g_assert_no_error(error);
    g_autofree char *uuid = world_uuid(1);
    const char *const names[] = {uuid, NULL};
    g_autoptr(GVariant) reply = bus_stage_call(
        &stage, HOST, "Host.Rebalance",
        g_variant_new("(^as@a{sv})", names, options("{'policy': <'home-node'>, 'to': <'1'>}")),
        &error);
    g_assert_no_error(error);
    const char *job = NULL;
    g_variant_get(reply, "(&o)", &job);
    UNTIL(bus_stage_property_is(&stage, job, "Job.State", "'done'"));
    g_autofree char *names_told = bus_stage_property(&stage, job, "Job.Guests");
    g_assert_nonnull(strstr(names_told, "\\n"));
    bus_stage_tear_down(&stage);
}

/* --- who may -------------------------------------------------------------------------------- */

static GVariant *
any_value(const char *signature)
{
    if (g_str_equal(signature, "s"))
        return g_variant_new_string("guest1");
    if (g_str_equal(signature, "as"))
        return g_variant_new_strv((const char *[]){"guest1"}, 1);
    if (g_str_equal(signature, "a{ss}"))
        return g_variant_new_parsed("{'policy': 'home-node'}");
    if (g_str_equal(signature, "u"))
        return g_variant_new_uint32(1);
    if (g_str_equal(signature, "t"))
        return g_variant_new_uint64(MIB);
    if (g_str_equal(signature, "h"))
        return g_variant_new_handle(0);
    g_assert_cmpstr(signature, ==, "a{sv}");
    return g_variant_new("a{sv}", NULL);
}

static GVariant *
any_arguments(const GDBusMethodInfo *method)
{
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE_TUPLE);
    for (guint i = 0; method->in_args != NULL && method->in_args[i] != NULL; i++)
        g_variant_builder_add_value(&builder, any_value(method->in_args[i]->signature));
    return g_variant_builder_end(&builder);
}

static void
assert_all_refused(BusStage *stage, GDBusConnection *client, const char *path,
                   const GDBusInterfaceInfo *interface)
{
    static const char *const reads[] = {"GetStatus", "GetSnapshot", "Plan", "Advise",
                                        "GetPolicy", "History",     NULL};
    g_assert_nonnull(interface->methods);
    for (guint i = 0; interface->methods[i] != NULL; i++) {
        const GDBusMethodInfo *method = interface->methods[i];
        g_autoptr(GError) error = NULL;
        guint asked = stage->authority.asked;
        g_autoptr(GVariant) reply = bus_stage_call_by(client, path, interface->name, method->name,
                                                      any_arguments(method), &error);
        g_test_message("%s.%s: %s", interface->name, method->name,
                       error != NULL ? error->message : "allowed");
        g_assert_null(reply);
        bus_stage_assert_error(&error, "Denied", "not you");
        g_assert_cmpuint(stage->authority.asked, ==, asked + 1);
        g_assert_cmpint(g_str_equal(stage->authority.right, VB_RIGHT_READ), ==,
                        g_strv_contains(reads, method->name));
    }
}

static void
does_nothing_for_who_may_not(void)
{
    BusStage stage = {0};
    g_autofree char *guest = bus_stage_guest(1);
    bus_stage_set_up(&stage, one_left);
    UNTIL(bus_stage_property_is(&stage, guest, "Guest.Owner", "'free'"));
    fake_reach_hold(stage.loop.reach, 1, TRUE);
    g_autofree char *job = begin_job(&stage, "{'policy': <'home-node'>, 'to': <'1'>}");
    UNTIL(bus_stage_property_is(&stage, job, "Job.State", "'running'"));
    stage.authority.refuses = TRUE;
    g_autoptr(GDBusConnection) other = bus_stage_client(&stage);
    assert_all_refused(&stage, other, HOST, vb_bus_host_interface_info());
    assert_all_refused(&stage, other, guest, vb_bus_guest_interface_info());
    assert_all_refused(&stage, other, job, vb_bus_job_interface_info());
    g_assert_false(stage.loop.state.paused);
    g_assert_cmpuint(fake_reach_runs(stage.loop.reach, 1), ==, 1);
    g_assert_cmpuint(fake_reach_releases(stage.loop.reach, 1), ==, 0);
    g_assert_true(bus_stage_property_is(&stage, job, "Job.State", "'running'"));
    g_assert_true(bus_stage_property_is(&stage, guest, "Guest.Policy", "'none'"));
    g_assert_true(bus_stage_property_is(&stage, HOST, "Host.Recording", "false"));
    g_dbus_connection_close_sync(other, NULL, NULL);
    bus_stage_tear_down(&stage);
}

/* --- the bus itself ------------------------------------------------------------------------- */

static void
takes_the_bus_up_whenever_it_appears(void)
{
    BusStage stage = {0};
    bus_stage_set_up(&stage, one_kept);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*system bus is gone*");
    g_dbus_connection_close_sync(stage.client, NULL, NULL);
    g_clear_object(&stage.client);
    g_test_dbus_stop(stage.daemon);
    loop_stage_wait();
    loop_stage_wait();
    g_test_assert_expected_messages();
    g_object_unref(stage.daemon);
    g_assert_true(loop_stage_is_home(&stage.loop, 1, 512));
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "*on the system bus as*");
    stage.daemon = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_test_dbus_up(stage.daemon);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", g_test_dbus_get_bus_address(stage.daemon), TRUE);
    stage.client = bus_stage_client(&stage);
    UNTIL(bus_stage_property_is(&stage, HOST, "Host.OptedIn", "1"));
    g_autofree char *guest = bus_stage_guest(1);
    UNTIL(bus_stage_property_is(&stage, guest, "Guest.Name", "'guest1'"));
    g_test_assert_expected_messages();
    bus_stage_tear_down(&stage);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bus/host", shows_the_host);
    g_test_add_func("/bus/guests", has_an_object_for_each_guest);
    g_test_add_func("/bus/status-and-plan", tells_status_and_plan);
    g_test_add_func("/bus/history-and-recording", tells_history_and_records);
    g_test_add_func("/bus/rebalance", brings_a_guest_home);
    g_test_add_func("/bus/cancel", cancels_for_who_began_it);
    g_test_add_func("/bus/vanished-caller", outlives_who_began_it);
    g_test_add_func("/bus/bounded-jobs", bounds_the_jobs);
    g_test_add_func("/bus/release-and-pause", releases_and_pauses);
    g_test_add_func("/bus/policies", sets_policies);
    g_test_add_func("/bus/options", refuses_options_that_it_does_not_know);
    g_test_add_func("/bus/hostile-names", bears_hostile_names);
    g_test_add_func("/bus/authority", does_nothing_for_who_may_not);
    g_test_add_func("/bus/comes-and-goes", takes_the_bus_up_whenever_it_appears);
    return g_test_run();
}
