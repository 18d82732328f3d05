/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/doctor.h"
#include "core/text.h"
#include <string.h>

#define KSM "/sys/kernel/mm/ksm/"
#define DAMON "/sys/kernel/mm/damon/admin/kdamonds/"
#define SMALL_PAGE 4096

/* CAP_SYS_PTRACE and CAP_SYS_NICE, linux/capability.h: what the mover keeps. */
#define NEEDED_CAPABILITIES ((G_GUINT64_CONSTANT(1) << 19) | (G_GUINT64_CONSTANT(1) << 23))

void
vb_finding_free(VbFinding *finding)
{
    if (finding == NULL)
        return;
    g_free(finding->thing);
    g_free(finding->says);
    g_free(finding->mend);
    g_free(finding);
}

const char *
vb_finding_level_name(VbFindingLevel level)
{
    static const char *const names[] = {"good", "note", "hinders", "blocks"};
    return names[level];
}

void
vb_doctor_add(GPtrArray *findings, VbFindingLevel level, const char *thing, const char *mend,
              const char *format, ...)
{
    VbFinding *finding = g_new0(VbFinding, 1);
    va_list arguments;
    va_start(arguments, format);
    finding->says = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    finding->level = level;
    finding->thing = g_strdup(thing);
    finding->mend = g_strdup(mend);
    g_ptr_array_add(findings, finding);
}

static void
check_nodes(GPtrArray *findings, const VbTopology *topology)
{
    VbNodeSet homes = vb_topology_home_nodes(topology);
    g_autofree char *home_text = vb_nodeset_format(homes);
    if (vb_nodeset_count(homes) < 2)
        vb_doctor_add(findings, VB_FINDING_BLOCKS, "nodes", NULL,
                      "the host has one node with CPUs and memory (%s): all memory is local and "
                      "there is nothing to balance",
                      home_text);
    else
        vb_doctor_add(findings, VB_FINDING_GOOD, "nodes", NULL,
                      "nodes %s have CPUs and memory and can be homes", home_text);
}

/* What keeps guests from CPUs, and what CPUs come to that share their cores. */
static void
check_cpus(GPtrArray *findings, const VbTopology *topology)
{
    g_autofree char *isolated = vb_cpuset_format(&topology->isolated);
    g_autofree char *taken = vb_cpuset_format(&topology->barred);
    if (*isolated != '\0')
        vb_doctor_add(findings, VB_FINDING_NOTE, "CPUs",
                      "for a guest that is to run there: <vcpu cpuset=> in its XML",
                      "isolated (isolcpus=): %s; only guests whose XML names them are placed there",
                      isolated);
    if (*taken != '\0')
        vb_doctor_add(findings, VB_FINDING_NOTE, "CPUs",
                      "to allow them: AllowedCPUs= of machine.slice",
                      "the cgroup of all guests lacks CPUs %s: no guest is placed there", taken);
    int id;
    VB_NODESET_FOREACH(id, topology->nodes)
    {
        const VbNode *node = &topology->node[id];
        guint capacity = vb_node_capacity_bp(node) / (VB_BP / 10);
        if (node->capacity_bp != 0)
            vb_doctor_add(findings, VB_FINDING_NOTE, "CPUs", NULL,
                          "node %d's %u CPUs count as %u.%u: isolated ones do nothing for guests, "
                          "and threads that share a core are not two cores",
                          id, node->n_cpus, capacity / 10, capacity % 10);
    }
}

static void
check_room(GPtrArray *findings, const VbObservation *observation)
{
    int id;
    VB_NODESET_FOREACH(id, vb_topology_home_nodes(&observation->topology))
    {
        const VbNode *node = &observation->topology.node[id];
        guint64 reserve = observation->reserve_bytes[id];
        g_autofree char *thing = g_strdup_printf("node %d", id);
        g_autofree char *free = vb_bytes_format(node->memory_free_bytes);
        g_autofree char *kept = vb_bytes_format(reserve);
        if (node->memory_free_bytes <= reserve)
            vb_doctor_add(findings, VB_FINDING_HINDERS, thing,
                          "free memory on the node, or lower reserve= in the configuration",
                          "%s free, %s stay in reserve: no small pages can move there", free, kept);
        for (guint i = 0; i < node->n_pools; i++)
            if (node->pools[i].total > 0 && node->pools[i].free == 0) {
                g_autofree char *size = vb_bytes_format(node->pools[i].page_size);
                vb_doctor_add(findings, VB_FINDING_HINDERS, thing,
                              "enlarge the node's pool: hugepages/.../nr_hugepages; or let "
                              "moves borrow pages: hugepages-borrow= in [limits]",
                              "its pool of %s hugepages is used up: no guest backed by them can "
                              "move there",
                              size);
            }
    }
}

static void
check_balancers(GPtrArray *findings, const VbObservation *observation)
{
    if (observation->rival != NULL)
        vb_doctor_add(findings, VB_FINDING_BLOCKS, observation->rival,
                      "stop it, e.g. systemctl disable --now numad",
                      "%s runs and would move what vmbalancer has placed: nothing is moved beside "
                      "it without --force",
                      observation->rival);
    if (observation->kernel_balancing)
        vb_doctor_add(findings, VB_FINDING_NOTE, "kernel.numa_balancing",
                      "to leave placing to vmbalancer alone: sysctl kernel.numa_balancing=0",
                      "on: the kernel moves pages as well; it helps small guests, stalls large "
                      "ones and skips hugepages. vmbalancer never changes it");
    else
        vb_doctor_add(findings, VB_FINDING_GOOD, "kernel.numa_balancing", NULL,
                      "off: nobody else moves pages");
}

/* The one signal of what a vCPU really uses; without it where its cell's RAM lies has to do. */
static void
check_faults(GPtrArray *findings, const VbObservation *observation)
{
    static const char thing[] = "NUMA faults";
    static const char without[] = "a vCPU counts as using all RAM of its own cell evenly";
    if (vb_nodeset_count(vb_topology_home_nodes(&observation->topology)) < 2)
        return;
    switch (observation->faults) {
    case VB_FAULTS_UNASKED:
        break;
    case VB_FAULTS_TOLD:
        if (observation->kernel_balancing)
            vb_doctor_add(findings, VB_FINDING_GOOD, thing, NULL,
                          "the kernel counts them: it is known where a vCPU's accesses go");
        else
            vb_doctor_add(findings, VB_FINDING_NOTE, thing,
                          "if that matters more: sysctl kernel.numa_balancing=1; the kernel then "
                          "moves pages as well",
                          "not counted while kernel.numa_balancing is off: %s", without);
        break;
    case VB_FAULTS_NO_FILE:
        vb_doctor_add(findings, VB_FINDING_NOTE, thing,
                      "a kernel with CONFIG_SCHED_DEBUG, as every one is from Linux 6.15 on",
                      "not told: /proc/self/sched cannot be read; %s", without);
        break;
    case VB_FAULTS_NO_COUNTS:
        vb_doctor_add(findings, VB_FINDING_NOTE, thing, "a kernel with CONFIG_NUMA_BALANCING",
                      "not told: /proc/self/sched does not have them; %s", without);
        break;
    case VB_FAULTS_STRANGE:
        vb_doctor_add(findings, VB_FINDING_NOTE, thing,
                      "report what /proc/self/sched has, and the kernel's version",
                      "told in a way that vmbalancer does not know; %s", without);
        break;
    }
}

static gboolean
reads(VbKernel *kernel, const char *path, guint64 wanted)
{
    guint64 value;
    return vb_kernel_read_number(kernel, path, &value, NULL) && value == wanted;
}

/* What is merged already stays so while KSM stands still (run is 0). */
static void
check_ksm(GPtrArray *findings, VbKernel *kernel)
{
    guint64 sharing = 0;
    vb_kernel_read_number(kernel, KSM "pages_sharing", &sharing, NULL);
    if (sharing == 0 && !reads(kernel, KSM "run", 1))
        return;
    g_autofree char *saved = vb_bytes_format(MIN(sharing, G_MAXUINT64 / SMALL_PAGE) * SMALL_PAGE);
    if (reads(kernel, KSM "merge_across_nodes", 1))
        vb_doctor_add(findings, VB_FINDING_HINDERS, "KSM",
                      "echo 2 > " KSM "run, then 0 > merge_across_nodes, 1 > run",
                      "it merges pages across nodes: merged pages lie far from all guests but one, and do not "
                      "move (%s saved now)",
                      saved);
    else
        vb_doctor_add(findings, VB_FINDING_NOTE, "KSM",
                      "<memoryBacking><nosharepages/> keeps a guest out of it",
                      "it merges pages of guests on one node, which stay there when one of these guests moves "
                      "(%s saved now)",
                      saved);
}

static void
check_pages(GPtrArray *findings, VbKernel *kernel, const VbObservation *observation)
{
    if (g_strcmp0(observation->thp, "never") == 0)
        vb_doctor_add(findings, VB_FINDING_HINDERS, "transparent hugepages",
                      "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
                      "off: guests run on 4 KiB pages, which are slower to use and to move");
    else if (observation->thp != NULL)
        vb_doctor_add(findings, VB_FINDING_GOOD, "transparent hugepages", NULL, "%s",
                      observation->thp);
    check_ksm(findings, kernel);
}

char *
vb_doctor_status_line(VbKernel *kernel, const char *process, const char *key)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/status", process), *text = NULL;
    gsize length;
    if (!kernel->ops->read(kernel, path, 65536, &text, &length, NULL))
        return NULL;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++)
        if (g_str_has_prefix(lines[i], key))
            return g_strstrip(g_strdup(lines[i] + strlen(key)));
    return NULL;
}

static void
check_rights(GPtrArray *findings, VbKernel *kernel, const VbTopology *topology)
{
    g_autofree char *capabilities = vb_doctor_status_line(kernel, "self", "CapEff:");
    guint64 held = capabilities != NULL ? g_ascii_strtoull(capabilities, NULL, 16) : 0;
    if ((held & NEEDED_CAPABILITIES) != NEEDED_CAPABILITIES)
        vb_doctor_add(findings, VB_FINDING_BLOCKS, "capabilities", "run vmbalancer as root",
                      "CAP_SYS_PTRACE and CAP_SYS_NICE are missing: guests' pages can be neither "
                      "seen nor moved");
    g_autofree char *list = vb_doctor_status_line(kernel, "self", "Mems_allowed_list:");
    VbNodeSet allowed;
    if (list == NULL || !vb_nodeset_parse(list, &allowed, NULL))
        return;
    VbNodeSet barred = vb_topology_home_nodes(topology) & ~allowed;
    g_autofree char *text = vb_nodeset_format(barred);
    if (barred != 0)
        vb_doctor_add(findings, VB_FINDING_HINDERS, "cpuset",
                      "run vmbalancer outside that cpuset (see /proc/self/cgroup)",
                      "the cpuset that vmbalancer runs in bars it from nodes %s: the kernel "
                      "refuses moves there",
                      text);
}

void
vb_doctor_host(GPtrArray *findings, VbKernel *kernel, const VbObservation *observation)
{
    check_rights(findings, kernel, &observation->topology);
    check_nodes(findings, &observation->topology);
    vb_doctor_shape(findings, kernel, &observation->topology);
    check_cpus(findings, &observation->topology);
    check_room(findings, observation);
    check_balancers(findings, observation);
    check_faults(findings, observation);
    check_pages(findings, kernel, observation);
}

void
vb_doctor_hot(GPtrArray *findings, VbKernel *kernel)
{
    static const char thing[] = "DAMON";
    guint64 threads = 0;
    if (!vb_kernel_read_number(kernel, DAMON "nr_kdamonds", &threads, NULL))
        vb_doctor_add(findings, VB_FINDING_HINDERS, thing,
                      "a kernel with CONFIG_DAMON_SYSFS and CONFIG_DAMON_VADDR (Debian: from 13 on), and root",
                      "cannot be asked: hot-first= has no effect, pages move in the order of their addresses");
    else if (threads > 0)
        vb_doctor_add(findings, VB_FINDING_HINDERS, thing,
                      "end who uses it; what nobody uses ends by echo 0 > " DAMON "nr_kdamonds",
                      "somebody watches memory with it: until that ends hot-first= has no effect");
    else
        vb_doctor_add(findings, VB_FINDING_GOOD, thing, NULL,
                      "can tell what is accessed most, for hot-first=");
}
