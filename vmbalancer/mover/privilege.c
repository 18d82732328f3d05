/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/privilege.h"
#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/* Three system calls need no library; these are the only ones outside sys/, on the caller itself. */

static gboolean
fail(GError **error, const char *what)
{
    g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "cannot give up privileges: %s: %s", what,
                g_strerror(errno));
    return FALSE;
}

static gboolean
is_kept(int capability)
{
    return capability == CAP_SYS_PTRACE || capability == CAP_SYS_NICE;
}

gboolean
vb_privilege_drop(GError **error)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return fail(error, "no_new_privs");
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return fail(error, "ambient capabilities");
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, set) < 0)
        return fail(error, "capget");
    /* Only who has CAP_SETPCAP may, and needs to: a service manager has done it for others. */
    if (set[CAP_TO_INDEX(CAP_SETPCAP)].effective & CAP_TO_MASK(CAP_SETPCAP)) {
        for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
            if (!is_kept(i) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
                return fail(error, "capability bounding set");
    }
    const guint32 kept = CAP_TO_MASK(CAP_SYS_PTRACE) | CAP_TO_MASK(CAP_SYS_NICE);
    set[0].permitted &= kept;
    set[0].effective = set[0].permitted;
    set[1].permitted = set[1].effective = 0;
    set[0].inheritable = set[1].inheritable = 0;
    if (syscall(SYS_capset, &header, set) < 0)
        return fail(error, "capset");
    return TRUE;
}
