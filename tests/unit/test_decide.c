/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which guests are decided on, and by which policy. Each guest "remote*" of these hosts runs on
 * node 0 with its RAM on node 1, so that every policy but `none` has something to do for it.
 */
#include "engine/engine.h"
#include "core/newcomer.h"
#include "world.h"
#include <string.h>
#include <vmbalancer/error.h>

typedef struct {
    VbSnapshot *host;
    VbConfig *config;
    VbGuest *one, *two;
} Fixture;

static VbGuest *
add_remote(VbSnapshot *host, const char *name)
{
    VbGuest *guest = world_guest(host, name, "0");
    world_fill(host, guest, 0, 1, 256 * MIB);
    world_cell_of(guest, 0)->remote_seen = 2;
    guest->selected = FALSE; /* as the model emits them */
    return guest;
}

static void
set_up(Fixture *f, gconstpointer unused)
{
    f->host = world_host(4, 4, 8 * GIB);
    f->config = vb_config_new();
    f->one = add_remote(f->host, "one");
    f->two = add_remote(f->host, "two");
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
    vb_snapshot_free(f->host);
    vb_config_free(f->config);
}

static VbDecision *
decide(const Fixture *f, const VbPlanRequest *request)
{
    g_autoptr(GError) error = NULL;
    VbDecision *decision = vb_engine_decide(f->host, f->config, request, &error);
    g_assert_no_error(error);
    return decision;
}

static guint
count_actions(const VbDecision *decision, const VbGuest *guest, int kind)
{
    guint count = 0;
    for (guint i = 0; i < decision->plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(decision->plan->actions, i);
        count += g_str_equal(action->uuid, guest->uuid) && (kind < 0 || (int)action->kind == kind);
    }
    return count;
}

static gboolean
acted_on(const VbDecision *decision, const VbGuest *guest)
{
    return count_actions(decision, guest, -1) > 0;
}

/* The code that the guest is declined with, NULL if it is not. */
static const char *
declined(const VbDecision *decision, const VbGuest *guest)
{
    const VbDecline *decline = vb_plan_declined(decision->plan, guest->uuid);
    g_assert_true(decline == NULL || *decline->reason != '\0');
    return decline != NULL ? decline->code : NULL;
}

static void
place_by_operator(VbGuest *guest)
{
    guest->owner = VB_OWNER_HANDS_OFF;
    guest->owner_code = g_strdup("vcpupin");
    guest->reason = g_strdup("the operator pinned it");
}

/* --- whom ---------------------------------------------------------------------------------- */

static void
test_without_names_every_guest_is_decided_on(Fixture *f, gconstpointer unused)
{
    g_autoptr(VbDecision) decision = decide(f, &(VbPlanRequest){0});
    g_assert_true(acted_on(decision, f->one));
    g_assert_true(acted_on(decision, f->two));
    g_assert_cmpstr(decision->plan->policy, ==, "balance");
}

static void
test_with_names_only_those(Fixture *f, gconstpointer unused)
{
    const char *const by_name[] = {"two", NULL};
    const char *const by_uuid[] = {f->two->uuid, NULL};
    const char *const twice[] = {"two", f->two->uuid, "two", NULL};
    const char *const *const requests[] = {by_name, by_uuid, twice};
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autoptr(VbDecision) decision = decide(f, &(VbPlanRequest){.guests = requests[i]});
        g_assert_false(acted_on(decision, f->one));
        g_assert_null(declined(decision, f->one));
        g_assert_true(acted_on(decision, f->two));
    }
}

static void
test_an_empty_list_of_names_is_none(Fixture *f, gconstpointer unused)
{
    const char *const nobody[] = {NULL};
    g_autoptr(VbDecision) decision = decide(f, &(VbPlanRequest){.guests = nobody});
    g_assert_true(acted_on(decision, f->one));
}

/* An owner may call a guest what they like: nobody else is hidden or moved by it. */
static void
test_a_name_like_anothers_uuid_hides_nobody(Fixture *f, gconstpointer unused)
{
    const char *const names[] = {f->two->uuid, NULL};
    g_free(f->one->name);
    f->one->name = g_strdup(f->two->uuid);
    g_autoptr(VbDecision) decision = decide(f, &(VbPlanRequest){.guests = names});
    g_assert_false(acted_on(decision, f->one));
    g_assert_true(acted_on(decision, f->two));
    g_assert_true(vb_engine_find(f->host, f->two->uuid, NULL) == f->two);
}

static void
test_a_name_that_nobody_has_is_an_error(Fixture *f, gconstpointer unused)
{
    static const char *const unknown[] = {"three", "", "ONE", "one "};
    for (guint i = 0; i < G_N_ELEMENTS(unknown); i++) {
        const char *const names[] = {"one", unknown[i], NULL};
        g_autoptr(GError) error = NULL;
        g_autofree char *quoted = g_strdup_printf("\"%s\"", unknown[i]);
        g_assert_null(
            vb_engine_decide(f->host, f->config, &(VbPlanRequest){.guests = names}, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
        g_assert_nonnull(strstr(error->message, quoted));
    }
}

/* --- by which policy ----------------------------------------------------------------------- */

static void
test_the_nearest_word_on_the_policy_counts(Fixture *f, gconstpointer unused)
{
    static const struct {
        const char *asked, *own, *host;
        gboolean acts, pins;
    } cases[] = {
        {NULL, NULL, NULL, TRUE, TRUE},          {NULL, NULL, "none", FALSE, FALSE},
        {NULL, "home-node", "none", TRUE, TRUE}, {NULL, "moron", NULL, TRUE, FALSE},
        {"none", "moron", NULL, FALSE, FALSE},   {"moron", "none", "none", TRUE, FALSE},
        {"balance", "none", NULL, TRUE, TRUE},   {NULL, "balance", NULL, TRUE, TRUE},
        {NULL, NULL, "balance", TRUE, TRUE},
    };
    const char *const names[] = {"one", NULL};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("asked %s, own %s, host %s", cases[i].asked, cases[i].own, cases[i].host);
        g_free(f->one->policy);
        f->one->policy = g_strdup(cases[i].own);
        g_free(f->config->default_policy);
        f->config->default_policy = g_strdup(cases[i].host);
        g_autoptr(VbDecision) decision =
            decide(f, &(VbPlanRequest){.guests = names, .policy = cases[i].asked});
        g_assert_cmpint(acted_on(decision, f->one), ==, cases[i].acts);
        g_assert_cmpint(count_actions(decision, f->one, VB_ACTION_PIN) > 0, ==, cases[i].pins);
    }
}

static void
test_a_policy_that_does_not_exist_is_refused(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(vb_engine_decide(f->host, f->config, &(VbPlanRequest){.policy = "best"}, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "\"best\""));
    g_assert_nonnull(strstr(error->message, "policy list"));
}

static void
test_a_guest_that_asks_for_no_such_policy_is_declined_alone(Fixture *f, gconstpointer unused)
{
    f->one->policy = g_strdup("best");
    g_autoptr(VbDecision) decision = decide(f, &(VbPlanRequest){0});
    g_assert_cmpstr(declined(decision, f->one), ==, "unknown-policy");
    g_assert_false(acted_on(decision, f->one));
    g_assert_true(acted_on(decision, f->two));
}

static void
test_each_guest_may_have_a_policy_of_its_own(Fixture *f, gconstpointer unused)
{
    f->one->policy = g_strdup("moron");
    f->two->policy = g_strdup("home-node");
    g_autoptr(VbDecision) decision = decide(f, &(VbPlanRequest){0});
    g_assert_cmpstr(decision->plan->policy, ==, "mixed");
    g_assert_cmpuint(count_actions(decision, f->one, VB_ACTION_PIN), ==, 0);
    g_assert_cmpuint(count_actions(decision, f->one, VB_ACTION_MOVE), ==, 1);
    g_assert_cmpuint(count_actions(decision, f->two, VB_ACTION_PIN), >, 0);
}

/* Node 0 has room for one of them: the policy that comes second sees what the first has taken. */
static void
test_a_later_policy_sees_what_an_earlier_one_took(Fixture *f, gconstpointer unused)
{
    const VbNodeSet zero = VB_NODE_BIT(0);
    f->one->policy = g_strdup("moron");
    f->two->policy = g_strdup("home-node");
    f->one->boundary = f->two->boundary = zero;
    f->host->topology.node[0].memory_free_bytes = 300 * MIB;
    g_autoptr(VbDecision) decision = decide(f, &(VbPlanRequest){0});
    g_assert_true(acted_on(decision, f->one));
    g_assert_cmpuint(count_actions(decision, f->two, VB_ACTION_MOVE), ==, 0);
}

static void
test_the_hosts_parameters_reach_their_own_policy(Fixture *f, gconstpointer unused)
{
    gint64 whole = VB_BP;
    f->one->boundary = VB_NODE_BIT(0); /* so that its RAM has to come */
    g_autoptr(VbDecision) strict = decide(f, &(VbPlanRequest){0});
    g_assert_cmpuint(count_actions(strict, f->one, VB_ACTION_MOVE), ==, 1);
    g_hash_table_replace(f->config->settings, g_strdup("balance.tolerance"),
                         g_memdup2(&whole, sizeof whole));
    g_autoptr(VbDecision) tolerant = decide(f, &(VbPlanRequest){0});
    g_assert_cmpuint(count_actions(tolerant, f->one, VB_ACTION_MOVE), ==, 0);
    g_autoptr(VbDecision) moron = decide(f, &(VbPlanRequest){.policy = "moron"});
    g_assert_cmpuint(count_actions(moron, f->one, VB_ACTION_MOVE), ==, 1);
}

/* --- where to ------------------------------------------------------------------------------ */

static void
assert_only_to(const VbDecision *decision, VbNodeSet nodes)
{
    g_assert_cmpuint(decision->plan->actions->len, >, 0);
    for (guint i = 0; i < decision->plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(decision->plan->actions, i);
        g_assert_true(nodes & VB_NODE_BIT(action->to));
    }
}

static void
test_nodes_that_are_asked_for_are_kept_to(Fixture *f, gconstpointer unused)
{
    static const VbNodeSet asked[] = {VB_NODE_BIT(2), VB_NODE_BIT(2) | VB_NODE_BIT(3)};
    for (guint i = 0; i < G_N_ELEMENTS(asked); i++) {
        g_autoptr(VbDecision) decision = decide(f, &(VbPlanRequest){.to = asked[i]});
        g_assert_true(acted_on(decision, f->one));
        assert_only_to(decision, asked[i]);
    }
}

static void
test_nodes_that_cannot_be_a_home_are_refused(Fixture *f, gconstpointer unused)
{
    static const VbNodeSet asked[] = {VB_NODE_BIT(9), VB_NODE_BIT(3),
                                      VB_NODE_BIT(0) | VB_NODE_BIT(9)};
    f->host->topology.node[3].memory_total_bytes = 0;
    for (guint i = 0; i < G_N_ELEMENTS(asked); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(
            vb_engine_decide(f->host, f->config, &(VbPlanRequest){.to = asked[i]}, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, "0-2"));
    }
}

static void
test_a_boundary_is_not_left_for_what_is_asked(Fixture *f, gconstpointer unused)
{
    f->one->boundary = VB_NODE_BIT(0) | VB_NODE_BIT(1);
    g_autoptr(VbDecision) decision = decide(f, &(VbPlanRequest){.to = VB_NODE_BIT(2)});
    g_assert_false(acted_on(decision, f->one));
    g_assert_cmpstr(declined(decision, f->one), ==, "boundary");
    g_assert_true(acted_on(decision, f->two));
}

static void
test_reserved_nodes_are_never_a_home(Fixture *f, gconstpointer unused)
{
    f->config->reserved_nodes = VB_NODE_BIT(0) | VB_NODE_BIT(1);
    g_autoptr(VbDecision) decision = decide(f, &(VbPlanRequest){0});
    assert_only_to(decision, VB_NODE_BIT(2) | VB_NODE_BIT(3));
    g_autoptr(VbDecision) asked = decide(f, &(VbPlanRequest){.to = VB_NODE_BIT(0)});
    g_assert_cmpuint(asked->plan->actions->len, ==, 0);
    g_assert_nonnull(declined(asked, f->one));
}

/* --- whose --------------------------------------------------------------------------------- */

static void
test_what_others_place_is_left_unless_named_and_forced(Fixture *f, gconstpointer unused)
{
    static const char *const names[] = {"one", NULL};
    static const struct {
        const char *const *guests;
        gboolean force;
        gboolean acts;
    } cases[] = {
        {NULL, FALSE, FALSE}, {NULL, TRUE, FALSE}, {names, FALSE, FALSE}, {names, TRUE, TRUE}};
    place_by_operator(f->one);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VbDecision) decision =
            decide(f, &(VbPlanRequest){.guests = cases[i].guests, .force = cases[i].force});
        g_assert_cmpint(acted_on(decision, f->one), ==, cases[i].acts);
        g_assert_cmpstr(declined(decision, f->one), ==, cases[i].acts ? NULL : "vcpupin");
        g_assert_cmpint(acted_on(decision, f->two), ==, cases[i].guests == NULL);
    }
}

static void
test_a_guest_that_was_half_read_needs_force(Fixture *f, gconstpointer unused)
{
    f->one->owner = VB_OWNER_OBSERVE_ONLY;
    f->one->owner_code = g_strdup("unread");
    g_autoptr(VbDecision) decision = decide(f, &(VbPlanRequest){0});
    g_assert_cmpstr(declined(decision, f->one), ==, "unread");
}

static void
test_beside_a_rival_nothing_moves_without_force(Fixture *f, gconstpointer unused)
{
    f->host->rival = g_strdup("numad");
    g_autoptr(VbDecision) decision = decide(f, &(VbPlanRequest){0});
    g_assert_cmpuint(decision->plan->actions->len, ==, 0);
    g_assert_cmpstr(declined(decision, f->one), ==, "rival");
    g_autoptr(VbDecision) forced = decide(f, &(VbPlanRequest){.force = TRUE});
    g_assert_true(acted_on(forced, f->one));
}

static void
test_a_guest_that_does_not_run_is_declined(Fixture *f, gconstpointer unused)
{
    static const VbGuestState states[] = {VB_GUEST_PAUSED, VB_GUEST_BUSY, VB_GUEST_UNKNOWN};
    for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
        f->one->state = states[i];
        g_autoptr(VbDecision) decision = decide(f, &(VbPlanRequest){0});
        g_assert_cmpstr(declined(decision, f->one), ==, "state");
        g_assert_true(acted_on(decision, f->two));
    }
}

/* --- the decision as a value --------------------------------------------------------------- */

static void
test_deciding_changes_nothing_of_what_it_is_given(Fixture *f, gconstpointer unused)
{
    const VbGuest before = *f->one;
    f->config->reserved_nodes = VB_NODE_BIT(3);
    vb_decision_free(decide(f, &(VbPlanRequest){.to = VB_NODE_BIT(2)}));
    g_assert_false(f->one->selected);
    g_assert_cmphex(f->one->boundary, ==, before.boundary);
    g_assert_cmpuint(world_cell_of(f->one, 0)->by_node[1], ==, 256 * MIB);
    g_assert_cmpuint(f->host->topology.node[2].memory_free_bytes, ==, 8 * GIB);
}

static void
test_deciding_again_on_what_is_predicted_is_empty(Fixture *f, gconstpointer unused)
{
    f->one->policy = g_strdup("moron");
    g_autoptr(VbDecision) decision = decide(f, &(VbPlanRequest){0});
    g_assert_cmpuint(decision->plan->actions->len, >, 0);
    g_autoptr(VbDecision) again =
        vb_engine_decide(decision->predicted, f->config, &(VbPlanRequest){0}, NULL);
    g_assert_cmpuint(again->plan->actions->len, ==, 0);
}

static void
test_a_host_without_guests_has_nothing_to_do(Fixture *f, gconstpointer unused)
{
    g_ptr_array_set_size(f->host->guests, 0);
    g_autoptr(VbDecision) decision = decide(f, &(VbPlanRequest){0});
    g_assert_cmpuint(decision->plan->actions->len, ==, 0);
    g_assert_cmpuint(decision->plan->declined->len, ==, 0);
    g_assert_nonnull(decision->plan->policy);
}

/* One that moved a while ago, under a policy without a cooldown of its own and under one with. */
static void
test_a_guest_rests_after_a_move(Fixture *f, gconstpointer unused)
{
    const gint64 second = G_GINT64_CONSTANT(1000000000);
    VbPlanRequest moron = {.policy = "moron"};
    f->host->time_ns = 1000 * second;
    f->one->last_move_ns = f->host->time_ns - 59 * second;
    f->two->last_move_ns = f->host->time_ns - 60 * second;
    g_autoptr(VbDecision) decision = decide(f, &moron);
    g_assert_cmpstr(declined(decision, f->one), ==, "cooldown");
    g_assert_true(acted_on(decision, f->two));
    VbPlanRequest home_node = {.policy = "home-node"};
    gint64 *shorter = g_memdup2(&second, sizeof second);
    g_hash_table_replace(f->config->settings, g_strdup("home-node.cooldown"), shorter);
    g_autoptr(VbDecision) own = decide(f, &home_node);
    g_assert_true(acted_on(own, f->one));
}

static void
assert_causes(const VbDecision *decision, VbCause cause)
{
    g_assert_cmpuint(decision->plan->actions->len, >, 0);
    for (guint i = 0; i < decision->plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(decision->plan->actions, i);
        g_assert_cmpint(action->cause, ==, cause);
    }
}

static void
test_who_asks_is_the_cause(Fixture *f, gconstpointer unused)
{
    g_autoptr(VbDecision) own = decide(f, &(VbPlanRequest){0});
    assert_causes(own, VB_CAUSE_LOCALITY);
    g_autoptr(VbDecision) asked = decide(f, &(VbPlanRequest){.cause = VB_CAUSE_MANUAL});
    assert_causes(asked, VB_CAUSE_MANUAL);
    g_autoptr(VbDecision) first =
        vb_newcomer_decide(f->host, f->config, f->one->uuid, NULL);
    assert_causes(first, VB_CAUSE_INITIAL);
}

#define ADD(path, test) g_test_add("/decide/" path, Fixture, NULL, set_up, test, tear_down)

static VbAction *
first_move(const VbDecision *decision, const VbGuest *guest)
{
    for (guint i = 0; i < decision->plan->actions->len; i++) {
        VbAction *action = g_ptr_array_index(decision->plan->actions, i);
        if (g_str_equal(action->uuid, guest->uuid) && action->kind == VB_ACTION_MOVE)
            return action;
    }
    g_assert_not_reached();
}

static void
test_what_qemu_has_not_mapped_is_told_to_stay(Fixture *f, gconstpointer unused)
{
    static const struct {
        gboolean known;
        guint64 bytes, error;
        gboolean told;
    } cases[] = {
        {TRUE, 64 * MIB, 0, TRUE},
        {TRUE, 64 * MIB, 3 * MIB, TRUE},
        {FALSE, 64 * MIB, 0, FALSE},
        {TRUE, 0, 0, FALSE},
        {TRUE, 64 * MIB, 64 * MIB, FALSE}, /* perhaps none */
        {TRUE, 4 * MIB, 0, FALSE},         /* under 1 % */
    };
    VbPlanRequest request = {.policy = "home-node", .to = VB_NODE_BIT(0), .cause = VB_CAUSE_MANUAL};
    VbCell *cell = world_cell_of(f->one, 0);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("case %u", i);
        cell->size_bytes = 512 * MIB;
        cell->unmapped_known = cases[i].known;
        cell->unmapped_bytes = cases[i].bytes;
        cell->unmapped_error_bytes = cases[i].error;
        g_autoptr(VbDecision) decision = decide(f, &request);
        const char *told = strstr(first_move(decision, f->one)->reason,
                                  "64 MiB more are in shared memory that QEMU has not mapped");
        g_assert_true((told != NULL) == cases[i].told);
        g_assert_null(strstr(first_move(decision, f->two)->reason, "QEMU has not mapped"));
    }
}

/* A policy that wants two decisions to agree takes somebody's asking for the other. */
static void
test_asking_confirms(Fixture *f, gconstpointer unused)
{
    g_autoptr(VbDecision) alone = decide(f, &(VbPlanRequest){.policy = "autonuma"});
    const VbDecline *decline = vb_plan_declined(alone->plan, f->one->uuid);
    g_assert_cmpuint(alone->plan->actions->len, ==, 0);
    g_assert_cmpstr(decline->code, ==, "unconfirmed");
    g_assert_cmpint(vb_plan_intent(alone->plan, f->one->uuid, 0), ==, 1);
    g_autoptr(VbDecision) asked =
        decide(f, &(VbPlanRequest){.policy = "autonuma", .cause = VB_CAUSE_MANUAL});
    g_assert_cmpuint(count_actions(asked, f->one, VB_ACTION_PIN), ==, 1);
}

/* RAM of a guest that sleeps does not pay for its move, until somebody asks for that guest. */
static void
test_asking_brings_ram_that_does_not_pay(Fixture *f, gconstpointer unused)
{
    static const char *const one[] = {"one", NULL};
    const struct {
        VbPlanRequest request;
        guint moves;
    } cases[] = {
        {{.cause = VB_CAUSE_MANUAL}, 0},
        {{.guests = one}, 0},
        {{.guests = one, .cause = VB_CAUSE_INITIAL}, 0},
        {{.to = VB_NODE_BIT(0)}, 0},
        {{.guests = one, .cause = VB_CAUSE_MANUAL}, 1},
        {{.to = VB_NODE_BIT(0), .cause = VB_CAUSE_MANUAL}, 1},
    };
    for (guint i = 0; i < f->one->vcpus->len; i++)
        world_vcpu_of(f->one, i)->busy_bp = 0;
    world_settle(&f->host->topology, f->one, 0);
    world_fill(f->host, f->one, 0, 1, GIB);
    f->one->boundary = VB_NODE_BIT(0); /* else its vCPUs would go to its RAM */
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("case %u", i);
        g_autoptr(VbDecision) decision = decide(f, &cases[i].request);
        g_assert_cmpuint(count_actions(decision, f->one, VB_ACTION_MOVE), ==, cases[i].moves);
        g_assert_cmpstr(declined(decision, f->one), ==, cases[i].moves > 0 ? NULL : "not-worth");
        g_assert_false(f->one->asked);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("unmapped-stays", test_what_qemu_has_not_mapped_is_told_to_stay);
    ADD("whom/all", test_without_names_every_guest_is_decided_on);
    ADD("whom/named", test_with_names_only_those);
    ADD("whom/empty-list", test_an_empty_list_of_names_is_none);
    ADD("whom/name-like-a-uuid", test_a_name_like_anothers_uuid_hides_nobody);
    ADD("whom/nobody", test_a_name_that_nobody_has_is_an_error);
    ADD("policy/nearest-word", test_the_nearest_word_on_the_policy_counts);
    ADD("policy/unknown", test_a_policy_that_does_not_exist_is_refused);
    ADD("policy/unknown-of-a-guest", test_a_guest_that_asks_for_no_such_policy_is_declined_alone);
    ADD("policy/mixed", test_each_guest_may_have_a_policy_of_its_own);
    ADD("policy/later-sees-earlier", test_a_later_policy_sees_what_an_earlier_one_took);
    ADD("policy/cooldown", test_a_guest_rests_after_a_move);
    ADD("policy/parameters", test_the_hosts_parameters_reach_their_own_policy);
    ADD("to/kept-to", test_nodes_that_are_asked_for_are_kept_to);
    ADD("to/no-home", test_nodes_that_cannot_be_a_home_are_refused);
    ADD("to/boundary", test_a_boundary_is_not_left_for_what_is_asked);
    ADD("to/reserved", test_reserved_nodes_are_never_a_home);
    ADD("whose/others", test_what_others_place_is_left_unless_named_and_forced);
    ADD("whose/half-read", test_a_guest_that_was_half_read_needs_force);
    ADD("whose/rival", test_beside_a_rival_nothing_moves_without_force);
    ADD("whose/not-running", test_a_guest_that_does_not_run_is_declined);
    ADD("value/pure", test_deciding_changes_nothing_of_what_it_is_given);
    ADD("value/again-is-empty", test_deciding_again_on_what_is_predicted_is_empty);
    ADD("value/cause", test_who_asks_is_the_cause);
    ADD("value/no-guests", test_a_host_without_guests_has_nothing_to_do);
    ADD("asking-confirms", test_asking_confirms);
    ADD("asking-brings-ram", test_asking_brings_ram_that_does_not_pay);
    return g_test_run();
}
