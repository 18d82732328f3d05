/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/sigpipe.h"
#include <time.h>

static sigset_t
sigpipe_alone(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

VbSigpipe
vb_sigpipe_hold(void)
{
    sigset_t set = sigpipe_alone();
    VbSigpipe held;
    pthread_sigmask(SIG_BLOCK, &set, &held.before);
    return held;
}

void
vb_sigpipe_release(const VbSigpipe *held)
{
    sigset_t set = sigpipe_alone();
    /* One that came is ours, unless the thread held it before: take it, or release would deliver
     * it. */
    if (!sigismember(&held->before, SIGPIPE))
        while (sigtimedwait(&set, NULL, &(struct timespec){0}) == SIGPIPE)
            continue;
    pthread_sigmask(SIG_SETMASK, &held->before, NULL);
}
