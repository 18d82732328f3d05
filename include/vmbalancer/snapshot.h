/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/statistics.h>
#include <vmbalancer/terms.h>
#include <vmbalancer/topology.h>

G_BEGIN_DECLS

/*
 * The snapshot: what a policy may know of a host. Immutable once emitted by the model.
 * Unknown is not zero: where a fact has a *_known flag and that is FALSE, the fact's value
 * means nothing, and a policy that needs it declines with a reason.
 */

/** Who places this guest, and so what vmbalancer may do (README, "Who else places guests"). */
typedef enum {
    VB_OWNER_FREE,         /**< nobody: may be placed anywhere */
    VB_OWNER_OURS,         /**< vmbalancer placed it */
    VB_OWNER_BOUNDED,      /**< may be placed, inside @boundary only */
    VB_OWNER_HANDS_OFF,    /**< an operator or another manager placed it: refused without force */
    VB_OWNER_OBSERVE_ONLY, /**< another manager would undo us: refused without force */
} VbOwner;

/** The state of a guest, as far as moving it is concerned. */
typedef enum {
    VB_GUEST_RUNNING,
    VB_GUEST_PAUSED,
    VB_GUEST_BUSY,    /**< migrating, saving, stopping: must be left alone now */
    VB_GUEST_OFF,     /**< no process */
    VB_GUEST_UNKNOWN,
} VbGuestState;

/** Cells of a guest that what is said by cell has room for. */
#define VB_CELLS_MAX 64

/** A vCPU thread over the time since the last look. */
typedef struct {
    guint id;
    int tid;                            /**< thread id on the host, 0 if unknown */
    gboolean busy_known;
    guint busy_bp;                      /**< CPU demand: share of the time it ran, 0..10000 */
    gboolean wait_known;
    guint wait_bp;                      /**< share of the time it could have run but waited for a CPU, 0..10000 */
    gboolean share_known;
    guint share_bp[VB_NODES_MAX];       /**< share of its run time by node; sums to 10000 */
    gboolean access_known;
    guint access_bp[VB_NODES_MAX];      /**< state: share of its accesses by node, of late; sums to 10000 */
    gboolean faults_known;              /**< the kernel's NUMA faults say so: @access_bp is theirs, not the RAM's */
    guint private_bp;                   /**< of those faults, the share on pages that no other thread touched */
    gboolean cells_known;               /**< and they say which cells it uses */
    guint cell_bp[VB_CELLS_MAX];        /**< state: share of its accesses by index of the cell; sums to 10000 */
    int intent;                         /**< state: node that the last decision would send it to; or VB_NO_NODE */
    guint intent_seen;                  /**< state: decisions in a row that would */
    gboolean affinity_known;
    VbCpuSet affinity;                  /**< CPUs that it may run on now */
    int cell;                           /**< index into the guest's cells, its own cell */
} VbVcpu;

/** Any other thread of a guest that libvirt can pin. */
typedef struct {
    char *name;                         /**< "emulator" or "iothreadN" */
    gboolean affinity_known;
    VbCpuSet affinity;
} VbHelperThread;

/** A guest NUMA cell's RAM. A guest without cells has one. */
typedef struct {
    guint id;
    guint64 size_bytes;                 /**< as configured */
    guint64 page_size;                  /**< of the backing: 4096, or the hugepage size */
    gboolean residency_known;           /**< the next four are meaningful */
    guint64 present_bytes;
    guint64 by_node[VB_NODES_MAX];      /**< present bytes by node */
    guint error_bp;                     /**< half-width at 95 % of each node's share; 0 = exact */
    guint64 unmovable_bytes;            /**< of the present bytes: known not to move, @stuck_bytes included */
    gboolean unmapped_known;            /**< the next two are meaningful: asked where a part of shared RAM is not mapped */
    guint64 unmapped_bytes;             /**< in memory, on nodes unknown, but not present: others have touched it, QEMU has
                                             not mapped it. Neither local nor remote, and nothing moves it */
    guint64 unmapped_error_bytes;       /**< half-width of that at 95 %; 0 = exact */
    gboolean movable;                   /**< FALSE: none of it moves; @note says why */
    char *note;                         /**< why unknown or unmovable; NULL if neither */
    VbNodeSet home;                     /**< state: 0 if it has none yet */
    guint remote_seen;                  /**< state: looks in a row that found it away from home */
    int top;                            /**< state: the node that held most of it, VB_NO_NODE if none did */
    guint top_seen;                     /**< state: looks in a row in which that node did */
    guint64 left_bytes[VB_NODES_MAX];   /**< state: by node, what stayed when it last was to move */
    guint64 stuck_bytes[VB_NODES_MAX];  /**< state: by node, what stayed twice */
    gint64 stuck_ns;                    /**< state: when some of it last did */
} VbCell;

/** A guest. */
typedef struct {
    char *name;                         /**< valid UTF-8, but the owner's text: escape on show */
    char *uuid;                         /**< canonical 36 characters; ties break by it */
    int pid;                            /**< 0 if it has no process */
    guint64 start_time;                 /**< of the process, clock ticks since boot; with @pid its identity */
    VbGuestState state;
    VbOwner owner;
    char *owner_code;                   /**< stable reason code of @owner, e.g. "vcpupin"; NULL for free */
    char *reason;                       /**< the same in words; NULL if there is nothing to say */
    VbNodeSet boundary;                 /**< nodes that it may be placed on */
    VbCpuSet cpu_boundary;              /**< CPUs that it may be pinned to */
    char *policy;                       /**< the guest's own policy, NULL = the host's default */
    VbTerms terms;                      /**< what else is asked for it; all zero = nothing */
    gboolean selected;                  /**< a policy may act on it in this decision */
    gboolean forced;                    /**< the administrator overrides @owner */
    gboolean asked;                     /**< the administrator asked for it: its RAM is to come along, however
                                             idle it is and whatever that costs */
    GPtrArray *vcpus;                   /**< (element-type VbVcpu), ascending by id */
    GPtrArray *helpers;                 /**< (element-type VbHelperThread) */
    GPtrArray *cells;                   /**< (element-type VbCell), ascending by id, never empty */
    guint64 devices[VB_NODES_MAX];      /**< by node, host devices that serve it: passed through, NVMe disks, NICs that its own
                                             ones are made of; those whose node is unknown are not counted */
    GHashTable *settings;               /**< policy parameters of its own: name -> gint64*; or NULL */
    gint64 last_move_ns;                /**< state: when a plan last moved it, 0 = never */
    VbStatistics statistics;            /**< state: for people; no policy decides by it */
} VbGuest;

/** The host at one moment. */
typedef struct {
    gint64 time_ns;                     /**< monotonic clock of the observation */
    VbTopology topology;
    guint64 reserve_bytes[VB_NODES_MAX];/**< that must stay free, by node */
    GPtrArray *guests;                  /**< (element-type VbGuest), ascending by uuid */
    GHashTable *settings;               /**< the host's policy parameters: name -> gint64*; or NULL */
    char *rival;                        /**< another balancer that runs ("numad"), NULL if none */
    gboolean kernel_balancing;          /**< kernel.numa_balancing is on */
} VbSnapshot;

VbVcpu *vb_vcpu_new(void);
VbVcpu *vb_vcpu_copy(const VbVcpu *vcpu);
void vb_vcpu_free(VbVcpu *vcpu);
VbHelperThread *vb_helper_thread_new(const char *name);
VbHelperThread *vb_helper_thread_copy(const VbHelperThread *thread);
void vb_helper_thread_free(VbHelperThread *thread);
VbCell *vb_cell_new(void);
VbCell *vb_cell_copy(const VbCell *cell);
void vb_cell_free(VbCell *cell);
/** TRUE if a part of the cell that is worth a word, 1 % and more than the error, is there but not mapped by QEMU. */
gboolean vb_cell_is_partly_unmapped(const VbCell *cell);
/** A guest with empty arrays and every string NULL. */
VbGuest *vb_guest_new(void);
VbGuest *vb_guest_copy(const VbGuest *guest);
void vb_guest_free(VbGuest *guest);
VbSnapshot *vb_snapshot_new(void);
/** Deep copy. */
VbSnapshot *vb_snapshot_copy(const VbSnapshot *snapshot);
void vb_snapshot_free(VbSnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbVcpu, vb_vcpu_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbCell, vb_cell_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbHelperThread, vb_helper_thread_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbGuest, vb_guest_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbSnapshot, vb_snapshot_free)

/** Brings guests, vCPUs and cells into their order; every maker of a snapshot calls it last. */
void vb_snapshot_sort(VbSnapshot *snapshot);
/** The guest of that UUID, NULL if there is none. */
VbGuest *vb_snapshot_find(const VbSnapshot *snapshot, const char *uuid);

/**
 * Share of a vCPU's accesses that goes to the @cell-th cell, 0..10000: as the kernel's faults say, else
 * all to its own cell.
 */
guint vb_vcpu_cell_weight(const VbVcpu *vcpu, guint cell);

/** Sum of a guest's busy shares, in bp of one CPU; unknown vCPUs count as fully busy. */
guint vb_guest_demand_bp(const VbGuest *guest);
/** Sum of the cells' present bytes; cells of unknown residency count with their full size. */
guint64 vb_guest_present_bytes(const VbGuest *guest);
/** Union of the cells' homes. */
VbNodeSet vb_guest_home(const VbGuest *guest);

/**
 * The guest's locality (POLICIES: sum over vCPUs of busy share x cells of access weight x nodes of
 * time share x resident share). Access weights are those of vb_vcpu_cell_weight(); a guest without
 * cells uses all RAM evenly. Where no vCPU was busy each counts alike.
 *
 * @ret_locality_bp: 0..10000
 * @ret_error_bp: (nullable): half-width at 95 %, from the residencies' errors
 * Returns: FALSE if residency or time share of what it rests on is unknown; outputs untouched.
 */
gboolean vb_guest_locality(const VbGuest *guest, guint *ret_locality_bp, guint *ret_error_bp);
/**
 * Present bytes on each cell's home, and elsewhere. Returns: FALSE if some cell has no home yet or its
 * residency is unknown; outputs untouched.
 */
gboolean vb_guest_home_bytes(const VbGuest *guest, guint64 *ret_local, guint64 *ret_remote);
/** Its locality over all the time that it was watched, in bp; before that, vb_guest_locality(). */
gboolean vb_guest_cumulative_locality(const VbGuest *guest, guint *ret_locality_bp);
/**
 * The host's locality: the mean of the guests whose locality is known, each with the weight of its
 * CPU demand; where none demands CPU each counts alike.
 * Returns: FALSE if no guest's locality is known; @ret_locality_bp is then untouched.
 */
gboolean vb_snapshot_locality(const VbSnapshot *snapshot, guint *ret_locality_bp);

/** "free", "ours", "bounded", "hands-off", "observe-only". */
const char *vb_owner_name(VbOwner owner);
/** "running", "paused", "busy", "off", "unknown". */
const char *vb_guest_state_name(VbGuestState state);

G_END_DECLS
