/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/state.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmbalancer/error.h>

const char *
vb_state_default_dir(void)
{
    const char *dir = g_getenv("VMBALANCER_STATE_DIR");
    return dir != NULL && *dir != '\0' ? dir : "/var/lib/vmbalancer";
}

gboolean
vb_state_make_folder(const char *dir, GError **error)
{
    if (g_mkdir_with_parents(dir, 0700) == 0)
        return TRUE;
    vb_state_set_error(error, errno, dir, "the folder for undo records cannot be made");
    return FALSE;
}

void
vb_state_set_error(GError **error, int code, const char *path, const char *what)
{
    gboolean denied = code == EACCES || code == EPERM;
    const char *mend = denied ? "; run as root"
                       : code == EROFS || code == ENOSPC || code == EDQUOT
                           ? "; make room there, or name another folder in VMBALANCER_STATE_DIR"
                           : "";
    g_set_error(error, VB_ERROR, denied ? VB_ERROR_DENIED : VB_ERROR_FAILED, "%s: %s: %s%s", path,
                what, g_strerror(code), mend);
}

VbStateVisit
vb_state_enter(const char *dir)
{
    VbStateVisit visit = {0};
    struct stat status;
    if (geteuid() != 0 || stat(dir, &status) < 0 || status.st_uid == 0)
        return visit;
    visit.entered = TRUE;
    /* The group first: without root's rights that could not be changed any more. */
    visit.gid = (gid_t)setfsgid(status.st_gid);
    visit.uid = (uid_t)setfsuid(status.st_uid);
    return visit;
}

void
vb_state_leave(VbStateVisit *visit)
{
    if (!visit->entered)
        return;
    setfsuid(visit->uid);
    setfsgid(visit->gid);
    visit->entered = FALSE;
}
