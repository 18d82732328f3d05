/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans and what became of them, read back from the documents that the daemon answers with. */
#include "core/codec.h"
#include "world.h"
#include <string.h>
#include <vmbalancer/error.h>

/* --- round trips ---------------------------------------------------------------------------- */

static void
assert_same_actions(const VbPlan *a, const VbPlan *b)
{
    g_assert_cmpuint(a->actions->len, ==, b->actions->len);
    for (guint i = 0; i < a->actions->len; i++) {
        const VbAction *one = g_ptr_array_index(a->actions, i);
        const VbAction *two = g_ptr_array_index(b->actions, i);
        g_assert_cmpstr(one->uuid, ==, two->uuid);
        g_assert_cmpstr(one->guest, ==, two->guest);
        g_assert_cmpstr(one->thread, ==, two->thread);
        g_assert_cmpstr(one->reason, ==, two->reason);
        /* What is left holds no pointer, so a member that the codec forgets is seen. */
        VbAction flat_one = *one, flat_two = *two;
        flat_one.uuid = flat_one.guest = flat_one.thread = flat_one.reason = NULL;
        flat_two.uuid = flat_two.guest = flat_two.thread = flat_two.reason = NULL;
        g_assert_cmpmem(&flat_one, sizeof flat_one, &flat_two, sizeof flat_two);
    }
}

static void
assert_same_declined(const VbPlan *a, const VbPlan *b)
{
    g_assert_cmpuint(a->declined->len, ==, b->declined->len);
    for (guint i = 0; i < a->declined->len; i++) {
        const VbDecline *one = g_ptr_array_index(a->declined, i);
        const VbDecline *two = g_ptr_array_index(b->declined, i);
        g_assert_cmpstr(one->uuid, ==, two->uuid);
        g_assert_cmpstr(one->guest, ==, two->guest);
        g_assert_cmpstr(one->code, ==, two->code);
        g_assert_cmpstr(one->reason, ==, two->reason);
    }
}

static void
assert_same_outcomes(const GPtrArray *a, const GPtrArray *b)
{
    g_assert_cmpuint(a->len, ==, b->len);
    for (guint i = 0; i < a->len; i++) {
        const VbOutcome *one = g_ptr_array_index(a, i), *two = g_ptr_array_index(b, i);
        g_assert_cmpuint(one->action, ==, two->action);
        g_assert_cmpint(one->result, ==, two->result);
        g_assert_cmpuint(one->bytes_moved, ==, two->bytes_moved);
        g_assert_cmpuint(one->bytes_stuck, ==, two->bytes_stuck);
        g_assert_cmpint(one->duration_ns, ==, two->duration_ns);
        g_assert_cmpint(one->rested.memory_ns, ==, two->rested.memory_ns);
        g_assert_cmpint(one->rested.cpus_ns, ==, two->rested.cpus_ns);
        g_assert_cmpstr(one->error, ==, two->error);
        g_assert_cmpint(one->code, ==, two->code);
    }
}

static VbPlan *
plan_of(VbSnapshot *host)
{
    VbGuest *web = world_guest(host, "web1", "0,1");
    VbGuest *odd = world_guest(host, "\x1b[31m\"odd\"\n", "1");
    VbCpuSet cpus = {0};
    vb_cpuset_add(&cpus, 4);
    vb_cpuset_add(&cpus, 4095);
    VbPlan *plan = vb_plan_new("mixed");
    vb_plan_add_pin(plan, web, "vcpu0", &cpus, 1, 0, "home node 0")->gain_bp = 4021;
    vb_plan_add_pin(plan, web, "emulator", &cpus, VB_NO_NODE, 63, "")->gain_bp = -VB_BP;
    VbAction *move = vb_plan_add_move(plan, web, 63, 1, 0, G_MAXUINT64, "remote");
    move->all = TRUE;
    move->gain_bp = VB_BP;
    vb_plan_add_move(plan, web, 0, 0, 1, 1, "x")->gain_bp = 1;
    vb_plan_decline(plan, odd, "hands-off", "an \"operator\" pinned it\n");
    return plan;
}

static void
test_a_plan_comes_back_as_it_was(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    g_autoptr(VbPlan) plan = plan_of(host);
    g_autoptr(VbPlan) empty = vb_plan_new(NULL);
    const VbPlan *plans[] = {plan, empty};
    for (guint i = 0; i < G_N_ELEMENTS(plans); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonNode) document = vb_codec_plan(plans[i], host);
        g_autofree char *text = vb_codec_text(document, i == 0);
        g_autoptr(VbPlan) again = vb_codec_plan_parse(text, -1, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(again->policy, ==, plans[i]->policy);
        assert_same_actions(again, plans[i]);
        assert_same_declined(again, plans[i]);
    }
}

static void
test_outcomes_come_back_as_they_were(void)
{
    g_autoptr(VbSnapshot) host = world_host(2, 4, 8 * GIB);
    g_autoptr(VbPlan) plan = plan_of(host);
    g_autoptr(GPtrArray) outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)vb_outcome_free);
    g_autoptr(GPtrArray) again = NULL;
    g_autoptr(GError) error = NULL;
    for (int code = VB_ERROR_FAILED; code <= VB_ERROR_UNSUPPORTED; code++) {
        VbOutcome *outcome = vb_outcome_new((guint)code % 4, (VbResult)(code % 4), 1u << code,
                                            code * G_GINT64_CONSTANT(1234567891), "it is so");
        outcome->code = code;
        outcome->bytes_stuck = 3u << code;
        /* Also what is written with an exponent alone: 3e-09. */
        outcome->rested = (VbRested){code * G_GINT64_CONSTANT(700000001), code};
        g_ptr_array_add(outcomes, outcome);
    }
    g_ptr_array_add(outcomes, vb_outcome_new(3, VB_RESULT_DONE, G_MAXUINT64, 0, NULL));
    g_autoptr(JsonNode) document = vb_codec_rebalance(plan, host, outcomes);
    g_autofree char *text = vb_codec_text(document, FALSE);
    g_autoptr(VbPlan) read = vb_codec_rebalance_parse(text, -1, &again, &error);
    g_assert_no_error(error);
    assert_same_actions(read, plan);
    assert_same_declined(read, plan);
    assert_same_outcomes(again, outcomes);
}

/* --- hostile input -------------------------------------------------------------------------- */

/* A good document, of which each case bends one piece. */
static const char good[] =
    "{\"schema\":\"vmbalancer.rebalance/1\",\"policy\":\"home-node\",\"actions\":["
    "{\"guest\":\"web1\",\"uuid\":\"u1\",\"kind\":\"pin\",\"thread\":\"vcpu0\",\"cpus\":\"0-3\","
    "\"cell\":null,\"from\":null,\"to\":0,\"bytes\":0,\"all\":null,\"gain\":0,\"reason\":\"\"},"
    "{\"guest\":\"web1\",\"uuid\":\"u1\",\"kind\":\"move\",\"thread\":null,\"cpus\":null,"
    "\"cell\":0,\"from\":1,\"to\":0,\"bytes\":4096,\"all\":true,\"gain\":0.5,\"reason\":\"x\"}],"
    "\"declined\":[{\"guest\":\"db1\",\"uuid\":\"u2\",\"code\":\"room\",\"reason\":\"full\"}],"
    "\"predicted\":{\"locality\":null,\"guests\":[]},"
    "\"outcomes\":[{\"action\":1,\"result\":\"partial\",\"bytes_moved\":2048,\"seconds\":1.5,"
    "\"error\":\"node 0 is full\",\"code\":\"no-space\"}]}";

static const struct {
    const char *what;
    const char *piece; /* of the good document */
    const char *bent;
    const char *error; /* that the message must contain */
} cases[] = {
    {"schema", "rebalance/1", "plan/1", "schema: expected one of"},
    {"no-actions", "\"actions\":[", "\"a\":[", "actions: missing"},
    {"grammar", "\"actions\":[", "\"actions\" [", "vmbalancer.rebalance/1:"},
    {"guest-null", "\"guest\":\"web1\"", "\"guest\":null", "actions[0].guest: missing"},
    {"uuid-number", "\"uuid\":\"u1\"", "\"uuid\":1", "actions[0].uuid: expected a string"},
    {"kind", "\"move\"", "\"delete\"", "actions[1].kind: expected one of: pin, move"},
    {"pin-no-thread", "\"thread\":\"vcpu0\"", "\"thread\":null", "actions[0].thread: missing"},
    {"pin-no-cpus", "\"cpus\":\"0-3\"", "\"cpus\":null", "actions[0].cpus: a pin has"},
    {"pin-empty", "\"cpus\":\"0-3\"", "\"cpus\":\"\"", "actions[0].cpus: a pin has"},
    {"pin-far", "\"cpus\":\"0-3\"", "\"cpus\":\"0-4096\"", "actions[0].cpus: CPU list"},
    {"move-no-cell", "\"cell\":0", "\"cell\":null", "actions[1].cell: missing"},
    {"move-cell-far", "\"cell\":0", "\"cell\":64", "actions[1].cell: 64 is outside of 0..63"},
    {"move-all", "\"all\":true", "\"all\":null", "actions[1].all: missing"},
    {"from-far", "\"from\":1", "\"from\":64", "actions[1].from: 64 is outside of 0..63"},
    {"to-negative", "\"to\":0", "\"to\":-1", "actions[0].to: -1 is outside of 0..63"},
    {"bytes-negative", "4096", "-4096", "actions[1].bytes: -4096 is outside"},
    {"gain-high", "\"gain\":0.5", "\"gain\":1.1", "actions[1].gain: out of range"},
    {"gain-low", "\"gain\":0.5", "\"gain\":-1.1", "actions[1].gain: out of range"},
    {"gain-huge", "\"gain\":0.5", "\"gain\":1e999", "gain: out of range"},
    {"gain-text", "\"gain\":0.5", "\"gain\":\"0.5\"", "actions[1].gain: expected a number"},
    {"gain-missing", "\"gain\":0.5,", "", "actions[1].gain: missing"},
    {"reason-null", "\"reason\":\"x\"", "\"reason\":null", "actions[1].reason: missing"},
    {"declined-code", "\"code\":\"room\"", "\"code\":null", "declined[0].code: missing"},
    {"declined-text", "[{\"guest\":\"db1\"", "[\"db1\",{\"guest\":\"db1\"",
     "declined[0]: expected an object"},
    {"outcomes-missing", "\"outcomes\":", "\"ends\":", "outcomes: missing"},
    {"outcome-far", "\"action\":1", "\"action\":2", "outcomes[0].action: 2 is outside of 0..1"},
    {"outcome-negative", "\"action\":1", "\"action\":-1", "outcomes[0].action: -1 is outside"},
    {"result", "\"partial\"", "\"fine\"", "outcomes[0].result: expected one of: done, partial"},
    {"seconds-negative", "\"seconds\":1.5", "\"seconds\":-1", "outcomes[0].seconds: out of range"},
    {"seconds-huge", "\"seconds\":1.5", "\"seconds\":9223372037", "seconds: out of range"},
    {"code", "\"no-space\"", "\"no-such\"", "outcomes[0].code: expected one of: failed, invalid"},
    {"cut", "\"code\":\"no-space\"}]}", "\"code\":", "the document ends early"},
};

static char *
bend(const char *piece, const char *bent)
{
    const char *at = strstr(good, piece);
    g_assert_nonnull(at);
    return g_strdup_printf("%.*s%s%s", (int)(at - good), good, bent, at + strlen(piece));
}

static void
test_bent(gconstpointer data)
{
    guint at = GPOINTER_TO_UINT(data);
    g_autoptr(GError) error = NULL;
    GPtrArray *outcomes = NULL;
    g_autofree char *text = bend(cases[at].piece, cases[at].bent);
    g_assert_null(vb_codec_rebalance_parse(text, -1, &outcomes, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_assert_null(outcomes);
    if (strstr(error->message, cases[at].error) == NULL)
        g_error("\"%s\" does not say \"%s\"", error->message, cases[at].error);
}

static void
test_good(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) outcomes = NULL;
    g_autoptr(VbPlan) plan = vb_codec_rebalance_parse(good, -1, &outcomes, &error);
    g_assert_no_error(error);
    const VbOutcome *outcome = g_ptr_array_index(outcomes, 0);
    g_assert_cmpint(outcome->duration_ns, ==, 1500000000);
    g_assert_cmpint(outcome->code, ==, VB_ERROR_NO_SPACE);
    g_assert_cmpint(((VbAction *)g_ptr_array_index(plan->actions, 1))->gain_bp, ==, 5000);
}

static void
test_outcomes_from_before_there_were_codes_are_read(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) outcomes = NULL;
    g_autofree char *text = bend(",\"code\":\"no-space\"", "");
    g_autoptr(VbPlan) plan = vb_codec_rebalance_parse(text, -1, &outcomes, &error);
    g_assert_no_error(error);
    g_assert_cmpint(((VbOutcome *)g_ptr_array_index(outcomes, 0))->code, ==, VB_ERROR_FAILED);
}

static void
test_a_plan_is_no_rebalance(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(vb_codec_plan_parse(good, -1, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
}

static void
test_every_prefix_is_an_error(void)
{
    for (gsize length = 0; length < strlen(good); length++) {
        g_autoptr(GError) error = NULL;
        GPtrArray *outcomes = NULL;
        g_autofree char *text = g_memdup2(good, MAX(length, 1));
        g_assert_null(vb_codec_rebalance_parse(text, (gssize)length, &outcomes, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/codec-plan/plan", test_a_plan_comes_back_as_it_was);
    g_test_add_func("/codec-plan/outcomes", test_outcomes_come_back_as_they_were);
    g_test_add_func("/codec-plan/good", test_good);
    g_test_add_func("/codec-plan/no-codes", test_outcomes_from_before_there_were_codes_are_read);
    g_test_add_func("/codec-plan/another-schema", test_a_plan_is_no_rebalance);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/codec-plan/bent/", cases[i].what, NULL);
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_bent);
    }
    g_test_add_func("/codec-plan/every-prefix", test_every_prefix_is_an_error);
    return g_test_run();
}
