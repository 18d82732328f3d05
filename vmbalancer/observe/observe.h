/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/observation.h"
#include "core/settle.h"
#include "libvirt/hypervisor.h"
#include "mover/client.h"
#include "sys/kernel.h"

G_BEGIN_DECLS

/*
 * Sources -> observation. Reads, never changes. What cannot be read of a guest becomes a marked
 * unknown with a note; a guest that dies half-way is left out; only a hypervisor that cannot be
 * reached, or a host that makes no sense, is an error.
 */

/** Which mapping of the QEMU process is which cell's RAM. */
typedef struct {
    guint cell;              /**< id */
    VbRange range;
} VbRamMapping;

/** How closely to look at RAM. */
typedef enum {
    VB_RAM_SKIP,             /**< not at all: residency unknown */
    VB_RAM_SAMPLE,           /**< sampled page queries, error stated */
    VB_RAM_EXACT,            /**< numa_maps: exact, but holds the guest's mmap lock as it walks */
} VbRamDepth;

/** Where to look and how. */
typedef struct {
    VbKernel *kernel;
    VbHypervisor *hypervisor;
    VbMover *mover;          /**< NULL: memory files are read directly, no sampling */
    VbRamDepth ram;
    guint sample_pages;      /**< at most so many a cell; 0 = 11000: +-1 point at 95 % */
    const VbObservation *before; /**< (nullable): the last full look: pages of guests of which nothing says that
                                  they changed since then are not asked for again, nor are threads looked for */
    gboolean passthrough;    /**< may ask QEMU (taints) where mappings are ambiguous */
    guint deadline_ms;       /**< of each call to the hypervisor */
    /** Our own pins of a guest: thread -> cpuset text, NULL if none. Returns: (transfer full). */
    GHashTable *(*our_pins)(const char *uuid, gpointer user_data);
    /** What counts of what is asked for a guest; NULL = its metadata. Returns: (transfer full). */
    VbSettled *(*settle)(const VbDomain *live, gpointer user_data);
    gpointer user_data;
} VbObserver;

/**
 * A full look. Its guests were all alive at its time_ns, next to which their counters were read. A
 * guest whose process cannot be found is in it with pid 0 and everything of the process unknown.
 * One that the hypervisor could only half read is VB_OWNER_OBSERVE_ONLY ("unread") or worse.
 * Errors: those of `list`; VB_ERROR_INVALID naming a file of the host that makes no sense.
 */
VbObservation *vb_observe_full(const VbObserver *observer, GError **error);
/**
 * A look at the vCPU threads' counters only, of the guests that @full saw; cheap, without the
 * hypervisor.
 * Facts are those of @full; a guest whose process ended or changed since is not in it.
 */
VbObservation *vb_observe_threads(const VbObserver *observer, const VbObservation *full);

/**
 * The host alone: nodes, CPUs, memory, pools, distances, balancing, THP, rivals; as reserve the
 * larger of 5 % and 1 GiB a node. A kernel without NUMA is one node 0.
 * @before: (nullable): the last look; the processes of its guests are no rivals
 * Errors: VB_ERROR_INVALID naming the file and its text; then @observation is untouched.
 */
gboolean vb_observe_host(VbKernel *kernel, const VbObservation *before,
                         VbObservation *observation, GError **error);

/**
 * The guest RAM mappings of a guest's process, for moving.
 * @live: the cells as configured
 * Returns: (transfer full) (element-type VbRamMapping): one or more for each cell; NULL with
 * VB_ERROR_UNSUPPORTED, the reason and the mend if any cell's are ambiguous
 */
GPtrArray *vb_observe_ram(const VbObserver *observer, const VbProcess *process,
                          const VbDomain *live, GError **error);

G_END_DECLS
