/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <vmbalancer/topology.h>

G_BEGIN_DECLS

/*
 * A scenario: a host, its guests and what they do over time; world.h brings it to life. The same
 * value is read from a file (vmbalancer-scenario(5)) or made by a generator (generate.h).
 */

#define VB_SCENARIO_SCHEMA "vmbalancer.scenario/1"
/** Longest text of a scenario; longest run; most guests, vCPUs of all guests together, phases of a guest. */
#define VB_SCENARIO_SIZE_MAX (4u << 20)
#define VB_SCENARIO_SECONDS_MAX (7 * 24 * 3600)
#define VB_SCENARIO_GUESTS_MAX 1024
#define VB_SCENARIO_VCPUS_MAX 8192
#define VB_SCENARIO_PHASES_MAX 64
#define VB_SCENARIO_CELLS_MAX 16

/** What a guest does for a while; each of its vCPUs does the same. */
typedef struct {
    gint64 duration_ns;
    guint busy_bp;             /**< CPU time that a vCPU wants */
    guint memory_bp;           /**< share of its time that it waits for memory, all being local and unloaded */
    guint private_bp;          /**< share of its accesses that go to its own part of RAM */
    guint across_bp;           /**< of the others, share that goes to the RAM of all cells alike, not its own */
    guint64 touch_bytes_per_s; /**< RAM that a vCPU touches for the first time, in a second on a CPU */
} VbPhase;

/** How a guest comes. */
typedef enum {
    VB_ARRIVAL_THERE,     /**< it is there as the run begins, with RAM touched already */
    VB_ARRIVAL_START,     /**< it starts with nothing touched */
    VB_ARRIVAL_MIGRATION, /**< it comes by live-migration, with its RAM on a node of the kernel's choice */
} VbArrival;

/** A guest. */
typedef struct {
    char *name;
    char *policy;           /**< its own, NULL = that of the run */
    guint vcpus;            /**< dealt out to the cells evenly, in their order */
    guint cells;            /**< of equal size; 1 = no guest NUMA */
    guint64 memory_bytes;   /**< of all cells together */
    guint64 page_size;
    guint own_bp;           /**< share of RAM that is divided among the vCPUs, each having its own part */
    guint unmovable_bp;     /**< share of what is touched that does not move */
    guint touched_bp;       /**< share of RAM that is touched as it comes */
    VbArrival arrival;
    gint64 arrive_ns;
    gint64 leave_ns;        /**< -1: it stays */
    gboolean leaves_by_migration;
    gint64 shift_ns;        /**< its phases are so far on as the run begins */
    VbNodeSet ran_on;       /**< its vCPUs are dealt out to these nodes as it comes; 0: the kernel's choice */
    guint first;            /**< the first of those that gets one, counted from 0 */
    VbNodeSet memory_on;    /**< its touched RAM lies on these, evenly, as it comes; 0: where its vCPUs are */
    GArray *phases;         /**< (element-type VbPhase), never empty, from the first again after the last */
} VbScenarioGuest;

/** A node; ids are 0, 1, ... */
typedef struct {
    guint cpus;
    guint64 memory_bytes;
    guint64 used_bytes;            /**< by others than guests, all the time */
    guint64 bandwidth_bytes_per_s; /**< of its memory; 0 = without end */
    guint64 huge_2m;               /**< pages of 2 MiB and of 1 GiB in its pools, out of its memory */
    guint64 huge_1g;
} VbScenarioNode;

typedef struct {
    char *name;
    char *about;
    gint64 duration_ns;
    guint n_nodes;
    VbScenarioNode node[VB_NODES_MAX];
    guint16 distance[VB_NODES_MAX][VB_NODES_MAX];
    gint64 interval_ns;            /**< interval= of the daemon's configuration */
    guint64 rate_bytes_per_s;      /**< guest-rate= of it */
    gboolean reserve_set;
    guint64 reserve_bytes;         /**< reserve= of it */
    guint64 mover_bytes_per_s;     /**< what a mover achieves at most */
    gint64 look_ns;                /**< how long a full look at all guests takes */
    gint64 pin_ns;                 /**< how long a pin takes */
    guint busy_pages_bp;           /**< share of movable pages that cannot be moved just then */
    guint look_error_bp;           /**< half-width of the error of a look's residency shares; 0 = exact */
    guint drift_per_hour;          /**< how often the kernel wakes a vCPU on another node for no good reason */
    GHashTable *settings;          /**< policies' parameters, "NAME.parameter" -> gint64*; or NULL */
    GPtrArray *guests;             /**< (element-type VbScenarioGuest) */
} VbScenario;

/** A scenario of no nodes and guests, with the defaults of vmbalancer-scenario(5). @name: copied */
VbScenario *vb_scenario_new(const char *name);
void vb_scenario_free(VbScenario *scenario);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbScenario, vb_scenario_free)

/** Adds a node. All distances between nodes are 21 until they are set. */
VbScenarioNode *vb_scenario_add_node(VbScenario *scenario, guint cpus, guint64 memory_bytes);
/** Adds a guest of one cell that is there from the beginning, all touched, without phases yet. */
VbScenarioGuest *vb_scenario_add_guest(VbScenario *scenario, const char *name, guint vcpus,
                                       guint64 memory_bytes);
/** Adds a phase that waits for memory two fifths of its time, on RAM that all vCPUs share. */
VbPhase *vb_scenario_add_phase(VbScenarioGuest *guest, gint64 seconds, guint busy_bp);
/** vCPUs of all guests together. */
guint vb_scenario_vcpus(const VbScenario *scenario);

/**
 * Reads a scenario; unknown members are errors.
 * @length: in bytes, -1 if NUL-terminated
 * Returns: (transfer full); NULL with VB_ERROR_INVALID that names the member and what is expected
 */
VbScenario *vb_scenario_parse(const char *text, gssize length, GError **error);
/** Returns: (transfer full): a document that reads back as the same scenario, a member for each guest. */
JsonNode *vb_scenario_document(const VbScenario *scenario);

G_END_DECLS
