/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_REPLIES_H
#define QMP_REPLIES_H

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * What the typed queries answer. All values are owned by their struct and checked for type and
 * range. An optional member that QEMU left out is -1 (numbers, booleans as int) or NULL (strings):
 * never 0.
 */
#define QMP_GUEST_NODE_MAX 127 /* QEMU's MAX_NODES */
#define QMP_HOST_NODE_MAX 1023 /* the kernel's MAX_NUMNODES */

/* query-cpus-fast: index 0.., tid 1.. (a host thread id), ids of the topology 0.. or -1 */
typedef struct {
    gint64 index;
    gint64 tid;
    gint64 node_id; /* guest cell; 0..QMP_GUEST_NODE_MAX */
    gint64 socket_id;
    gint64 die_id;
    gint64 cluster_id;
    gint64 core_id;
    gint64 thread_id; /* the hardware thread within its core, not a host thread */
    char *qom_path;
    char *target; /* "x86_64" */
} QmpCpu;
void qmp_cpu_free(QmpCpu *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpCpu, qmp_cpu_free)

/* query-iothreads: tid 1.. */
typedef struct {
    char *id;
    gint64 tid;
} QmpIothread;
void qmp_iothread_free(QmpIothread *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpIothread, qmp_iothread_free)

/* OTHER: a word that is newer than this library. */
typedef enum {
    QMP_MEMDEV_POLICY_DEFAULT,
    QMP_MEMDEV_POLICY_PREFERRED,
    QMP_MEMDEV_POLICY_BIND,
    QMP_MEMDEV_POLICY_INTERLEAVE,
    QMP_MEMDEV_POLICY_OTHER,
} QmpMemdevPolicy;

/* query-memdev: host_nodes are guint, each 0..QMP_HOST_NODE_MAX, empty with policy DEFAULT */
typedef struct {
    char *id; /* may be NULL */
    gint64 size_bytes;
    int merge;
    int dump;
    int prealloc;
    int share; /* -1 before QEMU 6.1 */
    GArray *host_nodes;
    QmpMemdevPolicy policy;
} QmpMemdev;
void qmp_memdev_free(QmpMemdev *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpMemdev, qmp_memdev_free)

typedef enum {
    QMP_MEMORY_DEVICE_DIMM,
    QMP_MEMORY_DEVICE_NVDIMM,
    QMP_MEMORY_DEVICE_VIRTIO_MEM,
    QMP_MEMORY_DEVICE_VIRTIO_PMEM,
    QMP_MEMORY_DEVICE_SGX_EPC,
    QMP_MEMORY_DEVICE_OTHER,
} QmpMemoryDeviceKind;

/* query-memory-devices; of an OTHER device only what it happens to have under the same names */
typedef struct {
    QmpMemoryDeviceKind kind;
    char *type;        /* QEMU's word for the kind */
    char *id;          /* may be NULL */
    char *memdev;      /* QOM path of the backend, "/objects/ID" */
    gint64 addr;       /* guest physical */
    gint64 size_bytes; /* that the guest has now */
    gint64 max_bytes;  /* virtio-mem: the most it may have; else -1 */
    gint64 node;       /* guest cell; virtio-pmem has none: -1 */
} QmpMemoryDevice;
void qmp_memory_device_free(QmpMemoryDevice *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpMemoryDevice, qmp_memory_device_free)

/* query-version: each number 0..9999; package is "" for a plain build */
typedef struct {
    gint64 major;
    gint64 minor;
    gint64 micro;
    char *package;
} QmpVersion;
void qmp_version_free(QmpVersion *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpVersion, qmp_version_free)

/* HMP gpa2hva: where a guest physical address lies in QEMU's address space, and in which region */
typedef struct {
    guint64 gpa;
    guint64 hva;
    char *region; /* "ram-node1" */
} QmpGpa2hva;
void qmp_gpa2hva_free(QmpGpa2hva *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpGpa2hva, qmp_gpa2hva_free)

G_END_DECLS

#endif
