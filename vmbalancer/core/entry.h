/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/plan.h>

G_BEGIN_DECLS

/** What an entry of the history tells of. */
typedef enum {
    VB_ENTRY_PIN,      /**< threads of a guest were pinned, or were to be */
    VB_ENTRY_MOVE,     /**< a cell's pages were moved, or were to be */
    VB_ENTRY_RELEASE,  /**< pins were given back, or were to be */
    VB_ENTRY_GAVE_UP,  /**< the daemon leaves the guest to somebody else who places it by now */
    VB_ENTRY_DECLINED, /**< why the daemon does not place a guest that opted in became another */
    VB_ENTRY_KINDS,
} VbEntryKind;

/** "pin", "move", "release", "gave-up", "declined"; ends with NULL. */
extern const char *const vb_entry_kind_names[];

/**
 * An entry of the history. Entries of one placement of a guest have its UUID and one time. Texts are
 * NULL where there is none.
 */
typedef struct {
    gint64 time_us;   /**< since 1970: when it was over */
    VbEntryKind kind;
    char *uuid;
    char *guest;      /**< its name then */
    char *who;        /**< "daemon" or "command" */
    char *cause;      /**< pin, move: as vb_cause_name() */
    char *policy;     /**< pin, move */
    char **threads;   /**< pin: those that this entry is about; NULL else */
    int cell;         /**< move: id of the cell; else -1 */
    int from;         /**< node, VB_NO_NODE if none or unknown */
    int to;
    guint64 bytes;    /**< moved */
    gint64 duration_ns;
    VbRested rested;  /**< move: of the duration */
    char *result;     /**< pin, move, release: as vb_result_name() */
    int gain_bp;      /**< pin, move: expected of the guest's locality, by the whole plan */
    guint restored;   /**< release: threads given back, left to others, unplugged */
    guint left;
    guint absent;
    char *code;       /**< gave-up, declined: stable reason code */
    char *reason;     /**< why, in words */
    char *error;      /**< what went wrong, in words */
} VbEntry;

/** An entry of now-here: no node, no cell, all else NULL or 0. */
VbEntry *vb_entry_new(VbEntryKind kind, const char *uuid, const char *guest);
void vb_entry_free(VbEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbEntry, vb_entry_free)

/**
 * What a plan did to the guest of that UUID: an entry for its pins that went the same way to the same
 * node, and one for each move.
 * @outcomes: (element-type VbOutcome): one for each action, in their order; those of other guests may be
 * in the making
 * Returns: (transfer full) (element-type VbEntry)
 */
GPtrArray *vb_entry_list(const VbPlan *plan, const GPtrArray *outcomes, const char *uuid,
                         const char *who, gint64 time_us);

G_END_DECLS
