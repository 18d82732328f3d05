/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Highest node id + 1 that a host may have; arrays "by node" are indexed by the kernel's id. */
#define VB_NODES_MAX 64
/** Highest CPU number + 1 that a host may have. */
#define VB_CPUS_MAX 4096
/** Hugepage sizes that one node may have a pool of. */
#define VB_POOLS_MAX 4
/** No node: an unknown or meaningless node id. */
#define VB_NO_NODE (-1)
/** SLIT distance of a node to itself (ACPI 6.5, 5.2.17). */
#define VB_DISTANCE_LOCAL 10
/** Basis points of one whole: shares are integers, 10,000 = 100 %. */
#define VB_BP 10000

/** A set of nodes: bit i = node id i. */
typedef guint64 VbNodeSet;
#define VB_NODE_BIT(id) (G_GUINT64_CONSTANT(1) << (id))
/** For each node id of @set, ascending; @id is an int that the caller declared. */
#define VB_NODESET_FOREACH(id, set)                                                                \
    for ((id) = 0; (id) < VB_NODES_MAX; (id)++)                                                    \
        if ((set)&VB_NODE_BIT(id))

/** A set of host CPUs. A zeroed value is the empty set. */
typedef struct {
    guint64 word[VB_CPUS_MAX / 64];
} VbCpuSet;

/** A pool of hugepages on a node: sizes in bytes, counts in pages. */
typedef struct {
    guint64 page_size;
    guint64 total;
    guint64 free;   /**< that moves may take, those that may be borrowed included */
    guint64 borrow; /**< of @free, those that the pool would have to be enlarged by first */
} VbHugePool;

/** A node as the kernel shows it. */
typedef struct {
    VbCpuSet cpus;               /**< online CPUs that guests may run on; empty for a CPU-less node */
    guint n_cpus;                /**< how many that are */
    guint capacity_bp;           /**< what they get done at once, in basis points of a CPU that has its
                                      core for itself; 0: of each one CPU; see vb_node_capacity_bp() */
    guint bandwidth_mib_s;       /**< of its RAM, read by its nearest CPUs, as ACPI's HMAT has it; 0 = unknown */
    guint64 memory_total_bytes;  /**< 0 for a memory-less node */
    guint64 memory_free_bytes;   /**< MemFree plus clean page cache that is given up at need */
    VbHugePool pools[VB_POOLS_MAX];
    guint n_pools;
    guint16 distance[VB_NODES_MAX]; /**< SLIT, by node id; 10 = local, 0 = no such node */
} VbNode;

/** The host's shape. Value type: copy by assignment of the pointed-to struct. */
typedef struct {
    VbNodeSet nodes;            /**< the ids that exist */
    VbCpuSet isolated;          /**< CPUs that the kernel keeps free of common threads (isolcpus=): only
                                     who names them may run there */
    VbCpuSet barred;            /**< online CPUs that no guest may use, as the cgroup of all guests lacks
                                     them; in no node's set */
    VbNode node[VB_NODES_MAX];  /**< by id; meaningless outside @nodes */
} VbTopology;

/** Formats as "0-1,3", "" for the empty set. Returns: (transfer full). */
char *vb_nodeset_format(VbNodeSet set);

/**
 * Parses a list as the kernel and virsh write it ("0-1,3"; blank is the empty set).
 * Returns: FALSE with VB_ERROR_INVALID naming @text on anything else or an id >= VB_NODES_MAX;
 * @ret is then untouched.
 */
gboolean vb_nodeset_parse(const char *text, VbNodeSet *ret, GError **error);
/** Number of nodes in @set. */
guint vb_nodeset_count(VbNodeSet set);
/** Lowest id in @set, VB_NO_NODE for the empty set. */
int vb_nodeset_first(VbNodeSet set);

/** As vb_nodeset_format(), for CPUs. */
char *vb_cpuset_format(const VbCpuSet *set);
/** As vb_nodeset_parse(), for CPUs; also takes libvirt's exclusions ("0-7,^3"). */
gboolean vb_cpuset_parse(const char *text, VbCpuSet *ret, GError **error);
void vb_cpuset_add(VbCpuSet *set, guint cpu);
gboolean vb_cpuset_has(const VbCpuSet *set, guint cpu);
guint vb_cpuset_count(const VbCpuSet *set);
gboolean vb_cpuset_equal(const VbCpuSet *a, const VbCpuSet *b);
/** TRUE if each CPU of @inner is in @outer. */
gboolean vb_cpuset_within(const VbCpuSet *inner, const VbCpuSet *outer);
VbCpuSet vb_cpuset_and(const VbCpuSet *a, const VbCpuSet *b);
VbCpuSet vb_cpuset_or(const VbCpuSet *a, const VbCpuSet *b);
/** The CPUs of @a that are not in @b. */
VbCpuSet vb_cpuset_minus(const VbCpuSet *a, const VbCpuSet *b);

/** The node of @cpu, VB_NO_NODE if no node has it. */
int vb_topology_node_of_cpu(const VbTopology *topology, guint cpu);
/** The nodes that have a CPU in @cpus. */
VbNodeSet vb_topology_nodes_of_cpus(const VbTopology *topology, const VbCpuSet *cpus);
/** All online CPUs of @nodes. */
VbCpuSet vb_topology_cpus_of_nodes(const VbTopology *topology, VbNodeSet nodes);
/** The same without the isolated ones: where libvirt lets a guest run whose XML names no CPUs. */
VbCpuSet vb_topology_common_cpus(const VbTopology *topology, VbNodeSet nodes);
/** CPU time that the CPUs of @node give at once, in basis points of a CPU. */
guint vb_node_capacity_bp(const VbNode *node);
/** The nodes with CPUs and memory: those that can be a home. */
VbNodeSet vb_topology_home_nodes(const VbTopology *topology);
/** The pool of @page_size on @node, NULL if it has none. */
const VbHugePool *vb_node_pool(const VbNode *node, guint64 page_size);
/** Of @pages that are to be taken from @pool, how many have to be borrowed. */
guint64 vb_pool_borrowed(const VbHugePool *pool, guint64 pages);

G_END_DECLS
