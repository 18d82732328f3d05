/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/cpus.h"

#define CPU_DIR "/sys/devices/system/cpu"

static gboolean
read_list(VbKernel *kernel, const char *path, VbCpuSet *ret)
{
    g_autofree char *line = vb_kernel_read_line(kernel, path, NULL);
    return line != NULL && vb_cpuset_parse(line, ret, NULL);
}

static VbCpuSet
read_barred(VbKernel *kernel)
{
    static const char *const files[] = {
        "/sys/fs/cgroup/machine.slice/cpuset.cpus.effective",
        "/sys/fs/cgroup/machine/cpuset.cpus.effective",
    };
    VbCpuSet online, allowed;
    if (!read_list(kernel, CPU_DIR "/online", &online))
        return (VbCpuSet){0};
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        if (!read_list(kernel, files[i], &allowed))
            continue;
        VbCpuSet both = vb_cpuset_and(&online, &allowed);
        return vb_cpuset_count(&both) > 0 ? vb_cpuset_minus(&online, &allowed) : (VbCpuSet){0};
    }
    return (VbCpuSet){0};
}

static void
take_out_barred(VbKernel *kernel, VbTopology *topology)
{
    int id;
    topology->barred = read_barred(kernel);
    VB_NODESET_FOREACH(id, topology->nodes)
    {
        VbNode *node = &topology->node[id];
        node->cpus = vb_cpuset_minus(&node->cpus, &topology->barred);
        node->n_cpus = vb_cpuset_count(&node->cpus);
    }
}

/* TRUE if another thread of @cpu's core is in @cpus, too; @first: whether that comes after it. */
static gboolean
shares_core(VbKernel *kernel, const VbCpuSet *cpus, guint cpu, gboolean *first)
{
    VbCpuSet siblings;
    g_autofree char *path = g_strdup_printf(CPU_DIR "/cpu%u/topology/thread_siblings_list", cpu);
    *first = TRUE;
    if (!read_list(kernel, path, &siblings))
        return FALSE;
    siblings = vb_cpuset_and(&siblings, cpus);
    for (guint other = 0; other < cpu && *first; other++)
        *first = !vb_cpuset_has(&siblings, other);
    return vb_cpuset_count(&siblings) > 1;
}

/* Isolated CPUs do nothing for common guests. */
static void
set_capacity(VbKernel *kernel, const VbCpuSet *isolated, gboolean threads, VbNode *node)
{
    VbCpuSet cpus = vb_cpuset_minus(&node->cpus, isolated);
    guint capacity_bp = 0;
    for (guint cpu = 0; cpu < VB_CPUS_MAX; cpu++) {
        gboolean first = TRUE;
        if (!vb_cpuset_has(&cpus, cpu))
            continue;
        if (!threads || !shares_core(kernel, &cpus, cpu, &first))
            capacity_bp += VB_BP;
        else if (first)
            capacity_bp += VB_CORE_BP;
    }
    node->capacity_bp = capacity_bp != node->n_cpus * VB_BP ? capacity_bp : 0;
}

void
vb_cpus_observe(VbKernel *kernel, VbTopology *topology)
{
    guint64 active = 0;
    gboolean threads =
        vb_kernel_read_number(kernel, CPU_DIR "/smt/active", &active, NULL) && active == 1;
    if (!read_list(kernel, CPU_DIR "/isolated", &topology->isolated))
        topology->isolated = (VbCpuSet){0};
    take_out_barred(kernel, topology);
    VbCpuSet online = vb_topology_cpus_of_nodes(topology, topology->nodes);
    topology->isolated = vb_cpuset_and(&topology->isolated, &online);
    int id;
    VB_NODESET_FOREACH(id, topology->nodes)
    set_capacity(kernel, &topology->isolated, threads, &topology->node[id]);
}
