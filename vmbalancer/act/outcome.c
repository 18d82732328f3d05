/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/outcome.h"
#include "core/text.h"
#include <vmbalancer/error.h>

/* The tolerance of home-node: what is left is less than what a policy would move again. */
#define TOLERATED_PERCENT 1

static gboolean
all_but_crumbs(const VbMoveReport *report)
{
    guint64 left = report->bytes_unmovable + report->bytes_left;
    return left * 100 <= (report->bytes_moved + left) * TOLERATED_PERCENT;
}

VbResult
vb_outcome_result(const VbMoveReport *report)
{
    switch (report->end) {
    case VB_MOVE_COMPLETE:
    case VB_MOVE_LIMIT:
        return VB_RESULT_DONE;
    case VB_MOVE_CANCELLED:
        return VB_RESULT_CANCELLED;
    case VB_MOVE_STUCK:
        if (all_but_crumbs(report))
            return VB_RESULT_DONE;
        return report->bytes_moved > 0 ? VB_RESULT_PARTIAL : VB_RESULT_FAILED;
    case VB_MOVE_NO_SPACE:
    case VB_MOVE_STOPPED:
    case VB_MOVE_DENIED:
        return report->bytes_moved > 0 ? VB_RESULT_PARTIAL : VB_RESULT_FAILED;
    case VB_MOVE_GONE:
        break;
    }
    return VB_RESULT_FAILED;
}

/* What shares a page with another process, or with itself, is KSM more often than not. */
static char *
explain_stuck(const VbAction *action, const VbMoveReport *report, const char *left)
{
    g_autofree char *shared = vb_bytes_format(report->bytes_shared);
    if (report->bytes_shared == 0)
        return g_strdup_printf("%s do not move: pinned by a device or in use; they stay on node %d", left,
                               action->from);
    if (report->bytes_shared >= report->bytes_unmovable)
        return g_strdup_printf("%s do not move: shared, as KSM merges equal pages (<nosharepages/> keeps a "
                               "guest out of that) or a helper maps them; they stay on node %d",
                               left, action->from);
    return g_strdup_printf("%s do not move: %s shared, as KSM merges equal pages or a helper maps them, the "
                           "rest pinned by a device or in use; they stay on node %d",
                           left, shared, action->from);
}

char *
vb_outcome_text(const VbAction *action, const VbMoveReport *report, const char *stop_reason)
{
    g_autofree char *left = vb_bytes_format(report->bytes_left + report->bytes_unmovable);
    switch (report->end) {
    case VB_MOVE_COMPLETE:
    case VB_MOVE_LIMIT:
        return NULL;
    case VB_MOVE_STUCK:
        if (all_but_crumbs(report))
            return NULL;
        return explain_stuck(action, report, left);
    case VB_MOVE_NO_SPACE:
        return g_strdup_printf("node %d is full, %s stay on node %d: free memory or hugepages "
                               "there, or name another node with --to",
                               action->to, left, action->from);
    case VB_MOVE_STOPPED:
        return g_strdup_printf("its QEMU process is stopped (SIGSTOP or a debugger): %s stay on "
                               "node %d until it goes on",
                               left, action->from);
    case VB_MOVE_GONE:
        return g_strdup("the guest ended in mid-move");
    case VB_MOVE_DENIED:
        return g_strdup("the kernel refused: vmbalancer-mover needs CAP_SYS_NICE and "
                        "CAP_SYS_PTRACE, and a cpuset that holds the target node");
    case VB_MOVE_CANCELLED:
        break;
    }
    return g_strdup_printf("stopped after the current batch, %s left%s%s", left,
                           stop_reason != NULL ? ": " : "", stop_reason != NULL ? stop_reason : "");
}

int
vb_outcome_code(const VbMoveReport *report)
{
    switch (report->end) {
    case VB_MOVE_GONE:
        return VB_ERROR_NO_GUEST;
    case VB_MOVE_NO_SPACE:
        return VB_ERROR_NO_SPACE;
    case VB_MOVE_DENIED:
        return VB_ERROR_DENIED;
    case VB_MOVE_CANCELLED:
        return VB_ERROR_CANCELLED;
    default:
        return VB_ERROR_FAILED;
    }
}

gboolean
vb_outcome_may_continue(const VbMoveReport *report)
{
    return report->end == VB_MOVE_COMPLETE || report->end == VB_MOVE_LIMIT ||
           report->end == VB_MOVE_STUCK;
}
