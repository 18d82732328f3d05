/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The laws of a single plan: whatever the host, whatever the policy. */
#include "core/codec.h"
#include "core/guard.h"
#include "core/predict.h"
#include "generate.h"
#include "report.h"
#include "shrink.h"
#include <string.h>

#define CASES 1000

/* A made-up host, a policy and its plan. */
typedef struct {
    guint32 seed;
    const VbPolicy *policy;
    const VbSnapshot *host;
    const VbPlan *plan;
} Case;

/* Returns: NULL if the law holds, else which part of it is broken. */
typedef const char *(*Law)(const Case *c);

/* With VB_PROPERTY_VERBOSE, shows the plan that a law was broken by. */
static void
show(const char *text)
{
    if (g_getenv("VB_PROPERTY_VERBOSE") != NULL)
        g_printerr("instead:\n%s", text);
}

/* --- what a plan rests on --- */

static const char *
law_order(const Case *c)
{
    g_autoptr(VbSnapshot) other = vb_snapshot_copy(c->host);
    generate_shuffle(other, c->seed);
    g_autoptr(VbPlan) unsorted = vb_policy_decide(c->policy, other);
    g_autofree char *expected = report_plan_sorted(c->plan), *got = report_plan_sorted(unsorted);
    if (strcmp(expected, got) != 0) {
        show(got);
        return "the order of the input does not matter";
    }
    vb_snapshot_sort(other);
    g_autoptr(VbPlan) sorted = vb_policy_decide(c->policy, other);
    g_autofree char *exactly = report_plan(c->plan), *again = report_plan(sorted);
    return strcmp(exactly, again) != 0 ? "a sorted snapshot gives the same plan to the letter" : NULL;
}

/* Names decide nothing: of two alike the lower UUID keeps its part, whatever they are called. */
static const char *
law_ties(const Case *c)
{
    g_autoptr(VbSnapshot) other = vb_snapshot_copy(c->host);
    for (guint i = 0; i < other->guests->len; i++) {
        VbGuest *guest = g_ptr_array_index(other->guests, i);
        g_free(guest->name);
        guest->name = g_strdup_printf("%u", other->guests->len - i);
        guest->pid += 1000;
    }
    g_autoptr(VbPlan) plan = vb_policy_decide(c->policy, other);
    g_autofree char *expected = report_plan(c->plan), *got = report_plan(plan);
    return strcmp(expected, got) != 0 ? "ties break by UUID" : NULL;
}

static const char *
law_purity(const Case *c)
{
    g_autoptr(JsonNode) before_node = vb_codec_snapshot(c->host);
    g_autofree char *before = vb_codec_text(before_node, FALSE);
    g_autoptr(VbPlan) plan = vb_policy_decide(c->policy, c->host);
    g_autoptr(JsonNode) after_node = vb_codec_snapshot(c->host);
    g_autofree char *after = vb_codec_text(after_node, FALSE);
    g_autofree char *expected = report_plan(c->plan), *got = report_plan(plan);
    if (strcmp(before, after) != 0)
        return "a policy does not touch its snapshot";
    return strcmp(expected, got) != 0 ? "the same snapshot gives the same plan" : NULL;
}

/* --- what a plan may not do --- */

static const VbCell *
cell_of(const VbGuest *guest, guint id)
{
    for (guint i = 0; i < guest->cells->len; i++)
        if (world_cell_of(guest, i)->id == id)
            return world_cell_of(guest, i);
    return NULL;
}

static const char *
check_right(const Case *c, const VbGuest *guest)
{
    if (guest == NULL || !guest->selected)
        return "only selected guests are moved";
    if (!guest->forced &&
        (guest->owner == VB_OWNER_HANDS_OFF || guest->owner == VB_OWNER_OBSERVE_ONLY))
        return "guests that others place are not moved";
    return guest->state != VB_GUEST_RUNNING ? "only running guests are moved" : NULL;
}

static const char *
check_pin(const VbSnapshot *host, const VbGuest *guest, const VbAction *action)
{
    VbCpuSet cpus = vb_cpuset_and(&host->topology.node[action->to].cpus, &guest->cpu_boundary);
    if (!vb_cpuset_equal(&cpus, &action->cpus) || vb_cpuset_count(&cpus) == 0)
        return "pins are to all CPUs of a node that the guest may use";
    return NULL;
}

/* Does the move on the books of @left and of the guest's cell there. */
static const char *
do_move(VbSnapshot *left, const VbAction *action)
{
    VbGuest *guest = vb_snapshot_find(left, action->uuid);
    VbCell *cell = (VbCell *)cell_of(guest, action->cell);
    VbNode *from = &left->topology.node[action->from], *to = &left->topology.node[action->to];
    if (cell == NULL || !cell->movable || !cell->residency_known || action->bytes == 0 ||
        action->bytes > cell->by_node[action->from] || action->from == action->to)
        return "what is moved is there and can move";
    cell->by_node[action->from] -= action->bytes;
    if (cell->page_size > 4096) {
        guint64 pages = (action->bytes + cell->page_size - 1) / cell->page_size;
        VbHugePool *source = (VbHugePool *)vb_node_pool(from, cell->page_size);
        VbHugePool *target = (VbHugePool *)vb_node_pool(to, cell->page_size);
        if (target == NULL || target->free < pages)
            return "no pool is overcommitted";
        target->free -= pages;
        if (source != NULL)
            source->free += pages;
        return NULL;
    }
    if (to->memory_free_bytes < action->bytes + left->reserve_bytes[action->to])
        return "no node is overcommitted beyond its reserve";
    to->memory_free_bytes -= action->bytes;
    from->memory_free_bytes += action->bytes;
    return NULL;
}

/* All of a plan that went through the guard, one action after the other. */
static const char *
check_guarded(const Case *c, const VbPlan *guarded, const VbGuardLimits *limits)
{
    g_autoptr(VbSnapshot) left = vb_snapshot_copy(c->host);
    const char *broken = NULL;
    if (c->host->rival != NULL && !limits->force && guarded->actions->len > 0)
        return "nothing is moved beside another balancer";
    if (limits->budget_bytes > 0 && vb_plan_bytes(guarded) > limits->budget_bytes)
        return "bytes stay within budget";
    for (guint i = 0; broken == NULL && i < guarded->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(guarded->actions, i);
        const VbGuest *guest = vb_snapshot_find(c->host, action->uuid);
        broken = check_right(c, guest);
        if (broken == NULL && (guest->boundary & c->host->topology.nodes &
                               VB_NODE_BIT(action->to)) == 0)
            broken = "no boundary is broken";
        if (broken == NULL)
            broken = action->kind == VB_ACTION_PIN ? check_pin(c->host, guest, action)
                                                   : do_move(left, action);
    }
    return broken;
}

/* The guard leaves some of the actions, in their order, and of each guest all or none. */
static const char *
check_subset(const VbPlan *plan, const VbPlan *guarded)
{
    guint next = 0;
    for (guint i = 0; i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        const VbAction *left =
            next < guarded->actions->len ? g_ptr_array_index(guarded->actions, next) : NULL;
        gboolean kept = left != NULL && g_str_equal(action->uuid, left->uuid) &&
                        action->kind == left->kind && action->to == left->to &&
                        action->bytes == left->bytes && g_strcmp0(action->thread, left->thread) == 0;
        next += kept;
        if (!kept && vb_plan_declined(guarded, action->uuid) == NULL)
            return "what the guard takes out is declined";
        for (guint j = 0; !kept && j < guarded->actions->len; j++)
            if (g_str_equal(((VbAction *)g_ptr_array_index(guarded->actions, j))->uuid, action->uuid))
                return "a guest is placed whole or not at all";
    }
    return next != guarded->actions->len ? "the guard adds nothing" : NULL;
}

static const char *
law_guarded(const Case *c)
{
    static const guint64 budgets[] = {0, 1, 100 * MIB, GIB, 10 * GIB};
    VbGuardLimits limits = {.budget_bytes = budgets[c->seed % G_N_ELEMENTS(budgets)],
                            .cooldown_ns = c->seed % 3 == 0 ? 60 * SECOND : 0,
                            .force = c->seed % 7 == 0};
    g_autoptr(VbPlan) guarded = vb_plan_copy(c->plan);
    vb_guard_apply(guarded, c->host, &limits);
    const char *broken = check_guarded(c, guarded, &limits);
    return broken != NULL ? broken : check_subset(c->plan, guarded);
}

/* A policy that minds room plans what the guard will find sound. moron minds nothing. */
static const char *
law_agrees_with_guard(const Case *c)
{
    VbGuardLimits limits = {.force = TRUE};
    g_autoptr(VbPlan) guarded = vb_plan_copy(c->plan);
    vb_guard_apply(guarded, c->host, &limits);
    return c->policy != &vb_policy_moron && guarded->actions->len != c->plan->actions->len
               ? "what is planned has room"
               : NULL;
}

/* --- where a plan leads --- */

static gboolean
decides_nothing(const VbPolicy *policy, const VbSnapshot *host)
{
    g_autoptr(VbPlan) plan = vb_policy_decide(policy, host);
    if (plan->actions->len > 0) {
        g_autofree char *shown = report_plan(plan);
        show(shown);
    }
    return plan->actions->len == 0;
}

static const char *
law_fixed_point(const Case *c)
{
    g_autoptr(VbSnapshot) then = vb_predict(c->host, c->plan);
    return decides_nothing(c->policy, then) ? NULL : "deciding again on the prediction is empty";
}

/* Not for want of rest: an hour later, with every look confirmed, the plan still is the last word. */
static const char *
law_last_word(const Case *c)
{
    g_autoptr(VbSnapshot) then = vb_predict(c->host, c->plan);
    then->time_ns += 3600 * SECOND;
    for (guint i = 0; i < then->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(then->guests, i);
        for (guint cell = 0; cell < guest->cells->len; cell++)
            world_cell_of(guest, cell)->remote_seen = 100;
    }
    return decides_nothing(c->policy, then) ? NULL : "a plan is the last word, rest or no rest";
}

/* A plan that says that it gains does gain, where nothing else changes. */
static const char *
law_gain(const Case *c)
{
    g_autoptr(VbSnapshot) then = vb_predict(c->host, c->plan);
    for (guint i = 0; i < c->plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(c->plan->actions, i);
        guint before, after;
        if (action->gain_bp == 0 ||
            !vb_guest_locality(vb_snapshot_find(c->host, action->uuid), &before, NULL) ||
            !vb_guest_locality(vb_snapshot_find(then, action->uuid), &after, NULL))
            continue;
        if (ABS((int)after - (int)before - action->gain_bp) > 2)
            return "the gain is what locality wins";
    }
    return NULL;
}

static const struct {
    const char *name;
    Law law;
    GenerateMood mood;
} laws[] = {
    {"order-does-not-matter", law_order},
    {"ties-break-by-uuid", law_ties},
    {"a-pure-function", law_purity},
    {"guarded-plans-are-sound", law_guarded},
    {"planned-with-room", law_agrees_with_guard},
    {"deciding-again-is-empty", law_fixed_point},
    {"the-last-word", law_last_word, GENERATE_CALM},
    {"the-gain-is-true", law_gain, GENERATE_CALM},
};

/* The host as if decisions before had agreed with what @policy now leans to. */
static VbSnapshot *
agree(const VbPolicy *policy, const VbSnapshot *host)
{
    VbSnapshot *agreed = vb_snapshot_copy(host);
    g_autoptr(VbPlan) plan = vb_policy_decide(policy, host);
    for (guint i = 0; i < agreed->guests->len; i++) {
        VbGuest *guest = g_ptr_array_index(agreed->guests, i);
        for (guint v = 0; v < guest->vcpus->len; v++) {
            VbVcpu *vcpu = world_vcpu_of(guest, v);
            vcpu->intent = vb_plan_intent(plan, guest->uuid, vcpu->id);
            vcpu->intent_seen = vcpu->intent != VB_NO_NODE ? 9 : 0;
        }
    }
    return agreed;
}

/* What is tried anew on ever smaller hosts. */
typedef struct {
    Law law;
    const VbPolicy *policy;
    guint32 seed;
} Trial;

/* Returns: which part of the law is broken on @host, NULL if none is. */
static const char *
try_law(const Trial *trial, const VbSnapshot *host, guint *acted)
{
    g_autoptr(VbSnapshot) agreed = agree(trial->policy, host);
    g_autoptr(VbPlan) plan = vb_policy_decide(trial->policy, agreed);
    Case c = {trial->seed, trial->policy, agreed, plan};
    *acted += plan->actions->len > 0;
    return trial->law(&c);
}

static gboolean
is_broken(const VbSnapshot *host, gpointer data)
{
    guint acted = 0;
    return try_law(data, host, &acted) != NULL;
}

static void
report_least(const char *name, Trial *trial, const VbSnapshot *made, const char *part)
{
    g_autoptr(VbSnapshot) least = shrink(made, is_broken, trial);
    g_autoptr(VbSnapshot) agreed = agree(trial->policy, least);
    g_autoptr(VbPlan) plan = vb_policy_decide(trial->policy, agreed);
    report_keep(name, trial->policy, trial->seed, least);
    report_broken(part, trial->policy, trial->seed, agreed, plan);
}

static void
test_law(gconstpointer data)
{
    guint index = GPOINTER_TO_UINT(data), broken = 0;
    guint32 first = report_first_seed();
    guint acted = 0, cases = report_cases(CASES);
    for (guint32 seed = first; broken < 3 && seed - first < cases; seed++) {
        g_autoptr(VbSnapshot) made = generate_snapshot(seed, laws[index].mood);
        for (const VbPolicy *const *policy = vb_policy_all(); *policy != NULL; policy++) {
            Trial trial = {laws[index].law, *policy, seed};
            const char *part = report_wants(*policy) ? try_law(&trial, made, &acted) : NULL;
            if (part == NULL)
                continue;
            report_least(laws[index].name, &trial, made, part);
            broken++;
        }
    }
    g_test_message("%u cases, %u plans with actions", cases, acted);
    if (broken == 0 && cases >= 100)
        g_assert_cmpuint(acted, >, cases / 2);
}

/* "LAW-POLICY-SEED.json" */
static Law
parse_kept(const char *name, Trial *ret)
{
    const char *seed = strrchr(name, '-');
    for (guint i = 0; seed != NULL && i < G_N_ELEMENTS(laws); i++) {
        g_autofree char *prefix = g_strconcat(laws[i].name, "-", NULL);
        if (!g_str_has_prefix(name, prefix) || seed < name + strlen(prefix))
            continue;
        const char *begin = name + strlen(prefix);
        g_autofree char *policy = g_strndup(begin, (gsize)(seed - begin));
        *ret = (Trial){laws[i].law, vb_policy_find(policy),
                       (guint32)g_ascii_strtoull(seed + 1, NULL, 10)};
        return ret->policy != NULL ? ret->law : NULL;
    }
    return NULL;
}

static void
test_kept_host(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL), *text = NULL;
    g_autoptr(GError) error = NULL;
    Trial trial;
    guint acted = 0;
    gsize length = 0;
    g_test_message("%s", name);
    g_assert_nonnull(parse_kept(name, &trial));
    g_file_get_contents(path, &text, &length, &error);
    g_assert_no_error(error);
    g_autoptr(VbSnapshot) host = vb_codec_snapshot_parse(text, (gssize)length, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(try_law(&trial, host, &acted), ==, NULL);
    g_assert_cmpuint(acted, >, 0);
}

/* Hosts on which a law was broken once, shrunk. */
static void
test_kept_hosts(void)
{
    const char *folder = g_getenv("VB_PROPERTY_KEPT"), *name;
    guint kept = 0;
    if (folder == NULL) {
        g_test_skip("VB_PROPERTY_KEPT names no folder: run it through meson test");
        return;
    }
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir)) != NULL) {
        test_kept_host(folder, name);
        kept++;
    }
    g_assert_cmpuint(kept, >, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/laws/kept-hosts", test_kept_hosts);
    for (guint i = 0; i < G_N_ELEMENTS(laws); i++) {
        g_autofree char *path = g_strdup_printf("/laws/%s", laws[i].name);
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_law);
    }
    return g_test_run();
}
