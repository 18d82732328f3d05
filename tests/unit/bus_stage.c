/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus_stage.h"
#include <gio/gunixfdlist.h>
#include <string.h>
#include <vmbalancer/error.h>

#define NAME "org.vmbalancer1"

/* A call on its way. */
typedef struct {
    GVariant *reply;
    GError *error;
    gboolean done;
} Call;

typedef struct {
    VbAuthorityAnswer answer;
    gpointer user_data;
    GError *error;
} Verdict;

static gboolean
on_verdict(gpointer data)
{
    Verdict *verdict = data;
    verdict->answer(verdict->error, verdict->user_data);
    g_clear_error(&verdict->error);
    g_free(verdict);
    return G_SOURCE_REMOVE;
}

static void
fake_check(VbAuthority *authority, GDBusMethodInvocation *invocation, const char *right,
           VbAuthorityAnswer answer, gpointer user_data)
{
    FakeAuthority *self = (FakeAuthority *)authority;
    Verdict *verdict = g_new0(Verdict, 1);
    self->asked++;
    g_free(self->right);
    self->right = g_strdup(right);
    *verdict = (Verdict){answer, user_data, NULL};
    if (self->refuses)
        verdict->error = g_error_new(VB_ERROR, VB_ERROR_DENIED, "not you: %s", right);
    g_idle_add(on_verdict, verdict);
}

static void
fake_reset(VbAuthority *authority)
{
}

static const VbAuthorityOps fake_ops = {.check = fake_check, .reset = fake_reset};

static void
on_turned(const VbLoopState *state, gpointer data)
{
    const BusStage *stage = data;
    if (stage->bus != NULL)
        vb_bus_turned(stage->bus, state);
}

static void
on_signal(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
          const char *signal, GVariant *arguments, gpointer data)
{
    g_autofree char *text = g_variant_print(arguments, FALSE);
    g_ptr_array_add(((BusStage *)data)->signals,
                    g_strdup_printf("%s %s %s", path, signal, text));
}

GDBusConnection *
bus_stage_client(const BusStage *stage)
{
    g_autoptr(GError) error = NULL;
    GDBusConnection *client = g_dbus_connection_new_for_address_sync(
        g_test_dbus_get_bus_address(stage->daemon),
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
            G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
        NULL, NULL, &error);
    g_assert_no_error(error);
    return client;
}

static gboolean
has_owner(BusStage *stage)
{
    g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
        stage->client, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "NameHasOwner", g_variant_new("(s)", NAME), G_VARIANT_TYPE("(b)"),
        G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
    gboolean owned = FALSE;
    g_assert_nonnull(reply);
    g_variant_get(reply, "(b)", &owned);
    return owned;
}

void
bus_stage_set_up(BusStage *stage, const char *const *policies)
{
    VbReach *reach = stage->reach;
    memset(stage, 0, sizeof *stage);
    loop_stage_set_up(&stage->loop);
    stage->reach = reach != NULL ? reach : fake_reach_base(stage->loop.reach);
    stage->loop.turned = on_turned;
    stage->loop.turned_data = stage;
    stage->authority.base.ops = &fake_ops;
    stage->signals = g_ptr_array_new_with_free_func(g_free);
    stage->daemon = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_test_dbus_up(stage->daemon);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", g_test_dbus_get_bus_address(stage->daemon), TRUE);
    stage->client = bus_stage_client(stage);
    g_dbus_connection_signal_subscribe(stage->client, NAME, NULL, NULL, NULL, NULL,
                                       G_DBUS_SIGNAL_FLAGS_NONE, on_signal, stage, NULL);
    for (guint n = 1; policies[n - 1] == NULL || *policies[n - 1] != '\0'; n++)
        fake_reach_add(stage->loop.reach, n, policies[n - 1], 512, 2);
    stage->bus = vb_bus_new(stage->loop.loop, stage->reach, &stage->authority.base, "fake:///");
    loop_stage_tell(&stage->loop, VB_EVENT_CONNECTED, 0);
    UNTIL(fake_reach_looks(stage->loop.reach) > 0 && (g_usleep(1000), has_owner(stage)));
}

void
bus_stage_tear_down(BusStage *stage)
{
    if (!stage->loop.stopped)
        loop_stage_stop(&stage->loop);
    g_clear_pointer(&stage->bus, vb_bus_free);
    g_dbus_connection_close_sync(stage->client, NULL, NULL);
    g_object_unref(stage->client);
    loop_stage_tear_down(&stage->loop);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    g_test_dbus_stop(stage->daemon);
    g_object_unref(stage->daemon);
    g_ptr_array_unref(stage->signals);
    g_free(stage->authority.right);
}

char *
bus_stage_guest(guint n)
{
    g_autofree char *uuid = world_uuid(n);
    return g_strconcat(HOST "/guest/", g_strdelimit(uuid, "-", '_'), NULL);
}

static void
on_done(GObject *source, GAsyncResult *result, gpointer data)
{
    Call *call = data;
    call->reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &call->error);
    call->done = TRUE;
}

GVariant *
bus_stage_call_by(GDBusConnection *client, const char *path, const char *interface,
                  const char *method, GVariant *arguments, GError **error)
{
    Call call = {0};
    g_dbus_connection_call(client, NAME, path, interface, method, arguments, NULL,
                           G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_done, &call);
    UNTIL(call.done);
    if (call.error != NULL)
        g_propagate_error(error, call.error);
    return call.reply;
}

GVariant *
bus_stage_call(BusStage *stage, const char *path, const char *method, GVariant *arguments,
               GError **error)
{
    g_auto(GStrv) parts = g_strsplit(method, ".", 2);
    g_autofree char *interface = g_strconcat(NAME ".", parts[0], NULL);
    return bus_stage_call_by(stage->client, path, interface, parts[1], arguments, error);
}

static void
on_fd_done(GObject *source, GAsyncResult *result, gpointer data)
{
    Call *call = data;
    call->reply = g_dbus_connection_call_with_unix_fd_list_finish(G_DBUS_CONNECTION(source), NULL,
                                                                  result, &call->error);
    call->done = TRUE;
}

gboolean
bus_stage_record(BusStage *stage, int fd)
{
    g_autoptr(GUnixFDList) files = g_unix_fd_list_new();
    Call call = {0};
    g_assert_cmpint(g_unix_fd_list_append(files, fd, NULL), ==, 0);
    g_dbus_connection_call_with_unix_fd_list(stage->client, NAME, HOST, NAME ".Host",
                                             "StartRecording", g_variant_new("(ha{sv})", 0, NULL),
                                             NULL, G_DBUS_CALL_FLAGS_NONE, -1, files, NULL,
                                             on_fd_done, &call);
    UNTIL(call.done);
    gboolean recording = call.reply != NULL;
    g_clear_pointer(&call.reply, g_variant_unref);
    g_clear_error(&call.error);
    return recording;
}

char *
bus_stage_property(BusStage *stage, const char *path, const char *property)
{
    g_auto(GStrv) parts = g_strsplit(property, ".", 2);
    g_autofree char *interface = g_strconcat(NAME ".", parts[0], NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply =
        bus_stage_call_by(stage->client, path, "org.freedesktop.DBus.Properties", "Get",
                          g_variant_new("(ss)", interface, parts[1]), &error);
    g_autoptr(GVariant) value = NULL;
    if (reply == NULL)
        return g_strdup(error->message);
    g_variant_get(reply, "(v)", &value);
    return g_variant_print(value, FALSE);
}

gboolean
bus_stage_property_is(BusStage *stage, const char *path, const char *property, const char *value)
{
    g_autofree char *text = bus_stage_property(stage, path, property);
    return g_str_equal(text, value);
}

gboolean
bus_stage_heard(const BusStage *stage, const char *pattern)
{
    for (guint i = 0; i < stage->signals->len; i++)
        if (g_pattern_match_simple(pattern, g_ptr_array_index(stage->signals, i)))
            return TRUE;
    return FALSE;
}

void
bus_stage_assert_error(GError **error, const char *name, const char *part)
{
    g_assert_nonnull(*error);
    g_autofree char *full = g_strconcat(NAME ".Error.", name, NULL);
    g_autofree char *remote = g_dbus_error_get_remote_error(*error);
    g_assert_cmpstr(remote, ==, full);
    if (strstr((*error)->message, part) == NULL)
        g_error("\"%s\" does not tell of \"%s\"", (*error)->message, part);
    g_clear_error(error);
}
