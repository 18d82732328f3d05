/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/owner.h"

#include <string.h>

/* All that the rules look at, and what they find. */
typedef struct {
    const VbOwnerEvidence *evidence;
    const VbTopology *topology;
    VbCpuSet common; /* all CPUs of the host that nobody keeps for himself */
    VbOwnerVerdict *verdict;
} Case;

static void
judge(Case *c, VbOwner owner, const char *code, char *reason)
{
    c->verdict->owner = owner;
    c->verdict->code = g_strdup(code);
    c->verdict->reason = reason;
}

/* "vcpu3" as people say it. */
static char *
thread_words(const char *thread)
{
    if (g_str_has_prefix(thread, "vcpu"))
        return g_strdup_printf("vCPU %s", thread + strlen("vcpu"));
    if (g_str_has_prefix(thread, "iothread"))
        return g_strdup_printf("iothread %s", thread + strlen("iothread"));
    return g_strdup("the emulator");
}

/* --- who else places the guest ------------------------------------------------------------ */

static gboolean
has_memnode(const VbDomain *domain)
{
    for (guint i = 0; i < domain->cells->len; i++) {
        const VbDomainCell *cell = g_ptr_array_index(domain->cells, i);
        if (cell->memnode != NULL)
            return TRUE;
    }
    return FALSE;
}

static gboolean
rule_kubevirt(Case *c)
{
    const char *cgroup = c->evidence->cgroup;
    if (!c->evidence->live->kubevirt && (cgroup == NULL || strstr(cgroup, "kubepods") == NULL))
        return FALSE;
    judge(c, VB_OWNER_HANDS_OFF, "kubevirt",
          g_strdup("the guest runs in a Kubernetes pod: the kubelet's CPU manager places it; "
                   "configure placement there or use --force"));
    return TRUE;
}

static gboolean
rule_nova(Case *c)
{
    const VbDomain *live = c->evidence->live;
    if (!live->nova || (live->numatune_nodeset == NULL && !has_memnode(live)))
        return FALSE;
    judge(c, VB_OWNER_HANDS_OFF, "nova",
          g_strdup("OpenStack Nova gave the guest a <numatune>: Nova places it and rewrites its "
                   "pins on live migration; use a flavor without hw:numa_nodes and "
                   "hw:cpu_policy, or --force"));
    return TRUE;
}

static const struct {
    const char *thread;
    const char *element;
} configured_pins[] = {
    {"vcpu", "vcpupin"},
    {"emulator", "emulatorpin"},
    {"iothread", "iothreadpin"},
};

static gboolean
rule_configured_pin(Case *c)
{
    const VbDomain *inactive = c->evidence->inactive;
    if (inactive == NULL || inactive->pins->len == 0)
        return FALSE;
    const VbDomainPin *pin = g_ptr_array_index(inactive->pins, 0);
    const char *element = configured_pins[0].element;
    for (guint i = 0; i < G_N_ELEMENTS(configured_pins); i++)
        if (g_str_has_prefix(pin->thread, configured_pins[i].thread))
            element = configured_pins[i].element;
    g_autofree char *words = thread_words(pin->thread);
    judge(c, VB_OWNER_HANDS_OFF, element,
          g_strdup_printf("%s is pinned to CPUs %s in the guest's configuration: the operator "
                          "places it; remove <%s> or use --force",
                          words, pin->cpuset, element));
    return TRUE;
}

static gboolean
rule_memnode(Case *c)
{
    const VbDomain *inactive = c->evidence->inactive;
    if (!has_memnode(c->evidence->live) && (inactive == NULL || !has_memnode(inactive)))
        return FALSE;
    judge(c, VB_OWNER_HANDS_OFF, "memnode",
          g_strdup("the guest's configuration binds its cells to nodes: the operator places it; "
                   "remove <memnode> or use --force"));
    return TRUE;
}

/* A pin to all CPUs holds nobody: it is what is left when a pin was undone. */
static gboolean
pin_restricts(const Case *c, const VbDomainPin *pin, VbCpuSet *ret)
{
    if (!vb_cpuset_parse(pin->cpuset, ret, NULL))
        memset(ret, 0, sizeof *ret);
    return !vb_cpuset_within(&c->common, ret);
}

static gboolean
is_recorded(const Case *c, const VbDomainPin *pin, const VbCpuSet *cpus)
{
    GHashTable *ours = (GHashTable *)c->evidence->our_pins;
    const char *text = ours == NULL ? NULL : g_hash_table_lookup(ours, pin->thread);
    /* Plain QEMU: a thread that was plugged since has the affinity of the one that made it. */
    if (text == NULL && ours != NULL && c->evidence->live->threads->len > 0)
        text = g_hash_table_lookup(ours, "emulator");
    g_auto(GStrv) lists = g_strsplit(text != NULL ? text : "", ";", -1);
    for (guint i = 0; lists[i] != NULL; i++) {
        VbCpuSet recorded;
        if (vb_cpuset_parse(lists[i], &recorded, NULL) && vb_cpuset_count(&recorded) > 0 &&
            vb_cpuset_equal(&recorded, cpus))
            return TRUE;
    }
    return FALSE;
}

/* Noted by a vmbalancer in the guest itself: that note is made, moved and lost with the live pins. */
static gboolean
is_marked(const Case *c, const VbDomainPin *pin)
{
    return vb_mark_covers(vb_mark_find(c->evidence->live->marks, pin->thread), pin->cpuset);
}

static gboolean
pin_is_ours(const Case *c, const VbDomainPin *pin, const VbCpuSet *cpus)
{
    return is_recorded(c, pin, cpus) || is_marked(c, pin);
}

/* Comes after the rule for pins of the configuration, so that no live pin here is from there. */
static gboolean
rule_foreign_pin(Case *c)
{
    const GPtrArray *pins = c->evidence->live->pins;
    for (guint i = 0; i < pins->len; i++) {
        const VbDomainPin *pin = g_ptr_array_index(pins, i);
        VbCpuSet cpus;
        if (!pin_restricts(c, pin, &cpus) || pin_is_ours(c, pin, &cpus))
            continue;
        g_autofree char *words = thread_words(pin->thread);
        judge(c, VB_OWNER_HANDS_OFF, "foreign-pin",
              g_strdup_printf("%s is pinned to CPUs %s, not by vmbalancer: somebody else places "
                              "the guest; pin it to all CPUs (virsh vcpupin, emulatorpin, "
                              "iothreadpin) or use --force",
                              words, pin->cpuset));
        return TRUE;
    }
    return FALSE;
}

/* numad's choice is in the live XML's nodeset or nowhere; without it there is no boundary to keep.
 */
static gboolean
rule_auto_unknown(Case *c)
{
    const VbDomain *live = c->evidence->live;
    if (!live->placement_auto || live->numatune_nodeset != NULL || live->vcpu_cpuset != NULL)
        return FALSE;
    judge(c, VB_OWNER_HANDS_OFF, "auto",
          g_strdup("placement='auto' bounds the guest to what numad chose at its start, and "
                   "libvirt does not tell what that was; use placement='static' or --force"));
    return TRUE;
}

static gboolean
rule_ovirt(Case *c)
{
    if (!c->evidence->live->ovirt)
        return FALSE;
    judge(c, VB_OWNER_OBSERVE_ONLY, "ovirt",
          g_strdup("oVirt manages the guest: vdsm pins it anew whenever it sees fit; pin it "
                   "there or use --force"));
    return TRUE;
}

static gboolean
rule_ours(Case *c)
{
    const GPtrArray *pins = c->evidence->live->pins;
    for (guint i = 0; i < pins->len; i++) {
        const VbDomainPin *pin = g_ptr_array_index(pins, i);
        VbCpuSet cpus;
        if (!pin_restricts(c, pin, &cpus) || !pin_is_ours(c, pin, &cpus))
            continue;
        judge(c, VB_OWNER_OURS, "ours",
              g_strdup(is_recorded(c, pin, &cpus)
                           ? "vmbalancer pinned the guest; vmbalancer release gives it back"
                           : "vmbalancer pinned the guest before it came to this host or was "
                             "restored; vmbalancer release gives it back"));
        return TRUE;
    }
    return FALSE;
}

/* --- where it may go ---------------------------------------------------------------------- */

/* Words of the guest that bound it. */
typedef struct {
    const char *code;
    const char *words;
    const char *text; /* as written, NULL = no such boundary */
    gboolean of_cpus; /* a CPU list; else a node list */
} Bound;

#define BOUNDS_MAX 3

static Bound
home_bound(const VbOwnerEvidence *evidence)
{
    const VbSettled *settled = evidence->settled;
    gboolean host = settled != NULL && settled->source[VB_WISH_HOME] == VB_SOURCE_HOST;
    return (Bound){"home", host ? "home= in the host's files" : "<home nodes> in its metadata",
                   settled != NULL ? settled->wish->home : evidence->live->home_nodes, FALSE};
}

static guint
list_bounds(const VbOwnerEvidence *evidence, Bound *ret)
{
    const VbDomain *live = evidence->live;
    guint n = 0;
    const char *numa_code = live->placement_auto ? "auto" : "numatune";
    const char *cpu_code = live->placement_auto ? "auto" : "cpuset";
    ret[n++] = (Bound){numa_code,
                       live->placement_auto ? "placement='auto', numad's choice at its start"
                                            : "<numatune nodeset>",
                       live->numatune_nodeset, FALSE};
    ret[n++] = (Bound){cpu_code,
                       live->placement_auto ? "placement='auto', numad's choice at its start"
                                            : "<vcpu cpuset>",
                       live->vcpu_cpuset, TRUE};
    ret[n++] = home_bound(evidence);
    return n;
}

/* What cannot be read bounds to nothing: better to leave a guest alone than to break its boundary.
 */
static void
apply_bound(Case *c, const Bound *bound)
{
    VbOwnerVerdict *verdict = c->verdict;
    VbCpuSet cpus = {0};
    VbNodeSet nodes = 0;
    if (bound->of_cpus) {
        if (!vb_cpuset_parse(bound->text, &cpus, NULL))
            memset(&cpus, 0, sizeof cpus);
        nodes = vb_topology_nodes_of_cpus(c->topology, &cpus);
    } else {
        if (!vb_nodeset_parse(bound->text, &nodes, NULL))
            nodes = 0;
        cpus = vb_topology_cpus_of_nodes(c->topology, nodes);
    }
    verdict->boundary &= nodes;
    verdict->cpu_boundary = vb_cpuset_and(&verdict->cpu_boundary, &cpus);
}

/*
 * Narrows the nodes and the CPUs by each bound in turn; at most one of them is of CPUs, so a node
 * that is left has CPUs left. Isolated CPUs are for those whose XML names them.
 * Returns: index of the first bound that took something away, the number of bounds if none did.
 */
static guint
narrow(Case *c, const Bound *bounds, guint n)
{
    VbOwnerVerdict *verdict = c->verdict;
    const VbDomain *live = c->evidence->live;
    verdict->boundary = vb_topology_home_nodes(c->topology);
    verdict->cpu_boundary = live->vcpu_cpuset != NULL && !live->placement_auto
                                ? vb_topology_cpus_of_nodes(c->topology, verdict->boundary)
                                : vb_topology_common_cpus(c->topology, verdict->boundary);
    verdict->boundary &= vb_topology_nodes_of_cpus(c->topology, &verdict->cpu_boundary);
    guint first = n;
    for (guint i = 0; i < n; i++) {
        if (bounds[i].text == NULL)
            continue;
        VbNodeSet nodes = verdict->boundary;
        VbCpuSet cpus = verdict->cpu_boundary;
        apply_bound(c, &bounds[i]);
        if (first == n &&
            (nodes != verdict->boundary || !vb_cpuset_equal(&cpus, &verdict->cpu_boundary)))
            first = i;
    }
    return first;
}

static char *
list_bound_words(const Bound *bounds, guint n)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < n; i++)
        if (bounds[i].text != NULL)
            g_string_append_printf(text, "%s%s = %s", text->len > 0 ? ", " : "", bounds[i].words,
                                   bounds[i].text);
    return g_string_free(text, FALSE);
}

static void
judge_no_home(Case *c, const Bound *bounds, guint n)
{
    g_autofree char *words = list_bound_words(bounds, n);
    g_autofree char *homes = vb_nodeset_format(vb_topology_home_nodes(c->topology));
    judge(c, VB_OWNER_HANDS_OFF, "no-home",
          g_strdup_printf("the guest's boundaries (%s) leave no node of this host that has CPUs "
                          "and memory (nodes %s): widen them",
                          *words != '\0' ? words : "none", homes));
}

static void
judge_bounded(Case *c, const Bound *bound)
{
    g_autofree char *nodes = vb_nodeset_format(c->verdict->boundary);
    judge(c, VB_OWNER_BOUNDED, bound->code,
          g_strdup_printf("%s (%s %s) bounds the guest to node%s %s: vmbalancer places it only "
                          "there; widen it to allow more",
                          bound->words, bound->of_cpus ? "CPUs" : "nodes", bound->text,
                          vb_nodeset_count(c->verdict->boundary) == 1 ? "" : "s", nodes));
}

/* In order of strength; within a strength, the rule that explains the others comes first. */
static gboolean (*const forbidding_rules[])(Case *) = {
    rule_kubevirt, rule_nova,        rule_configured_pin,
    rule_memnode,  rule_foreign_pin, rule_auto_unknown,
};

static gboolean
forbidden(Case *c)
{
    for (guint i = 0; i < G_N_ELEMENTS(forbidding_rules); i++)
        if (forbidding_rules[i](c))
            return TRUE;
    return FALSE;
}

void
vb_owner_judge(const VbOwnerEvidence *evidence, const VbTopology *topology, VbOwnerVerdict *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->owner = VB_OWNER_FREE;
    Case c = {evidence, topology, vb_topology_common_cpus(topology, topology->nodes), ret};
    Bound bounds[BOUNDS_MAX];
    guint n = list_bounds(evidence, bounds);
    guint first = narrow(&c, bounds, n);
    if (forbidden(&c))
        return;
    if (ret->boundary == 0)
        judge_no_home(&c, bounds, n);
    else if (!rule_ovirt(&c) && !rule_ours(&c) && first < n)
        judge_bounded(&c, &bounds[first]);
}

void
vb_owner_verdict_clear(VbOwnerVerdict *verdict)
{
    g_clear_pointer(&verdict->code, g_free);
    g_clear_pointer(&verdict->reason, g_free);
}
