/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/topology.h>

G_BEGIN_DECLS

/*
 * By how many hugepages we enlarged and reduced the nodes' pools, for whose sake: one small JSON file,
 * written to disk before a pool is, so that a kill at any moment leaves what the next start can give
 * back. Pools are set anew when the host boots: a file of another boot is void.
 */

/** What the moves of a guest changed the pools of one page size by. */
typedef struct {
    char *uuid;
    guint64 page_size;
    int from;                   /**< nodes of its last move */
    int to;
    gint64 pages[VB_NODES_MAX]; /**< by node; their sum is what the host has too many */
} VbLoan;

/** The write to a pool that was about to be made when the file was written. */
typedef struct {
    char *uuid; /**< NULL: there is none */
    guint64 page_size;
    int node;
    guint64 before;
    guint64 after;
} VbLoanStep;

/** Pages of a size on all nodes, as we left them. */
typedef struct {
    guint64 page_size;
    guint64 pages;
} VbLoanTotal;

typedef struct {
    GPtrArray *loans; /**< (element-type VbLoan) */
    VbLoanStep step;
    GArray *totals;   /**< (element-type VbLoanTotal) */
} VbLoans;

VbLoans *vb_loans_new(void);
void vb_loans_free(VbLoans *loans);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbLoans, vb_loans_free)

/** TRUE if @dir has a file of them. */
gboolean vb_loans_exist(const char *dir);
/**
 * Reads them; none is an empty one.
 * @boot: names this boot of the host
 * Returns: (transfer full): NULL with VB_ERROR_FAILED naming the file and the mend if it is damaged,
 * VB_ERROR_DENIED if it may not be read.
 */
VbLoans *vb_loans_load(const char *dir, const char *boot, GError **error);
/**
 * Writes them, durable when it returns; those that come to nothing are left out, and without any the
 * file is removed. Errors: VB_ERROR_DENIED, VB_ERROR_FAILED with the path.
 */
gboolean vb_loans_save(const char *dir, const char *boot, VbLoans *loans, GError **error);

/** That of a guest, NULL if there is none. Returns: (transfer none) */
VbLoan *vb_loans_find(const VbLoans *loans, const char *uuid, guint64 page_size);
/** The same; one that comes to nothing is made. */
VbLoan *vb_loans_open(VbLoans *loans, const char *uuid, guint64 page_size);
/** Pages that the host has too many for it; below 0, too few. */
gint64 vb_loan_excess(const VbLoan *loan);
/** Bytes that pools of @node were enlarged by, less what they were reduced by. */
gint64 vb_loans_net_bytes(const VbLoans *loans, int node);
/** Notes how many pages of that size all nodes have now. */
void vb_loans_set_total(VbLoans *loans, guint64 page_size, guint64 pages);
/** Returns: FALSE if that was never noted. */
gboolean vb_loans_total(const VbLoans *loans, guint64 page_size, guint64 *ret);
/** Takes the step as made: @now is what the pool has. Only what lies between before and after is ours. */
void vb_loans_take_step(VbLoans *loans, guint64 now);

G_END_DECLS
