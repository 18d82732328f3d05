/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus_private.h"

/* "/org/vmbalancer1/guest/UUID"; NULL if that is none. */
static char *
path_of(const char *uuid)
{
    if (!g_uuid_string_is_valid(uuid))
        return NULL;
    g_autofree char *name = g_strdelimit(g_strdup(uuid), "-", '_');
    return g_strconcat(VB_BUS_PATH "/guest/", name, NULL);
}

static const char *
uuid_of(const VbCall *call)
{
    return vb_bus_guest_get_uuid(VB_BUS_GUEST(call->skeleton));
}

static void
rebalance(VbCall *call)
{
    g_autoptr(GVariant) options = g_variant_get_child_value(vb_call_arguments(call), 0);
    const char *guests[] = {uuid_of(call), NULL};
    vb_bus_rebalance(call, guests, options);
}

static void
release(VbCall *call)
{
    vb_bus_release(call, uuid_of(call));
}

static void
history(VbCall *call)
{
    g_autoptr(GVariant) options = g_variant_get_child_value(vb_call_arguments(call), 0);
    const char *guests[] = {uuid_of(call), NULL};
    vb_bus_history(call, guests, options);
}

static const VbCallRow rows[] = {
    {"Rebalance", VB_RIGHT_REBALANCE, rebalance, NULL},
    {"Release", VB_RIGHT_RELEASE, release, NULL},
    {"History", VB_RIGHT_READ, history, NULL},
    {NULL},
};

/* --- properties ----------------------------------------------------------------------------- */

static void
set_home(VbBusGuest *object, VbNodeSet home)
{
    GVariantBuilder builder;
    int node;
    g_variant_builder_init(&builder, G_VARIANT_TYPE("au"));
    VB_NODESET_FOREACH(node, home)
    {
        g_variant_builder_add(&builder, "u", (guint32)node);
    }
    vb_bus_guest_set_home(object, g_variant_builder_end(&builder));
}

static void
set_statistics(VbBusGuest *object, const VbGuest *guest)
{
    GVariantBuilder moves;
    guint64 local = 0, remote = 0;
    guint cumulative = 0;
    vb_guest_home_bytes(guest, &local, &remote);
    gboolean known = vb_guest_cumulative_locality(guest, &cumulative);
    vb_bus_guest_set_local_bytes(object, local);
    vb_bus_guest_set_remote_bytes(object, remote);
    vb_bus_guest_set_cumulative_locality(object, known ? (double)cumulative / VB_BP : -1);
    vb_bus_guest_set_bytes_moved(object, guest->statistics.moved_bytes);
    g_variant_builder_init(&moves, G_VARIANT_TYPE("a{su}"));
    for (guint cause = VB_CAUSE_NONE + 1; cause < VB_CAUSES; cause++)
        g_variant_builder_add(&moves, "{su}", vb_cause_name(cause),
                              guest->statistics.placed[cause]);
    vb_bus_guest_set_moves(object, g_variant_builder_end(&moves));
}

static void
update(VbBus *bus, VbBusGuest *object, const VbGuest *guest)
{
    guint locality = 0, error = 0;
    gboolean known = vb_guest_locality(guest, &locality, &error);
    g_autofree char *name = g_utf8_make_valid(guest->name, -1);
    g_autofree char *reason = g_utf8_make_valid(guest->reason != NULL ? guest->reason : "", -1);
    g_autofree char *policy =
        g_utf8_make_valid(vb_engine_policy(guest->policy, vb_loop_config(bus->loop)), -1);
    vb_bus_guest_set_name(object, name);
    vb_bus_guest_set_pid(object, (guint)guest->pid);
    vb_bus_guest_set_state(object, vb_guest_state_name(guest->state));
    vb_bus_guest_set_owner(object, vb_owner_name(guest->owner));
    vb_bus_guest_set_reason(object, reason);
    vb_bus_guest_set_policy(object, policy);
    vb_bus_guest_set_opted_in(object, vb_loop_keeps(bus->loop, guest));
    vb_bus_guest_set_in_flight(object, vb_loop_flies(bus->loop, guest->uuid));
    vb_bus_guest_set_locality(object, known ? (double)locality / VB_BP : -1);
    vb_bus_guest_set_locality_error(object, known ? (double)error / VB_BP : -1);
    set_home(object, vb_guest_home(guest));
    set_statistics(object, guest);
}

/* --- objects -------------------------------------------------------------------------------- */

static void
add(VbBus *bus, const VbGuest *guest)
{
    g_autofree char *path = path_of(guest->uuid);
    if (path == NULL)
        return;
    VbBusGuest *object = vb_bus_guest_skeleton_new();
    vb_bus_guest_set_uuid(object, guest->uuid);
    update(bus, object, guest);
    vb_calls_answer(bus, G_DBUS_INTERFACE_SKELETON(object), rows);
    g_autoptr(VbBusObjectSkeleton) skeleton = vb_bus_object_skeleton_new(path);
    vb_bus_object_skeleton_set_guest(skeleton, object);
    g_dbus_object_manager_server_export(bus->objects, G_DBUS_OBJECT_SKELETON(skeleton));
    g_hash_table_insert(bus->guests, g_strdup(guest->uuid), object);
}

static void
remove_gone(VbBus *bus, const VbSnapshot *seen)
{
    GHashTableIter iter;
    gpointer uuid;
    g_hash_table_iter_init(&iter, bus->guests);
    while (g_hash_table_iter_next(&iter, &uuid, NULL)) {
        g_autofree char *path = path_of(uuid);
        if (vb_snapshot_find(seen, uuid) != NULL)
            continue;
        g_dbus_object_manager_server_unexport(bus->objects, path);
        g_hash_table_iter_remove(&iter);
    }
}

void
vb_bus_guests_sync(VbBus *bus)
{
    g_autoptr(VbSnapshot) seen = vb_loop_seen(bus->loop);
    if (seen == NULL)
        return;
    remove_gone(bus, seen);
    for (guint i = 0; i < seen->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(seen->guests, i);
        VbBusGuest *object = g_hash_table_lookup(bus->guests, guest->uuid);
        if (object != NULL)
            update(bus, object, guest);
        else
            add(bus, guest);
    }
}
