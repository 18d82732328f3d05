/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/advise_private.h"

/* So many nodes can be tried in all combinations; of more, those with the most room. */
#define NODES_MAX 16

/* A choice among the nodes. */
typedef struct {
    guint members;     /* bit i = the i-th node by room */
    guint count;
    guint64 distance;  /* sum over all pairs */
    guint64 bytes;
    guint cpus;
} Choice;

guint64
vb_advise_usable(gint64 room, guint64 page_size)
{
    return room > 0 ? (guint64)room / MAX(page_size, 4096) * MAX(page_size, 4096) : 0;
}

static int
compare_room(gconstpointer a, gconstpointer b)
{
    const VbAdviceNode *left = *(VbAdviceNode *const *)a, *right = *(VbAdviceNode *const *)b;
    if (left->room.bytes != right->room.bytes)
        return left->room.bytes > right->room.bytes ? -1 : 1;
    return left->n_cpus != right->n_cpus ? (left->n_cpus > right->n_cpus ? -1 : 1)
                                         : left->node - right->node;
}

static Choice
weigh(const VbTopology *topology, const VbAdviceRequest *request, const GPtrArray *nodes,
      guint members)
{
    Choice choice = {.members = members};
    for (guint i = 0; i < nodes->len; i++) {
        const VbAdviceNode *one = g_ptr_array_index(nodes, i);
        if ((members >> i & 1) == 0)
            continue;
        choice.count++;
        choice.bytes += vb_advise_usable(one->room.bytes, request->page_size);
        choice.cpus += one->n_cpus;
        for (guint j = 0; j < i; j++) {
            const VbAdviceNode *other = g_ptr_array_index(nodes, j);
            if ((members >> j & 1) != 0)
                choice.distance += topology->node[one->node].distance[other->node] +
                                   topology->node[other->node].distance[one->node];
        }
    }
    return choice;
}

static gboolean
holds(const Choice *choice, const VbAdviceRequest *request)
{
    return choice->bytes >= request->bytes && choice->cpus >= request->vcpus;
}

static gboolean
is_better(const Choice *choice, const Choice *than)
{
    if (choice->count != than->count)
        return choice->count < than->count;
    if (choice->distance != than->distance)
        return choice->distance < than->distance;
    return choice->bytes > than->bytes;
}

/* On a host of more nodes than can be tried: those with the most room that do. */
static VbNodeSet
take_many(const VbAdviceRequest *request, const GPtrArray *nodes)
{
    VbNodeSet set = 0;
    Choice sum = {0};
    for (guint i = 0; i < nodes->len && !holds(&sum, request); i++) {
        const VbAdviceNode *one = g_ptr_array_index(nodes, i);
        sum.bytes += vb_advise_usable(one->room.bytes, request->page_size);
        sum.cpus += one->n_cpus;
        set |= VB_NODE_BIT(one->node);
    }
    return holds(&sum, request) ? set : 0;
}

VbNodeSet
vb_advise_spread(const VbTopology *topology, const VbAdviceRequest *request,
                 const GArray *ranking)
{
    g_autoptr(GPtrArray) nodes = g_ptr_array_new();
    for (guint i = 0; i < ranking->len; i++) {
        VbAdviceNode *one = &g_array_index(ranking, VbAdviceNode, i);
        if (request->bytes == 0 || vb_advise_usable(one->room.bytes, request->page_size) > 0)
            g_ptr_array_add(nodes, one);
    }
    g_ptr_array_sort(nodes, compare_room);
    Choice best = {0};
    VbNodeSet set = 0;
    for (guint members = 1; members < 1U << MIN(nodes->len, NODES_MAX); members++) {
        Choice choice = weigh(topology, request, nodes, members);
        if (holds(&choice, request) && (best.count == 0 || is_better(&choice, &best)))
            best = choice;
    }
    for (guint i = 0; i < nodes->len && i < NODES_MAX; i++)
        if ((best.members >> i & 1) != 0)
            set |= VB_NODE_BIT(((const VbAdviceNode *)g_ptr_array_index(nodes, i))->node);
    return set != 0 ? set : take_many(request, nodes);
}
