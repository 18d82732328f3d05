/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/mark.h"
#include "core/wish.h"
#include <vmbalancer/topology.h>

G_BEGIN_DECLS

/*
 * What a guest's domain XML says that matters to placement. Read by libvirt/domain_xml.c, judged
 * by core/owner.c. One value from the live XML, one from the inactive XML.
 */

/** How a cell's RAM is backed. */
typedef enum {
    VB_BACKING_ANONYMOUS, /**< private anonymous memory, THP or not */
    VB_BACKING_MEMFD,     /**< memfd */
    VB_BACKING_FILE,      /**< a file: <source type='file'/>, or an access mode alone */
    VB_BACKING_HUGEPAGES, /**< hugetlb, from hugetlbfs or memfd */
} VbBacking;

/**
 * A guest NUMA cell as configured; a guest without cells has one that holds everything. Also a memory
 * device, RAM that was plugged in: it has no vCPUs, and the id of the cell that it belongs to.
 */
typedef struct {
    guint id;
    VbCpuSet vcpus;        /**< guest vCPU ids */
    guint64 size_bytes;    /**< of QEMU's memory backend */
    guint64 given_bytes;   /**< of a memory device: what the guest has of it, all or less; else 0 */
    guint64 page_size;     /**< 4096, or the hugepage size that applies to this cell;
                                2 MiB, x86's default, where <hugepages/> names no size:
                                what the kernel says of the mapping is surer */
    VbBacking backing;
    gboolean shared;       /**< mapped shared (memAccess or access mode) */
    char *memnode;         /**< nodeset text of <memnode> for this cell, NULL if none */
    char *backend;         /**< id of QEMU's memory backend; NULL = as libvirt names it */
} VbDomainCell;

/** A <vcpupin>, <emulatorpin> or <iothreadpin>. */
typedef struct {
    char *thread;          /**< "vcpuN", "emulator", "iothreadN" */
    char *cpuset;          /**< as written */
} VbDomainPin;

/** A thread as QEMU itself tells it. */
typedef struct {
    char *thread;          /**< "vcpuN", "iothreadN" */
    int tid;               /**< > 0 */
} VbDomainThread;

/** The facts of one domain XML, or of a guest without libvirt what stands in their place. */
typedef struct {
    char *name;
    char *uuid;
    guint n_vcpus;         /**< current */
    VbCpuSet plugged;      /**< ids of the vCPUs that are; with gaps after a hot-unplug */
    guint64 memory_bytes;
    GPtrArray *cells;      /**< (element-type VbDomainCell), never empty */
    GPtrArray *memory_devices; /**< (element-type VbDomainCell): DIMMs and virtio-mem, each of one of @cells */
    GPtrArray *pins;       /**< (element-type VbDomainPin) */
    char *vcpu_cpuset;     /**< <vcpu cpuset=>, NULL if none */
    gboolean placement_auto;
    char *numatune_nodeset;/**< <numatune><memory nodeset=>, NULL if none; live, with
                                placement='auto': numad's choice, NULL if libvirt is silent */
    char *numatune_mode;   /**< "strict", "preferred", "interleave", "restrictive"; NULL if none */
    GArray *iothreads;     /**< (element-type guint) ids */
    gboolean locked;       /**< <memoryBacking><locked/> */
    guint n_hostdevs;      /**< passed-through PCI or mediated devices: VFIO pins the RAM */
    GPtrArray *devices;    /**< (element-type char*) host devices that serve it, as folders below /sys:
                                "bus/pci/devices/0000:3b:00.0"; letters, digits and ":._-" between slashes */
    gboolean nova;         /**< OpenStack Nova's metadata namespace */
    gboolean ovirt;        /**< oVirt's metadata namespace */
    gboolean kubevirt;     /**< KubeVirt's metadata namespace */
    char *policy;          /**< vmb:numa policy=, NULL if none or bad */
    char *home_nodes;      /**< vmb:numa <home nodes=>, NULL if none */
    VbWish *wish;          /**< vmb:numa whole, NULL if there is none or it is bad */
    GPtrArray *marks;      /**< (element-type VbMark): pins that a vmbalancer noted in the metadata
                                as its own; empty if the note is damaged */
    char *metadata_error;  /**< what is wrong with the vmb:numa element, NULL if nothing */
    int pid;               /**< its process; 0 = not told: to be looked for by its UUID */
    guint64 start_time;    /**< of that process, clock ticks since boot */
    GPtrArray *threads;    /**< (element-type VbDomainThread): empty = to be told by their names */
    gboolean own_monitor;  /**< QEMU may be asked freely: its socket is the administrator's word */
} VbDomain;

void vb_domain_cell_free(VbDomainCell *cell);
void vb_domain_pin_free(VbDomainPin *pin);
void vb_domain_thread_free(VbDomainThread *thread);
/** Empty arrays, all else zero. */
VbDomain *vb_domain_new(void);
void vb_domain_free(VbDomain *domain);
/** How many pieces of RAM there are: the cells, then the memory devices. */
guint vb_domain_n_ram(const VbDomain *domain);
/** The piece @index of them, below that number. */
const VbDomainCell *vb_domain_ram(const VbDomain *domain, guint index);
/** RAM of @cell in bytes, with what the guest was given of its memory devices. */
guint64 vb_domain_cell_bytes(const VbDomain *domain, const VbDomainCell *cell);
/** The cpuset text that @thread is pinned to, NULL if the XML has no pin for it. */
const char *vb_domain_pin_of(const VbDomain *domain, const char *thread);
/** The thread of that name, 0 if there is none. @threads: (element-type VbDomainThread) */
int vb_domain_tid_in(const GPtrArray *threads, const char *thread);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbDomainCell, vb_domain_cell_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbDomainPin, vb_domain_pin_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbDomain, vb_domain_free)

G_END_DECLS
