/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/domain_state.h"
#include <libvirt/libvirt.h>

#define ANY_REASON (-1)

/* The first row that fits holds. */
static const struct {
    int state;
    int reason;
    VbGuestState ours;
    const char *busy;
} states[] = {
    {VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY, VB_GUEST_BUSY, "migration"},
    {VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY_FAILED, VB_GUEST_BUSY, "migration"},
    {VIR_DOMAIN_RUNNING, ANY_REASON, VB_GUEST_RUNNING, NULL},
    {VIR_DOMAIN_BLOCKED, ANY_REASON, VB_GUEST_RUNNING, NULL},
    {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION, VB_GUEST_BUSY, "migration"},
    {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY, VB_GUEST_BUSY, "migration"},
    {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_POSTCOPY_FAILED, VB_GUEST_BUSY, "migration"},
    {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SAVE, VB_GUEST_BUSY, "save"},
    {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_DUMP, VB_GUEST_BUSY, "dump"},
    {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SNAPSHOT, VB_GUEST_BUSY, "snapshot"},
    {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP, VB_GUEST_BUSY, "start"},
    {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SHUTTING_DOWN, VB_GUEST_BUSY, "shutdown"},
    {VIR_DOMAIN_PAUSED, ANY_REASON, VB_GUEST_PAUSED, NULL},
    {VIR_DOMAIN_PMSUSPENDED, ANY_REASON, VB_GUEST_PAUSED, NULL},
    {VIR_DOMAIN_SHUTDOWN, ANY_REASON, VB_GUEST_BUSY, "shutdown"},
    {VIR_DOMAIN_CRASHED, ANY_REASON, VB_GUEST_BUSY, "crash"},
    {VIR_DOMAIN_SHUTOFF, ANY_REASON, VB_GUEST_OFF, NULL},
};

static const struct {
    int operation;
    const char *busy;
} jobs[] = {
    {VIR_DOMAIN_JOB_OPERATION_START, "start"},
    {VIR_DOMAIN_JOB_OPERATION_SAVE, "save"},
    {VIR_DOMAIN_JOB_OPERATION_RESTORE, "restore"},
    {VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN, "migration"},
    {VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT, "migration"},
    {VIR_DOMAIN_JOB_OPERATION_SNAPSHOT, "snapshot"},
    {VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT, "snapshot"},
    {VIR_DOMAIN_JOB_OPERATION_DUMP, "dump"},
    {VIR_DOMAIN_JOB_OPERATION_BACKUP, NULL},
    {VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_DELETE, NULL},
};

VbGuestState
vb_domain_state_read(int state, int reason, const char **ret_busy)
{
    *ret_busy = NULL;
    for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
        if (states[i].state != state ||
            (states[i].reason != ANY_REASON && states[i].reason != reason))
            continue;
        *ret_busy = states[i].busy;
        return states[i].ours;
    }
    return VB_GUEST_UNKNOWN;
}

const char *
vb_domain_state_job(int operation)
{
    for (guint i = 0; i < G_N_ELEMENTS(jobs); i++)
        if (jobs[i].operation == operation)
            return jobs[i].busy;
    return "job";
}
