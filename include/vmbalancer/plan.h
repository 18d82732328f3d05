/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/snapshot.h>

G_BEGIN_DECLS

/** What an action does. */
typedef enum {
    VB_ACTION_PIN,  /**< restrict a thread to the CPUs of a node */
    VB_ACTION_MOVE, /**< bring a cell's pages from one node to another */
} VbActionKind;

/** One action. Actions of a guest are done in the order of the plan: pins, then pages. */
typedef struct {
    VbActionKind kind;
    char *uuid;
    char *guest;         /**< its name, for people */
    char *thread;        /**< pin: "vcpuN", "emulator" or "iothreadN"; else NULL */
    VbCpuSet cpus;       /**< pin: the CPUs, never empty */
    guint cell;          /**< move: id of the cell */
    int from;            /**< move: node that the pages leave; pin: where it ran most, or VB_NO_NODE */
    int to;              /**< node that it goes to */
    guint64 bytes;       /**< cost: bytes to move; 0 for a pin */
    gboolean all;        /**< move: all that the cell has on @from, @bytes being the estimate; else @bytes at most */
    int gain_bp;         /**< expected gain of the guest's locality, of the plan as a whole for the guest */
    VbCause cause;       /**< for the statistics; a policy may leave it VB_CAUSE_NONE: locality */
    char *reason;        /**< why, in words */
} VbAction;

/** Why a guest is not moved. @code is stable, for scripts; @reason names thing, reason and mend. */
typedef struct {
    char *uuid;
    char *guest;
    char *code;
    char *reason;
} VbDecline;

/** What a policy would do to a vCPU if the next decision agreed: the model counts it. */
typedef struct {
    char *uuid;
    guint vcpu;          /**< id */
    int node;            /**< that it would be sent to */
} VbIntent;

/** What a policy wants done, and what not and why. */
typedef struct {
    char *policy;
    GPtrArray *actions;  /**< (element-type VbAction) */
    GPtrArray *declined; /**< (element-type VbDecline), at most one a guest */
    GPtrArray *intents;  /**< (element-type VbIntent), at most one a vCPU */
} VbPlan;

/** What became of an action. */
typedef enum {
    VB_RESULT_DONE,
    VB_RESULT_PARTIAL,   /**< some of it; @error says what stopped it */
    VB_RESULT_FAILED,
    VB_RESULT_CANCELLED,
} VbResult;

/** Time in which a move stood still beyond what its rate asks, so that others had what it takes from them. */
typedef struct {
    gint64 memory_ns;    /**< as the host was short of memory */
    gint64 cpus_ns;      /**< as the guest waited for CPUs */
} VbRested;

typedef struct {
    guint action;        /**< index into the plan's actions */
    VbResult result;
    guint64 bytes_moved;
    guint64 bytes_stuck; /**< the kernel would not move these, however often it was asked */
    gint64 duration_ns;
    VbRested rested;     /**< of the duration */
    char *error;         /**< NULL when done */
    int code;            /**< VbError of @error, VB_ERROR_FAILED if there is none of its own */
} VbOutcome;

VbPlan *vb_plan_new(const char *policy);
VbPlan *vb_plan_copy(const VbPlan *plan);
void vb_plan_free(VbPlan *plan);
VbAction *vb_action_copy(const VbAction *action);
void vb_action_free(VbAction *action);
void vb_decline_free(VbDecline *decline);
VbOutcome *vb_outcome_new(guint action, VbResult result, guint64 bytes_moved, gint64 duration_ns,
                          const char *error);
void vb_outcome_free(VbOutcome *outcome);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbPlan, vb_plan_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbAction, vb_action_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbDecline, vb_decline_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbOutcome, vb_outcome_free)

/** Appends a pin of @thread to @cpus on node @to. Returns: (transfer none), to be refined. */
VbAction *vb_plan_add_pin(VbPlan *plan, const VbGuest *guest, const char *thread,
                          const VbCpuSet *cpus, int from, int to, const char *reason);
/** Appends a move of @bytes of @cell. Returns: (transfer none), to be refined. */
VbAction *vb_plan_add_move(VbPlan *plan, const VbGuest *guest, guint cell, int from, int to,
                           guint64 bytes, const char *reason);
/** Notes why @guest is not moved; the first note of a guest stands. */
void vb_plan_decline(VbPlan *plan, const VbGuest *guest, const char *code, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
/** The note of that guest, NULL if there is none. */
const VbDecline *vb_plan_declined(const VbPlan *plan, const char *uuid);
/** Notes that @vcpu would be sent to @node if the next decision agreed. */
void vb_plan_intend(VbPlan *plan, const char *uuid, guint vcpu, int node);
/** The node of such a note, VB_NO_NODE if there is none. */
int vb_plan_intent(const VbPlan *plan, const char *uuid, guint vcpu);
/** Sum of the bytes of all moves. */
guint64 vb_plan_bytes(const VbPlan *plan);

/** "pin", "move". */
const char *vb_action_kind_name(VbActionKind kind);
/** Whatever moved something counts, however it ended. */
gboolean vb_outcome_acted(const VbOutcome *outcome);
/** "done", "partial", "failed", "cancelled". */
const char *vb_result_name(VbResult result);

G_END_DECLS
