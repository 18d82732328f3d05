/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/doctor.h"
#include "core/text.h"

#define GIB (G_GUINT64_CONSTANT(1) << 30)
/* Less than a hundredth of a guest's RAM is not worth a word. */
#define LITTLE 100

/* The nodes with most of a guest's RAM that stays where it is: none, one, or several that hold as much. */
static VbNodeSet
held_by_ram(const VbGuest *guest)
{
    guint64 by_node[VB_NODES_MAX] = {0}, most = 0;
    VbNodeSet nodes = 0;
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        for (int node = 0; !cell->movable && cell->residency_known && node < VB_NODES_MAX; node++)
            by_node[node] += cell->by_node[node];
    }
    for (int node = 0; node < VB_NODES_MAX; node++) {
        if (by_node[node] == 0 || by_node[node] < most)
            continue;
        nodes = (by_node[node] == most ? nodes : 0) | VB_NODE_BIT(node);
        most = by_node[node];
    }
    return nodes;
}

static void
check_devices(GPtrArray *findings, const VbGuest *guest)
{
    g_autofree char *thing = g_strdup_printf("guest %s", guest->name);
    VbNodeSet devices = 0, ram = held_by_ram(guest);
    for (int node = 0; node < VB_NODES_MAX; node++)
        devices |= guest->devices[node] > 0 ? VB_NODE_BIT(node) : 0;
    g_autofree char *there = vb_nodeset_format(devices);
    g_autofree char *here = vb_nodeset_format(ram);
    g_autofree char *mend =
        g_strdup_printf("start it with its RAM there: <numatune><memory nodeset='%s'/>", there);
    if (devices != 0 && ram != 0 && (devices & ram) == 0)
        vb_doctor_add(findings, VB_FINDING_HINDERS, thing, mend,
                      "its devices are on node %s, but most of its RAM, which cannot be moved, is on "
                      "node %s: its vCPUs go to the RAM",
                      there, here);
}

/* The most that one of the nodes has on which the guest may be at home. */
static void
find_largest(const VbTopology *topology, const VbGuest *guest, guint *ret_cpus, guint64 *ret_bytes)
{
    int id;
    *ret_cpus = 0;
    *ret_bytes = 0;
    VB_NODESET_FOREACH(id, guest->boundary & vb_topology_home_nodes(topology))
    {
        VbCpuSet cpus = vb_cpuset_and(&topology->node[id].cpus, &guest->cpu_boundary);
        *ret_cpus = MAX(*ret_cpus, vb_cpuset_count(&cpus));
        *ret_bytes = MAX(*ret_bytes, topology->node[id].memory_total_bytes);
    }
}

/* A guest, or one of its cells, that no node holds. */
static void
check_width(GPtrArray *findings, const char *thing, const VbTopology *topology, const VbGuest *guest)
{
    guint most, vcpus;
    guint64 largest;
    find_largest(topology, guest, &most, &largest);
    for (guint i = 0; i < guest->cells->len && most > 0; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        g_autofree char *size = vb_bytes_format(cell->size_bytes);
        g_autofree char *room = vb_bytes_format(largest);
        vcpus = 0;
        for (guint v = 0; v < guest->vcpus->len; v++)
            vcpus += (guint)((const VbVcpu *)g_ptr_array_index(guest->vcpus, v))->cell == i;
        if (vcpus <= most && cell->size_bytes <= largest)
            continue;
        vb_doctor_add(findings, VB_FINDING_NOTE, thing,
                      "NUMA cells (<cpu><numa>) that are no wider than a node, so that the guest itself knows "
                      "what is near; or policy balance: vmbalancer policy set",
                      "cell %u fits on no node (%u vCPUs, %s; the largest that it may use has %u CPUs, %s): the "
                      "policy balance spreads it, the others leave it where it is",
                      cell->id, vcpus, size, most, room);
        return;
    }
}

static void
check_swap(GPtrArray *findings, const char *thing, VbKernel *kernel, const VbGuest *guest)
{
    guint64 size = 0;
    g_autofree char *process = g_strdup_printf("%d", guest->pid);
    g_autofree char *line =
        guest->pid != 0 ? vb_doctor_status_line(kernel, process, "VmSwap:") : NULL;
    guint64 bytes = line != NULL ? g_ascii_strtoull(line, NULL, 10) << 10 : 0;
    g_autofree char *swapped = vb_bytes_format(bytes);
    for (guint i = 0; i < guest->cells->len; i++)
        size += ((const VbCell *)g_ptr_array_index(guest->cells, i))->size_bytes;
    if (bytes > 0 && bytes >= size / LITTLE)
        vb_doctor_add(findings, VB_FINDING_HINDERS, thing,
                      "free memory, or keep its RAM in memory: <memoryBacking><locked/>",
                      "%s of its QEMU process are swapped out: that counts as absent, is moved by nobody, and "
                      "comes back where the kernel has room",
                      swapped);
}

static void
check_pages(GPtrArray *findings, const char *thing, const VbCell *cell)
{
    g_autofree char *unmapped = vb_bytes_format(cell->unmapped_bytes);
    if (cell->page_size >= GIB)
        vb_doctor_add(findings, VB_FINDING_NOTE, thing,
                      "if such waits matter: hugepages of 2 MiB (<hugepages><page size='2' unit='MiB'/>)",
                      "cell %u is in pages of 1 GiB and more: while one moves, whoever touches it waits until all "
                      "of it is copied",
                      cell->id);
    if (vb_cell_is_partly_unmapped(cell))
        vb_doctor_add(findings, VB_FINDING_NOTE, thing, NULL,
                      "%s of cell %u were touched by others (vhost-user) and never by QEMU: on which nodes is not "
                      "known, and they do not move",
                      unmapped, cell->id);
}

static void
check_guest(GPtrArray *findings, VbKernel *kernel, const VbTopology *topology, const VbGuest *guest)
{
    g_autofree char *thing = g_strdup_printf("guest %s", guest->name);
    if (guest->pid == 0)
        vb_doctor_add(findings, VB_FINDING_HINDERS, thing, NULL,
                      "its QEMU process was not found on this host: it is not seen");
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        if (cell->note != NULL)
            vb_doctor_add(findings, VB_FINDING_HINDERS, thing, NULL, "cell %u: %s", cell->id,
                          cell->note);
        check_pages(findings, thing, cell);
    }
    check_devices(findings, guest);
    check_width(findings, thing, topology, guest);
    check_swap(findings, thing, kernel, guest);
    if (guest->owner == VB_OWNER_HANDS_OFF || guest->owner == VB_OWNER_OBSERVE_ONLY)
        vb_doctor_add(findings, VB_FINDING_NOTE, thing, NULL, "%s: %s", vb_owner_name(guest->owner),
                      guest->reason != NULL ? guest->reason : "somebody else places it");
}

void
vb_doctor_guests(GPtrArray *findings, VbKernel *kernel, const VbSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->guests->len; i++)
        check_guest(findings, kernel, &snapshot->topology, g_ptr_array_index(snapshot->guests, i));
}
