/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a guest is placed that just started, told as a story each: what it may still touch needs room. */
#include "core/newcomer.h"
#include "world.h"
#include <string.h>
#include <vmbalancer/error.h>

/* On @host; it has touched nothing yet. */
static VbGuest *
arrive(VbSnapshot *host, const char *name, const char *ran, guint64 size)
{
    VbGuest *guest = world_guest(host, name, ran);
    world_cell_of(guest, 0)->residency_known = TRUE;
    world_cell_of(guest, 0)->size_bytes = size;
    guest->selected = FALSE; /* as the model emits them */
    return guest;
}

/* A guest at home on @node that has touched @present of @size. */
static VbGuest *
settle(VbSnapshot *host, const char *name, int node, guint64 present, guint64 size)
{
    VbGuest *guest = world_guest(host, name, "0");
    world_fill(host, guest, 0, node, present);
    world_settle(&host->topology, guest, node);
    world_cell_of(guest, 0)->size_bytes = size;
    return guest;
}

/* @wanted: as world_describe() has it; @code: of the decline, or NULL. Returns: the reason, of either. */
static char *
place(const VbSnapshot *host, const VbGuest *guest, const char *wanted, const char *code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbConfig) config = vb_config_new();
    config->default_policy = g_strdup("balance");
    g_autoptr(VbDecision) decision = vb_newcomer_decide(host, config, guest->uuid, &error);
    g_assert_no_error(error);
    g_autofree char *told = world_describe(decision->plan, guest);
    const VbDecline *decline = vb_plan_declined(decision->plan, guest->uuid);
    g_assert_cmpstr(told, ==, wanted);
    g_assert_cmpstr(decline != NULL ? decline->code : NULL, ==, code);
    if (decline != NULL)
        return g_strdup(decline->reason);
    return g_strdup(((const VbAction *)g_ptr_array_index(decision->plan->actions, 0))->reason);
}

static void
test_room_beside_what_is_promised(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = arrive(host, "young", "0", 5 * GIB);
    settle(host, "growing", 0, GIB, 4 * GIB);
    g_autofree char *reason = place(host, guest, "pin vcpu0 >1", NULL);
    g_assert_nonnull(strstr(reason, "home 1, chosen as it started: there is room for its 5 GiB"));
    settle(host, "growing too", 1, GIB, 4 * GIB);
    g_autofree char *full = place(host, guest, "", "no-room");
    g_assert_nonnull(strstr(full, "no node has room for the 5 GiB that it may still touch"));
}

/* A pool is no free memory, and what lacks there is said in its bytes. */
static void
test_room_in_a_pool(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = arrive(host, "young", "0", 2 * GIB);
    world_cell_of(guest, 0)->page_size = GIB;
    world_pool(&host->topology, 0, GIB, 4, 1);
    world_pool(&host->topology, 1, GIB, 4, 2);
    g_autofree char *reason = place(host, guest, "pin vcpu0 >1", NULL);
    host->topology.node[1].pools[0].free = 1;
    g_autofree char *full = place(host, guest, "", "no-room");
    g_assert_nonnull(strstr(full, "2 GiB"));
}

/* Nodes that have no room for their part are left out, however near they are. */
static void
test_wide(void)
{
    g_autoptr(VbSnapshot) host = world_host(4, 2, 8 * GIB);
    world_distances(&host->topology, "10,12,20,20:12,10,20,20:20,20,10,14:20,20,14,10");
    VbGuest *guest = arrive(host, "wide", "0,0,0,0", 6 * GIB);
    g_autofree char *near = place(host, guest, "pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >1; pin vcpu3 >1", NULL);
    g_assert_nonnull(strstr(near, "home 0-1, chosen as it started: there is room for its 6 GiB"));
    host->topology.node[1].memory_free_bytes = 2 * GIB;
    g_autofree char *far = place(host, guest, "pin vcpu0 >2; pin vcpu1 >2; pin vcpu2 >3; pin vcpu3 >3", NULL);
    host->topology.node[2].memory_free_bytes = 2 * GIB;
    g_autofree char *apart = place(host, guest, "pin vcpu0 >0; pin vcpu1 >0; pin vcpu2 >3; pin vcpu3 >3", NULL);
    host->topology.node[3].memory_free_bytes = 2 * GIB;
    g_autofree char *full = place(host, guest, "", "no-room");
    g_assert_nonnull(strstr(full, "nor have several for their parts"));
}

/* Once it is there, what it may still touch is promised to it on each of its nodes. */
static void
test_what_a_wide_one_is_promised(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *wide = arrive(host, "wide", "0,0,0,1", 8 * GIB), *next = arrive(host, "next", "0", 3 * GIB);
    world_cell_of(wide, 0)->home = 3;
    for (guint i = 0; i < 4; i++) {
        world_vcpu_of(wide, i)->affinity_known = TRUE;
        world_vcpu_of(wide, i)->affinity = host->topology.node[i == 3].cpus;
    }
    g_assert_cmpuint(vb_newcomer_room(host, next, 0, 4096).promised_bytes, ==, 6 * GIB);
    g_assert_cmpuint(vb_newcomer_room(host, next, 1, 4096).promised_bytes, ==, 2 * GIB);
    g_assert_cmpuint(vb_newcomer_room(host, wide, 1, 4096).promised_bytes, ==, 0);
    g_autofree char *reason = place(host, next, "pin vcpu0 >1", NULL);
}

/* What is there already, and only not mapped, no newcomer needs room for. */
static void
test_what_is_there_needs_no_room(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = settle(host, "one", 0, 256 * MIB, 768 * MIB), *next = arrive(host, "next", "0", GIB);
    VbCell *cell = world_cell_of(guest, 0);
    g_assert_cmpuint(vb_newcomer_room(host, next, 0, 4096).promised_bytes, ==, 512 * MIB);
    cell->unmapped_bytes = 200 * MIB;
    g_assert_cmpuint(vb_newcomer_room(host, next, 0, 4096).promised_bytes, ==, 512 * MIB);
    cell->unmapped_known = TRUE;
    g_assert_cmpuint(vb_newcomer_room(host, next, 0, 4096).promised_bytes, ==, 312 * MIB);
    cell->unmapped_bytes = GIB; /* more than there can be */
    g_assert_cmpuint(vb_newcomer_room(host, next, 0, 4096).promised_bytes, ==, 0);
}

static void
test_nobody(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    g_autoptr(VbConfig) config = vb_config_new();
    g_autoptr(GError) error = NULL;
    g_assert_null(vb_newcomer_decide(host, config, "none", &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/newcomer/room-beside-what-is-promised", test_room_beside_what_is_promised);
    g_test_add_func("/newcomer/room-in-a-pool", test_room_in_a_pool);
    g_test_add_func("/newcomer/wide", test_wide);
    g_test_add_func("/newcomer/what-a-wide-one-is-promised", test_what_a_wide_one_is_promised);
    g_test_add_func("/newcomer/what-is-there-needs-no-room", test_what_is_there_needs_no_room);
    g_test_add_func("/newcomer/nobody", test_nobody);
    return g_test_run();
}
