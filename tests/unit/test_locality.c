/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Locality: busy share x access weight x time share x resident share. */
#include "world.h"

/* A guest of vCPUs that ran on @ran, with MiB on nodes 0 and 1 in its one cell. */
typedef struct {
    const char *name;
    const char *ran;
    guint64 mib[2];
    guint busy_bp[3];
    guint expected_bp;
} Case;

static const Case cases[] = {
    {"all local", "0", {512, 0}, {10000}, 10000},
    {"all remote", "1", {512, 0}, {10000}, 0},
    {"half and half", "0", {256, 256}, {10000}, 5000},
    {"a third, rounded", "0", {1, 2}, {10000}, 3333},
    {"two thirds, rounded", "1", {1, 2}, {10000}, 6667},
    {"busy ones weigh more", "0,1", {512, 0}, {9000, 1000}, 9000},
    {"idle ones weigh nothing", "0,1", {512, 0}, {10000, 0}, 10000},
    {"all idle: each counts alike", "0,1", {512, 0}, {0, 0}, 5000},
    {"nothing present is remote to nobody", "1", {0, 0}, {10000}, 10000},
};

static void
test_one_cell(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VbSnapshot) host = world_host(2, 2, GIB);
        VbGuest *guest = world_guest(host, "web", cases[i].ran);
        guint locality = 77, error = 77;
        for (guint node = 0; node < 2; node++)
            world_put(guest, 0, (int)node, cases[i].mib[node] * MIB);
        for (guint v = 0; v < guest->vcpus->len; v++)
            world_vcpu_of(guest, v)->busy_bp = cases[i].busy_bp[v];
        g_test_message("%s", cases[i].name);
        g_assert_true(vb_guest_locality(guest, &locality, &error));
        g_assert_cmpuint(locality, ==, cases[i].expected_bp);
        g_assert_cmpuint(error, ==, 0);
    }
}

/* Given time on both nodes, then the shares are multiplied node by node. */
static void
test_time_on_both_nodes(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    guint locality;
    world_put(guest, 0, 0, 300 * MIB);
    world_put(guest, 0, 1, 100 * MIB);
    world_vcpu_of(guest, 0)->share_bp[0] = 6000;
    world_vcpu_of(guest, 0)->share_bp[1] = 4000;
    g_assert_true(vb_guest_locality(guest, &locality, NULL));
    g_assert_cmpuint(locality, ==, 6000 * 3 / 4 + 4000 / 4);
}

static void
test_each_vcpu_uses_its_own_cell(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, GIB);
    VbGuest *guest = world_guest(host, "db", "0,1");
    guint locality, error;
    world_cell(guest);
    world_put(guest, 0, 0, 100 * MIB);
    world_put(guest, 1, 1, 900 * MIB);
    world_cell_of(guest, 0)->error_bp = 100;
    world_vcpu_of(guest, 1)->cell = 1;
    g_assert_true(vb_guest_locality(guest, &locality, &error));
    g_assert_cmpuint(locality, ==, VB_BP);
    g_assert_cmpuint(error, ==, 50);
    world_vcpu_of(guest, 1)->cell = 0;
    g_assert_true(vb_guest_locality(guest, &locality, NULL));
    g_assert_cmpuint(locality, ==, 5000);
}

/* Sizes near the end of 64 bits neither wrap nor divide by zero. */
static void
test_huge_guests_do_not_wrap(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, GIB);
    VbGuest *guest = world_guest(host, "huge", "0");
    guint locality;
    world_put(guest, 0, 0, G_MAXUINT64 / 2);
    world_put(guest, 0, 1, G_MAXUINT64 / 2);
    g_assert_true(vb_guest_locality(guest, &locality, NULL));
    g_assert_cmpuint(locality, ==, 5000);
}

static void
forget_share(VbGuest *guest)
{
    world_vcpu_of(guest, 1)->share_known = FALSE;
}

static void
forget_residency(VbGuest *guest)
{
    world_cell_of(guest, 0)->residency_known = FALSE;
}

static void
lose_cell(VbGuest *guest)
{
    world_vcpu_of(guest, 0)->cell = 1;
}

static void
never_had_cell(VbGuest *guest)
{
    world_vcpu_of(guest, 0)->cell = -1;
}

static void
lose_vcpus(VbGuest *guest)
{
    g_ptr_array_set_size(guest->vcpus, 0);
}

static void
lose_cells(VbGuest *guest)
{
    g_ptr_array_set_size(guest->cells, 0);
}

static void
test_unknown_is_not_zero(void)
{
    void (*const spoil[])(VbGuest *) = {forget_share,   forget_residency, lose_cell,
                                        never_had_cell, lose_vcpus,       lose_cells};
    for (guint i = 0; i < G_N_ELEMENTS(spoil); i++) {
        g_autoptr(VbSnapshot) host = world_host(2, 2, GIB);
        VbGuest *guest = world_guest(host, "web", "0,1");
        guint locality = 77, error = 77;
        world_put(guest, 0, 0, GIB);
        spoil[i](guest);
        g_assert_false(vb_guest_locality(guest, &locality, &error));
        g_assert_cmpuint(locality, ==, 77);
        g_assert_cmpuint(error, ==, 77);
        g_assert_false(vb_snapshot_locality(host, &locality));
        g_assert_cmpuint(locality, ==, 77);
    }
}

static void
test_unknown_demand_counts_as_busy(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, GIB);
    VbGuest *guest = world_guest(host, "web", "0,1");
    guint locality;
    world_put(guest, 0, 0, GIB);
    world_vcpu_of(guest, 0)->busy_bp = 5000;
    world_vcpu_of(guest, 1)->busy_known = FALSE;
    world_vcpu_of(guest, 1)->busy_bp = 0;
    g_assert_true(vb_guest_locality(guest, &locality, NULL));
    g_assert_cmpuint(locality, ==, 3333);
    g_assert_cmpuint(vb_guest_demand_bp(guest), ==, 15000);
}

/* The host's: guests weigh by demand, unknown ones are left out, idle hosts count each alike. */
static void
test_the_hosts_locality(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, GIB);
    VbGuest *near = world_guest(host, "near", "0,0,0");
    VbGuest *far = world_guest(host, "far", "1");
    VbGuest *unknown = world_guest(host, "unknown", "1");
    guint locality;
    world_put(near, 0, 0, GIB);
    world_put(far, 0, 0, GIB);
    world_cell_of(unknown, 0)->residency_known = FALSE;
    g_assert_true(vb_snapshot_locality(host, &locality));
    g_assert_cmpuint(locality, ==, 7500);
    for (guint i = 0; i < 3; i++)
        world_vcpu_of(near, i)->busy_bp = 0;
    world_vcpu_of(far, 0)->busy_bp = 0;
    g_assert_true(vb_snapshot_locality(host, &locality));
    g_assert_cmpuint(locality, ==, 5000);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/locality/one-cell", test_one_cell);
    g_test_add_func("/locality/time-on-both-nodes", test_time_on_both_nodes);
    g_test_add_func("/locality/each-vcpu-uses-its-own-cell", test_each_vcpu_uses_its_own_cell);
    g_test_add_func("/locality/huge-guests-do-not-wrap", test_huge_guests_do_not_wrap);
    g_test_add_func("/locality/unknown-is-not-zero", test_unknown_is_not_zero);
    g_test_add_func("/locality/unknown-demand-counts-as-busy", test_unknown_demand_counts_as_busy);
    g_test_add_func("/locality/the-hosts", test_the_hosts_locality);
    return g_test_run();
}
