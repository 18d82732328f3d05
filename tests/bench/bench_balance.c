/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long policies take to decide, and how that grows with guests and nodes. The hosts are made up:
 * guests lie scattered, none has a place yet, three in four ask for CPU time: the hardest decision
 * that there is, and one that a host sees once. "settled" is the same host once it was obeyed.
 */
#include "world.h"
#include <vmbalancer/policy.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS 7

static guint
below(GRand *rand, guint limit)
{
    return (guint)g_rand_int_range(rand, 0, (gint32)limit);
}

static void
add_guest(GRand *rand, VbSnapshot *host, guint nodes)
{
    g_autoptr(GString) ran = g_string_new(NULL);
    guint vcpus = 1 + below(rand, 4);
    for (guint i = 0; i < vcpus; i++)
        g_string_append_printf(ran, "%s%u", i > 0 ? "," : "", below(rand, nodes));
    VbGuest *guest = world_guest(host, "guest", ran->str);
    for (guint i = 0; i < vcpus; i++)
        world_vcpu_of(guest, i)->busy_bp = below(rand, 4) == 0 ? below(rand, 100) : below(rand, 6000);
    for (guint part = 0; part < 3; part++)
        world_fill(host, guest, 0, (int)below(rand, nodes), (1 + below(rand, 1024)) * MIB);
}

/* A host with a CPU for each two vCPUs and half of its memory free. */
static VbSnapshot *
make_host(guint nodes, guint guests)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(nodes * 100000 + guests);
    guint cpus = MIN(MAX(guests * 5 / 4 / nodes, 4), VB_CPUS_MAX / nodes);
    VbSnapshot *host = world_host(nodes, cpus, (guint64)guests * 3 * GIB / nodes);
    for (guint i = 0; i < guests; i++)
        add_guest(rand, host, nodes);
    vb_snapshot_sort(host);
    return host;
}

/* The host as the plan leaves it, as far as it matters to whoever decides again. */
static void
obey(VbSnapshot *host, const VbPlan *plan)
{
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        VbGuest *guest = vb_snapshot_find(host, action->uuid);
        for (guint v = 0; action->kind == VB_ACTION_PIN && v < guest->vcpus->len; v++) {
            VbVcpu *vcpu = world_vcpu_of(guest, v);
            if (vcpu->id != (guint)atoi(action->thread + strlen("vcpu")))
                continue;
            vcpu->affinity = action->cpus;
            memset(vcpu->share_bp, 0, sizeof vcpu->share_bp);
            vcpu->share_bp[action->to] = VB_BP;
        }
        if (action->kind != VB_ACTION_MOVE)
            continue;
        world_cell_of(guest, 0)->by_node[action->from] -= action->bytes;
        world_cell_of(guest, 0)->by_node[action->to] += action->bytes;
        host->topology.node[action->from].memory_free_bytes += action->bytes;
        host->topology.node[action->to].memory_free_bytes -= action->bytes;
    }
}

/* CPU time, so that a busy machine does not count. */
static gint64
now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (gint64)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

static int
compare(gconstpointer a, gconstpointer b)
{
    return *(const gint64 *)a < *(const gint64 *)b ? -1 : 1;
}

static void
measure(const char *what, const VbPolicy *policy, const VbSnapshot *host)
{
    gint64 took_us[RUNS];
    guint actions = 0;
    for (guint i = 0; i < RUNS; i++) {
        gint64 begin = now_us();
        g_autoptr(VbPlan) plan = vb_policy_decide(policy, host);
        took_us[i] = now_us() - begin;
        actions = plan->actions->len;
    }
    qsort(took_us, RUNS, sizeof *took_us, compare);
    g_print("# %-18s %-8s %2u nodes %4u guests: %8.1f ms (%.1f to %.1f), %u actions\n", policy->name,
            what, vb_nodeset_count(host->topology.nodes), host->guests->len,
            (double)took_us[RUNS / 2] / 1000, (double)took_us[0] / 1000,
            (double)took_us[RUNS - 1] / 1000, actions);
}

static void
measure_both(const VbPolicy *policy, guint nodes, guint guests)
{
    g_autoptr(VbSnapshot) host = make_host(nodes, guests);
    measure("fresh", policy, host);
    g_autoptr(VbPlan) plan = vb_policy_decide(policy, host);
    obey(host, plan);
    measure("settled", policy, host);
}

static void
measure_growth(void)
{
    static const guint nodes[] = {2, 4, 8, 16}, guests[] = {100, 300, 1000, 3000};
    for (guint n = 0; n < G_N_ELEMENTS(nodes); n++)
        for (guint g = 0; g < G_N_ELEMENTS(guests); g++)
            measure_both(&vb_policy_balance, nodes[n], guests[g]);
}

/* Those that compare vCPUs two by two are asked on small hosts only. */
static void
measure_others(void)
{
    for (const VbPolicy *const *policy = vb_policy_all(); *policy != NULL; policy++)
        measure_both(*policy, 4, 100);
    measure_both(&vb_policy_home_node, 16, 1000);
    measure_both(&vb_policy_balance, 16, 1000);
}

int
main(void)
{
    g_print("1..1\n");
    measure_others();
    measure_growth();
    g_print("ok 1 - measured\n");
    return 0;
}
