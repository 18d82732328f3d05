/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus_call.h"
#include "bus/failure.h"
#include "core/codec.h"
#include "daemon/bus_private.h"

/* Ends each method's row's way from the signal to its function. */
typedef struct {
    GClosure closure;
    VbBus *bus;
    const VbCallRow *row;
} Line;

/* A call that waits for the authority's word, or for a thread. */
typedef struct {
    VbCall *call;
    const VbCallRow *row;
    VbCallWork work;
    gpointer data;
    GDestroyNotify free;
} Wait;

static VbCall *
call_new(VbBus *bus, GDBusInterfaceSkeleton *skeleton, GDBusMethodInvocation *invocation)
{
    VbCall *call = g_new(VbCall, 1);
    *call = (VbCall){bus, g_object_ref(skeleton), invocation};
    return call;
}

static void
call_free(VbCall *call)
{
    g_object_unref(call->skeleton);
    g_free(call);
}

GVariant *
vb_call_arguments(const VbCall *call)
{
    return g_dbus_method_invocation_get_parameters(call->invocation);
}

void
vb_call_return(VbCall *call, GVariant *value)
{
    g_dbus_method_invocation_return_value(call->invocation, value);
    call_free(call);
}

void
vb_call_fail(VbCall *call, const GError *error)
{
    g_autofree char *message = g_utf8_make_valid(error->message, -1);
    g_dbus_method_invocation_return_dbus_error(call->invocation, vb_bus_error_name(error),
                                               message);
    call_free(call);
}

GVariant *
vb_bus_text(const char *text)
{
    return g_variant_new_take_string(g_utf8_make_valid(text != NULL ? text : "", -1));
}

GVariant *
vb_bus_json(JsonNode *node)
{
    g_autoptr(JsonNode) owned = node;
    g_autofree char *text = vb_codec_text(owned, FALSE);
    return vb_bus_text(text);
}

/* --- who may -------------------------------------------------------------------------------- */

static void
on_answer(const GError *error, gpointer data)
{
    g_autofree Wait *wait = data;
    if (error != NULL)
        vb_call_fail(wait->call, error);
    else
        wait->row->run(wait->call);
}

static void
on_call(GClosure *closure, GValue *ret, guint n_values, const GValue *values, gpointer hint,
        gpointer data)
{
    const Line *line = (const Line *)closure;
    const VbCallRow *row = line->row;
    GDBusInterfaceSkeleton *skeleton = g_value_get_object(&values[0]);
    GDBusMethodInvocation *invocation = g_value_get_object(&values[1]);
    const char *sender = g_dbus_method_invocation_get_sender(invocation);
    Wait *wait = g_new0(Wait, 1);
    wait->call = call_new(line->bus, skeleton, invocation);
    wait->row = row;
    if (row->is_own != NULL && row->is_own(line->bus, skeleton, sender))
        on_answer(NULL, wait);
    else
        line->bus->authority->ops->check(line->bus->authority, invocation, row->right, on_answer,
                                         wait);
    g_value_set_boolean(ret, TRUE);
}

/* "GetStatus" -> "handle-get-status" */
static char *
signal_of(const char *method)
{
    GString *name = g_string_new("handle");
    for (const char *at = method; *at != '\0'; at++) {
        if (g_ascii_isupper(*at))
            g_string_append_c(name, '-');
        g_string_append_c(name, g_ascii_tolower(*at));
    }
    return g_string_free(name, FALSE);
}

void
vb_calls_answer(VbBus *bus, GDBusInterfaceSkeleton *skeleton, const VbCallRow *rows)
{
    for (const VbCallRow *row = rows; row->method != NULL; row++) {
        g_autofree char *name = signal_of(row->method);
        GClosure *closure = g_closure_new_simple(sizeof(Line), NULL);
        ((Line *)closure)->bus = bus;
        ((Line *)closure)->row = row;
        g_closure_set_marshal(closure, on_call);
        g_signal_connect_closure(skeleton, name, closure, FALSE);
    }
}

/* --- work on a thread ----------------------------------------------------------------------- */

static void
run_work(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    const Wait *wait = data;
    GError *error = NULL;
    GVariant *value = wait->work(wait->data, &error);
    if (value != NULL)
        g_task_return_pointer(task, g_variant_ref_sink(value), (GDestroyNotify)g_variant_unref);
    else
        g_task_return_error(task, error);
}

static void
on_worked(GObject *source, GAsyncResult *result, gpointer data)
{
    const Wait *wait = g_task_get_task_data(G_TASK(result));
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = g_task_propagate_pointer(G_TASK(result), &error);
    if (value != NULL)
        vb_call_return(wait->call, value);
    else
        vb_call_fail(wait->call, error);
}

static void
wait_free(gpointer data)
{
    Wait *wait = data;
    wait->free(wait->data);
    g_free(wait);
}

void
vb_call_work(VbCall *call, VbCallWork work, gpointer data, GDestroyNotify free)
{
    Wait *wait = g_new0(Wait, 1);
    wait->call = call;
    wait->work = work;
    wait->data = data;
    wait->free = free;
    g_autoptr(GTask) task = g_task_new(NULL, NULL, on_worked, NULL);
    g_task_set_task_data(task, wait, wait_free);
    vb_chores_run(vb_loop_chores(call->bus->loop), task, run_work);
}
