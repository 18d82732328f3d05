/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/simulate_fleet.h"
#include "cli/bars.h"
#include "core/json_write.h"
#include "core/text.h"
#include <stdio.h>

#define BAR_WIDTH 30

static guint
share_bp(guint64 part, guint64 whole)
{
    return whole > 0 ? (guint)((unsigned __int128)part * VB_BP / whole) : VB_BP;
}

static double
ratio(guint64 part, guint64 whole)
{
    return whole > 0 ? (double)part / (double)whole : 1;
}

static void
print_text(const VbCli *cli, const VbFleetPlan *plan, const VbFleet *fleet, double seconds)
{
    g_autofree char *moved = vb_bytes_format(fleet->moved_bytes);
    guint bp = share_bp(fleet->local, fleet->accesses);
    printf("%u hosts, %" G_GUINT64_FORMAT " guests, %s\n", fleet->hosts, fleet->guests, plan->policy);
    printf("%u.%u %% local accesses, slowdown %.2f, %s moved in %" G_GUINT64_FORMAT
           " trips, pinned in %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT " back and forth\n",
           bp / 100, bp % 100 / 10, ratio(fleet->wanted_us, fleet->work_us), moved, fleet->moves,
           fleet->pins, fleet->ping_pongs);
    printf("hosts by local accesses, the worst %u.%u %% (seed %" G_GUINT64_FORMAT "):\n",
           fleet->worst_bp / 100, fleet->worst_bp % 100 / 10, fleet->worst_seed);
    for (guint i = 0; i < G_N_ELEMENTS(fleet->by_local); i++) {
        g_autofree char *bar =
            vb_bar(share_bp(fleet->by_local[i], fleet->hosts), BAR_WIDTH, cli->style.utf8);
        printf("  %3u-%3u %% %s %u\n", i * 10, i * 10 + 10, bar, fleet->by_local[i]);
    }
    printf("%" G_GUINT64_FORMAT " host-ticks in %.1f s by %u threads: %.0f host-ticks/s\n", fleet->ticks,
           seconds, plan->threads, (double)fleet->ticks / MAX(seconds, 1e-6));
}

static void
print_json(const VbFleetPlan *plan, const VbFleet *fleet, double seconds)
{
    g_autoptr(JsonNode) node = vb_json_document("vmbalancer.fleet/1");
    JsonObject *object = json_node_get_object(node);
    vb_json_put_text(object, "policy", plan->policy);
    vb_json_put_u64(object, "seed", plan->seed);
    vb_json_put_u64(object, "hosts", fleet->hosts);
    vb_json_put_u64(object, "guests", fleet->guests);
    vb_json_put_u64(object, "ticks", fleet->ticks);
    vb_json_put_bp(object, "local", (int)share_bp(fleet->local, fleet->accesses));
    vb_json_put_u64(object, "accesses", fleet->accesses);
    vb_json_put_u64(object, "wanted_us", fleet->wanted_us);
    vb_json_put_u64(object, "given_us", fleet->given_us);
    vb_json_put_u64(object, "work_us", fleet->work_us);
    vb_json_put_u64(object, "moved_bytes", fleet->moved_bytes);
    vb_json_put_u64(object, "moves", fleet->moves);
    vb_json_put_u64(object, "pins", fleet->pins);
    vb_json_put_u64(object, "ping_pongs", fleet->ping_pongs);
    vb_json_put_bp(object, "worst", (int)fleet->worst_bp);
    vb_json_put_u64(object, "worst_seed", fleet->worst_seed);
    JsonArray *tenths = vb_json_put_array(object, "hosts_by_local");
    for (guint i = 0; i < G_N_ELEMENTS(fleet->by_local); i++)
        json_array_add_int_element(tenths, fleet->by_local[i]);
    JsonObject *speed = vb_json_put_object(object, "speed");
    json_object_set_int_member(speed, "threads", plan->threads);
    json_object_set_double_member(speed, "seconds", seconds);
    json_object_set_double_member(speed, "host_ticks_per_s", (double)fleet->ticks / MAX(seconds, 1e-6));
    vb_command_print_json(node);
}

int
vb_simulate_fleet(const VbCli *cli, const VbFleetPlan *plan)
{
    g_autoptr(GError) error = NULL;
    VbFleet fleet;
    gint64 begun_us = g_get_monotonic_time();
    if (!vb_fleet_run(plan, &fleet, &error))
        return vb_command_fail(error);
    double seconds = (double)(g_get_monotonic_time() - begun_us) / 1e6;
    if (cli->json)
        print_json(plan, &fleet, seconds);
    else
        print_text(cli, plan, &fleet, seconds);
    return VB_EXIT_DONE;
}
