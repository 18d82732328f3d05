/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/world_parts.h"

#define SECOND G_GINT64_CONSTANT(1000000000)

static VbHugePool *
pool_of(VbWorld *world, int node, guint64 page_size)
{
    return (VbHugePool *)vb_node_pool(&world->topology.node[node], page_size);
}

guint64
vb_world_room(const VbWorld *world, int node, guint64 page_size)
{
    const VbNode *host = &world->topology.node[node];
    const VbHugePool *pool = vb_node_pool(host, page_size);
    if (page_size > 4096)
        return pool != NULL ? pool->free * page_size : 0;
    guint64 free = host->memory_free_bytes;
    return free > VB_WORLD_FREE_BYTES ? free - VB_WORLD_FREE_BYTES : 0;
}

void
vb_world_take(VbWorld *world, int node, guint64 page_size, gint64 bytes)
{
    if (page_size > 4096)
        pool_of(world, node, page_size)->free -= (guint64)(bytes / (gint64)page_size);
    else
        world->topology.node[node].memory_free_bytes -= (guint64)bytes;
}

guint64
vb_world_place(VbWorld *world, VbWorldGuest *guest, VbPart *part, int node, guint64 bytes)
{
    guint64 page = guest->plot->page_size;
    bytes = MIN(bytes, part->size_bytes - part->present_bytes);
    bytes = MIN(bytes, vb_world_room(world, node, page)) / page * page;
    if (bytes == 0)
        return 0;
    vb_world_take(world, node, page, (gint64)bytes);
    part->by_node[node] += bytes;
    part->stuck[node] += bytes / VB_BP * guest->plot->unmovable_bp / page * page;
    part->present_bytes += bytes;
    return bytes;
}

guint64
vb_world_touch(VbWorld *world, VbWorldGuest *guest, VbPart *part, int node, guint64 bytes)
{
    VbNodeSet left = world->topology.nodes;
    const guint16 *distance = world->topology.node[node].distance;
    guint64 got = 0;
    while (left != 0 && got < bytes) {
        int nearest = vb_nodeset_first(left), id;
        VB_NODESET_FOREACH(id, left)
        {
            if (distance[id] < distance[nearest])
                nearest = id;
        }
        got += vb_world_place(world, guest, part, nearest, bytes - got);
        left &= ~VB_NODE_BIT(nearest);
    }
    return got;
}

guint64
vb_world_on(const VbWorldGuest *guest, guint cell, int node, gboolean stuck)
{
    const VbPart *shared = &vb_world_cell(guest, cell)->shared;
    guint64 bytes = stuck ? shared->stuck[node] : shared->by_node[node];
    for (guint i = 0; i < guest->vcpus->len; i++) {
        const VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
        if (vcpu->cell == cell)
            bytes += stuck ? vcpu->own.stuck[node] : vcpu->own.by_node[node];
    }
    return bytes;
}

/* A guest whose RAM is bound touches where it is bound to, evenly; what a vCPU has for itself, beside it. */
static int
bound_to(const VbWorldGuest *guest, const VbWorldVcpu *vcpu, const VbPart *part)
{
    int id, least = VB_NO_NODE;
    if (guest->seat.cells == NULL ||
        (part == &vcpu->own && (guest->seat.cells[vcpu->cell] & VB_NODE_BIT(vcpu->node))))
        return vcpu->node;
    VB_NODESET_FOREACH(id, guest->seat.cells[vcpu->cell])
    {
        if (least == VB_NO_NODE || part->by_node[id] < part->by_node[least])
            least = id;
    }
    return least;
}

static void
grow_part(VbWorld *world, VbWorldGuest *guest, VbWorldVcpu *vcpu, VbPart *part)
{
    guint64 page = guest->plot->page_size;
    guint64 bytes = MIN(vcpu->due_bytes, part->size_bytes - part->present_bytes) / page * page;
    if (bytes > 0)
        vcpu->due_bytes -=
            vb_world_touch(world, guest, part, bound_to(guest, vcpu, part), bytes);
}

void
vb_world_grow(VbWorld *world)
{
    for (guint g = 0; g < world->guests->len; g++) {
        VbWorldGuest *guest = vb_world_guest(world, g);
        const VbPhase *phase = vb_world_phase(world, guest);
        for (guint i = 0; phase != NULL && phase->touch_bytes_per_s > 0 && i < guest->vcpus->len;
             i++) {
            VbWorldVcpu *vcpu = vb_world_vcpu(guest, i);
            vcpu->due_bytes += (guint64)((unsigned __int128)phase->touch_bytes_per_s *
                                         vcpu->given_ns / (guint64)SECOND);
            grow_part(world, guest, vcpu, &vcpu->own);
            grow_part(world, guest, vcpu, &vb_world_cell(guest, vcpu->cell)->shared);
            /* What found nothing left to touch is not saved up. */
            vcpu->due_bytes %= guest->plot->page_size;
        }
    }
}

static void
drop_part(VbWorld *world, VbWorldGuest *guest, VbPart *part)
{
    for (guint node = 0; node < world->scenario->n_nodes; node++) {
        /* A node that has none of it may have no pool of such pages. */
        if (part->by_node[node] > 0)
            vb_world_take(world, (int)node, guest->plot->page_size, -(gint64)part->by_node[node]);
        part->by_node[node] = part->stuck[node] = 0;
    }
    part->present_bytes = 0;
}

void
vb_world_drop(VbWorld *world, VbWorldGuest *guest)
{
    for (guint cell = 0; cell < guest->cells->len; cell++)
        drop_part(world, guest, &vb_world_cell(guest, cell)->shared);
    for (guint i = 0; i < guest->vcpus->len; i++)
        drop_part(world, guest, &vb_world_vcpu(guest, i)->own);
}
