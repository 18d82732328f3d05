/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/advise_private.h"
#include "core/text.h"
#include <string.h>
#include <vmbalancer/error.h>

/* No guest's: it is no UUID. */
#define NEWCOMER "newcomer"
#define STAND_IN "balance"
/* More than any guest has; who asks for more has mistyped. */
#define VCPUS_MAX VB_CPUS_MAX
#define BYTES_MAX (G_GUINT64_CONSTANT(1) << 60)

void
vb_advice_free(VbAdvice *advice)
{
    if (advice == NULL)
        return;
    g_free(advice->policy);
    g_free(advice->reason);
    g_array_unref(advice->ranking);
    g_free(advice);
}

gboolean
vb_advice_parse(const char *text, VbAdviceRequest *ret, GError **error)
{
    const char *colon = strchr(text, ':');
    g_autofree char *head = colon != NULL ? g_strndup(text, (gsize)(colon - text)) : g_strdup(text);
    const char *memory = colon != NULL ? colon + 1 : "0";
    guint64 vcpus, bytes, mebibytes;
    if (!g_ascii_string_to_unsigned(head, 10, 1, VCPUS_MAX, &vcpus, NULL)) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "\"%s\": expected VCPUS:MEMORY with 1 to %d vCPUs, as in \"4:8GiB\"", text,
                    VCPUS_MAX);
        return FALSE;
    }
    if (g_ascii_string_to_unsigned(memory, 10, 0, BYTES_MAX >> 20, &mebibytes, NULL))
        bytes = mebibytes << 20;
    else if (!vb_bytes_parse(memory, FALSE, &bytes, NULL) || bytes > BYTES_MAX) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "\"%s\": expected memory as in \"8GiB\", or in MiB as in \"8192\"", text);
        return FALSE;
    }
    ret->vcpus = (guint)vcpus;
    ret->bytes = bytes;
    return TRUE;
}

/* --- the guest to be ------------------------------------------------------------------------ */

static VbGuest *
imagine(const VbSnapshot *snapshot, const VbConfig *config, const VbAdviceRequest *request)
{
    VbNodeSet nodes = vb_topology_home_nodes(&snapshot->topology);
    VbGuest *guest = vb_guest_new();
    guest->uuid = g_strdup(NEWCOMER);
    guest->name = g_strdup(NEWCOMER);
    guest->state = VB_GUEST_RUNNING;
    guest->boundary = nodes & ~config->reserved_nodes;
    guest->cpu_boundary = vb_topology_common_cpus(&snapshot->topology, nodes);
    for (guint i = 0; i < request->vcpus; i++) {
        VbVcpu *vcpu = vb_vcpu_new();
        vcpu->id = i;
        g_ptr_array_add(guest->vcpus, vcpu);
    }
    VbCell *cell = vb_cell_new();
    cell->size_bytes = request->bytes;
    cell->page_size = MAX(request->page_size, 4096);
    cell->residency_known = TRUE;
    cell->movable = TRUE;
    g_ptr_array_add(guest->cells, cell);
    return guest;
}

/* Where its vCPUs would be pinned, it has no other threads. @vcpus: (nullable): how many on each node */
static VbNodeSet
ask(const VbSnapshot *host, const VbConfig *config, const char *policy, VbNodeSet within, guint *vcpus)
{
    g_autoptr(VbSnapshot) snapshot = vb_snapshot_copy(host);
    VbGuest *guest = vb_snapshot_find(snapshot, NEWCOMER);
    VbNodeSet nodes = 0;
    guest->policy = g_strdup(policy);
    guest->boundary &= within;
    g_autoptr(VbDecision) decision = vb_newcomer_decide(snapshot, config, NEWCOMER, NULL);
    for (guint i = 0; decision != NULL && i < decision->plan->actions->len; i++) {
        int to = ((const VbAction *)g_ptr_array_index(decision->plan->actions, i))->to;
        nodes |= VB_NODE_BIT(to);
        if (vcpus != NULL)
            vcpus[to]++;
    }
    return nodes;
}

/* FALSE if even the smallest guest is given no home. */
static gboolean
gives_homes(const VbSnapshot *host, const VbConfig *config, const char *policy)
{
    g_autoptr(VbSnapshot) snapshot = vb_snapshot_copy(host);
    VbGuest *guest = vb_snapshot_find(snapshot, NEWCOMER);
    g_ptr_array_set_size(guest->vcpus, 1);
    ((VbCell *)g_ptr_array_index(guest->cells, 0))->size_bytes = 0;
    return ask(snapshot, config, policy, guest->boundary, NULL) != 0;
}

/* --- numbers -------------------------------------------------------------------------------- */

static guint64
load_of(const VbSnapshot *snapshot, int node)
{
    guint64 load = 0;
    for (guint i = 0; i < snapshot->guests->len; i++) {
        const VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        for (guint v = 0; v < guest->vcpus->len; v++) {
            const VbVcpu *vcpu = g_ptr_array_index(guest->vcpus, v);
            guint busy = vcpu->busy_known ? vcpu->busy_bp : VB_BP;
            load += vcpu->share_known ? (guint64)busy * vcpu->share_bp[node] / VB_BP : 0;
        }
    }
    return load;
}

static VbAdviceNode
describe(const VbSnapshot *snapshot, const VbGuest *guest, const VbAdviceRequest *request, int node)
{
    VbCpuSet cpus = vb_cpuset_and(&snapshot->topology.node[node].cpus, &guest->cpu_boundary);
    VbAdviceNode one = {
        .node = node,
        .room = vb_newcomer_room(snapshot, guest, node, MAX(request->page_size, 4096)),
        .n_cpus = vb_cpuset_count(&cpus),
        .load_bp = (guint)load_of(snapshot, node),
    };
    one.fits = one.n_cpus >= request->vcpus &&
               (request->bytes == 0 || one.room.bytes >= (gint64)request->bytes);
    return one;
}

/* Where the policy would put it, then where if not there, and so on; then by room. */
static void
rank(VbAdvice *advice, const VbSnapshot *host, const VbConfig *config)
{
    const VbGuest *guest = vb_snapshot_find(host, NEWCOMER);
    g_autoptr(VbSnapshot) others = vb_snapshot_copy(host);
    g_ptr_array_remove(others->guests, vb_snapshot_find(others, NEWCOMER));
    VbNodeSet left = guest->boundary, next = advice->nodes;
    for (; vb_nodeset_count(next) == 1; next = ask(host, config, advice->policy, left, NULL)) {
        VbAdviceNode one = describe(others, guest, &advice->request, vb_nodeset_first(next));
        g_array_append_val(advice->ranking, one);
        left &= ~next;
    }
    while (left != 0) {
        VbAdviceNode most = {.node = VB_NO_NODE};
        int node;
        VB_NODESET_FOREACH(node, left)
        {
            VbAdviceNode one = describe(others, guest, &advice->request, node);
            if (most.node == VB_NO_NODE || one.room.bytes > most.room.bytes)
                most = one;
        }
        g_array_append_val(advice->ranking, most);
        left &= ~VB_NODE_BIT(most.node);
    }
}

/*
 * Of several nodes each takes its part: the vCPUs that the policy puts there, and RAM by them; else RAM by the
 * room that it has, vCPUs by its CPUs.
 */
static void
foresee(VbAdvice *advice, const guint *vcpus, gboolean by_policy)
{
    const VbAdviceRequest *request = &advice->request;
    guint64 room = 0, cpus = 0;
    for (guint i = 0; i < advice->ranking->len; i++) {
        VbAdviceNode *one = &g_array_index(advice->ranking, VbAdviceNode, i);
        one->chosen = (advice->nodes & VB_NODE_BIT(one->node)) != 0;
        room += one->chosen ? vb_advise_usable(one->room.bytes, request->page_size) : 0;
        cpus += one->chosen ? one->n_cpus : 0;
    }
    for (guint i = 0; i < advice->ranking->len; i++) {
        VbAdviceNode *one = &g_array_index(advice->ranking, VbAdviceNode, i);
        guint64 usable = vb_advise_usable(one->room.bytes, request->page_size);
        guint64 bytes = request->bytes, load = (guint64)request->vcpus * VB_BP;
        one->then_known = one->chosen || one->fits;
        if (one->chosen && vb_nodeset_count(advice->nodes) > 1) {
            guint64 part = by_policy ? vcpus[one->node] : usable, parts = by_policy ? request->vcpus : room;
            bytes = parts > 0 ? (guint64)((unsigned __int128)bytes * part / parts) : 0;
            load = by_policy  ? (guint64)vcpus[one->node] * VB_BP
                   : cpus > 0 ? load * one->n_cpus / cpus
                              : 0;
        }
        one->room_then_bytes = one->then_known ? one->room.bytes - (gint64)bytes : 0;
        one->load_then_bp = one->then_known ? one->load_bp + (guint)load : 0;
    }
}

/* --- words ---------------------------------------------------------------------------------- */

static char *
say_one(const VbAdvice *advice, const VbAdviceNode *one)
{
    g_autofree char *size = vb_bytes_format(advice->request.bytes);
    g_autofree char *left = vb_bytes_format((guint64)MAX(one->room_then_bytes, 0));
    return g_strdup_printf("node %d, by %s: room for %s with %s left beside reserve and promises, "
                           "%u.%u of %u CPUs asked for then",
                           one->node, advice->policy, size, left, one->load_then_bp / VB_BP,
                           one->load_then_bp % VB_BP / (VB_BP / 10), one->n_cpus);
}

static char *
say_several(const VbAdvice *advice)
{
    g_autofree char *nodes = vb_nodeset_format(advice->nodes);
    return g_strdup_printf("it fits on no single node: nodes %s are the fewest that hold it, and the "
                           "closest; vmbalancerd would not place it as it starts, but balance "
                           "spreads it once its memory is touched",
                           nodes);
}

static char *
say_spread(const VbAdvice *advice, const guint *vcpus)
{
    g_autoptr(GString) parts = g_string_new(NULL);
    int node;
    VB_NODESET_FOREACH(node, advice->nodes)
    g_string_append_printf(parts, "%s%u%s on node %d", parts->len > 0 ? ", " : "", vcpus[node],
                           parts->len > 0 ? "" : " of its vCPUs", node);
    return g_strdup_printf("it fits on no single node: spread by %s, %s, and of its RAM each has room "
                           "for the same part",
                           advice->policy, parts->str);
}

static char *
say_nowhere(const VbAdvice *advice)
{
    guint64 room = 0, cpus = 0;
    for (guint i = 0; i < advice->ranking->len; i++) {
        const VbAdviceNode *one = &g_array_index(advice->ranking, VbAdviceNode, i);
        room += vb_advise_usable(one->room.bytes, advice->request.page_size);
        cpus += one->n_cpus;
    }
    g_autofree char *size = vb_bytes_format(advice->request.bytes);
    g_autofree char *has = vb_bytes_format(room);
    return g_strdup_printf("it fits nowhere: %u vCPUs and %s%s are asked for, all nodes that may be "
                           "homes together have %" G_GUINT64_FORMAT " CPUs and room for %s: free "
                           "memory, or ask for less",
                           advice->request.vcpus, size,
                           advice->request.page_size > 4096 ? " in hugepages" : "", cpus, has);
}

static char *
reason_of(const VbAdvice *advice, const guint *vcpus, gboolean by_policy)
{
    if (advice->nodes == 0)
        return say_nowhere(advice);
    if (vb_nodeset_count(advice->nodes) == 1)
        return say_one(advice, &g_array_index(advice->ranking, VbAdviceNode, 0));
    return by_policy ? say_spread(advice, vcpus) : say_several(advice);
}

/* --- the answer ----------------------------------------------------------------------------- */

static gboolean
check(const VbAdviceRequest *request, GError **error)
{
    guint64 size = request->page_size;
    if (request->vcpus < 1 || request->vcpus > VCPUS_MAX || request->bytes > BYTES_MAX)
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "a guest has 1 to %d vCPUs and at most 1 EiB of memory", VCPUS_MAX);
    else if (size != 0 && (size < 4096 || size > BYTES_MAX || (size & (size - 1)) != 0))
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "%" G_GUINT64_FORMAT " bytes are no size of a page: it is 2MiB or 1GiB mostly",
                    size);
    else
        return TRUE;
    return FALSE;
}

/* In whole pages. */
static VbAdviceRequest
rounded(const VbAdviceRequest *request)
{
    guint64 page = MAX(request->page_size, 4096);
    VbAdviceRequest whole = *request;
    whole.bytes = (request->bytes + page - 1) / page * page;
    return whole;
}

VbAdvice *
vb_advise(const VbSnapshot *snapshot, const VbConfig *config, const VbAdviceRequest *request,
          GError **error)
{
    if (!check(request, error))
        return NULL;
    VbAdvice *advice = g_new0(VbAdvice, 1);
    advice->request = rounded(request);
    advice->ranking = g_array_new(FALSE, TRUE, sizeof(VbAdviceNode));
    g_autoptr(VbSnapshot) host = vb_snapshot_copy(snapshot);
    g_clear_pointer(&host->rival, g_free);
    VbGuest *guest = imagine(snapshot, config, &advice->request);
    g_ptr_array_add(host->guests, guest);
    vb_snapshot_sort(host);
    const char *policy = vb_engine_policy(NULL, config);
    advice->policy = g_strdup(gives_homes(host, config, policy) ? policy : STAND_IN);
    guint vcpus[VB_NODES_MAX] = {0};
    advice->nodes = ask(host, config, advice->policy, guest->boundary, vcpus);
    gboolean by_policy = advice->nodes != 0;
    rank(advice, host, config);
    if (!by_policy)
        advice->nodes = vb_advise_spread(&host->topology, &advice->request, advice->ranking);
    foresee(advice, vcpus, by_policy);
    advice->reason = reason_of(advice, vcpus, by_policy);
    return advice;
}
