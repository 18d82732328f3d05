/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What cpu-follows-memory does in small worlds, told as a story each; what holds for every policy
 * is in tests/property. */
#include "core/model.h"
#include "policy_story.h"

static const VbPolicy *const policy = &vb_policy_cpu_follows_memory;

/* vCPUs go where most of the RAM is, threads that serve them go along, and no page moves. */
static void
test_vcpus_go_to_the_ram(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0,0");
    g_ptr_array_add(guest->helpers, vb_helper_thread_new("emulator"));
    world_fill(host, guest, 0, 1, 3 * GIB);
    world_fill(host, guest, 0, 0, GIB);
    story_plan(policy, host, guest, "pin emulator >1; pin vcpu0 >1; pin vcpu1 >1", NULL);
}

/* A gain that is not clear is none. */
static void
test_the_gain_must_be_clear(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_vcpu_of(guest, 0)->affinity = host->topology.node[0].cpus;
    world_fill(host, guest, 0, 0, 48 * GIB / 10);
    world_fill(host, guest, 0, 1, 52 * GIB / 10);
    story_plan(policy, host, guest, "", NULL);
    story_set(&guest->settings, "margin", 300);
    story_plan(policy, host, guest, "pin vcpu0 >1", NULL);
}

static void
test_it_must_be_seen_twice(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    world_fill(host, guest, 0, 1, GIB);
    world_cell_of(guest, 0)->top_seen = 1;
    story_plan(policy, host, guest, "", "unconfirmed");
    world_cell_of(guest, 0)->top_seen = 2;
    story_plan(policy, host, guest, "pin vcpu0 >1", NULL);
    guest->last_move_ns = host->time_ns - 30 * SECOND;
    story_plan(policy, host, guest, "", "cooldown");
}

/* A node whose CPUs are busy takes nobody; who leaves it makes room for others. */
static void
test_who_leaves_makes_room(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 16 * GIB);
    VbGuest *web = world_guest(host, "web", "0,0");
    VbGuest *db = world_guest(host, "db", "1,1");
    world_fill(host, web, 0, 1, GIB);
    world_fill(host, db, 0, 1, 2 * GIB);
    story_plan(policy, host, web, "", "no-room");
    VbGuest *mail = world_guest(host, "mail", "");
    world_fill(host, mail, 0, 0, GIB);
    world_cell_of(db, 0)->by_node[1] = GIB;
    world_cell_of(db, 0)->by_node[0] = GIB;
    story_set(&host->settings, "load", 150);
    world_vcpu_of(db, 0)->busy_bp = world_vcpu_of(db, 1)->busy_bp = 5000;
    story_plan(policy, host, web, "pin vcpu0 >1; pin vcpu1 >1", NULL);
}

/* Each cell's vCPUs follow their own cell. */
static void
test_cells_go_their_own_ways(void)
{
    g_autoptr(VbSnapshot) host = world_host(3, 2, 8 * GIB);
    VbGuest *guest = world_guest(host, "wide", "0,0");
    world_cell(guest);
    world_vcpu_of(guest, 1)->cell = 1;
    g_ptr_array_add(guest->helpers, vb_helper_thread_new("emulator"));
    world_fill(host, guest, 0, 1, GIB);
    world_fill(host, guest, 1, 2, GIB);
    story_plan(policy, host, guest, "pin vcpu0 >1; pin vcpu1 >2", NULL);
}

/* It goes only where it may. */
static void
test_the_boundary_holds(void)
{
    g_autoptr(VbSnapshot) host = world_host(3, 2, 8 * GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    guest->boundary = VB_NODE_BIT(0) | VB_NODE_BIT(2);
    world_fill(host, guest, 0, 1, 2 * GIB);
    world_fill(host, guest, 0, 2, GIB);
    story_plan(policy, host, guest, "pin vcpu0 >2", NULL);
}

/* A host with one guest whose vCPU went where it was sent last. */
typedef struct {
    VbModel *model;
    VbTopology topology;
    VbCpuSet affinity;
    int node;
    GRand *rand;
} Bouncer;

/* RAM lies evenly on two nodes; the noise of sampling makes now one, now the other the greater. */
static VbSnapshot *
look(Bouncer *bouncer, guint nth)
{
    g_autoptr(VbObservation) seen = world_look(VB_LOOK_FULL, nth * 5 * SECOND, &bouncer->topology);
    VbGuestSight *sight = world_sight(seen, 1);
    for (int node = 0; node < 2; node++)
        world_put(sight->facts, 0, node,
                  GIB + (guint64)g_rand_int_range(bouncer->rand, 0, 64) * MIB);
    VbVcpuSight *thread = world_thread(sight, 0, nth * 4 * (guint64)SECOND, bouncer->node * 2);
    thread->affinity_known = TRUE;
    thread->affinity = bouncer->affinity;
    vb_model_begin_window(bouncer->model);
    vb_model_fold(bouncer->model, seen);
    VbSnapshot *host = vb_model_snapshot(bouncer->model);
    ((VbGuest *)g_ptr_array_index(host->guests, 0))->selected = TRUE;
    return host;
}

/* Returns: TRUE if the vCPU was sent to another node. */
static gboolean
obey(Bouncer *bouncer, const VbPlan *plan, gint64 now_ns)
{
    if (plan->actions->len == 0)
        return FALSE;
    const VbAction *action = g_ptr_array_index(plan->actions, 0);
    g_autoptr(GPtrArray) outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    g_ptr_array_add(outcomes, vb_outcome_new(0, VB_RESULT_DONE, 0, 0, NULL));
    vb_model_note(bouncer->model, plan, outcomes, now_ns);
    gboolean elsewhere = action->to != bouncer->node;
    bouncer->node = action->to;
    bouncer->affinity = action->cpus;
    return elsewhere;
}

/* How often the vCPU was sent elsewhere in 200 looks, 5 s apart. */
static guint
count_bounces(gboolean original)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    g_autoptr(VbModel) model = vb_model_new();
    g_autofree VbTopology *topology = world_topology(2, 2, 8 * GIB);
    Bouncer bouncer = {.model = model, .topology = *topology, .rand = rand};
    bouncer.affinity = vb_topology_cpus_of_nodes(&bouncer.topology, bouncer.topology.nodes);
    guint bounces = 0;
    for (guint nth = 1; nth <= 200; nth++) {
        g_autoptr(VbSnapshot) host = look(&bouncer, nth);
        if (original) {
            story_set(&host->settings, "margin", 0);
            story_set(&host->settings, "confirm", 1);
            story_set(&host->settings, "cooldown", 0);
        }
        g_autoptr(VbPlan) plan = vb_policy_decide(policy, host);
        bounces += obey(&bouncer, plan, host->time_ns);
    }
    return bounces;
}

/* What the original was known for, and what the margin, the second look and the rest are for. */
static void
test_the_original_bounces(void)
{
    guint original = count_bounces(TRUE), shipped = count_bounces(FALSE);
    g_test_message("sent elsewhere in 200 looks: the original %u times, as shipped %u times",
                   original, shipped);
    g_assert_cmpuint(original, >, 50);
    g_assert_cmpuint(shipped, <=, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu-follows-memory/vcpus-go-to-the-ram", test_vcpus_go_to_the_ram);
    g_test_add_func("/cpu-follows-memory/a-clear-gain", test_the_gain_must_be_clear);
    g_test_add_func("/cpu-follows-memory/seen-twice", test_it_must_be_seen_twice);
    g_test_add_func("/cpu-follows-memory/who-leaves-makes-room", test_who_leaves_makes_room);
    g_test_add_func("/cpu-follows-memory/cells", test_cells_go_their_own_ways);
    g_test_add_func("/cpu-follows-memory/boundary", test_the_boundary_holds);
    g_test_add_func("/cpu-follows-memory/the-original-bounces", test_the_original_bounces);
    return g_test_run();
}
